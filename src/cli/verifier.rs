//! `mid verifier`: ask and check. Nothing here but `serve` opens a socket.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use protocol::credential::Label;
use protocol::credential::age::Statute;
use protocol::crypto::keys::Signer;
use protocol::exchange::openid4vp::Vocabulary;
use protocol::exchange::qr::Kind;
use protocol::exchange::{Period, Predicate, Query, Scope, SignedRequest};
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;
use serde_json::json;
use verifier::ask::{self, Identity};
use verifier::openid4vp::{Receipt, TimeSaid};
use verifier::{Asked, IssuerKnown, Policy, SeenInMemory, Verdict, Verifier};

use super::Trust;
use super::presenting::{self, ServeArgs};
use crate::clock::{self, Now};
use crate::files::{self, Destination};
use crate::network;
use crate::output::{Answer, CliError};
use crate::randomness;
use crate::records::{Draft, PurposeText, RecordText, SenderText};
use crate::relying_party;
use crate::seen::SeenFile;

/// What a verifier does, with no network at all but where it serves wallets of others.
#[derive(Debug, Args)]
pub(crate) struct VerifierArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key, and drafts of the DID and of the registration for the ministry to sign
    Init(InitArgs),
    /// Make a signed request, unless it is wider than the verifier's registration
    Request(Box<RequestArgs>),
    /// Check a presentation (QR picture, QR text or bytes) and print the verdict
    Check(Box<CheckArgs>),
    /// Check a receipt again, whoever kept it: what it still proves, and since when
    Receipt(ReceiptArgs),
    /// Ask wallets of others over OpenID4VP: relying parties make requests and read verdicts over HTTP
    Serve(Box<ServeArgs>),
}

/// What is asked: a ready-made question of the credential type, or attributes of it.
#[derive(Debug, Args)]
struct Question {
    /// The credential type's id
    #[arg(long = "type", value_name = "TYPE")]
    credential_type: Option<String>,
    /// A ready-made question of the type, e.g. age-19
    #[arg(long, conflicts_with = "show", requires = "credential_type")]
    profile: Option<String>,
    /// Attributes to show, separated by commas
    #[arg(long, value_delimiter = ',', requires = "credential_type")]
    show: Vec<String>,
    #[command(flatten)]
    statements: Statements,
}

/// What is to be proven about attributes that stay hidden.
#[derive(Debug, Args)]
struct Statements {
    /// To prove: the holder has reached this age
    #[arg(long, value_name = "YEARS", requires = "credential_type", conflicts_with = "profile")]
    age_at_least: Option<u8>,
    /// To prove: the holder has not reached this age
    #[arg(long, value_name = "YEARS", requires = "credential_type", conflicts_with = "profile")]
    age_below: Option<u8>,
    /// The law by which both are counted
    #[arg(long, value_parser = ["civil", "youth-protection"], default_value = "civil")]
    statute: String,
    /// To prove: an attribute is one of these codes or inside one, e.g. classes=1-large,1-ordinary
    #[arg(long, value_name = "ATTRIBUTE=CODES", requires = "credential_type", conflicts_with = "profile")]
    any_of: Vec<String>,
    /// To prove: an attribute is none of these codes and inside none, e.g. nationality=USA,JPN
    #[arg(long, value_name = "ATTRIBUTE=CODES", requires = "credential_type", conflicts_with = "profile")]
    none_of: Vec<String>,
}

impl Statements {
    /// The statements, in the order of the fields.
    fn all(&self) -> Result<Vec<Predicate>, CliError> {
        let statute = match self.statute.as_str() {
            "youth-protection" => Statute::YouthProtection,
            _ => Statute::Civil,
        };
        let mut all = Vec::new();
        all.extend(self.age_at_least.map(|years| Predicate::AgeAtLeast { years, statute }));
        all.extend(self.age_below.map(|years| Predicate::AgeBelow { years, statute }));
        let named = |text: &String| {
            let parts = text.split_once('=');
            let (attribute, codes) =
                parts.ok_or_else(|| CliError::usage("write ATTRIBUTE=CODE,CODE, e.g. classes=1-large,1-ordinary"))?;
            Ok::<_, CliError>((attribute.to_owned(), codes.split(',').map(str::to_owned).collect()))
        };
        for (attribute, codes) in self.any_of.iter().map(named).collect::<Result<Vec<_>, _>>()? {
            all.push(Predicate::AnyOf { attribute, codes });
        }
        for (attribute, codes) in self.none_of.iter().map(named).collect::<Result<Vec<_>, _>>()? {
            all.push(Predicate::NoneOf { attribute, codes });
        }
        Ok(all)
    }
}

