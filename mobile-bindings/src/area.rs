//! The phone's key store, written in the app's language, as `wallet-core` asks it.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use protocol::crypto::keys::{PublicKey, Signature};
use protocol::crypto::multikey::Multikey;
use rand_core::CryptoRng;
use wallet_core::{SecureAreaError, SecureRecord, SoftwareSecureArea, WalletError};
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::os_randomness;

thread_local! {
    /// Whether this thread is inside a call of the app's key store. The wallet is busy then.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Why a key store did not do what it was asked. Anything else that an implementation throws is `Unavailable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum AreaError {
    /// It cannot be reached, or failed.
    #[error("the key store cannot be reached")]
    Unavailable,
    /// Its memory is full.
    #[error("the key store is full")]
    StorageFull,
    /// There is no key under this alias.
    #[error("the key store has no such key")]
    UnknownKey,
    /// The key exists and may not be used any more, e.g. because the phone's lock was changed.
    #[error("the phone has invalidated this key")]
    KeyInvalidated,
    /// Sealed bytes were changed, belong to another context or come from another device.
    #[error("sealed data does not belong to this phone or was changed")]
    SealBroken,
    /// A record was changed by someone else.
    #[error("the key store's memory was changed")]
    RecordTampered,
    /// The record's version is another one.
    #[error("the record has changed; read it again")]
    RecordConflict,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for AreaError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable
    }
}

impl From<AreaError> for SecureAreaError {
    fn from(error: AreaError) -> Self {
        match error {
            AreaError::Unavailable => Self::Unavailable,
            AreaError::StorageFull => Self::StorageFull,
            AreaError::UnknownKey => Self::UnknownKey,
            AreaError::KeyInvalidated => Self::KeyInvalidated,
            AreaError::SealBroken => Self::SealBroken,
            AreaError::RecordTampered => Self::RecordTampered,
            AreaError::RecordConflict => Self::RecordConflict,
        }
    }
}

/// A small record with the number of its last replacement.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct AreaRecord {
    /// 1 for the first, one more with each replacement.
    pub version: u64,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Keys and memory that only this phone has: Android's Keystore, Apple's Secure Enclave with the keychain.
///
/// Private keys are made inside and never leave. What a call changes has to survive a power cut once it returns. While
/// one of these runs the wallet is busy: a call of the wallet from inside it is refused (`CalledFromKeyStore`).
#[uniffi::export(with_foreign)]
pub trait SecureArea: Send + Sync {
    /// 16 bytes that name this device, the same for its whole life and for no other. Not secret, never sent.
    fn device_id(&self) -> Result<Vec<u8>, AreaError>;

    /// Makes a P-256 key under `alias`, or finds the one there is. Returns the public key, a SEC1 point of 65 or 33 bytes.
    fn create_key(&self, alias: String) -> Result<Vec<u8>, AreaError>;

    /// Signs `message` with the key of `alias`: ECDSA with SHA-256, in DER.
    fn sign(&self, alias: String, message: Vec<u8>) -> Result<Vec<u8>, AreaError>;

    /// Deletes the key of `alias`, if there is one.
    fn delete_key(&self, alias: String) -> Result<(), AreaError>;

    /// Encrypts at most 64 bytes so that only this device opens them, in the same `context`. What is sealed opens
    /// nothing without the PIN.
    fn seal(&self, context: Vec<u8>, secret: Vec<u8>) -> Result<Vec<u8>, AreaError>;

