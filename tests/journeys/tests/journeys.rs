//! J1 and J14, and the services as an operator meets them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use journeys::{Citizen, LICENCE, Services, ZK_IDENTITY, now, rfc3339, run};
use serde_json::json;

/// J1: a roadside check. The officer's scanner is a process with a bundle file and no address to call.
#[test]
fn j1_roadside_check() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let driver = Citizen::new(&place.path().join("driver"));
    driver.accept(&services, "person-0001", &[LICENCE, ZK_IDENTITY]);
    let shown_at = now();
    let (at, later) = (rfc3339(shown_at), rfc3339(shown_at + 31));
    driver.present("roadside", &at).accepted();

    // The code is genuine, its class shown, not revoked as of the bundle; read from the picture and from the bytes.
    for file in ["roadside.png", "roadside.bin"] {
        let verdict = driver.check(&driver.path(file), LICENCE, "roadside", &at).accepted();
        let text = verdict.to_string();
        assert!(
            text.contains("홍길동") && text.contains("HONG GILDONG") && text.contains("Class 1 ordinary"),
            "{text}"
        );
        assert!(text.contains("hardware-key") && text.contains("time-window"), "{text}");
    }
    // 29 seconds later it still lives, 31 seconds later it is a screenshot.
    let png = driver.path("roadside.png");
    driver.check(&png, LICENCE, "roadside", &rfc3339(shown_at + 29)).accepted();
    assert_eq!(driver.check(&png, LICENCE, "roadside", &later).refused(), "Expired");
    // Within its life it is accepted once by a scanner that remembers.
    let mut once = driver.check_arguments(&png, LICENCE, "roadside", &at);
    once.extend(["--seen".to_owned(), driver.path("seen")]);
    let once: Vec<&str> = once.iter().map(String::as_str).collect();
    run(&once).accepted();
    assert_eq!(run(&once).refused(), "NonceReplayed");

    // The licence is revoked. The old bundle cannot know; the new one does.
    let revocation = json!({ "person": "person-0001", "credential_type": LICENCE, "reason": "right-withdrawn" });
    let (status, answer) = services.admin("revocations", &revocation).unwrap();
    assert_eq!((status, answer["outcome"].as_str()), (200, Some("revoked")), "{answer}");
    // Between the record on the ledger and the list that belongs to it a bundle may say "cannot tell"; never "valid" again.
    wait_for(|| {
        services.bundle(&driver.file("bundle"));
        let outcome = driver.check(&png, LICENCE, "roadside", &at);
        outcome.code == 1 && outcome.refused() == "StatusRevoked"
    });
    // The other credential is not touched.
    driver.present("age-19", &at).accepted();
    driver.check(&driver.path("age-19.png"), ZK_IDENTITY, "age-19", &at).accepted();
}

/// J14: a verifier that asks for more than it registered is stopped by its own tool, and by the wallet.
#[test]
fn j14_over_asking() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let customer = Citizen::new(&place.path().join("customer"));
    customer.accept(&services, "person-0002", &[ZK_IDENTITY]);
    let network: serde_json::Value =
        serde_json::from_slice(&std::fs::read(services.dir.join("network.json")).unwrap()).unwrap();
    let shop = network["shop"]["did"].as_str().unwrap();
    let key = services.dir.join("shop.key");
    let (bundle, anchor) = (customer.path("bundle"), customer.path("anchor"));
    // From here on nothing is online.
    services.kill();
    let ask = |purpose: &str, question: &[&str], out: &str| {
        let mut arguments = vec![
            "verifier",
            "request",
            "--did",
            shop,
            "--key",
            key.to_str().unwrap(),
            "--purpose",
            purpose,
            "--bundle",
            &bundle,
            "--anchor",
            &anchor,
            "--type",
            ZK_IDENTITY,
            "--payload",
            out,
        ];
        arguments.extend(question);
        run(&arguments)
    };
    let request = customer.path("request");
    assert_eq!(ask("age-19", &["--show", "birth_date"], &request).refused(), "AttributeNotRegistered");
    assert_eq!(ask("marketing", &["--profile", "age-19"], &request).refused(), "PurposeNotRegistered");
    assert!(!customer.file("request").exists(), "a refused request leaves no file");

    // What it registered is asked, answered with consent, and accepted once.
    ask("age-19", &["--profile", "age-19"], &request).accepted();
    let answer = customer.path("answer");
    customer.wallet("answer", &[&request, "--approve", "--payload", &answer]).accepted();
    let check = ["verifier", "check", &answer, "--request", &request, "--bundle", &bundle, "--anchor", &anchor];
    let verdict = run(&check).accepted().to_string();
    assert!(verdict.contains("challenge") && verdict.contains("link-secret"), "{verdict}");
    // The answer to one request is none to another.
    let other = customer.path("other");
    ask("age-19", &["--profile", "age-19"], &other).accepted();
    let check = ["verifier", "check", &answer, "--request", &other, "--bundle", &bundle, "--anchor", &anchor];
    assert_eq!(run(&check).refused(), "NonceMismatch");
    // One present for each adult: not without a memory, once with it, and not again by another answer.
    let once = ["--profile", "age-19", "--once", "opening"];
    assert_eq!(ask("age-19", &once, &other).refused(), "PseudonymNotRegistered");
    let (present, seen) = (customer.path("present"), customer.path("seen"));
    let receive = |memory: &[&str]| {
        ask("opening-present", &once, &present).accepted();
        customer.wallet("answer", &[&present, "--approve", "--payload", &answer]).accepted();
        let check = ["verifier", "check", &answer, "--request", &present, "--bundle", &bundle, "--anchor", &anchor];
        run(&[&check, memory].concat())
    };
    assert_eq!(receive(&[]).code, 2, "a memory is asked for");
    receive(&["--seen", &seen]).accepted();
    assert_eq!(receive(&["--seen", &seen]).refused(), "PseudonymUsed");
    // Declining sends nothing and is noted.
    assert_eq!(customer.wallet("answer", &[&other, "--decline", "--payload", &answer]).refused(), "Declined");
    let log = customer.wallet("log", &[]).accepted().to_string();
    assert!(log.contains("Convenience store") && log.contains("declined"), "{log}");
    assert!(!log.contains("1992-07-08"), "the log holds no values");
}

