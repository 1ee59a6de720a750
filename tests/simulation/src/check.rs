//! What must hold after every run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ledger_engine::{BlockTime, FinalizedBlock, StateMachine};
use protocol::ledger::certificate;
use protocol::ledger::header::{Header, body_root};
use protocol::ledger::{Sender, Transaction};

use crate::world::World;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What should not have happened; empty in a good run.
    pub violations: Vec<String>,
    /// Highest block.
    pub height: u64,
    /// How long after the last storm everybody had everything, in simulated time.
    pub recovered: Option<Duration>,
    /// The same for the same run, to the byte.
    pub audit: String,
}

pub(crate) fn check(world: &World, recovered: Option<Duration>, audit: String) -> Run {
    let present = world.present();
    let heights: Vec<_> = present.iter().map(|(who, _, record)| (*who, record.height())).collect();
    if recovered.is_none() {
        world.violate(format!("liveness: heights {heights:?} long after the last storm"));
    }
    let mut chains = BTreeMap::new();
    for ((who, generation), record) in world.records.lock().unwrap().iter() {
        chains.insert((*who, *generation), record.blocks());
    }
    agreement(world, &chains);
    for ((who, generation), blocks) in &chains {
        if let Err(what) = validity(world, blocks) {
            world.violate(format!("validity: validator {who}: {what}"));
        }
        let database = world.database(*who, 0, *generation);
        if let Err(what) = recomputed(world, blocks, &database) {
            world.violate(format!("state: validator {who}: {what}"));
        }
    }
    certificates(world, &chains);
    let height = heights.iter().map(|(_, height)| *height).max().unwrap_or(0);
    Run { violations: world.violations.lock().unwrap().clone(), height, recovered, audit }
}

type Chains = BTreeMap<(usize, usize), Vec<FinalizedBlock>>;

/// No two blocks at one height.
fn agreement(world: &World, chains: &Chains) {
    let mut blocks: BTreeMap<u64, (&Vec<u8>, usize)> = BTreeMap::new();
    for ((who, _), chain) in chains {
        for block in chain {
            let (header, other) = *blocks.entry(block.height).or_insert((&block.header, *who));
            if *header != block.header {
                world.violate(format!("agreement: {other} and {who} have different blocks {}", block.height));
                break;
            }
        }
    }
}

/// Only what clients made, once, in each sender's order. Says nothing with the ledger's own rules.
fn validity(world: &World, blocks: &[FinalizedBlock]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut nonces: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for transaction in blocks.iter().flat_map(|block| &block.transactions) {
        if !world.book.is_known(transaction) {
            return Err("a transaction that no client made".into());
        }
        if !seen.insert(transaction) {
            return Err("a transaction twice".into());
        }
        let body = Transaction::decode(transaction).map_err(|error| error.to_string())?.body;
        let sender = match body.sender {
            Sender::Governance => None,
            Sender::Did { did, .. } => Some(did.to_string()),
        };
        let next = nonces.entry(sender).or_default();
        if body.nonce != *next {
            return Err(format!("nonce {} where {next} is next", body.nonce));
        }
        *next += 1;
    }
    Ok(())
}

/// The state recomputed from the genesis is that of every header, and the stored one.
fn recomputed(world: &World, blocks: &[FinalizedBlock], database: &str) -> Result<(), String> {
    let fresh = world.network.machine(&format!("{database}-again"));
    let mut state = fresh.recover()?.state;
    let genesis = &world.network.genesis;
    let mut parent = Header::genesis(genesis.network_id(), genesis.time_ms);
    for block in blocks {
        let header = Header::decode(&block.header).map_err(|error| error.to_string())?;
        header.follows(&parent).map_err(|error| format!("block {}: {error}", block.height))?;
        if header.body_root != body_root(&block.transactions) {
            return Err(format!("block {}: another body", block.height));
        }
        let at = BlockTime { height: header.height, time_ms: header.timestamp_ms };
        state = fresh.execute(&state, at, &block.transactions).map_err(|why| format!("block {}: {why}", at.height))?;
        if fresh.root(&state) != header.state_root {
            return Err(format!("block {}: another state root", block.height));
        }
        parent = header;
    }
    let stored = world.network.machine(database);
    let recovered = stored.recover()?;
    if recovered.header != blocks.last().map(|block| block.header.clone()) {
        return Err("the last stored block is not the last committed one".into());
    }
    if stored.root(&recovered.state) != fresh.root(&state) {
        return Err("the stored state is not the one that the blocks lead to".into());
    }
    Ok(())
}

/// Every certificate is good for its header, and there are some.
fn certificates(world: &World, chains: &Chains) {
    let genesis = &world.network.genesis;
    let all = chains.values().flatten().filter_map(|block| Some((&block.header, block.certificate.as_ref()?)));
    let distinct: BTreeSet<_> = all.collect();
    for (bytes, bad) in &distinct {
        let header = Header::decode(bytes).unwrap();
        let checked = certificate::verify_header(&header, bad, &genesis.group_key(), &genesis.network_id());
        if let Err(error) = checked {
            world.violate(format!("certificate of block {}: {error}", header.height));
        }
    }
    if distinct.is_empty() {
        world.violate("no block has a certificate".into());
    }
}
