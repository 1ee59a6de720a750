//! The Python that second implementations run in, made once and kept outside the checkout.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `name==version` of every package, those that packages need included.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");

/// The interpreter of an environment with exactly the packages of `tests/requirements.txt`. It stands in the user's cache
/// folder, under a name that the list determines.
///
/// # Panics
/// When Python or the packages cannot be had.
#[must_use]
pub fn interpreter() -> PathBuf {
    let list = std::fs::read_to_string(REQUIREMENTS).expect("a list of packages");
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_else(std::env::temp_dir);
    let cache = cache.join("mid");
    let name = format!("python-{}", hex::encode(&crate::seed(&list)[..8]));
    let folder = cache.join(&name);
    let python = folder.join("bin/python");
    std::fs::create_dir_all(&cache).expect("a cache folder");
    // Two test programs may want it at once.
    let lock = std::fs::File::create(cache.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("a lock");
    let complete = folder.join("complete");
    if !complete.exists() {
        if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
            run(Command::new("apt-get").args(["update", "-q"]));
            run(Command::new("apt-get").args(["install", "-y", "-q", "python3-venv"]));
        }
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"];
        run(Command::new(&python).args(pip).args(["--requirement", REQUIREMENTS]));
        std::fs::write(&complete, list).expect("a file in the environment");
    }
    python
}

/// The lines that a script prints when it is given `input`.
///
/// # Panics
/// When the script fails.
#[must_use]
pub fn lines(script: &Path, input: &[u8]) -> Vec<String> {
    let mut child = Command::new(interpreter())
        .arg("-B")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("an interpreter");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Side by side: a script that answers while it is still being told waits for somebody to read.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("a reader"));
        child.wait_with_output().expect("an end")
    });
    assert!(output.status.success(), "{} failed", script.display());
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install python3"));
    assert!(done.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&done.stderr));
}
