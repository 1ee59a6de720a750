//! What only someone with the database key, or a fault in the middle of a change, could do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use rusqlite::OpenFlags;
use zeroize::Zeroizing;

use super::sqlcipher::SqlCipher;
use super::*;
use crate::pin::Pin;
use crate::secure_area::{SecureArea, SoftwareSecureArea};

const PIN: &str = "839174";

/// Records in memory: what tests of single parts need of a store.
#[derive(Default)]
pub(crate) struct Unprotected(BTreeMap<(Table, Vec<u8>), Zeroizing<Vec<u8>>>);

impl Records for Unprotected {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError> {
        self.0.iter().filter(|((of, _), _)| *of == table).try_for_each(|((_, key), value)| visit(key, value))
    }

    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError> {
        Ok(self.0.keys().filter(|(of, key)| *of == table && key.starts_with(prefix)).count())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), WalletError> {
        for Change { table, key, value } in changes {
            match value.clone() {
                Some(value) => self.0.insert((*table, key.clone()), value),
                None => self.0.remove(&(*table, key.clone())),
            };
        }
        Ok(())
    }
}

#[test]
fn a_transaction_reads_what_it_changes() {
    let mut records: Box<dyn Records> = Box::new(Unprotected::default());
    let all = |view: &dyn View| {
        let mut all = Vec::new();
        view.scan(Table::Credential, &mut |key, value| {
            all.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .unwrap();
        all
    };
    let mut random = 1u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) as u8
    };
    for _ in 0..200 {
        let mut transaction = Transaction::new(records.as_ref());
        for _ in 0..next() % 8 {
            let key = [next() % 16];
            match next() % 3 {
                0 => transaction.remove(Table::Credential, &key),
                _ => transaction.put(Table::Credential, &key, &[next()]),
            }
            transaction.put(Table::Issuance, &key, &[next()]);
        }
        let (before, digest) = (all(&transaction), transaction::digest(&transaction).unwrap());
        assert_eq!(transaction.count(Table::Credential, &[]).unwrap(), before.len());
        assert!(
            before
                .iter()
                .all(|(key, value)| { transaction.get(Table::Credential, key).unwrap().unwrap().as_slice() == value })
        );
        let changes = transaction.into_changes();
        records.commit(&changes).unwrap();
        assert_eq!(all(&records), before);
        assert_eq!(transaction::digest(&records).unwrap(), digest);
    }
    assert!(!all(&records).is_empty());
}

struct Files {
    place: TempDir,
    guard: GuardRecord,
    key: DatabaseKey,
}

