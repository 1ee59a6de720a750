//! What reaches the ledger, in which order, and what happens when it is not there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use issuer::ledger::{KEY_FRAGMENT, Ledger};
use issuer::register::PersonId;
use issuer::server::{AdminToken, Limits, Service, keep_published};
use issuer::{Issuer, IssuerError, RevocationReason};
use ledger_client::{ClientError, LedgerClient};
use protocol::credential::{Status, StatusList};
use protocol::identifier::Did;
use protocol::ledger::{Envelope, Purposes, Record, Sender, StateKey, Transaction};

use crate::world::*;

/// A ledger in memory that keeps the rules an issuer can break: signature, nonce, versions, epochs that
/// only increase, lists that go forward in time and fit their anchor.
#[derive(Default)]
pub(crate) struct MemoryLedger {
    pub(crate) records: Mutex<BTreeMap<StateKey, Envelope>>,
    pub(crate) lists: Mutex<BTreeMap<StateKey, StatusList>>,
    pub(crate) nonce: AtomicU64,
    /// Calls that still succeed; all when absent.
    dies_after: Mutex<Option<u32>>,
}

impl MemoryLedger {
    fn answer(&self) -> Result<(), ClientError> {
        let mut calls = self.dies_after.lock().unwrap();
        match *calls {
            Some(0) => Err(ClientError::Unavailable),
            left => {
                *calls = left.map(|left| left - 1);
                Ok(())
            }
        }
    }

    pub(crate) fn list(&self, issuer: &Issuer, credential_type: &str, number: u32) -> StatusList {
        self.lists.lock().unwrap()[&StateKey::status_list(issuer.did(), credential_type, number)].clone()
    }
}

fn forward(old: Option<&Record>, new: &Record) -> bool {
    match (old, new) {
        (Some(Record::StatusEpoch(old)), Record::StatusEpoch(new)) => new.epoch > old.epoch && new.at >= old.at,
        (Some(Record::StatusList(old)), Record::StatusList(new)) => new.as_of >= old.as_of,
        _ => true,
    }
}

impl Ledger for MemoryLedger {
    fn next_nonce(&self, _: &Sender) -> Result<u64, ClientError> {
        self.answer().map(|()| self.nonce.load(Ordering::Relaxed))
    }

    fn record(&self, key: &StateKey) -> Result<Option<Envelope>, ClientError> {
        self.answer().map(|()| self.records.lock().unwrap().get(key).cloned())
    }

