//! Organisations that write without a pause, each on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use protocol::ledger::transaction::Transaction;

use super::writing::hand_in;
use super::{Cluster, PACE};

/// Longest time that one of them waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(120);

/// One organisation's transactions that were told to be final, with their heights, and the longest that one took.
type Written = (Vec<([u8; 32], u64)>, Duration, u64);

/// Organisations that record their keys again and again.
pub struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Written>>,
    first: Vec<u64>,
}

impl Load {
    /// The first organisations that the governors recorded begin to write, each to one of these validators first.
    /// `from` says how many changes each has made already.
    #[must_use]
    pub fn start(cluster: &Cluster, via: &[usize], from: &[u64]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = |(number, first): (usize, &u64)| {
            let mut urls: Vec<_> = via.iter().map(|who| cluster.submission_url(*who)).collect();
            urls.rotate_left(number % via.len());
            let author = cluster.author();
            let (stop, mut nonce) = (stop.clone(), *first);
            thread::spawn(move || {
                let (mut written, mut slowest) = (Vec::new(), Duration::ZERO);
                while !stop.load(Ordering::Relaxed) {
                    let transaction = author.own_change(number as u64, nonce);
                    let began = Instant::now();
                    let height = hand_in(&urls, &transaction, PATIENCE).expect("the others go on");
                    slowest = slowest.max(began.elapsed());
                    written.push((Transaction::id(&transaction), height));
                    nonce += 1;
                    thread::sleep(PACE);
                }
                (written, slowest, nonce)
            })
        };
        let writers = from.iter().enumerate().map(writer).collect();
        Self { stop, writers, first: from.to_vec() }
    }

    /// They stop. The network remembers what it told them to be final. Says how long the slowest had to wait, and how
    /// many changes each has made by now.
    ///
    /// # Panics
    /// When one of them was refused or not answered.
    pub fn finish(self, cluster: &mut Cluster) -> (Duration, Vec<u64>) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut slowest, mut made) = (Duration::ZERO, Vec::new());
        for (writer, first) in self.writers.into_iter().zip(self.first) {
            let (written, longest, now) = writer.join().expect("every writer was answered");
            assert!(now > first, "a writer that wrote nothing");
            cluster.acknowledged.extend(written);
            slowest = slowest.max(longest);
            made.push(now);
        }
        (slowest, made)
    }
}
