//! How often something may be asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most polls of one request in a second.
const PER_SECOND: u32 = 20;
/// Most requests of which polls are counted in one second.
const COUNTED: usize = 10_000;

/// Polls in the current second, by request (K27).
#[derive(Default)]
pub(super) struct Rate(Mutex<(u64, HashMap<String, u32>)>);

impl Rate {
    pub(super) fn admits(&self, id: &str, now: u64) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now {
            *window = (now, HashMap::new());
        }
        if window.1.len() >= COUNTED && !window.1.contains_key(id) {
            return false;
        }
        let count = window.1.entry(id.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count <= PER_SECOND
    }
}
