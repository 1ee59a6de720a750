//! What wallets of others took up and a clerk has to look at before it is issued (VCI-70), at the console (CONS-15).

use super::{Clerk, ConsoleError, Role};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::openid4vci::Review;

impl Issuer {
    /// What waits, whoever asked first first.
    pub(crate) fn console_reviews(&self, clerk: &Clerk, now: u64) -> Result<Vec<Review>, ConsoleError> {
        clerk.must_be(&[Role::Clerk, Role::Approver])?;
        Ok(self.reviews(now)?)
    }

    /// One of them.
    pub(crate) fn console_review(&self, clerk: &Clerk, id: &str, now: u64) -> Result<Review, ConsoleError> {
        let mut waiting = self.console_reviews(clerk, now)?.into_iter();
        waiting.find(|it| it.id == id).ok_or(IssuerError::ReviewUnknown.into())
    }

    /// Approves or refuses it, for good.
    pub(crate) fn console_decide_review(
        &self,
        clerk: &Clerk,
        id: &str,
        approve: bool,
        now: u64,
    ) -> Result<(), ConsoleError> {
        clerk.must_be(&[Role::Approver])?;
        Ok(self.review_by(&clerk.id, id, approve, now)?)
    }
}
