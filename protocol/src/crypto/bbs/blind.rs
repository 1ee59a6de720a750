//! Blind issuance: the issuer signs messages it does not see, such as the holder's link secret.
//!
//! The holder sends C = Σ Hⱼ·mⱼ over the credential's own generators with a proof that it knows the
//! mⱼ, bound to the issuer's key, the credential header and the issuance nonce. The issuer adds the
//! messages it does see and signs. The result is an ordinary signature over all messages, which the
//! holder checks with [`super::verify`]. One hidden message must be random (a blinder) for C to hide the rest.

use rand_core::CryptoRng;
use sha2::Digest;
use zeroize::Zeroizing;

use super::blinding::{blinding, hash_secrets};
use super::encoding::Reader;
use super::signature::finish;
use super::suite::{check_count, message_point};
use super::{BbsError, PublicKey, SecretKey, Signature, domain, message_base};
use crate::crypto::curve::{Expander, FixedBase, G1, G1Affine, Scalar, multiply_sum_vartime, sum, sum_vartime};
use crate::crypto::domains;

/// What both sides know before the commitment is made.
#[derive(Clone, Copy, Debug)]
pub struct Issuance<'a> {
    /// The issuer's key.
    pub issuer: &'a PublicKey,
    /// The header the credential will be signed under.
    pub header: &'a [u8],
    /// How many messages the credential has.
    pub message_count: usize,
    /// Indices of the messages only the holder knows, ascending.
    pub hidden: &'a [usize],
    /// The issuer's nonce for this issuance; the issuer accepts each once.
    pub nonce: &'a [u8],
}

impl Issuance<'_> {
    /// Length in bytes of the holder's commitment: C, the challenge, one response for each hidden message.
    pub fn commitment_length(&self) -> usize {
        G1Affine::LENGTH + Scalar::LENGTH * (1 + self.hidden.len())
    }

    fn check_indexes(&self) -> Result<(), BbsError> {
        check_count(self.message_count)?;
        let ascending = self.hidden.windows(2).all(|pair| pair[0] < pair[1]);
        let in_range = self.hidden.last().is_some_and(|last| *last < self.message_count);
        if ascending && in_range { Ok(()) } else { Err(BbsError::IndexInvalid) }
    }

    /// What is known before there is a commitment: key, domain, hidden indices and nonce.
    fn head(&self) -> Result<Vec<u8>, BbsError> {
        let domain = domain(self.issuer, self.message_count, self.header)?;
        let mut input = self.issuer.as_bytes().to_vec();
        input.extend_from_slice(&domain.to_be_bytes());
        input.extend_from_slice(&(self.hidden.len() as u64).to_be_bytes());
        for index in self.hidden {
            input.extend_from_slice(&(*index as u64).to_be_bytes());
        }
        input.extend_from_slice(&(self.nonce.len() as u64).to_be_bytes());
        input.extend_from_slice(self.nonce);
        Ok(input)
    }

    fn challenge(&self, commitment: &G1Affine, t: &G1Affine) -> Result<Scalar, BbsError> {
        let mut input = self.head()?;
        input.extend_from_slice(&commitment.to_compressed());
        input.extend_from_slice(&t.to_compressed());
        Ok(Expander::XmdSha256.hash_to_scalar(&input, domains::BLIND_COMMITMENT))
    }

    /// Each scalar with the generator of its message, one after the other and in no list.
    fn terms(&self, scalars: &[Scalar]) -> impl Iterator<Item = (&'static FixedBase, Scalar)> {
        let suite = self.issuer.suite();
        self.hidden.iter().zip(scalars).map(move |(index, scalar)| (message_base(suite, *index), *scalar))
    }
}

/// Holder: commit to the hidden `messages` (in the order of `issuance.hidden`) and prove knowledge of them.
///
/// # Errors
/// `IndexInvalid`, `TooManyMessages`, `RngFailure`.
pub fn commit<R: CryptoRng + ?Sized>(
    issuance: &Issuance<'_>,
    messages: &[Scalar],
    rng: &mut R,
) -> Result<Vec<u8>, BbsError> {
    issuance.check_indexes()?;
    if messages.len() != issuance.hidden.len() {
        return Err(BbsError::IndexInvalid);
    }
    // ISSU-18
    let head = issuance.head()?;
    let blinds = blinding(domains::BLIND_BLINDING, rng, messages.len(), |hash| {
        hash_secrets(hash, messages);
        hash.update(&head);
    })?;
    let commitment = sum(issuance.terms(messages));
    let t = sum(issuance.terms(&blinds));
    let affine = G1::all_to_affine(&[commitment, t]);
    let challenge = issuance.challenge(&affine[0], &affine[1])?;
    let mut bytes = affine[0].to_compressed().to_vec();
    bytes.extend_from_slice(&challenge.to_be_bytes());
    for (blind, message) in blinds.iter().zip(messages) {
        bytes.extend_from_slice(&(*blind + *message * challenge).to_be_bytes());
    }
    Ok(bytes)
}

/// Issuer: check the holder's commitment and sign it together with the clear messages, which must be at
/// all other indices, ascending.
///
/// # Errors
/// `CommitmentLength`, `CommitmentInvalid`, `InvalidPoint`, `IdentityPoint`, `ScalarOutOfRange`,
/// `IndexInvalid`, `TooManyMessages`; `InvalidPublicKey` when `issuance.issuer` is not this key's.
pub fn sign(
    key: &SecretKey,
    issuance: &Issuance<'_>,
    commitment: &[u8],
    clear: &[(usize, Scalar)],
) -> Result<Signature, BbsError> {
    if key.public_key() != issuance.issuer {
        return Err(BbsError::InvalidPublicKey);
    }
    issuance.check_indexes()?;
    let clear_indexes = super::hidden_indexes(issuance.message_count, issuance.hidden.iter().copied())?;
    if !clear.iter().map(|(index, _)| *index).eq(clear_indexes) {
        return Err(BbsError::IndexInvalid);
    }
    let point = check_commitment(issuance, commitment)?;
    let suite = issuance.issuer.suite();
    let domain = domain(issuance.issuer, issuance.message_count, issuance.header)?;
    let mut input = Zeroizing::new(key.expose_bytes().to_vec());
    input.extend_from_slice(&domain.to_be_bytes());
    input.extend_from_slice(&point.to_compressed());
    for (index, message) in clear {
        input.extend_from_slice(&(*index as u64).to_be_bytes());
        input.extend_from_slice(&message.to_be_bytes());
    }
    let e = Expander::XmdSha256.hash_to_scalar(&input, domains::BLIND_SIGNATURE);
    finish(key, message_point(suite, domain, clear.iter().copied()) + point, e)
}

fn check_commitment(issuance: &Issuance<'_>, bytes: &[u8]) -> Result<G1Affine, BbsError> {
    if bytes.len() != issuance.commitment_length() {
        return Err(BbsError::CommitmentLength);
    }
    let mut reader = Reader::new(bytes);
    let point = reader.point()?;
    let challenge = reader.scalar()?;
    let responses = reader.scalars(issuance.hidden.len())?;
    let t = sum_vartime(&issuance.terms(&responses).collect::<Vec<_>>()) + multiply_sum_vartime(&[(point, -challenge)]);
    if issuance.challenge(&point, &t.to_affine())? != challenge {
        return Err(BbsError::CommitmentInvalid);
    }
    Ok(point)
}
