//! Proofs beside a document (Data Integrity 1.0): what is signed, and the checks before and after.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384};

use super::contexts::{CREDENTIALS_V1, Contexts, DATA_INTEGRITY_V2};
use super::rdf::{self, Order};
use super::{W3cError, date_time, json};
use crate::crypto::multikey::Multikey;
use crate::identifier::{Controllers, Purpose};

/// The most proofs of a document.
const PROOFS_MAX: usize = 8;
/// How far the clock of whoever made a proof may be ahead, in seconds.
const AHEAD_MAX: i64 = 300;
/// The longest base58 text of a signature.
const SIGNATURE_TEXT_MAX: usize = 160;

/// A cryptographic suite: how statements become bytes, and which keys sign them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// Ed25519 over canonical statements.
    EddsaRdfc2022,
    /// Ed25519 over canonical JSON.
    EddsaJcs2022,
    /// P-256 or P-384 over canonical statements.
    EcdsaRdfc2019,
    /// P-256 or P-384 over canonical JSON.
    EcdsaJcs2019,
    /// P-256, each statement signed by itself so that some can be left out.
    EcdsaSd2023,
    /// BBS over statements, some of which can be kept hidden without a trace.
    Bbs2023,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EddsaRdfc2022,
        Self::EddsaJcs2022,
        Self::EcdsaRdfc2019,
        Self::EcdsaJcs2019,
        Self::EcdsaSd2023,
        Self::Bbs2023,
    ];

    /// The name in `cryptosuite`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EddsaRdfc2022 => "eddsa-rdfc-2022",
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EcdsaRdfc2019 => "ecdsa-rdfc-2019",
            Self::EcdsaJcs2019 => "ecdsa-jcs-2019",
            Self::EcdsaSd2023 => "ecdsa-sd-2023",
            Self::Bbs2023 => "bbs-2023",
        }
    }

    /// The suite of this name.
    ///
    /// # Errors
    /// [`W3cError::SuiteUnknown`]
    pub fn named(name: &str) -> Result<Self, W3cError> {
        Self::ALL.into_iter().find(|suite| suite.as_str() == name).ok_or(W3cError::SuiteUnknown)
    }

    /// Whether single statements can be left out.
    #[must_use]
    pub fn is_selective(self) -> bool {
        matches!(self, Self::EcdsaSd2023 | Self::Bbs2023)
    }

    fn is_json(self) -> bool {
        matches!(self, Self::EddsaJcs2022 | Self::EcdsaJcs2019)
    }

    /// DINT-06: each suite has its kinds of keys.
    pub(super) fn order(self, key: &Multikey) -> Result<Order, W3cError> {
        match (self, key) {
            (Self::EddsaRdfc2022 | Self::EddsaJcs2022, Multikey::Ed25519(_))
            | (Self::EcdsaRdfc2019 | Self::EcdsaJcs2019 | Self::EcdsaSd2023, Multikey::P256(_))
            | (Self::Bbs2023, Multikey::Bls12381G2(_)) => Ok(Order::Sha256),
            (Self::EcdsaRdfc2019 | Self::EcdsaJcs2019, Multikey::P384(_)) => Ok(Order::Sha384),
            _ => Err(W3cError::KeyAlgorithmMismatch),
        }
    }
}

/// A document taken apart: what is signed, and the proofs.
pub(super) struct Parts<'a> {
    pub(super) unsecured: Map<String, Value>,
    pub(super) proofs: Vec<&'a Map<String, Value>>,
}

/// Takes `proof` off a document (DINT-01).
pub(super) fn parts(document: &Value) -> Result<Parts<'_>, W3cError> {
    let members = document.as_object().ok_or(W3cError::MalformedCredential("credential"))?;
    let proofs = match members.get("proof") {
        None | Some(Value::Null) => return Err(W3cError::ProofMissing),
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    if proofs.is_empty() {
        return Err(W3cError::ProofMissing);
    }
    if proofs.len() > PROOFS_MAX {
        return Err(W3cError::TooLarge);
    }
    let proofs = proofs.iter().map(|proof| proof.as_object().ok_or(W3cError::MalformedProof("proof")));
    let mut unsecured = members.clone();
    unsecured.remove("proof");
    Ok(Parts { unsecured, proofs: proofs.collect::<Result<_, _>>()? })
}

/// What a verifier expects of proofs.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// The contexts that documents may name.
    pub contexts: &'a Contexts,
    /// What the keys have to be for.
    pub purpose: Purpose,
    /// Unix seconds.
    pub now: u64,
    /// Whom the proofs have to be made for, if that matters.
    pub domain: Option<&'a str>,
    /// What the proofs have to answer, if anything.
    pub challenge: Option<&'a str>,
}

/// Whose key a proof was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenBy {
    /// The identifier that vouches for the key.
    pub controller: String,
    /// The key's name.
    pub verification_method: String,
    /// The suite.
    pub suite: Suite,
}

