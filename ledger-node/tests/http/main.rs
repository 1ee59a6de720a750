//! A node with one validator, talked to through the client: the whole way from a signed transaction to a
//! verified bundle, and every refusal an operator can meet.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod operations;
mod resolution;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_client::{ClientError, LedgerClient};
use ledger_node::{ListError, NodeError};
use protocol::credential::StatusList;
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::attachment::{self, Attachment};
use protocol::ledger::bundle::BundleError;
use protocol::ledger::checkpoint::quorum;
use protocol::ledger::{
    DidKey, DidRecord, Purposes, Record, Scope, Sender, StateKey, TransactionBody, TrustBundle, proof,
};

use crate::world::{
    World, accreditation, agency, agency_did, agency_record, agency_record_as_stored, governors, licence, list_record,
    now, refused, type_definition,
};

#[test]
fn from_a_transaction_to_a_verified_state() {
    let world = World::new();
    let ledger = world.client();
    assert_eq!(ledger.anchor().unwrap(), world.anchor);
    let started = Instant::now();
    let recorded = ledger.submit(&world.govern(vec![Record::Did(agency_record())])).unwrap();
    println!("final after {:?}", started.elapsed());
    assert_eq!(ledger.transaction(&recorded.id).unwrap(), recorded);
    assert_eq!(ledger.transaction(&[0; 32]), Err(ClientError::NotFound));
    ledger.submit(&world.govern(vec![type_definition(), accreditation()])).unwrap();

    // A proof of presence, and one of absence.
    let key = StateKey::did(&agency_did());
    let present = ledger.proof(&key).unwrap();
    let proven = proof::check(&world.anchor, &present, recorded.height).unwrap();
    assert_eq!(proven.envelope.unwrap().record, Record::Did(agency_record_as_stored(&world)));
    let nobody = Did::derive("kr", b"nobody").unwrap();
    let absent = proof::check(&world.anchor, &ledger.proof(&StateKey::did(&nobody)).unwrap(), 0).unwrap();
    assert_eq!(absent.envelope, None);

    // The bundle, whole and as a delta.
    let base = ledger.bundle(Scope::Snapshot).unwrap().verify(&world.anchor, 0).unwrap();
    assert!(base.accreditation(&agency_did(), &licence().id, now()).is_some());
    let list = StatusList::new();
    ledger.submit(&world.act(vec![list_record(&list)])).unwrap();
    let anchor = StateKey::status_list(&agency_did(), &licence().id, 0);
    ledger.put_status_list(anchor, &list).unwrap();
    ledger.put_status_list(anchor, &list).unwrap();
    let delta = ledger.bundle(Scope::Delta { since: base.height() }).unwrap();
    // The list's record and the agency's nonce; the list is new and comes whole.
    assert_eq!((delta.values.len(), delta.attachments.len(), delta.changes.len()), (2, 1, 0));
    let state = delta.verify_onto(&base, &world.anchor).unwrap();
    assert!(state.status_list(&agency_did(), &licence().id, 0).is_some());
    let old = ledger.bundle(Scope::Snapshot).unwrap().verify(&world.anchor, state.height() + 1);
    assert_eq!(old.err(), Some(BundleError::BundleRollback));

    let status = ledger.status().unwrap();
    assert_eq!((status.network.as_str(), status.height), ("kr", state.height()));
    assert_eq!(status.root, hex::encode(state.header().state_root));
    assert_eq!(ledger.resolve(&agency_did()).unwrap(), agency_record_as_stored(&world).document(now()));
}

