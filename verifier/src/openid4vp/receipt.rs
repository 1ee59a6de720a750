//! What can be kept of an answer without its attributes, and checked again later by anyone with trust data.
//!
//! A receipt has the credential as the issuer signed it, with digests where attributes were, and the holder's proof, which
//! names verifier, nonce and transactions. It still tells one holder from another (by the key and the place on the status
//! list): it is personal data, and whoever keeps one needs a reason.
//!
//! Of a mobile document the issuer's signed digests and the device's proof are left, and what the session was, so that the
//! transcript can be computed again. That proof has no time: when it was made is the keeper's word.

use protocol::credential::mdoc::{DeviceCheck, DeviceResponse, Document, MdocError};
use protocol::credential::sd_jwt::{KEY_BINDING_KIND, SdJwtError, Trust, verify_issued};
use protocol::crypto::jose::{Jws, JwsError, base64url, from_base64url};
use protocol::crypto::x509::Root;
use protocol::exchange::openid4vp::{TransactionData, Vocabulary, VpError};
use protocol::identifier::Did;
use protocol::json;
use protocol::ledger::state::TrustedState;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::refusal::AnswerRefusal;
use super::session::Session;
use super::verdict::Transaction;

/// Longest receipt, in bytes.
pub const RECEIPT_MAX: usize = 256 * 1024;
/// Most credentials and most transactions of a receipt.
const PARTS_MAX: usize = 32;
/// What a credential says of itself and never of its holder's attributes (SDJ-08).
const NO_ATTRIBUTES: [&str; 10] =
    ["iss", "nbf", "exp", "iat", "cnf", "vct", "vct#integrity", "status", "_sd", "_sd_alg"];

/// The proof of an answer, without attributes (RCPT-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Who asked, as the holder's proof names it.
    pub(super) verifier: String,
    /// The request's nonce.
    pub(super) nonce: String,
    /// What proofs of mobile documents are bound to besides; there when one was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<Session>,
    /// Transactions as they were sent, base64url.
    pub(super) transactions: Vec<String>,
    /// One for each credential that was shown.
    pub(super) credentials: Vec<Kept>,
}

/// A credential without attributes, and its holder's proof.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kept {
    /// Of an SD-JWT.
    SdJwt(KeptSdJwt),
    /// Of a mobile document.
    Mdoc(KeptDocument),
}

/// What is kept of an SD-JWT.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptSdJwt {
    /// Which credential query it answered.
    query: String,
    /// Its type.
    vct: String,
    /// The issuer's JWS.
    credential: String,
    /// The holder's JWS.
    proof: String,
}

/// What is kept of a mobile document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptDocument {
    /// Which credential query it answered.
    query: String,
    /// Its type.
    doctype: String,
    /// A `DeviceResponse` with the document, of which no element is left; base64url.
    document: String,
    /// When it was shown, as whoever keeps it says: Unix seconds.
    at: u64,
}

impl core::fmt::Debug for Kept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let query = match self {
            Self::SdJwt(it) => &it.query,
            Self::Mdoc(it) => &it.query,
        };
        write!(f, "Kept({query}: [redacted])")
    }
}

/// What a receipt still proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rechecked {
    /// Who asked: the client identifier.
    pub verifier: String,
    /// When the holder agreed, Unix seconds: the latest of the proofs.
    pub agreed_at: u64,
    /// Who says when that was.
    pub time_said_by: TimeSaid,
    /// What the holder agreed to.
    pub transactions: Vec<Transaction>,
    /// What was shown of whom is gone; that it was shown is not.
    pub credentials: Vec<RecheckedCredential>,
}

/// Whose word the time of an agreement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSaid {
    /// The holder signed it.
    Holder,
    /// Whoever kept the receipt: a mobile document's proof has no time.
    Keeper,
}

/// A credential whose holder took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecheckedCredential {
    /// Which credential query it answered.
    pub query: String,
    /// Its own type.
    pub kind: String,
    /// The credential type on the ledger.
    pub credential_type: String,
    /// Who issued it, accredited when the holder agreed.
    pub issuer: Did,
}

