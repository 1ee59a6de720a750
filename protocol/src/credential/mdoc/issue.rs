//! What an issuer signs.

use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};

use super::time::date_time;
use super::{MdocError, Value, embed, embedding, entry};
use crate::credential::status::token::Reference;
use crate::crypto::cose::{self, Headers};
use crate::crypto::multikey::{Multikey, StandardSigner};

/// A document before it is signed.
#[derive(Clone)]
pub struct Draft {
    /// Doctype.
    pub doc_type: String,
    /// Elements by namespace.
    pub elements: Vec<(String, Vec<(String, Value)>)>,
    /// The device's key.
    pub device_key: Multikey,
    /// When it is signed, Unix seconds.
    pub signed: u64,
    /// Valid from, Unix seconds.
    pub valid_from: u64,
    /// Valid until and including, Unix seconds.
    pub valid_until: u64,
    /// Where its status stands.
    pub status: Option<Reference>,
    /// Digests of nothing, in each namespace.
    pub decoys: usize,
    /// The document signer's certificates, leaf first, without the root, as DER.
    pub certificates: Vec<Vec<u8>>,
}

impl Draft {
    /// Signs: `IssuerSigned` with all elements, for the holder.
    ///
    /// # Errors
    /// [`MdocError::MalformedValidity`], [`MdocError::Cose`]
    pub fn issue(&self, signer: &dyn StandardSigner, rng: &mut impl CryptoRng) -> Result<Vec<u8>, MdocError> {
        if self.signed > self.valid_from || self.valid_from > self.valid_until {
            return Err(MdocError::MalformedValidity);
        }
        let (mut namespaces, mut value_digests) = (Vec::new(), Vec::new());
        for (namespace, elements) in &self.elements {
            // Numbers in a random order, so that they say nothing of the elements (9.1.2.4).
            let order = shuffled(elements.len() + self.decoys, rng);
            let (mut items, mut digests) = (Vec::new(), Vec::new());
            for (number, (name, value)) in order.iter().zip(elements) {
                let mut random = vec![0; 32];
                rng.fill_bytes(&mut random);
                let item = cose::write_value(Value::Map(vec![
                    entry("digestID", (*number).into()),
                    entry("random", Value::Bytes(random)),
                    entry("elementIdentifier", Value::Text(name.clone())),
                    entry("elementValue", value.clone()),
                ]));
                digests.push((*number, Sha256::digest(embedding(&item)).to_vec()));
                items.push(embed(item));
            }
            for number in order.iter().skip(elements.len()) {
                let mut random = [0; 32];
                rng.fill_bytes(&mut random);
                digests.push((*number, Sha256::digest(random).to_vec()));
            }
            digests.sort_unstable();
            let digests = digests.into_iter().map(|(number, digest)| (number.into(), Value::Bytes(digest))).collect();
            namespaces.push(entry(namespace, Value::Array(items)));
            value_digests.push(entry(namespace, Value::Map(digests)));
        }
        let mut object = vec![
            entry("version", Value::Text("1.0".into())),
            entry("digestAlgorithm", Value::Text("SHA-256".into())),
            entry("valueDigests", Value::Map(value_digests)),
            entry("deviceKeyInfo", Value::Map(vec![entry("deviceKey", cose::write_key(&self.device_key)?)])),
            entry("docType", Value::Text(self.doc_type.clone())),
            entry(
                "validityInfo",
                Value::Map(vec![
                    entry("signed", date_time(self.signed)),
                    entry("validFrom", date_time(self.valid_from)),
                    entry("validUntil", date_time(self.valid_until)),
                ]),
            ),
        ];
        object.extend(self.status.as_ref().map(|it| entry("status", it.to_cbor())));
        let payload = embedding(&cose::write_value(Value::Map(object)));
        let headers = Headers { certificates: self.certificates.clone(), kind: None };
        let auth = cose::sign1(&headers, &payload, false, signer)?;
        let signed = vec![entry("nameSpaces", Value::Map(namespaces)), entry("issuerAuth", auth)];
        Ok(cose::write_value(Value::Map(signed)))
    }
}

impl core::fmt::Debug for Draft {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Draft({}, [redacted])", self.doc_type)
    }
}

/// The numbers below `count` in a random order.
fn shuffled(count: usize, rng: &mut impl CryptoRng) -> Vec<u64> {
    let mut keyed: Vec<(u64, u64)> = (0..count as u64).map(|number| (rng.next_u64(), number)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, number)| number).collect()
}
