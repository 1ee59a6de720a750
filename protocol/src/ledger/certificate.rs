//! The finalisation certificate: one BLS signature of a quorum of validators over a header digest.
//!
//! 83 bytes or a few more, as the consensus engine (commonware simplex 2026.10.0, `bls12381_threshold`,
//! MinSig) writes them:
//!
//! ```text
//! epoch (varint) || view (varint) || parent view (varint) || payload (32) || signature (48, G1 compressed)
//! ```
//!
//! The signed bytes are `varint(len ns) || ns || epoch || view || parent view || payload` with
//! `ns = `[`namespace`]` || "_FINALIZE"`. Varints are LEB128 of at most 64 bits, shortest form only.

use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, Signature};

use super::header::Header;
use crate::crypto::domains;

/// Length of a group key: a compressed point of G2.
pub const GROUP_KEY_LENGTH: usize = 96;

const SIGNATURE_LENGTH: usize = 48;
const FINALIZE: &[u8] = b"_FINALIZE";
/// draft-irtf-cfrg-bls-signature-05, section 4.2.3, the suite with signatures in G1.
const SIGNATURE_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// Why a certificate proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes end before the signature does.
    #[error("the certificate is cut short: fetch it again")]
    Truncated,
    /// Bytes follow the signature.
    #[error("the certificate has trailing bytes: fetch it again")]
    TrailingBytes,
    /// A number is not in its shortest form or exceeds 64 bits.
    #[error("a number in the certificate is not canonically encoded: fetch it again")]
    NonCanonicalEncoding,
    /// The signature is not a point of the prime-order subgroup of G1.
    #[error("the certificate's signature is not a curve point: fetch it again")]
    InvalidPoint,
    /// The group key is not a usable point of G2.
    #[error("the group key is not a valid key: install the trust anchor again")]
    InvalidGroupKey,
    /// The signature is not the group's over these bytes.
    #[error("the validators did not sign this: use another source")]
    SignatureInvalid,
    /// The certificate finalises another header.
    #[error("the certificate belongs to another header: fetch both again")]
    WrongPayload,
    /// The header belongs to another network than the trust anchor.
    #[error("the header belongs to another network: use that network's trust anchor")]
    WrongNetwork,
}

/// A parsed certificate, its signature not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// Number of the validator set that signed.
    pub epoch: u64,
    /// Consensus round within the epoch; grows with height but is not the height.
    pub view: u64,
    /// View of the parent block.
    pub parent_view: u64,
    /// [`Header::digest`] of the finalised header.
    pub payload: [u8; 32],
    signature: [u8; SIGNATURE_LENGTH],
}

/// The namespace the validators of `network_id` sign under.
pub fn namespace(network_id: &[u8; 32]) -> Vec<u8> {
    [domains::LEDGER_CERTIFICATE, network_id].concat()
}

/// Checks that the validators behind `group_key` finalised the payload of `certificate` under
/// `namespace`, and returns that payload.
pub fn verify(
    certificate: &[u8],
    group_key: &[u8; GROUP_KEY_LENGTH],
    namespace: &[u8],
) -> Result<[u8; 32], CertificateError> {
    let certificate = Certificate::decode(certificate)?;
    certificate.verify(group_key, namespace)?;
    Ok(certificate.payload)
}

/// Checks that the validators behind `group_key` finalised `header` on the network `network_id`.
pub fn verify_header(
    header: &Header,
    certificate: &[u8],
    group_key: &[u8; GROUP_KEY_LENGTH],
    network_id: &[u8; 32],
) -> Result<(), CertificateError> {
    if header.network_id != *network_id {
        return Err(CertificateError::WrongNetwork);
    }
    let certificate = Certificate::decode(certificate)?;
    if certificate.payload != header.digest() {
        return Err(CertificateError::WrongPayload);
    }
    certificate.verify(group_key, &namespace(network_id))
}

impl Certificate {
    /// Reads the canonical bytes; checks no signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        let mut rest = bytes;
        let epoch = read_varint(&mut rest)?;
        let view = read_varint(&mut rest)?;
        let parent_view = read_varint(&mut rest)?;
        let payload = read_array(&mut rest)?;
        let signature = read_array(&mut rest)?;
        if !rest.is_empty() {
            return Err(CertificateError::TrailingBytes);
        }
        Ok(Self { epoch, view, parent_view, payload, signature })
    }

    fn verify(&self, group_key: &[u8; GROUP_KEY_LENGTH], namespace: &[u8]) -> Result<(), CertificateError> {
        let key = PublicKey::uncompress(group_key).map_err(|_| CertificateError::InvalidGroupKey)?;
        key.validate().map_err(|_| CertificateError::InvalidGroupKey)?;
        let signature = Signature::uncompress(&self.signature).map_err(|_| CertificateError::InvalidPoint)?;
        signature.validate(true).map_err(|_| CertificateError::InvalidPoint)?;
        match signature.verify(false, &self.signed_bytes(namespace), SIGNATURE_SUITE, &[], &key, false) {
            BLST_ERROR::BLST_SUCCESS => Ok(()),
            _ => Err(CertificateError::SignatureInvalid),
        }
    }

    fn signed_bytes(&self, namespace: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(namespace.len() + 80);
        write_varint(&mut out, (namespace.len() + FINALIZE.len()) as u64);
        out.extend_from_slice(namespace);
        out.extend_from_slice(FINALIZE);
        for number in [self.epoch, self.view, self.parent_view] {
            write_varint(&mut out, number);
        }
        out.extend_from_slice(&self.payload);
        out
    }
}

fn read_varint(rest: &mut &[u8]) -> Result<u64, CertificateError> {
    let mut value = 0u64;
    for shift in (0..).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(CertificateError::Truncated)?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte holds bit 63 only; a last byte of zero after others could have been left out.
        if shift > 63 || (shift == 63 && bits > 1) || (*byte == 0 && shift > 0) {
            return Err(CertificateError::NonCanonicalEncoding);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], CertificateError> {
    let (array, tail) = rest.split_first_chunk().ok_or(CertificateError::Truncated)?;
    *rest = tail;
    Ok(*array)
}
