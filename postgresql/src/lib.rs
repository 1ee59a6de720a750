//! A database of PostgreSQL for stores whose callers block: a few sessions, transactions, one writer at a time.
//!
//! What a store of one machine does with SQLite it does here with the same statements (`?1`, `?2`, …) and the same promises:
//! what a write acknowledged is on disk, a write happens whole or not at all, and no other one happens meanwhile, in
//! whatever process it is. A read sees one state of the database. A session that was lost costs the transaction in it; the
//! next one finds another.
//!
//! Nothing here knows of roles. No error quotes a value.
//!
//! ```no_run
//! use postgresql::{Address, Database, DatabaseError, Value};
//!
//! let database = Database::open(&Address::parse("postgres://issuer@%2Frun%2Fpostgresql/issuer", None)?, 7_001)?;
//! let count = database.write(|transaction| {
//!     transaction.execute("INSERT INTO seen (nonce) VALUES (?1)", &[Value::Blob(&[7; 16])])?;
//!     transaction.query("SELECT COUNT(*) FROM seen", &[])?.first().map(|row| row.get(0)).transpose()?;
//!     Ok::<_, DatabaseError>(())
//! })?;
//! # Ok::<_, DatabaseError>(())
//! ```

mod address;
mod session;
mod tls;
mod transaction;
mod value;
mod wait;

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use address::Address;
pub use transaction::Transaction;
pub use value::{Row, Value};

use session::Session;

/// Most sessions of one process.
const SESSIONS: usize = 8;
/// How long a caller waits for a session.
const BUSY: Duration = Duration::from_secs(5);

/// Why the database did not do what it was asked. Whatever the transaction did is undone, with one exception: after
/// [`Unreachable`](Self::Unreachable) at its end it may have happened, and whoever asks again has to find that out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Not the address of a database.
    #[error("this is not the address of a database; write postgres://user:password@host/name")]
    AddressMalformed,
    /// The address leads to another machine, and says that nothing is encrypted, or not whom to trust.
    #[error(
        "a database on another machine is reached by TLS only: name the certificate of its authority, and leave sslmode=disable out"
    )]
    AddressUnprotected,
    /// The certificate of the authority is none.
    #[error("the file of the database's authority has no certificate in PEM; write it again")]
    AuthorityMalformed,
    /// Nobody answers there, or not any more, or not as somebody who is known there.
    #[error("the database is not reached; check that it runs, its address, and the user's password")]
    Unreachable,
    /// The server is told not to wait for the disk.
    #[error("the database does not keep what it acknowledges (fsync is off); turn it on")]
    NotDurable,
    /// Others were writing all the time.
    #[error("the database is busy; try again")]
    Busy,
    /// The statement is refused.
    #[error("the database refused a statement")]
    Refused,
    /// A value is not of the type that was expected.
    #[error("a value in the database is not of the type that it should have")]
    ValueMismatch,
}

/// A database, with the sessions of this process.
pub struct Database {
    address: Address,
    /// Whoever writes holds the lock of this number in the database.
    lock: i64,
    sessions: Mutex<Sessions>,
    returned: Condvar,
    /// One writer of this process waits for the others' writers, and the rest here, so that reads find a session.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Sessions {
    idle: Vec<Session>,
    /// Those in use included.
    open: usize,
}

impl Database {
    /// Opens the database. Whoever writes into the same tables, in whatever process, has to name the same `lock`, a number
    /// that nobody else uses in this database.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`], [`DatabaseError::NotDurable`].
    pub fn open(address: &Address, lock: i64) -> Result<Self, DatabaseError> {
        let first = Session::open(address)?;
        let sessions = Sessions { idle: vec![first], open: 1 };
        Ok(Self {
            address: address.clone(),
            lock,
            sessions: Mutex::new(sessions),
            returned: Condvar::new(),
            writing: Mutex::new(()),
        })
    }

    /// Runs `work` while nobody else writes. What it wrote is kept when it returns `Ok`, on disk before this function
    /// returns, and undone when it returns `Err`.
    ///
    /// # Errors
    /// What `work` returns, or a [`DatabaseError`].
    pub fn write<T, E: From<DatabaseError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // A panic elsewhere ended its session, and with it its transaction.
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Each statement sees what was committed before it, so whatever comes after the lock sees the last writer's work.
        let begin =
            format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({})", self.lock);
        let borrowed = self.begin(&begin)?;
        let transaction = Transaction::new(borrowed.session()?);
        match work(&transaction) {
            Ok(result) => {
                transaction.commit()?;
                borrowed.give_back();
                Ok(result)
            }
            Err(error) => {
                if transaction.roll_back() {
                    borrowed.give_back();
                }
                Err(error)
            }
        }
    }

    /// Runs `work` on one consistent state of the database. It cannot write.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub fn read<T, E: From<DatabaseError>>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let borrowed = self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let transaction = Transaction::new(borrowed.session()?);
        let result = work(&transaction);
        if transaction.roll_back() {
            borrowed.give_back();
        }
        result
    }

    /// Runs `work` while nobody else, in whatever process, runs something under the same number. Reads and writes go on
    /// meanwhile. Whoever loses the session in the middle loses the turn without noticing, so no promise can rest on it.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub fn alone<T, E: From<DatabaseError>>(&self, lock: i64, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let borrowed = self.begin(&format!("SELECT pg_advisory_lock({lock})"))?;
        let result = work();
        if borrowed.session()?.run(&format!("SELECT pg_advisory_unlock({lock})")).is_ok() {
            borrowed.give_back();
        }
        result
    }

    /// A session in which a transaction has begun.
    fn begin(&self, statement: &str) -> Result<Borrowed<'_>, DatabaseError> {
        loop {
            let (borrowed, is_new) = self.borrow()?;
            match borrowed.session()?.run(statement) {
                Ok(()) => return Ok(borrowed),
                // The server was restarted since it was used last: nothing has happened yet, so another one does as well.
                Err(DatabaseError::Unreachable) if !is_new => {}
                Err(error) => {
                    if borrowed.session()?.run("ROLLBACK").is_ok() {
                        borrowed.give_back();
                    }
                    return Err(error);
                }
            }
        }
    }

    /// An idle session, or a new one; whether it is new.
    fn borrow(&self) -> Result<(Borrowed<'_>, bool), DatabaseError> {
        let until = Instant::now() + BUSY;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(session) = sessions.idle.pop() {
                return Ok((Borrowed { database: self, session: Some(session) }, false));
            }
            if sessions.open < SESSIONS {
                sessions.open += 1;
                drop(sessions);
                let mut borrowed = Borrowed { database: self, session: None };
                borrowed.session = Some(Session::open(&self.address)?);
                return Ok((borrowed, true));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DatabaseError::Busy);
            }
            sessions = self.returned.wait_timeout(sessions, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A session in use. Unless it is given back it ends, and whatever it was doing is undone.
struct Borrowed<'d> {
    database: &'d Database,
    session: Option<Session>,
}

impl Borrowed<'_> {
    fn session(&self) -> Result<&Session, DatabaseError> {
        self.session.as_ref().ok_or(DatabaseError::Unreachable)
    }

    fn give_back(mut self) {
        let mut sessions = self.database.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.idle.extend(self.session.take());
        // Counted once more by `drop`.
        sessions.open += 1;
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.session = None;
        self.database.sessions.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
        self.database.returned.notify_one();
    }
}
