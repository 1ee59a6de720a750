//! Asking from app to app, or from a screen to a phone, in our own format (`specs/app-link.md`): a relying party makes a request
//! with one call, its app opens the link, and the answer comes back to the app or is posted here.
//!
//! | request | who | answer |
//! |---|---|---|
//! | `POST /apps/requests` | relying party | 201 `{"id", "link", "qr_png", "expires_at"}` |
//! | `GET /apps/requests/{id}` | page or app | `{"state": "waiting"\|"answered"\|"declined"\|"refused"}`, 404 when it is over |
//! | `POST /apps/requests/{id}/answer` | relying party | `{"link": …}` that its app was opened with; 204 |
//! | `POST /apps/answers/{handle}` | wallet | a sealed answer, or `{"answer", "inbox"}`; 204 |
//! | `POST /apps/requests/{id}/verdict` | relying party | `{"accepted": true, "verdict": …}`, once, with the `inbox` that came along |
//! | `GET /apps/push-key` | page | `{"key": …}`: the key that pushes are signed with, for a browser's inbox |
//!
//! With `push`, an inbox that came with an earlier answer, the request is also pushed to the wallet (`specs/push-relay.md`); the page where
//! the log-in began shows `code`, and the owner types it in the wallet.
//!
//! A second answer is refused (`WrongState`, 409). Nothing is kept but the verdict, until it is read or the request is over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::crypto::jose::{base64url, from_base64url};
use protocol::crypto::keys::Signer;
use protocol::exchange::app_link::{ANSWER_MAX, AppLinkError, AppRequest, Reply, answer_of, is_app_link, open_answer};
use protocol::exchange::qr::Drawing;
use protocol::exchange::{Query, SignedRequest};
use protocol::identifier::Did;
use protocol::json;
use protocol::ledger::state::TrustedState;
use push_message::{PushError, Subscription, match_code};
use rand_core::UnwrapErr;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verifier::ask::{self, AskError};
use verifier::{Asked, Policy, Refusal, Verdict, Verifier};

use crate::push::{Pushes, Sent};
use crate::store::{
    By, ByOwned, EphemeralKey, FirstAnswer, GRACE, Kept, Life, NotInserted, NotKept, Store, Unavailable, Unread, Uses,
    lock,
};
use crate::{Database, handle};

/// Life of a request, in seconds.
const LIFE: u64 = 300;
/// Most requests that are kept at once.
const MOST: usize = 10_000;
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
    /// The database that instances share does not answer.
    #[error("the database does not answer; try again in a moment")]
    StoreUnavailable,
    /// Pushes go to no such push service from here.
    #[error("this verifier does not push to that push service; show a code instead")]
    PushServiceNotAllowed,
    /// The inbox, or what is pushed to it.
    #[error(transparent)]
    Push(#[from] PushError),
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
            Self::TrustUnavailable | Self::TooManyRequests | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
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
    /// An inbox of the person who logs in, from an earlier answer: a `PushSubscription` in JSON. The request is pushed there, too.
    #[serde(default)]
    pub push: Option<Value>,
}

/// What the relying party gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// What became of the push, if there was to be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<Sent>,
    /// The number that the page shows for its own visitor alone, if there was to be a push: the wallet wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What does not change of a request.
struct AppAsked {
    request: SignedRequest,
    key: EphemeralKey,
    digest: [u8; 32],
}

impl Kept for AppAsked {
    const KIND: &'static str = "apps";
    const STATE_STAYS: bool = true;

    fn to_json(&self) -> Value {
        let request = base64url(&self.request.encode());
        json!({ "request": request, "key": self.key.to_json(), "digest": base64url(&self.digest) })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let bytes = |name: &str| from_base64url(value.get(name)?.as_str()?);
        Some(Self {
            request: SignedRequest::decode(&bytes("request")?).ok()?,
            key: EphemeralKey::from_json(value.get("key")?)?,
            digest: bytes("digest")?.try_into().ok()?,
        })
    }
}

impl From<Unavailable> for AppFailure {
    fn from(_: Unavailable) -> Self {
        Self::StoreUnavailable
    }
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
    store: Store<AppAsked>,
    verifier: Mutex<Verifier<Uses>>,
    pushes: Option<Pushes>,
}

impl Apps {
    /// A service at `base_url` for whoever has `token`, that asks `trust` for the newest trust data and `clock` for the time in Unix
    /// seconds. It keeps requests in its memory, or in a database with instances that serve as one. Wallets are called by `pushes`, if at
    /// all.
    pub fn new(
        asker: Asker,
        base_url: &str,
        token: &str,
        database: Option<Database>,
        pushes: Option<Pushes>,
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            asker,
            base_url: base_url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            trust: Box::new(trust),
            clock: Box::new(clock),
            store: Store::new(MOST, database),
            verifier: Mutex::new(Verifier::new(Policy::default(), Uses::default())),
            pushes,
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
            .route("/apps/push-key", get(push_key))
            .layer(DefaultBodyLimit::max(2 * ANSWER_MAX))
            .with_state(self)
    }

