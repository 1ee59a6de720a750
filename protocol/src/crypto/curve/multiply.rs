//! Σ kᵢ·Pᵢ over points known only at run time, for public values.
//!
//! A scalar is halved with the curve's endomorphism: k = low + high·z², and z²·(x, y) = (βx, −y), where z
//! is the curve parameter. Two half-length multiples then share their doublings with all the others.

use blst::*;

use super::{G1, G1Affine, Scalar};

/// z², 128 bits.
pub(super) const Z_SQUARED: u128 = 0xac45_a401_0001_a402_0000_0001_0000_0000;

/// The cube root of unity β in the base field, in Montgomery form.
const BETA: blst_fp = blst_fp {
    l: [
        0x30f1_361b_798a_64e8,
        0xf3b8_ddab_7ece_5a2a,
        0x16a8_ca3a_c615_77f7,
        0xc26a_2ff8_74fd_029b,
        0x3636_b766_6070_1c6e,
        0x051b_a4ab_241b_6160,
    ],
};

/// A multiplier in two halves, low + high·z².
#[derive(Clone, Copy)]
pub(super) struct Halves {
    pub(super) low: u128,
    pub(super) high: u128,
}

impl From<Scalar> for Halves {
    /// Long division by z² in base 2⁶⁴; quotient and remainder both fit 128 bits, because r < 2¹²⁸·z².
    fn from(scalar: Scalar) -> Self {
        #[cfg(test)]
        super::watch::saw(scalar);
        let bytes = scalar.to_be_bytes();
        let (mut low, mut rest) = (0u128, [0u64; 2]);
        for (index, limb) in bytes.chunks_exact(16).enumerate() {
            let value = limb.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
            match index {
                0 => low = value,
                _ => rest = [(value >> 64) as u64, value as u64],
            }
        }
        let mut high = 0u128;
        for limb in rest {
            let digit;
            (digit, low) = divide(low, limb);
            high = high << 64 | u128::from(digit);
        }
        Self { low, high }
    }
}

/// Quotient and remainder of (above·2⁶⁴ + limb) / z², for above < z². The estimate from the upper half of z² is at most
/// two too large (Knuth, TAOCP 4.3.1).
fn divide(above: u128, limb: u64) -> (u64, u128) {
    const UPPER: u128 = Z_SQUARED >> 64;
    const LOWER: u128 = Z_SQUARED & u64::MAX as u128;
    let mut digit = (above / UPPER).min(u128::from(u64::MAX));
    let mut rest = above - digit * UPPER;
    while rest >> 64 == 0 && digit * LOWER > (rest << 64 | u128::from(limb)) {
        digit -= 1;
        rest += UPPER;
    }
    // Below z² now, so what is lost above 128 bits on the way cancels.
    let remainder = (rest << 64 | u128::from(limb)).wrapping_sub(digit * LOWER);
    (digit as u64, remainder)
}

/// z²·P, for the price of one field multiplication.
pub(super) fn endomorphism(point: &G1Affine) -> G1Affine {
    let mut image = -*point;
    // SAFETY: all pointers are to live values; `blst` allows aliasing.
    unsafe { blst_fp_mul(&mut image.0.x, &image.0.x, &BETA) };
    image
}

/// Σ kᵢ·Pᵢ. Takes variable time: for public values.
pub fn multiply_sum_vartime(terms: &[(G1Affine, Scalar)]) -> G1 {
    let halves: Vec<_> = terms.iter().map(|(point, scalar)| (*point, Halves::from(*scalar))).collect();
    multiply_halves_vartime(&halves)
}

/// Σ (lowᵢ + highᵢ·z²)·Pᵢ.
pub(super) fn multiply_halves_vartime(terms: &[(G1Affine, Halves)]) -> G1 {
    const MANY: usize = 24;
    let present = terms.iter().copied().filter(|(point, _)| !point.is_identity());
    let (once, terms): (Vec<_>, Vec<_>) = present.partition(|(_, halves)| halves.low == 1 && halves.high == 0);
    let total = if terms.len() < MANY { interleaved(&terms) } else { pippenger(&terms) };
    once.iter().fold(total, |total, (point, _)| total + *point)
}

