//! Every version a record ever had, by block: "who may ask what, since when".
//!
//! An index beside the blocks. It holds nothing that the final transactions do not say, so it can be made anew from
//! them ([`rebuild`]) and is not part of any proof. A node that began from a snapshot knows the versions of the
//! snapshot and every later one.

use ledger_engine::FinalizedBlock;
use protocol::ledger::{Envelope, Header, Record, StateKey, Transaction};
use rusqlite::{Connection, params};

use crate::store::StoreError;

/// The table of versions.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS history (
        key BLOB NOT NULL, version INTEGER NOT NULL, time_ms INTEGER NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (key, version)) STRICT, WITHOUT ROWID;
";

/// A record as it was from one block on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The record with its version and the height of the block that wrote it.
    pub envelope: Envelope,
    /// Time of that block, Unix milliseconds; 0 for what the genesis wrote.
    pub time_ms: u64,
}

/// Notes a version of a record. What is known already stays.
pub(crate) fn put(sql: &Connection, envelope: &Envelope, time_ms: u64) -> Result<(), rusqlite::Error> {
    // How often someone sent a transaction is no history of a record.
    if matches!(envelope.record, Record::Nonce(_)) {
        return Ok(());
    }
    let key = envelope.record.state_key();
    let statement = "INSERT OR IGNORE INTO history (key, version, time_ms, value) VALUES (?1, ?2, ?3, ?4)";
    sql.prepare_cached(statement)?.execute(params![key.0, envelope.version, time_ms, envelope.encode()]).map(|_| ())
}

/// Notes what a final block wrote, also what a later transaction of the same block wrote over.
pub(crate) fn put_block(sql: &Connection, block: &FinalizedBlock) -> Result<(), rusqlite::Error> {
    block.transactions.iter().try_for_each(|bytes| put_transaction(sql, bytes, block.height, block.time_ms))
}

fn put_transaction(sql: &Connection, bytes: &[u8], height: u64, time_ms: u64) -> Result<(), rusqlite::Error> {
    // Final bytes were admitted by a quorum; in unit tests of the store they may be anything.
    let Ok(transaction) = Transaction::decode(bytes) else { return Ok(()) };
    for write in transaction.body.writes {
        put(sql, &Envelope { version: write.previous_version + 1, height, record: write.record }, time_ms)?;
    }
    Ok(())
}

/// All versions of the record at `key`, oldest first.
pub(crate) fn versions(sql: &Connection, key: &StateKey) -> Result<Vec<Version>, StoreError> {
    let mut statement =
        sql.prepare_cached("SELECT value, time_ms FROM history WHERE key = ?1 ORDER BY version LIMIT 10000")?;
    let rows = statement.query_map([key.0], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, u64>(1)?)))?;
    let mut versions = Vec::new();
    for row in rows {
        let (value, time_ms) = row?;
        let envelope = Envelope::decode(&value).map_err(|_| StoreError::Damaged)?;
        versions.push(Version { envelope, time_ms });
    }
    Ok(versions)
}

/// Makes the index anew from the stored blocks and records, where it is missing.
pub(crate) fn rebuild(sql: &mut Connection) -> Result<(), StoreError> {
    let has = |sql: &Connection, table: &str| {
        sql.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {table})"), [], |row| row.get::<_, bool>(0))
    };
    if has(sql, "history")? || !has(sql, "records")? {
        return Ok(());
    }
    let all = sql.transaction()?;
    {
        let mut blocks = all.prepare(
            "SELECT t.bytes, b.height, b.header FROM transactions t JOIN blocks b ON b.height = t.height
             ORDER BY t.height, t.position",
        )?;
        let mut rows = blocks.query([])?;
        while let Some(row) = rows.next()? {
            let (bytes, height, header): (Vec<u8>, u64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let header = Header::decode(&header).map_err(|_| StoreError::Damaged)?;
            put_transaction(&all, &bytes, height, header.timestamp_ms)?;
        }
        // What no stored transaction wrote: the genesis, or the snapshot that the node began from.
        let mut records = all.prepare("SELECT value FROM records")?;
        let mut rows = records.query([])?;
        while let Some(row) = rows.next()? {
            let envelope = Envelope::decode(&row.get::<_, Vec<u8>>(0)?).map_err(|_| StoreError::Damaged)?;
            let header = "SELECT header FROM blocks WHERE height = ?1";
            let header = all.query_row(header, [envelope.height], |row| row.get::<_, Vec<u8>>(0)).ok();
            let time_ms = header.and_then(|header| Header::decode(&header).ok()).map_or(0, |h| h.timestamp_ms);
            put(&all, &envelope, time_ms)?;
        }
    }
    Ok(all.commit()?)
}

#[cfg(test)]
mod tests {
    use protocol::crypto::keys::{Ed25519SigningKey, Signer};
    use protocol::identifier::Did;
    use protocol::ledger::{Accreditation, Sender, TransactionBody, Write};

    use super::*;
    use crate::state::State;
    use crate::store::Store;

    fn accreditation(until: u64) -> Record {
        let issuer = Did::derive("kr", b"issuer").unwrap();
        let credential_type = "kr.licence.1".to_owned();
        Record::Accreditation(Accreditation { issuer, credential_type, from: 1, until, withdrawn: false })
    }

    fn writes(records: &[(u64, u64)], nonce: u64) -> Vec<u8> {
        let write = |&(previous_version, until): &(u64, u64)| Write { record: accreditation(until), previous_version };
        let writes = records.iter().map(write).collect();
        let body = TransactionBody { network_id: [1; 32], sender: Sender::Governance, nonce, writes };
        body.signed_by(&[&Ed25519SigningKey::from_seed(&[1; 32]) as &dyn Signer]).unwrap().encode()
    }

    fn block(height: u64, transactions: Vec<Vec<u8>>) -> FinalizedBlock {
        let header = Header { height, timestamp_ms: height * 1_000, ..Header::genesis([1; 32], 1) };
        let header = header.encode().to_vec();
        FinalizedBlock { height, time_ms: height * 1_000, header, certificate: None, records: vec![], transactions }
    }

    #[test]
    fn every_version_is_kept_and_can_be_derived_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let key = accreditation(9).state_key();
        let told = {
            let store = Store::open(&path).unwrap();
            let commit = |block: FinalizedBlock, version, until| {
                let height = block.height;
                let mut state = State::default();
                state.insert(Envelope { version, height, record: accreditation(until) });
                store.commit(&block, &state, None).unwrap();
            };
            // Twice in one block, then once more.
            commit(block(1, vec![writes(&[(0, 9)], 0), writes(&[(1, 8)], 1)]), 2, 8);
            commit(block(2, vec![writes(&[(2, 7)], 2)]), 3, 7);
            store.versions(&key).unwrap()
        };
        let seen: Vec<_> = told.iter().map(|v| (v.envelope.version, v.envelope.height, v.time_ms)).collect();
        assert_eq!(seen, [(1, 1, 1_000), (2, 1, 1_000), (3, 2, 2_000)]);
        assert_eq!(told[1].envelope.record, accreditation(8));

        // The index is lost: the next start makes the same one.
        Connection::open(&path).unwrap().execute("DELETE FROM history", []).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(store.versions(&key).unwrap(), told);
        assert_eq!(store.versions(&StateKey([9; 32])).unwrap(), []);
    }
}
