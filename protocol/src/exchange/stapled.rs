//! A presentation with the issuer's records stapled to it (`specs/trust-bundle.md`, "Stapled proof").

use minicbor::{Decode, Encode};

use crate::cbor;
use crate::ledger::staple::{STAPLE_MAX, Staple};
use crate::ledger::state::TrustedState;

/// Longest encoding, in bytes.
pub const STAPLED_MAX: usize = STAPLE_MAX + 4 * 1024;

/// A presentation and what is to be known of its issuer. The staple is proven by the ledger, not by the presentation:
/// whoever passes a presentation on may add one or take it off.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StapledPresentation {
    /// The presentation's bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub presentation: Vec<u8>,
    /// The issuer's records.
    #[n(1)]
    pub staple: Staple,
}

/// What of a presentation says which records belong to it.
#[derive(Decode)]
#[cbor(map)]
struct About {
    #[cbor(n(1), with = "minicbor::bytes")]
    issuer_key: [u8; 8],
    #[n(6)]
    handle: Option<u64>,
}

impl StapledPresentation {
    /// The presentation with what `trust` knows of its issuer; `None` if that is not enough, or no presentation.
    #[must_use]
    pub fn of(presentation: &[u8], trust: &TrustedState) -> Option<Self> {
        let About { issuer_key, handle } = minicbor::decode(presentation).ok()?;
        let staple = trust.staple(&issuer_key, handle.map(|handle| (handle >> 32) as u32))?;
        Some(Self { presentation: presentation.to_vec(), staple })
    }

    /// The one encoding: an array, where a presentation alone is a map.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }
}
