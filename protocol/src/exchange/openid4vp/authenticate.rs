//! Who asks, and whether they may.

use super::{AUDIENCE, ClientId, REQUEST_KIND, RequestObject, Vocabulary, VpError, check_registration};
use crate::credential::Label;
use crate::crypto::jose::Jws;
use crate::crypto::multikey::Multikey;
use crate::crypto::x509::{Purpose as Use, verify_chain};
use crate::exchange::OverAsk;
use crate::exchange::dcql::{ClaimsQuery, CredentialQuery, DcqlQuery};
use crate::identifier::Did;
use crate::ledger::record::{Purposes, VerifierRegistration};
use crate::ledger::state::TrustedState;

/// How far the verifier's clock may be off, in seconds.
const CLOCK_SKEW: u64 = 60;

/// What the wallet knows of the request before it reads it.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `client_id` of the link; none where no link came before, as in a browser.
    pub client_id: Option<&'a str>,
    /// The nonce that was posted to fetch it.
    pub wallet_nonce: Option<&'a str>,
    /// The origin that the browser says, for the Digital Credentials API.
    pub origin: Option<&'a str>,
}

/// A request that is from who it says. Whether it stays within the registration is part of it, because the owner is told who
/// over-asks.
#[derive(Debug, Clone)]
pub struct AuthenticRequestObject {
    /// The question.
    pub request: RequestObject,
    /// The verifier on the ledger.
    pub verifier: Did,
    /// Its name, in both languages.
    pub name: Label,
    /// Why it asks, in both languages; none where the registration has no purpose for it.
    pub purpose: Option<Label>,
    over_ask: Option<OverAsk>,
    registration: VerifierRegistration,
    vocabulary: Vocabulary,
}

