//! What the people who run a node rely on: limits, health, figures, and that reading changes nothing.

use std::time::{Duration, Instant};

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
fn every_route_that_has_no_place_left_says_when_to_come_back() {
    let mut world = World::new();
    world.set_up();
    world.stop();
    let limits = Limits { reads: 0, writes: 0, ..Limits::default() };
    let node = Node::start(&NodeConfig { limits, ..NodeConfig::new(world.folder.path()) }).unwrap();
    let (runtime, client, _) = served(&node);
    let document: Value = serde_json::to_value(node.openapi()).unwrap();
    let mut full = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{identifier}", "did:mid:kr:x").replace(['{', '}'], "");
            let (status, answer) = request(&node_address(&client), &method.to_ascii_uppercase(), &path, b"");
            // Whether it works is told at any time.
            if operation["tags"][0] == "Operations" {
                assert_eq!(status, 200, "{path}");
                continue;
            }
            assert!(status == 503 && answer.contains("retry-after: 1"), "{method} {path}: {status} {answer}");
            assert!(operation["responses"]["503"].is_object(), "{method} {path}");
            full += 1;
        }
    }
    assert!(full >= 14, "{full}");
    let (status, answer) = request(&node_address(&client), "GET", "/explorer/en/", b"");
    assert!(status == 503 && answer.contains("retry-after: 1"), "{answer}");
    runtime.shutdown_background();
    node.stop().unwrap();
}

/// Sends `text` with a second after each byte, until the node has had enough; says for how long, and what it answered.
fn dripped(address: &str, text: &str) -> (Duration, String) {
    use std::io::{ErrorKind, Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let (began, mut answer, mut bytes) = (Instant::now(), Vec::new(), text.bytes());
    while began.elapsed() < Duration::from_secs(60) {
        // Nothing more is sent once there is an answer: the node need not listen any longer.
        if answer.is_empty() && bytes.next().is_some_and(|byte| stream.write_all(&[byte]).is_err()) {
            break;
        }
        let mut some = [0; 1_024];
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&some[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    (began.elapsed(), String::from_utf8_lossy(&answer).to_ascii_lowercase())
}

#[test]
fn a_client_that_sends_byte_by_byte_keeps_no_place() {
    let mut world = World::new();
    world.set_up();
    world.stop();
    let limits = Limits {
        write_time: Duration::from_secs(3),
        connections: 4,
        header_time: Duration::from_secs(3),
        connection_time: Duration::from_secs(4),
        ..Limits::default()
    };
    let node = Node::start(&NodeConfig { limits, ..NodeConfig::new(world.folder.path()) }).unwrap();
    let (runtime, client, _) = served_within(&node, limits);
    let address = node_address(&client);
    let head =
        "GET /v1/status HTTP/1.1\r\nHost: node\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    std::thread::scope(|scope| {
        // As many as there are places, slow in their heads, while an honest client waits for one of them.
        let slow: Vec<_> = (0..4).map(|_| scope.spawn(|| dripped(&address, head))).collect();
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(request(&address, "GET", "/v1/status", b"").0, 200, "served after the slow ones");
        for slow in slow {
            let (lasted, answer) = slow.join().unwrap();
            assert!(lasted < Duration::from_secs(30) && answer.is_empty(), "{lasted:?} {answer}");
        }
    });
    // Slow in the body.
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(&mut stream, b"POST /v1/transactions HTTP/1.1\r\nHost: n\r\nContent-Length: 60\r\n\r\n")
        .unwrap();
    let began = Instant::now();
    let mut answer = [0; 1_024];
    let read = loop {
        let _ = std::io::Write::write_all(&mut stream, b"x");
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        match std::io::Read::read(&mut stream, &mut answer) {
            Ok(read) => break read,
            Err(_) => assert!(began.elapsed() < Duration::from_secs(30), "no answer"),
        }
    };
    let answer = String::from_utf8_lossy(&answer[..read]).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("timedout"), "{answer}");
    // Busy on one connection for ever.
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let began = Instant::now();
    loop {
        let sent = std::io::Write::write_all(&mut stream, b"GET /v1/status HTTP/1.1\r\nHost: n\r\n\r\n");
        let mut some = [0; 4_096];
        if sent.is_err() || std::io::Read::read(&mut stream, &mut some).unwrap_or(0) == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "one connection is served for ever");
        std::thread::sleep(Duration::from_millis(100));
    }
    runtime.shutdown_background();
    node.stop().unwrap();
}

#[test]
fn f38_identifiers_of_any_size_and_spelling_are_refused() {
    let world = World::new();
    world.set_up();
    let long = "a".repeat(60_000);
    for bad in
        [&long, "..%2f..%2fetc%2fpasswd", "did:mid:kr:'%20OR%201=1--", "did:mid:kr:%00", "%ff%fe", "did:mid:kr:x;DROP"]
    {
        assert_eq!(world.get(&format!("/1.0/identifiers/{bad}"), "*/*").0, 400, "{}", &bad[..20.min(bad.len())]);
        assert!((400..500).contains(&world.get(&format!("/v1/nonces/{bad}"), "*/*").0));
    }
    // Ten megabytes do not arrive: the head is cut off before.
    let mut stream = std::net::TcpStream::connect(world.address()).unwrap();
    let request = format!("GET /1.0/identifiers/{} HTTP/1.1\r\nHost: n\r\n\r\n", "a".repeat(10 << 20));
    let _ = std::io::Write::write_all(&mut stream, request.as_bytes());
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    // Ten thousand at once: each is answered or told to come back, and the node is well.
    let address = world.address().to_string();
    let answers = std::thread::scope(|scope| {
        let each = |_| {
            let address = &address;
            scope.spawn(move || {
                (0..200)
                    .map(|_| self::request(address, "GET", "/1.0/identifiers/did:mid:kr:x", b"").0)
                    .collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..50).map(each).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<u16>>()
    });
    assert_eq!(answers.len(), 10_000);
    assert!(answers.iter().all(|status| [400, 429, 503].contains(status)));
    assert_eq!(world.get("/health/ready", "*/*").0, 200);
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
    served_within(node, Limits::default())
}

fn served_within(node: &Node, limits: Limits) -> (tokio::runtime::Runtime, LedgerClient, Get) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = node.router();
    runtime.spawn(ledger_node::serve_router(listener, router, limits, std::future::pending()));
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
