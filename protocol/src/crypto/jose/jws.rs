//! JSON Web Signatures in compact form (RFC 7515).

use serde_json::{Map, Value};

use super::{base64url, from_base64url};
use crate::crypto::algorithm::Algorithm;
use crate::crypto::keys::{SignatureError, SignerError};
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::json::{self, JsonError};

/// Longest token that is read, in bytes.
pub const TOKEN_MAX: usize = 1 << 20;
/// Longest protected header, decoded, in bytes. A chain of four certificates fits.
const HEADER_MAX: usize = 16 * 1024;

/// Why a JWS is refused, or not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// More bytes than [`TOKEN_MAX`], or a header that is too long.
    #[error("the token is larger than allowed; ask the sender for a smaller one")]
    TooLarge,
    /// Not the compact form: a JSON serialisation, or the wrong number of parts.
    #[error("the token is not in compact form; ask the sender for header.payload.signature")]
    UnsupportedFormat,
    /// An encrypted token, or one whose `typ` names another kind.
    #[error("this is another kind of token; send the one that was asked for")]
    UnexpectedTokenType,
    /// Base64url with padding, another alphabet, spaces or bits behind the end.
    #[error("the token is not in its one encoding; ask the sender to encode it again")]
    NonCanonicalEncoding,
    /// A header parameter is missing or of the wrong type.
    #[error("the token's header is not well formed; ask the sender to make it again")]
    MalformedHeader,
    /// `none`, a symmetric algorithm, or any but ES256, ES384 and EdDSA.
    #[error("the token's algorithm is not allowed; use ES256, ES384 or EdDSA")]
    DisallowedAlgorithm,
    /// The header says that an extension must be understood.
    #[error("the token needs an extension that is not supported; ask the sender for one without")]
    UnsupportedCritical,
    /// The key is of another algorithm than the header says.
    #[error("the token's algorithm is not that of the key; do not trust it")]
    KeyAlgorithmMismatch,
    /// Header or payload are not JSON with one meaning.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The signature is not this key's over this token.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The key store did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// The algorithm that a JOSE name stands for.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "ES256" => Some(Algorithm::Es256),
        "ES384" => Some(Algorithm::Es384),
        // RFC 9864 names it Ed25519; RFC 8037 called it EdDSA.
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDsa),
        _ => None,
    }
}

/// The JOSE name of an algorithm.
fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es256 => "ES256",
        Algorithm::Es384 => "ES384",
        Algorithm::EdDsa => "EdDSA",
    }
}

/// The protected header of a token, received and not yet checked: it may help to find the key and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    members: Map<String, Value>,
    algorithm: Algorithm,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, JwsError> {
        let members = json::read_object(bytes, HEADER_MAX).map_err(|error| match error {
            JsonError::TooLarge => JwsError::TooLarge,
            other => other.into(),
        })?;
        let named = members.get("alg").and_then(Value::as_str).ok_or(JwsError::MalformedHeader)?;
        let algorithm = algorithm(named).ok_or(JwsError::DisallowedAlgorithm)?; // JOSE-03
        if members.contains_key("crit") || members.get("b64").is_some_and(|it| it != true) {
            return Err(JwsError::UnsupportedCritical); // JOSE-04
        }
        Ok(Self { members, algorithm })
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The media type (`typ`), as written.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.text("typ")
    }

    /// A parameter that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// A parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The certificates of `x5c`, leaf first, as DER (RFC 7515, section 4.1.6): standard base64, one to four.
    ///
    /// # Errors
    /// [`JwsError::MalformedHeader`] when there are none, too many, or they are not base64.
    pub fn certificates(&self) -> Result<Vec<Vec<u8>>, JwsError> {
        use base64::Engine as _;
        let list = self.get("x5c").and_then(Value::as_array).ok_or(JwsError::MalformedHeader)?;
        if list.is_empty() || list.len() > 4 {
            return Err(JwsError::MalformedHeader);
        }
        let standard = base64::engine::general_purpose::STANDARD;
        let read = |it: &Value| it.as_str().and_then(|text| standard.decode(text).ok());
        list.iter().map(|it| read(it).ok_or(JwsError::MalformedHeader)).collect()
    }
}

