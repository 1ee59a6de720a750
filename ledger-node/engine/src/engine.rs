//! Starting and stopping a validator, and talking to one that runs.

use std::fs::{self, File, TryLockError};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc as blocking};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use protocol::ledger::certificate::GROUP_KEY_LENGTH;
use protocol::ledger::header::Header;
use tokio::sync::{mpsc, oneshot, watch};

use crate::chain::{Chain, Replica};
use crate::committer::Pruning;
use crate::consensus::Member;
use crate::epoch::{Members, Office, RECORD};
use crate::error::{EngineError, SubmitError};
use crate::founding::Founding;
use crate::machine::StateMachine;
use crate::mempool::{Mempool, TransactionId, transaction_id};
use crate::restored::{Restored, begin_again_at};
use crate::secrets::{Folder, Secrets as _};
use crate::setup::{Genesis, Identity, NodeFile, io_error, sync_folder, write_file};
use crate::{sealed, validator};

const LOCK_FILE: &str = "lock";
const CONSENSUS_FOLDER: &str = "consensus";
/// Says that this validator has voted, so that its record of votes must be there.
const VOTED_FILE: &str = "voted";
/// Says that only the newest blocks are kept.
const NEWEST_FILE: &str = "newest";
/// The consensus library's futures are large, the more so with little optimisation.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// Requests for the figures that may wait.
const SCRAPES_WAITING: usize = 16;

/// How to run a validator.
#[derive(Debug, Clone)]
pub struct Config {
    /// A folder made by [`crate::init`].
    pub folder: PathBuf,
    /// An empty block is made when none was made for this long. It proves that the record is still current.
    pub heartbeat: Duration,
    /// A view in which nothing is proposed for this long is given up, and the next validator leads: the
    /// longest stall that a failed leader or a crash causes.
    pub leader_timeout: Duration,
    /// Drop blocks below so many newest ones, an epoch at a time; `None` keeps everything for ever. A node decides it when
    /// it begins: one that kept everything cannot drop it.
    pub keep_blocks: Option<NonZeroU64>,
}

impl Config {
    /// Heartbeat 30 s, leader timeout 2 s, everything kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let (heartbeat, leader_timeout) = (Duration::from_secs(30), Duration::from_secs(2));
        Self { folder: folder.into(), heartbeat, leader_timeout, keep_blocks: None }
    }
}

/// The last block the state machine made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Height; 0 is the genesis.
    pub height: u64,
    /// Unix milliseconds of the block.
    pub time_ms: u64,
    /// Digest of the block's header.
    pub digest: [u8; 32],
    /// Whether the block has a certificate of its own; see [`crate::FinalizedBlock::certificate`].
    pub certified: bool,
}

/// The consensus engine.
#[derive(Debug)]
pub struct Engine;

/// A running validator. Clones speak to the same one. It runs until [`Handle::stop`], also when every
/// handle is dropped.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    network_id: [u8; 32],
    group_key: [u8; GROUP_KEY_LENGTH],
    replica: Arc<dyn Replica>,
    mempool: Arc<Mempool>,
    gossip: mpsc::UnboundedSender<Vec<u8>>,
    tip: watch::Receiver<Tip>,
    scrapes: mpsc::Sender<oneshot::Sender<String>>,
    node_key: [u8; 32],
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), String>>,
}

impl Engine {
    /// Runs the validator of `config.folder` on threads of its own, and returns once its storage is open.
    ///
    /// Fails if the folder is in use, damaged or incomplete, or does not belong to the state machine's state.
    pub fn start<M: StateMachine>(config: Config, machine: M) -> Result<Handle, EngineError> {
        let lock = lock_folder(&config.folder)?;
        let genesis = Genesis::load(&config.folder)?;
        let genesis_header = Header::genesis(genesis.network_id(), genesis.time_ms);
        let office = Office::new(Arc::new(genesis.terms()), genesis.committee()?);
        let chain = Chain::recover(machine, genesis_header, office)?;
        run(config, lock, &genesis, genesis_header, Arc::new(chain))
    }
}

