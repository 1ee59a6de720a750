//! The package for npm: the library with what Node and TypeScript need around it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Error, ErrorKind};
use std::path::Path;

use crate::app::{read, write};

/// The package's own description, as it is in the repository.
const MANIFEST: &str = "package.json";
/// What stands in it for the version of the workspace.
const VERSION: &str = "\"version\": \"0.0.0\"";
/// What [`crate::library`] writes that goes into the package.
const LIBRARY: [&str; 3] = ["mid_web.js", "mid_web.d.ts", "mid_web_bg.wasm"];

/// Puts the package together in `<folder>/package`, ready for `npm pack`, with the version of the workspace.
pub(crate) fn npm(folder: &Path) -> io::Result<()> {
    let mut files = BTreeMap::new();
    read(&crate::sources().join("package"), "", &mut files)?;
    for name in LIBRARY {
        files.insert(name.to_owned(), fs::read(folder.join(name))?);
    }
    files.insert("LICENSE".to_owned(), fs::read(crate::sources().join("../../LICENSE"))?);
    let manifest = files.remove(MANIFEST).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    if !manifest.contains(VERSION) {
        return Err(Error::new(ErrorKind::InvalidData, format!("{MANIFEST} has no {VERSION}")));
    }
    // As text: the order of what it exports has a meaning.
    let manifest = manifest.replace(VERSION, concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\""));
    files.insert(MANIFEST.to_owned(), manifest.into_bytes());
    write(&folder.join("package"), files)
}
