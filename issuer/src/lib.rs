//! Sign credentials for citizens and withdraw them.
//!
//! An [`Issuer`] lives in a directory. A clerk proofs a person and makes an [offer](Issuer::offer); the
//! person's wallet fetches a [nonce](Issuer::nonce) and [asks](Issuer::issue) for the credential; the
//! issuer may [withdraw](Issuer::revoke) it later. What verifiers must know goes to the [`ledger`].
//!
//! ```no_run
//! # use std::{path::Path, sync::Arc};
//! # use issuer::{Issuer, OfferTerms, register::{FileRegister, PersonId}};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! # let now = 1_795_186_799;
//! let issuer = Issuer::open(Path::new("police"), Arc::new(FileRegister::sample()?))?;
//! let terms = OfferTerms {
//!     credential_types: vec!["kr.go.police.driver-licence.1".into()],
//!     with_tx_code: true,
//!     replaces: false,
//!     review: false,
//!     life: 600,
//! };
//! let made = issuer.offer(&PersonId::new("person-0001"), &terms, now, &mut rng)?;
//! println!("{}", hex::encode(made.offer.encode()));
//! # Ok(())
//! # }
//! ```
//!
//! No clock and no randomness of its own: both are arguments, except in [`server`].

mod claims;
pub mod console;
mod day_set;
mod error;
mod event;
mod issue;
mod issuer;
pub mod keys;
pub mod ledger;
mod offer;
pub mod openid4vci;
pub mod portrait;
mod public_sets;
pub mod register;
pub mod server;
mod store;
mod suspend;
mod twins;
mod withdraw;

pub use day_set::{DAYS, SLICE_DAYS};
pub use error::IssuerError;
pub use event::RegisterEvent;
pub use issuer::{Description, Issuer};
pub use offer::{MadeOffer, OFFER_LIFE_MAX, OfferTerms};
pub use store::{AuditEvent, AuditSummary, DATABASE_ADDRESS, DATABASE_AUTHORITY, IssuedCredential};
pub use suspend::Suspension;
pub use twins::{Enrolment, StatusForm, TwinError, TwinFormat};
pub use withdraw::{CurrentEpoch, RevocationReason, Withdrawal};
