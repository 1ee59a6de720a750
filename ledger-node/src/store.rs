//! What survives a crash: blocks, current records, status lists, in one SQLite file.
//!
//! A block and its records are one SQLite transaction with `synchronous=FULL`: after a
//! crash either all of it is there or the engine hands the block over again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger_engine::{EngineRecords, FinalizedBlock};
use protocol::ledger::{Cosignature, Envelope, StateKey, Transaction, TransactionId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::history::{self, Version};
use crate::state::State;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS blocks (
        height INTEGER PRIMARY KEY, header BLOB NOT NULL, certificate BLOB) STRICT;
    CREATE TABLE IF NOT EXISTS transactions (
        id BLOB PRIMARY KEY, height INTEGER NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS transactions_of_block ON transactions (height, position);
    CREATE TABLE IF NOT EXISTS engine_records (
        height INTEGER NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (height, position)) STRICT;
    CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS status_lists (
        anchor BLOB PRIMARY KEY, digest BLOB NOT NULL, packed BLOB NOT NULL, height INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS list_versions (
        anchor BLOB NOT NULL, recorded INTEGER NOT NULL, received INTEGER NOT NULL,
        PRIMARY KEY (anchor, recorded)) STRICT;
    CREATE TABLE IF NOT EXISTS list_entries (
        anchor BLOB NOT NULL, entry INTEGER NOT NULL, received INTEGER NOT NULL, PRIMARY KEY (anchor, entry)) STRICT;
    CREATE INDEX IF NOT EXISTS list_entries_received ON list_entries (received);
    CREATE TABLE IF NOT EXISTS cosignatures (
        height INTEGER PRIMARY KEY, key BLOB NOT NULL, time INTEGER NOT NULL, signature BLOB NOT NULL) STRICT;
";

/// Why the store does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite reported an error.
    #[error("the ledger's database failed; check the disk and restart: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row does not hold what was written.
    #[error("the ledger's database is damaged; restore the folder from its backup or join anew")]
    Damaged,
}

/// The database of one node.
pub struct Store {
    connection: Mutex<Connection>,
}

/// A block as it was made final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// Canonical header bytes.
    pub header: Vec<u8>,
    /// Its own finalisation certificate, if it has one.
    pub certificate: Option<Vec<u8>>,
}

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
    /// Opens or creates the database.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(history::SCHEMA)?;
        history::rebuild(&mut connection)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last committed block with the state after it; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn last(&self) -> Result<Option<(StoredBlock, State)>, StoreError> {
        let connection = self.lock();
        let newest = "SELECT header, certificate FROM blocks ORDER BY height DESC LIMIT 1";
        let Some(block) = connection.query_row(newest, [], stored_block).optional()? else { return Ok(None) };
        let mut envelopes = Vec::new();
        let mut statement = connection.prepare("SELECT value FROM records")?;
        for value in statement.query_map([], |row| row.get::<_, Vec<u8>>(0))? {
            envelopes.push(Envelope::decode(&value?).map_err(|_| StoreError::Damaged)?);
        }
        Ok(Some((block, State::new(envelopes))))
    }

    /// Makes a block and all it changed durable.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of it is stored.
    pub fn commit(
        &self,
        block: &FinalizedBlock,
        state: &State,
        cosignature: Option<&Cosignature>,
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let sql = connection.transaction()?;
        sql.execute(
            "INSERT INTO blocks (height, header, certificate) VALUES (?1, ?2, ?3)",
            params![block.height, block.header, block.certificate],
        )?;
        for (position, bytes) in block.records.iter().enumerate() {
            sql.execute(
                "INSERT INTO engine_records (height, position, bytes) VALUES (?1, ?2, ?3)",
                params![block.height, position, bytes],
            )?;
        }
        for (position, bytes) in block.transactions.iter().enumerate() {
            sql.execute(
                "INSERT INTO transactions (id, height, position, bytes) VALUES (?1, ?2, ?3, ?4)",
                params![Transaction::id(bytes), block.height, position, bytes],
            )?;
        }
        if let Some(Cosignature { key, time, signature }) = cosignature {
            sql.execute(
                "INSERT OR REPLACE INTO cosignatures (height, key, time, signature) VALUES (?1, ?2, ?3, ?4)",
                params![block.height, key, time, signature],
            )?;
        }
        let written: BTreeSet<_> = state.written().iter().collect();
        for envelope in written.into_iter().filter_map(|key| state.get(key)) {
            put_record(&sql, envelope)?;
            history::put(&sql, envelope, block.time_ms)?;
        }
        history::put_block(&sql, block)?;
        if block.height == 1 {
            // The records of the genesis are part of the first state that is stored.
            state.envelopes().filter(|envelope| envelope.height == 0).try_for_each(|e| {
                put_record(&sql, e)?;
                history::put(&sql, e, 0)
            })?;
        }
        Ok(sql.commit()?)
    }

    /// The block at a height.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, StoreError> {
        let query = "SELECT header, certificate FROM blocks WHERE height = ?1";
        Ok(self.lock().query_row(query, [height], stored_block).optional()?)
    }

    /// The newest blocks, newest first, each with its number of transactions.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn latest_blocks(&self, below: u64, count: u32) -> Result<Vec<(StoredBlock, u64)>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT header, certificate, (SELECT count(*) FROM transactions t WHERE t.height = b.height)
             FROM blocks b WHERE height < ?1 ORDER BY height DESC LIMIT ?2",
        )?;
        let below = i64::try_from(below).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![below, count], |row| Ok((stored_block(row)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All known versions of the record at `key`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn versions(&self, key: &StateKey) -> Result<Vec<Version>, StoreError> {
        history::versions(&self.lock(), key)
    }

    /// The transactions of a block, in order.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn transactions(&self, height: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT bytes FROM transactions WHERE height = ?1 ORDER BY position")?;
        let rows = statement.query_map([i64::try_from(height).unwrap_or(i64::MAX)], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The engine's own records of all blocks that have some.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn engine_records(&self) -> Result<EngineRecords, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT height, bytes FROM engine_records ORDER BY height, position")?;
        let mut records = EngineRecords::new();
        for row in statement.query_map([], |row| Ok((row.get::<_, u64>(0)?, row.get(1)?)))? {
            let (height, bytes) = row?;
            records.entry(height).or_default().push(bytes);
        }
        Ok(records)
    }

    /// The height at which a transaction became final.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn transaction_height(&self, id: &TransactionId) -> Result<Option<u64>, StoreError> {
        let query = "SELECT height FROM transactions WHERE id = ?1";
        Ok(self.lock().query_row(query, [id], |row| row.get(0)).optional()?)
    }

    /// This node's cosignature on the checkpoint of a height.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn cosignature(&self, height: u64) -> Result<Option<Cosignature>, StoreError> {
        let query = "SELECT key, time, signature FROM cosignatures WHERE height = ?1";
        let read =
            |row: &rusqlite::Row<'_>| Ok(Cosignature { key: row.get(0)?, time: row.get(1)?, signature: row.get(2)? });
        Ok(self.lock().query_row(query, [height], read).optional()?)
    }

    /// The newest height with a cosignature of this node, and the header there.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn last_cosigned(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let query = "SELECT header FROM blocks JOIN cosignatures USING (height) ORDER BY height DESC LIMIT 1";
        Ok(self.lock().query_row(query, [], |row| row.get(0)).optional()?)
    }

    /// All status lists, by the key of their record.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn status_lists(&self) -> Result<BTreeMap<StateKey, StoredList>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT anchor, digest, packed, height FROM status_lists")?;
        let rows = statement.query_map([], |row| {
            let list = StoredList { digest: row.get(1)?, packed: row.get(2)?, height: row.get(3)? };
            Ok((StateKey(row.get(0)?), list))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
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
        sql.execute(
            "INSERT OR REPLACE INTO status_lists (anchor, digest, packed, height) VALUES (?1, ?2, ?3, ?4)",
            params![anchor.0, list.digest, list.packed, list.height],
        )?;
        sql.execute(
            "INSERT OR REPLACE INTO list_versions (anchor, recorded, received) VALUES (?1, ?2, ?3)",
            params![anchor.0, recorded, list.height],
        )?;
        for entry in changed {
            sql.execute(
                "INSERT OR REPLACE INTO list_entries (anchor, entry, received) VALUES (?1, ?2, ?3)",
                params![anchor.0, entry, list.height],
            )?;
        }
        Ok(sql.commit()?)
    }

    /// How the status lists differ from what someone has who was given the bundle of height `since`.
    ///
    /// A bundle may have been given out after a digest was on the ledger and before its list was here; whoever has
    /// such a bundle gets the list whole. To name an entry that is known already does no harm.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub fn list_changes(&self, since: u64) -> Result<ListChanges, StoreError> {
        let connection = self.lock();
        let mut changes = ListChanges::default();
        let mut statement = connection.prepare(
            "SELECT anchor FROM list_versions GROUP BY anchor
             HAVING MIN(received) >= ?1 OR SUM(recorded <= ?1 AND ?1 <= received) > 0",
        )?;
        for key in statement.query_map([since], |row| row.get(0))? {
            changes.whole.insert(StateKey(key?));
        }
        let mut statement =
            connection.prepare("SELECT anchor, entry FROM list_entries WHERE received >= ?1 ORDER BY anchor, entry")?;
        for row in statement.query_map([since], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (key, entry) = row?;
            changes.entries.entry(StateKey(key)).or_default().push(entry);
        }
        changes.entries.retain(|key, _| !changes.whole.contains(key));
        Ok(changes)
    }
}

