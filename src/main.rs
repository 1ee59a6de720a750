//! `mid`: a national mobile identity in one program. Issue, hold, present, verify; a ledger beside it.

mod cli;
mod clock;
mod console;
mod demo;
mod did_web;
mod files;
mod http;
mod ledger;
mod log_in;
mod network;
mod output;
mod page;
mod pin;
mod randomness;
mod records;
mod relying_party;
mod seen;
mod serving;
mod up;
mod wallet_provider;
mod web;
mod web_app;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A national mobile identity: issue, hold, present, verify, with a ledger beside it.
///
/// Exit codes: 0 accepted, 1 refused (the reason has a stable name), 2 wrong use.
#[derive(Debug, Parser)]
#[command(name = "mid", version, disable_help_subcommand = true)]
struct Mid {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell the whole story once: issue, hold, show, check, and what must be refused
    Demo(demo::DemoArgs),
    /// Run everything on this machine until Ctrl-C
    Up(up::UpArgs),
    /// Run a ledger node, write on the ledger, prove what stands there
    Ledger(cli::ledger::LedgerArgs),
    /// Resolve decentralised identifiers
    Did(cli::did::DidArgs),
    /// Issue credentials and withdraw them
    Issuer(cli::issuer::IssuerArgs),
    /// A chip card in software, for logging in at an issuer's page
    Card(cli::card::CardArgs),
    /// Hold credentials and answer requests with the owner's consent
    Wallet(cli::wallet::WalletArgs),
    /// Ask, check, decide; with no network
    Verifier(cli::verifier::VerifierArgs),
    /// Carry encrypted messages from sites to wallets
    Relay(cli::relay::RelayArgs),
    /// Say what a zero-knowledge code reveals and what not
    Zk(cli::zk::ZkArgs),
}

fn main() -> ExitCode {
    serving::no_core_dumps();
    match Mid::parse().command {
        Command::Demo(args) => match demo::run(&args) {
            Ok(came_true) => ExitCode::from(u8::from(!came_true)),
            Err(error) => output::finish(Err(error), false),
        },
        Command::Up(args) => output::finish(up::run(&args), false),
        Command::Ledger(args) => {
            let json = args.json;
            output::finish(cli::ledger::run(args), json)
        }
        Command::Did(args) => {
            let json = args.json;
            output::finish(cli::did::run(args), json)
        }
        Command::Issuer(args) => {
            let json = args.json;
            output::finish(cli::issuer::run(args), json)
        }
        Command::Card(args) => {
            let json = args.json;
            output::finish(cli::card::run(args), json)
        }
        Command::Wallet(args) => {
            let json = args.json;
            output::finish(cli::wallet::run(args), json)
        }
        Command::Verifier(args) => {
            let json = args.json;
            output::finish(cli::verifier::run(args), json)
        }
        Command::Relay(args) => {
            let json = args.json;
            output::finish(cli::relay::run(args), json)
        }
        Command::Zk(args) => {
            let json = args.json;
            output::finish(cli::zk::run(args), json)
        }
    }
}
