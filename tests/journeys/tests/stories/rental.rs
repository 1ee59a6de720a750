//! J5: a scooter. The rental app asks the wallet on the same phone, from app to app: a licence for it, and an age; nothing else. The
//! answer comes back to that app, and to no other. The same question from a screen comes back over the network.

use journeys::{Citizen, RelyingParty, Services, ZK_IDENTITY, wait_for};
use protocol::crypto::jose::from_base64url;
use serde_json::{Value, json};

use crate::text;

/// The app as the phone's system names it, and where the wallet sends its user back.
const APP: &str = "kr.example.scooter";
const BACK: &str = "scooter://unlock";

/// What a ready-made question of the type proves.
fn proves(profile: &str) -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/types/zk-identity.json");
    let definition: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let profiles = definition["profiles"].as_array().unwrap().clone();
    profiles.into_iter().find(|it| it["id"] == profile).unwrap()["prove"].clone()
}

#[test]
fn j5_a_scooter_learns_class_and_age_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let permit = json!({
        "credential_type": ZK_IDENTITY, "claims": [], "predicates": proves("adult-driver"), "pseudonyms": [],
    });
    let purposes = json!([{
        "id": "ride", "text": { "ko": "전동 킥보드 대여", "en": "Renting a scooter" }, "permits": [permit],
    }]);
    let scooter = RelyingParty::start(&services, &place.path().join("scooter"), "Scooter", &purposes);
    let rider = Citizen::new(&place.path().join("rider"));
    rider.accept(&services, "person-0001", &[ZK_IDENTITY]);
    let ask = |more: &Value| {
        let mut body = json!({ "purpose": "ride", "type": ZK_IDENTITY, "profile": "adult-driver" });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        scooter.ask("/apps/requests", &body)
    };
    let to_app = json!({ "caller": APP, "back": BACK });
    let created = |more: &Value| {
        let (status, created) = ask(more);
        assert_eq!(status, 201, "{created}");
        created
    };
    let hand_in = |created: &Value, opened: &str| {
        scooter.ask(&format!("/apps/requests/{}/answer", text(created, "id")), &json!({ "link": opened }))
    };
    let verdict =
        |created: &Value| scooter.ask(&format!("/apps/requests/{}/verdict", text(created, "id")), &Value::Null);

    // From app to app. Another app that got hold of the link is told nothing, and the owner reads where the answer goes.
    let first = created(&to_app);
    let link = text(&first, "link");
    for arguments in [vec!["--caller", "kr.example.evil"], vec![]] {
        let handed = rider.wallet("answer", &[&[link.as_str(), "--approve"][..], &arguments].concat());
        assert_eq!(handed.refused(), "CallerNotTrusted", "E18");
    }
    let unasked = rider.wallet("answer", &[&link, "--caller", APP]);
    assert_eq!(unasked.refused(), "ConsentNeeded");
    for line in ["Scooter", "Renting a scooter", "the answer goes to scooter://unlock"] {
        assert!(unasked.text.contains(line), "{line}: {}", unasked.text);
    }
    let answered = rider.wallet("answer", &[&link, "--caller", APP, "--approve"]).accepted();
    let opened = text(&answered, "open");
    assert!(opened.starts_with("scooter://unlock#answer="), "{opened}");
    // E19: whichever app is opened with it, only the session's key reads it; another session of the same company does not.
    let other = created(&to_app);
    assert_eq!(hand_in(&other, &opened).1["error_description"], "DecryptionFailed", "E19");
    assert_eq!(hand_in(&first, &opened).0, 204);
    let (status, seen) = verdict(&first);
    assert_eq!((status, &seen["accepted"]), (200, &json!(true)), "{seen}");
    // The class and the age are proven; no name, no number, no date is shown.
    assert_eq!(seen["verdict"]["claims"], json!([]), "{seen}");
    assert_eq!(seen["verdict"]["proven"].as_array().unwrap().len(), proves("adult-driver").as_array().unwrap().len());
    for value in ["홍길동", "HONG", "1985", "11-05-104233-71"] {
        assert!(!seen.to_string().contains(value), "{value}");
    }
    let (status, again) = hand_in(&first, &opened);
    assert_eq!((status, again["error_description"].as_str()), (409, Some("WrongState")), "E20");

    // Who says no and who holds nothing look the same.
    let stranger = Citizen::new(&place.path().join("stranger"));
    stranger.update(&services);
    for (citizen, decision) in [(&rider, "--decline"), (&stranger, "--approve")] {
        let asked = created(&to_app);
        let answered = citizen.wallet("answer", &[&text(&asked, "link"), "--caller", APP, decision]).accepted();
        assert_eq!(answered["answered"], false);
        assert_eq!(hand_in(&asked, &text(&answered, "open")).0, 204);
        assert_eq!(verdict(&asked).1["error_description"], "WrongState", "no verdict");
    }

    // The same question on a kiosk's screen: the answer is posted.
    let kiosk = created(&json!({}));
    let screen = rider.path("screen.png");
    std::fs::write(&screen, from_base64url(&text(&kiosk, "qr_png")).unwrap()).unwrap();
    rider.wallet("answer", &[&screen, "--approve"]).accepted();
    assert_eq!(verdict(&kiosk).0, 200);
    assert_eq!(verdict(&kiosk).0, 404, "read once");

    // Wider than registered, or back to nowhere: never made.
    for (more, name) in [
        (json!({ "profile": "youth-19" }), "PredicateNotRegistered"),
        (json!({ "caller": APP, "back": "javascript://x" }), "SchemeNotAllowed"),
        (json!({ "caller": APP, "back": "http://scooter.example/" }), "SchemeNotAllowed"),
        (json!({ "back": BACK }), "CallerNotTrusted"),
        (json!({ "wallet": "intent://x" }), "MalformedCall"),
        (json!({ "profile": "none" }), "QueryNotAnswerable"),
    ] {
        assert_eq!(ask(&more).1["error_description"], name, "{more}");
    }

    // A licence that is suspended unlocks nothing.
    let suspension = json!({ "person": "person-0001" });
    assert_eq!(services.admin("suspensions", &suspension).unwrap().0, 200);
    wait_for("the wallet learns it", || {
        services.bundle(&scooter.bundle);
        rider.update(&services);
        let asked = created(&to_app);
        let answered = rider.wallet("answer", &[&text(&asked, "link"), "--caller", APP, "--approve"]);
        answered.code != 0
            || answered.json["answered"] == false
            || hand_in(&asked, &text(&answered.json, "open")).0 != 204
    });
}
