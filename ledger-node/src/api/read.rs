//! Reading the ledger.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minicbor::bytes::ByteVec;
use protocol::cbor;
use protocol::identifier::Did;
use protocol::ledger::snapshot::Prefix;
use protocol::ledger::{Scope, Sender, StateKey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, Refusal};
use crate::node::{Node, NodeError};

/// Where a transaction stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordedAnswer {
    /// Its name, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) id: String,
    /// Height of its block.
    pub(super) height: u64,
}

/// The nonce of a sender's next transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NonceAnswer {
    next: u64,
}

/// The last block.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    /// Short name of the network.
    network: String,
    /// Height of the last block.
    height: u64,
    /// Its time, Unix milliseconds.
    time_ms: u64,
    /// Root of the state after it, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    root: String,
    /// Time since then, by this machine's clock.
    age_ms: u64,
    /// Blocks are missing: what is read may have changed elsewhere.
    stale: bool,
}

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
    let done = done.map_err(|_| ApiError::internal())?;
    Ok(done?)
}

/// Where a transaction was recorded.
#[utoipa::path(get, path = "/v1/transactions/{id}", operation_id = "transaction", tag = "Ledger",
    params(("id" = String, Path, description = "Name of the transaction, hexadecimal", pattern = "^[0-9a-fA-F]{64}$")),
    responses((status = 200, description = "It is final", body = RecordedAnswer), (status = 400, description = "Malformed", body = Refusal), (status = 404, description = "Nothing of that name", body = Refusal)))]
pub(super) async fn transaction(State(node): State<Node>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = hex32(&id)?;
    // A node that did not begin with the first block cannot say that there never was one.
    let is_whole = node.first_block() <= 1;
    let unknown = || if is_whole { ApiError::not_found() } else { ApiError::new(StatusCode::NOT_FOUND, "UnknownHere") };
    let recorded = blocking(move || node.recorded(&id)).await?.ok_or_else(unknown)?;
    Ok(Json(RecordedAnswer { id: hex::encode(recorded.id), height: recorded.height }).into_response())
}

/// The nonce of the governors' next transaction.
#[utoipa::path(get, path = "/v1/nonces/governance", operation_id = "governance_nonce", tag = "Ledger",
    responses((status = 200, description = "The nonce", body = NonceAnswer)))]
pub(super) async fn governance_nonce(State(node): State<Node>) -> Response {
    Json(NonceAnswer { next: node.next_nonce(&Sender::Governance) }).into_response()
}

/// The nonce of an organisation's next transaction.
#[utoipa::path(get, path = "/v1/nonces/{did}", operation_id = "nonce", tag = "Ledger",
    params(("did" = String, Path, description = "A did:mid", example = "did:mid:kr:P2wGvuyk6hGu5LitAyTa8j")),
    responses((status = 200, description = "The nonce", body = NonceAnswer), (status = 400, description = "Malformed", body = Refusal)))]
pub(super) async fn nonce(State(node): State<Node>, Path(did): Path<String>) -> Result<Response, ApiError> {
    let did: Did = did.parse().map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "MalformedDid"))?;
    let next = node.next_nonce(&Sender::Did { did, fragment: String::new() });
    Ok(Json(NonceAnswer { next }).into_response())
}

/// The record at a key, unproven.
#[utoipa::path(get, path = "/v1/records/{key}", operation_id = "record", tag = "Ledger",
    params(("key" = String, Path, description = "State key, hexadecimal", pattern = "^[0-9a-fA-F]{64}$")), responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor"), (status = 400, description = "Malformed", body = Refusal), (status = 404, description = "Nothing of that name", body = Refusal)))]
pub(super) async fn record(State(node): State<Node>, Path(key): Path<String>) -> Result<Response, ApiError> {
    let envelope = node.record(&StateKey(hex32(&key)?)).ok_or_else(ApiError::not_found)?;
    Ok(cbor_body(envelope.encode()))
}

/// A proof of what the ledger holds at a key, or that it holds nothing.
#[utoipa::path(get, path = "/v1/proofs/{key}", operation_id = "proof", tag = "Ledger",
    params(("key" = String, Path, description = "State key, hexadecimal", pattern = "^[0-9a-fA-F]{64}$")), responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor"), (status = 400, description = "Malformed", body = Refusal)))]
