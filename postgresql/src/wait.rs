//! Waiting for an answer on any thread.
//!
//! The sockets are served by one thread of their own. Whoever asks sleeps until the answer is there: also on a thread that
//! runs tasks itself, where a runtime would refuse to wait.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::DatabaseError;

/// What serves the sockets of all databases of this process.
pub(crate) fn sockets() -> Result<&'static Handle, DatabaseError> {
    static SOCKETS: OnceLock<Option<Runtime>> = OnceLock::new();
    let start = || Builder::new_multi_thread().worker_threads(1).thread_name("postgresql").enable_all().build().ok();
    SOCKETS.get_or_init(start).as_ref().map(Runtime::handle).ok_or(DatabaseError::Unreachable)
}

struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the future comes to; nothing when it takes longer than this.
pub(crate) fn wait_for<F: Future>(future: F, longest: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    let until = Instant::now() + longest;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_as_long_as_it_takes_and_no_longer() {
        let slow =
            |time| sockets().unwrap().spawn(async move { tokio::time::sleep(Duration::from_millis(time)).await });
        assert!(wait_for(slow(20), Duration::from_secs(60)).is_some());
        assert!(wait_for(slow(60_000), Duration::from_millis(20)).is_none());
    }

    #[tokio::test]
    async fn waits_on_a_thread_that_runs_tasks() {
        let soon = sockets().unwrap().spawn(async { 7 });
        assert_eq!(wait_for(soon, Duration::from_secs(60)).unwrap().unwrap(), 7);
    }
}
