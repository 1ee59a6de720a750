//! The HTTP service around a verifier: a presentation in, a verdict or a named refusal out.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /check?type=…&profile=…` | the picture, text or bytes of a presentation | `{"accepted": true, "verdict": {…}}`, or 422 `{"refused": "<Name>", "message": …}` |
//!
//! | `POST /check-all?type=…&profile=…` | a JSON list of at most 64 texts of codes | a list with one such answer each |
//!
//! [`apps`] asks from app to app and from screen to phone in our own format; [`openid4vp`] is the same for wallets of others:
//! requests, answers and verdicts over OpenID4VP.
//!
//! Presentations that arrive while others are being checked are checked together, with one final exponentiation for
//! all of them. Nothing of a presentation is kept but its hash, until it runs out. Time and trust data are handed in.

pub mod apps;
pub mod openid4vp;
mod processor;
mod push;
mod store;
mod together;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query as UrlQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use protocol::error_name;
use protocol::exchange::Query;
use protocol::exchange::qr::{self, Kind, QrError};
use protocol::ledger::state::TrustedState;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use verifier::{Refusal, Verdict};

use crate::together::{Desk, TOGETHER};

pub use push::{Pushes, Sent};
pub use store::{Database, DatabaseError, StoreKey};

/// How many checks run at once.
const CHECKS_AT_ONCE: usize = 16;
/// Largest body: a picture of a code.
const BODY_MAX: usize = 2 * 1024 * 1024;

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// As many checks as there are turns run already.
    #[error("too many checks at once; try again in a moment")]
    Overloaded,
    /// More presentations than are checked together.
    #[error("too many presentations at once; send at most 64")]
    TooMany,
    /// There is no trust data to check with.
    #[error("cannot tell: there is no trust data; try again later")]
    TrustUnavailable,
    /// The trust data does not know the type asked for.
    #[error("the trust data does not know this credential type")]
    UnknownType,
    /// The type has no such ready-made question.
    #[error("this credential type has no such ready-made question")]
    NoSuchProfile,
    /// No presentation could be read.
    #[error(transparent)]
    Unreadable(#[from] QrError),
    /// The presentation is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl CheckError {
    /// The stable name of the innermost reason.
    #[must_use]
    pub fn name(&self) -> String {
        error_name(self)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Overloaded | Self::TrustUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownType | Self::NoSuchProfile => StatusCode::NOT_FOUND,
            Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(_) | Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// What is asked: a ready-made question of a credential type.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    /// The type's id.
    #[serde(rename = "type")]
    pub credential_type: String,
    /// The question's id.
    pub profile: String,
}

/// One verifier, shared by all requests, so that nothing is accepted twice.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    trust: Box<dyn Fn() -> Option<Arc<TrustedState>> + Send + Sync>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    desk: Desk,
    turns: Arc<Semaphore>,
}

impl Service {
    /// A verifier that asks `trust` for the newest trust data and `clock` for the time in Unix seconds.
    pub fn new(
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            trust: Box::new(trust),
            clock: Box::new(clock),
            desk: Desk::new(),
            turns: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
        }))
    }

    /// Checks what was scanned: a PNG, the text of a code, or the bytes of a presentation.
    ///
    /// Reading pictures and checking proofs takes a processor, so it has its own threads.
    ///
    /// # Errors
    /// [`CheckError`]
    pub async fn check(&self, question: Question, scanned: Vec<u8>) -> Result<Verdict, CheckError> {
        let turn = self.0.turns.clone().try_acquire_owned().map_err(|_| CheckError::Overloaded)?;
        let inner = self.0.clone();
        let checked = processor::run(move || {
            let _turn = turn;
            inner.check(&question, scanned)
        });
        checked.await.map_err(|_| CheckError::Overloaded)?
    }

    /// Checks the texts of many codes that answer one question.
    ///
    /// # Errors
    /// [`CheckError`] when none could be checked; [`CheckError::TooMany`] for more than 64.
    pub async fn check_all(
        &self,
        question: Question,
        texts: Vec<String>,
    ) -> Result<Vec<Result<Verdict, CheckError>>, CheckError> {
        if texts.len() > TOGETHER {
            return Err(CheckError::TooMany);
        }
        let turn = self.0.turns.clone().try_acquire_owned().map_err(|_| CheckError::Overloaded)?;
        let inner = self.0.clone();
        let checked = processor::run(move || {
            let _turn = turn;
            inner.check_all(&question, texts)
        });
        checked.await.map_err(|_| CheckError::Overloaded)?
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/check", post(check))
            .route("/check-all", post(check_all))
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .with_state(self)
    }
}