impl Question {
    fn query(&self, trust: &TrustedState) -> Result<Query, CliError> {
        let id = self
            .credential_type
            .as_deref()
            .ok_or_else(|| CliError::usage("say what is asked: --type with --profile or --show"))?;
        let prove = self.statements.all()?;
        if self.profile.is_none() && self.show.is_empty() && prove.is_empty() {
            return Err(CliError::usage(
                "say what is asked of the credential: --profile, --show or what is to be proven",
            ));
        }
        let unknown =
            || CliError::refused("UnknownType", "the trust data does not know this credential type; update it");
        let credential_type = trust.credential_type(id).ok_or_else(unknown)?;
        match &self.profile {
            Some(profile) => {
                let missing =
                    || CliError::refused("NoSuchProfile", "this credential type has no such ready-made question");
                Ok(Query::of_profile(credential_type, credential_type.profile(profile).ok_or_else(missing)?))
            }
            None => Ok(Query {
                credential_type: credential_type.id.clone(),
                binding: credential_type.holder_binding,
                show: self.show.clone(),
                prove,
                pseudonym: None,
            }),
        }
    }
}

#[derive(Debug, Args)]
struct InitArgs {
    /// The key file to make; one that is there is used
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Short name of the network
    #[arg(long, default_value = "kr-demo")]
    network: String,
    /// The organisation's name in Korean
    #[arg(long, value_name = "NAME")]
    name_ko: String,
    /// The organisation's name in English
    #[arg(long, value_name = "NAME")]
    name_en: String,
    /// The purposes to register: a JSON list of `{"id", "text": {"ko", "en"}, "permits": [{"credential_type", "claims", "predicates", "pseudonyms"}]}`
    #[arg(long, value_name = "FILE")]
    purposes: PathBuf,
    /// Make keys of certificates in this folder, for wallets that do not know the DID method; `serve` takes it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write the draft of the registration into this file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write the draft of the DID into this file
    #[arg(long, value_name = "FILE")]
    did_out: PathBuf,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct RequestArgs {
    /// The verifier's DID
    #[arg(long)]
    did: Did,
    /// The verifier's key file
    #[arg(long)]
    key: PathBuf,
    /// The key's name within the DID
    #[arg(long, default_value = "key-1")]
    key_name: String,
    /// The registered purpose
    #[arg(long)]
    purpose: String,
    #[command(flatten)]
    question: Question,
    /// Also ask for a pseudonym by which the holder is recognised again for so long
    #[arg(long, value_parser = ["day", "month", "year"], conflicts_with = "once")]
    pseudonym: Option<String>,
    /// Also ask for what shows that the holder takes part in this event once
    #[arg(long, value_name = "EVENT")]
    once: Option<String>,
    /// Seconds until the request expires, 600 at most
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=600))]
    life: u64,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    now: Now,
    #[command(flatten)]
    destination: Destination,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The presentation: a PNG with its QR code, the code's text, its bytes, or - for standard input
    presentation: PathBuf,
    /// The request that the presentation has to answer
    #[arg(long, value_name = "FILE", conflicts_with = "credential_type")]
    request: Option<PathBuf>,
    #[command(flatten)]
    question: Question,
    /// Seconds after which trust data is too old for a verdict
    #[arg(long, default_value_t = Policy::default().trust_age_max)]
    trust_age: u64,
    /// How many status epochs a holder who was offline may lag behind
    #[arg(long, default_value_t = Policy::default().status_lag_max)]
    status_lag: u32,
    /// Seconds after which a status epoch is too old
    #[arg(long, default_value_t = Policy::default().status_age_max)]
    status_age: u64,
    /// File that remembers what was accepted, so that nothing is accepted twice, how new the trust data was, and when
    /// status epochs began
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Write the verified picture of the holder into this file, if one came along
    #[arg(long, value_name = "PNG")]
    portrait: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct ReceiptArgs {
    /// The receipt from a verdict: a JSON file, or -
    receipt: PathBuf,
    /// What a credential type is called in other formats (a file as specs/types/*.twins.json); once for each. The driver's
    /// licence when none is named
    #[arg(long, value_name = "FILE")]
    twins: Vec<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

pub(crate) fn run(args: VerifierArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Init(args) => init(&args),
        Command::Request(args) => request(&args),
        Command::Check(args) => check(&args),
        Command::Receipt(args) => receipt(&args),
        Command::Serve(args) => presenting::serve(&args),
    }
}