#[test]
fn refusals_carry_the_name_of_the_rule() {
    let world = World::new();
    world.set_up();
    let ledger = world.client();
    let list = || list_record(&StatusList::new());
    let good = world.act(vec![list()]);

    let stranger = TransactionBody { nonce: good.body.nonce, ..good.body.clone() };
    let stranger = stranger.signed_by(&[&Ed25519SigningKey::from_seed(&[99; 32])]).unwrap();
    assert_eq!(ledger.submit(&stranger), Err(refused("Unauthorized")));
    let one_governor = world.body(Sender::Governance, vec![accreditation()]).signed_by(&[&governors()[0]]).unwrap();
    assert_eq!(ledger.submit(&one_governor), Err(refused("QuorumNotMet")));
    let mut forged = good.clone();
    forged.endorsements[0].signature.0[0] ^= 1;
    assert_eq!(ledger.submit(&forged), Err(refused("SignatureInvalid")));
    let elsewhere = TransactionBody { network_id: [1; 32], ..good.body.clone() }.signed_by(&[&agency()]).unwrap();
    assert_eq!(ledger.submit(&elsewhere), Err(refused("WrongNetwork")));
    let gap = TransactionBody { nonce: good.body.nonce + 1, ..good.body.clone() }.signed_by(&[&agency()]).unwrap();
    assert_eq!(ledger.submit(&gap), Err(refused("NonceGap")));
    assert_eq!(ledger.submit_bytes(b"nonsense"), Err(refused("Malformed")));
    assert_eq!(ledger.submit_bytes(&[good.encode(), vec![0]].concat()), Err(refused("NonCanonicalEncoding")));
    assert_eq!(ledger.submit_bytes(&vec![0; 65 * 1024]), Err(refused("TooLarge")));

    let recorded = ledger.submit(&good).unwrap();
    // The same bytes again are answered with where they stand; another transaction with their nonce is not.
    assert_eq!(ledger.submit(&good), Ok(recorded));
    let mut other = good.body.clone();
    other.writes[0].previous_version = 1;
    assert_eq!(ledger.submit(&other.signed_by(&[&agency()]).unwrap()), Err(refused("DuplicateTx")));
    let mut stale = world.act(vec![list()]).body;
    stale.writes[0].previous_version = 0;
    assert_eq!(ledger.submit(&stale.signed_by(&[&agency()]).unwrap()), Err(refused("AlreadyExists")));
}

#[test]
fn lrul_11_status_lists_are_taken_only_as_the_ledger_has_them() {
    let world = World::new();
    world.set_up();
    let ledger = world.client();
    let anchor = StateKey::status_list(&agency_did(), &licence().id, 0);
    let mut list = StatusList::new();
    assert_eq!(ledger.put_status_list(anchor, &list), Err(ClientError::NotFound));
    let unknown = world.node().put_status_list(&Attachment { anchor, packed: attachment::pack(&list) });
    assert!(matches!(unknown, Err(NodeError::StatusList(ListError::UnknownStatusList))), "{unknown:?}");
    list.revoke(5).unwrap();
    ledger.submit(&world.act(vec![list_record(&list)])).unwrap();
    assert_eq!(ledger.put_status_list(anchor, &StatusList::new()), Err(refused("StatusListMismatch")));
    ledger.put_status_list(anchor, &list).unwrap();
    assert!(world.node().put_status_list(&Attachment { anchor, packed: attachment::pack(&list) }).is_ok());

    // F13: the digest of a list that takes the revocation back is anchored; the node does not serve the list.
    ledger.submit(&world.act(vec![list_record(&StatusList::new())])).unwrap();
    assert_eq!(ledger.put_status_list(anchor, &StatusList::new()), Err(refused("RevocationTakenBack")));
    let state = ledger.bundle(Scope::Snapshot).unwrap().verify(&world.anchor, 0).unwrap();
    assert!(state.status_list(&agency_did(), &licence().id, 0).is_none());
    list.revoke(6).unwrap();
    ledger.submit(&world.act(vec![list_record(&list)])).unwrap();
    assert_eq!(ledger.put_status_list(anchor, &list), Ok(()));
}

/// An organisation that nobody else is.
fn did_of(seed: u8) -> DidRecord {
    let key = Ed25519SigningKey::from_seed(&[seed; 32]).public_key();
    let did = Did::derive("kr", &key.to_multicodec()).unwrap();
    let key = DidKey { fragment: "key-1".into(), key, purposes: Purposes::ALL, from: 0, until: None };
    DidRecord { did, keys: vec![key], deactivated: false }
}

