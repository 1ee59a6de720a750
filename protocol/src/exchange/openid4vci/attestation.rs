//! What a wallet's provider says of the wallet and of its keys: wallet attestations (appendix E; OAuth 2.0
//! attestation-based client authentication, draft 7) and key attestations (appendix D).
//!
//! Both are signed under a root that the issuer trusts for this. Every wallet of a provider has the same name.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::crypto::algorithm::Algorithm;
use crate::crypto::jose::{self, Jwk, JwkError, Jws, JwsError, base64url};
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::crypto::x509::{CertificateError, Purpose, Root, verify_chain};

/// How a wallet authenticates with an attestation, in an authorisation server's metadata.
pub const CLIENT_METHOD: &str = "attest_jwt_client_auth";
/// Header that has the wallet attestation.
pub const CLIENT_HEADER: &str = "oauth-client-attestation";
/// Header that has the proof of its key.
pub const POSSESSION_HEADER: &str = "oauth-client-attestation-pop";
/// Media type (`typ`) of a wallet attestation.
pub const CLIENT_KIND: &str = "oauth-client-attestation+jwt";
/// Media type (`typ`) of the proof of its key.
pub const POSSESSION_KIND: &str = "oauth-client-attestation-pop+jwt";
/// Media type (`typ`) of a key attestation.
pub const KEYS_KIND: &str = "key-attestation+jwt";
/// Longest attestation or proof, in bytes. A chain of certificates and sixteen keys fit.
const ATTESTATION_MAX: usize = 24 * 1_024;
/// Longest name of a wallet, and longest identifier of a proof, in bytes.
const TEXT_MAX: usize = 256;
/// Most keys of one attestation that are read.
const KEYS_MAX: usize = 16;
/// How far a provider's or wallet's clock may be ahead, in seconds.
const AHEAD: u64 = 60;
/// How old a proof may be, in seconds.
const AGE: u64 = 300;

/// Why an attestation is refused. On the wire `invalid_client` of a wallet, `invalid_proof` of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// The token itself, its kind and its signature.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A key in it.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// Nobody trusted vouches for whoever signed it.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A claim is missing or of the wrong type, or the algorithm is not ES256.
    #[error("the attestation is not well formed")]
    AttestationMalformed,
    /// It is not good any more, or not yet.
    #[error("the attestation has run out or is from the future; ask the wallet's provider for another")]
    AttestationTimeInvalid,
    /// The proof is for another server.
    #[error("the wallet proved its key to another server")]
    PossessionAudienceMismatch,
    /// The proof is by another wallet than the attested one.
    #[error("the proof is by another wallet than the attested one")]
    PossessionClientMismatch,
    /// `iat` is missing, in the future or long past, or `exp` is over.
    #[error("the wallet's proof is too old or from the future; check the clock")]
    PossessionTimeInvalid,
}

/// A wallet that was attested, but for repetition: the server's store knows of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedClient {
    /// Its `client_id`, the same for all wallets of the provider.
    pub id: String,
    /// What must not come again: a digest of key and proof identifier, not of the signature.
    pub once: [u8; 32],
}

