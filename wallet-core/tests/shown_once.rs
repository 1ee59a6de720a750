//! A phone that dies while it shows codes, and a generator that is set back each time: no answer is ever made twice from
//! what was prepared or kept for one. A child process shows codes until it is killed, and says what it showed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use common::child::{ONCE, PLACE, RUN, killed_at, open, say, start, traced};
use common::{EPOCH, NOW, PIN, World, ZK, handle, nonce, tokens};
use protocol::exchange::{Bound, IssuanceNonce, Offer, Presentation};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use wallet_core::{CredentialId, StatusSlice, Wallet, WalletError};

const KILLS: u64 = 25;
const POINT: usize = 48;

/// Gets a credential with new one-time copies in place of the one before.
fn obtain(world: &mut World, wallet: &Wallet, now: u64) -> CredentialId {
    let mut code = [0; 16];
    world.rng.fill_bytes(&mut code);
    let offer = Offer { code, expires_at: now + 60, ..world.offer(ZK) }.encode();
    let pending = wallet
        .begin_issuance(&offer, ZK, &IssuanceNonce { expires_at: now + 60, ..nonce() }, None, now, &mut world.rng)
        .unwrap();
    wallet.finish_issuance(&pending.id, &world.issue(&pending.request, |_| {}), now).unwrap();
    let key = world.issuer_key(ZK).key_id();
    wallet.install_status_tokens(&key, StatusSlice::ALL, &tokens(EPOCH, &[handle(ZK)]), now).unwrap();
    pending.id
}

/// What of a code must never be seen beside another one, and the code.
fn told(bytes: &[u8]) -> String {
    let presentation = Presentation::decode(bytes).unwrap();
    let bound = presentation.explain(&[]).bound;
    // Key 9, and 944 bytes.
    let proof = bytes.windows(4).position(|head| head == [0x09, 0x59, 0x03, 0xb0]).unwrap() + 4;
    let (first, whole) = (hex::encode(&bytes[proof..proof + POINT]), hex::encode(Sha256::digest(bytes)));
    match bound {
        Bound::HardwareKey { key, .. } => format!("code {first} {whole} {key}"),
        Bound::LinkSecret => format!("code {first} {whole}"),
    }
}

/// The child. Not a test of its own.
#[test]
#[ignore = "started and killed by other tests"]
fn child_shows() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let run: u64 = std::env::var(RUN).unwrap().parse().unwrap();
    let now = NOW + run * 10;
    let mut world = World::new();
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&run.to_be_bytes());
    world.rng = ChaCha20Rng::from_seed(seed);
    // The same in every run: a machine that was restored, a process that was copied.
    let mut set_back = ChaCha20Rng::from_seed([7; 32]);
    let wallet = open(Path::new(&place));
    wallet.unlock(PIN, now).unwrap();
    let mut id = obtain(&mut world, &wallet, now);
    say("ready");
    loop {
        while wallet.prepare_next(now, &mut set_back).unwrap() {}
        for profile in ["age-19", "age-19", "age-19-bound"] {
            match wallet.show_profile(&id, profile, now, &mut set_back) {
                Ok(code) => say(&told(&code)),
                Err(WalletError::CopiesUsedUp) => id = obtain(&mut world, &wallet, now),
                Err(other) => panic!("{other}"),
            }
        }
        if std::env::var(ONCE).is_ok() {
            return;
        }
    }
}

/// Everything that was ever shown.
#[derive(Default)]
struct Shown {
    /// First point of the proof, which stands for the blinding: the code it was in.
    blindings: BTreeMap<String, String>,
    keys: BTreeSet<String>,
    codes: usize,
}

impl Shown {
    fn check(&mut self, place: &Path, said: &[String]) {
        for line in said.iter().filter(|line| *line != "ready") {
            let mut words = line.strip_prefix("code ").unwrap().split(' ').map(str::to_owned);
            let (first, whole) = (words.next().unwrap(), words.next().unwrap());
            let other = self.blindings.insert(first, whole.clone());
            assert!(other.is_none_or(|other| other == whole), "two answers with one blinding");
            assert!(words.next().is_none_or(|key| self.keys.insert(key)), "a one-time key was used twice");
            self.codes += 1;
        }
        let wallet = open(place);
        wallet.unlock(PIN, NOW).unwrap();
        assert!(wallet.credentials(NOW).unwrap().len() == 1);
    }
}

fn world_with_credential() -> World {
    let mut world = World::new();
    let wallet = world.wallet();
    world.obtain(&wallet, ZK);
    world
}

#[test]
fn no_code_is_made_twice_however_often_the_phone_dies() {
    let world = world_with_credential();
    let place = world.place.path();
    let mut random = ChaCha20Rng::from_seed([40; 32]);
    let mut shown = Shown::default();
    for run in 0..KILLS {
        let mut child = start("child_shows", place, run).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || said.find_map(|line| line.unwrap().strip_prefix('@').map(str::to_owned));
        assert_eq!(next().as_deref(), Some("ready"));
        // Some codes, and then it dies at some point of the next.
        let mut said: Vec<_> = (0..random.next_u64() % 6).map(|_| next().unwrap()).collect();
        std::thread::sleep(Duration::from_micros(random.next_u64() % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        said.extend(std::iter::from_fn(next));
        shown.check(place, &said);
    }
    println!("{KILLS} kills, {} codes, {} one-time keys, none twice", shown.codes, shown.keys.len());
    assert!(shown.codes > 20, "the children got to show something: {}", shown.codes);
}

/// How many calls of a kind the busiest thread of one showing makes, and what it said.
fn calls_of_one_showing(place: &Path, run: u64, call: &str) -> (usize, Vec<String>) {
    let trace = place.join("calls");
    let (expression, file) = (format!("trace={call}"), trace.to_str().unwrap());
    let (said, _) = traced(&start("child_shows", place, run), &["-o", file, "-e", &expression]);
    let mut calls = BTreeMap::<String, usize>::new();
    for line in std::fs::read_to_string(&trace).unwrap().lines().filter(|line| line.contains(call)) {
        *calls.entry(line.split_whitespace().next().unwrap().to_owned()).or_default() += 1;
    }
    std::fs::remove_file(trace).unwrap();
    (calls.into_values().max().unwrap_or_default(), said)
}

/// The calls with which a shown code reaches the disk, as the last one: the log, and the copy that is gone. Some of each
/// kind, and the last ones among them; all of them with `MID_EVERY_CALL=1`, which takes half an hour.
#[test]
#[ignore = "needs strace; takes a minute or two"]
fn every_system_call_may_be_the_last() {
    const SOME: usize = 12;
    let world = world_with_credential();
    let place = world.place.path();
    let mut shown = Shown::default();
    let mut kills = 0;
    let all = std::env::var_os("MID_EVERY_CALL").is_some();
    for call in ["write", "pwrite64", "fdatasync", "rename", "unlink"] {
        let (calls, said) = calls_of_one_showing(place, kills, call);
        shown.check(place, &said);
        kills += 1;
        let step = if all { 1 } else { calls.div_ceil(SOME).max(1) };
        let last = calls.saturating_sub(if all { 0 } else { SOME });
        let chosen = (1..=last).step_by(step).chain(last + 1..=calls + 1);
        for when in chosen {
            let (said, ended) = killed_at(&start("child_shows", place, kills), call, when);
            shown.check(place, &said);
            kills += 1;
            if ended {
                break;
            }
        }
    }
    println!("{kills} runs, each with another last call, {} codes, none twice", shown.codes);
}
