//! OpenID4VCI against software of others, over HTTP with the built program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod contract;
mod credo;
mod eudi;
mod foreign_issuer;
