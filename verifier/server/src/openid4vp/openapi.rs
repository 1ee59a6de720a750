//! The document that describes the service. The routes are written once: each handler carries its own description.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, Server};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::Presenting;
use crate::store::State;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Verifier",
        description = "Ask wallets for credentials over OpenID4VP 1.0: make a request with one call, show a link or a QR \
            code, follow where it stands, read the verdict. What is wider than the verifier's registration on the ledger \
            is refused before anybody is asked.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "Relying party", description = "For your own programs, with the token; pages may follow a request by its id"),
        (name = "Wallet", description = "OpenID4VP 1.0: what a wallet fetches and where it answers")
    ),
    components(schemas(Refusal, VerdictAnswer))
)]
struct Document;

/// A router that begins with the general part of the document.
pub(super) fn router() -> OpenApiRouter<Presenting> {
    let mut document = Document::openapi();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_with(Components::new).add_security_scheme("token", token);
    document.servers = Some(vec![Server::new("..")]);
    OpenApiRouter::with_openapi(document)
}

/// Serves the document.
pub(super) fn serve(
    document: &utoipa::openapi::OpenApi,
) -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone + Send + Sync + 'static {
    // Writing plain data cannot fail.
    let text = Bytes::from(document.to_json().unwrap_or_default());
    move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response())
}

/// Why nothing else came: an error as OAuth has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refusal {
    /// The code of OAuth or OpenID4VP, e.g. `invalid_request`.
    pub(super) error: String,
    /// The name of the refusal here, e.g. `AttributeNotRegistered`.
    pub(super) error_description: String,
}

/// Where a request stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateAnswer {
    pub(super) state: State,
}

/// An event of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateEvent {
    /// Always `state`.
    event: String,
    data: State,
}

/// What the page gives back of a same-device request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerdictCall {
    /// From the address that the holder's browser came back with.
    response_code: Option<String>,
}

/// Where the holder's browser goes, on the same device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Taken {
    /// With a `response_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect_uri: Option<String>,
}

/// What wallets post.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ObjectCall {
    /// Repeated in the request.
    wallet_nonce: Option<String>,
    /// Read and passed over.
    wallet_metadata: Option<String>,
}

/// What wallets answer: `response`, or `vp_token`, or `error`; `state` beside the latter two.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnswerCall {
    /// A JWE.
    response: Option<String>,
    /// JSON.
    vp_token: Option<String>,
    /// E.g. `access_denied`.
    error: Option<String>,
    /// As in the request.
    state: Option<String>,
}

/// A verdict.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerdictAnswer {
    /// Always true: what is refused has no verdict.
    accepted: bool,
    verdict: VerdictShape,
}

/// What was shown, and how sure it is.
#[derive(Debug, Serialize, ToSchema)]
struct VerdictShape {
    /// One or more for each credential query that was answered.
    credentials: Vec<CredentialShape>,
    /// What the holder agreed to, as the holder read it.
    transactions: Vec<TransactionShape>,
    /// The trust data behind this.
    trust: TrustShape,
    /// What keeps copies out.
    replay: String,
    /// When it was checked, Unix seconds.
    checked_at: u64,
    /// What can be kept without attributes, to be checked again.
    #[schema(nullable = false)]
    receipt: Option<ReceiptShape>,
}

/// The proof of an answer without attributes. It still tells one holder from another.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceiptShape {
    /// Who asked.
    verifier: String,
    /// The request's nonce.
    nonce: String,
    /// What proofs of mobile documents are bound to besides.
    #[schema(nullable = false)]
    session: Option<SessionShape>,
    /// As they were sent, base64url.
    transactions: Vec<String>,
    credentials: Vec<KeptShape>,
}

/// How request and answer travelled.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum SessionShape {
    /// Posted.
    DirectPost {
        /// Where.
        response_uri: String,
        /// Thumbprint of the key that it was encrypted to.
        #[schema(nullable = false)]
        key: Option<String>,
    },
    /// Through a browser.
    DcApi {
        /// Thumbprint of the key that it was encrypted to.
        #[schema(nullable = false)]
        key: Option<String>,
    },
    /// Through a browser, as `org-iso-mdoc`.
    IsoMdoc {
        /// As it was sent.
        encryption_info: String,
    },
}

/// A credential without attributes, and its holder's proof.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum KeptShape {
    SdJwt(KeptSdJwtShape),
    Mdoc(KeptDocumentShape),
}

/// Of a mobile document.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct KeptDocumentShape {
    /// Which credential query it answered.
    query: String,
    /// Its type.
    doctype: String,
    /// A `DeviceResponse` without elements, base64url.
    document: String,
    /// When it was shown, as the keeper says: Unix seconds.
    at: u64,
}

/// Of an SD-JWT.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct KeptSdJwtShape {
    /// Which credential query it answered.
    query: String,
    /// Its type.
    vct: String,
    /// The issuer's JWS.
    credential: String,
    /// The holder's JWS.
    proof: String,
}

