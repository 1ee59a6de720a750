//! Executing everything a node holds again, from what is on its disk alone.
//!
//! A node compares its files with the newest certificate whenever it starts. An audit does that, and
//! what would take too long at every start: it checks the certificate of every block and every cosignature, executes every
//! transaction from the genesis again, signatures included, compares each block's state root and each version
//! of each record, and unpacks every status list. It changes nothing, and works beside a running node.

use std::path::Path;

use ledger_engine::{BlockTime, Genesis};
use protocol::ledger::{Checkpoint, Header, TrustAnchor, attachment};

use crate::genesis;
use crate::history;
use crate::node::{DATABASE, NodeError};
use crate::rules;
use crate::state::State;
use crate::store::{Certificates, Found, Store, StoreError};

/// What an audit went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The network it is of.
    pub anchor: TrustAnchor,
    /// What is stored.
    pub found: Found,
    /// Transactions that were executed again; `None` where the blocks do not begin with the first one.
    pub executed: Option<u64>,
    /// Cosignatures that were checked.
    pub cosignatures: u64,
    /// Status lists that were unpacked.
    pub lists: u64,
}

/// Goes through everything in the database of the node in `folder`.
///
/// # Errors
/// [`NodeError::Store`] with what is wrong; [`NodeError::Engine`], [`NodeError::Genesis`] for the genesis beside it.
pub fn audit(folder: &Path) -> Result<Audited, NodeError> {
    let genesis = Genesis::load(folder)?;
    let anchor = genesis::anchor(&genesis);
    let first = Header::genesis(anchor.network_id, genesis.time_ms);
    let store = Store::inspect(&folder.join(DATABASE))?;
    let found = store.check(&anchor, &first, Certificates::All)?;
    let executed =
        if found.first <= 1 { Some(execute(&store, genesis::state(&genesis)?, &found, &anchor)?) } else { None };
    let cosignatures = cosignatures(&store)?;
    let lists = store.status_lists()?;
    for list in lists.values() {
        attachment::unpack(&list.packed, &list.digest)
            .map_err(|_| StoreError::Damaged("a status list is not the one of its digest".into()))?;
    }
    Ok(Audited { anchor, found, executed, cosignatures, lists: lists.len() as u64 })
}

/// Executes all blocks on the genesis, and compares what each leads to.
fn execute(store: &Store, mut state: State, found: &Found, anchor: &TrustAnchor) -> Result<u64, StoreError> {
    let (mut versions, mut executed) = (compare_versions(store, &state, 0)?, 0);
    for height in 1..=found.last {
        let wrong = |what: &str| StoreError::Damaged(format!("block {height} {what}"));
        let header = store.block(height)?.ok_or_else(|| wrong("is missing"))?.header;
        let header = Header::decode(&header).map_err(|_| wrong("has no header"))?;
        let at = BlockTime { height, time_ms: header.timestamp_ms };
        rules::begin_block(&mut state, at);
        for bytes in store.transactions(height)? {
            rules::admit(&bytes, &anchor.network_id)
                .and_then(|admitted| rules::apply(&mut state, at, &admitted))
                .map_err(|error| wrong(&format!("has a transaction that the rules refuse: {}", error.name())))?;
            executed += 1;
        }
        if state.root() != header.state_root {
            return Err(wrong("does not lead to the state that its header names"));
        }
        versions += compare_versions(store, &state, header.timestamp_ms)?;
    }
    if versions != found.versions {
        return Err(StoreError::Damaged("the history has versions that no transaction wrote".into()));
    }
    Ok(executed)
}

/// Compares the versions that a block wrote (of the genesis: all) with those that are stored; how many there were.
fn compare_versions(store: &Store, state: &State, time_ms: u64) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut compare = |envelope| {
        let stored = store.version(envelope)?;
        if stored.as_ref().map(|version| (&version.envelope, version.time_ms)) != Some((envelope, time_ms)) {
            return Err(StoreError::Damaged("a version in the history is not what was written".into()));
        }
        count += 1;
        Ok(())
    };
    if time_ms == 0 {
        state.envelopes().filter(|envelope| history::kept(envelope)).try_for_each(&mut compare)?;
    } else {
        state.written().filter(|envelope| history::kept(envelope)).try_for_each(&mut compare)?;
    }
    Ok(count)
}

/// Checks every cosignature against the header it is about.
fn cosignatures(store: &Store) -> Result<u64, StoreError> {
    let heights = store.cosigned()?;
    for height in &heights {
        let wrong = || StoreError::Damaged(format!("the cosignature of block {height} is not one"));
        let header = store.block(*height)?.and_then(|block| Header::decode(&block.header).ok()).ok_or_else(wrong)?;
        let cosignature = store.cosignature(*height)?.ok_or_else(wrong)?;
        if !cosignature.fits(&Checkpoint::of(&header)) {
            return Err(wrong());
        }
    }
    Ok(heights.len() as u64)
}

#[cfg(test)]
mod tests;