    fn submit(&self, transaction: &Transaction) -> Result<(), ClientError> {
        self.answer()?;
        let transaction = Transaction::decode(&transaction.encode()).unwrap();
        transaction.verify_signatures().unwrap();
        assert_eq!(transaction.body.nonce, self.nonce.load(Ordering::Relaxed));
        assert_eq!(transaction.body.network_id, NETWORK_ID);
        for write in transaction.body.writes {
            write.record.validate().unwrap();
            let key = write.record.state_key();
            let mut records = self.records.lock().unwrap();
            let old = records.get(&key);
            assert_eq!(write.previous_version, old.map_or(0, |old| old.version));
            if !forward(old.map(|old| &old.record), &write.record) {
                return Err(ClientError::Refused("IllegalTransition".into()));
            }
            records.insert(key, Envelope { version: write.previous_version + 1, height: 1, record: write.record });
        }
        self.nonce.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn put_status_list(&self, anchor: StateKey, list: &StatusList) -> Result<(), ClientError> {
        self.answer()?;
        let records = self.records.lock().unwrap();
        let Record::StatusList(record) = &records[&anchor].record else { panic!("anchored before it is handed over") };
        assert_eq!(list.digest(), record.digest);
        self.lists.lock().unwrap().insert(anchor, list.clone());
        Ok(())
    }
}

#[test]
fn an_issuer_registers_its_own_records() {
    let world = world();
    let ledger = MemoryLedger::default();
    let keys = world.issuer.issuer_key_records(NOW, NOW + 86_400).unwrap();
    let mut records = vec![Record::Did(world.issuer.did_record(NOW))];
    records.extend(keys.into_iter().map(|key| Record::IssuerKey(Box::new(key))));
    let transaction = world.issuer.transaction(&ledger, records).unwrap();
    let sender = Sender::Did { did: world.issuer.did().clone(), fragment: KEY_FRAGMENT.into() };
    assert_eq!(transaction.body.sender, sender);
    let did = world.issuer.did_record(NOW);
    let key = did.key_for(KEY_FRAGMENT, Purposes::CONTROL, NOW).unwrap();
    assert_eq!(transaction.endorsements[0].key, key.key);
    assert_eq!(Did::derive("kr", &key.key.to_multicodec()).unwrap(), did.did);
    ledger.submit(&transaction).unwrap();
    for id in [LICENCE, ZK] {
        let keys = world.issuer.issuer_key_records(NOW, NOW + 86_400).unwrap();
        let record = keys.into_iter().find(|record| record.credential_type == id).unwrap();
        assert_eq!(record.key_id(), world.issuer.key_id(id).unwrap());
        assert!(ledger.records.lock().unwrap().contains_key(&Record::IssuerKey(Box::new(record)).state_key()));
    }
}

#[test]
fn lists_and_epochs_are_published_once() {
    let world = world();
    let ledger = MemoryLedger::default();
    assert_eq!(world.issuer.publish(&ledger, NOW), Ok(1), "the first list is public before anybody is on it");
    let (_, credential) = world.issue(HOLDER, LICENCE);
    assert_eq!(world.issuer.publish(&ledger, NOW), Ok(0), "being on it changes nothing");
    world.issuer.revoke(&PersonId::new(HOLDER), LICENCE, RevocationReason::PhoneLost, NOW).unwrap();
    world.issuer.advance_epoch(ZK, NOW).unwrap();
    world.issuer.advance_epoch(ZK, NOW + 1).unwrap();
    assert_eq!(world.issuer.publish(&ledger, NOW), Ok(3));
    assert_eq!(world.issuer.publish(&ledger, NOW), Ok(0));
    assert_eq!(ledger.list(&world.issuer, LICENCE, 0).status(credential.handle as u32), Ok(Status::Revoked));
    let epoch = StateKey::status_epoch(&world.issuer.key_id(ZK).unwrap());
    let records = ledger.records.lock().unwrap();
    let Envelope { version: 1, record: Record::StatusEpoch(record), .. } = &records[&epoch] else {
        panic!("only the latest")
    };
    assert_eq!((record.epoch, record.at), (2, NOW + 1));
}

#[test]
fn what_the_ledger_did_not_take_is_sent_again() {
    let world = world();
    let (_, credential) = world.issue(HOLDER, LICENCE);
    world.issuer.revoke(&PersonId::new(HOLDER), LICENCE, RevocationReason::PhoneLost, NOW).unwrap();
    world.issuer.advance_epoch(ZK, NOW).unwrap();
    let ledger = MemoryLedger::default();
    // Each attempt gets one call further; every interruption is made good by a later attempt.
    let mut calls = 0;
    while let Err(error) = {
        *ledger.dies_after.lock().unwrap() = Some(calls);
        world.issuer.publish(&ledger, NOW)
    } {
        assert_eq!(error, IssuerError::Ledger(ClientError::Unavailable));
        calls += 1;
    }
    assert!(calls >= 5, "{calls}");
    assert_eq!(ledger.nonce.load(Ordering::Relaxed), 2, "nothing was written twice");
    *ledger.dies_after.lock().unwrap() = None;
    assert_eq!(ledger.list(&world.issuer, LICENCE, 0).status(credential.handle as u32), Ok(Status::Revoked));
    // A new process finds what is waiting, and what the ledger refuses holds nothing else up.
    world.issuer.advance_epoch(ZK, NOW - 1).unwrap();
    world.issue(HOLDER, LICENCE);
    world.issuer.revoke(&PersonId::new(HOLDER), LICENCE, RevocationReason::PhoneLost, NOW).unwrap();
    let restarted = Issuer::open(world.dir.path(), world.register.clone()).unwrap();
    let refused = IssuerError::Ledger(ClientError::Refused("IllegalTransition".into()));
    assert_eq!(restarted.publish(&ledger, NOW), Err(refused));
    assert_eq!(ledger.nonce.load(Ordering::Relaxed), 3, "the list went through");
}

/// A ledger before one of whose calls something else happens, once.
struct Interrupted<'a> {
    ledger: &'a MemoryLedger,
    calls_before: AtomicU64,
    meanwhile: &'a (dyn Fn() + Sync),
}

