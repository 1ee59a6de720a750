//! Asking from app to app, or from a screen to a phone, in our own format (`specs/app-link.md`): a relying party makes a request
//! with one call, its app opens the link, and the answer comes back to the app or is posted here.
//!
//! | request | who | answer |
//! |---|---|---|
//! | `POST /apps/requests` | relying party | 201 `{"id", "link", "qr_png", "expires_at"}` |
//! | `GET /apps/requests/{id}` | page or app | `{"state": "waiting"\|"answered"\|"declined"\|"refused"}`, 404 when it is over |
//! | `POST /apps/requests/{id}/answer` | relying party | `{"link": …}` that its app was opened with; 204 |
//! | `POST /apps/answers/{handle}` | wallet | a sealed answer; 204 |
//! | `POST /apps/requests/{id}/verdict` | relying party | `{"accepted": true, "verdict": …}`, once |
//!
//! A second answer is refused (`WrongState`, 409). Nothing is kept but the verdict, until it is read or the request is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::base64url;
use protocol::crypto::keys::Signer;
use protocol::exchange::app_link::{ANSWER_MAX, AppLinkError, AppRequest, Reply, answer_of, is_app_link, open_answer};
use protocol::exchange::qr::Drawing;
use protocol::exchange::{Query, SignedRequest};
use protocol::identifier::Did;
use protocol::json;
use protocol::ledger::state::TrustedState;
use rand_core::UnwrapErr;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use verifier::ask::{self, AskError};
use verifier::{Asked, Policy, Refusal, SeenInMemory, Verdict, Verifier};

