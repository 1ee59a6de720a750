//! `bbs-2023`: any statements can be hidden, and two presentations of one credential cannot be linked by the proof
//! (vc-di-bbs, candidate recommendation, baseline features).

use std::collections::{BTreeMap, HashMap};

use minicbor::Decoder;
use rand_core::CryptoRng;
use serde_json::Value;
use zeroize::Zeroizing;

use super::contexts::Contexts;
use super::ecdsa_sd::{check_positions, header_hashes, positions, secret_labels, split};
use super::selective::{self, Document};
use super::{W3cError, cbor_text};
use crate::crypto::bbs::{self, MAX_MESSAGES, ProofCheck, PublicKey, SecretKey, Signature, Suite};
use crate::crypto::curve::Scalar;
use crate::crypto::multikey::Multikey;

const BASE: [u8; 3] = [0xd9, 0x5d, 0x02];
const DERIVED: [u8; 3] = [0xd9, 0x5d, 0x03];
const SUITE: Suite = Suite::Sha256;
/// The longest presentation header.
const HEADER_MAX: usize = 4096;

/// What the issuer gives the holder.
struct Base {
    signature: Vec<u8>,
    header: Vec<u8>,
    public_key: Vec<u8>,
    hmac_key: Zeroizing<Vec<u8>>,
    mandatory: Vec<String>,
}

/// What the holder shows.
struct Derived {
    proof: Vec<u8>,
    labels: BTreeMap<u64, u64>,
    mandatory: Vec<usize>,
    shown: Vec<usize>,
    presentation_header: Vec<u8>,
}

/// The names of nodes: `b0`, `b1`, … in the order of the names that a secret key gives them, so that neither order nor
/// names say anything about the credential.
fn shuffled_labels(hmac_key: &[u8], canonical: Vec<(String, String)>) -> HashMap<String, String> {
    let secret = secret_labels(hmac_key, canonical);
    let mut order: Vec<&String> = secret.values().collect();
    order.sort_unstable();
    let place: HashMap<&String, usize> = order.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
    secret.iter().map(|(own, name)| (own.clone(), format!("b{}", place[name]))).collect()
}

fn messages(lines: &[&str]) -> Vec<Scalar> {
    lines.iter().map(|line| SUITE.message_to_scalar(line.as_bytes())).collect()
}

