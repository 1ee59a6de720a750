//! One enrolment in all formats: each is checked with what a trust bundle says, and withdrawn with the others.

use std::collections::BTreeSet;

use issuer::register::{FileRegister, PersonId};
use issuer::{Description, Enrolment, Issuer, IssuerError, RevocationReason, StatusForm, TwinError, TwinFormat};
use protocol::credential::mdoc::{self, DeviceCheck, Document, Handover, IssuerSigned, Proof, SessionTranscript};
use protocol::credential::sd_jwt::{self, Trust};
use protocol::credential::status::bitstring::{Bitstring, StatusPurpose};
use protocol::credential::status::token::{Freshness, Reference, StatusToken};
use protocol::credential::twins::Twins;
use protocol::credential::w3c::{self, Contexts, Expected, derive_credential};
use protocol::credential::{CredentialType, Day, Status, StatusList};
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner};
use protocol::identifier::Purpose;
use protocol::ledger::testkit::TestLedger;
use protocol::ledger::{Accreditation, Record, StateKey, StatusListAnchor, TrustedState};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::world::*;

/// The state that a verifier has: the issuer's DID, its accreditation, its lists as they are at `at`.
fn trust(world: &World, at: u64) -> TrustedState {
    trust_in(&world.issuer, LICENCE, at)
}

fn trust_in(issuer: &Issuer, credential_type: &str, at: u64) -> TrustedState {
    let did = issuer.did().clone();
    let mut ledger = TestLedger::new("kr", [7; 32], [1; 32], (NOW - 1000) * 1000).unwrap();
    let accreditation = Accreditation {
        issuer: did.clone(),
        credential_type: credential_type.to_owned(),
        from: NOW - 100,
        until: NOW + 10 * YEAR,
        withdrawn: false,
    };
    let list = issuer.status_list(credential_type, 0).unwrap();
    let anchor = StatusListAnchor {
        issuer: did.clone(),
        credential_type: credential_type.to_owned(),
        list: 0,
        digest: list.digest(),
        entries: StatusList::ENTRIES,
        as_of: at,
    };
    let records =
        [Record::Did(issuer.did_record(NOW - 10)), Record::Accreditation(accreditation), Record::StatusList(anchor)];
    ledger.write(&records, at * 1000);
    ledger.publish(StateKey::status_list(&did, credential_type, 0), list);
    ledger.trusted_state().unwrap()
}

const YEAR: u64 = 365 * 86_400;

/// What a verifier learns of a twin: where its status stands, by the words of a credential whose signatures hold.
fn verify(world: &World, bytes: &[u8], format: TwinFormat, state: &TrustedState, now: u64) -> Result<Status, String> {
    let twins = world.issuer.twins(LICENCE).unwrap();
    let (issuer, status) = match format {
        TwinFormat::SdJwt => {
            let text = core::str::from_utf8(bytes).unwrap();
            let roots = state.certificate_roots();
            let held =
                sd_jwt::verify_issued(text, LICENCE, &Trust { roots: &roots, now }).map_err(|e| e.to_string())?;
            assert_eq!(held.claims()["name_ko"], "홍길동");
            assert_eq!(held.claims()["age_equal_or_over"]["19"], true);
            assert_eq!(held.claims()["classes"].as_array().unwrap().len(), 2);
            let issuer = state.certificate_issuer(held.root(), LICENCE, now).map_err(|e| e.to_string())?;
            (issuer.clone(), Reference::from_claims(held.claims()).unwrap())
        }
        TwinFormat::Mdoc => {
            let document = shown(bytes);
            let roots = state.certificate_roots();
            let device = DeviceCheck { transcript: &transcript(), reader: None };
            let held = document.verify(mdoc::MDL, &device, &roots, now).map_err(|e| e.to_string())?;
            let text = |space: &str, name: &str| held.element(space, name).unwrap().as_text().unwrap().to_owned();
            assert_eq!(text(mdoc::MDL_NAMESPACE, "family_name"), "HONG");
            assert_eq!(text(mdoc::KOREAN_NAMESPACE, "name_ko"), "홍길동");
            assert!(held.element(mdoc::MDL_NAMESPACE, "portrait").unwrap().as_bytes().unwrap().len() > 500);
            let issuer = state.certificate_issuer(held.root().unwrap(), LICENCE, now).map_err(|e| e.to_string())?;
            (issuer.clone(), held.status.clone().unwrap())
        }
        TwinFormat::W3cEddsa | TwinFormat::W3cBbs => {
            let mut document: Value = serde_json::from_slice(bytes).unwrap();
            let contexts = contexts(twins);
            if format == TwinFormat::W3cBbs {
                let pointers = ["/credentialSubject/nameKo".to_owned()];
                document = derive_credential(&document, &pointers, b"nonce", &contexts, &mut fresh()).unwrap();
                assert!(document["credentialSubject"].get("addressKo").is_none());
            }
            let expected =
                Expected { contexts: &contexts, purpose: Purpose::AssertionMethod, now, domain: None, challenge: None };
            let held =
                w3c::verify_credential(&document, &state.controllers(now), &expected).map_err(|e| e.to_string())?;
            assert_eq!(held.subjects()[0]["nameKo"], "홍길동");
            let issuer = held.issuer().parse().unwrap();
            state.accreditation(&issuer, LICENCE, now).ok_or("IssuerNotAuthorizedForType")?;
            let entry = &held.members()["credentialStatus"][0];
            let address = entry["statusListCredential"].as_str().unwrap().strip_suffix("/revocation").unwrap();
            let index = entry["statusListIndex"].as_str().unwrap().parse().unwrap();
            (issuer, Reference { uri: address.to_owned(), index })
        }
    };
    assert_eq!(&issuer, world.issuer.did());
    Ok(state.listed_status(&issuer, LICENCE, &status.uri, status.index).map_err(|e| e.to_string())?.status)
}

