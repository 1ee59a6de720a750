//! A presentation of which everything but the challenge and the responses is done before the context is known.

use core::fmt;

use rand_core::CryptoRng;

use super::ProofError;
use super::prover::FirstMove;
use super::statement::{Checked, Statement, Witness};

/// A presentation waiting for its context (ZKP-14). It answers one challenge and is gone: answering two with the same
/// blinding would reveal the messages, so [`Self::finish`] consumes it and it cannot be cloned or stored.
pub struct Precomputed {
    pub(super) first_move: FirstMove,
    /// What it was when it was checked.
    seal: [u8; 32],
}

impl Precomputed {
    /// Do all work for `statement` that needs no context, and refuse if `witness` does not satisfy it. Every point is
    /// recalculated here (ZKP-18), so that all of the proof but the responses is then known to be right.
    ///
    /// `moment` is what is known of when and what for: the context, or as much of it as there is. It goes into the
    /// blinding, so that a generator which is set back (a copied process, a restored machine) hides two answers to
    /// different questions differently.
    ///
    /// # Errors
    /// `TooManyMessages`, `IndexInvalid`, `PredicateVacuous`, `IdentityPoint`, `WitnessMismatch`, `RngFailure`;
    /// `ProofInvalid` when the machine made a mistake.
    pub fn new<R: CryptoRng + ?Sized>(
        statement: &Statement<'_>,
        witness: &Witness<'_>,
        moment: &[u8],
        rng: &mut R,
    ) -> Result<Self, ProofError> {
        let checked = Checked::new(statement)?;
        let first_move = FirstMove::new(&checked, witness, moment, rng)?;
        Ok(Self { seal: first_move.seal(), first_move })
    }

    /// Bind the presentation to `context` and encode it. Costs field arithmetic only; it is done twice, and compared with
    /// what was checked, so that a passing fault is noticed, and a bit that flipped while it waited.
    ///
    /// # Errors
    /// `ProofInvalid` for such a fault; `RngFailure` with negligible probability.
    pub fn finish(self, context: &[u8]) -> Result<Vec<u8>, ProofError> {
        let Self { first_move, seal } = self;
        let proof = first_move.answer(context)?.to_bytes();
        let again = core::hint::black_box(&first_move).answer(context)?.to_bytes();
        // ZKP-18
        if again == proof && core::hint::black_box(&first_move).seal() == seal {
            Ok(proof)
        } else {
            Err(ProofError::ProofInvalid)
        }
    }
}

impl fmt::Debug for Precomputed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Precomputed([redacted])")
    }
}
