//! What a wallet's app sends and fetches for issuers and verifiers of others: OpenID4VCI and OpenID4VP.

use std::path::Path;
use std::time::Duration;

use protocol::exchange::app_link::SignedAppRequest;
use protocol::exchange::openid4vp::Vocabulary;
use protocol::exchange::qr::{self, Kind};
use serde_json::{Value, json};
use wallet_core::openid4vci::{
    self, Invitation, Offered, ReceiveError, Request, SoftwareProvider, WalletProvider, WayBack,
};
use wallet_core::openid4vp::{self, Link, Sheet};
use wallet_core::{CredentialId, Decision, Wallet, WalletError};

use super::fetch::{self, Sources};
use crate::clock::{self, Now};
use crate::http::Http;
use crate::output::{Answer, CliError};
use crate::{files, network, randomness};

/// How long `mid wallet continue` waits for the time that an issuer named, in seconds.
const PATIENCE: u64 = 10;
/// Who the wallet says that it is, where no provider vouches for it.
const CLIENT: &str = "mid-wallet";
/// Longest request of a page, in bytes.
const PAGE_MAX: usize = 1 << 20;

/// What a file or argument holds.
pub(super) enum Message {
    /// A message of our own.
    Own(Vec<u8>),
    /// A link of OpenID.
    Link(String),
    /// A link of our own from another app.
    App(String),
}

impl Message {
    /// Reads a link, a picture of one or its text, or else a message of this kind.
    pub(super) fn read(path: &Path, kind: Kind) -> Result<Self, CliError> {
        let parameter = if kind == Kind::Offer { "credential_offer" } else { "request_uri=" };
        let is_link = |text: &str| text.contains("://") && text.contains(parameter);
        let is_app = |text: &str| kind == Kind::Request && SignedAppRequest::is_link(text);
        match path.to_str() {
            Some(text) if is_app(text) => return Ok(Self::App(text.to_owned())),
            Some(text) if is_link(text) => return Ok(Self::Link(text.to_owned())),
            _ if path.is_dir() => return Ok(Self::Own(files::read_message(path, kind)?)),
            _ => {}
        }
        let bytes = files::read(path)?;
        match qr::text(bytes.clone()) {
            Ok(text) if is_app(text.trim()) => Ok(Self::App(text.trim().to_owned())),
            Ok(text) if is_link(&text) => Ok(Self::Link(text.trim().to_owned())),
            _ => Ok(Self::Own(qr::message(kind, bytes)?)),
        }
    }
}

/// What came of offers.
#[derive(Default)]
pub(super) struct Came {
    /// Types and names of the credentials received.
    received: Vec<(String, String)>,
    /// When it is worth asking again, while a clerk looks.
    waiting: Option<u64>,
}

impl Came {
    /// In words.
    pub(super) fn told(&self) -> Answer {
        let names: Vec<_> = self.received.iter().map(|(_, name)| name.as_str()).collect();
        let ids: Vec<_> = self.received.iter().map(|(id, _)| id).collect();
        let mut lines = Vec::new();
        if !names.is_empty() {
            lines.push(format!("received: {}", names.join(", ")));
        }
        if let Some(at) = self.waiting {
            let at = clock::rfc3339(at);
            lines.push(format!("the issuer's clerk has to look first; go on with `mid wallet continue` after {at}"));
        }
        if lines.is_empty() {
            lines.push("nothing is under way".to_owned());
        }
        Answer::new(lines.join("\n"), json!({ "received": ids, "waiting_until": self.waiting.map(clock::rfc3339) }))
    }
}

/// The wallet's provider, if there is one.
type Vouching<'a> = Option<&'a SoftwareProvider>;

/// Takes up an offer.
pub(super) fn accept(
    wallet: &Wallet,
    dir: &Path,
    link: &str,
    tx_code: Option<&str>,
    sources: &Sources,
    provider: Vouching<'_>,
    now: Now,
) -> Result<Came, CliError> {
    fetch::renew_trust(wallet, dir, sources, now)?;
    let app = App { wallet, provider, http: Http::new(), now };
    // What an earlier run began goes on first; what cannot be reached now stays under way.
    let mut received = Vec::new();
    for id in wallet.receiving(now.seconds())? {
        received.extend(app.receive(&id).unwrap_or_default());
    }
    match app.take_up(link, tx_code) {
        Ok(new) => received.extend(new),
        // The code is used up for what an earlier run began with it.
        Err(CliError::Refused { name, .. }) if name == "Refused" && !received.is_empty() => {}
        Err(other) => return Err(other),
    }
    app.came(&received)
}

/// What the owner wants to log in for.
pub(super) enum Wanted {
    /// What an offer says.
    Offer(String),
    /// These configurations of an issuer, without an offer.
    Of(String, Vec<String>),
}

