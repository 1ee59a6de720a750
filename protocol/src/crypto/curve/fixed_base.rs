//! Multiples of points that never change: BBS generators and the base point.
//!
//! For secret scalars: a scalar is recoded into 43 odd digits of six bits, so no digit is zero, every
//! multiplication makes the same 43 additions, and the point at infinity never occurs on the way. For public
//! ones the tables of `wide` are faster.

use std::sync::OnceLock;

use blst::*;
use zeroize::Zeroizing;

use super::wide::WideTable;
use super::{G1, G1Affine, Scalar, field};

const WINDOW: usize = 6;
const WINDOWS: usize = 43; // 258 bits hold any scalar below r
const POINTS: usize = 1 << (WINDOW - 1);

/// A point with tables of its multiples. A table is calculated on first use: the narrow one (132 KB, a millisecond)
/// by who signs or proves, the wide one (209 KB, a millisecond) by who verifies, the widest (639 KB, four milliseconds)
/// by who verifies many proofs together.
pub struct FixedBase {
    point: G1Affine,
    /// The odd multiples P, 3P … 63P of P, 2⁶P, 2¹²P …
    narrow: OnceLock<Box<[[G1Affine; POINTS]]>>,
    wide: OnceLock<WideTable>,
    widest: OnceLock<WideTable>,
}

/// Which table for public scalars to use.
#[derive(Clone, Copy)]
pub(super) enum TableSize {
    Wide,
    Widest,
}

/// One recoded scalar: for each window the row element to take, and whether to negate it.
struct Digits {
    index: [u8; WINDOWS],
    negate: [bool; WINDOWS],
}

impl FixedBase {
    /// A base whose tables wait for their first use.
    pub const fn new(point: G1Affine) -> Self {
        Self { point, narrow: OnceLock::new(), wide: OnceLock::new(), widest: OnceLock::new() }
    }

    /// The point itself.
    pub fn point(&self) -> G1Affine {
        self.point
    }

    fn narrow(&self) -> &[[G1Affine; POINTS]] {
        self.narrow.get_or_init(|| narrow_table(&self.point))
    }

    /// `scalar`·P, in constant time.
    pub fn multiply(&self, scalar: &Scalar) -> G1 {
        sum([(self, *scalar)])
    }

    /// kᵢ·P for every kᵢ, in constant time; far cheaper each than [`Self::multiply`], because all sums
    /// grow side by side and share the inversions of affine addition.
    pub fn multiply_all(&self, scalars: &[Scalar]) -> Vec<G1Affine> {
        let rows = self.narrow();
        let digits: Vec<_> = scalars.iter().map(Digits::of).collect();
        let mut sums: Vec<_> = digits.iter().map(|digits| select(&rows[0], digits, 0)).collect();
        let mut coincide = vec![false; scalars.len()];
        for (window, row) in rows.iter().enumerate().skip(1) {
            let points: Vec<_> = digits.iter().map(|digits| select(row, digits, window)).collect();
            add_pairwise(&mut sums, &points, &mut coincide);
        }
        let pairs = scalars.iter().zip(coincide).zip(sums);
        pairs.map(|((scalar, coincide), sum)| if coincide { self.multiply(scalar).to_affine() } else { sum }).collect()
    }

    /// Points whose sum, with ψ of the sum of the `images`, is `scalar`·P. Variable time.
    pub(super) fn gather_vartime(
        &self,
        size: TableSize,
        scalar: &Scalar,
        points: &mut Vec<G1Affine>,
        images: &mut Vec<G1Affine>,
    ) {
        let (table, width) = match size {
            TableSize::Wide => (&self.wide, 8),
            TableSize::Widest => (&self.widest, 10),
        };
        table.get_or_init(|| WideTable::new(&self.point, width)).gather(scalar, points, images);
    }

    /// The 43 points whose sum is `scalar`·P; every element of every row is read.
    fn gather(&self, scalar: &Scalar, output: &mut Vec<G1Affine>) {
        let digits = Digits::of(scalar);
        for (window, row) in self.narrow().iter().enumerate() {
            output.push(select(row, &digits, window));
        }
    }
}

fn narrow_table(point: &G1Affine) -> Box<[[G1Affine; POINTS]]> {
    let mut multiples = Vec::with_capacity(WINDOWS * POINTS);
    let mut base = G1::from(*point);
    for _ in 0..WINDOWS {
        let twice = base.double();
        let mut multiple = base;
        for _ in 0..POINTS {
            multiples.push(multiple);
            multiple = multiple.add_other(&twice);
        }
        for _ in 0..WINDOW {
            base = base.double();
        }
    }
    G1::all_to_affine(&multiples).chunks_exact(POINTS).map(|row| core::array::from_fn(|i| row[i])).collect()
}

impl Digits {
    /// k = Σ dᵢ·64ⁱ with every dᵢ odd. An even k is replaced by r − k and all signs are turned.
    fn of(scalar: &Scalar) -> Self {
        let positive = Zeroizing::new(scalar.to_le_bytes());
        let negative = order_minus(&positive);
        let even = 1 - (positive[0] & 1);
        let mask = even.wrapping_neg();
        // c = (k + 2²⁵⁸ − 1)/2: its bits say for each power of two whether it is added or subtracted.
        let mut bits = Zeroizing::new([0u8; 34]);
        for i in 0..32 {
            bits[i] = positive[i] ^ ((positive[i] ^ negative[i]) & mask);
        }
        for i in 0..33 {
            bits[i] = (bits[i] >> 1) | (bits[i + 1] << 7);
        }
        bits[32] |= 1 << 1; // bit 257
        let mut digits = Self { index: [0; WINDOWS], negate: [false; WINDOWS] };
        for window in 0..WINDOWS {
            let (byte, shift) = (window * WINDOW / 8, window * WINDOW % 8);
            let pair = u16::from(bits[byte]) | (u16::from(bits[byte + 1]) << 8);
            let value = ((pair >> shift) & 0x3f) as u8;
            let below = 1 - (value >> 5); // the digit 2·value − 63 is negative
            digits.index[window] = (value ^ below.wrapping_neg()) & 0x1f;
            digits.negate[window] = (below ^ even) == 1;
        }
        digits
    }
}

