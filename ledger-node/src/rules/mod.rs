//! Who may write what (`specs/ledger-records.md`). Pure: a transaction, a state and a block time give the
//! next state or one refusal, the same on every validator.

mod error;
#[cfg(test)]
mod tests;
mod write;

use protocol::cbor::EncodingError;
use protocol::crypto::keys::PublicKey;
use protocol::identifier::Did;
use protocol::ledger::record::KEYS_MAX;
use protocol::ledger::transaction::WRITES_MAX;
use protocol::ledger::{
    Activation, DidRecord, Endorsement, Envelope, Governance, GovernanceKey, NonceCount, Purposes, Record, Sender,
    StateKey, Transaction, Write,
};

pub use error::TxError;
pub use ledger_engine::BlockTime;

use crate::state::{State, Tree};

/// Most signatures of a transaction: all governors', and those of as many new DIDs.
const ENDORSEMENTS_MAX: usize = 2 * KEYS_MAX;

/// A transaction that is acceptable for itself: one encoding, this network, bounded fields, signatures by the
/// keys it names. Whether those keys may write is decided by [`apply`].
#[derive(Debug, Clone)]
pub struct Admitted(Transaction);

impl Admitted {
    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.0
    }
}

/// Checks all that needs no state.
///
/// # Errors
/// [`TxError`]
pub fn admit(bytes: &[u8], network_id: &[u8; 32]) -> Result<Admitted, TxError> {
    let admitted = admit_again(bytes, network_id)?;
    admitted.0.verify_signatures().map_err(|_| TxError::SignatureInvalid)?; // LTXN-03
    Ok(admitted)
}

/// [`admit`] for bytes that it admitted before: the same bytes have the same signatures.
pub(crate) fn admit_again(bytes: &[u8], network_id: &[u8; 32]) -> Result<Admitted, TxError> {
    let transaction = Transaction::decode(bytes).map_err(|error| match error {
        EncodingError::TooLarge => TxError::TooLarge, // LTXN-01
        EncodingError::Malformed => TxError::Malformed,
        EncodingError::NonCanonicalEncoding => TxError::NonCanonicalEncoding, // LTXN-01
    })?;
    if transaction.body.network_id != *network_id {
        return Err(TxError::WrongNetwork); // LTXN-02
    }
    match transaction.body.writes.len() {
        0 => return Err(TxError::EmptyTx), // LTXN-01
        1..=WRITES_MAX => {}
        _ => return Err(TxError::TooLarge), // LTXN-01
    }
    if transaction.body.nonce == u64::MAX {
        return Err(TxError::NonceOverflow); // LTXN-04
    }
    transaction.body.writes.iter().try_for_each(|write| write.record.validate())?;
    // Each one costs a signature check.
    if transaction.endorsements.len() > ENDORSEMENTS_MAX {
        return Err(TxError::TooLarge); // LTXN-01
    }
    Ok(Admitted(transaction))
}

/// Begins a block at `at`: what was scheduled for then or earlier comes into force (LRUL-12). Everyone who
/// executes a block does this first.
pub fn begin_block(state: &mut State, at: BlockTime) {
    state.begin_block();
    while let Some((key, envelope)) = state.due(seconds(at)) {
        let Record::Scheduled(scheduled) = &envelope.record else { return };
        let mut done = scheduled.clone();
        let version = envelope.version + 1;
        let made = scheduled.record().map_err(TxError::from).and_then(|record| {
            let write = Write { record, previous_version: scheduled.previous_version };
            write::write(&state.tree, at, &Authority::Schedule, &write)
        });
        done.activation = if made.is_ok() { Activation::InForce } else { Activation::Failed };
        debug_assert_eq!(key, StateKey::scheduled(&scheduled.record().map_or(key, |record| record.state_key())));
        if let Ok(envelope) = made {
            state.insert(envelope);
        }
        state.insert(Envelope { version, height: at.height, record: Record::Scheduled(done) });
    }
}

/// Executes a transaction on `state`; all its writes or none.
///
/// # Errors
/// [`TxError`]; then `state` is unchanged.
pub fn apply(state: &mut State, at: BlockTime, transaction: &Admitted) -> Result<(), TxError> {
    *state = check(state, at, transaction)?;
    Ok(())
}

/// The state after the transaction.
///
/// # Errors
/// [`TxError`]
pub(crate) fn check(state: &State, at: BlockTime, transaction: &Admitted) -> Result<State, TxError> {
    let body = &transaction.0.body;
    let expected = state.next_nonce(&body.sender);
    // LTXN-04
    if body.nonce < expected {
        return Err(TxError::DuplicateTx);
    }
    if body.nonce > expected {
        return Err(TxError::NonceGap);
    }
    let mut state = state.clone();
    let authority = Authority::of(&state.tree, at, &transaction.0)?;
    for write in &body.writes {
        let envelope = write::write(&state.tree, at, &authority, write)?;
        state.insert(envelope);
    }
    // LTXN-08: what has been used up is part of the state that the validators certify.
    let (account, next) = (body.sender.account(), expected + 1);
    let record = Record::Nonce(NonceCount { account, next });
    state.insert(Envelope { version: next, height: at.height, record });
    Ok(state)
}

/// On whose word a transaction writes.
pub(crate) enum Authority {
    /// Enough of the governors signed; these are all who did, the controllers of new DIDs among them.
    Governance { signers: Vec<PublicKey> },
    /// Enough of the governors signed earlier, and the time they set has come.
    Schedule,
    /// A key of an organisation that may be used now.
    Did { did: Did, purposes: Purposes },
    /// The first key of a DID that is not there yet, and enough of the governors with it.
    Founder { did: Did },
}

