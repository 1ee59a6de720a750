//! What the issuer signed, as received: elements with their bytes, and the mobile security object.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::time::parse_date_time;
use super::{MESSAGE_MAX, MdocError, Value, embedded, embedding, member};
use crate::credential::status::token::Reference;
use crate::crypto::cose::{self, Sign1};
use crate::crypto::multikey::Multikey;
use crate::crypto::x509::{Purpose, Root, VerifiedLeaf, verify_chain};

/// One element, with the bytes that the issuer hashed.
#[derive(Clone, PartialEq)]
pub struct Item {
    /// Inside of `#6.24`.
    pub(super) bytes: Vec<u8>,
    pub(super) digest_id: u64,
    /// The element's name.
    pub name: String,
    /// The element's value.
    pub value: Value,
}

impl Item {
    fn read(value: &Value) -> Result<Self, MdocError> {
        let bytes = embedded(value).ok_or(MdocError::MalformedDocument)?;
        let item = cose::read_value(bytes, MESSAGE_MAX)?;
        let number = member(&item, "digestID").and_then(Value::as_integer).and_then(|it| u64::try_from(it).ok());
        let name = member(&item, "elementIdentifier").and_then(Value::as_text);
        let random = member(&item, "random").and_then(Value::as_bytes);
        let element = member(&item, "elementValue");
        match (number, name, random, element) {
            // ISO/IEC 18013-5, 9.1.2.5: at least 16 random bytes, or a digest can be guessed.
            (Some(digest_id), Some(name), Some(random), Some(value)) if random.len() >= 16 => {
                Ok(Self { bytes: bytes.to_vec(), digest_id, name: name.to_owned(), value: value.clone() })
            }
            _ => Err(MdocError::MalformedDocument),
        }
    }
}

impl core::fmt::Debug for Item {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Item({}, [redacted])", self.name)
    }
}

/// Elements by namespace.
pub(super) type Items = Vec<(String, Vec<Item>)>;

/// What the issuer says: digests, key of the device, doctype, dates, status (ISO/IEC 18013-5, 9.1.2.4).
#[derive(Debug, Clone, PartialEq)]
pub struct SecurityObject {
    /// Doctype.
    pub doc_type: String,
    /// The device's key.
    pub device_key: Multikey,
    /// When the issuer signed, Unix seconds.
    pub signed: u64,
    /// Valid from, Unix seconds.
    pub valid_from: u64,
    /// Valid until and including, Unix seconds.
    pub valid_until: u64,
    /// Where its status stands.
    pub status: Option<Reference>,
    algorithm: String,
    digests: BTreeMap<String, BTreeMap<u64, Vec<u8>>>,
}

impl SecurityObject {
    fn read(payload: &[u8]) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let outer = cose::read_value(payload, MESSAGE_MAX)?;
        let object = cose::read_value(embedded(&outer).ok_or(malformed)?, MESSAGE_MAX)?;
        let text = |name: &str| member(&object, name).and_then(Value::as_text).map(str::to_owned).ok_or(malformed);
        if text("version")? != "1.0" {
            return Err(MdocError::UnsupportedVersion);
        }
        let algorithm = text("digestAlgorithm")?;
        if !["SHA-256", "SHA-384", "SHA-512"].contains(&algorithm.as_str()) {
            return Err(MdocError::UnsupportedAlgorithm); // MDOC-03
        }
        let key = member(&object, "deviceKeyInfo").and_then(|it| member(it, "deviceKey")).ok_or(malformed)?;
        let validity = member(&object, "validityInfo").ok_or(malformed)?;
        let time = |name: &str| member(validity, name).ok_or(malformed).and_then(parse_date_time);
        let mut digests = BTreeMap::new();
        for (namespace, list) in member(&object, "valueDigests").and_then(Value::as_map).ok_or(malformed)? {
            let namespace = namespace.as_text().ok_or(malformed)?;
            let number = |it: &Value| it.as_integer().and_then(|it| u64::try_from(it).ok());
            let pair = |(id, digest): &(Value, Value)| Some((number(id)?, digest.as_bytes()?.clone()));
            let list = list.as_map().ok_or(malformed)?.iter().map(pair).collect::<Option<_>>().ok_or(malformed)?;
            digests.insert(namespace.to_owned(), list);
        }
        let object = Self {
            doc_type: text("docType")?,
            device_key: cose::read_key(key.clone())?,
            signed: time("signed")?,
            valid_from: time("validFrom")?,
            valid_until: time("validUntil")?,
            status: member(&object, "status").map(Reference::from_cbor).transpose()?,
            algorithm,
            digests,
        };
        // MDOC-05
        if object.signed > object.valid_from || object.valid_from > object.valid_until {
            return Err(MdocError::MalformedValidity);
        }
        Ok(object)
    }

    fn hash(&self, bytes: &[u8]) -> Vec<u8> {
        match self.algorithm.as_str() {
            "SHA-384" => Sha384::digest(bytes).to_vec(),
            "SHA-512" => Sha512::digest(bytes).to_vec(),
            _ => Sha256::digest(bytes).to_vec(),
        }
    }

    /// Every element is one that the issuer signed (MDOC-04).
    fn check_items(&self, items: &Items) -> Result<(), MdocError> {
        for (namespace, items) in items {
            let digests = self.digests.get(namespace).ok_or(MdocError::DisclosureUnreferenced)?;
            let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
            for item in items {
                if !ids.insert(item.digest_id) {
                    return Err(MdocError::DuplicateDigest);
                }
                if !names.insert(&item.name) {
                    return Err(MdocError::DuplicateClaim);
                }
                let digest = digests.get(&item.digest_id).ok_or(MdocError::DisclosureUnreferenced)?;
                if self.hash(&embedding(&item.bytes)) != *digest {
                    return Err(MdocError::DigestMismatch);
                }
            }
        }
        Ok(())
    }

    /// `signed ≤ now`, `validFrom ≤ now ≤ validUntil` (MDOC-05).
    fn check_time(&self, now: u64) -> Result<(), MdocError> {
        if self.signed > now {
            return Err(MdocError::IssuedInFuture);
        }
        if now < self.valid_from {
            return Err(MdocError::CredentialNotYetValid);
        }
        if now > self.valid_until { Err(MdocError::CredentialExpired) } else { Ok(()) }
    }
}