    /// Makes a request (J14: never one wider than the registration).
    ///
    /// # Errors
    /// [`AppFailure`]
    pub async fn create(&self, new: NewAppRequest) -> Result<CreatedAppRequest, AppFailure> {
        let now = (self.0.clock)();
        let inbox = new.push.as_ref().map(|it| self.inbox(it)).transpose()?;
        if inbox.is_some() && new.back.is_some() {
            return Err(AppFailure::MalformedCall("back")); // no app on that phone asked
        }
        let (mut created, handle, asked) = self.draft(new, now)?;
        let code = match_code(&asked.digest);
        let until = created.expires_at.saturating_add(GRACE);
        let life = Life { expires_at: until, until, keep: 0 };
        self.0.store.insert(&created.id, &handle, asked, life, None, now).await.map_err(|not| match not {
            NotInserted::Full => AppFailure::TooManyRequests,
            NotInserted::Unavailable => AppFailure::StoreUnavailable,
        })?;
        self.sweep();
        if let Some(inbox) = inbox {
            created.push = Some(self.push(inbox, created.link.clone(), now).await?);
            created.code = Some(code);
        }
        Ok(created)
    }

    /// An inbox that this verifier may push to.
    fn inbox(&self, inbox: &Value) -> Result<Subscription, AppFailure> {
        let inbox = Subscription::from_json(inbox)?;
        let reached = self.0.pushes.as_ref().is_some_and(|it| it.reaches(&inbox));
        if reached { Ok(inbox) } else { Err(AppFailure::PushServiceNotAllowed) }
    }

    async fn push(&self, inbox: Subscription, link: String, now: u64) -> Result<Sent, AppFailure> {
        let service = self.clone();
        let sent = tokio::task::spawn_blocking(move || match &service.0.pushes {
            Some(pushes) => pushes.send(&inbox, &link, LIFE, now),
            None => Ok(Sent::NotAccepted),
        });
        Ok(sent.await.unwrap_or(Ok(Sent::NotAccepted))?)
    }

    fn draft(&self, new: NewAppRequest, now: u64) -> Result<(CreatedAppRequest, String, AppAsked), AppFailure> {
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
        let key = EphemeralKey::generate(&mut rng);
        let public = key.key().public().map_err(|_| AppFailure::MalformedCall("key"))?;
        let wrapped = AppRequest { request: request.clone(), caller: new.caller, reply, key: public };
        let signed = wrapped.sign(&*asker.signer)?;
        let link = signed.link(start);
        let png = || Drawing::new(&link).and_then(|it| it.png()).map(|it| base64url(&it));
        let qr_png = if on_phone { None } else { Some(png().map_err(|_| AppFailure::MalformedCall("wallet"))?) };
        let (expires_at, digest) = (now.saturating_add(LIFE), signed.digest());
        let asked = AppAsked { request, key, digest };
        Ok((CreatedAppRequest { id, link, qr_png, expires_at, push: None, code: None }, handle, asked))
    }

