//! Hold credentials and answer requests with the owner's consent.
//!
//! The wallet performs no HTTP: the app fetches and sends, the wallet decides. Messages go in, messages
//! come out, and time and randomness are arguments. Presenting triggers no fetching of any kind; what
//! proofs need is installed beforehand, on a schedule that has nothing to do with use ([`Wallet::needs`]).
//!
//! ```
//! # use std::sync::Arc;
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! use wallet_core::{KdfParameters, PersonalNumbers, SetUp, SoftwareSecureArea, Wallet, WalletError};
//!
//! # let mut rng = ChaCha20Rng::from_seed([1; 32]);
//! # let place = tempfile::tempdir()?;
//! # let now = 1_795_000_000;
//! let area = Arc::new(SoftwareSecureArea::open_or_create(&place.path().join("phone"), &mut rng)?);
//! let set_up = SetUp {
//!     pin: "839174",
//!     personal: PersonalNumbers::default(),
//!     kdf: KdfParameters::FLOOR,
//!     idle_seconds: 300,
//! };
//! let wallet = Wallet::create(&place.path().join("wallet"), area, &set_up, now, &mut rng)?;
//! wallet.lock();
//! assert_eq!(wallet.unlock("502618", now), Err(WalletError::PinIncorrect { remaining: 9 }));
//! wallet.unlock("839174", now)?;
//! assert!(wallet.credentials(now)?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod app_link;
#[cfg(not(target_family = "wasm"))]
mod chip_card;
mod contents;
mod credentials;
#[cfg(not(target_family = "wasm"))]
mod durable;
mod error;
mod foreign;
mod inbox;
mod issuance;
mod labels;
pub mod openid4vci;
pub mod openid4vp;
mod pin;
mod presenting;
mod ready;
mod schedule;
mod sealing;
mod secure_area;
mod storage;
mod trust;
mod wallet;

pub use activity::{Activity, Asked, Event};
pub use app_link::{AppConsent, AppOutgoing};
#[cfg(not(target_family = "wasm"))]
pub use chip_card::{CardChallenge, CardError, ChipCard, SoftwareCard};
pub use contents::CredentialId;
pub use credentials::{CredentialState, HeldCredential};
pub use error::WalletError;
pub use inbox::{Inbox, InboxAddresses, InboxError, Pushed};
pub use issuance::{OfferSheet, PendingIssuance};
pub use pin::PersonalNumbers;
pub use presenting::{Consent, ConsentItem, Decision, Disclosure, Statement};
pub use schedule::next_update;
#[cfg(not(target_family = "wasm"))]
pub use secure_area::{Folder, SoftwareSecureArea};
pub use secure_area::{SealedArea, SecureArea, SecureAreaError, SecureRecord, Shelf};
pub use storage::{Change, DatabaseKey, KdfParameters, Records, Rows, Table, Vault, Visit};
pub use trust::{DaySetNeeded, Needs, StatusSlice, StatusTokensNeeded};
pub use wallet::{SetUp, Wallet};
