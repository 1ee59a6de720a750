//! What the ledger does on this machine: four validators, each a process of its own, talked to over HTTP.
//!
//! `cargo xtask bench --ledger [--json FILE] [--seconds N]`. All of it runs on one machine at once, the senders included;
//! every transaction's signature is checked by each validator. Beside it, where Go is installed, CometBFT's four
//! validators with its own key-value application in the same run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement stops at the first surprise"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journeys::{Client, now, run};
use protocol::credential::CredentialType;
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    Accreditation, DidKey, DidRecord, LedgerProof, Purposes, Record, Sender, StateKey, StatusListAnchor,
    TransactionBody, TrustAnchor, TypeDefinition, Write, proof,
};
use serde_json::{Value, json};

/// Issuers that write at the same time, each to lists of its own.
const ISSUERS: usize = 32;
/// Transactions of one issuer on their way at once.
const IN_FLIGHT: usize = 12;
/// Transactions one after another, for latency without queues.
const SINGLE: usize = 60;

struct Nodes(Vec<Child>);

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
    let seconds: u64 = given("--seconds").map_or(20, |n| n.parse().expect("a number of seconds"));
    let place = tempfile::tempdir().expect("a folder");
    let dir = place.path().join("ledger");
    let governor = place.path().join("governor.key");
    let (dir_text, key_text) = (dir.display().to_string(), governor.display().to_string());
    let peers: Vec<String> = (0..4).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let mut init = vec!["ledger", "init", "--dir", &dir_text, "--network", "kr", "--governance-key", &key_text];
    peers.iter().for_each(|peer| init.extend(["--validator", peer.as_str()]));
    run(&init).accepted();
    let folders: Vec<PathBuf> = (1..=4).map(|n| folder(&dir, n)).collect();
    let urls: Vec<String> = (0..4).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let start = |(folder, listen): (&PathBuf, &String)| {
        Command::new(journeys::program())
            .args(["ledger", "run", "--dir"])
            .arg(folder)
            .args(["--listen", listen])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mid can be started")
    };
    let _nodes = Nodes(folders.iter().zip(&urls).map(start).collect());
    let urls: Vec<String> = urls.iter().map(|listen| format!("http://{listen}")).collect();
    let client = Client::default();
    for url in &urls {
        wait(|| client.get(&format!("{url}/health/live")).is_some_and(|(status, _)| status == 200));
    }
    let anchor =
        TrustAnchor::decode(&client.get(&format!("{}/v1/anchor", urls[0])).expect("an anchor").1).expect("an anchor");
    let world = World { urls, anchor, client };
    let governor = journeys_key(&governor);
    let issuers: Vec<Issuer> = (0..ISSUERS).map(Issuer::new).collect();
    world.set_up(&governor, &issuers);

    let mut single: Vec<f64> =
        (0..SINGLE).map(|n| world.update(&issuers[0], n as u64, 0).as_secs_f64() * 1_000.0).collect();
    single.sort_by(f64::total_cmp);
    println!("one at a time: submitted → final p50 {:.0} ms, p99 {:.0} ms", at(&single, 50), at(&single, 99));

    let before = world.height();
    let (done, mut loaded, took) = world.load(&issuers, Duration::from_secs(seconds), SINGLE as u64);
    loaded.sort_by(f64::total_cmp);
    let (rate, blocks) = (done as f64 / took.as_secs_f64(), world.height() - before);
    println!(
        "under load: {done} updates in {:.1} s = {rate:.0} per second, {blocks} blocks, p50 {:.0} ms, p99 {:.0} ms",
        took.as_secs_f64(),
        at(&loaded, 50),
        at(&loaded, 99)
    );

    let key = StateKey::did(&issuers[0].did);
    let (bytes, checks) = world.light_client(&key);
    println!("light client: proof of {bytes} bytes, checked in {:.2} ms (median)", at(&checks, 50));
    let wasm = wasm_check(&world, &key, place.path());
    if let Some(wasm) = &wasm {
        println!("the same in wasm: {wasm} ms (median)");
    }
    let (_, bundle) = world.client.get(&format!("{}/v1/bundle", world.urls[0])).expect("a bundle");
    let comet = comet_bft(place.path());
    let figures = json!({
        "machine": machine(),
        "validators": 4, "processes": "4 validators and all senders on this one machine",
        "signatures_checked": true,
        "single": { "transactions": SINGLE, "p50_ms": at(&single, 50), "p99_ms": at(&single, 99) },
        "load": { "updates": done, "seconds": took.as_secs_f64(), "per_second": rate, "blocks": blocks,
            "p50_ms": at(&loaded, 50), "p99_ms": at(&loaded, 99), "senders": ISSUERS, "in_flight": ISSUERS * IN_FLIGHT },
        "light_client": { "proof_bytes": bytes, "native_p50_ms": at(&checks, 50), "wasm_p50_ms": wasm },
        "bundle_bytes": bundle.len(),
        "database_bytes": std::fs::metadata(folders[0].join("ledger.sqlite")).map_or(0, |file| file.len()),
        "cometbft": comet,
    });
    println!("{figures}");
    if let Some(file) = given("--json") {
        std::fs::write(file, figures.to_string()).expect("the figures can be written");
    }
}

