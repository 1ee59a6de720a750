//! SQLCipher: AES-256 in CBC mode with an HMAC-SHA512 for each page, over page number and content.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use sha2::{Digest, Sha256};

use super::guard::StateMark;
use super::key::DatabaseKey;
use crate::error::WalletError;
use crate::labels;

/// What the tables mean; another number is another version of this software.
const SCHEMA: i64 = 1;
const GENERATION: &str = "generation";

/// `setting`, `credential`, `issuance` and `status_token` are protected by the state digest; so is `activity`, whose
/// chain ends in a setting. `trust` and `day_signatures` are public data that carries its own signatures.
const TABLES: &str = "
    CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE credential (id BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE issuance (id BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE status_token (credential BLOB PRIMARY KEY, epoch INTEGER NOT NULL, signature BLOB) STRICT, WITHOUT ROWID;
    CREATE TABLE activity (number INTEGER PRIMARY KEY, entry BLOB NOT NULL, link BLOB NOT NULL) STRICT;
    CREATE TABLE trust (id INTEGER PRIMARY KEY CHECK (id = 0), bundle BLOB NOT NULL) STRICT;
    CREATE TABLE day_signatures (issuer_key BLOB, first INTEGER, signatures BLOB NOT NULL, PRIMARY KEY (issuer_key, first))
        STRICT, WITHOUT ROWID;
";
const PROTECTED: [&str; 4] = ["setting", "credential", "issuance", "status_token"];

/// Makes a new, empty file.
pub(super) fn create(path: &Path, key: &DatabaseKey) -> Result<Connection, WalletError> {
    connect(path, key, OpenFlags::SQLITE_OPEN_CREATE)
}

/// Opens a file and checks every page of it.
pub(super) fn open(path: &Path, key: &DatabaseKey) -> Result<Connection, WalletError> {
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
        SCHEMA => Ok(connection),
        // An empty file has no schema.
        ..SCHEMA => Err(WalletError::StorageTampered),
        _ => Err(WalletError::StorageVersionUnsupported),
    }
}

fn connect(path: &Path, key: &DatabaseKey, also: OpenFlags) -> Result<Connection, WalletError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | also;
    let connection = Connection::open_with_flags(path, flags)?;
    // What SQLCipher logs says nothing that the error does not.
    connection.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA cipher_memory_security = ON;")?;
    connection.execute_batch(&key.pragma())?;
    // EXTRA: a commit survives a power cut, the removal of the rollback journal included.
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;",
    )?;
    Ok(connection)
}

/// Makes the tables of a new file.
pub(crate) fn make_tables(connection: &Connection) -> Result<(), WalletError> {
    connection.execute_batch(TABLES)?;
    Ok(connection.pragma_update(None, "user_version", SCHEMA)?)
}

/// Counts one more change and returns the mark of the state it leads to.
pub(super) fn advance(connection: &Connection, generation: u64) -> Result<StateMark, WalletError> {
    let next = generation.checked_add(1).ok_or(WalletError::StorageTampered)?;
    write_setting(connection, GENERATION, &next.to_be_bytes())?;
    mark(connection)
}

/// The mark of the state the database is in.
pub(super) fn mark(connection: &Connection) -> Result<StateMark, WalletError> {
    let generation = read_setting(connection, GENERATION)?.ok_or(WalletError::StorageTampered)?;
    let generation = <[u8; 8]>::try_from(generation).map_err(|_| WalletError::StorageTampered)?;
    Ok(StateMark { generation: u64::from_be_bytes(generation), digest: digest(connection)? })
}

/// Hash of all protected rows, with the length of everything that has one (WFILE-07).
fn digest(connection: &Connection) -> Result<[u8; 32], WalletError> {
    let mut hash = Sha256::new();
    hash.update(labels::STATE_DIGEST);
    for table in PROTECTED {
        let mut statement = connection.prepare_cached(&format!("SELECT * FROM {table} ORDER BY 1"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        hash.update(table);
        while let Some(row) = rows.next()? {
            hash.update(b"row");
            for column in 0..columns {
                let (kind, bytes) = match row.get_ref(column)? {
                    ValueRef::Null => (0u8, Vec::new()),
                    ValueRef::Integer(number) => (1, number.to_be_bytes().to_vec()),
                    ValueRef::Real(number) => (2, number.to_be_bytes().to_vec()),
                    ValueRef::Text(text) => (3, text.to_vec()),
                    ValueRef::Blob(blob) => (4, blob.to_vec()),
                };
                hash.update([kind]);
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(zeroize::Zeroizing::new(bytes).as_slice());
            }
        }
        hash.update(b"end");
    }
    Ok(hash.finalize().into())
}

/// The value of a setting.
pub(crate) fn read_setting(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, WalletError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Sets a setting.
pub(crate) fn write_setting(connection: &Connection, name: &str, value: &[u8]) -> Result<(), WalletError> {
    connection
        .prepare_cached("INSERT INTO setting VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")?
        .execute((name, value))?;
    Ok(())
}
