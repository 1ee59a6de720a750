//! What operators ask, from the same machine and with the token in `admin.token`:
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/admin/offers` | [`OfferRequest`] | [`OfferAnswer`] |
//! | `POST /v1/admin/revocations` | [`RevocationRequest`] | `{"outcome": "revoked"}` or `"already-revoked"` |
//! | `DELETE /v1/admin/revocations` | – | 409 `illegal_transition`, always |
//! | `POST /v1/admin/suspensions` | [`SuspensionRequest`] | `{"outcome": "suspended"}` or `"already-suspended"` |
//! | `POST /v1/admin/reinstatements` | [`SuspensionRequest`] | `{"outcome": "reinstated"}` or `"not-suspended"` |
//! | `GET /v1/admin/reviews` | – | what waits for a clerk, `[`[`ReviewAnswer`]`]` |
//! | `POST /v1/admin/reviews` | [`DecisionRequest`] | `{"outcome": "approved"}` or `"refused"` |
//! | `POST /v1/admin/register-events` | [`RegisterEventRequest`] | `{"withdrawn": ["kr.go.police.zk-identity.1"]}` |
//! | `POST /v1/admin/epochs` | [`EpochRequest`] | `{"epoch": 7}` |

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::credential::Day;
use protocol::error_name;
use protocol::exchange::IssuanceRefusal;
use protocol::exchange::openid4vci::Offer;
use rand_core::CryptoRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::openapi::Refusal;
use super::{Service, failure, named};
use crate::error::IssuerError;
use crate::event::RegisterEvent;
use crate::issuer::Issuer;
use crate::keys::{KeyStoreError, refuse_open_permissions, write_secret};
use crate::offer::OfferTerms;
use crate::openid4vci::Review;
use crate::register::{PersonId, RegisterError};
use crate::suspend::Suspension;
use crate::withdraw::{RevocationReason, Withdrawal};

/// The secret that operators' requests carry as a bearer token: 32 random bytes in hexadecimal.
#[derive(Clone)]
pub struct AdminToken(Arc<Zeroizing<String>>);

impl AdminToken {
    /// The token in the issuer's directory `dir`, made when there is none.
    ///
    /// # Errors
    /// [`IssuerError::FileUnavailable`]; [`KeyStoreError::PermissionsTooOpen`] when others may read the file.
    pub fn load<R: CryptoRng + ?Sized>(dir: &Path, rng: &mut R) -> Result<Self, IssuerError> {
        let path = dir.join("admin.token");
        if !path.exists() {
            let mut secret = Zeroizing::new([0u8; 32]);
            rng.fill_bytes(secret.as_mut());
            let text = Zeroizing::new(hex::encode(secret.as_ref()));
            write_secret(&path, text.as_bytes()).map_err(|_| IssuerError::FileUnavailable)?;
        }
        refuse_open_permissions(&path)?;
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(|_| IssuerError::FileUnavailable)?);
        let token = text.trim();
        if token.len() == 64 {
            Ok(Self(Arc::new(Zeroizing::new(token.to_owned()))))
        } else {
            Err(KeyStoreError::KeyMalformed.into())
        }
    }

    /// The token, for a client on the same machine.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AdminToken([redacted])")
    }
}

/// Whom a request is about.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Whom {
    /// By the register's id.
    Id {
        /// The id.
        person: String,
    },
    /// By name and date of birth; refused when several people match.
    NameAndBirthDate {
        /// Korean or English, as the register has it.
        name: String,
        /// Date of birth.
        #[schema(value_type = String, format = Date)]
        birth_date: Day,
    },
}

/// An offer to make.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "person": "person-0001", "credential_types": ["kr.go.police.driver-licence.1"], "with_tx_code": true, "life": 600
}))]
pub struct OfferRequest {
    /// For whom.
    #[serde(flatten)]
    pub whom: Whom,
    /// Ids of credential types.
    pub credential_types: Vec<String>,
    /// Whether a code is told separately.
    #[serde(default)]
    pub with_tx_code: bool,
    /// Whether active credentials are replaced.
    #[serde(default)]
    pub replaces: bool,
    /// Whether a clerk looks before anything is issued.
    #[serde(default)]
    pub review: bool,
    /// Seconds.
    pub life: u64,
}

/// A made offer.
#[derive(Serialize, ToSchema)]
pub struct OfferAnswer {
    /// The encoded offer in hexadecimal.
    pub offer: String,
    /// Six digits, if asked for.
    pub tx_code: Option<String>,
    /// The link for wallets of others, `openid-credential-offer://…`, when any type has a format they know.
    pub openid_offer: Option<String>,
    /// The same by reference, short enough for a small QR code.
    pub openid_offer_reference: Option<String>,
}

