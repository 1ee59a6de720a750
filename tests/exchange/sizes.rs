//! P4: presentations of a profile have one length, whoever makes them; and they fit a code that scans.

use std::collections::BTreeSet;

use protocol::exchange::qr::{Drawing, Kind, to_text};
use tests::rng;
use tests::world::World;

/// What a code of version 25 at level L carries in byte mode: the aim for the whole statement.
const BYTES_MAX: usize = 1_273;

#[test]
fn p4_a_thousand_presentations_of_two_holders_have_one_length() {
    let world = World::new();
    let mut rng = rng("lengths");
    for (profile, each) in [("age-19", 300), ("youth-19", 20), ("resident-of", 20), ("adult-driver", 20)] {
        let query = world.profile(profile);
        let mut lengths = BTreeSet::new();
        for holder in [&world.holder, &world.neighbour] {
            lengths.extend((0..each).map(|_| holder.identity.show(&world.identities, &query, &mut rng).len()));
        }
        assert_eq!(lengths.len(), 1, "{profile}: {lengths:?}");
    }
}

#[test]
fn p4_an_answer_is_as_long_for_one_holder_as_for_another() {
    let world = World::new();
    let (request, query) = (world.shop_request("sizes"), world.profile("age-19"));
    let reply = |name: &str| {
        let holder = if name == "holder" { &world.holder } else { &world.neighbour };
        holder.identity.reply(&world.identities, &query, &request, &mut rng(name)).len()
    };
    assert_eq!(reply("holder"), reply("neighbour"));
}

/// As the table at the end of specs/presentation.md has them; the licence's depend on the lengths of name and number.
#[test]
fn ready_made_answers_fit_one_code_of_the_size_that_is_stated() {
    let world = World::new();
    for (profile, bytes, version) in [
        ("age-19", 979, 23),
        ("youth-19", 979, 23),
        ("resident-of", 818, 20),
        ("adult-driver", 1_149, 25),
        ("age-19-bound", 1_084, 24),
        ("roadside", 815, 20),
        ("portrait-check", 850, 21),
    ] {
        let query = world.profile(profile);
        let held = world.holder.holds(&query);
        let issuing = if query.credential_type == world.licences.credential_type.id {
            &world.licences
        } else {
            &world.identities
        };
        let made = held.show(issuing, &query, &mut rng(profile));
        let drawn = Drawing::new(&to_text(Kind::Presentation, &made).unwrap()).unwrap().version();
        assert_eq!((made.len(), drawn), (bytes, version), "{profile}");
        assert!(made.len() <= BYTES_MAX, "{profile}: {} bytes", made.len());
    }
}
