//! A proof that the ledger held a record, or held none, at a height (`specs/ledger-proof.md`).

use minicbor::{Decode, Encode};

use super::anchor::{AnchorError, TrustAnchor};
use super::certificate::CertificateError;
use super::key::StateKey;
use super::record::{Envelope, VALUE_MAX};
use super::tree::{self, Path, Slot, TreeError};
use crate::cbor;

/// Longest encoded proof: a path of 256 siblings and the largest value.
pub const PROOF_MAX: usize = VALUE_MAX + 10 * 1024;

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The bytes are not a proof of the one allowed form (LPRF-01, LPRF-03).
    #[error("the ledger proof does not have the required form; fetch it again")]
    ProofGrammar,
    /// The header belongs to another network than the trust anchor (LPRF-02).
    #[error("the ledger proof is about another network; use that network's trust anchor")]
    WrongNetwork,
    /// The validators did not finalise the header (LPRF-02).
    #[error("the ledger proof is not certified by the validators; use another source")]
    CertificateInvalid,
    /// The path does not lead from the value to the certified state (LPRF-04).
    #[error("the ledger proof does not lead to the certified state; use another source")]
    ProofInvalid,
    /// The header is below the height the caller has already seen (LPRF-05).
    #[error("the ledger proof is older than what is already known; fetch a new one")]
    LedgerStale,
}

impl From<TreeError> for ProofError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::ProofGrammar => Self::ProofGrammar,
            TreeError::ProofInvalid => Self::ProofInvalid,
        }
    }
}

impl From<AnchorError> for ProofError {
    fn from(error: AnchorError) -> Self {
        match error {
            AnchorError::Header(_) => Self::ProofGrammar,
            AnchorError::Certificate(CertificateError::WrongNetwork) => Self::WrongNetwork,
            AnchorError::Certificate(_) => Self::CertificateInvalid,
        }
    }
}

/// What stands where the key leads: exactly one of three forms.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Evidence {
    /// The record, as its value bytes; its key follows from it.
    #[n(0)]
    Present(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// Nothing stands where `key` leads.
    #[n(1)]
    AbsentEmpty {
        /// The key asked for.
        #[n(0)]
        key: StateKey,
    },
    /// Another record stands alone where `key` leads.
    #[n(2)]
    AbsentOther {
        /// The key asked for.
        #[n(0)]
        key: StateKey,
        /// The key found.
        #[n(1)]
        other: StateKey,
        /// SHA-256 of the value found.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        value_hash: [u8; 32],
    },
}

/// A proof as it travels, nothing in it believed yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LedgerProof {
    /// Canonical header bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub header: Vec<u8>,
    /// The header's finalisation certificate.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub certificate: Vec<u8>,
    /// The [`Path`], encoded.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub path: Vec<u8>,
    /// What it leads to.
    #[n(3)]
    pub evidence: Evidence,
}

/// What a proof has proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The key it is about.
    pub key: StateKey,
    /// The record, or `None` when the ledger held none.
    pub envelope: Option<Envelope>,
    /// As of this height.
    pub height: u64,
    /// As of this block time, Unix milliseconds.
    pub time_ms: u64,
}

impl LedgerProof {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// [`ProofError::ProofGrammar`]
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofError> {
        cbor::from_slice(bytes, PROOF_MAX).map_err(|_| ProofError::ProofGrammar) // LPRF-01
    }
}

/// Checks a proof against the trust anchor. Pure: no clock, no store.
///
/// `height_floor` is the highest height the caller has seen proven before; how old the proven time may
/// be is for the caller's policy.
///
/// # Errors
/// [`ProofError`]
pub fn check(anchor: &TrustAnchor, proof: &LedgerProof, height_floor: u64) -> Result<Proven, ProofError> {
    let path = Path::decode(&proof.path)?;
    let (key, slot, envelope) = match &proof.evidence {
        Evidence::Present(value) => {
            let envelope = Envelope::decode(value).map_err(|_| ProofError::ProofGrammar)?;
            (envelope.record.state_key(), Slot::Value(tree::value_hash(value)), Some(envelope))
        }
        Evidence::AbsentEmpty { key } => (*key, Slot::Empty, None),
        Evidence::AbsentOther { key, other, value_hash } => (*key, Slot::Other(*other, *value_hash), None),
    };
    let header = anchor.certified_header(&proof.header, &proof.certificate)?; // LPRF-02
    path.check(&header.state_root, &key, &slot)?;
    if header.height < height_floor {
        return Err(ProofError::LedgerStale); // LPRF-05
    }
    Ok(Proven { key, envelope, height: header.height, time_ms: header.timestamp_ms })
}
