//! The trust anchor: all that an offline verifier must be given once (`specs/ledger-proof.md`).

use minicbor::{Decode, Encode};

use super::certificate::{self, CertificateError};
use super::governing::Succession;
use super::header::{Header, HeaderError};
use super::proof::{self, LedgerProof, ProofError};
use super::record::Record;
use crate::cbor::{self, EncodingError};

/// Longest encoded anchor, in bytes.
pub const ANCHOR_MAX: usize = 300;

/// Which network is trusted, and the key that speaks for all its validators, present and future.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TrustAnchor {
    /// Short name of the network, the third part of its DIDs.
    #[n(0)]
    pub network: String,
    /// Hash of the network's genesis.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub network_id: [u8; 32],
    /// Group key of the validators, compressed point of G2.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub group_key: [u8; 96],
}

/// Why a header is not one of the anchored network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// The header bytes are not a header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The validators did not finalise it.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl TrustAnchor {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads an anchor of at most [`ANCHOR_MAX`] bytes.
    ///
    /// # Errors
    /// [`EncodingError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        cbor::from_slice(bytes, ANCHOR_MAX)
    }

    /// Reads a header and checks that the validators of this network finalised it.
    ///
    /// # Errors
    /// [`AnchorError`]
    pub fn certified_header(&self, header: &[u8], certificate: &[u8]) -> Result<Header, AnchorError> {
        let header = Header::decode(header)?;
        certificate::verify_header(&header, certificate, &self.group_key, &self.network_id)?;
        Ok(header)
    }
}

impl core::fmt::Debug for TrustAnchor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TrustAnchor({} {})", self.network, hex::encode(self.network_id))
    }
}

/// Why a proof gives no new anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// The proof proves nothing under the old anchor.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof is about something else, or about a succession that did not happen.
    #[error("the ledger has recorded no successor; keep the trust anchor")]
    NotASuccession,
}

/// The anchor of the network that takes another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// The anchor from now on; the old one is given up.
    pub anchor: TrustAnchor,
    /// The height floor from now on.
    pub height_floor: u64,
}

impl TrustAnchor {
    /// Follows the network to its successor: `proof` shows, certified by this anchor's group, what takes its place
    /// (LPRF-06).
    ///
    /// # Errors
    /// [`SuccessionError`]
    pub fn succeed(&self, proof: &LedgerProof, height_floor: u64) -> Result<Successor, SuccessionError> {
        let proven = proof::check(self, proof, height_floor)?;
        let Some(Record::Succession(succession)) = proven.envelope.map(|envelope| envelope.record) else {
            return Err(SuccessionError::NotASuccession);
        };
        let Succession { network_id, group_key, height } = *succession;
        let anchor = Self { network: self.network.clone(), network_id, group_key };
        Ok(Successor { anchor, height_floor: height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
    use crate::ledger::key::StateKey;
    use crate::ledger::testkit::TestLedger;

    fn ledger(seed: u8) -> TestLedger {
        let PublicKey::Ed25519(governor) = Ed25519SigningKey::from_seed(&[1; 32]).public_key() else { unreachable!() };
        TestLedger::new("kr", [seed; 32], governor, 1_000).unwrap()
    }

    #[test]
    fn lprf_06_a_phone_follows_the_old_group_to_the_new_one() {
        let (mut old, new) = (ledger(1), ledger(2));
        let TrustAnchor { network_id, group_key, .. } = new.anchor();
        let before = old.proof(&StateKey::succession()).unwrap();
        assert_eq!(old.anchor().succeed(&before, 0), Err(SuccessionError::NotASuccession), "absent");
        old.write(&[Record::Succession(Box::new(Succession { network_id, group_key, height: 1 }))], 2_000);
        let proof = old.proof(&StateKey::succession()).unwrap();
        let successor = old.anchor().succeed(&proof, 2).unwrap();
        assert_eq!(successor, Successor { anchor: new.anchor(), height_floor: 1 });
        let governed = new.proof(&StateKey::governance()).unwrap();
        assert!(proof::check(&successor.anchor, &governed, successor.height_floor).is_ok());

        assert_eq!(old.anchor().succeed(&proof, 3), Err(SuccessionError::Proof(ProofError::LedgerStale)));
        assert_eq!(new.anchor().succeed(&proof, 0), Err(SuccessionError::Proof(ProofError::WrongNetwork)));
        let other = old.proof(&StateKey::governance()).unwrap();
        assert_eq!(old.anchor().succeed(&other, 0), Err(SuccessionError::NotASuccession));
        // Another group cannot name itself.
        let stranger = TrustAnchor { group_key, ..old.anchor() };
        assert_eq!(stranger.succeed(&proof, 0), Err(SuccessionError::Proof(ProofError::CertificateInvalid)));
    }
}
