//! What the client makes of each answer a node, or something in a node's place, can give.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use ledger_client::{ClientError, LedgerClient, Recorded};
use protocol::ledger::testkit::TestLedger;
use protocol::ledger::{Scope, StateKey};

const STATUS: &str = r#"{"network":"kr","height":7,"time_ms":1,"root":"00"}"#;
/// Longest JSON answer the client reads.
const JSON_MAX: usize = 64 * 1024;

/// A client of something that gives this one answer to the first request.
fn answered(status: u16, body: impl AsRef<[u8]>) -> LedgerClient {
    let body = body.as_ref();
    raw([format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat())
}

fn raw(answer: Vec<u8>) -> LedgerClient {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
        stream.get_mut().write_all(&answer).unwrap();
    });
    LedgerClient::new(&base)
}

#[test]
fn a_busy_node_is_told_from_one_that_refuses() {
    let busy = ClientError::Busy("Overloaded".into());
    let body = r#"{"error":"Overloaded"}"#;
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(answered(status, body).status(), Err(busy.clone()), "{status}");
        assert_eq!(answered(status, body).submit_bytes(b"tx"), Err(busy.clone()), "{status}");
    }
    for status in [400, 403, 406, 409, 413, 301] {
        assert_eq!(answered(status, body).status(), Err(ClientError::Refused("Overloaded".into())), "{status}");
    }
    assert_eq!(answered(404, body).status(), Err(ClientError::NotFound));
    assert_eq!(answered(410, body).status(), Err(ClientError::Deactivated));
    assert_eq!(answered(200, STATUS).status().unwrap().height, 7);
}

#[test]
fn only_a_name_is_passed_on() {
    let longest = "a".repeat(64);
    let named = answered(503, format!(r#"{{"error":"{longest}"}}"#)).status();
    assert_eq!(named, Err(ClientError::Busy(longest)));
    let too_long = format!(r#"{{"error":"{}"}}"#, "a".repeat(65));
    for body in [r#"{"error":"<b>hello</b>"}"#, r#"{"error":"two\nlines"}"#, r#"{"error":1}"#, "busy", "", &too_long] {
        assert_eq!(answered(503, body).status(), Err(ClientError::Busy(String::new())), "{body}");
    }
}

#[test]
fn a_transaction_that_is_not_final_yet_is_neither_recorded_nor_refused() {
    let id = [7; 32];
    let name = "07".repeat(32);
    let taken = answered(202, format!(r#"{{"id":"{name}"}}"#)).submit_bytes(b"tx");
    assert_eq!(taken, Err(ClientError::NotFinalYet));
    let body = format!(r#"{{"id":"{name}","height":3}}"#);
    assert_eq!(answered(200, &body).submit_bytes(b"tx"), Ok(Recorded { id, height: 3 }));
    assert_eq!(answered(200, &body).transaction(&id), Ok(Recorded { id, height: 3 }));
}

#[test]
fn answers_of_another_form_are_malformed() {
    let malformed = ClientError::MalformedAnswer;
    for body in ["", "[]", "{}", STATUS.trim_end_matches('}'), &STATUS.replace('7', "-7")] {
        assert_eq!(answered(200, body).status(), Err(malformed.clone()), "{body}");
    }
    for id in ["07".repeat(31), "07".repeat(33), "zz".repeat(32)] {
        let body = format!(r#"{{"id":"{id}","height":3}}"#);
        assert_eq!(answered(200, body).submit_bytes(b"tx"), Err(malformed.clone()), "{id}");
    }

    // Each CBOR answer: the right one, and the same with a byte too many.
    let ledger = TestLedger::new("kr", [5; 32], [6; 32], 1_000).unwrap();
    let key = StateKey::governance();
    let longer = |bytes: &[u8]| answered(200, [bytes, &[0]].concat());
    let bundle = ledger.bundle(Scope::Snapshot).encode();
    let read = answered(200, &bundle).bundle(Scope::Snapshot).unwrap();
    assert!(read.verify(&ledger.anchor(), 0).is_ok());
    assert_eq!(longer(&bundle).bundle(Scope::Snapshot).err(), Some(malformed.clone()));
    let proof = ledger.proof(&key).unwrap();
    assert_eq!(answered(200, proof.encode()).proof(&key).unwrap(), proof);
    assert_eq!(longer(&proof.encode()).proof(&key).err(), Some(malformed.clone()));
    let anchor = ledger.anchor();
    assert_eq!(answered(200, anchor.encode()).anchor().unwrap(), anchor);
    assert_eq!(longer(&anchor.encode()).anchor(), Err(malformed.clone()));
    let envelope = &ledger.bundle(Scope::Snapshot).values[0];
    let record = answered(200, envelope.as_slice()).record(&key).unwrap().unwrap();
    assert_eq!(record.encode()[..], envelope[..]);
    assert_eq!(longer(envelope).record(&key), Err(malformed));
    assert_eq!(answered(404, "").record(&key), Ok(None));
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let longest = STATUS.to_owned() + &" ".repeat(JSON_MAX - STATUS.len());
    assert!(answered(200, &longest).status().is_ok());
    assert_eq!(answered(200, longest + " ").status(), Err(ClientError::MalformedAnswer));
}

#[test]
fn an_answer_that_is_cut_off_is_none() {
    let whole = format!("HTTP/1.1 200 -\r\ncontent-length: {}\r\n\r\n{STATUS}", STATUS.len());
    assert!(raw(whole.clone().into_bytes()).status().is_ok());
    for length in [0, 10, whole.len() - STATUS.len(), whole.len() - 1] {
        let cut = raw(whole.as_bytes()[..length].to_vec());
        assert_eq!(cut.status(), Err(ClientError::Unavailable), "{length}");
    }
}
