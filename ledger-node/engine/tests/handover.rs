//! Validators change; what a verifier trusts stays the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use common::{TextLedger, check_chain, free_address, network, start, wait_for};
use ledger_engine::{Genesis, Handle, PUBLIC_FILE, Part, join};
use protocol::ledger::certificate::Certificate;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

type Node = (Handle, TextLedger);

/// A node of a network that runs: its own keys, the genesis, and where others are.
fn newcomer(root: &Path, name: &str, seed: u64, known: &[PathBuf]) -> PathBuf {
    let folder = root.join(name);
    let address = free_address();
    let peers: Vec<_> = known.iter().map(|folder| public(folder)).collect();
    let genesis = Genesis::load(&known[0]).unwrap();
    join(&folder, address, address, &genesis, &peers, &mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
    folder
}

fn place(folder: &Path) -> ([u8; 32], SocketAddr) {
    let part = public(folder);
    (part.node_key, part.address)
}

fn public(folder: &Path) -> Part {
    Part::parse(&std::fs::read(folder.join(PUBLIC_FILE)).unwrap()).unwrap()
}

/// The text by which the test's ledger names its validators.
fn roster(version: u64, folders: &[&PathBuf]) -> Vec<u8> {
    let entries: Vec<_> = folders
        .iter()
        .map(|folder| {
            let (key, address) = place(folder);
            format!("{}@{address}", hex::encode(key))
        })
        .collect();
    format!("validators {version} {}", entries.join(",")).into_bytes()
}

fn everyone_has(nodes: &[&Node], text: &[u8]) {
    wait_for(&String::from_utf8_lossy(text[..text.len().min(40)].into()), || {
        nodes.iter().all(|(_, ledger)| ledger.texts().iter().any(|have| have == text))
    });
}

fn shares(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("share")).collect();
    names.sort();
    names
}

fn dealt(root: &Path, validators: usize) -> Vec<PathBuf> {
    let network = network(root, validators);
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    ledger_engine::init_with_epochs(&network, NonZeroU64::new(16), &mut rng).unwrap();
    network.validators.into_iter().map(|place| place.folder).collect()
}

#[test]
fn one_of_four_is_replaced_by_an_empty_node_and_the_anchor_stays() {
    let root = tempfile::tempdir().unwrap();
    let folders = dealt(root.path(), 4);
    let old: Vec<Node> = folders.iter().map(|folder| start(folder)).collect();
    old[0].0.submit(b"before".to_vec()).unwrap();
    everyone_has(&old.iter().collect::<Vec<_>>(), b"before");
    let before = std::fs::read(folders[1].join("share.key")).unwrap();

    let new_folder = newcomer(root.path(), "new", 77, &folders);
    let new = start(&new_folder);
    let change = roster(1, &[&folders[1], &folders[2], &folders[3], &new_folder]);
    old[1].0.submit(change.clone()).unwrap();
    everyone_has(&[&old[1], &old[2], &old[3], &new], &change);
    wait_for("the new shares", || {
        [&folders[1], &folders[2], &folders[3], &new_folder].iter().all(|folder| {
            let shares = shares(folder);
            shares.len() == 1 && shares[0] != "share.key"
        })
    });
    for file in std::fs::read_dir(&folders[1]).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        assert_ne!(std::fs::read(&file).unwrap(), before, "the old share is erased");
    }

    // Without the one that left and without one of the old ones, the new one's vote is needed.
    old[0].0.stop().unwrap();
    old[1].0.stop().unwrap();
    new.0.submit(b"after".to_vec()).unwrap();
    everyone_has(&[&old[2], &old[3], &new], b"after");

    // The new one starts again with what it kept.
    new.0.stop().unwrap();
    let new = start(&new_folder);
    old[2].0.submit(b"again".to_vec()).unwrap();
    everyone_has(&[&old[2], &old[3], &new], b"again");

    let blocks = new.1.committed.lock().unwrap().clone();
    assert!(check_chain(&new.0, &blocks) > 0);
    let epochs: std::collections::BTreeSet<u64> = blocks
        .iter()
        .filter_map(|block| Some(Certificate::decode(block.certificate.as_ref()?).unwrap().epoch))
        .collect();
    assert!(epochs.contains(&0) && epochs.len() > 1, "certificates before and after, all under one key: {epochs:?}");
    assert_eq!(new.0.group_key(), old[2].0.group_key());
    [&old[2].0, &old[3].0, &new.0].iter().for_each(|node| node.stop().unwrap());
}

#[test]
fn one_validator_grows_to_four_under_the_same_anchor() {
    let root = tempfile::tempdir().unwrap();
    let network = ledger_engine::NewNetwork {
        validators: vec![ledger_engine::ValidatorPlace { folder: root.path().join("first"), address: free_address() }],
        ..network(root.path(), 1)
    };
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    ledger_engine::init_with_epochs(&network, NonZeroU64::new(16), &mut rng).unwrap();
    let first = network.validators[0].folder.clone();
    let one = start(&first);
    one.0.submit(b"alone".to_vec()).unwrap();
    everyone_has(&[&one], b"alone");
    let folders: Vec<_> =
        (0..3).map(|at| newcomer(root.path(), &format!("new{at}"), 80 + at, std::slice::from_ref(&first))).collect();
    let new: Vec<Node> = folders.iter().map(|folder| start(folder)).collect();
    let change = roster(1, &[&first, &folders[0], &folders[1], &folders[2]]);
    one.0.submit(change.clone()).unwrap();
    everyone_has(&[&one, &new[0], &new[1], &new[2]], &change);
    wait_for("the new shares", || folders.iter().all(|folder| !shares(folder).is_empty()));
    new[0].0.submit(b"together".to_vec()).unwrap();
    everyone_has(&[&one, &new[0], &new[1], &new[2]], b"together");
    // The first one is not needed any more.
    one.0.stop().unwrap();
    new[1].0.submit(b"without the first".to_vec()).unwrap();
    everyone_has(&[&new[0], &new[1], &new[2]], b"without the first");
    for (validator, ledger) in &new {
        assert_eq!(validator.group_key(), one.0.group_key());
        assert!(check_chain(validator, &ledger.committed.lock().unwrap()) > 0);
        validator.stop().unwrap();
    }
}

