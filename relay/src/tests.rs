use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use push_message::{BODY, InboxKey, Subscription, authorization, sender_key};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;

const BASE: &str = "https://relay.example";
const NOW: u64 = 1_800_000_000;
const ENCRYPTED: (&str, &str) = ("content-encoding", "aes128gcm");

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    fn refused(&self) -> (u16, String) {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        (self.status, body["error"].as_str().unwrap_or_default().to_owned())
    }

    /// The path of a linked address.
    fn link(&self) -> String {
        let link = self.header("link");
        link.split(['<', '>']).nth(1).unwrap().strip_prefix(BASE).unwrap().to_owned()
    }

    fn location(&self) -> String {
        self.header("location").strip_prefix(BASE).unwrap().to_owned()
    }
}

struct Scene {
    dir: TempDir,
    clock: Arc<AtomicU64>,
    relay: Relay,
    key: InboxKey,
}

impl Scene {
    fn new(limits: Limits) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(NOW)));
        let relay = Self::relay(&dir, limits, &clock);
        Self { dir, clock, relay, key: InboxKey::generate(&mut ChaCha20Rng::from_seed([1; 32])) }
    }

    fn relay(dir: &TempDir, limits: Limits, clock: &Arc<AtomicU64>) -> Relay {
        let clock = clock.clone();
        Relay::open(dir.path(), BASE, limits, move || clock.load(Ordering::Relaxed)).unwrap()
    }

    fn later(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    fn sealed(&self, text: &str) -> Vec<u8> {
        let to = Subscription::new(&format!("{BASE}/push/x"), &self.key).unwrap();
        to.seal(text.as_bytes(), &mut ChaCha20Rng::from_seed([2; 32])).unwrap()
    }

    fn opened(&self, answer: &Answer) -> String {
        String::from_utf8(self.key.open(&answer.body).unwrap()).unwrap()
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |it, (name, value)| it.header(*name, *value));
        let answer = self.relay.clone().router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Where to push, and where to look.
    async fn inbox(&self) -> (String, String) {
        let opened = self.send(Method::POST, "/subscribe", &[], vec![]).await;
        assert_eq!(opened.status, 201);
        (opened.link(), opened.location())
    }

    async fn push(&self, push: &str, text: &str, more: &[(&str, &str)]) -> Answer {
        let headers =
            [&[ENCRYPTED][..], if more.iter().any(|it| it.0 == "ttl") { &[] } else { &[("ttl", "60")] }, more];
        self.send(Method::POST, push, &headers.concat(), self.sealed(text)).await
    }

    async fn look(&self, receive: &str) -> Answer {
        self.send(Method::GET, receive, &[], vec![]).await
    }

    /// Whether this is anywhere in the files.
    fn keeps(&self, bytes: &[u8]) -> bool {
        let mut files = std::fs::read_dir(self.dir.path()).unwrap();
        files.any(|it| std::fs::read(it.unwrap().path()).unwrap().windows(bytes.len()).any(|it| it == bytes))
    }
}

#[tokio::test]
async fn push_12_a_message_goes_from_a_site_to_a_wallet_once() {
    let scene = Scene::new(Limits::default());
    let (push, receive) = scene.inbox().await;
    assert_eq!(scene.look(&receive).await.status, 204);
    let taken = scene.push(&push, "one", &[("urgency", "high")]).await;
    assert_eq!((taken.status, taken.header("ttl").as_str()), (201, "60"));
    scene.push(&push, "two", &[]).await;
    let first = scene.look(&receive).await;
    assert_eq!((first.status, scene.opened(&first).as_str()), (200, "one"));
    assert_eq!((first.header("content-encoding").as_str(), first.body.len()), ("aes128gcm", BODY));
    assert_eq!(first.link(), taken.location());
    assert_eq!(scene.opened(&scene.look(&receive).await), "one", "until it is deleted");
    assert_eq!(scene.send(Method::DELETE, &first.link(), &[], vec![]).await.status, 204);
    assert_eq!(scene.send(Method::DELETE, &first.link(), &[], vec![]).await.refused(), (404, "NoSuchMessage".into()));
    let urgent = scene.send(Method::GET, &receive, &[("urgency", "high")], vec![]).await;
    assert_eq!(urgent.status, 204, "the other one can wait");
    assert_eq!(scene.opened(&scene.look(&receive).await), "two");
}

