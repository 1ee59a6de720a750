//! Clients that mean harm, and bad days: what the services answer on the socket, and that they are well afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a surprise should stop the test")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journeys::{Citizen, LICENCE, Services, wait_for};
use serde_json::json;

/// Sends `bytes` as they are and reads until the other side closes or says nothing for `patience`.
fn raw(services: &Services, bytes: &[u8], patience: Duration) -> String {
    let mut stream = connect(services);
    // A server that has seen enough closes while it is still being told.
    let _ = stream.write_all(bytes);
    read_all(&mut stream, patience)
}

fn connect(services: &Services) -> TcpStream {
    TcpStream::connect(services.url.strip_prefix("http://").unwrap()).unwrap()
}

fn read_all(stream: &mut TcpStream, patience: Duration) -> String {
    stream.set_read_timeout(Some(patience)).unwrap();
    let (mut answer, mut some) = (Vec::new(), [0; 4_096]);
    while let Ok(read @ 1..) = stream.read(&mut some) {
        answer.extend_from_slice(&some[..read]);
    }
    String::from_utf8_lossy(&answer).to_ascii_lowercase()
}

fn healthy(services: &Services) -> bool {
    services.client.get(&format!("{}/issuer/openapi.json", services.url)).is_some_and(|(status, _)| status == 200)
}

const PATIENCE: Duration = Duration::from_secs(2);

/// N03: whatever a proxy in front takes for the body, no second request is read from it.
#[test]
fn n03_no_request_hides_in_another() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let smuggled = |head: &str| {
        let text = format!("POST /issuer/v1/nonce HTTP/1.1\r\nHost: x\r\n{head}\r\n0\r\n\r\n{hidden}");
        raw(&services, text.as_bytes(), PATIENCE)
    };
    // Two requests in one go are two, where the first one's length is plain.
    let two = format!("POST /issuer/v1/nonce HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n{hidden}");
    let answer = raw(&services, two.as_bytes(), PATIENCE);
    assert_eq!(answer.matches("http/1.1 ").count(), 2, "{answer}");
    // Two lengths that do not agree: the chunks count, nothing is read after them, and the connection is over.
    for head in [
        "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 40\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let answer = smuggled(head);
        assert_eq!(answer.matches("http/1.1 ").count(), 1, "{head}: {answer}");
        assert!(answer.contains("connection: close"), "{head}: {answer}");
    }
    // What is no length at all is refused, and so is a line that ends half.
    for head in [
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: -1\r\n",
        "X: a\rContent-Length: 0\r\n",
    ] {
        let answer = smuggled(head);
        assert!(answer.starts_with("http/1.1 400"), "{head}: {answer}");
        assert_eq!(answer.matches("http/1.1 ").count(), 1, "{head}: {answer}");
    }
    // Chunks whose lines end in a bare line feed: the body is not taken.
    let bare =
        format!("POST /issuer/v1/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n{hidden}");
    let answer = raw(&services, bare.as_bytes(), PATIENCE);
    assert!(answer.matches("http/1.1 ").count() <= 1, "{answer}");
    assert!(healthy(&services));
}

/// N04 and N05: thousands that send byte by byte hinder nobody, and are cut off.
#[test]
fn n04_slow_clients_keep_nobody_waiting() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let mut slow: Vec<TcpStream> = (0..2_000).map(|_| connect(&services)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /issuer/openapi.json HTTP/1.1\r\nHost: x\r\nX: ").unwrap();
    }
    // Served among them.
    assert!(healthy(&services));
    // One that sends its body byte by byte.
    let mut body = connect(&services);
    body.write_all(
        b"POST /issuer/openid4vci/token HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\n",
    )
    .unwrap();
    body.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let (mut answer, mut some) = (String::new(), [0; 1_024]);
    for _ in 0..30 {
        if !answer.is_empty() || body.write_all(b"a").is_err() {
            break;
        }
        match body.read(&mut some) {
            Ok(read) => answer.push_str(&String::from_utf8_lossy(&some[..read])),
            Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
        }
    }
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // Each of the others is cut off, too.
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        while let Ok(1..) = stream.read(&mut some) {}
        let left = stream.read(&mut some);
        let open = left.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        assert!(!open, "still there");
    }
    assert!(healthy(&services));
}

