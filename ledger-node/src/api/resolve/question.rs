//! What is asked: a DID or DID URL, options, and the wanted form of the answer.

use axum::http::{HeaderMap, header};
use protocol::identifier::{Did, DidError};

use super::error::{Failure, Reason};
use crate::clock;

/// A whole resolution result.
pub(super) const RESULT: &str = "application/did-resolution";
/// A whole dereferencing result.
pub(super) const DEREFERENCED: &str = "application/did-url-dereferencing";
/// Addresses of services.
pub(super) const URI_LIST: &str = "text/uri-list";
/// The document, or a part of it, alone.
const DOCUMENTS: [&str; 3] = ["application/did", "application/did+json", "application/did+ld+json"];

/// A question that can be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The DID.
    pub(super) did: Did,
    /// What follows the DID in a DID URL, without the query's options.
    pub(super) path: String,
    /// The name behind `#`.
    pub(super) fragment: Option<String>,
    /// Which version of the document.
    pub(super) version: Wanted,
    /// Services are selected, by name, by type, or both.
    pub(super) services: bool,
    /// The relationship that a verification method must stand in.
    pub(super) relationship: Option<String>,
}

/// Which version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one in force.
    Latest,
    /// `versionId`.
    Id(u64),
    /// `versionTime`, Unix seconds.
    At(u64),
}