fn put_record(sql: &Connection, envelope: &Envelope) -> Result<(), rusqlite::Error> {
    let key = envelope.record.state_key();
    let statement = "INSERT OR REPLACE INTO records (key, value) VALUES (?1, ?2)";
    sql.execute(statement, params![key.0, envelope.encode()]).map(|_| ())
}

fn stored_block(row: &rusqlite::Row<'_>) -> Result<StoredBlock, rusqlite::Error> {
    Ok(StoredBlock { header: row.get(0)?, certificate: row.get(1)? })
}

#[cfg(test)]
mod tests {
    use protocol::ledger::{Record, StatusEpoch};

    use super::*;

    fn envelope(n: u64, height: u64) -> Envelope {
        let record = Record::StatusEpoch(StatusEpoch { issuer_key: n.to_be_bytes(), epoch: 1, at: n });
        Envelope { version: 1, height, record }
    }

    fn block(height: u64, transactions: Vec<Vec<u8>>) -> FinalizedBlock {
        let certificate = height.is_multiple_of(2).then(|| vec![9; 83]);
        FinalizedBlock {
            height,
            time_ms: height,
            header: vec![height as u8; 145],
            certificate,
            records: vec![vec![0xff, height as u8]],
            transactions,
        }
    }

    /// `before`, after a block that wrote `envelopes`.
    fn after(before: &State, envelopes: &[Envelope]) -> State {
        let mut state = before.clone();
        state.begin_block();
        envelopes.iter().for_each(|envelope| state.insert(envelope.clone()));
        state
    }

