//! P4: presentations of a profile have one length, whoever makes them; and they fit a code that scans.

use std::collections::BTreeSet;

use protocol::exchange::qr::{Drawing, Kind, to_text};
use tests::rng;
use tests::world::World;

/// What still scans from a phone's screen in a second: a version-29 code at level L.
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

#[test]
fn ready_made_answers_fit_one_code() {
    let world = World::new();
    for profile in ["age-19", "youth-19", "resident-of", "adult-driver", "roadside", "portrait-check"] {
        let query = world.profile(profile);
        let made = if query.credential_type == world.licences.credential_type.id {
            world.holder.licence.show(&world.licences, &query, &mut rng(profile))
        } else {
            world.holder.identity.show(&world.identities, &query, &mut rng(profile))
        };
        let version = Drawing::new(&to_text(Kind::Presentation, &made).unwrap()).unwrap().version();
        println!("{profile}: {} bytes, QR version {version}", made.len());
        assert!(made.len() <= BYTES_MAX, "{profile}: {} bytes", made.len());
    }
}
