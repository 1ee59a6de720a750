//! OpenID for Verifiable Credential Issuance 1.0, as much of it as issuer and wallet of ours speak
//! (`specs/openid4vci.md`).
//!
//! In the order of a wallet's way: [`Offer`] · [`IssuerMetadata`] and [`ServerMetadata`] · [`TokenResponse`] ·
//! [`NonceResponse`] · [`CredentialRequest`] with a [`key_proof`] or [`di_vp`] for each key · [`CredentialResponse`] ·
//! [`NotificationRequest`]. Every request after the offer is bound to a key of the wallet by [`dpop`]. A wallet's provider may vouch
//! for it and its keys ([`attestation`]); requests and answers may be encrypted ([`encryption`]).
//!
//! What others sent is read strictly (no member twice, no deep nesting) and with a size limit; members that nobody
//! here knows are ignored, as the standard wants.

pub mod attestation;
pub mod di_vp;
pub mod dpop;
pub mod encryption;
mod error;
pub mod key_proof;
mod messages;
mod metadata;
mod offer;

pub use error::{ErrorBody, ErrorCode};
pub use messages::{
    CredentialRequest, CredentialResponse, DeferredRequest, IssuedCredential, NonceResponse, NotificationEvent,
    NotificationRequest, Proofs, PushedResponse, TokenResponse,
};
pub use metadata::{
    BatchIssuance, ClaimDescription, CredentialConfiguration, CredentialDefinition, CredentialMetadata, Display,
    IssuerMetadata, METADATA_KIND, ProofType, ServerMetadata, well_known,
};
pub use offer::{Authorization, Grants, Offer, OfferUri, OfferUriError, PreAuthorized, TxCode, form};

use serde::de::DeserializeOwned;

use crate::json::{self, JsonError};

/// Grant type of the pre-authorised code (section 6.1).
pub const PRE_AUTHORIZED: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";
/// Grant type of the authorisation code (RFC 6749, section 4.1.3).
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// Grant type of refresh tokens (RFC 6749, section 6).
pub const REFRESH: &str = "refresh_token";
/// Format identifier of SD-JWT VC (appendix A.3).
pub const SD_JWT: &str = "dc+sd-jwt";
/// Format identifier of mobile documents (appendix A.2).
pub const MDOC: &str = "mso_mdoc";
/// Format identifier of W3C credentials with Data Integrity proofs (appendix A.1.2).
pub const LDP_VC: &str = "ldp_vc";
/// Largest message of this protocol that is read, in bytes.
pub const MESSAGE_MAX: usize = 64 * 1_024;
/// Largest answer with credentials, in bytes: a batch of documents with portraits.
pub const CREDENTIALS_MAX: usize = 8 * 1_024 * 1_024;

/// Reads a message of at most `max` bytes.
///
/// # Errors
/// [`JsonError`]; [`JsonError::MalformedJson`] also for JSON that is another message.
pub fn read<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, JsonError> {
    serde_json::from_value(json::read(bytes, max)?).map_err(|_| JsonError::MalformedJson)
}

#[cfg(test)]
mod tests;
