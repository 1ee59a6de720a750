//! What a holder checks of what it was issued, and a verifier of what it is shown.

use serde_json::{Map, Value};

use super::disclosure::digest;
use super::issue::ALWAYS_VISIBLE;
use super::process::{Processed, Step, process};
use super::{KEY_BINDING_KIND, KIND, SdJwt, SdJwtError};
use crate::crypto::jose::{Jwk, Jws, JwsError};
use crate::crypto::multikey::Multikey;
use crate::crypto::x509::{Purpose, Root, verify_chain};

/// How far a clock of someone else may be ahead, in seconds.
const AHEAD: u64 = 60;

/// What a verifier asked, for the holder's proof to answer.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// The verifier's identifier, with its prefix.
    pub audience: &'a str,
    /// The nonce of this request.
    pub nonce: &'a str,
    /// Now, Unix seconds.
    pub now: u64,
    /// Oldest proof that is accepted, in seconds.
    pub max_age: u64,
}

/// Whom to believe, and when.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The roots, for example those the ledger records.
    pub roots: &'a [Root],
    /// Now, Unix seconds.
    pub now: u64,
}

/// Claims under a signature that was checked; whether the signer is to be believed was the caller's question.
#[derive(Clone)]
pub struct AuthenticSdJwt {
    claims: Map<String, Value>,
    disclosed: Vec<Vec<Step>>,
    holder_proved: bool,
    transaction_hashes: Option<Vec<String>>,
}

impl AuthenticSdJwt {
    /// The claims: those in clear and those disclosed.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(super) fn disclosed(&self) -> &[Vec<Step>] {
        &self.disclosed
    }

    /// Paths of what was disclosed: names of members, `None` for an element of an array.
    #[must_use]
    pub fn disclosed_paths(&self) -> Vec<Vec<Option<&str>>> {
        self.disclosed.iter().map(|path| path.iter().map(Step::name).collect()).collect()
    }

    /// What the holder's proof says of transactions (`transaction_data_hashes`, OpenID4VP 1.0, appendix B.3.3.1).
    #[must_use]
    pub fn transaction_hashes(&self) -> Option<&[String]> {
        self.transaction_hashes.as_deref()
    }

    /// The holder's key (`cnf.jwk`, RFC 7800).
    ///
    /// # Errors
    /// [`SdJwtError::MissingField`], [`SdJwtError::Key`]
    pub fn holder_key(&self) -> Result<Multikey, SdJwtError> {
        let key = self.claims.get("cnf").and_then(|it| it.get("jwk")).ok_or(SdJwtError::MissingField)?;
        Ok(Jwk::from_json(key)?.key)
    }
}

impl core::fmt::Debug for AuthenticSdJwt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AuthenticSdJwt([redacted])")
    }
}

impl SdJwt<'_> {
    /// Checks a credential as the issuer hands it out: its signature by `key`, its disclosures, no holder's proof.
    /// `kind` is the media type that is expected, [`KIND`] for credentials.
    ///
    /// # Errors
    /// [`SdJwtError`]
    pub fn verify_issued(&self, key: &Multikey, kind: &str) -> Result<AuthenticSdJwt, SdJwtError> {
        if self.key_binding.is_some() {
            return Err(SdJwtError::UnexpectedHolderBinding);
        }
        self.authenticate(key, kind)
    }

    /// Checks a credential as a holder shows it: the issuer's signature by `key`, its disclosures, and the holder's
    /// proof for `challenge` (SDJ-09).
    ///
    /// # Errors
    /// [`SdJwtError`]
    pub fn verify_presented(
        &self,
        key: &Multikey,
        kind: &str,
        challenge: &Challenge<'_>,
    ) -> Result<AuthenticSdJwt, SdJwtError> {
        let proof = self.key_binding.ok_or(SdJwtError::HolderBindingMissing)?;
        let mut authentic = self.authenticate(key, kind)?;
        let holder = authentic.holder_key()?;
        let proof = Jws::read(proof)?;
        proof.expect_kind(KEY_BINDING_KIND)?;
        let proof = proof.verify(&holder).map_err(|error| match error {
            JwsError::Signature(_) | JwsError::KeyAlgorithmMismatch => SdJwtError::HolderBindingInvalid,
            other => other.into(),
        })?;
        let claims = proof.claims()?;
        check_binding(&claims, self.covered, challenge)?;
        authentic.transaction_hashes = transaction_hashes(&claims)?;
        authentic.holder_proved = true;
        Ok(authentic)
    }

    fn authenticate(&self, key: &Multikey, kind: &str) -> Result<AuthenticSdJwt, SdJwtError> {
        self.jws.expect_kind(kind)?; // SDJ-01
        let verified = self.jws.clone().verify(key)?;
        let Processed { claims, disclosed } = process(verified.claims()?, &self.disclosures)?;
        Ok(AuthenticSdJwt { claims, disclosed, holder_proved: false, transaction_hashes: None })
    }
}

/// Hashes of transactions, by SHA-256 and no other function.
fn transaction_hashes(claims: &Map<String, Value>) -> Result<Option<Vec<String>>, SdJwtError> {
    let Some(hashes) = claims.get("transaction_data_hashes") else { return Ok(None) };
    if claims.get("transaction_data_hashes_alg").is_some_and(|it| it != "sha-256") {
        return Err(SdJwtError::UnsupportedAlgorithm);
    }
    let hashes = hashes.as_array().ok_or(SdJwtError::MissingField)?;
    let text = |it: &Value| it.as_str().map(str::to_owned).ok_or(SdJwtError::MissingField);
    hashes.iter().map(text).collect::<Result<_, _>>().map(Some)
}

