//! Python for second implementations, in an environment outside the checkout.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

/// The interpreter of an environment with exactly these packages: made once for each list, below
/// `$XDG_CACHE_HOME` or `~/.cache`, and kept.
///
/// # Panics
/// When Python or the packages cannot be had.
#[must_use]
pub fn interpreter(requirements: &Path) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let list = std::fs::read(requirements).expect("a list of packages");
    let name = format!("python-{}", hex::encode(&Sha256::digest(&list)[..8]));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let cache = cache.unwrap_or_else(std::env::temp_dir).join("mid-tests");
    let ready = cache.join(&name);
    let python = ready.join("bin/python");
    if python.exists() {
        return python;
    }
    std::fs::create_dir_all(&cache).expect("a cache folder");
    // Made beside its place and moved there whole, so that two programs at once do not meet half of one.
    let fresh = cache.join(format!("{name}.{}", std::process::id()));
    if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        run(Command::new("apt-get").args(["update", "-q"]));
        run(Command::new("apt-get").args(["install", "-y", "-q", "python3-venv"]));
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&fresh));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    run(Command::new(fresh.join("bin/python")).args(pip).arg(requirements));
    if std::fs::rename(&fresh, &ready).is_err() {
        std::fs::remove_dir_all(&fresh).expect("our own folder");
    }
    assert!(python.exists(), "no interpreter in {}", ready.display());
    python
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) {
    let status = command.status().expect("a program to start");
    assert!(status.success(), "{command:?} failed");
}

/// The lines that a script prints when it is given `input`.
///
/// # Panics
/// When the script fails.
#[must_use]
pub fn lines(python: &Path, script: &Path, input: &[u8]) -> Vec<String> {
    let mut child = Command::new(python)
        .arg("-B")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("an interpreter");
    child.stdin.take().expect("a pipe").write_all(input).expect("a reader");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{} failed", script.display());
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}
