//! Bulk jobs: one thing for a list of people (CONS-10).
//!
//! A job is a list of cases. A clerk asks, another approves, and the service works through the list, one person in one
//! transaction: a power cut repeats nobody and forgets nobody. Where offers are to be made, each person's case is then ready to be
//! handed over at any counter.

use protocol::credential::Day;
use protocol::error_name;

use super::case::{Case, CaseKind, CaseState, Wish};
use super::{Clerk, ConsoleError, Role};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::PersonId;
use crate::store::{AuditEvent, NewCase, NewJob};
use crate::withdraw::RevocationReason;

/// Most people in one list.
const LIST_MAX: usize = 5_000;
/// Most jobs, and most people of a job, on one page.
const PAGE: u32 = 200;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits for a second clerk.
    Asked = 0,
    /// It is worked off.
    Approved = 1,
    /// A second clerk refused it.
    Refused = 2,
    /// Everybody on the list was looked at.
    Finished = 3,
}

impl JobState {
    /// As it is stored.
    pub(crate) fn read(number: u8) -> Option<Self> {
        [Self::Asked, Self::Approved, Self::Refused, Self::Finished].into_iter().find(|state| *state as u8 == number)
    }

    /// Its name in the list of texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "running",
            Self::Refused => "refused",
            Self::Finished => "finished",
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number, from 1.
    pub number: u64,
    /// What is done for everybody on the list.
    pub kind: CaseKind,
    /// Why, where it is a withdrawal for good.
    pub reason: Option<RevocationReason>,
    /// Of which types.
    pub credential_types: Vec<String>,
    /// Where it is.
    pub state: JobState,
    /// Who asked.
    pub asked_by: String,
    /// Unix seconds.
    pub asked_at: u64,
    /// Who decided: never who asked.
    pub decided_by: Option<String>,
    /// Unix seconds.
    pub decided_at: Option<u64>,
}

/// How far a job is, in people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// On the list.
    pub all: u64,
    /// Done, or ready to be handed over.
    pub good: u64,
    /// Of whom something stood in the way.
    pub failed: u64,
}

impl Issuer {
    /// Asks for a job. The same form sent again is the same job. Returns its number.
    pub(crate) fn console_ask_job(
        &self,
        clerk: &Clerk,
        form: &[u8; 16],
        (kind, reason): (CaseKind, Option<RevocationReason>),
        types: &[String],
        list: &str,
        now: u64,
    ) -> Result<u64, ConsoleError> {
        clerk.must_be(&[Role::Clerk])?;
        let people = self.people(list)?;
        let wish = |person| Wish { kind, reason, person, types };
        people.first().map_or(Err(ConsoleError::ListMalformed), |person| self.well_formed(&wish(person)))?;
        let new = NewJob { form, kind, reason, credential_types: types, asked_by: &clerk.id, asked_at: now };
        Ok(self.store.write(|store| {
            let (number, is_new) = store.add_job(&new)?;
            if is_new {
                for person in &people {
                    store.add_case(&NewCase {
                        job: Some(number),
                        wish: wish(person),
                        revision: 0,
                        state: CaseState::Asked,
                        asked_by: &clerk.id,
                        asked_at: now,
                    })?;
                }
                store.audit_of(&clerk.id, Some(kind), now, AuditEvent::JobAsked, "", "", number)?;
            }
            Ok(number)
        })?)
    }

