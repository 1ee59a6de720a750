//! What a wallet's app fetches: trust data, credentials, public day signatures, status tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use issuer::CurrentEpoch;
use protocol::cbor;
use protocol::credential::Label;
use protocol::exchange::{IssuanceNonce, IssuanceRefusal};
use protocol::identifier::Did;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::record::Record;
use protocol::ledger::state::TrustedState;
use serde::{Deserialize, Serialize};
use wallet_core::{PendingIssuance, Wallet};

use crate::clock::Now;
use crate::files;
use crate::http::Http;
use crate::output::CliError;
use crate::randomness;

/// Longest nonce, in bytes.
const NONCE_MAX: usize = 64;
/// Waits before trying again around the change of an epoch, in milliseconds.
const PAUSES: [u64; 5] = [200, 400, 800, 1_600, 3_200];
/// Refusals that are over as soon as issuer and trust data speak of the same epoch again.
const BETWEEN_EPOCHS: [&str; 3] = ["EpochChanging", "EpochNotAnnounced", "NotFound"];
/// The app's own files beside the wallet. Nothing in them is secret or believed.
const ANCHOR: &str = "anchor.cbor";
const BUNDLE: &str = "bundle.cbor";
const ADDRESSES: &str = "addresses.json";

/// Where trust data comes from. What is given once is remembered.
#[derive(Debug, clap::Args)]
pub(crate) struct Sources {
    /// The trust anchor: a file, or the picture of its QR code. Needed the first time
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// Address of a ledger node or of a mirror of its trust bundle
    #[arg(long, value_name = "URL", conflicts_with = "trust")]
    url: Option<String>,
    /// A trust bundle from a file instead
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl Sources {
    /// A trust anchor's file and the address of a ledger node.
    pub(crate) fn of(anchor: &Path, url: &str) -> Self {
        Self { anchor: Some(anchor.to_owned()), url: Some(url.to_owned()), trust: None }
    }
}

/// What an update brought.
pub(crate) struct Updated {
    pub(crate) height: u64,
    pub(crate) day_sets: usize,
    pub(crate) status_tokens: usize,
    /// When to come again, Unix seconds.
    pub(crate) next: u64,
}

/// Where the app fetches from.
#[derive(Default, Serialize, Deserialize)]
struct Addresses {
    ledger: Option<String>,
    issuers: BTreeMap<Did, String>,
}

/// The app around a wallet.
struct App<'a> {
    wallet: &'a Wallet,
    dir: &'a Path,
    addresses: Addresses,
    http: Http,
    now: Now,
}

/// Takes up an offer. Returns ids and names of the types received.
pub(crate) fn accept(
    wallet: &Wallet,
    dir: &Path,
    offer: &[u8],
    tx_code: Option<&str>,
    sources: &Sources,
    now: Now,
) -> Result<Vec<(String, Label)>, CliError> {
    let mut app = App::open(wallet, dir, now)?;
    let trust = app.renew_trust(sources)?;
    app.resume()?;
    let sheet = wallet.read_offer(offer, now.seconds())?;
    if sheet.tx_code && tx_code.is_none() {
        return Err(wallet_core::WalletError::TxCodeMismatch.into());
    }
    // Before anything is received: a run that is interrupted after that leaves a credential, and where to fetch what it needs.
    app.remember(|addresses| {
        addresses.issuers.insert(sheet.issuer.clone(), sheet.url.clone());
    })?;
    // A code is used up for what it brought already, in a run that was interrupted; the rest is still to be had.
    let mut refused = None;
    let mut received = Vec::new();
    for (credential_type, name) in sheet.credential_types {
        match app.fetch_credential(offer, &sheet.url, &credential_type, tx_code) {
            Ok(()) => received.push((credential_type, name)),
            Err(CliError::Refused { name, message }) if name == "InvalidGrant" => {
                refused = Some(CliError::Refused { name, message });
            }
            Err(error) => return Err(error),
        }
    }
    if let (Some(refused), true) = (refused, received.is_empty()) {
        return Err(refused);
    }
    app.renew_public_data(trust, sources)?;
    Ok(received)
}

/// Installs the newest trust data there is to get.
pub(super) fn renew_trust(wallet: &Wallet, dir: &Path, sources: &Sources, now: Now) -> Result<(), CliError> {
    App::open(wallet, dir, now)?.renew_trust(sources).map(drop)
}

