//! Status lists, and how they changed since any height.

use std::collections::{BTreeMap, BTreeSet};

use protocol::ledger::StateKey;

use super::seal::{self, Put};
use super::{Store, StoreError};

/// How the status lists differ from those of an earlier height.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListChanges {
    /// Lists that may not have been there whole.
    pub whole: BTreeSet<StateKey>,
    /// The entries of others that were changed, ascending.
    pub entries: BTreeMap<StateKey, Vec<u32>>,
}

/// A status list whose digest the ledger held when it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredList {
    /// Digest of the list.
    pub digest: [u8; 32],
    /// The list, compressed.
    pub packed: Vec<u8>,
    /// Height of the ledger when it was received.
    pub height: u64,
}

impl Store {
    /// All status lists, by the key of their record.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn status_lists(&self) -> Result<BTreeMap<StateKey, StoredList>, StoreError> {
        let rows = seal::all(&self.lock(), "status_lists", "", [], |row| {
            let list = StoredList { digest: row.get(1)?, packed: row.get(2)?, height: row.get(3)? };
            Ok((StateKey(row.get(0)?), list))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Stores a status list in place of an older one. Its digest has been on the ledger since the height `recorded`;
    /// it differs from the older one in the entries `changed`.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of it is stored.
    pub fn put_status_list(
        &self,
        anchor: &StateKey,
        list: &StoredList,
        recorded: u64,
        changed: &[u32],
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let sql = connection.transaction()?;
        seal::put(&sql, Put::Replace, "status_lists", &[&anchor.0, &list.digest, &list.packed, &list.height])?;
        seal::put(&sql, Put::Replace, "list_versions", &[&anchor.0, &recorded, &list.height])?;
        for entry in changed {
            seal::put(&sql, Put::Replace, "list_entries", &[&anchor.0, entry, &list.height])?;
        }
        sql.commit()?;
        // What lies in the log only could be cut off there by one bit and be taken for a commit that was never
        // finished. Blocks come back from consensus; lists have been acknowledged and come back from nowhere.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// How the status lists differ from what someone has who was given the bundle of height `since`.
    ///
    /// A bundle may have been given out after a digest was on the ledger and before its list was here; whoever has
    /// such a bundle gets the list whole. To name an entry that is known already does no harm.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn list_changes(&self, since: u64) -> Result<ListChanges, StoreError> {
        let connection = self.lock();
        let mut changes = ListChanges::default();
        let mut first = BTreeMap::new();
        let versions = seal::all(&connection, "list_versions", "", [], |row| {
            Ok((StateKey(row.get(0)?), row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
        })?;
        for (key, recorded, received) in versions {
            let first: &mut u64 = first.entry(key).or_insert(u64::MAX);
            *first = received.min(*first);
            if recorded <= since && since <= received {
                changes.whole.insert(key);
            }
        }
        changes.whole.extend(first.iter().filter(|(_, received)| **received >= since).map(|(key, _)| *key));
        let entries =
            seal::all(&connection, "list_entries", "WHERE received >= ?1 ORDER BY anchor, entry", [since], |row| {
                Ok((StateKey(row.get(0)?), row.get(1)?))
            })?;
        for (key, entry) in entries {
            changes.entries.entry(key).or_default().push(entry);
        }
        changes.entries.retain(|key, _| !changes.whole.contains(key));
        Ok(changes)
    }
}
