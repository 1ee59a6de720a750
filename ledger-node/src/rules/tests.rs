//! Every rule with a valid twin. Each test starts from a small network and changes one thing.

use protocol::credential::{CredentialType, Label, StatusList};
use protocol::crypto::keys::{Ed25519SigningKey, P256SigningKey, Signer};
use protocol::exchange::Predicate;
use protocol::ledger::{
    Account, Accreditation, DidKey, IssuerKey, Permit, Purpose, RecordError, Scheduled, StatusEpoch, StatusListAnchor,
    Succession, TransactionBody, TypeDefinition, Validator, ValidatorSet, VerifierRegistration,
};

use super::*;

const NETWORK_ID: [u8; 32] = [7; 32];
const TYPE: &[u8] = include_bytes!("../../../specs/types/driver-licence.json");
const NOW: u64 = 1_000;

fn key(seed: u8) -> Ed25519SigningKey {
    Ed25519SigningKey::from_seed(&[seed; 32])
}

fn governors() -> [Ed25519SigningKey; 3] {
    [key(101), key(102), key(103)]
}

fn governance_record() -> Governance {
    let keys = governors().map(|key| match key.public_key() {
        PublicKey::Ed25519(bytes) => GovernanceKey(bytes),
        _ => unreachable!(),
    });
    Governance { network: "kr".into(), keys: keys.to_vec(), threshold: 2, delay: 0 }
}

fn did(seed: u8) -> Did {
    Did::derive("kr", &key(seed).public_key().to_multicodec()).unwrap()
}

fn did_key(fragment: &str, seed: u8) -> DidKey {
    let key = key(seed).public_key();
    DidKey { fragment: fragment.into(), key, purposes: Purposes::ALL, from: 0, until: None }
}

fn organisation(seed: u8) -> DidRecord {
    DidRecord { did: did(seed), keys: vec![did_key("key-1", seed)], deactivated: false }
}

fn licence() -> CredentialType {
    CredentialType::parse(TYPE).unwrap()
}

fn type_definition() -> TypeDefinition {
    TypeDefinition { id: licence().id.clone(), definition: licence().definition() }
}

fn accreditation(seed: u8) -> Accreditation {
    Accreditation { issuer: did(seed), credential_type: licence().id, from: 500, until: 2_000, withdrawn: false }
}

fn registration(seed: u8) -> VerifierRegistration {
    let label = Label { ko: "술집".into(), en: "Bar".into() };
    let claims = vec![licence().attributes[0].name.clone()];
    let permit =
        Permit { credential_type: licence().id, claims, predicates: vec![], pseudonyms: vec![], binding: None };
    let purpose = Purpose { id: "age".into(), text: label.clone(), permits: vec![permit] };
    VerifierRegistration { did: did(seed), name: label, purposes: vec![purpose], withdrawn: false }
}

fn issuer_key(seed: u8) -> IssuerKey {
    let point = |n| blst::min_sig::SecretKey::key_gen(&[n; 32], &[]).unwrap().sk_to_pk().compress();
    IssuerKey {
        issuer: did(seed),
        credential_type: licence().id,
        bbs: point(1),
        day_set: point(2),
        status: point(3),
        from: 500,
        until: 2_000,
        compromised_from: None,
        sets: Vec::new(),
    }
}

fn status_list(seed: u8) -> StatusListAnchor {
    StatusListAnchor {
        issuer: did(seed),
        credential_type: licence().id,
        list: 0,
        digest: StatusList::new().digest(),
        entries: StatusList::ENTRIES,
        as_of: 990,
    }
}

fn epoch(number: u32, at: u64) -> Record {
    Record::StatusEpoch(StatusEpoch { issuer_key: issuer_key(1).key_id(), epoch: number, at })
}

/// A network with a governance, a credential type, two organisations (1, 2), and an accreditation of the first.
struct Network {
    state: State,
    at: BlockTime,
}

impl Network {
    fn new() -> Self {
        let state = State::new([genesis_envelope(Record::Governance(governance_record()))]);
        let mut network = Self { state, at: BlockTime { height: 1, time_ms: NOW * 1000 } };
        let records = [
            Record::CredentialType(type_definition()),
            Record::Did(organisation(1)),
            Record::Did(organisation(2)),
            Record::Accreditation(accreditation(1)),
        ];
        network.govern(&records.map(|record| (record, 0))).unwrap();
        network
    }

    fn body(&self, sender: Sender, writes: &[(Record, u64)]) -> TransactionBody {
        let write = |(record, previous_version): &(Record, u64)| Write {
            record: record.clone(),
            previous_version: *previous_version,
        };
        let nonce = self.state.next_nonce(&sender);
        TransactionBody { network_id: NETWORK_ID, sender, nonce, writes: writes.iter().map(write).collect() }
    }

    fn send(&mut self, transaction: &Transaction) -> Result<(), TxError> {
        let before = self.state.root();
        let outcome = admit(&transaction.encode(), &NETWORK_ID).and_then(|t| apply(&mut self.state, self.at, &t));
        // All or nothing.
        assert_eq!(outcome.is_ok(), self.state.root() != before);
        outcome
    }

    /// As two of three governors, with the controllers of new DIDs.
    fn govern(&mut self, writes: &[(Record, u64)]) -> Result<(), TxError> {
        let [first, second, _] = governors();
        let founders = writes.iter().filter_map(|(record, previous)| match record {
            Record::Did(new) if *previous == 0 => (0..100).map(key).find(|key| key.public_key() == new.keys[0].key),
            _ => None,
        });
        let signers: Vec<_> = [first, second].into_iter().chain(founders).collect();
        let signers: Vec<&dyn Signer> = signers.iter().map(|key| key as &dyn Signer).collect();
        let body = self.body(Sender::Governance, writes);
        self.send(&body.signed_by(&signers).unwrap())
    }

