//! Documents that say which keys speak for an identifier (Controlled Identifiers 1.0, DID 1.1), as any method yields them.

use serde_json::Value;

use crate::crypto::multikey::Multikey;

/// The most verification methods a document may have.
const METHODS_MAX: usize = 64;

/// Why a document does not vouch for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControllerError {
    /// No document is known for this identifier.
    #[error("the identifier cannot be resolved; fetch its document first")]
    NotResolved,
    /// The document is not of the form that the standard gives.
    #[error("the document of this identifier is malformed; ask its controller")]
    MalformedDocument,
    /// The document is another identifier's.
    #[error("the document belongs to another identifier; do not trust its source")]
    DocumentMismatch,
    /// The document has no verification method of this name.
    #[error("the document has no such key; fetch it again or refuse the signature")]
    UnknownKey,
    /// The key is held by someone else than the document's subject.
    #[error("the key has another controller; refuse the signature")]
    ControllerNotTrusted,
    /// The document does not allow the key for this purpose.
    #[error("the key may not be used for this purpose; refuse the signature")]
    PurposeNotAllowed,
    /// The key is of a kind that is not read here, or not valid.
    #[error("the key is not valid or of an unknown kind; refuse the signature")]
    InvalidKey,
}

/// What a key may be used for (Controlled Identifiers 1.0, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Claims: what an issuer signs.
    AssertionMethod,
    /// Logging in, and presenting.
    Authentication,
}

impl Purpose {
    /// The name in documents and proofs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssertionMethod => "assertionMethod",
            Self::Authentication => "authentication",
        }
    }
}

/// One named key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Method {
    id: String,
    controller: String,
    key: Option<Multikey>,
}

/// The keys of one identifier and what each is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerDocument {
    id: String,
    methods: Vec<Method>,
    assertion: Vec<String>,
    authentication: Vec<String>,
}

impl ControllerDocument {
    /// Reads the document that was found for `asked`, and refuses that of any other identifier (DKEY-03).
    ///
    /// # Errors
    /// [`ControllerError::MalformedDocument`], [`ControllerError::DocumentMismatch`]
    pub fn from_json(document: &Value, asked: &str) -> Result<Self, ControllerError> {
        let id = document.get("id").and_then(Value::as_str).ok_or(ControllerError::MalformedDocument)?;
        // DKEY-03
        if id != asked {
            return Err(ControllerError::DocumentMismatch);
        }
        let mut methods = Vec::new();
        for method in list(document, "verificationMethod")? {
            methods.push(Method::from_json(method, id)?);
        }
        let mut relation = |name: &str| {
            let mut names = Vec::new();
            for entry in list(document, name)? {
                if let Some(reference) = entry.as_str() {
                    names.push(absolute(reference, id));
                } else {
                    let method = Method::from_json(entry, id)?;
                    names.push(method.id.clone());
                    methods.push(method);
                }
            }
            Ok::<_, ControllerError>(names)
        };
        let (assertion, authentication) = (relation("assertionMethod")?, relation("authentication")?);
        if methods.len() > METHODS_MAX {
            return Err(ControllerError::MalformedDocument);
        }
        Ok(Self { id: id.to_owned(), methods, assertion, authentication })
    }

    /// The document of an identifier that is itself one key.
    pub(super) fn of_key(id: &str, method: String, key: Multikey) -> Self {
        let methods = vec![Method { id: method.clone(), controller: id.to_owned(), key: Some(key) }];
        Self { id: id.to_owned(), methods, assertion: vec![method.clone()], authentication: vec![method] }
    }

    /// The document of an identifier whose keys are known by their fragments, each with its purposes.
    pub(crate) fn of_keys(id: &str, keys: Vec<(String, Multikey, Vec<Purpose>)>) -> Self {
        let name = |fragment: &str| format!("{id}#{fragment}");
        let with = |purpose: Purpose| {
            let keys = keys.iter().filter(|(_, _, purposes)| purposes.contains(&purpose));
            keys.map(|(fragment, _, _)| name(fragment)).collect()
        };
        let (assertion, authentication) = (with(Purpose::AssertionMethod), with(Purpose::Authentication));
        let method = |fragment: &String, key| Method { id: name(fragment), controller: id.to_owned(), key: Some(key) };
        let methods = keys.iter().map(|(fragment, key, _)| method(fragment, *key)).collect();
        Self { id: id.to_owned(), methods, assertion, authentication }
    }

