//! Public keys and signatures of issuers, verifiers, validators and devices: Ed25519 and P-256.
//!
//! Every signature is made under a label of [`domains`](super::domains): the signed bytes are
//! `length(label) as 8 bytes, big-endian ‖ label ‖ message`, so a signature made for one purpose is
//! valid for no other. BBS keys are another thing: see `crypto::bbs`.

use core::fmt;

use ed25519_dalek::ed25519::signature::Signer as _;
use minicbor::{Decode, Decoder, Encode, Encoder};
use p256::ecdsa::signature::Verifier as _;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::multikey::Multikey;

/// Multicodec prefix of an Ed25519 public key (`0xed`, as varint).
const ED25519_CODEC: [u8; 2] = [0xed, 0x01];
/// Multicodec prefix of a compressed P-256 public key (`0x1200`, as varint).
const P256_CODEC: [u8; 2] = [0x80, 0x24];
/// Multicodec prefix of a compressed point of BLS12-381's G2 (`0xeb`, as varint).
const BLS12_381_G2_CODEC: [u8; 2] = [0xeb, 0x01];
/// No Multikey text of these kinds is longer.
const MULTIKEY_MAX: usize = 140;

/// Why a signature, or the key it should be checked with, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key is not a point of its curve, or its text is no Multikey.
    #[error("the public key is not valid; ask its owner for the right one")]
    InvalidKey,
    /// The Ed25519 key has small order, so that signatures under it bind nothing.
    #[error("the public key is weak; ask its owner to make a new one")]
    WeakKey,
    /// The signature was not made by this key over this message for this purpose.
    #[error("the signature does not fit the message; do not trust it")]
    SignatureInvalid,
}

/// Why a key holder did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The key store does not hold the key, or cannot be reached.
    #[error("the signing key cannot be reached; open the key store and try again")]
    KeyUnavailable,
    /// The key store wants the owner's consent first.
    #[error("the key store did not allow signing; unlock it and try again")]
    NotAuthorized,
}

/// A public key, as the ledger and messages name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PublicKey {
    /// Ed25519 (RFC 8032), 32 bytes.
    Ed25519([u8; 32]),
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5), SEC1 compressed point.
    P256([u8; 33]),
    /// A key for BBS proofs of W3C credentials: a point of BLS12-381's G2, compressed. It verifies no other signature.
    Bls12381G2([u8; 96]),
}

/// A 64-byte signature: `R ‖ S` (Ed25519) or `r ‖ s` with low `s` (P-256).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

impl PublicKey {
    /// Accepts `signature` over `message` under the label `domain` (DIDM-03).
    ///
    /// Ed25519 is checked strictly (no small-order key or `R`, canonical `S`). Of the two P-256
    /// signatures `(r, s)` and `(r, n − s)` only the one with the smaller `s` is valid, so that a
    /// signature has one spelling.
    ///
    /// # Errors
    /// [`SignatureError`]
    pub fn verify(&self, domain: &[u8], message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let signed = signed_bytes(domain, message);
        match self {
            Self::Ed25519(bytes) => {
                let key = ed25519_key(bytes)?;
                let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
                key.verify_strict(&signed, &signature).map_err(|_| SignatureError::SignatureInvalid)
            }
            Self::P256(bytes) => {
                let key = p256_key(bytes)?;
                let signature =
                    p256::ecdsa::Signature::from_slice(&signature.0).map_err(|_| SignatureError::SignatureInvalid)?;
                if signature.normalize_s() != signature {
                    return Err(SignatureError::SignatureInvalid);
                }
                key.verify(&signed, &signature).map_err(|_| SignatureError::SignatureInvalid)
            }
            Self::Bls12381G2(_) => Err(SignatureError::InvalidKey),
        }
    }

    /// Refuses a key that is no point of its curve, or of small order (DIDM-04); every use does so too.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], [`SignatureError::WeakKey`]
    pub fn validate(&self) -> Result<(), SignatureError> {
        match self {
            Self::Ed25519(bytes) => ed25519_key(bytes).map(|_| ()),
            Self::P256(bytes) => p256_key(bytes).map(|_| ()),
            Self::Bls12381G2(bytes) => Multikey::Bls12381G2(*bytes).validate(),
        }
    }

