//! BBS signatures: one signature over many messages, any of which can later be kept hidden.
//!
//! The scheme of draft-irtf-cfrg-bbs-signatures (values unchanged since draft-06), both BLS12-381
//! ciphersuites, checked against every published vector in `protocol/tests/bbs_vectors.rs`.
//! [`blind`] adds issuance in which the issuer signs messages it does not see.
//! A proof that also shows ranges and set memberships is [`crate::disclosure`]'s.

pub mod blind;
mod blinding;
mod encoding;
pub mod hazmat;
mod keys;
mod proof;
mod signature;
mod suite;
mod verify;

pub use keys::{PublicKey, SecretKey};
pub use proof::{Proof, prove};
pub use signature::{Signature, sign, verify};
pub use suite::{MAX_MESSAGES, Suite};
pub use verify::{ProofCheck, verify_proof, verify_proofs};

pub(crate) use blinding::{blinding, hash_secrets};
pub(crate) use encoding::Reader;
pub(crate) use proof::{Commitments, Randomized, Responses, Secrets, commit, hidden_indexes, respond};
pub(crate) use suite::{domain, message_base};
pub(crate) use verify::commitment_sums;

use super::curve::CurveError;

/// Why a key, signature or proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BbsError {
    /// The key material is shorter than 32 bytes or all zero.
    #[error("the key material is weak; use at least 32 random bytes")]
    WeakKeyMaterial,
    /// The key information is longer than 65,535 bytes.
    #[error("the key information is too long; use at most 65,535 bytes")]
    KeyInfoTooLong,
    /// A public key that is not a point of G2 other than the identity.
    #[error("the public key is not valid; fetch the issuer's key again")]
    InvalidPublicKey,
    /// A point that is the identity.
    #[error("a point is the identity; refuse the sender")]
    IdentityPoint,
    /// A point that is not on the curve or not in the subgroup.
    #[error("a point is not valid; refuse the sender")]
    InvalidPoint,
    /// A scalar that is zero or not below the group order.
    #[error("a scalar is out of range; refuse the sender")]
    ScalarOutOfRange,
    /// A signature that is not 80 bytes.
    #[error("the signature has the wrong length; ask for it again")]
    SignatureLength,
    /// The signature is not over these messages by this key.
    #[error("the signature does not match; ask the issuer again")]
    SignatureInvalid,
    /// More messages than [`MAX_MESSAGES`].
    #[error("there are too many messages; sign fewer")]
    TooManyMessages,
    /// An index that is out of range, repeated or out of order.
    #[error("a message index is not valid; list each index once, in order")]
    IndexInvalid,
    /// A proof of a length no number of hidden messages gives.
    #[error("the proof has the wrong length; ask for it again")]
    ProofLength,
    /// The proof does not hold for this key, header, context and these messages.
    #[error("the proof does not hold; ask for a new presentation")]
    ProofInvalid,
    /// A commitment of a length that does not match its hidden messages.
    #[error("the commitment has the wrong length; start issuance again")]
    CommitmentLength,
    /// The holder did not prove that it knows what it committed to, for this issuance.
    #[error("the commitment is not proven; start issuance again")]
    CommitmentInvalid,
    /// The random number generator repeated itself or returned zeros.
    #[error("the random number generator failed; restart the device")]
    RngFailure,
}

impl From<CurveError> for BbsError {
    fn from(error: CurveError) -> Self {
        match error {
            CurveError::ScalarOutOfRange => Self::ScalarOutOfRange,
            CurveError::InvalidPoint | CurveError::PointNotInSubgroup => Self::InvalidPoint,
            CurveError::IdentityPoint => Self::IdentityPoint,
        }
    }
}

#[cfg(test)]
mod blind_oracle;
#[cfg(test)]
pub(crate) mod tests;
