//! What our codes promise: two readers of ZXing's kind, one in Rust and one in C++, read the demo's presentations in every
//! condition but the worst blur. The rates of all readers, levels and encodings are `cargo xtask qr-table`'s.
#![allow(clippy::unwrap_used)] // a code that cannot be drawn must stop the test

use peers::camera::{CONDITIONS, Condition};
use peers::readings::{Choice, Encoding, count, text_survives};
use qrcode::EcLevel;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tests::world::World;

/// Pictures for each message and condition; the table takes more.
const PICTURES: u64 = 2;
/// What no reader gets through, docs/adr/0008-base45-qr.md.
const NOT_PROMISED: &str = "blurred 0.6";
const OURS: Choice = Choice { encoding: Encoding::Base45, level: EcLevel::L };

fn presentations() -> [Vec<u8>; 2] {
    let world = World::new();
    let show = |held: &tests::world::Held, issuing, profile| {
        held.show(issuing, &world.profile(profile), &mut ChaCha20Rng::seed_from_u64(1))
    };
    [
        show(&world.holder.identity, &world.identities, "age-19"),
        show(&world.holder.licence, &world.licences, "roadside"),
    ]
}

#[test]
fn our_codes_are_read_in_every_promised_condition() {
    for message in presentations() {
        for condition in CONDITIONS.iter().filter(|condition| condition.name != NOT_PROMISED) {
            let [_, rxing, zxing_cpp] = count(&message, OURS, condition, PICTURES).unwrap();
            assert_eq!([rxing, zxing_cpp], [PICTURES; 2], "{}", condition.name);
        }
    }
}

/// What a reader returns as text is the message's text still: that is what base45 is for.
#[test]
fn text_survives_in_base45_and_not_in_bytes() {
    let [message, _] = presentations();
    let [_, rxing, zxing_cpp] = text_survives(&message, OURS).unwrap();
    assert!(rxing && zxing_cpp);
    let [_, rxing, zxing_cpp] = text_survives(&message, Choice { encoding: Encoding::Bytes, ..OURS }).unwrap();
    assert!(!rxing && !zxing_cpp);
}

/// The pictures do harm, so that a rate of 1 says something.
#[test]
fn the_worst_lens_defeats_all_readers() {
    let [message, _] = presentations();
    let blind = Condition { blur: 2.0, noise: 60.0, ..CONDITIONS[0] };
    assert_eq!(count(&message, OURS, &blind, PICTURES).unwrap(), [0; 3]);
}
