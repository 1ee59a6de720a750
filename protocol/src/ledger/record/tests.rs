//! Every bound with a valid twin, and the list of all fields.

use super::*;
use crate::credential::age::Statute;
use crate::crypto::keys::{Ed25519SigningKey, P256SigningKey, Signer};
use crate::exchange::Period;
use crate::ledger::governing::Validator;
use crate::ledger::transaction::Account;

fn label(text: &str) -> Label {
    Label { ko: text.to_owned(), en: text.to_owned() }
}

fn key(seed: u8) -> PublicKey {
    Ed25519SigningKey::from_seed(&[seed; 32]).public_key()
}

fn governor(seed: u8) -> GovernanceKey {
    match key(seed) {
        PublicKey::Ed25519(bytes) => GovernanceKey(bytes),
        _ => unreachable!(),
    }
}

fn did(seed: u8) -> Did {
    Did::derive("kr", &key(seed).to_multicodec()).unwrap()
}

fn g2(seed: u8) -> [u8; 96] {
    blst::min_sig::SecretKey::key_gen(&[seed; 32], &[]).unwrap().sk_to_pk().compress()
}

fn governance() -> Governance {
    Governance { network: "kr".into(), keys: vec![governor(1), governor(2), governor(3)], threshold: 2, delay: 86_400 }
}

fn did_record() -> DidRecord {
    let p256 = P256SigningKey::from_seed(&[9; 32]).unwrap().public_key();
    let control = DidKey { fragment: "key-1".into(), key: key(4), purposes: Purposes::CONTROL, from: 5, until: None };
    let sign = DidKey { fragment: "key-2".into(), key: p256, purposes: Purposes::ASSERTION, from: 5, until: Some(9) };
    DidRecord { did: did(4), keys: vec![control, sign], deactivated: false }
}

fn accreditation() -> Accreditation {
    Accreditation { issuer: did(4), credential_type: "kr.licence.1".into(), from: 1, until: 2, withdrawn: false }
}

fn verifier() -> VerifierRegistration {
    let permit = Permit {
        credential_type: "kr.licence.1".into(),
        claims: vec!["name".into(), "licence_class".into()],
        predicates: vec![Predicate::AgeAtLeast { years: 19, statute: Statute::Civil }],
        pseudonyms: vec![Scope::Period(Period::Month)],
        binding: Some(HolderBinding::DeviceKey),
    };
    let purpose = Purpose { id: "age-check".into(), text: label("Check the age"), permits: vec![permit] };
    VerifierRegistration { did: did(5), name: label("Bar"), purposes: vec![purpose], withdrawn: false }
}

fn type_definition() -> TypeDefinition {
    let file = include_bytes!("../../../../specs/types/driver-licence.json");
    let parsed = CredentialType::parse(file).unwrap();
    TypeDefinition { id: parsed.id.clone(), definition: parsed.definition() }
}

fn issuer_key() -> IssuerKey {
    IssuerKey {
        issuer: did(4),
        credential_type: "kr.licence.1".into(),
        bbs: g2(1),
        day_set: g2(2),
        status: g2(3),
        from: 10,
        until: 20,
        compromised_from: None,
        sets: sets(1),
    }
}

fn sets(seed: u8) -> Vec<u8> {
    SetParameters::generate(&[seed; 32], b"sets", 3).unwrap().to_bytes()
}

fn status_list() -> StatusListAnchor {
    StatusListAnchor {
        issuer: did(4),
        credential_type: "kr.licence.1".into(),
        list: 3,
        digest: StatusList::new().digest(),
        entries: StatusList::ENTRIES,
        as_of: 7,
    }
}

fn records() -> Vec<Record> {
    vec![
        Record::Governance(governance()),
        Record::Did(did_record()),
        Record::Accreditation(accreditation()),
        Record::Verifier(verifier()),
        Record::CredentialType(type_definition()),
        Record::IssuerKey(Box::new(issuer_key())),
        Record::StatusList(status_list()),
        Record::StatusEpoch(StatusEpoch { issuer_key: issuer_key().key_id(), epoch: 1, at: 2 }),
        Record::Nonce(NonceCount { account: Account::Did { did: did(4) }, next: 7 }),
        Record::Validators(validators()),
        Record::Scheduled(Scheduled::new(&Record::Accreditation(accreditation()), 0, 90)),
        Record::Succession(Box::new(Succession { network_id: [7; 32], group_key: g2(9), height: 1 })),
    ]
}

