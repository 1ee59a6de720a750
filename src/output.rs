//! What a command says: an answer, a refusal with a stable name, or how to use it.

use std::fmt::Debug;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

/// What a command that was accepted has to say, for people and for programs.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Lines for a terminal, without the last newline.
    pub(crate) text: String,
    /// The same as JSON.
    pub(crate) json: Value,
    /// Standard output carries a file, so the answer goes to standard error.
    aside: bool,
}

impl Answer {
    /// An answer of both forms.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, aside: false }
    }

    /// Leaves standard output to the file that was written there.
    pub(crate) fn beside(mut self, stdout_is_taken: bool) -> Self {
        self.aside = stdout_is_taken;
        self
    }
}

/// Why a command did nothing.
#[derive(Debug)]
pub(crate) enum CliError {
    /// A check failed. Exit code 1.
    Refused {
        /// The stable name, e.g. `NonceReplayed`.
        name: String,
        /// What to do next.
        message: String,
    },
    /// The command line or a file named on it cannot be used. Exit code 2.
    Usage(String),
}

impl CliError {
    /// A refusal of the command line itself, not of a library.
    pub(crate) fn refused(name: &str, message: impl Into<String>) -> Self {
        Self::Refused { name: name.to_owned(), message: message.into() }
    }

    /// Wrong use.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }
}

/// Every error of a library is a refusal under the name of its innermost variant.
impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Refused { name: protocol::error_name(&error), message: error.to_string() }
    }
}

/// Prints what came out and turns it into the exit code: 0 accepted, 1 refused, 2 wrong use.
pub(crate) fn finish(result: Result<Answer, CliError>, as_json: bool) -> ExitCode {
    let (line, code) = match result {
        Ok(answer) => {
            let text = if as_json { answer.json.to_string() } else { answer.text };
            // A reader that went away is not an error of the command.
            let _ = if answer.aside {
                writeln!(std::io::stderr().lock(), "{text}")
            } else {
                writeln!(std::io::stdout().lock(), "{text}")
            };
            return ExitCode::SUCCESS;
        }
        Err(CliError::Refused { name, message }) if as_json => {
            (json!({ "refused": name, "message": message }).to_string(), 1)
        }
        Err(CliError::Refused { name, message }) => (format!("refused: {name}: {message}"), 1),
        Err(CliError::Usage(message)) if as_json => (json!({ "usage": message }).to_string(), 2),
        Err(CliError::Usage(message)) => (format!("usage: {message}"), 2),
    };
    if as_json {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    } else {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_errors_keep_their_names() {
        let error: CliError = protocol::exchange::OfferError::OfferExpired.into();
        assert!(matches!(error, CliError::Refused { name, .. } if name == "OfferExpired"));
    }
}
