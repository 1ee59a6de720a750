//! One file that all nodes can be made anew from, and the way back from it.
//!
//! A backup is everything the ledger has made final, as one node holds it: blocks with their certificates,
//! transactions, records and their versions, status lists, and the genesis. **It holds no key.** Each validator's keys are
//! kept by who runs it, apart from this (`docs/howtos/restore-the-ledger.md`).
//!
//! [`make`] works beside a running node. [`examine`] believes nothing: it executes every transaction again from the
//! genesis and compares each block's state root. [`restore`] puts an examined backup into a folder that has keys.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_engine::{BlockTime, EngineError, EngineRecords, FinalizedBlock, Genesis, StateMachine as _};
use protocol::ledger::header::body_root;
use protocol::ledger::{Header, TrustAnchor};
use rusqlite::{Connection, OpenFlags};

use crate::genesis::{self, GenesisError};
use crate::machine::{Machine, Shared};
use crate::node::DATABASE;
use crate::store::{Store, StoreError};

/// The files of a validator's folder that only its operator has, beside the share of the group key.
const KEYS: [&str; 2] = ["node.key", "node.json"];
const GENESIS: &str = "genesis.json";
/// How often, and how long after one another, a moment is looked for at which the newest block is certified.
const MOMENTS: u32 = 20;
const MOMENT: std::time::Duration = std::time::Duration::from_millis(250);

/// Why there is no backup, or nothing can be restored from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The genesis is unusable.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The consensus folder is unusable.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// There is something in the way that would be lost.
    #[error("{0} is there already; choose another place")]
    InTheWay(PathBuf),
    /// The file is not a backup.
    #[error("this is not a backup of a ledger node; choose another file")]
    NotABackup,
    /// The blocks do not lead from the genesis to the records.
    #[error("block {0} is not what the transactions before it lead to; use another backup")]
    Inconsistent(u64),
    /// The node began with a snapshot.
    #[error("this node's blocks begin at {0}; make backups of one that keeps all of them")]
    NotFromTheBeginning(u64),
    /// No block is certified, so that nothing could go on from it.
    #[error("no block of the backup has a certificate; make the backup later")]
    NothingCertified,
    /// The folder has no keys.
    #[error("{0} is missing: put the validator's own key files there first")]
    KeysMissing(PathBuf),
    /// The folder belongs to another network.
    #[error("the folder's genesis is another network's; use the keys of this one")]
    OtherNetwork,
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The network it is of.
    pub anchor: TrustAnchor,
    /// The last block, as of which everything can be restored.
    pub height: u64,
    /// Time of that block, Unix milliseconds.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: [u8; 32],
    /// Transactions executed again.
    pub transactions: u64,
}

