use std::collections::BTreeMap;

use commonware_codec::Encode as _;
use commonware_cryptography::Signer as _;
use commonware_cryptography::bls12381::dkg::feldman_desmedt;
use commonware_cryptography::bls12381::primitives::group::Share;
use commonware_cryptography::bls12381::primitives::ops::{self, threshold};
use commonware_utils::TryCollect as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;
use crate::handover::{Handover, Said};
use crate::secrets::{Memory, Secrets as _, share_name};

pub(crate) type Keys = BTreeMap<Key, (Signer, Memory)>;

fn signers(seeds: std::ops::Range<u64>) -> Vec<Signer> {
    seeds.map(Signer::from_seed).collect()
}

/// A network of `count` validators at its genesis, and their secrets.
pub(crate) fn office(count: u64, epoch_blocks: NonZeroU64) -> (Office, Keys) {
    let signers = signers(0..count);
    let set: Set<Key> = signers.iter().map(|signer| signer.public_key()).try_collect().unwrap();
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let dealt = feldman_desmedt::deal::<MinSig, _, N3f1>(&mut rng, Mode::NonZeroCounter, set.clone());
    let (output, shares) = dealt.unwrap();
    let committee = Committee::genesis(set, output.public()).unwrap();
    let keys = signers.into_iter().map(|signer| {
        let mut secrets = Memory::default();
        let share = shares.get_value(&signer.public_key()).unwrap();
        secrets.put(&share_name(0), &share.encode()).unwrap();
        (signer.public_key(), (signer, secrets))
    });
    (Office::new(Arc::new(Terms::new(&[3; 32], epoch_blocks)), committee), keys.collect())
}

fn roster(version: u64, signers: &[Signer]) -> Roster {
    let bytes = |signer: &Signer| <[u8; 32]>::try_from(signer.public_key().as_ref()).unwrap();
    Roster { version, validators: signers.iter().map(|signer| (bytes(signer), None)).collect() }
}

fn share(secrets: &Memory, since: u64) -> Option<Share> {
    secrets.get(&share_name(since)).unwrap().map(|bytes| Share::decode(Copying(&bytes)).unwrap())
}

/// One epoch of 16 blocks from its first height on; those in `absent` neither deal nor receive.
fn run_epoch(mut office: Office, keys: &mut Keys, roster: &Roster, first: u64, absent: &[Key]) -> Office {
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    let mut handovers: BTreeMap<Key, Handover> = BTreeMap::new();
    let mut pending: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
    for height in first..first + 16 {
        // Each block is proposed by one and checked by another.
        let late = office.terms.is_late(height);
        for (key, handover) in &mut handovers {
            pending.extend(handover.record(late).map(|record| (key.clone(), record)));
        }
        let log = pending.iter().find(|(key, _)| !office.logs.contains_key(key)).map(|(_, log)| log.clone());
        let (records, after) = office.propose(height, Some(roster), log.as_deref(), &mut rng);
        let applied = office.apply(height, Some(roster), &records, &mut rng).unwrap();
        assert_eq!(applied.next, after.next);
        assert_eq!(office.replay(height, &records).unwrap().next, after.next);
        office = after;
        let Some(round) = office.round.clone() else { continue };
        if handovers.is_empty() {
            for (key, (signer, secrets)) in keys.iter_mut().filter(|(key, _)| !absent.contains(key)) {
                let held = share(secrets, office.committee.since);
                let held = held.filter(|_| office.committee.members.keys.position(key).is_some());
                let begun = Handover::new(&office, round.clone(), signer, held, secrets, &mut rng).unwrap();
                handovers.insert(key.clone(), begun);
            }
        }
        let said: Vec<_> = handovers.iter().map(|(key, handover)| (key.clone(), handover.tick())).collect();
        for (from, (to, message)) in
            said.into_iter().flat_map(|(from, to)| to.into_iter().map(move |m| (from.clone(), m)))
        {
            let Some(receiver) = handovers.get_mut(&to) else { continue };
            let answer = receiver.receive(&from, message.said, &mut keys.get_mut(&to).unwrap().1).unwrap();
            if let Some(answer @ Said::Ack(_)) = answer {
                let dealer = handovers.get_mut(&from).unwrap();
                dealer.receive(&to, answer, &mut keys.get_mut(&from).unwrap().1).unwrap();
            }
        }
    }
    if office.next.is_some() {
        for (key, handover) in handovers {
            handover.finish(&office, &mut keys.get_mut(&key).unwrap().1, &mut rng).unwrap();
        }
    }
    office
}

/// Whether these members sign under `anchor`.
fn sign(committee: &Committee, keys: &Keys, members: &[Key], anchor: &Committee) -> bool {
    let partial =
        |key: &Key| threshold::sign_message::<MinSig>(&share(&keys[key].1, committee.since).unwrap(), b"n", b"m");
    let partials: Vec<_> = members.iter().map(partial).collect();
    let Ok(signature) = threshold::recover::<MinSig, _>(committee.output.public(), &partials, &Sequential) else {
        return false;
    };
    ops::verify_message::<MinSig>(anchor.output.public().public(), b"n", b"m", &signature).is_ok()
}

const BLOCKS: NonZeroU64 = NZU64!(16);

