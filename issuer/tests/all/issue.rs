//! Rules ISSU-01 to ISSU-10 of `specs/issuance.md`, each beside a request that is granted.

use std::sync::atomic::{AtomicUsize, Ordering};

use issuer::register::PersonId;
use issuer::{IssuerError, Withdrawal};
use protocol::credential::{Day, StatusList};
use protocol::crypto::keys::{P256SigningKey, Signer};
use protocol::exchange::{CopySignature, CredentialRequest, CredentialResponse, IssuanceRefusal};
use sha2::{Digest, Sha256};

use crate::database::{is_postgresql, sql};
use crate::world::*;

#[test]
fn a_citizen_gets_both_credentials_from_one_offer() {
    let world = world();
    let made = world.offer(HOLDER, &[LICENCE, ZK], true, false);
    assert!(made.tx_code.as_ref().is_some_and(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
    for id in [LICENCE, ZK] {
        let wallet = Wallet::new(&world.issuer, id);
        let request = wallet.request(&world.issuer, &made, NOW);
        let credential = wallet.check(&world.issuer.issue(&request.encode(), NOW, &mut fresh()).unwrap());
        assert_eq!(wallet.shows(&credential, "birth_date"), "1985-03-15");
        assert_eq!(wallet.shows(&credential, "classes"), "Class 1 ordinary, Moped");
        assert_eq!(credential.issuer_key, world.issuer.key_id(id).unwrap());
        assert_eq!(credential.expiry, Day::in_korea(NOW).plus(3650));
        if id == LICENCE {
            assert_eq!(wallet.shows(&credential, "name_ko"), "홍길동");
            assert_eq!(credential.device_key, Some(wallet.device.public_key()));
            assert!(credential.handle < u64::from(StatusList::ENTRIES), "list 0");
            let portrait = world.issuer.portrait(&request.encode()).unwrap();
            assert_eq!(wallet.shows(&credential, "portrait"), hex::encode(Sha256::digest(&portrait)));
        } else {
            assert_eq!(wallet.shows(&credential, "nationality"), "Republic of Korea");
            assert_eq!(credential.device_key, None);
            assert!(credential.handle < 1 << 63);
        }
    }
    assert_eq!(world.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 2);
    world.issuer.check_audit().unwrap();
}

#[test]
fn everyone_in_the_register_gets_what_they_are_entitled_to() {
    let world = world();
    for id in world.register.ids() {
        let offer = |credential_type| {
            world.issuer.offer(&id, &terms(&[credential_type], false, false), NOW, &mut fresh()).err()
        };
        let (licence, zk) = match id.as_str() {
            DECEASED => (Some(IssuerError::PersonDeceased), Some(IssuerError::PersonDeceased)),
            "person-0004" | "person-0012" | "person-0014" | "person-0017" | "person-0022" => {
                (Some(IssuerError::AttributeMissing), None)
            }
            _ => (None, None),
        };
        assert_eq!((offer(LICENCE), offer(ZK)), (licence, zk), "{}", id.as_str());
    }
    // Without a licence the anonymous credential has no classes.
    let (wallet, credential) = world.issue(WITHOUT_LICENCE, ZK);
    assert_eq!(wallet.shows(&credential, "classes"), "");
    let (wallet, credential) = world.issue(LEAP_DAY_CHILD, ZK);
    assert_eq!(wallet.shows(&credential, "birth_date"), "2004-02-29");
}

#[test]
fn issu_01_only_canonical_requests_are_read() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK], false, false);
    let request = Wallet::new(&world.issuer, ZK).request(&world.issuer, &made, NOW).encode();
    let refused = |bytes: &[u8]| world.issuer.issue(bytes, NOW, &mut fresh()).err();
    assert_eq!(refused(&[]), Some(IssuanceRefusal::InvalidRequest));
    assert_eq!(refused(&[request.clone(), vec![0]].concat()), Some(IssuanceRefusal::InvalidRequest));
    assert_eq!(refused(&vec![0x40; 100_000]), Some(IssuanceRefusal::InvalidRequest));
    assert_eq!(refused(&request), None);
}