/// Begins to get credentials by logging in. Returns the address that the owner's browser opens.
pub(super) fn log_in(
    wallet: &Wallet,
    dir: &Path,
    wanted: Wanted,
    redirect: &str,
    sources: &Sources,
    provider: Vouching<'_>,
    now: Now,
) -> Result<String, CliError> {
    fetch::renew_trust(wallet, dir, sources, now)?;
    let app = App { wallet, provider, http: Http::new(), now };
    let offered = match wanted {
        Wanted::Offer(link) => app.offered(&link)?,
        Wanted::Of(issuer, configurations) => Offered::without_offer(&issuer, configurations)?,
    };
    let back = WayBack { client: provider.map_or(CLIENT, |it| it.client_id()), redirect };
    let id = wallet.begin_log_in(app.sheet(offered)?, &back, now.seconds(), &mut randomness::os()?)?;
    app.receive(&id)?;
    let page = wallet.log_in_page(&id, now.seconds())?;
    page.ok_or_else(|| CliError::refused("ServiceFailed", "the issuer has no page to log in at"))
}

/// Goes on with the address that the browser was sent back to.
pub(super) fn came_back(wallet: &Wallet, address: &str, provider: Vouching<'_>, now: Now) -> Result<Came, CliError> {
    let app = App { wallet, provider, http: Http::new(), now };
    let id = wallet.logged_in(address, now.seconds())?;
    let received = app.receive(&id)?;
    app.came(&received)
}

/// What the credential types that this program knows are called in formats of others.
fn vocabulary() -> Result<Vocabulary, CliError> {
    Ok(Vocabulary::of_twins(&network::twins(&network::types()?)?))
}

/// Gets everything anew that its issuers give anew: copies that nobody has seen, and what has changed since.
pub(super) fn renew(
    wallet: &Wallet,
    dir: &Path,
    sources: &Sources,
    provider: Vouching<'_>,
    now: Now,
) -> Result<Came, CliError> {
    fetch::renew_trust(wallet, dir, sources, now)?;
    let app = App { wallet, provider, http: Http::new(), now };
    let mut received = Vec::new();
    for (id, offered) in wallet.renewals(now.seconds())? {
        received.extend(app.renewed(&id, offered)?);
    }
    app.came(&received)
}

/// Gets anew what trust data that was just fetched calls withdrawn, where its issuer gives it anew: after a move, say (VCI-49). What an
/// earlier update began goes on first. Returns the types received, and why others were not: who could not be reached is asked again by the
/// next update, and who refuses is not.
pub(super) fn follow_withdrawals(
    wallet: &Wallet,
    provider: Vouching<'_>,
    now: Now,
) -> Result<(Vec<String>, Vec<String>), CliError> {
    let app = App { wallet, provider, http: Http::new(), now };
    let (mut received, mut missed) = (Vec::new(), Vec::new());
    let mut come = |outcome: Result<Vec<CredentialId>, CliError>| match outcome {
        Ok(ids) => received.extend(ids),
        Err(CliError::Refused { name, .. }) => missed.push(name),
        Err(CliError::Usage(message)) => missed.push(message),
    };
    for id in wallet.receiving(now.seconds())? {
        if wallet.receiving_not_before(&id, now.seconds())?.is_none_or(|at| at <= now.seconds()) {
            come(app.receive(&id));
        }
    }
    for (id, offered) in wallet.withdrawn_renewals(now.seconds())? {
        come(app.renewed(&id, offered));
    }
    let received = app.came(&received)?.received.into_iter().map(|(credential_type, _)| credential_type).collect();
    Ok((received, missed))
}

/// Goes on with all offers that are under way, once it is worth asking.
pub(super) fn go_on(
    wallet: &Wallet,
    dir: &Path,
    sources: &Sources,
    provider: Vouching<'_>,
    now: Now,
) -> Result<Came, CliError> {
    fetch::renew_trust(wallet, dir, sources, now)?;
    let app = App { wallet, provider, http: Http::new(), now };
    let mut received = Vec::new();
    for id in wallet.receiving(now.seconds())? {
        let left = wallet.receiving_not_before(&id, now.seconds())?.unwrap_or_default().saturating_sub(now.seconds());
        if left <= PATIENCE {
            std::thread::sleep(Duration::from_secs(left));
            received.extend(app.receive(&id)?);
        }
    }
    app.came(&received)
}

/// What an app does for its wallet.
struct App<'a> {
    wallet: &'a Wallet,
    provider: Vouching<'a>,
    http: Http,
    now: Now,
}

