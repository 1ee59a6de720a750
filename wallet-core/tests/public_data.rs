//! What the app fetches for the wallet on its own schedule.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{EPOCH, LICENCE, NOW, World, ZK, handle, refusal, tokens};
use protocol::exchange::StatusTokens;
use protocol::ledger::bundle::{BundleError, Scope};
use protocol::ledger::record::{Record, StatusEpoch};
use protocol::ledger::testkit::TestLedger;
use wallet_core::{CredentialState, StatusSlice, WalletError};

fn announce(world: &mut World, epoch: u32) {
    let issuer_key = world.issuer_key(ZK).key_id();
    world.write(&[Record::StatusEpoch(StatusEpoch { issuer_key, epoch, at: NOW })]);
}

#[test]
fn trust_data_only_moves_forward() {
    let mut world = World::new();
    let wallet = world.wallet();
    let anchor = world.ledger.anchor();
    let older = world.bundle();
    let height = world.ledger.trusted_state().unwrap().height();
    announce(&mut world, 6);
    let delta = world.ledger.bundle(Scope::Delta { since: height }).encode();
    assert_eq!(wallet.install_trust(&delta, &anchor, NOW), Ok(height + 1));
    let bundle = |error| Err(WalletError::Bundle(error));
    assert_eq!(wallet.install_trust(&older, &anchor, NOW), bundle(BundleError::BundleRollback));
    assert_eq!(wallet.install_trust(&older[1..], &anchor, NOW), bundle(BundleError::BundleMalformed));
    // The floor survives a restart.
    wallet.lock();
    wallet.unlock(common::PIN, NOW).unwrap();
    assert_eq!(wallet.install_trust(&older, &anchor, NOW), bundle(BundleError::BundleRollback));
    assert_eq!(wallet.install_trust(&world.bundle(), &anchor, NOW), Ok(height + 1));
    // Another ledger's data, even with its own anchor, is not this wallet's.
    let other = TestLedger::new("kr", [8; 32], [2; 32], NOW * 1_000).unwrap();
    let bytes = other.bundle(Scope::Snapshot).encode();
    assert_eq!(wallet.install_trust(&bytes, &anchor, NOW), bundle(BundleError::WrongNetwork));
    assert_eq!(wallet.install_trust(&bytes, &other.anchor(), NOW), Err(WalletError::AnchorMismatch));
}

#[test]
fn needs_name_what_is_missing_and_nothing_else() {
    let mut world = World::new();
    let area = world.area();
    let wallet = world.empty_wallet(area).unwrap();
    assert!(wallet.needs(NOW).unwrap().trust);
    world.install_trust(&wallet);
    let needs = wallet.needs(NOW).unwrap();
    assert!(!needs.trust && needs.day_sets.is_empty() && needs.status_tokens.is_empty());
    world.obtain(&wallet, LICENCE);
    world.obtain(&wallet, ZK);
    let needs = wallet.needs(NOW).unwrap();
    assert_eq!(needs.day_sets.iter().map(|set| set.key).collect::<Vec<_>>(), [common::day_set_key()]);
    assert!(needs.status_tokens.is_empty());
    announce(&mut world, 6);
    world.install_trust(&wallet);
    let needs = wallet.needs(NOW).unwrap();
    let [token] = &needs.status_tokens[..] else { panic!("{needs:?}") };
    assert_eq!((token.epoch, token.credential_type.as_str()), (6, ZK));
    assert_eq!(token.slice(0), StatusSlice::ALL);
    assert_eq!(token.slice(4), StatusSlice { bits: 4, index: handle(ZK) >> 59 });
    assert_eq!(token.slice(12), StatusSlice { bits: 12, index: handle(ZK) >> 51 });
    // An issuer that claims to have a slice for everyone does not learn who is asking.
    for bits in [13, 31, 63, 255] {
        assert_eq!(token.slice(bits), token.slice(12));
    }
    assert!(!format!("{needs:?}").contains(&handle(ZK).to_string()));
    assert!(wallet.needs(NOW + 200).is_ok());
    wallet.unlock(common::PIN, NOW + 13 * 3_600).unwrap();
    assert!(wallet.needs(NOW + 13 * 3_600).unwrap().trust);
}

