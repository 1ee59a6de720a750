//! OpenID for Verifiable Presentations 1.0: requests and answers in the formats of others (`specs/openid4vp.md`).
//!
//! In flow order: a verifier fills a [`RequestObject`] and signs it; a wallet authenticates it against the ledger
//! ([`authenticate()`]) and answers with a [`VpToken`] in a [`form`], encrypted where the verifier asked for it. What is asked
//! stays within the verifier's registration ([`check_registration`]), by the names that the ledger has for claims
//! ([`Vocabulary`]).

mod authenticate;
mod client_id;
pub mod dc_api;
mod error;
pub mod form;
mod registration;
mod request;
mod response;
mod transaction;

pub use authenticate::{AuthenticRequestObject, Expected, authenticate};
pub use client_id::ClientId;
pub(crate) use client_id::host;
pub use error::VpError;
pub use registration::{Names, TypeContext, Vocabulary, check_registration};
pub use request::{AUDIENCE, ClientMetadata, REQUEST_KIND, RequestObject, ResponseMode, Signing};
pub use response::{ErrorResponse, Response, VpToken};
pub use transaction::{TRANSACTION_TEXT, TransactionData};

#[cfg(test)]
mod tests;
