//! What an app fetches for a wallet, in order; the app does the fetching. Between two calls of it nothing is locked and
//! everything is stored, so that whatever ends it in the middle, the next call goes on.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::cbor;
use protocol::exchange::{IssuanceNonce, IssuanceRefusal};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::record::Record;
use serde::Deserialize;
use wallet_core::{PendingIssuance, Wallet, WalletError};

use crate::error::ApiError;
use crate::{Clock, os_randomness};

/// Longest nonce, in bytes.
const NONCE_MAX: usize = 64;
/// Where the issuers of this wallet's credentials are. Not secret, not believed.
const ISSUERS: &str = "issuers.json";

/// A service cannot be reached. Whatever else an implementation throws counts as this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum FetchError {
    /// No answer came.
    #[error("the service cannot be reached; try again")]
    ServiceUnreachable,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for FetchError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::ServiceUnreachable
    }
}

/// An answer of any status.
#[derive(uniffi::Record)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The app's HTTP client. It follows no redirect, and limits the time and the size of an answer (64 MiB is enough).
#[uniffi::export(with_foreign)]
pub trait Fetch: Send + Sync {
    /// `POST`s `body` as `application/cbor`, or `GET`s where there is none.
    fn fetch(&self, url: String, body: Option<Vec<u8>>) -> Result<Fetched, FetchError>;
}

/// Where trust data comes from; both are part of an app.
#[derive(uniffi::Record)]
pub struct Sources {
    /// Address of a trust bundle: a mirror's file, or a node's `/v1/bundle`.
    pub bundle: String,
    /// The trust anchor.
    pub anchor: Vec<u8>,
}

/// Why a service's answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CourierError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the service failed; try again later")]
    ServiceFailed,
    #[error("the service's answer cannot be read; try again")]
    AnswerMalformed,
    #[error("the issuer is just changing the epoch of status tokens; try again in a moment")]
    EpochChanging,
    #[error("no offer told where this issuer is; accept one again")]
    IssuerAddressUnknown,
    #[error(transparent)]
    Refused(#[from] IssuanceRefusal),
}

/// One errand for a wallet.
pub(crate) struct Courier<'a> {
    pub(crate) wallet: &'a Wallet,
    pub(crate) directory: &'a Path,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) fetch: &'a dyn Fetch,
}

#[derive(Deserialize)]
struct CurrentEpoch {
    epoch: u32,
    slices: u32,
}

#[derive(Deserialize)]
struct Refusal {
    error: IssuanceRefusal,
}

