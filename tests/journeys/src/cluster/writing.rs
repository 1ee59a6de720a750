//! What is written to a network of validators, and how.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::record::{DidKey, DidRecord, Purposes, Record};
use protocol::ledger::transaction::{Sender, Transaction, TransactionBody, Write};
use protocol::ledger::{Validator, ValidatorSet};
use serde_json::Value;

use super::{Cluster, NETWORK, PACE};
use crate::services::Client;

impl Cluster {
    /// The next transaction that the governors have not got through yet: one more organisation.
    #[must_use]
    pub fn next_transaction(&self) -> Vec<u8> {
        let own = organisation_key(self.next);
        let record = Record::Did(organisation(&own, false));
        self.author().transaction(Sender::Governance, self.next, record, 0, &[&self.governor, &own])
    }

    /// A transaction of the governors that writes new records, with the signatures of those who are named there.
    ///
    /// # Panics
    /// Never, with a network.
    #[must_use]
    pub fn governed(&self, nonce: u64, records: Vec<Record>, named: &[Ed25519SigningKey]) -> Vec<u8> {
        let writes = records.into_iter().map(|record| Write { record, previous_version: 0 }).collect();
        let network_id = self.anchor.as_ref().expect("made with the network").network_id;
        let body = TransactionBody { network_id, sender: Sender::Governance, nonce, writes };
        let mut signers: Vec<&dyn Signer> = vec![&self.governor];
        signers.extend(named.iter().map(|key| key as &dyn Signer));
        body.signed_by(&signers).expect("keys that sign").encode()
    }

    /// What signs for this network.
    pub(super) fn author(&self) -> Author {
        Author { network_id: self.anchor.as_ref().expect("made with the network").network_id }
    }

    /// Has the governors record the present validators once more, as the `version` after which it is not the last
    /// record of them: everyone gets a new share of the group key.
    ///
    /// # Panics
    /// When a validator refuses it.
    pub fn renew_shares(&mut self, version: u64, via: &[usize], limit: Duration) -> Option<Duration> {
        let validator = |folder: &PathBuf| {
            let public: Value = serde_json::from_slice(&std::fs::read(folder.join("public.json")).ok()?).ok()?;
            let key = hex::decode(public["node_key"].as_str()?).ok()?.try_into().ok()?;
            // They know each other's addresses.
            Some(Validator { key, address: String::new() })
        };
        let mut validators: Vec<_> = self.folders.iter().map(|it| validator(it).expect("public.json")).collect();
        validators.sort_by_key(|validator| validator.key);
        let record = Record::Validators(ValidatorSet { validators });
        let transaction = self.author().transaction(Sender::Governance, self.next, record, version, &[&self.governor]);
        self.hand_in(&transaction, via, limit)
    }

    /// Where a validator takes transactions.
    #[must_use]
    pub fn submission_url(&self, who: usize) -> String {
        format!("http://{}/v1/transactions", self.apis[who])
    }

    /// Hands the next transaction to these validators in turn until one says that it is final; says how long that
    /// took, or nothing when time is up.
    ///
    /// # Panics
    /// When a validator refuses it.
    pub fn write(&mut self, via: &[usize], limit: Duration) -> Option<Duration> {
        self.hand_in(&self.next_transaction(), via, limit)
    }

    fn hand_in(&mut self, transaction: &[u8], via: &[usize], limit: Duration) -> Option<Duration> {
        let began = Instant::now();
        let urls: Vec<_> = via.iter().map(|who| self.submission_url(*who)).collect();
        let height = hand_in(&urls, transaction, limit)?;
        self.acknowledged.push((Transaction::id(transaction), height));
        self.next += 1;
        Some(began.elapsed())
    }
}

/// What makes transactions for one network.
pub(super) struct Author {
    network_id: [u8; 32],
}

impl Author {
    /// The transaction with this nonce by which the organisation with this number records its keys, one more than at
    /// first, as the next version.
    pub(super) fn own_change(&self, number: u64, nonce: u64) -> Vec<u8> {
        let own = organisation_key(number);
        let record = organisation(&own, true);
        let sender = Sender::Did { did: record.did.clone(), fragment: "key-1".into() };
        self.transaction(sender, nonce, Record::Did(record), nonce + 1, &[&own])
    }

    fn transaction(
        &self,
        sender: Sender,
        nonce: u64,
        record: Record,
        previous_version: u64,
        keys: &[&Ed25519SigningKey],
    ) -> Vec<u8> {
        let writes = vec![Write { record, previous_version }];
        let body = TransactionBody { network_id: self.network_id, sender, nonce, writes };
        let keys: Vec<&dyn Signer> = keys.iter().map(|key| *key as &dyn Signer).collect();
        body.signed_by(&keys).expect("a key that signs").encode()
    }
}

/// Hands a transaction to these validators in turn until one says at which height it is final, or time is up.
///
/// # Panics
/// When a validator refuses it.
pub(super) fn hand_in(urls: &[String], transaction: &[u8], limit: Duration) -> Option<u64> {
    let began = Instant::now();
    let client = Client::with_timeout(limit.min(Duration::from_secs(20)));
    while began.elapsed() < limit {
        for url in urls {
            match client.post(url, transaction) {
                Some((200, body)) => {
                    let answer: Value = serde_json::from_slice(&body).expect("JSON");
                    return Some(answer["height"].as_u64().expect("a height"));
                }
                Some((400..=499, body)) => {
                    // A validator that lags behind does not know the one before yet.
                    let told = String::from_utf8_lossy(&body).into_owned();
                    assert!(told.contains("NonceGap") || told.contains("Too"), "{told}");
                }
                // Not final yet, stopping, or gone: the next one.
                _ => {}
            }
        }
        std::thread::sleep(PACE);
    }
    None
}

fn organisation_key(number: u64) -> Ed25519SigningKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    Ed25519SigningKey::from_seed(&seed)
}

/// An organisation with one key or with two.
fn organisation(own: &Ed25519SigningKey, has_second_key: bool) -> DidRecord {
    let public = own.public_key();
    let did = Did::derive(NETWORK, &public.to_multicodec()).expect("a name");
    let second = Ed25519SigningKey::from_seed(&[8; 32]).public_key();
    let keys = [("key-1", public), ("key-2", second)].into_iter().take(1 + usize::from(has_second_key));
    let keys = keys.map(|(fragment, key)| DidKey {
        fragment: fragment.into(),
        key,
        purposes: Purposes::ALL,
        from: 0,
        until: None,
    });
    DidRecord { did, keys: keys.collect(), deactivated: false }
}
