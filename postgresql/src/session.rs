//! One session: a connection with its prepared statements.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Statement};

use crate::wait::{sockets, wait_for};
use crate::{Address, DatabaseError};

/// Longest time until a session is open.
const OPEN: Duration = Duration::from_secs(10);
/// Longest time for a statement, a little more than the server allows itself.
const ANSWER: Duration = Duration::from_secs(65);
/// A writer waits this long for another one. What hangs in the middle of a transaction is ended by the server, so that it
/// does not keep others from writing for ever.
const LIMITS: &str =
    "SET lock_timeout = '5s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '30s'";
/// Whoever turned it off for all sessions gets it for this one; what waits for more than this machine's disk stays so.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

pub(crate) struct Session {
    client: Client,
    /// By the text with `?1`.
    statements: RefCell<HashMap<String, Statement>>,
    /// It did not answer in time. Whatever it still does is undone when it is closed.
    is_dead: Cell<bool>,
}

impl Session {
    /// # Errors
    /// [`DatabaseError::Unreachable`], [`DatabaseError::NotDurable`].
    pub(crate) fn open(address: &Address) -> Result<Self, DatabaseError> {
        let (config, tls) = (address.config().clone(), address.tls().cloned());
        let connecting = sockets()?.spawn(async move {
            // What the connection ends with is told to whoever waits for an answer of it.
            match tls {
                Some(tls) => {
                    let (client, connection) = config.connect(tls).await?;
                    tokio::spawn(async move { drop(connection.await) });
                    Ok::<_, tokio_postgres::Error>(client)
                }
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    tokio::spawn(async move { drop(connection.await) });
                    Ok(client)
                }
            }
        });
        let client = match wait_for(connecting, OPEN) {
            Some(Ok(Ok(client))) => client,
            Some(Ok(Err(error))) => {
                // Its words may name the user, never the password.
                tracing::warn!(code = error.code().map(SqlState::code), "the database is not reached");
                return Err(DatabaseError::Unreachable);
            }
            _ => return Err(DatabaseError::Unreachable),
        };
        let session = Self { client, statements: RefCell::default(), is_dead: Cell::new(false) };
        session.run(LIMITS)?;
        session.run(DURABLE)?;
        let fsync = session.wait(session.client.query_one("SELECT current_setting('fsync') = 'on'", &[]))?;
        match fsync.try_get(0) {
            Ok(true) => Ok(session),
            _ => Err(DatabaseError::NotDurable),
        }
    }

    /// Statements without values and without an answer.
    pub(crate) fn run(&self, statements: &str) -> Result<(), DatabaseError> {
        self.wait(self.client.batch_execute(statements))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The prepared form of a statement.
    pub(crate) fn prepared(&self, text: &str) -> Result<Statement, DatabaseError> {
        if let Some(known) = self.statements.borrow().get(text) {
            return Ok(known.clone());
        }
        // None of the statements of a store has a question mark in a text.
        let statement = self.wait(self.client.prepare(&text.replace('?', "$")))?;
        self.statements.borrow_mut().insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The answer to a question.
    pub(crate) fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        if self.is_dead.get() {
            return Err(DatabaseError::Unreachable);
        }
        let error = match wait_for(answer, ANSWER) {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(error)) => error,
            None => {
                self.is_dead.set(true);
                return Err(DatabaseError::Unreachable);
            }
        };
        let Some(code) = error.code() else {
            // A value that does not fit was noticed on this side; anything else is the connection.
            return Err(if self.client.is_closed() { DatabaseError::Unreachable } else { DatabaseError::Refused });
        };
        // The server's words may quote values, so only the code is told.
        tracing::warn!(code = code.code(), "the database refuses a statement");
        Err(match code {
            &SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::QUERY_CANCELED => {
                DatabaseError::Busy
            }
            // It stops, or has stopped this session.
            code if code.code().starts_with("57P") || code.code().starts_with("08") => DatabaseError::Unreachable,
            _ => DatabaseError::Refused,
        })
    }
}
