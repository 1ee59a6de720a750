//! What wallets ask.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::cbor;
use protocol::crypto::membership::ValueSignature;
use protocol::exchange::IssuanceRefusal;
use protocol::ledger::IssuerKeyId;

use super::openapi::Refusal;
use super::{Service, failure, named};
use crate::day_set::SLICE_DAYS;
use crate::error::IssuerError;
use crate::withdraw::CurrentEpoch;

const CBOR: &str = "application/cbor";
/// The day set of a key never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Tokens of an epoch gain those of newly issued credentials.
const SHORTLY: &str = "public, max-age=60";

/// Which part of a public file.
#[derive(serde::Deserialize)]
pub(super) struct Slice {
    slice: Option<String>,
}

impl Slice {
    /// The number of the slice, if one was named; an error when it is no number.
    fn number(&self) -> Result<Option<u32>, core::num::ParseIntError> {
        self.slice.as_ref().map(|text| text.parse()).transpose()
    }
}

/// A nonce for the next request.
#[utoipa::path(post, path = "/v1/nonce", operation_id = "nonce", tag = "Wallets",
    responses(
        (status = 200, description = "CBOR `IssuanceNonce`", content_type = "application/cbor", body = Vec<u8>)))]
pub(super) async fn nonce(State(service): State<Service>) -> Response {
    let nonce = service.blocking(|issuer, now, rng| issuer.nonce(now, rng)).await;
    answer("nonce", flat(nonce).map(|nonce| cbor::to_vec(&nonce)), CBOR)
}

/// A credential over a commitment of the wallet.
#[utoipa::path(post, path = "/v1/credentials", operation_id = "credentials", tag = "Wallets",
    request_body(content = Vec<u8>, content_type = "application/cbor", description = "Canonical CBOR `CredentialRequest`"),
    responses(
        (status = 200, description = "CBOR `CredentialResponse`", content_type = "application/cbor", body = Vec<u8>),
        (status = 400, description = "Refused by its name", body = Refusal),
        (status = 403, description = "Denied", body = Refusal),
        (status = 409, description = "There is one already, or another request was under way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
pub(super) async fn credentials(State(service): State<Service>, body: Bytes) -> Response {
    let issued = service.blocking(move |issuer, now, rng| issuer.issue(&body, now, rng)).await;
    // The first credential of a type opens a status list, which verifiers need at once.
    service.changed.notify_one();
    answer("credentials", flat(issued), CBOR)
}

/// The picture whose digest was signed.
#[utoipa::path(post, path = "/v1/portraits", operation_id = "portraits", tag = "Wallets",
    request_body(content = Vec<u8>, content_type = "application/cbor", description = "The same request again"),
    responses(
        (status = 200, description = "The picture", content_type = "image/png", body = Vec<u8>),
        (status = 400, description = "Refused by its name", body = Refusal),
        (status = 403, description = "Denied", body = Refusal),
        (status = 409, description = "There is one already, or another request was under way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
pub(super) async fn portraits(State(service): State<Service>, body: Bytes) -> Response {
    let portrait = service.blocking(move |issuer, _, _| issuer.portrait(&body)).await;
    answer("portraits", flat(portrait), "image/png")
}

/// Signatures on days, 48 bytes each.
#[utoipa::path(get, path = "/v1/day-set/{key}", operation_id = "day_set", tag = "Public",
    params(("key" = String, Path, description = "An issuer key id, hexadecimal"), ("slice" = Option<u32>, Query, description = "Which part")),
    responses(
        (status = 200, description = "Signatures", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "Not such a query", body = Refusal),
        (status = 404, description = "There is none", body = Refusal)))]
pub(super) async fn day_set(
    State(service): State<Service>,
    Path(key): Path<String>,
    Query(part): Query<Slice>,
) -> Response {
    let known = key_id(&key).is_some_and(|key| service.issuer.entry_by_key(&key).is_ok());
    let all = service.issuer.day_set();
    let width = SLICE_DAYS as usize * ValueSignature::LENGTH;
    let bytes = match part.number() {
        Ok(None) => Some(all),
        Ok(Some(slice)) => all.chunks(width).nth(slice as usize),
        Err(_) => None,
    };
    match bytes.filter(|_| known) {
        Some(bytes) => {
            ([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, FOR_EVER)], bytes.to_vec())
                .into_response()
        }
        None => not_found(),
    }
}

/// Which epoch of status tokens is the newest.
#[utoipa::path(get, path = "/v1/status-tokens/{key}", operation_id = "current_epoch", tag = "Public",
    params(("key" = String, Path, description = "An issuer key id, hexadecimal")),
    responses(
        (status = 200, description = "The newest", body = CurrentEpoch),
        (status = 404, description = "There is none", body = Refusal)))]
