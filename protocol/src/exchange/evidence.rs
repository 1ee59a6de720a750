//! The issuer's keys that proofs are made for and checked against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::predicate::Claim;
use super::presentation::PresentationError;
use super::query::Query;
use crate::credential::{CredentialType, Day};
use crate::crypto::bbs;
use crate::crypto::curve::G1Affine;
use crate::crypto::membership::{MembershipError, SetPublicKey, ValueSignature};
use crate::crypto::public_set::SetParameters;
use crate::ledger::record::IssuerKey;

/// Most bases that are remembered; asking about more sets works, and costs their calculation each time.
const BASES_MAX: usize = 256;

/// Which issuer key, of which type: what a proof is checked against. The evidence for it is the ledger's.
#[derive(Clone)]
pub struct IssuerEvidence {
    /// The ledger's network id.
    pub network: [u8; 32],
    /// The key's short name.
    pub key_id: [u8; 8],
    /// What the credential's claims are.
    pub credential_type: CredentialType,
    pub(super) bbs: bbs::PublicKey,
    pub(super) day_set: SetPublicKey,
    pub(super) status: SetPublicKey,
    sets: Arc<PublicSets>,
}

impl IssuerEvidence {
    /// Reads the keys of a ledger record; they are checked for curve and subgroup here, once. The parameters of
    /// public sets are read when a question first needs them.
    ///
    /// # Errors
    /// [`PresentationError::InvalidIssuerKey`].
    pub fn new(
        network: [u8; 32],
        record: &IssuerKey,
        credential_type: CredentialType,
    ) -> Result<Self, PresentationError> {
        let set = |bytes| SetPublicKey::from_bytes(bytes).map_err(|_| PresentationError::InvalidIssuerKey);
        let signer = bbs::PublicKey::from_bytes(bbs::Suite::Sha256, &record.bbs);
        Ok(Self {
            network,
            key_id: record.key_id(),
            credential_type,
            bbs: signer.map_err(|_| PresentationError::InvalidIssuerKey)?,
            day_set: set(&record.day_set)?,
            status: set(&record.status)?,
            sets: Arc::new(PublicSets { bytes: record.sets.clone(), ..PublicSets::default() }),
        })
    }

    /// The key that signs credentials.
    #[must_use]
    pub fn bbs(&self) -> &bbs::PublicKey {
        &self.bbs
    }

    /// The key that signed the public set of day numbers.
    #[must_use]
    pub fn day_set(&self) -> &SetPublicKey {
        &self.day_set
    }

    /// The key that signs status tokens.
    #[must_use]
    pub fn status(&self) -> &SetPublicKey {
        &self.status
    }

    /// What public sets are made of; none when the record has none, or damaged ones.
    #[must_use]
    pub fn sets(&self) -> Option<&SetParameters> {
        self.sets.parameters()
    }

    /// Calculates what answers to `query` are checked with and remembers it: the base of each set it names. Who asks
    /// the same question often does this before; nothing else is remembered, so that no presentation can fill the
    /// memory.
    pub fn prepare(&self, query: &Query) {
        for predicate in &query.prove {
            if let Some(Claim::Among(members)) = predicate.claim(&self.credential_type, Day::in_korea(0)) {
                // A set without a base fails where it is used.
                let _ = self.sets.base(&members, true);
            }
        }
    }

    /// The base of a set of values.
    pub(super) fn base(&self, members: &[u64]) -> Result<G1Affine, MembershipError> {
        self.sets.base(members, false)
    }

    /// The base of a set and what proves that `member` is in it, both remembered: for a holder's own sets.
    pub(super) fn witness(&self, members: &[u64], member: u64) -> Result<ValueSignature, MembershipError> {
        self.sets.base(members, true)?;
        let others: Vec<_> = members.iter().copied().filter(|value| *value != member).collect();
        match others.len() + 1 == members.len() {
            true => self.sets.base(&others, true).map(ValueSignature),
            false => Err(MembershipError::NotAMember),
        }
    }
}

#[derive(Default)]
struct PublicSets {
    bytes: Vec<u8>,
    parameters: OnceLock<Option<SetParameters>>,
    bases: Mutex<HashMap<Vec<u64>, G1Affine>>,
}

impl PublicSets {
    fn parameters(&self) -> Option<&SetParameters> {
        self.parameters.get_or_init(|| SetParameters::from_bytes(&self.bytes).ok()).as_ref()
    }

    fn base(&self, values: &[u64], remember: bool) -> Result<G1Affine, MembershipError> {
        let known = self.bases.lock().unwrap_or_else(PoisonError::into_inner).get(values).copied();
        if let Some(base) = known {
            return Ok(base);
        }
        let base = self.parameters().ok_or(MembershipError::ParametersInvalid)?.base(values)?;
        if remember {
            let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
            if bases.len() < BASES_MAX {
                bases.insert(values.to_vec(), base);
            }
        }
        Ok(base)
    }
}
