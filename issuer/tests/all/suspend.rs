//! A suspension reaches lists, epochs and twins, can end, and lets nothing take the credential's place.

use issuer::register::PersonId;
use issuer::{IssuerError, RegisterEvent, RevocationReason, Suspension, TwinFormat, Withdrawal};
use protocol::credential::{Status, StatusList};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::exchange::IssuanceRefusal;

use crate::database::sql;
use crate::world::*;

const LOST: RevocationReason = RevocationReason::PhoneLost;

#[test]
fn issu_19_a_suspension_marks_every_entry_and_can_end() {
    let world = world();
    let person = PersonId::new(HOLDER);
    assert_eq!(world.issuer.suspend(&person, LICENCE, NOW), Err(IssuerError::CredentialUnknown));
    assert_eq!(world.issuer.suspend(&person, "other", NOW), Err(IssuerError::CredentialTypeUnknown));
    let (_, credential) = world.issue(HOLDER, LICENCE);
    let enrolment = world.issuer.enrolment(&person, LICENCE).unwrap().unwrap();
    let holder = StandardKey::p256(&[9; 32]).unwrap().multikey();
    let twin = |now| world.issuer.twin(&enrolment, TwinFormat::SdJwt, &holder, now, &mut fresh());
    (0..8).for_each(|_| drop(twin(NOW).unwrap()));
    let with = |status: Status| {
        let list = world.issuer.status_list(LICENCE, 0).unwrap();
        (0..StatusList::ENTRIES).filter(|index| list.status(*index) == Ok(status)).collect::<Vec<_>>()
    };
    assert_eq!(world.issuer.reinstate(&person, LICENCE, NOW), Ok(Suspension::Unchanged));
    assert_eq!(world.issuer.suspend(&person, LICENCE, NOW), Ok(Suspension::Changed));
    assert_eq!(world.issuer.suspend(&person, LICENCE, NOW + 1), Ok(Suspension::Unchanged));
    assert_eq!(world.issuer.issued(&person).unwrap()[0].suspended_at, Some(NOW), "the first time stands");
    let suspended = with(Status::Suspended);
    assert!(suspended.len() >= 9 && suspended.contains(&(credential.handle as u32)), "{}", suspended.len());
    assert!(with(Status::Revoked).is_empty(), "suspended is not revoked");
    assert_eq!(twin(NOW + 1), Err(IssuerError::CredentialSuspended));
    assert_eq!(world.issuer.reinstate(&person, LICENCE, NOW + 2), Ok(Suspension::Changed));
    assert!(with(Status::Suspended).is_empty() && twin(NOW + 2).is_ok());
    // Withdrawn for good out of a suspension: revoked, and there is no way back.
    world.issuer.suspend(&person, LICENCE, NOW + 3).unwrap();
    assert_eq!(world.issuer.revoke(&person, LICENCE, LOST, NOW + 4), Ok(Withdrawal::Revoked));
    assert!(with(Status::Suspended).is_empty() && with(Status::Revoked).len() >= 10);
    for refused in [world.issuer.suspend(&person, LICENCE, NOW + 5), world.issuer.reinstate(&person, LICENCE, NOW + 5)]
    {
        assert_eq!(refused, Err(IssuerError::CredentialRevoked));
    }
    assert_eq!(twin(NOW + 5), Err(IssuerError::EnrolmentOver));
    let entries = world.issuer.check_audit().unwrap().entries;
    assert_eq!(entries, 6, "offered, issued, suspended, reinstated, suspended, revoked");
    for attempt in ["UPDATE credential SET suspended_at = NULL", "UPDATE credential SET suspended_at = 7"] {
        let error = sql(world.dir.path(), attempt).unwrap_err();
        assert!(error.contains("irreversible"), "{attempt}: {error}");
    }
}

#[test]
fn issu_19_a_suspension_that_the_log_does_not_tell_of_is_noticed() {
    let world = world();
    world.issue(HOLDER, LICENCE);
    world.issuer.check_audit().unwrap();
    sql(world.dir.path(), "UPDATE credential SET suspended_at = 7").unwrap();
    assert_eq!(world.issuer.check_audit(), Err(IssuerError::AuditLogTampered));
}

#[test]
fn issu_19_an_epoch_leaves_the_suspended_out_and_takes_them_back() {
    let world = world();
    let person = PersonId::new(HOLDER);
    let key = world.issuer.key_id(ZK).unwrap();
    let (_, credential) = world.issue(HOLDER, ZK);
    let has_token = |epoch| world.issuer.status_tokens(&key, epoch, 0).unwrap().find(credential.handle).is_some();
    world.issuer.advance_epoch(ZK, NOW).unwrap();
    // Within one epoch: the token that was handed out already is there still, once.
    world.issuer.suspend(&person, ZK, NOW).unwrap();
    world.issuer.reinstate(&person, ZK, NOW).unwrap();
    assert!(has_token(1));
    world.issuer.suspend(&person, ZK, NOW).unwrap();
    world.issuer.advance_epoch(ZK, NOW + 3600).unwrap();
    assert!(!has_token(2));
    world.issuer.reinstate(&person, ZK, NOW + 3601).unwrap();
    assert!(has_token(2), "and need not wait for the next epoch");
    world.issuer.advance_epoch(ZK, NOW + 7200).unwrap();
    assert!(has_token(3));
    world.issuer.check_audit().unwrap();
}

