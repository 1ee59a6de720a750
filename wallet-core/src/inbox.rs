//! Inboxes for log-ins (`specs/push-relay.md`): the wallet has one for each site that may call, opens what comes, and answers nothing
//! by itself. What is pushed is a request like any other, and only of the verifier that the inbox was opened for.

use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::credential::Label;
use protocol::crypto::jose::base64url;
use protocol::exchange::app_link::SignedAppRequest;
use protocol::identifier::Did;
use push_message::{InboxKey, Notice, PushError, Subscription, match_code, origin};
use rand_core::CryptoRng;
use serde_json::json;
use zeroize::{Zeroize, Zeroizing};

use crate::app_link::{AppConsent, AppOutgoing};
use crate::error::WalletError;
use crate::presenting::Decision;
use crate::storage::{Table, View};
use crate::wallet::Wallet;

/// Most inboxes of one wallet.
const MOST: usize = 64;
/// What the names of the settings that keep them begin with.
const SETTING: &str = "inbox/";
/// Largest of them, in bytes.
const STORED_MAX: usize = 4_096;

/// Why an inbox is not opened, or a push not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InboxError {
    /// There is no inbox for this verifier.
    #[error("this wallet has no inbox for this organisation; log in with a code, and open one then")]
    NoSuchInbox,
    /// As many inboxes as a wallet has.
    #[error("too many organisations may call already; close an inbox first")]
    TooManyInboxes,
    /// What was pushed is the request of somebody else than the inbox was opened for.
    #[error("another organisation asks than this inbox was opened for; the request was dropped")]
    RequestOfAnother,
    /// The number is not the one that belongs to the request.
    #[error("this is not the number of this request; somebody else may have begun it: nothing was sent")]
    MatchCodeWrong,
    /// The message.
    #[error(transparent)]
    Push(#[from] PushError),
}

impl From<PushError> for WalletError {
    fn from(error: PushError) -> Self {
        Self::Inbox(InboxError::Push(error))
    }
}

/// Where a relay opened an inbox.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxAddresses {
    /// Where the verifier pushes.
    pub push: String,
    /// Where this wallet's app looks. It is told to nobody.
    pub receive: String,
}

/// One organisation that may call.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbox {
    /// Who.
    pub verifier: Did,
    /// Its name when the inbox was opened.
    pub name: Label,
    /// Where the app looks.
    pub receive: String,
    /// Since when, Unix seconds.
    pub opened_at: u64,
}

impl core::fmt::Debug for InboxAddresses {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("InboxAddresses([redacted])")
    }
}

impl core::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Inbox({} [redacted])", self.verifier)
    }
}

