//! Bits that change in the files of consensus while a validator is stopped: found before anything is opened; and after a
//! crash, when nobody can tell a changed bit from a write that was cut off, at least nothing else becomes of the ledger.
//!
//! 40 and 8 flips by default; `MID_FLIPS` sets another number (`cargo xtask campaign rot` takes 2,000, of the
//! second kind a fiftieth), `MID_FLIPS_SEED` others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{TextLedger, check_chain, config, network, start, wait_for};
use ledger_engine::{Engine, EngineError};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const SEAL: &str = "consensus.sha256";
/// A validator that has not gone on by then waits for blocks from others.
const WAITS: Duration = Duration::from_secs(15);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// All files below, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A validator that lived through some epochs and stopped in order.
fn lived(root: &Path) -> PathBuf {
    let network = network(root, 1);
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    ledger_engine::init_with_epochs(&network, NonZeroU64::new(16), &mut rng).unwrap();
    let folder = network.validators[0].folder.clone();
    let (validator, ledger) = start(&folder);
    for n in 0..40 {
        let text = format!("text {n}").into_bytes();
        validator.submit(text.clone()).unwrap();
        wait_for("the commit", || ledger.texts().last() == Some(&text));
    }
    validator.stop().unwrap();
    folder
}

/// A bit of any file: each file is as likely as the others, whatever its size.
fn flip(rng: &mut ChaCha20Rng, files: &[PathBuf]) -> (PathBuf, u64, u64) {
    loop {
        let path = &files[(rng.next_u64() % files.len() as u64) as usize];
        let mut bytes = fs::read(path).unwrap();
        if !bytes.is_empty() {
            let (at, bit) = (rng.next_u64() % bytes.len() as u64, rng.next_u64() % 8);
            bytes[at as usize] ^= 1 << bit;
            fs::write(path, bytes).unwrap();
            return (path.clone(), at, bit);
        }
    }
}

#[test]
fn every_flipped_bit_in_the_files_of_consensus_is_found_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let folder = lived(root.path());
    let storage = folder.join("consensus");
    let all = files(&storage);
    assert!(all.len() > 5 && folder.join(SEAL).exists(), "{all:?}");
    let refused = |what: &str, named: &Path| {
        let started = Engine::start(config(&folder), TextLedger::open(&folder)).map(|_| ());
        let Err(EngineError::ConsensusDamaged(path)) = started else { panic!("{what}: {started:?}") };
        assert_eq!(path, named, "{what}");
    };
    let (flips, mut rng) = (number("MID_FLIPS", 40), ChaCha20Rng::seed_from_u64(number("MID_FLIPS_SEED", 3)));
    for _ in 0..flips {
        let (path, at, bit) = flip(&mut rng, &all);
        refused(&format!("bit {bit} of byte {at} of {}", path.display()), &path);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at as usize] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
    }
    // A file more, a file less, and a seal that is none.
    let (last, more) = (all.last().unwrap(), storage.join("more"));
    fs::write(&more, b"").unwrap();
    refused("a file more", &more);
    fs::remove_file(&more).unwrap();
    let kept = fs::read(last).unwrap();
    fs::remove_file(last).unwrap();
    refused("a file less", last);
    fs::write(last, kept).unwrap();
    let seal = fs::read(folder.join(SEAL)).unwrap();
    fs::write(folder.join(SEAL), b"no seal").unwrap();
    refused("no seal", &folder.join(SEAL));
    fs::write(folder.join(SEAL), seal).unwrap();
    // As it was, it goes on, and from then on nothing says what the files should be.
    let (validator, ledger) = start(&folder);
    assert!(!folder.join(SEAL).exists());
    validator.submit(b"again".to_vec()).unwrap();
    wait_for("the commit", || ledger.texts().last().is_some_and(|text| text == b"again"));
    validator.stop().unwrap();
    println!(
        "{flips} flips in {} files: all found at the start; missed < {:.2} % at 95 %",
        all.len(),
        300.0 / flips as f64
    );
}

#[test]
fn after_a_crash_a_flipped_bit_stops_the_validator_or_changes_nothing_that_is_final() {
    let root = tempfile::tempdir().unwrap();
    let folder = lived(root.path());
    let flips = number("MID_FLIPS", 400).div_ceil(50);
    let mut rng = ChaCha20Rng::seed_from_u64(number("MID_FLIPS_SEED", 3) + 1);
    let (mut stopped, mut went_on, mut waited) = (0, 0, 0);
    for round in 0..flips {
        let again = root.path().join(format!("again-{round}"));
        copy(&folder, &again);
        // Nobody stopped it in order.
        fs::remove_file(again.join(SEAL)).unwrap();
        let (path, at, bit) = flip(&mut rng, &files(&again.join("consensus")));
        let what = format!("bit {bit} of byte {at} of {}", path.display());
        let ledger = TextLedger::open(&again);
        let before = ledger.committed.lock().unwrap().clone();
        match Engine::start(config(&again), ledger.clone()) {
            Err(EngineError::Stopped(reason)) => {
                assert!(!reason.is_empty(), "{what}");
                stopped += 1;
            }
            Err(other) => panic!("{what}: {other}"),
            Ok(validator) => {
                let text = b"after the crash".to_vec();
                let has_it = || ledger.texts().last() == Some(&text);
                // It may stop by itself as soon as it reads the place, or wait for others to send it the block: here are none.
                let sent = validator.submit(text.clone()).is_ok();
                let began = Instant::now();
                while !(validator.stopped() || has_it() || began.elapsed() > WAITS) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let blocks = ledger.committed.lock().unwrap().clone();
                assert_eq!(blocks[..before.len()], before[..], "{what}");
                check_chain(&validator, &blocks);
                let ended = validator.stop();
                if has_it() {
                    went_on += 1;
                } else if ended.is_err() {
                    stopped += 1;
                } else {
                    assert!(sent, "{what}: {ended:?}");
                    waited += 1;
                }
            }
        }
        fs::remove_dir_all(&again).unwrap();
    }
    println!(
        "{flips} flips after a crash: {went_on} times it went on, {stopped} times it stopped and said why, {waited} times it \
         waited for others; nothing that was final changed"
    );
}
