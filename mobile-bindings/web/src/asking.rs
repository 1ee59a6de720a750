//! Requests of this verifier. The key stays where the page keeps it: the page signs what a [`Draft`] says.

use protocol::credential::Label;
use protocol::crypto::keys::Signature;
use protocol::exchange::qr::{self, Kind};
use protocol::exchange::{AuthenticRequest, Query, Request, RequestError, SignedRequest};
use protocol::identifier::Did;
use protocol::ledger::record::Record;
use protocol::ledger::state::TrustedState;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use verifier::ask::{self, AskError, RegisteredQuestion};
use verifier::{Asked, Refusal};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::scanner::{NoVerdict, Scanner};
use crate::{PageError, named, refused, seconds};

/// Why there is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum NoRequest {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// A request that waits for its signature.
#[wasm_bindgen]
pub struct Draft(Request);

#[wasm_bindgen]
impl Draft {
    /// The bytes to sign with the verifier's Ed25519 key, e.g. by `crypto.subtle.sign`.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        self.0.to_sign()
    }

    /// The request as it travels. Hand it to `Scanner.open_request`, which checks it as a wallet does.
    ///
    /// # Errors
    /// Throws a text that begins with `MalformedSignature`.
    pub fn signed(&self, signature: &[u8]) -> Result<Vec<u8>, String> {
        let signature = signature.try_into().map_err(|_| named(&PageError::MalformedSignature))?;
        Ok(self.0.with_signature(Signature(signature)).encode())
    }
}

#[wasm_bindgen]
impl Scanner {
    /// Every verifier on the ledger whose registration is in force: JSON, `[{"did", "name": {"ko", "en"}}, …]`.
    ///
    /// # Errors
    /// Throws a text that begins with `TrustUnavailable`.
    pub fn verifiers(&self) -> Result<String, String> {
        let trust = self.trusted().map_err(|error| named(&error))?;
        let registered = trust.envelopes().filter_map(|envelope| match &envelope.record {
            Record::Verifier(known) if !known.withdrawn => Some(json!({ "did": known.did, "name": known.name })),
            _ => None,
        });
        Ok(Value::Array(registered.collect()).to_string())
    }

    /// The ready-made questions that this verifier may ask, by its registration: JSON, a list of
    /// `{"purpose", "why", "type", "of", "profile", "name", "shows", "proves"}`; texts are `{"ko", "en"}`.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name: `TrustUnavailable`, `MalformedDid`, `NotRegistered`.
    pub fn questions(&self, verifier: &str) -> Result<String, String> {
        let list = self.registered(verifier).map_err(|error| named(&error))?;
        Ok(Value::Array(list.iter().map(question).collect()).to_string())
    }

    /// A request of this verifier that lives `life` seconds. `random` are 32 bytes from `crypto.getRandomValues`.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name, e.g. `TypeNotRegistered`: nothing wider than the registration is
    /// ever made.
    #[allow(clippy::too_many_arguments, reason = "time and randomness are arguments, never ambient")]
    pub fn draft_request(
        &self,
        verifier: &str,
        key: &str,
        purpose: &str,
        credential_type: &str,
        profile: &str,
        now: f64,
        life: f64,
        random: &[u8],
    ) -> Result<Draft, String> {
        let made = || -> Result<Request, NoRequest> {
            let (trust, now, life) = (self.trusted()?, seconds(now)?, seconds(life)?);
            let verifier: Did = verifier.parse().map_err(|_| PageError::MalformedDid)?;
            let seed = random.try_into().map_err(|_| PageError::MalformedRandom)?;
            let query = query(trust, credential_type, profile)?;
            let mut rng = ChaCha20Rng::from_seed(seed);
            Ok(ask::draft(&verifier, key, purpose, query, trust, now, life, &mut rng)?)
        };
        made().map(Draft).map_err(|error| named(&error))
    }

