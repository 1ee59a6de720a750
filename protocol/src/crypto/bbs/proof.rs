//! Proving that one holds a signature, showing some messages (draft, sections 3.5.3 and 3.7).
//!
//! The algebra (`commit`, `respond`, and [`super::verify`]'s sums) serves both the draft's proofs, made and checked here,
//! and the ZK presentation of [`crate::disclosure`], which has its own challenge.

use rand_core::CryptoRng;
use sha2::Digest;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::blinding::{blinding, hash_secrets};
use super::encoding::Reader;
use super::suite::{check_count, domain_base};
use super::{BbsError, PublicKey, Signature, Suite, domain, message_base};
use crate::crypto::curve::{Equation, G1, G1Affine, Multiples, Scalar, secret_sum, sum};
use crate::crypto::domains;

/// The randomised signature a verifier sees.
#[derive(Clone, Debug)]
pub(crate) struct Randomized {
    pub(crate) a_bar: G1Affine,
    pub(crate) b_bar: G1Affine,
    pub(crate) d: G1Affine,
}

/// Everything random in one proof, in the draft's order. Using it twice reveals the signature.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secrets {
    pub(crate) r1: Scalar,
    pub(crate) r2: Scalar,
    pub(crate) e: Scalar,
    pub(crate) r1_tilde: Scalar,
    pub(crate) r3_tilde: Scalar,
    /// One for each hidden message, in order.
    pub(crate) messages: Vec<Scalar>,
}

/// First move of the proof: the randomised signature and the two commitments.
pub(crate) struct Commitments {
    pub(crate) randomized: Randomized,
    pub(crate) t1: G1,
    pub(crate) t2: G1,
    /// A and B.
    pub(crate) multiples: [Multiples; 2],
    /// What the hidden messages add to B.
    pub(crate) hidden_part: G1,
}

/// Last move of the proof. It is erased when dropped: as long as nobody has seen it, it is as secret as the messages,
/// because with another answer of the same blinding it gives them away.
#[derive(Clone, Debug, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Responses {
    pub(crate) e: Scalar,
    pub(crate) r1: Scalar,
    pub(crate) r3: Scalar,
    /// One for each hidden message, in order.
    pub(crate) messages: Vec<Scalar>,
}

impl Secrets {
    /// How many scalars a proof with `hidden` hidden messages draws.
    pub(crate) const fn count(hidden: usize) -> usize {
        5 + hidden
    }

    /// Take the scalars in the draft's order.
    pub(crate) fn from_scalars(scalars: &[Scalar]) -> Result<Self, BbsError> {
        let [r1, r2, e, r1_tilde, r3_tilde, messages @ ..] = scalars else { return Err(BbsError::RngFailure) };
        let (r1, r2, e, r1_tilde, r3_tilde) = (*r1, *r2, *e, *r1_tilde, *r3_tilde);
        Ok(Self { r1, r2, e, r1_tilde, r3_tilde, messages: messages.to_vec() })
    }
}

/// The indices below `count` that are not shown, once `shown` is found in range and strictly ascending.
pub(crate) fn hidden_indexes(count: usize, shown: impl Iterator<Item = usize>) -> Result<Vec<usize>, BbsError> {
    let mut hidden = Vec::with_capacity(count);
    let mut next = 0;
    for index in shown {
        if index < next || index >= count {
            return Err(BbsError::IndexInvalid);
        }
        hidden.extend(next..index);
        next = index + 1;
    }
    hidden.extend(next..count);
    Ok(hidden)
}

/// `ProofInit`: randomise the signature and commit. Constant time.
pub(crate) fn commit(
    suite: Suite,
    domain: Scalar,
    signature: &Signature,
    messages: &[Scalar],
    hidden: &[usize],
    secrets: &Secrets,
) -> Commitments {
    let secret = hidden.iter().map(|index| (message_base(suite, *index), messages[*index]));
    let shown = messages.iter().enumerate().filter(|(index, _)| hidden.binary_search(index).is_err());
    let hidden_part = sum(secret);
    let b = shown_part(suite, domain, shown.map(|(index, message)| (index, *message))) + hidden_part;
    // Abar = A·r1·r2 and D = B·r2, so that everything is a sum of multiples of A and B.
    let [a, b] = Multiples::of([G1::from(signature.a), b]);
    let r1_r2 = secrets.r1 * secrets.r2;
    let d = secret_sum([(&b, secrets.r2)]);
    let a_bar = secret_sum([(&a, r1_r2)]);
    let b_bar = secret_sum([(&b, r1_r2), (&a, -(r1_r2 * signature.e))]);
    let t1 = secret_sum([(&a, r1_r2 * secrets.e), (&b, secrets.r2 * secrets.r1_tilde)]);
    let blinds = hidden.iter().zip(&secrets.messages).map(|(index, blind)| (message_base(suite, *index), *blind));
    let t2 = secret_sum([(&b, secrets.r2 * secrets.r3_tilde)]) + sum(blinds);
    let affine = G1::all_to_affine(&[a_bar, b_bar, d]);
    let randomized = Randomized { a_bar: affine[0], b_bar: affine[1], d: affine[2] };
    Commitments { randomized, t1, t2, multiples: [a, b], hidden_part }
}

