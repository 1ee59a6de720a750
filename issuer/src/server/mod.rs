//! The issuer over HTTP.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/nonce` | – | CBOR `IssuanceNonce` |
//! | `POST /v1/credentials` | CBOR `CredentialRequest` | CBOR `CredentialResponse` |
//! | `POST /v1/portraits` | the same request again | PNG, the picture whose digest was signed |
//! | `GET /v1/day-set/{key}` `?slice=` | – | signatures, 48 bytes each; a slice has 4,096 |
//! | `GET /v1/status-tokens/{key}` | – | JSON [`CurrentEpoch`](crate::CurrentEpoch) |
//! | `GET /v1/status-tokens/{key}/{epoch}` `?slice=` | – | CBOR `StatusTokens` |
//! | `GET /status/{type}/{number}` | – | Token Status List, a JWT; a CWT if `Accept` asks for one |
//! | `GET /status/{type}/{number}/{purpose}` | – | Bitstring Status List, a W3C credential |
//! | `POST /v1/admin/…` | JSON | see [`admin`] |
//! | `/openid4vci/…` | JSON | see [`openid4vci`] |
//! | `GET /openapi.json` | – | all of this for programs |
//!
//! `{key}` is an issuer key id in hexadecimal. Errors are `{"error": "<name>"}` with the name of the
//! [`IssuanceRefusal`], and never say more. Nothing that concerns one person may be cached.

pub mod admin;
mod gate;
mod openapi;
pub mod openid4vci;
mod public;
mod status;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use protocol::exchange::IssuanceRefusal;
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use admin::AdminToken;
pub use gate::Limits;

use crate::issuer::Issuer;
use crate::ledger::Ledger;

/// Reads the time, in unix seconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Largest body of any request, in bytes.
const BODY_MAX: usize = 4 * 1_024;
/// Longest time for one request.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long what waits for the ledger waits for the next attempt.
const PUBLISH_EVERY: Duration = Duration::from_secs(10);

/// An issuer, ready to be served.
#[derive(Clone)]
pub struct Service {
    issuer: Arc<Issuer>,
    clock: Clock,
    admin_token: AdminToken,
    gate: Arc<gate::Gate>,
    changed: Arc<Notify>,
}

impl Service {
    /// Serves `issuer` with the time of `clock`.
    #[must_use]
    pub fn new(issuer: Arc<Issuer>, clock: Clock, admin_token: AdminToken, limits: Limits) -> Self {
        Self { issuer, clock, admin_token, gate: Arc::new(gate::Gate::new(limits)), changed: Arc::new(Notify::new()) }
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// The issuer's directory, where its clerks are.
    pub(crate) fn dir(&self) -> &Path {
        self.issuer.dir()
    }

    /// Something is to be published.
    pub(crate) fn tell_changed(&self) {
        self.changed.notify_one();
    }

    /// Runs `work`, which touches disk and curve, where it blocks nobody.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Issuer, u64, &mut Random) -> T + Send + 'static,
    ) -> Result<T, IssuanceRefusal> {
        let (issuer, now) = (self.issuer.clone(), self.now());
        let work = move || work(&issuer, now, &mut rand_core::UnwrapErr(getrandom::SysRng));
        tokio::task::spawn_blocking(work).await.map_err(|_| IssuanceRefusal::TemporarilyUnavailable)
    }
}

/// The operating system's randomness.
pub(crate) type Random = rand_core::UnwrapErr<getrandom::SysRng>;

/// All routes of an issuer below its address. Whoever serves them says who is at the other end (`axum::extract::ConnectInfo`), and does not
/// wait for ever for the head of a request.
pub fn router(service: Service) -> Router {
    let admin = admin::routes().layer(middleware::from_fn_with_state(service.clone(), admin::only_operators));
    let (routes, document) = routes(&service, admin).split_for_parts();
    let document = openapi::complete(document);
    finished(routes.route("/openapi.json", get(openapi::serve(&document))), service)
}

