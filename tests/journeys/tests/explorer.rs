//! The ledger's pages in a real browser: every page in both languages, checked for accessibility by axe, driven by
//! keyboard, and the proof box with a good and a bad proof. No request leaves the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::path::Path;
use std::process::Command;

use journeys::{Services, browser};

#[test]
fn the_explorer_works_by_keyboard_in_both_languages_and_checks_proofs_in_the_browser() {
    // The program for browsers, where `mid` looks for it.
    let _web = browser::web();
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explorer.mjs");
    let script = browser::script(env!("CARGO_TARGET_TMPDIR"), &source);
    let pictures = std::env::var("MID_PICTURES").unwrap_or_default();
    browser::run(Command::new("node").arg(&script).arg(format!("{}/ledger/explorer/", services.url)).arg(pictures));
    assert!(services.interrupt().success());
}
