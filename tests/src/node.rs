//! Jobs for packages in JavaScript: a folder with `peer.mjs`, `package.json` and `package-lock.json`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What a package answers: its result, or what it complained about.
pub type Answer = Result<Value, String>;

/// Answers of the packages in `folder`, one for each job. Whoever asks first installs them.
///
/// # Panics
/// When Node or the packages cannot be had.
#[must_use]
pub fn answers(folder: &Path, jobs: &[Value]) -> Vec<Answer> {
    install(folder);
    read(Command::new("node").arg(folder.join("peer.mjs")), jobs)
}

/// Runs a program that reads jobs from its input and writes answers to its output, both as JSON.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn read(command: &mut Command, jobs: &[Value]) -> Vec<Answer> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!(jobs).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list.len(), jobs.len());
    let answer = |one: &Value| one.get("ok").cloned().ok_or_else(|| one["error"].as_str().unwrap_or("?").to_owned());
    list.iter().map(answer).collect()
}

/// Installs what the lock file names, once.
///
/// # Panics
/// When it cannot be had.
pub fn install(folder: &Path) {
    let lock = std::fs::File::create(folder.join("node_modules.lock")).unwrap();
    lock.lock().unwrap();
    let installed = folder.join("node_modules/.package-lock.json");
    let time = |path: &Path| path.metadata().and_then(|it| it.modified());
    let fresh = time(&installed).is_ok_and(|at| time(&folder.join("package-lock.json")).is_ok_and(|lock| at >= lock));
    if fresh {
        return;
    }
    let have = Command::new("npm").arg("--version").output().is_ok_and(|it| it.status.success());
    if !have {
        run(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends", "nodejs", "npm"]));
    }
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(quiet).current_dir(folder));
    // npm keeps the time of the lock file it read.
    let installed = std::fs::File::options().append(true).open(&installed).unwrap();
    installed.set_modified(std::time::SystemTime::now()).unwrap();
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&done.stderr));
}