    /// As a DID that is not there yet, with its first key and those of governors.
    fn found(&mut self, record: DidRecord, signers: &[&dyn Signer]) -> Result<(), TxError> {
        let sender = Sender::Did { did: record.did.clone(), fragment: "key-1".into() };
        let body = self.body(sender, &[(Record::Did(record), 0)]);
        self.send(&body.signed_by(signers).unwrap())
    }

    /// As an organisation with its first key.
    fn act(&mut self, seed: u8, record: Record, previous: u64) -> Result<(), TxError> {
        self.act_with(seed, "key-1", &key(seed), record, previous)
    }

    fn act_with(
        &mut self,
        seed: u8,
        fragment: &str,
        signer: &dyn Signer,
        record: Record,
        previous: u64,
    ) -> Result<(), TxError> {
        let body = self.body(organisation_sender(seed, fragment), &[(record, previous)]);
        self.send(&body.signed_by(&[signer]).unwrap())
    }

    fn with_issuer_key() -> Self {
        let mut network = Self::new();
        network.act(1, Record::IssuerKey(Box::new(issuer_key(1))), 0).unwrap();
        network
    }
}

fn organisation_sender(seed: u8, fragment: &str) -> Sender {
    Sender::Did { did: did(seed), fragment: fragment.into() }
}

#[test]
fn ltxn_01_form_and_size() {
    let network = Network::new();
    let body = network.body(Sender::Governance, &[(Record::Did(organisation(3)), 0)]);
    let [first, second, _] = governors();
    let good = body.clone().signed_by(&[&first, &second]).unwrap().encode();
    assert!(admit(&good, &NETWORK_ID).is_ok());
    let refused = |bytes: &[u8]| admit(bytes, &NETWORK_ID).unwrap_err();
    assert_eq!(refused(&[]), TxError::Malformed);
    assert_eq!(refused(&[good.as_slice(), &[0]].concat()), TxError::NonCanonicalEncoding);
    assert_eq!(refused(&vec![0; 64 * 1024 + 1]), TxError::TooLarge);
    let empty = TransactionBody { writes: vec![], ..body.clone() };
    assert_eq!(refused(&empty.signed_by(&[&first, &second]).unwrap().encode()), TxError::EmptyTx);
    let many = TransactionBody { writes: vec![body.writes[0].clone(); 65], ..body.clone() };
    assert_eq!(refused(&many.signed_by(&[&first, &second]).unwrap().encode()), TxError::TooLarge);
    let mut crowd = body.signed_by(&[&first]).unwrap();
    crowd.endorsements = vec![crowd.endorsements[0].clone(); 65];
    assert_eq!(refused(&crowd.encode()), TxError::TooLarge);
}

#[test]
fn ltxn_02_another_network() {
    let mut network = Network::new();
    let mut body = network.body(Sender::Governance, &[(Record::Did(organisation(3)), 0)]);
    body.network_id = [8; 32];
    let [first, second, _] = governors();
    assert_eq!(network.send(&body.signed_by(&[&first, &second]).unwrap()), Err(TxError::WrongNetwork));
}

#[test]
fn ltxn_03_a_signature_that_does_not_fit() {
    let mut network = Network::new();
    let body = network.body(Sender::Governance, &[(Record::Did(organisation(3)), 0)]);
    let [first, second, _] = governors();
    let mut transaction = body.signed_by(&[&first, &second, &key(3)]).unwrap();
    transaction.body.writes[0].previous_version = 1;
    assert_eq!(network.send(&transaction), Err(TxError::SignatureInvalid));
    transaction.body.writes[0].previous_version = 0;
    assert_eq!(network.send(&transaction), Ok(()));
}

#[test]
fn ltxn_04_nonces_are_used_once_and_in_order() {
    let mut network = Network::with_issuer_key();
    let body = network.body(organisation_sender(1, "key-1"), &[(epoch(1, 900), 0)]);
    let sign = |body: &TransactionBody| body.clone().signed_by(&[&key(1)]).unwrap();
    let gap = TransactionBody { nonce: body.nonce + 1, ..body.clone() };
    assert_eq!(network.send(&sign(&gap)), Err(TxError::NonceGap));
    assert_eq!(network.send(&sign(&body)), Ok(()));
    assert_eq!(network.send(&sign(&body)), Err(TxError::DuplicateTx));
    let last = TransactionBody { nonce: u64::MAX, ..body };
    assert_eq!(network.send(&sign(&last)), Err(TxError::NonceOverflow));
    // Counted per organisation: another's nonce is its own.
    assert_eq!(network.state.next_nonce(&organisation_sender(1, "other")), 2);
    assert_eq!(network.state.next_nonce(&organisation_sender(2, "key-1")), 0);
}

