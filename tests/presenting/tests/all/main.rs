//! OpenID4VP: our verifier's service and our wallet, with each other and with those that others wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a surprise should stop the test")]

mod answers;
mod app_link;
mod apps;
mod browser;
mod foreign;
mod held;
mod modules;
mod overload;
mod place;
mod push;
mod receipts;
mod service;
mod telling;
mod w3c;
mod waiting;
mod wallet;
