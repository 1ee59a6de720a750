//! A foreign wallet, Credo, takes a licence from our issuer: pre-authorised code with transaction code, or a log-in with
//! the same digits; DPoP, signed metadata, both formats. Credo checks credentials and their chain before it stores them.

use base64::Engine as _;
use journeys::{LICENCE, Services};
use openid::javascript;
use serde_json::{Value, json};

/// An offer for a foreign wallet, and the code told separately.
fn offer(services: &Services, person: &str) -> (Value, String) {
    let body = json!({
        "person": person, "credential_types": [LICENCE], "with_tx_code": true, "replaces": false, "life": 600,
    });
    let (status, answer) = services.admin("offers", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let tx_code = answer["tx_code"].as_str().unwrap().to_owned();
    (answer, tx_code)
}

/// The issuer's root certificate, made when it first signs.
fn root(services: &Services) -> String {
    let metadata = format!("{}/.well-known/openid-credential-issuer/issuer", services.url);
    let signed = services.client.exchange("GET", &metadata, &[("accept", "application/jwt")], &[], "content-type");
    assert_eq!(signed.unwrap().1.as_deref(), Some("application/jwt"));
    let certificate = std::fs::read(services.dir.join("issuer/root.der")).unwrap();
    base64::engine::general_purpose::STANDARD.encode(certificate)
}

#[test]
fn credo_takes_a_licence_from_our_issuer() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::start(&dir.path().join("network"));
    let trusted = json!([root(&services)]);
    let people = ["person-0001", "person-0002", "person-0003", "person-0005", "person-0006"];
    let [by_value, by_reference, by_log_in, wrong_code, untrusting] = people.map(|person| offer(&services, person));
    let take_up = |offer: &Value, tx_code: &str, roots: &Value| json!({ "kind": "credo-take-up", "offer": offer, "txCode": tx_code, "roots": roots, "copies": 2 });
    let other_code = if wrong_code.1 == "000000" { "000001" } else { "000000" };
    let answers = javascript(&[
        take_up(&by_value.0["openid_offer"], &by_value.1, &trusted),
        take_up(&by_reference.0["openid_offer_reference"], &by_reference.1, &trusted),
        json!({
            "kind": "credo-log-in", "offer": by_log_in.0["openid_offer"], "digits": by_log_in.1, "roots": trusted,
            "configuration": format!("{LICENCE}.sd-jwt"),
        }),
        take_up(&by_value.0["openid_offer"], &by_value.1, &trusted),
        take_up(&wrong_code.0["openid_offer"], other_code, &trusted),
        take_up(&untrusting.0["openid_offer"], &untrusting.1, &json!([])),
    ]);
    for answer in &answers[..2] {
        let answer = answer.as_ref().unwrap();
        assert_eq!(
            (&answer["tokenType"], &answer["dpop"], &answer["signed"]),
            (&json!("DPoP"), &json!(true), &json!(true))
        );
        let kinds: Vec<&str> =
            answer["taken"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["SdJwtVcRecord", "MdocRecord"]);
    }
    let logged_in = answers[2].as_ref().unwrap();
    assert_eq!(logged_in["kinds"], json!(["SdJwtVcRecord"]));
    assert!(logged_in["pushed"].as_str().unwrap().contains("request_uri=urn"), "{logged_in}");
    // The code once more, and with other digits; and a wallet that does not know the issuer's root.
    for answer in &answers[3..5] {
        assert!(answer.as_ref().unwrap_err().contains("invalid_grant"), "{answer:?}");
    }
    assert!(answers[5].is_err(), "{:?}", answers[5]);
}
