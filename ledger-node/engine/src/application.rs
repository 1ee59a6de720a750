//! What consensus asks of the ledger: propose a block, verify a block.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use commonware_consensus::Application;
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_consensus::simplex::types::Context;
use commonware_cryptography::{Digested, Digestible as _, ed25519, sha256};
use commonware_runtime::Clock;
use futures::StreamExt as _;
use protocol::ledger::header::Header;

use crate::block::Block;
use crate::chain::{ExecuteError, Replica, Standing};
use crate::mempool::Mempool;
use crate::setup::Scheme;

/// A block from further in the future than this waits for the local clock. It is never refused for it:
/// clocks differ, and verdicts must not.
const MAX_CLOCK_AHEAD: Duration = Duration::from_millis(500);

/// Between empty blocks while other validators wait for the epoch to end.
const HURRY: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) replica: Arc<dyn Replica>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) heartbeat: Duration,
}

impl<E: Clock> Application<E> for Ledger {
    type SigningScheme = Scheme;
    type Context = Context<sha256::Digest, ed25519::PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (clock, _): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = ancestry.next().await?;
        let parent_header = parent.inner().header;
        if !self.catch_up(parent, &mut ancestry).await {
            return None;
        }
        let proposal = self.next_block(&clock, &parent_header).await?;
        let digest = proposal.digest();
        Some(Digested::precomputed(proposal, digest))
    }

    async fn verify(&mut self, (clock, _): (E, Self::Context), mut ancestry: impl Ancestry<Block>) -> bool {
        let block = ancestry.next().await;
        let parent = ancestry.next().await;
        if let (Some(block), Some(parent)) = (block, parent)
            && self.catch_up(parent, &mut ancestry).await
        {
            let header = &block.inner().header;
            let latest = header.timestamp_ms.saturating_sub(MAX_CLOCK_AHEAD.as_millis() as u64);
            sleep_until(&clock, latest).await;
            match self.replica.execute(header, &block.inner().transactions) {
                Ok(()) => return true,
                Err(ExecuteError::Invalid(reason)) => {
                    tracing::warn!(height = header.height, reason, "refused a proposed block");
                    return false;
                }
                Err(ExecuteError::NoParent) => {}
            }
        }
        // No verdict can be given here, for instance because the height is final already. Consensus drops
        // the question when it no longer matters.
        std::future::pending().await
    }
}

impl Ledger {
    /// Makes sure the state of `block` is at hand, executing what lies between it and the last committed
    /// block. False if it cannot be.
    async fn catch_up(&self, block: Digested<Block>, ancestry: &mut impl Ancestry<Block>) -> bool {
        let mut missing = Vec::new();
        let mut next = Some(block);
        while let Some(block) = next {
            match self.replica.standing(&block.inner().header) {
                Standing::Executed => break,
                Standing::Past => return false,
                Standing::Unknown => missing.push(block),
            }
            next = ancestry.next().await;
        }
        missing
            .iter()
            .rev()
            .all(|block| self.replica.execute(&block.inner().header, &block.inner().transactions).is_ok())
    }

    /// Waits until there is something to put into a block on `parent`, or until the heartbeat is due.
    async fn next_block(&self, clock: &impl Clock, parent: &Header) -> Option<Block> {
        let mut arrivals = self.mempool.arrivals();
        let hurries = self.replica.hurries(&parent.digest());
        let heartbeat = if hurries { self.heartbeat.min(HURRY) } else { self.heartbeat };
        let heartbeat_ms = parent.timestamp_ms.saturating_add(heartbeat.as_millis() as u64);
        let taken = self.replica.taken(&parent.digest());
        loop {
            arrivals.mark_unchanged();
            let now = now_ms(clock);
            let heartbeat_due = now >= heartbeat_ms;
            let candidates = self.mempool.candidates(&taken);
            if heartbeat_due || !candidates.is_empty() {
                let time_ms = now.max(parent.timestamp_ms.checked_add(1)?);
                let proposal = self.replica.build(parent, time_ms, candidates)?;
                self.mempool.forget(&proposal.refused);
                if heartbeat_due || !proposal.transactions.is_empty() {
                    return Some(Block { header: proposal.header, transactions: proposal.transactions });
                }
            }
            tokio::select! {
                biased;
                arrived = arrivals.changed() => arrived.ok()?,
                () = sleep_until(clock, heartbeat_ms) => {}
            }
        }
    }
}

fn now_ms(clock: &impl Clock) -> u64 {
    clock.current().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

async fn sleep_until(clock: &impl Clock, time_ms: u64) {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(time_ms));
    clock.sleep_until(time.unwrap_or_else(far_future)).await;
}

/// A time no validator waits for: a block that names one never gets a vote.
fn far_future() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u32::MAX.into()) * 64
}
