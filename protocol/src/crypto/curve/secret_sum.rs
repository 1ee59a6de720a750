//! Σ kᵢ·Pᵢ for secret kᵢ and points known only at run time.
//!
//! A scalar is cut into four quarters of 64 bits, k = (a + b·2⁶⁴) + (c + d·2⁶⁴)·z², where z²·P is the endomorphism's image
//! of P. All quarters of all terms share 60 doublings, and all sums with a point share its [`Multiples`]. Which additions
//! are made, and in which order memory is read, depends on the number of terms only.
//!
//! A sum begins at a point of which nobody knows how it is related to any other, and that is taken away at the end. So no
//! partial sum is the identity or the very point that comes next, which would take another formula and be seen by a clock:
//! who could choose points for which that happens, knew the logarithm.

use std::sync::OnceLock;

use blst::*;
use zeroize::Zeroizing;

use super::multiply::{Z_SQUARED, endomorphism};
use super::{Expander, G1, G1Affine, Scalar};
use crate::crypto::domains;

/// Bits of a digit.
const WINDOW: usize = 5;
/// Multiples P … 16·P: digits are −16 … 16.
const ROW: usize = 1 << (WINDOW - 1);
/// Digits of a quarter: 64 bits, and one more for the carry.
const DIGITS: usize = 64_usize.div_ceil(WINDOW);
/// Quarters of a scalar.
const QUARTERS: usize = 4;
/// Two rows: of P, and of 2⁶⁴·P.
const BOTH: usize = 2 * ROW;

/// A point of the subgroup with the multiples that sums take: P … 16·P for each of P, 2⁶⁴·P, z²·P and 2⁶⁴·z²·P.
pub struct Multiples(Zeroizing<Vec<G1Affine>>);

impl Multiples {
    /// Calculate the multiples of some points, with one inversion for all.
    pub fn of<const N: usize>(points: [G1; N]) -> [Self; N] {
        let all = multiples(&points);
        core::array::from_fn(|index| Self::with_images(&all[index * BOTH..][..BOTH]))
    }

    /// As [`Self::of`] for a list.
    pub fn of_each(points: &[G1]) -> Vec<Self> {
        multiples(points).chunks_exact(BOTH).map(Self::with_images).collect()
    }

    fn with_images(multiples: &[G1Affine]) -> Self {
        let mut all = Zeroizing::new(Vec::with_capacity(2 * BOTH));
        all.extend_from_slice(multiples);
        all.extend(multiples.iter().map(endomorphism));
        Self(all)
    }
}

/// For each point P … 16·P, then the same of 2⁶⁴·P.
fn multiples(points: &[G1]) -> Zeroizing<Vec<G1Affine>> {
    let mut all = Zeroizing::new(Vec::with_capacity(points.len() * BOTH));
    for point in points {
        let mut upper = *point;
        (0..64).for_each(|_| upper.double_in_place());
        for base in [*point, upper] {
            let row = all.len();
            all.push(base);
            for index in 1..ROW {
                // The base is neither equal to a multiple of it nor opposite, because the order is a large prime.
                let odd = index % 2 == 0;
                let next = if odd { all[row + index - 1].add_other(&base) } else { all[row + index / 2].double() };
                all.push(next);
            }
        }
    }
    Zeroizing::new(G1::all_to_affine(&all))
}

/// Σ kᵢ·Pᵢ, in constant time. The terms are taken one by one, so that nobody needs a list of secret scalars for them; they
/// should know how many they are.
pub fn secret_sum<'m>(terms: impl IntoIterator<Item = (&'m Multiples, Scalar)>) -> G1 {
    let terms = terms.into_iter();
    let (least, most) = terms.size_hint();
    let mut all = Vec::with_capacity(most.unwrap_or(least));
    all.extend(terms.map(|(multiples, scalar)| (multiples, Zeroizing::new(quarters(&scalar).map(digits)))));
    let (start, end) = ends();
    // One to read and one to write, because a point is large enough for copies to count.
    let (mut total, mut next) = (&mut { *start }, &mut { G1::IDENTITY });
    for position in (0..DIGITS).rev() {
        if position + 1 < DIGITS {
            (0..WINDOW).for_each(|_| total.double_in_place());
        }
        for (multiples, digits) in &all {
            for (row, digits) in multiples.0.chunks_exact(ROW).zip(digits.iter()) {
                next.set_to_sum(total, &select(row, digits[position]));
                core::mem::swap(&mut total, &mut next);
            }
        }
    }
    *total - *end
}

/// Where every sum starts, and what is left of it after all doublings.
fn ends() -> &'static (G1, G1) {
    static ENDS: OnceLock<(G1, G1)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let start = Expander::XmdSha256.hash_to_g1(b"", domains::SUM_START);
        (start, (0..WINDOW * (DIGITS - 1)).fold(start, |point, _| point.double()))
    })
}

