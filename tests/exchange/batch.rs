//! Many presentations checked together: the same answers as one by one, whatever is among them.

use tests::rng;
use tests::world::{NOW, World};
use verifier::{Asked, Policy, Scan, SeenInMemory, Verdict, Verifier};

fn verifier() -> Verifier<SeenInMemory> {
    Verifier::new(Policy::default(), SeenInMemory::default())
}

fn name(result: &Result<Verdict, verifier::Refusal>) -> String {
    result.as_ref().map_or_else(verifier::Refusal::name, |_| "accepted".to_owned())
}

struct Crowd {
    world: World,
    codes: Vec<Vec<u8>>,
}

impl Crowd {
    fn new(size: usize) -> Self {
        let world = World::new();
        let query = world.profile("age-19");
        let who = [&world.holder, &world.neighbour];
        let show = |n: usize| who[n % 2].identity.show(&world.identities, &query, &mut rng(&format!("crowd {n}")));
        let codes = (0..size).map(show).collect();
        Self { world, codes }
    }

    /// All of them together, and one after the other.
    fn both(&self, codes: &[Vec<u8>]) -> [Vec<String>; 2] {
        let (query, trust) = (self.world.profile("age-19"), self.world.trust("usual"));
        let asked = Asked::Displayed(&query);
        let scans: Vec<_> = codes.iter().map(|presentation| Scan { asked: &asked, presentation }).collect();
        let together = verifier().check_all(&scans, &trust, NOW).iter().map(name).collect();
        let mut alone = verifier();
        [together, codes.iter().map(|code| name(&alone.check(&asked, code, &trust, NOW))).collect()]
    }
}

#[test]
fn one_bad_presentation_among_64_is_found_wherever_it_is() {
    let crowd = Crowd::new(64);
    let (query, trust) = (crowd.world.profile("age-19"), crowd.world.trust("usual"));
    let asked = Asked::Displayed(&query);
    for place in [0, 1, 31, 32, 40, 62, 63] {
        let mut codes = crowd.codes.clone();
        *codes[place].last_mut().unwrap() ^= 1;
        let scans: Vec<_> = codes.iter().map(|presentation| Scan { asked: &asked, presentation }).collect();
        let answers = verifier().check_all(&scans, &trust, NOW);
        for (index, answer) in answers.iter().enumerate() {
            let expected = if index == place { "ProofInvalid" } else { "accepted" };
            assert_eq!(name(answer), expected, "{index} of a batch with a bad one at {place}");
        }
    }
}

#[test]
fn together_and_alone_are_the_same_answers() {
    let crowd = Crowd::new(8);
    let good = crowd.codes.clone();
    let [together, alone] = crowd.both(&good);
    assert_eq!(together, alone);
    assert!(together.iter().all(|answer| answer == "accepted"));

    // Bad in the pairings only: points of one person's proof in another's, at every place.
    for place in 0..good.len() {
        let mut codes = good.clone();
        let (a, b) = (place, (place + 1) % good.len());
        let end = codes[a].len() - 80;
        let other = codes[b][end - 48..end].to_vec();
        codes[a][end - 48..end].copy_from_slice(&other);
        let [together, alone] = crowd.both(&codes);
        assert_eq!(together, alone, "bad at {place}");
        assert_ne!(together[place], "accepted");
        assert_eq!(together.iter().filter(|answer| *answer == "accepted").count(), 7);
    }

    // Everything that can go wrong, mixed: no form, another question, the same twice, nothing at all.
    let licence =
        crowd.world.holder.licence.show(&crowd.world.licences, &crowd.world.profile("roadside"), &mut rng("l"));
    let mixed = vec![
        good[0].clone(),
        Vec::new(),
        good[1].clone(),
        licence,
        good[0].clone(),
        b"not a presentation".to_vec(),
        good[2].clone(),
    ];
    let [together, alone] = crowd.both(&mixed);
    assert_eq!(together, alone);
    assert_eq!((together[0].as_str(), together[4].as_str()), ("accepted", "NonceReplayed"));
    assert_eq!(together[3], "CredentialNotRequested");
    assert!(crowd.both(&[])[0].is_empty());

    // Trust data that is too old refuses all alike.
    let (query, trust) = (crowd.world.profile("age-19"), crowd.world.trust("usual"));
    let asked = Asked::Displayed(&query);
    let scans: Vec<_> = good.iter().map(|presentation| Scan { asked: &asked, presentation }).collect();
    let late = verifier().check_all(&scans, &trust, NOW + 48 * 3_600);
    assert!(late.iter().all(|answer| name(answer) == "TrustStale"));
}