fn routes(service: &Service, admin: OpenApiRouter<Service>) -> OpenApiRouter<Service> {
    openapi::router()
        .routes(routes!(public::nonce))
        .routes(routes!(public::credentials))
        .routes(routes!(public::portraits))
        .routes(routes!(public::day_set))
        .routes(routes!(public::current_epoch))
        .routes(routes!(public::status_tokens))
        .routes(routes!(status::token_list))
        .routes(routes!(status::bitstring_list))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .merge(openid4vci::routes())
        .layer(middleware::from_fn_with_state(service.clone(), gate::admit))
        .merge(admin.layer(DefaultBodyLimit::max(BODY_MAX)))
}

/// What other wallets ask of the issuer's host, at paths that begin with `/.well-known/` wherever [`router`] is.
pub fn well_known(service: Service) -> Router {
    let routes = openid4vci::metadata_routes(service.issuer.openid_identifier());
    finished(routes.layer(middleware::from_fn_with_state(service.clone(), gate::admit)), service)
}

/// What holds for every route.
fn finished(routes: Router<Service>, service: Service) -> Router {
    routes
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME))
        .layer(CatchPanicLayer::custom(|_| failure(IssuanceRefusal::TemporarilyUnavailable)))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(middleware::map_response(with_retry_after))
        .with_state(service)
}

/// Publishes to the ledger at once after issuing, a withdrawal or a new epoch, and again later what did not get
/// through. Never returns.
pub async fn keep_published(service: Service, ledger: Arc<dyn Ledger + Send + Sync>) {
    loop {
        let ledger = ledger.clone();
        match service.blocking(move |issuer, now, _| issuer.publish(ledger.as_ref(), now)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!(count, "published to the ledger"),
            Ok(Err(error)) => tracing::warn!(error = %error, "the ledger was not reached"),
            Err(_) => tracing::error!("publishing failed"),
        }
        // Whichever comes first.
        let _ = tokio::time::timeout(PUBLISH_EVERY, service.changed.notified()).await;
    }
}

/// What a wallet is told when nothing is issued.
fn failure(refusal: IssuanceRefusal) -> Response {
    let status = match refusal {
        IssuanceRefusal::AlreadyActive | IssuanceRefusal::IdempotencyConflict => StatusCode::CONFLICT,
        IssuanceRefusal::CredentialRequestDenied => StatusCode::FORBIDDEN,
        IssuanceRefusal::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        IssuanceRefusal::InvalidRequest
        | IssuanceRefusal::InvalidGrant
        | IssuanceRefusal::InvalidNonce
        | IssuanceRefusal::InvalidProof
        | IssuanceRefusal::UnsupportedCredentialType => StatusCode::BAD_REQUEST,
    };
    named(status, &refusal)
}

/// An error by its name alone.
fn named(status: StatusCode, name: &impl serde::Serialize) -> Response {
    (status, axum::Json(serde_json::json!({ "error": name }))).into_response()
}

/// Whoever is turned away for now is told when to come back. What the server's library refuses has the form of other
/// refusals.
async fn with_retry_after(response: Response) -> Response {
    let status = response.status();
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == "application/json");
    let mut response = match status {
        _ if json || !status.is_client_error() => response,
        StatusCode::NOT_FOUND => reworded(response, "not_found"),
        StatusCode::METHOD_NOT_ALLOWED => reworded(response, "method_not_allowed"),
        _ => reworded(response, "invalid_request"),
    };
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The same refusal by its name, with the headers that it had but those of its body.
fn reworded(response: Response, name: &str) -> Response {
    let mut refusal = named(response.status(), &name);
    for (header, value) in response.headers() {
        if !refusal.headers().contains_key(header) && header != header::CONTENT_LENGTH {
            refusal.headers_mut().insert(header, value.clone());
        }
    }
    refusal
}