fn init(args: &InitArgs) -> Result<Answer, CliError> {
    let purposes: Vec<PurposeText> = serde_json::from_slice(&files::read(&args.purposes)?)
        .map_err(|error| CliError::refused("MalformedDraft", format!("not a list of purposes: {error}")))?;
    let key = if args.key.exists() {
        files::read_key(&args.key)?
    } else {
        files::create_key(&args.key, &mut randomness::os()?)?
    };
    let did = Did::derive(&args.network, &key.public_key().to_multicodec())?;
    let name = Label { ko: args.name_ko.clone(), en: args.name_en.clone() };
    let mut rng = randomness::os()?;
    let root = args.dir.as_ref().map(|dir| relying_party::certificate_root(dir, args.now.seconds(), &mut rng));
    let creation = Draft::new_did(&did, &key.public_key(), args.now.seconds(), root.transpose()?);
    files::write(&args.did_out, &serde_json::to_vec_pretty(&creation)?)?;
    let records = vec![RecordText::Verifier { did: did.clone(), name, purposes, withdrawn: false }];
    let draft = serde_json::to_vec_pretty(&Draft { sender: SenderText::Governance, records, at: None })?;
    files::write(&args.out, &draft)?;
    Ok(Answer::new(
        format!(
            "{did}\nsign its DID, have the ministry admit it by signing, too, and then register it:\n  \
             mid ledger submit {} --key {} --url <node> --out did.tx\n  \
             mid ledger submit did.tx --key <the ministry's key> --url <node>\n  \
             mid ledger submit {} --key <the ministry's key> --url <node>",
            args.did_out.display(),
            args.key.display(),
            args.out.display()
        ),
        json!({ "did": did, "did_draft": args.did_out, "registration": args.out }),
    ))
}

fn request(args: &RequestArgs) -> Result<Answer, CliError> {
    let trust = args.trust.load()?;
    let signer = files::read_key(&args.key)?;
    let identity = Identity { did: args.did.clone(), key: args.key_name.clone(), signer: &signer };
    let (mut query, now) = (args.question.query(&trust)?, args.now.seconds());
    query.pseudonym = match (&args.once, args.pseudonym.as_deref()) {
        (Some(event), _) => Some(Scope::Event(event.clone())),
        (None, Some("day")) => Some(Scope::Period(Period::Day)),
        (None, Some("month")) => Some(Scope::Period(Period::Month)),
        (None, Some(_)) => Some(Scope::Period(Period::Year)),
        (None, None) => None,
    };
    let mut rng = randomness::os()?;
    let signed = ask::request(&identity, &args.purpose, query, &trust, now, args.life, &mut rng)?;
    let bytes = signed.encode();
    let version = args.destination.write(Kind::Request, &bytes)?;
    let digest = hex::encode(signed.digest());
    let expires = clock::rfc3339(now.saturating_add(args.life));
    Ok(Answer::new(
        format!("request {digest}\n{} bytes, valid until {expires}", bytes.len()),
        json!({ "request": digest, "bytes": bytes.len(), "qr_version": version, "expires_at": expires }),
    )
    .beside(args.destination.uses_stdout()))
}

