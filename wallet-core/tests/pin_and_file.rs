//! The wallet file and its PIN against whoever has the phone or a copy of the file (rows of section G).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{NOW, PIN, World, refusal, set_up};
use wallet_core::{KdfParameters, PersonalNumbers, SecureArea, Wallet, WalletError};

const WRONG: &str = "502618";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn open(world: &mut World) -> Result<Wallet, WalletError> {
    let area = world.area();
    Wallet::open(&world.directory(), area)
}

fn unlock(world: &mut World) -> Result<Wallet, WalletError> {
    let wallet = open(world)?;
    wallet.unlock(PIN, NOW)?;
    Ok(wallet)
}

#[test]
fn a_wallet_is_set_up_once_and_opens_with_its_pin() {
    let mut world = World::new();
    assert_eq!(refusal(open(&mut world)), WalletError::NoWallet);
    let area = world.area();
    drop(world.empty_wallet(Arc::clone(&area)).unwrap());
    assert_eq!(refusal(world.empty_wallet(area)), WalletError::WalletExists);
    let wallet = open(&mut world).unwrap();
    assert_eq!(refusal(wallet.credentials(NOW)), WalletError::Locked);
    wallet.unlock(PIN, NOW).unwrap();
    assert_eq!(wallet.credentials(NOW), Ok(vec![]));
    wallet.erase().unwrap();
    assert_eq!(refusal(open(&mut world)), WalletError::NoWallet);
}

#[test]
fn g01_a_deleted_pin_record_opens_nothing() {
    let mut world = World::new();
    drop(world.wallet());
    let phone = world.place.path().join("phone");
    let record =
        fs::read_dir(&phone).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "record"));
    let record = record.unwrap();
    let kept = fs::read(&record).unwrap();
    fs::remove_file(&record).unwrap();
    assert_eq!(refusal(open(&mut world)), WalletError::StorageTampered);
    // Every changed byte of the record is noticed as well.
    for at in (0..kept.len()).step_by(7) {
        let mut changed = kept.clone();
        changed[at] ^= 1;
        fs::write(&record, changed).unwrap();
        assert_eq!(refusal(open(&mut world)), WalletError::StorageTampered, "byte {at}");
    }
    fs::write(&record, kept).unwrap();
    unlock(&mut world).unwrap();
}

#[test]
fn g02_an_older_copy_of_the_file_is_noticed() {
    let mut world = World::new();
    let wallet = world.wallet();
    wallet.lock();
    let older = world.place.path().join("older");
    copy(&world.directory(), &older);
    wallet.unlock(PIN, NOW).unwrap();
    world.obtain(&wallet, common::ZK);
    drop(wallet);
    let newest = world.place.path().join("newest");
    copy(&world.directory(), &newest);
    copy(&older, &world.directory());
    assert_eq!(refusal(unlock(&mut world)), WalletError::RollbackDetected);
    copy(&newest, &world.directory());
    assert_eq!(unlock(&mut world).unwrap().credentials(NOW).unwrap().len(), 1);
}

#[test]
fn g04_ten_tries_across_restarts_copies_and_threads() {
    let mut world = World::new();
    drop(world.wallet());
    for remaining in (5..10).rev() {
        // A restart for each try, and the file put back each time.
        let wallet = open(&mut world).unwrap();
        assert_eq!(refusal(wallet.unlock(WRONG, NOW)), WalletError::PinIncorrect { remaining });
    }
    // The right PIN sets the count back.
    unlock(&mut world).unwrap();
    let wallet = open(&mut world).unwrap();
    assert_eq!(refusal(wallet.unlock(WRONG, NOW)), WalletError::PinIncorrect { remaining: 9 });
    // A PIN that cannot be one is no try.
    assert_eq!(refusal(wallet.unlock("12345", NOW)), WalletError::PinFormat);
    drop(wallet);
    // Twelve copies of the file, tried at the same time: still only nine tries.
    let area = world.area();
    let copies: Vec<_> = (0..12)
        .map(|i| {
            let place = world.place.path().join(format!("copy-{i}"));
            copy(&world.directory(), &place);
            Wallet::open(&place, Arc::clone(&area)).unwrap()
        })
        .collect();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = copies.iter().map(|wallet| scope.spawn(|| refusal(wallet.unlock(WRONG, NOW)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut remaining: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            WalletError::PinIncorrect { remaining } => Some(*remaining),
            _ => None,
        })
        .collect();
    remaining.sort_unstable();
    assert_eq!(remaining, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == WalletError::PinBlocked).count(), 4);
    // Blocked for good, also for the right PIN.
    assert_eq!(refusal(unlock(&mut world)), WalletError::PinBlocked);
}

