//! Presentations, given to a verifier together with what it asked and what it trusts.

mod binding;
mod copy;
mod forged;
mod form;
mod issuer;
mod parts;
mod pseudonym;
mod question;
mod status;
mod time;

use protocol::exchange::{Period, Scope, SignedRequest};

use super::Case;
use crate::wire::PresentationWire;
use crate::world::{NOW, World};

/// Presentations made without any trick, from which the broken ones are made.
struct Valid<'w> {
    world: &'w World,
    /// "Aged 19 or over", displayed: no attribute, no device key.
    age: Case,
    /// A licence check, displayed: attributes and a device key.
    licence: Case,
    /// "Aged 19 or over", in answer to a request of the shop.
    answer: Case,
    /// The region of residence, displayed: an attribute and no device key.
    region: Case,
    /// "Aged 19 or over", displayed by a one-time copy: no attribute, and a device key.
    bound: Case,
    /// "Aged 19 or over, may drive a car", in answer to a request of the shop for a pseudonym.
    recognised: Case,
    request: SignedRequest,
}

impl<'w> Valid<'w> {
    fn new(world: &'w World) -> Self {
        let valid = |slug: &str, title: &str, asked: &str, bytes| {
            Case::valid("presentation", slug, title, bytes).with("trust", "usual").with("asked", asked)
        };
        let (identity, licence) = (&world.holder.identity, &world.holder.licence);
        let request = world.shop_request("request of the shop");
        let show = |query: &str| identity.show(&world.identities, &world.profile(query), &mut crate::rng(query));
        let roadside = licence.show(&world.licences, &world.profile("roadside"), &mut crate::rng("roadside"));
        let answer = identity.reply(&world.identities, &world.profile("age-19"), &request, &mut crate::rng("answer"));
        let bound = world.holder.copy.show(&world.identities, &world.profile("age-19-bound"), &mut crate::rng("bound"));
        let asked = world.asked(&world.rental_request(Some(Scope::Period(Period::Month)), "request of the rental"));
        let recognised = identity.answer_to(&world.identities, &asked, NOW, &mut crate::rng("recognised"));
        let recognised = recognised.expect("a true statement");
        Self {
            bound: valid("bound", "An adult shows the age code with a phone's key.", "profile age-19-bound", bound),
            recognised: valid(
                "recognised",
                "A driver is recognised by the shop for a month.",
                "request valid/request-rental.txt",
                recognised,
            ),
            world,
            age: valid("age-19", "An adult shows the age code.", "profile age-19", show("age-19")),
            licence: valid("roadside", "A driver shows the licence code.", "profile roadside", roadside),
            answer: valid("answer", "An adult answers the shop.", "request valid/request-shop.txt", answer),
            region: valid(
                "region",
                "Someone shows the region of residence.",
                "profile resident-of",
                show("resident-of"),
            ),
            request,
        }
    }

    /// The twin with one change to what it carries.
    fn edit(twin: &Case, change: impl FnOnce(&mut PresentationWire)) -> Vec<u8> {
        let mut wire = PresentationWire::decode(&twin.bytes);
        change(&mut wire);
        wire.encode()
    }

    /// The same for the licence, signed again by the holder's own phone.
    fn edit_signed(&self, change: impl FnOnce(&mut PresentationWire)) -> Vec<u8> {
        let mut wire = PresentationWire::decode(&self.licence.bytes);
        change(&mut wire);
        wire.signed(self.world.holder.licence.device.as_ref().expect("a licence has a device key")).encode()
    }
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let valid = Valid::new(world);
    let mut cases = vec![valid.age.clone(), valid.licence.clone(), valid.answer.clone(), valid.region.clone()];
    cases.extend([valid.bound.clone(), valid.recognised.clone()]);
    cases.extend(form::cases(&valid));
    cases.extend(parts::cases(&valid));
    cases.extend(forged::cases(&valid));
    cases.extend(binding::cases(&valid));
    cases.extend(copy::cases(&valid));
    cases.extend(pseudonym::cases(&valid));
    cases.extend(question::cases(&valid));
    cases.extend(issuer::cases(&valid));
    cases.extend(status::cases(&valid));
    cases.extend(time::cases(&valid));
    cases
}
