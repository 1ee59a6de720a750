//! Token Status List (draft-ietf-oauth-status-list): the first entry is the least significant bits of the first byte;
//! zlib; signed as a JWT or a CWT.

use coset::cbor::Value as Cbor;
use serde_json::{Map, Value};

use super::inflate::{self, InflateError, UNPACKED_MAX};
use super::{Status, StatusList};
use crate::crypto::cose::{self, CoseError, Sign1};
use crate::crypto::jose::{self, Jws, JwsError, TOKEN_MAX, from_base64url};
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::crypto::x509::{CertificateError, Purpose, Root, verify_chain};

/// Media type of the JWT (`typ`).
pub const JWT_KIND: &str = "statuslist+jwt";
/// Media type of the CWT (`typ`).
pub const CWT_KIND: &str = "application/statuslist+cwt";
/// Claim of the CWT that holds the list.
const CWT_LIST: i64 = 65533;
/// Claim of the CWT that says how long it may be kept.
const CWT_TTL: i64 = 65534;
/// How far an issuer's clock may be ahead, in seconds.
const AHEAD: u64 = 60;

/// Why a status cannot be read. None of these means "valid".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenStatusError {
    /// A credential whose type has a status names none.
    #[error("the credential names no status list; refuse it")]
    StatusMissing,
    /// The credential's reference, or the list, does not have the members of its form.
    #[error("the status list is not well formed; fetch it again")]
    StatusListMalformed,
    /// The list has no such entry.
    #[error("the credential names an entry that the status list does not have")]
    StatusIndexOutOfRange,
    /// The list is another one than the credential names.
    #[error("this is another status list; fetch the one that the credential names")]
    StatusListMismatch,
    /// The list has expired or is older than the policy allows.
    #[error("the status list is too old; fetch it again")]
    StatusStale,
    /// The list is older than one that was seen before.
    #[error("an older status list was served; use another source")]
    StatusRollback,
    /// The list was issued in the future.
    #[error("the status list was issued in the future; check the clocks")]
    IssuedInFuture,
    /// The compressed list.
    #[error(transparent)]
    Packed(#[from] InflateError),
    /// The signer's certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The JWT.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The CWT.
    #[error(transparent)]
    Cose(#[from] CoseError),
}

/// Where a credential's status stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Address of the list, and its name.
    pub uri: String,
    /// The entry.
    pub index: u64,
}

impl Reference {
    /// Reads `status` of a credential in JSON (section 6.2).
    ///
    /// # Errors
    /// [`TokenStatusError::StatusMissing`], [`TokenStatusError::StatusListMalformed`],
    /// [`TokenStatusError::StatusIndexOutOfRange`] for an entry that is not a number from 0.
    pub fn from_claims(claims: &Map<String, Value>) -> Result<Self, TokenStatusError> {
        let status = claims.get("status").ok_or(TokenStatusError::StatusMissing)?;
        let list = status.get("status_list").ok_or(TokenStatusError::StatusMissing)?;
        let uri = list.get("uri").and_then(Value::as_str).ok_or(TokenStatusError::StatusListMalformed)?;
        let index = list.get("idx").ok_or(TokenStatusError::StatusListMalformed)?;
        let index = index.as_u64().ok_or(TokenStatusError::StatusIndexOutOfRange)?;
        Ok(Self { uri: uri.to_owned(), index })
    }