/// Checks **every** proof of a document (DINT-01…10) and says by whose keys they were made. Whether that is the issuer named
/// in the document, and whether the document is valid now, are the callers' questions: [`super::verify_credential`] asks them.
///
/// # Errors
/// [`W3cError`]
pub fn check_proofs(
    document: &Value,
    controllers: &dyn Controllers,
    expected: &Expected<'_>,
) -> Result<Vec<ProvenBy>, W3cError> {
    let parts = parts(document)?;
    // What costs nothing first, for all of them.
    for proof in &parts.proofs {
        with_previous(&parts, proof, read(proof)?)?;
    }
    parts.proofs.iter().map(|proof| check_proof(&parts, proof, controllers, expected, Stage::Shown)).collect()
}

/// Checks the one proof of a document that its holder alone has: a base proof of `bbs-2023` (DINT-13).
pub(super) fn check_base_proof(
    document: &Value,
    controllers: &dyn Controllers,
    expected: &Expected<'_>,
) -> Result<ProvenBy, W3cError> {
    let parts = parts(document)?;
    let [proof] = parts.proofs[..] else { return Err(W3cError::MalformedProof("proof")) };
    if read(proof)? != Suite::Bbs2023 {
        return Err(W3cError::SuiteUnknown);
    }
    check_proof(&parts, proof, controllers, expected, Stage::Issued)
}

/// Who has the document.
#[derive(Clone, Copy)]
enum Stage {
    /// Its holder, who got it from the issuer.
    Issued,
    /// Whom it is shown to.
    Shown,
}

fn check_proof(
    parts: &Parts<'_>,
    proof: &Map<String, Value>,
    controllers: &dyn Controllers,
    expected: &Expected<'_>,
    stage: Stage,
) -> Result<ProvenBy, W3cError> {
    let suite = read(proof)?;
    // DINT-03
    if text(proof, "proofPurpose")? != expected.purpose.as_str() {
        return Err(W3cError::ProofPurposeMismatch);
    }
    times(proof, expected.now)?;
    addressed(proof, expected)?;
    let method = text(proof, "verificationMethod")?;
    let (controller, key) = key_of(method, controllers, expected.purpose)?;
    let order = suite.order(&key)?;
    // DINT-08
    let document = with_previous(parts, proof, suite)?;
    let config = config(proof, &document)?;
    match suite {
        Suite::EcdsaSd2023 => super::ecdsa_sd::verify(&document, &config, proof_text(proof)?, &key, expected.contexts)?,
        Suite::Bbs2023 => {
            let verify = match stage {
                Stage::Issued => super::bbs::verify_base,
                Stage::Shown => super::bbs::verify,
            };
            verify(&document, &config, proof_text(proof)?, &key, expected.contexts)?;
        }
        _ => {
            let signature = signature(proof)?;
            let hashes = signed_bytes(suite, order, &document, &config, expected.contexts)?;
            key.verify(&hashes, &signature).map_err(|_| W3cError::SignatureInvalid)?;
        }
    }
    Ok(ProvenBy { controller, verification_method: method.to_owned(), suite })
}

/// The members that every proof has (DINT-02).
pub(super) fn read(proof: &Map<String, Value>) -> Result<Suite, W3cError> {
    if text(proof, "type")? != "DataIntegrityProof" {
        return Err(W3cError::MalformedProof("type"));
    }
    let suite = Suite::named(text(proof, "cryptosuite")?)?;
    text(proof, "verificationMethod")?;
    text(proof, "proofPurpose")?;
    text(proof, "proofValue")?;
    Ok(suite)
}

fn text<'a>(proof: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, W3cError> {
    proof.get(name).and_then(Value::as_str).ok_or(W3cError::MalformedProof(name))
}

/// DINT-04: `created` not in the future, `expires` not in the past.
fn times(proof: &Map<String, Value>, now: u64) -> Result<(), W3cError> {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let moment = |name: &'static str| match proof.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => {
            date_time::unix_seconds(text).map(Some).map_err(|_| W3cError::MalformedProof(name))
        }
        Some(_) => Err(W3cError::MalformedProof(name)),
    };
    if moment("created")?.is_some_and(|created| created > now.saturating_add(AHEAD_MAX)) {
        return Err(W3cError::IssuedInFuture);
    }
    if moment("expires")?.is_some_and(|expires| expires < now) {
        return Err(W3cError::ProofExpired);
    }
    Ok(())
}

/// DINT-05: made for this domain and challenge, when there are any.
fn addressed(proof: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), W3cError> {
    if let Some(domain) = expected.domain {
        let named = match proof.get("domain") {
            Some(Value::String(one)) => one == domain,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(domain)),
            _ => false,
        };
        if !named {
            return Err(W3cError::DomainMismatch);
        }
    }
    if expected.challenge.is_some() && proof.get("challenge").and_then(Value::as_str) != expected.challenge {
        return Err(W3cError::ChallengeMismatch);
    }
    Ok(())
}