/// Life of a request, in seconds.
const LIFE: u64 = 300;
/// How long a verdict can be read after its request is over, in seconds.
const GRACE: u64 = 60;
/// Most requests that are kept at once.
const MOST: usize = 10_000;
/// Answers that may be refused before the request is over.
const TRIES: u8 = 5;
/// Longest call, in bytes.
const CALL_MAX: usize = 16 * 1_024;
/// What a link begins with where nothing else is said.
const WALLET: &str = "mid-wallet://answer";

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppFailure {
    /// Not well formed.
    #[error("the call is not well formed ({0}); correct it")]
    MalformedCall(&'static str),
    /// There is no trust data.
    #[error("cannot tell: there is no trust data; try again later")]
    TrustUnavailable,
    /// As many requests wait as are kept.
    #[error("too many requests wait for an answer; try again in a moment")]
    TooManyRequests,
    /// There is no such request, or it is over.
    #[error("there is no such request, or it is over; make a new one")]
    RequestOver,
    /// It was answered, declined or refused already (E20), or is not answered yet.
    #[error("the request is not in a state for that; ask for its state")]
    WrongState,
    /// Wider than the registration, or nothing that could be answered.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The answer's form.
    #[error(transparent)]
    Link(#[from] AppLinkError),
    /// The presentation.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl AppFailure {
    /// The stable name of the innermost reason.
    #[must_use]
    pub fn name(&self) -> String {
        protocol::error_name(self)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::TrustUnavailable | Self::TooManyRequests => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestOver => StatusCode::NOT_FOUND,
            Self::WrongState => StatusCode::CONFLICT,
            Self::Ask(AskError::NotRegistered | AskError::OverAsk(_)) => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// What a relying party asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAppRequest {
    /// The registered purpose.
    pub purpose: String,
    /// The credential type, where a ready-made question of it is asked.
    #[serde(default, rename = "type")]
    pub credential_type: Option<String>,
    /// That question.
    #[serde(default)]
    pub profile: Option<String>,
    /// Or any other question.
    #[serde(default)]
    pub query: Option<Query>,
    /// The relying party's app as the phone's system names it; it alone may hand the link over.
    #[serde(default)]
    pub caller: Option<String>,
    /// What the wallet opens with the answer: a link of that app. Without it the answer is posted to this service.
    #[serde(default)]
    pub back: Option<String>,
    /// What the link begins with: a wallet's own scheme or `https` address.
    #[serde(default)]
    pub wallet: Option<String>,
}

/// What the relying party gets.
#[derive(Debug, Clone, Serialize)]
pub struct CreatedAppRequest {
    /// By this it follows the request. Wallets never see it.
    pub id: String,
    /// What its app opens, or its screen shows.
    pub link: String,
    /// The link as a QR code: a PNG, base64url; none where the link leads back to an app on the same phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_png: Option<String>,
    /// When the request is over, Unix seconds.
    pub expires_at: u64,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Waiting,
    Answered,
    Declined,
    Refused,
}

struct Entry {
    request: SignedRequest,
    key: AgreementKey,
    digest: [u8; 32],
    handle: String,
    standing: Standing,
    verdict: Option<Verdict>,
    tries: u8,
    until: u64,
}

/// Who asks: a registered verifier, and its key on the ledger.
pub struct Asker {
    /// On the ledger.
    pub did: Did,
    /// The fragment of its key.
    pub key: String,
    /// The key.
    pub signer: Box<dyn Signer + Send + Sync>,
}

/// The service.
#[derive(Clone)]
pub struct Apps(Arc<Inner>);

struct Inner {
    asker: Asker,
    base_url: String,
    token: String,
    trust: Box<dyn Fn() -> Option<Arc<TrustedState>> + Send + Sync>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    entries: Mutex<HashMap<String, Entry>>,
    verifier: Mutex<Verifier<SeenInMemory>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Apps {
    /// A service at `base_url` for whoever has `token`, that asks `trust` for the newest trust data and `clock` for the time in Unix
    /// seconds.
    pub fn new(
        asker: Asker,
        base_url: &str,
        token: &str,
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            asker,
            base_url: base_url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            trust: Box::new(trust),
            clock: Box::new(clock),
            entries: Mutex::default(),
            verifier: Mutex::new(Verifier::new(Policy::default(), SeenInMemory::default())),
        }))
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/apps/requests", post(create))
            .route("/apps/requests/{id}", get(standing))
            .route("/apps/requests/{id}/answer", post(handed_in))
            .route("/apps/requests/{id}/verdict", post(verdict))
            .route("/apps/answers/{handle}", post(posted))
            .layer(DefaultBodyLimit::max(2 * ANSWER_MAX))
            .with_state(self)
    }

    /// Makes a request (J14: never one wider than the registration).
    ///
    /// # Errors
    /// [`AppFailure`]
    pub fn create(&self, new: NewAppRequest) -> Result<CreatedAppRequest, AppFailure> {
        let now = (self.0.clock)();
        let trust = (self.0.trust)().ok_or(AppFailure::TrustUnavailable)?;
        let query = query(&new, &trust)?;
        let start = new.wallet.as_deref().unwrap_or(WALLET);
        if !is_app_link(start) {
            return Err(AppFailure::MalformedCall("wallet"));
        }
        let mut rng = UnwrapErr(getrandom::SysRng);
        let asker = &self.0.asker;
        let identity = ask::Identity { did: asker.did.clone(), key: asker.key.clone(), signer: &*asker.signer };
        let request = ask::request(&identity, &new.purpose, query, &trust, now, LIFE, &mut rng)?;
        let (id, handle) = (handle(), handle());
        let posted = format!("{}/apps/answers/{handle}", self.0.base_url);
        let reply = new.back.map_or(Reply::Post(posted), Reply::Open);
        let on_phone = matches!(reply, Reply::Open(_));
        let key = AgreementKey::generate(&mut rng);
        let public = key.public().map_err(|_| AppFailure::MalformedCall("key"))?;
        let wrapped = AppRequest { request: request.clone(), caller: new.caller, reply, key: public };
        let signed = wrapped.sign(&*asker.signer)?;
        let link = signed.link(start);
        let png = || Drawing::new(&link).and_then(|it| it.png()).map(|it| base64url(&it));
        let qr_png = if on_phone { None } else { Some(png().map_err(|_| AppFailure::MalformedCall("wallet"))?) };
        let (expires_at, digest) = (now.saturating_add(LIFE), signed.digest());
        let mut entries = lock(&self.0.entries);
        entries.retain(|_, entry| now < entry.until);
        if entries.len() >= MOST {
            return Err(AppFailure::TooManyRequests);
        }
        let (standing, until) = (Standing::Waiting, expires_at.saturating_add(GRACE));
        let entry = Entry { request, key, digest, handle, standing, verdict: None, tries: 0, until };
        entries.insert(id.clone(), entry);
        Ok(CreatedAppRequest { id, link, qr_png, expires_at })
    }

    /// Takes the sealed answer to a request. Blocks the thread.
    fn take(&self, id: &str, answer: &[u8]) -> Result<(), AppFailure> {
        let now = (self.0.clock)();
        let trust = (self.0.trust)().ok_or(AppFailure::TrustUnavailable)?;
        let (request, key, digest) = {
            let entries = lock(&self.0.entries);
            let entry = entries.get(id).filter(|it| now < it.until).ok_or(AppFailure::RequestOver)?;
            if entry.standing != Standing::Waiting {
                return Err(AppFailure::WrongState); // ALNK-06 (E20)
            }
            (entry.request.clone(), entry.key.clone(), entry.digest)
        };
        let judged = self.judge(&request, &key, &digest, answer, &trust, now);
        let mut entries = lock(&self.0.entries);
        let entry = entries.get_mut(id).ok_or(AppFailure::RequestOver)?;
        if entry.standing != Standing::Waiting {
            return Err(AppFailure::WrongState);
        }
        match judged {
            Ok(Some(verdict)) => {
                entry.standing = Standing::Answered;
                entry.verdict = Some(verdict);
                Ok(())
            }
            Ok(None) => {
                entry.standing = Standing::Declined;
                Ok(())
            }
            Err(failure) => {
                entry.tries = entry.tries.saturating_add(1);
                if entry.tries >= TRIES {
                    entry.standing = Standing::Refused;
                }
                Err(failure)
            }
        }
    }

    fn judge(
        &self,
        request: &SignedRequest,
        key: &AgreementKey,
        digest: &[u8; 32],
        answer: &[u8],
        trust: &TrustedState,
        now: u64,
    ) -> Result<Option<Verdict>, AppFailure> {
        let Some(presentation) = open_answer(key, digest, answer)? else { return Ok(None) };
        let asked = request.authenticate(trust, now).map_err(AppLinkError::from)?;
        Ok(Some(lock(&self.0.verifier).check(&Asked::Requested(&asked), &presentation, trust, now)?))
    }

    fn authorised(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let given = given.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
        self.0.token.len() >= 32 && Sha256::digest(given) == Sha256::digest(&self.0.token)
    }

    async fn taken(&self, id: String, answer: Vec<u8>) -> Response {
        let service = self.clone();
        match tokio::task::spawn_blocking(move || service.take(&id, &answer)).await {
            Ok(Ok(())) => no_store(StatusCode::NO_CONTENT.into_response()),
            Ok(Err(failure)) => refused(&failure),
            Err(_) => refused(&AppFailure::TrustUnavailable),
        }
    }
}

fn query(new: &NewAppRequest, trust: &TrustedState) -> Result<Query, AppFailure> {
    match (&new.query, &new.credential_type, &new.profile) {
        (Some(query), None, None) => Ok(query.clone()),
        (None, Some(id), Some(profile)) => {
            let credential_type = trust.credential_type(id).ok_or(AskError::QueryNotAnswerable)?;
            let profile = credential_type.profile(profile).ok_or(AskError::QueryNotAnswerable)?;
            Ok(Query::of_profile(credential_type, profile))
        }
        _ => Err(AppFailure::MalformedCall("query")),
    }
}

/// 128 bits as a text that travels in addresses.
fn handle() -> String {
    use rand_core::Rng as _;
    let mut bytes = [0; 16];
    UnwrapErr(getrandom::SysRng).fill_bytes(&mut bytes);
    base64url(&bytes)
}

fn refused(failure: &AppFailure) -> Response {
    let status = failure.status();
    let body = json!({ "error": "invalid_request", "error_description": failure.name() });
    let mut answer = (status, Json(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    no_store(answer)
}

fn unauthorised() -> Response {
    let body = json!({ "error": "invalid_token", "error_description": "TokenWrong" });
    no_store((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(body)).into_response())
}

fn no_store(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    answer
}

async fn create(State(service): State<Apps>, headers: HeaderMap, body: Bytes) -> Response {
    if !service.authorised(&headers) {
        return unauthorised();
    }
    let read = json::read(&body, CALL_MAX).ok().and_then(|it| serde_json::from_value(it).ok());
    let Some(new) = read else { return refused(&AppFailure::MalformedCall("body")) };
    match service.create(new) {
        Ok(created) => no_store((StatusCode::CREATED, Json(created)).into_response()),
        Err(failure) => refused(&failure),
    }
}

async fn standing(State(service): State<Apps>, Path(id): Path<String>) -> Response {
    let now = (service.0.clock)();
    let standing = lock(&service.0.entries).get(&id).filter(|it| now < it.until).map(|it| it.standing);
    match standing {
        Some(standing) => no_store(Json(json!({ "state": standing })).into_response()),
        None => refused(&AppFailure::RequestOver),
    }
}

async fn handed_in(State(service): State<Apps>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if !service.authorised(&headers) {
        return unauthorised();
    }
    let link = json::read_object(&body, 2 * ANSWER_MAX).ok();
    let link = link.as_ref().and_then(|it| it.get("link")).and_then(|it| it.as_str());
    match link.ok_or(AppFailure::MalformedCall("link")).and_then(|link| Ok(answer_of(link)?)) {
        Ok(answer) => service.taken(id, answer).await,
        Err(failure) => refused(&failure),
    }
}

async fn posted(State(service): State<Apps>, Path(handle): Path<String>, body: Bytes) -> Response {
    let id = lock(&service.0.entries).iter().find(|(_, entry)| entry.handle == handle).map(|(id, _)| id.clone());
    match id {
        Some(id) => service.taken(id, body.to_vec()).await,
        None => refused(&AppFailure::RequestOver),
    }
}

async fn verdict(State(service): State<Apps>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !service.authorised(&headers) {
        return unauthorised();
    }
    let now = (service.0.clock)();
    let mut entries = lock(&service.0.entries);
    let verdict = match entries.get_mut(&id).filter(|it| now < it.until) {
        None => Err(AppFailure::RequestOver),
        // Read once; that it was answered is still known.
        Some(entry) if entry.standing == Standing::Answered => entry.verdict.take().ok_or(AppFailure::RequestOver),
        Some(_) => Err(AppFailure::WrongState),
    };
    match verdict {
        Ok(verdict) => no_store(Json(json!({ "accepted": true, "verdict": verdict })).into_response()),
        Err(failure) => refused(&failure),
    }
}
