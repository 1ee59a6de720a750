//! Files of version 1 of the schema, which had a table of the database for each of the wallet's.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::records::Table;
use crate::error::WalletError;
use crate::labels;

pub(super) const SCHEMA: i64 = 1;

/// The tables, as version 1 made them.
#[cfg(test)]
pub(super) const TABLES: &str = "
    CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE credential (id BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE issuance (id BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE status_token (credential BLOB PRIMARY KEY, epoch INTEGER NOT NULL, signature BLOB) STRICT, WITHOUT ROWID;
    CREATE TABLE activity (number INTEGER PRIMARY KEY, entry BLOB NOT NULL, link BLOB NOT NULL) STRICT;
    CREATE TABLE trust (id INTEGER PRIMARY KEY CHECK (id = 0), bundle BLOB NOT NULL) STRICT;
    CREATE TABLE day_signatures (issuer_key BLOB, first INTEGER, signatures BLOB NOT NULL, PRIMARY KEY (issuer_key, first))
        STRICT, WITHOUT ROWID;
";

/// For each table, what gives the parts of its records' keys and contents as they are now. Numbers are big-endian, of the
/// length that is given last.
const CONVERSIONS: [(Table, &str, usize); 7] = [
    (Table::Setting, "SELECT CAST(name AS BLOB), NULL, value, NULL FROM setting", 0),
    (Table::Credential, "SELECT id, NULL, content, NULL FROM credential", 0),
    (Table::Issuance, "SELECT id, NULL, content, NULL FROM issuance", 0),
    (Table::StatusToken, "SELECT credential, NULL, epoch, signature FROM status_token", 4),
    (Table::Activity, "SELECT number, NULL, entry, NULL FROM activity", 8),
    (Table::Trust, "SELECT x'', NULL, bundle, NULL FROM trust", 0),
    (Table::DaySignatures, "SELECT issuer_key, first, signatures, NULL FROM day_signatures", 2),
];
const DROP: &str = "
    DROP TABLE setting; DROP TABLE credential; DROP TABLE issuance; DROP TABLE status_token; DROP TABLE activity;
    DROP TABLE trust; DROP TABLE day_signatures;
";

/// What takes a record as it is now.
pub(super) type Put<'a> = dyn FnMut(Table, &[u8], &[u8]) -> Result<(), WalletError> + 'a;

/// Hands every record to `put`, as it is now, and drops the tables.
pub(super) fn convert(connection: &Connection, put: &mut Put<'_>) -> Result<(), WalletError> {
    for (table, sql, digits) in CONVERSIONS {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (mut key, mut value) = (Vec::new(), Zeroizing::new(Vec::new()));
            append(&mut key, row.get_ref(0)?, digits)?;
            append(&mut key, row.get_ref(1)?, digits)?;
            append(&mut value, row.get_ref(2)?, digits)?;
            append(&mut value, row.get_ref(3)?, digits)?;
            put(table, &key, &value)?;
        }
    }
    Ok(connection.execute_batch(DROP)?)
}

fn append(bytes: &mut Vec<u8>, part: ValueRef<'_>, digits: usize) -> Result<(), WalletError> {
    match part {
        ValueRef::Null => {}
        ValueRef::Blob(blob) => bytes.extend_from_slice(blob),
        ValueRef::Integer(number) => {
            let number = number.to_be_bytes();
            let (zeros, number) = number.split_at_checked(8 - digits).ok_or(WalletError::StorageTampered)?;
            if zeros.iter().any(|byte| *byte != 0) {
                return Err(WalletError::StorageTampered);
            }
            bytes.extend_from_slice(number);
        }
        ValueRef::Real(_) | ValueRef::Text(_) => return Err(WalletError::StorageTampered),
    }
    Ok(())
}

/// The hash of all protected rows that version 1 noted: each column with its type and length.
pub(super) fn digest(connection: &Connection) -> Result<[u8; 32], WalletError> {
    let mut hash = Sha256::new_with_prefix(labels::STATE_DIGEST_1);
    for table in ["setting", "credential", "issuance", "status_token"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
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
                hash.update(Zeroizing::new(bytes).as_slice());
            }
        }
        hash.update(b"end");
    }
    Ok(hash.finalize().into())
}
