//! The JSON-LD contexts that are known, by their content, and how an undefined term is made visible.
//!
//! JSON-LD drops what a context does not define, so a signature over the statements does not cover it. Every context is
//! therefore read with a guard before it: a default vocabulary under [`UNDEFINED`]. Whatever would have been dropped becomes a
//! statement with that prefix, and the document is refused (WCTX-03).

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::W3cError;
use super::json;
use super::narrowed::{Narrowed, References, references};

/// Where relative references and undefined terms end up. `.invalid` is nobody's (RFC 2606).
pub(super) const UNDEFINED: &str = "https://undefined.invalid/";
/// The first context of every 2.0 document.
pub const CREDENTIALS_V2: &str = "https://www.w3.org/ns/credentials/v2";
/// The first context of every 1.1 document.
pub const CREDENTIALS_V1: &str = "https://www.w3.org/2018/credentials/v1";
/// The type that every credential has, as the contexts of both versions define it.
pub const CREDENTIAL_TYPE: &str = "https://www.w3.org/2018/credentials#VerifiableCredential";
/// What a 1.1 document needs for its proof.
pub const DATA_INTEGRITY_V2: &str = "https://w3id.org/security/data-integrity/v2";

/// URL, content and SHA-256 of the contexts that the product knows (WCTX-01).
const BUNDLED: [(&str, &[u8], &str); 4] = [
    (
        CREDENTIALS_V2,
        include_bytes!("contexts/credentials-v2.jsonld"),
        "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
    ),
    (
        CREDENTIALS_V1,
        include_bytes!("contexts/credentials-v1.jsonld"),
        "ab4ddd9a531758807a79a5b450510d61ae8d147eab966cc9a200c07095b0cdcc",
    ),
    (
        DATA_INTEGRITY_V2,
        include_bytes!("contexts/data-integrity-v2.jsonld"),
        "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
    ),
    (
        "https://w3id.org/security/multikey/v1",
        include_bytes!("contexts/multikey-v1.jsonld"),
        "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
    ),
];

/// A set of contexts by URL, and whether documents may bring definitions of their own.
#[derive(Debug, Clone)]
pub struct Contexts {
    known: Arc<BTreeMap<String, Known>>,
    inline: bool,
}

/// The definitions that types bring with them, by type.
pub(super) type ScopedTypes = BTreeMap<String, Value>;

/// A context that is known by its content.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its guarded value.
    pub(super) context: Value,
    /// What its terms refer to.
    pub(super) references: References,
    /// What it refers to by itself.
    pub(super) own: Vec<String>,
}

impl Contexts {
    /// The contexts of the standards, and no inline ones.
    #[must_use]
    pub fn standard() -> Self {
        static STANDARD: OnceLock<Arc<BTreeMap<String, Known>>> = OnceLock::new();
        let known = STANDARD.get_or_init(|| {
            let guarded =
                BUNDLED.iter().filter_map(|(url, bytes, digest)| Some(((*url).to_owned(), guard(bytes, digest).ok()?)));
            Arc::new(guarded.collect())
        });
        Self { known: Arc::clone(known), inline: false }
    }

    /// One more context, with the SHA-256 its content must have.
    ///
    /// # Errors
    /// [`W3cError::ContextNotAllowed`] when the content is another, or no context; [`W3cError`] of [`super::read_json`]
    pub fn with(mut self, url: &str, content: &[u8], sha256: &str) -> Result<Self, W3cError> {
        let guarded = guard(content, sha256)?;
        Arc::make_mut(&mut self.known).insert(url.to_owned(), guarded);
        Ok(self)
    }

    /// Documents may bring inline contexts, as those of test suites do. Whoever signs such a document decides what its words
    /// mean, so a verifier that reads claims by name has no use for this.
    #[must_use]
    pub fn with_inline(mut self) -> Self {
        self.inline = true;
        self
    }

    /// All, by URL.
    pub(super) fn known(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.known.iter()
    }

    /// The value of `@context` of a document, checked and guarded (WCTX-02, WCTX-03). Types that bring definitions with them
    /// are added to `scoped`; `narrowed` is what the document needs of the contexts.
    pub(super) fn guarded(
        &self,
        context: &Value,
        narrowed: &BTreeMap<String, Narrowed>,
        scoped: &mut ScopedTypes,
    ) -> Result<Vec<Value>, W3cError> {
        let mut list = vec![sentinel()];
        for entry in as_list(context) {
            list.push(match entry {
                // WCTX-02
                Value::String(url) => {
                    let known = narrowed.get(url).ok_or(W3cError::ContextNotAllowed)?;
                    scoped.extend(known.scoped.clone());
                    entry.clone()
                }
                Value::Object(definitions) if self.inline => {
                    let guarded = definitions_guarded(definitions)?;
                    collect_scoped(&guarded, scoped);
                    guarded
                }
                _ => return Err(W3cError::ContextNotAllowed),
            });
        }
        Ok(list)
    }
}

fn sentinel() -> Value {
    json!({ "@vocab": format!("{UNDEFINED}#") })
}