#[test]
fn issu_02_an_offer_is_good_for_its_types_once_until_it_expires() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK], false, false);
    let wallet = Wallet::new(&world.issuer, ZK);
    let licence = Wallet::new(&world.issuer, LICENCE).request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&licence, NOW), Some(IssuanceRefusal::UnsupportedCredentialType));
    let mut unknown = wallet.request(&world.issuer, &made, NOW);
    unknown.credential_type = "kr.go.police.unknown.1".into();
    assert_eq!(
        world.refusal(&unknown.sign(&wallet.device, &[]).unwrap(), NOW),
        Some(IssuanceRefusal::UnsupportedCredentialType)
    );
    let mut other_code = wallet.request(&world.issuer, &made, NOW);
    other_code.code[0] ^= 1;
    assert_eq!(world.refusal(&other_code.sign(&wallet.device, &[]).unwrap(), NOW), Some(IssuanceRefusal::InvalidGrant));
    let late = wallet.request(&world.issuer, &made, NOW + 599);
    assert_eq!(world.refusal(&late, NOW + 600), Some(IssuanceRefusal::InvalidGrant));
    assert_eq!(world.refusal(&late, NOW + 599), None);
    // Used up, even though the first credential is withdrawn.
    let person = PersonId::new(HOLDER);
    assert_eq!(world.issuer.revoke(&person, ZK, issuer::RevocationReason::PhoneLost, NOW), Ok(Withdrawal::Revoked));
    let again = wallet.request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&again, NOW), Some(IssuanceRefusal::InvalidGrant));
}

#[test]
fn issu_03_five_wrong_transaction_codes_kill_the_offer() {
    let world = world();
    let wallet = Wallet::new(&world.issuer, ZK);
    for wrong_attempts in [4, 5] {
        let made = world.offer(LEAP_DAY_CHILD, &[ZK], true, true);
        let right = made.tx_code.as_ref().unwrap().to_string();
        let wrong = if right == "000000" { "000001" } else { "000000" };
        let with = |tx_code: Option<&str>| {
            let mut request = wallet.request(&world.issuer, &made, NOW);
            request.tx_code = tx_code.map(str::to_owned);
            world.refusal(&request.sign(&wallet.device, &[]).unwrap(), NOW)
        };
        // Forgetting the code is no attempt.
        for _ in 0..10 {
            assert_eq!(with(None), Some(IssuanceRefusal::InvalidRequest));
        }
        for _ in 0..wrong_attempts {
            assert_eq!(with(Some(wrong)), Some(IssuanceRefusal::InvalidGrant));
        }
        assert_eq!(with(Some(&right)), (wrong_attempts == 5).then_some(IssuanceRefusal::InvalidGrant));
    }
    let made = world.offer(HOLDER, &[ZK], false, false);
    let mut surplus = wallet.request(&world.issuer, &made, NOW);
    surplus.tx_code = Some("123456".into());
    assert_eq!(world.refusal(&surplus.sign(&wallet.device, &[]).unwrap(), NOW), Some(IssuanceRefusal::InvalidRequest));
}

#[test]
fn issu_04_a_nonce_is_good_once_and_briefly() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK], false, false);
    let wallet = Wallet::new(&world.issuer, ZK);
    let invented = wallet.request_with(&made, [9; 16], wallet.commitment(&[9; 16]));
    assert_eq!(world.refusal(&invented, NOW), Some(IssuanceRefusal::InvalidNonce));
    let expired = wallet.request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&expired, NOW + 300), Some(IssuanceRefusal::InvalidNonce));
    // A refused request has used its nonce up.
    let refused = Wallet::new(&world.issuer, LICENCE).request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&refused, NOW), Some(IssuanceRefusal::UnsupportedCredentialType));
    let reused = wallet.request_with(&made, refused.nonce, wallet.commitment(&refused.nonce));
    assert_eq!(world.refusal(&reused, NOW), Some(IssuanceRefusal::InvalidNonce));
    let good = wallet.request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&good, NOW + 299), None);
}

#[test]
fn issu_04_nonces_cannot_fill_the_disk() {
    let world = world();
    let random = if is_postgresql() { "decode(lpad(to_hex(i), 32, '0'), 'hex')" } else { "randomblob(16)" };
    let many = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO nonce (nonce, expires_at) SELECT {random}, {} FROM n",
        NOW + 300
    );
    sql(world.dir.path(), &many).unwrap();
    let nonce = |now| world.issuer.nonce(now, &mut fresh()).err();
    assert_eq!(nonce(NOW), Some(IssuanceRefusal::TemporarilyUnavailable));
    assert_eq!(nonce(NOW + 300), None, "they have expired");
}

