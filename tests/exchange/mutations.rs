//! 12,000 requests, each changed somewhere where it hurts: none is accepted. Presentations are in `tests/mutants`.

use std::collections::BTreeMap;

use protocol::exchange::SignedRequest;
use tests::changes::{below, bytes};
use tests::rng;
use tests::wire::RequestWire;
use tests::world::{NOW, World};

const REQUESTS: usize = 12_000;

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
                    _ => bytes(&mut rng, &wire.payload, &other),
                };
                RequestWire::sign(payload, &world.patrol.key).encode()
            }
            _ => bytes(&mut rng, &good, &other),
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
