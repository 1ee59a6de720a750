//! Writing to the ledger.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::cbor;
use protocol::ledger::attachment::{ATTACHMENT_MAX, Attachment};
use serde_json::json;

use super::error::ApiError;
use super::read::blocking;
use crate::node::{Node, NodeError};

fn body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge"),
        _ => ApiError::malformed(),
    })
}

pub(super) async fn submit(
    State(node): State<Node>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    match node.submit(body(bytes)?.to_vec()).await {
        Ok(recorded) => Ok(Json(json!({ "id": hex::encode(recorded.id), "height": recorded.height })).into_response()),
        Err(NodeError::NotFinalYet(id)) => {
            Ok((StatusCode::ACCEPTED, Json(json!({ "id": hex::encode(id) }))).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn put_status_list(
    State(node): State<Node>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let attachment: Attachment =
        cbor::from_slice(&body(bytes)?, ATTACHMENT_MAX + 64).map_err(|_| ApiError::malformed())?;
    blocking(move || node.put_status_list(&attachment)).await?;
    Ok(StatusCode::NO_CONTENT)
}
