//! The clerks' console: pages in Korean and English, made here, without a script that anything depends on.
//!
//! A clerk logs in, looks a person up in the register, sees the evidence and asks for a credential; a second clerk approves; the
//! offer is handed over as a QR code. Suspending, re-issuing, reinstating, lists of people and the audit log are beside it. What is
//! decided is in [`Issuer`](crate::Issuer) and its store; the pages only show and ask. Rules: `specs/console.md`.
//!
//! It is served at an address of its own ([`router`]), apart from what wallets reach.

mod accounts;
mod case;
mod cases;
mod error;
mod jobs;
mod pages;
mod reviews;
mod sessions;
mod trail;
mod words;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

pub use accounts::{Accounts, Clerk, Role};
pub(crate) use case::Wish;
pub use case::{Case, CaseKind, CaseState};
pub use error::ConsoleError;
pub use jobs::{Job, JobState, Progress};
pub use pages::router;
pub use trail::{AuditEntry, AuditTold, ChainState};

use crate::server::Service;

/// How long a worker with nothing to do waits before it looks again: another instance may have taken a job.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// People of a job between two breaths.
const PIECE: usize = 16;

/// A console, ready to be served.
#[derive(Clone)]
pub struct Console {
    service: Service,
    /// Whether browsers reach it over TLS: then the cookie is bound to the host, and sent over TLS only.
    secure: bool,
    /// One log-in after the other.
    log_in: Arc<Mutex<()>>,
    jobs: Arc<Notify>,
}

impl Console {
    /// The console of an issuer's service. `secure` says that browsers reach it over TLS.
    #[must_use]
    pub fn new(service: Service, secure: bool) -> Self {
        Self { service, secure, log_in: Arc::default(), jobs: Arc::default() }
    }

    /// Works on bulk jobs, also those that were approved before a restart. Never returns.
    pub async fn keep_working(self) {
        loop {
            let worked = self.service.blocking(|issuer, now, _| issuer.work_on_jobs(PIECE, now)).await;
            match worked {
                Ok(Ok(0)) => {
                    // Whichever comes first.
                    let _ = tokio::time::timeout(LOOK_EVERY, self.jobs.notified()).await;
                }
                Ok(Ok(_)) => self.service.tell_changed(),
                Ok(Err(error)) => {
                    tracing::warn!(error = %error, "a bulk job waits");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(_) => {
                    tracing::error!("a bulk job failed");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }
}
