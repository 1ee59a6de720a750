//! Validators as separate processes behind a proxy: killed, cut off, restarted again and again, and with a damaged disk.
//!
//! The numbers are small by default. `cargo xtask campaign cluster` sets `MID_PARTITIONS=300`, `MID_RESTARTS=200` and
//! `MID_CYCLES=1000`, and the limits of the promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use journeys::Cluster;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Long enough for four validators on two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The longest that anything may stall: the promise is 10 s; CI's machines are busy with other tests.
fn stall_limit() -> Duration {
    Duration::from_secs(number("MID_STALL_LIMIT", 60))
}

/// One network at a time: four validators are enough for two cores.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn dice(purpose: u64) -> ChaCha20Rng {
    let seed = number("MID_SEED", 20_261_120) + purpose;
    println!("seed {seed}");
    ChaCha20Rng::seed_from_u64(seed)
}

fn millis(dice: &mut ChaCha20Rng, below: u32) -> Duration {
    Duration::from_millis(u64::from(dice.next_u32() % below))
}

#[test]
fn one_of_four_may_die_and_two_may_not() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::init(place.path(), 4);
    cluster.start_all();
    for _ in 0..3 {
        cluster.write(&[0, 1, 2, 3], PATIENCE).expect("four record");
    }
    cluster.kill(1);
    let three: Vec<_> = (0..4).map(|_| cluster.write(&[0, 2, 3], PATIENCE).expect("three of four record")).collect();
    println!("three of four: {three:?}");

    cluster.kill(2);
    // What was under way may still become final; then nothing does.
    sleep(Duration::from_secs(2));
    let before = [cluster.height(0), cluster.height(3)];
    assert_eq!(cluster.write(&[0, 3], Duration::from_secs(8)), None, "two of four record nothing");
    assert_eq!([cluster.height(0), cluster.height(3)], before);
    // Reads go on, and say that they are old.
    cluster.check_acknowledged(0, 10);
    let began = Instant::now();
    while cluster.status(0).expect("reads go on")["stale"] != true {
        assert!(began.elapsed() < PATIENCE, "not marked stale: {:?}", cluster.status(0));
        sleep(Duration::from_millis(200));
    }
    let (status, _) = cluster.get(3, "/v1/bundle").expect("reads go on");
    assert_eq!(status, 200);

    // One returns: the others need no help, and the transaction that waited becomes final.
    let began = Instant::now();
    cluster.launch(2);
    cluster.write(&[0, 3], PATIENCE).expect("three of four record again");
    println!("one returned: final after {:?}", began.elapsed());
    assert_eq!(cluster.status(0).unwrap()["stale"], false);
    cluster.start(&[1]);
    cluster.wait_for_all(&[0, 1, 2, 3]);
    cluster.check_agreement(&[0, 1, 2, 3]);
    (0..4).for_each(|who| cluster.check_acknowledged(who, usize::MAX));
}

/// Parts of the network, by validator: nobody alone has a quorum in the first three.
const PATTERNS: [[usize; 4]; 7] =
    [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 2, 3], [0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]];

#[test]
fn a_healed_partition_records_again() {
    let _alone = alone();
    let rounds = number("MID_PARTITIONS", 4);
    let mut dice = dice(1);
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::init(place.path(), 4);
    cluster.start_all();
    cluster.write(&[0], PATIENCE).expect("a first transaction");
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let pattern = PATTERNS[round as usize % PATTERNS.len()];
        cluster.proxy.part(|who| pattern[who]);
        sleep(Duration::from_secs(1));
        let size = |part| pattern.iter().filter(|other| **other == part).count();
        for part in 0..4 {
            let inside: Vec<_> = (0..4).filter(|who| pattern[*who] == part).collect();
            if size(part) >= 3 {
                cluster.write(&inside, PATIENCE).expect("a quorum goes on");
            } else if let Some(who) = inside.first() {
                let before = cluster.height(*who);
                assert_eq!(cluster.write(&inside, Duration::from_millis(500)), None, "{pattern:?}: a minority records");
                assert_eq!(cluster.height(*who), before, "{pattern:?}: a minority makes blocks");
            }
        }
        sleep(millis(&mut dice, 4_000));
        cluster.proxy.heal();
        let took = cluster.write(&[0, 1, 2, 3], PATIENCE).expect("the healed network records");
        slowest = slowest.max(took);
        if round % 10 == 9 {
            println!("{} of {rounds} partitions, slowest {slowest:?}", round + 1);
        }
    }
    cluster.wait_for_all(&[0, 1, 2, 3]);
    cluster.check_agreement(&[0, 1, 2, 3]);
    (0..4).for_each(|who| cluster.check_acknowledged(who, usize::MAX));
    println!("{rounds} partitions: healed to recorded in at most {slowest:?}, 0 forks");
    assert!(slowest <= stall_limit(), "{slowest:?}");
}

