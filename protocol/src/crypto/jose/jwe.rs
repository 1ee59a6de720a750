//! Encrypted tokens in compact form (RFC 7516), as OpenID4VP, OpenID4VCI and HAIP use them: `ECDH-ES` on P-256 with AES-GCM
//! (RFC 7518, sections 4.6 and 5.3). An encrypted token says nothing of who made it.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit as _};
use rand_core::CryptoRng;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::jwk::{self, JwkError};
use super::{TOKEN_MAX, base64url, from_base64url};
use crate::crypto::agreement::AgreementKey;
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::Multikey;
use crate::json::{self, JsonError};

/// Longest protected header, decoded, in bytes.
const HEADER_MAX: usize = 4096;
/// Longest `apu` or `apv`, decoded, in bytes.
const PARTY_MAX: usize = 256;
/// The only way to agree on a key: the ephemeral key's and the recipient's, directly.
pub const KEY_AGREEMENT: &str = "ECDH-ES";

/// Why an encrypted token is not opened, or not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// More bytes than [`TOKEN_MAX`], or a header that is too long.
    #[error("the encrypted token is larger than allowed; ask the sender for a smaller one")]
    TooLarge,
    /// Not the compact form, or with an encrypted key in it, which direct agreement does not have.
    #[error("the encrypted token is not in compact form; ask the sender for its five parts")]
    UnsupportedFormat,
    /// A signed token, or one whose `typ` or `cty` names another kind.
    #[error("this is another kind of token; send the encrypted one that was asked for")]
    UnexpectedTokenType,
    /// Base64url with padding, another alphabet, spaces or bits behind the end.
    #[error("the encrypted token is not in its one encoding; ask the sender to encode it again")]
    NonCanonicalEncoding,
    /// A header parameter is missing or of the wrong type.
    #[error("the encrypted token's header is not well formed; ask the sender to make it again")]
    MalformedHeader,
    /// Any `alg` but `ECDH-ES`, any `enc` but `A128GCM` and `A256GCM`, or compression.
    #[error("the encryption is not allowed; use ECDH-ES with A128GCM or A256GCM, without compression")]
    DisallowedAlgorithm,
    /// The header says that an extension must be understood.
    #[error("the encrypted token needs an extension that is not supported; ask the sender for one without")]
    UnsupportedCritical,
    /// For another key, or changed on the way.
    #[error("the token does not open with this key; ask the sender to encrypt it for the key of this request")]
    DecryptionFailed,
    /// The ephemeral key is none that can be used.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// The header is not JSON with one meaning.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl From<SignatureError> for JweError {
    fn from(error: SignatureError) -> Self {
        Self::Key(error.into())
    }
}

/// How the content is encrypted (`enc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    /// AES-GCM with 128 bits.
    A128Gcm,
    /// AES-GCM with 256 bits.
    A256Gcm,
}

impl ContentEncryption {
    /// All, the stronger first.
    pub const ALL: [Self; 2] = [Self::A256Gcm, Self::A128Gcm];

    /// The name in JOSE.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    fn key_len(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm => 32,
        }
    }
}

/// A public key that tokens are encrypted for, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    /// A point of P-256.
    pub key: Multikey,
    /// The owner's name for it (`kid`), when it has one; the token repeats it.
    pub id: Option<String>,
}

impl EncryptionKey {
    /// Reads a public key for encrypting (JOSE-07).
    ///
    /// # Errors
    /// [`JwkError`]
    pub fn from_json(value: &Value) -> Result<Self, JwkError> {
        let members = value.as_object().ok_or(JwkError::MalformedKey)?;
        let key = public_point(members)?;
        let derives = |it: &Value| it == "deriveKey" || it == "deriveBits";
        let for_it = members.get("use").is_none_or(|it| it == "enc")
            && members.get("alg").is_none_or(|it| it == KEY_AGREEMENT)
            && members.get("key_ops").is_none_or(|it| it.as_array().is_some_and(|list| list.iter().any(derives)));
        if !for_it {
            return Err(JwkError::WrongKeyUse);
        }
        let id = members.get("kid").map(|id| id.as_str().map(str::to_owned).ok_or(JwkError::MalformedKey));
        Ok(Self { key, id: id.transpose()? })
    }

    /// The first key of a set (`{"keys": […]}`) that can be used; the others are passed over (RFC 7517, section 5).
    #[must_use]
    pub fn first_of(set: &Value) -> Option<Self> {
        set.get("keys")?.as_array()?.iter().find_map(|key| Self::from_json(key).ok())
    }

    /// The public members with `use`, `alg` and, when there is one, `kid`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = self.key.to_jwk().unwrap_or_default();
        if let Some(members) = members.as_object_mut() {
            members.insert("use".into(), "enc".into());
            members.insert("alg".into(), KEY_AGREEMENT.into());
            members.extend(self.id.as_ref().map(|id| ("kid".to_owned(), id.as_str().into())));
        }
        members
    }

    /// The SHA-256 thumbprint (RFC 7638), to which an answer of a mobile document is bound.
    #[must_use]
    pub fn thumbprint(&self) -> [u8; 32] {
        super::Jwk::from(self.key).thumbprint()
    }
}

