//! Public keys as JSON (RFC 7517, 7518 section 6, 8037), and their thumbprints (RFC 7638).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::from_base64url;
use crate::crypto::algorithm::Algorithm;
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::Multikey;

/// Why a JWK is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Members are missing or of the wrong type, or a number has the wrong length.
    #[error("the key does not have the members of its type; ask its owner to export it again")]
    MalformedKey,
    /// A key type or curve other than Ed25519, P-256 and P-384.
    #[error("this kind of key is not supported; use Ed25519, P-256 or P-384")]
    UnsupportedKey,
    /// `use`, `key_ops` or `alg` say that the key is for something else.
    #[error("the key is not for this use; ask its owner for the right one")]
    WrongKeyUse,
    /// The private half is in it.
    #[error("this is a private key; its owner must replace it")]
    PrivateKey,
    /// Not a point of the curve, or of small order.
    #[error(transparent)]
    Key(#[from] SignatureError),
}

/// A public key that verifies signatures, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// The key.
    pub key: Multikey,
    /// The owner's name for it (`kid`), when it has one.
    pub id: Option<String>,
}

impl Jwk {
    /// Reads a public key for verifying signatures (JOSE-05).
    ///
    /// # Errors
    /// [`JwkError`]
    pub fn from_json(value: &Value) -> Result<Self, JwkError> {
        let members = value.as_object().ok_or(JwkError::MalformedKey)?;
        let key = match (text(members, "kty")?, members.get("crv").and_then(Value::as_str)) {
            ("EC", Some("P-256")) => Multikey::p256_from_sec1(&point(members, 32)?)?,
            ("EC", Some("P-384")) => Multikey::p384_from_sec1(&point(members, 48)?)?,
            ("OKP", Some("Ed25519")) => Multikey::ed25519_from_bytes(&number(members, "x", 32)?)?,
            _ => return Err(JwkError::UnsupportedKey),
        };
        if ["d", "p", "q", "k"].iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::PrivateKey);
        }
        check_use(members, key.algorithm())?;
        let id = members.get("kid").map(|id| id.as_str().map(str::to_owned).ok_or(JwkError::MalformedKey));
        Ok(Self { key, id: id.transpose()? })
    }

    /// The public members, and `kid` when there is one.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = self.key.to_jwk().unwrap_or_default();
        if let (Some(id), Some(members)) = (&self.id, members.as_object_mut()) {
            members.insert("kid".into(), id.as_str().into());
        }
        members
    }

    /// The SHA-256 thumbprint (RFC 7638): a name of the key that everyone computes alike (JOSE-06).
    #[must_use]
    pub fn thumbprint(&self) -> [u8; 32] {
        // The required members are all there are; objects are sorted by name, and no value needs an escape.
        Sha256::digest(self.key.to_jwk().unwrap_or_default().to_string()).into()
    }
}

impl From<Multikey> for Jwk {
    fn from(key: Multikey) -> Self {
        Self { key, id: None }
    }
}

/// RFC 7517, sections 4.2 to 4.4.
fn check_use(members: &Map<String, Value>, algorithm: Option<Algorithm>) -> Result<(), JwkError> {
    if members.get("use").is_some_and(|it| it != "sig") {
        return Err(JwkError::WrongKeyUse);
    }
    if let Some(operations) = members.get("key_ops") {
        let operations = operations.as_array().ok_or(JwkError::MalformedKey)?;
        if !operations.iter().any(|it| it == "verify") {
            return Err(JwkError::WrongKeyUse);
        }
    }
    let named = members.get("alg");
    let fits = |it: &Value| it.as_str().and_then(super::jws::algorithm) == algorithm;
    if named.is_some_and(|it| !fits(it)) {
        return Err(JwkError::WrongKeyUse);
    }
    Ok(())
}

pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, JwkError> {
    members.get(name).and_then(Value::as_str).ok_or(JwkError::MalformedKey)
}

fn number(members: &Map<String, Value>, name: &str, len: usize) -> Result<Vec<u8>, JwkError> {
    from_base64url(text(members, name)?).filter(|bytes| bytes.len() == len).ok_or(JwkError::MalformedKey)
}

pub(super) fn point(members: &Map<String, Value>, len: usize) -> Result<Vec<u8>, JwkError> {
    let (x, y) = (number(members, "x", len)?, number(members, "y", len)?);
    Ok([vec![4], x, y].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::jose::base64url;

    /// RFC 8037, appendix A.2 and A.3.
    #[test]
    fn jose_06_thumbprint_of_rfc_8037() {
        let jwk = Jwk::from_json(&json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        }))
        .unwrap();
        assert_eq!(base64url(&jwk.thumbprint()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    fn key() -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "kid": "1",
            "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ", "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8"
        })
    }

    fn with(name: &str, value: Value) -> Result<Jwk, JwkError> {
        let mut key = key();
        key[name] = value;
        Jwk::from_json(&key)
    }

    #[test]
    fn jose_05_keys_for_other_uses_are_refused() {
        let jwk = Jwk::from_json(&key()).unwrap();
        assert_eq!(jwk.to_json(), key());
        for (name, value) in [("use", json!("sig")), ("alg", json!("ES256")), ("key_ops", json!(["verify"]))] {
            assert_eq!(with(name, value), Ok(jwk.clone()));
        }
        for (name, value) in [("use", json!("enc")), ("alg", json!("ES384")), ("key_ops", json!(["sign"]))] {
            assert_eq!(with(name, value), Err(JwkError::WrongKeyUse), "{name}");
        }
        assert_eq!(with("d", json!("AA")), Err(JwkError::PrivateKey));
        assert_eq!(with("kty", json!("RSA")), Err(JwkError::UnsupportedKey));
        assert_eq!(with("crv", json!("P-521")), Err(JwkError::UnsupportedKey));
        assert_eq!(with("crv", json!("P-384")), Err(JwkError::MalformedKey), "numbers of another length");
        assert_eq!(with("kid", json!(1)), Err(JwkError::MalformedKey));
        assert_eq!(with("y", key()["x"].clone()), Err(JwkError::Key(SignatureError::InvalidKey)));
        assert_eq!(Jwk::from_json(&json!([])), Err(JwkError::MalformedKey));
    }
}