    fn cosignature() -> Cosignature {
        Cosignature { key: [1; 32], time: 2, signature: [3; 64] }
    }

    fn id(bytes: &[u8]) -> TransactionId {
        Transaction::id(bytes)
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let genesis = State::new([envelope(0, 0)]);
        let state = after(&genesis, &[envelope(1, 1), envelope(1, 1)]);
        {
            let store = Store::open(&path).unwrap();
            assert!(store.last().unwrap().is_none());
            store.commit(&block(1, vec![b"tx".to_vec()]), &state, Some(&cosignature())).unwrap();
            store.commit(&block(2, vec![]), &after(&state, &[]), None).unwrap();
        }
        let store = Store::open(&path).unwrap();
        let of_the_engine = [1, 2].map(|height: u8| (height.into(), vec![vec![0xff, height]]));
        assert_eq!(store.engine_records().unwrap(), of_the_engine.into());
        let (last, recovered) = store.last().unwrap().unwrap();
        assert_eq!((last.header[0], last.certificate), (2, Some(vec![9; 83])));
        assert_eq!(recovered.root(), state.root(), "the genesis record included");
        assert_eq!(store.transaction_height(&id(b"tx")).unwrap(), Some(1));
        assert_eq!(store.transaction_height(&[2; 32]).unwrap(), None);
        assert_eq!(store.block(1).unwrap().unwrap().certificate, None);
        assert_eq!(store.block(3).unwrap(), None);
        assert_eq!(store.cosignature(1).unwrap(), Some(cosignature()));
        assert_eq!(store.cosignature(2).unwrap(), None);
        assert_eq!(store.last_cosigned().unwrap(), Some(vec![1; 145]));
    }

