//! J7: a licence is issued at the counter, after proofing. A guessed code kills the offer; there is one active credential of a type
//! and person, on whichever phone; the service dies in the middle and nothing is issued twice.

use journeys::{Citizen, LICENCE, Services, now, rfc3339, wait_for};
use serde_json::json;

#[test]
fn j7_at_the_counter_one_licence_whatever_happens() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("network");
    let services = Services::start(&dir);
    let phone = Citizen::new(&place.path().join("phone"));
    let anchor = services.dir.join("anchor.cbor").display().to_string();
    let sources = |services: &Services| {
        ["--anchor".to_owned(), anchor.clone(), "--url".to_owned(), format!("{}/ledger", services.url)]
    };
    let take_up = |phone: &Citizen, services: &Services, code: &str| {
        let (offer, sources) = (phone.path("offer"), sources(services));
        let arguments: Vec<&str> =
            [offer.as_str(), "--tx-code", code].into_iter().chain(sources.iter().map(String::as_str)).collect();
        phone.wallet("accept", &arguments)
    };
    let held = |phone: &Citizen| {
        let listed = phone.wallet("list", &[]).accepted();
        listed["credentials"].as_array().unwrap().iter().filter(|it| it["state"] == "usable").count()
    };

    // Somebody who found the offer guesses: after five codes it is dead, also for the right one.
    let right = services.offer("person-0001", &[LICENCE], &phone.file("offer")).unwrap();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(take_up(&phone, &services, wrong).code, 1);
    }
    assert_eq!(take_up(&phone, &services, &right).refused(), "InvalidGrant");
    assert_eq!(held(&phone), 0);

    // The service is killed while the phone asks, again and again; then it is there, once.
    let mut services = services;
    let port: u16 = services.url.rsplit(':').next().unwrap().parse().unwrap();
    let code = services.offer("person-0001", &[LICENCE], &phone.file("offer")).unwrap();
    for life in [300, 600, 900] {
        let killer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(life));
            services.kill();
        });
        let from = Services::address(port);
        let arguments = [phone.path("offer"), "--tx-code".into(), code.clone(), "--anchor".into(), anchor.clone()];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // Whatever comes of it.
        let _ = phone.wallet("accept", &[&arguments[..], &["--url", &format!("{from}/ledger")]].concat());
        killer.join().unwrap();
        services = Services::start_on(&dir, port);
    }
    if held(&phone) == 0 {
        take_up(&phone, &services, &code).accepted();
    }
    assert_eq!(held(&phone), 1, "one");
    // The phone may have the licence and not yet what everybody may know and a proof needs.
    phone.wallet("update", &sources(&services).each_ref().map(String::as_str)).accepted();

    // A second phone: nothing beside the first one; in its place, at the counter.
    let beside = json!({ "person": "person-0001", "credential_types": [LICENCE], "with_tx_code": true, "life": 600 });
    let (status, refused) = services.admin("offers", &beside).unwrap();
    assert_eq!((status, refused["error"].as_str()), (409, Some("AlreadyActive")), "{refused}");
    let second = Citizen::new(&place.path().join("second"));
    second.accept(&services, "person-0001", &[LICENCE]);
    let shown = |phone: &Citizen| {
        services.bundle(&second.file("bundle"));
        let at = rfc3339(now());
        phone.present("roadside", &at).accepted();
        let checked = second.check(&phone.path("roadside.png"), LICENCE, "roadside", &at);
        if checked.code == 0 { "accepted".to_owned() } else { checked.refused().to_owned() }
    };
    // The issuer swaps in one step; what an offline verifier knows is as old as its list.
    wait_for("the first phone's licence is withdrawn, the second one's is valid", || {
        shown(&phone) == "StatusRevoked" && shown(&second) == "accepted"
    });
}
