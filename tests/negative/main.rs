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

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tests::cases::{self, ACCEPTED, Case};
use tests::world::World;

use surfaces::Surfaces;

/// Fewer broken files than this, and someone has deleted some.
const FEWEST: usize = 350;

/// Memory is counted for the whole process, so the tests of this file take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

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

#[test]
fn every_bad_input_gets_the_error_it_must_get() {
    let _turn = turn();
    let world = World::new();
    let canaries = world.canaries();
    let cases: BTreeMap<String, Case> =
        files().iter().map(|(name, text)| (name.clone(), Case::parse(text).unwrap_or_else(|why| panic!("{name}: {why}")))).collect();
    let surfaces = Surfaces::new(&world, &cases);
    let mut wrong = Vec::new();
    let mut accepted = BTreeSet::new();
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut dearest = (0, "");

    let (valid, broken): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, case)| case.expect == ACCEPTED);
    let mut memory = None;
    for (name, case) in valid.into_iter().chain(broken) {
        // Tables that are made once, on first use, are no input's doing: the valid files come first.
        if case.expect != ACCEPTED {
            memory.get_or_insert_with(|| {
                cost::forget_peak();
                cost::memory()
            });
        }
        let started = cost::cpu_micros();
        let outcome = catch_unwind(AssertUnwindSafe(|| surfaces.run(case)));
        let micros = cost::cpu_micros() - started;
        if case.expect != ACCEPTED && micros > dearest.0 {
            dearest = (micros, name);
        }
        counts.entry(&case.surface).or_default()[usize::from(case.expect != ACCEPTED)] += 1;
        let (got, text) = match outcome {
            Ok(Ok(())) => (ACCEPTED.to_owned(), String::new()),
            Ok(Err(refusal)) => (refusal.name, refusal.text),
            Err(_) => ("panic".to_owned(), String::new()),
        };
        if got != case.expect {
            wrong.push(format!("{name}: expected {}, got {got}", case.expect));
        } else if got == ACCEPTED {
            accepted.insert(name.as_str());
        }
        if let Some(canary) = canaries.iter().find(|canary| text.contains(canary.as_str())) {
            wrong.push(format!("{name}: the error's text says {canary}"));
        }
        if micros > cost::CPU_MICROS_MAX {
            wrong.push(format!("{name}: cost {micros} µs of CPU"));
        }
        if *name != case.file() {
            wrong.push(format!("{name}: should be named {}", case.file()));
        }
        match &case.twin {
            Some(twin) if !accepted.contains(twin.as_str()) => wrong.push(format!("{name}: its twin {twin} was not accepted")),
            Some(twin) if cases[twin].surface != case.surface => wrong.push(format!("{name}: its twin is on another surface")),
            _ => {}
        }
    }
    let grown = cost::peak_memory().saturating_sub(memory.unwrap());
    println!("{:<20} {:>6} {:>7}", "surface", "valid", "broken");
    for (surface, [valid, broken]) in &counts {
        println!("{surface:<20} {valid:>6} {broken:>7}");
        if *valid == 0 || *broken == 0 {
            wrong.push(format!("{surface}: needs valid and broken files"));
        }
    }
    let total: usize = counts.values().map(|[_, broken]| broken).sum();
    println!("{total} bad inputs, the dearest {} µs of CPU ({}), memory grew by {} KiB", dearest.0, dearest.1, grown / 1_024);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(total >= FEWEST, "only {total} bad inputs");
    assert!(grown <= cost::MEMORY_GROWTH_MAX, "memory grew by {grown} bytes");
}

#[test]
fn the_files_are_those_that_the_generator_makes() {
    let _turn = turn();
    let made: BTreeMap<String, String> =
        cases::all(&World::new()).iter().map(|case| (case.file(), case.render())).collect();
    let files = files();
    let differ: Vec<_> = made.keys().chain(files.keys()).filter(|name| made.get(*name) != files.get(*name)).collect();
    let how = "cargo run --release -p tests --bin make-negative";
    assert!(differ.is_empty(), "run `{how}` and look at what changed: {differ:?}");
}

#[test]
fn file_names_are_distinct() {
    let _turn = turn();
    let cases = cases::all(&World::new());
    let names: BTreeSet<_> = cases.iter().map(Case::file).collect();
    assert_eq!(names.len(), cases.len());
    let lines: BTreeSet<_> = cases.iter().map(|case| (&case.bytes, &case.parameters, &case.surface)).collect();
    assert_eq!(lines.len(), cases.len(), "two files are the same input");
    assert!(names.iter().all(|name| Path::new(name).components().count() == 2));
}
