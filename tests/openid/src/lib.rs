//! Jobs for wallets, issuers and verifiers of others, in JavaScript.
//!
//! The packages are those of `js/package-lock.json`; whoever asks first installs them.

use std::path::{Path, PathBuf};

use serde_json::Value;
pub use tests::node::Answer;

/// Answers of the packages, one for each job.
///
/// # Panics
/// When Node or the packages cannot be had.
#[must_use]
pub fn javascript(jobs: &[Value]) -> Vec<Answer> {
    tests::node::answers(&Path::new(env!("CARGO_MANIFEST_DIR")).join("js"), jobs)
}

/// A script beside the packages, which are installed.
///
/// # Panics
/// When Node or the packages cannot be had.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    tests::node::install(&folder);
    folder.join(name)
}
