//! Bulk jobs on screen.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use rand_core::Rng;

use super::cases::decision;
use super::desk::{Choice, Line, choices, kind, line, names, reason, reasons};
use super::{Console, Entered, Filled, Page, shown};
use crate::console::case::reason_name;
use crate::console::words::{Lang, moment};
use crate::console::{ConsoleError, Job, JobState, Progress, Role};
use crate::issuer::Issuer;

/// A job in a list.
struct JobLine {
    number: u64,
    kind: &'static str,
    reason: &'static str,
    types: String,
    state: &'static str,
    asked: String,
    asked_by: String,
    decided_by: String,
    progress: Progress,
}

impl JobLine {
    fn new(issuer: &Issuer, job: Job, progress: Progress, lang: Lang) -> Self {
        Self {
            number: job.number,
            kind: job.kind.name(),
            reason: job.reason.map_or("", reason_name),
            types: names(issuer, &job.credential_types, lang),
            state: job.state.name(),
            asked: moment(job.asked_at),
            asked_by: job.asked_by,
            decided_by: job.decided_by.unwrap_or_default(),
            progress,
        }
    }

    fn over(&self) -> u64 {
        self.progress.good + self.progress.failed
    }
}

#[derive(Template)]
#[template(path = "console/jobs.html")]
struct Jobs {
    page: Page,
    /// A fresh name for the form: sent twice, it is one job.
    once: String,
    types: Vec<Choice>,
    reasons: [&'static str; 4],
    jobs: Vec<JobLine>,
}

/// `GET /{lang}/jobs`
pub(super) async fn list(State(console): State<Console>, entered: Entered) -> Response {
    let page = entered.page("jobs.title", "jobs");
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, _, rng| {
        let mut once = [0; 16];
        rng.fill_bytes(&mut once);
        let jobs = issuer.console_jobs(&clerk)?.into_iter();
        Ok(Jobs {
            page,
            once: hex::encode(once),
            types: choices(issuer, lang),
            reasons: reasons(),
            jobs: jobs.map(|(job, progress)| JobLine::new(issuer, job, progress, lang)).collect(),
        })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}

/// `POST /{lang}/jobs`
pub(super) async fn ask(State(console): State<Console>, filled: Filled) -> Response {
    let Filled { entered, fields } = filled;
    let clerk = entered.clerk.clone();
    let asked = console.run(move |issuer, now, _| {
        let mut once = [0; 16];
        hex::decode_to_slice(fields.one("once"), &mut once).map_err(|_| ConsoleError::FormMalformed)?;
        let kind = kind(fields.one("kind"))?;
        let what = (kind, reason(kind, fields.one("reason"))?);
        issuer.console_ask_job(&clerk, &once, what, &fields.all("type"), fields.one("list"), now)
    });
    match asked.await {
        Ok(number) => entered.to(&format!("jobs/{number}")),
        Err(error) => entered.refused(&error),
    }
}

#[derive(Template)]
#[template(path = "console/job.html")]
struct JobPage {
    page: Page,
    job: JobLine,
    people: Vec<Line>,
    /// It waits for this clerk's decision.
    decides: bool,
    /// It is worked off just now.
    runs: bool,
}

/// `GET /{lang}/jobs/{number}`
pub(super) async fn one(
    State(console): State<Console>,
    entered: Entered,
    Path((_, number)): Path<(String, u64)>,
) -> Response {
    let page = entered.page("job.title", format!("jobs/{number}"));
    let (clerk, lang) = (entered.clerk.clone(), entered.lang);
    let built = console.run(move |issuer, _, _| {
        let (job, progress, people) = issuer.console_job(&clerk, number)?;
        Ok(JobPage {
            page,
            decides: job.state == JobState::Asked && clerk.is(Role::Approver) && job.asked_by != clerk.id,
            runs: job.state == JobState::Approved,
            people: people.into_iter().map(|case| line(issuer, case, lang)).collect(),
            job: JobLine::new(issuer, job, progress, lang),
        })
    });
    match built.await {
        Ok(page) => shown(&page),
        Err(error) => entered.refused(&error),
    }
}

/// `POST /{lang}/jobs/{number}/decision`
pub(super) async fn decide(
    State(console): State<Console>,
    Path((_, number)): Path<(String, u64)>,
    filled: Filled,
) -> Response {
    let Filled { entered, fields } = filled;
    let clerk = entered.clerk.clone();
    let decided = console.run(move |issuer, now, _| {
        let approve = decision(fields.one("decision"))?;
        issuer.console_decide_job(&clerk, number, approve, now)
    });
    match decided.await {
        Ok(()) => {
            console.jobs.notify_one();
            entered.to(&format!("jobs/{number}"))
        }
        Err(error) => entered.refused(&error),
    }
}
