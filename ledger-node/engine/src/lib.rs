//! Consensus wiring: agree on blocks, keep them, hand out certificates.
//!
//! One validator or many run the same binary. The node supplies a deterministic [`StateMachine`]; the
//! engine orders transactions into blocks, makes them final (commonware simplex, threshold BLS), keeps them
//! for ever, and hands each to the state machine with its certificate. Nothing of the consensus library
//! shows: this crate is compiled once and the rest of the node only against this page.
//!
//! ```no_run
//! # fn demo(machine: impl ledger_engine::StateMachine) -> Result<(), Box<dyn std::error::Error>> {
//! use ledger_engine::{Config, Engine};
//!
//! let validator = Engine::start(Config::new("data/ledger"), machine)?;
//! let id = validator.submit(b"a transaction".to_vec())?;
//! println!("{} waits; the tip is {}", hex::encode(id), validator.latest().height);
//! validator.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! **What is durable when.** A transaction is final when the block it stands in reaches
//! [`StateMachine::commit`]. A `kill -9` at any moment loses no block that was committed, and commits after
//! the restart every block a quorum had made final.
//!
//! **What must stay together.** A validator's folder is one thing: keys, genesis and `consensus`, its record of
//! what it voted for. Without that record it could contradict itself, so it does not vote without it; never run
//! a copy of a folder beside the original.
//!
//! **How validators come and go.** Founders make the group key together ([`found`]). When
//! [`StateMachine::validators`] names others, those in office hand the key on at the end of an epoch, and it stays the
//! same. A node without a share follows: every block, no vote ([`join`], [`admit`]).
//!
//! **Which heights can be proven.** A block usually has its own certificate. It has none when it became final
//! through a descendant; the descendant's certificate then covers it through the parent digests.
//!
//! **Empty blocks.** None while there is nothing to record, except one per heartbeat.
//!
//! **Who was away when the network fell silent.** A certificate is told once. A validator that missed the last one
//! (cut off, or restarted at that moment) learns of the block with the next one: after a heartbeat at the latest.

mod application;
mod block;
mod ceremony;
mod chain;
mod committer;
mod consensus;
mod convene;
mod engine;
mod epoch;
mod error;
mod founding;
mod gossip;
mod handover;
mod keeper;
mod kept;
mod machine;
mod mempool;
mod restored;
mod sealed;
mod secrets;
mod setup;
#[cfg(feature = "testkit")]
pub mod testkit;
mod validator;

pub use engine::{Config, Engine, Handle, Tip, found};
pub use error::{EngineError, SubmitError};
pub use founding::{FOUNDING_FILE, Founding, PUBLIC_FILE, Part, admit, join, new_identity};
pub use machine::{BlockTime, Built, EngineRecords, FinalizedBlock, Recovered, Roster, StateMachine};
pub use mempool::{MAX_BLOCK_BYTES, MAX_BLOCK_TRANSACTIONS, MAX_TRANSACTION_BYTES, TransactionId, transaction_id};
pub use restored::{appointed_at, begin_at, is_settled, share_file, split_body};
pub use setup::{Genesis, MAX_VALIDATORS, NewNetwork, ValidatorPlace, init, init_with_epochs};
