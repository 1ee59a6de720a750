//! The verifier, as an app holds it: offline, with its own copy of the trust data.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::crypto::keys::Ed25519SigningKey;
use protocol::exchange::qr::Kind;
use protocol::exchange::{Query, SignedRequest};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::state::TrustedState;
use verifier::ask::{self, Identity};
use verifier::{Asked, Policy, Refusal, SeenInMemory, Verifier};
use wallet_core::WalletError;
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::records::{ShownCode, VerdictRecord};
use crate::{Clock, exactly, os_randomness};

/// A registered verifier and its key, as the app keeps them.
#[derive(uniffi::Record)]
pub struct VerifierIdentity {
    /// The verifier's DID.
    pub did: String,
    /// The fragment of the key that signs requests.
    pub key: String,
    /// The Ed25519 seed, 32 bytes.
    pub seed: Vec<u8>,
}

/// Checks presentations without a network.
#[derive(uniffi::Object)]
pub struct Scanner {
    anchor: TrustAnchor,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    trust: Option<TrustedState>,
    verifier: Verifier<SeenInMemory>,
}

#[uniffi::export]
impl Scanner {
    /// A scanner that believes what the validators of `anchor` certify.
    ///
    /// # Errors
    /// `Bug`: the anchor is malformed
    #[uniffi::constructor]
    pub fn new(anchor: Vec<u8>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, ApiError> {
        let anchor = TrustAnchor::decode(&anchor).map_err(|_| ApiError::argument("anchor"))?;
        let verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        Ok(Arc::new(Self { anchor, clock, state: Mutex::new(State { trust: None, verifier }) }))
    }

    /// Takes a trust bundle, whole or a delta, and returns its height.
    ///
    /// # Errors
    /// `Refused`, `Retry`
    pub fn update_bundle(&self, bundle: Vec<u8>) -> Result<u64, ApiError> {
        let bundle = TrustBundle::decode(&bundle)?;
        let mut state = self.state();
        let newer = match &state.trust {
            Some(base) => bundle.verify_onto(base, &self.anchor)?,
            None => bundle.verify(&self.anchor, 0)?,
        };
        let height = newer.height();
        state.trust = Some(newer);
        Ok(height)
    }

    /// Checks a code that a holder shows unasked, against a ready-made question of the type.
    ///
    /// # Errors
    /// `Refused` with the name of the refusal; `Update` when newer trust data could tell
    pub fn check_displayed(
        &self,
        presentation: Vec<u8>,
        credential_type: &str,
        profile: &str,
    ) -> Result<VerdictRecord, ApiError> {
        let now = self.clock.now();
        let State { trust, verifier } = &mut *self.state();
        let trust = trust.as_ref().ok_or(WalletError::TrustMissing)?;
        let query = query(trust, credential_type, profile)?;
        Ok(verifier.check(&Asked::Displayed(&query), &presentation, trust, now)?.into())
    }

    /// Checks the answer to a request of this verifier.
    ///
    /// # Errors
    /// As [`Scanner::check_displayed`]; `Refused`: `RequestExpired`
    pub fn check_answer(&self, request: Vec<u8>, presentation: Vec<u8>) -> Result<VerdictRecord, ApiError> {
        let now = self.clock.now();
        let State { trust, verifier } = &mut *self.state();
        let trust = trust.as_ref().ok_or(WalletError::TrustMissing)?;
        let asked = SignedRequest::decode(&request)?.authenticate(trust, now)?;
        Ok(verifier.check(&Asked::Requested(&asked), &presentation, trust, now)?.into())
    }

    /// Makes a request that lives `life` seconds. One that is wider than the registration is refused.
    ///
    /// # Errors
    /// `Refused`: `QueryNotAnswerable` and what was not registered; `Update`: `NotRegistered`; `Bug`
    pub fn make_request(
        &self,
        identity: VerifierIdentity,
        purpose: &str,
        credential_type: &str,
        profile: &str,
        life: u64,
    ) -> Result<ShownCode, ApiError> {
        let seed = Zeroizing::new(identity.seed);
        let seed = Zeroizing::new(exactly("seed", &seed)?);
        let signer = Ed25519SigningKey::from_seed(&seed);
        let did = identity.did.parse().map_err(|_| ApiError::argument("did"))?;
        let identity = Identity { did, key: identity.key, signer: &signer };
        let (now, mut rng) = (self.clock.now(), os_randomness()?);
        let state = self.state();
        let trust = state.trust.as_ref().ok_or(WalletError::TrustMissing)?;
        let query = query(trust, credential_type, profile)?;
        let request = ask::request(&identity, purpose, query, trust, now, life, &mut rng)?;
        ShownCode::draw(Kind::Request, request.encode(), now.saturating_add(life))
    }
}

impl Scanner {
    /// A panic in the middle of a check recorded nothing as accepted, or recorded it whole; the scanner goes on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn query(trust: &TrustedState, credential_type: &str, profile: &str) -> Result<Query, ApiError> {
    let known = trust.credential_type(credential_type).ok_or(Refusal::UnknownType)?;
    Ok(Query::of_profile(known, known.profile(profile).ok_or(WalletError::NoSuchProfile)?))
}

#[cfg(test)]
mod tests {
    use ::tests::rng;
    use ::tests::world::{NOW, World};
    use protocol::ledger::bundle::Scope;

    use super::*;

    struct SetClock;

    impl Clock for SetClock {
        fn now(&self) -> u64 {
            NOW
        }
    }

    #[test]
    fn a_panic_while_checking_stops_neither_checks_nor_the_memory_of_what_was_accepted() {
        let world = World::new();
        let ledger = world.ledger("usual");
        let query = world.profile("age-19");
        let show = |name| world.holder.identity.show(&world.identities, &query, &mut rng(name));
        let scanner = Scanner::new(ledger.anchor().encode(), Arc::new(SetClock)).unwrap();
        scanner.update_bundle(ledger.bundle(Scope::Snapshot).encode()).unwrap();
        let check = |code: &[u8]| scanner.check_displayed(code.to_vec(), &query.credential_type, "age-19");
        let before = show("before");
        assert!(check(&before).is_ok());
        let inside = Arc::clone(&scanner);
        let panicked = std::thread::spawn(move || {
            let _state = inside.state();
            panic!("in the middle of a check");
        });
        assert!(panicked.join().is_err());
        assert!(scanner.state.is_poisoned());
        assert!(check(&show("after")).is_ok());
        let again = check(&before).map(|_| ());
        assert!(matches!(again, Err(ApiError::Refused { reason, .. }) if reason == "NonceReplayed"));
    }
}
