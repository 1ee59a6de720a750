//! Four validators: what one is told, all record, and any of them proves under the same trust anchor.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use ledger_node::{Node, NodeConfig, NodeError, TxError, genesis};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Scope, Sender, StateKey, TransactionBody,
    TrustAnchor, Write, proof,
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
    body.signed_by(&[&key(100)]).unwrap().encode()
}

/// Ports that were free a moment ago.
fn addresses() -> Vec<SocketAddr> {
    let listeners: Vec<_> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

#[test]
fn what_one_records_all_prove() {
    let folder = tempfile::tempdir().unwrap();
    let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
    let governance = Governance { network: "kr".into(), keys: vec![GovernanceKey(governor)], threshold: 1 };
    let places = genesis::places(folder.path(), &addresses());
    let folders: Vec<_> = places.iter().map(|place| place.folder.clone()).collect();
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    let anchor = genesis::init(governance, places, 1_700_000_000_000, &mut random).unwrap();
    let limit = Duration::from_secs(60);
    let start = |folder| Node::start(&NodeConfig { finality_limit: limit, ..NodeConfig::new(folder) }).unwrap();
    let nodes: Vec<Node> = folders.into_iter().map(start).collect();
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
        let proven = (0..600).find_map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            let proof = node.proof(&key).ok()?;
            proof::check(&anchor, &proof, recorded.height).ok()?.envelope
        });
        assert_eq!(proven.unwrap().record, Record::Did(organisation(1)));
        let state = node.bundle(Scope::Snapshot).unwrap().verify(&anchor, recorded.height).unwrap();
        assert!(state.did(&organisation(1).did).is_some());
    }
    nodes.iter().for_each(|node| node.stop().unwrap());
}
