//! Verifying proofs (draft, sections 3.5.4 and 3.7), one or many together. Variable time: nothing here is secret.

use sha2::{Digest, Sha256};

use super::encoding::Reader;
use super::proof::{Proof, Randomized, Responses, challenge, hidden_indexes};
use super::suite::{domain_base, first_base};
use super::{BbsError, PublicKey, Suite, domain, message_base};
use crate::crypto::curve::{Chains, Equation, G1, G1Affine, Scalar, Sum, equations_hold, failing_groups, in_parts};
use crate::crypto::domains;

/// A proof and what it claims: the input of [`verify_proof`].
#[derive(Clone, Copy, Debug)]
pub struct ProofCheck<'a> {
    /// The issuer's key.
    pub key: &'a PublicKey,
    /// The encoded proof.
    pub proof: &'a [u8],
    /// The header the messages were signed under.
    pub header: &'a [u8],
    /// What the holder bound the proof to.
    pub presentation_header: &'a [u8],
    /// The shown messages with their indices, ascending.
    pub shown: &'a [(usize, Scalar)],
}

/// `ProofVerifyInit`: the commitments T1 and T2 that the responses answer for, as sums over a list of points in which
/// Abar, Bbar and D stand at `first` and after.
pub(crate) fn commitment_sums(
    suite: Suite,
    domain: Scalar,
    shown: &[(usize, Scalar)],
    hidden: &[usize],
    first: usize,
    responses: &Responses,
    challenge: Scalar,
) -> [Sum<'static>; 2] {
    let (a_bar, b_bar, d) = (first, first + 1, first + 2);
    let t1 = vec![(b_bar, challenge), (a_bar, responses.e), (d, responses.r1)];
    let mut bases = vec![(first_base(suite), challenge), (domain_base(suite), domain * challenge)];
    bases.extend(shown.iter().map(|(index, message)| (message_base(suite, *index), *message * challenge)));
    let answers = hidden.iter().zip(&responses.messages);
    bases.extend(answers.map(|(index, response)| (message_base(suite, *index), *response)));
    [Sum { points: t1, bases: Vec::new() }, Sum { points: vec![(d, responses.r3)], bases }]
}

impl Randomized {
    /// The three points, still encoded, from the head of a proof that is long enough.
    pub(crate) fn encodings(proof: &[u8]) -> impl Iterator<Item = [u8; G1Affine::LENGTH]> {
        proof.as_chunks().0.iter().take(3).copied()
    }

    /// The points in the order that [`commitment_sums`] counts them.
    pub(crate) fn list(&self) -> [G1Affine; 3] {
        [self.a_bar, self.b_bar, self.d]
    }
}

/// A decoded proof and its claim, found well formed.
struct Claim<'a> {
    check: &'a ProofCheck<'a>,
    proof: Proof,
    domain: Scalar,
    hidden: Vec<usize>,
}

impl<'a> Claim<'a> {
    fn new(check: &'a ProofCheck<'a>, proof: Proof) -> Result<Self, BbsError> {
        let count = check.shown.len() + proof.hidden_count();
        let domain = domain(check.key, count, check.header)?;
        let hidden = hidden_indexes(count, check.shown.iter().map(|(index, _)| *index))?;
        Ok(Self { check, proof, domain, hidden })
    }

    fn sums(&self, first: usize) -> [Sum<'static>; 2] {
        let Proof { responses, challenge, .. } = &self.proof;
        let suite = self.check.key.suite();
        commitment_sums(suite, self.domain, self.check.shown, &self.hidden, first, responses, *challenge)
    }

    /// All but the pairing: compare the challenge, and say what the pairing must confirm.
    fn equation(&self, commitments: &[G1Affine; 2]) -> Result<Equation<'a>, BbsError> {
        let Self { check, proof: Proof { points, challenge: claimed, .. }, domain, .. } = self;
        let context = check.presentation_header;
        if challenge(check.key.suite(), check.shown, points, commitments, *domain, context) != *claimed {
            return Err(BbsError::ProofInvalid);
        }
        Ok(points.equation(check.key))
    }
}

/// `ProofVerify`.
///
/// # Errors
/// About the encoding: `ProofLength`, `InvalidPoint`, `IdentityPoint`, `ScalarOutOfRange`. Then `ProofInvalid`,
/// `IndexInvalid`, `TooManyMessages`.
pub fn verify_proof(check: &ProofCheck<'_>) -> Result<(), BbsError> {
    let claim = Claim::new(check, Proof::from_bytes(check.proof)?)?;
    let points = claim.proof.points.list();
    let commitments = claim.sums(0).map(|sum| sum.over_vartime(&points));
    let affine = G1::all_to_affine(&commitments);
    let equation = claim.equation(&[affine[0], affine[1]])?;
    if equations_hold(&[equation], &[0; 32]) { Ok(()) } else { Err(BbsError::ProofInvalid) }
}

/// How many proofs are worked on side by side. More would save little and leave the processor's cache.
const TOGETHER: usize = 64;

/// Verify many proofs with one final exponentiation, on all processors there are, and give each its own verdict: the
/// one [`verify_proof`] would give.
pub fn verify_proofs(checks: &[ProofCheck<'_>]) -> Vec<Result<(), BbsError>> {
    let mut seed = Sha256::new().chain_update(domains::BBS_BATCH);
    for check in checks {
        // The challenge is a hash of the rest of the statement.
        seed.update(check.key.as_bytes());
        seed.update((check.proof.len() as u64).to_be_bytes());
        seed.update(check.proof);
    }
    let results = in_parts(checks, TOGETHER, challenges_hold);
    let mut verdicts: Vec<_> =
        results.iter().map(|result| result.as_ref().map(|_| ()).map_err(|error| *error)).collect();
    let groups: Vec<_> = results.into_iter().map(|result| result.into_iter().collect()).collect();
    for index in failing_groups(&groups, &seed.finalize().into()) {
        verdicts[index] = Err(BbsError::ProofInvalid);
    }
    verdicts
}

/// [`Claim::equation`] for each, with decoding and sums side by side.
fn challenges_hold<'a>(checks: &'a [ProofCheck<'a>]) -> Vec<Result<Equation<'a>, BbsError>> {
    let encodings: Vec<_> = checks.iter().flat_map(|check| Randomized::encodings(check.proof)).collect();
    let (chains, points) = Chains::decode(&encodings);
    let mut first = 0;
    let claims: Vec<_> = checks
        .iter()
        .map(|check| {
            let start = first;
            first += Randomized::encodings(check.proof).count();
            let proof = Proof::read(check.proof, Reader::with_points(check.proof, &points[start..first]))?;
            Ok((start, Claim::new(check, proof)?))
        })
        .collect();
    let sums: Vec<_> = claims.iter().flatten().flat_map(|(start, claim)| claim.sums(*start)).collect();
    let commitments = G1::all_to_affine(&chains.sums_vartime(&sums));
    let mut commitments = commitments.as_chunks().0.iter();
    let answer = |claim: Result<(usize, Claim<'a>), BbsError>| {
        let (_, claim) = claim?;
        claim.equation(commitments.next().ok_or(BbsError::ProofInvalid)?)
    };
    claims.into_iter().map(answer).collect()
}
