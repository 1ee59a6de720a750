//! Why a DID does not resolve, as the binding says it.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Why there is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Not a DID of this method's one spelling.
    InvalidDid,
    /// A DID URL whose parts are not well formed.
    InvalidDidUrl,
    /// An option with a value that it cannot have.
    InvalidOptions,
    /// The ledger has no such DID, version, key or path.
    NotFound,
    /// No representation that the client accepts.
    RepresentationNotSupported,
    /// Another DID method.
    MethodNotSupported,
    /// An option that this resolver does not know.
    FeatureNotSupported,
    /// What the DID URL leads to is no verification method.
    InvalidVerificationMethod,
    /// The verification method does not stand in the wanted relationship.
    InvalidRelationship,
    /// A version from before this node's history begins.
    NotKept,
    /// The ledger's records contradict each other.
    InternalError,
}

/// A reason on its way to the client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) reason: Reason,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

impl Reason {
    /// DIDM-07: the status that the binding demands.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::InvalidDid | Self::InvalidDidUrl | Self::InvalidOptions => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::RepresentationNotSupported => StatusCode::NOT_ACCEPTABLE,
            Self::MethodNotSupported | Self::FeatureNotSupported => StatusCode::NOT_IMPLEMENTED,
            // "any other error URI"
            Self::InvalidVerificationMethod | Self::InvalidRelationship | Self::NotKept | Self::InternalError => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Problem details (RFC 9457).
    pub(super) fn problem(self) -> Value {
        let did = "https://www.w3.org/ns/did#";
        let (base, name, title) = match self {
            Self::InvalidDid => (did, "INVALID_DID", "This is not a did:mid identifier."),
            Self::InvalidDidUrl => (did, "INVALID_DID_URL", "This is not a well-formed DID URL."),
            Self::InvalidOptions => (did, "INVALID_OPTIONS", "An option does not have a possible value."),
            Self::NotFound => (did, "NOT_FOUND", "The ledger has nothing of that name."),
            Self::RepresentationNotSupported => {
                (did, "REPRESENTATION_NOT_SUPPORTED", "There is no representation that Accept allows.")
            }
            Self::MethodNotSupported => (did, "METHOD_NOT_SUPPORTED", "Only did:mid can be resolved here."),
            Self::FeatureNotSupported => (did, "FEATURE_NOT_SUPPORTED", "An option is not known to this resolver."),
            Self::InternalError => (did, "INTERNAL_ERROR", "The resolver met an error of its own."),
            Self::NotKept => {
                ("urn:mid:error:", "NOT_KEPT", "This node's history begins later; ask one that keeps everything.")
            }
            Self::InvalidVerificationMethod => (
                "https://w3id.org/security#",
                "INVALID_VERIFICATION_METHOD",
                "The DID URL does not lead to a verification method.",
            ),
            Self::InvalidRelationship => (
                "https://w3id.org/security#",
                "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
                "The verification method does not stand in the wanted relationship.",
            ),
        };
        json!({ "type": format!("{base}{name}"), "title": title, "status": self.status().as_u16() })
    }
}