pub(super) fn as_list(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

/// A context file, compared with its digest, and guarded.
fn guard(content: &[u8], digest: &str) -> Result<Known, W3cError> {
    // WCTX-01
    if hex::encode(Sha256::digest(content)) != digest {
        return Err(W3cError::ContextNotAllowed);
    }
    let file = json::read_json(content)?;
    let context = file.get("@context").ok_or(W3cError::ContextNotAllowed)?;
    let mut list = Vec::new();
    for entry in as_list(context) {
        let definitions = entry.as_object().ok_or(W3cError::ContextNotAllowed)?;
        list.push(definitions_guarded(definitions)?);
    }
    let context = Value::Array(list);
    let (references, own) = references(&context);
    Ok(Known { context, references, own })
}

/// Terms whose definition has a context of its own, those within such contexts first, so that outer ones win.
pub(super) fn collect_scoped(definitions: &Value, scoped: &mut ScopedTypes) {
    for (term, definition) in definitions.as_object().into_iter().flatten() {
        if let Some(own) = definition.get("@context") {
            as_list(own).iter().for_each(|inner| collect_scoped(inner, scoped));
            scoped.insert(term.clone(), own.clone());
        }
    }
}

/// Definitions in which nothing takes the guard away again, at any depth.
fn definitions_guarded(definitions: &Map<String, Value>) -> Result<Value, W3cError> {
    // `{"@context": …}` inside a list of contexts means its content.
    if let (Some(inner), 1) = (definitions.get("@context"), definitions.len()) {
        return match inner {
            Value::Object(inner) => definitions_guarded(inner),
            _ => Err(W3cError::ContextNotAllowed),
        };
    }
    let mut guarded = Map::new();
    for (term, definition) in definitions {
        let definition = match (term.as_str(), definition) {
            ("@vocab", Value::Null) => Value::String(format!("{UNDEFINED}#")),
            // WCTX-04: nothing that changes what the same words mean, or that no statement would carry.
            ("@base" | "@import" | "@direction" | "@language", _) => return Err(W3cError::ContextNotAllowed),
            (_, Value::Object(inner)) => {
                let alias = inner.get("@id").and_then(Value::as_str) == Some("@type") && term != "type";
                if alias || inner.contains_key("@direction") || inner.contains_key("@import") {
                    return Err(W3cError::ContextNotAllowed);
                }
                let mut inner = inner.clone();
                if let Some(scoped) = inner.get("@context") {
                    let scoped = scoped_guarded(scoped)?;
                    inner.insert("@context".to_owned(), scoped);
                }
                Value::Object(inner)
            }
            // Types are looked for under `type` and `@type`.
            (term, Value::String(alias)) if alias == "@type" && term != "type" => {
                return Err(W3cError::ContextNotAllowed);
            }
            (_, other) => other.clone(),
        };
        guarded.insert(term.clone(), definition);
    }
    Ok(Value::Object(guarded))
}

/// A context that holds inside one term only. `null` forgets all others, the guard included, so that has to come back.
fn scoped_guarded(scoped: &Value) -> Result<Value, W3cError> {
    let mut list = Vec::new();
    for entry in as_list(scoped) {
        match entry {
            Value::Null => list.extend([Value::Null, sentinel()]),
            Value::Object(definitions) => list.push(definitions_guarded(definitions)?),
            _ => return Err(W3cError::ContextNotAllowed),
        }
    }
    Ok(Value::Array(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wctx_01_contexts_are_what_their_digest_says() {
        assert_eq!(Contexts::standard().known.len(), BUNDLED.len());
        let content = br#"{"@context":{"@vocab":"https://example.org/#"}}"#;
        let digest = hex::encode(Sha256::digest(content));
        assert!(Contexts::standard().with("https://example.org/x", content, &digest).is_ok());
        let changed = br#"{"@context":{"@vocab":"https://example.org/!"}}"#;
        let refused = Contexts::standard().with("https://example.org/x", changed, &digest);
        assert_eq!(refused.err(), Some(W3cError::ContextNotAllowed));
    }

    #[test]
    fn wctx_02_only_known_contexts_and_04_no_change_of_base() {
        let read = |contexts: &Contexts, context: &Value| {
            contexts.guarded(context, &contexts.narrowed(context), &mut ScopedTypes::new())
        };
        let (strict, inline) = (Contexts::standard(), Contexts::standard().with_inline());
        assert!(read(&strict, &json!([CREDENTIALS_V2])).is_ok());
        let mut bad = vec![json!(["https://example.com"]), json!(null), json!([CREDENTIALS_V2, null]), json!([1])];
        for context in [
            json!({ "@base": "x:/" }),
            json!({ "@language": "en" }),
            json!({ "kind": "@type" }),
            json!({ "kind": { "@id": "@type" } }),
            json!({ "a": { "@id": "x:/", "@direction": "rtl" } }),
        ] {
            bad.push(json!([CREDENTIALS_V2, context]));
        }
        for context in &bad {
            assert_eq!(read(&strict, context), Err(W3cError::ContextNotAllowed), "{context}");
            assert_eq!(read(&inline, context), Err(W3cError::ContextNotAllowed), "{context}");
        }
        let own = json!([CREDENTIALS_V2, { "a": "https://example.org/a" }]);
        assert_eq!(read(&strict, &own), Err(W3cError::ContextNotAllowed));
        assert!(read(&inline, &own).is_ok());
    }
}
