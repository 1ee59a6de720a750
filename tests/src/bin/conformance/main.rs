//! Speaks the HTTP contract of public W3C conformance suites over the product's own functions. For tests only.
//!
//! ```text
//! cargo run --release -p tests --bin conformance -- --https 127.0.0.1:40443 --http 127.0.0.1:40080 [--now UNIX-SECONDS]
//! ```
//!
//! Prints `issuers.json` and serves until it is ended. The certificate is made at start and signed by nobody else.
#![allow(clippy::expect_used, reason = "a test service that cannot start should say so at once")]

mod documents;
mod enveloped;
mod handlers;
mod identifiers;
mod issuers;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use handlers::{Adapter, issuers, router};

/// Connections that have shaken hands.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, peer)) = self.listener.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn acceptor(https: &str) -> TlsAcceptor {
    let host = https.rsplit_once(':').map_or(https, |(host, _)| host).to_owned();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), host]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    TlsAcceptor::from(Arc::new(config.expect("a configuration")))
}

#[tokio::main]
async fn main() {
    let (mut https, mut http, mut now) = ("127.0.0.1:40443".to_owned(), "127.0.0.1:40080".to_owned(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match (argument.as_str(), value) {
            ("--https", Some(address)) => https = address,
            ("--http", Some(address)) => http = address,
            ("--now", Some(seconds)) => now = Some(seconds.parse().expect("unix seconds")),
            _ => {
                eprintln!("conformance --https ADDRESS --http ADDRESS [--now UNIX-SECONDS]");
                std::process::exit(2);
            }
        }
    }
    let adapter = Arc::new(Adapter::new(https.clone(), http.clone(), now));
    let secure = TcpListener::bind(&https).await.expect("a free port for HTTPS");
    let plain = TcpListener::bind(&http).await.expect("a free port for HTTP");
    println!("{}", serde_json::to_string_pretty(&issuers(&adapter)).expect("JSON"));
    let secure = Tls { listener: secure, acceptor: acceptor(&https) };
    let (first, second) = tokio::join!(
        axum::serve(secure, router(Arc::clone(&adapter))).into_future(),
        axum::serve(plain, router(adapter)).into_future()
    );
    first.and(second).expect("a service that goes on");
}
