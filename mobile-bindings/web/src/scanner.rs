//! The verifier, as a page holds it: offline, with its own copy of the trust data.

use protocol::exchange::Query;
use protocol::exchange::qr::{self, Kind, QrError};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::{BundleError, TrustBundle};
use protocol::ledger::state::TrustedState;
use serde_json::{Value, json};
use verifier::{Asked, Policy, Refusal, SeenInMemory, Verdict, Verifier};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{PageError, refused, seconds};

/// Checks presentations in the visitor's browser.
#[wasm_bindgen]
pub struct Scanner {
    anchor: TrustAnchor,
    trust: Option<TrustedState>,
    verifier: Verifier<SeenInMemory>,
}

/// Why a scan gives no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum NoVerdict {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Unreadable(#[from] QrError),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

#[wasm_bindgen]
impl Scanner {
    /// A scanner that believes what the validators of `anchor` certify.
    ///
    /// # Errors
    /// Throws a text that begins with `MalformedAnchor`.
    #[wasm_bindgen(constructor)]
    pub fn new(anchor: &[u8]) -> Result<Scanner, String> {
        let anchor = TrustAnchor::decode(anchor).map_err(|_| named(&PageError::MalformedAnchor))?;
        let verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        Ok(Self { anchor, trust: None, verifier })
    }

    /// Takes a trust bundle, whole or a delta, and returns its height.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name, e.g. `WrongNetwork`.
    pub fn update_bundle(&mut self, bundle: &[u8]) -> Result<f64, String> {
        let newer = self.newer(bundle).map_err(|error| named(&error))?;
        let height = newer.height();
        self.trust = Some(newer);
        Ok(height as f64)
    }

    /// Checks what a holder shows unasked, as bytes of the presentation, of a code's text or of a PNG with one,
    /// against a ready-made question of the type, at `now` in Unix seconds. Answers JSON.
    pub fn check(&mut self, scanned: &[u8], credential_type: &str, profile: &str, now: f64) -> String {
        let answer: Value = match self.verdict(scanned, credential_type, profile, now) {
            Ok(verdict) => json!({ "accepted": true, "verdict": verdict }),
            Err(error) => refused(&error),
        };
        answer.to_string()
    }
}

impl Scanner {
    fn newer(&self, bundle: &[u8]) -> Result<TrustedState, BundleError> {
        let bundle = TrustBundle::decode(bundle)?;
        match &self.trust {
            Some(base) => bundle.verify_onto(base, &self.anchor),
            None => bundle.verify(&self.anchor, 0),
        }
    }

    fn verdict(
        &mut self,
        scanned: &[u8],
        credential_type: &str,
        profile: &str,
        now: f64,
    ) -> Result<Verdict, NoVerdict> {
        let now = seconds(now)?;
        let presentation = qr::message(Kind::Presentation, scanned.to_vec())?;
        let trust = self.trust.as_ref().ok_or(PageError::TrustUnavailable)?;
        let known = trust.credential_type(credential_type).ok_or(PageError::UnknownType)?;
        let query = Query::of_profile(known, known.profile(profile).ok_or(PageError::NoSuchProfile)?);
        Ok(self.verifier.check(&Asked::Displayed(&query), &presentation, trust, now)?)
    }
}

/// What a call throws.
fn named<E: core::fmt::Debug + core::fmt::Display>(error: &E) -> String {
    format!("{}: {error}", protocol::error_name(error))
}

#[cfg(test)]
mod tests {
    use ::tests::rng;
    use ::tests::world::{NOW, World};
    use protocol::ledger::bundle::Scope;

    use super::*;

    #[test]
    fn page_errors_and_refusals_have_their_names() {
        let world = World::new();
        let ledger = world.ledger("usual");
        assert!(Scanner::new(b"no anchor").is_err_and(|text| text.starts_with("MalformedAnchor: ")));
        let mut scanner = Scanner::new(&ledger.anchor().encode()).unwrap();
        let query = world.profile("age-19");
        let code = world.holder.identity.show(&world.identities, &query, &mut rng("page"));
        let id = query.credential_type.as_str();
        let now = NOW as f64;
        assert!(scanner.check(&code, id, "age-19", now).contains("\"TrustUnavailable\""));
        assert!(scanner.update_bundle(b"no bundle").is_err());
        assert_eq!(scanner.update_bundle(&ledger.bundle(Scope::Snapshot).encode()), Ok(2.0));
        let mut ask = |scanned: &[u8], id: &str, profile: &str, now: f64| -> String {
            let answer: Value = serde_json::from_str(&scanner.check(scanned, id, profile, now)).unwrap();
            match answer["accepted"].as_bool() {
                Some(true) => "accepted".to_owned(),
                _ => answer["refused"].as_str().unwrap().to_owned(),
            }
        };
        assert_eq!(ask(&code, "kr.unknown.1", "age-19", now), "UnknownType");
        assert_eq!(ask(&code, id, "no-such", now), "NoSuchProfile");
        assert_eq!(ask(&code, id, "age-19", -1.0), "MalformedTime");
        assert_eq!(ask(&code, id, "age-19", f64::NAN), "MalformedTime");
        assert_eq!(ask(b"MX1:00", id, "age-19", now), "MalformedInput");
        assert_eq!(ask(&code, id, "age-19", now + 31.0), "Expired");
        assert_eq!(ask(&code, id, "age-19", now), "accepted");
        assert_eq!(ask(&code, id, "age-19", now), "NonceReplayed");
        let text = qr::to_text(Kind::Presentation, &code).unwrap();
        assert_eq!(ask(text.as_bytes(), id, "age-19", now), "NonceReplayed", "the same by another carrier");
    }
}
