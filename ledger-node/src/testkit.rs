//! The ledger's rules and records as a node hands them to the engine, for tests that drive the engine themselves; and
//! networks whose epochs end soon.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use ledger_engine::{Genesis, NewNetwork, StateMachine, ValidatorPlace};
use protocol::ledger::Governance;
use rand_core::CryptoRng;

use crate::machine::{Machine, Shared};
use crate::state::State;
use crate::store::Store;
use crate::{NodeError, genesis};

/// The state machine of a node with this database: a file, or the URI of a database in memory.
///
/// # Errors
/// [`NodeError::Genesis`], [`NodeError::Store`]
pub fn machine(genesis: &Genesis, database: &Path) -> Result<impl StateMachine<State = State> + use<>, NodeError> {
    let store = Store::open(database)?;
    let shared = Shared::watching(genesis.network_id(), genesis::state(genesis)?, genesis.time_ms, store)?;
    Ok(Machine(Arc::new(shared)))
}

/// As [`genesis::init`], with epochs of so many blocks.
///
/// # Errors
/// [`NodeError::Engine`]
pub fn network(
    governance: Governance,
    validators: Vec<ValidatorPlace>,
    time_ms: u64,
    epoch_blocks: NonZeroU64,
    rng: &mut dyn CryptoRng,
) -> Result<Genesis, NodeError> {
    let (name, application) = (governance.network.clone(), genesis::application(governance));
    let network = NewNetwork { name, time_ms, application, validators };
    Ok(ledger_engine::init_with_epochs(&network, Some(epoch_blocks), rng)?)
}
