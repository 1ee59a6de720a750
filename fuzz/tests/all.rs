//! The corpus through every target, then changes of it for ten seconds each, two targets at a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use fuzz::drive;
use fuzz::targets::{ALL, Target};

#[test]
fn no_input_panics_takes_long_or_takes_much() {
    let (next, found) = (Mutex::new(ALL.iter()), Mutex::new(Vec::new()));
    // A process each, so that the memory of one is not another's.
    let work = || {
        while let Some(target) = { next.lock().unwrap().next() } {
            let done = Command::new(env!("CARGO_BIN_EXE_fuzz")).args([target.name, "10"]).output().unwrap();
            print!("{}", String::from_utf8_lossy(&done.stdout));
            if !done.status.success() {
                found.lock().unwrap().push(String::from_utf8_lossy(&done.stdout).into_owned());
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_input_that_panics_is_found() {
    let fragile = |bytes: &[u8]| {
        assert!(bytes.len() % 7 != 3);
        false
    };
    let found = drive::run(&Target { name: "types", run: fragile }, 1, Duration::from_secs(60)).err().unwrap();
    assert_eq!((found.what.as_str(), found.input.len() % 7), ("panics", 3));
}
