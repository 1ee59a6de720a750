//! `mid did resolve`: the document of an identifier, of each method that this system knows.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use protocol::error_name;
use protocol::identifier::{ControllerError, Did, DidError, DidJwk, DidKey, DidWeb};
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::record::DidRecord;
use serde_json::{Value, json};

use crate::did_web::{Fetcher, Public};
use crate::files;
use crate::ledger::{answered, client};
use crate::output::{Answer, CliError};

#[derive(Debug, Args)]
pub(crate) struct DidArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the document of did:mid, did:key, did:jwk or did:web as a DID resolution result
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The DID
    did: String,
    #[command(flatten)]
    evidence: Evidence,
}

/// Where did:mid is resolved from; other methods need nothing of it.
#[derive(Debug, Args)]
struct Evidence {
    /// Address of a ledger node, for did:mid
    #[arg(long, value_name = "URL", conflicts_with = "bundle")]
    url: Option<String>,
    /// Resolve did:mid from this trust bundle, with no network
    #[arg(long, value_name = "FILE", requires = "anchor")]
    bundle: Option<PathBuf>,
    /// The trust anchor that the bundle is checked with
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
}

pub(crate) fn run(args: DidArgs) -> Result<Answer, CliError> {
    let Command::Resolve(args) = args.command;
    let document = document(&args)?;
    let result = json!({
        "didDocument": document,
        "didResolutionMetadata": { "contentType": "application/did-resolution" },
        "didDocumentMetadata": {},
    });
    Ok(printed(&result))
}

/// `mid ledger resolve`: the document alone, and of did:mid only.
pub(crate) fn from_ledger(args: &ResolveArgs) -> Result<Answer, CliError> {
    Ok(printed(&args.evidence.document(&args.did.parse()?)?))
}

fn document(args: &ResolveArgs) -> Result<Value, CliError> {
    let did = args.did.as_str();
    match DidKey::parse(did) {
        Err(ControllerError::NotResolved) => {}
        found => return Ok(found?.to_json()),
    }
    match DidJwk::parse(did) {
        Err(ControllerError::NotResolved) => {}
        found => return Ok(found?.to_json()),
    }
    if did.starts_with("did:web:") {
        let expected =
            "this is not a did:web identifier; expected did:web:<host>, %3A<port> and :<part> of a path after it";
        let did = DidWeb::parse(did).map_err(|error| CliError::refused(&error_name(&error), expected))?;
        return Fetcher::new(Public).document(&did);
    }
    let known = "this is no DID of did:mid, did:key, did:jwk or did:web";
    args.evidence.document(&did.parse().map_err(|error: DidError| CliError::refused(&error_name(&error), known))?)
}

impl Evidence {
    fn document(&self, did: &Did) -> Result<Value, CliError> {
        let (found, at) = match (&self.url, &self.bundle, &self.anchor) {
            (None, Some(bundle), Some(anchor)) => {
                let trust = TrustBundle::decode(&files::read(bundle)?)?.verify(&files::read_anchor(anchor)?, 0)?;
                (trust.did(did).cloned(), trust.time_ms() / 1_000)
            }
            (Some(url), ..) => return Ok(json!(client(url)?.resolve(did).map_err(answered)?)),
            _ => return Err(CliError::usage("resolve did:mid with --url, or with --bundle and --anchor")),
        };
        match found {
            None => Err(CliError::refused("NotFound", "the ledger has no such DID")),
            Some(DidRecord { deactivated: true, .. }) => {
                Err(CliError::refused("Deactivated", "the DID was given up for ever"))
            }
            Some(record) => Ok(json!(record.document(at))),
        }
    }
}

fn printed(value: &Value) -> Answer {
    // Writing a value that was just made cannot fail.
    Answer::new(serde_json::to_string_pretty(value).unwrap_or_default(), value.clone())
}
