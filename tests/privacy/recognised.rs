//! P15: a verifier recognises its own visitors within a period, and nobody else recognises anybody.

use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::exchange::{Freshness, Holding, Period, Presentation, PresentationError, Query, Scope};
use protocol::identifier::Did;
use tests::rng;
use tests::world::{EPOCH, Held, NOW, World};

use crate::crowd::crowd;
use crate::dossier::{Dossier, unsigned};

/// What `held` answers to `verifier` at `made_at`: the bytes, and the pseudonym's point.
fn answer(world: &World, held: &Held, verifier: &Did, scope: &Scope, made_at: u64, name: &str) -> (Vec<u8>, [u8; 48]) {
    let issuing = &world.identities;
    let query = Query { pseudonym: Some(scope.clone()), ..world.profile("age-19") };
    let token = issuing.status_token(held.credential.handle, EPOCH);
    let holding = Holding {
        credential: &held.credential,
        secrets: &held.secrets,
        evidence: &held.evidence,
        day_signature: &|number| Some(issuing.day_signature(number)),
        status_token: Some((EPOCH, token)),
        device: None,
    };
    let freshness = Freshness { made_at, request: Some(tests::seed(name)) };
    let made = Presentation::create_for(verifier, &holding, &query, freshness, &mut rng(name)).unwrap();
    let authentic = made.authenticate(&held.evidence).unwrap();
    (made.encode(), authentic.pseudonym().unwrap().value)
}

#[test]
fn p15_a_verifier_recognises_its_own_and_nobody_elses() {
    let world = &crowd().world;
    let [one, two] = crowd().identities();
    let (shop, bank) = (&world.shop.did, &world.patrol.did);
    let month = Scope::Period(Period::Month);
    let of = |held: &Held, verifier: &Did, scope: &Scope, at: u64, name: &str| {
        answer(world, held, verifier, scope, at, name).1
    };
    let own = of(one, shop, &month, NOW, "first visit");
    assert_eq!(own, of(one, shop, &month, NOW + 86_400, "next day"), "the same within the period");
    let event = Scope::Event("lottery".into());
    let others = [
        of(two, shop, &month, NOW, "another person"),
        of(one, bank, &month, NOW, "another verifier"),
        of(one, shop, &month, NOW + 40 * 86_400, "another month"),
        of(one, shop, &Scope::Period(Period::Year), NOW, "another kind of period"),
        of(one, shop, &event, NOW, "an event"),
        of(one, bank, &event, NOW, "the same event elsewhere"),
    ];
    for (i, other) in others.iter().enumerate() {
        assert!(*other != own && others[..i].iter().all(|known| known != other), "{i}");
    }

    // With everything the issuer has: no pseudonym is another one, or anything on file, times a known number.
    let labelled = [0, 1].map(|who| &crowd().shows[who][..4]);
    let dossier = Dossier::open(crowd(), labelled);
    let points: Vec<G1Affine> = others.iter().map(|bytes| G1Affine::from_compressed(bytes).unwrap()).collect();
    let mut factors = vec![Scalar::ONE];
    for suspect in &dossier.suspects {
        factors.extend(suspect.numbers.iter().map(|(_, number)| *number));
    }
    factors.extend(dossier.keys.iter().map(|(_, key)| *key));
    let inverses: Vec<_> = factors.iter().map(|factor| factor.invert().unwrap()).collect();
    factors.extend(inverses);
    let mine = G1Affine::from_compressed(&own).unwrap();
    for factor in &factors {
        let multiple = unsigned(&mine.multiply(factor).to_affine());
        assert!(points.iter().all(|point| unsigned(point) != multiple), "two pseudonyms are related");
        assert!(dossier.suspects.iter().all(|suspect| !suspect.points.contains_key(&multiple)), "on file");
    }
}

#[test]
fn p15_a_verifier_cannot_have_anothers_pseudonym() {
    let world = &crowd().world;
    let held = &world.holder.identity;
    let month = Scope::Period(Period::Month);
    let (bytes, _) = answer(world, held, &world.shop.did, &month, NOW, "for the shop");
    // Someone between rewrites for whom it is: the scope is hashed into the proof.
    let mut wire = tests::wire::PresentationWire::decode(&bytes);
    let given = wire.pseudonym.as_mut().unwrap();
    given.verifier = world.patrol.did.clone();
    let moved = Presentation::decode(&wire.encode()).unwrap().authenticate(&held.evidence);
    assert!(matches!(moved.map(|_| ()), Err(PresentationError::Proof(_))));
    // A wallet makes none for a code that is shown to nobody in particular.
    let issuing = &world.identities;
    let query = Query { pseudonym: Some(month), ..world.profile("age-19") };
    let freshness = Freshness { made_at: NOW, request: None };
    let refused = held.answer(issuing, &query, freshness, EPOCH, &mut rng("unasked"));
    assert_eq!(refused.map(|_| ()), Err(protocol::exchange::PresentError::QueryNotAnswerable));
}
