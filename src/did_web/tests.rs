use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::identifier::{DidKey, DidWeb};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use ureq::tls::Certificate;

use super::*;

/// This machine, as vouched for by one certificate.
#[derive(Debug)]
struct Loopback(Vec<u8>);

impl Reach for Loopback {
    fn allows(&self, address: IpAddr) -> bool {
        address.is_loopback()
    }

    fn roots(&self) -> RootCerts {
        RootCerts::new_with_certs(&[Certificate::from_der(&self.0).to_owned()])
    }
}

/// The public Internet, except that a certificate of the test's own counts.
#[derive(Debug)]
struct Strict(Vec<u8>);

impl Reach for Strict {
    fn allows(&self, address: IpAddr) -> bool {
        Public.allows(address)
    }

    fn roots(&self) -> RootCerts {
        RootCerts::new_with_certs(&[Certificate::from_der(&self.0).to_owned()])
    }
}

struct Server {
    port: u16,
    certificate: Vec<u8>,
    calls: Arc<AtomicUsize>,
}

/// Serves over TLS: `answer` says what for a path.
fn server(name: &str, answer: impl Fn(&str, u16) -> String + Send + 'static) -> Server {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().to_vec();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(connection, stream.unwrap());
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && tls.read(&mut byte).unwrap_or(0) == 1 {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            if let Some(path) = request.split(' ').nth(1) {
                let _ = tls.write_all(answer(path, port).as_bytes());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    Server { port, certificate, calls }
}

fn body(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn documents(path: &str, port: u16) -> String {
    let key = DidKey::parse("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp").unwrap();
    let of = |did: &str| key.to_json().to_string().replace(&key.to_text(), did);
    let own = of(&format!("did:web:localhost%3A{port}"));
    match path {
        "/.well-known/did.json" => body("200 OK", &own),
        "/a/b/did.json" => body("200 OK", &of(&format!("did:web:localhost%3A{port}:a:b"))),
        "/other/did.json" => body("200 OK", &own),
        "/large/did.json" => body("200 OK", &" ".repeat(DidWeb::DOCUMENT_MAX + 1)),
        "/endless/did.json" => format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", " ".repeat(1 << 20)),
        "/html/did.json" => body("200 OK", "<html></html>"),
        "/moved/did.json" => {
            format!(
                "HTTP/1.1 302 Found\r\nlocation: https://localhost:{port}/a/b/did.json\r\ncontent-length: 0\r\n\r\n"
            )
        }
        "/broken/did.json" => body("500 Internal Server Error", ""),
        _ => body("404 Not Found", ""),
    }
}

fn refusal(result: Result<Value, CliError>) -> String {
    match result {
        Err(CliError::Refused { name, .. }) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dweb_03_to_05_documents_are_fetched_from_their_one_place() {
    let server = server("localhost", documents);
    let fetcher = Fetcher::new(Loopback(server.certificate.clone()));
    let did = |path: &str| DidWeb::parse(&format!("did:web:localhost%3A{}{path}", server.port)).unwrap();
    for path in ["", ":a:b"] {
        let did = did(path);
        assert_eq!(fetcher.document(&did).unwrap()["id"], did.as_str());
    }
    for (path, name) in [
        (":other", "DocumentMismatch"),
        (":large", "MalformedDocument"),
        (":endless", "MalformedDocument"),
        (":html", "MalformedDocument"),
        (":moved", "RedirectRefused"),
        (":broken", "ServiceFailed"),
        (":none", "NotFound"),
    ] {
        assert_eq!(refusal(fetcher.document(&did(path))), name, "{path}");
    }
}

#[test]
fn dweb_04_no_connection_is_opened_to_a_private_address() {
    let server = server("localhost", documents);
    let did = DidWeb::parse(&format!("did:web:localhost%3A{}", server.port)).unwrap();
    for fetcher in [Fetcher::new(Strict(server.certificate.clone())), Fetcher::new(Public)] {
        assert_eq!(refusal(fetcher.document(&did)), "PrivateAddress");
    }
    assert_eq!(server.calls.load(Ordering::SeqCst), 0);
    assert!(Fetcher::new(Loopback(server.certificate.clone())).document(&did).is_ok());
    assert_eq!(server.calls.load(Ordering::SeqCst), 1);
}

#[test]
fn dweb_03_strangers_do_not_speak_for_a_host() {
    let trusted = server("localhost", documents);
    // A certificate of nobody known, and one of another name.
    let unknown = server("localhost", documents);
    let misnamed = server("other.example", documents);
    let did = |port: u16| DidWeb::parse(&format!("did:web:localhost%3A{port}")).unwrap();
    let fetcher = Fetcher::new(Loopback(trusted.certificate.clone()));
    assert!(fetcher.document(&did(trusted.port)).is_ok());
    assert_eq!(refusal(fetcher.document(&did(unknown.port))), "ServiceUnreachable");
    let fetcher = Fetcher::new(Loopback(misnamed.certificate.clone()));
    assert_eq!(refusal(fetcher.document(&did(misnamed.port))), "ServiceUnreachable");
    // Plain HTTP is not tried: nothing that is no TLS is answered.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let _ = stream.write_all(documents("/.well-known/did.json", port).as_bytes());
    });
    assert_eq!(refusal(fetcher.document(&did(port))), "ServiceUnreachable");
}
