//! Our wallet as any wallet: OpenID4VCI from our issuer into the wallet file, OpenID4VP from there to a verifier, between
//! separate processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use journeys::{Citizen, LICENCE, LogInPage, Services, mid};
use serde_json::{Value, json};

const MDL: &str = "org.iso.18013.5.1.mDL";
const W3C: &str = "https://www.police.go.kr/credentials/driver-licence/1#DriverLicence";

/// An offer of the licence in other formats, and the code told separately.
fn offer(services: &Services, person: &str) -> (String, String) {
    let body = json!({
        "person": person, "credential_types": [LICENCE], "with_tx_code": true, "replaces": true, "life": 600,
    });
    let (status, answer) = services.admin("offers", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("openid_offer"), text("tx_code"))
}

/// What a citizen's first command needs to know.
fn sources(services: &Services) -> [String; 4] {
    let anchor = services.dir.join("anchor.cbor").display().to_string();
    ["--anchor".to_owned(), anchor, "--url".to_owned(), format!("{}/ledger", services.url)]
}

fn accept(citizen: &Citizen, services: &Services, link: &str, code: &str) -> journeys::Outcome {
    let sources = sources(services);
    let arguments: Vec<&str> =
        [link, "--tx-code", code].into_iter().chain(sources.iter().map(String::as_str)).collect();
    citizen.wallet("accept", &arguments)
}

/// What the traffic control's own program asks of its service.
fn ask(services: &Services, path: &str, body: &Value) -> (u16, Value) {
    let token = std::fs::read_to_string(services.dir.join("police/api.token")).unwrap();
    services.client.admin(&format!("{}/openid4vp/requests{path}", services.url), token.trim(), body).unwrap()
}

fn request(services: &Services, credential: &Value, more: &Value) -> (String, String) {
    let mut body = json!({ "purpose": "roadside", "dcql_query": { "credentials": [credential] } });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let (status, created) = ask(services, "", &body);
    assert_eq!(status, 201, "{created}");
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    (text("id"), text("link"))
}

fn licence() -> Value {
    json!({
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [LICENCE] },
        "claims": [{ "path": ["name_ko"] }, { "path": ["document_number"] }],
    })
}

fn verdict(services: &Services, id: &str, body: &Value) -> Value {
    let (status, verdict) = ask(services, &format!("/{id}/verdict"), body);
    assert_eq!((status, &verdict["accepted"]), (200, &json!(true)), "{verdict}");
    verdict["verdict"].clone()
}

fn copies(citizen: &Citizen, credential_type: &str) -> Value {
    let listed = citizen.wallet("list", &[]).accepted();
    let all = listed["credentials"].as_array().unwrap();
    all.iter().find(|it| it["type"] == credential_type).unwrap()["copies"].clone()
}