#[test]
fn ltxn_05_governors_are_counted_once() {
    let [first, second, third] = governors();
    let attempt = |signers: &[&dyn Signer]| {
        let mut network = Network::new();
        let body = network.body(Sender::Governance, &[(Record::Accreditation(accreditation(2)), 0)]);
        network.send(&body.signed_by(signers).unwrap())
    };
    assert_eq!(attempt(&[&first, &third]), Ok(()));
    assert_eq!(attempt(&[&third, &second, &first]), Ok(()));
    assert_eq!(attempt(&[]), Err(TxError::QuorumNotMet));
    assert_eq!(attempt(&[&first]), Err(TxError::QuorumNotMet));
    assert_eq!(attempt(&[&first, &first]), Err(TxError::QuorumNotMet));
    assert_eq!(attempt(&[&first, &second, &key(1)]), Err(TxError::Unauthorized));
    let p256 = P256SigningKey::from_seed(&[3; 32]).unwrap();
    assert_eq!(attempt(&[&first, &second, &p256]), Err(TxError::Unauthorized));
}

#[test]
fn ltxn_06_one_current_key_of_the_sender() {
    let record = || Record::IssuerKey(Box::new(issuer_key(1)));
    assert_eq!(Network::new().act(1, record(), 0), Ok(()));
    let mut network = Network::new();
    assert_eq!(network.act_with(1, "key-1", &key(2), record(), 0), Err(TxError::Unauthorized), "another's key");
    assert_eq!(network.act_with(1, "key-9", &key(1), record(), 0), Err(TxError::Unauthorized), "no such key");
    assert_eq!(network.act(9, record(), 0), Err(TxError::Unauthorized), "no such organisation");
    let body = network.body(organisation_sender(1, "key-1"), &[(record(), 0)]);
    let twice = body.signed_by(&[&key(1), &key(1)]).unwrap();
    assert_eq!(network.send(&twice), Err(TxError::Unauthorized), "two signatures");
    // A key that is not valid yet, and one that was retired.
    let future = DidKey { from: NOW + 1, ..did_key("key-2", 12) };
    let retired = DidKey { until: Some(NOW), ..did_key("key-3", 13) };
    let keys = vec![did_key("key-1", 1), future, retired];
    network.act(1, Record::Did(DidRecord { keys, ..organisation(1) }), 1).unwrap();
    assert_eq!(network.act_with(1, "key-2", &key(12), record(), 0), Err(TxError::KeyNotValidAtHeight));
    assert_eq!(network.act_with(1, "key-3", &key(13), record(), 0), Err(TxError::KeyNotValidAtHeight));
    network.at.time_ms += 1_000;
    assert_eq!(network.act_with(1, "key-2", &key(12), record(), 0), Ok(()));
}

#[test]
fn ltxn_07_no_update_is_lost() {
    let mut network = Network::new();
    let change = |until| Record::Accreditation(Accreditation { until, ..accreditation(1) });
    assert_eq!(network.govern(&[(change(3_000), 0)]), Err(TxError::AlreadyExists));
    assert_eq!(network.govern(&[(change(3_000), 2)]), Err(TxError::VersionConflict));
    assert_eq!(network.govern(&[(change(3_000), 1)]), Ok(()));
    assert_eq!(network.govern(&[(change(4_000), 1)]), Err(TxError::VersionConflict));
    assert_eq!(network.govern(&[(change(4_000), 2)]), Ok(()));
    assert_eq!(network.govern(&[(Record::Accreditation(accreditation(2)), 1)]), Err(TxError::VersionConflict));
    let envelope = network.state.get(&change(0).state_key()).unwrap();
    assert_eq!((envelope.version, envelope.height), (3, 1));
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let mut network = Network::new();
    let good = (Record::Did(organisation(3)), 0);
    let bad = (Record::Did(organisation(1)), 0);
    assert_eq!(network.govern(&[good.clone(), bad]), Err(TxError::AlreadyExists));
    assert!(network.state.get(&good.0.state_key()).is_none());
    assert_eq!(network.govern(&[good]), Ok(()));
}

#[test]
fn record_bounds_are_enforced_with_their_own_names() {
    let mut network = Network::new();
    let mut record = registration(2);
    record.name.en = "a".repeat(201);
    let refused = network.govern(&[(Record::Verifier(record), 0)]).unwrap_err();
    assert_eq!((refused, refused.name().as_str()), (TxError::Record(RecordError::TextTooLong), "TextTooLong"));
    assert_eq!(TxError::QuorumNotMet.name(), "QuorumNotMet");
}

#[test]
fn lrul_01_only_governors_write_what_governs() {
    for record in [
        Record::Governance(governance_record()),
        Record::Did(organisation(3)),
        Record::Accreditation(accreditation(2)),
        Record::Verifier(registration(2)),
        Record::CredentialType(type_definition()),
        Record::Validators(validators(4)),
        Record::Succession(Box::new(succession(1))),
        scheduled(Record::Accreditation(accreditation(2)), 0, NOW + 1),
    ] {
        let mut network = Network::new();
        let previous = network.state.get(&record.state_key()).map_or(0, |envelope| envelope.version);
        assert_eq!(network.act(1, record.clone(), previous), Err(TxError::Unauthorized));
        let expected = match record {
            Record::CredentialType(_) => Err(TxError::IllegalTransition),
            // The same governance again is a change of version only.
            _ => Ok(()),
        };
        assert_eq!(network.govern(&[(record, previous)]), expected);
    }
}

