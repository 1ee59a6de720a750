//! The points of many proofs at once. Variable time: for public values.
//!
//! In affine form an addition costs six multiplications and a share of one inversion, half of what it costs alone;
//! so proofs that are verified together do each step side by side. Every point P is doubled 128 times: the chain
//! P, 2P … 2¹²⁸P tells whether P is in the subgroup, and all sums with P then need no doublings of their own.

use blst::*;

use super::fixed_base::TableSize;
use super::multiply::{Halves, Z_SQUARED, endomorphism, multiply_sum_vartime, non_adjacent};
use super::{CurveError, FixedBase, G1, G1Affine, Scalar, field};

/// P … 2¹²⁸P: a half of a scalar has 128 bits, and its signed digits one more.
const CHAIN: usize = 129;
/// Multiples 1, 3 … 15.
const ODD: usize = 8;

/// kᵢ·Pᵢ + … over points of a list, known by position, and over points with tables.
#[derive(Clone)]
pub struct Sum<'a> {
    /// Position of a point, and its multiplier.
    pub points: Vec<(usize, Scalar)>,
    /// Points that never change.
    pub bases: Vec<(&'a FixedBase, Scalar)>,
}

impl Sum<'_> {
    /// The sum over `points`.
    pub fn over_vartime(&self, points: &[G1Affine]) -> G1 {
        let terms: Vec<_> = self.points.iter().map(|(index, scalar)| (points[*index], *scalar)).collect();
        multiply_sum_vartime(&terms) + sum_vartime(&self.bases)
    }
}

/// Decoded points with their doublings.
pub struct Chains {
    /// [`CHAIN`] multiples of each point.
    multiples: Vec<G1Affine>,
}

impl Chains {
    /// With so many sums it pays to have larger tables.
    const MANY: usize = 32;

    /// Decode compressed points. Each has its own answer, the one [`G1Affine::from_compressed`] gives; a
    /// refused point takes part in sums as some other point.
    pub fn decode(encodings: &[[u8; 48]]) -> (Self, Vec<Result<G1Affine, CurveError>>) {
        let mut points: Vec<_> = encodings.iter().map(G1Affine::on_curve).collect();
        let chains = Self::new(points.iter().map(|point| point.unwrap_or(G1Affine::generator())));
        for (point, inside) in points.iter_mut().zip(chains.in_subgroup()) {
            if point.is_ok() && !inside {
                *point = Err(CurveError::PointNotInSubgroup);
            }
        }
        (chains, points)
    }

    /// Double all points side by side. No point of the curve has an even order, so none ever becomes the identity
    /// and no ordinate is 0.
    fn new(points: impl ExactSizeIterator<Item = G1Affine>) -> Self {
        let count = points.len();
        let mut multiples = vec![G1Affine::default(); count * CHAIN];
        for (chain, point) in multiples.chunks_exact_mut(CHAIN).zip(points) {
            chain[0] = point;
        }
        let (mut inverses, mut products) = (vec![field::ONE; count], Vec::with_capacity(count));
        for step in 1..CHAIN {
            for (inverse, chain) in inverses.iter_mut().zip(multiples.chunks_exact(CHAIN)) {
                *inverse = twice(&chain[step - 1].0.y);
            }
            field::invert_all(&mut inverses, &mut products);
            for (inverse, chain) in inverses.iter().zip(multiples.chunks_exact_mut(CHAIN)) {
                let point = chain[step - 1].0;
                let slope = field::mul(&three_squares(&point.x), inverse);
                chain[step] = third_point(&point, &point.x, &slope);
            }
        }
        Self { multiples }
    }

    /// For each point whether z²·P = ψ(P), with ψ(x, y) = (βx, −y). On the whole curve ψ² − ψ + 1 = 0, so this implies
    /// (z⁴ − z² + 1)·P = r·P = 0; and on the subgroup it holds.
    fn in_subgroup(&self) -> Vec<bool> {
        let bits: Vec<_> = (0..128).filter(|bit| Z_SQUARED >> bit & 1 == 1).collect();
        let mut lists = Lists::default();
        for chain in self.multiples.chunks_exact(CHAIN) {
            lists.push(bits.iter().map(|bit| chain[*bit]));
        }
        lists.shrink();
        let images = self.multiples.chunks_exact(CHAIN).map(|chain| G1::from(endomorphism(&chain[0])));
        images.zip(lists.iter()).map(|(image, list)| image == add_all(list)).collect()
    }

