//! A wallet that a page keeps: sealed rows under names, in memory, and what of them has changed (WFILE-15).
//!
//! A page in a browser cannot store anything while a call runs. So a call works on these rows in memory, and before the page
//! uses what it returned, it stores what [`Rows::take_changes`] lists, all of it in one step. If it cannot, it throws the
//! wallet away and opens what it has stored.

use core::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::key::DatabaseKey;
use super::records::{Change, Records, Table, Vault, Visit};
use crate::error::WalletError;
use crate::labels;
use crate::sealing::Sealing;
use crate::secure_area::{SecureAreaError, Shelf};

const HEADER: &str = "header";
/// Before the names of records.
const ROW: &str = "row/";
/// Before the names of what the secure area sealed.
const AREA: &str = "area/";

/// Sealed rows by name. Copies of this value are the same rows.
#[derive(Clone, Default)]
pub struct Rows(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    kept: BTreeMap<String, Vec<u8>>,
    changed: BTreeSet<String>,
}

impl Rows {
    /// The rows that a page has stored.
    #[must_use]
    pub fn new(stored: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let kept = stored.into_iter().collect();
        Self(Arc::new(Mutex::new(Inner { kept, changed: BTreeSet::new() })))
    }

    /// What has changed since this was asked last: names with new content, or none where a row is gone.
    #[must_use]
    pub fn take_changes(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let mut inner = self.inner();
        let changed = core::mem::take(&mut inner.changed);
        changed.into_iter().map(|name| (name.clone(), inner.kept.get(&name).cloned())).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each change below is one insertion or removal, whole also after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.inner().kept.get(name).cloned()
    }

    fn set(&self, name: String, content: Option<Vec<u8>>) {
        let mut inner = self.inner();
        match content {
            Some(content) => inner.kept.insert(name.clone(), content),
            None => inner.kept.remove(&name),
        };
        inner.changed.insert(name);
    }

    fn records(&self) -> Vec<(String, Vec<u8>)> {
        let rows = self.inner();
        let rows = rows.kept.range(ROW.to_owned()..).take_while(|(name, _)| name.starts_with(ROW));
        rows.map(|(name, content)| (name.clone(), content.clone())).collect()
    }

    fn remove_records(&self) {
        self.records().into_iter().for_each(|(name, _)| self.set(name, None));
    }
}

