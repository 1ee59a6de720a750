//! Inboxes and messages on disk: what was acknowledged survives a crash, what is over leaves nothing in the file.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::RelayError;

/// The hash of the address that is pushed to: what names an inbox here.
pub(crate) type Inbox = [u8; 32];

/// Version of the tables.
const VERSION: i64 = 1;
/// How long a writer waits for another process.
const BUSY: Duration = Duration::from_secs(5);
const SECONDS_PER_DAY: u64 = 86_400;

const TABLES: &str = "
    CREATE TABLE inbox (
        push BLOB PRIMARY KEY,
        receive BLOB NOT NULL UNIQUE,
        sender TEXT,
        used_day INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE message (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        inbox BLOB NOT NULL REFERENCES inbox (push) ON DELETE CASCADE,
        topic TEXT,
        urgency INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX message_inbox ON message (inbox, number);
    CREATE INDEX message_expiry ON message (expires_at);
";

/// A message on its way.
pub(crate) struct Message {
    /// What its address ends with.
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    pub(crate) urgency: u8,
    pub(crate) expires_at: u64,
    pub(crate) body: Vec<u8>,
}

/// The database of one relay.
pub(crate) struct Store(Mutex<Connection>);

impl From<rusqlite::Error> for RelayError {
    /// SQLite's own messages may quote values, so they are dropped.
    fn from(_: rusqlite::Error) -> Self {
        Self::StoreUnavailable
    }
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, RelayError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        // No log in which a message stays behind after it was deleted (PUSH-13).
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => connection.execute_batch(&format!("BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))?,
            VERSION => {}
            _ => return Err(RelayError::StorageVersionUnsupported),
        }
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an inbox, if there are less than `most`.
    pub(crate) fn open_inbox(
        &self,
        push: &Inbox,
        receive: &[u8; 32],
        sender: Option<&str>,
        most: u64,
        now: u64,
    ) -> Result<(), RelayError> {
        let opened = self.connection().execute(
            "INSERT INTO inbox SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM inbox) < ?5",
            params![push, receive, sender, now / SECONDS_PER_DAY, most],
        )?;
        if opened == 1 { Ok(()) } else { Err(RelayError::TooManyInboxes) }
    }

    /// The one sender that an inbox takes pushes from; none inside where it takes everyone's.
    pub(crate) fn sender(&self, push: &Inbox) -> Result<Option<String>, RelayError> {
        let row = self.connection().query_row("SELECT sender FROM inbox WHERE push = ?1", [push], |row| row.get(0));
        row.optional()?.ok_or(RelayError::NoSuchInbox)
    }

    /// The inbox that is read at an address. That somebody looks is noted, to the day.
    pub(crate) fn inbox(&self, receive: &[u8; 32], now: u64) -> Result<Inbox, RelayError> {
        let connection = self.connection();
        let row = connection
            .query_row("SELECT push, used_day FROM inbox WHERE receive = ?1", [receive], |row| {
                Ok((row.get::<_, Inbox>(0)?, row.get::<_, u64>(1)?))
            })
            .optional()?;
        let (push, day) = row.ok_or(RelayError::NoSuchInbox)?;
        let today = now / SECONDS_PER_DAY;
        if day != today {
            connection.execute("UPDATE inbox SET used_day = ?1 WHERE push = ?2", params![today, push])?;
        }
        Ok(push)
    }

    /// Keeps a message, in place of those of its topic, if fewer than `most` wait.
    pub(crate) fn keep(&self, push: &Inbox, message: &Message, most: u64, now: u64) -> Result<(), RelayError> {
        let mut connection = self.connection();
        let change = connection.transaction()?;
        change.execute("DELETE FROM message WHERE inbox = ?1 AND topic = ?2", params![push, message.topic])?;
        change.execute("DELETE FROM message WHERE inbox = ?1 AND expires_at <= ?2", params![push, now])?;
        let waiting: u64 =
            change.query_row("SELECT count(*) FROM message WHERE inbox = ?1", [push], |row| row.get(0))?;
        if waiting >= most {
            return Err(RelayError::InboxFull);
        }
        let Message { name, topic, urgency, expires_at, body } = message;
        change.execute(
            "INSERT INTO message (name, inbox, topic, urgency, expires_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![name, push, topic, urgency, expires_at, body],
        )?;
        Ok(change.commit()?)
    }

    /// The oldest message of an inbox that is at least so urgent and not over.
    pub(crate) fn oldest(&self, push: &Inbox, urgency: u8, now: u64) -> Result<Option<Message>, RelayError> {
        let row = self.connection().query_row(
            "SELECT name, topic, urgency, expires_at, body FROM message
             WHERE inbox = ?1 AND urgency >= ?2 AND expires_at > ?3 ORDER BY number LIMIT 1",
            params![push, urgency, now],
            |row| {
                let (name, topic, urgency) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Message { name, topic, urgency, expires_at: row.get(3)?, body: row.get(4)? })
            },
        );
        Ok(row.optional()?)
    }

    /// Deletes a message for good.
    pub(crate) fn delete(&self, name: &str) -> Result<(), RelayError> {
        let deleted = self.connection().execute("DELETE FROM message WHERE name = ?1", [name])?;
        if deleted == 1 { Ok(()) } else { Err(RelayError::NoSuchMessage) }
    }

    /// Closes an inbox: nothing is left of it.
    pub(crate) fn close(&self, receive: &[u8; 32]) -> Result<(), RelayError> {
        let closed = self.connection().execute("DELETE FROM inbox WHERE receive = ?1", [receive])?;
        if closed == 1 { Ok(()) } else { Err(RelayError::NoSuchInbox) }
    }

    /// Deletes messages that are over, and inboxes that nobody looked into for so many days.
    pub(crate) fn sweep(&self, now: u64, idle_days: u64) -> Result<(), RelayError> {
        let connection = self.connection();
        connection.execute("DELETE FROM message WHERE expires_at <= ?1", [now])?;
        let day = (now / SECONDS_PER_DAY).saturating_sub(idle_days);
        connection.execute("DELETE FROM inbox WHERE used_day < ?1", [day])?;
        Ok(())
    }
}
