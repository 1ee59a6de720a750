//! `mid issuer`: what an agency's clerk and operators do, on the issuer's directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use issuer::register::{FileRegister, PersonId};
use issuer::server::AdminToken;
use issuer::{
    DATABASE_ADDRESS, DATABASE_AUTHORITY, Description, Issuer, IssuerError, OfferTerms, RegisterEvent,
    RevocationReason, Suspension, Withdrawal,
};
use protocol::credential::twins::Twins;
use protocol::credential::{CredentialType, StatusMethod};
use protocol::exchange::qr::Kind;
use protocol::ledger::record::IssuerKey;
use serde_json::json;

use super::{clerk, review};
use crate::clock::Now;
use crate::files::{self, Destination};
use crate::ledger::{answered, client};
use crate::network::TERM;
use crate::output::{Answer, CliError};
use crate::records::{Draft, RecordText, SenderText};
use crate::wallet_provider::StatusLists;
use crate::{randomness, serving};

/// The register of an issuer, in its directory.
const REGISTER: &str = "register.json";

/// What an agency does that issues credentials.
#[derive(Debug, Args)]
pub(crate) struct IssuerArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an issuer: keys, database, public day set, and drafts of what the ledger has to record
    Init(InitArgs),
    /// Make an offer for a person, after proofing
    Offer(OfferArgs),
    /// Withdraw credentials for good
    Revoke(RevokeArgs),
    /// Withdraw a credential for now, or everything a person holds
    Suspend(SuspendArgs),
    /// End a suspension
    Reinstate(SuspendArgs),
    /// Withdraw what is no longer true after an event of the register, and say what to offer anew
    RegisterEvent(RegisterEventArgs),
    /// Open the next epoch of status tokens
    Epoch(EpochArgs),
    /// List what waits for a clerk
    Reviews(review::ReviewsArgs),
    /// Approve or refuse what waits
    Review(review::ReviewArgs),
    /// Give tokens to attested wallets of others only, and say who vouches for them
    Wallets(review::WalletsArgs),
    /// Let a clerk log in at the console, or no longer
    Clerk(clerk::ClerkArgs),
    /// Serve wallets over HTTP and keep the ledger up to date
    Serve(ServeArgs),
    /// Check the audit log from its first entry to its last
    Audit(Directory),
}

