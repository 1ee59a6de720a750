//! Credentials in the formats of others, presented over OpenID4VP (`specs/openid4vp.md`).
//!
//! [`ask()`] builds a request that stays within the registration. [`check()`] takes the answer through the ordered checks; what
//! comes out can be used [once](Checked::once), and only then are there claims to read. A [`Receipt`] is what can be kept without them.

mod ask;
mod check;
mod receipt;
mod refusal;
mod session;
mod verdict;

pub use ask::{Draft, ask};
pub use check::{Checked, check, check_device};
pub use receipt::{Kept, KeptDocument, KeptSdJwt, RECEIPT_MAX, Receipt, Rechecked, RecheckedCredential, TimeSaid};
pub use refusal::AnswerRefusal;
pub use session::Session;
pub use verdict::{Answered, Presented, PresentedClaim, StatusGrade, Transaction};