/// N09 and N11: paths and headers that claim to be something else.
#[test]
fn n09_paths_and_headers_are_not_believed() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    for path in [
        "/../issuer/admin.token",
        "/issuer/../../issuer/admin.token",
        "/wallet/..%2f..%2fissuer%2fadmin.token",
        "/wallet/%2e%2e/%2e%2e/Cargo.toml",
        "/wallet/%00",
        "/wallet//etc/passwd",
        "/scanner/;/../admin.token",
        "/issuer//v1/admin/offers",
        "/issuer/v1/admin;x/offers",
        "/ISSUER/v1/nonce",
        "/issuer/status/..%2f..%2fx/0",
        "/ledger/explorer/..%2f..%2fetc%2fpasswd",
    ] {
        for method in ["GET", "POST"] {
            let text = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let answer = raw(&services, text.as_bytes(), PATIENCE);
            let status = answer.get(9..12).unwrap_or_default().to_owned();
            assert!(["400", "404", "405"].contains(&status.as_str()), "{method} {path}: {answer}");
            assert!(!answer.contains("root:") && !answer.contains(&services.admin_token()), "{path}");
        }
    }
    // Whoever polls too often is told so, whatever it says of where it comes from.
    let mut told = 0;
    for number in 0..60 {
        let from = format!("10.0.0.{number}");
        let address = format!("{}/openid4vp/requests/AAAAAAAAAAAAAAAAAAAAAA", services.url);
        let headers =
            [("X-Forwarded-For", from.as_str()), ("Forwarded", "for=192.0.2.1"), ("X-Real-IP", from.as_str())];
        let (status, _, _) = services.client.exchange("GET", &address, &headers, b"", "retry-after").unwrap();
        told += u32::from(status == 429);
    }
    assert!(told >= 20, "{told}");
    // An operator's call is not let in by a header either.
    let headers = [("X-Forwarded-For", "127.0.0.1"), ("Content-Type", "application/json")];
    let address = format!("{}/issuer/v1/admin/offers", services.url);
    let (status, _, body) = services.client.exchange("POST", &address, &headers, b"{}", "retry-after").unwrap();
    assert_eq!((status, String::from_utf8_lossy(&body).contains("invalid_token")), (401, true));
}

/// N14: with no file descriptor left nothing is lost, and it goes on when there are some again.
#[test]
fn n14_without_file_descriptors_it_waits_and_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("network");
    let services = Services::start_with_files(&dir, 256);
    let phone = Citizen::new(&place.path().join("phone"));
    let idle: Vec<TcpStream> = (0..400).map(|_| connect(&services)).collect();
    // In such a crowd an answer is late, or 503; it is never wrong.
    if let Some((status, _)) = services.client.get(&format!("{}/issuer/openapi.json", services.url)) {
        assert!(matches!(status, 200 | 503), "{status}");
    }
    drop(idle);
    wait_for("it serves again", || healthy(&services));
    phone.accept(&services, "person-0001", &[LICENCE]);
}

/// N15: while the database is locked by another program, whoever asks is told to come back, and nothing is half done.
#[test]
fn n15_a_locked_database_is_told_and_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let phone = Citizen::new(&place.path().join("phone"));
    let offer = json!({ "person": "person-0001", "credential_types": [LICENCE], "with_tx_code": true, "life": 600 });
    let admin = |body: &serde_json::Value| {
        let address = format!("{}/issuer/v1/admin/offers", services.url);
        let token = format!("Bearer {}", services.admin_token());
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        services.client.exchange("POST", &address, &headers, body.to_string().as_bytes(), "retry-after").unwrap()
    };
    let database = std::fs::read_dir(services.dir.join("issuer")).unwrap();
    let database =
        database.map(|it| it.unwrap().path()).find(|it| it.extension().is_some_and(|it| it == "db")).unwrap();
    let locker = rusqlite::Connection::open(database).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, retry, body) = admin(&offer);
    assert_eq!(status, 503, "{}", String::from_utf8_lossy(&body));
    assert_eq!(retry.as_deref(), Some("1"));
    locker.execute_batch("ROLLBACK").unwrap();
    wait_for("the issuer goes on", || admin(&offer).0 == 200);
    phone.accept(&services, "person-0001", &[LICENCE]);
}

