//! `GET /1.0/identifiers/{did}`: W3C DID Resolution 1.0, HTTP binding.
//!
//! | outcome | status |
//! |---|---|
//! | found | 200 |
//! | not a `did:mid` identifier | 400 `INVALID_DID` |
//! | another method | 501 `METHOD_NOT_SUPPORTED` |
//! | not on the ledger | 404 `NOT_FOUND` |
//! | deactivated | 410, `didDocumentMetadata.deactivated` |
//! | a representation there is none of | 406 `REPRESENTATION_NOT_SUPPORTED` |
//!
//! With `Accept: application/did-resolution` (or none, or `*/*`) the body is a resolution result, with one of the
//! DID document media types the document alone.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::identifier::{Did, DidError};
use protocol::ledger::{Record, StateKey};
use serde_json::{Value, json};

use crate::node::Node;

const RESULT: &str = "application/did-resolution";
const DOCUMENTS: [&str; 3] = ["application/did", "application/did+json", "application/did+ld+json"];

/// Resolves a DID as of the last committed block.
pub(super) async fn resolve(State(node): State<Node>, Path(did): Path<String>, headers: HeaderMap) -> Response {
    let Some(representation) = representation(&headers) else {
        return failure(StatusCode::NOT_ACCEPTABLE, "REPRESENTATION_NOT_SUPPORTED");
    };
    let did: Did = match did.parse() {
        Ok(did) => did,
        Err(DidError::MalformedDid) => return failure(StatusCode::BAD_REQUEST, "INVALID_DID"),
        Err(DidError::MethodNotSupported) => return failure(StatusCode::NOT_IMPLEMENTED, "METHOD_NOT_SUPPORTED"),
    };
    let Some(envelope) = node.record(&StateKey::did(&did)) else {
        return failure(StatusCode::NOT_FOUND, "NOT_FOUND");
    };
    let Record::Did(record) = envelope.record else {
        return failure(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR");
    };
    if record.deactivated {
        return result(StatusCode::GONE, Value::Null, json!({ "contentType": RESULT }), json!({ "deactivated": true }));
    }
    let document = json!(record.document(node.latest().time_ms / 1000));
    if representation == RESULT {
        let version = json!({ "versionId": envelope.version.to_string() });
        result(StatusCode::OK, document, json!({ "contentType": RESULT }), version)
    } else {
        (StatusCode::OK, [(header::CONTENT_TYPE, representation)], document.to_string()).into_response()
    }
}

/// No identifier at all.
pub(super) async fn resolve_nothing() -> Response {
    failure(StatusCode::BAD_REQUEST, "INVALID_DID")
}

/// The first media type of `Accept` that can be served.
fn representation(headers: &HeaderMap) -> Option<&'static str> {
    let Some(accept) = headers.get(header::ACCEPT) else { return Some(RESULT) };
    accept.to_str().ok()?.split(',').find_map(|range| {
        let media_type = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "*/*" | "application/*" | RESULT => Some(RESULT),
            other => DOCUMENTS.into_iter().find(|document| *document == other),
        }
    })
}

fn failure(status: StatusCode, error: &str) -> Response {
    let kind = json!({ "type": format!("https://www.w3.org/ns/did#{error}") });
    result(status, Value::Null, json!({ "contentType": RESULT, "error": kind }), json!({}))
}

fn result(status: StatusCode, document: Value, resolution: Value, metadata: Value) -> Response {
    let body = json!({
        "didDocument": document,
        "didResolutionMetadata": resolution,
        "didDocumentMetadata": metadata,
    });
    (status, [(header::CONTENT_TYPE, RESULT)], body.to_string()).into_response()
}