#[test]
fn g06_g07_weak_and_malformed_pins_set_up_nothing() {
    let mut world = World::new();
    let area = world.area();
    let personal = PersonalNumbers { birth_date: Some("1995-06-15".parse().unwrap()), phone: Some("010-4837-2915") };
    for (pin, expected) in [
        ("000000", WalletError::PinTooWeak),
        ("123456", WalletError::PinTooWeak),
        ("950615", WalletError::PinTooWeak),
        ("372915", WalletError::PinTooWeak),
        ("8391", WalletError::PinFormat),
        ("83917a", WalletError::PinFormat),
    ] {
        let set_up = wallet_core::SetUp { personal, ..set_up(pin) };
        let refused = refusal(Wallet::create(&world.directory(), Arc::clone(&area), &set_up, NOW, &mut world.rng));
        assert_eq!(refused, expected, "{pin}");
    }
    let set_up = wallet_core::SetUp { personal, ..set_up("８３９１７４") };
    drop(Wallet::create(&world.directory(), area, &set_up, NOW, &mut world.rng).unwrap());
    unlock(&mut world).unwrap();
}

#[test]
fn g09_every_changed_page_is_noticed() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, common::LICENCE);
    drop(wallet);
    let path = world.directory().join("wallet.db");
    let kept = fs::read(&path).unwrap();
    let pages = kept.len() / 4_096;
    assert!(pages > 190, "{pages}");
    let wallet = open(&mut world).unwrap();
    // Every page, at an offset that moves through the page, and all of the first page's salt.
    let offsets =
        (0..pages).map(|page| page * 4_096 + page * 1_031 % 4_096).chain(0..16).chain([4_016, 4_095, kept.len() - 1]);
    let mut count = 0;
    for at in offsets {
        let mut changed = kept.clone();
        changed[at] ^= 0x40;
        fs::write(&path, &changed).unwrap();
        assert_eq!(refusal(wallet.unlock(PIN, NOW)), WalletError::StorageTampered, "byte {at}");
        assert_eq!(refusal(wallet.credentials(NOW)), WalletError::Locked);
        count += 1;
    }
    println!("G09: {count} changed files, {pages} pages, all refused");
    // Cut short, and made longer.
    for length in [0, 100, 4_096, kept.len() - 4_096, kept.len() - 1] {
        fs::write(&path, &kept[..length]).unwrap();
        assert_eq!(refusal(wallet.unlock(PIN, NOW)), WalletError::StorageTampered, "{length} bytes");
    }
    fs::write(&path, [kept.as_slice(), &kept[..4_096]].concat()).unwrap();
    assert_eq!(refusal(wallet.unlock(PIN, NOW)), WalletError::StorageTampered);
    fs::remove_file(&path).unwrap();
    assert_eq!(refusal(wallet.unlock(PIN, NOW)), WalletError::StorageTampered);
    fs::write(&path, &kept).unwrap();
    wallet.unlock(PIN, NOW).unwrap();
}