fn validators() -> ValidatorSet {
    let validator = |seed: u8| Validator { key: governor(seed).0, address: format!("192.0.2.{seed}:7801") };
    let mut validators: Vec<_> = (1..5).map(validator).collect();
    validators.sort_by_key(|validator| validator.key);
    ValidatorSet { validators }
}

#[test]
fn every_record_round_trips_as_kind_and_body_under_its_own_key() {
    let mut keys = std::collections::BTreeSet::new();
    for (kind, record) in records().into_iter().enumerate() {
        assert_eq!(record.validate(), Ok(()));
        let bytes = cbor::to_vec(&record);
        assert_eq!(bytes[..2], [0x82, kind as u8], "an array of kind and body");
        assert_eq!(cbor::from_slice(&bytes, VALUE_MAX), Ok(record.clone()));
        assert!(keys.insert(record.state_key()), "LREC-01");
        let envelope = Envelope { version: 3, height: 70, record };
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope.clone()));
        let trailing = [envelope.encode(), vec![0]].concat();
        assert_eq!(Envelope::decode(&trailing), Err(EncodingError::NonCanonicalEncoding));
    }
    assert_eq!(cbor::from_slice::<Record>(&[0x82, 0x0c, 0x80], 99), Err(EncodingError::Malformed), "unknown kind");
}

#[test]
fn an_absent_last_field_is_left_out_and_never_null() {
    let [control, sign] = &did_record().keys[..] else { unreachable!() };
    assert_eq!([cbor::to_vec(control)[0], cbor::to_vec(sign)[0]], [0x84, 0x85], "arrays of 4 and 5");
    let cut_off = IssuerKey { compromised_from: Some(1), ..issuer_key() };
    assert_eq!([cbor::to_vec(&issuer_key())[0], cbor::to_vec(&cut_off)[0]], [0x88, 0x89], "arrays of 8 and 9");
    let mut with_null = cbor::to_vec(control);
    with_null[0] = 0x85;
    with_null.push(0xf6);
    assert_eq!(cbor::from_slice::<DidKey>(&with_null, VALUE_MAX), Err(EncodingError::NonCanonicalEncoding));
}

#[test]
fn lrec_01_keys_depend_on_every_part_of_the_identifier() {
    let base = StateKey::status_list(&did(4), "a", 1);
    let others = [
        StateKey::status_list(&did(5), "a", 1),
        StateKey::status_list(&did(4), "b", 1),
        StateKey::status_list(&did(4), "a", 2),
        StateKey::accreditation(&did(4), "a"),
        StateKey::did(&did(4)),
        StateKey::verifier(&did(4)),
    ];
    assert!(others.iter().all(|other| *other != base));
    assert_ne!(StateKey::did(&did(4)), StateKey::verifier(&did(4)));
    assert_eq!(issuer_key().key_id(), Record::IssuerKey(Box::new(issuer_key())).state_key().short());
}

fn refused(record: Record) -> RecordError {
    record.validate().unwrap_err()
}

#[test]
fn lrec_02_texts_are_bounded() {
    for (limit, set) in [
        (NAME_MAX, (|r, t| r.name.en = t) as fn(&mut VerifierRegistration, String)),
        (NAME_MAX, |r, t| r.name.ko = t),
        (PURPOSE_MAX, |r, t| r.purposes[0].text.ko = t),
        (ID_MAX, |r, t| r.purposes[0].id = t),
        (ID_MAX, |r, t| r.purposes[0].permits[0].credential_type = t),
        (ID_MAX, |r, t| r.purposes[0].permits[0].claims[0] = t),
    ] {
        let mut record = verifier();
        set(&mut record, "a".repeat(limit));
        assert_eq!(Record::Verifier(record.clone()).validate(), Ok(()));
        set(&mut record, "a".repeat(limit + 1));
        assert_eq!(refused(Record::Verifier(record)), RecordError::TextTooLong);
    }
    let mut silent = verifier();
    silent.purposes[0].text.ko = " ".into();
    assert_eq!(refused(Record::Verifier(silent)), RecordError::TextMissing);
    let mut definition = type_definition();
    definition.definition.resize(DEFINITION_MAX + 1, b' ');
    assert_eq!(refused(Record::CredentialType(definition)), RecordError::TextTooLong);
    let long = Accreditation { credential_type: "a".repeat(ID_MAX + 1), ..accreditation() };
    assert_eq!(refused(Record::Accreditation(long)), RecordError::TextTooLong);
}

