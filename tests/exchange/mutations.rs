//! 20,000 presentations and requests, each changed somewhere where it hurts: none is accepted.

use std::collections::BTreeMap;

use protocol::credential::{HolderBinding, Value};
use protocol::crypto::keys::P256SigningKey;
use protocol::exchange::{Query, SignedRequest};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tests::rng;
use tests::wire::{PresentationWire, RequestWire};
use tests::world::{EPOCH, NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

const PRESENTATIONS: usize = 8_000;
const REQUESTS: usize = 12_000;

fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}

/// Changes bytes without regard to what they mean.
fn bytes_changed(rng: &mut ChaCha20Rng, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let at = below(rng, out.len());
    let end = at + below(rng, 40.min(out.len() - at) + 1);
    match below(rng, 6) {
        0 => out[at] ^= 1 << below(rng, 8),
        1 => out[at] = rng.next_u32() as u8,
        2 => drop(out.drain(at..end)),
        3 => {
            let again = out[at..end].to_vec();
            out.splice(at..at, again);
        }
        4 => out.truncate(at),
        _ if end <= other.len() => out[at..end].copy_from_slice(&other[at..end]),
        _ => out.push(rng.next_u32() as u8),
    }
    out
}

/// Changes one field, or one part of the proof, to something of the same form.
///
/// A phone that signs whatever it is given signs half of them again.
fn field_changed(rng: &mut ChaCha20Rng, bytes: &[u8], other: &[u8], phone: Option<&P256SigningKey>) -> Vec<u8> {
    let mut wire = PresentationWire::decode(bytes);
    let from = PresentationWire::decode(other);
    let proof_at = below(rng, wire.proof.len().min(from.proof.len()) / 16 - 4) * 16;
    match below(rng, 9) {
        0 => wire.made_at = NOW - u64::from(rng.next_u32()) % 30,
        1 => wire.epoch = wire.epoch.map(|_| EPOCH + rng.next_u32() % 3),
        2 => wire.handle = wire.handle.map(|handle| handle ^ 1 << below(rng, 64)),
        3 => wire.proof[proof_at..proof_at + 48].copy_from_slice(&from.proof[proof_at..proof_at + 48]),
        4 => wire.proof[proof_at] ^= 0x20,
        5 => wire.device_signature = from.device_signature,
        6 => wire.request = Some([7; 32]),
        7 if !wire.shown.is_empty() => {
            let at = below(rng, wire.shown.len());
            wire.shown[at].value = Value::Number(rng.next_u64() % 64);
        }
        _ => wire.issuer_key[below(rng, 8)] ^= 1 << below(rng, 8),
    }
    match phone.filter(|_| below(rng, 2) == 0) {
        Some(phone) => wire.signed(phone).encode(),
        None => wire.encode(),
    }
}

fn refusals(
    world: &World,
    query: &Query,
    good: &[u8],
    other: &[u8],
    count: usize,
    name: &str,
) -> BTreeMap<String, usize> {
    let trust = world.trust("usual");
    let mut rng = rng(name);
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let mut names = BTreeMap::new();
    let by_phone = query.binding == HolderBinding::DeviceKey;
    while names.values().sum::<usize>() < count {
        let changed = match below(&mut rng, 2) {
            0 => bytes_changed(&mut rng, good, other),
            _ => field_changed(&mut rng, good, other, world.holder.licence.device.as_ref().filter(|_| by_phone)),
        };
        if changed == good {
            continue;
        }
        let why = verifier.check(&Asked::Displayed(query), &changed, &trust, NOW).map(|_| ()).unwrap_err();
        *names.entry(why.name()).or_default() += 1;
    }
    verifier.check(&Asked::Displayed(query), good, &trust, NOW).expect("the twin is accepted");
    names
}

#[test]
fn changed_presentations_are_refused() {
    let world = World::new();
    let show = |profile: &str, of_neighbour: bool| {
        let query = world.profile(profile);
        let holder = if of_neighbour { &world.neighbour } else { &world.holder };
        match profile {
            "roadside" => holder.licence.show(&world.licences, &query, &mut rng(profile)),
            _ => holder.identity.show(&world.identities, &query, &mut rng(profile)),
        }
    };
    let names = std::thread::scope(|scope| {
        let world = &world;
        let threads = ["age-19", "roadside"].map(|profile| {
            let (good, other) = (show(profile, false), show(profile, true));
            scope.spawn(move || refusals(world, &world.profile(profile), &good, &other, PRESENTATIONS / 2, profile))
        });
        threads.map(|thread| thread.join().unwrap())
    });
    for names in names {
        println!("{names:?}");
        assert!(names.len() >= 5, "the changes reach too few checks: {names:?}");
    }
}

#[test]
fn changed_requests_are_refused() {
    let world = World::new();
    let trust = world.trust("usual");
    let mut rng = rng("changed requests");
    let good = world.shop_request("one").encode();
    let other = world.shop_request("two").encode();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    while names.values().sum::<usize>() < REQUESTS {
        let changed = match below(&mut rng, 3) {
            // Signed by somebody else, over a payload that is changed or not.
            0 => {
                let wire: RequestWire = protocol::cbor::from_slice(&good, usize::MAX).unwrap();
                let payload = match below(&mut rng, 2) {
                    0 => wire.payload,
                    _ => bytes_changed(&mut rng, &wire.payload, &other),
                };
                RequestWire::sign(payload, &world.patrol.key).encode()
            }
            _ => bytes_changed(&mut rng, &good, &other),
        };
        if changed == good || changed == other {
            continue;
        }
        let read = SignedRequest::decode(&changed).and_then(|request| request.authenticate(&trust, NOW));
        *names.entry(protocol::error_name(&read.map(|_| ()).unwrap_err())).or_default() += 1;
    }
    println!("{names:?}");
    assert!(names.len() >= 4, "the changes reach too few checks: {names:?}");
}
