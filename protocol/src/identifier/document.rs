//! The W3C form of a DID record (DID 1.1, Controlled Identifiers 1.0).

use serde::{Deserialize, Serialize};

use super::Did;

/// One public key of a DID document, in Multikey form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationMethod {
    /// `<did>#<fragment>`.
    pub id: String,
    /// Always `Multikey`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The DID that may use the key.
    pub controller: Did,
    /// The key, multibase base58btc (`z…`).
    #[serde(rename = "publicKeyMultibase")]
    pub public_key_multibase: String,
}

/// A DID document as resolvers hand it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DidDocument {
    /// JSON-LD contexts.
    #[serde(rename = "@context")]
    pub context: Vec<String>,
    /// The DID asked for.
    pub id: Did,
    /// All keys.
    #[serde(rename = "verificationMethod")]
    pub verification_method: Vec<VerificationMethod>,
    /// Keys that may log the subject in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authentication: Vec<String>,
    /// Keys that may sign claims.
    #[serde(rename = "assertionMethod", default, skip_serializing_if = "Vec::is_empty")]
    pub assertion_method: Vec<String>,
    /// Keys that may change the document.
    #[serde(rename = "capabilityInvocation", default, skip_serializing_if = "Vec::is_empty")]
    pub capability_invocation: Vec<String>,
}
