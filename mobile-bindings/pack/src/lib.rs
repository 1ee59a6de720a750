//! Packages for apps around the library of `mobile-bindings`: a jar, a wheel, a Swift package.
//!
//! [`jvm`] has what programs for the JVM need, for tests too.

pub mod jvm;
pub mod kotlin;
pub mod python;
pub mod swift;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A version for all packages.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder `mobile-bindings`.
#[must_use]
pub fn bindings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Writes the source for `language` around an unstripped library into `folder`.
///
/// # Errors
/// In words.
pub fn generate(language: uniffi::TargetLanguage, library: &Path, folder: &Path) -> Result<(), String> {
    let text = |path: &Path| path.to_str().map(Into::into).ok_or("a path that is not UTF-8");
    uniffi::generate(uniffi::GenerateOptions {
        languages: vec![language],
        source: text(library)?,
        out_dir: text(folder)?,
        config_override: Some(text(&bindings().join("pack/uniffi.toml"))?),
        ..Default::default()
    })
    .map_err(|error| format!("{error:#}"))
}

/// Copies the library without its symbols: what an app ships.
///
/// # Errors
/// In words.
pub fn strip(library: &Path, to: &Path) -> Result<(), String> {
    run(Command::new("strip").arg("--strip-unneeded").arg("-o").arg(to).arg(library)).map(|_| ())
}

/// Runs a command that has to succeed, and returns what it printed.
///
/// # Errors
/// What it said.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    Err(format!("{command:?} failed ({})\n{out}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(told(folder))?;
    for entry in entries {
        let path = entry.map_err(told(folder))?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn told(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
