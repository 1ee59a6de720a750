//! `mid verifier serve`: wallets of others are asked over OpenID4VP, and ours also from app to app.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use protocol::credential::twins::Twins;
use protocol::crypto::multikey::StandardKey;
use protocol::exchange::openid4vp::Vocabulary;
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;
use serde::Deserialize;
use serde_json::json;

use super::Trust;
use crate::output::{Answer, CliError};
use crate::relying_party::{self, RelyingParty};
use crate::{files, serving};

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The verifier's DID
    #[arg(long)]
    did: Did,
    /// The verifier's key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The key's name within the DID
    #[arg(long, default_value = "key-1")]
    key_name: String,
    /// Folder of the token for relying parties and, from `mid verifier init --dir`, of certificates
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where wallets reach it, without a slash at the end
    #[arg(long, value_name = "URL")]
    url: String,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:7802")]
    listen: SocketAddr,
    /// What a credential type is called in other formats (a file as specs/types/*.twins.json); once for each
    #[arg(long, value_name = "FILE")]
    twins: Vec<PathBuf>,
    /// Longest time, in seconds, for which relying parties may have verdicts kept; none without it
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    keep_max: u64,
    /// Keep requests and verdicts, sealed, in this PostgreSQL, which several instances may share, instead of in memory:
    /// postgres://user:password@host/name. In `database.url` of the folder it stays out of the list of processes
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Call wallets through the push service at this origin, e.g. `https://updates.push.services.mozilla.com`; once for each
    #[arg(long, value_name = "ORIGIN")]
    push_service: Vec<String>,
    /// Where push services find whoever runs this: mailto:… or https://…; some want to know
    #[arg(long, value_name = "URI", requires = "push_service")]
    push_contact: Option<String>,
    #[command(flatten)]
    trust: Trust,
}

pub(crate) fn serve(args: &ServeArgs) -> Result<Answer, CliError> {
    let trust = args.trust.follow()?;
    let vocabulary = vocabulary(&args.twins, &trust.newest())?;
    let database = relying_party::database(args.database.as_deref(), &args.dir)?;
    let party = RelyingParty {
        dir: &args.dir,
        did: &args.did,
        key_name: &args.key_name,
        key: StandardKey::ed25519(&*files::read_seed(&args.key)?),
        url: args.url.trim_end_matches('/'),
        keep_max: args.keep_max,
        database: database.clone(),
        push: (args.push_service.clone(), args.push_contact.clone()),
    };
    let trust = Arc::new(trust);
    let newest = trust.clone();
    let apps = party.apps(files::read_key(&args.key)?, move || Some(newest.newest()))?;
    let service = party.service(vocabulary, move || Some(trust.newest()))?;
    serving::verifier(|| service.router().merge(apps.router()), database.as_ref(), args.listen)?;
    Ok(Answer::new("stopped", json!({ "stopped": true })))
}

/// What is made of which attribute, for types that the ledger knows.
pub(super) fn vocabulary(files: &[PathBuf], trust: &TrustedState) -> Result<Vocabulary, CliError> {
    #[derive(Deserialize)]
    struct Named {
        credential_type: String,
    }
    let mut twins = Vec::new();
    for path in files {
        let bytes = files::read(path)?;
        let unusable = || {
            let message = format!("{} is of no credential type on the ledger", path.display());
            CliError::refused("UnknownType", message)
        };
        let named: Named = serde_json::from_slice(&bytes).map_err(|_| unusable())?;
        let credential_type = trust.credential_type(&named.credential_type).ok_or_else(unusable)?;
        twins.push(Twins::parse(&bytes, credential_type)?);
    }
    Ok(Vocabulary::of_twins(&twins))
}
