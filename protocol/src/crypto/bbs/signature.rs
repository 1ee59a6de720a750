//! Signing and verifying (draft, sections 3.5.1, 3.5.2, 3.6.1 and 3.6.2).

use core::fmt;

use zeroize::Zeroizing;

use super::encoding::Reader;
use super::suite::message_point;
use super::{BbsError, PublicKey, SecretKey, domain};
use crate::crypto::curve::{Equation, G1, G1Affine, Scalar, equations_hold};

/// A signature: A = B·1/(secret key + e). Whoever holds it can make proofs, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    pub(super) a: G1Affine,
    pub(super) e: Scalar,
}

impl Signature {
    /// Length of the encoding, in bytes.
    pub const LENGTH: usize = 80;

    /// Decode A (48 bytes) and e (32 bytes).
    ///
    /// # Errors
    /// `SignatureLength`, `InvalidPoint`, `IdentityPoint`, `ScalarOutOfRange`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BbsError> {
        if bytes.len() != Self::LENGTH {
            return Err(BbsError::SignatureLength);
        }
        let mut reader = Reader::new(bytes);
        Ok(Self { a: reader.point()?, e: reader.scalar()? })
    }

    /// The 80-byte encoding.
    pub fn to_bytes(&self) -> [u8; 80] {
        let mut bytes = [0u8; 80];
        bytes[..48].copy_from_slice(&self.a.to_compressed());
        bytes[48..].copy_from_slice(&self.e.to_be_bytes());
        bytes
    }

    /// The scalar e.
    pub(crate) fn exponent(&self) -> Scalar {
        self.e
    }

    /// e·A.
    pub(super) fn scaled(&self) -> G1 {
        self.a.multiply(&self.e)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature([redacted])")
    }
}

/// Sign `messages` (already scalars, see [`Suite::message_to_scalar`](super::Suite::message_to_scalar))
/// under `header`.
///
/// # Errors
/// `TooManyMessages`, and `ScalarOutOfRange` with negligible probability.
pub fn sign(key: &SecretKey, header: &[u8], messages: &[Scalar]) -> Result<Signature, BbsError> {
    let suite = key.public_key().suite();
    let domain = domain(key.public_key(), messages.len(), header)?;
    let mut input = Zeroizing::new(Vec::with_capacity(32 * (messages.len() + 2)));
    input.extend_from_slice(key.expose_bytes().as_ref());
    for message in messages {
        input.extend_from_slice(&message.to_be_bytes());
    }
    input.extend_from_slice(&domain.to_be_bytes());
    let e = suite.hash_to_scalar(&input);
    finish(key, message_point(suite, domain, messages.iter().copied().enumerate()), e)
}

/// (B·1/(secret key + e), e).
pub(super) fn finish(key: &SecretKey, b: G1, e: Scalar) -> Result<Signature, BbsError> {
    let exponent = Zeroizing::new((key.scalar + e).invert().ok_or(BbsError::ScalarOutOfRange)?);
    if e.is_zero() || b.is_identity() {
        return Err(BbsError::ScalarOutOfRange);
    }
    Ok(Signature { a: b.multiply(&exponent).to_affine(), e })
}

/// Verify a signature over `messages` under `header`.
///
/// # Errors
/// `SignatureInvalid`, `TooManyMessages`.
pub fn verify(key: &PublicKey, signature: &Signature, header: &[u8], messages: &[Scalar]) -> Result<(), BbsError> {
    let domain = domain(key, messages.len(), header)?;
    let b = message_point(key.suite(), domain, messages.iter().copied().enumerate());
    // e(A, W + e·G2) = e(B, G2), rearranged so that both keys are fixed points.
    let right = (b - signature.scaled()).to_affine();
    let equation = Equation { left: signature.a, key: key.prepared(), right };
    if equations_hold(&[equation], &[0; 32]) { Ok(()) } else { Err(BbsError::SignatureInvalid) }
}
