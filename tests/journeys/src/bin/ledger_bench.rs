//! What the ledger does on this machine: four validators, each a process of its own, talked to over HTTP.
//!
//! `cargo xtask bench --ledger [--json FILE] [--seconds N] [--records N]`, with `--snapshot` for a wiped node alone. All of
//! it runs on one machine at once, the senders included; every transaction's signature is checked by each validator.
//! After it, where Go is installed, CometBFT's four validators with its own key-value application under the same load, in
//! the same run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement stops at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journeys::comet::{self, CometBft};
use journeys::{Client, now, run};
use protocol::credential::CredentialType;
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::identifier::Did;
use protocol::ledger::{
    Accreditation, DidKey, DidRecord, LedgerProof, Purposes, Record, Sender, StateKey, StatusListAnchor,
    TransactionBody, TrustAnchor, TypeDefinition, Write, proof,
};
use serde_json::{Value, json};
use test_database::free_port;

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

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
    let seconds: u64 = given("--seconds").map_or(20, |n| n.parse().expect("a number of seconds"));
    // The load of the machine before anything of this runs.
    let machine = machine();
    let records = given("--records").map_or(100_000, |n| n.parse().expect("a number"));
    if arguments.iter().any(|word| word == "--snapshot") {
        let figures = json!({ "machine": machine, "validators": 4, "snapshot": journeys::snapshot::measure(records) });
        println!("{figures}");
        if let Some(file) = given("--json") {
            std::fs::write(file, figures.to_string()).expect("the figures can be written");
        }
        return;
    }
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
    let nodes = Nodes(folders.iter().zip(&urls).map(start).collect());
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

    let single = Times::of((0..SINGLE).map(|n| world.update(&issuers[0], n as u64, 0)));
    let (before, time) = (world.height(), Duration::from_secs(seconds));
    let first = |sender| if sender == 0 { SINGLE as u64 } else { 0 };
    let loaded = load(time, first, |sender, n| world.update(&issuers[sender], n, 0));
    let blocks = world.height() - before;
    println!("ours: {}, {blocks} blocks", line(&single, &loaded));

    let key = StateKey::did(&issuers[0].did);
    let proof = world.proof(&key);
    let (_, bundle) = world.client.get(&format!("{}/v1/bundle", world.urls[0])).expect("a bundle");
    let database = std::fs::metadata(folders[0].join("ledger.sqlite")).map_or(0, |file| file.len());
    // Who checks proofs runs no validators: they stop first.
    drop(nodes);
    let checks = native_check(&world.anchor, &proof);
    println!("light client: proof of {} bytes, checked in {:.2} ms (median)", proof.len(), checks.at(50));
    let wasm = wasm_check(&world.anchor, &proof, place.path());
    if let Some(wasm) = &wasm {
        println!(
            "the same in wasm: {} ms (median), {} ms of processor time each; {} ms the first time",
            wasm["p50_ms"], wasm["cpu_ms"], wasm["first_ms"]
        );
    }
    let snapshot = journeys::snapshot::measure(records);
    let comet = comet_bft(place.path(), time);
    let ratio = |ours: f64, theirs: &Value| theirs.as_f64().map(|theirs| ours / theirs);
    let beside = |run: &str| {
        json!({
            "single_p50": ratio(single.at(50), &comet[run]["single"]["p50_ms"]),
            "load_p50": ratio(loaded.times.at(50), &comet[run]["load"]["p50_ms"]),
            "load_per_second": ratio(loaded.per_second(), &comet[run]["load"]["per_second"]),
        })
    };
    let mut load = loaded.json();
    load["blocks"] = blocks.into();
    let figures = json!({
        "machine": machine,
        "validators": 4, "processes": "4 validators and all senders on this one machine",
        "signatures_checked": true,
        "single": single.json(),
        "load": load,
        "light_client": { "proof_bytes": proof.len(), "native_p50_ms": checks.at(50), "wasm": wasm },
        "bundle_bytes": bundle.len(),
        "database_bytes": database,
        "snapshot": snapshot,
        "ours_to_cometbft": { "as_it_comes": beside("as_it_comes"), "without_pause": beside("without_pause") },
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

/// How long things took, sorted, in milliseconds.
struct Times(Vec<f64>);

impl Times {
    fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1_000.0).collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The value below which so many per cent lie.
    fn at(&self, percent: usize) -> f64 {
        let Self(sorted) = self;
        sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    fn json(&self) -> Value {
        json!({ "count": self.0.len(), "p50_ms": self.at(50), "p99_ms": self.at(99) })
    }
}

/// What came of many senders at once.
struct Load {
    times: Times,
    seconds: f64,
}

impl Load {
    fn per_second(&self) -> f64 {
        self.times.0.len() as f64 / self.seconds
    }

    fn json(&self) -> Value {
        json!({ "updates": self.times.0.len(), "seconds": self.seconds, "per_second": self.per_second(),
            "p50_ms": self.times.at(50), "p99_ms": self.times.at(99), "senders": ISSUERS,
            "in_flight": ISSUERS * IN_FLIGHT })
    }
}

/// As many senders as there are issuers, each with so many updates on their way, for some time. `update` says how long the
/// `n`-th one of a sender took until it was final; each sender counts from what `first` says.
fn load(time: Duration, first: impl Fn(usize) -> u64, update: impl Fn(usize, u64) -> Duration + Sync) -> Load {
    let (stop, times, update) = (AtomicBool::new(false), Mutex::new(Vec::new()), &update);
    std::thread::scope(|scope| {
        for sender in 0..ISSUERS {
            let next = Arc::new(AtomicU64::new(first(sender)));
            for _ in 0..IN_FLIGHT {
                let (next, stop, times) = (next.clone(), &stop, &times);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let took = update(sender, next.fetch_add(1, Ordering::Relaxed));
                        if !stop.load(Ordering::Relaxed) {
                            times.lock().expect("the times").push(took);
                        }
                    }
                });
            }
        }
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    Load { times: Times::of(times.into_inner().expect("the times")), seconds: time.as_secs_f64() }
}

fn line(single: &Times, load: &Load) -> String {
    format!(
        "one at a time p50 {:.0} ms, p99 {:.0} ms; under load {:.0} per second, p50 {:.0} ms, p99 {:.0} ms",
        single.at(50),
        single.at(99),
        load.per_second(),
        load.times.at(50),
        load.times.at(99)
    )
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
        let mut govern = |records: Vec<Record>, founders: &[Issuer]| {
            let writes = records.into_iter().map(|record| Write { record, previous_version: 0 }).collect();
            let body =
                TransactionBody { network_id: self.anchor.network_id, sender: Sender::Governance, nonce, writes };
            nonce += 1;
            let signers: Vec<&dyn Signer> = std::iter::once(governor as &dyn Signer)
                .chain(founders.iter().map(|issuer| &issuer.key as &dyn Signer))
                .collect();
            let bytes = body.signed_by(&signers).expect("signed").encode();
            let (status, answer) =
                self.client.post(&format!("{}/v1/transactions", self.urls[0]), &bytes).expect("an answer");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        };
        let definition = TypeDefinition { id: licence.id.clone(), definition: licence.definition() };
        govern(vec![Record::CredentialType(definition)], &[]);
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
                some,
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
                &[],
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

    fn proof(&self, key: &StateKey) -> Vec<u8> {
        let mut bytes = Vec::new();
        wait(|| match self.client.get(&format!("{}/v1/proofs/{key}", self.urls[0])) {
            Some((200, proof)) => {
                bytes = proof;
                true
            }
            _ => false,
        });
        bytes
    }
}

fn native_check(anchor: &TrustAnchor, bytes: &[u8]) -> Times {
    let check = |_| {
        let began = Instant::now();
        let proof = LedgerProof::decode(bytes).expect("a proof");
        proof::check(anchor, &proof, 0).expect("a good proof");
        began.elapsed()
    };
    Times::of((0..200).map(check))
}

fn licence() -> CredentialType {
    CredentialType::parse(include_bytes!("../../../../specs/types/driver-licence.json")).expect("a credential type")
}

/// The same check as wasm under Node.js, where `cargo xtask wasm` has been run: the first time in a fresh process, when the
/// program is compiled as it goes, the median of those after, and what they cost on a processor that others use, too.
fn wasm_check(anchor: &TrustAnchor, proof: &[u8], place: &Path) -> Option<Value> {
    let web = journeys::program().parent()?.parent()?.join("web");
    if !web.join("mid_web.js").exists() {
        println!("the same in wasm: not measured; run `cargo xtask wasm` first");
        return None;
    }
    let script = place.join("check.mjs");
    std::fs::copy(web.join("mid_web.js"), place.join("mid_web.mjs")).ok()?;
    let text = format!(
        "import {{ readFileSync }} from 'node:fs'; import {{ initSync, check_ledger_proof }} from './mid_web.mjs';\n\
         initSync({{ module: readFileSync({:?}) }});\n\
         const [anchor, proof] = ['{}', '{}'].map((t) => Uint8Array.from(Buffer.from(t, 'hex')));\n\
         const times = []; const cpu = () => {{ const u = process.cpuUsage(); return (u.user + u.system) / 1000; }}; let began;\n\
         for (let i = 0; i < 201; i++) {{ if (i === 101) began = cpu(); const t = performance.now(); const a = JSON.parse(check_ledger_proof(anchor, proof, 0));\n\
         times.push(performance.now() - t); if (!a.proven) throw new Error(JSON.stringify(a)); }}\n\
         const spent = (cpu() - began) / 100; const first = times.shift(); times.sort((a, b) => a - b);\n\
         console.log(JSON.stringify({{ first_ms: first, cpu_ms: spent, p50_ms: times[100], p99_ms: times[198] }}));\n",
        web.join("mid_web_bg.wasm"),
        hex::encode(anchor.encode()),
        hex::encode(proof)
    );
    std::fs::write(&script, text).ok()?;
    let output = Command::new("node").arg(&script).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).ok()
}