/// Ctrl-C is clean, and everything is there again after it.
#[test]
fn services_survive_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("network");
    let services = Services::start(&dir);
    let holder = Citizen::new(&place.path().join("holder"));
    holder.accept(&services, "person-0001", &[LICENCE]);
    let height = |services: &Services| {
        let (status, body) = services.client.get(&format!("{}/ledger/v1/status", services.url)).unwrap();
        assert_eq!(status, 200);
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["height"].as_u64().unwrap()
    };
    let before = height(&services);
    let status = services.interrupt();
    assert_eq!(status.code(), Some(0), "Ctrl-C is a clean end");

    let services = Services::start(&dir);
    assert!(height(&services) >= before);
    // The page says what is where, in both languages.
    for (path, words) in [("/ko", "원장"), ("/en", "Ledger")] {
        let (status, page) = services.client.get(&format!("{}{path}", services.url)).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(status == 200 && page.contains(words) && page.contains("<html lang="), "{page}");
    }
    // The credential from before the restart is still known to the issuer and can be revoked.
    let revocation = json!({ "person": "person-0001", "credential_type": LICENCE, "reason": "phone-lost" });
    let (status, answer) = services.admin("revocations", &revocation).unwrap();
    assert_eq!((status, answer["outcome"].as_str()), (200, Some("revoked")), "{answer}");
}

/// A licence that is taken away for some weeks, and given back.
#[test]
fn a_licence_is_suspended_and_reinstated() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let driver = Citizen::new(&place.path().join("driver"));
    driver.accept(&services, "person-0001", &[LICENCE]);
    let whose = json!({ "person": "person-0001", "credential_type": LICENCE });
    let ask = |what: &str| {
        let (status, answer) = services.admin(what, &whose).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["outcome"].as_str().unwrap().to_owned()
    };
    let shown = || {
        services.bundle(&driver.file("bundle"));
        let at = rfc3339(now());
        driver.present("roadside", &at).accepted();
        driver.check(&driver.path("roadside.png"), LICENCE, "roadside", &at)
    };
    shown().accepted();
    assert_eq!(ask("suspensions"), "suspended");
    wait_for(|| {
        let outcome = shown();
        outcome.code == 1 && outcome.refused() == "StatusSuspended"
    });
    assert_eq!((ask("suspensions"), ask("reinstatements")), ("already-suspended".into(), "reinstated".into()));
    wait_for(|| shown().code == 0);
    assert_eq!(ask("reinstatements"), "not-suspended");
}

/// Documents of identifiers of all methods; nobody is sent to an address that is not public.
#[test]
fn dids_of_every_method_are_resolved() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let network: serde_json::Value =
        serde_json::from_slice(&std::fs::read(services.dir.join("network.json")).unwrap()).unwrap();
    let shop = network["shop"]["did"].as_str().unwrap();
    let bundle = place.path().join("bundle");
    services.bundle(&bundle);
    let (bundle, anchor) = (bundle.to_str().unwrap(), services.dir.join("anchor.cbor"));
    let url = format!("{}/ledger", services.url);
    let from_ledger = [vec!["--url", &url], vec!["--bundle", bundle, "--anchor", anchor.to_str().unwrap()]];
    for more in &from_ledger {
        let resolved = run(&[&["did", "resolve", shop][..], more].concat()).accepted();
        assert_eq!(resolved["didDocument"]["id"], shop);
        assert_eq!(resolved["didResolutionMetadata"]["contentType"], "application/did-resolution");
    }
    for did in [
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9",
    ] {
        assert_eq!(run(&["did", "resolve", did]).accepted()["didDocument"]["id"], did);
    }
    for (did, name) in [
        ("did:web:localhost%3A1", "PrivateAddress"),
        ("did:web:localhost", "PrivateAddress"),
        ("did:web:127.0.0.1", "MalformedDid"),
        ("did:key:z6Mk", "InvalidKey"),
        ("did:example:1", "MethodNotSupported"),
        ("shop", "MalformedDid"),
    ] {
        assert_eq!(run(&["did", "resolve", did]).refused(), name, "{did}");
    }
    assert_eq!(run(&["did", "resolve", shop]).code, 2, "did:mid needs evidence");
}

/// Wrong use is told from refusal.
#[test]
fn exit_codes() {
    let place = tempfile::tempdir().unwrap();
    let missing = place.path().join("missing");
    assert_eq!(run(&["verifier", "check", missing.to_str().unwrap()]).code, 2);
    assert_eq!(run(&["no-such-command"]).code, 2);
    let wallet = place.path().join("wallet");
    let weak = place.path().join("weak");
    std::fs::write(&weak, "123456").unwrap();
    let outcome = run(&["wallet", "init", "--dir", wallet.to_str().unwrap(), "--pin-file", weak.to_str().unwrap()]);
    assert_eq!(outcome.refused(), "PinTooWeak");
    assert!(!wallet.join("wallet.db").exists(), "a refusal changes nothing");
}

fn wait_for(mut done: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !done() {
        assert!(began.elapsed().as_secs() < 30, "it does not happen");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