    /// One person to a line: the register's id, or name and date of birth with a comma between. Each counts once.
    fn people(&self, list: &str) -> Result<Vec<PersonId>, ConsoleError> {
        let mut people = Vec::new();
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if people.len() >= LIST_MAX {
                return Err(ConsoleError::ListMalformed);
            }
            let found = line.rsplit_once(',').and_then(|(name, day)| {
                let mut found = self.register.find(name.trim(), day.trim().parse::<Day>().ok()?).ok()?;
                // Of namesakes born on one day nobody is meant.
                if found.len() == 1 { found.pop() } else { None }
            });
            people.push(found.unwrap_or_else(|| PersonId::new(line.chars().take(100).collect::<String>())));
        }
        let mut seen = std::collections::BTreeSet::new();
        people.retain(|person| seen.insert(person.clone()));
        if people.is_empty() { Err(ConsoleError::ListMalformed) } else { Ok(people) }
    }

    /// Approves or refuses a job that someone else asked for (CONS-06).
    pub(crate) fn console_decide_job(
        &self,
        clerk: &Clerk,
        number: u64,
        approve: bool,
        now: u64,
    ) -> Result<(), ConsoleError> {
        clerk.must_be(&[Role::Approver])?;
        let job = self.store.read(|store| store.job(number))?.ok_or(ConsoleError::CaseUnknown)?;
        if job.state != JobState::Asked {
            return Err(ConsoleError::CaseNotAtStep);
        }
        if job.asked_by == clerk.id {
            return Err(ConsoleError::FourEyesRequired); // CONS-06
        }
        let (to, event) = match approve {
            true => (JobState::Approved, AuditEvent::JobApproved),
            false => (JobState::Refused, AuditEvent::JobRefused),
        };
        let moved = self.store.write(|store| {
            let moved = store.move_job(number, JobState::Asked, to)?;
            if moved {
                store.decide_job(number, &clerk.id, now)?;
                store.audit_of(&clerk.id, Some(job.kind), now, event, "", "", number)?;
            }
            Ok(moved)
        })?;
        if moved { Ok(()) } else { Err(ConsoleError::CaseNotAtStep) }
    }

    /// The newest jobs, with how far each is.
    pub(crate) fn console_jobs(&self, clerk: &Clerk) -> Result<Vec<(Job, Progress)>, ConsoleError> {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        Ok(self.store.read(|store| {
            let jobs = store.jobs(PAGE)?.into_iter();
            jobs.map(|job| Ok((store.progress(job.number)?, job))).map(|it| it.map(|(p, j)| (j, p))).collect()
        })?)
    }

    /// One job, how far it is, and the people on its list: first those of whom something stood in the way.
    pub(crate) fn console_job(&self, clerk: &Clerk, number: u64) -> Result<(Job, Progress, Vec<Case>), ConsoleError> {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        let found = self.store.read(|store| match store.job(number)? {
            Some(job) => Ok(Some((job, store.progress(number)?, store.cases_of_job(number, PAGE)?))),
            None => Ok(None),
        })?;
        found.ok_or(ConsoleError::CaseUnknown)
    }

    /// Works on what was approved: at most `most` people, or the end of one list. Returns how many there were; none means that
    /// nothing waits.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`], [`IssuerError::Keys`]; what was done so far is kept.
    pub fn work_on_jobs(&self, most: usize, now: u64) -> Result<usize, IssuerError> {
        // First, also after a crash, and whatever else waits: what a list has changed becomes known with its end.
        if self.finish_job(now)? {
            return Ok(1);
        }
        for done in 0..most {
            let Some(case) = self.store.read(|store| store.next_of_jobs())? else {
                return Ok(done + usize::from(self.finish_job(now)?));
            };
            match self.work_on(&case, now) {
                Ok(()) => {}
                Err(error @ (IssuerError::StorageUnavailable | IssuerError::Keys(_))) => return Err(error),
                // It stands in the way of this person only.
                Err(error) => self.store.write(|store| {
                    if store.move_case(case.number, CaseState::Asked, CaseState::Failed)? {
                        store.note_outcome(case.number, &error_name(&error))?;
                    }
                    Ok(())
                })?,
            }
        }
        Ok(most)
    }

    /// One person of a job, in one transaction (CONS-10).
    fn work_on(&self, case: &Case, now: u64) -> Result<(), IssuerError> {
        let wish = case.wish();
        let Wish { kind, person, types, .. } = wish;
        let entry = self.looked_at(&wish)?;
        self.store.write(|store| {
            let job = store.job(case.job.unwrap_or_default())?.ok_or(IssuerError::StorageUnavailable)?;
            let approver = job.decided_by.ok_or(IssuerError::StorageUnavailable)?;
            let to = if kind.offers() { CaseState::Approved } else { CaseState::Done };
            // Another instance may have been faster.
            if !store.move_case(case.number, CaseState::Asked, to)? {
                return Ok(());
            }
            store.decide_case(case.number, &approver, now)?;
            store.note_revision(case.number, entry.revision)?;
            for id in types {
                let event = AuditEvent::CaseApproved;
                store.audit_of(&approver, Some(kind), now, event, id, person.as_str(), case.number)?;
            }
            if kind.offers() { self.possible(store, &wish) } else { self.change_types(store, &wish, now).map(drop) }
        })
    }

    /// Makes known what a job has changed, and ends it. Repeated after a crash, it opens one epoch more.
    fn finish_job(&self, now: u64) -> Result<bool, IssuerError> {
        let Some(job) = self.store.read(|store| store.worked_off())? else { return Ok(false) };
        if !job.kind.offers() {
            self.advance_epochs(&job.credential_types, now)?;
        }
        self.store.write(|store| store.move_job(job.number, JobState::Approved, JobState::Finished))
    }
}
