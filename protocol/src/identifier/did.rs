//! `did:mid:<network>:<id>`, the method of this ledger (`specs/did-mid.md`).

use core::fmt;
use core::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder};
use sha2::{Digest, Sha256};

use crate::crypto::domains;

/// Longest network name, in bytes.
const NETWORK_MAX: usize = 24;
/// Bytes of the hash an identifier keeps.
const ID_BYTES: usize = 16;

/// Why a text is not a `did:mid` identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DidError {
    /// The text does not have the form `did:mid:<network>:<id>` (DIDM-01). Fragments, queries and paths are no part of a DID.
    #[error("this is not a did:mid identifier; expected did:mid:<network>:<id>")]
    MalformedDid,
    /// The identifier belongs to another DID method.
    #[error("this DID uses another method; only did:mid can be resolved here")]
    MethodNotSupported,
}

/// An identifier on the ledger: `did:mid:<network>:<base58 of 16 bytes>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Did(String);

impl Did {
    /// The identifier that `controller_key` (its canonical encoding) creates on `network`.
    ///
    /// The identifier is a hash of the first key, so that no one can register another's name (DIDM-02).
    ///
    /// # Errors
    /// [`DidError::MalformedDid`] when `network` is not 1–24 characters of `a-z 0-9 -`.
    pub fn derive(network: &str, controller_key: &[u8]) -> Result<Self, DidError> {
        if !is_network(network) {
            return Err(DidError::MalformedDid);
        }
        let mut hash = Sha256::new();
        hash.update(domains::DID_IDENTIFIER);
        hash.update([network.len() as u8]);
        hash.update(network.as_bytes());
        hash.update(controller_key);
        let id = bs58::encode(&hash.finalize()[..ID_BYTES]).into_string();
        Ok(Self(format!("did:mid:{network}:{id}")))
    }

    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The network's short name.
    #[must_use]
    pub fn network(&self) -> &str {
        self.0.split(':').nth(2).unwrap_or_default()
    }
}

fn is_network(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NETWORK_MAX
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl FromStr for Did {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        let mut parts = text.split(':');
        let scheme = parts.next();
        let method = parts.next();
        if scheme != Some("did") {
            return Err(DidError::MalformedDid);
        }
        let (network, id) = match (method, parts.next(), parts.next(), parts.next()) {
            (Some("mid"), Some(network), Some(id), None) => (network, id),
            (Some(other), Some(rest), ..) if other != "mid" && !other.is_empty() && !rest.is_empty() => {
                return Err(DidError::MethodNotSupported);
            }
            _ => return Err(DidError::MalformedDid),
        };
        // DIDM-01: exactly one spelling of each identifier.
        let mut bytes = [0u8; ID_BYTES];
        if !is_network(network) || id.len() > 22 || bs58::decode(id).onto(&mut bytes) != Ok(ID_BYTES) {
            return Err(DidError::MalformedDid);
        }
        if bs58::encode(bytes).into_string() != id {
            return Err(DidError::MalformedDid);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Did {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Did {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<C> Encode<C> for Did {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Did {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.str()?.parse().map_err(|_| minicbor::decode::Error::message("not a did:mid identifier"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn didm_01_one_spelling() {
        let did = Did::derive("kr", b"key").unwrap();
        assert_eq!(did.as_str().parse::<Did>().unwrap(), did);
        assert_eq!(did.network(), "kr");
        for bad in [
            "",
            "did",
            "did:",
            "did:mid",
            "did:mid:",
            "did:mid:kr",
            "did:mid:kr:",
            "did:mid:KR:3QJmV3qfvL9SuYo34YihAf",
            "did:mid:kr:../../x",
            "did:mid:kr:0OIl",
            "did:mid:kr:1",
            "DID:mid:kr:3QJmV3qfvL9SuYo34YihAf",
            "not-a-did",
            "did:example",
        ] {
            assert_eq!(bad.parse::<Did>(), Err(DidError::MalformedDid), "{bad}");
        }
        for suffix in ["#key-1", "?versionId=1", "/path", " ", "1"] {
            assert_eq!(format!("{did}{suffix}").parse::<Did>(), Err(DidError::MalformedDid), "{suffix}");
        }
        assert_eq!("did:web:example.com".parse::<Did>(), Err(DidError::MethodNotSupported));
    }

    #[test]
    fn didm_02_bound_to_key_and_network() {
        let did = Did::derive("kr", b"key").unwrap();
        assert_ne!(did, Did::derive("kr", b"kez").unwrap());
        assert_ne!(did, Did::derive("kr2", b"key").unwrap());
        assert_eq!(Did::derive("K R", b"key"), Err(DidError::MalformedDid));
    }
}
