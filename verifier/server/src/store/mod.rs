//! Requests that wait for an answer, and verdicts that wait to be read: in the memory of one instance, or in a database that
//! several share (ADR 0021). Either way nothing is left of a request when its verdict was read, or when it is over.

mod calls;
mod database;
mod key;
mod memory;
mod seal;
mod shared;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::crypto::jose::{base64url, from_base64url};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use utoipa::ToSchema;
use verifier::Seen;
use zeroize::Zeroizing;

pub use database::{Database, DatabaseError};
pub use seal::StoreKey;

pub(crate) use calls::DueCall;
pub(crate) use key::EphemeralKey;
use memory::Memory;
use shared::Shared;

/// How long a verdict can be read after its request is over, in seconds.
pub(crate) const GRACE: u64 = 60;
/// After so many answers that are refused, or wrong response codes, the request is over (K25).
const TRIES: u8 = 5;
/// How often a page's listener looks into the database.
const LOOK: Duration = Duration::from_millis(500);

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
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
    const ALL: [Self; 5] = [Self::Waiting, Self::Fetched, Self::Answered, Self::Declined, Self::Refused];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetched => "fetched",
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn open(self) -> bool {
        matches!(self, Self::Waiting | Self::Fetched)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// What does not change of a request.
pub(crate) trait Kept: Sized + Send + Sync + 'static {
    /// Keeps requests of one sort apart from those of others.
    const KIND: &'static str;
    /// Whether it is still known where a request stood when its verdict was read.
    const STATE_STAYS: bool;

    /// As it is written, before it is sealed.
    fn to_json(&self) -> Value;
    /// Reads what [`Kept::to_json`] wrote.
    fn from_json(value: &Value) -> Option<Self>;
}

/// How long a request is kept. Unix seconds.
pub(crate) struct Life {
    /// Until when it can be answered.
    pub(crate) expires_at: u64,
    /// Until when its verdict can be read.
    pub(crate) until: u64,
    /// For how many seconds after the answer its verdict can be read again instead.
    pub(crate) keep: u64,
}

/// Which request: as the relying party names it, or as a wallet does.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    Id(&'a str),
    Handle(&'a str),
}

/// The same, for as long as it takes.
pub(crate) enum ByOwned {
    Id(String),
    Handle(String),
}

impl ByOwned {
    pub(crate) fn by(&self) -> By<'_> {
        match self {
            Self::Id(id) => By::Id(id),
            Self::Handle(handle) => By::Handle(handle),
        }
    }
}

/// Whom to tell when a request is decided.
pub(crate) struct PendingCall {
    pub(crate) address: String,
    pub(crate) message: String,
    /// After so many seconds it is told that the request is over.
    pub(crate) life: u64,
}

/// An answer that passed every check but the last: that it is the first one.
pub(crate) struct FirstAnswer {
    pub(crate) verdict: Value,
    pub(crate) response_code: Option<String>,
    /// What must not have been used before.
    pub(crate) uses: Uses,
}

/// What a check wants remembered, put off to the moment when the verdict is kept: both are one step, so that a crash between
/// them neither loses an answer nor counts one twice.
#[derive(Default)]
pub(crate) struct Uses(pub(crate) Vec<([u8; 32], u64)>);

impl Seen for Uses {
    fn first_use(&mut self, id: [u8; 32], until: u64, _now: u64) -> bool {
        self.0.push((id, until));
        true
    }
}

/// The database does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// Why a request is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotInserted {
    Full,
    Unavailable,
}

/// Why an answer is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotKept {
    /// It was decided before, or is over.
    Over,
    /// This of [`Uses`] was used before.
    Used(usize),
    Unavailable,
}

/// Why a verdict is not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    Unknown,
    Undecided(State),
    WrongCode,
    Unavailable,
}

impl From<Unavailable> for NotInserted {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Unavailable> for NotKept {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Unavailable> for Unread {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// A panic in the middle of a change left it made or not made; the service goes on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests of one sort.
pub(crate) enum Store<T> {
    /// Of this instance alone.
    Memory(Mutex<Memory<T>>),
    /// Of all instances at one database.
    Shared(Shared<T>),
}

impl<T: Kept> Store<T> {
    /// For so many requests at once: in memory, unless there is a database.
    pub(crate) fn new(most: usize, database: Option<Database>) -> Self {
        match database {
            None => Self::Memory(Mutex::new(Memory::new(most))),
            Some(database) => Self::Shared(Shared::new(database, most)),
        }
    }

    /// Keeps a request. Followed here, where nobody but this instance can make the call.
    pub(crate) async fn insert(
        &self,
        id: &str,
        handle: &str,
        asked: T,
        life: Life,
        call: Option<&PendingCall>,
        now: u64,
    ) -> Result<Option<watch::Receiver<State>>, NotInserted> {
        match self {
            Self::Memory(store) => lock(store).insert(id, handle, asked, life, now).map(Some),
            Self::Shared(store) => store.insert(id, handle, &asked, &life, call, now).await.map(|()| None),
        }
    }

