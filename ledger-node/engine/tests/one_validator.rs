//! One validator: order, certificates, latency, restart, and folders it must not run on.

mod common;

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{TextLedger, check_chain, config, init, network, start, wait_for};
use ledger_engine::{Config, Engine, EngineError, Genesis, MAX_TRANSACTION_BYTES, SubmitError};
use protocol::ledger::certificate::{self, CertificateError};
use protocol::ledger::header::Header;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

#[test]
fn fifty_transactions_are_committed_once_in_order_with_certificates_and_survive_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let (validator, ledger) = start(&folder);
    let texts: Vec<Vec<u8>> = (0..50).map(|at| format!("text {at}").into_bytes()).collect();
    let mut latencies = Vec::new();
    for text in &texts {
        let submitted = Instant::now();
        validator.submit(text.clone()).unwrap();
        wait_for("the commit", || ledger.texts().last() == Some(text));
        latencies.push(submitted.elapsed());
    }
    latencies.sort();
    eprintln!("submit -> commit: p50 {:?}, p99 {:?}", latencies[25], latencies[49]);
    assert_eq!(ledger.texts(), texts);
    // Once more: refused by the state machine, so no second time and no empty block for it.
    validator.submit(texts[0].clone()).unwrap();
    validator.submit(b"after".to_vec()).unwrap();
    wait_for("the commit", || ledger.texts().len() == 51);

    let blocks = ledger.committed.lock().unwrap().clone();
    assert_eq!(check_chain(&validator, &blocks), blocks.len(), "every block has its own certificate");
    assert_eq!(blocks[0].height, 1);
    let header = ledger.last_header().unwrap();
    wait_for("the tip", || validator.latest().height == header.height);
    assert_eq!(validator.latest().digest, header.digest());
    assert!(validator.latest().certified);
    validator.stop().unwrap();
    assert_eq!(validator.submit(b"late".to_vec()), Err(SubmitError::Stopped));

    let (validator, again) = start(&folder);
    assert_eq!(again.last_header(), Some(header));
    assert_eq!(validator.latest().height, header.height);
    validator.submit(b"after the restart".to_vec()).unwrap();
    wait_for("the commit", || again.texts().len() == 52);
    let next = again.last_header().unwrap();
    assert_eq!(next.follows(&header), Ok(()));
    check_chain(&validator, &again.committed.lock().unwrap());
    validator.stop().unwrap();
}

#[test]
fn a_thousand_transactions_at_once_fill_few_blocks() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let (validator, ledger) = start(&folder);
    let submitted = Instant::now();
    for at in 0..1000 {
        validator.submit(format!("text {at}").into_bytes()).unwrap();
    }
    wait_for("the commits", || ledger.texts().len() == 1000);
    let blocks = ledger.committed.lock().unwrap().len();
    eprintln!("1000 transactions in {blocks} blocks, {:?}", submitted.elapsed());
    assert!(blocks < 100);
    validator.stop().unwrap();
}

#[test]
fn an_idle_validator_makes_only_heartbeats() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let ledger = TextLedger::open(&folder);
    let heartbeat = Duration::from_secs(1);
    let validator = Engine::start(Config { heartbeat, ..config(&folder) }, ledger.clone()).unwrap();
    std::thread::sleep(Duration::from_millis(5_500));
    let blocks = ledger.committed.lock().unwrap().clone();
    assert!((4..=6).contains(&blocks.len()), "{} blocks", blocks.len());
    assert_eq!(check_chain(&validator, &blocks), blocks.len());
    validator.stop().unwrap();
}

#[test]
fn what_the_state_machine_lost_is_committed_again() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let (validator, ledger) = start(&folder);
    for at in 0..10 {
        validator.submit(format!("text {at}").into_bytes()).unwrap();
        wait_for("the commit", || ledger.texts().len() == at + 1);
    }
    let blocks = ledger.committed.lock().unwrap().clone();
    validator.stop().unwrap();
    // A backup from before block 4, torn in the middle of a record.
    let file = fs::read(folder.join("texts")).unwrap();
    fs::write(folder.join("texts"), &file[..file.len() * 4 / 10]).unwrap();
    let (validator, ledger) = start(&folder);
    wait_for("the replay", || ledger.committed.lock().unwrap().len() >= blocks.len());
    assert_eq!(ledger.committed.lock().unwrap()[..blocks.len()], blocks);
    validator.stop().unwrap();
}

#[test]
fn a_state_machine_that_cannot_commit_stops_the_validator_and_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let (validator, ledger) = start(&folder);
    wait_for("the first block", || !ledger.committed.lock().unwrap().is_empty());
    ledger.disk_is_full.store(true, Ordering::Relaxed);
    validator.submit(b"kept".to_vec()).unwrap();
    wait_for("the stop", || validator.stopped());
    assert_eq!(validator.submit(b"late".to_vec()), Err(SubmitError::Stopped));
    assert!(validator.subscribe().has_changed().is_err());
    assert_eq!(validator.stop().unwrap_err().to_string(), "the validator stopped: the disk is full");

    // The block was final; it is committed as soon as there is room.
    let (validator, ledger) = start(&folder);
    wait_for("the commit", || ledger.texts() == [b"kept".to_vec()]);
    validator.stop().unwrap();
}

