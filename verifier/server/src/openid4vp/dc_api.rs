//! Asking through a browser's Digital Credentials API (OpenID4VP 1.0, appendix A; ISO/IEC TS 18013-7, annex C): a relying party
//! gets what its page hands to `navigator.credentials.get`, and hands back what the browser gave, with the page's origin.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::credential::mdoc::DeviceRequest;
use protocol::credential::mdoc::dc_api::{self as annex_c, EncryptionInfo};
use protocol::crypto::jose::base64url;
use protocol::exchange::dcql::DcqlQuery;
use protocol::exchange::openid4vp::dc_api::{ISO_MDOC, IsoRequest, SIGNED, UNSIGNED, is_origin, items};
use protocol::exchange::openid4vp::{RequestObject, Response as Answer, ResponseMode, VpError, form};
use protocol::json;
use protocol::ledger::state::TrustedState;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use verifier::openid4vp::{AnswerRefusal, Checked, Draft, ask, check, check_device};

use super::api::{CALL_MAX, authorised, making, unauthorised};
use super::create::Made;
use super::create::{NewTransaction, RequestFailure, fresh_key, metadata};
use super::identity::RequestSigner;
use super::openapi::Refusal;
use super::respond::ResponseFailure;
use super::store::{Asked, Browser};
use super::{By, Presenting, failure, handle, random};
use crate::store::ByOwned;

/// Most origins of one request.
const ORIGINS_MAX: usize = 8;

/// What a relying party asks through a browser.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": "roadside", "origins": ["https://bank.example"],
    "dcql_query": { "credentials": [{
        "id": "licence", "format": "dc+sd-jwt", "meta": { "vct_values": ["kr.go.police.driver-licence.1"] },
        "claims": [{ "path": ["document_number"] }]
    }] }
}))]
pub struct NewBrowserRequest {
    /// The registered purpose.
    pub purpose: String,
    /// The question (OpenID4VP 1.0, section 6).
    #[schema(value_type = super::openapi::DcqlShape)]
    pub dcql_query: Value,
    /// Where the page is: its origin, or each of them.
    pub origins: Vec<String>,
    /// `openid4vp-v1-signed`, `openid4vp-v1-unsigned`, `org-iso-mdoc`, the preferred first; only the signed one where none is said.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// `x509_hash`, `x509_san_dns` or `decentralized_identifier`; the verifier's first where there is none.
    #[serde(default)]
    pub client_id: Option<String>,
    /// `dc_api.jwt`, which is the default, or `dc_api`.
    #[serde(default)]
    pub response_mode: Option<String>,
    /// What the holder agrees to.
    #[serde(default)]
    pub transactions: Vec<NewTransaction>,
    /// Where to be told that the request is decided.
    #[serde(default)]
    pub webhook: Option<String>,
    /// For how many seconds after the answer the verdict can be read again; once only where there is none.
    #[serde(default)]
    pub keep: Option<u64>,
}

/// What the relying party gets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BrowserRequest {
    /// By this it hands the answer in and asks for the verdict.
    pub id: String,
    /// For each origin what the page there gives to `navigator.credentials.get`.
    pub pages: Vec<PageRequest>,
    /// When the request is over, Unix seconds.
    pub expires_at: u64,
}

/// What one page asks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PageRequest {
    /// Where the page is.
    pub origin: String,
    /// `{"requests": [{"protocol", "data"}]}`
    pub digital: Value,
}

/// What the browser gave the page.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrowserAnswer {
    /// Where the page is.
    pub origin: String,
    /// The protocol of the credential.
    pub protocol: String,
    /// Its data.
    pub data: Value,
}

impl Presenting {
    /// Makes a request for pages at these origins (J14: never one wider than the registration).
    ///
    /// # Errors
    /// [`RequestFailure`]
    pub async fn create_for_browser(&self, new: NewBrowserRequest) -> Result<BrowserRequest, RequestFailure> {
        self.make(move |it| it.draft_for_browser(new)).await
    }