impl Files {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let place = tempfile::tempdir().unwrap();
        let area = Arc::new(SoftwareSecureArea::open_or_create(&place.path().join("phone"), &mut rng).unwrap());
        let header = Header::new([7; 16], area.device_id().unwrap());
        let key = DatabaseKey::generate(&mut rng);
        let pin = Pin::read(PIN).unwrap();
        let wrapped =
            WrappedKey::wrap(&key, &pin, KdfParameters::FLOOR, &header.encode(), area.as_ref(), &mut rng).unwrap();
        let database = SqlCipher::create(&place.path().join("wallet.db"), &key).unwrap();
        let mark = Store::create(Box::new(database), |_| {}).unwrap();
        let guard = GuardRecord { area, header };
        guard.create(&Guard { key: wrapped, tries: 0, current: mark, next: None }).unwrap();
        Self { place, guard, key }
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("wallet.db")
    }

    fn open(&self) -> Result<Store, WalletError> {
        Store::open(Box::new(SqlCipher::open(&self.path(), &self.key)?), self.guard.clone())
    }

    fn refusal(&self) -> WalletError {
        match self.open() {
            Ok(_) => panic!("was not refused"),
            Err(error) => error,
        }
    }

    /// Makes the secure area remember these states.
    fn remember(&self, current: StateMark, next: Option<StateMark>) {
        self.guard
            .update(|guard| {
                (guard.current, guard.next) = (current, next);
                Ok(())
            })
            .unwrap();
    }

    /// Runs SQL as someone who has the key, whatever the version of the file.
    fn sql(&self, sql: &str) {
        let connection = sqlcipher::connect(&self.path(), &self.key, OpenFlags::empty()).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

fn note(store: &mut Store, value: &[u8]) -> Result<(), WalletError> {
    store.change(|transaction| {
        transaction.set("note", value);
        Ok(())
    })
}

fn noted(store: &Store) -> Option<Vec<u8>> {
    store.read().setting("note").unwrap().map(|value| value.to_vec())
}

#[test]
fn changes_stay() {
    let files = Files::new();
    let mut store = files.open().unwrap();
    note(&mut store, b"one").unwrap();
    note(&mut store, b"two").unwrap();
    drop(store);
    let store = files.open().unwrap();
    assert_eq!(noted(&store).as_deref(), Some(b"two".as_slice()));
    assert_eq!(store.mark.generation, 3);
}

/// A crash after each of the four steps of a change: the wallet opens, with the old state or the new one,
/// and nothing that was acknowledged is missing.
#[test]
fn wfile_06_each_step_may_be_the_last() {
    let files = Files::new();
    let mut store = files.open().unwrap();
    note(&mut store, b"old").unwrap();
    drop(store);
    let before = std::fs::read(files.path()).unwrap();
    let current = files.guard.read().unwrap().current;
    let next = {
        let mut records = SqlCipher::open(&files.path(), &files.key).unwrap();
        let mut transaction = Transaction::new(&records);
        transaction.set("note", b"new");
        let next = transaction.advance(current.generation).unwrap();
        let changes = transaction.into_changes();
        records.commit(&changes).unwrap();
        next
    };
    let after = std::fs::read(files.path()).unwrap();
    for (step, content, current, next, expected) in [
        ("1: prepared", &before, current, None, Ok(b"old")),
        ("2: noted", &before, current, Some(next), Ok(b"old")),
        ("3: committed", &after, current, Some(next), Ok(b"new")),
        ("4: acknowledged", &after, next, None, Ok(b"new")),
        // Not a crash: without step 2 nobody knows this state; after step 4 the old one is too old.
        ("committed unnoted", &after, current, None, Err(WalletError::StorageTampered)),
        ("rolled back", &before, next, None, Err(WalletError::RollbackDetected)),
    ] {
        std::fs::write(files.path(), content).unwrap();
        files.remember(current, next);
        match expected {
            Err(refused) => assert_eq!(files.refusal(), refused, "{step}"),
            Ok(value) => {
                let mut store = files.open().unwrap();
                assert_eq!(noted(&store).as_deref(), Some(value.as_slice()), "{step}");
                // Going on from here works, and leaves nothing half done.
                note(&mut store, b"later").unwrap();
                drop(store);
                assert_eq!(files.guard.read().unwrap().next, None);
                assert_eq!(noted(&files.open().unwrap()).as_deref(), Some(b"later".as_slice()), "{step}");
            }
        }
    }
}

#[test]
fn a_copy_that_goes_on_stops_the_original() {
    let files = Files::new();
    let mut store = files.open().unwrap();
    note(&mut store, b"one").unwrap();
    // Someone who has the key goes on with a copy of the file, on the same phone.
    let copy = files.place.path().join("copy.db");
    std::fs::copy(files.path(), &copy).unwrap();
    let copied = SqlCipher::open(&copy, &files.key).unwrap();
    let mut twin = Store::open(Box::new(copied), files.guard.clone()).unwrap();
    note(&mut twin, b"fork").unwrap();
    assert_eq!(note(&mut store, b"two"), Err(WalletError::RollbackDetected));
    assert_eq!(noted(&store).as_deref(), Some(b"one".as_slice()), "nothing was changed");
}

#[test]
fn g10_rows_that_were_edited_or_swapped_are_noticed() {
    let files = Files::new();
    let mut store = files.open().unwrap();
    store
        .change(|transaction| {
            transaction.put(Table::Credential, &[1], &[0xaa]);
            transaction.put(Table::Credential, &[2], &[0xbb]);
            Ok(())
        })
        .unwrap();
    drop(store);
    drop(files.open().unwrap());
    let kept = std::fs::read(files.path()).unwrap();
    for edit in [
        "UPDATE record SET value = CASE key WHEN x'01' THEN x'bb' ELSE x'aa' END WHERE name = 'credential'",
        "UPDATE record SET value = x'ab' WHERE name = 'credential' AND key = x'01'",
        "UPDATE record SET name = 'issuance' WHERE name = 'credential' AND key = x'01'",
        "DELETE FROM record WHERE name = 'credential' AND key = x'02'",
        "INSERT INTO record VALUES ('credential', x'03', x'cc')",
        "INSERT INTO record VALUES ('status_token', x'01', x'00000009')",
        "DELETE FROM record WHERE key = CAST('generation' AS BLOB)",
        "UPDATE record SET value = x'00' WHERE key = CAST('generation' AS BLOB)",
        "DROP TABLE record",
    ] {
        files.sql(edit);
        assert!(
            matches!(files.refusal(), WalletError::StorageTampered | WalletError::StorageUnavailable),
            "{edit}: {:?}",
            files.refusal()
        );
        std::fs::write(files.path(), &kept).unwrap();
    }
    drop(files.open().unwrap());
}

/// Each page carries its own authentication, and an older version of the same page carries a valid one.
#[test]
fn g10_one_older_page_among_newer_ones_is_noticed() {
    let files = Files::new();
    let mut store = files.open().unwrap();
    note(&mut store, &[1; 30_000]).unwrap();
    drop(store);
    let older = std::fs::read(files.path()).unwrap();
    let mut store = files.open().unwrap();
    note(&mut store, &[2; 30_000]).unwrap();
    drop(store);
    let newer = std::fs::read(files.path()).unwrap();
    assert_eq!(older.len(), newer.len());
    let mut replaced = 0;
    for (page, (old, new)) in older.chunks(4_096).zip(newer.chunks(4_096)).enumerate() {
        if old == new {
            continue;
        }
        let mut mixed = newer.clone();
        mixed[page * 4_096..][..4_096].copy_from_slice(old);
        std::fs::write(files.path(), mixed).unwrap();
        match files.open() {
            Err(WalletError::StorageTampered | WalletError::RollbackDetected) => replaced += 1,
            Err(other) => panic!("page {page}: {other:?}"),
            // A page that nothing refers to any more changes nothing.
            Ok(store) => assert_eq!(noted(&store).as_deref(), Some([2; 30_000].as_slice()), "page {page}"),
        }
    }
    assert!(replaced >= 7, "{replaced}");
    std::fs::write(files.path(), newer).unwrap();
    drop(files.open().unwrap());
}

#[test]
fn g12_a_newer_schema_is_left_alone() {
    let files = Files::new();
    files.sql("PRAGMA user_version = 3");
    let kept = std::fs::read(files.path()).unwrap();
    assert_eq!(files.refusal(), WalletError::StorageVersionUnsupported);
    assert_eq!(std::fs::read(files.path()).unwrap(), kept);
    files.sql("PRAGMA user_version = 2");
    drop(files.open().unwrap());
}

#[test]
fn g12_a_newer_header_is_left_alone_when_it_is_genuine() {
    let files = Files::new();
    let path = files.place.path().join("wallet.head");
    let mut newer = files.guard.header.encode();
    newer[4] = 2;
    std::fs::write(&path, &newer).unwrap();
    let header = Header::decode(&std::fs::read(&path).unwrap()).unwrap();
    let guard = GuardRecord { area: Arc::clone(&files.guard.area), header };
    // The secure area knows the wallet by its old header: someone else changed the file.
    assert_eq!(guard.read().err(), Some(WalletError::StorageTampered));
    let name = format!("wallet-{}", hex::encode([7; 16]));
    guard.area.replace_record(&name, 1, &newer).unwrap();
    assert_eq!(guard.read().err(), Some(WalletError::StorageVersionUnsupported));
}

#[test]
fn g19_g20_work_factors_out_of_bounds_are_not_tried() {
    for (kdf, expected) in [
        ([19 * 1_024, 1, 1], WalletError::KdfBelowFloor),
        ([8, 2, 1], WalletError::KdfBelowFloor),
        ([64 * 1_024 * 1_024, 2, 1], WalletError::KdfAboveCap),
        ([19 * 1_024, u32::MAX, 1], WalletError::KdfAboveCap),
    ] {
        let files = Files::new();
        files
            .guard
            .update(|guard| {
                guard.key = guard.key.with_work_factor(kdf);
                Ok(())
            })
            .unwrap();
        let begin = std::time::Instant::now();
        assert_eq!(files.guard.read().err(), Some(expected), "{kdf:?}");
        assert!(begin.elapsed().as_millis() <= 10);
    }
}

#[test]
fn a_changed_work_factor_opens_nothing() {
    let files = Files::new();
    let (pin, header, area) = (Pin::read(PIN).unwrap(), files.guard.header.encode(), files.guard.area.as_ref());
    let key = files.guard.read().unwrap().key;
    assert!(key.open(&pin, &header, area).unwrap().is_some());
    assert!(key.with_work_factor([19 * 1_024, 3, 1]).open(&pin, &header, area).unwrap().is_none());
    assert!(key.open(&Pin::read("502618").unwrap(), &header, area).unwrap().is_none());
    // Nor does the record of another wallet.
    assert_eq!(key.open(&pin, b"other", area).err(), Some(WalletError::StorageTampered));
}

#[test]
fn g22_a_full_disk_leaves_the_previous_state() {
    let files = Files::new();
    note(&mut files.open().unwrap(), b"kept").unwrap();
    let database = SqlCipher::open(&files.path(), &files.key).unwrap();
    let ask = |pragma: &str| -> i64 { database.connection.query_row(pragma, [], |row| row.get(0)).unwrap() };
    let pages = ask("PRAGMA page_count");
    assert_eq!(ask(&format!("PRAGMA max_page_count = {pages}")), pages);
    let mut store = Store::open(Box::new(database), files.guard.clone()).unwrap();
    assert_eq!(note(&mut store, &[1; 20_000]), Err(WalletError::StorageFull));
    assert!(!store.uncertain());
    assert_eq!(noted(&store).as_deref(), Some(b"kept".as_slice()));
    note(&mut store, b"again").unwrap();
    drop(store);
    assert_eq!(noted(&files.open().unwrap()).as_deref(), Some(b"again".as_slice()));
}

#[test]
fn full_disks_are_named_wherever_they_show() {
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert_eq!(WalletError::from(full()), WalletError::StorageFull);
    assert_eq!(WalletError::from(crate::secure_area::SecureAreaError::StorageFull), WalletError::StorageFull);
}

#[test]
fn g26_keys_print_nothing() {
    let files = Files::new();
    assert_eq!(format!("{:?}", files.key), "DatabaseKey([redacted])");
}

/// A file as version 1 left it: tables of its own for each kind of record, and another hash noted.
fn version_1() -> (Files, Vec<u8>) {
    let files = Files::new();
    files.sql("DROP TABLE record; PRAGMA user_version = 1");
    files.sql(version1::TABLES);
    files.sql(
        "INSERT INTO setting VALUES ('generation', x'0000000000000007'), ('note', x'6f6c64');
         INSERT INTO credential VALUES (x'01', x'aa'), (x'02', x'bb');
         INSERT INTO issuance VALUES (x'03', x'cc');
         INSERT INTO status_token VALUES (x'01', 9, NULL), (x'02', 258, x'dd');
         INSERT INTO activity VALUES (1, x'e1', x'00'), (2, x'e2', x'00');
         INSERT INTO trust VALUES (0, x'ff');
         INSERT INTO day_signatures VALUES (x'0a', 0, x'd0'), (x'0a', 1024, x'd1');",
    );
    let connection = sqlcipher::connect(&files.path(), &files.key, OpenFlags::empty()).unwrap();
    let mark = StateMark { generation: 7, digest: version1::digest(&connection).unwrap() };
    drop(connection);
    files.remember(mark, None);
    let content = std::fs::read(files.path()).unwrap();
    (files, content)
}

#[test]
fn wfile_14_a_file_of_version_1_is_taken_over_whole() {
    let (files, _) = version_1();
    for _ in 0..2 {
        let store = files.open().unwrap();
        assert_eq!(store.mark.generation, 8, "converting is one change, and done once");
        let get = |table, key: &[u8]| store.read().get(table, key).unwrap().map(|value| hex::encode(&*value));
        for (table, key, expected) in [
            (Table::Setting, b"note".as_slice(), "6f6c64"),
            (Table::Credential, &[1], "aa"),
            (Table::Credential, &[2], "bb"),
            (Table::Issuance, &[3], "cc"),
            (Table::StatusToken, &[1], "00000009"),
            (Table::StatusToken, &[2], "00000102dd"),
            (Table::Activity, &[0, 0, 0, 0, 0, 0, 0, 1], "e1"),
            (Table::Activity, &[0, 0, 0, 0, 0, 0, 0, 2], "e2"),
            (Table::Trust, &[], "ff"),
            (Table::DaySignatures, &[0x0a, 0, 0], "d0"),
            (Table::DaySignatures, &[0x0a, 4, 0], "d1"),
        ] {
            assert_eq!(get(table, key).as_deref(), Some(expected), "{table:?}");
        }
        let counts = Table::ALL.map(|table| store.read().count(table, &[]).unwrap());
        assert_eq!(counts, [2, 2, 1, 0, 0, 2, 2, 1, 2]);
    }
}

#[test]
fn wfile_14_a_file_of_version_1_is_checked_before_it_is_changed() {
    let (files, content) = version_1();
    let mark = files.guard.read().unwrap().current;
    // A crash in the middle of converting leaves what was there.
    drop(SqlCipher::open(&files.path(), &files.key).unwrap());
    assert_eq!(std::fs::read(files.path()).unwrap(), content);
    for (edit, refused) in [
        ("DELETE FROM credential WHERE id = x'02'", WalletError::StorageTampered),
        ("UPDATE status_token SET epoch = 10", WalletError::StorageTampered),
        ("UPDATE status_token SET epoch = -1", WalletError::StorageTampered),
        ("UPDATE setting SET value = x'0000000000000006' WHERE name = 'generation'", WalletError::RollbackDetected),
    ] {
        files.sql(edit);
        let edited = std::fs::read(files.path()).unwrap();
        assert_eq!(files.refusal(), refused, "{edit}");
        assert_eq!(std::fs::read(files.path()).unwrap(), edited, "{edit}");
        assert_eq!(files.guard.read().unwrap().current, mark);
        std::fs::write(files.path(), &content).unwrap();
    }
    // After the last step but one the file is the new one, and the secure area knows it as the next.
    drop(files.open().unwrap());
    let new = files.guard.read().unwrap().current;
    files.remember(mark, Some(new));
    assert_eq!(files.open().unwrap().mark, new);
}
