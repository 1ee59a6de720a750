//! Sets whose members an issuer has signed one by one, so that a holder can prove "my hidden value is in
//! the set" by proving that it holds a signature on it.
//!
//! Weak Boneh–Boyen signatures as Camenisch, Chaabouni and shelat use them for set membership
//! (ASIACRYPT 2008): V = G1·1/(y + v). Everyone may see the signatures; they are worth nothing without
//! the value. One key serves one purpose (day differences, licence classes, handles not withdrawn) and one
//! issuer: whatever it has signed stays a member for as long as the key is accepted. The proof itself is in
//! [`crate::disclosure`].

use core::fmt;
use core::ops::Range;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::curve::{
    CurveError, Equation, Expander, FixedBase, G1, G1Affine, G2Affine, PreparedG2, Scalar, equations_hold,
    failing_groups,
};
use super::domains;

/// Why a set key or a value signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// The key material is shorter than 32 bytes or all zero.
    #[error("the key material is weak; use at least 32 random bytes")]
    WeakKeyMaterial,
    /// A secret key that is zero or not below the group order.
    #[error("the secret key is out of range; restore it from its backup")]
    ScalarOutOfRange,
    /// A public key that is not a point of G2 other than the identity.
    #[error("the set key is not valid; fetch it again")]
    InvalidPublicKey,
    /// A signature that is not a point of G1 other than the identity.
    #[error("the value signature is not a valid point; fetch it again")]
    InvalidPoint,
    /// The signature is not on this value by this key.
    #[error("the value signature does not match; fetch it again")]
    SignatureInvalid,
    /// The parameters of public sets have no power, too many, or ones that are not powers of the key.
    #[error("the parameters of public sets are not valid; fetch them again")]
    ParametersInvalid,
    /// A set has more members than the parameters allow.
    #[error("the set is too large for the issuer's parameters; ask about a smaller one")]
    SetTooLarge,
    /// The value is not one of the set, so there is nothing to prove with.
    #[error("the value is not a member of the set")]
    NotAMember,
    /// The value is the negative of the secret key, which nobody can ask for without knowing the key.
    #[error("the value cannot be signed; replace the set key")]
    ValueUnsignable,
}

/// The secret that admits values to a set. Not `Clone`, erased on drop, shown as `[redacted]`.
#[derive(ZeroizeOnDrop)]
pub struct SetSecretKey {
    scalar: Scalar,
    #[zeroize(skip)]
    public: SetPublicKey,
}

/// The point Y = G2·y that memberships are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPublicKey(PreparedG2);

/// The signature on one value: 48 bytes, public. Which one a holder takes is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroize)]
pub struct ValueSignature(pub(crate) G1Affine);

/// `epoch`·2¹²⁸: what a 128-bit handle is added to, so that a signature names both handle and epoch.
pub fn epoch_offset(epoch: u64) -> Scalar {
    let half = Scalar::from_u128(1 << 64);
    Scalar::from_u64(epoch) * half * half
}

impl SetSecretKey {
    /// Derive a key from at least 32 bytes of secret material and public information (issuer, purpose,
    /// serial) that tells keys of the same material apart.
    ///
    /// # Errors
    /// `WeakKeyMaterial`, and `ScalarOutOfRange` with negligible probability.
    pub fn generate(key_material: &[u8], purpose: &[u8]) -> Result<Self, MembershipError> {
        if key_material.len() < 32 || key_material.iter().all(|byte| *byte == 0) {
            return Err(MembershipError::WeakKeyMaterial);
        }
        let mut input = Zeroizing::new((key_material.len() as u64).to_be_bytes().to_vec());
        input.extend_from_slice(key_material);
        input.extend_from_slice(purpose);
        Self::from_scalar(Expander::XmdSha256.hash_to_scalar(&input, domains::SET_KEY))
    }

