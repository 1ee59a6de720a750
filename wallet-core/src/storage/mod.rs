//! The wallet file: encrypted, authenticated page by page, and never older than the secure area remembers
//! (`specs/wallet-file.md`).
//!
//! A change is made in four steps, each of which survives being the last one (WFILE-06):
//!
//! 1. the changes are collected in memory, with the next generation number and the hash of all that is protected;
//! 2. the secure area notes that hash as the *next* state;
//! 3. the changes are made in one step;
//! 4. the secure area makes the next state the *current* one, and only then is the change acknowledged.
//!
//! Opening accepts the current state and, after a crash between 2 and 4, the next one; nothing else.

#[cfg(not(target_family = "wasm"))]
mod directory;
mod guard;
mod header;
mod key;
mod records;
mod rows;
#[cfg(not(target_family = "wasm"))]
mod sqlcipher;
mod transaction;
#[cfg(not(target_family = "wasm"))]
mod version1;

#[cfg(not(target_family = "wasm"))]
pub(crate) use directory::Directory;
pub(crate) use guard::{Guard, GuardRecord, StateMark, TRIES};
pub(crate) use header::Header;
pub(crate) use key::WrappedKey;
pub use key::{DatabaseKey, KdfParameters};
pub use records::{Change, Records, Table, Vault, Visit};
pub use rows::Rows;
pub(crate) use transaction::{Transaction, View};

use crate::error::WalletError;

/// The records of an unlocked wallet.
pub(crate) struct Store {
    records: Box<dyn Records>,
    guard: GuardRecord,
    mark: StateMark,
    uncertain: bool,
}

impl Store {
    /// Puts into the empty records of a new wallet what `fill` says, and returns the mark of their state.
    pub(crate) fn create(
        mut records: Box<dyn Records>,
        fill: impl FnOnce(&mut Transaction<'_>),
    ) -> Result<StateMark, WalletError> {
        let mut transaction = Transaction::new(records.as_ref());
        fill(&mut transaction);
        let mark = transaction.advance(0)?;
        let changes = transaction.into_changes();
        records.commit(&changes)?;
        Ok(mark)
    }

    /// Makes sure that the records are whole and the newest.
    ///
    /// # Errors
    /// [`WalletError::StorageTampered`] when the content is not what was written last, [`WalletError::RollbackDetected`]
    /// when the records are an older copy.
    pub(crate) fn open(records: Box<dyn Records>, guard: GuardRecord) -> Result<Self, WalletError> {
        let generation = transaction::generation(&records)?;
        let former = records.former_digest();
        let digest = former.map_or_else(|| transaction::digest(&records), Ok)?;
        let mark = StateMark { generation, digest };
        guard.update(|guard| {
            if guard.current != mark && guard.next != Some(mark) {
                let older = mark.generation < guard.current.generation;
                return Err(if older { WalletError::RollbackDetected } else { WalletError::StorageTampered });
            }
            guard.current = mark;
            guard.next = None;
            Ok(())
        })?;
        let mut store = Self { records, guard, mark, uncertain: false };
        if former.is_some() {
            // WFILE-14: a change like any other.
            store.change(|_| Ok(()))?;
        }
        Ok(store)
    }

    /// The records, for reading.
    pub(crate) fn read(&self) -> &dyn View {
        &self.records
    }

    /// Makes a change that is there for good, or not at all, once this returns.
    ///
    /// # Errors
    /// What `write` reports; [`WalletError::StorageFull`]; [`WalletError::RollbackDetected`] when another
    /// copy of this wallet went on in the meantime.
    pub(crate) fn change<T>(
        &mut self,
        write: impl FnOnce(&mut Transaction<'_>) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        let current = self.mark;
        let mut transaction = Transaction::new(self.records.as_ref());
        let result = write(&mut transaction)?;
        let next = transaction.advance(current.generation)?;
        let changes = transaction.into_changes();
        let expect = |guard: &Guard| if guard.current == current { Ok(()) } else { Err(WalletError::RollbackDetected) };
        self.guard.update(|guard| {
            expect(guard)?;
            guard.next = Some(next);
            Ok(())
        })?;
        if let Err(error) = self.records.commit(&changes) {
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
    pub(crate) fn cache(&mut self, write: impl FnOnce(&mut Transaction<'_>)) -> Result<(), WalletError> {
        let mut transaction = Transaction::new(self.records.as_ref());
        write(&mut transaction);
        let changes = transaction.into_changes();
        self.records.commit(&changes)
    }

    /// Whether a failure left open which state the file is in; then it has to be closed and opened again.
    pub(crate) fn uncertain(&self) -> bool {
        self.uncertain
    }
}

#[cfg(test)]
pub(crate) use tests::Unprotected;

#[cfg(test)]
mod tests;
