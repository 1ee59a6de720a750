//! Contexts as far as one document depends on them: what a term means is decided by its own definition and those that it
//! refers to, so the others need not be read. Contexts define hundreds of terms, a document uses a dozen.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use super::contexts::{Contexts, Known, ScopedTypes, as_list, collect_scoped};

/// For each term of a context, at any depth, the names that its definitions refer to.
pub(super) type References = HashMap<String, Vec<String>>;

/// A known context without what the document does not need.
#[derive(Debug)]
pub(super) struct Narrowed {
    /// A document with the context.
    pub(super) content: Vec<u8>,
    /// Definitions that types bring with them.
    pub(super) scoped: ScopedTypes,
}

/// The names that a context's definitions refer to, and those that it refers to by itself (`@vocab`).
pub(super) fn references(context: &Value) -> (References, Vec<String>) {
    let (mut of_terms, mut own) = (References::new(), HashSet::new());
    collect_references(context, &mut of_terms, &mut own);
    (of_terms, own.into_iter().map(str::to_owned).collect())
}

fn collect_references<'a>(context: &'a Value, of_terms: &mut References, own: &mut HashSet<&'a str>) {
    for (term, definition) in as_list(context).iter().filter_map(Value::as_object).flatten() {
        if term.starts_with('@') {
            names_in(definition, own);
            continue;
        }
        let mut found = HashSet::new();
        // A term of the form `prefix:name` may mean what its prefix says.
        names_of(term, &mut found);
        match definition {
            Value::Object(members) => {
                for (member, value) in members {
                    match member.as_str() {
                        "@context" => collect_references(value, of_terms, own),
                        _ => names_in(value, &mut found),
                    }
                }
            }
            other => names_in(other, &mut found),
        }
        of_terms.entry(term.clone()).or_default().extend(found.into_iter().map(str::to_owned));
    }
}

/// All strings, names of members included, and what stands before their first colon.
fn names_in<'a>(value: &'a Value, names: &mut HashSet<&'a str>) {
    match value {
        Value::String(text) => names_of(text, names),
        Value::Array(elements) => elements.iter().for_each(|element| names_in(element, names)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            names_of(name, names);
            names_in(value, names);
        }),
        _ => {}
    }
}

fn names_of<'a>(text: &'a str, names: &mut HashSet<&'a str>) {
    names.insert(text);
    names.extend(text.split_once(':').map(|(prefix, _)| prefix));
}

impl Contexts {
    /// The contexts that `document` names, with the definitions that can matter to it: those of every string in it, and those
    /// that they refer to. Terms that two of the contexts define are kept, so that a contradiction shows.
    pub(super) fn narrowed(&self, document: &Value) -> BTreeMap<String, Narrowed> {
        let mut names = HashSet::new();
        names_in(document, &mut names);
        let used: Vec<(&String, &Known)> = self.known().filter(|(url, _)| names.contains(url.as_str())).collect();
        let mut defined = HashSet::new();
        for (_, known) in &used {
            names.extend(known.own.iter().map(String::as_str));
            names.extend(known.references.keys().map(String::as_str).filter(|term| !defined.insert(*term)));
        }
        let mut waiting: Vec<&str> = names.iter().copied().collect();
        while let Some(name) = waiting.pop() {
            let referred = used.iter().filter_map(|(_, known)| known.references.get(name)).flatten();
            waiting.extend(referred.map(String::as_str).filter(|other| names.insert(other)));
        }
        let narrow = |(url, known): (&String, &Known)| {
            let context = narrow(&known.context, &names);
            let mut scoped = ScopedTypes::new();
            as_list(&context).iter().for_each(|definitions| collect_scoped(definitions, &mut scoped));
            let content = Value::Object(Map::from_iter([("@context".to_owned(), context)])).to_string().into_bytes();
            (url.clone(), Narrowed { content, scoped })
        };
        used.into_iter().map(narrow).collect()
    }
}

