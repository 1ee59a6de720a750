//! The answer (section 8).

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use serde_json::{Map, Value};

use super::{ClientMetadata, ResponseMode, VpError, form};
use crate::crypto::agreement::AgreementKey;
use crate::crypto::jose::{ContentEncryption, EncryptionKey, Jwe, Parties, TOKEN_MAX, encrypt};
use crate::exchange::dcql::LIST_MAX;
use crate::json;

/// Presentations by the identifiers of the credential queries that they answer.
#[derive(Clone, PartialEq, Default)]
pub struct VpToken(pub BTreeMap<String, Vec<Value>>);

/// Presentations are personal data: logs and panics never show them.
impl core::fmt::Debug for VpToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "VpToken({} queries, [redacted])", self.0.len())
    }
}

impl VpToken {
    /// Reads the object: lists of texts or objects, none of them empty (OVP-08).
    ///
    /// # Errors
    /// [`VpError::MalformedPresentation`]
    pub fn from_json(value: &Value) -> Result<Self, VpError> {
        let malformed = || VpError::MalformedPresentation("vp_token");
        let members = value.as_object().filter(|it| !it.is_empty() && it.len() <= LIST_MAX).ok_or_else(malformed)?;
        let read = |(id, list): (&String, &Value)| {
            let list = list.as_array().filter(|it| !it.is_empty() && it.len() <= LIST_MAX).ok_or_else(malformed)?;
            let plain = list.iter().all(|it| it.is_string() || it.is_object());
            if plain { Ok((id.clone(), list.clone())) } else { Err(malformed()) }
        };
        members.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |(id, list): (&String, &Vec<Value>)| (id.clone(), Value::Array(list.clone()));
        Value::Object(self.0.iter().map(list).collect())
    }
}

/// An answer with presentations.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The presentations.
    pub vp_token: VpToken,
    /// The request's `state`.
    pub state: Option<String>,
}

impl Response {
    /// The members of the answer: what is posted, encrypted, or given to a browser.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("vp_token".into(), self.vp_token.to_json());
        members.extend(self.state.as_ref().map(|it| ("state".to_owned(), it.as_str().into())));
        Value::Object(members)
    }

    /// The answer encrypted to the first key that can be used (OVP-09).
    ///
    /// # Errors
    /// [`VpError::EncryptionKeyMissing`], [`VpError::Jwe`]
    pub fn encrypt(&self, metadata: &ClientMetadata, rng: &mut (impl CryptoRng + ?Sized)) -> Result<String, VpError> {
        let key: &EncryptionKey = metadata.keys.first().ok_or(VpError::EncryptionKeyMissing)?;
        let method: ContentEncryption = *metadata.methods.first().ok_or(VpError::EncryptionKeyMissing)?;
        let content = self.to_json().to_string();
        Ok(encrypt(content.as_bytes(), None, key, method, &Parties::default(), rng)?)
    }

    /// The form that is posted.
    ///
    /// # Errors
    /// As [`Response::encrypt`].
    pub fn to_form(
        &self,
        mode: &ResponseMode,
        metadata: &ClientMetadata,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<String, VpError> {
        if mode.encrypted() {
            return Ok(form::write(&[("response", &self.encrypt(metadata, rng)?)]));
        }
        let token = self.vp_token.to_json().to_string();
        let mut parameters = vec![("vp_token", token.as_str())];
        parameters.extend(self.state.as_deref().map(|it| ("state", it)));
        Ok(form::write(&parameters))
    }

    /// Reads the members of an answer.
    ///
    /// # Errors
    /// [`VpError`]
    pub fn from_json(value: &Value) -> Result<Self, VpError> {
        let token = value.get("vp_token").ok_or(VpError::MalformedPresentation("vp_token"))?;
        let state = value.get("state").map(|it| it.as_str().map(str::to_owned));
        let state = state.map(|it| it.ok_or(VpError::MalformedPresentation("state"))).transpose()?;
        Ok(Self { vp_token: VpToken::from_json(token)?, state })
    }

    /// Opens an encrypted answer (OVP-09).
    ///
    /// # Errors
    /// [`VpError`]
    pub fn decrypt(text: &str, key: &AgreementKey) -> Result<Self, VpError> {
        let jwe = Jwe::read(text)?;
        jwe.expect_content(None)?;
        Self::from_json(&json::read(&jwe.decrypt(key)?, TOKEN_MAX)?)
    }

    /// Reads a posted form: encrypted where that was asked for, and in clear otherwise, never the other way (OVP-09).
    ///
    /// # Errors
    /// [`VpError`]
    pub fn from_form(parameters: &[(String, String)], key: Option<&AgreementKey>) -> Result<Self, VpError> {
        let get = |name: &str| parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
        match (key, get("response"), get("vp_token")) {
            (Some(key), Some(response), None) => Self::decrypt(response, key),
            (None, None, Some(token)) => {
                let token = VpToken::from_json(&json::read(token.as_bytes(), TOKEN_MAX)?)?;
                Ok(Self { vp_token: token, state: get("state").map(str::to_owned) })
            }
            (Some(_), _, _) => Err(VpError::MalformedPresentation("response")),
            (None, _, _) => Err(VpError::MalformedPresentation("vp_token")),
        }
    }
}

/// An answer without presentations (section 8.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The code, e.g. `access_denied`.
    pub error: String,
    /// The request's `state`.
    pub state: Option<String>,
}

impl ErrorResponse {
    /// What an owner's refusal and a wallet that does not hold what was asked both look like (OVP-10).
    #[must_use]
    pub fn declined(state: Option<&str>) -> Self {
        Self { error: "access_denied".to_owned(), state: state.map(str::to_owned) }
    }

    /// The form that is posted.
    #[must_use]
    pub fn to_form(&self) -> String {
        let mut parameters = vec![("error", self.error.as_str())];
        parameters.extend(self.state.as_deref().map(|it| ("state", it)));
        form::write(&parameters)
    }
}
