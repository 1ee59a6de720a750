//! Wallet and verifier for web pages: the crates `protocol`, `verifier` and `wallet-core` as they are, compiled to wasm.
//!
//! Nothing is decided here. A page brings bytes and the time, and gets JSON: `{"accepted": true, "verdict": {…}}` or
//! `{"refused": "<Name>", "message": "…"}`, the same as the HTTP service answers. No call needs a network.
//!
//! ```js
//! import init, { Scanner, check_ledger_proof } from "./mid_web.js";
//! await init();
//! const scanner = new Scanner(anchor);                       // Uint8Array
//! const height = scanner.update_bundle(bundle);              // Uint8Array; throws "<Name>: message"
//! const answer = JSON.parse(scanner.check(scanned, "kr.mid.zk-identity.1", "age-19", Date.now() / 1000));
//! const proven = JSON.parse(check_ledger_proof(anchor, proof, 0));
//! ```
//!
//! - [`Scanner`]: check what holders show, against trust data that the page fetched; ask for more by requests that the
//!   page signs ([`Draft`])
//! - [`CodeReader`], [`draw_code`]: codes in a camera's frames, and codes for a screen
//! - [`Wallet`]: a citizen's wallet in sealed rows that the page keeps ([`WalletStore`])
//! - [`check_ledger_proof`]: check one record of the ledger, against the trust anchor alone
#![allow(unsafe_code, reason = "the functions that wasm-bindgen generates are exported under fixed names")]

mod asking;
mod proof;
mod reader;
mod scanner;
mod wallet;

pub use asking::Draft;
pub use proof::{check_ledger_proof, proven_record};
pub use reader::{CodeReader, code_texts, draw_code, draw_text};
pub use scanner::Scanner;
pub use wallet::{Consent, Errand, RowChange, ToFetch, Wallet, WalletStore};

use serde_json::{Value, json};

/// Why the page's own data is of no use. What a holder shows is answered with a refusal instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The bytes are not a trust anchor.
    #[error("these bytes are not a trust anchor; use the anchor that the ledger's operators publish")]
    MalformedAnchor,
    /// There is no trust data yet.
    #[error("cannot tell: there is no trust data; call update_bundle first")]
    TrustUnavailable,
    /// The trust data does not know the type asked for.
    #[error("the trust data does not know this credential type")]
    UnknownType,
    /// The type has no such ready-made question.
    #[error("this credential type has no such ready-made question")]
    NoSuchProfile,
    /// The time is not a number of seconds since 1970.
    #[error("the time has to be in Unix seconds, e.g. Date.now() / 1000")]
    MalformedTime,
    /// The height is not a whole number from 0.
    #[error("the height has to be one that update_bundle returned")]
    MalformedHeight,
    /// The text is not a `did:mid`.
    #[error("this is not the DID of a verifier")]
    MalformedDid,
    /// Not 32 bytes.
    #[error("32 random bytes are needed, e.g. of crypto.getRandomValues")]
    MalformedRandom,
    /// Not 64 bytes.
    #[error("an Ed25519 signature has 64 bytes")]
    MalformedSignature,
    /// Not what [`Scanner::accepted`] gave.
    #[error("this is not a memory of accepted codes; nothing can be told to be new")]
    MalformedMemory,
    /// No kind of code has this name.
    #[error("a code carries a presentation, a request, an offer or a trust-anchor")]
    UnknownKind,
}

/// The answer to whatever was not accepted: its stable name and what to do next.
fn refused<E: core::fmt::Debug + core::fmt::Display>(error: &E) -> Value {
    json!({ "refused": protocol::error_name(error), "message": error.to_string() })
}

/// What a call throws.
fn named<E: core::fmt::Debug + core::fmt::Display>(error: &E) -> String {
    format!("{}: {error}", protocol::error_name(error))
}

/// Unix seconds of a number of the page.
fn seconds(now: f64) -> Result<u64, PageError> {
    // Up to the year 9999; beyond 2^53 a page's numbers are not exact.
    if (0.0..253_402_300_800.0).contains(&now) { Ok(now as u64) } else { Err(PageError::MalformedTime) }
}
