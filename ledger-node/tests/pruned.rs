//! A node that keeps its newest blocks only: its disk does not grow, and it serves everything that is in force.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ledger_engine::{EngineError, Genesis};
use ledger_node::sync::{Answer, Progress, Source, fetch};
use ledger_node::{Node, NodeConfig, NodeError, audit, genesis, testkit};
use protocol::credential::{CredentialType, StatusList};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::attachment::{self, Attachment};
use protocol::ledger::snapshot::Offer;
use protocol::ledger::{
    Accreditation, DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Scope, Sender, StateKey,
    StatusListAnchor, TransactionBody, TrustBundle, TypeDefinition, Validator, ValidatorSet, Write,
};

/// Blocks that are kept.
const KEPT: u64 = 32;
/// Blocks of an epoch: what is dropped at once.
const EPOCH: u64 = 16;
/// Consensus drops so many blocks at once.
const SECTION: u64 = 64;

fn key(seed: u64) -> Ed25519SigningKey {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Ed25519SigningKey::from_seed(&bytes)
}

fn did(seed: u64) -> Did {
    Did::derive("kr", &key(seed).public_key().to_multicodec()).unwrap()
}

/// An organisation with as many keys as it may have: about two kilobytes.
fn large(seed: u64) -> Record {
    let named = |n: u64| {
        let key = if n == 0 { key(seed) } else { key(10_000 + 100 * seed + n) };
        let (fragment, key) = (format!("key-{n}"), key.public_key());
        DidKey { fragment, key, purposes: Purposes::ALL, from: 0, until: None }
    };
    Record::Did(DidRecord { did: did(seed), keys: (0..32).map(named).collect(), deactivated: false })
}

/// A network of one validator.
struct World {
    place: tempfile::TempDir,
    genesis: Genesis,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
        let keys = vec![GovernanceKey(governor)];
        let governance = Governance { network: "kr".into(), keys, threshold: 1, delay: 0 };
        let places = genesis::places(&place.path().join("first"), &["127.0.0.1:0".parse().unwrap()]);
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let epochs = NonZeroU64::new(EPOCH).unwrap();
        let genesis = testkit::network(governance, places, 1_700_000_000_000, epochs, &mut rng).unwrap();
        Self { place, genesis, runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("first")
    }

    fn start(&self, keep_blocks: Option<u64>) -> Result<Node, NodeError> {
        let (heartbeat, finality_limit) = (Duration::from_millis(500), Duration::from_secs(120));
        let keep_blocks = keep_blocks.and_then(NonZeroU64::new);
        Node::start(&NodeConfig { heartbeat, finality_limit, keep_blocks, ..NodeConfig::new(self.folder()) })
    }

    /// An issuer records a status list and sends it.
    fn put_list(&self, node: &Node) -> StatusList {
        let licence = CredentialType::parse(include_bytes!("../../specs/types/driver-licence.json")).unwrap();
        let (issuer, credential_type) = (did(500), licence.id.clone());
        let (from, until, withdrawn) = (1, 9_000_000_000, false);
        let accredited = Accreditation { issuer: issuer.clone(), credential_type, from, until, withdrawn };
        let (id, definition) = (licence.id.clone(), licence.definition());
        let records =
            [Record::CredentialType(TypeDefinition { id, definition }), Record::Accreditation(accredited)].to_vec();
        self.govern(node, vec![large(500), large(600)]);
        self.govern(node, records);
        let mut list = StatusList::new();
        list.revoke(77).unwrap();
        let (digest, entries) = (list.digest(), StatusList::ENTRIES);
        let record = Record::StatusList(StatusListAnchor {
            issuer: issuer.clone(),
            credential_type: licence.id,
            list: 0,
            digest,
            entries,
            as_of: 1,
        });
        let anchor = record.state_key();
        let sender = Sender::Did { did: issuer, fragment: "key-0".into() };
        let (network_id, nonce) = (node.anchor().network_id, node.next_nonce(&sender));
        let writes = vec![Write { record, previous_version: 0 }];
        let body = TransactionBody { network_id, sender, nonce, writes };
        let bytes = body.signed_by(&[&key(500)]).unwrap().encode();
        self.runtime.block_on(node.submit(bytes)).unwrap();
        node.put_status_list(&Attachment { anchor, packed: attachment::pack(&list) }).unwrap();
        list
    }

