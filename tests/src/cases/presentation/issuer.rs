//! Issuers that may not, or no longer, be believed.

use super::{Case, Valid};
use crate::wire::PresentationWire;
use crate::world::Held;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let (world, age, licence) = (valid.world, &valid.age, &valid.licence);
    let under = |trust: &str, id: &str, slug: &str, title: &str, expect: &str| {
        age.under(("trust", trust), id, slug, title, expect)
    };
    let foreign = Held::new(&world.unaccredited, &world.holder.person, "identity by the transport office");
    let by_transport = foreign.show(&world.unaccredited, &world.profile("age-19"), &mut crate::rng("by transport"));
    let accredited = Case {
        slug: "second-issuer".into(),
        title: "An identity by a second issuer that is accredited.".into(),
        bytes: by_transport.clone(),
        ..age.clone()
    }
    .with("trust", "transport-accredited");
    let relabelled =
        PresentationWire { issuer_key: world.unaccredited.record.key_id(), ..PresentationWire::decode(&age.bytes) };
    vec![
        under("key-missing", "M02", "unknown-key", "Signed before this bundle knew the key.", "UnknownKey"),
        under("key-retired", "C17", "key-retired", "The key's time is over.", "KeyNotValidAtTime"),
        under("key-not-yet-valid", "A34", "key-not-yet-valid", "The key's time has not begun.", "KeyNotValidAtTime"),
        under("key-compromised", "M08", "key-compromised", "The key was stolen.", "KeyCompromised"),
        under(
            "key-damaged",
            "C04",
            "key-damaged",
            "The key on the ledger is no point of the group.",
            "InvalidIssuerKey",
        ),
        under("key-swapped", "C17", "other-set-key", "The ledger has another key for day numbers.", "ProofInvalid"),
        under("issuer-unknown", "A26", "issuer-unknown", "The issuer is not on the ledger.", "IssuerNotTrusted"),
        under(
            "issuer-deactivated",
            "A26",
            "issuer-deactivated",
            "The issuer's identifier was given up.",
            "IssuerNotTrusted",
        ),
        under(
            "accreditation-missing",
            "A25",
            "not-accredited",
            "Nobody accredited the issuer.",
            "IssuerNotAuthorizedForType",
        ),
        under(
            "accreditation-withdrawn",
            "A25",
            "accreditation-withdrawn",
            "The accreditation was withdrawn.",
            "IssuerNotAuthorizedForType",
        ),
        under(
            "accreditation-over",
            "A25",
            "accreditation-over",
            "The accreditation's time is over.",
            "IssuerNotAuthorizedForType",
        ),
        under("type-missing", "A25", "unknown-type", "The ledger does not define the type.", "UnknownType"),
        accredited.clone(),
        accredited.under(
            ("trust", "usual"),
            "A25",
            "second-issuer-not-accredited",
            "A genuine organisation that may not issue identities.",
            "IssuerNotAuthorizedForType",
        ),
        age.broken("C17", "relabelled", "Passed off as another issuer's.", "ProofInvalid", relabelled.encode())
            .with("trust", "transport-accredited"),
        age.broken(
            "M02",
            "no-such-key",
            "The name of a key that nobody has.",
            "UnknownKey",
            Valid::edit(age, |wire| wire.issuer_key = [7; 8]),
        ),
        licence.broken(
            "A38",
            "key-of-other-type",
            "A licence under the key for identities.",
            "TypeMismatch",
            valid.edit_signed(|wire| {
                wire.issuer_key = world.identities.record.key_id();
            }),
        ),
    ]
}
