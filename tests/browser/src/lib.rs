//! A page in a real, headless Chromium, served from this process.
//!
//! The page gets its files from here and posts its result back; no driver and no network is involved. Whatever is
//! missing on the machine (Chromium, clang, the wasm target) is installed on the first run.

mod server;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub use server::{Files, Page};

/// How long a page may take, on a machine that does a lot else.
const PATIENCE: Duration = Duration::from_secs(240);

/// Why there is no result.
pub type Failure = Box<dyn std::error::Error>;

/// Builds the wasm and its JavaScript as `cargo xtask wasm` does, and returns their folder.
///
/// # Errors
/// When the chore fails.
pub fn build() -> Result<PathBuf, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["xtask", "wasm"]).current_dir(&folder).status()?;
    if !built.success() {
        return Err("cargo xtask wasm failed".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), PathBuf::from);
    Ok(target.join("web"))
}

/// Opens `/index.html` of `files` and returns what the page posted to `/result`.
///
/// # Errors
/// When there is no browser and none can be installed, or the page posts nothing in time.
pub fn open(files: Files) -> Result<String, Failure> {
    let page = Page::serve(files)?;
    let profile = tempfile::tempdir()?;
    let mut browser = Browser::start(&page.address(), profile.path())?;
    let result = page.result(PATIENCE);
    browser.stop();
    result.ok_or_else(|| "the page posted no result in time".into())
}

/// A Chromium that is gone when this is dropped.
struct Browser(Child);

impl Browser {
    fn start(address: &str, profile: &Path) -> Result<Self, Failure> {
        need_chromium()?;
        let child = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("--remote-debugging-port=0")
            .arg(format!("{address}/index.html"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    fn stop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.stop();
    }
}

fn need_chromium() -> Result<(), Failure> {
    let there = || Command::new("chromium").arg("--version").output().is_ok_and(|found| found.status.success());
    if there() {
        return Ok(());
    }
    for arguments in [&["update", "-q"][..], &["install", "-y", "-q", "--no-install-recommends", "chromium"]] {
        Command::new("apt-get").args(arguments).status()?;
    }
    if there() { Ok(()) } else { Err("install `chromium`: the tests open a page in it".into()) }
}
