//! A foreign wallet on the JVM takes a licence from our issuer: the EUDI library, with DPoP, PAR and several keys.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use journeys::{LICENCE, Services, now};
use protocol::credential::sd_jwt::{Trust, verify_issued};
use protocol::crypto::jose::{Jwk, base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner};
use protocol::crypto::x509::Root;
use protocol::crypto::x509::testkit::Draft;
use protocol::exchange::openid4vci::attestation::Provider;
use sdk_pack::jvm::{jars, java};
use sdk_pack::kotlin::compile_once;
use serde_json::{Value, json};
use tests::node::{Answer, read};

use super::credo::{offer, root};

/// Answers of the wallet in `kotlin/`, one for each job.
fn wallet(jobs: &[Value]) -> Vec<Answer> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("kotlin");
    let lock = fs::read_to_string(home.join("jars.lock")).unwrap();
    let jars: Vec<PathBuf> =
        jars(&lock).unwrap_or_else(|error| panic!("{error}")).into_iter().map(|it| it.path).collect();
    let mut class_path: Vec<&Path> = jars.iter().map(PathBuf::as_path).collect();
    let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("eudi/classes");
    fs::create_dir_all(classes.parent().unwrap()).unwrap();
    let compiled = compile_once(&[home.join("EudiWallet.kt")], &class_path, &classes, &["-jvm-target", "17"]);
    compiled.unwrap_or_else(|error| panic!("{error}"));
    class_path.push(&classes);
    read(java(&class_path).unwrap().arg("eudi.EudiWalletKt"), jobs)
}

#[test]
fn the_eudi_wallet_takes_a_licence_from_our_issuer() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::start_behind_tls(&dir.path().join("network"));
    let people = ["person-0001", "person-0002", "person-0003", "person-0005", "person-0006"];
    let [taken_up, logged_in, one_key, wrong_code, encrypted] = people.map(|person| offer(&services, person));
    let job = |kind: &str, offer: &Value, code: &str, keys: u32| json!({ "kind": kind, "offer": offer["openid_offer"], "code": code, "keys": keys });
    let other_code = if wrong_code.1 == "000000" { "000001" } else { "000000" };
    let answers = wallet(&[
        job("take-up", &taken_up.0, &taken_up.1, 2),
        job("log-in", &logged_in.0, &logged_in.1, 2),
        job("take-up", &taken_up.0, &taken_up.1, 2),
        job("take-up", &wrong_code.0, other_code, 2),
        job("take-up", &one_key.0, &one_key.1, 1),
        {
            let mut job = job("take-up", &encrypted.0, &encrypted.1, 2);
            job["encrypted"] = true.into();
            job
        },
    ]);
    let certificate = base64::engine::general_purpose::STANDARD.decode(root(&services)).unwrap();
    let roots = [Root::from_der(&certificate).unwrap()];
    for answer in &answers[..2] {
        let answer = answer.as_ref().unwrap();
        assert_eq!(answer["token"], "DPoP");
        let taken = answer["taken"].as_array().unwrap();
        let ids: Vec<&str> = taken.iter().map(|it| it["id"].as_str().unwrap()).collect();
        let all = ["sd-jwt", "mdoc", "bbs-2023", "eddsa-rdfc-2022"].map(|it| format!("{LICENCE}.{it}"));
        assert_eq!(ids, all);
        for one in taken {
            assert_eq!(one["credentials"].as_array().unwrap().len(), 2, "one for each key");
        }
        let text = taken[0]["credentials"][0].as_str().unwrap();
        let verified = verify_issued(text, LICENCE, &Trust { roots: &roots, now: now() }).unwrap();
        assert!(verified.claims()["document_number"].is_string());
    }
    // The code once more, and with other digits.
    for answer in &answers[2..4] {
        assert!(answer.as_ref().unwrap_err().contains("invalid_grant"), "{answer:?}");
    }
    // Proof of one key goes into `proof`, as drafts had it; 8.2 of the standard knows `proofs` alone.
    assert!(answers[4].as_ref().unwrap_err().contains("InvalidProof"), "{:?}", answers[4]);
    // Wants the answer encrypted, and says so in clear, as drafts had it; 8.2 wants the request encrypted then.
    assert!(answers[5].as_ref().unwrap_err().contains("invalid_encryption_parameters"), "{:?}", answers[5]);
}

/// With the word of its provider, which our issuer wants here: by code and by logging in. HAIP 1.0, section 4.4.1.
#[test]
fn the_eudi_wallet_is_attested_to_our_issuer() {
    let dir = tempfile::tempdir().unwrap();
    let network = dir.path().join("network");
    let key = |seed: u8| StandardKey::p256(&[seed; 32]).unwrap();
    let root = Draft::root("CN=Provider root,C=KR", key(1).multikey(), now() - 100, now() + 86_400);
    let chain = [root.leaf("CN=Provider,C=KR", key(2).multikey(), None).sign(&key(1))];
    let encoded = base64::engine::general_purpose::STANDARD.encode(root.sign(&key(1)));
    fs::create_dir_all(network.join("issuer")).unwrap();
    fs::write(network.join("issuer/wallet-providers.json"), json!({ "roots": [encoded] }).to_string()).unwrap();
    let services = Services::start_behind_tls(&network);
    let [taken_up, logged_in, anonymous] =
        ["person-0001", "person-0002", "person-0003"].map(|person| offer(&services, person));
    let client = "https://provider.example/wallet";
    let word = Provider { signer: &key(2), chain: &chain };
    let word = word.attest_client(client, "Wallet", &key(3).multikey(), now(), now() + 3_600).unwrap();
    let mut instance = Jwk::from(key(3).multikey()).to_json();
    instance["d"] = base64url(&[3; 32]).into();
    let job = |kind: &str, offer: &(Value, String), attested: bool| {
        let mut job = json!({ "kind": kind, "offer": offer.0["openid_offer"], "code": offer.1, "keys": 2 });
        if attested {
            (job["attestation"], job["instance"]) = (word.as_str().into(), instance.clone());
        }
        job
    };
    let answers =
        wallet(&[job("take-up", &taken_up, true), job("log-in", &logged_in, true), job("take-up", &anonymous, false)]);
    for answer in &answers[..2] {
        let taken = answer.as_ref().unwrap()["taken"].as_array().unwrap();
        assert_eq!(taken.len(), 4);
        assert!(taken.iter().all(|one| one["credentials"].as_array().unwrap().len() == 2), "one for each key");
    }
    assert!(answers[2].as_ref().unwrap_err().contains("401 Unauthorized"), "{:?}", answers[2]);
}
