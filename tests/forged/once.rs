//! Cheating a verifier that lets each holder in once: coming again, as oneself or as someone new.

use protocol::exchange::{AuthenticRequest, Period, Pseudonym, Query, SLOT, Scope};
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{EVENT, Held, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

/// Way, refusal.
type Way = (&'static str, &'static str);
/// Makes what is shown the second time, from the request then and what was accepted the first time.
type Again = fn(&World, &AuthenticRequest, &[u8]) -> Vec<u8>;

fn event() -> Scope {
    Scope::Event(EVENT.into())
}

/// An honest answer of `held` to `asked`, for the query that `change` makes of the one asked.
fn answered(world: &World, held: &Held, asked: &AuthenticRequest, change: impl FnOnce(&mut Query)) -> Vec<u8> {
    let mut request = asked.request.clone();
    change(&mut request.query);
    held.answer_request(&world.identities, &request, asked.digest, NOW, &mut rng("again")).unwrap()
}

fn honest(world: &World, asked: &AuthenticRequest) -> Vec<u8> {
    answered(world, &world.holder.identity, asked, |_| {})
}

/// An honest answer in which `change` is made after the proof.
fn edited(world: &World, asked: &AuthenticRequest, change: impl FnOnce(&mut PresentationWire)) -> Vec<u8> {
    let mut wire = PresentationWire::decode(&honest(world, asked));
    change(&mut wire);
    wire.encode()
}

fn another(wire: &mut PresentationWire, change: impl FnOnce(&mut Pseudonym)) {
    let mut given = wire.pseudonym.clone().unwrap();
    change(&mut given);
    wire.pseudonym = Some(given);
}

const WAYS: [(Way, Again); 15] = [
    (("coming again, honestly", "PseudonymUsed"), |world, asked, _| honest(world, asked)),
    (("with a renewed credential", "PseudonymUsed"), |world, asked, _| {
        let held = &world.holder.identity;
        let secrets = protocol::credential::HolderSecrets {
            link_secret: held.secrets.link_secret,
            blinder: protocol::crypto::curve::Scalar::from_u64(77),
        };
        let credential = world.identities.reissue(&held.credential, &secrets);
        let renewed = Held { credential, secrets, device: None, evidence: held.evidence.clone() };
        answered(world, &renewed, asked, |_| {})
    }),
    (("in a later slot", "PseudonymUsed"), |world, asked, _| {
        let held = &world.holder.identity;
        held.answer_to(&world.identities, asked, NOW + SLOT, &mut rng("later")).unwrap()
    }),
    (("with the answer that was accepted", "NonceMismatch"), |_, _, first| first.to_vec()),
    (("with the answer that was accepted, named for this request", "ProofInvalid"), |_, asked, first| {
        let mut wire = PresentationWire::decode(first);
        wire.request = Some(asked.digest);
        wire.encode()
    }),
    (("with the pseudonym of another event", "QueryNotSatisfied"), |world, asked, _| {
        answered(world, &world.holder.identity, asked, |query| query.pseudonym = Some(Scope::Event("another".into())))
    }),
    (("with the pseudonym of a month", "QueryNotSatisfied"), |world, asked, _| {
        let month = Scope::Period(Period::Month);
        answered(world, &world.holder.identity, asked, |query| query.pseudonym = Some(month))
    }),
    (("without a pseudonym", "QueryNotSatisfied"), |world, asked, _| {
        answered(world, &world.holder.identity, asked, |query| query.pseudonym = None)
    }),
    (("with the pseudonym for another verifier", "QueryNotSatisfied"), |world, asked, _| {
        let mut request = asked.request.clone();
        request.verifier = world.patrol.did.clone();
        let held = &world.holder.identity;
        held.answer_request(&world.identities, &request, asked.digest, NOW, &mut rng("elsewhere")).unwrap()
    }),
    (("with the pseudonym taken out", "ProofInvalid"), |world, asked, _| {
        edited(world, asked, |wire| wire.pseudonym = None)
    }),
    (("with a neighbour's pseudonym", "ProofInvalid"), |world, asked, _| {
        let neighbours = answered(world, &world.neighbour.identity, asked, |_| {});
        let theirs = PresentationWire::decode(&neighbours).pseudonym;
        edited(world, asked, |wire| wire.pseudonym = theirs)
    }),
    (("with the point's other sign", "ProofInvalid"), |world, asked, _| {
        edited(world, asked, |wire| another(wire, |given| given.value[0] ^= 0x20))
    }),
    (("with the same point in another encoding", "InvalidPoint"), |world, asked, _| {
        edited(world, asked, |wire| another(wire, |given| given.value[0] &= 0x7f))
    }),
    (("with the identity", "IdentityPoint"), |world, asked, _| {
        edited(world, asked, |wire| {
            another(wire, |given| {
                given.value = [0; 48];
                given.value[0] = 0xc0;
            })
        })
    }),
    (("with the event's name in capitals", "TypeMismatch"), |world, asked, _| {
        edited(world, asked, |wire| another(wire, |given| given.scope = Scope::Event(EVENT.to_uppercase())))
    }),
];

/// Every way, tried at a gate that let the holder in before and lets a neighbour in afterwards.
pub(crate) fn refused_at_the_gate() -> Vec<Way> {
    let world = World::new();
    let trust = world.trust("usual");
    let ask = |name: &str| world.asked(&world.rental_request(Some(event()), name));
    for ((way, expect), again) in WAYS {
        let mut gate = Verifier::new(Policy::default(), SeenInMemory::default());
        let mut enter = |asked: &AuthenticRequest, code: &[u8]| {
            let verdict = gate.check(&Asked::Requested(asked), code, &trust, NOW + SLOT);
            verdict.map(|_| ()).map_err(|refusal| refusal.name())
        };
        let first = ask("first");
        let accepted = honest(&world, &first);
        assert_eq!(enter(&first, &accepted), Ok(()), "{way}: the first time");
        let second = ask(way);
        let shown = again(&world, &second, &accepted);
        assert_eq!(enter(&second, &shown), Err(expect.to_owned()), "{way}");
        let third = ask("neighbour");
        let theirs = answered(&world, &world.neighbour.identity, &third, |_| {});
        assert_eq!(enter(&third, &theirs), Ok(()), "{way}: the neighbour");
    }
    WAYS.map(|(way, _)| way).to_vec()
}
