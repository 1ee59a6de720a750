//! The verifier as wasm in Chromium says what the native one says, of good and of broken input.
#![allow(clippy::expect_used, reason = "helpers of tests")]

use std::fs;

use browser::Files;
use protocol::exchange::qr::{self, Drawing, Kind};
use protocol::ledger::StateKey;
use protocol::ledger::bundle::Scope;
use protocol::ledger::testkit::TestLedger;
use serde_json::{Value, json};
use tests::rng;
use tests::world::{NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

/// What the crate `verifier` says, as the HTTP service and the page spell it.
struct Native<'a> {
    world: &'a World,
    verifier: Verifier<SeenInMemory>,
}

impl Native<'_> {
    fn check(&mut self, scanned: &[u8], profile: &str, now: u64) -> Value {
        let refused = |name: String, message: String| json!({ "refused": name, "message": message });
        let presentation = match qr::message(Kind::Presentation, scanned.to_vec()) {
            Ok(bytes) => bytes,
            Err(error) => return refused(protocol::error_name(&error), error.to_string()),
        };
        let query = self.world.profile(profile);
        match self.verifier.check(&Asked::Displayed(&query), &presentation, &self.world.trust("usual"), now) {
            Ok(verdict) => json!({ "accepted": true, "verdict": verdict }),
            Err(refusal) => refused(refusal.name(), refusal.to_string()),
        }
    }
}

/// Presentations and what became of them on the way to the camera.
fn scanned(world: &World) -> Vec<(Vec<u8>, &'static str, u64)> {
    let age = world.holder.identity.show(&world.identities, &world.profile("age-19"), &mut rng("page"));
    let licence = world.holder.licence.show(&world.licences, &world.profile("roadside"), &mut rng("licence"));
    let text = qr::to_text(Kind::Presentation, &age).expect("one code");
    let png = Drawing::new(&text).and_then(|code| code.png()).expect("a drawing");
    let mut all = vec![
        (licence.clone(), "roadside", NOW),
        (licence.clone(), "roadside", NOW + 1), // a second time
        (licence, "age-19", NOW),
        (age.clone(), "age-19", NOW + 31),
        (age.clone(), "age-19", NOW - 60),
        (png, "age-19", NOW),
        (age.clone(), "age-19", NOW),
        (text.as_bytes()[..text.len() - 3].to_vec(), "age-19", NOW),
        (b"https://example.org".to_vec(), "age-19", NOW),
        (Vec::new(), "age-19", NOW),
    ];
    // A flipped bit in every part: envelope, points, responses.
    let flipped = |at: usize| {
        let mut bytes = age.clone();
        bytes[at] ^= 1 << (at % 8);
        (bytes, "age-19", NOW)
    };
    all.extend((0..age.len()).step_by(29).map(flipped));
    all
}

fn proofs(world: &World, ledger: &TestLedger) -> Vec<(Vec<u8>, u64, Result<&'static str, &'static str>)> {
    let proof = |key: &StateKey| ledger.proof(key).expect("a ledger with records").encode();
    let there = proof(&StateKey::did(&world.police.did));
    let issuer_key = proof(&StateKey::accreditation(&world.police.did, &world.identities.credential_type.id));
    let absent = proof(&StateKey::accreditation(&world.transport.did, "kr.nothing.1"));
    let mut flipped = there.clone();
    let last = flipped.len() - 40;
    flipped[last] ^= 1;
    let mut header = there.clone();
    header[30] ^= 1;
    vec![
        (there.clone(), 0, Ok("did")),
        (issuer_key, 2, Ok("accreditation")),
        (absent, 0, Ok("absent")),
        (there.clone(), 3, Err("LedgerStale")),
        (there[..there.len() - 1].to_vec(), 0, Err("ProofGrammar")),
        (flipped, 0, Err("")),
        (header, 0, Err("")),
    ]
}

#[test]
fn a_page_gives_the_same_verdicts_and_refusals_as_the_native_verifier() {
    let folder = browser::build().unwrap();
    let world = World::new();
    let ledger = world.ledger("usual");
    let (scanned, proofs) = (scanned(&world), proofs(&world, &ledger));
    let mut native = Native { world: &world, verifier: Verifier::new(Policy::default(), SeenInMemory::default()) };
    let expected: Vec<_> = scanned.iter().map(|(bytes, profile, now)| native.check(bytes, profile, *now)).collect();
    let accepted = expected.iter().filter(|answer| answer["accepted"] == true).count();
    assert_eq!(accepted, 2, "one licence and one identity are good");

    let checks: Vec<_> = scanned
        .iter()
        .map(|(bytes, profile, now)| {
            let credential_type = world.profile(profile).credential_type;
            json!({ "scanned": hex::encode(bytes), "type": credential_type, "profile": profile, "now": now })
        })
        .collect();
    let to_prove: Vec<_> =
        proofs.iter().map(|(bytes, floor, _)| json!({ "proof": hex::encode(bytes), "floor": floor })).collect();
    let input = json!({
        "anchor": hex::encode(ledger.anchor().encode()),
        "bundle": hex::encode(ledger.bundle(Scope::Snapshot).encode()),
        "checks": checks, "proofs": to_prove,
    });
    let mut files = Files::new();
    for name in ["mid_web.js", "mid_web_bg.wasm"] {
        files.insert(name.to_owned(), fs::read(folder.join(name)).unwrap());
    }
    files.insert("index.html".into(), include_bytes!("../pages/verify.html").to_vec());
    files.insert("input.json".into(), input.to_string().into_bytes());
    let said: Value = serde_json::from_str(&browser::open(files).unwrap()).unwrap();

    assert_eq!(said["failed"], Value::Null, "{said}");
    assert_eq!(said["height"], 2);
    assert!(said["thrown"].as_str().is_some_and(|text| text.contains("MalformedAnchor")));
    let answers = said["checks"].as_array().unwrap();
    assert_eq!(answers.len(), expected.len());
    for ((answer, expected), (bytes, profile, _)) in answers.iter().zip(&expected).zip(&scanned) {
        assert_eq!(answer, expected, "{profile}, {} bytes", bytes.len());
    }
    for (answer, (_, _, expected)) in said["proofs"].as_array().unwrap().iter().zip(&proofs) {
        match expected {
            Ok("absent") => assert_eq!((&answer["proven"], &answer["present"]), (&json!(true), &json!(false))),
            Ok(kind) => assert!(answer["record"][kind].is_object(), "{answer}"),
            Err("") => assert!(answer["refused"].is_string() && answer["record"].is_null(), "{answer}"),
            Err(name) => assert_eq!(answer["refused"], *name),
        }
    }
}
