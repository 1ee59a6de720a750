//! Going on from a block, where a validator's own record of consensus is lost with the machine.
//!
//! The file `restored.json` in a validator's folder names a final block with its certificate. A validator whose state
//! machine stands at just this block, and which has no record of consensus, begins there. It is written by people who
//! know that **no** validator's record survived, or that this one's will never sign for an earlier view again: a
//! validator that forgets its votes could contradict them.

use std::path::Path;

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::types::Finalization;
use commonware_cryptography::sha256;
use protocol::ledger::certificate;
use protocol::ledger::header::{Header, body_root};
use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::error::EngineError;
use crate::machine::FinalizedBlock;
use crate::setup::{Genesis, Scheme, read_file, to_json, write_file};

const FILE: &str = "restored.json";

/// Where a validator begins.
#[derive(Clone)]
pub(crate) struct Restored {
    pub(crate) block: Block,
    pub(crate) finalization: Finalization<Scheme, sha256::Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoredFile {
    header: String,
    certificate: String,
    transactions: Vec<String>,
}

/// Writes down where the validator of `folder` begins. The block needs its own certificate.
///
/// Fails when there is none, or when the file is there already.
pub fn begin_at(folder: &Path, block: &FinalizedBlock) -> Result<(), EngineError> {
    let certificate = block.certificate.as_ref().ok_or(EngineError::InvalidGenesis("the block has no certificate"))?;
    let file = RestoredFile {
        header: hex::encode(&block.header),
        certificate: hex::encode(certificate),
        transactions: block.transactions.iter().map(hex::encode).collect(),
    };
    write_file(&folder.join(FILE), &to_json(&file), 0o644)
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
        Ok(Some(Self { block: Block { header, transactions }, finalization }))
    }
}
