//! Proof that a wallet holds the key a credential is to be bound to: proof type `jwt` (appendix F.1).

use serde_json::{Map, Value, json};

use crate::crypto::algorithm::Algorithm;
use crate::crypto::jose::{self, Jwk, JwkError, Jws, JwsError};
use crate::crypto::multikey::{Multikey, StandardSigner};

/// Media type (`typ`).
pub const KIND: &str = "openid4vci-proof+jwt";
/// Longest proof, in bytes. A key attestation in its header fits.
const PROOF_MAX: usize = 32 * 1_024;
/// How far the wallet's clock may be ahead, in seconds.
const AHEAD: u64 = 60;
/// How old a proof may be, in seconds: as long as a nonce lives.
const AGE: u64 = 300;

/// Why a proof is refused. On the wire all of them are `invalid_proof`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProofError {
    /// The token itself, its kind and its signature.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The key in its header.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// No key in the header, or several ways to find one.
    #[error("a key proof names its key as jwk and in no other way")]
    ProofKeyMissing,
    /// An algorithm other than ES256.
    #[error("key proofs are signed with ES256")]
    ProofAlgorithmUnsupported,
    /// `aud` is not this issuer.
    #[error("the key proof is for another issuer")]
    ProofAudienceMismatch,
    /// `iss` is not the client that the token was given to.
    #[error("the key proof is by another client than the token's")]
    ProofClientMismatch,
    /// `iat` is missing, in the future or long past.
    #[error("the key proof is too old or from the future; check the clock")]
    ProofTimeInvalid,
    /// There is no nonce.
    #[error("the key proof has no nonce of the issuer")]
    ProofNonceMissing,
}

/// What a proof must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The credential issuer's identifier.
    pub issuer: &'a str,
    /// The client the access token was given to, if it said who it is.
    pub client: Option<&'a str>,
    /// Unix seconds.
    pub now: u64,
}

/// A proof that was checked, but for its nonce: whether that is good, the issuer's store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenKey {
    /// The key.
    pub key: Multikey,
    /// The issuer's nonce.
    pub nonce: String,
    /// The key attestation in its header, not yet checked.
    pub attestation: Option<String>,
}

/// Checks a proof (VCI-20).
///
/// # Errors
/// [`KeyProofError`]
pub fn check(proof: &str, expected: &Expected<'_>) -> Result<ProvenKey, KeyProofError> {
    if proof.len() > PROOF_MAX {
        return Err(JwsError::TooLarge.into());
    }
    let jws = Jws::read(proof)?;
    jws.expect_kind(KIND)?;
    if jws.header().algorithm() != Algorithm::Es256 {
        return Err(KeyProofError::ProofAlgorithmUnsupported);
    }
    let others = ["kid", "x5c", "trust_chain"].iter().any(|name| jws.header().get(name).is_some());
    let jwk = jws.header().get("jwk").filter(|_| !others).ok_or(KeyProofError::ProofKeyMissing)?;
    let key = Jwk::from_json(jwk)?.key;
    let attestation = jws.header().text("key_attestation").map(str::to_owned);
    let claims = jws.verify(&key)?.claims()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("aud") != Some(expected.issuer) {
        return Err(KeyProofError::ProofAudienceMismatch);
    }
    // A client that did not say who it is says nothing here, either.
    if claims.get("iss").is_some_and(|iss| iss.as_str().is_none_or(|iss| Some(iss) != expected.client)) {
        return Err(KeyProofError::ProofClientMismatch);
    }
    let issued = claims.get("iat").and_then(Value::as_u64).ok_or(KeyProofError::ProofTimeInvalid)?;
    if issued > expected.now.saturating_add(AHEAD) || issued < expected.now.saturating_sub(AGE) {
        return Err(KeyProofError::ProofTimeInvalid);
    }
    let nonce = text("nonce").ok_or(KeyProofError::ProofNonceMissing)?.to_owned();
    Ok(ProvenKey { key, nonce, attestation })
}

/// Makes a proof of `key` for the issuer, over its nonce.
///
/// # Errors
/// [`JwsError`] of the key store.
pub fn make(key: &dyn StandardSigner, expected: &Expected<'_>, nonce: Option<&str>) -> Result<String, JwsError> {
    make_attested(key, expected, nonce, None)
}

/// [`make`] with a key attestation in the header, which names `key` among others.
///
/// # Errors
/// [`JwsError`] of the key store.
pub fn make_attested(
    key: &dyn StandardSigner,
    expected: &Expected<'_>,
    nonce: Option<&str>,
    attestation: Option<&str>,
) -> Result<String, JwsError> {
    let mut header =
        Map::from_iter([("typ".to_owned(), KIND.into()), ("jwk".to_owned(), Jwk::from(key.multikey()).to_json())]);
    header.extend(attestation.map(|it| ("key_attestation".to_owned(), it.into())));
    let mut claims = json!({ "aud": expected.issuer, "iat": expected.now });
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    if let Some(client) = expected.client {
        claims["iss"] = client.into();
    }
    jose::sign(&header, claims.to_string().as_bytes(), key)
}
