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
    waiting: BTreeMap<u64, (TransactionId, Vec<u8>)>,
    places: HashMap<TransactionId, u64>,
}

impl Mempool {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::default(), arrivals: watch::Sender::new(0) }
    }

    /// Adds a transaction; false if it is waiting already.
    pub(crate) fn insert(&self, transaction: Vec<u8>) -> Result<bool, SubmitError> {
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
            let place = queue.next;
            queue.next += 1;
            queue.bytes += transaction.len();
            queue.places.insert(id, place);
            queue.waiting.insert(place, (id, transaction));
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
            .filter(|(id, _)| !taken.contains(id))
            .take(MAX_BLOCK_TRANSACTIONS)
            .take_while(|(_, transaction)| {
                bytes += transaction.len();
                bytes <= MAX_BLOCK_BYTES
            })
            .map(|(_, transaction)| transaction.clone())
            .collect()
    }

    /// Removes transactions that became final or never will.
    pub(crate) fn forget(&self, transactions: &[Vec<u8>]) {
        let mut queue = self.lock();
        for transaction in transactions {
            if let Some(place) = queue.places.remove(&transaction_id(transaction)) {
                queue.waiting.remove(&place);
                queue.bytes -= transaction.len();
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
            assert_eq!(pool.insert(tx.to_vec()), Ok(true));
        }
        assert_eq!(pool.insert(b"two".to_vec()), Ok(false));
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
            assert_eq!(pool.insert(at.to_be_bytes().to_vec()), Ok(true));
        }
        assert_eq!(pool.candidates(&HashSet::new()).len(), MAX_BLOCK_TRANSACTIONS);
        let pool = Mempool::new();
        for at in 0..9u8 {
            assert_eq!(pool.insert(vec![at; MAX_TRANSACTION_BYTES]), Ok(true));
        }
        assert_eq!(pool.candidates(&HashSet::new()).len(), 8);
    }

    #[test]
    fn refuses_what_is_too_large_or_too_much() {
        let pool = Mempool::new();
        assert_eq!(pool.insert(vec![0; MAX_TRANSACTION_BYTES + 1]), Err(SubmitError::TooLarge));
        for at in 0..MAX_WAITING {
            assert_eq!(pool.insert(at.to_be_bytes().to_vec()), Ok(true));
        }
        assert_eq!(pool.insert(b"one more".to_vec()), Err(SubmitError::MempoolFull));
        pool.forget(&[0usize.to_be_bytes().to_vec()]);
        assert_eq!(pool.insert(b"one more".to_vec()), Ok(true));
    }
}
