//! Keys as standard formats name them, and signatures over bytes that a standard fixes.
//!
//! A [`Multikey`] is what `did:key` identifiers and verification methods of type `Multikey` hold (Controlled Identifiers
//! 1.0, section 2.2.2). Unlike [`keys::PublicKey`](super::keys::PublicKey), whose signatures always carry a label of this
//! project, these keys sign exactly the bytes that JOSE, COSE or Data Integrity ask for: a key of one kind is never used
//! as the other.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::ed25519::signature::Signer as _;
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::curve::{CurveError, G2Affine};
use super::keys::{SignatureError, SignerError};

/// Multicodec prefixes (varints) of the public keys that are read.
const ED25519: [u8; 2] = [0xed, 0x01];
const P256: [u8; 2] = [0x80, 0x24];
const P384: [u8; 2] = [0x81, 0x24];
const BLS12_381_G2: [u8; 2] = [0xeb, 0x01];
/// No Multikey text of these kinds is longer.
const TEXT_MAX: usize = 160;

/// A public key of a standard format.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Multikey {
    /// Ed25519 (RFC 8032), 32 bytes.
    Ed25519([u8; 32]),
    /// P-256, SEC1 compressed point.
    P256([u8; 33]),
    /// P-384, SEC1 compressed point.
    P384([u8; 49]),
    /// A point of BLS12-381's G2, compressed: a key for BBS.
    Bls12381G2([u8; 96]),
}

impl Multikey {
    /// Reads `z…` (base58btc of prefix and key) and checks that the key is a point of its curve (DKEY-01).
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], [`SignatureError::WeakKey`]
    pub fn from_multibase(text: &str) -> Result<Self, SignatureError> {
        let digits = text.strip_prefix('z').filter(|digits| digits.len() <= TEXT_MAX);
        let bytes = bs58::decode(digits.ok_or(SignatureError::InvalidKey)?).into_vec();
        let key = Self::from_multicodec(&bytes.map_err(|_| SignatureError::InvalidKey)?)?;
        // DKEY-01: one spelling of each key. Base58 with other leading digits decodes to other bytes, so only the prefix matters.
        if key.to_multibase() == text { Ok(key) } else { Err(SignatureError::InvalidKey) }
    }

    /// Reads prefix and key, and checks that the key is a point of its curve.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], [`SignatureError::WeakKey`]
    pub fn from_multicodec(bytes: &[u8]) -> Result<Self, SignatureError> {
        let (prefix, key) = bytes.split_first_chunk::<2>().ok_or(SignatureError::InvalidKey)?;
        let invalid = |_| SignatureError::InvalidKey;
        let key = match *prefix {
            ED25519 => Self::Ed25519(key.try_into().map_err(invalid)?),
            P256 => Self::P256(key.try_into().map_err(invalid)?),
            P384 => Self::P384(key.try_into().map_err(invalid)?),
            BLS12_381_G2 => Self::Bls12381G2(key.try_into().map_err(invalid)?),
            _ => return Err(SignatureError::InvalidKey),
        };
        key.validate()?;
        Ok(key)
    }

    /// Reads a public JSON Web Key: `OKP` with Ed25519, `EC` with P-256 or P-384 (RFC 7518, section 6.2.1; RFC 8037).
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], also for a private key; [`SignatureError::WeakKey`]
    pub fn from_jwk(jwk: &Value) -> Result<Self, SignatureError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).ok_or(SignatureError::InvalidKey);
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).map_err(|_| SignatureError::InvalidKey);
        if jwk.get("d").is_some() {
            return Err(SignatureError::InvalidKey);
        }
        let curve = (text("kty")?, text("crv")?);
        if curve == ("OKP", "Ed25519") {
            return Self::from_multicodec(&[&ED25519, coordinate("x")?.as_slice()].concat());
        }
        let prefix = match curve {
            ("EC", "P-256") => P256,
            ("EC", "P-384") => P384,
            _ => return Err(SignatureError::InvalidKey),
        };
        let (x, y) = (coordinate("x")?, coordinate("y")?);
        let sign = 2 + (y.last().ok_or(SignatureError::InvalidKey)? & 1);
        let key = Self::from_multicodec(&[prefix.as_slice(), &[sign], &x].concat())?;
        // The compressed point says only whether y is odd.
        if key.y().as_deref() == Some(&y) { Ok(key) } else { Err(SignatureError::InvalidKey) }
    }

    /// The public JSON Web Key, without `kid` and `use`; a BBS key has no registered form and gives `None`.
    #[must_use]
    pub fn to_jwk(&self) -> Option<Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ed25519(key) => Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key) })),
            Self::P256(key) => {
                Some(json!({ "kty": "EC", "crv": "P-256", "x": encode(&key[1..]), "y": encode(&self.y()?) }))
            }
            Self::P384(key) => {
                Some(json!({ "kty": "EC", "crv": "P-384", "x": encode(&key[1..]), "y": encode(&self.y()?) }))
            }
            Self::Bls12381G2(_) => None,
        }
    }

    /// The second coordinate of a point on a NIST curve.
    fn y(&self) -> Option<Vec<u8>> {
        match self {
            Self::P256(key) => p256(key).ok().and_then(|key| Some(key.to_sec1_point(false).y()?.to_vec())),
            Self::P384(key) => p384(key).ok().and_then(|key| Some(key.to_sec1_point(false).y()?.to_vec())),
            Self::Ed25519(_) | Self::Bls12381G2(_) => None,
        }
    }

    /// Prefix and key.
    #[must_use]
    pub fn to_multicodec(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [ED25519.as_slice(), key].concat(),
            Self::P256(key) => [P256.as_slice(), key].concat(),
            Self::P384(key) => [P384.as_slice(), key].concat(),
            Self::Bls12381G2(key) => [BLS12_381_G2.as_slice(), key].concat(),
        }
    }

    /// `z6Mk…`, `zDna…`, `z82L…` or `zUC7…`.
    #[must_use]
    pub fn to_multibase(&self) -> String {
        format!("z{}", bs58::encode(self.to_multicodec()).into_string())
    }

    /// Refuses what is no point of its curve, the identity, and points of small order.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], [`SignatureError::WeakKey`]
    pub fn validate(&self) -> Result<(), SignatureError> {
        match self {
            Self::Ed25519(key) => ed25519(key).map(|_| ()),
            Self::P256(key) => p256(key).map(|_| ()),
            Self::P384(key) => p384(key).map(|_| ()),
            Self::Bls12381G2(key) => match G2Affine::from_compressed(key) {
                Ok(_) => Ok(()),
                Err(CurveError::IdentityPoint) => Err(SignatureError::WeakKey),
                Err(_) => Err(SignatureError::InvalidKey),
            },
        }
    }

    /// Accepts `signature` over exactly `message`: Ed25519 strictly (RFC 8032; no small order, canonical `S`), ECDSA as
    /// `r ‖ s` with SHA-256 on P-256 and SHA-384 on P-384. Both ECDSA signatures of a message, `(r, s)` and `(r, n − s)`,
    /// are accepted, as the standards say; whoever keeps a list of what was seen must not key it by signature.
    ///
    /// # Errors
    /// [`SignatureError`]; a BBS key verifies no signature of this kind and gives [`SignatureError::InvalidKey`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let refused = |_| SignatureError::SignatureInvalid;
        match self {
            Self::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature).map_err(refused)?;
                ed25519(key)?.verify_strict(message, &signature).map_err(refused)
            }
            Self::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).map_err(refused)?;
                p256(key)?.verify(message, &signature).map_err(refused)
            }
            Self::P384(key) => {
                let signature = p384::ecdsa::Signature::from_slice(signature).map_err(refused)?;
                p384(key)?.verify(message, &signature).map_err(refused)
            }
            Self::Bls12381G2(_) => Err(SignatureError::InvalidKey),
        }
    }
}