/// What a receipt still proves.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecheckedShape {
    /// Who asked.
    verifier: String,
    /// When the holder agreed, Unix seconds.
    agreed_at: u64,
    /// `holder`, or `keeper` where a mobile document was shown, whose proof has no time.
    time_said_by: String,
    transactions: Vec<TransactionShape>,
    credentials: Vec<RecheckedCredentialShape>,
}

/// A credential whose holder took part.
#[derive(Debug, Serialize, ToSchema)]
struct RecheckedCredentialShape {
    /// Which credential query it answered.
    query: String,
    /// Its own type.
    kind: String,
    /// The credential type on the ledger.
    credential_type: String,
    /// The DID of its issuer, accredited when the holder agreed.
    issuer: String,
}

/// The trust data behind a verdict.
#[derive(Debug, Serialize, ToSchema)]
struct TrustShape {
    /// The ledger's height.
    height: u64,
    /// As of when, Unix seconds.
    as_of: u64,
    /// How old it was then, in seconds.
    age: u64,
}

/// A credential that passed every check.
#[derive(Debug, Serialize, ToSchema)]
struct CredentialShape {
    /// Which credential query it answers.
    query: String,
    /// `dc+sd-jwt`, `mso_mdoc` or `ldp_vc`.
    format: String,
    /// Its own type: `vct` or doctype.
    kind: String,
    /// The credential type on the ledger.
    credential_type: String,
    /// The DID of its issuer.
    issuer: String,
    /// What was asked for, and nothing else.
    claims: Vec<ClaimShape>,
    /// How the issuer is known.
    issuer_known: String,
    status: StatusShape,
    /// How the holder took part.
    binding: String,
    /// Until when it is good, Unix seconds.
    valid_until: u64,
}

/// How sure it is that it was not withdrawn.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum StatusShape {
    /// According to a list on the ledger.
    Listed {
        /// As of when, Unix seconds.
        as_of: u64,
    },
    /// It cannot be withdrawn: it runs out.
    Unlisted,
}

/// A claim.
#[derive(Debug, Serialize, ToSchema)]
struct ClaimShape {
    /// A JSON pointer into the credential; of a mobile document: namespace and element.
    path: String,
    /// Its value.
    #[schema(value_type = Value)]
    value: Value,
}

/// A transaction that the holder agreed to.
#[derive(Debug, Serialize, ToSchema)]
struct TransactionShape {
    /// The text in Korean.
    text_ko: String,
    /// The text in English.
    text_en: String,
    /// The hash in the holder's proof, base64url.
    hash: String,
}

/// A question (OpenID4VP 1.0, section 6).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DcqlShape {
    /// One to 32.
    #[schema(min_items = 1, max_items = 32)]
    credentials: Vec<CredentialQueryShape>,
    /// Which of them are needed; all where there are none.
    #[schema(nullable = false)]
    credential_sets: Option<Vec<CredentialSetShape>>,
}

/// One credential that is asked for.
#[derive(Debug, Serialize, ToSchema)]
struct CredentialQueryShape {
    /// Its name within the question.
    #[schema(pattern = "^[A-Za-z0-9_-]+$")]
    id: String,
    /// `dc+sd-jwt`, `mso_mdoc` or `ldp_vc`.
    format: String,
    /// `{"vct_values": […]}` or `{"doctype_value": …}`.
    meta: HashMap<String, Value>,
    /// What of it; nothing that can be kept back where there are none.
    #[schema(nullable = false)]
    claims: Option<Vec<ClaimQueryShape>>,
    /// Of which claims one set is enough, the first that can be answered.
    #[schema(nullable = false)]
    claim_sets: Option<Vec<Vec<String>>>,
    /// Whether several may be shown.
    #[schema(nullable = false)]
    multiple: Option<bool>,
    /// Whose credentials.
    #[schema(nullable = false)]
    trusted_authorities: Option<Vec<AuthorityShape>>,
    /// Whether the holder proves to be it.
    #[schema(nullable = false)]
    require_cryptographic_holder_binding: Option<bool>,
}

/// One claim that is asked for.
#[derive(Debug, Serialize, ToSchema)]
struct ClaimQueryShape {
    /// Its name within the credential query.
    #[schema(nullable = false)]
    id: Option<String>,
    /// Names, indices from 0, and `null` for all elements.
    path: Vec<Value>,
    /// One of these.
    #[schema(nullable = false)]
    values: Option<Vec<Value>>,
    /// Whether an element of a mobile document is to be kept.
    #[schema(nullable = false)]
    intent_to_retain: Option<bool>,
}

/// Which of several credentials are enough.
#[derive(Debug, Serialize, ToSchema)]
struct CredentialSetShape {
    /// Names of credential queries; one option is enough.
    options: Vec<Vec<String>>,
    /// Needed, unless it is said otherwise.
    #[schema(nullable = false)]
    required: Option<bool>,
}

/// Whose credentials.
#[derive(Debug, Serialize, ToSchema)]
struct AuthorityShape {
    /// `aki`.
    #[serde(rename = "type")]
    kind: String,
    values: Vec<String>,
}
