//! `mid ledger init` and `mid ledger run`: a network of validators as separate processes.

mod load;
mod writing;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protocol::crypto::keys::Ed25519SigningKey;
use protocol::ledger::anchor::TrustAnchor;
use serde_json::Value;
use test_database::free_port;

use crate::proxy::Proxy;
use crate::services::Client;

pub use load::Load;

const NETWORK: &str = "kr-test";
/// Longest time until a node answers on a busy machine.
const START: Duration = Duration::from_secs(120);
/// A client asks again after this.
const PACE: Duration = Duration::from_millis(50);

/// A network of validators.
pub struct Cluster {
    /// The folder that holds everything.
    pub dir: PathBuf,
    /// Between the validators.
    pub proxy: Proxy,
    /// Where each validator listens for the others.
    pub places: Vec<SocketAddr>,
    folders: Vec<PathBuf>,
    apis: Vec<SocketAddr>,
    nodes: Vec<Option<Child>>,
    client: Client,
    anchor: Option<TrustAnchor>,
    governor: Ed25519SigningKey,
    next: u64,
    /// Transactions that were told to be final, with their heights.
    pub acknowledged: Vec<([u8; 32], u64)>,
}

fn free_addresses(count: usize) -> Vec<SocketAddr> {
    (0..count).map(|_| SocketAddr::from(([127, 0, 0, 1], free_port()))).collect()
}

impl Cluster {
    /// Makes a network: several validators run once, to make their key. None runs afterwards.
    ///
    /// # Panics
    /// When `mid ledger init` refuses.
    #[must_use]
    pub fn init(dir: &Path, validators: usize) -> Self {
        Self::with_epochs(dir, validators, None)
    }

    /// The same, with epochs of so many blocks: a change of validators then takes seconds.
    ///
    /// # Panics
    /// When `mid ledger init` refuses.
    #[must_use]
    pub fn with_epochs(dir: &Path, validators: usize, blocks: Option<u64>) -> Self {
        let (places, governor) = (free_addresses(validators), dir.join("governor.key"));
        std::fs::create_dir_all(dir).expect("a folder for the network");
        let network = dir.join("network");
        let mut command = crate::mid(&["ledger", "init", "--json", "--network", NETWORK, "--dir"]);
        command.arg(&network).arg("--governance-key").arg(&governor);
        if validators > 1 {
            for place in &places {
                command.args(["--validator", &place.to_string()]);
            }
        }
        crate::Outcome::of(&command.output().expect("mid can be started")).accepted();
        let folders = match validators {
            1 => vec![network],
            _ => (1..=validators).map(|at| network.join(format!("node{at}"))).collect(),
        };
        if let Some(blocks) = blocks {
            let lengthen = |founding: &mut Value| founding["epoch_blocks"] = blocks.into();
            folders.iter().for_each(|folder| rewrite(&folder.join("founding.json"), lengthen));
        }
        let seed: [u8; 32] = std::fs::read(&governor).expect("a key").try_into().expect("32 bytes");
        let mut cluster = Self {
            dir: dir.to_owned(),
            proxy: Proxy::before(&places),
            places,
            apis: free_addresses(validators),
            nodes: folders.iter().map(|_| None).collect(),
            folders,
            client: Client::default(),
            anchor: None,
            governor: Ed25519SigningKey::from_seed(&seed),
            next: 0,
            acknowledged: Vec::new(),
        };
        cluster.start_all();
        cluster.kill_all();
        let anchor = std::fs::read(cluster.folders[0].join("anchor.cbor")).expect("a trust anchor");
        cluster.anchor = Some(TrustAnchor::decode(&anchor).expect("a trust anchor"));
        reroute(&cluster.folders, &cluster.places, &cluster.proxy);
        cluster
    }

    /// How many validators there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A validator's folder.
    #[must_use]
    pub fn folder(&self, who: usize) -> &Path {
        &self.folders[who]
    }

    /// What a validator's process printed.
    #[must_use]
    pub fn log(&self, who: usize) -> String {
        std::fs::read_to_string(self.log_file(who)).unwrap_or_default()
    }

    fn log_file(&self, who: usize) -> PathBuf {
        self.dir.join(format!("node-{who}.log"))
    }