/// J3: the same device with a text that the owner agrees to, and another device with a code on its screen.
#[test]
fn j3_a_licence_is_taken_up_held_and_shown_in_formats_of_others() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let alice = Citizen::new(&place.path().join("alice"));
    let (link, code) = offer(&services, "person-0001");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(accept(&alice, &services, &link, wrong).refused(), "Refused");
    let picture = alice.file("offer.txt");
    std::fs::write(&picture, &link).unwrap();
    let received = accept(&alice, &services, picture.to_str().unwrap(), &code).accepted();
    assert_eq!(received["received"].as_array().unwrap().len(), 4);
    let listed = alice.wallet("list", &["--values"]).accepted();
    let told: Vec<_> =
        listed["credentials"].as_array().unwrap().iter().map(|it| (&it["type"], &it["format"])).collect();
    assert!(
        told.contains(&(&json!(LICENCE), &json!("dc+sd-jwt"))) && told.contains(&(&json!(MDL), &json!("mso_mdoc")))
    );
    assert_eq!((copies(&alice, LICENCE), copies(&alice, MDL)), (json!(8), json!(8)));

    // The same device: the owner reads a text, agrees, and goes back with a code.
    let text = json!({ "credential_ids": ["licence"], "text_ko": "이체 1,000원", "text_en": "Transfer of 1,000 won" });
    let more = json!({ "transactions": [text], "redirect_uri": "https://bank.example/back" });
    let (id, link) = request(&services, &licence(), &more);
    let unasked = alice.wallet("answer", &[&link]);
    assert_eq!(unasked.refused(), "ConsentNeeded");
    for line in ["for: ", "you would agree to: Transfer of 1,000 won", "it would see   name_ko: "] {
        assert!(unasked.text.contains(line), "{line}: {}", unasked.text);
    }
    let answered = alice.wallet("answer", &[&link, "--approve"]).accepted();
    let back = answered["redirect_uri"].as_str().unwrap();
    let code = back.strip_prefix("https://bank.example/back?response_code=").unwrap();
    let seen = verdict(&services, &id, &json!({ "response_code": code }));
    assert_eq!(seen["credentials"][0]["claims"].as_array().unwrap().len(), 2);
    assert_eq!(seen["transactions"][0]["text_en"], "Transfer of 1,000 won");
    assert_eq!(copies(&alice, LICENCE), json!(7), "what was shown is used up");
    assert_eq!(alice.wallet("answer", &[&link, "--approve"]).refused(), "RequestGone");

    // Another device: the same link as a code on a screen; here a mobile document.
    let mdl = json!({
        "id": "mdl", "format": "mso_mdoc", "meta": { "doctype_value": MDL },
        "claims": [{ "path": ["org.iso.18013.5.1", "document_number"] }],
    });
    let (id, link) = request(&services, &mdl, &json!({}));
    let screen = alice.file("screen.png");
    std::fs::write(&screen, protocol::exchange::qr::Drawing::new(&link).unwrap().png().unwrap()).unwrap();
    let answered = alice.wallet("answer", &[screen.to_str().unwrap(), "--approve"]).accepted();
    assert_eq!(answered["redirect_uri"], Value::Null);
    assert_eq!(verdict(&services, &id, &json!({}))["credentials"][0]["query"], "mdl");

    // Whoever declines and whoever holds nothing look the same to the verifier.
    let bob = Citizen::new(&place.path().join("bob"));
    let sources = sources(&services);
    bob.wallet("update", &sources.each_ref().map(String::as_str)).accepted();
    let asked =
        [(&alice, "--decline", "Declined"), (&bob, "--approve", "NotHeld")].map(|(citizen, decision, refusal)| {
            let (id, link) = request(&services, &licence(), &json!({}));
            assert_eq!(citizen.wallet("answer", &[&link, decision]).refused(), refusal);
            let (_, state) = services.client.get(&format!("{}/openid4vp/requests/{id}", services.url)).unwrap();
            serde_json::from_slice::<Value>(&state).unwrap()["state"].clone()
        });
    assert_eq!(asked, [json!("declined"), json!("declined")]);

    let log = alice.wallet("log", &[]).accepted();
    let events: Vec<_> = log["log"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["received", "received", "received", "received", "answered", "answered", "declined"]);
    let name = listed["credentials"].to_string();
    let number = seen["credentials"][0]["claims"][1]["value"].as_str().unwrap();
    assert!(name.contains(number) && !log.to_string().contains(number), "names of attributes, never values");
}

