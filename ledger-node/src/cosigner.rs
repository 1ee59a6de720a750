//! This validator's own signature on what is final (`specs/ledger-checkpoint.md`).

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ledger_engine::EngineError;
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::ledger::{Checkpoint, CheckpointError, Cosignature, Header};
use zeroize::Zeroizing;

use crate::clock;
use crate::state::State;
use crate::store::{Store, StoreError};

/// The file of the node key, as the engine writes it: 32 bytes in hexadecimal.
const NODE_KEY: &str = "node.key";

/// Reads the node key of a folder.
///
/// # Errors
/// [`EngineError`]
pub(crate) fn load(folder: &Path) -> Result<Zeroizing<[u8; 32]>, EngineError> {
    let path = folder.join(NODE_KEY);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(source) => return Err(EngineError::Io { path, source }),
    };
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_end(), seed.as_mut_slice()).map_err(|_| EngineError::FileDamaged(path))?;
    Ok(seed)
}

/// Signs checkpoints in the order of their heights.
pub(crate) struct Cosigner {
    seed: Zeroizing<[u8; 32]>,
    public: Option<[u8; 32]>,
    last: Mutex<Option<Checkpoint>>,
}

impl Cosigner {
    pub(crate) fn new(seed: Zeroizing<[u8; 32]>, store: &Store) -> Result<Self, StoreError> {
        let last = store.last_cosigned()?.map(|header| Header::decode(&header).map_err(|_| no_header()));
        let public = match Ed25519SigningKey::from_seed(&seed).public_key() {
            PublicKey::Ed25519(key) => Some(key),
            _ => None,
        };
        Ok(Self { seed, public, last: Mutex::new(last.transpose()?.as_ref().map(Checkpoint::of)) })
    }

    /// The cosignature on a header that is final, if this node is one of the validators (CHKP-06).
    ///
    /// # Errors
    /// [`CheckpointError::CheckpointConflict`]: another header of this height is cosigned already.
    pub(crate) fn cosign(&self, header: &Header, state: &State) -> Result<Option<Cosignature>, CheckpointError> {
        let ours = |set: &protocol::ledger::ValidatorSet| set.validators.iter().any(|v| Some(v.key) == self.public);
        if !state.validators().is_some_and(|(set, _)| ours(set)) {
            return Ok(None);
        }
        let checkpoint = Checkpoint::of(header);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let cosignature = checkpoint.cosign(&self.seed, clock::now_ms() / 1_000, last.as_ref())?;
        *last = Some(checkpoint);
        Ok(Some(cosignature))
    }
}

fn no_header() -> StoreError {
    StoreError::Damaged("a block has no header".into())
}

#[cfg(test)]
mod tests {
    use ledger_engine::FinalizedBlock;
    use protocol::ledger::{Record, Validator, ValidatorSet};

    use super::*;
    use crate::rules::genesis_envelope;

    fn header(height: u64, state: u8) -> Header {
        Header { height, state_root: [state; 32], ..Header::genesis([7; 32], 1) }
    }

    fn validated_by(seed: u8) -> State {
        let PublicKey::Ed25519(key) = Ed25519SigningKey::from_seed(&[seed; 32]).public_key() else { unreachable!() };
        let set = ValidatorSet { validators: vec![Validator { key, address: String::new() }] };
        State::new([genesis_envelope(Record::Validators(set))])
    }

    #[test]
    fn chkp_06_what_was_cosigned_is_remembered_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ledger.sqlite")).unwrap();
        let state = validated_by(1);
        let open = || Cosigner::new(Zeroizing::new([1; 32]), &store).unwrap();
        let cosigner = open();
        let cosignature = cosigner.cosign(&header(5, 1), &state).unwrap();
        assert!(cosignature.unwrap().fits(&Checkpoint::of(&header(5, 1))));
        let encoded = header(5, 1).encode().to_vec();
        let (height, time_ms, certificate) = (5, 1, None);
        let block =
            FinalizedBlock { height, time_ms, header: encoded, certificate, records: vec![], transactions: vec![] };
        store.commit(&block, &state, cosignature.as_ref()).unwrap();
        for cosigner in [cosigner, open()] {
            assert!(cosigner.cosign(&header(5, 1), &state).unwrap().is_some(), "the same again, after a crash");
            assert_eq!(cosigner.cosign(&header(5, 2), &state), Err(CheckpointError::CheckpointConflict));
            assert_eq!(cosigner.cosign(&header(4, 1), &state), Err(CheckpointError::CheckpointConflict));
        }
        // Someone who is no validator keeps silent.
        assert_eq!(open().cosign(&header(6, 1), &validated_by(2)), Ok(None));
        assert_eq!(open().cosign(&header(6, 1), &State::new([])), Ok(None));
    }

    #[test]
    fn a_node_key_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(folder.path()), Err(EngineError::Io { .. })));
        let write = |text: &str| std::fs::write(folder.path().join(NODE_KEY), text).unwrap();
        for damaged in ["", "00", &"0g".repeat(32), &"00".repeat(33)] {
            write(damaged);
            assert!(matches!(load(folder.path()), Err(EngineError::FileDamaged(_))), "{damaged}");
        }
        write(&"0a".repeat(32));
        assert_eq!(*load(folder.path()).unwrap(), [10; 32]);
    }
}