/// Folder of the `n`-th validator, whatever it is called.
fn folder(dir: &Path, n: usize) -> PathBuf {
    [format!("validator-{n}"), format!("node{n}"), format!("node{}", n - 1)]
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.exists())
        .expect("a validator's folder")
}

fn machine() -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({ "cpu": name, "cores": std::thread::available_parallelism().map_or(0, usize::from), "load": load.trim() })
}

/// The value below which so many per cent lie.
fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn wait(mut until: impl FnMut() -> bool) {
    let began = Instant::now();
    while !until() {
        assert!(began.elapsed() < Duration::from_secs(120), "no answer in two minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn journeys_key(path: &Path) -> Ed25519SigningKey {
    let text = std::fs::read(path).expect("the governor's key");
    let mut seed = [0; 32];
    match text.len() {
        32 => seed.copy_from_slice(&text),
        _ => hex::decode_to_slice(String::from_utf8_lossy(&text).trim(), &mut seed).expect("a key in hexadecimal"),
    }
    Ed25519SigningKey::from_seed(&seed)
}

struct Issuer {
    key: Ed25519SigningKey,
    did: Did,
    number: usize,
}

impl Issuer {
    fn new(number: usize) -> Self {
        let mut seed = [77; 32];
        seed[0] = number as u8;
        let key = Ed25519SigningKey::from_seed(&seed);
        let did = Did::derive("kr", &key.public_key().to_multicodec()).expect("a DID");
        Self { key, did, number }
    }
}

struct World {
    urls: Vec<String>,
    anchor: TrustAnchor,
    client: Client,
}

impl World {
    fn height(&self) -> u64 {
        let (_, body) = self.client.get(&format!("{}/v1/status", self.urls[0])).expect("a status");
        serde_json::from_slice::<Value>(&body).expect("JSON")["height"].as_u64().expect("a height")
    }

    fn set_up(&self, governor: &Ed25519SigningKey, issuers: &[Issuer]) {
        let licence = licence();
        let mut nonce = 0;
        let mut govern = |records: Vec<Record>| {
            let writes = records.into_iter().map(|record| Write { record, previous_version: 0 }).collect();
            let body =
                TransactionBody { network_id: self.anchor.network_id, sender: Sender::Governance, nonce, writes };
            nonce += 1;
            let bytes = body.signed_by(&[governor]).expect("signed").encode();
            let (status, answer) =
                self.client.post(&format!("{}/v1/transactions", self.urls[0]), &bytes).expect("an answer");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        };
        govern(vec![Record::CredentialType(TypeDefinition {
            id: licence.id.clone(),
            definition: licence.definition(),
        })]);
        for some in issuers.chunks(16) {
            govern(
                some.iter()
                    .map(|issuer| {
                        let key = DidKey {
                            fragment: "key-1".into(),
                            key: issuer.key.public_key(),
                            purposes: Purposes::ALL,
                            from: 0,
                            until: None,
                        };
                        Record::Did(DidRecord { did: issuer.did.clone(), keys: vec![key], deactivated: false })
                    })
                    .collect(),
            );
            govern(
                some.iter()
                    .map(|issuer| {
                        let (from, until) = (now() - 10, now() + 1_000_000);
                        Record::Accreditation(Accreditation {
                            issuer: issuer.did.clone(),
                            credential_type: licence.id.clone(),
                            from,
                            until,
                            withdrawn: false,
                        })
                    })
                    .collect(),
            );
        }
    }

    /// One update of a status list's digest, until it is final.
    fn update(&self, issuer: &Issuer, nonce: u64, list: u32) -> Duration {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&nonce.to_be_bytes());
        let record = Record::StatusList(StatusListAnchor {
            issuer: issuer.did.clone(),
            credential_type: licence().id,
            list,
            digest,
            entries: protocol::credential::StatusList::ENTRIES,
            as_of: now(),
        });
        // The first use of a list makes it, every later one updates it.
        let previous_version = nonce;
        let sender = Sender::Did { did: issuer.did.clone(), fragment: "key-1".into() };
        let body = TransactionBody {
            network_id: self.anchor.network_id,
            sender,
            nonce,
            writes: vec![Write { record, previous_version }],
        };
        let bytes = body.signed_by(&[&issuer.key]).expect("signed").encode();
        let url = format!("{}/v1/transactions", self.urls[issuer.number % self.urls.len()]);
        let began = Instant::now();
        loop {
            match self.client.post(&url, &bytes) {
                Some((200, _)) => return began.elapsed(),
                // Taken, or too early: the same bytes again are answered with where they stand.
                Some((202 | 408 | 409 | 429 | 503, _)) | None if began.elapsed() < Duration::from_secs(60) => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => {
                    panic!("{:?}", other.map(|(status, body)| (status, String::from_utf8_lossy(&body).into_owned())))
                }
            }
        }
    }

    fn load(&self, issuers: &[Issuer], time: Duration, first: u64) -> (u64, Vec<f64>, Duration) {
        let (stop, done, times) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for issuer in issuers {
                let next = Arc::new(AtomicU64::new(if issuer.number == 0 { first } else { 0 }));
                for _ in 0..IN_FLIGHT {
                    let next = next.clone();
                    let (stop, done, times) = (&stop, &done, &times);
                    scope.spawn(move || {
                        while !stop.load(Ordering::Relaxed) {
                            let took = self.update(issuer, next.fetch_add(1, Ordering::Relaxed), 0);
                            if !stop.load(Ordering::Relaxed) {
                                done.fetch_add(1, Ordering::Relaxed);
                                times.lock().expect("the times").push(took.as_secs_f64() * 1_000.0);
                            }
                        }
                    });
                }
            }
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
        });
        (done.into_inner(), times.into_inner().expect("the times"), time)
    }

    fn light_client(&self, key: &StateKey) -> (usize, Vec<f64>) {
        let mut bytes = Vec::new();
        wait(|| match self.client.get(&format!("{}/v1/proofs/{key}", self.urls[0])) {
            Some((200, proof)) => {
                bytes = proof;
                true
            }
            _ => false,
        });
        let check = |_| {
            let began = Instant::now();
            let proof = LedgerProof::decode(&bytes).expect("a proof");
            proof::check(&self.anchor, &proof, 0).expect("a good proof");
            began.elapsed().as_secs_f64() * 1_000.0
        };
        let mut checks: Vec<f64> = (0..200).map(check).collect();
        checks.sort_by(f64::total_cmp);
        (bytes.len(), checks)
    }
}

