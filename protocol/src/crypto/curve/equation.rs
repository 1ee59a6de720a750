//! The one shape of pairing equation that signatures, proofs and memberships need, checked in bulk.

use super::multiply::{Halves, multiply_halves_vartime};
use super::{Expander, G1, G1Affine, PreparedG2, pairings_cancel};
use crate::crypto::domains;

/// The claim e(left, key) = e(right, generator of G2), that is: right = secret key · left.
#[derive(Clone)]
pub struct Equation<'a> {
    /// The point paired with the key.
    pub left: G1Affine,
    /// The public key.
    pub key: &'a PreparedG2,
    /// The point paired with the generator.
    pub right: G1Affine,
}

/// Whether all equations hold: one Miller loop for each distinct key, one for the generator, one final
/// exponentiation.
///
/// The equations are added with 128-bit factors expanded from `seed`, which must be a hash of everything
/// the sender could choose; a false equation then passes with probability 2⁻¹²⁸. Variable time.
pub fn equations_hold(equations: &[Equation<'_>], seed: &[u8; 32]) -> bool {
    sum_holds(equations, factors(seed, equations.len()))
}

/// As [`equations_hold`] for one's own equations, each of which was multiplied by a secret random factor of its own when
/// its points were blinded: they are added as they are.
pub(crate) fn blinded_equations_hold(equations: &[Equation<'_>]) -> bool {
    sum_holds(equations, core::iter::repeat(Halves { low: 1, high: 0 }))
}

fn sum_holds(equations: &[Equation<'_>], factors: impl Iterator<Item = Halves>) -> bool {
    let mut groups: Vec<(&PreparedG2, Vec<(G1Affine, Halves)>)> = Vec::new();
    let mut right = Vec::with_capacity(equations.len());
    for (equation, factor) in equations.iter().zip(factors) {
        match groups.iter_mut().find(|(key, _)| *key == equation.key) {
            Some((_, left)) => left.push((equation.left, factor)),
            None => groups.push((equation.key, vec![(equation.left, factor)])),
        }
        right.push((-equation.right, factor));
    }
    let mut sums: Vec<G1> = groups.iter().map(|(_, left)| multiply_halves_vartime(left)).collect();
    sums.push(multiply_halves_vartime(&right));
    let keys = groups.iter().map(|(key, _)| *key).chain([PreparedG2::generator()]);
    let pairs: Vec<_> = G1::all_to_affine(&sums).into_iter().zip(keys).collect();
    pairings_cancel(&pairs)
}

/// The indices of the groups that contain a false equation, found by halving.
pub fn failing_groups(groups: &[Vec<Equation<'_>>], seed: &[u8; 32]) -> Vec<usize> {
    if equations_hold(&groups.concat(), seed) {
        return Vec::new();
    }
    if groups.len() == 1 {
        return vec![0];
    }
    let (first, second) = groups.split_at(groups.len() / 2);
    let mut failing = failing_groups(first, seed);
    failing.extend(failing_groups(second, seed).iter().map(|index| index + first.len()));
    failing
}

/// 1, then factors low + high·z² with 64-bit halves: 128 bits of choice at half the length.
fn factors(seed: &[u8; 32], count: usize) -> impl Iterator<Item = Halves> {
    (0..count).map(move |index| {
        if index == 0 {
            return Halves { low: 1, high: 0 };
        }
        let mut input = [0u8; 40];
        input[..32].copy_from_slice(seed);
        input[32..].copy_from_slice(&(index as u64).to_be_bytes());
        let mut output = [0u8; 16];
        Expander::XmdSha256.expand(&input, domains::PAIRING_FOLD, &mut output);
        let factor = u128::from_be_bytes(output);
        Halves { low: factor & u128::from(u64::MAX), high: factor >> 64 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::curve::{G2Affine, Scalar};

    fn equation(key: &PreparedG2, secret: u64, point: u64) -> Equation<'_> {
        let left = G1Affine::generator().multiply(&Scalar::from_u64(point)).to_affine();
        Equation { left, key, right: left.multiply(&Scalar::from_u64(secret)).to_affine() }
    }

    #[test]
    fn true_equations_hold_and_a_false_one_is_found() {
        let keys: Vec<_> =
            [5, 6, 7].map(|s| (s, PreparedG2::new(G2Affine::generator_times(&Scalar::from_u64(s))))).into();
        let mut groups: Vec<Vec<_>> = (0..9)
            .map(|i| (0..4).map(|j| equation(&keys[(i + j) % 3].1, keys[(i + j) % 3].0, 3 + (i * j) as u64)).collect())
            .collect();
        assert!(equations_hold(&[], &[7; 32]));
        assert!(equations_hold(&groups.concat(), &[7; 32]));
        assert!(failing_groups(&groups, &[7; 32]).is_empty());
        groups[4][2].right = groups[4][1].right;
        groups[8][0].left = G1Affine::generator();
        assert!(!equations_hold(&groups.concat(), &[7; 32]));
        assert_eq!(failing_groups(&groups, &[7; 32]), [4, 8]);
    }

    #[test]
    fn errors_that_cancel_are_not_overlooked() {
        let key = PreparedG2::new(G2Affine::generator_times(&Scalar::from_u64(5)));
        let (mut first, mut second) = (equation(&key, 5, 10), equation(&key, 5, 20));
        assert!(equations_hold(&[first.clone(), second.clone()], &[1; 32]));
        let shift = G1::from(G1Affine::generator());
        first.right = (G1::from(first.right) + shift).to_affine();
        second.right = (G1::from(second.right) - shift).to_affine();
        assert!(!equations_hold(&[first, second], &[1; 32]));
    }
}
