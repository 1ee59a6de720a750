//! A proof that the ledger held a record, or held none, at a height (`specs/ledger-proof.md`).

use minicbor::{Decode, Encode};

use super::anchor::{AnchorError, TrustAnchor};
use super::certificate::CertificateError;
use super::header::Header;
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
/// be is for the caller's policy. That the proof is about the key one asked for is [`Proven::key`].
///
/// # Errors
/// [`ProofError`]
pub fn check(anchor: &TrustAnchor, proof: &LedgerProof, height_floor: u64) -> Result<Proven, ProofError> {
    let claim = Claim::read(proof)?;
    let header = anchor.certified_header(&proof.header, &proof.certificate)?; // LPRF-02
    claim.under(&header, height_floor)
}

/// Checks what a proof says under a header that was found to be certified before: one certificate, many proofs.
///
/// # Errors
/// [`ProofError`]; [`ProofError::ProofInvalid`] also when the proof carries another header.
pub fn check_under(header: &Header, proof: &LedgerProof, height_floor: u64) -> Result<Proven, ProofError> {
    let claim = Claim::read(proof)?;
    if proof.header != header.encode() {
        return Err(ProofError::ProofInvalid);
    }
    claim.under(header, height_floor)
}

/// What a proof claims.
struct Claim {
    path: Path,
    key: StateKey,
    slot: Slot,
    envelope: Option<Envelope>,
}

impl Claim {
    /// LPRF-01, LPRF-03
    fn read(proof: &LedgerProof) -> Result<Self, ProofError> {
        let path = Path::decode(&proof.path)?;
        let (key, slot, envelope) = match &proof.evidence {
            Evidence::Present(value) => {
                let envelope = Envelope::decode(value).map_err(|_| ProofError::ProofGrammar)?;
                (envelope.record.state_key(), Slot::Value(tree::value_hash(value)), Some(envelope))
            }
            Evidence::AbsentEmpty { key } => (*key, Slot::Empty, None),
            Evidence::AbsentOther { key, other, value_hash } => (*key, Slot::Other(*other, *value_hash), None),
        };
        Ok(Self { path, key, slot, envelope })
    }

    fn under(self, header: &Header, height_floor: u64) -> Result<Proven, ProofError> {
        let Self { path, key, slot, envelope } = self;
        path.check(&header.state_root, &key, &slot)?; // LPRF-04
        if header.height < height_floor {
            return Err(ProofError::LedgerStale); // LPRF-05
        }
        Ok(Proven { key, envelope, height: header.height, time_ms: header.timestamp_ms })
    }
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
    use crate::identifier::Did;
    use crate::ledger::record::{Accreditation, Record};
    use crate::ledger::testkit::TestLedger;

    fn issuer(n: u32) -> Did {
        Did::derive("kr", &n.to_be_bytes()).unwrap()
    }

    fn record(n: u32) -> Record {
        let credential_type = "kr.licence.1".to_owned();
        Record::Accreditation(Accreditation { issuer: issuer(n), credential_type, from: 1, until: 2, withdrawn: false })
    }

    fn key(n: u32) -> StateKey {
        StateKey::accreditation(&issuer(n), "kr.licence.1")
    }

    fn ledger(records: u32) -> TestLedger {
        let PublicKey::Ed25519(governor) = Ed25519SigningKey::from_seed(&[1; 32]).public_key() else { unreachable!() };
        let mut ledger = TestLedger::new("kr", [5; 32], governor, 1_000).unwrap();
        ledger.write(&(0..records).map(record).collect::<Vec<_>>(), 5_000);
        ledger
    }

    #[test]
    fn presence_and_absence_are_proven_as_of_a_height_and_time() {
        let ledger = ledger(100);
        for n in [0, 99, 100, 101, 102, 103] {
            let proof = LedgerProof::decode(&ledger.proof(&key(n)).unwrap().encode()).unwrap();
            let proven = check(&ledger.anchor(), &proof, 2).unwrap();
            assert_eq!((proven.key, proven.height, proven.time_ms), (key(n), 2, 5_000));
            let expected = (n < 100).then(|| Envelope { version: 1, height: 2, record: record(n) });
            assert_eq!(proven.envelope, expected);
        }
    }

