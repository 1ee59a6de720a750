//! Governors change who runs the ledger: what the engine is told, and what comes of it.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ledger_engine::{Genesis, NewNetwork};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::ledger::{
    Governance, GovernanceKey, Record, Scheduled, Scope, TransactionBody, TrustAnchor, ValidatorSet, Write,
};

use super::*;
use crate::{Node, NodeConfig, backup, genesis};

fn governor() -> Ed25519SigningKey {
    Ed25519SigningKey::from_seed(&[101; 32])
}

fn node_key(seed: u8) -> [u8; 32] {
    let PublicKey::Ed25519(key) = Ed25519SigningKey::from_seed(&[seed; 32]).public_key() else { unreachable!() };
    key
}

/// One validator in `folder`, with epochs of 16 blocks.
fn network(folder: &Path, delay: u32) -> Genesis {
    let PublicKey::Ed25519(key) = governor().public_key() else { unreachable!() };
    let governance = Governance { network: "kr".into(), keys: vec![GovernanceKey(key)], threshold: 1, delay };
    let application = genesis::application(governance);
    let validators = genesis::places(folder, &["127.0.0.1:0".parse().unwrap()]);
    let network = NewNetwork { name: "kr".into(), time_ms: 1_700_000_000_000, application, validators };
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    ledger_engine::init_with_epochs(&network, NonZeroU64::new(16), &mut rng).unwrap()
}

fn governed(anchor: &TrustAnchor, nonce: u64, record: Record, previous_version: u64) -> Vec<u8> {
    let writes = vec![Write { record, previous_version }];
    let body = TransactionBody { network_id: anchor.network_id, sender: Sender::Governance, nonce, writes };
    body.signed_by(&[&governor()]).unwrap().encode()
}

fn set(mut validators: Vec<Validator>) -> Record {
    validators.sort_by_key(|validator| validator.key);
    Record::Validators(ValidatorSet { validators })
}

#[test]
fn the_engine_is_told_of_the_validators_in_force_and_not_of_those_that_are_scheduled() {
    let folder = tempfile::tempdir().unwrap();
    let genesis = network(folder.path(), 600);
    let anchor = genesis::anchor(&genesis);
    let machine = crate::testkit::machine(&genesis, Path::new(":memory:")).unwrap();
    let mut state = machine.recover().unwrap().state;
    let in_office = Roster { version: 1, validators: vec![(genesis.validators[0], None)] };
    assert_eq!(machine.validators(&state), Some(in_office.clone()), "what the genesis says is the case already");
    assert_eq!(machine.validators(&State::new([])), None);

    let place = |seed, address: &str| Validator { key: node_key(seed), address: address.into() };
    let next = set(vec![place(1, "192.0.2.1:7911"), place(2, "[2001:db8::2]:7912"), place(3, "")]);
    let at = |height: u64, seconds: u64| BlockTime { height, time_ms: seconds * 1_000 };
    let now = 1_800_000_000;
    let scheduled = Record::Scheduled(Scheduled::new(&next, 1, now + 600));
    state = machine.execute(&state, at(1, now), &[governed(&anchor, 0, scheduled, 0)]).unwrap();
    assert_eq!(machine.validators(&state), Some(in_office.clone()));
    state = machine.execute(&state, at(2, now + 599), &[]).unwrap();
    assert_eq!(machine.validators(&state), Some(in_office), "it can still be taken back");
    state = machine.execute(&state, at(3, now + 600), &[]).unwrap();
    let mut expected = vec![
        (node_key(1), Some("192.0.2.1:7911".parse().unwrap())),
        (node_key(2), Some("[2001:db8::2]:7912".parse().unwrap())),
        (node_key(3), None),
    ];
    expected.sort();
    assert_eq!(machine.validators(&state), Some(Roster { version: 2, validators: expected }));
}

fn start(folder: &Path) -> Node {
    let config = NodeConfig { finality_limit: Duration::from_secs(120), ..NodeConfig::new(folder) };
    Node::start(&config).unwrap()
}

fn shares(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("share")).collect()
}

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(180), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What an operator keeps apart from backups.
fn keep(folder: &Path, kept: &Path, share: &str) -> PathBuf {
    std::fs::create_dir_all(kept).unwrap();
    for name in ["node.key", "node.json", share] {
        std::fs::copy(folder.join(name), kept.join(name)).unwrap();
    }
    kept.into()
}

#[test]
fn what_governors_record_hands_the_key_on_and_a_backup_of_it_is_restored() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("node");
    let genesis = network(&folder, 0);
    let anchor = genesis::anchor(&genesis);
    let node = start(&folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let old = keep(&folder, &place.path().join("old"), "share.key");
    // The same validators recorded again get fresh shares.
    let same = set(vec![Validator { key: genesis.validators[0], address: String::new() }]);
    runtime.block_on(node.submit(governed(&anchor, 0, same.clone(), 1))).unwrap();
    wait_for(
        "a new share in place of the old one",
        || matches!(shares(&folder).as_slice(), [share] if share.as_str() != "share.key"),
    );
    let last = runtime.block_on(node.submit(governed(&anchor, 1, same.clone(), 2))).unwrap();
    assert!(node.bundle(Scope::Snapshot).unwrap().verify(&anchor, 0).is_ok(), "under the anchor of the beginning");
    // The second change is under way.
    node.stop().unwrap();
    let file = place.path().join("backup.sqlite");
    backup::make(&folder, &file).unwrap();
    let contents = backup::examine(&file).unwrap();
    assert!(contents.height >= last.height && contents.transactions == 2);
    let [share] = <[String; 1]>::try_from(shares(&folder)).unwrap();
    let kept = keep(&folder, &place.path().join("kept"), &share);
    drop(node);
    std::fs::remove_dir_all(&folder).unwrap();

    let refused = backup::restore(&file, &old).unwrap_err();
    assert!(matches!(&refused, backup::BackupError::KeysMissing(path) if *path == old.join(&share)), "{refused:?}");
    assert_eq!(backup::restore(&file, &kept).unwrap(), contents);
    let node = start(&kept);
    let next = runtime.block_on(node.submit(governed(&anchor, 2, same, 3))).unwrap();
    assert!(next.height > contents.height);
    wait_for(
        "the change that was waiting, and the next one",
        || matches!(shares(&kept).as_slice(), [other] if *other != share),
    );
    assert!(node.bundle(Scope::Snapshot).unwrap().verify(&anchor, contents.height).is_ok());
    node.stop().unwrap();
    // And once more from what is kept now.
    start(&kept).stop().unwrap();
}
