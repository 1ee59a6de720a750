//! J8: the register tells the issuer that somebody has moved. What is no longer true is withdrawn and offered anew; what the move
//! does not touch stays. After a death everything is withdrawn, and nothing is offered.

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