/// Where the strings of canonical CBOR are: start, length of the head, length of the string, whether it is text.
fn strings(bytes: &[u8]) -> Vec<(usize, usize, usize, bool)> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let (major, info) = (bytes[at] >> 5, usize::from(bytes[at] & 0x1f));
        let extra = if info < 24 { 0 } else { 1 << (info - 24) };
        let value = bytes[at + 1..at + 1 + extra].iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        let value = if extra == 0 { info } else { value };
        let content = if major == 2 || major == 3 { value } else { 0 };
        if content > 0 {
            found.push((at, 1 + extra, content, major == 3));
        }
        at += 1 + extra + content;
    }
    found
}

/// Whatever string of a record is made 10,000 bytes long: none is taken, in no kind of record.
#[test]
fn lrec_02_no_string_of_any_record_is_without_a_bound() {
    let mut asks_much = verifier();
    let permit = &mut asks_much.purposes[0].permits[0];
    let (attribute, codes) = (|| "licence_class".to_owned(), || vec!["1-ordinary".to_owned()]);
    permit.predicates.push(Predicate::AnyOf { attribute: attribute(), codes: codes() });
    permit.predicates.push(Predicate::NoneOf { attribute: attribute(), codes: codes() });
    permit.pseudonyms.push(Scope::Event("marathon-2026".into()));
    let mut samples = records();
    let kinds: std::collections::BTreeSet<u8> = samples.iter().map(|record| cbor::to_vec(record)[1]).collect();
    assert_eq!(kinds.len(), 12, "a sample of every kind");
    samples.push(Record::Verifier(asks_much));
    let (mut texts, mut others) = (0, 0);
    for record in samples {
        let bytes = cbor::to_vec(&record);
        for (at, head, content, text) in strings(&bytes) {
            let filler = vec![b'a'; 10_000];
            let major = if text { 0x79 } else { 0x59 };
            let longer = [&bytes[..at], &[major, 0x27, 0x10], &filler, &bytes[at + head + content..]].concat();
            let taken = cbor::from_slice::<Record>(&longer, VALUE_MAX).is_ok_and(|record| record.validate().is_ok());
            assert!(!taken, "{record:?} at {at}");
            if text { texts += 1 } else { others += 1 }
        }
    }
    assert!(texts >= 39 && others >= 19, "{texts} {others}");
}

#[test]
fn lrec_03_identifiers_have_a_grammar() {
    for bad in ["", "Upper", "space ", "a#b", "a/b", "한글"] {
        let record = Accreditation { credential_type: bad.into(), ..accreditation() };
        assert_eq!(refused(Record::Accreditation(record)), RecordError::MalformedIdentifier, "{bad}");
    }
    let network = Governance { network: "K R".into(), ..governance() };
    assert_eq!(refused(Record::Governance(network)), RecordError::MalformedIdentifier);
    let mut fragment = did_record();
    fragment.keys[0].fragment = "#key".into();
    assert_eq!(refused(Record::Did(fragment)), RecordError::MalformedIdentifier);
}

