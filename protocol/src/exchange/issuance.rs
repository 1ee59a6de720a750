//! How a wallet gets a credential: a nonce, one request, one answer (`specs/issuance.md`).
//!
//! The wallet commits to its link secret without showing it, and proves that it holds the device key it
//! names. A retry with the same idempotency key gets the same credential, also after a crash.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::cbor::{self, EncodingError};
use crate::credential::{Credential, CredentialType, HolderBinding};
use crate::crypto::domains;
use crate::crypto::keys::{PublicKey, Signature, SignatureError, Signer, SignerError};

/// Largest request, in bytes.
const REQUEST_MAX: usize = 4_096;
/// Largest answer, in bytes.
const RESPONSE_MAX: usize = 16 * 1_024;
/// Largest slice of status tokens, in bytes.
const TOKENS_MAX: usize = 8 * 1_024 * 1_024;

/// A fresh value that a request must repeat.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct IssuanceNonce {
    /// 16 random bytes, good for one request.
    #[cbor(n(0), with = "minicbor::bytes")]
    #[serde(with = "hex::serde")]
    pub nonce: [u8; 16],
    /// Unix seconds.
    #[n(1)]
    pub expires_at: u64,
}

/// A device key for one one-time copy of the credential (ISSU-14).
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CopyRequest {
    /// A key of the phone's secure area, for this copy alone.
    #[n(0)]
    pub device_key: PublicKey,
    /// By that key, over what the request's own device key signs.
    #[n(1)]
    pub device_proof: Signature,
}

/// What a wallet sends to get one credential, and its one-time copies where the type has such.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CredentialRequest {
    /// The secret of the offer.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub code: [u8; 16],
    /// The code told separately, where the offer asks for one.
    #[n(1)]
    pub tx_code: Option<String>,
    /// The type wanted.
    #[n(2)]
    pub credential_type: String,
    /// The issuer's nonce.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// Commitment to link secret and blinder, with its proof of knowledge.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub commitment: Vec<u8>,
    /// The key of the phone's secure area.
    #[n(5)]
    pub device_key: PublicKey,
    /// By the device key, over everything else here.
    #[n(6)]
    pub device_proof: Signature,
    /// Chosen by the wallet; repeating it repeats the answer.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub idempotency_key: [u8; 16],
    /// For each one-time copy its key; none in types that have no copies.
    #[n(8)]
    pub copies: Option<Vec<CopyRequest>>,
}

impl CredentialRequest {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`EncodingError`] unless the bytes are the canonical encoding of a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        cbor::from_slice(bytes, REQUEST_MAX)
    }

    /// Signs the request with the device key and those of the copies; the last step of building one.
    ///
    /// # Errors
    /// What the secure area refuses.
    pub fn sign(mut self, device: &dyn Signer, copies: &[&dyn Signer]) -> Result<Self, SignerError> {
        self.device_key = device.public_key();
        let unsigned = |key: &&dyn Signer| CopyRequest { device_key: key.public_key(), device_proof: UNSIGNED };
        self.copies = (!copies.is_empty()).then(|| copies.iter().map(unsigned).collect());
        let bytes = self.signed_bytes();
        self.device_proof = device.sign(domains::ISSUANCE_DEVICE_PROOF, &bytes)?;
        for (copy, key) in self.copies.iter_mut().flatten().zip(copies) {
            copy.device_proof = key.sign(domains::ISSUANCE_DEVICE_PROOF, &bytes)?;
        }
        Ok(self)
    }

    /// Checks that whoever sent the request holds the device keys it names (ISSU-05, ISSU-14).
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn check_device_proof(&self) -> Result<(), SignatureError> {
        let bytes = self.signed_bytes();
        let copies = self.copies.iter().flatten().map(|copy| (&copy.device_key, &copy.device_proof));
        core::iter::once((&self.device_key, &self.device_proof))
            .chain(copies)
            .try_for_each(|(key, proof)| key.verify(domains::ISSUANCE_DEVICE_PROOF, &bytes, proof))
    }

    /// ISSU-14: as many copies as the type has, or none, and each key once.
    #[must_use]
    pub fn copies_fit(&self, credential_type: &CredentialType) -> bool {
        let Some(copies) = &self.copies else { return true };
        let keys = core::iter::once(&self.device_key).chain(copies.iter().map(|copy| &copy.device_key));
        let mut seen: Vec<&PublicKey> = Vec::new();
        copies.len() == usize::from(credential_type.bound_copies)
            && credential_type.holder_binding == HolderBinding::LinkSecret
            && !copies.is_empty()
            && keys.into_iter().all(|key| {
                let new = !seen.contains(&key);
                seen.push(key);
                new
            })
    }

    /// Everything, with zeros in place of the signatures.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut unsigned = Self { device_proof: UNSIGNED, ..self.clone() };
        unsigned.copies.iter_mut().flatten().for_each(|copy| copy.device_proof = UNSIGNED);
        cbor::to_vec(&unsigned)
    }
}

