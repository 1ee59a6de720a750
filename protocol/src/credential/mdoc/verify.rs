//! What a verifier checks of a document it is shown.

use std::collections::BTreeMap;

use super::response::{DeviceResponse, device_authentication};
use super::session::AgreementKey;
use super::signed::SecurityObject;
use super::transcript::SessionTranscript;
use super::{Document, MESSAGE_MAX, MdocError, Value, member};
use crate::credential::status::token::Reference;
use crate::crypto::cose::{self, CoseError, Sign1, verify_mac0};
use crate::crypto::multikey::Multikey;
use crate::crypto::x509::Root;

/// What the device's proof has to fit.
#[derive(Clone, Copy)]
pub struct DeviceCheck<'a> {
    /// The session.
    pub transcript: &'a SessionTranscript,
    /// The reader's ephemeral key, where it accepts MACs.
    pub reader: Option<&'a AgreementKey>,
}

/// A document of a trusted issuer, within its time, shown by the device it was issued to. Status is the caller's next
/// question.
#[derive(Clone, PartialEq)]
pub struct Verified {
    /// Doctype.
    pub doc_type: String,
    /// Where its status stands.
    pub status: Option<Reference>,
    /// When the issuer signed, Unix seconds.
    pub signed: u64,
    /// Valid until and including, Unix seconds.
    pub valid_until: u64,
    pub(super) root: Option<Multikey>,
    pub(super) elements: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Verified {
    /// An element.
    #[must_use]
    pub fn element(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.elements.get(namespace)?.get(name)
    }

    /// All elements by namespace.
    #[must_use]
    pub fn elements(&self) -> &BTreeMap<String, BTreeMap<String, Value>> {
        &self.elements
    }

    /// Key of the root that the document signer's certificates end at.
    #[must_use]
    pub fn root(&self) -> Option<&Multikey> {
        self.root.as_ref()
    }
}

impl core::fmt::Debug for Verified {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Verified({}, [redacted])", self.doc_type)
    }
}

/// Checks a response to a request for one document of `doc_type`.
///
/// # Errors
/// [`MdocError`]
pub fn verify_document(
    response: &[u8],
    doc_type: &str,
    device: &DeviceCheck<'_>,
    roots: &[Root],
    now: u64,
) -> Result<Verified, MdocError> {
    // MDOC-01: exactly the one document that was asked for.
    let response = DeviceResponse::from_slice(response)?;
    let [document] = &response.documents[..] else { return Err(MdocError::DocumentMissing) };
    document.verify(doc_type, device, roots, now)
}

impl Document {
    /// Checks the document: certificates, issuer's signature, doctype, digests, dates, device's proof.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn verify(
        &self,
        doc_type: &str,
        device: &DeviceCheck<'_>,
        roots: &[Root],
        now: u64,
    ) -> Result<Verified, MdocError> {
        let (object, leaf) = self.issuer_signed.verify(doc_type, roots, now)?;
        self.finish(object, Some(leaf.root), device)
    }

    /// [`Document::verify`] with a document signer's key that the caller trusts for another reason than a root.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn verify_with(
        &self,
        key: &Multikey,
        doc_type: &str,
        device: &DeviceCheck<'_>,
        now: u64,
    ) -> Result<Verified, MdocError> {
        let object = self.issuer_signed.verify_with(key, doc_type, now)?;
        self.finish(object, None, device)
    }

    fn finish(
        &self,
        object: SecurityObject,
        root: Option<Multikey>,
        device: &DeviceCheck<'_>,
    ) -> Result<Verified, MdocError> {
        if self.doc_type != object.doc_type {
            return Err(MdocError::TypeMismatch);
        }
        self.check_device(&object.device_key, device)?;
        let items = &self.issuer_signed.items;
        let named = |items: &[super::Item]| items.iter().map(|it| (it.name.clone(), it.value.clone())).collect();
        Ok(Verified {
            doc_type: object.doc_type,
            status: object.status,
            signed: object.signed,
            valid_until: object.valid_until,
            root,
            elements: items.iter().map(|(namespace, items)| (namespace.clone(), named(items))).collect(),
        })
    }

    /// The proof is by the document's key, over this session and this doctype (MDOC-06).
    fn check_device(&self, key: &Multikey, device: &DeviceCheck<'_>) -> Result<(), MdocError> {
        let elements = cose::read_value(&self.device_elements, MESSAGE_MAX)?;
        if elements.as_map().is_none_or(|it| !it.is_empty()) {
            return Err(MdocError::DeviceSignedElements);
        }
        let signed = device_authentication(device.transcript, &self.doc_type, &self.device_elements);
        let refused = |error: CoseError| match error {
            CoseError::Signature(_) | CoseError::MacInvalid | CoseError::KeyAlgorithmMismatch => {
                MdocError::HolderBindingInvalid
            }
            other => other.into(),
        };
        match (member(&self.device_auth, "deviceSignature"), member(&self.device_auth, "deviceMac")) {
            (Some(signature), None) => {
                Sign1::from_value(signature.clone())?.verify(Some(&signed), key).map_err(refused)
            }
            (None, Some(mac)) => {
                let reader = device.reader.ok_or(MdocError::HolderBindingMissing)?;
                let shared = reader.derive(key, &device.transcript.salt(), b"EMacKey")?;
                verify_mac0(mac.clone(), &signed, &shared).map_err(refused)
            }
            _ => Err(MdocError::HolderBindingMissing),
        }
    }
}
