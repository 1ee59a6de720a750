//! The proof with one of its parts changed, or bound to something else.

use super::super::{flip, group_order, identity_point, splice, stray_points};
use super::{Case, Valid};
use crate::wire::PresentationWire;

/// Offsets in the proof of the age code: three points, three scalars, nine hidden messages, the challenge, then
/// three memberships of two points and a scalar each.
const B_BAR: usize = 48;
const D: usize = 96;
const RESPONSES: usize = 144;
const MESSAGES: usize = 240;
const CHALLENGE: usize = 528;
const MEMBERSHIPS: usize = 560;
const LENGTH: usize = 944;
/// The bit of a compressed point that tells it from its negative.
const SIGN: u8 = 0x20;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let mut cases = changed(valid);
    cases.extend(moved(valid));
    cases
}

fn changed(valid: &Valid<'_>) -> Vec<Case> {
    let age = &valid.age;
    let proof = PresentationWire::decode(&age.bytes).proof;
    assert_eq!(proof.len(), LENGTH);
    let with = |id: &str, slug: &str, title: &str, expect: &str, proof: Vec<u8>| {
        age.broken(id, slug, title, expect, Valid::edit(age, |wire| wire.proof = proof))
    };
    let (outside, nowhere) = stray_points();
    let mut infinity_and_more = identity_point();
    infinity_and_more[47] = 1;
    let mut not_below_p = [0xff; 48];
    not_below_p[0] = 0x9f;
    let scalar_less = [&proof[..MESSAGES], &proof[MESSAGES + 32..]].concat();
    let scalar_more = [&proof[..MESSAGES], &[1; 32], &proof[MESSAGES..]].concat();
    let mut cases = vec![
        with("C07", "empty", "No proof.", "ProofLength", vec![]),
        with("C07", "byte-less", "The proof lacks its last byte.", "ProofLength", proof[..LENGTH - 1].to_vec()),
        with("C07", "byte-more", "The proof has a byte more.", "ProofLength", [proof.as_slice(), &[0]].concat()),
        with("C07", "scalar-less", "A response is missing.", "ProofLength", scalar_less),
        with("C07", "scalar-more", "A response too many.", "ProofLength", scalar_more),
        with("C07", "membership-less", "The age part is missing.", "ProofLength", proof[..LENGTH - 128].to_vec()),
        with("C08", "zero-response", "A response is zero.", "ScalarOutOfRange", splice(&proof, MESSAGES, &[0; 32])),
        with(
            "C08",
            "response-is-r",
            "A response is the group order.",
            "ScalarOutOfRange",
            splice(&proof, MESSAGES, &group_order()),
        ),
        with(
            "C08",
            "zero-challenge",
            "The challenge is zero.",
            "ScalarOutOfRange",
            splice(&proof, CHALLENGE, &[0; 32]),
        ),
        with(
            "C08",
            "membership-response-max",
            "A scalar of all ones.",
            "ScalarOutOfRange",
            splice(&proof, LENGTH - 32, &[0xff; 32]),
        ),
    ];
    for (name, at) in
        [("a-bar", 0), ("b-bar", B_BAR), ("d", D), ("membership", MEMBERSHIPS), ("membership-bar", MEMBERSHIPS + 48)]
    {
        let slug = |what: &str| format!("{name}-{what}");
        let identity = splice(&proof, at, &identity_point());
        cases.push(with("C06", &slug("identity"), "A point is the identity.", "IdentityPoint", identity));
        let stray = splice(&proof, at, &outside);
        cases.push(with(
            "C05",
            &slug("outside-subgroup"),
            "A point of the curve outside the subgroup.",
            "InvalidPoint",
            stray,
        ));
        let negative = flip(&proof, at, SIGN);
        cases.push(with("C10", &slug("negated"), "A point is replaced by its negative.", "ProofInvalid", negative));
    }
    cases.extend([
        with("C05", "not-on-curve", "A coordinate that no point has.", "InvalidPoint", splice(&proof, 0, &nowhere)),
        with(
            "C05",
            "not-below-p",
            "A coordinate that is not below p.",
            "InvalidPoint",
            splice(&proof, 0, &not_below_p),
        ),
        with(
            "C05",
            "infinity-and-more",
            "The infinity flag on other bytes.",
            "InvalidPoint",
            splice(&proof, 0, &infinity_and_more),
        ),
        with("C05", "uncompressed-flag", "The compression flag is missing.", "InvalidPoint", flip(&proof, 0, 0x80)),
        with(
            "C10",
            "e-response-changed",
            "A bit of the response for e.",
            "ProofInvalid",
            flip(&proof, RESPONSES + 31, 1),
        ),
        with(
            "C10",
            "message-response-changed",
            "A bit of a hidden message's response.",
            "ProofInvalid",
            flip(&proof, MESSAGES + 63, 1),
        ),
        with("C10", "challenge-changed", "A bit of the challenge.", "ProofInvalid", flip(&proof, CHALLENGE + 31, 1)),
        with(
            "C10",
            "membership-response-changed",
            "A bit of a membership's response.",
            "ProofInvalid",
            flip(&proof, LENGTH - 1, 1),
        ),
    ]);
    cases
}

