//! `GET /1.0/identifiers/{did or DID URL}`: W3C DID Resolution 1.0, HTTP binding (`specs/did-mid.md`).
//!
//! | outcome | status |
//! |---|---|
//! | found | 200 |
//! | not a `did:mid` identifier, not a DID URL, an impossible option | 400 |
//! | no such DID, version, key, path | 404 |
//! | a representation there is none of | 406 |
//! | deactivated | 410, `deactivated` in the metadata |
//! | another method, an unknown option | 501 |
//!
//! The answer is a resolution result, a dereferencing result, or the document or its part alone, as `Accept` says.

mod error;
mod question;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::identifier::DidDocument;
use protocol::ledger::{DidRecord, Record, StateKey};
use serde_json::{Map, Value, json};

use self::error::{Failure, Reason};
use self::question::{DEREFERENCED, Form, Question, RESULT, Wanted};
use super::read::blocking;
use crate::clock;
use crate::history::Version;
use crate::node::Node;

/// Resolve a DID, or dereference a DID URL, as of the last committed block.
#[utoipa::path(
    get,
    path = "/1.0/identifiers/{identifier}",
    operation_id = "resolve",
    tag = "DID resolution",
    params(
        ("identifier" = String, Path, description = "A DID or DID URL of the method `mid`, escaped where it has `?` or `#`",
            example = "did:mid:kr:P2wGvuyk6hGu5LitAyTa8j"),
        ("versionId" = Option<String>, Query, description = "This version of the document", example = "1"),
        ("versionTime" = Option<String>, Query, description = "The version in force at this time, UTC, whole seconds",
            example = "2026-05-04T00:30:00Z"),
        ("service" = Option<String>, Query, description = "Select services by name; a did:mid document has none"),
        ("serviceType" = Option<String>, Query, description = "Select services by type"),
        ("relativeRef" = Option<String>, Query, description = "Relative to a selected service"),
        ("verificationRelationship" = Option<String>, Query, description = "The relationship that the key must stand in"),
        ("expandRelativeUrls" = Option<bool>, Query, description = "All DID URLs are absolute already"),
        ("Accept" = Option<String>, Header, description = "Which form of the answer", example = "application/did-resolution"),
    ),
    responses(
        (status = 200, description = "The result, the document or its part", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"),
            (Value = "application/did"), (Value = "application/did+json"), (Value = "application/did+ld+json"))),
        (status = 400, description = "INVALID_DID, INVALID_DID_URL or INVALID_OPTIONS", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"))),
        (status = 404, description = "NOT_FOUND", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"))),
        (status = 406, description = "REPRESENTATION_NOT_SUPPORTED", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"))),
        (status = 410, description = "The DID was given up for ever", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"))),
        (status = 500, description = "INTERNAL_ERROR, or an error of Controlled Identifiers", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"))),
        (status = 501, description = "METHOD_NOT_SUPPORTED or FEATURE_NOT_SUPPORTED", content(
            (Value = "application/did-resolution"), (Value = "application/did-url-dereferencing"))),
    )
)]
pub(super) async fn resolve(
    State(node): State<Node>,
    Path(identifier): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(form) = question::form(&headers) else {
        return refused(Form::Result, Reason::RepresentationNotSupported);
    };
    let dereferencing = form == Form::Dereferenced;
    let question = match question::read(&identifier, &query.unwrap_or_default(), dereferencing) {
        Ok(question) => question,
        Err(Failure { reason }) => return refused(form, reason),
    };
    let is_part = question.fragment.is_some() || !question.path.is_empty() || question.relationship.is_some();
    let form = if form == Form::Any && is_part { Form::Dereferenced } else { form };
    let versions = {
        let (node, key) = (node.clone(), StateKey::did(&question.did));
        blocking(move || node.versions(&key)).await
    };
    match versions.map_err(|_| Reason::InternalError).and_then(|versions| answer(&node, &question, &versions, form)) {
        Ok(response) => response,
        Err(reason) => refused(form, reason),
    }
}

/// No identifier at all.
pub(super) async fn resolve_nothing() -> Response {
    refused(Form::Result, Reason::InvalidDid)
}

/// A version of a DID record, and when the next one came.
struct Found<'a> {
    record: &'a DidRecord,
    version: &'a Version,
    next: Option<&'a Version>,
}

/// DIDM-09: the version that is asked for.
fn found<'a>(versions: &'a [Version], wanted: Wanted) -> Result<Option<Found<'a>>, Reason> {
    let at = match wanted {
        Wanted::Latest => versions.len().checked_sub(1),
        Wanted::Id(id) => versions.iter().position(|version| version.envelope.version == id),
        Wanted::At(time) => versions.iter().rposition(|version| version.time_ms / 1_000 <= time),
    };
    let Some(at) = at else {
        // What was before this node's history begins, it cannot say; not even whether there was anything.
        let earlier = |first: &Version| match wanted {
            Wanted::Id(id) => id < first.envelope.version,
            Wanted::Latest | Wanted::At(_) => first.is_inherited || first.envelope.version > 1,
        };
        let not_kept = versions.first().is_some_and(earlier);
        return if not_kept { Err(Reason::NotKept) } else { Ok(None) };
    };
    let version = &versions[at];
    let Record::Did(record) = &version.envelope.record else { return Ok(None) };
    Ok(Some(Found { record, version, next: versions.get(at + 1) }))
}

