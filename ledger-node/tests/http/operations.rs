//! What the people who run a node rely on: limits, health, figures, and that reading changes nothing.

use std::time::Duration;

use ledger_client::LedgerClient;
use ledger_node::{Limits, Node, NodeConfig, Standing};
use protocol::credential::StatusList;
use protocol::ledger::TransactionBody;
use serde_json::Value;

use crate::world::{World, agency, list_record};

#[test]
fn health_says_alive_and_ready_and_every_answer_says_as_of_when() {
    let world = World::new();
    world.set_up();
    let height = world.client().status().unwrap().height;
    for path in ["/health", "/health/live", "/health/ready"] {
        let (status, _, body) = world.get(path, "*/*");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &body["running"], &body["stale"]),
            (200, &Value::Bool(true), &Value::Bool(false)),
            "{path}"
        );
        assert!(body["height"].as_u64().unwrap() >= height);
    }
    let (_, head, _) = world.get("/v1/anchor", "*/*");
    assert!(head.contains("ledger-height: ") && head.contains("ledger-time-ms: "), "{head}");
    assert!(!head.contains("ledger-stale"), "{head}");
    let validators = world.running.as_ref().unwrap().runtime.block_on(world.node().validators());
    assert_eq!(validators.iter().map(|validator| validator.standing).collect::<Vec<_>>(), [Standing::Own]);
}

#[test]
fn without_blocks_reads_go_on_marked_stale_and_the_node_is_not_ready() {
    let mut world = World::new();
    world.set_up();
    world.stop();
    // A node that expects blocks often and gets none stands for a ledger that has halted.
    let config = NodeConfig { heartbeat: Duration::from_millis(1), ..NodeConfig::new(world.folder.path()) };
    let node = Node::start(&config).unwrap();
    node.stop().unwrap();
    let (runtime, client, get) = served(&node);
    std::thread::sleep(Duration::from_millis(10_500));
    assert!(client.status().unwrap().height > 0, "reads go on");
    let (status, head, body) = get("/v1/status");
    assert_eq!(status, 200);
    assert!(head.contains("ledger-stale: "), "{head}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["stale"], true);
    let (status, head, _) = get("/health/ready");
    assert_eq!(status, 503);
    assert!(head.contains("retry-after: "), "{head}");
    let (_, _, body) = get("/metrics");
    assert!(body.contains("mid_ledger_stale 1\n"), "{body}");
    runtime.shutdown_background();
}

#[test]
fn a_node_that_is_full_or_slow_says_when_to_come_back() {
    let mut world = World::new();
    world.set_up();
    // The last nonce that may wait does so for a second: it takes the only place.
    let next = world.act(vec![list_record(&StatusList::new())]);
    let waiting = TransactionBody { nonce: next.body.nonce + 5, ..next.body.clone() }.signed_by(&[&agency()]).unwrap();
    let too_many = TransactionBody { nonce: next.body.nonce + 5_000, ..next.body }.signed_by(&[&agency()]).unwrap();
    world.stop();
    let limits = Limits { writes: 1, ..Limits::default() };
    let node = Node::start(&NodeConfig { limits, ..NodeConfig::new(world.folder.path()) }).unwrap();
    let (runtime, client, _) = served(&node);
    let (slow, busy) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| client.submit(&waiting));
        std::thread::sleep(Duration::from_millis(300));
        let busy = post(&node_address(&client), "/v1/transactions", b"x");
        assert_eq!(client.status().unwrap().network, "kr", "reading has places of its own");
        (slow.join().unwrap(), busy)
    });
    assert!(format!("{slow:?}").contains("NonceGap"), "{slow:?}");
    assert_eq!(busy.0, 503);
    assert!(busy.1.contains("retry-after: 1") && busy.1.contains("overloaded"), "{}", busy.1);
    let (status, answer) = post(&node_address(&client), "/v1/transactions", &too_many.encode());
    assert_eq!(status, 429);
    assert!(answer.contains("retry-after: 1") && answer.contains("senderoverloaded"), "{answer}");
    runtime.shutdown_background();
    node.stop().unwrap();

    let limits = Limits { write_time: Duration::from_millis(50), ..Limits::default() };
    let node = Node::start(&NodeConfig { limits, ..NodeConfig::new(world.folder.path()) }).unwrap();
    let (runtime, client, _) = served(&node);
    let (status, answer) = post(&node_address(&client), "/v1/transactions", &waiting.encode());
    assert_eq!(status, 503);
    assert!(answer.contains("retry-after: 1") && answer.contains("timedout"), "{answer}");
    runtime.shutdown_background();
    node.stop().unwrap();
}

