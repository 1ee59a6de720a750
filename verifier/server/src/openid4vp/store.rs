//! Requests that wait for an answer, and verdicts that wait to be read. All of it in memory: retention is zero.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use protocol::crypto::agreement::AgreementKey;
use protocol::exchange::openid4vp::RequestObject;
use protocol::exchange::openid4vp::dc_api::IsoRequest;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;
use verifier::openid4vp::Answered;

/// How long a verdict can be read after its request is over, in seconds.
pub(super) const GRACE: u64 = 60;
/// After so many answers that are refused, or wrong response codes, the request is over (K25).
const TRIES: u8 = 5;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// No wallet has fetched it.
    Waiting,
    /// A wallet has it.
    Fetched,
    /// There is a verdict.
    Answered,
    /// The holder, or the wallet, said no.
    Declined,
    /// Too many answers were refused.
    Refused,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetched => "fetched",
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Refused => "refused",
        }
    }

    pub(super) fn open(self) -> bool {
        matches!(self, Self::Waiting | Self::Fetched)
    }
}

/// What does not change of a request.
pub(super) struct Asked {
    pub(super) request: RequestObject,
    pub(super) signer: usize,
    pub(super) key: Option<AgreementKey>,
    pub(super) redirect_uri: Option<String>,
    /// Seconds for which a verdict can be read again.
    pub(super) keep: u64,
    /// Through a browser, where it was not sent by a link.
    pub(super) browser: Option<Browser>,
}

/// How a page asks through the Digital Credentials API.
pub(super) struct Browser {
    /// Where the page may be.
    pub(super) origins: Vec<String>,
    /// Protocols that it offers the browser.
    pub(super) protocols: Vec<String>,
    /// `org-iso-mdoc`, for each origin: the reader signs the session, and the origin is part of it.
    pub(super) iso: Vec<(String, IsoRequest)>,
    /// The key that answers of `org-iso-mdoc` are encrypted to.
    pub(super) iso_key: AgreementKey,
}

pub(super) struct Entry {
    pub(super) asked: Arc<Asked>,
    state: watch::Sender<State>,
    verdict: Option<Answered>,
    response_code: Option<String>,
    tries: u8,
    until: u64,
    handle: String,
}

/// Why a verdict is not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    Unknown,
    Undecided(State),
    WrongCode,
}

/// Requests by the relying party's id; the wallet's handle leads to it.
pub(super) struct Store {
    most: usize,
    entries: HashMap<String, Entry>,
    handles: HashMap<String, String>,
    /// When each is over, the first to be over first.
    ends: BTreeSet<(u64, String)>,
    /// Whether somebody comes every second to forget what is over.
    swept: bool,
}

impl Store {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new(), handles: HashMap::new(), ends: BTreeSet::new(), swept: false }
    }

    /// Forgets what is over.
    pub(super) fn forget(&mut self, now: u64) {
        while let Some((_, id)) = self.ends.first().filter(|(until, _)| *until <= now).cloned() {
            self.remove(&id);
        }
    }

    /// Whether somebody has to begin to come every second.
    pub(super) fn begin_sweeping(&mut self) -> bool {
        !core::mem::replace(&mut self.swept, true)
    }

    /// Forgets what is over; whether there is anything left to come again for.
    pub(super) fn sweep(&mut self, now: u64) -> bool {
        self.forget(now);
        self.swept = !self.entries.is_empty();
        self.swept
    }

    /// Keeps a request, to be followed; none when too many wait.
    pub(super) fn insert(&mut self, id: &str, handle: &str, asked: Asked, now: u64) -> Option<watch::Receiver<State>> {
        if self.entries.len() >= self.most {
            self.forget(now);
        }
        if self.entries.len() >= self.most {
            return None;
        }
        let until = asked.request.expires_at.unwrap_or(now).saturating_add(GRACE);
        let (state, followed) = watch::channel(State::Waiting);
        let entry = Entry {
            asked: Arc::new(asked),
            state,
            verdict: None,
            response_code: None,
            tries: 0,
            until,
            handle: handle.to_owned(),
        };
        self.ends.insert((until, id.to_owned()));
        self.entries.insert(id.to_owned(), entry);
        self.handles.insert(handle.to_owned(), id.to_owned());
        Some(followed)
    }

    /// Follows where a request stands.
    pub(super) fn follow(&self, id: &str, now: u64) -> Option<watch::Receiver<State>> {
        self.entries.get(id).filter(|it| now < it.until).map(|it| it.state.subscribe())
    }

    /// The handle of the request with this id.
    pub(super) fn handle(&self, id: &str) -> Option<String> {
        self.entries.get(id).map(|it| it.handle.clone())
    }

    /// The open request that a wallet has the handle of, and when it was fetched.
    pub(super) fn open(&mut self, handle: &str, fetched: bool, now: u64) -> Option<Arc<Asked>> {
        let entry = self.entries.get_mut(self.handles.get(handle)?)?;
        let alive = entry.state.borrow().open() && entry.asked.request.expires_at.is_some_and(|at| now < at);
        if alive && fetched {
            entry.state.send_replace(State::Fetched);
        }
        alive.then(|| entry.asked.clone())
    }

    fn open_entry(&mut self, handle: &str) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(self.handles.get(handle)?)?;
        entry.state.borrow().open().then_some(())?;
        Some(entry)
    }

    /// Keeps a verdict until it is read. Of many answers the first is kept: none when it was not this one.
    pub(super) fn answer(&mut self, handle: &str, verdict: Answered, code: Option<String>, now: u64) -> Option<()> {
        let id = self.handles.get(handle)?;
        let entry = self.entries.get_mut(id).filter(|it| it.state.borrow().open())?;
        if entry.asked.keep > 0 {
            self.ends.remove(&(entry.until, id.clone()));
            entry.until = now.saturating_add(entry.asked.keep);
            self.ends.insert((entry.until, id.clone()));
        }
        entry.verdict = Some(verdict);
        entry.response_code = code;
        entry.state.send_replace(State::Answered);
        Some(())
    }

    /// The holder, or the wallet, says no.
    pub(super) fn decline(&mut self, handle: &str) -> Option<()> {
        self.open_entry(handle)?.state.send_replace(State::Declined);
        Some(())
    }

    /// One more answer was refused.
    pub(super) fn refused(&mut self, handle: &str) {
        if let Some(entry) = self.open_entry(handle) {
            entry.tries = entry.tries.saturating_add(1);
            if entry.tries >= TRIES {
                entry.state.send_replace(State::Refused);
            }
        }
    }

    /// The verdict. Nothing of the request is left when it was read once, or where it is kept, when its time is over.
    pub(super) fn read(&mut self, id: &str, code: Option<&str>, now: u64) -> Result<Answered, Unread> {
        let entry = self.entries.get_mut(id).filter(|it| now < it.until).ok_or(Unread::Unknown)?;
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
        if entry.asked.keep > 0 {
            return entry.verdict.clone().ok_or(Unread::Unknown);
        }
        self.remove(id).and_then(|it| it.verdict).ok_or(Unread::Unknown)
    }

    fn remove(&mut self, id: &str) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.handles.remove(&entry.handle);
        self.ends.remove(&(entry.until, id.to_owned()));
        Some(entry)
    }
}
