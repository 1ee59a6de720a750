//! Digital Bazaar's packages in a Node process that answers line by line (`tests/w3c/js/peer.mjs`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

pub(crate) struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(folder: &str) -> Self {
        let mut node = Command::new("node");
        node.arg("peer.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = node.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    /// The least time of `rounds`, in microseconds on the wall; the compiler of Node has seen the code before.
    pub(crate) fn least(&mut self, rounds: u32, job: &Value) -> f64 {
        let times = (0..rounds.max(8)).map(|_| {
            let started = Instant::now();
            writeln!(self.input, "{job}").unwrap();
            let mut answer = String::new();
            self.output.read_line(&mut answer).unwrap();
            assert!(answer.starts_with("{\"ok\""), "{answer}");
            started.elapsed().as_secs_f64() * 1e6
        });
        times.fold(f64::MAX, f64::min)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
