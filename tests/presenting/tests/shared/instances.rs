//! Two instances at one database, which serve as one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use presenting::calls::{Answer, FORM, call, create, path, post, send};
use presenting::{World, mdoc_query, sd_jwt_query};
use serde_json::{Value, json};
use test_database::Cluster;
use verifier_server::apps::AppFailure;
use verifier_server::openid4vp::{
    Deliver, Delivery, Presenting, Reach, RequestFailure, ResponseFailure, Settings, WebhookSecret, Webhooks,
};
use verifier_server::{Database, DatabaseError, StoreKey};

use crate::place::at;
use crate::service::{BASE, NOW, ready, state, verdict};

/// Two instances of the shop's service, and where their database is.
fn two() -> (World, [Router; 2], String) {
    let url = Cluster::shared().database("verifier");
    let world = World::at(NOW);
    let instances = [at(&url), at(&url)].map(|database| instance(&world, Some(database), |_| ()).router());
    (world, instances, url)
}

fn instance(world: &World, database: Option<Database>, change: impl FnOnce(&mut Settings)) -> Presenting {
    let mut settings = world.settings(BASE);
    settings.database = database;
    change(&mut settings);
    let trust = world.trust.clone();
    Presenting::new(world.identity(), settings, move || Some(trust.clone()), || NOW)
}

