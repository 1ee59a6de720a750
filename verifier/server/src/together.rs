//! Presentations that arrive while one is being checked are checked together.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::exchange::Query;
use protocol::ledger::state::TrustedState;
use verifier::{Asked, Policy, Refusal, Scan, SeenInMemory, Verdict, Verifier};

/// Most presentations checked together: more save little and make the first one wait.
pub(crate) const TOGETHER: usize = 64;

/// The one verifier of the service, and who waits for it. Nobody waits for company: whoever comes first is checked at
/// once, and the others meanwhile form the next batch.
pub(crate) struct Desk {
    line: Mutex<VecDeque<Waiting>>,
    verifier: Mutex<Verifier<SeenInMemory>>,
}

struct Waiting {
    query: Query,
    presentation: Vec<u8>,
    answer: SyncSender<Result<Verdict, Refusal>>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        Self { line: Mutex::new(VecDeque::new()), verifier: Mutex::new(verifier) }
    }

    /// The verdict on one presentation; none when the thread that checked it died.
    pub(crate) fn check(
        &self,
        query: Query,
        presentation: Vec<u8>,
        trust: &TrustedState,
        now: u64,
    ) -> Option<Result<Verdict, Refusal>> {
        let (answer, mine) = sync_channel(1);
        lock(&self.line).push_back(Waiting { query, presentation, answer });
        loop {
            let mut verifier = lock(&self.verifier);
            // Whoever had the verifier before may have answered this one too.
            match mine.try_recv() {
                Ok(answer) => return Some(answer),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            let batch: Vec<Waiting> = {
                let mut line = lock(&self.line);
                let count = line.len().min(TOGETHER);
                line.drain(..count).collect()
            };
            let asked: Vec<_> = batch.iter().map(|waiting| Asked::Displayed(&waiting.query)).collect();
            let answers =
                verifier.check_all(&scans(&asked, batch.iter().map(|w| w.presentation.as_slice())), trust, now);
            for (waiting, answer) in batch.iter().zip(answers) {
                // Whoever went away does not need it.
                let _ = waiting.answer.send(answer);
            }
        }
    }

    /// The verdicts on many presentations that answer one question, in their order.
    pub(crate) fn check_all(
        &self,
        query: &Query,
        presentations: &[Vec<u8>],
        trust: &TrustedState,
        now: u64,
    ) -> Vec<Result<Verdict, Refusal>> {
        let asked: Vec<_> = presentations.iter().map(|_| Asked::Displayed(query)).collect();
        lock(&self.verifier).check_all(&scans(&asked, presentations.iter().map(Vec::as_slice)), trust, now)
    }
}

fn scans<'a>(asked: &'a [Asked<'a>], presentations: impl Iterator<Item = &'a [u8]>) -> Vec<Scan<'a>> {
    asked.iter().zip(presentations).map(|(asked, presentation)| Scan { asked, presentation }).collect()
}

/// A panic in the middle of a check recorded nothing as accepted, or recorded it whole; the service goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
