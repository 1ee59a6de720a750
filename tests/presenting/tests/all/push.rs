//! A request that is pushed: which inboxes a verifier calls, what the wallet makes of it, and every refusal beside it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::Method;
use presenting::TOKEN;
use presenting::calls::{Answer, call, send};
use protocol::credential::Label;
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{base64url, from_base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::exchange::RequestError;
use protocol::exchange::app_link::{AppRequest, Reply, SignedAppRequest};
use protocol::ledger::record::{Record, VerifierRegistration};
use push_message::{BODY, InboxKey, Notice, PushError, Subscription, check_authorization, sender_key};
use serde_json::{Value, json};
use tests::rng;
use tests::world::{AS_OF, KEY, NOW, Organisation, World};
use verifier_server::apps::{Apps, Asker};
use verifier_server::openid4vp::{Deliver, Delivery};
use verifier_server::{Pushes, Sent};
use wallet_core::{
    AppConsent, AppOutgoing, Decision, InboxAddresses, InboxError, KdfParameters, PersonalNumbers, SetUp,
    SoftwareSecureArea, Wallet, WalletError,
};

const BASE: &str = "https://shop.example";
const RELAY: &str = "https://relay.example";

type Calls = Arc<Mutex<Vec<Delivery>>>;

fn key() -> StandardKey {
    StandardKey::p256(&[9; 32]).unwrap()
}

/// The shop, which pushes through one relay that answers so.
fn shop(world: &World, answer: Option<u16>) -> (Router, Calls) {
    let trust = Arc::new(world.trust("usual"));
    let calls = Calls::default();
    let kept = calls.clone();
    let deliver: Deliver = Arc::new(move |delivery| {
        kept.lock().unwrap().push(delivery.clone());
        answer
    });
    let contact = Some("mailto:ops@shop.example".to_owned());
    let pushes = Pushes::new(vec![RELAY.to_owned()], Box::new(key()), contact, deliver);
    let asker = Asker { did: world.shop.did.clone(), key: KEY.to_owned(), signer: Box::new(world.shop.key.clone()) };
    let apps = Apps::new(asker, BASE, TOKEN, None, Some(pushes), move || Some(trust.clone()), || NOW);
    (apps.router(), calls)
}

async fn ask(router: &Router, world: &World, more: &Value) -> Answer {
    let id = world.identities.credential_type.id.clone();
    let mut body = json!({ "purpose": "age-check", "type": id, "profile": "age-19" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    call(router, "/apps/requests", &body).await
}

/// A wallet that holds nothing: what is said of inboxes does not depend on it.
fn wallet(world: &World, place: &Path) -> Wallet {
    let area = Arc::new(SoftwareSecureArea::open_or_create(&place.join("phone"), &mut rng("phone")).unwrap());
    let personal = PersonalNumbers::default();
    let set_up = SetUp { pin: "839174", personal, kdf: KdfParameters::FLOOR, idle_seconds: 1 << 40 };
    let wallet = Wallet::create(&place.join("wallet"), area, &set_up, NOW, &mut rng("wallet")).unwrap();
    let (bundle, anchor) = (world.trust("usual").to_bundle().encode(), world.ledger("usual").anchor());
    wallet.install_trust(&bundle, &anchor, NOW).unwrap();
    wallet
}

fn at(name: &str) -> InboxAddresses {
    InboxAddresses { push: format!("{RELAY}/push/{name}"), receive: format!("{RELAY}/subscription/{name}") }
}

/// A request of this verifier that is answered over the network, as a link.
fn link(world: &World, of: &Organisation, name: &str) -> String {
    let request = world.request(of, "age-check", world.profile("age-19"), name).sign(&of.key).unwrap();
    let (caller, reply) = (None, Reply::Post("https://shop.example/answers/x".to_owned()));
    let key = AgreementKey::from_seed(&[3; 32]).unwrap().public().unwrap();
    AppRequest { request, caller, reply, key }.sign(&of.key).unwrap().link("mid-wallet://answer")
}

fn asked(wallet: &Wallet, link: &str) -> AppConsent {
    wallet.read_app_link(link, None, NOW).unwrap()
}

fn sealed(to: &Subscription, link: &str) -> Vec<u8> {
    to.seal(&Notice::new(link).to_bytes(), &mut rng("push")).unwrap()
}

#[tokio::test]
async fn push_04_a_verifier_calls_through_its_own_push_services_alone() {
    let world = World::new();
    let inbox = InboxKey::generate(&mut rng("inbox"));
    let to = |address: &str| Subscription::new(address, &inbox).unwrap().to_json();
    let (router, calls) = shop(&world, Some(201));
    for (push, name) in [
        (to("https://169.254.169.254/latest/meta-data"), "PushServiceNotAllowed"),
        (to("http://127.0.0.1:80/push/x"), "PushServiceNotAllowed"),
        (to("https://relay.example.evil.example/push/x"), "PushServiceNotAllowed"),
        (to("https://relay.example:8443/push/x"), "PushServiceNotAllowed"),
        (json!({ "endpoint": "http://relay.example/push/x", "keys": to(RELAY)["keys"] }), "AddressNotAllowed"),
        (json!("https://relay.example/push/x"), "MalformedSubscription"),
    ] {
        let refused = ask(&router, &world, &json!({ "push": push })).await.refusal();
        assert_eq!((refused.0, refused.2.as_str()), (400, name));
    }
    let to_app = json!({ "push": to(RELAY), "caller": "kr.example.shop", "back": "shop://done" });
    assert_eq!(ask(&router, &world, &to_app).await.refusal().2, "MalformedCall");
    let long = json!({ "push": to(RELAY), "wallet": format!("https://wallet.example/{}", "a".repeat(400)), "caller": "b".repeat(500) });
    assert_eq!(ask(&router, &world, &long).await.status, 201, "the longest still fits");
    assert_eq!(calls.lock().unwrap().len(), 1, "nobody else was called");
    // Without any push service nobody is.
    let trust = Arc::new(world.trust("usual"));
    let asker = Asker { did: world.shop.did.clone(), key: KEY.to_owned(), signer: Box::new(world.shop.key.clone()) };
    let none = Apps::new(asker, BASE, TOKEN, None, None, move || Some(trust.clone()), || NOW).router();
    assert_eq!(ask(&none, &world, &json!({ "push": to(RELAY) })).await.refusal().2, "PushServiceNotAllowed");
    let keyless = send(&none, Method::GET, "/apps/push-key", &[], vec![]).await;
    assert_eq!(keyless.refusal().2, "PushServiceNotAllowed");
    let told = send(&router, Method::GET, "/apps/push-key", &[], vec![]).await.json();
    assert_eq!(told["key"].as_str(), sender_key(&key().multikey()).as_deref());
}

#[tokio::test]
async fn push_01_what_is_pushed_says_nothing_but_its_length() {
    let world = World::new();
    let inbox = InboxKey::generate(&mut rng("inbox"));
    let to = Subscription::new(&format!("{RELAY}/push/x"), &inbox).unwrap();
    for (answer, sent) in [
        (Some(201), Sent::Accepted),
        (Some(404), Sent::Gone),
        (Some(410), Sent::Gone),
        (Some(429), Sent::NotAccepted),
        (Some(302), Sent::NotAccepted),
        (None, Sent::Unreachable),
    ] {
        let (router, calls) = shop(&world, answer);
        let created = ask(&router, &world, &json!({ "push": to.to_json() })).await.json();
        assert_eq!(created["push"], json!(sent), "{created}");
        assert!(created["qr_png"].is_string(), "whoever is not called may still scan");
        let call = calls.lock().unwrap()[0].clone();
        assert_eq!(call.body.len(), BODY);
        let header = |name: &str| call.headers.iter().find(|it| it.0 == name).unwrap().1.clone();
        assert_eq!(
            check_authorization(&header("authorization"), RELAY, NOW),
            Ok(sender_key(&key().multikey()).unwrap())
        );
        assert_eq!([header("ttl"), header("urgency"), header("topic")], ["300", "high", "1"]);
        assert_eq!(header("content-encoding"), "aes128gcm");
        let all = format!("{} {:?}", call.address.as_str(), call.headers);
        for word in [world.shop.did.as_str(), "age", "mid=", "shop.example/"] {
            assert!(!all.contains(word) && !call.body.windows(word.len()).any(|it| it == word.as_bytes()), "{word}");
        }
        let notice = Notice::read(&inbox.open(&call.body).unwrap()).unwrap();
        assert_eq!(notice.open(), created["link"].as_str().unwrap());
        // PUSH-03: what whoever opens it finds in it is the verifier's, and nobody's else.
        let text = String::from_utf8_lossy(&from_base64url(notice.open().split_once("#mid=").unwrap().1).unwrap())
            .into_owned();
        for canary in world.canaries() {
            assert!(!text.contains(&canary));
        }
    }
}

#[tokio::test]
async fn push_21_an_inbox_comes_with_an_answer() {
    let world = World::new();
    let (router, _) = shop(&world, Some(201));
    let created = ask(&router, &world, &json!({})).await.json();
    assert_eq!((created.get("push"), created.get("code")), (None, None));
    let read = SignedAppRequest::read(created["link"].as_str().unwrap()).unwrap();
    let read = read.authenticate(None, &world.trust("usual"), NOW).unwrap();
    let shown = world.holder.identity.answer_to(&world.identities, &read.request, NOW, &mut rng("app")).unwrap();
    let answer = read.seal(Some(&shown), &mut rng("seal")).unwrap();
    let Reply::Post(address) = &read.reply else { panic!("posted") };
    let path = address.strip_prefix(BASE).unwrap();
    let inbox = InboxKey::generate(&mut rng("inbox"));
    let inbox = |address: &str| Subscription::new(address, &inbox).unwrap();
    let post = async |body: Value| {
        send(&router, Method::POST, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
    };
    let known = inbox(&format!("{RELAY}/push/x"));
    for (body, name) in [
        (
            json!({ "answer": base64url(&answer), "inbox": inbox("https://other.example/").to_json() }),
            "PushServiceNotAllowed",
        ),
        (json!({ "answer": base64url(&answer), "inbox": {} }), "MalformedSubscription"),
        (json!({ "answer": base64url(&answer) }), "MalformedCall"),
        (json!({ "inbox": known.to_json() }), "MalformedCall"),
        (json!({ "answer": base64url(b"\x80"), "inbox": known.to_json() }), "MalformedLink"),
    ] {
        assert_eq!(post(body).await.refusal().2, name);
    }
    let outgoing = AppOutgoing::Post { address: address.clone(), body: answer };
    let body: Value = serde_json::from_slice(&outgoing.with_inbox(&known).unwrap()).unwrap();
    assert_eq!(AppOutgoing::Open("shop://done".into()).with_inbox(&known), None, "an app needs no inbox");
    assert_eq!(post(body).await.status, 204);
    let told =
        call(&router, &format!("/apps/requests/{}/verdict", created["id"].as_str().unwrap()), &Value::Null).await;
    let told = told.json();
    assert_eq!((&told["accepted"], &told["inbox"]), (&json!(true), &known.to_json()));
    assert!(told["verdict"]["claims"].is_array(), "{told}");
}

#[test]
fn push_22_an_inbox_is_for_one_verifier() {
    let (world, place) = (World::new(), tempfile::tempdir().unwrap());
    let wallet = wallet(&world, place.path());
    let of_shop = asked(&wallet, &link(&world, &world.shop, "log-in"));
    assert_eq!(wallet.inbox_of(&of_shop, NOW), Ok(None));
    let inbox = wallet.open_inbox(&of_shop, &at("1"), NOW, &mut rng("1")).unwrap();
    assert_eq!(wallet.inbox_of(&of_shop, NOW), Ok(Some(inbox.clone())));
    let shop = &world.shop.did;
    let refused = |verifier, body: &[u8], now| wallet.read_push(verifier, body, now).unwrap_err();
    let pushed = link(&world, &world.shop, "again");
    assert!(wallet.read_push(shop, &sealed(&inbox, &pushed), NOW).is_ok());
    // Who got hold of the inbox, and asks in its own name.
    let police = link(&world, &world.patrol, "phishing");
    assert_eq!(refused(shop, &sealed(&inbox, &police), NOW), InboxError::RequestOfAnother.into());
    assert_eq!(refused(&world.patrol.did, &sealed(&inbox, &police), NOW), InboxError::NoSuchInbox.into());
    // Over: nothing of it is shown.
    let over = WalletError::Request(RequestError::RequestExpired);
    assert_eq!(refused(shop, &sealed(&inbox, &pushed), NOW + 3_600), over);
    let mut changed = sealed(&inbox, &pushed);
    changed[500] ^= 1;
    assert_eq!(refused(shop, &changed, NOW), PushError::PushNotForInbox.into());
    let unreadable = WalletError::Inbox(InboxError::Push(PushError::MalformedMessage));
    assert_eq!(refused(shop, b"{}", NOW), unreadable);
    let other = inbox.seal(b"{\"version\": 2}", &mut rng("new")).unwrap();
    assert_eq!(refused(shop, &other, NOW), PushError::UnknownNotice.into());
    let page = inbox.seal(&Notice::new("https://evil.example/").to_bytes(), &mut rng("page")).unwrap();
    assert!(matches!(refused(shop, &page, NOW), WalletError::AppLink(_)), "no address is opened");

    // Opened anew: what is sealed to the old key is nobody's.
    let anew = wallet.open_inbox(&of_shop, &at("2"), NOW, &mut rng("2")).unwrap();
    assert_eq!(refused(shop, &sealed(&inbox, &pushed), NOW), PushError::PushNotForInbox.into());
    assert!(wallet.read_push(shop, &sealed(&anew, &pushed), NOW).is_ok());
    let told = wallet.inboxes(NOW).unwrap();
    assert_eq!((told.len(), &told[0].verifier, &told[0].receive), (1, shop, &at("2").receive));
    assert!(!format!("{told:?} {anew:?} {:?}", at("2")).contains("subscription/"));

    // Closed.
    wallet.close_inbox(shop, NOW).unwrap();
    assert_eq!(wallet.close_inbox(shop, NOW), Err(InboxError::NoSuchInbox.into()));
    assert_eq!(refused(shop, &sealed(&anew, &pushed), NOW), InboxError::NoSuchInbox.into());
    assert_eq!(wallet.inboxes(NOW).unwrap(), []);
}

#[test]
fn push_22_inboxes_are_kept_in_the_wallet_file_and_few() {
    let (world, place) = (World::new(), tempfile::tempdir().unwrap());
    let wallet = wallet(&world, place.path());
    let of_shop = asked(&wallet, &link(&world, &world.shop, "log-in"));
    for wrong in [
        InboxAddresses { push: "http://relay.example/".into(), ..at("x") },
        InboxAddresses { receive: "file:///etc/passwd".into(), ..at("x") },
    ] {
        let refused = wallet.open_inbox(&of_shop, &wrong, NOW, &mut rng("x"));
        assert_eq!(refused.unwrap_err(), PushError::AddressNotAllowed.into());
    }
    let inbox = wallet.open_inbox(&of_shop, &at("1"), NOW, &mut rng("1")).unwrap();
    drop(wallet);
    let area = Arc::new(SoftwareSecureArea::open_or_create(&place.path().join("phone"), &mut rng("phone")).unwrap());
    let wallet = Wallet::open(&place.path().join("wallet"), area).unwrap();
    assert_eq!(wallet.inboxes(NOW), Err(WalletError::Locked));
    wallet.unlock("839174", NOW).unwrap();
    assert_eq!(wallet.inbox_of(&of_shop, NOW), Ok(Some(inbox)));
}

#[test]
fn push_22_a_wallet_has_so_many_inboxes() {
    let (world, place) = (World::new(), tempfile::tempdir().unwrap());
    let wallet = wallet(&world, place.path());
    let many: Vec<_> = (0..65).map(|number| Organisation::new(&format!("site {number}"))).collect();
    let name = || Label { ko: "사이트".into(), en: "A site".into() };
    let registered = many.iter().map(|it| VerifierRegistration {
        did: it.did.clone(),
        name: name(),
        purposes: vec![],
        withdrawn: false,
    });
    let records: Vec<_> =
        many.iter().map(|it| Record::Did(it.record())).chain(registered.map(Record::Verifier)).collect();
    let mut ledger = world.ledger("usual");
    ledger.write(&records, (AS_OF + 1) * 1_000);
    wallet.install_trust(&ledger.trusted_state().unwrap().to_bundle().encode(), &ledger.anchor(), NOW).unwrap();
    let open = |of: &Organisation| {
        wallet.open_inbox(&asked(&wallet, &link(&world, of, "log-in")), &at("x"), NOW, &mut rng("x")).map(|_| ())
    };
    let (last, first) = many.split_last().unwrap();
    assert!(first.iter().all(|it| open(it) == Ok(())));
    assert_eq!(open(last), Err(InboxError::TooManyInboxes.into()));
    assert_eq!(open(&many[0]), Ok(()), "in place of its own");
    wallet.close_inbox(&many[1].did, NOW).unwrap();
    assert_eq!(open(last), Ok(()));
}

#[test]
fn push_06_a_request_is_answered_with_the_number_of_its_page() {
    let (world, place) = (World::new(), tempfile::tempdir().unwrap());
    let wallet = wallet(&world, place.path());
    let of_shop = asked(&wallet, &link(&world, &world.shop, "log-in"));
    let inbox = wallet.open_inbox(&of_shop, &at("1"), NOW, &mut rng("1")).unwrap();
    let pushed = link(&world, &world.shop, "again");
    let code = push_message::match_code(&SignedAppRequest::read(&pushed).unwrap().digest());
    let read = wallet.read_push(&world.shop.did, &sealed(&inbox, &pushed), NOW).unwrap();
    let answer = |code: &str, decision| wallet.answer_pushed(&read, code, decision, NOW, &mut rng("answer"));
    let other = if code == "000" { "001" } else { "000" };
    for wrong in [other, "", " ", "0"] {
        for decision in [Decision::Approve, Decision::ApproveOverAsk] {
            assert_eq!(answer(wrong, decision), Err(InboxError::MatchCodeWrong.into()), "{wrong}");
        }
    }
    assert!(matches!(answer(&format!(" {code}\n"), Decision::Approve), Ok(AppOutgoing::Post { .. })));
    assert!(matches!(answer("", Decision::Decline), Ok(AppOutgoing::Post { .. })), "no needs no number");
}
