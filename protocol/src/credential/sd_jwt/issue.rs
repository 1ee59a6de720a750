//! What an issuer signs.

use rand_core::CryptoRng;
use serde_json::{Map, Value};

use super::disclosure::{self, reserved};
use super::{KIND, SdJwtError};
use crate::crypto::jose::{self, Jwk};
use crate::crypto::multikey::{Multikey, StandardSigner};

/// A credential before it is signed.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The issuer's certificates, leaf first, without the root, as DER.
    pub certificates: Vec<Vec<u8>>,
    /// All claims, `vct`, `iat`, `exp` and `status` included, none of them hidden yet.
    pub claims: Map<String, Value>,
    /// What the holder may keep back: paths as in RFC 6901 (`/address/street`, `/nationalities/0`). A path may lead
    /// into another: both are then hidden, one within the other.
    pub selective: Vec<String>,
    /// Digests of nothing, in each object that has digests at all.
    pub decoys: usize,
    /// The holder's key.
    pub holder: Option<Multikey>,
}

/// Claims that verifiers must see before anything is disclosed (SD-JWT VC, section 3.2.2.2).
pub(super) const ALWAYS_VISIBLE: [&str; 8] = ["iss", "nbf", "exp", "iat", "cnf", "vct", "vct#integrity", "status"];

impl Draft {
    /// Signs. The result is the credential with all its disclosures, for the holder.
    ///
    /// # Errors
    /// [`SdJwtError::UnknownClaim`], [`SdJwtError::ClaimMustNotBeSelective`], [`SdJwtError::ReservedClaimName`],
    /// or the key store's.
    pub fn issue(&self, signer: &dyn StandardSigner, rng: &mut impl CryptoRng) -> Result<String, SdJwtError> {
        let mut claims = Value::Object(self.claims.clone());
        if has_reserved(&claims) {
            return Err(SdJwtError::ReservedClaimName);
        }
        if let (Some(holder), Some(members)) = (self.holder, claims.as_object_mut()) {
            members.insert("cnf".into(), serde_json::json!({ "jwk": Jwk::from(holder).to_json() }));
        }
        // The deepest first, so that what contains it hides it again. Later elements of an array first is not needed:
        // a hidden element leaves a placeholder.
        let mut paths: Vec<Vec<String>> = self.selective.iter().map(|path| steps(path)).collect();
        paths.sort_by_key(|path| core::cmp::Reverse(path.len()));
        let mut disclosures = Vec::new();
        for path in &paths {
            disclosures.push(hide(&mut claims, path, rng)?);
        }
        if self.decoys > 0 {
            add_decoys(&mut claims, self.decoys, rng);
        }
        sort_digests(&mut claims);
        if let Some(members) = claims.as_object_mut() {
            members.insert("_sd_alg".into(), "sha-256".into());
        }
        let mut header = Map::new();
        header.insert("typ".into(), KIND.into());
        if !self.certificates.is_empty() {
            use base64::Engine as _;
            let standard = base64::engine::general_purpose::STANDARD;
            let chain: Vec<Value> = self.certificates.iter().map(|der| standard.encode(der).into()).collect();
            header.insert("x5c".into(), chain.into());
        }
        let signed = jose::sign(&header, claims.to_string().as_bytes(), signer)?;
        Ok(disclosures.into_iter().fold(signed + "~", |text, disclosure| text + &disclosure + "~"))
    }
}

/// RFC 6901.
pub(super) fn steps(path: &str) -> Vec<String> {
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    path.split('/').skip(1).map(unescape).collect()
}

fn has_reserved(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| reserved(name) || has_reserved(value)),
        Value::Array(elements) => elements.iter().any(has_reserved),
        _ => false,
    }
}

/// Replaces the claim at `path` by a digest and returns its disclosure.
fn hide(claims: &mut Value, path: &[String], rng: &mut impl CryptoRng) -> Result<String, SdJwtError> {
    let (last, parents) = path.split_last().ok_or(SdJwtError::UnknownClaim)?;
    if parents.is_empty() && ALWAYS_VISIBLE.contains(&last.as_str()) {
        return Err(SdJwtError::ClaimMustNotBeSelective); // SDJ-08
    }
    let mut at = claims;
    for step in parents {
        at = match at {
            Value::Object(members) => members.get_mut(step),
            Value::Array(elements) => step.parse::<usize>().ok().and_then(|index| elements.get_mut(index)),
            _ => None,
        }
        .ok_or(SdJwtError::UnknownClaim)?;
    }
    match at {
        Value::Object(members) => {
            let value = members.remove(last).ok_or(SdJwtError::UnknownClaim)?;
            let text = disclosure::write(Some(last), value, rng);
            let digests = members.entry("_sd").or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(digests) = digests {
                digests.push(disclosure::digest(&text).into());
            }
            Ok(text)
        }
        Value::Array(elements) => {
            let element = last.parse::<usize>().ok().and_then(|index| elements.get_mut(index));
            let element = element.filter(|it| it.get("...").is_none()).ok_or(SdJwtError::UnknownClaim)?;
            let text = disclosure::write(None, element.take(), rng);
            *element = serde_json::json!({ "...": disclosure::digest(&text) });
            Ok(text)
        }
        _ => Err(SdJwtError::UnknownClaim),
    }
}

fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Vec<Value>)) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(digests)) = members.get_mut("_sd") {
                change(digests);
            }
            members.values_mut().for_each(|value| each_object(value, change));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|value| each_object(value, change)),
        _ => {}
    }
}

fn add_decoys(claims: &mut Value, count: usize, rng: &mut impl CryptoRng) {
    each_object(claims, &mut |digests| digests.extend((0..count).map(|_| Value::from(disclosure::decoy(rng)))));
}

/// Sorted, digests say nothing about the order in which claims were hidden.
fn sort_digests(claims: &mut Value) {
    each_object(claims, &mut |digests| digests.sort_by(|a, b| a.as_str().cmp(&b.as_str())));
}