/// Makes the group key of a new network together with the other founders of `folder`'s founding file, until all
/// have it or `stop` ends. Then the folder is a validator's, and [`Engine::start`] runs it. Blocks the thread.
///
/// All founders must be running at the same time; it waits for them as long as it takes. A crash loses nothing: run
/// it again. `None` if it was stopped before.
///
/// # Errors
/// [`EngineError::CeremonyFailed`] when it never will succeed, and the errors of files.
pub fn found(folder: &Path, stop: impl Future<Output = ()> + Send) -> Result<Option<Genesis>, EngineError> {
    let _lock = lock_folder(folder)?;
    if Genesis::exists(folder) {
        return Genesis::load(folder).map(Some);
    }
    validator::convene(folder, &Founding::load(folder)?, stop)
}

/// Not generic: everything of the consensus library hangs on this function and is compiled with this crate.
fn run(
    config: Config,
    lock: File,
    genesis: &Genesis,
    genesis_header: Header,
    replica: Arc<dyn Replica>,
) -> Result<Handle, EngineError> {
    let mut secrets = Folder(config.folder.clone());
    let (storage, voted) = (config.folder.join(CONSENSUS_FOLDER), config.folder.join(VOTED_FILE));
    if !storage.exists() && voted.exists() && genesis.validators.len() > 1 {
        // Its votes were recorded there; voting again without the record could contradict them.
        tracing::warn!("the record of this validator's votes is lost: it follows until it is given a new share");
        for share in secrets.names()?.iter().filter(|name| name.starts_with("share")) {
            secrets.erase(share)?;
        }
    }
    let identity = Identity::load(&config.folder, genesis)?;
    let node = NodeFile::load(&config.folder)?;
    let committed = replica.committed();
    let restored = Restored::load(&config.folder, genesis)?;
    let begins_here = restored.as_ref().is_some_and(|restored| restored.block.header == committed);
    if committed.height > 0 && !storage.exists() && !begins_here {
        // Its votes are recorded there; voting again without the record could contradict them.
        return Err(EngineError::StateMismatch(format!("{} is missing", storage.display())));
    }
    if restored.is_some() && !storage.exists() && !begins_here {
        return Err(EngineError::StateMismatch("it is not that of the block where this folder begins".into()));
    }
    sealed::open(&config.folder, &storage)?;
    let only_newest = only_newest(&config, &storage)?;
    fs::create_dir_all(&storage).map_err(|source| io_error(&storage, source))?;
    if !voted.exists() {
        write_file(&voted, "", 0o644)?;
        sync_folder(&config.folder)?;
    }

    let mempool = Arc::new(Mempool::new());
    let (gossip, outgoing) = mpsc::unbounded_channel();
    let (tip_sender, tip) = watch::channel(Tip {
        height: committed.height,
        time_ms: committed.timestamp_ms,
        digest: committed.digest(),
        certified: false,
    });
    let (scrapes, scraped) = mpsc::channel(SCRAPES_WAITING);
    let node_key = identity.node_key();
    let (stop, stopped) = oneshot::channel();
    let (ready, started) = blocking::sync_channel(1);
    let member = Member {
        identity,
        genesis: genesis_header,
        heartbeat: config.heartbeat,
        leader_timeout: config.leader_timeout,
        prefix: String::new(),
        restored,
        only_newest,
        pruning: config.keep_blocks.map(|blocks| {
            let folder = config.folder.clone();
            Pruning {
                blocks: blocks.get(),
                save: Box::new(move |block, records| begin_again_at(&folder, block, records)),
            }
        }),
        terms: replica.office().terms,
        secrets: Box::new(secrets),
        track: Box::new(|_: &[Members]| {}),
        replica: replica.clone(),
        mempool: mempool.clone(),
        outgoing,
        tip: tip_sender,
        ready,
        stopped,
    };
    let folder = config.folder.clone();
    let thread = thread::Builder::new()
        .name("ledger-engine".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let _lock = lock;
            // When it returns, all its tasks have ended, those that write included.
            validator::run(member, node, storage.clone(), scraped)?;
            sealed::write(&folder, &storage).map_err(|error| error.to_string())
        })
        .map_err(|source| io_error(&config.folder, source))?;
    if started.recv().is_err() {
        return Err(EngineError::Stopped(join(thread).err().unwrap_or_default()));
    }
    Ok(Handle {
        shared: Arc::new(Shared {
            network_id: genesis_header.network_id,
            group_key: genesis.group_key(),
            replica,
            mempool,
            gossip,
            tip,
            scrapes,
            node_key,
            running: Mutex::new(Some(Running { stop, thread })),
        }),
    })
}