    /// The identifier that the document is about.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key called `method`, when it is the subject's own and meant for `purpose` (DKEY-04).
    ///
    /// # Errors
    /// [`ControllerError::UnknownKey`], [`ControllerError::ControllerNotTrusted`],
    /// [`ControllerError::PurposeNotAllowed`], [`ControllerError::InvalidKey`]
    pub fn key(&self, method: &str, purpose: Purpose) -> Result<Multikey, ControllerError> {
        let mut named = self.methods.iter().filter(|known| known.id == method);
        let found = named.next().ok_or(ControllerError::UnknownKey)?;
        // Two keys of one name: which one was meant cannot be known.
        if named.any(|other| other != found) {
            return Err(ControllerError::MalformedDocument);
        }
        // DKEY-04: no recursion into another controller's document.
        if found.controller != self.id {
            return Err(ControllerError::ControllerNotTrusted);
        }
        let allowed = match purpose {
            Purpose::AssertionMethod => &self.assertion,
            Purpose::Authentication => &self.authentication,
        };
        if !allowed.iter().any(|name| name == method) {
            return Err(ControllerError::PurposeNotAllowed);
        }
        found.key.ok_or(ControllerError::InvalidKey)
    }
}

impl Method {
    fn from_json(method: &Value, subject: &str) -> Result<Self, ControllerError> {
        let text = |name: &str| method.get(name).and_then(Value::as_str).ok_or(ControllerError::MalformedDocument);
        let key = match text("type")? {
            "Multikey" | "Ed25519VerificationKey2020" => method
                .get("publicKeyMultibase")
                .and_then(Value::as_str)
                .and_then(|key| Multikey::from_multibase(key).ok()),
            "JsonWebKey" | "JsonWebKey2020" => method.get("publicKeyJwk").and_then(|jwk| Multikey::from_jwk(jwk).ok()),
            _ => None,
        };
        Ok(Self { id: absolute(text("id")?, subject), controller: text("controller")?.to_owned(), key })
    }
}

/// The array called `name`; none is as good as an empty one.
fn list<'a>(document: &'a Value, name: &str) -> Result<&'a [Value], ControllerError> {
    match document.get(name) {
        None => Ok(&[]),
        Some(Value::Array(entries)) if entries.len() <= METHODS_MAX => Ok(entries),
        Some(_) => Err(ControllerError::MalformedDocument),
    }
}

/// `#key` is short for the subject and `#key`.
fn absolute(reference: &str, subject: &str) -> String {
    if reference.starts_with('#') { format!("{subject}{reference}") } else { reference.to_owned() }
}

/// Where documents of identifiers come from: evidence that the caller gathered, or the identifier itself.
pub trait Controllers {
    /// The document of `identifier`, without any fragment.
    ///
    /// # Errors
    /// [`ControllerError`], [`ControllerError::NotResolved`] when there is none.
    fn document(&self, identifier: &str) -> Result<ControllerDocument, ControllerError>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::multikey::{StandardKey, StandardSigner};

    fn document(key: &Multikey) -> Value {
        json!({
            "id": "did:web:agency.example",
            "verificationMethod": [
                { "id": "#a", "type": "Multikey", "controller": "did:web:agency.example", "publicKeyMultibase": key.to_multibase() },
                { "id": "did:web:agency.example#b", "type": "Multikey", "controller": "did:web:other.example", "publicKeyMultibase": key.to_multibase() },
                { "id": "#c", "type": "Unheard", "controller": "did:web:agency.example" }
            ],
            "assertionMethod": ["#a", "did:web:agency.example#b", "#c"]
        })
    }

    #[test]
    fn dkey_03_documents_of_others_are_refused() {
        let key = StandardKey::ed25519(&[1; 32]).multikey();
        let read = |asked: &str| ControllerDocument::from_json(&document(&key), asked).map(|_| ());
        assert_eq!(read("did:web:agency.example"), Ok(()));
        assert_eq!(read("did:web:agency.example.evil"), Err(ControllerError::DocumentMismatch));
        let malformed = [
            json!({}),
            json!({ "id": "x", "verificationMethod": {} }),
            json!({ "id": "x", "verificationMethod": [{}] }),
        ];
        for document in malformed {
            assert_eq!(ControllerDocument::from_json(&document, "x"), Err(ControllerError::MalformedDocument));
        }
    }

    #[test]
    fn dkey_04_keys_serve_their_own_controller_and_purpose() {
        let key = StandardKey::ed25519(&[1; 32]).multikey();
        let document = ControllerDocument::from_json(&document(&key), "did:web:agency.example").unwrap();
        let ask = |name: &str, purpose| document.key(&format!("did:web:agency.example#{name}"), purpose);
        assert_eq!(ask("a", Purpose::AssertionMethod), Ok(key));
        assert_eq!(ask("a", Purpose::Authentication), Err(ControllerError::PurposeNotAllowed));
        assert_eq!(ask("b", Purpose::AssertionMethod), Err(ControllerError::ControllerNotTrusted));
        assert_eq!(ask("c", Purpose::AssertionMethod), Err(ControllerError::InvalidKey));
        assert_eq!(ask("d", Purpose::AssertionMethod), Err(ControllerError::UnknownKey));
        assert_eq!(document.key("#a", Purpose::AssertionMethod), Err(ControllerError::UnknownKey));
    }
}
