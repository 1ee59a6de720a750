//! `mid wallet inbox`: what sites push. The command fetches, the wallet opens, the owner decides; a push answers nothing by itself.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use protocol::identifier::Did;
use push_message::Subscription;
use rand_core::CryptoRng;
use serde_json::json;
use wallet_core::{AppConsent, AppOutgoing, Decision, Inbox, InboxAddresses, InboxError, Pushed, Wallet, WalletError};

use super::wallet::{Place, sheet};
use crate::clock;
use crate::http::Http;
use crate::output::{Answer, CliError};
use crate::randomness;

/// Longest time for one look, in seconds; the relay may want it shorter.
const LOOK: u64 = 20;

#[derive(Debug, Args)]
pub(super) struct InboxArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look for a request that a site pushed, and answer it with consent
    Receive(ReceiveArgs),
    /// Who may call
    List(Place),
    /// Let a site call no more
    Close(CloseArgs),
}

#[derive(Debug, Args)]
struct ReceiveArgs {
    /// Seconds to wait for one
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=240))]
    wait: u64,
    /// Consent without being asked at the terminal; with the number that the site's page shows
    #[arg(long, requires = "code", conflicts_with_all = ["decline", "approve_over_ask"])]
    approve: bool,
    /// Send nothing, and note it
    #[arg(long)]
    decline: bool,
    /// Consent even to what the verifier did not register
    #[arg(long, requires = "code", conflicts_with = "decline")]
    approve_over_ask: bool,
    /// The number that the page shows where the log-in was begun
    #[arg(long, value_name = "NUMBER")]
    code: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct CloseArgs {
    /// The site's DID, as `list` says
    verifier: Did,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &InboxArgs) -> Result<Answer, CliError> {
    match &args.command {
        Command::Receive(args) => receive(args),
        Command::List(place) => list(place),
        Command::Close(args) => close(args),
    }
}

/// Answers a request and tells the verifier of an inbox at `relay`: the one it has, or a new one.
pub(super) fn outgoing(
    wallet: &Wallet,
    asked: &AppConsent,
    outgoing: &AppOutgoing,
    relay: &str,
    now: u64,
) -> Result<Vec<u8>, CliError> {
    let to_app = || CliError::usage("this answer goes to an app; an inbox is for a website");
    if matches!(outgoing, AppOutgoing::Open(_)) {
        return Err(to_app());
    }
    let inbox = match wallet.inbox_of(asked, now)? {
        Some(inbox) => inbox,
        None => open(wallet, asked, relay, now, &mut randomness::os()?)?,
    };
    outgoing.with_inbox(&inbox).ok_or_else(to_app)
}

/// Has the relay open an inbox, and keeps it.
fn open(
    wallet: &Wallet,
    asked: &AppConsent,
    relay: &str,
    now: u64,
    rng: &mut impl CryptoRng,
) -> Result<Subscription, CliError> {
    let relay = relay.trim_end_matches('/');
    let opened = Http::new().call("POST", &format!("{relay}/subscribe"), &[], &["location", "link"])?;
    let none = || CliError::refused("ServiceFailed", "the relay opened no inbox; try again later");
    let [Some(receive), Some(link)] = opened.headers.as_slice() else { return Err(none()) };
    let push = link.split(['<', '>']).nth(1).filter(|_| opened.status == 201 && link.contains("urn:ietf:params:push"));
    let at = InboxAddresses { push: push.ok_or_else(none)?.to_owned(), receive: receive.clone() };
    Ok(wallet.open_inbox(asked, &at, now, rng)?)
}

fn list(place: &Place) -> Result<Answer, CliError> {
    let inboxes = place.unlock()?.inboxes(place.now.seconds())?;
    let line = |it: &Inbox| {
        format!("{} ({})  {}\n  may call since {}", it.name.en, it.name.ko, it.verifier, clock::rfc3339(it.opened_at))
    };
    let lines: Vec<_> = inboxes.iter().map(line).collect();
    let text = if lines.is_empty() { "no site may call".to_owned() } else { lines.join("\n") };
    let json: Vec<_> = inboxes
        .iter()
        .map(|it| json!({ "verifier": it.verifier, "name": it.name, "opened_at": clock::rfc3339(it.opened_at) }))
        .collect();
    Ok(Answer::new(text, json!({ "inboxes": json })))
}

