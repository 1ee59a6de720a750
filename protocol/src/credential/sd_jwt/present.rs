//! What a holder shows: some of the disclosures, and a proof of possession.

use serde_json::{Map, Value, json};

use super::disclosure::digest;
use super::issue::steps;
use super::{KEY_BINDING_KIND, SdJwt, SdJwtError};
use crate::crypto::jose;
use crate::crypto::multikey::StandardSigner;

/// To whom and for which request a credential is shown.
#[derive(Debug, Clone, Copy)]
pub struct KeyBinding<'a> {
    /// The verifier's identifier, with its prefix.
    pub audience: &'a str,
    /// The verifier's nonce.
    pub nonce: &'a str,
    /// Now, Unix seconds.
    pub now: u64,
}

impl SdJwt<'_> {
    /// The credential with the disclosures that `paths` (RFC 6901) need and no other, and the holder's proof.
    ///
    /// A path names a claim as it stands in the credential with everything disclosed; whatever it is hidden within
    /// is disclosed with it, what is hidden within it only as far as a path says so. The credential has to be one
    /// that [`SdJwt::verify_issued`] accepted.
    ///
    /// # Errors
    /// [`SdJwtError::UnknownClaim`], or the key store's.
    pub fn present(
        &self,
        paths: &[&str],
        binding: &KeyBinding<'_>,
        holder: &dyn StandardSigner,
    ) -> Result<String, SdJwtError> {
        self.present_with(paths, binding, &[], holder)
    }

    /// [`SdJwt::present`], with hashes of transactions that the holder agrees to (OpenID4VP 1.0, appendix B.3.3.1).
    ///
    /// # Errors
    /// As [`SdJwt::present`].
    pub fn present_with(
        &self,
        paths: &[&str],
        binding: &KeyBinding<'_>,
        transaction_hashes: &[String],
        holder: &dyn StandardSigner,
    ) -> Result<String, SdJwtError> {
        let text = self.disclose(paths)?;
        let mut claims = json!({
            "iat": binding.now, "aud": binding.audience, "nonce": binding.nonce, "sd_hash": digest(&text),
        });
        if let (Some(members), false) = (claims.as_object_mut(), transaction_hashes.is_empty()) {
            members.insert("transaction_data_hashes".into(), json!(transaction_hashes));
            members.insert("transaction_data_hashes_alg".into(), "sha-256".into());
        }
        let mut header = Map::new();
        header.insert("typ".into(), KEY_BINDING_KIND.into());
        Ok(text + &jose::sign(&header, claims.to_string().as_bytes(), holder)?)
    }

    /// The credential with the disclosures that `paths` need, without a holder's proof.
    ///
    /// # Errors
    /// [`SdJwtError::UnknownClaim`]
    pub fn disclose(&self, paths: &[&str]) -> Result<String, SdJwtError> {
        let payload = Value::Object(self.jws.unverified_claims()?);
        let mut needed = vec![false; self.disclosures.len()];
        for path in paths {
            self.mark(&payload, &steps(path), &mut needed)?;
        }
        let shown = self.disclosures.iter().zip(needed).filter(|(_, needed)| *needed);
        Ok(shown.fold(format!("{}~", self.issued), |text, (disclosure, _)| text + disclosure.text + "~"))
    }

    /// Marks what is on the way from `value` along `path`.
    fn mark(&self, value: &Value, path: &[String], needed: &mut [bool]) -> Result<(), SdJwtError> {
        let Some((step, rest)) = path.split_first() else { return Ok(()) };
        let with_digest = |wanted: &Value| {
            self.disclosures.iter().position(|disclosure| wanted.as_str() == Some(disclosure.digest().as_str()))
        };
        let hidden = match value {
            Value::Object(members) => {
                if let Some(next) = members.get(step) {
                    return self.mark(next, rest, needed);
                }
                let digests = members.get("_sd").and_then(Value::as_array).ok_or(SdJwtError::UnknownClaim)?;
                let mut known = digests.iter().filter_map(with_digest);
                known.find(|at| self.disclosures.get(*at).is_some_and(|it| it.name.as_ref() == Some(step)))
            }
            Value::Array(elements) => {
                // Placeholders of which nobody has the disclosure are no elements.
                let known = |it: &&Value| it.get("...").is_none_or(|digest| with_digest(digest).is_some());
                let next = step.parse::<usize>().ok().and_then(|index| elements.iter().filter(known).nth(index));
                let next = next.ok_or(SdJwtError::UnknownClaim)?;
                match next.get("...") {
                    None => return self.mark(next, rest, needed),
                    Some(digest) => with_digest(digest),
                }
            }
            _ => None,
        };
        let at = hidden.ok_or(SdJwtError::UnknownClaim)?;
        if let Some(needed) = needed.get_mut(at) {
            *needed = true;
        }
        let disclosure = self.disclosures.get(at).ok_or(SdJwtError::UnknownClaim)?;
        self.mark(&disclosure.value, rest, needed)
    }
}
