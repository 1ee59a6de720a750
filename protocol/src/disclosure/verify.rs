//! The verifier's side: recompute the challenge, then confirm all signatures with one product of pairings.

use sha2::{Digest, Sha256};

use super::ProofError;
use super::proof::Proof;
use super::statement::{Checked, Statement, Transcript};
use crate::crypto::bbs::{Randomized, recompute};
use crate::crypto::curve::{
    Equation, G1, G1Affine, Scalar, equations_hold, failing_groups, multiply_sum_vartime, sum_vartime,
};
use crate::crypto::domains;
use crate::crypto::membership::generator_table;

/// A statement with the proof a holder sent for it and the context the verifier expects.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// What must hold.
    pub statement: Statement<'a>,
    /// What the proof must be bound to.
    pub context: &'a [u8],
    /// The proof.
    pub proof: &'a [u8],
}

/// Verify one presentation.
///
/// # Errors
/// About the statement: `TooManyMessages`, `IndexInvalid`, `PredicateVacuous`. About the proof: `ProofLength`,
/// `InvalidPoint`, `IdentityPoint`, `ScalarOutOfRange`, `ProofInvalid`, `PredicateInvalid`.
pub fn verify(statement: &Statement<'_>, context: &[u8], proof: &[u8]) -> Result<(), ProofError> {
    let presented = Presented { statement: *statement, context, proof };
    let equations = presented.challenge_holds()?;
    let seed = seed(&[presented]);
    if equations_hold(&equations, &seed) {
        return Ok(());
    }
    Err(first_failure(&equations, &seed))
}

/// Verify many presentations with one final exponentiation, and give each its own verdict: the one
/// [`verify`] would give.
pub fn verify_batch(items: &[Presented<'_>]) -> Vec<Result<(), ProofError>> {
    let checked: Vec<_> = items.iter().map(Presented::challenge_holds).collect();
    let mut verdicts: Vec<Result<(), ProofError>> =
        checked.iter().map(|result| result.as_ref().map(|_| ()).map_err(|error| *error)).collect();
    let groups: Vec<_> = checked.into_iter().map(Result::unwrap_or_default).collect();
    let seed = seed(items);
    for index in failing_groups(&groups, &seed) {
        verdicts[index] = Err(first_failure(&groups[index], &seed));
    }
    verdicts
}

impl<'a> Presented<'a> {
    /// All but the pairings: decode, recompute every commitment from its response, compare the challenge. Returns
    /// what the pairings must confirm.
    fn challenge_holds(&self) -> Result<Vec<Equation<'a>>, ProofError> {
        let checked = Checked::new(&self.statement)?;
        let proof = Proof::from_bytes(self.proof, &checked)?;
        let mut transcript = Transcript::of(&checked);
        transcript.first_move(&proof.points, &proof.membership_points(), &commitments(&checked, &proof));
        // ZKP-08
        if transcript.challenge(self.context) != proof.challenge {
            return Err(ProofError::ProofInvalid);
        }
        let memberships = proof.memberships.iter().map(|membership| &membership.points);
        Ok(pairing_equations(&checked, &proof.points, memberships))
    }
}

/// T1, T2, one for each membership, and the pseudonym's, from the responses.
fn commitments(checked: &Checked<'_>, proof: &Proof) -> Vec<G1> {
    let Proof { points, responses, challenge, memberships } = proof;
    let statement = &checked.statement;
    let (suite, shown) = (statement.issuer.suite(), statement.shown);
    let bbs = recompute(suite, checked.domain, shown, &checked.hidden, points, responses, *challenge);
    let mut commitments = bbs.to_vec();
    for ((membership, position), part) in statement.memberships.iter().zip(&checked.positions).zip(memberships) {
        // ZKP-12: the value's response is not sent, it follows from the message's.
        let value = membership.coefficient * responses.messages[*position] + membership.constant * *challenge;
        let [a_prime, a_bar] = part.points;
        commitments.push(
            multiply_sum_vartime(&[(a_bar, *challenge), (a_prime, value)])
                + sum_vartime(&[(generator_table(), part.response)]),
        );
    }
    if let (Some(pseudonym), Some((base, position))) = (&statement.pseudonym, &checked.scope) {
        let terms: [(G1Affine, Scalar); 2] = [(*base, responses.messages[*position]), (pseudonym.value, -*challenge)];
        commitments.push(multiply_sum_vartime(&terms));
    }
    commitments
}

/// ZKP-09 and ZKP-10: Bbar = secret key · Abar, and Ā = y·A′ for each membership.
pub(super) fn pairing_equations<'a, 'p>(
    checked: &Checked<'a>,
    points: &Randomized,
    memberships: impl Iterator<Item = &'p [G1Affine; 2]>,
) -> Vec<Equation<'a>> {
    let sets = checked.statement.memberships.iter().zip(memberships);
    let memberships = sets.map(|(membership, [a_prime, a_bar])| Equation {
        left: *a_prime,
        key: membership.set.prepared(),
        right: *a_bar,
    });
    core::iter::once(points.equation(checked.statement.issuer)).chain(memberships).collect()
}

/// Which of several equations, known not to hold together, fails first.
fn first_failure(equations: &[Equation<'_>], seed: &[u8; 32]) -> ProofError {
    let holds = |equation: &Equation<'_>| equations_hold(core::slice::from_ref(equation), seed);
    match equations.iter().position(|equation| !holds(equation)) {
        Some(index) if index > 0 => ProofError::PredicateInvalid { index: index - 1 },
        _ => ProofError::ProofInvalid,
    }
}

/// ZKP-11: a hash of everything the holders chose. Each proof holds its challenge, which is a hash of its statement.
fn seed(items: &[Presented<'_>]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(domains::ZK_FOLD);
    for item in items {
        hash.update((item.proof.len() as u64).to_be_bytes());
        hash.update(item.proof);
    }
    hash.finalize().into()
}
