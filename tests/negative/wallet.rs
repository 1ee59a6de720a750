//! A wallet in a directory of its own, made for one case.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tests::cases::Case;
use tests::rng;
use tests::world::NOW;
use wallet_core::{KdfParameters, PersonalNumbers, SetUp, SoftwareSecureArea, Wallet, WalletError};

const PIN: &str = "839174";

fn set_up(pin: &str) -> SetUp<'_> {
    SetUp { pin, personal: PersonalNumbers::default(), kdf: KdfParameters::FLOOR, idle_seconds: 300 }
}

fn phone(place: &Path, name: &str) -> Arc<SoftwareSecureArea> {
    Arc::new(SoftwareSecureArea::open_or_create(&place.join(name), &mut rng(name)).unwrap())
}

/// Sets a PIN.
pub(crate) fn pin(case: &Case) -> Result<(), WalletError> {
    let place = tempfile::tempdir().unwrap();
    let personal = PersonalNumbers {
        birth_date: case.parameter("birth-date").map(|date| date.parse().unwrap()),
        phone: case.parameter("phone"),
    };
    let set_up = SetUp { personal, ..set_up(std::str::from_utf8(&case.bytes).unwrap()) };
    let area = phone(place.path(), "phone");
    Wallet::create(&place.path().join("wallet"), area, &set_up, NOW, &mut rng("wallet")).map(|_| ())
}

/// Opens a wallet after something was done to its files.
pub(crate) fn file(case: &Case) -> Result<(), WalletError> {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("wallet");
    let own = phone(place.path(), "phone");
    drop(Wallet::create(&directory, own.clone(), &set_up(PIN), NOW, &mut rng("wallet")).unwrap());
    let pin = change(&directory, case.parameter("change").unwrap());
    let area = match case.parameter("phone").unwrap() {
        "own" => own,
        other => phone(place.path(), other),
    };
    Wallet::open(&directory, area)?.unlock(&pin, NOW)
}

/// `flip`, `cut`, `append` or `remove` with a file and a number; or `pin` with what to unlock with.
fn change(directory: &Path, change: &str) -> String {
    let words: Vec<&str> = change.split(' ').collect();
    let edit = |file: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let path = directory.join(file);
        let mut bytes = fs::read(&path).unwrap();
        edit(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    let number = |text: &str| text.parse::<usize>().unwrap();
    match words[..] {
        ["none"] => {}
        ["pin", pin] => return pin.to_owned(),
        ["flip", file, at] => edit(file, &|bytes| bytes[number(at)] ^= 1),
        ["cut", file, count] => edit(file, &|bytes| bytes.truncate(bytes.len() - number(count))),
        ["append", file, count] => edit(file, &|bytes| bytes.resize(bytes.len() + number(count), 0)),
        ["remove", file] => fs::remove_file(directory.join(file)).unwrap(),
        _ => panic!("`change: {change}` has no meaning"),
    }
    PIN.to_owned()
}
