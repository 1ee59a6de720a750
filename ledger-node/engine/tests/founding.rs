//! Four operators found a network over real sockets: no dealer, no stranger, and one may crash meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{Address, AddressableManager as _, Recipients, Sender as _};
use commonware_runtime::{Clock as _, Quota, Runner as _, Supervisor as _, tokio as runtime};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::TryCollect as _;
use commonware_utils::ordered::Map;
use protocol::crypto::domains;

use common::{TextLedger, check_chain, config, free_address, wait_for};
use ledger_engine::{Engine, EngineError, Founding, Genesis, Handle, found, new_identity};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

fn founders(root: &Path, count: usize) -> (Vec<PathBuf>, Founding) {
    let folders: Vec<_> = (0..count).map(|at| root.join(format!("node{at}"))).collect();
    let identity = |(at, folder): (usize, &PathBuf)| {
        let (address, mut rng) = (free_address(), ChaCha20Rng::seed_from_u64(at as u64));
        new_identity(folder, address, address, &mut rng).unwrap()
    };
    let parts = folders.iter().enumerate().map(identity).collect();
    let founding = Founding::new("test".into(), 1_700_000_000_000, b"texts".to_vec(), parts).unwrap();
    folders.iter().for_each(|folder| founding.store(folder).unwrap());
    (folders, founding)
}

async fn after(time: Duration) {
    tokio::time::sleep(time).await;
}

fn found_all(folders: &[PathBuf]) -> Vec<Genesis> {
    std::thread::scope(|scope| {
        let found = |folder: &PathBuf| {
            let folder = folder.clone();
            scope.spawn(move || found(&folder, std::future::pending()).unwrap().unwrap())
        };
        let running: Vec<_> = folders.iter().map(found).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn start(folder: &Path) -> (Handle, TextLedger) {
    let ledger = TextLedger::open(folder);
    (Engine::start(config(folder), ledger.clone()).unwrap(), ledger)
}

#[test]
fn founders_without_a_dealer_run_one_network_and_a_stranger_is_not_let_in() {
    let root = tempfile::tempdir().unwrap();
    let (folders, _) = founders(root.path(), 4);
    assert!(matches!(Engine::start(config(&folders[0]), TextLedger::open(&folders[0])), Err(EngineError::Io { .. })));

    // One is told to stop before the others are there, as if it crashed; nothing has been decided by then.
    assert!(found(&folders[0], after(Duration::from_secs(2))).unwrap().is_none());
    let seed = std::fs::read(folders[0].join("ceremony.key")).unwrap();

    // A stranger with a founding file that names itself knows everybody's address, and gets nowhere.
    let begun = Instant::now();
    let stranger = root.path().join("stranger");
    let mut rng = ChaCha20Rng::seed_from_u64(99);
    new_identity(&stranger, free_address(), free_address(), &mut rng).unwrap();
    Founding::load(&folders[0]).unwrap().store(&stranger).unwrap();
    let refused = found(&stranger, std::future::pending());
    assert!(matches!(refused, Err(EngineError::CeremonyFailed(_))), "{refused:?}");

    let genesis = found_all(&folders);
    eprintln!("four founders: {:?}", begun.elapsed());
    assert!(genesis.iter().all(|other| *other == genesis[0]));
    for folder in &folders {
        assert_eq!(found(folder, std::future::pending()).unwrap().as_ref(), Some(&genesis[0]), "it is made once");
        assert!(!folder.join("ceremony.key").exists());
    }
    let secret = |folder: &PathBuf, file| std::fs::read_to_string(folder.join(file)).unwrap();
    let shares: std::collections::BTreeSet<_> = folders.iter().map(|folder| secret(folder, "share.key")).collect();
    assert_eq!(shares.len(), 4);
    for (at, folder) in folders.iter().enumerate() {
        for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
            for (other, others) in folders.iter().enumerate().filter(|(other, _)| *other != at) {
                for secret in [secret(others, "node.key"), secret(others, "share.key")] {
                    assert!(!text.contains(&secret[secret.len() / 2..]), "{other}'s key in {}", file.display());
                }
            }
            assert!(!text.contains(std::str::from_utf8(&seed).unwrap()));
        }
    }

    let nodes: Vec<_> = folders.iter().map(|folder| start(folder)).collect();
    nodes[1].0.submit(b"among us".to_vec()).unwrap();
    wait_for("the commit", || nodes.iter().all(|(_, ledger)| ledger.texts() == [b"among us".to_vec()]));

    // Somebody who knows the genesis, every key and every address, but has no key that is expected, is not let in;
    // the same attempt with the key of a validator is.
    nodes[3].0.stop().unwrap();
    for (folder, admitted) in [(&stranger, false), (&folders[3], true)] {
        let told = speak_to(&folders[..3], &genesis[0], folder, b"from outside");
        assert_eq!(told, admitted, "{}", folder.display());
        if admitted {
            wait_for("the message of a validator", || nodes[0].1.texts().len() == 2);
        } else {
            assert_eq!(nodes[0].1.texts().len(), 1);
        }
    }
    for (validator, ledger) in &nodes[..3] {
        assert_eq!(validator.group_key(), genesis[0].group_key());
        assert!(check_chain(validator, &ledger.committed.lock().unwrap()) > 0);
        validator.stop().unwrap();
    }
}

/// Connects to validators with the key of `as_folder` and gossips a text; whether anybody took it within 8 seconds.
fn speak_to(folders: &[PathBuf], genesis: &Genesis, as_folder: &Path, text: &[u8]) -> bool {
    let key = |folder: &Path| {
        let seed = hex::decode(std::fs::read_to_string(folder.join("node.key")).unwrap()).unwrap();
        ed25519::PrivateKey::decode(Copying(&seed)).unwrap()
    };
    let address = |folder: &Path| -> SocketAddr {
        let node: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("node.json")).unwrap()).unwrap();
        node["listen"].as_str().unwrap().parse().unwrap()
    };
    let signer = key(as_folder);
    let mut known = vec![(signer.public_key(), Address::from(address(as_folder)))];
    known.extend(folders.iter().map(|folder| (key(folder).public_key(), Address::from(address(folder)))));
    let known: Map<_, _> = known.into_iter().try_collect().unwrap();
    let sake = Sake {
        signer,
        synchrony_bound: Duration::from_secs(5),
        max_handshake_age: Duration::from_secs(10),
        version: sake::Version::V1,
    };
    let handshake = Cups::<_, ChaCha20Poly1305>::new(sake, cups::Version::V1);
    let namespace = [domains::LEDGER_NETWORK, &genesis.network_id()].concat();
    let own = address(as_folder);
    runtime::Runner::new(runtime::Config::new()).start(|context| async move {
        let peers = NonZeroUsize::new(8).unwrap();
        let mut config =
            lookup::Config::local(handshake, &namespace, own, peers, 1 << 20, NonZeroUsize::new(1024).unwrap());
        config.bypass_ip_check = true;
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
        let (mut sender, _receiver) = network.register(5, Quota::per_second(NonZeroU32::new(128).unwrap()));
        oracle.track(0, known);
        network.start();
        for _ in 0..40 {
            if !sender.send(Recipients::All, vec![text.to_vec()].encode(), false).is_empty() {
                context.sleep(Duration::from_millis(500)).await;
                return true;
            }
            context.sleep(Duration::from_millis(200)).await;
        }
        false
    })
}
