//! `kill -9` at random moments of issue, revoke, ledger commit and wallet save: nothing acknowledged is
//! lost, nothing is issued twice.
//!
//! 200 kills by default; `MID_KILLS` sets another number (`cargo xtask campaign` runs 10,000). With no
//! failure in n kills, the failure rate is below 3/n at 95 % (rule of three); the test prints that bound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

mod driver;

use std::process::Stdio;
use std::time::Duration;

use driver::{Operations, check_everything};
use journeys::{Citizen, PIN, Services, WRONG_PIN, mid, run};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Kills in all; three of five hit the services, two of five the wallet.
fn kills() -> u64 {
    std::env::var("MID_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

fn seed() -> u64 {
    std::env::var("MID_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_120)
}

fn report(what: &str, kills: u64) {
    println!("{what}: {kills} kills, 0 failures; failure rate < {:.2} % at 95 %", 300.0 / kills as f64);
}

/// Issuing, revoking and writing to the ledger, while the process is killed again and again.
#[test]
fn services() {
    let kills = (kills() * 3).div_ceil(5);
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("network");
    let mut rng = ChaCha20Rng::seed_from_u64(seed());
    println!("seed {}", seed());
    let first = Services::start(&dir);
    let mut operations = Operations::new(&first);
    first.kill();
    for kill in 0..kills {
        let services = Services::start(&dir);
        operations.after_restart(&services);
        let life = Duration::from_millis(u64::from(rng.next_u32() % 250));
        let killer = operations.run_until_killed(services, life, &mut rng);
        killer.join().unwrap();
        if kill % 20 == 19 {
            println!("{} of {kills} kills: {operations}", kill + 1);
        }
    }
    let services = Services::start(&dir);
    operations.after_restart(&services);
    check_everything(&operations, &services);
    println!("{operations}");
    assert!(operations.acknowledged() > kills as usize / 4, "the kills left something to lose: {operations}");
    report("services", kills);
}

/// Changing the PIN saves the secure area, the wallet's header and its database, in that order or another.
#[test]
fn wallet() {
    let kills = (kills() * 2).div_ceil(5);
    let place = tempfile::tempdir().unwrap();
    let owner = Citizen::new(&place.path().join("owner"));
    let mut rng = ChaCha20Rng::seed_from_u64(seed() + 1);
    let (wallet, old, new) = (owner.path("wallet"), owner.path("pin"), owner.path("new-pin"));
    std::fs::write(&new, "604915").unwrap();
    let opens = |pin_file: &str| run(&["wallet", "list", "--dir", &wallet, "--pin-file", pin_file]).code == 0;
    // How long one change takes, so that the kills fall into it.
    let began = std::time::Instant::now();
    let change = ["wallet", "change-pin", "--dir", &wallet, "--pin-file", &old, "--new-pin-file", &new];
    run(&change).accepted();
    let whole = began.elapsed().as_micros() as u64;
    let (mut current, mut other) = (new.clone(), old.clone());
    let (mut changed, mut kept) = (0, 0);
    for _ in 0..kills {
        let change = ["wallet", "change-pin", "--dir", &wallet, "--pin-file", &current, "--new-pin-file", &other];
        let mut child = mid(&change).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Deriving the key comes first and takes longest; the writes are in the second half.
        std::thread::sleep(Duration::from_micros(whole * 2 / 5 + u64::from(rng.next_u32()) % (whole * 8 / 5)));
        let _ = child.kill();
        let acknowledged = child.wait().unwrap().success();
        // Exactly one PIN opens it: the new one if the change was acknowledged, either otherwise.
        if opens(&other) {
            std::mem::swap(&mut current, &mut other);
            changed += 1;
        } else {
            assert!(!acknowledged, "an acknowledged change of the PIN was lost");
            assert!(opens(&current), "neither PIN opens the wallet");
            kept += 1;
        }
    }
    println!("{changed} changed, {kept} kept");
    // The wallet is whole, and tries are still counted.
    let wrong = owner.path("wrong-pin");
    assert_ne!(PIN, WRONG_PIN);
    assert_eq!(run(&["wallet", "list", "--dir", &wallet, "--pin-file", &wrong]).refused(), "PinIncorrect");
    run(&["wallet", "log", "--dir", &wallet, "--pin-file", &current]).accepted();
    report("wallet", kills);
}
