//! The wallet as an app holds it: set up, unlock, lock.

#[cfg(not(target_family = "wasm"))]
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::crypto::curve::Scalar;
use protocol::ledger::state::TrustedState;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::activity::{self, Event};
use crate::error::WalletError;
use crate::pin::{PersonalNumbers, Pin};
use crate::ready::Ready;
use crate::secure_area::SecureArea;
#[cfg(not(target_family = "wasm"))]
use crate::storage::Directory;
use crate::storage::{DatabaseKey, Guard, GuardRecord, Header, KdfParameters, Store, TRIES, Vault, WrappedKey};
use crate::{contents, trust};

const IDLE_SECONDS: &str = "idle_seconds";

/// What a new wallet needs to know.
pub struct SetUp<'a> {
    /// 6–12 digits.
    pub pin: &'a str,
    /// Numbers that others know, which are no PIN.
    pub personal: PersonalNumbers<'a>,
    /// How much work one guess of the PIN costs.
    pub kdf: KdfParameters,
    /// Seconds without a call after which the wallet locks itself.
    pub idle_seconds: u64,
}

/// A wallet in a vault, by default a directory, bound to one secure area.
///
/// All calls take `&self` and may come from any thread; they are answered one after the other. Times
/// are Unix seconds. Whatever fails, nothing leaves the phone.
pub struct Wallet {
    /// Held as long as this handle exists.
    vault: Box<dyn Vault>,
    guard: GuardRecord,
    open: Mutex<Option<Open>>,
}

/// What is in memory only while the wallet is unlocked.
pub(crate) struct Open {
    pub(crate) store: Store,
    pub(crate) trust: Option<TrustedState>,
    pub(crate) area: Arc<dyn SecureArea>,
    pub(crate) ready: Ready,
    idle_seconds: u64,
    last_used: u64,
}

impl core::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Wallet([redacted])")
    }
}

