//! A running node: the engine, the state it serves, and the questions it answers.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger_engine::{BlockTime, Engine, EngineError, Genesis, Handle, SubmitError, Tip};
use protocol::ledger::attachment::{Attachment, AttachmentError};
use protocol::ledger::proof::Evidence;
use protocol::ledger::snapshot::{Part, Prefix};
use protocol::ledger::tree::Slot;
use protocol::ledger::{
    Checkpoint, Envelope, Header, LedgerProof, Note, Scope, Sender, StateKey, Transaction, TransactionId, TrustAnchor,
    TrustBundle,
};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::{Limits, Metrics};
use crate::genesis::{self, GenesisError};
use crate::history::Version;
use crate::lists;
use crate::machine::{Certified, Machine, Shared};
use crate::rules::{self, TxError};
use crate::snapshot::Offers;
use crate::state::State;
use crate::store::{Certificates, Store, StoreError, StoredBlock};
use crate::{clock, cosigner};

/// The file of records and blocks within the node's folder.
pub(crate) const DATABASE: &str = "ledger.sqlite";

/// How much longer than two heartbeats a block may take before reads are marked stale.
const STALE_MARGIN: Duration = Duration::from_secs(10);
/// How long a transaction waits for the next of its sender's earlier ones.
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(1);
/// Most transactions of one sender that wait for a block.
const WAITING_PER_SENDER_MAX: u64 = 1_024;

/// How to run a node.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// A folder made by [`genesis::init`].
    pub folder: PathBuf,
    /// An empty block at least this often proves that the record is still current.
    pub heartbeat: Duration,
    /// How long [`Node::submit`] waits for finality.
    pub finality_limit: Duration,
    /// Limits of the HTTP service.
    pub limits: Limits,
    /// Drop blocks below so many newest ones, 256 at a time, with the earlier versions of records; `None` keeps
    /// everything. A node decides it when it begins.
    pub keep_blocks: Option<NonZeroU64>,
    /// The folder with the program that checks proofs in browsers (`cargo xtask wasm`); without it the explorer says
    /// how to make it.
    pub web: Option<PathBuf>,
}

impl NodeConfig {
    /// Heartbeat 30 s, finality limit 10 s, everything kept.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let (heartbeat, finality_limit) = (Duration::from_secs(30), Duration::from_secs(10));
        Self {
            folder: folder.into(),
            heartbeat,
            finality_limit,
            limits: Limits::default(),
            keep_blocks: None,
            web: None,
        }
    }
}

/// Why a node does not run or does not answer.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The engine does not run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The genesis is unusable.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger refuses the transaction.
    #[error(transparent)]
    Refused(#[from] TxError),
    /// Too many transactions wait already.
    #[error("too many transactions are waiting; try again in a second")]
    Overloaded,
    /// Too many transactions of this sender wait already.
    #[error("too many transactions of this sender are waiting; send its earlier ones first")]
    SenderOverloaded,
    /// The transaction was taken but is not final yet.
    #[error("the transaction is not final yet; ask for it later by its id")]
    NotFinalYet(TransactionId),
    /// No state has its own certificate yet.
    #[error("the ledger has no certified state yet; try again in a moment")]
    NotCertifiedYet,
    /// The validator has stopped.
    #[error("the node is stopping; use another one")]
    Stopped,
    /// The blocks of this node begin above.
    #[error("this node does not keep blocks of that height; ask one that keeps everything")]
    NotKept,
    /// Other validators are about to take office: a state cannot be handed out now.
    #[error("the validators are changing; ask again in a few minutes, or another node")]
    HandoverUnderWay,
    /// The state of that height is not offered any more.
    #[error("the state of that height is not offered any more; ask for a new offer")]
    SnapshotGone,
    /// The status list is not one the ledger knows.
    #[error(transparent)]
    StatusList(#[from] ListError),
    /// The address to serve on cannot be used.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a status list is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// No status list record has this key.
    #[error("the ledger has no such status list; send the transaction with its digest first")]
    UnknownStatusList,
    /// The bytes are not the list of the record.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// Someone who was revoked for ever would be valid again.
    #[error("the list takes back a revocation, which is for ever; publish the complete list")]
    RevocationTakenBack,
}

/// A transaction that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Its name.
    pub id: TransactionId,
    /// The height of its block.
    pub height: u64,
}

