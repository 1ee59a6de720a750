//! The trust anchor: all that an offline verifier must be given once (`specs/ledger-proof.md`).

use minicbor::{Decode, Encode};

use super::certificate::{self, CertificateError};
use super::header::{Header, HeaderError};
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
