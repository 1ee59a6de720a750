//! Writing to the ledger.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::cbor;
use protocol::ledger::attachment::{ATTACHMENT_MAX, Attachment};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, Refusal};
use super::read::{RecordedAnswer, blocking};
use crate::node::{Node, NodeError};

fn body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge"),
        _ => ApiError::malformed(),
    })
}

/// A transaction that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenAnswer {
    /// Its name, hexadecimal: ask for it later.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    id: String,
}

/// Hand over a signed transaction and wait until it is final.
#[utoipa::path(post, path = "/v1/transactions", operation_id = "submit", tag = "Ledger",
    request_body(content = Vec<u8>, content_type = "application/cbor", description = "Canonical CBOR `Transaction`"),
    responses(
        (status = 200, description = "It is final", body = RecordedAnswer),
        (status = 202, description = "Taken, not final yet", body = TakenAnswer),
        (status = 400, description = "Not a transaction, or a record breaks its bounds", body = Refusal),
        (status = 403, description = "Signed by someone who may not write this", body = Refusal),
        (status = 409, description = "It does not fit the ledger's present state", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 429, description = "Too many of this sender wait; see `Retry-After`", body = Refusal)))]
pub(super) async fn submit(
    State(node): State<Node>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    match node.submit(body(bytes)?.to_vec()).await {
        Ok(recorded) => {
            Ok(Json(RecordedAnswer { id: hex::encode(recorded.id), height: recorded.height }).into_response())
        }
        Err(NodeError::NotFinalYet(id)) => {
            Ok((StatusCode::ACCEPTED, Json(TakenAnswer { id: hex::encode(id) })).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Hand over a status list whose digest the ledger holds.
#[utoipa::path(post, path = "/v1/status-lists", operation_id = "put_status_list", tag = "Ledger",
    request_body(content = Vec<u8>, content_type = "application/cbor", description = "Canonical CBOR `Attachment`"),
    responses(
        (status = 204, description = "Kept"),
        (status = 400, description = "Not a status list", body = Refusal),
        (status = 404, description = "The ledger has no such status list", body = Refusal),
        (status = 409, description = "Another list than recorded, or a revocation taken back", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
pub(super) async fn put_status_list(
    State(node): State<Node>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let attachment: Attachment =
        cbor::from_slice(&body(bytes)?, ATTACHMENT_MAX + 64).map_err(|_| ApiError::malformed())?;
    blocking(move || node.put_status_list(&attachment)).await?;
    Ok(StatusCode::NO_CONTENT)
}
