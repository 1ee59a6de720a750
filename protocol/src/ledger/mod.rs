//! What the ledger claims and how to check it offline.

pub mod anchor;
pub mod attachment;
pub mod bundle;
pub mod certificate;
pub mod header;
pub mod key;
pub mod proof;
pub mod record;
pub mod state;
pub mod transaction;
pub mod tree;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