impl Kept {
    /// What is kept of a presentation that was verified; none where an attribute cannot be left out.
    pub(super) fn of(query: &str, vct: &str, text: &str) -> Option<Self> {
        let (issued, rest) = text.split_once('~')?;
        let (_, proof) = rest.rsplit_once('~').unwrap_or(("", rest));
        let claims = unverified(issued)?;
        // RCPT-01
        let bare = claims.iter().all(|(name, value)| says_nothing(name) || hidden(value));
        let owned = |text: &str| text.to_owned();
        let kept =
            || KeptSdJwt { query: owned(query), vct: owned(vct), credential: owned(issued), proof: owned(proof) };
        bare.then(|| Self::SdJwt(kept()))
    }

    /// What is kept of a document that was verified at `at`: no element (RCPT-01).
    pub(super) fn of_document(query: &str, document: &Document, at: u64) -> Self {
        let bare = DeviceResponse { documents: vec![document.without_elements()] };
        let (query, doctype) = (query.to_owned(), document.doc_type.clone());
        Self::Mdoc(KeptDocument { query, doctype, document: base64url(&bare.to_vec()), at })
    }
}

/// What a part of a receipt proves.
struct Proven {
    query: String,
    kind: String,
    credential_type: String,
    issuer: Did,
    at: u64,
    hashes: Vec<String>,
}