#[tokio::test]
async fn push_12_what_was_acknowledged_survives_a_restart() {
    let mut scene = Scene::new(Limits::default());
    let (push, receive) = scene.inbox().await;
    assert_eq!(scene.push(&push, "kept", &[]).await.status, 201);
    scene.relay = Scene::relay(&scene.dir, Limits::default(), &scene.clock);
    assert_eq!(scene.opened(&scene.look(&receive).await), "kept");
    rusqlite::Connection::open(scene.dir.path().join("relay.db"))
        .unwrap()
        .pragma_update(None, "user_version", 9)
        .unwrap();
    let newer = Relay::open(scene.dir.path(), BASE, Limits::default(), || NOW).err();
    assert_eq!(newer, Some(RelayError::StorageVersionUnsupported));
    let nowhere = Relay::open(&scene.dir.path().join("none"), BASE, Limits::default(), || NOW).err();
    assert_eq!(nowhere, Some(RelayError::StoreUnavailable));
}

#[tokio::test]
async fn push_12_a_wallet_that_waits_is_told_at_once() {
    let scene = Scene::new(Limits::default());
    let (push, receive) = scene.inbox().await;
    let wait = [("prefer", "wait=20")];
    let waits = scene.send(Method::GET, &receive, &wait, vec![]);
    let pushes = async {
        while scene.relay.waiting().is_empty() {
            tokio::task::yield_now().await;
        }
        scene.push(&push, "now", &[("ttl", "0")]).await
    };
    let (came, pushed) = tokio::join!(waits, pushes);
    assert_eq!((pushed.status, scene.opened(&came).as_str()), (201, "now"), "worth nothing later, and delivered");
    assert!(scene.relay.waiting().is_empty());
    scene.send(Method::DELETE, &came.link(), &[], vec![]).await;
    // Nobody waits: taken, and gone (RFC 8030, section 5.2).
    assert_eq!(scene.push(&push, "never", &[("ttl", "0")]).await.status, 201);
    assert_eq!(scene.look(&receive).await.status, 204);
}

#[tokio::test]
async fn a_wallet_that_waits_does_not_keep_the_relay_from_stopping() {
    let scene = Scene::new(Limits::default());
    let (_, receive) = scene.inbox().await;
    let wait = [("prefer", "wait=20")];
    let stops = async {
        while scene.relay.waiting().is_empty() {
            tokio::task::yield_now().await;
        }
        scene.relay.stop();
    };
    let began = std::time::Instant::now();
    let (came, ()) = tokio::join!(scene.send(Method::GET, &receive, &wait, vec![]), stops);
    assert_eq!(came.status, 204);
    assert!(began.elapsed() < Duration::from_secs(19), "it did not wait");
    assert_eq!(scene.send(Method::GET, &receive, &wait, vec![]).await.status, 204, "and nobody waits any more");
}

