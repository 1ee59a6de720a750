//! `mid`: a national mobile identity in one program. Issue, hold, present, verify; a ledger beside it.

mod cli;
mod clock;
mod files;
mod output;
mod randomness;
mod seen;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A national mobile identity: issue, hold, present, verify, with a ledger beside it.
#[derive(Debug, Parser)]
#[command(name = "mid", version, disable_help_subcommand = true)]
struct Mid {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask, check, decide; with no network
    Verifier(cli::verifier::VerifierArgs),
}

fn main() -> ExitCode {
    match Mid::parse().command {
        Command::Verifier(args) => {
            let json = args.json;
            output::finish(cli::verifier::run(args), json)
        }
    }
}