/// Checks a wallet attestation and the proof of its key (VCI-60, VCI-61) for the authorisation server `server`.
///
/// # Errors
/// [`AttestationError`]
pub fn check_client(
    attestation: &str,
    possession: &str,
    server: &str,
    roots: &[Root],
    now: u64,
) -> Result<AttestedClient, AttestationError> {
    let claims = vouched(attestation, CLIENT_KIND, roots, now)?;
    // VCI-60
    let id = claims.get("sub").and_then(Value::as_str).filter(|id| !id.is_empty() && id.len() <= TEXT_MAX);
    let id = id.ok_or(AttestationError::AttestationMalformed)?.to_owned();
    if claims.get("exp").is_none() {
        return Err(AttestationError::AttestationMalformed);
    }
    let jwk = claims.get("cnf").and_then(|it| it.get("jwk")).ok_or(AttestationError::AttestationMalformed)?;
    let jwk = Jwk::from_json(jwk)?;
    // VCI-61
    let proof = read(possession, POSSESSION_KIND)?.verify(&jwk.key)?.claims()?;
    let text = |name: &str| proof.get(name).and_then(Value::as_str);
    let audience = match proof.get("aud") {
        Some(Value::Array(several)) => several.iter().any(|it| it == server),
        one => one.is_some_and(|it| it == server),
    };
    if !audience {
        return Err(AttestationError::PossessionAudienceMismatch);
    }
    if proof.get("iss").is_some_and(|iss| iss.as_str() != Some(&id)) {
        return Err(AttestationError::PossessionClientMismatch);
    }
    let issued = proof.get("iat").and_then(Value::as_u64).ok_or(AttestationError::PossessionTimeInvalid)?;
    let over = proof.get("exp").is_some_and(|exp| exp.as_u64().is_none_or(|exp| exp <= now));
    if over || issued > now.saturating_add(AHEAD) || issued < now.saturating_sub(AGE) {
        return Err(AttestationError::PossessionTimeInvalid);
    }
    let number = text("jti").filter(|it| !it.is_empty() && it.len() <= TEXT_MAX);
    let number = number.ok_or(AttestationError::AttestationMalformed)?;
    let once = Sha256::new().chain_update(POSSESSION_KIND).chain_update(jwk.thumbprint()).chain_update(number);
    Ok(AttestedClient { id, once: once.finalize().into() })
}

/// Makes the proof that a wallet has the key of its attestation. `id` must be new for each proof; 16 random bytes are.
///
/// # Errors
/// [`JwsError`] of the key store.
pub fn make_possession(
    key: &dyn StandardSigner,
    client: &str,
    server: &str,
    now: u64,
    id: [u8; 16],
) -> Result<String, JwsError> {
    let header = Map::from_iter([("typ".to_owned(), POSSESSION_KIND.into())]);
    let claims = json!({ "iss": client, "aud": server, "jti": base64url(&id), "iat": now });
    jose::sign(&header, claims.to_string().as_bytes(), key)
}

/// What an issuer wants of the storage of keys; each list is what it accepts, and anything when empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyRequirements {
    /// How hard the keys are to get at, e.g. `iso_18045_high`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_storage: Vec<String>,
    /// How hard the owner's consent is to get around.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_authentication: Vec<String>,
}

/// Keys that a wallet's provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedKeys {
    /// The keys, all P-256.
    pub keys: Vec<Multikey>,
    /// The issuer's nonce, if there is one.
    pub nonce: Option<String>,
    /// What is said of their storage.
    pub key_storage: Vec<String>,
    /// What is said of the owner's consent.
    pub user_authentication: Vec<String>,
}

impl AttestedKeys {
    /// Whether they are what an issuer wants.
    #[must_use]
    pub fn meet(&self, wanted: &KeyRequirements) -> bool {
        let one_of =
            |said: &[String], wanted: &[String]| wanted.is_empty() || said.iter().any(|it| wanted.contains(it));
        one_of(&self.key_storage, &wanted.key_storage) && one_of(&self.user_authentication, &wanted.user_authentication)
    }
}

/// Checks a key attestation (VCI-63). One that comes in a key proof says until when it is good.
///
/// # Errors
/// [`AttestationError`]
pub fn check_keys(
    attestation: &str,
    in_proof: bool,
    roots: &[Root],
    now: u64,
) -> Result<AttestedKeys, AttestationError> {
    let malformed = AttestationError::AttestationMalformed;
    let claims = vouched(attestation, KEYS_KIND, roots, now)?;
    if claims.get("iat").is_none() || (in_proof && claims.get("exp").is_none()) {
        return Err(malformed);
    }
    let listed = claims.get("attested_keys").and_then(Value::as_array).ok_or(malformed)?;
    if listed.is_empty() || listed.len() > KEYS_MAX {
        return Err(malformed);
    }
    let keys = listed.iter().map(|key| Ok(Jwk::from_json(key)?.key)).collect::<Result<Vec<_>, AttestationError>>()?;
    if keys.iter().any(|key| key.algorithm() != Some(Algorithm::Es256)) {
        return Err(malformed);
    }
    let nonce = match claims.get("nonce") {
        None => None,
        Some(nonce) => Some(nonce.as_str().ok_or(malformed)?.to_owned()),
    };
    let texts = |name: &str| match claims.get(name) {
        None => Ok(Vec::new()),
        Some(list) => serde_json::from_value(list.clone()).map_err(|_| malformed),
    };
    Ok(AttestedKeys {
        keys,
        nonce,
        key_storage: texts("key_storage")?,
        user_authentication: texts("user_authentication")?,
    })
}

