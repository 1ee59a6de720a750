//! A Python with the packages a test needs, made once and kept outside the checkout.

use std::path::PathBuf;
use std::process::Command;

/// The interpreter of an environment that has exactly these `requirements` (`name==version`) and what they need.
/// It stands in the user's cache folder, under a name that the requirements determine.
///
/// # Panics
/// When there is no `python3` with `venv`, or the packages cannot be installed.
#[must_use]
pub fn interpreter(requirements: &[&str]) -> PathBuf {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_else(std::env::temp_dir);
    let name = hex::encode(&crate::seed(&requirements.join(" "))[..8]);
    let folder = cache.join("mid").join(format!("python-{name}"));
    let python = folder.join("bin/python");
    std::fs::create_dir_all(cache.join("mid")).expect("a cache folder");
    // Two test programs may want the same environment at once.
    let lock = std::fs::File::create(cache.join("mid").join(format!("python-{name}.lock"))).expect("a lock file");
    lock.lock().expect("a lock");
    let complete = folder.join("complete");
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--no-input"]).args(requirements));
        std::fs::write(&complete, requirements.join("\n")).expect("a file in the environment");
    }
    python
}

fn run(command: &mut Command) {
    let done =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install python3 and python3-venv"));
    assert!(done.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&done.stderr));
}
