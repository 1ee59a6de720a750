//! The mobile document (`specs/mdoc-profile.md`).

use protocol::credential::mdoc::{Draft, Value, date};
use protocol::credential::twins::{Datum, Twins};
use rand_core::CryptoRng;

use super::{Twin, TwinError};
use crate::error::IssuerError;

/// Digests of nothing in each namespace.
const DECOYS: usize = 4;

impl Twin<'_> {
    pub(super) fn mdoc<R: CryptoRng + ?Sized>(
        &self,
        twins: &Twins,
        now: u64,
        rng: &mut R,
    ) -> Result<Vec<u8>, IssuerError> {
        let mdoc = twins.mdoc.as_ref().ok_or(IssuerError::TwinUnavailable)?;
        let elements = mdoc.namespaces.iter().map(|(namespace, claims)| {
            let read = claims.iter().filter_map(|(name, source)| Some((name.clone(), cbor(&self.facts.read(source)?))));
            (namespace.clone(), read.collect())
        });
        let draft = Draft {
            doc_type: mdoc.doctype.clone(),
            elements: elements.collect(),
            device_key: self.holder,
            signed: self.from,
            valid_from: self.from,
            valid_until: self.until,
            status: Some(self.status.clone()),
            decoys: DECOYS,
            certificates: vec![self.issuer.certificates(now, rng)?.signer],
        };
        let mut rng = rng;
        Ok(draft.issue(self.issuer.keys.document_signer()?, &mut rng).map_err(TwinError::from)?)
    }
}

fn cbor(datum: &Datum) -> Value {
    match datum {
        Datum::Text(text) => Value::Text(text.clone()),
        Datum::Date(day) => date(*day),
        Datum::Truth(truth) => Value::Bool(*truth),
        Datum::Picture(bytes) => Value::Bytes(bytes.clone()),
        Datum::List(list) => Value::Array(list.iter().map(cbor).collect()),
        Datum::Members(members) => {
            Value::Map(members.iter().map(|(name, datum)| (Value::Text(name.clone()), cbor(datum))).collect())
        }
    }
}
