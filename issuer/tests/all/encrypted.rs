//! Encrypted requests and answers, at the HTTP service.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use issuer::server::Limits;
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{ContentEncryption, EncryptionKey, Jwe, Parties, base64url, encrypt};
use protocol::exchange::openid4vci::encryption::{AnswerTo, RequestEncryption};
use serde_json::{Value, json};

use crate::http::{Answer, Site, site};
use crate::openid::*;
use crate::world::*;

pub(crate) async fn announced(site: &Site) -> RequestEncryption {
    let metadata = site.get("/.well-known/openid-credential-issuer").await.json();
    let answers = &metadata["credential_response_encryption"];
    assert_eq!(answers["alg_values_supported"], json!(["ECDH-ES"]));
    assert_eq!(answers["enc_values_supported"], json!(["A256GCM", "A128GCM"]));
    serde_json::from_value(metadata["credential_request_encryption"].clone()).unwrap()
}

pub(crate) fn sealed(message: &Value, key: &EncryptionKey) -> String {
    let content = message.to_string();
    encrypt(content.as_bytes(), None, key, ContentEncryption::A256Gcm, &Parties::default(), &mut fresh()).unwrap()
}

pub(crate) async fn post(wallet: &mut Foreign<'_>, token: &str, body: String) -> Answer {
    let proof = wallet.dpop("/openid4vci/credential", Some(token));
    let request = Request::post("/openid4vci/credential")
        .header("content-type", "application/jwt")
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof);
    wallet.send(request.body(Body::from(body)).unwrap()).await
}

/// J24, J25.
#[tokio::test]
async fn vci_24_requests_and_answers_are_encrypted() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&offer(&site).await).await;
    let (issuers, _) = announced(&site).await.chosen().unwrap();
    let own = AgreementKey::generate(&mut fresh());
    let key_of_answer = EncryptionKey { key: own.public().unwrap(), id: Some("mine".into()) };
    let answer_to = AnswerTo { key: key_of_answer, method: ContentEncryption::A128Gcm }.to_json();
    let plain = wallet.request(SD_JWT, &[&key()]).await;
    let mut request = plain.clone();
    request["credential_response_encryption"] = answer_to.clone();

    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut request = request.clone();
        change(&mut request["credential_response_encryption"]);
        sealed(&request, &issuers)
    };
    let refused = [
        wrong(&|it| it["enc"] = "A128CBC-HS256".into()),
        wrong(&|it| it["zip"] = "DEF".into()),
        wrong(&|it| it["jwk"]["alg"] = "RSA-OAEP-256".into()),
        wrong(&|it| drop(it["jwk"].as_object_mut().unwrap().remove("alg"))),
        wrong(&|it| it["jwk"]["d"] = "AQ".into()),
        wrong(&|it| it["jwk"]["crv"] = "P-384".into()),
        wrong(&|it| it["jwk"]["y"] = it["jwk"]["x"].clone()),
        wrong(&|it| *it = json!("x")),
        "x".to_owned(),
        plain.to_string(),
        sealed(&request, &EncryptionKey { id: None, ..issuers.clone() }),
        sealed(&request, &EncryptionKey { id: issuers.id.clone(), key: own.public().unwrap() }),
    ];
    for body in refused {
        bad(&post(&mut wallet, &token, body).await, "invalid_encryption_parameters");
    }
    // Compressed, whatever is in it.
    let (_, rest) = sealed(&request, &issuers).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let zipped =
        json!({ "alg": "ECDH-ES", "enc": "A256GCM", "zip": "DEF", "kid": issuers.id, "epk": answer_to["jwk"] });
    let zipped = format!("{}.{rest}", base64url(zipped.to_string().as_bytes()));
    bad(&post(&mut wallet, &token, zipped).await, "invalid_encryption_parameters");
    // In clear anybody on the way could put his own key into it.
    bad(&wallet.ask(&token, &request).await, "invalid_encryption_parameters");
    let other = sealed(&json!({ "proofs": [] }), &issuers);
    bad(&post(&mut wallet, &token, other).await, "invalid_credential_request");

    // None of it used the nonce up.
    let answer = post(&mut wallet, &token, sealed(&request, &issuers)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/jwt");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let opened = Jwe::read(&text).unwrap();
    assert_eq!((opened.key_id(), opened.method()), (Some("mine"), ContentEncryption::A128Gcm));
    let opened: Value = serde_json::from_slice(&opened.decrypt(&own).unwrap()).unwrap();
    // The same keys in clear: an encrypted request alone does not encrypt the answer.
    let again = post(&mut wallet, &token, sealed(&plain, &issuers)).await;
    assert_eq!((again.headers[header::CONTENT_TYPE].to_str().unwrap(), again.json()), ("application/json", opened));

    // The keys of the last four weeks open, the one before does not.
    let week = 7 * 86_400;
    for (passed, fits) in [(4 * week, true), (week, false)] {
        site.clock.fetch_add(passed, Ordering::Relaxed);
        let mut wallet = Foreign::new(&site).await;
        let offered = offer_for(&site, if fits { LEAP_DAY_CHILD } else { "person-0005" }, true, false).await;
        let (token, _) = wallet.redeem(&offered).await;
        let request = wallet.request(SD_JWT, &[&key()]).await;
        let answer = post(&mut wallet, &token, sealed(&request, &issuers)).await;
        match fits {
            true => assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body),
            false => bad(&answer, "invalid_encryption_parameters"),
        }
        assert_ne!(announced(&site).await.chosen().unwrap().0, issuers);
    }
}