fn answer(node: &Node, question: &Question, versions: &[Version], form: Form) -> Result<Response, Reason> {
    let latest = found(versions, Wanted::Latest)?.ok_or(Reason::NotFound)?;
    if latest.record.deactivated {
        return Ok(given_up(form));
    }
    let found = found(versions, question.version)?.ok_or(Reason::NotFound)?;
    let now = node.latest().time_ms / 1_000;
    // Keys come into force and retire by time: an earlier version shows those of its own time.
    let at = match question.version {
        Wanted::At(time) => time.min(now),
        _ if found.next.is_some() => found.version.time_ms / 1_000,
        _ => now,
    };
    let document = found.record.document(at);
    let metadata = metadata(versions, &found);
    if !question.path.is_empty() {
        return Err(Reason::NotFound);
    }
    let content = match (&question.fragment, &question.relationship) {
        (None, Some(_)) => return Err(Reason::InvalidVerificationMethod),
        (None, None) => None,
        (Some(fragment), relationship) => Some(part(&document, fragment, relationship.as_deref())?),
    };
    let resource = content.unwrap_or_else(|| json!(document));
    let is_document = question.fragment.is_none();
    Ok(match form {
        Form::Any | Form::Result if is_document => resolved(StatusCode::OK, resource, ledger(node), metadata),
        Form::Any | Form::Result | Form::Dereferenced => {
            let content = if is_document { metadata } else { json!({}) };
            dereferenced(StatusCode::OK, resource, json!({ "contentType": DEREFERENCED }), content)
        }
        Form::Alone(media_type) => body(StatusCode::OK, media_type, &resource),
        // The selected services of a document without any.
        Form::Addresses if question.services => return Err(Reason::NotFound),
        Form::Addresses => return Err(Reason::RepresentationNotSupported),
    })
}

/// DIDM-08: the verification method behind `#`.
fn part(document: &DidDocument, fragment: &str, relationship: Option<&str>) -> Result<Value, Reason> {
    let id = format!("{}#{fragment}", document.id);
    let method = document.verification_method.iter().find(|method| method.id == id).ok_or(Reason::NotFound)?;
    if let Some(relationship) = relationship {
        let whole = json!(document);
        let listed = whole.get(relationship).and_then(Value::as_array).is_some_and(|ids| ids.contains(&json!(id)));
        if relationship == "verificationMethod" || !listed {
            return Err(Reason::InvalidRelationship);
        }
    }
    let mut part = Map::new();
    part.insert("@context".into(), json!(document.context));
    if let Value::Object(method) = json!(method) {
        part.extend(method);
    }
    Ok(Value::Object(part))
}

fn metadata(versions: &[Version], found: &Found<'_>) -> Value {
    let time = |version: &Version| clock::rfc3339(version.time_ms / 1_000);
    let mut metadata = Map::new();
    if let Some(first) = versions.first().filter(|first| first.envelope.version == 1 && !first.is_inherited) {
        metadata.insert("created".into(), json!(time(first)));
    }
    if found.version.envelope.version > 1 && !found.version.is_inherited {
        metadata.insert("updated".into(), json!(time(found.version)));
    }
    metadata.insert("versionId".into(), json!(found.version.envelope.version.to_string()));
    if let Some(next) = found.next {
        metadata.insert("nextUpdate".into(), json!(time(next)));
        metadata.insert("nextVersionId".into(), json!(next.envelope.version.to_string()));
    }
    Value::Object(metadata)
}

/// As of what the answer was given.
fn ledger(node: &Node) -> Value {
    let freshness = node.freshness();
    json!({
        "contentType": RESULT,
        "ledger": { "height": freshness.height, "time": clock::rfc3339(freshness.time_ms / 1_000), "stale": freshness.stale },
    })
}

fn given_up(form: Form) -> Response {
    let deactivated = json!({ "deactivated": true });
    match form {
        Form::Dereferenced => {
            dereferenced(StatusCode::GONE, Value::Null, json!({ "contentType": DEREFERENCED }), deactivated)
        }
        _ => resolved(StatusCode::GONE, Value::Null, json!({ "contentType": RESULT }), deactivated),
    }
}

fn refused(form: Form, reason: Reason) -> Response {
    let problem = reason.problem();
    match form {
        Form::Dereferenced => dereferenced(
            reason.status(),
            Value::Null,
            json!({ "contentType": DEREFERENCED, "error": problem }),
            json!({}),
        ),
        _ => resolved(reason.status(), Value::Null, json!({ "contentType": RESULT, "error": problem }), json!({})),
    }
}

fn resolved(status: StatusCode, document: Value, resolution: Value, metadata: Value) -> Response {
    let result = json!({
        "didDocument": document,
        "didResolutionMetadata": resolution,
        "didDocumentMetadata": metadata,
    });
    body(status, RESULT, &result)
}

fn dereferenced(status: StatusCode, content: Value, dereferencing: Value, metadata: Value) -> Response {
    let result = json!({
        "contentStream": content,
        "dereferencingMetadata": dereferencing,
        "contentMetadata": metadata,
    });
    body(status, DEREFERENCED, &result)
}

fn body(status: StatusCode, media_type: &'static str, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    (status, headers, body.to_string()).into_response()
}