pub(super) fn sign(
    document: &Value,
    config: &Value,
    key: &SecretKey,
    mandatory: &[String],
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<String, W3cError> {
    let mut hmac_key = Zeroizing::new(vec![0; 32]);
    rng.fill_bytes(&mut hmac_key);
    let whole = Document::new(document, contexts, |names| shuffled_labels(&hmac_key, names))?;
    let always = whole.select(mandatory)?.matching;
    let (kept, free) = split(&whole.lines, &always);
    if free.len() > MAX_MESSAGES {
        return Err(W3cError::TooLarge);
    }
    let header = header_hashes(config, contexts, &kept)?.concat();
    let signature = bbs::sign(key, &header, &messages(&free)).map_err(|_| W3cError::SignatureInvalid)?;
    let public_key = key.public_key().as_bytes().to_vec();
    Base { signature: signature.to_bytes().to_vec(), header, public_key, hmac_key, mandatory: mandatory.to_vec() }
        .to_text()
}

pub(super) fn derive(
    document: &Value,
    proof_value: &str,
    pointers: &[String],
    presentation_header: &[u8],
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<(Value, String), W3cError> {
    let base = Base::from_text(proof_value)?;
    let whole = Document::new(document, contexts, |names| shuffled_labels(&base.hmac_key, names))?;
    let combined: Vec<String> = base.mandatory.iter().chain(pointers).cloned().collect();
    // DSEL-05
    let shown_document = selective::selected(document, &combined)?.ok_or(W3cError::PointerNotFound)?;
    let (always, chosen) = (whole.select(&base.mandatory)?.matching, whole.select(pointers)?.matching);
    let together = whole.select(&combined)?;
    let free: Vec<usize> = (0..whole.lines.len()).filter(|at| always.binary_search(at).is_err()).collect();
    let shown = positions(&free, &chosen);
    let (_, lines) = split(&whole.lines, &always);
    if lines.len() > MAX_MESSAGES || presentation_header.len() > HEADER_MAX {
        return Err(W3cError::TooLarge);
    }
    let refused = |_| W3cError::SignatureInvalid;
    let key = PublicKey::from_bytes(SUITE, &base.public_key).map_err(refused)?;
    let signature = Signature::from_bytes(&base.signature).map_err(refused)?;
    let messages = messages(&lines);
    // A holder notices here, not at the verifier's, that the issuer's signature does not fit.
    bbs::verify(&key, &signature, &base.header, &messages).map_err(refused)?;
    let proof =
        bbs::prove(&key, &signature, &base.header, presentation_header, &messages, &shown, rng).map_err(refused)?;
    let labels = whole.verifier_labels(&together)?.into_iter().map(|(number, label)| {
        let place = label.strip_prefix('b').and_then(|digits| digits.parse().ok());
        place.map(|place: u64| (number, place)).ok_or(W3cError::MalformedProof("proofValue"))
    });
    let derived = Derived {
        proof: proof.to_bytes(),
        labels: labels.collect::<Result<_, _>>()?,
        mandatory: positions(&together.matching, &always),
        shown,
        presentation_header: presentation_header.to_vec(),
    };
    Ok((shown_document, derived.to_text()?))
}

pub(super) fn verify(
    document: &Value,
    config: &Value,
    proof_value: &str,
    key: &Multikey,
    contexts: &Contexts,
) -> Result<(), W3cError> {
    let derived = Derived::from_text(proof_value)?;
    let Multikey::Bls12381G2(key) = key else { return Err(W3cError::KeyAlgorithmMismatch) };
    let key = PublicKey::from_bytes(SUITE, key).map_err(|_| W3cError::KeyAlgorithmMismatch)?;
    let labels = derived.labels.iter().map(|(number, place)| (*number, format!("b{place}")));
    let lines = selective::shown_lines(document, contexts, &labels.collect())?;
    check_positions(&derived.mandatory, lines.len())?;
    let (kept, free) = split(&lines, &derived.mandatory);
    check_positions(&derived.shown, MAX_MESSAGES)?;
    if free.len() != derived.shown.len() {
        return Err(W3cError::SignatureInvalid);
    }
    let header = header_hashes(config, contexts, &kept)?.concat();
    let shown: Vec<(usize, Scalar)> = derived.shown.iter().copied().zip(messages(&free)).collect();
    let check = ProofCheck {
        key: &key,
        proof: &derived.proof,
        header: &header,
        presentation_header: &derived.presentation_header,
        shown: &shown,
    };
    bbs::verify_proof(&check).map_err(|_| W3cError::SignatureInvalid)
}

/// Checks a base proof as its holder does, who has all of the document.
pub(super) fn verify_base(
    document: &Value,
    config: &Value,
    proof_value: &str,
    key: &Multikey,
    contexts: &Contexts,
) -> Result<(), W3cError> {
    let base = Base::from_text(proof_value)?;
    let Multikey::Bls12381G2(key) = key else { return Err(W3cError::KeyAlgorithmMismatch) };
    let whole = Document::new(document, contexts, |names| shuffled_labels(&base.hmac_key, names))?;
    let always = whole.select(&base.mandatory)?.matching;
    let (kept, free) = split(&whole.lines, &always);
    let header = header_hashes(config, contexts, &kept)?.concat();
    if base.public_key != key || base.header != header {
        return Err(W3cError::SignatureInvalid);
    }
    let refused = |_| W3cError::SignatureInvalid;
    let key = PublicKey::from_bytes(SUITE, key).map_err(refused)?;
    let signature = Signature::from_bytes(&base.signature).map_err(refused)?;
    bbs::verify(&key, &signature, &header, &messages(&free)).map_err(refused)
}

/// The pointers to what can never be left out.
pub(super) fn mandatory(proof_value: &str) -> Result<Vec<String>, W3cError> {
    Ok(Base::from_text(proof_value)?.mandatory)
}

/// What the holder bound a derived proof to.
pub(super) fn presentation_header(proof_value: &str) -> Result<Vec<u8>, W3cError> {
    Ok(Derived::from_text(proof_value)?.presentation_header)
}

impl Base {
    fn to_text(&self) -> Result<String, W3cError> {
        cbor_text::write(BASE, |e| {
            e.array(5)?.bytes(&self.signature)?.bytes(&self.header)?.bytes(&self.public_key)?.bytes(&self.hmac_key)?;
            cbor_text::texts(e, &self.mandatory)
        })
    }

    fn from_text(text: &str) -> Result<Self, W3cError> {
        let bytes = cbor_text::payload(text, BASE)?;
        let read = |d: &mut Decoder<'_>| {
            cbor_text::array_of(d, 5)?;
            let (signature, header, public_key) = (d.bytes()?.to_vec(), d.bytes()?.to_vec(), d.bytes()?.to_vec());
            let hmac_key = Zeroizing::new(d.bytes()?.to_vec());
            Ok(Self {
                signature,
                header,
                public_key,
                hmac_key,
                mandatory: cbor_text::list(d, |d| d.str().map(str::to_owned))?,
            })
        };
        let base = cbor_text::read(&bytes, read)?;
        let lengths = [&base.signature, &base.header, &base.public_key, &*base.hmac_key].map(Vec::len);
        if lengths == [80, 64, 96, 32] && base.to_text()? == text {
            Ok(base)
        } else {
            Err(W3cError::MalformedProof("proofValue"))
        }
    }
}

impl Derived {
    fn to_text(&self) -> Result<String, W3cError> {
        cbor_text::write(DERIVED, |e| {
            e.array(5)?.bytes(&self.proof)?.map(self.labels.len() as u64)?;
            for (number, place) in &self.labels {
                e.u64(*number)?.u64(*place)?;
            }
            cbor_text::numbers(e, &self.mandatory)?;
            cbor_text::numbers(e, &self.shown)?;
            e.bytes(&self.presentation_header)?.ok()
        })
    }

    fn from_text(text: &str) -> Result<Self, W3cError> {
        let bytes = match cbor_text::payload(text, DERIVED) {
            Err(_) if cbor_text::payload(text, BASE).is_ok() => return Err(W3cError::BaseProof),
            other => other?,
        };
        let read = |d: &mut Decoder<'_>| {
            cbor_text::array_of(d, 5)?;
            let proof = d.bytes()?.to_vec();
            let labels = cbor_text::map(d, Decoder::u64)?;
            let mandatory = cbor_text::list(d, |d| d.u32().map(|at| at as usize))?;
            let shown = cbor_text::list(d, |d| d.u32().map(|at| at as usize))?;
            Ok(Self { proof, labels, mandatory, shown, presentation_header: d.bytes()?.to_vec() })
        };
        let derived = cbor_text::read(&bytes, read)?;
        if derived.presentation_header.len() <= HEADER_MAX && derived.to_text()? == text {
            Ok(derived)
        } else {
            Err(W3cError::MalformedProof("proofValue"))
        }
    }
}