    fn govern(&self, node: &Node, records: Vec<Record>) -> u64 {
        let version = |record: &Record| node.record(&record.state_key()).map_or(0, |envelope| envelope.version);
        let is_new = records.iter().any(|record| version(record) == 0 && matches!(record, Record::Did(_)));
        let write = |record: Record| Write { previous_version: version(&record), record };
        let body = TransactionBody {
            network_id: node.anchor().network_id,
            sender: Sender::Governance,
            nonce: node.next_nonce(&Sender::Governance),
            writes: records.into_iter().map(write).collect(),
        };
        // New organisations ask for their names themselves.
        let founders = if is_new { vec![key(500), key(600)] } else { vec![] };
        let signers: Vec<_> = [key(100)].into_iter().chain(founders).collect();
        let signers: Vec<&dyn Signer> = signers.iter().map(|key| key as &dyn Signer).collect();
        self.runtime.block_on(node.submit(body.signed_by(&signers).unwrap().encode())).unwrap().height
    }

    /// Writes up to a height; the most bytes that the node's folder had meanwhile.
    fn write_to(&self, node: &Node, height: u64) -> u64 {
        let (mut most, mut seen) = (0, 0);
        while node.latest().height < height {
            let at = self.govern(node, vec![large(500), large(600)]);
            if at / EPOCH > seen {
                seen = at / EPOCH;
                most = kept(&self.folder()).max(most);
            }
        }
        most
    }

    /// An empty folder of a node that knows this network.
    fn newcomer(&self) -> PathBuf {
        let folder = self.place.path().join("second");
        let (peer, nowhere) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let part = genesis::new_identity(&self.place.path().join("peer"), peer, peer, &mut rng).unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        genesis::join(&folder, listen, nowhere, &self.genesis, &[part], &mut rng).unwrap();
        folder
    }
}

/// Bytes of all files below. Files come and go while it looks.
fn size(path: &Path) -> u64 {
    if !path.is_dir() {
        return fs::metadata(path).map_or(0, |file| file.len());
    }
    fs::read_dir(path).map_or(0, |entries| entries.flatten().map(|entry| size(&entry.path())).sum())
}

/// Bytes of what is kept of blocks, records and certificates, in both storages. Beside them consensus keeps its votes of one
/// epoch, and what it heard in its newest 256 to 1,280 views.
fn kept(folder: &Path) -> u64 {
    let consensus = fs::read_dir(folder.join("consensus")).unwrap().map(|entry| entry.unwrap().path());
    let newest = consensus.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("newest-"));
    size(&folder.join("ledger.sqlite")) + newest.map(|path| size(&path)).sum::<u64>()
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

/// What the node's API answers; or the same with other status lists.
struct Serving {
    node: Node,
    lies: bool,
}

impl Serving {
    fn bundle(&self) -> Result<Vec<u8>, NodeError> {
        let bytes = self.node.snapshot()?;
        let mut bundle = TrustBundle::decode(&bytes).unwrap();
        if self.lies {
            let nobody = attachment::pack(&StatusList::new());
            bundle.attachments.iter_mut().for_each(|list| list.packed.clone_from(&nobody));
        }
        Ok(bundle.encode())
    }
}

impl Source for Serving {
    fn name(&self) -> String {
        "pruned".into()
    }

    fn get(&self, path: &str, _: usize) -> Answer {
        let found = match path.strip_prefix("/v1/snapshot/") {
            None if path == "/v1/bundle" => self.bundle(),
            None => self.node.offer().map(|offer| offer.to_vec()),
            Some(rest) => {
                let (height, prefix) = rest.split_once("?at=").unwrap();
                self.node.part(height.parse().unwrap(), &prefix.parse().unwrap()).map(|part| part.encode())
            }
        };
        found.map_or(Answer::Nothing, Answer::Bytes)
    }
}

/// The newest value with its proof, an absence, the bundle, and what changed since a block that is not kept.
fn serves_what_is_in_force(node: &Node, lists: &StatusList) {
    let key = StateKey::did(&did(600));
    let proven = protocol::ledger::check(node.anchor(), &node.proof(&key).unwrap(), node.first_block()).unwrap();
    assert_eq!(proven.envelope, node.record(&key));
    let absent = node.proof(&StateKey::did(&did(9_999))).unwrap();
    assert_eq!(protocol::ledger::check(node.anchor(), &absent, node.first_block()).unwrap().envelope, None);
    let whole = node.bundle(Scope::Snapshot).unwrap().verify(node.anchor(), node.first_block()).unwrap();
    assert!(whole.did(&did(500)).is_some());
    // With the status list, whoever sent it here.
    let listed = node.bundle(Scope::Snapshot).unwrap().attachments;
    let unpacked = listed.iter().map(|list| attachment::unpack(&list.packed, &lists.digest()));
    assert!(matches!(&unpacked.collect::<Vec<_>>()[..], [Ok(found)] if found == lists));
    assert!(node.bundle(Scope::Delta { since: 5 }).unwrap().values.len() > 1);
}

