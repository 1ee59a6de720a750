//! A push service (`specs/push-relay.md`): a site that was given an inbox posts encrypted messages to it, and the wallet that opened
//! the inbox fetches them. The relay knows addresses made of random numbers, lengths and times; no person, no purpose, no text.
//!
//! It speaks RFC 8030 to those who push, so that libraries for Web Push push to it, and the same in terms of HTTP/1.1 to wallets:
//!
//! | request | who | answer |
//! |---|---|---|
//! | `POST /subscribe` | wallet | 201; `Location`: the inbox; `Link` `rel="urn:ietf:params:push"`: where to push |
//! | `POST /push/{p}` | site | 201; `Location`: the message, `TTL`: how long it is kept |
//! | `GET /subscription/{r}`, `Prefer: wait=20` | wallet | 200: the oldest message, `Link` `rel="urn:ietf:params:push:message"`; 204: none |
//! | `DELETE /message/{m}` | wallet, or the site that changed its mind | 204: it is gone for good |
//! | `DELETE /subscription/{r}` | wallet | 204: the inbox is closed, with all that is in it |
//!
//! An inbox may name the key of the one sender that it takes pushes from (RFC 8292, section 4.1). Errors are `{"error": "<Name>"}`.
//! What was acknowledged is on disk; what was fetched and deleted, or ran out, is not there any more.

mod inboxes;
mod limits;
mod pushes;
mod store;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use push_message::{BODY_MAX, PushError};
use rand_core::{Rng as _, UnwrapErr};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, Semaphore};
use tower_http::catch_panic::CatchPanicLayer;

pub use limits::Limits;

use limits::Rate;
use store::{Inbox, Store};

/// How often what has run out is deleted.
const SWEEP: Duration = Duration::from_secs(30);

/// Why the relay does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Not well formed.
    #[error("the call is not well formed; correct it")]
    MalformedCall,
    /// Without a `TTL` (RFC 8030, section 5.2).
    #[error("say how long the message is worth keeping: TTL")]
    TtlMissing,
    /// Longer than 4,096 bytes.
    #[error("the message is too long; a push has 4096 bytes at most")]
    MessageTooLarge,
    /// Not `aes128gcm` (RFC 8291): the relay carries nothing that it could read.
    #[error("the message is not encrypted; encrypt it as RFC 8291 says")]
    NotEncrypted,
    /// No such inbox, or it was closed.
    #[error("there is no such inbox; forget it")]
    NoSuchInbox,
    /// No such message: fetched, deleted, or over.
    #[error("there is no such message any more")]
    NoSuchMessage,
    /// As many messages wait as an inbox has room for.
    #[error("the inbox is full; push again later")]
    InboxFull,
    /// More than the inbox takes in a minute.
    #[error("too many pushes to this inbox; push again later")]
    TooManyPushes,
    /// More inboxes than the relay opens, in a minute or in all.
    #[error("no more inboxes are opened now; try again later")]
    TooManyInboxes,
    /// As many wallets wait for messages as may.
    #[error("too many wait for messages; come back in a moment")]
    TooManyWaiting,
    /// The inbox takes pushes from a sender that says who it is (RFC 8292, section 4.2).
    #[error("this inbox wants to know who pushes; sign a token")]
    SenderRequired,
    /// The token is another sender's than the inbox takes pushes from, or none.
    #[error("this inbox takes no pushes from this sender; forget it")]
    SenderNotAccepted,
    /// The disk.
    #[error("the relay cannot keep anything now; try again in a moment")]
    StoreUnavailable,
    /// The database in the folder was written by a newer version. It was not touched.
    #[error("the relay's database was written by a newer version; update this program")]
    StorageVersionUnsupported,
}