fn contexts(twins: &Twins) -> Contexts {
    let w3c = twins.w3c.as_ref().unwrap();
    let document = w3c.context_document();
    let digest = hex::encode(Sha256::digest(&document));
    Contexts::standard().with(&w3c.context, &document, &digest).unwrap()
}

fn holder() -> StandardKey {
    StandardKey::p256(&[9; 32]).unwrap()
}

fn transcript() -> SessionTranscript {
    SessionTranscript::new(&Handover::OpenId4Vp {
        client_id: "verifier.example",
        nonce: "n",
        thumbprint: None,
        response_uri: "https://verifier.example/answer",
    })
}

/// Some elements of a document, presented by its holder.
fn shown(bytes: &[u8]) -> Document {
    let issued = IssuerSigned::from_slice(bytes).unwrap();
    let elements =
        [(mdoc::MDL_NAMESPACE, "family_name"), (mdoc::MDL_NAMESPACE, "portrait"), (mdoc::KOREAN_NAMESPACE, "name_ko")];
    let proof = Proof::Signature(&holder());
    Document::present(&issued, mdoc::MDL, &elements, &transcript(), &proof).unwrap()
}

fn twin(world: &World, enrolment: &Enrolment, format: TwinFormat, now: u64) -> Result<Vec<u8>, IssuerError> {
    world.issuer.twin(enrolment, format, &holder().multikey(), now, &mut fresh())
}

#[test]
fn twin_04_one_enrolment_in_all_formats_and_withdrawn_from_all() {
    let world = world();
    let person = PersonId::new(HOLDER);
    let enrolment = world.issuer.enrol(&person, LICENCE, false, NOW, &mut fresh()).unwrap();
    assert_eq!(world.issuer.enrolment(&person, LICENCE), Ok(Some(enrolment.clone())));
    let twins = TwinFormat::ALL.map(|format| (format, twin(&world, &enrolment, format, NOW).unwrap()));
    let before = trust(&world, NOW + 5);
    for (format, bytes) in &twins {
        assert_eq!(verify(&world, bytes, *format, &before, NOW + 5), Ok(Status::Valid), "{format:?}");
        let other = TestLedger::new("kr", [8; 32], [1; 32], NOW * 1000).unwrap().trusted_state().unwrap();
        assert!(verify(&world, bytes, *format, &other, NOW + 5).is_err(), "A07, {format:?}: an issuer nobody knows");
        let late = NOW + 91 * 86_400;
        assert!(verify(&world, bytes, *format, &before, late).is_err(), "{format:?}: after 90 days");
    }
    world.issuer.revoke(&person, LICENCE, RevocationReason::PhoneLost, NOW + 6).unwrap();
    let after = trust(&world, NOW + 7);
    for (format, bytes) in &twins {
        assert_eq!(verify(&world, bytes, *format, &after, NOW + 8), Ok(Status::Revoked), "I10: {format:?}");
        // TWIN-05
        assert_eq!(twin(&world, &enrolment, *format, NOW + 9), Err(IssuerError::EnrolmentOver));
    }
    world.issuer.check_audit().unwrap();
}

