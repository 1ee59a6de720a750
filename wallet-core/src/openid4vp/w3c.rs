//! A W3C credential that is shown: what the verifier would see, and the presentation (OpenID4VP 1.0, appendix B.1).

use protocol::credential::w3c::{
    self, Challenge, Contexts, Suite, W3cError, attributes, derive_credential, expanded_types, part,
};
use protocol::crypto::multikey::StandardSigner;
use rand_core::CryptoRng;
use serde_json::Value;

/// The subject's identifier, which is the holder's key: without it nobody could tell who presents.
const HOLDER: &str = "/credentialSubject/id";

/// A credential with its issuer's proof, as its holder has it.
pub(super) struct Held {
    document: Value,
    contexts: Contexts,
    types: Vec<String>,
    shows_parts: bool,
}

impl Held {
    pub(super) fn new(document: Value, contexts: Contexts) -> Result<Self, W3cError> {
        let types = expanded_types(&document, &contexts)?;
        let suite = document.get("proof").and_then(|it| it.get("cryptosuite")).and_then(Value::as_str);
        let suite = Suite::named(suite.ok_or(W3cError::MalformedProof("cryptosuite"))?)?;
        Ok(Self { document, contexts, types, shows_parts: suite.is_selective() })
    }

    /// Its types, expanded.
    pub(super) fn types(&self) -> &[String] {
        &self.types
    }

    /// Whether anything of it can be left out.
    pub(super) fn shows_parts(&self) -> bool {
        self.shows_parts
    }

    /// All that it says, without proofs.
    pub(super) fn claims(&self) -> Result<Value, W3cError> {
        let mut claims = self.document.clone();
        let members = claims.as_object_mut().ok_or(W3cError::MalformedCredential("credential"))?;
        members.remove("proof");
        Ok(claims)
    }

    /// Everything that a verifier sees of it when these pointers are shown (OVP-14).
    pub(super) fn seen(&self, pointers: &[String]) -> Result<Vec<(String, Value)>, W3cError> {
        Ok(attributes(&part(&self.document, &shown(pointers))?))
    }

    /// The presentation, signed by the holder.
    pub(super) fn show(
        &self,
        pointers: &[String],
        key: &dyn StandardSigner,
        challenge: &Challenge<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Value, W3cError> {
        let derived;
        let credential = if self.shows_parts {
            derived = derive_credential(&self.document, &shown(pointers), b"", &self.contexts, rng)?;
            &derived
        } else {
            &self.document
        };
        w3c::present(credential, key, challenge, &self.contexts, rng)
    }
}

fn shown(pointers: &[String]) -> Vec<String> {
    pointers.iter().cloned().chain([HOLDER.to_owned()]).collect()
}
