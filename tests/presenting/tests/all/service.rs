//! The service, from a relying party's call to its verdict, with our wallet in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::{Method, StatusCode};
use presenting::calls::{Answer, FORM, call, create, fetch, path, post, send};
use presenting::{DOCTYPE, HOLDER, HOST, Issued, World, key, mdoc_query, sd_jwt_query};
use protocol::crypto::multikey::StandardSigner as _;
use protocol::exchange::openid4vp::{Expected, Vocabulary};
use serde_json::{Value, json};
use verifier::ask::AskError;
use verifier_server::openid4vp::RequestFailure;
use wallet_core::Decision;
use wallet_core::openid4vp::{Foreign, Outgoing, read_request};

pub(crate) const NOW: u64 = 1_795_143_600;
pub(crate) const BASE: &str = "https://verifier.example";

fn world() -> (World, Router) {
    let world = crate::place::world(NOW);
    let router = world.service(BASE, || NOW).router();
    (world, router)
}

/// What the holder's wallet sends to the signed request.
fn answer(world: &World, issued: &Issued, request: &str, client_id: &str, decision: Decision) -> Outgoing {
    let holder = key(HOLDER);
    let held = [
        Foreign::sd_jwt(&issued.sd_jwt, &issued.verified, &holder).unwrap(),
        Foreign::mdoc(&issued.mdoc, DOCTYPE, &holder).unwrap(),
    ];
    let expected = Expected { client_id: Some(client_id), wallet_nonce: Some("wn"), origin: None };
    let sheet = read_request(request, &expected, &held, &world.trust, &Vocabulary::default(), world.now).unwrap();
    assert_eq!((sheet.name.en.as_str(), sheet.purpose.as_ref().unwrap().en.as_str()), ("Shop", "Rent a car"));
    sheet.answer(decision, &sheet.usual(), &held, world.now, &mut tests::rng("answer")).unwrap()
}

/// A request that our wallet has answered, not posted yet.
pub(crate) async fn ready(
    world: &World,
    router: &Router,
    query: &Value,
    more: &Value,
    index: u64,
) -> (Value, Outgoing) {
    let created = create(router, query, more).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.json());
    let created = created.json();
    let request = fetch(router, &created, "wn").await;
    let issued = world.issue(key(HOLDER).multikey(), index);
    let sent = answer(world, &issued, &request, created["client_id"].as_str().unwrap(), Decision::Approve);
    (created, sent)
}

pub(crate) async fn verdict(router: &Router, created: &Value, body: &Value) -> Answer {
    call(router, &format!("/openid4vp/requests/{}/verdict", created["id"].as_str().unwrap()), body).await
}

pub(crate) async fn state(router: &Router, created: &Value) -> (u16, Value) {
    let path = format!("/openid4vp/requests/{}", created["id"].as_str().unwrap());
    let answer = send(router, Method::GET, &path, &[], vec![]).await;
    (answer.status.as_u16(), answer.json()["state"].clone())
}

