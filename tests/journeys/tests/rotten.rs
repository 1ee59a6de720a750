//! One bit changes on a validator's disk: it says so and serves nothing, is wiped, and begins again with the state of the
//! others. The commands of `docs/howtos/a-new-or-wiped-node.md`, in its order, with real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use journeys::{Cluster, run};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);
const DATABASE: &str = "ledger.sqlite";

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(100));
    }
}

fn error(answer: Option<(u16, Vec<u8>)>) -> (u16, String) {
    let (status, body) = answer.expect("an answer");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, body["error"].as_str().unwrap_or_default().to_owned())
}

/// Changes one bit in the last place where the file holds a name.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let name = b"did:mid:kr-test:";
    let at = bytes.windows(name.len()).rposition(|window| window == name).expect("a name in the file");
    bytes[at + name.len() + 3] ^= 4;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_bit_is_found_and_the_wiped_node_begins_with_the_state_of_the_others() {
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::init(place.path(), 4);
    cluster.start_all();
    for _ in 0..12 {
        cluster.write(&[0, 1, 2, 3], PATIENCE).expect("four record");
    }
    let folder = cluster.folder(3).to_owned();
    let text = folder.display().to_string();
    let audited = run(&["ledger", "audit", "--dir", &text]).accepted();
    assert!(audited["height"].as_u64() > Some(1) && audited["executed"] == audited["transactions"], "{audited}");

    // An orderly stop; then the disk changes one bit.
    cluster.signal(3, "TERM");
    let began = Instant::now();
    while !cluster.ended(3) {
        assert!(began.elapsed() < PATIENCE, "it does not stop");
        sleep(Duration::from_millis(50));
    }
    cluster.kill(3);
    flip(&folder.join(DATABASE));
    let started = run(&["ledger", "run", "--dir", &text, "--listen", "127.0.0.1:0"]);
    assert_eq!(started.refused(), "Damaged", "{}", started.text);
    assert!(started.text.contains("a-new-or-wiped-node"), "it says what to do: {}", started.text);
    assert_eq!(run(&["ledger", "audit", "--dir", &text]).refused(), "Damaged");

    // The others go on meanwhile. Its keys are put into an empty folder.
    cluster.write(&[0, 1, 2], PATIENCE).expect("three of four record");
    let damaged = place.path().join("damaged");
    fs::rename(&folder, &damaged).unwrap();
    fs::create_dir(&folder).unwrap();
    for name in ["node.key", "node.json", "genesis.json", "anchor.cbor", "share.key"] {
        fs::copy(damaged.join(name), folder.join(name)).unwrap();
    }
    let sources: Vec<String> = (0..3).map(|who| cluster.url(who)).collect();
    let from: Vec<&str> = sources.iter().flat_map(|url| ["--sync-from", url.as_str()]).collect();
    let with_share = [&["ledger", "run", "--dir", &text, "--listen", "127.0.0.1:0"][..], &from].concat();
    assert_eq!(run(&with_share).refused(), "ShareInTheWay");
    fs::remove_file(folder.join("share.key")).unwrap();

    // Killed at any moment, it begins again, or goes on.
    for pause in [30, 250, 700] {
        cluster.launch_with(3, &from);
        sleep(Duration::from_millis(pause));
        cluster.kill(3);
    }
    cluster.launch_with(3, &from);
    eventually("it follows", || cluster.get(3, "/health/ready").is_some_and(|(status, _)| status == 200));
    cluster.write(&[0, 1, 2, 3], PATIENCE).expect("the ledger goes on");
    cluster.wait_for_all(&[3]);
    println!("{}", cluster.log(3));

    // What it has is what the others have; what it does not have, it says.
    let last = cluster.acknowledged.last().copied().unwrap();
    assert_eq!(cluster.recorded(3, &last.0), Some(last.1));
    assert_eq!(error(cluster.get(3, "/v1/headers/1")), (404, "NotKept".into()));
    assert_eq!(error(cluster.get(3, "/v1/headers/1000000")), (404, "NotFound".into()));
    let first = hex::encode(cluster.acknowledged[0].0);
    assert_eq!(error(cluster.get(3, &format!("/v1/transactions/{first}"))), (404, "UnknownHere".into()));
    let (_, page) = cluster.get(3, "/explorer/en/").expect("a page");
    assert!(String::from_utf8_lossy(&page).contains("keeps history from this block on"));
    let audited = run(&["ledger", "audit", "--dir", &text]).accepted();
    assert!(audited["first"].as_u64() > Some(1) && audited["executed"].is_null(), "{audited}");

    // A restart does not fetch anything, and others may begin with it.
    cluster.kill(3);
    cluster.launch_with(3, &from);
    eventually("it follows again", || cluster.get(3, "/health/ready").is_some_and(|(status, _)| status == 200));
    assert_eq!(cluster.get(3, "/v1/snapshot").expect("an answer").0, 200);
    assert_eq!(error(cluster.get(3, "/v1/snapshot/1?at=")), (404, "SnapshotGone".into()));
    assert_eq!(error(cluster.get(3, "/v1/snapshot/1?at=xyz")), (400, "Malformed".into()));
}
