//! Remembering what was already accepted.

use std::collections::{BTreeSet, HashSet};

/// Where a verifier keeps the hashes of accepted presentations and answered requests until they run out.
pub trait Seen {
    /// Records `id` until `until` (unix seconds). Returns false if it was recorded before and has not run
    /// out at `now`. Recording and answering are one step, so that of many parallel tries one succeeds.
    fn first_use(&mut self, id: [u8; 32], until: u64, now: u64) -> bool;
}

/// A memory for one scanner. It lasts as long as the program: whoever asks for what may be done once, without end
/// (VERD-10), keeps it somewhere durable instead.
#[derive(Debug, Default)]
pub struct SeenInMemory {
    known: HashSet<[u8; 32]>,
    /// The same, the first to run out first.
    by_end: BTreeSet<(u64, [u8; 32])>,
    /// The latest time this memory was asked about; a clock set back does not make it forget or accept.
    latest: u64,
}

impl SeenInMemory {
    /// What is remembered: each id, and until when (unix seconds). For whoever keeps it beyond this process.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8; 32], u64)> {
        self.by_end.iter().map(|(until, id)| (id, *until))
    }
}

/// Takes up what an earlier memory held ([`SeenInMemory::entries`]).
impl Extend<([u8; 32], u64)> for SeenInMemory {
    fn extend<I: IntoIterator<Item = ([u8; 32], u64)>>(&mut self, entries: I) {
        for (id, until) in entries {
            if self.known.insert(id) {
                self.by_end.insert((until, id));
            }
        }
    }
}

impl Seen for SeenInMemory {
    fn first_use(&mut self, id: [u8; 32], until: u64, now: u64) -> bool {
        self.latest = self.latest.max(now);
        while let Some((end, gone)) = self.by_end.first().copied().filter(|(end, _)| *end <= self.latest) {
            self.by_end.remove(&(end, gone));
            self.known.remove(&gone);
        }
        if until <= self.latest || !self.known.insert(id) {
            return false;
        }
        self.by_end.insert((until, id))
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
        assert_eq!((seen.known.len(), seen.by_end.len()), (1, 1), "what ran out is forgotten");
        // What is kept over a restart is refused afterwards too.
        let mut next = SeenInMemory::default();
        next.extend(seen.entries().map(|(id, until)| (*id, until)));
        assert!(!next.first_use([2; 32], 160, 131));
        // The clock is set back: what has run out stays refused.
        assert!(!seen.first_use([1; 32], 130, 100));
    }
}
