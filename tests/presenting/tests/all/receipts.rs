//! What a relying party keeps when it keeps no attribute, and what anyone can check of it later.

use axum::Router;
use presenting::calls::{Answer, call, post};
use presenting::{DAY, DOCTYPE, HOLDER, NAMESPACE, VCT, World, key, mdoc_query, sd_jwt_query};
use protocol::credential::mdoc::{DeviceResponse, Document, IssuerSigned, Proof, SessionTranscript};
use protocol::crypto::jose::{base64url, from_base64url};
use protocol::crypto::multikey::StandardSigner as _;
use serde_json::{Value, json};

use crate::service::{BASE, NOW, ready, verdict};

/// A receipt for a transfer that the holder agreed to.
async fn receipt(world: &World, router: &Router) -> Value {
    let transaction =
        json!({ "credential_ids": ["licence"], "text_ko": "12,000원 이체", "text_en": "Transfer ₩12,000" });
    let query = sd_jwt_query(&[&["family_name"], &["address", "region"]]);
    let (created, sent) = ready(world, router, &query, &json!({ "transactions": [transaction] }), 1).await;
    assert_eq!(post(router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    let read = verdict(router, &created, &Value::Null).await.json();
    assert_eq!(read["verdict"]["credentials"][0]["claims"][0]["value"], "홍");
    read["verdict"]["receipt"].clone()
}

async fn check(router: &Router, receipt: &Value) -> Answer {
    call(router, "/openid4vp/receipts", receipt).await
}

#[tokio::test]
async fn rcpt_01_a_receipt_has_no_attribute() {
    let world = World::at(NOW);
    let router = world.service(BASE, || NOW).router();
    let receipt = receipt(&world, &router).await;
    let mut text = receipt.to_string();
    let parts: Vec<String> = text.split(['.', '"', '~']).map(str::to_owned).collect();
    for part in parts {
        text += &from_base64url(&part).map(|it| String::from_utf8_lossy(&it).into_owned()).unwrap_or_default();
    }
    assert!(text.contains("transaction_data_hashes") && text.contains("Transfer"), "it was read");
    for value in ["홍", "길동", "서울", "세종대로", "1990", "family_name", "1-ordinary"] {
        assert!(!text.contains(value), "{value}");
    }
}

/// A receipt of a mobile document.
async fn document(world: &World, router: &Router) -> Value {
    let query = mdoc_query(&["family_name", "age_over_19"]);
    let (created, sent) = ready(world, router, &query, &Value::Null, 1).await;
    assert_eq!(post(router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    verdict(router, &created, &Value::Null).await.json()["verdict"]["receipt"].clone()
}

#[tokio::test]
async fn rcpt_01_of_a_mobile_document_no_element_is_kept() {
    let world = World::at(NOW);
    let router = world.service(BASE, || NOW).router();
    let receipt = document(&world, &router).await;
    let kept = from_base64url(receipt["credentials"][0]["document"].as_str().unwrap()).unwrap();
    let text = String::from_utf8_lossy(&kept);
    assert!(text.contains(DOCTYPE) && text.contains("deviceSignature"), "{text}");
    for value in ["Hong", "Gildong", "1990", "family_name", "age_over_19", "elementValue"] {
        assert!(!text.contains(value), "{value}");
    }
    // Years later, at another service: as the keeper says when, because the device's proof has no time.
    let later = world.service("https://court.example", || NOW + 3 * 365 * DAY).router();
    let proves = check(&later, &receipt).await.json();
    assert_eq!((&proves["agreed_at"], &proves["time_said_by"]), (&json!(NOW), &json!("keeper")));
    let credential = json!({
        "query": "mdl", "kind": DOCTYPE, "credential_type": DOCTYPE, "issuer": world.issuer.as_str(),
    });
    assert_eq!(proves["credentials"], json!([credential]));
}

#[tokio::test]
async fn rcpt_02_a_document_of_another_session_proves_nothing() {
    let world = World::at(NOW);
    let router = world.service(BASE, || NOW).router();
    let (good, other) = (document(&world, &router).await, document(&world, &router).await);
    assert_eq!(check(&router, &good).await.status, 200);
    let changed = |pointer: &str, value: Value| {
        let mut receipt = good.clone();
        *receipt.pointer_mut(pointer).unwrap() = value;
        receipt
    };
    let mut bare = good.clone();
    bare.as_object_mut().unwrap().remove("session");
    let session = "/session/direct-post";
    let whole = {
        // Elements put back, as a wallet shows them.
        let issued = world.issue(key(HOLDER).multikey(), 1);
        let kept = from_base64url(good["credentials"][0]["document"].as_str().unwrap()).unwrap();
        let mut response = DeviceResponse::from_slice(&kept).unwrap();
        let session = SessionTranscript::from_bytes(b"\x83\xf6\xf6\xf6");
        let signed = IssuerSigned::from_slice(&issued.mdoc).unwrap();
        let proof = Proof::Signature(&key(HOLDER));
        let shown = Document::present(&signed, DOCTYPE, &[(NAMESPACE, "family_name")], &session, &proof).unwrap();
        response.documents = vec![shown];
        base64url(&response.to_vec())
    };
    let cases = [
        (changed("/nonce", other["nonce"].clone()), 422, "HolderBindingInvalid"),
        (changed("/verifier", json!("x509_hash:other")), 422, "HolderBindingInvalid"),
        (changed(&format!("{session}/response_uri"), json!("https://evil.example/")), 422, "HolderBindingInvalid"),
        (
            changed(&format!("{session}/key"), other.pointer(&format!("{session}/key")).unwrap().clone()),
            422,
            "HolderBindingInvalid",
        ),
        (changed(&format!("{session}/key"), json!("AA")), 422, "MalformedPresentation"),
        (changed("/session", json!({ "dc-api": {} })), 422, "MalformedPresentation"),
        (changed("/session", json!({ "iso-mdoc": { "encryption_info": "AA" } })), 422, "MalformedPresentation"),
        (changed("/session", json!({ "other": {} })), 400, "MalformedPresentation"),
        (bare, 422, "MalformedPresentation"),
        (changed("/credentials/0/document", other["credentials"][0]["document"].clone()), 422, "HolderBindingInvalid"),
        (changed("/credentials/0/document", json!(whole)), 422, "HolderBindingInvalid"),
        (changed("/credentials/0/document", json!("***")), 422, "MalformedPresentation"),
        (changed("/credentials/0/doctype", json!("org.example")), 422, "TypeMismatch"),
        (changed("/credentials/0/at", json!(NOW + 6 * DAY)), 422, "CredentialExpired"),
        (changed("/credentials/0/at", json!(NOW - 200)), 422, "IssuedInFuture"),
    ];
    for (receipt, status, name) in cases {
        let refused = check(&router, &receipt).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (status, name), "{receipt}");
    }
    let unaccredited = World::with(NOW, false).service(BASE, || NOW).router();
    let refused = check(&unaccredited, &good).await.refusal();
    assert_eq!((refused.0, refused.2.as_str()), (422, "IssuerNotAuthorizedForType"));
}

#[tokio::test]
async fn rcpt_02_a_receipt_still_proves_who_agreed_to_what() {
    let world = World::at(NOW);
    let router = world.service(BASE, || NOW).router();
    let receipt = receipt(&world, &router).await;
    // Another service with the same ledger, years later: it depends on nobody's memory.
    let later = world.service("https://court.example", || NOW + 3 * 365 * 86_400).router();
    for router in [&router, &later] {
        let checked = check(router, &receipt).await;
        let proves = checked.json();
        assert_eq!(checked.status, 200, "{proves}");
        assert_eq!((&proves["agreed_at"], &proves["verifier"]), (&json!(NOW), &receipt["verifier"]));
        assert_eq!(proves["time_said_by"], "holder");
        assert_eq!(proves["transactions"][0]["text_en"], "Transfer ₩12,000");
        let credential = json!({
            "query": "licence", "kind": VCT, "credential_type": VCT, "issuer": world.issuer.as_str(),
        });
        assert_eq!(proves["credentials"], json!([credential]));
    }
}

#[tokio::test]
async fn rcpt_02_what_was_changed_proves_nothing() {
    let world = World::at(NOW);
    let router = world.service(BASE, || NOW).router();
    let good = receipt(&world, &router).await;
    let other = receipt(&world, &router).await;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut receipt = good.clone();
        change(&mut receipt);
        receipt
    };
    let flipped = |pointer: &str| {
        let mut text = good.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        // The last but one, of which every bit counts.
        let at = text.len() - 2;
        let letter = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        text.replace_range(at..at + 1, letter);
        changed(&|it| *it.pointer_mut(pointer).unwrap() = json!(text))
    };
    let cases = [
        (changed(&|it| it["verifier"] = json!("x509_hash:other")), 422, "AudienceMismatch"),
        (changed(&|it| it["nonce"] = other["nonce"].clone()), 422, "NonceMismatch"),
        (changed(&|it| it["credentials"][0]["proof"] = other["credentials"][0]["proof"].clone()), 422, "NonceMismatch"),
        (flipped("/credentials/0/proof"), 422, "HolderBindingInvalid"),
        (flipped("/credentials/0/credential"), 422, "SignatureInvalid"),
        (changed(&|it| it["credentials"][0]["vct"] = json!("urn:other")), 422, "TypeMismatch"),
        (changed(&|it| it["transactions"] = json!([])), 422, "TransactionMismatch"),
        (changed(&|it| it["transactions"] = json!(["e30"])), 422, "InvalidTransactionData"),
        (changed(&|it| it["credentials"] = json!([])), 400, "MalformedPresentation"),
        (changed(&|it| it["more"] = json!(1)), 400, "MalformedPresentation"),
        (json!([]), 400, "MalformedPresentation"),
    ];
    for (receipt, status, name) in cases {
        let refused = check(&router, &receipt).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (status, name), "{receipt}");
    }
    // Another text under the same hash there is not; and an issuer that nobody accredited issued nothing.
    let another =
        protocol::exchange::openid4vp::TransactionData::new(vec!["licence".into()], "이체", "Transfer ₩99,000");
    let refused = check(&router, &changed(&|it| it["transactions"] = json!([another.encoded()]))).await.refusal();
    assert_eq!((refused.0, refused.2.as_str()), (422, "TransactionMismatch"));
    let unaccredited = World::with(NOW, false).service(BASE, || NOW).router();
    let refused = check(&unaccredited, &good).await.refusal();
    assert_eq!((refused.0, refused.2.as_str()), (422, "IssuerNotAuthorizedForType"));
    let bare = presenting::calls::send(&router, axum::http::Method::POST, "/openid4vp/receipts", &[], vec![]).await;
    assert_eq!(bare.status, 401);
}
