//! A relying party's one call: what is asked becomes a link and a code.

use protocol::crypto::jose::{ContentEncryption, EncryptionKey, base64url};
use protocol::exchange::dcql::{DcqlError, DcqlQuery};
use protocol::exchange::openid4vp::{ClientId, ClientMetadata, ResponseMode, TransactionData, form};
use protocol::exchange::qr::Drawing;
use rand_core::UnwrapErr;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use verifier::ask::AskError;
use verifier::openid4vp::{Draft, ask};

use super::store::Asked;
use super::{CallbackAddress, Presenting, Reach, RequestSigner, Webhooks, handle, random};
use crate::store::{EphemeralKey, GRACE, Life, NotInserted, PendingCall};

/// Why a request is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFailure {
    /// A member is not well formed.
    #[error("the request is not well formed ({0}); correct it")]
    MalformedCall(&'static str),
    /// The verifier does not identify itself in this way.
    #[error("this verifier has no key for that client identifier; use another")]
    UnknownSigner,
    /// As many requests wait as the service keeps.
    #[error("too many requests wait for an answer; try again in a moment")]
    TooManyRequests,
    /// There is no trust data to check with.
    #[error("cannot tell: there is no trust data; try again later")]
    TrustUnavailable,
    /// The database that instances share does not answer.
    #[error("requests cannot be kept: the database does not answer; try again later")]
    StoreUnavailable,
    /// Wider than the registration, or nothing that could be answered.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The query.
    #[error(transparent)]
    Query(#[from] DcqlError),
    /// The link does not fit in a code.
    #[error("the link is too long for a code; shorten the address of the service")]
    LinkTooLong,
}

/// What a relying party asks.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": "roadside",
    "dcql_query": { "credentials": [{
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": ["kr.go.police.driver-licence.1"] },
        "claims": [{ "path": ["document_number"] }, { "path": ["name_ko"] }]
    }] }
}))]
pub struct NewRequest {
    /// The registered purpose.
    pub purpose: String,
    /// The question (OpenID4VP 1.0, section 6).
    #[schema(value_type = super::openapi::DcqlShape)]
    pub dcql_query: Value,
    /// `x509_hash`, `x509_san_dns` or `decentralized_identifier`; the verifier's first where there is none.
    #[serde(default)]
    pub client_id: Option<String>,
    /// `direct_post.jwt`, which is the default, or `direct_post`.
    #[serde(default)]
    pub response_mode: Option<String>,
    /// On the same device: where the holder's browser goes afterwards, with a `response_code`.
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// What the holder agrees to.
    #[serde(default)]
    pub transactions: Vec<NewTransaction>,
    /// What the link begins with: `openid4vp://`, which is the default, another scheme, or a wallet's `https` address.
    #[serde(default)]
    pub wallet: Option<String>,
    /// `post`, which is the default, or `get`.
    #[serde(default)]
    pub request_uri_method: Option<String>,
    /// Where to be told that the request is decided.
    #[serde(default)]
    pub webhook: Option<String>,
    /// For how many seconds after the answer the verdict can be read again; once only where there is none.
    #[serde(default)]
    pub keep: Option<u64>,
    /// Whether the link is drawn as a QR code, too. A page that draws it, or has it on the same device, can do without: drawing
    /// takes as long as everything else together.
    #[serde(default = "drawn")]
    pub qr: bool,
}

fn drawn() -> bool {
    true
}

/// A text to agree to.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransaction {
    /// Identifiers of credential queries, of which one answers for it.
    pub credential_ids: Vec<String>,
    /// The text in Korean.
    pub text_ko: String,
    /// The text in English.
    pub text_en: String,
}

/// What the relying party gets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Created {
    /// By this it asks for the verdict. Wallets never see it.
    pub id: String,
    /// What the wallet opens.
    pub link: String,
    /// The link as a QR code: a PNG, base64url; none where `qr` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_png: Option<String>,
    /// Where the wallet fetches the request.
    pub request_uri: String,
    /// Who asks, as wallets see it.
    pub client_id: String,
    /// When the request is over, Unix seconds.
    pub expires_at: u64,
}

