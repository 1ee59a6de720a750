//! From an offer to a stored credential.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{LICENCE, NOW, PIN, World, ZK, nonce, refusal};
use protocol::credential::{Credential, CredentialError, Day, Value};
use protocol::crypto::bbs::Suite;
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::{P256SigningKey, Signer};
use protocol::exchange::{CredentialRequest, IssuanceNonce, Offer, OfferError, PresentError};
use protocol::ledger::record::{Accreditation, DidRecord, IssuerKey, Record};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{SeedableRng, TryCryptoRng, TryRng};
use wallet_core::{CredentialState, Event, Wallet, WalletError};

#[test]
fn an_offer_becomes_a_credential() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(LICENCE).encode();
    let sheet = wallet.read_offer(&offer, NOW).unwrap();
    assert_eq!((sheet.credential_types[0].1.en.as_str(), sheet.tx_code), ("Mobile driver's licence", false));
    let id = world.obtain(&wallet, LICENCE);
    world.obtain(&wallet, ZK);
    wallet.lock();
    wallet.unlock(PIN, NOW).unwrap();
    let held = wallet.credentials(NOW).unwrap();
    assert_eq!(held.len(), 2);
    let licence = held.iter().find(|credential| credential.id == id).unwrap();
    assert_eq!(licence.state, CredentialState::Usable);
    assert!(
        licence
            .attributes
            .iter()
            .any(|(name, value)| name.en == "Licence classes" && value.ko == "1종 보통, 원동기장치자전거")
    );
    assert_eq!(id.to_string().parse(), Ok(id));
    let events: Vec<_> = wallet.history(NOW).unwrap().into_iter().map(|activity| activity.event).collect();
    assert!(
        matches!(&events[..], [Event::Received { credential_type, .. }, Event::Received { .. }] if credential_type == LICENCE)
    );
}

#[test]
fn a_retry_repeats_the_request_exactly_and_finishing_twice_is_finishing_once() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(ZK).encode();
    let first = wallet.begin_issuance(&offer, ZK, &nonce(), None, NOW, &mut world.rng).unwrap();
    drop(wallet);
    let area = world.area();
    let wallet = Wallet::open(&world.directory(), area).unwrap();
    wallet.unlock(PIN, NOW).unwrap();
    assert_eq!(wallet.pending_issuances(NOW), Ok(vec![first.clone()]));
    // A fresh nonce does not make another request.
    let other = IssuanceNonce { nonce: [9; 16], expires_at: NOW + 300 };
    assert_eq!(wallet.begin_issuance(&offer, ZK, &other, None, NOW, &mut world.rng), Ok(first.clone()));
    let response = world.issue(&first.request, |_| {});
    wallet.finish_issuance(&first.id, &response, NOW).unwrap();
    wallet.finish_issuance(&first.id, &response, NOW).unwrap();
    assert_eq!(wallet.pending_issuances(NOW), Ok(vec![]));
    assert_eq!(wallet.credentials(NOW).unwrap().len(), 1);
    // Only that answer, and only for what is under way.
    let another = world.issue(&first.request, |credential| credential.handle ^= 1);
    assert_eq!(wallet.finish_issuance(&first.id, &another, NOW), Err(WalletError::NoSuchIssuance));
    assert_eq!(wallet.abandon_issuance(&first.id, NOW), Err(WalletError::NoSuchIssuance));
}

#[test]
fn giving_up_allows_a_new_request() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(ZK).encode();
    let first = wallet.begin_issuance(&offer, ZK, &nonce(), None, NOW, &mut world.rng).unwrap();
    wallet.abandon_issuance(&first.id, NOW).unwrap();
    let second = wallet.begin_issuance(&offer, ZK, &nonce(), None, NOW, &mut world.rng).unwrap();
    assert_ne!(first.request, second.request);
    let response = world.issue(&first.request, |_| {});
    // The answer to the abandoned request is about other secrets.
    assert_eq!(
        wallet.finish_issuance(&second.id, &response, NOW),
        Err(WalletError::Credential(CredentialError::SignatureInvalid))
    );
}

#[test]
fn a_renewed_credential_replaces_the_old_one() {
    let mut world = World::new();
    let wallet = world.wallet();
    let old = world.obtain(&wallet, LICENCE);
    let offer = Offer { code: [7; 16], ..world.offer(LICENCE) }.encode();
    let pending = wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng).unwrap();
    wallet.finish_issuance(&pending.id, &world.issue(&pending.request, |_| {}), NOW).unwrap();
    let held: Vec<_> = wallet.credentials(NOW).unwrap().iter().map(|credential| credential.id).collect();
    assert_eq!(held, [pending.id]);
    assert_ne!(old, pending.id);
}