fn licence() -> CredentialType {
    CredentialType::parse(include_bytes!("../../../../specs/types/driver-licence.json")).expect("a credential type")
}

/// The same check as wasm under Node.js, where `cargo xtask wasm` has been run; median milliseconds.
fn wasm_check(world: &World, key: &StateKey, place: &Path) -> Option<f64> {
    let web = journeys::program().parent()?.parent()?.join("web");
    if !web.join("mid_web.js").exists() {
        println!("the same in wasm: not measured; run `cargo xtask wasm` first");
        return None;
    }
    let (_, proof) = world.client.get(&format!("{}/v1/proofs/{key}", world.urls[0]))?;
    let script = place.join("check.mjs");
    std::fs::copy(web.join("mid_web.js"), place.join("mid_web.mjs")).ok()?;
    let text = format!(
        "import {{ readFileSync }} from 'node:fs'; import {{ initSync, check_ledger_proof }} from './mid_web.mjs';\n\
         initSync({{ module: readFileSync({:?}) }});\n\
         const [anchor, proof] = ['{}', '{}'].map((t) => Uint8Array.from(Buffer.from(t, 'hex')));\n\
         const times = [];\n\
         for (let i = 0; i < 60; i++) {{ const t = performance.now(); const a = JSON.parse(check_ledger_proof(anchor, proof, 0));\n\
         times.push(performance.now() - t); if (!a.proven) throw new Error(JSON.stringify(a)); }}\n\
         times.sort((a, b) => a - b); console.log(times[30].toFixed(2));\n",
        web.join("mid_web_bg.wasm"),
        hex::encode(world.anchor.encode()),
        hex::encode(proof)
    );
    std::fs::write(&script, text).ok()?;
    let output = Command::new("node").arg(&script).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    said.trim().parse().ok()
}

