//! The clerks' console in a real browser (J7, J12): three people at three screens, the citizen's wallet on the other side of the
//! counter, and a restart in the middle of a list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::path::Path;

use journeys::{Citizen, LICENCE, Services, ZK_IDENTITY, browser, run};
use serde_json::json;

const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

/// Where `mid up` says that the console is, and the passwords it says once.
fn told(services: &Services) -> (String, serde_json::Map<String, serde_json::Value>) {
    journeys::wait_for("the console's address is printed", || log(services).contains("Ctrl-C stops it"));
    let log = log(services);
    let url = log.lines().rev().find_map(|line| line.strip_prefix("console")).expect("an address").trim().to_owned();
    let passwords = log.lines().filter_map(|line| line.trim().strip_prefix("log in as "));
    let pair = |line: &str| {
        let mut words = line.split(' ');
        (words.next().unwrap().to_owned(), words.nth(1).unwrap().into())
    };
    (url, passwords.map(pair).collect())
}

fn log(services: &Services) -> String {
    std::fs::read_to_string(services.dir.with_extension("log")).unwrap_or_default()
}

#[test]
fn clerks_issue_suspend_and_work_lists_off_and_an_auditor_sees_it_all() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let (console, mut passwords) = told(&services);
    assert_eq!(passwords.len(), 3, "one for each role: {}", log(&services));
    let issuer = services.dir.join("issuer").display().to_string();
    let both =
        ["issuer", "clerk", "both", "--dir", &issuer, "--name", "최두일", "--role", "clerk", "--role", "approver"];
    let made = run(&both).accepted();
    passwords.insert("both".to_owned(), made["password"].clone());

    let [citizen, other] = ["citizen", "other"].map(|name| Citizen::new(&place.path().join(name)));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console.mjs");
    let given = json!({
        "console": console, "passwords": passwords, "place": place.path(), "pictures": browser::pictures(SCRATCH),
        "types": { "licence": LICENCE, "identity": ZK_IDENTITY },
    });
    let mut running = Some(services);
    browser::play(SCRATCH, &source, &given, |line| {
        let services = running.take().expect("it runs");
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["accept", file, code] => {
                let anchor = services.dir.join("anchor.cbor").display().to_string();
                let ledger = format!("{}/ledger", services.url);
                citizen.wallet("accept", &[file, "--tx-code", code, "--anchor", &anchor, "--url", &ledger]).accepted();
                Some("accepted".to_owned())
            }
            ["review", person] => {
                let out = place.path().join("openid-offer.png").display().to_string();
                let offer = ["issuer", "offer", "--dir", &issuer, "--person", person, "--type", LICENCE, "--openid"];
                let made = run(&[&offer[..], &["--review", "--tx-code", "--out", &out]].concat()).accepted();
                let code = made["tx_code"].as_str().unwrap();
                let anchor = services.dir.join("anchor.cbor").display().to_string();
                let ledger = format!("{}/ledger", services.url);
                let taken = [&out, "--tx-code", code, "--anchor", &anchor, "--url", &ledger];
                let waits = other.wallet("accept", &taken).accepted();
                assert!(waits["waiting_until"].is_string(), "{waits}");
                Some("waits".to_owned())
            }
            ["continue"] => {
                let came = other.wallet("continue", &[]).accepted();
                assert!(came["waiting_until"].is_null() && !came["received"].as_array().unwrap().is_empty(), "{came}");
                Some("received".to_owned())
            }
            ["restart"] => {
                let (dir, url) = (services.dir.clone(), services.url.clone());
                assert!(services.interrupt().success());
                std::fs::remove_file(dir.with_extension("log")).unwrap();
                let port = url.rsplit(':').next().unwrap().parse().unwrap();
                let again = Services::start_on(&dir, port);
                let (console, passwords) = told(&again);
                assert!(passwords.is_empty(), "passwords are shown once");
                running = Some(again);
                return Some(console);
            }
            _ => None,
        };
        running = Some(services);
        answer
    });
    let services = running.expect("it runs");
    assert!(services.interrupt().success());
    let audit = run(&["issuer", "audit", "--dir", &issuer]).accepted();
    assert!(audit["entries"].as_u64().unwrap() > 30, "{audit}");
}