/// P1 + Q1·domain + Σ Hᵢ·mᵢ over the shown messages. They are no secret, but few, and the narrow tables are at hand.
fn shown_part(suite: Suite, domain: Scalar, shown: impl Iterator<Item = (usize, Scalar)>) -> G1 {
    let shown = shown.map(|(index, message)| (message_base(suite, index), message));
    sum([(domain_base(suite), domain)].into_iter().chain(shown)) + suite.base_point()
}

/// `ProofFinalize`: answer the challenge. `hidden` are the hidden messages, in order.
pub(crate) fn respond(
    secrets: &Secrets,
    e: Scalar,
    hidden: &[Scalar],
    challenge: Scalar,
) -> Result<Responses, BbsError> {
    let r3 = secrets.r2.invert().ok_or(BbsError::RngFailure)?;
    Ok(Responses {
        e: secrets.e + e * challenge,
        r1: secrets.r1_tilde - secrets.r1 * challenge,
        r3: secrets.r3_tilde - r3 * challenge,
        messages: secrets.messages.iter().zip(hidden).map(|(blind, message)| *blind + *message * challenge).collect(),
    })
}

impl Randomized {
    /// Length of the encoding, in bytes.
    pub(crate) const LENGTH: usize = 3 * G1Affine::LENGTH;

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, BbsError> {
        Ok(Self { a_bar: reader.point()?, b_bar: reader.point()?, d: reader.point()? })
    }

    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        for point in [self.a_bar, self.b_bar, self.d] {
            output.extend_from_slice(&point.to_compressed());
        }
    }

    /// What the pairing must confirm: Bbar = secret key · Abar.
    pub(crate) fn equation<'a>(&self, key: &'a PublicKey) -> Equation<'a> {
        Equation { left: self.a_bar, key: key.prepared(), right: self.b_bar }
    }
}

impl Responses {
    /// Length of the encoding, in bytes.
    pub(crate) const fn length(hidden: usize) -> usize {
        (3 + hidden) * Scalar::LENGTH
    }

    pub(crate) fn read(reader: &mut Reader<'_>, hidden: usize) -> Result<Self, BbsError> {
        let (e, r1, r3) = (reader.scalar()?, reader.scalar()?, reader.scalar()?);
        Ok(Self { e, r1, r3, messages: reader.scalars(hidden)? })
    }

    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        for scalar in [self.e, self.r1, self.r3].iter().chain(&self.messages) {
            output.extend_from_slice(&scalar.to_be_bytes());
        }
    }
}

/// A decoded proof of the draft: three points, 4 + hidden scalars.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(super) points: Randomized,
    pub(super) responses: Responses,
    pub(super) challenge: Scalar,
}

impl Proof {
    const FLOOR: usize = Randomized::LENGTH + Responses::length(0) + Scalar::LENGTH;

    /// Decode a proof; its length tells how many messages it hides.
    ///
    /// # Errors
    /// `ProofLength`, `InvalidPoint`, `IdentityPoint`, `ScalarOutOfRange`, `TooManyMessages`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BbsError> {
        Self::read(bytes, Reader::new(bytes))
    }

    /// As [`Self::from_bytes`], by a reader that may know the points already.
    pub(super) fn read(bytes: &[u8], mut reader: Reader<'_>) -> Result<Self, BbsError> {
        let rest = bytes.len().checked_sub(Self::FLOOR).ok_or(BbsError::ProofLength)?;
        if rest % Scalar::LENGTH != 0 {
            return Err(BbsError::ProofLength);
        }
        check_count(rest / Scalar::LENGTH)?;
        Ok(Self {
            points: Randomized::read(&mut reader)?,
            responses: Responses::read(&mut reader, rest / Scalar::LENGTH)?,
            challenge: reader.scalar()?,
        })
    }

    /// Encode: 272 bytes and 32 for each hidden message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::FLOOR + Scalar::LENGTH * self.hidden_count());
        self.points.write(&mut bytes);
        self.responses.write(&mut bytes);
        bytes.extend_from_slice(&self.challenge.to_be_bytes());
        bytes
    }

    /// How many messages the proof hides.
    pub fn hidden_count(&self) -> usize {
        self.responses.messages.len()
    }
}

