//! Ask, check, decide: everything a verifier needs, with no network, no clock and no database inside.
//!
//! A [`Verifier`] checks a presentation against what was asked, with nothing but a trusted state (from a
//! trust bundle) and the time. The answer is a [`Verdict`], which says what was shown and how sure that
//! is, or a [`Refusal`] with one name for each reason. Claims are readable only on a verdict.
//!
//! ```no_run
//! # fn scan() -> Vec<u8> { Vec::new() }
//! # fn example(trust: &protocol::ledger::state::TrustedState, query: protocol::exchange::Query, now: u64) {
//! use verifier::{Asked, Policy, SeenInMemory, Verifier};
//!
//! let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
//! match verifier.check(&Asked::Displayed(&query), &scan(), trust, now) {
//!     Ok(verdict) => println!("{} claims, trust data {} s old", verdict.claims().len(), verdict.trust().age),
//!     Err(refusal) => println!("{}: {refusal}", refusal.name()),
//! }
//! # }
//! ```
//!
//! - [`ask`]: build requests that stay within the verifier's registration
//! - [`Policy`]: how old trust data and presentations may be
//! - [`Verifier`]: the ordered checks
//! - [`Verdict`], [`Refusal`]: what comes out
//! - [`openid4vp`]: the same for credentials in the formats of others

pub mod ask;
mod check;
mod epochs;
pub mod openid4vp;
mod policy;
mod refusal;
mod replay;
mod verdict;

pub use check::{Asked, Scan, Verifier};
pub use epochs::KnownEpoch;
pub use policy::Policy;
pub use refusal::Refusal;
pub use replay::{Seen, SeenInMemory};
pub use verdict::{Claim, IssuerKnown, ReplayProtection, TrustGrade, Verdict};