#[tokio::test]
async fn both_formats_by_every_identifier_and_mode() {
    let (world, router) = world();
    let licence = sd_jwt_query(&[&["family_name"], &["address", "region"]]);
    for client_id in ["x509_hash", "x509_san_dns", "decentralized_identifier"] {
        for mode in ["direct_post.jwt", "direct_post"] {
            for (query, expected) in [
                (&licence, json!({ "/family_name": "홍", "/address/region": "서울" })),
                (
                    &mdoc_query(&["family_name", "age_over_19"]),
                    json!({ "/org.iso.18013.5.1/family_name": "Hong", "/org.iso.18013.5.1/age_over_19": true }),
                ),
            ] {
                let more = json!({ "client_id": client_id, "response_mode": mode });
                let (created, sent) = ready(&world, &router, query, &more, 1).await;
                assert!(created["client_id"].as_str().unwrap().starts_with(client_id));
                assert_eq!(sent.body.starts_with("response="), mode == "direct_post.jwt");
                assert_eq!(state(&router, &created).await, (200, json!("fetched")));
                let posted = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await;
                assert_eq!((posted.status.as_u16(), posted.json()), (200, json!({})));
                assert_eq!(posted.headers["cache-control"], "no-store", "J38");
                assert_eq!(state(&router, &created).await, (200, json!("answered")));
                let read = verdict(&router, &created, &Value::Null).await.json();
                let credential = &read["verdict"]["credentials"][0];
                let claims = credential["claims"].as_array().unwrap().iter();
                let claims: serde_json::Map<_, _> =
                    claims.map(|it| (it["path"].as_str().unwrap().to_owned(), it["value"].clone())).collect();
                assert_eq!(Value::Object(claims), expected);
                assert_eq!(credential["issuer"], world.issuer.as_str());
                assert_eq!((&read["accepted"], &read["verdict"]["replay"]), (&json!(true), &json!("challenge")));
                assert_eq!(credential["binding"], "hardware-key");
                let listed = json!({ "listed": { "as_of": NOW - 60 } });
                assert_eq!(
                    credential["status"],
                    if credential["format"] == "mso_mdoc" { json!("unlisted") } else { listed }
                );
                // Read once; then nothing of it is left.
                let again = verdict(&router, &created, &Value::Null).await.refusal();
                assert_eq!((again.0, again.2.as_str()), (404, "RequestOver"));
                assert_eq!(state(&router, &created).await.0, 404);
                let late = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal();
                assert_eq!(late, (400, "invalid_request".into(), "RequestOver".into()), "K23");
            }
        }
    }
}

#[tokio::test]
async fn transactions_are_bound_and_come_back() {
    let (world, router) = world();
    let transaction =
        json!({ "credential_ids": ["licence"], "text_ko": "12,000원 이체", "text_en": "Transfer ₩12,000" });
    let query = sd_jwt_query(&[&["family_name"]]);
    let (created, sent) = ready(&world, &router, &query, &json!({ "transactions": [transaction] }), 1).await;
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    let read = verdict(&router, &created, &Value::Null).await.json();
    assert_eq!(read["verdict"]["transactions"][0]["text_en"], "Transfer ₩12,000");
    // For a credential that was not asked for, or one that carries no hashes, there is no request.
    let mut other = transaction.clone();
    other["credential_ids"] = json!(["mdl"]);
    for query in [&query, &mdoc_query(&["family_name"])] {
        let refused = create(&router, query, &json!({ "transactions": [other] })).await.refusal();
        assert_eq!(refused, (400, "invalid_request".into(), "QueryNotAnswerable".into()), "K13");
    }
}

/// D07, K24: whoever posts one answer a thousand times at once is heard once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_answer_posted_a_thousand_times_counts_once() {
    let (world, router) = world();
    let (created, sent) = ready(&world, &router, &sd_jwt_query(&[&["family_name"]]), &Value::Null, 1).await;
    let sent = Arc::new(sent);
    let posts: Vec<_> = (0..1000)
        .map(|_| {
            let (router, sent) = (router.clone(), sent.clone());
            tokio::spawn(async move { post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal() })
        })
        .collect();
    let (mut accepted, mut refused) = (0, std::collections::BTreeMap::<_, usize>::new());
    for it in posts {
        match it.await.unwrap() {
            (200, ..) => accepted += 1,
            other => *refused.entry(other).or_default() += 1,
        }
    }
    println!("1,000 posts of one answer: {accepted} accepted; {refused:?}");
    assert_eq!((accepted, refused.values().sum::<usize>()), (1, 999));
    assert!(refused.keys().all(|(status, error, name)| {
        *status == 400 && error == "invalid_request" && (name == "NonceReplayed" || name == "RequestOver")
    }));
    assert_eq!(verdict(&router, &created, &Value::Null).await.json()["accepted"], true);
}

