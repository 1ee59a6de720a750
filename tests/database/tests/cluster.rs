//! The server that other tests rely on does what they rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use test_database::Cluster;

#[test]
fn what_is_committed_outlives_a_kill_and_nothing_outlives_the_cluster() {
    let cluster = Cluster::start();
    let url = cluster.database("kept");
    assert_eq!(cluster.sql(&url, "SHOW fsync"), [["on"]]);
    cluster.sql(&url, "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (7)");
    cluster.kill();
    assert!(cluster.try_sql(&url, "SELECT n FROM t").is_err(), "nobody answers");
    cluster.resume();
    assert_eq!(cluster.number(&url, "SELECT n FROM t"), 7);
    assert_eq!(cluster.number(&cluster.copy(&url), "SELECT n FROM t"), 7);
    let name = url.rsplit('/').next().unwrap();
    assert_eq!(cluster.number(&cluster.socket_url(name), "SELECT n FROM t"), 7);
    let wrong = url.replace("only-for-tests", "guessed");
    assert!(cluster.try_sql(&wrong, "SELECT 1").unwrap_err().contains("password authentication failed"));
    assert!(cluster.try_sql(&url, "SELECT 1 / 0").unwrap_err().contains("division by zero"));
    let folder = cluster.folder().to_owned();
    drop(cluster);
    assert!(!folder.exists());
}

/// Started by `a_server_ends_with_its_process`, and ended by it.
#[test]
#[ignore = "run by `a_server_ends_with_its_process` only"]
fn killed() {
    let cluster = Cluster::start();
    println!("\nfolder {}", cluster.folder().display());
    std::thread::sleep(std::time::Duration::from_secs(600));
}

#[test]
fn a_server_ends_with_its_process() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let folder = lines.find_map(|line| line.strip_prefix("folder ").map(str::to_owned)).unwrap();
    let running = std::path::Path::new(&folder).join("data/postmaster.pid");
    assert!(std::path::Path::new(&folder).join("log").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let began = std::time::Instant::now();
    let pid =
        || Command::new("pgrep").args(["-f", &format!("postgres -D {folder}")]).output().unwrap().status.success();
    while pid() {
        assert!(began.elapsed().as_secs() < 60, "the server runs on: {}", running.display());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // The process was killed, so nobody removed its files.
    let _ = Command::new("rm").arg("-rf").arg(folder).status();
}