/// Writes a backup of the node in `folder` to `file`, whether the node runs or not.
///
/// The file is whole or not there: it is written under another name first.
///
/// # Errors
/// [`BackupError::InTheWay`], [`BackupError::Store`], [`BackupError::Genesis`], [`BackupError::Io`]
pub fn make(folder: &Path, file: &Path) -> Result<(), BackupError> {
    if file.exists() {
        return Err(BackupError::InTheWay(file.to_owned()));
    }
    let genesis = read(&folder.join(GENESIS))?;
    let new = file.with_extension("new");
    if new.exists() {
        fs::remove_file(&new).map_err(|error| BackupError::Io(new.clone(), error))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(folder.join(DATABASE), flags)?;
    database.busy_timeout(std::time::Duration::from_secs(30))?;
    let mut tries = 0;
    let copy = loop {
        // One read transaction: what it copies is one moment of the ledger.
        database.execute("VACUUM INTO ?1", [new.to_string_lossy()])?;
        let copy = Connection::open(&new)?;
        let newest = "SELECT certificate IS NOT NULL FROM blocks ORDER BY height DESC LIMIT 1";
        if copy.query_row(newest, [], |row| row.get(0)).unwrap_or(false) {
            break copy;
        }
        // A block that became final through its descendant: that one is stored next.
        tries += 1;
        drop(copy);
        fs::remove_file(&new).map_err(|error| BackupError::Io(new.clone(), error))?;
        if tries == MOMENTS {
            return Err(BackupError::NothingCertified);
        }
        std::thread::sleep(MOMENT);
    };
    copy.execute_batch("CREATE TABLE backup (genesis BLOB NOT NULL) STRICT")?;
    copy.execute("INSERT INTO backup (genesis) VALUES (?1)", [&genesis])?;
    drop(copy);
    let synced = fs::File::open(&new).and_then(|copy| copy.sync_all()).and_then(|()| fs::rename(&new, file));
    synced.map_err(|error| BackupError::Io(file.to_owned(), error))
}

/// Executes everything in a backup again and says what it holds. Nothing of the file is changed.
///
/// # Errors
/// [`BackupError`]
pub fn examine(file: &Path) -> Result<Contents, BackupError> {
    Ok(examined(file)?.contents)
}

struct Examined {
    contents: Contents,
    last: FinalizedBlock,
    records: EngineRecords,
    /// The file of each validator's share.
    share: String,
    genesis: Vec<u8>,
}

fn examined(file: &Path) -> Result<Examined, BackupError> {
    let bytes = genesis_of(file)?;
    // On a copy: opening a store brings its tables up to date.
    let place = Scratch::beside(file)?;
    fs::write(place.0.join(GENESIS), &bytes).map_err(|error| BackupError::Io(place.0.clone(), error))?;
    let path = place.0.join(DATABASE);
    fs::copy(file, &path).map_err(|error| BackupError::Io(file.to_owned(), error))?;
    let genesis = Genesis::load(&place.0)?;
    let anchor = genesis::anchor(&genesis);
    let store = Store::open(&path)?;
    match store.first()? {
        0 | 1 => {}
        first => return Err(BackupError::NotFromTheBeginning(first)),
    }
    let (_, kept) = store.last()?.ok_or(BackupError::NothingCertified)?;
    let machine =
        Machine(Shared::watching(anchor.network_id, genesis::state(&genesis)?, genesis.time_ms, store)?.into());
    let store = &machine.0.store;

    let mut records = store.engine_records()?;
    let mut state = genesis::state(&genesis)?;
    let mut parent = Header::genesis(anchor.network_id, genesis.time_ms);
    let (mut transactions, mut last) = (0, None);
    for height in 1.. {
        let wrong = BackupError::Inconsistent(height);
        let Some(block) = store.block(height)? else { break };
        let header = Header::decode(&block.header).map_err(|_| BackupError::Inconsistent(height))?;
        let transactions_here = store.transactions(height)?;
        let own = records.get(&height).cloned().unwrap_or_default();
        let body = [own.as_slice(), transactions_here.as_slice()].concat();
        let follows = header.height == height
            && header.network_id == anchor.network_id
            && header.parent == parent.digest()
            && header.body_root == body_root(&body);
        let at = BlockTime { height, time_ms: header.timestamp_ms };
        let next = machine.execute(&state, at, &transactions_here).map_err(|_| BackupError::Inconsistent(height))?;
        if !follows || next.root() != header.state_root {
            return Err(wrong);
        }
        if let Some(certificate) = &block.certificate {
            anchor.certified_header(&block.header, certificate).map_err(|_| BackupError::Inconsistent(height))?;
        }
        transactions += transactions_here.len() as u64;
        let time_ms = header.timestamp_ms;
        last = Some(FinalizedBlock {
            height,
            time_ms,
            header: block.header,
            certificate: block.certificate,
            records: own,
            transactions: transactions_here,
        });
        (state, parent) = (next, header);
    }
    let last = last.filter(|last| last.certificate.is_some()).ok_or(BackupError::NothingCertified)?;
    if kept.root() != state.root() {
        return Err(BackupError::Inconsistent(last.height));
    }
    let (height, time_ms, state_root) = (last.height, last.time_ms, state.root());
    // Of blocks that are not there, nothing is known.
    records.retain(|of, _| *of <= height);
    let share = ledger_engine::share_file(&genesis, height, &records)?;
    let contents = Contents { anchor, height, time_ms, state_root, transactions };
    Ok(Examined { contents, last, records, share, genesis: bytes })
}

/// Makes the node in `folder`, which holds its operator's key files, stand where the backup stands.
///
/// Only when **no** validator's record of consensus survived: whoever forgets its votes could contradict them. A single
/// lost node joins anew from its peers instead.
///
/// # Errors
/// [`BackupError`]; then nothing was put into the folder.
pub fn restore(file: &Path, folder: &Path) -> Result<Contents, BackupError> {
    for name in KEYS {
        if !folder.join(name).is_file() {
            return Err(BackupError::KeysMissing(folder.join(name)));
        }
    }
    for name in [DATABASE, "consensus", "restored.json"] {
        if folder.join(name).exists() {
            return Err(BackupError::InTheWay(folder.join(name)));
        }
    }
    let Examined { contents, last, records, share, genesis } = examined(file)?;
    if !folder.join(&share).is_file() {
        return Err(BackupError::KeysMissing(folder.join(share)));
    }
    let own = folder.join(GENESIS);
    if own.exists() {
        if Genesis::load(folder)?.network_id() != contents.anchor.network_id {
            return Err(BackupError::OtherNetwork);
        }
    } else {
        fs::write(&own, &genesis).map_err(|error| BackupError::Io(own.clone(), error))?;
    }
    let database = folder.join(DATABASE);
    let source = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.execute("VACUUM INTO ?1", [database.to_string_lossy()])?;
    Connection::open(&database)?.execute_batch("DROP TABLE backup")?;
    // Last: without it the node does not start.
    ledger_engine::begin_at(folder, &last, &records)?;
    Ok(contents)
}

fn read(path: &Path) -> Result<Vec<u8>, BackupError> {
    fs::read(path).map_err(|error| BackupError::Io(path.to_owned(), error))
}

fn genesis_of(file: &Path) -> Result<Vec<u8>, BackupError> {
    if !file.is_file() {
        return Err(BackupError::Io(file.to_owned(), std::io::ErrorKind::NotFound.into()));
    }
    let source = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.query_row("SELECT genesis FROM backup", [], |row| row.get(0)).map_err(|_| BackupError::NotABackup)
}

/// A folder for the time of an examination, beside the file: where that fits, a copy of it does.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(file: &Path) -> Result<Self, BackupError> {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.examined", std::process::id()));
        let folder = file.with_file_name(name);
        fs::create_dir(&folder).map_err(|error| BackupError::Io(folder.clone(), error))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover holds nothing secret.
        let _ = fs::remove_dir_all(&self.0);
    }
}