#[tokio::test]
async fn wider_than_registered_is_never_sent() {
    let (_, router) = world();
    let create = async |query: &Value, more: &Value| create(&router, query, more).await.refusal();
    let allowed = sd_jwt_query(&[&["family_name"]]);
    let refused = create(&sd_jwt_query(&[&["birthdate"]]), &Value::Null).await;
    assert_eq!(refused, (403, "access_denied".into(), "AttributeNotRegistered".into()), "J14");
    assert_eq!(create(&mdoc_query(&["birth_date"]), &Value::Null).await.2, "AttributeNotRegistered");
    assert_eq!(create(&allowed, &json!({ "purpose": "police" })).await.2, "PurposeNotRegistered");
    let mut other = allowed.clone();
    other["credentials"][0]["meta"]["vct_values"] = json!(["urn:kr:other:1"]);
    assert_eq!(create(&other, &Value::Null).await, (403, "access_denied".into(), "TypeNotRegistered".into()));
    for (more, name) in [
        (json!({ "response_mode": "fragment" }), "MalformedCall"),
        (json!({ "client_id": "redirect_uri" }), "UnknownSigner"),
        (json!({ "wallet": "javascript://" }), "MalformedCall"),
        (json!({ "wallet": "http://" }), "MalformedCall"),
        (json!({ "redirect_uri": "http://shop.example/" }), "MalformedCall"),
        (json!({ "request_uri_method": "PUT" }), "MalformedCall"),
        (json!({ "unknown": 1 }), "MalformedCall"),
        (json!({ "dcql_query": {} }), "MalformedQuery"),
    ] {
        assert_eq!(create(&allowed, &more).await, (400, "invalid_request".into(), name.into()), "{more}");
    }
    let service = crate::place::world(NOW).service(BASE, || NOW);
    let new = async |query: Value| {
        let body = json!({ "purpose": "rental", "dcql_query": query });
        service.create(serde_json::from_value(body).unwrap()).await.map(|_| ())
    };
    assert_eq!(new(allowed.clone()).await, Ok(()));
    let wide = new(sd_jwt_query(&[&["birthdate"]])).await.unwrap_err();
    assert!(matches!(wide, RequestFailure::Ask(AskError::OverAsk(_))), "{wide}");
    let unregistered = crate::place::world(NOW);
    let mut identity = unregistered.identity();
    identity.verifier = unregistered.issuer.clone();
    let settings = crate::place::world(NOW).settings(BASE);
    let trust = unregistered.trust.clone();
    let service =
        verifier_server::openid4vp::Presenting::new(identity, settings.clone(), move || Some(trust.clone()), || NOW);
    let refused = presenting::calls::create(&service.router(), &allowed, &Value::Null).await.refusal();
    assert_eq!(refused, (403, "access_denied".into(), "NotRegistered".into()));
    let blind = verifier_server::openid4vp::Presenting::new(unregistered.identity(), settings, || None, || NOW);
    let refused = presenting::calls::create(&blind.router(), &allowed, &Value::Null).await.refusal();
    assert_eq!(refused, (503, "temporarily_unavailable".into(), "TrustUnavailable".into()));
    let mut settings = unregistered.settings(&format!("{BASE}{}a", "/".repeat(930)));
    let trust = unregistered.trust.clone();
    let newest = move || Some(trust.clone());
    let long =
        verifier_server::openid4vp::Presenting::new(unregistered.identity(), settings.clone(), newest.clone(), || NOW);
    let refused = presenting::calls::create(&long.router(), &allowed, &Value::Null).await.refusal();
    assert_eq!(refused, (400, "invalid_request".into(), "LinkTooLong".into()));
    settings.base_url = BASE.into();
    settings.most = 1;
    let small = verifier_server::openid4vp::Presenting::new(unregistered.identity(), settings, newest, || NOW).router();
    assert_eq!(presenting::calls::create(&small, &allowed, &Value::Null).await.status, 201);
    let refused = presenting::calls::create(&small, &allowed, &Value::Null).await;
    assert_eq!(refused.refusal(), (503, "temporarily_unavailable".into(), "TooManyRequests".into()));
    assert_eq!(refused.headers["retry-after"], "1", "N06");
}

