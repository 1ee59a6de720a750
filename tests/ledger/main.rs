//! The ledger's formats as another implementation meets them: the published vectors, checked here and by a Python program
//! that was written from the specification alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use protocol::ledger::StateKey;
use tests::world::World;

fn vectors() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors")).to_owned()
}

fn python(arguments: &[&Path]) -> Output {
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/ledger/check_proof.py"));
    let python = tests::python::interpreter();
    Command::new(python).arg(script).args(arguments).output().expect("python starts")
}

#[test]
fn the_vectors_are_those_that_the_product_makes() {
    for (name, text) in tests::vectors::files(&World::new()) {
        let file = std::fs::read_to_string(vectors().join(name)).unwrap_or_default();
        assert!(file == text, "{name} differs: run `cargo run --release -p tests --bin make-vectors` and look at it");
    }
}

#[test]
fn a_program_written_from_the_specification_gives_the_same_answers() {
    let done = python(&[&vectors().join("ledger-proof.json")]);
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.ends_with("proofs as expected\n"), "{out}{err}");
    let count: usize = out.split(' ').next().unwrap().parse().unwrap();
    assert!(count >= 30, "only {count} vectors");
}

/// A proof file as `mid ledger prove` writes it, and one with a bit changed.
#[test]
fn that_program_checks_a_proof_file() {
    let world = World::new();
    let ledger = world.ledger("usual");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let anchor = write("anchor.cbor", &ledger.anchor().encode());
    let answer = |proof: &[u8]| {
        let done = python(&[&anchor, &write("proof.cbor", proof)]);
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    for (key, found) in [(StateKey::did(&world.police.did), "present"), (StateKey::succession(), "absent")] {
        let proof = ledger.proof(&key).unwrap();
        assert_eq!(answer(&proof.encode()), format!("{found} {key} 2"));
        let mut damaged = proof;
        *damaged.path.last_mut().unwrap() ^= 1;
        assert_eq!(answer(&damaged.encode()), "ProofInvalid");
    }
}

#[test]
fn the_check_stays_short_enough_to_be_read() {
    let script = include_str!("check_proof.py");
    assert!(script.lines().count() <= 150, "{} lines", script.lines().count());
    assert!(script.lines().all(|line| line.chars().count() <= 128), "a line is too long");
}
