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
mod leaks;
mod promises;
mod recognised;
