//! One disclosure: salt, name and value of a claim, or salt and value of an array element (RFC 9901, section 4.2).

use rand_core::CryptoRng;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{NAME_MAX, SdJwtError};
use crate::crypto::jose::{TOKEN_MAX, base64url, from_base64url};
use crate::json;

/// The digest of a disclosure, or a decoy, as it stands in the credential.
pub(super) type Digest = String;

/// A disclosure as received, with the text that was hashed.
#[derive(Clone)]
pub(super) struct Disclosure<'a> {
    pub(super) text: &'a str,
    /// Nothing for an array element.
    pub(super) name: Option<String>,
    pub(super) value: Value,
}

impl<'a> Disclosure<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, SdJwtError> {
        let bytes = from_base64url(text).ok_or(SdJwtError::MalformedDisclosure)?;
        let Value::Array(mut parts) = json::read(&bytes, TOKEN_MAX)? else {
            return Err(SdJwtError::MalformedDisclosure);
        };
        let salted = parts.first().is_some_and(Value::is_string);
        let name = match (parts.len(), parts.get(1)) {
            (2, Some(_)) => None,
            (3, Some(Value::String(name))) => Some(name.clone()),
            _ => return Err(SdJwtError::MalformedDisclosure), // SDJ-03
        };
        if name.as_ref().is_some_and(|name| name.len() > NAME_MAX) {
            return Err(SdJwtError::TooLarge);
        }
        if name.as_ref().is_some_and(|name| reserved(name)) {
            return Err(SdJwtError::ReservedClaimName); // SDJ-04
        }
        match parts.pop() {
            Some(value) if salted => Ok(Self { text, name, value }),
            _ => Err(SdJwtError::MalformedDisclosure),
        }
    }

    /// The digest over the text as received, never over another spelling of it (SDJ-02).
    pub(super) fn digest(&self) -> Digest {
        digest(self.text)
    }
}

pub(super) fn digest(text: &str) -> Digest {
    base64url(&Sha256::digest(text))
}

/// Names with a meaning of their own.
pub(super) fn reserved(name: &str) -> bool {
    ["_sd", "_sd_alg", "..."].contains(&name)
}

/// The text of a new disclosure, with 128 bits of salt.
pub(super) fn write(name: Option<&str>, value: Value, rng: &mut impl CryptoRng) -> String {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let mut parts = vec![Value::String(base64url(&salt))];
    parts.extend(name.map(Value::from));
    parts.push(value);
    base64url(Value::Array(parts).to_string().as_bytes())
}

/// A digest of nothing that was ever written (RFC 9901, section 4.2.7).
pub(super) fn decoy(rng: &mut impl CryptoRng) -> Digest {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    base64url(&Sha256::digest(bytes))
}