/// What to withdraw.
#[derive(Deserialize, ToSchema)]
pub struct RevocationRequest {
    /// Whose.
    #[serde(flatten)]
    pub whom: Whom,
    /// Id of the credential type.
    pub credential_type: String,
    /// Why.
    #[schema(value_type = String)]
    pub reason: RevocationReason,
}

/// What to suspend, or to reinstate.
#[derive(Deserialize, ToSchema)]
pub struct SuspensionRequest {
    /// Whose.
    #[serde(flatten)]
    pub whom: Whom,
    /// Id of the credential type; everything the person holds where there is none, and known at once: epochs are opened for it.
    #[serde(default)]
    pub credential_type: Option<String>,
}

/// What happened to an entry of the register.
#[derive(Deserialize, ToSchema)]
pub struct RegisterEventRequest {
    /// Whose.
    #[serde(flatten)]
    pub whom: Whom,
    /// Names of attributes that have other values now.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Whether the person has died.
    #[serde(default)]
    pub deceased: bool,
}

/// What was withdrawn after an event.
#[derive(Serialize, ToSchema)]
struct Withdrawn {
    /// Ids of the credential types, for which a new offer can be made.
    withdrawn: Vec<String>,
}

/// What waits for a clerk.
#[derive(Serialize, ToSchema)]
pub struct ReviewAnswer {
    /// Its name, for the decision.
    pub review: String,
    /// The register's id of the person.
    pub person: String,
    /// Ids of credential types.
    pub credential_types: Vec<String>,
}

/// What a clerk decides.
#[derive(Deserialize, ToSchema)]
pub struct DecisionRequest {
    /// What about.
    pub review: String,
    /// Whether credentials are issued; there is no way back.
    pub approve: bool,
}

/// Which type's epoch to advance.
#[derive(Deserialize, ToSchema)]
pub struct EpochRequest {
    /// Id of the credential type.
    pub credential_type: String,
}

/// What came of a change of status.
#[derive(Serialize, ToSchema)]
struct OutcomeAnswer {
    /// E.g. `revoked` or `already-revoked`.
    outcome: &'static str,
}

/// An epoch that begins.
#[derive(Serialize, ToSchema)]
struct EpochOpened {
    /// Its number.
    epoch: u32,
}

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(offers))
        .routes(routes!(revocations, no_way_back))
        .routes(routes!(suspensions))
        .routes(routes!(reinstatements))
        .routes(routes!(reviews, decide))
        .routes(routes!(register_events))
        .routes(routes!(epochs))
}

/// Lets requests through that come from this machine and carry the token.
pub(super) async fn only_operators(State(service): State<Service>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if !peer.is_some_and(|ConnectInfo(address)| address.ip().is_loopback()) {
        return named(StatusCode::FORBIDDEN, &"loopback_only");
    }
    let given =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if !given.is_some_and(|given| given.ct_eq(service.admin_token.expose().as_bytes()).into()) {
        return named(StatusCode::UNAUTHORIZED, &"invalid_token");
    }
    next.run(request).await
}

/// Make an offer to a person of the register.
#[utoipa::path(post, path = "/v1/admin/offers", operation_id = "make_offer", tag = "Operators",
    security(("token" = [])),
    request_body = OfferRequest,
    responses(
        (status = 200, description = "The offer", body = OfferAnswer),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "No such person, type or credential", body = Refusal),
        (status = 409, description = "There is one already, or there is no such way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn offers(State(service): State<Service>, body: Bytes) -> Response {
    let Some(request) = read::<OfferRequest>(&body) else { return failure(IssuanceRefusal::InvalidRequest) };
    let made = service.blocking(move |issuer, now, rng| {
        let person = find(issuer, request.whom)?;
        let terms = OfferTerms {
            credential_types: request.credential_types,
            with_tx_code: request.with_tx_code,
            replaces: request.replaces,
            review: request.review,
            life: request.life,
        };
        let made = issuer.offer(&person, &terms, now, rng)?;
        let openid = issuer.openid_offer(&made);
        Ok(OfferAnswer {
            offer: hex::encode(made.offer.encode()),
            openid_offer_reference: openid.as_ref().map(|_| Offer::reference(&issuer.openid_offer_address(&made))),
            openid_offer: openid.map(|offer| offer.to_uri()),
            tx_code: made.tx_code.map(|code| code.to_string()),
        })
    });
    answer("offer", made.await)
}

