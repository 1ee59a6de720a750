//! Whole bundles, deltas, and everything a mirror could do to them.

use super::*;
use crate::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use crate::identifier::Did;
use crate::ledger::key::StateKey;
use crate::ledger::record::{Accreditation, IssuerKey, StatusEpoch, StatusListAnchor, TypeDefinition};
use crate::ledger::testkit::TestLedger;
use crate::ledger::tree;

const TYPE: &str = "kr.licence.1";

fn issuer() -> Did {
    Did::derive("kr", b"issuer").unwrap()
}

fn accreditation(until: u64) -> Record {
    let credential_type = TYPE.to_owned();
    Record::Accreditation(Accreditation { issuer: issuer(), credential_type, from: 10, until, withdrawn: false })
}

fn issuer_key() -> IssuerKey {
    let point = |seed| blst::min_sig::SecretKey::key_gen(&[seed; 32], &[]).unwrap().sk_to_pk().compress();
    IssuerKey {
        issuer: issuer(),
        credential_type: TYPE.into(),
        bbs: point(1),
        day_set: point(2),
        status: point(3),
        from: 10,
        until: 20,
        compromised_from: None,
        sets: Vec::new(),
    }
}

fn status_list(revoked: u32) -> (Record, StatusList) {
    let mut list = StatusList::new();
    list.revoke(revoked).unwrap();
    let record = StatusListAnchor {
        issuer: issuer(),
        credential_type: TYPE.into(),
        list: 1,
        digest: list.digest(),
        entries: StatusList::ENTRIES,
        as_of: 12,
    };
    (Record::StatusList(record), list)
}

fn ledger() -> TestLedger {
    let PublicKey::Ed25519(governor) = Ed25519SigningKey::from_seed(&[1; 32]).public_key() else { unreachable!() };
    let mut ledger = TestLedger::new("kr", [5; 32], governor, 1_000).unwrap();
    let file = include_bytes!("../../../../specs/types/driver-licence.json");
    let parsed = crate::credential::CredentialType::parse(file).unwrap();
    let epoch = StatusEpoch { issuer_key: issuer_key().key_id(), epoch: 4, at: 11 };
    let (record, list) = status_list(7);
    ledger.publish(record.state_key(), list);
    let definition = TypeDefinition { id: parsed.id.clone(), definition: parsed.definition() };
    ledger.write(
        &[
            accreditation(20),
            Record::IssuerKey(Box::new(issuer_key())),
            Record::CredentialType(definition),
            Record::StatusEpoch(epoch),
            record,
        ],
        5_000,
    );
    ledger
}

fn refused(bundle: &TrustBundle, ledger: &TestLedger) -> BundleError {
    bundle.verify(&ledger.anchor(), 0).unwrap_err()
}

#[test]
fn a_whole_bundle_answers_every_question() {
    let ledger = ledger();
    let bytes = ledger.bundle(Scope::Snapshot).encode();
    let state = TrustedState::clone(&TrustBundle::decode(&bytes).unwrap().verify(&ledger.anchor(), 2).unwrap());
    assert_eq!((state.height(), state.time_ms(), state.network()), (2, 5_000, "kr"));
    assert!(state.accreditation(&issuer(), TYPE, 10).is_some());
    assert!(state.accreditation(&issuer(), TYPE, 20).is_none());
    assert!(state.accreditation(&issuer(), "kr.other.1", 10).is_none());
    assert_eq!(state.issuer_key(&issuer_key().key_id()), Some(&issuer_key()));
    assert!(state.issuer_key(&[0; 8]).is_none());
    assert_eq!(state.issuer_keys(&issuer(), TYPE).count(), 1);
    assert_eq!(state.credential_types().count(), 1);
    assert_eq!(state.status_epoch(&issuer_key().key_id()).unwrap().epoch, 4);
    assert!(state.status_list(&issuer(), TYPE, 1).unwrap() == &status_list(7).1);
    assert!(state.status_list(&issuer(), TYPE, 2).is_none());
    assert!(state.did(&issuer()).is_none() && state.verifier(&issuer()).is_none());
    assert_eq!(state.governance().unwrap().threshold, 1);
    // What is kept gives the same state again.
    let kept = state.to_bundle();
    assert_eq!(kept, TrustBundle::decode(&bytes).unwrap());
}

#[test]
fn bndl_01_other_spellings_are_refused() {
    let bytes = ledger().bundle(Scope::Snapshot).encode();
    assert_eq!(TrustBundle::decode(&[bytes.as_slice(), &[0]].concat()), Err(BundleError::BundleMalformed));
    assert_eq!(TrustBundle::decode(&bytes[..bytes.len() - 1]), Err(BundleError::BundleMalformed));
    assert_eq!(TrustBundle::decode(&vec![0; BUNDLE_MAX + 1]), Err(BundleError::TooLarge));
    let mut no_record = ledger().bundle(Scope::Snapshot);
    no_record.values[0] = ByteVec::from(vec![0x80]);
    assert_eq!(refused(&no_record, &ledger()), BundleError::BundleMalformed);
}

