//! `mid relay`: a push service of its own, for wallets that no browser's push service reaches.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use push_relay::{Limits, Relay};
use serde_json::json;

use crate::output::{Answer, CliError};
use crate::{clock, files, serving};

/// What carries encrypted messages to wallets.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Carry messages until Ctrl-C: sites push (Web Push), wallets look into their inboxes
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Where messages are kept until they are fetched or run out
    #[arg(long, value_name = "DIR", default_value = "mid-relay")]
    dir: PathBuf,
    /// Where sites and wallets reach it, without a slash at the end
    #[arg(long, value_name = "URL")]
    url: String,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:7805")]
    listen: SocketAddr,
    /// Most inboxes
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().inboxes)]
    inboxes: u64,
    /// Days after which an inbox that nobody looked into is closed
    #[arg(long, value_name = "DAYS", default_value_t = Limits::default().idle_days)]
    idle_days: u64,
}

pub(crate) fn run(args: RelayArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Serve(args) => serve(&args),
    }
}

fn serve(args: &ServeArgs) -> Result<Answer, CliError> {
    let limits = Limits { inboxes: args.inboxes, idle_days: args.idle_days, ..Limits::default() };
    if push_message::origin(&args.url).is_none() {
        return Err(CliError::usage("--url is an https address, or one of this machine"));
    }
    files::make_private_directory(&args.dir)?;
    let relay = Relay::open(&args.dir, &args.url, limits, clock::now)?;
    serving::relay(relay, args.listen)?;
    Ok(Answer::new("stopped", json!({ "stopped": true })))
}
