//! Requests in the database that instances share (OVP-25). Every change is one transaction, which a row's lock puts in line.

use core::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use deadpool_postgres::Transaction;
use serde_json::{Value, json};
use tokio_postgres::Row;

use super::calls;
use super::database::Database;
use super::seal::RowName;
use super::{By, FirstAnswer, Kept, Life, NotInserted, NotKept, PendingCall, State, TRIES, Unavailable, Unread};

/// For so many seconds it is still known that a request was answered whose verdict was read, so that a page that listens at
/// another instance hears of it.
const ECHO: u64 = 5;

/// Requests of one sort, of all instances.
pub(crate) struct Shared<T> {
    database: Database,
    most: usize,
    /// How many there are: counted with every sweep, and up in between.
    count: AtomicUsize,
    swept: AtomicBool,
    kind: PhantomData<fn() -> T>,
}

impl<T: Kept> Shared<T> {
    pub(super) fn new(database: Database, most: usize) -> Self {
        Self { database, most, count: AtomicUsize::new(0), swept: AtomicBool::new(false), kind: PhantomData }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    fn name(&self, column: &str, value: &[u8]) -> RowName {
        self.database.seal().name(T::KIND, column, value)
    }

    /// The column that leads to a request, and what is in it.
    fn place(&self, by: By<'_>) -> (&'static str, RowName) {
        match by {
            By::Id(id) => ("id", self.name("id", id.as_bytes())),
            By::Handle(handle) => ("handle", self.name("handle", handle.as_bytes())),
        }
    }

    pub(super) fn begin_sweeping(&self) -> bool {
        !self.swept.swap(true, Ordering::Relaxed)
    }

    /// Deletes what is over, and counts what is left.
    pub(super) async fn sweep(&self, now: u64) -> Result<(), Unavailable> {
        let client = self.database.client().await?;
        let now = seconds(now);
        for table in ["verifier_requests", "verifier_used"] {
            let delete = client.prepare_cached(&format!("DELETE FROM {table} WHERE until <= $1")).await?;
            client.execute(&delete, &[&now]).await?;
        }
        let count = client.prepare_cached("SELECT count(*) FROM verifier_requests WHERE kind = $1").await?;
        let count: i64 = client.query_one(&count, &[&T::KIND]).await?.try_get(0)?;
        self.count.store(usize::try_from(count).unwrap_or(usize::MAX), Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn insert(
        &self,
        id: &str,
        handle: &str,
        asked: &T,
        life: &Life,
        call: Option<&PendingCall>,
        now: u64,
    ) -> Result<(), NotInserted> {
        if self.count.load(Ordering::Relaxed) >= self.most {
            self.sweep(now).await?;
        }
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.most {
            return Err(NotInserted::Full);
        }
        Ok(self.write(id, handle, asked, life, call).await?)
    }

    async fn write(
        &self,
        id: &str,
        handle: &str,
        asked: &T,
        life: &Life,
        call: Option<&PendingCall>,
    ) -> Result<(), Unavailable> {
        let (row, handle) = (self.name("id", id.as_bytes()), self.name("handle", handle.as_bytes()));
        let sealed = self.database.seal().seal(T::KIND, "asked", &row, &asked.to_json()).ok_or(Unavailable)?;
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await?;
        let insert = "INSERT INTO verifier_requests (id, kind, handle, state, expires_at, until, keep, asked) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let insert = transaction.prepare_cached(insert).await?;
        let [expires_at, until, keep] = [life.expires_at, life.until, life.keep].map(seconds);
        let state = State::Waiting.name();
        transaction
            .execute(&insert, &[&&row[..], &T::KIND, &&handle[..], &state, &expires_at, &until, &keep, &sealed])
            .await?;
        if let Some(call) = call {
            calls::insert(&transaction, self.database.seal(), &row, id, call).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Where a request stands. Of one whose verdict was read it is known for a while: `read` says whether that counts.
    pub(super) async fn state(&self, by: By<'_>, read: bool, now: u64) -> Result<Option<State>, Unavailable> {
        let (column, name) = self.place(by);
        let client = self.database.client().await?;
        let select = format!(
            "SELECT state FROM verifier_requests WHERE {column} = $1 AND until > $2 AND (asked IS NOT NULL OR $3)"
        );
        let select = client.prepare_cached(&select).await?;
        let row = client.query_opt(&select, &[&&name[..], &seconds(now), &read]).await?;
        row.map(|row| state(&row)).transpose()
    }

    pub(super) async fn open(&self, by: By<'_>, fetched: bool, now: u64) -> Result<Option<Arc<T>>, Unavailable> {
        let (column, name) = self.place(by);
        let client = self.database.client().await?;
        let open = format!("{column} = $1 AND expires_at > $2 AND state IN ('waiting', 'fetched')");
        let query = match fetched {
            true => format!("UPDATE verifier_requests SET state = 'fetched' WHERE {open} RETURNING id, asked"),
            false => format!("SELECT id, asked FROM verifier_requests WHERE {open}"),
        };
        let query = client.prepare_cached(&query).await?;
        let Some(row) = client.query_opt(&query, &[&&name[..], &seconds(now)]).await? else { return Ok(None) };
        let (id, sealed) = (row_name(&row)?, row.try_get::<_, Vec<u8>>("asked")?);
        let opened = self.database.seal().open(T::KIND, "asked", &id, &sealed);
        Ok(opened.and_then(|it| T::from_json(&it)).map(Arc::new))
    }

    pub(super) async fn answer(&self, by: By<'_>, answer: FirstAnswer, now: u64) -> Result<(), NotKept> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await.map_err(Unavailable::from)?;
        let Some((row, _)) = self.lock(&transaction, by).await? else { return Err(NotKept::Over) };
        // OVP-26: used and kept, or neither.
        for (at, (used, until)) in answer.uses.0.iter().enumerate() {
            if !self.first_use(&transaction, used, *until, now).await? {
                return Err(NotKept::Used(at)); // and nothing of it was changed
            }
        }
        let verdict = json!({ "verdict": answer.verdict, "response_code": answer.response_code });
        let sealed = self.database.seal().seal(T::KIND, "verdict", &row, &verdict).ok_or(Unavailable)?;
        let keep = "UPDATE verifier_requests SET verdict = $2, until = CASE WHEN keep > 0 THEN $3 + keep ELSE until END \
            WHERE id = $1";
        let kept = async {
            let keep = transaction.prepare_cached(keep).await?;
            transaction.execute(&keep, &[&&row[..], &sealed, &seconds(now)]).await?;
            self.decide(transaction, &row, State::Answered).await
        };
        Ok(kept.await?)
    }

    pub(super) async fn decline(&self, by: By<'_>) -> Result<bool, Unavailable> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await?;
        let Some((row, _)) = self.lock(&transaction, by).await? else { return Ok(false) };
        self.decide(transaction, &row, State::Declined).await.map(|()| true)
    }

    pub(super) async fn refused(&self, by: By<'_>) -> Result<(), Unavailable> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await?;
        let Some((row, tries)) = self.lock(&transaction, by).await? else { return Ok(()) };
        let count = transaction.prepare_cached("UPDATE verifier_requests SET tries = tries + 1 WHERE id = $1").await?;
        transaction.execute(&count, &[&&row[..]]).await?;
        match tries + 1 >= i32::from(TRIES) {
            true => self.decide(transaction, &row, State::Refused).await,
            false => Ok(transaction.commit().await?),
        }
    }

    pub(super) async fn read(&self, id: &str, code: Option<&str>, now: u64) -> Result<Value, Unread> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await.map_err(Unavailable::from)?;
        let row = self.name("id", id.as_bytes());
        let found = self.readable(&transaction, &row, now).await?.ok_or(Unread::Unknown)?;
        if found.state != State::Answered {
            return Err(Unread::Undecided(found.state));
        }
        let kept = found.verdict.ok_or(Unread::Unknown)?;
        let mut kept = self.database.seal().open(T::KIND, "verdict", &row, &kept).ok_or(Unread::Unknown)?;
        let right = kept.get("response_code").and_then(Value::as_str) == code;
        let change = match (right, found.keep > 0) {
            (false, _) if found.tries + 1 >= i32::from(TRIES) => "DELETE FROM verifier_requests WHERE id = $1",
            (false, _) => "UPDATE verifier_requests SET tries = tries + 1 WHERE id = $1",
            (true, true) => "",
            (true, false) => "UPDATE verifier_requests SET asked = NULL, verdict = NULL WHERE id = $1",
        };
        let changed = async {
            if !change.is_empty() {
                let change = transaction.prepare_cached(change).await?;
                transaction.execute(&change, &[&&row[..]]).await?;
            }
            if right && found.keep == 0 && !T::STATE_STAYS {
                let echo = transaction.prepare_cached("UPDATE verifier_requests SET until = $2 WHERE id = $1").await?;
                transaction.execute(&echo, &[&&row[..], &seconds(now.saturating_add(ECHO))]).await?;
            }
            transaction.commit().await.map_err(Unavailable::from)
        };
        changed.await?;
        if right { Ok(kept["verdict"].take()) } else { Err(Unread::WrongCode) }
    }

    /// Locks an open request: its row, and how many answers were refused.
    async fn lock(&self, transaction: &Transaction<'_>, by: By<'_>) -> Result<Option<(RowName, i32)>, Unavailable> {
        let (column, name) = self.place(by);
        let select = format!(
            "SELECT id, tries FROM verifier_requests WHERE {column} = $1 AND state IN ('waiting', 'fetched') FOR UPDATE"
        );
        let select = transaction.prepare_cached(&select).await?;
        let row = transaction.query_opt(&select, &[&&name[..]]).await?;
        row.map(|row| Ok((row_name(&row)?, row.try_get("tries")?))).transpose()
    }

    /// The end of a transaction that decides a request. Whoever waits for that is told.
    async fn decide(&self, transaction: Transaction<'_>, row: &RowName, state: State) -> Result<(), Unavailable> {
        let decide = transaction.prepare_cached("UPDATE verifier_requests SET state = $2 WHERE id = $1").await?;
        transaction.execute(&decide, &[&&row[..], &state.name()]).await?;
        calls::decided(&transaction, row, state).await?;
        transaction.commit().await?;
        self.database.ring();
        Ok(())
    }

    /// As [`verifier::Seen::first_use`], for all instances.
    async fn first_use(
        &self,
        transaction: &Transaction<'_>,
        used: &[u8; 32],
        until: u64,
        now: u64,
    ) -> Result<bool, Unavailable> {
        if until <= now {
            return Ok(false);
        }
        let name = self.database.seal().name("", "used", used);
        let insert = "INSERT INTO verifier_used (used, until) VALUES ($1, $2) \
            ON CONFLICT (used) DO UPDATE SET until = excluded.until WHERE verifier_used.until <= $3";
        let insert = transaction.prepare_cached(insert).await?;
        let count = transaction.execute(&insert, &[&&name[..], &seconds(until), &seconds(now)]).await?;
        Ok(count == 1)
    }

    async fn readable(
        &self,
        transaction: &Transaction<'_>,
        row: &RowName,
        now: u64,
    ) -> Result<Option<Readable>, Unavailable> {
        let read = match T::STATE_STAYS {
            true => "",
            false => "AND asked IS NOT NULL",
        };
        let select = format!(
            "SELECT state, tries, keep, verdict FROM verifier_requests WHERE id = $1 AND until > $2 {read} FOR UPDATE"
        );
        let select = transaction.prepare_cached(&select).await?;
        let Some(found) = transaction.query_opt(&select, &[&&row[..], &seconds(now)]).await? else { return Ok(None) };
        Ok(Some(Readable {
            state: state(&found)?,
            tries: found.try_get("tries")?,
            keep: found.try_get("keep")?,
            verdict: found.try_get("verdict")?,
        }))
    }
}

struct Readable {
    state: State,
    tries: i32,
    keep: i64,
    verdict: Option<Vec<u8>>,
}

/// Seconds as the database has them.
fn seconds(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn row_name(row: &Row) -> Result<RowName, Unavailable> {
    row.try_get::<_, &[u8]>("id")?.try_into().map_err(|_| Unavailable)
}

/// A state that this version does not know is none to act on.
fn state(row: &Row) -> Result<State, Unavailable> {
    State::from_name(row.try_get("state")?).ok_or(Unavailable)
}
