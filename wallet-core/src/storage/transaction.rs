//! Reading records, and changes that nobody else sees before they are made.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::guard::StateMark;
use super::records::{Change, Records, Table, Visit};
use crate::error::WalletError;
use crate::labels;

const GENERATION: &str = "generation";

/// Records as they are, or as they will be.
pub(crate) trait View {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError>;

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError>;

    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError> {
        let mut count = 0;
        self.scan(table, &mut |key, _| {
            count += usize::from(key.starts_with(prefix));
            Ok(())
        })?;
        Ok(count)
    }

    /// The value of a setting.
    fn setting(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        self.get(Table::Setting, name.as_bytes())
    }
}

impl View for Box<dyn Records> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        self.as_ref().get(table, key)
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError> {
        self.as_ref().scan(table, visit)
    }

    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError> {
        self.as_ref().count(table, prefix)
    }
}

/// New content of records; none for those that go.
type Changes = BTreeMap<(Table, Vec<u8>), Option<Zeroizing<Vec<u8>>>>;

/// Changes on their way, in memory only.
pub(crate) struct Transaction<'a> {
    before: &'a dyn Records,
    changes: Changes,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(before: &'a dyn Records) -> Self {
        Self { before, changes: BTreeMap::new() }
    }

    /// Sets the record of `key`.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.changes.insert((table, key.to_vec()), Some(Zeroizing::new(value.to_vec())));
    }

    /// Removes the record of `key`, if there is one.
    pub(crate) fn remove(&mut self, table: Table, key: &[u8]) {
        self.changes.insert((table, key.to_vec()), None);
    }

    /// Sets a setting.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.put(Table::Setting, name.as_bytes(), value);
    }

    /// Counts one more change and returns the mark of the state it leads to.
    pub(super) fn advance(&mut self, generation: u64) -> Result<StateMark, WalletError> {
        let generation = generation.checked_add(1).ok_or(WalletError::StorageTampered)?;
        self.set(GENERATION, &generation.to_be_bytes());
        Ok(StateMark { generation, digest: digest(self)? })
    }

    /// The changes, in the order of their keys.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes.into_iter().map(|((table, key), value)| Change { table, key, value }).collect()
    }
}

impl View for Transaction<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        match self.changes.get(&(table, key.to_vec())) {
            Some(changed) => Ok(changed.clone()),
            None => self.before.get(table, key),
        }
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError> {
        let changes = self.changes.range((table, Vec::new())..).take_while(|((of, _), _)| *of == table);
        let mut changes = changes.map(|((_, key), value)| (key, value)).peekable();
        self.before.scan(table, &mut |key, value| {
            while let Some((new, content)) = changes.next_if(|(new, _)| new.as_slice() < key) {
                content.iter().try_for_each(|content| visit(new, content))?;
            }
            match changes.next_if(|(new, _)| new.as_slice() == key) {
                Some((_, changed)) => changed.iter().try_for_each(|content| visit(key, content)),
                None => visit(key, value),
            }
        })?;
        for (new, content) in changes {
            content.iter().try_for_each(|content| visit(new, content))?;
        }
        Ok(())
    }
}

/// How many changes led to what is stored.
pub(super) fn generation(view: &dyn View) -> Result<u64, WalletError> {
    let generation = view.setting(GENERATION)?.ok_or(WalletError::StorageTampered)?;
    let generation = <[u8; 8]>::try_from(generation.as_slice()).map_err(|_| WalletError::StorageTampered)?;
    Ok(u64::from_be_bytes(generation))
}

/// Hash of all protected records, with the length of everything (WFILE-07).
pub(super) fn digest(view: &dyn View) -> Result<[u8; 32], WalletError> {
    let mut hash = Sha256::new_with_prefix(labels::STATE_DIGEST);
    for table in Table::PROTECTED {
        hash.update(table.name());
        view.scan(table, &mut |key, value| {
            hash.update(b"record");
            for part in [key, value] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            Ok(())
        })?;
        hash.update(b"end");
    }
    Ok(hash.finalize().into())
}
