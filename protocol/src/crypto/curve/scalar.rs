//! The scalar field, integers modulo the group order r.

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Mul, Neg, Sub};

use blst::*;
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::CurveError;

/// An integer modulo r. Arithmetic and comparison take constant time; `Debug` shows nothing.
///
/// It is `Copy` for arithmetic, so whoever stores a secret one keeps it in a type that is zeroized.
#[derive(Clone, Copy, Default)]
pub struct Scalar(pub(super) blst_fr);

impl Scalar {
    /// Length of the canonical encoding, in bytes.
    pub const LENGTH: usize = 32;
    /// 0.
    pub const ZERO: Self = Self(blst_fr { l: [0; 4] });
    /// 1, in Montgomery form.
    pub const ONE: Self = Self(blst_fr {
        l: [0x0000_0001_ffff_fffe, 0x5884_b7fa_0003_4802, 0x998c_4fef_ecbc_4ff5, 0x1824_b159_acc5_056f],
    });

    /// The integer `value`.
    pub fn from_u64(value: u64) -> Self {
        Self::from_u128(value.into())
    }

    /// The integer `value`.
    pub fn from_u128(value: u128) -> Self {
        Self::from_be_bytes_wide(&value.to_be_bytes())
    }

    /// Decode 32 bytes, big-endian, below r. Zero is allowed.
    ///
    /// # Errors
    /// `ScalarOutOfRange`.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Result<Self, CurveError> {
        let mut scalar = blst_scalar::default();
        let mut value = blst_fr::default();
        // SAFETY: every pointer is to a live local of the size the function states.
        let canonical = unsafe {
            blst_scalar_from_bendian(&mut scalar, bytes.as_ptr());
            blst_fr_from_scalar(&mut value, &scalar);
            blst_scalar_fr_check(&scalar)
        };
        if canonical { Ok(Self(value)) } else { Err(CurveError::ScalarOutOfRange) }
    }

    /// Decode 32 bytes, big-endian, above zero and below r.
    ///
    /// # Errors
    /// `ScalarOutOfRange`.
    pub fn nonzero_from_be_bytes(bytes: &[u8; 32]) -> Result<Self, CurveError> {
        match Self::from_be_bytes(bytes)? {
            scalar if scalar.is_zero() => Err(CurveError::ScalarOutOfRange),
            scalar => Ok(scalar),
        }
    }

    /// Reduce big-endian bytes of any length modulo r. Uniform when the bytes are, and number 48 or more.
    pub fn from_be_bytes_wide(bytes: &[u8]) -> Self {
        let mut scalar = blst_scalar::default();
        let mut value = blst_fr::default();
        // SAFETY: the input pointer and length describe one slice; outputs are live locals.
        unsafe {
            blst_scalar_from_be_bytes(&mut scalar, bytes.as_ptr(), bytes.len());
            blst_fr_from_scalar(&mut value, &scalar);
        }
        Self(value)
    }

    /// A uniform scalar from 48 fresh bytes.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0u8; 48]);
        rng.fill_bytes(bytes.as_mut());
        Self::from_be_bytes_wide(bytes.as_ref())
    }

    /// The canonical encoding, 32 bytes, big-endian.
    pub fn to_be_bytes(self) -> [u8; 32] {
        let mut bytes = self.to_le_bytes();
        bytes.reverse();
        bytes
    }

    /// The canonical encoding reversed, as `blst` takes multipliers.
    pub(super) fn to_le_bytes(self) -> [u8; 32] {
        let mut scalar = blst_scalar::default();
        // SAFETY: both pointers are to live locals.
        unsafe { blst_scalar_from_fr(&mut scalar, &self.0) };
        scalar.b
    }

    /// Whether this is 0.
    pub fn is_zero(&self) -> bool {
        self.ct_eq(&Self::ZERO).into()
    }

    /// 1/self, or nothing for 0.
    pub fn invert(&self) -> Option<Self> {
        if self.is_zero() {
            return None;
        }
        let mut inverse = blst_fr::default();
        // SAFETY: both pointers are to live values.
        unsafe { blst_fr_inverse(&mut inverse, &self.0) };
        Some(Self(inverse))
    }

    /// Replace every element by its inverse with a single inversion; nothing changes if one is 0.
    pub fn invert_all(values: &mut [Self]) -> Option<()> {
        let mut products = Zeroizing::new(Vec::with_capacity(values.len()));
        let mut product = Self::ONE;
        for value in values.iter() {
            products.push(product);
            product = product * *value;
        }
        let mut inverse = product.invert()?;
        for (value, before) in values.iter_mut().zip(products.iter()).rev() {
            let original = *value;
            *value = inverse * *before;
            inverse = inverse * original;
        }
        Some(())
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar([redacted])")
    }
}

impl ConstantTimeEq for Scalar {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.l[..].ct_eq(&other.0.l[..])
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Scalar {}

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        self.0.l.zeroize();
    }
}

impl Add for Scalar {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let mut result = blst_fr::default();
        // SAFETY: all pointers are to live values.
        unsafe { blst_fr_add(&mut result, &self.0, &other.0) };
        Self(result)
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Scalar {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        let mut result = blst_fr::default();
        // SAFETY: all pointers are to live values.
        unsafe { blst_fr_sub(&mut result, &self.0, &other.0) };
        Self(result)
    }
}

impl Mul for Scalar {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let mut result = blst_fr::default();
        // SAFETY: all pointers are to live values.
        unsafe { blst_fr_mul(&mut result, &self.0, &other.0) };
        Self(result)
    }
}

impl Neg for Scalar {
    type Output = Self;
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

    fn bytes(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn decodes_below_the_order_only() {
        let mut largest = bytes(ORDER);
        largest[31] = 0;
        assert_eq!(Scalar::from_be_bytes(&largest), Ok(-Scalar::ONE));
        assert_eq!((-Scalar::ONE).to_be_bytes(), largest);
        assert_eq!(Scalar::from_be_bytes(&bytes(ORDER)), Err(CurveError::ScalarOutOfRange));
        assert_eq!(Scalar::from_be_bytes(&[0xff; 32]), Err(CurveError::ScalarOutOfRange));
        assert_eq!(Scalar::from_be_bytes(&[0; 32]), Ok(Scalar::ZERO));
        assert_eq!(Scalar::nonzero_from_be_bytes(&[0; 32]), Err(CurveError::ScalarOutOfRange));
    }

    #[test]
    fn reduces_wide_bytes() {
        assert_eq!(Scalar::from_be_bytes_wide(&bytes(ORDER)), Scalar::ZERO);
        assert_eq!(Scalar::from_u64(1), Scalar::ONE);
        let power = Scalar::from_u128(1 << 64);
        let mut wide = [0u8; 64];
        wide[64 - 17] = 1; // 2^128
        assert_eq!(Scalar::from_be_bytes_wide(&wide), power * power);
    }

    #[test]
    fn inverts_one_and_many() {
        let mut values: Vec<_> = (1..20).map(Scalar::from_u64).collect();
        let originals = values.clone();
        Scalar::invert_all(&mut values).unwrap();
        for (value, original) in values.iter().zip(&originals) {
            assert_eq!(*value * *original, Scalar::ONE);
            assert_eq!(original.invert(), Some(*value));
        }
        values[3] = Scalar::ZERO;
        let before = values.clone();
        assert!(Scalar::invert_all(&mut values).is_none());
        assert_eq!(values, before);
        assert!(Scalar::ZERO.invert().is_none());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Scalar::from_u64(1990)), "Scalar([redacted])");
    }
}
