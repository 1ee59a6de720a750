//! What a reader asks for, and who it says it is (ISO/IEC 18013-5, 8.3.2.1.2.1 and 9.1.4).

use super::transcript::SessionTranscript;
use super::{DOCUMENTS_MAX, MESSAGE_MAX, MdocError, Value, embed, embedded, embedding, entry, member};
use crate::crypto::cose::{self, CoseError, Headers, Sign1};
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::crypto::x509::{Purpose, Root, VerifiedLeaf, verify_chain};

/// Elements of one document that a reader wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemsRequest {
    /// Doctype.
    pub doc_type: String,
    /// Namespace, element, and whether the reader means to keep it.
    pub elements: Vec<(String, String, bool)>,
}

impl ItemsRequest {
    fn read(bytes: &[u8]) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let value = cose::read_value(bytes, MESSAGE_MAX)?;
        let doc_type = member(&value, "docType").and_then(Value::as_text).ok_or(malformed)?;
        let mut elements = Vec::new();
        for (namespace, list) in member(&value, "nameSpaces").and_then(Value::as_map).ok_or(malformed)? {
            for (name, keep) in list.as_map().ok_or(malformed)? {
                let text = |it: &Value| it.as_text().map(str::to_owned).ok_or(malformed);
                elements.push((text(namespace)?, text(name)?, keep.as_bool().ok_or(malformed)?));
            }
        }
        Ok(Self { doc_type: doc_type.to_owned(), elements })
    }

    fn to_vec(&self) -> Vec<u8> {
        let mut namespaces: Vec<(Value, Value)> = Vec::new();
        for (namespace, name, keep) in &self.elements {
            let element = entry(name, Value::Bool(*keep));
            let place = namespaces.iter_mut().find(|(it, _)| it.as_text() == Some(namespace));
            match place.and_then(|(_, list)| list.as_map_mut()) {
                Some(list) => list.push(element),
                None => namespaces.push(entry(namespace, Value::Map(vec![element]))),
            }
        }
        cose::write_value(Value::Map(vec![
            entry("docType", Value::Text(self.doc_type.clone())),
            entry("nameSpaces", Value::Map(namespaces)),
        ]))
    }
}

/// One request, as received.
#[derive(Debug, Clone)]
pub struct DocRequest {
    /// What is asked for.
    pub items: ItemsRequest,
    bytes: Vec<u8>,
    auth: Option<Value>,
}

impl DocRequest {
    /// Who asks: checks the reader's certificates and its signature over this request and session (MDOC-08).
    ///
    /// # Errors
    /// [`MdocError::ReaderAuthMissing`], [`MdocError::ReaderAuthInvalid`], [`MdocError::Certificate`]
    pub fn verify_reader(
        &self,
        transcript: &SessionTranscript,
        roots: &[Root],
        now: u64,
    ) -> Result<VerifiedLeaf, MdocError> {
        let message = self.reader_auth()?;
        let leaf = verify_chain(&message.certificates()?, roots, Purpose::Reader, now)?;
        self.verify_reader_with(&leaf.key, transcript)?;
        Ok(leaf)
    }

    /// [`DocRequest::verify_reader`] with a reader's key that the caller trusts for another reason than a root.
    ///
    /// # Errors
    /// [`MdocError::ReaderAuthMissing`], [`MdocError::ReaderAuthInvalid`]
    pub fn verify_reader_with(&self, key: &Multikey, transcript: &SessionTranscript) -> Result<(), MdocError> {
        let signed = transcript.signed("ReaderAuthentication", &[embedding(&self.bytes)]);
        self.reader_auth()?.verify(Some(&signed), key).map_err(|error| match error {
            CoseError::Signature(_) | CoseError::KeyAlgorithmMismatch => MdocError::ReaderAuthInvalid,
            other => other.into(),
        })
    }

    /// The reader's certificates, leaf first, not yet checked.
    ///
    /// # Errors
    /// [`MdocError::ReaderAuthMissing`], [`MdocError::Cose`]
    pub fn reader_certificates(&self) -> Result<Vec<Vec<u8>>, MdocError> {
        Ok(self.reader_auth()?.certificates()?)
    }

    fn reader_auth(&self) -> Result<Sign1, MdocError> {
        Ok(Sign1::from_value(self.auth.clone().ok_or(MdocError::ReaderAuthMissing)?)?)
    }
}

/// All that a reader asks for.
#[derive(Debug, Clone)]
pub struct DeviceRequest {
    /// The requests.
    pub requests: Vec<DocRequest>,
}

impl DeviceRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`MdocError`]
    pub fn from_slice(bytes: &[u8]) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let value = cose::read_value(bytes, MESSAGE_MAX)?;
        if member(&value, "version").and_then(Value::as_text) != Some("1.0") {
            return Err(MdocError::UnsupportedVersion);
        }
        let list = member(&value, "docRequests").and_then(Value::as_array).ok_or(malformed)?;
        if list.is_empty() || list.len() > DOCUMENTS_MAX {
            return Err(malformed);
        }
        let read = |value: &Value| {
            let bytes = member(value, "itemsRequest").and_then(embedded).ok_or(malformed)?;
            let auth = member(value, "readerAuth").cloned();
            Ok(DocRequest { items: ItemsRequest::read(bytes)?, bytes: bytes.to_vec(), auth })
        };
        Ok(Self { requests: list.iter().map(read).collect::<Result<_, MdocError>>()? })
    }

    /// A request for these elements, signed where a reader says who it is.
    ///
    /// # Errors
    /// [`MdocError::Cose`]
    pub fn make(
        requests: &[ItemsRequest],
        transcript: &SessionTranscript,
        reader: Option<(&[Vec<u8>], &dyn StandardSigner)>,
    ) -> Result<Vec<u8>, MdocError> {
        let mut list = Vec::new();
        for items in requests {
            let bytes = items.to_vec();
            let mut request = vec![entry("itemsRequest", embed(bytes.clone()))];
            if let Some((certificates, signer)) = reader {
                let signed = transcript.signed("ReaderAuthentication", &[embedding(&bytes)]);
                let headers = Headers { certificates: certificates.to_vec(), kind: None };
                request.push(entry("readerAuth", cose::sign1(&headers, &signed, true, signer)?));
            }
            list.push(Value::Map(request));
        }
        let request = vec![entry("version", Value::Text("1.0".into())), entry("docRequests", Value::Array(list))];
        Ok(cose::write_value(Value::Map(request)))
    }
}
