//! Beginning with the state of a certified block instead of all blocks since the genesis (`specs/ledger-snapshot.md`).
//!
//! For a node that is new or lost its disk. It has its keys, the genesis and the addresses of some nodes over HTTP; none of
//! them is believed. The newest certified block that any of them offers is taken, the state is fetched in parts, each
//! checked against the state root of the block, and all of it becomes the node's database in one step ([`fetch`]).
//! Whatever was made final meanwhile then comes as blocks from the other validators, as after any pause.
//!
//! Such a node has no share of the group key that it could vote with: what it voted for before is forgotten.

mod lists;
mod progress;
mod waiting;

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_engine::{EngineError, EngineRecords, FinalizedBlock, Genesis};
use protocol::ledger::snapshot::{
    CertifiedBlock, Checked, OFFER_MAX, Offer, PART_MAX, Part, Prefix, SnapshotError, Subtree,
};
use protocol::ledger::{Envelope, Header, TrustAnchor};

use crate::genesis::{self, GenesisError};
use crate::machine::roster;
use crate::node::DATABASE;
use crate::state::State;
use crate::store::{Store, StoreError};

use self::lists::Lists;
pub use progress::Progress;
pub use waiting::serve;

const CONSENSUS: &str = "consensus";
const BEGINNING: &str = "restored.json";
/// Says that the validator of the folder has voted; the engine then erases its shares.
const VOTED: &str = "voted";
/// The database while it is being made.
const UNFINISHED: &str = "ledger.sqlite.unfinished";
/// Between two rounds in which nobody had what is needed.
const PAUSE: Duration = Duration::from_millis(500);

/// A node that is asked for its state, and not believed.
pub trait Source {
    /// What people call it.
    fn name(&self) -> String;

    /// What it has at this path of its API; reads no more than `max` bytes, and gives up after a time.
    fn get(&self, path: &str, max: usize) -> Answer;
}

/// What a source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The bytes.
    Bytes(Vec<u8>),
    /// Nothing, now: it does not have it, is busy or out of reach.
    Nothing,
    /// More bytes than it may send.
    TooMany,
}

/// Why a node did not get a state to begin with.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The folder or its genesis is unusable.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The genesis is not of this software.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The database could not be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The folder holds a ledger already.
    #[error("{0} is there already: only a folder without a ledger can fetch one")]
    InTheWay(PathBuf),
    /// A share that votes were given with.
    #[error("{0} is there: a validator that forgot its votes must not vote with it; take it out of the folder")]
    ShareInTheWay(PathBuf),
    /// Every source sent something that is not the ledger's.
    #[error("every node that was asked sent something that the validators did not certify; ask others")]
    NobodyHonest,
    /// It was told to stop.
    #[error("stopped before the ledger was fetched; start again")]
    Stopped,
}

/// What a node begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Height of the block.
    pub height: u64,
    /// Time of the block, Unix milliseconds.
    pub time_ms: u64,
    /// Root of the state.
    pub state_root: [u8; 32],
    /// Its records.
    pub records: u64,
}

/// Whether the folder holds a genesis and no ledger yet.
#[must_use]
pub fn is_needed(folder: &Path) -> bool {
    Genesis::exists(folder) && !folder.join(DATABASE).exists() && !folder.join(CONSENSUS).exists()
}

/// Fetches the ledger's state from any of the sources into `folder`, however long it takes, until `stopped`. Blocks the
/// thread.
///
/// After a crash at any point the folder is as it was before, or holds all of it.
///
/// # Errors
/// [`SyncError`]
pub fn fetch(
    folder: &Path,
    sources: &[Box<dyn Source + Send + Sync>],
    progress: &Progress,
    stopped: &dyn Fn() -> bool,
) -> Result<Fetched, SyncError> {
    let genesis = Genesis::load(folder)?;
    for name in [DATABASE, CONSENSUS] {
        if folder.join(name).exists() {
            return Err(SyncError::InTheWay(folder.join(name)));
        }
    }
    if !folder.join(VOTED).exists()
        && let Some(share) = share_in(folder)?
    {
        return Err(SyncError::ShareInTheWay(share));
    }
    let mut asking = Asking {
        anchor: genesis::anchor(&genesis),
        genesis,
        sources: sources.iter().map(|source| Some(source.as_ref())).collect(),
        progress,
        stopped,
        kept: HashMap::new(),
    };
    loop {
        let (who, offered) = asking.best_offer()?;
        if let Some(envelopes) = asking.state_of(who, &offered)? {
            let lists = asking.lists(&envelopes, offered.header.height);
            return install(folder, &asking.genesis, &offered, envelopes, &lists);
        }
    }
}