impl Interrupted<'_> {
    fn call(&self) -> &MemoryLedger {
        let left = self.calls_before.load(Ordering::Relaxed);
        self.calls_before.store(left.wrapping_sub(1), Ordering::Relaxed);
        if left == 0 {
            (self.meanwhile)();
        }
        self.ledger
    }
}

impl Ledger for Interrupted<'_> {
    fn next_nonce(&self, sender: &Sender) -> Result<u64, ClientError> {
        self.call().next_nonce(sender)
    }

    fn record(&self, key: &StateKey) -> Result<Option<Envelope>, ClientError> {
        self.call().record(key)
    }

    fn submit(&self, transaction: &Transaction) -> Result<(), ClientError> {
        let ledger = self.call();
        if transaction.body.nonce != ledger.nonce.load(Ordering::Relaxed) {
            return Err(ClientError::Refused("DuplicateTx".into()));
        }
        ledger.submit(transaction)
    }

    fn put_status_list(&self, anchor: StateKey, list: &StatusList) -> Result<(), ClientError> {
        let ledger = self.call();
        let anchored = ledger.records.lock().unwrap().get(&anchor).cloned();
        match anchored.map(|envelope| envelope.record) {
            Some(Record::StatusList(anchored)) if anchored.digest == list.digest() => {
                ledger.put_status_list(anchor, list)
            }
            _ => Err(ClientError::Refused("DigestMismatch".into())),
        }
    }
}

#[test]
fn issu_23_an_older_list_never_takes_the_place_of_a_newer_one() {
    if crate::database::is_postgresql() {
        // There whoever publishes waits for the others; a file is shared with commands, which do not.
        return;
    }
    for calls_before in 0..4 {
        let world = world();
        let ledger = MemoryLedger::default();
        let (person, lost) = (PersonId::new(HOLDER), RevocationReason::PhoneLost);
        let (_, first) = world.issue(HOLDER, LICENCE);
        world.issuer.revoke(&person, LICENCE, lost, NOW).unwrap();
        let (_, second) = world.issue(HOLDER, LICENCE);
        let other = Issuer::open(world.dir.path(), world.register.clone()).unwrap();
        let meanwhile = || {
            other.revoke(&person, LICENCE, lost, NOW).unwrap();
            other.publish(&ledger, NOW).unwrap();
        };
        let interrupted =
            Interrupted { ledger: &ledger, calls_before: AtomicU64::new(calls_before), meanwhile: &meanwhile };
        // It may be refused; then it comes again.
        let _ = world.issuer.publish(&interrupted, NOW);
        let key = StateKey::status_list(world.issuer.did(), LICENCE, 0);
        let anchored = ledger.records.lock().unwrap()[&key].record.clone();
        let Record::StatusList(anchored) = anchored else { panic!("a list") };
        let newest = world.issuer.status_list(LICENCE, 0).unwrap();
        assert_eq!(anchored.digest, newest.digest(), "interrupted before call {calls_before}");
        world.issuer.publish(&ledger, NOW).unwrap();
        for credential in [first, second] {
            let list = ledger.list(&world.issuer, LICENCE, 0);
            assert_eq!(list.status(credential.handle as u32), Ok(Status::Revoked));
        }
    }
}

#[test]
fn a_ledger_that_is_not_there_is_reported() {
    let world = world();
    world.issue(HOLDER, LICENCE);
    // Port 9 (discard) has no listener on a machine of this century.
    let nowhere = LedgerClient::new("http://127.0.0.1:9");
    assert_eq!(world.issuer.publish(&nowhere, NOW), Err(IssuerError::Ledger(ClientError::Unavailable)));
}

#[tokio::test]
async fn a_service_publishes_by_itself_what_was_waiting() {
    let world = world();
    let (_, credential) = world.issue(HOLDER, LICENCE);
    world.issuer.revoke(&PersonId::new(HOLDER), LICENCE, RevocationReason::PhoneLost, NOW).unwrap();
    let (issuer, ledger) = (Arc::new(world.issuer), Arc::new(MemoryLedger::default()));
    let token = AdminToken::load(world.dir.path(), &mut fresh()).unwrap();
    let service = Service::new(issuer.clone(), Arc::new(|| NOW), token, Limits::default());
    let publishing = tokio::spawn(keep_published(service, ledger.clone()));
    for _ in 0..500 {
        if !ledger.lists.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    publishing.abort();
    assert_eq!(ledger.list(&issuer, LICENCE, 0).status(credential.handle as u32), Ok(Status::Revoked));
}
