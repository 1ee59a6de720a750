//! How the owner's PIN gets in: never as an argument, where other users and the shell's history see it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use zeroize::Zeroizing;

use crate::output::CliError;

/// Longest line that is read, in bytes.
const LINE_MAX: u64 = 256;

/// Where the PIN comes from; a terminal is asked when neither is given.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PinSource {
    /// File whose first line is the PIN
    #[arg(long, value_name = "FILE", conflicts_with = "pin_stdin")]
    pin_file: Option<PathBuf>,
    /// Read the PIN as a line of standard input
    #[arg(long)]
    pin_stdin: bool,
}

impl PinSource {
    /// The PIN as it was typed.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, CliError> {
        match &self.pin_file {
            Some(path) => from_file(path),
            None if self.pin_stdin => line_of(&mut io::stdin().lock()),
            None => prompt("PIN: "),
        }
    }

    /// A PIN that is to be set: typed twice at a terminal.
    pub(crate) fn read_new(&self, file: Option<&Path>) -> Result<Zeroizing<String>, CliError> {
        match file.or(self.pin_file.as_deref()) {
            Some(path) => from_file(path),
            None if self.pin_stdin => line_of(&mut io::stdin().lock()),
            None => {
                let first = prompt("New PIN: ")?;
                if *prompt("New PIN again: ")? != *first {
                    return Err(CliError::refused("PinMismatch", "the two PINs differ; try again"));
                }
                Ok(first)
            }
        }
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let file = std::fs::File::open(path)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))?;
    line_of(&mut io::BufReader::new(file))
}

/// One line without its end. The buffer never grows, so that no copy of it is left behind.
fn line_of(input: &mut impl BufRead) -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::with_capacity(LINE_MAX as usize));
    io::Read::take(&mut *input, LINE_MAX)
        .read_line(&mut line)
        .map_err(|_| CliError::usage("the PIN cannot be read"))?;
    while line.ends_with(['\n', '\r']) {
        line.pop();
    }
    Ok(line)
}

fn prompt(text: &str) -> Result<Zeroizing<String>, CliError> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::usage("give the PIN with --pin-file or --pin-stdin, or at a terminal"));
    }
    let unusable = |_| CliError::usage("the terminal cannot be used; give the PIN with --pin-file");
    let _ = write!(io::stderr(), "{text}");
    let silent = Silence::begin(&stdin).map_err(unusable)?;
    let line = line_of(&mut stdin.lock());
    drop(silent);
    let _ = writeln!(io::stderr());
    line
}

/// The terminal shows nothing of what is typed until this is dropped.
struct Silence<'a> {
    stdin: &'a io::Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(stdin: &'a io::Stdin) -> rustix::io::Result<Self> {
        let before = termios::tcgetattr(stdin)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(stdin, OptionalActions::Flush, &silent)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing to put back.
        let _ = termios::tcsetattr(self.stdin, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_without_its_end() {
        let mut input = io::Cursor::new(b"246813\r\n975310\n".to_vec());
        assert_eq!(*line_of(&mut input).unwrap(), "246813");
        assert_eq!(*line_of(&mut input).unwrap(), "975310");
        assert_eq!(*line_of(&mut input).unwrap(), "");
    }
}