/// The definitions of these names, at any depth.
fn narrow(context: &Value, names: &HashSet<&str>) -> Value {
    match context {
        Value::Array(list) => list.iter().map(|one| narrow(one, names)).collect(),
        Value::Object(definitions) => {
            let kept = definitions.iter().filter(|(term, _)| term.starts_with('@') || names.contains(term.as_str()));
            let narrowed = |(term, definition): (&String, &Value)| {
                let definition = match definition {
                    Value::Object(members) if members.contains_key("@context") => {
                        let member = |(name, value): (&String, &Value)| {
                            let value = if name == "@context" { narrow(value, names) } else { value.clone() };
                            (name.clone(), value)
                        };
                        Value::Object(members.iter().map(member).collect())
                    }
                    other => other.clone(),
                };
                (term.clone(), definition)
            };
            Value::Object(kept.map(narrowed).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::credential::w3c::contexts::{CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2};
    use crate::credential::w3c::rdf::{Order, canonical};

    fn with(content: &Value) -> Contexts {
        let text = content.to_string();
        let digest = hex::encode(Sha256::digest(&text));
        Contexts::standard().with("x:context", text.as_bytes(), &digest).unwrap()
    }

    fn terms(narrowed: &Narrowed) -> String {
        String::from_utf8(narrowed.content.clone()).unwrap()
    }

    #[test]
    fn what_is_kept_is_what_a_document_says_and_what_that_refers_to() {
        let contexts = with(&json!({ "@context": {
            "a": { "@id": "base:a", "@type": "kind", "@context": { "inner": "other:b", "unused": "x:u" } },
            "base": "https://example.org/base#", "kind": "base:kind", "other": "https://example.org/other#",
            "p:q": {}, "p": "https://example.org/p#", "value": "x:value", "lonely": "x:lonely",
        } }));
        let kept = |document: &Value| terms(&contexts.narrowed(document)["x:context"]);
        let of_a = kept(&json!({ "@context": ["x:context"], "a": { "inner": 1 } }));
        for (name, is_kept) in [
            ("\"a\"", true),
            ("\"base\"", true),
            ("\"kind\"", true),
            ("\"inner\"", true),
            ("\"other\"", true),
            ("\"unused\"", false),
            ("\"lonely\"", false),
            ("\"p\"", false),
            ("\"value\"", false),
        ] {
            assert_eq!(of_a.contains(name), is_kept, "{name}: {of_a}");
        }
        assert!(kept(&json!({ "@context": "x:context", "p:r": 1 })).contains("\"p\""), "a prefix");
        assert!(kept(&json!({ "@context": "x:context", "p:q": 1 })).contains("\"p\""), "the prefix of a term");
        assert!(kept(&json!({ "@context": "x:context", "b": ["value"] })).contains("\"value\""), "a term as a value");
        assert!(contexts.narrowed(&json!({ "a": 1 })).is_empty(), "a context that is not named");
    }

    #[test]
    fn a_contradiction_between_contexts_shows() {
        let contexts = with(&json!({ "@context": { "DataIntegrityProof": "x:other" } }));
        let document =
            json!({ "@context": [CREDENTIALS_V2, "x:context"], "id": "urn:x:1", "type": "VerifiableCredential" });
        assert!(canonical(&document, &contexts, Order::Sha256).is_err(), "protected, and used by nobody");
        let fine = json!({ "@context": [CREDENTIALS_V2], "id": "urn:x:1", "type": "VerifiableCredential" });
        assert!(canonical(&fine, &contexts, Order::Sha256).is_ok());
    }

    /// With every name of the contexts in a document, nothing is left out; the statements about the rest are the same.
    #[test]
    fn the_rest_means_the_same_as_with_everything() {
        let contexts = Contexts::standard();
        for (first, more) in [(CREDENTIALS_V2, None), (CREDENTIALS_V1, Some(DATA_INTEGRITY_V2))] {
            let document = |extra: bool| {
                let mut names: Vec<String> =
                    contexts.known().flat_map(|(_, known)| known.references.keys().cloned()).collect();
                names.sort();
                let list: Vec<&str> = [Some(first), more].into_iter().flatten().collect();
                let mut document = json!({
                    "@context": list,
                    "id": "urn:x:1", "type": ["VerifiableCredential"], "issuer": "did:x:1",
                    "credentialSubject": { "id": "urn:x:2" },
                    "credentialStatus": { "id": "urn:x:3", "type": "BitstringStatusListEntry", "statusPurpose": "revocation" },
                });
                if first == CREDENTIALS_V1 {
                    document["credentialStatus"] = json!({ "id": "urn:x:3", "type": "x:Y" });
                }
                // Strings that are no terms here, but name them all.
                if extra {
                    document["credentialSubject"]["https://example.org/names"] = json!(names);
                }
                document
            };
            let [few, all] =
                [document(false), document(true)].map(|it| canonical(&it, &contexts, Order::Sha256).unwrap());
            let all: String = all
                .lines()
                .filter(|line| !line.contains("<https://example.org/names>"))
                .map(|it| format!("{it}\n"))
                .collect();
            assert_eq!(few, all, "{first}");
            let size = |of: &Value| contexts.narrowed(of)[first].content.len();
            assert!(size(&document(false)) * 3 < size(&document(true)), "{first}");
        }
    }
}