impl fmt::Debug for Multikey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_multibase())
    }
}

fn ed25519(bytes: &[u8; 32]) -> Result<ed25519_dalek::VerifyingKey, SignatureError> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| SignatureError::InvalidKey)?;
    if key.is_weak() { Err(SignatureError::WeakKey) } else { Ok(key) }
}

fn p256(bytes: &[u8; 33]) -> Result<p256::ecdsa::VerifyingKey, SignatureError> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(|_| SignatureError::InvalidKey)
}

fn p384(bytes: &[u8; 49]) -> Result<p384::ecdsa::VerifyingKey, SignatureError> {
    p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(|_| SignatureError::InvalidKey)
}

/// Whoever can sign bytes that a standard fixes: software keys here, a key store behind the same trait elsewhere.
pub trait StandardSigner {
    /// The public half.
    fn multikey(&self) -> Multikey;

    /// A signature that [`Multikey::verify`] accepts over `message`.
    ///
    /// # Errors
    /// [`SignerError`]
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// A private key in memory, erased when dropped.
#[derive(Clone)]
pub struct StandardKey(Private);

#[derive(Clone)]
enum Private {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

impl StandardKey {
    /// The Ed25519 key that `seed` determines.
    #[must_use]
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self(Private::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// The P-256 key with this private scalar, big-endian.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when the scalar is zero or not below the group order.
    pub fn p256(scalar: &[u8; 32]) -> Result<Self, SignatureError> {
        let key = p256::ecdsa::SigningKey::from_slice(scalar).map_err(|_| SignatureError::InvalidKey);
        Ok(Self(Private::P256(key?)))
    }

    /// The P-384 key with this private scalar, big-endian.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when the scalar is zero or not below the group order.
    pub fn p384(scalar: &[u8; 48]) -> Result<Self, SignatureError> {
        let key = p384::ecdsa::SigningKey::from_slice(scalar).map_err(|_| SignatureError::InvalidKey);
        Ok(Self(Private::P384(key?)))
    }

    /// A new P-256 key.
    pub fn generate_p256(rng: &mut (impl rand_core::CryptoRng + ?Sized)) -> Self {
        let mut scalar = Zeroizing::new([0u8; 32]);
        loop {
            rng.fill_bytes(scalar.as_mut());
            // One draw in 2^32 is not below the group order.
            if let Ok(key) = Self::p256(&scalar) {
                return key;
            }
        }
    }
}

impl StandardSigner for StandardKey {
    fn multikey(&self) -> Multikey {
        match &self.0 {
            Private::Ed25519(key) => Multikey::Ed25519(key.verifying_key().to_bytes()),
            Private::P256(key) => Multikey::P256(compressed(key.verifying_key().to_sec1_point(true).as_bytes())),
            Private::P384(key) => Multikey::P384(compressed(key.verifying_key().to_sec1_point(true).as_bytes())),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(match &self.0 {
            Private::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            // Deterministic (RFC 6979).
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Private::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        })
    }
}

fn compressed<const N: usize>(point: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(point);
    bytes
}

impl fmt::Debug for StandardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [StandardKey; 3] {
        [StandardKey::ed25519(&[7; 32]), StandardKey::p256(&[7; 32]).unwrap(), StandardKey::p384(&[7; 48]).unwrap()]
    }