/// CometBFT's four validators under the same load, as it comes and without its pause after each block.
fn comet_bft(place: &Path, time: Duration) -> Value {
    let program = match comet::program() {
        Ok(program) => program,
        Err(why) => {
            println!("CometBFT: not measured: {why}");
            return json!({ "measured": false, "why": why });
        }
    };
    let measure = |name: &str, pause: &str| {
        let network = CometBft::start(&program, &place.join(name), pause);
        // A node that gave up waiting takes the same bytes no second time: another key then, and the clock runs on.
        let submit = |via: usize, key: &str| {
            let began = Instant::now();
            let done = (0..200).find(|attempt| network.submit(via, &format!("{key}a{attempt}")).is_some());
            assert!(done.is_some(), "CometBFT takes nothing any more");
            began.elapsed()
        };
        let single = Times::of((0..SINGLE).map(|n| submit(0, &format!("single{n}"))));
        let load = load(time, |_| 0, |sender, n| submit(sender, &format!("k{sender}n{n}")));
        println!("CometBFT {}, timeout_commit {pause}: {}", comet::VERSION, line(&single, &load));
        json!({ "timeout_commit": pause, "single": single.json(), "load": load.json() })
    };
    json!({
        "measured": true, "version": comet::VERSION, "application": "kvstore, transactions without signatures",
        "as_it_comes": measure("comet", "1s"), "without_pause": measure("comet-fast", "0s"),
    })
}