#[test]
fn a_zk_credential_is_an_enrolment_too() {
    let world = world();
    let (_, credential) = world.issue(HOLDER, LICENCE);
    let enrolment = world.issuer.enrolment(&PersonId::new(HOLDER), LICENCE).unwrap().unwrap();
    assert_eq!(enrolment.handle, credential.handle);
    let sd_jwt = twin(&world, &enrolment, TwinFormat::SdJwt, NOW).unwrap();
    assert_eq!(verify(&world, &sd_jwt, TwinFormat::SdJwt, &trust(&world, NOW + 1), NOW + 1), Ok(Status::Valid));
    // A new phone: the old credentials go, in all formats.
    let refused = world.issuer.enrol(&PersonId::new(HOLDER), LICENCE, false, NOW + 2, &mut fresh());
    assert_eq!(refused, Err(IssuerError::AlreadyActive));
    let new = world.issuer.enrol(&PersonId::new(HOLDER), LICENCE, true, NOW + 2, &mut fresh()).unwrap();
    let state = trust(&world, NOW + 3);
    assert_eq!(verify(&world, &sd_jwt, TwinFormat::SdJwt, &state, NOW + 3), Ok(Status::Revoked));
    let again = twin(&world, &new, TwinFormat::SdJwt, NOW + 3).unwrap();
    assert_eq!(verify(&world, &again, TwinFormat::SdJwt, &state, NOW + 3), Ok(Status::Valid));
}

#[test]
fn twin_04_no_two_twins_share_an_entry_and_some_entries_stand_for_nothing() {
    let world = world();
    let person = PersonId::new(HOLDER);
    let enrolment = world.issuer.enrol(&person, LICENCE, false, NOW, &mut fresh()).unwrap();
    let mut entries = BTreeSet::new();
    for _ in 0..64 {
        let text = String::from_utf8(twin(&world, &enrolment, TwinFormat::SdJwt, NOW).unwrap()).unwrap();
        let state = trust(&world, NOW);
        let roots = state.certificate_roots();
        let held = sd_jwt::verify_issued(&text, LICENCE, &Trust { roots: &roots, now: NOW }).unwrap();
        entries.insert(Reference::from_claims(held.claims()).unwrap().index);
    }
    assert_eq!(entries.len(), 64);
    assert_eq!(twin(&world, &enrolment, TwinFormat::SdJwt, NOW), Err(IssuerError::TooManyTwins));
    assert!(twin(&world, &enrolment, TwinFormat::SdJwt, NOW + 91 * 86_400).is_ok(), "when those have expired");
    world.issuer.revoke(&person, LICENCE, RevocationReason::PhoneLost, NOW + 1).unwrap();
    let list = world.issuer.status_list(LICENCE, 0).unwrap();
    let revoked = (0..StatusList::ENTRIES).filter(|index| list.status(*index) == Ok(Status::Revoked)).count();
    assert!(revoked > 66 + 20 && revoked < 66 + 130, "{revoked}");
    assert!(entries.iter().all(|index| list.status(*index as u32) == Ok(Status::Revoked)));
}

#[test]
fn twins_say_what_the_register_says_or_nothing() {
    let world = world();
    let person = PersonId::new(HOLDER);
    let enrolment = world.issuer.enrol(&person, LICENCE, false, NOW, &mut fresh()).unwrap();
    world.register.record_attribute(&person, "address", "부산광역시 중구 중앙대로 1").unwrap();
    assert_eq!(twin(&world, &enrolment, TwinFormat::Mdoc, NOW), Err(IssuerError::EntryChanged));
    let unknown = Enrolment { handle: enrolment.handle ^ 1, ..enrolment.clone() };
    assert_eq!(twin(&world, &unknown, TwinFormat::Mdoc, NOW), Err(IssuerError::CredentialUnknown));
    let other = Enrolment { credential_type: ZK.to_owned(), ..enrolment };
    assert_eq!(twin(&world, &other, TwinFormat::Mdoc, NOW), Err(IssuerError::TwinUnavailable));
    let dead = world.issuer.enrol(&PersonId::new(DECEASED), LICENCE, false, NOW, &mut fresh());
    assert_eq!(dead, Err(IssuerError::PersonDeceased));
    assert!(world.issuer.enrol(&person, ZK, false, NOW, &mut fresh()) == Err(IssuerError::TwinUnavailable));
    // A key that the format cannot carry.
    let enrolment = world.issuer.enrol(&person, LICENCE, true, NOW, &mut fresh()).unwrap();
    let bls = Multikey::Bls12381G2([0; 96]);
    let refused = world.issuer.twin(&enrolment, TwinFormat::Mdoc, &bls, NOW, &mut fresh());
    assert!(matches!(refused, Err(IssuerError::Twin(TwinError::Mdoc(_)))), "{refused:?}");
    // A claim whose name would change what all others mean.
    let path = world.dir.path().join("issuer.json");
    let changed = std::fs::read_to_string(&path).unwrap().replace("\"nameKo\"", "\"@base\"");
    std::fs::write(&path, changed).unwrap();
    let issuer = Issuer::open(world.dir.path(), world.register.clone()).unwrap();
    let refused = issuer.twin(&enrolment, TwinFormat::W3cEddsa, &holder().multikey(), NOW, &mut fresh());
    assert_eq!(refused, Err(IssuerError::Twin(TwinError::W3c(w3c::W3cError::ContextNotAllowed))), "B22");
}

