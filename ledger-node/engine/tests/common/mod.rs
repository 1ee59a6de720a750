//! A ledger of distinct texts, kept in one append-only file, and validators that run it.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ledger_engine::{
    BlockTime, Built, Config, Engine, FinalizedBlock, Handle, NewNetwork, Recovered, Roster, StateMachine,
    ValidatorPlace,
};
use protocol::ledger::certificate;
use protocol::ledger::header::Header;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};

/// Every text once. A transaction is a text; one that is there already is invalid.
#[derive(Clone, Default)]
pub(crate) struct Texts {
    pub(crate) all: Arc<BTreeSet<Vec<u8>>>,
    root: [u8; 32],
}

impl Texts {
    fn insert(&mut self, text: &[u8]) -> bool {
        let new = !self.all.contains(text);
        if new {
            Arc::make_mut(&mut self.all).insert(text.to_vec());
            self.root = Sha256::new().chain_update(self.root).chain_update(text).finalize().into();
        }
        new
    }
}

/// The texts' durable copy: a file of length-prefixed blocks with a checksum each.
#[derive(Clone)]
pub(crate) struct TextLedger {
    file: Arc<Mutex<File>>,
    recovered: Recovered<Texts>,
    pub(crate) committed: Arc<Mutex<Vec<FinalizedBlock>>>,
    pub(crate) disk_is_full: Arc<AtomicBool>,
    /// The power goes when the block at this height is durable, before anybody is told.
    pub(crate) dies_after: Arc<AtomicU64>,
}

impl TextLedger {
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("texts");
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        let mut blocks = Vec::new();
        let mut state = Texts::default();
        let mut whole = 0;
        while let Some(block) = read_block(&mut rest) {
            for text in &block.transactions {
                assert!(state.insert(text), "a text is committed once");
            }
            whole = bytes.len() - rest.len();
            blocks.push(block);
        }
        file.set_len(whole as u64).unwrap();
        let header = blocks.last().map(|block: &FinalizedBlock| block.header.clone());
        Self {
            file: Arc::new(Mutex::new(file)),
            recovered: Recovered { state, header },
            committed: Arc::new(Mutex::new(blocks)),
            disk_is_full: Arc::default(),
            dies_after: Arc::default(),
        }
    }

    pub(crate) fn texts(&self) -> Vec<Vec<u8>> {
        self.committed.lock().unwrap().iter().flat_map(|block| block.transactions.clone()).collect()
    }

    pub(crate) fn last_header(&self) -> Option<Header> {
        self.committed.lock().unwrap().last().map(|block| Header::decode(&block.header).unwrap())
    }
}