    /// `status` of a credential in JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "status_list": { "uri": self.uri, "idx": self.index } })
    }

    /// Reads `status` of a credential in CBOR (section 6.3).
    ///
    /// # Errors
    /// As [`Reference::from_claims`].
    pub fn from_cbor(status: &Cbor) -> Result<Self, TokenStatusError> {
        let list = member(status, "status_list").ok_or(TokenStatusError::StatusMissing)?;
        let uri = member(list, "uri").and_then(Cbor::as_text).ok_or(TokenStatusError::StatusListMalformed)?;
        let index = member(list, "idx").ok_or(TokenStatusError::StatusListMalformed)?;
        let index = index.as_integer().and_then(|it| u64::try_from(it).ok());
        Ok(Self { uri: uri.to_owned(), index: index.ok_or(TokenStatusError::StatusIndexOutOfRange)? })
    }

    /// `status` of a credential in CBOR.
    #[must_use]
    pub fn to_cbor(&self) -> Cbor {
        let text = |text: &str| Cbor::Text(text.to_owned());
        let list = vec![(text("idx"), self.index.into()), (text("uri"), text(&self.uri))];
        Cbor::Map(vec![(text("status_list"), Cbor::Map(list))])
    }
}

/// An unpacked list of entries of one, two, four or eight bits.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenList {
    bits: u8,
    bytes: Vec<u8>,
}

impl From<&StatusList> for TokenList {
    fn from(list: &StatusList) -> Self {
        Self { bits: 2, bytes: list.as_bytes().to_vec() }
    }
}

impl TokenList {
    /// A list from its bytes.
    ///
    /// # Errors
    /// [`TokenStatusError::StatusListMalformed`] unless entries have 1, 2, 4 or 8 bits.
    pub fn new(bits: u64, bytes: Vec<u8>) -> Result<Self, TokenStatusError> {
        match bits {
            1 | 2 | 4 | 8 => Ok(Self { bits: bits as u8, bytes }),
            _ => Err(TokenStatusError::StatusListMalformed), // STAT-01
        }
    }

    /// Reads the JSON form, `{"bits", "lst"}`.
    ///
    /// # Errors
    /// [`TokenStatusError`]
    pub fn from_json(value: &Value) -> Result<Self, TokenStatusError> {
        let malformed = TokenStatusError::StatusListMalformed;
        let bits = value.get("bits").and_then(Value::as_u64).ok_or(malformed)?;
        let packed = value.get("lst").and_then(Value::as_str).and_then(from_base64url).ok_or(malformed)?;
        Self::new(bits, inflate::zlib(&packed, UNPACKED_MAX)?)
    }

    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "bits": self.bits, "lst": jose::base64url(&inflate::deflate_zlib(&self.bytes)) })
    }

    /// Reads the CBOR form.
    ///
    /// # Errors
    /// [`TokenStatusError`]
    pub fn from_cbor(value: &Cbor) -> Result<Self, TokenStatusError> {
        let malformed = TokenStatusError::StatusListMalformed;
        let bits = member(value, "bits").and_then(Cbor::as_integer).and_then(|it| u64::try_from(it).ok());
        let packed = member(value, "lst").and_then(Cbor::as_bytes).ok_or(malformed)?;
        Self::new(bits.ok_or(malformed)?, inflate::zlib(packed, UNPACKED_MAX)?)
    }

    /// The CBOR form.
    #[must_use]
    pub fn to_cbor(&self) -> Cbor {
        let packed = Cbor::Bytes(inflate::deflate_zlib(&self.bytes));
        Cbor::Map(vec![(Cbor::Text("bits".into()), self.bits.into()), (Cbor::Text("lst".into()), packed)])
    }

    /// The number at an entry (STAT-01).
    ///
    /// # Errors
    /// [`TokenStatusError::StatusIndexOutOfRange`]
    pub fn value(&self, index: u64) -> Result<u8, TokenStatusError> {
        let out_of_range = TokenStatusError::StatusIndexOutOfRange;
        let first = index.checked_mul(u64::from(self.bits)).ok_or(out_of_range)?;
        let byte = usize::try_from(first / 8).ok().and_then(|at| self.bytes.get(at)).ok_or(out_of_range)?;
        Ok((u16::from(*byte) >> (first % 8) & ((1 << self.bits) - 1)) as u8)
    }

    /// What the list says of an entry: 0 is valid, 1 revoked, 2 suspended, and nothing else is valid (STAT-04).
    ///
    /// # Errors
    /// [`TokenStatusError::StatusIndexOutOfRange`]
    pub fn status(&self, index: u64) -> Result<Status, TokenStatusError> {
        Ok(match self.value(index)? {
            0 => Status::Valid,
            1 => Status::Revoked,
            2 => Status::Suspended,
            _ => Status::Unknown,
        })
    }
}