#[test]
fn lrec_04_lists_are_bounded_and_name_nothing_twice() {
    let none = Governance { keys: vec![], ..governance() };
    assert_eq!(refused(Record::Governance(none)), RecordError::ListLength);
    let many = DidRecord { keys: vec![did_record().keys[0].clone(); KEYS_MAX + 1], ..did_record() };
    assert_eq!(refused(Record::Did(many)), RecordError::ListLength);
    let twice = Governance { keys: vec![governor(1), governor(1)], ..governance() };
    assert_eq!(refused(Record::Governance(twice)), RecordError::DuplicateEntry);
    let mut same_fragment = did_record();
    same_fragment.keys[1].fragment = "key-1".into();
    assert_eq!(refused(Record::Did(same_fragment)), RecordError::DuplicateEntry);
    let mut claims = verifier();
    claims.purposes[0].permits[0].claims[1] = "name".into();
    assert_eq!(refused(Record::Verifier(claims)), RecordError::DuplicateEntry);
    let mut no_permits = verifier();
    no_permits.purposes[0].permits.clear();
    assert_eq!(refused(Record::Verifier(no_permits)), RecordError::ListLength);
    let one_key_two_uses = IssuerKey { status: g2(1), ..issuer_key() };
    assert_eq!(refused(Record::IssuerKey(Box::new(one_key_two_uses))), RecordError::DuplicateEntry);
}

#[test]
fn lrec_05_periods_and_thresholds_make_sense() {
    let backwards = Accreditation { from: 2, until: 2, ..accreditation() };
    assert_eq!(refused(Record::Accreditation(backwards)), RecordError::InvalidPeriod);
    let backwards = IssuerKey { from: 20, ..issuer_key() };
    assert_eq!(refused(Record::IssuerKey(Box::new(backwards))), RecordError::InvalidPeriod);
    let mut retired_before = did_record();
    retired_before.keys[0].until = Some(4);
    assert_eq!(refused(Record::Did(retired_before)), RecordError::InvalidPeriod);
    for threshold in [0, 4] {
        assert_eq!(
            refused(Record::Governance(Governance { threshold, ..governance() })),
            RecordError::InvalidThreshold
        );
    }
    let slow = Governance { delay: DELAY_MAX + 1, ..governance() };
    assert_eq!(refused(Record::Governance(slow)), RecordError::DelayTooLong);
    for purposes in [0, 8, 255] {
        let mut record = did_record();
        record.keys[0].purposes = Purposes(purposes);
        assert_eq!(refused(Record::Did(record)), RecordError::InvalidPurpose);
    }
    let short = StatusListAnchor { entries: 1, ..status_list() };
    assert_eq!(refused(Record::StatusList(short)), RecordError::InvalidStatusList);
}

#[test]
fn lrec_06_keys_are_points_of_their_curves() {
    let mut weak = did_record();
    weak.keys[0].key = PublicKey::Ed25519([0; 32]);
    assert_eq!(refused(Record::Did(weak)), RecordError::WeakKey);
    let mut off_curve = did_record();
    off_curve.keys[0].key = PublicKey::P256([2; 33].map(|_: u8| 0xff));
    assert_eq!(refused(Record::Did(off_curve)), RecordError::InvalidKey);
    let weak = Governance { keys: vec![GovernanceKey([0; 32])], threshold: 1, ..governance() };
    assert_eq!(refused(Record::Governance(weak)), RecordError::WeakKey);
    let mut identity = [0; 96];
    identity[0] = 0xc0;
    for point in [identity, [0xff; 96], [0; 96]] {
        let succession = Succession { network_id: [7; 32], group_key: point, height: 1 };
        assert_eq!(refused(Record::Succession(Box::new(succession))), RecordError::InvalidKey);
        for record in [
            IssuerKey { bbs: point, ..issuer_key() },
            IssuerKey { day_set: point, ..issuer_key() },
            IssuerKey { status: point, ..issuer_key() },
        ] {
            assert_eq!(refused(Record::IssuerKey(Box::new(record))), RecordError::InvalidKey);
        }
    }
}

#[test]
fn a_validator_set_has_one_spelling() {
    let set = |change: &dyn Fn(&mut Vec<Validator>)| {
        let mut set = validators();
        change(&mut set.validators);
        Record::Validators(set).validate()
    };
    assert_eq!(set(&|_| {}), Ok(()));
    assert_eq!(set(&|v| v[1].address.clear()), Ok(()));
    assert_eq!(set(&|v| v[0].address = "[2001:db8::1]:7801".into()), Ok(()));
    assert_eq!(set(&|v| v.clear()), Err(RecordError::ListLength));
    assert_eq!(set(&|v| v.swap(0, 1)), Err(RecordError::ListUnordered));
    assert_eq!(set(&|v| v[1] = v[0].clone()), Err(RecordError::DuplicateEntry), "one key");
    assert_eq!(set(&|v| v[1].address = v[0].address.clone()), Err(RecordError::DuplicateEntry), "one address");
    assert_eq!(set(&|v| v[0].key = [0; 32]), Err(RecordError::WeakKey));
    for address in ["192.0.2.1", "192.0.2.1:07801", "node.example:7801", "ministry of the interior"] {
        assert_eq!(set(&|v| v[0].address = address.into()), Err(RecordError::MalformedIdentifier), "{address}");
    }
    assert_eq!(set(&|v| v[0].address = "1".repeat(65)), Err(RecordError::TextTooLong));
}

