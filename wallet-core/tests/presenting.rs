//! From a question to an answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};

use common::{LICENCE, NOW, World, ZK, age_19, refusal};
use protocol::credential::age::Statute;
use protocol::credential::{HolderBinding, Label, StatusList};
use protocol::crypto::keys::{PublicKey, Signature};
use protocol::exchange::{OverAsk, Predicate, PresentError, Query, RequestError};
use protocol::ledger::record::{Record, VerifierRegistration};
use rand_chacha::rand_core::CryptoRng;
use wallet_core::{
    CredentialId, CredentialState, Decision, Disclosure, Event, SecureArea, SecureAreaError, SecureRecord, Statement,
    StatusSlice, WalletError,
};
use zeroize::Zeroizing;

const APPROVE: Decision = Decision::Approve;

/// A statement as the consent sheet has it.
fn proven(predicate: Predicate, ko: &str, en: &str) -> Disclosure {
    Disclosure::Proven(vec![Statement { predicate, text: Label { ko: ko.into(), en: en.into() } }])
}

#[test]
fn the_owner_sees_who_what_and_why_and_the_answer_shows_nothing_else() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, ZK);
    world.obtain(&wallet, LICENCE);
    let request = world.request(world.query(ZK)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    assert_eq!(consent.verifier, world.verifier);
    assert_eq!((consent.name.ko.as_str(), consent.name.en.as_str()), ("한빛 킥보드", "Hanbit Scooters"));
    assert_eq!(consent.purpose.as_ref().unwrap().ko, "대여 자격 확인");
    assert_eq!((consent.over_ask.as_ref(), consent.binding), (None, HolderBinding::LinkSecret));
    for item in &consent.attributes {
        let expected = if item.name == "birth_date" {
            proven(age_19(), "만 19세 이상", "aged 19 or over")
        } else {
            Disclosure::Kept
        };
        assert!(item.disclosure == expected, "{item:?}");
    }
    let presentation = wallet.answer(&consent, APPROVE, NOW, &mut world.rng).unwrap();
    assert_eq!(world.accepted(ZK, &presentation), (vec![], vec![age_19()]));

    let request = world.request(world.query(LICENCE)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    let shown = |name: &str| consent.attributes.iter().find(|item| item.name == name).unwrap().disclosure.clone();
    assert!(matches!(shown("name_ko"), Disclosure::Shown(value) if value.ko == "홍길순"));
    assert!(shown("address") == Disclosure::Kept);
    let presentation = wallet.answer(&consent, APPROVE, NOW, &mut world.rng).unwrap();
    assert_eq!(world.accepted(LICENCE, &presentation), (vec!["name_ko".into(), "classes".into()], vec![]));
    // Nothing that was kept is in the bytes: licence number and address read CANARY-37.
    assert!(!presentation.windows(9).any(|window| window == b"CANARY-37"));
}

#[test]
fn a_code_shown_unasked_is_fresh_each_time() {
    let mut world = World::new();
    let wallet = world.wallet();
    let zk = world.obtain(&wallet, ZK);
    let licence = world.obtain(&wallet, LICENCE);
    let first = wallet.show_profile(&zk, "age-19", NOW, &mut world.rng).unwrap();
    let second = wallet.show_profile(&zk, "age-19", NOW + 30, &mut world.rng).unwrap();
    assert_ne!(first, second);
    assert_eq!(world.accepted(ZK, &second), (vec![], vec![age_19()]));
    wallet.show_profile(&licence, "roadside", NOW, &mut world.rng).unwrap();
    assert_eq!(refusal(wallet.show_profile(&zk, "roadside", NOW, &mut world.rng)), WalletError::NoSuchProfile);
    let nobody = CredentialId([0; 16]);
    assert_eq!(refusal(wallet.show_profile(&nobody, "age-19", NOW, &mut world.rng)), WalletError::NoSuchCredential);
    println!("age-19 presentation: {} bytes", first.len());
}

#[test]
fn j14_over_asking_is_blocked_offline_with_the_reason() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, LICENCE);
    world.obtain(&wallet, ZK);
    let address = Query { show: vec!["classes".into(), "address".into()], ..world.query(LICENCE) };
    let older = Predicate::AgeAtLeast { years: 20, statute: Statute::Civil };
    let other_age = Query { prove: vec![older], ..world.query(ZK) };
    for (query, reason) in [
        (address, OverAsk::AttributeNotRegistered("address".into())),
        (other_age, OverAsk::PredicateNotRegistered("age ≥ 20".into())),
    ] {
        let id = query.credential_type.clone();
        let request = world.request(query).encode();
        let consent = wallet.read_request(&request, NOW).unwrap();
        assert_eq!(consent.over_ask, Some(reason.clone()));
        let refused = refusal(wallet.answer(&consent, APPROVE, NOW, &mut world.rng));
        assert_eq!(refused, WalletError::Request(RequestError::OverAsk(reason)));
        assert!(matches!(wallet.history(NOW).unwrap().last().unwrap().event, Event::Blocked(_)));
        // The valid twin: the owner insists, and the log says so.
        let presentation = wallet.answer(&consent, Decision::ApproveOverAsk, NOW, &mut world.rng).unwrap();
        world.accepted(&id, &presentation);
        assert!(matches!(wallet.history(NOW).unwrap().last().unwrap().event, Event::AnsweredOverAsk(_)));
    }
}

