//! Whether what is stored is what was made final.

use protocol::ledger::header::body_root;
use protocol::ledger::{Header, StateKey, Transaction, TrustAnchor};
use rusqlite::{Connection, params};

use super::seal;
use super::{Store, StoreError, envelope, schema};
use crate::history;
use crate::state::State;

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Height of the first block; 0 without one.
    pub first: u64,
    /// Height of the last block.
    pub last: u64,
    /// Time of the last block, Unix milliseconds.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: [u8; 32],
    /// Height of the newest block with a certificate of its own; 0 without one.
    pub certified: u64,
    /// Certificates that were checked.
    pub certificates: u64,
    /// Transactions.
    pub transactions: u64,
    /// Records.
    pub records: u64,
    /// Versions of records.
    pub versions: u64,
}

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificates {
    /// The newest: it covers all blocks below it, through the parent digests.
    Newest,
    /// Every block's own.
    All,
}

impl Store {
    /// Compares everything in the file with everything else, and with the newest certificate.
    ///
    /// What that covers: the structure of the file and of its indices; the seal of every row; that every block follows
    /// the one below it and has the transactions that its header names; that a certificate of the anchored network
    /// covers them; that the records are those of the last header; that the newest version in the history of each
    /// record is the record. It takes about as long as reading the file twice.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what is wrong.
    pub(crate) fn check(
        &self,
        anchor: &TrustAnchor,
        genesis: &Header,
        certificates: Certificates,
    ) -> Result<Found, StoreError> {
        let sql = self.lock();
        structure(&sql)?;
        for (table, ..) in schema::TABLES {
            seal::each(&sql, table, "", [], |_| Ok(()))?;
        }
        let (mut found, tip) = blocks(&sql, anchor, genesis, certificates)?;
        let mut envelopes = Vec::new();
        seal::each(&sql, "records", "", [], |row| {
            envelopes.push((row.get::<_, [u8; 32]>(0)?, envelope(&row.get::<_, Vec<u8>>(1)?)?));
            Ok(())
        })?;
        found.records = envelopes.len() as u64;
        for (key, envelope) in &envelopes {
            if envelope.record.state_key().0 != *key {
                return damaged("a record stands at another one's key");
            }
            if history::kept(envelope) && history::newest(&sql, &StateKey(*key))?.as_ref() != Some(envelope) {
                return damaged("the history of a record does not end with the record");
            }
        }
        found.versions = sql.query_row("SELECT count(*) FROM history", [], |row| row.get(0))?;
        if let Some(tip) = tip
            && State::new(envelopes.into_iter().map(|(_, envelope)| envelope)).root() != tip.state_root
        {
            return damaged("the records are not those of the last block");
        }
        Ok(found)
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Damaged(what.into()))
}

/// The pages of the file, and that indices and tables hold the same.
fn structure(sql: &Connection) -> Result<(), StoreError> {
    sql.pragma_update(None, "cell_size_check", true)?;
    let mut statement = sql.prepare("PRAGMA integrity_check(1)")?;
    let told: String = statement.query_row([], |row| row.get(0))?;
    if told == "ok" { Ok(()) } else { damaged(told) }
}

/// The chain of blocks up to the last one, with the transactions and the engine's records of each.
fn blocks(
    sql: &Connection,
    anchor: &TrustAnchor,
    genesis: &Header,
    certificates: Certificates,
) -> Result<(Found, Option<Header>), StoreError> {
    let mut found = Found::default();
    let mut parent: Option<Header> = None;
    let mut newest = None;
    let mut records = 0;
    seal::each(sql, "blocks", "ORDER BY height", [], |row| {
        let (height, header, certificate): (u64, Vec<u8>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let wrong = |what: &str| StoreError::Damaged(format!("block {height} {what}"));
        let bytes = header;
        let header = Header::decode(&bytes).map_err(|_| wrong("has no header"))?;
        let below = parent.as_ref().or((height == 1).then_some(genesis));
        let follows = below.is_none_or(|below| header.follows(below).is_ok());
        if header.height != height || header.network_id != anchor.network_id || !follows {
            return Err(wrong("does not follow the one below it"));
        }
        let mut body = seal::all(sql, "engine_records", "WHERE height = ?1 ORDER BY position", [height], |r| r.get(2))?;
        records += body.len() as u64;
        seal::each(sql, "transactions", "WHERE height = ?1 ORDER BY position", params![height], |row| {
            let bytes: Vec<u8> = row.get(3)?;
            if row.get::<_, [u8; 32]>(0)? != Transaction::id(&bytes) {
                return Err(wrong("has a transaction under another one's name"));
            }
            found.transactions += 1;
            body.push(bytes);
            Ok(())
        })?;
        if body_root(&body) != header.body_root {
            return Err(wrong("has other transactions than its header names"));
        }
        if let Some(certificate) = certificate {
            found.certified = height;
            if certificates == Certificates::All {
                found.certificates += 1;
                anchor.certified_header(&bytes, &certificate).map_err(|_| wrong("has a wrong certificate"))?;
            } else {
                newest = Some((bytes, certificate));
            }
        }
        if found.first == 0 {
            found.first = height;
        }
        (found.last, found.time_ms, found.state_root) = (height, header.timestamp_ms, header.state_root);
        parent = Some(header);
        Ok(())
    })?;
    if let Some((header, certificate)) = newest {
        found.certificates = 1;
        let height = found.certified;
        let checked = anchor.certified_header(&header, &certificate);
        checked.map_err(|_| StoreError::Damaged(format!("block {height} has a wrong certificate")))?;
    }
    let count = |table: &str| sql.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, u64>(0));
    if count("transactions")? != found.transactions || count("engine_records")? != records {
        return damaged("there are transactions of blocks that are not there");
    }
    Ok((found, parent))
}