fn name() -> Value {
    sd_jwt_query(&[&["family_name"]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovp_25_a_request_is_the_same_at_every_instance() {
    let (world, [a, b], _) = two();
    for (here, there) in [(&a, &b), (&b, &a)] {
        let (created, sent) = ready(&world, here, &name(), &Value::Null, 1).await;
        let events = format!("/openid4vp/requests/{}/events", created["id"].as_str().unwrap());
        let (follower, listened) = (here.clone(), events.clone());
        let events = tokio::spawn(async move { send(&follower, Method::GET, &listened, &[], vec![]).await });
        assert_eq!(state(there, &created).await, (200, json!("fetched")));
        assert_eq!(post(there, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
        assert_eq!(state(here, &created).await, (200, json!("answered")));
        let read = verdict(here, &created, &Value::Null).await.json();
        assert_eq!(read["verdict"]["credentials"][0]["claims"][0]["value"], "홍");
        // A page hears of it also where the verdict was read before it looked.
        let events = String::from_utf8(events.await.unwrap().body).unwrap();
        assert_eq!(events.lines().rfind(|it| it.starts_with("data: ")), Some("data: answered"), "{events}");
        for instance in [here, there] {
            assert_eq!(verdict(instance, &created, &Value::Null).await.refusal().2, "RequestOver");
            assert_eq!(state(instance, &created).await.0, 404);
            assert_eq!(post(instance, sent.uri.as_ref().unwrap(), &sent.body).await.refusal().2, "RequestOver", "K23");
        }
    }
}

/// D07, K24: whoever posts one answer a thousand times at once, to either instance, is heard once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovp_26_one_answer_posted_a_thousand_times_to_two_instances_counts_once() {
    let (world, instances, _) = two();
    let (created, sent) = ready(&world, &instances[0], &name(), &Value::Null, 1).await;
    let sent = Arc::new(sent);
    let posts: Vec<_> = (0..1000)
        .map(|at| {
            let (router, sent) = (instances[at % 2].clone(), sent.clone());
            tokio::spawn(async move { post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.refusal() })
        })
        .collect();
    let mut answers = BTreeMap::<_, usize>::new();
    for it in posts {
        *answers.entry(it.await.unwrap()).or_default() += 1;
    }
    println!("1,000 posts of one answer to two instances: {answers:?}");
    assert_eq!(answers.iter().filter(|((status, ..), _)| *status == 200).map(|(_, count)| count).sum::<usize>(), 1);
    assert!(answers.keys().all(|(status, _, name)| {
        *status == 200 || (*status == 400 && (name == "NonceReplayed" || name == "RequestOver"))
    }));
    // Of readers, too, one has the verdict.
    let reads = (0..20).map(|at| {
        let (router, created) = (instances[at % 2].clone(), created.clone());
        tokio::spawn(async move { verdict(&router, &created, &Value::Null).await.status })
    });
    let mut read = 0;
    for it in reads.collect::<Vec<_>>() {
        read += usize::from(it.await.unwrap() == 200);
    }
    assert_eq!(read, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovp_26_tries_are_counted_over_all_instances() {
    let (world, [a, b], _) = two();
    let (created, sent) = ready(&world, &a, &name(), &Value::Null, 2).await;
    for instance in [&a, &b, &a, &b, &a] {
        let refused = post(instance, sent.uri.as_ref().unwrap(), &sent.body).await.refusal();
        assert_eq!(refused, (400, "invalid_request".into(), "StatusRevoked".into()));
    }
    assert_eq!(post(&b, sent.uri.as_ref().unwrap(), &sent.body).await.refusal().2, "RequestOver");
    assert_eq!(state(&b, &created).await, (200, json!("refused")));
    let more = json!({ "redirect_uri": "https://shop.example/done" });
    let (created, sent) = ready(&world, &a, &name(), &more, 1).await;
    let posted = post(&b, sent.uri.as_ref().unwrap(), &sent.body).await.json();
    let code = posted["redirect_uri"].as_str().unwrap().rsplit_once('=').unwrap().1.to_owned();
    for instance in [&a, &b, &a, &b, &a] {
        assert_eq!(verdict(instance, &created, &json!({ "response_code": "guess" })).await.status, 403, "K25");
    }
    assert_eq!(verdict(&b, &created, &json!({ "response_code": code })).await.status, 404, "K25: burned");
}

/// What the database has, as whoever steals it sees it: nothing that a person said, and nothing to answer or read with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovp_27_the_database_and_its_files_have_nothing_in_clear() {
    let cluster = Cluster::start();
    let url = cluster.database("verifier");
    let world = World::at(NOW);
    let webhooks = || Webhooks::new(Reach::Https, WebhookSecret::new(&[7; 32]).unwrap(), Arc::new(|_| None));
    let router = instance(&world, Some(at(&url)), |it| it.webhooks = Some(webhooks())).router();
    let more = json!({ "redirect_uri": "https://shop.example/done", "webhook": "https://shop.example/hook" });
    let query = sd_jwt_query(&[&["family_name"], &["address", "region"]]);
    let (created, sent) = ready(&world, &router, &query, &more, 1).await;
    let posted = post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.json();
    let code = posted["redirect_uri"].as_str().unwrap().rsplit_once('=').unwrap().1.to_owned();
    assert_eq!(cluster.number(&url, "SELECT count(*) FROM verifier_requests WHERE verdict IS NOT NULL"), 1);
    let handle = sent.uri.as_ref().unwrap().rsplit_once('/').unwrap().1;
    let tables = ["verifier_requests", "verifier_used", "verifier_calls"];
    let rows =
        |url: &str| tables.map(|it| format!("{:?}", cluster.sql(url, &format!("SELECT * FROM {it}")))).join("\n");
    let stored = rows(&url);
    // Bytes are shown as hexadecimal digits.
    let hex = |text: &str| text.bytes().map(|it| format!("{it:02x}")).collect::<String>();
    let secrets =
        ["홍", "서울", "family_name", "rental", "shop.example", created["id"].as_str().unwrap(), handle, &code];
    for secret in secrets {
        assert!(!stored.contains(secret) && !stored.contains(&hex(secret)), "{secret}");
    }
    // Another key finds nothing, and says no more than that.
    let stranger = Database::new(&url, &StoreKey::new(&[6; 32])).unwrap();
    let stranger = instance(&world, Some(stranger), |_| ()).router();
    assert_eq!(state(&stranger, &created).await.0, 404);
    let body = json!({ "response_code": code });
    assert_eq!(verdict(&stranger, &created, &body).await.refusal().2, "RequestOver");
    // A row that was moved to another request is none.
    let (other, _) = ready(&world, &router, &query, &json!({}), 1).await;
    let (forged, _) = ready(&world, &router, &query, &json!({}), 1).await;
    cluster.sql(
        &url,
        "UPDATE verifier_requests SET state = 'answered', verdict = (SELECT verdict FROM verifier_requests \
        WHERE verdict IS NOT NULL LIMIT 1) WHERE verdict IS NULL",
    );
    for moved in [&other, &forged] {
        assert_eq!(verdict(&router, moved, &body).await.refusal().2, "RequestOver");
    }
    // What was read is gone from the table at once; the log and dead rows have nothing but what was sealed.
    assert_eq!(verdict(&router, &created, &body).await.status, 200);
    assert_eq!(
        cluster.number(
            &url,
            "SELECT count(*) FROM verifier_requests WHERE asked IS NOT NULL AND tries = 0 AND \
        verdict IS NOT NULL AND until > 0 AND id IN (SELECT id FROM verifier_calls)"
        ),
        0
    );
    cluster.sql(&url, "CHECKPOINT");
    let mut search = std::process::Command::new("grep");
    search.args(["-rlaF", "-e", "홍", "-e", "서울", "-e", &code, "-e", handle]).arg(cluster.folder().join("data"));
    let found = search.output().unwrap();
    assert_eq!((found.status.code(), String::from_utf8(found.stdout).unwrap().as_str()), (Some(1), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovp_28_without_the_database_nothing_is_asked_or_told_and_then_it_goes_on() {
    let cluster = Cluster::start();
    let url = cluster.database("verifier");
    let world = World::at(NOW);
    let [a, b] = [at(&url), at(&url)].map(|database| instance(&world, Some(database), |_| ()));
    let service = a.clone();
    let [a, b] = [a, b].map(Presenting::router);
    let (created, sent) = ready(&world, &a, &name(), &Value::Null, 1).await;
    cluster.kill();
    let gone = (503, "temporarily_unavailable".to_owned(), "StoreUnavailable".to_owned());
    let id = created["id"].as_str().unwrap();
    let states = format!("/openid4vp/requests/{id}");
    let object = created["request_uri"].as_str().unwrap();
    for instance in [&a, &b] {
        let answers: [Answer; 7] = [
            create(instance, &name(), &Value::Null).await,
            send(instance, Method::GET, &states, &[], vec![]).await,
            send(instance, Method::GET, &format!("{states}/events"), &[], vec![]).await,
            verdict(instance, &created, &Value::Null).await,
            send(instance, Method::POST, path(object), &[FORM], b"wallet_nonce=x".to_vec()).await,
            post(instance, sent.uri.as_ref().unwrap(), &sent.body).await,
            call(
                instance,
                &format!("/openid4vp/dc-api/{id}"),
                &json!({ "origin": "https://a.example", "protocol": "p", "data": {} }),
            )
            .await,
        ];
        for answer in answers {
            assert_eq!((answer.refusal(), answer.headers["retry-after"].to_str().unwrap()), (gone.clone(), "1"));
        }
    }
    let handle = sent.uri.as_ref().unwrap().rsplit_once('/').unwrap().1;
    let refused = service.respond(handle, sent.body.clone().into_bytes()).await;
    assert_eq!(refused, Err(ResponseFailure::StoreUnavailable));
    let new = json!({ "purpose": "rental", "dcql_query": name() });
    let refused = service.create(serde_json::from_value(new).unwrap()).await;
    assert_eq!(refused.unwrap_err(), RequestFailure::StoreUnavailable);
    let there = tests::world::World::new();
    let apps = crate::apps::service_at(Some(at(&url)), &there, true, || tests::world::NOW);
    let new = json!({ "purpose": "age-check", "type": there.identities.credential_type.id, "profile": "age-19" });
    let refused = apps.create(serde_json::from_value(new.clone()).unwrap()).await;
    assert_eq!(refused.unwrap_err(), AppFailure::StoreUnavailable);
    let refused = call(&apps.clone().router(), "/apps/requests/x/verdict", &Value::Null).await.refusal();
    assert_eq!(refused, (503, "invalid_request".into(), "StoreUnavailable".into()));
    let unreachable = at(&url).check().await;
    assert!(matches!(unreachable, Err(DatabaseError::DatabaseUnavailable(_))), "{unreachable:?}");
    cluster.resume();
    // Connections that were cut off cost one call each at most.
    let mut taken = post(&b, sent.uri.as_ref().unwrap(), &sent.body).await;
    for _ in 0..100 {
        if taken.status != 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        taken = post(&b, sent.uri.as_ref().unwrap(), &sent.body).await;
    }
    assert_eq!(taken.status, 200, "nothing was lost: {}", taken.json());
    assert_eq!(verdict(&a, &created, &Value::Null).await.json()["accepted"], true);
}

/// Calls that were made.
fn hooks(answers: Arc<AtomicBool>) -> (Webhooks, Arc<Mutex<Vec<Delivery>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let kept = calls.clone();
    let deliver: Deliver = Arc::new(move |delivery| {
        kept.lock().unwrap().push(delivery.clone());
        answers.load(Ordering::Relaxed).then_some(204)
    });
    let webhooks = Webhooks::new(Reach::Https, WebhookSecret::new(&[7; 32]).unwrap(), deliver);
    (Webhooks { waits: vec![Duration::from_secs(1); 100], ..webhooks }, calls)
}

async fn wait_for(mut done: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not happen within a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovp_22_one_instance_calls_and_another_one_goes_on_when_it_dies() {
    let url = Cluster::shared().database("verifier");
    let world = World::at(NOW);
    let answers = Arc::new(AtomicBool::new(false));
    let (of_a, calls_of_a) = hooks(answers.clone());
    let (of_b, calls_of_b) = hooks(answers.clone());
    // An instance that dies: everything that it does ends with its runtime.
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = dying.enter();
    let a = instance(&world, Some(at(&url)), |it| it.webhooks = Some(of_a)).router();
    drop(entered);
    let more = json!({ "webhook": "https://shop.example/hook" });
    let (world, a, created, sent) = dying
        .spawn(async move {
            let (created, sent) = ready(&world, &a, &mdoc_query(&["age_over_19"]), &more, 1).await;
            assert_eq!(post(&a, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
            (world, a, created, sent)
        })
        .await
        .unwrap();
    wait_for(|| !calls_of_a.lock().unwrap().is_empty()).await;
    dying.shutdown_background();
    drop(a);
    assert!(sent.uri.is_some() && calls_of_b.lock().unwrap().is_empty());
    answers.store(true, Ordering::Relaxed);
    // The other one starts later, and nobody asks it anything. What A had taken when it died is free after a while.
    let _b = instance(&world, Some(at(&url)), |it| it.webhooks = Some(of_b)).router();
    Cluster::shared().sql(&url, "UPDATE verifier_calls SET due = now()");
    wait_for(|| !calls_of_b.lock().unwrap().is_empty()).await;
    wait_for(|| Cluster::shared().number(&url, "SELECT count(*) FROM verifier_calls") == 0).await;
    let id = |call: &Delivery| call.headers.iter().find(|(name, _)| *name == "webhook-id").unwrap().1.clone();
    let (first, second) = (calls_of_a.lock().unwrap()[0].clone(), calls_of_b.lock().unwrap()[0].clone());
    assert_eq!((id(&first), &first.body), (id(&second), &second.body), "by its id a repetition is known");
    let body: Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!(body["data"], json!({ "id": created["id"], "state": "answered" }));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(calls_of_b.lock().unwrap().len(), 1, "once, when it was taken");
}
