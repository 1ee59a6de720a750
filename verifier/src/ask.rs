//! Building requests.

use protocol::crypto::keys::Signer;
use protocol::exchange::{OverAsk, Query, Request, SignedRequest};
use protocol::identifier::Did;
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
    let registration = trust.verifier(&identity.did).ok_or(AskError::NotRegistered)?;
    let credential_type = trust.credential_type(&query.credential_type).ok_or(AskError::QueryNotAnswerable)?;
    if !query.fits(credential_type) {
        return Err(AskError::QueryNotAnswerable);
    }
    let request = Request::new(identity.did.clone(), &identity.key, purpose, query, now, life, rng);
    request.check_registration(registration, credential_type)?; // REQ-06
    request.sign(identity.signer).map_err(|_| AskError::SigningFailed)
}
