//! The issuer from the outside: what it grants, what it refuses, and that it survives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod attested;
mod card;
mod console;
mod database;
mod deferred;
mod encrypted;
mod held;
mod http;
mod issue;
mod kills;
mod ledger;
mod measure;
mod modules;
mod openid;
mod operate;
mod presented;
mod promises;
mod redaction;
mod suspend;
mod twins;
mod withdraw;
mod world;