#[test]
fn tokens_renew_and_their_absence_withdraws() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, ZK);
    let key = world.issuer_key(ZK).key_id();
    let mine = handle(ZK);
    let slice = StatusSlice::ALL;
    let install = |tokens: &[u8], slice| wallet.install_status_tokens(&key, slice, tokens, NOW);
    assert_eq!(install(&tokens(6, &[mine]), slice), Err(WalletError::EpochNotAnnounced));
    announce(&mut world, 6);
    world.install_trust(&wallet);
    install(&tokens(6, &[mine - 1, mine, mine + 1]), slice).unwrap();
    assert_eq!(install(&tokens(EPOCH, &[mine]), slice), Err(WalletError::StatusRollback));
    assert_eq!(install(b"no tokens", slice), Err(WalletError::MalformedStatusTokens));
    assert_eq!(install(&tokens(6, &[mine, mine - 1]), slice), Err(WalletError::MalformedStatusTokens));
    // Tokens of another slice say nothing about this credential, and may not claim to be this slice.
    let own = StatusSlice { bits: 4, index: mine >> 59 };
    assert_eq!(install(&tokens(6, &[1]), own), Err(WalletError::MalformedStatusTokens));
    // A slice is shared by thousands, or it is the whole.
    let crowd = |first: u64, many: u64| tokens(6, &(first..first + many).collect::<Vec<_>>());
    assert_eq!(install(&tokens(6, &[mine]), own), Err(WalletError::SliceTooSmall));
    assert_eq!(install(&crowd(1, 4_095), StatusSlice { bits: 4, index: 0 }), Err(WalletError::SliceTooSmall));
    install(&crowd(1, 4_096), StatusSlice { bits: 4, index: 0 }).unwrap();
    // A token for another handle or epoch.
    let mut stolen = StatusTokens::decode(&tokens(6, &[mine - 1])).unwrap();
    stolen.tokens[0].handle = mine;
    assert_eq!(install(&stolen.encode(), slice), Err(WalletError::StatusTokenInvalid));
    stolen.tokens[0].signature = [0xff; 48];
    assert_eq!(install(&stolen.encode(), slice), Err(WalletError::StatusTokenInvalid));
    wallet.show_profile(&id, "age-19", NOW, &mut world.rng).unwrap();
    // The issuer no longer vouches.
    announce(&mut world, 7);
    world.install_trust(&wallet);
    install(&tokens(7, &[mine - 1, mine + 1]), slice).unwrap();
    assert_eq!(refusal(wallet.show_profile(&id, "age-19", NOW, &mut world.rng)), WalletError::CredentialWithdrawn);
    assert_eq!(wallet.credentials(NOW).unwrap()[0].state, CredentialState::Withdrawn);
    // Nobody signs what is absent: the next mirror is asked for the same epoch.
    assert_eq!(wallet.needs(NOW).unwrap().status_tokens.len(), 1);
    install(&tokens(7, &[mine - 1, mine, mine + 1]), slice).unwrap();
    wallet.show_profile(&id, "age-19", NOW, &mut world.rng).unwrap();
    assert!(wallet.needs(NOW).unwrap().status_tokens.is_empty());
    // It vouches again: a suspension is over.
    announce(&mut world, 8);
    world.install_trust(&wallet);
    install(&tokens(8, &[mine]), slice).unwrap();
    wallet.show_profile(&id, "age-19", NOW, &mut world.rng).unwrap();
}

#[test]
fn day_signatures_come_in_whole_rows_of_a_known_key() {
    let mut world = World::new();
    let wallet = world.wallet();
    let key = common::day_set_key();
    let good = common::day_signatures();
    let install = |key: &[u8; 96], first, bytes: &[u8]| wallet.install_day_set(key, first, bytes, NOW);
    for (first, bytes) in [(0, &good[..0]), (0, &good[..48]), (1, &good[..1_024 * 48]), (64_512, &good[..2_048 * 48])] {
        assert_eq!(install(&key, first, bytes), Err(WalletError::MalformedDaySet));
    }
    assert_eq!(install(&[1; 96], 0, good), Err(WalletError::IssuerNotTrusted));
    assert_eq!(install(&key, 1_024, &good[..1_024 * 48]), Err(WalletError::DaySetInvalid));
    assert_eq!(install(&key, 1_024, &good[1_024 * 48..2_048 * 48]), Ok(()));
}