#[test]
fn issu_05_the_device_key_is_proven() {
    let world = world();
    let made = world.offer(HOLDER, &[LICENCE], false, false);
    let wallet = Wallet::new(&world.issuer, LICENCE);
    let good = wallet.request(&world.issuer, &made, NOW);
    let mut stolen = good.clone();
    stolen.device_key = Wallet::new(&world.issuer, LICENCE).device.public_key();
    assert_eq!(world.refusal(&stolen, NOW), Some(IssuanceRefusal::InvalidProof));
    let mut changed = good.clone();
    changed.idempotency_key[0] ^= 1;
    assert_eq!(world.refusal(&changed, NOW), Some(IssuanceRefusal::InvalidProof));
    assert_eq!(world.refusal(&good, NOW), None);
}

#[test]
fn issu_06_the_commitment_is_proven_for_this_nonce_and_key() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK, LICENCE], false, false);
    let wallet = Wallet::new(&world.issuer, ZK);
    let nonce = || world.issuer.nonce(NOW, &mut fresh()).unwrap().nonce;
    let flipped = |nonce: &[u8; 16], at: usize| {
        let mut commitment = wallet.commitment(nonce);
        commitment[at] ^= 1;
        commitment
    };
    let identity = |mut commitment: Vec<u8>| {
        commitment[..48].fill(0);
        commitment[0] = 0xc0;
        commitment
    };
    for why in ["empty", "a byte short", "for another nonce", "the identity"] {
        let nonce = nonce();
        let commitment = match why {
            "empty" => Vec::new(),
            "a byte short" => wallet.commitment(&nonce)[1..].to_vec(),
            "for another nonce" => wallet.commitment(&[3; 16]),
            _ => identity(wallet.commitment(&nonce)),
        };
        let request = wallet.request_with(&made, nonce, commitment);
        assert_eq!(world.refusal(&request, NOW), Some(IssuanceRefusal::InvalidProof), "{why}");
    }
    for at in (0..48 + 3 * 32).step_by(7) {
        let nonce = nonce();
        let request = wallet.request_with(&made, nonce, flipped(&nonce, at));
        assert_eq!(world.refusal(&request, NOW), Some(IssuanceRefusal::InvalidProof), "byte {at}");
    }
    // Made for the issuer's other key.
    let nonce = nonce();
    let other = Wallet::new(&world.issuer, LICENCE).commitment(&nonce);
    assert_eq!(world.refusal(&wallet.request_with(&made, nonce, other), NOW), Some(IssuanceRefusal::InvalidProof));
    assert_eq!(world.refusal(&wallet.request(&world.issuer, &made, NOW), NOW), None);
    assert_eq!(world.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 1, "refusals leave no row");
}

#[test]
fn issu_07_nothing_is_issued_when_the_register_has_changed() {
    let world = world();
    for (why, person) in [("death", "person-0002"), ("a move", "person-0005")] {
        let id = PersonId::new(person);
        let made = world.offer(person, &[ZK], false, false);
        let wallet = Wallet::new(&world.issuer, ZK);
        match why {
            "death" => world.register.record_death(&id).unwrap(),
            _ => world.register.record_attribute(&id, "residence", "KR-49").unwrap(),
        }
        let request = wallet.request(&world.issuer, &made, NOW);
        assert_eq!(world.refusal(&request, NOW), Some(IssuanceRefusal::CredentialRequestDenied), "{why}");
        assert!(world.issuer.issued(&id).unwrap().is_empty(), "no row is left");
    }
    let (wallet, credential) = world.issue(HOLDER, ZK);
    assert_eq!(wallet.shows(&credential, "residence"), "Seoul");
}