impl Presenting {
    /// Makes a request (J14: never one wider than the registration).
    ///
    /// # Errors
    /// [`RequestFailure`]
    pub async fn create(&self, new: NewRequest) -> Result<Created, RequestFailure> {
        self.make(move |it| it.draft(new)).await
    }

    fn draft(&self, new: NewRequest) -> Result<(Created, Made), RequestFailure> {
        let now = self.now();
        let settings = &self.0.settings;
        let trust = (self.0.trust)().ok_or(RequestFailure::TrustUnavailable)?;
        let (_, client_id) = self.signer(new.client_id.as_deref(), |_| true)?;
        let (id, handle, state) = (handle(), handle(), handle());
        let uri = format!("{}/openid4vp/response/{handle}", settings.base_url);
        let (response, key) = match new.response_mode.as_deref() {
            None | Some("direct_post.jwt") => (ResponseMode::DirectPostJwt(uri), Some(fresh_key())),
            Some("direct_post") => (ResponseMode::DirectPost(uri), None),
            Some(_) => return Err(RequestFailure::MalformedCall("response_mode")),
        };
        let metadata = metadata(key.as_ref())?;
        let here = Reach::HttpsOrThisMachine;
        let redirect_uri = new.redirect_uri.map(|it| address(&it, here, "redirect_uri")).transpose()?;
        let redirect_uri = redirect_uri.map(|it| it.as_str().to_owned());
        let call = self.call(new.webhook.as_deref())?;
        let keep = self.kept(new.keep)?;
        let draft = Draft {
            client_id: client_id.clone(),
            verifier: self.0.identity.verifier.clone(),
            purpose: new.purpose,
            query: DcqlQuery::from_json(&new.dcql_query)?,
            transactions: new.transactions.iter().map(NewTransaction::data).collect(),
            response,
            metadata,
            nonce: base64url(&random::<24>()),
            state: Some(state),
        };
        let request = ask(draft, &settings.vocabulary, &trust, now, settings.life)?; // OVP-06
        let expires_at = request.expires_at.unwrap_or(now);
        let request_uri = format!("{}/openid4vp/object/{handle}", settings.base_url);
        let client_id = client_id.to_string();
        let link = link(new.wallet.as_deref(), &client_id, &request_uri, new.request_uri_method.as_deref())?;
        let png = || Drawing::new(&link).and_then(|it| it.png()).map_err(|_| RequestFailure::LinkTooLong);
        let qr_png = new.qr.then(png).transpose()?.map(|it| base64url(&it));
        let asked = Asked { request, key, redirect_uri, browser: None };
        let made = Made { id: id.clone(), handle, asked, keep, call, now };
        Ok((Created { id, link, qr_png, request_uri, client_id, expires_at }, made))
    }
}

/// Whom to call, and how.
pub(super) type Call = (CallbackAddress, Webhooks);

/// A request that is not kept yet.
pub(super) struct Made {
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) asked: Asked,
    pub(super) keep: u64,
    pub(super) call: Option<Call>,
    pub(super) now: u64,
}

impl Presenting {
    /// Who asks: the way that was wanted, or the first that `fits`.
    pub(super) fn signer(
        &self,
        wanted: Option<&str>,
        fits: impl Fn(&RequestSigner) -> bool,
    ) -> Result<(usize, ClientId), RequestFailure> {
        let mut signers = self.0.identity.signers.iter().enumerate();
        let found = signers.find(|(_, it)| wanted.is_none_or(|wanted| it.prefix() == wanted) && fits(it));
        found.map(|(at, it)| (at, it.client_id.clone())).ok_or(RequestFailure::UnknownSigner)
    }

    /// Where the relying party wants to be called (OVP-21).
    pub(super) fn call(&self, webhook: Option<&str>) -> Result<Option<Call>, RequestFailure> {
        match (webhook, &self.0.settings.webhooks) {
            (None, _) => Ok(None),
            (Some(_), None) => Err(RequestFailure::MalformedCall("webhook")),
            (Some(it), Some(webhooks)) => Ok(Some((address(it, webhooks.reach, "webhook")?, webhooks.clone()))),
        }
    }

