//! The W3C credential (`specs/data-integrity.md`), with a proof that shows all or one that shows a part.

use protocol::credential::status::bitstring::StatusPurpose;
use protocol::credential::twins::{Twins, W3cTwin};
use protocol::credential::w3c::{CREDENTIALS_V2, Contexts, ProofOptions, Suite, date_time_text};
use protocol::identifier::{DidKey, Purpose};
use rand_core::CryptoRng;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::sd_jwt::json as datum_json;
use super::{Twin, TwinError, TwinFormat};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::ledger::{BBS_FRAGMENT, W3C_FRAGMENT};

/// What a holder can never leave out (RFC 6901).
const MANDATORY: [&str; 4] = ["/issuer", "/validFrom", "/validUntil", "/credentialStatus"];

impl Twin<'_> {
    pub(super) fn w3c<R: CryptoRng + ?Sized>(
        &self,
        twins: &Twins,
        format: TwinFormat,
        rng: &mut R,
    ) -> Result<Vec<u8>, IssuerError> {
        let w3c = twins.w3c.as_ref().ok_or(IssuerError::TwinUnavailable)?;
        let mut subject = Map::new();
        subject.insert("id".to_owned(), DidKey::new(self.holder).to_text().into());
        for (name, source) in &w3c.claims {
            subject.extend(self.facts.read(source).map(|datum| (name.clone(), datum_json(&datum))));
        }
        let entry = |purpose: StatusPurpose| {
            json!({
                "type": "BitstringStatusListEntry",
                "statusPurpose": purpose.as_str(),
                "statusListIndex": self.status.index.to_string(),
                "statusListCredential": purpose.address(&self.status.uri),
            })
        };
        let credential = json!({
            "@context": context(w3c),
            "type": types(w3c),
            "issuer": self.issuer.did().to_string(),
            "validFrom": date_time_text(self.from),
            "validUntil": date_time_text(self.until),
            "credentialStatus": [entry(StatusPurpose::Revocation), entry(StatusPurpose::Suspension)],
            "credentialSubject": subject,
        });
        let contexts = contexts(w3c)?;
        let mandatory = MANDATORY.map(str::to_owned);
        let (suite, fragment) = match format {
            TwinFormat::W3cBbs => (Suite::Bbs2023, BBS_FRAGMENT),
            _ => (Suite::EddsaRdfc2022, W3C_FRAGMENT),
        };
        let method = format!("{}#{fragment}", self.issuer.did());
        let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
        if suite == Suite::Bbs2023 {
            options.mandatory = &mandatory;
        }
        let mut rng = rng;
        let signed = self.issuer.keys.prove(&credential, &options, &contexts, &mut rng)?;
        Ok(signed.to_string().into_bytes())
    }
}

/// The value of `@context` in these credentials.
pub(crate) fn context(w3c: &W3cTwin) -> [&str; 2] {
    [CREDENTIALS_V2, &w3c.context]
}

/// The value of `type` in these credentials.
pub(crate) fn types(w3c: &W3cTwin) -> [&str; 2] {
    ["VerifiableCredential", &w3c.kind]
}

/// The contexts of the standards and the one that follows from the file of twins.
fn contexts(w3c: &W3cTwin) -> Result<Contexts, IssuerError> {
    let document = w3c.context_document();
    let digest = hex::encode(Sha256::digest(&document));
    Ok(Contexts::standard().with(&w3c.context, &document, &digest).map_err(TwinError::from)?)
}

impl Issuer {
    /// A W3C credential of this issuer's own with a proof that shows all of it.
    pub(super) fn prove_own<R: CryptoRng + ?Sized>(
        &self,
        credential: &Value,
        rng: &mut R,
    ) -> Result<Value, IssuerError> {
        let method = format!("{}#{W3C_FRAGMENT}", self.did());
        let options = ProofOptions::new(Suite::EddsaRdfc2022, &method, Purpose::AssertionMethod);
        let mut rng = rng;
        Ok(self.keys.prove(credential, &options, &Contexts::standard(), &mut rng)?)
    }
}
