//! Children that use a wallet until they are killed, and say what they did.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wallet_core::{SoftwareSecureArea, Wallet};

/// Names of what a child is told: where its wallet is, which run it is, and whether it ends by itself.
pub(crate) const PLACE: &str = "CHILD_WALLET_PLACE";
pub(crate) const RUN: &str = "CHILD_WALLET_RUN";
pub(crate) const ONCE: &str = "CHILD_WALLET_ONCE";

pub(crate) fn open(place: &Path) -> Wallet {
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    let area = SoftwareSecureArea::open_or_create(&place.join("phone"), &mut rng).unwrap();
    Wallet::open(&place.join("wallet"), Arc::new(area)).unwrap()
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@{line}").unwrap();
    out.flush().unwrap();
}

/// The test `child` of this program, as a process of its own.
pub(crate) fn start(child: &str, place: &Path, run: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", child, "--ignored", "--nocapture"]).env(PLACE, place).env(RUN, run.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Runs `child` once under `strace` with these arguments: what it said, and how it ended.
///
/// # Panics
/// When it ended otherwise than by itself or by SIGKILL, with what it wrote.
pub(crate) fn traced(child: &Command, arguments: &[&str]) -> (Vec<String>, ExitStatus) {
    let output = Command::new("strace")
        .args(["-f", "-qq"])
        .args(arguments)
        .arg(child.get_program())
        .args(child.get_args())
        .envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env(ONCE, "1")
        .output()
        .unwrap();
    let killed = output.status.signal() == Some(9) || output.status.code() == Some(128 + 9);
    let wrote = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || killed, "{child:?}: {}\n{wrote}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    (said.lines().filter_map(|line| line.strip_prefix('@')).map(str::to_owned).collect(), output.status)
}

/// As [`traced`], killed at the call `call` number `when`; and whether it ended before there was one.
pub(crate) fn killed_at(child: &Command, call: &str, when: usize) -> (Vec<String>, bool) {
    let inject = format!("inject={call}:signal=SIGKILL:when={when}");
    let (said, status) = traced(child, &["-o", "/dev/null", "-e", &inject]);
    (said, status.success())
}
