//! Keys of W3C credentials that prove themselves by presentations (proof type `di_vp`), at the HTTP service.

use axum::http::StatusCode;
use issuer::openid4vci::BATCH_MAX;
use issuer::server::Limits;
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::exchange::openid4vci::di_vp;
use protocol::exchange::openid4vci::key_proof::Expected;
use protocol::identifier::DidKey;
use serde_json::{Value, json};

use crate::http::site;
use crate::openid::*;
use crate::world::*;

#[tokio::test]
async fn vci_66_presentations_prove_keys_where_that_is_announced() {
    let site = site(Limits::default());
    let metadata = site.get("/.well-known/openid-credential-issuer").await.json();
    let of = |id: &str| metadata["credential_configurations_supported"][id]["proof_types_supported"].clone();
    let suites = json!({ "proof_signing_alg_values_supported": ["ecdsa-rdfc-2019", "ecdsa-jcs-2019"] });
    for id in [BBS, EDDSA] {
        assert_eq!(of(id)["di_vp"], suites);
        assert!(of(id)["jwt"].is_object());
    }
    for id in [SD_JWT, MDOC] {
        assert_eq!(of(id)["di_vp"], Value::Null);
    }
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let (one, two) = (key(), key());
    let (nonce, other_nonce) = (wallet.c_nonce().await, wallet.c_nonce().await);
    let expected = Expected { issuer: BASE, client: None, now: wallet.now() };
    let prove = |key: &StandardKey, expected: Expected<'_>, nonce: &str| {
        di_vp::make(key, &expected, nonce, &mut fresh()).unwrap()
    };
    let good = prove(&one, expected, &nonce);
    let ask = |id: &str, proofs: Value| json!({ "credential_configuration_id": id, "proofs": proofs });
    let presented = |proofs: &[&Value]| json!({ "di_vp": proofs });
    let elsewhere = prove(&one, Expected { issuer: "https://other.example", ..expected }, &nonce);
    let future = prove(&one, Expected { now: expected.now + 3_600, ..expected }, &nonce);
    let mixed = prove(&two, expected, &other_nonce);
    let changed = |change: fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let by_another = changed(|it| it["holder"] = "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169".into());
    let purpose = changed(|it| it["proof"]["proofPurpose"] = "assertionMethod".into());
    for unfit in [
        presented(&[&elsewhere]),
        presented(&[&future]),
        presented(&[&by_another]),
        presented(&[&purpose]),
        presented(&[&good, &good]),
        presented(&[&good, &mixed]),
        presented(&[&json!("x")]),
        json!({ "di_vp": [good], "jwt": [wallet.proof(&one, &nonce)] }),
    ] {
        bad(&wallet.ask(&token, &ask(EDDSA, unfit)).await, "invalid_proof");
    }
    // Where it is not announced.
    bad(&wallet.ask(&token, &ask(SD_JWT, presented(&[&good]))).await, "invalid_proof");
    let nobodys = prove(&one, expected, "AAAAAAAAAAAAAAAAAAAAAA");
    bad(&wallet.ask(&token, &ask(EDDSA, presented(&[&nobodys]))).await, "invalid_nonce");
    let many = vec![&good; BATCH_MAX as usize + 1];
    bad(&wallet.ask(&token, &ask(EDDSA, presented(&many))).await, "invalid_credential_request");
    // Two keys, a copy for each, and again when the answer was lost.
    let both = ask(EDDSA, presented(&[&good, &prove(&two, expected, &nonce)]));
    let answer = wallet.ask(&token, &both).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let copies = answer.json()["credentials"].as_array().unwrap().clone();
    let holders: Vec<_> = copies.iter().map(|it| it["credential"]["credentialSubject"]["id"].clone()).collect();
    assert_eq!(holders, [&one, &two].map(|key| json!(DidKey::new(key.multikey()).to_text())));
    assert_eq!(wallet.ask(&token, &both).await.json(), answer.json(), "VCI-26");
    // The nonce is used up.
    let third = ask(EDDSA, presented(&[&prove(&key(), expected, &nonce)]));
    bad(&wallet.ask(&token, &third).await, "invalid_nonce");
}
