//! Errors as they travel: a status, `{"error": "<name>"}`, and nothing else.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::ledger::attachment::AttachmentError;
use serde::Serialize;
use tower::BoxError;
use utoipa::ToSchema;

use crate::node::{ListError, NodeError};
use crate::rules::TxError;

/// What a refusal says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refusal {
    /// Name of the reason, for a refused transaction that of the rule.
    #[schema(example = "NotFound")]
    error: String,
}

/// A refusal with its HTTP status.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    name: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, name: &str) -> Self {
        Self { status, name: name.to_owned() }
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound")
    }

    pub(super) fn malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Malformed")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Refusal { error: self.name })).into_response();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        let unavailable = |name| Self::new(StatusCode::SERVICE_UNAVAILABLE, name);
        match error {
            NodeError::Refused(error) => Self { status: transaction_status(&error), name: error.name() },
            NodeError::StatusList(error) => list_error(error),
            NodeError::Overloaded => unavailable("Overloaded"),
            NodeError::SenderOverloaded => Self::new(StatusCode::TOO_MANY_REQUESTS, "SenderOverloaded"),
            NodeError::NotCertifiedYet => unavailable("NotCertifiedYet"),
            NodeError::HandoverUnderWay => unavailable("HandoverUnderWay"),
            NodeError::NotKept => Self::new(StatusCode::NOT_FOUND, "NotKept"),
            NodeError::SnapshotGone => Self::new(StatusCode::NOT_FOUND, "SnapshotGone"),
            NodeError::Stopped => unavailable("Stopped"),
            NodeError::NotFinalYet(_) => Self::new(StatusCode::ACCEPTED, "NotFinalYet"),
            NodeError::Store(error) => {
                tracing::error!(%error, "the store does not answer");
                unavailable("StorageUnavailable")
            }
            NodeError::Engine(_) | NodeError::Genesis(_) | NodeError::Io(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
        }
    }
}

fn transaction_status(error: &TxError) -> StatusCode {
    match error {
        TxError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        TxError::Unauthorized | TxError::QuorumNotMet | TxError::KeyNotValidAtHeight | TxError::SignatureInvalid => {
            StatusCode::FORBIDDEN
        }
        TxError::DuplicateTx
        | TxError::NonceGap
        | TxError::AlreadyExists
        | TxError::VersionConflict
        | TxError::Deactivated
        | TxError::WouldOrphan
        | TxError::IllegalTransition
        | TxError::DelayRequired
        | TxError::ActivationTooEarly
        | TxError::UnknownReference => StatusCode::CONFLICT,
        TxError::Malformed
        | TxError::NonCanonicalEncoding
        | TxError::EmptyTx
        | TxError::WrongNetwork
        | TxError::NonceOverflow
        | TxError::IdentifierMismatch
        | TxError::Record(_) => StatusCode::BAD_REQUEST,
    }
}

fn list_error(error: ListError) -> ApiError {
    match error {
        ListError::UnknownStatusList => ApiError::new(StatusCode::NOT_FOUND, "UnknownStatusList"),
        ListError::RevocationTakenBack => ApiError::new(StatusCode::CONFLICT, "RevocationTakenBack"),
        ListError::Attachment(AttachmentError::TooLarge) => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge"),
        ListError::Attachment(AttachmentError::StatusListMalformed) => {
            ApiError::new(StatusCode::BAD_REQUEST, "StatusListMalformed")
        }
        ListError::Attachment(AttachmentError::StatusListMismatch) => {
            ApiError::new(StatusCode::CONFLICT, "StatusListMismatch")
        }
    }
}

/// What the limits answer when every place is taken or the time is over.
pub(super) async fn limited(error: BoxError) -> ApiError {
    let name = if error.is::<tower::timeout::error::Elapsed>() { "TimedOut" } else { "Overloaded" };
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, name)
}
