//! Who is served now, who waits, and who comes back later, so that an overloaded verifier serves some from the request to the
//! verdict instead of all of them half.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers that wait while others are checked; further ones come back later.
const WAITING: usize = 1024;
/// Requests are made while no more than so many of anything wait.
const HARDLY_ANYBODY: usize = 32;

/// Turns for what takes a processor (OVP-24). Whatever has one keeps it until it is done, whether or not anybody waits for it still.
pub(super) struct Turns {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// One that waits; also when its client has gone.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)), waiting: AtomicUsize::new(0) }
    }

    /// To begin something: none unless hardly anybody waits.
    pub(super) async fn begin(&self) -> Option<OwnedSemaphorePermit> {
        self.turn(HARDLY_ANYBODY).await
    }

    /// To go on with what was begun: none when too many wait.
    pub(super) async fn go_on(&self) -> Option<OwnedSemaphorePermit> {
        self.turn(WAITING).await
    }

    async fn turn(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Some(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        if before >= most {
            return None;
        }
        self.turns.clone().acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use core::pin::Pin;
    use std::time::Duration;

    use super::*;

    /// Whether it is not over at once.
    async fn waits<F: Future>(future: Pin<&mut F>) -> bool {
        tokio::time::timeout(Duration::ZERO, future).await.is_err()
    }

    #[tokio::test]
    async fn whoever_goes_on_waits_and_whoever_begins_comes_back_later() {
        let turns = Turns::new(1);
        let turn = turns.begin().await;
        assert!(turn.is_some());
        let mut others: Vec<_> = (0..WAITING).map(|_| Box::pin(turns.go_on())).collect();
        for (before, other) in others.iter_mut().enumerate() {
            assert_eq!(waits(Box::pin(turns.begin()).as_mut()).await, before < HARDLY_ANYBODY, "{before} wait");
            assert!(waits(other.as_mut()).await);
        }
        assert!(turns.go_on().await.is_none(), "as many wait as may");
        let first = others.swap_remove(0);
        others.clear();
        drop(turn);
        assert!(first.await.is_some());
        assert_eq!(turns.waiting.load(Ordering::Relaxed), 0, "whoever goes away waits no more");
    }
}