impl core::fmt::Debug for TokenList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TokenList({} bytes of {} bits)", self.bytes.len(), self.bits)
    }
}

/// A list and what its issuer says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusToken {
    /// Its address, as credentials name it.
    pub uri: String,
    /// The state of affairs it shows, Unix seconds.
    pub issued: u64,
    /// No longer to be used from this time, Unix seconds.
    pub expires: Option<u64>,
    /// How long it may be kept, in seconds.
    pub ttl: Option<u64>,
    /// The list.
    pub list: TokenList,
}

/// What a verifier asks of a list.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// Now, Unix seconds.
    pub now: u64,
    /// Oldest list that decides anything, in seconds; whatever its issuer allows.
    pub max_age: u64,
    /// `issued` of the newest list seen at this address.
    pub newest: Option<u64>,
}

impl StatusToken {
    /// Signs the JWT form (section 5.1).
    ///
    /// # Errors
    /// [`TokenStatusError::Jws`]
    pub fn sign_jwt(&self, certificates: &[Vec<u8>], signer: &dyn StandardSigner) -> Result<String, TokenStatusError> {
        use base64::Engine as _;
        let standard = base64::engine::general_purpose::STANDARD;
        let mut header = Map::new();
        header.insert("typ".into(), JWT_KIND.into());
        if !certificates.is_empty() {
            header.insert("x5c".into(), certificates.iter().map(|der| standard.encode(der)).collect());
        }
        let mut claims = Map::new();
        claims.insert("sub".into(), self.uri.as_str().into());
        claims.insert("iat".into(), self.issued.into());
        claims.extend(self.expires.map(|at| ("exp".to_owned(), at.into())));
        claims.extend(self.ttl.map(|seconds| ("ttl".to_owned(), seconds.into())));
        claims.insert("status_list".into(), self.list.to_json());
        Ok(jose::sign(&header, Value::Object(claims).to_string().as_bytes(), signer)?)
    }

