//! J4: log-in to a government website. The first time the citizen scans a code and lets the site call from then on; after that the site
//! pushes, the wallet asks, and the site knows the same person again. Nobody between learns anything, and nobody else is logged in.

use std::path::Path;

use journeys::{Citizen, Relay, RelyingParty, Services, ZK_IDENTITY, now, rfc3339, wait_for};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::text;

/// A site that may recognise people for a year, and asks nothing of them.
fn site(services: &Services, place: &Path, name: &str, relay: &Relay) -> RelyingParty {
    let permit = json!({
        "credential_type": ZK_IDENTITY, "claims": [], "predicates": [], "pseudonyms": [{ "period": "year" }],
    });
    let purposes = json!([{
        "id": "log-in", "text": { "ko": "누리집 로그인", "en": "Logging in" }, "permits": [permit],
    }]);
    RelyingParty::start_with(services, place, name, &purposes, &["--push-service", &relay.url])
}

/// What the site's program does when somebody wants to log in; with the inbox of someone who was there before.
fn begin(site: &RelyingParty, inbox: Option<&Value>) -> Value {
    let query = json!({ "credential_type": ZK_IDENTITY, "binding": "link-secret", "pseudonym": { "period": "year" } });
    let mut body = json!({ "purpose": "log-in", "query": query });
    if let Some(inbox) = inbox {
        body["push"] = inbox.clone();
    }
    let (status, created) = site.ask("/apps/requests", &body);
    assert_eq!(status, 201, "{created}");
    created
}

fn verdict(site: &RelyingParty, created: &Value) -> (u16, Value) {
    site.ask(&format!("/apps/requests/{}/verdict", text(created, "id")), &Value::Null)
}

/// By what the site knows whoever logged in, and where it may call.
fn logged_in(site: &RelyingParty, created: &Value) -> (String, Value) {
    let (status, told) = verdict(site, created);
    assert_eq!((status, &told["accepted"]), (200, &json!(true)), "{told}");
    assert_eq!((&told["verdict"]["claims"], &told["verdict"]["proven"]), (&json!([]), &json!([])), "nothing was asked");
    (text(&told["verdict"]["pseudonym"], "value"), told["inbox"].clone())
}