const DIGITS: usize = 130;

/// Straus's method with non-adjacent digits. The multiples for the high half are the endomorphism's images of those for
/// the low half.
fn interleaved(terms: &[(G1Affine, Halves)]) -> G1 {
    match terms.iter().all(|(_, halves)| halves.low >> 64 == 0 && halves.high == 0) {
        true => interleaved_by::<4>(terms), // few digits do not pay for a long row
        false => interleaved_by::<5>(terms),
    }
}

/// With digits of `WIDTH` bits.
fn interleaved_by<const WIDTH: usize>(terms: &[(G1Affine, Halves)]) -> G1 {
    let odd_multiples = 1 << (WIDTH - 2);
    let mut multiples = Vec::with_capacity(terms.len() * odd_multiples);
    for (point, _) in terms {
        let mut multiple = G1::from(*point);
        let twice = multiple.double();
        for _ in 0..odd_multiples {
            multiples.push(multiple);
            multiple = multiple.add_other(&twice);
        }
    }
    let low = G1::all_to_affine(&multiples);
    // Factors of half the length need no images.
    let half_length = terms.iter().all(|(_, halves)| halves.high == 0);
    let high: Vec<_> = if half_length { Vec::new() } else { low.iter().map(endomorphism).collect() };
    let digits: Vec<_> = terms
        .iter()
        .map(|(_, halves)| (non_adjacent::<WIDTH>(halves.low), non_adjacent::<WIDTH>(halves.high)))
        .collect();
    // One to read and one to write, because a point is large enough for copies to count.
    let (mut total, mut next) = (&mut { G1::IDENTITY }, &mut { G1::IDENTITY });
    for position in (0..DIGITS).rev() {
        if !total.is_identity() {
            total.double_in_place();
        }
        let low = low.chunks_exact(odd_multiples).zip(digits.iter().map(|digits| digits.0[position]));
        let high = high.chunks_exact(odd_multiples).zip(digits.iter().map(|digits| digits.1[position]));
        for (row, digit) in low.chain(high).filter(|(_, digit)| *digit != 0) {
            let multiple = row[usize::from(digit.unsigned_abs() / 2)];
            next.set_to_sum(total, &if digit < 0 { -multiple } else { multiple });
            core::mem::swap(&mut total, &mut next);
        }
    }
    *total
}

/// Odd digits below 2^(`WIDTH` − 1) in size and zeros, least significant first; `WIDTH` − 1 zeros follow each other digit.
pub(super) fn non_adjacent<const WIDTH: usize>(multiplier: u128) -> [i8; DIGITS] {
    let mut digits = [0i8; DIGITS];
    let (mut rest, mut carry, mut position) = (multiplier, 0u128, 0);
    // The value still to be recoded is rest·2^position + carry·2^position.
    while rest != 0 || carry != 0 {
        if (rest & 1) ^ carry == 0 {
            rest >>= 1; // an odd rest with a carry keeps the carry
            position += 1;
            continue;
        }
        let value = (rest & ((1 << WIDTH) - 1)) as i8 + carry as i8;
        (digits[position], carry) = if value >= 1 << (WIDTH - 1) { (value - (1 << WIDTH), 1) } else { (value, 0) };
        rest >>= WIDTH;
        position += WIDTH;
    }
    digits
}

