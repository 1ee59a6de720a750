//! A checksum in every row, so that a bit that changed on disk is noticed before it is believed.
//!
//! SQLite finds damage to the structure of its file, not to the values in it. Every row of every table ends with a seal:
//! the first eight bytes of SHA-256 over the table's name and all other columns. Whoever reads a row reads all of it and
//! compares. A seal is no defence against somebody who can write the file: what the validators certified is
//! checked against their certificate ([`super::check`]).

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Params, Row, ToSql, params_from_iter};
use sha2::{Digest as _, Sha256};

use super::StoreError;

/// Nothing leaves this machine under it.
const LABEL: &[u8] = b"mid/v1/ledger-store/row;";

type Seal = [u8; 8];

/// How a row is put into a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Put {
    /// It must be new.
    Insert,
    /// It takes the place of one with the same key.
    Replace,
    /// One with the same key stays.
    Keep,
}

fn seal<'a>(table: &str, values: impl Iterator<Item = ValueRef<'a>>) -> Seal {
    let mut hash = Sha256::new().chain_update(LABEL).chain_update(table.as_bytes());
    for value in values {
        match value {
            ValueRef::Null => hash.update([0]),
            ValueRef::Integer(number) => hash.update([&[1], &number.to_be_bytes()[..]].concat()),
            ValueRef::Real(number) => hash.update([&[2], &number.to_bits().to_be_bytes()[..]].concat()),
            ValueRef::Text(bytes) => hash_bytes(&mut hash, 3, bytes),
            ValueRef::Blob(bytes) => hash_bytes(&mut hash, 4, bytes),
        }
    }
    let mut seal = Seal::default();
    seal.copy_from_slice(&hash.finalize()[..8]);
    seal
}

fn hash_bytes(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// Writes a row with its seal: all columns of the table in their order, without the seal.
pub(crate) fn put(sql: &Connection, how: Put, table: &str, values: &[&dyn ToSql]) -> Result<(), rusqlite::Error> {
    let verb = match how {
        Put::Insert => "INSERT",
        Put::Replace => "INSERT OR REPLACE",
        Put::Keep => "INSERT OR IGNORE",
    };
    let outputs = values.iter().map(|value| value.to_sql()).collect::<Result<Vec<_>, _>>()?;
    let mut row = outputs.into_iter().map(owned).collect::<Result<Vec<_>, _>>()?;
    let sealed = seal(table, row.iter().map(ValueRef::from));
    row.push(Value::Blob(sealed.to_vec()));
    let places = vec!["?"; row.len()].join(",");
    sql.prepare_cached(&format!("{verb} INTO {table} VALUES ({places})"))?.execute(params_from_iter(row)).map(|_| ())
}

fn owned(output: ToSqlOutput<'_>) -> Result<Value, rusqlite::Error> {
    match output {
        ToSqlOutput::Borrowed(value) => {
            Value::try_from(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
        }
        ToSqlOutput::Owned(value) => Ok(value),
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

/// Reads the rows of a table that `rest` selects (`WHERE …`, `ORDER BY …`), each after its seal was compared.
pub(crate) fn each(
    sql: &Connection,
    table: &str,
    rest: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = sql.prepare_cached(&format!("SELECT * FROM {table} {rest}"))?;
    let last = statement.column_count() - 1;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        let values = (0..last).map(|at| row.get_ref(at)).collect::<Result<Vec<_>, _>>()?;
        if row.get_ref(last)? != ValueRef::Blob(&seal(table, values.into_iter())) {
            return Err(StoreError::Damaged(format!("a row of {table} is not what was written")));
        }
        read(row)?;
    }
    Ok(())
}

/// As [`each`], all together.
pub(crate) fn all<T>(
    sql: &Connection,
    table: &str,
    rest: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    each(sql, table, rest, params, |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// As [`each`], for one row at most.
pub(crate) fn one<T>(
    sql: &Connection,
    table: &str,
    rest: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Option<T>, StoreError> {
    Ok(all(sql, table, rest, params, read)?.pop())
}

/// Seals a table's rows again, as if what they hold had been written: for tests of the checks behind the seals.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn reseal(sql: &Connection, table: &str) -> Result<(), rusqlite::Error> {
    let mut statement = sql.prepare(&format!("SELECT * FROM {table}"))?;
    let last = statement.column_count() - 1;
    let read = |row: &Row<'_>| (0..last).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>();
    let rows = statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    sql.execute(&format!("DELETE FROM {table}"), [])?;
    rows.iter().try_for_each(|row| {
        let values: Vec<&dyn ToSql> = row.iter().map(|value| value as &dyn ToSql).collect();
        put(sql, Put::Insert, table, &values)
    })
}
