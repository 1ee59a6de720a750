//! What survives a crash: blocks, current records, their history, status lists, in one SQLite file.
//!
//! A block and its records are one SQLite transaction with `synchronous=FULL`: after a
//! crash either all of it is there or the engine hands the block over again.
//!
//! A bit that changes on the disk is found, not believed: every row has a seal that is compared whenever it is read
//! (`store/seal.rs`), and before a node serves anything, the file's structure, all rows and what they say of each other
//! are compared with the newest certificate (`store/check.rs`).

mod check;
mod lists;
mod schema;
mod seal;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger_engine::{EngineRecords, FinalizedBlock};
use minicbor::bytes::ByteVec;
use protocol::cbor;
use protocol::ledger::snapshot::{CertifiedBlock, OFFER_MAX};
use protocol::ledger::{Cosignature, Envelope, Header, StateKey, Transaction, TransactionId};
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use crate::history::{self, Version};
use crate::state::State;

pub(crate) use self::check::Certificates;
pub use self::check::Found;
pub use self::lists::{ListChanges, StoredList};
pub(crate) use self::seal::{Put, each, put};

/// Why the store does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite reported an error.
    #[error("the ledger's database failed; check the disk and restart: {0}")]
    Database(rusqlite::Error),
    /// What is on the disk is not what was written there.
    #[error(
        "the ledger's database is damaged: {0}. Nothing is served from it; take the folder away and fetch the ledger \
         anew (docs/howtos/a-new-or-wiped-node.md)"
    )]
    Damaged(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match &error {
            // 1, for a statement that does not fit the tables: the statements are always the same.
            Error::SqliteFailure(failure, _)
                if matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                    || failure.extended_code == 1 =>
            {
                Self::Damaged(error.to_string())
            }
            // Values that cannot have been written.
            Error::SqlInputError { .. }
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::InvalidColumnName(_)
            | Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            _ => Self::Database(error),
        }
    }
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

