//! Larger tables for public scalars, whose halves by the endomorphism are taken several bits at a time.

use super::multiply::Halves;
use super::{G1, G1Affine, Scalar};

/// P, 2P … 2ʷ⁻¹P of P, 2ʷP, 2²ʷP …
pub(super) struct WideTable {
    width: usize,
    points: Box<[G1Affine]>,
}

impl WideTable {
    pub(super) fn new(point: &G1Affine, width: usize) -> Self {
        let (windows, row) = (Self::windows(width), 1 << (width - 1));
        let mut multiples = Vec::with_capacity(windows * row);
        let mut base = G1::from(*point);
        for _ in 0..windows {
            let mut multiple = base;
            for _ in 0..row {
                multiples.push(multiple);
                multiple = multiple.add_other(&base);
            }
            for _ in 0..width {
                base = base.double();
            }
        }
        Self { width, points: G1::all_to_affine(&multiples).into() }
    }

    /// 128 bits and a carry.
    fn windows(width: usize) -> usize {
        128 / width + 1
    }

    /// `scalar`·P is the sum of the points and of ψ(images).
    pub(super) fn gather(&self, scalar: &Scalar, points: &mut Vec<G1Affine>, images: &mut Vec<G1Affine>) {
        let halves = Halves::from(*scalar);
        self.gather_half(halves.low, points);
        self.gather_half(halves.high, images);
    }

    /// One digit in −2ʷ⁻¹ + 1 … 2ʷ⁻¹ for each window.
    fn gather_half(&self, half: u128, output: &mut Vec<G1Affine>) {
        let (row, mut rest, mut carry) = (1 << (self.width - 1), half, 0);
        for multiples in self.points.chunks_exact(row) {
            let digit = (rest & (2 * row as u128 - 1)) as usize + carry;
            rest >>= self.width;
            carry = usize::from(digit > row);
            match digit {
                0 => {}
                _ if carry == 0 => output.push(multiples[digit - 1]),
                _ if digit == 2 * row => {}
                _ => output.push(-multiples[2 * row - digit - 1]),
            }
        }
    }
}
