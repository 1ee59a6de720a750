//! Transactions that wait for a block, oldest first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::error::SubmitError;

/// SHA-256 of a transaction's bytes.
pub type TransactionId = [u8; 32];

/// The longest transaction in bytes.
pub const MAX_TRANSACTION_BYTES: usize = 64 * 1024;
/// The most transactions in a block.
pub const MAX_BLOCK_TRANSACTIONS: usize = 500;
/// The most bytes of transactions in a block.
pub const MAX_BLOCK_BYTES: usize = 512 * 1024;

const MAX_WAITING: usize = 20_000;
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// Of one sender: nobody keeps the others out by being quick.
const MAX_WAITING_PER_SENDER: usize = 2_048;

/// The id of `transaction`.
pub fn transaction_id(transaction: &[u8]) -> TransactionId {
    Sha256::digest(transaction).into()
}

/// A bounded queue without duplicates. Waits for nothing; [`arrivals`](Self::arrivals) tells who waits.
pub(crate) struct Mempool {
    queue: Mutex<Queue>,
    arrivals: watch::Sender<u64>,
}

#[derive(Default)]
struct Queue {
    next: u64,
    bytes: usize,
    waiting: BTreeMap<u64, Waiting>,
    places: HashMap<TransactionId, u64>,
    of_sender: HashMap<[u8; 32], usize>,
}

struct Waiting {
    id: TransactionId,
    transaction: Vec<u8>,
    sender: Option<[u8; 32]>,
    /// Whether it was submitted here, and since how many calls of [`Mempool::overdue`].
    submitted: Option<u32>,
}

