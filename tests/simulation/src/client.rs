//! What clients ask the ledger to record, and what nobody may.

use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer as _};
use protocol::identifier::Did;
use protocol::ledger::{
    DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Sender, Transaction, TransactionBody, Write,
};

/// Name of the simulated network.
pub(crate) const NETWORK: &str = "sim";

const GOVERNOR: u8 = 250;
const THIEF: u8 = 251;
const ORGANISATIONS: u8 = 3;
const UPDATES: u64 = 4;

fn key(seed: u8) -> Ed25519SigningKey {
    Ed25519SigningKey::from_seed(&[seed; 32])
}

/// Who governs the simulated network.
pub(crate) fn governance() -> Governance {
    let PublicKey::Ed25519(governor) = key(GOVERNOR).public_key() else { unreachable!("an Ed25519 key") };
    Governance { network: NETWORK.into(), keys: vec![GovernanceKey(governor)], threshold: 1, delay: 0 }
}

/// An organisation after so many updates, each of which adds a key.
fn organisation(seed: u8, updates: u64) -> DidRecord {
    let did = Did::derive(NETWORK, &key(seed).public_key().to_multicodec()).unwrap();
    let named = |number: u64| DidKey {
        fragment: format!("key-{number}"),
        key: key(seed + 50 * number as u8).public_key(),
        purposes: Purposes::ALL,
        from: 0,
        until: None,
    };
    DidRecord { did, keys: (0..=updates).map(named).collect(), deactivated: false }
}

/// All transactions of a run.
pub(crate) struct Book {
    network_id: [u8; 32],
    /// For each sender its transactions in order.
    pub(crate) chains: Vec<Vec<Vec<u8>>>,
    /// What no block may hold.
    pub(crate) forbidden: Vec<Vec<u8>>,
    /// Sent when everything is over.
    pub(crate) last: Vec<u8>,
}

impl Book {
    pub(crate) fn new(network_id: [u8; 32]) -> Self {
        let mut book = Self { network_id, chains: Vec::new(), forbidden: Vec::new(), last: Vec::new() };
        let creations = (0..ORGANISATIONS).map(|seed| book.creation(seed, u64::from(seed))).collect();
        let updates = |seed| (0..UPDATES).map(|nonce| book.update(seed, nonce)).collect::<Vec<_>>();
        let updates: Vec<_> = (0..ORGANISATIONS).map(updates).collect();
        book.chains = [vec![creations], updates].concat();
        book.last = book.creation(ORGANISATIONS, u64::from(ORGANISATIONS));
        book.forbidden = book.forbidden();
        book
    }

    /// Whether a client made it.
    pub(crate) fn is_known(&self, transaction: &[u8]) -> bool {
        self.last == transaction || self.chains.iter().flatten().any(|known| known == transaction)
    }

    fn body(&self, sender: Sender, nonce: u64, record: DidRecord, previous_version: u64) -> TransactionBody {
        let writes = vec![Write { record: Record::Did(record), previous_version }];
        TransactionBody { network_id: self.network_id, sender, nonce, writes }
    }

    fn creation(&self, seed: u8, nonce: u64) -> Vec<u8> {
        let body = self.body(Sender::Governance, nonce, organisation(seed, 0), 0);
        body.signed_by(&[&key(GOVERNOR), &key(seed)]).unwrap().encode()
    }

    fn own(&self, seed: u8, nonce: u64, record: DidRecord, version: u64) -> TransactionBody {
        let sender = Sender::Did { did: organisation(seed, 0).did, fragment: "key-0".into() };
        self.body(sender, nonce, record, version)
    }

    fn update(&self, seed: u8, nonce: u64) -> Vec<u8> {
        let body = self.own(seed, nonce, organisation(seed, nonce + 1), nonce + 1);
        body.signed_by(&[&key(seed)]).unwrap().encode()
    }

    fn forbidden(&self) -> Vec<Vec<u8>> {
        let signed = |body: TransactionBody, seed: u8| body.signed_by(&[&key(seed)]).unwrap().encode();
        let mut damaged = self.update(0, 0);
        *damaged.last_mut().unwrap() ^= 1;
        let creation = self.body(Sender::Governance, 0, organisation(THIEF, 0), 0);
        let foreign = TransactionBody { network_id: [7; 32], ..creation.clone() };
        let unsigned = Transaction { body: creation.clone(), endorsements: vec![] };
        vec![
            // Not the sender's signature.
            damaged,
            unsigned.encode(),
            // Signed by someone who may not: by the new one alone, or without its consent.
            signed(creation.clone(), THIEF),
            signed(creation, GOVERNOR),
            signed(self.own(0, 0, organisation(0, 2), 1), THIEF),
            // An organisation writes into another one's record.
            signed(self.own(0, 0, organisation(1, 1), 1), 0),
            // For another network.
            signed(foreign, GOVERNOR),
            // Two updates at once, of a version that is not there.
            signed(self.own(1, 0, organisation(1, 2), 9), 1),
            // A nonce that never comes up.
            signed(self.own(2, 1_000, organisation(2, 1), 1), 2),
            b"not a transaction".to_vec(),
        ]
    }
}