#[test]
fn offers_that_cannot_be_followed() {
    let mut world = World::new();
    let wallet = world.wallet();
    let good = world.offer(LICENCE);
    let stranger = Offer { issuer: world.verifier.clone(), ..good.clone() };
    let foreign = Offer { url: "javascript:alert(1)".into(), ..good.clone() };
    let unknown = Offer { credential_types: vec!["kr.go.example.unknown.1".into()], ..good.clone() };
    let expired = Offer { expires_at: NOW, ..good.clone() };
    for (offer, expected) in [
        // J29: refused before any code is asked for.
        (&stranger, WalletError::IssuerNotAccredited),
        (&foreign, WalletError::Offer(OfferError::SchemeNotAllowed)),
        (&unknown, WalletError::IssuerNotAccredited),
        (&expired, WalletError::Offer(OfferError::OfferExpired)),
    ] {
        assert_eq!(refusal(wallet.read_offer(&offer.encode(), NOW)), expected);
        let id = offer.credential_types[0].clone();
        assert_eq!(refusal(wallet.begin_issuance(&offer.encode(), &id, &nonce(), None, NOW, &mut world.rng)), expected);
    }
    let mut begin = |offer: &Offer, id: &str, nonce: &IssuanceNonce, tx_code| {
        wallet.begin_issuance(&offer.encode(), id, nonce, tx_code, NOW, &mut world.rng)
    };
    assert_eq!(refusal(begin(&good, ZK, &nonce(), None)), WalletError::TypeNotOffered);
    assert_eq!(refusal(begin(&good, LICENCE, &nonce(), Some("1234"))), WalletError::TxCodeMismatch);
    let with_code = Offer { tx_code: true, ..good.clone() };
    assert_eq!(refusal(begin(&with_code, LICENCE, &nonce(), None)), WalletError::TxCodeMismatch);
    let late = IssuanceNonce { expires_at: NOW, ..nonce() };
    assert_eq!(refusal(begin(&good, LICENCE, &late, None)), WalletError::NonceExpired);
    assert!(begin(&with_code, LICENCE, &nonce(), Some("1234")).is_ok());
}

#[test]
fn an_issuer_must_be_on_the_ledger_now() {
    for (change, expected) in
        [(0, WalletError::IssuerNotAccredited), (1, WalletError::IssuerNotTrusted), (2, WalletError::IssuerNotTrusted)]
    {
        let mut world = World::new();
        let wallet = world.wallet();
        let offer = world.offer(LICENCE).encode();
        let pending = wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng).unwrap();
        let response = world.issue(&pending.request, |_| {});
        let record = match change {
            0 => Record::Accreditation(Accreditation { withdrawn: true, ..world.accreditation(LICENCE) }),
            1 => {
                Record::IssuerKey(Box::new(IssuerKey { compromised_from: Some(NOW - 1), ..world.issuer_key(LICENCE) }))
            }
            _ => Record::IssuerKey(Box::new(IssuerKey { until: NOW, ..world.issuer_key(LICENCE) })),
        };
        world.write(&[record]);
        world.install_trust(&wallet);
        assert_eq!(refusal(wallet.read_offer(&offer, NOW)), expected);
        assert_eq!(refusal(wallet.finish_issuance(&pending.id, &response, NOW)), expected);
        assert!(wallet.credentials(NOW).unwrap().is_empty());
    }
    let mut world = World::new();
    let wallet = world.wallet();
    let given_up = Record::Did(DidRecord { did: world.issuer.clone(), keys: vec![], deactivated: true });
    world.write(&[given_up]);
    world.install_trust(&wallet);
    assert_eq!(refusal(wallet.read_offer(&world.offer(LICENCE).encode(), NOW)), WalletError::IssuerNotTrusted);
}

#[test]
fn an_issuer_record_with_damaged_keys_is_refused() {
    let mut world = World::new();
    let wallet = world.wallet();
    let damaged = IssuerKey { day_set: [0xff; 96], from: NOW, ..world.issuer_key(LICENCE) };
    world.write(&[Record::IssuerKey(Box::new(damaged))]);
    world.install_trust(&wallet);
    let offer = world.offer(LICENCE).encode();
    let refused = refusal(wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng));
    assert_eq!(refused, WalletError::Evidence(protocol::exchange::PresentationError::InvalidIssuerKey));
}