#[test]
fn declining_sends_nothing_and_is_logged_without_values() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, LICENCE);
    let request = world.request(world.query(LICENCE)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    assert_eq!(refusal(wallet.answer(&consent, Decision::Decline, NOW, &mut world.rng)), WalletError::Declined);
    wallet.answer(&consent, APPROVE, NOW + 1, &mut world.rng).unwrap();
    let history = wallet.history(NOW).unwrap();
    let [.., declined, answered] = &history[..] else { panic!("two entries") };
    let (Event::Declined(asked), Event::Answered(same)) = (&declined.event, &answered.event) else {
        panic!("{history:?}")
    };
    assert_eq!(asked, same);
    assert_eq!((asked.verifier.clone(), asked.purpose.as_str()), (world.verifier.clone(), "rent"));
    assert_eq!(asked.shown, ["classes", "name_ko"]);
    assert_eq!((declined.at, answered.at), (NOW, NOW + 1));
    let printed = format!("{history:?}");
    for value in ["홍길순", "CANARY-37", "1종 보통", "1995"] {
        assert!(!printed.contains(value));
    }
}

#[test]
fn requests_that_are_not_answered() {
    let mut world = World::new();
    let wallet = world.wallet();
    let request = world.request(world.query(ZK));
    assert_eq!(refusal(wallet.read_request(&request.encode(), NOW)), WalletError::NotHeld);
    world.obtain(&wallet, ZK);
    let consent = wallet.read_request(&request.encode(), NOW).unwrap();
    // K01: not from the verifier it names.
    let mut bytes = request.encode();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = WalletError::Request;
    assert_eq!(refusal(wallet.read_request(&bytes, NOW)), error(RequestError::RequestNotAuthenticated));
    assert_eq!(refusal(wallet.read_request(&bytes[1..], NOW)), error(RequestError::MalformedRequest));
    wallet.unlock(common::PIN, NOW + 300).unwrap();
    let expired = error(RequestError::RequestExpired);
    assert_eq!(refusal(wallet.read_request(&request.encode(), NOW + 300)), expired);
    assert_eq!(refusal(wallet.answer(&consent, APPROVE, NOW + 300, &mut world.rng)), expired);
    wallet.unlock(common::PIN, NOW).unwrap();
    // A question for another binding is no question for this credential: nothing is weakened silently.
    let loose = Query { binding: HolderBinding::LinkSecret, ..world.query(LICENCE) };
    let request = world.request(loose).encode();
    assert_eq!(refusal(wallet.read_request(&request, NOW)), error(RequestError::QueryNotAnswerable));
    // A verifier that lost its registration between question and answer.
    let gone = VerifierRegistration {
        did: world.verifier.clone(),
        name: consent.name.clone(),
        purposes: vec![],
        withdrawn: true,
    };
    world.write(&[Record::Verifier(gone)]);
    world.install_trust(&wallet);
    let refused = refusal(wallet.answer(&consent, APPROVE, NOW, &mut world.rng));
    assert_eq!(refused, error(RequestError::VerifierNotRegistered));
}