/// A W3C credential, from the issuer through the wallet to the verifier: only what was asked where the proof lets the rest be
/// left out; withdrawn for now and given back.
#[test]
fn a_licence_is_taken_up_held_and_shown_as_w3c_credential() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let alice = Citizen::new(&place.path().join("alice"));
    let (link, code) = offer(&services, "person-0001");
    accept(&alice, &services, &link, &code).accepted();
    let w3c = || {
        let listed = alice.wallet("list", &["--values"]).accepted();
        let all = listed["credentials"].as_array().unwrap().iter().filter(|it| it["format"] == "ldp_vc");
        all.map(|it| (it["suite"].clone(), it["copies"].clone(), it["state"].clone())).collect::<Vec<_>>()
    };
    let held = w3c();
    for suite in ["bbs-2023", "eddsa-rdfc-2022"] {
        assert!(held.contains(&(json!(suite), json!(8), json!("usable"))), "{held:?}");
    }

    let query = |claims: &[&str]| {
        let claims: Vec<_> = claims.iter().map(|name| json!({ "path": ["credentialSubject", name] })).collect();
        json!({ "id": "licence", "format": "ldp_vc", "meta": { "type_values": [[W3C]] }, "claims": claims })
    };
    let (id, link) = request(&services, &query(&["nameKo", "licenceNumber"]), &json!({}));
    let unasked = alice.wallet("answer", &[&link]);
    assert_eq!(unasked.refused(), "ConsentNeeded");
    assert!(unasked.text.contains("it would see   credentialSubject/nameKo: "), "{}", unasked.text);
    assert!(!unasked.text.contains("birthDate") && !unasked.text.contains("WARNING"), "{}", unasked.text);
    alice.wallet("answer", &[&link, "--approve"]).accepted();
    let seen = verdict(&services, &id, &json!({}));
    let credential = &seen["credentials"][0];
    assert_eq!((&credential["format"], &credential["kind"]), (&json!("ldp_vc"), &json!(W3C)));
    assert_eq!((&credential["credential_type"], credential["claims"].as_array().unwrap().len()), (&json!(LICENCE), 2));
    let left = w3c();
    assert!(left.contains(&(json!("bbs-2023"), json!(7), json!("usable"))), "what was shown is used up: {left:?}");
    assert_eq!(alice.wallet("answer", &[&link, "--approve"]).refused(), "RequestGone");
    let body = json!({ "purpose": "roadside", "dcql_query": { "credentials": [query(&["over19"])] } });
    let (status, refused) = ask(&services, "", &body);
    assert_eq!((status, refused["error_description"].as_str()), (403, Some("AttributeNotRegistered")), "{refused}");

    let sources = sources(&services);
    let whose = json!({ "person": "person-0001", "credential_type": LICENCE });
    for (what, state) in [("suspensions", "suspended"), ("reinstatements", "usable")] {
        assert_eq!(services.admin(what, &whose).unwrap().0, 200);
        wait_for(|| {
            alice.wallet("update", &sources.each_ref().map(String::as_str)).accepted();
            w3c().iter().all(|it| it.2 == state)
        });
        let (_, link) = request(&services, &query(&["nameKo"]), &json!({}));
        let answered = alice.wallet("answer", &[&link, "--approve"]);
        match state {
            "usable" => drop(answered.accepted()),
            _ => assert_eq!(answered.refused(), "NotHeld"),
        }
    }
}

/// What takes a moment until everybody has it.
fn wait_for(mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "it did not happen within a minute");
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// VCI-44: the phone dies while it takes an offer up. What was begun goes on, or the offer has to be made again; whatever
/// happens there is one licence and the wallet opens.
#[test]
fn a_phone_that_dies_while_it_takes_an_offer_up_goes_on() {
    const KILLS: u64 = 8;
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let alice = Citizen::new(&place.path().join("alice"));
    let (wallet, pin) = (alice.path("wallet"), alice.path("pin"));
    let sources = sources(&services);
    let mut finished = 0;
    for run in 0..KILLS {
        let (link, code) = offer(&services, "person-0002");
        let mut arguments = vec!["wallet", "accept", &link, "--tx-code", &code, "--dir", &wallet, "--pin-file", &pin];
        arguments.extend(sources.iter().map(String::as_str));
        let mut child = mid(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(400 + run * 150));
        child.kill().unwrap();
        child.wait().unwrap();
        // The code is used up where the kill cut off the answer with the token; everything later goes on.
        let again = accept(&alice, &services, &link, &code);
        match again.code {
            0 => finished += 1,
            _ => assert_eq!(again.refused(), "Refused"),
        }
        let listed = alice.wallet("list", &[]).accepted();
        let held = listed["credentials"].as_array().unwrap().len();
        assert!(held == 0 || held == 4, "{listed}");
    }
    let (link, code) = offer(&services, "person-0002");
    accept(&alice, &services, &link, &code).accepted();
    println!("{KILLS} kills, {finished} times the same command then took the offer up");
    let (id, link) = request(&services, &licence(), &json!({}));
    alice.wallet("answer", &[&link, "--approve"]).accepted();
    verdict(&services, &id, &json!({}));
}

