//! The verifier's side: recompute the challenge, then confirm all signatures with one product of pairings.

use sha2::{Digest, Sha256};

use super::ProofError;
use super::proof::Proof;
use super::statement::{Checked, Statement};
use crate::crypto::bbs::{Randomized, Reader};
use crate::crypto::curve::{Chains, Equation, G1, G1Affine, Sum, equations_hold, failing_groups, in_parts};
use crate::crypto::domains;

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
    let claim = Claim::new(&presented, Reader::new(proof), Checked::new(statement)?)?;
    let commitments = claim.proof.commitments_vartime(&claim.checked);
    let equations = claim.equations(&commitments)?;
    let seed = seed(&[presented]);
    if equations_hold(&equations, &seed) {
        return Ok(());
    }
    Err(first_failure(&equations, &seed))
}

/// Verify many presentations with one final exponentiation, on all processors there are, and give each its own
/// verdict: the one [`verify`] would give.
pub fn verify_batch(items: &[Presented<'_>]) -> Vec<Result<(), ProofError>> {
    let checked = in_parts(items, TOGETHER, challenges_hold);
    let mut verdicts: Vec<Result<(), ProofError>> =
        checked.iter().map(|result| result.as_ref().map(|_| ()).map_err(|error| *error)).collect();
    let groups: Vec<_> = checked.into_iter().map(Result::unwrap_or_default).collect();
    let seed = seed(items);
    for index in failing_groups(&groups, &seed) {
        verdicts[index] = Err(first_failure(&groups[index], &seed));
    }
    verdicts
}

/// How many presentations are worked on side by side. More would save little and leave the processor's cache.
const TOGETHER: usize = 32;

/// [`Claim::equations`] for each, with decoding and sums side by side.
fn challenges_hold<'a>(items: &'a [Presented<'a>]) -> Vec<Result<Vec<Equation<'a>>, ProofError>> {
    let checked: Vec<_> = items.iter().map(|item| Checked::new(&item.statement)).collect();
    let parts = items.iter().zip(&checked);
    let encodings: Vec<_> = parts
        .map(|(item, checked)| {
            checked.as_ref().map_or_else(|_| Vec::new(), |checked| Proof::encodings(item.proof, checked))
        })
        .collect();
    let (chains, points) = Chains::decode(&encodings.concat());
    let mut first = 0;
    let claims: Vec<Result<(usize, Claim<'_>), ProofError>> = items
        .iter()
        .zip(checked)
        .zip(&encodings)
        .map(|((item, checked), encodings)| {
            let start = first;
            first += encodings.len();
            let reader = Reader::with_points(item.proof, &points[start..first]);
            Ok((start, Claim::new(item, reader, checked?)?))
        })
        .collect();
    let sums: Vec<_> = claims.iter().flatten().flat_map(|(start, claim)| claim.sums(*start)).collect();
    let mut commitments = chains.sums_vartime(&sums).into_iter();
    let answer = |claim: Result<(usize, Claim<'a>), ProofError>| {
        let (_, claim) = claim?;
        let sums = commitments.by_ref().take(claim.proof.sum_count()).collect();
        claim.equations(&claim.completed(sums))
    };
    claims.into_iter().map(answer).collect()
}

/// A decoded proof and its statement, found well formed.
struct Claim<'a> {
    checked: Checked<'a>,
    context: &'a [u8],
    proof: Proof,
}

impl<'a> Claim<'a> {
    fn new(item: &Presented<'a>, reader: Reader<'_>, checked: Checked<'a>) -> Result<Self, ProofError> {
        let proof = Proof::read(item.proof, reader, &checked)?;
        Ok(Self { checked, context: item.context, proof })
    }

    fn sums(&self, first: usize) -> Vec<Sum<'static>> {
        self.proof.sums(&self.checked, first)
    }

    /// The commitments, once [`Self::sums`] are calculated.
    fn completed(&self, mut sums: Vec<G1>) -> Vec<G1> {
        self.proof.complete_vartime(&self.checked, &mut sums);
        sums
    }

    /// All but the pairings: compare the challenge. Returns what the pairings must confirm.
    fn equations(&self, commitments: &[G1]) -> Result<Vec<Equation<'a>>, ProofError> {
        let Self { checked, context, proof } = self;
        proof.check_challenge(checked, context, commitments)?;
        let memberships = proof.memberships.iter().map(|membership| &membership.points);
        Ok(pairing_equations(checked, &proof.points, memberships))
    }
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
