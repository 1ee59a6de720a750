//! Seeds of good runs, and planted bugs that the checks must find.
//!
//! 200 seeds with four validators and 100 with seven by default; `MID_SEEDS` sets another number for both together
//! (`cargo xtask campaign simulation` runs 10,000), `MID_FIRST_SEED` another beginning.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::sync::Arc;

use simulation::campaign::{Outcome, run_all, run_one};
use simulation::plan::{Behaviour, Planted};
use simulation::{Network, Plan};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn report(validators: usize, outcome: &Outcome) {
    println!(
        "{validators} validators: {} seeds, {} violations, {} blocks, at most {:.1} s (simulated) until everybody had \
         everything; {:.0} s; failure rate < {:.2} % at 95 %",
        outcome.runs,
        outcome.failed.len(),
        outcome.blocks,
        outcome.slowest.as_secs_f64(),
        outcome.took.as_secs_f64(),
        300.0 / outcome.runs as f64,
    );
}

#[test]
fn no_seed_breaks_a_promise() {
    let seeds = number("MID_SEEDS", 300);
    let first = number("MID_FIRST_SEED", 0);
    let mut failed = Vec::new();
    for (validators, count) in [(4, seeds * 2 / 3), (7, seeds / 3)] {
        let outcome = run_all(validators, first..first + count, Plan::of, |so_far| so_far.failed.len() >= 3);
        report(validators, &outcome);
        failed.extend(outcome.failed);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Some seed below `most` shows the bug as a breach of agreement, whatever else goes wrong with it.
fn found(validators: usize, most: u64, plan: fn(usize, u64) -> Plan) {
    let forks = |violations: &[String]| violations.iter().any(|violation| violation.starts_with("agreement"));
    let shown = |so_far: &Outcome| so_far.failed.iter().any(|(_, violations)| forks(violations));
    let outcome = run_all(validators, 0..most, plan, shown);
    let (plan, violations) = outcome
        .failed
        .iter()
        .find(|(_, violations)| forks(violations))
        .unwrap_or_else(|| panic!("not in {most} seeds: {:#?}", outcome.failed));
    let sign = violations.iter().find(|violation| violation.starts_with("agreement"));
    println!(
        "{validators} validators: found after {} seeds and {:.0} s, by seed {}: {sign:?}",
        outcome.runs,
        outcome.took.as_secs_f64(),
        plan.seed
    );
}

/// Among the usual plans with four validators. With seven it takes twins and a cut through the middle, which few of
/// those plans have together: see below.
#[test]
fn a_quorum_of_2f_is_found() {
    found(4, 500, |n, seed| Plan::planted(n, seed, Planted::TwoThirdsSuffice));
}

/// One plan for a network of any size: with a quorum of 2f it ends in two ledgers, and with the product's it does not.
#[test]
fn a_network_torn_in_two_groups_of_2f_shows_whether_2f_votes_suffice() {
    for validators in [4, 7] {
        found(validators, 10, |n, seed| Plan { planted: Some(Planted::TwoThirdsSuffice), ..Plan::torn(n, seed) });
        let outcome = run_all(validators, 0..10, Plan::torn, |so_far| !so_far.failed.is_empty());
        report(validators, &outcome);
        assert!(outcome.failed.is_empty(), "{:#?}", outcome.failed);
    }
}

#[test]
fn validators_that_forget_their_votes_are_found() {
    for validators in [4, 7] {
        found(validators, 500, |n, seed| Plan::planted(n, seed, Planted::Forgetful));
    }
}

/// Validator 2 is cut off while the others notarize a block with the help of a Byzantine one, which then helps no more:
/// nobody goes on until 2 has got this block, which is not final, from the others.
#[test]
fn a_validator_that_was_cut_off_gets_the_block_that_the_others_wait_with() {
    let network = Arc::new(Network::new(4));
    let storms = Plan::of(4, 69).storms;
    for seed in 60..75 {
        let plan =
            Plan { seed, storms: storms.clone(), byzantine: vec![(3, Behaviour::Conflicter)], ..Plan::of(4, seed) };
        assert_eq!(plan.storms[0].parts, [0, 0, 1, 0]);
        let run = run_one(&network, &plan);
        assert!(run.violations.is_empty(), "{seed}: {run:#?}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let network = Arc::new(Network::new(4));
    for seed in 0..3 {
        let plan = Plan::of(4, seed);
        let once = run_one(&network, &plan);
        assert_eq!(once, run_one(&network, &plan), "{plan:#?}");
        assert!(once.height > 0 && !once.audit.is_empty());
    }
}