/// The types of what came, in the order of their names.
fn types(came: &Value) -> Vec<String> {
    let mut types: Vec<String> =
        came["received"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    types.sort();
    types
}

/// The licence in all formats of others.
fn all() -> Vec<String> {
    [W3C, W3C, LICENCE, MDL].map(str::to_owned).to_vec()
}

/// The owner logs in at the issuer's page with the counter's code: PAR, PKCE, state and `iss` as our wallet does them. What comes back is
/// good once, for the log-in that it belongs to, and from the issuer that was asked.
#[test]
fn vci_80_a_licence_is_taken_up_by_logging_in() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let alice = Citizen::new(&place.path().join("alice"));
    let begin = |link: &str| {
        let sources = sources(&services);
        let arguments: Vec<&str> = [link].into_iter().chain(sources.iter().map(String::as_str)).collect();
        alice.wallet("log-in", &arguments).accepted()["open"].as_str().unwrap().to_owned()
    };
    let back = |address: &str| alice.wallet("return", &[address]);
    // VCI-82, VCI-83: of another log-in, from another issuer, from nobody.
    let (link, code) = offer(&services, "person-0001");
    let page = LogInPage::open(&services.client, &begin(&link));
    assert!(page.html.contains("mid-wallet") && !page.html.contains("<script"), "{}", page.html);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let again = page.submit("counter_code", wrong).err().unwrap();
    assert!(again.html.contains("role=\"alert\""), "{}", again.html);
    let address = page.submit("counter_code", &code).unwrap();
    assert!(address.starts_with("mid-wallet:/logged-in?code="), "{address}");
    assert_eq!(back(&address.replace("&state=", "&state=x")).refused(), "LogInUnknown");
    assert_eq!(back(&address.replace("mid-wallet:", "mid-wallot:")).refused(), "LogInUnknown");
    assert_eq!(back("mid-wallet:/logged-in").refused(), "LogInUnknown");
    assert_eq!(alice.wallet("continue", &[]).accepted()["received"], json!([]), "the owner has to come back first");
    assert_eq!(types(&back(&address).accepted()), all());
    assert_eq!(back(&address).refused(), "LogInUnknown", "and that was all");
    assert_eq!(copies(&alice, LICENCE), json!(8));

    let (link, code) = offer(&services, "person-0001");
    let address = LogInPage::open(&services.client, &begin(&link)).submit("counter_code", &code).unwrap();
    let elsewhere = address.replace("&iss=http", "&iss=https");
    assert_eq!(back(&elsewhere).refused(), "IssuerMismatch");
    assert_eq!(back(&address).refused(), "LogInUnknown", "a log-in that somebody else answered is over");
    // The issuer says no; a log-in that was begun again is another one.
    let (link, code) = offer(&services, "person-0001");
    let first = begin(&link);
    let second = begin(&link);
    let first = LogInPage::open(&services.client, &first).submit("counter_code", &code).unwrap();
    assert_eq!(back(&first).refused(), "LogInUnknown");
    let page = LogInPage::open(&services.client, &second);
    assert!(page.submit("counter_code", &code).is_ok_and(|address| address.contains("error=access_denied")));
    // Only what an offer of this issuer, or the issuer, has.
    assert_eq!(
        alice.wallet("log-in", &["--issuer", "ftp://x", "--configuration", "x"]).refused(),
        "OfferAddressNotAllowed"
    );
    let issuer = format!("{}/issuer", services.url);
    let unknown = alice.wallet("log-in", &["--issuer", &issuer, "--configuration", "x"]);
    assert_eq!(unknown.refused(), "NothingUsable");
    let configuration = format!("{LICENCE}.sd-jwt");
    let without = alice.wallet("log-in", &["--issuer", &issuer, "--configuration", &configuration]);
    assert_eq!(without.refused(), "Refused", "without an offer, where nobody has a chip card");
}