/// A request that was pushed, for the owner to look at. Only a wallet can make one.
#[derive(Debug)]
pub struct Pushed {
    /// Who asks what and why.
    pub asked: AppConsent,
    /// The number that the page shows where the log-in began.
    code: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Stored {
    #[n(0)]
    verifier: Did,
    #[n(1)]
    name_ko: String,
    #[n(2)]
    name_en: String,
    #[n(3)]
    push: String,
    #[n(4)]
    receive: String,
    #[cbor(n(5), with = "minicbor::bytes")]
    key: [u8; 48],
    #[n(6)]
    opened_at: u64,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Stored {
    fn setting(verifier: &Did) -> String {
        format!("{SETTING}{verifier}")
    }

    fn find(view: &dyn View, verifier: &Did) -> Result<Option<Self>, WalletError> {
        view.setting(&Self::setting(verifier))?.map(|bytes| Self::read(&bytes)).transpose()
    }

    fn read(bytes: &[u8]) -> Result<Self, WalletError> {
        cbor::from_slice(bytes, STORED_MAX).map_err(|_| WalletError::StorageTampered)
    }

    fn all(view: &dyn View) -> Result<Vec<Self>, WalletError> {
        let mut all = Vec::new();
        view.scan(Table::Setting, &mut |name, value| {
            if name.starts_with(SETTING.as_bytes()) {
                all.push(Self::read(value)?);
            }
            Ok(())
        })?;
        Ok(all)
    }

    fn key(&self) -> Result<InboxKey, WalletError> {
        InboxKey::from_bytes(&self.key).ok_or(WalletError::StorageTampered)
    }

    fn subscription(&self) -> Result<Subscription, WalletError> {
        Ok(Subscription::new(&self.push, &self.key()?)?)
    }
}

impl Wallet {
    /// The inbox of the verifier that asks, as it is told to it; none where there is none (PUSH-21).
    ///
    /// # Errors
    /// As [`Wallet::read_app_link`].
    pub fn inbox_of(&self, asked: &AppConsent, now: u64) -> Result<Option<Subscription>, WalletError> {
        let verifier = self.asking(asked, now)?.0;
        self.with_open(now, |open| Stored::find(open.store.read(), &verifier)?.map(|it| it.subscription()).transpose())
    }

    /// Keeps the inbox that a relay opened for the verifier that asks, with a fresh key, in place of an earlier one. Returns what the
    /// verifier is told, together with the answer ([`AppOutgoing::with_inbox`]).
    ///
    /// # Errors
    /// [`InboxError::TooManyInboxes`]; [`PushError::AddressNotAllowed`] for a relay without `https`; as [`Wallet::read_app_link`].
    pub fn open_inbox(
        &self,
        asked: &AppConsent,
        at: &InboxAddresses,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Subscription, WalletError> {
        let (verifier, name) = self.asking(asked, now)?;
        origin(&at.receive).ok_or(PushError::AddressNotAllowed)?;
        let key = InboxKey::generate(rng);
        let subscription = Subscription::new(&at.push, &key)?;
        self.with_open(now, |open| {
            let others = Stored::all(open.store.read())?;
            if others.len() >= MOST && others.iter().all(|it| it.verifier != verifier) {
                return Err(InboxError::TooManyInboxes.into());
            }
            let stored = Stored {
                verifier: verifier.clone(),
                name_ko: name.ko,
                name_en: name.en,
                push: at.push.clone(),
                receive: at.receive.clone(),
                key: *key.to_bytes(),
                opened_at: now,
            };
            let encoded = Zeroizing::new(cbor::to_vec(&stored));
            open.store.change(|transaction| {
                transaction.set(&Stored::setting(&verifier), &encoded);
                Ok(())
            })
        })?;
        Ok(subscription)
    }

    /// Who may call.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::StorageTampered`]
    pub fn inboxes(&self, now: u64) -> Result<Vec<Inbox>, WalletError> {
        let all = self.with_open(now, |open| Stored::all(open.store.read()))?;
        let told = all.iter().map(|it| Inbox {
            verifier: it.verifier.clone(),
            name: Label { ko: it.name_ko.clone(), en: it.name_en.clone() },
            receive: it.receive.clone(),
            opened_at: it.opened_at,
        });
        Ok(told.collect())
    }

    /// Forgets an inbox and its key: what is pushed to it from now on nobody can read. The app closes it at the relay, too.
    ///
    /// # Errors
    /// [`InboxError::NoSuchInbox`], [`WalletError::Locked`]
    pub fn close_inbox(&self, verifier: &Did, now: u64) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            Stored::find(open.store.read(), verifier)?.ok_or(InboxError::NoSuchInbox)?;
            open.store.change(|transaction| {
                transaction.remove(Table::Setting, Stored::setting(verifier).as_bytes());
                Ok(())
            })
        })
    }

    /// Opens what was pushed to the inbox of `verifier`. Nothing is fetched for it, and nothing is answered: the owner looks at it.
    ///
    /// # Errors
    /// [`InboxError`]; as [`Wallet::read_app_link`]: what is over or not authentic is refused there.
    pub fn read_push(&self, verifier: &Did, body: &[u8], now: u64) -> Result<Pushed, WalletError> {
        let key = self
            .with_open(now, |open| Stored::find(open.store.read(), verifier)?.ok_or(InboxError::NoSuchInbox)?.key())?;
        let notice = Notice::read(&Zeroizing::new(key.open(body)?))?;
        let link = SignedAppRequest::read(notice.open())?;
        let asked = self.read_app_link(notice.open(), None, now)?;
        // PUSH-22: whoever got hold of an inbox cannot make it somebody else's.
        if self.asking(&asked, now)?.0 != *verifier {
            return Err(InboxError::RequestOfAnother.into());
        }
        Ok(Pushed { asked, code: match_code(&link.digest()) })
    }

    /// Does what the owner decided about a request that was pushed: as [`Wallet::answer_app_link`], and it is answered only with the number
    /// that the page shows where the log-in began (PUSH-06). A wrong one is noted as declined.
    ///
    /// # Errors
    /// [`InboxError::MatchCodeWrong`]; as [`Wallet::answer_app_link`].
    pub fn answer_pushed(
        &self,
        pushed: &Pushed,
        code: &str,
        decision: Decision,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<AppOutgoing, WalletError> {
        let wrong = decision != Decision::Decline && code.trim() != pushed.code;
        let decision = if wrong { Decision::Decline } else { decision };
        let outgoing = self.answer_app_link(&pushed.asked, decision, now, rng)?;
        if wrong { Err(InboxError::MatchCodeWrong.into()) } else { Ok(outgoing) }
    }
}

impl AppOutgoing {
    /// What is posted instead of the body alone, as JSON, where the verifier is told of an inbox with the answer (PUSH-21); nothing where
    /// an app is opened.
    #[must_use]
    pub fn with_inbox(&self, inbox: &Subscription) -> Option<Vec<u8>> {
        let Self::Post { body, .. } = self else { return None };
        Some(json!({ "answer": base64url(body), "inbox": inbox.to_json() }).to_string().into_bytes())
    }
}
