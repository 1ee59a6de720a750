use std::collections::BTreeMap;

use ::tests::world::{NOW, World};

use super::*;

const PIN: &str = "839174";

type Kept = BTreeMap<String, Vec<u8>>;

fn opened(kept: &Kept) -> (WalletStore, Result<Wallet, String>) {
    let mut store = WalletStore::new(&[7; 32]).unwrap();
    kept.iter().for_each(|(name, content)| store.put(name.clone(), content.clone()));
    let wallet = Wallet::open(&mut store);
    (store, wallet)
}

fn flush(store: &mut WalletStore, kept: &mut Kept) -> usize {
    let mut changes = 0;
    while let Some(row) = store.next_change() {
        match row.content() {
            Some(content) => kept.insert(row.name(), content),
            None => kept.remove(&row.name()),
        };
        changes += 1;
    }
    changes
}

fn refusal<T>(result: Result<T, String>) -> String {
    result.err().unwrap_or_default().split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn a_page_stores_what_changed_and_opens_it_again() {
    let (now, random) = (NOW as f64, [1; 32]);
    let mut kept = Kept::new();
    assert_eq!(refusal(opened(&kept).1), "NoWallet");
    assert_eq!(refusal(WalletStore::new(b"short")), "MalformedRandom");
    let mut store = WalletStore::new(&[7; 32]).unwrap();
    let create = |store: &mut WalletStore, pin: &str, birth: &str| {
        Wallet::create(store, pin.into(), Some(birth.into()), None, now, &random)
    };
    assert_eq!(refusal(create(&mut store, "123456", "1990-07-24")), "PinTooWeak");
    assert_eq!(refusal(create(&mut store, "900724", "1990-07-24")), "PinTooWeak");
    let wallet = create(&mut store, PIN, "1990-07-24").unwrap();
    assert!(flush(&mut store, &mut kept) > 2);
    assert_eq!(flush(&mut store, &mut kept), 0);
    assert_eq!(refusal(create(&mut store, PIN, "1990-07-24")), "WalletExists");
    assert_eq!(wallet.cards(now), Ok("[]".into()));
    assert_eq!(refusal(Wallet::next_update(-1.0, &random)), "MalformedTime");
    assert_eq!(refusal(wallet.read_offer(b"x", now)), "MalformedOffer");
    assert_eq!(refusal(wallet.show("00", "age-19", now, &random)), "NoSuchCredential");
    drop(wallet);

    let (mut store, wallet) = opened(&kept);
    let wallet = wallet.unwrap();
    assert_eq!(refusal(wallet.cards(now)), "Locked");
    let wrong = wallet.unlock("502618".into(), now).unwrap_err();
    assert!(wrong.starts_with("PinIncorrect: ") && wrong.contains('9'), "{wrong}");
    assert!(flush(&mut store, &mut kept) > 0, "the try is to be stored");
    wallet.unlock(PIN.into(), now).unwrap();
    wallet.change_pin(PIN.into(), "7390518".into(), now, &random).unwrap();
    assert_eq!(wallet.history(now).unwrap().matches("pin-changed").count(), 1);
    flush(&mut store, &mut kept);
    wallet.lock();
    assert_eq!(refusal(wallet.history(now)), "Locked");
    let (mut store, wallet) = opened(&kept);
    let wallet = wallet.unwrap();
    wallet.unlock("7390518".into(), now).unwrap();
    wallet.erase().unwrap();
    flush(&mut store, &mut kept);
    assert!(kept.is_empty());
}

#[test]
fn an_errand_asks_for_one_thing_after_the_other() {
    let (now, random) = (NOW as f64, [1; 32]);
    let world = World::new();
    let ledger = world.ledger("usual");
    let mut store = WalletStore::new(&[7; 32]).unwrap();
    let wallet = Wallet::create(&mut store, PIN.into(), None, None, now, &random).unwrap();
    let anchor = ledger.anchor().encode();
    let update = || wallet.update("https://mirror.example/bundle".into(), &anchor, "{}").unwrap();
    assert_eq!(refusal(wallet.update(String::new(), b"no anchor", "{}")), "MalformedAnchor");

    let mut errand = update();
    let asked = errand.step(0, Vec::new(), now, &random).unwrap().expect("something to fetch");
    assert_eq!((asked.url().as_str(), asked.body()), ("https://mirror.example/bundle", None));
    assert_eq!(refusal(errand.step(0, Vec::new(), now, &random)), "ServiceUnreachable");
    assert_eq!(refusal(errand.step(200, Vec::new(), now, &random)), "ErrandOver");
    let answered = |status: u16, body: Vec<u8>| {
        let mut errand = update();
        errand.step(0, Vec::new(), now, &random).unwrap();
        errand.step(status, body, now, &random).map(|more| (more.is_none(), errand.result()))
    };
    assert_eq!(refusal(answered(503, Vec::new())), "ServiceFailed");
    assert_eq!(refusal(answered(200, b"no bundle".to_vec())), "BundleMalformed");
    let bundle = ledger.bundle(protocol::ledger::bundle::Scope::Snapshot).encode();
    assert_eq!(answered(200, bundle.clone()), Ok((true, "{\"height\":2}".into())));
    // While an errand is under way, the wallet is not deleted.
    let mut errand = wallet.accept(b"offer".to_vec(), None, "https://mirror.example/bundle".into(), &anchor).unwrap();
    errand.step(0, Vec::new(), now, &random).unwrap();
    assert_eq!(refusal(wallet.erase()), "CallUnderWay");
    assert_eq!(refusal(errand.step(200, bundle, now, &random)), "MalformedOffer");
}