#[test]
fn only_what_governors_write_can_be_scheduled() {
    let scheduled = |record: Record| Record::Scheduled(Scheduled::new(&record, 0, 9)).validate();
    for (kind, record) in records().into_iter().enumerate() {
        let expected = if [0, 1, 2, 3, 4, 9, 11].contains(&kind) { Ok(()) } else { Err(RecordError::InvalidChange) };
        assert_eq!(scheduled(record), expected, "kind {kind}");
    }
    let backwards = Accreditation { from: 2, until: 2, ..accreditation() };
    assert_eq!(scheduled(Record::Accreditation(backwards)), Err(RecordError::InvalidPeriod));
    let trailing = [cbor::to_vec(&Record::Accreditation(accreditation())), vec![0]].concat();
    let trailing = Scheduled { change: trailing, ..Scheduled::new(&Record::Accreditation(accreditation()), 0, 9) };
    assert_eq!(Record::Scheduled(trailing).validate(), Err(RecordError::InvalidChange));
    let one = |record: &Record| Record::Scheduled(Scheduled::new(record, 0, 9)).state_key();
    assert_eq!(one(&Record::Governance(governance())), StateKey::scheduled(&StateKey::governance()));
    assert_ne!(one(&Record::Governance(governance())), one(&Record::Validators(validators())));
}

#[test]
fn lrec_08_public_sets_are_made_of_powers() {
    let with = |sets: Vec<u8>| Record::IssuerKey(Box::new(IssuerKey { sets, ..issuer_key() }));
    assert_eq!(with(sets(7)).validate(), Ok(()));
    assert_eq!(with(Vec::new()).validate(), Ok(()));
    let mut swapped = sets(1);
    swapped[96..192].rotate_left(48);
    let other_key = [&sets(2)[..96], &sets(1)[96..]].concat();
    for bad in [vec![0], sets(1)[..96].to_vec(), sets(1)[..143].to_vec(), swapped, other_key, vec![0; 144]] {
        assert_eq!(refused(with(bad)), RecordError::InvalidKey);
    }
    let key = sets(1)[..96].try_into().unwrap();
    let shared = IssuerKey { status: key, ..issuer_key() };
    assert_eq!(refused(Record::IssuerKey(Box::new(shared))), RecordError::DuplicateEntry);
}

#[test]
fn lrec_04_pseudonyms_are_few_distinct_and_named_plainly() {
    let with = |pseudonyms: Vec<Scope>| {
        let mut record = verifier();
        record.purposes[0].permits[0].pseudonyms = pseudonyms;
        Record::Verifier(record)
    };
    let event = |name: &str| Scope::Event(name.to_owned());
    assert_eq!(with(vec![event("vote-2026"), Scope::Period(Period::Day)]).validate(), Ok(()));
    assert_eq!(refused(with(vec![event("a"), event("a")])), RecordError::DuplicateEntry);
    assert_eq!(refused(with(vec![event("")])), RecordError::MalformedIdentifier);
    assert_eq!(refused(with(vec![event("투표")])), RecordError::MalformedIdentifier);
    let many = (0..=LIST_MAX).map(|n| event(&format!("e{n}"))).collect();
    assert_eq!(refused(with(many)), RecordError::ListLength);
}

#[test]
fn a_definition_is_the_canonical_file_of_its_type() {
    let other_id = TypeDefinition { id: "other".into(), ..type_definition() };
    assert_eq!(refused(Record::CredentialType(other_id)), RecordError::InvalidDefinition);
    let mut spaced = type_definition();
    spaced.definition.push(b' ');
    assert_eq!(refused(Record::CredentialType(spaced)), RecordError::InvalidDefinition);
    let no_json = TypeDefinition { definition: b"x".to_vec(), ..type_definition() };
    assert_eq!(refused(Record::CredentialType(no_json)), RecordError::InvalidDefinition);
}

