//! The group G1: 48-byte points, where signatures and proofs live.

use core::fmt;
use core::ops::{Add, AddAssign, Neg, Sub};

use blst::*;
use zeroize::Zeroize;

use super::{CurveError, Scalar};

/// A point of G1 in affine form, the form that is stored and encoded.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct G1Affine(pub(super) blst_p1_affine);

/// A point of G1 in Jacobian form, the form that is calculated with.
#[derive(Clone, Copy)]
pub struct G1(pub(super) blst_p1);

impl G1Affine {
    /// Length of the compressed encoding, in bytes.
    pub const LENGTH: usize = 48;

    /// The standard generator.
    pub fn generator() -> Self {
        // SAFETY: returns a pointer to a constant of the library.
        Self(unsafe { *blst_p1_affine_generator() })
    }

    /// Decode the compressed form.
    ///
    /// # Errors
    /// `InvalidPoint`, `PointNotInSubgroup`, `IdentityPoint`.
    pub fn from_compressed(bytes: &[u8; 48]) -> Result<Self, CurveError> {
        let point = Self::on_curve(bytes)?;
        // SAFETY: reads a live local.
        if unsafe { blst_p1_affine_in_g1(&point.0) } { Ok(point) } else { Err(CurveError::PointNotInSubgroup) }
    }

    /// The first half of decoding: a point of the curve other than the identity, in the subgroup or not.
    pub(super) fn on_curve(bytes: &[u8; 48]) -> Result<Self, CurveError> {
        let mut point = blst_p1_affine::default();
        // SAFETY: the input is 48 bytes, the output a live local.
        if unsafe { blst_p1_uncompress(&mut point, bytes.as_ptr()) } != BLST_ERROR::BLST_SUCCESS {
            return Err(CurveError::InvalidPoint);
        }
        // SAFETY: `point` is a live local.
        if unsafe { blst_p1_affine_is_inf(&point) } { Err(CurveError::IdentityPoint) } else { Ok(Self(point)) }
    }

    /// The compressed form (48 bytes, ZCash serialisation).
    pub fn to_compressed(&self) -> [u8; 48] {
        let mut bytes = [0u8; 48];
        // SAFETY: the output is 48 bytes.
        unsafe { blst_p1_affine_compress(bytes.as_mut_ptr(), &self.0) };
        bytes
    }

    /// Whether this is the identity, which arithmetic may yield though decoding does not.
    pub fn is_identity(&self) -> bool {
        // SAFETY: reads a live value.
        unsafe { blst_p1_affine_is_inf(&self.0) }
    }

    /// `scalar`·self, in constant time.
    pub fn multiply(&self, scalar: &Scalar) -> G1 {
        G1::from(*self).multiply(scalar)
    }

    /// The point beside the zero, after reading all of them; (0, 0) where no number is zero. Constant time.
    #[expect(clippy::needless_range_loop, reason = "compilers make wide instructions of this form, not of iterators")]
    pub(super) fn choose<'p>(numbered: impl Iterator<Item = (u64, &'p Self)>) -> Self {
        let mut chosen = Self::default();
        let (x, y) = (&mut chosen.0.x.l, &mut chosen.0.y.l);
        for (number, point) in numbered {
            let mask = core::hint::black_box((number.wrapping_sub(1) >> 63).wrapping_neg());
            for limb in 0..6 {
                x[limb] |= point.0.x.l[limb] & mask;
            }
            for limb in 0..6 {
                y[limb] |= point.0.y.l[limb] & mask;
            }
        }
        chosen
    }
}

impl G1 {
    /// The neutral element.
    pub const IDENTITY: Self =
        Self(blst_p1 { x: blst_fp { l: [0; 6] }, y: blst_fp { l: [0; 6] }, z: blst_fp { l: [0; 6] } });

    /// `scalar`·self, in constant time.
    pub fn multiply(&self, scalar: &Scalar) -> Self {
        let mut bytes = scalar.to_le_bytes();
        let mut result = blst_p1::default();
        // SAFETY: 255 bits are read from 32 bytes; the output is a live local.
        unsafe { blst_p1_mult(&mut result, &self.0, bytes.as_ptr(), 255) };
        bytes.zeroize();
        Self(result)
    }

    /// Convert one point to affine form.
    pub fn to_affine(&self) -> G1Affine {
        let mut point = blst_p1_affine::default();
        // SAFETY: both pointers are to live values.
        unsafe { blst_p1_to_affine(&mut point, &self.0) };
        G1Affine(point)
    }