    /// Forgets what is over, every second as long as there is anything, whoever calls until then.
    fn sweep(&self) {
        if !self.0.store.begin_sweeping() {
            return;
        }
        let service = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let Some(service) = service.upgrade() else { return };
                if !service.store.sweep((service.clock)()).await {
                    return;
                }
            }
        });
    }

    /// Takes the sealed answer to a request, and the inbox that came along.
    async fn take(&self, by: By<'_>, answer: Vec<u8>, inbox: Option<Value>) -> Result<(), AppFailure> {
        let now = (self.0.clock)();
        let inbox = inbox.map(|it| self.inbox(&it)).transpose()?;
        let trust = (self.0.trust)().ok_or(AppFailure::TrustUnavailable)?;
        let Some(asked) = self.0.store.open(by, false, now).await? else {
            // ALNK-06 (E20)
            let known = self.0.store.state(by, now).await?;
            return Err(known.map_or(AppFailure::RequestOver, |_| AppFailure::WrongState));
        };
        let service = self.clone();
        let judged = crate::processor::run(move || service.judge(&asked, &answer, inbox.as_ref(), &trust, now));
        match judged.await.map_err(|_| AppFailure::TrustUnavailable)? {
            Ok(Some(answer)) => self.0.store.answer(by, answer, now).await.map_err(|not| match not {
                NotKept::Over => AppFailure::WrongState,
                NotKept::Used(0) => Refusal::NonceReplayed.into(),
                NotKept::Used(_) => Refusal::PseudonymUsed.into(),
                NotKept::Unavailable => AppFailure::StoreUnavailable,
            }),
            Ok(None) => match self.0.store.decline(by).await? {
                true => Ok(()),
                false => Err(AppFailure::WrongState),
            },
            Err(failure) => {
                self.0.store.refused(by).await?;
                Err(failure)
            }
        }
    }

    /// The verdict; none where the owner declined.
    fn judge(
        &self,
        asked: &AppAsked,
        answer: &[u8],
        inbox: Option<&Subscription>,
        trust: &TrustedState,
        now: u64,
    ) -> Result<Option<FirstAnswer>, AppFailure> {
        let Some(presentation) = open_answer(asked.key.key(), &asked.digest, answer)? else { return Ok(None) };
        let request = asked.request.authenticate(trust, now).map_err(AppLinkError::from)?;
        let (verdict, uses): (Verdict, Uses) = {
            let mut verifier = lock(&self.0.verifier);
            let verdict = verifier.check(&Asked::Requested(&request), &presentation, trust, now);
            (verdict?, core::mem::take(verifier.seen_mut()))
        };
        let verdict = serde_json::to_value(&verdict).map_err(|_| AppFailure::TrustUnavailable)?;
        let mut told = json!({ "accepted": true, "verdict": verdict });
        if let Some(inbox) = inbox {
            told["inbox"] = inbox.to_json(); // PUSH-21
        }
        Ok(Some(FirstAnswer { verdict: told, response_code: None, uses }))
    }

    fn authorised(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let given = given.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
        self.0.token.len() >= 32 && Sha256::digest(given) == Sha256::digest(&self.0.token)
    }

    /// Whether or not anybody waits for it still.
    async fn taken(&self, by: ByOwned, answer: Vec<u8>, inbox: Option<Value>) -> Response {
        let service = self.clone();
        match tokio::spawn(async move { service.take(by.by(), answer, inbox).await }).await {
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
    match service.create(new).await {
        Ok(created) => no_store((StatusCode::CREATED, Json(created)).into_response()),
        Err(failure) => refused(&failure),
    }
}

async fn standing(State(service): State<Apps>, Path(id): Path<String>) -> Response {
    let now = (service.0.clock)();
    match service.0.store.state(By::Id(&id), now).await {
        Ok(Some(standing)) => no_store(Json(json!({ "state": standing })).into_response()),
        Ok(None) => refused(&AppFailure::RequestOver),
        Err(error) => refused(&error.into()),
    }
}

async fn handed_in(State(service): State<Apps>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if !service.authorised(&headers) {
        return unauthorised();
    }
    let link = json::read_object(&body, 2 * ANSWER_MAX).ok();
    let link = link.as_ref().and_then(|it| it.get("link")).and_then(|it| it.as_str());
    match link.ok_or(AppFailure::MalformedCall("link")).and_then(|link| Ok(answer_of(link)?)) {
        Ok(answer) => service.taken(ByOwned::Id(id), answer, None).await,
        Err(failure) => refused(&failure),
    }
}

async fn posted(State(service): State<Apps>, Path(handle): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let by = ByOwned::Handle(handle);
    if headers.get(header::CONTENT_TYPE).is_none_or(|it| it != "application/json") {
        return service.taken(by, body.to_vec(), None).await;
    }
    let members = json::read_object(&body, 2 * ANSWER_MAX).unwrap_or_default();
    let answer = members.get("answer").and_then(|it| from_base64url(it.as_str()?));
    match (answer, members.get("inbox")) {
        (Some(answer), Some(inbox)) => service.taken(by, answer, Some(inbox.clone())).await,
        _ => refused(&AppFailure::MalformedCall("answer")),
    }
}

async fn push_key(State(service): State<Apps>) -> Response {
    match service.0.pushes.as_ref().and_then(Pushes::sender_key) {
        Some(key) => no_store(Json(json!({ "key": key })).into_response()),
        None => refused(&AppFailure::PushServiceNotAllowed),
    }
}

async fn verdict(State(service): State<Apps>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !service.authorised(&headers) {
        return unauthorised();
    }
    let now = (service.0.clock)();
    // Read once; that it was answered is still known.
    match service.0.store.read(&id, None, now).await {
        Ok(told) => no_store(Json(told).into_response()),
        Err(Unread::Unknown) => refused(&AppFailure::RequestOver),
        Err(Unread::Undecided(_) | Unread::WrongCode) => refused(&AppFailure::WrongState),
        Err(Unread::Unavailable) => refused(&AppFailure::StoreUnavailable),
    }
}
