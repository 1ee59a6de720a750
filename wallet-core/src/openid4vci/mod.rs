//! Getting credentials from issuers of others (OpenID4VCI 1.0, `specs/openid4vci.md`).
//!
//! No step sends anything: each gives the [`Request`] that the app sends, and takes the [`Answer`]. In order:
//! [`Invitation::read`] · [`Offered`] (asks the issuer who it is) · [`KnownIssuer`] · [`Sheet`] (asks the owner) · [`Receiving`] (token,
//! nonce, credentials) · [`Received`]. Where the owner logs in, a page comes between ([`Sheet::log_in`]): the app opens its address, and
//! hands back the one it was opened with. A [`Wallet`](crate::Wallet) keeps what is under way and what was received in its file. An issuer that no trusted root vouches for is refused before the owner is asked
//! for any code.

mod check;
mod discover;
mod encryption;
mod log_in;
mod provider;
mod receive;
mod wallet;

pub use check::{Received, Trusted, Vouching};
pub use discover::{Invitation, KnownIssuer, Meaning, Offered, OfferedCredential, Sheet, WayBack};
#[cfg(not(target_family = "wasm"))]
pub(crate) use log_in::query_pairs;
pub use provider::{SoftwareProvider, WalletProvider};
pub use receive::{Format, Keys, Progress, Receiving};

use protocol::exchange::openid4vci::OfferUriError;

/// What the app sends. It follows no redirect.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where.
    pub address: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for `GET`.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The header `DPoP-Nonce`, if there is one.
    pub dpop_nonce: Option<String>,
    /// The body, of at most [`ANSWER_MAX`] bytes.
    pub body: Vec<u8>,
}

/// Longest answer the app has to read, in bytes.
pub const ANSWER_MAX: usize = protocol::exchange::openid4vci::CREDENTIALS_MAX;

/// Requests and answers hold codes, tokens and credentials.
impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Request({} {} [redacted])", self.method, self.address)
    }
}

impl core::fmt::Debug for Answer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Answer({} [redacted])", self.status)
    }
}

impl Request {
    fn get(address: String, accept: &str) -> Self {
        Self { method: "GET", address, headers: vec![("accept", accept.to_owned())], body: Vec::new() }
    }
}

/// Why nothing is received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The link is no offer that is followed.
    #[error(transparent)]
    Offer(#[from] OfferUriError),
    /// The offer is for a way of getting credentials that this wallet does not go.
    #[error("this offer needs a way of getting credentials that the wallet does not know; ask for a code instead")]
    GrantUnsupported,
    /// The issuer's metadata are missing, unsigned, signed by another, or contradict themselves.
    #[error("the issuer does not say correctly who it is; do not enter any code")]
    MetadataInvalid,
    /// The issuer is not one that a trusted root vouches for.
    #[error("nobody vouches for this issuer; do not enter any code and tell the police")]
    IssuerUntrusted,
    /// An answer names another issuer than the offer.
    #[error("the answer is from another issuer than the offer; do not go on")]
    IssuerMismatch,
    /// The issuer wants messages encrypted in a way that this wallet does not know.
    #[error("the issuer wants messages encrypted in a way that this wallet does not know")]
    EncryptionUnsupported,
    /// The issuer takes only wallets and keys that a provider vouches for, and none does.
    #[error("this issuer takes only wallets that their provider vouches for; ask the provider of this one")]
    AttestationUnavailable,
    /// None of the offered credentials is of a format that this wallet holds.
    #[error("none of the offered credentials is of a kind that this wallet holds")]
    NothingUsable,
    /// A code is missing that the offer wants, or there is one that it does not want.
    #[error("enter the code that the issuer told you for this offer, and only that")]
    TxCodeUnfit,
    /// What the owner came back with belongs to no log-in that this wallet began.
    #[error("this does not belong to a log-in that this wallet began; begin again")]
    LogInUnknown,
    /// The owner has not come back from the issuer's page.
    #[error("log in at the issuer's page first")]
    LogInPending,
    /// The issuer refused.
    #[error("the issuer refused: {0}")]
    Refused(String),
    /// An answer cannot be read, or does not answer the request.
    #[error("the issuer's answer cannot be read; try again later")]
    AnswerMalformed,
    /// A credential is not what was asked for, not for this wallet's key, or not by a trusted issuer.
    #[error("the issuer sent a credential that does not stand up to a check; it was not stored")]
    CredentialInvalid,
    /// The phone's secure area did not sign.
    #[error("the phone's secure area failed; restart the phone")]
    KeyUnavailable,
}
