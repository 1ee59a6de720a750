//! The desk: look a person up, see the evidence, ask.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use protocol::credential::Day;
use serde::Deserialize;

use super::{Console, Entered, Filled, Page, shown};
use crate::console::case::{REASONS, Wish, reason_name};
use crate::console::words::{Lang, moment};
use crate::console::{Case, CaseKind, Clerk, ConsoleError, Role};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::{Person, PersonId, PersonState};
use crate::{IssuedCredential, RevocationReason, claims};

/// Names and values: what is shown of somebody.
pub(super) type Evidence = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "console/desk.html")]
struct Desk {
    page: Page,
    /// Id, name and date of birth of who was found.
    found: Vec<(String, Evidence)>,
}

/// `GET /{lang}/`
pub(super) async fn desk(entered: Entered) -> Response {
    shown(&Desk { page: entered.page("desk.title", ""), found: Vec::new() })
}

/// `POST /{lang}/`: by id, or by name and date of birth. A form, so that neither is in an address.
pub(super) async fn search(State(console): State<Console>, filled: Filled) -> Response {
    let Filled { entered, fields } = filled;
    let [id, name, day] = ["person", "name", "birth-date"].map(|field| fields.one(field).to_owned());
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let found = console.run(move |issuer, now, _| {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        let people = match (id.is_empty(), day.parse::<Day>()) {
            (false, _) => vec![PersonId::new(id)],
            (true, Ok(day)) if !name.is_empty() => issuer.register().find(&name, day)?,
            _ => return Err(ConsoleError::FormMalformed),
        };
        let one = |id: PersonId| {
            let entry = issuer.console_person(&clerk, &id, now)?;
            let who = evidence(issuer, &entry, lang).into_iter().take(2).collect();
            Ok((id.as_str().to_owned(), who))
        };
        people.into_iter().map(one).collect::<Result<Vec<_>, ConsoleError>>()
    });
    match found.await {
        Ok(found) => shown(&Desk { page: entered.page("desk.title", ""), found }),
        Err(error) => entered.refused(&error),
    }
}

/// Every attribute that some type has, once, as it would be signed: there is none for the resident number (CONS-13).
pub(super) fn evidence(issuer: &Issuer, person: &Person, lang: Lang) -> Evidence {
    let mut seen: Vec<&str> = Vec::new();
    let mut evidence = Vec::new();
    for credential_type in issuer.credential_types() {
        let values = claims::values(credential_type, person).unwrap_or_default();
        for (position, attribute) in credential_type.attributes.iter().enumerate() {
            if seen.contains(&attribute.name.as_str()) || attribute.name == claims::PORTRAIT {
                continue;
            }
            let rendered = values.get(position).map(|value| credential_type.render_value(position, value, lang.code()));
            // Of who lacks something for the type, what the register says.
            let Some(text) = rendered.or_else(|| person.attribute(&attribute.name).map(str::to_owned)) else {
                continue;
            };
            seen.push(&attribute.name);
            evidence.push((attribute.display.text(lang.code()).to_owned(), text));
        }
    }
    evidence
}

/// A type to choose.
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) name: String,
}

/// The types of the issuer.
pub(super) fn choices(issuer: &Issuer, lang: Lang) -> Vec<Choice> {
    let choice = |it: &protocol::credential::CredentialType| Choice {
        id: it.id.clone(),
        name: it.name.text(lang.code()).to_owned(),
    };
    issuer.credential_types().map(choice).collect()
}

