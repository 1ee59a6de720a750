//! A credential type is a file: attributes, display, encoding (`specs/credential-types.md`).

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::calendar::Day;
use super::layout::Layout;
use super::value::{Value, ValueError};
use crate::exchange::Predicate;

/// Most attributes a type may have.
const ATTRIBUTES_MAX: usize = 24;
/// Most codes of an enumeration.
const CODES_MAX: usize = 512;
/// Most members of a set; the bitmap is proven about as one number.
const SET_MAX: usize = 48;
/// Most one-time copies of a credential.
const BOUND_COPIES_MAX: u8 = 16;
/// Longest definition, in bytes.
const DEFINITION_MAX: usize = 8 * 1024;

/// Why a file is not a credential type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// Not JSON of the documented form (CTYP-01).
    #[error("not a credential type file: {0}")]
    MalformedType(String),
    /// Longer than 8 KiB or with too many attributes or codes (CTYP-02).
    #[error("the credential type is too large")]
    TypeTooLarge,
    /// Two attributes have the same name, or a name is not `a-z 0-9 _` (CTYP-03).
    #[error("attribute names must be distinct and written with a-z, 0-9 and _")]
    BadAttributeName,
    /// An attribute would hold the resident registration number (CTYP-04).
    #[error("the resident registration number can never be an attribute")]
    ForbiddenAttribute,
    /// Holders are bound by a link secret, which does not link, and withdrawn by a list, which does (CTYP-08).
    #[error("a type bound by link secret needs status by epoch: a listed handle would link its holder's presentations")]
    LinkableStatus,
    /// A profile asks for an attribute, predicate or holder binding that the type does not have (CTYP-06).
    #[error("a profile of the type asks for something the type does not have")]
    BadProfile,
    /// One-time copies for a type that has a device key already, or too many of them (CTYP-10).
    #[error("a type bound by link secret may have up to 16 one-time copies, another type none")]
    BadCopies,
}

/// A text in the two languages of every screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Korean.
    pub ko: String,
    /// English.
    pub en: String,
}

impl Label {
    /// The text in `lang` (`ko`, anything else is English).
    #[must_use]
    pub fn text(&self, lang: &str) -> &str {
        if lang == "ko" { &self.ko } else { &self.en }
    }
}

/// How the holder is bound to credentials of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum HolderBinding {
    /// By a secret hidden in every proof: unlinkable, but a rooted phone could copy it.
    #[n(0)]
    LinkSecret,
    /// By a key that never leaves the phone's secure area and signs every presentation.
    #[n(1)]
    DeviceKey,
}

impl HolderBinding {
    /// As type files and requests in JSON write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinkSecret => "link-secret",
            Self::DeviceKey => "device-key",
        }
    }
}

/// How a verifier learns that a credential of a type was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusMethod {
    /// The handle is shown and looked up in a list of the trust bundle. Only for types that show who the holder is.
    List,
    /// The handle stays hidden; the holder proves that the issuer signed it as good for the current epoch.
    Epoch,
}

/// How an attribute becomes a number that can be signed and proven about (CTYP-05).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Text, hashed.
    Text,
    /// A date, as days since 1900-01-01.
    Date,
    /// A digest, hashed.
    Digest,
    /// One of these, as its position.
    Code(Vec<Code>),
    /// Any of these, as a bitmap of positions.
    Set(Vec<Code>),
}

/// A member of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// What registers and files call it.
    pub code: String,
    /// What people call it.
    pub name: Label,
}

/// One attribute of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// `a-z 0-9 _`.
    pub name: String,
    /// What people call it.
    pub display: Label,
    /// How it is signed.
    pub encoding: Encoding,
}

/// A ready-made answer a holder can show without being asked first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Short name, e.g. `age-19`.
    pub id: String,
    /// What people call it.
    pub name: Label,
    /// How the answer is bound, where not as the type usually is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<HolderBinding>,
    /// Attributes shown.
    #[serde(default)]
    pub show: Vec<String>,
    /// Statements proven about hidden attributes.
    #[serde(default)]
    pub prove: Vec<Predicate>,
}

/// A credential type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialType {
    /// Reverse-domain name with a version, e.g. `kr.go.police.driver-licence.1`.
    pub id: String,
    /// What people call it.
    pub name: Label,
    /// How the holder is bound.
    pub holder_binding: HolderBinding,
    /// How many copies each with a device key of its own, good for one answer, come with a credential that is bound by
    /// link secret (CTYP-10).
    #[serde(default, skip_serializing_if = "is_none")]
    pub bound_copies: u8,
    /// How withdrawal is learnt.
    pub status: StatusMethod,
    /// Days from issue to expiry unless the register says otherwise.
    pub validity_days: u32,
    /// In the order they are signed.
    pub attributes: Vec<Attribute>,
    /// Ready-made answers.
    #[serde(default)]
    pub profiles: Vec<Profile>,
}

