use std::net::SocketAddr;

use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::primitives::ops;
use commonware_cryptography::bls12381::primitives::ops::threshold;
use commonware_cryptography::bls12381::primitives::sharing::Sharing;
use commonware_utils::TryCollect as _;
use rand_chacha::rand_core::Rng as _;

use super::*;
use crate::founding::{Part, new_identity};
use crate::setup::{NODE_KEY_FILE, read_secret};

const SEED: [u8; 32] = [7; 32];

fn founders(root: &std::path::Path, count: u16) -> (Founding, Vec<ed25519::PrivateKey>) {
    let mut rng = ChaCha20Rng::seed_from_u64(count.into());
    let mut made: Vec<(Part, ed25519::PrivateKey)> = (1..=count)
        .map(|at| {
            let (folder, address) = (root.join(at.to_string()), SocketAddr::from(([127, 0, 0, 1], at)));
            let part = new_identity(&folder, address, address, &mut rng).unwrap();
            (part, read_secret(&folder.join(NODE_KEY_FILE)).unwrap())
        })
        .collect();
    made.sort_by_key(|(part, _)| part.node_key);
    let parts = made.iter().map(|(part, _)| part.clone()).collect();
    let founding = Founding::new("kr".into(), 1, b"app".to_vec(), parts).unwrap();
    (founding, made.into_iter().map(|(_, signer)| signer).collect())
}

fn seed(at: usize) -> [u8; 32] {
    [at as u8 + 1; 32]
}

/// Ticks until everyone is done or the limit is reached; `deliver` sees each message first and may change it.
fn run(
    ceremonies: &mut [Ceremony],
    rng: &mut ChaCha20Rng,
    mut deliver: impl FnMut(&mut ChaCha20Rng, usize, Message) -> Option<Message>,
) -> Vec<Option<(Genesis, Share)>> {
    let keys: Vec<Key> = ceremonies.iter().map(|ceremony| ceremony.me.clone()).collect();
    let mut results: Vec<Option<(Genesis, Share)>> = vec![None; keys.len()];
    for _ in 0..60 {
        for from in 0..keys.len() {
            for (to, message) in ceremonies[from].tick() {
                let to = keys.iter().position(|key| *key == to).unwrap();
                let bytes = message.encode();
                assert_eq!(bytes.len(), message.encode_size());
                assert!(bytes.len() <= max_message());
                let Some(message) = deliver(rng, from, Message::decode(bytes).unwrap()) else { continue };
                if let Some(answer) = ceremonies[to].receive(&keys[from], message)
                    && let Some(answer) = deliver(rng, to, answer)
                {
                    ceremonies[from].receive(&keys[to], answer);
                }
            }
            if let Some(result) = ceremonies[from].result(rng) {
                let (genesis, share) = result.unwrap();
                ceremonies[from].confirm(genesis.network_id());
                results[from] = Some((genesis, share));
            }
        }
        if ceremonies.iter().all(|ceremony| ceremony.complete() && ceremony.everyone_done()) {
            break;
        }
    }
    results
}

fn begin(founding: &Founding, signers: &[ed25519::PrivateKey]) -> Vec<Ceremony> {
    let new = |(at, signer): (usize, &ed25519::PrivateKey)| Ceremony::new(founding.clone(), signer.clone(), seed(at));
    signers.iter().enumerate().map(|pair| new(pair).unwrap()).collect()
}