impl Inner {
    fn check(&self, question: &Question, scanned: Vec<u8>) -> Result<Verdict, CheckError> {
        let presentation = qr::message(Kind::Presentation, scanned)?;
        let (trust, query) = self.query(question)?;
        let checked = self.desk.check(query, presentation, &trust, (self.clock)());
        Ok(checked.ok_or(CheckError::Overloaded)??)
    }

    fn check_all(
        &self,
        question: &Question,
        texts: Vec<String>,
    ) -> Result<Vec<Result<Verdict, CheckError>>, CheckError> {
        let (trust, query) = self.query(question)?;
        let read: Vec<_> = texts.iter().map(|text| qr::from_text(Kind::Presentation, text)).collect();
        let readable: Vec<_> = read.iter().flatten().cloned().collect();
        let mut verdicts = self.desk.check_all(&query, &readable, &trust, (self.clock)()).into_iter();
        let each = read.into_iter().map(|read| {
            read?;
            Ok(verdicts.next().ok_or(CheckError::Overloaded)??)
        });
        Ok(each.collect())
    }

    /// The newest trust data and what is asked.
    fn query(&self, question: &Question) -> Result<(Arc<TrustedState>, Query), CheckError> {
        let trust = (self.trust)().ok_or(CheckError::TrustUnavailable)?;
        let credential_type = trust.credential_type(&question.credential_type).ok_or(CheckError::UnknownType)?;
        let profile = credential_type.profile(&question.profile).ok_or(CheckError::NoSuchProfile)?;
        let query = Query::of_profile(credential_type, profile);
        Ok((trust, query))
    }
}

/// Random bytes of the operating system.
fn random<const N: usize>() -> [u8; N] {
    use rand_core::Rng as _;
    let mut bytes = [0; N];
    rand_core::UnwrapErr(getrandom::SysRng).fill_bytes(&mut bytes);
    bytes
}

/// 128 bits as a text that travels in addresses.
fn handle() -> String {
    protocol::crypto::jose::base64url(&random::<16>())
}

async fn check(State(service): State<Service>, UrlQuery(question): UrlQuery<Question>, body: Bytes) -> Response {
    answer(service.check(question, body.to_vec()).await.map(|verdict| told(&Ok(verdict))))
}

async fn check_all(
    State(service): State<Service>,
    UrlQuery(question): UrlQuery<Question>,
    Json(texts): Json<Vec<String>>,
) -> Response {
    let checked = service.check_all(question, texts).await;
    answer(checked.map(|verdicts| verdicts.iter().map(told).collect()))
}

/// One answer.
fn told(checked: &Result<Verdict, CheckError>) -> Value {
    match checked {
        Ok(verdict) => json!({ "accepted": true, "verdict": verdict }),
        Err(error) => json!({ "refused": error.name(), "message": error.to_string() }),
    }
}

fn answer(checked: Result<Value, CheckError>) -> Response {
    let answer = match checked {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let mut answer = (error.status(), Json(told(&Err(error.clone())))).into_response();
            if error.status() == StatusCode::SERVICE_UNAVAILABLE {
                answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            }
            answer
        }
    };
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}
