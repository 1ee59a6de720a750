//! Four validators: what one is told, all record, and any of them proves under the same trust anchor.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_client::{ClientError, LedgerClient};
use ledger_node::{Node, NodeConfig, NodeError, TxError, genesis};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Scope, Sender, StateKey, Transaction,
    TransactionBody, TrustAnchor, Write, proof,
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

fn register(anchor: &TrustAnchor, seed: u8, nonce: u64, previous_version: u64) -> Vec<u8> {
    let writes = vec![Write { record: Record::Did(organisation(seed)), previous_version }];
    let body = TransactionBody { network_id: anchor.network_id, sender: Sender::Governance, nonce, writes };
    body.signed_by(&[&key(100), &key(seed)]).unwrap().encode()
}

/// Ports that were free a moment ago.
fn addresses() -> Vec<SocketAddr> {
    let listeners: Vec<_> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// Four validators' folders.
fn network(folder: &Path) -> (TrustAnchor, Vec<PathBuf>) {
    let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
    let governance = Governance { network: "kr".into(), keys: vec![GovernanceKey(governor)], threshold: 1, delay: 0 };
    let places = genesis::places(folder, &addresses());
    let folders = places.iter().map(|place| place.folder.clone()).collect();
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    (genesis::init(governance, places, 1_700_000_000_000, &mut random).unwrap(), folders)
}

fn start(folder: &Path, finality_limit: Duration) -> Node {
    Node::start(&NodeConfig { finality_limit, ..NodeConfig::new(folder) }).unwrap()
}

/// What the node comes to say within a minute.
fn eventually<T>(ask: impl Fn() -> Option<T>) -> T {
    let again = |_| {
        std::thread::sleep(Duration::from_millis(100));
        ask()
    };
    (0..600).find_map(again).unwrap()
}

#[test]
fn what_one_records_all_prove() {
    let folder = tempfile::tempdir().unwrap();
    let (anchor, folders) = network(folder.path());
    let nodes: Vec<Node> = folders.iter().map(|folder| start(folder, Duration::from_secs(60))).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();

    let recorded = runtime.block_on(nodes[0].submit(register(&anchor, 1, 0, 0))).unwrap();
    // The next one through another node, which has to know the first.
    for node in &nodes {
        let mut tip = node.subscribe();
        runtime.block_on(async { tip.wait_for(|tip| tip.height >= recorded.height).await.map(|_| ()) }).unwrap();
    }
    runtime.block_on(nodes[2].submit(register(&anchor, 2, 1, 0))).unwrap();
    let refused = runtime.block_on(nodes[3].submit(register(&anchor, 1, 2, 0)));
    assert!(matches!(refused, Err(NodeError::Refused(TxError::AlreadyExists | TxError::NonceGap))), "{refused:?}");

    let key = StateKey::did(&organisation(1).did);
    for node in &nodes {
        assert_eq!(node.anchor(), &anchor);
        // A node proves as of its last certified height, which may lie a moment behind.
        let proven = eventually(|| {
            let proof = node.proof(&key).ok()?;
            proof::check(&anchor, &proof, recorded.height).ok()?.envelope
        });
        assert_eq!(proven.record, Record::Did(organisation(1)));
        let state = node.bundle(Scope::Snapshot).unwrap().verify(&anchor, recorded.height).unwrap();
        assert!(state.did(&organisation(1).did).is_some());
    }
    nodes.iter().for_each(|node| node.stop().unwrap());
}

#[test]
fn one_of_four_takes_transactions_and_proves_nothing_until_the_others_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (anchor, folders) = network(folder.path());
    let alone = start(&folders[0], Duration::from_millis(300));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let client = LedgerClient::new(&format!("http://{}", listener.local_addr().unwrap()));
    let router = alone.router();
    runtime.spawn(async move { axum::serve(listener, router).await });

    let transaction = register(&anchor, 1, 0, 0);
    let id = Transaction::id(&transaction);
    let submitted = runtime.block_on(alone.submit(transaction.clone()));
    assert!(matches!(submitted, Err(NodeError::NotFinalYet(named)) if named == id), "{submitted:?}");
    assert_eq!(client.submit_bytes(&transaction), Err(ClientError::NotFinalYet));
    assert_eq!(client.transaction(&id), Err(ClientError::NotFound));
    let key = StateKey::did(&organisation(1).did);
    assert!(matches!(alone.proof(&key), Err(NodeError::NotCertifiedYet)));
    assert!(matches!(alone.bundle(Scope::Snapshot), Err(NodeError::NotCertifiedYet)));
    assert!(matches!(alone.snapshot(), Err(NodeError::NotCertifiedYet)));
    assert_eq!(client.bundle(Scope::Snapshot).err(), Some(ClientError::Busy("NotCertifiedYet".into())));

    let others: Vec<Node> = folders[1..].iter().map(|folder| start(folder, Duration::from_secs(60))).collect();
    let recorded = eventually(|| client.transaction(&id).ok());
    let state = eventually(|| client.bundle(Scope::Snapshot).ok()?.verify(&anchor, recorded.height).ok());
    assert!(state.did(&organisation(1).did).is_some());
    assert!(proof::check(&anchor, &alone.proof(&key).unwrap(), recorded.height).unwrap().envelope.is_some());
    assert_eq!(client.submit_bytes(&transaction), Ok(recorded), "the same again");
    others.iter().chain([&alone]).for_each(|node| node.stop().unwrap());
}
