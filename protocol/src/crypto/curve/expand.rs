//! Hashing to uniform bytes, scalars and points (RFC 9380, sections 3 and 5.3).

use blst::*;
use sha2::{Digest, Sha256};
use shake::Shake256;
use shake::digest::{ExtendableOutput, Update, XofReader};

use super::{G1, Scalar};

/// How a hash is stretched: the part of RFC 9380 in which the two BBS ciphersuites differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expander {
    /// `expand_message_xmd` with SHA-256.
    XmdSha256,
    /// `expand_message_xof` with SHAKE-256.
    XofShake256,
}

impl Expander {
    /// Fill `output` (at most 8,160 bytes) from `message` under the domain separation tag `dst` (at most 255 bytes).
    pub fn expand(self, message: &[u8], dst: &[u8], output: &mut [u8]) {
        debug_assert!(dst.len() <= 255 && output.len() <= 255 * 32);
        match self {
            Self::XmdSha256 => expand_xmd(message, dst, output),
            Self::XofShake256 => expand_xof(message, dst, output),
        }
    }

    /// A uniform scalar: 48 expanded bytes modulo r.
    pub fn hash_to_scalar(self, message: &[u8], dst: &[u8]) -> Scalar {
        let mut uniform = [0u8; 48];
        self.expand(message, dst, &mut uniform);
        Scalar::from_be_bytes_wide(&uniform)
    }

    /// A point of G1 whose discrete logarithm nobody knows (`hash_to_curve`, SSWU, random oracle).
    pub fn hash_to_g1(self, message: &[u8], dst: &[u8]) -> G1 {
        let mut uniform = [0u8; 128];
        self.expand(message, dst, &mut uniform);
        let (first, second) = uniform.split_at(64);
        let (u, v) = (field_element(first), field_element(second));
        let mut point = blst_p1::default();
        // SAFETY: both inputs and the output are live locals.
        unsafe { blst_map_to_g1(&mut point, &u, &v) };
        G1(point)
    }
}

/// 64 big-endian bytes modulo the field characteristic.
fn field_element(bytes: &[u8]) -> blst_fp {
    let (mut high, mut low, mut shift) = ([0u8; 48], [0u8; 48], [0u8; 48]);
    high[16..].copy_from_slice(&bytes[..32]);
    low[16..].copy_from_slice(&bytes[32..]);
    shift[15] = 1; // 2^256
    let [mut a, mut b, mut c] = [blst_fp::default(); 3];
    // SAFETY: inputs are 48-byte arrays, outputs live locals; `blst` allows aliasing.
    unsafe {
        blst_fp_from_bendian(&mut a, high.as_ptr());
        blst_fp_from_bendian(&mut b, low.as_ptr());
        blst_fp_from_bendian(&mut c, shift.as_ptr());
        blst_fp_mul(&mut a, &a, &c);
        blst_fp_add(&mut a, &a, &b);
    }
    a
}

/// RFC 9380, section 5.3.1.
fn expand_xmd(message: &[u8], dst: &[u8], output: &mut [u8]) {
    let length = (output.len() as u16).to_be_bytes();
    let tail = [dst.len() as u8];
    let first: [u8; 32] = Sha256::new()
        .chain_update([0u8; 64])
        .chain_update(message)
        .chain_update(length)
        .chain_update([0u8])
        .chain_update(dst)
        .chain_update(tail)
        .finalize()
        .into();
    let mut block = [0u8; 32];
    for (index, chunk) in output.chunks_mut(32).enumerate() {
        for (byte, other) in block.iter_mut().zip(first) {
            *byte ^= other;
        }
        block = Sha256::new()
            .chain_update(block)
            .chain_update([index as u8 + 1])
            .chain_update(dst)
            .chain_update(tail)
            .finalize()
            .into();
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
}

/// RFC 9380, section 5.3.2.
fn expand_xof(message: &[u8], dst: &[u8], output: &mut [u8]) {
    let mut hash = Shake256::default();
    hash.update(message);
    hash.update(&(output.len() as u16).to_be_bytes());
    hash.update(dst);
    hash.update(&[dst.len() as u8]);
    hash.finalize_xof().read(output);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9380, appendix K.1 and K.6.
    #[test]
    fn expands_as_the_standard_says() {
        let mut output = [0u8; 32];
        Expander::XmdSha256.expand(b"abc", b"QUUX-V01-CS02-with-expander-SHA256-128", &mut output);
        assert_eq!(hex::encode(output), "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615");
        Expander::XofShake256.expand(b"abc", b"QUUX-V01-CS02-with-expander-SHAKE256", &mut output);
        assert_eq!(hex::encode(output), "b39e493867e2767216792abce1f2676c197c0692aed061560ead251821808e07");
    }

    /// RFC 9380, appendix J.9.1.
    #[test]
    fn hashes_to_g1_as_the_standard_says() {
        let point = Expander::XmdSha256.hash_to_g1(b"abc", b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_");
        assert_eq!(
            hex::encode(&point.to_affine().to_compressed()[1..]),
            "567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903"
        );
    }
}
