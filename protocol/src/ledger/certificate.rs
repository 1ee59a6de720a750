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

use super::header::Header;
use crate::crypto::curve::{Expander, G1Affine, G2Affine, PreparedG2, pairings_cancel};
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

    /// The certificate that a network with this one group key makes.
    #[cfg(any(test, feature = "testkit"))]
    pub(super) fn sign(
        secret: &blst::min_sig::SecretKey,
        [epoch, view, parent_view]: [u64; 3],
        header: &Header,
    ) -> Vec<u8> {
        let unsigned = Self { epoch, view, parent_view, payload: header.digest(), signature: [0; SIGNATURE_LENGTH] };
        let signature = secret.sign(&unsigned.signed_bytes(&namespace(&header.network_id)), SIGNATURE_SUITE, &[]);
        let mut bytes = unsigned.signed_fields();
        bytes.extend_from_slice(&signature.compress());
        bytes
    }

    /// Verify of draft-irtf-cfrg-bls-signature-05, section 2.7, with both pairings in one product: that is what the
    /// light client's time goes into, above all in a browser.
    fn verify(&self, group_key: &[u8; GROUP_KEY_LENGTH], namespace: &[u8]) -> Result<(), CertificateError> {
        let key = G2Affine::from_compressed(group_key).map_err(|_| CertificateError::InvalidGroupKey)?;
        let signature = G1Affine::from_compressed(&self.signature).map_err(|_| CertificateError::InvalidPoint)?;
        let message = Expander::XmdSha256.hash_to_g1(&self.signed_bytes(namespace), SIGNATURE_SUITE).to_affine();
        let signed = [(message, &PreparedG2::new(key)), (-signature, PreparedG2::generator())];
        if pairings_cancel(&signed) { Ok(()) } else { Err(CertificateError::SignatureInvalid) }
    }

    fn signed_bytes(&self, namespace: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(namespace.len() + 80);
        write_varint(&mut out, (namespace.len() + FINALIZE.len()) as u64);
        out.extend_from_slice(namespace);
        out.extend_from_slice(FINALIZE);
        out.extend_from_slice(&self.signed_fields());
        out
    }

    /// The certificate without its signature.
    fn signed_fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
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

#[cfg(test)]
mod tests {
    use blst::min_sig::{SecretKey, Signature};

    use super::*;

    const NETWORK: [u8; 32] = [3; 32];

    fn signed(epoch: u64, view: u64, parent_view: u64) -> (Vec<u8>, [u8; GROUP_KEY_LENGTH], Header) {
        let secret = SecretKey::key_gen(&[5; 32], &[]).unwrap();
        let header = Header::genesis(NETWORK, 1);
        let bytes = Certificate::sign(&secret, [epoch, view, parent_view], &header);
        (bytes, secret.sk_to_pk().compress(), header)
    }

    #[test]
    fn numbers_of_every_width_are_read_in_their_shortest_form_only() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let (bytes, key, header) = signed(number, number, number);
            let read = Certificate::decode(&bytes).unwrap();
            assert_eq!((read.epoch, read.view, read.parent_view), (number, number, number));
            assert_eq!(verify(&bytes, &key, &namespace(&NETWORK)), Ok(header.digest()));

            let length = (bytes.len() - 80) / 3;
            let mut longer = bytes.clone();
            longer[length - 1] |= 0x80;
            longer.insert(length, 0);
            assert_eq!(Certificate::decode(&longer), Err(CertificateError::NonCanonicalEncoding), "{number}");
        }
        let too_large = [[0xff; 9].as_slice(), &[2], &[0; 90]].concat();
        assert_eq!(Certificate::decode(&too_large), Err(CertificateError::NonCanonicalEncoding));
        assert_eq!(Certificate::decode(&[0xff; 11]), Err(CertificateError::NonCanonicalEncoding));
    }

    #[test]
    fn every_changed_byte_and_every_other_length_is_refused() {
        let (bytes, key, header) = signed(0, 300, 299);
        let check = |bytes: &[u8]| verify_header(&header, bytes, &key, &NETWORK);
        assert_eq!(check(&bytes), Ok(()));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(check(&changed).is_err(), "byte {at}, bit {bit}");
            }
            assert_eq!(check(&bytes[..at]), Err(CertificateError::Truncated), "length {at}");
        }
        assert_eq!(check(&[&bytes[..], &[0]].concat()), Err(CertificateError::TrailingBytes));
    }

    #[test]
    fn points_outside_the_group_are_refused() {
        let (bytes, key, header) = signed(0, 1, 0);
        let with_signature = |signature: [u8; SIGNATURE_LENGTH]| {
            let bytes = [&bytes[..bytes.len() - SIGNATURE_LENGTH], &signature].concat();
            verify_header(&header, &bytes, &key, &NETWORK)
        };
        let compressed = |first: u8, last: u8| {
            let mut point = [0; SIGNATURE_LENGTH];
            (point[0], point[SIGNATURE_LENGTH - 1]) = (first, last);
            point
        };
        assert_eq!(with_signature(compressed(0xc0, 0)), Err(CertificateError::InvalidPoint), "infinity");
        assert_eq!(with_signature([0; SIGNATURE_LENGTH]), Err(CertificateError::InvalidPoint), "not compressed");
        let on_curve = (1..100).map(|x| compressed(0x80, x)).filter(|p| Signature::uncompress(p).is_ok());
        let outside: Vec<_> = on_curve.map(with_signature).collect();
        assert!(outside.len() > 20);
        assert!(outside.iter().all(|result| *result == Err(CertificateError::InvalidPoint)), "other subgroup");

        let mut infinity = [0; GROUP_KEY_LENGTH];
        infinity[0] = 0xc0;
        for key in [[0; GROUP_KEY_LENGTH], [0xff; GROUP_KEY_LENGTH], infinity] {
            let result = verify_header(&header, &bytes, &key, &NETWORK);
            assert_eq!(result, Err(CertificateError::InvalidGroupKey));
        }
    }

    #[test]
    fn another_header_network_or_key_is_refused() {
        let (bytes, key, header) = signed(0, 1, 0);
        let other = Header { state_root: [1; 32], ..header };
        assert_eq!(verify_header(&other, &bytes, &key, &NETWORK), Err(CertificateError::WrongPayload));
        assert_eq!(verify_header(&header, &bytes, &key, &[4; 32]), Err(CertificateError::WrongNetwork));
        assert_eq!(verify(&bytes, &key, &namespace(&[4; 32])), Err(CertificateError::SignatureInvalid));
        let stranger = SecretKey::key_gen(&[6; 32], &[]).unwrap().sk_to_pk().compress();
        assert_eq!(verify_header(&header, &bytes, &stranger, &NETWORK), Err(CertificateError::SignatureInvalid));
    }
}
