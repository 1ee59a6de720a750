//! Where a validator keeps its shares of the group key, and what it must not forget while it hands them on.

use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::EngineError;
use crate::setup::{SHARE_FILE, io_error, read_file, replace_file, sync_folder};

/// Secrets by name; what is put is durable before the call returns.
pub(crate) trait Secrets: Send + 'static {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, EngineError>;
    fn put(&mut self, name: &str, secret: &[u8]) -> Result<(), EngineError>;
    fn names(&self) -> Result<Vec<String>, EngineError>;
    fn erase(&mut self, name: &str) -> Result<(), EngineError>;
}

/// The share of the committee in office since an epoch.
pub(crate) fn share_name(since: u64) -> String {
    if since == 0 { SHARE_FILE.into() } else { format!("share-{since}.key") }
}

/// What a handover in an epoch must not forget.
pub(crate) fn handover_name(epoch: u64) -> String {
    format!("handover-{epoch}.key")
}

/// The epoch that a share or a handover belongs to, as the epoch in which its committee takes office.
pub(crate) fn epoch_of(name: &str) -> Option<u64> {
    if name == SHARE_FILE {
        return Some(0);
    }
    let number = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(".key")?.parse::<u64>().ok();
    number("share-").or_else(|| number("handover-")?.checked_add(1))
}

/// Files of a validator's folder, in hexadecimal, readable by their owner only.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Secrets for Folder {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, EngineError> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(None);
        }
        let text = Zeroizing::new(read_file(&path)?);
        hex::decode(&*text).map(Zeroizing::new).map(Some).map_err(|_| EngineError::FileDamaged(path))
    }

    fn put(&mut self, name: &str, secret: &[u8]) -> Result<(), EngineError> {
        replace_file(&self.path(name), &Zeroizing::new(hex::encode(secret)), 0o600)
    }

    fn names(&self) -> Result<Vec<String>, EngineError> {
        let entries = fs::read_dir(&self.0).map_err(|source| io_error(&self.0, source))?;
        let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        Ok(entries.filter_map(name).filter(|name| epoch_of(name).is_some()).collect())
    }

    fn erase(&mut self, name: &str) -> Result<(), EngineError> {
        let path = self.path(name);
        overwrite(&path)?;
        fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
        sync_folder(&self.0)
    }
}

/// Best effort: a journalling disk may keep the old bytes, which is why shares change often enough.
fn overwrite(path: &Path) -> Result<(), EngineError> {
    let length = fs::metadata(path).map_err(|source| io_error(path, source))?.len();
    let zeros = vec![b'0'; usize::try_from(length).unwrap_or(0)];
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &zeros).and_then(|()| file.sync_all()))
        .map_err(|source| io_error(path, source))
}

/// Secrets that live as long as the process, for simulated validators.
#[cfg(any(test, feature = "testkit"))]
#[derive(Default)]
pub(crate) struct Memory(std::collections::BTreeMap<String, Zeroizing<Vec<u8>>>);

#[cfg(any(test, feature = "testkit"))]
impl Secrets for Memory {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, EngineError> {
        Ok(self.0.get(name).cloned())
    }

    fn put(&mut self, name: &str, secret: &[u8]) -> Result<(), EngineError> {
        self.0.insert(name.into(), Zeroizing::new(secret.to_vec()));
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, EngineError> {
        Ok(self.0.keys().cloned().collect())
    }

    fn erase(&mut self, name: &str) -> Result<(), EngineError> {
        self.0.remove(name);
        Ok(())
    }
}
