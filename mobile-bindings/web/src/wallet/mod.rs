//! The wallet, as a page holds it: everything in memory, sealed rows for the page to keep.
//!
//! ```js
//! const store = new WalletStore(root);                        // 32 bytes that only this browser has
//! for (const [name, bytes] of kept) store.put(name, bytes);   // what the page has stored
//! const wallet = Wallet.open(store);
//! wallet.unlock("839174", Date.now() / 1000);
//! for (let row; (row = store.next_change()); ) …              // store all of them in one step, and only then go on
//! ```

mod errand;
mod told;

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::credential::DayError;
use protocol::ledger::anchor::TrustAnchor;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::Value;
use wallet_core::{
    CredentialId, Decision, KdfParameters, PersonalNumbers, Rows, SealedArea, SetUp, WalletError, next_update,
};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

pub use errand::{Errand, ToFetch};

use crate::{PageError, named, seconds};
use errand::{Courier, ErrandError, Sources};

/// Seconds without a call after which a wallet locks itself.
const IDLE_SECONDS: u64 = 300;

/// What a page has stored of a wallet, and what of it has changed. Nothing in it is readable without the PIN.
#[wasm_bindgen]
pub struct WalletStore {
    root: Zeroizing<[u8; 32]>,
    stored: Vec<(String, Vec<u8>)>,
    rows: Option<Rows>,
    changes: VecDeque<RowChange>,
}

/// A row to store, or to delete where it has no content.
#[wasm_bindgen]
pub struct RowChange {
    name: String,
    content: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl RowChange {
    /// Under which name.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The new content; nothing when the row goes.
    #[must_use]
    pub fn content(&self) -> Option<Vec<u8>> {
        self.content.clone()
    }
}

#[wasm_bindgen]
impl WalletStore {
    /// A store sealed under the root key of this browser, 32 bytes. **It is software**: the page keeps the key wrapped by
    /// one that no script can read, and whoever copies the whole browser profile has both.
    ///
    /// # Errors
    /// Throws a text that begins with `MalformedRandom`.
    #[wasm_bindgen(constructor)]
    pub fn new(root: &[u8]) -> Result<WalletStore, String> {
        let root = root.try_into().map_err(|_| named(&PageError::MalformedRandom))?;
        Ok(Self { root: Zeroizing::new(root), stored: Vec::new(), rows: None, changes: VecDeque::new() })
    }

    /// Takes one row that was stored. All of them come before the wallet is opened.
    pub fn put(&mut self, name: String, content: Vec<u8>) {
        self.stored.push((name, content));
    }

    /// One thing to store after the other, until there is nothing. The page stores all of them in one step, before it uses
    /// what the call before returned; when it cannot, it begins anew with what it has stored.
    pub fn next_change(&mut self) -> Option<RowChange> {
        if self.changes.is_empty() {
            let changes = self.rows.as_ref().map(Rows::take_changes).unwrap_or_default();
            self.changes.extend(changes.into_iter().map(|(name, content)| RowChange { name, content }));
        }
        self.changes.pop_front()
    }
}

impl WalletStore {
    fn rows(&mut self) -> Rows {
        self.rows.get_or_insert_with(|| Rows::new(core::mem::take(&mut self.stored))).clone()
    }

    fn area(&mut self) -> Arc<SealedArea<Rows>> {
        Arc::new(SealedArea::new(self.rows(), self.root.clone()))
    }
}

/// A citizen's wallet. Calls throw texts that begin with the stable name of what went wrong.
#[wasm_bindgen]
pub struct Wallet {
    core: Arc<wallet_core::Wallet>,
}

/// A request that the owner was asked about. Only a wallet makes one, so that nothing else can be answered than what was
/// shown.
#[wasm_bindgen]
pub struct Consent(wallet_core::Consent);

#[wasm_bindgen]
impl Consent {
    /// What to show to the owner, as JSON.
    #[must_use]
    pub fn sheet(&self) -> String {
        told::consent(&self.0).to_string()
    }
}

#[wasm_bindgen]
impl Wallet {
    /// Sets a wallet up and leaves it unlocked. `birth_date` (`YYYY-MM-DD`) and `phone` are no PIN; they are not kept.
    ///
    /// # Errors
    /// Throws `PinFormat`, `PinTooWeak`, `WalletExists` and others.
    pub fn create(
        store: &mut WalletStore,
        pin: String,
        birth_date: Option<String>,
        phone: Option<String>,
        now: f64,
        random: &[u8],
    ) -> Result<Wallet, String> {
        let (pin, phone) = (Zeroizing::new(pin), phone.map(Zeroizing::new));
        let birth_date = birth_date.map(|date| date.parse()).transpose().map_err(|error: DayError| named(&error))?;
        let set_up = SetUp {
            pin: &pin,
            personal: PersonalNumbers { birth_date, phone: phone.as_ref().map(|phone| phone.as_str()) },
            kdf: KdfParameters::RECOMMENDED,
            idle_seconds: IDLE_SECONDS,
        };
        let (now, mut rng) = moment(now, random)?;
        let (rows, area) = (store.rows(), store.area());
        let core = wallet_core::Wallet::create_in(Box::new(rows), area, &set_up, now, &mut rng);
        Ok(Self { core: Arc::new(core.map_err(|error| named(&error))?) })
    }