/// Bucket method, for many points: each term as two of half the length.
fn pippenger(terms: &[(G1Affine, Halves)]) -> G1 {
    let (points, multipliers): (Vec<_>, Vec<_>) =
        terms.iter().flat_map(|(point, halves)| [(*point, halves.low), (endomorphism(point), halves.high)]).unzip();
    let width = multipliers.iter().map(|multiplier: &u128| 128 - multiplier.leading_zeros()).max().unwrap_or(0);
    let multipliers: Vec<_> = multipliers.iter().map(|multiplier| multiplier.to_le_bytes()).collect();
    let point_pointers: Vec<_> = points.iter().map(|point| &raw const point.0).collect();
    let multiplier_pointers: Vec<_> = multipliers.iter().map(|bytes| bytes.as_ptr()).collect();
    let mut total = G1::IDENTITY;
    // SAFETY: both pointer lists hold `points.len()` live entries, each multiplier 128 bits of which
    // `width` are read, and the scratch space has the size `blst` asks for.
    unsafe {
        let mut scratch = vec![0u64; blst_p1s_mult_pippenger_scratch_sizeof(points.len()) / 8];
        blst_p1s_mult_pippenger(
            &mut total.0,
            point_pointers.as_ptr(),
            points.len(),
            multiplier_pointers.as_ptr(),
            width.max(1) as usize,
            scratch.as_mut_ptr(),
        );
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars() -> Vec<Scalar> {
        let mut scalars: Vec<_> = (0..40).map(Scalar::from_u64).collect();
        scalars.extend((1..40).map(|k| -Scalar::from_u64(k)));
        scalars.extend((0..60).map(|k| Scalar::from_be_bytes_wide(&[k * 4 + 1; 48])));
        scalars.extend([Z_SQUARED - 1, Z_SQUARED, u128::MAX].map(Scalar::from_u128));
        scalars
    }

    #[test]
    fn halves_put_together_are_the_scalar() {
        for scalar in scalars() {
            let Halves { low, high } = scalar.into();
            assert_eq!(Scalar::from_u128(low) + Scalar::from_u128(high) * Scalar::from_u128(Z_SQUARED), scalar);
        }
    }

    #[test]
    fn endomorphism_multiplies_by_z_squared() {
        let point = G1Affine::generator();
        assert_eq!(G1::from(endomorphism(&point)), point.multiply(&Scalar::from_u128(Z_SQUARED)));
    }

    #[test]
    fn recoding_keeps_the_value() {
        for value in [0, 1, 2, 15, 16, 17, 31, 32, 33, u128::MAX, u128::MAX - 15, Z_SQUARED, 0x5555 << 100] {
            for digits in [non_adjacent::<4>(value), non_adjacent::<5>(value)] {
                let mut sum = Scalar::ZERO;
                for digit in digits.iter().rev() {
                    sum = sum + sum;
                    let size = Scalar::from_u64(digit.unsigned_abs().into());
                    sum += if *digit < 0 { -size } else { size };
                }
                assert_eq!(sum, Scalar::from_u128(value));
            }
        }
    }

    #[test]
    fn sums_of_every_size_agree_with_plain_multiplication() {
        let short: Vec<_> = (1..99).map(|k: u64| Scalar::from_u64((u64::MAX / 7).wrapping_mul(k))).collect();
        for (scalars, size) in
            [0, 1, 2, 3, 23, 24, 25, 60].into_iter().flat_map(|size| [(scalars(), size), (short.clone(), size)])
        {
            let terms: Vec<_> = (0..size)
                .map(|i| {
                    let base = Scalar::from_u64(i as u64 * 31 + 5);
                    (G1Affine::generator().multiply(&base).to_affine(), scalars[(i * 13 + size) % scalars.len()])
                })
                .collect();
            let expected = terms.iter().fold(G1::IDENTITY, |sum, (point, k)| sum + point.multiply(k));
            assert_eq!(multiply_sum_vartime(&terms), expected, "{size}");
        }
        let point = G1Affine::generator();
        let cancelling = [(point, Scalar::ONE), (-point, Scalar::ONE), (G1Affine::default(), Scalar::ONE)];
        assert!(multiply_sum_vartime(&cancelling).is_identity());
        let equal: Vec<_> = (0..30).map(|_| (point, Scalar::from_u64(3))).collect();
        assert_eq!(multiply_sum_vartime(&equal), point.multiply(&Scalar::from_u64(90)));
    }
}
