//! The service: bodies, status codes, headers, limits, and who may administer it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use issuer::register::{FileRegister, PersonId};
use issuer::server::{AdminToken, Limits, Service, router, well_known};
use issuer::{Issuer, IssuerError, keys::KeyStoreError};
use protocol::cbor;
use protocol::exchange::{IssuanceNonce, Offer, StatusTokens};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::*;

pub(crate) struct Site {
    pub(crate) app: Router,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) register: Arc<FileRegister>,
    token: AdminToken,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) dir: Arc<tempfile::TempDir>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn error(&self) -> String {
        serde_json::from_slice::<Value>(&self.body).unwrap()["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) fn site(limits: Limits) -> Site {
    serve(world(), limits)
}

pub(crate) fn serve(world: World, limits: Limits) -> Site {
    let World { dir, issuer, register } = world;
    let (issuer, clock) = (Arc::new(issuer), Arc::new(AtomicU64::new(NOW)));
    let token = AdminToken::load(dir.path(), &mut fresh()).unwrap();
    let read = clock.clone();
    let service = Service::new(issuer.clone(), Arc::new(move || read.load(Ordering::Relaxed)), token.clone(), limits);
    Site { app: router(service.clone()).merge(well_known(service)), issuer, register, token, clock, dir: Arc::new(dir) }
}

impl Site {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: axum::body::to_bytes(body, 8 << 20).await.unwrap(),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn admin(&self, path: &str, body: &Value) -> Answer {
        let mut request = Request::post(path).body(Body::from(body.to_string())).unwrap();
        self.authorise(&mut request, "127.0.0.1:5000");
        self.send(request).await
    }

    pub(crate) async fn admin_get(&self, path: &str) -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        self.authorise(&mut request, "127.0.0.1:5000");
        self.send(request).await
    }

    fn authorise(&self, request: &mut Request<Body>, from: &str) {
        let bearer = format!("Bearer {}", self.token.expose()).parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        request.extensions_mut().insert(ConnectInfo(from.parse::<SocketAddr>().unwrap()));
    }
}

