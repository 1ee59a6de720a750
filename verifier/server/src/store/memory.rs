//! All of it in the memory of one instance: retention is zero.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use verifier::{Seen as _, SeenInMemory};

use super::{By, FirstAnswer, Kept, Life, NotInserted, NotKept, State, TRIES, Unread};

struct Entry<T> {
    asked: Arc<T>,
    state: watch::Sender<State>,
    verdict: Option<Value>,
    response_code: Option<String>,
    tries: u8,
    life: Life,
    handle: String,
}

/// Requests by the relying party's id; the wallet's handle leads to it.
pub(crate) struct Memory<T> {
    most: usize,
    entries: HashMap<String, Entry<T>>,
    handles: HashMap<String, String>,
    /// When each is over, the first to be over first.
    ends: BTreeSet<(u64, String)>,
    seen: SeenInMemory,
    /// Whether somebody comes every second to forget what is over.
    swept: bool,
}

impl<T: Kept> Memory<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            entries: HashMap::new(),
            handles: HashMap::new(),
            ends: BTreeSet::new(),
            seen: SeenInMemory::default(),
            swept: false,
        }
    }

    /// Forgets what is over.
    fn forget(&mut self, now: u64) {
        while let Some((_, id)) = self.ends.first().filter(|(until, _)| *until <= now).cloned() {
            self.remove(&id);
        }
    }

    pub(super) fn begin_sweeping(&mut self) -> bool {
        !core::mem::replace(&mut self.swept, true)
    }

    pub(super) fn sweep(&mut self, now: u64) -> bool {
        self.forget(now);
        self.swept = !self.entries.is_empty();
        self.swept
    }

    /// Keeps a request, to be followed.
    pub(super) fn insert(
        &mut self,
        id: &str,
        handle: &str,
        asked: T,
        life: Life,
        now: u64,
    ) -> Result<watch::Receiver<State>, NotInserted> {
        if self.entries.len() >= self.most {
            self.forget(now);
        }
        if self.entries.len() >= self.most {
            return Err(NotInserted::Full);
        }
        let (state, followed) = watch::channel(State::Waiting);
        self.ends.insert((life.until, id.to_owned()));
        let (asked, handle) = (Arc::new(asked), handle.to_owned());
        self.handles.insert(handle.clone(), id.to_owned());
        let entry = Entry { asked, state, verdict: None, response_code: None, tries: 0, life, handle };
        self.entries.insert(id.to_owned(), entry);
        Ok(followed)
    }

    fn id(&self, by: By<'_>) -> Option<String> {
        match by {
            By::Id(id) => Some(id.to_owned()),
            By::Handle(handle) => self.handles.get(handle).cloned(),
        }
    }

    fn entry(&mut self, by: By<'_>) -> Option<&mut Entry<T>> {
        let id = self.id(by)?;
        self.entries.get_mut(&id)
    }

    fn open_entry(&mut self, by: By<'_>) -> Option<&mut Entry<T>> {
        self.entry(by).filter(|it| it.state.borrow().open())
    }

    /// Follows where a request stands.
    pub(super) fn follow(&mut self, by: By<'_>, now: u64) -> Option<watch::Receiver<State>> {
        self.entry(by).filter(|it| now < it.life.until).map(|it| it.state.subscribe())
    }

    pub(super) fn open(&mut self, by: By<'_>, fetched: bool, now: u64) -> Option<Arc<T>> {
        let entry = self.open_entry(by).filter(|it| now < it.life.expires_at)?;
        if fetched {
            entry.state.send_replace(State::Fetched);
        }
        Some(entry.asked.clone())
    }

    pub(super) fn answer(&mut self, by: By<'_>, answer: FirstAnswer, now: u64) -> Result<(), NotKept> {
        let id = self.id(by).ok_or(NotKept::Over)?;
        let entry = self.entries.get_mut(&id).filter(|it| it.state.borrow().open()).ok_or(NotKept::Over)?;
        for (at, (used, until)) in answer.uses.0.into_iter().enumerate() {
            if !self.seen.first_use(used, until, now) {
                return Err(NotKept::Used(at));
            }
        }
        if entry.life.keep > 0 {
            self.ends.remove(&(entry.life.until, id.clone()));
            entry.life.until = now.saturating_add(entry.life.keep);
            self.ends.insert((entry.life.until, id));
        }
        entry.verdict = Some(answer.verdict);
        entry.response_code = answer.response_code;
        entry.state.send_replace(State::Answered);
        Ok(())
    }

    pub(super) fn decline(&mut self, by: By<'_>) -> Option<()> {
        self.open_entry(by)?.state.send_replace(State::Declined);
        Some(())
    }

    pub(super) fn refused(&mut self, by: By<'_>) {
        if let Some(entry) = self.open_entry(by) {
            entry.tries = entry.tries.saturating_add(1);
            if entry.tries >= TRIES {
                entry.state.send_replace(State::Refused);
            }
        }
    }

    pub(super) fn read(&mut self, id: &str, code: Option<&str>, now: u64) -> Result<Value, Unread> {
        let entry = self.entries.get_mut(id).filter(|it| now < it.life.until).ok_or(Unread::Unknown)?;
        let state = *entry.state.borrow();
        if state != State::Answered {
            return Err(Unread::Undecided(state));
        }
        if entry.response_code.as_deref() != code {
            entry.tries = entry.tries.saturating_add(1);
            if entry.tries >= TRIES {
                self.remove(id);
            }
            return Err(Unread::WrongCode);
        }
        if entry.life.keep > 0 {
            return entry.verdict.clone().ok_or(Unread::Unknown);
        }
        if T::STATE_STAYS {
            return entry.verdict.take().ok_or(Unread::Unknown);
        }
        self.remove(id).and_then(|it| it.verdict).ok_or(Unread::Unknown)
    }

    fn remove(&mut self, id: &str) -> Option<Entry<T>> {
        let entry = self.entries.remove(id)?;
        self.handles.remove(&entry.handle);
        self.ends.remove(&(entry.life.until, id.to_owned()));
        Some(entry)
    }
}