fn close(args: &CloseArgs) -> Result<Answer, CliError> {
    let (wallet, now) = (args.place.unlock()?, args.place.now.seconds());
    let inboxes = wallet.inboxes(now)?;
    let inbox = inboxes.iter().find(|it| it.verifier == args.verifier);
    let receive = &inbox.ok_or(WalletError::from(InboxError::NoSuchInbox))?.receive;
    // First at the relay: an inbox without a key is nobody's, and would go on taking pushes.
    let closed = Http::new().call("DELETE", receive, &[], &[])?.status;
    if !matches!(closed, 204 | 404) {
        return Err(CliError::refused("ServiceFailed", "the relay did not close the inbox; try again later"));
    }
    wallet.close_inbox(&args.verifier, now)?;
    Ok(Answer::new("this site calls no more", json!({ "closed": args.verifier })))
}

/// What waits at a relay.
struct Found {
    verifier: Did,
    address: String,
    body: Vec<u8>,
}

fn receive(args: &ReceiveArgs) -> Result<Answer, CliError> {
    let wallet = args.place.unlock()?;
    let inboxes = wallet.inboxes(args.place.now.seconds())?;
    let until = Instant::now() + Duration::from_secs(args.wait);
    let found = loop {
        if let Some(found) = look(&inboxes, until)? {
            break found;
        }
        if Instant::now() >= until {
            return Ok(Answer::new("nothing was pushed", json!({ "pushed": false })));
        }
        if inboxes.len() != 1 {
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    let now = args.place.now.seconds();
    let done = match wallet.read_push(&found.verifier, &found.body, now) {
        Ok(pushed) => decide(&wallet, &pushed, args, now),
        Err(error) => Err(error.into()),
    };
    // What was decided, or is nothing to decide about, does not come again; what could not be sent, or was not decided, does.
    let again = ["ConsentNeeded", "Locked", "TrustMissing", "ServiceUnreachable", "NoRandomness"];
    if !matches!(&done, Err(CliError::Refused { name, .. }) if again.contains(&name.as_str())) {
        // If it is not deleted now it is refused next time, or runs out.
        let _ = Http::new().call("DELETE", &found.address, &[], &[]);
    }
    done
}

/// Looks into each inbox; into the only one as long as there is time.
fn look(inboxes: &[Inbox], until: Instant) -> Result<Option<Found>, CliError> {
    for inbox in inboxes {
        let left = until.saturating_duration_since(Instant::now()).as_secs().min(LOOK);
        let wait = format!("wait={}", if inboxes.len() == 1 { left } else { 0 });
        let answer = Http::new().call("GET", &inbox.receive, &[("prefer", &wait)], &["link"])?;
        match (answer.status, answer.headers.into_iter().next().flatten()) {
            (200, Some(link)) => {
                let address = link.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                return Ok(Some(Found { verifier: inbox.verifier.clone(), address, body: answer.body }));
            }
            (204, _) => {}
            (404, _) => {
                let text =
                    format!("the relay has no inbox for {} any more; close it, and open one anew", inbox.name.en);
                return Err(CliError::refused("InboxGone", text));
            }
            _ => return Err(CliError::refused("ServiceFailed", "the relay cannot answer now; try again later")),
        }
    }
    Ok(None)
}

fn decide(wallet: &Wallet, pushed: &Pushed, args: &ReceiveArgs, now: u64) -> Result<Answer, CliError> {
    let asked = &pushed.asked;
    let (decision, code) = match (&asked.consent, args.approve, args.approve_over_ask, args.decline) {
        (None, ..) | (_, _, _, true) => (Decision::Decline, String::new()),
        (_, true, ..) => (Decision::Approve, args.code.clone().unwrap_or_default()),
        (_, _, true, _) => (Decision::ApproveOverAsk, args.code.clone().unwrap_or_default()),
        (Some(consent), ..) => ask(&sheet(consent))?,
    };
    let AppOutgoing::Post { address, body } =
        wallet.answer_pushed(pushed, &code, decision, now, &mut randomness::os()?)?
    else {
        return Err(CliError::usage("this request is for an app on this phone"));
    };
    Http::new().post(&address, &body)?.ok()?;
    match (&asked.consent, decision) {
        (None, _) => Err(WalletError::NotHeld.into()),
        (_, Decision::Decline) => Err(WalletError::Declined.into()),
        _ => Ok(Answer::new("answered", json!({ "pushed": true, "answered": true }))),
    }
}

/// The consent sheet, and the number from the page as the owner's word.
fn ask(sheet: &str) -> Result<(Decision, String), CliError> {
    use std::io::{BufRead, IsTerminal};
    eprintln!("{sheet}\n  A site pushed this. Did you begin a log-in just now?");
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::refused(
            "ConsentNeeded",
            "decide with --approve and the --code that the page shows, or --decline, or at a terminal; nothing was sent",
        ));
    }
    eprint!("The number that its page shows, or nothing to decline: ");
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|_| CliError::usage("the answer cannot be read"))?;
    let code = line.trim().to_owned();
    Ok((if code.is_empty() { Decision::Decline } else { Decision::Approve }, code))
}
