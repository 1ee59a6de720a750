//! Implementations of others in processes that answer line by line: Digital Bazaar's packages (`tests/w3c/js/peer.mjs`) and
//! SpruceID's `ssi` (`tests/rivals`).

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
    /// Digital Bazaar's packages, from the folder they are installed in.
    pub(crate) fn javascript(folder: &str) -> Self {
        let mut node = Command::new("node");
        node.arg("peer.mjs").current_dir(folder);
        Self::start(node)
    }

    /// `ssi`, from the program that `tests/rivals` builds.
    pub(crate) fn ssi(program: &str) -> Self {
        let mut rivals = Command::new(program);
        rivals.arg("ssi");
        Self::start(rivals)
    }

    fn start(mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    /// The least time of `rounds`, in microseconds on the wall; the compiler of Node has seen the code before.
    pub(crate) fn least(&mut self, rounds: u32, job: &Value) -> f64 {
        let times = (0..rounds.max(8)).map(|_| {
            let started = Instant::now();
            self.ask(job);
            started.elapsed().as_secs_f64() * 1e6
        });
        times.fold(f64::MAX, f64::min)
    }

    /// What a job brings.
    pub(crate) fn ask(&mut self, job: &Value) -> Value {
        writeln!(self.input, "{job}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert!(answer.starts_with("{\"ok\""), "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["ok"].take()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
