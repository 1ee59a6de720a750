//! The verifier's service where instances share a database: the same tests as in memory, and what only several instances can show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a surprise should stop the test")]

#[path = "../all/apps.rs"]
mod apps;
#[path = "../all/browser.rs"]
mod browser;
mod instances;
mod place;
#[path = "../all/service.rs"]
mod service;
#[path = "../all/telling.rs"]
mod telling;
