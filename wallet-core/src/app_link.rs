//! Requests that another app hands over, or that a code on a screen leads to: the owner reads who asks, and which app gets the
//! answer (`specs/app-link.md`).

use protocol::credential::Label;
use protocol::exchange::app_link::{AppLinkError, AuthenticAppRequest, Reply, SignedAppRequest};
use protocol::identifier::Did;
use rand_core::CryptoRng;

use crate::error::WalletError;
use crate::presenting::{Consent, Decision};
use crate::wallet::Wallet;

/// What the owner is asked. Only a wallet can make one, from an authentic request.
#[derive(Debug)]
pub struct AppConsent {
    /// Who asks what and why; none where the wallet does not hold what is asked.
    pub consent: Option<Consent>,
    /// Where the answer goes.
    pub reply: Reply,
    link: SignedAppRequest,
    caller: Option<String>,
}

/// What the app does with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppOutgoing {
    /// It opens this link.
    Open(String),
    /// It posts these bytes.
    Post {
        /// Where.
        address: String,
        /// A sealed answer.
        body: Vec<u8>,
    },
}

impl Wallet {
    /// Reads a link for the owner to look at. `caller` is what the phone's system says of the app that opened this one with it;
    /// none for a code that was scanned. Nothing is fetched for it.
    ///
    /// # Errors
    /// [`WalletError::AppLink`], [`WalletError::TrustMissing`], [`WalletError::Locked`]
    pub fn read_app_link(&self, link: &str, caller: Option<&str>, now: u64) -> Result<AppConsent, WalletError> {
        let link = SignedAppRequest::read(link)?;
        let authentic = self.authentic(&link, caller, now)?;
        let consent = match self.read_request(&authentic.signed.encode(), now) {
            Ok(consent) => Some(consent),
            Err(WalletError::NotHeld) => None,
            Err(other) => return Err(other),
        };
        Ok(AppConsent { consent, reply: authentic.reply, link, caller: caller.map(str::to_owned) })
    }

    /// Does what the owner decided, and returns what the app opens or posts. The log is written before that. An owner who says no
    /// and a wallet that does not hold what was asked send the same: that there is no answer (ALNK-05).
    ///
    /// # Errors
    /// As [`Wallet::answer`], with [`OverAsk`](protocol::exchange::RequestError::OverAsk) for a request that was blocked; [`WalletError::AppLink`] when the link
    /// is over.
    pub fn answer_app_link(
        &self,
        asked: &AppConsent,
        decision: Decision,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<AppOutgoing, WalletError> {
        let authentic = self.authentic(&asked.link, asked.caller.as_deref(), now)?;
        let presentation = match &asked.consent {
            None => None,
            Some(consent) => match self.answer(consent, decision, now, rng) {
                Ok(presentation) => Some(presentation),
                Err(WalletError::Declined) => None,
                Err(other) => return Err(other),
            },
        };
        let sealed = authentic.seal(presentation.as_deref(), rng)?;
        Ok(match authentic.back(&sealed) {
            Some(link) => AppOutgoing::Open(link),
            None => AppOutgoing::Post { address: authentic.reply.address().to_owned(), body: sealed },
        })
    }

    /// Who asks, whether or not this wallet holds what is asked: its identifier and registered name.
    pub(crate) fn asking(&self, asked: &AppConsent, now: u64) -> Result<(Did, Label), WalletError> {
        let authentic = self.authentic(&asked.link, asked.caller.as_deref(), now)?;
        Ok((authentic.request.request.verifier, authentic.request.name))
    }

    fn authentic(
        &self,
        link: &SignedAppRequest,
        caller: Option<&str>,
        now: u64,
    ) -> Result<AuthenticAppRequest, WalletError> {
        self.with_open(now, |open| Ok(link.authenticate(caller, open.trust()?, now)?))
    }
}

/// A request inside is refused under its own name.
impl From<AppLinkError> for WalletError {
    fn from(error: AppLinkError) -> Self {
        match error {
            AppLinkError::Request(inner) => Self::Request(inner),
            other => Self::AppLink(other),
        }
    }
}
