use commonware_codec::DecodeExt as _;
use commonware_utils::NZU64;

use super::*;
use crate::epoch::tests::{Keys, office};
use crate::machine::Roster;
use crate::secrets::{Folder, Memory};

/// Four validators that hand the group key on to themselves, what each keeps, and a source of randomness.
fn begun() -> (Office, Keys, ChaCha20Rng) {
    let (genesis, keys) = office(4, NZU64!(16));
    let bytes = |key: &Key| <[u8; 32]>::try_from(key.as_ref()).unwrap();
    let roster = Roster { version: 2, validators: keys.keys().map(|key| (bytes(key), None)).collect() };
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let (_, begun) = genesis.propose(16, Some(&roster), None, &mut rng);
    (begun, keys, rng)
}

#[test]
fn a_restarted_member_says_the_same_and_keeps_what_it_was_dealt() {
    let (begun, keys, mut rng) = begun();
    let round = begun.round.clone().unwrap();

    let root = tempfile::tempdir().unwrap();
    let mut secrets = Folder(root.path().into());
    let mut members = keys.values();
    let (me, mine) = members.next().unwrap();
    let (other, theirs) = members.next().unwrap();
    let share =
        |memory: &Memory| memory.get(&share_name(0)).unwrap().map(|bytes| Share::decode(Copying(&bytes)).unwrap());
    let mut dealer =
        Handover::new(&begun, round.clone(), other, share(theirs), &mut Memory::default(), &mut rng).unwrap();
    let mut first = Handover::new(&begun, round.clone(), me, share(mine), &mut secrets, &mut rng).unwrap();
    let said =
        |handover: &Handover| handover.tick().iter().map(|(to, it)| (to.clone(), it.encode())).collect::<Vec<_>>();
    let before = said(&first);
    assert_eq!(before.len(), 3);
    let (_, deal) = dealer.tick().into_iter().find(|(to, _)| *to == me.public_key()).unwrap();
    assert_eq!(deal.encode().len(), deal.encode_size());
    assert!(deal.encode_size() <= max_message());
    let deal = Message::decode(deal.encode()).unwrap();
    let ack = first.receive(&other.public_key(), deal.said.clone(), &mut secrets).unwrap().unwrap();

    let mut again = Handover::new(&begun, round, me, share(mine), &mut secrets, &mut rng).unwrap();
    assert_eq!(said(&again), before);
    let (Said::Ack(ack), Some(Said::Ack(same))) =
        (ack, again.receive(&other.public_key(), deal.said, &mut secrets).unwrap())
    else {
        panic!("acknowledgements");
    };
    assert_eq!(ack.encode(), same.encode());
    dealer.receive(&me.public_key(), Said::Ack(ack), &mut Memory::default()).unwrap();
    assert_eq!(dealer.tick().len(), 2);
    let file = root.path().join(handover_name(1));
    assert!(file.exists());
    secrets.erase(&handover_name(1)).unwrap();
    assert!(!file.exists() && secrets.names().unwrap().is_empty());
}

/// What it acknowledged is on the chain, and the disk with the dealing is gone: it follows, and does not stop.
#[test]
fn a_member_that_lost_a_dealing_it_acknowledged_follows() {
    let (begun, keys, mut rng) = begun();
    let round = begun.round.clone().unwrap();
    let mut members = keys.values();
    let ((me, _), (other, theirs), (third, _)) =
        (members.next().unwrap(), members.next().unwrap(), members.next().unwrap());
    let share = theirs.get(&share_name(0)).unwrap().map(|bytes| Share::decode(Copying(&bytes)).unwrap());

    let (mut disk, mut elsewhere) = (Memory::default(), Memory::default());
    let mut dealer = Handover::new(&begun, round.clone(), other, share, &mut elsewhere, &mut rng).unwrap();
    let mut player = Handover::new(&begun, round.clone(), me, None, &mut disk, &mut rng).unwrap();
    // Two of three must have acknowledged: a dealer that would show more than one dealing shows none, and no
    // acknowledgement either.
    let mut another_disk = Memory::default();
    let mut another = Handover::new(&begun, round.clone(), third, None, &mut another_disk, &mut rng).unwrap();
    for (who, player, disk) in [(me, &mut player, &mut disk), (third, &mut another, &mut another_disk)] {
        let (_, deal) = dealer.tick().into_iter().find(|(to, _)| *to == who.public_key()).unwrap();
        let ack = player.receive(&other.public_key(), deal.said, disk).unwrap().unwrap();
        dealer.receive(&who.public_key(), ack, &mut elsewhere).unwrap();
    }
    let ended = begun.replay(24, &[dealer.record(true).unwrap()]).unwrap();
    assert_eq!(ended.logs.len(), 1);

    let with =
        |secrets: &mut dyn Secrets, rng: &mut ChaCha20Rng| Handover::new(&ended, round.clone(), me, None, secrets, rng);
    assert!(with(&mut disk, &mut rng).unwrap().player.is_some(), "the disk has it");
    let mut empty = Memory::default();
    let again = with(&mut empty, &mut rng).unwrap();
    assert!(again.player.is_none());
    assert_eq!(again.finish(&ended, &mut empty, &mut rng), Ok(false));
    assert_eq!(empty.get(&share_name(round.epoch + 1)).unwrap().map(|_| ()), None);
}
