//! W3C verifiable credentials with Data Integrity proofs (`specs/data-integrity.md`).
//!
//! A JSON document, the proofs beside it, and the keys that identifiers vouch for. [`issue_credential`] signs,
//! [`derive_credential`] shows a part, [`verify_credential`] checks and gives the only type that claims can be read on.
//! Every term has to mean something in a context whose content is known, on both sides: JSON-LD drops what it does not
//! understand, and a signature over statements does not cover what was dropped.

mod bbs;
mod cbor_text;
mod contexts;
mod date_time;
mod ecdsa_sd;
mod error;
mod held;
mod issue;
mod json;
mod model;
mod narrowed;
mod proof;
mod rdf;
mod selective;

use rand_core::CryptoRng;
use serde_json::{Map, Value};

pub use contexts::{CREDENTIAL_TYPE, CREDENTIALS_V1, CREDENTIALS_V2, Contexts, DATA_INTEGRITY_V2};
pub use date_time::text as date_time_text;
pub use error::W3cError;
pub use held::{Challenge, attributes, disclosed, expanded_types, part, present, verify_issued, verify_shown};
pub use issue::{ProofKey, ProofOptions, add_proof, issue_credential};
pub use json::{DOCUMENT_MAX, read_json};
pub use model::ModelVersion;
pub use proof::{Expected, ProvenBy, Suite, check_proofs};

use crate::crypto::multikey::Multikey;
use crate::identifier::{Controllers, DidKey, Purpose};

/// Says what the data model asks of a credential, without looking at proofs or the clock (VCDM-01…07).
///
/// # Errors
/// [`W3cError::MalformedCredential`], [`W3cError::MalformedValidity`]
pub fn check_credential(document: &Value) -> Result<ModelVersion, W3cError> {
    model::credential(document).map(|outline| outline.version)
}

/// Says what the data model asks of a presentation, without looking at proofs and the credentials in it (VCDM-08).
///
/// # Errors
/// [`W3cError::MalformedCredential`]
pub fn check_presentation(document: &Value) -> Result<(), W3cError> {
    model::presentation(document).map(|_| ())
}

/// The canonical statements of a document, with its proofs if it has any: what suites with `rdfc` in their name hash.
///
/// # Errors
/// [`W3cError`]
pub fn canonical_statements(document: &Value, contexts: &Contexts) -> Result<String, W3cError> {
    rdf::canonical(document, contexts, rdf::Order::Sha256)
}

/// A credential whose proofs hold, whose issuer signed it, and which is valid now. Claims can be read on nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedCredential {
    members: Map<String, Value>,
    issuer: String,
    proven_by: Vec<ProvenBy>,
}

impl VerifiedCredential {
    /// The issuer's identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys whose proofs hold.
    #[must_use]
    pub fn proven_by(&self) -> &[ProvenBy] {
        &self.proven_by
    }

    /// The whole document without its proofs.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The last moment it is valid, Unix seconds; none when it does not run out.
    #[must_use]
    pub fn valid_until(&self) -> Option<u64> {
        let name = ["validUntil", "expirationDate"].into_iter().find_map(|name| self.members.get(name));
        name.and_then(Value::as_str).and_then(|text| date_time::unix_seconds(text).ok()?.try_into().ok())
    }

    /// Whom it is about, who has to show it: the one subject, whose identifier is a key (DINT-14).
    ///
    /// # Errors
    /// [`W3cError::MalformedCredential`], [`W3cError::Controller`]
    pub fn holder(&self) -> Result<Multikey, W3cError> {
        let [subject] = self.subjects() else { return Err(W3cError::MalformedCredential("credentialSubject")) };
        let id = subject.get("id").and_then(Value::as_str).ok_or(W3cError::MalformedCredential("credentialSubject"))?;
        Ok(DidKey::parse(id)?.key())
    }

    /// What is said, about one subject or several.
    #[must_use]
    pub fn subjects(&self) -> &[Value] {
        match self.members.get("credentialSubject") {
            Some(Value::Array(several)) => several,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        }
    }
}

impl core::fmt::Debug for VerifiedCredential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "VerifiedCredential {{ issuer: {}, members: [redacted] }}", self.issuer)
    }
}

/// Checks form, proofs, issuer and validity of a credential, in this order (VCDM-01…07, DINT-01…11).
///
/// # Errors
/// [`W3cError`]; [`W3cError::IssuerMismatch`] when none of the proofs is by a key that the issuer named vouches for.
pub fn verify_credential(
    document: &Value,
    controllers: &dyn Controllers,
    expected: &Expected<'_>,
) -> Result<VerifiedCredential, W3cError> {
    let outline = model::credential(document)?;
    let proven_by = check_proofs(document, controllers, expected)?;
    // DINT-11
    if !proven_by.iter().any(|by| by.controller == outline.issuer) {
        return Err(W3cError::IssuerMismatch);
    }
    valid_at(document, expected.now)?;
    let members = proof::parts(document)?.unsecured;
    Ok(VerifiedCredential { members, issuer: outline.issuer, proven_by })
}

