//! Answering verifiers of other makes, over OpenID4VP: a signed request goes in, what the owner is asked and then a form to
//! post come out (`specs/openid4vp.md`).
//!
//! The app fetches the request and posts the form; here is decided who asks, whether they may, what of the credentials answers,
//! and what is sent. Through a browser's Digital Credentials API come the same requests, or those of a reader of mobile documents
//! ([`read_reader_request`]). A wallet that does not hold what was asked, and an owner who says no, send the same bytes (OVP-10).

mod link;
mod w3c;
mod wallet;

pub use link::Link;
pub use wallet::{Came, OpenIdConsent};

use std::collections::BTreeMap;

use protocol::credential::Label;
use protocol::credential::mdoc::dc_api::{self as annex_c, EncryptionInfo};
use protocol::credential::mdoc::{
    DeviceResponse, Document, Handover, IssuerSigned, MdocError, Proof, SessionTranscript,
};
use protocol::credential::sd_jwt::{KeyBinding, SdJwt, SdJwtError};
use protocol::credential::w3c::{Challenge, Contexts, W3cError};
use protocol::crypto::jose::base64url;
use protocol::crypto::multikey::StandardSigner;
use protocol::crypto::x509::authorities;
use protocol::exchange::OverAsk;
use protocol::exchange::dcql::{Candidate, Kind, Match, Plan};
use protocol::exchange::openid4vp::dc_api::{IsoRequest, audience};
use protocol::exchange::openid4vp::{
    AuthenticRequestObject, ErrorResponse, Expected, RequestObject, Response, ResponseMode, Vocabulary, VpError,
    VpToken, authenticate,
};
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;
use rand_core::CryptoRng;
use serde_json::Value;

use self::w3c::Held;
use crate::presenting::Decision;

/// Why nothing is answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenIdError {
    /// The request is refused: nothing is sent, not even that.
    #[error(transparent)]
    Request(#[from] VpError),
    /// A credential is not one that an issuer handed out.
    #[error(transparent)]
    SdJwt(#[from] SdJwtError),
    /// A document is not one that an issuer handed out.
    #[error(transparent)]
    Mdoc(#[from] MdocError),
    /// A W3C credential is not one that an issuer handed out, or cannot be shown.
    #[error(transparent)]
    W3c(#[from] W3cError),
    /// The owner chose something that does not answer.
    #[error("that credential does not answer this; choose one of those that do")]
    NotOffered,
}

/// A credential in a format of others, checked when it was issued, and its key.
pub struct Foreign<'a> {
    claims: Value,
    kind: String,
    authorities: Vec<String>,
    form: Form<'a>,
    key: &'a dyn StandardSigner,
}

enum Form<'a> {
    SdJwt(SdJwt<'a>),
    Mdoc(Box<IssuerSigned>),
    W3c(Box<Held>),
}

impl<'a> Foreign<'a> {
    /// An SD-JWT VC, as it was issued and verified (`verify_issued`), which gave `claims`.
    ///
    /// # Errors
    /// [`OpenIdError::SdJwt`]
    pub fn sd_jwt(
        text: &'a str,
        verified: &protocol::credential::sd_jwt::Verified,
        key: &'a dyn StandardSigner,
    ) -> Result<Self, OpenIdError> {
        let credential = SdJwt::read(text)?;
        Ok(Self {
            claims: Value::Object(verified.claims().clone()),
            kind: verified.kind().to_owned(),
            authorities: authorities(&credential.header().certificates().unwrap_or_default()),
            form: Form::SdJwt(credential),
            key,
        })
    }

    /// A mobile document, as it was issued and verified.
    ///
    /// # Errors
    /// [`OpenIdError::Mdoc`]
    pub fn mdoc(issued: &[u8], doc_type: &str, key: &'a dyn StandardSigner) -> Result<Self, OpenIdError> {
        let document = IssuerSigned::from_slice(issued)?;
        Ok(Self {
            claims: document.to_json(),
            kind: doc_type.to_owned(),
            authorities: authorities(&document.certificates()?),
            form: Form::Mdoc(Box::new(document)),
            key,
        })
    }

    /// A W3C credential, as it was issued and verified (`verify_issued`) with these contexts.
    ///
    /// # Errors
    /// [`OpenIdError::W3c`]
    pub fn w3c(document: Value, contexts: Contexts, key: &'a dyn StandardSigner) -> Result<Self, OpenIdError> {
        let held = Held::new(document, contexts)?;
        let (claims, kind) = (held.claims()?, held.types().last().cloned().unwrap_or_default());
        Ok(Self { claims, kind, authorities: Vec::new(), form: Form::W3c(Box::new(held)), key })
    }

    fn candidate(&self) -> Candidate<'_> {
        let kind = match &self.form {
            Form::SdJwt(_) => Kind::SdJwt { vct: &self.kind },
            Form::Mdoc(_) => Kind::MsoMdoc { doctype: &self.kind },
            Form::W3c(held) => Kind::LdpVc { types: held.types() },
        };
        Candidate { kind, claims: &self.claims, holder_bound: true, authorities: &self.authorities }
    }
}

/// One credential query on the consent sheet.
#[derive(Clone)]
pub struct Choice {
    /// Its identifier in the request.
    pub query: String,
    /// Whether it has to be answered for anything to be sent.
    pub required: bool,
    /// Whether more than one credential may be sent.
    pub multiple: bool,
    /// Credentials that answer it; those of which only what was asked is shown first.
    pub options: Vec<Offered>,
    /// Whether the verifier of a mobile document says it keeps some of it.
    pub retained: bool,
}

/// A credential that answers, and what the verifier would see.
#[derive(Clone)]
pub struct Offered {
    /// Which of the credentials.
    pub credential: usize,
    /// Where the claims stand (RFC 6901), with their values: everything that the verifier would see.
    pub shown: Vec<(String, Value)>,
    /// Whether the credential's format cannot leave anything out, so that more is shown than was asked.
    pub all: bool,
    /// What would then be shown beyond the verifier's registration. Such an answer is blocked unless the owner insists.
    pub over_ask: Option<OverAsk>,
    pointers: Vec<String>,
}

/// Claims are personal data: logs and panics never show them.
impl core::fmt::Debug for Offered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Offered({}, {} claims [redacted])", self.credential, self.shown.len())
    }
}

