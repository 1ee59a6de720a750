//! OpenID4VCI over HTTP, for wallets of others:
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /.well-known/openid-credential-issuer` | – | JSON, or with `Accept: application/jwt` the same signed |
//! | `GET /.well-known/oauth-authorization-server` | – | JSON |
//! | `GET /openid4vci/offers/{code}` | – | JSON, the offer |
//! | `POST /openid4vci/par` | form, DPoP or none | JSON |
//! | `GET /openid4vci/authorize` | – | HTML, where people log in; `POST` of its form goes back to the client |
//! | `GET /openid4vci/shown` | – | back to the client, or HTML, when the person has shown a credential on this device |
//! | `POST /openid4vci/token` | form, DPoP | JSON |
//! | `POST /openid4vci/nonce` | – | JSON |
//! | `POST /openid4vci/credential` | JSON, or encrypted, DPoP and token | JSON, or encrypted; 202 while a clerk decides |
//! | `POST /openid4vci/twins` | JSON, DPoP and token | JSON; not of the standard |
//! | `POST /openid4vci/deferred` | JSON, or encrypted, DPoP and token | the same |
//! | `POST /openid4vci/notification` | JSON, DPoP and token | 204 |
//!
//! Where wallets have to be attested, requests to `par` and `token` have the headers `OAuth-Client-Attestation` and
//! `OAuth-Client-Attestation-PoP`. An issuer whose address has a path has it behind `/.well-known/…`, too. Errors are those of the standards.

mod log_in;

use axum::body::Bytes;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use protocol::exchange::openid4vci::attestation::{CLIENT_HEADER, POSSESSION_HEADER};
use protocol::exchange::openid4vci::encryption::ENCRYPTED;
use protocol::exchange::openid4vci::{
    CredentialRequest, CredentialResponse, DeferredRequest, ErrorBody, ErrorCode, MESSAGE_MAX, NotificationRequest,
    read, well_known,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Service;
use super::openapi::Refusal as RefusalBody;
use super::public::not_found;
use crate::openid4vci::{AuthorizationParameters, Endpoint, Opened, Presented, TokenParameters, TwinsRequest};

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const ATTESTATION: HeaderName = HeaderName::from_static(CLIENT_HEADER);
const POSSESSION: HeaderName = HeaderName::from_static(POSSESSION_HEADER);
/// Metadata change with a new release at most.
const FOR_AN_HOUR: &str = "public, max-age=3600";
const JWT: &str = "application/jwt";

/// What wallets ask below the issuer's address.
pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(offer))
        .routes(routes!(push))
        .routes(routes!(log_in::page, log_in::submit))
        .routes(routes!(log_in::shown))
        .routes(routes!(token))
        .routes(routes!(nonce))
        .routes(routes!(credential))
        .routes(routes!(twins))
        .routes(routes!(deferred))
        .routes(routes!(notification))
        .layer(DefaultBodyLimit::max(MESSAGE_MAX))
}

/// A form that asks for a token.
#[derive(Serialize, ToSchema)]
struct TokenCall {
    /// `urn:ietf:params:oauth:grant-type:pre-authorized_code`, `authorization_code` or `refresh_token`.
    grant_type: String,
    #[serde(rename = "pre-authorized_code")]
    pre_authorized_code: Option<String>,
    tx_code: Option<String>,
    code: Option<String>,
    code_verifier: Option<String>,
    redirect_uri: Option<String>,
    client_id: Option<String>,
    refresh_token: Option<String>,
}

/// A form that begins an authorisation.
#[derive(Serialize, ToSchema)]
struct PushCall {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: Option<String>,
    code_challenge: String,
    code_challenge_method: String,
    state: Option<String>,
    issuer_state: Option<String>,
}

/// What wallets ask of the host: the metadata, under the path of the issuer's address.
pub(super) fn metadata_routes(identifier: &str) -> Router<Service> {
    let path = |suffix: &str| {
        let address = well_known(identifier, suffix);
        address.find("/.well-known/").and_then(|at| address.get(at..)).map(str::to_owned).unwrap_or_default()
    };
    Router::new()
        .route(&path("openid-credential-issuer"), get(metadata))
        .route(&path("oauth-authorization-server"), get(server_metadata))
}

async fn metadata(State(service): State<Service>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Signed for those who ask for nothing else first.
    if accept.trim_start().starts_with(JWT) {
        return match service.blocking(|issuer, now, rng| issuer.openid_signed_metadata(now, rng)).await {
            Ok(Ok(jwt)) => ([(header::CONTENT_TYPE, JWT), (header::CACHE_CONTROL, FOR_AN_HOUR)], jwt).into_response(),
            _ => refused(ErrorCode::TemporarilyUnavailable, StatusCode::BAD_REQUEST),
        };
    }
    match service.blocking(|issuer, now, rng| issuer.openid_metadata(now, rng)).await {
        Ok(Ok(metadata)) => ([(header::CACHE_CONTROL, FOR_AN_HOUR)], Json(metadata)).into_response(),
        _ => refused(ErrorCode::TemporarilyUnavailable, StatusCode::BAD_REQUEST),
    }
}

async fn server_metadata(State(service): State<Service>) -> Response {
    ([(header::CACHE_CONTROL, FOR_AN_HOUR)], Json(service.issuer.openid_server_metadata())).into_response()
}

/// The offer that a reference leads to.
#[utoipa::path(get, path = "/openid4vci/offers/{code}", operation_id = "offer", tag = "Wallets of others",
    params(("code" = String, Path, description = "As secret as the offer")),
    responses(
        (status = 200, description = "The offer", body = Object),
        (status = 404, description = "There is none", body = RefusalBody)))]
async fn offer(State(service): State<Service>, Path(code): Path<String>) -> Response {
    match service.blocking(move |issuer, now, _| issuer.openid_offer_at(&code, now)).await {
        Ok(Ok(Some(offer))) => Json(offer).into_response(),
        Ok(Ok(None)) => not_found(),
        _ => refused(ErrorCode::TemporarilyUnavailable, StatusCode::BAD_REQUEST),
    }
}

/// A nonce for key proofs.
#[utoipa::path(post, path = "/openid4vci/nonce", operation_id = "openid_nonce", tag = "Wallets of others",
    responses(
        (status = 200, description = "The nonce", body = Object)))]
async fn nonce(State(service): State<Service>) -> Response {
    let nonce = service.blocking(|issuer, now, rng| issuer.openid_nonce(now, rng)).await;
    match nonce {
        Ok(Ok(nonce)) => with_nonce(&service, Json(nonce).into_response()).await,
        _ => refused(ErrorCode::TemporarilyUnavailable, StatusCode::BAD_REQUEST),
    }
}

/// An access token, bound to the key of the DPoP proof.
#[utoipa::path(post, path = "/openid4vci/token", operation_id = "token", tag = "Wallets of others",
    request_body(content = TokenCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = Object),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
async fn token(
    State(service): State<Service>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let outcome = async {
        let parameters = TokenParameters::read(read_form(form)?)?;
        let shown = Shown::read(&headers)?;
        let answer = service.blocking(move |issuer, now, rng| {
            issuer.openid_token(&parameters, &shown.at(Endpoint::Token, None), now, rng)
        });
        Ok(Json(answer.await.map_err(|_| ErrorCode::TemporarilyUnavailable)??).into_response())
    };
    with_nonce(&service, settled(outcome.await)).await
}

/// An authorisation request, pushed.
#[utoipa::path(post, path = "/openid4vci/par", operation_id = "push", tag = "Wallets of others",
    request_body(content = PushCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "Where to go on", body = Object),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
async fn push(
    State(service): State<Service>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let outcome = async {
        let parameters = AuthorizationParameters::read(read_form(form)?)?;
        let shown = Shown::read(&headers)?;
        let answer = service.blocking(move |issuer, now, rng| {
            issuer.openid_push(&parameters, &shown.at(Endpoint::Push, None), now, rng)
        });
        let answer = answer.await.map_err(|_| ErrorCode::TemporarilyUnavailable)??;
        Ok((StatusCode::CREATED, Json(answer)).into_response())
    };
    with_nonce(&service, settled(outcome.await)).await
}

fn read_form(form: Result<Form<Vec<(String, String)>>, FormRejection>) -> Result<Vec<(String, String)>, Refusal> {
    match form {
        Ok(Form(form)) => Ok(form),
        Err(FormRejection::BytesRejection(error)) => Err(Refusal::Http(Box::new(error.into_response()))),
        Err(_) => Err(ErrorCode::InvalidRequest.into()),
    }
}

fn settled(outcome: Result<Response, Refusal>) -> Response {
    match outcome {
        Ok(response) => response,
        Err(Refusal::Http(response)) => *response,
        Err(Refusal::Code(code)) => refused(code, StatusCode::BAD_REQUEST),
    }
}

/// Credentials, one for each key.
#[utoipa::path(post, path = "/openid4vci/credential", operation_id = "openid_credential", tag = "Wallets of others",
    request_body(content = Object),
    responses(
        (status = 200, description = "The credentials, encrypted if the request asked for it", body = Object),
        (status = 202, description = "A clerk has to look: the transaction, and when to ask again", body = Object),
        (status = 403, description = "The token is not for these", body = RefusalBody),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
async fn credential(State(service): State<Service>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let encrypted = is_encrypted(&headers);
    let answer = at_resource(&service, Endpoint::Credential, &uri, &headers, move |issuer, presented, now, rng| {
        let malformed = ErrorCode::InvalidCredentialRequest;
        let request = issuer.openid_open::<CredentialRequest>(&body, encrypted, malformed, now)?;
        let answer = issuer.openid_credential(&request.message, presented, now, rng)?;
        given(&request, &answer, rng)
    });
    let answer = answer.await;
    // The first credential of a type opens a status list, which verifiers need at once.
    service.changed.notify_one();
    answer
}

/// A credential in several formats with one call; the standard has no such endpoint.
#[utoipa::path(post, path = "/openid4vci/twins", operation_id = "twins", tag = "Wallets of others",
    request_body(content = Object),
    responses(
        (status = 200, description = "`credential_responses`, in the order of `credential_requests`", body = Object),
        (status = 403, description = "The token is not for these", body = RefusalBody),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
async fn twins(State(service): State<Service>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let answer = at_resource(&service, Endpoint::Twins, &uri, &headers, move |issuer, presented, now, rng| {
        let request: TwinsRequest = read(&body, MESSAGE_MAX).map_err(|_| ErrorCode::InvalidCredentialRequest)?;
        Ok(Json(issuer.openid_twins(&request, presented, now, rng)?).into_response())
    });
    let answer = answer.await;
    // As at the credential endpoint.
    service.changed.notify_one();
    answer
}

/// Credentials that a clerk had to look at.
#[utoipa::path(post, path = "/openid4vci/deferred", operation_id = "deferred_credential", tag = "Wallets of others",
    request_body(content = Object),
    responses(
        (status = 200, description = "The credentials, encrypted if the request asked for it", body = Object),
        (status = 202, description = "The clerk has not decided yet", body = Object),
        (status = 403, description = "The token is not for these", body = RefusalBody),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
async fn deferred(State(service): State<Service>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let encrypted = is_encrypted(&headers);
    let answer = at_resource(&service, Endpoint::Deferred, &uri, &headers, move |issuer, presented, now, rng| {
        let malformed = ErrorCode::InvalidCredentialRequest;
        let request = issuer.openid_open::<DeferredRequest>(&body, encrypted, malformed, now)?;
        let answer = issuer.openid_deferred(&request.message, presented, now, rng)?;
        given(&request, &answer, rng)
    });
    let answer = answer.await;
    service.changed.notify_one();
    answer
}

fn is_encrypted(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(ENCRYPTED)
}

/// An answer in clear or encrypted: 200 with credentials, 202 without (sections 8.3 and 9.2).
fn given<T>(request: &Opened<T>, answer: &CredentialResponse, rng: &mut super::Random) -> Result<Response, ErrorCode> {
    let status = if answer.transaction_id.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(match request.seal(answer, rng)? {
        Some(token) => (status, [(header::CONTENT_TYPE, ENCRYPTED)], token).into_response(),
        None => (status, Json(answer)).into_response(),
    })
}

/// What became of a credential in the wallet.
#[utoipa::path(post, path = "/openid4vci/notification", operation_id = "notification", tag = "Wallets of others",
    request_body(content = Object),
    responses(
        (status = 204, description = "Noted"),
        (status = 403, description = "The token is not for these", body = RefusalBody),
        (status = 400, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 401, description = "Refused with the code of the standard", body = RefusalBody),
        (status = 413, description = "Too large", body = RefusalBody),
        (status = 415, description = "Not such a body, or compressed", body = RefusalBody)))]
async fn notification(State(service): State<Service>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    at_resource(&service, Endpoint::Notification, &uri, &headers, move |issuer, presented, now, _| {
        let request: NotificationRequest =
            read(&body, MESSAGE_MAX).map_err(|_| ErrorCode::InvalidNotificationRequest)?;
        issuer.openid_notification(&request, presented, now).map(|()| StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Runs a request that needs an access token.
async fn at_resource(
    service: &Service,
    endpoint: Endpoint,
    uri: &Uri,
    headers: &HeaderMap,
    work: impl FnOnce(&crate::Issuer, &Presented<'_>, u64, &mut super::Random) -> Result<Response, ErrorCode>
    + Send
    + 'static,
) -> Response {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let token = match access_token(uri, headers) {
        Ok(token) => token.to_owned(),
        Err(code) => return with_nonce(service, at_resource_refused(code)).await,
    };
    let dpop = match only(headers, &DPOP) {
        Ok(dpop) => dpop.map(str::to_owned),
        Err(()) => return with_nonce(service, at_resource_refused(ErrorCode::InvalidDpopProof)).await,
    };
    let answer = service.blocking(move |issuer, now, rng| {
        let shown = Shown { dpop, attestation: None, possession: None };
        work(issuer, &shown.at(endpoint, Some(&token)), now, rng)
    });
    let answer = answer.await.unwrap_or(Err(ErrorCode::TemporarilyUnavailable));
    with_nonce(service, answer.unwrap_or_else(at_resource_refused)).await
}

/// The access token: in one `Authorization` header, after `DPoP`, and nowhere else (VCI-14).
fn access_token<'a>(uri: &Uri, headers: &'a HeaderMap) -> Result<&'a str, ErrorCode> {
    if uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("access_token"))) {
        return Err(ErrorCode::InvalidRequest);
    }
    let value = only(headers, &header::AUTHORIZATION).map_err(|()| ErrorCode::InvalidRequest)?;
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(ErrorCode::InvalidToken)?;
    if scheme.eq_ignore_ascii_case("dpop") { Ok(token.trim()) } else { Err(ErrorCode::InvalidToken) }
}

/// What a wallet shows in headers.
struct Shown {
    dpop: Option<String>,
    attestation: Option<String>,
    possession: Option<String>,
}

impl Shown {
    /// Reads them at an endpoint of the authorisation server.
    fn read(headers: &HeaderMap) -> Result<Self, ErrorCode> {
        let one = |name, code| only(headers, name).map(|it| it.map(str::to_owned)).map_err(|()| code);
        Ok(Self {
            dpop: one(&DPOP, ErrorCode::InvalidDpopProof)?,
            attestation: one(&ATTESTATION, ErrorCode::InvalidClient)?,
            possession: one(&POSSESSION, ErrorCode::InvalidClient)?,
        })
    }

    fn at<'a>(&'a self, endpoint: Endpoint, token: Option<&'a str>) -> Presented<'a> {
        Presented {
            endpoint,
            token,
            dpop: self.dpop.as_deref(),
            attestation: self.attestation.as_deref(),
            possession: self.possession.as_deref(),
        }
    }
}

/// The one value of a header, if there is any.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// Why a token request got no token.
enum Refusal {
    /// In the words of the standards.
    Code(ErrorCode),
    /// In those of HTTP.
    Http(Box<Response>),
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

fn refused(code: ErrorCode, status: StatusCode) -> Response {
    tracing::info!(code = code.as_str(), "refused");
    let status = match code {
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
        _ => status,
    };
    (status, Json(ErrorBody { error: code.as_str().to_owned() })).into_response()
}

/// RFC 6750, section 3; RFC 9449, section 7.1.
fn at_resource_refused(code: ErrorCode) -> Response {
    let status = match code {
        ErrorCode::InvalidToken | ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => StatusCode::UNAUTHORIZED,
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = refused(code, status);
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let challenge = format!("DPoP algs=\"ES256\", error=\"{}\"", code.as_str());
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}

/// Every answer brings the nonce for the next DPoP proof (RFC 9449, section 8.2).
async fn with_nonce(service: &Service, mut response: Response) -> Response {
    let nonce = service.blocking(|issuer, now, rng| issuer.dpop_nonce(now, rng)).await;
    if let Ok(Ok(nonce)) = nonce
        && let Ok(nonce) = HeaderValue::from_str(&nonce)
    {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}
