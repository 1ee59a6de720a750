//! How many requests are let in, so that an overloaded issuer answers fewer instead of none.

use std::sync::{Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use protocol::exchange::IssuanceRefusal;
use tokio::sync::Semaphore;

use super::{Service, failure, named};

/// Bounds of the public part of the service.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests in progress at once; further ones get 503.
    pub concurrent: usize,
    /// Requests in one second, of all clients together; further ones get 429. Fairness between clients
    /// is the reverse proxy's business, which knows them.
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrent: 64, per_second: 500 }
    }
}

pub(super) struct Gate {
    permits: Semaphore,
    per_second: u32,
    /// The current second and the requests in it.
    window: Mutex<(u64, u32)>,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { permits: Semaphore::new(limits.concurrent), per_second: limits.per_second, window: Mutex::new((0, 0)) }
    }

    fn within_rate(&self, now: u64) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now {
            *window = (now, 0);
        }
        window.1 = window.1.saturating_add(1);
        window.1 <= self.per_second
    }
}

pub(super) async fn admit(State(service): State<Service>, request: Request, next: Next) -> Response {
    if !service.gate.within_rate(service.now()) {
        return named(StatusCode::TOO_MANY_REQUESTS, &"too_many_requests");
    }
    let Ok(_permit) = service.gate.permits.try_acquire() else {
        return failure(IssuanceRefusal::TemporarilyUnavailable);
    };
    next.run(request).await
}
