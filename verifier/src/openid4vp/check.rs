//! The checks of an answer, in order.

use protocol::credential::Status;
use protocol::credential::mdoc::{DeviceCheck, DeviceResponse, Document, MdocError, SessionTranscript};
use protocol::credential::sd_jwt::{self, Challenge, SdJwt, SdJwtError};
use protocol::credential::status::bitstring;
use protocol::credential::status::token::{Reference, TokenStatusError};
use protocol::credential::w3c::{self, W3cError};
use protocol::crypto::jose::from_base64url;
use protocol::crypto::x509::{Root, authorities};
use protocol::exchange::Binding;
use protocol::exchange::dcql::{Candidate, CredentialQuery, DcqlError, Kind, Meta, Shown};
use protocol::exchange::openid4vp::dc_api::{self, IsoRequest};
use protocol::exchange::openid4vp::{RequestObject, Response, Vocabulary, VpError};
use protocol::identifier::Did;
use protocol::ledger::state::TrustedState;
use protocol::ledger::{CertificateIssuerError, ListedStatusError};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::receipt::{Kept, Receipt};
use super::refusal::AnswerRefusal;
use super::session::Session;
use super::verdict::{Answered, Presented, PresentedClaim, StatusGrade, Transaction};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::replay::Seen;
use crate::verdict::{IssuerKnown, ReplayProtection, TrustGrade};

/// Oldest holder's proof, in seconds: a request does not live longer.
const PROOF_AGE_MAX: u64 = 600;

/// An answer that passed every check but the last: that it is the first one.
pub struct Checked {
    answered: Answered,
    id: [u8; 32],
    until: u64,
}

impl Checked {
    /// The claims, if this is the first answer to its request (VERD-07).
    ///
    /// # Errors
    /// [`Refusal::NonceReplayed`]
    pub fn once(self, seen: &mut dyn Seen) -> Result<Answered, AnswerRefusal> {
        let now = self.answered.checked_at;
        if seen.first_use(self.id, self.until, now) { Ok(self.answered) } else { Err(Refusal::NonceReplayed.into()) }
    }
}

/// Checks the answer to `request` at `now` (Unix seconds).
///
/// # Errors
/// [`AnswerRefusal`], the first that applies in the order: clock and age of trust data, request's time and state, and of each
/// credential form, issuer's signature, holder's proof and issuer's accreditation; then question, transactions, status.
pub fn check(
    request: &RequestObject,
    response: &Response,
    trust: &TrustedState,
    vocabulary: &Vocabulary,
    policy: &Policy,
    now: u64,
) -> Result<Checked, AnswerRefusal> {
    let (grade, expires_at) = begin(request, trust, policy, now)?;
    if response.state != request.state {
        return Err(VpError::StateMismatch.into());
    }
    let session = Session::of(request)?;
    let audience = request.response.audience().unwrap_or_else(|| request.client_id.to_string());
    let asked = Asked::new(request, audience, session, trust, vocabulary, now)?;
    let mut received = Vec::new();
    for (id, presentations) in &response.vp_token.0 {
        let query = request.query.credential(id).ok_or(DcqlError::CredentialNotRequested)?;
        // D14: more than may be sent is not looked at.
        if presentations.len() > 1 && !query.multiple {
            return Err(DcqlError::CredentialNotRequested.into());
        }
        for presentation in presentations {
            received.push(asked.receive(query, presentation)?);
        }
    }
    asked.decide(received, grade, expires_at)
}

/// Checks the decrypted answer of a device (`DeviceResponse`) to what a page at `origin` asked as `iso`; `request` is the same
/// question.
///
/// # Errors
/// [`AnswerRefusal`], in the order of [`check`].
#[allow(clippy::too_many_arguments, reason = "time is an argument, never ambient")]
pub fn check_device(
    request: &RequestObject,
    iso: &IsoRequest,
    origin: &str,
    response: &[u8],
    trust: &TrustedState,
    vocabulary: &Vocabulary,
    policy: &Policy,
    now: u64,
) -> Result<Checked, AnswerRefusal> {
    let (grade, expires_at) = begin(request, trust, policy, now)?;
    let session = Session::IsoMdoc { encryption_info: iso.encryption_info.clone() };
    let asked = Asked::new(request, dc_api::audience(origin), session, trust, vocabulary, now)?;
    let mut received = Vec::<Received>::new();
    for document in &DeviceResponse::from_slice(response)?.documents {
        let fits = |it: &&CredentialQuery| match &it.meta {
            Meta::MsoMdoc { doctype_value } => *doctype_value == document.doc_type,
            _ => false,
        };
        let query = request.query.credentials.iter().find(fits).ok_or(DcqlError::CredentialNotRequested)?;
        if received.iter().any(|it| it.query == query.id) {
            return Err(DcqlError::CredentialNotRequested.into());
        }
        received.push(asked.document(&query.id, document, &document.doc_type)?);
    }
    asked.decide(received, grade, expires_at)
}

