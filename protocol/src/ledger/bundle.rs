//! The trust bundle: everything an offline verifier needs, in one file (`specs/trust-bundle.md`).
//!
//! Any mirror may serve it: the state root in a certified header is recomputed from all records, so
//! none can be changed, added or left out. A delta carries only what changed and is laid onto an
//! older state; the same root decides.

use std::collections::BTreeMap;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::anchor::{AnchorError, TrustAnchor};
use super::attachment::{self, Attachment, AttachmentError};
use super::certificate::CertificateError;
use super::header::Header;
use super::key::StateKey;
use super::list_change::{self, ListChange};
use super::record::{Envelope, Record};
use super::state::{Entry, TrustedState, root};
use crate::cbor;
use crate::credential::StatusList;

/// Longest encoded bundle.
pub const BUNDLE_MAX: usize = 64 * 1024 * 1024;

/// Why a bundle gives no trusted state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes are not a bundle, or a value in it not a record (BNDL-01).
    #[error("the trust bundle does not have the required form; fetch it again")]
    BundleMalformed,
    /// More bytes than [`BUNDLE_MAX`] (BNDL-01).
    #[error("the trust bundle is too large; use another source")]
    TooLarge,
    /// The bundle belongs to another network than the trust anchor (BNDL-02).
    #[error("the trust bundle is about another network; use that network's trust anchor")]
    WrongNetwork,
    /// The validators did not finalise its header (BNDL-02).
    #[error("the trust bundle is not certified by the validators; use another source")]
    CertificateInvalid,
    /// The bundle is older than what is already known (BNDL-03).
    #[error("the trust bundle is older than the one in use; keep that one")]
    BundleRollback,
    /// Records or attachments are not in ascending order of their keys, each once (BNDL-04).
    #[error("the trust bundle is not in order; fetch it again")]
    BundleUnordered,
    /// The records are not exactly those of the certified state: one is missing, changed or added (BNDL-05).
    #[error("the trust bundle is incomplete or changed; use another source")]
    StateMismatch,
    /// The bundle is a delta, and the state it builds on is missing or too old (BNDL-07).
    #[error("the trust bundle builds on a newer one than is here; fetch a whole one")]
    BaseMissing,
    /// Another block stands at this height than the one seen before: the validators' group key signed both (BNDL-09).
    #[error("two different states of one height are certified; keep both and tell the governors")]
    ForkDetected,
    /// An attachment belongs to no status list record (BNDL-06).
    #[error("the trust bundle has an attachment that the ledger does not know; use another source")]
    AttachmentUnknown,
    /// An attachment is not the list on the ledger (BNDL-06).
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
}

impl From<AnchorError> for BundleError {
    fn from(error: AnchorError) -> Self {
        match error {
            AnchorError::Header(_) => Self::BundleMalformed,
            AnchorError::Certificate(CertificateError::WrongNetwork) => Self::WrongNetwork,
            AnchorError::Certificate(_) => Self::CertificateInvalid,
        }
    }
}

/// What a bundle carries of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Scope {
    /// All of it.
    #[n(0)]
    Snapshot,
    /// What was written above a height.
    #[n(1)]
    Delta {
        /// The height.
        #[n(0)]
        since: u64,
    },
}

/// A bundle as it travels, nothing in it believed yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TrustBundle {
    /// Canonical header bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub header: Vec<u8>,
    /// The header's finalisation certificate.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub certificate: Vec<u8>,
    /// What it carries.
    #[n(2)]
    pub scope: Scope,
    /// Value bytes of the records, in ascending order of their keys.
    #[n(3)]
    pub values: Vec<ByteVec>,
    /// Status lists, in ascending order of the keys of their records. One that is left out counts as unknown.
    #[n(4)]
    pub attachments: Vec<Attachment>,
    /// Status lists of a delta as what changed on them, in ascending order. None in a whole bundle.
    #[n(5)]
    pub changes: Vec<ListChange>,
}

