//! What the issuer must remember, in one SQLite file: offers, nonces, grants and tokens, issued credentials, the audit log
//! and what still has to reach the ledger.
//!
//! Every write happens in one immediate transaction with `synchronous=FULL`: what was answered is on disk,
//! and what is not on disk was not answered. The file holds personal data (register ids and answers not
//! yet forgotten) and belongs on an encrypted disk with the issuer's keys.

mod audit;
mod credentials;
mod deferred;
mod epochs;
mod migrations;
mod nonces;
mod offers;
mod openid;
mod openid_requests;
mod outbox;
mod twins;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use audit::{AuditEvent, AuditSummary};
pub use credentials::IssuedCredential;
pub(crate) use credentials::{EarlierAnswer, NewCredential};
pub(crate) use deferred::{Deferred, ReviewState, UnderReview};
pub(crate) use epochs::Epoch;
pub(crate) use offers::{CodeCheck, NewOffer, OpenOffer};
pub(crate) use openid::{Answer as OpenIdAnswer, Grant, Held, TokenKind};
pub(crate) use openid_requests::{Code as OpenIdCode, PushedRequest};
pub(crate) use outbox::{Publication, PublicationKind};

use crate::error::IssuerError;

/// How long a writer waits for another process before it reports that the store is busy.
const BUSY: Duration = Duration::from_secs(5);

impl From<rusqlite::Error> for IssuerError {
    /// SQLite's own messages may quote values, so they are dropped.
    fn from(_: rusqlite::Error) -> Self {
        Self::StorageUnavailable
    }
}

/// The issuer's database.
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the database at `path`, creating it when `create` is set, and brings its schema up to date.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`], [`IssuerError::StorageVersionUnsupported`].
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, IssuerError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        migrations::apply(&mut connection)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Runs `work` in one transaction. What it wrote is kept when it returns `Ok`, on disk before this
    /// function returns, and undone when it returns `Err`.
    ///
    /// # Errors
    /// What `work` returns, or [`IssuerError::StorageUnavailable`].
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T, IssuerError>) -> Result<T, IssuerError> {
        // A panic elsewhere rolled its transaction back; the connection itself is sound.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let writer = Writer { transaction };
        let result = work(&writer)?;
        writer.transaction.commit()?;
        Ok(result)
    }

    /// Runs `work` on one consistent state of the database.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T, IssuerError>) -> Result<T, IssuerError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        // Dropping the transaction rolls it back, so that a read can never write.
        work(&Writer { transaction })
    }
}

/// One open transaction; the tables' functions hang on it, one file each.
pub(crate) struct Writer<'c> {
    transaction: Transaction<'c>,
}