    /// Where a request stands; none when it is over.
    pub(crate) async fn state(&self, by: By<'_>, now: u64) -> Result<Option<State>, Unavailable> {
        match self {
            Self::Memory(store) => Ok(lock(store).follow(by, now).map(|it| *it.borrow())),
            Self::Shared(store) => store.state(by, T::STATE_STAYS, now).await,
        }
    }

    /// The open request; it may become one that was fetched.
    pub(crate) async fn open(&self, by: By<'_>, fetched: bool, now: u64) -> Result<Option<Arc<T>>, Unavailable> {
        match self {
            Self::Memory(store) => Ok(lock(store).open(by, fetched, now)),
            Self::Shared(store) => store.open(by, fetched, now).await,
        }
    }

    /// Keeps a verdict until it is read. Of many answers the first is kept.
    pub(crate) async fn answer(&self, by: By<'_>, answer: FirstAnswer, now: u64) -> Result<(), NotKept> {
        match self {
            Self::Memory(store) => lock(store).answer(by, answer, now),
            Self::Shared(store) => store.answer(by, answer, now).await,
        }
    }

    /// The holder, or the wallet, says no. Whether anybody could still say that.
    pub(crate) async fn decline(&self, by: By<'_>) -> Result<bool, Unavailable> {
        match self {
            Self::Memory(store) => Ok(lock(store).decline(by).is_some()),
            Self::Shared(store) => store.decline(by).await,
        }
    }

    /// One more answer was refused.
    pub(crate) async fn refused(&self, by: By<'_>) -> Result<(), Unavailable> {
        match self {
            Self::Memory(store) => {
                lock(store).refused(by);
                Ok(())
            }
            Self::Shared(store) => store.refused(by).await,
        }
    }

    /// The verdict. Nothing of the request is left when it was read once, or where it is kept, when its time is over.
    pub(crate) async fn read(&self, id: &str, code: Option<&str>, now: u64) -> Result<Value, Unread> {
        match self {
            Self::Memory(store) => lock(store).read(id, code, now),
            Self::Shared(store) => store.read(id, code, now).await,
        }
    }

    /// Whether somebody has to begin to come every second to forget what is over.
    pub(crate) fn begin_sweeping(&self) -> bool {
        match self {
            Self::Memory(store) => lock(store).begin_sweeping(),
            Self::Shared(store) => store.begin_sweeping(),
        }
    }

    /// Forgets what is over; whether to come again.
    pub(crate) async fn sweep(&self, now: u64) -> bool {
        match self {
            Self::Memory(store) => lock(store).sweep(now),
            // What cannot be deleted now is deleted by whoever comes next.
            Self::Shared(store) => {
                let _ = store.sweep(now).await;
                true
            }
        }
    }

    /// The database, where there is one.
    pub(crate) fn database(&self) -> Option<&Database> {
        match self {
            Self::Memory(_) => None,
            Self::Shared(store) => Some(store.database()),
        }
    }
}

/// Follows where a request stands, from now until it is decided or over.
pub(crate) enum Followed {
    /// Where this instance decides.
    Here { changes: watch::Receiver<State>, first: bool },
    /// Where another one may.
    Anywhere { id: String, last: Option<State> },
}

impl Followed {
    /// Begins; none when there is no such request, or it is over.
    pub(crate) async fn begin<T: Kept>(store: &Store<T>, id: &str, now: u64) -> Result<Option<Self>, Unavailable> {
        match store {
            Store::Memory(store) => {
                Ok(lock(store).follow(By::Id(id), now).map(|changes| Self::Here { changes, first: true }))
            }
            Store::Shared(store) => {
                let state = store.state(By::Id(id), T::STATE_STAYS, now).await?;
                Ok(state.map(|_| Self::Anywhere { id: id.to_owned(), last: None }))
            }
        }
    }

    /// The state, as soon as it is another one than was told before; none when the request is over.
    pub(crate) async fn next<T: Kept>(&mut self, store: &Store<T>, clock: impl Fn() -> u64) -> Option<State> {
        match (self, store) {
            (Self::Here { changes, first }, _) => {
                if !core::mem::take(first) && changes.changed().await.is_err() {
                    return None;
                }
                Some(*changes.borrow_and_update())
            }
            (Self::Anywhere { id, last }, Store::Shared(store)) => loop {
                // Also what was read a moment ago was answered.
                let state = store.state(By::Id(id), true, clock()).await.ok()??;
                if last.replace(state) != Some(state) {
                    return Some(state);
                }
                tokio::time::sleep(LOOK).await;
            },
            (Self::Anywhere { .. }, Store::Memory(_)) => None,
        }
    }
}

/// Bytes of JSON, erased when they are sealed.
fn written(value: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(value.to_string().into_bytes())
}

/// Bytes as text in JSON.
fn text_of(bytes: &[u8]) -> String {
    base64url(bytes)
}

/// Reads what [`text_of`] wrote.
fn bytes_of(value: &Value) -> Option<Zeroizing<Vec<u8>>> {
    from_base64url(value.as_str()?).map(Zeroizing::new)
}