fn share_in(folder: &Path) -> Result<Option<PathBuf>, SyncError> {
    let io = |error| SyncError::Io(folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("share") && name.ends_with(".key") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// An offer that was checked.
struct Offered {
    header: Header,
    block: FinalizedBlock,
    appointment: Option<(u64, CertifiedBlock)>,
}

struct Asking<'a> {
    anchor: TrustAnchor,
    genesis: Genesis,
    /// `None` once it sent something wrong: it is not asked again.
    sources: Vec<Option<&'a (dyn Source + Send + Sync)>>,
    progress: &'a Progress,
    stopped: &'a dyn Fn() -> bool,
    /// Parts that were fetched, also of other offers: what did not change is not fetched twice.
    kept: HashMap<(Prefix, Subtree), Vec<Envelope>>,
}

impl Asking<'_> {
    /// Does not ask this one any more.
    fn shun(&mut self, who: usize, why: &str) -> Result<(), SyncError> {
        if let Some(source) = self.sources.get_mut(who).and_then(Option::take) {
            tracing::warn!(source = source.name(), why, "not asked again");
            self.progress.shun();
        }
        if self.sources.iter().any(Option::is_some) { Ok(()) } else { Err(SyncError::NobodyHonest) }
    }

    fn pause(&self) -> Result<(), SyncError> {
        if (self.stopped)() {
            return Err(SyncError::Stopped);
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }

    /// The newest block that anybody offers. Waits until somebody does.
    fn best_offer(&mut self) -> Result<(usize, Offered), SyncError> {
        loop {
            let mut best: Option<(usize, Offered)> = None;
            for who in 0..self.sources.len() {
                let Some(source) = self.sources[who] else { continue };
                match source.get("/v1/snapshot", OFFER_MAX) {
                    Answer::Nothing => {}
                    Answer::TooMany => self.shun(who, "an offer that is too large")?,
                    Answer::Bytes(bytes) => match self.checked(&bytes) {
                        Ok(offered) => {
                            if best.as_ref().is_none_or(|(_, best)| best.header.height < offered.header.height) {
                                best = Some((who, offered));
                            }
                        }
                        Err(error) => self.shun(who, &error.to_string())?,
                    },
                }
            }
            if let Some(best) = best {
                self.progress.begin(best.1.header.height);
                return Ok(best);
            }
            self.pause()?;
        }
    }

    fn checked(&self, bytes: &[u8]) -> Result<Offered, SnapshotError> {
        let offer = Offer::decode(bytes)?;
        let header = offer.block.check(&self.anchor)?;
        let appointment = match offer.appointment.into_iter().next() {
            None => None,
            Some(block) => {
                let at = block.check(&self.anchor)?.height;
                if at > header.height {
                    return Err(SnapshotError::PartMismatch);
                }
                Some((at, block))
            }
        };
        let body: Vec<Vec<u8>> = offer.block.body.into_iter().map(Into::into).collect();
        let (records, transactions) = ledger_engine::split_body(body);
        let block = FinalizedBlock {
            height: header.height,
            time_ms: header.timestamp_ms,
            header: offer.block.header,
            certificate: Some(offer.block.certificate),
            records,
            transactions,
        };
        Ok(Offered { header, block, appointment })
    }

    /// All records of an offered state, or nothing if this source does not have them any more.
    fn state_of(&mut self, who: usize, offered: &Offered) -> Result<Option<Vec<Envelope>>, SyncError> {
        // Whether the state has a single record is not in the header: a state that governs a network has more.
        let root = Subtree { is_single: false, hash: offered.header.state_root };
        let mut wanted = vec![(Prefix::default(), root)];
        let mut envelopes = Vec::new();
        let mut nothing = 0;
        while let Some((prefix, expected)) = wanted.pop() {
            if (self.stopped)() {
                return Err(SyncError::Stopped);
            }
            if let Some(kept) = self.kept.get(&(prefix.clone(), expected)) {
                envelopes.extend(kept.iter().cloned());
                self.progress.add(prefix.depth(), kept.len(), 0);
                continue;
            }
            let Some(source) = self.sources.get(who).copied().flatten() else { return Ok(None) };
            let path = format!("/v1/snapshot/{}?at={prefix}", offered.header.height);
            let bytes = match source.get(&path, PART_MAX) {
                Answer::Bytes(bytes) => bytes,
                Answer::TooMany => {
                    self.shun(who, "a part that is too large")?;
                    return Ok(None);
                }
                Answer::Nothing => {
                    nothing += 1;
                    if nothing > 3 {
                        self.pause()?;
                        return Ok(None);
                    }
                    wanted.push((prefix, expected));
                    self.pause()?;
                    continue;
                }
            };
            nothing = 0;
            match Part::decode(&bytes).and_then(|part| part.check(&prefix, &expected)) {
                Ok(Checked::Records(found)) => {
                    self.progress.add(prefix.depth(), found.len(), bytes.len());
                    envelopes.extend(found.iter().cloned());
                    self.kept.insert((prefix, expected), found);
                }
                Ok(Checked::Subtrees(below)) => {
                    self.progress.skip(prefix.depth() + 4, 16 - below.len(), bytes.len());
                    wanted.extend(below);
                }
                Err(error) => {
                    self.shun(who, &error.to_string())?;
                    return Ok(None);
                }
            }
        }
        if !self.is_settled(&envelopes, offered)? {
            // SNAP-05
            self.shun(who, "another block put the validators in office")?;
            return Ok(None);
        }
        Ok(Some(envelopes))
    }

    /// SNAP-05: the appointment is that of the validators whom the state names.
    fn is_settled(&self, envelopes: &[Envelope], offered: &Offered) -> Result<bool, SyncError> {
        let Some(named) = roster(&State::new(envelopes.iter().cloned())) else { return Ok(false) };
        let body = offered.appointment.as_ref().map(|(_, block)| body_of(block));
        match ledger_engine::is_settled(&self.genesis, body.as_deref(), &named) {
            Ok(settled) => Ok(settled),
            Err(EngineError::StateMismatch(_)) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

fn body_of(block: &CertifiedBlock) -> Vec<Vec<u8>> {
    block.body.iter().map(|bytes| bytes.to_vec()).collect()
}

/// Makes the folder that of a node which stands at the offered block.
fn install(
    folder: &Path,
    genesis: &Genesis,
    offered: &Offered,
    envelopes: Vec<Envelope>,
    lists: &Lists,
) -> Result<Fetched, SyncError> {
    let state = State::new(envelopes);
    let records = state.envelopes().count() as u64;
    if state.root() != offered.header.state_root {
        return Err(StoreError::Damaged("what was fetched is not what was checked".into()).into());
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| SyncError::Io(path, error)
    };
    // What an earlier attempt left.
    for name in [UNFINISHED.to_owned(), format!("{UNFINISHED}-wal"), format!("{UNFINISHED}-shm"), BEGINNING.to_owned()]
    {
        let path = folder.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(io(&path))?;
        }
    }
    let unfinished = folder.join(UNFINISHED);
    let store = Store::open(&unfinished)?;
    let appointment = offered.appointment.as_ref().map(|(height, block)| (*height, block));
    store.install(&offered.block, &state, appointment)?;
    for (anchor, (list, recorded)) in lists {
        store.put_status_list(anchor, list, *recorded, &[])?;
    }
    let first = Header::genesis(genesis.network_id(), genesis.time_ms);
    store.check(&genesis::anchor(genesis), &first, crate::store::Certificates::Newest)?;
    store.close()?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(io(&unfinished))?;

    let mut of_engine = EngineRecords::new();
    if let Some((height, block)) = &offered.appointment {
        of_engine.insert(*height, ledger_engine::split_body(body_of(block)).0);
    }
    ledger_engine::begin_at(folder, &offered.block, &of_engine)?;
    // From here on the folder holds a ledger; before, it held none, whatever else lies in it.
    let path = folder.join(DATABASE);
    fs::rename(&unfinished, &path).map_err(io(&path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))?;
    let Header { height, timestamp_ms: time_ms, state_root, .. } = offered.header;
    Ok(Fetched { height, time_ms, state_root, records })
}

#[cfg(test)]
mod tests;
