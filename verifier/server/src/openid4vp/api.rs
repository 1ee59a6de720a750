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
use serde_json::json;
use sha2::{Digest, Sha256};
use verifier::ask::AskError;

use super::create::{NewRequest, RequestFailure};
use super::respond::lock;
use super::store::Unread;
use super::{Presenting, failure};

/// Longest call, in bytes.
const CALL_MAX: usize = 64 * 1024;

pub(super) async fn create(State(service): State<Presenting>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorised(&service, &headers) {
        return unauthorised();
    }
    let read = json::read(&body, CALL_MAX).ok().and_then(|it| serde_json::from_value::<NewRequest>(it).ok());
    let Some(new) = read else { return failure(StatusCode::BAD_REQUEST, "invalid_request", "MalformedCall") };
    match service.create(new) {
        Ok(created) => (StatusCode::CREATED, Json(created)).into_response(),
        Err(error) => {
            let name = protocol::error_name(&error);
            match error {
                RequestFailure::TooManyRequests | RequestFailure::TrustUnavailable => {
                    failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &name)
                }
                RequestFailure::Ask(AskError::NotRegistered | AskError::OverAsk(_)) => {
                    failure(StatusCode::FORBIDDEN, "access_denied", &name)
                }
                _ => failure(StatusCode::BAD_REQUEST, "invalid_request", &name),
            }
        }
    }
}

pub(super) async fn state(State(service): State<Presenting>, Path(id): Path<String>) -> Response {
    let now = service.now();
    if !service.0.polls.admits(&id, now) {
        return failure(StatusCode::TOO_MANY_REQUESTS, "slow_down", "TooManyPolls"); // K27
    }
    let followed = lock(&service.0.store).follow(&id, now);
    match followed {
        Some(state) => Json(json!({ "state": state.borrow().name() })).into_response(),
        None => failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver"),
    }
}

pub(super) async fn events(State(service): State<Presenting>, Path(id): Path<String>) -> Response {
    let Ok(turn) = service.0.listeners.clone().try_acquire_owned() else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "TooManyListeners");
    };
    let followed = lock(&service.0.store).follow(&id, service.now());
    let Some(followed) = followed else { return failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver") };
    // The state now, then each change, until it is decided or the request is over.
    let events = stream::unfold(Some((followed, true, turn)), |now| async move {
        let (mut followed, first, turn) = now?;
        if !first && followed.changed().await.is_err() {
            return None;
        }
        let state = *followed.borrow_and_update();
        let event = Event::default().event("state").data(state.name());
        Some((Ok::<_, Infallible>(event), state.open().then_some((followed, false, turn))))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

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
    let read = lock(&service.0.store).read(&id, code.as_deref(), service.now());
    match read {
        Ok(verdict) => Json(json!({ "accepted": true, "verdict": verdict })).into_response(),
        Err(Unread::Unknown) => failure(StatusCode::NOT_FOUND, "invalid_request", "RequestOver"),
        Err(Unread::WrongCode) => failure(StatusCode::FORBIDDEN, "access_denied", "ResponseCodeWrong"),
        Err(Unread::Undecided(state)) => failure(StatusCode::CONFLICT, "invalid_request", state.name()),
    }
}

/// The relying party's token, compared in a time that says nothing of it.
fn authorised(service: &Presenting, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    service.0.settings.token.len() >= 32 && Sha256::digest(given) == Sha256::digest(&service.0.settings.token)
}

fn unauthorised() -> Response {
    let mut answer = failure(StatusCode::UNAUTHORIZED, "invalid_token", "TokenWrong");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    answer
}
