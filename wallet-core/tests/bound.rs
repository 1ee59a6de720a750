//! One-time copies: an answer with a key of the phone, each key once, and never in place of anything else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use common::{LICENCE, NOW, PIN, World, ZK, age_19, nonce, refusal};
use protocol::credential::{CredentialError, HolderBinding};
use protocol::exchange::{
    Binding, CopySignature, CredentialResponse, OverAsk, Presentation, Query, Request, RequestError,
};
use wallet_core::{CredentialId, Decision, Wallet, WalletError};

const PROFILE: &str = "age-19-bound";
const COPIES: usize = 4;

fn bound(world: &World) -> Query {
    Query { binding: HolderBinding::DeviceKey, ..world.query(ZK) }
}

fn left(wallet: &Wallet, id: &CredentialId) -> Option<usize> {
    wallet.credentials(NOW).unwrap().iter().find(|held| held.id == *id).unwrap().copies
}

/// What the verifier sees of the binding, and the device key.
fn seen(world: &World, bytes: &[u8]) -> (Binding, Option<String>) {
    let presentation = Presentation::decode(bytes).unwrap();
    let key = presentation.explain(&[]).bound;
    let binding = presentation.authenticate(&world.evidence(ZK)).unwrap().binding();
    (
        binding,
        match key {
            protocol::exchange::Bound::HardwareKey { key, .. } => Some(key),
            protocol::exchange::Bound::LinkSecret => None,
        },
    )
}

#[test]
fn wfile_13_each_bound_answer_takes_a_key_that_no_other_has() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, ZK);
    let licence = world.obtain(&wallet, LICENCE);
    assert_eq!((left(&wallet, &id), left(&wallet, &licence)), (Some(COPIES), None));
    let mut keys = BTreeSet::new();
    for used in 1..=COPIES {
        // Asked and unasked by turns; the wallet is opened anew in between.
        let answer = if used % 2 == 0 {
            wallet.show_profile(&id, PROFILE, NOW, &mut world.rng).unwrap()
        } else {
            let request = world.request(bound(&world)).encode();
            let consent = wallet.read_request(&request, NOW).unwrap();
            assert_eq!((consent.binding, consent.over_ask.as_ref()), (HolderBinding::DeviceKey, None));
            assert!(consent.bound.as_ref().unwrap().en.contains("the issuer could tell"));
            wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng).unwrap()
        };
        let (binding, key) = seen(&world, &answer);
        assert_eq!(binding, Binding::HardwareKey);
        assert!(keys.insert(key.unwrap()), "a key was used twice");
        wallet.lock();
        wallet.unlock(PIN, NOW).unwrap();
        assert_eq!(left(&wallet, &id), Some(COPIES - used));
    }
    // PRES-09: none is left, and nothing weaker goes in its place.
    assert_eq!(refusal(wallet.show_profile(&id, PROFILE, NOW, &mut world.rng)), WalletError::CopiesUsedUp);
    let request = world.request(bound(&world)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    assert_eq!(refusal(wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng)), WalletError::CopiesUsedUp);
    // What needs none goes on, and takes none.
    let answer = wallet.show_profile(&id, "age-19", NOW, &mut world.rng).unwrap();
    assert_eq!(seen(&world, &answer), (Binding::LinkSecret, None));
    assert_eq!(world.accepted(ZK, &answer), (vec![], vec![age_19()]));
}

#[test]
fn an_answer_that_needs_no_key_takes_none() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, ZK);
    while wallet.prepare_next(NOW, &mut world.rng).unwrap() {}
    assert!(wallet.ready(NOW).unwrap().iter().all(|(_, profile, _)| profile != PROFILE), "none is taken beforehand");
    wallet.show_profile(&id, "age-19", NOW, &mut world.rng).unwrap();
    let request = world.request(world.query(ZK)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng).unwrap();
    // Neither does one that is declined, or not true.
    let consent = wallet.read_request(&world.request(bound(&world)).encode(), NOW).unwrap();
    assert_eq!(refusal(wallet.answer(&consent, Decision::Decline, NOW, &mut world.rng)), WalletError::Declined);
    assert_eq!(left(&wallet, &id), Some(COPIES));
}

#[test]
fn req_06_a_key_is_not_given_to_who_registered_for_none() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, ZK);
    for (query, purpose, reason) in [(bound(&world), "rent", "device-key"), (world.query(ZK), "account", "link-secret")]
    {
        let request = Request::new(world.verifier.clone(), "key-1", purpose, query, NOW, 300, &mut world.rng);
        let consent = wallet.read_request(&world.signed(&request).encode(), NOW).unwrap();
        let over = OverAsk::BindingNotRegistered(reason);
        assert_eq!(consent.over_ask, Some(over.clone()));
        let refused = refusal(wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng));
        assert_eq!(refused, WalletError::Request(RequestError::OverAsk(over)));
    }
}

#[test]
fn issu_14_a_wallet_checks_every_copy() {
    let mut world = World::new();
    let wallet = world.wallet();
    let offer = world.offer(ZK).encode();
    let pending = wallet.begin_issuance(&offer, ZK, &nonce(), None, NOW, &mut world.rng).unwrap();
    let good = CredentialResponse::decode(&world.issue(&pending.request, |_| {})).unwrap();
    let copies = |change: &dyn Fn(&mut Vec<CopySignature>)| {
        let mut changed = good.clone();
        change(changed.copies.as_mut().unwrap());
        refusal(wallet.finish_issuance(&pending.id, &changed.encode(), NOW))
    };
    assert_eq!(copies(&|copies| copies.truncate(3)), WalletError::ResponseMismatch);
    assert_eq!(copies(&|copies| copies.push(CopySignature([1; 80]))), WalletError::ResponseMismatch);
    assert_eq!(copies(&Vec::clear), WalletError::ResponseMismatch);
    let invalid = WalletError::Credential(CredentialError::SignatureInvalid);
    assert_eq!(copies(&|copies| copies.swap(0, 1)), invalid);
    assert_eq!(copies(&|copies| copies[2].0[5] ^= 1), invalid);
    assert_eq!(copies(&|copies| copies[3].0 = good.credential.signature), invalid);
    // An issuer may give none: then there is no bound answer, and all else works.
    let none = CredentialResponse { copies: None, ..good.clone() };
    wallet.finish_issuance(&pending.id, &none.encode(), NOW).unwrap();
    assert_eq!(left(&wallet, &pending.id), Some(0));
    assert_eq!(refusal(wallet.show_profile(&pending.id, PROFILE, NOW, &mut world.rng)), WalletError::CopiesUsedUp);
    // A licence has its key, and no copies.
    let offer = world.offer(LICENCE).encode();
    let pending = wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng).unwrap();
    let mut licence = CredentialResponse::decode(&world.issue(&pending.request, |_| {})).unwrap();
    licence.copies = Some(vec![CopySignature([1; 80])]);
    assert_eq!(refusal(wallet.finish_issuance(&pending.id, &licence.encode(), NOW)), WalletError::ResponseMismatch);
}