    fn draft_for_browser(&self, new: NewBrowserRequest) -> Result<(BrowserRequest, Made), RequestFailure> {
        let malformed = RequestFailure::MalformedCall;
        let now = self.now();
        let trust = (self.0.trust)().ok_or(RequestFailure::TrustUnavailable)?;
        let count = new.origins.len();
        if count == 0 || count > ORIGINS_MAX || !new.origins.iter().all(|it| is_origin(it)) {
            return Err(malformed("origins"));
        }
        let protocols = if new.protocols.is_empty() { vec![SIGNED.to_owned()] } else { new.protocols };
        if !protocols.iter().all(|it| [SIGNED, UNSIGNED, ISO_MDOC].contains(&it.as_str())) {
            return Err(malformed("protocols"));
        }
        let iso = protocols.iter().any(|it| it == ISO_MDOC);
        // A reader says who it is by certificates.
        let (signer, client_id) = self.signer(new.client_id.as_deref(), |it| !iso || !it.certificates().is_empty())?;
        let (response, key) = match new.response_mode.as_deref() {
            None | Some("dc_api.jwt") => (ResponseMode::DcApiJwt(new.origins.clone()), Some(fresh_key())),
            Some("dc_api") => (ResponseMode::DcApi(new.origins.clone()), None),
            Some(_) => return Err(malformed("response_mode")),
        };
        let (call, keep) = (self.call(new.webhook.as_deref())?, self.kept(new.keep)?);
        let draft = Draft {
            client_id,
            verifier: self.0.identity.verifier.clone(),
            purpose: new.purpose,
            query: DcqlQuery::from_json(&new.dcql_query)?,
            transactions: new.transactions.iter().map(NewTransaction::data).collect(),
            response,
            metadata: metadata(key.as_ref())?,
            nonce: base64url(&random::<24>()),
            state: None,
        };
        let request = ask(draft, &self.0.settings.vocabulary, &trust, now, self.0.settings.life)?; // OVP-06
        let by = self.0.identity.signers.get(signer).ok_or(RequestFailure::UnknownSigner)?;
        let mut browser = Browser { origins: new.origins, protocols, iso: Vec::new(), iso_key: fresh_key() };
        if iso {
            browser.iso = reader_requests(&request, &browser, by)?;
        }
        let pages = browser.origins.iter().map(|origin| {
            let requests = browser.protocols.iter().map(|protocol| {
                let data = data(protocol, origin, &request, &browser, by)?;
                Ok(json!({ "protocol": protocol, "data": data }))
            });
            let requests = requests.collect::<Result<Vec<_>, RequestFailure>>()?;
            Ok(PageRequest { origin: origin.clone(), digital: json!({ "requests": requests }) })
        });
        let pages = pages.collect::<Result<Vec<_>, RequestFailure>>()?;
        let (id, handle) = (handle(), handle());
        let expires_at = request.expires_at.unwrap_or(now);
        let asked = Asked { request, key, redirect_uri: None, browser: Some(browser) };
        let made = Made { id: id.clone(), handle, asked, keep, call, now };
        Ok((BrowserRequest { id, pages, expires_at }, made))
    }

    /// Takes what a browser gave to the page.
    ///
    /// # Errors
    /// [`ResponseFailure`]
    pub async fn respond_from_browser(&self, id: &str, answer: BrowserAnswer) -> Result<(), ResponseFailure> {
        let turn = self.0.turns.go_on().await.ok_or(ResponseFailure::Overloaded)?;
        let asked = self.open(By::Id(id)).await?;
        let browser = asked.browser.as_ref().ok_or(ResponseFailure::RequestOver)?;
        // OVP-15: of this page, and as it was asked.
        if !browser.origins.contains(&answer.origin) {
            return Err(AnswerRefusal::from(VpError::ResponseUriNotCovered).into());
        }
        if !browser.protocols.contains(&answer.protocol) {
            return Err(AnswerRefusal::from(VpError::MalformedPresentation("protocol")).into());
        }
        if answer.data.get("error").is_some() {
            return self.decline(By::Id(id)).await;
        }
        let read = move |service: &Self, asked: &Asked, trust: &TrustedState| service.read(asked, &answer, trust);
        self.decide(ByOwned::Id(id.to_owned()), asked, turn, read).await.map(drop)
    }

    fn read(&self, asked: &Asked, answer: &BrowserAnswer, trust: &TrustedState) -> Result<Checked, AnswerRefusal> {
        let (settings, now, origin) = (&self.0.settings, self.now(), &answer.origin);
        let text =
            || answer.data.get("response").and_then(Value::as_str).ok_or(VpError::MalformedPresentation("response"));
        if answer.protocol == ISO_MDOC {
            let browser = asked.browser.as_ref().ok_or(VpError::MalformedPresentation("protocol"))?;
            let (_, iso) = browser.iso.iter().find(|(it, _)| it == origin).ok_or(VpError::ResponseUriNotCovered)?;
            let response = annex_c::open(text()?, browser.iso_key.key(), &iso.transcript(origin))?;
            let (vocabulary, policy) = (&settings.vocabulary, &settings.policy);
            return check_device(&asked.request, iso, origin, &response, trust, vocabulary, policy, now);
        }
        let response = match &asked.key {
            Some(key) => Answer::decrypt(text()?, key.key())?,
            None => Answer::from_json(&answer.data)?,
        };
        let origins = vec![origin.clone()];
        let mut request = asked.request.clone();
        request.response = match request.response.encrypted() {
            true => ResponseMode::DcApiJwt(origins),
            false => ResponseMode::DcApi(origins),
        };
        check(&request, &response, trust, &settings.vocabulary, &settings.policy, now)
    }
}

