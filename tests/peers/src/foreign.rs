//! Implementations that run in a process of their own: `tests/rivals`.
//!
//! Such a program prints its cases as one line of JSON; then it runs a case for each number it reads, and answers with
//! the microseconds of processor time that took.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running program.
pub(crate) struct Foreign {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) cases: Vec<Offered>,
}

/// A case such a program offers.
#[derive(serde::Deserialize)]
pub(crate) struct Offered {
    pub(crate) name: String,
    /// Size of the proof.
    pub(crate) bytes: usize,
}

impl Foreign {
    /// Start a command: a program and its arguments, separated by spaces.
    pub(crate) fn start(command: &str) -> Result<Self, Box<dyn Error>> {
        let mut words = command.split(' ');
        let mut child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command}: {error}"))?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().ok_or("the program has no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let cases = serde_json::from_str(&line).map_err(|error| format!("{command}: {error}"))?;
        Ok(Self { child, input, output, cases })
    }

    /// Run a case once; microseconds.
    pub(crate) fn run(&mut self, index: usize) -> Result<f64, Box<dyn Error>> {
        writeln!(self.input.as_mut().ok_or("the program has no input")?, "{index}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let name = &self.cases[index].name;
        Ok(line.trim().parse().map_err(|_| format!("{name} failed"))?)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // The program ends when there is nothing more to read; nobody is left to hear how it went.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
