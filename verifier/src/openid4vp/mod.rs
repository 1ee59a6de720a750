//! Credentials in the formats of others, presented over OpenID4VP (`specs/openid4vp.md`).
//!
//! [`ask()`] builds a request that stays within the registration. [`check()`] takes the answer through the ordered checks; what
//! comes out can be used [once](Checked::once), and only then are there claims to read. A [`Receipt`] is what can be kept without them.

mod ask;
mod check;
mod receipt;
mod refusal;
mod verdict;

pub use ask::{Draft, ask};
pub use check::{Checked, check};
pub use receipt::{Kept, RECEIPT_MAX, Receipt, Rechecked, RecheckedCredential};
pub use refusal::AnswerRefusal;
pub use verdict::{Answered, Presented, PresentedClaim, StatusGrade, Transaction};