    #[test]
    fn lprf_02_only_the_anchored_network_is_believed() {
        let ledger = ledger(3);
        let proof = ledger.proof(&key(1)).unwrap();
        let anchor = ledger.anchor();
        let other_network = TrustAnchor { network_id: [6; 32], ..anchor.clone() };
        assert_eq!(check(&other_network, &proof, 0), Err(ProofError::WrongNetwork));
        let stranger = TestLedger::new("kr", [8; 32], [0; 32], 0).unwrap().anchor();
        let other_key = TrustAnchor { group_key: stranger.group_key, ..anchor.clone() };
        assert_eq!(check(&other_key, &proof, 0), Err(ProofError::CertificateInvalid));
        let mut older = ledger;
        older.write(&[record(7)], 6_000);
        let newer = older.proof(&key(1)).unwrap();
        let mixed = LedgerProof { certificate: proof.certificate.clone(), ..newer };
        assert_eq!(check(&anchor, &mixed, 0), Err(ProofError::CertificateInvalid));
        let no_header = LedgerProof { header: vec![1; 145 + 1], ..proof };
        assert_eq!(check(&anchor, &no_header, 0), Err(ProofError::ProofGrammar));
    }

    #[test]
    fn lprf_05_below_the_floor_is_stale() {
        let ledger = ledger(3);
        let proof = ledger.proof(&key(1)).unwrap();
        assert!(check(&ledger.anchor(), &proof, 2).is_ok());
        assert_eq!(check(&ledger.anchor(), &proof, 3), Err(ProofError::LedgerStale));
    }

    #[test]
    fn a_changed_value_or_another_key_is_refused() {
        let ledger = ledger(50);
        let present = ledger.proof(&key(1)).unwrap();
        let changed = Envelope { version: 2, height: 2, record: record(1) }.encode();
        let changed = LedgerProof { evidence: Evidence::Present(changed), ..present.clone() };
        assert_eq!(check(&ledger.anchor(), &changed, 0), Err(ProofError::ProofInvalid));
        let garbage = LedgerProof { evidence: Evidence::Present(vec![0x80]), ..present.clone() };
        assert_eq!(check(&ledger.anchor(), &garbage, 0), Err(ProofError::ProofGrammar));
        let denied = LedgerProof { evidence: Evidence::AbsentEmpty { key: key(1) }, ..present };
        assert_eq!(check(&ledger.anchor(), &denied, 0), Err(ProofError::ProofInvalid));
        let absent = ledger.proof(&key(70)).unwrap();
        let hides = match absent.evidence.clone() {
            Evidence::AbsentOther { other, value_hash, .. } => Evidence::AbsentOther { key: key(1), other, value_hash },
            _ => Evidence::AbsentEmpty { key: key(1) },
        };
        assert_eq!(
            check(&ledger.anchor(), &LedgerProof { evidence: hides, ..absent }, 0),
            Err(ProofError::ProofInvalid)
        );
    }

    /// Every bit of a whole encoded proof: none may be changed.
    #[test]
    fn no_changed_bit_is_accepted() {
        let ledger = ledger(20);
        let anchor = ledger.anchor();
        for n in [3, 33, 34, 35] {
            let bytes = ledger.proof(&key(n)).unwrap().encode();
            let mut rng = rand_chacha::ChaCha20Rng::from_seed([n as u8; 32]);
            for (at, _) in bytes.iter().enumerate() {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (rng.next_u32() % 8);
                let accepted = LedgerProof::decode(&changed)
                    .and_then(|proof| check(&anchor, &proof, 0))
                    .is_ok_and(|proven| proven.key == key(n));
                assert!(!accepted, "byte {at}");
            }
        }
    }

    #[test]
    fn lprf_01_a_proof_has_one_spelling_and_a_bound() {
        let bytes = ledger(20).proof(&key(3)).unwrap().encode();
        assert!(LedgerProof::decode(&bytes).is_ok());
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(LedgerProof::decode(&longer), Err(ProofError::ProofGrammar));
        let mut optional_field = bytes.clone();
        optional_field[0] = 0x85;
        optional_field.push(0xf6);
        assert_eq!(LedgerProof::decode(&optional_field), Err(ProofError::ProofGrammar));
        assert_eq!(LedgerProof::decode(&vec![0; PROOF_MAX + 1]), Err(ProofError::ProofGrammar));
    }

    #[test]
    fn many_proofs_are_checked_under_one_certified_header() {
        let ledger = ledger(20);
        let proof = ledger.proof(&key(3)).unwrap();
        let header = ledger.anchor().certified_header(&proof.header, &proof.certificate).unwrap();
        for n in [3, 7, 33] {
            let proof = ledger.proof(&key(n)).unwrap();
            assert_eq!(check_under(&header, &proof, 0), check(&ledger.anchor(), &proof, 0));
        }
        assert_eq!(check_under(&header, &proof, 3), Err(ProofError::LedgerStale));
        let other = Header { timestamp_ms: 1, ..header };
        assert_eq!(check_under(&other, &proof, 0), Err(ProofError::ProofInvalid));
    }
}