#[test]
fn a_node_that_keeps_the_newest_blocks_does_not_grow_and_serves_what_is_in_force() {
    let world = World::new();
    let node = world.start(Some(KEPT)).unwrap();
    // Another share: what is dropped later includes the block that appointed those in office.
    let same = vec![Validator { key: world.genesis.validators[0], address: String::new() }];
    world.govern(&node, vec![Record::Validators(ValidatorSet { validators: same })]);
    let list = world.put_list(&node);
    // The most there is: what is kept, an epoch that is not over, and a section that is not full. Then nothing may grow.
    let full = KEPT + EPOCH + 2 * SECTION;
    world.write_to(&node, full);
    let before = world.write_to(&node, full + 128);
    let after = world.write_to(&node, full + 256);
    println!("at most {before} bytes during 128 blocks of 4 KiB, {after} during the next 128");
    // Two sections: 128 blocks are more than half a megabyte in each of the two.
    assert!(after < before + 128 * 1024, "it grows: {before} {after}");

    let (first, last) = (node.first_block(), node.latest().height);
    assert!((KEPT..=KEPT + 2 * EPOCH).contains(&(last - first)), "{first} of {last}");
    assert!(matches!(node.block(first - 1), Err(NodeError::NotKept)));
    assert!(node.block(first).unwrap().is_some() && node.block(last).unwrap().is_some());
    let versions = node.versions(&StateKey::did(&did(500))).unwrap();
    assert!(versions.len() < 100 && versions[0].envelope.height <= first, "{} versions", versions.len());
    // Written once, long before: in force, and older than what is known here.
    let appointed = node.versions(&StateKey::validators()).unwrap();
    assert!(appointed.last().is_some_and(|version| version.is_inherited), "{appointed:?}");

    // A node that has nothing begins with its state.
    serves_what_is_in_force(&node, &list);
    let offer = Offer::decode(&node.offer().unwrap()).unwrap();
    assert_eq!(offer.appointment.len(), 1, "the block that appointed those in office is still known");
    let newcomer = world.newcomer();
    // SNAP-06: a list that is not the one on the ledger is not taken, and the next source is asked.
    let serving = |lies| -> Box<dyn Source + Send + Sync> { Box::new(Serving { node: node.clone(), lies }) };
    let sources = [serving(true), serving(false)];
    let fetched = fetch(&newcomer, &sources, &Progress::default(), &|| false).unwrap();
    let second = Node::start(&NodeConfig::new(&newcomer)).unwrap();
    assert_eq!((second.latest().height, second.state_root()), (fetched.height, fetched.state_root));
    serves_what_is_in_force(&second, &list);
    second.stop().unwrap();
    node.stop().unwrap();
    let last = node.latest().height;
    drop((second, sources, node));

    // It is whole, goes on after a restart, and drops nothing any more when it is not told to.
    let audited = audit::audit(&world.folder()).unwrap();
    assert_eq!((audited.found.last, audited.executed), (last, None));
    let first = audited.found.first;
    let (folder, before) = (world.folder(), world.place.path().join("before"));
    copy(&folder, &before);
    let node = world.start(Some(KEPT)).unwrap();
    assert_eq!((node.first_block(), node.latest().height >= last), (first, true));
    world.write_to(&node, last + EPOCH);
    // It drops an epoch after its last block is final.
    let began = Instant::now();
    while node.first_block() == first {
        assert!(began.elapsed() < Duration::from_secs(120), "nothing is dropped");
        std::thread::sleep(Duration::from_millis(20));
    }
    node.stop().unwrap();
    drop(node);

    // As after a crash when it was written down where the node begins, and nothing was dropped yet: it goes on, and drops it
    // the next time.
    fs::copy(folder.join("restored.json"), before.join("restored.json")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&before, &folder).unwrap();
    let node = world.start(Some(KEPT)).unwrap();
    assert_eq!((node.first_block(), node.latest().height >= last), (first, true));
    world.write_to(&node, last + 40);
    let kept = node.first_block();
    assert!(kept > first);
    serves_what_is_in_force(&node, &list);
    node.stop().unwrap();
    drop(node);
    let node = world.start(None).unwrap();
    world.write_to(&node, last + 80);
    assert_eq!(node.first_block(), kept);
    serves_what_is_in_force(&node, &list);
    node.stop().unwrap();
}

#[test]
fn what_was_begun_to_keep_everything_keeps_it() {
    let world = World::new();
    let node = world.start(None).unwrap();
    world.govern(&node, vec![large(500), large(600)]);
    node.stop().unwrap();
    drop(node);
    let refused = world.start(Some(KEPT)).map(|_| ());
    assert!(matches!(refused, Err(NodeError::Engine(EngineError::KeepsEverything(_)))), "{refused:?}");
}