#[tokio::test]
async fn a_credential_travels_over_http() {
    let site = site(Limits::default());
    let answer = site.admin("/v1/admin/epochs", &json!({ "credential_type": ZK })).await;
    assert_eq!(answer.json(), json!({ "epoch": 1 }));
    let order = json!({ "name": "김서연", "birth_date": "1992-07-08", "credential_types": [ZK, LICENCE], "with_tx_code": true, "life": 600 });
    let made = site.admin("/v1/admin/offers", &order).await;
    assert_eq!(made.status, StatusCode::OK);
    let offer = Offer::decode(&hex::decode(made.json()["offer"].as_str().unwrap()).unwrap(), NOW).unwrap();
    let tx_code = made.json()["tx_code"].as_str().map(|code| code.to_owned().into());
    let made = issuer::MadeOffer { offer, tx_code };

    let nonce = site.post("/v1/nonce", Body::empty()).await;
    assert_eq!(nonce.headers[header::CONTENT_TYPE], "application/cbor");
    assert_eq!(nonce.headers[header::CACHE_CONTROL], "no-store");
    let nonce: IssuanceNonce = cbor::from_slice(&nonce.body, 100).unwrap();
    let wallet = Wallet::new(&site.issuer, ZK);
    let request = wallet.request_with(&made, nonce.nonce, wallet.commitment(&nonce.nonce)).encode();
    let answer = site.post("/v1/credentials", request.clone()).await;
    assert_eq!((answer.status, &answer.headers[header::CACHE_CONTROL]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let credential = wallet.check(&answer.body);
    assert_eq!(site.post("/v1/credentials", request).await.body, answer.body, "a repeat gets the same bytes");

    let key = hex::encode(credential.issuer_key);
    let current = site.get(&format!("/v1/status-tokens/{key}")).await;
    assert_eq!(current.json(), json!({ "epoch": 1, "opened_at": NOW, "slices": 1 }));
    let tokens = site.get(&format!("/v1/status-tokens/{key}/1?slice=0")).await;
    assert!(StatusTokens::decode(&tokens.body).unwrap().find(credential.handle).is_some());
    assert!(tokens.headers[header::CACHE_CONTROL].to_str().unwrap().starts_with("public"));

    let licence = Wallet::new(&site.issuer, LICENCE);
    let request = licence.request(&site.issuer, &made, NOW).encode();
    let credential = licence.check(&site.post("/v1/credentials", request.clone()).await.body);
    let portrait = site.post("/v1/portraits", request).await;
    assert_eq!(
        (&portrait.headers[header::CONTENT_TYPE], &portrait.headers[header::CACHE_CONTROL]),
        (&"image/png".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(
        licence.shows(&credential, "portrait"),
        hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&portrait.body))
    );
}

#[tokio::test]
async fn the_day_set_is_public_whole_or_in_slices() {
    let site = site(Limits::default());
    let key = hex::encode(site.issuer.key_id(ZK).unwrap());
    let whole = site.get(&format!("/v1/day-set/{key}")).await;
    assert_eq!(whole.body.len(), 65_536 * 48);
    assert!(whole.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let mut joined = Vec::new();
    for slice in 0..16 {
        joined.extend(site.get(&format!("/v1/day-set/{key}?slice={slice}")).await.body);
    }
    assert_eq!(joined, whole.body);
    for path in [
        format!("/v1/day-set/{key}?slice=16"),
        format!("/v1/day-set/{key}?slice=x"),
        "/v1/day-set/0000000000000000".into(),
        "/v1/day-set/zz".into(),
        format!("/v1/status-tokens/{key}"),
        format!("/v1/status-tokens/{key}/1"),
        format!("/v1/status-tokens/{key}/seven"),
    ] {
        let answer = site.get(&path).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn refusals_have_a_status_and_a_name() {
    let site = site(Limits::default());
    let refused = async |request: Vec<u8>| {
        let answer = site.post("/v1/credentials", request).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        (answer.status.as_u16(), answer.error())
    };
    let offer = |replaces, types: &[&str]| {
        site.issuer.offer(&PersonId::new(HOLDER), &terms(types, false, replaces), NOW, &mut fresh()).unwrap()
    };
    let wallet = Wallet::new(&site.issuer, ZK);
    let (first, second) = (offer(false, &[ZK]), offer(false, &[ZK]));
    assert_eq!(refused(b"junk".to_vec()).await, (400, "invalid_request".into()));
    let mut unknown = wallet.request(&site.issuer, &first, NOW);
    unknown.code = [0; 16];
    assert_eq!(refused(unknown.sign(&wallet.device, &[]).unwrap().encode()).await, (400, "invalid_grant".into()));
    let nonce = [1; 16];
    assert_eq!(
        refused(wallet.request_with(&first, nonce, wallet.commitment(&nonce)).encode()).await,
        (400, "invalid_nonce".into())
    );
    let mut unproven = wallet.request(&site.issuer, &first, NOW);
    unproven.device_proof.0[0] ^= 1;
    assert_eq!(refused(unproven.encode()).await, (400, "invalid_proof".into()));
    let licence = Wallet::new(&site.issuer, LICENCE);
    let uncovered = licence.request(&site.issuer, &first, NOW);
    assert_eq!(refused(uncovered.encode()).await, (400, "unsupported_credential_type".into()));
    let good = wallet.request(&site.issuer, &first, NOW);
    assert_eq!(site.post("/v1/credentials", good.encode()).await.status, StatusCode::OK);
    assert_eq!(refused(wallet.request(&site.issuer, &second, NOW).encode()).await, (409, "already_active".into()));
    let mut other = wallet.request(&site.issuer, &second, NOW);
    other.idempotency_key = good.idempotency_key;
    assert_eq!(refused(other.sign(&wallet.device, &[]).unwrap().encode()).await, (409, "idempotency_conflict".into()));
    for method in [Method::GET, Method::PUT, Method::TRACE] {
        let request = Request::builder().method(method).uri("/v1/credentials").body(Body::empty()).unwrap();
        assert_eq!(site.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(site.post("/v1/credentials", vec![0; 5_000]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn overload_is_answered_with_a_time_to_come_back() {
    let site = site(Limits { per_second: 3, ..Limits::default() });
    for _ in 0..3 {
        assert_eq!(site.post("/v1/nonce", Body::empty()).await.status, StatusCode::OK);
    }
    let answer = site.post("/v1/nonce", Body::empty()).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"));
    assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    site.clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(site.post("/v1/nonce", Body::empty()).await.status, StatusCode::OK);

    let closed = self::site(Limits { concurrent: 0, waiting: 0, per_second: 100 });
    let answer = closed.post("/v1/nonce", Body::empty()).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"));
    assert_eq!(answer.headers[header::RETRY_AFTER], "1");
}

#[tokio::test]
async fn a_failing_disk_issues_nothing() {
    let site = site(Limits::default());
    crate::database::sql(site.dir.path(), "DROP TABLE nonce").unwrap();
    let answer = site.post("/v1/nonce", Body::empty()).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"));
}

#[tokio::test]
async fn only_operators_on_this_machine_administer() {
    let site = site(Limits::default());
    let body = json!({ "credential_type": ZK }).to_string();
    let request = || Request::post("/v1/admin/epochs").body(Body::from(body.clone())).unwrap();
    let mut elsewhere = request();
    site.authorise(&mut elsewhere, "192.0.2.7:5000");
    let answer = site.send(elsewhere).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::FORBIDDEN, "loopback_only"));
    assert_eq!(site.send(request()).await.status, StatusCode::FORBIDDEN, "an unknown peer");
    for token in ["", "Bearer", "Bearer x", &format!("Bearer {}0", site.token.expose()), site.token.expose()] {
        let mut wrong = request();
        site.authorise(&mut wrong, "[::1]:5000");
        wrong.headers_mut().insert(header::AUTHORIZATION, token.parse().unwrap());
        let answer = site.send(wrong).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::UNAUTHORIZED, "invalid_token"));
    }
    let mut right = request();
    site.authorise(&mut right, "[::1]:5000");
    assert_eq!(site.send(right).await.status, StatusCode::OK);
}

#[tokio::test]
async fn operators_revoke_for_good() {
    let site = site(Limits::default());
    let who = json!({ "person": HOLDER, "credential_type": ZK, "reason": "phone-lost" });
    let unknown = site.admin("/v1/admin/revocations", &who).await;
    assert_eq!((unknown.status, unknown.error().as_str()), (StatusCode::NOT_FOUND, "CredentialUnknown"));
    let made = site.issuer.offer(&PersonId::new(HOLDER), &terms(&[ZK], false, false), NOW, &mut fresh()).unwrap();
    let request = Wallet::new(&site.issuer, ZK).request(&site.issuer, &made, NOW);
    assert_eq!(site.post("/v1/credentials", request.encode()).await.status, StatusCode::OK);
    assert_eq!(site.admin("/v1/admin/revocations", &who).await.json(), json!({ "outcome": "revoked" }));
    assert_eq!(site.admin("/v1/admin/revocations", &who).await.json(), json!({ "outcome": "already-revoked" }));
    let mut back = Request::delete("/v1/admin/revocations").body(Body::from(who.to_string())).unwrap();
    site.authorise(&mut back, "127.0.0.1:1");
    let answer = site.send(back).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "illegal_transition"));
    for path in ["/v1/admin/suspensions", "/v1/admin/reinstatements"] {
        let revoked = site.admin(path, &who).await;
        assert_eq!((revoked.status, revoked.error().as_str()), (StatusCode::CONFLICT, "CredentialRevoked"), "{path}");
    }
    // Refusals name the rule, and quote nothing.
    site.register.record_attribute(&PersonId::new("person-0020"), "name_en", "HAN JIHO").unwrap();
    site.register.record_attribute(&PersonId::new("person-0020"), "birth_date", "1996-06-06").unwrap();
    let namesakes = json!({ "name": "HAN JIHO", "birth_date": "1996-06-06", "credential_types": [ZK], "life": 600 });
    let several = site.admin("/v1/admin/offers", &namesakes).await;
    assert_eq!((several.status, several.error().as_str()), (StatusCode::BAD_REQUEST, "SeveralPeople"));
    let terms = |name: &str| json!({ "name": name, "birth_date": "1985-03-15", "credential_types": [ZK], "life": 600 });
    let nobody = site.admin("/v1/admin/offers", &terms("홍길순")).await;
    assert_eq!((nobody.status, nobody.error().as_str()), (StatusCode::NOT_FOUND, "PersonUnknown"));
    assert_eq!(
        site.admin("/v1/admin/offers", &json!({ "person": "홍길동" })).await.body,
        r#"{"error":"invalid_request"}"#
    );
}

#[tokio::test]
async fn operators_suspend_and_reinstate() {
    let site = site(Limits::default());
    let who = json!({ "person": HOLDER, "credential_type": ZK });
    let unknown = site.admin("/v1/admin/suspensions", &who).await;
    assert_eq!((unknown.status, unknown.error().as_str()), (StatusCode::NOT_FOUND, "CredentialUnknown"));
    let made = site.issuer.offer(&PersonId::new(HOLDER), &terms(&[ZK], false, false), NOW, &mut fresh()).unwrap();
    let request = Wallet::new(&site.issuer, ZK).request(&site.issuer, &made, NOW);
    assert_eq!(site.post("/v1/credentials", request.encode()).await.status, StatusCode::OK);
    let offer = json!({ "person": HOLDER, "credential_types": [ZK], "replaces": true, "life": 600 });
    for (path, outcome) in [
        ("/v1/admin/reinstatements", "not-suspended"),
        ("/v1/admin/suspensions", "suspended"),
        ("/v1/admin/suspensions", "already-suspended"),
    ] {
        assert_eq!(site.admin(path, &who).await.json(), json!({ "outcome": outcome }), "{path}");
    }
    let refused = site.admin("/v1/admin/offers", &offer).await;
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::CONFLICT, "CredentialSuspended"));
    assert_eq!(site.admin("/v1/admin/reinstatements", &who).await.json(), json!({ "outcome": "reinstated" }));
    assert_eq!(site.admin("/v1/admin/offers", &offer).await.status, StatusCode::OK);
    // Without a type it is about everything, and the epoch that says so begins at once.
    let all = json!({ "person": HOLDER });
    for (path, outcome) in [
        ("/v1/admin/suspensions", "suspended"),
        ("/v1/admin/suspensions", "already-suspended"),
        ("/v1/admin/reinstatements", "reinstated"),
        ("/v1/admin/reinstatements", "not-suspended"),
    ] {
        assert_eq!(site.admin(path, &all).await.json(), json!({ "outcome": outcome }), "{path}");
    }
}

#[tokio::test]
async fn the_register_tells_what_has_changed() {
    let site = site(Limits::default());
    let made = site.issuer.offer(&PersonId::new(HOLDER), &terms(&[ZK], false, false), NOW, &mut fresh()).unwrap();
    let request = Wallet::new(&site.issuer, ZK).request(&site.issuer, &made, NOW);
    assert_eq!(site.post("/v1/credentials", request.encode()).await.status, StatusCode::OK);
    let tell = async |body: serde_json::Value| site.admin("/v1/admin/register-events", &body).await;
    for wrong in [
        json!({ "person": HOLDER }),
        json!({ "person": HOLDER, "changed": ["residence"], "deceased": true }),
        json!({ "changed": ["residence"] }),
    ] {
        assert_eq!(tell(wrong.clone()).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let changed = json!({ "person": HOLDER, "changed": ["residence"] });
    assert_eq!(tell(changed.clone()).await.json(), json!({ "withdrawn": [ZK] }));
    assert_eq!(tell(changed).await.json(), json!({ "withdrawn": [] }));
    let nobody = json!({ "name": "홍길순", "birth_date": "1985-03-15", "deceased": true });
    let unknown = tell(nobody).await;
    assert_eq!((unknown.status, unknown.error().as_str()), (StatusCode::NOT_FOUND, "PersonUnknown"));
}

#[test]
fn the_admin_token_is_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let token = AdminToken::load(dir.path(), &mut fresh()).unwrap();
    assert_eq!(token.expose(), AdminToken::load(dir.path(), &mut fresh()).unwrap().expose());
    assert_eq!(format!("{token:?}"), "AdminToken([redacted])");
    let path = dir.path().join("admin.token");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
    let refused = |dir: &std::path::Path| AdminToken::load(dir, &mut fresh()).err();
    assert_eq!(refused(dir.path()), Some(IssuerError::Keys(KeyStoreError::PermissionsTooOpen)));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "short").unwrap();
    assert_eq!(refused(dir.path()), Some(IssuerError::Keys(KeyStoreError::KeyMalformed)));
}