#[test]
fn statements_that_are_not_true_are_not_proven() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, ZK);
    let older = Predicate::AgeAtLeast { years: 40, statute: Statute::Civil };
    let request = world.request(Query { prove: vec![older], ..world.query(ZK) }).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    let refused = refusal(wallet.answer(&consent, Decision::ApproveOverAsk, NOW, &mut world.rng));
    assert_eq!(refused, WalletError::Present(PresentError::PredicateNotSatisfied));
    assert!(matches!(wallet.history(NOW).unwrap().last().unwrap().event, Event::Unanswered(_)));
    // The credential's last day is over.
    let later = NOW + 3_001 * 86_400;
    wallet.unlock(common::PIN, later).unwrap();
    let refused = refusal(wallet.show_profile(&id, "age-19", later, &mut world.rng));
    assert_eq!(refused, WalletError::Present(PresentError::CredentialExpired));
    assert_eq!(wallet.credentials(later).unwrap()[0].state, CredentialState::Expired);
}

#[test]
fn a_credential_on_the_list_of_withdrawn_ones_is_not_shown() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, LICENCE);
    wallet.show_profile(&id, "roadside", NOW, &mut world.rng).unwrap();
    let entry = common::handle(LICENCE) as u32;
    for state in [CredentialState::Suspended, CredentialState::Withdrawn] {
        let mut list = StatusList::new();
        match state {
            CredentialState::Suspended => list.suspend(entry).unwrap(),
            _ => list.revoke(entry).unwrap(),
        }
        world.publish_list(&list);
        world.install_trust(&wallet);
        let refused = refusal(wallet.show_profile(&id, "roadside", NOW, &mut world.rng));
        assert_eq!(refused, WalletError::CredentialWithdrawn);
        assert_eq!(wallet.credentials(NOW).unwrap()[0].state, state);
    }
}

#[test]
fn a_deleted_credential_is_gone() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, LICENCE);
    wallet.delete_credential(&id, NOW).unwrap();
    assert_eq!(refusal(wallet.delete_credential(&id, NOW)), WalletError::NoSuchCredential);
    assert!(wallet.credentials(NOW).unwrap().is_empty());
    assert!(matches!(wallet.history(NOW).unwrap().last().unwrap().event, Event::Deleted { .. }));
    let keys = std::fs::read_dir(world.place.path().join("phone")).unwrap();
    assert_eq!(
        keys.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "key")).count(),
        1,
        "the root key"
    );
}

#[test]
fn public_data_for_proofs_is_needed_and_checked() {
    let mut world = World::new();
    let area = world.area();
    let wallet = world.empty_wallet(area).unwrap();
    world.install_trust(&wallet);
    let id = world.obtain(&wallet, ZK);
    let mut show = || refusal(wallet.show_profile(&id, "age-19", NOW, &mut world.rng));
    assert_eq!(show(), WalletError::Present(PresentError::SetSignatureMissing));
    // Signatures of the right key, in the wrong order: the first and last ones are checked on arrival,
    // the one in between when it is used.
    let good = common::day_signatures();
    let mut wrong = good[..1_024 * 48].to_vec();
    wrong.rotate_left(48);
    let key = common::day_set_key();
    assert_eq!(wallet.install_day_set(&key, 0, &wrong, NOW), Err(WalletError::DaySetInvalid));
    let row = 3_000 / 1_024 * 1_024;
    let mut one = good[row * 48..(row + 1_024) * 48].to_vec();
    one.copy_within(0..48, (3_000 - row) * 48);
    wallet.install_day_set(&key, row as u16, &one, NOW).unwrap();
    assert_eq!(show(), WalletError::DaySetInvalid);
    wallet.install_day_set(&key, 0, good, NOW).unwrap();
    wallet.show_profile(&id, "age-19", NOW, &mut world.rng).unwrap();
}

