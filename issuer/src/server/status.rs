//! Status lists in the forms of other standards: whole, for everyone, to be kept by anyone.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use protocol::credential::status::bitstring::StatusPurpose;
use protocol::credential::status::token::CWT_KIND;

use super::openapi::Refusal;
use super::public::not_found;
use super::{Service, failure};
use crate::error::IssuerError;
use crate::twins::StatusForm;

/// A withdrawal is to be seen soon.
const SHORTLY: &str = "public, max-age=60";

/// A Token Status List.
#[utoipa::path(get, path = "/status/{credential_type}/{number}", operation_id = "token_list", tag = "Public",
    params(("credential_type" = String, Path, description = "Id of the credential type"), ("number" = u32, Path, description = "Of the list")),
    responses(
        (status = 200, description = "A JWT, or a CWT where `Accept` asks for one", content((String = "application/statuslist+jwt"), (Vec<u8> = "application/statuslist+cwt"))),
        (status = 400, description = "Not such a number", body = Refusal),
        (status = 404, description = "There is none", body = Refusal)))]
pub(super) async fn token_list(
    State(service): State<Service>,
    Path((credential_type, number)): Path<(String, u32)>,
    headers: HeaderMap,
) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match accept.split(',').any(|one| one.trim() == CWT_KIND) {
        true => answer(service, credential_type, number, StatusForm::Cwt, CWT_KIND).await,
        false => answer(service, credential_type, number, StatusForm::Jwt, "application/statuslist+jwt").await,
    }
}

/// A Bitstring Status List.
#[utoipa::path(get, path = "/status/{credential_type}/{number}/{purpose}", operation_id = "bitstring_list", tag = "Public",
    params(("credential_type" = String, Path, description = "Id of the credential type"), ("number" = u32, Path, description = "Of the list"), ("purpose" = String, Path, description = "`revocation` or `suspension`")),
    responses(
        (status = 200, description = "A W3C credential", content_type = "application/vc", body = Object),
        (status = 400, description = "Not such a number", body = Refusal),
        (status = 404, description = "There is none", body = Refusal)))]
pub(super) async fn bitstring_list(
    State(service): State<Service>,
    Path((credential_type, number, purpose)): Path<(String, u32, String)>,
) -> Response {
    let known = [StatusPurpose::Revocation, StatusPurpose::Suspension].into_iter().find(|it| it.as_str() == purpose);
    match known {
        Some(purpose) => {
            answer(service, credential_type, number, StatusForm::Bitstring(purpose), "application/vc").await
        }
        None => not_found(),
    }
}

async fn answer(
    service: Service,
    credential_type: String,
    number: u32,
    form: StatusForm,
    content_type: &'static str,
) -> Response {
    let signed =
        service.blocking(move |issuer, now, rng| issuer.signed_status_list(&credential_type, number, form, now, rng));
    match signed.await {
        Ok(Ok(list)) => {
            ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, SHORTLY)], list).into_response()
        }
        Ok(Err(IssuerError::TwinUnavailable)) => not_found(),
        Ok(Err(_)) => failure(protocol::exchange::IssuanceRefusal::TemporarilyUnavailable),
        Err(refusal) => failure(refusal),
    }
}
