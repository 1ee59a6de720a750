//! J13, the other half: the data centre burns, and the ledger comes back from one backup. The commands of
//! `docs/howtos/restore-the-ledger.md`, in its order, with real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use journeys::{Client, mid, run};
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::identifier::Did;
use serde_json::json;

/// Validators as processes; killed when dropped.
struct Cluster {
    processes: Vec<Child>,
    urls: Vec<String>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().to_string()
}

impl Cluster {
    fn start(folders: &[PathBuf]) -> Self {
        let listens: Vec<String> = folders.iter().map(|_| address()).collect();
        let start = |(folder, listen): (&PathBuf, &String)| {
            let mut command = mid(&["ledger", "run", "--listen", listen, "--heartbeat", "2", "--dir"]);
            command.arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let processes = folders.iter().zip(&listens).map(start).collect();
        let urls: Vec<String> = listens.iter().map(|listen| format!("http://{listen}")).collect();
        let client = Client::default();
        for url in &urls {
            eventually(|| client.get(&format!("{url}/health/live")).filter(|(status, _)| *status == 200));
        }
        Self { processes, urls }
    }
}

fn eventually<T>(ask: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(180), "not within three minutes");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Registers an organisation and returns its DID, once that is final.
fn register(place: &Path, url: &str, n: u8) -> String {
    let own = place.join(format!("own-{n}.key"));
    if !own.exists() {
        fs::write(&own, [n; 32]).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let key = Ed25519SigningKey::from_seed(&[n; 32]).public_key();
    let did = Did::derive("kr", &key.to_multicodec()).unwrap().to_string();
    let purposes = ["assertion", "authentication", "control"];
    let keys = json!([{ "fragment": "key-1", "key": key.to_multikey(), "purposes": purposes, "from": 0 }]);
    let draft = json!({ "sender": { "did": { "did": did } }, "records": [{ "did": { "did": did, "keys": keys } }] });
    let file = place.join(format!("draft-{n}.json"));
    fs::write(&file, draft.to_string()).unwrap();
    let governor = place.join("governor.key");
    let [file, own, governor] = [&file, &own, &governor].map(|path| path.to_str().unwrap());
    let submit = ["ledger", "submit", file, "--key", own, "--key", governor, "--url", url];
    // It may have become final although nobody was told.
    let resolve = ["ledger", "resolve", &did, "--url", url];
    eventually(|| (run(&submit).code == 0 || run(&resolve).code == 0).then_some(()));
    did
}

#[test]
fn j13_all_validators_burn_and_come_back_from_one_backup() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let (dir, governor) = (path("ledger"), path("governor.key"));
    let mut init = vec!["ledger", "init", "--dir", &dir, "--network", "kr", "--governance-key", &governor];
    let peers: Vec<String> = (0..4).map(|_| address()).collect();
    peers.iter().for_each(|peer| init.extend(["--validator", peer.as_str()]));
    run(&init).accepted();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(place.path().join("ledger")).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    assert_eq!(folders.len(), 4);

    // The founders make the group key among themselves before any of them serves.
    let cluster = Cluster::start(&folders);
    fs::copy(folders[0].join("anchor.cbor"), place.path().join("anchor.cbor")).unwrap();
    let before: Vec<String> = (1..=4).map(|n| register(place.path(), &cluster.urls[usize::from(n) % 4], n)).collect();
    // The validator of the backup may hear of the last block after the one that was asked.
    let (backup, folder) = (path("backup.sqlite"), folders[2].to_str().unwrap());
    let told = eventually(|| {
        let _ = fs::remove_file(&backup);
        let told = run(&["ledger", "backup", "--dir", folder, "--out", &backup]).accepted();
        (told["transactions"].as_u64().unwrap() >= 4).then_some(told)
    });
    assert_eq!(run(&["ledger", "examine", &backup]).accepted(), told);
    // A bundle that a terminal fetched before the fire.
    let (anchor, bundle) = (path("anchor.cbor"), path("bundle.cbor"));
    let fetched = eventually(|| {
        let outcome = run(&["ledger", "bundle", "--url", &cluster.urls[2], "--anchor", &anchor, "--out", &bundle]);
        (outcome.code == 0).then_some(outcome.json)
    });
    drop(cluster);

    // Each operator has its own keys in a safe; everything else burns.
    let kept: Vec<PathBuf> = (1..=4).map(|n| place.path().join(format!("anew-{n}"))).collect();
    for (folder, kept) in folders.iter().zip(&kept) {
        fs::create_dir(kept).unwrap();
        for key in ["node.key", "share.key", "node.json"] {
            fs::copy(folder.join(key), kept.join(key)).unwrap();
        }
    }
    fs::remove_dir_all(place.path().join("ledger")).unwrap();
    // Keys of another network, and a backup with one changed byte in the middle, are refused.
    let bytes = fs::read(&backup).unwrap();
    let mut changed = bytes.clone();
    let did = before[1].as_bytes();
    let at = changed.windows(did.len()).position(|window| window == did).expect("the record is in the file");
    changed[at + did.len() - 1] ^= 1;
    fs::write(path("changed.sqlite"), changed).unwrap();
    let restore = |backup: &str, folder: &Path| {
        run(&["ledger", "restore", "--backup", backup, "--dir", folder.to_str().unwrap()])
    };
    assert_ne!(restore(&path("changed.sqlite"), &kept[0]).refused(), "");
    for folder in &kept {
        assert_eq!(restore(&backup, folder).accepted(), told);
    }
    assert_eq!(restore(&backup, &kept[0]).refused(), "InTheWay");

    // Three of four are enough to go on; the trust anchor is the one that everybody has.
    let cluster = Cluster::start(&kept[..3]);
    for did in &before {
        run(&["ledger", "resolve", did, "--url", &cluster.urls[1]]).accepted();
    }
    let after = register(place.path(), &cluster.urls[0], 9);
    let floor = fetched["height"].as_u64().unwrap().to_string();
    let newer = path("newer.cbor");
    let state = eventually(|| {
        let fetch =
            ["ledger", "bundle", "--url", &cluster.urls[0], "--anchor", &anchor, "--floor", &floor, "--out", &newer];
        let outcome = run(&fetch);
        (outcome.code == 0 && outcome.json["height"].as_u64() > told["height"].as_u64()).then_some(outcome.json)
    });
    assert!(state["height"].as_u64().unwrap() > told["height"].as_u64().unwrap());
    for did in before.iter().chain([&after]) {
        run(&["ledger", "resolve", did, "--bundle", &newer, "--anchor", &anchor]).accepted();
    }
    drop(cluster);
    // The fourth comes a day later, and restarts work as ever.
    let cluster = Cluster::start(&kept);
    let last = register(place.path(), &cluster.urls[3], 10);
    eventually(|| (run(&["ledger", "resolve", &last, "--url", &cluster.urls[3]]).code == 0).then_some(()));
    let client = Client::default();
    for url in &cluster.urls {
        eventually(|| client.get(&format!("{url}/health/ready")).filter(|(status, _)| *status == 200));
    }
}
