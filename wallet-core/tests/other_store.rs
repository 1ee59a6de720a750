//! A wallet that is kept by other means than a file: the same checks protect it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::{LICENCE, NOW, PIN, World, day_set_key, day_signatures, refusal, set_up};
use wallet_core::{Change, DatabaseKey, Decision, Records, Table, Vault, Visit, Wallet, WalletError};
use zeroize::Zeroizing;

type Content = BTreeMap<(Table, Vec<u8>), Zeroizing<Vec<u8>>>;

/// What a page in a browser might keep. Encryption is left out: nobody else reads this memory.
#[derive(Clone, Default)]
struct Memory {
    header: Arc<Mutex<Option<Vec<u8>>>>,
    content: Arc<Mutex<Content>>,
    full: Arc<Mutex<bool>>,
}

impl Vault for Memory {
    fn header(&self) -> Result<Option<Vec<u8>>, WalletError> {
        Ok(self.header.lock().unwrap().clone())
    }

    fn set_header(&self, header: &[u8]) -> Result<(), WalletError> {
        *self.header.lock().unwrap() = Some(header.to_vec());
        Ok(())
    }

    fn create(&self, _: &DatabaseKey) -> Result<Box<dyn Records>, WalletError> {
        self.content.lock().unwrap().clear();
        Ok(Box::new(self.clone()))
    }

    fn open(&self, _: &DatabaseKey) -> Result<Box<dyn Records>, WalletError> {
        Ok(Box::new(self.clone()))
    }

    fn delete(&self) -> Result<(), WalletError> {
        self.content.lock().unwrap().clear();
        *self.header.lock().unwrap() = None;
        Ok(())
    }
}

impl Records for Memory {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
        Ok(self.content.lock().unwrap().get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError> {
        let content = self.content.lock().unwrap().clone();
        content.iter().filter(|((of, _), _)| *of == table).try_for_each(|((_, key), value)| visit(key, value))
    }

    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError> {
        Ok(self.content.lock().unwrap().keys().filter(|(of, key)| *of == table && key.starts_with(prefix)).count())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), WalletError> {
        if *self.full.lock().unwrap() {
            return Err(WalletError::StorageFull);
        }
        let mut content = self.content.lock().unwrap();
        for Change { table, key, value } in changes {
            match value.clone() {
                Some(value) => content.insert((*table, key.clone()), value),
                None => content.remove(&(*table, key.clone())),
            };
        }
        Ok(())
    }
}

#[test]
fn a_wallet_without_a_file_is_as_well_protected() {
    let mut world = World::new();
    let (area, memory) = (world.area(), Memory::default());
    let create = |world: &mut World| {
        Wallet::create_in(Box::new(memory.clone()), area.clone(), &set_up(PIN), NOW, &mut world.rng)
    };
    let open = || Wallet::open_in(Box::new(memory.clone()), area.clone());
    assert_eq!(refusal(open()), WalletError::NoWallet);
    let wallet = create(&mut world).unwrap();
    assert_eq!(refusal(create(&mut world)), WalletError::WalletExists);
    world.install_trust(&wallet);
    wallet.install_day_set(&day_set_key(), 0, day_signatures(), NOW).unwrap();
    let older = memory.content.lock().unwrap().clone();
    world.obtain(&wallet, LICENCE);
    let query = world.query(LICENCE);
    let consent = wallet.read_request(&world.request(query).encode(), NOW).unwrap();
    let answer = wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng).unwrap();
    assert_eq!(world.accepted(LICENCE, &answer).0, ["name_ko", "classes"]);
    // Nothing is half changed when there is no room.
    *memory.full.lock().unwrap() = true;
    assert_eq!(refusal(wallet.answer(&consent, Decision::Approve, NOW, &mut world.rng)), WalletError::StorageFull);
    *memory.full.lock().unwrap() = false;
    assert_eq!(wallet.history(NOW).unwrap().len(), 2);
    drop(wallet);

    let newest = memory.content.lock().unwrap().clone();
    let mut edited = newest.clone();
    edited.retain(|(table, _), _| *table != Table::Credential);
    for (content, refused) in [(older, WalletError::RollbackDetected), (edited, WalletError::StorageTampered)] {
        *memory.content.lock().unwrap() = content;
        assert_eq!(open().unwrap().unlock(PIN, NOW), Err(refused));
    }
    *memory.content.lock().unwrap() = newest;
    let wallet = open().unwrap();
    wallet.unlock(PIN, NOW).unwrap();
    assert_eq!(wallet.credentials(NOW).unwrap().len(), 1);
    wallet.erase().unwrap();
    assert!(memory.content.lock().unwrap().is_empty());
    assert_eq!(refusal(open()), WalletError::NoWallet);
}