#[test]
fn lrul_01_only_the_issuer_writes_what_it_issues_with() {
    let records = || [Record::IssuerKey(Box::new(issuer_key(1))), Record::StatusList(status_list(1)), epoch(1, 900)];
    let mut network = Network::new();
    for record in records() {
        let missing = matches!(record, Record::StatusEpoch(_));
        let expected = if missing { TxError::UnknownReference } else { TxError::Unauthorized };
        assert_eq!(network.act(2, record.clone(), 0), Err(expected), "another organisation");
        assert_eq!(network.govern(&[(record, 0)]), Err(expected), "the governors");
    }
    for record in records() {
        assert_eq!(network.act(1, record, 0), Ok(()));
    }
    assert_eq!(network.act(2, epoch(2, 901), 1), Err(TxError::Unauthorized));
    // A key for logging in only.
    let login = DidKey { purposes: Purposes::AUTHENTICATION, ..did_key("key-2", 12) };
    let keys = vec![did_key("key-1", 1), login];
    network.act(1, Record::Did(DidRecord { keys, ..organisation(1) }), 1).unwrap();
    assert_eq!(network.act_with(1, "key-2", &key(12), epoch(2, 901), 1), Err(TxError::Unauthorized));
}

#[test]
fn lrul_02_a_new_did_is_its_first_key_and_has_an_owner() {
    let attempt = |record: DidRecord| Network::new().govern(&[(Record::Did(record), 0)]);
    assert_eq!(attempt(organisation(3)), Ok(()));
    let stolen = DidRecord { did: did(4), ..organisation(3) };
    assert_eq!(attempt(stolen), Err(TxError::IdentifierMismatch));
    let other_network = Did::derive("jp", &key(3).public_key().to_multicodec()).unwrap();
    assert_eq!(attempt(DidRecord { did: other_network, ..organisation(3) }), Err(TxError::IdentifierMismatch));
    assert_eq!(attempt(DidRecord { deactivated: true, ..organisation(3) }), Err(TxError::IllegalTransition));
    let powerless = DidKey { purposes: Purposes::ASSERTION, ..did_key("key-1", 3) };
    assert_eq!(attempt(DidRecord { keys: vec![powerless], ..organisation(3) }), Err(TxError::WouldOrphan));
    let expired = DidKey { until: Some(NOW), ..did_key("key-1", 3) };
    assert_eq!(attempt(DidRecord { keys: vec![expired], ..organisation(3) }), Err(TxError::WouldOrphan));
}

#[test]
fn lrul_03_keys_are_added_and_retired() {
    let keys = |keys: Vec<DidKey>| Record::Did(DidRecord { keys, ..organisation(1) });
    let retired = || DidKey { until: Some(NOW), ..did_key("key-1", 1) };
    let mut network = Network::new();
    assert_eq!(network.act(1, keys(vec![did_key("key-2", 12)]), 1), Err(TxError::IllegalTransition), "dropped");
    assert_eq!(network.act(1, keys(vec![retired()]), 1), Err(TxError::WouldOrphan));
    let swapped = DidKey { key: key(12).public_key(), ..did_key("key-1", 1) };
    assert_eq!(network.act(1, keys(vec![swapped]), 1), Err(TxError::IllegalTransition), "changed under its name");
    let weaker = DidKey { purposes: Purposes::CONTROL, ..did_key("key-1", 1) };
    assert_eq!(network.act(1, keys(vec![weaker]), 1), Err(TxError::IllegalTransition), "other purposes");
    assert_eq!(network.act(1, keys(vec![retired(), did_key("key-2", 12)]), 1), Ok(()), "rotated");
    let record = || Record::IssuerKey(Box::new(issuer_key(1)));
    assert_eq!(network.act(1, record(), 0), Err(TxError::KeyNotValidAtHeight), "the old key signs no more");
    assert_eq!(network.act_with(1, "key-2", &key(12), record(), 0), Ok(()));
    let revived = keys(vec![did_key("key-1", 1), did_key("key-2", 12)]);
    assert_eq!(network.act_with(1, "key-2", &key(12), revived, 2), Err(TxError::IllegalTransition), "revived");
    // A retired key may leave the list.
    assert_eq!(network.act_with(1, "key-2", &key(12), keys(vec![did_key("key-2", 12)]), 2), Ok(()));
}

#[test]
fn lrul_03_deactivation_is_for_ever() {
    let mut network = Network::new();
    let gone = DidRecord { deactivated: true, ..organisation(1) };
    assert_eq!(network.act(2, Record::Did(gone.clone()), 1), Err(TxError::Unauthorized));
    assert_eq!(network.act(1, Record::Did(gone.clone()), 1), Ok(()));
    assert_eq!(network.act(1, Record::Did(organisation(1)), 2), Err(TxError::Deactivated));
    assert_eq!(network.govern(&[(Record::Did(organisation(1)), 2)]), Err(TxError::Deactivated));
    let accredited = Record::Accreditation(Accreditation { until: 3_000, ..accreditation(1) });
    assert_eq!(network.govern(&[(accredited, 1)]), Err(TxError::Deactivated));
    // The governors can do it for an organisation that lost its keys.
    let other = DidRecord { deactivated: true, ..organisation(2) };
    assert_eq!(network.govern(&[(Record::Did(other), 1)]), Ok(()));
}

#[test]
fn lrul_04_withdrawal_is_for_ever() {
    let mut network = Network::new();
    network.govern(&[(Record::Verifier(registration(2)), 0)]).unwrap();
    let accreditation_withdrawn = Accreditation { withdrawn: true, ..accreditation(1) };
    let registration_withdrawn = VerifierRegistration { withdrawn: true, ..registration(2) };
    assert_eq!(network.govern(&[(Record::Accreditation(accreditation_withdrawn), 1)]), Ok(()));
    assert_eq!(network.govern(&[(Record::Verifier(registration_withdrawn), 1)]), Ok(()));
    assert_eq!(network.govern(&[(Record::Accreditation(accreditation(1)), 2)]), Err(TxError::IllegalTransition));
    assert_eq!(network.govern(&[(Record::Verifier(registration(2)), 2)]), Err(TxError::IllegalTransition));
}