#[test]
fn lists_in_other_forms_say_the_same() {
    let world = world();
    let person = PersonId::new(HOLDER);
    let enrolment = world.issuer.enrol(&person, LICENCE, false, NOW, &mut fresh()).unwrap();
    let text = String::from_utf8(twin(&world, &enrolment, TwinFormat::SdJwt, NOW).unwrap()).unwrap();
    let state = trust(&world, NOW);
    let roots = state.certificate_roots();
    let held = sd_jwt::verify_issued(&text, LICENCE, &Trust { roots: &roots, now: NOW }).unwrap();
    let reference = Reference::from_claims(held.claims()).unwrap();
    world.issuer.revoke(&person, LICENCE, RevocationReason::PhoneLost, NOW + 6).unwrap();
    let signed = |form| world.issuer.signed_status_list(LICENCE, 0, form, NOW + 7, &mut fresh()).unwrap();
    let freshness = Freshness { now: NOW + 8, max_age: 86_400, newest: None };
    let jwt = String::from_utf8(signed(StatusForm::Jwt)).unwrap();
    let token = StatusToken::verify_jwt_chain(&jwt, &roots, NOW + 8).unwrap();
    assert_eq!(token.status(&reference, &freshness), Ok(Status::Revoked));
    let token = StatusToken::verify_cwt_chain(&signed(StatusForm::Cwt), &roots, NOW + 8).unwrap();
    assert_eq!(token.status(&reference, &freshness), Ok(Status::Revoked));
    for (purpose, set) in [(StatusPurpose::Revocation, 1), (StatusPurpose::Suspension, 0)] {
        let list: Value = serde_json::from_slice(&signed(StatusForm::Bitstring(purpose))).unwrap();
        let contexts = Contexts::standard();
        let expected = Expected {
            contexts: &contexts,
            purpose: Purpose::AssertionMethod,
            now: NOW + 8,
            domain: None,
            challenge: None,
        };
        let held = w3c::verify_credential(&list, &state.controllers(NOW + 8), &expected).unwrap();
        let bits = Bitstring::decode(held.subjects()[0]["encodedList"].as_str().unwrap()).unwrap();
        assert_eq!(bits.value(reference.index, 1), Ok(set), "{purpose:?}");
        assert_eq!(list["id"], format!("{}/{}", reference.uri, purpose.as_str()));
    }
    let missing = world.issuer.signed_status_list(LICENCE, 1, StatusForm::Jwt, NOW, &mut fresh());
    assert_eq!(missing, Err(IssuerError::TwinUnavailable));
}

#[test]
fn certificates_survive_and_are_renewed_in_time() {
    let world = world();
    let root = world.issuer.root_certificate(NOW, &mut fresh()).unwrap();
    let again = Issuer::open(world.dir.path(), world.register.clone()).unwrap();
    assert_eq!(again.root_certificate(NOW + 86_400, &mut fresh()), Ok(root.clone()));
    let renewed = again.root_certificate(NOW + 300 * 86_400, &mut fresh()).unwrap();
    assert_ne!(renewed, root);
    // Of the same key, which is all that the ledger records.
    let key = |der: &[u8]| protocol::crypto::x509::Certificate::from_der(der).unwrap().key();
    assert_eq!(key(&renewed), key(&root));
}

