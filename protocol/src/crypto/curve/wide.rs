//! A larger table for public scalars: eight bits at a time, halved by the endomorphism.

use super::multiply::{Halves, endomorphism};
use super::{G1, G1Affine, Scalar};

const WINDOWS: usize = 17; // 128 bits and a carry
const POINTS: usize = 128;

/// P, 2P … 128P of P, 2⁸P, 2¹⁶P …
pub(super) struct WideTable(Box<[G1Affine]>);

impl WideTable {
    pub(super) fn new(point: &G1Affine) -> Self {
        let mut multiples = Vec::with_capacity(WINDOWS * POINTS);
        let mut base = G1::from(*point);
        for _ in 0..WINDOWS {
            let mut multiple = base;
            for _ in 0..POINTS {
                multiples.push(multiple);
                multiple = multiple.add_vartime(&base);
            }
            for _ in 0..8 {
                base = base.double();
            }
        }
        Self(G1::all_to_affine(&multiples).into())
    }

    /// At most 34 points whose sum is `scalar`·P.
    pub(super) fn gather(&self, scalar: &Scalar, output: &mut Vec<G1Affine>) {
        let halves = Halves::from(*scalar);
        self.gather_half(halves.low, output);
        let middle = output.len();
        self.gather_half(halves.high, output);
        for point in &mut output[middle..] {
            *point = endomorphism(point);
        }
    }

    /// One digit in −127 … 128 for each byte.
    fn gather_half(&self, half: u128, output: &mut Vec<G1Affine>) {
        let mut carry = 0;
        for (window, byte) in half.to_le_bytes().into_iter().chain([0]).enumerate() {
            let digit = i16::from(byte) + carry;
            carry = i16::from(digit > 128);
            let digit = digit - 256 * carry;
            if digit != 0 {
                let point = self.0[window * POINTS + usize::from(digit.unsigned_abs()) - 1];
                output.push(if digit < 0 { -point } else { point });
            }
        }
    }
}