    /// Restore a key from its 32 stored bytes.
    ///
    /// # Errors
    /// `ScalarOutOfRange`.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, MembershipError> {
        Self::from_scalar(Scalar::from_be_bytes(bytes).map_err(|_| MembershipError::ScalarOutOfRange)?)
    }

    fn from_scalar(mut scalar: Scalar) -> Result<Self, MembershipError> {
        if scalar.is_zero() {
            return Err(MembershipError::ScalarOutOfRange);
        }
        let public = SetPublicKey(PreparedG2::new(G2Affine::generator_times(&scalar)));
        let key = Self { scalar, public };
        scalar.zeroize();
        Ok(key)
    }

    /// The 32 bytes to store, encrypted, by whoever keeps the key.
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar.to_be_bytes())
    }

    /// The public half.
    pub fn public_key(&self) -> &SetPublicKey {
        &self.public
    }

    /// Admit one value.
    ///
    /// # Errors
    /// `ValueUnsignable` with negligible probability.
    pub fn sign(&self, value: Scalar) -> Result<ValueSignature, MembershipError> {
        let exponent = Zeroizing::new((self.scalar + value).invert().ok_or(MembershipError::ValueUnsignable)?);
        Ok(ValueSignature(generator_table().multiply(&exponent).to_affine()))
    }

    /// Admit the integers of `range` in order, telling `progress` after each few hundred how many are done.
    /// To use several threads, give each a part of the range.
    ///
    /// # Errors
    /// `ValueUnsignable` with negligible probability.
    pub fn sign_range(
        &self,
        range: Range<u64>,
        mut progress: impl FnMut(u64),
    ) -> Result<Vec<ValueSignature>, MembershipError> {
        const CHUNK: u64 = 512;
        let mut signatures = Vec::with_capacity(range.end.saturating_sub(range.start) as usize);
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start.saturating_add(CHUNK));
            let values: Vec<_> = (start..end).map(Scalar::from_u64).collect();
            signatures.extend(self.sign_all(&values)?);
            progress(end - range.start);
            start = end;
        }
        Ok(signatures)
    }

    /// Admit many values for less than [`Self::sign`] costs each.
    ///
    /// # Errors
    /// `ValueUnsignable` with negligible probability.
    pub fn sign_all(&self, values: &[Scalar]) -> Result<Vec<ValueSignature>, MembershipError> {
        let mut exponents = Zeroizing::new(values.iter().map(|value| self.scalar + *value).collect::<Vec<_>>());
        Scalar::invert_all(&mut exponents).ok_or(MembershipError::ValueUnsignable)?;
        Ok(generator_table().multiply_all(&exponents).into_iter().map(ValueSignature).collect())
    }
}

impl fmt::Debug for SetSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetSecretKey([redacted])")
    }
}

impl SetPublicKey {
    /// Length of the encoding, in bytes.
    pub const LENGTH: usize = 96;

    /// Decode 96 bytes.
    ///
    /// # Errors
    /// `InvalidPublicKey`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MembershipError> {
        let bytes = bytes.try_into().map_err(|_| MembershipError::InvalidPublicKey)?;
        let point = G2Affine::from_compressed(bytes).map_err(|_| MembershipError::InvalidPublicKey)?;
        Ok(Self(PreparedG2::new(point)))
    }

    /// The key at this point.
    pub(super) fn new(point: G2Affine) -> Self {
        Self(PreparedG2::new(point))
    }

    /// The 96-byte encoding.
    pub fn as_bytes(&self) -> &[u8; 96] {
        self.0.as_bytes()
    }

    /// Check that `value` was admitted.
    ///
    /// # Errors
    /// `SignatureInvalid`.
    pub fn verify(&self, value: Scalar, signature: &ValueSignature) -> Result<(), MembershipError> {
        let equation = self.equation(value, signature);
        if equations_hold(&[equation], &[0; 32]) { Ok(()) } else { Err(MembershipError::SignatureInvalid) }
    }

    /// Check many values together; the answer lists the indices of those that were not admitted.
    pub fn verify_all(&self, values: &[(Scalar, ValueSignature)]) -> Vec<usize> {
        let mut seed = Sha256::new().chain_update(domains::SET_BATCH).chain_update(self.as_bytes());
        for (value, signature) in values {
            seed.update(value.to_be_bytes());
            seed.update(signature.to_bytes());
        }
        let groups: Vec<_> = values.iter().map(|(value, signature)| vec![self.equation(*value, signature)]).collect();
        failing_groups(&groups, &seed.finalize().into())
    }

    /// e(V, Y) = e(G1 − v·V, G2).
    fn equation(&self, value: Scalar, signature: &ValueSignature) -> Equation<'_> {
        let right = G1::from(G1Affine::generator()) - signature.0.multiply(&value);
        Equation { left: signature.0, key: &self.0, right: right.to_affine() }
    }

    /// The point, ready for pairings.
    pub(crate) fn prepared(&self) -> &PreparedG2 {
        &self.0
    }
}

impl ValueSignature {
    /// Length of the encoding, in bytes.
    pub const LENGTH: usize = G1Affine::LENGTH;