/// What both sides mix into the key beside the shared point (RFC 7518, section 4.6.1.2). Mostly empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parties<'a> {
    /// Of the sender (`apu`).
    pub sender: &'a [u8],
    /// Of the recipient (`apv`).
    pub recipient: &'a [u8],
}

/// Encrypts `content` for `recipient`, under a new ephemeral key. `cty` is said of the content when it is another token.
///
/// # Errors
/// [`JweError::Key`] when the recipient's key is no point of P-256; [`JweError::TooLarge`]
pub fn encrypt(
    content: &[u8],
    cty: Option<&str>,
    recipient: &EncryptionKey,
    method: ContentEncryption,
    parties: &Parties<'_>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<String, JweError> {
    let ephemeral = AgreementKey::generate(rng);
    let mut header = Map::new();
    header.insert("alg".into(), KEY_AGREEMENT.into());
    header.insert("enc".into(), method.name().into());
    header.insert("epk".into(), ephemeral.public()?.to_jwk().unwrap_or_default());
    header.extend(recipient.id.as_ref().map(|id| ("kid".to_owned(), id.as_str().into())));
    header.extend(cty.map(|it| ("cty".to_owned(), it.into())));
    for (name, value) in [("apu", parties.sender), ("apv", parties.recipient)] {
        if !value.is_empty() {
            header.insert(name.into(), base64url(value).into());
        }
    }
    let protected = base64url(Value::Object(header).to_string().as_bytes());
    let key = derive(&ephemeral, &recipient.key, method, parties)?;
    let mut nonce = [0; 12];
    rng.fill_bytes(&mut nonce);
    let payload = Payload { msg: content, aad: protected.as_bytes() };
    let sealed = match method {
        ContentEncryption::A128Gcm => Aes128Gcm::new_from_slice(&key).map(|it| it.encrypt((&nonce).into(), payload)),
        ContentEncryption::A256Gcm => Aes256Gcm::new_from_slice(&key).map(|it| it.encrypt((&nonce).into(), payload)),
    };
    let sealed = sealed.ok().and_then(Result::ok).ok_or(JweError::TooLarge)?;
    let (ciphertext, tag) = sealed.split_at(sealed.len().saturating_sub(16));
    let text = format!("{protected}..{}.{}.{}", base64url(&nonce), base64url(ciphertext), base64url(tag));
    if text.len() > TOKEN_MAX { Err(JweError::TooLarge) } else { Ok(text) }
}

/// A received encrypted token, not opened yet.
#[derive(Clone)]
pub struct Jwe<'a> {
    protected: &'a str,
    members: Map<String, Value>,
    method: ContentEncryption,
    ephemeral: Multikey,
    sender: Vec<u8>,
    recipient: Vec<u8>,
    nonce: Vec<u8>,
    sealed: Vec<u8>,
}

impl<'a> Jwe<'a> {
    /// Reads the compact form (JOSE-08, JOSE-09).
    ///
    /// # Errors
    /// [`JweError`], in the order size, form, encoding, header.
    pub fn read(text: &'a str) -> Result<Self, JweError> {
        if text.len() > TOKEN_MAX {
            return Err(JweError::TooLarge);
        }
        let parts: Vec<&str> = text.splitn(6, '.').collect();
        let [protected, encrypted_key, nonce, ciphertext, tag] = parts[..] else {
            let signed = parts.len() == 3 && !text.starts_with('{');
            return Err(if signed { JweError::UnexpectedTokenType } else { JweError::UnsupportedFormat });
        };
        if text.starts_with('{') {
            return Err(JweError::UnsupportedFormat); // JOSE-08
        }
        let decode = |text| from_base64url(text).ok_or(JweError::NonCanonicalEncoding);
        let header = decode(protected)?;
        let (nonce, ciphertext, tag) = (decode(nonce)?, decode(ciphertext)?, decode(tag)?);
        let members = json::read_object(&header, HEADER_MAX).map_err(|error| match error {
            JsonError::TooLarge => JweError::TooLarge,
            other => other.into(),
        })?;
        let method = method(&members)?;
        if !encrypted_key.is_empty() {
            return Err(JweError::UnsupportedFormat);
        }
        let ephemeral = members.get("epk").and_then(Value::as_object).ok_or(JweError::MalformedHeader)?;
        let ephemeral = public_point(ephemeral)?;
        let (sender, recipient) = (party(&members, "apu")?, party(&members, "apv")?);
        if nonce.len() != 12 || tag.len() != 16 {
            return Err(JweError::DecryptionFailed);
        }
        let sealed = [ciphertext, tag].concat();
        Ok(Self { protected, members, method, ephemeral, sender, recipient, nonce, sealed })
    }