#[test]
fn bndl_08_a_delta_says_what_changed_on_a_list() {
    let world = World::new();
    world.set_up();
    let ledger = world.client();
    let anchor = StateKey::status_list(&agency_did(), &licence().id, 0);
    let mut list = StatusList::new();
    let mut publish = |revoked: &[u32]| {
        revoked.iter().for_each(|entry| list.revoke(*entry).unwrap());
        ledger.submit(&world.act(vec![list_record(&list)])).unwrap();
        ledger.put_status_list(anchor, &list).unwrap();
        list.clone()
    };
    publish(&[5]);
    // A block after the list, so that everyone with a later state has it.
    ledger.submit(&world.govern(vec![Record::Did(did_of(9))])).unwrap();
    let base = ledger.bundle(Scope::Snapshot).unwrap().verify(&world.anchor, 0).unwrap();
    publish(&[70_000, 6]);
    let newest = publish(&[131_071]);
    let delta = ledger.bundle(Scope::Delta { since: base.height() }).unwrap();
    assert_eq!((delta.attachments.len(), delta.changes.len()), (0, 1));
    assert!(delta.changes[0].entries.len() <= 9 && delta.encode().len() < 700, "{} bytes", delta.encode().len());
    let state = delta.verify_onto(&base, &world.anchor).unwrap();
    assert!(*state.status_list(&agency_did(), &licence().id, 0).unwrap() == newest);
    assert_eq!(state.to_bundle(), ledger.bundle(Scope::Snapshot).unwrap());
}

#[test]
fn every_block_has_a_checkpoint_that_the_validator_cosigned() {
    let mut world = World::new();
    world.set_up();
    let state = world.client().bundle(Scope::Snapshot).unwrap().verify(&world.anchor, 0).unwrap();
    let validators: Vec<_> = state.validators().unwrap().validators.iter().map(|validator| validator.key).collect();
    let check = |ledger: &LedgerClient, height: Option<u64>| {
        let note = ledger.checkpoint(height).unwrap();
        let header = ledger.header(note.checkpoint.height).unwrap();
        note.check(&header, &world.anchor.network_id, &validators, quorum(validators.len())).unwrap();
        note
    };
    let newest = check(&world.client(), None);
    let first = check(&world.client(), Some(1));
    assert!(newest.checkpoint.height >= state.height() && first.checkpoint.height == 1);
    assert_eq!(world.client().checkpoint(Some(999)), Err(ClientError::NotFound));
    let (status, head, body) = world.get("/v1/checkpoints/1", "*/*");
    assert!(status == 200 && head.contains("text/plain") && body.starts_with("mid.ledger/"), "{head}");
    assert_eq!(world.get("/v1/checkpoints/x", "*/*").0, 400);
    world.stop();
    world.start();
    assert_eq!(world.client().checkpoint(Some(1)).unwrap(), first, "kept");
}

#[test]
fn the_encoded_bundle_is_made_anew_only_when_it_changes() {
    let world = World::new();
    world.set_up();
    let ledger = world.client();
    let snapshot = || world.node().snapshot().unwrap();
    let read = |bytes: &[u8]| TrustBundle::decode(bytes).unwrap().verify(&world.anchor, 0).unwrap();
    let first = snapshot();
    assert!(Arc::ptr_eq(&first, &snapshot()), "made once");
    assert_eq!(first[..], ledger.bundle(Scope::Snapshot).unwrap().encode()[..]);

    let list = StatusList::new();
    let recorded = ledger.submit(&world.act(vec![list_record(&list)])).unwrap();
    let higher = snapshot();
    assert_eq!(read(&higher).height(), recorded.height);
    assert!(read(&first).height() < recorded.height);

    let lists = |bytes: &[u8]| read(bytes).status_list(&agency_did(), &licence().id, 0).is_some();
    assert!(!lists(&higher));
    ledger.put_status_list(StateKey::status_list(&agency_did(), &licence().id, 0), &list).unwrap();
    assert!(lists(&snapshot()), "no block since, but a list");
    assert!(Arc::ptr_eq(&snapshot(), &snapshot()));
}

#[test]
fn one_sender_cannot_make_the_node_hold_transactions_without_end() {
    let world = World::new();
    world.set_up();
    let ledger = world.client();
    let next = world.act(vec![list_record(&StatusList::new())]);
    let later = |nonce| TransactionBody { nonce, ..next.body.clone() }.signed_by(&[&agency()]).unwrap();
    let too_late = later(next.body.nonce + 1_024);
    assert_eq!(ledger.submit(&too_late), Err(ClientError::Busy("SenderOverloaded".into())));
    let submitted = world.running.as_ref().unwrap().runtime.block_on(world.node().submit(too_late.encode()));
    assert!(matches!(submitted, Err(NodeError::SenderOverloaded)), "{submitted:?}");
    // The last that may wait does, in vain; the one whose turn it is gets in.
    assert_eq!(ledger.submit(&later(next.body.nonce + 1_023)), Err(refused("NonceGap")));
    assert!(ledger.submit(&next).is_ok());
}

