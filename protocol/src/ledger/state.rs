//! The ledger's state at one height, proven complete: what wallets and verifiers look things up in.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::anchor::TrustAnchor;
use super::attachment::{self, Attachment};
use super::bundle::{BundleError, Scope, TrustBundle};
use super::governing::{Succession, ValidatorSet};
use super::header::Header;
use super::key::{IssuerKeyId, StateKey};
use super::record::{
    Accreditation, DidRecord, Envelope, Governance, IssuerKey, Record, StatusEpoch, StatusListAnchor,
    VerifierRegistration,
};
use super::tree::{self, Hash};
use crate::credential::{CredentialType, StatusList};
use crate::crypto::x509::Root;
use crate::identifier::Did;

/// A record with the hash of its value bytes.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) envelope: Envelope,
    value_hash: Hash,
}

impl Entry {
    pub(super) fn new(envelope: Envelope) -> Self {
        let value_hash = tree::value_hash(&envelope.encode());
        Self { envelope, value_hash }
    }
}

pub(super) fn root(entries: &BTreeMap<StateKey, Entry>) -> Hash {
    tree::root_of(&entries.iter().map(|(key, entry)| (*key, entry.value_hash)).collect::<Vec<_>>())
}

/// All records at one height and the status lists that came with them. Comes only from a verified
/// [`TrustBundle`], so that what is absent here was absent on the ledger.
#[derive(Clone)]
pub struct TrustedState {
    anchor: TrustAnchor,
    header: Header,
    certificate: Vec<u8>,
    pub(super) entries: BTreeMap<StateKey, Entry>,
    pub(super) lists: BTreeMap<StateKey, StatusList>,
    types: BTreeMap<String, CredentialType>,
    /// Found when they are first asked for.
    pub(super) roots: OnceLock<Vec<Root>>,
}

impl TrustedState {
    pub(super) fn new(
        anchor: &TrustAnchor,
        header: Header,
        certificate: Vec<u8>,
        entries: BTreeMap<StateKey, Entry>,
        lists: BTreeMap<StateKey, StatusList>,
    ) -> Result<Self, BundleError> {
        let types = entries.values().filter_map(|entry| match &entry.envelope.record {
            // A type that a newer ledger understands and this software does not is one it does not know.
            Record::CredentialType(r) => CredentialType::parse(&r.definition).ok().map(|t| (r.id.clone(), t)),
            _ => None,
        });
        let types = types.collect();
        let state = Self { anchor: anchor.clone(), header, certificate, entries, lists, types, roots: OnceLock::new() };
        match state.governance() {
            Some(governance) if governance.network == anchor.network => Ok(state),
            _ => Err(BundleError::WrongNetwork), // BNDL-02
        }
    }

