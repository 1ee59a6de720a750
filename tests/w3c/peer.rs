//! Digital Bazaar's packages in a Node process that answers line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// The folder with the packages, made on the first run.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("w3c-js");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("w3c/js");
    std::fs::create_dir_all(&folder).unwrap();
    // Two tests may want it at once.
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let list = std::fs::read(source.join("package-lock.json")).unwrap();
    if std::fs::read(folder.join("complete")).is_ok_and(|complete| complete == list) {
        std::fs::copy(source.join("peer.mjs"), folder.join("peer.mjs")).unwrap();
        return folder;
    }
    for file in ["package.json", "package-lock.json", "peer.mjs"] {
        std::fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    if Command::new("npm").arg("--version").output().is_err() {
        run(Command::new("apt-get").args(["update", "-q"]));
        run(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends", "npm"]));
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder));
    std::fs::write(folder.join("complete"), list).unwrap();
    folder
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}");
}

/// The other side.
pub(crate) struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let mut process = Command::new("node")
            .arg("peer.mjs")
            .current_dir(folder())
            // The adapter's certificate is nobody's.
            .env("NODE_TLS_REJECT_UNAUTHORIZED", "0")
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    /// What a call answers, or its error.
    pub(crate) fn call(&mut self, call: &Value) -> Result<Value, String> {
        writeln!(self.input, "{call}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        match answer.get_mut("ok") {
            Some(ok) => Ok(ok.take()),
            None => Err(answer["error"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
