//! Credentials that a clerk looks at first, at the HTTP service.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use issuer::register::PersonId;
use issuer::server::Limits;
use issuer::{AuditEvent, IssuerError};
use serde_json::{Value, json};

use crate::http::{Answer, Site, site};
use crate::openid::*;
use crate::world::*;

pub(crate) const PATH: &str = "/openid4vci/deferred";

pub(crate) async fn reviewed(site: &Site, person: &str) -> Taken {
    let order = json!({
        "person": person, "credential_types": [LICENCE], "with_tx_code": true, "review": true, "life": 600,
    });
    ordered(site, &order).await
}

async fn decide(site: &Site, review: &Value, approve: bool) -> Answer {
    site.admin("/v1/admin/reviews", &json!({ "review": review, "approve": approve })).await
}

pub(crate) fn waits(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
    let json = answer.json();
    assert!(json["interval"].as_u64().unwrap() > 0 && json.get("credentials").is_none(), "{json}");
    json["transaction_id"].clone()
}

/// J26.
#[tokio::test]
async fn vci_70_a_clerk_looks_before_anything_is_issued() {
    let site = site(Limits::default());
    let metadata = site.get("/.well-known/openid-credential-issuer").await.json();
    assert_eq!(metadata["deferred_credential_endpoint"], format!("{BASE}{PATH}"));
    let mut wallet = Foreign::new(&site).await;
    let (token, refresh) = wallet.redeem(&reviewed(&site, HOLDER).await).await;
    assert_eq!(site.admin_get("/v1/admin/reviews").await.json(), json!([]), "nothing was asked for yet");
    let holder = key();
    let request = wallet.request(SD_JWT, &[&holder, &key()]).await;
    let id = waits(&wallet.ask(&token, &request).await);
    assert_eq!(waits(&wallet.ask(&token, &request).await), id, "the same request has the same name");
    let other = waits(&wallet.fetch(&token, MDOC, &holder).await);
    assert_ne!(other, id);
    assert!(site.issuer.issued(&PersonId::new(HOLDER)).unwrap().is_empty(), "nothing is issued meanwhile");
    let asked = json!({ "transaction_id": id });
    assert_eq!(waits(&wallet.call(PATH, &token, &asked).await), id, "the name stays");

    // Another's, unknown, and malformed ones.
    let mut stranger = Foreign::new(&site).await;
    let (foreign, _) = stranger.redeem(&reviewed(&site, LEAP_DAY_CHILD).await).await;
    bad(&stranger.call(PATH, &foreign, &asked).await, "invalid_transaction_id");
    for unknown in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        bad(&wallet.call(PATH, &token, &json!({ "transaction_id": unknown })).await, "invalid_transaction_id");
    }
    bad(&wallet.call(PATH, &token, &json!({})).await, "invalid_credential_request");
    refused(&wallet.call(PATH, "other", &asked).await, StatusCode::UNAUTHORIZED, "invalid_token");

    // The clerk decides once about all that was asked for.
    let waiting = site.admin_get("/v1/admin/reviews").await.json();
    assert_eq!(waiting.as_array().unwrap().len(), 1);
    assert_eq!((&waiting[0]["person"], &waiting[0]["credential_types"]), (&json!(HOLDER), &json!([LICENCE])));
    let review = &waiting[0]["review"];
    refused(&decide(&site, &json!("00"), true).await, StatusCode::NOT_FOUND, "ReviewUnknown");
    assert_eq!(decide(&site, review, true).await.json(), json!({ "outcome": "approved" }));
    refused(&decide(&site, review, false).await, StatusCode::NOT_FOUND, "ReviewUnknown");
    assert_eq!(site.issuer.review("zz", true, NOW).err(), Some(IssuerError::ReviewUnknown));

    // Hours later, with another token of the same grant.
    site.clock.fetch_add(7_200, Ordering::Relaxed);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    bad(&wallet.token(&form).await, "use_dpop_nonce");
    let renewed = wallet.token(&form).await.json()["access_token"].as_str().unwrap().to_owned();
    let answer = wallet.call(PATH, &renewed, &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.json()["credentials"].as_array().unwrap().len(), 2);
    // VCI-71: the name is used up, and the same keys get the same credentials where they were asked for first.
    bad(&wallet.call(PATH, &renewed, &asked).await, "invalid_transaction_id");
    let nonce = wallet.c_nonce().await;
    assert_eq!(nonce.len(), 22);
    let mdoc = wallet.call(PATH, &renewed, &json!({ "transaction_id": other })).await;
    assert_eq!((mdoc.status, mdoc.json()["credentials"].as_array().unwrap().len()), (StatusCode::OK, 1));
    assert_eq!(site.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 1, "one enrolment");
    assert_eq!(wallet.fetch(&renewed, SD_JWT, &key()).await.status, StatusCode::OK, "approved for good");
    site.issuer.check_audit().unwrap();
    assert_eq!(format!("{:?}", AuditEvent::ReviewApproved), "ReviewApproved");
}

#[tokio::test]
async fn vci_71_what_a_clerk_refuses_is_never_issued() {
    let site = site(Limits::default());
    let mut wallet = Foreign::new(&site).await;
    let (token, _) = wallet.redeem(&reviewed(&site, HOLDER).await).await;
    let request = wallet.request(SD_JWT, &[&key()]).await;
    let id = waits(&wallet.ask(&token, &request).await);
    let waiting = site.admin_get("/v1/admin/reviews").await.json();
    assert_eq!(decide(&site, &waiting[0]["review"], false).await.json(), json!({ "outcome": "refused" }));
    let denied = "credential_request_denied";
    bad(&wallet.call(PATH, &token, &json!({ "transaction_id": id })).await, denied);
    bad(&wallet.ask(&token, &request).await, "invalid_nonce");
    bad(&wallet.fetch(&token, SD_JWT, &key()).await, denied);
    assert!(site.issuer.issued(&PersonId::new(HOLDER)).unwrap().is_empty());
    // A wallet that asks on and on fills nothing.
    let mut greedy = Foreign::new(&site).await;
    let (token, _) = greedy.redeem(&reviewed(&site, LEAP_DAY_CHILD).await).await;
    for _ in 0..16 {
        waits(&greedy.fetch(&token, SD_JWT, &key()).await);
    }
    bad(&greedy.fetch(&token, SD_JWT, &key()).await, denied);
}

/// Our own protocol does not wait.
#[tokio::test]
async fn issu_20_offers_with_a_review_are_taken_up_over_openid_only() {
    let world = world();
    let terms = issuer::OfferTerms { review: true, ..terms(&[LICENCE], false, false) };
    let made = world.issuer.offer(&PersonId::new(HOLDER), &terms, NOW, &mut fresh()).unwrap();
    let wallet = Wallet::new(&world.issuer, LICENCE);
    let request = wallet.request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&request, NOW), Some(protocol::exchange::IssuanceRefusal::InvalidGrant));
    assert!(world.issuer.issued(&PersonId::new(HOLDER)).unwrap().is_empty());
}