/// Whether a credential is valid at a moment, by its own words only (VCDM-06).
///
/// # Errors
/// [`W3cError::CredentialNotYetValid`], [`W3cError::CredentialExpired`], and those of [`check_credential`]
pub fn valid_at(document: &Value, now: u64) -> Result<(), W3cError> {
    let outline = model::credential(document)?;
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    if outline.valid_from.is_some_and(|from| from > now) {
        return Err(W3cError::CredentialNotYetValid);
    }
    if outline.valid_until.is_some_and(|until| until < now) {
        return Err(W3cError::CredentialExpired);
    }
    Ok(())
}

/// A presentation whose holder signed it for this verifier, and its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPresentation {
    /// Who presents.
    pub holder: String,
    /// What is presented.
    pub credentials: Vec<VerifiedCredential>,
}

/// Checks a presentation: form, the holder's proof for this domain and challenge, then every credential in it (DINT-12).
///
/// # Errors
/// [`W3cError`]; [`W3cError::HolderMismatch`] when the holder named is not who signed, or several signed and none is named.
pub fn verify_presentation(
    document: &Value,
    controllers: &dyn Controllers,
    contexts: &Contexts,
    now: u64,
    domain: &str,
    challenge: &str,
) -> Result<VerifiedPresentation, W3cError> {
    let named = model::presentation(document)?;
    let expected =
        Expected { contexts, purpose: Purpose::Authentication, now, domain: Some(domain), challenge: Some(challenge) };
    let proven_by = check_proofs(document, controllers, &expected)?;
    // DINT-12
    let holder = match (named, proven_by.as_slice()) {
        (Some(named), by) if by.iter().any(|by| by.controller == named) => named,
        (None, [one]) => one.controller.clone(),
        _ => return Err(W3cError::HolderMismatch),
    };
    let claims = Expected { contexts, purpose: Purpose::AssertionMethod, now, domain: None, challenge: None };
    let credentials = presented(document).iter().map(|one| verify_credential(one, controllers, &claims));
    Ok(VerifiedPresentation { holder, credentials: credentials.collect::<Result<_, _>>()? })
}

/// The credentials in a presentation, unchecked: for programs that check them one by one.
#[must_use]
pub fn presented(document: &Value) -> &[Value] {
    match document.get("verifiableCredential") {
        Some(Value::Array(several)) => several,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// Shows a part of a credential with a base proof of a selective suite: what the issuer made mandatory, and what `pointers`
/// (RFC 6901) lead to (DSEL-01…05). `presentation_header` is what a BBS proof is bound to; other suites bind to nothing.
///
/// # Errors
/// [`W3cError`]; [`W3cError::PointerNotFound`] also when nothing at all would be shown
pub fn derive_credential(
    document: &Value,
    pointers: &[String],
    presentation_header: &[u8],
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<Value, W3cError> {
    let parts = proof::parts(document)?;
    let is_selective = |proof: &&&Map<String, Value>| proof::read(proof).is_ok_and(Suite::is_selective);
    let base = parts.proofs.iter().find(is_selective).ok_or(W3cError::SuiteUnknown)?;
    let suite = proof::read(base)?;
    let value = base.get("proofValue").and_then(Value::as_str).ok_or(W3cError::MalformedProof("proofValue"))?;
    let unsecured = Value::Object(parts.unsecured);
    let (mut shown, value) = match suite {
        Suite::Bbs2023 => bbs::derive(&unsecured, value, pointers, presentation_header, contexts, rng)?,
        _ => ecdsa_sd::derive(&unsecured, value, pointers, contexts)?,
    };
    let mut proof = (*base).clone();
    proof.insert("proofValue".to_owned(), value.into());
    if let Some(members) = shown.as_object_mut() {
        members.insert("proof".to_owned(), Value::Object(proof));
    }
    Ok(shown)
}

/// What the first BBS proof of a document was bound to by its holder.
///
/// # Errors
/// [`W3cError::ProofMissing`], [`W3cError::MalformedProof`]
pub fn presentation_header(document: &Value) -> Result<Vec<u8>, W3cError> {
    let parts = proof::parts(document)?;
    let is_bbs = |proof: &&&Map<String, Value>| proof::read(proof) == Ok(Suite::Bbs2023);
    let value = parts.proofs.iter().find(is_bbs).and_then(|proof| proof.get("proofValue")).and_then(Value::as_str);
    bbs::presentation_header(value.ok_or(W3cError::ProofMissing)?)
}

#[cfg(test)]
mod tests;
