//! Forged statements: for each part of a proof at least ten ways to cheat, each by a prover who calculates, each
//! refused by its name, each beside a valid twin.
//!
//! The table of what is covered is `tests/FORGED.md`; this test writes it anew when `MID_WRITE` is set, and otherwise
//! compares.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

mod by_membership;
mod by_pseudonym;
mod by_signature;
mod once;
mod scene;
mod together;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use protocol::disclosure::{ProofError, Statement, verify};
use scene::{CONTEXT, Scene};

/// Ways to cheat that each part must have.
const FEWEST: usize = 10;

/// One way to cheat, carried out.
pub(crate) struct Cheat {
    /// What is done.
    pub(crate) way: &'static str,
    /// The name of the refusal.
    pub(crate) expect: &'static str,
    /// The proof that the verifier gets.
    pub(crate) proof: Vec<u8>,
}

/// What the verifier says.
fn verdict(statement: &Statement<'_>, context: &[u8], proof: &[u8]) -> Result<(), ProofError> {
    verify(statement, context, proof)
}

/// Lines of the table, after every cheat was refused as it must be.
fn refused(part: &str, scene: &Scene, statement: &Statement<'_>, honest: &[u8], cheats: Vec<Cheat>, table: &mut Table) {
    for cheat in cheats {
        // The twin first: a verifier that refuses everything proves nothing.
        assert_eq!(verdict(statement, CONTEXT, honest), Ok(()), "{part}: the twin of “{}”", cheat.way);
        let got = verdict(statement, CONTEXT, &cheat.proof).map_err(|error| protocol::error_name(&error));
        assert_eq!(got, Err(cheat.expect.to_owned()), "{part}: {}", cheat.way);
        let index = scene.index(part);
        if let (Some(index), "PredicateInvalid") = (index, cheat.expect) {
            let exact = verdict(statement, CONTEXT, &cheat.proof);
            assert_eq!(exact, Err(ProofError::PredicateInvalid { index }), "{part}: {}", cheat.way);
        }
        table.entry(part.to_owned()).or_default().push((cheat.way, cheat.expect));
    }
}

type Table = BTreeMap<String, Vec<(&'static str, &'static str)>>;

fn render(table: &Table) -> String {
    let mut text = String::from(
        "# Forged statements\n\nWritten by `MID_WRITE=1 cargo test --release -p tests --test forged`. Each line is a proof made by a\n\
         cheating prover with its own arithmetic (`tests/src/forger.rs`), and the refusal it must get; the same statement\nwith an \
         honest proof is accepted in the same run. What is done \u{201c}a second time\u{201d} is done to a verifier with a memory,\nwhich let \
         the holder in before and lets a neighbour in afterwards.\n",
    );
    for (part, cheats) in table {
        let _ = write!(text, "\n## {part}: {} ways\n\n| way | refusal |\n|---|---|\n", cheats.len());
        for (way, expect) in cheats {
            let _ = writeln!(text, "| {way} | `{expect}` |");
        }
    }
    text
}

#[test]
fn every_part_resists_ten_ways_to_cheat() {
    let scene = Scene::new();
    let mut table = Table::new();
    scene.with(|statement, honest| {
        refused("BBS signature", &scene, statement, honest, by_signature::cheats(&scene, statement), &mut table);
        for name in scene.names() {
            let cheats = by_membership::cheats(&scene, statement, name);
            refused(name, &scene, statement, honest, cheats, &mut table);
        }
    });
    for (part, scope) in [("pseudonym for a period", &b"shop, 2026-11"[..]), ("one-use nullifier", b"shop, event 7")] {
        scene.with_pseudonym(scope, |statement, honest| {
            let cheats = by_pseudonym::cheats(&scene, statement);
            refused(part, &scene, statement, honest, cheats, &mut table);
        });
    }
    table.insert("one-use nullifier, a second time".into(), once::refused_at_the_gate());
    for (part, cheats) in &table {
        println!("{part}: {} ways", cheats.len());
        assert!(cheats.len() >= FEWEST, "{part}: only {} ways", cheats.len());
    }
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/FORGED.md"));
    let rendered = render(&table);
    if std::env::var_os("MID_WRITE").is_some() {
        std::fs::write(path, &rendered).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), rendered, "run this test with MID_WRITE=1");
}
