//! One open transaction.

use std::cell::Cell;

use tokio_postgres::types::ToSql;

use crate::DatabaseError;
use crate::session::Session;
use crate::value::{Row, Value};

/// One open transaction. Values are written `?1`, `?2`, …
pub struct Transaction<'s> {
    session: &'s Session,
    /// Something was refused; the server has undone the rest already, and would answer a commit with that.
    is_over: Cell<bool>,
}

impl<'s> Transaction<'s> {
    pub(crate) fn new(session: &'s Session) -> Self {
        Self { session, is_over: Cell::new(false) }
    }

    /// Runs a statement. Returns how many rows it changed.
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing of the transaction is kept then.
    pub fn execute(&self, statement: &str, values: &[Value<'_>]) -> Result<u64, DatabaseError> {
        self.noted(|session| {
            let statement = session.prepared(statement)?;
            session.wait(session.client().execute(&statement, &parameters(values)))
        })
    }

    /// The rows that a query finds.
    ///
    /// # Errors
    /// As [`Transaction::execute`].
    pub fn query(&self, query: &str, values: &[Value<'_>]) -> Result<Vec<Row>, DatabaseError> {
        self.noted(|session| {
            let statement = session.prepared(query)?;
            let rows = session.wait(session.client().query(&statement, &parameters(values)))?;
            Ok(rows.into_iter().map(Row).collect())
        })
    }

    /// Several statements without values, as a schema has them.
    ///
    /// # Errors
    /// As [`Transaction::execute`].
    pub fn run(&self, statements: &str) -> Result<(), DatabaseError> {
        self.noted(|session| session.run(statements))
    }

    fn noted<T>(&self, work: impl FnOnce(&Session) -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if self.is_over.get() {
            return Err(DatabaseError::Refused);
        }
        work(self.session).inspect_err(|_| self.is_over.set(true))
    }

    /// Keeps what was done.
    pub(crate) fn commit(&self) -> Result<(), DatabaseError> {
        self.noted(|session| session.run("COMMIT"))
    }

    /// Undoes what was done. Returns whether the session is good for another transaction.
    pub(crate) fn roll_back(&self) -> bool {
        self.session.run("ROLLBACK").is_ok()
    }
}

fn parameters<'v>(values: &'v [Value<'v>]) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