#[test]
fn answers_that_are_not_the_one_asked_for() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(LICENCE).encode();
    let pending = wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng).unwrap();
    let stranger = P256SigningKey::generate(&mut world.rng).public_key();
    let finish = |response: &[u8]| wallet.finish_issuance(&pending.id, response, NOW);
    let credential = WalletError::Credential;
    let changed = |change: fn(&mut Credential)| world.issue(&pending.request, change);
    for (response, expected) in [
        (changed(|c| c.issuer_key = [1; 8]), WalletError::ResponseMismatch),
        (changed(|c| c.device_key = None), WalletError::ResponseMismatch),
        (world.issue(&pending.request, |c| c.device_key = Some(stranger)), WalletError::ResponseMismatch),
        (changed(|c| c.credential_type = ZK.into()), WalletError::ResponseMismatch),
        (changed(|c| drop(c.values.pop())), credential(CredentialError::AttributesMismatch)),
        (
            changed(|c| c.values[0] = Value::Text("900101-1234567".into())),
            credential(CredentialError::ValueRefused(protocol::credential::ValueError::ResidentNumberForbidden)),
        ),
        (
            changed(|c| c.expiry = Day::from_number(Day::in_korea(NOW).number() - 1).unwrap()),
            WalletError::Present(PresentError::CredentialExpired),
        ),
        (b"no answer".to_vec(), WalletError::MalformedResponse),
    ] {
        assert_eq!(finish(&response), Err(expected));
    }
    // Every changed byte of the right answer.
    let good = world.issue(&pending.request, |_| {});
    for at in (0..good.len()).step_by(5) {
        let mut response = good.clone();
        response[at] ^= 1;
        assert!(finish(&response).is_err(), "byte {at}");
    }
    assert!(wallet.credentials(NOW).unwrap().is_empty());
    finish(&good).unwrap();
}

#[test]
fn without_trust_data_nothing_is_accepted() {
    let mut world = World::new();
    let area = world.area();
    let wallet = world.empty_wallet(Arc::clone(&area)).unwrap();
    let offer = world.offer(LICENCE).encode();
    assert_eq!(refusal(wallet.read_offer(&offer, NOW)), WalletError::TrustMissing);
    let request = world.request(world.query(LICENCE)).encode();
    assert_eq!(refusal(wallet.read_request(&request, NOW)), WalletError::TrustMissing);
    assert!(wallet.needs(NOW).unwrap().trust);
    world.install_trust(&wallet);
    assert!(wallet.read_offer(&offer, NOW).is_ok());
}

/// A source of randomness that is stuck.
struct Stuck;

impl TryRng for Stuck {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(7);
        Ok(())
    }
}

impl TryCryptoRng for Stuck {}

#[test]
fn c28_stuck_randomness_makes_no_request() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(LICENCE).encode();
    let refused = refusal(wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut Stuck));
    assert_eq!(refused, WalletError::CommitmentFailed);
}

/// A phone that was set back asks again, for another nonce, with the same generator: what it tells then gives the link secret
/// away if it was blinded alike.
#[test]
fn issu_18_a_phone_that_was_set_back_keeps_its_link_secret() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(ZK).encode();
    let begin = |number: u8| {
        let mut set_back = ChaCha20Rng::from_seed([7; 32]);
        let nonce = IssuanceNonce { nonce: [number; 16], ..nonce() };
        let pending = wallet.begin_issuance(&offer, ZK, &nonce, None, NOW, &mut set_back).unwrap();
        wallet.abandon_issuance(&pending.id, NOW).unwrap();
        CredentialRequest::decode(&pending.request).unwrap().commitment
    };
    let (one, other) = (begin(1), begin(2));
    assert_eq!(one[..48], other[..48], "link secret and blinder are the same");
    let scalar = |bytes: &[u8], at: usize| Scalar::from_be_bytes(bytes[at..at + 32].try_into().unwrap()).unwrap();
    let difference = |at| scalar(&one, at) - scalar(&other, at);
    let told = [80, 112].map(|at| difference(at) * difference(48).invert().unwrap());
    let generators = Suite::Sha256.generators(3).unwrap();
    let opened = generators[1].multiply(&told[0]) + generators[2].multiply(&told[1]);
    assert_ne!(opened.to_affine().to_compressed(), one[..48], "the commitment is open");
}
