//! Making a network: who governs it and which validators run it.

use std::path::{Path, PathBuf};

use ledger_engine::{EngineError, Founding, NewNetwork, ValidatorPlace};
pub use ledger_engine::{FOUNDING_FILE, Genesis, PUBLIC_FILE, Part, admit, join, new_identity};
use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::ledger::{Governance, Record, RecordError, TrustAnchor, Validator, ValidatorSet};
use rand_core::CryptoRng;

use crate::rules::genesis_envelope;
use crate::state::State;

/// Longest application part of a genesis.
const GENESIS_MAX: usize = 16 * 1024;

/// Why a network cannot be made or a folder holds none.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The governance record breaks its bounds.
    #[error("the governance of the new network is not valid: {0}")]
    Governance(#[from] RecordError),
    /// The genesis file was not made for this software.
    #[error("the genesis does not hold a governance record; restore the folder")]
    GenesisInvalid,
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What the engine's genesis carries for us: the records the ledger starts with.
#[derive(Debug, Encode, Decode)]
#[cbor(array)]
struct Application {
    #[n(0)]
    governance: Governance,
}

/// What the operators of a new network agree to make, for [`FOUNDING_FILE`] in each validator's folder.
///
/// # Errors
/// [`GenesisError`]
pub fn founding(governance: Governance, parts: Vec<Part>, time_ms: u64) -> Result<Founding, GenesisError> {
    Record::Governance(governance.clone()).validate()?;
    let name = governance.network.clone();
    Ok(Founding::new(name, time_ms, application(governance), parts)?)
}

/// What the engine's genesis carries of a network with this governance.
pub(crate) fn application(governance: Governance) -> Vec<u8> {
    cbor::to_vec(&Application { governance })
}

/// Whether the folder's network still has to be made by [`convene`].
#[must_use]
pub fn awaits_founding(folder: &Path) -> bool {
    !Genesis::exists(folder) && folder.join(FOUNDING_FILE).exists()
}

/// Makes the group key with the other founders, however long it takes; see [`ledger_engine::found`]. `None` if it was
/// stopped. Blocks the thread.
///
/// # Errors
/// [`GenesisError`]
pub fn convene(folder: &Path, stop: impl Future<Output = ()> + Send) -> Result<Option<TrustAnchor>, GenesisError> {
    // A founding file of another software is refused before anything is made of it.
    governance(&Founding::load(folder)?.application)?;
    Ok(ledger_engine::found(folder, stop)?.as_ref().map(anchor))
}

fn governance(application: &[u8]) -> Result<Record, GenesisError> {
    let application: Application =
        cbor::from_slice(application, GENESIS_MAX).map_err(|_| GenesisError::GenesisInvalid)?;
    let record = Record::Governance(application.governance);
    record.validate()?;
    Ok(record)
}

/// Makes a network: for each validator a folder with its own keys, and the same genesis in all of them.
/// Returns the trust anchor to hand to verifiers.
///
/// Whoever runs this sees the shares of all validators for a moment: see [`ledger_engine::init`]. Right for one
/// validator; several use [`founding`] and [`convene`].
///
/// # Errors
/// [`GenesisError`]
pub fn init(
    governance: Governance,
    validators: Vec<ValidatorPlace>,
    time_ms: u64,
    rng: &mut dyn CryptoRng,
) -> Result<TrustAnchor, GenesisError> {
    Record::Governance(governance.clone()).validate()?;
    let name = governance.network.clone();
    let application = application(governance);
    let genesis = ledger_engine::init(&NewNetwork { name, time_ms, application, validators }, rng)?;
    Ok(anchor(&genesis))
}

/// The places of `count` validators: `folder/validator-1…` for several, `folder` itself for one.
#[must_use]
pub fn places(folder: &std::path::Path, addresses: &[std::net::SocketAddr]) -> Vec<ValidatorPlace> {
    let named = |(i, address): (usize, &std::net::SocketAddr)| ValidatorPlace {
        folder: if addresses.len() == 1 { PathBuf::from(folder) } else { folder.join(format!("validator-{}", i + 1)) },
        address: *address,
    };
    addresses.iter().enumerate().map(named).collect()
}

/// The trust anchor of the network with this genesis.
#[must_use]
pub fn anchor(genesis: &Genesis) -> TrustAnchor {
    TrustAnchor { network: genesis.name.clone(), network_id: genesis.network_id(), group_key: genesis.group_key() }
}

/// The state every validator starts from.
///
/// # Errors
/// [`GenesisError::GenesisInvalid`]
pub(crate) fn state(genesis: &Genesis) -> Result<State, GenesisError> {
    let record = governance(&genesis.application)?;
    // Where the validators are is each operator's own configuration until governance writes it down.
    let validator = |key: &[u8; 32]| Validator { key: *key, address: String::new() };
    let validators = ValidatorSet { validators: genesis.validators.iter().map(validator).collect() };
    Ok(State::new([record, Record::Validators(validators)].map(genesis_envelope)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, NodeConfig, NodeError};

    fn network(application: Vec<u8>) -> (tempfile::TempDir, Genesis) {
        let folder = tempfile::tempdir().unwrap();
        let validators = places(folder.path(), &["127.0.0.1:0".parse().unwrap()]);
        let network = NewNetwork { name: "kr".into(), time_ms: 1, application, validators };
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let genesis = ledger_engine::init(&network, &mut rng).unwrap();
        (folder, genesis)
    }

    #[test]
    fn a_genesis_of_another_software_is_refused() {
        let governance = Governance {
            network: "kr".into(),
            keys: vec![protocol::ledger::GovernanceKey([6; 32])],
            threshold: 1,
            delay: 0,
        };
        let ours = cbor::to_vec(&Application { governance });
        let (folder, genesis) = network(ours.clone());
        assert_eq!(state(&genesis).unwrap().envelopes().count(), 2);
        let node = Node::start(&NodeConfig::new(folder.path())).unwrap();
        node.stop().unwrap();

        for application in [vec![], b"records".to_vec(), [&ours[..], &[0]].concat(), vec![0; GENESIS_MAX + 1]] {
            let (folder, genesis) = network(application);
            assert!(matches!(state(&genesis), Err(GenesisError::GenesisInvalid)));
            let started = Node::start(&NodeConfig::new(folder.path())).err();
            assert!(matches!(started, Some(NodeError::Genesis(GenesisError::GenesisInvalid))), "{started:?}");
        }
    }
}
