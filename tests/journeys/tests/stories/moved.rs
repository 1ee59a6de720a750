//! J8: the register tells the issuer that somebody has moved. What is no longer true is withdrawn, and the phone that had it gets it
//! anew by itself; what the move does not touch stays. After a death everything is withdrawn, and nothing is offered.

use journeys::{Citizen, LICENCE, Services, ZK_IDENTITY, now, rfc3339, run, wait_for};
use serde_json::{Value, json};

/// The register's keeper changes an entry.
fn record(services: &Services, person: &str, change: impl FnOnce(&mut Value)) {
    let path = services.dir.join("issuer/register.json");
    let mut register: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let entries = register["people"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|it| it["id"] == person).unwrap();
    entry["revision"] = json!(entry["revision"].as_u64().unwrap() + 1);
    change(entry);
    let next = path.with_extension("next");
    std::fs::write(&next, register.to_string()).unwrap();
    std::fs::rename(&next, &path).unwrap();
}

#[test]
fn j8_a_move_renews_what_has_changed_and_a_death_ends_everything() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept(&services, "person-0001", &[LICENCE, ZK_IDENTITY]);
    let shown = |profile: &str, credential_type: &str| {
        services.bundle(&citizen.file("bundle"));
        let at = rfc3339(now());
        let presented = citizen.present(profile, &at);
        if presented.code != 0 {
            return presented.refused().to_owned();
        }
        let png = citizen.path(&format!("{profile}.png"));
        let mut check = citizen.check_arguments(&png, credential_type, profile, &at);
        check.extend(["--status-lag".to_owned(), "0".to_owned()]);
        let outcome = run(&check.iter().map(String::as_str).collect::<Vec<_>>());
        if outcome.code == 0 { "accepted".to_owned() } else { outcome.refused().to_owned() }
    };
    let residence = || {
        let listed = citizen.wallet("list", &["--values"]).accepted();
        let all = listed["credentials"].as_array().unwrap().clone();
        let of = |it: &Value| {
            let attributes = it["attributes"].as_array().unwrap();
            let found = attributes.iter().find(|it| it["label"]["en"] == "Region of residence");
            (it["state"].as_str().unwrap().to_owned(), found.unwrap()["value"]["en"].as_str().unwrap().to_owned())
        };
        all.iter().filter(|it| it["type"] == ZK_IDENTITY).map(of).collect::<Vec<_>>()
    };
    assert_eq!(residence(), [("usable".to_owned(), "Seoul".to_owned())]);

    // The register says: another region. The identity has it, the licence does not.
    record(&services, "person-0001", |entry| entry["attributes"]["residence"] = json!("KR-26"));
    let event = json!({ "person": "person-0001", "changed": ["residence"] });
    let (status, answer) = services.admin("register-events", &event).unwrap();
    assert_eq!((status, &answer["withdrawn"]), (200, &json!([ZK_IDENTITY])), "{answer}");
    let (_, again) = services.admin("register-events", &event).unwrap();
    assert_eq!(again["withdrawn"], json!([]), "an event that is told twice is one");
    wait_for("the old identity is over", || shown("age-19", ZK_IDENTITY) != "accepted");
    wait_for("the licence is untouched", || shown("roadside", LICENCE) == "accepted");

    // The new one is offered, and the wallet is renewed.
    citizen.accept(&services, "person-0001", &[ZK_IDENTITY]);
    wait_for("the new identity is known", || {
        let usable: Vec<_> = residence().into_iter().filter(|(state, _)| state == "usable").collect();
        usable == [("usable".to_owned(), "Busan".to_owned())]
    });
    let listed = citizen.wallet("list", &[]).accepted();
    let credentials = listed["credentials"].as_array().unwrap();
    assert_eq!(credentials.iter().filter(|it| it["type"] == LICENCE && it["state"] == "usable").count(), 1);

    // A death: everything is withdrawn, and nothing can be offered.
    record(&services, "person-0001", |entry| entry["state"] = json!("deceased"));
    let event = json!({ "person": "person-0001", "deceased": true });
    let (status, answer) = services.admin("register-events", &event).unwrap();
    assert_eq!((status, answer["withdrawn"].as_array().unwrap().len()), (200, 2), "{answer}");
    wait_for("the licence is withdrawn", || shown("roadside", LICENCE) == "StatusRevoked");
    let offer = json!({ "person": "person-0001", "credential_types": [LICENCE], "replaces": true, "life": 600 });
    let (status, refused) = services.admin("offers", &offer).unwrap();
    assert_ne!(status, 200, "{refused}");
}

