//! The owner's log: who asked for what, why, and what came of it. Never a value (WFILE-11).
//!
//! Each entry is chained to the one before by a hash; the last hash is protected like everything else in the
//! wallet file, so that an entry that was changed, removed or moved is noticed.

use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::exchange::{Predicate, Scope};
use protocol::identifier::Did;
use sha2::{Digest, Sha256};

use crate::error::WalletError;
use crate::labels;
use crate::storage::{Table, Transaction, View};
use crate::wallet::Wallet;

/// Number and hash of the last entry.
const HEAD: &str = "activity_head";
/// Largest entry, in bytes.
const ENTRY_MAX: usize = 16 * 1024;
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
pub(crate) fn append(transaction: &mut Transaction<'_>, at: u64, event: &Event) -> Result<(), WalletError> {
    let (last, link) = head(transaction)?;
    if matches!(event, Event::Displayed { .. }) && continues(transaction, last, at, event)? {
        return Ok(());
    }
    let number = last.checked_add(1).ok_or(WalletError::LogTampered)?;
    let entry = cbor::to_vec(&Activity { at, event: event.clone() });
    let link = chain(&link, number, &entry);
    transaction.put(Table::Activity, &number.to_be_bytes(), &entry);
    transaction.set(HEAD, &[number.to_be_bytes().as_slice(), &link].concat());
    Ok(())
}

/// Whether the last entry is the same showing.
fn continues(view: &dyn View, last: i64, at: u64, event: &Event) -> Result<bool, WalletError> {
    let entry = view.get(Table::Activity, &last.to_be_bytes())?;
    let entry = entry.and_then(|entry| cbor::from_slice::<Activity>(&entry, ENTRY_MAX).ok());
    Ok(entry.is_some_and(|entry| entry.event == *event && at.abs_diff(entry.at) < SHOWING))
}

fn read(view: &dyn View) -> Result<Vec<Activity>, WalletError> {
    let (mut number, mut link) = (0i64, [0; 32]);
    let mut entries = Vec::new();
    view.scan(Table::Activity, &mut |key, entry| {
        number += 1;
        if key != number.to_be_bytes() {
            return Err(WalletError::LogTampered);
        }
        link = chain(&link, number, entry);
        entries.push(cbor::from_slice(entry, ENTRY_MAX).map_err(|_| WalletError::LogTampered)?);
        Ok(())
    })?;
    if head(view)? == (number, link) { Ok(entries) } else { Err(WalletError::LogTampered) }
}

fn head(view: &dyn View) -> Result<(i64, [u8; 32]), WalletError> {
    let Some(head) = view.setting(HEAD)? else { return Ok((0, [0; 32])) };
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
    use crate::storage::{Records, Unprotected};

    /// Records in memory that nothing protects.
    fn log() -> Box<dyn Records> {
        let mut records: Box<dyn Records> = Box::new(Unprotected::default());
        (1..=4).for_each(|at| add(&mut records, at, &Event::PinChanged));
        records
    }

    fn add(records: &mut Box<dyn Records>, at: u64, event: &Event) {
        edit(records, |transaction| append(transaction, at, event).unwrap());
    }

    fn edit(records: &mut Box<dyn Records>, edit: impl FnOnce(&mut Transaction<'_>)) {
        let mut transaction = Transaction::new(records.as_ref());
        edit(&mut transaction);
        let changes = transaction.into_changes();
        records.commit(&changes).unwrap();
    }

    #[test]
    fn g28_edited_removed_and_moved_entries_are_noticed() {
        assert_eq!(read(&log()).unwrap().len(), 4);
        let other = cbor::to_vec(&Activity { at: 9, event: Event::PinChanged });
        type Edits<'a> = &'a [(i64, Option<&'a [u8]>)];
        let old = |number: i64| log().get(Table::Activity, &number.to_be_bytes()).unwrap().unwrap();
        let (first, second, third, last) = (old(1), old(2), old(3), old(4));
        let edits: [Edits<'_>; 8] = [
            &[(2, Some(&other))],
            &[(2, Some(&[0]))],
            &[(2, None)],
            &[(4, None)],
            &[(1, None), (2, None), (3, None), (4, None)],
            &[(1, Some(&second)), (2, Some(&third)), (3, Some(&last)), (4, None)],
            &[(1, Some(&first)), (2, Some(&third)), (3, Some(&second))],
            &[(5, Some(&other))],
        ];
        for changed in edits {
            let mut records = log();
            edit(&mut records, |transaction| {
                for (number, entry) in changed {
                    match entry {
                        Some(entry) => transaction.put(Table::Activity, &number.to_be_bytes(), entry),
                        None => transaction.remove(Table::Activity, &number.to_be_bytes()),
                    }
                }
            });
            assert_eq!(read(&records), Err(WalletError::LogTampered), "{changed:?}");
        }
    }

    #[test]
    fn a_renewed_code_is_one_showing() {
        let mut records = log();
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
            add(&mut records, at, &event);
            assert_eq!(read(&records).unwrap().len(), entries, "{at}");
        }
    }
}