    /// Opens the wallet of a store, locked.
    ///
    /// # Errors
    /// Throws `NoWallet`, `DeviceMismatch`, `StorageTampered`, `StorageVersionUnsupported`.
    pub fn open(store: &mut WalletStore) -> Result<Wallet, String> {
        let (rows, area) = (store.rows(), store.area());
        let core = wallet_core::Wallet::open_in(Box::new(rows), area).map_err(|error| named(&error))?;
        Ok(Self { core: Arc::new(core) })
    }

    /// Unlocks the wallet. The try counts once its row is stored.
    ///
    /// # Errors
    /// Throws `PinIncorrect` with the tries left, `PinBlocked`, `PinFormat`, `StorageTampered`, `RollbackDetected`.
    pub fn unlock(&self, pin: String, now: f64) -> Result<(), String> {
        let pin = Zeroizing::new(pin);
        let now = seconds(now).map_err(|error| named(&error))?;
        self.core.unlock(&pin, now).map_err(|error| named(&error))
    }

    /// Locks the wallet: keys and content are erased from memory.
    pub fn lock(&self) {
        self.core.lock();
    }

    /// Replaces the PIN. A wrong old one counts as a try.
    ///
    /// # Errors
    /// As [`Wallet::unlock`], and `PinTooWeak`.
    pub fn change_pin(&self, old: String, new: String, now: f64, random: &[u8]) -> Result<(), String> {
        let (old, new) = (Zeroizing::new(old), Zeroizing::new(new));
        let (now, mut rng) = moment(now, random)?;
        self.core.change_pin(&old, &new, &PersonalNumbers::default(), now, &mut rng).map_err(|error| named(&error))
    }

    /// Deletes the wallet: keys first, then the rest.
    ///
    /// # Errors
    /// Throws `CallUnderWay` while an errand runs.
    pub fn erase(self) -> Result<(), String> {
        let core = Arc::into_inner(self.core).ok_or_else(|| named(&ErrandError::CallUnderWay))?;
        core.erase().map_err(|error| named(&error))
    }

    /// What the owner holds, as JSON, in the order of receipt.
    ///
    /// # Errors
    /// Throws `Locked`, `TrustMissing`.
    pub fn cards(&self, now: f64) -> Result<String, String> {
        let now = seconds(now).map_err(|error| named(&error))?;
        let held = self.core.credentials(now).map_err(|error| named(&error))?;
        let card = |held: &wallet_core::HeldCredential| {
            Ok(told::card(held, self.core.credential_type(&held.credential_type, now)?.as_ref()))
        };
        let cards = held.iter().map(card).collect::<Result<_, WalletError>>();
        cards.map(|cards| Value::Array(cards).to_string()).map_err(|error| named(&error))
    }

    /// The owner's log as JSON, oldest first. It never has a value of a credential.
    ///
    /// # Errors
    /// Throws `Locked`, `LogTampered`.
    pub fn history(&self, now: f64) -> Result<String, String> {
        let now = seconds(now).map_err(|error| named(&error))?;
        let log = self.core.history(now).map_err(|error| named(&error))?;
        // Before there is trust data, things are called by their ids.
        let known = |entry: &wallet_core::Activity| {
            told::concerned(entry).and_then(|id| self.core.credential_type(id, now).ok().flatten())
        };
        Ok(Value::Array(log.iter().map(|entry| told::activity(entry, known(entry).as_ref())).collect()).to_string())
    }

    /// Reads an offer for the owner to look at, before any code is asked for: JSON.
    ///
    /// # Errors
    /// Throws `TrustMissing`, `IssuerNotTrusted`, `OfferExpired` and others.
    pub fn read_offer(&self, offer: &[u8], now: f64) -> Result<String, String> {
        let now = seconds(now).map_err(|error| named(&error))?;
        let sheet = self.core.read_offer(offer, now).map_err(|error| named(&error))?;
        Ok(told::offer(&sheet).to_string())
    }

    /// Takes up an offer: trust data, nonce, request, credential, portrait. `bundle` is where trust data is, and `anchor` the
    /// trust anchor.
    ///
    /// # Errors
    /// Throws `MalformedAnchor`. The errand throws what the issuer or the wallet refuses.
    pub fn accept(
        &self,
        offer: Vec<u8>,
        tx_code: Option<String>,
        bundle: String,
        anchor: &[u8],
    ) -> Result<Errand, String> {
        let courier = self.courier(bundle, anchor, "{}")?;
        let tx_code = tx_code.map(Zeroizing::new);
        Ok(Errand::new(
            |desk| async move { courier.accept(&desk, &offer, tx_code.as_deref().map(String::as_str)).await },
        ))
    }

