//! What a page fetches for a wallet, in order. The page does the fetching, one step after the other; between two steps it
//! stores what changed, so that whatever ends an errand in the middle, the next one goes on.

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use protocol::cbor;
use protocol::exchange::{IssuanceNonce, IssuanceRefusal};
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::{BundleError, TrustBundle};
use protocol::ledger::record::Record;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use wallet_core::{PendingIssuance, Wallet, WalletError};
use wasm_bindgen::prelude::wasm_bindgen;

use super::moment;
use crate::named;

/// Longest nonce, in bytes.
const NONCE_MAX: usize = 64;

/// Why an errand came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ErrandError {
    #[error("the service cannot be reached; try again")]
    ServiceUnreachable,
    #[error("the service failed; try again later")]
    ServiceFailed,
    #[error("the service's answer cannot be read; try again")]
    AnswerMalformed,
    #[error("the issuer is just changing the epoch of status tokens; try again in a moment")]
    EpochChanging,
    #[error("no offer told where this issuer is; accept one again")]
    IssuerAddressUnknown,
    #[error("something else is still under way; wait for it")]
    CallUnderWay,
    #[error("this errand is over; begin another")]
    ErrandOver,
    #[error(transparent)]
    Refused(#[from] IssuanceRefusal),
    #[error(transparent)]
    Wallet(#[from] WalletError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// What to fetch: `POST` as `application/cbor` where there is a body, `GET` otherwise. No redirect is followed.
#[wasm_bindgen]
pub struct ToFetch {
    url: String,
    body: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl ToFetch {
    /// Where.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What to send, if anything.
    #[must_use]
    pub fn body(&self) -> Option<Vec<u8>> {
        self.body.clone()
    }
}

type Work = Pin<Box<dyn Future<Output = Result<Value, ErrandError>>>>;

/// Something that takes several answers of services. Call `step` until it gives nothing to fetch; then `result` is there.
#[wasm_bindgen]
pub struct Errand {
    desk: Desk,
    work: Option<Work>,
    result: String,
}

#[wasm_bindgen]
impl Errand {
    /// Goes on until something has to be fetched, which it gives, or all is done. `status` and `body` are the answer to what
    /// it gave last; 0 means that there was none, and at the first step nothing.
    ///
    /// # Errors
    /// Throws a text that begins with the stable name; the errand is over then.
    pub fn step(&mut self, status: u16, body: Vec<u8>, now: f64, random: &[u8]) -> Result<Option<ToFetch>, String> {
        let (now, rng) = moment(now, random)?;
        let mut work = self.work.take().ok_or_else(|| named(&ErrandError::ErrandOver))?;
        self.desk.arrive(Answer { status, body }, now, rng);
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(result)) => {
                self.result = result.to_string();
                Ok(None)
            }
            Poll::Ready(Err(error)) => Err(named(&error)),
            Poll::Pending => {
                self.work = Some(work);
                Ok(self.desk.0.borrow_mut().to_fetch.take())
            }
        }
    }

    /// What came of it, as JSON.
    #[must_use]
    pub fn result(&self) -> String {
        self.result.clone()
    }
}

impl Errand {
    /// An errand that is begun with the first step.
    pub(super) fn new<F>(begin: impl FnOnce(Desk) -> F) -> Self
    where
        F: Future<Output = Result<Value, ErrandError>> + 'static,
    {
        let desk = Desk::default();
        Self { work: Some(Box::pin(begin(desk.clone()))), desk, result: String::new() }
    }
}

/// Between an errand and the page: what is asked for, what has arrived, the time and the randomness of this step.
#[derive(Clone, Default)]
pub(super) struct Desk(Rc<RefCell<OnDesk>>);

#[derive(Default)]
struct OnDesk {
    now: u64,
    rng: Option<ChaCha20Rng>,
    waiting: bool,
    to_fetch: Option<ToFetch>,
    answer: Option<Answer>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Desk {
    fn arrive(&self, answer: Answer, now: u64, rng: ChaCha20Rng) {
        let mut desk = self.0.borrow_mut();
        (desk.now, desk.rng) = (now, Some(rng));
        if desk.waiting {
            desk.answer = Some(answer);
        }
    }

    fn now(&self) -> u64 {
        self.0.borrow().now
    }

    /// This step's randomness, once.
    fn rng(&self) -> Result<ChaCha20Rng, ErrandError> {
        self.0.borrow_mut().rng.take().ok_or(ErrandError::Wallet(WalletError::CommitmentFailed))
    }

    async fn fetch(&self, url: String, body: Option<Vec<u8>>) -> Result<Answer, ErrandError> {
        {
            let mut desk = self.0.borrow_mut();
            (desk.to_fetch, desk.waiting) = (Some(ToFetch { url, body }), true);
        }
        let answer = poll_fn(|_| {
            let mut desk = self.0.borrow_mut();
            match desk.answer.take() {
                Some(answer) => {
                    desk.waiting = false;
                    Poll::Ready(answer)
                }
                None => Poll::Pending,
            }
        });
        let answer = answer.await;
        if answer.status == 0 { Err(ErrandError::ServiceUnreachable) } else { Ok(answer) }
    }

    async fn get(&self, url: String) -> Result<Vec<u8>, ErrandError> {
        let answer = self.fetch(url, None).await?;
        if (200..300).contains(&answer.status) { Ok(answer.body) } else { Err(ErrandError::ServiceFailed) }
    }

    async fn post(&self, url: String, body: &[u8]) -> Result<Result<Vec<u8>, IssuanceRefusal>, ErrandError> {
        let answer = self.fetch(url, Some(body.to_vec())).await?;
        if (200..300).contains(&answer.status) {
            return Ok(Ok(answer.body));
        }
        let refusal: Value = serde_json::from_slice(&answer.body).map_err(|_| ErrandError::ServiceFailed)?;
        let refusal = refusal.get("error").cloned().unwrap_or_default();
        serde_json::from_value(refusal).map(Err).map_err(|_| ErrandError::ServiceFailed)
    }
}

/// Where things are.
pub(super) struct Sources {
    pub(super) bundle: String,
    pub(super) anchor: TrustAnchor,
    pub(super) issuers: BTreeMap<String, String>,
}

/// Goes for one wallet.
pub(super) struct Courier {
    pub(super) wallet: Arc<Wallet>,
    pub(super) sources: Sources,
}

impl Courier {
    /// Takes up what an offer offers; the types received.
    pub(super) async fn accept(&self, desk: &Desk, offer: &[u8], tx_code: Option<&str>) -> Result<Value, ErrandError> {
        self.trust(desk).await?;
        self.resume(desk).await?;
        let sheet = self.wallet.read_offer(offer, desk.now())?;
        if sheet.tx_code && tx_code.is_none() {
            return Err(WalletError::TxCodeMismatch.into());
        }
        // A code is used up for what it brought already, in a run that was interrupted; the rest is still to be had.
        let (mut received, mut used_up) = (Vec::new(), None);
        for (credential_type, _) in sheet.credential_types {
            match self.credential(desk, offer, &sheet.url, &credential_type, tx_code).await? {
                Ok(()) => received.push(credential_type),
                Err(IssuanceRefusal::InvalidGrant) => used_up = Some(IssuanceRefusal::InvalidGrant),
                Err(refusal) => return Err(refusal.into()),
            }
        }
        match used_up {
            Some(refusal) if received.is_empty() => Err(refusal.into()),
            _ => Ok(json!({ "received": received })),
        }
    }

    /// Fetches whatever is newer than what the wallet has; the height of the trust data.
    pub(super) async fn update(&self, desk: &Desk) -> Result<Value, ErrandError> {
        let (height, bundle) = self.trust(desk).await?;
        self.resume(desk).await?;
        let needs = self.wallet.needs(desk.now())?;
        let issuer = |did: &str| self.sources.issuers.get(did).ok_or(ErrandError::IssuerAddressUnknown);
        for needed in &needs.day_sets {
            let trust = TrustBundle::decode(&bundle)?.verify(&self.sources.anchor, 0)?;
            let of_key = |record: &Record| match record {
                Record::IssuerKey(key) if key.day_set == needed.key => Some(key.key_id()),
                _ => None,
            };
            let key = trust.envelopes().find_map(|envelope| of_key(&envelope.record));
            let key = hex::encode(key.ok_or(WalletError::IssuerNotTrusted)?);
            let signatures = desk.get(format!("{}/v1/day-set/{key}", issuer(needed.issuer.as_str())?)).await?;
            self.wallet.install_day_set(&needed.key, 0, &signatures, desk.now())?;
        }
        for needed in &needs.status_tokens {
            let key = hex::encode(needed.issuer_key);
            let base = format!("{}/v1/status-tokens/{key}", issuer(needed.issuer.as_str())?);
            let current: Value =
                serde_json::from_slice(&desk.get(base.clone()).await?).map_err(|_| ErrandError::AnswerMalformed)?;
            let number = |name: &str| current.get(name).and_then(Value::as_u64).ok_or(ErrandError::AnswerMalformed);
            if number("epoch")? != u64::from(needed.epoch) {
                return Err(ErrandError::EpochChanging);
            }
            let slice = needed.slice(u8::try_from(number("slices")?.max(1).ilog2()).unwrap_or(0));
            let tokens = desk.get(format!("{base}/{}?slice={}", needed.epoch, slice.index)).await?;
            self.wallet.install_status_tokens(&needed.issuer_key, slice, &tokens, desk.now())?;
        }
        Ok(json!({ "height": height }))
    }

    /// Installs the newest bundle there is to get.
    async fn trust(&self, desk: &Desk) -> Result<(u64, Vec<u8>), ErrandError> {
        let bundle = desk.get(self.sources.bundle.clone()).await?;
        let height = self.wallet.install_trust(&bundle, &self.sources.anchor, desk.now())?;
        Ok((height, bundle))
    }

    /// Sends again what was asked for and never answered, also when its offer has run out since.
    async fn resume(&self, desk: &Desk) -> Result<(), ErrandError> {
        for pending in self.wallet.pending_issuances(desk.now())? {
            // A refusal is for the offer that is taken up next to deal with.
            if let Ok(response) = desk.post(format!("{}/v1/credentials", pending.url), &pending.request).await? {
                self.finish(desk, &pending, &response).await?;
            }
        }
        Ok(())
    }

    /// Fetches one credential of an offer. A request that the issuer refuses for good is given up; one whose answer was
    /// lost is sent again, byte for byte.
    async fn credential(
        &self,
        desk: &Desk,
        offer: &[u8],
        issuer: &str,
        credential_type: &str,
        tx_code: Option<&str>,
    ) -> Result<Result<(), IssuanceRefusal>, ErrandError> {
        let mut retry = true;
        loop {
            let nonce = desk.post(format!("{issuer}/v1/nonce"), &[]).await?.map_err(ErrandError::from)?;
            let nonce: IssuanceNonce = cbor::from_slice(&nonce, NONCE_MAX).map_err(|_| ErrandError::AnswerMalformed)?;
            let (now, mut rng) = (desk.now(), desk.rng()?);
            let pending = self.wallet.begin_issuance(offer, credential_type, &nonce, tx_code, now, &mut rng)?;
            match desk.post(format!("{}/v1/credentials", pending.url), &pending.request).await? {
                Ok(response) => return self.finish(desk, &pending, &response).await.map(Ok),
                Err(busy @ IssuanceRefusal::TemporarilyUnavailable) => return Ok(Err(busy)),
                Err(refusal) => {
                    self.wallet.abandon_issuance(&pending.id, desk.now())?;
                    // A request from before a crash may carry a nonce that has run out.
                    if refusal != IssuanceRefusal::InvalidNonce || !core::mem::take(&mut retry) {
                        return Ok(Err(refusal));
                    }
                }
            }
        }
    }

    /// Stores a credential, and the picture whose digest it has. One that the issuer does not give is not needed for
    /// anything else: answers then show the digest alone.
    async fn finish(&self, desk: &Desk, pending: &PendingIssuance, response: &[u8]) -> Result<(), ErrandError> {
        self.wallet.finish_issuance(&pending.id, response, desk.now())?;
        if self.wallet.lacks_portrait(&pending.id, desk.now())?
            && let Ok(image) = desk.post(format!("{}/v1/portraits", pending.url), &pending.request).await?
        {
            self.wallet.keep_portrait(&pending.id, &image, desk.now())?;
        }
        Ok(())
    }
}
