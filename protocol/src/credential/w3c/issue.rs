//! Adding a proof to a document.

use rand_core::CryptoRng;
use serde_json::{Map, Value, json};

use super::contexts::Contexts;
use super::proof::{Suite, add_proof_context, config, signed_bytes};
use super::{W3cError, bbs, date_time, ecdsa_sd, model};
use crate::crypto::bbs::SecretKey;
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::identifier::Purpose;

/// Whose key makes a proof.
#[derive(Clone, Copy)]
pub enum ProofKey<'a> {
    /// Ed25519, P-256 or P-384.
    Standard(&'a dyn StandardSigner),
    /// BBS.
    Bbs(&'a SecretKey),
}

impl ProofKey<'_> {
    /// The public half.
    #[must_use]
    pub fn multikey(&self) -> Multikey {
        match self {
            Self::Standard(signer) => signer.multikey(),
            Self::Bbs(key) => Multikey::Bls12381G2(*key.public_key().as_bytes()),
        }
    }
}

/// What a proof says about itself.
#[derive(Debug, Clone)]
pub struct ProofOptions<'a> {
    /// The suite.
    pub suite: Suite,
    /// The key's name, an identifier with a fragment.
    pub verification_method: &'a str,
    /// What the key is used for.
    pub purpose: Purpose,
    /// Unix seconds; proofs of which parts are shown had better not say it, since it would link them.
    pub created: Option<u64>,
    /// Unix seconds.
    pub expires: Option<u64>,
    /// Whom it is made for.
    pub domain: Option<&'a str>,
    /// What it answers.
    pub challenge: Option<&'a str>,
    /// The proof's own name, so that others can build on it.
    pub id: Option<&'a str>,
    /// Names of the proofs it builds on.
    pub previous: &'a [&'a str],
    /// JSON pointers (RFC 6901) to what may never be left out, for selective suites.
    pub mandatory: &'a [String],
}

impl<'a> ProofOptions<'a> {
    /// The least a proof says.
    #[must_use]
    pub fn new(suite: Suite, verification_method: &'a str, purpose: Purpose) -> Self {
        Self {
            suite,
            verification_method,
            purpose,
            created: None,
            expires: None,
            domain: None,
            challenge: None,
            id: None,
            previous: &[],
            mandatory: &[],
        }
    }

    fn to_json(&self) -> Map<String, Value> {
        let mut proof = Map::new();
        let mut set = |name: &str, value: Option<Value>| value.and_then(|value| proof.insert(name.to_owned(), value));
        set("type", Some("DataIntegrityProof".into()));
        set("cryptosuite", Some(self.suite.as_str().into()));
        set("verificationMethod", Some(self.verification_method.into()));
        set("proofPurpose", Some(self.purpose.as_str().into()));
        set("created", self.created.map(|moment| date_time::text(moment).into()));
        set("expires", self.expires.map(|moment| date_time::text(moment).into()));
        set("domain", self.domain.map(Into::into));
        set("challenge", self.challenge.map(Into::into));
        set("id", self.id.map(Into::into));
        match self.previous {
            [] => {}
            [one] => drop(set("previousProof", Some((*one).into()))),
            several => drop(set("previousProof", Some(json!(several)))),
        }
        proof
    }
}

/// Signs a credential: checks it as a verifier would, then adds the proof (VCDM-01…08, WCTX-03).
///
/// A credential of the data model 1.1 gets the context its proof needs, as the standard says.
///
/// # Errors
/// [`W3cError`]
pub fn issue_credential(
    credential: &Value,
    key: ProofKey<'_>,
    options: &ProofOptions<'_>,
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<Value, W3cError> {
    let mut credential = credential.clone();
    if let Some(members) = credential.as_object_mut() {
        add_proof_context(members);
    }
    model::credential(&credential)?;
    add_proof(&credential, key, options, contexts, rng)
}

/// Adds a proof to a document, beside those it has. Every term has to be defined.
///
/// # Errors
/// [`W3cError`]
pub fn add_proof(
    document: &Value,
    key: ProofKey<'_>,
    options: &ProofOptions<'_>,
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<Value, W3cError> {
    let mut unsecured = document.as_object().cloned().ok_or(W3cError::MalformedCredential("credential"))?;
    let earlier = match unsecured.remove("proof") {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let mut proof = options.to_json();
    let order = options.suite.order(&key.multikey())?;
    let mut signed = unsecured.clone();
    if !options.previous.is_empty() {
        let of =
            |name: &&str| earlier.iter().find(|proof| proof.get("id").and_then(Value::as_str) == Some(name)).cloned();
        let previous: Option<Vec<Value>> = options.previous.iter().map(of).collect();
        signed.insert("proof".to_owned(), Value::Array(previous.ok_or(W3cError::PreviousProofMissing)?));
    }
    let signed = Value::Object(signed);
    if matches!(options.suite, Suite::EddsaJcs2022 | Suite::EcdsaJcs2019) {
        let context = signed.get("@context").ok_or(W3cError::MalformedCredential("@context"))?;
        proof.insert("@context".to_owned(), context.clone());
    }
    // What is refused from others is not made: the proof's own words are checked too.
    let options_json = config(&proof, &signed)?;
    let value = match (options.suite, key) {
        (Suite::EcdsaSd2023, ProofKey::Standard(signer)) => {
            ecdsa_sd::sign(&signed, &options_json, signer, options.mandatory, contexts, rng)?
        }
        (Suite::Bbs2023, ProofKey::Bbs(secret)) => {
            bbs::sign(&signed, &options_json, secret, options.mandatory, contexts, rng)?
        }
        (_, ProofKey::Standard(signer)) => {
            let bytes = signed_bytes(options.suite, order, &signed, &options_json, contexts)?;
            format!("z{}", bs58::encode(signer.sign(&bytes)?).into_string())
        }
        (_, ProofKey::Bbs(_)) => return Err(W3cError::KeyAlgorithmMismatch),
    };
    proof.insert("proofValue".to_owned(), value.into());
    let mut proofs = earlier;
    proofs.push(Value::Object(proof));
    let all = if proofs.len() == 1 { proofs.remove(0) } else { Value::Array(proofs) };
    unsecured.insert("proof".to_owned(), all);
    Ok(Value::Object(unsecured))
}
