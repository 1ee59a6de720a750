//! How many requests are let in, so that an overloaded issuer serves some from beginning to end instead of all of them half.
//!
//! A licence takes a wallet several requests. Those that begin something are let in while hardly anybody waits; those that go on with
//! it wait for their turn. So as many begin as can be served.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use protocol::exchange::IssuanceRefusal;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Service, failure, named};

/// Bounds of the public part of the service.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests in progress at once; further ones wait.
    pub concurrent: usize,
    /// Requests that go on with something and wait; further ones get 503. Those that begin something get it when a
    /// sixteenth as many wait.
    pub waiting: usize,
    /// Requests in one second, of all clients together; further ones get 429. Fairness between clients
    /// is the reverse proxy's business, which knows them.
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrent: 16, waiting: 512, per_second: 5_000 }
    }
}

/// What begins with it goes on with something: a code, a token or a nonce was given for it. Of everything else below
/// `/openid4vci/`, only these begin: [`BEGINS`].
const GOES_ON: [&str; 3] = ["/v1/credentials", "/v1/portraits", "/openid4vci/"];
const BEGINS: [&str; 4] = ["/openid4vci/offers/", "/openid4vci/par", "/openid4vci/authorize", "/openid4vci/token"];

fn begins(path: &str) -> bool {
    let starts = |with: &[&str]| with.iter().any(|start| path.starts_with(start));
    starts(&BEGINS) || !starts(&GOES_ON)
}

pub(super) struct Gate {
    limits: Limits,
    turns: Semaphore,
    waiting: AtomicUsize,
    /// The current second and the requests in it.
    window: Mutex<(u64, u32)>,
}

/// One that waits; also when its client has gone.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        let turns = Semaphore::new(limits.concurrent);
        Self { limits, turns, waiting: AtomicUsize::new(0), window: Mutex::new((0, 0)) }
    }

    fn within_rate(&self, now: u64) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now {
            *window = (now, 0);
        }
        window.1 = window.1.saturating_add(1);
        window.1 <= self.limits.per_second
    }

    /// A turn, at once or after waiting; none when too many wait.
    async fn turn(&self, begins: bool) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Some(turn);
        }
        let most = if begins { self.limits.waiting / 16 } else { self.limits.waiting };
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        if before >= most {
            return None;
        }
        self.turns.acquire().await.ok()
    }
}

pub(super) async fn admit(State(service): State<Service>, request: Request, next: Next) -> Response {
    if !service.gate.within_rate(service.now()) {
        return named(StatusCode::TOO_MANY_REQUESTS, &"too_many_requests");
    }
    let Some(_turn) = service.gate.turn(begins(request.uri().path())).await else {
        return failure(IssuanceRefusal::TemporarilyUnavailable);
    };
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_something_is_told_from_what_goes_on() {
        let paths = ["/v1/nonce", "/openid4vci/token", "/openid4vci/offers/abc", "/status/licence/1", "/.well-known/x"];
        assert!(paths.into_iter().all(begins));
        let paths = ["/v1/credentials", "/v1/portraits", "/openid4vci/nonce", "/openid4vci/credential"];
        assert!(!paths.into_iter().any(begins));
    }

    #[tokio::test]
    async fn whoever_goes_on_waits_and_whoever_begins_comes_back_later() {
        let gate = Gate::new(Limits { concurrent: 1, waiting: 16, per_second: 1 });
        let turn = gate.turn(true).await;
        assert!(turn.is_some());
        let first = gate.turn(true);
        let mut first = std::pin::pin!(first);
        assert!(futures_pending(first.as_mut()).await, "one may wait");
        assert!(gate.turn(true).await.is_none(), "a sixteenth of those that wait");
        let mut others: Vec<_> = (0..15).map(|_| Box::pin(gate.turn(false))).collect();
        for other in &mut others {
            assert!(futures_pending(other.as_mut()).await);
        }
        assert!(gate.turn(false).await.is_none(), "as many wait as may");
        others.clear();
        drop(turn);
        assert!(first.await.is_some());
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0, "whoever goes away waits no more");
    }

    /// Whether it is not over at once.
    async fn futures_pending<F: Future>(future: core::pin::Pin<&mut F>) -> bool {
        tokio::time::timeout(std::time::Duration::ZERO, future).await.is_err()
    }
}
