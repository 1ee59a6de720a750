//! The disaster runbook (`docs/howtos/restore-the-ledger.md`): all nodes lost, everything made anew from one backup.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_node::backup::{self, BackupError};
use ledger_node::store::Store;
use ledger_node::{Node, NodeConfig, genesis, testkit};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Scope, Sender, StateKey, TransactionBody,
    TrustAnchor, Validator, ValidatorSet, Write, proof,
};

fn key(seed: u8) -> Ed25519SigningKey {
    Ed25519SigningKey::from_seed(&[seed; 32])
}

fn organisation(seed: u8) -> DidRecord {
    let public = key(seed).public_key();
    let did = Did::derive("kr", &public.to_multicodec()).unwrap();
    let key = DidKey { fragment: "key-1".into(), key: public, purposes: Purposes::ALL, from: 0, until: None };
    DidRecord { did, keys: vec![key], deactivated: false }
}

fn register(anchor: &TrustAnchor, seed: u8, nonce: u64) -> Vec<u8> {
    let writes = vec![Write { record: Record::Did(organisation(seed)), previous_version: 0 }];
    let body = TransactionBody { network_id: anchor.network_id, sender: Sender::Governance, nonce, writes };
    body.signed_by(&[&key(100), &key(seed)]).unwrap().encode()
}

/// A network of `count` validators.
fn network(folder: &Path, count: usize) -> (TrustAnchor, Vec<PathBuf>) {
    let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
    let governance = Governance { network: "kr".into(), keys: vec![GovernanceKey(governor)], threshold: 1, delay: 0 };
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<SocketAddr> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    drop(listeners);
    let places = genesis::places(folder, &addresses);
    let folders = places.iter().map(|place| place.folder.clone()).collect();
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    (genesis::init(governance, places, 1_700_000_000_000, &mut random).unwrap(), folders)
}

fn start(folder: &Path) -> Node {
    let config = NodeConfig { finality_limit: Duration::from_secs(120), ..NodeConfig::new(folder) };
    Node::start(&config).unwrap()
}

/// What an operator keeps apart from all backups.
fn keys_of(folder: &Path, kept: &Path) {
    std::fs::create_dir_all(kept).unwrap();
    for name in ["node.key", "share.key", "node.json"] {
        std::fs::copy(folder.join(name), kept.join(name)).unwrap();
    }
}

#[test]
fn all_nodes_lost_and_restored_from_one_backup() {
    let place = tempfile::tempdir().unwrap();
    let (anchor, folders) = network(&place.path().join("lost"), 4);
    let nodes: Vec<Node> = folders.iter().map(|folder| start(folder)).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for n in 0..6 {
        runtime.block_on(nodes[usize::from(n) % 4].submit(register(&anchor, n + 1, n.into()))).unwrap();
    }
    // A backup while the node runs and blocks are made.
    let file = place.path().join("backup.sqlite");
    let last = runtime.block_on(nodes[1].submit(register(&anchor, 7, 6))).unwrap();
    backup::make(&folders[1], &file).unwrap();
    let contents = backup::examine(&file).unwrap();
    assert!(contents.height >= last.height);
    assert_eq!((contents.anchor.clone(), contents.transactions), (anchor.clone(), 7));
    let bundle = nodes[1].snapshot().unwrap();
    nodes.iter().for_each(|node| node.stop().unwrap());

    // The fire. Only the operators' keys, kept elsewhere, and one backup are left.
    let kept: Vec<PathBuf> = (0..4).map(|n| place.path().join(format!("anew/{n}"))).collect();
    folders.iter().zip(&kept).for_each(|(folder, kept)| keys_of(folder, kept));
    drop(nodes);
    std::fs::remove_dir_all(place.path().join("lost")).unwrap();
    for folder in &kept {
        assert_eq!(backup::restore(&file, folder).unwrap(), contents);
    }
    let nodes: Vec<Node> = kept.iter().map(|folder| start(folder)).collect();
    for node in &nodes {
        // Everything acknowledged is there, under the trust anchor that verifiers have had all along.
        assert_eq!(node.anchor(), &anchor);
        assert_eq!(node.recorded(&last.id).unwrap(), Some(last));
        let trust = node.bundle(Scope::Snapshot).unwrap().verify(&anchor, contents.height).unwrap();
        assert!((1..=7).all(|n| trust.did(&organisation(n).did).is_some()));
        assert_eq!(node.versions(&StateKey::did(&organisation(3).did)).unwrap().len(), 1);
        assert!(bundle.len() <= node.snapshot().unwrap().len() + 64);
    }
    // And the ledger goes on: new transactions become final above the old height, on all nodes.
    let next = runtime.block_on(nodes[2].submit(register(&anchor, 8, 7))).unwrap();
    assert!(next.height > contents.height);
    let key = StateKey::did(&organisation(8).did);
    for node in &nodes {
        let mut tip = node.subscribe();
        runtime.block_on(async { tip.wait_for(|tip| tip.height >= next.height).await.map(|_| ()) }).unwrap();
        let proven = (0..600).find_map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            proof::check(&anchor, &node.proof(&key).ok()?, next.height).ok()?.envelope
        });
        assert_eq!(proven.unwrap().record, Record::Did(organisation(8)));
    }
    nodes.iter().for_each(|node| node.stop().unwrap());
    // A restored node restarts like any other.
    let again: Vec<Node> = kept.iter().map(|folder| start(folder)).collect();
    let last = runtime.block_on(again[0].submit(register(&anchor, 9, 8))).unwrap();
    assert!(last.height > next.height);
    again.iter().for_each(|node| node.stop().unwrap());
}

