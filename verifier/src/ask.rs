//! Building requests.

use protocol::credential::{CredentialType, Profile};
use protocol::crypto::keys::Signer;
use protocol::exchange::{OverAsk, Query, Request, SignedRequest};
use protocol::identifier::Did;
use protocol::ledger::record::Purpose;
use protocol::ledger::state::TrustedState;
use rand_core::CryptoRng;

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// This verifier has no valid registration in the trust data.
    #[error("this verifier is not registered; register it first")]
    NotRegistered,
    /// The credential type cannot answer.
    #[error("the credential type has no such attribute, statement or holder binding")]
    QueryNotAnswerable,
    /// More than was registered: never sent.
    #[error("the request is wider than this verifier's registration and was not sent: {0}")]
    OverAsk(#[from] OverAsk),
    /// The verifier's key cannot sign.
    #[error("the verifier's key cannot sign; check the key file")]
    SigningFailed,
}

/// Who asks: a registered verifier and the fragment of its key.
pub struct Identity<'a> {
    /// The verifier's DID.
    pub did: Did,
    /// The fragment of the key that signs requests.
    pub key: String,
    /// The key.
    pub signer: &'a dyn Signer,
}

/// Builds and signs a request that lives `life` seconds, unless it is wider than the registration.
///
/// # Errors
/// [`AskError`]; a request that over-asks is refused before it exists (J14).
#[allow(clippy::too_many_arguments, reason = "time and randomness are arguments, never ambient")]
pub fn request(
    identity: &Identity<'_>,
    purpose: &str,
    query: Query,
    trust: &TrustedState,
    now: u64,
    life: u64,
    rng: &mut dyn CryptoRng,
) -> Result<SignedRequest, AskError> {
    let request = draft(&identity.did, &identity.key, purpose, query, trust, now, life, rng)?;
    request.sign(identity.signer).map_err(|_| AskError::SigningFailed)
}

/// Builds a request for whoever signs elsewhere, unless it is wider than the registration.
///
/// # Errors
/// [`AskError`], all but [`AskError::SigningFailed`]
#[allow(clippy::too_many_arguments, reason = "time and randomness are arguments, never ambient")]
pub fn draft(
    verifier: &Did,
    key: &str,
    purpose: &str,
    query: Query,
    trust: &TrustedState,
    now: u64,
    life: u64,
    rng: &mut dyn CryptoRng,
) -> Result<Request, AskError> {
    let registration = trust.verifier(verifier).ok_or(AskError::NotRegistered)?;
    let credential_type = trust.credential_type(&query.credential_type).ok_or(AskError::QueryNotAnswerable)?;
    if !query.fits(credential_type) {
        return Err(AskError::QueryNotAnswerable);
    }
    let request = Request::new(verifier.clone(), key, purpose, query, now, life, rng);
    request.check_registration(registration, credential_type)?; // REQ-06
    Ok(request)
}

/// A ready-made question that a verifier may ask for a purpose it registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredQuestion<'a> {
    /// The purpose.
    pub purpose: &'a Purpose,
    /// What is asked about.
    pub credential_type: &'a CredentialType,
    /// The question.
    pub profile: &'a Profile,
    /// The same, as it is checked.
    pub query: Query,
}

/// All ready-made questions that `verifier` may ask: those that its registration covers (REQ-06).
///
/// # Errors
/// [`AskError::NotRegistered`]
pub fn questions<'a>(verifier: &Did, trust: &'a TrustedState) -> Result<Vec<RegisteredQuestion<'a>>, AskError> {
    let registration = trust.verifier(verifier).ok_or(AskError::NotRegistered)?;
    let mut questions = Vec::new();
    for purpose in &registration.purposes {
        let types = purpose.permits.iter().filter_map(|permit| trust.credential_type(&permit.credential_type));
        for credential_type in types {
            let registered = credential_type.profiles.iter().filter_map(|profile| {
                let query = Query::of_profile(credential_type, profile);
                let covered = query.fits(credential_type) && query.check_purpose(purpose, credential_type).is_ok();
                covered.then_some(RegisteredQuestion { purpose, credential_type, profile, query })
            });
            questions.extend(registered);
        }
    }
    Ok(questions)
}