impl CredentialType {
    /// Reads a type file.
    ///
    /// # Errors
    /// [`TypeError`] when a rule CTYP-01…06 of `specs/credential-types.md` is broken.
    pub fn parse(json: &[u8]) -> Result<Self, TypeError> {
        if json.len() > 4 * DEFINITION_MAX {
            return Err(TypeError::TypeTooLarge); // CTYP-02
        }
        let parsed: Self = serde_json::from_slice(json).map_err(|e| TypeError::MalformedType(e.to_string()))?;
        parsed.check()?;
        Ok(parsed)
    }

    /// The bytes the ledger keeps: compact JSON in the order of the specification.
    #[must_use]
    pub fn definition(&self) -> Vec<u8> {
        // Serialising plain structs with string keys cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), TypeError> {
        if self.attributes.is_empty()
            || self.attributes.len() > ATTRIBUTES_MAX
            || self.definition().len() > DEFINITION_MAX
        {
            return Err(TypeError::TypeTooLarge); // CTYP-02
        }
        if !is_name(&self.id, b".-") || self.id.len() > 64 {
            return Err(TypeError::MalformedType("the id is 1-64 characters of a-z 0-9 . -".into()));
        }
        for (i, attribute) in self.attributes.iter().enumerate() {
            if !is_name(&attribute.name, b"_") || self.attributes[..i].iter().any(|a| a.name == attribute.name) {
                return Err(TypeError::BadAttributeName); // CTYP-03
            }
            let flat = attribute.name.replace('_', "");
            if ["residentnumber", "residentregistration", "rrn", "jumin"].iter().any(|word| flat.contains(word)) {
                return Err(TypeError::ForbiddenAttribute); // CTYP-04
            }
            let codes_max = match &attribute.encoding {
                Encoding::Code(codes) => codes.len() <= CODES_MAX,
                Encoding::Set(codes) => codes.len() <= SET_MAX,
                _ => true,
            };
            if !codes_max {
                return Err(TypeError::TypeTooLarge); // CTYP-02
            }
        }
        if self.holder_binding == HolderBinding::LinkSecret && self.status == StatusMethod::List {
            return Err(TypeError::LinkableStatus); // CTYP-08
        }
        if self.bound_copies > BOUND_COPIES_MAX
            || self.bound_copies > 0 && self.holder_binding == HolderBinding::DeviceKey
        {
            return Err(TypeError::BadCopies); // CTYP-10
        }
        for profile in &self.profiles {
            let known = profile.show.iter().all(|name| self.position(name).is_some())
                && profile.prove.iter().all(|predicate| predicate.fits(self))
                && profile.binding.is_none_or(|binding| self.binds(binding));
            if !known {
                return Err(TypeError::BadProfile); // CTYP-06
            }
        }
        Ok(())
    }

