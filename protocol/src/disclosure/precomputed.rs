//! The holder's side. Everything but the challenge and the responses is done before the context is known.

use core::fmt;

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ProofError;
use super::proof::{MembershipProof, Proof};
use super::statement::{Checked, Statement, Transcript, Witness};
use super::verify::{pairing_equations, verify};
use crate::crypto::bbs::{self, Commitments, Randomized, Secrets, commit, respond};
use crate::crypto::curve::{Expander, G1, G1Affine, Multiples, Scalar, blinded_equations_hold, secret_sum};
use crate::crypto::domains;
use crate::crypto::membership::{ValueSignature, generator_table};

/// A presentation waiting for its context (ZKP-14). It answers one challenge and is gone: answering two with the same
/// blinding would reveal the messages, so [`Self::finish`] consumes it and it cannot be cloned or stored.
pub struct Precomputed {
    transcript: Transcript,
    points: Randomized,
    memberships: Vec<[G1Affine; 2]>,
    secret: Secret,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Secret {
    secrets: Secrets,
    e: Scalar,
    /// Hidden messages, in order.
    hidden: Vec<Scalar>,
    randomizers: Vec<Randomizer>,
}

/// What hides one value signature: A′ = V·r.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Randomizer {
    r: Scalar,
    tilde: Scalar,
}

impl Precomputed {
    /// Do all work for `statement` that needs no context, and refuse if `witness` does not satisfy it.
    ///
    /// `moment` is what is known of when and what for: the context, or as much of it as there is. It goes into the
    /// blinding, so that a generator which is set back (a copied process, a restored machine) hides two answers to
    /// different questions differently.
    ///
    /// # Errors
    /// `TooManyMessages`, `IndexInvalid`, `PredicateVacuous`, `IdentityPoint`, `WitnessMismatch`, `RngFailure`.
    pub fn new<R: CryptoRng + ?Sized>(
        statement: &Statement<'_>,
        witness: &Witness<'_>,
        moment: &[u8],
        rng: &mut R,
    ) -> Result<Self, ProofError> {
        let checked = Checked::new(statement)?;
        check_messages(&checked, witness)?;
        let precomputed = Self::without_checks(&checked, witness, moment, rng)?;
        let memberships = precomputed.memberships.iter();
        let equations = pairing_equations(&checked, &precomputed.points, memberships);
        // ZKP-14. An equation that is off by Δ is off by r·Δ here, with an r that nobody knew when the witness was made; so
        // nothing is gained by further factors.
        if !blinded_equations_hold(&equations) {
            return Err(ProofError::WitnessMismatch);
        }
        Ok(precomputed)
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
        let blinding = blinding(&transcript, witness, moment, rng, count)?;
        let (for_signature, for_memberships) = blinding.split_at(Secrets::count(hidden_count));
        let secrets = Secrets::from_scalars(for_signature)?;
        let randomizers: Vec<_> =
            for_memberships.chunks_exact(2).map(|pair| Randomizer { r: pair[0], tilde: pair[1] }).collect();

        let suite = statement.issuer.suite();
        let Commitments { randomized: points, t1, t2 } =
            commit(suite, checked.domain, witness.signature, witness.messages, &checked.hidden, &secrets);
        let mut commitments = vec![t1, t2];
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
        let secret = Secret { secrets, e: witness.signature.exponent(), hidden, randomizers };
        Ok(Self { transcript, points, memberships, secret })
    }

    /// Answer a challenge that nobody asked, and check the answer as a verifier would: whoever keeps a presentation for
    /// later does so while there is time, because all of it but the responses is then known to be right. The answer never
    /// leaves this function, and is bound to a context that no verifier accepts.
    ///
    /// # Errors
    /// What [`verify`] gives, when something went wrong since the witness was checked.
    pub fn rehearse(&self, statement: &Statement<'_>) -> Result<(), ProofError> {
        let proof = self.answer(domains::ZK_REHEARSAL)?;
        verify(statement, domains::ZK_REHEARSAL, &proof)
    }

    /// Bind the presentation to `context` and encode it. Costs field arithmetic only; it is done twice, so that a
    /// passing fault is noticed.
    ///
    /// # Errors
    /// `ProofInvalid` for such a fault; `RngFailure` with negligible probability.
    pub fn finish(self, context: &[u8]) -> Result<Vec<u8>, ProofError> {
        let mut proof = self.answer(context)?;
        if core::hint::black_box(&self).answer(context)? != proof {
            return Err(ProofError::ProofInvalid);
        }
        Ok(core::mem::take(&mut *proof))
    }

    /// The proof for one context. Only [`Self::rehearse`] and [`Self::finish`] may ask: of the answers of one blinding
    /// to two contexts, no more than one may ever be seen (ZKP-14).
    fn answer(&self, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, ProofError> {
        let challenge = self.transcript.clone().challenge(context);
        let secret = &self.secret;
        let responses = respond(&secret.secrets, secret.e, &secret.hidden, challenge)?;
        let memberships = self
            .memberships
            .iter()
            .zip(&secret.randomizers)
            .map(|(points, randomizer)| MembershipProof {
                points: *points,
                response: randomizer.tilde - randomizer.r * challenge,
            })
            .collect();
        Ok(Zeroizing::new(Proof { points: self.points.clone(), responses, challenge, memberships }.to_bytes()))
    }
}

impl fmt::Debug for Precomputed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Precomputed([redacted])")
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

/// ZKP-13: blinding that is unpredictable if the generator *or* the witness is: a hash of both, of the statement, of the
/// moment and of a counter. A generator that repeats itself is refused all the same.
fn blinding<R: CryptoRng + ?Sized>(
    transcript: &Transcript,
    witness: &Witness<'_>,
    moment: &[u8],
    rng: &mut R,
    count: usize,
) -> Result<Zeroizing<Vec<Scalar>>, ProofError> {
    let fresh = bbs::fresh_scalars(rng, 2)?;
    let mut hash = Sha256::new();
    for scalar in fresh.iter().chain(witness.messages) {
        hash.update(Zeroizing::new(scalar.to_be_bytes()));
    }
    hash.update(Zeroizing::new(witness.signature.to_bytes()));
    for signature in witness.value_signatures.iter().map(ValueSignature::to_bytes) {
        hash.update(signature);
    }
    hash.update(transcript.digest());
    hash.update(moment);
    let mut input = Zeroizing::new([0u8; 40]);
    input[..32].copy_from_slice(&hash.finalize());
    let scalars = (0..count as u64).map(|index| {
        input[32..].copy_from_slice(&index.to_be_bytes());
        Expander::XmdSha256.hash_to_scalar(input.as_ref(), domains::ZK_BLINDING)
    });
    Ok(Zeroizing::new(scalars.collect()))
}