impl App<'_> {
    /// From the link to the wallet file.
    fn take_up(&self, link: &str, tx_code: Option<&str>) -> Result<Vec<CredentialId>, CliError> {
        let sheet = self.sheet(self.offered(link)?)?;
        if sheet.tx_code().is_some() != tx_code.is_some() {
            return Err(ReceiveError::TxCodeUnfit.into());
        }
        let id = self.wallet.begin_receiving(sheet, tx_code, self.now.seconds(), &mut randomness::os()?)?;
        self.receive(&id)
    }

    fn offered(&self, link: &str) -> Result<Offered, CliError> {
        Ok(match Invitation::read(link)? {
            Invitation::Offer(offered) => *offered,
            Invitation::Fetch(request) => Offered::read(&self.http.exchange(&request)?)?,
        })
    }

    /// Asks the issuer and its authorisation server who they are.
    fn sheet(&self, offered: Offered) -> Result<openid4vci::Sheet, CliError> {
        let now = self.now.seconds();
        let roots = self.wallet.certificate_roots(now)?;
        let issuer = self.http.exchange(&offered.ask_issuer())?;
        let known = offered.issuer_known(&issuer, &roots, &vocabulary()?, now)?;
        let server = self.http.exchange(&known.ask_server())?;
        Ok(known.server_known(&server)?)
    }

    /// Sends what is to be sent until everything is there, a clerk has to look, or the owner has to log in. What cannot be reached stays under way.
    fn receive(&self, id: &CredentialId) -> Result<Vec<CredentialId>, CliError> {
        let provider = self.provider.map(|it| it as &dyn WalletProvider);
        loop {
            let (before, mut rng) = (self.now.seconds(), randomness::os()?);
            let request = self.wallet.attested_receiving_request(id, provider, before, &mut rng)?;
            let answer = self.http.exchange(&request)?;
            if answer.status == 429 || answer.status >= 500 {
                return Err(CliError::refused("ServiceFailed", "the issuer cannot answer now; accept the offer again"));
            }
            // The clock has gone on while the issuer answered.
            let now = self.now.seconds();
            match self.wallet.receiving_answered(id, &answer, now) {
                Ok(None) if answer.status == 202 || self.wallet.log_in_page(id, now)?.is_some() => {
                    return Ok(Vec::new());
                }
                Ok(None) => {}
                Ok(Some(received)) => return Ok(received),
                Err(WalletError::Receive(refusal)) => {
                    self.wallet.abandon_receiving(id, now)?;
                    return Err(refusal.into());
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Gets anew what was received.
    fn renewed(&self, id: &CredentialId, offered: Offered) -> Result<Vec<CredentialId>, CliError> {
        let sheet = self.sheet(offered)?;
        self.wallet.begin_renewal(id, &sheet, self.now.seconds(), &mut randomness::os()?)?;
        self.receive(id)
    }

    fn came(&self, received: &[CredentialId]) -> Result<Came, CliError> {
        let now = self.now.seconds();
        let held = self.wallet.credentials(now)?;
        let held = held.into_iter().filter(|it| received.contains(&it.id));
        let received = held.map(|it| (it.credential_type, format!("{} ({})", it.name.en, it.name.ko))).collect();
        let mut waiting = None;
        for id in self.wallet.receiving(now)? {
            waiting = waiting.max(self.wallet.receiving_not_before(&id, now)?);
        }
        Ok(Came { received, waiting })
    }
}

/// Answers a verifier's link: fetches the request, lets `decide` look at it, and posts what comes of it.
pub(super) fn answer(
    wallet: &Wallet,
    link: &str,
    now: Now,
    decide: impl FnOnce(&str) -> Result<Decision, CliError>,
) -> Result<Answer, CliError> {
    let http = Http::new();
    let link = Link::read(link)?;
    let came = openid4vp::Came::by(&link, &mut randomness::os()?);
    let fetched = http.exchange(&fetch_request(&link, &came))?;
    let text = String::from_utf8(fetched.body).ok().filter(|_| fetched.status == 200);
    let text =
        text.ok_or_else(|| CliError::refused("RequestGone", "there is no such request any more; ask for a new one"))?;
    let consent = wallet.read_openid_request(text.trim(), &came, &vocabulary()?, now.seconds())?;
    let decision = decide(&shown(&consent.sheet))?;
    let usual = consent.usual();
    let outgoing = wallet.answer_openid(&consent, decision, &usual, now.seconds(), &mut randomness::os()?)?;
    let address = outgoing.uri.ok_or_else(|| CliError::usage("this request is for a browser"))?;
    let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    let posted = http.exchange(&Request { method: "POST", address, headers, body: outgoing.body.into_bytes() })?;
    if decision == Decision::Decline {
        return Err(WalletError::Declined.into());
    }
    if consent.sheet.choices.is_none() {
        return Err(WalletError::NotHeld.into());
    }
    let told: Value = serde_json::from_slice(&posted.body).unwrap_or_default();
    if posted.status != 200 {
        let code = told["error"].as_str().unwrap_or("no reason given");
        return Err(CliError::refused("AnswerRefused", format!("the verifier did not accept the answer ({code})")));
    }
    let back = told["redirect_uri"].as_str();
    let on = back.map_or_else(String::new, |address| format!("; go on at {address}"));
    Ok(Answer::new(format!("answered{on}"), json!({ "answered": true, "redirect_uri": back })))
}

/// Answers what a page asked through the browser: `request` is `{"protocol", "data"}`, and the answer has the same form.
pub(super) fn answer_page(
    wallet: &Wallet,
    request: &[u8],
    origin: &str,
    now: Now,
    decide: impl FnOnce(&str) -> Result<Decision, CliError>,
) -> Result<Value, CliError> {
    let malformed = || CliError::refused("MalformedRequest", "this is not what a page asks; see --help");
    let asked = protocol::json::read(request, PAGE_MAX).map_err(|_| malformed())?;
    let protocol = asked["protocol"].as_str().ok_or_else(malformed)?;
    let (came, text) = openid4vp::Came::through_browser(origin, protocol, &asked["data"])?;
    let vocabulary = Vocabulary::of_twins(&network::twins(&network::types()?)?);
    let consent = wallet.read_openid_request(&text, &came, &vocabulary, now.seconds())?;
    let decision = decide(&format!("{}\n  on the page {origin}", shown(&consent.sheet)))?;
    let usual = consent.usual();
    let outgoing = wallet.answer_openid(&consent, decision, &usual, now.seconds(), &mut randomness::os()?)?;
    if decision == Decision::Decline {
        return Err(WalletError::Declined.into());
    }
    if consent.sheet.choices.is_none() {
        return Err(WalletError::NotHeld.into());
    }
    let data: Value = serde_json::from_str(&outgoing.body)?;
    Ok(json!({ "protocol": protocol, "data": data }))
}

fn fetch_request(link: &Link, came: &openid4vp::Came) -> Request {
    let accept = ("accept", "application/oauth-authz-req+jwt".to_owned());
    let address = link.request_uri.clone();
    match &came.wallet_nonce {
        None => Request { method: "GET", address, headers: vec![accept], body: Vec::new() },
        Some(nonce) => {
            let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
            Request { method: "POST", address, headers: vec![accept, form], body: Link::body(nonce).into_bytes() }
        }
    }
}

/// The consent sheet.
fn shown(sheet: &Sheet) -> String {
    let mut lines = vec![format!("{} ({}) asks", sheet.name.en, sheet.name.ko)];
    match &sheet.purpose {
        Some(purpose) => lines.push(format!("  for: {} ({})", purpose.en, purpose.ko)),
        None => lines.push("  for a purpose it did not register".to_owned()),
    }
    lines.push(format!("  registered on the ledger as {}", sheet.verifier));
    for text in &sheet.transactions {
        lines.push(format!("  you would agree to: {} ({})", text.en, text.ko));
    }
    for choice in sheet.choices.iter().flatten() {
        let Some(option) = choice.options.first() else { continue };
        let optional = if choice.required { "" } else { " (not needed, and not sent)" };
        lines.push(format!("  {}{optional}", choice.query));
        for (path, value) in &option.shown {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            lines.push(format!("  it would see   {}: {text}", path.trim_start_matches('/')));
        }
        if option.all {
            lines.push(
                "  WARNING: this is everything in it; credentials of this format cannot be shown in part".to_owned(),
            );
            lines.extend(option.over_ask.iter().map(|it| format!("  WARNING: {it}")));
        }
        if choice.retained {
            lines.push("  it says that it keeps some of this".to_owned());
        }
    }
    if sheet.choices.is_none() {
        lines.push("  you do not hold what it asks for".to_owned());
    }
    if let Some(over_ask) = &sheet.over_ask {
        lines.push(format!("  WARNING: {over_ask}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_told_from_a_message() {
        let link = "openid-credential-offer://?credential_offer=%7B%7D";
        assert!(matches!(Message::read(Path::new(link), Kind::Offer), Ok(Message::Link(text)) if text == link));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("link");
        std::fs::write(&file, format!("{link}\n")).unwrap();
        assert!(matches!(Message::read(&file, Kind::Offer), Ok(Message::Link(text)) if text == link));
        // A link of an offer is none of a request: it is read as a message of our own, and found to be none.
        assert!(matches!(Message::read(&file, Kind::Request), Ok(Message::Own(_))));
    }
}