    /// Fetches whatever public data is newer than the wallet's. `issuers` is a JSON object: where offers said that an
    /// issuer is, by its DID.
    ///
    /// # Errors
    /// Throws `MalformedAnchor`. The errand throws `ServiceUnreachable` and others.
    pub fn update(&self, bundle: String, anchor: &[u8], issuers: &str) -> Result<Errand, String> {
        let courier = self.courier(bundle, anchor, issuers)?;
        Ok(Errand::new(|desk| async move { courier.update(&desk).await }))
    }

    /// When to fetch public data next, Unix seconds; chosen without regard to any use.
    ///
    /// # Errors
    /// Throws `MalformedTime`, `MalformedRandom`.
    pub fn next_update(now: f64, random: &[u8]) -> Result<f64, String> {
        let (now, mut rng) = moment(now, random)?;
        Ok(next_update(now, &mut rng) as f64)
    }

    /// Reads a request for the owner to decide on.
    ///
    /// # Errors
    /// Throws `NotHeld`, `VerifierNotRegistered`, `RequestExpired` and others.
    pub fn read_request(&self, request: &[u8], now: f64) -> Result<Consent, String> {
        let now = seconds(now).map_err(|error| named(&error))?;
        self.core.read_request(request, now).map(Consent).map_err(|error| named(&error))
    }

    /// Does what the owner decided, and returns the presentation. A request that goes beyond the verifier's registration is
    /// not answered from here.
    ///
    /// # Errors
    /// Throws `Declined` when the owner said no, and what keeps an answer from being made.
    pub fn answer(&self, consent: &Consent, approve: bool, now: f64, random: &[u8]) -> Result<Vec<u8>, String> {
        let decision = if approve { Decision::Approve } else { Decision::Decline };
        let (now, mut rng) = moment(now, random)?;
        self.core.answer(&consent.0, decision, now, &mut rng).map_err(|error| named(&error))
    }

    /// Makes a ready-made answer to show unasked. It is good for half a minute.
    ///
    /// # Errors
    /// Throws `NoSuchCredential`, `NoSuchProfile`, `CredentialWithdrawn` and others.
    pub fn show(&self, id: &str, profile: &str, now: f64, random: &[u8]) -> Result<Vec<u8>, String> {
        let (now, mut rng) = moment(now, random)?;
        self.core.show_profile(&credential(id)?, profile, now, &mut rng).map_err(|error| named(&error))
    }

    /// How long a shown answer is good, in seconds.
    #[must_use]
    pub fn shown_for() -> f64 {
        verifier::Policy::default().display_window as f64
    }

    /// Prepares one more ready-made answer, while nothing else is to be done, and says whether there was one to prepare. It
    /// does not keep the wallet from locking itself.
    ///
    /// # Errors
    /// Throws `Locked`, `TrustMissing`.
    pub fn prepare_next(&self, now: f64, random: &[u8]) -> Result<bool, String> {
        let (now, mut rng) = moment(now, random)?;
        self.core.prepare_next(now, &mut rng).map_err(|error| named(&error))
    }

    /// Deletes a credential and its key. The issuer does not learn of it.
    ///
    /// # Errors
    /// Throws `NoSuchCredential`, `Locked`.
    pub fn delete(&self, id: &str, now: f64) -> Result<(), String> {
        let now = seconds(now).map_err(|error| named(&error))?;
        self.core.delete_credential(&credential(id)?, now).map_err(|error| named(&error))
    }
}

impl Wallet {
    fn courier(&self, bundle: String, anchor: &[u8], issuers: &str) -> Result<Courier, String> {
        let anchor = TrustAnchor::decode(anchor).map_err(|_| named(&PageError::MalformedAnchor))?;
        // What cannot be read names no issuer, and the errand says so when it needs one.
        let issuers = serde_json::from_str(issuers).unwrap_or_default();
        Ok(Courier { wallet: self.core.clone(), sources: Sources { bundle, anchor, issuers } })
    }
}

fn credential(id: &str) -> Result<CredentialId, String> {
    id.parse().map_err(|error: WalletError| named(&error))
}

/// The time and the randomness of one call.
fn moment(now: f64, random: &[u8]) -> Result<(u64, ChaCha20Rng), String> {
    let now = seconds(now).map_err(|error| named(&error))?;
    let seed = random.try_into().map_err(|_| named(&PageError::MalformedRandom))?;
    Ok((now, ChaCha20Rng::from_seed(seed)))
}

#[cfg(test)]
mod tests;