fn moved(valid: &Valid<'_>) -> Vec<Case> {
    let (world, age, region) = (valid.world, &valid.age, &valid.region);
    let proof = PresentationWire::decode(&age.bytes).proof;
    let with = |id: &str, slug: &str, title: &str, proof: Vec<u8>| {
        age.broken(id, slug, title, "ProofInvalid", Valid::edit(age, |wire| wire.proof = proof))
    };
    let other_show = |profile: &str| {
        let shown =
            world.neighbour.identity.show(&world.identities, &world.profile(profile), &mut crate::rng("neighbour"));
        PresentationWire::decode(&shown)
    };
    let neighbours = other_show("age-19").proof;
    let swapped = [
        &proof[..MEMBERSHIPS],
        &proof[MEMBERSHIPS + 128..MEMBERSHIPS + 256],
        &proof[MEMBERSHIPS..MEMBERSHIPS + 128],
        &proof[LENGTH - 128..],
    ];
    let younger = world.minor.identity.show(&world.identities, &world.age(18), &mut crate::rng("minor"));
    let lifted = Valid::edit(&Case { bytes: younger, ..age.clone() }, |wire| wire.proven = world.age(19).prove);
    let youth = Valid::edit(age, |wire| wire.proven = world.profile("youth-19").prove);
    let borrowed = Valid::edit(region, |wire| wire.proof = other_show("resident-of").proof);
    vec![
        with(
            "C18",
            "halves-of-two-holders",
            "The age part of one holder with the rest of another.",
            [&proof[..MEMBERSHIPS + 256], &neighbours[MEMBERSHIPS + 256..]].concat(),
        ),
        with(
            "C18",
            "signature-of-another",
            "The signature part of one holder with the memberships of another.",
            [&neighbours[..MEMBERSHIPS], &proof[MEMBERSHIPS..]].concat(),
        ),
        with("C10", "memberships-swapped", "Expiry and status part change places.", swapped.concat()),
        region.broken(
            "C18",
            "shown-of-a-proof-of-b",
            "One holder's attribute with another's proof.",
            "ProofInvalid",
            borrowed,
        ),
        age.broken("C19", "bound-off-by-one", "A proof of 18 years that claims 19.", "ProofInvalid", lifted),
        age.broken(
            "C19",
            "other-statute",
            "A proof by the Civil Act that claims the Youth Protection Act.",
            "ProofInvalid",
            youth.clone(),
        )
        .with("asked", "profile youth-19"),
        age.broken(
            "C12",
            "other-slot",
            "Made a slot earlier than it was.",
            "ProofInvalid",
            Valid::edit(age, |wire| wire.made_at -= protocol::exchange::SLOT),
        ),
        age.broken(
            "C12",
            "other-second",
            "Says the second in which it was made.",
            "TypeMismatch",
            Valid::edit(age, |wire| wire.made_at -= 1),
        ),
        age.broken(
            "C12",
            "other-day",
            "Made a day later than it was.",
            "ProofInvalid",
            Valid::edit(age, |wire| wire.made_at += 86_400),
        )
        .with("now", &(crate::world::NOW + 86_400).to_string())
        .with("trust-age-max", "200000"),
        age.broken(
            "C23",
            "other-epoch",
            "The epoch is counted up without a new token.",
            "ProofInvalid",
            Valid::edit(age, |wire| wire.epoch = Some(crate::world::EPOCH + 1)),
        ),
        age.broken(
            "C12",
            "request-added",
            "A displayed code made to look like an answer.",
            "ProofInvalid",
            Valid::edit(age, |wire| wire.request = Some(valid.request.digest())),
        )
        .with("asked", "request valid/request-shop.txt"),
        valid
            .answer
            .broken(
                "C12",
                "request-removed",
                "An answer made to look like a displayed code.",
                "ProofInvalid",
                Valid::edit(&valid.answer, |wire| wire.request = None),
            )
            .with("asked", "profile age-19"),
        region.broken(
            "B12",
            "shown-value-changed",
            "Another region than the issuer signed.",
            "ProofInvalid",
            Valid::edit(region, |wire| {
                wire.shown[0].value = protocol::credential::Value::Bytes(vec![5]);
            }),
        ),
    ]
}