#[test]
fn lrul_05_a_credential_type_never_changes() {
    let mut network = Network::new();
    let renamed = |id: &str| {
        let mut changed = licence();
        changed.id = id.into();
        changed.name.en = "Another name".into();
        Record::CredentialType(TypeDefinition { id: changed.id.clone(), definition: changed.definition() })
    };
    assert_eq!(network.govern(&[(renamed(&licence().id), 1)]), Err(TxError::IllegalTransition));
    assert_eq!(network.govern(&[(renamed("kr.go.police.driver-licence.2"), 0)]), Ok(()));
}

#[test]
fn lrul_06_references_exist() {
    let mut network = Network::new();
    assert_eq!(network.govern(&[(Record::Accreditation(accreditation(9)), 0)]), Err(TxError::UnknownReference));
    let unknown_type = Accreditation { credential_type: "kr.unknown.1".into(), ..accreditation(2) };
    assert_eq!(network.govern(&[(Record::Accreditation(unknown_type), 0)]), Err(TxError::UnknownReference));
    assert_eq!(network.govern(&[(Record::Verifier(registration(9)), 0)]), Err(TxError::UnknownReference));
    for change in [
        (|permit| permit.credential_type = "kr.unknown.1".into()) as fn(&mut Permit),
        |permit| permit.claims.push("resident_nr".into()),
        |permit| {
            let statute = protocol::credential::age::Statute::Civil;
            permit.predicates.push(Predicate::AgeAtLeast { years: 0, statute });
        },
    ] {
        let mut record = registration(2);
        change(&mut record.purposes[0].permits[0]);
        assert_eq!(network.govern(&[(Record::Verifier(record), 0)]), Err(TxError::UnknownReference));
    }
    assert_eq!(network.govern(&[(Record::Verifier(registration(2)), 0)]), Ok(()));
}

#[test]
fn lrul_07_only_the_accredited_bring_signing_keys() {
    let record = || Record::IssuerKey(Box::new(issuer_key(1)));
    let with = |accreditation: Accreditation| {
        let mut network = Network::new();
        network.govern(&[(Record::Accreditation(accreditation), 1)]).unwrap();
        network.act(1, record(), 0)
    };
    assert_eq!(Network::new().act(1, record(), 0), Ok(()));
    assert_eq!(with(Accreditation { withdrawn: true, ..accreditation(1) }), Err(TxError::Unauthorized));
    assert_eq!(with(Accreditation { until: NOW, ..accreditation(1) }), Err(TxError::Unauthorized));
    assert_eq!(with(Accreditation { from: NOW + 1, ..accreditation(1) }), Err(TxError::Unauthorized));
    assert_eq!(with(Accreditation { until: NOW + 1, ..accreditation(1) }), Ok(()));
    let other = Record::IssuerKey(Box::new(issuer_key(2)));
    assert_eq!(Network::new().act(2, other, 0), Err(TxError::Unauthorized));
}

#[test]
fn lrul_08_a_compromise_is_irreversible() {
    let mut network = Network::with_issuer_key();
    let mut version = 1;
    let mut change = |key: IssuerKey| {
        let outcome = network.act(1, Record::IssuerKey(Box::new(key)), version);
        version += u64::from(outcome.is_ok());
        outcome
    };
    let cut_off = |at| IssuerKey { compromised_from: Some(at), ..issuer_key(1) };
    assert_eq!(change(cut_off(900)), Ok(()));
    assert_eq!(change(cut_off(901)), Err(TxError::IllegalTransition));
    assert_eq!(change(issuer_key(1)), Err(TxError::IllegalTransition));
    assert_eq!(change(cut_off(800)), Ok(()));
    assert_eq!(change(IssuerKey { until: 2_001, ..cut_off(800) }), Err(TxError::IllegalTransition));
    assert_eq!(change(IssuerKey { from: 499, ..cut_off(800) }), Err(TxError::IllegalTransition));
    let (status, day_set) = (issuer_key(1).day_set, issuer_key(1).status);
    assert_eq!(change(IssuerKey { status, day_set, ..cut_off(800) }), Err(TxError::IllegalTransition));
    assert_eq!(change(IssuerKey { until: 1_500, ..cut_off(800) }), Ok(()));
    // An issuer that is no longer accredited can still report a compromise.
    let mut network = Network::with_issuer_key();
    let withdrawn = Accreditation { withdrawn: true, ..accreditation(1) };
    network.govern(&[(Record::Accreditation(withdrawn), 1)]).unwrap();
    assert_eq!(network.act(1, Record::IssuerKey(Box::new(cut_off(900))), 1), Ok(()));
}

#[test]
fn lrul_09_status_lists_go_forward() {
    let mut network = Network::new();
    let list = |as_of| Record::StatusList(StatusListAnchor { as_of, ..status_list(1) });
    assert_eq!(network.act(1, list(NOW + 61), 0), Err(TxError::IllegalTransition), "ahead of time");
    assert_eq!(network.act(1, list(NOW + 60), 0), Ok(()));
    assert_eq!(network.act(1, list(NOW + 59), 1), Err(TxError::IllegalTransition), "back in time");
    assert_eq!(network.act(1, list(NOW + 60), 1), Ok(()));
    assert_eq!(network.act(2, Record::StatusList(status_list(2)), 0), Err(TxError::Unauthorized), "not accredited");
    let withdrawn = Accreditation { withdrawn: true, ..accreditation(1) };
    network.govern(&[(Record::Accreditation(withdrawn), 1)]).unwrap();
    assert_eq!(network.act(1, list(NOW + 60), 2), Ok(()), "who was accredited may still withdraw");
}