/// Withdraw a credential, for good.
#[utoipa::path(post, path = "/v1/admin/revocations", operation_id = "revoke", tag = "Operators",
    security(("token" = [])),
    request_body = RevocationRequest,
    responses(
        (status = 200, description = "Withdrawn, now or before", body = OutcomeAnswer),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "No such person, type or credential", body = Refusal),
        (status = 409, description = "There is one already, or there is no such way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn revocations(State(service): State<Service>, body: Bytes) -> Response {
    let Some(request) = read::<RevocationRequest>(&body) else { return failure(IssuanceRefusal::InvalidRequest) };
    let revoked = service.blocking(move |issuer, now, _| {
        let person = find(issuer, request.whom)?;
        issuer.revoke(&person, &request.credential_type, request.reason, now)
    });
    let outcome = revoked.await.map(|revoked| {
        revoked.map(|withdrawal| match withdrawal {
            Withdrawal::Revoked => OutcomeAnswer { outcome: "revoked" },
            Withdrawal::AlreadyRevoked => OutcomeAnswer { outcome: "already-revoked" },
        })
    });
    service.changed.notify_one();
    answer("revocation", outcome)
}

/// Suspend a credential.
#[utoipa::path(post, path = "/v1/admin/suspensions", operation_id = "suspend", tag = "Operators",
    security(("token" = [])),
    request_body = SuspensionRequest,
    responses(
        (status = 200, description = "Done, now or before", body = OutcomeAnswer),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "No such person, type or credential", body = Refusal),
        (status = 409, description = "There is no such way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn suspensions(service: State<Service>, body: Bytes) -> Response {
    let outcome = [(Suspension::Changed, "suspended"), (Suspension::Unchanged, "already-suspended")];
    change(service, &body, "suspension", (Issuer::suspend, Issuer::suspend_all), outcome).await
}

/// Reinstate a suspended credential.
#[utoipa::path(post, path = "/v1/admin/reinstatements", operation_id = "reinstate", tag = "Operators",
    security(("token" = [])),
    request_body = SuspensionRequest,
    responses(
        (status = 200, description = "Done, now or before", body = OutcomeAnswer),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "No such person, type or credential", body = Refusal),
        (status = 409, description = "There is no such way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn reinstatements(service: State<Service>, body: Bytes) -> Response {
    let outcome = [(Suspension::Changed, "reinstated"), (Suspension::Unchanged, "not-suspended")];
    change(service, &body, "reinstatement", (Issuer::reinstate, Issuer::reinstate_all), outcome).await
}

/// Changes the standing of one credential of a person.
type OfOne = fn(&Issuer, &PersonId, &str, u64) -> Result<Suspension, IssuerError>;
/// Changes that of all, and says of which types.
type OfAll = fn(&Issuer, &PersonId, u64) -> Result<Vec<String>, IssuerError>;

async fn change(
    State(service): State<Service>,
    body: &[u8],
    what: &'static str,
    (one, all): (OfOne, OfAll),
    names: [(Suspension, &'static str); 2],
) -> Response {
    let Some(request) = read::<SuspensionRequest>(body) else { return failure(IssuanceRefusal::InvalidRequest) };
    let changed = service.blocking(move |issuer, now, _| {
        let person = find(issuer, request.whom)?;
        match &request.credential_type {
            Some(credential_type) => one(issuer, &person, credential_type, now),
            None => {
                let types = all(issuer, &person, now)?;
                issuer.advance_epochs(&types, now)?;
                Ok(if types.is_empty() { Suspension::Unchanged } else { Suspension::Changed })
            }
        }
    });
    let outcome = changed.await.map(|changed| {
        changed.map(|outcome| {
            let name = names.iter().find(|(of, _)| *of == outcome).map(|(_, name)| *name);
            OutcomeAnswer { outcome: name.unwrap_or_default() }
        })
    });
    service.changed.notify_one();
    answer(what, outcome)
}

/// List what waits for a clerk.
#[utoipa::path(get, path = "/v1/admin/reviews", operation_id = "reviews", tag = "Operators",
    security(("token" = [])),
    responses(
        (status = 200, description = "Whoever asked first comes first", body = Vec<ReviewAnswer>),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal)))]
async fn reviews(State(service): State<Service>) -> Response {
    let waiting = service.blocking(|issuer, now, _| issuer.reviews(now)).await;
    let told = |review: Review| ReviewAnswer {
        review: review.id,
        person: review.person.as_str().to_owned(),
        credential_types: review.credential_types,
    };
    answer("reviews", waiting.map(|waiting| waiting.map(|all| all.into_iter().map(told).collect::<Vec<_>>())))
}