/// The secure area's share of the rows. One page has them, so nobody has to be kept out.
impl Shelf for Rows {
    fn exclusive(&self) -> Result<Box<dyn Any>, SecureAreaError> {
        Ok(Box::new(()))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SecureAreaError> {
        Ok(self.get(&format!("{AREA}{name}")))
    }

    fn replace(&self, name: &str, sealed: &[u8]) -> Result<(), SecureAreaError> {
        self.set(format!("{AREA}{name}"), Some(sealed.to_vec()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), SecureAreaError> {
        self.set(format!("{AREA}{name}"), None);
        Ok(())
    }
}

impl Vault for Rows {
    fn header(&self) -> Result<Option<Vec<u8>>, WalletError> {
        Ok(self.get(HEADER))
    }

    fn set_header(&self, header: &[u8]) -> Result<(), WalletError> {
        self.set(HEADER.to_owned(), Some(header.to_vec()));
        Ok(())
    }

    fn create(&self, key: &DatabaseKey) -> Result<Box<dyn Records>, WalletError> {
        self.remove_records();
        Ok(Box::new(SealedRecords { rows: self.clone(), sealing: sealing(key)?, content: BTreeMap::new() }))
    }

    fn open(&self, key: &DatabaseKey) -> Result<Box<dyn Records>, WalletError> {
        let sealing = sealing(key)?;
        let content = self.records().into_iter().map(|(name, sealed)| read(&sealing, &name, &sealed));
        let content = content.collect::<Result<_, WalletError>>()?;
        Ok(Box::new(SealedRecords { rows: self.clone(), sealing, content }))
    }

    fn delete(&self) -> Result<(), WalletError> {
        self.remove_records();
        self.set(HEADER.to_owned(), None);
        Ok(())
    }
}

/// Table and key of a record.
type Place = (Table, Vec<u8>);

/// The rows of one unlocked wallet, in the clear.
struct SealedRecords {
    rows: Rows,
    sealing: Sealing,
    content: BTreeMap<Place, Zeroizing<Vec<u8>>>,
}

impl Records for SealedRecords {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        Ok(self.content.get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError> {
        let rows = self.content.range((table, Vec::new())..).take_while(|((of, _), _)| *of == table);
        rows.into_iter().try_for_each(|((_, key), value)| visit(key, value))
    }

    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError> {
        let rows = self.content.range((table, prefix.to_vec())..);
        Ok(rows.take_while(|((of, key), _)| *of == table && key.starts_with(prefix)).count())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), WalletError> {
        // Sealed first: nothing is half changed when one of them cannot be.
        let sealed = changes.iter().map(|change| {
            let name = name(&self.sealing, change.table.name(), &change.key);
            let content = change.value.as_ref().map(|value| {
                let row = row(change.table.name(), &change.key, value);
                self.sealing.seal(name.as_bytes(), &row).ok_or(WalletError::StorageUnavailable)
            });
            Ok((name, content.transpose()?))
        });
        let sealed = sealed.collect::<Result<Vec<_>, WalletError>>()?;
        for ((name, content), change) in sealed.into_iter().zip(changes) {
            self.rows.set(name, content);
            let key = (change.table, change.key.clone());
            match &change.value {
                Some(value) => self.content.insert(key, value.clone()),
                None => self.content.remove(&key),
            };
        }
        Ok(())
    }
}

fn sealing(key: &DatabaseKey) -> Result<Sealing, WalletError> {
    let root = key.as_bytes().try_into().map_err(|_| WalletError::StorageTampered)?;
    Ok(Sealing::new(Zeroizing::new(root), labels::ROW_SEALING, labels::ROW_NONCE))
}

/// A name that tells nothing of table or key to whoever has not the database key.
fn name(sealing: &Sealing, table: &str, key: &[u8]) -> String {
    // No table's name has a zero.
    let name: Zeroizing<[u8; 32]> = sealing.derive(&[labels::ROW_NAME, table.as_bytes(), &[0], key].concat());
    format!("{ROW}{}", hex::encode(*name))
}

/// What is sealed: table, key and value, the first two after their length.
fn row(table: &str, key: &[u8], value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut row = Zeroizing::new(Vec::with_capacity(table.len() + key.len() + value.len() + 16));
    for part in [table.as_bytes(), key] {
        row.extend((part.len() as u64).to_be_bytes());
        row.extend(part);
    }
    row.extend(value);
    row
}

/// WFILE-15: a row that is not what was written under this name is refused, and so is one of a table that is not known.
fn read(sealing: &Sealing, named: &str, sealed: &[u8]) -> Result<(Place, Zeroizing<Vec<u8>>), WalletError> {
    let row = sealing.unseal(named.as_bytes(), sealed).ok_or(WalletError::StorageTampered)?;
    let (table, rest) = part(&row).ok_or(WalletError::StorageTampered)?;
    let (key, value) = part(rest).ok_or(WalletError::StorageTampered)?;
    let known = Table::ALL.into_iter().find(|known| known.name().as_bytes() == table);
    let table = known.ok_or(WalletError::StorageVersionUnsupported)?;
    Ok(((table, key.to_vec()), Zeroizing::new(value.to_vec())))
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn g12_a_table_of_a_newer_version_is_left_alone() {
        let key = DatabaseKey::generate(&mut ChaCha20Rng::from_seed([1; 32]));
        let sealing = sealing(&key).unwrap();
        let name = name(&sealing, "hologram", b"key");
        let sealed = sealing.seal(name.as_bytes(), &row("hologram", b"key", b"value")).unwrap();
        let rows = Rows::new([(name, sealed)]);
        assert_eq!(rows.open(&key).err(), Some(WalletError::StorageVersionUnsupported));
        assert!(rows.take_changes().is_empty());
    }

    #[test]
    fn wfile_15_what_changed_is_told_once_and_names_nothing() {
        let key = DatabaseKey::generate(&mut ChaCha20Rng::from_seed([1; 32]));
        let rows = Rows::default();
        let mut records = rows.create(&key).unwrap();
        let change = |value: Option<&[u8]>| Change {
            table: Table::Setting,
            key: b"name".to_vec(),
            value: value.map(|value| Zeroizing::new(value.to_vec())),
        };
        records.commit(&[change(Some(b"one"))]).unwrap();
        records.commit(&[change(Some(b"two"))]).unwrap();
        let changes = rows.take_changes();
        let [(name, Some(sealed))] = changes.as_slice() else { panic!("{} changes", changes.len()) };
        assert!(!name.contains("setting") && !sealed.windows(3).any(|window| window == b"two"));
        assert!(rows.take_changes().is_empty());
        assert_eq!(records.count(Table::Setting, b"na").unwrap(), 1);
        // What was stored opens again; nothing else under its name does.
        let again = Rows::new([(name.clone(), sealed.clone())]).open(&key).unwrap();
        assert_eq!(again.get(Table::Setting, b"name").unwrap().unwrap().as_slice(), b"two");
        records.commit(&[change(None)]).unwrap();
        assert_eq!(rows.take_changes(), [(name.clone(), None)]);
        let other = DatabaseKey::generate(&mut ChaCha20Rng::from_seed([2; 32]));
        let opened = Rows::new([(name.clone(), sealed.clone())]).open(&other);
        assert_eq!(opened.err(), Some(WalletError::StorageTampered));
    }
}
