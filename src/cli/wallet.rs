//! `mid wallet`: hold credentials and answer requests. The commands fetch, the wallet decides; presenting
//! and answering fetch nothing.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use protocol::credential::Day;
use protocol::credential::w3c::Suite;
use protocol::exchange::qr::Kind;
use protocol::exchange::{Received, StapledPresentation};
use serde_json::json;
use wallet_core::openid4vci::{Format, SoftwareProvider};
use wallet_core::{
    Activity, AppOutgoing, Asked, Consent, CredentialId, CredentialState, Decision, Disclosure, Event, HeldCredential,
    KdfParameters, PersonalNumbers, SetUp, SoftwareSecureArea, Wallet,
};

use super::fetch;
use super::inbox::{self, InboxArgs};
use super::openid::{self, Message, Wanted};
use crate::clock::{self, Now};
use crate::files::{self, Destination, MaybeDestination};
use crate::http::Http;
use crate::output::{Answer, CliError};
use crate::pin::PinSource;
use crate::{randomness, wallet_provider};

/// Seconds without a call after which the wallet locks itself. A command is one call.
const IDLE_SECONDS: u64 = 300;

/// What a citizen's phone does.
#[derive(Debug, Args)]
pub(crate) struct WalletArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up a wallet
    Init(InitArgs),
    /// Take up an offer: fetch its credentials and what proofs need
    Accept(AcceptArgs),
    /// Begin to get credentials by logging in at the issuer's page, with an offer or without: prints the address to open
    LogIn(LogInArgs),
    /// Go on with the address that the issuer's page sent the browser to
    Return(ReturnArgs),
    /// Go on with offers that an issuer's clerk had to look at
    Continue(ContinueArgs),
    /// Get credentials of others' formats anew: copies that nobody has seen, and what has changed since
    Renew(ContinueArgs),
    /// Delete a credential and its keys
    Delete(DeleteArgs),
    /// Make a provider in software that vouches for wallets, for tests: it looks at no phone, and says so
    SoftwareProvider(ProviderArgs),
    /// Fetch trust data, public day signatures and status tokens, and anew what was withdrawn because the register has changed
    Update(UpdateArgs),
    /// List the credentials
    List(ListArgs),
    /// Show a ready-made answer as a code that lives for half a minute
    Present(PresentArgs),
    /// Answer a verifier's request, with consent
    Answer(AnswerArgs),
    /// Requests that sites push to this wallet, and which sites may
    Inbox(InboxArgs),
    /// Who asked for what, and what came of it
    Log(Place),
    /// Replace the PIN
    ChangePin(ChangePinArgs),
}

/// Which wallet, and the PIN that opens it.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The wallet's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    pin: PinSource,
    #[command(flatten)]
    pub(super) now: Now,
}

/// Numbers that others know, so that they are no PIN.
#[derive(Debug, Args)]
struct Personal {
    /// The owner's birth date (YYYY-MM-DD), so that it is no PIN
    #[arg(long, value_name = "DATE")]
    birth_date: Option<Day>,
    /// The owner's telephone number, so that it is no PIN
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
}

impl Personal {
    fn numbers(&self) -> PersonalNumbers<'_> {
        PersonalNumbers { birth_date: self.birth_date, phone: self.phone.as_deref() }
    }
}

#[derive(Debug, Args)]
struct InitArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    personal: Personal,
}

#[derive(Debug, Args)]
struct AcceptArgs {
    /// The offer: a PNG with its QR code, the code's text, its bytes, or -; or a link of OpenID4VCI, or its picture
    offer: PathBuf,
    /// The code that the issuer told separately
    #[arg(long, value_name = "CODE")]
    tx_code: Option<String>,
    #[command(flatten)]
    provider: Provider,
    #[command(flatten)]
    sources: fetch::Sources,
    #[command(flatten)]
    place: Place,
}

/// Who vouches for the wallet.
#[derive(Debug, Args)]
struct Provider {
    /// The folder of a provider in software, for issuers that take attested wallets only
    #[arg(long, value_name = "DIR")]
    provider: Option<PathBuf>,
}

