//! An organisation comes to the ledger: it creates its DID with its own key, two governors on machines of their own admit
//! it, and a counter checks with the printed trust anchor; a verifier registers and asks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use journeys::{Client, LICENCE, Services, mid, run};
use protocol::exchange::openid4vp::{Expected, Vocabulary, authenticate};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use serde_json::json;

/// A validator, or another service, as a process; killed when dropped.
struct Validator(Child);

impl Drop for Validator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn validator(dir: &str) -> (Validator, String) {
    let listen = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().to_string();
    let mut command = mid(&["ledger", "run", "--dir", dir, "--listen", &listen]);
    let node = Validator(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let (url, client, began) = (format!("http://{listen}"), Client::default(), Instant::now());
    while client.get(&format!("{url}/health/live")).is_none_or(|(status, _)| status != 200) {
        assert!(began.elapsed() < Duration::from_secs(120), "not there within two minutes");
        std::thread::sleep(Duration::from_millis(100));
    }
    (node, url)
}

#[test]
fn an_organisation_creates_its_did_and_two_governors_admit_it() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let (dir, ministry, board) = (path("ledger"), path("ministry.key"), path("board.key"));
    let keys = ["--governance-key", &ministry, "--governance-key", &board, "--threshold", "2"];
    run(&[&["ledger", "init", "--dir", &dir, "--network", "kr"][..], &keys].concat()).accepted();
    let (_node, url) = validator(&dir);
    let anchor = path("anchor.png");
    let printed = run(&["ledger", "anchor", "--dir", &dir, "--out", &anchor]).accepted();
    assert!(printed["qr_version"].as_u64().unwrap() <= 10, "{printed}");

    // The organisation, alone: a key, drafts, and its own signature.
    let (own, draft, registration) = (path("bank.key"), path("did.json"), path("registration.json"));
    let purposes = path("purposes.json");
    fs::write(&purposes, "[]").unwrap();
    let names = ["--name-ko", "은행", "--name-en", "Bank", "--network", "kr", "--purposes", &purposes];
    let init = ["verifier", "init", "--key", &own, "--did-out", &draft, "--out", &registration];
    let did = run(&[&init[..], &names].concat()).accepted()["did"].as_str().unwrap().to_owned();
    let [signed, once, twice] = ["did.tx", "did-once.tx", "did-twice.tx"].map(&path);
    run(&["ledger", "submit", &draft, "--key", &own, "--url", &url, "--out", &signed]).accepted();
    let submit = |file: &str| run(&["ledger", "submit", file, "--url", &url]);
    assert_eq!(submit(&signed).refused(), "QuorumNotMet", "nobody has admitted it");

    // Each governor reads what it is asked to sign, and signs on a machine without a network.
    let read = run(&["ledger", "read", &signed]).accepted();
    assert_eq!(read["sender"], format!("{did}#key-1"));
    assert_eq!(read["writes"][0]["record"]["did"]["did"], did.as_str());
    assert_eq!(read["signed_by"].as_array().unwrap().len(), 1);
    run(&["ledger", "submit", &signed, "--key", &ministry, "--out", &once]).accepted();
    assert_eq!(submit(&once).refused(), "QuorumNotMet", "one of two");
    run(&["ledger", "submit", &once, "--key", &board, "--out", &twice]).accepted();
    // The governors cannot do it without the organisation.
    let forced = ["ledger", "submit", &draft, "--key", &ministry, "--key", &board, "--url", &url];
    assert_eq!(run(&forced).refused(), "Unauthorized");
    submit(&twice).accepted();

    // Whoever has the printed anchor checks it.
    let proof = path("proof.cbor");
    run(&["ledger", "prove", "--did", &did, "--url", &url, "--out", &proof]).accepted();
    assert!(fs::metadata(Path::new(&proof)).unwrap().len() <= 1_536);
    let checked = run(&["ledger", "check", &proof, "--anchor", &anchor]).accepted();
    assert_eq!(checked["record"]["record"]["did"]["did"], did.as_str());
    assert_eq!(checked["record"]["version"], 1);

    // From now on its own key is enough: a second key, then the first one is retired.
    let mut change: serde_json::Value = serde_json::from_slice(&fs::read(&draft).unwrap()).unwrap();
    let mut second = change["records"][0]["did"]["keys"][0].clone();
    second["fragment"] = "key-2".into();
    change["records"][0]["did"]["keys"].as_array_mut().unwrap().push(second);
    fs::write(&draft, change.to_string()).unwrap();
    let governed = ["ledger", "submit", &draft, "--key", &own, "--key", &ministry, "--url", &url];
    assert_eq!(run(&governed).refused(), "Unauthorized", "it is nobody else's business");
    run(&["ledger", "submit", &draft, "--key", &own, "--url", &url]).accepted();
}