/// The messages that the relay has, and all that is in its files.
fn kept(relay: &Relay) -> (Vec<Vec<u8>>, Vec<u8>) {
    let database = Connection::open_with_flags(relay.dir.join("relay.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut query = database.prepare("SELECT body FROM message").unwrap();
    let bodies = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let files = std::fs::read_dir(&relay.dir).unwrap();
    (bodies, files.flat_map(|it| std::fs::read(it.unwrap().path()).unwrap_or_default()).collect())
}

#[test]
fn j4_a_site_calls_and_knows_the_same_person_again() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let services = Services::start(&path("network"));
    let mut relay = Relay::start(&path("relay"));
    let [tax, city] = ["tax", "city"].map(|name| site(&services, &path(name), name, &relay));
    let citizen = Citizen::new(&path("citizen"));
    citizen.accept(&services, "person-0001", &[ZK_IDENTITY]);
    citizen.update(&services);
    let receive = |arguments: &[&str]| citizen.wallet("inbox", &[&["receive"][..], arguments].concat());
    let nothing_waits = || assert_eq!(receive(&[]).accepted()["pushed"], false);

    // The first time: a code on the page. The owner reads that the site may call, and who it is.
    let first = begin(&tax, None);
    let unasked = citizen.wallet("answer", &[&text(&first, "link"), "--inbox", &relay.url]);
    assert_eq!(unasked.refused(), "ConsentNeeded");
    for line in ["tax (tax) asks", "Logging in", "from now on it may call you"] {
        assert!(unasked.text.contains(line), "{line}: {}", unasked.text);
    }
    assert_eq!(citizen.wallet("inbox", &["list"]).accepted()["inboxes"], json!([]), "nothing before consent");
    citizen.wallet("answer", &[&text(&first, "link"), "--approve", "--inbox", &relay.url]).accepted();
    let (known, inbox) = logged_in(&tax, &first);
    assert!(text(&inbox, "endpoint").starts_with(&format!("{}/push/", relay.url)));

    // Again: pushed. What the relay has of it says nothing but its length; it is there after a power cut.
    let second = begin(&tax, Some(&inbox));
    assert_eq!(text(&second, "push"), "accepted");
    relay.restart();
    let (bodies, files) = kept(&relay);
    assert_eq!(bodies.iter().map(Vec::len).collect::<Vec<_>>(), [3_072]);
    let link = text(&second, "link");
    let id = inbox["endpoint"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    for word in [&link[..30], &link[link.len() - 30..], &tax.did, &tax.url, &known, &id, "log-in", "홍길동", "person"]
    {
        assert!(!files.windows(word.len()).any(|it| it == word.as_bytes()), "{word}");
    }
    // It answers nothing by itself: the owner looks, and types what the page shows.
    let unasked = receive(&["--wait", "5"]);
    assert_eq!(unasked.refused(), "ConsentNeeded");
    for line in ["tax (tax) asks", "Logging in", "Did you begin a log-in just now?"] {
        assert!(unasked.text.contains(line), "{line}: {}", unasked.text);
    }
    assert_eq!(verdict(&tax, &second).1["error_description"], "WrongState", "no verdict yet");
    assert_eq!(receive(&["--approve"]).code, 2, "not without the number");
    receive(&["--approve", "--code", &text(&second, "code")]).accepted();
    assert_eq!(logged_in(&tax, &second).0, known, "the same person");
    assert_eq!(verdict(&tax, &second).0, 404, "read once");
    assert_eq!(kept(&relay).0.len(), 0, "nothing is kept after delivery");
    nothing_waits();

    // At another site: somebody else, as far as the two can tell. An inbox of each, and no address in common.
    let there = begin(&city, None);
    citizen.wallet("answer", &[&text(&there, "link"), "--approve", "--inbox", &relay.url]).accepted();
    let (elsewhere, inbox_there) = logged_in(&city, &there);
    assert_ne!(elsewhere, known);
    for member in ["/endpoint", "/keys/p256dh", "/keys/auth"] {
        assert_ne!(inbox.pointer(member), inbox_there.pointer(member));
    }
    let third = begin(&city, Some(&inbox_there));
    receive(&["--wait", "20", "--approve", "--code", &text(&third, "code")]).accepted();
    assert_eq!(logged_in(&city, &third).0, elsewhere);

    // The inbox of one site in the hands of another: the request is dropped.
    let stolen = begin(&city, Some(&inbox));
    assert_eq!(receive(&["--approve", "--code", &text(&stolen, "code")]).refused(), "RequestOfAnother");
    nothing_waits();

    // Somebody else begins a log-in at the same moment, to have it approved (T6): the owner's number is not that of the other page.
    let own = begin(&tax, Some(&inbox));
    let mut other = begin(&tax, Some(&inbox));
    while text(&other, "code") == text(&own, "code") {
        other = begin(&tax, Some(&inbox));
    }
    assert_eq!(kept(&relay).0.len(), 1, "the newest alone");
    assert_eq!(receive(&["--approve", "--code", &text(&own, "code")]).refused(), "MatchCodeWrong");
    assert_eq!(verdict(&tax, &other).1["error_description"], "WrongState");
    nothing_waits();
    citizen.wallet("answer", &[&text(&own, "link"), "--approve"]).accepted();
    assert_eq!(logged_in(&tax, &own).0, known, "the code on the owner's own page works");

    // The owner says no, which to the site is what a wallet that holds nothing says.
    let declined = begin(&tax, Some(&inbox));
    assert_eq!(receive(&["--decline"]).refused(), "Declined");
    assert_eq!(verdict(&tax, &declined).1["error_description"], "WrongState");
    // Over: refused, and dropped.
    let over = begin(&tax, Some(&inbox));
    let late = ["--approve", "--code", &text(&over, "code"), "--now", &rfc3339(now() + 400)];
    assert_eq!(receive(&late).refused(), "RequestExpired");
    nothing_waits();

    // Wider than registered: blocked, pushed or not (J14).
    let wide = json!({ "credential_type": ZK_IDENTITY, "binding": "link-secret", "pseudonym": { "period": "month" } });
    let (status, refused) = tax.ask("/apps/requests", &json!({ "purpose": "log-in", "query": wide, "push": inbox }));
    assert_eq!((status, kept(&relay).0.len()), (403, 0), "{refused}: nothing is pushed");

    // The relay is away: the site shows its code. Then it is back, and the inbox is closed.
    relay.kill();
    assert_eq!(text(&begin(&tax, Some(&inbox)), "push"), "unreachable");
    assert_eq!(receive(&[]).refused(), "ServiceUnreachable");
    relay.restart();
    let list = citizen.wallet("inbox", &["list"]).accepted();
    assert_eq!(list["inboxes"].as_array().unwrap().len(), 2);
    citizen.wallet("inbox", &["close", &tax.did]).accepted();
    assert_eq!(citizen.wallet("inbox", &["close", &tax.did]).refused(), "NoSuchInbox");
    let closed = begin(&tax, Some(&inbox));
    assert_eq!(text(&closed, "push"), "gone");
    nothing_waits();
    citizen.wallet("answer", &[&text(&closed, "link"), "--approve"]).accepted();
    assert_eq!(logged_in(&tax, &closed).0, known, "the same person, by the code");

    // Who lost the phone: everything on it is suspended, and logs in nowhere.
    let suspension = json!({ "person": "person-0001" });
    assert_eq!(services.admin("suspensions", &suspension).unwrap().0, 200);
    wait_for("the site learns it", || {
        services.bundle(&city.bundle);
        citizen.update(&services);
        citizen.wallet("answer", &[&text(&begin(&city, None), "link"), "--approve"]).code != 0
    });
}
