//! A real browser with its driver, installed where it is missing.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What is installed, each at one version.
const PACKAGES: [&str; 2] = ["puppeteer-core@25.16.0", "axe-core@4.14.1"];

/// Runs a command that has to succeed.
///
/// # Panics
/// When it does not.
pub fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}");
}

/// A folder below `scratch` with the packages, the script beside them, and Chromium on this machine; made on the first run.
///
/// # Panics
/// When something cannot be installed.
#[must_use]
pub fn script(scratch: &str, script: &Path) -> PathBuf {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
    if !there("chromium") {
        run(Command::new("apt-get").args(["update", "-q"]));
        let packages = ["chromium", "fonts-noto-cjk"];
        run(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends"]).args(packages));
    }
    // One folder for all tests with a browser; two of them may be here at the same time.
    let folder = Path::new(scratch).join("browser");
    std::fs::create_dir_all(&folder).expect("a folder");
    let lock = std::fs::File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if !folder.join("node_modules/axe-core").exists() {
        std::fs::write(folder.join("package.json"), r#"{"private":true,"type":"module"}"#).expect("a file");
        let install = ["install", "--no-save", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(install).args(PACKAGES).current_dir(&folder));
    }
    let scripts = script.parent().expect("a script lies in a folder");
    for entry in std::fs::read_dir(scripts).expect("the folder of scripts").flatten() {
        // What scripts share comes along.
        if entry.path().extension().is_some_and(|kind| kind == "mjs") {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("a script can be copied");
        }
    }
    folder.join(script.file_name().expect("a script has a name"))
}

/// The folder in which `mid` looks for what browsers run, filled as it is now.
///
/// # Panics
/// When `cargo xtask wasm` fails.
#[must_use]
pub fn web() -> PathBuf {
    let program = crate::program();
    let web = program.parent().and_then(Path::parent).expect("a target folder").join("web");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(["xtask", "wasm"]).arg(&web).current_dir(root));
    web
}

/// Where pictures of the screen are left: the folder `MID_PICTURES` names, or one below `scratch`.
///
/// # Panics
/// When the folder cannot be made.
#[must_use]
pub fn pictures(scratch: &str) -> PathBuf {
    let named = std::env::var_os("MID_PICTURES").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(scratch).join("pictures"));
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    folder
}

/// Plays a script with a browser. Each line it says goes to `hear`; what that returns is said back.
///
/// # Panics
/// When the script fails.
pub fn play(scratch: &str, source: &Path, given: &Value, mut hear: impl FnMut(&str) -> Option<String>) {
    let mut node = Command::new("node")
        .arg(script(scratch, source))
        .arg(given.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut answers = node.stdin.take().expect("a way in");
    for line in BufReader::new(node.stdout.take().expect("a way out")).lines() {
        let line = line.expect("text");
        println!("{line}");
        if let Some(answer) = hear(&line) {
            writeln!(answers, "{answer}").expect("the script hears");
        }
    }
    assert!(node.wait().expect("node ends").success());
}
