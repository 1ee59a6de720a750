//! Why a transaction is refused.

use protocol::ledger::RecordError;

/// Why a transaction is refused. The name of the variant is what a submitter receives ([`TxError::name`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// Not a transaction.
    #[error("this is not a transaction; encode it as specified")]
    Malformed,
    /// A transaction, but not in its one encoding.
    #[error("the transaction is not in its canonical encoding; encode it again")]
    NonCanonicalEncoding,
    /// More bytes, writes or endorsements than allowed.
    #[error("the transaction is too large; split it")]
    TooLarge,
    /// Nothing to write.
    #[error("the transaction writes nothing; add a record")]
    EmptyTx,
    /// Meant for another network.
    #[error("the transaction is for another network; sign it for this one")]
    WrongNetwork,
    /// An endorsement does not fit the key it names.
    #[error("a signature does not fit; sign the transaction again")]
    SignatureInvalid,
    /// A field of a record breaks its bounds.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The sender may not write this record.
    #[error("the sender may not write this; ask its owner or the governors")]
    Unauthorized,
    /// Fewer governors signed than the threshold demands, each counted once.
    #[error("too few governors signed; collect more signatures")]
    QuorumNotMet,
    /// The sender's key is not valid yet, or no longer.
    #[error("the key was not valid at this block's time; sign with a current key")]
    KeyNotValidAtHeight,
    /// The ledger already holds a transaction with this sender and nonce.
    #[error("the ledger already has this transaction or another with its nonce; ask for the next nonce")]
    DuplicateTx,
    /// Transactions of the sender with smaller nonces are missing.
    #[error("earlier transactions of this sender are missing; send them first")]
    NonceGap,
    /// The last nonce there is cannot be used.
    #[error("the sender has used up its nonces; use another identity")]
    NonceOverflow,
    /// A record that should be new exists.
    #[error("the record exists already; update it instead")]
    AlreadyExists,
    /// The record was changed meanwhile, or does not exist.
    #[error("the record has another version; read it again and repeat the change")]
    VersionConflict,
    /// The DID was given up.
    #[error("the DID is deactivated for ever; use another one")]
    Deactivated,
    /// The change would leave a DID that no one can change any more.
    #[error("no usable control key would be left; keep or add one")]
    WouldOrphan,
    /// The identifier is not the hash of the record's first key.
    #[error("the DID does not belong to the record's first key; derive it from that key")]
    IdentifierMismatch,
    /// The change undoes what cannot be undone, or goes back in time.
    #[error("this change is not possible from the record's present state")]
    IllegalTransition,
    /// The change gives someone more power and is not scheduled.
    #[error("this change has to be visible before it comes into force; schedule it")]
    DelayRequired,
    /// The change would come into force before the delay of governance has passed.
    #[error("the change would come into force too early; choose a later time")]
    ActivationTooEarly,
    /// The record names another one that does not exist.
    #[error("the record refers to something the ledger does not have; write that first")]
    UnknownReference,
}

impl TxError {
    /// The variant's name, as it travels over HTTP.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Record(error) => format!("{error:?}"),
            other => format!("{other:?}"),
        }
    }
}
