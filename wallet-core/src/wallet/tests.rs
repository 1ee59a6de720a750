//! What stays in memory once the wallet is locked, looked at from another process.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::process::{ChildStdout, Command, Stdio};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroize;

use super::*;
use crate::secure_area::SoftwareSecureArea;

const PLACE: &str = "LOCKED_WALLET_PLACE";
const NOW: u64 = 1_795_150_000;

fn area(place: &Path) -> Arc<dyn SecureArea> {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    Arc::new(SoftwareSecureArea::open_or_create(&place.join("phone"), &mut rng).unwrap())
}

/// The child: unlocks with a PIN from its input, uses the link secret, locks. Not a test of its own.
#[test]
#[ignore = "started by g25_nothing_secret_stays_in_memory"]
fn child_locks() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let wallet = Wallet::open(&Path::new(&place).join("wallet"), area(Path::new(&place))).unwrap();
    let mut input = std::io::stdin().lock();
    let mut pin = Zeroizing::new([0; 6]);
    std::fs::File::from(std::os::fd::AsFd::as_fd(&input).try_clone_to_owned().unwrap())
        .read_exact(pin.as_mut())
        .unwrap();
    wallet.unlock(std::str::from_utf8(pin.as_ref()).unwrap(), NOW).unwrap();
    pin.zeroize();
    wallet.with_open(NOW, |open| contents::secrets(open.store.read(), &[1; 32]).map(drop)).unwrap();
    for state in ["unlocked", "locked"] {
        println!("\n@{state}");
        input.read_exact(&mut [0]).unwrap();
        wallet.lock();
    }
}

/// How often `needle` occurs in the writable memory of a process.
fn occurrences(pid: u32, needle: &[u8]) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, rest) = line.split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), rest.split_once(' ').unwrap().0);
        let mut bytes = vec![0; (u64::from_str_radix(to, 16).unwrap() - from) as usize];
        memory.seek(SeekFrom::Start(from)).unwrap();
        if memory.read_exact(&mut bytes).is_ok() {
            found += bytes.windows(needle.len()).filter(|window| *window == needle).count();
        }
    }
    found
}

#[test]
fn g25_nothing_secret_stays_in_memory() {
    let place = tempfile::tempdir().unwrap();
    let pin = "839174";
    let set_up = SetUp { pin, personal: PersonalNumbers::default(), kdf: KdfParameters::FLOOR, idle_seconds: 300 };
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    let wallet = Wallet::create(&place.path().join("wallet"), area(place.path()), &set_up, NOW, &mut rng).unwrap();
    let key = wallet.key_of(&Pin::read(pin).unwrap()).unwrap();
    let digits = hex::encode(key.as_bytes());
    let link_secret = wallet.with_open(NOW, |open| open.store.read().setting(contents::LINK_SECRET)).unwrap().unwrap();
    drop(wallet);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wallet::tests::child_locks", "--ignored", "--nocapture"])
        .env(PLACE, place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let wait = |lines: &mut std::io::Lines<BufReader<ChildStdout>>, state: &str| {
        assert!(lines.any(|line| line.unwrap() == state), "{state}");
    };
    input.write_all(pin.as_bytes()).unwrap();
    wait(&mut lines, "@unlocked");
    let raw = hex::decode(&digits).unwrap();
    let needles =
        [("key", raw.as_slice()), ("key, as text", digits.as_bytes()), ("link secret", link_secret.as_slice())];
    let before: usize = needles.iter().map(|(_, needle)| occurrences(child.id(), needle)).sum();
    assert!(before > 0, "while it is unlocked the key has to be somewhere");
    input.write_all(b"x").unwrap();
    wait(&mut lines, "@locked");
    for (what, needle) in needles.into_iter().chain([("PIN", pin.as_bytes())]) {
        assert_eq!(occurrences(child.id(), needle), 0, "{what}");
    }
    input.write_all(b"x").unwrap();
    assert!(child.wait().unwrap().success());
}
