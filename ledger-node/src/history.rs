//! Every version a record ever had, by block: "who may ask what, since when".
//!
//! An index beside the blocks. It holds nothing that executing the final transactions does not say, and is part of no
//! proof; an audit makes it anew and compares ([`crate::audit`]).

use protocol::ledger::{Envelope, Record, StateKey};
use rusqlite::Connection;

use crate::store::{self, Put, StoreError};

/// A record as it was from one block on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The record with its version and the height of the block that wrote it.
    pub envelope: Envelope,
    /// Time of that block, Unix milliseconds; 0 for what the genesis wrote. Of what the node began with, the time of
    /// the block it began with: by then it was so, and since when is not known here.
    pub time_ms: u64,
    /// Whether it was written before this node's blocks begin.
    pub is_inherited: bool,
}

/// Whether versions of this record are kept: how often someone sent a transaction is no history of a record.
pub(crate) fn kept(envelope: &Envelope) -> bool {
    !matches!(envelope.record, Record::Nonce(_))
}

/// Notes a version of a record.
pub(crate) fn put(sql: &Connection, envelope: &Envelope, time_ms: u64) -> Result<(), rusqlite::Error> {
    if !kept(envelope) {
        return Ok(());
    }
    let (key, version) = (envelope.record.state_key(), envelope.version);
    store::put(sql, Put::Keep, "history", &[&key.0, &version, &time_ms, &envelope.encode()])
}

/// All versions of the record at `key`, oldest first.
pub(crate) fn versions(sql: &Connection, key: &StateKey) -> Result<Vec<Version>, StoreError> {
    let mut versions = Vec::new();
    store::each(sql, "history", "WHERE key = ?1 ORDER BY version LIMIT 10000", [key.0], |row| {
        let envelope = store::envelope(&row.get::<_, Vec<u8>>(3)?)?;
        versions.push(Version { envelope, time_ms: row.get(2)?, is_inherited: false });
        Ok(())
    })?;
    Ok(versions)
}

/// The newest version of the record at `key`.
pub(crate) fn newest(sql: &Connection, key: &StateKey) -> Result<Option<Envelope>, StoreError> {
    let mut newest = None;
    store::each(sql, "history", "WHERE key = ?1 ORDER BY version DESC LIMIT 1", [key.0], |row| {
        newest = Some(store::envelope(&row.get::<_, Vec<u8>>(3)?)?);
        Ok(())
    })?;
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use ledger_engine::FinalizedBlock;
    use protocol::identifier::Did;
    use protocol::ledger::{Accreditation, Header};

    use super::*;
    use crate::state::State;
    use crate::store::Store;

    fn accreditation(version: u64, height: u64, until: u64) -> Envelope {
        let issuer = Did::derive("kr", b"issuer").unwrap();
        let credential_type = "kr.licence.1".to_owned();
        let record = Accreditation { issuer, credential_type, from: 1, until, withdrawn: false };
        Envelope { version, height, record: Record::Accreditation(record) }
    }

    fn block(height: u64) -> FinalizedBlock {
        let header = Header { height, timestamp_ms: height * 1_000, ..Header::genesis([1; 32], 1) };
        let header = header.encode().to_vec();
        let (certificate, records, transactions) = (None, vec![], vec![]);
        FinalizedBlock { height, time_ms: height * 1_000, header, certificate, records, transactions }
    }

    #[test]
    fn every_version_is_kept_also_those_of_one_block() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
        let key = accreditation(1, 1, 9).record.state_key();
        let commit = |height: u64, written: &[(u64, u64)]| {
            let mut state = State::default();
            written.iter().for_each(|(version, until)| state.insert(accreditation(*version, height, *until)));
            store.commit(&block(height), &state, None).unwrap();
        };
        // What came into force at the beginning of the block, and what a transaction then wrote over it.
        commit(1, &[(1, 9), (2, 8)]);
        commit(2, &[(3, 7)]);
        let told = store.versions(&key).unwrap();
        let seen: Vec<_> = told.iter().map(|v| (v.envelope.version, v.envelope.height, v.time_ms)).collect();
        assert_eq!(seen, [(1, 1, 1_000), (2, 1, 1_000), (3, 2, 2_000)]);
        assert_eq!(told[1].envelope, accreditation(2, 1, 8));
        assert_eq!(store.versions(&StateKey([9; 32])).unwrap(), []);
    }
}
