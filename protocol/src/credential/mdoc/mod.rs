//! Mobile documents (ISO/IEC 18013-5): a credential in CBOR of which the holder shows elements (`specs/mdoc-profile.md`).
//!
//! In the order of its life: [`Draft::issue`] · [`IssuerSigned::verify`] · [`DeviceResponse`] with [`Document::present`] ·
//! [`verify_document`]. Elements can be read on a [`Verified`] document only. Every digest is computed over the bytes as
//! they were received, and every date of the issuer is checked.

pub mod dc_api;
mod error;
mod issue;
mod json;
mod request;
mod response;
pub mod session;
mod signed;
mod time;
mod transcript;
mod verify;

pub use coset::cbor::Value;
pub use error::MdocError;
pub use issue::Draft;
pub use json::to_json;
pub use request::{DeviceRequest, DocRequest, ItemsRequest};
pub use response::{DeviceResponse, Document, Proof};
pub use signed::{IssuerSigned, Item, SecurityObject};
pub use time::{date, date_time, parse_date_time};
pub use transcript::{Handover, SessionTranscript};
pub use verify::{DeviceCheck, Verified, verify_document};

/// Doctype of the mobile driving licence.
pub const MDL: &str = "org.iso.18013.5.1.mDL";
/// Namespace of the mobile driving licence.
pub const MDL_NAMESPACE: &str = "org.iso.18013.5.1";
/// Namespace of what Korean licences say besides, in Korean and English.
pub const KOREAN_NAMESPACE: &str = "org.iso.18013.5.1.KR";
/// Doctype, and namespace, of the resident card.
pub const RESIDENT_CARD: &str = "kr.go.mois.resident-card.1";

/// Longest message that is read, in bytes.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Most documents of a response, and requests of a request.
pub const DOCUMENTS_MAX: usize = 8;

/// The member of a map.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// An entry of a map.
fn entry(name: &str, value: Value) -> (Value, Value) {
    (Value::Text(name.to_owned()), value)
}

/// `#6.24(bstr .cbor …)`.
fn embed(bytes: Vec<u8>) -> Value {
    Value::Tag(24, Box::new(Value::Bytes(bytes)))
}

/// What is in a `#6.24(bstr)`.
fn embedded(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Tag(24, inner) => inner.as_bytes().map(Vec::as_slice),
        _ => None,
    }
}

/// The bytes of `#6.24(bstr)` around these, which are what is hashed and signed.
fn embedding(bytes: &[u8]) -> Vec<u8> {
    crate::crypto::cose::write_value(embed(bytes.to_vec()))
}

#[cfg(test)]
mod tests;