/// k as a + b·2⁶⁴ + (c + d·2⁶⁴)·z²: long division, bit by bit, without a branch.
fn quarters(scalar: &Scalar) -> Zeroizing<[u64; QUARTERS]> {
    let bytes = Zeroizing::new(scalar.to_be_bytes());
    let half = |from: usize| bytes[from..from + 16].iter().fold(0u128, |half, byte| half << 8 | u128::from(*byte));
    // r < 2¹²⁸·z², so the upper half is a remainder already.
    let (mut rest, lower, mut quotient) = (half(0), half(16), 0u128);
    for bit in (0..128).rev() {
        let carry = rest >> 127;
        rest = rest << 1 | (lower >> bit & 1);
        let (difference, below) = rest.overflowing_sub(Z_SQUARED);
        let taken = core::hint::black_box(carry | u128::from(!below));
        rest ^= (rest ^ difference) & taken.wrapping_neg();
        quotient = quotient << 1 | taken;
    }
    Zeroizing::new([rest as u64, (rest >> 64) as u64, quotient as u64, (quotient >> 64) as u64])
}

/// Digits of −16 … 16, least significant first: Booth's recoding.
fn digits(quarter: u64) -> [i8; DIGITS] {
    let doubled = u128::from(quarter) << 1;
    core::array::from_fn(|index| {
        let bits = (doubled >> (WINDOW * index) & 0x3f) as i8;
        (bits >> 1) + (bits & 1) - ((bits >> WINDOW) << WINDOW)
    })
}

/// digit·P, after reading all multiples.
fn select(row: &[G1Affine], digit: i8) -> G1Affine {
    let sign = digit >> 7;
    let size = ((digit ^ sign) - sign) as u64;
    let mut point = G1Affine::choose(row.iter().enumerate().map(|(index, point)| ((index as u64 + 1) ^ size, point)));
    // SAFETY: conditionally negates a coordinate of a live local in place, without a branch; zero stays zero.
    unsafe { blst_fp_cneg(&mut point.0.y, &point.0.y, sign != 0) };
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars() -> Vec<Scalar> {
        let mut scalars: Vec<_> = (0..40).map(Scalar::from_u64).collect();
        scalars.extend((1..40).map(|k| -Scalar::from_u64(k)));
        scalars.extend((0..60).map(|k| Scalar::from_be_bytes_wide(&[k * 4 + 1; 48])));
        scalars.extend([Z_SQUARED - 1, Z_SQUARED, Z_SQUARED + 1, u128::MAX, 1 << 64].map(Scalar::from_u128));
        scalars
    }

    #[test]
    fn quarters_put_together_are_the_scalar() {
        for scalar in scalars() {
            let [a, b, c, d] = quarters(&scalar).map(Scalar::from_u64);
            let (upper, image) = (Scalar::from_u128(1 << 64), Scalar::from_u128(Z_SQUARED));
            assert_eq!(a + b * upper + (c + d * upper) * image, scalar);
        }
    }

    #[test]
    fn digits_put_together_are_the_quarter() {
        for quarter in [0, 1, 7, 8, 9, 15, 16, u64::MAX, u64::MAX - 7, 0x8888_8888_8888_8888, 0x0123_4567_89ab_cdef] {
            let sum = digits(quarter).iter().rev().fold(0i128, |sum, digit| sum * 32 + i128::from(*digit));
            assert_eq!(sum, i128::from(quarter));
            assert!(digits(quarter).iter().all(|digit| (-16..=16).contains(digit)));
        }
    }

    #[test]
    fn sums_agree_with_plain_multiplication() {
        let scalars = scalars();
        let point = |k: u64| G1Affine::generator().multiply(&Scalar::from_u64(k));
        let points = [point(1), point(977), -point(977)];
        let [first, second, third] = &Multiples::of(points);
        for (index, scalar) in scalars.iter().enumerate() {
            let [next, last] = [7, 19].map(|step| scalars[(index + step) % scalars.len()]);
            assert_eq!(secret_sum([(first, *scalar)]), points[0].multiply(scalar));
            let expected = points[0].multiply(scalar) + points[1].multiply(&next) + points[2].multiply(&last);
            assert_eq!(secret_sum([(first, *scalar), (second, next), (third, last)]), expected);
            // Partial sums that are equal, and a sum that is nothing.
            assert!(secret_sum([(second, *scalar), (third, *scalar)]).is_identity());
            assert_eq!(secret_sum([(first, *scalar); 2]), points[0].multiply(scalar).double());
        }
        assert!(secret_sum([]).is_identity());
        let nothing = Multiples::of_each(&[G1::IDENTITY]);
        assert!(secret_sum([(&nothing[0], scalars[90])]).is_identity());
    }
}