#[tokio::test]
async fn push_12_what_is_no_push_is_not_taken() {
    let scene = Scene::new(Limits::default());
    let (push, receive) = scene.inbox().await;
    let good = scene.sealed("good");
    let ttl = ("ttl", "60");
    for (headers, body, expected) in [
        (vec![ENCRYPTED], good.clone(), (400, "TtlMissing")),
        (vec![ENCRYPTED, ("ttl", "-1")], good.clone(), (400, "MalformedCall")),
        (vec![ENCRYPTED, ("ttl", "")], good.clone(), (400, "MalformedCall")),
        (vec![ENCRYPTED, ttl, ("urgency", "now")], good.clone(), (400, "MalformedCall")),
        (vec![ENCRYPTED, ttl, ("topic", "log in")], good.clone(), (400, "MalformedCall")),
        (vec![ENCRYPTED, ttl, ("topic", &"a".repeat(33))], good.clone(), (400, "MalformedCall")),
        (vec![ttl], good.clone(), (415, "NotEncrypted")),
        (vec![ttl, ("content-encoding", "aesgcm")], good.clone(), (415, "NotEncrypted")),
        (vec![ENCRYPTED, ttl], b"{\"name\": \"HONG GILDONG\"}".to_vec(), (415, "NotEncrypted")),
        (vec![ENCRYPTED, ttl], vec![b'a'; 4_096], (415, "NotEncrypted")),
        (vec![ENCRYPTED, ttl], vec![], (415, "NotEncrypted")),
        (vec![ENCRYPTED, ttl], vec![0; 4_097], (413, "MessageTooLarge")),
    ] {
        let refused = scene.send(Method::POST, &push, &headers, body).await.refused();
        assert_eq!(refused, (expected.0, expected.1.to_owned()), "{headers:?}");
    }
    let elsewhere = scene.push("/push/AAAA", "x", &[]).await.refused();
    assert_eq!(elsewhere, (404, "NoSuchInbox".into()));
    assert_eq!(
        scene.look(&receive.replace("subscription/", "subscription/A")).await.refused(),
        (404, "NoSuchInbox".into())
    );
    let wait = scene.send(Method::GET, &receive, &[("prefer", "wait=soon")], vec![]).await;
    assert_eq!(wait.refused(), (400, "MalformedCall".into()));
    assert_eq!(scene.look(&receive).await.status, 204, "nothing was kept of it");
    assert_eq!(scene.send(Method::POST, &push, &[ENCRYPTED, ttl], good).await.status, 201);
}

#[tokio::test]
async fn push_05_an_inbox_may_take_pushes_from_one_sender() {
    let scene = Scene::new(Limits::default());
    let [site, other] = [3, 4].map(|seed| StandardKey::p256(&[seed; 32]).unwrap());
    let key = sender_key(&site.multikey()).unwrap();
    let json = ("content-type", "application/webpush-options+json");
    let options = format!("{{\"vapid\": \"{key}\"}}").into_bytes();
    let opened = scene.send(Method::POST, "/subscribe", &[json], options.clone()).await;
    let (push, receive) = (opened.link(), opened.location());
    let address = format!("{BASE}{push}");
    assert_eq!(scene.push(&push, "x", &[]).await.refused(), (401, "SenderRequired".into()));
    let token = |key: &StandardKey, at: &str, now| authorization(at, None, key, now).unwrap();
    for wrong in [
        token(&other, &address, NOW),
        token(&site, "https://other.example/", NOW),
        token(&site, &address, NOW - 86_400),
        "vapid t=x".to_owned(),
    ] {
        let refused = scene.push(&push, "x", &[("authorization", &wrong)]).await.refused();
        assert_eq!(refused, (403, "SenderNotAccepted".into()), "{wrong}");
    }
    assert_eq!(scene.look(&receive).await.status, 204);
    assert_eq!(scene.push(&push, "x", &[("authorization", &token(&site, &address, NOW))]).await.status, 201);
    // One that takes everyone's still takes no lie.
    let (open, _) = scene.inbox().await;
    assert_eq!(scene.push(&open, "x", &[("authorization", "vapid t=x")]).await.refused().0, 403);
    for (kind, body) in
        [(json.1, &b"{}"[..]), (json.1, b"{\"vapid\": \"AAAA\"}"), ("text/plain", &options), (json.1, b"[")]
    {
        let refused = scene.send(Method::POST, "/subscribe", &[("content-type", kind)], body.to_vec()).await.refused();
        assert_eq!(refused, (400, "MalformedCall".into()));
    }
}

