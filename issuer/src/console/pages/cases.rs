//! Cases: what waits, the evidence beside it, the decision, the offer.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::exchange::openid4vci::Offer;
use protocol::exchange::qr::{self, Kind};

use super::desk::{Evidence, Line, evidence, line};
use super::reviews::ReviewLine;
use super::{Console, Entered, Filled, Page, shown};
use crate::console::words::moment;
use crate::console::{CaseState, ConsoleError, Role};
use crate::error::IssuerError;

#[derive(Template)]
#[template(path = "console/cases.html")]
struct Cases {
    page: Page,
    waiting: Vec<Line>,
    ready: Vec<Line>,
    reviews: Vec<ReviewLine>,
}

/// `GET /{lang}/cases`
pub(super) async fn list(State(console): State<Console>, entered: Entered) -> Response {
    let page = entered.page("cases.title", "cases");
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, now, _| {
        let lists = issuer.console_cases(&clerk)?;
        let [waiting, ready] = lists.map(|cases| cases.into_iter().map(|it| line(issuer, it, lang)).collect());
        let reviews = issuer.console_reviews(&clerk, now)?.into_iter();
        Ok(Cases { page, waiting, ready, reviews: reviews.map(|it| ReviewLine::new(issuer, it, lang)).collect() })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}

#[derive(Template)]
#[template(path = "console/case.html")]
struct CasePage {
    page: Page,
    case: Line,
    evidence: Evidence,
    decided: String,
    /// The bulk job it is part of.
    job: Option<u64>,
    /// It waits for this clerk's decision.
    decides: bool,
    /// It waits for somebody else's: this clerk asked.
    own: bool,
    /// The offer may be made.
    hands_over: bool,
}

/// `GET /{lang}/cases/{number}`
pub(super) async fn one(
    State(console): State<Console>,
    entered: Entered,
    Path((_, number)): Path<(String, u64)>,
) -> Response {
    let page = entered.page("case.title", format!("cases/{number}"));
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, now, _| {
        let case = issuer.console_case(&clerk, number)?;
        let entry = issuer.console_person(&clerk, &case.person, now);
        let waits = case.state == CaseState::Asked && case.job.is_none();
        let own = case.asked_by == clerk.id;
        Ok(CasePage {
            page,
            // Of a list, a line may name nobody.
            evidence: entry.map(|entry| evidence(issuer, &entry, lang)).unwrap_or_default(),
            decided: case.decided_at.map(moment).unwrap_or_default(),
            job: case.job,
            decides: waits && clerk.is(Role::Approver) && !own,
            own: waits && own,
            hands_over: case.state == CaseState::Approved && clerk.is(Role::Clerk),
            case: line(issuer, case, lang),
        })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}

/// `POST /{lang}/cases/{number}/decision`
pub(super) async fn decide(
    State(console): State<Console>,
    Path((_, number)): Path<(String, u64)>,
    filled: Filled,
) -> Response {
    let Filled { entered, fields } = filled;
    let clerk = entered.clerk.clone();
    let decided = console.run(move |issuer, now, _| {
        let approve = decision(fields.one("decision"))?;
        issuer.console_decide(&clerk, number, approve, now)
    });
    match decided.await {
        Ok(()) => {
            console.service.tell_changed();
            entered.to(&format!("cases/{number}"))
        }
        Err(error) => entered.refused(&error),
    }
}

/// What a form decides.
pub(super) fn decision(text: &str) -> Result<bool, ConsoleError> {
    match text {
        "approve" => Ok(true),
        "refuse" => Ok(false),
        _ => Err(ConsoleError::FormMalformed),
    }
}

#[derive(Template)]
#[template(path = "console/offer.html")]
struct OfferPage {
    page: Page,
    number: u64,
    person: String,
    /// The QR code: a PNG in Base64.
    picture: String,
    text: String,
    tx_code: String,
    /// For wallets of others.
    openid: Option<String>,
    until: String,
}

/// `POST /{lang}/cases/{number}/offer`: the answer is the only place where the offer stands.
pub(super) async fn hand_over(
    State(console): State<Console>,
    Path((_, number)): Path<(String, u64)>,
    filled: Filled,
) -> Response {
    let entered = filled.entered;
    let page = entered.page("offer.title", format!("cases/{number}"));
    let clerk = entered.clerk.clone();
    let built = console.run(move |issuer, now, rng| {
        let made = issuer.console_hand_over(&clerk, number, now, rng)?;
        let unseen = |_| ConsoleError::Issuer(IssuerError::OfferMalformed);
        let text = qr::to_text(Kind::Offer, &made.offer.encode()).map_err(unseen)?;
        let picture = qr::Drawing::new(&text).and_then(|drawing| drawing.png()).map_err(unseen)?;
        Ok(OfferPage {
            page,
            number,
            person: issuer.console_case(&clerk, number)?.person.as_str().to_owned(),
            picture: STANDARD.encode(picture),
            text,
            openid: issuer.openid_offer(&made).map(|_| Offer::reference(&issuer.openid_offer_address(&made))),
            until: moment(made.offer.expires_at),
            tx_code: made.tx_code.map(|code| code.to_string()).unwrap_or_default(),
        })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}
