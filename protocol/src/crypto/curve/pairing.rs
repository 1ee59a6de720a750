//! Products of pairings, with one final exponentiation for all of them.

use blst::*;

use super::g2::Lines;
use super::{G1Affine, PreparedG2};

/// The bits of the curve parameter: after each addition step, so many doubling steps.
const DOUBLINGS: [usize; 5] = [2, 3, 9, 32, 16];

/// Whether e(P₁,Q₁)·…·e(Pₙ,Qₙ) = 1. Takes variable time: for public values.
pub fn pairings_cancel(pairs: &[(G1Affine, &PreparedG2)]) -> bool {
    let mut product = miller_loops(pairs);
    // SAFETY: reads and writes one live local.
    unsafe {
        blst_final_exp(&mut product, &product);
        blst_fp12_is_one(&product)
    }
}

/// All Miller loops side by side, so that they share every squaring.
fn miller_loops(pairs: &[(G1Affine, &PreparedG2)]) -> blst_fp12 {
    let loops: Vec<_> = pairs
        .iter()
        .filter(|(point, _)| !point.is_identity()) // e(0, Q) = 1
        .map(|(point, key)| (minus_two_x_two_y(point), key.lines()))
        .collect();
    let mut value = blst_fp12::default();
    let mut step = 0;
    multiply_by_lines(&mut value, &loops, &mut step);
    for doublings in DOUBLINGS {
        multiply_by_lines(&mut value, &loops, &mut step);
        for _ in 0..doublings {
            // SAFETY: squares a live local in place.
            unsafe { blst_fp12_sqr(&mut value, &value) };
            multiply_by_lines(&mut value, &loops, &mut step);
        }
    }
    // SAFETY: conjugates a live local in place; the curve parameter is negative.
    unsafe { blst_fp12_conjugate(&mut value) };
    value
}

type Loop<'a> = ((blst_fp, blst_fp), &'a Lines);

fn multiply_by_lines(value: &mut blst_fp12, loops: &[Loop<'_>], step: &mut usize) {
    for ((x, y), lines) in loops {
        let mut line = lines[*step];
        // SAFETY: all pointers are into live values; `blst` allows aliasing.
        unsafe {
            for part in 0..2 {
                blst_fp_mul(&mut line.fp2[1].fp[part], &line.fp2[1].fp[part], x);
                blst_fp_mul(&mut line.fp2[2].fp[part], &line.fp2[2].fp[part], y);
            }
            blst_fp12_mul_by_xy00z0(value, value, &line);
        }
    }
    *step += 1;
}

/// (−2x, 2y): the factors by which a prepared line is evaluated at a point.
fn minus_two_x_two_y(point: &G1Affine) -> (blst_fp, blst_fp) {
    let (mut x, mut y) = (blst_fp::default(), blst_fp::default());
    // SAFETY: all pointers are to live values.
    unsafe {
        blst_fp_add(&mut x, &point.0.x, &point.0.x);
        blst_fp_cneg(&mut x, &x, true);
        blst_fp_add(&mut y, &point.0.y, &point.0.y);
    }
    (x, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::curve::{G2Affine, Scalar};

    #[test]
    fn miller_loops_agree_with_blst() {
        let points: Vec<_> = (2..7).map(|k| G1Affine::generator().multiply(&Scalar::from_u64(k)).to_affine()).collect();
        let keys: Vec<_> = (2..7).map(|k| G2Affine::generator_times(&Scalar::from_u64(k * 11))).collect();
        let prepared: Vec<_> = keys.iter().map(|key| PreparedG2::new(*key)).collect();
        let pairs: Vec<_> = points.iter().copied().zip(&prepared).collect();
        let mut expected = blst_fp12::default();
        for (point, key) in points.iter().zip(&keys) {
            let mut value = blst_fp12::default();
            // SAFETY: all pointers are to live values.
            unsafe {
                blst_miller_loop(&mut value, &key.0, &point.0);
                blst_fp12_mul(&mut expected, &expected, &value);
            }
        }
        assert!(miller_loops(&pairs) == expected);
    }

    #[test]
    fn bilinear_and_not_degenerate() {
        let (a, b) = (Scalar::from_u64(77), Scalar::from_u64(1234));
        let key = PreparedG2::new(G2Affine::generator_times(&b));
        let left = G1Affine::generator().multiply(&a).to_affine();
        let right = G1Affine::generator().multiply(&-(a * b)).to_affine();
        assert!(pairings_cancel(&[(left, &key), (right, PreparedG2::generator())]));
        assert!(!pairings_cancel(&[(left, &key), (-right, PreparedG2::generator())]));
        assert!(pairings_cancel(&[(G1Affine::default(), &key)]));
        assert!(!pairings_cancel(&[(left, &key)]));
        assert!(pairings_cancel(&[]));
    }
}
