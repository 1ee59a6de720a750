//! Why the engine refuses a transaction, a folder, or to go on.

use std::path::PathBuf;

/// Why a transaction did not enter the mempool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The state machine does not admit it; its reason.
    #[error("the transaction is not admissible: {0}")]
    Refused(String),
    /// It is longer than [`crate::MAX_TRANSACTION_BYTES`].
    #[error("the transaction is too large: split it")]
    TooLarge,
    /// The mempool is full.
    #[error("too many transactions are waiting: try again in a second")]
    MempoolFull,
    /// The engine has stopped.
    #[error("the validator has stopped: restart it")]
    Stopped,
}

/// Why the engine did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file of the validator's folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process runs on the folder. Two validators with one key would sign against each other.
    #[error("{0} is in use by another process: stop that one first")]
    FolderInUse(PathBuf),
    /// The folder already holds a validator.
    #[error("{0} already holds a validator: choose an empty folder")]
    FolderNotEmpty(PathBuf),
    /// A file of the validator's folder does not hold what it should.
    #[error("{0} is damaged: restore it from its backup")]
    FileDamaged(PathBuf),
    /// The key files do not belong to the genesis beside them.
    #[error("the keys are not those of a validator of this genesis: restore the folder as one")]
    KeysDoNotMatchGenesis,
    /// A genesis needs one to [`crate::MAX_VALIDATORS`] validators, a name, and distinct addresses.
    #[error("the genesis is not valid: {0}")]
    InvalidGenesis(&'static str),
    /// The validators of a new network could not make their group key.
    #[error("the group key was not made: {0}")]
    CeremonyFailed(String),
    /// The state machine's durable state does not belong to this chain.
    #[error("the ledger state does not fit the chain: {0}")]
    StateMismatch(String),
    /// A file in which consensus keeps its votes, certificates and blocks is not the one that an orderly stop left.
    #[error(
        "{0} is damaged: this validator may have lost votes, and does not start. Take the folder away and begin anew \
         without its share of the group key (docs/howtos/a-new-or-wiped-node.md)"
    )]
    ConsensusDamaged(PathBuf),
    /// A folder that was begun to keep all blocks.
    #[error("{0} keeps every block: to keep only the newest, begin anew in an empty folder")]
    KeepsEverything(PathBuf),
    /// The state machine could not make a block durable, or a consensus task ended.
    #[error("the validator stopped: {0}")]
    Stopped(String),
}
