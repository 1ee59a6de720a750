//! Jobs for packages in JavaScript and Python that make and check credentials.
//!
//! The packages are those of `js/package-lock.json` and of `tests/requirements.txt`; whoever asks first installs them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the whole crate is test code: a surprise should stop the test")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What a package answers: its result, or what it complained about.
pub type Answer = Result<Value, String>;

/// Answers of the packages in JavaScript, one for each job.
///
/// # Panics
/// When Node or the packages cannot be had.
#[must_use]
pub fn javascript(jobs: &[Value]) -> Vec<Answer> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    let lock = std::fs::File::create(folder.join("node_modules.lock")).unwrap();
    lock.lock().unwrap();
    let installed = folder.join("node_modules/.package-lock.json");
    let time = |path: &Path| path.metadata().and_then(|it| it.modified());
    let fresh = time(&installed).is_ok_and(|at| time(&folder.join("package-lock.json")).is_ok_and(|lock| at >= lock));
    if !fresh {
        let have = Command::new("npm").arg("--version").output().is_ok_and(|it| it.status.success());
        if !have {
            run(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends", "nodejs", "npm"]));
        }
        let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new("npm").args(quiet).current_dir(&folder));
        // npm keeps the time of the lock file it read.
        std::fs::File::options()
            .append(true)
            .open(&installed)
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap();
    }
    drop(lock);
    answers(Command::new("node").arg(folder.join("peer.mjs")), jobs)
}

/// Answers of the packages in Python, one for each job.
///
/// # Panics
/// When Python or the packages cannot be had.
#[must_use]
pub fn python(jobs: &[Value]) -> Vec<Answer> {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer.py");
    answers(Command::new(tests::python::interpreter()).arg("-B").arg(script), jobs)
}

fn answers(command: &mut Command, jobs: &[Value]) -> Vec<Answer> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!(jobs).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list.len(), jobs.len());
    let answer = |one: &Value| one.get("ok").cloned().ok_or_else(|| one["error"].as_str().unwrap_or("?").to_owned());
    list.iter().map(answer).collect()
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&done.stderr));
}
