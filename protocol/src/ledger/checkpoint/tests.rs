//! Each rule with its valid twin.

use super::*;

const NETWORK: [u8; 32] = [7; 32];

fn header(height: u64, state: u8) -> Header {
    Header { height, state_root: [state; 32], ..Header::genesis(NETWORK, 1_000) }
}

fn key(seed: u8) -> [u8; 32] {
    SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes()
}

fn validators() -> Vec<[u8; 32]> {
    (1..=4).map(key).collect()
}

fn note(header: &Header, seeds: &[u8]) -> Note {
    let checkpoint = Checkpoint::of(header);
    let cosign = |seed: &u8| checkpoint.cosign(&[*seed; 32], 1_700_000_000, None).unwrap();
    Note::new(checkpoint, seeds.iter().map(cosign).collect())
}

fn check(note: &Note, header: &Header) -> Result<(), CheckpointError> {
    note.check(header, &NETWORK, &validators(), quorum(4))
}

#[test]
fn chkp_05_a_quorum_of_validators_is_needed_each_counted_once() {
    let header = header(9, 1);
    assert_eq!(check(&note(&header, &[1, 2, 3]), &header), Ok(()));
    assert_eq!(check(&note(&header, &[1, 2, 3, 4]), &header), Ok(()));
    assert_eq!(check(&note(&header, &[1, 2]), &header), Err(CheckpointError::QuorumNotMet));
    assert_eq!(check(&note(&header, &[1, 2, 2, 2]), &header), Err(CheckpointError::QuorumNotMet));
    assert_eq!(check(&note(&header, &[1, 2, 5, 6]), &header), Err(CheckpointError::QuorumNotMet), "strangers");
    let nobody = note(&header, &[1]).check(&header, &NETWORK, &[], 0);
    assert_eq!(nobody, Err(CheckpointError::QuorumNotMet), "a quorum of none is no quorum");
    assert_eq!([1, 2, 3, 4, 5, 7, 100].map(quorum), [1, 2, 3, 3, 4, 5, 67]);
}

#[test]
fn chkp_02_and_03_only_this_header_of_this_log() {
    let (ours, other) = (header(9, 1), header(9, 2));
    let signed = note(&ours, &[1, 2, 3]);
    assert_eq!(check(&signed, &other), Err(CheckpointError::HeaderMismatch));
    assert_eq!(signed.check(&ours, &[8; 32], &validators(), 3), Err(CheckpointError::UnknownLog));
    let elsewhere = Header { network_id: [8; 32], ..ours };
    assert_eq!(check(&note(&elsewhere, &[1, 2, 3]), &elsewhere), Err(CheckpointError::UnknownLog));
}

#[test]
fn chkp_04_every_bit_of_a_cosignature_counts() {
    let header = header(9, 1);
    let good = note(&header, &[1, 2, 3]);
    for at in 0..64 {
        let mut bad = good.clone();
        bad.cosignatures[1].signature[at] ^= 1;
        assert_eq!(check(&bad, &header), Err(CheckpointError::CosignatureInvalid), "byte {at}");
    }
    let mut later = good.clone();
    later.cosignatures[0].time += 1;
    assert_eq!(check(&later, &header), Err(CheckpointError::CosignatureInvalid));
}

#[test]
fn chkp_01_a_note_has_one_form() {
    let header = header(9, 1);
    let good = note(&header, &[1, 2, 3]);
    let text = good.encode();
    assert_eq!(Note::parse(text.as_bytes()), Ok(good.clone()));
    let stranger = "\u{2014} witness.example/w1 AAAAAAAAAAAA\n";
    assert_eq!(Note::parse(format!("{text}{stranger}").as_bytes()), Ok(good.clone()), "a line of someone else");
    let swapped = text.replacen("\n9\n", "\n09\n", 1);
    let upper = text.replacen(&hex::encode(NETWORK), &hex::encode_upper([0xab; 32]), 1);
    let short = good.cosignatures[0].line().replace("=", "");
    for bad in [
        String::new(),
        swapped,
        upper,
        text.replacen("\n9\n", "\n-9\n", 1),
        text.replacen("\n9\n", "\n18446744073709551616\n", 1),
        text.replacen(ORIGIN, "mid.other/", 1),
        text.replacen("\n\n", "\n", 1),
        text.replacen("\n\n", "\nextension\n\n", 1),
        text.replacen("\u{2014} ", "- ", 1),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        text.replacen(&good.cosignatures[0].line(), &short, 1),
        text.replacen(good.cosignatures[0].line().trim_end(), &format!("\u{2014} {} AA==", hex::encode(key(1))), 1),
        "x".repeat(CHECKPOINT_MAX + 1),
    ] {
        assert_eq!(Note::parse(bad.as_bytes()), Err(CheckpointError::MalformedCheckpoint), "{bad:?}");
    }
    assert_eq!(Note::parse(&[0xff, 0xfe]), Err(CheckpointError::MalformedCheckpoint));
}

/// F36: two checkpoints at once.
#[test]
fn chkp_06_a_later_checkpoint_forbids_earlier_ones_for_ever() {
    let at = |height, state| Checkpoint::of(&header(height, state));
    let cosign = |next: Checkpoint, last: Checkpoint| next.cosign(&[1; 32], 1, Some(&last)).map(|_| ());
    assert_eq!(cosign(at(9, 1), at(8, 1)), Ok(()));
    assert_eq!(cosign(at(9, 1), at(9, 1)), Ok(()), "the same again");
    assert_eq!(cosign(at(8, 1), at(9, 1)), Err(CheckpointError::CheckpointConflict));
    assert_eq!(cosign(at(9, 2), at(9, 1)), Err(CheckpointError::CheckpointConflict));
}

/// F32: two headers of one height.
#[test]
fn chkp_07_who_signed_two_headers_of_one_height_is_named() {
    let (a, b) = (note(&header(9, 1), &[1, 2, 3]), note(&header(9, 2), &[2, 3, 4]));
    let mut expected = vec![key(2), key(3)];
    expected.sort_unstable();
    assert_eq!(a.equivocators(&b), expected);
    assert_eq!(b.equivocators(&a), expected);
    assert!(a.equivocators(&a).is_empty() && a.equivocators(&note(&header(8, 2), &[2, 3])).is_empty());
    let mut slander = b;
    slander.cosignatures.iter_mut().for_each(|cosignature| cosignature.signature[0] ^= 1);
    assert!(a.equivocators(&slander).is_empty(), "a wrong signature accuses nobody");
}

/// The key id and the signed bytes are those of C2SP tlog-cosignature, written out.
#[test]
fn the_form_is_that_of_c2sp() {
    let checkpoint = Checkpoint::of(&header(9, 1));
    let cosignature = checkpoint.cosign(&[1; 32], 1_679_315_147, None).unwrap();
    let signed = format!(
        "cosignature/v1\ntime 1679315147\nmid.ledger/{}\n9\n{}\n",
        "07".repeat(32),
        STANDARD.encode(checkpoint.digest)
    );
    let key = VerifyingKey::from_bytes(&key(1)).unwrap();
    assert!(key.verify_strict(signed.as_bytes(), &Signature::from_bytes(&cosignature.signature)).is_ok());
    let line = cosignature.line();
    let blob = STANDARD.decode(line.trim_end().rsplit(' ').next().unwrap()).unwrap();
    let name = hex::encode(self::key(1));
    let id = Sha256::digest([name.as_bytes(), b"\n\x04", &self::key(1)].concat());
    assert_eq!((&blob[..4], &blob[4..12]), (&id[..4], &1_679_315_147u64.to_be_bytes()[..]));
}