fn read_block(rest: &mut &[u8]) -> Option<FinalizedBlock> {
    let mut cursor = *rest;
    let body = take_field(&mut cursor)?;
    let (sum, after) = cursor.split_at_checked(32)?;
    if sum != Sha256::digest(body).as_slice() {
        return None;
    }
    *rest = after;
    let mut fields = body;
    let header = take_field(&mut fields)?.to_vec();
    let certificate = Some(take_field(&mut fields)?.to_vec()).filter(|bytes| !bytes.is_empty());
    let mut transactions = Vec::new();
    while let Some(transaction) = take_field(&mut fields) {
        transactions.push(transaction.to_vec());
    }
    let decoded = Header::decode(&header).unwrap();
    let (height, time_ms, records) = (decoded.height, decoded.timestamp_ms, Vec::new());
    Some(FinalizedBlock { height, time_ms, header, certificate, records, transactions })
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (field, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(field)
}

fn put_field(out: &mut Vec<u8>, field: &[u8]) {
    out.extend_from_slice(&(field.len() as u32).to_be_bytes());
    out.extend_from_slice(field);
}

impl StateMachine for TextLedger {
    type State = Texts;

    fn recover(&self) -> Result<Recovered<Texts>, String> {
        Ok(self.recovered.clone())
    }

    fn root(&self, state: &Texts) -> [u8; 32] {
        state.root
    }

    /// The last text of the form `validators <version> <key>@<address>,…` names them.
    fn validators(&self, state: &Texts) -> Option<Roster> {
        let named = state.all.iter().filter_map(|text| std::str::from_utf8(text).ok()?.strip_prefix("validators "));
        let rosters = named.map(|text| {
            let (version, list) = text.split_once(' ').unwrap();
            let validators = list.split(',').map(|entry| {
                let (key, address) = entry.split_once('@').unwrap();
                (hex::decode(key).unwrap().try_into().unwrap(), Some(address.parse().unwrap()))
            });
            Roster { version: version.parse().unwrap(), validators: validators.collect() }
        });
        rosters.max_by_key(|roster| roster.version)
    }

    fn admit(&self, transaction: &[u8]) -> Result<(), String> {
        if transaction.is_empty() { Err("an empty text".into()) } else { Ok(()) }
    }

    fn build(&self, parent: &Texts, _: BlockTime, candidates: Vec<Vec<u8>>) -> Built<Texts> {
        let mut built = Built { transactions: Vec::new(), refused: Vec::new(), state: parent.clone() };
        for candidate in candidates {
            let list = if built.state.insert(&candidate) { &mut built.transactions } else { &mut built.refused };
            list.push(candidate);
        }
        built
    }

    fn execute(&self, parent: &Texts, _: BlockTime, transactions: &[Vec<u8>]) -> Result<Texts, String> {
        let mut state = parent.clone();
        if transactions.iter().all(|text| state.insert(text)) { Ok(state) } else { Err("a text twice".into()) }
    }

    fn commit(&self, block: FinalizedBlock, state: &Texts) -> Result<(), String> {
        if self.disk_is_full.load(Ordering::Relaxed) {
            return Err("the disk is full".into());
        }
        let mut committed = self.committed.lock().unwrap();
        assert_eq!(block.height, committed.last().map_or(0, |last| last.height) + 1, "in order, each once");
        assert_eq!(Header::decode(&block.header).unwrap().state_root, state.root);
        let mut body = Vec::new();
        put_field(&mut body, &block.header);
        put_field(&mut body, block.certificate.as_deref().unwrap_or_default());
        block.transactions.iter().for_each(|transaction| put_field(&mut body, transaction));
        let mut record = Vec::new();
        put_field(&mut record, &body);
        record.extend_from_slice(&Sha256::digest(&body));
        let mut file = self.file.lock().unwrap();
        file.write_all(&record).and_then(|()| file.sync_data()).map_err(|error| error.to_string())?;
        let height = block.height;
        committed.push(block);
        if height == self.dies_after.load(Ordering::Relaxed) { Err("the power is gone".into()) } else { Ok(()) }
    }
}

/// A network with one folder per validator under `root`, on free loopback ports.
pub(crate) fn network(root: &Path, validators: usize) -> NewNetwork {
    let places = (0..validators)
        .map(|at| ValidatorPlace {
            folder: root.join(format!("validator-{at}")),
            address: if validators == 1 { ([127, 0, 0, 1], 0).into() } else { free_address() },
        })
        .collect();
    NewNetwork { name: "test".into(), time_ms: 1_700_000_000_000, application: b"texts".to_vec(), validators: places }
}

/// A network as [`network`] has it, made with keys that are always the same.
pub(crate) fn init(root: &Path, validators: usize) -> NewNetwork {
    let network = network(root, validators);
    ledger_engine::init(&network, &mut ChaCha20Rng::seed_from_u64(2026)).unwrap();
    network
}

pub(crate) fn config(folder: &Path) -> Config {
    Config { heartbeat: Duration::from_secs(3600), leader_timeout: Duration::from_secs(1), ..Config::new(folder) }
}

pub(crate) fn start(folder: &Path) -> (Handle, TextLedger) {
    let ledger = TextLedger::open(folder);
    (Engine::start(config(folder), ledger.clone()).unwrap(), ledger)
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until `done`, at most a minute.
pub(crate) fn wait_for(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Checks the whole chain as an outsider would: headers linked, and every certificate good for its header.
pub(crate) fn check_chain(validator: &Handle, blocks: &[FinalizedBlock]) -> usize {
    let mut certified = 0;
    let mut parent: Option<Header> = None;
    for block in blocks {
        let header = Header::decode(&block.header).unwrap();
        assert_eq!((header.height, header.timestamp_ms), (block.height, block.time_ms));
        if let Some(parent) = parent {
            header.follows(&parent).unwrap();
        }
        if let Some(bytes) = &block.certificate {
            certificate::verify_header(&header, bytes, &validator.group_key(), &validator.network_id()).unwrap();
            certified += 1;
        }
        parent = Some(header);
    }
    certified
}