    #[test]
    fn a_block_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
        let before = State::new([envelope(0, 0)]);
        store.commit(&block(1, vec![]), &before, None).unwrap();
        let after = after(&before, &[envelope(1, 2)]);
        // The same transaction twice breaks the second insert.
        let failed = store.commit(&block(2, vec![vec![1], vec![1]]), &after, Some(&cosignature()));
        assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
        let (last, recovered) = store.last().unwrap().unwrap();
        assert_eq!((last.header[0], recovered.root()), (1, before.root()));
        assert_eq!(store.transaction_height(&id(&[1])).unwrap(), None);
        assert_eq!(store.cosignature(2).unwrap(), None);
        // Without the fault it goes through.
        store.commit(&block(2, vec![vec![1]]), &after, None).unwrap();
        assert_eq!(store.last().unwrap().unwrap().1.root(), after.root());
    }

    #[test]
    fn status_lists_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
        let list = |n| StoredList { digest: [n; 32], packed: vec![n], height: u64::from(n) };
        store.put_status_list(&StateKey([1; 32]), &list(1), 1, &[]).unwrap();
        store.put_status_list(&StateKey([1; 32]), &list(2), 2, &[5]).unwrap();
        store.put_status_list(&StateKey([2; 32]), &list(3), 3, &[]).unwrap();
        let lists = store.status_lists().unwrap();
        assert_eq!(lists.into_values().collect::<Vec<_>>(), [list(2), list(3)]);
    }

    #[test]
    fn what_changed_on_lists_is_told_from_any_height() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
        let (a, b) = (StateKey([1; 32]), StateKey([2; 32]));
        let put = |key, recorded, height, changed: &[u32]| {
            let list = StoredList { digest: [0; 32], packed: vec![], height };
            store.put_status_list(key, &list, recorded, changed).unwrap();
        };
        put(&a, 10, 11, &[]);
        put(&b, 10, 10, &[]);
        put(&a, 20, 20, &[7, 8]);
        // Three blocks passed between the digest and the list.
        put(&a, 30, 33, &[9, 7]);
        let told = |since| {
            let ListChanges { whole, entries } = store.list_changes(since).unwrap();
            (whole.into_iter().collect::<Vec<_>>(), entries.get(&a).cloned())
        };
        assert_eq!(told(9), (vec![a, b], None), "before there was any");
        assert_eq!(told(10), (vec![a, b], None));
        assert_eq!(told(11), (vec![a], None), "the list may have come after the bundle");
        assert_eq!(told(12), (vec![], Some(vec![7, 8, 9])));
        assert_eq!(told(20), (vec![a], None));
        assert_eq!(told(21), (vec![], Some(vec![7, 9])));
        assert_eq!(told(31), (vec![a], None), "a bundle without the list");
        assert_eq!(told(34), (vec![], None));
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        std::fs::write(&path, [0x5a; 4096]).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Database(_))));
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Database(_))), "a folder");
        std::fs::remove_file(&path).unwrap();
        assert!(Store::open(&path).unwrap().last().unwrap().is_none());
    }

    #[test]
    fn rows_that_do_not_hold_what_was_written_are_damage() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
        let state = after(&State::new([]), &[envelope(1, 1)]);
        store.commit(&block(1, vec![vec![1]]), &state, None).unwrap();
        let written: Vec<u8> = store.lock().query_row("SELECT value FROM records", [], |row| row.get(0)).unwrap();
        let write = |bytes: &[u8]| store.lock().execute("UPDATE records SET value = ?1", [bytes]);
        for damaged in [&written[..written.len() - 1], &[&written[..], &[0]].concat(), &[]] {
            assert_eq!(write(damaged).unwrap(), 1);
            assert!(matches!(store.last(), Err(StoreError::Damaged)));
        }
        assert_eq!(write(&written).unwrap(), 1);
        assert_eq!(store.last().unwrap().unwrap().1.root(), state.root());
    }
}