#[tokio::test]
async fn on_the_same_device_a_code_leads_back() {
    let (world, router) = world();
    let more = json!({ "redirect_uri": "https://shop.example/done?order=1", "wallet": "haip-vp://" });
    let query = sd_jwt_query(&[&["family_name"]]);
    let (created, sent) = ready(&world, &router, &query, &more, 1).await;
    assert!(created["link"].as_str().unwrap().starts_with("haip-vp://?client_id=x509_hash%3A"));
    let posted = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.json();
    let back = posted["redirect_uri"].as_str().unwrap();
    let code = back.strip_prefix("https://shop.example/done?order=1&response_code=").unwrap();
    for wrong in [Value::Null, json!({}), json!({ "response_code": "guess" })] {
        let refused = verdict(&router, &created, &wrong).await.refusal();
        assert_eq!(refused, (403, "access_denied".into(), "ResponseCodeWrong".into()), "K25");
    }
    assert_eq!(verdict(&router, &created, &json!({ "response_code": code })).await.status, 200);
    assert_eq!(verdict(&router, &created, &json!({ "response_code": code })).await.status, 404, "K25: reused");
    // Whoever guesses burns it.
    let (created, sent) = ready(&world, &router, &query, &more, 1).await;
    let posted = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.json();
    let (_, code) = posted["redirect_uri"].as_str().unwrap().rsplit_once('=').unwrap();
    for _ in 0..5 {
        assert_eq!(verdict(&router, &created, &json!({ "response_code": "guess" })).await.status, 403);
    }
    assert_eq!(verdict(&router, &created, &json!({ "response_code": code })).await.status, 404, "K25: burned");
}

#[tokio::test]
async fn a_refusal_and_not_held_are_the_same_bytes() {
    let (world, router) = world();
    let created = create(&router, &sd_jwt_query(&[&["family_name"]]), &Value::Null).await.json();
    let request = fetch(&router, &created, "wn").await;
    let client_id = created["client_id"].as_str().unwrap();
    let issued = world.issue(key(HOLDER).multikey(), 1);
    let declined = answer(&world, &issued, &request, client_id, Decision::Decline);
    let expected = Expected { client_id: Some(client_id), wallet_nonce: Some("wn"), origin: None };
    let sheet = read_request(&request, &expected, &[], &world.trust, &Vocabulary::default(), NOW).unwrap();
    assert!(sheet.choices.is_none());
    let not_held = sheet.answer(Decision::Approve, &[], &[], NOW, &mut tests::rng("x")).unwrap();
    assert_eq!(declined, not_held, "OVP-10");
    let stray = format!("{}x", declined.body);
    let refused = post(&router, declined.uri.as_ref().unwrap(), &stray).await.refusal();
    assert_eq!(refused.2, "StateMismatch");
    assert_eq!(post(&router, declined.uri.as_ref().unwrap(), &declined.body).await.status, 200);
    assert_eq!(state(&router, &created).await, (200, json!("declined")));
    assert_eq!(
        verdict(&router, &created, &Value::Null).await.refusal(),
        (409, "invalid_request".into(), "declined".into())
    );
    // A request that was declined is over for wallets.
    assert_eq!(post(&router, declined.uri.as_ref().unwrap(), &declined.body).await.refusal().2, "RequestOver");
}