#[test]
fn an_issuers_service_does_not_wait_for_ever_for_the_head_of_a_request() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let (ledger, ministry, issuer) = (path("ledger"), path("ministry.key"), path("issuer"));
    let init =
        ["ledger", "init", "--dir", &ledger, "--network", "kr", "--governance-key", &ministry, "--threshold", "1"];
    run(&init).accepted();
    let listen = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().to_string();
    let (anchor, url) = (format!("{ledger}/anchor.cbor"), format!("http://{listen}"));
    run(&["issuer", "init", "--dir", &issuer, "--anchor", &anchor, "--url", &url]).accepted();
    // Nobody is at the ledger's address; an issuer serves wallets meanwhile.
    let serve = ["issuer", "serve", "--dir", &issuer, "--listen", &listen, "--ledger", "http://127.0.0.1:9"];
    let _serving = Validator(mid(&serve).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let (client, began) = (Client::default(), Instant::now());
    let nonce = || client.post(&format!("{url}/v1/nonce"), b"").map(|(status, _)| status);
    while nonce() != Some(200) {
        assert!(began.elapsed() < Duration::from_secs(120), "not there within two minutes");
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut slow = TcpStream::connect(&listen).unwrap();
    slow.write_all(b"POST /v1/nonce HTTP/1.1\r\nHost: issuer\r\nX: y").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut answer = Vec::new();
    // The end of the connection, or that it was reset: not the end of this one's patience.
    let ended = slow.read_to_end(&mut answer).map_err(|error| error.kind());
    assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "{ended:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(nonce(), Some(200), "others are served");
}

/// With nothing but a folder's name: keys, genesis and configuration of each validator, and the governor's key.
#[test]
fn a_network_is_made_in_a_folder_that_is_not_there_yet() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("new/network");
    run(&["ledger", "init", "--dir", dir.to_str().unwrap(), "--validators", "4"]).accepted();
    for file in ["governor.key", "node1/node.key", "node4/node.key"] {
        assert!(dir.join(file).is_file(), "{file}");
    }
}

/// From the key to the first request: a bank registers, runs its own service, and loses the right to ask.
#[test]
fn a_bank_asks_wallets_of_others_from_a_service_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let network = Services::start(&place.path().join("network"));
    let (ledger, ministry) = (format!("{}/ledger", network.url), path("network/ministry.key"));
    let (own, dir, did_draft, registration) = (path("bank.key"), path("bank"), path("did.json"), path("bank.json"));
    let permit = json!({ "credential_type": LICENCE, "claims": ["name_ko"], "predicates": [], "pseudonyms": [] });
    let text = json!({ "ko": "계좌 개설", "en": "Opening an account" });
    let purposes = json!([{ "id": "account", "text": text, "permits": [permit] }]);
    let file = path("purposes.json");
    fs::write(&file, purposes.to_string()).unwrap();
    let names = ["--name-ko", "은행", "--name-en", "Bank", "--purposes", &file];
    let init = ["verifier", "init", "--key", &own, "--dir", &dir, "--did-out", &did_draft, "--out", &registration];
    let did = run(&[&init[..], &names].concat()).accepted()["did"].as_str().unwrap().to_owned();
    let submit = |file: &str, keys: &[&str]| {
        let keys = keys.iter().flat_map(|key| ["--key", *key]);
        run(&["ledger", "submit", file, "--url", &ledger].into_iter().chain(keys).collect::<Vec<_>>()).accepted();
    };
    let (anchor, bundle) = (path("network/anchor.cbor"), path("bundle.cbor"));
    let fetch = || {
        run(&["ledger", "bundle", "--url", &ledger, "--anchor", &anchor, "--out", &bundle]).accepted();
    };
    submit(&did_draft, &[&own, &ministry]);
    submit(&registration, &[&ministry]);
    fetch();

    let listen = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().to_string();
    let url = format!("http://{listen}");
    let twins = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/types/driver-licence.twins.json");
    let known = ["--did", &did, "--key", &own, "--dir", &dir, "--twins", twins, "--bundle", &bundle];
    let serve = ["verifier", "serve", "--url", &url, "--listen", &listen, "--anchor", &anchor];
    let mut command = mid(&[&serve[..], &known].concat());
    let _serving = Validator(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let (client, began) = (Client::default(), Instant::now());
    while client.get(&format!("{url}/openid4vp/requests/x")).is_none_or(|(status, _)| status != 404) {
        assert!(began.elapsed() < Duration::from_secs(120), "not there within two minutes");
        std::thread::sleep(Duration::from_millis(100));
    }
    let token = fs::read_to_string(place.path().join("bank/api.token")).unwrap();
    let ask = |claim: &str| {
        let query = json!({ "credentials": [{
            "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [LICENCE] }, "claims": [{ "path": [claim] }],
        }] });
        let body = json!({ "purpose": "account", "dcql_query": query });
        client.admin(&format!("{url}/openid4vp/requests"), &token, &body).unwrap()
    };
    let (status, created) = ask("name_ko");
    assert_eq!(status, 201, "{created}");
    // What it signs is who it is on the ledger, by certificate and by DID.
    assert!(created["client_id"].as_str().unwrap().starts_with("x509_hash:"), "{created}");
    let object = client.get(created["request_uri"].as_str().unwrap()).unwrap();
    assert_eq!(object.0, 200);
    let trust = TrustBundle::decode(&fs::read(&bundle).unwrap()).unwrap();
    let trust = trust.verify(&TrustAnchor::decode(&fs::read(&anchor).unwrap()).unwrap(), 0).unwrap();
    let expected = Expected { client_id: created["client_id"].as_str(), wallet_nonce: None, origin: None };
    let text = String::from_utf8(object.1).unwrap();
    let read = authenticate(&text, &expected, &trust, &Vocabulary::default(), journeys::now()).unwrap();
    assert_eq!((read.verifier.as_str(), read.name.en.as_str()), (did.as_str(), "Bank"));
    assert_eq!(ask("address_ko").1["error_description"], "AttributeNotRegistered");

    // The ministry takes the registration back; the service learns it from the file.
    let mut over: serde_json::Value = serde_json::from_slice(&fs::read(&registration).unwrap()).unwrap();
    over["records"][0]["verifier"]["withdrawn"] = true.into();
    fs::write(&registration, over.to_string()).unwrap();
    submit(&registration, &[&ministry]);
    fetch();
    let (status, refused) = ask("name_ko");
    assert_eq!((status, refused["error_description"].as_str()), (403, Some("NotRegistered")), "{refused}");
}
