//! Presentations over OpenID4VP (`specs/openid4vp.md`): a relying party creates a request with one call, shows a link or a
//! code, and reads a verdict once. Between two calls it keeps nothing but the request's id.
//!
//! | request | who | answer |
//! |---|---|---|
//! | `POST /openid4vp/requests` | relying party | 201 `{"id", "link", "qr_png", "request_uri", "client_id", "expires_at"}` |
//! | `GET /openid4vp/requests/{id}` | page | `{"state": "waiting"\|"fetched"\|"answered"\|"declined"\|"refused"}`, 404 when it is over |
//! | `GET /openid4vp/requests/{id}/events` | page | the same, as server-sent events, until it is decided |
//! | `POST /openid4vp/requests/{id}/verdict` | relying party | `{"accepted": true, "verdict": …}` once; then it is forgotten |
//! | `GET`, `POST /openid4vp/object/{handle}` | wallet | the signed request, `application/oauth-authz-req+jwt` |
//! | `POST /openid4vp/response/{handle}` | wallet | `{}` or `{"redirect_uri": …}` |
//!
//! The relying party shows its token (`Authorization: Bearer …`). Nothing of an answer is kept but the verdict, and that until
//! it is read or its request is over; no log has any of it.

mod api;
mod create;
mod identity;
mod limits;
mod respond;
mod store;
mod wallet;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use protocol::exchange::openid4vp::{Vocabulary, form};
use protocol::ledger::state::TrustedState;
use rand_core::UnwrapErr;
use serde_json::json;
use tokio::sync::Semaphore;
use verifier::{Policy, SeenInMemory};

pub use create::{Created, NewRequest, NewTransaction, RequestFailure};
pub use identity::{Identity, RequestSigner};
pub use respond::ResponseFailure;

use limits::Rate;
use store::Store;

/// How many answers are checked at once; others wait.
const CHECKS_AT_ONCE: usize = 4;
/// How many pages listen for events at once.
const LISTENERS: usize = 256;

/// How the service is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address it is reached at, without a slash at the end: never what a `Host` header says.
    pub base_url: String,
    /// The relying party's token, at least 32 characters.
    pub token: String,
    /// How long a request lives, in seconds.
    pub life: u64,
    /// Most requests that are waiting at once.
    pub most: usize,
    /// What the ledger calls types and claims.
    pub vocabulary: Vocabulary,
    /// How old things may be.
    pub policy: Policy,
}

impl Settings {
    /// Five minutes, 10,000 requests, names as they are.
    #[must_use]
    pub fn new(base_url: &str, token: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            life: 300,
            most: 10_000,
            vocabulary: Vocabulary::default(),
            policy: Policy::default(),
        }
    }
}

/// The service.
#[derive(Clone)]
pub struct Presenting(Arc<Inner>);

struct Inner {
    identity: Identity,
    settings: Settings,
    trust: Box<dyn Fn() -> Option<Arc<TrustedState>> + Send + Sync>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    store: Mutex<Store>,
    seen: Mutex<SeenInMemory>,
    checks: Semaphore,
    listeners: Arc<Semaphore>,
    polls: Rate,
}

impl Presenting {
    /// A service that asks `trust` for the newest trust data and `clock` for the time in Unix seconds.
    pub fn new(
        identity: Identity,
        settings: Settings,
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            identity,
            store: Mutex::new(Store::new(settings.most)),
            settings,
            trust: Box::new(trust),
            clock: Box::new(clock),
            seen: Mutex::default(),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            polls: Rate::default(),
        }))
    }

    fn now(&self) -> u64 {
        (self.0.clock)()
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/openid4vp/requests", post(api::create))
            .route("/openid4vp/requests/{id}", get(api::state))
            .route("/openid4vp/requests/{id}/events", get(api::events))
            .route("/openid4vp/requests/{id}/verdict", post(api::verdict))
            .route("/openid4vp/object/{handle}", get(wallet::object).post(wallet::object_with_nonce))
            .route("/openid4vp/response/{handle}", post(wallet::response))
            .layer(DefaultBodyLimit::max(form::FORM_MAX))
            .layer(axum::middleware::map_response(uncached))
            .with_state(self)
    }
}

/// Nothing that concerns one person may be cached (J38).
async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn random<const N: usize>() -> [u8; N] {
    use rand_core::Rng as _;
    let mut bytes = [0; N];
    UnwrapErr(getrandom::SysRng).fill_bytes(&mut bytes);
    bytes
}

/// 128 bits as a text that travels in addresses.
fn handle() -> String {
    protocol::crypto::jose::base64url(&random::<16>())
}

/// An error as OAuth has it. Descriptions are names of ours, never what was sent (K31).
fn failure(status: StatusCode, error: &str, description: &str) -> Response {
    let mut answer = (status, axum::Json(json!({ "error": error, "error_description": description }))).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