    /// Starts a validator and does not wait for it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn launch(&mut self, who: usize) {
        self.launch_with(who, &[]);
    }

    /// As [`Cluster::launch`], with more arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn launch_with(&mut self, who: usize, more: &[&str]) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file(who)).expect("a log file");
        let child = Command::new(crate::program())
            .args(["ledger", "run", "--heartbeat", "1", "--dir"])
            .arg(&self.folders[who])
            .args(["--listen", &self.apis[who].to_string()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log once more"))
            .stderr(log)
            .spawn()
            .expect("mid can be started");
        self.nodes[who] = Some(child);
    }

    /// Starts validators and waits until they answer.
    ///
    /// # Panics
    /// When one does not.
    pub fn start(&mut self, who: &[usize]) {
        who.iter().for_each(|who| self.launch(*who));
        for who in who {
            let began = Instant::now();
            while self.get(*who, "/v1/status").is_none() {
                assert!(!self.ended(*who), "validator {who} ended: {}", self.log(*who));
                assert!(began.elapsed() < START, "validator {who} does not answer: {}", self.log(*who));
                std::thread::sleep(PACE);
            }
        }
    }

    /// Starts all validators and waits until they answer.
    pub fn start_all(&mut self) {
        self.start(&(0..self.len()).collect::<Vec<_>>());
    }

    /// `kill -9`.
    pub fn kill(&mut self, who: usize) {
        if let Some(mut child) = self.nodes[who].take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// `kill -9` of all, at once.
    pub fn kill_all(&mut self) {
        for child in self.nodes.iter_mut().flatten() {
            let _ = child.kill();
        }
        (0..self.len()).for_each(|who| self.kill(who));
    }

    /// Sends a signal, such as `STOP`, to a validator.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, who: usize, signal: &str) {
        let pid = self.nodes[who].as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill runs").success());
    }

    /// Memory that a validator's process holds, in KiB.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn memory(&self, who: usize) -> u64 {
        let pid = self.nodes[who].as_ref().expect("it runs").id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Has a validator look for its peers somewhere else.
    ///
    /// # Panics
    /// When its `node.json` cannot be changed.
    pub fn point(&self, who: usize, peers: &[SocketAddr]) {
        rewrite_peers(&self.folders[who], |at, peer| peer["address"] = peers[at].to_string().into());
    }

    /// Whether a validator's process ended by itself.
    pub fn ended(&mut self, who: usize) -> bool {
        self.nodes[who].as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }

    /// A question to a validator; nothing when it does not answer.
    #[must_use]
    pub fn get(&self, who: usize, path: &str) -> Option<(u16, Vec<u8>)> {
        self.client.get(&format!("http://{}{path}", self.apis[who]))
    }

    /// Where a validator's API is.
    #[must_use]
    pub fn url(&self, who: usize) -> String {
        format!("http://{}", self.apis[who])
    }

    /// What a validator says of itself.
    #[must_use]
    pub fn status(&self, who: usize) -> Option<Value> {
        serde_json::from_slice(&self.get(who, "/v1/status")?.1).ok()
    }

    /// Height of a validator's last block.
    #[must_use]
    pub fn height(&self, who: usize) -> u64 {
        self.status(who).and_then(|status| status["height"].as_u64()).unwrap_or(0)
    }

    /// Where a validator says that a transaction stands.
    #[must_use]
    pub fn recorded(&self, who: usize, id: &[u8; 32]) -> Option<u64> {
        let (status, body) = self.get(who, &format!("/v1/transactions/{}", hex::encode(id)))?;
        let answer: Value = serde_json::from_slice(&body).ok()?;
        if status == 200 { answer["height"].as_u64() } else { None }
    }

    /// Every one of the last `count` acknowledged transactions is where it was said to be.
    ///
    /// # Panics
    /// When one was lost or moved.
    pub fn check_acknowledged(&self, who: usize, count: usize) {
        for (id, height) in self.acknowledged.iter().rev().take(count) {
            let found = self.recorded(who, id);
            assert_eq!(found, Some(*height), "validator {who} lost an acknowledged transaction");
        }
    }

    /// Waits until all these validators have the last acknowledged transaction.
    ///
    /// # Panics
    /// When they do not get it.
    pub fn wait_for_all(&self, who: &[usize]) {
        let Some((id, height)) = self.acknowledged.last() else { return };
        for who in who {
            let began = Instant::now();
            while self.recorded(*who, id) != Some(*height) {
                assert!(began.elapsed() < START, "validator {who} does not catch up: {}", self.log(*who));
                std::thread::sleep(PACE);
            }
        }
    }

    /// No two of these validators have different headers at one height, up to the lowest of their tips.
    ///
    /// # Panics
    /// When there is a fork.
    pub fn check_agreement(&self, who: &[usize]) {
        let lowest = who.iter().map(|who| self.height(*who)).min().unwrap_or(0);
        for height in 1..=lowest {
            let header = |who: usize| {
                // The certificate beside it may differ: any quorum's is good.
                let (status, body) = self.get(who, &format!("/v1/headers/{height}")).expect("an answer");
                assert_eq!(status, 200, "validator {who} has no block {height}");
                body.get(..148).map(<[u8]>::to_vec)
            };
            let first = header(who[0]);
            for other in &who[1..] {
                assert_eq!(header(*other), first, "a fork at height {height}");
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// Has every validator look for its peers behind the proxy.
fn reroute(folders: &[PathBuf], places: &[SocketAddr], proxy: &Proxy) {
    for (from, folder) in folders.iter().enumerate() {
        rewrite_peers(folder, |_, peer| {
            let address = peer["address"].as_str().expect("an address").parse().expect("an address");
            let to = places.iter().position(|place| *place == address).expect("a validator's address");
            peer["address"] = proxy.address(from, to).to_string().into();
        });
    }
}

/// Changes the peers in a validator's `node.json`.
fn rewrite_peers(folder: &Path, change: impl Fn(usize, &mut Value)) {
    rewrite(&folder.join("node.json"), |node| {
        let peers = node["peers"].as_array_mut().expect("peers");
        peers.iter_mut().enumerate().for_each(|(at, peer)| change(at, peer));
    });
}

/// Changes a file of JSON.
fn rewrite(path: &Path, change: impl Fn(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
    change(&mut json);
    std::fs::write(path, json.to_string()).expect("the file can be written");
}
