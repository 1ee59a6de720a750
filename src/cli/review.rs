//! `mid issuer reviews`, `mid issuer review` and `mid issuer wallets`: what a clerk decides about wallets of others.

use std::path::PathBuf;

use clap::Args;
use issuer::openid4vci::WalletProviders;
use protocol::exchange::openid4vci::attestation::KeyRequirements;
use serde_json::json;

use super::issuer::Directory;
use crate::clock::Now;
use crate::files;
use crate::output::{Answer, CliError};

#[derive(Debug, Args)]
pub(super) struct ReviewsArgs {
    #[command(flatten)]
    directory: Directory,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
#[group(id = "decision", required = true, multiple = false, args = ["approve", "refuse"])]
pub(super) struct ReviewArgs {
    /// Its name, as `mid issuer reviews` lists it
    review: String,
    /// Issue what was asked for
    #[arg(long)]
    approve: bool,
    /// Issue nothing
    #[arg(long)]
    refuse: bool,
    #[command(flatten)]
    directory: Directory,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
pub(super) struct WalletsArgs {
    #[command(flatten)]
    directory: Directory,
    /// Certificate (DER) of a root that vouches for wallets; may be repeated
    #[arg(long = "root", value_name = "FILE", required = true)]
    roots: Vec<PathBuf>,
    /// Also want keys attested
    #[arg(long)]
    keys: bool,
    /// A key storage that is accepted, e.g. iso_18045_high; any when none is named; may be repeated
    #[arg(long, value_name = "NAME", requires = "keys")]
    key_storage: Vec<String>,
}

/// Lists what waits for a clerk.
pub(super) fn list(args: &ReviewsArgs) -> Result<Answer, CliError> {
    let waiting = args.directory.open()?.reviews(args.now.seconds())?;
    let line = |it: &issuer::openid4vci::Review| {
        format!("{}  {}  {}", it.id, it.person.as_str(), it.credential_types.join(", "))
    };
    let text = match waiting.as_slice() {
        [] => "nothing waits".to_owned(),
        some => some.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    let json = waiting
        .iter()
        .map(|it| json!({ "review": it.id, "person": it.person.as_str(), "credential_types": it.credential_types }));
    Ok(Answer::new(text, json!({ "reviews": json.collect::<Vec<_>>() })))
}

/// Notes a decision.
pub(super) fn decide(args: &ReviewArgs) -> Result<Answer, CliError> {
    args.directory.open()?.review(&args.review, args.approve, args.now.seconds())?;
    let outcome = if args.approve { "approved" } else { "refused" };
    Ok(Answer::new(outcome.to_owned(), json!({ "outcome": outcome })))
}

/// Says whose wallets get tokens.
pub(super) fn wallets(args: &WalletsArgs) -> Result<Answer, CliError> {
    args.directory.open()?;
    let roots = args.roots.iter().map(|path| files::read(path)).collect::<Result<Vec<_>, _>>()?;
    let keys =
        args.keys.then(|| KeyRequirements { key_storage: args.key_storage.clone(), user_authentication: Vec::new() });
    WalletProviders::of(&roots, keys).write(args.directory.path())?;
    Ok(Answer::new(
        format!("tokens go to wallets that {} root(s) vouch for, from the next start on", roots.len()),
        json!({ "roots": roots.len(), "keys": args.keys }),
    ))
}