/// The element of `row` that `digits` name for `window`, after reading all of them.
fn select(row: &[G1Affine; POINTS], digits: &Digits, window: usize) -> G1Affine {
    let wanted = u64::from(digits.index[window]);
    let point = G1Affine::choose(row.iter().enumerate().map(|(index, point)| (index as u64 ^ wanted, point)));
    negate_if(point, digits.negate[window])
}

/// sumᵢ += pointᵢ by the affine formula, all slopes sharing one inversion. Where the two x coincide,
/// which takes a relation only the discrete logarithm gives, `coincide` is set and the sum is void.
fn add_pairwise(sums: &mut [G1Affine], points: &[G1Affine], coincide: &mut [bool]) {
    let mut denominators = Vec::with_capacity(sums.len());
    let mut products = Vec::with_capacity(sums.len());
    let mut product = field::ONE;
    for ((sum, point), coincide) in sums.iter().zip(points).zip(coincide) {
        let mut denominator = field::sub(&point.0.x, &sum.0.x);
        if denominator == blst_fp::default() {
            *coincide = true;
            denominator = field::ONE;
        }
        products.push(product);
        product = field::mul(&product, &denominator);
        denominators.push(denominator);
    }
    let mut inverse = field::invert(&product);
    for (index, (sum, point)) in sums.iter_mut().zip(points).enumerate().rev() {
        let slope = field::mul(&field::mul(&inverse, &products[index]), &field::sub(&point.0.y, &sum.0.y));
        inverse = field::mul(&inverse, &denominators[index]);
        let x = field::sub(&field::sub(&field::mul(&slope, &slope), &sum.0.x), &point.0.x);
        sum.0.y = field::sub(&field::mul(&slope, &field::sub(&sum.0.x, &x)), &sum.0.y);
        sum.0.x = x;
    }
}

/// r − k as an integer, so that 0 becomes r, which is odd.
fn order_minus(scalar: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut difference = Zeroizing::new((-Scalar::ONE).to_le_bytes()); // r − 1
    let mut borrow = -1i16;
    for (byte, other) in difference.iter_mut().zip(scalar) {
        let value = i16::from(*byte) - i16::from(*other) - borrow;
        borrow = i16::from(value < 0);
        *byte = (value & 0xff) as u8;
    }
    difference
}

fn negate_if(mut point: G1Affine, negate: bool) -> G1Affine {
    // SAFETY: conditionally negates a coordinate of a live local in place, without a branch.
    unsafe { blst_fp_cneg(&mut point.0.y, &point.0.y, negate) };
    point
}

/// Σ kᵢ·Pᵢ for secret kᵢ: no memory access depends on them, and no branch unless two partial sums
/// coincide, which would reveal a discrete logarithm between the bases.
///
/// The terms are taken one by one, so that nobody needs a list of secret scalars for them; they should know how many
/// they are.
pub fn sum<'b>(terms: impl IntoIterator<Item = (&'b FixedBase, Scalar)>) -> G1 {
    let terms = terms.into_iter();
    let (least, most) = terms.size_hint();
    let mut points = Zeroizing::new(Vec::with_capacity(most.unwrap_or(least) * WINDOWS));
    for (base, scalar) in terms {
        base.gather(&scalar, &mut points);
    }
    add_all(&points)
}

fn add_all(points: &[G1Affine]) -> G1 {
    let mut total = G1::IDENTITY;
    if let Some(first) = points.first() {
        // `blst` reads contiguous points when the second pointer is null.
        let pointers = [&raw const first.0, core::ptr::null()];
        // SAFETY: exactly `points.len()` points are read from one slice.
        unsafe { blst_p1s_add(&mut total.0, pointers.as_ptr(), points.len()) };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::super::sum_vartime;
    use super::*;

    #[test]
    fn agrees_with_plain_multiplication() {
        let other = G1Affine::generator().multiply(&Scalar::from_u64(0xabcdef)).to_affine();
        let (first, second) = (FixedBase::new(G1Affine::generator()), FixedBase::new(other));
        let mut scalars: Vec<_> = (0..70).map(Scalar::from_u64).collect();
        scalars.extend((1..70).map(|k| -Scalar::from_u64(k)));
        scalars.extend((1..40).map(|k| Scalar::from_be_bytes_wide(&[k; 48])));
        for (i, scalar) in scalars.iter().enumerate() {
            let next = scalars[(i + 7) % scalars.len()];
            let expected = G1Affine::generator().multiply(scalar) + other.multiply(&next);
            assert_eq!(sum([(&first, *scalar), (&second, next)]), expected, "{i}");
            assert_eq!(sum_vartime(&[(&first, *scalar), (&second, next)]), expected, "{i}");
        }
        assert!(sum([]).is_identity());
        for (product, scalar) in first.multiply_all(&scalars).into_iter().zip(&scalars) {
            assert_eq!(G1::from(product), G1Affine::generator().multiply(scalar));
        }
    }
}
