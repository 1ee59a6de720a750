//! By what a verifier is known (section 5.9).

use core::fmt;

use sha2::{Digest, Sha256};

use super::VpError;
use crate::crypto::jose::{base64url, from_base64url};
use crate::crypto::x509::Certificate;
use crate::identifier::Did;

/// A verifier's identifier with its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientId {
    /// A DNS name of the certificate that signs the request.
    X509SanDns(String),
    /// SHA-256 of the certificate that signs the request.
    X509Hash([u8; 32]),
    /// An identifier on the ledger.
    DecentralizedIdentifier(Did),
}

impl ClientId {
    /// Reads an identifier (OVP-01).
    ///
    /// # Errors
    /// [`VpError::UnsupportedClientId`], also for one without a prefix.
    pub fn read(text: &str) -> Result<Self, VpError> {
        let (prefix, rest) = text.split_once(':').ok_or(VpError::UnsupportedClientId)?;
        let read = match prefix {
            "x509_san_dns" => Some(Self::X509SanDns(rest.to_owned())).filter(|_| is_host(rest)),
            "x509_hash" => from_base64url(rest).and_then(|it| it.try_into().ok()).map(Self::X509Hash),
            "decentralized_identifier" => rest.parse().ok().map(Self::DecentralizedIdentifier),
            _ => None,
        };
        read.ok_or(VpError::UnsupportedClientId)
    }

    /// The identifier of whoever signs with this certificate (DER).
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::X509Hash(Sha256::digest(der).into())
    }

    /// Whether the certificate that signs is the one that is named (OVP-03).
    pub(super) fn check_certificate(&self, der: &[u8]) -> Result<(), VpError> {
        let same = match self {
            Self::X509SanDns(name) => {
                Certificate::from_der(der)?.dns_names()?.iter().any(|it| it.eq_ignore_ascii_case(name))
            }
            Self::X509Hash(hash) => <[u8; 32]>::from(Sha256::digest(der)) == *hash,
            Self::DecentralizedIdentifier(_) => false,
        };
        if same { Ok(()) } else { Err(VpError::ClientIdMismatch) }
    }

    /// Whether answers may go to `uri` (OVP-05): over TLS (or to this machine), and to the name that the identifier has.
    pub(super) fn check_response_uri(&self, uri: &str) -> Result<(), VpError> {
        let host = host(uri).ok_or(VpError::ResponseUriNotCovered)?;
        match self {
            Self::X509SanDns(name) if !host.eq_ignore_ascii_case(name) => Err(VpError::ResponseUriNotCovered),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X509SanDns(name) => write!(f, "x509_san_dns:{name}"),
            Self::X509Hash(hash) => write!(f, "x509_hash:{}", base64url(hash)),
            Self::DecentralizedIdentifier(did) => write!(f, "decentralized_identifier:{}", did.as_str()),
        }
    }
}

fn is_host(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'.';
    !text.is_empty() && text.len() <= 253 && text.bytes().all(plain)
}

/// The host of an address: `https`, or `http` to this machine, without user information.
pub(crate) fn host(uri: &str) -> Option<&str> {
    let (secure, rest) = match uri.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, uri.strip_prefix("http://")?),
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let plain = is_host(host) && port.parse::<u16>().is_ok() && !uri.contains(|it: char| it.is_control() || it == ' ');
    (plain && (secure || host == "localhost" || host == "127.0.0.1")).then_some(host)
}
