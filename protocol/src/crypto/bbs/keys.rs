//! Issuer keys (draft, section 3.4).

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{BbsError, Suite};
use crate::crypto::curve::{G2Affine, PreparedG2, Scalar};

/// The secret that signs, with the suite it signs for. Not `Clone`, erased on drop, shown as `[redacted]`.
#[derive(ZeroizeOnDrop)]
pub struct SecretKey {
    pub(super) scalar: Scalar,
    #[zeroize(skip)]
    public: PublicKey,
}

/// A point of G2 and the suite it verifies for. Cheap to clone; pairing steps are calculated once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    suite: Suite,
    point: PreparedG2,
}

impl SecretKey {
    /// `KeyGen` with the default tag: at least 32 bytes of secret material, and public information that
    /// tells keys of the same material apart.
    ///
    /// # Errors
    /// `WeakKeyMaterial`, `KeyInfoTooLong`, and `ScalarOutOfRange` with negligible probability.
    pub fn generate(suite: Suite, key_material: &[u8], key_info: &[u8]) -> Result<Self, BbsError> {
        if key_material.len() < 32 || key_material.iter().all(|byte| *byte == 0) {
            return Err(BbsError::WeakKeyMaterial);
        }
        let info_length = u16::try_from(key_info.len()).map_err(|_| BbsError::KeyInfoTooLong)?;
        let mut input = Zeroizing::new(Vec::with_capacity(key_material.len() + 2 + key_info.len()));
        input.extend_from_slice(key_material);
        input.extend_from_slice(&info_length.to_be_bytes());
        input.extend_from_slice(key_info);
        Self::from_scalar(suite, suite.expander().hash_to_scalar(&input, &suite.label(b"KEYGEN_DST_")))
    }

    /// Restore a key from its 32 stored bytes.
    ///
    /// # Errors
    /// `ScalarOutOfRange`.
    pub fn from_bytes(suite: Suite, bytes: &[u8; 32]) -> Result<Self, BbsError> {
        Self::from_scalar(suite, Scalar::from_be_bytes(bytes)?)
    }

    fn from_scalar(suite: Suite, mut scalar: Scalar) -> Result<Self, BbsError> {
        if scalar.is_zero() {
            return Err(BbsError::ScalarOutOfRange);
        }
        let public = PublicKey { suite, point: PreparedG2::new(G2Affine::generator_times(&scalar)) };
        let key = Self { scalar, public };
        scalar.zeroize();
        Ok(key)
    }

    /// The 32 bytes to store, encrypted, by whoever keeps the key.
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar.to_be_bytes())
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}

impl PublicKey {
    /// Length of the encoding, in bytes.
    pub const LENGTH: usize = 96;

    /// Decode 96 bytes.
    ///
    /// # Errors
    /// `InvalidPublicKey`.
    pub fn from_bytes(suite: Suite, bytes: &[u8]) -> Result<Self, BbsError> {
        let bytes = bytes.try_into().map_err(|_| BbsError::InvalidPublicKey)?;
        let point = G2Affine::from_compressed(bytes).map_err(|_| BbsError::InvalidPublicKey)?;
        Ok(Self { suite, point: PreparedG2::new(point) })
    }

    /// The 96-byte encoding.
    pub fn as_bytes(&self) -> &[u8; 96] {
        self.point.as_bytes()
    }

    /// The suite of this key's signatures.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The point, ready for pairings.
    pub(crate) fn prepared(&self) -> &PreparedG2 {
        &self.point
    }
}
