//! What presentations give away, to everybody together: promises P1–P6, P15 and P17, and the collusion game.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

mod attacks;
mod bayes;
mod collusion;
mod crowd;
mod dossier;
#[path = "../../protocol/tests/freed/mod.rs"]
mod freed;
mod leaks;
mod memory;
mod promises;
mod recognised;

/// Looks at what is freed, where a test asks it to.
#[global_allocator]
static HEAP: freed::Searching = freed::Searching;
