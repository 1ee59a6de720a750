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
//! | `GET /v1/status` | – | `{"network","height","time_ms","root"}` |
//! | `GET /1.0/identifiers/{did}` | – | [`resolve`] |
//! | `GET /health` | – | 200, or 503 when the validator has stopped |
//!
//! `{key}` and `{id}` are hexadecimal. Errors are `{"error": "<name>"}`, for a refused transaction the name of
//! the [`TxError`](crate::TxError).

mod error;
mod read;
pub mod resolve;
mod write;

use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::routing::{get, post};
use protocol::ledger::attachment::ATTACHMENT_MAX;
use protocol::ledger::transaction::TRANSACTION_MAX;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::node::Node;

/// Longest time for one request; a submitted transaction waits less for finality.
const REQUEST_TIME: Duration = Duration::from_secs(20);
/// Requests served at one time; more are told to come back.
const CONCURRENT_MAX: usize = 512;

impl Node {
    /// All routes, with their limits.
    pub fn router(&self) -> Router {
        let transactions = post(write::submit).layer(DefaultBodyLimit::max(TRANSACTION_MAX));
        let status_lists = post(write::put_status_list).layer(DefaultBodyLimit::max(ATTACHMENT_MAX + 64));
        let shed = ServiceBuilder::new()
            .layer(HandleErrorLayer::new(error::overloaded))
            .layer(LoadShedLayer::new())
            .layer(GlobalConcurrencyLimitLayer::new(CONCURRENT_MAX));
        let no_sniffing = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Router::new()
            .route("/v1/transactions", transactions)
            .route("/v1/transactions/{id}", get(read::transaction))
            .route("/v1/nonces/governance", get(read::governance_nonce))
            .route("/v1/nonces/{did}", get(read::nonce))
            .route("/v1/records/{key}", get(read::record))
            .route("/v1/proofs/{key}", get(read::proof))
            .route("/v1/bundle", get(read::bundle))
            .route("/v1/status-lists", status_lists)
            .route("/v1/anchor", get(read::anchor))
            .route("/v1/headers/{height}", get(read::header))
            .route("/v1/status", get(read::status))
            .route("/1.0/identifiers/", get(resolve::resolve_nothing))
            .route("/1.0/identifiers/{*did}", get(resolve::resolve))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIME))
            .layer(shed)
            // Outside the limits: a busy node is healthy.
            .route("/health", get(read::health))
            .layer(SetResponseHeaderLayer::if_not_present(no_sniffing.0, no_sniffing.1))
            .layer(CatchPanicLayer::new())
            .with_state(self.clone())
    }
}
