//! DID resolution over HTTP: `did:key` and `did:jwk` by themselves, `did:mid` from the trust bundle of a small ledger. What a
//! node adds to that (versions, options) is the ledger node's own interface.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::crypto::keys::{Ed25519SigningKey, Signer as _};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::identifier::{ControllerError, Did, DidError, DidJwk, DidKey};
use protocol::ledger::testkit::TestLedger;
use protocol::ledger::{DidKey as LedgerKey, DidRecord, Purposes, Record, TrustedState};
use serde_json::{Value, json};

const RESULT: &str = "application/did-resolution";
const DEREFERENCED: &str = "application/did-url-dereferencing";
/// The document alone.
const DOCUMENTS: [&str; 3] = ["application/did+json", "application/did+ld+json", "application/did"];
/// When the small ledger was made, Unix seconds.
const MADE: u64 = 1_760_000_000;

/// The DIDs of a small ledger: one in use, one given up.
pub(crate) struct Identifiers {
    state: TrustedState,
    active: Did,
    given_up: Did,
    unknown: Did,
}

/// Why there is no document.
enum Failure {
    GivenUp,
    Error(StatusCode, &'static str),
}

impl Identifiers {
    pub(crate) fn new() -> Self {
        let record = |seed: u8, deactivated: bool| {
            let key = Ed25519SigningKey::from_seed(&[seed; 32]).public_key();
            let did = Did::derive("kr", &key.to_multicodec()).expect("a network's name");
            let key = LedgerKey { fragment: "key-1".into(), key, purposes: Purposes::ALL, from: MADE, until: None };
            DidRecord { did, keys: vec![key], deactivated }
        };
        let (active, given_up) = (record(81, false), record(82, true));
        let mut ledger = TestLedger::new("kr", [80; 32], [79; 32], MADE * 1_000).expect("a network");
        ledger.write(&[Record::Did(active.clone()), Record::Did(given_up.clone())], MADE * 1_000 + 1);
        let state = ledger.trusted_state().expect("a bundle that passes its check");
        Self { state, active: active.did, given_up: given_up.did, unknown: record(83, false).did }
    }

    /// What a suite is told, at `http`.
    pub(crate) fn to_json(&self, http: &str) -> Value {
        let key = DidKey::new(StandardKey::ed25519(&[1; 32]).multikey());
        let jwk = DidJwk::new(StandardKey::ed25519(&[1; 32]).multikey()).expect("a key with a form in JSON");
        let valid = [key.to_text(), jwk.as_str().to_owned(), self.active.to_string()];
        json!({
            "id": "resolver", "endpoint": format!("http://{http}/1.0/identifiers"), "tags": ["did-resolution"],
            "supportedDids": {
                "valid": valid.each_ref().map(|did| json!({ "did": did, "resolutionOptions": {} })),
                "notFound": self.unknown, "deactivated": self.given_up,
                "derefUrls": [{ "didUrl": format!("{}#key-1", self.active), "dereferencingOptions": {} }],
            },
        })
    }

    /// `GET /1.0/identifiers/{identifier}`.
    pub(crate) fn answer(&self, identifier: &str, headers: &HeaderMap) -> Response {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        let wants =
            |kind: &str| accept.split(',').any(|part| part.split(';').next().unwrap_or_default().trim() == kind);
        let alone = DOCUMENTS.into_iter().find(|kind| wants(kind) && !wants(RESULT));
        let any = ["*/*", "application/*", "application/json", "application/ld+json", RESULT, DEREFERENCED];
        if alone.is_none() && !any.into_iter().any(wants) {
            return result(StatusCode::NOT_ACCEPTABLE, &Value::Null, error("REPRESENTATION_NOT_SUPPORTED"), json!({}));
        }
        let (did, rest) = identifier.split_at(identifier.find(['/', '?', '#']).unwrap_or(identifier.len()));
        let found = self.document(did).and_then(|document| part(document, did, rest));
        let dereferencing = wants(DEREFERENCED) || !rest.is_empty();
        match (found, alone) {
            (Ok(content), Some(kind)) => typed(StatusCode::OK, kind, &content),
            (Ok(content), None) if dereferencing => {
                let metadata = json!({ "contentType": DEREFERENCED });
                dereferenced(StatusCode::OK, &content, metadata, json!({}))
            }
            (Ok(document), None) => result(StatusCode::OK, &document, json!({ "contentType": RESULT }), json!({})),
            (Err(Failure::GivenUp), _) => {
                let (metadata, gone) = (json!({ "contentType": RESULT }), json!({ "deactivated": true }));
                result(StatusCode::GONE, &Value::Null, metadata, gone)
            }
            (Err(Failure::Error(status, kind)), _) if wants(DEREFERENCED) => {
                dereferenced(status, &Value::Null, error(kind), json!({}))
            }
            (Err(Failure::Error(status, kind)), _) => result(status, &Value::Null, error(kind), json!({})),
        }
    }

    fn document(&self, did: &str) -> Result<Value, Failure> {
        let invalid = Failure::Error(StatusCode::BAD_REQUEST, "INVALID_DID");
        match DidKey::parse(did) {
            Ok(key) => return Ok(key.to_json()),
            Err(ControllerError::NotResolved) => {}
            Err(_) => return Err(invalid),
        }
        match DidJwk::parse(did) {
            Ok(jwk) => return Ok(jwk.to_json()),
            Err(ControllerError::NotResolved) => {}
            Err(_) => return Err(invalid),
        }
        match did.parse::<Did>() {
            Err(DidError::MalformedDid) => Err(invalid),
            Err(DidError::MethodNotSupported) => {
                Err(Failure::Error(StatusCode::NOT_IMPLEMENTED, "METHOD_NOT_SUPPORTED"))
            }
            Ok(did) => match self.state.did(&did) {
                None => Err(Failure::Error(StatusCode::NOT_FOUND, "NOT_FOUND")),
                Some(record) if record.deactivated => Err(Failure::GivenUp),
                Some(record) => Ok(json!(record.document(MADE + 1))),
            },
        }
    }
}

/// The whole, or the verification method behind `#`.
fn part(document: Value, did: &str, rest: &str) -> Result<Value, Failure> {
    if rest.is_empty() {
        return Ok(document);
    }
    let fragment = rest.strip_prefix('#').ok_or(Failure::Error(StatusCode::NOT_FOUND, "NOT_FOUND"))?;
    let is_named = |method: &&Value| {
        method["id"].as_str().is_some_and(|id| id.strip_prefix(did).unwrap_or(id).strip_prefix('#') == Some(fragment))
    };
    let methods = document["verificationMethod"].as_array().into_iter().flatten();
    methods.into_iter().find(is_named).cloned().ok_or(Failure::Error(StatusCode::NOT_FOUND, "NOT_FOUND"))
}

fn error(kind: &str) -> Value {
    json!({ "error": { "type": format!("https://www.w3.org/ns/did#{kind}") } })
}

fn result(status: StatusCode, document: &Value, resolution: Value, metadata: Value) -> Response {
    let body = json!({
        "didDocument": document, "didResolutionMetadata": resolution, "didDocumentMetadata": metadata,
    });
    typed(status, RESULT, &body)
}

fn dereferenced(status: StatusCode, content: &Value, dereferencing: Value, metadata: Value) -> Response {
    let body = json!({
        "contentStream": content, "dereferencingMetadata": dereferencing, "contentMetadata": metadata,
    });
    typed(status, DEREFERENCED, &body)
}

fn typed(status: StatusCode, kind: &'static str, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}
