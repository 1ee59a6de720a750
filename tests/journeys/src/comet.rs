//! CometBFT, four validators with its own key-value application: a permissioned ledger of others, measured beside ours.
//!
//! Its transactions carry no signature and it proves no record to anybody; what is compared is how long it takes until four
//! validators agree.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_database::free_port;

use crate::Client;

/// The version that is measured.
pub const VERSION: &str = "0.38.19";

/// The program, which is compiled from the Go modules on first use.
///
/// # Errors
/// Why it is not there.
pub fn program() -> Result<PathBuf, String> {
    let folder = crate::program().parent().and_then(Path::parent).expect("the program is in a folder").join("cometbft");
    let path = folder.join("cometbft");
    if !path.exists() {
        if !Command::new("go").arg("version").output().is_ok_and(|said| said.status.success()) {
            return Err("Go is not installed, from which CometBFT is compiled".to_owned());
        }
        let module = format!("github.com/cometbft/cometbft/cmd/cometbft@v{VERSION}");
        let built = Command::new("go").args(["install", &module]).env("GOBIN", &folder).output();
        let built = built.map_err(|error| error.to_string())?;
        if !built.status.success() {
            return Err(String::from_utf8_lossy(&built.stderr).trim().to_owned());
        }
    }
    let said = Command::new(&path).arg("version").output().map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    if version.starts_with(VERSION) { Ok(path) } else { Err(format!("another version is there: {version}")) }
}

/// Four running validators; killed when dropped.
pub struct CometBft {
    nodes: Vec<Child>,
    urls: Vec<String>,
    client: Client,
}

impl Drop for CometBft {
    fn drop(&mut self) {
        for child in &mut self.nodes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl CometBft {
    /// Makes a network in `home` and waits until it records. `pause` is how long its validators wait after each block for
    /// late votes (`timeout_commit`, `1s` as it comes).
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn start(program: &Path, home: &Path, pause: &str) -> Self {
        let made = Command::new(program).args(["testnet", "--v", "4", "--o"]).arg(home).output().expect("it runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let ports: Vec<(u16, u16)> = (0..4).map(|_| (free_port(), free_port())).collect();
        let folder = |n: usize| home.join(format!("node{n}"));
        let id = |n: usize| {
            let told = Command::new(program).args(["show-node-id", "--home"]).arg(folder(n)).output().expect("it runs");
            String::from_utf8_lossy(&told.stdout).trim().to_owned()
        };
        let peers: Vec<String> = (0..4).map(|n| format!("{}@127.0.0.1:{}", id(n), ports[n].0)).collect();
        let start = |n: usize| {
            let config = folder(n).join("config/config.toml");
            let mut text = std::fs::read_to_string(&config).expect("a configuration");
            // As many that wait for finality at once as our senders are.
            for (from, to) in [
                ("max_subscription_clients = 100", "max_subscription_clients = 1000".to_owned()),
                ("timeout_commit = \"1s\"", format!("timeout_commit = \"{pause}\"")),
            ] {
                assert!(text.contains(from), "the configuration has no `{from}`");
                text = text.replace(from, &to);
            }
            std::fs::write(&config, text).expect("the configuration can be written");
            Command::new(program)
                .args(["node", "--proxy_app", "kvstore", "--log_level", "error", "--home"])
                .arg(folder(n))
                .arg(format!("--p2p.laddr=tcp://127.0.0.1:{}", ports[n].0))
                .arg(format!("--rpc.laddr=tcp://127.0.0.1:{}", ports[n].1))
                .arg(format!("--p2p.persistent_peers={}", peers.join(",")))
                .arg("--rpc.pprof_laddr=")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it runs")
        };
        let urls = ports.iter().map(|(_, rpc)| format!("http://127.0.0.1:{rpc}")).collect();
        let network = Self { nodes: (0..4).map(start).collect(), urls, client: Client::default() };
        let began = Instant::now();
        while network.submit(0, "first").is_none() {
            assert!(began.elapsed() < Duration::from_secs(120), "no block in two minutes");
            std::thread::sleep(Duration::from_millis(200));
        }
        network
    }

    /// Records a value of about the size of one of our updates under `key`, through one of the validators, and waits until
    /// it is final; nothing when it was not taken.
    #[must_use]
    pub fn submit(&self, via: usize, key: &str) -> Option<()> {
        let (url, value) = (&self.urls[via % self.urls.len()], "5a".repeat(150));
        let answer = self.client.get(&format!("{url}/broadcast_tx_commit?tx=%22{key}={value}%22"))?;
        let answer: Value = serde_json::from_slice(&answer.1).ok()?;
        let result = answer.get("result")?;
        let taken = result["check_tx"]["code"] == 0 && result["tx_result"]["code"] == 0 && result["height"] != "0";
        taken.then_some(())
    }
}