#[tokio::test]
async fn what_is_not_an_answer_is_refused_by_name() {
    let (world, router) = world();
    let (created, sent) =
        ready(&world, &router, &sd_jwt_query(&[&["family_name"]]), &json!({ "response_mode": "direct_post" }), 1).await;
    let uri = sent.uri.as_ref().unwrap();
    let state = sent.body.rsplit_once("&state=").unwrap().1.to_owned();
    let duplicate = format!("{}&vp_token={{}}", sent.body);
    let refusal = |name: &str| (400, "invalid_request".to_owned(), name.to_owned());
    assert_eq!(post(&router, uri, &duplicate).await.refusal(), refusal("MalformedPresentation"), "K28");
    assert_eq!(post(&router, uri, &sent.body.replace(&state, "x")).await.refusal(), refusal("StateMismatch"), "K23");
    let unknown = format!("{BASE}/openid4vp/response/unknown");
    assert_eq!(post(&router, &unknown, &sent.body).await.refusal(), refusal("RequestOver"), "K23");
    let in_query = format!("{uri}?vp_token=x");
    assert_eq!(post(&router, &in_query, &sent.body).await.refusal(), refusal("query"), "K29");
    for kind in ["multipart/form-data; boundary=x", "application/json", ""] {
        let answer =
            send(&router, Method::POST, path(uri), &[("content-type", kind)], sent.body.clone().into_bytes()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "K28");
    }
    let packed = [FORM, ("content-encoding", "gzip")];
    assert_eq!(send(&router, Method::POST, path(uri), &packed, vec![31; 9]).await.status, 415, "N08");
    let large = send(&router, Method::POST, path(uri), &[FORM], vec![b'a'; 3 << 20]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE, "K28, N02");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::TRACE] {
        assert_eq!(send(&router, method, path(uri), &[], vec![]).await.status, 405, "J36");
    }
    let script = "error=%3Cscript%3Ealert(1)%3C%2Fscript%3E&error_description=%3Cscript%3E&state=x";
    let reflected = post(&router, uri, script).await;
    assert!(!String::from_utf8(reflected.body).unwrap().contains("<script"), "K31");
    // After two refusals of its content the answer itself is still taken, and no other origin may read anything.
    let evil = send(
        &router,
        Method::POST,
        path(uri),
        &[FORM, ("origin", "https://evil.example"), ("host", "evil")],
        sent.body.clone().into_bytes(),
    )
    .await;
    assert_eq!(evil.status, 200);
    assert!(!evil.headers.contains_key("access-control-allow-origin"), "K30");
    let bearer = |token: &str| format!("Bearer {token}");
    let id = created["id"].as_str().unwrap();
    for token in [String::new(), bearer("x"), bearer(""), format!("Basic {}", presenting::TOKEN)] {
        let path = format!("/openid4vp/requests/{id}/verdict");
        let answer = send(&router, Method::POST, &path, &[("authorization", &token)], vec![]).await;
        assert_eq!(answer.refusal(), (401, "invalid_token".into(), "TokenWrong".into()));
        let answer =
            send(&router, Method::POST, "/openid4vp/requests", &[("authorization", &token)], b"{}".to_vec()).await;
        assert_eq!(answer.refusal().0, 401);
    }
    assert_eq!(verdict(&router, &created, &Value::Null).await.status, 200);
}

#[tokio::test]
async fn five_bad_answers_end_a_request() {
    let (world, router) = world();
    let query = sd_jwt_query(&[&["family_name"]]);
    let (created, sent) = ready(&world, &router, &query, &Value::Null, 2).await;
    for _ in 0..5 {
        let refused = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal();
        assert_eq!(refused, (400, "invalid_request".into(), "StatusRevoked".into()));
    }
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal().2, "RequestOver");
    assert_eq!(state(&router, &created).await, (200, json!("refused")));
    assert_eq!(
        verdict(&router, &created, &Value::Null).await.refusal(),
        (409, "invalid_request".into(), "refused".into())
    );
}

#[tokio::test]
async fn requests_run_out_and_polls_are_counted() {
    let world = crate::place::world(NOW);
    let time = Arc::new(AtomicU64::new(NOW));
    let clock = time.clone();
    let router = world.service(BASE, move || clock.load(Ordering::SeqCst)).router();
    let query = sd_jwt_query(&[&["family_name"]]);
    let (created, sent) = ready(&world, &router, &query, &Value::Null, 1).await;
    let mut codes = Vec::new();
    for _ in 0..100 {
        codes.push(state(&router, &created).await.0);
    }
    assert_eq!((codes[19], codes[20], codes[99]), (200, 429, 429), "K27");
    time.store(NOW + 300, Ordering::SeqCst);
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal().2, "RequestOver", "K23");
    let object = send(&router, Method::GET, path(created["request_uri"].as_str().unwrap()), &[], vec![]).await;
    assert_eq!(object.refusal(), (404, "invalid_request".into(), "RequestOver".into()));
    time.store(NOW + 361, Ordering::SeqCst);
    assert_eq!(state(&router, &created).await.0, 404, "nothing is kept");
    for nonce in [String::new(), "n".repeat(300)] {
        let body = format!("wallet_nonce={nonce}").into_bytes();
        let uri = path(created["request_uri"].as_str().unwrap());
        assert_eq!(send(&router, Method::POST, uri, &[FORM], body).await.status, 400);
        assert_eq!(send(&router, Method::POST, uri, &[], b"wallet_nonce=x".to_vec()).await.status, 415);
    }
}

