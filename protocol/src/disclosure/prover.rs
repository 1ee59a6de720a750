//! The holder's side: the first move, what is checked before anything of it is seen, and the answer.

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ProofError;
use super::proof::{MembershipProof, Proof};
use super::recalculation::Recalculation;
use super::statement::{Checked, Statement, Transcript, Witness};
use super::verify::pairing_equations;
use crate::crypto::bbs::{Commitments, Randomized, Secrets, blinding, commit, hash_secrets, respond};
use crate::crypto::curve::{G1, G1Affine, Multiples, Scalar, blinded_equations_hold, secret_sum};
use crate::crypto::domains;
use crate::crypto::membership::generator_table;

/// Everything before the challenge, and what answers it. Two answers that are seen reveal the witness.
pub(super) struct FirstMove {
    pub(super) transcript: Transcript,
    pub(super) points: Randomized,
    pub(super) memberships: Vec<[G1Affine; 2]>,
    /// In a box, so that moving it leaves no copy behind.
    pub(super) secret: Box<Secret>,
}

#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret {
    pub(super) secrets: Secrets,
    pub(super) e: Scalar,
    /// Hidden messages, in order.
    pub(super) hidden: Vec<Scalar>,
    pub(super) randomizers: Vec<Randomizer>,
}

/// What hides one value signature: A′ = V·r.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Randomizer {
    pub(super) r: Scalar,
    pub(super) tilde: Scalar,
}

/// What the first move was calculated from and to, for the check that follows.
pub(super) struct Workings {
    /// A and B.
    pub(super) signature: [Multiples; 2],
    /// What the hidden messages add to B.
    pub(super) hidden_part: G1,
    /// For each membership V, and the base of a public set.
    pub(super) memberships: Vec<(Multiples, Option<Multiples>)>,
    /// H(scope).
    pub(super) scope: Option<Multiples>,
    /// T1, T2, one for each membership, and the pseudonym's.
    pub(super) commitments: Vec<G1>,
    /// What nobody could foresee.
    pub(super) seed: Zeroizing<[u8; 32]>,
}

impl FirstMove {
    /// Do all work that needs no context, and refuse if `witness` does not satisfy the statement. `moment`: see
    /// [`Precomputed::new`](super::Precomputed::new).
    ///
    /// # Errors
    /// `WitnessMismatch`, `RngFailure`; `ProofInvalid` when the machine made a mistake.
    pub(super) fn new<R: CryptoRng + ?Sized>(
        checked: &Checked<'_>,
        witness: &Witness<'_>,
        moment: &[u8],
        rng: &mut R,
    ) -> Result<Self, ProofError> {
        check_messages(checked, witness)?;
        let (made, workings) = Self::without_checks(checked, witness, moment, rng)?;
        let equations = pairing_equations(checked, &made.points, made.memberships.iter());
        // ZKP-14. An equation that is off by Δ is off by r·Δ here, with an r that nobody knew when the witness was made; so
        // nothing is gained by further factors.
        if !blinded_equations_hold(&equations) {
            return Err(ProofError::WitnessMismatch);
        }
        made.check(checked, &workings)?;
        Ok(made)
    }

