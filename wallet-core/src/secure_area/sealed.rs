//! A secure area in software: keys and records sealed under one root key, on a shelf that need not be trusted.

use core::any::Any;

use protocol::crypto::keys::{P256SigningKey, PublicKey, Signature, Signer};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{SecureArea, SecureAreaError, SecureRecord};
use crate::labels;
use crate::sealing::Sealing;

/// Where a software secure area keeps what it has sealed.
pub trait Shelf: Send + Sync {
    /// Keeps every other user of the shelf out until the value is dropped.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn exclusive(&self) -> Result<Box<dyn Any>, SecureAreaError>;

    /// What lies under this name, if anything does.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SecureAreaError>;

    /// Puts `sealed` under this name, in place of what lies there.
    ///
    /// # Errors
    /// [`SecureAreaError::StorageFull`], [`SecureAreaError::Unavailable`]
    fn replace(&self, name: &str, sealed: &[u8]) -> Result<(), SecureAreaError>;

    /// Takes away what lies under this name, if anything does.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`]
    fn remove(&self, name: &str) -> Result<(), SecureAreaError>;
}

/// Keys and records on a shelf, sealed with a root key.
///
/// **This is software.** Whoever has the root key and the shelf has the device, and whoever can write to the shelf can put
/// back an older copy of all of it. It protects a wallet that was copied *without* the root key, and it behaves as a
/// phone's secure area does.
pub struct SealedArea<S> {
    pub(super) shelf: S,
    sealing: Sealing,
}

impl<S: Shelf> SealedArea<S> {
    /// The secure area whose root key this is: another one is another device.
    pub fn new(shelf: S, root: Zeroizing<[u8; 32]>) -> Self {
        Self { shelf, sealing: Sealing::new(root, labels::AREA_SEALING, labels::AREA_NONCE) }
    }

    fn key(&self, alias: &str) -> Result<Option<P256SigningKey>, SecureAreaError> {
        let Some(sealed) = self.shelf.read(&name("key", alias))? else { return Ok(None) };
        let seed = self.unseal(&context("key", alias), &sealed)?;
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed.as_slice()).map_err(|_| SecureAreaError::SealBroken)?);
        P256SigningKey::from_seed(&seed).map(Some).map_err(|_| SecureAreaError::SealBroken)
    }
}

impl<S: Shelf> SecureArea for SealedArea<S> {
    fn device_id(&self) -> Result<[u8; 16], SecureAreaError> {
        Ok(*self.sealing.derive(labels::AREA_DEVICE_ID))
    }

    fn create_key(&self, alias: &str, mut rng: &mut dyn CryptoRng) -> Result<PublicKey, SecureAreaError> {
        let _exclusive = self.shelf.exclusive()?;
        if let Some(key) = self.key(alias)? {
            return Ok(key.public_key());
        }
        let key = P256SigningKey::generate(&mut rng);
        let sealed = self.seal(&context("key", alias), key.seed().as_ref())?;
        self.shelf.replace(&name("key", alias), &sealed)?;
        Ok(key.public_key())
    }

    fn sign(&self, alias: &str, domain: &[u8], message: &[u8]) -> Result<Signature, SecureAreaError> {
        let key = self.key(alias)?.ok_or(SecureAreaError::UnknownKey)?;
        key.sign(domain, message).map_err(|_| SecureAreaError::Unavailable)
    }

    fn sign_standard(&self, alias: &str, message: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        let key = self.key(alias)?.ok_or(SecureAreaError::UnknownKey)?;
        let key = StandardKey::p256(&key.seed()).map_err(|_| SecureAreaError::SealBroken)?;
        key.sign(message).map_err(|_| SecureAreaError::Unavailable)
    }

    fn delete_key(&self, alias: &str) -> Result<(), SecureAreaError> {
        self.shelf.remove(&name("key", alias))
    }

    fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        self.sealing.seal(context, secret).ok_or(SecureAreaError::Unavailable)
    }

    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecureAreaError> {
        self.sealing.unseal(context, sealed).ok_or(SecureAreaError::SealBroken)
    }

    fn record(&self, of: &str) -> Result<Option<SecureRecord>, SecureAreaError> {
        let Some(sealed) = self.shelf.read(&name("record", of))? else { return Ok(None) };
        let opened = self.unseal(&context("record", of), &sealed).map_err(|_| SecureAreaError::RecordTampered)?;
        let (version, bytes) = opened.split_first_chunk().ok_or(SecureAreaError::RecordTampered)?;
        Ok(Some(SecureRecord { version: u64::from_be_bytes(*version), bytes: bytes.to_vec() }))
    }

    fn replace_record(&self, of: &str, version: u64, bytes: &[u8]) -> Result<(), SecureAreaError> {
        let _exclusive = self.shelf.exclusive()?;
        let current = self.record(of)?.map_or(0, |record| record.version);
        if current != version {
            return Err(SecureAreaError::RecordConflict);
        }
        let next = version.checked_add(1).ok_or(SecureAreaError::RecordConflict)?;
        let content = Zeroizing::new([next.to_be_bytes().as_slice(), bytes].concat());
        let sealed = self.seal(&context("record", of), &content)?;
        self.shelf.replace(&name("record", of), &sealed)
    }

    fn delete_record(&self, of: &str) -> Result<(), SecureAreaError> {
        self.shelf.remove(&name("record", of))
    }
}

/// What something is, so that one cannot stand in for another.
fn context(kind: &str, of: &str) -> Vec<u8> {
    format!("{kind}/{of}").into_bytes()
}

/// Where it lies: the alias in hexadecimal, so that none is a path.
fn name(kind: &str, of: &str) -> String {
    format!("{}.{kind}", hex::encode(of))
}
