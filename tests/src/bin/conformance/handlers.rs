//! What suites call: `../shared/vc-api.md`, over the product's own functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use getrandom::SysRng;
use protocol::credential::w3c::{
    Contexts, DOCUMENT_MAX, Expected, ProofOptions, Suite, W3cError, canonical_statements, check_credential,
    check_presentation, check_proofs, derive_credential, issue_credential, presented, read_json, valid_at,
};
use protocol::identifier::{DidKeys, Purpose};
use rand_core::UnwrapErr;
use serde_json::{Value, json};

use crate::documents::{contexts, related_is_right};
use crate::enveloped;
use crate::identifiers::Identifiers;
use crate::issuers::Issuer;
use crate::status;

/// What all calls share.
pub(crate) struct Adapter {
    pub(crate) issuers: Vec<Issuer>,
    /// Host and port under which suites reach it.
    pub(crate) https: String,
    /// The same without TLS.
    pub(crate) http: String,
    /// A fixed time, for vectors that have expired.
    pub(crate) clock: Option<u64>,
    contexts: Contexts,
    identifiers: Identifiers,
    calls: AtomicU32,
}

type Shared = State<Arc<Adapter>>;

impl Adapter {
    pub(crate) fn new(https: String, http: String, clock: Option<u64>) -> Self {
        let (issuers, identifiers) = (Issuer::all(), Identifiers::new());
        Self { issuers, https, http, clock, contexts: contexts(), identifiers, calls: AtomicU32::new(0) }
    }

    fn now(&self) -> u64 {
        let real = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.clock.unwrap_or_else(real)
    }

    fn issuer(&self, path: &str) -> Result<&Issuer, Refusal> {
        self.issuers.iter().find(|issuer| issuer.path == path).ok_or(Refusal("no such issuer".into()))
    }

    fn rng() -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }

    fn issue(&self, path: &str, body: &[u8]) -> Result<Value, Refusal> {
        let body = read_json(body)?;
        let mut credential = member(&body, "credential")?.clone();
        let issuer = self.issuer(path)?;
        if path == "status" {
            let index = self.calls.fetch_add(1, Ordering::Relaxed) % 131_072;
            credential["credentialStatus"] = status::entry(&self.https, index);
        }
        if !related_is_right(&credential) {
            return Err(Refusal("a related resource has another digest".into()));
        }
        if path == "jwt" {
            check_credential(&credential)?;
            canonical_statements(&credential, &self.contexts)?;
            return enveloped::sealed(&credential, issuer.signer(), &issuer.did.verification_method());
        }
        let pointers = pointers(&body, "mandatoryPointers")?;
        let mandatory = if pointers.is_empty() { vec!["/issuer".to_owned()] } else { pointers };
        let method = issuer.did.verification_method();
        let mut options = ProofOptions::new(issuer.suite, &method, Purpose::AssertionMethod);
        // A date would tell two presentations of a BBS credential together.
        options.created = Some(self.now()).filter(|_| issuer.suite != Suite::Bbs2023);
        options.mandatory = &mandatory;
        Ok(issue_credential(&credential, issuer.key(), &options, &self.contexts, &mut Self::rng())?)
    }

    fn verify(&self, body: &[u8]) -> Result<(), Refusal> {
        let body = read_json(body)?;
        self.credential(member(&body, "verifiableCredential")?, body.get("options"))
    }

    fn credential(&self, credential: &Value, options: Option<&Value>) -> Result<(), Refusal> {
        if enveloped::is_envelope(credential, "EnvelopedVerifiableCredential") {
            let (content, _) = enveloped::opened(credential, "vc", Purpose::AssertionMethod)?;
            check_credential(&content)?;
            return Ok(valid_at(&content, self.now())?);
        }
        check_credential(credential)?;
        self.proofs(credential, Purpose::AssertionMethod, options)?;
        if !related_is_right(credential) {
            return Err(Refusal("a related resource has another digest".into()));
        }
        // Whether the issuer named is who signed is policy: suites post vectors in which it is not.
        Ok(valid_at(credential, self.now())?)
    }

    fn proofs(&self, document: &Value, purpose: Purpose, options: Option<&Value>) -> Result<(), Refusal> {
        let option = |name: &str| options.and_then(|options| options.get(name)).and_then(Value::as_str);
        let expected = Expected {
            contexts: &self.contexts,
            purpose,
            now: self.now(),
            domain: option("domain"),
            challenge: option("challenge"),
        };
        check_proofs(document, &DidKeys, &expected)?;
        Ok(())
    }

    fn verify_presentation(&self, body: &[u8]) -> Result<(), Refusal> {
        let body = read_json(body)?;
        let presentation = member(&body, "verifiablePresentation")?;
        let challenge = body.get("options").and_then(|options| options.get("challenge"));
        let opened;
        let presentation = if enveloped::is_envelope(presentation, "EnvelopedVerifiablePresentation") {
            let (content, claims) = enveloped::opened(presentation, "vp", Purpose::Authentication)?;
            if challenge.is_some() && claims.get("nonce") != challenge {
                return Err(Refusal("the envelope answers another challenge".into()));
            }
            check_presentation(&content)?;
            opened = content;
            &opened
        } else {
            check_presentation(presentation)?;
            self.proofs(presentation, Purpose::Authentication, body.get("options"))?;
            presentation
        };
        presented(presentation).iter().try_for_each(|credential| self.credential(credential, None))
    }

    fn derive(&self, body: &[u8]) -> Result<Value, Refusal> {
        let body = read_json(body)?;
        let pointers = pointers(&body, "selectivePointers")?;
        let base = member(&body, "verifiableCredential")?;
        Ok(derive_credential(base, &pointers, &[], &self.contexts, &mut Self::rng())?)
    }

    fn status_list(&self) -> Result<Value, Refusal> {
        let issuer = self.issuer("status")?;
        let list = status::list(&self.https, &issuer.did.to_text());
        let method = issuer.did.verification_method();
        let options = ProofOptions::new(issuer.suite, &method, Purpose::AssertionMethod);
        Ok(issue_credential(&list, issuer.key(), &options, &self.contexts, &mut Self::rng())?)
    }
}

