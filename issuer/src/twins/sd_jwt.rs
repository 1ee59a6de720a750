//! The SD-JWT credential (`specs/sd-jwt-profile.md`).

use base64::Engine as _;
use protocol::credential::sd_jwt::Draft;
use protocol::credential::twins::{Claims, Datum, Source, Twins};
use rand_core::CryptoRng;
use serde_json::{Map, Value};

use super::{Twin, TwinError};
use crate::error::IssuerError;

/// Digests of nothing in each object that has digests.
const DECOYS: usize = 4;

impl Twin<'_> {
    pub(super) fn sd_jwt<R: CryptoRng + ?Sized>(
        &self,
        twins: &Twins,
        now: u64,
        rng: &mut R,
    ) -> Result<Vec<u8>, IssuerError> {
        let sd_jwt = twins.sd_jwt.as_ref().ok_or(IssuerError::TwinUnavailable)?;
        let mut claims: Map<String, Value> = Map::new();
        for (name, source) in &sd_jwt.claims {
            claims.extend(self.facts.read(source).map(|datum| (name.clone(), json(&datum))));
        }
        let mut selective = Vec::new();
        hide(&sd_jwt.claims, &claims, "", &mut selective);
        claims.insert("vct".into(), sd_jwt.vct.as_str().into());
        claims.insert("iat".into(), self.from.into());
        claims.insert("exp".into(), self.until.into());
        claims.insert("status".into(), self.status.to_json());
        let certificates = vec![self.issuer.certificates(now, rng)?.signer];
        let draft = Draft { certificates, claims, selective, decoys: DECOYS, holder: Some(self.holder) };
        let mut rng = rng;
        let text = draft.issue(self.issuer.keys.document_signer()?, &mut rng).map_err(TwinError::from)?;
        Ok(text.into_bytes())
    }
}

/// Paths (RFC 6901) of what the holder may keep back: all but what is the same for everyone, and each member and element.
fn hide(claims: &Claims, values: &Map<String, Value>, above: &str, paths: &mut Vec<String>) {
    for (name, source) in claims.iter().filter(|(_, source)| !matches!(source, Source::Fixed(_))) {
        let Some(value) = values.get(name) else { continue };
        let path = format!("{above}/{}", name.replace('~', "~0").replace('/', "~1"));
        match (source, value) {
            (Source::Group(inner), Value::Object(members)) => hide(inner, members, &path, paths),
            (_, Value::Array(elements)) => paths.extend((0..elements.len()).map(|index| format!("{path}/{index}"))),
            _ => {}
        }
        paths.push(path);
    }
}

/// A value in JSON: dates as `YYYY-MM-DD`, pictures as `data:` addresses.
pub(super) fn json(datum: &Datum) -> Value {
    match datum {
        Datum::Text(text) => text.as_str().into(),
        Datum::Date(day) => day.to_string().into(),
        Datum::Truth(truth) => (*truth).into(),
        Datum::Picture(bytes) => {
            let kind = if bytes.starts_with(&[0xff, 0xd8]) { "jpeg" } else { "png" };
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            format!("data:image/{kind};base64,{text}").into()
        }
        Datum::List(list) => list.iter().map(json).collect(),
        Datum::Members(members) => {
            Value::Object(members.iter().map(|(name, datum)| (name.clone(), json(datum))).collect())
        }
    }
}