    /// Opens what `seal` made.
    fn unseal(&self, context: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, AreaError>;

    /// The record of this name, if there is one.
    fn record(&self, name: String) -> Result<Option<AreaRecord>, AreaError>;

    /// Replaces the record of this name if its version still is `version` (0: there is none yet), in one step.
    fn replace_record(&self, name: String, version: u64, bytes: Vec<u8>) -> Result<(), AreaError>;

    /// Deletes the record of this name, if there is one.
    fn delete_record(&self, name: String) -> Result<(), AreaError>;
}

/// Where a wallet's keys are.
#[derive(uniffi::Enum)]
pub enum Area {
    /// In files: for development, and for machines without a key store. Nothing keeps a thief of the files from trying PINs.
    Software {
        /// A directory of its own.
        directory: String,
    },
    /// In the phone's key store.
    Phone {
        /// The app's side of it.
        area: Arc<dyn SecureArea>,
    },
}

impl Area {
    pub(crate) fn open(self) -> Result<Arc<dyn wallet_core::SecureArea>, ApiError> {
        Ok(match self {
            Self::Software { directory } => {
                let mut rng = os_randomness()?;
                let area = SoftwareSecureArea::open_or_create(Path::new(&directory), &mut rng);
                Arc::new(area.map_err(WalletError::from)?)
            }
            Self::Phone { area } => Arc::new(PhoneArea(area)),
        })
    }
}

/// Refuses a call of the wallet that the app's key store makes: it would wait for itself.
pub(crate) fn outside() -> Result<(), ApiError> {
    if ASKING.get() {
        let advice = "the key store called the wallet that is asking it; report this".into();
        return Err(ApiError::Bug { reason: "CalledFromKeyStore".into(), advice });
    }
    Ok(())
}

struct PhoneArea(Arc<dyn SecureArea>);

impl PhoneArea {
    fn ask<T>(&self, call: impl FnOnce(&dyn SecureArea) -> Result<T, AreaError>) -> Result<T, SecureAreaError> {
        struct Until;
        impl Drop for Until {
            fn drop(&mut self) {
                ASKING.set(false);
            }
        }
        ASKING.set(true);
        let _until = Until;
        Ok(call(self.0.as_ref())?)
    }

    fn signature(&self, alias: &str, message: Vec<u8>) -> Result<p256::ecdsa::Signature, SecureAreaError> {
        let der = self.ask(|area| area.sign(alias.to_owned(), message))?;
        p256::ecdsa::Signature::from_der(&der).map_err(|_| SecureAreaError::Unavailable)
    }
}

impl wallet_core::SecureArea for PhoneArea {
    fn device_id(&self) -> Result<[u8; 16], SecureAreaError> {
        self.ask(|area| area.device_id())?.try_into().map_err(|_| SecureAreaError::Unavailable)
    }

    fn create_key(&self, alias: &str, _: &mut dyn CryptoRng) -> Result<PublicKey, SecureAreaError> {
        let point = self.ask(|area| area.create_key(alias.to_owned()))?;
        match Multikey::p256_from_sec1(&point) {
            Ok(Multikey::P256(bytes)) => Ok(PublicKey::P256(bytes)),
            _ => Err(SecureAreaError::Unavailable),
        }
    }

    fn sign(&self, alias: &str, domain: &[u8], message: &[u8]) -> Result<Signature, SecureAreaError> {
        // DIDM-03
        let signed = [&(domain.len() as u64).to_be_bytes(), domain, message].concat();
        Ok(Signature(self.signature(alias, signed)?.normalize_s().to_bytes().into()))
    }

    fn sign_standard(&self, alias: &str, message: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        Ok(self.signature(alias, message.to_vec())?.to_bytes().to_vec())
    }

    fn delete_key(&self, alias: &str) -> Result<(), SecureAreaError> {
        self.ask(|area| area.delete_key(alias.to_owned()))
    }

    fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        self.ask(|area| area.seal(context.to_vec(), secret.to_vec()))
    }

    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecureAreaError> {
        Ok(Zeroizing::new(self.ask(|area| area.unseal(context.to_vec(), sealed.to_vec()))?))
    }

    fn record(&self, name: &str) -> Result<Option<SecureRecord>, SecureAreaError> {
        let record = self.ask(|area| area.record(name.to_owned()))?;
        Ok(record.map(|AreaRecord { version, bytes }| SecureRecord { version, bytes }))
    }

    fn replace_record(&self, name: &str, version: u64, bytes: &[u8]) -> Result<(), SecureAreaError> {
        self.ask(|area| area.replace_record(name.to_owned(), version, bytes.to_vec()))
    }

    fn delete_record(&self, name: &str) -> Result<(), SecureAreaError> {
        self.ask(|area| area.delete_record(name.to_owned()))
    }
}
