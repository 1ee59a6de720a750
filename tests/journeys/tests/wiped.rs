//! A validator loses its disk while organisations write to the others. The runbook of
//! `docs/howtos/replace-a-lost-disk.md`, with real processes.
//!
//! One disk by default; `cargo xtask campaign cluster` sets `MID_WIPES=20`, and the limit of the promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use journeys::{Cluster, Load};

/// Long enough for four validators on two busy cores.
const PATIENCE: Duration = Duration::from_secs(180);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn wait_for(what: &str, holds: impl Fn() -> bool, cluster: &Cluster) -> Duration {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > PATIENCE {
            (0..cluster.len()).for_each(|each| println!("validator {each}:\n{}", cluster.log(each)));
            panic!("{what}: not within {PATIENCE:?}");
        }
        sleep(Duration::from_millis(100));
    }
    began.elapsed()
}

fn has_share(folder: &Path) -> bool {
    let mut names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.any(|name| name.starts_with("share"))
}

#[test]
fn a_node_that_is_wiped_under_load_comes_back_and_nothing_acknowledged_is_lost() {
    let wipes = number("MID_WIPES", 1);
    let limit = Duration::from_secs(number("MID_STALL_LIMIT", 60));
    let place = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::with_epochs(place.path(), 4, Some(32));
    cluster.start_all();
    // The organisations that will write.
    let mut made = vec![0; 4];
    for _ in &made {
        cluster.write(&[0, 1, 2, 3], PATIENCE).expect("a first transaction");
    }
    let mut slowest = Duration::ZERO;
    for wipe in 0..wipes {
        let who = (3 + wipe as usize) % 4;
        let others: Vec<_> = (0..4).filter(|other| *other != who).collect();
        let load = Load::start(&cluster, &others, &made);
        // More than one epoch to read again.
        wait_for("some blocks", || cluster.height(others[0]) > 40, &cluster);

        // The disk is gone while transactions come in. What the safe keeps goes into an empty folder: no share.
        cluster.kill(who);
        let folder = cluster.folder(who).to_owned();
        let safe = ["node.key", "node.json", "genesis.json"].map(|name| (name, fs::read(folder.join(name)).unwrap()));
        let public = fs::read(folder.join("public.json")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        for (name, bytes) in safe {
            fs::write(folder.join(name), bytes).unwrap();
        }
        private(&folder.join("node.key"));
        cluster.launch(who);
        let target = cluster.height(others[0]);
        let behind = wait_for("the wiped node catches up", || cluster.height(who) >= target, &cluster);
        assert!(target > 0 && !has_share(&folder), "it has no vote that could contradict one that it forgot");

        // The governors give everybody a new share.
        fs::write(folder.join("public.json"), public).unwrap();
        cluster.renew_shares(1 + wipe, &others, PATIENCE).expect("the governors record the validators again");
        let dealt = wait_for("a new share", || has_share(&folder), &cluster);
        let (longest, now) = load.finish(&mut cluster);
        slowest = slowest.max(longest);
        let written: u64 = now.iter().zip(&made).map(|(now, before)| now - before).sum();
        made = now;
        println!("validator {who}: {target} blocks again in {behind:?}, a share after {dealt:?}, {written} written");

        // With another one gone, nothing is recorded without its vote.
        cluster.kill(others[0]);
        cluster.write(&[who], PATIENCE).expect("its vote counts");
        cluster.start(&others[..1]);
        cluster.wait_for_all(&[0, 1, 2, 3]);
        (0..4).for_each(|each| cluster.check_acknowledged(each, usize::MAX));
    }
    cluster.check_agreement(&[0, 1, 2, 3]);
    let acknowledged = cluster.acknowledged.len();
    println!("{wipes} disks lost under load, {acknowledged} acknowledged, 0 lost; the others took at most {slowest:?}");
    assert!(slowest <= limit, "{slowest:?}");
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
