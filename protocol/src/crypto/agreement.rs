//! Agreeing on a key (SP 800-56A, ECDH on P-256): for sessions and MACs of mobile documents, and for encrypted tokens.

use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keys::SignatureError;
use super::multikey::Multikey;

/// A private P-256 key for agreeing on others, erased when dropped: ephemeral for a session or a message, or a
/// document's for MACs. It signs nothing.
#[derive(Clone)]
pub struct AgreementKey(p256::SecretKey);

impl AgreementKey {
    /// The key with this private scalar, big-endian.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when the scalar is zero or not below the group order.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignatureError> {
        p256::SecretKey::from_slice(seed).map(Self).map_err(|_| SignatureError::InvalidKey)
    }

    /// A new key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        loop {
            rng.fill_bytes(seed.as_mut());
            // One draw in 2^32 is not below the group order.
            if let Ok(key) = Self::from_seed(&seed) {
                return key;
            }
        }
    }

    /// The public half.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], which does not happen.
    pub fn public(&self) -> Result<Multikey, SignatureError> {
        Multikey::p256_from_sec1(self.0.public_key().to_sec1_point(true).as_bytes())
    }

    /// The private scalar, big-endian, for a library that agrees by itself.
    pub(crate) fn scalar(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// The x coordinate of the shared point, from which every key is derived and which is none itself.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when the other key is of another curve, or no point of it.
    pub(crate) fn agree(&self, other: &Multikey) -> Result<Zeroizing<[u8; 32]>, SignatureError> {
        let Multikey::P256(point) = other else { return Err(SignatureError::InvalidKey) };
        let other = p256::PublicKey::from_sec1_bytes(point).map_err(|_| SignatureError::InvalidKey)?;
        let shared = p256::ecdh::diffie_hellman(self.0.to_nonzero_scalar(), other.as_affine());
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(shared.raw_secret_bytes());
        Ok(bytes)
    }

    /// A key that both sides derive: HKDF-SHA-256 of the shared point.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when the other key is of another curve, or no point of it.
    pub(crate) fn derive(
        &self,
        other: &Multikey,
        salt: &[u8; 32],
        info: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, SignatureError> {
        let shared = self.agree(other)?;
        let mut key = Zeroizing::new([0; 32]);
        // 32 bytes are never too many to ask for.
        let expanded = Hkdf::<Sha256>::new(Some(salt), shared.as_ref()).expand(info, key.as_mut());
        expanded.map_err(|_| SignatureError::InvalidKey)?;
        Ok(key)
    }
}

impl core::fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_and_other_curves_do_not() {
        let (a, b) = (AgreementKey::from_seed(&[1; 32]).unwrap(), AgreementKey::from_seed(&[2; 32]).unwrap());
        assert_eq!(a.agree(&b.public().unwrap()), b.agree(&a.public().unwrap()));
        assert_ne!(a.agree(&b.public().unwrap()), a.agree(&a.public().unwrap()));
        assert_eq!(AgreementKey::from_seed(&[0; 32]).err(), Some(SignatureError::InvalidKey));
        assert_eq!(AgreementKey::from_seed(&[0xff; 32]).err(), Some(SignatureError::InvalidKey));
        let ed25519 = Multikey::Ed25519([1; 32]);
        assert_eq!(a.derive(&ed25519, &[0; 32], b"").err(), Some(SignatureError::InvalidKey));
        assert_eq!(a.agree(&Multikey::P256([2; 33])).is_ok(), Multikey::P256([2; 33]).validate().is_ok());
        assert_eq!(format!("{a:?}"), "[redacted]");
    }
}