#[test]
fn lrul_10_epochs_only_increase() {
    let mut network = Network::with_issuer_key();
    assert_eq!(network.act(1, epoch(5, NOW + 61), 0), Err(TxError::IllegalTransition), "ahead of time");
    assert_eq!(network.act(1, epoch(5, 900), 0), Ok(()));
    assert_eq!(network.act(1, epoch(5, 901), 1), Err(TxError::IllegalTransition));
    assert_eq!(network.act(1, epoch(4, 901), 1), Err(TxError::IllegalTransition));
    assert_eq!(network.act(1, epoch(6, 899), 1), Err(TxError::IllegalTransition));
    assert_eq!(network.act(1, epoch(6, 900), 1), Ok(()));
    let unknown = Record::StatusEpoch(StatusEpoch { issuer_key: [9; 8], epoch: 1, at: 1 });
    assert_eq!(network.act(1, unknown, 0), Err(TxError::UnknownReference));
}

#[test]
fn governance_changes_itself_but_not_its_network() {
    let mut network = Network::new();
    let renamed = Governance { network: "jp".into(), ..governance_record() };
    assert_eq!(network.govern(&[(Record::Governance(renamed), 1)]), Err(TxError::IllegalTransition));
    let stricter = Governance { threshold: 3, ..governance_record() };
    assert_eq!(network.govern(&[(Record::Governance(stricter), 1)]), Ok(()));
    assert_eq!(network.govern(&[(Record::Did(organisation(3)), 0)]), Err(TxError::QuorumNotMet));
}

#[test]
fn lrul_14_a_did_is_created_by_its_controller() {
    let [first, second, _] = governors();
    let own = key(3);
    let attempt = |record: DidRecord, signers: &[&dyn Signer]| Network::new().found(record, signers);
    assert_eq!(attempt(organisation(3), &[&own, &first, &second]), Ok(()));
    assert_eq!(attempt(organisation(3), &[&second, &own, &first]), Ok(()), "in any order");
    assert_eq!(attempt(organisation(3), &[&first, &second]), Err(TxError::Unauthorized), "not asked for");
    assert_eq!(attempt(organisation(3), &[&key(4), &first, &second]), Err(TxError::Unauthorized), "another's key");
    assert_eq!(attempt(organisation(3), &[&own, &own, &first, &second]), Err(TxError::Unauthorized), "twice");
    let stolen = DidRecord { did: did(4), ..organisation(3) };
    assert_eq!(attempt(stolen, &[&own, &first, &second]), Err(TxError::IdentifierMismatch));
    let with = |change: fn(&mut DidKey)| {
        let mut record = organisation(3);
        change(&mut record.keys[0]);
        attempt(record, &[&own, &first, &second])
    };
    assert_eq!(with(|key| key.fragment = "key-9".into()), Err(TxError::Unauthorized), "not the sender's key");
    assert_eq!(with(|key| key.from = NOW + 1), Err(TxError::KeyNotValidAtHeight));
    assert_eq!(with(|key| key.until = Some(NOW)), Err(TxError::KeyNotValidAtHeight));
    assert_eq!(with(|key| key.purposes = Purposes::ASSERTION), Err(TxError::WouldOrphan));
    // The identifier is derived from the first key: that one signs, and no other key of the record.
    let keys = vec![did_key("key-0", 3), did_key("key-1", 5)];
    let second_signs = DidRecord { keys, ..organisation(3) };
    assert_eq!(attempt(second_signs, &[&key(5), &first, &second]), Err(TxError::Unauthorized));
    // Once there, it is changed with its own key alone.
    let mut network = Network::new();
    network.found(organisation(3), &[&own, &first, &second]).unwrap();
    assert_eq!(network.state.next_nonce(&organisation_sender(3, "key-1")), 1);
    let keys = vec![did_key("key-1", 3), did_key("key-2", 5)];
    let rotated = || Record::Did(DidRecord { keys: keys.clone(), ..organisation(3) });
    assert_eq!(network.act(3, rotated(), 0), Err(TxError::AlreadyExists));
    assert_eq!(network.act(3, rotated(), 1), Ok(()));
    assert_eq!(network.act(3, rotated(), 1), Err(TxError::VersionConflict));
}

