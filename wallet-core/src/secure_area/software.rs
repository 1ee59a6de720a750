//! A secure area in a directory: the same interface, without the hardware.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use protocol::crypto::keys::{P256SigningKey, PublicKey, Signature, Signer};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{SecureArea, SecureAreaError, SecureRecord};
use crate::{durable, labels};

const ROOT: &str = "root.key";
const LOCK: &str = "area.lock";
const NONCE: usize = 12;

/// Keys and records as files under one directory, sealed with a root key that lies beside them.
///
/// **This is software.** Whoever can read the directory has the device, and whoever can write to it can
/// put back an older copy of the whole directory. It protects a wallet file that was copied *without*
/// the directory, and it behaves as a phone's secure area does, for tests, demonstrations and desktops.
/// On a phone the keys live in StrongBox or the Secure Enclave, the root key is one of them, and records
/// are bound to a counter or key that the operating system cannot turn back.
#[derive(ZeroizeOnDrop)]
pub struct SoftwareSecureArea {
    #[zeroize(skip)]
    directory: PathBuf,
    root: Zeroizing<[u8; 32]>,
}

impl SoftwareSecureArea {
    /// Opens the secure area in `directory`, or makes one there: another directory is another device.
    ///
    /// # Errors
    /// [`SecureAreaError::Unavailable`], [`SecureAreaError::RecordTampered`] when the root key is damaged.
    pub fn open_or_create(directory: &Path, rng: &mut dyn CryptoRng) -> Result<Self, SecureAreaError> {
        durable::make_directory(directory).map_err(unavailable)?;
        let _exclusive = exclusive(directory)?;
        let path = directory.join(ROOT);
        let mut root = Zeroizing::new([0; 32]);
        match durable::read(&path).map_err(unavailable)?.map(Zeroizing::new) {
            Some(bytes) if bytes.len() == root.len() => root.copy_from_slice(&bytes),
            Some(_) => return Err(SecureAreaError::RecordTampered),
            None => {
                rng.fill_bytes(root.as_mut());
                durable::replace(&path, root.as_ref()).map_err(unavailable)?;
            }
        }
        Ok(Self { directory: directory.to_owned(), root })
    }

    /// Keys and records have the names of their aliases in hexadecimal, so that no alias is a path.
    fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.directory.join(format!("{}.{kind}", hex::encode(name)))
    }

    fn derive<const N: usize>(&self, info: &[u8]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 32, "one block of output, which HKDF never refuses") };
        let mut out = Zeroizing::new([0; N]);
        let _ = Hkdf::<Sha256>::new(None, self.root.as_ref()).expand(info, out.as_mut());
        out
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.derive::<32>(labels::AREA_SEALING)))
    }

    fn key(&self, alias: &str) -> Result<Option<P256SigningKey>, SecureAreaError> {
        let Some(sealed) = durable::read(&self.path("key", alias)).map_err(unavailable)? else { return Ok(None) };
        let seed = self.unseal(&context("key", alias), &sealed)?;
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed.as_slice()).map_err(|_| SecureAreaError::SealBroken)?);
        P256SigningKey::from_seed(&seed).map(Some).map_err(|_| SecureAreaError::SealBroken)
    }
}

impl SecureArea for SoftwareSecureArea {
    fn device_id(&self) -> Result<[u8; 16], SecureAreaError> {
        Ok(*self.derive(labels::AREA_DEVICE_ID))
    }

    fn create_key(&self, alias: &str, mut rng: &mut dyn CryptoRng) -> Result<PublicKey, SecureAreaError> {
        let _exclusive = exclusive(&self.directory)?;
        if let Some(key) = self.key(alias)? {
            return Ok(key.public_key());
        }
        let key = P256SigningKey::generate(&mut rng);
        let sealed = self.seal(&context("key", alias), key.seed().as_ref())?;
        durable::replace(&self.path("key", alias), &sealed).map_err(unavailable)?;
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
        durable::remove(&self.path("key", alias)).map_err(unavailable)
    }

    fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        // The nonce is a keyed hash of what is sealed, so that no two contents ever share one, whatever
        // happens to counters and random numbers.
        let length = (context.len() as u64).to_be_bytes();
        let nonce = *self.derive::<NONCE>(&[labels::AREA_NONCE, &length, context, secret].concat());
        let payload = Payload { msg: secret, aad: context };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).map_err(|_| SecureAreaError::Unavailable)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecureAreaError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SecureAreaError::SealBroken)?;
        let payload = Payload { msg: sealed, aad: context };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), payload).map_err(|_| SecureAreaError::SealBroken)?;
        Ok(Zeroizing::new(opened))
    }

    fn record(&self, name: &str) -> Result<Option<SecureRecord>, SecureAreaError> {
        let Some(sealed) = durable::read(&self.path("record", name)).map_err(unavailable)? else { return Ok(None) };
        let opened = self.unseal(&context("record", name), &sealed).map_err(|_| SecureAreaError::RecordTampered)?;
        let (version, bytes) = opened.split_first_chunk().ok_or(SecureAreaError::RecordTampered)?;
        Ok(Some(SecureRecord { version: u64::from_be_bytes(*version), bytes: bytes.to_vec() }))
    }

    fn replace_record(&self, name: &str, version: u64, bytes: &[u8]) -> Result<(), SecureAreaError> {
        let _exclusive = exclusive(&self.directory)?;
        let current = self.record(name)?.map_or(0, |record| record.version);
        if current != version {
            return Err(SecureAreaError::RecordConflict);
        }
        let next = version.checked_add(1).ok_or(SecureAreaError::RecordConflict)?;
        let content = Zeroizing::new([next.to_be_bytes().as_slice(), bytes].concat());
        let sealed = self.seal(&context("record", name), &content)?;
        durable::replace(&self.path("record", name), &sealed).map_err(unavailable)
    }

    fn delete_record(&self, name: &str) -> Result<(), SecureAreaError> {
        durable::remove(&self.path("record", name)).map_err(unavailable)
    }
}

