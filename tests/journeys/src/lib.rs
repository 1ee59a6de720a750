//! Drives the `mid` program as people do: separate processes, files, real sockets.
//!
//! The program has to be built first (`cargo xtask test` does); [`program`] finds it beside the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

mod asking;
mod balancer;
pub mod browser;
mod citizen;
mod cluster;
pub mod comet;
mod instances;
mod page;
mod proxy;
mod relay;
mod relying;
mod services;
pub mod snapshot;

pub use asking::{credential_request, evidence};
pub use balancer::Balancer;
pub use citizen::{Citizen, PIN, WRONG_PIN};
pub use cluster::{Cluster, Load};
pub use instances::Instances;
pub use page::LogInPage;
pub use proxy::Proxy;
pub use relay::Relay;
pub use relying::{Registered, RelyingParty, free_address};
pub use services::{Client, Services};

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// The driver's licence.
pub const LICENCE: &str = "kr.go.police.driver-licence.1";
/// The ZK identity.
pub const ZK_IDENTITY: &str = "kr.go.police.zk-identity.1";

/// The built program.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    // Tests run in `deps`, one folder below; the benchmark beside the program.
    let folder = test.parent().expect("a program has a folder");
    let folder = if folder.ends_with("deps") { folder.parent().expect("deps is in a folder") } else { folder };
    let path = folder.join("mid");
    assert!(path.exists(), "{} is missing: build it first with `cargo build --release`", path.display());
    path
}

/// `mid` with these arguments.
#[must_use]
pub fn mid(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    command
}

/// What came out of a command: the exit code, and the JSON it printed.
#[derive(Debug)]
pub struct Outcome {
    /// 0 accepted, 1 refused, 2 wrong use.
    pub code: i32,
    /// The answer with `--json`.
    pub json: Value,
    /// Everything printed.
    pub text: String,
}

impl Outcome {
    /// Reads what a finished command left.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
        let json = stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null);
        Self { code: output.status.code().unwrap_or(-1), json, text }
    }

    /// The name of the refusal.
    ///
    /// # Panics
    /// When it was not refused.
    #[must_use]
    pub fn refused(&self) -> &str {
        assert_eq!(self.code, 1, "expected a refusal: {}", self.text);
        self.json["refused"].as_str().expect("a refusal has a name")
    }

    /// The answer.
    ///
    /// # Panics
    /// When there is none.
    #[allow(clippy::must_use_candidate, reason = "that it is there is often all there is to know")]
    pub fn accepted(self) -> Value {
        assert_eq!(self.code, 0, "expected success: {}", self.text);
        self.json
    }
}

/// Runs `mid … --json`.
///
/// # Panics
/// When the program cannot be started.
#[must_use]
pub fn run(arguments: &[&str]) -> Outcome {
    Outcome::of(&mid(arguments).arg("--json").output().expect("mid can be started"))
}

/// Runs `mid … --json` under another program, e.g. `unshare -n`.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run_under(wrapper: &[&str], arguments: &[&str]) -> Outcome {
    let (first, rest) = wrapper.split_first().expect("a wrapper has a name");
    let mut command = Command::new(first);
    command.args(rest).arg(program()).args(arguments).arg("--json");
    Outcome::of(&command.output().unwrap_or_else(|error| panic!("{first} cannot be started: {error}")))
}

/// Where there is no network at all.
pub const OFFLINE: [&str; 4] = ["unshare", "--user", "--map-root-user", "--net"];

/// Waits for what other processes have to notice first.
///
/// # Panics
/// When it does not happen within a minute.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !done() {
        assert!(began.elapsed().as_secs() < 60, "it does not happen: {what}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// The present, in Unix seconds.
///
/// # Panics
/// On a clock before 1970.
#[must_use]
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// A time as the command line takes it.
///
/// # Panics
/// Beyond the year 9999.
#[must_use]
pub fn rfc3339(seconds: u64) -> String {
    let days = u32::try_from(seconds / 86_400).expect("a date") + 25_567;
    let day = protocol::credential::Day::from_number(days).expect("a date before 10000");
    let rest = seconds % 86_400;
    format!("{day}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}