#[test]
fn bndl_02_only_the_anchored_network_is_believed() {
    let ledger = ledger();
    let bundle = ledger.bundle(Scope::Snapshot);
    let anchor = ledger.anchor();
    assert!(bundle.verify(&anchor, 0).is_ok());
    let other_id = TrustAnchor { network_id: [1; 32], ..anchor.clone() };
    assert_eq!(bundle.verify(&other_id, 0).err(), Some(BundleError::WrongNetwork));
    let other_name = TrustAnchor { network: "kr2".into(), ..anchor.clone() };
    assert_eq!(bundle.verify(&other_name, 0).err(), Some(BundleError::WrongNetwork));
    let stranger = TestLedger::new("kr", [9; 32], [0; 32], 0).unwrap().anchor();
    let other_key = TrustAnchor { group_key: stranger.group_key, ..anchor };
    assert_eq!(bundle.verify(&other_key, 0).err(), Some(BundleError::CertificateInvalid));
    let mut signature = bundle.clone();
    *signature.certificate.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&signature, &ledger), BundleError::CertificateInvalid);
    let mut time = bundle;
    time.header[48] ^= 1;
    assert_eq!(refused(&time, &ledger), BundleError::CertificateInvalid);
}

#[test]
fn bndl_03_an_older_bundle_is_refused() {
    let mut ledger = ledger();
    let old = ledger.bundle(Scope::Snapshot);
    ledger.write(&[accreditation(30)], 6_000);
    let new = ledger.trusted_state().unwrap();
    assert!(old.verify(&ledger.anchor(), 2).is_ok());
    assert_eq!(old.verify(&ledger.anchor(), 3).err(), Some(BundleError::BundleRollback));
    assert_eq!(old.verify_onto(&new, &ledger.anchor()).err(), Some(BundleError::BundleRollback));
}

#[test]
fn bndl_04_order_is_part_of_the_form() {
    let ledger = ledger();
    let mut swapped = ledger.bundle(Scope::Snapshot);
    swapped.values.swap(0, 1);
    assert_eq!(refused(&swapped, &ledger), BundleError::BundleUnordered);
    let mut twice = ledger.bundle(Scope::Snapshot);
    twice.values.insert(1, twice.values[0].clone());
    assert_eq!(refused(&twice, &ledger), BundleError::BundleUnordered);
    let mut twice = ledger.bundle(Scope::Snapshot);
    twice.attachments.push(twice.attachments[0].clone());
    assert_eq!(refused(&twice, &ledger), BundleError::BundleUnordered);
}

#[test]
fn bndl_05_a_record_changed_left_out_or_added_is_noticed() {
    let ledger = ledger();
    let bundle = ledger.bundle(Scope::Snapshot);
    for left_out in 0..bundle.values.len() {
        let mut changed = bundle.clone();
        changed.values.remove(left_out);
        assert_eq!(refused(&changed, &ledger), BundleError::StateMismatch);
    }
    let position = |bundle: &TrustBundle, key: StateKey| {
        bundle.values.binary_search_by_key(&key, |v| Envelope::decode(v).unwrap().record.state_key())
    };
    let at = position(&bundle, accreditation(20).state_key()).unwrap();
    let mut longer = bundle.clone();
    longer.values[at] = Envelope { version: 1, height: 2, record: accreditation(99) }.encode().into();
    assert_eq!(refused(&longer, &ledger), BundleError::StateMismatch);
    let epoch = Record::StatusEpoch(StatusEpoch { issuer_key: [1; 8], epoch: 1, at: 1 });
    let mut added = bundle.clone();
    let at = position(&bundle, epoch.state_key()).unwrap_err();
    added.values.insert(at, Envelope { version: 1, height: 2, record: epoch }.encode().into());
    assert_eq!(refused(&added, &ledger), BundleError::StateMismatch);
}

#[test]
fn bndl_06_attachments_are_those_of_the_ledger() {
    let ledger = ledger();
    let bundle = ledger.bundle(Scope::Snapshot);
    let mut other_list = bundle.clone();
    other_list.attachments[0].packed = attachment::pack(&StatusList::new());
    assert_eq!(refused(&other_list, &ledger), BundleError::Attachment(AttachmentError::StatusListMismatch));
    let mut unknown = bundle.clone();
    unknown.attachments[0].anchor = accreditation(20).state_key();
    assert_eq!(refused(&unknown, &ledger), BundleError::AttachmentUnknown);
    // Left out: nothing on the list is known, which is not the same as valid.
    let mut without = bundle;
    without.attachments.clear();
    let state = without.verify(&ledger.anchor(), 0).unwrap();
    assert!(state.status_list(&issuer(), TYPE, 1).is_none());
    assert!(state.status_list_anchor(&issuer(), TYPE, 1).is_some());
}

