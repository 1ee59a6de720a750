//! Bits that change on the disk, and rows that say something else: found, or proved harmless.
//!
//! 40 flips by default; `MID_FLIPS` sets another number (`cargo xtask campaign rot` takes 2,000), `MID_FLIPS_SEED` others.

use std::num::NonZeroU64;
use std::path::Path;
use std::time::{Duration, Instant};

use ledger_engine::NewNetwork;
use protocol::credential::{CredentialType, StatusList};
use protocol::crypto::keys::{Ed25519SigningKey, PublicKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::attachment::Attachment;
use protocol::ledger::{
    Accreditation, DidKey, DidRecord, Governance, GovernanceKey, Purposes, Record, Scheduled, Sender, StatusListAnchor,
    TransactionBody, TypeDefinition, Validator, ValidatorSet, Write,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::{Node, NodeConfig};

fn key(seed: u8) -> Ed25519SigningKey {
    Ed25519SigningKey::from_seed(&[seed; 32])
}

fn did(seed: u8) -> Did {
    Did::derive("kr", &key(seed).public_key().to_multicodec()).unwrap()
}

fn organisation(seed: u8) -> Record {
    let key = key(seed).public_key();
    let fragment = format!("key-{seed}");
    let key = DidKey { fragment, key, purposes: Purposes::ALL, from: 0, until: None };
    Record::Did(DidRecord { did: did(seed), keys: vec![key], deactivated: false })
}

fn licence() -> CredentialType {
    CredentialType::parse(include_bytes!("../../../specs/types/driver-licence.json")).unwrap()
}

fn accredited(until: u64) -> Record {
    let (issuer, credential_type) = (did(1), licence().id);
    Record::Accreditation(Accreditation { issuer, credential_type, from: 1, until, withdrawn: false })
}

fn list_record(list: &StatusList) -> Record {
    let (issuer, credential_type, entries) = (did(1), licence().id, StatusList::ENTRIES);
    let anchor = StatusListAnchor { issuer, credential_type, list: 0, digest: list.digest(), entries, as_of: 1 };
    Record::StatusList(anchor)
}

fn config(folder: &Path) -> NodeConfig {
    let (heartbeat, finality_limit) = (Duration::from_millis(300), Duration::from_secs(120));
    NodeConfig { heartbeat, finality_limit, ..NodeConfig::new(folder) }
}

/// A node that made one of everything: records of several versions, a scheduled change, status lists, a handover of the
/// group key. Its log is not empty.
fn lived(folder: &Path) {
    let PublicKey::Ed25519(governor) = key(100).public_key() else { unreachable!() };
    let governance = Governance { network: "kr".into(), keys: vec![GovernanceKey(governor)], threshold: 1, delay: 0 };
    let network = NewNetwork {
        name: "kr".into(),
        time_ms: 1_700_000_000_000,
        application: genesis::application(governance),
        validators: genesis::places(folder, &["127.0.0.1:0".parse().unwrap()]),
    };
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let made = ledger_engine::init_with_epochs(&network, NonZeroU64::new(16), &mut rng).unwrap();
    let node = Node::start(&config(folder)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let submit = |sender: Sender, signers: &[u8], records: Vec<Record>| {
        let version = |record: &Record| node.record(&record.state_key()).map_or(0, |envelope| envelope.version);
        let write = |record: Record| Write { previous_version: version(&record), record };
        let (network_id, nonce) = (node.anchor().network_id, node.next_nonce(&sender));
        let body = TransactionBody { network_id, sender, nonce, writes: records.into_iter().map(write).collect() };
        let signers: Vec<_> = signers.iter().map(|seed| key(*seed)).collect();
        let signers: Vec<&dyn Signer> = signers.iter().map(|key| key as &dyn Signer).collect();
        runtime.block_on(node.submit(body.signed_by(&signers).unwrap().encode())).unwrap()
    };
    // A new organisation asks for its name itself.
    let govern = |records, new: &[u8]| submit(Sender::Governance, &[&[100], new].concat(), records);
    let act = |records| submit(Sender::Did { did: did(1), fragment: "key-1".into() }, &[1], records);
    let (id, definition) = (licence().id.clone(), licence().definition());
    govern(vec![organisation(1), organisation(2), Record::CredentialType(TypeDefinition { id, definition })], &[1, 2]);
    govern(vec![accredited(9_000_000_000)], &[]);
    let soon = node.latest().time_ms / 1_000 + 2;
    govern(vec![Record::Scheduled(Scheduled::new(&accredited(8_000_000_000), 1, soon))], &[]);
    let mut list = StatusList::new();
    for entry in [3, 77] {
        list.revoke(entry).unwrap();
        let record = list_record(&list);
        act(vec![record.clone()]);
        let packed = protocol::ledger::attachment::pack(&list);
        node.put_status_list(&Attachment { anchor: record.state_key(), packed }).unwrap();
    }
    let validators = vec![Validator { key: made.validators[0], address: String::new() }];
    govern(vec![Record::Validators(ValidatorSet { validators })], &[]);
    let in_force = || node.record(&accredited(1).state_key()).is_some_and(|envelope| envelope.version == 2);
    let began = Instant::now();
    while !in_force() || node.latest().height < 36 {
        assert!(began.elapsed() < Duration::from_secs(120), "no end of the handover");
        std::thread::sleep(Duration::from_millis(50));
    }
    govern(vec![organisation(3)], &[3]);
    govern(vec![organisation(4)], &[4]);
    // As after `kill -9`: nobody who closes the database empties its log.
    let kept = Connection::open(folder.join(DATABASE)).unwrap();
    kept.query_row("SELECT count(*) FROM blocks", [], |row| row.get::<_, u64>(0)).unwrap();
    node.stop().unwrap();
    drop(node);
    for file in ["genesis.json", DATABASE, LOG] {
        std::fs::copy(folder.join(file), folder.join(format!("{file}.kept"))).unwrap();
    }
}

const LOG: &str = "ledger.sqlite-wal";

/// The files as `lived` left them, in a folder of their own.
fn copied(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["genesis.json", DATABASE, LOG] {
        std::fs::copy(from.join(format!("{file}.kept")), folder.path().join(file)).unwrap();
    }
    folder
}

/// Every row of every table.
fn everything(folder: &Path) -> Vec<Vec<Value>> {
    let sql = Connection::open(folder.join(DATABASE)).unwrap();
    let mut rows = Vec::new();
    for table in [
        "blocks",
        "transactions",
        "engine_records",
        "records",
        "history",
        "status_lists",
        "list_versions",
        "list_entries",
        "cosignatures",
    ] {
        let mut statement = sql.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = statement.column_count();
        let read = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect()).unwrap();
        let read: Vec<Vec<Value>> = read.collect::<Result<_, _>>().unwrap();
        assert!(!read.is_empty(), "{table}");
        rows.extend(read);
    }
    rows
}

/// What a node does with its files before it serves: an error, or it serves.
fn opened(folder: &Path) -> Result<Found, NodeError> {
    let genesis = Genesis::load(folder)?;
    let anchor = genesis::anchor(&genesis);
    let first = Header::genesis(anchor.network_id, genesis.time_ms);
    Ok(Store::open(&folder.join(DATABASE))?.check(&anchor, &first, Certificates::Newest)?)
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn every_flipped_bit_is_found_or_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    lived(home.path());
    let whole = copied(home.path());
    let audited = audit(whole.path()).unwrap();
    assert!(audited.executed >= Some(8) && audited.cosignatures > 30 && audited.lists == 1, "{audited:?}");
    let found = opened(whole.path()).unwrap();
    assert_eq!(
        (found.last, found.records, found.versions),
        (audited.found.last, audited.found.records, audited.found.versions)
    );
    let before = everything(whole.path());

    // After an orderly stop everything lies in the database; after `kill -9` the newest of it in the log, which hides the
    // pages below.
    let stopped = copied(home.path());
    let sql = Connection::open(stopped.path().join(DATABASE)).unwrap();
    sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(sql);
    let read = |folder: &Path, file: &str| std::fs::read(folder.join(file)).unwrap();
    let database = read(stopped.path(), DATABASE);
    let killed = [DATABASE, LOG].map(|file| read(home.path(), &format!("{file}.kept")));
    assert!(killed[1].len() > 4096, "the log holds something");

    let flips = number("MID_FLIPS", 40);
    let seed = number("MID_FLIPS_SEED", 20_261_121);
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let (mut refused, mut harmless, mut cut, mut restarted) = (0, 0, 0, 0);
    for flip in 0..flips {
        let mut files = if flip % 4 < 3 { [database.clone(), vec![]] } else { killed.clone() };
        let which = usize::from(flip % 8 == 7);
        let (at, bit) = (dice.below(files[which].len() as u64) as usize, dice.below(8));
        files[which][at] ^= 1 << bit;
        let file = [DATABASE, LOG][which];
        let flipped = format!("bit {bit} of byte {at} of {file} ({} bytes of log)", files[1].len());
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(home.path().join("genesis.json"), folder.path().join("genesis.json")).unwrap();
        std::fs::write(folder.path().join(DATABASE), &files[0]).unwrap();
        if !files[1].is_empty() {
            std::fs::write(folder.path().join(LOG), &files[1]).unwrap();
        }
        match opened(folder.path()) {
            Err(NodeError::Store(StoreError::Damaged(what))) => {
                assert!(!what.is_empty());
                refused += 1;
                assert!(audit(folder.path()).is_err(), "{flipped}: only a start finds it");
            }
            Err(other) => panic!("{flipped}: {other}"),
            Ok(now) if now.last == found.last => {
                assert!(everything(folder.path()) == before, "{flipped}: nobody noticed");
                harmless += 1;
            }
            Ok(now) => {
                // The log was cut off: the store is whole, as it was some blocks ago. Consensus has these blocks.
                assert!(file == LOG && now.last < found.last, "{flipped}: {now:?}");
                assert_eq!(now.certificates, 1);
                cut += 1;
                if restarted < flips.div_ceil(20) {
                    restarted += 1;
                    brings_back(home.path(), &files[1], &found);
                }
            }
        }
    }
    // Half of a small database is room in pages that nothing was written to; one flip in five hits what is read.
    assert!(refused >= flips / 8, "{refused} of {flips} refused: these flips hit nothing");
    println!(
        "{flips} flips: {refused} refused, {harmless} without effect, {cut} cut off the log ({restarted} restarts: all blocks \
         came back); 0 wrong answers; missed < {:.2} % at 95 %",
        300.0 / flips as f64
    );
}

/// A node with this log recovers every block from consensus.
fn brings_back(home: &Path, log: &[u8], whole: &Found) {
    std::fs::copy(home.join(format!("{DATABASE}.kept")), home.join(DATABASE)).unwrap();
    let _ = std::fs::remove_file(home.join("ledger.sqlite-shm"));
    std::fs::write(home.join(LOG), log).unwrap();
    let node = Node::start(&config(home)).unwrap();
    let began = Instant::now();
    while node.latest().height < whole.last {
        assert!(began.elapsed() < Duration::from_secs(60), "blocks are lost");
        std::thread::sleep(Duration::from_millis(20));
    }
    let again = node.block(whole.last).unwrap().unwrap();
    assert_eq!(Header::decode(&again.header).unwrap().state_root, whole.state_root);
    node.stop().unwrap();
    drop(node);
    assert!(audit(home).unwrap().found.last >= whole.last);
}

#[test]
fn what_somebody_wrote_with_good_seals_is_found() {
    let home = tempfile::tempdir().unwrap();
    lived(home.path());
    // (what, change, whether a start finds it already)
    let changes = [
        (
            "a record",
            "UPDATE records SET value = (SELECT value FROM records ORDER BY key DESC) WHERE key = (SELECT min(key) FROM records)",
            true,
        ),
        ("a record less", "DELETE FROM records WHERE key = (SELECT min(key) FROM records)", true),
        (
            "a transaction",
            "UPDATE transactions SET bytes = (SELECT bytes FROM transactions ORDER BY height LIMIT 1) WHERE height = (SELECT max(height) FROM transactions)",
            true,
        ),
        (
            "the name of a transaction",
            "UPDATE transactions SET id = zeroblob(32) WHERE height = (SELECT min(height) FROM transactions)",
            true,
        ),
        ("a transaction less", "DELETE FROM transactions WHERE height = (SELECT max(height) FROM transactions)", true),
        (
            "a transaction of no block",
            "INSERT INTO transactions VALUES (zeroblob(32), 100000, 0, zeroblob(9), zeroblob(8))",
            true,
        ),
        (
            "a record of the engine less",
            "DELETE FROM engine_records WHERE height = (SELECT max(height) FROM engine_records)",
            true,
        ),
        ("a header", "UPDATE blocks SET header = (SELECT header FROM blocks WHERE height = 1) WHERE height = 2", true),
        ("a block less", "DELETE FROM blocks WHERE height = 5", true),
        (
            "the newest certificate",
            "UPDATE blocks SET certificate = (SELECT certificate FROM blocks WHERE height = 1) WHERE height = (SELECT max(height) FROM blocks WHERE certificate IS NOT NULL)",
            true,
        ),
        (
            "an old certificate",
            "UPDATE blocks SET certificate = (SELECT certificate FROM blocks WHERE height = 1) WHERE height = 2",
            false,
        ),
        ("the newest version", "DELETE FROM history WHERE key = (SELECT min(key) FROM history)", true),
        (
            "an old version",
            "DELETE FROM history WHERE version = 1 AND key IN (SELECT key FROM history WHERE version = 2)",
            false,
        ),
        ("a version more", "INSERT INTO history SELECT key, 0, 5, value, seal FROM history LIMIT 1", false),
        ("the time of a version", "UPDATE history SET time_ms = time_ms + 1 WHERE time_ms > 0", false),
        (
            "a cosignature",
            "UPDATE cosignatures SET signature = (SELECT signature FROM cosignatures WHERE height = 1) WHERE height = 2",
            false,
        ),
        ("a cosignature of no block", "UPDATE cosignatures SET height = 100000 WHERE height = 1", false),
        ("a status list", "UPDATE status_lists SET digest = zeroblob(32)", false),
    ];
    for (what, change, at_start) in changes {
        for sealed in [false, true] {
            let folder = copied(home.path());
            let path = folder.path().join(DATABASE);
            let changed = Connection::open(&path).unwrap().execute(change, []).unwrap();
            assert!(changed > 0, "{what}");
            if sealed {
                Store::reseal(&path).unwrap();
            }
            let damaged =
                |result: Result<(), NodeError>| matches!(result, Err(NodeError::Store(StoreError::Damaged(_))));
            // Rows that are gone have no seal that could be wrong.
            let told = sealed || !what.ends_with("less");
            assert!(damaged(audit(folder.path()).map(|_| ())), "{what}: the audit finds nothing");
            if at_start || (!sealed && told && change.starts_with("UPDATE")) {
                assert!(damaged(opened(folder.path()).map(|_| ())), "{what}: the start finds nothing");
            }
        }
    }
    // Tables under another name are not taken for empty ones.
    for table in ["history", "cosignatures", "list_entries", "engine_records"] {
        let folder = copied(home.path());
        let sql = Connection::open(folder.path().join(DATABASE)).unwrap();
        sql.execute_batch(&format!("ALTER TABLE {table} RENAME TO other")).unwrap();
        assert!(matches!(opened(folder.path()), Err(NodeError::Store(StoreError::Damaged(_)))), "{table}");
    }
    // And a database from before rows were sealed is taken over.
    let folder = copied(home.path());
    let before = everything(folder.path());
    let sql = Connection::open(folder.path().join(DATABASE)).unwrap();
    for (table, ..) in crate::store::tables() {
        sql.execute_batch(&format!("ALTER TABLE {table} DROP COLUMN seal")).unwrap();
    }
    sql.pragma_update(None, "user_version", 0).unwrap();
    drop(sql);
    assert!(opened(folder.path()).is_ok());
    assert!(everything(folder.path()) == before);
    assert!(audit(folder.path()).is_ok());
}

#[test]
fn no_folder_no_audit() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(audit(folder.path()), Err(NodeError::Engine(_))));
    assert!(matches!(audit(&folder.path().join("nowhere")), Err(NodeError::Engine(_))));
}