    /// Checks a signed request as a wallet does, and draws its code: a PNG.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name, e.g. `RequestNotAuthenticated` for a key that is not the
    /// verifier's.
    pub fn open_request(&self, request: &[u8], now: f64) -> Result<Vec<u8>, String> {
        let opened = || -> Result<Vec<u8>, NoRequest> {
            let asked = authentic(self.trusted()?, request, seconds(now)?)?;
            asked.within_registration()?;
            Ok(request.to_vec())
        };
        let request = opened().map_err(|error| named(&error))?;
        let drawn = qr::to_text(Kind::Request, &request).and_then(|text| qr::Drawing::new(&text)?.png());
        drawn.map_err(|error| named(&error))
    }

    /// Checks the answer to a request of this verifier, as [`Scanner::check`] does what is shown unasked.
    pub fn check_answer(&mut self, request: &[u8], scanned: &[u8], now: f64) -> String {
        let mut checked = || -> Result<Value, NoVerdict> {
            let (presentation, now) = (qr::message(Kind::Presentation, scanned.to_vec())?, seconds(now)?);
            let Self { trust, verifier, .. } = self;
            let trust = trust.as_ref().ok_or(PageError::TrustUnavailable)?;
            let asked = authentic(trust, request, now)?;
            let verdict = verifier.check(&Asked::Requested(&asked), &presentation, trust, now)?;
            Ok(json!({ "accepted": true, "verdict": verdict }))
        };
        checked().unwrap_or_else(|error| refused(&error)).to_string()
    }
}

impl Scanner {
    fn registered(&self, verifier: &str) -> Result<Vec<RegisteredQuestion<'_>>, NoRequest> {
        let trust = self.trusted()?;
        let verifier = verifier.parse().map_err(|_| PageError::MalformedDid)?;
        Ok(ask::questions(&verifier, trust)?)
    }
}

/// The ready-made question of a type.
pub(crate) fn query(trust: &TrustedState, credential_type: &str, profile: &str) -> Result<Query, PageError> {
    let known = trust.credential_type(credential_type).ok_or(PageError::UnknownType)?;
    Ok(Query::of_profile(known, known.profile(profile).ok_or(PageError::NoSuchProfile)?))
}

fn authentic(trust: &TrustedState, request: &[u8], now: u64) -> Result<AuthenticRequest, RequestError> {
    SignedRequest::decode(request)?.authenticate(trust, now)
}

/// A question, for people and pages.
fn question(question: &RegisteredQuestion<'_>) -> Value {
    let RegisteredQuestion { purpose, credential_type, profile, query } = question;
    let display = |name: &String| {
        let position = credential_type.position(name)?;
        credential_type.attributes.get(position).map(|attribute| attribute.display.clone())
    };
    let shows: Vec<Label> = query.show.iter().filter_map(display).collect();
    let text = |lang| move |predicate: &protocol::exchange::Predicate| predicate.text(Some(*credential_type), lang);
    let proves: Vec<Label> = query.prove.iter().map(|p| Label { ko: text("ko")(p), en: text("en")(p) }).collect();
    json!({
        "purpose": purpose.id, "why": purpose.text,
        "type": credential_type.id, "of": credential_type.name,
        "profile": profile.id, "name": profile.name,
        "shows": shows, "proves": proves,
    })
}

