//! The wallet, as an app holds it.

use std::path::PathBuf;
use std::sync::Arc;

use protocol::exchange::IssuanceNonce;
use protocol::exchange::qr::Kind;
use protocol::ledger::anchor::TrustAnchor;
use wallet_core::{Consent, CredentialId, Decision, KdfParameters, PersonalNumbers, SetUp, StatusSlice};
use zeroize::Zeroizing;

use crate::area::{self, Area};
use crate::courier::{Courier, Fetch, Sources};
use crate::error::ApiError;
use crate::records::{Activity, Card, ConsentSheet, Needs, OfferSheet, PendingIssuance, ShownCode};
use crate::{Clock, exactly, os_randomness};

/// Seconds without a call after which a wallet locks itself.
const IDLE_SECONDS: u64 = 300;

/// Numbers that others know of the owner, which are no PIN. Used once, not kept.
#[derive(uniffi::Record)]
pub struct Personal {
    /// `YYYY-MM-DD`.
    #[uniffi(default = None)]
    pub birth_date: Option<String>,
    /// Telephone number, in any spelling.
    #[uniffi(default = None)]
    pub phone: Option<String>,
}

/// A wallet in a directory, bound to one secure area. Closed when the app lets go of it.
///
/// Calls may come from any thread; while one runs another waits, except during a fetch.
#[derive(uniffi::Object)]
pub struct Wallet {
    wallet: wallet_core::Wallet,
    directory: PathBuf,
    clock: Arc<dyn Clock>,
}

/// A request that the owner was asked about. Only a wallet makes one, so that nothing else can be answered than
/// what was shown.
#[derive(uniffi::Object)]
pub struct ConsentRequest(Consent);

#[uniffi::export]
impl ConsentRequest {
    /// What to show to the owner.
    pub fn sheet(&self) -> ConsentSheet {
        (&self.0).into()
    }
}

