//! The service as a program calls it: what is accepted, and every refusal beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a surprise stops the test")]

use std::sync::Arc;

use protocol::exchange::qr::{self, Kind};
use tests::world::{NOW, World};
use verifier_server::{CheckError, Question, Service};

fn service(variant: &'static str) -> Service {
    Service::new(move || Some(Arc::new(World::new().trust(variant))), || NOW)
}

fn question(world: &World, profile: &str) -> Question {
    Question { credential_type: world.identities.credential_type.id.clone(), profile: profile.to_owned() }
}

fn shown(world: &World) -> Vec<u8> {
    world.holder.identity.show(&world.identities, &world.profile("age-19"), &mut tests::rng("service"))
}

#[tokio::test]
async fn a_presentation_is_accepted_once_however_it_travels() {
    let world = World::new();
    let bytes = shown(&world);
    let text = qr::to_text(Kind::Presentation, &bytes).unwrap();
    let png = qr::Drawing::new(&text).unwrap().png().unwrap();
    for scanned in [bytes.clone(), text.into_bytes(), png] {
        let verdict = service("usual").check(question(&world, "age-19"), scanned).await.unwrap();
        assert_eq!(verdict.proven().len(), 1);
    }
    let service = service("usual");
    assert!(service.check(question(&world, "age-19"), bytes.clone()).await.is_ok());
    let again = service.check(question(&world, "age-19"), bytes).await.unwrap_err();
    assert_eq!(again.name(), "NonceReplayed");
    assert!(matches!(again, CheckError::Refused(_)));
}

#[tokio::test]
async fn every_refusal_has_its_name() {
    let world = World::new();
    let service = service("usual");
    let check = |question, scanned| service.check(question, scanned);
    assert_eq!(check(question(&world, "no-such"), shown(&world)).await.unwrap_err(), CheckError::NoSuchProfile);
    let unknown = Question { credential_type: "kr.none.1".into(), profile: "age-19".into() };
    assert_eq!(check(unknown, shown(&world)).await.unwrap_err(), CheckError::UnknownType);
    let unreadable = check(question(&world, "age-19"), b"MX1:AB".to_vec()).await.unwrap_err();
    assert_eq!((unreadable.name().as_str(), matches!(unreadable, CheckError::Unreadable(_))), ("MalformedInput", true));
    let mut flipped = shown(&world);
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(check(question(&world, "age-19"), flipped).await.unwrap_err().name(), "ProofInvalid");
    assert!(check(question(&world, "age-19"), shown(&world)).await.is_ok());

    let blind = Service::new(|| None, || NOW);
    let refused = blind.check(question(&world, "age-19"), shown(&world)).await.unwrap_err();
    assert_eq!(refused, CheckError::TrustUnavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_checks_than_turns_are_turned_away() {
    use std::sync::mpsc;
    let (open, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let waits = move || {
        let _ = gate.lock().unwrap().recv();
        Some(Arc::new(World::new().trust("usual")))
    };
    let service = Service::new(waits, || NOW);
    let world = World::new();
    let ask = |service: &Service| {
        let (service, question, bytes) = (service.clone(), question(&world, "age-19"), shown(&world));
        tokio::spawn(async move { service.check(question, bytes).await })
    };
    let waiting: Vec<_> = (0..16).map(|_| ask(&service)).collect();
    // All turns are taken once the sixteen have begun; then the next one is turned away at once.
    let refused = loop {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let extra = ask(&service);
        if let Ok(answer) = tokio::time::timeout(std::time::Duration::from_millis(200), extra).await {
            break answer.unwrap();
        }
    };
    assert_eq!(refused.unwrap_err(), CheckError::Overloaded);
    drop(open);
    for check in waiting {
        // Which of them comes first is open; the same presentation is never accepted twice.
        assert!(check.await.unwrap().map_or_else(|refused| refused.name() == "NonceReplayed", |_| true));
    }
}

/// A gate in the rush hour: whoever waits is checked together with others, and each gets the own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_that_wait_are_answered_together_and_each_rightly() {
    let world = World::new();
    let trust = Arc::new(world.trust("usual"));
    let service = Service::new(move || Some(trust.clone()), || NOW);
    let query = world.profile("age-19");
    let show = |n: usize| world.holder.identity.show(&world.identities, &query, &mut tests::rng(&format!("gate {n}")));
    let mut codes: Vec<_> = (0..12).map(show).collect();
    *codes[5].last_mut().unwrap() ^= 1;
    codes.push(codes[0].clone());
    let asked: Vec<_> = codes
        .iter()
        .map(|code| {
            let (service, question, code) = (service.clone(), question(&world, "age-19"), code.clone());
            tokio::spawn(async move { service.check(question, code).await })
        })
        .collect();
    let mut names = Vec::new();
    for check in asked {
        names.push(check.await.unwrap().map_or_else(|refused| refused.name(), |_| "accepted".to_owned()));
    }
    assert_eq!(names[5], "ProofInvalid");
    // Of the two that are the same, one is accepted, whichever came first.
    assert_eq!([&names[0], &names[12]].iter().filter(|name| **name == "NonceReplayed").count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "accepted").count(), 11, "{names:?}");
}

#[tokio::test]
async fn many_codes_in_one_request_each_have_their_answer() {
    let world = World::new();
    let service = service("usual");
    let good = qr::to_text(Kind::Presentation, &shown(&world)).unwrap();
    let texts = vec![good.clone(), "MX1:AB".to_owned(), good];
    let answers = service.check_all(question(&world, "age-19"), texts).await.unwrap();
    let names: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().map_or_else(CheckError::name, |_| "accepted".into())).collect();
    assert_eq!(names, ["accepted", "MalformedInput", "NonceReplayed"]);
    let many = vec![String::new(); 65];
    assert_eq!(service.check_all(question(&world, "age-19"), many).await.unwrap_err(), CheckError::TooMany);
    assert_eq!(service.check_all(question(&world, "no-such"), vec![]).await.unwrap_err(), CheckError::NoSuchProfile);
}
