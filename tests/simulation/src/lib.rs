//! Whole networks of validators in one process, with no real time, no real disk and no real network.
//!
//! Each validator is the product's own: the consensus wiring of `ledger-engine` and the rules and records of
//! `ledger-node`. A seed decides everything else: who is Byzantine and how, what each link loses, delays, repeats and
//! reorders, who is cut off from whom, who crashes when, and what a power cut leaves of what was not synced
//! ([`plan`]). The same seed is the same run, to the byte.
//!
//! ```no_run
//! let network = std::sync::Arc::new(simulation::Network::new(4));
//! let run = simulation::run(&network, &simulation::Plan::of(4, 17));
//! assert!(run.violations.is_empty(), "{run:#?}");
//! ```
//!
//! After every run ([`check`]): no two honest validators have different blocks at one height; every transaction in a
//! block was made by a client, once, in its sender's order; every certificate is good; once the faults are over
//! everybody goes on; and the state recomputed from the genesis is the stored one.
//!
//! To see that such a check can fail, a plan may carry a [`plan::Planted`] bug. The bug is in the simulated world, not
//! in the product.

// Code of tests: a surprise ends the run with its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

mod byzantine;
pub mod campaign;
pub mod check;
mod client;
mod links;
pub mod plan;
mod record;
mod world;

pub use check::Run;
pub use plan::Plan;
pub use world::{Network, run};
