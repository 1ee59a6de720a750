//! The five promises, as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::path::Path;

use protocol::credential::Day;
use protocol::credential::age::Statute;

use journeys::{Citizen, LICENCE, Services, ZK_IDENTITY, now, rfc3339, run, run_under};

/// What the people of the sample register are called, where they live and what they were born as.
fn personal_data() -> Vec<String> {
    let register = include_bytes!("../../../issuer/sample/register.json");
    let register: serde_json::Value = serde_json::from_slice(register).unwrap();
    let people = register["people"].as_array().unwrap();
    assert!(people.len() >= 20);
    let mut found = Vec::new();
    for person in people {
        found.push(person["resident_number"].as_str().unwrap().to_owned());
        found.push(person["resident_number"].as_str().unwrap().replace('-', ""));
        for name in ["name_ko", "name_en", "address", "licence_number"] {
            if let Some(text) = person["attributes"][name].as_str() {
                found.push(text.to_owned());
            }
        }
    }
    found
}

/// Where any of `words` stands in any file below `dir`.
fn occurrences(dir: &Path, words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(occurrences(&path, words));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let contains = |word: &&String| bytes.windows(word.len()).any(|window| window == word.as_bytes());
            found.extend(words.iter().filter(contains).map(|word| format!("{word} in {}", path.display())));
        }
    }
    found
}

/// A network in which two people hold credentials and have shown them.
fn used_network(place: &Path) -> (Services, Citizen) {
    let services = Services::start(&place.join("network"));
    let holder = Citizen::new(&place.join("holder"));
    holder.accept(&services, "person-0001", &[LICENCE, ZK_IDENTITY]);
    (services, holder)
}

/// Promise 1. Holders never appear on the ledger.
#[test]
fn no_holder_on_the_ledger() {
    let place = tempfile::tempdir().unwrap();
    let (services, holder) = used_network(place.path());
    let held = holder.wallet("list", &[]).accepted();
    assert!(held.to_string().contains(LICENCE));
    let dir = services.dir.clone();
    assert_eq!(services.interrupt().code(), Some(0));
    let words = personal_data();
    assert!(
        !occurrences(&dir.join("issuer"), &words).is_empty() || !occurrences(&dir, &words).is_empty(),
        "the search finds what is there"
    );
    assert_eq!(occurrences(&dir.join("ledger"), &words), Vec::<String>::new());
    let bundle = std::fs::read(holder.file("bundle")).unwrap();
    assert!(words.iter().all(|word| !bundle.windows(word.len()).any(|window| window == word.as_bytes())));
}

/// Promises 2 and 4. Presenting and checking happen with no network at all: they work where there is none, and
/// where there is one they make no call to it.
#[test]
fn presenting_and_checking_touch_no_network() {
    let place = tempfile::tempdir().unwrap();
    let (services, holder) = used_network(place.path());
    services.kill();
    let at = rfc3339(now());
    for (profile, credential_type) in [("age-19", ZK_IDENTITY), ("roadside", LICENCE)] {
        let present = holder.present_arguments(profile, &at);
        let present = present.each_ref().map(String::as_str);
        let png = holder.path(&format!("{profile}.png"));
        let check = holder.check_arguments(&png, credential_type, profile, &at);
        let check: Vec<&str> = check.iter().map(String::as_str).collect();

        let without = ["unshare", "--user", "--map-root-user", "--net"];
        holder.wallet_under(&without, "present", &present).accepted();
        run_under(&without, &check).accepted();

        let trace = holder.path("trace");
        let traced = ["strace", "-f", "-qq", "-e", "trace=network", "-o", &trace];
        holder.wallet_under(&traced, "present", &present).accepted();
        assert_eq!(std::fs::read_to_string(&trace).unwrap(), "", "presenting made network calls");
        run_under(&traced, &check).accepted();
        assert_eq!(std::fs::read_to_string(&trace).unwrap(), "", "checking made network calls");
    }
    // The trace does see calls: fetching makes some.
    let trace = holder.path("trace");
    let traced = ["strace", "-f", "-qq", "-e", "trace=network", "-o", &trace];
    assert_eq!(holder.wallet_under(&traced, "update", &[]).refused(), "ServiceUnreachable");
    assert!(std::fs::read_to_string(&trace).unwrap().contains("connect("));
}

