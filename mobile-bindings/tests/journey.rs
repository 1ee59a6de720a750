//! From an offer to a verdict through the calls of an app, with a real issuer's keys on the other side.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a surprise should stop the test at once")]

use std::sync::Arc;

use mobile_bindings::{
    ApiError, Area, CardState, Clock, Disclosure, EventKind, Personal, Scanner, Statement, VerifierIdentity, Wallet,
};
use protocol::credential::{Credential, Day, Layout};
use protocol::crypto::bbs::blind;
use protocol::exchange::{CredentialRequest, CredentialResponse, Offer, Query, StatusToken, StatusTokens};
use protocol::ledger::bundle::Scope;
use tests::world::{EPOCH, KEY, NOW, World};

const HANDLE: u64 = 0x0123_4567_89ab_cdef;
const PROFILE: &str = "age-19";

struct SetClock;

impl Clock for SetClock {
    fn now(&self) -> u64 {
        NOW
    }
}

fn reason<T>(result: Result<T, ApiError>) -> String {
    match result.map(|_| ()) {
        Err(ApiError::Refused { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// The police's answer to a request for a zero-knowledge identity.
fn issue(world: &World, request: &[u8]) -> Vec<u8> {
    let request = CredentialRequest::decode(request).unwrap();
    let issuing = &world.identities;
    let mut credential = Credential {
        issuer_key: issuing.record.key_id(),
        credential_type: request.credential_type.clone(),
        values: issuing.values(&world.holder.person),
        expiry: Day::in_korea(NOW).plus(3_000),
        handle: HANDLE,
        device_key: None,
        signature: [0; 80],
    };
    let issuance = blind::Issuance {
        issuer: issuing.bbs.public_key(),
        header: &issuing.header(),
        message_count: issuing.credential_type.message_count(),
        hidden: &[Layout::LINK_SECRET, Layout::BLINDER],
        nonce: &request.nonce,
    };
    let clear = credential.clear_messages(&issuing.credential_type).unwrap();
    credential.signature = blind::sign(&issuing.bbs, &issuance, &request.commitment, &clear).unwrap().to_bytes();
    CredentialResponse { credential, copies: None }.encode()
}

/// A wallet with the holder's identity and all public data that it needs.
fn wallet_with_identity(world: &World, bundle: &[u8], anchor: &[u8], place: &std::path::Path) -> (Arc<Wallet>, String) {
    let path = |name: &str| place.join(name).to_str().unwrap().to_owned();
    let nobody = Personal { birth_date: None, phone: None };
    let wallet = Wallet::create(
        &path("wallet"),
        Area::Software { directory: path("phone") },
        "839174".into(),
        nobody,
        Arc::new(SetClock),
    )
    .unwrap();
    wallet.install_trust(bundle.to_vec(), anchor.to_vec()).unwrap();
    let id = &world.identities.credential_type.id;
    let offer = Offer {
        issuer: world.police.did.clone(),
        url: "https://issuer.example".into(),
        code: [6; 16],
        credential_types: vec![id.clone()],
        tx_code: true,
        expires_at: NOW + 600,
    };
    let offer = offer.encode();
    let sheet = wallet.read_offer(offer.clone()).unwrap();
    assert!(sheet.tx_code && sheet.credential_types.iter().all(|offered| offered.id == *id));
    assert_eq!(reason(wallet.begin_issuance(offer.clone(), id, vec![7; 16], NOW + 60, None)), "TxCodeMismatch");
    let late = wallet.begin_issuance(offer.clone(), id, vec![7; 16], NOW, Some("4711".into()));
    assert!(matches!(late, Err(ApiError::Retry { reason, .. }) if reason == "NonceExpired"));
    let pending = wallet.begin_issuance(offer.clone(), id, vec![7; 16], NOW + 60, Some("4711".into())).unwrap();
    let kept = wallet.pending_issuances().unwrap();
    assert!(kept.len() == 1 && kept[0].request == pending.request && kept[0].id == pending.id);
    wallet.finish_issuance(&pending.id, issue(world, &pending.request)).unwrap();
    assert!(wallet.pending_issuances().unwrap().is_empty());

    let needs = wallet.needs(0).unwrap();
    assert!(!needs.trust && needs.day_sets.len() == 1 && needs.status_tokens.len() == 1);
    // Enough for ages up to 41 and eight years of validity.
    let days = world.identities.days.sign_range(0..8_192, |_| {}).unwrap();
    let days: Vec<u8> = days.iter().flat_map(|signature| signature.to_bytes()).collect();
    wallet.install_day_set(needs.day_sets[0].key.clone(), 0, days).unwrap();
    let slice = &needs.status_tokens[0];
    assert_eq!(slice.epoch, EPOCH);
    let signature = world.identities.status_token(HANDLE, EPOCH).to_bytes();
    let tokens = StatusTokens { epoch: EPOCH, tokens: vec![StatusToken { handle: HANDLE, signature }] };
    wallet
        .install_status_tokens(slice.issuer_key.clone(), slice.slice_bits, slice.slice_index, tokens.encode())
        .unwrap();
    assert!(wallet.needs(0).unwrap().status_tokens.is_empty());
    (wallet, pending.id)
}

#[test]
fn from_an_offer_to_a_verdict() {
    let world = World::new();
    let ledger = world.ledger("usual");
    let (bundle, anchor) = (ledger.bundle(Scope::Snapshot).encode(), ledger.anchor().encode());
    let place = tempfile::tempdir().unwrap();
    let (wallet, id) = wallet_with_identity(&world, &bundle, &anchor, place.path());
    let of_type = &world.identities.credential_type.id;
    let scanner = Scanner::new(anchor.clone(), Arc::new(SetClock)).unwrap();
    scanner.update_bundle(bundle.clone()).unwrap();

    let cards = wallet.credentials().unwrap();
    assert!(cards.len() == 1 && cards[0].id == id && cards[0].state == CardState::Usable);
    assert!(cards[0].profiles.iter().any(|profile| profile.id == PROFILE));

    // Shown unasked.
    let shown = wallet.show(&id, PROFILE).unwrap();
    assert_eq!(shown.expires_at, NOW + 30);
    let verdict = scanner.check_displayed(shown.message, of_type, PROFILE).unwrap();
    assert!(verdict.claims.is_empty() && !verdict.bound_to_request && !verdict.bound_to_device);
    assert!(matches!(verdict.proven[..], [Statement::AgeAtLeast { years: 19, .. }]));
    assert_eq!(reason(wallet.show(&id, "no-such")), "NoSuchProfile");

    // Asked: declined first, then approved.
    let identity =
        VerifierIdentity { did: world.shop.did.to_string(), key: KEY.into(), seed: tests::seed("shop").into() };
    let request = scanner.make_request(identity, "age-check", of_type, PROFILE, 60).unwrap().message;
    let consent = wallet.read_request(request.clone()).unwrap();
    let sheet = consent.sheet();
    assert!(sheet.name.en == "Hanbit Mart" && sheet.over_ask.is_none() && sheet.credential == id);
    assert!(sheet.attributes.iter().any(|item| matches!(item.disclosure, Disclosure::Proven { .. })));
    assert!(!sheet.attributes.iter().any(|item| matches!(item.disclosure, Disclosure::Shown { .. })));
    assert_eq!(reason(wallet.answer(&consent, false)), "Declined");
    let answer = wallet.answer(&consent, true).unwrap();
    assert!(scanner.check_answer(request, answer).unwrap().bound_to_request);

    // Asked for more than was registered: shown to the owner, and not answered.
    let wider = Query { show: vec!["birth_date".into()], prove: vec![], ..world.profile(PROFILE) };
    let wider = world.request(&world.shop, "age-check", wider, "wider").sign(&world.shop.key).unwrap();
    let consent = wallet.read_request(wider.encode()).unwrap();
    assert!(consent.sheet().over_ask.is_some());
    assert_eq!(reason(wallet.answer(&consent, true)), "AttributeNotRegistered");

    wallet.delete(&id).unwrap();
    assert_eq!(reason(wallet.delete(&id)), "NoSuchCredential");
    assert!(wallet.credentials().unwrap().is_empty());
    let kinds: Vec<EventKind> = wallet.history().unwrap().iter().map(|entry| entry.kind).collect();
    let expected = [
        EventKind::Received,
        EventKind::Displayed,
        EventKind::Declined,
        EventKind::Answered,
        EventKind::Blocked,
        EventKind::Deleted,
    ];
    assert_eq!(kinds, expected);
}
