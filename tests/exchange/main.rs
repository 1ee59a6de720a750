//! How presentations, requests and verifiers behave: sizes, unlinkability, replay, mutation, refusals to act.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

mod batch;
mod bound;
mod explain;
mod mutations;
mod offline_week;
mod portrait;
mod prepared;
mod pseudonyms;
mod refusals;
mod replay;
mod sizes;
mod stapled;
mod statements;
mod unlinkable;
mod verdicts;
