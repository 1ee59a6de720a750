//! Credentials in the formats of others, presented over OpenID4VP (`specs/openid4vp.md`).
//!
//! [`ask()`] builds a request that stays within the registration. [`check()`] takes the answer through the ordered checks; what
//! comes out can be used [once](Checked::once), and only then are there claims to read.

mod ask;
mod check;
mod refusal;
mod verdict;

pub use ask::{Draft, ask};
pub use check::{Checked, check};
pub use refusal::AnswerRefusal;
pub use verdict::{Answered, Presented, PresentedClaim, StatusGrade, Transaction};
