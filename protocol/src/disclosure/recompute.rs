//! The commitments of a proof that was received, from its responses, and the challenge they give.

use super::ProofError;
use super::proof::Proof;
use super::statement::{Checked, Transcript};
use crate::crypto::bbs::commitment_sums;
use crate::crypto::curve::{G1, G1Affine, Scalar, Sum, multiply_sum_vartime};
use crate::crypto::membership::generator_table;

impl Proof {
    /// How many of the commitments [`Self::sums`] gives.
    pub(super) fn sum_count(&self) -> usize {
        2 + self.memberships.len()
    }

    /// T1, T2 and one for each membership, as sums over the proof's points in a list in which they stand at `first` and
    /// after. [`Self::complete_vartime`] adds what has no table.
    pub(super) fn sums(&self, checked: &Checked<'_>, first: usize) -> Vec<Sum<'static>> {
        let Self { responses, challenge, memberships, .. } = self;
        let Checked { statement, hidden, positions, domain, .. } = checked;
        let (suite, shown) = (statement.issuer.suite(), statement.shown);
        let bbs = commitment_sums(suite, *domain, shown, hidden, first, responses, *challenge);
        let parts = statement.memberships.iter().zip(positions).zip(memberships).enumerate();
        let memberships = parts.map(|(index, ((membership, position), part))| {
            // ZKP-12: the value's response is not sent, it follows from the message's.
            let value = membership.coefficient * responses.messages[*position] + membership.constant * *challenge;
            let a_prime = first + 3 + 2 * index;
            Sum {
                points: vec![(a_prime + 1, *challenge), (a_prime, value)],
                bases: if membership.is_signed() { vec![(generator_table(), part.response)] } else { Vec::new() },
            }
        });
        bbs.into_iter().chain(memberships).collect()
    }

    /// Adds to the sums of [`Self::sums`] what stands over the bases of public sets, and the pseudonym's commitment.
    pub(super) fn complete_vartime(&self, checked: &Checked<'_>, commitments: &mut Vec<G1>) {
        let memberships = checked.statement.memberships.iter().zip(&self.memberships);
        for (commitment, (membership, part)) in commitments.iter_mut().skip(2).zip(memberships) {
            if !membership.is_signed() {
                *commitment += multiply_sum_vartime(&[(membership.base, part.response)]);
            }
        }
        if let (Some(pseudonym), Some((base, position))) = (&checked.statement.pseudonym, &checked.scope) {
            let response = self.responses.messages[*position];
            let terms: [(G1Affine, Scalar); 2] = [(*base, response), (pseudonym.value, -self.challenge)];
            commitments.push(multiply_sum_vartime(&terms));
        }
    }

    /// All commitments of one proof, in variable time.
    pub(super) fn commitments_vartime(&self, checked: &Checked<'_>) -> Vec<G1> {
        let points = self.points();
        let mut commitments: Vec<_> = self.sums(checked, 0).iter().map(|sum| sum.over_vartime(&points)).collect();
        self.complete_vartime(checked, &mut commitments);
        commitments
    }

    /// ZKP-08: the challenge that these commitments give in `context` is the proof's.
    ///
    /// # Errors
    /// `ProofInvalid`.
    pub(super) fn check_challenge(
        &self,
        checked: &Checked<'_>,
        context: &[u8],
        commitments: &[G1],
    ) -> Result<(), ProofError> {
        let mut transcript = Transcript::of(checked);
        transcript.first_move(&self.points, &self.membership_points(), commitments);
        // ZKP-08
        if transcript.challenge(context) == self.challenge { Ok(()) } else { Err(ProofError::ProofInvalid) }
    }
}