/// Fetches whatever is newer than what the wallet has.
pub(crate) fn update(wallet: &Wallet, dir: &Path, sources: &Sources, now: Now) -> Result<Updated, CliError> {
    let mut app = App::open(wallet, dir, now)?;
    let trust = app.renew_trust(sources)?;
    app.resume()?;
    let height = trust.height();
    let (day_sets, status_tokens) = app.renew_public_data(trust, sources)?;
    let next = wallet_core::next_update(now.seconds(), &mut randomness::os()?);
    Ok(Updated { height, day_sets, status_tokens, next })
}

/// What the app that keeps the wallet in `dir` last fetched of the ledger.
pub(crate) fn trust(dir: &Path) -> Result<TrustedState, CliError> {
    let anchor = files::read_anchor(&dir.join(ANCHOR))?;
    Ok(TrustBundle::decode(&files::read(&dir.join(BUNDLE))?)?.verify(&anchor, 0)?)
}

/// A mirror serves the bundle as a file, a node under its API.
fn bundle_address(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with("/bundle") || url.ends_with(".cbor") { url.to_owned() } else { format!("{url}/v1/bundle") }
}

impl<'a> App<'a> {
    fn open(wallet: &'a Wallet, dir: &'a Path, now: Now) -> Result<Self, CliError> {
        let path = dir.join(ADDRESSES);
        let addresses = if path.exists() {
            serde_json::from_slice(&files::read(&path)?).map_err(|_| {
                CliError::refused("AddressesDamaged", format!("{} is damaged; delete it", path.display()))
            })?
        } else {
            Addresses::default()
        };
        Ok(Self { wallet, dir, addresses, http: Http::new(), now })
    }

    fn remember(&mut self, change: impl FnOnce(&mut Addresses)) -> Result<(), CliError> {
        change(&mut self.addresses);
        files::write(&self.dir.join(ADDRESSES), &serde_json::to_vec_pretty(&self.addresses)?)
    }

    /// Installs the newest bundle there is to get, and returns what it says.
    fn renew_trust(&mut self, sources: &Sources) -> Result<TrustedState, CliError> {
        let anchor_path = self.dir.join(ANCHOR);
        let anchor = match &sources.anchor {
            Some(path) => files::read_anchor(path)?,
            None if anchor_path.exists() => files::read_anchor(&anchor_path)?,
            None => return Err(CliError::usage("give the trust anchor with --anchor the first time")),
        };
        let url = sources.url.clone().or_else(|| self.addresses.ledger.clone());
        let bundle = match (&sources.trust, &url) {
            (Some(path), _) => files::read(path)?,
            (None, Some(url)) => self.http.get(&bundle_address(url))?.ok()?,
            (None, None) if self.dir.join(BUNDLE).exists() => files::read(&self.dir.join(BUNDLE))?,
            (None, None) => {
                return Err(CliError::usage("say where trust data comes from with --url or --trust the first time"));
            }
        };
        let trust = TrustBundle::decode(&bundle)?.verify(&anchor, 0)?;
        self.wallet.install_trust(&bundle, &anchor, self.now.seconds())?;
        files::write(&anchor_path, &anchor.encode())?;
        files::write(&self.dir.join(BUNDLE), &bundle)?;
        self.remember(|addresses| addresses.ledger = url)?;
        Ok(trust)
    }

    /// Sends again what was asked for and never answered, also when its offer has run out since.
    fn resume(&self) -> Result<(), CliError> {
        for pending in self.wallet.pending_issuances(self.now.seconds())? {
            let answer = self.http.post(&format!("{}/v1/credentials", pending.url), &pending.request)?;
            // A refusal is for the offer that is taken up next to deal with.
            if let Ok(response) = answer.or_refusal::<IssuanceRefusal>()? {
                self.wallet.finish_issuance(&pending.id, &response, self.now.seconds())?;
                self.fetch_portrait(&pending)?;
            }
        }
        Ok(())
    }

