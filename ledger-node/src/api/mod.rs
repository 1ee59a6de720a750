//! The ledger over HTTP.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/transactions` | CBOR `Transaction` | 200 `{"id","height"}` once final; 202 `{"id"}` after the limit |
//! | `GET /v1/transactions/{id}` | – | `{"id","height"}`, or 404 while not final |
//! | `GET /v1/nonces/governance`, `GET /v1/nonces/{did}` | – | `{"next"}` |
//! | `GET /v1/records/{key}` | – | CBOR `Envelope`, unproven; 404 when there is none |
//! | `GET /v1/proofs/{key}` | – | CBOR `LedgerProof` |
//! | `GET /v1/bundle` `?since=` | – | CBOR `TrustBundle` |
//! | `POST /v1/status-lists` | CBOR `Attachment` | 204 |
//! | `GET /v1/anchor` | – | CBOR `TrustAnchor`; a copy to compare with the one received by a safe way |
//! | `GET /v1/headers/{height}` | – | CBOR `[header, certificate or empty]` |
//! | `GET /v1/blocks/{height}` | – | CBOR `[header, certificate or empty, [transaction …]]` |
//! | `GET /v1/snapshot` | – | CBOR `Offer`: where a node that has nothing begins |
//! | `GET /v1/snapshot/{height}` `?at=` | – | CBOR `Part` of the state offered at that height |
//! | `GET /v1/checkpoint`, `GET /v1/checkpoints/{height}` | – | this validator's cosigned checkpoint, `text/plain` |
//! | `GET /v1/status` | – | `{"network","height","time_ms","root","age_ms","stale"}` |
//! | `GET /1.0/identifiers/{did}` | – | [`resolve`] |
//! | `GET /health/live`, `/health/ready` | – | 200 or 503; `/health` is the first |
//! | `GET /metrics` | – | figures for Prometheus |
//! | `GET /explorer/` | – | pages for people |
//! | `GET /openapi.json` | – | all of this for programs |
//!
//! `{key}` and `{id}` are hexadecimal. Errors are `{"error": "<name>"}`, for a refused transaction the name of
//! the [`TxError`](crate::TxError). Every answer says as of what it is: `ledger-height`, `ledger-time-ms`, and
//! `ledger-stale` with seconds when blocks are missing. 429 and 503 come with `Retry-After`.
//!
//! Nothing here changes anything but a signed transaction and the bytes of a status list whose digest one recorded.

mod error;
mod health;
mod limits;
mod metrics;
mod openapi;
mod read;
pub mod resolve;
mod write;

use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use protocol::ledger::attachment::ATTACHMENT_MAX;
use protocol::ledger::transaction::TRANSACTION_MAX;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::node::Node;

pub use limits::Limits;
pub(crate) use metrics::Metrics;

impl Node {
    /// All routes, with their limits.
    pub fn router(&self) -> Router {
        let (router, document) = self.routes().split_for_parts();
        router.route("/openapi.json", get(openapi::serve(&openapi::complete(document)))).with_state(self.clone())
    }

    /// What the routes are, as OpenAPI 3.1.
    #[must_use]
    pub fn openapi(&self) -> utoipa::openapi::OpenApi {
        openapi::complete(self.routes().split_for_parts().1)
    }

    fn routes(&self) -> OpenApiRouter<Node> {
        let limits = self.limits();
        let no_sniffing = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let writes = limited(
            limits.writes,
            limits.write_time,
            openapi::router()
                .routes(routes!(write::submit).layer(DefaultBodyLimit::max(TRANSACTION_MAX)))
                .routes(routes!(write::put_status_list).layer(DefaultBodyLimit::max(ATTACHMENT_MAX + 64))),
        );
        let reads = limited(
            limits.reads,
            limits.read_time,
            OpenApiRouter::new()
                .routes(routes!(read::transaction))
                .routes(routes!(read::governance_nonce))
                .routes(routes!(read::nonce))
                .routes(routes!(read::record))
                .routes(routes!(read::proof))
                .routes(routes!(read::bundle))
                .routes(routes!(read::snapshot))
                .routes(routes!(read::snapshot_part))
                .routes(routes!(read::anchor))
                .routes(routes!(read::header))
                .routes(routes!(read::block))
                .routes(routes!(read::newest_checkpoint))
                .routes(routes!(read::checkpoint))
                .routes(routes!(read::status))
                .route("/1.0/identifiers/", get(resolve::resolve_nothing))
                .route("/1.0/identifiers/{*identifier}", get(resolve::resolve))
                .merge(OpenApiRouter::from(crate::explorer::router())),
        );
        writes
            .merge(reads)
            // Outside the limits: a busy node is healthy.
            .routes(routes!(health::live))
            .routes(routes!(health::ready))
            .routes(routes!(metrics::metrics))
            .route("/health", get(health::live))
            .layer(from_fn_with_state(self.clone(), metrics::observe))
            .layer(SetResponseHeaderLayer::if_not_present(no_sniffing.0, no_sniffing.1))
            .layer(CatchPanicLayer::new())
    }
}

/// These routes with so many places, each for so long.
fn limited(places: usize, time: Duration, routes: OpenApiRouter<Node>) -> OpenApiRouter<Node> {
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(error::limited))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(places))
        .timeout(time);
    routes.layer(limits)
}
