//! What JOSE, COSE and X.509 ask of a [`Multikey`] beyond signatures over bytes: its algorithm, its point, and DER.

use super::keys::SignatureError;
use super::multikey::Multikey;

/// A signature algorithm of JOSE, COSE and X.509.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

impl Multikey {
    /// The one algorithm of the key; a BBS key has none of these.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Ed25519(_) => Some(Algorithm::EdDsa),
            Self::P256(_) => Some(Algorithm::Es256),
            Self::P384(_) => Some(Algorithm::Es384),
            Self::Bls12381G2(_) => None,
        }
    }

    /// The P-256 key at a SEC1 point, compressed or not.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when it is not a point of the curve, or the neutral one.
    pub fn p256_from_sec1(point: &[u8]) -> Result<Self, SignatureError> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| SignatureError::InvalidKey)?;
        key.to_sec1_point(true).as_bytes().try_into().map(Self::P256).map_err(|_| SignatureError::InvalidKey)
    }

    /// The P-384 key at a SEC1 point, compressed or not.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when it is not a point of the curve, or the neutral one.
    pub fn p384_from_sec1(point: &[u8]) -> Result<Self, SignatureError> {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| SignatureError::InvalidKey)?;
        key.to_sec1_point(true).as_bytes().try_into().map(Self::P384).map_err(|_| SignatureError::InvalidKey)
    }

    /// The Ed25519 key with these bytes.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], [`SignatureError::WeakKey`]
    pub fn ed25519_from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let key = Self::Ed25519(bytes.try_into().map_err(|_| SignatureError::InvalidKey)?);
        key.validate()?;
        Ok(key)
    }

    /// The coordinates of a point on a NIST curve, big-endian.
    #[must_use]
    pub fn coordinates(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let uncompressed = match self {
            Self::Ed25519(_) | Self::Bls12381G2(_) => return None,
            Self::P256(point) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                key.to_sec1_point(false).as_bytes().to_vec()
            }
            Self::P384(point) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                key.to_sec1_point(false).as_bytes().to_vec()
            }
        };
        let (x, y) = uncompressed.get(1..)?.split_at(uncompressed.len() / 2);
        Some((x.to_vec(), y.to_vec()))
    }

    /// Accepts a signature in the form of X.509: ECDSA as a DER sequence of two numbers, Ed25519 as it is.
    ///
    /// # Errors
    /// [`SignatureError`]
    pub fn verify_der(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let refused = |_| SignatureError::SignatureInvalid;
        match self {
            Self::Ed25519(_) | Self::Bls12381G2(_) => self.verify(message, signature),
            Self::P256(_) => {
                let signature = p256::ecdsa::Signature::from_der(signature).map_err(refused)?;
                self.verify(message, &signature.to_bytes())
            }
            Self::P384(_) => {
                let signature = p384::ecdsa::Signature::from_der(signature).map_err(refused)?;
                self.verify(message, &signature.to_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_none_are_refused() {
        assert_eq!(Multikey::p256_from_sec1(&[0]), Err(SignatureError::InvalidKey), "A16: infinity");
        let beside = [&[4][..], &[1; 64]].concat();
        assert_eq!(Multikey::p256_from_sec1(&beside), Err(SignatureError::InvalidKey), "A16: not on the curve");
        assert_eq!(Multikey::p384_from_sec1(&[0xff; 97]), Err(SignatureError::InvalidKey));
        assert_eq!(Multikey::ed25519_from_bytes(&[0; 31]), Err(SignatureError::InvalidKey));
        let mut small_order = [0; 32];
        small_order[0] = 1;
        assert_eq!(Multikey::ed25519_from_bytes(&small_order), Err(SignatureError::WeakKey), "A14");
    }

    #[test]
    fn a_bbs_key_has_neither_algorithm_nor_coordinates() {
        let key = Multikey::Bls12381G2([0; 96]);
        assert_eq!((key.algorithm(), key.coordinates()), (None, None));
        assert_eq!(key.verify_der(b"", &[]), Err(SignatureError::InvalidKey));
    }
}
