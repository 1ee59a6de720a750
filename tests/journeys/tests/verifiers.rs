//! A verifier on two instances that share a database, either of which is killed again and again, in the middle of everything:
//! no answer is lost, none is counted twice, and whoever is to be told is told.
//!
//! 20 cycles by default; `MID_CYCLES` sets another number (`cargo xtask campaign verifiers` runs 1,000).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use journeys::{Balancer, Citizen, Client, LICENCE, Outcome, Registered, Services, free_address, mid, wait_for};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use test_database::Cluster;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// One of the instances.
struct Instance {
    listen: String,
    log: String,
    child: Child,
}

/// The shop: what is registered of it, where it is reached, and its instances.
struct Shop {
    registered: Registered,
    url: String,
    database: String,
    instances: [Instance; 2],
    client: Client,
    token: String,
}

impl Shop {
    fn start(services: &Services, dir: &std::path::Path, database: String) -> Self {
        let permit = json!({
            "credential_type": LICENCE, "claims": ["name_ko", "licence_number"], "predicates": [], "pseudonyms": [],
        });
        let text = json!({ "ko": "대여", "en": "Rental" });
        let purposes = json!([{ "id": "rental", "text": text, "permits": [permit] }]);
        let registered = Registered::new(services, dir, "Shop", &purposes);
        let listen = [free_address(), free_address()];
        let url = format!("http://{}", Balancer::before(&listen).listen);
        let instances = listen.map(|listen| {
            let log = format!("log-{}", listen.rsplit(':').next().unwrap());
            let mut child = serve(&registered, &url, &listen, &database, &log);
            // One after the other: the first makes the certificate that both have.
            registered.wait(&mut child, &listen, &log);
            Instance { listen, log, child }
        });
        let mut shop = Self { registered, url, database, instances, client: Client::default(), token: String::new() };
        shop.wait();
        shop.token = std::fs::read_to_string(dir.join("service/api.token")).unwrap().trim().to_owned();
        shop
    }

    /// Until both answer.
    fn wait(&mut self) {
        for instance in &mut self.instances {
            self.registered.wait(&mut instance.child, &instance.listen, &instance.log);
        }
    }

    /// `kill -9`, and started again at once, as whatever watches over services does.
    fn kill(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        instance.child.kill().unwrap();
        instance.child.wait().unwrap();
        instance.child = serve(&self.registered, &self.url, &instance.listen, &self.database, &instance.log);
    }

    /// What the shop's own program asks, until it has an answer: whoever is cut off, or told to come back, asks again.
    fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let mut answer = None;
        wait_for("an answer", || {
            answer = self.client.admin(&format!("{}{path}", self.url), &self.token, body);
            answer.as_ref().is_some_and(|(status, _)| *status != 503)
        });
        answer.unwrap()
    }

    fn state(&self, id: &str) -> String {
        let mut state = String::new();
        wait_for("a state", || {
            let Some((status, body)) = self.client.get(&format!("{}/openid4vp/requests/{id}", self.url)) else {
                return false;
            };
            let value: Value = serde_json::from_slice(&body).unwrap_or_default();
            state = value["state"].as_str().unwrap_or_default().to_owned();
            status == 200
        });
        state
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for instance in &mut self.instances {
            let _ = instance.child.kill();
            let _ = instance.child.wait();
        }
    }
}

fn serve(registered: &Registered, url: &str, listen: &str, database: &str, log: &str) -> Child {
    registered.serve(url, listen, &["--database", database, "--keep-max", "600"], log)
}

/// Whom the shop is called at: of each request every message and its state.
type Told = Arc<Mutex<BTreeMap<String, BTreeSet<(String, String)>>>>;

/// Takes the verifier's calls; the first of all and every seventh gets no good answer.
fn hook() -> (String, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let told = Told::default();
    let kept = told.clone();
    thread::spawn(move || {
        for (at, stream) in listener.incoming().flatten().enumerate() {
            let kept = kept.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let Some((head, body)) = call(&mut stream) else { return };
                if at % 7 == 0 {
                    let _ = stream.write_all(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    return;
                }
                let message = head.lines().find_map(|it| it.strip_prefix("webhook-id: ")).unwrap().to_owned();
                let text = |name: &str| body["data"][name].as_str().unwrap().to_owned();
                kept.lock().unwrap().entry(text("id")).or_default().insert((message, text("state")));
                let _ = stream.write_all(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n");
            });
        }
    });
    (address, told)
}

