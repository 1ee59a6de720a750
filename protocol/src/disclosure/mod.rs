//! Show part of a credential and prove the rest: the ZK presentation (`specs/zk-presentation.md`).
//!
//! One proof says: I hold a signature of this issuer; these messages are shown; these public linear
//! functions of hidden messages are members of these signed sets; this pseudonym is made with that
//! hidden message. All parts answer one challenge, and what a part says about a message is answered by the
//! message's own response, so parts of different proofs do not fit together.
//!
//! [`prove`] and [`verify`] are the whole story; [`Precomputed`] does nearly all of the holder's work
//! before the verifier is known, and [`verify_batch`] shares the pairings of many presentations.

mod precomputed;
mod proof;
mod prover;
mod recalculation;
mod recompute;
mod statement;
mod verify;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod tests;

use rand_core::CryptoRng;

pub use precomputed::Precomputed;
pub(crate) use proof::length;
pub use proof::proof_length;
pub use statement::{Membership, Pseudonym, Statement, Witness, pseudonym};
pub use verify::{Presented, verify, verify_batch};

use crate::crypto::bbs::BbsError;
use crate::crypto::curve::CurveError;

/// Why a ZK presentation was not made or not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The statement has more messages than a credential may.
    #[error("the statement has too many messages; ask for a credential of a known type")]
    TooManyMessages,
    /// A shown index is out of range, repeated or out of order, or a predicate speaks of a shown or
    /// missing message.
    #[error("a message index is not valid; list shown messages in order and predicates on hidden ones")]
    IndexInvalid,
    /// A predicate multiplies its message by zero, and so says nothing about it.
    #[error("a predicate does not depend on its message; use a coefficient other than zero")]
    PredicateVacuous,
    /// The proof does not have the length the statement gives it.
    #[error("the proof has the wrong length; ask for a new presentation")]
    ProofLength,
    /// A point that is not on the curve or not in the subgroup.
    #[error("a point of the proof is not valid; ask for a new presentation")]
    InvalidPoint,
    /// A point that is the identity.
    #[error("a point of the proof is the identity; ask for a new presentation")]
    IdentityPoint,
    /// A scalar that is zero or not below the group order.
    #[error("a scalar of the proof is out of range; ask for a new presentation")]
    ScalarOutOfRange,
    /// The proof does not hold: other issuer, statement or context, or no signature behind it.
    #[error("the proof does not hold; ask for a new presentation")]
    ProofInvalid,
    /// Everything holds but one predicate: its set has not admitted the hidden value.
    #[error("predicate {index} does not hold; the requirement is not met")]
    PredicateInvalid {
        /// Position in the statement's list of memberships.
        index: usize,
    },
    /// The holder's own data does not satisfy the statement, so nothing was shown.
    #[error("the credential does not meet this request; choose another or renew it")]
    WitnessMismatch,
    /// The random number generator repeated itself or returned zeros.
    #[error("the random number generator failed; restart the device")]
    RngFailure,
}

impl From<CurveError> for ProofError {
    fn from(error: CurveError) -> Self {
        match error {
            CurveError::ScalarOutOfRange => Self::ScalarOutOfRange,
            CurveError::InvalidPoint | CurveError::PointNotInSubgroup => Self::InvalidPoint,
            CurveError::IdentityPoint => Self::IdentityPoint,
        }
    }
}

impl From<BbsError> for ProofError {
    fn from(error: BbsError) -> Self {
        match error {
            BbsError::TooManyMessages => Self::TooManyMessages,
            BbsError::IndexInvalid => Self::IndexInvalid,
            BbsError::InvalidPoint => Self::InvalidPoint,
            BbsError::IdentityPoint => Self::IdentityPoint,
            BbsError::ScalarOutOfRange => Self::ScalarOutOfRange,
            BbsError::RngFailure => Self::RngFailure,
            _ => Self::ProofInvalid,
        }
    }
}

/// Prove `statement` with `witness`, bound to `context` (verifier, nonce or time slot, purpose: whatever
/// must not be swapped).
///
/// # Errors
/// `TooManyMessages`, `IndexInvalid`, `PredicateVacuous`, `IdentityPoint`, `WitnessMismatch`, `RngFailure`;
/// `ProofInvalid` when the machine made a mistake.
pub fn prove<R: CryptoRng + ?Sized>(
    statement: &Statement<'_>,
    witness: &Witness<'_>,
    context: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, ProofError> {
    Precomputed::new(statement, witness, context, rng)?.finish(context)
}
