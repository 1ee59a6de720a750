//! Hands finalised blocks to the state machine in order, and tells consensus when they are durable.

use std::sync::{Arc, Mutex, PoisonError};

use commonware_actor::Feedback;
use commonware_codec::Encode as _;
use commonware_consensus::Reporter;
use commonware_consensus::marshal::core::Mailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::marshal::{Identifier, Update};
use commonware_consensus::types::Height;
use commonware_utils::Acknowledgement as _;
use commonware_utils::acknowledgement::Exact;
use protocol::ledger::header::Header;
use tokio::sync::{mpsc, watch};

use crate::block::Block;
use crate::chain::Replica;
use crate::engine::Tip;
use crate::epoch::{self, Origin};
use crate::error::EngineError;
use crate::keeper::{Committed, office_at, present};
use crate::machine::{EngineRecords, FinalizedBlock};
use crate::mempool::Mempool;
use crate::setup::Scheme;

type Marshal = Mailbox<Scheme, Standard<Block>>;

/// Takes finalised blocks from marshal.
#[derive(Clone)]
pub(crate) struct Finalized(mpsc::UnboundedSender<(Arc<Block>, Exact)>);

impl Reporter for Finalized {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(..) => Feedback::Ok,
            Update::Block(block, acknowledgement) => match self.0.send((block.inner_shared(), acknowledgement)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// How much is kept, and where it is written down.
pub(crate) struct Pruning {
    /// So many blocks, and those of their first epoch.
    pub(crate) blocks: u64,
    /// Has the node begin with this block from its next start on.
    pub(crate) save: Save,
}

type Save = Box<dyn Fn(&FinalizedBlock, &EngineRecords) -> Result<(), EngineError> + Send + Sync>;

/// Commits what [`Finalized`] takes. Marshal keeps a bounded number of blocks unacknowledged.
pub(crate) struct Committer {
    pub(crate) replica: Arc<dyn Replica>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) marshal: Marshal,
    pub(crate) tip: watch::Sender<Tip>,
    pub(crate) blocks: mpsc::UnboundedReceiver<(Arc<Block>, Exact)>,
    pub(crate) origin: Arc<Mutex<Origin>>,
    pub(crate) pruning: Option<Pruning>,
    pub(crate) seed: [u8; 32],
    pub(crate) events: mpsc::UnboundedSender<Committed>,
}

/// The two ends between marshal and the committer.
pub(crate) fn channel() -> (Finalized, mpsc::UnboundedReceiver<(Arc<Block>, Exact)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Finalized(sender), receiver)
}

impl Committer {
    /// Runs until marshal ends or the state machine fails; returns why.
    pub(crate) async fn run(mut self) -> String {
        if let Err(reason) = self.restore().await {
            return reason;
        }
        while let Some((block, acknowledgement)) = self.blocks.recv().await {
            if let Err(reason) = self.commit(&block).await {
                return reason;
            }
            self.tell();
            acknowledgement.acknowledge();
            if let Err(reason) = self.prune().await {
                return reason;
            }
        }
        "the consensus storage stopped".into()
    }

