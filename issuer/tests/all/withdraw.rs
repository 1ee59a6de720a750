//! Withdrawal is for good, repeatable, and reaches lists and epochs.

use issuer::register::PersonId;
use issuer::{IssuerError, RevocationReason, Withdrawal};
use protocol::credential::Status;
use protocol::crypto::membership::{SetPublicKey, ValueSignature};
use protocol::exchange::{StatusTokens, status_token_number};

use crate::database::sql;
use crate::world::*;

const LOST: RevocationReason = RevocationReason::PhoneLost;

#[test]
fn issu_11_withdrawal_is_repeatable_and_marks_the_list() {
    let world = world();
    let person = PersonId::new(HOLDER);
    let unknown = Err(IssuerError::CredentialUnknown);
    assert_eq!(world.issuer.revoke(&person, LICENCE, LOST, NOW), unknown);
    assert_eq!(world.issuer.revoke(&person, "other", LOST, NOW), Err(IssuerError::CredentialTypeUnknown));
    let (_, credential) = world.issue(HOLDER, LICENCE);
    let entry = credential.handle as u32;
    assert_eq!(world.issuer.revoke_handle(LICENCE, credential.handle ^ 1, LOST, NOW), unknown);
    assert_eq!(world.issuer.status_list(LICENCE, 0).unwrap().status(entry), Ok(Status::Valid));
    assert_eq!(world.issuer.revoke(&person, LICENCE, LOST, NOW), Ok(Withdrawal::Revoked));
    assert_eq!(world.issuer.status_list(LICENCE, 0).unwrap().status(entry), Ok(Status::Revoked));
    assert_eq!(world.issuer.revoke(&person, LICENCE, LOST, NOW + 9), Ok(Withdrawal::AlreadyRevoked));
    assert_eq!(world.issuer.revoke_handle(LICENCE, credential.handle, LOST, NOW + 9), Ok(Withdrawal::AlreadyRevoked));
    assert_eq!(world.issuer.issued(&person).unwrap()[0].revoked_at, Some(NOW), "the first time stands");
    let before = world.issuer.check_audit().unwrap();
    assert_eq!(before.entries, 3, "offered, issued, revoked");
}

#[test]
fn issu_11_there_is_no_way_back_even_in_the_database() {
    let world = world();
    world.issue(HOLDER, LICENCE);
    world.issuer.revoke(&PersonId::new(HOLDER), LICENCE, LOST, NOW).unwrap();
    for attempt in [
        "UPDATE credential SET revoked_at = NULL",
        "UPDATE credential SET revoked_at = revoked_at + 1",
        "DELETE FROM credential",
    ] {
        let error = sql(world.dir.path(), attempt).unwrap_err();
        assert!(error.contains("irreversible"), "{attempt}: {error}");
    }
}

#[test]
fn a_lost_phone_loses_everything_at_once() {
    let world = world();
    world.issue(HOLDER, LICENCE);
    world.issue(HOLDER, ZK);
    let person = PersonId::new(HOLDER);
    assert_eq!(world.issuer.revoke_all(&person, LOST, NOW), Ok(2));
    assert_eq!(world.issuer.revoke_all(&person, LOST, NOW), Ok(0));
    assert!(world.issuer.issued(&person).unwrap().iter().all(|credential| credential.revoked_at.is_some()));
    // A new phone is bound without any replacement.
    world.issue(HOLDER, LICENCE);
    world.issuer.check_audit().unwrap();
}

#[test]
fn issu_12_an_epoch_vouches_for_good_credentials_only() {
    let world = world();
    let key = world.issuer.key_id(ZK).unwrap();
    assert_eq!(world.issuer.current_epoch(&key), Err(IssuerError::StatusMethodMismatch), "none yet");
    let (_, good) = world.issue(HOLDER, ZK);
    let (_, lost) = world.issue(LEAP_DAY_CHILD, ZK);
    assert_eq!(world.issuer.advance_epoch(ZK, NOW), Ok(1));
    let tokens = |epoch| world.issuer.status_tokens(&key, epoch, 0);
    let record =
        world.issuer.issuer_key_records(0, 1).unwrap().into_iter().find(|record| record.credential_type == ZK).unwrap();
    let status = SetPublicKey::from_bytes(&record.status).unwrap();
    let vouched = |tokens: &StatusTokens, handle| {
        tokens.find(handle).is_some_and(|token| {
            let signature = ValueSignature::from_bytes(&token.signature).unwrap();
            assert_eq!(status.verify(status_token_number(handle, tokens.epoch), &signature), Ok(()));
            assert!(status.verify(status_token_number(handle, tokens.epoch + 1), &signature).is_err());
            true
        })
    };
    let first = tokens(1).unwrap();
    assert!(vouched(&first, good.handle) && vouched(&first, lost.handle));
    assert_eq!(StatusTokens::decode(&first.encode()).unwrap().tokens.len(), 2);
    world.issuer.revoke(&PersonId::new(LEAP_DAY_CHILD), ZK, LOST, NOW).unwrap();
    // Whoever gets a credential in the middle of an epoch can use it at once.
    let (_, late) = world.issue(WITHOUT_LICENCE, ZK);
    assert!(vouched(&tokens(1).unwrap(), late.handle));
    assert_eq!(world.issuer.advance_epoch(ZK, NOW + 3600), Ok(2));
    let second = tokens(2).unwrap();
    assert!(vouched(&second, good.handle) && vouched(&second, late.handle) && !vouched(&second, lost.handle));
    let current = world.issuer.current_epoch(&key).unwrap();
    assert_eq!((current.epoch, current.opened_at, current.slices), (2, NOW + 3600, 1));
    // Expired credentials get none.
    let after_expiry = NOW + 3651 * 86_400;
    assert_eq!(world.issuer.advance_epoch(ZK, after_expiry), Ok(3));
    assert!(tokens(3).unwrap().tokens.is_empty());
    for refused in [world.issuer.status_tokens(&key, 2, 0), world.issuer.status_tokens(&key, 3, 1)] {
        assert_eq!(refused.err(), Some(IssuerError::StatusMethodMismatch));
    }
    assert_eq!(world.issuer.status_tokens(&[0; 8], 3, 0).err(), Some(IssuerError::CredentialTypeUnknown));
    assert_eq!(world.issuer.advance_epoch(LICENCE, NOW), Err(IssuerError::StatusMethodMismatch));
}
