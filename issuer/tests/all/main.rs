//! The issuer from the outside: what it grants, what it refuses, and that it survives.

mod http;
mod issue;
mod kills;
mod ledger;
mod operate;
mod redaction;
mod withdraw;
mod world;