#[test]
fn nothing_is_restored_that_does_not_follow_from_its_own_transactions() {
    let place = tempfile::tempdir().unwrap();
    let (anchor, folders) = network(&place.path().join("one"), 1);
    let file = place.path().join("backup.sqlite");
    let node = start(&folders[0]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for n in 0..3 {
        runtime.block_on(node.submit(register(&anchor, n + 1, n.into()))).unwrap();
    }
    node.stop().unwrap();
    backup::make(&folders[0], &file).unwrap();
    assert!(matches!(backup::make(&folders[0], &file), Err(BackupError::InTheWay(_))));
    assert!(matches!(backup::make(&place.path().join("nowhere"), &file.with_extension("2")), Err(BackupError::Io(..))));

    let kept = place.path().join("kept");
    assert!(matches!(backup::restore(&file, &kept), Err(BackupError::KeysMissing(_))));
    assert!(matches!(backup::restore(&file, &folders[0]), Err(BackupError::InTheWay(_))), "a node that lives");
    keys_of(&folders[0], &kept);
    let (_, others) = network(&place.path().join("other"), 1);
    std::fs::copy(others[0].join("genesis.json"), kept.join("genesis.json")).unwrap();
    assert!(matches!(backup::restore(&file, &kept), Err(BackupError::OtherNetwork)));
    std::fs::remove_file(kept.join("genesis.json")).unwrap();

    // Whatever is changed in the file is found: a record, a transaction, a header, a certificate, a missing block. Any
    // block may be an empty heartbeat, so the changed ones are looked up.
    const FIRST: &str = "(SELECT min(height) FROM transactions)";
    const LAST: &str = "(SELECT max(height) FROM transactions)";
    for (what, change) in [
        (
            "a record",
            "UPDATE records SET value = (SELECT value FROM records ORDER BY key DESC) WHERE key = (SELECT min(key) FROM records)".to_owned(),
        ),
        (
            "a transaction",
            format!("UPDATE transactions SET bytes = (SELECT bytes FROM transactions WHERE height = {FIRST}) WHERE height = {LAST}"),
        ),
        ("a transaction more", format!("UPDATE transactions SET height = {FIRST}, position = 1 WHERE height = {LAST}")),
        ("a header", format!("UPDATE blocks SET header = (SELECT header FROM blocks WHERE height = {FIRST}) WHERE height = {LAST}")),
        (
            "a certificate",
            "UPDATE blocks SET certificate = (SELECT certificate FROM blocks WHERE certificate IS NOT NULL ORDER BY height LIMIT 1)
             WHERE height = (SELECT max(height) FROM blocks WHERE certificate IS NOT NULL)"
                .to_owned(),
        ),
        (
            "a record of the engine more",
            format!("INSERT INTO engine_records VALUES ({FIRST}, 0, x'ff', zeroblob(8))"),
        ),
        ("a block less", "DELETE FROM blocks WHERE height = (SELECT max(height) FROM blocks)".to_owned()),
    ] {
        let changed = place.path().join("changed.sqlite");
        std::fs::copy(&file, &changed).unwrap();
        assert!(rusqlite::Connection::open(&changed).unwrap().execute(&change, []).unwrap() > 0, "{what}");
        // As somebody would who can write the file: bits that change by themselves break a seal.
        Store::reseal(&changed).unwrap();
        let examined = backup::examine(&changed);
        let found = matches!(examined, Err(BackupError::Inconsistent(_) | BackupError::Store(_)));
        assert!(found, "{what}: {examined:?}");
        assert!(backup::restore(&changed, &kept).is_err());
        assert!(!kept.join("ledger.sqlite").exists() && !kept.join("restored.json").exists());
    }
    let changed = place.path().join("uncertified.sqlite");
    std::fs::copy(&file, &changed).unwrap();
    rusqlite::Connection::open(&changed).unwrap().execute("UPDATE blocks SET certificate = NULL", []).unwrap();
    assert!(matches!(backup::examine(&changed), Err(BackupError::Store(_))));
    Store::reseal(&changed).unwrap();
    assert!(matches!(backup::examine(&changed), Err(BackupError::NothingCertified)));
    let unrelated = place.path().join("unrelated.sqlite");
    rusqlite::Connection::open(&unrelated).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(backup::examine(&unrelated), Err(BackupError::NotABackup)));
    // The file as it was is good.
    assert_eq!(backup::restore(&file, &kept).unwrap().transactions, 3);
    let node = start(&kept);
    runtime.block_on(node.submit(register(&anchor, 4, 3))).unwrap();
    node.stop().unwrap();
    assert!(matches!(backup::restore(&file, &kept), Err(BackupError::InTheWay(_))));
}

