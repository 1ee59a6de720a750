//! The wallet file: encrypted, authenticated page by page, and never older than the secure area remembers
//! (`specs/wallet-file.md`).
//!
//! A change is made in four steps, each of which survives being the last one (WFILE-06):
//!
//! 1. the database transaction is prepared, with the next generation number and the hash of all it protects;
//! 2. the secure area notes that hash as the *next* state;
//! 3. the transaction is committed;
//! 4. the secure area makes the next state the *current* one, and only then is the change acknowledged.
//!
//! Opening accepts the current state and, after a crash between 2 and 4, the next one; nothing else.

mod database;
mod guard;
mod header;
mod key;

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

#[cfg(test)]
pub(crate) use database::make_tables;
pub(crate) use database::{read_setting, write_setting};
pub(crate) use guard::{Guard, GuardRecord, StateMark, TRIES};
pub(crate) use header::Header;
pub use key::KdfParameters;
pub(crate) use key::{DatabaseKey, WrappedKey};

use crate::error::WalletError;

/// An unlocked wallet file.
pub(crate) struct Store {
    connection: Connection,
    guard: GuardRecord,
    mark: StateMark,
    uncertain: bool,
}

impl Store {
    /// Makes the database of a new wallet with what `fill` puts into it, and returns the mark of its state.
    pub(crate) fn create(
        path: &Path,
        key: &DatabaseKey,
        fill: impl FnOnce(&Transaction<'_>) -> Result<(), WalletError>,
    ) -> Result<StateMark, WalletError> {
        let mut connection = database::create(path, key)?;
        let transaction = connection.transaction()?;
        database::make_tables(&transaction)?;
        fill(&transaction)?;
        let mark = database::advance(&transaction, 0)?;
        transaction.commit()?;
        Ok(mark)
    }

    /// Opens the database and makes sure that it is whole and the newest.
    ///
    /// # Errors
    /// [`WalletError::StorageTampered`] when a page is not authentic or the content is not what was
    /// written last, [`WalletError::RollbackDetected`] when the file is an older copy.
    pub(crate) fn open(path: &Path, key: &DatabaseKey, guard: GuardRecord) -> Result<Self, WalletError> {
        let connection = database::open(path, key)?;
        let mark = database::mark(&connection)?;
        guard.update(|guard| {
            if guard.current != mark && guard.next != Some(mark) {
                let older = mark.generation < guard.current.generation;
                return Err(if older { WalletError::RollbackDetected } else { WalletError::StorageTampered });
            }
            guard.current = mark;
            guard.next = None;
            Ok(())
        })?;
        Ok(Self { connection, guard, mark, uncertain: false })
    }

    /// The database, for reading.
    pub(crate) fn read(&self) -> &Connection {
        &self.connection
    }

    /// Makes a change that is there for good, or not at all, once this returns.
    ///
    /// # Errors
    /// What `write` reports; [`WalletError::StorageFull`]; [`WalletError::RollbackDetected`] when another
    /// copy of this wallet went on in the meantime.
    pub(crate) fn change<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        let current = self.mark;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = write(&transaction)?;
        let next = database::advance(&transaction, current.generation)?;
        let expect = |guard: &Guard| if guard.current == current { Ok(()) } else { Err(WalletError::RollbackDetected) };
        self.guard.update(|guard| {
            expect(guard)?;
            guard.next = Some(next);
            Ok(())
        })?;
        if let Err(error) = transaction.commit() {
            let error = error.into();
            // A full disk is rolled back cleanly; after any other failure only opening again can tell.
            self.uncertain = error != WalletError::StorageFull;
            return Err(error);
        }
        self.uncertain = true;
        self.guard.update(|guard| {
            expect(guard)?;
            guard.current = next;
            guard.next = None;
            Ok(())
        })?;
        self.mark = next;
        self.uncertain = false;
        Ok(result)
    }

    /// Stores public data that proves itself when it is used, without counting it as a new state.
    pub(crate) fn cache<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = write(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Whether a failure left open which state the file is in; then it has to be closed and opened again.
    pub(crate) fn uncertain(&self) -> bool {
        self.uncertain
    }
}

#[cfg(test)]
mod tests;