    /// Multicodec form: the algorithm's two-byte prefix, then the key (34, 35 or 98 bytes).
    #[must_use]
    pub fn to_multicodec(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(bytes) => [ED25519_CODEC.as_slice(), bytes].concat(),
            Self::P256(bytes) => [P256_CODEC.as_slice(), bytes].concat(),
            Self::Bls12381G2(bytes) => [BLS12_381_G2_CODEC.as_slice(), bytes].concat(),
        }
    }

    /// Reads the multicodec form. The point itself is checked by [`PublicKey::validate`] and at each use.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] on another prefix or length.
    pub fn from_multicodec(bytes: &[u8]) -> Result<Self, SignatureError> {
        let (codec, key) = bytes.split_at_checked(2).ok_or(SignatureError::InvalidKey)?;
        let wrong_length = |_| SignatureError::InvalidKey;
        if codec == ED25519_CODEC {
            key.try_into().map(Self::Ed25519).map_err(wrong_length)
        } else if codec == P256_CODEC {
            key.try_into().map(Self::P256).map_err(wrong_length)
        } else if codec == BLS12_381_G2_CODEC {
            key.try_into().map(Self::Bls12381G2).map_err(wrong_length)
        } else {
            Err(SignatureError::InvalidKey)
        }
    }

    /// Multikey text (Controlled Identifiers 1.0, section 2.2.2): `z6Mk…`, `zDn…` or `zUC7…`.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        format!("z{}", bs58::encode(self.to_multicodec()).into_string())
    }

    /// Reads a Multikey text and checks the key in it.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`], [`SignatureError::WeakKey`]
    pub fn from_multikey(text: &str) -> Result<Self, SignatureError> {
        let digits =
            text.strip_prefix('z').filter(|digits| digits.len() <= MULTIKEY_MAX).ok_or(SignatureError::InvalidKey)?;
        let bytes = bs58::decode(digits).into_vec().map_err(|_| SignatureError::InvalidKey)?;
        let key = Self::from_multicodec(&bytes)?;
        key.validate()?;
        Ok(key)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_multikey())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<C> Encode<C> for PublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.to_multicodec())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PublicKey {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_multicodec(d.bytes()?).map_err(|_| minicbor::decode::Error::message("not a public key"))
    }
}

impl<C> Encode<C> for Signature {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Signature {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into();
        bytes.map(Self).map_err(|_| minicbor::decode::Error::message("a signature has 64 bytes"))
    }
}

/// Whoever can sign: software keys here, a hardware key store behind the same trait on a phone.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` under the label `domain`.
    ///
    /// # Errors
    /// [`SignerError`]
    fn sign(&self, domain: &[u8], message: &[u8]) -> Result<Signature, SignerError>;
}

/// An Ed25519 private key in memory, erased when dropped.
#[derive(Clone)]
pub struct Ed25519SigningKey(ed25519_dalek::SigningKey);

impl Ed25519SigningKey {
    /// The key that `seed` determines (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The seed, for sealing in a key store.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
}

impl Signer for Ed25519SigningKey {
    fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, domain: &[u8], message: &[u8]) -> Result<Signature, SignerError> {
        Ok(Signature(self.0.sign(&signed_bytes(domain, message)).to_bytes()))
    }
}

impl fmt::Debug for Ed25519SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A P-256 private key in memory, erased when dropped.
#[derive(Clone)]
pub struct P256SigningKey(p256::ecdsa::SigningKey);

impl P256SigningKey {
    /// The key whose private scalar is `seed`, big-endian.
    ///
    /// # Errors
    /// [`SignatureError::InvalidKey`] when the scalar is zero or not below the group order.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignatureError> {
        p256::ecdsa::SigningKey::from_slice(seed).map(Self).map_err(|_| SignatureError::InvalidKey)
    }

    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        loop {
            rng.fill_bytes(seed.as_mut());
            // One draw in 2^32 is not below the group order.
            if let Ok(key) = Self::from_seed(&seed) {
                return key;
            }
        }
    }

    /// The private scalar, for sealing in a key store.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }
}

impl Signer for P256SigningKey {
    fn public_key(&self) -> PublicKey {
        let point = self.0.verifying_key().to_sec1_point(true);
        let mut bytes = [0u8; 33];
        bytes.copy_from_slice(point.as_bytes());
        PublicKey::P256(bytes)
    }

    fn sign(&self, domain: &[u8], message: &[u8]) -> Result<Signature, SignerError> {
        let signature: p256::ecdsa::Signature = self.0.sign(&signed_bytes(domain, message));
        Ok(Signature(signature.normalize_s().to_bytes().into()))
    }
}

impl fmt::Debug for P256SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What a signature over `message` under the label `domain` is made of (DIDM-03): for key stores that sign bytes.
#[must_use]
pub fn signed_bytes(domain: &[u8], message: &[u8]) -> Vec<u8> {
    let length = (domain.len() as u64).to_be_bytes();
    [length.as_slice(), domain, message].concat()
}

fn ed25519_key(bytes: &[u8; 32]) -> Result<ed25519_dalek::VerifyingKey, SignatureError> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| SignatureError::InvalidKey)?;
    if key.is_weak() {
        return Err(SignatureError::WeakKey);
    }
    Ok(key)
}