#[test]
fn issu_08_one_active_credential_unless_it_is_replaced() {
    let world = world();
    let first = world.offer(HOLDER, &[LICENCE], false, false);
    let second = world.offer(HOLDER, &[LICENCE], false, false);
    let replacement = world.offer(HOLDER, &[LICENCE], false, true);
    let (old_phone, new_phone) = (Wallet::new(&world.issuer, LICENCE), Wallet::new(&world.issuer, LICENCE));
    assert_eq!(world.refusal(&old_phone.request(&world.issuer, &first, NOW), NOW), None);
    assert_eq!(
        world.refusal(&new_phone.request(&world.issuer, &second, NOW), NOW),
        Some(IssuanceRefusal::AlreadyActive)
    );
    let refused = world.issuer.offer(&PersonId::new(HOLDER), &terms(&[LICENCE], false, false), NOW, &mut fresh());
    assert_eq!(refused.err(), Some(IssuerError::AlreadyActive));
    // A replacement that fails withdraws nothing.
    let nonce = world.issuer.nonce(NOW, &mut fresh()).unwrap().nonce;
    assert_eq!(
        world.refusal(&new_phone.request_with(&replacement, nonce, vec![]), NOW),
        Some(IssuanceRefusal::InvalidProof)
    );
    assert_eq!(world.issuer.issued(&PersonId::new(HOLDER)).unwrap()[0].revoked_at, None);
    assert_eq!(world.refusal(&new_phone.request(&world.issuer, &replacement, NOW + 1), NOW + 1), None);
    let issued = world.issuer.issued(&PersonId::new(HOLDER)).unwrap();
    assert_eq!(issued.iter().map(|c| c.revoked_at).collect::<Vec<_>>(), [Some(NOW + 1), None]);
    assert_ne!(issued[0].handle, issued[1].handle);
}

#[test]
fn issu_09_a_repeat_gets_the_same_bytes_and_another_body_none() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK], false, false);
    let wallet = Wallet::new(&world.issuer, ZK);
    let request = wallet.request(&world.issuer, &made, NOW);
    let issue = |now| world.issuer.issue(&request.encode(), now, &mut fresh());
    let answer = issue(NOW).unwrap();
    assert_eq!(issue(NOW + 1).as_ref(), Ok(&answer));
    // Also by a service that was restarted, and after the offer has expired.
    let restarted = issuer::Issuer::open(world.dir.path(), world.register.clone()).unwrap();
    assert_eq!(restarted.issue(&request.encode(), NOW + 3600, &mut fresh()).as_ref(), Ok(&answer));
    let mut other = wallet.request(&world.issuer, &made, NOW);
    other.idempotency_key = request.idempotency_key;
    assert_eq!(
        world.refusal(&other.sign(&wallet.device, &[]).unwrap(), NOW),
        Some(IssuanceRefusal::IdempotencyConflict)
    );
    assert_eq!(world.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 1);
    // Claims are not kept for longer than they can be asked for.
    world.issuer.forget_old(NOW + 8 * 86_400).unwrap();
    assert_eq!(issue(NOW + 8 * 86_400), Err(IssuanceRefusal::InvalidGrant));
    assert_eq!(world.issuer.portrait(&request.encode()), Err(IssuanceRefusal::InvalidGrant));
}

#[test]
fn issu_02_a_code_raced_by_many_has_one_winner() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK], false, true);
    let requests: Vec<_> =
        (0..100).map(|_| Wallet::new(&world.issuer, ZK).request(&world.issuer, &made, NOW).encode()).collect();
    let (won, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for request in &requests {
            scope.spawn(|| match world.issuer.issue(request, NOW, &mut fresh()) {
                Ok(_) => won.fetch_add(1, Ordering::Relaxed),
                Err(IssuanceRefusal::InvalidGrant) => lost.fetch_add(1, Ordering::Relaxed),
                Err(other) => panic!("{other:?}"),
            });
        }
    });
    assert_eq!((won.into_inner(), lost.into_inner()), (1, 99));
    assert_eq!(world.issuer.issued(&PersonId::new(HOLDER)).unwrap().len(), 1);
}

