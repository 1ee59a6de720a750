//! P1, P4, P5, P6 and P17 as they are worded.

use std::collections::{BTreeSet, HashMap, HashSet};

use protocol::credential::{Day, HolderBinding, Value};
use protocol::crypto::keys::Signer;
use protocol::exchange::{Freshness, Query, SLOT};
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{EPOCH, Held, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

use crate::crowd::{EACH, crowd};
use crate::dossier::{TRAIT, traits, traits_of};

fn holder_of(held: &Held, evidence: &World, values: Vec<Value>, expiry: Day, handle: u64, name: &str) -> Held {
    let issuing = &evidence.identities;
    let (credential, secrets) = issuing.issue(values, expiry, handle, None, name);
    Held { credential, secrets, device: None, evidence: held.evidence.clone() }
}

#[test]
fn p1_a_thousand_presentations_of_a_holder_share_nothing_that_anothers_lack() {
    let shows = &crowd().shows;
    // How many presentations of each holder have the eight bytes.
    let mut holders: HashMap<[u8; TRAIT], [u32; 2]> = HashMap::new();
    for (who, of_one) in shows.iter().enumerate() {
        for bytes in of_one {
            for bytes in traits_of(bytes) {
                holders.entry(bytes).or_default()[who] += 1;
            }
        }
    }
    let telling: Vec<_> =
        holders.values().filter(|[one, two]| (*one > 1 && *two == 0) || (*two > 1 && *one == 0)).collect();
    let common = holders.values().filter(|[one, two]| *one as usize == EACH && *two as usize == EACH).count();
    println!(
        "{} different traits, {common} in all presentations, {} in one holder's only",
        holders.len(),
        telling.len()
    );
    assert!(telling.is_empty(), "{telling:?}");
    assert!(common > 0, "the issuer's key and the question are in all");
}

#[test]
fn p4_the_length_depends_on_the_question_alone() {
    let world = World::new();
    let (issuing, any) = (&world.identities, &world.holder.identity);
    let day = |text: &str| text.parse::<Day>().unwrap();
    let today = Day::in_korea(NOW);
    // The least and the most that every attribute can be, and the shortest and longest lives.
    let usual = issuing.values(&world.holder.person);
    let kinds = &issuing.credential_type.attributes;
    let extreme = |most: bool| -> Vec<Value> {
        let of = |(position, value): (usize, &Value)| {
            let born = if most { "2007-11-20" } else { "1900-01-01" };
            let largest = (0..=64).rev().map(|bits| (1u64 << bits.min(63)) - 1).chain((0..600).rev());
            match (kinds[position].name.as_str(), most) {
                ("birth_date", _) => Value::Number(u64::from(day(born).number())),
                (_, false) => Value::Number(0),
                (_, true) => {
                    let fits =
                        |number: &u64| issuing.credential_type.check_value(position, &Value::Number(*number)).is_ok();
                    largest.clone().find(fits).map_or_else(|| value.clone(), Value::Number)
                }
            }
        };
        usual.iter().enumerate().map(of).collect()
    };
    let mut holders = vec![
        holder_of(any, &world, extreme(false), today, 0, "least"),
        holder_of(any, &world, extreme(true), today.plus(36_500), u64::MAX >> 1, "most"),
        holder_of(any, &world, extreme(true), today, 1, "most and least"),
    ];
    for i in 0..20u64 {
        let (name, handle) = (format!("holder {i}"), 0x0123_4567_89ab_cdef_u64.rotate_left(i as u32) >> 1);
        holders.push(holder_of(any, &world, usual.clone(), today.plus(i as u32 * 90), handle, &name));
    }
    let mut queries: Vec<Query> = issuing
        .credential_type
        .profiles
        .iter()
        .map(|profile| Query::of_profile(&issuing.credential_type, profile))
        .collect();
    queries.push(Query { prove: vec![], ..world.profile("age-19") });
    let mut checked = 0;
    for query in &queries {
        let mut lengths = BTreeSet::new();
        let mut made = 0;
        for held in &holders {
            let freshness = Freshness { made_at: NOW, request: None };
            // Whoever cannot say so truthfully says nothing.
            if let Ok(bytes) = held.answer(issuing, query, freshness, EPOCH, &mut rng("lengths")) {
                lengths.insert(bytes.len());
                made += 1;
            }
        }
        println!("{:?} {:?}: {lengths:?}, {made} of {} holders", query.show, query.prove, holders.len());
        assert!(lengths.len() <= 1, "{:?} {:?}: {lengths:?}", query.show, query.prove);
        checked += usize::from(made > 10);
    }
    assert!(checked >= 2, "nearly nobody could answer");
    let lengths: BTreeSet<usize> = crowd().shows.iter().flatten().map(Vec::len).collect();
    assert_eq!(lengths.len(), 1, "2,000 presentations: {lengths:?}");
}

#[test]
fn p5_an_anonymous_presentation_has_no_field_that_could_tell() {
    let world = &crowd().world;
    let trust = world.trust("usual");
    let query = world.profile("age-19");
    assert_eq!(query.binding, HolderBinding::LinkSecret);
    for bytes in crowd().shows.iter().flatten() {
        let wire = PresentationWire::decode(bytes);
        assert!(wire.handle.is_none() && wire.device_key.is_none() && wire.device_signature.is_none());
        assert!(wire.shown.is_empty() && wire.request.is_none() && wire.made_at.is_multiple_of(SLOT));
    }
    // And one that has is refused by everybody, whoever made it.
    let refusal = |change: &dyn Fn(&mut PresentationWire)| {
        let mut wire = PresentationWire::decode(&crowd().shows[0][0]);
        change(&mut wire);
        let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        let checked = verifier.check(&Asked::Displayed(&query), &wire.encode(), &trust, NOW);
        checked.map(|_| ()).map_err(|why| why.name())
    };
    let phone = world.holder.licence.device.as_ref().unwrap();
    assert_eq!(refusal(&|_| {}), Ok(()));
    let no = Err("TypeMismatch".to_owned());
    assert_eq!(refusal(&|wire| wire.handle = Some(4_711)), no, "a status index");
    let missing = Err("HolderBindingMissing".to_owned());
    assert_eq!(refusal(&|wire| wire.device_key = Some(phone.public_key())), missing, "a device key");
    let with_key = |wire: &mut PresentationWire| {
        *wire = PresentationWire { device_key: Some(phone.public_key()), ..wire.clone() }.signed(phone);
    };
    assert_eq!(refusal(&with_key), Err("ProofInvalid".to_owned()), "a device key that signs");
    assert_eq!(refusal(&|wire| *wire = wire.clone().signed(phone)), no, "a device's signature");
    assert_eq!(refusal(&|wire| wire.made_at += 3), no, "an exact time");
}

#[test]
fn p6_times_are_rounded() {
    let world = &crowd().world;
    let held = &world.holder.identity;
    let query = world.profile("age-19");
    let made = |second: u64| {
        let bytes = held.show_at(&world.identities, &query, NOW + second, &mut rng("slots"));
        PresentationWire::decode(&bytes).made_at
    };
    let slots: BTreeSet<u64> = (0..SLOT).map(made).collect();
    assert_eq!(slots.len(), 1, "all seconds of a slot say the same");
    assert_eq!(made(SLOT), NOW - NOW % SLOT + SLOT);

    // What the issuer gives is tested with the issuer: issuer/tests/all/promises.rs.
    // All holders of a key share its epoch, as they would share a list.
    let epochs: BTreeSet<_> =
        crowd().shows.iter().flatten().map(|bytes| PresentationWire::decode(bytes).epoch).collect();
    assert_eq!(epochs.len(), 1);
}

/// Nothing that the issuer has occurs in what is shown. That showing makes no network call by which it could get anything is
/// tested with its service: tests/journeys/tests/promises.rs.
#[test]
fn p17_what_the_issuer_has_is_in_nothing_that_is_shown() {
    let world = World::new();
    let issuing = &world.identities;
    let expiry = Day::in_korea(NOW).plus(3_650);
    // The issuer's whole view: the commitment it got, the credential it gave, the tokens it published.
    let commitment = issuing.commitment("a life");
    let (credential, secrets) = issuing.issue(issuing.values(&world.holder.person), expiry, 77, None, "a life");
    let token = issuing.status_token(77, EPOCH).to_bytes();
    let view = [commitment, credential.signature.to_vec(), token.to_vec()];
    let held = Held { credential, secrets, device: None, evidence: issuing.evidence() };
    let shown = ["age-19", "resident-of"].map(|profile| held.show(issuing, &world.profile(profile), &mut rng(profile)));
    let on_file: HashSet<[u8; TRAIT]> = view.iter().flat_map(|bytes| traits(bytes)).collect();
    assert!(shown.iter().flat_map(|bytes| traits(bytes)).all(|bytes| !on_file.contains(&bytes)));
    // Two commitments to one link secret have nothing in common.
    let [one, two] = ["first credential", "second credential"].map(|name| issuing.commitment(name));
    let of_one: HashSet<_> = traits(&one).collect();
    assert!(traits(&two).all(|bytes| !of_one.contains(&bytes)));
}
