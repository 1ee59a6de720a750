//! SQLCipher: AES-256 in CBC mode with an HMAC-SHA512 for each page, over page number and content.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use zeroize::Zeroizing;

use super::key::DatabaseKey;
use super::records::{Change, Records, Table, Visit};
use super::version1;
use crate::error::WalletError;

/// What the tables mean; another number is another version of this software.
const SCHEMA: i64 = 2;

/// One table of the database for all of the wallet's. Large records lie outside of the index, so that finding a key reads none.
const TABLES: &str = "
    CREATE TABLE record (name TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (name, key)) STRICT;
";

/// An open database.
pub(super) struct SqlCipher {
    pub(super) connection: Connection,
    /// For a file of version 1: the hash that it noted. Until the next change, a transaction is open in which it is converted.
    former: Option<[u8; 32]>,
}

impl SqlCipher {
    /// Makes a new, empty file.
    pub(super) fn create(path: &Path, key: &DatabaseKey) -> Result<Self, WalletError> {
        let connection = connect(path, key, OpenFlags::SQLITE_OPEN_CREATE)?;
        make_tables(&connection)?;
        Ok(Self { connection, former: None })
    }

    /// Opens a file and checks every page of it.
    pub(super) fn open(path: &Path, key: &DatabaseKey) -> Result<Self, WalletError> {
        if !path.exists() {
            return Err(WalletError::StorageTampered);
        }
        let connection = connect(path, key, OpenFlags::empty())?;
        let schema: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let mut check = connection.prepare("PRAGMA cipher_integrity_check")?;
        if check.exists([])? {
            return Err(WalletError::StorageTampered);
        }
        drop(check);
        match schema {
            SCHEMA => Ok(Self { connection, former: None }),
            version1::SCHEMA => {
                // Closed without a change, the file stays what it was.
                connection.execute_batch("BEGIN IMMEDIATE")?;
                let former = version1::digest(&connection)?;
                make_tables(&connection)?;
                version1::convert(&connection, &mut |table, key, value| put(&connection, table, key, value))?;
                Ok(Self { connection, former: Some(former) })
            }
            // An empty file has no schema.
            ..SCHEMA => Err(WalletError::StorageTampered),
            _ => Err(WalletError::StorageVersionUnsupported),
        }
    }

    fn apply(&self, changes: &[Change]) -> Result<(), WalletError> {
        for Change { table, key, value } in changes {
            match value {
                Some(value) => put(&self.connection, *table, key, value)?,
                None => {
                    let mut delete =
                        self.connection.prepare_cached("DELETE FROM record WHERE name = ?1 AND key = ?2")?;
                    delete.execute((table.name(), key))?;
                }
            }
        }
        Ok(self.connection.execute_batch("COMMIT")?)
    }
}

impl Records for SqlCipher {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM record WHERE name = ?1 AND key = ?2")?;
        let value: Option<Vec<u8>> = statement.query_row((table.name(), key), |row| row.get(0)).optional()?;
        Ok(value.map(Zeroizing::new))
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key, value FROM record WHERE name = ?1 ORDER BY key")?;
        let mut rows = statement.query([table.name()])?;
        while let Some(row) = rows.next()? {
            let blob = |column| row.get_ref(column)?.as_blob().map_err(|_| WalletError::StorageTampered);
            visit(blob(0)?, blob(1)?)?;
        }
        Ok(())
    }

    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM record WHERE name = ?1 AND key >= ?2 AND (?3 = 0 OR substr(key, 1, ?3) = ?2)",
        )?;
        Ok(statement.query_row((table.name(), prefix, prefix.len()), |row| row.get(0))?)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), WalletError> {
        if self.former.is_none() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        let done = self.apply(changes);
        if done.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.former = None;
        done
    }

    fn former_digest(&self) -> Option<[u8; 32]> {
        self.former
    }
}

fn put(connection: &Connection, table: Table, key: &[u8], value: &[u8]) -> Result<(), WalletError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO record VALUES (?1, ?2, ?3) ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
    )?;
    insert.execute((table.name(), key, value))?;
    Ok(())
}

fn make_tables(connection: &Connection) -> Result<(), WalletError> {
    connection.execute_batch(TABLES)?;
    Ok(connection.pragma_update(None, "user_version", SCHEMA)?)
}

pub(super) fn connect(path: &Path, key: &DatabaseKey, also: OpenFlags) -> Result<Connection, WalletError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | also;
    let connection = Connection::open_with_flags(path, flags)?;
    // What SQLCipher logs says nothing that the error does not.
    connection.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA cipher_memory_security = ON;")?;
    connection.execute_batch(&pragma(key))?;
    // EXTRA: a commit survives a power cut, the removal of the rollback journal included.
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;",
    )?;
    Ok(connection)
}

/// As SQLCipher takes a raw key.
fn pragma(key: &DatabaseKey) -> Zeroizing<String> {
    let digits = Zeroizing::new(hex::encode(key.as_bytes()));
    Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", digits.as_str()))
}

impl From<rusqlite::Error> for WalletError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        match error.sqlite_error_code() {
            Some(DiskFull) => Self::StorageFull,
            // Wrong content for the key, or a value of another form than was written.
            Some(DatabaseCorrupt | NotADatabase) | None => Self::StorageTampered,
            Some(_) => Self::StorageUnavailable,
        }
    }
}
