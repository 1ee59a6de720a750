//! The wallet app in a real browser (J1, J2, J12, negative tests G), beside the scanner as a second phone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use journeys::{LICENCE, Services, ZK_IDENTITY, browser};
use serde_json::json;

/// Where pictures of the screen are left.
fn pictures() -> PathBuf {
    std::env::var_os("MID_PICTURES").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures"), Into::into)
}

#[test]
fn a_citizen_holds_and_shows_ids_in_a_browser_with_the_server_stopped() {
    let web = browser::web();
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let pictures = pictures();
    std::fs::create_dir_all(&pictures).unwrap();

    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wallet.mjs");
    let script = browser::script(env!("CARGO_TARGET_TMPDIR"), &source);
    let given = json!({
        "url": services.url, "network": services.dir, "web": web, "place": place.path(), "pictures": pictures,
        "types": { "licence": LICENCE, "identity": ZK_IDENTITY },
    });
    let mut node = Command::new("node")
        .arg(&script)
        .arg(given.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut answer = node.stdin.take().unwrap();
    let mut services = Some(services);
    for line in BufReader::new(node.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        println!("{line}");
        if line == "stop the server" {
            assert!(services.take().expect("it runs").interrupt().success());
            writeln!(answer, "stopped").unwrap();
        }
    }
    assert!(node.wait().unwrap().success());
    assert!(services.is_none(), "what comes after is shown without a server");
}
