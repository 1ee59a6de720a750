//! `mid ledger backup`, `examine` and `restore`: one file that all nodes can be made anew from.

use std::path::PathBuf;

use clap::Args;
use ledger_node::backup::{self, Contents};
use serde_json::json;

use crate::clock;
use crate::output::{Answer, CliError};

/// Write a backup.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The node's folder; the node may be running
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The backup; must not exist yet. It holds no key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Say what a backup holds.
#[derive(Debug, Args)]
pub(crate) struct ExamineArgs {
    /// The backup
    backup: PathBuf,
}

/// Put a backup into a folder with keys.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(long, value_name = "FILE")]
    backup: PathBuf,
    /// The validator's folder: its own key files and nothing else
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn make(args: &BackupArgs) -> Result<Answer, CliError> {
    backup::make(&args.dir, &args.out)?;
    let contents = backup::examine(&args.out)?;
    Ok(answer("backed up and executed again", &contents))
}

pub(crate) fn examine(args: &ExamineArgs) -> Result<Answer, CliError> {
    Ok(answer("every transaction executed again, every certificate checked", &backup::examine(&args.backup)?))
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<Answer, CliError> {
    let contents = backup::restore(&args.backup, &args.dir)?;
    Ok(answer("restored; start the validators when enough of them are restored from this same backup", &contents))
}

fn answer(what: &str, contents: &Contents) -> Answer {
    let (as_of, root) = (clock::rfc3339(contents.time_ms / 1_000), hex::encode(contents.state_root));
    Answer::new(
        format!(
            "{what}\n  network       {}\n  height        {}\n  as of         {as_of}\n  transactions  {}\n  state root    {root}",
            contents.anchor.network, contents.height, contents.transactions
        ),
        json!({
            "network": contents.anchor.network,
            "height": contents.height,
            "as_of": as_of,
            "transactions": contents.transactions,
            "state_root": root,
        }),
    )
}