/// N16: told to stop in the middle of work, it ends what it has begun, soon; what it acknowledged is there afterwards.
#[test]
fn n16_told_to_stop_under_load_it_loses_nothing_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("network");
    let services = Services::start(&dir);
    let (client, token) = (services.client.clone(), services.admin_token());
    let address = format!("{}/issuer/v1/admin/offers", services.url);
    let stop = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let worker = || {
            let mut acknowledged = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let body = json!({ "person": "person-0001", "credential_types": [LICENCE], "with_tx_code": true, "life": 600 });
                match client.admin(&address, &token, &body) {
                    Some((200, answer)) => {
                        acknowledged.push(answer["openid_offer_reference"].as_str().unwrap().to_owned())
                    }
                    Some((status, answer)) => assert!(matches!(status, 429 | 503), "{answer}"),
                    None => break,
                }
            }
            acknowledged
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        std::thread::sleep(Duration::from_secs(1));
        // Within ten seconds.
        let status = services.terminate();
        stop.store(true, Ordering::Relaxed);
        assert!(status.success(), "{status}");
        workers.into_iter().flat_map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    let services = Services::start(&dir);
    for reference in acknowledged {
        let (_, path) = reference.split_once("%2Fopenid4vci%2Foffers%2F").unwrap();
        let (status, _) = services.client.get(&format!("{}/issuer/openid4vci/offers/{path}", services.url)).unwrap();
        assert_eq!(status, 200, "an acknowledged offer is gone");
    }
}

/// What a server does with a wallet that asks.
type Answers<'a> = &'a dyn Fn(&mut TcpStream) -> std::io::Result<()>;

/// K12: a wallet takes a request from where the link says, whole and soon, or not at all.
#[test]
fn k12_a_request_is_fetched_from_where_the_link_says() {
    let place = tempfile::tempdir().unwrap();
    let services = Services::start(&place.path().join("network"));
    let phone = Citizen::new(&place.path().join("phone"));
    phone.accept(&services, "person-0001", &[LICENCE]);
    // Where a redirect leads: whoever comes would wait there.
    let page = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = page.local_addr().unwrap();
    let answers: [(&str, Answers<'_>); 5] = [
        ("302", &|it| write!(it, "HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n")),
        ("307", &|it| write!(it, "HTTP/1.1 307 Moved\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n")),
        ("a page", &|it| {
            it.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>")
        }),
        ("five megabytes", &|it| {
            it.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")?;
            it.write_all(&vec![b'a'; 5_000_000])
        }),
        ("slow", &|it| {
            it.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n")?;
            for _ in 0..600 {
                it.write_all(b"a")?;
                std::thread::sleep(Duration::from_millis(200));
            }
            Ok(())
        }),
    ];
    std::thread::scope(|scope| {
        for (what, answer) in answers {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let link = format!("openid4vp://?client_id=x509_hash%3AAA&request_uri=http%3A%2F%2F{address}%2Frequest");
            let phone = &phone;
            let waiting = scope.spawn(move || phone.wallet("answer", &[&link, "--approve"]));
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            // The wallet may have had enough.
            let _ = answer(&mut stream);
            drop(stream);
            let outcome = waiting.join().unwrap();
            assert_eq!(outcome.code, 1, "{what}: {}", outcome.text);
        }
    });
    page.set_nonblocking(true).unwrap();
    assert!(page.accept().is_err(), "nothing is followed to another address");
}
