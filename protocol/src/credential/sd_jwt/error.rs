//! Why an SD-JWT is refused.

use crate::crypto::jose::{JwkError, JwsError};
use crate::crypto::keys::{SignatureError, SignerError};
use crate::crypto::x509::CertificateError;
use crate::json::JsonError;

/// Why an SD-JWT is refused, or not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdJwtError {
    /// Too many bytes, disclosures, or too long a name.
    #[error("the credential is larger than allowed; ask its holder for a smaller one")]
    TooLarge,
    /// Not the compact form.
    #[error("the credential is not in compact form; ask for JWS~disclosure~…~")]
    UnsupportedFormat,
    /// A disclosure is not base64url of an array of two or three with a text salt, or of three without a text name.
    #[error("a disclosure is not well formed; do not trust the credential")]
    MalformedDisclosure,
    /// `_sd` is not a list of texts, or `...` stands where no array element does.
    #[error("the credential's digests are not well formed; ask the issuer for a new one")]
    MalformedDigests,
    /// A digest occurs twice, or a disclosure is sent twice.
    #[error("a digest occurs twice; do not trust the credential")]
    DuplicateDigest,
    /// A disclosure's digest is nowhere in the credential, or not where such a disclosure may stand.
    #[error("a disclosure does not belong to this credential; do not trust it")]
    DisclosureUnreferenced,
    /// A disclosed claim is named `_sd`, `_sd_alg` or `...`.
    #[error("a disclosure uses a reserved name; do not trust the credential")]
    ReservedClaimName,
    /// A disclosed claim is also there in clear, or disclosed twice.
    #[error("a claim is there twice; do not trust either")]
    DuplicateClaim,
    /// A hash algorithm other than `sha-256`, or one named below the top.
    #[error("the hash algorithm is not supported; ask for sha-256")]
    UnsupportedAlgorithm,
    /// Disclosures within disclosures beyond the limit.
    #[error("the credential is nested too deeply; ask the issuer for a flatter one")]
    TooDeep,
    /// A claim that decides about validity is hidden or was disclosed.
    #[error("a claim that must be visible is selectively disclosable; ask the issuer for a new credential")]
    ClaimMustNotBeSelective,
    /// A claim that must be there is not, or of the wrong type.
    #[error("a required claim is missing; ask the issuer for a new credential")]
    MissingField,
    /// Another `vct` than asked for.
    #[error("this is another type of credential; present the one that was asked for")]
    TypeMismatch,
    /// Type metadata do not hash to what the credential says.
    #[error("the type metadata are not those of the credential; fetch them again")]
    IntegrityMismatch,
    /// Type metadata are not well formed.
    #[error("the type metadata are not well formed; ask their publisher")]
    MalformedMetadata,
    /// A claim is disclosable or not against the type's rule, or a mandatory claim is missing.
    #[error("the credential does not follow the rules of its type; ask the issuer for a new one")]
    MetadataRuleBroken,
    /// Before `nbf`.
    #[error("the credential is not valid yet; try again later")]
    CredentialNotYetValid,
    /// At or after `exp`.
    #[error("the credential has expired; ask the issuer for a new one")]
    CredentialExpired,
    /// `iat` is in the future.
    #[error("this was issued in the future; check the clocks")]
    IssuedInFuture,
    /// The holder's proof is missing.
    #[error("the holder's proof is missing; present the credential again")]
    HolderBindingMissing,
    /// The holder's proof is there where none may be.
    #[error("a credential that is issued carries no holder's proof; ask the issuer for a new one")]
    UnexpectedHolderBinding,
    /// The holder's proof is not signed by the key that the credential names.
    #[error("the holder's proof is not by the credential's holder; do not trust it")]
    HolderBindingInvalid,
    /// The holder's proof is older than the verifier accepts.
    #[error("the holder's proof is too old; present the credential again")]
    HolderBindingExpired,
    /// The holder's proof is for another verifier.
    #[error("this was presented to someone else; present the credential again")]
    AudienceMismatch,
    /// The holder's proof has another nonce.
    #[error("this answers another request; present the credential again")]
    NonceMismatch,
    /// The holder's proof covers other disclosures (`sd_hash`).
    #[error("the holder's proof covers something else; present the credential again")]
    TransactionMismatch,
    /// A path does not lead to a claim.
    #[error("there is no such claim; correct the path")]
    UnknownClaim,
    /// The issuer's certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The holder's key.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// The signed part.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A disclosure or payload.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl From<SignatureError> for SdJwtError {
    fn from(error: SignatureError) -> Self {
        Self::Jws(error.into())
    }
}

impl From<SignerError> for SdJwtError {
    fn from(error: SignerError) -> Self {
        Self::Jws(error.into())
    }
}
