//! `did:key`: an identifier that is one public key (`specs/did-key.md`).

use serde_json::{Value, json};

use super::controller::{ControllerDocument, ControllerError, Controllers};
use crate::crypto::multikey::Multikey;

/// A `did:key` identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DidKey(Multikey);

impl DidKey {
    /// The identifier that is this key.
    #[must_use]
    pub fn new(key: Multikey) -> Self {
        Self(key)
    }

    /// Reads `did:key:z…`, without fragment, query or path (DKEY-02).
    ///
    /// # Errors
    /// [`ControllerError::NotResolved`] when it is of another method, [`ControllerError::InvalidKey`] when it is no valid key.
    pub fn parse(identifier: &str) -> Result<Self, ControllerError> {
        let key = identifier.strip_prefix("did:key:").ok_or(ControllerError::NotResolved)?;
        // DKEY-02
        Multikey::from_multibase(key).map(Self).map_err(|_| ControllerError::InvalidKey)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Multikey {
        self.0
    }

    /// `did:key:z…`.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("did:key:{}", self.0.to_multibase())
    }

    /// The name of the key: the identifier and itself as fragment.
    #[must_use]
    pub fn verification_method(&self) -> String {
        let key = self.0.to_multibase();
        format!("did:key:{key}#{key}")
    }

    /// The keys that the identifier vouches for: itself, for claims and for logging in.
    #[must_use]
    pub fn document(&self) -> ControllerDocument {
        ControllerDocument::of_key(&self.to_text(), self.verification_method(), self.0)
    }

    /// The DID document, as resolvers hand it out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (id, method) = (self.to_text(), self.verification_method());
        json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": id,
            "verificationMethod": [
                { "id": method, "type": "Multikey", "controller": id, "publicKeyMultibase": self.0.to_multibase() }
            ],
            "authentication": [method],
            "assertionMethod": [method],
            "capabilityInvocation": [method],
            "capabilityDelegation": [method],
        })
    }
}

/// Resolves `did:key` and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct DidKeys;

impl Controllers for DidKeys {
    fn document(&self, identifier: &str) -> Result<ControllerDocument, ControllerError> {
        DidKey::parse(identifier).map(|did| did.document())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::multikey::{StandardKey, StandardSigner};
    use crate::identifier::Purpose;

    #[test]
    fn dkey_02_is_its_own_document() {
        let did = DidKey::new(StandardKey::ed25519(&[3; 32]).multikey());
        let text = did.to_text();
        assert_eq!(DidKey::parse(&text), Ok(did));
        let document = DidKeys.document(&text).unwrap();
        assert_eq!(document, ControllerDocument::from_json(&did.to_json(), &text).unwrap());
        assert_eq!(document.key(&did.verification_method(), Purpose::AssertionMethod), Ok(did.key()));
        for bad in [format!("{text}#x"), format!("{text}?a=b"), "did:key:".to_owned(), text.replace("z6M", "z6m")] {
            assert_eq!(DidKey::parse(&bad), Err(ControllerError::InvalidKey), "{bad}");
        }
        assert_eq!(DidKey::parse("did:web:agency.example"), Err(ControllerError::NotResolved));
    }
}
