//! The question: who asks what, why, until when (`specs/presentation.md`).

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::predicate::Predicate;
use super::query::Query;
use crate::cbor;
use crate::credential::{CredentialType, Label};
use crate::crypto::domains;
use crate::crypto::keys::{Signature, Signer, SignerError, signed_bytes};
use crate::identifier::Did;
use crate::ledger::record::{Purpose, Purposes, VerifierRegistration};
use crate::ledger::state::TrustedState;

/// Version of the encoding.
const VERSION: u8 = 1;
/// Largest encoding, in bytes.
const SIZE_MAX: usize = 2_048;
/// Longest life of a request, in seconds.
const LIFE_MAX: u64 = 10 * 60;
/// How far the clocks of two devices may disagree, in seconds.
pub(crate) const CLOCK_SKEW: u64 = 8;

/// What a verifier asks beyond its registration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverAsk {
    /// The verifier did not register this purpose.
    #[error("the purpose `{0}` is not registered for this verifier")]
    PurposeNotRegistered(String),
    /// The purpose does not cover this credential type.
    #[error("the purpose does not cover the credential type `{0}`")]
    TypeNotRegistered(String),
    /// The purpose does not cover this attribute.
    #[error("the attribute `{0}` is not registered for this purpose")]
    AttributeNotRegistered(String),
    /// The purpose does not cover this statement.
    #[error("the statement `{0}` is not registered for this purpose")]
    PredicateNotRegistered(String),
    /// The purpose does not cover recognising the holder again in this way.
    #[error("the `{0}` is not registered for this purpose")]
    PseudonymNotRegistered(String),
    /// The purpose does not cover answers bound in this way.
    #[error("the holder binding `{0}` is not registered for this purpose")]
    BindingNotRegistered(&'static str),
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not the canonical encoding of a signed request.
    #[error("this is not a request; ask the verifier to show it again")]
    MalformedRequest,
    /// Made by a newer version.
    #[error("this request was made by a newer version; update this app")]
    UnsupportedVersion,
    /// The trust bundle does not know the verifier, or its registration was withdrawn.
    #[error("this verifier is not registered (any more); do not answer")]
    VerifierNotRegistered,
    /// The key is not one of the verifier's.
    #[error("the request is signed with a key the verifier does not have (any more)")]
    KeyNotTrusted,
    /// The signature is wrong.
    #[error("the request is not from the verifier it names; do not answer")]
    RequestNotAuthenticated,
    /// The request has run out.
    #[error("the request has expired; ask the verifier to show a new one")]
    RequestExpired,
    /// The request is from the future: one of the clocks is wrong.
    #[error("the request is from the future; check the clock")]
    IssuedInFuture,
    /// The request claims to live longer than ten minutes.
    #[error("the request claims to be valid for too long; do not answer")]
    ValidityTooLong,
    /// The request asks for something the credential type does not have.
    #[error("the request asks for something the credential type does not have")]
    QueryNotAnswerable,
    /// The verifier asks for more than it registered. Blocked unless the owner insists.
    #[error("the verifier asks for more than it registered: {0}")]
    OverAsk(#[from] OverAsk),
}

/// A verifier's question.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[cbor(array)]
pub struct Request {
    #[n(0)]
    version: u8,
    /// Who asks.
    #[n(1)]
    pub verifier: Did,
    /// The fragment of the key that signs.
    #[n(2)]
    pub key: String,
    /// The registered purpose.
    #[n(3)]
    pub purpose: String,
    /// What is asked.
    #[n(4)]
    pub query: Query,
    /// Fresh for every request.
    #[cbor(n(5), with = "minicbor::bytes")]
    #[serde(with = "hex::serde")]
    pub nonce: [u8; 16],
    /// Unix seconds.
    #[n(6)]
    pub issued_at: u64,
    /// Unix seconds.
    #[n(7)]
    pub expires_at: u64,
}

impl Request {
    /// A new request of `life` seconds with a fresh nonce.
    #[must_use]
    pub fn new(
        verifier: Did,
        key: &str,
        purpose: &str,
        query: Query,
        now: u64,
        life: u64,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        Self {
            version: VERSION,
            verifier,
            key: key.to_owned(),
            purpose: purpose.to_owned(),
            query,
            nonce,
            issued_at: now,
            expires_at: now.saturating_add(life.min(LIFE_MAX)),
        }
    }

    /// Signs the request.
    ///
    /// # Errors
    /// What the signer refuses.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedRequest, SignerError> {
        let payload = cbor::to_vec(self);
        let signature = signer.sign(domains::REQUEST_SIGNATURE, &payload)?;
        Ok(SignedRequest { payload, signature })
    }

    /// Whether a registration covers this request (REQ-06).
    ///
    /// Verifiers check themselves with it before they send; wallets check again.
    ///
    /// # Errors
    /// [`OverAsk`] names the first thing that is not covered.
    pub fn check_registration(
        &self,
        registration: &VerifierRegistration,
        credential_type: &CredentialType,
    ) -> Result<(), OverAsk> {
        let purpose =
            registration.purpose(&self.purpose).ok_or_else(|| OverAsk::PurposeNotRegistered(self.purpose.clone()))?;
        self.query.check_purpose(purpose, credential_type)
    }

    /// The bytes under the signature, for keys that are held where a [`Signer`] cannot wait: a browser's key store.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        signed_bytes(domains::REQUEST_SIGNATURE, &cbor::to_vec(self))
    }

    /// This request with a signature over [`Request::to_sign`]. Nothing is checked here; whoever reads it does.
    #[must_use]
    pub fn with_signature(&self, signature: Signature) -> SignedRequest {
        SignedRequest { payload: cbor::to_vec(self), signature }
    }
}