/// `ProofGen`: prove possession of `signature` over `messages`, showing those at `shown` (ascending).
///
/// The draft draws the blinding from the generator as it comes; here it is a hash of fresh randomness and of all that the
/// proof is about, so that a generator which is set back does not blind two proofs alike.
///
/// # Errors
/// `IndexInvalid`, `TooManyMessages`, `RngFailure`.
pub fn prove<R: CryptoRng + ?Sized>(
    key: &PublicKey,
    signature: &Signature,
    header: &[u8],
    presentation_header: &[u8],
    messages: &[Scalar],
    shown: &[usize],
    rng: &mut R,
) -> Result<Proof, BbsError> {
    let claimed = Claimed::new(key, signature, header, presentation_header, messages, shown)?;
    let blinding = blinding(domains::BBS_BLINDING, rng, claimed.secret_count(), |hash| {
        hash_secrets(hash, messages);
        hash.update(Zeroizing::new(signature.to_bytes()));
        hash.update(claimed.domain.to_be_bytes());
        hash.update((shown.len() as u64).to_be_bytes());
        shown.iter().for_each(|index| hash.update((*index as u64).to_be_bytes()));
        hash.update(presentation_header);
    })?;
    claimed.prove(&Secrets::from_scalars(&blinding)?)
}

/// What a proof of the draft is about, found well formed.
pub(super) struct Claimed<'a> {
    suite: Suite,
    domain: Scalar,
    signature: &'a Signature,
    presentation_header: &'a [u8],
    messages: &'a [Scalar],
    shown: &'a [usize],
    hidden: Vec<usize>,
}

impl<'a> Claimed<'a> {
    pub(super) fn new(
        key: &PublicKey,
        signature: &'a Signature,
        header: &[u8],
        presentation_header: &'a [u8],
        messages: &'a [Scalar],
        shown: &'a [usize],
    ) -> Result<Self, BbsError> {
        let domain = domain(key, messages.len(), header)?;
        let hidden = hidden_indexes(messages.len(), shown.iter().copied())?;
        Ok(Self { suite: key.suite(), domain, signature, presentation_header, messages, shown, hidden })
    }

    /// How many random scalars the proof takes.
    pub(super) fn secret_count(&self) -> usize {
        Secrets::count(self.hidden.len())
    }

    pub(super) fn prove(&self, secrets: &Secrets) -> Result<Proof, BbsError> {
        let Self { suite, domain, signature, presentation_header, messages, hidden, .. } = self;
        let Commitments { randomized, t1, t2, .. } = commit(*suite, *domain, signature, messages, hidden, secrets);
        let shown: Vec<_> = self.shown.iter().map(|index| (*index, messages[*index])).collect();
        let affine = G1::all_to_affine(&[t1, t2]);
        let challenge = challenge(*suite, &shown, &randomized, &[affine[0], affine[1]], *domain, presentation_header);
        let hidden = Zeroizing::new(hidden.iter().map(|index| messages[*index]).collect::<Vec<_>>());
        let responses = respond(secrets, signature.e, &hidden, challenge)?;
        Ok(Proof { points: randomized, responses, challenge })
    }
}

/// `ProofChallengeCalculate`.
pub(super) fn challenge(
    suite: Suite,
    shown: &[(usize, Scalar)],
    points: &Randomized,
    commitments: &[G1Affine; 2],
    domain: Scalar,
    presentation_header: &[u8],
) -> Scalar {
    let mut input = Vec::with_capacity(8 + 40 * shown.len() + 5 * 48 + 40 + presentation_header.len());
    input.extend_from_slice(&(shown.len() as u64).to_be_bytes());
    for (index, message) in shown {
        input.extend_from_slice(&(*index as u64).to_be_bytes());
        input.extend_from_slice(&message.to_be_bytes());
    }
    points.write(&mut input);
    for point in commitments {
        input.extend_from_slice(&point.to_compressed());
    }
    input.extend_from_slice(&domain.to_be_bytes());
    input.extend_from_slice(&(presentation_header.len() as u64).to_be_bytes());
    input.extend_from_slice(presentation_header);
    suite.hash_to_scalar(&input)
}