/// What the owner is asked before anything is answered.
pub struct Sheet {
    /// Who asks.
    pub verifier: Did,
    /// Its registered name.
    pub name: Label,
    /// Why: the registered text; none when the verifier did not register a purpose for it.
    pub purpose: Option<Label>,
    /// What the verifier asks beyond its registration. Such a request is blocked unless the owner insists.
    pub over_ask: Option<OverAsk>,
    /// Texts that the owner agrees to by answering.
    pub transactions: Vec<Label>,
    /// What is asked, and what could answer. None when the wallet does not hold it.
    pub choices: Option<Vec<Choice>>,
    request: RequestObject,
    /// The origin that the browser says.
    origin: Option<String>,
    /// Of a reader of mobile documents: its session, and how it wants the answer encrypted.
    reader: Option<(SessionTranscript, EncryptionInfo)>,
}

impl core::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sheet({} [redacted])", self.verifier)
    }
}

/// What the app sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it is posted; none through a browser's Digital Credentials API.
    pub uri: Option<String>,
    /// `application/x-www-form-urlencoded`, or the browser's data as JSON.
    pub body: String,
}

/// Reads a signed request for the owner to look at.
///
/// # Errors
/// [`OpenIdError::Request`]: whoever asks is not who they say, or not registered.
pub fn read_request(
    text: &str,
    expected: &Expected<'_>,
    held: &[Foreign<'_>],
    trust: &TrustedState,
    vocabulary: &Vocabulary,
    now: u64,
) -> Result<Sheet, OpenIdError> {
    let authentic = authenticate(text, expected, trust, vocabulary, now)?;
    Ok(Sheet::new(authentic, expected.origin, None, held))
}

/// Reads what a reader of mobile documents asks from a page at `origin` (`org-iso-mdoc`), for the owner to look at. All that it
/// asks of a document is shown, or nothing.
///
/// # Errors
/// [`OpenIdError::Request`]: whoever asks does not say who they are, is not who they say, or is not registered.
pub fn read_reader_request(
    request: &IsoRequest,
    origin: &str,
    held: &[Foreign<'_>],
    trust: &TrustedState,
    vocabulary: &Vocabulary,
    now: u64,
) -> Result<Sheet, OpenIdError> {
    let (authentic, info) = request.authenticate(origin, trust, vocabulary, now)?;
    Ok(Sheet::new(authentic, Some(origin), Some((request.transcript(origin), info)), held))
}

fn choices(authentic: &AuthenticRequestObject, plan: Plan, held: &[Foreign<'_>]) -> Vec<Choice> {
    let request = &authentic.request;
    let required = plan.required.into_iter().map(|it| (it, true));
    let all = required.chain(plan.optional.into_iter().map(|it| (it, false)));
    let choice = |((at, matches), required): ((usize, Vec<Match>), bool)| {
        let query = request.query.credentials.get(at)?;
        let offered = |it: &Match| {
            let Foreign { claims, form, .. } = held.get(it.candidate)?;
            let pointers = it.selection.pointers.clone();
            let (shown, all) = match form {
                Form::W3c(held) => (held.seen(&pointers).ok()?, !held.shows_parts()),
                Form::SdJwt(_) | Form::Mdoc(_) => {
                    let values = it.selection.values(claims);
                    (values.map(|(path, value)| (path.to_owned(), value.clone())).collect(), false)
                }
            };
            let places = shown.iter().map(|(place, _): &(String, Value)| place.as_str());
            let over_ask = if all { authentic.shows_too_much(&query.id, places) } else { None }; // OVP-17
            Some(Offered { credential: it.candidate, shown, all, over_ask, pointers })
        };
        let mut options: Vec<Offered> = matches.iter().filter_map(offered).collect();
        options.sort_by_key(|it| it.all); // OVP-14
        Some(Choice {
            query: query.id.clone(),
            required,
            multiple: query.multiple,
            options,
            retained: query.claims.iter().any(|it| it.intent_to_retain == Some(true)),
        })
    };
    all.filter_map(choice).collect()
}

impl Sheet {
    fn new(
        authentic: AuthenticRequestObject,
        origin: Option<&str>,
        reader: Option<(SessionTranscript, EncryptionInfo)>,
        held: &[Foreign<'_>],
    ) -> Self {
        let over_ask = match authentic.within_registration() {
            Err(VpError::OverAsk(over_ask)) => Some(over_ask),
            _ => None,
        };
        let candidates: Vec<_> = held.iter().map(Foreign::candidate).collect();
        let choices = authentic.request.query.plan(&candidates).map(|plan| choices(&authentic, plan, held));
        let AuthenticRequestObject { request, verifier, name, purpose, .. } = authentic;
        let text = |it: &protocol::exchange::openid4vp::TransactionData| Label {
            ko: it.text_ko.clone(),
            en: it.text_en.clone(),
        };
        let transactions = request.transactions.iter().map(text).collect();
        let origin = origin.map(str::to_owned);
        Self { verifier, name, purpose, over_ask, transactions, choices, request, origin, reader }
    }

    /// The first credential for everything that has to be answered.
    #[must_use]
    pub fn usual(&self) -> Vec<(String, usize)> {
        let required = self.choices.iter().flatten().filter(|it| it.required);
        required.filter_map(|it| Some((it.query.clone(), it.options.first()?.credential))).collect()
    }

    /// Does what the owner decided, with the credentials that they chose for each query. What is sent when they say no is what
    /// is sent when the wallet does not hold what was asked.
    ///
    /// # Errors
    /// [`OpenIdError::NotOffered`]; [`OpenIdError::Request`] with [`VpError::OverAsk`] for a request that was blocked, and
    /// what making the answer says.
    pub fn answer(
        &self,
        decision: Decision,
        chosen: &[(String, usize)],
        held: &[Foreign<'_>],
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Outgoing, OpenIdError> {
        let uri = self.request.response.uri().map(str::to_owned);
        let Some(choices) = self.choices.as_ref().filter(|_| decision != Decision::Decline) else {
            return Ok(Outgoing { uri, body: self.declined() });
        };
        if let (Some(over_ask), Decision::Approve) = (&self.over_ask, decision) {
            return Err(VpError::from(over_ask.clone()).into());
        }
        let answered = |choice: &Choice| chosen.iter().any(|(query, _)| *query == choice.query);
        if !choices.iter().all(|it| !it.required || answered(it)) {
            return Err(OpenIdError::NotOffered);
        }
        let (mut token, mut documents) = (BTreeMap::<String, Vec<Value>>::new(), Vec::new());
        for (query, credential) in chosen {
            let choice = choices.iter().find(|it| it.query == *query).ok_or(OpenIdError::NotOffered)?;
            let offered = choice.options.iter().find(|it| it.credential == *credential);
            let (offered, foreign) = offered.zip(held.get(*credential)).ok_or(OpenIdError::NotOffered)?;
            if let (Some(over_ask), Decision::Approve) = (&offered.over_ask, decision) {
                return Err(VpError::from(over_ask.clone()).into());
            }
            let list = token.entry(query.clone()).or_default();
            if !list.is_empty() && !choice.multiple {
                return Err(OpenIdError::NotOffered);
            }
            list.push(self.present(foreign, query, offered, now, &mut documents, rng)?);
        }
        if let Some((transcript, info)) = &self.reader {
            let sealed = annex_c::seal(&DeviceResponse { documents }.to_vec(), info, transcript, rng)?;
            return Ok(Outgoing { uri, body: serde_json::json!({ "response": sealed }).to_string() });
        }
        let response = Response { vp_token: VpToken(token), state: self.request.state.clone() };
        let body = match (&self.request.response, uri.is_some()) {
            (mode, true) => response.to_form(mode, &self.request.metadata, rng)?,
            (ResponseMode::DcApiJwt(_), false) => {
                serde_json::json!({ "response": response.encrypt(&self.request.metadata, rng)? }).to_string()
            }
            (_, false) => response.to_json().to_string(),
        };
        Ok(Outgoing { uri, body })
    }

    fn declined(&self) -> String {
        let error = ErrorResponse::declined(self.request.state.as_deref());
        match self.request.response.uri() {
            Some(_) => error.to_form(),
            None => serde_json::json!({ "error": error.error }).to_string(),
        }
    }

    fn present(
        &self,
        foreign: &Foreign<'_>,
        query: &String,
        offered: &Offered,
        now: u64,
        documents: &mut Vec<Document>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Value, OpenIdError> {
        let request = &self.request;
        // Through a browser it is the page's origin, whoever signed (OpenID4VP 1.0, appendix A.4).
        let audience = self.origin.as_deref().map_or_else(|| request.client_id.to_string(), audience);
        match &foreign.form {
            Form::SdJwt(credential) => {
                let mut paths = Vec::new();
                for pointer in &offered.pointers {
                    whole(&foreign.claims, pointer, &mut paths);
                }
                let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                let mine = request.transactions.iter().filter(|it| it.credential_ids.contains(query));
                let hashes: Vec<String> = mine.map(|it| it.hash()).collect();
                let binding = KeyBinding { audience: &audience, nonce: &request.nonce, now };
                Ok(credential.present_with(&paths, &binding, &hashes, foreign.key)?.into())
            }
            Form::Mdoc(issued) => {
                let transcript = match &self.reader {
                    Some((transcript, _)) => transcript.clone(),
                    None => self.transcript(&audience)?,
                };
                let element = |it: &'_ String| {
                    let steps: Vec<String> = it.split('/').skip(1).map(unescape).collect();
                    <[String; 2]>::try_from(steps).ok()
                };
                let elements: Vec<[String; 2]> = offered.pointers.iter().filter_map(element).collect();
                let elements: Vec<(&str, &str)> =
                    elements.iter().map(|[namespace, name]| (namespace.as_str(), name.as_str())).collect();
                let proof = Proof::Signature(foreign.key);
                let document = Document::present(issued, &foreign.kind, &elements, &transcript, &proof)?;
                documents.push(document.clone());
                Ok(base64url(&DeviceResponse { documents: vec![document] }.to_vec()).into())
            }
            Form::W3c(held) => {
                let challenge = Challenge { domain: &audience, challenge: &request.nonce, now };
                Ok(held.show(&offered.pointers, foreign.key, &challenge, rng)?)
            }
        }
    }
}

impl Sheet {
    /// What a device signs for an OpenID4VP request.
    fn transcript(&self, audience: &str) -> Result<SessionTranscript, OpenIdError> {
        let request = &self.request;
        let key = request.metadata.keys.first().filter(|_| request.response.encrypted());
        let thumbprint = key.map(|it| it.thumbprint());
        let (nonce, thumbprint) = (request.nonce.as_str(), thumbprint.as_ref());
        Ok(SessionTranscript::new(&match &request.response {
            ResponseMode::DirectPost(uri) | ResponseMode::DirectPostJwt(uri) => {
                Handover::OpenId4Vp { client_id: audience, nonce, thumbprint, response_uri: uri }
            }
            ResponseMode::DcApi(_) | ResponseMode::DcApiJwt(_) => {
                let origin = self.origin.as_deref().ok_or(VpError::MalformedRequest("expected_origins"))?;
                Handover::DcApi { origin, nonce, thumbprint }
            }
        }))
    }
}

/// The path and everything below it: a claim is shown whole.
fn whole(claims: &Value, pointer: &str, paths: &mut Vec<String>) {
    paths.push(pointer.to_owned());
    match claims.pointer(pointer) {
        Some(Value::Object(members)) => {
            for name in members.keys() {
                let step = name.replace('~', "~0").replace('/', "~1");
                whole(claims, &format!("{pointer}/{step}"), paths);
            }
        }
        Some(Value::Array(elements)) => {
            (0..elements.len()).for_each(|at| whole(claims, &format!("{pointer}/{at}"), paths));
        }
        _ => {}
    }
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
