//! What wallets call.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::exchange::openid4vp::form;
use serde_json::json;

use super::respond::{ResponseFailure, lock};
use super::{Presenting, failure};

/// Longest nonce of a wallet, in bytes.
const NONCE_MAX: usize = 256;

pub(super) async fn object(State(service): State<Presenting>, Path(handle): Path<String>) -> Response {
    signed(&service, &handle, None)
}

pub(super) async fn object_with_nonce(
    State(service): State<Presenting>,
    Path(handle): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_form(&headers) {
        return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", "form");
    }
    let Ok(parameters) = form::read(&body) else {
        return failure(StatusCode::BAD_REQUEST, "invalid_request", "form");
    };
    let nonce = parameters.into_iter().find(|(name, _)| name == "wallet_nonce").map(|(_, value)| value);
    if nonce.as_ref().is_some_and(|it| it.is_empty() || it.len() > NONCE_MAX) {
        return failure(StatusCode::BAD_REQUEST, "invalid_request", "wallet_nonce");
    }
    signed(&service, &handle, nonce)
}

/// The request, signed for this wallet.
fn signed(service: &Presenting, handle: &str, wallet_nonce: Option<String>) -> Response {
    let asked = lock(&service.0.store).open(handle, true, service.now());
    let Some(asked) = asked else { return failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver") };
    let mut request = asked.request.clone();
    request.wallet_nonce = wallet_nonce;
    let signer = service.0.identity.signers.get(asked.signer);
    let text = signer.and_then(|it| request.sign(&it.signing(), &*it.key).ok());
    match text {
        Some(text) => ([(header::CONTENT_TYPE, "application/oauth-authz-req+jwt")], text).into_response(),
        None => failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "SigningFailed"),
    }
}

pub(super) async fn response(
    State(service): State<Presenting>,
    Path(handle): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // K29: nothing of an answer is in an address.
    if query.is_some() {
        return failure(StatusCode::BAD_REQUEST, "invalid_request", "query");
    }
    if !is_form(&headers) {
        return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", "form");
    }
    match service.respond(&handle, body.to_vec()).await {
        Ok(None) => Json(json!({})).into_response(),
        Ok(Some(uri)) => Json(json!({ "redirect_uri": uri })).into_response(),
        Err(error @ (ResponseFailure::TrustUnavailable | ResponseFailure::NotChecked)) => {
            failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &error.name())
        }
        Err(error) => failure(StatusCode::BAD_REQUEST, "invalid_request", &error.name()),
    }
}

/// The one media type that is read, without compression (K28, N08).
fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") && !headers.contains_key(header::CONTENT_ENCODING)
}
