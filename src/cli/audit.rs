//! `mid ledger audit`: whether what a node has on its disk is what was made final.

use std::path::PathBuf;

use clap::Args;
use ledger_node::audit::{self, Audited};
use serde_json::json;

use crate::clock;
use crate::output::{Answer, CliError};

/// Go through everything on a node's disk.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The node's folder; the node may be running
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(args: &AuditArgs) -> Result<Answer, CliError> {
    let Audited { anchor, found, executed, cosignatures, lists } = audit::audit(&args.dir)?;
    let as_of = clock::rfc3339(found.time_ms / 1_000);
    let again = match executed {
        Some(executed) => format!("{executed}, all executed again"),
        None => format!("{}, on the state at the first block", found.transactions),
    };
    let text = format!(
        "whole\n  network       {}\n  blocks        {} to {}, certified up to {}, as of {as_of}\n  certificates  {}\n  \
         transactions  {again}\n  records       {} in {} versions\n  cosignatures  {cosignatures}\n  status lists  {lists}",
        anchor.network, found.first, found.last, found.certified, found.certificates, found.records, found.versions,
    );
    Ok(Answer::new(
        text,
        json!({
            "network": anchor.network,
            "first": found.first,
            "height": found.last,
            "certified": found.certified,
            "as_of": as_of,
            "certificates": found.certificates,
            "transactions": found.transactions,
            "executed": executed,
            "records": found.records,
            "versions": found.versions,
            "cosignatures": cosignatures,
            "status_lists": lists,
            "state_root": hex::encode(found.state_root),
        }),
    ))
}
