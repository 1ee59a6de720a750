//! What wallets call.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::exchange::openid4vp::form;

use super::openapi::{AnswerCall, ObjectCall, Refusal, Taken};
use super::{By, Presenting, failure, unavailable};

/// Longest nonce of a wallet, in bytes.
const NONCE_MAX: usize = 256;

/// Fetch the signed request.
#[utoipa::path(get, path = "/openid4vp/object/{handle}", operation_id = "request_object", tag = "Wallet",
    params(("handle" = String, Path, description = "From the link")),
    responses(
        (status = 200, description = "A JWT", content_type = "application/oauth-authz-req+jwt", body = String),
        (status = 404, description = "There is none, or it is over", body = Refusal),
        (status = 503, description = "The key store did not sign, or the database does not answer", body = Refusal)))]
pub(super) async fn object(State(service): State<Presenting>, Path(handle): Path<String>) -> Response {
    signed(&service, &handle, None).await
}

/// Fetch the signed request with a nonce of the wallet in it.
#[utoipa::path(post, path = "/openid4vp/object/{handle}", operation_id = "request_object_with_nonce", tag = "Wallet",
    params(("handle" = String, Path, description = "From the link")),
    request_body(content = ObjectCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A JWT", content_type = "application/oauth-authz-req+jwt", body = String),
        (status = 400, description = "Not such a form", body = Refusal),
        (status = 404, description = "There is none, or it is over", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 415, description = "Not a form, or compressed", body = Refusal),
        (status = 503, description = "The key store did not sign, or the database does not answer", body = Refusal)))]
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
    signed(&service, &handle, nonce).await
}

/// The request, signed for this wallet.
async fn signed(service: &Presenting, handle: &str, wallet_nonce: Option<String>) -> Response {
    let asked = match service.0.store.open(By::Handle(handle), true, service.now()).await {
        Ok(Some(asked)) => asked,
        Ok(None) => return failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver"),
        Err(error) => return unavailable(error),
    };
    let mut request = asked.request.clone();
    request.wallet_nonce = wallet_nonce;
    // Whichever instance made it: all have the same keys.
    let signer = service.0.identity.signers.iter().find(|it| it.client_id == request.client_id);
    let text = signer.and_then(|it| request.sign(&it.signing(), &*it.key).ok());
    match text {
        Some(text) => ([(header::CONTENT_TYPE, "application/oauth-authz-req+jwt")], text).into_response(),
        None => failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "SigningFailed"),
    }
}

/// Answer.
#[utoipa::path(post, path = "/openid4vp/response/{handle}", operation_id = "answer_request", tag = "Wallet",
    params(("handle" = String, Path, description = "From the request")),
    request_body(content = AnswerCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Taken", body = Taken),
        (status = 400, description = "Refused; the description is the name of the refusal", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 415, description = "Not a form, or compressed", body = Refusal),
        (status = 503, description = "Busy, or no trust data; come back after `Retry-After` seconds", body = Refusal)))]
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
        Ok(redirect_uri) => Json(Taken { redirect_uri }).into_response(),
        Err(error) => error.answer(),
    }
}

/// The one media type that is read, without compression (K28, N08).
fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") && !headers.contains_key(header::CONTENT_ENCODING)
}