    /// For how long a verdict is kept (OVP-23).
    pub(super) fn kept(&self, wanted: Option<u64>) -> Result<u64, RequestFailure> {
        let keep = wanted.unwrap_or_default();
        if keep > self.0.settings.keep_max { Err(RequestFailure::MalformedCall("keep")) } else { Ok(keep) }
    }

    /// Makes a request where it blocks nobody, and keeps it until it is decided or over.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        draft: impl FnOnce(&Self) -> Result<(T, Made), RequestFailure> + Send + 'static,
    ) -> Result<T, RequestFailure> {
        let maker = self.clone();
        let made = crate::processor::run(move || draft(&maker)).await;
        // Whoever calls this dies of it, too.
        let made = made.unwrap_or_else(|died| std::panic::resume_unwind(died));
        let (answer, Made { id, handle, asked, keep, call, now }) = made?;
        let expires_at = asked.request.expires_at.unwrap_or(now);
        let life = Life { expires_at, until: expires_at.saturating_add(GRACE), keep };
        let pending = call.as_ref().map(|(address, _)| PendingCall {
            address: address.as_str().to_owned(),
            message: super::webhook::message(),
            life: expires_at.saturating_sub(now),
        });
        let kept = self.0.store.insert(&id, &handle, asked, life, pending.as_ref(), now).await;
        let followed = kept.map_err(|not| match not {
            NotInserted::Full => RequestFailure::TooManyRequests,
            NotInserted::Unavailable => RequestFailure::StoreUnavailable,
        })?;
        if let (Some((address, webhooks)), Some(pending), Some(followed)) = (call, pending, followed) {
            self.announce(webhooks, address, id, pending, followed);
        }
        self.sweep();
        Ok(answer)
    }
}

impl NewTransaction {
    pub(super) fn data(&self) -> TransactionData {
        TransactionData::new(self.credential_ids.clone(), &self.text_ko, &self.text_en)
    }
}

/// A key for the answers to one request.
pub(super) fn fresh_key() -> EphemeralKey {
    EphemeralKey::generate(&mut UnwrapErr(getrandom::SysRng))
}

/// What a request says of the key for its answers, if they are encrypted.
pub(super) fn metadata(key: Option<&EphemeralKey>) -> Result<ClientMetadata, RequestFailure> {
    let Some(key) = key else { return Ok(ClientMetadata::default()) };
    let public = key.key().public().map_err(|_| RequestFailure::MalformedCall("key"))?;
    let keys = vec![EncryptionKey { key: public, id: Some("1".into()) }];
    Ok(ClientMetadata { keys, methods: ContentEncryption::ALL.to_vec() })
}

/// An address that the policy lets through.
fn address(text: &str, reach: Reach, name: &'static str) -> Result<CallbackAddress, RequestFailure> {
    CallbackAddress::read(text, reach).ok_or(RequestFailure::MalformedCall(name))
}

fn link(
    wallet: Option<&str>,
    client_id: &str,
    request_uri: &str,
    method: Option<&str>,
) -> Result<String, RequestFailure> {
    let start = match wallet {
        None => "openid4vp://".to_owned(),
        Some(it) if it.starts_with("https://") => address(it, Reach::Https, "wallet")?.as_str().to_owned(),
        Some(it) => {
            let scheme = it.strip_suffix("://").unwrap_or_default();
            let plain = scheme.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-+.".contains(&it));
            // E11: schemes that browsers and phones give another meaning are no wallet's.
            let other =
                ["http", "https", "javascript", "data", "file", "intent", "about", "blob", ""].contains(&scheme);
            if !plain || other {
                return Err(RequestFailure::MalformedCall("wallet"));
            }
            it.to_owned()
        }
    };
    let mut parameters = vec![("client_id", client_id), ("request_uri", request_uri)];
    match method {
        None | Some("post") => parameters.push(("request_uri_method", "post")),
        Some("get") => {}
        Some(_) => return Err(RequestFailure::MalformedCall("request_uri_method")),
    }
    let mark = if start.contains('?') { '&' } else { '?' };
    Ok(format!("{start}{mark}{}", form::write(&parameters)))
}