/// The last block of an epoch is durable, and consensus was not told: it hands this block over once more.
#[test]
fn a_validator_that_dies_between_two_epochs_goes_on_in_the_next() {
    let root = tempfile::tempdir().unwrap();
    let network = ledger_engine::NewNetwork {
        validators: vec![ledger_engine::ValidatorPlace { folder: root.path().join("one"), address: free_address() }],
        ..network(root.path(), 1)
    };
    let mut rng = ChaCha20Rng::seed_from_u64(10);
    ledger_engine::init_with_epochs(&network, NonZeroU64::new(16), &mut rng).unwrap();
    let folder = network.validators[0].folder.clone();
    let one = start(&folder);
    one.1.dies_after.store(15, std::sync::atomic::Ordering::Relaxed);
    for at in 0..15 {
        let text = format!("text {at}").into_bytes();
        if one.0.submit(text.clone()).is_err() {
            break;
        }
        wait_for("a block", || one.0.stopped() || one.1.texts().contains(&text));
    }
    wait_for("the end of the epoch", || one.0.stopped());
    assert!(one.0.stop().is_err());

    let one = start(&folder);
    assert_eq!(one.1.last_header().unwrap().height, 15, "it was durable");
    one.0.submit(b"after".to_vec()).unwrap();
    everyone_has(&[&one], b"after");
    one.0.stop().unwrap();
}

#[test]
fn a_wiped_validator_follows_without_its_old_share_until_it_is_given_a_new_one() {
    let root = tempfile::tempdir().unwrap();
    let folders = dealt(root.path(), 4);
    let mut nodes: Vec<Node> = folders.iter().map(|folder| start(folder)).collect();
    nodes[0].0.submit(b"before".to_vec()).unwrap();
    everyone_has(&nodes.iter().collect::<Vec<_>>(), b"before");
    nodes[3].0.stop().unwrap();
    std::fs::remove_dir_all(folders[3].join("consensus")).unwrap();
    std::fs::remove_file(folders[3].join("texts")).unwrap();
    nodes[0].0.submit(b"meanwhile".to_vec()).unwrap();
    nodes[3] = start(&folders[3]);
    everyone_has(&nodes.iter().collect::<Vec<_>>(), b"meanwhile");
    assert!(shares(&folders[3]).is_empty(), "it cannot contradict votes that it forgot");

    // Without it and another one there is no quorum, although three run.
    nodes[2].0.stop().unwrap();
    let height = nodes[0].0.latest().height;
    nodes[0].0.submit(b"three are not enough".to_vec()).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(nodes[0].0.latest().height, height);
    nodes[2] = start(&folders[2]);

    let same = roster(2, &folders.iter().collect::<Vec<_>>());
    nodes[0].0.submit(same.clone()).unwrap();
    everyone_has(&nodes.iter().collect::<Vec<_>>(), &same);
    wait_for("the new share", || !shares(&folders[3]).is_empty());
    nodes[0].0.stop().unwrap();
    nodes[1].0.submit(b"with its vote".to_vec()).unwrap();
    everyone_has(&nodes[1..].iter().collect::<Vec<_>>(), b"with its vote");
    nodes[1..].iter().for_each(|(validator, _)| validator.stop().unwrap());
}

#[test]
fn a_follower_that_was_admitted_keeps_every_block_and_has_no_vote() {
    let root = tempfile::tempdir().unwrap();
    let network = ledger_engine::NewNetwork {
        validators: vec![ledger_engine::ValidatorPlace { folder: root.path().join("one"), address: free_address() }],
        ..network(root.path(), 1)
    };
    ledger_engine::init(&network, &mut ChaCha20Rng::seed_from_u64(9)).unwrap();
    let folder = network.validators[0].folder.clone();
    let known = std::slice::from_ref(&folder);
    let (admitted, refused) =
        (newcomer(root.path(), "admitted", 91, known), newcomer(root.path(), "refused", 92, known));
    ledger_engine::admit(&folder, &public(&admitted)).unwrap();

    let (one, follower, stranger) = (start(&folder), start(&admitted), start(&refused));
    for at in 0..5 {
        let text = format!("text {at}").into_bytes();
        // What is submitted to the follower reaches the validator.
        if at % 2 == 0 { &follower } else { &one }.0.submit(text.clone()).unwrap();
        everyone_has(&[&one, &follower], &text);
    }
    assert!(check_chain(&follower.0, &follower.1.committed.lock().unwrap()) > 0);
    assert!(shares(&admitted).is_empty());
    assert_eq!(stranger.0.latest().height, 0, "nobody speaks with a node that was not admitted");
    [&one, &follower, &stranger].iter().for_each(|node| node.0.stop().unwrap());
}