#[test]
fn transactions_the_mempool_cannot_take_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let (validator, _) = start(&folder);
    assert_eq!(validator.submit(Vec::new()), Err(SubmitError::Refused("an empty text".into())));
    assert_eq!(validator.submit(vec![1; MAX_TRANSACTION_BYTES + 1]), Err(SubmitError::TooLarge));
    validator.submit(vec![1; MAX_TRANSACTION_BYTES]).unwrap();
    validator.stop().unwrap();
}

#[test]
fn a_changed_certificate_or_header_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let (validator, ledger) = start(&folder);
    wait_for("the first block", || !ledger.committed.lock().unwrap().is_empty());
    let block = ledger.committed.lock().unwrap()[0].clone();
    let (key, network) = (validator.group_key(), validator.network_id());
    let header = Header::decode(&block.header).unwrap();
    let bytes = block.certificate.unwrap();
    assert_eq!(certificate::verify_header(&header, &bytes, &key, &network), Ok(()));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(certificate::verify_header(&header, &changed, &key, &network).is_err(), "byte {at}");
    }
    let other = Header { state_root: [1; 32], ..header };
    assert_eq!(certificate::verify_header(&other, &bytes, &key, &network), Err(CertificateError::WrongPayload));
    validator.stop().unwrap();
}

#[test]
fn a_folder_that_is_not_whole_does_not_run() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let refuse = |folder: &std::path::Path| Engine::start(config(folder), TextLedger::open(folder)).err().unwrap();

    let (validator, ledger) = start(&folder);
    wait_for("the first block", || !ledger.committed.lock().unwrap().is_empty());
    assert!(matches!(refuse(&folder), EngineError::FolderInUse(_)));
    validator.stop().unwrap();

    let again = ledger_engine::init(&network(root.path(), 1), &mut ChaCha20Rng::seed_from_u64(1));
    assert!(matches!(again, Err(EngineError::FolderNotEmpty(_))));

    // Keys of another network, then none.
    let stranger = init(&root.path().join("other"), 2).validators[0].folder.clone();
    let share = fs::read(folder.join("share.key")).unwrap();
    fs::copy(stranger.join("share.key"), folder.join("share.key")).unwrap();
    assert!(matches!(refuse(&folder), EngineError::KeysDoNotMatchGenesis));
    fs::write(folder.join("share.key"), b"not hex").unwrap();
    assert!(matches!(refuse(&folder), EngineError::FileDamaged(_)));
    fs::remove_file(folder.join("share.key")).unwrap();
    assert!(matches!(refuse(&folder), EngineError::Io { .. }));
    fs::write(folder.join("share.key"), share).unwrap();

    // The record of votes is gone.
    fs::rename(folder.join("consensus"), folder.join("away")).unwrap();
    assert!(matches!(refuse(&folder), EngineError::StateMismatch(_)));
    fs::rename(folder.join("away"), folder.join("consensus")).unwrap();

    // State of another network.
    let texts = fs::read(folder.join("texts")).unwrap();
    fs::write(stranger.join("texts"), texts).unwrap();
    assert!(matches!(refuse(&stranger), EngineError::StateMismatch(_)));

    let (validator, _) = start(&folder);
    validator.stop().unwrap();
}

#[test]
fn a_genesis_commits_to_every_field() {
    let root = tempfile::tempdir().unwrap();
    let first = network(&root.path().join("a"), 1);
    let base = ledger_engine::init(&first, &mut ChaCha20Rng::seed_from_u64(7)).unwrap();
    assert_eq!(Genesis::load(&first.validators[0].folder).unwrap(), base);
    let changed = |change: fn(&mut Genesis)| {
        let mut other = base.clone();
        change(&mut other);
        other.network_id()
    };
    assert_eq!(changed(|_| ()), base.network_id());
    assert_ne!(changed(|genesis| genesis.name = "other".into()), base.network_id());
    assert_ne!(changed(|genesis| genesis.time_ms += 1), base.network_id());
    assert_ne!(changed(|genesis| genesis.application = b"other".to_vec()), base.network_id());
    assert_ne!(changed(|genesis| genesis.validators[0][0] ^= 1), base.network_id());
    let nobody = network(root.path(), 0);
    let init = |network| ledger_engine::init(&network, &mut ChaCha20Rng::seed_from_u64(7));
    assert!(matches!(init(nobody), Err(EngineError::InvalidGenesis(_))));
    let mut twice = network(&root.path().join("b"), 2);
    twice.validators[1].folder = twice.validators[0].folder.clone();
    assert!(matches!(init(twice), Err(EngineError::InvalidGenesis(_))));
}
