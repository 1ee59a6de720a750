//! `mid ledger`: run a node, write on the ledger, and prove what stands there.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use protocol::exchange::qr::Kind;
use protocol::identifier::Did;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::key::StateKey;
use protocol::ledger::proof::{self, LedgerProof};
use protocol::ledger::record::{Envelope, Record};
use serde_json::{Value, json};

use super::audit::{self, AuditArgs};
use super::backup::{self, BackupArgs, ExamineArgs, RestoreArgs};
use super::cluster::{self, AdmitArgs, FoundArgs, IdentityArgs, InitArgs, JoinArgs, RunArgs};
use super::did;
use super::submit::{self, ReadArgs, SubmitArgs};
use super::trust;
use crate::clock;
use crate::files::{self, Destination};
use crate::ledger::{answered, client};
use crate::output::{Answer, CliError};
use crate::records::RecordText;

/// The trust anchor in a validator's folder, for people to copy.
pub(super) const ANCHOR: &str = "anchor.cbor";

/// What the ministry and the validators do.
#[derive(Debug, Args)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a network: folders for its validators, each with its own keys
    Init(InitArgs),
    /// Make the keys of one validator, whose operator founds a network with others
    Identity(IdentityArgs),
    /// Put the public parts of several validators together, for them to found a network
    Found(FoundArgs),
    /// Make the keys of a node that joins a network which runs
    Join(JoinArgs),
    /// Let a node follow this validator without a vote
    Admit(AdmitArgs),
    /// Run a validator and serve its API; founders make their group key first
    Run(RunArgs),
    /// Send a transaction: a draft in JSON with the keys to sign it, or one that others have signed
    Submit(SubmitArgs),
    /// Say what a transaction would write and who has signed it
    Read(ReadArgs),
    /// The DID document of an organisation
    Resolve(did::ResolveArgs),
    /// Fetch a proof of what the ledger holds, or that it holds nothing
    Prove(ProveArgs),
    /// Check a proof with nothing but the trust anchor
    Check(CheckArgs),
    /// Fetch a trust bundle and check it, bring one up to date, or say what is in one
    Bundle(trust::BundleArgs),
    /// Collect the validators' own signatures on a header, and check them
    Checkpoint(trust::CheckpointArgs),
    /// Follow the network to its successor: a new trust anchor from the old one
    Succeed(trust::SucceedArgs),
    /// The trust anchor, as a file or a QR code to print
    Anchor(AnchorArgs),
    /// Go through everything on a node's disk, and execute it again
    Audit(AuditArgs),
    /// Write all that a node has made final into one file, without keys
    Backup(BackupArgs),
    /// Execute everything in a backup again, and say what it holds
    Examine(ExamineArgs),
    /// Make a validator anew from a backup, when all were lost
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
struct ProveArgs {
    #[command(flatten)]
    about: About,
    /// Address of a ledger node
    #[arg(long, value_name = "URL")]
    url: String,
    /// Write the proof into this file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Which record a proof is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct About {
    /// The keys of an organisation
    #[arg(long, value_name = "DID")]
    did: Option<Did>,
    /// The registration of a verifier
    #[arg(long, value_name = "DID")]
    verifier: Option<Did>,
    /// The definition of a credential type
    #[arg(long, value_name = "TYPE")]
    credential_type: Option<String>,
    /// The accreditation of an issuer for a type
    #[arg(long, num_args = 2, value_names = ["DID", "TYPE"])]
    accreditation: Option<Vec<String>>,
    /// Who governs the ledger
    #[arg(long)]
    governance: bool,
    /// Who runs the ledger
    #[arg(long)]
    validators: bool,
    /// What takes this network's place
    #[arg(long)]
    succession: bool,
    /// Any record, by its 32-byte key in hexadecimal
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The proof, or - for standard input
    proof: PathBuf,
    /// The trust anchor: a file, or the picture of its QR code
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// The highest height seen before; older proofs are refused
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    floor: u64,
}

#[derive(Debug, Args)]
struct AnchorArgs {
    /// A folder made by `mid ledger init`
    #[arg(long, value_name = "DIR", required_unless_present = "url", conflicts_with = "url")]
    dir: Option<PathBuf>,
    /// A node, whose word alone is not to be trusted
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    destination: Destination,
}

