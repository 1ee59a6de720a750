//! A secure area in a directory: the same interface, without the hardware.

use core::any::Any;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{SealedArea, SecureAreaError, Shelf};
use crate::durable;

const ROOT: &str = "root.key";
const LOCK: &str = "area.lock";

/// Keys and records as files under one directory, sealed with a root key that lies beside them.
///
/// **This is software.** Whoever can read the directory has the device, and whoever can write to it can
/// put back an older copy of the whole directory. It protects a wallet file that was copied *without*
/// the directory, and it behaves as a phone's secure area does, for tests, demonstrations and desktops.
/// On a phone the keys live in StrongBox or the Secure Enclave, the root key is one of them, and records
/// are bound to a counter or key that the operating system cannot turn back.
pub type SoftwareSecureArea = SealedArea<Folder>;

/// The directory of a software secure area.
pub struct Folder(PathBuf);

impl SealedArea<Folder> {
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
        Ok(Self::new(Folder(directory.to_owned()), root))
    }
}

impl Shelf for Folder {
    fn exclusive(&self) -> Result<Box<dyn Any>, SecureAreaError> {
        Ok(Box::new(exclusive(&self.0)?))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SecureAreaError> {
        durable::read(&self.0.join(name)).map_err(unavailable)
    }

    fn replace(&self, name: &str, sealed: &[u8]) -> Result<(), SecureAreaError> {
        durable::replace(&self.0.join(name), sealed).map_err(unavailable)
    }

    fn remove(&self, name: &str) -> Result<(), SecureAreaError> {
        durable::remove(&self.0.join(name)).map_err(unavailable)
    }
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
    use crate::secure_area::SecureArea as _;

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
