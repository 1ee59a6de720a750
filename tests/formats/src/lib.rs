//! Jobs for packages in JavaScript and Python that make and check credentials.
//!
//! The packages are those of `js/package-lock.json` and of `tests/requirements.txt`; whoever asks first installs them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
pub use tests::node::Answer;

/// Answers of the packages in JavaScript, one for each job.
///
/// # Panics
/// When Node or the packages cannot be had.
#[must_use]
pub fn javascript(jobs: &[Value]) -> Vec<Answer> {
    tests::node::answers(&Path::new(env!("CARGO_MANIFEST_DIR")).join("js"), jobs)
}

/// Answers of the packages in Python, one for each job.
///
/// # Panics
/// When Python or the packages cannot be had.
#[must_use]
pub fn python(jobs: &[Value]) -> Vec<Answer> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer.py");
    tests::node::read(Command::new(tests::python::interpreter()).arg("-B").arg(script), jobs)
}
