//! Transactions that a holder agrees to by presenting (sections 5.1 and 8.4).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::VpError;
use crate::crypto::jose::{base64url, from_base64url};
use crate::exchange::dcql::{DcqlQuery, Meta};
use crate::json;

/// The one type that is known here: a text that the holder reads, in Korean and English.
pub const TRANSACTION_TEXT: &str = "urn:kr:mid:transaction-text:1";
/// Longest transaction, in bytes.
const SIZE_MAX: usize = 4096;

/// A text to agree to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionData {
    /// Identifiers of credential queries, of which one answers for it.
    pub credential_ids: Vec<String>,
    /// The text in Korean.
    pub text_ko: String,
    /// The text in English.
    pub text_en: String,
    /// As it was sent: this is what is hashed.
    encoded: String,
}

impl TransactionData {
    /// A new transaction.
    #[must_use]
    pub fn new(credential_ids: Vec<String>, text_ko: &str, text_en: &str) -> Self {
        let members = serde_json::json!({
            "type": TRANSACTION_TEXT, "credential_ids": credential_ids, "text_ko": text_ko, "text_en": text_en,
            "transaction_data_hashes_alg": ["sha-256"],
        });
        let encoded = base64url(members.to_string().as_bytes());
        Self { credential_ids, text_ko: text_ko.to_owned(), text_en: text_en.to_owned(), encoded }
    }

    /// Reads a transaction: of a known type, with nothing unknown in it (OVP-07).
    ///
    /// # Errors
    /// [`VpError::InvalidTransactionData`]
    pub fn read(encoded: &str) -> Result<Self, VpError> {
        let invalid = VpError::InvalidTransactionData;
        let bytes = from_base64url(encoded).ok_or(invalid.clone())?;
        let members = json::read_object(&bytes, SIZE_MAX).map_err(|_| invalid.clone())?;
        let known = ["type", "credential_ids", "text_ko", "text_en", "transaction_data_hashes_alg"];
        let algorithms = members.get("transaction_data_hashes_alg");
        let hashed = algorithms.is_none_or(|it| it.as_array().is_some_and(|it| it.iter().any(|it| it == "sha-256")));
        if !members.keys().all(|it| known.contains(&it.as_str())) || !hashed {
            return Err(invalid);
        }
        if text(&members, "type")? != TRANSACTION_TEXT {
            return Err(invalid);
        }
        let ids = members.get("credential_ids").and_then(Value::as_array).ok_or(invalid.clone())?;
        let ids = ids.iter().map(|it| it.as_str().map(str::to_owned));
        let credential_ids: Vec<String> = ids.collect::<Option<_>>().ok_or(invalid)?;
        let (text_ko, text_en) = (text(&members, "text_ko")?, text(&members, "text_en")?);
        Ok(Self { credential_ids, text_ko, text_en, encoded: encoded.to_owned() })
    }

    /// Refuses a transaction that no credential of the query can answer for: only the holder's proof of an SD-JWT carries
    /// hashes (OVP-07).
    pub(super) fn check(&self, query: &DcqlQuery) -> Result<(), VpError> {
        let bound = |id: &String| {
            query.credential(id).is_some_and(|it| matches!(it.meta, Meta::SdJwt { .. }) && it.holder_binding)
        };
        let all = !self.credential_ids.is_empty() && self.credential_ids.iter().all(bound);
        if all { Ok(()) } else { Err(VpError::InvalidTransactionData) }
    }

    /// As it is sent.
    #[must_use]
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// What the holder's proof says of it.
    #[must_use]
    pub fn hash(&self) -> String {
        base64url(&Sha256::digest(self.encoded.as_bytes()))
    }
}

fn text(members: &Map<String, Value>, name: &str) -> Result<String, VpError> {
    members.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(VpError::InvalidTransactionData)
}
