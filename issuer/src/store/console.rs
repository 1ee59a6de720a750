//! What the console remembers: cases that wait for a second pair of eyes, bulk jobs, sessions, wrong passwords.

use super::{Row, Writer, values};
use crate::console::{Case, CaseKind, CaseState, Job, JobState, Progress, Wish};
use crate::error::IssuerError;
use crate::register::PersonId;
use crate::withdraw::RevocationReason;

/// A case about to be recorded.
pub(crate) struct NewCase<'a> {
    pub(crate) job: Option<u64>,
    pub(crate) wish: Wish<'a>,
    pub(crate) revision: u32,
    pub(crate) state: CaseState,
    pub(crate) asked_by: &'a str,
    pub(crate) asked_at: u64,
}

/// A job about to be recorded.
pub(crate) struct NewJob<'a> {
    /// The form it was asked with: sent twice, it is one job.
    pub(crate) form: &'a [u8; 16],
    pub(crate) kind: CaseKind,
    pub(crate) reason: Option<RevocationReason>,
    pub(crate) credential_types: &'a [String],
    pub(crate) asked_by: &'a str,
    pub(crate) asked_at: u64,
}

/// A session as it is kept: the token itself is not.
pub(crate) struct Session {
    pub(crate) clerk: String,
    pub(crate) begun_at: u64,
    pub(crate) seen_at: u64,
}

const CASE: &str = "number, job, kind, person, revision, credential_types, state, asked_by, asked_at, decided_by, \
                    decided_at, outcome, reason";
const JOB: &str = "number, kind, credential_types, state, asked_by, asked_at, decided_by, decided_at, reason";