pub(crate) fn run(args: LedgerArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Init(args) => cluster::init(&args),
        Command::Identity(args) => cluster::identity(&args),
        Command::Found(args) => cluster::found(&args),
        Command::Join(args) => cluster::join(&args),
        Command::Admit(args) => cluster::admit(&args),
        Command::Run(args) => cluster::run(&args),
        Command::Submit(args) => submit::submit(&args),
        Command::Read(args) => submit::read(&args),
        Command::Resolve(args) => did::from_ledger(&args),
        Command::Prove(args) => prove(&args),
        Command::Check(args) => check(&args),
        Command::Bundle(args) => trust::bundle(&args),
        Command::Checkpoint(args) => trust::checkpoint(&args),
        Command::Succeed(args) => trust::succeed(&args),
        Command::Anchor(args) => anchor(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Backup(args) => backup::make(&args),
        Command::Examine(args) => backup::examine(&args),
        Command::Restore(args) => backup::restore(&args),
    }
}

impl About {
    fn key(&self) -> Result<StateKey, CliError> {
        if let Some(did) = &self.did {
            return Ok(StateKey::did(did));
        }
        if let Some(did) = &self.verifier {
            return Ok(StateKey::verifier(did));
        }
        if let Some(id) = &self.credential_type {
            return Ok(StateKey::credential_type(id));
        }
        if let Some([did, credential_type]) = self.accreditation.as_deref() {
            return Ok(StateKey::accreditation(&did.parse()?, credential_type));
        }
        if self.validators {
            return Ok(StateKey::validators());
        }
        if self.succession {
            return Ok(StateKey::succession());
        }
        if let Some(text) = &self.key {
            let mut key = [0; 32];
            hex::decode_to_slice(text, &mut key).map_err(|_| CliError::usage("a key is 32 bytes in hexadecimal"))?;
            return Ok(StateKey(key));
        }
        Ok(StateKey::governance())
    }
}

fn prove(args: &ProveArgs) -> Result<Answer, CliError> {
    let key = args.about.key()?;
    let proof = client(&args.url)?.proof(&key).map_err(answered)?.encode();
    files::write(&args.out, &proof)?;
    Ok(Answer::new(
        format!("{} bytes about {key}; not checked, see `mid ledger check`", proof.len()),
        json!({ "bytes": proof.len(), "key": key.to_string() }),
    )
    .beside(args.out == Path::new("-")))
}

fn check(args: &CheckArgs) -> Result<Answer, CliError> {
    let anchor = files::read_anchor(&args.anchor)?;
    let proof = LedgerProof::decode(&files::read(&args.proof)?)?;
    let proven = proof::check(&anchor, &proof, args.floor)?;
    let (as_of, key) = (clock::rfc3339(proven.time_ms / 1_000), proven.key.to_string());
    let record = proven.envelope.as_ref().map(described);
    let text = match &record {
        Some(record) => format!("as of height {}, {as_of}, the ledger holds\n{}", proven.height, pretty(record)),
        None => format!("as of height {}, {as_of}, the ledger holds nothing at {key}", proven.height),
    };
    Ok(Answer::new(text, json!({ "height": proven.height, "as_of": as_of, "key": key, "record": record })))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A record as people read it, with the version it has.
fn described(envelope: &Envelope) -> Value {
    let record = match RecordText::of(&envelope.record) {
        Some(text) => serde_json::to_value(text).unwrap_or_default(),
        None => json!(kind(&envelope.record)),
    };
    json!({ "version": envelope.version, "height": envelope.height, "record": record })
}

/// What a kind of record is called.
pub(crate) fn kind(record: &Record) -> &'static str {
    match record {
        Record::Governance(_) => "governance",
        Record::Did(_) => "did",
        Record::Accreditation(_) => "accreditation",
        Record::Verifier(_) => "verifier",
        Record::CredentialType(_) => "credential_type",
        Record::IssuerKey(_) => "issuer_key",
        Record::StatusList(_) => "status_list",
        Record::StatusEpoch(_) => "status_epoch",
        Record::Nonce(_) => "nonce",
        Record::Validators(_) => "validators",
        Record::Scheduled(_) => "scheduled",
        Record::Succession(_) => "succession",
    }
}

fn anchor(args: &AnchorArgs) -> Result<Answer, CliError> {
    let anchor: TrustAnchor = match (&args.dir, &args.url) {
        (Some(dir), _) => files::read_anchor(&dir.join(ANCHOR))?,
        (None, Some(url)) => client(url)?.anchor().map_err(answered)?,
        (None, None) => return Err(CliError::usage("name a folder with --dir or a node with --url")),
    };
    let version = args.destination.write(Kind::TrustAnchor, &anchor.encode())?;
    let id = hex::encode(anchor.network_id);
    Ok(Answer::new(
        format!("anchor of {}\n  id  {id}", anchor.network),
        json!({ "network": anchor.network, "network_id": id, "qr_version": version }),
    )
    .beside(args.destination.uses_stdout()))
}
