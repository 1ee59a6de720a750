//! Every family of attributes can be shown, proven or kept, and a statement is proven exactly when it is true.

use std::collections::BTreeSet;

use protocol::credential::age::Statute;
use protocol::credential::{CredentialType, Day, Encoding, Value};
use protocol::exchange::{Predicate, PresentError, Query};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{EPOCH, Held, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verdict, Verifier};

const FRESH: protocol::exchange::Freshness = protocol::exchange::Freshness { made_at: NOW, request: None };

fn codes(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn any_of(attribute: &str, names: &[&str]) -> Predicate {
    Predicate::AnyOf { attribute: attribute.into(), codes: codes(names) }
}

fn none_of(attribute: &str, names: &[&str]) -> Predicate {
    Predicate::NoneOf { attribute: attribute.into(), codes: codes(names) }
}

fn at_least(years: u8) -> Predicate {
    Predicate::AgeAtLeast { years, statute: Statute::Civil }
}

fn below(years: u8) -> Predicate {
    Predicate::AgeBelow { years, statute: Statute::Civil }
}

/// An identity with these values, otherwise the holder's.
fn with(world: &World, changes: &[(&str, &str)], name: &str) -> Held {
    let issuing = &world.identities;
    let mut values = issuing.values(&world.holder.person);
    for (attribute, value) in changes {
        let position = issuing.credential_type.position(attribute).unwrap();
        values[position] = issuing.credential_type.read_value(position, value).unwrap();
    }
    let handle = rng(name).next_u64() >> 1;
    let (credential, secrets) = issuing.issue(values, Day::in_korea(NOW).plus(3_650), handle, None, name);
    Held { credential, secrets, device: None, evidence: world.identities.evidence() }
}

fn prove(world: &World, held: &Held, prove: &[Predicate]) -> Result<Verdict, String> {
    ask(world, held, &Query { prove: prove.to_vec(), ..world.profile("age-19") })
}

fn ask(world: &World, held: &Held, query: &Query) -> Result<Verdict, String> {
    let made = held.answer(&world.identities, query, FRESH, EPOCH, &mut rng("statement"));
    let made = made.map_err(|error| protocol::error_name(&error))?;
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let verdict = verifier.check(&Asked::Displayed(query), &made, &world.trust("usual"), NOW);
    verdict.map_err(|refusal| refusal.name())
}

#[test]
fn each_family_is_shown_proven_or_kept_by_itself() {
    let world = World::new();
    let held = &world.holder.identity; // KOR, KR-11, X, 1990-07-24, 1-ordinary and 2-small
    let families = [
        ("nationality", any_of("nationality", &["KOR", "JPN"]), "Republic of Korea"),
        ("residence", any_of("residence", &["KR-11"]), "Seoul"),
        ("gender", none_of("gender", &["M"]), "Other"),
        ("birth_date", at_least(19), "1990-07-24"),
        ("classes", any_of("classes", &["1-ordinary"]), "Class 1 ordinary, Class 2 small"),
    ];
    // Three choices for each of five families.
    for combination in 1..3usize.pow(5) {
        if combination % 7 != 1 && combination != 3usize.pow(5) - 1 {
            continue; // one in seven: every pair of choices occurs
        }
        let mut query = Query { prove: vec![], ..world.profile("age-19") };
        let choice = |family: usize| combination / 3usize.pow(family as u32) % 3;
        for (family, (name, predicate, _)) in families.iter().enumerate() {
            match choice(family) {
                1 => query.show.push((*name).to_owned()),
                2 => query.prove.push(predicate.clone()),
                _ => {}
            }
        }
        let verdict = ask(&world, held, &query).unwrap();
        let shown: Vec<_> =
            verdict.claims().iter().map(|claim| (claim.name.as_str(), claim.value.en.as_str())).collect();
        let chosen = families.iter().enumerate().filter(|(family, _)| choice(*family) == 1);
        let expected: Vec<_> = chosen.map(|(_, (name, _, value))| (*name, *value)).collect();
        assert_eq!(shown, expected, "{combination}");
        assert_eq!(verdict.proven(), query.prove, "{combination}");
    }
}

#[test]
fn an_age_window_has_both_ends() {
    let world = World::new();
    // NOW is 2026-11-20: born on 2007-11-20 is 19 today, born on 2001-11-21 is 25 tomorrow.
    for (born, inside) in [
        ("2007-11-21", false),
        ("2007-11-20", true),
        ("2001-11-21", true),
        ("2001-11-20", false),
        ("1950-01-01", false),
    ] {
        let held = with(&world, &[("birth_date", born)], born);
        let answer = prove(&world, &held, &[at_least(19), below(25)]).map(|_| ());
        let expected = if inside { Ok(()) } else { Err("PredicateNotSatisfied".to_owned()) };
        assert_eq!(answer, expected, "{born}");
    }
}

#[test]
fn a_region_is_proven_by_what_lies_inside() {
    let world = World::new();
    let gangnam = with(&world, &[("residence", "KR-11-680")], "gangnam");
    let no = Err("PredicateNotSatisfied".to_owned());
    let check = |held: &Held, predicate: Predicate| prove(&world, held, &[predicate]).map(|_| ());
    assert_eq!(check(&gangnam, any_of("residence", &["KR-11"])), Ok(()));
    assert_eq!(check(&gangnam, any_of("residence", &["KR-11-680"])), Ok(()));
    assert_eq!(check(&gangnam, any_of("residence", &["KR-11-110", "KR-11-680", "KR-41"])), Ok(()));
    assert_eq!(check(&gangnam, any_of("residence", &["KR-11-110"])), no);
    assert_eq!(check(&gangnam, none_of("residence", &["KR-26"])), Ok(()));
    assert_eq!(check(&gangnam, none_of("residence", &["KR-11"])), no);
    let seoul = with(&world, &[("residence", "KR-11")], "seoul");
    assert_eq!(check(&seoul, any_of("residence", &["KR-11"])), Ok(()));
    assert_eq!(check(&seoul, any_of("residence", &["KR-11-680"])), no, "a city is not inside its district");
}

/// The obviously correct reading of a statement, from the register's own words.
fn is_true(predicate: &Predicate, credential_type: &CredentialType, values: &[Value]) -> bool {
    let position = predicate.position(credential_type).unwrap();
    let text = |position: usize, value: u64| match &credential_type.attributes[position].encoding {
        Encoding::Code(all) => vec![all[value as usize].code.clone()],
        Encoding::Set(all) => {
            all.iter().enumerate().filter(|(bit, _)| value >> bit & 1 == 1).map(|(_, code)| code.code.clone()).collect()
        }
        _ => vec![Day::from_number(value as u32).unwrap().to_string()],
    };
    let Value::Number(value) = values[position] else { panic!("a number") };
    let own = text(position, value);
    let age = || {
        let (year, month, day) = Day::in_korea(NOW).ymd();
        let mut parts = own[0].split('-').map(|part| part.parse::<i32>().unwrap());
        let (born, born_month, born_day) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        year - born - i32::from((born_month, born_day) > (month as i32, day as i32))
    };
    let named = |codes: &[String]| {
        own.iter().any(|own| codes.iter().any(|code| own == code || own.starts_with(&format!("{code}-"))))
    };
    match predicate {
        Predicate::AgeAtLeast { years, .. } => age() >= i32::from(*years),
        Predicate::AgeBelow { years, .. } => age() < i32::from(*years),
        Predicate::AnyOf { codes, .. } => named(codes),
        Predicate::NoneOf { codes, .. } => !named(codes),
    }
}

fn some_predicate(credential_type: &CredentialType, rng: &mut ChaCha20Rng) -> Predicate {
    let attribute = &credential_type.attributes[rng.next_u32() as usize % credential_type.attributes.len()];
    let years = 1 + (rng.next_u32() % 100) as u8;
    let any = rng.next_u32().is_multiple_of(2);
    match &attribute.encoding {
        Encoding::Code(all) | Encoding::Set(all) => {
            let one_in = 1 + rng.next_u32() % 6;
            let some = all.iter().filter(|_| rng.next_u32().is_multiple_of(one_in));
            let (attribute, codes) = (attribute.name.clone(), some.map(|code| code.code.clone()).collect());
            if any { Predicate::AnyOf { attribute, codes } } else { Predicate::NoneOf { attribute, codes } }
        }
        _ if any => at_least(years),
        _ => below(years),
    }
}

/// Random people and random statements: proven if and only if true, and then accepted.
#[test]
fn a_statement_is_proven_exactly_when_it_is_true() {
    let world = World::new();
    let identity = &world.identities.credential_type;
    let mut rng = rng("statements and people");
    let (mut proven, mut refused, mut unanswerable) = (0, 0, 0);
    for person in 0..12 {
        let pick =
            |name: &str, rng: &mut ChaCha20Rng| match &identity.attributes[identity.position(name).unwrap()].encoding {
                Encoding::Code(all) => all[rng.next_u32() as usize % all.len()].code.clone(),
                Encoding::Set(all) => {
                    let some = all.iter().filter(|_| rng.next_u32().is_multiple_of(2));
                    some.map(|code| code.code.clone()).collect::<Vec<_>>().join(",")
                }
                _ => Day::from_number(25_000 + rng.next_u32() % 21_000).unwrap().to_string(),
            };
        let names = ["nationality", "residence", "gender", "birth_date", "classes"];
        let values = names.map(|name| (name, pick(name, &mut rng)));
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let held = with(&world, &values, &format!("person {person}"));
        for _ in 0..20 {
            let predicate = some_predicate(identity, &mut rng);
            let answer = prove(&world, &held, std::slice::from_ref(&predicate)).map(|_| ());
            match answer.as_ref().map_err(String::as_str) {
                Ok(()) => proven += 1,
                Err("PredicateNotSatisfied") => refused += 1,
                // A set of all or of nothing.
                Err("QueryNotAnswerable") if !predicate.fits(identity) => unanswerable += 1,
                other => panic!("{predicate}: {other:?}"),
            }
            let truth = is_true(&predicate, identity, &held.credential.values);
            assert!(!predicate.fits(identity) || answer.is_ok() == truth, "{predicate}");
        }
    }
    println!("{proven} proven, {refused} refused, {unanswerable} say nothing");
    assert!(proven > 50 && refused > 50);
}

#[test]
fn pres_11_statements_that_a_type_does_not_have_are_not_answered() {
    let world = World::new();
    let held = &world.holder.identity;
    let no = |predicates: &[Predicate]| {
        let query = Query { prove: predicates.to_vec(), ..world.profile("age-19") };
        let made = held.answer(&world.identities, &query, FRESH, EPOCH, &mut rng("no"));
        assert_eq!(made, Err(PresentError::QueryNotAnswerable), "{predicates:?}");
    };
    no(&[any_of("address", &["x"])]);
    no(&[any_of("birth_date", &["x"])]);
    no(&[any_of("gender", &["Y"])]);
    no(&[any_of("gender", &["F", "M"])]);
    no(&[any_of("gender", &["M", "F", "X"])]);
    no(&[none_of("gender", &[])]);
    no(&[below(0)]);
    no(&[below(126)]);
    no(&[at_least(19), at_least(19)]);
    no(&(1..=9).map(at_least).collect::<Vec<_>>());
    let both = Query { show: vec!["gender".into()], prove: vec![none_of("gender", &["M"])], ..world.profile("age-19") };
    let made = held.answer(&world.identities, &both, FRESH, EPOCH, &mut rng("no"));
    assert_eq!(made, Err(PresentError::QueryNotAnswerable));
}

/// What issuer keys without the parameters, or with damaged ones, lead to.
#[test]
fn without_set_parameters_nothing_is_proven_about_sets() {
    let world = World::new();
    let (mut record, identity) = (world.identities.record.clone(), world.identities.credential_type.clone());
    let good = world.holder.identity.show(&world.identities, &world.rental(), &mut rng("rental"));
    let received = protocol::exchange::Presentation::decode(&good).unwrap();
    for sets in [vec![], record.sets[..96].to_vec(), vec![0; 144], record.sets[..96 + 48].to_vec()] {
        record.sets = sets;
        let evidence =
            protocol::exchange::IssuerEvidence::new(world.holder.identity.evidence.network, &record, identity.clone());
        let evidence = evidence.unwrap();
        assert_eq!(
            received.authenticate(&evidence).map(|_| ()),
            Err(protocol::exchange::PresentationError::InvalidIssuerKey)
        );
        let held = Held { evidence, ..with(&world, &[], "no sets") };
        let made = held.answer(&world.identities, &world.rental(), FRESH, EPOCH, &mut rng("no"));
        assert_eq!(made, Err(PresentError::QueryNotAnswerable));
        assert!(held.answer(&world.identities, &world.profile("age-19"), FRESH, EPOCH, &mut rng("age")).is_ok());
    }
}

/// P4, P15: with the same question, everybody's presentation differs in nothing but the proof.
#[test]
fn p4_nothing_but_the_proof_tells_holders_apart() {
    let world = World::new();
    let people: Vec<_> = [
        [
            ("nationality", "KOR"),
            ("residence", "KR-11"),
            ("gender", "M"),
            ("birth_date", "1931-01-01"),
            ("classes", "1-large"),
        ],
        [
            ("nationality", "OTH"),
            ("residence", "KR-49"),
            ("gender", "X"),
            ("birth_date", "2007-11-20"),
            ("classes", "1-ordinary,2-moped"),
        ],
        [
            ("nationality", "USA"),
            ("residence", "KR-11-740"),
            ("gender", "F"),
            ("birth_date", "1999-12-31"),
            ("classes", "1-large,1-ordinary,1-special,2-ordinary,2-small,2-moped"),
        ],
    ]
    .iter()
    .enumerate()
    .map(|(i, values)| with(&world, values, &format!("p4 {i}")))
    .collect();
    let all = Query {
        prove: vec![at_least(19), none_of("nationality", &["CHN"]), any_of("classes", &["1-large", "1-ordinary"])],
        ..world.profile("age-19")
    };
    let mut seen = BTreeSet::new();
    for held in &people {
        for second in 0..SLOT {
            let freshness = protocol::exchange::Freshness { made_at: NOW + second, request: None };
            let made = held.answer(&world.identities, &all, freshness, EPOCH, &mut rng("p4")).unwrap();
            let mut wire = PresentationWire::decode(&made);
            assert_eq!((wire.handle, wire.device_key, wire.made_at % SLOT), (None, None, 0));
            wire.proof.iter_mut().for_each(|byte| *byte = 0);
            seen.insert(wire.encode());
        }
    }
    assert_eq!(seen.len(), 1);
    // Shown values differ, and nothing else: not the length either.
    let shown = Query { show: ["nationality", "residence", "classes"].map(String::from).into(), ..all };
    let shown = Query { prove: vec![at_least(19)], ..shown };
    let lengths: BTreeSet<_> = people
        .iter()
        .map(|held| held.answer(&world.identities, &shown, FRESH, EPOCH, &mut rng("p4")).unwrap().len())
        .collect();
    assert_eq!(lengths.len(), 1);
}

const SLOT: u64 = protocol::exchange::SLOT;

/// What a verifier demands is its query: no other field is its policy. The request's digest binds it, so an answer is good
/// for no other, though verifier, nonce and purpose are the same.
#[test]
fn zkp_16_an_answer_is_bound_to_the_policy_it_was_asked_under() {
    let world = World::new();
    let (held, trust, rental) = (&world.holder.identity, world.trust("usual"), world.rental());
    let asked = |query: Query| {
        let request = world.request(&world.shop, "rental", query, "one nonce");
        world.asked(&request.sign(&world.shop.key).unwrap())
    };
    let check = |asked: &protocol::exchange::AuthenticRequest, bytes: &[u8]| {
        let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        verifier.check(&Asked::Requested(asked), bytes, &trust, NOW).map(|_| ()).map_err(|refusal| refusal.name())
    };
    let usual = asked(rental.clone());
    let answer = held.answer_to(&world.identities, &usual, NOW, &mut rng("policy")).unwrap();
    assert_eq!(check(&usual, &answer), Ok(()));
    let classes = rental.prove[1].clone();
    let month = protocol::exchange::Scope::Period(protocol::exchange::Period::Month);
    let policies = [
        ("an older age", Query { prove: vec![at_least(20), classes.clone()], ..rental.clone() }),
        ("a younger age", Query { prove: vec![at_least(18), classes.clone()], ..rental.clone() }),
        ("other classes", Query { prove: vec![at_least(19), any_of("classes", &["1-ordinary"])], ..rental.clone() }),
        ("one statement less", Query { prove: vec![classes], ..rental.clone() }),
        ("one more", Query { prove: [&rental.prove[..], &[below(90)]].concat(), ..rental.clone() }),
        ("an attribute shown", Query { show: vec!["gender".into()], ..rental.clone() }),
        ("a pseudonym", Query { pseudonym: Some(month), ..rental.clone() }),
        ("a phone's key", Query { binding: protocol::credential::HolderBinding::DeviceKey, ..rental.clone() }),
    ];
    for (what, query) in policies {
        let other = asked(query);
        assert_ne!(other.digest, usual.digest, "{what}");
        let refusal = check(&other, &answer).unwrap_err();
        assert_ne!(refusal, "Expired", "{what}");
        // Named for the other request, with what it asks said in the clear: the proof says something else.
        let mut wire = PresentationWire::decode(&answer);
        wire.request = Some(other.digest);
        wire.proven.clone_from(&other.request.query.prove);
        let renamed = check(&other, &wire.encode()).unwrap_err();
        println!("{what}: {refusal}, {renamed}");
        assert_eq!(check(&usual, &answer), Ok(()), "{what}: the twin");
    }
}
