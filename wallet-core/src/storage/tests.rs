//! What only someone with the database key, or a fault in the middle of a change, could do.

use std::path::PathBuf;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use super::*;
use crate::pin::Pin;
use crate::secure_area::{SecureArea, SoftwareSecureArea};

const PIN: &str = "839174";

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
        let mark = Store::create(&place.path().join("wallet.db"), &key, |_| Ok(())).unwrap();
        let guard = GuardRecord { area, header };
        guard.create(&Guard { key: wrapped, tries: 0, current: mark, next: None }).unwrap();
        Self { place, guard, key }
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("wallet.db")
    }

    fn open(&self) -> Result<Store, WalletError> {
        Store::open(&self.path(), &self.key, self.guard.clone())
    }

    fn refusal(&self) -> WalletError {
        match self.open() {
            Ok(_) => panic!("was not refused"),
            Err(error) => error,
        }
    }

    /// Runs SQL as someone who has the key, whatever the version of the file.
    fn sql(&self, sql: &str) {
        database::create(&self.path(), &self.key).unwrap().execute_batch(sql).unwrap();
    }
}

fn note(store: &mut Store, value: &[u8]) -> Result<(), WalletError> {
    store.change(|transaction| write_setting(transaction, "note", value))
}

fn noted(store: &Store) -> Option<Vec<u8>> {
    read_setting(store.read(), "note").unwrap()
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
        let mut connection = database::open(&files.path(), &files.key).unwrap();
        let transaction = connection.transaction().unwrap();
        write_setting(&transaction, "note", b"new").unwrap();
        let next = database::advance(&transaction, current.generation).unwrap();
        transaction.commit().unwrap();
        next
    };
    let after = std::fs::read(files.path()).unwrap();
    let remember = |current, next| {
        files.guard.update(|guard| {
            (guard.current, guard.next) = (current, next);
            Ok(())
        })
    };
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
        remember(current, next).unwrap();
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
    let mut twin = Store::open(&copy, &files.key, files.guard.clone()).unwrap();
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
            transaction.execute("INSERT INTO credential VALUES (x'01', x'aa'), (x'02', x'bb')", [])?;
            Ok(())
        })
        .unwrap();
    drop(store);
    drop(files.open().unwrap());
    let kept = std::fs::read(files.path()).unwrap();
    for edit in [
        "UPDATE credential SET content = CASE id WHEN x'01' THEN x'bb' ELSE x'aa' END",
        "UPDATE credential SET content = x'ab' WHERE id = x'01'",
        "DELETE FROM credential WHERE id = x'02'",
        "INSERT INTO credential VALUES (x'03', x'cc')",
        "INSERT INTO status_token VALUES (x'01', 9, NULL)",
        "DELETE FROM setting WHERE name = 'generation'",
        "UPDATE setting SET value = x'00' WHERE name = 'generation'",
        "DROP TABLE status_token",
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
    files.sql("PRAGMA user_version = 2");
    let kept = std::fs::read(files.path()).unwrap();
    assert_eq!(files.refusal(), WalletError::StorageVersionUnsupported);
    assert_eq!(std::fs::read(files.path()).unwrap(), kept);
    files.sql("PRAGMA user_version = 1");
    drop(files.open().unwrap());
}

#[test]
fn g12_a_newer_header_is_left_alone_when_it_is_genuine() {
    let files = Files::new();
    let path = files.place.path().join("wallet.head");
    let mut newer = files.guard.header.encode();
    newer[4] = 2;
    std::fs::write(&path, &newer).unwrap();
    let header = Header::read(&path).unwrap().unwrap();
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
    let mut store = files.open().unwrap();
    note(&mut store, b"kept").unwrap();
    let pages: i64 = store.read().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit: i64 = store.read().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0)).unwrap();
    assert_eq!(limit, pages);
    assert_eq!(note(&mut store, &[1; 20_000]), Err(WalletError::StorageFull));
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