#[test]
fn lrul_14_governors_admit_a_did_and_create_none() {
    let [first, second, third] = governors();
    let own = key(3);
    let attempt = |signers: &[&dyn Signer]| Network::new().found(organisation(3), signers);
    assert_eq!(attempt(&[&own]), Err(TxError::QuorumNotMet), "nobody admits it");
    assert_eq!(attempt(&[&own, &first]), Err(TxError::QuorumNotMet));
    assert_eq!(attempt(&[&own, &first, &first]), Err(TxError::QuorumNotMet), "one governor twice");
    assert_eq!(attempt(&[&own, &first, &key(1)]), Err(TxError::Unauthorized), "an organisation does not admit");
    assert_eq!(attempt(&[&own, &first, &second, &third]), Ok(()));
    // Sent by the governors, among other records: with the controllers of all new DIDs.
    let governed = |seeds: &[u8], signers: &[&dyn Signer]| {
        let mut network = Network::new();
        let writes: Vec<_> = seeds.iter().map(|seed| (Record::Did(organisation(*seed)), 0)).collect();
        let body = network.body(Sender::Governance, &writes);
        network.send(&body.signed_by(signers).unwrap())
    };
    assert_eq!(governed(&[3], &[&first, &second]), Err(TxError::Unauthorized), "not asked for");
    assert_eq!(governed(&[3], &[&own, &first]), Err(TxError::QuorumNotMet), "a controller is no governor");
    assert_eq!(governed(&[3, 4], &[&own, &first, &second]), Err(TxError::Unauthorized), "one of two");
    assert_eq!(governed(&[3, 4], &[&own, &key(4), &first, &second]), Ok(()));
    assert_eq!(governed(&[1], &[&key(1), &first, &second]), Err(TxError::AlreadyExists));
    // Nor can the creation be scheduled: nobody asks for it then.
    let mut network = Network::new();
    let later = scheduled(Record::Did(organisation(3)), 0, NOW + 1);
    assert_eq!(network.govern(&[(later, 0)]), Err(TxError::Unauthorized));
    // A founder writes its own DID and nothing else.
    let sender = organisation_sender(3, "key-1");
    let writes = [(Record::Did(organisation(3)), 0), (Record::Accreditation(accreditation(2)), 0)];
    let body = network.body(sender, &writes);
    assert_eq!(network.send(&body.signed_by(&[&own, &first, &second]).unwrap()), Err(TxError::Unauthorized));
}

fn validators(count: u8) -> ValidatorSet {
    let validator = |seed| match key(seed).public_key() {
        PublicKey::Ed25519(key) => Validator { key, address: String::new() },
        _ => unreachable!(),
    };
    let mut validators: Vec<_> = (1..=count).map(validator).collect();
    validators.sort_by_key(|validator| validator.key);
    ValidatorSet { validators }
}

fn succession(seed: u8) -> Succession {
    let group_key = blst::min_sig::SecretKey::key_gen(&[seed; 32], &[]).unwrap().sk_to_pk().compress();
    Succession { network_id: [seed; 32], group_key, height: 1 }
}

fn scheduled(record: Record, previous: u64, at: u64) -> Record {
    Record::Scheduled(Scheduled::new(&record, previous, at))
}

/// A network that lets a minute pass before anyone gets more power.
fn careful() -> Network {
    let mut network = Network::new();
    network.govern(&[(Record::Governance(Governance { delay: 60, ..governance_record() }), 1)]).unwrap();
    network
}

impl Network {
    /// The next block begins, `seconds` later.
    fn later(&mut self, seconds: u64) {
        self.at = BlockTime { height: self.at.height + 1, time_ms: self.at.time_ms + 1_000 * seconds };
        begin_block(&mut self.state, self.at);
    }

    fn holds(&self, record: &Record) -> bool {
        self.state.get(&record.state_key()).is_some_and(|envelope| envelope.record == *record)
    }

    fn activation(&self, target: &Record) -> Activation {
        match &self.state.get(&StateKey::scheduled(&target.state_key())).unwrap().record {
            Record::Scheduled(scheduled) => scheduled.activation,
            _ => unreachable!(),
        }
    }
}

#[test]
fn lrul_12_more_power_is_visible_before_it_comes_into_force() {
    let rotated = |seed| {
        let keys = vec![did_key("key-1", seed), did_key("key-2", seed + 10)];
        Record::Did(DidRecord { keys, ..organisation(seed) })
    };
    let longer = Record::Accreditation(Accreditation { until: 3_000, ..accreditation(1) });
    let grants = [
        (Record::Accreditation(accreditation(2)), 0),
        (longer, 1),
        (Record::Verifier(registration(2)), 0),
        (Record::Validators(validators(4)), 0),
        (Record::Governance(governance_record()), 2),
        (rotated(2), 1),
        (Record::Succession(Box::new(succession(1))), 0),
    ];
    for (record, previous) in grants {
        let mut network = careful();
        assert_eq!(network.govern(&[(record.clone(), previous)]), Err(TxError::DelayRequired), "{record:?}");
        let early = scheduled(record.clone(), previous, NOW + 59);
        assert_eq!(network.govern(&[(early, 0)]), Err(TxError::ActivationTooEarly));
        let in_time = scheduled(record.clone(), previous, NOW + 60);
        assert_eq!(network.act(1, in_time.clone(), 0), Err(TxError::Unauthorized));
        assert_eq!(network.govern(&[(in_time, 0)]), Ok(()));
        network.later(59);
        assert!(!network.holds(&record) && network.activation(&record) == Activation::Waiting, "{record:?}");
        assert_eq!(network.state.written().count(), 0);
        network.later(1);
        assert!(network.holds(&record) && network.activation(&record) == Activation::InForce, "{record:?}");
        let envelope = network.state.get(&record.state_key()).unwrap();
        assert_eq!((envelope.version, envelope.height), (previous + 1, network.at.height));
        let written: Vec<_> = network.state.written().map(|envelope| envelope.record.state_key()).collect();
        assert_eq!(written, [record.state_key(), StateKey::scheduled(&record.state_key())]);
        // Once.
        network.later(60);
        assert_eq!(network.state.written().count(), 0);
        // What was stored is taken up again as it was.
        let reopened = State::new(network.state.envelopes().cloned());
        assert_eq!((reopened.root(), reopened.due(u64::MAX).is_none()), (network.state.root(), true));
    }
}