#[test]
fn no_route_but_a_signed_transaction_changes_anything() {
    let world = World::new();
    world.set_up();
    let contents = || {
        let mut records: Vec<_> = world.node().bundle(protocol::ledger::Scope::Snapshot).unwrap().values;
        records.sort_by(|a, b| a.as_slice().cmp(b.as_slice()));
        (world.node().state_root(), records)
    };
    let before = contents();
    let document: Value = serde_json::to_value(world.node().openapi()).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert!(paths.len() >= 12, "{paths:?}");
    let did = crate::world::agency_did().to_string();
    let valid_unsigned = TransactionBody { ..world.act(vec![list_record(&StatusList::new())]).body };
    let mut unsigned = valid_unsigned.signed_by(&[&agency()]).unwrap();
    unsigned.endorsements.clear();
    for path in paths {
        let path = path.replace("{did}", &did).replace("{identifier}", &did).replace("{height}", "1");
        let path = path.replace("{id}", &"00".repeat(32)).replace("{key}", &"00".repeat(32));
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            for body in [Vec::new(), b"{}".to_vec(), unsigned.encode()] {
                let status = request(&world.address().to_string(), method, &path, &body).0;
                let read = method == "GET" && (200..=404).contains(&status);
                assert!(read || (400..500).contains(&status), "{method} {path}: {status}");
            }
        }
    }
    assert_eq!(contents(), before);
}

#[test]
fn figures_and_the_api_document_are_served() {
    let world = World::new();
    world.set_up();
    let (status, head, text) = world.get("/metrics", "*/*");
    assert_eq!(status, 200);
    assert!(head.contains("application/openmetrics-text"), "{head}");
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    for family in
        ["mid_ledger_height ", "mid_ledger_http_answers_total{", "mid_ledger_http_seconds_bucket{", "latest_vote{"]
    {
        assert!(text.contains(family), "{family}");
    }
    assert!(!text.contains("did:mid"), "no one is named");
    let (status, _, body) = world.get("/openapi.json", "*/*");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, document["openapi"].as_str().unwrap().starts_with("3.1")), (200, true));
    assert!(document["paths"]["/v1/transactions"]["post"]["responses"]["429"].is_object());
    assert!(document["paths"]["/1.0/identifiers/{identifier}"]["get"]["responses"]["410"].is_object());
}

type Get = Box<dyn Fn(&str) -> (u16, String, String)>;

/// Serves a node on a free port.
fn served(node: &Node) -> (tokio::runtime::Runtime, LedgerClient, Get) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = node.router();
    runtime.spawn(async move { axum::serve(listener, router).await });
    let client = LedgerClient::new(&format!("http://{address}"));
    let get = move |path: &str| {
        let (status, text) = request(&address, "GET", path, b"");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (status, head.to_owned(), body.to_owned())
    };
    (runtime, client, Box::new(get))
}

fn node_address(client: &LedgerClient) -> String {
    client.base().trim_start_matches("http://").to_owned()
}

fn post(address: &str, path: &str, body: &[u8]) -> (u16, String) {
    request(address, "POST", path, body)
}

/// Status, and the whole answer with its head in lower case.
fn request(address: &str, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: n\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let body = if status == 200 { body.to_owned() } else { body.to_ascii_lowercase() };
    (status, format!("{}\r\n\r\n{body}", head.to_ascii_lowercase()))
}
