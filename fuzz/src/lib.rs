//! Parsers of untrusted bytes, and what they must never do with any: panic, take long, take much memory.
//!
//! A [`targets::Target`] gives bytes to one group of parsers, as deep as they go without trust that bytes cannot bring along.
//! [`drive`] changes the files of a corpus at random, from a seed, and watches. The corpus is under `corpus/<target>/`,
//! written by `cargo run --release -p fuzz -- --write`; what was once found to be wrong stays in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

pub mod change;
pub mod drive;
pub mod scene;
pub mod seeds;
pub mod targets;