/// A running node. Clones speak to the same one; it runs until [`Node::stop`].
#[derive(Clone)]
pub struct Node {
    engine: Handle,
    shared: Arc<Shared>,
    anchor: TrustAnchor,
    genesis_time_ms: u64,
    genesis: Arc<Genesis>,
    offers: Arc<Offers>,
    finality_limit: Duration,
    stale_after: Duration,
    limits: Limits,
    web: Option<PathBuf>,
    metrics: Arc<Metrics>,
}

impl Node {
    /// Opens the folder, rebuilds the state, and starts the validator. Blocks the thread: from async code,
    /// call it on a blocking thread.
    ///
    /// # Errors
    /// [`NodeError`]
    pub fn start(config: &NodeConfig) -> Result<Self, NodeError> {
        let genesis = Genesis::load(&config.folder)?;
        let anchor = genesis::anchor(&genesis);
        let store = Store::open(&config.folder.join(DATABASE))?;
        let cosigner = cosigner::load(&config.folder)?;
        let began = std::time::Instant::now();
        let found = store.check(&anchor, &Header::genesis(anchor.network_id, genesis.time_ms), Certificates::Newest)?;
        tracing::info!(height = found.last, records = found.records, took = ?began.elapsed(), "the stored ledger is whole");
        let shared = Shared::new(anchor.network_id, genesis::state(&genesis)?, genesis.time_ms, store, cosigner)?;
        let shared = Arc::new(shared);
        let engine = ledger_engine::Config {
            heartbeat: config.heartbeat,
            keep_blocks: config.keep_blocks,
            ..ledger_engine::Config::new(&config.folder)
        };
        let engine = Engine::start(engine, Machine(shared.clone()))?;
        let (genesis_time_ms, finality_limit) = (genesis.time_ms, config.finality_limit);
        let stale_after = 2 * config.heartbeat + STALE_MARGIN;
        let (limits, web, metrics) = (config.limits, config.web.clone(), Arc::default());
        let (genesis, offers) = (Arc::new(genesis), Arc::default());
        Ok(Self {
            engine,
            shared,
            anchor,
            genesis_time_ms,
            genesis,
            offers,
            finality_limit,
            stale_after,
            limits,
            web,
            metrics,
        })
    }

    /// Stops the validator and waits for it. Blocks the thread.
    ///
    /// # Errors
    /// [`NodeError::Engine`] with the reason, if it had stopped by itself.
    pub fn stop(&self) -> Result<(), NodeError> {
        Ok(self.engine.stop()?)
    }

    /// The trust anchor to give to verifiers.
    #[must_use]
    pub fn anchor(&self) -> &TrustAnchor {
        &self.anchor
    }

    /// The last committed block.
    #[must_use]
    pub fn latest(&self) -> Tip {
        self.engine.latest()
    }