impl RelayError {
    fn status(self) -> StatusCode {
        match self {
            Self::MalformedCall | Self::TtlMissing => StatusCode::BAD_REQUEST,
            Self::SenderRequired => StatusCode::UNAUTHORIZED,
            Self::SenderNotAccepted => StatusCode::FORBIDDEN,
            Self::NoSuchInbox | Self::NoSuchMessage => StatusCode::NOT_FOUND,
            Self::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotEncrypted => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InboxFull | Self::TooManyPushes => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyInboxes | Self::TooManyWaiting | Self::StoreUnavailable | Self::StorageVersionUnsupported => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for RelayError {
    fn into_response(self) -> Response {
        let body = json!({ "error": protocol::error_name(&self) });
        let mut answer = (self.status(), Json(body)).into_response();
        let add = match self.status() {
            StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "60")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "5")),
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "vapid")),
            _ => None,
        };
        answer.headers_mut().extend(add.map(|(name, value)| (name, HeaderValue::from_static(value))));
        answer
    }
}

impl From<PushError> for RelayError {
    /// Of a sender's token: whatever is wrong with it, the sender is not known by it.
    fn from(_: PushError) -> Self {
        Self::SenderNotAccepted
    }
}

/// A relay.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    base_url: String,
    limits: Limits,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    store: Store,
    /// Wallets that wait, by inbox.
    waiting: Mutex<HashMap<Inbox, Arc<Notify>>>,
    places: Arc<Semaphore>,
    stopping: AtomicBool,
    pushes: Rate,
    opened: Rate,
}

impl Relay {
    /// The relay that keeps its messages in `dir` and is reached at `base_url`: never at what a `Host` header says. `clock` is the time in
    /// Unix seconds.
    ///
    /// # Errors
    /// [`RelayError::StoreUnavailable`], [`RelayError::StorageVersionUnsupported`]
    pub fn open(
        dir: &Path,
        base_url: &str,
        limits: Limits,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, RelayError> {
        let store = Store::open(&dir.join("relay.db"))?;
        Ok(Self(Arc::new(Inner {
            base_url: base_url.trim_end_matches('/').to_owned(),
            pushes: Rate::new(limits.pushes_per_minute),
            opened: Rate::new(limits.inboxes_per_minute),
            places: Arc::new(Semaphore::new(limits.waiting)),
            stopping: AtomicBool::new(false),
            limits,
            clock: Box::new(clock),
            store,
            waiting: Mutex::default(),
        })))
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/subscribe", post(inboxes::open))
            .route("/push/{push}", post(pushes::push))
            .route("/subscription/{receive}", get(inboxes::receive).delete(inboxes::close))
            .route("/message/{message}", delete(inboxes::delete))
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .layer(CatchPanicLayer::custom(|_| RelayError::StoreUnavailable.into_response()))
            .with_state(self)
    }

    /// Deletes what has run out, and inboxes that nobody looks into any more, again and again. Never returns.
    pub async fn keep_clean(self) {
        loop {
            let now = self.now();
            if self.blocking(move |it| it.0.store.sweep(now, it.0.limits.idle_days)).await.is_err() {
                tracing::warn!("what has run out could not be deleted");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Lets wallets that wait go, with nothing, so that the service can end.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        for notify in self.waiting().values() {
            notify.notify_waiters();
        }
    }

    fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    fn now(&self) -> u64 {
        (self.0.clock)()
    }

    /// Runs `work`, which touches the disk, where it blocks nobody, whether or not anybody waits for it still.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, RelayError> + Send + 'static,
    ) -> Result<T, RelayError> {
        let relay = self.clone();
        tokio::task::spawn_blocking(move || work(&relay)).await.map_err(|_| RelayError::StoreUnavailable)?
    }

    /// Who waits for messages to an inbox.
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<Inbox, Arc<Notify>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 256 bits that nobody guesses, as a text that travels in addresses (PUSH-11).
fn handle() -> String {
    let mut bytes = [0; 32];
    UnwrapErr(getrandom::SysRng).fill_bytes(&mut bytes);
    protocol::crypto::jose::base64url(&bytes)
}

/// How an address is kept: who reads the database cannot push, and cannot fetch.
fn hashed(handle: &str) -> [u8; 32] {
    Sha256::digest(handle).into()
}

#[cfg(test)]
mod tests;
