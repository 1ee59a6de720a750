//! `did:web`: an identifier whose document its domain publishes (`specs/did-web.md`). Fetching is the caller's.

use serde_json::Value;

use super::controller::{ControllerDocument, ControllerError};
use super::did::DidError;
use crate::json;

/// Longest identifier that is read, in bytes.
const DID_MAX: usize = 512;
/// Longest name of a host, in bytes (RFC 1035, section 2.3.4).
const HOST_MAX: usize = 253;
/// Longest part of a name of a host, in bytes.
const LABEL_MAX: usize = 63;
/// The most parts a path may have.
const PATH_MAX: usize = 16;

/// A `did:web` identifier, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DidWeb {
    text: String,
    host: String,
    port: Option<u16>,
    path: Vec<String>,
}

impl DidWeb {
    /// Largest document that is read, in bytes (DWEB-05).
    pub const DOCUMENT_MAX: usize = 64 * 1024;

    /// Reads `did:web:<host>[%3A<port>][:<part>]…`, without fragment, query or path (DWEB-01, DWEB-02).
    ///
    /// # Errors
    /// [`DidError::MethodNotSupported`] for another method, [`DidError::MalformedDid`] for what is not of that form, or names a
    /// host by its address.
    pub fn parse(identifier: &str) -> Result<Self, DidError> {
        let Some(rest) = identifier.strip_prefix("did:web:") else {
            let is_did = identifier.strip_prefix("did:").is_some_and(|rest| {
                rest.split_once(':').is_some_and(|(method, id)| !method.is_empty() && method != "web" && !id.is_empty())
            });
            return Err(if is_did { DidError::MethodNotSupported } else { DidError::MalformedDid });
        };
        let malformed = DidError::MalformedDid;
        if identifier.len() > DID_MAX {
            return Err(malformed);
        }
        let mut parts = rest.split(':');
        let authority = parts.next().ok_or(malformed)?;
        let (host, port) = match authority.split_once("%3A") {
            Some((host, port)) => (host, Some(number(port).ok_or(malformed)?)),
            None => (authority, None),
        };
        let path: Vec<String> = parts.map(str::to_owned).collect();
        // DWEB-01, DWEB-02
        if !is_host(host) || path.len() > PATH_MAX || !path.iter().all(|part| is_part(part)) {
            return Err(malformed);
        }
        Ok(Self { text: identifier.to_owned(), host: host.to_owned(), port, path })
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the host that speaks for it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the document is, always over HTTPS (DWEB-03).
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = if self.path.is_empty() { ".well-known".to_owned() } else { self.path.join("/") };
        format!("https://{}{port}/{path}/did.json", self.host)
    }

    /// Reads the document that was fetched from [`DidWeb::url`]: strict JSON of bounded size, of this identifier and no other
    /// (DWEB-05, DKEY-03).
    ///
    /// # Errors
    /// [`ControllerError::MalformedDocument`], [`ControllerError::DocumentMismatch`]
    pub fn document(&self, fetched: &[u8]) -> Result<(Value, ControllerDocument), ControllerError> {
        // DWEB-05
        let document = json::read(fetched, Self::DOCUMENT_MAX).map_err(|_| ControllerError::MalformedDocument)?;
        let keys = ControllerDocument::from_json(&document, &self.text)?;
        Ok((document, keys))
    }
}

/// A port in its one spelling.
fn number(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok().filter(|port| *port != 0)?;
    (port.to_string() == text).then_some(port)
}

/// Lower-case labels; the last one is no number, since then the whole would be an address (WHATWG URL, section 3.5).
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    host.len() <= HOST_MAX && host.split('.').all(is_label) && !is_number
}

/// A part of a path: no escapes, and no steps upwards.
fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && part.bytes().any(|b| b != b'.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identifier::DidKey;

    #[test]
    fn dweb_03_documents_are_at_one_place() {
        for (did, url) in [
            ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
            ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
            ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
            ("did:web:xn--3e0b707e.example", "https://xn--3e0b707e.example/.well-known/did.json"),
        ] {
            let parsed = DidWeb::parse(did).unwrap();
            assert_eq!((parsed.url().as_str(), parsed.as_str()), (url, did));
        }
    }

    #[test]
    fn dweb_01_and_02_have_one_spelling_and_no_addresses() {
        let long = format!("did:web:{}.example", "a".repeat(64));
        for bad in [
            "did:web:",
            "did:web:127.0.0.1",
            "did:web:2130706433",
            "did:web:127.1",
            "did:web:0x7f.0x1",
            "did:web:[::1]",
            "did:web:%5B%3A%3A1%5D",
            "did:web:Example.com",
            "did:web:example.com.",
            "did:web:.example.com",
            "did:web:-a.example",
            "did:web:한국.example",
            "did:web:example.com%3a80",
            "did:web:example.com%3A0",
            "did:web:example.com%3A080",
            "did:web:example.com%3A65536",
            "did:web:example.com%3A+80",
            "did:web:user@example.com",
            "did:web:user%40example.com",
            "did:web:example.com/a",
            "did:web:example.com?a",
            "did:web:example.com#a",
            "did:web:example.com:",
            "did:web:example.com:..:a",
            "did:web:example.com:a%2F..",
            "did:web:example.com: a",
            "did:web:example.com\r\nx",
            long.as_str(),
            "web:example.com",
            "did:example",
        ] {
            assert_eq!(DidWeb::parse(bad), Err(DidError::MalformedDid), "{bad}");
        }
        assert_eq!(DidWeb::parse("did:key:z6Mk"), Err(DidError::MethodNotSupported));
    }

    #[test]
    fn dweb_05_documents_are_small_and_their_own() {
        let did = DidWeb::parse("did:web:agency.example").unwrap();
        let key = DidKey::parse("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp").unwrap();
        let own = key.to_json().to_string().replace(&key.to_text(), did.as_str());
        let (document, keys) = did.document(own.as_bytes()).unwrap();
        assert_eq!((document["id"].as_str(), keys.id()), (Some(did.as_str()), did.as_str()));
        let other = own.replace("agency.example", "agency.example.evil");
        assert_eq!(did.document(other.as_bytes()), Err(ControllerError::DocumentMismatch));
        let large = json!({ "id": did.as_str(), "x": "x".repeat(DidWeb::DOCUMENT_MAX) }).to_string();
        let twice = own.replacen('{', "{\"id\":\"did:web:agency.example\",", 1);
        for bad in [&b""[..], b"[]", b"{}", b"<html>", large.as_bytes(), twice.as_bytes()] {
            assert_eq!(did.document(bad), Err(ControllerError::MalformedDocument));
        }
    }
}
