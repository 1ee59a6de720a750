//! The verifier, as a page holds it: offline, with its own copy of the trust data.

use protocol::exchange::RequestError;
use protocol::exchange::qr::{self, Kind, QrError};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::{BundleError, TrustBundle};
use protocol::ledger::state::TrustedState;
use serde_json::{Value, json};
use verifier::{Asked, Policy, Refusal, SeenInMemory, Verdict, Verifier};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::asking::query;
use crate::{PageError, named, refused, seconds};

/// Checks presentations in the visitor's browser.
#[wasm_bindgen]
pub struct Scanner {
    anchor: TrustAnchor,
    /// Height of the newest trust data seen, in this page's life or before.
    floor: u64,
    pub(crate) trust: Option<TrustedState>,
    pub(crate) verifier: Verifier<SeenInMemory>,
}

/// Why a scan gives no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoVerdict {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Unreadable(#[from] QrError),
    #[error(transparent)]
    Request(RequestError),
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
        Ok(Self { anchor, floor: 0, trust: None, verifier })
    }

    /// Takes no trust data below this height from now on. For a page that kept the height of what it had.
    ///
    /// # Errors
    /// Throws a text that begins with `MalformedHeight`.
    pub fn keep_floor(&mut self, height: f64) -> Result<(), String> {
        let height = seconds(height).map_err(|_| named(&PageError::MalformedHeight))?;
        self.floor = self.floor.max(height);
        Ok(())
    }

    /// Takes a trust bundle, whole or a delta, and returns its height.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name, e.g. `WrongNetwork`.
    pub fn update_bundle(&mut self, bundle: &[u8]) -> Result<f64, String> {
        let newer = self.newer(bundle).map_err(|error| named(&error))?;
        let height = newer.height();
        self.floor = height;
        self.trust = Some(newer);
        Ok(height as f64)
    }

    /// The trust data in use as one whole bundle, for a page to keep.
    ///
    /// # Errors
    /// Throws a text that begins with `TrustUnavailable`.
    pub fn bundle(&self) -> Result<Vec<u8>, String> {
        self.trusted().map(|trust| trust.to_bundle().encode()).map_err(|error| named(&error))
    }

    /// What the trust data is: JSON, `{"network", "height", "as_of", "limit"}`. `as_of` is in Unix seconds, and `limit`
    /// is the age in seconds up to which it is good for a verdict.
    ///
    /// # Errors
    /// Throws a text that begins with `TrustUnavailable`.
    pub fn trust_data(&self) -> Result<String, String> {
        let trust = self.trusted().map_err(|error| named(&error))?;
        let (as_of, limit) = (trust.time_ms() / 1_000, self.verifier.policy().trust_age_max);
        let data = json!({ "network": trust.network(), "height": trust.height(), "as_of": as_of, "limit": limit });
        Ok(data.to_string())
    }

    /// What was accepted and has not run out, for a page to keep: JSON, `[["<hash>", <until>], …]`. Nothing in it tells
    /// of a person.
    #[must_use]
    pub fn accepted(&self) -> String {
        let entries = self.verifier.seen().entries().map(|(id, until)| json!([hex::encode(id), until]));
        Value::Array(entries.collect()).to_string()
    }

    /// Takes up what [`Scanner::accepted`] gave to an earlier page.
    ///
    /// # Errors
    /// Throws a text that begins with `MalformedMemory`.
    pub fn remember(&mut self, accepted: &str) -> Result<(), String> {
        let entries = memory(accepted).ok_or_else(|| named(&PageError::MalformedMemory))?;
        self.verifier.seen_mut().extend(entries);
        Ok(())
    }

    /// Makes ready for answers to a ready-made question, so that the first check takes no longer than others.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name: `TrustUnavailable`, `UnknownType`, `NoSuchProfile`.
    pub fn prepare(&mut self, credential_type: &str, profile: &str) -> Result<(), String> {
        let trust = self.trust.as_ref().ok_or_else(|| named(&PageError::TrustUnavailable))?;
        let query = query(trust, credential_type, profile).map_err(|error| named(&error))?;
        self.verifier.prepare(&query, trust);
        Ok(())
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
            None => bundle.verify(&self.anchor, self.floor),
        }
    }

    pub(crate) fn trusted(&self) -> Result<&TrustedState, PageError> {
        self.trust.as_ref().ok_or(PageError::TrustUnavailable)
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
        let query = query(trust, credential_type, profile)?;
        Ok(self.verifier.check(&Asked::Displayed(&query), &presentation, trust, now)?)
    }
}

/// What [`Scanner::accepted`] wrote.
fn memory(text: &str) -> Option<Vec<([u8; 32], u64)>> {
    let entries: Vec<(String, u64)> = serde_json::from_str(text).ok()?;
    entries.into_iter().map(|(id, until)| Some((hex::decode(id).ok()?.try_into().ok()?, until))).collect()
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

    #[test]
    fn what_a_page_keeps_is_believed_after_a_check_only() {
        let world = World::new();
        let ledger = world.ledger("usual");
        let bundle = ledger.bundle(Scope::Snapshot).encode();
        let new = || Scanner::new(&ledger.anchor().encode()).unwrap();
        let mut first = new();
        assert!(first.bundle().is_err_and(|text| text.starts_with("TrustUnavailable: ")));
        assert!(first.trust_data().is_err_and(|text| text.starts_with("TrustUnavailable: ")));
        first.update_bundle(&bundle).unwrap();
        let data: Value = serde_json::from_str(&first.trust_data().unwrap()).unwrap();
        assert_eq!((&data["height"], &data["limit"]), (&json!(2), &json!(86_400)));
        let kept = first.bundle().unwrap();
        let query = world.profile("age-19");
        let of_type = query.credential_type.as_str();
        assert!(new().prepare(of_type, "age-19").is_err_and(|text| text.starts_with("TrustUnavailable: ")));
        assert!(first.prepare(of_type, "no-such").is_err_and(|text| text.starts_with("NoSuchProfile: ")));
        first.prepare(of_type, "age-19").unwrap();
        let code = world.holder.identity.show(&world.identities, &query, &mut rng("kept"));
        let check = |scanner: &mut Scanner| scanner.check(&code, &query.credential_type, "age-19", NOW as f64);
        assert!(check(&mut first).contains("\"accepted\":true"));

        // The next page, with what the first one kept.
        let mut second = new();
        second.keep_floor(2.0).unwrap();
        assert_eq!(second.update_bundle(&kept), Ok(2.0));
        second.remember(&first.accepted()).unwrap();
        assert!(check(&mut second).contains("\"NonceReplayed\""));

        // Changed or older than what was kept beside it: neither is taken.
        let mut third = new();
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(third.keep_floor(bad).is_err_and(|text| text.starts_with("MalformedHeight: ")));
        }
        third.keep_floor(3.0).unwrap();
        third.keep_floor(1.0).unwrap();
        assert!(third.update_bundle(&kept).is_err_and(|text| text.starts_with("BundleRollback: ")));
        for at in (0..kept.len()).step_by(97) {
            let mut changed = kept.clone();
            changed[at] ^= 1;
            assert!(new().update_bundle(&changed).is_err(), "byte {at}");
        }
        for bad in ["", "{}", "[[\"00\",1]]", "[[1,2]]"] {
            assert!(new().remember(bad).is_err_and(|text| text.starts_with("MalformedMemory: ")));
        }
    }
}