    /// Checks the JWT form with a key that the caller trusts for this list.
    ///
    /// # Errors
    /// [`TokenStatusError`]
    pub fn verify_jwt(text: &str, key: &Multikey) -> Result<Self, TokenStatusError> {
        let token = Jws::read(text)?;
        token.expect_kind(JWT_KIND)?;
        let claims = token.verify(key)?.claims()?;
        let malformed = TokenStatusError::StatusListMalformed;
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(malformed),
        };
        Ok(Self {
            uri: claims.get("sub").and_then(Value::as_str).ok_or(malformed)?.to_owned(),
            issued: time("iat")?.ok_or(malformed)?,
            expires: time("exp")?,
            ttl: time("ttl")?,
            list: TokenList::from_json(claims.get("status_list").ok_or(malformed)?)?,
        })
    }

    /// Checks the JWT form with the key of its certificates (`x5c`), which end at a trusted root.
    ///
    /// # Errors
    /// [`TokenStatusError`]
    pub fn verify_jwt_chain(text: &str, roots: &[Root], now: u64) -> Result<Self, TokenStatusError> {
        let chain = Jws::read(text)?.header().certificates()?;
        let leaf = verify_chain(&chain, roots, Purpose::Status, now)?;
        let token = Self::verify_jwt(text, &leaf.key)?;
        leaf.check_time(token.issued)?;
        Ok(token)
    }

    /// Signs the CWT form (section 5.2).
    ///
    /// # Errors
    /// [`TokenStatusError::Cose`]
    pub fn sign_cwt(&self, certificates: &[Vec<u8>], signer: &dyn StandardSigner) -> Result<Vec<u8>, TokenStatusError> {
        let mut claims: Vec<(Cbor, Cbor)> =
            vec![(2.into(), Cbor::Text(self.uri.clone())), (6.into(), self.issued.into())];
        claims.extend(self.expires.map(|at| (4.into(), at.into())));
        claims.extend(self.ttl.map(|seconds| (CWT_TTL.into(), seconds.into())));
        claims.push((CWT_LIST.into(), self.list.to_cbor()));
        let headers = cose::Headers { certificates: certificates.to_vec(), kind: Some(CWT_KIND) };
        let message = cose::sign1(&headers, &cose::write_value(Cbor::Map(claims)), false, signer)?;
        Ok(cose::write_value(Cbor::Tag(18, Box::new(message))))
    }

    /// Checks the CWT form with a key that the caller trusts for this list.
    ///
    /// # Errors
    /// [`TokenStatusError`]
    pub fn verify_cwt(bytes: &[u8], key: &Multikey) -> Result<Self, TokenStatusError> {
        let malformed = TokenStatusError::StatusListMalformed;
        let message = Sign1::from_slice(bytes, TOKEN_MAX)?;
        if message.kind() != Some(CWT_KIND) {
            return Err(JwsError::UnexpectedTokenType.into());
        }
        message.verify(None, key)?;
        let payload = message.payload().ok_or(malformed)?;
        let claims = cose::read_value(payload, TOKEN_MAX).map_err(CoseError::from)?;
        let claim = |label: i64| {
            let entries = claims.as_map()?;
            entries.iter().find(|(it, _)| *it == Cbor::from(label)).map(|(_, value)| value)
        };
        let time = |label| match claim(label) {
            None => Ok(None),
            Some(value) => value.as_integer().and_then(|it| u64::try_from(it).ok()).map(Some).ok_or(malformed),
        };
        Ok(Self {
            uri: claim(2).and_then(Cbor::as_text).ok_or(malformed)?.to_owned(),
            issued: time(6)?.ok_or(malformed)?,
            expires: time(4)?,
            ttl: time(CWT_TTL)?,
            list: TokenList::from_cbor(claim(CWT_LIST).ok_or(malformed)?)?,
        })
    }

    /// Checks the CWT form with the certificates in it.
    ///
    /// # Errors
    /// [`TokenStatusError`]
    pub fn verify_cwt_chain(bytes: &[u8], roots: &[Root], now: u64) -> Result<Self, TokenStatusError> {
        let certificates = Sign1::from_slice(bytes, TOKEN_MAX)?.certificates()?;
        let leaf = verify_chain(&certificates, roots, Purpose::Status, now)?;
        let token = Self::verify_cwt(bytes, &leaf.key)?;
        leaf.check_time(token.issued)?;
        Ok(token)
    }

    /// What the list says of `reference`, if it is that list and fresh enough (STAT-06…08).
    ///
    /// # Errors
    /// [`TokenStatusError`]; a status that is not valid is no error here.
    pub fn status(&self, reference: &Reference, freshness: &Freshness) -> Result<Status, TokenStatusError> {
        if self.uri != reference.uri {
            return Err(TokenStatusError::StatusListMismatch); // STAT-06
        }
        if self.issued > freshness.now.saturating_add(AHEAD) {
            return Err(TokenStatusError::IssuedInFuture);
        }
        if freshness.newest.is_some_and(|newest| self.issued < newest) {
            return Err(TokenStatusError::StatusRollback); // STAT-08
        }
        // STAT-07: however long its issuer allows, the verifier's limit holds.
        let kept = self.ttl.unwrap_or(freshness.max_age).min(freshness.max_age);
        let until = self.issued.saturating_add(kept);
        if self.expires.is_some_and(|at| freshness.now >= at) || freshness.now > until {
            return Err(TokenStatusError::StatusStale);
        }
        self.list.status(reference.index)
    }
}

fn member<'a>(value: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    value.as_map()?.iter().find(|(it, _)| it.as_text() == Some(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