/// How old trust data are, and how long the request lives.
fn begin(
    request: &RequestObject,
    trust: &TrustedState,
    policy: &Policy,
    now: u64,
) -> Result<(TrustGrade, u64), AnswerRefusal> {
    let grade = policy.trust_grade(trust, now)?;
    let expires_at = request.expires_at.unwrap_or_default();
    if now >= expires_at { Err(Refusal::RequestExpired.into()) } else { Ok((grade, expires_at)) }
}

/// What the answer has to fit.
struct Asked<'a> {
    request: &'a RequestObject,
    trust: &'a TrustedState,
    vocabulary: &'a Vocabulary,
    audience: String,
    session: Session,
    transcript: SessionTranscript,
    roots: Vec<Root>,
    now: u64,
}

/// A credential of a trusted issuer, shown by its holder for this request.
struct Received {
    query: String,
    format: &'static str,
    kind: String,
    /// Of a W3C credential: its types.
    types: Vec<String>,
    claims: Value,
    disclosed: Vec<Vec<Option<String>>>,
    authorities: Vec<String>,
    issuer: Did,
    credential_type: String,
    status: Option<Reference>,
    valid_until: u64,
    transactions: Vec<String>,
    kept: Option<Kept>,
}

impl<'a> Asked<'a> {
    fn new(
        request: &'a RequestObject,
        audience: String,
        session: Session,
        trust: &'a TrustedState,
        vocabulary: &'a Vocabulary,
        now: u64,
    ) -> Result<Self, AnswerRefusal> {
        let transcript = session.transcript(&audience, &request.nonce)?;
        Ok(Self { request, trust, vocabulary, audience, session, transcript, roots: trust.certificate_roots(), now })
    }

    fn receive(&self, query: &CredentialQuery, presentation: &Value) -> Result<Received, AnswerRefusal> {
        // D18, D20: an object where a W3C credential is asked for, a text otherwise.
        let text = || presentation.as_str().ok_or(VpError::MalformedPresentation("vp_token"));
        match &query.meta {
            Meta::SdJwt { vct_values } => self.sd_jwt(&query.id, text()?, vct_values),
            Meta::MsoMdoc { doctype_value } => self.mdoc(&query.id, text()?, doctype_value),
            Meta::LdpVc { .. } if presentation.is_object() => self.w3c(&query.id, presentation),
            Meta::LdpVc { .. } => Err(VpError::MalformedPresentation("vp_token").into()),
            Meta::Other { .. } => Err(DcqlError::UnsupportedFormat.into()),
        }
    }

    fn sd_jwt(&self, query: &str, text: &str, kinds: &[String]) -> Result<Received, AnswerRefusal> {
        let challenge =
            Challenge { audience: &self.audience, nonce: &self.request.nonce, now: self.now, max_age: PROOF_AGE_MAX };
        let mut verified = Err(SdJwtError::TypeMismatch);
        for kind in kinds {
            verified = sd_jwt::verify_presentation(text, kind, &challenge, &self.roots);
            if !matches!(verified, Err(SdJwtError::TypeMismatch)) {
                break;
            }
        }
        let verified = verified?;
        let claims = verified.claims();
        let kind = verified.kind().to_owned();
        let credential_type = self.vocabulary.credential_type(&kind).to_owned();
        let issuer = self.trust.certificate_issuer(verified.root(), &credential_type, self.now)?.clone();
        let status = match claims.contains_key("status") {
            true => Some(Reference::from_claims(claims)?),
            false => None,
        };
        let owned = |path: Vec<Option<&str>>| path.into_iter().map(|it| it.map(str::to_owned)).collect();
        Ok(Received {
            query: query.to_owned(),
            format: "dc+sd-jwt",
            disclosed: verified.authentic().disclosed_paths().into_iter().map(owned).collect(),
            authorities: authorities(&SdJwt::read(text)?.header().certificates().unwrap_or_default()),
            issuer,
            credential_type,
            status,
            valid_until: claims.get("exp").and_then(Value::as_u64).unwrap_or_default(),
            transactions: verified.authentic().transaction_hashes().unwrap_or_default().to_vec(),
            kept: Kept::of(query, &kind, text),
            claims: Value::Object(claims.clone()),
            types: Vec::new(),
            kind,
        })
    }

