//! How far a node is that fetches the ledger.

use std::sync::atomic::{AtomicU64, Ordering};

/// Keys of the whole state.
const WHOLE: u64 = 1 << 60;

/// Counted while [`super::fetch`] runs, read by whoever wants to know.
#[derive(Debug, Default)]
pub struct Progress {
    height: AtomicU64,
    /// Share of the keys whose records are here, of [`WHOLE`].
    share: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    shunned: AtomicU64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Height of the block whose state is fetched; 0 before anybody offered one.
    pub height: u64,
    /// Per cent of the state.
    pub percent: u64,
    /// Records that are here.
    pub records: u64,
    /// Bytes that were read, those of other offers included.
    pub bytes: u64,
    /// Sources that sent something wrong.
    pub shunned: u64,
}

impl Progress {
    /// How far it is.
    #[must_use]
    pub fn reached(&self) -> Reached {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Reached {
            height: of(&self.height),
            percent: of(&self.share) / (WHOLE / 100),
            records: of(&self.records),
            bytes: of(&self.bytes),
            shunned: of(&self.shunned),
        }
    }

    pub(super) fn begin(&self, height: u64) {
        self.height.store(height, Ordering::Relaxed);
        self.share.store(0, Ordering::Relaxed);
        self.records.store(0, Ordering::Relaxed);
    }

    /// A subtree at this depth is here.
    pub(super) fn add(&self, depth: usize, records: usize, bytes: usize) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.skip(depth, 1, bytes);
    }

    /// So many subtrees at this depth need not be fetched.
    pub(super) fn skip(&self, depth: usize, count: usize, bytes: usize) {
        self.share.fetch_add((WHOLE >> depth.min(60)) * count as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn shun(&self) {
        self.shunned.fetch_add(1, Ordering::Relaxed);
    }
}
