//! Encrypted requests and answers (section 10): the issuer's keys change every week, the four before still open.

use hmac::{Hmac, KeyInit, Mac};
use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{EncryptionKey, Jwe, Parties, base64url, encrypt};
use protocol::exchange::openid4vci::encryption::{AnswerTo, RequestEncryption};
use protocol::exchange::openid4vci::{ErrorCode, MESSAGE_MAX};
use protocol::json;
use rand_core::CryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::inside;
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::KeyStoreError;

/// Keeps keys apart from everything else made with a secret. It never leaves the issuer.
const LABEL: &[u8] = b"mid/v1/issuer/request-encryption;";
/// Seconds for which a key is announced. Metadata are good for a day.
const PERIOD: u64 = 7 * 86_400;
/// How many periods a key opens requests after its own, for wallets that wait for a clerk.
const KEPT: u64 = 4;

/// A request that was opened, and for whom its answer is to be encrypted.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened<T> {
    /// The request.
    pub message: T,
    /// Nobody, when the answer is to be in clear.
    pub answer_to: Option<AnswerTo>,
}

impl<T> Opened<T> {
    /// The answer encrypted, when that was asked for.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidEncryptionParameters`] when it does not fit into a token.
    pub fn seal<R: CryptoRng + ?Sized>(
        &self,
        answer: &impl Serialize,
        rng: &mut R,
    ) -> Result<Option<String>, ErrorCode> {
        let Some(to) = &self.answer_to else { return Ok(None) };
        let content = serde_json::to_vec(answer).map_err(|_| ErrorCode::TemporarilyUnavailable)?;
        let sealed = encrypt(&content, None, &to.key, to.method, &Parties::default(), rng);
        sealed.map(Some).map_err(|_| ErrorCode::InvalidEncryptionParameters)
    }
}

impl Issuer {
    /// What the metadata say of encrypted requests.
    pub(super) fn request_encryption<R: CryptoRng + ?Sized>(
        &self,
        now: u64,
        rng: &mut R,
    ) -> Result<RequestEncryption, IssuerError> {
        let secret = self.openid_secret(rng)?;
        let key = private_key(&secret, now / PERIOD).ok_or(KeyStoreError::KeyUnavailable)?;
        Ok(RequestEncryption::optional(public(&key).ok_or(KeyStoreError::KeyUnavailable)?))
    }

    /// Reads a request of a credential endpoint, which may be `encrypted` (VCI-24).
    ///
    /// # Errors
    /// `malformed` for what is no such message, [`ErrorCode::InvalidEncryptionParameters`],
    /// [`ErrorCode::TemporarilyUnavailable`]
    pub fn openid_open<T: DeserializeOwned>(
        &self,
        body: &[u8],
        encrypted: bool,
        malformed: ErrorCode,
        now: u64,
    ) -> Result<Opened<T>, ErrorCode> {
        let opened = if encrypted { Some(self.decrypt(body, now)?) } else { None };
        let content = opened.as_deref().map_or(body, Vec::as_slice);
        let value = json::read(content, MESSAGE_MAX).map_err(|_| malformed)?;
        let answer_to = match value.get("credential_response_encryption") {
            None | Some(Value::Null) => None,
            // In clear, anybody on the way could have put another key there.
            Some(_) if !encrypted => return Err(ErrorCode::InvalidEncryptionParameters),
            Some(to) => Some(AnswerTo::read(to).ok_or(ErrorCode::InvalidEncryptionParameters)?),
        };
        let message = serde_json::from_value(value).map_err(|_| malformed)?;
        Ok(Opened { message, answer_to })
    }

    /// Opens a token that is encrypted for a key of the last weeks.
    fn decrypt(&self, body: &[u8], now: u64) -> Result<Zeroizing<Vec<u8>>, ErrorCode> {
        let refused = ErrorCode::InvalidEncryptionParameters;
        let text = core::str::from_utf8(body).ok().filter(|text| text.len() <= MESSAGE_MAX).ok_or(refused)?;
        let token = Jwe::read(text.trim()).map_err(|_| refused)?;
        let secret = self.store.read(|store| store.openid_secret()).map_err(inside)?.ok_or(refused)?;
        let this = now / PERIOD;
        let periods = this.saturating_sub(KEPT)..=this;
        let mut keys = periods.rev().filter_map(|period| private_key(&secret, period));
        let named = |key: &AgreementKey| public(key).is_some_and(|it| it.id.as_deref() == token.key_id());
        let key = keys.find(named).ok_or(refused)?;
        token.decrypt(&key).map(Zeroizing::new).map_err(|_| refused)
    }
}

/// The key of a period, made of the issuer's secret.
fn private_key(secret: &[u8; 32], period: u64) -> Option<AgreementKey> {
    // One draw in 2^32 is not below the group order.
    (0..4u8).find_map(|draw| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(LABEL);
        mac.update(&period.to_be_bytes());
        mac.update(&[draw]);
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        AgreementKey::from_seed(&seed).ok()
    })
}

/// Its public half, named by its thumbprint.
fn public(key: &AgreementKey) -> Option<EncryptionKey> {
    let unnamed = EncryptionKey { key: key.public().ok()?, id: None };
    let id = Some(base64url(&unnamed.thumbprint()));
    Some(EncryptionKey { id, ..unnamed })
}
