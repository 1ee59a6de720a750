//! What wallet and issuer say to each other about tokens and credentials.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An access token (section 6.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// `DPoP` for a token that is bound to a key, otherwise `Bearer`.
    pub token_type: String,
    /// Its life in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Gets the next token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// Where a pushed authorisation request is kept (RFC 9126, section 2.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedResponse {
    /// Its name.
    pub request_uri: String,
    /// Its life in seconds.
    pub expires_in: u64,
}

/// A nonce for key proofs (section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceResponse {
    /// The nonce.
    pub c_nonce: String,
}

/// Proofs of the keys that credentials are bound to (section 8.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Proofs {
    /// One token for each key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jwt: Vec<String>,
    /// One key attestation, which names the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestation: Vec<String>,
    /// One presentation for each key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub di_vp: Vec<Value>,
}

/// Asks for one credential, or for copies of it with one key each (section 8.2).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CredentialRequest {
    /// Name of a configuration of the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_configuration_id: Option<String>,
    /// Name that the token's answer gave to a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_identifier: Option<String>,
    /// The keys' proofs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proofs: Option<Proofs>,
    /// How the answer is to be encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_response_encryption: Option<Value>,
}

/// One credential: text, bytes in base64url, or the object that a W3C credential is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCredential {
    /// The credential.
    pub credential: Value,
}

/// Credentials, one for each key of the request and in that order, or where they will be (section 8.3).
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CredentialResponse {
    /// The credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<IssuedCredential>,
    /// Names the credentials while they are not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// Seconds until it is worth asking again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
    /// Names this answer in notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_id: Option<String>,
}

/// Asks for credentials that were not ready (section 9.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferredRequest {
    /// What the credential endpoint named them.
    pub transaction_id: String,
    /// How the answer is to be encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_response_encryption: Option<Value>,
}

/// What became of the credentials of one answer (section 11.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRequest {
    /// Which answer.
    pub notification_id: String,
    /// What happened.
    pub event: NotificationEvent,
    /// For the issuer's developers; not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_description: Option<String>,
}

/// What happened to a credential in the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationEvent {
    /// It was stored.
    CredentialAccepted,
    /// The wallet could not use it.
    CredentialFailure,
    /// Its owner deleted it.
    CredentialDeleted,
}

impl NotificationEvent {
    /// The name as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialAccepted => "credential_accepted",
            Self::CredentialFailure => "credential_failure",
            Self::CredentialDeleted => "credential_deleted",
        }
    }
}

macro_rules! redacted {
    ($($name:ident)*) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}

redacted!(TokenResponse PushedResponse IssuedCredential CredentialResponse DeferredRequest);
