//! Too early, too late, or for the second time.

use super::{Case, Valid};
use crate::world::{AS_OF, NOW};
use protocol::exchange::Freshness;

pub(super) fn cases(valid: &Valid<'_>) -> Vec<Case> {
    let (world, age, licence, answer) = (valid.world, &valid.age, &valid.licence, &valid.answer);
    let at = |twin: &Case, now: u64, id: &str, slug: &str, title: &str, expect: &str| {
        twin.under(("now", &now.to_string()), id, slug, title, expect)
    };
    let edge = |twin: &Case, now: u64, slug: &str, title: &str| Case {
        slug: slug.into(),
        title: title.into(),
        ..twin.clone().with("now", &now.to_string())
    };
    let second = |twin: &Case, slug: &str| {
        twin.under(("before", &twin.file()), "E08", slug, "Shown a second time.", "NonceReplayed")
    };
    let (identity, query) = (&world.holder.identity, world.profile("age-19"));
    let freshness = Freshness { made_at: NOW - 18, request: Some(valid.request.digest()) };
    let made_before =
        identity.answer(&world.identities, &query, freshness, crate::world::EPOCH, &mut crate::rng("before"));
    let made_before = made_before.expect("a true statement");
    let by_neighbour = &world.neighbour.identity;
    let other_answer = by_neighbour.reply(&world.identities, &query, &valid.request, &mut crate::rng("second answer"));
    vec![
        edge(age, NOW + 30, "age-19-last-second", "The last second of a displayed code."),
        at(age, NOW + 31, "E07", "screenshot", "A screenshot, 31 seconds old.", "Expired"),
        at(age, NOW + 60, "E07", "video", "A video that was started a minute ago.", "Expired"),
        at(licence, NOW + 31, "E07", "screenshot-of-licence", "A screenshot of a licence.", "Expired"),
        edge(age, NOW - 8, "age-19-clock-ahead", "A holder's clock that is eight seconds ahead."),
        at(age, NOW - 9, "A34", "from-the-future", "Made nine seconds from now.", "IssuedInFuture"),
        at(age, AS_OF - 9, "L01", "clock-before-bundle", "A clock behind what the ledger proves.", "ClockUnreliable"),
        at(age, 0, "L01", "clock-1970", "A clock at 1970.", "ClockUnreliable"),
        at(age, AS_OF + 86_401, "L10", "bundle-too-old", "Trust data of more than a day ago.", "TrustStale"),
        at(age, u64::MAX, "L01", "clock-at-the-end", "The largest time there is.", "TrustStale"),
        second(age, "same-code-twice"),
        second(licence, "same-licence-twice"),
        second(answer, "same-answer-twice"),
        answer
            .broken("D06", "second-answer", "Another holder answers the same request.", "NonceReplayed", other_answer)
            .with("before", &answer.file()),
        edge(answer, NOW + 119, "answer-last-second", "The last second of a request."),
        at(answer, NOW + 120, "L04", "request-over", "The request has run out.", "RequestExpired"),
        answer.broken(
            "L02",
            "made-before-request",
            "Made in a slot that ended nine seconds before the request.",
            "RequestExpired",
            made_before,
        ),
    ]
}
