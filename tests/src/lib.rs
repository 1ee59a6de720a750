//! A small world in which all roles meet, and the cases of bad input made from it.
//!
//! [`world::World`] is the same in every run: a ledger, organisations, issuers and holders, all from
//! fixed seeds at a fixed time. [`cases`] are the files under `tests/negative`: one fault each, beside
//! the valid twin it was made from. [`wire`] and [`forger`] make what the product's own types refuse to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

pub mod cases;
pub mod changes;
pub mod contract;
pub mod coverage;
pub mod forger;
pub mod ledger_mutations;
pub mod node;
pub mod python;
pub mod vectors;
pub mod wire;
pub mod world;

/// A generator that `name` determines, so that whatever is made with it is the same in every run.
#[must_use]
pub fn rng(name: &str) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed(seed(name))
}

/// 32 bytes that `name` determines.
#[must_use]
pub fn seed(name: &str) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::new().chain_update(b"tests/").chain_update(name).finalize().into()
}