/// A clerk looks at what was asked for; the wallet keeps the transaction, and goes on when it is told to.
#[test]
fn a_clerk_looks_before_a_licence_is_issued() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let issuer = services.dir.join("issuer").display().to_string();
    let alice = Citizen::new(&place.path().join("alice"));
    let body = json!({
        "person": "person-0001", "credential_types": [LICENCE], "with_tx_code": true, "review": true, "life": 600,
    });
    let (status, answer) = services.admin("offers", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let (link, code) = (answer["openid_offer"].as_str().unwrap(), answer["tx_code"].as_str().unwrap());
    let waiting = accept(&alice, &services, link, code).accepted();
    assert_eq!(waiting["received"], json!([]));
    assert!(waiting["waiting_until"].is_string(), "{waiting}");
    let waiting = alice.wallet("continue", &[]).accepted();
    assert!(waiting["waiting_until"].is_string(), "nobody has looked yet: {waiting}");
    let listed = journeys::run(&["issuer", "reviews", "--dir", &issuer]).accepted();
    assert_eq!(listed["reviews"][0]["person"], "person-0001");
    let review = listed["reviews"][0]["review"].as_str().unwrap();
    let decided = journeys::run(&["issuer", "review", review, "--approve", "--dir", &issuer]).accepted();
    assert_eq!(decided["outcome"], "approved");
    let came = alice.wallet("continue", &[]).accepted();
    assert_eq!((types(&came), &came["waiting_until"]), (all(), &Value::Null), "{came}");
    // VCI-48: everything anew, in place of what was there.
    let before = alice.wallet("list", &[]).accepted();
    let came = alice.wallet("renew", &[]).accepted();
    assert_eq!(types(&came), all());
    let after = alice.wallet("list", &[]).accepted();
    let ids = |listed: &Value| -> Vec<String> {
        listed["credentials"].as_array().unwrap().iter().map(|it| it["id"].to_string()).collect()
    };
    assert!(ids(&after).len() == 4 && ids(&after).iter().all(|id| !ids(&before).contains(id)), "{after}");
    // What the owner deletes is gone, and does not come back.
    let held = |number: usize| {
        let listed = alice.wallet("list", &[]).accepted();
        assert_eq!(listed["credentials"].as_array().unwrap().len(), number);
        listed["credentials"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let ids: Vec<String> = held(4);
    alice.wallet("delete", &[&ids[0]]).accepted();
    assert_eq!(alice.wallet("delete", &[&ids[0]]).refused(), "NoSuchCredential");
    alice.wallet("renew", &[]).accepted();
    for id in held(3) {
        alice.wallet("delete", &[&id]).accepted();
    }
    assert_eq!(alice.wallet("renew", &[]).accepted()["received"], json!([]), "nothing is left to get anew");
    assert!(held(0).is_empty());
}

/// An issuer that wants wallet and keys attested, and a provider in software that vouches for both.
#[test]
fn an_issuer_takes_attested_wallets_only() {
    let place = tempfile::tempdir().unwrap();
    let network = place.path().join("network");
    let services = Services::start(&network);
    let port = services.url.rsplit(':').next().unwrap().parse().unwrap();
    assert!(services.interrupt().success());
    let provider = place.path().join("provider").display().to_string();
    let made = journeys::run(&["wallet", "software-provider", "--dir", &provider]).accepted();
    let (root, issuer) = (made["root"].as_str().unwrap(), network.join("issuer").display().to_string());
    let storage = "urn:kr:mid:key-storage:software";
    let told = ["issuer", "wallets", "--dir", &issuer, "--root", root, "--keys", "--key-storage", storage];
    journeys::run(&told).accepted();
    let services = Services::start_on(&network, port);
    let alice = Citizen::new(&place.path().join("alice"));
    let (link, code) = offer(&services, "person-0001");
    // Without anybody's word the code is not even used.
    assert_eq!(accept(&alice, &services, &link, &code).refused(), "AttestationUnavailable");
    let came = alice.wallet("accept", &[&link, "--tx-code", &code, "--provider", &provider]).accepted();
    assert_eq!(types(&came), all());
    assert_eq!(copies(&alice, LICENCE), 8, "one for each attested key");
}