/// A secure area that stops doing as it should.
struct Failing {
    inner: Arc<dyn SecureArea>,
    how: Mutex<How>,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Not,
    Invalidated,
    OtherKey,
    Unreachable,
}

impl SecureArea for Failing {
    fn device_id(&self) -> Result<[u8; 16], SecureAreaError> {
        self.inner.device_id()
    }

    fn create_key(&self, alias: &str, rng: &mut dyn CryptoRng) -> Result<PublicKey, SecureAreaError> {
        if alias != "other" {
            self.inner.create_key("other", rng)?;
        }
        self.inner.create_key(alias, rng)
    }

    fn sign(&self, alias: &str, domain: &[u8], message: &[u8]) -> Result<Signature, SecureAreaError> {
        match *self.how.lock().unwrap() {
            How::Not => self.inner.sign(alias, domain, message),
            How::Invalidated => Err(SecureAreaError::KeyInvalidated),
            How::OtherKey => self.inner.sign("other", domain, message),
            How::Unreachable => Err(SecureAreaError::Unavailable),
        }
    }

    fn sign_standard(&self, alias: &str, message: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        self.inner.sign_standard(alias, message)
    }

    fn delete_key(&self, alias: &str) -> Result<(), SecureAreaError> {
        self.inner.delete_key(alias)
    }

    fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, SecureAreaError> {
        self.inner.seal(context, secret)
    }

    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecureAreaError> {
        self.inner.unseal(context, sealed)
    }

    fn record(&self, name: &str) -> Result<Option<SecureRecord>, SecureAreaError> {
        self.inner.record(name)
    }

    fn replace_record(&self, name: &str, version: u64, bytes: &[u8]) -> Result<(), SecureAreaError> {
        self.inner.replace_record(name, version, bytes)
    }

    fn delete_record(&self, name: &str) -> Result<(), SecureAreaError> {
        self.inner.delete_record(name)
    }
}

#[test]
fn g14_g15_a_failing_secure_area_is_caught_before_anything_leaves() {
    let mut world = World::new();
    let area = Arc::new(Failing { inner: world.area(), how: Mutex::new(How::Not) });
    let wallet = world.wallet_with(area.clone());
    let id = world.obtain(&wallet, LICENCE);
    let offer = protocol::exchange::Offer { code: [9; 16], ..world.offer(ZK) }.encode();
    for (how, expected) in [
        (How::Invalidated, WalletError::KeyInvalidated),
        (How::OtherKey, WalletError::KeystoreFault),
        (How::Unreachable, WalletError::KeystoreFault),
    ] {
        *area.how.lock().unwrap() = how;
        assert_eq!(refusal(wallet.show_profile(&id, "roadside", NOW, &mut world.rng)), expected);
        let begun = wallet.begin_issuance(&offer, ZK, &common::nonce(), None, NOW, &mut world.rng);
        assert_eq!(refusal(begun), expected);
    }
    *area.how.lock().unwrap() = How::Not;
    wallet.show_profile(&id, "roadside", NOW, &mut world.rng).unwrap();
}

#[test]
fn without_a_status_token_nothing_is_proven() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(ZK).encode();
    let pending = wallet.begin_issuance(&offer, ZK, &common::nonce(), None, NOW, &mut world.rng).unwrap();
    wallet.finish_issuance(&pending.id, &world.issue(&pending.request, |_| {}), NOW).unwrap();
    let refused = refusal(wallet.show_profile(&pending.id, "age-19", NOW, &mut world.rng));
    assert_eq!(refused, WalletError::Present(PresentError::StatusTokenMissing));
    let key = world.issuer_key(ZK).key_id();
    let tokens = common::tokens(common::EPOCH, &[common::handle(ZK)]);
    wallet.install_status_tokens(&key, StatusSlice::ALL, &tokens, NOW).unwrap();
    wallet.show_profile(&pending.id, "age-19", NOW, &mut world.rng).unwrap();
}
