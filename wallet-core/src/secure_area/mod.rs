//! The phone's secure area: keys that never cross the interface, and a little memory that cannot be
//! turned back.

mod sealed;
#[cfg(not(target_family = "wasm"))]
mod software;

pub use sealed::{SealedArea, Shelf};
#[cfg(not(target_family = "wasm"))]
pub use software::{Folder, SoftwareSecureArea};

use std::cell::Cell;

use protocol::crypto::keys::{PublicKey, Signature, Signer, SignerError};
use protocol::crypto::multikey::{Multikey, StandardSigner};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::WalletError;

/// Why the secure area did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecureAreaError {
    /// It cannot be reached, or its storage failed.
    #[error("the phone's secure area cannot be reached; restart the phone and try again")]
    Unavailable,
    /// Its memory is full.
    #[error("the phone's storage is full; free some space and try again")]
    StorageFull,
    /// There is no key under this alias.
    #[error("the phone's secure area has no such key; get the credential issued again")]
    UnknownKey,
    /// The key exists and may not be used any more, e.g. because the phone's lock was changed.
    #[error("the phone has invalidated this key; get the credential issued again")]
    KeyInvalidated,
    /// Sealed bytes were changed, belong to another context or come from another device.
    #[error("sealed data does not belong to this phone or was changed; set the wallet up again")]
    SealBroken,
    /// A record was changed by someone else than the secure area.
    #[error("the secure area's memory was changed; set the wallet up again")]
    RecordTampered,
    /// Someone else replaced the record in the meantime; read it again.
    #[error("the secure area's record has changed; read it again")]
    RecordConflict,
}

/// A small record with the number of its last replacement, which only grows.
#[derive(Clone, PartialEq, Eq)]
pub struct SecureRecord {
    /// 1 for the first, one more with each replacement.
    pub version: u64,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Keys and memory that only this phone has.
///
/// Private keys are made inside and never leave: there is no way to export or import one. On a phone
/// this is Android's Keystore (StrongBox) or Apple's Secure Enclave with the keychain; an implementation
/// that has its own source of randomness ignores `rng`.
///
/// The order of acknowledgement matters: what a call changes has to survive a power cut once it returns.
pub trait SecureArea: Send + Sync {
    /// A name of this device, the same for its whole life and for no other. Not secret, never sent.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn device_id(&self) -> Result<[u8; 16], SecureAreaError>;

    /// Makes a P-256 key under `alias`; a key of that alias that already exists is returned instead.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`], [`SecureAreaError::KeyInvalidated`]
    fn create_key(&self, alias: &str, rng: &mut dyn CryptoRng) -> Result<PublicKey, SecureAreaError>;

    /// Signs `message` under the label `domain` with the key of `alias`.
    ///
    /// # Errors
    /// [`SecureAreaError`]
    fn sign(&self, alias: &str, domain: &[u8], message: &[u8]) -> Result<Signature, SecureAreaError>;

    /// Signs `message` as it is (ECDSA with SHA-256, 64 bytes), as formats of others want it. A key signs either so or under
    /// labels, never both.
    ///
    /// # Errors
    /// [`SecureAreaError`]
    fn sign_standard(&self, alias: &str, message: &[u8]) -> Result<Vec<u8>, SecureAreaError>;

    /// Deletes the key of `alias`, if there is one.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn delete_key(&self, alias: &str) -> Result<(), SecureAreaError>;

    /// Encrypts a secret of at most 64 bytes so that only this device opens it, in the same `context`.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, SecureAreaError>;

    /// Opens what [`SecureArea::seal`] made.
    ///
    /// # Errors
    /// [`SecureAreaError::SealBroken`], [`SecureAreaError::Unavailable`]
    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecureAreaError>;

    /// The record of this name, if there is one.
    ///
    /// # Errors
    /// [`SecureAreaError::RecordTampered`], [`SecureAreaError::Unavailable`]
    fn record(&self, name: &str) -> Result<Option<SecureRecord>, SecureAreaError>;

    /// Replaces the record of this name if its version still is `version` (0: there is none yet), in one
    /// step that no one can interleave.
    ///
    /// # Errors
    /// [`SecureAreaError::RecordConflict`], [`SecureAreaError::Unavailable`]
    fn replace_record(&self, name: &str, version: u64, bytes: &[u8]) -> Result<(), SecureAreaError>;

    /// Deletes the record of this name, if there is one.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn delete_record(&self, name: &str) -> Result<(), SecureAreaError>;
}

/// One key of a secure area, as `protocol` signs with it.
pub(crate) struct DeviceKey<'a> {
    area: &'a dyn SecureArea,
    alias: String,
    public_key: PublicKey,
    /// Why it did not sign: `protocol` passes on only that it did not.
    fault: Cell<Option<SecureAreaError>>,
}

impl<'a> DeviceKey<'a> {
    pub(crate) fn new(area: &'a dyn SecureArea, alias: String, public_key: PublicKey) -> Self {
        Self { area, alias, public_key, fault: Cell::new(None) }
    }

    /// Why no valid signature came of it.
    pub(crate) fn fault(&self) -> WalletError {
        self.told().unwrap_or(WalletError::KeystoreFault)
    }

    /// Why it did not sign, if it was asked and said so.
    pub(crate) fn told(&self) -> Option<WalletError> {
        self.fault.get().map(WalletError::from)
    }
}

impl Signer for DeviceKey<'_> {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn sign(&self, domain: &[u8], message: &[u8]) -> Result<Signature, SignerError> {
        self.area.sign(&self.alias, domain, message).map_err(|fault| {
            self.fault.set(Some(fault));
            SignerError::KeyUnavailable
        })
    }
}

/// One key of a secure area, as formats of others are signed with it.
pub(crate) struct StandardDeviceKey<'a> {
    area: &'a dyn SecureArea,
    alias: String,
    multikey: Multikey,
}

impl<'a> StandardDeviceKey<'a> {
    pub(crate) fn new(area: &'a dyn SecureArea, alias: String, key: PublicKey) -> Result<Self, WalletError> {
        let multikey = Multikey::from_multicodec(&key.to_multicodec()).map_err(|_| WalletError::KeystoreFault)?;
        Ok(Self { area, alias, multikey })
    }
}

impl StandardSigner for StandardDeviceKey<'_> {
    fn multikey(&self) -> Multikey {
        self.multikey
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.area.sign_standard(&self.alias, message).map_err(|_| SignerError::KeyUnavailable)
    }
}
