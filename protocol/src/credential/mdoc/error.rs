//! Why a mobile document is refused.

use crate::cbor::strict::StrictError;
use crate::credential::status::token::TokenStatusError;
use crate::crypto::cose::CoseError;
use crate::crypto::keys::SignatureError;
use crate::crypto::x509::CertificateError;

/// Why a mobile document, a request or a session is refused, or not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MdocError {
    /// The bytes.
    #[error(transparent)]
    Encoding(#[from] StrictError),
    /// The structure is not that of the standard.
    #[error("the document does not have the form of its standard; ask its sender")]
    MalformedDocument,
    /// A version other than 1.0.
    #[error("this version of the standard is not supported; ask for 1.0")]
    UnsupportedVersion,
    /// A digest algorithm other than SHA-256, SHA-384 and SHA-512.
    #[error("the digest algorithm is not supported; ask for SHA-256")]
    UnsupportedAlgorithm,
    /// Another doctype than asked for, or the issuer signed another.
    #[error("this is another type of document; present the one that was asked for")]
    TypeMismatch,
    /// An element is not what the issuer signed.
    #[error("an element is not what the issuer signed; do not trust the document")]
    DigestMismatch,
    /// Two elements refer to one digest.
    #[error("two elements share one digest; do not trust the document")]
    DuplicateDigest,
    /// An element's digest is not among those the issuer signed.
    #[error("an element does not belong to this document; do not trust it")]
    DisclosureUnreferenced,
    /// One element is there twice.
    #[error("an element is there twice; do not trust either")]
    DuplicateClaim,
    /// The issuer's dates contradict each other.
    #[error("the document's dates contradict each other; ask the issuer for a new one")]
    MalformedValidity,
    /// Before `validFrom`.
    #[error("the document is not valid yet; try again later")]
    CredentialNotYetValid,
    /// After `validUntil`.
    #[error("the document has expired; ask the issuer for a new one")]
    CredentialExpired,
    /// `signed` is in the future.
    #[error("the document was signed in the future; check the clocks")]
    IssuedInFuture,
    /// There is no proof by the device.
    #[error("the device's proof is missing; present the document again")]
    HolderBindingMissing,
    /// The device's proof is not by the document's key over this session.
    #[error("the device's proof does not fit this document and session; present the document again")]
    HolderBindingInvalid,
    /// The device signed elements of its own, which the issuer did not allow.
    #[error("the device added elements of its own; do not trust them")]
    DeviceSignedElements,
    /// The document that was asked for is not in the response, or more than one is.
    #[error("the response does not hold the one document that was asked for; ask again")]
    DocumentMissing,
    /// The holder has no such element.
    #[error("the document has no such element; correct the request")]
    UnknownClaim,
    /// A date is not of the form that the standard allows.
    #[error("a date is not well formed; write it as 2026-11-21T00:00:00Z")]
    MalformedDate,
    /// A request has no reader authentication.
    #[error("the reader did not say who it is; ask it to sign its request")]
    ReaderAuthMissing,
    /// The reader's signature is not over this request and session.
    #[error("the reader's signature does not fit; do not answer")]
    ReaderAuthInvalid,
    /// A session message was not encrypted by the other side, was changed, or is out of order.
    #[error("a message of the session cannot be decrypted; start again")]
    DecryptionFailed,
    /// The other side ended the session, with its reason.
    #[error("the other side ended the session (status {0}); start again")]
    SessionEnded(u64),
    /// The connection broke.
    #[error("the connection broke; start again")]
    Disconnected,
    /// A key.
    #[error(transparent)]
    Key(#[from] SignatureError),
    /// The certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A signature, a MAC or a key.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// The reference to a status list.
    #[error(transparent)]
    Status(#[from] TokenStatusError),
}