impl Store {
    /// Opens or creates the database.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        schema::prepare(&mut connection)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Opens the database as it is at this moment, without changing anything, also beside a node that runs.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn inspect(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        schema::expect(&connection)?;
        connection.execute_batch("BEGIN")?;
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
        let newest = seal::one(&connection, "blocks", "ORDER BY height DESC LIMIT 1", [], stored_block)?;
        let Some(block) = newest else { return Ok(None) };
        let mut envelopes = Vec::new();
        seal::each(&connection, "records", "", [], |row| {
            let envelope = envelope(&row.get::<_, Vec<u8>>(1)?)?;
            if envelope.record.state_key().0 != row.get::<_, [u8; 32]>(0)? {
                return Err(StoreError::Damaged("a record stands at another one's key".into()));
            }
            envelopes.push(envelope);
            Ok(())
        })?;
        Ok(Some((block, State::new(envelopes))))
    }

    /// Puts the records of the genesis into a new database.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of it is stored.
    pub(crate) fn begin(&self, genesis: &State) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let sql = connection.transaction()?;
        if sql.query_row("SELECT EXISTS (SELECT 1 FROM records)", [], |row| row.get(0))? {
            return Ok(());
        }
        genesis.envelopes().try_for_each(|envelope| {
            put_record(&sql, envelope)?;
            history::put(&sql, envelope, 0)
        })?;
        Ok(sql.commit()?)
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
        let FinalizedBlock { height, time_ms, .. } = block;
        put_block(&sql, block)?;
        if let Some(Cosignature { key, time, signature }) = cosignature {
            seal::put(&sql, Put::Replace, "cosignatures", &[height, key, time, signature])?;
        }
        // In order: the last one stays.
        for envelope in state.written() {
            put_record(&sql, envelope)?;
            history::put(&sql, envelope, *time_ms)?;
        }
        Ok(sql.commit()?)
    }

    /// Makes a new database that of a node which begins with this block and the state after it.
    ///
    /// What a record was before is in no state. Its present version is noted as of the block: when it was written is
    /// not known here.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of it is stored.
    pub(crate) fn install(
        &self,
        block: &FinalizedBlock,
        state: &State,
        appointment: Option<(u64, &CertifiedBlock)>,
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let sql = connection.transaction()?;
        put_block(&sql, block)?;
        if let Some((height, CertifiedBlock { header, certificate, body })) = appointment {
            seal::put(&sql, Put::Insert, "appointments", &[&height, header, certificate, &cbor::to_vec(body)])?;
        }
        for envelope in state.envelopes() {
            put_record(&sql, envelope)?;
            // The time of the genesis is known to everybody.
            history::put(&sql, envelope, if envelope.height == 0 { 0 } else { block.time_ms })?;
        }
        Ok(sql.commit()?)
    }

    /// Drops blocks below `height` with what belongs to them, and the versions of records that were not in force any more
    /// after its block. The block that put those in office who were then is kept.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is dropped.
    pub(crate) fn prune(&self, height: u64) -> Result<(), StoreError> {
        let missing = |height: u64| StoreError::Damaged(format!("block {height} is missing"));
        let first = self.block(height)?.ok_or_else(|| missing(height))?;
        let time_ms = Header::decode(&first.header).map_err(|_| missing(height))?.timestamp_ms;
        let appointed = ledger_engine::appointed_at(height, &self.engine_records()?).filter(|at| *at < height);
        let appointment = match appointed {
            Some(at) => Some((at, self.block(at)?.ok_or_else(|| missing(at))?, self.body(at)?)),
            None => None,
        };
        let mut connection = self.lock();
        let sql = connection.transaction()?;
        if let Some((at, block, body)) = appointment {
            let certificate = block.certificate.ok_or_else(|| missing(at))?;
            let body: Vec<ByteVec> = body.into_iter().map(Into::into).collect();
            seal::put(&sql, Put::Keep, "appointments", &[&at, &block.header, &certificate, &cbor::to_vec(&body)])?;
        }
        for table in ["blocks", "transactions", "engine_records", "cosignatures"] {
            sql.execute(&format!("DELETE FROM {table} WHERE height < ?1"), [height])?;
        }
        sql.execute(
            "DELETE FROM history WHERE time_ms < ?1 AND EXISTS (SELECT 1 FROM history newer
             WHERE newer.key = history.key AND newer.version = history.version + 1 AND newer.time_ms <= ?1)",
            [time_ms],
        )?;
        Ok(sql.commit()?)
    }

    /// Leaves everything in the database's one file.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let connection = self.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error.into())
    }

    /// The block that put those in office who were when this node began; `None` where its blocks tell.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn appointment(&self, height: u64) -> Result<Option<CertifiedBlock>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?));
        let found = seal::one(&self.lock(), "appointments", "WHERE height = ?1", [height], read)?;
        let damaged = |_| StoreError::Damaged("the block of an appointment cannot be read".into());
        found
            .map(|(header, certificate, body)| {
                let body = cbor::from_slice(&body, OFFER_MAX).map_err(damaged)?;
                Ok(CertifiedBlock { header, certificate, body })
            })
            .transpose()
    }

    /// The height of the block that put those in office who were when this node began.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn appointed_before(&self) -> Result<Option<u64>, StoreError> {
        seal::one(&self.lock(), "appointments", "ORDER BY height DESC LIMIT 1", [], |row| row.get(0))
    }

    /// Height of the first block that is stored; 1 where there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn first(&self) -> Result<u64, StoreError> {
        let first = seal::one(&self.lock(), "blocks", "ORDER BY height LIMIT 1", [], |row| row.get(0))?;
        Ok(first.unwrap_or(1))
    }

    /// What the body root of a block covers, in order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn body(&self, height: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let rest = "WHERE height = ?1 ORDER BY position";
        let mut body = seal::all(&self.lock(), "engine_records", rest, [height_or_none(height)], |row| row.get(2))?;
        body.extend(self.transactions(height)?);
        Ok(body)
    }

    /// The block at a height.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, StoreError> {
        seal::one(&self.lock(), "blocks", "WHERE height = ?1", [height_or_none(height)], stored_block)
    }

    /// The newest blocks, newest first, each with its number of transactions.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn latest_blocks(&self, below: u64, count: u32) -> Result<Vec<(StoredBlock, u64)>, StoreError> {
        let connection = self.lock();
        let below = height_or_none(below);
        let rest = "WHERE height < ?1 ORDER BY height DESC LIMIT ?2";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, stored_block(row)?));
        let blocks = seal::all(&connection, "blocks", rest, params![below, count], read)?;
        let mut counted = connection.prepare_cached("SELECT count(*) FROM transactions WHERE height = ?1")?;
        let with_count = |(height, block)| Ok((block, counted.query_row([height], |row| row.get(0))?));
        blocks.into_iter().map(with_count).collect()
    }

    /// All known versions of the record at `key`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn versions(&self, key: &StateKey) -> Result<Vec<Version>, StoreError> {
        history::versions(&self.lock(), key)
    }

    /// The stored version of a record with the key and version of `like`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn version(&self, like: &Envelope) -> Result<Option<Version>, StoreError> {
        let rest = "WHERE key = ?1 AND version = ?2";
        let values = params![like.record.state_key().0, like.version];
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u64>(2)?, row.get::<_, Vec<u8>>(3)?));
        let found = seal::one(&self.lock(), "history", rest, values, read)?;
        found
            .map(|(time_ms, value)| Ok(Version { envelope: envelope(&value)?, time_ms, is_inherited: false }))
            .transpose()
    }

    /// The heights with a cosignature of this node.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn cosigned(&self) -> Result<Vec<u64>, StoreError> {
        seal::all(&self.lock(), "cosignatures", "ORDER BY height", [], |row| row.get(0))
    }

    /// The transactions of a block, in order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn transactions(&self, height: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let rest = "WHERE height = ?1 ORDER BY position";
        seal::all(&self.lock(), "transactions", rest, [height_or_none(height)], |row| row.get(3))
    }

    /// The engine's own records of all blocks that have some.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn engine_records(&self) -> Result<EngineRecords, StoreError> {
        let mut records = EngineRecords::new();
        seal::each(&self.lock(), "engine_records", "ORDER BY height, position", [], |row| {
            records.entry(row.get(0)?).or_default().push(row.get(2)?);
            Ok(())
        })?;
        Ok(records)
    }

    /// The height at which a transaction became final.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn transaction_height(&self, id: &TransactionId) -> Result<Option<u64>, StoreError> {
        seal::one(&self.lock(), "transactions", "WHERE id = ?1", [id], |row| row.get(1))
    }

    /// This node's cosignature on the checkpoint of a height.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn cosignature(&self, height: u64) -> Result<Option<Cosignature>, StoreError> {
        let read =
            |row: &rusqlite::Row<'_>| Ok(Cosignature { key: row.get(1)?, time: row.get(2)?, signature: row.get(3)? });
        seal::one(&self.lock(), "cosignatures", "WHERE height = ?1", [height_or_none(height)], read)
    }

    /// The newest height with a cosignature of this node, and the header there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn last_cosigned(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let newest = "ORDER BY height DESC LIMIT 1";
        let height = seal::one(&self.lock(), "cosignatures", newest, [], |row| row.get::<_, u64>(0))?;
        let Some(height) = height else { return Ok(None) };
        let block = self.block(height)?;
        block.map(|block| Some(block.header)).ok_or(StoreError::Damaged(format!("block {height} is missing")))
    }

    /// Seals all rows again, as if what they hold had been written: for tests of the checks behind the seals.
    ///
    /// # Errors
    /// [`StoreError`]
    #[cfg(any(test, feature = "testkit"))]
    pub fn reseal(path: &Path) -> Result<(), StoreError> {
        let connection = Connection::open(path)?;
        Ok(schema::TABLES.iter().try_for_each(|(table, ..)| seal::reseal(&connection, table))?)
    }
}