#[tokio::test]
async fn a_page_follows_events_until_it_is_decided() {
    let (world, router) = world();
    let (created, sent) = ready(&world, &router, &mdoc_query(&["age_over_19"]), &Value::Null, 1).await;
    let id = created["id"].as_str().unwrap().to_owned();
    let events = {
        let router = router.clone();
        tokio::spawn(async move {
            send(&router, Method::GET, &format!("/openid4vp/requests/{id}/events"), &[], vec![]).await
        })
    };
    tokio::task::yield_now().await;
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    let events = String::from_utf8(events.await.unwrap().body).unwrap();
    let states: Vec<_> = events.lines().filter_map(|it| it.strip_prefix("data: ")).collect();
    assert_eq!(states.last(), Some(&"answered"), "{events}");
    assert!(states.iter().all(|it| ["fetched", "answered"].contains(it)), "{events}");
    assert!(!events.contains("Hong"), "a page learns no claims");
    let unknown = send(&router, Method::GET, "/openid4vp/requests/unknown/events", &[], vec![]).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn the_code_and_the_request_say_what_the_link_says() {
    let (_, router) = world();
    let more = json!({ "request_uri_method": "get", "client_id": "x509_san_dns" });
    let created = create(&router, &mdoc_query(&["age_over_19"]), &more).await.json();
    let link = created["link"].as_str().unwrap();
    assert!(!link.contains("request_uri_method") && link.contains(&format!("client_id=x509_san_dns%3A{HOST}")));
    let png = protocol::crypto::jose::from_base64url(created["qr_png"].as_str().unwrap()).unwrap();
    assert_eq!(protocol::exchange::qr::read_png(&png).unwrap(), link);
    let plain = create(&router, &mdoc_query(&["age_over_19"]), &json!({ "qr": false })).await.json();
    assert_eq!((plain["link"].is_string(), plain.get("qr_png")), (true, None), "the page draws it itself");
    let object =
        send(&router, Method::GET, path(created["request_uri"].as_str().unwrap()), &[("host", "evil.example")], vec![])
            .await;
    assert_eq!(object.headers["content-type"], "application/oauth-authz-req+jwt");
    let payload = String::from_utf8(object.body).unwrap();
    let payload = protocol::crypto::jose::from_base64url(payload.split('.').nth(1).unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert!(payload["response_uri"].as_str().unwrap().starts_with("https://verifier.example/"), "N10");
    assert_eq!(
        (payload.get("wallet_nonce"), &payload["verifier_info"][0]["data"]["purpose"]),
        (None, &json!("rental"))
    );
}

/// A check that dies takes no answer with it: the wallet may post again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_dies_is_not_a_verdict() {
    let world = crate::place::world(NOW);
    let (trust, calls) = (world.trust.clone(), AtomicU64::new(0));
    // The first call is the relying party's, the second a wallet's.
    let failing = move || {
        assert_ne!(calls.fetch_add(1, Ordering::SeqCst), 1, "a test's panic");
        Some(trust.clone())
    };
    let settings = crate::place::world(NOW).settings(BASE);
    let router = verifier_server::openid4vp::Presenting::new(world.identity(), settings, failing, || NOW).router();
    let (_, sent) = ready(&world, &router, &sd_jwt_query(&[&["family_name"]]), &Value::Null, 1).await;
    let died = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal();
    assert_eq!(died, (503, "temporarily_unavailable".into(), "NotChecked".into()));
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
}
