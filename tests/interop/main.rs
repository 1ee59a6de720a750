//! A second implementation, written in Python from the specifications alone, says the same as ours.
//!
//! `python/` has the proof (`zk_presentation.py`), the message around it (`presentation.py`) and the curve on `py_ecc`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use protocol::credential::CredentialType;
use protocol::credential::age::Statute;
use protocol::exchange::{Predicate, Presentation, Query};
use serde_json::{Value, json};
use tests::world::World;
use tests::{cases, python, rng};

/// How many files of each verdict the second implementation is given.
const OF_A_KIND: usize = 3;

fn file(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/interop/python")).join(name)
}

fn verdicts(work: &Value) -> Vec<String> {
    python::lines(&file("verdicts.py"), work.to_string().as_bytes())
}

#[test]
fn the_published_vectors_get_their_verdicts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors/zk-presentation.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let expected: Vec<&str> = cases.iter().map(|case| case["expect"].as_str().unwrap()).collect();
    let got = verdicts(&json!({ "vectors": vectors }));
    assert_eq!(got[0], "accepted", "the public sets");
    assert_eq!(got[1..], expected);
    assert!(expected.iter().filter(|name| **name == "accepted").count() >= 3);
    assert!(expected.iter().collect::<BTreeSet<_>>().len() >= 8);

    // The same with one bit of the proof turned, which nobody else has looked at.
    let mut corrupted = vectors.clone();
    let cases = corrupted["cases"].as_array_mut().unwrap();
    cases.retain(|case| case["expect"] == "accepted");
    for (i, case) in cases.iter_mut().enumerate() {
        let mut proof = hex::decode(case["proof"].as_str().unwrap()).unwrap();
        let at = 143 + 32 * (i + 1);
        proof[at] ^= 1;
        case["proof"] = hex::encode(proof).into();
    }
    let got = verdicts(&json!({ "vectors": corrupted }));
    assert!(got[1..].iter().all(|name| name == "ProofInvalid"), "{got:?}");
}

/// A credential's numbers, header and bytes, its blind issuance, day signatures and status tokens.
#[test]
fn the_credential_vectors_get_their_verdicts() {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs");
    let read = |name: &str| std::fs::read(specs.join(name)).unwrap();
    let vectors: Value = serde_json::from_slice(&read("vectors/zk-credential.json")).unwrap();
    let credential_type = CredentialType::parse(&read(vectors["credential_type"].as_str().unwrap())).unwrap();
    let definition = String::from_utf8(credential_type.definition()).unwrap();
    let lists = [
        &vectors["commitments"],
        &vectors["signatures"],
        &vectors["day_set"]["signatures"],
        &vectors["status"]["tokens"],
    ];
    let cases = lists.into_iter().flat_map(|list| list.as_array().unwrap());
    let expected: Vec<&str> =
        ["accepted"].into_iter().chain(cases.map(|case| case["expect"].as_str().unwrap())).collect();
    assert_eq!(verdicts(&json!({ "credential": vectors, "definition": definition })), expected);
    assert!(expected.iter().collect::<BTreeSet<_>>().len() >= 7);
    // A number that the values do not make.
    let mut changed = vectors.clone();
    changed["handle"] = 5.into();
    assert_eq!(verdicts(&json!({ "credential": changed, "definition": definition }))[0], "another number");
}

/// Questions that between them have every kind of statement.
fn questions(world: &World) -> Vec<Query> {
    let of = |prove: Vec<Predicate>, show: &[&str]| Query {
        prove,
        show: show.iter().map(|name| (*name).to_owned()).collect(),
        ..world.profile("age-19")
    };
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let any = |attribute: &str, named: &[&str]| Predicate::AnyOf { attribute: attribute.into(), codes: codes(named) };
    let none = |attribute: &str, named: &[&str]| Predicate::NoneOf { attribute: attribute.into(), codes: codes(named) };
    let age = |years| Predicate::AgeAtLeast { years, statute: Statute::Civil };
    let below = |years| Predicate::AgeBelow { years, statute: Statute::YouthProtection };
    vec![
        of(vec![age(19), any("classes", &["1-ordinary"])], &[]),
        of(vec![any("residence", &["KR-11"]), none("nationality", &["USA"])], &["gender"]),
        of(vec![age(30), below(65)], &["nationality", "classes"]),
    ]
}

#[test]
fn presentations_get_the_same_verdict_from_both() {
    let world = World::new();
    let (issuing, evidence) = (&world.identities, world.identities.evidence());
    let mut all: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for profile in &issuing.credential_type.profiles {
        let query = Query::of_profile(&issuing.credential_type, profile);
        all.insert(world.holder.holds(&query).show(issuing, &query, &mut rng(&profile.id)), profile.id.clone());
    }
    for query in questions(&world) {
        let shown = world.holder.identity.show(issuing, &query, &mut rng("questions"));
        all.insert(shown, format!("{:?}", query.prove));
    }
    let accepted = all.len();
    for case in cases::presentations(&world) {
        all.entry(case.bytes.clone()).or_insert(case.file());
    }
    // Ours: form and proof, with no verifier around it. Other keys' presentations are nothing for these keys.
    let ours = |bytes: &[u8]| match Presentation::decode(bytes) {
        Ok(presentation) if presentation.issuer_key() != evidence.key_id => None,
        Ok(presentation) => Some(presentation.authenticate(&evidence).map(|_| ())),
        Err(error) => Some(Err(error)),
    };
    let name = |outcome: Result<(), protocol::exchange::PresentationError>| {
        outcome.err().map_or_else(|| "accepted".into(), |error| protocol::error_name(&error))
    };
    // A few of each verdict: Python takes a second of processor time for a good one.
    let mut of_a_kind: BTreeMap<String, usize> = BTreeMap::new();
    all.retain(|bytes, file| {
        let Some(outcome) = ours(bytes) else { return false };
        let count = of_a_kind.entry(name(outcome)).or_default();
        *count += 1;
        *count <= OF_A_KIND || !file.ends_with(".txt")
    });
    let expected: Vec<String> = all.keys().filter_map(|bytes| ours(bytes).map(name)).collect();
    let record = &issuing.record;
    let issuer = json!({
        "key_id": hex::encode(record.key_id()),
        "network": hex::encode(evidence.network),
        "bbs": hex::encode(record.bbs),
        "day_set": hex::encode(record.day_set),
        "status": hex::encode(record.status),
        "sets": hex::encode(&record.sets),
        "definition": hex::encode(issuing.credential_type.definition()),
    });
    let presentations: Vec<String> = all.keys().map(hex::encode).collect();
    let got = verdicts(&json!({ "issuer": issuer, "presentations": presentations }));
    let differ: Vec<_> = all.values().zip(got.iter().zip(&expected)).filter(|(_, (got, ours))| got != ours).collect();
    assert!(differ.is_empty() && got.len() == expected.len(), "(file, (Python, ours)): {differ:#?}");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    expected.iter().for_each(|name| *counts.entry(name).or_default() += 1);
    println!("{} presentations, the same verdict from both: {counts:?}", got.len());
    assert!(counts["accepted"] >= accepted && counts.len() >= 8, "{counts:?}");
}
