//! A ledger of one for tests: it keeps records and signs its own headers with a real group key.
//!
//! What it hands out passes the same checks as a real network's, under its own trust anchor and no
//! other. It applies no rules about who may write: for those run a node.

use std::collections::BTreeMap;

use blst::min_sig::SecretKey;
use minicbor::bytes::ByteVec;

use super::anchor::TrustAnchor;
use super::attachment::{self, Attachment};
use super::bundle::{Scope, TrustBundle};
use super::certificate::Certificate;
use super::header::{Header, body_root};
use super::key::StateKey;
use super::list_change::{self, ListChange};
use super::proof::{Evidence, LedgerProof};
use super::record::{Envelope, Governance, GovernanceKey, Record};
use super::state::TrustedState;
use super::tree::{self, Hash, Slot};
use crate::credential::StatusList;

/// A network of one validator, in memory.
pub struct TestLedger {
    secret: SecretKey,
    network: String,
    header: Header,
    entries: BTreeMap<StateKey, Envelope>,
    /// Every list that was published.
    lists: BTreeMap<StateKey, Vec<StatusList>>,
    /// Every digest that was recorded, with its height.
    digests: BTreeMap<StateKey, Vec<(u64, Hash)>>,
}

impl TestLedger {
    /// A network whose genesis is at `time_ms` and holds nothing but a governance record of `governor`.
    #[must_use]
    pub fn new(network: &str, seed: [u8; 32], governor: [u8; 32], time_ms: u64) -> Option<Self> {
        let secret = SecretKey::key_gen(&seed, &[]).ok()?;
        let mut ledger = Self {
            secret,
            network: network.to_owned(),
            header: Header::genesis(seed, time_ms),
            entries: BTreeMap::new(),
            lists: BTreeMap::new(),
            digests: BTreeMap::new(),
        };
        let governance =
            Governance { network: network.to_owned(), keys: vec![GovernanceKey(governor)], threshold: 1, delay: 0 };
        ledger.write(&[Record::Governance(governance)], time_ms + 1);
        Some(ledger)
    }

    /// Writes records in one new block at `time_ms`.
    pub fn write(&mut self, records: &[Record], time_ms: u64) {
        let height = self.header.height + 1;
        for record in records {
            let key = record.state_key();
            if let Record::StatusList(list) = record {
                self.digests.entry(key).or_default().push((height, list.digest));
            }
            let version = self.entries.get(&key).map_or(0, |envelope| envelope.version) + 1;
            self.entries.insert(key, Envelope { version, height, record: record.clone() });
        }
        self.header = Header {
            network_id: self.header.network_id,
            height,
            timestamp_ms: time_ms,
            parent: self.header.digest(),
            body_root: body_root::<&[u8]>(&[]),
            state_root: tree::root_of(&self.hashes()),
        };
    }

    /// Publishes the list of a status list record written before.
    pub fn publish(&mut self, anchor: StateKey, list: StatusList) {
        self.lists.entry(anchor).or_default().push(list);
    }

    /// What verifiers of this network are given once.
    #[must_use]
    pub fn anchor(&self) -> TrustAnchor {
        TrustAnchor {
            network: self.network.clone(),
            network_id: self.header.network_id,
            group_key: self.secret.sk_to_pk().compress(),
        }
    }

    /// The whole bundle, or what was written above a height.
    #[must_use]
    pub fn bundle(&self, scope: Scope) -> TrustBundle {
        let since = |height| matches!(scope, Scope::Delta { since } if height <= since);
        let changed: Vec<_> = self.entries.iter().filter(|(_, envelope)| !since(envelope.height)).collect();
        let mut attachments = Vec::new();
        let mut changes = Vec::new();
        for (key, lists) in changed.iter().filter_map(|(key, _)| Some((**key, self.lists.get(key)?))) {
            let Some(list) = lists.last() else { continue };
            // Whoever has the state of that height has the list whose digest was recorded then.
            let before = |since| {
                let (_, digest) = self.digests.get(&key)?.iter().rev().find(|(height, _)| *height <= since)?;
                lists.iter().find(|list| list.digest() == *digest)
            };
            let base = match scope {
                Scope::Snapshot => None,
                Scope::Delta { since } => before(since),
            };
            match base {
                None => attachments.push(Attachment { anchor: key, packed: attachment::pack(list) }),
                Some(base) => {
                    let entries = list_change::pack(list, list_change::differences(base, list));
                    changes.push(ListChange { anchor: key.short(), entries });
                }
            }
        }
        TrustBundle {
            header: self.header.encode().to_vec(),
            certificate: self.certificate(),
            scope,
            values: changed.iter().map(|(_, envelope)| ByteVec::from(envelope.encode())).collect(),
            attachments,
            changes,
        }
    }

    /// The state that a verifier has after checking the whole bundle; `None` when the test published
    /// something that the check refuses.
    #[must_use]
    pub fn trusted_state(&self) -> Option<TrustedState> {
        self.bundle(Scope::Snapshot).verify(&self.anchor(), 0).ok()
    }

    /// A proof of what the ledger holds at `key`.
    #[must_use]
    pub fn proof(&self, key: &StateKey) -> Option<LedgerProof> {
        let (slot, path) = tree::prove(&self.hashes(), key).ok()?;
        let evidence = match slot {
            Slot::Value(_) => Evidence::Present(self.entries.get(key)?.encode()),
            Slot::Empty => Evidence::AbsentEmpty { key: *key },
            Slot::Other(other, value_hash) => Evidence::AbsentOther { key: *key, other, value_hash },
        };
        Some(LedgerProof {
            header: self.header.encode().to_vec(),
            certificate: self.certificate(),
            path: path.encode(),
            evidence,
        })
    }

    fn hashes(&self) -> Vec<(StateKey, Hash)> {
        self.entries.iter().map(|(key, envelope)| (*key, tree::value_hash(&envelope.encode()))).collect()
    }

    fn certificate(&self) -> Vec<u8> {
        Certificate::sign(&self.secret, [0, 1, 0], &self.header)
    }
}
