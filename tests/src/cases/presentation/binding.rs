//! The licence without its phone, or with another.

use protocol::crypto::keys::{P256SigningKey, Signature, Signer};

use super::{Case, Valid};
use crate::wire::PresentationWire;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let licence = &valid.licence;
    let thief = P256SigningKey::generate(&mut crate::rng("thief's phone"));
    let wire = PresentationWire::decode(&licence.bytes);
    let signature = wire.device_signature.expect("a licence is signed");
    let invalid =
        |id: &str, slug: &str, title: &str, bytes| licence.broken(id, slug, title, "HolderBindingInvalid", bytes);
    let missing =
        |id: &str, slug: &str, title: &str, bytes| licence.broken(id, slug, title, "HolderBindingMissing", bytes);
    let signed_by =
        |signature: Option<Signature>| PresentationWire { device_signature: signature, ..wire.clone() }.encode();
    let mut flipped = signature;
    flipped.0[40] ^= 1;
    let own_phone = PresentationWire { device_key: Some(thief.public_key()), ..wire.clone() }.signed(&thief);
    let ed25519 = &valid.world.shop.key;
    let other_kind = PresentationWire { device_key: Some(ed25519.public_key()), ..wire.clone() }.signed(ed25519);
    let not_a_point =
        PresentationWire { device_key: Some(protocol::crypto::keys::PublicKey::P256([2; 33])), ..wire.clone() };
    vec![
        missing("D01", "signature-missing", "The phone did not sign.", signed_by(None)),
        missing(
            "D19",
            "key-missing",
            "Neither key nor signature, as if none were needed.",
            PresentationWire { device_key: None, device_signature: None, ..wire.clone() }.encode(),
        ),
        invalid("D02", "signature-flipped", "A bit of the phone's signature.", signed_by(Some(flipped))),
        invalid("C26", "other-phone", "Signed by another phone.", wire.clone().signed(&thief).encode()),
        invalid("A13", "zero-signature", "r and s are zero.", signed_by(Some(Signature([0; 64])))),
        invalid("A13", "s-is-order", "s is the group order.", signed_by(Some(with_s(signature, ORDER)))),
        invalid("A15", "high-s", "The other spelling of the same signature.", signed_by(Some(high_s(signature)))),
        invalid("A16", "key-not-on-curve", "A device key that is no point.", not_a_point.encode()),
        invalid("C26", "signature-of-earlier-show", "The signature of an earlier presentation.", {
            let query = valid.world.profile("roadside");
            let earlier = valid.world.holder.licence.show_at(
                &valid.world.licences,
                &query,
                crate::world::NOW - 1,
                &mut crate::rng("earlier"),
            );
            signed_by(PresentationWire::decode(&earlier).device_signature)
        }),
        invalid(
            "D28",
            "value-changed-in-transit",
            "Someone between phone and verifier changes the name.",
            Valid::edit(licence, |wire| {
                wire.shown[1].value = protocol::credential::Value::Text("임꺽정".into());
            }),
        ),
        licence.broken(
            "C26",
            "key-not-committed",
            "A thief's phone names its own key and signs.",
            "ProofInvalid",
            own_phone.encode(),
        ),
        licence.broken(
            "C26",
            "key-of-other-kind",
            "An Ed25519 key in place of the phone's.",
            "ProofInvalid",
            other_kind.encode(),
        ),
        licence.broken(
            "B12",
            "value-changed-by-holder",
            "The holder's own phone signs another name.",
            "ProofInvalid",
            valid.edit_signed(|wire| {
                wire.shown[1].value = protocol::credential::Value::Text("임꺽정".into());
            }),
        ),
        licence.broken(
            "I12",
            "handle-of-another",
            "The handle of someone who is not withdrawn.",
            "ProofInvalid",
            valid.edit_signed(|wire| {
                wire.handle = Some(valid.world.neighbour.licence.credential.handle);
            }),
        ),
        licence.broken(
            "C18",
            "proof-of-another",
            "Another driver's proof under the holder's signature.",
            "ProofInvalid",
            valid.edit_signed(|wire| {
                let query = valid.world.profile("roadside");
                let other =
                    valid.world.neighbour.licence.show(&valid.world.licences, &query, &mut crate::rng("other driver"));
                wire.proof = PresentationWire::decode(&other).proof;
            }),
        ),
    ]
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn with_s(mut signature: Signature, s: [u8; 32]) -> Signature {
    signature.0[32..].copy_from_slice(&s);
    signature
}

/// n − s.
fn high_s(signature: Signature) -> Signature {
    let mut s = ORDER;
    let mut borrow = 0i16;
    for (digit, subtrahend) in s.iter_mut().zip(&signature.0[32..]).rev() {
        let difference = i16::from(*digit) - i16::from(*subtrahend) - borrow;
        borrow = i16::from(difference < 0);
        *digit = difference.rem_euclid(256) as u8;
    }
    with_s(signature, s)
}
