//! Decentralised identifiers of issuers, verifiers and validators.
//!
//! Holders have none: a person never appears on the ledger (`specs/did-mid.md`).

mod did;
mod document;

pub use did::{Did, DidError};
pub use document::{DidDocument, VerificationMethod};
