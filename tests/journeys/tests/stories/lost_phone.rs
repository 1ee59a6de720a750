//! J12: a phone is lost. One call suspends everything on it; at the counter it is withdrawn for good, and a new phone gets its own.

use journeys::{Citizen, LICENCE, RelyingParty, Services, ZK_IDENTITY, now, rfc3339, run, wait_for};
use serde_json::{Value, json};

use crate::{licence, purpose, text};

#[test]
fn j12_everything_on_a_lost_phone_is_refused_and_a_new_one_is_bound() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let purposes = json!([purpose("rental", "차량 대여", "Renting a car", &["name_ko"])]);
    let rental = RelyingParty::start(&services, &place.path().join("rental"), "Rental", &purposes);
    let lost = Citizen::new(&place.path().join("lost"));
    lost.accept(&services, "person-0001", &[ZK_IDENTITY]);
    lost.accept_openid(&services, "person-0001", &[LICENCE]);
    // What another scanner learns today of the age proof that this phone shows.
    let shown = |phone: &Citizen| {
        services.bundle(&lost.file("bundle"));
        let at = rfc3339(now());
        let presented = phone.present("age-19", &at);
        if presented.code != 0 {
            return presented.refused().to_owned();
        }
        let mut check = lost.check_arguments(&phone.path("age-19.png"), ZK_IDENTITY, "age-19", &at);
        check.extend(["--status-lag".to_owned(), "0".to_owned()]);
        let outcome = run(&check.iter().map(String::as_str).collect::<Vec<_>>());
        if outcome.code == 0 { "accepted".to_owned() } else { outcome.refused().to_owned() }
    };
    // What the rental company's service says of the licence as SD-JWT.
    let online = |phone: &Citizen| {
        services.bundle(&rental.bundle);
        let body = json!({ "purpose": "rental", "dcql_query": licence(&["name_ko"]) });
        let (status, created) = rental.ask("/openid4vp/requests", &body);
        assert_eq!(status, 201, "{created}");
        let answered = phone.wallet("answer", &[&text(&created, "link"), "--approve"]);
        match answered.code {
            0 => rental.verdict(&text(&created, "id"), &json!({}))["credentials"][0]["claims"][0]["value"].to_string(),
            _ => answered.refused().to_owned(),
        }
    };
    wait_for("the phone is in use", || shown(&lost) == "accepted" && online(&lost) == "\"홍길동\"");

    // The call: one request, everything at once. The finder of the phone fetches nothing, of course.
    let whose = json!({ "person": "person-0001" });
    let ask = |what: &str, body: &Value| {
        let (status, answer) = services.admin(what, body).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["outcome"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(ask("suspensions", &whose), "suspended");
    assert_eq!(ask("suspensions", &whose), "already-suspended");
    wait_for("the licence is suspended", || online(&lost) == "AnswerRefused");
    wait_for("the age proof has no token of this epoch", || shown(&lost) != "accepted");
    // Nothing new is bound meanwhile: whoever has the phone may have called, too.
    let offer = json!({ "person": "person-0001", "credential_types": [LICENCE], "replaces": true, "life": 600 });
    let (status, refused) = services.admin("offers", &offer).unwrap();
    assert_eq!((status, refused["error"].as_str()), (409, Some("CredentialSuspended")), "{refused}");

    // At the counter: withdrawn for good, and a new phone.
    for credential_type in [LICENCE, ZK_IDENTITY] {
        let revocation = json!({ "person": "person-0001", "credential_type": credential_type, "reason": "phone-lost" });
        assert_eq!(ask("revocations", &revocation), "revoked");
    }
    let new = Citizen::new(&place.path().join("new"));
    new.accept(&services, "person-0001", &[ZK_IDENTITY]);
    new.accept_openid(&services, "person-0001", &[LICENCE]);
    wait_for("the new phone is bound", || shown(&new) == "accepted" && online(&new) == "\"홍길동\"");
    // The old phone turns up again, and even fetches what is new: nothing on it comes back.
    assert_eq!(online(&lost), "AnswerRefused");
    lost.update(&services);
    assert_ne!(shown(&lost), "accepted");
    assert_eq!(online(&lost), "NotHeld");
    assert_eq!(services.admin("reinstatements", &whose).unwrap().1["outcome"], "not-suspended", "no way back");
}