impl Handle {
    /// Puts a transaction into the mempool and tells the other validators. It is not final before it stands
    /// in a committed block; submitting it again meanwhile changes nothing.
    pub fn submit(&self, transaction: Vec<u8>) -> Result<TransactionId, SubmitError> {
        if self.stopped() {
            return Err(SubmitError::Stopped);
        }
        if transaction.first() == Some(&RECORD) {
            return Err(SubmitError::Refused("no transaction begins with this byte".into()));
        }
        self.shared.replica.admit(&transaction).map_err(SubmitError::Refused)?;
        let id = transaction_id(&transaction);
        if self.shared.mempool.insert(transaction.clone(), self.shared.replica.sender(&transaction), true)? {
            self.shared.gossip.send(transaction).map_err(|_| SubmitError::Stopped)?;
        }
        Ok(id)
    }

    /// The last committed block.
    pub fn latest(&self) -> Tip {
        *self.shared.tip.borrow()
    }

    /// Follows the last committed block; heights may be skipped when the reader is slow. An error from
    /// `changed` means that the validator has stopped.
    pub fn subscribe(&self) -> watch::Receiver<Tip> {
        self.shared.tip.clone()
    }

    /// Whether the validator has stopped, by [`stop`](Self::stop) or by itself.
    pub fn stopped(&self) -> bool {
        self.shared.gossip.is_closed()
    }

    /// The network id: hash of the genesis.
    pub fn network_id(&self) -> [u8; 32] {
        self.shared.network_id
    }

    /// The group key: the trust anchor of every certificate.
    pub fn group_key(&self) -> [u8; GROUP_KEY_LENGTH] {
        self.shared.group_key
    }

    /// The figures of consensus, network and storage in the text form of OpenMetrics; `None` once it has stopped or
    /// while too many ask. Among them, for each validator, `…latest_vote{peer="<node key>"}`, the newest view it
    /// voted in, and `…connected{peer="<node key>"}`, since when it is connected.
    pub async fn figures(&self) -> Option<String> {
        let (reply, answer) = oneshot::channel();
        self.shared.scrapes.try_send(reply).ok()?;
        answer.await.ok()
    }

    /// This node's own key in the validators' network.
    pub fn node_key(&self) -> [u8; 32] {
        self.shared.node_key
    }

    /// Stops the validator and waits for it (blocks the thread). The error says why it had already stopped
    /// by itself. A second call does nothing.
    pub fn stop(&self) -> Result<(), EngineError> {
        let running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { stop, thread }) = running else { return Ok(()) };
        // Nobody listens any more if the validator has stopped by itself.
        let _ = stop.send(());
        join(thread).map_err(EngineError::Stopped)
    }
}

/// Whether the folder's blocks can be dropped: it is decided before there are any.
fn only_newest(config: &Config, storage: &Path) -> Result<bool, EngineError> {
    let mark = config.folder.join(NEWEST_FILE);
    match (storage.exists(), config.keep_blocks.is_some(), mark.exists()) {
        (true, true, false) => Err(EngineError::KeepsEverything(config.folder.clone())),
        (true, _, newest) => Ok(newest),
        (false, true, false) => {
            write_file(&mark, "", 0o644)?;
            sync_folder(&config.folder)?;
            Ok(true)
        }
        (false, true, true) => Ok(true),
        (false, false, false) => Ok(false),
        (false, false, true) => {
            fs::remove_file(&mark).map_err(|source| io_error(&mark, source))?;
            Ok(false)
        }
    }
}

fn join(thread: JoinHandle<Result<(), String>>) -> Result<(), String> {
    thread.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(text.unwrap_or_else(|| "a consensus task ended".into()))
    })
}

fn lock_folder(folder: &Path) -> Result<File, EngineError> {
    let path = folder.join(LOCK_FILE);
    let file = File::options().create(true).append(true).open(&path).map_err(|source| io_error(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EngineError::FolderInUse(folder.into())),
        Err(TryLockError::Error(source)) => Err(io_error(&path, source)),
    }
}
