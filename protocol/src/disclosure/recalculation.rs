//! The first move's points once more, all together.
//!
//! Each point is a known sum of multiples of a few others: A, B and the value signatures, tabulated when the points were
//! calculated, and generators. With a random factor ρ for each, Σ ρ·(point) has to be one sum of multiples of those, and
//! a point that is wrong passes with probability 2⁻⁶⁴. The factors are drawn from the blinding, so that nobody who causes
//! a fault can foresee them; only they take variable time.

use zeroize::{Zeroize, Zeroizing};

use super::prover::{FirstMove, Randomizer, Secret, Workings};
use super::statement::Checked;
use crate::crypto::bbs::message_base;
use crate::crypto::curve::{
    Expander, FixedBase, G1, G1Affine, Multiples, Scalar, multiply_sum_vartime, secret_sum, sum,
};
use crate::crypto::domains;
use crate::crypto::membership::generator_table;

/// Points with their factors, and what they should add up to.
pub(super) struct Recalculation<'w> {
    seed: &'w [u8; 32],
    points: Vec<(G1, Scalar)>,
    multiples: Terms<'w, Multiples>,
    fixed: Terms<'w, FixedBase>,
}

/// Multiples of bases, erased when dropped.
struct Terms<'w, B> {
    bases: Vec<&'w B>,
    scalars: Zeroizing<Vec<Scalar>>,
}

impl<'w, B> Terms<'w, B> {
    fn with_capacity(count: usize) -> Self {
        Self { bases: Vec::with_capacity(count), scalars: Zeroizing::new(Vec::with_capacity(count)) }
    }

    fn push(&mut self, base: &'w B, mut scalar: Scalar) {
        self.bases.push(base);
        self.scalars.push(scalar);
        scalar.zeroize();
    }

    fn iter(&self) -> impl Iterator<Item = (&'w B, Scalar)> {
        self.bases.iter().copied().zip(self.scalars.iter().copied())
    }
}

impl<'w> Recalculation<'w> {
    pub(super) fn of(made: &FirstMove, checked: &Checked<'_>, workings: &'w Workings) -> Self {
        let Secret { secrets, e, hidden, randomizers } = &*made.secret;
        let statement = &checked.statement;
        let parts = statement.memberships.len();
        let mut all = Self {
            seed: &workings.seed,
            points: Vec::with_capacity(7 + 3 * parts),
            multiples: Terms::with_capacity(3 + 2 * parts),
            fixed: Terms::with_capacity(hidden.len() + 1),
        };
        let [t1, t2, commitments @ ..] = &workings.commitments[..] else { return all };
        let [a, b] = &workings.signature;
        let r1_r2 = secrets.r1 * secrets.r2;
        let [d, a_bar, b_bar] = [made.points.d, made.points.a_bar, made.points.b_bar].map(|point| all.factor(point));
        let [t1, t2, b_hidden] = [*t1, *t2, workings.hidden_part].map(|point| all.factor(point));
        // Abar = A·r1·r2, Bbar = B·r1·r2 − A·r1·r2·e, T1 = A·r1·r2·ẽ + B·r2·r̃1
        all.multiples.push(a, r1_r2 * (a_bar - b_bar * *e + t1 * secrets.e));
        // D = B·r2, T2 = B·r2·r̃3 + Σ Hⱼ·m̃ⱼ, and B itself has Σ Hⱼ·mⱼ
        all.multiples.push(b, secrets.r2 * (d + b_bar * secrets.r1 + t1 * secrets.r1_tilde + t2 * secrets.r3_tilde));
        for ((index, message), blind) in checked.hidden.iter().zip(hidden).zip(&secrets.messages) {
            all.fixed.push(message_base(statement.issuer.suite(), *index), t2 * *blind + b_hidden * *message);
        }
        let mut of_generator = Scalar::ZERO;
        for (index, (membership, (v, base))) in statement.memberships.iter().zip(&workings.memberships).enumerate() {
            let (position, Randomizer { r, tilde }) = (checked.positions[index], &randomizers[index]);
            let [a_prime, a_bar] = made.memberships[index].map(|point| all.factor(point));
            let t = all.factor(commitments[index]);
            let value = membership.coefficient * hidden[position] + membership.constant;
            let value_tilde = membership.coefficient * secrets.messages[position];
            // A′ = V·r, Ā = B·r − V·r·value, T = B·r̃ + V·r·ṽ
            all.multiples.push(v, *r * (a_prime - a_bar * value + t * value_tilde));
            let of_base = a_bar * *r + t * *tilde;
            match base {
                Some(base) => all.multiples.push(base, of_base),
                None => of_generator += of_base,
            }
        }
        all.fixed.push(generator_table(), of_generator);
        if let (Some(base), Some((_, position))) = (&workings.scope, &checked.scope) {
            let t = all.factor(commitments[parts]);
            all.multiples.push(base, t * secrets.messages[*position]);
        }
        all
    }

    /// Take a point in, and say by which factor.
    fn factor(&mut self, point: impl Into<G1>) -> Scalar {
        let mut input = Zeroizing::new([0u8; 40]);
        input[..32].copy_from_slice(self.seed);
        input[32..].copy_from_slice(&(self.points.len() as u64).to_be_bytes());
        let mut output = [0u8; 8];
        Expander::XmdSha256.expand(input.as_ref(), domains::ZK_RECALCULATION, &mut output);
        let factor = Scalar::from_u64(u64::from_be_bytes(output) | 1);
        self.points.push((point.into(), factor));
        factor
    }

    /// Whether they add up.
    pub(super) fn holds(&self) -> bool {
        let (points, factors): (Vec<G1>, Vec<Scalar>) = self.points.iter().copied().unzip();
        let affine: Vec<G1Affine> = G1::all_to_affine(&points);
        let terms: Vec<_> = affine.into_iter().zip(factors).collect();
        !terms.is_empty() && multiply_sum_vartime(&terms) == secret_sum(self.multiples.iter()) + sum(self.fixed.iter())
    }
}