fn types(text: &str) -> Vec<String> {
    text.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// A number that nobody wrote: the file was changed by other hands.
fn known<T>(found: Option<T>) -> Result<T, IssuerError> {
    found.ok_or(IssuerError::StorageUnavailable)
}

fn reason(number: Option<u8>) -> Result<Option<RevocationReason>, IssuerError> {
    number.map(|number| known(RevocationReason::read(number))).transpose()
}

fn case(row: &Row<'_>) -> Result<Case, IssuerError> {
    let (person, text): (String, String) = (row.get(3)?, row.get(5)?);
    Ok(Case {
        number: row.get(0)?,
        job: row.get(1)?,
        kind: known(CaseKind::read(row.get(2)?))?,
        person: PersonId::new(person),
        revision: row.get(4)?,
        credential_types: types(&text),
        state: known(CaseState::read(row.get(6)?))?,
        asked_by: row.get(7)?,
        asked_at: row.get(8)?,
        decided_by: row.get(9)?,
        decided_at: row.get(10)?,
        outcome: row.get(11)?,
        reason: reason(row.get(12)?)?,
    })
}

fn job(row: &Row<'_>) -> Result<Job, IssuerError> {
    let text: String = row.get(2)?;
    Ok(Job {
        number: row.get(0)?,
        kind: known(CaseKind::read(row.get(1)?))?,
        credential_types: types(&text),
        state: known(JobState::read(row.get(3)?))?,
        asked_by: row.get(4)?,
        asked_at: row.get(5)?,
        decided_by: row.get(6)?,
        decided_at: row.get(7)?,
        reason: reason(row.get(8)?)?,
    })
}

impl Writer<'_> {
    /// Records a case and gives it a number.
    pub(crate) fn add_case(&self, new: &NewCase<'_>) -> Result<u64, IssuerError> {
        let sql = "SELECT COALESCE(MAX(number), 0) + 1 FROM clerk_case";
        let number: u64 = self.transaction.only(sql, values![], |row| row.get(0))?;
        self.transaction.execute(
            "INSERT INTO clerk_case (number, job, kind, person, revision, credential_types, state, asked_by, asked_at, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            values![
                number,
                new.job,
                new.wish.kind as u8,
                new.wish.person.as_str(),
                new.revision,
                new.wish.types.join(" "),
                new.state as u8,
                new.asked_by,
                new.asked_at,
                new.wish.reason.map(|reason| reason as u8)
            ],
        )?;
        Ok(number)
    }

    /// The case with this number.
    pub(crate) fn case(&self, number: u64) -> Result<Option<Case>, IssuerError> {
        let sql = format!("SELECT {CASE} FROM clerk_case WHERE number = ?1");
        self.transaction.one(&sql, values![number], case)
    }

    /// Cases outside of jobs, or out of them and approved, that are in this state; oldest first.
    pub(crate) fn cases_in(&self, state: CaseState, most: u32) -> Result<Vec<Case>, IssuerError> {
        let sql = format!(
            "SELECT {CASE} FROM clerk_case WHERE state = ?1 AND (job IS NULL OR state <> 0) ORDER BY number LIMIT ?2"
        );
        self.transaction.all(&sql, values![state as u8, most], case)
    }

    /// The newest cases of a person, newest first.
    pub(crate) fn cases_of(&self, person: &PersonId, most: u32) -> Result<Vec<Case>, IssuerError> {
        let sql = format!("SELECT {CASE} FROM clerk_case WHERE person = ?1 ORDER BY number DESC LIMIT ?2");
        self.transaction.all(&sql, values![person.as_str(), most], case)
    }

    /// Cases of a job, those that failed first.
    pub(crate) fn cases_of_job(&self, job: u64, most: u32) -> Result<Vec<Case>, IssuerError> {
        let sql = format!("SELECT {CASE} FROM clerk_case WHERE job = ?1 ORDER BY state = 4 DESC, number LIMIT ?2");
        self.transaction.all(&sql, values![job, most], case)
    }

    /// The next case of a job that was approved.
    pub(crate) fn next_of_jobs(&self) -> Result<Option<Case>, IssuerError> {
        let sql = format!(
            "SELECT {CASE} FROM clerk_case WHERE state = 0 AND job IN (SELECT number FROM clerk_job WHERE state = 1)
             ORDER BY number LIMIT 1"
        );
        self.transaction.one(&sql, values![], case)
    }

    /// Moves a case on. Returns whether it was in the state `from`.
    pub(crate) fn move_case(&self, number: u64, from: CaseState, to: CaseState) -> Result<bool, IssuerError> {
        let sql = "UPDATE clerk_case SET state = ?3 WHERE number = ?1 AND state = ?2";
        Ok(self.transaction.execute(sql, values![number, from as u8, to as u8])? == 1)
    }

    /// Notes who decided about a case; the schema refuses whoever asked (CONS-06).
    pub(crate) fn decide_case(&self, number: u64, clerk: &str, at: u64) -> Result<(), IssuerError> {
        let sql = "UPDATE clerk_case SET decided_by = ?2, decided_at = ?3 WHERE number = ?1 AND decided_by IS NULL";
        self.transaction.execute(sql, values![number, clerk, at])?;
        Ok(())
    }

    /// Notes which state of the register's entry was looked at.
    pub(crate) fn note_revision(&self, number: u64, revision: u32) -> Result<(), IssuerError> {
        self.transaction.execute("UPDATE clerk_case SET revision = ?2 WHERE number = ?1", values![number, revision])?;
        Ok(())
    }

    /// Notes the name of what stood in the way.
    pub(crate) fn note_outcome(&self, number: u64, outcome: &str) -> Result<(), IssuerError> {
        self.transaction.execute("UPDATE clerk_case SET outcome = ?2 WHERE number = ?1", values![number, outcome])?;
        Ok(())
    }

    /// Records a job; one that was asked with the same form before is found again.
    pub(crate) fn add_job(&self, new: &NewJob<'_>) -> Result<(u64, bool), IssuerError> {
        let find = "SELECT number FROM clerk_job WHERE form = ?1";
        if let Some(number) = self.transaction.one(find, values![new.form], |row| row.get(0))? {
            return Ok((number, false));
        }
        let sql = "SELECT COALESCE(MAX(number), 0) + 1 FROM clerk_job";
        let number: u64 = self.transaction.only(sql, values![], |row| row.get(0))?;
        self.transaction.execute(
            "INSERT INTO clerk_job (number, form, kind, credential_types, state, asked_by, asked_at, reason)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)",
            values![
                number,
                new.form,
                new.kind as u8,
                new.credential_types.join(" "),
                new.asked_by,
                new.asked_at,
                new.reason.map(|reason| reason as u8)
            ],
        )?;
        Ok((number, true))
    }

    /// The job with this number.
    pub(crate) fn job(&self, number: u64) -> Result<Option<Job>, IssuerError> {
        let sql = format!("SELECT {JOB} FROM clerk_job WHERE number = ?1");
        self.transaction.one(&sql, values![number], job)
    }

    /// The newest jobs, newest first.
    pub(crate) fn jobs(&self, most: u32) -> Result<Vec<Job>, IssuerError> {
        let sql = format!("SELECT {JOB} FROM clerk_job ORDER BY number DESC LIMIT ?1");
        self.transaction.all(&sql, values![most], job)
    }

    /// A job that was approved, and nothing of which is left to do.
    pub(crate) fn worked_off(&self) -> Result<Option<Job>, IssuerError> {
        let sql = format!(
            "SELECT {JOB} FROM clerk_job WHERE state = 1
             AND NOT EXISTS (SELECT 1 FROM clerk_case WHERE job = clerk_job.number AND clerk_case.state = 0)
             ORDER BY number LIMIT 1"
        );
        self.transaction.one(&sql, values![], job)
    }

    /// Moves a job on. Returns whether it was in the state `from`.
    pub(crate) fn move_job(&self, number: u64, from: JobState, to: JobState) -> Result<bool, IssuerError> {
        let sql = "UPDATE clerk_job SET state = ?3 WHERE number = ?1 AND state = ?2";
        Ok(self.transaction.execute(sql, values![number, from as u8, to as u8])? == 1)
    }

    /// Notes who decided about a job; the schema refuses whoever asked (CONS-06).
    pub(crate) fn decide_job(&self, number: u64, clerk: &str, at: u64) -> Result<(), IssuerError> {
        let sql = "UPDATE clerk_job SET decided_by = ?2, decided_at = ?3 WHERE number = ?1 AND decided_by IS NULL";
        self.transaction.execute(sql, values![number, clerk, at])?;
        Ok(())
    }

    /// How far a job is.
    pub(crate) fn progress(&self, job: u64) -> Result<Progress, IssuerError> {
        let query = "SELECT state, COUNT(*) FROM clerk_case WHERE job = ?1 GROUP BY state";
        let count = |row: &Row<'_>| Ok((row.get::<u8>(0)?, row.get::<u64>(1)?));
        let counts = self.transaction.all(query, values![job], count)?;
        let mut progress = Progress::default();
        for (state, count) in counts {
            progress.all += count;
            match CaseState::read(state) {
                Some(CaseState::Asked) | None => {}
                Some(CaseState::Failed) => progress.failed += count,
                Some(CaseState::Approved | CaseState::Refused | CaseState::Done) => progress.good += count,
            }
        }
        Ok(progress)
    }

    /// Keeps a session, under the digest of its token.
    pub(crate) fn add_session(&self, digest: &[u8; 32], clerk: &str, now: u64) -> Result<(), IssuerError> {
        let sql = "INSERT INTO clerk_session (digest, clerk, begun_at, seen_at) VALUES (?1, ?2, ?3, ?3)";
        self.transaction.execute(sql, values![digest, clerk, now])?;
        Ok(())
    }

    /// The session whose token has this digest.
    pub(crate) fn session(&self, digest: &[u8; 32]) -> Result<Option<Session>, IssuerError> {
        let sql = "SELECT clerk, begun_at, seen_at FROM clerk_session WHERE digest = ?1";
        let session = |row: &Row<'_>| Ok(Session { clerk: row.get(0)?, begun_at: row.get(1)?, seen_at: row.get(2)? });
        self.transaction.one(sql, values![digest], session)
    }

    /// Notes that a session was used.
    pub(crate) fn see_session(&self, digest: &[u8; 32], now: u64) -> Result<(), IssuerError> {
        self.transaction.execute("UPDATE clerk_session SET seen_at = ?2 WHERE digest = ?1", values![digest, now])?;
        Ok(())
    }

    /// Ends a session.
    pub(crate) fn end_session(&self, digest: &[u8; 32]) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM clerk_session WHERE digest = ?1", values![digest])?;
        Ok(())
    }

    /// Forgets sessions that were used last before `idle`, and wrong passwords before `wrong`.
    pub(crate) fn forget_sessions(&self, idle: u64, wrong: u64) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM clerk_session WHERE seen_at < ?1", values![idle])?;
        self.transaction.execute("DELETE FROM clerk_attempt WHERE last_at < ?1", values![wrong])?;
        Ok(())
    }

    /// How many wrong passwords in a row there were under a name.
    pub(crate) fn wrong_passwords(&self, name: &[u8; 32]) -> Result<u32, IssuerError> {
        let sql = "SELECT wrong FROM clerk_attempt WHERE name = ?1";
        Ok(self.transaction.one(sql, values![name], |row| row.get(0))?.unwrap_or(0))
    }

    /// One more of them.
    pub(crate) fn count_wrong_password(&self, name: &[u8; 32], now: u64) -> Result<(), IssuerError> {
        let sql = "INSERT INTO clerk_attempt (name, wrong, last_at) VALUES (?1, 1, ?2)
             ON CONFLICT (name) DO UPDATE SET wrong = clerk_attempt.wrong + 1, last_at = excluded.last_at";
        self.transaction.execute(sql, values![name, now])?;
        Ok(())
    }

    /// None any more.
    pub(crate) fn forget_wrong_passwords(&self, name: &[u8; 32]) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM clerk_attempt WHERE name = ?1", values![name])?;
        Ok(())
    }
}