    /// Follows the last committed block.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Tip> {
        self.engine.subscribe()
    }

    /// Whether the validator has stopped.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.engine.stopped()
    }

    /// Root of the last committed state.
    #[must_use]
    pub fn state_root(&self) -> [u8; 32] {
        self.shared.tip().0.root()
    }

    /// The nonce of `sender`'s next transaction.
    #[must_use]
    pub fn next_nonce(&self, sender: &Sender) -> u64 {
        self.shared.tip().0.next_nonce(sender)
    }

    /// The record at `key` as of the last committed block, unproven.
    #[must_use]
    pub fn record(&self, key: &StateKey) -> Option<Envelope> {
        self.shared.tip().0.get(key).cloned()
    }

    /// Hands a transaction to the validators and waits until it is final.
    ///
    /// The rules are asked first, so that a refusal is known at once; they are asked again whenever a block
    /// comes without it.
    ///
    /// # Errors
    /// [`NodeError::Refused`], [`NodeError::Overloaded`], [`NodeError::NotFinalYet`] after the limit,
    /// [`NodeError::Stopped`], [`NodeError::Store`]
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<Recorded, NodeError> {
        let id = Transaction::id(&bytes);
        let admitted = self.shared.admit(&bytes)?;
        if let Some(recorded) = self.recorded(&id)? {
            return Ok(recorded);
        }
        let refusal = || {
            let (mut state, tip) = self.shared.tip();
            // As if the next block were made now.
            let at = BlockTime { height: tip.height + 1, time_ms: clock::now_ms().max(tip.time_ms + 1) };
            rules::begin_block(&mut state, at);
            match rules::check(&state, at, &admitted) {
                // Earlier transactions of the sender may be on their way: the block builder decides.
                Ok(_) | Err(TxError::NonceGap) => None,
                Err(error) => Some(error),
            }
        };
        if let Some(error) = refusal() {
            return Err(error.into());
        }
        let body = &admitted.transaction().body;
        self.predecessors(&body.sender, body.nonce).await?;
        let mut tip = self.engine.subscribe();
        self.engine.submit(bytes).map_err(|error| match error {
            SubmitError::MempoolFull => NodeError::Overloaded,
            SubmitError::Stopped => NodeError::Stopped,
            SubmitError::TooLarge => TxError::TooLarge.into(),
            SubmitError::Refused(_) => TxError::Malformed.into(),
        })?;
        self.shared.handed_over(&body.sender, body.nonce);
        let limit = tokio::time::sleep(self.finality_limit);
        tokio::pin!(limit);
        let mut poll = tokio::time::interval(Duration::from_millis(100));
        loop {
            // The state first: if it holds the transaction already, so does the store.
            let refused = refusal();
            match self.recorded(&id)? {
                // Whoever is told so may ask for it at once: the state that is served must hold it too.
                Some(recorded) if self.shared.tip().1.height >= recorded.height => return Ok(recorded),
                Some(_) => {}
                None => {
                    if let Some(error) = self.shared.refusal(&id).or(refused) {
                        return Err(error.into());
                    }
                }
            }
            tokio::select! {
                changed = tip.changed() => if changed.is_err() { return Err(NodeError::Stopped) },
                _ = poll.tick() => {}
                () = &mut limit => return Err(NodeError::NotFinalYet(id)),
            }
        }
    }

    /// Waits a moment for the sender's earlier transactions, so that several sent at once stay in order.
    async fn predecessors(&self, sender: &Sender, nonce: u64) -> Result<(), NodeError> {
        let recorded = self.next_nonce(sender);
        if nonce.saturating_sub(recorded) >= WAITING_PER_SENDER_MAX {
            return Err(NodeError::SenderOverloaded);
        }
        let next = || self.next_nonce(sender).max(self.shared.next_after_handed_over(sender));
        let (mut reached, mut since) = (next(), Instant::now());
        while nonce > reached {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now_reached = next();
            if now_reached > reached {
                (reached, since) = (now_reached, Instant::now());
            } else if since.elapsed() > PREDECESSOR_LIMIT {
                return Err(TxError::NonceGap.into());
            }
        }
        Ok(())
    }

    /// Where a transaction was recorded; `None` while it is not final.
    ///
    /// # Errors
    /// [`NodeError::Store`]
    pub fn recorded(&self, id: &TransactionId) -> Result<Option<Recorded>, NodeError> {
        Ok(self.shared.store.transaction_height(id)?.map(|height| Recorded { id: *id, height }))
    }

    /// The block at a height.
    ///
    /// # Errors
    /// [`NodeError::Store`]; [`NodeError::NotKept`] below the node's first block
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, NodeError> {
        if (1..self.shared.base()).contains(&height) {
            return Err(NodeError::NotKept);
        }
        Ok(self.shared.store.block(height)?)
    }

    /// Height of this node's first block: above 1 when it began with a snapshot.
    #[must_use]
    pub fn first_block(&self) -> u64 {
        self.shared.base()
    }

    /// A block and its state, for a node that has nothing: encoded [`protocol::ledger::snapshot::Offer`].
    ///
    /// # Errors
    /// [`NodeError::NotCertifiedYet`], [`NodeError::HandoverUnderWay`], [`NodeError::Store`]
    pub fn offer(&self) -> Result<Arc<[u8]>, NodeError> {
        self.offers.offer(&self.shared, &self.genesis, self.certified()?.as_ref())
    }

    /// As [`Node::offer`], kept elsewhere: always the newest.
    #[cfg(test)]
    pub(crate) fn offer_of(&self, offers: &Offers) -> Result<Arc<[u8]>, NodeError> {
        offers.offer(&self.shared, &self.genesis, self.certified()?.as_ref())
    }

    /// A part of the state that was offered at `height`.
    ///
    /// # Errors
    /// [`NodeError::SnapshotGone`]
    pub fn part(&self, height: u64, prefix: &Prefix) -> Result<Part, NodeError> {
        self.offers.part(height, prefix)
    }

    /// The newest blocks below a height, newest first, each with its number of transactions.
    ///
    /// # Errors
    /// [`NodeError::Store`]
    pub fn latest_blocks(&self, below: u64, count: u32) -> Result<Vec<(StoredBlock, u64)>, NodeError> {
        Ok(self.shared.store.latest_blocks(below, count)?)
    }

    /// The transactions of a block, in order.
    ///
    /// # Errors
    /// [`NodeError::Store`]
    pub fn transactions(&self, height: u64) -> Result<Vec<Vec<u8>>, NodeError> {
        Ok(self.shared.store.transactions(height)?)
    }

    /// All versions of the record at `key` that this node knows, oldest first, unproven.
    ///
    /// # Errors
    /// [`NodeError::Store`]
    pub fn versions(&self, key: &StateKey) -> Result<Vec<Version>, NodeError> {
        let mut versions = self.shared.store.versions(key)?;
        for version in &mut versions {
            if version.envelope.height == 0 {
                version.time_ms = self.genesis_time_ms;
            } else {
                version.is_inherited = version.envelope.height < self.shared.base();
            }
        }
        Ok(versions)
    }

    /// The newest height that can be proven.
    pub(crate) fn certified_height(&self) -> Option<u64> {
        self.shared.certified().map(|certified| certified.header.height)
    }

    pub(crate) fn stale_after_ms(&self) -> u64 {
        u64::try_from(self.stale_after.as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn web(&self) -> Option<PathBuf> {
        self.web.clone()
    }

    pub(crate) fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// The engine's figures, see [`Handle::figures`].
    pub(crate) async fn engine_figures(&self) -> Option<String> {
        self.engine.figures().await
    }

    pub(crate) fn node_key(&self) -> [u8; 32] {
        self.engine.node_key()
    }

    /// The state after the last committed block.
    pub(crate) fn state(&self) -> State {
        self.shared.tip().0
    }

    /// A proof of what the ledger holds at `key`, as of the newest certified height.
    ///
    /// # Errors
    /// [`NodeError::NotCertifiedYet`]
    pub fn proof(&self, key: &StateKey) -> Result<LedgerProof, NodeError> {
        let certified = self.certified()?;
        let Certified { state, header, certificate } = certified.as_ref();
        let (slot, path) = state.prove(key).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let evidence = match slot {
            Slot::Value(_) => Evidence::Present(state.get(key).map(Envelope::encode).unwrap_or_default()),
            Slot::Empty => Evidence::AbsentEmpty { key: *key },
            Slot::Other(other, value_hash) => Evidence::AbsentOther { key: *key, other, value_hash },
        };
        let (header, certificate) = (header.encode().to_vec(), certificate.clone());
        Ok(LedgerProof { header, certificate, path: path.encode(), evidence })
    }

    /// The trust bundle as of the newest certified height: all of it, or what came above a height.
    ///
    /// # Errors
    /// [`NodeError::NotCertifiedYet`]
    pub fn bundle(&self, scope: Scope) -> Result<TrustBundle, NodeError> {
        let certified = self.certified()?;
        lists::bundle(&self.shared, &certified, scope)
    }

    /// The whole trust bundle, encoded. The same allocation until the certified height or a status list
    /// changes, so that those who poll cost nothing.
    ///
    /// # Errors
    /// [`NodeError::NotCertifiedYet`]
    pub fn snapshot(&self) -> Result<Arc<[u8]>, NodeError> {
        let certified = self.certified()?;
        self.shared.snapshot(certified.header.height, || {
            Ok(lists::bundle(&self.shared, &certified, Scope::Snapshot)?.encode())
        })
    }

    /// Takes the bytes of a status list whose digest is on the ledger (LRUL-11).
    ///
    /// # Errors
    /// [`NodeError::StatusList`], [`NodeError::Store`]
    pub fn put_status_list(&self, attachment: &Attachment) -> Result<(), NodeError> {
        lists::put(&self.shared, attachment)
    }

    /// The checkpoint of a height, or of the newest block, with this validator's cosignature. A node that was no
    /// validator at that height has none to give.
    ///
    /// # Errors
    /// [`NodeError::Store`]
    pub fn checkpoint(&self, height: Option<u64>) -> Result<Option<Note>, NodeError> {
        let height = height.unwrap_or(self.shared.tip().1.height);
        let (Some(block), Some(cosignature)) = (self.block(height)?, self.shared.store.cosignature(height)?) else {
            return Ok(None);
        };
        let header = Header::decode(&block.header).map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(Some(Note::new(Checkpoint::of(&header), vec![cosignature])))
    }

    fn certified(&self) -> Result<Arc<Certified>, NodeError> {
        self.shared.certified().ok_or(NodeError::NotCertifiedYet)
    }
}