impl Mempool {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::default(), arrivals: watch::Sender::new(0) }
    }

    /// Adds a transaction of `sender`, if the state machine says whose it is; false if it is waiting already. `here`:
    /// it was submitted to this validator.
    pub(crate) fn insert(
        &self,
        transaction: Vec<u8>,
        sender: Option<[u8; 32]>,
        here: bool,
    ) -> Result<bool, SubmitError> {
        if transaction.len() > MAX_TRANSACTION_BYTES {
            return Err(SubmitError::TooLarge);
        }
        let id = transaction_id(&transaction);
        {
            let mut queue = self.lock();
            if queue.places.contains_key(&id) {
                return Ok(false);
            }
            if queue.waiting.len() >= MAX_WAITING || queue.bytes + transaction.len() > MAX_WAITING_BYTES {
                return Err(SubmitError::MempoolFull);
            }
            if let Some(sender) = sender {
                let waiting = queue.of_sender.entry(sender).or_default();
                if *waiting >= MAX_WAITING_PER_SENDER {
                    return Err(SubmitError::MempoolFull);
                }
                *waiting += 1;
            }
            let place = queue.next;
            queue.next += 1;
            queue.bytes += transaction.len();
            queue.places.insert(id, place);
            queue.waiting.insert(place, Waiting { id, transaction, sender, submitted: here.then_some(0) });
        }
        self.arrivals.send_modify(|count| *count += 1);
        Ok(true)
    }

    /// The oldest transactions that fit into one block, without those in `taken`.
    pub(crate) fn candidates(&self, taken: &HashSet<TransactionId>) -> Vec<Vec<u8>> {
        let mut bytes = 0;
        self.lock()
            .waiting
            .values()
            .filter(|waiting| !taken.contains(&waiting.id))
            .take(MAX_BLOCK_TRANSACTIONS)
            .take_while(|waiting| {
                bytes += waiting.transaction.len();
                bytes <= MAX_BLOCK_BYTES
            })
            .map(|waiting| waiting.transaction.clone())
            .collect()
    }

    /// Transactions submitted here that were waiting at the last call already: the oldest that fit into one block.
    pub(crate) fn overdue(&self) -> Vec<Vec<u8>> {
        let mut overdue = Vec::new();
        let mut bytes = 0;
        for waiting in self.lock().waiting.values_mut() {
            let Some(calls) = &mut waiting.submitted else { continue };
            *calls += 1;
            bytes += waiting.transaction.len();
            if *calls > 1 && overdue.len() < MAX_BLOCK_TRANSACTIONS && bytes <= MAX_BLOCK_BYTES {
                overdue.push(waiting.transaction.clone());
            }
        }
        overdue
    }

    /// Removes transactions that became final or never will.
    pub(crate) fn forget(&self, transactions: &[Vec<u8>]) {
        let mut queue = self.lock();
        for transaction in transactions {
            if let Some(place) = queue.places.remove(&transaction_id(transaction)) {
                queue.bytes -= transaction.len();
                if let Some(sender) = queue.waiting.remove(&place).and_then(|waiting| waiting.sender)
                    && let Some(waiting) = queue.of_sender.get_mut(&sender)
                {
                    *waiting -= 1;
                    if *waiting == 0 {
                        queue.of_sender.remove(&sender);
                    }
                }
            }
        }
    }

    /// Changes whenever a transaction is added.
    pub(crate) fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_the_oldest_first_without_duplicates_or_taken_ones() {
        let pool = Mempool::new();
        for tx in [b"one", b"two", b"six"] {
            assert_eq!(pool.insert(tx.to_vec(), None, true), Ok(true));
        }
        assert_eq!(pool.insert(b"two".to_vec(), None, true), Ok(false));
        let taken = HashSet::from([transaction_id(b"one")]);
        assert_eq!(pool.candidates(&taken), [b"two".to_vec(), b"six".to_vec()]);
        pool.forget(&[b"two".to_vec(), b"unknown".to_vec()]);
        assert_eq!(pool.candidates(&HashSet::new()), [b"one".to_vec(), b"six".to_vec()]);
        assert_eq!(pool.lock().bytes, 6);
    }

    #[test]
    fn a_block_takes_no_more_than_its_limits() {
        let pool = Mempool::new();
        for at in 0..600u32 {
            assert_eq!(pool.insert(at.to_be_bytes().to_vec(), None, true), Ok(true));
        }
        assert_eq!(pool.candidates(&HashSet::new()).len(), MAX_BLOCK_TRANSACTIONS);
        let pool = Mempool::new();
        for at in 0..9u8 {
            assert_eq!(pool.insert(vec![at; MAX_TRANSACTION_BYTES], None, true), Ok(true));
        }
        assert_eq!(pool.candidates(&HashSet::new()).len(), 8);
    }

    #[test]
    fn refuses_what_is_too_large_or_too_much() {
        let pool = Mempool::new();
        assert_eq!(pool.insert(vec![0; MAX_TRANSACTION_BYTES + 1], None, true), Err(SubmitError::TooLarge));
        for at in 0..MAX_WAITING {
            assert_eq!(pool.insert(at.to_be_bytes().to_vec(), None, true), Ok(true));
        }
        assert_eq!(pool.insert(b"one more".to_vec(), None, true), Err(SubmitError::MempoolFull));
        pool.forget(&[0usize.to_be_bytes().to_vec()]);
        assert_eq!(pool.insert(b"one more".to_vec(), None, true), Ok(true));
    }

    #[test]
    fn one_sender_leaves_room_for_the_others() {
        let pool = Mempool::new();
        let (one, other) = (Some([1; 32]), Some([2; 32]));
        for at in 0..MAX_WAITING_PER_SENDER {
            assert_eq!(pool.insert(at.to_be_bytes().to_vec(), one, false), Ok(true));
        }
        assert_eq!(pool.insert(b"one more".to_vec(), one, false), Err(SubmitError::MempoolFull));
        assert_eq!(pool.insert(b"another's".to_vec(), other, false), Ok(true));
        pool.forget(&[0usize.to_be_bytes().to_vec(), b"another's".to_vec()]);
        assert_eq!(pool.insert(b"one more".to_vec(), one, false), Ok(true));
        assert_eq!(pool.lock().of_sender.len(), 1);
    }

    #[test]
    fn what_was_submitted_here_is_overdue_until_it_stands_in_a_block() {
        let pool = Mempool::new();
        assert_eq!(pool.insert(b"here".to_vec(), None, true), Ok(true));
        assert_eq!(pool.insert(b"elsewhere".to_vec(), None, false), Ok(true));
        assert!(pool.overdue().is_empty());
        assert_eq!(pool.overdue(), [b"here".to_vec()]);
        assert_eq!(pool.overdue(), [b"here".to_vec()]);
        pool.forget(&[b"here".to_vec()]);
        assert!(pool.overdue().is_empty());
    }
}
