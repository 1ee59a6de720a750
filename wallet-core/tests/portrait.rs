//! The holder's picture: kept when it is the signed one, passed on only where it is asked for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{LICENCE, NOW, World, ZK, credential_type, nonce, refusal};
use protocol::credential::Value;
use protocol::exchange::{PortraitError, Query, Received};
use sha2::{Digest, Sha256};
use wallet_core::{CredentialId, Decision, Disclosure, Wallet, WalletError};

/// One white pixel.
const IMAGE: &str = "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f8\
    0f0001010100b138f6140000000049454e44ae426082";

fn image() -> Vec<u8> {
    hex::decode(IMAGE).unwrap()
}

fn obtain(world: &mut World, wallet: &Wallet, image: &[u8]) -> CredentialId {
    let offer = world.offer(LICENCE).encode();
    let pending = wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng).unwrap();
    let position = credential_type(LICENCE).position("portrait").unwrap();
    let digest = Value::Bytes(Sha256::digest(image).to_vec());
    let response = world.issue(&pending.request, |credential| credential.values[position] = digest);
    wallet.finish_issuance(&pending.id, &response, NOW).unwrap();
    pending.id
}

#[test]
fn pres_15_a_picture_goes_where_its_digest_is_asked_for_and_nowhere_else() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = obtain(&mut world, &wallet, &image());
    let split = |bytes: &[u8]| Received::split(bytes).unwrap();
    let before = split(&wallet.show_profile(&id, "portrait-check", NOW, &mut world.rng).unwrap());
    assert!(before.portrait.is_none() && wallet.lacks_portrait(&id, NOW).unwrap());
    // ISSU-10: another picture is not kept.
    let mismatch = WalletError::Portrait(PortraitError::DigestMismatch);
    assert_eq!(refusal(wallet.keep_portrait(&id, b"another picture", NOW)), mismatch);
    wallet.keep_portrait(&id, &image(), NOW).unwrap();
    assert!(!wallet.lacks_portrait(&id, NOW).unwrap());
    wallet.lock();
    wallet.unlock(common::PIN, NOW).unwrap();

    // Prepared or made at once, shown unasked.
    while wallet.prepare_next(NOW, &mut world.rng).unwrap() {}
    let shown = split(&wallet.show_profile(&id, "portrait-check", NOW, &mut world.rng).unwrap());
    assert_eq!(shown.portrait, Some(image()));
    let plain = split(&wallet.show_profile(&id, "roadside", NOW, &mut world.rng).unwrap());
    assert!(plain.portrait.is_none());
    // Asked, with consent: the sheet says that it is the face.
    let query = Query { show: vec!["name_ko".into(), "portrait".into()], ..world.query(LICENCE) };
    for (query, goes) in [(query, true), (world.query(LICENCE), false)] {
        let consent = wallet.read_request(&world.request(query).encode(), NOW).unwrap();
        let item = consent.attributes.iter().find(|item| item.name == "portrait").unwrap();
        match &item.disclosure {
            Disclosure::Shown(value) => assert!(goes && value.en.contains("picture of your face")),
            Disclosure::Kept => assert!(!goes),
            Disclosure::Proven(_) => panic!("nothing is proven of a picture"),
        }
        let answer = wallet.answer(&consent, Decision::ApproveOverAsk, NOW, &mut world.rng).unwrap();
        assert_eq!(split(&answer).portrait.is_some(), goes);
    }
}

#[test]
fn a_credential_without_a_picture_keeps_none() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, ZK);
    assert!(!wallet.lacks_portrait(&id, NOW).unwrap());
    let mismatch = WalletError::Portrait(PortraitError::DigestMismatch);
    assert_eq!(refusal(wallet.keep_portrait(&id, &image(), NOW)), mismatch);
    // A signed file that is no picture is not kept either.
    let id = obtain(&mut world, &wallet, b"no picture");
    let rejected = WalletError::Portrait(PortraitError::ImageRejected);
    assert_eq!(refusal(wallet.keep_portrait(&id, b"no picture", NOW)), rejected);
}
