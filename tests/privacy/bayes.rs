//! A classifier that knows nothing of the subject: naive Bayes over whatever features bytes have.

use std::collections::HashMap;

/// What a presentation is to the classifier.
pub(crate) type Features = fn(&[u8]) -> Vec<u64>;

/// Each bit at its place, and the length.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u64> {
    let bit = |at: usize| (at as u64) << 1 | u64::from(bytes[at / 8] >> (at % 8) & 1);
    (0..8 * bytes.len()).map(bit).chain([u64::MAX - bytes.len() as u64]).collect()
}

/// Pairs of neighbouring bytes, wherever they are, and the length.
pub(crate) fn pairs(bytes: &[u8]) -> Vec<u64> {
    let pair = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair[1]);
    bytes.windows(2).map(pair).chain([u64::MAX - bytes.len() as u64]).collect()
}

/// A classifier trained on labelled presentations of two holders.
pub(crate) struct Bayes {
    features: Features,
    counts: HashMap<u64, [f64; 2]>,
    totals: [f64; 2],
}

impl Bayes {
    pub(crate) fn train(features: Features, labelled: [&[Vec<u8>]; 2]) -> Self {
        let (mut counts, mut totals) = (HashMap::<u64, [f64; 2]>::new(), [0.0; 2]);
        for (label, presentations) in labelled.into_iter().enumerate() {
            for feature in presentations.iter().flat_map(|bytes| features(bytes)) {
                counts.entry(feature).or_default()[label] += 1.0;
                totals[label] += 1.0;
            }
        }
        Self { features, counts, totals }
    }

    /// Whose presentation it is.
    pub(crate) fn guess(&self, bytes: &[u8]) -> usize {
        let score = |label: usize| -> f64 {
            let likelihood = |feature: &u64| {
                let count = self.counts.get(feature).map_or(0.0, |counts| counts[label]);
                ((count + 1.0) / (self.totals[label] + 1.0)).ln()
            };
            (self.features)(bytes).iter().map(likelihood).sum()
        };
        usize::from(score(1) > score(0))
    }

    /// How many of these are recognised, of how many.
    pub(crate) fn test(&self, challenges: [&[Vec<u8>]; 2]) -> (usize, usize) {
        let right = |label: usize| challenges[label].iter().filter(|bytes| self.guess(bytes) == label).count();
        (right(0) + right(1), challenges[0].len() + challenges[1].len())
    }
}