#[uniffi::export]
impl Wallet {
    /// Sets a wallet up and leaves it unlocked.
    ///
    /// # Errors
    /// `Refused`: `PinFormat`, `PinTooWeak`, `WalletExists`; `Retry`
    #[uniffi::constructor]
    pub fn create(
        directory: &str,
        area: Area,
        pin: String,
        personal: Personal,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, ApiError> {
        let pin = Zeroizing::new(pin);
        let phone = personal.phone.map(Zeroizing::new);
        let birth_date = personal.birth_date.map(|date| date.parse()).transpose()?;
        let mut rng = os_randomness()?;
        let set_up = SetUp {
            pin: &pin,
            personal: PersonalNumbers { birth_date, phone: phone.as_ref().map(|phone| phone.as_str()) },
            kdf: KdfParameters::RECOMMENDED,
            idle_seconds: IDLE_SECONDS,
        };
        area::outside()?;
        let (now, directory) = (clock.now(), PathBuf::from(directory));
        let wallet = wallet_core::Wallet::create(&directory, area.open()?, &set_up, now, &mut rng)?;
        Ok(Arc::new(Self { wallet, directory, clock }))
    }

    /// Opens a wallet, locked.
    ///
    /// # Errors
    /// `Refused`: `NoWallet`, `DeviceMismatch`, `StorageTampered`; `Retry`: `AlreadyOpen`; `Update`
    #[uniffi::constructor]
    pub fn open(directory: &str, area: Area, clock: Arc<dyn Clock>) -> Result<Arc<Self>, ApiError> {
        area::outside()?;
        let directory = PathBuf::from(directory);
        let wallet = wallet_core::Wallet::open(&directory, area.open()?)?;
        Ok(Arc::new(Self { wallet, directory, clock }))
    }

    /// Unlocks the wallet. The try is counted before it is evaluated.
    ///
    /// # Errors
    /// `Unlock` with the tries left; `Refused`: `PinFormat`, `RollbackDetected`, `StorageTampered`
    pub fn unlock(&self, pin: String) -> Result<(), ApiError> {
        let pin = Zeroizing::new(pin);
        Ok(self.core()?.unlock(&pin, self.clock.now())?)
    }

    /// Locks the wallet: keys and content are erased from memory.
    ///
    /// # Errors
    /// `Bug`, from inside the key store
    pub fn lock(&self) -> Result<(), ApiError> {
        self.core()?.lock();
        Ok(())
    }

    /// Takes up an offer: trust data, nonce, request, credential, portrait. Returns the ids of the types received. What was
    /// interrupted goes on with the next call of this or of [`Wallet::update`]; nothing is issued twice.
    ///
    /// # Errors
    /// `Retry`: `ServiceUnreachable`, `ServiceFailed`; `Refused`: `InvalidGrant` and what else the issuer refuses; `Unlock`
    pub fn accept(
        &self,
        offer: Vec<u8>,
        tx_code: Option<String>,
        sources: &Sources,
        fetch: Arc<dyn Fetch>,
    ) -> Result<Vec<String>, ApiError> {
        let tx_code = tx_code.map(Zeroizing::new);
        let tx_code = tx_code.as_ref().map(|code| code.as_str());
        self.courier(fetch.as_ref())?.accept(&offer, tx_code, sources)
    }

    /// Fetches whatever public data is newer than the wallet's, and returns the height of the ledger in it. Call it on a
    /// schedule, and after [`Wallet::accept`]; never because something is to be presented.
    ///
    /// # Errors
    /// `Retry`: `ServiceUnreachable`, `ServiceFailed`, `EpochChanging`; `Refused`, `Update`, `Unlock`
    pub fn update(&self, sources: &Sources, fetch: Arc<dyn Fetch>) -> Result<u64, ApiError> {
        self.courier(fetch.as_ref())?.update(sources)
    }

    /// Installs a trust bundle and returns its height. The first one fixes the anchor.
    ///
    /// # Errors
    /// `Refused`, `Retry`, `Unlock`
    pub fn install_trust(&self, bundle: Vec<u8>, anchor: Vec<u8>) -> Result<u64, ApiError> {
        let anchor = TrustAnchor::decode(&anchor).map_err(|_| ApiError::argument("anchor"))?;
        Ok(self.core()?.install_trust(&bundle, &anchor, self.clock.now())?)
    }

    /// What to fetch. Ask on a schedule, never because something is to be presented. Status tokens come in
    /// 2^`slice_bits` public slices; the fewer, the more people share one.
    ///
    /// # Errors
    /// `Unlock`
    pub fn needs(&self, slice_bits: u8) -> Result<Needs, ApiError> {
        Ok(Needs::new(self.core()?.needs(self.clock.now())?, slice_bits))
    }

    /// Installs public signatures on the day numbers from `first` on, under the 96 bytes of `key`.
    ///
    /// # Errors
    /// `Retry`: `MalformedDaySet`, `DaySetInvalid`; `Refused`: `IssuerNotTrusted`; `Unlock`
    pub fn install_day_set(&self, key: Vec<u8>, first: u16, signatures: Vec<u8>) -> Result<(), ApiError> {
        Ok(self.core()?.install_day_set(&exactly("key", &key)?, first, &signatures, self.clock.now())?)
    }

    /// Takes the owner's tokens from the public slice that was asked for.
    ///
    /// # Errors
    /// `Retry`: `MalformedStatusTokens`, `StatusTokenInvalid`, `SliceTooSmall`, `StatusRollback`; `Update`: `EpochNotAnnounced`;
    /// `Unlock`
    pub fn install_status_tokens(
        &self,
        issuer_key: Vec<u8>,
        slice_bits: u8,
        slice_index: u64,
        tokens: Vec<u8>,
    ) -> Result<(), ApiError> {
        let slice = StatusSlice { bits: slice_bits, index: slice_index };
        let issuer_key = exactly("issuer_key", &issuer_key)?;
        Ok(self.core()?.install_status_tokens(&issuer_key, slice, &tokens, self.clock.now())?)
    }

    /// Reads an offer for the owner to look at, before any code is asked for.
    ///
    /// # Errors
    /// `Refused`, `Update`: `TrustMissing`; `Unlock`
    pub fn read_offer(&self, offer: Vec<u8>) -> Result<OfferSheet, ApiError> {
        Ok(self.core()?.read_offer(&offer, self.clock.now())?.into())
    }

    /// Makes the request for one credential of an offer; the same one again while it is under way. `nonce` are
    /// the issuer's 16 bytes.
    ///
    /// # Errors
    /// `Refused`, `Retry`: `NonceExpired`; `Unlock`
    pub fn begin_issuance(
        &self,
        offer: Vec<u8>,
        credential_type: &str,
        nonce: Vec<u8>,
        nonce_expires_at: u64,
        tx_code: Option<String>,
    ) -> Result<PendingIssuance, ApiError> {
        let nonce = IssuanceNonce { nonce: exactly("nonce", &nonce)?, expires_at: nonce_expires_at };
        let tx_code = tx_code.map(Zeroizing::new);
        let tx_code = tx_code.as_ref().map(|code| code.as_str());
        let (now, mut rng) = (self.clock.now(), os_randomness()?);
        Ok(self.core()?.begin_issuance(&offer, credential_type, &nonce, tx_code, now, &mut rng)?.into())
    }

    /// Requests that have not been answered: what to send again after a crash.
    ///
    /// # Errors
    /// `Unlock`
    pub fn pending_issuances(&self) -> Result<Vec<PendingIssuance>, ApiError> {
        let pending = self.core()?.pending_issuances(self.clock.now())?;
        Ok(pending.into_iter().map(PendingIssuance::from).collect())
    }

    /// Gives up a request, e.g. because the issuer refused it.
    ///
    /// # Errors
    /// `Retry`: `NoSuchIssuance`; `Unlock`
    pub fn abandon_issuance(&self, id: &str) -> Result<(), ApiError> {
        Ok(self.core()?.abandon_issuance(&credential(id)?, self.clock.now())?)
    }

    /// Checks the issuer's answer and stores the credential.
    ///
    /// # Errors
    /// `Refused`, `Retry`, `Unlock`
    pub fn finish_issuance(&self, id: &str, response: Vec<u8>) -> Result<(), ApiError> {
        Ok(self.core()?.finish_issuance(&credential(id)?, &response, self.clock.now())?)
    }

    /// Whether the credential has the digest of a picture that is not kept yet: fetch it with the request that was answered.
    ///
    /// # Errors
    /// `Refused`, `Unlock`, `Update`
    pub fn lacks_portrait(&self, id: &str) -> Result<bool, ApiError> {
        Ok(self.core()?.lacks_portrait(&credential(id)?, self.clock.now())?)
    }

    /// Keeps the holder's picture, to be passed on where it is asked for.
    ///
    /// # Errors
    /// `Refused`: `DigestMismatch`, `ImageRejected`; `Unlock`, `Update`
    pub fn keep_portrait(&self, id: &str, image: Vec<u8>) -> Result<(), ApiError> {
        Ok(self.core()?.keep_portrait(&credential(id)?, &image, self.clock.now())?)
    }

    /// What the owner holds, in the order of receipt.
    ///
    /// # Errors
    /// `Unlock`, `Update`: `TrustMissing`
    pub fn credentials(&self) -> Result<Vec<Card>, ApiError> {
        Ok(self.core()?.credentials(self.clock.now())?.into_iter().map(Card::from).collect())
    }

    /// Deletes a credential and its key. The issuer does not learn of it.
    ///
    /// # Errors
    /// `Refused`: `NoSuchCredential`; `Unlock`
    pub fn delete(&self, id: &str) -> Result<(), ApiError> {
        Ok(self.core()?.delete_credential(&credential(id)?, self.clock.now())?)
    }

    /// Reads a request for the owner to decide on.
    ///
    /// # Errors
    /// `Refused`, `Update`, `Unlock`
    pub fn read_request(&self, request: Vec<u8>) -> Result<Arc<ConsentRequest>, ApiError> {
        Ok(Arc::new(ConsentRequest(self.core()?.read_request(&request, self.clock.now())?)))
    }

    /// Does what the owner decided, and returns the presentation. A request that goes beyond the verifier's
    /// registration is refused.
    ///
    /// # Errors
    /// `Refused`: `Declined` when the owner said no; `Renew`, `Update`, `Unlock`
    pub fn answer(&self, consent: &ConsentRequest, approve: bool) -> Result<Vec<u8>, ApiError> {
        let decision = if approve { Decision::Approve } else { Decision::Decline };
        let (now, mut rng) = (self.clock.now(), os_randomness()?);
        Ok(self.core()?.answer(&consent.0, decision, now, &mut rng)?)
    }

    /// Makes a ready-made answer to show unasked. Call again before it runs out.
    ///
    /// # Errors
    /// `Refused`: `NoSuchCredential`, `NoSuchProfile`; `Renew`, `Update`, `Unlock`
    pub fn show(&self, id: &str, profile: &str) -> Result<ShownCode, ApiError> {
        let (now, mut rng) = (self.clock.now(), os_randomness()?);
        let presentation = self.core()?.show_profile(&credential(id)?, profile, now, &mut rng)?;
        let window = verifier::Policy::default().display_window;
        ShownCode::draw(Kind::Presentation, presentation, now.saturating_add(window))
    }

    /// Prepares one more ready-made answer, so that [`Wallet::show`] draws it at once. Call it while nothing else is to be
    /// done, until it answers false. It does not keep the wallet from locking itself.
    ///
    /// # Errors
    /// `Unlock`, `Update`
    pub fn prepare_next(&self) -> Result<bool, ApiError> {
        let (now, mut rng) = (self.clock.now(), os_randomness()?);
        Ok(self.core()?.prepare_next(now, &mut rng)?)
    }

    /// The owner's log, oldest first.
    ///
    /// # Errors
    /// `Refused`: `LogTampered`; `Unlock`
    pub fn history(&self) -> Result<Vec<Activity>, ApiError> {
        Ok(self.core()?.history(self.clock.now())?.into_iter().map(Activity::from).collect())
    }
}

impl Wallet {
    fn core(&self) -> Result<&wallet_core::Wallet, ApiError> {
        area::outside()?;
        Ok(&self.wallet)
    }

    fn courier<'a>(&'a self, fetch: &'a dyn Fetch) -> Result<Courier<'a>, ApiError> {
        let (wallet, directory, clock) = (self.core()?, self.directory.as_path(), self.clock.as_ref());
        Ok(Courier { wallet, directory, clock, fetch })
    }
}

fn credential(id: &str) -> Result<CredentialId, ApiError> {
    Ok(id.parse()?)
}