/// Promise 3. The resident number can never be presented: no type can name it, no value can contain it, and
/// nothing that is issued, held, shown or recorded does.
#[test]
fn the_resident_number_is_never_presentable() {
    use protocol::credential::{CredentialType, TypeError, Value, ValueError};
    let text = include_str!("../../../specs/types/driver-licence.json");
    let licence = CredentialType::parse(text.as_bytes()).unwrap();
    for name in ["resident_number", "resident_registration_number", "rrn", "jumin_no"] {
        let forged = text.replace("\"licence_number\"", &format!("\"{name}\""));
        assert_eq!(CredentialType::parse(forged.as_bytes()), Err(TypeError::ForbiddenAttribute), "{name}");
    }
    for number in ["850315-1234567", "8503151234567"] {
        let position = licence.position("address").unwrap();
        let value = Value::Text(format!("Seoul {number}"));
        assert_eq!(licence.check_value(position, &value), Err(ValueError::ResidentNumberForbidden));
        assert_eq!(licence.check_value(position, &Value::Text("Seoul 85".into())), Ok(()));
    }

    let place = tempfile::tempdir().unwrap();
    let (services, holder) = used_network(place.path());
    holder.present("roadside", &rfc3339(now())).accepted();
    let numbers: Vec<String> =
        personal_data().into_iter().filter(|text| text.contains("99-0000") || text.contains("990000")).collect();
    assert!(numbers.len() >= 40);
    let dir = services.dir.clone();
    assert_eq!(services.interrupt().code(), Some(0));
    // The register knows the numbers; nothing that came out of it does.
    std::fs::remove_file(dir.join("issuer/register.json")).unwrap();
    assert_eq!(occurrences(&dir, &numbers), Vec::<String>::new());
    assert_eq!(occurrences(&holder.dir, &numbers), Vec::<String>::new());
    let log = std::fs::read_to_string(dir.with_extension("log")).unwrap();
    assert!(personal_data().iter().all(|word| !log.contains(word)), "the services' log names someone");
}

/// Promise 4. Offline is offline, within a stated limit: after it the answer is "cannot tell", never "valid".
#[test]
fn old_trust_data_gives_no_verdict() {
    let place = tempfile::tempdir().unwrap();
    let (services, holder) = used_network(place.path());
    services.kill();
    let day = 24 * 3_600;
    for (at, expected) in [
        (now(), None),
        (now() + day - 60, None),
        (now() + day + 60, Some("TrustStale")),
        (now() - 3_600, Some("ClockUnreliable")),
    ] {
        let at = rfc3339(at);
        // The proof is made where the clock is right; only the checker's differs.
        holder.present("roadside", &at).accepted();
        let outcome = holder.check(&holder.path("roadside.png"), LICENCE, "roadside", &at);
        match expected {
            None => drop(outcome.accepted()),
            Some(name) => assert_eq!(outcome.refused(), name),
        }
    }
}

/// Promise 5. A zero-knowledge request is never quietly answered in the clear: a minor gets an error, no answer,
/// and nothing of the birth date leaves.
#[test]
fn no_silent_downgrade() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let minor = Citizen::new(&place.path().join("minor"));
    let register: serde_json::Value =
        serde_json::from_slice(include_bytes!("../../../issuer/sample/register.json")).unwrap();
    let today = rfc3339(now());
    let latest = Statute::Civil.latest_birth_date(19, Day::in_korea(now()));
    let young = |person: &&serde_json::Value| {
        let born = person["attributes"]["birth_date"].as_str().and_then(|born| born.parse::<Day>().ok());
        person["state"] == "living" && born.is_some_and(|born| born > latest)
    };
    let person = register["people"].as_array().unwrap().iter().find(young).expect("a minor in the sample register");
    minor.accept(&services, person["id"].as_str().unwrap(), &[ZK_IDENTITY]);
    services.kill();
    let refused = minor.present("age-19", &today);
    assert_eq!(refused.refused(), "PredicateNotSatisfied");
    assert!(!minor.file("age-19.png").exists() && !minor.file("age-19.bin").exists(), "nothing was written");
    let born = person["attributes"]["birth_date"].as_str().unwrap();
    assert!(!refused.text.contains(born));
    // What does not depend on age is still answered, and shows only what it says.
    minor.present("resident-of", &today).accepted();
    let verdict = minor.check(&minor.path("resident-of.png"), ZK_IDENTITY, "resident-of", &today).accepted();
    assert!(!verdict.to_string().contains(born));
    // An answer in the clear to a question for a proof is refused by the verifier as well.
    assert_eq!(
        minor.check(&minor.path("resident-of.png"), ZK_IDENTITY, "age-19", &today).refused(),
        "QueryNotSatisfied"
    );
    let usage = run(&["wallet", "present", "--dir", &minor.path("wallet"), "--profile", "age-19"]);
    assert_ne!(usage.code, 0);
}