impl AuthenticRequestObject {
    /// What the verifier would see beyond its registration, if the query with this identifier is answered with a credential that
    /// cannot be shown in part and has claims of the subject at these places (RFC 6901) (OVP-17).
    #[must_use]
    pub fn shows_too_much<'a>(&self, query: &str, places: impl Iterator<Item = &'a str>) -> Option<OverAsk> {
        let asked = self.request.query.credentials.iter().find(|it| it.id == query)?;
        let claim = |place: &str| {
            let names: Vec<String> =
                place.split('/').skip(1).map(|it| it.replace("~1", "/").replace("~0", "~")).collect();
            ClaimsQuery::at(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let whole = CredentialQuery { claims: places.map(claim).collect(), ..asked.clone() };
        let whole = DcqlQuery { credentials: vec![whole], credential_sets: Vec::new() };
        let purpose = self.request.registration.as_ref().map(|(_, purpose)| purpose.as_str());
        check_registration(&whole, purpose, &self.registration, &self.vocabulary).err()
    }

    /// Refuses what the verifier did not register (OVP-06).
    ///
    /// # Errors
    /// [`VpError::OverAsk`]
    pub fn within_registration(&self) -> Result<(), VpError> {
        self.over_ask.clone().map_or(Ok(()), |over_ask| Err(over_ask.into()))
    }
}

/// Checks a signed request: signature, identity, registration, in this order (OVP-03 to OVP-06).
///
/// # Errors
/// [`VpError`]; asking for more than was registered comes last, and is said by
/// [`AuthenticRequestObject::within_registration`].
pub fn authenticate(
    text: &str,
    expected: &Expected<'_>,
    trust: &TrustedState,
    vocabulary: &Vocabulary,
    now: u64,
) -> Result<AuthenticRequestObject, VpError> {
    let jws = Jws::read(text)?;
    jws.expect_kind(REQUEST_KIND)?;
    // Only to find the key: everything is read again from what was verified.
    let claimed = jws.unverified_claims()?;
    let claimed = claimed.get("client_id").and_then(|it| it.as_str()).ok_or(VpError::MalformedRequest("client_id"))?;
    if expected.client_id.is_some_and(|it| it != claimed) {
        return Err(VpError::ClientIdMismatch);
    }
    let client_id = ClientId::read(claimed)?;
    let (key, did) = signer(&jws, &client_id, trust, now)?;
    let verified = jws.verify(&key).map_err(|_| VpError::RequestNotAuthenticated)?;
    let members = verified.claims()?;
    // A browser's request is for whoever the browser asks: `expected_origins` keeps it in its place (appendix A.3.2).
    if members.get("aud").map_or(expected.origin.is_none(), |it| it != AUDIENCE) {
        return Err(VpError::AudienceMismatch);
    }
    let request = RequestObject::from_json(&members)?;
    check(&request, expected, now)?;
    registered(request, did, trust, vocabulary)
}

/// What the ledger says of whoever asks this (OVP-04, OVP-06).
pub(super) fn registered(
    request: RequestObject,
    did: Did,
    trust: &TrustedState,
    vocabulary: &Vocabulary,
) -> Result<AuthenticRequestObject, VpError> {
    let registration = trust.verifier(&did).ok_or(VpError::VerifierNotRegistered)?;
    if request.registration.as_ref().is_some_and(|(named, _)| *named != did) {
        return Err(VpError::ClientIdMismatch);
    }
    let purpose = request.registration.as_ref().map(|(_, purpose)| purpose.as_str());
    let (purpose, over_ask) = match check_registration(&request.query, purpose, registration, vocabulary) {
        Ok(purpose) => (Some(purpose.text.clone()), None),
        Err(over_ask) => (purpose.and_then(|it| registration.purpose(it)).map(|it| it.text.clone()), Some(over_ask)),
    };
    let name = registration.name.clone();
    let (registration, vocabulary) = (registration.clone(), vocabulary.clone());
    Ok(AuthenticRequestObject { request, verifier: did, name, purpose, over_ask, registration, vocabulary })
}

/// The key that signs for this identifier, and whose it is on the ledger (OVP-03, OVP-04).
fn signer(jws: &Jws<'_>, client_id: &ClientId, trust: &TrustedState, now: u64) -> Result<(Multikey, Did), VpError> {
    match client_id {
        ClientId::DecentralizedIdentifier(did) => {
            let id = jws.header().text("kid").ok_or(VpError::KeyNotTrusted)?;
            let fragment = id.strip_prefix(did.as_str()).and_then(|it| it.strip_prefix('#'));
            let record = trust.did(did).ok_or(VpError::VerifierNotRegistered)?;
            let key = fragment.and_then(|it| record.key_for(it, Purposes::ASSERTION, now));
            let key = key.ok_or(VpError::KeyNotTrusted)?.key.to_multicodec();
            let key = Multikey::from_multicodec(&key).map_err(|_| VpError::KeyNotTrusted)?;
            Ok((key, did.clone()))
        }
        ClientId::X509Hash(_) | ClientId::X509SanDns(_) => {
            let chain = jws.header().certificates()?;
            let leaf = verify_chain(&chain, &trust.certificate_roots(), Use::Requests, now)?;
            client_id.check_certificate(chain.first().ok_or(VpError::KeyNotTrusted)?)?;
            let owner = trust.certificate_owners(leaf.root, now).next().ok_or(VpError::KeyNotTrusted)?;
            Ok((leaf.key, owner.clone()))
        }
    }
}

/// What does not depend on who asks.
fn check(request: &RequestObject, expected: &Expected<'_>, now: u64) -> Result<(), VpError> {
    if expected.wallet_nonce.is_some() && request.wallet_nonce.as_deref() != expected.wallet_nonce {
        return Err(VpError::WalletNonceMismatch); // K10
    }
    let early = request.issued_at.is_some_and(|at| at > now.saturating_add(CLOCK_SKEW));
    if early || request.expires_at.is_some_and(|at| now >= at) {
        return Err(VpError::RequestExpired); // K11
    }
    match (&request.response, expected.origin) {
        (super::ResponseMode::DcApi(origins) | super::ResponseMode::DcApiJwt(origins), Some(origin)) => {
            // K15
            if origins.iter().any(|it| it == origin) { Ok(()) } else { Err(VpError::ResponseUriNotCovered) }
        }
        (response, None) => {
            let uri = response.uri().ok_or(VpError::MalformedRequest("response_mode"))?;
            request.client_id.check_response_uri(uri)
        }
        _ => Err(VpError::MalformedRequest("response_mode")),
    }
}