#[test]
fn issu_09_a_request_raced_with_itself_gets_one_answer() {
    let world = world();
    let made = world.offer(HOLDER, &[ZK], false, false);
    let request = Wallet::new(&world.issuer, ZK).request(&world.issuer, &made, NOW).encode();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..32).map(|_| scope.spawn(|| world.issuer.issue(&request, NOW, &mut fresh()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    world.issuer.check_audit().unwrap();
}

#[test]
fn issu_10_the_portrait_belongs_to_the_credential() {
    let world = world();
    let made = world.offer(HOLDER, &[LICENCE, ZK], false, false);
    let wallet = Wallet::new(&world.issuer, LICENCE);
    let request = wallet.request(&world.issuer, &made, NOW);
    assert_eq!(world.issuer.portrait(b"x"), Err(IssuanceRefusal::InvalidRequest));
    assert_eq!(world.issuer.portrait(&request.encode()), Err(IssuanceRefusal::InvalidGrant), "not issued yet");
    assert_eq!(world.refusal(&request, NOW), None);
    assert!(world.issuer.portrait(&request.encode()).is_ok());
    let mut other = wallet.request(&world.issuer, &made, NOW);
    other.idempotency_key = request.idempotency_key;
    let other = other.sign(&wallet.device, &[]).unwrap();
    assert_eq!(world.issuer.portrait(&other.encode()), Err(IssuanceRefusal::IdempotencyConflict));
    let zk = Wallet::new(&world.issuer, ZK).request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&zk, NOW), None);
    assert_eq!(world.issuer.portrait(&zk.encode()), Err(IssuanceRefusal::UnsupportedCredentialType));
    // Neither does the register's change of mind reach a signed digest: without a licence number there is no claim.
    world.register.record_attribute(&PersonId::new(HOLDER), "classes", "no-such-class").unwrap();
    assert_eq!(world.issuer.portrait(&request.encode()), Err(IssuanceRefusal::CredentialRequestDenied));
}

#[test]
fn issu_14_a_copy_for_each_key_and_for_no_other() {
    let world = world();
    let made = world.offer(HOLDER, &[LICENCE, ZK], false, false);
    let wallet = Wallet::new(&world.issuer, ZK);
    let keys: Vec<_> = (0..4).map(|_| P256SigningKey::generate(&mut fresh())).collect();
    let with = |wallet: &Wallet, keys: &[&P256SigningKey]| {
        let signers: Vec<_> = keys.iter().map(|key| *key as &dyn Signer).collect();
        wallet.request(&world.issuer, &made, NOW).sign(&wallet.device, &signers).unwrap()
    };
    let all: Vec<_> = keys.iter().collect();
    // Another number than the type has, a key twice, the request's own key, or none in a list.
    let invalid = Some(IssuanceRefusal::InvalidRequest);
    assert_eq!(world.refusal(&with(&wallet, &all[..3]), NOW), invalid);
    assert_eq!(world.refusal(&with(&wallet, &[all[0], all[1], all[2], all[2]]), NOW), invalid);
    assert_eq!(world.refusal(&with(&wallet, &[all[0], all[1], all[2], &wallet.device]), NOW), invalid);
    let empty = CredentialRequest { copies: Some(vec![]), ..with(&wallet, &all) };
    assert_eq!(world.refusal(&empty, NOW), invalid);
    assert_eq!(world.refusal(&with(&Wallet::new(&world.issuer, LICENCE), &all), NOW), invalid);
    // Whose key did not sign gets nothing.
    let mut unsigned = with(&wallet, &all);
    unsigned.copies.as_mut().unwrap()[3].device_proof = unsigned.device_proof;
    assert_eq!(world.refusal(&unsigned, NOW), Some(IssuanceRefusal::InvalidProof));

    let request = with(&wallet, &all).encode();
    let answer = world.issuer.issue(&request, NOW, &mut fresh()).unwrap();
    let credential = wallet.check(&answer);
    let copies = CredentialResponse::decode(&answer).unwrap().copies.unwrap();
    assert_eq!((credential.device_key, copies.len()), (None, 4));
    for (key, CopySignature(signature)) in keys.iter().zip(copies) {
        wallet.check(
            &CredentialResponse { credential: credential.copy(key.public_key(), signature), copies: None }.encode(),
        );
    }
    // ISSU-09: repeated byte for byte, copies included.
    assert_eq!(world.issuer.issue(&request, NOW, &mut fresh()), Ok(answer));
    // Who asks for none gets none.
    let made = world.offer(WITHOUT_LICENCE, &[ZK], false, false);
    let plain = wallet.request(&world.issuer, &made, NOW);
    let answer = world.issuer.issue(&plain.encode(), NOW, &mut fresh()).unwrap();
    assert!(CredentialResponse::decode(&answer).unwrap().copies.is_none());
}
