//! Records about the ledger itself: who validates, what will change and when, what comes after, and how many
//! transactions each sender has made (`specs/ledger-records.md`).

use core::net::SocketAddr;

use minicbor::{Decode, Encode};

use super::key::StateKey;
use super::record::{ID_MAX, Record, RecordError, VALUE_MAX, distinct, length, public_key};
use super::transaction::Account;
use crate::cbor;
use crate::crypto::keys::PublicKey;

/// Most validators of a network.
pub const VALIDATORS_MAX: usize = 100;
/// Longest delay of governance, in seconds: 90 days.
pub const DELAY_MAX: u32 = 90 * 86_400;

/// Who runs the ledger. The version of the record numbers the set, its height is where the set was decided.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ValidatorSet {
    /// The validators, ascending by their keys.
    #[n(0)]
    pub validators: Vec<Validator>,
}

/// One validator.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Validator {
    /// Its Ed25519 node key: what its peers know it by and what cosigns its checkpoints.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// Where its peers reach it, as IP address and port; empty when they are told otherwise.
    #[n(1)]
    pub address: String,
}

impl core::fmt::Debug for Validator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Validator({} {})", hex::encode(self.key), self.address)
    }
}

impl ValidatorSet {
    pub(super) fn validate(&self) -> Result<(), RecordError> {
        length(&self.validators, 1, VALIDATORS_MAX)?;
        // LREC-04: one spelling of each set, and nobody twice in it.
        if !self.validators.is_sorted_by_key(|validator| validator.key) {
            return Err(RecordError::ListUnordered);
        }
        distinct(&self.validators.iter().map(|validator| validator.key).collect::<Vec<_>>())?;
        let addresses: Vec<_> = self.validators.iter().map(|v| &v.address).filter(|a| !a.is_empty()).collect();
        distinct(&addresses)?;
        for address in addresses {
            if address.len() > ID_MAX {
                return Err(RecordError::TextTooLong); // LREC-02
            }
            let parsed: Option<SocketAddr> = address.parse().ok();
            if parsed.is_none_or(|parsed| parsed.to_string() != *address) {
                return Err(RecordError::MalformedIdentifier); // LREC-03
            }
        }
        self.validators.iter().try_for_each(|validator| public_key(&PublicKey::Ed25519(validator.key)))
    }
}

/// What became of a scheduled change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Activation {
    /// Its time has not come; it can still be cancelled.
    #[n(0)]
    Waiting,
    /// It came into force.
    #[n(1)]
    InForce,
    /// The governors took it back before its time.
    #[n(2)]
    Cancelled,
    /// At its time the ledger's rules no longer allowed it.
    #[n(3)]
    Failed,
}

/// A change that the governors decided and everyone can see before it comes into force (LRUL-12).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Scheduled {
    /// The record as it shall be, encoded: one of the kinds that governors write.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub change: Vec<u8>,
    /// The version it replaces; 0 when it is new.
    #[n(1)]
    pub previous_version: u64,
    /// When it comes into force, Unix seconds: with the first block of this time or later.
    #[n(2)]
    pub at: u64,
    /// What became of it.
    #[n(3)]
    pub activation: Activation,
}

impl Scheduled {
    /// A change that waits for `at` (Unix seconds).
    #[must_use]
    pub fn new(change: &Record, previous_version: u64, at: u64) -> Self {
        Self { change: cbor::to_vec(change), previous_version, at, activation: Activation::Waiting }
    }

    /// The record as it shall be.
    ///
    /// # Errors
    /// [`RecordError::InvalidChange`] unless it is one of the kinds that can be scheduled.
    pub fn record(&self) -> Result<Record, RecordError> {
        let record = cbor::from_slice(&self.change, VALUE_MAX).map_err(|_| RecordError::InvalidChange)?;
        match record {
            Record::Governance(_)
            | Record::Did(_)
            | Record::Accreditation(_)
            | Record::Verifier(_)
            | Record::CredentialType(_)
            | Record::Validators(_)
            | Record::Succession(_) => Ok(record),
            _ => Err(RecordError::InvalidChange),
        }
    }

    /// Where the scheduled change stands: one for each record.
    pub(super) fn state_key(&self) -> StateKey {
        // A change that cannot be read is refused by `validate` and stands nowhere.
        self.record().map_or(StateKey::scheduled(&StateKey([0; 32])), |record| StateKey::scheduled(&record.state_key()))
    }

    pub(super) fn validate(&self) -> Result<(), RecordError> {
        self.record()?.validate()
    }
}

/// The network that takes this one's place: a new group key, or a new genesis. The old group's certificate on the
/// block that holds this record is its signature (LPRF-06).
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// Network id of the successor; this network's own when only the group key changes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub network_id: [u8; 32],
    /// The successor's group key, compressed point of G2.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub group_key: [u8; 96],
    /// The first height of the successor that may be believed.
    #[n(2)]
    pub height: u64,
}

impl core::fmt::Debug for Succession {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Succession({} from {})", hex::encode(self.network_id), self.height)
    }
}

impl Succession {
    pub(super) fn validate(&self) -> Result<(), RecordError> {
        let key = blst::min_sig::PublicKey::uncompress(&self.group_key).map_err(|_| RecordError::InvalidKey)?;
        key.validate().map_err(|_| RecordError::InvalidKey) // LREC-06
    }
}

/// How many transactions a sender has made. Only the execution of transactions writes it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct NonceCount {
    /// Whose.
    #[n(0)]
    pub account: Account,
    /// The nonce of its next transaction.
    #[n(1)]
    pub next: u64,
}