#[test]
fn the_key_stays_the_same_when_one_of_four_is_replaced_although_it_is_dead() {
    let (genesis, mut keys) = office(4, BLOCKS);
    let first = genesis.committee.clone();
    let new = signers(4..5);
    keys.insert(new[0].public_key(), (new[0].clone(), Memory::default()));
    let dead = first.members.keys.iter().next().unwrap().clone();
    let next: Vec<_> = keys.values().map(|(signer, _)| signer.clone()).filter(|it| it.public_key() != dead).collect();
    let roster = roster(1, &next);
    assert!(genesis.hurries(Some(&roster)));

    let ended = run_epoch(genesis, &mut keys, &roster, 16, std::slice::from_ref(&dead));
    let committee = ended.next.clone().expect("a next committee");
    assert_eq!((committee.since, committee.members.keys.len()), (2, 4));
    assert_eq!(committee.output.public().public(), first.output.public().public(), "the anchor");
    let members: Vec<Key> = committee.members.keys.iter().cloned().collect();
    assert!(sign(&committee, &keys, &members[..3], &first));
    assert!(sign(&committee, &keys, &members[1..], &first));
    assert!(!sign(&committee, &keys, &members[..2], &first), "two are no quorum");

    // The next epoch has nothing to do, and the committee stays.
    let quiet = run_epoch(ended, &mut keys, &roster, 32, &[]);
    assert!(quiet.next.is_none() && quiet.round.is_none() && !quiet.hurries(Some(&roster)));
    assert_eq!(quiet.committee, committee);
}

#[test]
fn one_grows_to_four_and_shrinks_again_under_one_key() {
    let (genesis, mut keys) = office(1, BLOCKS);
    let first = genesis.committee.clone();
    let all = signers(0..4);
    for signer in &all[1..] {
        keys.insert(signer.public_key(), (signer.clone(), Memory::default()));
    }
    let grown = run_epoch(genesis, &mut keys, &roster(1, &all), 16, &[]);
    let four = grown.next.clone().unwrap();
    let members: Vec<Key> = four.members.keys.iter().cloned().collect();
    assert!(sign(&four, &keys, &members[..3], &first));
    let shrunk = run_epoch(grown, &mut keys, &roster(2, &all[2..3]), 32, &[]);
    let one = shrunk.next.clone().unwrap();
    assert!(sign(&one, &keys, &[all[2].public_key()], &first));
}

#[test]
fn when_too_few_deal_those_in_office_stay_and_try_again() {
    let (genesis, mut keys) = office(4, BLOCKS);
    let first = genesis.committee.clone();
    let members: Vec<Key> = first.members.keys.iter().cloned().collect();
    let same: Vec<_> = keys.values().map(|(signer, _)| signer.clone()).collect();
    // The same validators with a new number: their shares change.
    let again = Roster { version: 7, ..roster(7, &same) };
    let failed = run_epoch(genesis, &mut keys, &again, 16, &members[..2]);
    assert!(failed.next.is_none());
    assert_eq!(failed.committee, first);
    assert!(failed.hurries(Some(&again)));
    let renewed = run_epoch(failed, &mut keys, &again, 32, &[]).next.clone().unwrap();
    assert!(sign(&renewed, &keys, &members[..3], &first));
    assert_ne!(share(&keys[&members[0]].1, 3), share(&keys[&members[0]].1, 0));
}

#[test]
fn records_that_are_not_due_make_a_block_invalid() {
    let (genesis, keys) = office(4, BLOCKS);
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    let next = roster(1, &signers(0..3));
    let begin = genesis.due(16, Some(&next), &mut rng);
    assert_eq!(begin.len(), 1);
    let mut refused = |office: &Office, height, roster, records: &[Vec<u8>]| {
        office.apply(height, roster, records, &mut rng).unwrap_err()
    };
    refused(&genesis, 16, Some(&next), &[]);
    refused(&genesis, 16, None, &begin);
    let other = roster(2, &signers(0..3));
    refused(&genesis, 16, Some(&other), &begin);
    refused(&genesis, 17, Some(&next), &begin);
    refused(&genesis, 17, None, &[vec![RECORD]]);
    refused(&genesis, 17, None, &[vec![RECORD, 9]]);
    let begun = genesis.replay(16, &begin).unwrap();

    let round = begun.round.clone().unwrap();
    let (signer, secrets) = keys.values().next().unwrap();
    let mut copy = Memory::default();
    let held = share(secrets, 0);
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let mut handover = Handover::new(&begun, round, signer, held, &mut copy, &mut rng).unwrap();
    let log = handover.record(true).unwrap();
    let mut refused =
        |office: &Office, height, records: &[Vec<u8>]| office.apply(height, None, records, &mut rng).unwrap_err();
    refused(&begun, 20, std::slice::from_ref(&log));
    refused(&begun, 24, &[log.clone(), log.clone()]);
    refused(&begun, 31, std::slice::from_ref(&log));
    let mut changed = log.clone();
    *changed.last_mut().unwrap() ^= 1;
    refused(&begun, 24, &[changed]);
    let mut longer = log.clone();
    longer.push(0);
    refused(&begun, 24, &[longer]);
    refused(&genesis, 24, std::slice::from_ref(&log));
    let logged = begun.replay(24, std::slice::from_ref(&log)).unwrap();
    refused(&logged, 25, &[log]);

    // Nobody makes up a committee: the logs do not suffice.
    let made_up = Record::End((*genesis.committee).clone()).to_bytes();
    refused(&logged, 31, std::slice::from_ref(&made_up));
    refused(&logged, 30, &[made_up]);
    assert!(logged.replay(31, &[]).unwrap().next.is_none());
}
