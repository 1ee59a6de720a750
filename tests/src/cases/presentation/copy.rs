//! An identity that shows a one-time copy's key, and one that shows none, taken for each other.

use protocol::crypto::keys::{P256SigningKey, Signer};

use super::{Case, Valid};
use crate::wire::PresentationWire;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let (age, bound) = (&valid.age, &valid.bound);
    let own = valid.world.holder.copy.device.as_ref().expect("a copy has a device key");
    let thief = P256SigningKey::generate(&mut crate::rng("thief's phone"));
    let wire = PresentationWire::decode(&bound.bytes);
    let bare = PresentationWire { device_key: None, device_signature: None, ..wire.clone() };
    let dressed = PresentationWire { device_key: Some(own.public_key()), ..PresentationWire::decode(&age.bytes) };
    let stolen = PresentationWire { device_key: Some(thief.public_key()), ..wire.clone() };
    let broken = |id: &str, slug: &str, title: &str, expect: &str, wire: PresentationWire| {
        bound.broken(id, slug, title, expect, wire.encode())
    };
    vec![
        bound.broken(
            "D19",
            "anonymous-where-bound-was-asked",
            "The same statement without a phone's key.",
            "HolderBindingMissing",
            age.bytes.clone(),
        ),
        age.broken(
            "D28",
            "bound-where-anonymous-was-asked",
            "A phone's key that nobody asked for.",
            "ClaimNotRequested",
            bound.bytes.clone(),
        ),
        broken(
            "D01",
            "copy-signature-missing",
            "The phone did not sign.",
            "HolderBindingMissing",
            PresentationWire { device_signature: None, ..wire.clone() },
        ),
        broken("C26", "copy-key-removed", "Key and signature cut off, as if anonymous.", "ProofInvalid", bare),
        broken("C26", "copy-key-added", "An anonymous proof under a copy's key.", "ProofInvalid", dressed.signed(own)),
        broken("C26", "copy-other-phone", "A thief's phone names its key.", "ProofInvalid", stolen.signed(&thief)),
        broken(
            "C26",
            "copy-signed-by-another",
            "A thief's phone signs.",
            "HolderBindingInvalid",
            wire.clone().signed(&thief),
        ),
    ]
}
