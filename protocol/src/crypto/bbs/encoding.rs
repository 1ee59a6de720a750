//! Reading fixed-length points and scalars.

use crate::crypto::curve::{CurveError, G1Affine, Scalar};

/// Reads a byte string field by field. The caller has checked the length; running out is an error all
/// the same.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// The points in order, where they have been decoded before.
    known: Option<core::slice::Iter<'a, Result<G1Affine, CurveError>>>,
}

impl<'a> Reader<'a> {
    /// Read `bytes`, decoding points on the way.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, known: None }
    }

    /// Read `bytes` with the answers [`Chains`](crate::crypto::curve::Chains) gave for its points.
    pub(crate) fn with_points(bytes: &'a [u8], points: &'a [Result<G1Affine, CurveError>]) -> Self {
        Self { rest: bytes, known: Some(points.iter()) }
    }

    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], CurveError> {
        let (field, rest) = self.rest.split_first_chunk::<N>().ok_or(CurveError::InvalidPoint)?;
        self.rest = rest;
        Ok(field)
    }

    /// A point of G1 other than the identity.
    pub(crate) fn point(&mut self) -> Result<G1Affine, CurveError> {
        let encoding = self.take()?;
        match &mut self.known {
            None => G1Affine::from_compressed(encoding),
            Some(known) => known.next().copied().unwrap_or(Err(CurveError::InvalidPoint)),
        }
    }

    /// A scalar other than zero.
    pub(crate) fn scalar(&mut self) -> Result<Scalar, CurveError> {
        Scalar::nonzero_from_be_bytes(self.take()?)
    }

    /// `count` scalars other than zero.
    pub(crate) fn scalars(&mut self, count: usize) -> Result<Vec<Scalar>, CurveError> {
        (0..count).map(|_| self.scalar()).collect()
    }
}