#[test]
fn founders_make_one_key_that_a_quorum_signs_with_although_messages_are_lost() {
    let root = tempfile::tempdir().unwrap();
    for (count, quorum) in [(1, 1), (4, 3), (7, 5)] {
        let (founding, signers) = founders(&root.path().join(count.to_string()), count);
        let mut ceremonies = begin(&founding, &signers);
        let mut rng = ChaCha20Rng::from_seed(SEED);
        let lossy = |rng: &mut ChaCha20Rng, _, message| (!rng.next_u32().is_multiple_of(4)).then_some(message);
        let results: Vec<_> = run(&mut ceremonies, &mut rng, lossy).into_iter().map(Option::unwrap).collect();
        assert!(ceremonies.iter().all(Ceremony::complete));
        let genesis = &results[0].0;
        assert!(results.iter().all(|(other, _)| other == genesis), "one genesis");

        let sharing: Sharing<MinSig> = genesis.sharing().unwrap();
        let sign = |results: &[(Genesis, Share)]| {
            let partials = results.iter().map(|(_, share)| threshold::sign_message::<MinSig>(share, b"test", b"m"));
            let partials: Vec<_> = partials.collect();
            threshold::recover::<MinSig, _>(&sharing, &partials, &Sequential)
        };
        let signature = sign(&results[..quorum]).unwrap();
        ops::verify_message::<MinSig>(sharing.public(), b"test", b"m", &signature).unwrap();
        if quorum > 1 {
            assert!(sign(&results[..quorum - 1]).is_err(), "fewer cannot sign");
        }
        let set: commonware_utils::ordered::Set<Vec<u8>> =
            results.iter().map(|(_, share)| share.encode().to_vec()).try_collect().unwrap();
        assert_eq!(set.len(), usize::from(count), "everyone has its own share");
    }
}

#[test]
fn a_restarted_founder_says_the_same_again() {
    let root = tempfile::tempdir().unwrap();
    let (founding, signers) = founders(root.path(), 4);
    let mut ceremonies = begin(&founding, &signers);
    let mut rng = ChaCha20Rng::from_seed(SEED);
    // A round in which everything is said once, then one loses its memory.
    let mut left = 30;
    run(&mut ceremonies, &mut rng, |_, _, message| {
        left -= 1;
        (left > 0).then_some(message)
    });
    assert!(!ceremonies[2].complete());
    ceremonies[2] = Ceremony::new(founding, signers[2].clone(), seed(2)).unwrap();
    run(&mut ceremonies, &mut rng, |_, _, message| Some(message));
    assert!(ceremonies.iter().all(Ceremony::complete));
}

#[test]
fn without_one_founder_or_with_two_results_there_is_no_network() {
    let root = tempfile::tempdir().unwrap();
    let (founding, signers) = founders(root.path(), 4);
    let mut rng = ChaCha20Rng::from_seed(SEED);

    let mut ceremonies = begin(&founding, &signers);
    run(&mut ceremonies, &mut rng, |_, from, message| (from != 3).then_some(message));
    assert!(ceremonies.iter().all(|ceremony| !ceremony.complete()));
    assert!(ceremonies[..3].iter().all(|ceremony| ceremony.missing().contains(&&signers[3].public_key())));

    let mut ceremonies = begin(&founding, &signers);
    run(&mut ceremonies, &mut rng, |_, from, message| match message {
        Message::Confirm(_) if from == 3 => Some(Message::Confirm(signers[3].sign(domains::LEDGER_CEREMONY, &[9; 32]))),
        Message::Done if from == 3 => None,
        other => Some(other),
    });
    assert!(ceremonies[..3].iter().all(|ceremony| !ceremony.complete()));
    assert_eq!(ceremonies[0].contradicted_by(), [&signers[3].public_key()]);
}

#[test]
fn a_stranger_has_no_part_in_it() {
    let root = tempfile::tempdir().unwrap();
    let (founding, signers) = founders(&root.path().join("a"), 4);
    let (_, strangers) = founders(&root.path().join("b"), 1);
    assert!(Ceremony::new(founding.clone(), strangers[0].clone(), SEED).is_err());
    let mut ceremony = Ceremony::new(founding, signers[0].clone(), SEED).unwrap();
    let stranger = strangers[0].public_key();
    let deal = Message::Deal(ceremony.public.clone(), ceremony.private[&signers[0].public_key()].clone());
    assert!(ceremony.receive(&stranger, deal).is_none(), "no acknowledgement");
    ceremony.receive(&stranger, Message::Confirm(strangers[0].sign(domains::LEDGER_CEREMONY, &[9; 32])));
    assert!(ceremony.confirmations.is_empty());
}
