//! Not the one encoding of a presentation, or parts that do not fit the type.

use protocol::credential::Value;
use protocol::exchange::Shown;

use super::{Case, Valid};

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let mut cases = encoding(valid);
    cases.extend(fields(valid));
    cases
}

fn encoding(valid: &Valid<'_>) -> Vec<Case> {
    let age = &valid.age;
    let bytes = &age.bytes;
    let malformed =
        |id: &str, slug: &str, title: &str, bytes| age.broken(id, slug, title, "MalformedPresentation", bytes);
    // The encoding begins: map of 7 (0xa7), key 0, version 1, key 1, eight bytes (0x48).
    assert_eq!(&bytes[..5], [0xa7, 0, 1, 1, 0x48]);
    vec![
        malformed("E01", "empty", "Nothing at all.", vec![]),
        malformed("E01", "one-byte", "A single byte.", vec![0xa7]),
        malformed("E01", "random", "Random bytes of the usual length.", random(bytes.len())),
        malformed("E01", "too-large", "One byte more than one code carries.", [bytes.as_slice(), &[0; 2_861]].concat()),
        malformed("A36", "trailing-byte", "A byte follows the presentation.", [bytes.as_slice(), &[0]].concat()),
        malformed("E05", "cut-short", "The last byte is missing.", bytes[..bytes.len() - 1].to_vec()),
        malformed(
            "A36",
            "longer-integer",
            "The version is written in two bytes.",
            [&[0xa7, 0, 0x18], &bytes[2..]].concat(),
        ),
        malformed("A36", "indefinite-map", "The map has no length.", [&[0xbf], &bytes[1..], &[0xff]].concat()),
        malformed("A36", "duplicate-key", "The version comes twice.", [&[0xa8, 0, 1], &bytes[1..]].concat()),
        malformed(
            "A36",
            "unknown-field",
            "A field that the form does not have.",
            [&[0xa8], &bytes[1..], &[0x18, 99, 0]].concat(),
        ),
        malformed("A36", "unsorted-keys", "The version comes last.", [&[0xa7], &bytes[3..], &[0, 1]].concat()),
        malformed("A36", "deep-nesting", "Two thousand arrays inside each other.", vec![0x81; 2_000]),
        malformed(
            "A36",
            "huge-length",
            "A proof that claims 2^63 bytes.",
            [&[0xa1, 9, 0x5b, 0x7f], [0xff; 7].as_slice()].concat(),
        ),
        age.broken(
            "E02",
            "newer-version",
            "Version 2.",
            "UnsupportedVersion",
            Valid::edit(age, |wire| wire.version = 2),
        ),
        age.broken(
            "E02",
            "version-zero",
            "Version 0.",
            "UnsupportedVersion",
            Valid::edit(age, |wire| wire.version = 0),
        ),
    ]
}

fn fields(valid: &Valid<'_>) -> Vec<Case> {
    let (age, licence) = (&valid.age, &valid.licence);
    let mismatch = |id: &str, slug: &str, title: &str, bytes| age.broken(id, slug, title, "TypeMismatch", bytes);
    let signed = |id: &str, slug: &str, title: &str, bytes| licence.broken(id, slug, title, "TypeMismatch", bytes);
    vec![
        signed(
            "PRES-02",
            "attribute-twice",
            "An attribute is shown twice.",
            valid.edit_signed(|wire| {
                wire.shown.insert(0, wire.shown[0].clone());
            }),
        ),
        signed(
            "PRES-02",
            "out-of-order",
            "Attributes are not in the type's order.",
            valid.edit_signed(|wire| wire.shown.swap(0, 1)),
        ),
        signed(
            "PRES-02",
            "no-such-attribute",
            "An attribute that the type does not have.",
            valid.edit_signed(|wire| {
                wire.shown.push(Shown { position: 200, value: Value::Text("x".into()) });
            }),
        ),
        signed(
            "PRES-02",
            "value-of-another-kind",
            "A number where the type has text.",
            valid.edit_signed(|wire| {
                wire.shown[0].value = Value::Number(7);
            }),
        ),
        signed(
            "A24",
            "right-to-left-override",
            "A name with U+202E, which shows as something else.",
            valid.edit_signed(|wire| {
                wire.shown[1].value = Value::Text("\u{202e}GNODLIG".into());
            }),
        ),
        signed(
            "PRES-03",
            "handle-missing",
            "No handle, so that withdrawal cannot be looked up.",
            valid.edit_signed(|wire| wire.handle = None),
        ),
        signed(
            "PRES-03",
            "list-and-epoch",
            "A status epoch beside the handle.",
            valid.edit_signed(|wire| wire.epoch = Some(1)),
        ),
        mismatch(
            "C22",
            "status-missing",
            "No status epoch though the type has status tokens.",
            Valid::edit(age, |wire| wire.epoch = None),
        ),
        mismatch(
            "PRES-03",
            "surplus-handle",
            "A handle in an anonymous presentation.",
            Valid::edit(age, |wire| wire.handle = Some(5)),
        ),
        age.broken(
            "PRES-03",
            "surplus-device-key",
            "A device key in an anonymous presentation.",
            "HolderBindingMissing",
            Valid::edit(age, |wire| {
                wire.device_key = valid.world.holder.licence.credential.device_key;
            }),
        ),
        mismatch(
            "PRES-04",
            "statement-twice",
            "The same statement twice.",
            Valid::edit(age, |wire| wire.proven.push(wire.proven[0].clone())),
        ),
        mismatch(
            "PRES-04",
            "age-zero",
            "An age that everyone has.",
            Valid::edit(age, |wire| {
                wire.proven = valid.world.age(0).prove;
            }),
        ),
        age.broken(
            "PRES-04",
            "age-126",
            "An age that no calendar reaches.",
            "TypeMismatch",
            Valid::edit(age, |wire| {
                wire.proven = valid.world.age(126).prove;
            }),
        ),
    ]
}

fn random(length: usize) -> Vec<u8> {
    use rand_core::Rng;
    let mut bytes = vec![0; length];
    crate::rng("random bytes").fill_bytes(&mut bytes);
    bytes
}