#[test]
fn issu_19_nothing_takes_the_place_of_what_is_suspended() {
    let world = world();
    let person = PersonId::new(HOLDER);
    world.issue(HOLDER, ZK);
    world.issue(HOLDER, LICENCE);
    // Offers made before, that would have replaced it.
    let made = world.offer(HOLDER, &[ZK], false, true);
    for id in [ZK, LICENCE] {
        world.issuer.suspend(&person, id, NOW).unwrap();
        let offer = world.issuer.offer(&person, &terms(&[id], false, true), NOW, &mut fresh());
        assert_eq!(offer.err(), Some(IssuerError::CredentialSuspended));
    }
    let wallet = Wallet::new(&world.issuer, ZK);
    let request = || wallet.request(&world.issuer, &made, NOW);
    assert_eq!(world.refusal(&request(), NOW), Some(IssuanceRefusal::CredentialRequestDenied));
    let enrolled = world.issuer.enrol(&person, LICENCE, true, NOW, &mut fresh());
    assert_eq!(enrolled, Err(IssuerError::CredentialSuspended));
    // Once reinstated, the same offer is good.
    world.issuer.reinstate(&person, ZK, NOW).unwrap();
    assert_eq!(world.refusal(&request(), NOW), None);
    world.issuer.check_audit().unwrap();
}

#[test]
fn issu_19_one_call_suspends_everything_of_a_person() {
    let world = world();
    let (person, other) = (PersonId::new(HOLDER), PersonId::new("person-0002"));
    assert_eq!(world.issuer.suspend_all(&person, NOW), Ok(vec![]), "nothing is held");
    world.issue(HOLDER, LICENCE);
    world.issue(HOLDER, ZK);
    world.issue("person-0002", LICENCE);
    let mut types = world.issuer.suspend_all(&person, NOW).unwrap();
    types.sort();
    assert_eq!(types, [LICENCE, ZK]);
    assert_eq!(world.issuer.suspend_all(&person, NOW + 1), Ok(vec![]), "once");
    assert!(world.issuer.issued(&person).unwrap().iter().all(|it| it.suspended_at == Some(NOW)));
    assert!(world.issuer.issued(&other).unwrap().iter().all(|it| it.suspended_at.is_none()), "of nobody else");
    world.issuer.revoke(&person, LICENCE, LOST, NOW + 2).unwrap();
    assert_eq!(world.issuer.reinstate_all(&person, NOW + 3), Ok(vec![ZK.to_owned()]), "what is withdrawn stays so");
    world.issuer.check_audit().unwrap();
}

#[test]
fn issu_21_an_event_of_the_register_withdraws_what_is_no_longer_true() {
    let world = world();
    let person = PersonId::new(HOLDER);
    world.issue(HOLDER, LICENCE);
    world.issue(HOLDER, ZK);
    let event = |names: &[&str]| {
        let names = names.iter().map(|it| (*it).to_owned()).collect();
        world.issuer.register_event(&person, &RegisterEvent::Changed(names), NOW).unwrap()
    };
    assert_eq!(event(&["shoe_size"]), Vec::<String>::new(), "no credential has it");
    assert_eq!(event(&["residence"]), [ZK], "the licence does not have it");
    assert_eq!(event(&["residence"]), Vec::<String>::new(), "once");
    let revoked = |id: &str| {
        let issued = world.issuer.issued(&person).unwrap();
        issued.iter().find(|it| it.credential_type == id).unwrap().revoked_at
    };
    assert_eq!((revoked(ZK), revoked(LICENCE)), (Some(NOW), None));
    world.issue(HOLDER, ZK);
    let mut all = world.issuer.register_event(&person, &RegisterEvent::Deceased, NOW + 1).unwrap();
    all.sort();
    assert_eq!(all, [LICENCE, ZK]);
    let before = world.issuer.current_epoch(&world.issuer.key_id(ZK).unwrap()).map(|it| it.epoch);
    world.issuer.advance_epochs(&all, NOW + 2).unwrap();
    let after = world.issuer.current_epoch(&world.issuer.key_id(ZK).unwrap()).map(|it| it.epoch);
    assert_eq!(after.unwrap(), before.unwrap_or_default() + 1, "epochs of those that have them");
    world.issuer.check_audit().unwrap();
}
