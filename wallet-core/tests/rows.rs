//! A wallet that a page keeps as sealed rows: whatever is done to them is noticed (negative tests G).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{LICENCE, NOW, PIN, World, day_set_key, day_signatures, refusal, set_up};
use wallet_core::{Decision, Rows, SealedArea, Wallet, WalletError};
use zeroize::Zeroizing;

const WRONG: &str = "502618";
const ROOT: [u8; 32] = [7; 32];

/// What a page has stored.
#[derive(Clone, Default)]
struct Page {
    stored: BTreeMap<String, Vec<u8>>,
    root: [u8; 32],
}

impl Page {
    fn new() -> Self {
        Self { stored: BTreeMap::new(), root: ROOT }
    }

    /// Stores what changed, in one step.
    fn flush(&mut self, rows: &Rows) {
        for (name, content) in rows.take_changes() {
            match content {
                Some(content) => self.stored.insert(name, content),
                None => self.stored.remove(&name),
            };
        }
    }

    /// The page is opened again.
    fn rows(&self) -> (Rows, Arc<SealedArea<Rows>>) {
        let rows = Rows::new(self.stored.clone());
        (rows.clone(), Arc::new(SealedArea::new(rows, Zeroizing::new(self.root))))
    }

    fn open(&self) -> Result<(Wallet, Rows), WalletError> {
        let (rows, area) = self.rows();
        Ok((Wallet::open_in(Box::new(rows.clone()), area)?, rows))
    }

    fn unlock(&self, pin: &str) -> Result<(Wallet, Rows), WalletError> {
        let (wallet, rows) = self.open()?;
        wallet.unlock(pin, NOW)?;
        Ok((wallet, rows))
    }

    fn named(&self, part: &str) -> Vec<String> {
        self.stored.keys().filter(|name| name.contains(part)).cloned().collect()
    }

    fn without(&self, name: &str) -> Self {
        let mut page = self.clone();
        page.stored.remove(name).unwrap();
        page
    }

    fn with(&self, name: &str, content: &[u8]) -> Self {
        let mut page = self.clone();
        page.stored.insert(name.to_owned(), content.to_vec());
        page
    }
}

fn create(page: &mut Page, world: &mut World) -> (Wallet, Rows) {
    let (rows, area) = page.rows();
    let wallet = Wallet::create_in(Box::new(rows.clone()), area, &set_up(PIN), NOW, &mut world.rng).unwrap();
    world.install_trust(&wallet);
    page.flush(&rows);
    (wallet, rows)
}

#[test]
fn a_page_keeps_a_wallet_and_reads_nothing_of_it() {
    let mut world = World::new();
    let mut page = Page::new();
    assert_eq!(refusal(page.open()), WalletError::NoWallet);
    let (wallet, rows) = create(&mut page, &mut world);
    wallet.install_day_set(&day_set_key(), 0, day_signatures(), NOW).unwrap();
    world.obtain(&wallet, LICENCE);
    page.flush(&rows);
    // Opened again, it answers as any wallet does.
    let (wallet, rows) = page.unlock(PIN).unwrap();
    let query = world.query(LICENCE);
    let consent = wallet.read_request(&world.request(query).encode(), NOW).unwrap();
    let answer = wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng).unwrap();
    assert_eq!(world.accepted(LICENCE, &answer).0, ["name_ko", "classes"]);
    page.flush(&rows);
    assert_eq!(page.unlock(PIN).unwrap().0.history(NOW).unwrap().len(), 2);
    for (name, content) in &page.stored {
        for text in ["credential", "link_secret", "kr.go.police", "Hanbit", "trust", "activity", PIN] {
            assert!(!content.windows(text.len()).any(|window| window == text.as_bytes()), "{name}: {text}");
            assert!(!name.contains(text), "{name}");
        }
    }
    // Deleted, nothing of it is left.
    page.unlock(PIN).unwrap().0.erase().unwrap();
    let (wallet, rows) = page.unlock(PIN).unwrap();
    wallet.erase().unwrap();
    page.flush(&rows);
    assert!(page.stored.is_empty(), "{:?}", page.stored.keys());
}

#[test]
fn g04_ten_wrong_pins_are_the_last_whatever_is_closed_between() {
    let mut world = World::new();
    let mut page = Page::new();
    drop(create(&mut page, &mut world));
    for remaining in (1..10).rev() {
        let (wallet, rows) = page.open().unwrap();
        assert_eq!(wallet.unlock(WRONG, NOW), Err(WalletError::PinIncorrect { remaining }));
        page.flush(&rows);
    }
    let (wallet, rows) = page.open().unwrap();
    assert_eq!(wallet.unlock(WRONG, NOW), Err(WalletError::PinBlocked));
    page.flush(&rows);
    assert_eq!(refusal(page.unlock(PIN)), WalletError::PinBlocked);
}

