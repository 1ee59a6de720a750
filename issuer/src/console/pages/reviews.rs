//! What wallets of others took up and waits for a look (CONS-15).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::cases::decision;
use super::desk::{Evidence, evidence, names};
use super::{Console, Entered, Filled, Page, shown};
use crate::console::Role;
use crate::console::words::Lang;
use crate::issuer::Issuer;
use crate::openid4vci::Review;

/// A review in a list.
pub(super) struct ReviewLine {
    pub(super) id: String,
    pub(super) person: String,
    pub(super) types: String,
}

impl ReviewLine {
    pub(super) fn new(issuer: &Issuer, review: Review, lang: Lang) -> Self {
        Self {
            types: names(issuer, &review.credential_types, lang),
            person: review.person.as_str().to_owned(),
            id: review.id,
        }
    }
}

#[derive(Template)]
#[template(path = "console/review.html")]
struct ReviewPage {
    page: Page,
    review: ReviewLine,
    evidence: Evidence,
    /// It waits for this clerk's decision.
    decides: bool,
}

/// `GET /{lang}/reviews/{id}`
pub(super) async fn one(
    State(console): State<Console>,
    entered: Entered,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    let page = entered.page("review.title", format!("reviews/{id}"));
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, now, _| {
        let review = issuer.console_review(&clerk, &id, now)?;
        let entry = issuer.console_person(&clerk, &review.person, now)?;
        Ok(ReviewPage {
            page,
            evidence: evidence(issuer, &entry, lang),
            decides: clerk.is(Role::Approver),
            review: ReviewLine::new(issuer, review, lang),
        })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}

/// `POST /{lang}/reviews/{id}/decision`
pub(super) async fn decide(
    State(console): State<Console>,
    Path((_, id)): Path<(String, String)>,
    filled: Filled,
) -> Response {
    let Filled { entered, fields } = filled;
    let clerk = entered.clerk.clone();
    let decided = console.run(move |issuer, now, _| {
        let approve = decision(fields.one("decision"))?;
        issuer.console_decide_review(&clerk, &id, approve, now)
    });
    match decided.await {
        Ok(()) => entered.to("cases"),
        Err(error) => entered.refused(&error),
    }
}