pub(super) async fn current_epoch(State(service): State<Service>, Path(key): Path<String>) -> Response {
    let Some(key) = key_id(&key) else { return not_found() };
    match service.blocking(move |issuer, _, _| issuer.current_epoch(&key)).await {
        Ok(Ok(epoch)) => ([(header::CACHE_CONTROL, SHORTLY)], axum::Json(epoch)).into_response(),
        Ok(Err(error)) => public_failure(&error),
        Err(refusal) => failure(refusal),
    }
}

/// Status tokens of an epoch.
#[utoipa::path(get, path = "/v1/status-tokens/{key}/{epoch}", operation_id = "status_tokens", tag = "Public",
    params(("key" = String, Path, description = "An issuer key id, hexadecimal"), ("epoch" = u32, Path, description = "Its number"), ("slice" = Option<u32>, Query, description = "Which part")),
    responses(
        (status = 200, description = "CBOR `StatusTokens`", content_type = "application/cbor", body = Vec<u8>),
        (status = 400, description = "Not such a query", body = Refusal),
        (status = 404, description = "There is none", body = Refusal)))]
pub(super) async fn status_tokens(
    State(service): State<Service>,
    Path((key, epoch)): Path<(String, String)>,
    Query(part): Query<Slice>,
) -> Response {
    let (Some(key), Ok(epoch), Ok(slice)) = (key_id(&key), epoch.parse::<u32>(), part.number()) else {
        return not_found();
    };
    let slice = slice.unwrap_or(0);
    match service.blocking(move |issuer, _, _| issuer.status_tokens(&key, epoch, slice)).await {
        Ok(Ok(tokens)) => {
            ([(header::CONTENT_TYPE, CBOR), (header::CACHE_CONTROL, SHORTLY)], tokens.encode()).into_response()
        }
        Ok(Err(error)) => public_failure(&error),
        Err(refusal) => failure(refusal),
    }
}

fn flat<T>(result: Result<Result<T, IssuanceRefusal>, IssuanceRefusal>) -> Result<T, IssuanceRefusal> {
    result.and_then(|inner| inner)
}

fn answer(what: &'static str, result: Result<Vec<u8>, IssuanceRefusal>, content_type: &'static str) -> Response {
    match result {
        Ok(bytes) => {
            tracing::info!(what, "answered");
            ([(header::CONTENT_TYPE, content_type)], bytes).into_response()
        }
        Err(refusal) => {
            tracing::info!(what, ?refusal, "refused");
            failure(refusal)
        }
    }
}

fn key_id(text: &str) -> Option<IssuerKeyId> {
    let mut id = IssuerKeyId::default();
    hex::decode_to_slice(text, &mut id).ok().map(|()| id)
}

pub(super) fn not_found() -> Response {
    named(StatusCode::NOT_FOUND, &"not_found")
}

fn public_failure(error: &IssuerError) -> Response {
    match error {
        IssuerError::CredentialTypeUnknown | IssuerError::StatusMethodMismatch => not_found(),
        _ => failure(IssuanceRefusal::TemporarilyUnavailable),
    }
}
