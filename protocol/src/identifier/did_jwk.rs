//! `did:jwk`: an identifier that is one public key as JSON (`specs/did-key.md`).

use serde_json::{Value, json};

use super::controller::{ControllerDocument, ControllerError, Controllers};
use crate::crypto::jose::{Jwk, base64url, from_base64url};
use crate::crypto::multikey::Multikey;
use crate::json;

/// Longest key as JSON that is read, in bytes.
const JWK_MAX: usize = 1024;
/// The name of the one key.
const FRAGMENT: &str = "#0";

/// A `did:jwk` identifier, in the spelling in which it was read: a key has many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DidJwk {
    text: String,
    key: Multikey,
}

impl DidJwk {
    /// The identifier that is this key, with the members that its thumbprint needs.
    ///
    /// # Errors
    /// [`ControllerError::InvalidKey`] for a BBS key, which has no such form.
    pub fn new(key: Multikey) -> Result<Self, ControllerError> {
        let jwk = key.to_jwk().ok_or(ControllerError::InvalidKey)?;
        Ok(Self { text: format!("did:jwk:{}", base64url(jwk.to_string().as_bytes())), key })
    }

    /// Reads `did:jwk:<base64url of a JWK>`, without fragment, query or path (DKEY-05).
    ///
    /// # Errors
    /// [`ControllerError::NotResolved`] when it is of another method, [`ControllerError::InvalidKey`] when it is no key
    /// for verifying signatures, or a private one.
    pub fn parse(identifier: &str) -> Result<Self, ControllerError> {
        let encoded = identifier.strip_prefix("did:jwk:").ok_or(ControllerError::NotResolved)?;
        let invalid = ControllerError::InvalidKey;
        let bytes = from_base64url(encoded).ok_or(invalid)?;
        let jwk = json::read(&bytes, JWK_MAX).map_err(|_| invalid)?;
        let key = Jwk::from_json(&jwk).map_err(|_| invalid)?.key; // DKEY-05
        Ok(Self { text: identifier.to_owned(), key })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Multikey {
        self.key
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the key: the identifier and `#0`.
    #[must_use]
    pub fn verification_method(&self) -> String {
        format!("{}{FRAGMENT}", self.text)
    }

    /// The keys that the identifier vouches for: itself, for claims and for logging in.
    #[must_use]
    pub fn document(&self) -> ControllerDocument {
        ControllerDocument::of_key(&self.text, self.verification_method(), self.key)
    }

    /// The DID document, as resolvers hand it out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let method = self.verification_method();
        json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
            "id": self.text,
            "verificationMethod": [
                { "id": method, "type": "JsonWebKey2020", "controller": self.text, "publicKeyJwk": self.key.to_jwk() }
            ],
            "authentication": [FRAGMENT],
            "assertionMethod": [FRAGMENT],
            "capabilityInvocation": [FRAGMENT],
            "capabilityDelegation": [FRAGMENT],
        })
    }
}

/// Resolves `did:jwk` and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct DidJwks;

impl Controllers for DidJwks {
    fn document(&self, identifier: &str) -> Result<ControllerDocument, ControllerError> {
        DidJwk::parse(identifier).map(|did| did.document())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::multikey::{StandardKey, StandardSigner as _};
    use crate::identifier::Purpose;

    #[test]
    fn dkey_05_is_its_own_document() {
        for key in [StandardKey::ed25519(&[3; 32]), StandardKey::p256(&[3; 32]).unwrap()] {
            let did = DidJwk::new(key.multikey()).unwrap();
            assert_eq!(DidJwk::parse(did.as_str()), Ok(did.clone()));
            let document = DidJwks.document(did.as_str()).unwrap();
            assert_eq!(document, ControllerDocument::from_json(&did.to_json(), did.as_str()).unwrap());
            assert_eq!(document.key(&did.verification_method(), Purpose::AssertionMethod), Ok(did.key()));
        }
        // The example of the method's specification.
        let text = "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9";
        assert!(DidJwk::parse(text).is_ok());
    }

    #[test]
    fn dkey_05_what_is_no_public_key_is_refused() {
        let text = DidJwk::new(StandardKey::p256(&[3; 32]).unwrap().multikey()).unwrap();
        let text = text.as_str();
        let of = |jwk: Value| format!("did:jwk:{}", base64url(jwk.to_string().as_bytes()));
        let mut private = StandardKey::p256(&[3; 32]).unwrap().multikey().to_jwk().unwrap();
        private["d"] = "AA".into();
        for bad in [
            format!("{text}#0"),
            format!("{text}="),
            format!("{text}?a"),
            "did:jwk:".into(),
            of(json!({})),
            of(private),
        ] {
            assert_eq!(DidJwk::parse(&bad), Err(ControllerError::InvalidKey), "{bad}");
        }
        assert_eq!(DidJwk::parse("did:key:z6Mk"), Err(ControllerError::NotResolved));
        assert_eq!(DidJwk::new(Multikey::Bls12381G2([0; 96])), Err(ControllerError::InvalidKey));
    }
}
