//! What the ledger claims and how to check it offline.

pub mod certificate;
pub mod header;
pub mod anchor;
pub mod key;
pub mod record;
pub mod transaction;