#[test]
fn restarts_while_the_leader_changes_do_not_stall() {
    let _alone = alone();
    let restarts = number("MID_RESTARTS", 6);
    let mut dice = dice(2);
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::init(place.path(), 4);
    cluster.start_all();
    let mut slowest = Duration::ZERO;
    for restart in 0..restarts {
        // Without this one some view soon has no leader and is given up …
        let absent = dice.next_u32() as usize % 4;
        cluster.kill(absent);
        // … and somewhere in between another one restarts and has to remember what it voted.
        let other = (absent + 1 + dice.next_u32() as usize % 3) % 4;
        sleep(millis(&mut dice, 3_000));
        cluster.kill(other);
        sleep(millis(&mut dice, 200));
        cluster.launch(other);
        cluster.launch(absent);
        let took = cluster.write(&[0, 1, 2, 3], PATIENCE).expect("it goes on after the restarts");
        slowest = slowest.max(took);
        if restart % 20 == 19 {
            println!("{} of {restarts} restarts, slowest {slowest:?}", restart + 1);
        }
    }
    cluster.wait_for_all(&[0, 1, 2, 3]);
    cluster.check_agreement(&[0, 1, 2, 3]);
    (0..4).for_each(|who| cluster.check_acknowledged(who, usize::MAX));
    println!("{restarts} restarts during a change of leader: recorded again in at most {slowest:?}");
    assert!(slowest <= stall_limit(), "{slowest:?}");
}

/// All validators lose power while transactions come in.
fn cycles(validators: usize, cycles: u64, dice: &mut ChaCha20Rng) {
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::init(place.path(), validators);
    let all: Vec<_> = (0..validators).collect();
    for cycle in 0..cycles {
        cluster.start_all();
        for who in &all {
            // A validator may come back without the last blocks, and fetches them; none of them is lost.
            cluster.wait_for_all(&[*who]);
            cluster.check_acknowledged(*who, 6);
        }
        if cluster.write(&all, PATIENCE).is_none() {
            let logs: Vec<_> = all.iter().map(|who| (*who, cluster.ended(*who), cluster.log(*who))).collect();
            for (who, ended, log) in &logs {
                println!("validator {who}, ended {ended}:\n{log}");
            }
            panic!("cycle {cycle}: nothing was recorded within {PATIENCE:?} after the restart");
        }
        let end = Instant::now() + millis(dice, 250);
        while Instant::now() < end {
            cluster.write(&all, Duration::from_millis(500));
        }
        // One more is on its way when the power goes.
        let url = cluster.submission_url(0);
        let (client, transaction) = (journeys::Client::default(), cluster.next_transaction());
        let last = std::thread::spawn(move || client.post(&url, &transaction));
        sleep(millis(dice, 60));
        cluster.kill_all();
        let _ = last.join();
        if cycle % 50 == 49 {
            println!("{} of {cycles} cycles, {} acknowledged", cycle + 1, cluster.acknowledged.len());
        }
    }
    cluster.start_all();
    for who in &all {
        cluster.wait_for_all(&[*who]);
        cluster.check_acknowledged(*who, usize::MAX);
    }
    cluster.check_agreement(&all);
    println!(
        "{validators} validator(s): {cycles} times killed, {} acknowledged, 0 lost; failure rate < {:.2} % at 95 %",
        cluster.acknowledged.len(),
        300.0 / cycles as f64
    );
}

#[test]
fn no_acknowledged_transaction_is_lost() {
    let _alone = alone();
    let total = number("MID_CYCLES", 12);
    let mut dice = dice(3);
    let four = total.div_ceil(10);
    cycles(1, total - four, &mut dice);
    cycles(4, four, &mut dice);
}

/// F23, F24: noise, endless dribble and huge frames on the validators' port, and a whole validator with keys that
/// nobody knows.
#[test]
fn strangers_are_turned_away() {
    let _alone = alone();
    let mut dice = dice(4);
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::init(&place.path().join("ours"), 4);
    cluster.start_all();
    cluster.write(&[0], PATIENCE).expect("a first transaction");
    let before = cluster.memory(0);

    let mut dribbles = Vec::new();
    for at in 0..200 {
        let Ok(mut stream) = TcpStream::connect(cluster.places[0]) else { continue };
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        // Some begin with the length of a frame of 4 GB.
        let mut noise = vec![0xff; if at % 3 == 0 { 64 * 1024 } else { 64 }];
        if at % 2 == 0 {
            dice.fill_bytes(&mut noise);
        }
        if at % 4 == 3 {
            noise.truncate(1);
            dribbles.push(stream.try_clone().unwrap());
        }
        let _ = stream.write_all(&noise);
    }
    let mut stranger = Cluster::init(&place.path().join("stranger"), 4);
    stranger.point(0, &cluster.places[1..]);
    stranger.launch(0);
    for _ in 0..3 {
        cluster.write(&[0, 1, 2, 3], PATIENCE).expect("strangers stop nobody");
        for stream in &mut dribbles {
            let _ = stream.write_all(&[7]);
        }
    }
    // Those who sent noise are not listened to any more; who dribbles is given up after the handshake's time.
    let began = Instant::now();
    dribbles.retain(|stream| stream.peer_addr().is_ok());
    for stream in &mut dribbles {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = [0; 1];
        assert!(!matches!(stream.read(&mut answer), Ok(1)), "an answer to a stranger");
    }
    println!("{} dribbling connections closed within {:?}", dribbles.len(), began.elapsed());
    assert_eq!(stranger.height(0), 0, "a stranger takes no part");
    let after = cluster.memory(0);
    println!("memory {before} KiB before, {after} KiB after");
    assert!(after < before + 64 * 1024, "strangers cost memory: {before} KiB before, {after} KiB after");
    (0..4).for_each(|who| assert!(!cluster.ended(who), "{}", cluster.log(who)));
}
