//! J2: a government counter. The clerk's screen shows a request, the citizen scans it and reads who asks what and why; the answer
//! goes over the network, or where there is none back as a code.

use journeys::{Citizen, LICENCE, OFFLINE, RelyingParty, Services, now, rfc3339, run_under, wait_for};
use protocol::crypto::jose::from_base64url;
use serde_json::json;

use crate::{licence, purpose, text};

#[test]
fn j2_over_the_network_and_without_one() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let purposes =
        json!([purpose("certificate", "주민등록 등본 발급", "Issuing a certificate", &["name_ko", "licence_number"])]);
    let office = RelyingParty::start(&services, &place.path().join("office"), "Office", &purposes);
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept_openid(&services, "person-0001", &[LICENCE]);

    // Over the network: the screen has a link; nothing is answered before the citizen agrees.
    let ask = |claims: &[&str]| {
        office.ask("/openid4vp/requests", &json!({ "purpose": "certificate", "dcql_query": licence(claims) }))
    };
    assert_eq!(ask(&["birthdate"]).1["error_description"], "AttributeNotRegistered", "J14: it is never sent");
    let (status, created) = ask(&["name_ko", "document_number"]);
    assert_eq!(status, 201, "{created}");
    let screen = citizen.path("screen.png");
    std::fs::write(&screen, from_base64url(&text(&created, "qr_png")).unwrap()).unwrap();
    let unasked = citizen.wallet("answer", &[&screen]);
    assert_eq!(unasked.refused(), "ConsentNeeded");
    for line in ["Office", "for: Issuing a certificate", "it would see   name_ko: 홍길동"] {
        assert!(unasked.text.contains(line), "{line}: {}", unasked.text);
    }
    let id = text(&created, "id");
    assert_eq!(office.state(&id), "fetched");
    citizen.wallet("answer", &[&screen, "--approve"]).accepted();
    assert_eq!(office.state(&id), "answered");
    let verdict = office.verdict(&id, &json!({}));
    assert_eq!(verdict["credentials"][0]["claims"][0]["value"], "홍길동");
    assert_eq!(
        (&verdict["replay"], &verdict["credentials"][0]["binding"]),
        (&json!("challenge"), &json!("hardware-key"))
    );
    // It answered that request, and no other.
    assert_eq!(citizen.wallet("answer", &[&screen, "--approve"]).refused(), "RequestGone");

    // The citizen has the licence in our own format, of which an answer fits in a code; then the line is cut. Clerk and citizen
    // have two screens and two cameras.
    let (bundle, anchor, key) = (office.path("bundle.cbor"), citizen.path("anchor"), office.path("verifier.key"));
    citizen.accept(&services, "person-0001", &[LICENCE]);
    // Between the record on the ledger and the list that belongs to it a bundle says "cannot tell".
    wait_for("the list with the new licence is there", || {
        services.bundle(&citizen.file("bundle"));
        let at = rfc3339(now());
        citizen.present("roadside", &at).accepted();
        citizen.check(&citizen.path("roadside.png"), LICENCE, "roadside", &at).code == 0
    });
    std::fs::copy(citizen.file("bundle"), &office.bundle).unwrap();
    let did = office.did.clone();
    services.kill();
    office.kill();
    let trust = ["--bundle", &bundle, "--anchor", &anchor];
    let asked = |out: &str| {
        let asks = ["verifier", "request", "--did", &did, "--key", &key, "--purpose", "certificate", "--type", LICENCE];
        run_under(&OFFLINE, &[&asks[..], &["--show", "name_ko,licence_number", "--out", out], &trust].concat())
            .accepted();
    };
    let (request, other) = (citizen.path("request.png"), citizen.path("other.png"));
    asked(&request);
    asked(&other);
    let answer = citizen.path("answer.png");
    let answered = citizen.wallet_under(&OFFLINE, "answer", &[&request, "--out", &answer]);
    assert_eq!(answered.refused(), "ConsentNeeded");
    assert!(answered.text.contains("Issuing a certificate"), "{}", answered.text);
    citizen.wallet_under(&OFFLINE, "answer", &[&request, "--approve", "--out", &answer]).accepted();
    let seen = citizen.path("seen");
    let check = |request: &str| {
        let check = ["verifier", "check", &answer, "--request", request, "--seen", &seen];
        run_under(&OFFLINE, &[&check[..], &trust].concat())
    };
    assert_eq!(check(&other).refused(), "NonceMismatch", "bound to one request");
    let verdict = check(&request).accepted();
    assert!(verdict.to_string().contains("홍길동") && verdict["verdict"]["replay"] == "challenge", "{verdict}");
    assert_eq!(check(&request).refused(), "NonceReplayed");
}
