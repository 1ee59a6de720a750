//! `web-push` from npm pushes to our relay, our wallet's key opens it; `http_ece` opens what our sender sealed, and the other way round.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a surprise should stop the test")]

use std::path::Path;

use journeys::{Client, Relay};
use protocol::crypto::jose::base64url;
use push_message::{BODY, InboxKey, Subscription, TEXT_MAX};
use serde_json::{Value, json};
use tests::node::Answer;
use tests::rng;

fn javascript(jobs: &[Value]) -> Vec<Answer> {
    tests::node::answers(&Path::new(env!("CARGO_MANIFEST_DIR")).join("js"), jobs)
}

/// The inbox as `http_ece` takes it: private scalar, secret, public point.
fn told(key: &InboxKey) -> (String, Value, Value) {
    let known = Subscription::new("https://relay.example/push/x", key).unwrap().to_json();
    (base64url(&key.to_bytes()[..32]), known["keys"]["auth"].clone(), known["keys"]["p256dh"].clone())
}

#[test]
fn push_01_http_ece_reads_our_messages_and_we_its() {
    let key = InboxKey::generate(&mut rng("inbox"));
    let other = InboxKey::generate(&mut rng("other"));
    let (secret, auth, point) = told(&key);
    let known = Subscription::new("https://relay.example/push/x", &key).unwrap();
    let texts = ["", "log in", "길동", &"x".repeat(TEXT_MAX)];
    let open = texts.iter().map(|text| {
        let body = base64url(&known.seal(text.as_bytes(), &mut rng(text)).unwrap());
        json!({ "job": "open", "body": body, "secret": secret, "auth": auth })
    });
    for (answer, text) in javascript(&open.collect::<Vec<_>>()).into_iter().zip(texts) {
        assert_eq!(answer.unwrap(), text);
    }
    let (stranger, _, _) = told(&other);
    let sealed = base64url(&known.seal(b"log in", &mut rng("sealed")).unwrap());
    let refused = javascript(&[json!({ "job": "open", "body": sealed, "secret": stranger, "auth": auth })]);
    assert!(refused[0].is_err(), "a stranger's key opens nothing there either");

    // The other way round, with padding, and in two records: those are no push (RFC 8291, section 4).
    let seal = |text: &str, pad: usize, rs: usize| json!({ "job": "seal", "text": text, "inbox": point, "auth": auth, "pad": pad, "rs": rs });
    let sealed = javascript(&[seal("log in", 0, 4096), seal("log in", 900, 4096), seal(&"x".repeat(60), 0, 50)]);
    let body =
        |at: usize| protocol::crypto::jose::from_base64url(sealed[at].as_ref().unwrap().as_str().unwrap()).unwrap();
    for at in [0, 1] {
        assert_eq!(key.open(&body(at)).unwrap(), b"log in");
        assert!(other.open(&body(at)).is_err());
    }
    assert!(key.open(&body(2)).is_err());
}

#[test]
fn push_12_web_push_pushes_to_our_relay() {
    let place = tempfile::tempdir().unwrap();
    let relay = Relay::start(&place.path().join("relay"));
    let client = Client::default();
    let pair = javascript(&[json!({ "job": "keys" }), json!({ "job": "keys" })]);
    let pair: Vec<_> = pair.into_iter().map(Result::unwrap).collect();
    let vapid = |at: usize| json!({ "subject": "mailto:ops@site.example", "publicKey": pair[at]["publicKey"], "privateKey": pair[at]["privateKey"] });
    let key = InboxKey::generate(&mut rng("inbox"));
    // An inbox that takes pushes from the first sender alone.
    let options = json!({ "vapid": pair[0]["publicKey"] }).to_string();
    let (push, receive) = relay.inbox(Some(&options));
    let known = Subscription::new(&push, &key).unwrap().to_json();
    let job = |vapid: Option<Value>, more: &Value| {
        let mut job = json!({ "job": "push", "subscription": known, "text": "log in", "TTL": 60, "urgency": "high" });
        if let Some(vapid) = vapid {
            job["vapidDetails"] = vapid;
        }
        job.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        job
    };
    let sent = javascript(&[
        job(Some(vapid(0)), &json!({ "topic": "login" })),
        job(Some(vapid(1)), &json!({})),
        job(None, &json!({})),
        job(Some(vapid(0)), &json!({ "text": "x".repeat(4_096) })),
        job(Some(vapid(0)), &json!({ "contentEncoding": "aesgcm" })),
    ]);
    let location = sent[0].as_ref().unwrap();
    assert_eq!((&location["status"], &location["ttl"]), (&json!(201), &json!("60")), "{sent:?}");
    // The last is of a draft, in encryption and token, that push services have given up.
    let refused = ["SenderNotAccepted", "SenderRequired", "MessageTooLarge", "SenderNotAccepted"];
    for (at, name) in (1..).zip(refused) {
        assert!(sent[at].as_ref().unwrap_err().contains(name), "{:?}", sent[at]);
    }
    let (status, link, body) = client.exchange("GET", &receive, &[], &[], "link").unwrap();
    assert_eq!((status, key.open(&body).unwrap().as_slice()), (200, &b"log in"[..]));
    let link = link.unwrap();
    assert!(link.contains(location["location"].as_str().unwrap()), "{link}");
    // Ours goes the same way, and is as long as all of ours.
    let ours = Subscription::from_json(&known).unwrap().seal(b"ours", &mut rng("ours")).unwrap();
    assert_eq!(ours.len(), BODY);

    // Gone: what a library makes of 404 is for the site to forget the inbox.
    assert_eq!(client.exchange("DELETE", &receive, &[], &[], "link").unwrap().0, 204);
    let gone = javascript(&[job(Some(vapid(0)), &json!({}))]);
    assert!(gone[0].as_ref().unwrap_err().contains("404"), "{gone:?}");
}
