//! `kill -9` at any moment: what was acknowledged stays, and the chain goes on.

mod common;

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{TextLedger, check_chain, init, start, wait_for};

const FOLDER: &str = "LEDGER_ENGINE_TEST_FOLDER";
const ROUNDS: usize = 20;

#[test]
fn no_acknowledged_transaction_is_lost_by_twenty_kills() {
    let root = tempfile::tempdir().unwrap();
    let folder = init(root.path(), 1).validators[0].folder.clone();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "the_process_that_is_killed", "--nocapture", "--test-threads=1"])
            .env(FOLDER, &folder)
            .env("ROUND", round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Let it acknowledge at least one, then kill it at an odd moment.
        let mut first = None;
        for line in lines.by_ref() {
            if let Some(text) = line.unwrap().strip_prefix("committed ") {
                first = Some(text.to_owned());
                break;
            }
        }
        eprintln!("round {round}: first commit {:?} after the start", started.elapsed());
        acknowledged.insert(first.expect("the child ended before it committed anything"));
        std::thread::sleep(Duration::from_micros(1_700 * (round as u64 * 7 % 23)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            acknowledged.extend(line.strip_prefix("committed ").map(str::to_owned));
        }
        let ledger = TextLedger::open(&folder);
        let kept: BTreeSet<String> = ledger.texts().into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
    }
    let (validator, ledger) = start(&folder);
    let before = ledger.texts().len();
    validator.submit(b"the end".to_vec()).unwrap();
    wait_for("the commit", || ledger.texts().last().is_some_and(|text| text == b"the end"));
    let blocks = ledger.committed.lock().unwrap().clone();
    let certified = check_chain(&validator, &blocks);
    eprintln!("{before} texts in {} blocks, {certified} with own certificate", blocks.len());
    validator.stop().unwrap();
}

#[test]
#[ignore = "run by no_acknowledged_transaction_is_lost_by_twenty_kills"]
fn the_process_that_is_killed() {
    let folder = PathBuf::from(env::var_os(FOLDER).unwrap());
    let round = env::var("ROUND").unwrap();
    let (validator, ledger) = start(&folder);
    let start = ledger.texts().len();
    let mut printed = start;
    let mut out = std::io::stdout().lock();
    for at in 0.. {
        validator.submit(format!("{round}/{at}").into_bytes()).unwrap();
        wait_for("the commit", || ledger.texts().len() > printed);
        for text in &ledger.texts()[printed..] {
            writeln!(out, "committed {}", String::from_utf8_lossy(text)).unwrap();
            printed += 1;
        }
        out.flush().unwrap();
    }
}
