//! What the OpenID Foundation's conformance suite tries on issuers of OpenID4VCI 1.0 and must not succeed in, module by module, each
//! under the module's name. `tests/COVERAGE.md` lists them all.

use axum::http::StatusCode;
use issuer::server::Limits;
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{self, ContentEncryption, EncryptionKey, Jwk};
use protocol::crypto::multikey::StandardSigner;
use protocol::exchange::openid4vci::attestation::make_possession;
use protocol::exchange::openid4vci::encryption::AnswerTo;
use serde_json::{Map, Value, json};

use crate::attested::{self, CLIENT, HIGH, Vouching, possession, seeded, unknown};
use crate::encrypted::{announced, post, sealed};
use crate::http::{Site, site};
use crate::openid::*;
use crate::world::*;

/// The same text with another bit in its signature.
fn tampered(jwt: &str) -> String {
    let at = jwt.len() - 10;
    let other = if &jwt[at..=at] == "A" { "Q" } else { "A" };
    format!("{}{other}{}", &jwt[..at], &jwt[at + 1..])
}

async fn holding(site: &Site) -> (Foreign<'_>, String) {
    let mut wallet = Foreign::new(site).await;
    let (token, _) = wallet.redeem(&offer(site).await).await;
    (wallet, token)
}

/// A credential request that is `changed`, and then the same as it should be.
async fn refused_unless_right(code: &str, change: impl FnOnce(&mut Value)) {
    let site = site(Limits::default());
    let (mut wallet, token) = holding(&site).await;
    let right = wallet.request(SD_JWT, &[&key()]).await;
    let mut changed = right.clone();
    change(&mut changed);
    bad(&wallet.ask(&token, &changed).await, code);
    assert_eq!(wallet.ask(&token, &right).await.status, StatusCode::OK);
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_invalid_jwt_proof_signature() {
    let change = |it: &mut Value| it["proofs"]["jwt"][0] = tampered(it["proofs"]["jwt"][0].as_str().unwrap()).into();
    refused_unless_right("invalid_proof", change).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_missing_proof() {
    refused_unless_right("invalid_proof", |it| drop(it.as_object_mut().unwrap().remove("proofs"))).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_unknown_credential_configuration() {
    let change = |it: &mut Value| it["credential_configuration_id"] = "unknown".into();
    refused_unless_right("unknown_credential_configuration", change).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_unknown_credential_identifier() {
    let change = |it: &mut Value| {
        it.as_object_mut().unwrap().remove("credential_configuration_id");
        it["credential_identifier"] = "unknown".into();
    };
    refused_unless_right("unknown_credential_identifier", change).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_invalid_nonce() {
    let site = site(Limits::default());
    let (mut wallet, token) = holding(&site).await;
    let proofs = |wallet: &Foreign<'_>, nonce: &str| json!({ "credential_configuration_id": SD_JWT, "proofs": { "jwt": [wallet.proof(&key(), nonce)] } });
    let unknown = proofs(&wallet, "bm90LWEtbm9uY2Utb2YtdGhlLWlzc3Vlcg");
    bad(&wallet.ask(&token, &unknown).await, "invalid_nonce");
    let nonce = wallet.c_nonce().await;
    let right = proofs(&wallet, &nonce);
    assert_eq!(wallet.ask(&token, &right).await.status, StatusCode::OK);
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_on_access_token_in_query() {
    let site = site(Limits::default());
    let (mut wallet, token) = holding(&site).await;
    let body = wallet.request(SD_JWT, &[&key()]).await;
    let path = "/openid4vci/credential";
    let proof = wallet.dpop(path, Some(&token));
    let in_query = format!("{path}?access_token={token}");
    bad(&wallet.call_with(&in_query, &[("dpop", &proof)], &body).await, "invalid_request");
    assert_eq!(wallet.ask(&token, &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_unsupported_encryption_algorithm() {
    let site = site(Limits::default());
    let (mut wallet, token) = holding(&site).await;
    let (issuers, _) = announced(&site).await.chosen().unwrap();
    let own = AgreementKey::generate(&mut fresh());
    let to = EncryptionKey { key: own.public().unwrap(), id: None };
    let mut right = wallet.request(SD_JWT, &[&key()]).await;
    right["credential_response_encryption"] = AnswerTo { key: to, method: ContentEncryption::A256Gcm }.to_json();
    let mut other = right.clone();
    other["credential_response_encryption"]["jwk"]["alg"] = "ECDH-ES+A999KW".into();
    bad(&post(&mut wallet, &token, sealed(&other, &issuers)).await, "invalid_encryption_parameters");
    let mut other = right.clone();
    other["credential_response_encryption"]["enc"] = "A999GCM".into();
    bad(&post(&mut wallet, &token, sealed(&other, &issuers)).await, "invalid_encryption_parameters");
    assert_eq!(post(&mut wallet, &token, sealed(&right, &issuers)).await.status, StatusCode::OK);
}

/// What a wallet says of itself, and then the same as it should be.
async fn unknown_unless_right(wrong: impl FnOnce(&Vouching, &protocol::crypto::multikey::StandardKey) -> [String; 2]) {
    let site = attested::site(false);
    let mut wallet = Foreign::new(&site).await;
    let (offered, vouching, key) = (offer(&site).await, Vouching::new(), key());
    let form = offered.form();
    let [attestation, proof] = wrong(&vouching, &key);
    unknown(&attested::token(&mut wallet, &form, &attestation, &proof).await);
    let right = attested::token(&mut wallet, &form, &vouching.wallet(&key), &possession(&key)).await;
    assert_eq!(right.status, StatusCode::OK, "{:?}", right.body);
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_client_attestation_exp_in_past() {
    unknown_unless_right(|vouching, key| {
        let over = vouching.provider().attest_client(CLIENT, "Wallet", &key.multikey(), NOW - 600, NOW - 300).unwrap();
        [over, possession(key)]
    })
    .await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_client_attestation_no_sub() {
    unknown_unless_right(|vouching, key| {
        use base64::Engine as _;
        let chain: Vec<String> =
            vouching.chain.iter().map(|der| base64::engine::general_purpose::STANDARD.encode(der)).collect();
        let header = json!({ "typ": "oauth-client-attestation+jwt", "x5c": chain });
        let cnf = json!({ "jwk": Jwk::from(key.multikey()).to_json() });
        let sign = |claims: Value| {
            let header: &Map<_, _> = header.as_object().unwrap();
            jose::sign(header, claims.to_string().as_bytes(), &vouching.key).unwrap()
        };
        [sign(json!({ "cnf": cnf, "iat": NOW, "exp": NOW + 600 })), possession(key)]
    })
    .await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_client_attestation_pop_wrong_aud() {
    unknown_unless_right(|vouching, key| {
        let elsewhere = make_possession(key, CLIENT, "https://other.example", NOW, [1; 16]).unwrap();
        [vouching.wallet(key), elsewhere]
    })
    .await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_invalid_client_attestation_pop_signature() {
    unknown_unless_right(|vouching, key| [vouching.wallet(key), tampered(&possession(key))]).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_invalid_client_attestation_signature() {
    unknown_unless_right(|vouching, key| [tampered(&vouching.wallet(key)), possession(key)]).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_mismatched_client_attestation_pop_key() {
    unknown_unless_right(|vouching, key| [vouching.wallet(key), possession(&seeded(8))]).await;
}

#[tokio::test]
async fn oid4vci_1_0_issuer_fail_invalid_key_attestation_signature() {
    let site = attested::site(true);
    let mut wallet = Foreign::new(&site).await;
    let (offered, vouching, instance) = (offer(&site).await, Vouching::new(), key());
    let form = offered.form();
    let answer = attested::token(&mut wallet, &form, &vouching.wallet(&instance), &possession(&instance)).await.json();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let nonce = wallet.c_nonce().await;
    let attestation = vouching.keys(&[key().multikey()], HIGH, Some(&nonce));
    let with = |attestation: &str| json!({ "credential_configuration_id": SD_JWT, "proofs": { "attestation": [attestation] } });
    bad(&wallet.ask(&token, &with(&tampered(&attestation))).await, "invalid_proof");
    assert_eq!(wallet.ask(&token, &with(&attestation)).await.status, StatusCode::OK);
}