#[test]
fn paths_and_methods_that_do_not_exist() {
    let world = World::new();
    for (path, status) in [
        ("/v1/proofs/zz", 400),
        ("/v1/proofs/00", 400),
        ("/v1/transactions/%00", 400),
        ("/v1/headers/-1", 400),
        ("/v1/headers/18446744073709551616", 400),
        ("/v1/headers/9999", 404),
        ("/v1/bundle?since=x", 400),
        ("/v1/bundle?until=1", 400),
        ("/v1/nonces/nobody", 400),
        ("/v2/bundle", 404),
        ("/health", 200),
    ] {
        assert_eq!(world.get(path, "*/*").0, status, "{path}");
    }
    let post = |path: &str| {
        world.raw(&format!("POST {path} HTTP/1.1\r\nHost: n\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")).0
    };
    assert_eq!(post("/v1/bundle"), 405);
    assert_eq!(post("/v1/status-lists"), 400);
}

#[test]
fn a_restart_loses_nothing() {
    let mut world = World::new();
    world.set_up();
    let list = StatusList::new();
    let recorded = world.client().submit(&world.act(vec![list_record(&list)])).unwrap();
    let anchor = StateKey::status_list(&agency_did(), &licence().id, 0);
    world.client().put_status_list(anchor, &list).unwrap();
    let before = world.client().status().unwrap();
    world.stop();
    world.start();
    let ledger = world.client();
    let after = ledger.status().unwrap();
    assert!(after.height >= before.height);
    assert_eq!(after.root, before.root);
    assert_eq!(ledger.transaction(&recorded.id).unwrap(), recorded);
    let state = ledger.bundle(Scope::Snapshot).unwrap().verify(&world.anchor, before.height).unwrap();
    assert!(state.status_list(&agency_did(), &licence().id, 0).is_some());
    // Nonces and versions go on where they were.
    assert_eq!(ledger.next_nonce(&Sender::Governance).unwrap(), 1);
    ledger.submit(&world.act(vec![list_record(&list)])).unwrap();
}

#[test]
fn earlier_transactions_may_be_on_their_way() {
    let world = World::new();
    world.set_up();
    let first = world.act(vec![list_record(&StatusList::new())]);
    let mut second = first.body.clone();
    second.nonce += 1;
    second.writes[0].previous_version = 1;
    let second = second.signed_by(&[&agency()]).unwrap();
    let node = world.node();
    let both = world
        .running
        .as_ref()
        .unwrap()
        .runtime
        .block_on(async { tokio::join!(node.submit(second.encode()), node.submit(first.encode())) });
    // In one block or in two, never lost and never reordered.
    assert!(both.0.unwrap().height >= both.1.unwrap().height);
}

#[test]
#[ignore = "a measurement: cargo test --release -p ledger-node --test http -- --ignored --nocapture"]
fn measure_latency_and_throughput() {
    let world = World::new();
    world.set_up();
    let ledger = world.client();
    let mut times: Vec<_> = (0..20)
        .map(|_| {
            let transaction = world.act(vec![list_record(&StatusList::new())]);
            let started = Instant::now();
            ledger.submit(&transaction).unwrap();
            started.elapsed()
        })
        .collect();
    times.sort();
    println!("submit to final: median {:?}, worst {:?}", times[10], times[19]);

    let base = world.act(vec![list_record(&StatusList::new())]).body;
    let transactions: Vec<_> = (0..1_000)
        .map(|i| {
            let mut body = base.clone();
            body.nonce += i;
            body.writes[0].previous_version += i;
            body.signed_by(&[&agency()]).unwrap().encode()
        })
        .collect();
    let running = world.running.as_ref().unwrap();
    let started = Instant::now();
    // Tasks of one thread begin in the order they are spawned.
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut waiting = tokio::task::JoinSet::new();
        for bytes in transactions {
            let node = running.node.clone();
            waiting.spawn(async move { node.submit(bytes).await });
        }
        let results = waiting.join_all().await;
        println!("{} of 1000 final", results.iter().filter(|result| result.is_ok()).count());
    });
    let elapsed = started.elapsed();
    println!("1000 transactions in {elapsed:?}: {:.0} per second", 1000.0 / elapsed.as_secs_f64());
    let bundle = ledger.bundle(Scope::Snapshot).unwrap();
    let started = Instant::now();
    bundle.verify(&world.anchor, 0).unwrap();
    println!("bundle of {} bytes verified in {:?}", bundle.encode().len(), started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(5));
}