fn p256_key(bytes: &[u8; 33]) -> Result<p256::ecdsa::VerifyingKey, SignatureError> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(|_| SignatureError::InvalidKey)
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;

    use super::*;
    use crate::cbor;

    const DOMAIN: &[u8] = b"mid/v1/test;";

    fn signers() -> [Box<dyn Signer>; 2] {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
        [Box::new(Ed25519SigningKey::generate(&mut rng)), Box::new(P256SigningKey::generate(&mut rng))]
    }

    #[test]
    fn didm_03_signatures_bind_key_purpose_and_message() {
        let [first, second] = signers();
        for (signer, other) in [(&first, &second), (&second, &first)] {
            let key = signer.public_key();
            let signature = signer.sign(DOMAIN, b"message").unwrap();
            assert_eq!(key.verify(DOMAIN, b"message", &signature), Ok(()));
            assert_eq!(key.verify(DOMAIN, b"messagf", &signature), Err(SignatureError::SignatureInvalid));
            assert_eq!(key.verify(b"mid/v1/tesu;", b"message", &signature), Err(SignatureError::SignatureInvalid));
            assert_eq!(
                key.verify(b"mid/v1/test", b";message", &signature),
                Err(SignatureError::SignatureInvalid),
                "the label's length is signed"
            );
            assert_eq!(
                other.public_key().verify(DOMAIN, b"message", &signature),
                Err(SignatureError::SignatureInvalid)
            );
            for i in 0..64 {
                let mut changed = signature;
                changed.0[i] ^= 1;
                assert_eq!(key.verify(DOMAIN, b"message", &changed), Err(SignatureError::SignatureInvalid), "byte {i}");
            }
        }
    }

    #[test]
    fn p256_high_s_is_refused() {
        let [_, signer] = signers();
        let low = signer.sign(DOMAIN, b"message").unwrap();
        let parsed = p256::ecdsa::Signature::from_slice(&low.0).unwrap();
        let high = p256::ecdsa::Signature::from_scalars(parsed.r().to_bytes(), (-*parsed.s()).to_bytes()).unwrap();
        let high = Signature(high.to_bytes().into());
        assert_ne!(high, low);
        assert_eq!(signer.public_key().verify(DOMAIN, b"message", &high), Err(SignatureError::SignatureInvalid));
        assert_eq!(signer.public_key().verify(DOMAIN, b"message", &low), Ok(()));
        for bad in [[0u8; 64], [0xff; 64]] {
            let refused = signer.public_key().verify(DOMAIN, b"message", &Signature(bad));
            assert_eq!(refused, Err(SignatureError::SignatureInvalid));
        }
    }

    #[test]
    fn didm_04_bad_keys_are_refused() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::Ed25519(identity).validate(), Err(SignatureError::WeakKey));
        assert_eq!(PublicKey::Ed25519([0; 32]).validate(), Err(SignatureError::WeakKey));
        let mut no_point = [0u8; 32];
        no_point[0] = 2;
        assert_eq!(PublicKey::Ed25519(no_point).validate(), Err(SignatureError::InvalidKey));
        for prefix in [0u8, 2, 4, 5] {
            let mut off_curve = [0xff; 33];
            off_curve[0] = prefix;
            assert_eq!(PublicKey::P256(off_curve).validate(), Err(SignatureError::InvalidKey));
        }
        assert_eq!(P256SigningKey::from_seed(&[0; 32]).err(), Some(SignatureError::InvalidKey));
        assert_eq!(P256SigningKey::from_seed(&[0xff; 32]).err(), Some(SignatureError::InvalidKey));
        for signer in signers() {
            assert_eq!(signer.public_key().validate(), Ok(()));
        }
    }

    #[test]
    fn multikey_round_trips_and_refuses() {
        for (signer, start) in signers().iter().zip(["z6Mk", "zDn"]) {
            let key = signer.public_key();
            let text = key.to_multikey();
            assert!(text.starts_with(start), "{text}");
            assert_eq!(PublicKey::from_multikey(&text), Ok(key));
            assert_eq!(PublicKey::from_multikey(&text[1..]), Err(SignatureError::InvalidKey));
            assert_eq!(PublicKey::from_multikey(&format!("{text}1")), Err(SignatureError::InvalidKey));
            assert_eq!(cbor::from_slice(&cbor::to_vec(&key), 64), Ok(key));
        }
        for bad in ["", "z", "z0", "zz", "u6Mk", "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"] {
            assert_eq!(PublicKey::from_multikey(bad), Err(SignatureError::InvalidKey), "{bad}");
        }
    }

    #[test]
    fn private_keys_print_nothing_and_survive_sealing() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([8; 32]);
        let ed25519 = Ed25519SigningKey::generate(&mut rng);
        let p256 = P256SigningKey::generate(&mut rng);
        assert_eq!(format!("{ed25519:?} {p256:?}"), "[redacted] [redacted]");
        assert_eq!(Ed25519SigningKey::from_seed(&ed25519.seed()).public_key(), ed25519.public_key());
        assert_eq!(P256SigningKey::from_seed(&p256.seed()).unwrap().public_key(), p256.public_key());
    }
}