impl Query {
    /// Whether a registered purpose covers this question (REQ-06).
    ///
    /// # Errors
    /// [`OverAsk`] names the first thing that is not covered.
    pub fn check_purpose(&self, purpose: &Purpose, credential_type: &CredentialType) -> Result<(), OverAsk> {
        let permit = purpose
            .permit(&self.credential_type)
            .ok_or_else(|| OverAsk::TypeNotRegistered(self.credential_type.clone()))?;
        if let Some(name) = self.show.iter().find(|name| !permit.claims.contains(name)) {
            return Err(OverAsk::AttributeNotRegistered(name.clone()));
        }
        let unregistered = |predicate: &&Predicate| !permit.predicates.contains(predicate);
        if let Some(predicate) = self.prove.iter().find(unregistered) {
            return Err(OverAsk::PredicateNotRegistered(predicate.to_string()));
        }
        if !permit.covers(self.binding, credential_type) {
            return Err(OverAsk::BindingNotRegistered(self.binding.name()));
        }
        match &self.pseudonym {
            Some(scope) if !permit.pseudonyms.contains(scope) => {
                Err(OverAsk::PseudonymNotRegistered(scope.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// A request with its signature, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignedRequest {
    #[cbor(n(0), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[n(1)]
    signature: Signature,
}

impl SignedRequest {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a signed request (REQ-01).
    ///
    /// # Errors
    /// [`RequestError::MalformedRequest`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        cbor::from_slice(bytes, SIZE_MAX).map_err(|_| RequestError::MalformedRequest)
    }

    /// What an answer names: the hash of everything that travelled (REQ-03).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(domains::REQUEST_DIGEST);
        hash.update(self.encode());
        hash.finalize().into()
    }

    /// Checks who asks, and whether they may: the only way to get at the question.
    ///
    /// # Errors
    /// [`RequestError`]; an over-ask comes last, so that a caller may show who it was.
    pub fn authenticate(&self, trust: &TrustedState, now: u64) -> Result<AuthenticRequest, RequestError> {
        let request: Request = cbor::from_slice(&self.payload, SIZE_MAX).map_err(|_| RequestError::MalformedRequest)?;
        if request.version != VERSION {
            return Err(RequestError::UnsupportedVersion); // REQ-01
        }
        // REQ-02: a registered verifier, with a key that was good when it asked.
        let registration = trust.verifier(&request.verifier).ok_or(RequestError::VerifierNotRegistered)?;
        let key = trust
            .did(&request.verifier)
            .and_then(|did| did.key_for(&request.key, Purposes::ASSERTION, request.issued_at))
            .ok_or(RequestError::KeyNotTrusted)?;
        key.key
            .verify(domains::REQUEST_SIGNATURE, &self.payload, &self.signature)
            .map_err(|_| RequestError::RequestNotAuthenticated)?;
        // REQ-04: asked by now, for ten minutes at most, and not over.
        if request.issued_at > now.saturating_add(CLOCK_SKEW) {
            return Err(RequestError::IssuedInFuture);
        }
        if request.expires_at.saturating_sub(request.issued_at) > LIFE_MAX {
            return Err(RequestError::ValidityTooLong);
        }
        if now >= request.expires_at {
            return Err(RequestError::RequestExpired);
        }
        let credential_type =
            trust.credential_type(&request.query.credential_type).ok_or(RequestError::QueryNotAnswerable)?;
        if !request.query.fits(credential_type) {
            return Err(RequestError::QueryNotAnswerable); // REQ-05
        }
        let over_ask = request.check_registration(registration, credential_type).err();
        let purpose = registration.purpose(&request.purpose).map(|p| p.text.clone());
        Ok(AuthenticRequest { digest: self.digest(), name: registration.name.clone(), purpose, over_ask, request })
    }
}

/// A request that is from who it says. Whether it stays within the registration is part of it, because
/// the owner is told who over-asks.
#[derive(Debug, Clone)]
pub struct AuthenticRequest {
    /// The question.
    pub request: Request,
    /// What an answer names.
    pub digest: [u8; 32],
    /// Who asks, in both languages.
    pub name: Label,
    /// Why, in both languages; none for a purpose that is not registered.
    pub purpose: Option<Label>,
    over_ask: Option<OverAsk>,
}

impl AuthenticRequest {
    /// Refuses what the verifier did not register (J14).
    ///
    /// # Errors
    /// [`RequestError::OverAsk`].
    pub fn within_registration(&self) -> Result<(), RequestError> {
        self.over_ask.clone().map_or(Ok(()), |over_ask| Err(over_ask.into()))
    }
}
