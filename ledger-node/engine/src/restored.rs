//! Going on from a block, where a validator's own record of consensus is lost with the machine.
//!
//! The file `restored.json` in a validator's folder names a final block with its certificate. A validator whose state
//! machine stands at just this block, and which has no record of consensus, begins there. It is written by people who
//! know that **no** validator's record survived, or that this one's will never sign for an earlier view again: a
//! validator that forgets its votes could contradict them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::types::Finalization;
use commonware_cryptography::sha256;
use protocol::ledger::certificate;
use protocol::ledger::header::{Header, body_root};
use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::epoch::{Members, Origin, ended_with, split};
use crate::error::EngineError;
use crate::machine::{EngineRecords, FinalizedBlock, Roster};
use crate::secrets::share_name;
use crate::setup::{Genesis, Scheme, read_file, replace_file, to_json, write_file};

const FILE: &str = "restored.json";

/// Where a validator begins.
#[derive(Clone)]
pub(crate) struct Restored {
    pub(crate) block: Block,
    pub(crate) finalization: Finalization<Scheme, sha256::Digest>,
    pub(crate) origin: Origin,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoredFile {
    header: String,
    certificate: String,
    transactions: Vec<String>,
    /// What tells who is in office and what they are about to hand on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    records: BTreeMap<u64, Vec<String>>,
}

/// Writes down where the validator of `folder` begins. The block needs its own certificate.
///
/// `records` are those of all blocks up to this one: the caller has checked that they belong to its chain.
///
/// Fails when there is no certificate, or when the file is there already.
pub fn begin_at(folder: &Path, block: &FinalizedBlock, records: &EngineRecords) -> Result<(), EngineError> {
    write_file(&folder.join(FILE), &described(&Genesis::load(folder)?, block, records)?, 0o644)
}

fn described(genesis: &Genesis, block: &FinalizedBlock, records: &EngineRecords) -> Result<String, EngineError> {
    origin(genesis, block.height, records)?;
    let needed = Origin::needed(&genesis.terms(), block.height, records);
    let certificate = block.certificate.as_ref().ok_or(EngineError::InvalidGenesis("the block has no certificate"))?;
    let file = RestoredFile {
        header: hex::encode(&block.header),
        certificate: hex::encode(certificate),
        transactions: block.records.iter().chain(&block.transactions).map(hex::encode).collect(),
        records: needed.iter().map(|(at, records)| (*at, records.iter().map(hex::encode).collect())).collect(),
    };
    Ok(to_json(&file))
}

/// As [`begin_at`], in place of where the folder began before.
pub(crate) fn begin_again_at(
    folder: &Path,
    block: &FinalizedBlock,
    records: &EngineRecords,
) -> Result<(), EngineError> {
    replace_file(&folder.join(FILE), &described(&Genesis::load(folder)?, block, records)?, 0o644)
}

/// The file in a validator's folder that holds its share of the group key after a block of this height, when `records`
/// are those of all blocks up to it.
pub fn share_file(genesis: &Genesis, height: u64, records: &EngineRecords) -> Result<String, EngineError> {
    Ok(share_name(origin(genesis, height, records)?.committee().since))
}

/// The height of the block that put those in office who vote above `height`; `None` while the first validators do.
/// `records` are those of all blocks up to it.
#[must_use]
pub fn appointed_at(height: u64, records: &EngineRecords) -> Option<u64> {
    records.range(..=height).rev().find(|(_, records)| ended_with(records).is_some()).map(|(at, _)| *at)
}

/// What a body holds: the engine's records, then the transactions.
#[must_use]
pub fn split_body(mut body: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let transactions = body.split_off(split(&body).0.len());
    (body, transactions)
}

/// Whether those in office are the ones that a state names: then no handover is under way, and all there is to know of
/// them is in the block that appointed them. `appointment` are that block's records; `None` stands for the genesis.
///
/// # Errors
/// [`EngineError::StateMismatch`] when the records appoint nobody.
pub fn is_settled(genesis: &Genesis, appointment: Option<&[Vec<u8>]>, named: &Roster) -> Result<bool, EngineError> {
    let nobody = || EngineError::StateMismatch("a block that should appoint validators does not".into());
    let committee = match appointment {
        None => genesis.committee()?,
        Some(records) => ended_with(records).ok_or_else(nobody)?,
    };
    Ok(Members::new(named).is_some_and(|members| !committee.differs(&members)))
}

fn origin(genesis: &Genesis, height: u64, records: &EngineRecords) -> Result<Origin, EngineError> {
    let origin = Origin::after(Arc::new(genesis.terms()), genesis.committee()?, height, records);
    origin.map_err(EngineError::StateMismatch)
}

impl Restored {
    /// Reads and checks where the validator of `folder` begins; `None` when it begins at the genesis.
    pub(crate) fn load(folder: &Path, genesis: &Genesis) -> Result<Option<Self>, EngineError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let damaged = || EngineError::FileDamaged(path.clone());
        let file: RestoredFile = serde_json::from_slice(&read_file(&path)?).map_err(|_| damaged())?;
        let bytes = |text: &String| hex::decode(text).map_err(|_| damaged());
        let header = Header::decode(&bytes(&file.header)?).map_err(|_| damaged())?;
        let certificate = bytes(&file.certificate)?;
        let transactions = file.transactions.iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
        let final_here = certificate::verify_header(&header, &certificate, &genesis.group_key(), &genesis.network_id());
        if final_here.is_err() || header.body_root != body_root(&transactions) {
            return Err(damaged());
        }
        let decoded = Finalization::<Scheme, sha256::Digest>::decode(Copying(certificate.as_slice()));
        let finalization = decoded.map_err(|_| damaged())?;
        let mut records = EngineRecords::new();
        for (at, texts) in &file.records {
            records.insert(*at, texts.iter().map(bytes).collect::<Result<_, _>>()?);
        }
        let origin = origin(genesis, header.height, &records)?;
        // Whoever changed the file did not change the group key.
        if origin.committee().output.public().public() != genesis.committee()?.output.public().public() {
            return Err(damaged());
        }
        Ok(Some(Self { block: Block { header, transactions }, finalization, origin }))
    }
}
