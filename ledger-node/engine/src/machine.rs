//! The deterministic state machine the validators replicate, as the rest of the node supplies it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What the ledger does with transactions. The engine orders them and knows nothing else about them.
///
/// Every method is deterministic in its arguments except [`commit`](Self::commit) and
/// [`recover`](Self::recover), which keep the durable copy. They are called from the engine's own
/// threads, several at a time; only `commit` is never called twice at once.
pub trait StateMachine: Send + Sync + 'static {
    /// A snapshot of the whole state, cheap to clone (persistent maps, `Arc`). The engine holds one per
    /// block that is proposed but not yet final.
    type State: Clone + Send + Sync + 'static;

    /// The last state made durable by [`commit`](Self::commit), or the genesis state. Called once, at start.
    fn recover(&self) -> Result<Recovered<Self::State>, String>;

    /// The state's Merkle root, as the block header carries it.
    fn root(&self, state: &Self::State) -> [u8; 32];

    /// May this transaction enter the mempool, whatever the state is? (Encoding, size, signatures that need
    /// no lookup.) Called for local and for peers' transactions.
    fn admit(&self, transaction: &[u8]) -> Result<(), String>;

    /// Whose transaction this is, so that no sender fills the mempool alone. `None`: not told, not limited.
    fn sender(&self, _transaction: &[u8]) -> Option<[u8; 32]> {
        None
    }

    /// Proposer: executes those of `candidates` that are valid one after another on `parent`. The
    /// candidates already fit into one block.
    fn build(&self, parent: &Self::State, at: BlockTime, candidates: Vec<Vec<u8>>) -> Built<Self::State>;

    /// Everyone: executes a block's transactions, all of which must be valid. An error means that the block
    /// is invalid for ever and everywhere, so it may depend on nothing but the arguments.
    fn execute(&self, parent: &Self::State, at: BlockTime, transactions: &[Vec<u8>]) -> Result<Self::State, String>;

    /// Who should run the ledger, if the state says so. When it names another set than the one in office, the
    /// validators hand the group key on and the new set takes over, within two epochs. `None`: those in office stay.
    fn validators(&self, _state: &Self::State) -> Option<Roster> {
        None
    }

    /// Makes a finalised block and its state durable (fsync) before it returns. Called in height order, each
    /// height once; after a crash again from the height above [`recover`](Self::recover)'s. An error stops
    /// the engine.
    fn commit(&self, block: FinalizedBlock, state: &Self::State) -> Result<(), String>;

    /// Drops blocks below `height`, which consensus is about to drop as well ([`crate::Config::keep_blocks`]). An error
    /// stops the engine.
    fn prune(&self, _height: u64) -> Result<(), String> {
        Ok(())
    }
}

/// Where and when a block stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockTime {
    /// Height of the block; the first block above the genesis has 1.
    pub height: u64,
    /// The block's timestamp in Unix milliseconds: the only clock a state machine may read.
    pub time_ms: u64,
}

/// A set of validators that the state machine names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Number of the set: it grows with every change, and every change hands the key on, also to the same validators.
    pub version: u64,
    /// Ed25519 node keys, and where they are reached if the state says so.
    pub validators: Vec<([u8; 32], Option<SocketAddr>)>,
}

/// The durable state at start-up.
#[derive(Debug, Clone)]
pub struct Recovered<S> {
    /// The state after the last committed block.
    pub state: S,
    /// Canonical header of the last committed block ([`FinalizedBlock::header`]); `None` at genesis.
    pub header: Option<Vec<u8>>,
}

/// What [`StateMachine::build`] made of its candidates. A candidate named in neither list stays in the mempool.
#[derive(Debug, Clone)]
pub struct Built<S> {
    /// The transactions of the block, in order.
    pub transactions: Vec<Vec<u8>>,
    /// Candidates that are invalid on this parent and are forgotten.
    pub refused: Vec<Vec<u8>>,
    /// The state after `transactions`.
    pub state: S,
}

/// The engine's own records of a chain, by height: [`FinalizedBlock::records`] of every block that has some.
pub type EngineRecords = BTreeMap<u64, Vec<Vec<u8>>>;

/// A block that a quorum of validators made final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalizedBlock {
    /// Height of the block.
    pub height: u64,
    /// The block's timestamp in Unix milliseconds.
    pub time_ms: u64,
    /// Canonical header bytes ([`protocol::ledger::header`]).
    pub header: Vec<u8>,
    /// The block's own finalisation certificate ([`protocol::ledger::certificate`]). `None` when the block
    /// became final through a descendant: then the next committed block that has one proves it, through the
    /// parent digests in between. With one validator and no crash every block has its own. Proofs are best
    /// offered only at heights that have one.
    pub certificate: Option<Vec<u8>>,
    /// The engine's own records, in order, only in epochs that change the validators. The header's body root covers
    /// them in front of the transactions; whoever wants to check or restore blocks keeps them.
    pub records: Vec<Vec<u8>>,
    /// The transactions, in order.
    pub transactions: Vec<Vec<u8>>,
}