    /// Height of the state.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.header.height
    }

    /// Block time of the state, Unix milliseconds. The present is not earlier than this.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.header.timestamp_ms
    }

    /// The certified header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The certificate of the header.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The trust anchor that all of this was checked with.
    #[must_use]
    pub fn anchor(&self) -> &TrustAnchor {
        &self.anchor
    }

    /// Keys and value hashes of all records, ascending.
    pub(super) fn hashes(&self) -> Vec<tree::Entry> {
        self.entries.iter().map(|(key, entry)| (*key, entry.value_hash)).collect()
    }

    /// Short name of the network.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.anchor.network
    }

    /// The record at `key` with its version, whatever its kind.
    #[must_use]
    pub fn envelope(&self, key: &StateKey) -> Option<&Envelope> {
        self.entries.get(key).map(|entry| &entry.envelope)
    }

    /// All records, in the order of their keys.
    pub fn envelopes(&self) -> impl Iterator<Item = &Envelope> {
        self.entries.values().map(|entry| &entry.envelope)
    }

    /// Who governs the ledger.
    #[must_use]
    pub fn governance(&self) -> Option<&Governance> {
        match self.record(&StateKey::governance())? {
            Record::Governance(r) => Some(r),
            _ => None,
        }
    }

    /// Who runs the ledger; the version of the record numbers the sets.
    #[must_use]
    pub fn validators(&self) -> Option<&ValidatorSet> {
        match self.record(&StateKey::validators())? {
            Record::Validators(r) => Some(r),
            _ => None,
        }
    }

    /// What takes this network's place, once that is recorded.
    #[must_use]
    pub fn succession(&self) -> Option<&Succession> {
        match self.record(&StateKey::succession())? {
            Record::Succession(r) => Some(r),
            _ => None,
        }
    }

    /// The keys of `did`; a deactivated DID is found too and has no usable key.
    #[must_use]
    pub fn did(&self, did: &Did) -> Option<&DidRecord> {
        match self.record(&StateKey::did(did))? {
            Record::Did(r) => Some(r),
            _ => None,
        }
    }

    /// The accreditation of `issuer` for `credential_type`, if it is valid at `at` (Unix seconds).
    #[must_use]
    pub fn accreditation(&self, issuer: &Did, credential_type: &str, at: u64) -> Option<&Accreditation> {
        match self.record(&StateKey::accreditation(issuer, credential_type))? {
            Record::Accreditation(r) if r.valid_at(at) => Some(r),
            _ => None,
        }
    }

    /// The registration of the verifier `did`, unless withdrawn.
    #[must_use]
    pub fn verifier(&self, did: &Did) -> Option<&VerifierRegistration> {
        match self.record(&StateKey::verifier(did))? {
            Record::Verifier(r) if !r.withdrawn => Some(r),
            _ => None,
        }
    }

    /// The issuer key with this short name. Whether it is still to be believed: [`IssuerKey::valid_at`].
    #[must_use]
    pub fn issuer_key(&self, key_id: &IssuerKeyId) -> Option<&IssuerKey> {
        let mut first = [0; 32];
        first[..8].copy_from_slice(key_id);
        let mut found = self.entries.range(StateKey(first)..).take_while(|(key, _)| key.short() == *key_id).filter_map(
            |(_, entry)| match &entry.envelope.record {
                Record::IssuerKey(r) => Some(r.as_ref()),
                _ => None,
            },
        );
        // Two keys with one short name could be mistaken for each other: then neither is found.
        found.next().filter(|_| found.next().is_none())
    }

    /// All keys of `issuer` for `credential_type`.
    pub fn issuer_keys<'a>(&'a self, issuer: &'a Did, credential_type: &'a str) -> impl Iterator<Item = &'a IssuerKey> {
        self.envelopes().filter_map(move |envelope| match &envelope.record {
            Record::IssuerKey(r) if r.issuer == *issuer && r.credential_type == credential_type => Some(r.as_ref()),
            _ => None,
        })
    }

    /// The credential type with this id.
    #[must_use]
    pub fn credential_type(&self, id: &str) -> Option<&CredentialType> {
        self.types.get(id)
    }

    /// All credential types.
    pub fn credential_types(&self) -> impl Iterator<Item = &CredentialType> {
        self.types.values()
    }

    /// A status list, if the bundle carried it. `None` says nothing about anyone: without the list no
    /// credential on it is known to be valid.
    #[must_use]
    pub fn status_list(&self, issuer: &Did, credential_type: &str, list: u32) -> Option<&StatusList> {
        self.lists.get(&StateKey::status_list(issuer, credential_type, list))
    }

    /// What the ledger says of a status list: its digest and the time it shows.
    #[must_use]
    pub fn status_list_anchor(&self, issuer: &Did, credential_type: &str, list: u32) -> Option<&StatusListAnchor> {
        match self.record(&StateKey::status_list(issuer, credential_type, list))? {
            Record::StatusList(r) => Some(r),
            _ => None,
        }
    }

    /// The current status epoch of an issuer key.
    #[must_use]
    pub fn status_epoch(&self, key_id: &IssuerKeyId) -> Option<&StatusEpoch> {
        match self.record(&StateKey::status_epoch(key_id))? {
            Record::StatusEpoch(r) => Some(r),
            _ => None,
        }
    }

    /// The whole bundle that gives this state again: what to keep on disk after applying deltas.
    #[must_use]
    pub fn to_bundle(&self) -> TrustBundle {
        TrustBundle {
            header: self.header.encode().to_vec(),
            certificate: self.certificate.clone(),
            scope: Scope::Snapshot,
            values: self.envelopes().map(|envelope| envelope.encode().into()).collect(),
            attachments: (self.lists.iter())
                .map(|(anchor, list)| Attachment { anchor: *anchor, packed: attachment::pack(list) })
                .collect(),
            changes: Vec::new(),
        }
    }

    fn record(&self, key: &StateKey) -> Option<&Record> {
        self.envelope(key).map(|envelope| &envelope.record)
    }
}

impl core::fmt::Debug for TrustedState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (height, records, lists) = (self.height(), self.entries.len(), self.lists.len());
        write!(f, "TrustedState({} height {height}, {records} records, {lists} lists)", self.anchor.network)
    }
}