    /// Calculate many sums; positions count all points given to [`Self::decode`].
    pub fn sums_vartime(&self, sums: &[Sum<'_>]) -> Vec<G1> {
        let size = if sums.len() < Self::MANY { TableSize::Wide } else { TableSize::Widest };
        let mut lists = Lists::default();
        let mut buckets: [Vec<G1Affine>; ODD] = Default::default();
        let (mut images, mut totals) = (Vec::new(), Vec::with_capacity(sums.len()));
        for sum in sums {
            if lists.points.len() > Lists::MANY {
                totals.extend(lists.weighed());
            }
            for (position, scalar) in &sum.points {
                let chain = &self.multiples[position * CHAIN..][..CHAIN];
                let halves = Halves::from(*scalar);
                for (half, image) in [(halves.low, false), (halves.high, true)] {
                    for (multiple, digit) in chain.iter().zip(non_adjacent::<5>(half)) {
                        if digit != 0 {
                            let point = if image { endomorphism(multiple) } else { *multiple };
                            buckets[usize::from(digit.unsigned_abs() / 2)].push(if digit < 0 { -point } else { point });
                        }
                    }
                }
            }
            for (base, scalar) in &sum.bases {
                base.gather_vartime(size, scalar, &mut buckets[0], &mut images);
            }
            buckets.iter_mut().chain([&mut images]).for_each(|bucket| lists.push(bucket.drain(..)));
        }
        totals.extend(lists.weighed());
        totals
    }
}

/// Apply `work` to parts of at most `size` items, on all processors there are, and put the answers in order.
pub(crate) fn in_parts<'s, T: Sync, R: Send>(
    items: &'s [T],
    size: usize,
    work: impl Fn(&'s [T]) -> Vec<R> + Sync,
) -> Vec<R> {
    let one_after_the_other = |items: &'s [T]| items.chunks(size.max(1)).flat_map(&work).collect::<Vec<_>>();
    // A part of less than a quarter of the size loses more by its inversions than a second processor gains.
    let useful = items.len() / (size / 4).max(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(useful);
    if threads < 2 {
        return one_after_the_other(items);
    }
    let (mine, others) = items.split_at(items.len().div_ceil(threads));
    std::thread::scope(|scope| {
        let parts: Vec<_> = others.chunks(mine.len()).map(|part| scope.spawn(|| one_after_the_other(part))).collect();
        let mut results = one_after_the_other(mine);
        for part in parts {
            results.extend(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
}

/// 1·B₁ + 3·B₃ + … + 15·B₁₅, and the image of the last bucket.
fn weigh(buckets: &[&[G1Affine]]) -> G1 {
    let (mut running, mut total) = (G1::IDENTITY, G1::IDENTITY);
    for bucket in buckets[1..ODD].iter().rev() {
        running = bucket.iter().fold(running, |sum, point| sum + *point);
        total += running;
    }
    let ones = buckets[0].iter().fold(total.double() + running, |sum, point| sum + *point);
    buckets[ODD].iter().fold(ones, |sum, point| sum + endomorphism(point))
}

/// Σ kᵢ·Pᵢ for public kᵢ and points with tables.
pub fn sum_vartime(terms: &[(&FixedBase, Scalar)]) -> G1 {
    let (mut points, mut images) = (Vec::new(), Vec::new());
    terms.iter().for_each(|(base, scalar)| base.gather_vartime(TableSize::Wide, scalar, &mut points, &mut images));
    let mut lists = Lists::default();
    [points, images].into_iter().for_each(|list| lists.push(list.into_iter()));
    lists.shrink();
    let mut lists = lists.iter();
    let (points, images) = (lists.next().unwrap_or_default(), lists.next().unwrap_or_default());
    images.iter().fold(add_all(points), |sum, point| sum + endomorphism(point))
}

fn add_all(points: &[G1Affine]) -> G1 {
    points.iter().fold(G1::IDENTITY, |sum, point| sum + *point)
}

/// Lists of points, one after the other, each to be added up.
#[derive(Default)]
struct Lists {
    points: Vec<G1Affine>,
    lengths: Vec<usize>,
}

impl Lists {
    /// With fewer additions in a round an inversion costs more than it saves.
    const FEW: usize = 12;
    /// Half a megabyte of points and inverses, so that they stay in the processor's cache.
    const MANY: usize = 4096;

    fn push(&mut self, list: impl Iterator<Item = G1Affine>) {
        let before = self.points.len();
        self.points.extend(list);
        self.lengths.push(self.points.len() - before);
    }

    /// The sums of all lists, by their weights; leaves no list behind.
    fn weighed(&mut self) -> Vec<G1> {
        self.shrink();
        let totals = self.iter().collect::<Vec<_>>().chunks_exact(ODD + 1).map(weigh).collect();
        self.points.clear();
        self.lengths.clear();
        totals
    }

    fn iter(&self) -> impl Iterator<Item = &[G1Affine]> {
        let mut rest = &self.points[..];
        self.lengths.iter().map(move |length| {
            let (list, others) = rest.split_at(*length);
            rest = others;
            list
        })
    }

    /// Make every list shorter and keep its sum: neighbours are added, in all lists side by side, while there are
    /// enough of them.
    fn shrink(&mut self) {
        let (mut inverses, mut products) = (Vec::new(), Vec::new());
        while self.lengths.iter().map(|length| length / 2).sum::<usize>() >= Self::FEW {
            inverses.clear();
            let pairs = self.iter().flat_map(|list| list.chunks_exact(2));
            inverses.extend(pairs.map(|pair| denominator(&pair[0], &pair[1])));
            field::invert_all(&mut inverses, &mut products);
            let (mut read, mut write, mut inverses) = (0, 0, inverses.iter());
            for length in &mut self.lengths {
                let end = read + *length;
                while read < end {
                    let first = self.points[read];
                    // An odd one out waits for the next round.
                    self.points[write] = match (read + 1 < end).then(|| inverses.next()).flatten() {
                        Some(inverse) => add(&first, &self.points[read + 1], inverse),
                        None => first,
                    };
                    (read, write) = ((read + 2).min(end), write + 1);
                }
                *length = length.div_ceil(2);
            }
            self.points.truncate(write);
        }
    }
}

/// What the slope of the line through two points is divided by; 1 where there is no slope.
fn denominator(a: &G1Affine, b: &G1Affine) -> blst_fp {
    let difference = field::sub(&b.0.x, &a.0.x);
    match () {
        _ if a.is_identity() || b.is_identity() => field::ONE,
        _ if difference != field::ZERO => difference,
        _ if a == b => twice(&a.0.y),
        _ => field::ONE,
    }
}

/// a + b, with the inverse of their [`denominator`].
fn add(a: &G1Affine, b: &G1Affine, inverse: &blst_fp) -> G1Affine {
    let numerator = match () {
        _ if a.is_identity() => return *b,
        _ if b.is_identity() => return *a,
        _ if a.0.x != b.0.x => field::sub(&b.0.y, &a.0.y),
        _ if a == b => three_squares(&a.0.x),
        _ => return G1Affine::default(),
    };
    third_point(&a.0, &b.0.x, &field::mul(&numerator, inverse))
}

/// The sum of `a` and the point with abscissa `x`, when `slope` is that of the line through both.
fn third_point(a: &blst_p1_affine, x: &blst_fp, slope: &blst_fp) -> G1Affine {
    let x = field::sub(&field::sub(&field::square(slope), &a.x), x);
    let y = field::sub(&field::mul(slope, &field::sub(&a.x, &x)), &a.y);
    G1Affine(blst_p1_affine { x, y })
}

fn twice(value: &blst_fp) -> blst_fp {
    field::add(value, value)
}

/// 3·x².
fn three_squares(x: &blst_fp) -> blst_fp {
    let square = field::square(x);
    field::add(&twice(&square), &square)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of the curve outside the subgroup, as nearly all are.
    fn outside() -> impl Iterator<Item = [u8; 48]> {
        let candidates = (1..=255).map(|last| {
            let mut bytes = [0; 48];
            (bytes[0], bytes[47]) = (0x80, last);
            bytes
        });
        candidates.filter(|bytes| G1Affine::on_curve(bytes).is_ok())
    }

    fn point(k: u64) -> G1Affine {
        G1Affine::generator().multiply(&Scalar::from_u64(k)).to_affine()
    }

    #[test]
    fn decodes_as_one_by_one() {
        let mut encodings: Vec<_> = (1..40).map(|k| point(k * k * 977).to_compressed()).collect();
        let (mut identity, mut off_curve) = ([0; 48], encodings[3]);
        identity[0] = 0xc0;
        off_curve[0] &= 0x7f;
        encodings.extend([identity, outside().next().unwrap(), off_curve, [0xff; 48]]);
        let expected: Vec<_> = encodings.iter().map(G1Affine::from_compressed).collect();
        assert_eq!(expected[40], Err(CurveError::PointNotInSubgroup));
        assert_eq!(Chains::decode(&encodings).1, expected);
        for encoding in encodings {
            assert_eq!(Chains::decode(&[encoding]).1, [G1Affine::from_compressed(&encoding)]);
        }
        assert!(Chains::decode(&[]).1.is_empty());
    }

    /// Multiples by the factors of the cofactor have small orders: each must be seen.
    #[test]
    fn no_small_order_passes_as_the_subgroup() {
        // The order of the curve is r·h with h = 3·11²·10177²·859267²·52437899² = (z − 1)²/3.
        let cofactor = 0x396c_8c00_5555_e156_8c00_aaab_0000_aaab_u128;
        for prime in [3u128, 11, 10_177, 859_267, 52_437_899] {
            let mut rest = cofactor;
            while rest.is_multiple_of(prime) {
                rest /= prime;
            }
            let powers = outside().map(|bytes| {
                let point = G1::from(G1Affine::on_curve(&bytes).unwrap());
                let outer = times(point, &(-Scalar::ONE).to_be_bytes()) + point; // r·P
                times(outer, &rest.to_be_bytes())
            });
            let mut small = powers.into_iter().find(|power| !power.is_identity()).unwrap();
            while !times(small, &prime.to_be_bytes()).is_identity() {
                small = times(small, &prime.to_be_bytes());
            }
            for bad in [small, small + point(5), small.double() + point(1 << 50)].map(|point| point.to_affine()) {
                let answers = Chains::decode(&[bad.to_compressed(), point(9).to_compressed()]).1;
                // `blst` calls the points of order 3 off the curve already.
                assert_eq!(answers, [G1Affine::from_compressed(&bad.to_compressed()), Ok(point(9))]);
                assert!(answers[0].is_err());
            }
        }
    }

    /// Double and add: right on the whole curve, unlike methods that use the endomorphism.
    fn times(point: G1, factor: &[u8]) -> G1 {
        let bits = factor.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        bits.fold(G1::IDENTITY, |sum, bit| if bit == 1 { sum.double() + point } else { sum.double() })
    }

    #[test]
    fn sums_agree_with_plain_multiplication() {
        let points: Vec<_> = [3, 3, 5, 1 << 40, 77, 1].map(point).into();
        let encodings: Vec<_> = points.iter().map(G1Affine::to_compressed).collect();
        let chains = Chains::decode(&encodings).0;
        let bases = [FixedBase::new(point(1)), FixedBase::new(point(11))];
        let mut scalars: Vec<_> = (0..9).map(Scalar::from_u64).collect();
        scalars.extend((1..9).map(|k| -Scalar::from_u64(k)));
        scalars.extend((1..9).map(|k| Scalar::from_be_bytes_wide(&[k * 29; 48])));
        scalars.extend([Z_SQUARED - 1, Z_SQUARED, Z_SQUARED + 1, u128::MAX].map(Scalar::from_u128));
        let at = |i: usize| scalars[i % scalars.len()];
        let sums: Vec<_> = (0..120)
            .map(|i| Sum {
                points: (0..i % 5).map(|j| ((i + j) % points.len(), at(i * 7 + j * 3))).collect(),
                bases: (0..i % 3).map(|j| (&bases[j], at(i * 5 + j))).collect(),
            })
            .collect();
        for (sum, total) in sums.iter().zip(chains.sums_vartime(&sums)) {
            let expected = sum.points.iter().fold(G1::IDENTITY, |sum, (i, k)| sum + points[*i].multiply(k));
            let expected = sum.bases.iter().fold(expected, |sum, (base, k)| sum + base.point().multiply(k));
            assert_eq!(total, expected);
            assert_eq!(sum.over_vartime(&points), expected);
            assert_eq!(chains.sums_vartime(core::slice::from_ref(sum)), [expected]);
        }
    }

    #[test]
    fn parts_come_back_in_order() {
        for count in [0, 1, 5, 16, 17, 100, 1000] {
            let items: Vec<_> = (0..count).collect();
            assert_eq!(
                in_parts(&items, 16, |part| part.iter().map(|item| item * 2).collect()),
                items.iter().map(|item| item * 2).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn equal_opposite_and_neutral_points_are_added_rightly() {
        let (one, two) = (point(1), point(2));
        let zero = G1Affine::default();
        let rows = [[one, one], [one, -one], [zero, one], [one, zero], [zero, zero], [one, two], [-two, one]];
        let mut lists = Lists::default();
        for row in rows.iter().cycle().take(63) {
            lists.push(row.iter().chain(row).copied());
        }
        lists.shrink();
        for (list, row) in lists.iter().zip(rows.iter().cycle()) {
            let expected = G1::from(row[0]) + row[1];
            assert_eq!(add_all(list), expected.double());
        }
    }
}