/// What `docs/howtos/add-a-credential-type.md` says: two files, read by an issuer that was built before they were written.
#[test]
fn a_new_type_is_data() {
    let file = |name: &str| std::fs::read(format!("{}/../specs/types/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let card = CredentialType::parse(&file("resident-card.json")).unwrap();
    let twins = Twins::parse(&file("resident-card.twins.json"), &card).unwrap();
    let (id, name) = (card.id.clone(), twins.w3c.as_ref().unwrap().kind.clone());
    // The keys and the set of days are there already; those of the new type are made.
    let dir = tempfile::tempdir().unwrap();
    copy_template(dir.path());
    std::fs::remove_file(dir.path().join("issuer.json")).unwrap();
    let contexts = contexts(&twins);
    let description = Description { credential_types: vec![card], twins: vec![twins], ..description() };
    let register = std::sync::Arc::new(FileRegister::sample().unwrap());
    let issuer = Issuer::create(dir.path(), &description, register, &mut fresh(), &|_| {}).unwrap();
    let enrolment = issuer.enrol(&PersonId::new(HOLDER), &id, false, NOW, &mut fresh()).unwrap();
    let made = |format| issuer.twin(&enrolment, format, &holder().multikey(), NOW, &mut fresh()).unwrap();
    let state = trust_in(&issuer, &id, NOW);
    let roots = state.certificate_roots();
    let text = String::from_utf8(made(TwinFormat::SdJwt)).unwrap();
    let held = sd_jwt::verify_issued(&text, &id, &Trust { roots: &roots, now: NOW }).unwrap();
    assert_eq!((&held.claims()["name_ko"], &held.claims()["gender"]), (&"홍길동".into(), &"M".into()));
    assert_eq!(state.certificate_issuer(held.root(), &id, NOW), Ok(issuer.did()));
    let other = state.certificate_issuer(held.root(), LICENCE, NOW);
    assert!(other.is_err(), "A25: accredited for the card and not for the licence");
    let (_, leaf) =
        IssuerSigned::from_slice(&made(TwinFormat::Mdoc)).unwrap().verify(mdoc::RESIDENT_CARD, &roots, NOW).unwrap();
    assert_eq!(&leaf.root, held.root());
    let document: Value = serde_json::from_slice(&made(TwinFormat::W3cEddsa)).unwrap();
    let expected =
        Expected { contexts: &contexts, purpose: Purpose::AssertionMethod, now: NOW, domain: None, challenge: None };
    let held = w3c::verify_credential(&document, &state.controllers(NOW), &expected).unwrap();
    assert_eq!((&held.members()["type"][1], &held.subjects()[0]["over19"]), (&name.into(), &true.into()));
    let definition =
        issuer.openid_metadata(NOW, &mut fresh()).unwrap().credential_configurations_supported.into_values();
    let mut definitions = definition.filter_map(|it| it.credential_definition);
    let definition = definitions.next().unwrap();
    assert_eq!(
        (&definition.context.into(), &definition.kinds.into()),
        (&held.members()["@context"], &held.members()["type"])
    );
}

#[test]
fn twin_06_times_are_those_of_days_and_a_slow_clock_takes_what_was_just_given() {
    let world = world();
    let enrolment = world.issuer.enrol(&PersonId::new(HOLDER), LICENCE, false, NOW, &mut fresh()).unwrap();
    let times = |at: u64, slow: u64| {
        let text = String::from_utf8(twin(&world, &enrolment, TwinFormat::SdJwt, at).unwrap()).unwrap();
        let state = trust(&world, at);
        let roots = state.certificate_roots();
        let held = sd_jwt::verify_issued(&text, LICENCE, &Trust { roots: &roots, now: at - slow }).unwrap();
        let claim = |name: &str| held.claims()[name].as_u64().unwrap();
        (claim("iat"), claim("exp"))
    };
    let last = |day: Day| day.plus(91).begins_in_korea() - 1;
    let first = Day::in_korea(NOW);
    assert_eq!(times(NOW, 0), (NOW, last(first)), "not before the certificates");
    assert_eq!(times(NOW + 9, 9), times(NOW, 0), "copies do not show when they were made");
    let second = first.plus(1);
    let begun = (second.begins_in_korea(), last(second));
    assert_eq!(times(begun.0 + 299, 300), (NOW, last(second)), "of the day before");
    assert_eq!(times(begun.0 + 300, 300), begun);
    assert_eq!(times(second.plus(1).begins_in_korea() - 1, 300), begun);
}
