//! What a presentation is bound to (ISO/IEC 18013-5, 9.1.5.1; OpenID4VP 1.0, appendix B.2.6; ISO/IEC TS 18013-7, C.5).

use sha2::{Digest as _, Sha256};

use super::{Value, embed, embedding};
use crate::crypto::cose;

/// How reader and device found each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover<'a> {
    /// A QR code, in person.
    Qr {
        /// `DeviceEngagement`, as it was in the code.
        engagement: &'a [u8],
        /// The reader's ephemeral `COSE_Key`, as it was sent.
        reader_key: &'a [u8],
    },
    /// OpenID4VP by redirects or `direct_post`.
    OpenId4Vp {
        /// The verifier's identifier, with its prefix, as in the signed request.
        client_id: &'a str,
        /// The request's nonce.
        nonce: &'a str,
        /// Thumbprint of the key that the response is encrypted to.
        thumbprint: Option<&'a [u8; 32]>,
        /// Where the response goes.
        response_uri: &'a str,
    },
    /// OpenID4VP by the Digital Credentials API of a browser.
    DcApi {
        /// The origin that the browser reports.
        origin: &'a str,
        /// The request's nonce.
        nonce: &'a str,
        /// Thumbprint of the key that the response is encrypted to.
        thumbprint: Option<&'a [u8; 32]>,
    },
    /// `org-iso-mdoc` by the same API (ISO/IEC TS 18013-7, C.5).
    IsoDcApi {
        /// The origin that the browser reports.
        origin: &'a str,
        /// `EncryptionInfo` as it was sent, base64url.
        encryption_info: &'a str,
    },
}

/// `SessionTranscript`, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTranscript(Vec<u8>);

impl SessionTranscript {
    /// The transcript of a session (MDOC-07).
    #[must_use]
    pub fn new(handover: &Handover<'_>) -> Self {
        let text = |it: &str| Value::Text(it.to_owned());
        let bytes = |it: Option<&[u8; 32]>| it.map_or(Value::Null, |it| Value::Bytes(it.to_vec()));
        let hashed = |name: &str, info: Vec<Value>| {
            let hash = Sha256::digest(cose::write_value(Value::Array(info))).to_vec();
            vec![Value::Null, Value::Null, Value::Array(vec![text(name), Value::Bytes(hash)])]
        };
        let parts = match handover {
            Handover::Qr { engagement, reader_key } => {
                vec![embed(engagement.to_vec()), embed(reader_key.to_vec()), Value::Null]
            }
            Handover::OpenId4Vp { client_id, nonce, thumbprint, response_uri } => {
                hashed("OpenID4VPHandover", vec![text(client_id), text(nonce), bytes(*thumbprint), text(response_uri)])
            }
            Handover::DcApi { origin, nonce, thumbprint } => {
                hashed("OpenID4VPDCAPIHandover", vec![text(origin), text(nonce), bytes(*thumbprint)])
            }
            Handover::IsoDcApi { origin, encryption_info } => {
                hashed("dcapi", vec![text(encryption_info), text(origin)])
            }
        };
        Self(cose::write_value(Value::Array(parts)))
    }

    /// A transcript as others computed it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of `SessionTranscriptBytes`, the salt of every key of the session.
    pub(super) fn salt(&self) -> [u8; 32] {
        Sha256::digest(embedding(&self.0)).into()
    }

    /// `#6.24(bstr .cbor [name, SessionTranscript, …])`: what readers and devices sign. The parts stay as they were received.
    pub(super) fn signed(&self, name: &str, parts: &[Vec<u8>]) -> Vec<u8> {
        let mut array = vec![0x82 + parts.len() as u8];
        array.extend(cose::write_value(Value::Text(name.to_owned())));
        array.extend(&self.0);
        array.extend(parts.concat());
        embedding(&array)
    }
}