pub(super) async fn proof(State(node): State<Node>, Path(key): Path<String>) -> Result<Response, ApiError> {
    Ok(cbor_body(node.proof(&StateKey(hex32(&key)?))?.encode()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BundleQuery {
    /// Only what was written above this height.
    since: Option<u64>,
}

/// The trust bundle, or what changed above a height.
#[utoipa::path(get, path = "/v1/bundle", operation_id = "bundle", tag = "Ledger",
    params(BundleQuery), responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor"), (status = 400, description = "Malformed", body = Refusal)))]
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

/// The trust anchor: compare it with the one received by a safe way, never start from it.
#[utoipa::path(get, path = "/v1/anchor", operation_id = "anchor", tag = "Ledger", responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor")))]
pub(super) async fn anchor(State(node): State<Node>) -> Response {
    cbor_body(node.anchor().encode())
}

/// A block's header and certificate.
#[utoipa::path(get, path = "/v1/headers/{height}", operation_id = "header", tag = "Ledger",
    params(("height" = u64, Path, description = "Height of the block")), responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor"), (status = 400, description = "Malformed", body = Refusal), (status = 404, description = "Nothing of that name", body = Refusal)))]
pub(super) async fn header(State(node): State<Node>, Path(height): Path<String>) -> Result<Response, ApiError> {
    let height: u64 = height.parse().map_err(|_| ApiError::malformed())?;
    let block = blocking(move || node.block(height)).await?.ok_or_else(ApiError::not_found)?;
    let parts = [ByteVec::from(block.header), ByteVec::from(block.certificate.unwrap_or_default())];
    Ok(cbor_body(cbor::to_vec(&parts)))
}

/// A whole block.
#[utoipa::path(get, path = "/v1/blocks/{height}", operation_id = "block", tag = "Ledger",
    params(("height" = u64, Path, description = "Height of the block")), responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor"), (status = 400, description = "Malformed", body = Refusal), (status = 404, description = "Nothing of that name", body = Refusal)))]
pub(super) async fn block(State(node): State<Node>, Path(height): Path<String>) -> Result<Response, ApiError> {
    let height: u64 = height.parse().map_err(|_| ApiError::malformed())?;
    let read = move || Ok(node.block(height)?.map(|block| Ok::<_, NodeError>((block, node.transactions(height)?))));
    let (block, transactions) = blocking(read).await?.ok_or_else(ApiError::not_found)??;
    let transactions: Vec<ByteVec> = transactions.into_iter().map(ByteVec::from).collect();
    let parts = (ByteVec::from(block.header), ByteVec::from(block.certificate.unwrap_or_default()), transactions);
    Ok(cbor_body(cbor::to_vec(&parts)))
}

/// Where a node that has nothing begins: a certified block, whose state is then fetched in parts.
#[utoipa::path(get, path = "/v1/snapshot", operation_id = "snapshot", tag = "Ledger",
    responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor")))]
pub(super) async fn snapshot(State(node): State<Node>) -> Result<Response, ApiError> {
    Ok(cbor_body(Bytes::from_owner(blocking(move || node.offer()).await?)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PartQuery {
    /// First digits of the records' keys, hexadecimal.
    #[param(pattern = "^[0-9a-f]{0,64}$")]
    #[serde(default)]
    at: String,
}

/// A part of the state that was offered at a height.
#[utoipa::path(get, path = "/v1/snapshot/{height}", operation_id = "snapshot_part", tag = "Ledger",
    params(("height" = u64, Path, description = "Height of the offered block"), PartQuery), responses((status = 200, description = "Canonical CBOR", body = Vec<u8>, content_type = "application/cbor"), (status = 400, description = "Malformed", body = Refusal), (status = 404, description = "Not offered, or not any more", body = Refusal)))]
pub(super) async fn snapshot_part(
    State(node): State<Node>,
    Path(height): Path<String>,
    query: Result<Query<PartQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(PartQuery { at }) = query.map_err(|_| ApiError::malformed())?;
    let (height, prefix): (u64, Prefix) =
        (height.parse().map_err(|_| ApiError::malformed())?, at.parse().map_err(|_| ApiError::malformed())?);
    Ok(cbor_body(blocking(move || Ok(node.part(height, &prefix)?.encode())).await?))
}

/// The newest checkpoint that this validator cosigned.
#[utoipa::path(get, path = "/v1/checkpoint", operation_id = "newest_checkpoint", tag = "Ledger",
    responses((status = 200, description = "C2SP signed note", body = String, content_type = "text/plain"), (status = 404, description = "This node was no validator then", body = Refusal)))]
pub(super) async fn newest_checkpoint(State(node): State<Node>) -> Result<Response, ApiError> {
    note(node, None).await
}

/// The checkpoint of a height, as this validator cosigned it.
#[utoipa::path(get, path = "/v1/checkpoints/{height}", operation_id = "checkpoint", tag = "Ledger",
    params(("height" = u64, Path, description = "Height of the header")), responses((status = 200, description = "C2SP signed note", body = String, content_type = "text/plain"), (status = 400, description = "Malformed", body = Refusal), (status = 404, description = "Nothing of that name", body = Refusal)))]
pub(super) async fn checkpoint(State(node): State<Node>, Path(height): Path<String>) -> Result<Response, ApiError> {
    note(node, Some(height.parse().map_err(|_| ApiError::malformed())?)).await
}

async fn note(node: Node, height: Option<u64>) -> Result<Response, ApiError> {
    let note = blocking(move || node.checkpoint(height)).await?.ok_or_else(ApiError::not_found)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], note.encode()).into_response())
}

/// The last block this node knows.
#[utoipa::path(get, path = "/v1/status", operation_id = "status", tag = "Ledger",
    responses((status = 200, description = "The last block", body = StatusAnswer)))]
pub(super) async fn status(State(node): State<Node>) -> Response {
    let freshness = node.freshness();
    Json(StatusAnswer {
        network: node.anchor().network.clone(),
        height: freshness.height,
        time_ms: freshness.time_ms,
        root: hex::encode(node.state_root()),
        age_ms: freshness.age_ms,
        stale: freshness.stale,
    })
    .into_response()
}
