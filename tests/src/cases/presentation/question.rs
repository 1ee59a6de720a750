//! True, fresh, and not what was asked.

use protocol::exchange::Query;

use super::{Case, Valid};

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let (world, age, licence) = (valid.world, &valid.age, &valid.licence);
    let roadside = world.profile("roadside");
    let show = |query: &Query, name: &str| world.holder.licence.show(&world.licences, query, &mut crate::rng(name));
    let prove = |query: &Query, name: &str| world.holder.identity.show(&world.identities, query, &mut crate::rng(name));
    let less = Query { show: roadside.show[..3].to_vec(), ..roadside.clone() };
    let more = Query { show: [roadside.show.as_slice(), &["address".into()]].concat(), ..roadside.clone() };
    let birth_date = Query { show: vec!["birth_date".into()], prove: vec![], ..world.profile("age-19") };
    let and_region = Query { show: vec!["residence".into()], ..world.profile("age-19") };
    let twice = Query { prove: [world.age(19).prove, world.age(18).prove].concat(), ..world.age(19) };
    let other = world.shop_request("another request of the shop");
    let patrols = world.request(&world.patrol, "age-check", world.profile("age-19"), "patrol").sign(&world.patrol.key);
    let patrols = patrols.expect("a software key");
    let reply = |request, name: &str| {
        world.holder.identity.reply(&world.identities, &world.profile("age-19"), request, &mut crate::rng(name))
    };
    let displayed = "A displayed code where a request was made.";
    vec![
        age.broken(
            "D14",
            "other-type",
            "A licence where an identity was asked for.",
            "CredentialNotRequested",
            licence.bytes.clone(),
        ),
        licence.broken(
            "D14",
            "anonymous-for-licence",
            "An identity where a licence was asked for.",
            "CredentialNotRequested",
            age.bytes.clone(),
        ),
        licence.broken(
            "D16",
            "less-shown",
            "An attribute that was asked for is missing.",
            "QueryNotSatisfied",
            show(&less, "less"),
        ),
        age.broken(
            "D16",
            "younger-age",
            "18 years where 19 were asked for.",
            "QueryNotSatisfied",
            prove(&world.age(18), "younger"),
        ),
        age.broken(
            "D16",
            "older-age",
            "20 years, which is not what was asked for.",
            "QueryNotSatisfied",
            prove(&world.age(20), "older"),
        ),
        age.broken(
            "D28",
            "birth-date-shown",
            "The birth date in place of the statement.",
            "QueryNotSatisfied",
            prove(&birth_date, "birth date"),
        ),
        licence.broken("D28", "more-shown", "The address as well.", "ClaimNotRequested", show(&more, "more")),
        age.broken("D28", "region-as-well", "The region as well.", "ClaimNotRequested", prove(&and_region, "region")),
        age.broken(
            "D28",
            "statement-as-well",
            "A second statement as well.",
            "ClaimNotRequested",
            prove(&twice, "twice"),
        ),
        valid.answer.broken(
            "E10",
            "answers-other-request",
            "Answers another request of the same shop.",
            "NonceMismatch",
            reply(&other, "other request"),
        ),
        valid.answer.broken(
            "D04",
            "answers-other-verifier",
            "Answers the patrol's request.",
            "NonceMismatch",
            reply(&patrols, "patrol"),
        ),
        valid.answer.broken("D05", "nonce-missing", displayed, "NonceMismatch", age.bytes.clone()),
        age.broken(
            "D05",
            "answer-as-code",
            "An answer to someone's request, shown as a code.",
            "NonceMismatch",
            valid.answer.bytes.clone(),
        ),
    ]
}