#[tokio::test]
async fn push_13_nothing_stays_behind() {
    let scene = Scene::new(Limits::default());
    let (push, receive) = scene.inbox().await;
    // Addresses are kept as hashes: who reads the file can neither push nor fetch.
    for address in [&push, &receive] {
        assert!(!scene.keeps(address.rsplit('/').next().unwrap().as_bytes()));
    }
    let body = scene.sealed("deleted");
    assert_eq!(scene.push(&push, "deleted", &[]).await.status, 201);
    assert!(scene.keeps(&body), "the search finds what is there");
    let came = scene.look(&receive).await;
    scene.send(Method::DELETE, &came.link(), &[], vec![]).await;
    assert!(!scene.keeps(&body[..64]));
    // Run out: never delivered, and deleted with the next sweep. The relay keeps nothing longer than a day.
    let long = scene.push(&push, "over", &[("ttl", "99999999999999999999999")]).await;
    assert_eq!(long.header("ttl"), "86400");
    scene.later(86_400);
    assert_eq!(scene.look(&receive).await.status, 204);
    scene.relay.0.store.sweep(scene.relay.now(), 90).unwrap();
    assert!(!scene.keeps(&scene.sealed("over")[..64]));
    // Closed.
    assert_eq!(scene.push(&push, "closed", &[]).await.status, 201);
    assert_eq!(scene.send(Method::DELETE, &receive, &[], vec![]).await.status, 204);
    assert!(!scene.keeps(&scene.sealed("closed")[..64]));
    assert_eq!(scene.push(&push, "x", &[]).await.refused(), (404, "NoSuchInbox".into()));
    assert_eq!(scene.look(&receive).await.refused(), (404, "NoSuchInbox".into()));
    assert_eq!(scene.send(Method::DELETE, &receive, &[], vec![]).await.refused(), (404, "NoSuchInbox".into()));
    // Forgotten by its wallet.
    let (push, receive) = scene.inbox().await;
    scene.later(89 * 86_400);
    assert_eq!(scene.look(&receive).await.status, 204);
    scene.later(90 * 86_400);
    scene.relay.0.store.sweep(scene.relay.now(), 90).unwrap();
    assert_eq!(scene.push(&push, "x", &[]).await.status, 201, "it was looked into");
    scene.later(86_400);
    scene.relay.0.store.sweep(scene.relay.now(), 90).unwrap();
    assert_eq!(scene.push(&push, "x", &[]).await.refused().1, "NoSuchInbox");
}

#[tokio::test]
async fn push_14_there_is_an_end_to_everything() {
    let limits = Limits {
        inboxes: 2,
        inboxes_per_minute: 3,
        messages: 2,
        pushes_per_minute: 4,
        waiting: 0,
        ..Limits::default()
    };
    let scene = Scene::new(limits);
    let (push, receive) = scene.inbox().await;
    let (other, _) = scene.inbox().await;
    let open = || scene.send(Method::POST, "/subscribe", &[], vec![]);
    let refused = open().await;
    assert_eq!(refused.refused(), (503, "TooManyInboxes".into()));
    assert_eq!(refused.header("retry-after"), "5");
    // Of one topic the newest stays: it takes no more room.
    for text in ["a", "b"] {
        assert_eq!(scene.push(&push, text, &[("topic", "t")]).await.status, 201);
    }
    assert_eq!(scene.push(&push, "c", &[]).await.status, 201);
    let full = scene.push(&push, "d", &[]).await;
    assert_eq!((full.refused(), full.header("retry-after").as_str()), ((429, "InboxFull".into()), "60"));
    assert_eq!(scene.push(&push, "e", &[]).await.refused(), (429, "TooManyPushes".into()));
    assert_eq!(scene.push(&other, "f", &[]).await.status, 201, "others' are their own");
    scene.later(60);
    assert_eq!(scene.push(&push, "g", &[]).await.status, 201, "what has run out takes no room");
    assert_eq!(scene.look(&receive).await.refused(), (503, "TooManyWaiting".into()));
    assert_eq!(scene.send(Method::DELETE, &receive, &[], vec![]).await.status, 204);
    for _ in 0..2 {
        let _ = open().await;
    }
    scene.later(60);
    assert_eq!(open().await.refused(), (503, "TooManyInboxes".into()), "two are open");
}