/// Names of types by their ids; those of a suspension of everything are none.
pub(super) fn names(issuer: &Issuer, types: &[String], lang: Lang) -> String {
    let known = choices(issuer, lang);
    let name = |id: &String| known.iter().find(|it| it.id == *id).map_or_else(|| id.clone(), |it| it.name.clone());
    if types.is_empty() {
        lang.word("type.all").to_owned()
    } else {
        types.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

/// A credential in the person's list.
struct Held {
    credential_type: String,
    name: String,
    issued_at: String,
    expiry: String,
    /// `good`, `suspended`, `withdrawn` or `expired`.
    state: &'static str,
}

fn held(issuer: &Issuer, it: &IssuedCredential, lang: Lang, now: u64) -> Held {
    let state = match (it.revoked_at, it.suspended_at) {
        (Some(_), _) => "withdrawn",
        (None, Some(_)) => "suspended",
        (None, None) if it.expiry < Day::in_korea(now) => "expired",
        (None, None) => "good",
    };
    Held {
        credential_type: it.credential_type.clone(),
        name: names(issuer, std::slice::from_ref(&it.credential_type), lang),
        issued_at: moment(it.issued_at),
        expiry: it.expiry.to_string(),
        state,
    }
}

/// A case in a list.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) kind: &'static str,
    /// Empty unless it is a withdrawal.
    pub(super) reason: &'static str,
    pub(super) person: String,
    pub(super) types: String,
    pub(super) state: &'static str,
    pub(super) asked: String,
    pub(super) asked_by: String,
    pub(super) decided_by: String,
    pub(super) outcome: String,
}

pub(super) fn line(issuer: &Issuer, case: Case, lang: Lang) -> Line {
    Line {
        number: case.number,
        kind: case.kind.name(),
        reason: case.reason.map_or("", reason_name),
        person: case.person.as_str().to_owned(),
        types: names(issuer, &case.credential_types, lang),
        state: case.state.name(),
        asked: moment(case.asked_at),
        asked_by: case.asked_by,
        decided_by: case.decided_by.unwrap_or_default(),
        outcome: case.outcome.unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "console/person.html")]
struct PersonPage {
    page: Page,
    id: String,
    deceased: bool,
    evidence: Evidence,
    held: Vec<Held>,
    cases: Vec<Line>,
    types: Vec<Choice>,
    /// What can be withdrawn.
    withdrawable: Vec<Choice>,
    reasons: [&'static str; 4],
}

/// Whom a page is about.
#[derive(Deserialize)]
pub(super) struct Whom {
    id: String,
}

/// `GET /{lang}/person?id=…`
pub(super) async fn person(State(console): State<Console>, entered: Entered, Query(whom): Query<Whom>) -> Response {
    let page = entered.page("person.title", "");
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, now, _| {
        let id = PersonId::new(whom.id);
        let entry = issuer.console_person(&clerk, &id, now)?;
        let issued = issuer.issued(&id)?;
        let types = choices(issuer, lang);
        let held_now = |it: &Choice| issued.iter().any(|had| had.revoked_at.is_none() && had.credential_type == it.id);
        Ok(PersonPage {
            page,
            withdrawable: choices(issuer, lang).into_iter().filter(held_now).collect(),
            reasons: reasons(),
            deceased: entry.state == PersonState::Deceased,
            evidence: evidence(issuer, &entry, lang),
            held: issued.iter().rev().map(|it| held(issuer, it, lang, now)).collect(),
            cases: issuer.console_cases_of(&id)?.into_iter().map(|case| line(issuer, case, lang)).collect(),
            types,
            id: id.as_str().to_owned(),
        })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}

/// The register's picture, for whoever may see the rest.
fn picture(issuer: &Issuer, clerk: &Clerk, id: &PersonId) -> Result<Vec<u8>, ConsoleError> {
    clerk.must_be(&[Role::Clerk, Role::Approver])?;
    Ok(issuer.register().person(id)?.portrait().to_vec())
}

/// `GET /{lang}/portrait?id=…`
pub(super) async fn portrait(State(console): State<Console>, entered: Entered, Query(whom): Query<Whom>) -> Response {
    let clerk = entered.clerk.clone();
    match console.run(move |issuer, _, _| picture(issuer, &clerk, &PersonId::new(whom.id))).await {
        Ok(png) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        Err(error) => entered.refused(&error),
    }
}

/// `POST /{lang}/ask`
pub(super) async fn ask(State(console): State<Console>, filled: Filled) -> Response {
    let Filled { entered, fields } = filled;
    let clerk = entered.clerk.clone();
    let asked = console.run(move |issuer, now, _| {
        let kind = kind(fields.one("kind"))?;
        let reason = reason(kind, fields.one("reason"))?;
        let (person, types) = (PersonId::new(fields.one("person")), fields.all("type"));
        issuer.register().person(&person).map_err(IssuerError::from)?;
        issuer.console_ask(&clerk, &Wish { kind, reason, person: &person, types: &types }, now)
    });
    match asked.await {
        Ok(number) => {
            // A suspension is known at once.
            console.service.tell_changed();
            entered.to(&format!("cases/{number}"))
        }
        Err(error) => entered.refused(&error),
    }
}

/// What a form asks for.
pub(super) fn kind(name: &str) -> Result<CaseKind, ConsoleError> {
    CaseKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(ConsoleError::FormMalformed)
}

/// Why, where a form asks for a withdrawal; in other forms the field says nothing.
pub(super) fn reason(kind: CaseKind, name: &str) -> Result<Option<RevocationReason>, ConsoleError> {
    if kind != CaseKind::Withdraw {
        return Ok(None);
    }
    let known = REASONS.iter().find(|(_, known)| *known == name);
    known.map(|(reason, _)| Some(*reason)).ok_or(ConsoleError::FormMalformed)
}

/// The reasons that a form offers.
pub(super) fn reasons() -> [&'static str; 4] {
    REASONS.map(|(_, name)| name)
}