#[test]
fn g01_g09_g10_rows_that_were_changed_moved_or_taken_away_are_refused() {
    let mut world = World::new();
    let (mut page, mut other) = (Page::new(), Page::new());
    let (wallet, rows) = create(&mut page, &mut world);
    world.obtain(&wallet, LICENCE);
    page.flush(&rows);
    drop(create(&mut other, &mut world));
    let tampered =
        |page: &Page, what: &str| assert_eq!(refusal(page.unlock(PIN)), WalletError::StorageTampered, "{what}");
    // G09: each byte of each small row, and some of the large ones. Keys of credentials are looked at when they sign.
    for (name, content) in page.stored.iter().filter(|(name, _)| !name.ends_with(".key")) {
        let step = if name.ends_with(".record") { content.len() / 7 } else { (content.len() / 12).max(1) };
        for at in (0..content.len()).step_by(step) {
            let mut changed = content.clone();
            changed[at] ^= 1;
            let refused = page.with(name, &changed).unlock(PIN).err();
            assert_eq!(refused, Some(WalletError::StorageTampered), "{name} at {at}");
        }
        tampered(&page.with(name, &content[..content.len() - 1]), name);
        tampered(&page.with(name, &[content.as_slice(), &[0]].concat()), name);
    }
    // G01: without the PIN's record.
    tampered(&page.without(&page.named(".record")[0]), "no record");
    // G10: two rows in each other's place; a row of another wallet; the whole of another wallet beside this one's record.
    let records = page.named("row/");
    for pair in records.windows(2) {
        let swapped = page.with(&pair[0], &page.stored[&pair[1]]).with(&pair[1], &page.stored[&pair[0]]);
        tampered(&swapped, "swapped");
    }
    let foreign = other.named("row/");
    tampered(&page.with(&foreign[0], &other.stored[&foreign[0]]), "another wallet's row");
    tampered(&page.with(&records[0], &other.stored[&foreign[0]]), "another wallet's row in place of one");
    tampered(&page.with("header", &other.stored["header"]), "another wallet's header");
    // A row is gone: of a protected table always; of public data it is as if it had not been fetched.
    let mut gone = 0;
    for name in &records {
        match page.without(name).unlock(PIN) {
            Err(error) => {
                assert_eq!(error, WalletError::StorageTampered);
                gone += 1;
            }
            Ok((wallet, _)) => {
                assert!(wallet.credentials(NOW).is_err() || wallet.history(NOW).err() == Some(WalletError::LogTampered))
            }
        }
    }
    assert!(gone >= 5, "{gone} of {}", records.len());
    page.unlock(PIN).unwrap();
}

#[test]
fn g02_g13_older_rows_and_other_devices_are_refused() {
    let mut world = World::new();
    let mut page = Page::new();
    let (wallet, rows) = create(&mut page, &mut world);
    let older = page.clone();
    world.obtain(&wallet, LICENCE);
    page.flush(&rows);
    // The records of before, beside what the secure area remembers now.
    let mut back = older.clone();
    back.stored.retain(|name, _| name.starts_with("row/"));
    back.stored.extend(page.stored.clone().into_iter().filter(|(name, _)| !name.starts_with("row/")));
    assert_eq!(refusal(back.unlock(PIN)), WalletError::RollbackDetected);
    // Everything copied, the key of the browser left behind.
    let elsewhere = Page { root: [8; 32], ..page.clone() };
    assert_eq!(refusal(elsewhere.open()), WalletError::StorageTampered);
    let mut copied = elsewhere.clone();
    copied.stored.retain(|name, _| !name.starts_with("area/"));
    assert_eq!(refusal(copied.open()), WalletError::DeviceMismatch);
    // What this cannot notice, and says so: all of it put back at once.
    older.unlock(PIN).unwrap();
}

#[test]
fn g22_what_could_not_be_stored_did_not_happen() {
    let mut world = World::new();
    let mut page = Page::new();
    let (wallet, rows) = create(&mut page, &mut world);
    world.obtain(&wallet, LICENCE);
    assert!(!rows.take_changes().is_empty(), "lost: the browser's storage was full");
    drop(wallet);
    let (wallet, _) = page.unlock(PIN).unwrap();
    assert!(wallet.credentials(NOW).unwrap().is_empty() && wallet.history(NOW).unwrap().is_empty());
}
