use super::*;
use crate::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use crate::ledger::record::{Record, StatusEpoch};
use crate::ledger::testkit::TestLedger;

fn envelope(n: u64) -> Envelope {
    let record = Record::StatusEpoch(StatusEpoch { issuer_key: n.to_be_bytes(), epoch: 1, at: n });
    Envelope { version: 1, height: 1, record }
}

/// A state of so many records, in order.
fn state(count: u64) -> Vec<Envelope> {
    let mut envelopes: Vec<_> = (0..count).map(envelope).collect();
    envelopes.sort_by_key(|envelope| envelope.record.state_key());
    envelopes
}

fn below(state: &[Envelope], prefix: &Prefix) -> Vec<Envelope> {
    state.iter().filter(|envelope| prefix.covers(&envelope.record.state_key())).cloned().collect()
}

fn subtree(state: &[Envelope], prefix: &Prefix) -> Subtree {
    let entries: Vec<_> =
        below(state, prefix).iter().map(|e| (e.record.state_key(), tree::value_hash(&e.encode()))).collect();
    Subtree { is_single: entries.len() == 1, hash: tree::subtree(&entries, prefix.depth()) }
}

fn records(envelopes: &[Envelope]) -> Part {
    Part::Records { values: envelopes.iter().map(|envelope| ByteVec::from(envelope.encode())).collect() }
}

fn hashes(state: &[Envelope], prefix: &Prefix) -> Part {
    let children: Vec<_> = prefix.children().map(|child| subtree(state, &child)).collect();
    Part::of(&children.try_into().unwrap())
}

#[test]
fn any_state_is_fetched_part_by_part_whatever_its_shape() {
    for count in [0, 1, 2, 3, 17, 400] {
        let state = state(count);
        let entries: Vec<_> = state.iter().map(|e| (e.record.state_key(), tree::value_hash(&e.encode()))).collect();
        let root = Subtree { is_single: count == 1, hash: tree::root_of(&entries) };
        // Records at once, or two levels of hashes before them.
        for levels in 0..=2 {
            let mut wanted = vec![(Prefix::default(), root)];
            let mut found = Vec::new();
            while let Some((prefix, expected)) = wanted.pop() {
                let split = prefix.depth() < 4 * levels && !expected.is_single;
                let part = if split { hashes(&state, &prefix) } else { records(&below(&state, &prefix)) };
                assert_eq!(Part::decode(&part.encode()).unwrap(), part);
                match part.check(&prefix, &expected).unwrap() {
                    Checked::Records(envelopes) => found.extend(envelopes),
                    Checked::Subtrees(children) => wanted.extend(children),
                }
            }
            found.sort_by_key(|envelope| envelope.record.state_key());
            assert_eq!(found, state, "{count} records, {levels} levels");
        }
    }
}

#[test]
fn snap_03_only_all_records_of_the_subtree_are_taken() {
    let state = state(60);
    let prefix: Prefix = "a".parse().unwrap();
    let (expected, ours) = (subtree(&state, &prefix), below(&state, &prefix));
    assert!(ours.len() > 2);
    assert_eq!(records(&ours).check(&prefix, &expected), Ok(Checked::Records(ours.clone())));
    let mismatch = Err(SnapshotError::PartMismatch);
    let stranger = envelope(1_000_000);
    let mut newer = ours.clone();
    newer[0].version += 1;
    for (what, wrong) in [
        ("one less", ours[1..].to_vec()),
        ("none", vec![]),
        ("one more", [&ours[..], &[stranger]].concat()),
        ("one of another subtree", [&ours[..], &below(&state, &"b".parse().unwrap())[..1]].concat()),
        ("one twice", [&ours[..1], &ours[..]].concat()),
        ("another order", ours.iter().rev().cloned().collect()),
        ("another version", newer),
        ("another subtree", below(&state, &"b".parse().unwrap())),
    ] {
        assert_eq!(records(&wrong).check(&prefix, &expected), mismatch, "{what}");
    }
    let noise = Part::Records { values: vec![ByteVec::from(vec![1, 2, 3])] };
    assert_eq!(noise.check(&prefix, &expected), Err(SnapshotError::SnapshotMalformed));
}