    #[test]
    fn signatures_bind_key_and_message() {
        let keys = keys();
        for (at, key) in keys.iter().enumerate() {
            let (public, signature) = (key.multikey(), key.sign(b"message").unwrap());
            assert_eq!(public.verify(b"message", &signature), Ok(()));
            assert_eq!(public.verify(b"messagf", &signature), Err(SignatureError::SignatureInvalid));
            let other = keys[(at + 1) % 3].multikey();
            assert_eq!(other.verify(b"message", &signature), Err(SignatureError::SignatureInvalid));
            for change in [&signature[1..], &[signature.as_slice(), &[0]].concat(), &[0; 64], &[0; 96], &[]] {
                assert_eq!(public.verify(b"message", change), Err(SignatureError::SignatureInvalid));
            }
        }
    }

    #[test]
    fn jwk_and_back_and_nothing_private() {
        for key in keys().map(|key| key.multikey()) {
            let jwk = key.to_jwk().unwrap();
            assert_eq!(Multikey::from_jwk(&jwk), Ok(key));
            let change = |name: &str, value: &str| {
                let mut changed = jwk.clone();
                changed[name] = value.into();
                Multikey::from_jwk(&changed)
            };
            let bad = [("d", "AA"), ("x", "AA"), ("x", "A+"), ("crv", "P-521"), ("kty", "RSA")];
            for (name, value) in bad {
                assert_eq!(change(name, value), Err(SignatureError::InvalidKey), "{name}");
            }
            if let Some(y) = jwk.get("y") {
                let last = if y.as_str().unwrap().ends_with('A') { "E" } else { "A" };
                let other = format!("{}{last}", &y.as_str().unwrap()[..y.as_str().unwrap().len() - 1]);
                assert_eq!(change("y", &other), Err(SignatureError::InvalidKey));
            }
        }
    }

    #[test]
    fn dkey_01_one_spelling_of_points_only() {
        for (key, start) in keys().iter().zip(["z6Mk", "zDn", "z82"]) {
            let text = key.multikey().to_multibase();
            assert!(text.starts_with(start), "{text}");
            assert_eq!(Multikey::from_multibase(&text), Ok(key.multikey()));
            for bad in [&text[1..], &format!("{text}1"), &format!("z1{}", &text[1..]), "z", "", "u7QE"] {
                assert_eq!(Multikey::from_multibase(bad), Err(SignatureError::InvalidKey), "{bad}");
            }
        }
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(Multikey::Ed25519(identity).validate(), Err(SignatureError::WeakKey));
        let mut off_curve = [0xff; 49];
        off_curve[0] = 2;
        assert_eq!(Multikey::P384(off_curve).validate(), Err(SignatureError::InvalidKey));
        let mut infinity = [0; 96];
        infinity[0] = 0xc0;
        assert_eq!(Multikey::Bls12381G2(infinity).validate(), Err(SignatureError::WeakKey));
        assert_eq!(Multikey::Bls12381G2([0; 96]).validate(), Err(SignatureError::InvalidKey));
        assert_eq!(StandardKey::p384(&[0xff; 48]).err(), Some(SignatureError::InvalidKey));
        assert_eq!(StandardKey::p256(&[0; 32]).err(), Some(SignatureError::InvalidKey));
    }
}
