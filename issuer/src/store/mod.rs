//! What the issuer must remember: offers, nonces, grants and tokens, issued credentials, the audit log and what still has to
//! reach the ledger. On one machine that is an SQLite file; where several instances serve one issuer, a PostgreSQL that
//! they share (`docs/adr/0020-an-issuer-on-postgresql.md`). The queries are the same.
//!
//! Every write happens in one transaction beside which there is no other, on disk before it is answered
//! (`synchronous=FULL`, `synchronous_commit=on`): what was answered is on disk,
//! and what is not on disk was not answered. The database holds personal data (register ids and answers not
//! yet forgotten) and belongs on an encrypted disk, as the issuer's keys do.

mod audit;
mod console;
mod credentials;
mod deferred;
mod epochs;
mod migrations;
mod nonces;
mod offers;
mod openid;
mod openid_requests;
mod outbox;
#[cfg(test)]
mod tests;
mod transaction;
mod twins;
mod value;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postgresql::{Address, DatabaseError};
use protocol::identifier::Did;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub(crate) use audit::ChainWalk;
pub use audit::{AuditEvent, AuditSummary};
pub(crate) use console::{NewCase, NewJob};
pub use credentials::IssuedCredential;
pub(crate) use credentials::{EarlierAnswer, NewCredential};
pub(crate) use deferred::{Deferred, ReviewState, UnderReview};
pub(crate) use epochs::Epoch;
pub(crate) use offers::{CodeCheck, NewOffer, OpenOffer};
pub(crate) use openid::{Answer as OpenIdAnswer, Grant, Held, TokenKind};
pub(crate) use openid_requests::{AskedCredential, Code as OpenIdCode, PushedRequest};
pub(crate) use outbox::{Publication, PublicationKind};
use transaction::Transaction;
use value::{Row, values};

use crate::error::IssuerError;

/// How long a writer waits for another process before it reports that the store is busy.
const BUSY: Duration = Duration::from_secs(5);
/// The file in the issuer's directory that says where the PostgreSQL is.
pub const DATABASE_ADDRESS: &str = "database.url";
/// The file beside it with the certificate of the authority that vouches for the server, where it is another machine.
pub const DATABASE_AUTHORITY: &str = "database.pem";
/// Of whoever writes; `mid issue`, in figures.
const WRITING: i64 = 0x6d69_6400;
/// Of whoever publishes to the ledger.
const PUBLISHING: i64 = WRITING + 1;

impl From<rusqlite::Error> for IssuerError {
    /// SQLite's own messages may quote values, so they are dropped.
    fn from(_: rusqlite::Error) -> Self {
        Self::StorageUnavailable
    }
}

impl From<DatabaseError> for IssuerError {
    /// Why a statement did not work is nothing that whoever asked could change.
    fn from(_: DatabaseError) -> Self {
        Self::StorageUnavailable
    }
}

/// The issuer's database.
pub(crate) struct Store {
    database: Database,
}

enum Database {
    Sqlite(Mutex<Connection>),
    Postgresql(Box<postgresql::Database>),
}

impl Store {
    /// Opens the database of the issuer in `dir`, and brings its schema up to date. It is the PostgreSQL that
    /// [`DATABASE_ADDRESS`] names where there is such a file, and the file `issuer.db` otherwise. `create` makes it.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`], [`IssuerError::StorageVersionUnsupported`], and for a PostgreSQL
    /// [`IssuerError::Database`], [`IssuerError::StorageForeign`], [`IssuerError::FileUnavailable`].
    pub(crate) fn of(dir: &Path, issuer: &Did, create: bool) -> Result<Self, IssuerError> {
        let address = dir.join(DATABASE_ADDRESS);
        if !address.exists() {
            return Self::file(&dir.join("issuer.db"), create);
        }
        let address = fs::read_to_string(address).map_err(|_| IssuerError::FileUnavailable)?;
        let authority = dir.join(DATABASE_AUTHORITY);
        let authority = authority.exists().then(|| fs::read(authority)).transpose();
        let authority = authority.map_err(|_| IssuerError::FileUnavailable)?;
        let address = Address::parse(address.trim(), authority.as_deref()).map_err(IssuerError::Database)?;
        Self::server(&address, &issuer.to_string(), create)
    }

    /// Opens the SQLite file at `path`.
    fn file(path: &Path, create: bool) -> Result<Self, IssuerError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        let store = Self { database: Database::Sqlite(Mutex::new(connection)) };
        store.write(|writer| migrations::apply(&writer.transaction))?;
        Ok(store)
    }

    /// Opens the database of `issuer` on a server.
    fn server(address: &Address, issuer: &str, create: bool) -> Result<Self, IssuerError> {
        // ISSU-23
        let database = postgresql::Database::open(address, WRITING).map_err(IssuerError::Database)?;
        let store = Self { database: Database::Postgresql(Box::new(database)) };
        store.write(|Writer { transaction }| {
            if !create {
                migrations::belongs(transaction, issuer)?;
            }
            migrations::apply(transaction)?;
            migrations::own(transaction, issuer)
        })?;
        Ok(store)
    }

    /// Runs `work` in one transaction. What it wrote is kept when it returns `Ok`, on disk before this
    /// function returns, and undone when it returns `Err`.
    ///
    /// # Errors
    /// What `work` returns, or [`IssuerError::StorageUnavailable`]. After that the work may have been done all the same,
    /// where a connection was lost while the server finished it: whoever repeats a request finds out.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T, IssuerError>) -> Result<T, IssuerError> {
        let connection = match &self.database {
            Database::Postgresql(database) => {
                return database
                    .write(|transaction| work(&Writer { transaction: Transaction::Postgresql(transaction) }));
            }
            Database::Sqlite(connection) => connection,
        };
        // A panic elsewhere rolled its transaction back; the connection itself is sound.
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = Writer {
            transaction: Transaction::Sqlite(connection.transaction_with_behavior(TransactionBehavior::Immediate)?),
        };
        let result = work(&writer)?;
        if let Transaction::Sqlite(transaction) = writer.transaction {
            transaction.commit()?;
        }
        Ok(result)
    }

    /// Runs `work` on one consistent state of the database.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T, IssuerError>) -> Result<T, IssuerError> {
        let connection = match &self.database {
            Database::Postgresql(database) => {
                return database
                    .read(|transaction| work(&Writer { transaction: Transaction::Postgresql(transaction) }));
            }
            Database::Sqlite(connection) => connection,
        };
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        // Dropping the transaction rolls it back, so that a read can never write.
        work(&Writer { transaction: Transaction::Sqlite(transaction) })
    }

    /// Runs `work` while no other instance publishes. It may read and write meanwhile, and so may others.
    ///
    /// # Errors
    /// What `work` returns, or [`IssuerError::StorageUnavailable`] when another instance publishes all the time.
    pub(crate) fn publishing<T>(&self, work: impl FnOnce() -> Result<T, IssuerError>) -> Result<T, IssuerError> {
        match &self.database {
            Database::Postgresql(database) => database.alone(PUBLISHING, work),
            Database::Sqlite(_) => work(),
        }
    }
}

/// One open transaction; the tables' functions hang on it, one file each.
pub(crate) struct Writer<'c> {
    transaction: Transaction<'c>,
}