/// What stands for a signature while it is made.
const UNSIGNED: Signature = Signature([0; 64]);

/// The signature of a one-time copy, which is the credential itself but for its device key.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct CopySignature(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 80]);

/// The credential, with nothing the wallet could not check.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CredentialResponse {
    /// Signed over the commitment and the claims.
    #[n(0)]
    pub credential: Credential,
    /// For each copy asked for, in that order, the signature over the same numbers with that copy's device key.
    #[n(1)]
    pub copies: Option<Vec<CopySignature>>,
}

impl CredentialResponse {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`EncodingError`] unless the bytes are the canonical encoding of an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        cbor::from_slice(bytes, RESPONSE_MAX)
    }
}

/// Why an issuer issues nothing. The names travel on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum IssuanceRefusal {
    /// The request cannot be read.
    #[error("the request cannot be read; update the wallet")]
    InvalidRequest,
    /// The offer's code is unknown, used, expired or blocked, or the transaction code is wrong.
    #[error("the offer or its code is not valid (any more); ask the issuer for a new offer")]
    InvalidGrant,
    /// The nonce is unknown, used or expired.
    #[error("the issuer's nonce has expired; try again")]
    InvalidNonce,
    /// The device key or the commitment is not proven.
    #[error("the wallet could not prove that it holds its keys; try again")]
    InvalidProof,
    /// The offer does not cover this type.
    #[error("the offer does not cover this credential type")]
    UnsupportedCredentialType,
    /// The register says that this person cannot have it.
    #[error("the credential cannot be issued; contact the issuer")]
    CredentialRequestDenied,
    /// The person already holds an active credential of this type; the issuer must swap it.
    #[error("there is already an active credential of this type; ask the issuer to replace it")]
    AlreadyActive,
    /// The idempotency key was used with other content.
    #[error("this request repeats an earlier one with other content; start again")]
    IdempotencyConflict,
    /// Busy or out of order; nothing was issued.
    #[error("the issuer cannot answer now; nothing was issued; try again later")]
    TemporarilyUnavailable,
}

/// The issuer's word that one handle is good for one epoch.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StatusToken {
    /// The handle inside a credential.
    #[n(0)]
    pub handle: u64,
    /// Set signature on the handle and the epoch.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 48],
}

/// A public slice of status tokens. Many holders share a slice, so fetching it says nothing about one.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StatusTokens {
    /// The epoch all of them are for.
    #[n(0)]
    pub epoch: u32,
    /// In order of handles.
    #[n(1)]
    pub tokens: Vec<StatusToken>,
}

impl StatusTokens {
    /// Most bits of a handle that may choose a slice: a wallet tells no more of its handle when it fetches,
    /// whatever an issuer claims.
    pub const SLICE_BITS_MAX: u8 = 12;

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a slice.
    ///
    /// # Errors
    /// [`EncodingError`] unless the bytes are the canonical encoding of a slice of at most 8 MiB.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        cbor::from_slice(bytes, TOKENS_MAX)
    }

    /// The token of one handle, if the issuer still vouches for it.
    #[must_use]
    pub fn find(&self, handle: u64) -> Option<&StatusToken> {
        self.tokens.iter().find(|token| token.handle == handle)
    }
}