/// CometBFT 0.38 with its key-value application, four validators, where `cometbft` is installed
/// (`go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.19`). Its transactions carry no signature.
fn comet_bft(place: &Path) -> Value {
    if !Command::new("cometbft").arg("version").output().is_ok_and(|out| out.status.success()) {
        return json!({ "measured": false, "why": "`cometbft` is not installed" });
    }
    let home = place.join("comet");
    let made =
        Command::new("cometbft").args(["testnet", "--v", "4", "--o"]).arg(&home).output().expect("cometbft runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ports: Vec<(u16, u16)> = (0..4).map(|_| (free_port(), free_port())).collect();
    let id = |n: usize| {
        let out = Command::new("cometbft").args(["show-node-id", "--home"]).arg(home.join(format!("node{n}"))).output();
        String::from_utf8_lossy(&out.expect("cometbft runs").stdout).trim().to_owned()
    };
    let peers: Vec<String> = (0..4).map(|n| format!("{}@127.0.0.1:{}", id(n), ports[n].0)).collect();
    let start = |n: usize| {
        let node = home.join(format!("node{n}"));
        let config = node.join("config/config.toml");
        let text = std::fs::read_to_string(&config).expect("a configuration");
        let text = text
            .replace("addr_book_strict = true", "addr_book_strict = false")
            .replace("allow_duplicate_ip = false", "allow_duplicate_ip = true");
        std::fs::write(&config, text).expect("the configuration can be written");
        Command::new("cometbft")
            .args(["node", "--proxy_app", "kvstore", "--log_level", "error", "--home"])
            .arg(&node)
            .arg(format!("--p2p.laddr=tcp://127.0.0.1:{}", ports[n].0))
            .arg(format!("--rpc.laddr=tcp://127.0.0.1:{}", ports[n].1))
            .arg(format!("--p2p.persistent_peers={}", peers.join(",")))
            .arg("--rpc.pprof_laddr=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cometbft runs")
    };
    let _nodes = Nodes((0..4).map(start).collect());
    let client = Client::default();
    let submit = |n: usize| {
        let began = Instant::now();
        let url = format!("http://127.0.0.1:{}/broadcast_tx_commit?tx=\"k{n}=v{n}\"", ports[n % 4].1);
        let answer = client.get(&url).filter(|(status, _)| *status == 200)?;
        let answer: Value = serde_json::from_slice(&answer.1).ok()?;
        answer["result"]["height"].as_str().filter(|height| *height != "0")?;
        Some(began.elapsed().as_secs_f64() * 1_000.0)
    };
    wait(|| submit(0).is_some());
    let mut times: Vec<f64> = (1..=20).filter_map(submit).collect();
    times.sort_by(f64::total_cmp);
    println!(
        "CometBFT 0.38, key-value application, no signatures: submitted → final p50 {:.0} ms, p99 {:.0} ms",
        at(&times, 50),
        at(&times, 99)
    );
    json!({ "measured": true, "version": "0.38.19", "application": "kvstore, no signatures", "transactions": times.len(),
        "p50_ms": at(&times, 50), "p99_ms": at(&times, 99) })
}
