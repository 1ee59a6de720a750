//! Presentations accepted before, how new the trust data was and when status epochs began, kept in a file so that one command after another remembers them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use verifier::{KnownEpoch, Seen, SeenInMemory};

use crate::files;
use crate::output::CliError;

/// One accepted presentation or answered request.
#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(with = "hex::serde")]
    id: [u8; 32],
    until: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct Content {
    latest: u64,
    entries: Vec<Entry>,
    /// By network id: the height of the newest trust bundle that was used.
    #[serde(default)]
    heights: BTreeMap<String, u64>,
    /// When status epochs began, as trust bundles said.
    #[serde(default)]
    epochs: Vec<KnownEpoch>,
}

/// The memory of a scanner in a file. Others that use the same file wait until this is dropped.
pub(crate) struct SeenFile {
    path: PathBuf,
    memory: SeenInMemory,
    content: Content,
    _exclusive: File,
}

impl SeenFile {
    /// Opens the memory, or begins a new one.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        let unreadable = |error| CliError::usage(format!("cannot use {}: {error}", path.display()));
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(PathBuf::from(name))
            .map_err(unreadable)?;
        lock.lock().map_err(unreadable)?;
        let content: Content = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                CliError::refused(
                    "SeenFileDamaged",
                    format!("{} is damaged; nothing can be told to be new", path.display()),
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(unreadable(error)),
        };
        let mut memory = SeenInMemory::default();
        for entry in &content.entries {
            memory.first_use(entry.id, entry.until, content.latest);
        }
        Ok(Self { path: path.to_owned(), memory, content, _exclusive: lock })
    }

    /// The height of the newest bundle of this network that was used; older ones are refused (BNDL-03).
    pub(crate) fn height_floor(&self, network_id: &[u8; 32]) -> u64 {
        self.content.heights.get(&hex::encode(network_id)).copied().unwrap_or(0)
    }

    /// Records that a bundle of this height is in use.
    pub(crate) fn used(&mut self, network_id: &[u8; 32], height: u64) {
        let floor = self.content.heights.entry(hex::encode(network_id)).or_default();
        *floor = height.max(*floor);
    }

    /// When status epochs began, as the bundles of earlier checks said.
    pub(crate) fn epochs(&self) -> Vec<KnownEpoch> {
        self.content.epochs.clone()
    }

    /// Remembers when status epochs began.
    pub(crate) fn remember_epochs(&mut self, known: Vec<KnownEpoch>) {
        self.content.epochs = known;
    }

    /// Makes durable what was recorded. A verdict may be given only after this.
    pub(crate) fn save(&mut self) -> Result<(), CliError> {
        let latest = self.content.latest;
        self.content.entries.retain(|entry| entry.until > latest);
        let bytes = serde_json::to_vec(&self.content)?;
        files::write_secret(&self.path, &bytes)
    }
}

impl Seen for &mut SeenFile {
    fn first_use(&mut self, id: [u8; 32], until: u64, now: u64) -> bool {
        // A clock set back does not bring back what has run out: the file keeps the latest time it saw.
        let latest = self.content.latest.max(now);
        let first = self.memory.first_use(id, until, latest);
        self.content.latest = latest;
        if first {
            self.content.entries.push(Entry { id, until });
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One command: opens the file, records, and lets go of it again.
    fn first_use(path: &Path, id: u8, until: u64, now: u64) -> bool {
        let mut seen = SeenFile::open(path).unwrap();
        let first = (&mut seen).first_use([id; 32], until, now);
        seen.save().unwrap();
        first
    }

    #[test]
    fn it_remembers_across_openings() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seen.json");
        assert!(first_use(&path, 7, 130, 100));
        assert!(!first_use(&path, 7, 130, 100));
        // The clock is set back after the entry ran out.
        assert!(first_use(&path, 8, 500, 200));
        assert!(!first_use(&path, 7, 130, 100));
        let mut seen = SeenFile::open(&path).unwrap();
        seen.used(&[1; 32], 9);
        seen.used(&[1; 32], 7);
        seen.save().unwrap();
        drop(seen);
        let seen = SeenFile::open(&path).unwrap();
        assert_eq!((seen.height_floor(&[1; 32]), seen.height_floor(&[2; 32])), (9, 0), "bndl_03");
        drop(seen);
        fs::write(&path, "{").unwrap();
        assert!(matches!(SeenFile::open(&path), Err(CliError::Refused { name, .. }) if name == "SeenFileDamaged"));
    }
}
