//! What an issuer needs of the ledger, and the transactions it sends there (`specs/issuance.md`).

use ledger_client::{ClientError, LedgerClient};
use protocol::credential::StatusList;
use protocol::ledger::{
    DidKey, DidRecord, Envelope, IssuerKey, Purposes, Record, Sender, StateKey, StatusEpoch, StatusListAnchor,
    Transaction, TransactionBody, Write,
};

use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::KeyStoreError;
use crate::store::{Publication, PublicationKind};

/// Name of the issuer's key within its DID.
pub const KEY_FRAGMENT: &str = "key-1";
/// Name of the key that signs certificates; its beginning says so (CERT-06).
pub const ROOT_FRAGMENT: &str = "x509-1";
/// Name of the key that signs W3C credentials whole.
pub const W3C_FRAGMENT: &str = "w3c-1";
/// Name of the key that signs W3C credentials that are shown in part.
pub const BBS_FRAGMENT: &str = "bbs-1";

/// The door to the ledger. Calls block until the ledger has answered; what they say is not proven, which
/// is enough for someone who only writes.
pub trait Ledger {
    /// How many transactions of `sender` the ledger holds: the nonce of the next one.
    ///
    /// # Errors
    /// [`ClientError`].
    fn next_nonce(&self, sender: &Sender) -> Result<u64, ClientError>;

    /// The record at `key`, if there is one.
    ///
    /// # Errors
    /// [`ClientError`].
    fn record(&self, key: &StateKey) -> Result<Option<Envelope>, ClientError>;

    /// Submits a transaction and returns once it is final.
    ///
    /// # Errors
    /// [`ClientError`].
    fn submit(&self, transaction: &Transaction) -> Result<(), ClientError>;

    /// Hands over a status list whose digest the ledger holds at `anchor`.
    ///
    /// # Errors
    /// [`ClientError`].
    fn put_status_list(&self, anchor: StateKey, list: &StatusList) -> Result<(), ClientError>;
}

impl Ledger for LedgerClient {
    fn next_nonce(&self, sender: &Sender) -> Result<u64, ClientError> {
        Self::next_nonce(self, sender)
    }

    fn record(&self, key: &StateKey) -> Result<Option<Envelope>, ClientError> {
        Self::record(self, key)
    }

    fn submit(&self, transaction: &Transaction) -> Result<(), ClientError> {
        Self::submit(self, transaction).map(|_| ())
    }

    fn put_status_list(&self, anchor: StateKey, list: &StatusList) -> Result<(), ClientError> {
        Self::put_status_list(self, anchor, list)
    }
}

impl Issuer {
    /// The issuer's DID with its key and those of twins, valid from `from` (unix seconds).
    #[must_use]
    pub fn did_record(&self, from: u64) -> DidRecord {
        let named =
            |fragment: &str, key, purposes| DidKey { fragment: fragment.to_owned(), key, purposes, from, until: None };
        let mut keys = vec![named(KEY_FRAGMENT, self.keys.did_key().public_key(), Purposes::ALL)];
        if let (false, Ok(twins)) = (self.description.twins.is_empty(), self.keys.twin_keys()) {
            for (fragment, key) in [(ROOT_FRAGMENT, twins.root), (W3C_FRAGMENT, twins.w3c), (BBS_FRAGMENT, twins.bbs)] {
                keys.push(named(fragment, key, Purposes::ASSERTION));
            }
        }
        DidRecord { did: self.did().clone(), keys, deactivated: false }
    }

    /// The keys for each credential type, valid for `from ≤ t < until` (unix seconds).
    ///
    /// # Errors
    /// [`IssuerError::Keys`].
    pub fn issuer_key_records(&self, from: u64, until: u64) -> Result<Vec<IssuerKey>, IssuerError> {
        let record = |id: &str| {
            let keys = self.keys.type_keys(id)?;
            Ok(IssuerKey {
                issuer: self.did().clone(),
                credential_type: id.to_owned(),
                bbs: keys.bbs,
                day_set: self.keys.day_set_key(),
                status: keys.status,
                from,
                until,
                compromised_from: None,
                sets: self.entry(id)?.sets.clone(),
            })
        };
        self.credential_types().map(|credential_type| record(&credential_type.id)).collect()
    }

    /// A transaction with these records, signed with the issuer's DID key alone. Accreditation and credential types are
    /// the governors' to write, and a new DID needs their signatures, too (LRUL-14).
    ///
    /// # Errors
    /// [`IssuerError::Ledger`] when the ledger cannot say what comes next, [`IssuerError::Keys`].
    pub fn transaction(&self, ledger: &dyn Ledger, records: Vec<Record>) -> Result<Transaction, IssuerError> {
        let nonce = ledger.next_nonce(&self.sender())?;
        let write = |record: Record| {
            let previous_version = ledger.record(&record.state_key())?.map_or(0, |envelope| envelope.version);
            Ok(Write { record, previous_version })
        };
        self.signed(nonce, records.into_iter().map(write).collect::<Result<_, ClientError>>()?)
    }

