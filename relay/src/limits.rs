//! How much of anything there may be (PUSH-14).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most inboxes whose pushes are counted in one minute.
const COUNTED: usize = 100_000;

/// What the relay takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Inboxes in all.
    pub inboxes: u64,
    /// Inboxes opened in a minute.
    pub inboxes_per_minute: u32,
    /// Messages that wait in one inbox.
    pub messages: u64,
    /// Pushes to one inbox in a minute.
    pub pushes_per_minute: u32,
    /// Longest time that a message is kept, in seconds.
    pub ttl_max: u64,
    /// Days after which an inbox that nobody looked into is closed.
    pub idle_days: u64,
    /// Wallets that wait for messages at once.
    pub waiting: usize,
    /// Longest time that one of them waits, in seconds.
    pub wait_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inboxes: 1_000_000,
            inboxes_per_minute: 3_000,
            messages: 16,
            pushes_per_minute: 30,
            ttl_max: 86_400,
            idle_days: 90,
            waiting: 4_096,
            wait_max: 25,
        }
    }
}

/// Counts in the current minute.
pub(crate) struct Rate {
    most: u32,
    counts: Mutex<(u64, HashMap<[u8; 32], u32>)>,
}

impl Rate {
    pub(crate) fn new(most: u32) -> Self {
        Self { most, counts: Mutex::default() }
    }

    /// Whether one more is let through.
    pub(crate) fn admits(&self, which: [u8; 32], now: u64) -> bool {
        let minute = now / 60;
        let mut window = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != minute {
            *window = (minute, HashMap::new());
        }
        if window.1.len() >= COUNTED && !window.1.contains_key(&which) {
            return false;
        }
        let count = window.1.entry(which).or_default();
        *count = count.saturating_add(1);
        *count <= self.most
    }
}