/// Nobody goes to a counter: the old licence is withdrawn at once, the phone learns of it where everybody does, and the token that
/// it got with the first one brings the new one.
#[test]
fn j8_after_a_move_the_phone_gets_its_licence_anew() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept_openid(&services, "person-0001", &[LICENCE]);
    citizen.accept(&services, "person-0001", &[ZK_IDENTITY]);
    let update = || {
        let anchor = services.dir.join("anchor.cbor").display().to_string();
        let ledger = format!("{}/ledger", services.url);
        citizen.wallet("update", &["--anchor", &anchor, "--url", &ledger]).accepted()["renewed"].clone()
    };
    let held = || {
        let listed = citizen.wallet("list", &["--values"]).accepted();
        listed["credentials"].as_array().unwrap().clone()
    };
    let identity = || held().into_iter().find(|it| it["type"] == ZK_IDENTITY).unwrap();
    // States of the licence in each format, and in how many of them there is an address.
    let licences = |address: &str| {
        let of_it: Vec<_> = held().into_iter().filter(|it| it["type"] != ZK_IDENTITY).collect();
        let states: Vec<_> = of_it.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect();
        (states, of_it.iter().filter(|it| it.to_string().contains(address)).count())
    };
    let all = |state: &str| vec![state.to_owned(); 4];
    let moves = |address: &str| {
        record(&services, "person-0001", |entry| entry["attributes"]["address"] = json!(address));
        let event = json!({ "person": "person-0001", "changed": ["address"] });
        let (status, answer) = services.admin("register-events", &event).unwrap();
        assert_eq!((status, &answer["withdrawn"]), (200, &json!([LICENCE])), "{answer}");
    };
    let (old, new, newest) = ("세종대로 209", "우동 1408", "동인동 88");
    assert_eq!(licences(old), (all("usable"), 4));
    assert_eq!(update(), json!([]), "nothing has changed");
    let before = identity();

    moves(&format!("부산광역시 해운대구 {new}"));
    let mut renewed = Value::Null;
    wait_for("the phone learns of the withdrawal and gets the licence anew", || {
        renewed = update();
        renewed != json!([])
    });
    assert_eq!(renewed.as_array().unwrap().len(), 4, "in each format: {renewed}");
    assert_eq!((licences(old).1, licences(new).1), (0, 4), "one of each, and the new one");
    wait_for("the new licence is known to be good", || {
        update();
        licences(new).0 == all("usable")
    });
    assert_eq!(
        (identity()["id"].clone(), identity()["state"].clone()),
        (before["id"].clone(), before["state"].clone())
    );
    assert_eq!(update(), json!([]), "and that was all");

    // The issuer was told that each is stored, the first ones and the new ones.
    let issuer = rusqlite::Connection::open(services.dir.join("issuer/issuer.db")).unwrap();
    let answers = "SELECT COUNT(*), COUNT(*) FILTER (WHERE event = 'credential_accepted') FROM openid_answer";
    let told = issuer.query_row(answers, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).unwrap();
    assert_eq!(told, (8, 8), "answers, and those that the phone said it has");
    drop(issuer);

    // A phone that was reported lost gets nothing by a move.
    let whom = json!({ "person": "person-0001" });
    let (status, answer) = services.admin("suspensions", &whom).unwrap();
    assert_eq!((status, &answer["outcome"]), (200, &json!("suspended")), "{answer}");
    moves(&format!("대구광역시 중구 {newest}"));
    wait_for("the lost phone's licence is over", || {
        assert_eq!(update(), json!([]));
        licences(new).0 == all("withdrawn")
    });
    assert_eq!(licences(newest).1, 0);
}
