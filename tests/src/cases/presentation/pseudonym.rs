//! A pseudonym that is another's, another scope's, or nobody's.

use protocol::exchange::{Period, Pseudonym, Scope};

use super::super::{identity_point, stray_points};
use super::{Case, Valid};
use crate::wire::PresentationWire;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let twin = &valid.recognised;
    let given = PresentationWire::decode(&twin.bytes).pseudonym.expect("a pseudonym was asked for");
    let (outside, nowhere) = stray_points();
    let with = |slug: &str, title: &str, expect: &str, pseudonym: Option<Pseudonym>| {
        twin.broken("C24", slug, title, expect, Valid::edit(twin, |wire| wire.pseudonym = pseudonym))
    };
    let value = |value: [u8; 48]| Some(Pseudonym { value, ..given.clone() });
    let of_generator = protocol::crypto::curve::G1Affine::generator().to_compressed();
    vec![
        with("pseudonym-identity", "The identity point.", "IdentityPoint", value(identity_point())),
        with("pseudonym-outside-subgroup", "A point outside the subgroup.", "InvalidPoint", value(outside)),
        with("pseudonym-nowhere", "A coordinate that no point has.", "InvalidPoint", value(nowhere)),
        with("pseudonym-of-nobody", "The generator for a pseudonym.", "ProofInvalid", value(of_generator)),
        with(
            "pseudonym-for-other-verifier",
            "Made for the shop, given to the patrol.",
            "ProofInvalid",
            Some(Pseudonym { verifier: valid.world.patrol.did.clone(), ..given.clone() }),
        ),
        with(
            "pseudonym-of-other-period",
            "Made for a month, given for a year.",
            "ProofInvalid",
            Some(Pseudonym { scope: Scope::Period(Period::Year), ..given.clone() }),
        ),
        with("pseudonym-removed", "Cut off on the way.", "ProofInvalid", None),
    ]
}