#[test]
fn didm_05_periods_are_half_open() {
    let record = did_record();
    assert!(record.key_for("key-2", Purposes::ASSERTION, 4).is_none());
    assert!(record.key_for("key-2", Purposes::ASSERTION, 5).is_some());
    assert!(record.key_for("key-2", Purposes::ASSERTION, 8).is_some());
    assert!(record.key_for("key-2", Purposes::ASSERTION, 9).is_none());
    assert!(record.key_for("key-2", Purposes::CONTROL, 8).is_none());
    assert!(record.key_for("key-3", Purposes::ASSERTION, 8).is_none());
    let gone = DidRecord { deactivated: true, ..record };
    assert!(gone.key_for("key-2", Purposes::ASSERTION, 8).is_none());
    assert!([(0, false), (1, true), (2, false)].iter().all(|(at, valid)| accreditation().valid_at(*at) == *valid));
    assert!(!Accreditation { withdrawn: true, ..accreditation() }.valid_at(1));
    assert!([(9, false), (10, true), (19, true), (20, false)].iter().all(|(at, v)| issuer_key().valid_at(*at) == *v));
    let cut_off = IssuerKey { compromised_from: Some(15), ..issuer_key() };
    assert!([(14, true), (15, false), (16, false)].iter().all(|(at, valid)| cut_off.valid_at(*at) == *valid));
}

/// Names the fields of a type, and does not compile when one is missing.
macro_rules! fields {
    ($type:ident { $($field:ident),+ }) => {{
        let _ = |value: $type| { let $type { $($field),+ } = value; $(let _ = $field;)+ };
        [$(concat!(stringify!($type), ".", stringify!($field))),+].as_slice()
    }};
}

/// LREC-07: a new field must be added here, by someone who asks whether it could name a person.
#[test]
fn lrec_07_no_field_can_hold_a_person() {
    let all = [
        fields!(Governance { network, keys, threshold, delay }),
        fields!(DidRecord { did, keys, deactivated }),
        fields!(DidKey { fragment, key, purposes, from, until }),
        fields!(Accreditation { issuer, credential_type, from, until, withdrawn }),
        fields!(VerifierRegistration { did, name, purposes, withdrawn }),
        fields!(Purpose { id, text, permits }),
        fields!(Permit { credential_type, claims, predicates, pseudonyms, binding }),
        fields!(TypeDefinition { id, definition }),
        fields!(IssuerKey { issuer, credential_type, bbs, day_set, status, from, until, compromised_from, sets }),
        fields!(StatusListAnchor { issuer, credential_type, list, digest, entries, as_of }),
        fields!(StatusEpoch { issuer_key, epoch, at }),
        fields!(NonceCount { account, next }),
        fields!(ValidatorSet { validators }),
        // The network address of a server.
        fields!(Validator { key, address }),
        // The change is a record of one of these types.
        fields!(Scheduled { change, previous_version, at, activation }),
        fields!(Succession { network_id, group_key, height }),
        fields!(Envelope { version, height, record }),
    ];
    let names: Vec<_> = all.concat();
    assert_eq!(names.len(), 64);
    for word in ["holder", "citizen", "birth", "address", "phone", "handle", "index", "portrait", "value"] {
        let named = |name: &str| name != "Validator.address" && name.split('.').nth(1).unwrap().contains(word);
        assert!(!names.iter().any(|name| named(name)), "{word}");
    }
    let kinds = records();
    // Every kind of record is built from the types above; a new kind does not compile here.
    for record in &kinds {
        match record {
            Record::Governance(_) | Record::Did(_) | Record::Accreditation(_) | Record::Verifier(_) => {}
            Record::CredentialType(_) | Record::IssuerKey(_) | Record::StatusList(_) | Record::StatusEpoch(_) => {}
            Record::Nonce(_) | Record::Validators(_) | Record::Scheduled(_) | Record::Succession(_) => {}
        }
    }
}