    /// Convert many points to affine form with one field inversion.
    pub fn all_to_affine(points: &[Self]) -> Vec<G1Affine> {
        let mut affine = vec![G1Affine(blst_p1_affine::default()); points.len()];
        if points.iter().any(Self::is_identity) {
            // The shared inversion would spread the zero denominator to every point.
            return points.iter().map(Self::to_affine).collect();
        }
        if let Some(first) = points.first() {
            // `blst` reads contiguous points when the second pointer is null.
            let pointers = [&raw const first.0, core::ptr::null()];
            // SAFETY: `affine` has room for exactly `points.len()` points, read from one slice.
            unsafe { blst_p1s_to_affine(affine.as_mut_ptr().cast(), pointers.as_ptr(), points.len()) };
        }
        affine
    }

    /// 2·self.
    #[must_use]
    pub fn double(&self) -> Self {
        let mut result = *self;
        result.double_in_place();
        result
    }

    /// 2·self, in place.
    pub(super) fn double_in_place(&mut self) {
        let point = &raw mut self.0;
        // SAFETY: all pointers are to one live value; `blst` allows aliasing.
        unsafe { blst_p1_double(point, point) };
    }

    /// Becomes a + b, by the formula that cannot double, which is faster. In constant time, unless the two are equal or
    /// cancel: that is noticed, and done again. A caller with secrets has to know that it does not happen.
    pub(super) fn set_to_sum(&mut self, a: &Self, b: &G1Affine) {
        // SAFETY: all pointers are to live values.
        unsafe { blst_p1_add_affine(&mut self.0, &a.0, &b.0) };
        if self.is_identity() {
            *self = *a + *b;
        }
    }

    /// self + other, as [`Self::set_to_sum`] but for points in Jacobian form.
    pub(super) fn add_other(&self, other: &Self) -> Self {
        let mut sum = Self::IDENTITY;
        // SAFETY: all pointers are to live values.
        unsafe { blst_p1_add(&mut sum.0, &self.0, &other.0) };
        if sum.is_identity() { *self + *other } else { sum }
    }

    /// Whether this is the neutral element.
    pub fn is_identity(&self) -> bool {
        // SAFETY: reads a live value.
        unsafe { blst_p1_is_inf(&self.0) }
    }
}

impl From<G1Affine> for G1 {
    fn from(point: G1Affine) -> Self {
        let mut result = blst_p1::default();
        // SAFETY: both pointers are to live values.
        unsafe { blst_p1_from_affine(&mut result, &point.0) };
        Self(result)
    }
}

impl Add for G1 {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        let sum = &raw mut self.0;
        // SAFETY: all pointers are to live values; `blst` allows aliasing.
        unsafe { blst_p1_add_or_double(sum, sum, &other.0) };
        self
    }
}

impl AddAssign for G1 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Add<G1Affine> for G1 {
    type Output = Self;
    fn add(mut self, other: G1Affine) -> Self {
        let sum = &raw mut self.0;
        // SAFETY: all pointers are to live values; `blst` allows aliasing.
        unsafe { blst_p1_add_or_double_affine(sum, sum, &other.0) };
        self
    }
}

impl Neg for G1 {
    type Output = Self;
    fn neg(mut self) -> Self {
        // SAFETY: negates a live local in place.
        unsafe { blst_p1_cneg(&mut self.0, true) };
        self
    }
}

impl Neg for G1Affine {
    type Output = Self;
    fn neg(mut self) -> Self {
        // SAFETY: negates a coordinate of a live local in place; zero stays zero.
        unsafe { blst_fp_cneg(&mut self.0.y, &self.0.y, true) };
        self
    }
}

impl Sub for G1 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl PartialEq for G1 {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: reads two live values.
        unsafe { blst_p1_is_equal(&self.0, &other.0) }
    }
}

impl Eq for G1 {}

impl Default for G1 {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl fmt::Debug for G1Affine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G1({})", hex::encode(self.to_compressed()))
    }
}

impl fmt::Debug for G1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_affine().fmt(f)
    }
}

impl Zeroize for G1Affine {
    fn zeroize(&mut self) {
        self.0.x.l.zeroize();
        self.0.y.l.zeroize();
    }
}

impl Zeroize for G1 {
    fn zeroize(&mut self) {
        self.0.x.l.zeroize();
        self.0.y.l.zeroize();
        self.0.z.l.zeroize();
    }
}
