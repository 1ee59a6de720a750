//! The holder's side: the first move, the answer, and what is checked before anything of it is seen.

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ProofError;
use super::proof::{MembershipProof, Proof};
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

impl FirstMove {
    /// Do all work that needs no context, and refuse if `witness` does not satisfy the statement. `moment`: see
    /// [`Precomputed::new`](super::Precomputed::new).
    ///
    /// # Errors
    /// `WitnessMismatch`, `RngFailure`.
    pub(super) fn new<R: CryptoRng + ?Sized>(
        checked: &Checked<'_>,
        witness: &Witness<'_>,
        moment: &[u8],
        rng: &mut R,
    ) -> Result<Self, ProofError> {
        check_messages(checked, witness)?;
        let made = Self::without_checks(checked, witness, moment, rng)?;
        let equations = pairing_equations(checked, &made.points, made.memberships.iter());
        // ZKP-14. An equation that is off by Δ is off by r·Δ here, with an r that nobody knew when the witness was made; so
        // nothing is gained by further factors. What is paired is what will be shown.
        if !blinded_equations_hold(&equations) {
            return Err(ProofError::WitnessMismatch);
        }
        Ok(made)
    }

    /// As [`Self::new`] for a witness already checked; tests use it to play the cheat.
    pub(super) fn without_checks<R: CryptoRng + ?Sized>(
        checked: &Checked<'_>,
        witness: &Witness<'_>,
        moment: &[u8],
        rng: &mut R,
    ) -> Result<Self, ProofError> {
        let mut transcript = Transcript::of(checked);
        let statement = &checked.statement;
        let (hidden_count, membership_count) = (checked.hidden.len(), statement.memberships.len());
        let count = Secrets::count(hidden_count) + 2 * membership_count;
        let blinding = blinding(domains::ZK_BLINDING, rng, count, |hash| {
            // ZKP-13
            hash_secrets(hash, witness.messages);
            hash.update(Zeroizing::new(witness.signature.to_bytes()));
            for signature in witness.value_signatures {
                hash.update(Zeroizing::new(signature.to_bytes()));
            }
            hash.update(transcript.digest());
            hash.update(moment);
        })?;
        let (for_signature, for_memberships) = blinding.split_at(Secrets::count(hidden_count));
        let secrets = Secrets::from_scalars(for_signature)?;
        let randomizers: Vec<_> =
            for_memberships.chunks_exact(2).map(|pair| Randomizer { r: pair[0], tilde: pair[1] }).collect();

        let suite = statement.issuer.suite();
        let Commitments { randomized: points, t1, t2 } =
            commit(suite, checked.domain, witness.signature, witness.messages, &checked.hidden, &secrets);
        let mut commitments = Vec::with_capacity(3 + membership_count);
        commitments.extend([t1, t2]);
        let mut membership_points = Vec::with_capacity(2 * membership_count);
        for (index, membership) in statement.memberships.iter().enumerate() {
            let (value_signature, randomizer) = (&witness.value_signatures[index], &randomizers[index]);
            let value = membership.coefficient * witness.messages[membership.message] + membership.constant;
            let value_tilde = membership.coefficient * secrets.messages[checked.positions[index]];
            let Randomizer { r, tilde } = randomizer;
            // A′ = V·r, so that Ā = B·r − A′·value and T = B·r̃ + A′·ṽ are sums of multiples of V and B.
            let [v] = Multiples::of([G1::from(value_signature.0)]);
            // A public set's base has no table.
            let base = (!membership.is_signed()).then(|| Multiples::of([G1::from(membership.base)]));
            let sum = |of_base: &Scalar, of_v: Scalar| match &base {
                None => generator_table().multiply(of_base) + secret_sum(&[(&v, of_v)]),
                Some([base]) => secret_sum(&[(base, *of_base), (&v, of_v)]),
            };
            membership_points.extend([secret_sum(&[(&v, *r)]), sum(r, -(*r * value))]);
            commitments.push(sum(tilde, *r * value_tilde));
        }
        if let Some((base, position)) = &checked.scope {
            commitments.push(base.multiply(&secrets.messages[*position]));
        }
        let memberships: Vec<_> =
            G1::all_to_affine(&membership_points).chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
        transcript.first_move(&points, &memberships, &commitments);
        let hidden = checked.hidden.iter().map(|index| witness.messages[*index]).collect();
        let secret = Box::new(Secret { secrets, e: witness.signature.exponent(), hidden, randomizers });
        Ok(Self { transcript, points, memberships, secret })
    }

    /// Answer `context` and check the answer as a verifier would, but for the pairings, which [`Self::new`] has confirmed
    /// for the same points. The check takes variable time, over nothing but what is returned.
    ///
    /// # Errors
    /// `ProofInvalid` for a fault of the machine since the witness was given; `RngFailure` with negligible probability.
    pub(super) fn show(self, checked: &Checked<'_>, context: &[u8]) -> Result<Vec<u8>, ProofError> {
        let proof = self.answer(context)?;
        let bytes = proof.to_bytes();
        // ZKP-18
        proof.check_challenge(checked, context, &proof.commitments_vartime(checked))?;
        if core::hint::black_box(&proof).to_bytes() == bytes { Ok(bytes) } else { Err(ProofError::ProofInvalid) }
    }

    /// Answer a challenge that nobody asked, and check the answer, in constant time. It is erased here, and bound to a
    /// context that no verifier accepts.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub(super) fn rehearse(&self, checked: &Checked<'_>) -> Result<(), ProofError> {
        let proof = self.answer(domains::ZK_REHEARSAL)?;
        // ZKP-18
        proof.check_challenge(checked, domains::ZK_REHEARSAL, &proof.commitments(checked))
    }

    /// The proof for one context. Of the answers of one blinding to two contexts, no more than one may ever be seen
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
