//! One credential, two bindings: with nothing but the link secret, or with a phone's key that is used once. Neither is
//! taken for the other (PRES-09).

use protocol::exchange::{Binding, Freshness, Period, PresentError, Query, Scope};
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{EPOCH, Held, NOW, World};
use verifier::{Asked, Policy, ReplayProtection, SeenInMemory, Verdict, Verifier};

fn check(world: &World, query: &Query, bytes: &[u8]) -> Result<Verdict, String> {
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let verdict = verifier.check(&Asked::Displayed(query), bytes, &world.trust("usual"), NOW);
    verdict.map_err(|refusal| refusal.name())
}

fn refused(world: &World, query: &Query, bytes: &[u8]) -> String {
    check(world, query, bytes).map(|_| ()).unwrap_err()
}

#[test]
fn the_verdict_says_which_binding_it_was() {
    let world = World::new();
    let anonymous = &world.holder.identity;
    let copy = anonymous.copy(&world.identities, "first copy");
    for (held, profile, binding) in
        [(anonymous, "age-19", Binding::LinkSecret), (&copy, "age-19-bound", Binding::HardwareKey)]
    {
        let query = world.profile(profile);
        let shown = check(&world, &query, &held.show(&world.identities, &query, &mut rng(profile))).unwrap();
        assert_eq!((shown.binding(), shown.replay()), (binding, ReplayProtection::TimeWindow));
        let request = world.bound_or_not(query, profile);
        let asked = world.asked(&request);
        asked.within_registration().unwrap();
        let answer = held.answer_to(&world.identities, &asked, NOW, &mut rng("answer")).unwrap();
        let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        let verdict = verifier.check(&Asked::Requested(&asked), &answer, &world.trust("usual"), NOW).unwrap();
        assert_eq!((verdict.binding(), verdict.replay()), (binding, ReplayProtection::Challenge));
    }
}

#[test]
fn pres_09_neither_side_slides_from_one_binding_to_the_other() {
    let world = World::new();
    let (anonymous, issuing) = (&world.holder.identity, &world.identities);
    let copy = anonymous.copy(issuing, "a copy");
    let (loose, bound) = (world.profile("age-19"), world.profile("age-19-bound"));
    // The wallet: each answers its own question only.
    let ask = |held: &Held, query: &Query| {
        let freshness = Freshness { made_at: NOW, request: None };
        held.answer(issuing, query, freshness, EPOCH, &mut rng("ask"))
    };
    assert_eq!(ask(anonymous, &bound), Err(PresentError::QueryNotAnswerable));
    assert_eq!(ask(&copy, &loose), Err(PresentError::QueryNotAnswerable));
    let recognised = Query { pseudonym: Some(Scope::Period(Period::Month)), ..bound.clone() };
    assert_eq!(ask(&copy, &recognised), Err(PresentError::QueryNotAnswerable));
    // The verifier: the weaker is refused, and so is the one that says more.
    let (weak, strong) = (ask(anonymous, &loose).unwrap(), ask(&copy, &bound).unwrap());
    assert!(check(&world, &loose, &weak).is_ok() && check(&world, &bound, &strong).is_ok());
    assert_eq!(refused(&world, &bound, &weak), "HolderBindingMissing");
    assert_eq!(refused(&world, &loose, &strong), "ClaimNotRequested");
    // Between them: one cannot be made to look like the other.
    let edit = |bytes: &[u8], change: &dyn Fn(&mut PresentationWire)| {
        let mut wire = PresentationWire::decode(bytes);
        change(&mut wire);
        wire.encode()
    };
    let stripped = edit(&strong, &|wire| (wire.device_key, wire.device_signature) = (None, None));
    assert_eq!(refused(&world, &loose, &stripped), "ProofInvalid");
    assert_eq!(refused(&world, &bound, &stripped), "ProofInvalid");
    let unsigned = edit(&strong, &|wire| wire.device_signature = None);
    assert_eq!(refused(&world, &bound, &unsigned), "HolderBindingMissing");
    let device = copy.device.as_ref().unwrap();
    let other = anonymous.copy(issuing, "another copy");
    let other = other.device.as_ref().unwrap();
    let key_of = |device: &protocol::crypto::keys::P256SigningKey| protocol::crypto::keys::Signer::public_key(device);
    let dressed = PresentationWire { device_key: Some(key_of(device)), ..PresentationWire::decode(&weak) };
    assert_eq!(refused(&world, &bound, &dressed.signed(device).encode()), "ProofInvalid");
    let exchanged = PresentationWire { device_key: Some(key_of(other)), ..PresentationWire::decode(&strong) };
    assert_eq!(refused(&world, &bound, &exchanged.signed(other).encode()), "ProofInvalid");
    assert_eq!(
        refused(&world, &bound, &PresentationWire::decode(&strong).signed(other).encode()),
        "HolderBindingInvalid"
    );
    let signature_only = edit(&weak, &|wire| {
        wire.device_signature = PresentationWire::decode(&strong).device_signature;
    });
    assert_eq!(refused(&world, &loose, &signature_only), "TypeMismatch");
}

/// A verifier that sees two copies of one credential sees nothing that is equal; nor does it know it is no other's.
#[test]
fn two_copies_of_one_credential_have_nothing_in_common() {
    let world = World::new();
    let query = world.profile("age-19-bound");
    let shows = ["first", "second"].map(|name| {
        let copy = world.holder.identity.copy(&world.identities, name);
        PresentationWire::decode(&copy.show(&world.identities, &query, &mut rng(name)))
    });
    let [first, second] = shows;
    assert_ne!(first.device_key, second.device_key);
    assert_eq!((first.handle, first.epoch), (second.handle, second.epoch));
    assert_eq!(first.proof.len(), second.proof.len());
    assert!(first.proof.windows(8).all(|bytes| !second.proof.windows(8).any(|other| other == bytes)));
    let neighbour = world.neighbour.identity.copy(&world.identities, "neighbour");
    let other = neighbour.show(&world.identities, &query, &mut rng("neighbour"));
    assert_eq!(other.len(), first.encode().len());
}
