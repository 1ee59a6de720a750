//! 12,000 requests, each changed somewhere where it hurts: none is accepted. Presentations are in `tests/mutants`.

use std::collections::BTreeMap;

use protocol::exchange::SignedRequest;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tests::rng;
use tests::wire::RequestWire;
use tests::world::{NOW, World};

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

/// T12: the long form is `cargo xtask ledger mutations 1000000`.
#[test]
fn thirty_thousand_changed_ledger_proofs_are_refused() {
    let outcome = tests::ledger_mutations::Mutations::new("short").run(30_000);
    println!("{outcome:?}");
    assert_eq!(outcome.accepted, 0);
    for error in ["ProofGrammar", "ProofInvalid", "CertificateInvalid", "WrongNetwork"] {
        assert!(outcome.errors.get(error).is_some_and(|count| *count > 100), "{error} is hardly tried");
    }
}