impl Provider {
    fn open(&self) -> Result<Option<SoftwareProvider>, CliError> {
        self.provider.as_deref().map(wallet_provider::open).transpose()
    }
}

#[derive(Debug, Args)]
struct ContinueArgs {
    #[command(flatten)]
    provider: Provider,
    #[command(flatten)]
    sources: fetch::Sources,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct LogInArgs {
    /// The offer: a link of OpenID4VCI, or its picture
    #[arg(required_unless_present = "issuer", conflicts_with = "issuer")]
    offer: Option<PathBuf>,
    /// The issuer's address, where there is no offer
    #[arg(long, value_name = "URL", requires = "configuration")]
    issuer: Option<String>,
    /// What is wanted, by the name that the issuer's metadata have for it; several times for several
    #[arg(long, value_name = "NAME", requires = "issuer")]
    configuration: Vec<String>,
    /// Where the browser is sent afterwards: an address that this phone gives to the wallet
    #[arg(long, value_name = "URI", default_value = "mid-wallet:/logged-in")]
    redirect: String,
    #[command(flatten)]
    provider: Provider,
    #[command(flatten)]
    sources: fetch::Sources,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct ReturnArgs {
    /// The address, as the browser was sent there
    address: String,
    #[command(flatten)]
    provider: Provider,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct DeleteArgs {
    /// The credential's id, as `mid wallet list` says
    id: CredentialId,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct ProviderArgs {
    /// Where its keys and certificates are kept
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    now: Now,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    #[command(flatten)]
    provider: Provider,
    #[command(flatten)]
    sources: fetch::Sources,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Also print what is in the credentials
    #[arg(long)]
    values: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct PresentArgs {
    /// The ready-made answer, e.g. age-19
    #[arg(long)]
    profile: String,
    /// The credential type, where several have an answer of this name
    #[arg(long, value_name = "TYPE")]
    credential: Option<String>,
    /// Add the issuer's records with their proofs, for verifiers with older trust data; too large for one QR code
    #[arg(long)]
    staple: bool,
    #[command(flatten)]
    destination: Destination,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct AnswerArgs {
    /// The request: a PNG with its QR code, the code's text, its bytes, or -; or a link of OpenID4VP, or its picture, which is
    /// answered where it says
    request: PathBuf,
    /// Consent without being asked at the terminal
    #[arg(long, conflicts_with_all = ["decline", "approve_over_ask"])]
    approve: bool,
    /// Send nothing, and note it
    #[arg(long)]
    decline: bool,
    /// Consent even to what the verifier did not register
    #[arg(long, conflicts_with = "decline")]
    approve_over_ask: bool,
    /// The app that opened this one with the link, as the phone's system names it
    #[arg(long, value_name = "APP", conflicts_with = "origin")]
    caller: Option<String>,
    /// Let this site call from now on: with the answer it is told of an inbox at this relay (an address of `mid relay serve`)
    #[arg(long, value_name = "URL", conflicts_with_all = ["decline", "caller", "origin"])]
    inbox: Option<String>,
    /// A page at this origin asked through the browser (Digital Credentials API): the request is its JSON,
    /// {"protocol", "data"}, and the answer to hand back, in the same form, is printed
    #[arg(long, value_name = "ORIGIN", conflicts_with_all = ["staple", "out", "frames", "payload"])]
    origin: Option<String>,
    /// Add the issuer's records with their proofs, for verifiers with older trust data; too large for one QR code
    #[arg(long)]
    staple: bool,
    #[command(flatten)]
    destination: MaybeDestination,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct ChangePinArgs {
    /// File whose first line is the new PIN; with --pin-stdin it is the second line
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
    #[command(flatten)]
    personal: Personal,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: WalletArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Init(args) => init(&args),
        Command::Accept(args) => accept(&args),
        Command::LogIn(args) => log_in(&args),
        Command::Return(args) => came_back(&args),
        Command::Continue(args) => go_on(&args),
        Command::Renew(args) => renew(&args),
        Command::Delete(args) => delete(&args),
        Command::SoftwareProvider(args) => software_provider(&args),
        Command::Update(args) => update(&args),
        Command::List(args) => list(&args),
        Command::Present(args) => present(&args),
        Command::Answer(args) => answer(&args),
        Command::Inbox(args) => inbox::run(&args),
        Command::Log(place) => log(&place),
        Command::ChangePin(args) => change_pin(&args),
    }
}

impl Place {
    /// The phone this wallet lives on, as a directory beside it.
    fn area(&self) -> Result<Arc<SoftwareSecureArea>, CliError> {
        Ok(Arc::new(SoftwareSecureArea::open_or_create(&self.dir.join("phone"), &mut randomness::os()?)?))
    }

    /// Opens and unlocks the wallet.
    pub(super) fn unlock(&self) -> Result<Wallet, CliError> {
        // Nothing is made where there is no wallet.
        if !self.dir.join("phone").exists() {
            return Err(wallet_core::WalletError::NoWallet.into());
        }
        let wallet = Wallet::open(&self.dir.join("wallet"), self.area()?)?;
        wallet.unlock(&self.pin.read()?, self.now.seconds())?;
        Ok(wallet)
    }

    /// The presentation with what this app's trust data says of the issuer, if that is wanted.
    fn stapled(&self, presentation: Vec<u8>, wanted: bool) -> Result<Vec<u8>, CliError> {
        if !wanted {
            return Ok(presentation);
        }
        let trust = super::fetch::trust(&self.dir)?;
        let missing = || CliError::refused("UnknownKey", "the wallet's trust data does not know the issuer; update it");
        let mut message = Received::split(&presentation)?;
        let stapled = StapledPresentation::of(&message.presentation, &trust).ok_or_else(missing)?;
        message.staple = Some(stapled.staple);
        Ok(message.encode())
    }
}

fn init(args: &InitArgs) -> Result<Answer, CliError> {
    let place = &args.place;
    if place.dir.join("wallet").exists() && Wallet::open(&place.dir.join("wallet"), place.area()?).is_ok() {
        return Err(wallet_core::WalletError::WalletExists.into());
    }
    let pin = place.pin.read_new(None)?;
    let set_up = SetUp {
        pin: &pin,
        personal: args.personal.numbers(),
        kdf: KdfParameters::RECOMMENDED,
        idle_seconds: IDLE_SECONDS,
    };
    files::make_private_directory(&place.dir)?;
    let wallet = place.dir.join("wallet");
    Wallet::create(&wallet, place.area()?, &set_up, place.now.seconds(), &mut randomness::os()?)?;
    let dir = place.dir.display().to_string();
    Ok(Answer::new(format!("a wallet is set up in {dir}"), json!({ "wallet": dir })))
}

fn accept(args: &AcceptArgs) -> Result<Answer, CliError> {
    let offer = Message::read(&args.offer, Kind::Offer)?;
    let (wallet, now, code) = (args.place.unlock()?, args.place.now, args.tx_code.as_deref());
    match offer {
        Message::Link(link) | Message::App(link) => {
            let provider = args.provider.open()?;
            let came = openid::accept(&wallet, &args.place.dir, &link, code, &args.sources, provider.as_ref(), now)?;
            Ok(came.told())
        }
        Message::Own(offer) => {
            let accepted = fetch::accept(&wallet, &args.place.dir, &offer, code, &args.sources, now)?;
            let names: Vec<_> = accepted.iter().map(|(_, name)| format!("{} ({})", name.en, name.ko)).collect();
            let ids: Vec<_> = accepted.iter().map(|(id, _)| id).collect();
            Ok(Answer::new(format!("received: {}", names.join(", ")), json!({ "received": ids })))
        }
    }
}

fn log_in(args: &LogInArgs) -> Result<Answer, CliError> {
    let wanted = match (&args.offer, &args.issuer) {
        (Some(offer), _) => match Message::read(offer, Kind::Offer)? {
            Message::Link(link) | Message::App(link) => Wanted::Offer(link),
            Message::Own(_) => {
                return Err(CliError::usage("this offer is of our own protocol; take it up with `accept`"));
            }
        },
        (None, Some(issuer)) => Wanted::Of(issuer.clone(), args.configuration.clone()),
        (None, None) => return Err(CliError::usage("say where to log in, with an offer or with --issuer")),
    };
    let (wallet, provider, place) = (args.place.unlock()?, args.provider.open()?, &args.place);
    let page =
        openid::log_in(&wallet, &place.dir, wanted, &args.redirect, &args.sources, provider.as_ref(), place.now)?;
    let text = format!("log in at {page}\nthen hand the address that the browser is sent to to `mid wallet return`");
    Ok(Answer::new(text, json!({ "open": page })))
}

fn came_back(args: &ReturnArgs) -> Result<Answer, CliError> {
    let (wallet, provider) = (args.place.unlock()?, args.provider.open()?);
    Ok(openid::came_back(&wallet, &args.address, provider.as_ref(), args.place.now)?.told())
}

fn go_on(args: &ContinueArgs) -> Result<Answer, CliError> {
    let (wallet, provider) = (args.place.unlock()?, args.provider.open()?);
    let came = openid::go_on(&wallet, &args.place.dir, &args.sources, provider.as_ref(), args.place.now)?;
    Ok(came.told())
}

fn renew(args: &ContinueArgs) -> Result<Answer, CliError> {
    let (wallet, provider) = (args.place.unlock()?, args.provider.open()?);
    let came = openid::renew(&wallet, &args.place.dir, &args.sources, provider.as_ref(), args.place.now)?;
    Ok(came.told())
}

fn delete(args: &DeleteArgs) -> Result<Answer, CliError> {
    args.place.unlock()?.delete_credential(&args.id, args.place.now.seconds())?;
    Ok(Answer::new("deleted, with its keys".to_owned(), json!({ "deleted": args.id.to_string() })))
}

fn software_provider(args: &ProviderArgs) -> Result<Answer, CliError> {
    wallet_provider::create(&args.dir, args.now.seconds(), &mut randomness::os()?)?;
    let root = args.dir.join("root.der");
    let text = format!(
        "a provider for tests, which looks at no phone; `mid issuer wallets --root {}` takes its word",
        root.display()
    );
    Ok(Answer::new(text, json!({ "root": root })))
}

fn update(args: &UpdateArgs) -> Result<Answer, CliError> {
    let (wallet, provider) = (args.place.unlock()?, args.provider.open()?);
    let updated = fetch::update(&wallet, &args.place.dir, &args.sources, args.place.now)?;
    let (renewed, missed) = openid::follow_withdrawals(&wallet, provider.as_ref(), args.place.now)?;
    let told = [("received anew", &renewed), ("not received anew", &missed)];
    let told = told.into_iter().filter(|(_, which)| !which.is_empty());
    let anew: String = told.map(|(what, which)| format!("; {what}: {}", which.join(", "))).collect();
    Ok(Answer::new(
        format!(
            "trust data of height {}, {} day set(s) and {} status token(s) fetched; next at {}{anew}",
            updated.height,
            updated.day_sets,
            updated.status_tokens,
            clock::rfc3339(updated.next)
        ),
        json!({
            "height": updated.height,
            "day_sets": updated.day_sets,
            "status_tokens": updated.status_tokens,
            "next_update": clock::rfc3339(updated.next),
            "renewed": renewed,
            "not_renewed": missed,
        }),
    ))
}

fn list(args: &ListArgs) -> Result<Answer, CliError> {
    let held = args.place.unlock()?.credentials(args.place.now.seconds())?;
    let mut lines = Vec::new();
    for credential in &held {
        let (name, state) = (&credential.name, state(credential));
        let back = if credential.state == CredentialState::Suspended { " (it may come back)" } else { "" };
        lines.push(format!("{} ({}): {state}{back}, until {}", name.en, name.ko, credential.expiry));
        lines.push(format!("  {}  {}", credential.credential_type, credential.id));
        match credential.format {
            None => {
                let profiles: Vec<_> = credential.profiles.iter().map(|(id, _)| id.as_str()).collect();
                lines.push(format!("  answers: {}", profiles.join(", ")));
            }
            Some(format) => {
                let copies =
                    credential.copies.map_or_else(String::new, |left| format!(", {left} copies nobody has seen"));
                let suite = format.suite().map_or_else(String::new, |suite| format!(" ({})", suite.as_str()));
                lines.push(format!("  {}{suite}{copies}", format.name()));
            }
        }
        if args.values {
            lines.extend(credential.attributes.iter().map(|(label, value)| format!("  {}: {}", label.en, value.en)));
        }
    }
    if held.is_empty() {
        lines.push("the wallet is empty".to_owned());
    }
    let json: Vec<_> = held
        .iter()
        .map(|credential| {
            let mut json = json!({
                "id": credential.id.to_string(),
                "type": credential.credential_type,
                "format": credential.format.map(Format::name),
                "suite": credential.format.and_then(Format::suite).map(Suite::as_str),
                "copies": credential.copies,
                "name": credential.name,
                "issuer": credential.issuer,
                "expiry": credential.expiry.to_string(),
                "state": state(credential),
                "profiles": credential.profiles.iter().map(|(id, _)| id).collect::<Vec<_>>(),
            });
            if args.values {
                let value = |(label, value): &_| json!({ "label": label, "value": value });
                json["attributes"] = credential.attributes.iter().map(value).collect();
            }
            json
        })
        .collect();
    Ok(Answer::new(lines.join("\n"), json!({ "credentials": json })))
}

fn state(credential: &HeldCredential) -> &'static str {
    match credential.state {
        CredentialState::Usable => "usable",
        CredentialState::Expired => "expired",
        CredentialState::Suspended => "suspended",
        CredentialState::Withdrawn => "withdrawn",
    }
}

fn present(args: &PresentArgs) -> Result<Answer, CliError> {
    let (wallet, now) = (args.place.unlock()?, args.place.now.seconds());
    let held = wallet.credentials(now)?;
    let of_type = |c: &&HeldCredential| args.credential.as_ref().is_none_or(|wanted| c.credential_type == *wanted);
    let candidates: Vec<_> = held.iter().filter(of_type).collect();
    if candidates.is_empty() {
        return Err(wallet_core::WalletError::NotHeld.into());
    }
    let mut fitting = candidates.into_iter().filter(|c| c.profiles.iter().any(|(id, _)| *id == args.profile));
    let credential = fitting.next().ok_or(wallet_core::WalletError::NoSuchProfile)?;
    if fitting.next().is_some() {
        return Err(CliError::usage("several credentials have an answer of this name; choose with --credential"));
    }
    let presentation = wallet.show_profile(&credential.id, &args.profile, now, &mut randomness::os()?)?;
    let presentation = args.place.stapled(presentation, args.staple)?;
    shown(&presentation, &args.destination, "shown")
}

fn answer(args: &AnswerArgs) -> Result<Answer, CliError> {
    let from_page = args.origin.is_some().then(|| files::read(&args.request)).transpose()?;
    let request = match &from_page {
        Some(_) => Message::Own(Vec::new()),
        None => Message::read(&args.request, Kind::Request)?,
    };
    let (wallet, now) = (args.place.unlock()?, args.place.now.seconds());
    let decide = |sheet: &str| match (args.approve, args.approve_over_ask, args.decline) {
        (true, ..) => Ok(Decision::Approve),
        (_, true, _) => Ok(Decision::ApproveOverAsk),
        (.., true) => Ok(Decision::Decline),
        _ => ask(sheet),
    };
    if let (Some(origin), Some(request)) = (&args.origin, &from_page) {
        let data = openid::answer_page(&wallet, request, origin, args.place.now, decide)?;
        return Ok(Answer::new(data.to_string(), data));
    }
    let request = match request {
        Message::App(link) => {
            return answer_app(&wallet, &link, args.caller.as_deref(), args.inbox.as_deref(), now, decide);
        }
        _ if args.inbox.is_some() => {
            return Err(CliError::usage("an inbox goes with the answer to a code that a website of ours shows"));
        }
        Message::Link(link) => return openid::answer(&wallet, &link, args.place.now, decide),
        Message::Own(request) => request,
    };
    let destination = args.destination.given()?;
    let consent = wallet.read_request(&request, now)?;
    let decision = decide(&sheet(&consent))?;
    let presentation = wallet.answer(&consent, decision, now, &mut randomness::os()?)?;
    let presentation = args.place.stapled(presentation, args.staple)?;
    shown(&presentation, &destination, "answered")
}

/// Answers a link from another app, or from a code on a screen: says what is to be opened, or posts the answer.
fn answer_app(
    wallet: &Wallet,
    link: &str,
    caller: Option<&str>,
    relay: Option<&str>,
    now: u64,
    decide: impl FnOnce(&str) -> Result<Decision, CliError>,
) -> Result<Answer, CliError> {
    let asked = wallet.read_app_link(link, caller, now)?;
    let decision = match &asked.consent {
        Some(consent) => {
            let calls = if relay.is_some() { "\n  from now on it may call you with requests" } else { "" };
            decide(&format!("{}\n  the answer goes to {}{calls}", sheet(consent), asked.reply.address()))?
        }
        None => Decision::Decline,
    };
    let outgoing = wallet.answer_app_link(&asked, decision, now, &mut randomness::os()?)?;
    let answering = asked.consent.is_some() && decision != Decision::Decline;
    let with_inbox = match relay.filter(|_| answering) {
        Some(relay) => Some(inbox::outgoing(wallet, &asked, &outgoing, relay, now)?),
        None => None,
    };
    let back = match (outgoing, with_inbox) {
        (AppOutgoing::Open(link), _) => Some(link),
        (AppOutgoing::Post { address, .. }, Some(body)) => {
            Http::new().post_json(&address, &body)?.ok()?;
            None
        }
        (AppOutgoing::Post { address, body }, None) => {
            Http::new().post(&address, &body)?.ok()?;
            None
        }
    };
    match back {
        // The other app is opened in any case, and learns of a refusal only that there is no answer.
        Some(link) => {
            let text = if answering { "answered" } else { "not answered" };
            Ok(Answer::new(format!("{text}; open {link}"), json!({ "answered": answering, "open": link })))
        }
        None if answering => Ok(Answer::new("answered", json!({ "answered": true, "open": null }))),
        None if asked.consent.is_none() => Err(wallet_core::WalletError::NotHeld.into()),
        None => Err(wallet_core::WalletError::Declined.into()),
    }
}

/// Writes a presentation where it is to be scanned.
fn shown(presentation: &[u8], destination: &Destination, what: &str) -> Result<Answer, CliError> {
    let version = destination.write(Kind::Presentation, presentation)?;
    let drawn = version.map_or_else(String::new, |version| format!(", a QR code of version {version}"));
    Ok(Answer::new(
        format!("{what}: {} bytes{drawn}", presentation.len()),
        json!({ "bytes": presentation.len(), "qr_version": version }),
    )
    .beside(destination.uses_stdout()))
}

/// The consent sheet, and the owner's decision at the terminal.
fn ask(sheet: &str) -> Result<Decision, CliError> {
    use std::io::{BufRead, IsTerminal};
    eprintln!("{sheet}");
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::refused(
            "ConsentNeeded",
            "decide with --approve or --decline, or at a terminal; nothing was sent",
        ));
    }
    eprint!("Answer? [y/N] ");
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|_| CliError::usage("the answer cannot be read"))?;
    Ok(if matches!(line.trim(), "y" | "Y" | "yes") { Decision::Approve } else { Decision::Decline })
}

pub(super) fn sheet(consent: &Consent) -> String {
    let mut lines = vec![format!("{} ({}) asks", consent.name.en, consent.name.ko)];
    match &consent.purpose {
        Some(purpose) => lines.push(format!("  for: {} ({})", purpose.en, purpose.ko)),
        None => lines.push("  for a purpose it did not register".to_owned()),
    }
    lines.push(format!("  of your: {}", consent.credential_name.en));
    for item in &consent.attributes {
        match &item.disclosure {
            Disclosure::Shown(value) => lines.push(format!("  it would see   {}: {}", item.display.en, value.en)),
            Disclosure::Proven(statements) => {
                let statements: Vec<_> = statements.iter().map(|statement| statement.text.en.clone()).collect();
                lines.push(format!("  it would learn {} (not your {})", statements.join(", "), item.display.en));
            }
            Disclosure::Kept => {}
        }
    }
    if let Some(bound) = &consent.bound {
        lines.push(format!("  {} ({})", bound.en, bound.ko));
    }
    if let Some(scope) = &consent.pseudonym {
        lines.push(format!("  {} ({})", scope.text("en"), scope.text("ko")));
    }
    if let Some(over_ask) = &consent.over_ask {
        lines.push(format!("  WARNING: {over_ask}"));
    }
    lines.join("\n")
}

fn log(place: &Place) -> Result<Answer, CliError> {
    let history = place.unlock()?.history(place.now.seconds())?;
    let lines: Vec<_> =
        history.iter().map(|activity| format!("{}  {}", clock::rfc3339(activity.at), told(activity).1)).collect();
    let json: Vec<_> = history
        .iter()
        .map(|activity| {
            let (event, text) = told(activity);
            json!({ "at": clock::rfc3339(activity.at), "event": event, "text": text })
        })
        .collect();
    Ok(Answer::new(lines.join("\n"), json!({ "log": json })))
}

fn told(activity: &Activity) -> (&'static str, String) {
    let about = |asked: &Asked| {
        let proven = asked.proven.iter().map(ToString::to_string);
        let again = asked.pseudonym.iter().map(ToString::to_string);
        let what: Vec<_> = asked.shown.iter().cloned().chain(proven).chain(again).collect();
        format!("{} asked for {} ({})", asked.name_en, what.join(", "), asked.purpose)
    };
    match &activity.event {
        Event::Received { credential_type, issuer } => {
            ("received", format!("received {credential_type} from {issuer}"))
        }
        Event::Deleted { credential_type } => ("deleted", format!("deleted {credential_type}")),
        Event::PinChanged => ("pin-changed", "the PIN was changed".to_owned()),
        Event::Answered(asked) => ("answered", format!("answered: {}", about(asked))),
        Event::AnsweredOverAsk(asked) => {
            ("answered-over-ask", format!("answered although unregistered: {}", about(asked)))
        }
        Event::Declined(asked) => ("declined", format!("declined: {}", about(asked))),
        Event::Blocked(asked) => ("blocked", format!("blocked: {}", about(asked))),
        Event::Unanswered(asked) => ("unanswered", format!("not answered: {}", about(asked))),
        Event::Displayed { credential_type, profile } => {
            ("displayed", format!("showed {profile} of {credential_type}"))
        }
    }
}

fn change_pin(args: &ChangePinArgs) -> Result<Answer, CliError> {
    let place = &args.place;
    if !place.dir.join("phone").exists() {
        return Err(wallet_core::WalletError::NoWallet.into());
    }
    let wallet = Wallet::open(&place.dir.join("wallet"), place.area()?)?;
    let (old, now) = (place.pin.read()?, place.now.seconds());
    let new = place.pin.read_new(args.new_pin_file.as_deref())?;
    wallet.unlock(&old, now)?;
    wallet.change_pin(&old, &new, &args.personal.numbers(), now, &mut randomness::os()?)?;
    Ok(Answer::new("the PIN was changed", json!({ "changed": true })))
}
