//! The owner's log: who asked for what, why, and what came of it. Never a value (WFILE-11).
//!
//! Each entry is chained to the one before by a hash; the last hash is protected like everything else in the
//! wallet file, so that an entry that was changed, removed or moved is noticed.

use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::exchange::{Predicate, Scope};
use protocol::identifier::Did;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use crate::error::WalletError;
use crate::labels;
use crate::storage::{read_setting, write_setting};
use crate::wallet::Wallet;

/// Number and hash of the last entry.
const HEAD: &str = "activity_head";
/// Largest entry, in bytes.
const ENTRY_MAX: usize = 4 * 1024;
/// A code that is renewed within this time counts as one showing, in seconds.
const SHOWING: u64 = 600;

/// What was asked, by name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Asked {
    /// Who asked.
    #[n(0)]
    pub verifier: Did,
    /// Its name in Korean.
    #[n(1)]
    pub name_ko: String,
    /// Its name in English.
    #[n(2)]
    pub name_en: String,
    /// The purpose it gave.
    #[n(3)]
    pub purpose: String,
    /// The credential type.
    #[n(4)]
    pub credential_type: String,
    /// Names of the attributes to be shown.
    #[n(5)]
    pub shown: Vec<String>,
    /// Statements to be proven.
    #[n(6)]
    pub proven: Vec<Predicate>,
    /// Within what the verifier would recognise the owner again.
    #[n(7)]
    pub pseudonym: Option<Scope>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Event {
    /// A credential was received.
    #[n(0)]
    Received {
        /// Its type.
        #[n(0)]
        credential_type: String,
        /// Its issuer.
        #[n(1)]
        issuer: Did,
    },
    /// A credential was deleted.
    #[n(1)]
    Deleted {
        /// Its type.
        #[n(0)]
        credential_type: String,
    },
    /// The PIN was changed.
    #[n(2)]
    PinChanged,
    /// A request was answered.
    #[n(3)]
    Answered(#[n(0)] Asked),
    /// A request was answered although it went beyond the verifier's registration, because the owner insisted.
    #[n(4)]
    AnsweredOverAsk(#[n(0)] Asked),
    /// The owner declined a request.
    #[n(5)]
    Declined(#[n(0)] Asked),
    /// A request was blocked because it went beyond the verifier's registration.
    #[n(6)]
    Blocked(#[n(0)] Asked),
    /// A request could not be answered; nothing was sent.
    #[n(7)]
    Unanswered(#[n(0)] Asked),
    /// A code was shown without having been asked for.
    #[n(8)]
    Displayed {
        /// The credential type.
        #[n(0)]
        credential_type: String,
        /// The ready-made answer.
        #[n(1)]
        profile: String,
    },
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Activity {
    /// Unix seconds.
    #[n(0)]
    pub at: u64,
    /// What happened.
    #[n(1)]
    pub event: Event,
}

impl Wallet {
    /// The owner's log, oldest first.
    ///
    /// # Errors
    /// [`WalletError::LogTampered`], [`WalletError::Locked`]
    pub fn history(&self, now: u64) -> Result<Vec<Activity>, WalletError> {
        self.with_open(now, |open| read(open.store.read()))
    }
}

/// Adds an entry.
pub(crate) fn append(connection: &Connection, at: u64, event: &Event) -> Result<(), WalletError> {
    let (last, link) = head(connection)?;
    if matches!(event, Event::Displayed { .. }) && continues(connection, last, at, event)? {
        return Ok(());
    }
    let number = last.checked_add(1).ok_or(WalletError::LogTampered)?;
    let entry = cbor::to_vec(&Activity { at, event: event.clone() });
    let link = chain(&link, number, &entry);
    connection.prepare_cached("INSERT INTO activity VALUES (?1, ?2, ?3)")?.execute((number, &entry, &link))?;
    write_setting(connection, HEAD, &[number.to_be_bytes().as_slice(), &link].concat())
}

/// Whether the last entry is the same showing.
fn continues(connection: &Connection, last: i64, at: u64, event: &Event) -> Result<bool, WalletError> {
    let mut statement = connection.prepare_cached("SELECT entry FROM activity WHERE number = ?1")?;
    let entry: Option<Vec<u8>> = statement.query_row([last], |row| row.get(0)).optional()?;
    let entry = entry.and_then(|entry| cbor::from_slice::<Activity>(&entry, ENTRY_MAX).ok());
    Ok(entry.is_some_and(|entry| entry.event == *event && at.abs_diff(entry.at) < SHOWING))
}

fn read(connection: &Connection) -> Result<Vec<Activity>, WalletError> {
    let mut statement = connection.prepare_cached("SELECT number, entry FROM activity ORDER BY number")?;
    let mut rows = statement.query([])?;
    let (mut number, mut link) = (0i64, [0; 32]);
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let entry: Vec<u8> = row.get(1)?;
        number += 1;
        if row.get::<_, i64>(0)? != number {
            return Err(WalletError::LogTampered);
        }
        link = chain(&link, number, &entry);
        entries.push(cbor::from_slice(&entry, ENTRY_MAX).map_err(|_| WalletError::LogTampered)?);
    }
    if head(connection)? == (number, link) { Ok(entries) } else { Err(WalletError::LogTampered) }
}

fn head(connection: &Connection) -> Result<(i64, [u8; 32]), WalletError> {
    let Some(head) = read_setting(connection, HEAD)? else { return Ok((0, [0; 32])) };
    let (number, link) = head.split_first_chunk().ok_or(WalletError::StorageTampered)?;
    Ok((i64::from_be_bytes(*number), link.try_into().map_err(|_| WalletError::StorageTampered)?))
}

fn chain(before: &[u8; 32], number: i64, entry: &[u8]) -> [u8; 32] {
    let hash = Sha256::new_with_prefix(labels::ACTIVITY_CHAIN);
    hash.chain_update(before).chain_update(number.to_be_bytes()).chain_update(entry).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        crate::storage::make_tables(&connection).unwrap();
        for at in 1..=4 {
            append(&connection, at, &Event::PinChanged).unwrap();
        }
        connection
    }

    #[test]
    fn g28_edited_removed_and_moved_entries_are_noticed() {
        assert_eq!(read(&log()).unwrap().len(), 4);
        let other = hex::encode(cbor::to_vec(&Activity { at: 9, event: Event::PinChanged }));
        for edit in [
            format!("UPDATE activity SET entry = x'{other}' WHERE number = 2"),
            "UPDATE activity SET entry = x'00' WHERE number = 2".into(),
            "DELETE FROM activity WHERE number = 2".into(),
            "DELETE FROM activity WHERE number = 4".into(),
            "DELETE FROM activity".into(),
            "DELETE FROM activity WHERE number = 1; UPDATE activity SET number = number - 1".into(),
            "UPDATE activity SET number = 9 WHERE number = 2; UPDATE activity SET number = 2 WHERE number = 3;
             UPDATE activity SET number = 3 WHERE number = 9"
                .into(),
            format!("INSERT INTO activity VALUES (5, x'{other}', x'00')"),
        ] {
            let connection = log();
            connection.execute_batch(&edit).unwrap();
            assert_eq!(read(&connection), Err(WalletError::LogTampered), "{edit}");
        }
    }

    #[test]
    fn a_renewed_code_is_one_showing() {
        let connection = log();
        let shown = |profile: &str| Event::Displayed { credential_type: "t".into(), profile: profile.into() };
        for (at, event, entries) in [
            (100, shown("a"), 5),
            (130, shown("a"), 5),
            (130, shown("b"), 6),
            (729, shown("b"), 6),
            (730, shown("b"), 7),
            (731, Event::PinChanged, 8),
            (732, Event::PinChanged, 9),
        ] {
            append(&connection, at, &event).unwrap();
            assert_eq!(read(&connection).unwrap().len(), entries, "{at}");
        }
    }
}
