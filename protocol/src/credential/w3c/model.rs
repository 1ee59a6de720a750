//! What the data model asks of a credential (VCDM 2.0, section 4; VCDM 1.1 as far as old software still writes it).

use oxrdf::NamedNode;
use serde_json::{Map, Value};

use super::contexts::{CREDENTIALS_V1, CREDENTIALS_V2};
use super::{W3cError, date_time};

/// Which version of the data model a document follows; its first context says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelVersion {
    /// Verifiable Credentials Data Model 1.1.
    V1,
    /// Verifiable Credentials Data Model 2.0.
    V2,
}

/// What is checked of every credential: it may be signed, or its signature looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) version: ModelVersion,
    pub(super) issuer: String,
    pub(super) valid_from: Option<i64>,
    pub(super) valid_until: Option<i64>,
}

type Checked<T> = Result<T, W3cError>;

fn wrong<T>(member: &'static str) -> Checked<T> {
    Err(W3cError::MalformedCredential(member))
}

/// Checks a credential, with or without its proof (VCDM-01…08).
pub(super) fn credential(document: &Value) -> Checked<Outline> {
    let Some(members) = document.as_object() else { return wrong("credential") };
    let version = version(members)?;
    types(members, "VerifiableCredential")?;
    id(members, "id")?;
    // VCDM-04
    let issuer = match members.get("issuer") {
        Some(Value::String(issuer)) => issuer.clone(),
        Some(Value::Object(issuer)) => {
            texts(issuer)?;
            issuer.get("id").and_then(Value::as_str).map_or_else(|| wrong("issuer"), |id| Ok(id.to_owned()))?
        }
        _ => return wrong("issuer"),
    };
    url(&issuer, "issuer")?;
    subjects(members)?;
    texts(members)?;
    // VCDM-05
    described(members, "credentialStatus", false)?;
    described(members, "credentialSchema", true)?;
    for name in ["refreshService", "termsOfUse", "evidence"] {
        described(members, name, false)?;
    }
    related(members)?;
    let (from, until) = match version {
        ModelVersion::V1 => ("issuanceDate", "expirationDate"),
        ModelVersion::V2 => ("validFrom", "validUntil"),
    };
    let (valid_from, valid_until) = (moment(members, from)?, moment(members, until)?);
    // VCDM-06
    match (valid_from, valid_until) {
        (Some(from), Some(until)) if until < from => Err(W3cError::MalformedValidity),
        _ => Ok(Outline { version, issuer, valid_from, valid_until }),
    }
}

/// Checks a presentation without its credentials and proof; says who claims to present (VCDM-08).
pub(super) fn presentation(document: &Value) -> Checked<Option<String>> {
    let Some(members) = document.as_object() else { return wrong("presentation") };
    version(members)?;
    types(members, "VerifiablePresentation")?;
    id(members, "id")?;
    match members.get("holder") {
        None => Ok(None),
        Some(Value::String(holder)) => url(holder, "holder").map(|()| Some(holder.clone())),
        Some(Value::Object(holder)) => {
            let holder = holder.get("id").and_then(Value::as_str).map_or_else(|| wrong("holder"), Ok)?;
            url(holder, "holder").map(|()| Some(holder.to_owned()))
        }
        Some(_) => wrong("holder"),
    }
}

/// VCDM-01: the first context decides.
fn version(members: &Map<String, Value>) -> Checked<ModelVersion> {
    let list = members.get("@context").and_then(Value::as_array);
    match list.and_then(|list| list.first()).and_then(Value::as_str) {
        Some(CREDENTIALS_V2) => Ok(ModelVersion::V2),
        Some(CREDENTIALS_V1) => Ok(ModelVersion::V1),
        // One context alone may stand without a list, in an enveloped credential or by old software.
        None if members.get("@context").and_then(Value::as_str) == Some(CREDENTIALS_V2) => Ok(ModelVersion::V2),
        _ => wrong("@context"),
    }
}

