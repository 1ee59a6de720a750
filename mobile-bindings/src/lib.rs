//! Wallet and verifier for apps in Kotlin, Swift and Python.
//!
//! Nothing is decided here: each call translates its arguments, asks [`wallet_core`] or [`verifier`], and
//! translates the answer. The app brings the clock, the network and the phone's key store; randomness is the
//! operating system's. No call returns a key or a PIN.
#![allow(unsafe_code, reason = "the functions that UniFFI generates are exported under fixed names")]

mod area;
mod courier;
mod error;
mod records;
mod scanner;
mod wallet;

pub use area::{Area, AreaError, AreaRecord, SecureArea};
pub use courier::{Fetch, FetchError, Fetched, Sources};
pub use error::ApiError;
pub use records::{
    Activity, Attribute, Card, CardState, Claim, ConsentItem, ConsentSheet, DaySetNeeded, Disclosure, EventKind, Label,
    Needs, OfferSheet, OfferedType, PendingIssuance, Profile, Recognition, ShownCode, Statement, StatusTokensNeeded,
    VerdictRecord, assemble_presentation,
};
pub use scanner::{Scanner, VerifierIdentity};
pub use wallet::{ConsentRequest, Personal, Wallet};

use getrandom::SysRng;
use protocol::exchange::qr;
use rand_core::{TryRng, UnwrapErr};

uniffi::setup_scaffolding!();

/// The app's clock. One that is wrong makes codes expire, never makes an expired one good elsewhere.
#[uniffi::export(with_foreign)]
pub trait Clock: Send + Sync {
    /// Unix seconds.
    fn now(&self) -> u64;
}

/// What a code carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum CodeKind {
    /// A presentation, shown by a holder.
    Presentation,
    /// A request, shown by a verifier.
    Request,
    /// An offer, shown by an issuer.
    Offer,
    /// A trust anchor, printed by the ledger's operators.
    TrustAnchor,
}

impl From<CodeKind> for qr::Kind {
    fn from(kind: CodeKind) -> Self {
        match kind {
            CodeKind::Presentation => Self::Presentation,
            CodeKind::Request => Self::Request,
            CodeKind::Offer => Self::Offer,
            CodeKind::TrustAnchor => Self::TrustAnchor,
        }
    }
}

/// The message in the text that a camera read.
///
/// # Errors
/// [`ApiError::Refused`]; [`ApiError::Update`] for a code of a newer version.
#[uniffi::export]
pub fn read_code(expected: CodeKind, text: &str) -> Result<Vec<u8>, ApiError> {
    Ok(qr::from_text(expected.into(), text)?)
}

/// Randomness of the operating system, tried once: a phone without any is refused before anything is done.
fn os_randomness() -> Result<UnwrapErr<SysRng>, ApiError> {
    let mut probe = [0; 16];
    SysRng.try_fill_bytes(&mut probe).map_err(|_| ApiError::Bug {
        reason: "NoRandomness".into(),
        advice: "the phone gives no randomness; nothing was done; restart the phone".into(),
    })?;
    Ok(UnwrapErr(SysRng))
}

/// Bytes that have to be exactly this many.
fn exactly<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], ApiError> {
    bytes.try_into().map_err(|_| ApiError::argument(name))
}