/// Head and body of a call; none where it is cut off.
fn call(stream: &mut std::net::TcpStream) -> Option<(String, Value)> {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str(body) {
            return Some((head.to_ascii_lowercase(), body));
        }
    }
}

#[test]
fn two_instances_serve_as_one_while_either_is_killed() {
    let (cycles, seed) = (number("MID_CYCLES", 20), number("MID_SEED", 20_261_122));
    println!("seed {seed}");
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut below = |limit: u32| rng.next_u32() % limit;
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let cluster = Cluster::start();
    let mut shop = Shop::start(&services, &place.path().join("shop"), cluster.database("verifier"));
    let citizen = Citizen::new(&place.path().join("citizen"));
    citizen.accept_openid(&services, "person-0001", &[LICENCE]);
    let (hook, told) = hook();
    let query = json!({ "credentials": [{
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": [LICENCE] }, "claims": [{ "path": ["name_ko"] }],
    }] });
    let (mut again, mut decided_before, mut ids) = (0, 0, Vec::new());
    for cycle in 0..cycles {
        shop.wait();
        let keep = cycle % 2 == 0;
        let body = json!({
            "purpose": "rental", "dcql_query": query, "webhook": hook, "keep": if keep { 300 } else { 0 },
        });
        let (status, created) = shop.ask("/openid4vp/requests", &body);
        assert_eq!(status, 201, "{created}");
        let (id, link) = (created["id"].as_str().unwrap().to_owned(), created["link"].as_str().unwrap().to_owned());

        // The wallet answers; in the middle of it an instance dies.
        let (wallet, pin) = (citizen.path("wallet"), citizen.path("pin"));
        let answer = ["wallet", "answer", &link, "--approve", "--dir", &wallet, "--pin-file", &pin, "--json"];
        let wallet = mid(&answer).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_millis(u64::from(below(900))));
        shop.kill(below(2) as usize);
        let mut outcome = Outcome::of(&wallet.wait_with_output().unwrap());
        for _ in 0..10 {
            if outcome.code == 0 || shop.state(&id) == "answered" {
                break;
            }
            again += 1;
            outcome = citizen.wallet("answer", &[&link, "--approve"]);
        }
        decided_before += u64::from(outcome.code != 0);
        assert_eq!(shop.state(&id), "answered", "{}", outcome.text);

        // Whoever said `keep` reads in the middle of a crash and again, and reads the same; everybody else reads once.
        let path = format!("/openid4vp/requests/{id}/verdict");
        if keep {
            shop.kill(below(2) as usize);
            let (first, second) = (shop.ask(&path, &json!({})), shop.ask(&path, &json!({})));
            assert_eq!((first.0, &first), (200, &second));
            assert_eq!(first.1["verdict"]["credentials"][0]["claims"][0]["value"], "홍길동");
        } else {
            shop.wait();
            let readers = shop.instances.each_ref().map(|it| {
                let (client, token) = (shop.client.clone(), shop.token.clone());
                let url = format!("http://{}{path}", it.listen);
                thread::spawn(move || client.admin(&url, &token, &json!({})).unwrap().0)
            });
            let mut statuses = readers.map(|it| it.join().unwrap());
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 404], "one of two that read at once");
        }
        let refused = citizen.wallet("answer", &[&link, "--approve"]);
        assert_eq!(refused.refused(), "RequestGone", "once");
        ids.push(id);
        if cycle % 20 == 19 {
            println!(
                "{} of {cycles} cycles; {again} answers were sent again, {decided_before} only looked lost",
                cycle + 1
            );
        }
    }
    wait_for("every call", || ids.iter().all(|id| told.lock().unwrap().contains_key(id)));
    let told = told.lock().unwrap();
    for id in &ids {
        let messages: Vec<_> = told[id].iter().map(|(_, state)| state.as_str()).collect();
        assert_eq!(messages, ["answered"], "one message, however often it was sent");
    }
    println!("{cycles} cycles, {} kills, nothing lost, nothing double", cycles + cycles.div_ceil(2));
}
