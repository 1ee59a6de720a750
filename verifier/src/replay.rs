//! Remembering what was already accepted.

use std::collections::HashMap;

/// Where a verifier keeps the hashes of accepted presentations and answered requests until they run out.
pub trait Seen {
    /// Records `id` until `until` (unix seconds). Returns false if it was recorded before and has not run
    /// out at `now`. Recording and answering are one step, so that of many parallel tries one succeeds.
    fn first_use(&mut self, id: [u8; 32], until: u64, now: u64) -> bool;
}

/// A memory for one scanner.
#[derive(Debug, Default)]
pub struct SeenInMemory {
    until: HashMap<[u8; 32], u64>,
    /// The latest time this memory was asked about; a clock set back does not make it forget or accept.
    latest: u64,
}

impl Seen for SeenInMemory {
    fn first_use(&mut self, id: [u8; 32], until: u64, now: u64) -> bool {
        self.latest = self.latest.max(now);
        let latest = self.latest;
        self.until.retain(|_, until| *until > latest);
        if until <= latest {
            return false;
        }
        self.until.insert(id, until).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verd_07_once_until_it_runs_out() {
        let mut seen = SeenInMemory::default();
        assert!(seen.first_use([1; 32], 130, 100));
        assert!(!seen.first_use([1; 32], 130, 100));
        assert!(!seen.first_use([1; 32], 130, 129));
        assert!(seen.first_use([2; 32], 160, 131));
        assert_eq!(seen.until.len(), 1, "what ran out is forgotten");
        // The clock is set back: what has run out stays refused.
        assert!(!seen.first_use([1; 32], 130, 100));
    }
}
