//! Decentralised identifiers of issuers, verifiers and validators.
//!
//! `did:mid` lives on the ledger; other methods are read where foreign software names keys by them.
//! Holders have none on the ledger: a person never appears on the ledger (`specs/did-mid.md`).

mod controller;
mod did;
mod did_jwk;
mod did_key;
mod did_web;
mod document;

pub use controller::{ControllerDocument, ControllerError, Controllers, Purpose};
pub use did::{Did, DidError};
pub use did_jwk::{DidJwk, DidJwks};
pub use did_key::{DidKey, DidKeys};
pub use did_web::DidWeb;
pub use document::{DidDocument, VerificationMethod};
