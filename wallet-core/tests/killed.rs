//! A phone that dies at any moment: a child process changes a wallet until it is killed, and says after each
//! acknowledged change what it did.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use common::child::{ONCE, PLACE, RUN, killed_at, open, say, start};
use common::{LICENCE, NOW, PIN, World, nonce, refusal};
use protocol::exchange::Offer;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wallet_core::WalletError;

const WRONG: &str = "502618";
const KILLS: u64 = 40;

/// The child that obtains one licence after another. Not a test of its own.
#[test]
#[ignore = "started and killed by other tests"]
fn child_saves() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let mut world = World::new();
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&std::env::var(RUN).unwrap().parse::<u64>().unwrap().to_be_bytes());
    world.rng = ChaCha20Rng::from_seed(seed);
    let wallet = open(Path::new(&place));
    wallet.unlock(PIN, NOW).unwrap();
    say("ready");
    loop {
        let mut code = [0; 16];
        world.rng.fill_bytes(&mut code);
        let offer = Offer { code, ..world.offer(LICENCE) }.encode();
        let pending = wallet.begin_issuance(&offer, LICENCE, &nonce(), None, NOW, &mut world.rng).unwrap();
        say(&format!("begun {}", pending.id));
        wallet.finish_issuance(&pending.id, &world.issue(&pending.request, |_| {}), NOW).unwrap();
        say(&format!("held {}", pending.id));
        if std::env::var(ONCE).is_ok() {
            return;
        }
    }
}

/// The child that guesses. Not a test of its own.
#[test]
#[ignore = "started and killed by other tests"]
fn child_guesses() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let wallet = open(Path::new(&place));
    say("ready");
    loop {
        match wallet.unlock(WRONG, NOW) {
            Err(WalletError::PinIncorrect { .. }) => say("wrong"),
            Err(WalletError::PinBlocked) => say("blocked"),
            other => say(&format!("{other:?}")),
        }
    }
}

/// Waits until the child is ready and a little longer, kills it with SIGKILL, and returns what it said.
fn kill_after(mut child: Child, delay: Duration) -> Vec<String> {
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || said.find_map(|line| line.unwrap().strip_prefix('@').map(str::to_owned));
    assert_eq!(next().as_deref(), Some("ready"));
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    std::iter::from_fn(next).collect()
}

/// What the children said that they had done.
#[derive(Default)]
struct Acknowledged {
    begun: BTreeSet<String>,
    finished: usize,
    changes: usize,
}

impl Acknowledged {
    /// Opens the wallet after a kill: everything acknowledged is there, and at most one change more.
    fn check(&mut self, place: &Path, said: &[String]) {
        let mut last_held = None;
        for line in said {
            self.changes += 1;
            match line.split_once(' ').unwrap() {
                ("begun", id) => drop(self.begun.insert(id.to_owned())),
                ("held", id) => {
                    self.begun.remove(id);
                    self.finished += 1;
                    last_held = Some(id.to_owned());
                }
                other => panic!("{other:?}"),
            }
        }
        let wallet = open(place);
        wallet.unlock(PIN, NOW).unwrap();
        let held: Vec<_> = wallet.credentials(NOW).unwrap().iter().map(|c| c.id.to_string()).collect();
        let pending: Vec<_> = wallet.pending_issuances(NOW).unwrap().iter().map(|p| p.id.to_string()).collect();
        assert!(held.len() <= 1, "a licence replaces the one before: {held:?}");
        let logged = wallet.history(NOW).unwrap().len();
        assert!(logged == self.finished || logged == self.finished + 1, "{logged} entries, {} said", self.finished);
        if logged == self.finished {
            assert!(last_held.iter().all(|id| held.contains(id)), "{last_held:?} is gone");
        }
        self.finished = logged;
        self.begun.retain(|id| !held.contains(id));
        assert!(self.begun.iter().all(|id| pending.contains(id)), "a request is gone");
        // Requests that were kept and not acknowledged are there to be repeated.
        self.begun.extend(pending);
    }
}

fn world_with_wallet() -> World {
    let mut world = World::new();
    let area = world.area();
    let wallet = world.empty_wallet(area).unwrap();
    world.install_trust(&wallet);
    world
}

#[test]
fn forty_kills_lose_nothing_that_was_acknowledged() {
    let world = world_with_wallet();
    let place = world.place.path();
    let mut random = ChaCha20Rng::from_seed([40; 32]);
    let mut acknowledged = Acknowledged::default();
    for run in 0..KILLS {
        let delay = Duration::from_micros(random.next_u64() % 400_000);
        let said = kill_after(start("child_saves", place, run).spawn().unwrap(), delay);
        acknowledged.check(place, &said);
    }
    let changes = acknowledged.changes;
    println!("{KILLS} kills, {changes} acknowledged changes, 0 lost; a failure rate above 7.5 % is excluded at 95 %");
    assert!(changes > 40, "the children got to do something: {changes}");
}

/// Every call with which one save reaches the disk, as the last one (row R2): unlock, request, credential.
#[test]
#[ignore = "needs strace; takes a minute or two"]
fn every_system_call_may_be_the_last() {
    let world = world_with_wallet();
    let place = world.place.path();
    let mut acknowledged = Acknowledged::default();
    let mut kills = 0;
    for call in ["openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "ftruncate"] {
        for when in 1.. {
            let child = start("child_saves", place, kills);
            let (said, ended) = killed_at(&child, call, when);
            acknowledged.check(place, said.get(1..).unwrap_or_default());
            if ended {
                break;
            }
            kills += 1;
        }
    }
    println!("{kills} system calls, each the last one once, {} acknowledged changes, 0 lost", acknowledged.changes);
}

#[test]
fn killing_while_guessing_never_gives_a_try_back() {
    let mut world = World::new();
    let area = world.area();
    drop(world.empty_wallet(area).unwrap());
    let place = world.place.path();
    let mut random = ChaCha20Rng::from_seed([41; 32]);
    let (mut evaluated, mut kills) = (0, 0);
    loop {
        let delay = Duration::from_micros(random.next_u64() % 200_000);
        let said = kill_after(start("child_guesses", place, 0).spawn().unwrap(), delay);
        kills += 1;
        assert!(said.iter().all(|line| line == "wrong" || line == "blocked"), "{said:?}");
        evaluated += said.iter().filter(|line| *line == "wrong").count();
        if said.iter().any(|line| line == "blocked") {
            break;
        }
        assert!(kills < 100);
    }
    println!("{kills} kills, {evaluated} wrong PINs answered, then blocked");
    // The tenth is answered with "blocked"; a try whose answer was cut off by the kill counts too.
    assert!(evaluated <= 9);
    assert_eq!(refusal(open(place).unlock(PIN, NOW)), WalletError::PinBlocked);
}