    fn mdoc(&self, query: &str, text: &str, kind: &str) -> Result<Received, AnswerRefusal> {
        let bytes = from_base64url(text).ok_or(VpError::MalformedPresentation("vp_token"))?;
        let response = DeviceResponse::from_slice(&bytes)?;
        let [document] = &response.documents[..] else { return Err(MdocError::DocumentMissing.into()) };
        self.document(query, document, kind)
    }

    fn document(&self, query: &str, document: &Document, kind: &str) -> Result<Received, AnswerRefusal> {
        let device = DeviceCheck { transcript: &self.transcript, reader: None };
        let verified = document.verify(kind, &device, &self.roots, self.now)?;
        let credential_type = self.vocabulary.credential_type(kind).to_owned();
        let root = verified.root().ok_or(MdocError::DocumentMissing)?;
        let issuer = self.trust.certificate_issuer(root, &credential_type, self.now)?.clone();
        let elements = verified.elements().iter();
        let path = |namespace: &String, name: &String| vec![Some(namespace.clone()), Some(name.clone())];
        Ok(Received {
            query: query.to_owned(),
            format: "mso_mdoc",
            kind: kind.to_owned(),
            types: Vec::new(),
            disclosed: elements.flat_map(|(namespace, it)| it.keys().map(move |name| path(namespace, name))).collect(),
            authorities: authorities(&document.certificates()?),
            claims: verified.to_json(),
            issuer,
            credential_type,
            status: verified.status.clone(),
            valid_until: verified.valid_until,
            transactions: Vec::new(),
            kept: Some(Kept::of_document(query, document, self.now)),
        })
    }

    /// Appendix B.1: a presentation of one credential, signed by its subject for this client identifier and nonce (OVP-12).
    fn w3c(&self, query: &str, presentation: &Value) -> Result<Received, AnswerRefusal> {
        // Whoever decoded it did not know the limits of these documents (WJSN-01, WJSN-03).
        let document = w3c::read_json(presentation.to_string().as_bytes())?;
        let challenge = w3c::Challenge { domain: &self.audience, challenge: &self.request.nonce, now: self.now };
        let contexts = self.vocabulary.contexts();
        let shown = w3c::verify_shown(&document, &self.trust.controllers(self.now), &contexts, &challenge)?;
        let members = shown.members();
        let types = w3c::expanded_types(&Value::Object(members.clone()), &contexts)?;
        // OVP-13: whoever may issue one of its types says nothing about the others.
        let (mut kind, mut issuer) = (None, Err(CertificateIssuerError::IssuerNotAuthorizedForType));
        for it in types.iter().filter(|it| *it != w3c::CREDENTIAL_TYPE) {
            let credential_type = self.vocabulary.credential_type(it).to_owned();
            issuer = Ok(self.trust.accredited_issuer(shown.issuer(), &credential_type, self.now)?);
            kind = Some((it.clone(), credential_type));
        }
        let (kind, credential_type) = kind.ok_or(CertificateIssuerError::IssuerNotAuthorizedForType)?;
        let status = match members.contains_key("credentialStatus") {
            true => Some(bitstring::reference(members)?),
            false => None,
        };
        // Where nothing can be left out, the holder did not choose what is shown.
        let chosen = shown.proven_by().iter().all(|by| by.suite.is_selective());
        Ok(Received {
            query: query.to_owned(),
            format: "ldp_vc",
            kind,
            disclosed: if chosen { w3c::disclosed(members) } else { Vec::new() },
            authorities: Vec::new(),
            claims: Value::Object(members.clone()),
            issuer: issuer?,
            credential_type,
            status,
            valid_until: shown.valid_until().ok_or(W3cError::MalformedValidity)?,
            transactions: Vec::new(),
            kept: None,
            types,
        })
    }

