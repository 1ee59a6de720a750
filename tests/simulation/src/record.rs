//! A validator's state machine, watched: what it commits is written down outside of the simulated world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_engine::{BlockTime, Built, FinalizedBlock, Recovered, StateMachine};

/// What one validator committed, over all its restarts.
#[derive(Debug, Default)]
pub(crate) struct Record {
    blocks: Mutex<Vec<FinalizedBlock>>,
}

impl Record {
    pub(crate) fn blocks(&self) -> Vec<FinalizedBlock> {
        self.blocks.lock().unwrap().clone()
    }

    pub(crate) fn height(&self) -> u64 {
        self.blocks.lock().unwrap().last().map_or(0, |block| block.height)
    }

    /// Whether it committed this transaction.
    pub(crate) fn has(&self, transaction: &[u8]) -> bool {
        self.blocks.lock().unwrap().iter().any(|block| block.transactions.iter().any(|known| known == transaction))
    }
}

/// A state machine that writes down what it commits.
pub(crate) struct Watched<M> {
    pub(crate) inner: M,
    pub(crate) record: Arc<Record>,
}

impl<M: StateMachine> StateMachine for Watched<M> {
    type State = M::State;

    fn recover(&self) -> Result<Recovered<Self::State>, String> {
        self.inner.recover()
    }

    fn root(&self, state: &Self::State) -> [u8; 32] {
        self.inner.root(state)
    }

    fn admit(&self, transaction: &[u8]) -> Result<(), String> {
        self.inner.admit(transaction)
    }

    fn build(&self, parent: &Self::State, at: BlockTime, candidates: Vec<Vec<u8>>) -> Built<Self::State> {
        self.inner.build(parent, at, candidates)
    }

    fn execute(&self, parent: &Self::State, at: BlockTime, transactions: &[Vec<u8>]) -> Result<Self::State, String> {
        self.inner.execute(parent, at, transactions)
    }

    fn commit(&self, block: FinalizedBlock, state: &Self::State) -> Result<(), String> {
        self.inner.commit(block.clone(), state)?;
        self.record.blocks.lock().unwrap().push(block);
        Ok(())
    }
}

/// A proposer without scruples: puts `loot` into every block, whatever the rules say of it, and agrees to everything.
pub(crate) struct Crooked<M> {
    pub(crate) inner: M,
    pub(crate) loot: Vec<Vec<u8>>,
}

impl<M: StateMachine> StateMachine for Crooked<M> {
    type State = M::State;

    fn recover(&self) -> Result<Recovered<Self::State>, String> {
        self.inner.recover()
    }

    fn root(&self, state: &Self::State) -> [u8; 32] {
        self.inner.root(state)
    }

    fn admit(&self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn build(&self, parent: &Self::State, at: BlockTime, candidates: Vec<Vec<u8>>) -> Built<Self::State> {
        let mut built = self.inner.build(parent, at, candidates);
        built.transactions.push(self.loot[at.height as usize % self.loot.len()].clone());
        built
    }

    fn execute(&self, parent: &Self::State, at: BlockTime, transactions: &[Vec<u8>]) -> Result<Self::State, String> {
        Ok(self.inner.execute(parent, at, transactions).unwrap_or_else(|_| parent.clone()))
    }

    fn commit(&self, block: FinalizedBlock, state: &Self::State) -> Result<(), String> {
        self.inner.commit(block, state)
    }
}

/// Whose records these are: several for one validator, if it forgot everything in between.
pub(crate) type Records = BTreeMap<(usize, usize), Arc<Record>>;