#[test]
fn g09_every_changed_byte_of_the_header_is_noticed() {
    let mut world = World::new();
    drop(world.wallet());
    let path = world.directory().join("wallet.head");
    let kept = fs::read(&path).unwrap();
    for at in 0..kept.len() {
        let mut changed = kept.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert_eq!(refusal(open(&mut world)), WalletError::StorageTampered, "byte {at}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(refusal(open(&mut world)), WalletError::StorageTampered);
    fs::write(&path, kept).unwrap();
    unlock(&mut world).unwrap();
}

#[test]
fn g10_two_wallets_files_cannot_be_swapped() {
    let mut world = World::new();
    drop(world.wallet());
    let area = world.area();
    let other = world.place.path().join("other");
    drop(Wallet::create(&other, area, &set_up(PIN), NOW, &mut world.rng).unwrap());
    let path = world.directory().join("wallet.db");
    let kept = fs::read(&path).unwrap();
    fs::copy(other.join("wallet.db"), &path).unwrap();
    assert_eq!(refusal(unlock(&mut world)), WalletError::StorageTampered);
    // Two pages of one file neither: the page number is authenticated.
    let mut swapped = kept.clone();
    let (first, second) = swapped.split_at_mut(20 * 4_096);
    first[10 * 4_096..11 * 4_096].swap_with_slice(&mut second[..4_096]);
    fs::write(&path, swapped).unwrap();
    assert_eq!(refusal(unlock(&mut world)), WalletError::StorageTampered);
    fs::write(&path, kept).unwrap();
    unlock(&mut world).unwrap();
}

#[test]
fn g13_another_phone_opens_nothing() {
    let mut world = World::new();
    drop(world.wallet());
    let second = world.area_named("second phone");
    assert_eq!(refusal(Wallet::open(&world.directory(), second)), WalletError::DeviceMismatch);
    unlock(&mut world).unwrap();
}

#[test]
fn g24_two_handles_cannot_have_one_wallet() {
    let mut world = World::new();
    let wallet = world.wallet();
    assert_eq!(refusal(open(&mut world)), WalletError::AlreadyOpen);
    let area = world.area();
    assert_eq!(refusal(world.empty_wallet(area)), WalletError::AlreadyOpen);
    // WFILE-08: the lock comes before the header, which its holder may be about to write.
    let header = world.directory().join("wallet.head");
    let bytes = fs::read(&header).unwrap();
    fs::remove_file(&header).unwrap();
    assert_eq!(refusal(open(&mut world)), WalletError::AlreadyOpen);
    fs::write(&header, bytes).unwrap();
    drop(wallet);
    unlock(&mut world).unwrap();
}

#[test]
fn g26_nothing_secret_is_printed() {
    let mut world = World::new();
    let wallet = world.wallet();
    let id = world.obtain(&wallet, common::LICENCE);
    let request = world.request(world.query(common::LICENCE)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    let printed = format!("{wallet:?} {consent:?} {:?} {:?}", consent.attributes, wallet.credentials(NOW).unwrap());
    for secret in ["CANARY-37", "홍길순", "1995", PIN, &format!("{:?}", id.0)] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(printed.contains("Wallet([redacted])"));
}

#[test]
fn g31_an_idle_wallet_locks_itself() {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, common::ZK);
    let request = world.request(world.query(common::ZK)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    let decision = wallet_core::Decision::Approve;
    assert!(wallet.answer(&consent, decision, NOW + 299, &mut world.rng).is_ok());
    let consent = wallet.read_request(&request, NOW).unwrap();
    assert_eq!(refusal(wallet.answer(&consent, decision, NOW + 300, &mut world.rng)), WalletError::Locked);
    // A clock that jumps back does not keep it open.
    wallet.unlock(PIN, NOW).unwrap();
    assert_eq!(refusal(wallet.credentials(NOW - 300)), WalletError::Locked);
    wallet.unlock(PIN, NOW).unwrap();
    wallet.lock();
    assert_eq!(refusal(wallet.credentials(NOW)), WalletError::Locked);
}

#[test]
fn a_new_pin_replaces_the_old_one() {
    let mut world = World::new();
    let wallet = world.wallet();
    let personal = PersonalNumbers::default();
    assert_eq!(
        refusal(wallet.change_pin(WRONG, "7390518", &personal, NOW, &mut world.rng)),
        WalletError::PinIncorrect { remaining: 9 }
    );
    assert_eq!(refusal(wallet.change_pin(PIN, "111111", &personal, NOW, &mut world.rng)), WalletError::PinTooWeak);
    wallet.change_pin(PIN, "7390518", &personal, NOW, &mut world.rng).unwrap();
    wallet.lock();
    assert_eq!(refusal(wallet.unlock(PIN, NOW)), WalletError::PinIncorrect { remaining: 9 });
    wallet.unlock("7390518", NOW).unwrap();
    wallet.lock();
    assert_eq!(refusal(wallet.change_pin("7390518", PIN, &personal, NOW, &mut world.rng)), WalletError::Locked);
}

#[test]
fn the_file_needs_the_phone_even_with_the_pin() {
    let mut world = World::new();
    drop(world.wallet());
    // The record moved to another phone: its seal does not open there.
    let second = world.area_named("second phone");
    let name = |phone: &str| {
        let mut files = fs::read_dir(world.place.path().join(phone)).unwrap().map(|e| e.unwrap().path());
        files.find(|p| p.extension().is_some_and(|e| e == "record"))
    };
    let record = name("phone").unwrap();
    fs::copy(&record, world.place.path().join("second phone").join(record.file_name().unwrap())).unwrap();
    assert_eq!(refusal(Wallet::open(&world.directory(), second)), WalletError::StorageTampered);
    // And nothing in the files is readable.
    for file in ["wallet.db", "wallet.head"] {
        let bytes = fs::read(world.directory().join(file)).unwrap();
        for text in ["SQLite format 3", "credential", "link_secret", "kr.go.police", PIN] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{file}: {text}");
        }
    }
}

#[test]
fn an_unreachable_directory_is_no_tampering() {
    let mut world = World::new();
    let area: Arc<dyn SecureArea> = world.area();
    let file = world.place.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = refusal(Wallet::create(&file.join("wallet"), area, &set_up(PIN), NOW, &mut world.rng));
    assert_eq!(refused, WalletError::StorageUnavailable);
}

#[test]
fn work_factors_have_a_floor_and_a_cap() {
    for (memory, passes, lanes) in [(19 * 1_024 - 1, 2, 1), (19 * 1_024, 1, 1), (19 * 1_024, 2, 0)] {
        assert_eq!(KdfParameters::new(memory, passes, lanes), Err(WalletError::KdfBelowFloor));
    }
    for (memory, passes, lanes) in [(512 * 1_024 + 1, 2, 1), (u32::MAX, 2, 1), (19 * 1_024, 17, 1), (19 * 1_024, 2, 5)]
    {
        assert_eq!(KdfParameters::new(memory, passes, lanes), Err(WalletError::KdfAboveCap));
    }
    assert_eq!(KdfParameters::new(19 * 1_024, 2, 1), Ok(KdfParameters::FLOOR));
}

/// What one guess costs whoever has both the file and the phone's keys, and what the owner waits for.
/// Run alone, with `--nocapture`.
#[test]
fn figures() {
    let mut world = World::new();
    let area = world.area();
    let mean = |times: u32, work: &mut dyn FnMut()| {
        let begin = std::time::Instant::now();
        (0..times).for_each(|_| work());
        begin.elapsed().as_secs_f64() * 1e3 / f64::from(times)
    };
    for (name, kdf) in [("floor", KdfParameters::FLOOR), ("recommended", KdfParameters::RECOMMENDED)] {
        let place = world.place.path().join(name);
        let set_up = wallet_core::SetUp { kdf, ..set_up(PIN) };
        let wallet = Wallet::create(&place, Arc::clone(&area), &set_up, NOW, &mut world.rng).unwrap();
        let guess = mean(5, &mut || assert!(wallet.unlock(WRONG, NOW).is_err()));
        println!("{name}: {guess:.0} ms a guess, {:.1} days for a million on one core", guess * 1e3 / 86_400.0);
    }
    let wallet = world.wallet();
    world.obtain(&wallet, common::ZK);
    let request = world.request(world.query(common::ZK)).encode();
    let consent = wallet.read_request(&request, NOW).unwrap();
    let rng = &mut world.rng;
    let unlock = mean(5, &mut || wallet.unlock(PIN, NOW).unwrap());
    let read = mean(20, &mut || drop(wallet.read_request(&request, NOW).unwrap()));
    let decline = mean(20, &mut || assert!(wallet.answer(&consent, wallet_core::Decision::Decline, NOW, rng).is_err()));
    let answer = mean(20, &mut || drop(wallet.answer(&consent, wallet_core::Decision::Approve, NOW, rng).unwrap()));
    println!(
        "unlock {unlock:.0} ms, read a request {read:.1} ms, a durable log entry {decline:.0} ms, answer {answer:.0} ms"
    );
    assert!(answer < 5_000.0);
}
