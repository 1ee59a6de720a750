//! A foreign wallet, Credo, takes a licence from our issuer: pre-authorised code with transaction code, or a log-in with
//! the same digits; DPoP, signed metadata, both formats. Credo checks credentials and their chain before it stores them.

use base64::Engine as _;
use journeys::{LICENCE, Services};
use openid::javascript;
use serde_json::{Value, json};
use tests::contract::Contract;

/// An offer for a foreign wallet, and the code told separately.
pub(super) fn offer(services: &Services, person: &str) -> (Value, String) {
    let body = json!({
        "person": person, "credential_types": [LICENCE], "with_tx_code": true, "replaces": false, "life": 600,
    });
    let (status, answer) = services.admin("offers", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let tx_code = answer["tx_code"].as_str().unwrap().to_owned();
    (answer, tx_code)
}

/// The issuer's root certificate, made when it first signs.
pub(super) fn root(services: &Services) -> String {
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
    let both = [format!("{LICENCE}.sd-jwt"), format!("{LICENCE}.mdoc")];
    let take_up = |offer: &Value, tx_code: &str, roots: &Value| json!({ "job": "credo-take-up", "offer": offer, "txCode": tx_code, "roots": roots, "copies": 2, "configurations": both });
    let other_code = if wrong_code.1 == "000000" { "000001" } else { "000000" };
    let answers = javascript(&[
        take_up(&by_value.0["openid_offer"], &by_value.1, &trusted),
        take_up(&by_reference.0["openid_offer_reference"], &by_reference.1, &trusted),
        json!({
            "job": "credo-log-in", "offer": by_log_in.0["openid_offer"], "digits": by_log_in.1, "roots": trusted,
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

/// The root certificate of the traffic control.
pub(super) fn reader(services: &Services) -> String {
    base64::engine::general_purpose::STANDARD.encode(std::fs::read(services.dir.join("police/root.der")).unwrap())
}

/// What a relying party of the local network sends, as its program does.
fn ask(services: &Services, path: &str, body: &Value) -> (u16, Value) {
    let token = std::fs::read_to_string(services.dir.join("police/api.token")).unwrap();
    services.client.admin(&format!("{}/openid4vp/requests{path}", services.url), &token, body).unwrap()
}

/// The traffic control of `mid up` asks; Credo answers with the licence it took there, in both formats.
#[test]
fn credo_shows_its_licence_to_the_traffic_control() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::start(&dir.path().join("network"));
    let (offer, tx_code) = offer(&services, "person-0001");
    let sd_jwt = json!({
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [LICENCE] },
        "claims": [{ "path": ["document_number"] }, { "path": ["name_ko"] }, { "path": ["classes"] }],
    });
    let mdoc = json!({
        "id": "mdl", "format": "mso_mdoc", "meta": { "doctype_value": "org.iso.18013.5.1.mDL" },
        "claims": [{ "path": ["org.iso.18013.5.1", "document_number"] }],
    });
    let request = |credential: &Value| json!({ "purpose": "roadside", "dcql_query": { "credentials": [credential] } });
    let created: Vec<Value> = [&sd_jwt, &mdoc]
        .map(|credential| {
            let (status, created) = ask(&services, "", &request(credential));
            assert_eq!(status, 201, "{created}");
            assert!(created["client_id"].as_str().unwrap().starts_with("x509_hash:"), "{created}");
            created
        })
        .into();
    // What the traffic control is not registered for, it cannot ask.
    let mut wider = sd_jwt.clone();
    wider["claims"][1]["path"] = json!(["age_equal_or_over", "19"]);
    let (status, refused) = ask(&services, "", &request(&wider));
    assert_eq!((status, refused["error_description"].as_str()), (403, Some("AttributeNotRegistered")), "{refused}");
    let links: Vec<_> = created.iter().map(|it| it["link"].clone()).collect();
    let answers = javascript(&[json!({
        "job": "credo-take-and-answer", "offer": offer["openid_offer"], "txCode": tx_code,
        "roots": [root(&services), reader(&services)], "links": links,
        "configurations": [format!("{LICENCE}.sd-jwt"), format!("{LICENCE}.mdoc")],
    })]);
    let answered = answers[0].as_ref().unwrap();
    for (created, answer) in created.iter().zip(answered["answers"].as_array().unwrap()) {
        assert_eq!(
            (&answer["status"], &answer["signed"], &answer["encrypted"]),
            (&json!(200), &json!(true), &json!(true))
        );
        let (status, verdict) = ask(&services, &format!("/{}/verdict", created["id"].as_str().unwrap()), &json!({}));
        assert_eq!((status, &verdict["accepted"]), (200, &json!(true)), "{verdict}");
        let document = format!("{}/openid4vp/openapi.json", services.url);
        let contract = Contract {
            document: &document,
            base: &services.url,
            headers: &[],
            cases: 0,
            hooks: None,
            checks: &[],
            arguments: &[],
        };
        contract.describes(&[("VerdictAnswer", &verdict), ("Created", created)]);
        let credential = &verdict["verdict"]["credentials"][0];
        assert_eq!(credential["credential_type"], LICENCE);
        assert!(credential["status"]["listed"]["as_of"].is_u64(), "{verdict}");
        let claims = credential["claims"].as_array().unwrap();
        let number = claims.iter().find(|it| it["path"].as_str().unwrap().ends_with("/document_number")).unwrap();
        assert!(number["value"].as_str().unwrap().len() > 8, "{verdict}");
    }
}