    /// As [`Self::new`] for a witness already checked; tests use it to play the cheat.
    pub(super) fn without_checks<R: CryptoRng + ?Sized>(
        checked: &Checked<'_>,
        witness: &Witness<'_>,
        moment: &[u8],
        rng: &mut R,
    ) -> Result<(Self, Workings), ProofError> {
        let mut transcript = Transcript::of(checked);
        let statement = &checked.statement;
        let (hidden_count, membership_count) = (checked.hidden.len(), statement.memberships.len());
        let count = Secrets::count(hidden_count) + 2 * membership_count;
        let blinding = blinding(domains::ZK_BLINDING, rng, count + 1, |hash| {
            // ZKP-13
            hash_secrets(hash, witness.messages);
            hash.update(Zeroizing::new(witness.signature.to_bytes()));
            for signature in witness.value_signatures {
                hash.update(Zeroizing::new(signature.to_bytes()));
            }
            hash.update(transcript.digest());
            hash.update(moment);
        })?;
        let (for_signature, rest) = blinding.split_at(Secrets::count(hidden_count));
        let (for_memberships, for_the_check) = rest.split_at(2 * membership_count);
        let seed = Zeroizing::new(for_the_check[0].to_be_bytes());
        let secrets = Secrets::from_scalars(for_signature)?;
        let randomizers: Vec<_> =
            for_memberships.chunks_exact(2).map(|pair| Randomizer { r: pair[0], tilde: pair[1] }).collect();

        let suite = statement.issuer.suite();
        let Commitments { randomized: points, t1, t2, multiples, hidden_part } =
            commit(suite, checked.domain, witness.signature, witness.messages, &checked.hidden, &secrets);
        let mut commitments = Vec::with_capacity(3 + membership_count);
        commitments.extend([t1, t2]);
        let mut membership_points = Vec::with_capacity(2 * membership_count);
        let mut bases = Vec::with_capacity(membership_count);
        let values: Vec<_> = witness.value_signatures.iter().map(|signature| G1::from(signature.0)).collect();
        let values = Multiples::of_each(&Zeroizing::new(values));
        for (index, (membership, v)) in statement.memberships.iter().zip(values).enumerate() {
            let randomizer = &randomizers[index];
            let value = membership.coefficient * witness.messages[membership.message] + membership.constant;
            let value_tilde = membership.coefficient * secrets.messages[checked.positions[index]];
            let Randomizer { r, tilde } = randomizer;
            // A′ = V·r, so that Ā = B·r − A′·value and T = B·r̃ + A′·ṽ are sums of multiples of V and B.
            // A public set's base has no table.
            let base = (!membership.is_signed()).then(|| {
                let [base] = Multiples::of([G1::from(membership.base)]);
                base
            });
            let sum = |of_base: &Scalar, of_v: Scalar| match &base {
                None => generator_table().multiply(of_base) + secret_sum([(&v, of_v)]),
                Some(base) => secret_sum([(base, *of_base), (&v, of_v)]),
            };
            membership_points.extend([secret_sum([(&v, *r)]), sum(r, -(*r * value))]);
            commitments.push(sum(tilde, *r * value_tilde));
            bases.push((v, base));
        }
        let scope = checked.scope.as_ref().map(|(base, position)| {
            let [base] = Multiples::of([G1::from(*base)]);
            commitments.push(secret_sum([(&base, secrets.messages[*position])]));
            base
        });
        let memberships: Vec<_> =
            G1::all_to_affine(&membership_points).chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
        transcript.first_move(&points, &memberships, &commitments);
        let hidden = checked.hidden.iter().map(|index| witness.messages[*index]).collect();
        let secret = Box::new(Secret { secrets, e: witness.signature.exponent(), hidden, randomizers });
        let workings = Workings { signature: multiples, hidden_part, memberships: bases, scope, commitments, seed };
        Ok((Self { transcript, points, memberships, secret }, workings))
    }

    /// Whether every point was calculated rightly, and all of them were hashed: recalculated in constant time, as one
    /// random combination. Nothing was answered yet, so there is nothing that could tell of a fault.
    ///
    /// # Errors
    /// `ProofInvalid` for a fault of the machine.
    pub(super) fn check(&self, checked: &Checked<'_>, workings: &Workings) -> Result<(), ProofError> {
        let mut again = Transcript::of(checked);
        again.first_move(&self.points, &self.memberships, &workings.commitments);
        // ZKP-18
        if again.digest() == self.transcript.digest() && Recalculation::of(self, checked, workings).holds() {
            Ok(())
        } else {
            Err(ProofError::ProofInvalid)
        }
    }

    /// The proof for one context. Of the answers of one blinding to two contexts, no more than one may ever be made
    /// (ZKP-14).
    pub(super) fn answer(&self, context: &[u8]) -> Result<Proof, ProofError> {
        let challenge = self.transcript.clone().challenge(context);
        let secret = &self.secret;
        let responses = respond(&secret.secrets, secret.e, &secret.hidden, challenge)?;
        let memberships = self.memberships.iter().zip(&secret.randomizers).map(|(points, randomizer)| {
            let response = randomizer.tilde - randomizer.r * challenge;
            MembershipProof { points: *points, response }
        });
        Ok(Proof { points: self.points.clone(), responses, challenge, memberships: memberships.collect() })
    }

    /// A hash of all there is, by which a change is noticed.
    pub(super) fn seal(&self) -> [u8; 32] {
        let Self { transcript, points, memberships, secret } = self;
        let Secret { secrets, e, hidden, randomizers } = &**secret;
        let mut hash = Sha256::new_with_prefix(transcript.digest());
        for point in points.list().iter().chain(memberships.iter().flatten()) {
            hash.update(point.to_compressed());
        }
        hash_secrets(&mut hash, &[secrets.r1, secrets.r2, secrets.e, secrets.r1_tilde, secrets.r3_tilde, *e]);
        hash_secrets(&mut hash, &secrets.messages);
        hash_secrets(&mut hash, hidden);
        randomizers.iter().for_each(|Randomizer { r, tilde }| hash_secrets(&mut hash, &[*r, *tilde]));
        hash.finalize().into()
    }
}

/// The part of the witness check that needs no pairing.
fn check_messages(checked: &Checked<'_>, witness: &Witness<'_>) -> Result<(), ProofError> {
    let Statement { message_count, shown, memberships, pseudonym, .. } = &checked.statement;
    let counts = witness.messages.len() == *message_count && witness.value_signatures.len() == memberships.len();
    if !counts || shown.iter().any(|(index, message)| witness.messages[*index] != *message) {
        return Err(ProofError::WitnessMismatch);
    }
    if let (Some(pseudonym), Some((base, _))) = (pseudonym, &checked.scope) {
        let secret = &witness.messages[pseudonym.message];
        if base.multiply(secret) != G1::from(pseudonym.value) {
            return Err(ProofError::WitnessMismatch);
        }
    }
    Ok(())
}
