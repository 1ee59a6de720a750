//! The apps: their files, the wasm beside them, and a service worker that knows the hash of each.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

/// What both apps have, in the scanner's folder.
const SHARED: [&str; 4] = ["camera.js", "pixels.js", "style.css", "words.js"];
/// What [`crate::library`] writes that the app needs.
const LIBRARY: [&str; 2] = ["mid_web.js", "mid_web_bg.wasm"];
/// The file that is told what the others are.
const SERVICE_WORKER: &str = "sw.js";
/// The line of it that is replaced.
const CONTENT: &str = "const CONTENT = { app: \"\", version: \"\", files: {} };";

/// Puts the scanner together in `<folder>/scanner` and the wallet in `<folder>/wallet`, which hold nothing else afterwards.
pub(crate) fn all(folder: &Path) -> io::Result<()> {
    let [mut scanner, mut wallet] = [BTreeMap::new(), BTreeMap::new()];
    read(&crate::sources().join("scanner"), "", &mut scanner)?;
    read(&crate::sources().join("wallet"), "", &mut wallet)?;
    for name in SHARED.into_iter().chain([SERVICE_WORKER]) {
        let file = scanner.get(name).ok_or_else(|| Error::new(ErrorKind::NotFound, name))?;
        wallet.entry(name.to_owned()).or_insert_with(|| file.clone());
    }
    put_together(folder, "scanner", scanner)?;
    put_together(folder, "wallet", wallet)
}

fn put_together(folder: &Path, app: &str, mut files: BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for name in LIBRARY {
        files.insert(name.to_owned(), fs::read(folder.join(name))?);
    }
    let worker = files.remove(SERVICE_WORKER).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    if !worker.contains(CONTENT) {
        return Err(Error::new(ErrorKind::InvalidData, format!("{SERVICE_WORKER} has no line `{CONTENT}`")));
    }
    let hashes: BTreeMap<_, _> = files.iter().map(|(name, bytes)| (name, integrity(bytes))).collect();
    // The service worker is part of the version: it decides how the others are served.
    let version = Sha256::new().chain_update(&worker).chain_update(json!(hashes).to_string()).finalize();
    let content = json!({ "app": app, "version": hex::encode(&version[..8]), "files": hashes });
    let worker = worker.replace(CONTENT, &format!("const CONTENT = {content};"));
    files.insert(SERVICE_WORKER.to_owned(), worker.into_bytes());

    write(&folder.join(app), files)
}

/// Makes the folder hold these files and nothing else.
pub(crate) fn write(folder: &Path, files: BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// All files below `folder`, by their paths as a page writes them.
pub(crate) fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// The hash of a file as browsers compare it (W3C Subresource Integrity).
fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}
