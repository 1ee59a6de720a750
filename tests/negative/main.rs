//! Bad input: every file below this folder is given to the function it is meant for, valid ones as well.
//!
//! A refusal must have the expected name, come without a panic, say nothing about the holder and cost
//! little. The files are made by `cargo run --release -p tests --bin make-negative`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

mod cost;
mod surfaces;
mod wallet;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tests::cases::{self, ACCEPTED, Case};
use tests::world::World;

use surfaces::Surfaces;

/// Fewer broken files than this, and someone has deleted some.
const FEWEST: usize = 480;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/negative"))
}

/// All files below this folder, by their names.
fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for folder in cases::folders(&root()).unwrap() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// What came of one input, and what it cost.
struct Outcome {
    /// The name of the error, [`ACCEPTED`] or `panic`.
    got: String,
    /// Everything the error prints.
    text: String,
    cpu_micros: u64,
    memory: u64,
}

fn outcome(surfaces: &Surfaces<'_>, case: &Case) -> Outcome {
    let run = || catch_unwind(AssertUnwindSafe(|| surfaces.run(case)));
    let started = cost::cpu_micros();
    let (done, memory) = cost::peak_of(run);
    let first = cost::cpu_micros() - started;
    let cpu_micros = cost::least(first, || drop(run()));
    let (got, text) = match done {
        Ok(Ok(())) => (ACCEPTED.to_owned(), String::new()),
        Ok(Err(refusal)) => (refusal.name, refusal.text),
        Err(_) => ("panic".to_owned(), String::new()),
    };
    Outcome { got, text, cpu_micros, memory }
}

/// What is wrong with an outcome.
fn faults(case: &Case, outcome: &Outcome, canaries: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    if outcome.got != case.expect {
        faults.push(format!("expected {}, got {}", case.expect, outcome.got));
    }
    if let Some(canary) = canaries.iter().find(|canary| outcome.text.contains(canary.as_str())) {
        faults.push(format!("the error's text says {canary}"));
    }
    if outcome.cpu_micros > cost::CPU_MICROS_MAX {
        faults.push(format!("took {} µs of CPU", outcome.cpu_micros));
    }
    if outcome.memory > cost::MEMORY_MAX {
        faults.push(format!("took {} KiB of memory", outcome.memory / 1_024));
    }
    faults
}

#[test]
fn every_bad_input_gets_the_error_it_must_get() {
    cost::alone("every_bad_input_gets_the_error_it_must_get", check_all);
}

fn check_all() {
    let world = World::new();
    let canaries = world.canaries();
    let parse = |text: &String, name: &String| Case::parse(text).unwrap_or_else(|why| panic!("{name}: {why}"));
    let cases: BTreeMap<String, Case> = files().iter().map(|(name, text)| (name.clone(), parse(text, name))).collect();
    let surfaces = Surfaces::new(&world, &cases);
    let mut wrong = Vec::new();
    let mut accepted = BTreeSet::new();
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let (mut most_cpu, mut most_memory) = ((0, ""), (0, ""));

    // Tables that are made once, on first use, are no bad input's doing: the valid files come first.
    let (valid, broken): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, case)| case.expect == ACCEPTED);
    for (name, case) in &valid {
        let outcome = outcome(&surfaces, case);
        wrong.extend(faults(case, &outcome, &[]).into_iter().map(|fault| format!("{name}: {fault}")));
        if outcome.got == ACCEPTED {
            accepted.insert(name.as_str());
        }
        counts.entry(&case.surface).or_default()[0] += 1;
    }
    let before = cost::memory();
    for (name, case) in &broken {
        let outcome = outcome(&surfaces, case);
        wrong.extend(faults(case, &outcome, &canaries).into_iter().map(|fault| format!("{name}: {fault}")));
        let twin = case.twin.as_deref().filter(|twin| accepted.contains(twin));
        if twin.is_none_or(|twin| cases[twin].surface != case.surface) {
            wrong.push(format!("{name}: has no valid twin"));
        }
        most_cpu = most_cpu.max((outcome.cpu_micros, name.as_str()));
        most_memory = most_memory.max((outcome.memory, name.as_str()));
        counts.entry(&case.surface).or_default()[1] += 1;
    }
    let left_behind = cost::memory().saturating_sub(before);

    println!("{:<20} {:>6} {:>7}", "surface", "valid", "broken");
    for (surface, [valid, broken]) in &counts {
        println!("{surface:<20} {valid:>6} {broken:>7}");
        if *valid == 0 || *broken == 0 {
            wrong.push(format!("{surface}: needs valid and broken files"));
        }
    }
    println!("{} bad inputs", broken.len());
    println!("most CPU: {} µs, {}", most_cpu.0, most_cpu.1);
    println!(
        "most memory: {} KiB, {}; left behind by all: {} KiB",
        most_memory.0 / 1_024,
        most_memory.1,
        left_behind / 1_024
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(broken.len() >= FEWEST, "only {} bad inputs", broken.len());
    assert!(left_behind <= cost::MEMORY_MAX, "{left_behind} bytes are left behind");
}

#[test]
fn the_files_are_those_that_the_generator_makes() {
    let made: BTreeMap<String, String> =
        cases::all(&World::new()).iter().map(|case| (case.file(), case.render())).collect();
    let files = files();
    let differ: Vec<_> = made.keys().chain(files.keys()).filter(|name| made.get(*name) != files.get(*name)).collect();
    let how = "cargo run --release -p tests --bin make-negative";
    assert!(differ.is_empty(), "run `{how}` and look at what changed: {differ:?}");
}

#[test]
fn every_row_about_proofs_presentations_codes_and_the_ledger_is_met() {
    let cases = cases::all(&World::new());
    let missing = tests::coverage::missing(&cases);
    assert!(missing.is_empty(), "{missing:?}");
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/COVERAGE.md"));
    let how = "cargo run --release -p tests --bin make-negative";
    assert_eq!(std::fs::read_to_string(path).unwrap(), tests::coverage::table(&cases), "run `{how}`");
}

#[test]
fn file_names_are_distinct() {
    let cases = cases::all(&World::new());
    let names: BTreeSet<_> = cases.iter().map(Case::file).collect();
    assert_eq!(names.len(), cases.len());
    let lines: BTreeSet<_> = cases.iter().map(|case| (&case.bytes, &case.parameters, &case.surface)).collect();
    assert_eq!(lines.len(), cases.len(), "two files are the same input");
    assert!(names.iter().all(|name| Path::new(name).components().count() == 2));
}
