//! Recognised again by one verifier within one scope, and by nobody else; once where once is asked.

use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::exchange::{OverAsk, Period, PresentError, Presentation, Query, RequestError, Scope};
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{EPOCH, EVENT, Held, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

const MONTH: Scope = Scope::Period(Period::Month);

fn event() -> Scope {
    Scope::Event(EVENT.into())
}

/// Asks and answers at `now`, and returns the bytes and what the verifier is given.
fn visit(
    world: &World,
    verifier: &mut Verifier<SeenInMemory>,
    held: &Held,
    scope: Scope,
    name: &str,
) -> (Vec<u8>, Result<String, String>) {
    let request = world.rental_request(Some(scope), name);
    let asked = world.asked(&request);
    asked.within_registration().unwrap();
    let made = held.answer_to(&world.identities, &asked, NOW, &mut rng(name)).unwrap();
    let verdict = verifier.check(&Asked::Requested(&asked), &made, &world.trust("usual"), NOW);
    let value = verdict.map(|verdict| verdict.pseudonym().unwrap().value.clone()).map_err(|refusal| refusal.name());
    (made, value)
}

fn verifier() -> Verifier<SeenInMemory> {
    Verifier::new(Policy::default(), SeenInMemory::default())
}

#[test]
fn the_same_verifier_and_period_see_the_same_pseudonym() {
    let world = World::new();
    let (holder, neighbour) = (&world.holder.identity, &world.neighbour.identity);
    let mut verifier = verifier();
    let (first, one) = visit(&world, &mut verifier, holder, MONTH, "first visit");
    let (second, again) = visit(&world, &mut verifier, holder, MONTH, "second visit");
    let (_, other) = visit(&world, &mut verifier, neighbour, MONTH, "a neighbour's visit");
    assert_eq!(one, again);
    assert_ne!(one, other);
    // Nothing else of the two visits is equal but what was asked.
    let [first, second] = [first, second].map(|bytes| PresentationWire::decode(&bytes));
    assert_ne!(first.request, second.request);
    assert!(first.proof.windows(8).all(|bytes| !second.proof.windows(8).any(|other| other == bytes)));
    // A renewed credential with the same link secret is recognised too.
    let secrets =
        protocol::credential::HolderSecrets { link_secret: holder.secrets.link_secret, blinder: Scalar::from_u64(77) };
    let renewed = world.identities.reissue(&holder.credential, &secrets);
    let renewed = Held { credential: renewed, secrets, device: None, evidence: holder.evidence.clone() };
    assert_eq!(visit(&world, &mut verifier, &renewed, MONTH, "after renewal").1, one);
}

/// The issuer knows handles, all values and its own secret keys; the pseudonym is of a secret it never saw.
#[test]
fn p17_neither_another_period_nor_another_verifier_nor_the_issuer_can_link() {
    let world = World::new();
    let held = &world.holder.identity;
    let point = |did: &protocol::identifier::Did, scope: &Scope, at: u64| {
        let query = Query { pseudonym: Some(scope.clone()), ..world.rental() };
        let request = protocol::exchange::Request::new(did.clone(), "key-1", "rental", query, at, 60, &mut rng("p17"));
        let signed = request.sign(&world.shop.key).unwrap();
        let holding_made = held.answer_request(&world.identities, &request, signed.digest(), at, &mut rng("p17"));
        PresentationWire::decode(&holding_made.unwrap()).pseudonym.unwrap().value
    };
    let here = point(&world.shop.did, &MONTH, NOW);
    assert_eq!(here, point(&world.shop.did, &MONTH, NOW + 86_400));
    let others = [
        point(&world.shop.did, &MONTH, NOW + 30 * 86_400),
        point(&world.patrol.did, &MONTH, NOW),
        point(&world.shop.did, &Scope::Period(Period::Day), NOW),
        point(&world.shop.did, &Scope::Period(Period::Year), NOW),
        point(&world.shop.did, &event(), NOW),
    ];
    for (i, other) in others.iter().enumerate() {
        assert!(*other != here && !others[..i].contains(other), "{i}");
    }
    // Whatever number of the credential the issuer knows, it is not the one behind the point.
    let base = |scope: &[u8]| protocol::disclosure::pseudonym(scope, &Scalar::ONE);
    let known = held.credential.clear_messages(&world.identities.credential_type).unwrap();
    let scope = [here, others[0]].map(|value| G1Affine::from_compressed(&value).unwrap());
    for (_, number) in known.iter() {
        assert!(scope.iter().all(|point| base(b"any").multiply(number).to_affine() != *point));
    }
}

#[test]
fn verd_10_an_event_accepts_each_holder_once() {
    let world = World::new();
    let (holder, neighbour) = (&world.holder.identity, &world.neighbour.identity);
    let mut gate = verifier();
    assert!(visit(&world, &mut gate, holder, event(), "first").1.is_ok());
    assert_eq!(visit(&world, &mut gate, holder, event(), "second").1, Err("PseudonymUsed".into()));
    assert!(visit(&world, &mut gate, neighbour, event(), "neighbour").1.is_ok());
    assert!(visit(&world, &mut gate, holder, MONTH, "a month is not once").1.is_ok());
    assert!(visit(&world, &mut gate, holder, MONTH, "again this month").1.is_ok());
}

#[test]
fn pres_12_a_pseudonym_is_only_for_the_verifier_that_asked() {
    let world = World::new();
    let held = &world.holder.identity;
    let request = world.rental_request(Some(MONTH), "asked");
    let asked = world.asked(&request);
    // Never in a code that is shown unasked, and never without a verifier.
    let query = &asked.request.query;
    let unasked = protocol::exchange::Freshness { made_at: NOW, request: None };
    for freshness in [unasked, protocol::exchange::Freshness { request: Some(asked.digest), ..unasked }] {
        let made = held.answer(&world.identities, query, freshness, EPOCH, &mut rng("unasked"));
        assert_eq!(made, Err(PresentError::QueryNotAnswerable));
    }
    // Never of a credential that is bound to a phone.
    let licence = Query { pseudonym: Some(MONTH), ..world.profile("roadside") };
    assert!(!licence.fits(&world.licences.credential_type));

    let good = held.answer_to(&world.identities, &asked, NOW, &mut rng("good")).unwrap();
    let trust = world.trust("usual");
    let check = |bytes: &[u8], request: &protocol::exchange::AuthenticRequest| {
        let verdict = verifier().check(&Asked::Requested(request), bytes, &trust, NOW);
        verdict.map(|_| ()).map_err(|refusal| refusal.name())
    };
    assert_eq!(check(&good, &asked), Ok(()));
    let edit = |change: &dyn Fn(&mut PresentationWire)| {
        let mut wire = PresentationWire::decode(&good);
        change(&mut wire);
        check(&wire.encode(), &asked)
    };
    let given = |wire: &mut PresentationWire| wire.pseudonym.clone().unwrap();
    let invalid = Err("ProofInvalid".to_owned());
    let other =
        held.answer_to(&world.identities, &world.asked(&world.rental_request(Some(event()), "e")), NOW, &mut rng("e"));
    let others = PresentationWire::decode(&other.unwrap()).pseudonym.unwrap();
    assert_eq!(edit(&|wire| wire.pseudonym = None), invalid);
    assert_eq!(edit(&|wire| wire.pseudonym = Some(others.clone())), invalid);
    assert_eq!(
        edit(&|wire| wire.pseudonym = Some(protocol::exchange::Pseudonym { value: others.value, ..given(wire) })),
        invalid
    );
    assert_eq!(
        edit(&|wire| wire.pseudonym =
            Some(protocol::exchange::Pseudonym { verifier: world.patrol.did.clone(), ..given(wire) })),
        invalid
    );
    assert_eq!(
        edit(&|wire| wire.pseudonym =
            Some(protocol::exchange::Pseudonym { scope: Scope::Period(Period::Year), ..given(wire) })),
        invalid
    );
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    assert_eq!(
        edit(&|wire| wire.pseudonym = Some(protocol::exchange::Pseudonym { value: identity, ..given(wire) })),
        Err("IdentityPoint".into())
    );
    assert_eq!(
        edit(&|wire| wire.pseudonym = Some(protocol::exchange::Pseudonym { value: [0; 48], ..given(wire) })),
        Err("InvalidPoint".into())
    );
    assert_eq!(edit(&|wire| wire.request = None), Err("TypeMismatch".into()));
    let unnamed = |wire: &mut PresentationWire| {
        wire.pseudonym = Some(protocol::exchange::Pseudonym { scope: Scope::Event("가".into()), ..given(wire) });
    };
    assert_eq!(edit(&unnamed), Err("TypeMismatch".into()));
    // Honest answers to one question do not answer another.
    for (scope, refusal) in [(None, "ClaimNotRequested"), (Some(event()), "QueryNotSatisfied")] {
        let mut another = asked.clone();
        another.request.query.pseudonym = scope;
        assert_eq!(check(&good, &another), Err(refusal.into()));
    }
    let mut another = asked.clone();
    another.request.verifier = world.patrol.did.clone();
    assert_eq!(check(&good, &another), Err("QueryNotSatisfied".into()));
    assert!(
        format!("{:?}", Presentation::decode(&good).unwrap().authenticate(&held.evidence).unwrap().pseudonym())
            .contains("[redacted]")
    );
}

#[test]
fn req_06_a_pseudonym_stays_within_the_registration() {
    let world = World::new();
    let over = |scope: Scope| match world.asked(&world.rental_request(Some(scope), "over")).within_registration() {
        Err(RequestError::OverAsk(OverAsk::PseudonymNotRegistered(what))) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(over(Scope::Period(Period::Year)), "pseudonym for a year");
    assert_eq!(over(Scope::Period(Period::Day)), "pseudonym for a day");
    assert_eq!(over(Scope::Event("another".into())), "once at another");
    for scope in [None, Some(MONTH), Some(event())] {
        assert_eq!(world.asked(&world.rental_request(scope, "within")).within_registration(), Ok(()));
    }
}