    /// Everything after the signatures.
    fn decide(&self, received: Vec<Received>, trust: TrustGrade, until: u64) -> Result<Checked, AnswerRefusal> {
        let shown: Vec<_> = received.iter().map(|it| (it.query.as_str(), it.shown())).collect();
        let selections = self.request.query.check(&shown)?; // DCQL-04
        self.check_transactions(&received)?;
        let mut credentials = Vec::with_capacity(received.len());
        for (it, selection) in received.iter().zip(&selections) {
            let status = self.standing(it)?;
            let claim = |(path, value): (&str, &Value)| PresentedClaim { path: path.to_owned(), value: value.clone() };
            credentials.push(Presented {
                query: it.query.clone(),
                format: it.format,
                kind: it.kind.clone(),
                credential_type: it.credential_type.clone(),
                issuer: it.issuer.clone(),
                claims: selection.values(&it.claims).map(claim).collect(),
                issuer_known: IssuerKnown::Bundle,
                status,
                binding: Binding::HardwareKey,
                valid_until: it.valid_until,
            });
        }
        let transaction = |it: &protocol::exchange::openid4vp::TransactionData| Transaction {
            text_ko: it.text_ko.clone(),
            text_en: it.text_en.clone(),
            hash: it.hash(),
        };
        let answered = Answered {
            credentials,
            transactions: self.request.transactions.iter().map(transaction).collect(),
            trust,
            replay: ReplayProtection::Challenge,
            checked_at: self.now,
            receipt: self.receipt(&received),
        };
        // VERD-07: a request has one answer.
        let id = Sha256::new_with_prefix(self.audience.as_bytes()).chain_update([0]).chain_update(&self.request.nonce);
        Ok(Checked { answered, id: id.finalize().into(), until })
    }

    /// RCPT-01: of all credentials, or there is none.
    fn receipt(&self, received: &[Received]) -> Option<Receipt> {
        let documents = received.iter().any(|it| it.format == "mso_mdoc");
        Some(Receipt {
            verifier: self.audience.clone(),
            nonce: self.request.nonce.clone(),
            session: documents.then(|| self.session.clone()),
            transactions: self.request.transactions.iter().map(|it| it.encoded().to_owned()).collect(),
            credentials: received.iter().map(|it| it.kept.clone()).collect::<Option<_>>()?,
        })
    }

    /// OVP-07: every transaction has the proof of one credential that may answer for it, and no proof has anything else.
    fn check_transactions(&self, received: &[Received]) -> Result<(), AnswerRefusal> {
        let asked = &self.request.transactions;
        let agreed = asked.iter().all(|transaction| {
            let hash = transaction.hash();
            received.iter().any(|it| transaction.credential_ids.contains(&it.query) && it.transactions.contains(&hash))
        });
        let nothing_else = received.iter().all(|it| {
            let known = |hash: &String| {
                asked
                    .iter()
                    .any(|transaction| transaction.credential_ids.contains(&it.query) && transaction.hash() == *hash)
            };
            it.transactions.iter().all(known)
        });
        if agreed && nothing_else { Ok(()) } else { Err(AnswerRefusal::TransactionMismatch) }
    }

    /// VERD-06: not withdrawn, as of the trust data. A type of the ledger whose credentials stand on lists has to name one.
    fn standing(&self, it: &Received) -> Result<StatusGrade, AnswerRefusal> {
        let Some(reference) = &it.status else {
            let known = self.trust.credential_type(&it.credential_type).is_some();
            return if known { Err(TokenStatusError::StatusMissing.into()) } else { Ok(StatusGrade::Unlisted) };
        };
        let listed = self.trust.listed_status(&it.issuer, &it.credential_type, &reference.uri, reference.index);
        let listed = listed.map_err(|error| match error {
            ListedStatusError::ForeignStatusList | ListedStatusError::StatusListMissing => Refusal::StatusUnavailable,
            ListedStatusError::StatusIndexOutOfRange => Refusal::StatusIndexOutOfRange,
        })?;
        match listed.status {
            Status::Valid => Ok(StatusGrade::Listed { as_of: listed.as_of }),
            Status::Revoked => Err(Refusal::StatusRevoked.into()),
            Status::Suspended => Err(Refusal::StatusSuspended.into()),
            Status::Unknown => Err(Refusal::StatusUnknown.into()),
        }
    }
}

impl Received {
    fn shown(&self) -> Shown<'_> {
        let kind = match self.format {
            "mso_mdoc" => Kind::MsoMdoc { doctype: &self.kind },
            "ldp_vc" => Kind::LdpVc { types: &self.types },
            _ => Kind::SdJwt { vct: &self.kind },
        };
        // Nothing gets here without the holder's proof.
        let candidate = Candidate { kind, claims: &self.claims, holder_bound: true, authorities: &self.authorities };
        Shown {
            candidate,
            disclosed: self.disclosed.iter().map(|path| path.iter().map(Option::as_deref).collect()).collect(),
        }
    }
}
