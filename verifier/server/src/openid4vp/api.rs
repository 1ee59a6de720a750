//! What relying parties and their pages call.

use std::convert::Infallible;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use protocol::json;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use verifier::ask::AskError;
use verifier::openid4vp::Receipt;

use super::create::{Created, NewRequest, RequestFailure};
use super::openapi::{ReceiptShape, RecheckedShape, Refusal, StateAnswer, StateEvent, VerdictAnswer, VerdictCall};
use super::{By, Presenting, failure, overloaded, unavailable};
use crate::store::{Followed, Unavailable, Unread};

/// Longest call, in bytes.
pub(super) const CALL_MAX: usize = 64 * 1024;

/// Make a request: what is asked becomes a link and a code.
#[utoipa::path(post, path = "/openid4vp/requests", operation_id = "create_request", tag = "Relying party",
    security(("token" = [])), request_body = NewRequest,
    responses(
        (status = 201, description = "Show `link` or `qr_png`, and follow it by `id`", body = Created),
        (status = 400, description = "Not well formed, or nothing that could be answered", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Wider than the registration", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 503, description = "Busy, or no trust data; come back after `Retry-After` seconds", body = Refusal)))]
pub(super) async fn create(State(service): State<Presenting>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorised(&service, &headers) {
        return unauthorised();
    }
    let read = json::read(&body, CALL_MAX).ok().and_then(|it| serde_json::from_value::<NewRequest>(it).ok());
    let Some(new) = read else { return failure(StatusCode::BAD_REQUEST, "invalid_request", "MalformedCall") };
    making(service, |it| async move { it.create(new).await }).await
}

/// Makes a request when it is its turn, whether or not anybody waits for it still.
pub(super) async fn making<T: Serialize + Send + 'static, F: Future<Output = Result<T, RequestFailure>> + Send>(
    service: Presenting,
    make: impl FnOnce(Presenting) -> F + Send + 'static,
) -> Response {
    let Some(turn) = service.0.turns.begin().await else { return overloaded() };
    let made = tokio::spawn(async move {
        let _turn = turn;
        make(service).await
    });
    let Ok(made) = made.await else { return overloaded() };
    match made {
        Ok(created) => (StatusCode::CREATED, Json(created)).into_response(),
        Err(error) => refused_call(&error),
    }
}

/// Why a request is not made.
fn refused_call(error: &RequestFailure) -> Response {
    let name = protocol::error_name(error);
    match error {
        RequestFailure::TooManyRequests | RequestFailure::TrustUnavailable | RequestFailure::StoreUnavailable => {
            failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &name)
        }
        RequestFailure::Ask(AskError::NotRegistered | AskError::OverAsk(_)) => {
            failure(StatusCode::FORBIDDEN, "access_denied", &name)
        }
        _ => failure(StatusCode::BAD_REQUEST, "invalid_request", &name),
    }
}

/// Where a request stands.
#[utoipa::path(get, path = "/openid4vp/requests/{id}", operation_id = "request_state", tag = "Relying party",
    params(("id" = String, Path, description = "Of the request")),
    responses(
        (status = 200, description = "As of now", body = StateAnswer),
        (status = 404, description = "There is none, or it is over", body = Refusal),
        (status = 429, description = "Asked too often; come back after `Retry-After` seconds", body = Refusal),
        (status = 503, description = "The database does not answer; come back later", body = Refusal)))]
pub(super) async fn state(State(service): State<Presenting>, Path(id): Path<String>) -> Response {
    let now = service.now();
    if !service.0.polls.admits(&id, now) {
        return failure(StatusCode::TOO_MANY_REQUESTS, "slow_down", "TooManyPolls"); // K27
    }
    match service.0.store.state(By::Id(&id), now).await {
        Ok(Some(state)) => Json(StateAnswer { state }).into_response(),
        Ok(None) => failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver"),
        Err(error) => unavailable(error),
    }
}

/// The same as server-sent events named `state`, until it is decided.
#[utoipa::path(get, path = "/openid4vp/requests/{id}/events", operation_id = "request_events", tag = "Relying party",
    params(("id" = String, Path, description = "Of the request")),
    responses(
        (status = 200, description = "The state now, then each change", content_type = "text/event-stream", body = StateEvent),
        (status = 404, description = "There is none, or it is over", body = Refusal),
        (status = 503, description = "Too many listen, or the database does not answer; come back later", body = Refusal)))]
