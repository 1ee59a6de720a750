//! Messages as they travel, open to every change: mirrors of types whose fields the product keeps closed.

use minicbor::{Decode, Encode};
use protocol::crypto::domains;
use protocol::crypto::keys::{PublicKey, Signature, Signer};
use protocol::exchange::{Predicate, Pseudonym, Shown};
use sha2::{Digest, Sha256};

/// A presentation (`specs/presentation.md`).
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub struct PresentationWire {
    /// Version of the encoding.
    #[n(0)]
    pub version: u8,
    /// Short name of the issuer's key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub issuer_key: [u8; 8],
    /// Unix seconds.
    #[n(2)]
    pub made_at: u64,
    /// Digest of the request it answers.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub request: Option<[u8; 32]>,
    /// Attributes in the clear.
    #[n(4)]
    pub shown: Vec<Shown>,
    /// Statements about hidden attributes.
    #[n(5)]
    pub proven: Vec<Predicate>,
    /// Handle, in types with a status list.
    #[n(6)]
    pub handle: Option<u64>,
    /// Status epoch, in types with status tokens.
    #[n(7)]
    pub epoch: Option<u32>,
    /// Device key, in types bound to one.
    #[n(8)]
    pub device_key: Option<PublicKey>,
    /// The proof.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub proof: Vec<u8>,
    /// By the device key, over all of the above.
    #[n(10)]
    pub device_signature: Option<Signature>,
    /// What a verifier recognises the holder by.
    #[n(11)]
    pub pseudonym: Option<Pseudonym>,
}

impl PresentationWire {
    /// Reads what the product has made.
    ///
    /// # Panics
    /// When it is not a presentation.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        protocol::cbor::from_slice(bytes, usize::MAX).expect("a presentation of the product")
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        protocol::cbor::to_vec(self)
    }

    /// What the proof is bound to.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        let open = Self { proof: Vec::new(), device_signature: None, ..self.clone() };
        [domains::PRESENTATION_CONTEXT, &open.encode()].concat()
    }

    /// Signs with a device key, whether or not it is the one named.
    #[must_use]
    pub fn signed(mut self, device: &dyn Signer) -> Self {
        self.device_signature = None;
        let signed = Sha256::digest(self.encode());
        self.device_signature = Some(device.sign(domains::PRESENTATION_DEVICE, &signed).expect("a software key"));
        self
    }
}

/// A signed request (`specs/presentation.md`).
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub struct RequestWire {
    /// The encoded request.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub payload: Vec<u8>,
    /// By the verifier's key.
    #[n(1)]
    pub signature: Signature,
}

impl RequestWire {
    /// Signs any payload.
    #[must_use]
    pub fn sign(payload: Vec<u8>, signer: &dyn Signer) -> Self {
        let signature = signer.sign(domains::REQUEST_SIGNATURE, &payload).expect("a software key");
        Self { payload, signature }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        protocol::cbor::to_vec(self)
    }
}