#[test]
fn lrul_12_what_takes_power_away_needs_no_delay() {
    let with = |record: Record, previous| {
        let mut network = careful();
        network.govern(&[(record, previous)])
    };
    let withdrawn = Accreditation { withdrawn: true, ..accreditation(1) };
    assert_eq!(with(Record::Accreditation(withdrawn), 1), Ok(()));
    let shorter = Accreditation { until: 1_500, ..accreditation(1) };
    assert_eq!(with(Record::Accreditation(shorter.clone()), 1), Ok(()));
    let earlier = Accreditation { from: 400, ..shorter };
    assert_eq!(with(Record::Accreditation(earlier), 1), Err(TxError::DelayRequired));
    assert_eq!(with(Record::Did(DidRecord { deactivated: true, ..organisation(2) }), 1), Ok(()));
    assert_eq!(with(Record::Did(organisation(3)), 0), Ok(()), "a DID alone may do nothing");
    let mut network = careful();
    network.govern(&[(scheduled(Record::Verifier(registration(2)), 0, NOW + 60), 0)]).unwrap();
    network.later(60);
    let withdrawn = VerifierRegistration { withdrawn: true, ..registration(2) };
    assert_eq!(network.govern(&[(Record::Verifier(withdrawn), 1)]), Ok(()));
}

#[test]
fn lrul_12_a_scheduled_change_can_be_taken_back_before_its_time() {
    let record = Record::Accreditation(accreditation(2));
    let waits = Scheduled::new(&record, 0, NOW + 60);
    let cancelled = Record::Scheduled(Scheduled { activation: Activation::Cancelled, ..waits.clone() });
    let mut network = careful();
    assert_eq!(network.govern(&[(cancelled.clone(), 0)]), Err(TxError::IllegalTransition), "nothing waits");
    network.govern(&[(Record::Scheduled(waits.clone()), 0)]).unwrap();
    for activation in [Activation::InForce, Activation::Failed] {
        let pretended = Record::Scheduled(Scheduled { activation, ..waits.clone() });
        assert_eq!(network.govern(&[(pretended, 1)]), Err(TxError::IllegalTransition));
    }
    let other = Record::Scheduled(Scheduled { activation: Activation::Cancelled, at: 1, ..waits.clone() });
    assert_eq!(network.govern(&[(other, 1)]), Err(TxError::IllegalTransition), "not what waits");
    assert_eq!(network.govern(&[(cancelled.clone(), 1)]), Ok(()));
    network.later(60);
    assert!(!network.holds(&record) && network.activation(&record) == Activation::Cancelled);
    // Scheduled once more, moved, and in force: too late to take it back.
    let again = |at| scheduled(record.clone(), 0, at);
    assert_eq!(network.govern(&[(again(NOW + 120), 2)]), Ok(()));
    assert_eq!(network.govern(&[(again(NOW + 180), 3)]), Ok(()));
    network.later(60);
    assert!(!network.holds(&record));
    network.later(60);
    assert!(network.holds(&record));
    assert_eq!(network.govern(&[(cancelled, 5)]), Err(TxError::IllegalTransition));
}

#[test]
fn lrul_12_a_change_that_is_no_longer_possible_fails_at_its_time() {
    let mut network = careful();
    let record = Record::Accreditation(accreditation(2));
    let missing = Record::Accreditation(accreditation(9));
    assert_eq!(network.govern(&[(scheduled(missing, 0, NOW + 60), 0)]), Err(TxError::UnknownReference));
    assert_eq!(network.govern(&[(scheduled(record.clone(), 1, NOW + 60), 0)]), Err(TxError::VersionConflict));
    network.govern(&[(scheduled(record.clone(), 0, NOW + 60), 0)]).unwrap();
    network.govern(&[(Record::Did(DidRecord { deactivated: true, ..organisation(2) }), 1)]).unwrap();
    network.later(60);
    assert!(!network.holds(&record));
    assert_eq!(network.activation(&record), Activation::Failed);
}

#[test]
fn lrul_13_a_network_has_one_successor() {
    let mut network = Network::new();
    let record = |seed| Record::Succession(Box::new(succession(seed)));
    assert_eq!(network.govern(&[(record(1), 0)]), Ok(()));
    assert_eq!(network.govern(&[(record(2), 1)]), Err(TxError::IllegalTransition));
}

#[test]
fn ltxn_08_nonces_are_in_the_state_and_written_by_execution_only() {
    let mut network = Network::with_issuer_key();
    let account = Account::Did { did: did(1) };
    let envelope = network.state.get(&StateKey::nonce(&account)).unwrap();
    assert_eq!((envelope.version, &envelope.record), (1, &Record::Nonce(NonceCount { account, next: 1 })));
    let forged = |next| Record::Nonce(NonceCount { account: Account::Governance, next });
    assert_eq!(network.govern(&[(forged(0), 1)]), Err(TxError::Unauthorized));
    assert_eq!(network.act(1, forged(9), 1), Err(TxError::Unauthorized));
    let reopened = State::new(network.state.envelopes().cloned());
    assert_eq!(reopened.next_nonce(&organisation_sender(1, "key-1")), 1);
}

#[test]
fn the_validator_set_is_read_with_its_number() {
    let mut network = Network::new();
    assert!(network.state.validators().is_none());
    network.govern(&[(Record::Validators(validators(4)), 0)]).unwrap();
    network.govern(&[(Record::Validators(validators(7)), 1)]).unwrap();
    let (set, envelope) = network.state.validators().unwrap();
    assert_eq!((set.validators.len(), envelope.version), (7, 2));
}

/// F40: the same transactions give the same root, every time.
#[test]
fn the_outcome_is_deterministic() {
    let roots: std::collections::BTreeSet<_> = (0..20).map(|_| Network::with_issuer_key().state.root()).collect();
    assert_eq!(roots.len(), 1);
}