#[test]
fn bndl_07_a_delta_brings_an_older_state_up_to_date() {
    let mut ledger = ledger();
    let base = ledger.trusted_state().unwrap();
    ledger.write(&[accreditation(30)], 6_000);
    let middle = ledger.trusted_state().unwrap();
    let (record, list) = status_list(8);
    ledger.publish(record.state_key(), list.clone());
    ledger.write(&[record], 7_000);

    let delta = ledger.bundle(Scope::Delta { since: 2 });
    assert_eq!((delta.values.len(), delta.attachments.len(), delta.changes.len()), (2, 0, 1));
    assert!(delta.changes[0].entries.len() <= 4);
    for older in [&base, &middle] {
        let state = delta.verify_onto(older, &ledger.anchor()).unwrap();
        assert_eq!(state.to_bundle(), ledger.bundle(Scope::Snapshot));
        assert!(state.status_list(&issuer(), TYPE, 1).unwrap() == &list);
    }
    assert_eq!(delta.verify(&ledger.anchor(), 0).err(), Some(BundleError::BaseMissing));
    let gap = ledger.bundle(Scope::Delta { since: 3 });
    assert_eq!(gap.verify_onto(&base, &ledger.anchor()).err(), Some(BundleError::BaseMissing));
    // A delta that claims to reach further back than it does.
    let pretends = TrustBundle { scope: Scope::Delta { since: 2 }, ..gap };
    assert_eq!(pretends.verify_onto(&base, &ledger.anchor()).err(), Some(BundleError::StateMismatch));
    // Without the new list, the old one no longer counts.
    let withheld = TrustBundle { changes: vec![], ..delta };
    let state = withheld.verify_onto(&base, &ledger.anchor()).unwrap();
    assert!(state.status_list(&issuer(), TYPE, 1).is_none());
    // A whole bundle replaces any older state.
    let whole = ledger.bundle(Scope::Snapshot);
    assert_eq!(whole.verify_onto(&base, &ledger.anchor()).unwrap().height(), 4);
}

#[test]
fn bndl_08_changes_are_laid_onto_the_list_they_were_made_from() {
    let mut ledger = ledger();
    let base = ledger.trusted_state().unwrap();
    let (record, list) = status_list(8);
    let key = record.state_key();
    ledger.publish(key, list);
    ledger.write(&[record, accreditation(30)], 7_000);
    let good = ledger.bundle(Scope::Delta { since: 2 });
    let check = |change: &dyn Fn(&mut TrustBundle), base: &TrustedState| {
        let mut other = good.clone();
        change(&mut other);
        TrustBundle::decode(&other.encode()).unwrap().verify_onto(base, &ledger.anchor()).err()
    };
    assert_eq!(check(&|_| {}, &base), None);
    let unknown = StateKey::accreditation(&issuer(), TYPE).short();
    assert_eq!(check(&|b| b.changes[0].anchor = unknown, &base), Some(BundleError::AttachmentUnknown));
    assert_eq!(check(&|b| b.changes[0].anchor = [0; 8], &base), Some(BundleError::AttachmentUnknown));
    assert_eq!(check(&|b| b.changes.push(b.changes[0].clone()), &base), Some(BundleError::BundleUnordered));
    let of = |error| Some(BundleError::Attachment(error));
    assert_eq!(check(&|b| b.changes[0].entries[0] ^= 4, &base), of(AttachmentError::StatusListMismatch));
    assert_eq!(
        check(&|b| b.changes[0].entries.splice(..1, [0x9c, 0x00]).for_each(drop), &base),
        of(AttachmentError::StatusListMalformed)
    );
    // A verifier that never got the list cannot lay changes onto it.
    let mut listless = base.clone();
    listless.lists.clear();
    assert_eq!(check(&|_| {}, &listless), Some(BundleError::BaseMissing));
    let mut whole = ledger.bundle(Scope::Snapshot);
    whole.changes = good.changes.clone();
    assert_eq!(whole.verify(&ledger.anchor(), 0).err(), Some(BundleError::BundleMalformed));
}

#[test]
fn bndl_09_two_states_of_one_height_are_a_fork() {
    let (mut one, mut other) = (ledger(), ledger());
    one.write(&[accreditation(30)], 6_000);
    other.write(&[accreditation(31)], 6_000);
    let seen = one.trusted_state().unwrap();
    for scope in [Scope::Snapshot, Scope::Delta { since: 2 }] {
        let forked = other.bundle(scope).verify_onto(&seen, &one.anchor());
        assert_eq!(forked.err(), Some(BundleError::ForkDetected));
        assert!(one.bundle(scope).verify_onto(&seen, &one.anchor()).is_ok(), "the same again");
    }
}

#[test]
fn every_changed_byte_of_a_value_is_noticed() {
    let ledger = ledger();
    let bundle = ledger.bundle(Scope::Snapshot);
    for at in 0..bundle.values.len() {
        for byte in (0..bundle.values[at].len()).step_by(7) {
            let mut changed = bundle.clone();
            changed.values[at][byte] ^= 1;
            assert!(changed.verify(&ledger.anchor(), 0).is_err(), "value {at} byte {byte}");
        }
    }
    assert_ne!(tree::EMPTY, bundle.verify(&ledger.anchor(), 0).unwrap().header().state_root);
}
