//! One message to a P-256 key (HPKE, RFC 9180, base mode): DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. The suite of
//! ISO/IEC TS 18013-7, annex C, and the only one here.

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{
    Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _, single_shot_open, single_shot_seal_with_rng,
};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rand_core::CryptoRng;

use super::agreement::AgreementKey;
use super::multikey::Multikey;

/// Length of an ephemeral key as it is sent: an uncompressed point.
pub const ENCAPSULATED: usize = 65;
/// Longest message, in bytes.
pub const MESSAGE_MAX: usize = 1 << 20;

/// Why a message is not sealed, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HpkeError {
    /// The recipient's key is not on P-256.
    #[error("messages are encrypted to P-256 keys only; ask the recipient for another key")]
    UnsupportedKey,
    /// Longer than messages may be.
    #[error("the message is too long to be encrypted; send less")]
    TooLarge,
    /// Not encrypted to this key in this context, or changed.
    #[error("the message is not for this recipient and context, or was changed; ask for a new one")]
    DecryptionFailed,
}

/// A message that one key opens, in one context.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The sender's ephemeral key.
    pub encapsulated: Vec<u8>,
    /// The message and its tag.
    pub ciphertext: Vec<u8>,
}

impl core::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sealed({} bytes)", self.ciphertext.len())
    }
}

/// Encrypts `message` to `recipient`; `info` says what for, and is the same on both sides.
///
/// # Errors
/// [`HpkeError::UnsupportedKey`], [`HpkeError::TooLarge`]
pub fn seal(
    recipient: &Multikey,
    info: &[u8],
    message: &[u8],
    mut rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Sealed, HpkeError> {
    if message.len() > MESSAGE_MAX {
        return Err(HpkeError::TooLarge);
    }
    let Multikey::P256(point) = recipient else { return Err(HpkeError::UnsupportedKey) };
    let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| HpkeError::UnsupportedKey)?;
    let key = <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(key.to_sec1_point(false).as_bytes())
        .map_err(|_| HpkeError::UnsupportedKey)?;
    let (encapsulated, ciphertext) = single_shot_seal_with_rng::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
        &OpModeS::Base,
        &key,
        info,
        message,
        &[],
        &mut rng,
    )
    .map_err(|_| HpkeError::UnsupportedKey)?;
    Ok(Sealed { encapsulated: encapsulated.to_bytes().to_vec(), ciphertext })
}

/// Decrypts a message that was [sealed](seal) to `key` for the same `info`.
///
/// # Errors
/// [`HpkeError::TooLarge`], [`HpkeError::DecryptionFailed`]
pub fn open(key: &AgreementKey, info: &[u8], sealed: &Sealed) -> Result<Vec<u8>, HpkeError> {
    if sealed.ciphertext.len() > MESSAGE_MAX + 16 {
        return Err(HpkeError::TooLarge);
    }
    let failed = |_| HpkeError::DecryptionFailed;
    let key = <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(key.scalar().as_ref()).map_err(failed)?;
    let encapsulated = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated).map_err(failed)?;
    single_shot_open::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &key,
        &encapsulated,
        info,
        &sealed.ciphertext,
        &[],
    )
    .map_err(failed)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;

    fn key(seed: u8) -> AgreementKey {
        AgreementKey::from_seed(&[seed; 32]).unwrap()
    }

    #[test]
    fn one_key_opens_it_in_one_context() {
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let sealed = seal(&key(1).public().unwrap(), b"context", b"message", &mut rng).unwrap();
        assert_eq!(sealed.encapsulated.len(), ENCAPSULATED);
        assert_eq!(open(&key(1), b"context", &sealed).unwrap(), b"message");
        assert_eq!(open(&key(2), b"context", &sealed), Err(HpkeError::DecryptionFailed));
        assert_eq!(open(&key(1), b"another", &sealed), Err(HpkeError::DecryptionFailed));
        for at in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[at] ^= 1;
            assert_eq!(open(&key(1), b"context", &changed), Err(HpkeError::DecryptionFailed));
        }
        let mut point = sealed.clone();
        point.encapsulated[40] ^= 1;
        assert_eq!(open(&key(1), b"context", &point), Err(HpkeError::DecryptionFailed));
        point.encapsulated.truncate(33);
        assert_eq!(open(&key(1), b"context", &point), Err(HpkeError::DecryptionFailed));
        let long = vec![0; MESSAGE_MAX + 17];
        assert_eq!(seal(&key(1).public().unwrap(), b"", &long, &mut rng), Err(HpkeError::TooLarge));
        assert_eq!(open(&key(1), b"", &Sealed { ciphertext: long, ..sealed }), Err(HpkeError::TooLarge));
        let ed25519 = Multikey::Ed25519([1; 32]);
        assert_eq!(seal(&ed25519, b"", b"", &mut rng), Err(HpkeError::UnsupportedKey));
    }
}
