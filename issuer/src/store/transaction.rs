//! One open transaction of either database. Queries are written once, in words that both know.

use postgresql::Value;

use super::value::{Bound, Row};
use crate::error::IssuerError;

/// One open transaction.
pub(super) enum Transaction<'c> {
    Sqlite(rusqlite::Transaction<'c>),
    Postgresql(&'c postgresql::Transaction<'c>),
}

impl Transaction<'_> {
    /// Runs a statement. Returns how many rows it changed.
    pub(super) fn execute(&self, statement: &str, values: &[Bound<'_>]) -> Result<usize, IssuerError> {
        match self {
            Self::Sqlite(transaction) => {
                Ok(transaction.prepare_cached(statement)?.execute(rusqlite::params_from_iter(values))?)
            }
            Self::Postgresql(transaction) => {
                let changed = transaction.execute(statement, &storable(values)?)?;
                usize::try_from(changed).map_err(|_| IssuerError::StorageUnavailable)
            }
        }
    }

    /// All rows that a query finds.
    pub(super) fn all<T>(
        &self,
        query: &str,
        values: &[Bound<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, IssuerError>,
    ) -> Result<Vec<T>, IssuerError> {
        match self {
            Self::Sqlite(transaction) => {
                let mut query = transaction.prepare_cached(query)?;
                let mut rows = query.query(rusqlite::params_from_iter(values))?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(read(&Row::Sqlite(row))?);
                }
                Ok(found)
            }
            Self::Postgresql(transaction) => {
                transaction.query(query, &storable(values)?)?.iter().map(|row| read(&Row::Postgresql(row))).collect()
            }
        }
    }

    /// The first row that a query finds, if it finds any.
    pub(super) fn one<T>(
        &self,
        query: &str,
        values: &[Bound<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, IssuerError>,
    ) -> Result<Option<T>, IssuerError> {
        Ok(self.all(query, values, read)?.into_iter().next())
    }

    /// The row of a query that always has one, as a count has.
    pub(super) fn only<T>(
        &self,
        query: &str,
        values: &[Bound<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, IssuerError>,
    ) -> Result<T, IssuerError> {
        self.one(query, values, read)?.ok_or(IssuerError::StorageUnavailable)
    }

    /// Several statements without values, as a schema has them.
    pub(super) fn run(&self, statements: &str) -> Result<(), IssuerError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.execute_batch(statements)?),
            Self::Postgresql(transaction) => Ok(transaction.run(statements)?),
        }
    }
}

fn storable<'v>(values: &[Bound<'v>]) -> Result<Vec<Value<'v>>, IssuerError> {
    values.iter().map(|value| value.0.ok_or(IssuerError::StorageUnavailable)).collect()
}