    /// Fetches one credential of an offer. A request that the issuer refuses for good is given up; one whose
    /// answer was lost is sent again, byte for byte.
    fn fetch_credential(
        &self,
        offer: &[u8],
        issuer: &str,
        credential_type: &str,
        tx_code: Option<&str>,
    ) -> Result<(), CliError> {
        let mut retry = true;
        loop {
            let now = self.now.seconds();
            let nonce = self.http.post(&format!("{issuer}/v1/nonce"), &[])?.ok()?;
            let nonce: IssuanceNonce = cbor::from_slice(&nonce, NONCE_MAX)?;
            let mut rng = randomness::os()?;
            let pending = self.wallet.begin_issuance(offer, credential_type, &nonce, tx_code, now, &mut rng)?;
            let answer = self.http.post(&format!("{}/v1/credentials", pending.url), &pending.request)?;
            match answer.or_refusal::<IssuanceRefusal>()? {
                Ok(response) => {
                    self.wallet.finish_issuance(&pending.id, &response, now)?;
                    return self.fetch_portrait(&pending);
                }
                Err(IssuanceRefusal::TemporarilyUnavailable) => {
                    return Err(IssuanceRefusal::TemporarilyUnavailable.into());
                }
                Err(refusal) => {
                    self.wallet.abandon_issuance(&pending.id, now)?;
                    // A request from before a crash may carry a nonce that has run out.
                    if refusal != IssuanceRefusal::InvalidNonce || !std::mem::take(&mut retry) {
                        return Err(refusal.into());
                    }
                }
            }
        }
    }

    /// Fetches the picture whose digest a new credential has. One that the issuer does not give any more is not needed for
    /// anything else: answers then show the digest alone.
    fn fetch_portrait(&self, pending: &PendingIssuance) -> Result<(), CliError> {
        let now = self.now.seconds();
        if !self.wallet.lacks_portrait(&pending.id, now)? {
            return Ok(());
        }
        let answer = self.http.post(&format!("{}/v1/portraits", pending.url), &pending.request)?;
        match answer.or_refusal::<IssuanceRefusal>()? {
            Ok(image) => Ok(self.wallet.keep_portrait(&pending.id, &image, now)?),
            Err(_) => Ok(()),
        }
    }

    /// Fetches day sets and status tokens that are missing. Returns how many of each.
    ///
    /// Around the change of an epoch issuer and ledger speak of different ones for a moment, and a mirror may lag
    /// behind: then trust data is fetched again, and after it the rest.
    fn renew_public_data(&mut self, mut trust: TrustedState, sources: &Sources) -> Result<(usize, usize), CliError> {
        for pause in PAUSES {
            match self.try_public_data(&trust) {
                Err(CliError::Refused { name, .. }) if BETWEEN_EPOCHS.contains(&name.as_str()) => {
                    std::thread::sleep(Duration::from_millis(pause));
                    trust = self.renew_trust(sources)?;
                }
                other => return other,
            }
        }
        self.try_public_data(&trust)
    }

    fn try_public_data(&self, trust: &TrustedState) -> Result<(usize, usize), CliError> {
        let now = self.now.seconds();
        let needs = self.wallet.needs(now)?;
        for needed in &needs.day_sets {
            let of_key = |record: &Record| match record {
                Record::IssuerKey(key) if key.day_set == needed.key => Some(key.key_id()),
                _ => None,
            };
            let key_id = trust.envelopes().find_map(|envelope| of_key(&envelope.record));
            let key_id = hex::encode(key_id.ok_or(wallet_core::WalletError::IssuerNotTrusted)?);
            let signatures = self.http.get(&format!("{}/v1/day-set/{key_id}", self.issuer(&needed.issuer)?))?.ok()?;
            self.wallet.install_day_set(&needed.key, 0, &signatures, now)?;
        }
        for needed in &needs.status_tokens {
            let base = format!("{}/v1/status-tokens/{}", self.issuer(&needed.issuer)?, hex::encode(needed.issuer_key));
            let current: CurrentEpoch = serde_json::from_slice(&self.http.get(&base)?.ok()?)?;
            if current.epoch != needed.epoch {
                return Err(CliError::refused(
                    "EpochChanging",
                    "the issuer is just changing the epoch of status tokens; try again in a moment",
                ));
            }
            let slice = needed.slice(current.slices.max(1).ilog2() as u8);
            let tokens = self.http.get(&format!("{base}/{}?slice={}", needed.epoch, slice.index))?.ok()?;
            self.wallet.install_status_tokens(&needed.issuer_key, slice, &tokens, now)?;
        }
        Ok((needs.day_sets.len(), needs.status_tokens.len()))
    }

    fn issuer(&self, did: &Did) -> Result<&str, CliError> {
        let unknown =
            || CliError::refused("IssuerAddressUnknown", "no offer told where this issuer is; accept one again");
        self.addresses.issuers.get(did).map(String::as_str).ok_or_else(unknown)
    }
}