/// DINT-07: the identifier before `#` vouches for the key and its purpose.
pub(super) fn key_of(
    method: &str,
    controllers: &dyn Controllers,
    purpose: Purpose,
) -> Result<(String, Multikey), W3cError> {
    let (controller, fragment) = method.split_once('#').ok_or(W3cError::MalformedProof("verificationMethod"))?;
    if fragment.is_empty() || fragment.contains('#') || method.len() > 2048 {
        return Err(W3cError::MalformedProof("verificationMethod"));
    }
    let document = controllers.document(controller)?;
    // DKEY-03, whatever the source of documents does.
    if document.id() != controller {
        return Err(crate::identifier::ControllerError::DocumentMismatch.into());
    }
    Ok((controller.to_owned(), document.key(method, purpose)?))
}

/// The document as this proof signs it: with the proofs it builds on, and no others (DINT-08).
fn with_previous(parts: &Parts<'_>, proof: &Map<String, Value>, suite: Suite) -> Result<Value, W3cError> {
    let names: Vec<&str> = match proof.get("previousProof") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) if !list.is_empty() => list
            .iter()
            .map(|one| one.as_str().ok_or(W3cError::MalformedProof("previousProof")))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(W3cError::MalformedProof("previousProof")),
    };
    if !names.is_empty() && suite.is_selective() {
        return Err(W3cError::MalformedProof("previousProof"));
    }
    let mut document = parts.unsecured.clone();
    if !suite.is_json() {
        add_proof_context(&mut document);
    }
    let mut previous = Vec::new();
    for name in &names {
        let named = |other: &&&Map<String, Value>| other.get("id").and_then(Value::as_str) == Some(*name);
        let mut found = parts.proofs.iter().filter(named);
        // Neither itself, nor one of two of the same name.
        let one = found.next().filter(|other| !std::ptr::eq(**other, proof)).ok_or(W3cError::PreviousProofMissing)?;
        if found.next().is_some() {
            return Err(W3cError::MalformedProof("id"));
        }
        previous.push(Value::Object((*one).clone()));
    }
    if !previous.is_empty() {
        document.insert("proof".to_owned(), Value::Array(previous));
    }
    Ok(Value::Object(document))
}

/// The data model 1.1 does not define the words of a proof, so their context is taken as being there (Data Integrity 1.0,
/// section 2.4.1).
pub(super) fn add_proof_context(document: &mut Map<String, Value>) {
    let Some(list) = document.get_mut("@context").and_then(Value::as_array_mut) else { return };
    let old = list.first().and_then(Value::as_str) == Some(CREDENTIALS_V1);
    if old && !list.iter().any(|context| context.as_str() == Some(DATA_INTEGRITY_V2)) {
        list.push(DATA_INTEGRITY_V2.into());
    }
}

/// The proof without its value, under the document's context.
pub(super) fn config(proof: &Map<String, Value>, document: &Value) -> Result<Value, W3cError> {
    let mut config = proof.clone();
    config.remove("proofValue");
    let context = document.get("@context").ok_or(W3cError::MalformedCredential("@context"))?;
    let is_json = Suite::named(text(proof, "cryptosuite")?)?.is_json();
    match config.get("@context") {
        // DINT-09: the words of proof and document mean the same.
        Some(own) if own != context => return Err(W3cError::MalformedProof("@context")),
        None if is_json => {}
        _ => {
            config.insert("@context".to_owned(), context.clone());
        }
    }
    Ok(Value::Object(config))
}

/// Hash of the proof's options, then hash of the document.
pub(super) fn signed_bytes(
    suite: Suite,
    order: Order,
    document: &Value,
    config: &Value,
    contexts: &Contexts,
) -> Result<Vec<u8>, W3cError> {
    let canonical = |value: &Value| {
        if suite.is_json() {
            json::canonical(value)
        } else {
            rdf::canonical(value, contexts, order).map(String::into_bytes)
        }
    };
    // Canonical JSON covers every member; that each means something is asked all the same (WCTX-03).
    if suite.is_json() {
        rdf::statements(document, contexts)?;
    }
    let (config, document) = (canonical(config)?, canonical(document)?);
    Ok([hash(order, &config), hash(order, &document)].concat())
}

pub(super) fn hash(order: Order, bytes: &[u8]) -> Vec<u8> {
    match order {
        Order::Sha256 => Sha256::digest(bytes).to_vec(),
        Order::Sha384 => Sha384::digest(bytes).to_vec(),
    }
}

fn proof_text(proof: &Map<String, Value>) -> Result<&str, W3cError> {
    text(proof, "proofValue")
}

/// DINT-10: one spelling of a signature, base58btc.
fn signature(proof: &Map<String, Value>) -> Result<Vec<u8>, W3cError> {
    let digits = proof_text(proof)?.strip_prefix('z').filter(|digits| digits.len() <= SIGNATURE_TEXT_MAX);
    let bytes = bs58::decode(digits.ok_or(W3cError::MalformedProof("proofValue"))?).into_vec();
    bytes.map_err(|_| W3cError::MalformedProof("proofValue"))
}
