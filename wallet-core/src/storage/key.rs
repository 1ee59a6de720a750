//! How the PIN and the phone together open the database, and neither does alone (WFILE-01, WFILE-02).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::WalletError;
use crate::labels;
use crate::pin::Pin;
use crate::secure_area::SecureArea;

/// Length of the database key, in bytes.
const KEY: usize = 32;

/// How much work one guess of the PIN costs (Argon2id, RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfParameters {
    /// 64 MiB, three passes: the second recommendation of RFC 9106, section 4, on one lane.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// 19 MiB, two passes: the least that is accepted.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// The most that is accepted, so that a changed file cannot exhaust a phone.
    const CAP: Self = Self { memory_kib: 512 * 1024, passes: 16, lanes: 4 };

    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`WalletError::KdfBelowFloor`], [`WalletError::KdfAboveCap`]
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, WalletError> {
        if memory_kib < Self::FLOOR.memory_kib || passes < Self::FLOOR.passes || lanes < Self::FLOOR.lanes {
            return Err(WalletError::KdfBelowFloor);
        }
        if memory_kib > Self::CAP.memory_kib || passes > Self::CAP.passes || lanes > Self::CAP.lanes {
            return Err(WalletError::KdfAboveCap);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    fn stored(self) -> [u32; 3] {
        [self.memory_kib, self.passes, self.lanes]
    }

    fn derive(self, pin: &Pin, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, WalletError> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| WalletError::KdfAboveCap)?;
        let mut out = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(pin.as_bytes(), salt, out.as_mut())
            .map_err(|_| WalletError::KdfAboveCap)?;
        Ok(out)
    }
}

/// The key of the database: 32 random bytes that exist in the clear only while the wallet is unlocked. They lie on the heap,
/// so that handing the key on leaves no copy behind on the stack.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DatabaseKey(Box<[u8]>);

impl core::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DatabaseKey([redacted])")
    }
}

impl DatabaseKey {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self(vec![0; KEY].into_boxed_slice());
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The 32 bytes, for whatever encrypts the records.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The database key as it is kept: wrapped by a key that takes both the PIN and the secure area.
///
/// `wrapping key = HKDF-SHA256(salt, Argon2id(PIN, salt) ‖ device share)`, where the device share is 32 random
/// bytes sealed by the secure area. Whoever has the file needs the phone, and whoever has the phone
/// gets ten tries.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct WrappedKey {
    /// Memory, passes, lanes, as they were read.
    #[n(0)]
    kdf: [u32; 3],
    #[cbor(n(1), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[cbor(n(2), with = "minicbor::bytes")]
    device_share: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Wraps `key`. `wallet` (the wallet file's header) is authenticated with it.
    pub(crate) fn wrap(
        key: &DatabaseKey,
        pin: &Pin,
        kdf: KdfParameters,
        wallet: &[u8],
        area: &dyn SecureArea,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, WalletError> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let mut share = Zeroizing::new([0; 32]);
        rng.fill_bytes(share.as_mut());
        let device_share = area.seal(&context(wallet), share.as_ref())?;
        let cipher = wrapping_cipher(kdf, pin, &salt, share.as_ref())?;
        // The wrapping key is used once: a new PIN or parameters come with a new salt.
        let payload = Payload { msg: &key.0, aad: &associated(kdf, wallet) };
        let wrapped = cipher.encrypt(&Nonce::default(), payload).map_err(|_| WalletError::StorageUnavailable)?;
        Ok(Self { kdf: kdf.stored(), salt, device_share, wrapped })
    }

    /// The parameters, if they are within bounds.
    pub(crate) fn parameters(&self) -> Result<KdfParameters, WalletError> {
        let [memory_kib, passes, lanes] = self.kdf;
        KdfParameters::new(memory_kib, passes, lanes)
    }

    /// The same with other parameters, as someone who changes the record would leave it.
    #[cfg(test)]
    pub(super) fn with_work_factor(&self, kdf: [u32; 3]) -> Self {
        Self { kdf, ..self.clone() }
    }

    /// The database key, or `None` when this is not the PIN.
    pub(crate) fn open(
        &self,
        pin: &Pin,
        wallet: &[u8],
        area: &dyn SecureArea,
    ) -> Result<Option<DatabaseKey>, WalletError> {
        let kdf = self.parameters()?;
        let share = area.unseal(&context(wallet), &self.device_share)?;
        let cipher = wrapping_cipher(kdf, pin, &self.salt, &share)?;
        let payload = Payload { msg: &self.wrapped, aad: &associated(kdf, wallet) };
        let Ok(opened) = cipher.decrypt(&Nonce::default(), payload).map(Zeroizing::new) else { return Ok(None) };
        match opened.len() {
            KEY => Ok(Some(DatabaseKey(opened.as_slice().into()))),
            _ => Err(WalletError::StorageTampered),
        }
    }
}

fn context(wallet: &[u8]) -> Vec<u8> {
    [labels::DEVICE_SHARE, wallet].concat()
}

fn associated(kdf: KdfParameters, wallet: &[u8]) -> Vec<u8> {
    [protocol::cbor::to_vec(&kdf.stored()).as_slice(), wallet].concat()
}

fn wrapping_cipher(
    kdf: KdfParameters,
    pin: &Pin,
    salt: &[u8; 16],
    share: &[u8],
) -> Result<ChaCha20Poly1305, WalletError> {
    let stretched = kdf.derive(pin, salt)?;
    let input = Zeroizing::new([stretched.as_slice(), share].concat());
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), &input)
        .expand(labels::WRAPPING_KEY, key.as_mut())
        .map_err(|_| WalletError::StorageUnavailable)?;
    Ok(ChaCha20Poly1305::new(&Key::from(*key)))
}
