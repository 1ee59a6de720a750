//! Why a request is not answered, or an answer cannot be read.

use crate::credential::mdoc::MdocError;
use crate::crypto::jose::{JweError, JwsError};
use crate::crypto::x509::CertificateError;
use crate::exchange::OverAsk;
use crate::exchange::dcql::DcqlError;
use crate::json::JsonError;

/// Why a request is not answered, or an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VpError {
    /// A parameter is missing or of the wrong type.
    #[error("the request is not well formed ({0}); ask the verifier to correct it")]
    MalformedRequest(&'static str),
    /// A client identifier without a prefix, or with one that is not known here.
    #[error("the verifier identifies itself in a way that is not supported; do not answer")]
    UnsupportedClientId,
    /// The request is by another verifier than the link said, or its certificate is another's.
    #[error("the request is not by the verifier it names; do not answer")]
    ClientIdMismatch,
    /// The answer would go somewhere that is not the verifier's.
    #[error("the answer would go to an address that is not the verifier's; do not answer")]
    ResponseUriNotCovered,
    /// The key is not one of the verifier's (any more).
    #[error("the request is signed with a key that the verifier does not have; do not answer")]
    KeyNotTrusted,
    /// Not signed by the key that it names.
    #[error("the request is not authentic; do not answer")]
    RequestNotAuthenticated,
    /// `aud` is not a wallet's.
    #[error("the request is for someone else; ask the verifier for a new one")]
    AudienceMismatch,
    /// The nonce is too short, or has characters that do not travel.
    #[error("the request's nonce is too weak; ask the verifier to correct it")]
    NonceInvalid,
    /// The wallet's nonce was not repeated.
    #[error("the request is not the one that was asked for; scan the code again")]
    WalletNonceMismatch,
    /// Before `iat`, or at or after `exp`.
    #[error("the request has expired or is from the future; ask the verifier for a new one")]
    RequestExpired,
    /// Of a type that is not known, with a member that is not, or for a credential that was not asked for.
    #[error("the transaction of the request is not understood; do not agree to it")]
    InvalidTransactionData,
    /// The answer has to be encrypted and no key can be used.
    #[error("the request has no key to encrypt the answer to; ask the verifier to correct it")]
    EncryptionKeyMissing,
    /// The trust bundle does not know the verifier, or its registration was withdrawn.
    #[error("this verifier is not registered (any more); do not answer")]
    VerifierNotRegistered,
    /// More than the verifier registered.
    #[error("the verifier asks for more than it registered: {0}")]
    OverAsk(#[from] OverAsk),
    /// The answer's form.
    #[error("the answer is not well formed ({0}); present again")]
    MalformedPresentation(&'static str),
    /// The answer belongs to another request.
    #[error("this answers another request; present again")]
    StateMismatch,
    /// What is asked.
    #[error(transparent)]
    Query(#[from] DcqlError),
    /// The request's token.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The encrypted answer.
    #[error(transparent)]
    Jwe(#[from] JweError),
    /// The verifier's certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A request of ISO/IEC 18013-5, or its reader's signature.
    #[error(transparent)]
    Mdoc(#[from] MdocError),
    /// JSON with more than one meaning.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl VpError {
    /// The error code that a wallet answers with, or that a verifier's endpoint gives (sections 8.5 and 5.10).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidTransactionData => "invalid_transaction_data",
            Self::ClientIdMismatch | Self::KeyNotTrusted | Self::VerifierNotRegistered | Self::Certificate(_) => {
                "invalid_client"
            }
            Self::OverAsk(_) => "access_denied",
            _ => "invalid_request",
        }
    }
}
