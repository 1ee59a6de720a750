//! Two holders, a thousand presentations of each, and presentations taken apart.

use std::sync::OnceLock;

use protocol::crypto::curve::{G1Affine, Scalar};
use tests::rng;
use tests::wire::PresentationWire;
use tests::world::{Held, Holder, World};

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
    /// Abar, Bbar, D, then A′ and Ā of each membership.
    pub(crate) points: Vec<G1Affine>,
    /// Responses for e, r1 and r3.
    pub(crate) signature: [Scalar; 3],
    /// One response for each hidden number, in order.
    pub(crate) messages: Vec<Scalar>,
    pub(crate) challenge: Scalar,
    /// One for each membership.
    pub(crate) parts: Vec<Scalar>,
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
        let points = [0, 48, 96].into_iter().chain(starts.iter().flat_map(|at| [*at, at + 48])).map(point).collect();
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
