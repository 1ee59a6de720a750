//! The group G2: 96-byte points, where public keys live.

use core::fmt;
use std::sync::{Arc, OnceLock};

use blst::*;

use super::{CurveError, Scalar};

/// A point of G2 in affine form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct G2Affine(pub(super) blst_p2_affine);

impl G2Affine {
    /// Length of the compressed encoding, in bytes.
    pub const LENGTH: usize = 96;

    /// The standard generator.
    pub fn generator() -> Self {
        // SAFETY: returns a pointer to a constant of the library.
        Self(unsafe { *blst_p2_affine_generator() })
    }

    /// `scalar`·generator, in constant time.
    pub fn generator_times(scalar: &Scalar) -> Self {
        let bytes = zeroize::Zeroizing::new(scalar.to_le_bytes());
        let mut product = blst_p2::default();
        let mut point = blst_p2_affine::default();
        // SAFETY: 255 bits are read from 32 bytes; all other pointers are to live values.
        unsafe {
            blst_p2_mult(&mut product, blst_p2_generator(), bytes.as_ptr(), 255);
            blst_p2_to_affine(&mut point, &product);
        }
        Self(point)
    }

    /// Decode the compressed form.
    ///
    /// # Errors
    /// `InvalidPoint`, `PointNotInSubgroup`, `IdentityPoint`.
    pub fn from_compressed(bytes: &[u8; 96]) -> Result<Self, CurveError> {
        let mut point = blst_p2_affine::default();
        // SAFETY: the input is 96 bytes, the output a live local.
        if unsafe { blst_p2_uncompress(&mut point, bytes.as_ptr()) } != BLST_ERROR::BLST_SUCCESS {
            return Err(CurveError::InvalidPoint);
        }
        // SAFETY: `point` is a live local.
        if unsafe { blst_p2_affine_is_inf(&point) } {
            return Err(CurveError::IdentityPoint);
        }
        // SAFETY: as above.
        if !unsafe { blst_p2_affine_in_g2(&point) } {
            return Err(CurveError::PointNotInSubgroup);
        }
        Ok(Self(point))
    }

    /// The compressed form (96 bytes, ZCash serialisation).
    pub fn to_compressed(&self) -> [u8; 96] {
        let mut bytes = [0u8; 96];
        // SAFETY: the output is 96 bytes.
        unsafe { blst_p2_affine_compress(bytes.as_mut_ptr(), &self.0) };
        bytes
    }
}

/// Steps of a Miller loop for one fixed point of G2; 68 of them, fixed by the curve.
pub(super) type Lines = [blst_fp6; 68];

/// A point of G2 that is paired often: its Miller loop steps are calculated once, on first use.
///
/// Clones share the steps.
#[derive(Clone)]
pub struct PreparedG2(Arc<Prepared>);

struct Prepared {
    point: G2Affine,
    bytes: [u8; 96],
    lines: OnceLock<Box<Lines>>,
}

impl PreparedG2 {
    /// Prepare `point`; the work itself waits for the first pairing.
    pub fn new(point: G2Affine) -> Self {
        Self(Arc::new(Prepared { point, bytes: point.to_compressed(), lines: OnceLock::new() }))
    }

    /// The standard generator, prepared once for the process.
    pub fn generator() -> &'static Self {
        static GENERATOR: OnceLock<PreparedG2> = OnceLock::new();
        GENERATOR.get_or_init(|| Self::new(G2Affine::generator()))
    }

    /// The point itself.
    pub fn point(&self) -> &G2Affine {
        &self.0.point
    }

    /// Its compressed form.
    pub fn as_bytes(&self) -> &[u8; 96] {
        &self.0.bytes
    }

    pub(super) fn lines(&self) -> &Lines {
        self.0.lines.get_or_init(|| {
            let mut lines = Box::new([blst_fp6::default(); 68]);
            // SAFETY: `blst` writes exactly 68 elements.
            unsafe { blst_precompute_lines(lines.as_mut_ptr(), &self.0.point.0) };
            lines
        })
    }
}

impl PartialEq for PreparedG2 {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for PreparedG2 {}

impl fmt::Debug for PreparedG2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G2({})", hex::encode(self.0.bytes))
    }
}
