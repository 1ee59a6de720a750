//! How a relying party hears of a decision, and how long a verdict can be read.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use presenting::calls::{create, post};
use presenting::{World, mdoc_query};
use serde_json::{Value, json};
use verifier_server::openid4vp::{Deliver, Delivery, Presenting, Reach, Settings, WebhookSecret, Webhooks};

use crate::service::{BASE, NOW, ready, state, verdict};

/// The shop's service with these settings, and a clock that is set.
fn service(change: impl FnOnce(&mut Settings)) -> (World, Router, Arc<AtomicU64>) {
    let world = crate::place::world(NOW);
    let clock = Arc::new(AtomicU64::new(NOW));
    let mut settings = world.settings(BASE);
    change(&mut settings);
    let (trust, time) = (world.trust.clone(), clock.clone());
    let service =
        Presenting::new(world.identity(), settings, move || Some(trust.clone()), move || time.load(Ordering::Relaxed));
    (world, service.router(), clock)
}

/// Calls that were made, of which the first `fails` get no good answer.
fn hooks(fails: usize) -> (Webhooks, Arc<Mutex<Vec<Delivery>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (kept, count) = (calls.clone(), AtomicUsize::new(0));
    let deliver: Deliver = Arc::new(move |delivery| {
        kept.lock().unwrap().push(delivery.clone());
        match count.fetch_add(1, Ordering::Relaxed) {
            call if call >= fails => Some(204),
            call if call % 2 == 0 => None,
            _ => Some(500),
        }
    });
    let secret = WebhookSecret::new(&[7; 32]).unwrap();
    let webhooks = Webhooks::new(Reach::HttpsOrThisMachine, secret, deliver);
    (Webhooks { waits: vec![Duration::from_millis(10); 3], ..webhooks }, calls)
}

async fn called(calls: &Mutex<Vec<Delivery>>, count: usize) -> Vec<Delivery> {
    for _ in 0..6_000 {
        if calls.lock().unwrap().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whatever comes too often comes soon.
    tokio::time::sleep(Duration::from_millis(100)).await;
    calls.lock().unwrap().clone()
}

fn header(call: &Delivery, name: &str) -> String {
    call.headers.iter().find(|(it, _)| *it == name).unwrap().1.clone()
}

#[tokio::test]
async fn ovp_22_a_relying_party_is_called_until_it_answers() {
    let (webhooks, calls) = hooks(2);
    let (world, router, _) = service(|it| it.webhooks = Some(webhooks));
    let more = json!({ "webhook": "http://127.0.0.1:9/hook" });
    let (created, sent) = ready(&world, &router, &mdoc_query(&["age_over_19"]), &more, 1).await;
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    let calls = called(&calls, 3).await;
    assert_eq!(calls.len(), 3, "two without a good answer, then one");
    for call in &calls {
        assert_eq!(call.address.as_str(), "http://127.0.0.1:9/hook");
        assert_eq!(header(call, "webhook-id"), header(&calls[0], "webhook-id"), "a repetition is known");
        assert!(header(call, "webhook-signature").starts_with("v1,"));
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let data = json!({ "id": created["id"], "state": "answered" });
        assert_eq!(body, json!({ "type": "presentation.decided", "data": data }), "and nothing of the answer");
    }
    assert_eq!(verdict(&router, &created, &Value::Null).await.status, 200, "it can be read then");
}

#[tokio::test]
async fn ovp_22_after_the_last_attempt_nobody_is_called() {
    let (webhooks, calls) = hooks(usize::MAX);
    let (world, router, _) = service(|it| it.webhooks = Some(webhooks));
    let more = json!({ "webhook": "https://shop.example/hook" });
    let (_, sent) = ready(&world, &router, &mdoc_query(&["age_over_19"]), &more, 1).await;
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    assert_eq!(called(&calls, 4).await.len(), 4);
}

#[tokio::test]
async fn ovp_22_a_request_that_nobody_answers_is_over() {
    let (webhooks, calls) = hooks(0);
    let (_, router, _) = service(|it| (it.webhooks, it.life) = (Some(webhooks), 1));
    let more = json!({ "webhook": "https://shop.example/hook" });
    assert_eq!(create(&router, &mdoc_query(&["age_over_19"]), &more).await.status, 201);
    let calls = called(&calls, 1).await;
    let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
    assert_eq!((calls.len(), &body["data"]["state"]), (1, &json!("expired")));
}

#[tokio::test]
async fn ovp_21_a_relying_party_is_called_where_the_policy_allows() {
    let (webhooks, _) = hooks(0);
    let (_, router, _) = service(|it| it.webhooks = Some(Webhooks { reach: Reach::Https, ..webhooks }));
    let (_, silent, _) = service(|_| ());
    let (here, there) = (json!({ "webhook": "http://127.0.0.1:9/" }), json!({ "webhook": "https://shop.example/" }));
    let query = mdoc_query(&["age_over_19"]);
    assert_eq!(create(&router, &query, &there).await.status, 201);
    for (router, more) in [(&router, &here), (&silent, &here), (&silent, &there)] {
        let refused = create(router, &query, more).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (400, "MalformedCall"), "{more}");
    }
}

#[tokio::test]
async fn ovp_23_a_verdict_is_kept_for_the_time_that_was_said_and_no_longer() {
    let (world, router, clock) = service(|it| it.keep_max = 600);
    let query = mdoc_query(&["age_over_19"]);
    let (created, sent) = ready(&world, &router, &query, &json!({ "keep": 600 }), 1).await;
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    for later in [0, 1, 599] {
        clock.store(NOW + later, Ordering::Relaxed);
        assert_eq!(verdict(&router, &created, &Value::Null).await.status, 200, "after {later} s");
    }
    clock.store(NOW + 600, Ordering::Relaxed);
    assert_eq!(verdict(&router, &created, &Value::Null).await.status, 404);
    assert_eq!(state(&router, &created).await.0, 404);
    // Longer than the service keeps anything; and one that keeps nothing.
    let (_, none, _) = service(|_| ());
    for (router, keep) in [(&router, 601), (&none, 1)] {
        let refused = create(router, &query, &json!({ "keep": keep })).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (400, "MalformedCall"));
    }
}