fn check(args: &CheckArgs) -> Result<Answer, CliError> {
    let presentation = files::read_message(&args.presentation, Kind::Presentation)?;
    let mut seen = args.seen.as_deref().map(SeenFile::open).transpose()?;
    let trust = args.trust.load_above(&|network| seen.as_ref().map_or(0, |seen| seen.height_floor(network)))?;
    if let Some(seen) = &mut seen {
        // Before any verdict: an older bundle is not used again, whatever comes of this one.
        seen.used(&trust.header().network_id, trust.height());
        seen.save()?;
    }
    let now = args.now.seconds();
    let policy = Policy {
        trust_age_max: args.trust_age,
        status_lag_max: args.status_lag,
        status_age_max: args.status_age,
        ..Policy::default()
    };
    let (query, request);
    let asked = match &args.request {
        Some(path) => {
            request = SignedRequest::decode(&files::read_message(path, Kind::Request)?)?.authenticate(&trust, now)?;
            Asked::Requested(&request)
        }
        None => {
            query = args.question.query(&trust)?;
            Asked::Displayed(&query)
        }
    };
    // VERD-10: what may be done once is remembered without end.
    if seen.is_none() && asked.query().pseudonym.as_ref().is_some_and(Scope::is_once) {
        return Err(CliError::usage("this request accepts each holder once: say where that is remembered with --seen"));
    }
    let verdict = match &mut seen {
        Some(seen) => {
            let known = seen.epochs();
            let mut verifier = Verifier::new(policy, &mut *seen);
            verifier.recall(known);
            let verdict = verifier.check(&asked, &presentation, &trust, now);
            let known = verifier.known_epochs().collect();
            drop(verifier);
            seen.remember_epochs(known);
            seen.save()?;
            verdict?
        }
        None => Verifier::new(policy, SeenInMemory::default()).check(&asked, &presentation, &trust, now)?,
    };
    if let (Some(path), Some(portrait)) = (&args.portrait, verdict.portrait()) {
        files::write(path, portrait.png())?;
    }
    describe(&verdict, &trust)
}

/// As of the moment of the agreement, with today's trust data (RCPT-02).
fn receipt(args: &ReceiptArgs) -> Result<Answer, CliError> {
    let trust = args.trust.load()?;
    let vocabulary = match args.twins.as_slice() {
        [] => Vocabulary::of_twins(&network::twins(&network::types()?)?),
        files => presenting::vocabulary(files, &trust)?,
    };
    let proven = Receipt::from_json(&files::read(&args.receipt)?)?.check(&trust, &vocabulary)?;
    let said = match proven.time_said_by {
        TimeSaid::Holder => "",
        TimeSaid::Keeper => ", as its keeper says",
    };
    let mut lines = vec!["the receipt holds".to_owned(), format!("  asked by      {}", proven.verifier)];
    lines.push(format!("  agreed at     {}{said}", clock::rfc3339(proven.agreed_at)));
    lines.extend(proven.transactions.iter().map(|it| format!("  agreed to     {} ({})", it.text_en, it.text_ko)));
    lines.extend(proven.credentials.iter().map(|it| format!("  credential    {} of {}", it.kind, it.issuer)));
    lines.push("  whether a credential was withdrawn then is not in it".to_owned());
    Ok(Answer::new(lines.join("\n"), json!({ "accepted": true, "receipt": proven })))
}

/// The verdict, with the names that people know.
pub(crate) fn describe(verdict: &Verdict, trust: &TrustedState) -> Result<Answer, CliError> {
    let mut lines = vec!["accepted".to_owned()];
    let type_name =
        trust.credential_type(verdict.credential_type()).map_or(verdict.credential_type(), |t| t.name.text("en"));
    lines.push(format!("  credential    {type_name}"));
    lines.push(format!("  issuer        {}", verdict.issuer()));
    for claim in verdict.claims() {
        lines.push(format!("  {:<13} {}  ({} {})", claim.name, claim.value.en, claim.label.ko, claim.value.ko));
    }
    for predicate in verdict.proven() {
        lines.push(format!("  proven        {predicate}"));
    }
    if let Some(given) = verdict.pseudonym() {
        lines.push(format!("  pseudonym     {} ({}, {})", given.value, given.scope, given.name));
    }
    if let Some(portrait) = verdict.portrait() {
        lines.push(format!("  portrait      {} bytes, as the issuer signed it", portrait.png().len()));
    }
    let grade = verdict.trust();
    lines.push(format!(
        "  trust data    height {}, as of {}, {} s old",
        grade.height,
        clock::rfc3339(grade.as_of),
        grade.age
    ));
    if let IssuerKnown::Stapled { height, as_of } = verdict.issuer_known() {
        lines.push(format!("  issuer known  by a stapled proof, height {height}, as of {}", clock::rfc3339(as_of)));
    }
    lines.push(format!("  not withdrawn as of {}", clock::rfc3339(verdict.status_as_of())));
    let mut json = json!({ "accepted": true, "verdict": verdict });
    for grade in ["replay", "binding"] {
        if let Some(value) = json["verdict"][grade].as_str() {
            lines.push(format!("  {grade:<13} {value}"));
        }
    }
    json["type_name"] = json!(type_name);
    Ok(Answer::new(lines.join("\n"), json))
}