/// VCDM-02
fn types(members: &Map<String, Value>, required: &str) -> Checked<()> {
    let named = match members.get("type") {
        Some(Value::String(one)) => one == required,
        Some(Value::Array(list)) => {
            list.iter().all(Value::is_string) && list.iter().any(|name| name.as_str() == Some(required))
        }
        _ => false,
    };
    if named { Ok(()) } else { wrong("type") }
}

/// VCDM-03: one URL, or none.
fn id(members: &Map<String, Value>, name: &'static str) -> Checked<()> {
    match members.get(name) {
        None => Ok(()),
        Some(Value::String(text)) => url(text, name),
        Some(_) => wrong(name),
    }
}

/// An absolute IRI.
fn url(text: &str, name: &'static str) -> Checked<()> {
    if NamedNode::new(text).is_ok() { Ok(()) } else { wrong(name) }
}

/// VCDM-07: at least one subject, each with something said about it.
fn subjects(members: &Map<String, Value>) -> Checked<()> {
    let Some(value) = members.get("credentialSubject") else { return wrong("credentialSubject") };
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    if list.is_empty() {
        return wrong("credentialSubject");
    }
    for subject in list {
        let Some(subject) = subject.as_object().filter(|subject| !subject.is_empty()) else {
            return wrong("credentialSubject");
        };
        id(subject, "id")?;
    }
    Ok(())
}

/// VCDM-05: objects that say their type, and their id where it is needed.
fn described(members: &Map<String, Value>, name: &'static str, id_needed: bool) -> Checked<()> {
    let Some(value) = members.get(name) else { return Ok(()) };
    for one in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
        let Some(one) = one.as_object() else { return wrong(name) };
        let typed = match one.get("type") {
            Some(Value::String(_)) => true,
            Some(Value::Array(list)) => !list.is_empty() && list.iter().all(Value::is_string),
            _ => false,
        };
        if !typed || id_needed && !one.contains_key("id") {
            return wrong(name);
        }
        match one.get("id") {
            None => {}
            Some(Value::String(text)) => url(text, name)?,
            Some(_) => return wrong(name),
        }
    }
    Ok(())
}

/// VCDM-05: `name` and `description` are text, or text with language and direction, or a list of those.
fn texts(members: &Map<String, Value>) -> Checked<()> {
    for name in ["name", "description"] {
        let Some(value) = members.get(name) else { continue };
        for one in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let fine = match one {
                Value::String(_) => true,
                Value::Object(parts) => {
                    let known = ["@value", "@language", "@direction"];
                    parts.get("@value").is_some_and(Value::is_string)
                        && parts.iter().all(|(part, value)| known.contains(&part.as_str()) && value.is_string())
                }
                _ => false,
            };
            if !fine {
                return wrong(if name == "name" { "name" } else { "description" });
            }
        }
    }
    Ok(())
}

/// VCDM-05: other documents by id and digest, each once.
fn related(members: &Map<String, Value>) -> Checked<()> {
    const NAME: &str = "relatedResource";
    let Some(value) = members.get(NAME) else { return Ok(()) };
    let mut ids = Vec::new();
    for one in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
        let Some(one) = one.as_object() else { return wrong(NAME) };
        let Some(id) = one.get("id").and_then(Value::as_str) else { return wrong(NAME) };
        url(id, NAME)?;
        let digest =
            |name: &str| one.get(name).is_some_and(|digest| digest.as_str().is_some_and(|text| !text.is_empty()));
        if ids.contains(&id) || !(digest("digestSRI") || digest("digestMultibase")) {
            return wrong(NAME);
        }
        ids.push(id);
    }
    Ok(())
}

fn moment(members: &Map<String, Value>, name: &str) -> Checked<Option<i64>> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => date_time::unix_seconds(text).map(Some),
        Some(_) => Err(W3cError::MalformedValidity),
    }
}
