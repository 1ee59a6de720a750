//! From app to app through the verifier's service: one answer, to whoever asked, and every refusal beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::Method;
use presenting::TOKEN;
use presenting::calls::{Answer, call, send};
use protocol::exchange::app_link::{AuthenticAppRequest, Reply, SignedAppRequest};
use serde_json::{Value, json};
use tests::rng;
use tests::world::{KEY, NOW, World};
use verifier_server::Database;
use verifier_server::apps::{AppFailure, Apps, Asker, NewAppRequest};

const APP: &str = "kr.example.shop";
const BASE: &str = "https://shop.example";

pub(crate) fn service(world: &World, known: bool, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Apps {
    service_at(crate::place::database(), world, known, clock)
}

pub(crate) fn service_at(
    database: Option<Database>,
    world: &World,
    known: bool,
    clock: impl Fn() -> u64 + Send + Sync + 'static,
) -> Apps {
    let trust = known.then(|| Arc::new(world.trust("usual")));
    let asker = Asker { did: world.shop.did.clone(), key: KEY.to_owned(), signer: Box::new(world.shop.key.clone()) };
    Apps::new(asker, BASE, TOKEN, database, None, move || trust.clone(), clock)
}

async fn ask(router: &Router, more: &Value) -> Answer {
    let credential_type = World::new().identities.credential_type.id.clone();
    let mut body = json!({ "purpose": "age-check", "type": credential_type, "profile": "age-19", "caller": APP });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    call(router, "/apps/requests", &body).await
}

/// What a wallet makes of the link.
fn read(world: &World, created: &Value) -> AuthenticAppRequest {
    let link = SignedAppRequest::read(created["link"].as_str().unwrap()).unwrap();
    link.authenticate(Some(APP), &world.trust("usual"), NOW).unwrap()
}

/// Its answer, sealed.
fn answer(world: &World, asked: &AuthenticAppRequest) -> Vec<u8> {
    let shown = world.holder.identity.answer_to(&world.identities, &asked.request, NOW, &mut rng("app")).unwrap();
    asked.seal(Some(&shown), &mut rng("seal")).unwrap()
}

async fn hand_in(router: &Router, created: &Value, link: &str) -> Answer {
    let path = format!("/apps/requests/{}/answer", created["id"].as_str().unwrap());
    call(router, &path, &json!({ "link": link })).await
}

async fn verdict(router: &Router, created: &Value) -> Answer {
    let path = format!("/apps/requests/{}/verdict", created["id"].as_str().unwrap());
    call(router, &path, &Value::Null).await
}

async fn state(router: &Router, created: &Value) -> (u16, Value) {
    let path = format!("/apps/requests/{}", created["id"].as_str().unwrap());
    let answer = send(router, Method::GET, &path, &[], vec![]).await;
    (answer.status.as_u16(), answer.json()["state"].clone())
}

#[tokio::test]
async fn alnk_06_one_answer_and_one_verdict() {
    let world = World::new();
    let router = service(&world, true, || NOW).router();
    let created = ask(&router, &json!({ "back": "shop://done" })).await;
    assert_eq!((created.status.as_u16(), created.headers["cache-control"].to_str().unwrap()), (201, "no-store"));
    let created = created.json();
    assert_eq!(created.get("qr_png"), None, "nobody scans it");
    let asked = read(&world, &created);
    let back = asked.back(&answer(&world, &asked)).unwrap();
    assert_eq!(state(&router, &created).await, (200, json!("waiting")));
    assert_eq!(verdict(&router, &created).await.refusal(), (409, "invalid_request".into(), "WrongState".into()));
    assert_eq!(hand_in(&router, &created, &back).await.status, 204);
    assert_eq!(state(&router, &created).await, (200, json!("answered")));
    let again = hand_in(&router, &created, &back).await.refusal();
    assert_eq!((again.0, again.2.as_str()), (409, "WrongState"), "E20");
    let seen = verdict(&router, &created).await.json();
    assert_eq!((&seen["accepted"], &seen["verdict"]["claims"]), (&json!(true), &json!([])));
    assert_eq!(verdict(&router, &created).await.refusal().2, "RequestOver", "read once");
    let late = hand_in(&router, &created, &back).await.refusal();
    assert_eq!((late.0, late.2.as_str()), (409, "WrongState"), "E20");

    // Posted by the wallet; with nothing in it: declined.
    let posted = ask(&router, &json!({})).await.json();
    assert!(posted["qr_png"].is_string());
    let asked = read(&world, &posted);
    let Reply::Post(address) = &asked.reply else { panic!("posted") };
    let path = address.strip_prefix(BASE).unwrap();
    let nothing = asked.seal(None, &mut rng("nothing")).unwrap();
    assert_eq!(send(&router, Method::POST, path, &[], nothing.clone()).await.status, 204);
    assert_eq!(state(&router, &posted).await, (200, json!("declined")));
    assert_eq!(send(&router, Method::POST, path, &[], nothing).await.refusal().2, "WrongState");
}

#[tokio::test]
async fn alnk_06_every_refusal_has_its_name() {
    let world = World::new();
    let clock = Arc::new(AtomicU64::new(NOW));
    let time = clock.clone();
    let router = service(&world, true, move || time.load(Ordering::Relaxed)).router();
    let created = ask(&router, &json!({ "back": "shop://done" })).await.json();
    let other = ask(&router, &json!({ "back": "shop://done" })).await.json();
    let (asked, of_other) = (read(&world, &created), read(&world, &other));
    let back = |sealed: &[u8]| asked.back(sealed).unwrap();
    let shown = |asked: &AuthenticAppRequest| {
        world.holder.identity.answer_to(&world.identities, &asked.request, NOW, &mut rng("app")).unwrap()
    };
    let mut forged = shown(&asked);
    *forged.last_mut().unwrap() ^= 1;
    for (link, name) in [
        (back(&answer(&world, &of_other)), "DecryptionFailed"),
        (back(&asked.seal(Some(&shown(&of_other)), &mut rng("seal")).unwrap()), "NonceMismatch"),
        (back(&asked.seal(Some(&forged), &mut rng("seal")).unwrap()), "ProofInvalid"),
        ("shop://done".to_owned(), "MalformedLink"),
        (back(b"\x80"), "MalformedLink"),
    ] {
        assert_eq!(hand_in(&router, &created, &link).await.refusal().2, name);
    }
    // The valid twin; then five that are refused end a request.
    assert_eq!(hand_in(&router, &created, &back(&answer(&world, &asked))).await.status, 204);
    for _ in 0..5 {
        assert_eq!(hand_in(&router, &other, &back(b"\x80")).await.refusal().2, "MalformedLink");
    }
    assert_eq!(state(&router, &other).await, (200, json!("refused")));
    assert_eq!(hand_in(&router, &other, &back(b"\x80")).await.refusal().2, "WrongState");

    for (more, status, name) in [
        (json!({ "profile": "none" }), 400, "QueryNotAnswerable"),
        (json!({ "profile": "adult-driver" }), 403, "PredicateNotRegistered"),
        (json!({ "purpose": "none" }), 403, "PurposeNotRegistered"),
        (json!({ "type": null }), 400, "MalformedCall"),
        (json!({ "more": 1 }), 400, "MalformedCall"),
        (json!({ "wallet": "javascript://x" }), 400, "MalformedCall"),
        (json!({ "back": "http://shop.example/" }), 400, "SchemeNotAllowed"),
        (json!({ "back": "shop://done", "caller": null }), 400, "CallerNotTrusted"),
    ] {
        let refused = ask(&router, &more).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (status, name), "{more}");
    }
    for path in ["/apps/requests", "/apps/requests/x/answer", "/apps/requests/x/verdict"] {
        assert_eq!(send(&router, Method::POST, path, &[], vec![]).await.refusal().2, "TokenWrong", "{path}");
    }
    assert_eq!(call(&router, "/apps/requests/x/verdict", &Value::Null).await.refusal().2, "RequestOver");
    assert_eq!(send(&router, Method::POST, "/apps/answers/x", &[], vec![]).await.refusal().2, "RequestOver");
    clock.store(NOW + 361, Ordering::Relaxed);
    assert_eq!(state(&router, &created).await.0, 404, "forgotten");
}

#[tokio::test]
async fn without_trust_data_and_with_too_many_requests_nothing_is_asked() {
    let world = World::new();
    let new = || NewAppRequest {
        purpose: "age-check".into(),
        credential_type: Some(world.identities.credential_type.id.clone()),
        profile: Some("age-19".into()),
        query: None,
        caller: Some(APP.into()),
        back: Some("shop://done".into()),
        wallet: None,
        push: None,
    };
    let blind = service(&world, false, || NOW);
    assert_eq!(blind.create(new()).await.unwrap_err(), AppFailure::TrustUnavailable);
    let own = crate::place::Own::new();
    let busy = service_at(own.database(), &world, true, || NOW);
    own.fill(&busy, new).await;
    assert_eq!(busy.create(new()).await.unwrap_err(), AppFailure::TooManyRequests);
}
