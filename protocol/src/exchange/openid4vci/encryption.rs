//! Encrypted requests and answers of the credential endpoints (section 10).
//!
//! Whoever wants the answer encrypted encrypts the request, so that nobody on the way puts a key of his own into it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::crypto::jose::{ContentEncryption, EncryptionKey, KEY_AGREEMENT, key_set};

/// Media type of an encrypted request or answer.
pub const ENCRYPTED: &str = "application/jwt";

/// How requests can be encrypted (`credential_request_encryption`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEncryption {
    /// The issuer's keys.
    pub jwks: Value,
    /// Content encryption.
    pub enc_values_supported: Vec<String>,
    /// Whether requests have to be encrypted.
    pub encryption_required: bool,
}

/// How answers can be encrypted (`credential_response_encryption`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEncryption {
    /// Key agreement.
    pub alg_values_supported: Vec<String>,
    /// Content encryption.
    pub enc_values_supported: Vec<String>,
    /// Whether answers have to be encrypted.
    pub encryption_required: bool,
}

impl RequestEncryption {
    /// What a server says that has this key, and leaves the choice to wallets.
    #[must_use]
    pub fn optional(key: EncryptionKey) -> Self {
        Self { jwks: key_set(&[key]), enc_values_supported: methods(), encryption_required: false }
    }

    /// The key and method that a wallet takes: the first key that it can use, and the strongest method.
    #[must_use]
    pub fn chosen(&self) -> Option<(EncryptionKey, ContentEncryption)> {
        let names_its_use = |key: &&Value| key.get("alg").is_some_and(|alg| alg == KEY_AGREEMENT);
        let keys = self.jwks.get("keys")?.as_array()?.iter().filter(names_its_use);
        let key = keys.filter_map(|key| EncryptionKey::from_json(key).ok()).find(|key| key.id.is_some())?;
        Some((key, strongest(&self.enc_values_supported)?))
    }
}

impl ResponseEncryption {
    /// What a server says that can do all we know, and leaves the choice to wallets.
    #[must_use]
    pub fn optional() -> Self {
        Self {
            alg_values_supported: vec![KEY_AGREEMENT.to_owned()],
            enc_values_supported: methods(),
            encryption_required: false,
        }
    }

    /// The method that a wallet takes.
    #[must_use]
    pub fn chosen(&self) -> Option<ContentEncryption> {
        let ours = self.alg_values_supported.iter().any(|alg| alg == KEY_AGREEMENT);
        strongest(&self.enc_values_supported).filter(|_| ours)
    }
}

fn methods() -> Vec<String> {
    ContentEncryption::ALL.iter().map(|method| method.name().to_owned()).collect()
}

fn strongest(offered: &[String]) -> Option<ContentEncryption> {
    ContentEncryption::ALL.into_iter().find(|method| offered.iter().any(|name| name == method.name()))
}

/// How the answer to a request is to be encrypted (`credential_response_encryption` of a request).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerTo {
    /// For whom.
    pub key: EncryptionKey,
    /// Content encryption.
    pub method: ContentEncryption,
}

impl AnswerTo {
    /// Reads the member of a request; `None` for a key, algorithm or method that is not announced, and for compression.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let jwk = value.get("jwk").filter(|jwk| jwk.get("alg").is_some_and(|alg| alg == KEY_AGREEMENT))?;
        let key = EncryptionKey::from_json(jwk).ok()?;
        let method = ContentEncryption::from_name(value.get("enc")?.as_str()?)?;
        value.get("zip").is_none().then_some(Self { key, method })
    }

    /// The member of a request.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "jwk": self.key.to_json(), "enc": self.method.name() })
    }
}