impl Wallet {
    /// Sets up a wallet in `directory` and leaves it unlocked.
    ///
    /// # Errors
    /// [`WalletError::PinFormat`], [`WalletError::PinTooWeak`], [`WalletError::WalletExists`],
    /// [`WalletError::AlreadyOpen`] and what storage or secure area report.
    #[cfg(not(target_family = "wasm"))]
    pub fn create(
        directory: &Path,
        area: Arc<dyn SecureArea>,
        set_up: &SetUp<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, WalletError> {
        Pin::choose(set_up.pin, &set_up.personal)?;
        Self::create_in(Box::new(Directory::make(directory)?), area, set_up, now, rng)
    }

    /// Sets up a wallet that is kept by other means than a directory, and leaves it unlocked.
    ///
    /// # Errors
    /// [`WalletError::PinFormat`], [`WalletError::PinTooWeak`], [`WalletError::WalletExists`], and what storage or secure
    /// area report.
    pub fn create_in(
        vault: Box<dyn Vault>,
        area: Arc<dyn SecureArea>,
        set_up: &SetUp<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, WalletError> {
        let pin = Pin::choose(set_up.pin, &set_up.personal)?;
        if Header::read(vault.as_ref())?.is_some() {
            return Err(WalletError::WalletExists);
        }
        // What a crash of an earlier set-up left behind was never a wallet: the header comes last.
        let mut wallet_id = [0; 16];
        rng.fill_bytes(&mut wallet_id);
        let header = Header::new(wallet_id, area.device_id()?);
        let key = DatabaseKey::generate(rng);
        let wrapped = WrappedKey::wrap(&key, &pin, set_up.kdf, &header.encode(), area.as_ref(), rng)?;
        let link_secret = Zeroizing::new(Scalar::random(rng).to_be_bytes());
        let mark = Store::create(vault.create(&key)?, |transaction| {
            transaction.set(contents::LINK_SECRET, link_secret.as_ref());
            transaction.set(IDLE_SECONDS, &set_up.idle_seconds.to_be_bytes());
        })?;
        let guard = GuardRecord { area, header };
        guard.create(&Guard { key: wrapped, tries: 0, current: mark, next: None })?;
        vault.set_header(&header.encode())?;
        let wallet = Self { vault, guard, open: Mutex::new(None) };
        wallet.unlock_with(&key, now)?;
        Ok(wallet)
    }

    /// Opens the wallet in `directory`, locked: the first half of WFILE-08.
    ///
    /// # Errors
    /// [`WalletError::NoWallet`], [`WalletError::AlreadyOpen`], [`WalletError::DeviceMismatch`],
    /// [`WalletError::StorageTampered`], [`WalletError::StorageVersionUnsupported`],
    /// [`WalletError::KdfBelowFloor`], [`WalletError::KdfAboveCap`]
    #[cfg(not(target_family = "wasm"))]
    pub fn open(directory: &Path, area: Arc<dyn SecureArea>) -> Result<Self, WalletError> {
        let directory = Directory::existing(directory)?;
        let header = directory.header()?.ok_or(WalletError::StorageTampered)?;
        Self::with_header(Box::new(directory), &header, area)
    }

    /// Opens a wallet that is kept by other means than a directory, locked.
    ///
    /// # Errors
    /// As [`Wallet::open`].
    pub fn open_in(vault: Box<dyn Vault>, area: Arc<dyn SecureArea>) -> Result<Self, WalletError> {
        let header = vault.header()?.ok_or(WalletError::NoWallet)?;
        Self::with_header(vault, &header, area)
    }

    fn with_header(vault: Box<dyn Vault>, header: &[u8], area: Arc<dyn SecureArea>) -> Result<Self, WalletError> {
        let header = Header::decode(header).ok_or(WalletError::StorageTampered)?;
        let guard = GuardRecord { area, header };
        guard.read()?;
        Ok(Self { vault, guard, open: Mutex::new(None) })
    }

    /// Unlocks the wallet. The try is counted before it is evaluated, and forgotten only by a right PIN.
    ///
    /// # Errors
    /// [`WalletError::PinFormat`] (not counted), [`WalletError::PinIncorrect`],
    /// [`WalletError::PinBlocked`], [`WalletError::StorageTampered`], [`WalletError::RollbackDetected`],
    /// [`WalletError::StorageVersionUnsupported`]
    pub fn unlock(&self, pin: &str, now: u64) -> Result<(), WalletError> {
        let key = self.key_of(&Pin::read(pin)?)?;
        self.unlock_with(&key, now)
    }

    /// Locks the wallet: keys and content are erased from memory.
    pub fn lock(&self) {
        *self.state() = None;
    }

    /// Replaces the PIN. A wrong old one counts as a try.
    ///
    /// # Errors
    /// As [`Wallet::unlock`], [`WalletError::PinTooWeak`], [`WalletError::Locked`]
    pub fn change_pin(
        &self,
        old: &str,
        new: &str,
        personal: &PersonalNumbers<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), WalletError> {
        let new = Pin::choose(new, personal)?;
        self.with_open(now, |open| {
            let key = self.key_of(&Pin::read(old)?)?;
            let kdf = self.guard.read()?.key.parameters()?;
            let area = self.guard.area.as_ref();
            let wrapped = WrappedKey::wrap(&key, &new, kdf, &self.guard.header.encode(), area, rng)?;
            self.guard.update(|guard| {
                guard.key = wrapped.clone();
                Ok(())
            })?;
            open.store.change(|transaction| activity::append(transaction, now, &Event::PinChanged))
        })
    }

    /// Deletes the wallet: keys first, then files.
    ///
    /// # Errors
    /// [`WalletError::KeystoreFault`], [`WalletError::StorageUnavailable`]
    pub fn erase(self) -> Result<(), WalletError> {
        if let Some(open) = self.state().take() {
            for alias in contents::key_aliases(open.store.read())? {
                self.guard.area.delete_key(&alias)?;
            }
        }
        self.guard.delete()?;
        self.vault.delete()
    }

    /// The database key, if `pin` is right.
    fn key_of(&self, pin: &Pin) -> Result<DatabaseKey, WalletError> {
        let tries = self.guard.update(|guard| {
            // WFILE-05
            if guard.tries >= TRIES {
                return Err(WalletError::PinBlocked);
            }
            guard.tries += 1;
            Ok(guard.tries)
        })?;
        let wrapped = self.guard.read()?.key;
        match wrapped.open(pin, &self.guard.header.encode(), self.guard.area.as_ref())? {
            Some(key) => {
                self.guard.update(|guard| {
                    guard.tries = 0;
                    Ok(())
                })?;
                Ok(key)
            }
            None if tries >= TRIES => Err(WalletError::PinBlocked),
            None => Err(WalletError::PinIncorrect { remaining: TRIES - tries }),
        }
    }

    fn unlock_with(&self, key: &DatabaseKey, now: u64) -> Result<(), WalletError> {
        let mut state = self.state();
        *state = None;
        // WFILE-08, the second half: pages, schema, state.
        let store = Store::open(self.vault.open(key)?, self.guard.clone())?;
        let idle = store.read().setting(IDLE_SECONDS)?.ok_or(WalletError::StorageTampered)?;
        let idle_seconds = u64::from_be_bytes(idle.as_slice().try_into().map_err(|_| WalletError::StorageTampered)?);
        let trust = trust::load(store.read())?;
        let area = Arc::clone(&self.guard.area);
        *state = Some(Open { store, trust, area, ready: Ready::default(), idle_seconds, last_used: now });
        Ok(())
    }

    /// Runs `work` on the unlocked wallet.
    ///
    /// Locks it first when it was idle for too long, and afterwards when a failure left its file in an
    /// uncertain state.
    pub(crate) fn with_open<T>(
        &self,
        now: u64,
        work: impl FnOnce(&mut Open) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        self.with_open_unused(now, |open| {
            open.last_used = now;
            work(open)
        })
    }

    /// As [`Self::with_open`] for what the owner did not ask for: it does not keep the wallet from locking itself.
    pub(crate) fn with_open_unused<T>(
        &self,
        now: u64,
        work: impl FnOnce(&mut Open) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        let mut state = self.state();
        // WFILE-09; a clock that jumps, in either direction, locks too.
        if state.as_ref().is_some_and(|open| now.abs_diff(open.last_used) >= open.idle_seconds) {
            *state = None;
        }
        let open = state.as_mut().ok_or(WalletError::Locked)?;
        let result = work(open);
        if open.store.uncertain() {
            *state = None;
        }
        result
    }

    /// A panic in the middle of a call leaves the wallet locked.
    fn state(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut state = poisoned.into_inner();
            *state = None;
            self.open.clear_poison();
            state
        })
    }
}

impl Open {
    /// What the ledger says, as of the last bundle.
    pub(crate) fn trust(&self) -> Result<&TrustedState, WalletError> {
        self.trust.as_ref().ok_or(WalletError::TrustMissing)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