    /// The name of the key it is encrypted for (`kid`), not yet checked: it helps to find the key and nothing else.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.members.get("kid").and_then(Value::as_str)
    }

    /// How the content is encrypted.
    #[must_use]
    pub fn method(&self) -> ContentEncryption {
        self.method
    }

    /// What the sender mixed into the key.
    #[must_use]
    pub fn parties(&self) -> Parties<'_> {
        Parties { sender: &self.sender, recipient: &self.recipient }
    }

    /// Refuses content of another kind than `kind` (`cty`, compared without case).
    ///
    /// # Errors
    /// [`JweError::UnexpectedTokenType`]
    pub fn expect_content(&self, kind: Option<&str>) -> Result<(), JweError> {
        let named = self.members.get("cty").map(|it| it.as_str().unwrap_or_default());
        let named = named.map(|it| it.strip_prefix("application/").unwrap_or(it));
        let same = match (named, kind) {
            (Some(named), Some(kind)) => named.eq_ignore_ascii_case(kind),
            (named, kind) => named.is_none() && kind.is_none(),
        };
        if same { Ok(()) } else { Err(JweError::UnexpectedTokenType) }
    }

    /// The content (JOSE-10).
    ///
    /// # Errors
    /// [`JweError::DecryptionFailed`] when it was encrypted for another key, or changed.
    pub fn decrypt(&self, key: &AgreementKey) -> Result<Vec<u8>, JweError> {
        let key = derive(key, &self.ephemeral, self.method, &self.parties())?;
        let nonce: [u8; 12] = self.nonce[..].try_into().map_err(|_| JweError::DecryptionFailed)?;
        let payload = Payload { msg: &self.sealed, aad: self.protected.as_bytes() };
        let opened = match self.method {
            ContentEncryption::A128Gcm => {
                Aes128Gcm::new_from_slice(&key).map(|it| it.decrypt((&nonce).into(), payload))
            }
            ContentEncryption::A256Gcm => {
                Aes256Gcm::new_from_slice(&key).map(|it| it.decrypt((&nonce).into(), payload))
            }
        };
        opened.ok().and_then(Result::ok).ok_or(JweError::DecryptionFailed)
    }
}

impl core::fmt::Debug for Jwe<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Jwe").field("header", &self.members).finish_non_exhaustive()
    }
}

/// `enc`, after everything that decides whether the rest is read at all (JOSE-09).
fn method(members: &Map<String, Value>) -> Result<ContentEncryption, JweError> {
    let text = |name: &str| members.get(name).and_then(Value::as_str).ok_or(JweError::MalformedHeader);
    let (alg, enc) = (text("alg")?, text("enc")?);
    if alg != KEY_AGREEMENT || members.contains_key("zip") {
        return Err(JweError::DisallowedAlgorithm);
    }
    if members.contains_key("crit") {
        return Err(JweError::UnsupportedCritical);
    }
    ContentEncryption::from_name(enc).ok_or(JweError::DisallowedAlgorithm)
}

fn party(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JweError> {
    let Some(value) = members.get(name) else { return Ok(Vec::new()) };
    let text = value.as_str().ok_or(JweError::MalformedHeader)?;
    let bytes = from_base64url(text).ok_or(JweError::NonCanonicalEncoding)?;
    if bytes.len() > PARTY_MAX { Err(JweError::TooLarge) } else { Ok(bytes) }
}

/// A public point of P-256 among the members of a JWK.
fn public_point(members: &Map<String, Value>) -> Result<Multikey, JwkError> {
    let curve = members.get("crv").and_then(Value::as_str);
    if (jwk::text(members, "kty")?, curve) != ("EC", Some("P-256")) {
        return Err(JwkError::UnsupportedKey);
    }
    if members.contains_key("d") {
        return Err(JwkError::PrivateKey);
    }
    Ok(Multikey::p256_from_sec1(&jwk::point(members, 32)?)?)
}

/// Concat KDF with one round of SHA-256 (RFC 7518, section 4.6.2).
fn derive(
    own: &AgreementKey,
    other: &Multikey,
    method: ContentEncryption,
    parties: &Parties<'_>,
) -> Result<Zeroizing<Vec<u8>>, JweError> {
    let shared = own.agree(other)?;
    let mut hash = Sha256::new();
    hash.update(1u32.to_be_bytes());
    hash.update(shared.as_ref());
    for part in [method.name().as_bytes(), parties.sender, parties.recipient] {
        // Names and parties are far below 4 GiB.
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    let bits = method.key_len() * 8;
    hash.update(u32::try_from(bits).unwrap_or(u32::MAX).to_be_bytes());
    let digest = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
    Ok(Zeroizing::new(digest[..method.key_len()].to_vec()))
}

/// Metadata in which a party says how tokens for it are encrypted: a key set, and the methods it takes.
#[must_use]
pub fn key_set(keys: &[EncryptionKey]) -> Value {
    json!({ "keys": keys.iter().map(EncryptionKey::to_json).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests;
