//! `mid issuer clerk`: who may log in at the console.

use clap::{Args, ValueEnum};
use issuer::console::{Accounts, Clerk, Role};
use serde_json::json;

use super::issuer::Directory;
use crate::output::{Answer, CliError};
use crate::randomness;

#[derive(Debug, Args)]
pub(super) struct ClerkArgs {
    /// What the audit log calls the clerk: a-z, 0-9, hyphens
    id: String,
    #[command(flatten)]
    directory: Directory,
    /// What colleagues call the clerk
    #[arg(long, required_unless_present = "remove")]
    name: Option<String>,
    /// What the clerk may do; may be repeated
    #[arg(long = "role", value_name = "ROLE", required_unless_present = "remove")]
    roles: Vec<RoleName>,
    /// Take the clerk out; a session ends with its next request
    #[arg(long, conflicts_with_all = ["name", "roles"])]
    remove: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Looks people up, asks, suspends, hands over
    Clerk,
    /// Decides what others ask
    Approver,
    /// Reads the audit log
    Auditor,
}

/// Adds a clerk or gives one a new password, which is printed once, or takes one out.
pub(super) fn run(args: &ClerkArgs) -> Result<Answer, CliError> {
    let mut accounts = Accounts::load(args.directory.open()?.dir())?;
    if args.remove {
        let removed = accounts.remove(&args.id)?;
        let text = if removed { "removed" } else { "there was no such clerk" };
        return Ok(Answer::new(text, json!({ "removed": removed })));
    }
    let role = |name: &RoleName| match name {
        RoleName::Clerk => Role::Clerk,
        RoleName::Approver => Role::Approver,
        RoleName::Auditor => Role::Auditor,
    };
    let clerk = Clerk {
        id: args.id.clone(),
        name: args.name.clone().unwrap_or_default(),
        roles: args.roles.iter().map(role).collect(),
    };
    let password = accounts.set(&clerk, &mut randomness::os()?)?;
    let text =
        format!("{} logs in with {}\nIt is kept nowhere; the same command makes a new one.", clerk.id, *password);
    Ok(Answer::new(text, json!({ "clerk": clerk.id, "password": *password })))
}