impl Authority {
    fn of(tree: &Tree, at: BlockTime, transaction: &Transaction) -> Result<Self, TxError> {
        match &transaction.body.sender {
            Sender::Governance => Self::of_governors(tree, transaction),
            Sender::Did { did, fragment } => match did_record(tree, did) {
                Some(record) => Self::of_did(record, at, transaction, fragment),
                None => Self::of_founder(tree, at, transaction, did, fragment),
            },
        }
    }

    /// LTXN-05: m of n governors; beside them sign only controllers of DIDs that are written for the first time.
    fn of_governors(tree: &Tree, transaction: &Transaction) -> Result<Self, TxError> {
        let founding = |write: &Write| match &write.record {
            Record::Did(new) if write.previous_version == 0 => new.keys.first().map(|first| first.key),
            _ => None,
        };
        let founders: Vec<PublicKey> = transaction.body.writes.iter().filter_map(founding).collect();
        let others = transaction.endorsements.iter().filter(|endorsement| !founders.contains(&endorsement.key));
        governed(tree, others)?;
        let signers = transaction.endorsements.iter().map(|endorsement| endorsement.key).collect();
        Ok(Self::Governance { signers })
    }

    /// LTXN-06: exactly one signature, by the key the sender names, in its time.
    fn of_did(record: &DidRecord, at: BlockTime, transaction: &Transaction, fragment: &str) -> Result<Self, TxError> {
        if record.deactivated {
            return Err(TxError::Deactivated);
        }
        let key = record.key(fragment).ok_or(TxError::Unauthorized)?;
        if transaction.endorsements.len() != 1 || transaction.endorsements[0].key != key.key {
            return Err(TxError::Unauthorized);
        }
        if !key.usable(Purposes(0), seconds(at)) {
            return Err(TxError::KeyNotValidAtHeight);
        }
        Ok(Self::Did { did: record.did.clone(), purposes: key.purposes })
    }

    /// LRUL-14: the first key of the DID's record speaks for a DID that is not there yet, once, and governors admit it.
    fn of_founder(
        tree: &Tree,
        at: BlockTime,
        transaction: &Transaction,
        did: &Did,
        fragment: &str,
    ) -> Result<Self, TxError> {
        let first = match transaction.body.writes.first().map(|write| &write.record) {
            Some(Record::Did(new)) if new.did == *did => new.keys.first(),
            _ => None,
        };
        let first = first.filter(|first| first.fragment == fragment).ok_or(TxError::Unauthorized)?;
        let (own, others): (Vec<_>, Vec<_>) =
            transaction.endorsements.iter().partition(|endorsement| endorsement.key == first.key);
        if own.len() != 1 {
            return Err(TxError::Unauthorized);
        }
        if !first.usable(Purposes(0), seconds(at)) {
            return Err(TxError::KeyNotValidAtHeight);
        }
        governed(tree, others)?;
        Ok(Self::Founder { did: did.clone() })
    }

    /// Whether the controller of a DID that is not there yet asks for it, and governors admit it (LRUL-14).
    fn founds(&self, new: &DidRecord) -> bool {
        match (self, new.keys.first()) {
            (Self::Governance { signers }, Some(first)) => signers.contains(&first.key),
            (Self::Founder { did }, Some(_)) => *did == new.did,
            _ => false,
        }
    }

    fn is_governance(&self) -> bool {
        matches!(self, Self::Governance { .. } | Self::Schedule)
    }

    /// Whether `owner` speaks, with a key for one of the purposes.
    fn is(&self, owner: &Did, any_of: &[Purposes]) -> bool {
        match self {
            Self::Did { did, purposes } => did == owner && any_of.iter().any(|purpose| purposes.contains(*purpose)),
            Self::Governance { .. } | Self::Schedule | Self::Founder { .. } => false,
        }
    }
}

/// LTXN-05: all of these are governors', and enough different ones.
fn governed<'a>(tree: &Tree, endorsements: impl IntoIterator<Item = &'a Endorsement>) -> Result<(), TxError> {
    let governance = governance(tree).ok_or(TxError::Unauthorized)?;
    let mut signers: Vec<GovernanceKey> = Vec::new();
    for endorsement in endorsements {
        match endorsement.key {
            PublicKey::Ed25519(key) if governance.keys.contains(&GovernanceKey(key)) => {
                signers.push(GovernanceKey(key));
            }
            _ => return Err(TxError::Unauthorized),
        }
    }
    signers.sort();
    signers.dedup();
    if signers.len() < usize::from(governance.threshold) { Err(TxError::QuorumNotMet) } else { Ok(()) }
}

pub(crate) fn governance(tree: &Tree) -> Option<&Governance> {
    match &tree.get(&StateKey::governance())?.record {
        Record::Governance(governance) => Some(governance),
        _ => None,
    }
}

pub(crate) fn did_record<'a>(tree: &'a Tree, did: &Did) -> Option<&'a DidRecord> {
    match &tree.get(&StateKey::did(did))?.record {
        Record::Did(record) => Some(record),
        _ => None,
    }
}

/// The block's time in the unit of record fields.
pub(crate) fn seconds(at: BlockTime) -> u64 {
    at.time_ms / 1000
}

/// The records a network starts with, as the genesis carries them (height 0).
pub(crate) fn genesis_envelope(record: Record) -> Envelope {
    Envelope { version: 1, height: 0, record }
}