/// The tables of the database.
#[cfg(test)]
pub(crate) fn tables() -> &'static [(&'static str, &'static str, &'static str)] {
    schema::TABLES
}

/// Heights beyond the range of the database are those of no block.
fn height_or_none(height: u64) -> i64 {
    i64::try_from(height).unwrap_or(i64::MAX)
}

fn put_block(sql: &Connection, block: &FinalizedBlock) -> Result<(), rusqlite::Error> {
    let FinalizedBlock { height, header, certificate, .. } = block;
    seal::put(sql, Put::Insert, "blocks", &[height, header, certificate])?;
    for (position, bytes) in (0_u64..).zip(&block.records) {
        seal::put(sql, Put::Insert, "engine_records", &[height, &position, bytes])?;
    }
    for (position, bytes) in (0_u64..).zip(&block.transactions) {
        seal::put(sql, Put::Insert, "transactions", &[&Transaction::id(bytes), height, &position, bytes])?;
    }
    Ok(())
}

fn put_record(sql: &Connection, envelope: &Envelope) -> Result<(), rusqlite::Error> {
    seal::put(sql, Put::Replace, "records", &[&envelope.record.state_key().0, &envelope.encode()])
}

pub(crate) fn envelope(bytes: &[u8]) -> Result<Envelope, StoreError> {
    Envelope::decode(bytes).map_err(|error| StoreError::Damaged(format!("a record cannot be read: {error}")))
}

fn stored_block(row: &rusqlite::Row<'_>) -> Result<StoredBlock, rusqlite::Error> {
    Ok(StoredBlock { header: row.get(1)?, certificate: row.get(2)? })
}

#[cfg(test)]
mod tests;