/// Reads a question. `identifier` is the path of the request, unescaped; `query` its query, as sent.
///
/// A query belongs to the DID URL when that is not escaped, and holds options when it is: both mean the same.
pub(super) fn read(identifier: &str, query: &str, dereferencing: bool) -> Result<Question, Failure> {
    let (before_fragment, fragment) = match identifier.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment.to_owned())),
        None => (identifier, None),
    };
    let (before_query, own_query) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    let (did, path) = match before_query.find('/') {
        Some(at) => before_query.split_at(at),
        None => (before_query, ""),
    };
    let is_url = dereferencing || did.len() < identifier.len();
    let did: Did = did.parse().map_err(|error| match error {
        DidError::MalformedDid if is_url && did.starts_with("did:") => Reason::InvalidDidUrl,
        DidError::MalformedDid => Reason::InvalidDid,
        DidError::MethodNotSupported => Reason::MethodNotSupported,
    })?;
    let allowed =
        |text: &str| text.len() <= 1_024 && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`#".contains(&b));
    if !allowed(path)
        || !allowed(own_query)
        || !fragment.as_deref().is_none_or(allowed)
        || fragment.as_deref() == Some("")
    {
        return Err(Reason::InvalidDidUrl.into());
    }
    let mut question =
        Question { did, path: path.to_owned(), fragment, version: Wanted::Latest, services: false, relationship: None };
    for pair in own_query.split('&').chain(query.split('&')).filter(|pair| !pair.is_empty()) {
        question.option(pair)?;
    }
    Ok(question)
}

impl Question {
    fn option(&mut self, pair: &str) -> Result<(), Failure> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescape(value).ok_or(Reason::InvalidOptions)?;
        match name {
            "versionId" => {
                let digits = !value.is_empty() && value.len() <= 19 && value.bytes().all(|b| b.is_ascii_digit());
                let id = value.parse().ok().filter(|_| digits).ok_or(Reason::InvalidOptions)?;
                self.choose(Wanted::Id(id))
            }
            "versionTime" => self.choose(Wanted::At(clock::parse_utc(&value).ok_or(Reason::InvalidOptions)?)),
            "service" | "serviceType" if !value.is_empty() => {
                self.services = true;
                Ok(())
            }
            // Without a service there is no address that it could be relative to.
            "relativeRef" => Ok(()),
            // Every DID URL in a did:mid document is absolute already.
            "expandRelativeUrls" if matches!(value.as_str(), "true" | "false") => Ok(()),
            "verificationRelationship" if !value.is_empty() && value.is_ascii() => {
                self.relationship = Some(value);
                Ok(())
            }
            "service" | "serviceType" | "expandRelativeUrls" | "verificationRelationship" => {
                Err(Reason::InvalidOptions.into())
            }
            _ => Err(Reason::FeatureNotSupported.into()),
        }
    }

    fn choose(&mut self, version: Wanted) -> Result<(), Failure> {
        if self.version != Wanted::Latest && self.version != version {
            return Err(Reason::InvalidOptions.into());
        }
        self.version = version;
        Ok(())
    }
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The client leaves it to us.
    Any,
    /// A whole resolution result.
    Result,
    /// A whole dereferencing result.
    Dereferenced,
    /// The document or the part alone, under this media type.
    Alone(&'static str),
    /// The address of a service.
    Addresses,
}

/// DIDM-06: what `Accept` prefers among the forms there are (RFC 9110, section 12.5.1); nothing when it allows none of them.
pub(super) fn form(headers: &HeaderMap) -> Option<Form> {
    let mut best: Option<(u16, Form)> = None;
    let mut asked = false;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().ok()?.split(',').filter(|range| !range.trim().is_empty()) {
            asked = true;
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let weight = weight.map_or(Some(1_000), thousandths)?;
            let form = match media_type.as_str() {
                "*/*" | "application/*" => Form::Any,
                RESULT => Form::Result,
                DEREFERENCED => Form::Dereferenced,
                URI_LIST => Form::Addresses,
                other => match DOCUMENTS.into_iter().find(|document| *document == other) {
                    Some(document) => Form::Alone(document),
                    None => continue,
                },
            };
            if weight > 0 && best.is_none_or(|(before, _)| weight > before) {
                best = Some((weight, form));
            }
        }
    }
    if asked { best.map(|(_, form)| form) } else { Some(Form::Any) }
}

/// A weight between 0 and 1, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let weight: f32 = text.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    Some((weight * 1_000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(identifier: &str, query: &str) -> Result<Question, Reason> {
        read(identifier, query, false).map_err(|failure| failure.reason)
    }

    #[test]
    fn did_urls_and_options_are_read() {
        let did = Did::derive("kr", b"key").unwrap();
        let plain = asks(did.as_str(), "").unwrap();
        assert_eq!((plain.path.as_str(), plain.fragment, plain.version), ("", None, Wanted::Latest));
        let whole = asks(&format!("{did}/a/b?versionId=7#key-1"), "").unwrap();
        assert_eq!((whole.path.as_str(), whole.fragment.as_deref()), ("/a/b", Some("key-1")));
        assert_eq!(whole.version, Wanted::Id(7));
        assert_eq!(asks(did.as_str(), "versionId=7").unwrap().version, Wanted::Id(7));
        assert_eq!(asks(&format!("{did}?versionId=7"), "versionId=7").unwrap().version, Wanted::Id(7));
        let at = asks(did.as_str(), "versionTime=2026-05-04T00%3A30%3A00Z").unwrap();
        assert_eq!(at.version, Wanted::At(1_777_854_600));
        assert!(asks(did.as_str(), "service=files&relativeRef=%2Fresume.pdf").unwrap().services);
        for (identifier, query, reason) in [
            ("not-a-did", "", Reason::InvalidDid),
            ("did:example", "", Reason::InvalidDid),
            ("", "", Reason::InvalidDid),
            ("../../etc/passwd", "", Reason::InvalidDid),
            ("did:mid:KR:x#key-1", "", Reason::InvalidDidUrl),
            ("did:web:example.com#key-1", "", Reason::MethodNotSupported),
            (did.as_str(), "versionId=", Reason::InvalidOptions),
            (did.as_str(), "versionId=-1", Reason::InvalidOptions),
            (did.as_str(), "versionId=1&versionId=2", Reason::InvalidOptions),
            (did.as_str(), "versionTime=yesterday", Reason::InvalidOptions),
            (did.as_str(), "versionTime=2026-05-04T09:30:00%2B09:00", Reason::InvalidOptions),
            (did.as_str(), "versionTime=%zz", Reason::InvalidOptions),
            (did.as_str(), "versionId=1&versionTime=2026-05-04T00:30:00Z", Reason::InvalidOptions),
            (did.as_str(), "expandRelativeUrls=maybe", Reason::InvalidOptions),
            (did.as_str(), "hl=zQmW", Reason::FeatureNotSupported),
        ] {
            assert_eq!(asks(identifier, query), Err(reason), "{identifier} {query}");
        }
        for url in [format!("{did}#"), format!("{did}#a b"), format!("{did}#ä"), format!("{did}/\"")] {
            assert_eq!(asks(&url, ""), Err(Reason::InvalidDidUrl), "{url}");
        }
    }

    #[test]
    fn the_best_form_that_accept_allows() {
        let form = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            super::form(&headers)
        };
        assert_eq!(super::form(&HeaderMap::new()), Some(Form::Any));
        assert_eq!(form("application/did-resolution"), Some(Form::Result));
        assert_eq!(
            form("text/html, application/did+json;q=0.5, Application/DID;q=0.9"),
            Some(Form::Alone(DOCUMENTS[0]))
        );
        assert_eq!(form("application/json, application/ld+json, */*"), Some(Form::Any));
        for none in ["text/html", "application/did;q=0", "application/did;q=x", "application/did;q=2"] {
            assert_eq!(form(none), None, "{none}");
        }
    }
}
