//! Proof with each request that the sender holds the key its tokens are bound to: DPoP (RFC 9449).

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::crypto::algorithm::Algorithm;
use crate::crypto::jose::{self, Jwk, JwkError, Jws, JwsError, base64url};
use crate::crypto::multikey::StandardSigner;

/// Media type (`typ`).
pub const KIND: &str = "dpop+jwt";
/// Longest proof, in bytes.
const PROOF_MAX: usize = 4 * 1_024;
/// Longest identifier of a proof, in bytes.
const ID_MAX: usize = 256;
/// How far the sender's clock may be ahead, in seconds.
const AHEAD: u64 = 60;
/// How old a proof may be, in seconds. A server remembers proofs for this long and [`AHEAD`].
const AGE: u64 = 300;
/// How long a proof has to be remembered after it was seen, in seconds.
pub const REMEMBER: u64 = AGE + AHEAD;

/// Why a proof is refused. On the wire all of them are `invalid_dpop_proof`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// The token itself, its kind and its signature.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The key in its header.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// A claim is missing or of the wrong type, or the algorithm is not ES256.
    #[error("the DPoP proof is not well formed")]
    DpopMalformed,
    /// Another method or address.
    #[error("the DPoP proof is for another request")]
    DpopRequestMismatch,
    /// `iat` is in the future or long past.
    #[error("the DPoP proof is too old or from the future; check the clock")]
    DpopTimeInvalid,
    /// `ath` is missing, there without a token, or another token's.
    #[error("the DPoP proof is for another access token")]
    DpopTokenMismatch,
}

/// The request that a proof comes with.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Its address, as the server announces it.
    pub address: &'a str,
    /// The access token that is sent with it.
    pub token: Option<&'a str>,
}

/// A proof that was checked, but for nonce and repetition: the server's store knows of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dpop {
    /// SHA-256 thumbprint of the key (RFC 7638): what tokens are bound to.
    pub thumbprint: [u8; 32],
    /// The server's nonce, if there is one.
    pub nonce: Option<String>,
    /// What must not come again: a digest of the key and the proof's identifier. Not of the signature, of which there
    /// are two for each message.
    pub once: [u8; 32],
}

/// Checks the proof of a request (VCI-10; RFC 9449, section 4.3).
///
/// # Errors
/// [`DpopError`]
pub fn check(proof: &str, request: &Request<'_>, now: u64) -> Result<Dpop, DpopError> {
    if proof.len() > PROOF_MAX {
        return Err(JwsError::TooLarge.into());
    }
    let jws = Jws::read(proof)?;
    jws.expect_kind(KIND)?;
    if jws.header().algorithm() != Algorithm::Es256 {
        return Err(DpopError::DpopMalformed);
    }
    let jwk = Jwk::from_json(jws.header().get("jwk").ok_or(DpopError::DpopMalformed)?)?;
    let claims = jws.verify(&jwk.key)?.claims()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let (Some(id), Some(method), Some(address)) = (text("jti"), text("htm"), text("htu")) else {
        return Err(DpopError::DpopMalformed);
    };
    if id.is_empty() || id.len() > ID_MAX {
        return Err(DpopError::DpopMalformed);
    }
    if method != request.method || target(address) != target(request.address) {
        return Err(DpopError::DpopRequestMismatch);
    }
    let issued = claims.get("iat").and_then(Value::as_u64).ok_or(DpopError::DpopMalformed)?;
    if issued > now.saturating_add(AHEAD) || issued < now.saturating_sub(AGE) {
        return Err(DpopError::DpopTimeInvalid);
    }
    if claims.get("ath").and_then(Value::as_str).map(str::to_owned) != request.token.map(token_hash)
        || (claims.contains_key("ath") && request.token.is_none())
    {
        return Err(DpopError::DpopTokenMismatch);
    }
    let nonce = match claims.get("nonce") {
        None => None,
        Some(nonce) => Some(nonce.as_str().ok_or(DpopError::DpopMalformed)?.to_owned()),
    };
    let thumbprint = jwk.thumbprint();
    let once = Sha256::new().chain_update(thumbprint).chain_update(id).finalize().into();
    Ok(Dpop { thumbprint, nonce, once })
}

/// Makes the proof of a request. `id` must be new for each proof; 16 random bytes are.
///
/// # Errors
/// [`JwsError`] of the key store.
pub fn make(
    key: &dyn StandardSigner,
    request: &Request<'_>,
    nonce: Option<&str>,
    now: u64,
    id: [u8; 16],
) -> Result<String, JwsError> {
    let header =
        Map::from_iter([("typ".to_owned(), KIND.into()), ("jwk".to_owned(), Jwk::from(key.multikey()).to_json())]);
    let address = request.address.split(['?', '#']).next().unwrap_or_default();
    let mut claims = json!({ "jti": base64url(&id), "htm": request.method, "htu": address, "iat": now });
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    if let Some(token) = request.token {
        claims["ath"] = token_hash(token).into();
    }
    jose::sign(&header, claims.to_string().as_bytes(), key)
}

/// `ath`: the digest of an access token.
fn token_hash(token: &str) -> String {
    base64url(&Sha256::digest(token))
}

/// An address without query and fragment, scheme and host in small letters, without the scheme's own port
/// (RFC 3986, sections 6.2.2 and 6.2.3).
fn target(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let start = address.find("://").map_or(0, |at| at + 3);
    let split = address.get(start..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| start + at);
    let (origin, path) = address.split_at(split);
    let origin = origin.to_ascii_lowercase();
    let port = if origin.starts_with("https://") { ":443" } else { ":80" };
    let path = if path.is_empty() { "/" } else { path };
    format!("{}{path}", origin.strip_suffix(port).unwrap_or(&origin))
}
