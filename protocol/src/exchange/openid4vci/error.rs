//! Error codes as the standards name them.

use serde::{Deserialize, Serialize};

/// An error code of OAuth 2.0, DPoP or OpenID4VCI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// RFC 6749, section 5.2: a parameter is missing, repeated or not well formed.
    InvalidRequest,
    /// RFC 6749, section 5.2.
    InvalidClient,
    /// RFC 6749, section 5.2: the code or token is wrong, expired, used, or another's.
    InvalidGrant,
    /// RFC 6749, section 5.2.
    UnsupportedGrantType,
    /// RFC 9449, section 5.
    InvalidDpopProof,
    /// RFC 9449, section 8: repeat with the nonce of the header `DPoP-Nonce`.
    UseDpopNonce,
    /// RFC 6750, section 3.1.
    InvalidToken,
    /// RFC 6750, section 3.1: the token is not for this credential.
    InsufficientScope,
    /// OpenID4VCI, section 8.3.1.2.
    InvalidCredentialRequest,
    /// OpenID4VCI, section 8.3.1.2.
    UnknownCredentialConfiguration,
    /// OpenID4VCI, section 8.3.1.2.
    UnknownCredentialIdentifier,
    /// OpenID4VCI, section 8.3.1.2: a key proof is missing or wrong.
    InvalidProof,
    /// OpenID4VCI, section 8.3.1.2: fetch a new nonce.
    InvalidNonce,
    /// OpenID4VCI, section 8.3.1.2.
    InvalidEncryptionParameters,
    /// OpenID4VCI, section 8.3.1.2: do not try again.
    CredentialRequestDenied,
    /// OpenID4VCI, section 9.3.
    InvalidTransactionId,
    /// OpenID4VCI, section 11.3.
    InvalidNotificationId,
    /// OpenID4VCI, section 11.3.
    InvalidNotificationRequest,
    /// RFC 6749, section 4.1.2.1, with status 503: try again later.
    TemporarilyUnavailable,
    /// RFC 9101, section 6.1; RFC 9126: unknown, expired, used, or another client's.
    InvalidRequestUri,
    /// RFC 6749, section 4.1.2.1.
    InvalidScope,
    /// RFC 6749, section 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749, section 4.1.2.1: the person did not log in.
    AccessDenied,
}

impl ErrorCode {
    /// The code as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidCredentialRequest => "invalid_credential_request",
            Self::UnknownCredentialConfiguration => "unknown_credential_configuration",
            Self::UnknownCredentialIdentifier => "unknown_credential_identifier",
            Self::InvalidProof => "invalid_proof",
            Self::InvalidNonce => "invalid_nonce",
            Self::InvalidEncryptionParameters => "invalid_encryption_parameters",
            Self::CredentialRequestDenied => "credential_request_denied",
            Self::InvalidTransactionId => "invalid_transaction_id",
            Self::InvalidNotificationId => "invalid_notification_id",
            Self::InvalidNotificationRequest => "invalid_notification_request",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
        }
    }
}

/// The body of an error answer. A code that nobody here knows is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The code.
    pub error: String,
}
