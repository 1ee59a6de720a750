//! Two holders, a thousand presentations of each, and presentations taken apart.

use std::sync::OnceLock;

use protocol::credential::HolderSecrets;
use protocol::crypto::curve::{G1Affine, Scalar};
use protocol::exchange::{Predicate, Query, Request, Scope};
use rand_core::Rng;
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{Held, Holder, NOW, World};

/// Presentations of each holder.
pub(crate) const EACH: usize = 1_000;

/// Two holders of the same age group and what they have shown.
pub(crate) struct Crowd {
    pub(crate) world: World,
    pub(crate) shows: [Vec<Vec<u8>>; 2],
}

impl Crowd {
    /// The two, in the order of [`Crowd::shows`].
    pub(crate) fn holders(&self) -> [&Holder; 2] {
        [&self.world.holder, &self.world.neighbour]
    }

    /// "Lives in one of the two regions the two live in", and the nationality, which is the same.
    pub(crate) fn both_regions(&self) -> Query {
        let codes = self.holders().map(|holder| holder.person.residence.to_owned()).into();
        let prove = vec![Predicate::AnyOf { attribute: "residence".into(), codes }];
        Query { prove, show: vec!["nationality".into()], ..self.world.profile("age-19") }
    }

    pub(crate) fn identities(&self) -> [&Held; 2] {
        self.holders().map(|holder| &holder.identity)
    }
}

/// Made once for all tests.
pub(crate) fn crowd() -> &'static Crowd {
    static CROWD: OnceLock<Crowd> = OnceLock::new();
    CROWD.get_or_init(|| {
        let world = World::new();
        let query = world.profile("age-19");
        let shows = std::thread::scope(|scope| {
            let threads = [&world.holder, &world.neighbour].map(|holder| {
                let (world, query) = (&world, &query);
                scope.spawn(move || {
                    let mut rng = rng(&format!("crowd, {}", holder.person.id));
                    (0..EACH).map(|_| holder.identity.show(&world.identities, query, &mut rng)).collect()
                })
            });
            threads.map(|thread| thread.join().unwrap())
        });
        Crowd { world, shows }
    })
}

/// A presentation taken apart.
pub(crate) struct Seen {
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire: PresentationWire,
    /// Abar, Bbar, D, then A′ and Ā of each membership, then the pseudonym and what it is a multiple of, if there is one.
    pub(crate) points: Vec<G1Affine>,
    /// Responses for e, r1 and r3.
    pub(crate) signature: [Scalar; 3],
    /// One response for each hidden number, in order.
    pub(crate) messages: Vec<Scalar>,
    pub(crate) challenge: Scalar,
    /// One for each membership.
    pub(crate) parts: Vec<Scalar>,
}

/// H(scope) of a presentation's pseudonym.
fn scope_base(wire: &PresentationWire) -> Option<G1Affine> {
    let pseudonym = wire.pseudonym.as_ref()?;
    // PRES-12: network, verifier, kind and name.
    let Scope::Event(name) = &pseudonym.scope else { panic!("only events are asked about here") };
    let mut scope = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut scope);
    encoder.array(4).unwrap().bytes(&crowd().identities()[0].evidence.network).unwrap();
    encoder.encode(&pseudonym.verifier).unwrap().u8(3).unwrap().str(name).unwrap();
    Some(protocol::disclosure::pseudonym(&scope, &Scalar::ONE))
}

impl Seen {
    /// Takes an anonymous presentation apart.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let wire = PresentationWire::decode(bytes);
        let memberships = 2 + wire.proven.len();
        let at_memberships = wire.proof.len() - 128 * memberships;
        let point = |at: usize| G1Affine::from_compressed(wire.proof[at..at + 48].try_into().unwrap()).unwrap();
        let scalar = |at: usize| Scalar::from_be_bytes(wire.proof[at..at + 32].try_into().unwrap()).unwrap();
        let starts: Vec<usize> = (0..memberships).map(|index| at_memberships + 128 * index).collect();
        let points = [0, 48, 96].into_iter().chain(starts.iter().flat_map(|at| [*at, at + 48])).map(point);
        let pseudonym = wire.pseudonym.as_ref().map(|pseudonym| G1Affine::from_compressed(&pseudonym.value).unwrap());
        let points = points.chain(pseudonym).chain(scope_base(&wire)).collect();
        Self {
            bytes: bytes.to_vec(),
            points,
            signature: [144, 176, 208].map(scalar),
            messages: (240..at_memberships - 32).step_by(32).map(scalar).collect(),
            challenge: scalar(at_memberships - 32),
            parts: starts.iter().map(|at| scalar(at + 96)).collect(),
            wire,
        }
    }
}

/// How a person, by number, answers in a round.
pub(crate) type Ask = fn(usize, usize) -> Vec<u8>;

/// What else the two are asked, and how each answers, round by round.
pub(crate) const QUESTIONS: [(&str, Ask); 4] = [
    ("age and a public set of licence classes", |who, round| {
        let world = &crowd().world;
        let mut rng = rng(&format!("driver {who} {round}"));
        crowd().identities()[who].show(&world.identities, &world.rental(), &mut rng)
    }),
    ("a region and a shown nationality", |who, round| {
        let world = &crowd().world;
        let region = crowd().both_regions();
        crowd().identities()[who].show(&world.identities, &region, &mut rng(&format!("region {who} {round}")))
    }),
    ("a pseudonym, each time in another scope", |who, round| {
        let world = &crowd().world;
        let mut rng = rng(&format!("pseudonym {who} {round}"));
        let event = Scope::Event(format!("{:016x}", rng.next_u64()));
        let query = Query { pseudonym: Some(event), ..world.rental() };
        let request = Request::new(world.shop.did.clone(), "key-1", "rental", query, NOW, 120, &mut rng);
        let digest = request.clone().sign(&world.shop.key).unwrap().digest();
        crowd().identities()[who].answer_request(&world.identities, &request, digest, NOW, &mut rng).unwrap()
    }),
    ("now one credential and now another with the same link secret", |who, round| {
        let (world, held) = (&crowd().world, crowd().identities()[who]);
        let mut rng = rng(&format!("renewed {who} {round}"));
        let secrets =
            HolderSecrets { link_secret: held.secrets.link_secret, blinder: Scalar::from_u64(1_000 + who as u64) };
        let credential = world.identities.reissue(&held.credential, &secrets);
        let renewed = Held { credential, secrets, device: None, evidence: held.evidence.clone() };
        let of = if round % 2 == 0 { held } else { &renewed };
        of.show(&world.identities, &world.profile("age-19"), &mut rng)
    }),
];
