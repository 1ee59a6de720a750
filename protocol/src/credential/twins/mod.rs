//! What one enrolment is called in other formats: a file beside the credential type (`specs/credential-types.md`).
//!
//! The typed values that the ZK credential signs become elements of a mobile document, claims of an SD-JWT and a W3C
//! credential. Which become what is data: no code knows a credential type.

mod datum;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::credential_type::{CredentialType, Encoding, StatusMethod};
pub use datum::{Datum, Facts};

/// Longest file, in bytes.
const FILE_MAX: usize = 32 * 1024;
/// Longest validity of a twin, in days. The certificate that signs twins is renewed while it lives longer than this.
pub const VALIDITY_MAX: u32 = 180;

/// Why a file does not say what a type is called in other formats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwinsError {
    /// Not JSON of the documented form, too long, or without any format (TWIN-01).
    #[error("not a file of twins: {0}")]
    MalformedTwins(String),
    /// It belongs to another credential type (TWIN-02).
    #[error("the file of twins belongs to another credential type")]
    OtherType,
    /// It names an attribute or a code that the type does not have, or one of another encoding (TWIN-02).
    #[error("the file of twins names an attribute that the credential type does not have in that form: {0}")]
    AttributeUnknown(String),
    /// Credentials of the type have no entry in a list (TWIN-03).
    #[error("only a credential type with status lists has twins")]
    StatusUnlisted,
}

/// Where a claim's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// The same for everyone.
    Fixed(String),
    /// A text attribute.
    Text(String),
    /// The first word of a text attribute: a family name in `HONG GILDONG`.
    FirstWord(String),
    /// The other words of a text attribute.
    OtherWords(String),
    /// A date attribute.
    Date(String),
    /// The codes of an enumeration or set.
    Codes(String),
    /// What people call the codes of an enumeration or set.
    Names {
        /// The attribute.
        attribute: String,
        /// `ko` or `en`.
        language: String,
    },
    /// `driving_privileges` of ISO/IEC 18013-5, 7.2.4.
    Privileges {
        /// A set attribute.
        attribute: String,
        /// A date attribute: since when.
        issued: String,
        /// The categories of ISO/IEC 18013-1 for each code.
        categories: BTreeMap<String, Vec<String>>,
    },
    /// Whether the holder is this old, by the Civil Act, on the day of issue.
    AgeOver {
        /// A date attribute.
        birth_date: String,
        /// Full years.
        years: u8,
    },
    /// Last day of the enrolment's validity.
    Expiry,
    /// The register's picture.
    Picture,
    /// Several claims under one name. For JSON only.
    Group(BTreeMap<String, Source>),
}

/// Claims by name.
pub type Claims = BTreeMap<String, Source>;

/// The mobile document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MdocTwin {
    /// Doctype.
    pub doctype: String,
    /// Elements by namespace.
    pub namespaces: BTreeMap<String, Claims>,
}

/// The SD-JWT credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SdJwtTwin {
    /// Its `vct`.
    pub vct: String,
    /// Its claims, each of which the holder may keep back.
    pub claims: Claims,
}

/// The W3C credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct W3cTwin {
    /// Address of the context that defines type and claims; what is there follows from this file
    /// ([`W3cTwin::context_document`]).
    pub context: String,
    /// Its type beside `VerifiableCredential`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is said of its subject.
    pub claims: Claims,
}

/// The twins of a credential type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twins {
    /// The credential type's id.
    pub credential_type: String,
    /// Days that a twin is valid; the wallet fetches a new one in time.
    pub validity_days: u32,
    /// The mobile document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdoc: Option<MdocTwin>,
    /// The SD-JWT credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd_jwt: Option<SdJwtTwin>,
    /// The W3C credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub w3c: Option<W3cTwin>,
}

impl Twins {
    /// Reads a file of twins of `credential_type`.
    ///
    /// # Errors
    /// [`TwinsError`]
    pub fn parse(json: &[u8], credential_type: &CredentialType) -> Result<Self, TwinsError> {
        if json.len() > FILE_MAX {
            return Err(TwinsError::MalformedTwins("longer than 32 KiB".to_owned()));
        }
        let twins: Self =
            serde_json::from_slice(json).map_err(|error| TwinsError::MalformedTwins(error.to_string()))?;
        twins.check(credential_type)?;
        Ok(twins)
    }