/// What a file is, so that one cannot stand in for another.
fn context(kind: &str, name: &str) -> Vec<u8> {
    format!("{kind}/{name}").into_bytes()
}

/// Waits until no other process changes this secure area; released when dropped.
fn exclusive(directory: &Path) -> Result<File, SecureAreaError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unavailable)?;
    file.lock().map_err(unavailable)?;
    Ok(file)
}

fn unavailable(error: io::Error) -> SecureAreaError {
    match error.kind() {
        io::ErrorKind::StorageFull => SecureAreaError::StorageFull,
        _ => SecureAreaError::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const DOMAIN: &[u8] = b"mid/v1/test;";

    fn area(place: &Path) -> SoftwareSecureArea {
        SoftwareSecureArea::open_or_create(place, &mut ChaCha20Rng::from_seed([1; 32])).unwrap()
    }

    #[test]
    fn keys_stay_inside_and_sign() {
        let place = tempfile::tempdir().unwrap();
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let key = area(place.path()).create_key("a", &mut rng).unwrap();
        assert_eq!(area(place.path()).create_key("a", &mut rng), Ok(key), "one key for an alias");
        assert_ne!(area(place.path()).create_key("../b", &mut rng), Ok(key));
        let signature = area(place.path()).sign("a", DOMAIN, b"message").unwrap();
        assert_eq!(key.verify(DOMAIN, b"message", &signature), Ok(()));
        let standard = area(place.path()).sign_standard("a", b"message").unwrap();
        let multikey = protocol::crypto::multikey::Multikey::from_multicodec(&key.to_multicodec()).unwrap();
        assert_eq!(multikey.verify(b"message", &standard), Ok(()));
        area(place.path()).delete_key("a").unwrap();
        assert_eq!(area(place.path()).sign("a", DOMAIN, b"message"), Err(SecureAreaError::UnknownKey));
        assert_eq!(area(place.path()).sign_standard("a", b"message"), Err(SecureAreaError::UnknownKey));
        // A key file under another alias is no key.
        fs::copy(place.path().join("2e2e2f62.key"), place.path().join("61.key")).unwrap();
        assert_eq!(area(place.path()).sign("a", DOMAIN, b"message"), Err(SecureAreaError::SealBroken));
    }

    #[test]
    fn seals_open_here_in_their_context_only() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sealed = area(here.path()).seal(b"context", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(area(here.path()).unseal(b"context", &sealed).unwrap().as_slice(), b"secret");
        let other = SoftwareSecureArea::open_or_create(there.path(), &mut ChaCha20Rng::from_seed([3; 32])).unwrap();
        assert_ne!(other.device_id(), area(here.path()).device_id());
        let broken =
            |result: Result<Zeroizing<Vec<u8>>, _>| assert_eq!(result.err(), Some(SecureAreaError::SealBroken));
        broken(other.unseal(b"context", &sealed));
        broken(area(here.path()).unseal(b"contexu", &sealed));
        broken(area(here.path()).unseal(b"context", &sealed[..11]));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            broken(area(here.path()).unseal(b"context", &changed));
        }
    }

    #[test]
    fn records_only_move_forward() {
        let place = tempfile::tempdir().unwrap();
        assert!(area(place.path()).record("r").unwrap().is_none());
        assert_eq!(area(place.path()).replace_record("r", 1, b"x"), Err(SecureAreaError::RecordConflict));
        area(place.path()).replace_record("r", 0, b"one").unwrap();
        assert_eq!(area(place.path()).replace_record("r", 0, b"x"), Err(SecureAreaError::RecordConflict));
        area(place.path()).replace_record("r", 1, b"two").unwrap();
        let record = area(place.path()).record("r").unwrap().unwrap();
        assert_eq!((record.version, record.bytes.as_slice()), (2, b"two".as_slice()));
        // Of many writers at the same version one succeeds.
        let shared = area(place.path());
        let won = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| shared.replace_record("r", 2, b"x").is_ok())).collect();
            writers.into_iter().map(|w| w.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
        fs::write(place.path().join("72.record"), b"short").unwrap();
        assert_eq!(area(place.path()).record("r").err(), Some(SecureAreaError::RecordTampered));
        area(place.path()).delete_record("r").unwrap();
        assert!(area(place.path()).record("r").unwrap().is_none());
    }

    #[test]
    fn a_damaged_root_key_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        drop(area(place.path()));
        fs::write(place.path().join(ROOT), b"short").unwrap();
        let opened = SoftwareSecureArea::open_or_create(place.path(), &mut ChaCha20Rng::from_seed([1; 32]));
        assert_eq!(opened.err(), Some(SecureAreaError::RecordTampered));
        fs::remove_file(place.path().join(ROOT)).unwrap();
        fs::create_dir(place.path().join(ROOT)).unwrap();
        let opened = SoftwareSecureArea::open_or_create(place.path(), &mut ChaCha20Rng::from_seed([1; 32]));
        assert_eq!(opened.err(), Some(SecureAreaError::Unavailable));
    }
}
