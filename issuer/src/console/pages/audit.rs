//! The audit log on screen.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use protocol::error_name;
use serde::Deserialize;

use super::desk::names;
use super::{Console, Entered, Page, shown};
use crate::console::words::moment;
use crate::console::{AuditEntry, ChainState};

/// An entry in the table.
struct Row {
    sequence: i64,
    digest: String,
    /// Nothing where the entry cannot be read.
    told: Option<Told>,
    /// The chain breaks here.
    breaks: bool,
}

struct Told {
    at: String,
    event: String,
    clerk: String,
    kind: &'static str,
    credential_type: String,
    person: String,
    number: u64,
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Audit {
    page: Page,
    /// `whole`, `broken` or `cut-off`.
    chain: &'static str,
    /// How many entries, or which is the first that does not fit.
    count: u64,
    head: String,
    rows: Vec<Row>,
    /// Where the next page begins.
    older: Option<i64>,
}

/// Which part of the log.
#[derive(Deserialize)]
pub(super) struct Part {
    before: Option<i64>,
}

/// `GET /{lang}/audit?before=…`
pub(super) async fn page(State(console): State<Console>, entered: Entered, Query(part): Query<Part>) -> Response {
    let page = entered.page("audit.title", part.before.map_or("audit".to_owned(), |n| format!("audit?before={n}")));
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, _, _| {
        let (chain, entries) = issuer.console_audit(&clerk, part.before)?;
        let (name, count, head, breaks) = match chain {
            ChainState::Whole(it) => ("whole", it.entries, hex::encode(it.head), None),
            ChainState::CutOff(it) => ("cut-off", it.entries, hex::encode(it.head), None),
            ChainState::BrokenAt(at) => ("broken", at, String::new(), Some(at)),
        };
        let row = |entry: AuditEntry| Row {
            sequence: entry.sequence,
            digest: hex::encode(entry.digest).chars().take(16).collect(),
            breaks: breaks.is_some_and(|at| u64::try_from(entry.sequence) == Ok(at)),
            told: entry.told.map(|told| Told {
                at: moment(told.at),
                event: error_name(&told.event),
                clerk: told.clerk.unwrap_or_default(),
                kind: told.kind.map_or("", |kind| kind.name()),
                credential_type: if told.credential_type.is_empty() {
                    String::new()
                } else {
                    names(issuer, &[told.credential_type], lang)
                },
                person: told.person,
                number: told.number,
            }),
        };
        let rows: Vec<_> = entries.into_iter().map(row).collect();
        let older = rows.last().map(|row| row.sequence).filter(|sequence| *sequence > 1);
        Ok(Audit { page, chain: name, count, head, rows, older })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}
