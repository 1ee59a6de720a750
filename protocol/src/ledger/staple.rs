//! The issuer's own records, proven and carried beside a presentation: for verifiers whose trust bundle is older than
//! the issuer (`specs/trust-bundle.md`, "Stapled proof").

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::anchor::TrustAnchor;
use super::attachment::{self, Attachment};
use super::bundle::BundleError;
use super::key::{IssuerKeyId, StateKey};
use super::proof::ProofError;
use super::record::{Envelope, Record};
use super::state::{Entry, TrustedState};
use super::tree::{self, Path, Slot};
use crate::cbor;
use crate::credential::{CredentialType, StatusMethod};

/// Longest encoded staple, in bytes.
pub const STAPLE_MAX: usize = 64 * 1024;
/// Most records of a staple: DID, accreditation, issuer key, type and status.
pub const STAPLE_RECORDS_MAX: usize = 5;

/// Why a staple gives no trusted records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StapleError {
    /// The staple has another form, or names a record twice (STPL-01).
    #[error("the issuer's stapled proof does not have the required form; update the trust data instead")]
    StapleMalformed,
    /// A record is not proven (STPL-02).
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A status list is not the one on the ledger (STPL-03).
    #[error(transparent)]
    List(#[from] attachment::AttachmentError),
}

/// One record of a staple.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StapledRecord {
    /// The [`Path`] to it, encoded.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub path: Vec<u8>,
    /// Its value bytes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub value: Vec<u8>,
}

/// Proofs of all that is to be known of an issuer, under one certified header. Nothing in it believed yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Staple {
    /// Canonical header bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub header: Vec<u8>,
    /// The header's finalisation certificate.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub certificate: Vec<u8>,
    /// The records, in ascending order of their keys.
    #[n(2)]
    pub records: Vec<StapledRecord>,
    /// The status list, where the credential is on one.
    #[n(3)]
    pub lists: Vec<Attachment>,
}

/// Proven records of one issuer. What is not here is not known; on the ledger it may well be.
#[derive(Debug, Clone)]
pub struct StapledRecords(TrustedState);

impl StapledRecords {
    /// The records, to look up in. That something is missing means nothing.
    #[must_use]
    pub fn records(&self) -> &TrustedState {
        &self.0
    }
}

impl Staple {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a staple; believes nothing in it.
    ///
    /// # Errors
    /// [`StapleError::StapleMalformed`]
    pub fn decode(bytes: &[u8]) -> Result<Self, StapleError> {
        cbor::from_slice(bytes, STAPLE_MAX).map_err(|_| StapleError::StapleMalformed) // STPL-01
    }

    /// Checks the staple for someone who has `trust` already: only what is newer than that can tell something new.
    ///
    /// # Errors
    /// [`StapleError`]
    pub fn check(&self, trust: &TrustedState) -> Result<StapledRecords, StapleError> {
        if self.records.len() > STAPLE_RECORDS_MAX || self.lists.len() > 1 {
            return Err(StapleError::StapleMalformed); // STPL-01
        }
        let anchor: &TrustAnchor = trust.anchor();
        let header = anchor.certified_header(&self.header, &self.certificate).map_err(ProofError::from)?;
        if header.height <= trust.height() {
            return Err(ProofError::LedgerStale.into()); // STPL-02: a bundle is complete up to its height.
        }
        let mut entries = BTreeMap::new();
        let mut last = None;
        for StapledRecord { path, value } in &self.records {
            let envelope = Envelope::decode(value).map_err(|_| StapleError::StapleMalformed)?;
            let key = envelope.record.state_key();
            if last.replace(key).is_some_and(|last| last >= key) {
                return Err(StapleError::StapleMalformed); // STPL-01
            }
            let path = Path::decode(path).map_err(ProofError::from)?;
            path.check(&header.state_root, &key, &Slot::Value(tree::value_hash(value))).map_err(ProofError::from)?;
            entries.insert(key, Entry::new(envelope));
        }
        let mut lists = BTreeMap::new();
        for list in &self.lists {
            let digest = match entries.get(&list.anchor).map(|entry| &entry.envelope.record) {
                Some(Record::StatusList(record)) => record.digest,
                _ => return Err(StapleError::StapleMalformed),
            };
            lists.insert(list.anchor, attachment::unpack(&list.packed, &digest)?); // STPL-03
        }
        // What never changes need not be carried.
        for (key, entry) in &trust.entries {
            if matches!(entry.envelope.record, Record::CredentialType(_) | Record::Governance(_)) {
                entries.entry(*key).or_insert_with(|| entry.clone());
            }
        }
        let made = TrustedState::new(anchor, header, self.certificate.clone(), entries, lists);
        made.map(StapledRecords).map_err(|error| match error {
            BundleError::WrongNetwork => ProofError::WrongNetwork.into(),
            _ => StapleError::StapleMalformed,
        })
    }
}

impl TrustedState {
    /// What a holder of these records staples to a presentation of a credential signed with the key `key_id`; `list`
    /// is the status list the credential is on, in types that use lists. `None` if something is missing here too.
    #[must_use]
    pub fn staple(&self, key_id: &IssuerKeyId, list: Option<u32>) -> Option<Staple> {
        let issuer_key = self.issuer_key(key_id)?;
        let (issuer, id) = (&issuer_key.issuer, &issuer_key.credential_type);
        let credential_type: &CredentialType = self.credential_type(id)?;
        let status = match (credential_type.status, list) {
            (StatusMethod::List, Some(list)) => StateKey::status_list(issuer, id, list),
            (StatusMethod::List, None) => return None,
            _ => StateKey::status_epoch(key_id),
        };
        let mut keys = [
            StateKey::did(issuer),
            StateKey::accreditation(issuer, id),
            StateKey::issuer_key(issuer, id, &issuer_key.bbs),
            StateKey::credential_type(id),
            status,
        ];
        keys.sort_unstable();
        let hashes = self.hashes();
        let stapled = |key: &StateKey| {
            let (_, path) = tree::prove(&hashes, key).ok()?;
            Some(StapledRecord { path: path.encode(), value: self.envelope(key)?.encode() })
        };
        let attached =
            self.lists.get(&status).map(|list| Attachment { anchor: status, packed: attachment::pack(list) });
        Some(Staple {
            header: self.header().encode().to_vec(),
            certificate: self.certificate().to_vec(),
            records: keys.iter().map(stapled).collect::<Option<_>>()?,
            lists: attached.into_iter().collect(),
        })
    }
}