    /// At the end of an epoch: drops the epochs that are older than what is kept.
    ///
    /// What they say of those in office is written down first, so that after a crash the node begins above them.
    async fn prune(&self) -> Result<(), String> {
        let Some(pruning) = &self.pruning else { return Ok(()) };
        let (tip, origin) = (self.replica.committed().height, present(&self.origin));
        let terms = origin.office.terms.clone();
        let cut = terms.first(terms.epoch(tip.saturating_sub(pruning.blocks))).saturating_sub(1);
        if !terms.is_last(tip) || cut <= origin.height {
            return Ok(());
        }
        let at = Height::new(cut);
        let block = self.marshal.get_block(Identifier::Height(at)).await;
        let finalization = self.marshal.get_finalization(at).await;
        // The last block of an epoch is certified itself. Were it not there, a later epoch's would do.
        let (Some(block), Some(finalization)) = (block, finalization) else { return Ok(()) };
        let header = block.inner().header;
        if finalization.proposal.payload.as_ref() != header.digest() {
            return Ok(());
        }
        let office = office_at(&self.marshal, &origin, cut).await?;
        let appointed = match (&office.next, office.committee.since) {
            (Some(_), _) => Some(cut),
            (None, 0) => None,
            (None, since) => Some(terms.first(since) - 1),
        };
        let mut records = EngineRecords::new();
        if let Some(height) = appointed {
            let block = self.marshal.get_block(Identifier::Height(Height::new(height))).await;
            let own = block.map(|block| epoch::split(&block.inner().transactions).0.to_vec());
            let own = own.or_else(|| origin.records.get(&height).cloned());
            records.insert(height, own.ok_or("the block that appointed the validators is missing")?);
        }
        let (own, transactions) = epoch::split(&block.inner().transactions);
        let begin = FinalizedBlock {
            height: cut,
            time_ms: header.timestamp_ms,
            header: header.encode().to_vec(),
            certificate: Some(finalization.encode().to_vec()),
            records: own.to_vec(),
            transactions: transactions.to_vec(),
        };
        (pruning.save)(&begin, &records).map_err(|error| error.to_string())?;
        *self.origin.lock().unwrap_or_else(PoisonError::into_inner) = Origin { height: cut, office, records };
        self.replica.prune(cut)?;
        self.marshal.prune(at);
        Ok(())
    }

    /// Reads from the blocks who is in office, and says so when everything is committed that is known to be final.
    async fn restore(&self) -> Result<(), String> {
        let height = self.replica.committed().height;
        let office = office_at(&self.marshal, &present(&self.origin), height).await?;
        self.replica.restore(office, self.seed);
        self.replay().await?;
        self.tell();
        Ok(())
    }

    /// Tells the keeper of the epochs where the chain stands.
    fn tell(&self) {
        let header = self.replica.committed();
        let event = Committed { height: header.height, digest: header.digest(), office: self.replica.office() };
        // Without the keeper the validator stops anyway.
        let _ = self.events.send(event);
    }

    /// Commits the blocks that were acknowledged in an earlier run but are not in the state machine's storage,
    /// as when it was restored from a backup.
    async fn replay(&self) -> Result<(), String> {
        let Some(processed) = self.marshal.get_processed().await else { return Ok(()) };
        for height in self.replica.committed().height + 1..=processed.height().get() {
            let block = self.marshal.get_block(Identifier::Height(Height::new(height))).await;
            let block = block.ok_or_else(|| format!("block {height} is missing in the consensus storage"))?;
            self.commit(block.inner()).await?;
        }
        Ok(())
    }

    async fn commit(&self, block: &Block) -> Result<(), String> {
        let committed = self.replica.committed();
        if block.header.height < committed.height {
            return Ok(());
        }
        if block.header.height == committed.height {
            return if block.header == committed {
                self.announce(&committed).await;
                Ok(())
            } else {
                Err(format!("the ledger state has another block {} than the validators", committed.height))
            };
        }
        let certificate = self.certificate(&block.header).await;
        self.replica.commit(&block.header, &block.transactions, certificate)?;
        self.mempool.forget(&block.transactions);
        self.announce(&block.header).await;
        Ok(())
    }

    async fn announce(&self, header: &Header) {
        let certified = self.certificate(header).await.is_some();
        self.tip.send_replace(Tip {
            height: header.height,
            time_ms: header.timestamp_ms,
            digest: header.digest(),
            certified,
        });
    }

    /// The block's own certificate, if it has one.
    async fn certificate(&self, header: &Header) -> Option<Vec<u8>> {
        let finalization = self.marshal.get_finalization(Height::new(header.height)).await?;
        let own = finalization.proposal.payload.as_ref() == header.digest();
        own.then(|| finalization.encode().to_vec())
    }
}
