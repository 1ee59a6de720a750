//! Threads for what takes a processor and waits for nobody: drawing a code, checking a proof.
//!
//! As many as there are processors. Tokio's own threads for what blocks are many, and take work from each other under one lock;
//! at 350 presentations a second half of the time of two processors went by while they waited for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Result;

use tokio::sync::oneshot;

/// Runs `work` on such a thread, also when nobody waits for it any more. A panic of it is the error.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (done, result) = oneshot::channel();
    rayon::spawn(move || {
        // Nobody waiting any more is no reason not to have done it.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    result.await.unwrap_or_else(|gone| Err(Box::new(gone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        for _ in 0..64 {
            assert!(run(|| panic!("as a test wants it")).await.is_err());
        }
        assert_eq!(run(|| 7).await.unwrap(), 7);
    }
}
