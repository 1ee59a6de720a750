//! Presentations that bring the issuer's records along, for verifiers whose trust data is older than the issuer.

use protocol::credential::StatusList;
use protocol::exchange::StapledPresentation;
use protocol::ledger::attachment::{AttachmentError, pack};
use protocol::ledger::record::{IssuerKey, Record};
use protocol::ledger::state::TrustedState;
use protocol::ledger::testkit::TestLedger;
use protocol::ledger::{Envelope, Staple, StapleError, StateKey};
use tests::rng;
use tests::world::{AS_OF, Held, Issuing, LIST, NETWORK, NOW, World};
use verifier::{Asked, IssuerKnown, Policy, SeenInMemory, Verifier};

/// A ledger that learns of the police a minute after the verifier looked.
struct Late {
    before: TrustedState,
    after: TrustedState,
    ledger: TestLedger,
}

fn late(world: &World) -> Late {
    let usual = world.trust("usual");
    let (types, others): (Vec<_>, Vec<_>) = (usual.envelopes().map(|envelope| envelope.record.clone()))
        .filter(|record| !matches!(record, Record::Governance(_)))
        .partition(|record| matches!(record, Record::CredentialType(_)));
    let network = tests::seed("network");
    let mut ledger = TestLedger::new(NETWORK, network, tests::seed("governor"), (AS_OF - 3_600) * 1_000).unwrap();
    ledger.write(&types, AS_OF * 1_000);
    let before = ledger.trusted_state().unwrap();
    let lists = usual.to_bundle().attachments;
    ledger.write(&others, (AS_OF + 60) * 1_000);
    for list in lists {
        let of = (&world.police.did, world.licences.credential_type.id.as_str(), LIST);
        ledger.publish(list.anchor, usual.status_list(of.0, of.1, of.2).unwrap().clone());
    }
    let after = ledger.trusted_state().unwrap();
    Late { before, after, ledger }
}

fn check(world: &World, profile: &str, message: &[u8], trust: &TrustedState, now: u64) -> Result<IssuerKnown, String> {
    let query = world.profile(profile);
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let verdict = verifier.check(&Asked::Displayed(&query), message, trust, now);
    verdict.map(|verdict| verdict.issuer_known()).map_err(|why| why.name())
}

fn shown(world: &World, held: &Held, issuing: &Issuing, profile: &str) -> Vec<u8> {
    held.show(issuing, &world.profile(profile), &mut rng("stapled"))
}

fn stapled(presentation: &[u8], staple: Staple) -> Vec<u8> {
    StapledPresentation { presentation: presentation.to_vec(), staple }.encode()
}

#[test]
fn verd_09_an_issuer_that_the_bundle_does_not_know_is_known_by_its_staple() {
    let world = World::new();
    let Late { before, after, .. } = late(&world);
    let known = IssuerKnown::Stapled { height: after.height(), as_of: AS_OF + 60 };
    for (held, issuing, profile, list) in [
        (&world.holder.identity, &world.identities, "age-19", None),
        (&world.holder.licence, &world.licences, "roadside", Some(LIST)),
    ] {
        let alone = shown(&world, held, issuing, profile);
        assert_eq!(check(&world, profile, &alone, &before, NOW), Err("UnknownKey".into()));
        assert_eq!(check(&world, profile, &alone, &after, NOW), Ok(IssuerKnown::Bundle));
        let staple = after.staple(&issuing.record.key_id(), list).unwrap();
        let message = stapled(&alone, staple);
        assert_eq!(StapledPresentation::of(&alone, &after).unwrap().encode(), message);
        println!("{profile}: {} bytes, with the staple {}", alone.len(), message.len());
        assert_eq!(check(&world, profile, &message, &before, NOW), Ok(known));
        // What the bundle knows counts, and the staple is not even looked at.
        assert_eq!(check(&world, profile, &message, &after, NOW), Ok(IssuerKnown::Bundle));
    }
    assert!(StapledPresentation::of(b"no presentation", &after).is_none());
    assert!(before.staple(&world.identities.record.key_id(), None).is_none());
    assert!(after.staple(&world.licences.record.key_id(), None).is_none(), "a list is needed");
}

