//! Withdrawn or not: lists of status values (`specs/status.md`).
//!
//! [`StatusList`] is what this network's issuers keep and anchor on the ledger. Others read it, and we read theirs, in
//! two signed forms whose bits run in opposite directions: [`token`] (Token Status List, least significant first) and
//! [`bitstring`] (Bitstring Status List, most significant first).

mod address;
pub mod bitstring;
pub mod inflate;
mod list;
pub mod token;

pub use address::ListAddress;
pub use list::{Status, StatusList, StatusListError};
