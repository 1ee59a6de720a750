//! T1 and D07: what was recorded, copied or sent many times.

use std::sync::{Arc, Mutex};

use protocol::exchange::qr::{Kind, from_text};
use rand_core::Rng;
use tests::rng;
use tests::world::{NOW, World};
use verifier::{Asked, Policy, Refusal, Seen, SeenInMemory, Verifier};

/// One memory for many scanners.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<SeenInMemory>>);

impl Seen for Shared {
    fn first_use(&mut self, id: [u8; 32], until: u64, now: u64) -> bool {
        self.0.lock().unwrap().first_use(id, until, now)
    }
}

#[test]
fn d07_of_a_thousand_parallel_tries_one_is_accepted() {
    let world = World::new();
    let trust = world.trust("usual");
    let request = world.shop_request("a thousand tries");
    let query = world.profile("age-19");
    let answer = world.holder.identity.reply(&world.identities, &query, &request, &mut rng("tries"));
    let seen = Shared::default();
    let tries = || {
        let mut verifier = Verifier::new(Policy::default(), seen.clone());
        let asked = world.asked(&request);
        (0..125)
            .map(|_| verifier.check(&Asked::Requested(&asked), &answer, &trust, NOW).map(|_| ()))
            .collect::<Vec<_>>()
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(tries)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(Refusal::NonceReplayed)).count(), 999);
}

#[test]
fn t1_a_recorded_code_is_accepted_once_and_then_never() {
    let world = World::new();
    let trust = world.trust("usual");
    for (profile, issuing, held) in
        [("age-19", &world.identities, &world.holder.identity), ("roadside", &world.licences, &world.holder.licence)]
    {
        let query = world.profile(profile);
        let recorded = held.show(issuing, &query, &mut rng("recorded"));
        let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        let mut at = |seconds: u64| {
            verifier
                .check(&Asked::Displayed(&query), &recorded, &trust, NOW + seconds)
                .map(|_| ())
                .map_err(|why| why.name())
        };
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(29), Err("NonceReplayed".into()));
        assert_eq!(at(31), Err("Expired".into()));
        assert_eq!(at(60), Err("Expired".into()));
        // L03: the clock is set back; what was used stays used.
        assert_eq!(at(0), Err("NonceReplayed".into()));
    }
}

#[test]
fn l03_a_code_that_ran_out_is_not_accepted_by_a_clock_set_back() {
    let world = World::new();
    let trust = world.trust("usual");
    let query = world.profile("age-19");
    let show = |name: &str, at: u64| world.holder.identity.show_at(&world.identities, &query, at, &mut rng(name));
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let mut check = |code: &[u8], now: u64| {
        verifier.check(&Asked::Displayed(&query), code, &trust, now).map(|_| ()).map_err(|why| why.name())
    };
    let (early, late) = (show("early", NOW), show("late", NOW + 3_600));
    assert_eq!(check(&early, NOW), Ok(()));
    assert_eq!(check(&late, NOW + 3_600), Ok(()));
    assert_eq!(check(&early, NOW), Err("NonceReplayed".into()));
}

#[test]
fn t1_a_thousand_random_codes_are_refused() {
    let world = World::new();
    let trust = world.trust("usual");
    let query = world.profile("age-19");
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let mut rng = rng("random codes");
    for _ in 0..1_000 {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
        let length = rng.next_u32() as usize % 4_000;
        let letters = (0..length).map(|_| char::from(alphabet[rng.next_u32() as usize % alphabet.len()]));
        let text: String = "MP1:".chars().chain(letters).collect();
        let message = from_text(Kind::Presentation, &text).unwrap_or_default();
        assert!(verifier.check(&Asked::Displayed(&query), &message, &trust, NOW).is_err(), "{text}");
    }
}