    /// Checks that everything named is there.
    ///
    /// # Errors
    /// [`TwinsError`]
    pub fn check(&self, credential_type: &CredentialType) -> Result<(), TwinsError> {
        // TWIN-01
        if !(1..=VALIDITY_MAX).contains(&self.validity_days) {
            return Err(TwinsError::MalformedTwins(format!("validity_days is 1-{VALIDITY_MAX}")));
        }
        let formats = [self.mdoc.is_some(), self.sd_jwt.is_some(), self.w3c.is_some()];
        if !formats.contains(&true) {
            return Err(TwinsError::MalformedTwins("no format".to_owned()));
        }
        // TWIN-02
        if self.credential_type != credential_type.id {
            return Err(TwinsError::OtherType);
        }
        // TWIN-03
        if credential_type.status != StatusMethod::List {
            return Err(TwinsError::StatusUnlisted);
        }
        let elements = self.mdoc.iter().flat_map(|mdoc| mdoc.namespaces.values().flat_map(BTreeMap::values));
        let grouped = |source: &Source| matches!(source, Source::Group(_));
        if elements.clone().any(grouped) {
            return Err(TwinsError::MalformedTwins("elements of a mobile document have no groups".to_owned()));
        }
        let claims = self.sd_jwt.iter().flat_map(|it| it.claims.values());
        let w3c = self.w3c.iter().flat_map(|it| it.claims.values());
        elements.chain(claims).chain(w3c).try_for_each(|source| source.check(credential_type))
    }
}

impl Source {
    fn check(&self, credential_type: &CredentialType) -> Result<(), TwinsError> {
        let encoding = |name: &str| {
            let position = credential_type.position(name);
            let attribute = position.and_then(|position| credential_type.attributes.get(position));
            attribute.map(|attribute| &attribute.encoding).ok_or_else(|| TwinsError::AttributeUnknown(name.to_owned()))
        };
        let is = |name: &String, fits: fn(&Encoding) -> bool| match fits(encoding(name)?) {
            true => Ok(()),
            false => Err(TwinsError::AttributeUnknown(name.clone())),
        };
        let coded = |encoding: &Encoding| matches!(encoding, Encoding::Code(_) | Encoding::Set(_));
        let date = |encoding: &Encoding| *encoding == Encoding::Date;
        match self {
            Self::Fixed(_) | Self::Expiry | Self::Picture => Ok(()),
            Self::Text(name) | Self::FirstWord(name) | Self::OtherWords(name) => {
                is(name, |encoding| *encoding == Encoding::Text)
            }
            Self::Date(name) | Self::AgeOver { birth_date: name, .. } => is(name, date),
            Self::Codes(name) => is(name, coded),
            Self::Names { attribute, .. } => is(attribute, coded),
            Self::Privileges { attribute, issued, categories } => {
                is(issued, date)?;
                let Encoding::Set(codes) = encoding(attribute)? else {
                    return Err(TwinsError::AttributeUnknown(attribute.clone()));
                };
                let known = |code: &String| codes.iter().any(|known| known.code == *code);
                categories
                    .keys()
                    .find(|code| !known(code))
                    .map_or(Ok(()), |code| Err(TwinsError::AttributeUnknown(code.clone())))
            }
            Self::Group(claims) => claims.values().try_for_each(|source| source.check(credential_type)),
        }
    }
}

impl W3cTwin {
    /// The type as its context defines it.
    #[must_use]
    pub fn expanded_type(&self) -> String {
        format!("{}#{}", self.context, self.kind)
    }

    /// The JSON-LD context: what is found at [`W3cTwin::context`], byte for byte. Every term is the address, `#` and its name.
    #[must_use]
    pub fn context_document(&self) -> Vec<u8> {
        let mut terms = Map::new();
        terms.insert("@protected".to_owned(), true.into());
        terms.insert(self.kind.clone(), self.expanded_type().into());
        self.define(&self.claims, &mut terms);
        json!({ "@context": Json::Object(terms) }).to_string().into_bytes()
    }

    fn define(&self, claims: &Claims, terms: &mut Map<String, Json>) {
        for (name, source) in claims {
            let id = format!("{}#{name}", self.context);
            let term = match source {
                Source::Date(_) | Source::Expiry => {
                    json!({ "@id": id, "@type": "http://www.w3.org/2001/XMLSchema#date" })
                }
                _ => id.into(),
            };
            terms.insert(name.clone(), term);
            if let Source::Group(claims) = source {
                self.define(claims, terms);
            }
        }
    }
}

#[cfg(test)]
mod tests;
