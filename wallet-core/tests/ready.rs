//! Answers that were made ready beforehand: drawn at once, once, and never from old data.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{EPOCH, LICENCE, NOW, PIN, World, ZK, refusal, tokens};
use wallet_core::{StatusSlice, Wallet, WalletError};

const DAY: u64 = 24 * 3_600;

fn fill(wallet: &Wallet, world: &mut World, now: u64) -> usize {
    let mut made = 0;
    while wallet.prepare_next(now, &mut world.rng).unwrap() {
        made += 1;
        assert!(made < 100, "it is never enough");
    }
    made
}

fn ready(wallet: &Wallet, profile: &str, now: u64) -> usize {
    wallet.ready(now).unwrap().iter().find(|(_, name, _)| name == profile).map_or(0, |(_, _, count)| *count)
}

#[test]
fn what_is_ready_is_shown_once_and_made_anew() {
    let mut world = World::new();
    let wallet = world.wallet();
    let zk = world.obtain(&wallet, ZK);
    let licence = world.obtain(&wallet, LICENCE);
    assert_eq!(ready(&wallet, "age-19", NOW), 0);
    assert!(fill(&wallet, &mut world, NOW) >= 6);
    assert_eq!((ready(&wallet, "age-19", NOW), ready(&wallet, "roadside", NOW)), (3, 3));
    assert_eq!(fill(&wallet, &mut world, NOW), 0, "three of each are enough");

    // All that are ready, and one that is not: accepted, and none like another.
    for left in [2, 1, 0, 0] {
        let code = wallet.show_profile(&zk, "age-19", NOW, &mut world.rng).unwrap();
        assert_eq!(ready(&wallet, "age-19", NOW), left);
        world.accepted(ZK, &code);
    }
    let licence_code = wallet.show_profile(&licence, "roadside", NOW + 5, &mut world.rng).unwrap();
    assert!(!licence_code.is_empty());
    assert_eq!(ready(&wallet, "roadside", NOW), 2);
    assert!(fill(&wallet, &mut world, NOW) >= 4, "made anew");
}

#[test]
fn no_two_answers_have_a_point_in_common_also_across_a_crash() {
    let mut world = World::new();
    let wallet = world.wallet();
    let zk = world.obtain(&wallet, ZK);
    fill(&wallet, &mut world, NOW);
    let first = wallet.show_profile(&zk, "age-19", NOW, &mut world.rng).unwrap();
    assert_eq!(ready(&wallet, "age-19", NOW), 2);
    // The process dies with two answers ready: they were nowhere but in its memory.
    drop(wallet);
    let wallet = Wallet::open(&world.directory(), world.area()).unwrap();
    wallet.unlock(PIN, NOW).unwrap();
    assert_eq!(ready(&wallet, "age-19", NOW), 0);
    fill(&wallet, &mut world, NOW);
    let codes: Vec<_> =
        (0..3).map(|_| wallet.show_profile(&zk, "age-19", NOW, &mut world.rng).unwrap()).chain([first]).collect();
    for (i, a) in codes.iter().enumerate() {
        for b in &codes[..i] {
            let shared = a.windows(48).filter(|window| b.windows(48).any(|other| other == *window)).count();
            assert_eq!(shared, 0, "as many bytes as a point has are the same in two answers");
        }
    }
}

#[test]
fn nothing_old_is_shown() {
    let mut world = World::new();
    let wallet = world.wallet();
    let zk = world.obtain(&wallet, ZK);
    fill(&wallet, &mut world, NOW);
    // Another day: what was ready says "19 on that day" of yesterday.
    assert_eq!(ready(&wallet, "age-19", NOW), 3);
    wallet.lock();
    wallet.unlock(PIN, NOW + DAY).unwrap();
    assert_eq!(ready(&wallet, "age-19", NOW + DAY), 0, "locking erases");
    fill(&wallet, &mut world, NOW + DAY - 30);
    let code = wallet.show_profile(&zk, "age-19", NOW + DAY, &mut world.rng).unwrap();
    assert!(!code.is_empty());
}

#[test]
fn making_ready_is_no_use_of_the_wallet() {
    let mut world = World::new();
    let wallet = world.wallet();
    let zk = world.obtain(&wallet, ZK);
    // Every minute something is made ready; nobody touches the phone.
    let locked = (1..60).map(|minute| NOW + 60 * minute).find(|now| wallet.prepare_next(*now, &mut world.rng).is_err());
    assert!(locked.is_some(), "the wallet locks itself all the same");
    assert_eq!(refusal(wallet.show_profile(&zk, "age-19", NOW, &mut world.rng)), WalletError::Locked);
}

#[test]
fn what_was_ready_goes_with_its_credential() {
    let mut world = World::new();
    let wallet = world.wallet();
    let zk = world.obtain(&wallet, ZK);
    let licence = world.obtain(&wallet, LICENCE);
    fill(&wallet, &mut world, NOW);
    assert_eq!((ready(&wallet, "age-19", NOW), ready(&wallet, "roadside", NOW)), (3, 3));
    wallet.delete_credential(&zk, NOW).unwrap();
    let left = wallet.ready(NOW).unwrap();
    assert!(left.iter().all(|(id, ..)| *id == licence), "nothing is kept of a credential that is gone");
    assert_eq!(ready(&wallet, "roadside", NOW), 3);
}

#[test]
fn what_was_ready_goes_when_its_token_is_no_more() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, ZK);
    fill(&wallet, &mut world, NOW);
    assert_eq!(ready(&wallet, "age-19", NOW), 3);
    // The slice that should have its token has none: withdrawn.
    let key = world.issuer_key(ZK).key_id();
    wallet.install_status_tokens(&key, StatusSlice::ALL, &tokens(EPOCH, &[]), NOW).unwrap();
    assert_eq!(ready(&wallet, "age-19", NOW), 0);
}