/// The issuer's directory.
#[derive(Debug, Args)]
pub(super) struct Directory {
    /// The issuer's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct InitArgs {
    #[command(flatten)]
    directory: Directory,
    /// The trust anchor of the ledger to issue under
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// Where wallets will reach the issuer: https://…, or http:// on this machine
    #[arg(long, value_name = "URL")]
    url: String,
    /// Credential type files, with their twins in NAME.twins.json beside NAME.json; the driver's licence and the ZK
    /// identity when none is named
    #[arg(long = "type", value_name = "FILE")]
    types: Vec<PathBuf>,
    /// The register file; the sample of invented people when none is named
    #[arg(long, value_name = "FILE")]
    register: Option<PathBuf>,
    /// Keep everything in this PostgreSQL, which several instances may share, instead of a file: postgres://user:password@host/name.
    /// It is written to `database.url` in the directory; write it there yourself to keep it out of the list of processes
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The certificate (PEM) of the authority that vouches for the database's server, where that is another machine
    #[arg(long, value_name = "FILE")]
    database_authority: Option<PathBuf>,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct OfferArgs {
    #[command(flatten)]
    directory: Directory,
    /// The person's id in the register
    #[arg(long, value_name = "ID")]
    person: String,
    /// Credential types; all that the issuer issues when none is named
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Protect the offer with a six-digit code that is told separately
    #[arg(long)]
    tx_code: bool,
    /// Withdraw the person's active credentials when the new ones are issued
    #[arg(long)]
    replace: bool,
    /// Look at what is asked for before anything is issued (OpenID4VCI only)
    #[arg(long)]
    review: bool,
    /// Seconds the offer lives, seven days at most
    #[arg(long, default_value_t = 600)]
    life: u64,
    /// Write it as a link for wallets of others (OpenID4VCI)
    #[arg(long)]
    openid: bool,
    #[command(flatten)]
    now: Now,
    #[command(flatten)]
    destination: Destination,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    #[command(flatten)]
    directory: Directory,
    /// The person's id in the register
    #[arg(long, value_name = "ID")]
    person: String,
    /// The credential type; everything the person holds when none is named
    #[arg(long = "type", value_name = "TYPE")]
    credential_type: Option<String>,
    /// Why: right-withdrawn, phone-lost, holder-deceased, entry-changed, issued-in-error or replaced
    #[arg(long, value_parser = reason)]
    reason: RevocationReason,
    /// Publish at once to this ledger node
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct SuspendArgs {
    #[command(flatten)]
    directory: Directory,
    /// The person's id in the register
    #[arg(long, value_name = "ID")]
    person: String,
    /// The credential type; everything the person holds when none is named, and epochs are opened so that it is known at once
    #[arg(long = "type", value_name = "TYPE")]
    credential_type: Option<String>,
    /// Publish at once to this ledger node
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct RegisterEventArgs {
    #[command(flatten)]
    directory: Directory,
    /// The person's id in the register
    #[arg(long, value_name = "ID")]
    person: String,
    /// Attributes that have other values now, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required_unless_present = "deceased")]
    changed: Vec<String>,
    /// The person has died
    #[arg(long, conflicts_with = "changed")]
    deceased: bool,
    /// Publish at once to this ledger node
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct EpochArgs {
    #[command(flatten)]
    directory: Directory,
    /// The credential type; all with epochs when none is named
    #[arg(long = "type", value_name = "TYPE")]
    credential_type: Option<String>,
    /// Publish at once to this ledger node
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    directory: Directory,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:7801")]
    listen: SocketAddr,
    /// The ledger node to publish to
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Let people log in with a credential that they hold: which, and the verifier's service that asks for it
    /// (JSON as in specs/held-credential.md)
    #[arg(long, value_name = "FILE")]
    log_in: Option<PathBuf>,
    /// Also serve the clerks' console, at this address
    #[arg(long, value_name = "ADDR")]
    console: Option<SocketAddr>,
    /// Browsers reach the console through a proxy with TLS
    #[arg(long, requires = "console")]
    console_tls: bool,
}

pub(crate) fn run(args: IssuerArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Init(args) => init(&args),
        Command::Offer(args) => offer(&args),
        Command::Revoke(args) => revoke(&args),
        Command::Suspend(args) => suspend(&args),
        Command::Reinstate(args) => reinstate(&args),
        Command::RegisterEvent(args) => register_event(&args),
        Command::Epoch(args) => epoch(&args),
        Command::Reviews(args) => review::list(&args),
        Command::Review(args) => review::decide(&args),
        Command::Wallets(args) => review::wallets(&args),
        Command::Clerk(args) => clerk::run(&args),
        Command::Serve(args) => serve(&args),
        Command::Audit(directory) => audit(&directory),
    }
}

fn reason(text: &str) -> Result<RevocationReason, String> {
    serde_json::from_value(json!(text)).map_err(|_| "not a reason; see --help".to_owned())
}

impl Directory {
    pub(super) fn path(&self) -> &Path {
        &self.dir
    }

    pub(super) fn open(&self) -> Result<Issuer, CliError> {
        if !self.dir.join("issuer.json").exists() {
            return Err(IssuerError::NotAnIssuer.into());
        }
        let register = FileRegister::open(&self.dir.join(REGISTER))?;
        Ok(Issuer::open(&self.dir, Arc::new(register))?)
    }
}

fn init(args: &InitArgs) -> Result<Answer, CliError> {
    let dir = &args.directory.dir;
    let anchor = files::read_anchor(&args.anchor)?;
    let (credential_types, twins) = types(&args.types)?;
    if dir.join("issuer.json").exists() {
        return Err(IssuerError::AlreadyExists.into());
    }
    files::make_private_directory(dir)?;
    match &args.register {
        Some(path) => files::write_secret(&dir.join(REGISTER), &files::read(path)?)?,
        None => files::write_secret(&dir.join(REGISTER), crate::network::SAMPLE_REGISTER)?,
    }
    if let Some(path) = &args.database_authority {
        files::write(&dir.join(DATABASE_AUTHORITY), &files::read(path)?)?;
    }
    if let Some(address) = &args.database {
        files::write_secret(&dir.join(DATABASE_ADDRESS), address.as_bytes())?;
    }
    let register = Arc::new(FileRegister::open(&dir.join(REGISTER))?);
    let description = Description {
        network: anchor.network,
        network_id: anchor.network_id,
        url: args.url.clone(),
        credential_types,
        twins,
    };
    let issuer = Issuer::create(dir, &description, register, &mut randomness::os()?, &|_| {})?;
    if dir.join(DATABASE_ADDRESS).exists() {
        // Before the directory is copied for other instances, so that all have the same.
        AdminToken::load(dir, &mut randomness::os()?)?;
        if issuer.credential_types().any(|it| issuer.twins(&it.id).is_some()) {
            issuer.root_certificate(args.now.seconds(), &mut randomness::os()?)?;
        }
    }
    let drafts = write_drafts(&issuer, dir, args.now.seconds())?;
    let key = dir.join("keys/did.key");
    Ok(Answer::new(
        format!(
            "{did}\nsend to the ledger: its DID, which the ministry admits by signing, too; what the ministry allows; its keys:\n  \
             mid ledger submit {} --key {key} --key <the ministry's key> --url <node>\n  \
             mid ledger submit {} --key <the ministry's key> --url <node>\n  \
             mid ledger submit {} --key {key} --url <node>",
            drafts[0].display(),
            drafts[1].display(),
            drafts[2].display(),
            did = issuer.did(),
            key = key.display(),
        ),
        json!({
            "did": issuer.did(), "did_draft": drafts[0], "registration": drafts[1], "issuer_keys": drafts[2], "key": key,
        }),
    ))
}

/// The types in these files, and their twins where `<name>.twins.json` lies beside `<name>.json`.
fn types(paths: &[PathBuf]) -> Result<(Vec<CredentialType>, Vec<Twins>), CliError> {
    if paths.is_empty() {
        let types = crate::network::types()?;
        let twins = crate::network::twins(&types)?;
        return Ok((types, twins));
    }
    let (mut types, mut twins) = (Vec::new(), Vec::new());
    for path in paths {
        let credential_type = CredentialType::parse(&files::read(path)?)?;
        let beside = path.with_extension("twins.json");
        if beside.exists() {
            twins.push(Twins::parse(&files::read(&beside)?, &credential_type).map_err(IssuerError::from)?);
        }
        types.push(credential_type);
    }
    Ok((types, twins))
}

/// Drafts of the three transactions that make an issuer known: its DID, what the ministry allows it, and its keys.
fn write_drafts(issuer: &Issuer, dir: &Path, now: u64) -> Result<[PathBuf; 3], CliError> {
    let did = issuer.did_record(now);
    let key = did.keys.first().ok_or_else(|| CliError::refused("KeyUnavailable", "the issuer has no key"))?;
    let mut records: Vec<RecordText> =
        issuer.credential_types().map(|t| RecordText::CredentialType(Box::new(t.clone()))).collect();
    records.extend(issuer.credential_types().map(|t| RecordText::Accreditation {
        issuer: did.did.clone(),
        credential_type: t.id.clone(),
        from: now,
        until: now + TERM,
        withdrawn: false,
    }));
    let registration = Draft { sender: SenderText::Governance, records, at: None };
    let own = Draft {
        sender: SenderText::Did { did: did.did.clone(), key: key.fragment.clone() },
        records: issuer.issuer_key_records(now, now + TERM)?.iter().map(|key: &IssuerKey| key.into()).collect(),
        at: None,
    };
    let paths = ["did.json", "registration.json", "issuer-keys.json"].map(|name| dir.join(name));
    for (path, draft) in paths.iter().zip([Draft::of_did(&did), registration, own]) {
        files::write(path, &serde_json::to_vec_pretty(&draft)?)?;
    }
    Ok(paths)
}

fn offer(args: &OfferArgs) -> Result<Answer, CliError> {
    let issuer = args.directory.open()?;
    let credential_types = match args.types.as_slice() {
        [] => issuer.credential_types().map(|t| t.id.clone()).collect(),
        named => {
            let known: Vec<&str> = issuer.credential_types().map(|it| it.id.as_str()).collect();
            if let Some(unknown) = named.iter().find(|it| !known.contains(&it.as_str())) {
                let text = format!("this issuer has no credential type {unknown}; it has {}", known.join(", "));
                return Err(CliError::refused("CredentialTypeUnknown", text));
            }
            named.to_vec()
        }
    };
    let terms = OfferTerms {
        credential_types,
        with_tx_code: args.tx_code,
        replaces: args.replace,
        review: args.review,
        life: args.life,
    };
    let now = args.now.seconds();
    let made = issuer.offer(&PersonId::new(args.person.as_str()), &terms, now, &mut randomness::os()?)?;
    let link = issuer.openid_offer(&made).map(|offer| offer.to_uri());
    let bytes = if args.openid {
        let none = || CliError::refused("TwinUnavailable", "none of these types has a format that other wallets know");
        link.clone().ok_or_else(none)?.into_bytes()
    } else {
        made.offer.encode()
    };
    let version = match (&link, args.openid) {
        (Some(link), true) => args.destination.write_link(link)?,
        _ => args.destination.write(Kind::Offer, &bytes)?,
    };
    let mut text = format!("offer of {} bytes for {}", bytes.len(), terms.credential_types.join(", "));
    if let Some(code) = &made.tx_code {
        text.push_str(&format!("\ntell separately: {}", code.as_str()));
    }
    let tx_code = made.tx_code.as_ref().map(|code| code.as_str());
    let json = json!({
        "types": terms.credential_types, "bytes": bytes.len(), "qr_version": version, "tx_code": tx_code,
        "openid_offer": link,
    });
    Ok(Answer::new(text, json).beside(args.destination.uses_stdout()))
}

fn revoke(args: &RevokeArgs) -> Result<Answer, CliError> {
    let issuer = args.directory.open()?;
    let (person, now) = (PersonId::new(args.person.as_str()), args.now.seconds());
    let count = match &args.credential_type {
        Some(credential_type) => match issuer.revoke(&person, credential_type, args.reason, now)? {
            Withdrawal::Revoked => 1,
            Withdrawal::AlreadyRevoked => 0,
        },
        None => issuer.revoke_all(&person, args.reason, now)?,
    };
    let published = publish(&issuer, args.ledger.as_deref(), now)?;
    Ok(Answer::new(
        format!("{count} credential(s) revoked{}", told(published)),
        json!({ "revoked": count, "published": published }),
    ))
}

fn suspend(args: &SuspendArgs) -> Result<Answer, CliError> {
    change(args, Issuer::suspend, Issuer::suspend_all, ["suspended", "was suspended before"])
}

fn reinstate(args: &SuspendArgs) -> Result<Answer, CliError> {
    change(args, Issuer::reinstate, Issuer::reinstate_all, ["reinstated", "was not suspended"])
}

fn change(
    args: &SuspendArgs,
    one: fn(&Issuer, &PersonId, &str, u64) -> Result<Suspension, IssuerError>,
    all: fn(&Issuer, &PersonId, u64) -> Result<Vec<String>, IssuerError>,
    [changed, unchanged]: [&str; 2],
) -> Result<Answer, CliError> {
    let issuer = args.directory.open()?;
    let (person, now) = (PersonId::new(args.person.as_str()), args.now.seconds());
    let Some(credential_type) = &args.credential_type else {
        let types = all(&issuer, &person, now)?;
        issuer.advance_epochs(&types, now)?;
        let published = publish(&issuer, args.ledger.as_deref(), now)?;
        let text = if types.is_empty() { unchanged.to_owned() } else { format!("{changed}: {}", types.join(", ")) };
        let json = json!({ "changed": !types.is_empty(), "types": types, "published": published });
        return Ok(Answer::new(format!("{text}{}", told(published)), json));
    };
    let is_changed = one(&issuer, &person, credential_type, now)? == Suspension::Changed;
    let mut text = if is_changed { changed } else { unchanged }.to_owned();
    let published = publish(&issuer, args.ledger.as_deref(), now)?;
    text.push_str(&told(published));
    let by_epoch = issuer.credential_types().any(|t| t.id == *credential_type && t.status == StatusMethod::Epoch);
    if by_epoch {
        text.push_str("; verifiers learn it with the next epoch (`mid issuer epoch`)");
    }
    Ok(Answer::new(text, json!({ "changed": is_changed, "published": published })))
}

fn register_event(args: &RegisterEventArgs) -> Result<Answer, CliError> {
    let issuer = args.directory.open()?;
    let (person, now) = (PersonId::new(args.person.as_str()), args.now.seconds());
    let event = match args.deceased {
        true => RegisterEvent::Deceased,
        false => RegisterEvent::Changed(args.changed.clone()),
    };
    let withdrawn = issuer.register_event(&person, &event, now)?;
    issuer.advance_epochs(&withdrawn, now)?;
    let published = publish(&issuer, args.ledger.as_deref(), now)?;
    let text = match withdrawn.as_slice() {
        [] => "nothing that the person holds has changed".to_owned(),
        types => format!("withdrawn: {}; offer them anew", types.join(", ")),
    };
    let json = json!({ "withdrawn": withdrawn, "published": published });
    Ok(Answer::new(format!("{text}{}", told(published)), json))
}

fn epoch(args: &EpochArgs) -> Result<Answer, CliError> {
    let issuer = args.directory.open()?;
    let now = args.now.seconds();
    let ids: Vec<String> = match &args.credential_type {
        Some(id) => vec![id.clone()],
        None => issuer.credential_types().filter(|t| t.status == StatusMethod::Epoch).map(|t| t.id.clone()).collect(),
    };
    let epochs =
        ids.iter().map(|id| Ok((id.clone(), issuer.advance_epoch(id, now)?))).collect::<Result<Vec<_>, CliError>>()?;
    let published = publish(&issuer, args.ledger.as_deref(), now)?;
    let lines: Vec<_> = epochs.iter().map(|(id, epoch)| format!("{id}: epoch {epoch}")).collect();
    let json: serde_json::Map<_, _> = epochs.into_iter().map(|(id, epoch)| (id, json!(epoch))).collect();
    Ok(Answer::new(
        format!("{}{}", lines.join("\n"), told(published)),
        json!({ "epochs": json, "published": published }),
    ))
}

fn publish(issuer: &Issuer, ledger: Option<&str>, now: u64) -> Result<Option<usize>, CliError> {
    let refused = |error| match error {
        IssuerError::Ledger(error) => answered(error),
        other => other.into(),
    };
    ledger.map(|url| issuer.publish(&client(url)?, now).map_err(refused)).transpose()
}

fn told(published: Option<usize>) -> String {
    match published {
        Some(count) => format!(", {count} change(s) published"),
        None => ", to be published by `mid issuer serve`".to_owned(),
    }
}

fn serve(args: &ServeArgs) -> Result<Answer, CliError> {
    let issuer = args.directory.open()?.with_status_lists(Arc::new(StatusLists::new()));
    let issuer = Arc::new(match &args.log_in {
        Some(file) => issuer.with_log_in_by_credential(Arc::new(crate::log_in::read(file)?)),
        None => issuer,
    });
    let console = args.console.map(|address| (address, args.console_tls));
    serving::issuer(&issuer, Arc::new(client(&args.ledger)?), args.listen, console)?;
    Ok(Answer::new("stopped", json!({ "stopped": true })))
}

fn audit(directory: &Directory) -> Result<Answer, CliError> {
    let summary = directory.open()?.check_audit()?;
    let head = hex::encode(summary.head);
    Ok(Answer::new(
        format!("the audit log is whole: {} entries, head {head}", summary.entries),
        json!({ "entries": summary.entries, "head": head }),
    ))
}