impl TrustBundle {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a bundle; believes nothing in it.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`], [`BundleError::BundleMalformed`]
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        // BNDL-01
        cbor::from_slice(bytes, BUNDLE_MAX).map_err(|error| match error {
            cbor::EncodingError::TooLarge => BundleError::TooLarge,
            _ => BundleError::BundleMalformed,
        })
    }

    /// Checks a whole bundle against the trust anchor. `height_floor` is the height of the newest bundle seen before.
    ///
    /// # Errors
    /// [`BundleError`]; [`BundleError::BaseMissing`] for a delta.
    pub fn verify(&self, anchor: &TrustAnchor, height_floor: u64) -> Result<TrustedState, BundleError> {
        if self.scope != Scope::Snapshot {
            return Err(BundleError::BaseMissing); // BNDL-07
        }
        if !self.changes.is_empty() {
            return Err(BundleError::BundleMalformed); // BNDL-08
        }
        self.build(anchor, height_floor, BTreeMap::new(), BTreeMap::new())
    }

    /// Checks a whole bundle or a delta that builds on `base`.
    ///
    /// # Errors
    /// [`BundleError`]; [`BundleError::BaseMissing`] when `base` is older than the delta's beginning.
    pub fn verify_onto(&self, base: &TrustedState, anchor: &TrustAnchor) -> Result<TrustedState, BundleError> {
        if matches!(self.scope, Scope::Delta { since } if since > base.height()) {
            return Err(BundleError::BaseMissing); // BNDL-07
        }
        let header = anchor.certified_header(&self.header, &self.certificate)?; // BNDL-02
        if header.height == base.height() && header != *base.header() {
            return Err(BundleError::ForkDetected); // BNDL-09
        }
        match self.scope {
            Scope::Snapshot => self.verify(anchor, base.height()),
            Scope::Delta { .. } => self.build(anchor, base.height(), base.entries.clone(), base.lists.clone()),
        }
    }

    /// The certified header, with nothing else checked: what a mirror looks at before it passes a delta on.
    ///
    /// # Errors
    /// [`BundleError`]
    pub fn certified_header(&self, anchor: &TrustAnchor) -> Result<Header, BundleError> {
        Ok(anchor.certified_header(&self.header, &self.certificate)?)
    }

    fn build(
        &self,
        anchor: &TrustAnchor,
        height_floor: u64,
        mut entries: BTreeMap<StateKey, Entry>,
        lists: BTreeMap<StateKey, StatusList>,
    ) -> Result<TrustedState, BundleError> {
        let header = anchor.certified_header(&self.header, &self.certificate)?; // BNDL-02
        if header.height < height_floor {
            return Err(BundleError::BundleRollback); // BNDL-03
        }
        let mut last = None;
        for value in &self.values {
            let envelope = Envelope::decode(value).map_err(|_| BundleError::BundleMalformed)?;
            let key = envelope.record.state_key();
            if last.replace(key).is_some_and(|last| last >= key) {
                return Err(BundleError::BundleUnordered); // BNDL-04
            }
            entries.insert(key, Entry::new(envelope));
        }
        if root(&entries) != header.state_root {
            return Err(BundleError::StateMismatch); // BNDL-05
        }
        let digest_of = |key: &StateKey| match entries.get(key).map(|entry: &Entry| &entry.envelope.record) {
            Some(Record::StatusList(list)) => Some(list.digest),
            _ => None,
        };
        let base_lists = lists;
        let current = |(key, list): &(&StateKey, &StatusList)| digest_of(key) == Some(list.digest());
        let mut lists: BTreeMap<_, _> = base_lists.iter().filter(current).map(|(k, l)| (*k, l.clone())).collect();
        let mut last = None;
        for attachment in &self.attachments {
            if last.replace(attachment.anchor).is_some_and(|last| last >= attachment.anchor) {
                return Err(BundleError::BundleUnordered); // BNDL-04
            }
            let digest = digest_of(&attachment.anchor).ok_or(BundleError::AttachmentUnknown)?;
            lists.insert(attachment.anchor, attachment::unpack(&attachment.packed, &digest)?); // BNDL-06
        }
        let mut last = None;
        for change in &self.changes {
            if last.replace(change.anchor).is_some_and(|last| last >= change.anchor) {
                return Err(BundleError::BundleUnordered); // BNDL-04
            }
            let mut first = [0; 32];
            first[..8].copy_from_slice(&change.anchor);
            let mut named = entries.range(StateKey(first)..).take_while(|(key, _)| key.short() == change.anchor);
            let (key, None) = (named.next(), named.next()) else { return Err(BundleError::AttachmentUnknown) };
            let key = *key.ok_or(BundleError::AttachmentUnknown)?.0;
            let digest = digest_of(&key).ok_or(BundleError::AttachmentUnknown)?;
            let base = base_lists.get(&key).ok_or(BundleError::BaseMissing)?;
            lists.insert(key, list_change::apply(base, &change.entries, &digest)?); // BNDL-08
        }
        TrustedState::new(anchor, header, self.certificate.clone(), entries, lists)
    }
}

#[cfg(test)]
mod tests;
