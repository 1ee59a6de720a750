//! Reading the ledger.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minicbor::bytes::ByteVec;
use protocol::cbor;
use protocol::identifier::Did;
use protocol::ledger::{Scope, Sender, StateKey};
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use crate::node::{Node, NodeError};

/// Canonical CBOR with its media type.
fn cbor_body(bytes: impl Into<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/cbor"))], bytes.into()).into_response()
}

fn hex32(text: &str) -> Result<[u8; 32], ApiError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| ApiError::malformed())?;
    Ok(bytes)
}

/// Runs what waits for the disk, or computes for long, beside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"))?;
    Ok(done?)
}

pub(super) async fn transaction(State(node): State<Node>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = hex32(&id)?;
    let recorded = blocking(move || node.recorded(&id)).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "id": hex::encode(recorded.id), "height": recorded.height })).into_response())
}

pub(super) async fn governance_nonce(State(node): State<Node>) -> Response {
    Json(json!({ "next": node.next_nonce(&Sender::Governance) })).into_response()
}

pub(super) async fn nonce(State(node): State<Node>, Path(did): Path<String>) -> Result<Response, ApiError> {
    let did: Did = did.parse().map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "MalformedDid"))?;
    let next = node.next_nonce(&Sender::Did { did, fragment: String::new() });
    Ok(Json(json!({ "next": next })).into_response())
}

pub(super) async fn record(State(node): State<Node>, Path(key): Path<String>) -> Result<Response, ApiError> {
    let envelope = node.record(&StateKey(hex32(&key)?)).ok_or_else(ApiError::not_found)?;
    Ok(cbor_body(envelope.encode()))
}

pub(super) async fn proof(State(node): State<Node>, Path(key): Path<String>) -> Result<Response, ApiError> {
    Ok(cbor_body(node.proof(&StateKey(hex32(&key)?))?.encode()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleQuery {
    since: Option<u64>,
}

pub(super) async fn bundle(
    State(node): State<Node>,
    query: Result<Query<BundleQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::malformed())?;
    let bundle = blocking(move || match query.since {
        None => Ok(Bytes::from_owner(node.snapshot()?)),
        Some(since) => Ok(node.bundle(Scope::Delta { since })?.encode().into()),
    });
    Ok(cbor_body(bundle.await?))
}

pub(super) async fn anchor(State(node): State<Node>) -> Response {
    cbor_body(node.anchor().encode())
}

pub(super) async fn header(State(node): State<Node>, Path(height): Path<String>) -> Result<Response, ApiError> {
    let height: u64 = height.parse().map_err(|_| ApiError::malformed())?;
    let block = blocking(move || node.block(height)).await?.ok_or_else(ApiError::not_found)?;
    let parts = [ByteVec::from(block.header), ByteVec::from(block.certificate.unwrap_or_default())];
    Ok(cbor_body(cbor::to_vec(&parts)))
}

pub(super) async fn status(State(node): State<Node>) -> Response {
    let tip = node.latest();
    Json(json!({
        "network": node.anchor().network,
        "height": tip.height,
        "time_ms": tip.time_ms,
        "root": hex::encode(node.state_root()),
    }))
    .into_response()
}

pub(super) async fn health(State(node): State<Node>) -> StatusCode {
    if node.stopped() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}