pub(super) async fn events(State(service): State<Presenting>, Path(id): Path<String>) -> Response {
    let Ok(turn) = service.0.listeners.clone().try_acquire_owned() else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "TooManyListeners");
    };
    let followed = match Followed::begin(&service.0.store, &id, service.now()).await {
        Ok(Some(followed)) => followed,
        Ok(None) => return failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver"),
        Err(error) => return unavailable(error),
    };
    // The state now, then each change, until it is decided or the request is over.
    let events = stream::unfold(Some((followed, service, turn)), |now| async move {
        let (mut followed, service, turn) = now?;
        let state = followed.next(&service.0.store, || service.now()).await?;
        let event = Event::default().event("state").data(state.name());
        Some((Ok::<_, Infallible>(event), state.open().then_some((followed, service, turn))))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// Read the verdict: once, or until its time is over where `keep` was said.
#[utoipa::path(post, path = "/openid4vp/requests/{id}/verdict", operation_id = "read_verdict", tag = "Relying party",
    security(("token" = [])), params(("id" = String, Path, description = "Of the request")),
    request_body(content = Option<VerdictCall>, description = "Of a same-device request: the code from the address"),
    responses(
        (status = 200, description = "The verdict", body = VerdictAnswer),
        (status = 400, description = "Not well formed", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "The response code is wrong", body = Refusal),
        (status = 404, description = "There is none, or it was read", body = Refusal),
        (status = 409, description = "It is not answered; the description is its state", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 503, description = "The database does not answer; come back later", body = Refusal)))]
pub(super) async fn verdict(
    State(service): State<Presenting>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !authorised(&service, &headers) {
        return unauthorised();
    }
    let code = match body.is_empty() {
        true => None,
        false => match json::read_object(&body, CALL_MAX) {
            Ok(members) => members.get("response_code").and_then(|it| it.as_str()).map(str::to_owned),
            Err(_) => return failure(StatusCode::BAD_REQUEST, "invalid_request", "MalformedCall"),
        },
    };
    match service.0.store.read(&id, code.as_deref(), service.now()).await {
        Ok(verdict) => Json(json!({ "accepted": true, "verdict": verdict })).into_response(),
        Err(Unread::Unknown) => failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver"),
        Err(Unread::WrongCode) => failure(StatusCode::FORBIDDEN, "access_denied", "ResponseCodeWrong"),
        Err(Unread::Undecided(state)) => failure(StatusCode::CONFLICT, "invalid_request", state.name()),
        Err(Unread::Unavailable) => unavailable(Unavailable),
    }
}

/// Check a receipt again: as of the moment when the holder agreed, with today's trust data. Nothing of it is kept.
#[utoipa::path(post, path = "/openid4vp/receipts", operation_id = "check_receipt", tag = "Relying party",
    security(("token" = [])), request_body = ReceiptShape,
    responses(
        (status = 200, description = "What it proves", body = RecheckedShape),
        (status = 400, description = "Not well formed", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 422, description = "It proves nothing; the description is the name of the refusal", body = Refusal),
        (status = 503, description = "Busy, or no trust data; come back after `Retry-After` seconds", body = Refusal)))]
pub(super) async fn receipt(State(service): State<Presenting>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorised(&service, &headers) {
        return unauthorised();
    }
    let receipt = match Receipt::from_json(&body) {
        Ok(receipt) => receipt,
        Err(refusal) => return failure(StatusCode::BAD_REQUEST, "invalid_request", &refusal.name()),
    };
    let Some(trust) = (service.0.trust)() else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "TrustUnavailable");
    };
    let Some(turn) = service.0.turns.begin().await else { return overloaded() };
    let checking = service.clone();
    let checked = crate::processor::run(move || {
        let _turn = turn;
        receipt.check(&trust, &checking.0.settings.vocabulary)
    });
    let checked = checked.await;
    match checked {
        Ok(Ok(rechecked)) => Json(rechecked).into_response(),
        Ok(Err(refusal)) => failure(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", &refusal.name()),
        Err(_) => failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "NotChecked"),
    }
}

/// The relying party's token, compared in a time that says nothing of it.
pub(super) fn authorised(service: &Presenting, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    service.0.settings.token.len() >= 32 && Sha256::digest(given) == Sha256::digest(&service.0.settings.token)
}

pub(super) fn unauthorised() -> Response {
    let mut answer = failure(StatusCode::UNAUTHORIZED, "invalid_token", "TokenWrong");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    answer
}
