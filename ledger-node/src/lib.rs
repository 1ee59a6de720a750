//! Agree on the record and prove it.
//!
//! A node keeps the ledger of `specs/ledger-records.md`, alone or with other validators, and hands out
//! proofs, trust bundles and DID documents over HTTP. It holds no personal data: see
//! [`protocol::ledger::record`].
//!
//! ```no_run
//! # fn demo(governance: protocol::ledger::Governance, rng: &mut dyn rand_core::CryptoRng) -> Result<(), Box<dyn std::error::Error>> {
//! use ledger_node::{Node, NodeConfig, genesis};
//!
//! let folder = std::path::Path::new("data/ledger");
//! let anchor = genesis::init(governance, genesis::places(folder, &["127.0.0.1:0".parse()?]), 1_700_000_000_000, rng)?;
//! let node = Node::start(&NodeConfig::new(folder))?;
//! let router = node.router(); // mount it, or serve it with `ledger_node::serve`
//! node.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`rules`] says who may write what; [`state`] keeps the tree; [`store`] the files; [`api`] the HTTP.

pub mod api;
pub mod audit;
pub mod backup;
mod clock;
mod cosigner;
mod explorer;
pub mod genesis;
mod history;
mod lists;
mod machine;
mod node;
pub mod rules;
mod server;
mod snapshot;
mod standing;
pub mod state;
pub mod store;
pub mod sync;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

pub use api::Limits;
pub use explorer::escape;
pub use genesis::GenesisError;
pub use history::Version;
pub use node::{ListError, Node, NodeConfig, NodeError};
pub use rules::TxError;
pub use server::{serve, serve_router};
pub use standing::{Freshness, Standing, Validator};
pub use store::StoreError;