/// Why a call is refused; suites look at the status only.
pub(crate) struct Refusal(pub(crate) String);

impl From<W3cError> for Refusal {
    fn from(error: W3cError) -> Self {
        Self(format!("{error:?}: {error}"))
    }
}

fn member<'a>(body: &'a Value, name: &str) -> Result<&'a Value, Refusal> {
    body.get(name).filter(|value| value.is_object()).ok_or_else(|| Refusal(format!("`{name}` has to be an object")))
}

fn pointers(body: &Value, name: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal(format!("`{name}` has to be a list of JSON pointers"));
    match body.get("options").and_then(|options| options.get(name)) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refused(Refusal(why): Refusal) -> Response {
    let problem =
        json!({ "type": "https://www.w3.org/TR/vc-data-model#VALIDATION_ERROR", "title": "refused", "detail": why });
    answer(StatusCode::BAD_REQUEST, &json!({ "verified": false, "errors": [problem] }))
}

fn made(outcome: Result<Value, Refusal>) -> Response {
    match outcome {
        Ok(credential) => answer(StatusCode::CREATED, &json!({ "verifiableCredential": credential })),
        Err(refusal) => refused(refusal),
    }
}

fn verified(outcome: Result<(), Refusal>) -> Response {
    match outcome {
        Ok(()) => answer(StatusCode::OK, &json!({ "verified": true, "checks": ["proof"], "errors": [] })),
        Err(refusal) => refused(refusal),
    }
}

/// All endpoints.
pub(crate) fn router(adapter: Arc<Adapter>) -> Router {
    Router::new()
        .route(
            "/{path}/credentials/issue",
            post(|State(adapter): Shared, Path(path): Path<String>, body: Bytes| async move {
                made(adapter.issue(&path, &body))
            }),
        )
        .route(
            "/{path}/credentials/derive",
            post(
                |State(adapter): Shared, Path(_): Path<String>, body: Bytes| async move { made(adapter.derive(&body)) },
            ),
        )
        .route(
            "/credentials/verify",
            post(|State(adapter): Shared, body: Bytes| async move { verified(adapter.verify(&body)) }),
        )
        .route(
            "/presentations/verify",
            post(|State(adapter): Shared, body: Bytes| async move { verified(adapter.verify_presentation(&body)) }),
        )
        .route(
            "/status-lists/1",
            get(|State(adapter): Shared| async move {
                adapter.status_list().map_or_else(refused, |list| answer(StatusCode::OK, &list))
            }),
        )
        .route("/issuers.json", get(|State(adapter): Shared| async move { answer(StatusCode::OK, &issuers(&adapter)) }))
        .route(
            "/1.0/identifiers/{*did}",
            get(|State(adapter): Shared, Path(did): Path<String>, headers: HeaderMap| async move {
                adapter.identifiers.answer(&did, &headers)
            }),
        )
        .layer(DefaultBodyLimit::max(DOCUMENT_MAX))
        .with_state(adapter)
}

/// Who issues, and where the other endpoints are: enough to write a suite's configuration from.
pub(crate) fn issuers(adapter: &Adapter) -> Value {
    let at = |path: &str| format!("https://{}/{path}", adapter.https);
    json!({
        "issuers": adapter.issuers.iter().map(|issuer| issuer.to_json(&adapter.https)).collect::<Vec<_>>(),
        "verifier": at("credentials/verify"),
        "vpVerifier": at("presentations/verify"),
        "vcHolders": [at("bbs/credentials/derive"), at("ecdsa-sd/credentials/derive")],
        "didResolvers": [adapter.identifiers.to_json(&adapter.http)],
    })
}
