//! What an issuer needs of the ledger, and the transactions it sends there (`specs/issuance.md`).

use protocol::identifier::Did;
use protocol::ledger::{IssuerKey, Record, StateKey};
use protocol::ledger::{DidKey, DidRecord, Purposes, Sender, StatusEpoch, StatusListAnchor, TransactionBody, Write};
use protocol::credential::StatusList;

use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::KeyStoreError;
use crate::store::{Publication, PublicationKind};

/// Name of the issuer's key within its DID.
pub const KEY_FRAGMENT: &str = "key-1";

/// Why the ledger did not take something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// No node answered in time; whether the transaction will be recorded is not known.
    #[error("the ledger cannot be reached; what is waiting is sent again later")]
    LedgerUnavailable,
    /// The nodes refused the transaction.
    #[error("the ledger refused a transaction; check the issuer's registration and accreditation")]
    TransactionRefused,
}

/// The door to the ledger. Calls block until the ledger has answered.
pub trait Ledger {
    /// How many transactions of `sender` the ledger holds: the nonce of the next one.
    ///
    /// # Errors
    /// [`LedgerError::LedgerUnavailable`].
    fn next_nonce(&self, sender: &Did) -> Result<u64, LedgerError>;

    /// The version of the record at `key`; 0 when there is none.
    ///
    /// # Errors
    /// [`LedgerError::LedgerUnavailable`].
    fn version(&self, key: &StateKey) -> Result<u64, LedgerError>;

    /// Submits an encoded transaction and returns once it is final.
    ///
    /// # Errors
    /// [`LedgerError`].
    fn submit(&self, transaction: &[u8]) -> Result<(), LedgerError>;

    /// Hands over the bytes of a status list whose digest is already anchored.
    ///
    /// # Errors
    /// [`LedgerError`].
    fn put_status_list(&self, anchor: &StatusListAnchor, list: &StatusList) -> Result<(), LedgerError>;
}

impl Issuer {
    /// The issuer's DID with its one key, valid from `from` (unix seconds).
    #[must_use]
    pub fn did_record(&self, from: u64) -> DidRecord {
        let key = DidKey {
            fragment: KEY_FRAGMENT.to_owned(),
            key: self.keys.did_key().public_key(),
            purposes: Purposes::ALL,
            from,
            until: None,
        };
        DidRecord { did: self.did().clone(), keys: vec![key], deactivated: false }
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
            })
        };
        self.credential_types().map(|credential_type| record(&credential_type.id)).collect()
    }

    /// An encoded transaction with these records, signed with the issuer's DID key. Accreditation and
    /// credential types are the ministry's to write, not the issuer's.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`] when the ledger cannot say what comes next, [`IssuerError::Keys`].
    pub fn transaction(&self, ledger: &dyn Ledger, records: Vec<Record>) -> Result<Vec<u8>, IssuerError> {
        let write = |record: Record| {
            let previous_version = ledger.version(&record.state_key())?;
            Ok(Write { record, previous_version })
        };
        let body = TransactionBody {
            network_id: self.network_id(),
            sender: Sender::Did { did: self.did().clone(), fragment: KEY_FRAGMENT.to_owned() },
            nonce: ledger.next_nonce(self.did())?,
            writes: records.into_iter().map(write).collect::<Result<_, LedgerError>>()?,
        };
        let transaction = body.signed_by(&[self.keys.did_key()]).map_err(|_| KeyStoreError::KeyUnavailable)?;
        Ok(transaction.encode())
    }

    /// Publishes what the ledger does not know yet: changed status lists and new epochs. Returns how many
    /// things were published; what fails stays waiting. To be called after every withdrawal, after a
    /// restart, and now and then.
    ///
    /// # Errors
    /// [`IssuerError::Ledger`], [`IssuerError::StorageUnavailable`].
    pub fn publish(&self, ledger: &dyn Ledger, now: u64) -> Result<usize, IssuerError> {
        let mut last = 0;
        let mut published = 0;
        while let Some(publication) = self.store.read(|store| store.next_publication(last))? {
            match publication.kind {
                PublicationKind::StatusList => self.publish_list(ledger, &publication, now)?,
                PublicationKind::StatusEpoch => self.publish_epoch(ledger, &publication)?,
            }
            self.store.write(|store| store.published(publication.id))?;
            last = publication.id;
            published += 1;
        }
        Ok(published)
    }

    fn publish_list(&self, ledger: &dyn Ledger, publication: &Publication, now: u64) -> Result<(), IssuerError> {
        let list = self.status_list(&publication.credential_type, publication.number)?;
        let anchor = StatusListAnchor {
            issuer: self.did().clone(),
            credential_type: publication.credential_type.clone(),
            list: publication.number,
            digest: list.digest(),
            entries: StatusList::ENTRIES,
            as_of: now,
        };
        ledger.submit(&self.transaction(ledger, vec![Record::StatusList(anchor.clone())])?)?;
        Ok(ledger.put_status_list(&anchor, &list)?)
    }

    fn publish_epoch(&self, ledger: &dyn Ledger, publication: &Publication) -> Result<(), IssuerError> {
        let entry = self.entry(&publication.credential_type)?;
        let current = self.store.read(|store| store.last_epoch(&publication.credential_type))?;
        // An epoch that was overtaken while it waited is announced by its successor.
        let Some(epoch) = current.filter(|epoch| epoch.number == publication.number) else { return Ok(()) };
        let record = StatusEpoch { issuer_key: entry.key_id, epoch: epoch.number, at: epoch.opened_at };
        Ok(ledger.submit(&self.transaction(ledger, vec![Record::StatusEpoch(record)])?)?)
    }
}