/// Names of a folder's shares.
fn shares(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("share")).collect()
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn validators_that_were_handed_the_key_are_restored_from_one_backup() {
    let place = tempfile::tempdir().unwrap();
    let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
    let governance = Governance { network: "kr".into(), keys: vec![GovernanceKey(governor)], threshold: 1, delay: 0 };
    let listeners: Vec<_> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<SocketAddr> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    drop(listeners);
    let places = genesis::places(&place.path().join("lost"), &addresses[..4]);
    let mut folders: Vec<PathBuf> = places.iter().map(|place| place.folder.clone()).collect();
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    let epochs = NonZeroU64::new(16).unwrap();
    let made = testkit::network(governance, places, 1_700_000_000_000, epochs, &mut random).unwrap();
    let anchor = genesis::anchor(&made);
    let part =
        |folder: &Path| genesis::Part::parse(&std::fs::read(folder.join(genesis::PUBLIC_FILE)).unwrap()).unwrap();
    let known: Vec<_> = folders.iter().map(|folder| part(folder)).collect();
    let newcomer = place.path().join("lost/newcomer");
    genesis::join(&newcomer, addresses[4], addresses[4], &made, &known, &mut random).unwrap();
    folders.push(newcomer);
    let nodes: Vec<Node> = folders.iter().map(|folder| start(folder)).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(nodes[0].submit(register(&anchor, 1, 0))).unwrap();

    // The governors put the fifth in the first one's place.
    let parts = folders[1..].iter().map(|folder| part(folder));
    let mut validators: Vec<_> =
        parts.map(|part| Validator { key: part.node_key, address: part.address.to_string() }).collect();
    validators.sort_by_key(|validator| validator.key);
    let record = Record::Validators(ValidatorSet { validators });
    let previous_version = nodes[1].record(&record.state_key()).map_or(0, |envelope| envelope.version);
    let writes = vec![Write { record, previous_version }];
    let body = TransactionBody { network_id: anchor.network_id, sender: Sender::Governance, nonce: 1, writes };
    runtime.block_on(nodes[1].submit(body.signed_by(&[&key(100)]).unwrap().encode())).unwrap();
    let is_handed_on = |folder: &PathBuf| matches!(&shares(folder)[..], [share] if share != "share.key");
    eventually("the new shares", || folders[1..].iter().all(is_handed_on));
    nodes[0].stop().unwrap();
    let last = runtime.block_on(nodes[4].submit(register(&anchor, 2, 2))).unwrap();
    let file = place.path().join("backup.sqlite");
    backup::make(&folders[4], &file).unwrap();
    let contents = backup::examine(&file).unwrap();
    assert!(contents.height >= last.height && contents.height > 16 && contents.anchor == anchor, "{contents:?}");
    nodes.iter().for_each(|node| node.stop().unwrap());
    drop(nodes);

    // The fire. A share of those who handed the key on is worth nothing.
    let kept: Vec<PathBuf> = (1..5).map(|n| place.path().join(format!("anew/{n}"))).collect();
    for (folder, kept) in folders[1..].iter().zip(&kept) {
        std::fs::create_dir_all(kept).unwrap();
        for name in ["node.key", "node.json"] {
            std::fs::copy(folder.join(name), kept.join(name)).unwrap();
        }
        std::fs::write(kept.join("share.key"), "an old share").unwrap();
        assert!(matches!(backup::restore(&file, kept), Err(BackupError::KeysMissing(_))));
        std::fs::remove_file(kept.join("share.key")).unwrap();
        let share = &shares(folder)[0];
        std::fs::copy(folder.join(share), kept.join(share)).unwrap();
        assert_eq!(backup::restore(&file, kept).unwrap(), contents);
    }
    std::fs::remove_dir_all(place.path().join("lost")).unwrap();
    let nodes: Vec<Node> = kept.iter().map(|folder| start(folder)).collect();
    for node in &nodes {
        assert_eq!((node.anchor(), node.recorded(&last.id).unwrap()), (&anchor, Some(last)));
    }
    // They go on, and each starts again.
    let next = runtime.block_on(nodes[3].submit(register(&anchor, 3, 3))).unwrap();
    assert!(next.height > contents.height);
    nodes.iter().for_each(|node| node.stop().unwrap());
    drop(nodes);
    let nodes: Vec<Node> = kept.iter().map(|folder| start(folder)).collect();
    let again = runtime.block_on(nodes[0].submit(register(&anchor, 4, 4))).unwrap();
    assert!(again.height > next.height);
    nodes.iter().for_each(|node| node.stop().unwrap());
}
