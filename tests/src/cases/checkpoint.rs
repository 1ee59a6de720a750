//! Checkpoints as a terminal that cannot check the group's certificate receives them.

use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::ledger::{Checkpoint, Cosignature, Header, Note};

use super::Case;
use crate::world::NOW;

fn seed(validator: usize) -> [u8; 32] {
    crate::seed(&format!("validator {validator}"))
}

fn key(validator: usize) -> [u8; 32] {
    match Ed25519SigningKey::from_seed(&seed(validator)).public_key() {
        PublicKey::Ed25519(key) => key,
        _ => panic!("an Ed25519 key"),
    }
}

fn cosigned(checkpoint: Checkpoint, validators: &[usize]) -> Note {
    let cosign = |validator: &usize| checkpoint.cosign(&seed(*validator), NOW, None).expect("the first of its height");
    Note::new(checkpoint, validators.iter().map(cosign).collect())
}

pub(super) fn cases() -> Vec<Case> {
    let network = crate::seed("network");
    let header = Header { height: 1_204, state_root: crate::seed("state"), ..Header::genesis(network, NOW * 1_000) };
    let checkpoint = Checkpoint::of(&header);
    let validators: Vec<_> = (0..4).map(|validator| hex::encode(key(validator))).collect();
    let note = cosigned(checkpoint, &[0, 1, 2]);
    let text = note.encode();
    let good =
        Case::valid("ledger-checkpoint", "three-of-four", "Three of four validators cosigned.", text.clone().into());
    let good = (good.with("header", &hex::encode(header.encode())))
        .with("network", &hex::encode(network))
        .with("validators", &validators.join(" "));
    let broken = |id: &str, slug: &str, title: &str, expect: &str, text: String| {
        good.broken(id, slug, title, expect, text.into_bytes())
    };
    let edited = |change: &dyn Fn(&mut Vec<Cosignature>)| {
        let mut other = note.clone();
        change(&mut other.cosignatures);
        other.encode()
    };
    let (malformed, too_few) = ("MalformedCheckpoint", "QuorumNotMet");
    let line = note.cosignatures[0].line();
    let later = Header { height: 1_205, ..header };
    vec![
        broken("CHKP-01", "empty", "Nothing at all.", malformed, String::new()),
        broken("CHKP-01", "height-with-zero", "A leading zero.", malformed, text.replacen("\n1204\n", "\n01204\n", 1)),
        broken("CHKP-01", "extension", "A fourth line is signed.", malformed, text.replacen("\n\n", "\nmore\n\n", 1)),
        broken("CHKP-01", "no-signatures", "The text alone.", malformed, checkpoint.body()),
        broken("CHKP-01", "hyphen", "A hyphen before a signature.", malformed, text.replacen('\u{2014}', "-", 1)),
        broken("CHKP-01", "unfinished", "The last line feed is missing.", malformed, text.trim_end().to_owned()),
        broken("CHKP-01", "too-large", "More than any note has.", malformed, text.repeat(200)),
        good.under(("network", &"00".repeat(32)), "F37", "unknown-log", "Another network's.", "UnknownLog"),
        good.under(
            ("header", &hex::encode(later.encode())),
            "CHKP-03",
            "other-header",
            "The next header.",
            "HeaderMismatch",
        ),
        broken(
            "CHKP-04",
            "signature-changed",
            "A bit of a signature.",
            "CosignatureInvalid",
            edited(&|all| {
                all[1].signature[9] ^= 1;
            }),
        ),
        broken(
            "CHKP-04",
            "time-changed",
            "Another time than was signed.",
            "CosignatureInvalid",
            edited(&|all| {
                all[1].time += 1;
            }),
        ),
        broken(
            "CHKP-04",
            "signature-of-another",
            "A signature under another's name.",
            "CosignatureInvalid",
            edited(&|all| {
                all[1].signature = all[0].signature;
            }),
        ),
        broken("CHKP-05", "two-of-four", "Two of four.", too_few, cosigned(checkpoint, &[0, 1]).encode()),
        broken("CHKP-05", "one-thrice", "One validator's line three times.", too_few, {
            format!("{}\n{}", checkpoint.body(), line.repeat(3))
        }),
        broken(
            "F37",
            "strangers",
            "Signed by nobody who is trusted.",
            too_few,
            cosigned(checkpoint, &[5, 6, 7]).encode(),
        ),
        good,
    ]
}