/// What a reader of mobile documents sends to each page: signed over the page's session.
fn reader_requests(
    request: &RequestObject,
    browser: &Browser,
    by: &RequestSigner,
) -> Result<Vec<(String, IsoRequest)>, RequestFailure> {
    let malformed = || RequestFailure::MalformedCall(ISO_MDOC);
    let items = items(&request.query).filter(|_| request.transactions.is_empty()).ok_or_else(malformed)?;
    let key = browser.iso_key.key().public().map_err(|_| malformed())?;
    let nonce = protocol::crypto::jose::from_base64url(&request.nonce).ok_or_else(malformed)?;
    let encryption_info = EncryptionInfo { nonce, key }.to_text().map_err(|_| malformed())?;
    let of_page = |origin: &String| {
        let mut iso = IsoRequest { device_request: String::new(), encryption_info: encryption_info.clone() };
        let reader = Some((by.certificates(), &*by.key as &dyn protocol::crypto::multikey::StandardSigner));
        let bytes = DeviceRequest::make(&items, &iso.transcript(origin), reader).map_err(|_| malformed())?;
        iso.device_request = base64url(&bytes);
        Ok((origin.clone(), iso))
    };
    browser.origins.iter().map(of_page).collect()
}

fn data(
    protocol: &str,
    origin: &str,
    request: &RequestObject,
    browser: &Browser,
    by: &RequestSigner,
) -> Result<Value, RequestFailure> {
    match protocol {
        SIGNED => {
            let text = request.sign(&by.signing(), &*by.key).map_err(|_| RequestFailure::MalformedCall("key"))?;
            Ok(json!({ "request": text }))
        }
        UNSIGNED => Ok(request.to_unsigned_json()),
        _ => {
            let iso = browser.iso.iter().find(|(it, _)| it == origin).map(|(_, iso)| iso.to_json());
            iso.ok_or(RequestFailure::MalformedCall("protocols"))
        }
    }
}

/// Make a request for a page: what is asked becomes what the page gives to `navigator.credentials.get`.
#[utoipa::path(post, path = "/openid4vp/dc-api", operation_id = "create_browser_request", tag = "Relying party",
    security(("token" = [])), request_body = NewBrowserRequest,
    responses(
        (status = 201, description = "Give it to the page, and follow it by `id`", body = BrowserRequest),
        (status = 400, description = "Not well formed, or nothing that could be answered", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 403, description = "Wider than the registration", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 503, description = "Busy, or no trust data; come back after `Retry-After` seconds", body = Refusal)))]
pub(super) async fn create(State(service): State<Presenting>, headers: HeaderMap, body: Bytes) -> Response {
    if !authorised(&service, &headers) {
        return unauthorised();
    }
    let read = json::read(&body, CALL_MAX).ok().and_then(|it| serde_json::from_value(it).ok());
    let Some(new) = read else { return failure(StatusCode::BAD_REQUEST, "invalid_request", "MalformedCall") };
    making(service, |it| async move { it.create_for_browser(new).await }).await
}

/// Hand in what the browser gave to the page. The verdict is read as that of any request.
#[utoipa::path(post, path = "/openid4vp/dc-api/{id}", operation_id = "answer_browser_request", tag = "Relying party",
    security(("token" = [])), params(("id" = String, Path, description = "Of the request")), request_body = BrowserAnswer,
    responses(
        (status = 204, description = "Taken"),
        (status = 400, description = "Refused; the description is the name of the refusal", body = Refusal),
        (status = 401, description = "The token is wrong", body = Refusal),
        (status = 413, description = "Too large", body = Refusal),
        (status = 503, description = "Busy, or no trust data; come back after `Retry-After` seconds", body = Refusal)))]
pub(super) async fn answer(
    State(service): State<Presenting>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !authorised(&service, &headers) {
        return unauthorised();
    }
    let read = json::read(&body, form::FORM_MAX).ok().and_then(|it| serde_json::from_value(it).ok());
    let Some(answer) = read else { return failure(StatusCode::BAD_REQUEST, "invalid_request", "MalformedCall") };
    match service.respond_from_browser(&id, answer).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.answer(),
    }
}
