//! As much of an HTTP server as one page needs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What a page loads: path without the slash, and content.
pub type Files = HashMap<String, Vec<u8>>;

/// A page that waits for its browser.
pub struct Page {
    address: SocketAddr,
    posted: Receiver<String>,
}

impl Page {
    /// Serves `files` on a port of this machine until the process ends.
    ///
    /// # Errors
    /// When no port is free.
    pub fn serve(files: Files) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (sender, posted) = channel();
        std::thread::spawn(move || {
            let files = std::sync::Arc::new(files);
            for stream in listener.incoming().flatten() {
                let (files, sender) = (files.clone(), sender.clone());
                // A browser opens connections it does not use at once, so each has its own thread.
                std::thread::spawn(move || drop(answer(stream, &files, &sender)));
            }
        });
        Ok(Self { address, posted })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the page posted, unless it takes longer than `patience`.
    #[must_use]
    pub fn result(&self, patience: Duration) -> Option<String> {
        self.posted.recv_timeout(patience).ok()
    }
}

fn answer(stream: TcpStream, files: &Files, posted: &Sender<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let (status, kind, body): (_, _, &[u8]) = match (method, files.get(path.trim_start_matches('/'))) {
        ("POST", _) if path == "/result" => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            // The receiver is gone once it has its result.
            let _ = posted.send(String::from_utf8_lossy(&body).into_owned());
            ("204 No Content", "text/plain", b"")
        }
        ("GET", Some(content)) => ("200 OK", media_type(&path), content),
        _ => ("404 Not Found", "text/plain", b""),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}
