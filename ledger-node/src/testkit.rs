//! The ledger's rules and records as a node hands them to the engine, for tests that drive the engine themselves.

use std::path::Path;
use std::sync::Arc;

use ledger_engine::{Genesis, StateMachine};

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