#[test]
fn snap_04_hashes_lead_to_the_one_above_them() {
    let state = state(300);
    let prefix = Prefix::default();
    let expected = subtree(&state, &prefix);
    let Part::Subtrees { children } = hashes(&state, &prefix) else { unreachable!() };
    for at in 0..children.len() {
        let mut wrong = children.to_vec();
        wrong[at] ^= 1;
        let checked = Part::Subtrees { children: ByteVec::from(wrong) }.check(&prefix, &expected);
        // A single record or not: the same hash above, where its neighbour is not empty. It is found one level below.
        if at % 33 == 0 && checked.is_ok() {
            let Ok(Checked::Subtrees(found)) = checked else { unreachable!() };
            let (child, claimed) = found[at / 33].clone();
            assert_eq!(
                records(&below(&state, &child)).check(&child, &claimed),
                Err(SnapshotError::PartMismatch),
                "byte {at}"
            );
        } else {
            assert!(checked.is_err(), "byte {at}");
        }
    }
    for wrong in
        [vec![], children[33..].to_vec(), [&children[..], &[0; 33]].concat(), [&[1; 1], &[0; 527][..]].concat()]
    {
        let part = Part::Subtrees { children: ByteVec::from(wrong) };
        assert_eq!(part.check(&prefix, &expected), Err(SnapshotError::SnapshotMalformed));
    }
    // Nobody is led down for ever: below a whole key there is nothing.
    let whole: Prefix = "0".repeat(64).parse().unwrap();
    assert_eq!(whole.children().count(), 0);
    let single = Subtree { is_single: true, hash: [7; 32] };
    let mut children = [Subtree::NONE; 16];
    children[0] = single;
    assert_eq!(Part::of(&children).check(&whole, &single), Err(SnapshotError::PartMismatch));
    // Many records cannot be claimed below one another without end either.
    let many = Subtree { is_single: false, hash: [7; 32] };
    children[0] = many;
    let above = Subtree::above_all(&children);
    assert_eq!(Part::of(&children).check(&whole, &above), Ok(Checked::Subtrees(vec![])));
}

#[test]
fn snap_01_other_encodings_and_too_many_bytes_are_refused() {
    let part = records(&state(3)).encode();
    assert_eq!(Part::decode(&part[..part.len() - 1]), Err(SnapshotError::SnapshotMalformed));
    assert_eq!(Part::decode(&[&part[..], &[0]].concat()), Err(SnapshotError::SnapshotMalformed));
    assert_eq!(Part::decode(&vec![0; PART_MAX + 1]), Err(SnapshotError::TooLarge));
    assert_eq!(Offer::decode(&vec![0; OFFER_MAX + 1]), Err(SnapshotError::TooLarge));
    for wrong in ["A", "g", "0x", " ", "é", &"0".repeat(65)] {
        assert_eq!(wrong.parse::<Prefix>(), Err(SnapshotError::SnapshotMalformed), "{wrong}");
    }
    let prefix: Prefix = "0f".parse().unwrap();
    assert_eq!((prefix.to_string().as_str(), prefix.depth()), ("0f", 8));
    assert!(!prefix.bit(3) && prefix.bit(4) && prefix.bit(7) && !prefix.bit(8));
}

#[test]
fn snap_02_an_offer_is_a_block_that_is_final() {
    let PublicKey::Ed25519(governor) = Ed25519SigningKey::from_seed(&[1; 32]).public_key() else { unreachable!() };
    let ledger = |seed| TestLedger::new("kr", [seed; 32], governor, 1_000).unwrap();
    let (ours, other) = (ledger(1), ledger(2));
    let proof = ours.proof(&StateKey::governance()).unwrap();
    let block = CertifiedBlock { header: proof.header, certificate: proof.certificate, body: vec![] };
    let header = Header::decode(&block.header).unwrap();
    // The block of the test ledger has no transactions.
    assert_eq!(header.body_root, body_root::<Vec<u8>>(&[]));
    assert_eq!(block.check(&ours.anchor()), Ok(header));
    assert_eq!(block.check(&other.anchor()), Err(SnapshotError::WrongNetwork));
    let with = |change: &dyn Fn(&mut CertifiedBlock)| {
        let mut changed = block.clone();
        change(&mut changed);
        changed.check(&ours.anchor())
    };
    assert_eq!(with(&|block| block.body.push(vec![1].into())), Err(SnapshotError::BodyMismatch));
    assert_eq!(with(&|block| block.header[144] ^= 1), Err(SnapshotError::CertificateInvalid));
    assert_eq!(with(&|block| block.certificate[9] ^= 1), Err(SnapshotError::CertificateInvalid));
    assert_eq!(with(&|block| block.header.truncate(9)), Err(SnapshotError::SnapshotMalformed));
    let offer = Offer { block: block.clone(), appointment: vec![block.clone()] };
    assert_eq!(Offer::decode(&offer.encode()), Ok(offer));
    let twice = Offer { block: block.clone(), appointment: vec![block.clone(), block] };
    assert_eq!(Offer::decode(&twice.encode()), Err(SnapshotError::SnapshotMalformed));
}
