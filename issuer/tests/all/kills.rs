//! The service is killed at random moments while it issues and withdraws; what it acknowledged stays.
//!
//! `MID_KILLS` sets how often (40 without it). The killed process is this test binary, run again for the
//! one ignored test below.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use issuer::register::{FileRegister, PersonId};
use issuer::{Issuer, RevocationReason};
use protocol::credential::Status;
use protocol::exchange::CredentialRequest;
use rand_core::Rng;
use sha2::{Digest, Sha256};

use crate::database;
use crate::ledger::MemoryLedger;
use crate::world::*;

const DIR: &str = "MID_SUBJECT_DIR";
const PEOPLE: [&str; 3] = [HOLDER, LEAP_DAY_CHILD, "person-0002"];

fn open(dir: &std::path::Path) -> Issuer {
    Issuer::open(dir, Arc::new(FileRegister::sample().unwrap())).unwrap()
}

/// Issues and withdraws until it is killed. Each line is written before or after the fact it tells of.
#[test]
#[ignore = "run by `issu_09_nothing_acknowledged_is_lost_to_a_kill` only"]
fn subject() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let issuer = open(dir.as_ref());
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{line}").and_then(|()| out.flush()).unwrap();
    };
    say("ready".into());
    loop {
        let person = PEOPLE[fresh().next_u32() as usize % PEOPLE.len()];
        let id = if fresh().next_u32().is_multiple_of(2) { LICENCE } else { ZK };
        let made = issuer.offer(&PersonId::new(person), &terms(&[id], true, true), NOW, &mut fresh()).unwrap();
        let request = Wallet::new(&issuer, id).request(&issuer, &made, NOW).encode();
        say(format!("asks {}", hex::encode(&request)));
        let answer = issuer.issue(&request, NOW, &mut fresh()).unwrap();
        say(format!("got {}", hex::encode(Sha256::digest(&answer))));
        if fresh().next_u32().is_multiple_of(3) {
            let active = issuer.issued(&PersonId::new(person)).unwrap();
            let active = active.iter().find(|c| c.credential_type == id && c.revoked_at.is_none()).unwrap();
            issuer.revoke_handle(id, active.handle, RevocationReason::PhoneLost, NOW).unwrap();
            say(format!("withdrew {id} {}", active.handle));
        }
        if fresh().next_u32().is_multiple_of(8) {
            issuer.advance_epoch(ZK, NOW).unwrap();
        }
    }
}

/// What the killed process said, as far as it got.
#[derive(Default)]
struct Said {
    requests: Vec<Vec<u8>>,
    answers: Vec<String>,
    withdrawn: BTreeSet<(String, u64)>,
}

fn run_and_kill(dir: &std::path::Path) -> Said {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::subject", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap() == "ready"));
    let wait = Duration::from_micros(u64::from(fresh().next_u32() % 400_000));
    let mut said = Said::default();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["asks", request] => said.requests.push(hex::decode(request).unwrap()),
                ["got", digest] => said.answers.push((*digest).to_owned()),
                ["withdrew", id, handle] => {
                    said.withdrawn.insert(((*id).to_owned(), handle.parse().unwrap()));
                }
                _ => {}
            }
        }
        said
    });
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn issu_09_nothing_acknowledged_is_lost_to_a_kill() {
    let kills: usize = std::env::var("MID_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(40);
    let dir = tempfile::tempdir().unwrap();
    copy_template(dir.path());
    let ledger = MemoryLedger::default();
    let (mut acknowledged, mut unanswered, mut slowest) = (0, 0, Duration::ZERO);
    let mut withdrawn = BTreeSet::new();
    for _ in 0..kills {
        let said = run_and_kill(dir.path());
        let start = Instant::now();
        let issuer = open(dir.path());
        issuer.check_audit().unwrap();
        slowest = slowest.max(start.elapsed());
        // Whether or not it was answered before the kill, a request has one answer.
        for (n, request) in said.requests.iter().enumerate() {
            let answer = issuer.issue(request, NOW, &mut fresh()).unwrap();
            match said.answers.get(n) {
                Some(digest) => assert_eq!(*digest, hex::encode(Sha256::digest(&answer))),
                None => unanswered += 1,
            }
            assert_eq!(issuer.issue(request, NOW, &mut fresh()).as_ref(), Ok(&answer));
            assert!(CredentialRequest::decode(request).is_ok());
        }
        acknowledged += said.answers.len();
        withdrawn.extend(said.withdrawn);
        check_store(dir.path());
        // The ledger learns of every withdrawal, also of those whose process was killed before it could tell.
        issuer.publish(&ledger, NOW).unwrap();
        for (id, handle) in withdrawn.iter().filter(|(id, _)| id == LICENCE) {
            let list = ledger.list(&issuer, id, (*handle >> 32) as u32);
            assert_eq!(list.status(*handle as u32), Ok(Status::Revoked));
        }
        for (id, handle) in &withdrawn {
            let issued: Vec<_> =
                PEOPLE.iter().flat_map(|person| issuer.issued(&PersonId::new(*person)).unwrap()).collect();
            let credential = issued.iter().find(|c| c.credential_type == *id && c.handle == *handle).unwrap();
            assert!(credential.revoked_at.is_some(), "withdrawn for good");
        }
    }
    assert!(acknowledged > 0 && !withdrawn.is_empty());
    println!(
        "{kills} kills: {acknowledged} issues and {} withdrawals acknowledged, 0 lost; {unanswered} requests finished afterwards; \
         open and audit in {slowest:?} at worst; failure rate below {:.2} % (95 %)",
        withdrawn.len(),
        300.0 / kills as f64
    );
}

/// Invariants I2 and I3, read past the program.
fn check_store(dir: &std::path::Path) {
    let count = |sql: &str| database::number(dir, sql);
    if !database::is_postgresql() {
        assert_eq!(database::sql(dir, "PRAGMA integrity_check").unwrap(), [["ok"]]);
    }
    let doubled = "SELECT COUNT(*) FROM (SELECT 1 FROM credential WHERE revoked_at IS NULL GROUP BY person, credential_type HAVING COUNT(*) > 1) AS doubled";
    assert_eq!(count(doubled), 0, "at most one active credential");
    let reused = "SELECT COUNT(*) FROM (SELECT 1 FROM credential GROUP BY credential_type, handle HAVING COUNT(*) > 1) AS reused";
    assert_eq!(count(reused), 0, "no handle is used twice");
}