impl From<RequestError> for NoVerdict {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::RequestExpired => Refusal::RequestExpired.into(),
            other => Self::Request(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use ::tests::rng;
    use ::tests::world::{KEY, NOW, World};
    use protocol::crypto::keys::Ed25519SigningKey;
    use protocol::ledger::bundle::Scope;

    use super::*;

    const NOW_F: f64 = NOW as f64;

    fn scanner(world: &World) -> Scanner {
        let ledger = world.ledger("usual");
        let mut scanner = Scanner::new(&ledger.anchor().encode()).unwrap();
        scanner.update_bundle(&ledger.bundle(Scope::Snapshot).encode()).unwrap();
        scanner
    }

    fn name<T>(result: Result<T, String>) -> String {
        result.map(|_| ()).unwrap_err().split(':').next().unwrap().to_owned()
    }

    /// Signs as `crypto.subtle.sign` does: bytes, without a label.
    fn by_page(key: &Ed25519SigningKey, draft: &Draft) -> Vec<u8> {
        use protocol::crypto::keys::Signer as _;
        // The label is the first part of what is signed, after its length.
        let bytes = draft.to_sign();
        let length = usize::from(bytes[7]);
        let signature = key.sign(&bytes[8..8 + length], &bytes[8 + length..]).unwrap();
        draft.signed(&signature.0).unwrap()
    }

    #[test]
    fn the_list_of_questions_is_what_was_registered_and_nothing_else() {
        let world = World::new();
        let scanner = scanner(&world);
        let profiles = |did: &Did| -> Vec<String> {
            let list: Value = serde_json::from_str(&scanner.questions(&did.to_string()).unwrap()).unwrap();
            list.as_array()
                .unwrap()
                .iter()
                .map(|q| format!("{}/{}", q["purpose"], q["profile"]).replace('"', ""))
                .collect()
        };
        assert_eq!(profiles(&world.patrol.did), ["roadside/roadside", "age-check/age-19"]);
        assert_eq!(
            profiles(&world.shop.did),
            ["age-check/age-19", "rental/age-19", "rental/adult-driver", "account/age-19-bound"]
        );
        assert_eq!(name(scanner.questions(&world.transport.did.to_string())), "NotRegistered");
        assert_eq!(name(scanner.questions("did:web:example.org")), "MalformedDid");
        let verifiers: Value = serde_json::from_str(&scanner.verifiers().unwrap()).unwrap();
        assert_eq!(verifiers.as_array().unwrap().len(), 2);
        let list: Value = serde_json::from_str(&scanner.questions(&world.patrol.did.to_string()).unwrap()).unwrap();
        assert_eq!(list[1]["proves"][0]["en"].as_str().map(|text| text.contains("19")), Some(true));
        assert_eq!(list[0]["shows"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn a_request_is_signed_by_the_page_and_answered_once() {
        let world = World::new();
        let mut scanner = scanner(&world);
        let query = world.profile("age-19");
        let did = world.shop.did.to_string();
        let draft = |purpose: &str, id: &str, profile: &str, random: &[u8]| {
            scanner.draft_request(&did, KEY, purpose, id, profile, NOW_F, 120.0, random)
        };
        let id = query.credential_type.as_str();
        assert_eq!(name(draft("age-check", id, "age-19", &[1; 31])), "MalformedRandom");
        assert_eq!(name(draft("age-check", id, "resident-of", &[1; 32])), "AttributeNotRegistered");
        assert_eq!(name(draft("sale", id, "age-19", &[1; 32])), "PurposeNotRegistered");
        assert_eq!(name(draft("age-check", "kr.unknown.1", "age-19", &[1; 32])), "UnknownType");
        let good = draft("age-check", id, "age-19", &[1; 32]).unwrap();
        assert_eq!(name(good.signed(&[0; 63])), "MalformedSignature");
        let forged = by_page(&world.patrol.key, &good);
        assert_eq!(name(scanner.open_request(&forged, NOW_F)), "RequestNotAuthenticated");
        let request = by_page(&world.shop.key, &good);
        assert!(scanner.open_request(&request, NOW_F).unwrap().starts_with(b"\x89PNG"));
        assert_eq!(name(scanner.open_request(&request, NOW_F + 120.0)), "RequestExpired");

        let signed = SignedRequest::decode(&request).unwrap();
        let answer = world.holder.identity.reply(&world.identities, &query, &signed, &mut rng("answer"));
        let check = |scanner: &mut Scanner, request: &[u8], now: f64| -> Value {
            serde_json::from_str(&scanner.check_answer(request, &answer, now)).unwrap()
        };
        assert_eq!(check(&mut scanner, &request, NOW_F + 120.0)["refused"], "RequestExpired");
        assert_eq!(check(&mut scanner, &forged, NOW_F)["refused"], "RequestNotAuthenticated");
        let accepted = check(&mut scanner, &request, NOW_F);
        assert_eq!((&accepted["accepted"], &accepted["verdict"]["replay"]), (&json!(true), &json!("challenge")));
        assert_eq!(check(&mut scanner, &request, NOW_F)["refused"], "NonceReplayed");
    }
}
