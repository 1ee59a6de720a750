//! What a device answers: documents with some of their elements, each under a proof by the document's key.

use super::session::AgreementKey;
use super::signed::IssuerSigned;
use super::transcript::SessionTranscript;
use super::{DOCUMENTS_MAX, MESSAGE_MAX, MdocError, Value, embed, embedded, entry, member};
use crate::crypto::cose::{self, Headers};
use crate::crypto::multikey::{Multikey, StandardSigner};

/// `DeviceNameSpaces` without elements: a device adds nothing of its own.
const NO_ELEMENTS: u8 = 0xa0;

/// With what a device proves that it holds the document's key.
pub enum Proof<'a> {
    /// A signature, which the verifier can show to others.
    Signature(&'a dyn StandardSigner),
    /// A MAC, which only the reader with this ephemeral key can check.
    Mac {
        /// The document's key.
        device: &'a AgreementKey,
        /// The reader's ephemeral key.
        reader: &'a Multikey,
    },
}

/// One document of a response, as received.
#[derive(Debug, Clone)]
pub struct Document {
    /// Doctype as the device says; the issuer's word decides.
    pub doc_type: String,
    pub(super) issuer_signed: IssuerSigned,
    /// `DeviceNameSpacesBytes`, inside of `#6.24`.
    pub(super) device_elements: Vec<u8>,
    pub(super) device_auth: Value,
}

impl Document {
    /// The document with these elements (namespace, name) and no other, under the device's proof for this session. The
    /// document has to be one that [`IssuerSigned::verify`] accepted.
    ///
    /// # Errors
    /// [`MdocError::UnknownClaim`], [`MdocError::Cose`], [`MdocError::Key`]
    pub fn present(
        issued: &IssuerSigned,
        doc_type: &str,
        elements: &[(&str, &str)],
        transcript: &SessionTranscript,
        proof: &Proof<'_>,
    ) -> Result<Self, MdocError> {
        let mut shown = issued.clone();
        for (namespace, name) in elements {
            let found = issued.items.iter().find(|(it, _)| it == namespace);
            if !found.is_some_and(|(_, items)| items.iter().any(|item| item.name == *name)) {
                return Err(MdocError::UnknownClaim);
            }
        }
        for (namespace, items) in &mut shown.items {
            items.retain(|item| elements.contains(&(namespace.as_str(), item.name.as_str())));
        }
        shown.items.retain(|(_, items)| !items.is_empty());
        let device_elements = vec![NO_ELEMENTS];
        let signed = device_authentication(transcript, doc_type, &device_elements);
        let device_auth = match proof {
            Proof::Signature(signer) => {
                entry("deviceSignature", cose::sign1(&Headers::default(), &signed, true, *signer)?)
            }
            Proof::Mac { device, reader } => {
                let key = device.derive(reader, &transcript.salt(), b"EMacKey")?;
                entry("deviceMac", cose::mac0(&signed, &key)?)
            }
        };
        let device_auth = Value::Map(vec![device_auth]);
        Ok(Self { doc_type: doc_type.to_owned(), issuer_signed: shown, device_elements, device_auth })
    }

    /// The document without its elements. What is left still proves that the holder of the key took part in the session.
    #[must_use]
    pub fn without_elements(&self) -> Self {
        let mut bare = self.clone();
        bare.issuer_signed.items.clear();
        bare
    }

    /// The document signer's certificates, leaf first, not yet checked.
    ///
    /// # Errors
    /// [`MdocError::Cose`]
    pub fn certificates(&self) -> Result<Vec<Vec<u8>>, MdocError> {
        self.issuer_signed.certificates()
    }

    fn from_value(value: &Value) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let doc_type = member(value, "docType").and_then(Value::as_text).ok_or(malformed)?;
        let device = member(value, "deviceSigned").ok_or(MdocError::HolderBindingMissing)?;
        let elements = member(device, "nameSpaces").and_then(embedded).ok_or(malformed)?;
        let auth = member(device, "deviceAuth").ok_or(MdocError::HolderBindingMissing)?;
        Ok(Self {
            doc_type: doc_type.to_owned(),
            issuer_signed: IssuerSigned::from_value(member(value, "issuerSigned").ok_or(malformed)?)?,
            device_elements: elements.to_vec(),
            device_auth: auth.clone(),
        })
    }

    fn to_value(&self) -> Value {
        let device = vec![
            entry("nameSpaces", embed(self.device_elements.clone())),
            entry("deviceAuth", self.device_auth.clone()),
        ];
        Value::Map(vec![
            entry("docType", Value::Text(self.doc_type.clone())),
            entry("issuerSigned", self.issuer_signed.to_value()),
            entry("deviceSigned", Value::Map(device)),
        ])
    }
}

/// `DeviceAuthenticationBytes` (9.1.3.4).
pub(super) fn device_authentication(transcript: &SessionTranscript, doc_type: &str, elements: &[u8]) -> Vec<u8> {
    let doc_type = cose::write_value(Value::Text(doc_type.to_owned()));
    transcript.signed("DeviceAuthentication", &[doc_type, super::embedding(elements)])
}

/// A response (8.3.2.1.2.2).
#[derive(Debug, Clone)]
pub struct DeviceResponse {
    /// The documents.
    pub documents: Vec<Document>,
}

impl DeviceResponse {
    /// Reads a response whose status is that all is well.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn from_slice(bytes: &[u8]) -> Result<Self, MdocError> {
        let value = cose::read_value(bytes, MESSAGE_MAX)?;
        if member(&value, "version").and_then(Value::as_text) != Some("1.0") {
            return Err(MdocError::UnsupportedVersion);
        }
        let status = member(&value, "status").and_then(Value::as_integer).and_then(|it| u64::try_from(it).ok());
        match status {
            Some(0) => {}
            Some(other) => return Err(MdocError::SessionEnded(other)),
            None => return Err(MdocError::MalformedDocument),
        }
        let documents = member(&value, "documents").and_then(Value::as_array).ok_or(MdocError::DocumentMissing)?;
        if documents.len() > DOCUMENTS_MAX {
            return Err(MdocError::MalformedDocument);
        }
        Ok(Self { documents: documents.iter().map(Document::from_value).collect::<Result<_, _>>()? })
    }

    /// The bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        cose::write_value(Value::Map(vec![
            entry("version", Value::Text("1.0".into())),
            entry("documents", Value::Array(self.documents.iter().map(Document::to_value).collect())),
            entry("status", 0.into()),
        ]))
    }
}