    /// Decode 48 bytes.
    ///
    /// # Errors
    /// `InvalidPoint`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MembershipError> {
        let bytes = bytes.try_into().map_err(|_| MembershipError::InvalidPoint)?;
        let decoded = G1Affine::from_compressed(bytes);
        decoded.map(Self).map_err(|_: CurveError| MembershipError::InvalidPoint)
    }

    /// The 48-byte encoding.
    pub fn to_bytes(&self) -> [u8; 48] {
        self.0.to_compressed()
    }
}

/// Multiples of the generator of G1, on which set signatures and their proofs are built.
pub(crate) fn generator_table() -> &'static FixedBase {
    static TABLE: OnceLock<FixedBase> = OnceLock::new();
    TABLE.get_or_init(|| FixedBase::new(G1Affine::generator()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SetSecretKey {
        SetSecretKey::generate(&[3; 32], b"day differences").unwrap()
    }

    #[test]
    fn admitted_values_verify_and_others_do_not() {
        let (key, other) = (key(), SetSecretKey::generate(&[3; 32], b"licence classes").unwrap());
        let value = Scalar::from_u64(6940);
        let signature = key.sign(value).unwrap();
        assert_eq!(ValueSignature::from_bytes(&signature.to_bytes()), Ok(signature));
        assert_eq!(key.public_key().verify(value, &signature), Ok(()));
        assert_eq!(key.public_key().verify(Scalar::from_u64(6941), &signature), Err(MembershipError::SignatureInvalid));
        assert_eq!(other.public_key().verify(value, &signature), Err(MembershipError::SignatureInvalid));
        assert_eq!(key.sign(-key.scalar), Err(MembershipError::ValueUnsignable));
    }

    #[test]
    fn a_range_is_signed_as_its_values_are() {
        let key = key();
        let mut done = Vec::new();
        let signatures = key.sign_range(100..1300, |count| done.push(count)).unwrap();
        assert_eq!(signatures.len(), 1200);
        assert_eq!(done, [512, 1024, 1200]);
        let mut pairs: Vec<_> = (100..1300).map(Scalar::from_u64).zip(signatures).collect();
        for (value, signature) in pairs.iter().step_by(97) {
            assert_eq!(key.sign(*value).unwrap(), *signature);
        }
        pairs.truncate(40);
        assert!(key.public_key().verify_all(&pairs).is_empty());
        pairs[7].1 = pairs[8].1;
        pairs[30].0 = Scalar::from_u64(5);
        assert_eq!(key.public_key().verify_all(&pairs), [7, 30]);
    }

    #[test]
    fn bad_keys_and_signatures_are_refused() {
        assert_eq!(SetSecretKey::generate(&[3; 31], b"").unwrap_err(), MembershipError::WeakKeyMaterial);
        assert_eq!(SetSecretKey::generate(&[0; 32], b"").unwrap_err(), MembershipError::WeakKeyMaterial);
        assert_eq!(SetSecretKey::from_bytes(&[0; 32]).unwrap_err(), MembershipError::ScalarOutOfRange);
        assert_eq!(SetSecretKey::from_bytes(&[0xff; 32]).unwrap_err(), MembershipError::ScalarOutOfRange);
        let key = key();
        let restored = SetSecretKey::from_bytes(&key.expose_bytes()).unwrap();
        assert_eq!(restored.public_key(), key.public_key());
        assert_eq!(SetPublicKey::from_bytes(key.public_key().as_bytes()).as_ref(), Ok(key.public_key()));
        let mut identity = [0u8; 96];
        identity[0] = 0xc0;
        assert_eq!(SetPublicKey::from_bytes(&identity), Err(MembershipError::InvalidPublicKey));
        assert_eq!(SetPublicKey::from_bytes(&identity[..95]), Err(MembershipError::InvalidPublicKey));
        assert_eq!(ValueSignature::from_bytes(&identity[..48]), Err(MembershipError::InvalidPoint));
        assert_eq!(ValueSignature::from_bytes(&[]), Err(MembershipError::InvalidPoint));
        assert_eq!(format!("{key:?}"), "SetSecretKey([redacted])");
    }

    #[test]
    fn epochs_do_not_overlap() {
        let mut bytes = [0u8; 32];
        bytes[15] = 9; // 9·2¹²⁸
        assert_eq!(Scalar::from_be_bytes(&bytes), Ok(epoch_offset(9)));
        assert_ne!(epoch_offset(1), epoch_offset(0) + Scalar::from_u128(u128::MAX));
    }
}