    fn sender(&self) -> Sender {
        Sender::Did { did: self.did().clone(), fragment: KEY_FRAGMENT.to_owned() }
    }

    fn signed(&self, nonce: u64, writes: Vec<Write>) -> Result<Transaction, IssuerError> {
        let body = TransactionBody { network_id: self.network_id(), nonce, sender: self.sender(), writes };
        Ok(body.signed_by(&[self.keys.did_key()]).map_err(|_| KeyStoreError::KeyUnavailable)?)
    }

    /// Publishes what the ledger does not know yet: changed status lists and new epochs. Returns how many
    /// things were published; what fails stays waiting. To be called after every withdrawal, after a
    /// restart, and now and then. Instances that share a database publish one after the other. Publishing twice at once is
    /// harmless all the same, but one of the two may be refused.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`] with the first refusal, after everything else was tried;
    /// [`IssuerError::StorageUnavailable`].
    pub fn publish(&self, ledger: &dyn Ledger, now: u64) -> Result<usize, IssuerError> {
        // Nothing to do is what there is to do most of the time, and no reason to wait for others.
        match self.store.read(|store| store.next_publication(0))? {
            Some(_) => self.store.publishing(|| self.publish_waiting(ledger, now)),
            None => Ok(0),
        }
    }

    fn publish_waiting(&self, ledger: &dyn Ledger, now: u64) -> Result<usize, IssuerError> {
        let (mut last, mut published, mut refused) = (0, 0, None);
        while let Some(publication) = self.store.read(|store| store.next_publication(last))? {
            let attempt = match publication.kind {
                PublicationKind::StatusList => self.publish_list(ledger, &publication, now),
                PublicationKind::StatusEpoch => self.publish_epoch(ledger, &publication),
            };
            match attempt {
                Ok(()) => {
                    self.store.write(|store| store.published(publication.id))?;
                    published += 1;
                }
                // What one thing is refused for need not concern the next.
                Err(IssuerError::Ledger(ClientError::Refused(name))) => {
                    refused.get_or_insert(ClientError::Refused(name));
                }
                Err(error) => return Err(error),
            }
            last = publication.id;
        }
        refused.map_or(Ok(published), |error| Err(error.into()))
    }

    fn publish_list(&self, ledger: &dyn Ledger, publication: &Publication, now: u64) -> Result<(), IssuerError> {
        let (id, number) = (&publication.credential_type, publication.number);
        let key = StateKey::status_list(self.did(), id, number);
        // ISSU-23: first what the ledger has, then what it should have: an older list cannot take the place of one that another
        // instance published in between, because the ledger refuses a nonce and a version that were used.
        let nonce = ledger.next_nonce(&self.sender())?;
        let anchored = ledger.record(&key)?;
        let list = self.status_list(id, number)?;
        let previous_version = anchored.as_ref().map_or(0, |envelope| envelope.version);
        let anchored = anchored.map(|envelope| envelope.record);
        // An attempt that was interrupted may have got as far as this.
        if !matches!(anchored, Some(Record::StatusList(anchor)) if anchor.digest == list.digest()) {
            let record = Record::StatusList(StatusListAnchor {
                issuer: self.did().clone(),
                credential_type: id.clone(),
                list: number,
                digest: list.digest(),
                entries: StatusList::ENTRIES,
                as_of: now,
            });
            ledger.submit(&self.signed(nonce, vec![Write { record, previous_version }])?)?;
        }
        Ok(ledger.put_status_list(key, &list)?)
    }

    fn publish_epoch(&self, ledger: &dyn Ledger, publication: &Publication) -> Result<(), IssuerError> {
        let entry = self.entry(&publication.credential_type)?;
        let current = self.store.read(|store| store.last_epoch(&publication.credential_type))?;
        // An epoch that was overtaken while it waited is announced by its successor.
        let Some(epoch) = current.filter(|epoch| epoch.number == publication.number) else { return Ok(()) };
        let record =
            Record::StatusEpoch(StatusEpoch { issuer_key: entry.key_id, epoch: epoch.number, at: epoch.opened_at });
        let announced = ledger.record(&record.state_key())?.map(|envelope| envelope.record);
        // The ledger takes an epoch once, so an attempt that was interrupted after that must not repeat it.
        if matches!(announced, Some(Record::StatusEpoch(announced)) if announced.epoch >= epoch.number) {
            return Ok(());
        }
        Ok(ledger.submit(&self.transaction(ledger, vec![record])?)?)
    }
}