/// What an issuer hands out, or a holder shows of it, as received.
#[derive(Clone)]
pub struct IssuerSigned {
    pub(super) items: Items,
    pub(super) auth: Value,
    message: Sign1,
}

impl IssuerSigned {
    /// Reads `IssuerSigned`.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn from_slice(bytes: &[u8]) -> Result<Self, MdocError> {
        Self::from_value(&cose::read_value(bytes, MESSAGE_MAX)?)
    }

    pub(super) fn from_value(value: &Value) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let auth = member(value, "issuerAuth").ok_or(malformed)?;
        let mut items = Vec::new();
        for (namespace, list) in
            member(value, "nameSpaces").map_or(Some(&Vec::new()), Value::as_map).ok_or(malformed)?
        {
            let list = list.as_array().ok_or(malformed)?.iter().map(Item::read).collect::<Result<_, _>>()?;
            items.push((namespace.as_text().ok_or(malformed)?.to_owned(), list));
        }
        Ok(Self { items, auth: auth.clone(), message: Sign1::from_value(auth.clone())? })
    }

    pub(super) fn to_value(&self) -> Value {
        let list = |items: &[Item]| items.iter().map(|item| super::embed(item.bytes.clone())).collect();
        let namespaces =
            self.items.iter().map(|(name, items)| (Value::Text(name.clone()), Value::Array(list(items)))).collect();
        Value::Map(vec![
            super::entry("nameSpaces", Value::Map(namespaces)),
            super::entry("issuerAuth", self.auth.clone()),
        ])
    }

    /// Checks certificates, signature, doctype, every digest and every date, in this order (MDOC-02…05).
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn verify(
        &self,
        doc_type: &str,
        roots: &[Root],
        now: u64,
    ) -> Result<(SecurityObject, VerifiedLeaf), MdocError> {
        let leaf = verify_chain(&self.message.certificates()?, roots, Purpose::Documents, now)?;
        let object = self.verify_with(&leaf.key, doc_type, now)?;
        leaf.check_time(object.signed)?;
        Ok((object, leaf))
    }

    /// [`IssuerSigned::verify`] with a document signer's key that the caller trusts for another reason than a root.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn verify_with(&self, key: &Multikey, doc_type: &str, now: u64) -> Result<SecurityObject, MdocError> {
        self.message.verify(None, key)?;
        let object = SecurityObject::read(self.message.payload().ok_or(MdocError::MalformedDocument)?)?;
        if object.doc_type != doc_type {
            return Err(MdocError::TypeMismatch);
        }
        object.check_items(&self.items)?;
        object.check_time(now)?;
        Ok(object)
    }

    /// The document signer's certificates, leaf first, not yet checked.
    ///
    /// # Errors
    /// [`MdocError::Cose`]
    pub fn certificates(&self) -> Result<Vec<Vec<u8>>, MdocError> {
        Ok(self.message.certificates()?)
    }
}

impl core::fmt::Debug for IssuerSigned {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let count: usize = self.items.iter().map(|(_, items)| items.len()).sum();
        write!(f, "IssuerSigned({count} elements)")
    }
}
