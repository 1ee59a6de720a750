//! Handing the whole state to a node that has nothing (`specs/ledger-snapshot.md`).
//!
//! An offer is a certified block; its state stays in memory for as long as its parts may be asked for. Versions of the
//! state share what did not change, so that this costs what was written meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger_engine::Genesis;
use protocol::ledger::snapshot::{CertifiedBlock, Offer, PART_BYTES, Part, Prefix};

use crate::machine::{Certified, Shared, roster};
use crate::node::NodeError;
use crate::state::State;
use crate::store::StoreError;

/// For so long an offer is made again to whoever asks, and for at least as long afterwards its parts are there.
const OFFERED: Duration = Duration::from_secs(60);
/// States that are kept.
const KEPT: usize = 2;

/// The states whose parts may be asked for.
#[derive(Default)]
pub(crate) struct Offers(Mutex<VecDeque<Offered>>);

struct Offered {
    since: Instant,
    height: u64,
    encoded: Arc<[u8]>,
    state: State,
}

impl Offers {
    /// A block to begin with: the newest certified one, or one that was offered a moment ago.
    pub(crate) fn offer(
        &self,
        shared: &Shared,
        genesis: &Genesis,
        certified: &Certified,
    ) -> Result<Arc<[u8]>, NodeError> {
        // Whoever comes at the same time waits for the one offer.
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = offers.back().filter(|newest| newest.since.elapsed() < OFFERED) {
            return Ok(newest.encoded.clone());
        }
        let encoded: Arc<[u8]> = offer(shared, genesis, certified)?.encode().into();
        let (height, state) = (certified.header.height, certified.state.clone());
        offers.push_back(Offered { since: Instant::now(), height, encoded: encoded.clone(), state });
        while offers.len() > KEPT {
            offers.pop_front();
        }
        Ok(encoded)
    }

    /// A part of the state that was offered at `height`.
    pub(crate) fn part(&self, height: u64, prefix: &Prefix) -> Result<Part, NodeError> {
        let state = {
            let offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let offered = offers.iter().find(|offered| offered.height == height);
            offered.ok_or(NodeError::SnapshotGone)?.state.clone()
        };
        Ok(state.part(prefix, PART_BYTES))
    }
}

/// SNAP-05: only while those in office are the ones that the state names, so that the offer shows who they are.
fn offer(shared: &Shared, genesis: &Genesis, certified: &Certified) -> Result<Offer, NodeError> {
    let Certified { state, header, certificate } = certified;
    let records = shared.store.engine_records()?;
    let named = roster(state).ok_or(NodeError::NotCertifiedYet)?;
    let at = match ledger_engine::appointed_at(header.height, &records) {
        Some(height) => Some(height),
        None => shared.store.appointed_before()?,
    };
    let appointment = at.map(|height| appointment(shared, height)).transpose()?;
    let body = appointment.as_ref().map(|block| block.body.iter().map(|bytes| bytes.to_vec()).collect::<Vec<_>>());
    if !ledger_engine::is_settled(genesis, body.as_deref(), &named)? {
        return Err(NodeError::HandoverUnderWay);
    }
    let block = CertifiedBlock {
        header: header.encode().to_vec(),
        certificate: certificate.clone(),
        body: shared.store.body(header.height)?.into_iter().map(Into::into).collect(),
    };
    Ok(Offer { block, appointment: appointment.into_iter().collect() })
}

/// The block that put those in office who are.
fn appointment(shared: &Shared, height: u64) -> Result<CertifiedBlock, NodeError> {
    if let Some(block) = shared.store.appointment(height)? {
        return Ok(block);
    }
    let missing = || StoreError::Damaged(format!("block {height} is missing"));
    let block = shared.store.block(height)?.ok_or_else(missing)?;
    // The last block of an epoch is certified itself: no other one could follow it before it was.
    let certificate = block.certificate.ok_or(NodeError::NotCertifiedYet)?;
    let body = shared.store.body(height)?.into_iter().map(Into::into).collect();
    Ok(CertifiedBlock { header: block.header, certificate, body })
}