/// A received token. The payload can be read on a [`VerifiedJws`] only.
#[derive(Clone)]
pub struct Jws<'a> {
    signed: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads the compact form (JOSE-01…04).
    ///
    /// # Errors
    /// [`JwsError`], in the order size, form, encoding, header.
    pub fn read(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > TOKEN_MAX {
            return Err(JwsError::TooLarge);
        }
        let parts: Vec<&str> = text.splitn(6, '.').collect();
        let [header, payload, signature] = parts[..] else {
            // Five parts are an encrypted token (RFC 7516).
            let encrypted = parts.len() == 5 && !text.starts_with('{');
            return Err(if encrypted { JwsError::UnexpectedTokenType } else { JwsError::UnsupportedFormat });
        };
        if text.starts_with('{') {
            return Err(JwsError::UnsupportedFormat); // JOSE-01
        }
        let decode = |text| from_base64url(text).ok_or(JwsError::NonCanonicalEncoding);
        let (signed, _) = text.split_at(header.len() + 1 + payload.len());
        Ok(Self {
            signed,
            header: Header::read(&decode(header)?)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The header, not yet checked.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, not yet checked. Only for holders, of a token they checked when it was issued.
    pub(crate) fn unverified_claims(&self) -> Result<Map<String, Value>, JwsError> {
        Ok(json::read_object(&self.payload, TOKEN_MAX)?)
    }

    /// Refuses a token of another kind than `kind` (`typ`, compared without case; RFC 8725, section 3.11).
    ///
    /// # Errors
    /// [`JwsError::UnexpectedTokenType`]
    pub fn expect_kind(&self, kind: &str) -> Result<(), JwsError> {
        let named = self.header.kind().map(|it| it.strip_prefix("application/").unwrap_or(it));
        if named.is_some_and(|it| it.eq_ignore_ascii_case(kind)) { Ok(()) } else { Err(JwsError::UnexpectedTokenType) }
    }

    /// Checks the signature with a key that the caller trusts for this.
    ///
    /// # Errors
    /// [`JwsError::KeyAlgorithmMismatch`], [`JwsError::Signature`]
    pub fn verify(self, key: &Multikey) -> Result<VerifiedJws, JwsError> {
        if key.algorithm() != Some(self.header.algorithm) {
            return Err(JwsError::KeyAlgorithmMismatch); // JOSE-03
        }
        key.verify(self.signed.as_bytes(), &self.signature)?;
        Ok(VerifiedJws { header: self.header, payload: self.payload })
    }
}

impl core::fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Jws").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token whose signature was checked.
#[derive(Clone)]
pub struct VerifiedJws {
    header: Header,
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload's bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as a JSON object.
    ///
    /// # Errors
    /// [`JwsError::Json`]
    pub fn claims(&self) -> Result<Map<String, Value>, JwsError> {
        Ok(json::read_object(&self.payload, TOKEN_MAX)?)
    }
}

impl core::fmt::Debug for VerifiedJws {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VerifiedJws").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Signs `payload` under `header`, to which the signer's `alg` is added.
///
/// # Errors
/// [`JwsError::Signer`]; [`JwsError::KeyAlgorithmMismatch`] for a key that has no algorithm of JOSE.
pub fn sign(header: &Map<String, Value>, payload: &[u8], signer: &dyn StandardSigner) -> Result<String, JwsError> {
    let mut header = header.clone();
    let algorithm = signer.multikey().algorithm().ok_or(JwsError::KeyAlgorithmMismatch)?;
    header.insert("alg".into(), name(algorithm).into());
    let signed = format!("{}.{}", base64url(Value::Object(header).to_string().as_bytes()), base64url(payload));
    let signature = signer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", base64url(&signature)))
}

#[cfg(test)]
mod tests;