/// Approve or refuse what waits.
#[utoipa::path(post, path = "/v1/admin/reviews", operation_id = "decide", tag = "Operators",
    security(("token" = [])),
    request_body = DecisionRequest,
    responses(
        (status = 200, description = "Noted", body = OutcomeAnswer),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "Nothing of that name waits", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn decide(State(service): State<Service>, body: Bytes) -> Response {
    let Some(request) = read::<DecisionRequest>(&body) else { return failure(IssuanceRefusal::InvalidRequest) };
    let outcome = if request.approve { "approved" } else { "refused" };
    let decided = service.blocking(move |issuer, now, _| issuer.review(&request.review, request.approve, now)).await;
    answer("review", decided.map(|decided| decided.map(|()| OutcomeAnswer { outcome })))
}

/// There is no way back.
#[utoipa::path(delete, path = "/v1/admin/revocations", operation_id = "never_unrevoke", tag = "Operators",
    security(("token" = [])),
    responses(
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 409, description = "Always: what is withdrawn stays so", body = Refusal)))]
async fn no_way_back() -> Response {
    named(StatusCode::CONFLICT, &"illegal_transition")
}

/// Withdraw what is no longer true after an event of the register.
#[utoipa::path(post, path = "/v1/admin/register-events", operation_id = "register_event", tag = "Operators",
    security(("token" = [])),
    request_body = RegisterEventRequest,
    responses(
        (status = 200, description = "What was withdrawn now", body = Withdrawn),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "No such person", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn register_events(State(service): State<Service>, body: Bytes) -> Response {
    let Some(request) = read::<RegisterEventRequest>(&body) else { return failure(IssuanceRefusal::InvalidRequest) };
    let event = match (request.changed.is_empty(), request.deceased) {
        (false, false) => RegisterEvent::Changed(request.changed),
        (true, true) => RegisterEvent::Deceased,
        _ => return failure(IssuanceRefusal::InvalidRequest),
    };
    let withdrawn = service.blocking(move |issuer, now, _| {
        let person = find(issuer, request.whom)?;
        let types = issuer.register_event(&person, &event, now)?;
        issuer.advance_epochs(&types, now)?;
        Ok(types)
    });
    let withdrawn = withdrawn.await;
    service.changed.notify_one();
    answer("register event", withdrawn.map(|types| types.map(|withdrawn| Withdrawn { withdrawn })))
}

/// Open the next epoch of status tokens.
#[utoipa::path(post, path = "/v1/admin/epochs", operation_id = "advance_epoch", tag = "Operators",
    security(("token" = [])),
    request_body = EpochRequest,
    responses(
        (status = 200, description = "The epoch that begins", body = EpochOpened),
        (status = 400, description = "Not well formed, or refused by its name", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Not from this machine", body = Refusal),
        (status = 404, description = "No such person, type or credential", body = Refusal),
        (status = 409, description = "There is one already, or there is no such way", body = Refusal),
        (status = 413, description = "Too large", body = Refusal)))]
async fn epochs(State(service): State<Service>, body: Bytes) -> Response {
    let Some(request) = read::<EpochRequest>(&body) else { return failure(IssuanceRefusal::InvalidRequest) };
    let epoch = service.blocking(move |issuer, now, _| issuer.advance_epoch(&request.credential_type, now)).await;
    service.changed.notify_one();
    answer("epoch", epoch.map(|epoch| epoch.map(|epoch| EpochOpened { epoch })))
}

/// Reads a JSON body. The parser's message would quote it, so it is dropped.
fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn find(issuer: &Issuer, whom: Whom) -> Result<PersonId, IssuerError> {
    match whom {
        Whom::Id { person } => Ok(PersonId::new(person)),
        Whom::NameAndBirthDate { name, birth_date } => {
            let mut found = issuer.register().find(&name, birth_date)?;
            match (found.pop(), found.is_empty()) {
                (Some(only), true) => Ok(only),
                _ => Err(RegisterError::SeveralPeople.into()),
            }
        }
    }
}

fn answer<T: Serialize>(what: &'static str, result: Result<Result<T, IssuerError>, IssuanceRefusal>) -> Response {
    match result {
        Ok(Ok(value)) => {
            tracing::info!(what, "done");
            Json(value).into_response()
        }
        Ok(Err(error)) => {
            tracing::info!(what, error = %error, "refused");
            let status = match &error {
                IssuerError::CredentialUnknown
                | IssuerError::ReviewUnknown
                | IssuerError::CredentialTypeUnknown
                | IssuerError::Register(RegisterError::PersonUnknown) => StatusCode::NOT_FOUND,
                IssuerError::AlreadyActive | IssuerError::CredentialRevoked | IssuerError::CredentialSuspended => {
                    StatusCode::CONFLICT
                }
                IssuerError::StorageUnavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            named(status, &error_name(&error))
        }
        Err(refusal) => failure(refusal),
    }
}
