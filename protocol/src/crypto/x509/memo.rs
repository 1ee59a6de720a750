//! Chains that a root is known to vouch for, by digest: an issuer's certificates are the same in all its credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{Purpose, VerifiedLeaf};

/// Most chains that are remembered. Only a root's owner can make one, so a stranger cannot fill it.
const CHAINS_MAX: usize = 256;

/// Shared by all clones of a root. Equal to every other: what is remembered says nothing about the root.
#[derive(Clone, Default)]
pub(super) struct Memo(Arc<Mutex<BTreeMap<[u8; 32], VerifiedLeaf>>>);

impl Memo {
    /// Every byte of the chain, and what it was checked for.
    pub(super) fn digest<T: AsRef<[u8]>>(chain: &[T], purpose: Purpose) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update([purpose as u8, chain.len() as u8]);
        for der in chain {
            hash.update((der.as_ref().len() as u64).to_be_bytes());
            hash.update(der);
        }
        hash.finalize().into()
    }

    pub(super) fn get(&self, digest: &[u8; 32]) -> Option<VerifiedLeaf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    pub(super) fn keep(&self, digest: [u8; 32], leaf: &VerifiedLeaf) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CHAINS_MAX {
            known.clear();
        }
        known.insert(digest, leaf.clone());
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl core::fmt::Debug for Memo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Memo")
    }
}