fn read<'a>(token: &'a str, kind: &str) -> Result<Jws<'a>, AttestationError> {
    if token.len() > ATTESTATION_MAX {
        return Err(JwsError::TooLarge.into());
    }
    let jws = Jws::read(token)?;
    jws.expect_kind(kind)?;
    if jws.header().algorithm() != Algorithm::Es256 {
        return Err(AttestationError::AttestationMalformed);
    }
    Ok(jws)
}

/// The claims of a token that a trusted provider signed and that is good at `now`.
fn vouched(token: &str, kind: &str, roots: &[Root], now: u64) -> Result<Map<String, Value>, AttestationError> {
    let jws = read(token, kind)?;
    let leaf = verify_chain(&jws.header().certificates()?, roots, Purpose::Attestations, now)?;
    let claims = jws.verify(&leaf.key)?.claims()?;
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(at) => at.as_u64().map(Some).ok_or(AttestationError::AttestationMalformed),
    };
    let latest = now.saturating_add(AHEAD);
    let young = time("iat")?.is_some_and(|at| at > latest) || time("nbf")?.is_some_and(|at| at > latest);
    if young || time("exp")?.is_some_and(|at| at <= now) {
        return Err(AttestationError::AttestationTimeInvalid);
    }
    Ok(claims)
}

/// A wallet's provider: signs what it says of wallets and keys.
#[derive(Clone, Copy)]
pub struct Provider<'a> {
    /// The key.
    pub signer: &'a dyn StandardSigner,
    /// Its certificates, leaf first and without the root.
    pub chain: &'a [Vec<u8>],
}

impl Provider<'_> {
    /// Says that a wallet of the name `client` has `key`, until `until` (Unix seconds).
    ///
    /// # Errors
    /// [`JwsError`] of the key store.
    pub fn attest_client(
        &self,
        client: &str,
        wallet_name: &str,
        key: &Multikey,
        now: u64,
        until: u64,
    ) -> Result<String, JwsError> {
        let cnf = json!({ "jwk": Jwk::from(*key).to_json() });
        let claims = json!({ "sub": client, "wallet_name": wallet_name, "cnf": cnf, "iat": now, "exp": until });
        self.sign(CLIENT_KIND, &claims)
    }

    /// Says how `keys` are kept, until `until` (Unix seconds).
    ///
    /// # Errors
    /// [`JwsError`] of the key store.
    pub fn attest_keys(
        &self,
        keys: &[Multikey],
        kept: &KeyRequirements,
        nonce: Option<&str>,
        now: u64,
        until: u64,
    ) -> Result<String, JwsError> {
        let keys: Vec<Value> = keys.iter().map(|key| Jwk::from(*key).to_json()).collect();
        let mut claims = json!({ "attested_keys": keys, "iat": now, "exp": until });
        for (name, said) in [("key_storage", &kept.key_storage), ("user_authentication", &kept.user_authentication)] {
            if !said.is_empty() {
                claims[name] = json!(said);
            }
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        self.sign(KEYS_KIND, &claims)
    }

    fn sign(&self, kind: &str, claims: &Value) -> Result<String, JwsError> {
        let encode = |der: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(der);
        let chain: Vec<String> = self.chain.iter().map(encode).collect();
        let header = Map::from_iter([("typ".to_owned(), kind.into()), ("x5c".to_owned(), chain.into())]);
        jose::sign(&header, claims.to_string().as_bytes(), self.signer)
    }
}

#[cfg(test)]
mod tests;