#[test]
fn stpl_01_to_03_a_staple_proves_all_or_nothing() {
    let world = World::new();
    let Late { before, after, .. } = late(&world);
    let alone = shown(&world, &world.holder.licence, &world.licences, "roadside");
    let good = after.staple(&world.licences.record.key_id(), Some(LIST)).unwrap();
    let with = |change: &dyn Fn(&mut Staple)| {
        let mut staple = good.clone();
        change(&mut staple);
        check(&world, "roadside", &stapled(&alone, staple), &before, NOW).map(|_| ())
    };
    let refused = |name: &str| Err(name.to_owned());
    let at = |kind: &dyn Fn(&Record) -> bool| {
        good.records.iter().position(|r| kind(&Envelope::decode(&r.value).unwrap().record)).unwrap()
    };
    let did = at(&|record| matches!(record, Record::Did(_)));
    let accreditation = at(&|record| matches!(record, Record::Accreditation(_)));
    let key = at(&|record| matches!(record, Record::IssuerKey(_)));
    let credential_type = at(&|record| matches!(record, Record::CredentialType(_)));
    let list = at(&|record| matches!(record, Record::StatusList(_)));
    let without = |at: usize| move |staple: &mut Staple| drop(staple.records.remove(at));

    assert_eq!(with(&|_| {}), Ok(()));
    assert_eq!(with(&without(credential_type)), Ok(()), "the bundle has it, and it never changes");
    assert_eq!(with(&without(key)), refused("UnknownKey"));
    assert_eq!(with(&without(did)), refused("IssuerNotTrusted"));
    assert_eq!(with(&without(accreditation)), refused("IssuerNotAuthorizedForType"));
    assert_eq!(with(&|s| s.lists.clear()), refused("StatusUnavailable"));
    assert_eq!(with(&|s| drop((s.records.remove(list), s.lists.clear()))), refused("StatusUnavailable"));
    assert_eq!(with(&without(list)), refused("StapleMalformed"), "a list without its record");
    assert_eq!(with(&|s| s.records.swap(0, 1)), refused("StapleMalformed"));
    assert_eq!(with(&|s| s.records.push(s.records[4].clone())), refused("StapleMalformed"));
    assert_eq!(with(&|s| s.lists.push(s.lists[0].clone())), refused("StapleMalformed"));
    assert_eq!(with(&|s| s.records[key].value.push(0)), refused("StapleMalformed"));
    assert_eq!(with(&|s| s.records[key].path.push(0)), refused("ProofGrammar"));
    assert_eq!(with(&|s| *s.records[key].path.last_mut().unwrap() ^= 1), refused("ProofInvalid"));
    assert_eq!(with(&|s| s.records[key].path = s.records[did].path.clone()), refused("ProofInvalid"));
    assert_eq!(with(&|s| s.header[144] ^= 1), refused("CertificateInvalid"));
    assert_eq!(with(&|s| s.lists[0].packed = pack(&StatusList::new())), refused("StatusListMismatch"));
    let mut other_list = good.clone();
    other_list.lists[0].packed = pack(&StatusList::new());
    let why = other_list.check(&before).err();
    assert_eq!(why, Some(StapleError::List(AttachmentError::StatusListMismatch)));
    // A key of the forger's own, in a record that says it is the police's.
    let forged = |staple: &mut Staple| {
        let mut envelope = Envelope::decode(&staple.records[key].value).unwrap();
        if let Record::IssuerKey(record) = &mut envelope.record {
            **record = IssuerKey { until: record.until + 1, ..*record.clone() };
        }
        staple.records[key].value = envelope.encode();
    };
    assert_eq!(with(&forged), refused("ProofInvalid"));
    let trailing = [stapled(&alone, good.clone()), vec![0]].concat();
    assert_eq!(check(&world, "roadside", &trailing, &before, NOW), Err("MalformedPresentation".into()));
}

#[test]
fn verd_09_a_staple_overrules_nothing() {
    let world = World::new();
    let Late { before, after, mut ledger } = late(&world);
    let alone = shown(&world, &world.holder.identity, &world.identities, "age-19");
    let key_id = world.identities.record.key_id();
    let message = stapled(&alone, after.staple(&key_id, None).unwrap());
    // Another network's, and one from the future.
    let there = TestLedger::new(NETWORK, [9; 32], tests::seed("governor"), AS_OF * 1_000).unwrap();
    let there = there.trusted_state().unwrap();
    assert_eq!(check(&world, "age-19", &message, &there, NOW), Err("WrongNetwork".into()));
    assert_eq!(check(&world, "age-19", &message, &before, AS_OF + 10), Err("ClockUnreliable".into()));
    // The key is compromised, as the verifier knows: a staple from before does not bring it back.
    let compromised = IssuerKey { compromised_from: Some(NOW - 10), ..world.identities.record.clone() };
    ledger.write(&[Record::IssuerKey(Box::new(compromised))], (NOW - 5) * 1_000);
    let informed = ledger.trusted_state().unwrap();
    assert_eq!(check(&world, "age-19", &message, &informed, NOW), Err("KeyCompromised".into()));
    // The verifier looked after the staple was made, and there was no such issuer any more.
    let mut forgetful = TestLedger::new(NETWORK, tests::seed("network"), tests::seed("governor"), 1).unwrap();
    let types: Vec<_> = before.envelopes().map(|envelope| envelope.record.clone()).collect();
    (0..5).for_each(|n| forgetful.write(&types, AS_OF * 1_000 + n));
    let newer = forgetful.trusted_state().unwrap();
    assert!(newer.height() > after.height() && newer.envelope(&StateKey::did(&world.police.did)).is_none());
    assert_eq!(check(&world, "age-19", &message, &newer, NOW), Err("LedgerStale".into()));
}

#[test]
fn verd_07_a_presentation_is_the_same_with_and_without_a_staple() {
    let world = World::new();
    let Late { before, after, .. } = late(&world);
    let alone = shown(&world, &world.holder.identity, &world.identities, "age-19");
    let message = stapled(&alone, after.staple(&world.identities.record.key_id(), None).unwrap());
    let query = world.profile("age-19");
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let mut check = |message: &[u8], trust| {
        verifier.check(&Asked::Displayed(&query), message, trust, NOW).map(|_| ()).map_err(|why| why.name())
    };
    assert_eq!(check(&message, &before), Ok(()));
    assert_eq!(check(&alone, &after), Err("NonceReplayed".into()));
}