impl Courier<'_> {
    /// Takes up what an offer offers; returns the ids of the types received.
    pub(crate) fn accept(
        &self,
        offer: &[u8],
        tx_code: Option<&str>,
        sources: &Sources,
    ) -> Result<Vec<String>, ApiError> {
        self.trust(sources)?;
        self.resume()?;
        let sheet = self.wallet.read_offer(offer, self.clock.now())?;
        if sheet.tx_code && tx_code.is_none() {
            return Err(WalletError::TxCodeMismatch.into());
        }
        self.remember(sheet.issuer.as_str(), &sheet.url)?;
        // A code is used up for what it brought already, in a run that was interrupted; the rest is still to be had.
        let (mut received, mut used_up) = (Vec::new(), None);
        for (credential_type, _) in sheet.credential_types {
            match self.credential(offer, &sheet.url, &credential_type, tx_code)? {
                Ok(()) => received.push(credential_type),
                Err(IssuanceRefusal::InvalidGrant) => used_up = Some(IssuanceRefusal::InvalidGrant),
                Err(refusal) => return Err(CourierError::Refused(refusal).into()),
            }
        }
        match used_up {
            Some(refusal) if received.is_empty() => Err(CourierError::Refused(refusal).into()),
            _ => Ok(received),
        }
    }

    /// Fetches whatever is newer than what the wallet has; returns the height of the trust data.
    pub(crate) fn update(&self, sources: &Sources) -> Result<u64, ApiError> {
        let (height, bundle, anchor) = self.trust(sources)?;
        self.resume()?;
        let needs = self.wallet.needs(self.clock.now())?;
        let issuers = self.issuers();
        let issuer = |did: &str| issuers.get(did).ok_or(CourierError::IssuerAddressUnknown);
        for needed in &needs.day_sets {
            let trust = TrustBundle::decode(&bundle)?.verify(&anchor, 0)?;
            let of_key = |record: &Record| match record {
                Record::IssuerKey(key) if key.day_set == needed.key => Some(key.key_id()),
                _ => None,
            };
            let key = trust.envelopes().find_map(|envelope| of_key(&envelope.record));
            let key = hex::encode(key.ok_or(WalletError::IssuerNotTrusted)?);
            let signatures = self.get(format!("{}/v1/day-set/{key}", issuer(needed.issuer.as_str())?))?;
            self.wallet.install_day_set(&needed.key, 0, &signatures, self.clock.now())?;
        }
        for needed in &needs.status_tokens {
            let key = hex::encode(needed.issuer_key);
            let base = format!("{}/v1/status-tokens/{key}", issuer(needed.issuer.as_str())?);
            let current: CurrentEpoch =
                serde_json::from_slice(&self.get(base.clone())?).map_err(|_| CourierError::AnswerMalformed)?;
            if current.epoch != needed.epoch {
                return Err(CourierError::EpochChanging.into());
            }
            let slice = needed.slice(u8::try_from(current.slices.max(1).ilog2()).unwrap_or(0));
            let tokens = self.get(format!("{base}/{}?slice={}", needed.epoch, slice.index))?;
            self.wallet.install_status_tokens(&needed.issuer_key, slice, &tokens, self.clock.now())?;
        }
        Ok(height)
    }

    /// Installs the newest bundle there is to get.
    fn trust(&self, sources: &Sources) -> Result<(u64, Vec<u8>, TrustAnchor), ApiError> {
        let anchor = TrustAnchor::decode(&sources.anchor).map_err(|_| ApiError::argument("anchor"))?;
        let bundle = self.get(sources.bundle.clone())?;
        let height = self.wallet.install_trust(&bundle, &anchor, self.clock.now())?;
        Ok((height, bundle, anchor))
    }

    /// Sends again what was asked for and never answered, also when its offer has run out since.
    fn resume(&self) -> Result<(), ApiError> {
        for pending in self.wallet.pending_issuances(self.clock.now())? {
            // A refusal is for the offer that is taken up next to deal with.
            if let Ok(response) = self.post(format!("{}/v1/credentials", pending.url), &pending.request)? {
                self.finish(&pending, &response)?;
            }
        }
        Ok(())
    }

    /// Fetches one credential of an offer. A request that the issuer refuses for good is given up; one whose answer was
    /// lost is sent again, byte for byte.
    fn credential(
        &self,
        offer: &[u8],
        issuer: &str,
        credential_type: &str,
        tx_code: Option<&str>,
    ) -> Result<Result<(), IssuanceRefusal>, ApiError> {
        let mut retry = true;
        loop {
            let nonce = self.post(format!("{issuer}/v1/nonce"), &[])?.map_err(CourierError::from)?;
            let nonce: IssuanceNonce =
                cbor::from_slice(&nonce, NONCE_MAX).map_err(|_| CourierError::AnswerMalformed)?;
            let (now, mut rng) = (self.clock.now(), os_randomness()?);
            let pending = self.wallet.begin_issuance(offer, credential_type, &nonce, tx_code, now, &mut rng)?;
            match self.post(format!("{}/v1/credentials", pending.url), &pending.request)? {
                Ok(response) => return self.finish(&pending, &response).map(Ok),
                Err(busy @ IssuanceRefusal::TemporarilyUnavailable) => return Ok(Err(busy)),
                Err(refusal) => {
                    self.wallet.abandon_issuance(&pending.id, self.clock.now())?;
                    // A request from before a crash may carry a nonce that has run out.
                    if refusal != IssuanceRefusal::InvalidNonce || !std::mem::take(&mut retry) {
                        return Ok(Err(refusal));
                    }
                }
            }
        }
    }

    /// Stores a credential, and the picture whose digest it has. One that the issuer does not give is not needed for
    /// anything else: answers then show the digest alone.
    fn finish(&self, pending: &PendingIssuance, response: &[u8]) -> Result<(), ApiError> {
        self.wallet.finish_issuance(&pending.id, response, self.clock.now())?;
        if self.wallet.lacks_portrait(&pending.id, self.clock.now())?
            && let Ok(image) = self.post(format!("{}/v1/portraits", pending.url), &pending.request)?
        {
            self.wallet.keep_portrait(&pending.id, &image, self.clock.now())?;
        }
        Ok(())
    }

    fn get(&self, url: String) -> Result<Vec<u8>, CourierError> {
        let answer = self.fetch.fetch(url, None)?;
        if (200..300).contains(&answer.status) { Ok(answer.body) } else { Err(CourierError::ServiceFailed) }
    }

    fn post(&self, url: String, body: &[u8]) -> Result<Result<Vec<u8>, IssuanceRefusal>, CourierError> {
        let answer = self.fetch.fetch(url, Some(body.to_vec()))?;
        if (200..300).contains(&answer.status) {
            return Ok(Ok(answer.body));
        }
        let refusal: Refusal = serde_json::from_slice(&answer.body).map_err(|_| CourierError::ServiceFailed)?;
        Ok(Err(refusal.error))
    }

    fn issuers(&self) -> BTreeMap<String, String> {
        let bytes = std::fs::read(self.directory.join(ISSUERS)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn remember(&self, did: &str, url: &str) -> Result<(), ApiError> {
        let mut issuers = self.issuers();
        if issuers.insert(did.to_owned(), url.to_owned()).is_some_and(|before| before == url) {
            return Ok(());
        }
        let fresh = self.directory.join("issuers.new");
        let written = serde_json::to_vec(&issuers).map_err(std::io::Error::other);
        let written = written.and_then(|bytes| std::fs::write(&fresh, bytes));
        let written = written.and_then(|()| std::fs::rename(&fresh, self.directory.join(ISSUERS)));
        Ok(written.map_err(WalletError::from)?)
    }
}