/// RFC 9901, section 7.3, point 5.
fn check_binding(claims: &Map<String, Value>, covered: &str, challenge: &Challenge<'_>) -> Result<(), SdJwtError> {
    let text = |name| claims.get(name).and_then(Value::as_str);
    // A list of audiences is refused, even of one: each proof is for one verifier.
    if text("aud") != Some(challenge.audience) {
        return Err(SdJwtError::AudienceMismatch);
    }
    if text("nonce") != Some(challenge.nonce) {
        return Err(SdJwtError::NonceMismatch);
    }
    let issued = claims.get("iat").and_then(Value::as_u64).ok_or(SdJwtError::MissingField)?;
    if issued > challenge.now.saturating_add(AHEAD) {
        return Err(SdJwtError::IssuedInFuture);
    }
    if issued.saturating_add(challenge.max_age) < challenge.now {
        return Err(SdJwtError::HolderBindingExpired);
    }
    if text("sd_hash") == Some(digest(covered).as_str()) { Ok(()) } else { Err(SdJwtError::TransactionMismatch) }
}

/// A credential of a trusted issuer, within its time. Status is the caller's next question.
#[derive(Clone)]
pub struct Verified {
    authentic: AuthenticSdJwt,
    root: Multikey,
}

impl Verified {
    /// The credential type (`vct`).
    #[must_use]
    pub fn kind(&self) -> &str {
        self.claims().get("vct").and_then(Value::as_str).unwrap_or_default()
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        self.authentic.claims()
    }

    /// Key of the root that the issuer's certificates end at.
    #[must_use]
    pub fn root(&self) -> &Multikey {
        &self.root
    }

    /// Whether the holder proved possession of the credential's key.
    #[must_use]
    pub fn holder_proved(&self) -> bool {
        self.authentic.holder_proved
    }

    /// What the signatures covered, for the rules of type metadata.
    #[must_use]
    pub fn authentic(&self) -> &AuthenticSdJwt {
        &self.authentic
    }
}

impl core::fmt::Debug for Verified {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Verified({}, [redacted])", self.kind())
    }
}

/// Checks what an issuer sent, before a wallet keeps it.
///
/// # Errors
/// [`SdJwtError`]
pub fn verify_issued(text: &str, kind: &str, trust: &Trust<'_>) -> Result<Verified, SdJwtError> {
    verify(text, kind, None, trust)
}

/// Checks what a holder shows in answer to `challenge`: a credential of the type `kind` (`vct`).
///
/// # Errors
/// [`SdJwtError`]
pub fn verify_presentation(
    text: &str,
    kind: &str,
    challenge: &Challenge<'_>,
    roots: &[Root],
) -> Result<Verified, SdJwtError> {
    verify(text, kind, Some(challenge), &Trust { roots, now: challenge.now })
}

fn verify(
    text: &str,
    kind: &str,
    challenge: Option<&Challenge<'_>>,
    trust: &Trust<'_>,
) -> Result<Verified, SdJwtError> {
    let sd_jwt = SdJwt::read(text)?;
    // SDJ-07: the issuer's key is what its certificates say, never what `jwk`, `jku`, `x5u` or `kid` offer.
    let leaf = verify_chain(&sd_jwt.header().certificates()?, trust.roots, Purpose::Credentials, trust.now)?;
    let authentic = match challenge {
        Some(challenge) => sd_jwt.verify_presented(&leaf.key, KIND, challenge)?,
        None => sd_jwt.verify_issued(&leaf.key, KIND)?,
    };
    let always = |step: &Step| matches!(step, Step::Member(name) if ALWAYS_VISIBLE.contains(&name.as_str()));
    if authentic.disclosed.iter().any(|path| path.first().is_some_and(always)) {
        return Err(SdJwtError::ClaimMustNotBeSelective); // SDJ-08
    }
    let claims = authentic.claims();
    match claims.get("vct").and_then(Value::as_str) {
        Some(named) if named == kind => {}
        Some(_) => return Err(SdJwtError::TypeMismatch),
        None => return Err(SdJwtError::MissingField),
    }
    let issued = check_time(claims, trust.now)?;
    leaf.check_time(issued)?; // CERT-03
    Ok(Verified { authentic, root: leaf.root })
}

/// When it was issued, if it is valid now: `nbf ≤ now < exp` (SDJ-10).
fn check_time(claims: &Map<String, Value>, now: u64) -> Result<u64, SdJwtError> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(SdJwtError::MissingField),
    };
    let issued = time("iat")?.ok_or(SdJwtError::MissingField)?;
    let expires = time("exp")?.ok_or(SdJwtError::MissingField)?;
    if issued > now.saturating_add(AHEAD) {
        return Err(SdJwtError::IssuedInFuture);
    }
    if time("nbf")?.is_some_and(|from| now < from) {
        return Err(SdJwtError::CredentialNotYetValid);
    }
    if now >= expires {
        return Err(SdJwtError::CredentialExpired);
    }
    Ok(issued)
}
