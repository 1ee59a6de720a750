//! Presentations over OpenID4VP (`specs/openid4vp.md`): a relying party creates a request with one call, shows a link or a
//! code, and reads a verdict once. Between two calls it keeps nothing but the request's id.
//!
//! | request | who | answer |
//! |---|---|---|
//! | `POST /openid4vp/requests` | relying party | 201 `{"id", "link", "qr_png", "request_uri", "client_id", "expires_at"}` |
//! | `GET /openid4vp/requests/{id}` | page | `{"state": "waiting"\|"fetched"\|"answered"\|"declined"\|"refused"}`, 404 when it is over |
//! | `GET /openid4vp/requests/{id}/events` | page | the same, as server-sent events, until it is decided |
//! | `POST /openid4vp/requests/{id}/verdict` | relying party | `{"accepted": true, "verdict": …}` once, or until `keep` seconds are over |
//! | `POST /openid4vp/dc-api` | relying party | 201: what its page gives to a browser's Digital Credentials API |
//! | `POST /openid4vp/dc-api/{id}` | relying party | what the browser gave to the page; 204 |
//! | `POST /openid4vp/receipts` | relying party | a receipt from a verdict in, what it still proves out |
//! | `GET`, `POST /openid4vp/object/{handle}` | wallet | the signed request, `application/oauth-authz-req+jwt` |
//! | `POST /openid4vp/response/{handle}` | wallet | `{}` or `{"redirect_uri": …}` |
//! | `GET /openid4vp/openapi.json` | programs | all of this as OpenAPI 3.1 |
//!
//! A request with `webhook` also has the service call the relying party when it is decided ([`Webhooks`]).
//!
//! The relying party shows its token (`Authorization: Bearer …`). Nothing of an answer is kept but the verdict, and that until
//! it is read, its request is over, or its time is; no log has any of it.

mod api;
mod create;
mod dc_api;
mod identity;
mod limits;
mod openapi;
mod respond;
mod store;
mod turns;
mod wallet;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use protocol::exchange::openid4vp::{Vocabulary, form};
use protocol::ledger::state::TrustedState;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use verifier::Policy;

pub use create::{Created, NewRequest, NewTransaction, RequestFailure};
pub use dc_api::{BrowserAnswer, BrowserRequest, NewBrowserRequest, PageRequest};
pub use identity::{Identity, RequestSigner};
pub use respond::ResponseFailure;
pub use webhook::{CallbackAddress, Deliver, Delivery, Reach, WebhookSecret, Webhooks};

use limits::Rate;
use store::Asked;
use turns::Turns;

use crate::store::{By, Store, Unavailable};
use crate::{Database, handle, random};

/// How many requests are made and answers checked at once; others wait.
const AT_ONCE: usize = 4;
/// Longest time for one call, but for listening.
const CALL_TIME: Duration = Duration::from_secs(10);
/// How many relying parties are called at once; others wait.
const DELIVERIES_AT_ONCE: usize = 8;
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
    /// Longest time that a verdict may be kept for, in seconds.
    pub keep_max: u64,
    /// How relying parties are called; none are where there is nothing.
    pub webhooks: Option<Webhooks>,
    /// Where instances keep requests that serve as one; in the memory of this one where there is nothing.
    pub database: Option<Database>,
}

impl Settings {
    /// Five minutes, 10,000 requests, names as they are; nothing is kept, and nobody is called.
    #[must_use]
    pub fn new(base_url: &str, token: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            life: 300,
            most: 10_000,
            vocabulary: Vocabulary::default(),
            policy: Policy::default(),
            keep_max: 0,
            webhooks: None,
            database: None,
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
    store: Store<Asked>,
    turns: Turns,
    deliveries: Arc<Semaphore>,
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
            store: Store::new(settings.most, settings.database.clone()),
            settings,
            trust: Box::new(trust),
            clock: Box::new(clock),
            turns: Turns::new(AT_ONCE),
            deliveries: Arc::new(Semaphore::new(DELIVERIES_AT_ONCE)),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            polls: Rate::default(),
        }))
    }

    fn now(&self) -> u64 {
        (self.0.clock)()
    }

    /// The routes. Within a runtime, so that an instance which nobody asks anything does its part, too.
    pub fn router(self) -> Router {
        if self.0.store.database().is_some() && tokio::runtime::Handle::try_current().is_ok() {
            self.sweep();
        }
        let (routes, document) = routes().split_for_parts();
        routes
            .route("/openid4vp/openapi.json", get(openapi::serve(&document)))
            .layer(DefaultBodyLimit::max(form::FORM_MAX))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, CALL_TIME))
            .layer(CatchPanicLayer::custom(|_| overloaded()))
            .layer(axum::middleware::map_response(finished))
            .with_state(self)
    }

    /// What the routes are, as OpenAPI 3.1.
    #[must_use]
    pub fn openapi() -> utoipa::openapi::OpenApi {
        routes().split_for_parts().1
    }

    /// Forgets what is over, every second as long as there is anything, whoever calls until then. Where instances serve as one,
    /// this one also makes the calls that another left over.
    fn sweep(&self) {
        if !self.0.store.begin_sweeping() {
            return;
        }
        if let (Some(database), Some(webhooks)) = (self.0.store.database(), &self.0.settings.webhooks) {
            self.make_calls(database.clone(), webhooks.clone());
        }
        let service = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let Some(service) = service.upgrade() else { return };
                if !service.store.sweep((service.clock)()).await {
                    return;
                }
            }
        });
    }
}

fn routes() -> OpenApiRouter<Presenting> {
    openapi::router()
        .routes(routes!(api::create))
        .routes(routes!(api::state))
        .routes(routes!(api::events))
        .routes(routes!(api::verdict))
        .routes(routes!(api::receipt))
        .routes(routes!(dc_api::create))
        .routes(routes!(dc_api::answer))
        .routes(routes!(wallet::object, wallet::object_with_nonce))
        .routes(routes!(wallet::response))
}

/// Nothing that concerns one person may be cached (J38). What the server's library refuses has the form of other refusals.
async fn finished(response: Response) -> Response {
    let status = response.status();
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == "application/json");
    let mut response = match (status.is_client_error() && !json, status) {
        (false, _) => response,
        (true, StatusCode::PAYLOAD_TOO_LARGE) => failure(status, "invalid_request", "TooLarge"),
        (true, StatusCode::NOT_FOUND) => failure(status, "invalid_request", "NotFound"),
        (true, StatusCode::METHOD_NOT_ALLOWED) => {
            let mut refusal = failure(status, "invalid_request", "MethodNotAllowed");
            if let Some(allow) = response.headers().get(header::ALLOW) {
                refusal.headers_mut().insert(header::ALLOW, allow.clone());
            }
            refusal
        }
        (true, _) => failure(status, "invalid_request", "MalformedCall"),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE && !json {
        response = overloaded(); // out of time
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whoever cannot be served now comes back later.
fn overloaded() -> Response {
    failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "Overloaded")
}

/// Nothing is known while the database does not answer.
fn unavailable(_: Unavailable) -> Response {
    failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "StoreUnavailable")
}

/// An error as OAuth has it. Descriptions are names of ours, never what was sent (K31).
fn failure(status: StatusCode, error: &str, description: &str) -> Response {
    let refusal = openapi::Refusal { error: error.to_owned(), error_description: description.to_owned() };
    let mut answer = (status, axum::Json(refusal)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