impl Receipt {
    /// Reads a receipt.
    ///
    /// # Errors
    /// [`VpError::MalformedPresentation`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, AnswerRefusal> {
        let malformed = || AnswerRefusal::from(VpError::MalformedPresentation("receipt"));
        let value = json::read(bytes, RECEIPT_MAX).map_err(|_| malformed())?;
        let receipt: Self = serde_json::from_value(value).map_err(|_| malformed())?;
        let few = receipt.transactions.len() <= PARTS_MAX && (1..=PARTS_MAX).contains(&receipt.credentials.len());
        if few { Ok(receipt) } else { Err(malformed()) }
    }

    /// Checks it again with today's trust data: issuers' signatures and accreditation, and validity of the credentials, as of
    /// the moment when the holder agreed; holders' proofs; transactions (RCPT-02). Whether something was withdrawn then is
    /// not in it: that was in the verdict.
    ///
    /// # Errors
    /// [`AnswerRefusal`]
    pub fn check(&self, trust: &TrustedState, vocabulary: &Vocabulary) -> Result<Rechecked, AnswerRefusal> {
        let roots = trust.certificate_roots(); // RCPT-02
        let (mut agreed_at, mut hashes, mut credentials) = (0, Vec::new(), Vec::new());
        let mut time_said_by = TimeSaid::Holder;
        for kept in &self.credentials {
            let proven = match kept {
                Kept::SdJwt(kept) => self.check_sd_jwt(kept, trust, vocabulary, &roots)?,
                Kept::Mdoc(kept) => {
                    time_said_by = TimeSaid::Keeper;
                    self.check_document(kept, trust, vocabulary, &roots)?
                }
            };
            hashes.extend(proven.hashes);
            agreed_at = agreed_at.max(proven.at);
            let (query, kind) = (proven.query, proven.kind);
            let (credential_type, issuer) = (proven.credential_type, proven.issuer);
            credentials.push(RecheckedCredential { query, kind, credential_type, issuer });
        }
        let mut transactions = Vec::new();
        for encoded in &self.transactions {
            let transaction = TransactionData::read(encoded)?;
            let hash = transaction.hash();
            if !hashes.contains(&hash) {
                return Err(AnswerRefusal::TransactionMismatch);
            }
            transactions.push(Transaction { text_ko: transaction.text_ko, text_en: transaction.text_en, hash });
        }
        // Nothing that the holder agreed to was left out.
        if hashes.iter().any(|hash| !transactions.iter().any(|it| it.hash == *hash)) {
            return Err(AnswerRefusal::TransactionMismatch);
        }
        Ok(Rechecked { verifier: self.verifier.clone(), agreed_at, time_said_by, transactions, credentials })
    }

    fn check_sd_jwt(
        &self,
        kept: &KeptSdJwt,
        trust: &TrustedState,
        vocabulary: &Vocabulary,
        roots: &[Root],
    ) -> Result<Proven, AnswerRefusal> {
        let proof = Jws::read(&kept.proof).map_err(SdJwtError::from)?;
        proof.expect_kind(KEY_BINDING_KIND).map_err(SdJwtError::from)?;
        // Only to know as of when: it is read again from what was verified.
        let at = unverified(&kept.proof).and_then(|it| it.get("iat")?.as_u64()).ok_or(SdJwtError::MissingField)?;
        let issued = format!("{}~", kept.credential);
        let verified = verify_issued(&issued, &kept.vct, &Trust { roots, now: at })?;
        let holder = verified.authentic().holder_key()?;
        let proof = proof.verify(&holder).map_err(|error| match error {
            JwsError::Signature(_) | JwsError::KeyAlgorithmMismatch => SdJwtError::HolderBindingInvalid,
            other => other.into(),
        })?;
        let claims = proof.claims().map_err(SdJwtError::from)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("aud") != Some(&self.verifier) {
            return Err(SdJwtError::AudienceMismatch.into());
        }
        if text("nonce") != Some(&self.nonce) {
            return Err(SdJwtError::NonceMismatch.into());
        }
        let credential_type = vocabulary.credential_type(&kept.vct).to_owned();
        let issuer = trust.certificate_issuer(verified.root(), &credential_type, at)?.clone();
        let of_proof = claims.get("transaction_data_hashes").and_then(Value::as_array);
        let hashes = of_proof.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Proven { query: kept.query.clone(), kind: kept.vct.clone(), credential_type, issuer, at, hashes })
    }

    fn check_document(
        &self,
        kept: &KeptDocument,
        trust: &TrustedState,
        vocabulary: &Vocabulary,
        roots: &[Root],
    ) -> Result<Proven, AnswerRefusal> {
        let malformed = VpError::MalformedPresentation("session");
        let transcript = self.session.as_ref().ok_or(malformed)?.transcript(&self.verifier, &self.nonce)?;
        let bytes = from_base64url(&kept.document).ok_or(VpError::MalformedPresentation("receipt"))?;
        let response = DeviceResponse::from_slice(&bytes)?;
        let [document] = &response.documents[..] else { return Err(MdocError::DocumentMissing.into()) };
        let device = DeviceCheck { transcript: &transcript, reader: None };
        let verified = document.verify(&kept.doctype, &device, roots, kept.at)?;
        // Who kept more than may be kept has no receipt (RCPT-01).
        if !verified.elements().is_empty() {
            return Err(VpError::MalformedPresentation("receipt").into());
        }
        let credential_type = vocabulary.credential_type(&kept.doctype).to_owned();
        let root = verified.root().ok_or(MdocError::DocumentMissing)?;
        let issuer = trust.certificate_issuer(root, &credential_type, kept.at)?.clone();
        let (query, kind) = (kept.query.clone(), kept.doctype.clone());
        Ok(Proven { query, kind, credential_type, issuer, at: kept.at, hashes: Vec::new() })
    }
}

/// Whether a claim of this name says nothing of the holder: what a credential says of itself, and an issuer of itself.
fn says_nothing(name: &str) -> bool {
    let of_issuer = name == "issuing_country" || name.starts_with("issuing_authority");
    NO_ATTRIBUTES.contains(&name) || of_issuer
}

/// Whether there are digests and nothing else.
fn hidden(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(hidden),
        Value::Object(members) => members.iter().all(|(name, it)| name == "_sd" || name == "..." || hidden(it)),
        _ => false,
    }
}

/// What a JWS says, whoever signed it.
fn unverified(text: &str) -> Option<Map<String, Value>> {
    json::read_object(&from_base64url(text.split('.').nth(1)?)?, RECEIPT_MAX).ok()
}
