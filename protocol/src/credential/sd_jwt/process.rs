//! From digests and disclosures to claims (RFC 9901, section 7.1).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::SdJwtError;
use super::disclosure::{Digest, Disclosure, reserved};
use crate::json::DEPTH_MAX;

/// Claims with what was disclosed in its place, and what was not disclosed gone.
pub(super) struct Processed {
    pub(super) claims: Map<String, Value>,
    /// Paths of the claims that were disclosed, as in type metadata.
    pub(super) disclosed: Vec<Vec<Step>>,
}

/// One step into a structure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into the member of an object.
    Member(String),
    /// Into an array.
    Element,
}

impl Step {
    /// The member's name; none for an element.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Member(name) => Some(name),
            Self::Element => None,
        }
    }
}

struct Walk<'a> {
    waiting: BTreeMap<Digest, &'a Disclosure<'a>>,
    seen: BTreeSet<Digest>,
    disclosed: Vec<Vec<Step>>,
}

/// Puts disclosures in the places of their digests.
pub(super) fn process(payload: Map<String, Value>, disclosures: &[Disclosure<'_>]) -> Result<Processed, SdJwtError> {
    let mut payload = payload;
    if payload.remove("_sd_alg").is_some_and(|named| named != "sha-256") {
        return Err(SdJwtError::UnsupportedAlgorithm); // SDJ-05
    }
    let mut walk = Walk { waiting: BTreeMap::new(), seen: BTreeSet::new(), disclosed: Vec::new() };
    for disclosure in disclosures {
        if walk.waiting.insert(disclosure.digest(), disclosure).is_some() {
            return Err(SdJwtError::DuplicateDigest); // SDJ-06
        }
    }
    let claims = walk.object(payload, &mut Vec::new())?;
    if walk.waiting.is_empty() {
        Ok(Processed { claims, disclosed: walk.disclosed })
    } else {
        Err(SdJwtError::DisclosureUnreferenced) // SDJ-06
    }
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: Value, path: &mut Vec<Step>) -> Result<Value, SdJwtError> {
        if path.len() > DEPTH_MAX {
            return Err(SdJwtError::TooDeep);
        }
        match value {
            Value::Object(members) => self.object(members, path).map(Value::Object),
            Value::Array(elements) => self.array(elements, path).map(Value::Array),
            plain => Ok(plain),
        }
    }

    fn object(
        &mut self,
        mut members: Map<String, Value>,
        path: &mut Vec<Step>,
    ) -> Result<Map<String, Value>, SdJwtError> {
        let digests = members.remove("_sd");
        if members.contains_key("_sd_alg") {
            return Err(SdJwtError::UnsupportedAlgorithm); // SDJ-05
        }
        if members.keys().any(|name| reserved(name)) {
            return Err(SdJwtError::MalformedDigests);
        }
        let mut claims = Map::new();
        for (name, value) in members {
            path.push(Step::Member(name.clone()));
            claims.insert(name, self.value(value, path)?);
            path.pop();
        }
        let Some(digests) = digests else { return Ok(claims) };
        for digest in digests.as_array().ok_or(SdJwtError::MalformedDigests)? {
            let Some(disclosure) = self.take(digest)? else { continue };
            // A disclosure of an array element has no place in an object.
            let name = disclosure.name.clone().ok_or(SdJwtError::DisclosureUnreferenced)?;
            path.push(Step::Member(name.clone()));
            self.disclosed.push(path.clone());
            let value = self.value(disclosure.value.clone(), path)?;
            path.pop();
            if claims.insert(name, value).is_some() {
                return Err(SdJwtError::DuplicateClaim); // SDJ-04
            }
        }
        Ok(claims)
    }

    fn array(&mut self, elements: Vec<Value>, path: &mut Vec<Step>) -> Result<Vec<Value>, SdJwtError> {
        let mut list = Vec::new();
        path.push(Step::Element);
        for element in elements {
            let hidden = element.as_object().filter(|members| members.contains_key("..."));
            let Some(placeholder) = hidden else {
                list.push(self.value(element, path)?);
                continue;
            };
            if placeholder.len() != 1 {
                return Err(SdJwtError::MalformedDigests);
            }
            let digest = placeholder.get("...").unwrap_or(&Value::Null);
            // What is not disclosed is gone, not left as a placeholder.
            let Some(disclosure) = self.take(digest)? else { continue };
            if disclosure.name.is_some() {
                return Err(SdJwtError::DisclosureUnreferenced);
            }
            self.disclosed.push(path.clone());
            list.push(self.value(disclosure.value.clone(), path)?);
        }
        path.pop();
        Ok(list)
    }

    /// The disclosure with this digest, once. A digest that occurs twice is refused, even of nothing (SDJ-06).
    fn take(&mut self, digest: &Value) -> Result<Option<&'a Disclosure<'a>>, SdJwtError> {
        let digest = digest.as_str().ok_or(SdJwtError::MalformedDigests)?;
        if !self.seen.insert(digest.to_owned()) {
            return Err(SdJwtError::DuplicateDigest);
        }
        Ok(self.waiting.remove(digest))
    }
}
