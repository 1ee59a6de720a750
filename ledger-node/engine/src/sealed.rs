//! Whether the files of consensus are those that an orderly stop left.
//!
//! The consensus library finds a changed bit by checksums, and takes what follows it in a journal for a write that a crash cut
//! off. Of a journal of votes that is not harmless: a validator that forgets votes may contradict them. After an orderly
//! stop nothing was cut off, so every file must be what it was: their digests are written down then and compared
//! before anything is opened.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::EngineError;
use crate::setup::{io_error, read_file, replace_file, sync_folder};

/// In the validator's folder: a line `<SHA-256> <path>` for each file, as `sha256sum` writes it.
const FILE: &str = "consensus.sha256";
const CHUNK: usize = 64 * 1024;

/// Writes down what the files of `storage` are. Nobody may write to them any more.
pub(crate) fn write(folder: &Path, storage: &Path) -> Result<(), EngineError> {
    let lines = digests(storage)?.into_iter().map(|(path, digest)| format!("{digest}  {path}\n"));
    replace_file(&folder.join(FILE), &lines.collect::<String>(), 0o644)?;
    sync_folder(folder)
}

/// Compares the files of `storage` with what was written down, if an orderly stop did, and forgets that: from now on
/// they change.
///
/// # Errors
/// [`EngineError::ConsensusDamaged`] with the file that is another one; then nothing is forgotten.
pub(crate) fn open(folder: &Path, storage: &Path) -> Result<(), EngineError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(());
    }
    if storage.exists() {
        let damaged = |what: &str| EngineError::ConsensusDamaged(storage.join(what));
        let text = String::from_utf8(read_file(&path)?).map_err(|_| EngineError::ConsensusDamaged(path.clone()))?;
        let line = |line: &str| line.split_once("  ").map(|(digest, path)| (path.to_owned(), digest.to_owned()));
        let kept: Option<BTreeMap<_, _>> = text.lines().map(line).collect();
        let kept = kept.ok_or_else(|| EngineError::ConsensusDamaged(path.clone()))?;
        let found = digests(storage)?;
        if let Some((name, _)) = kept.iter().find(|(name, digest)| found.get(*name) != Some(*digest)) {
            return Err(damaged(name));
        }
        if let Some(name) = found.keys().find(|name| !kept.contains_key(*name)) {
            return Err(damaged(name));
        }
    }
    fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
    sync_folder(folder)
}

/// Digests of all files below, by their path.
fn digests(storage: &Path) -> Result<BTreeMap<String, String>, EngineError> {
    let mut found = BTreeMap::new();
    let mut folders = vec![storage.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| io_error(&folder, source))? {
            let path = entry.map_err(|source| io_error(&folder, source))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(storage).unwrap_or(&path).to_string_lossy().into_owned();
            found.insert(name, digest(&path)?);
        }
    }
    Ok(found)
}

fn digest(path: &Path) -> Result<String, EngineError> {
    let failed = |source| io_error(path, source);
    let (mut file, mut hash) = (File::open(path).map_err(failed)?, Sha256::new());
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}
