//! The ledger's pages in a real browser: every page in both languages, checked for accessibility by axe, driven by
//! keyboard, and the proof box with a good and a bad proof. No request leaves the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use journeys::Services;

/// What is installed, each at one version.
const PACKAGES: [&str; 2] = ["puppeteer-core@25.16.0", "axe-core@4.14.1"];

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}");
}

/// A folder with the packages, and Chromium on this machine; made on the first run.
fn browser() -> PathBuf {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
    if !there("chromium") {
        run(Command::new("apt-get").args(["update", "-q"]));
        run(Command::new("apt-get").args([
            "install",
            "-y",
            "-q",
            "--no-install-recommends",
            "chromium",
            "fonts-noto-cjk",
        ]));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explorer");
    if !folder.join("node_modules/axe-core").exists() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("package.json"), r#"{"private":true,"type":"module"}"#).unwrap();
        run(Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund"])
            .args(PACKAGES)
            .current_dir(&folder));
    }
    folder
}

#[test]
fn the_explorer_works_by_keyboard_in_both_languages_and_checks_proofs_in_the_browser() {
    let folder = browser();
    // The program for browsers, where `mid` looks for it.
    let target = journeys::program();
    let web = target.parent().and_then(Path::parent).expect("a target folder").join("web");
    if !web.join("mid_web_bg.wasm").exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        run(Command::new(cargo).args(["xtask", "wasm"]).arg(&web).current_dir("../.."));
    }
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let script = folder.join("explorer.mjs");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explorer.mjs"), &script).unwrap();
    let pictures = std::env::var("MID_PICTURES").unwrap_or_default();
    run(Command::new("node")
        .arg(&script)
        .arg(format!("{}/ledger/explorer/", services.url))
        .arg(pictures)
        .current_dir(&folder));
    assert!(services.interrupt().success());
}