    /// The position of an attribute, counted from 0 in the order they are signed.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.attributes.iter().position(|a| a.name == name)
    }

    /// Whether there are credentials of this type that are bound so: every type's own binding, and a device key where
    /// one-time copies have one.
    #[must_use]
    pub fn binds(&self, binding: HolderBinding) -> bool {
        binding == self.holder_binding || (binding == HolderBinding::DeviceKey && self.bound_copies > 0)
    }

    /// A ready-made answer by its id.
    #[must_use]
    pub fn profile(&self, id: &str) -> Option<&Profile> {
        self.profiles.iter().find(|p| p.id == id)
    }

    /// How many numbers a credential of this type signs; the same for every holder.
    #[must_use]
    pub fn message_count(&self) -> usize {
        Layout::ATTRIBUTES + self.attributes.len()
    }

    /// Checks that `value` is one this type allows for the attribute at `position` (CTYP-07).
    ///
    /// # Errors
    /// [`ValueError`] when its form, length or content is not allowed.
    pub fn check_value(&self, position: usize, value: &Value) -> Result<(), ValueError> {
        value.check()?;
        let attribute = self.attributes.get(position).ok_or(ValueError::ValueNotInType)?;
        let fits = match (&attribute.encoding, value) {
            (Encoding::Text, Value::Text(text)) => !text.is_empty(),
            (Encoding::Digest, Value::Bytes(bytes)) => bytes.len() == 32,
            (Encoding::Date, Value::Number(n)) => u32::try_from(*n).is_ok_and(|n| Day::from_number(n).is_ok()),
            (Encoding::Code(codes), Value::Number(n)) => usize::try_from(*n).is_ok_and(|n| n < codes.len()),
            (Encoding::Set(codes), Value::Number(n)) => *n < 1u64 << codes.len(),
            _ => false,
        };
        if fits { Ok(()) } else { Err(ValueError::ValueNotInType) }
    }

    /// Reads a value written as registers write it: text, a date, a code, or codes separated by `,`;
    /// digests in hexadecimal.
    ///
    /// # Errors
    /// [`ValueError`] when it does not fit the attribute.
    pub fn read_value(&self, position: usize, text: &str) -> Result<Value, ValueError> {
        let attribute = self.attributes.get(position).ok_or(ValueError::ValueNotInType)?;
        let find =
            |codes: &[Code], code: &str| codes.iter().position(|c| c.code == code).ok_or(ValueError::ValueNotInType);
        let value = match &attribute.encoding {
            Encoding::Text => Value::Text(text.to_owned()),
            Encoding::Date => {
                Value::Number(u64::from(text.parse::<Day>().map_err(|_| ValueError::ValueNotInType)?.number()))
            }
            Encoding::Digest => Value::Bytes(hex::decode(text).map_err(|_| ValueError::ValueNotInType)?),
            Encoding::Code(codes) => Value::Number(find(codes, text)? as u64),
            Encoding::Set(codes) => {
                let mut bits = 0u64;
                for code in text.split(',').map(str::trim).filter(|code| !code.is_empty()) {
                    bits |= 1 << find(codes, code)?;
                }
                Value::Number(bits)
            }
        };
        self.check_value(position, &value)?;
        Ok(value)
    }

    /// A value as a person reads it.
    ///
    /// Only a wallet's own screen and a verified presentation have values to render.
    #[must_use]
    pub fn render_value(&self, position: usize, value: &Value, lang: &str) -> String {
        let Some(attribute) = self.attributes.get(position) else { return String::new() };
        match (&attribute.encoding, value) {
            (_, Value::Text(text)) => text.clone(),
            (_, Value::Bytes(bytes)) => hex::encode(bytes),
            (Encoding::Date, Value::Number(n)) => u32::try_from(*n)
                .ok()
                .and_then(|n| Day::from_number(n).ok())
                .map_or_else(String::new, |d| d.to_string()),
            (Encoding::Code(codes), Value::Number(n)) => usize::try_from(*n)
                .ok()
                .and_then(|n| codes.get(n))
                .map_or_else(String::new, |c| c.name.text(lang).to_owned()),
            (Encoding::Set(codes), Value::Number(bits)) => {
                let members = codes.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1);
                members.map(|(_, c)| c.name.text(lang)).collect::<Vec<_>>().join(", ")
            }
            (_, Value::Number(n)) => n.to_string(),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // what serde calls
fn is_none(copies: &u8) -> bool {
    *copies == 0
}

fn is_name(text: &str, also: &[u8]) -> bool {
    text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || also.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctyp_08_unlinkable_types_have_no_listed_status() {
        let identity = include_str!("../../../specs/types/zk-identity.json");
        assert!(CredentialType::parse(identity.as_bytes()).is_ok());
        let linkable = identity.replace("\"status\": \"epoch\"", "\"status\": \"list\"");
        assert_ne!(linkable, identity);
        assert_eq!(CredentialType::parse(linkable.as_bytes()), Err(TypeError::LinkableStatus));
    }

    #[test]
    fn ctyp_10_one_time_copies_are_few_and_of_types_bound_by_link_secret() {
        let identity = include_str!("../../../specs/types/zk-identity.json");
        let licence = include_str!("../../../specs/types/driver-licence.json");
        let with = |json: &str, copies: &str| {
            let status = json.replace("\"bound_copies\": 4,", "");
            let changed = status.replacen("\"status\"", &format!("\"bound_copies\": {copies}, \"status\""), 1);
            CredentialType::parse(changed.as_bytes()).map(|parsed| parsed.binds(HolderBinding::DeviceKey))
        };
        assert_eq!(with(identity, "4"), Ok(true));
        assert_eq!(with(identity, "16"), Ok(true));
        assert_eq!(with(identity, "17"), Err(TypeError::BadCopies));
        assert_eq!(with(licence, "1"), Err(TypeError::BadCopies));
        assert_eq!(with(licence, "0"), Ok(true));
        // Without copies a profile cannot ask for them.
        assert_eq!(with(identity, "0"), Err(TypeError::BadProfile));
    }
}
