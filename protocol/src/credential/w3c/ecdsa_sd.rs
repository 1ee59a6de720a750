//! `ecdsa-sd-2023`: each statement that may be left out has a signature of its own, by a key made for this credential
//! (vc-di-ecdsa 1.0, section 3.5).

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use minicbor::Decoder;
use rand_core::CryptoRng;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::contexts::Contexts;
use super::proof::hash;
use super::rdf::{self, Order};
use super::selective::{self, Document};
use super::{W3cError, cbor_text};
use crate::crypto::multikey::{Multikey, StandardKey, StandardSigner};

const BASE: [u8; 3] = [0xd9, 0x5d, 0x00];
const DERIVED: [u8; 3] = [0xd9, 0x5d, 0x01];
/// The most statements that a proof signs one by one.
const SIGNATURES_MAX: usize = 512;

/// What the issuer gives the holder.
struct Base {
    signature: Vec<u8>,
    public_key: Vec<u8>,
    hmac_key: Zeroizing<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
    mandatory: Vec<String>,
}

/// What the holder shows.
struct Derived {
    signature: Vec<u8>,
    public_key: Vec<u8>,
    signatures: Vec<Vec<u8>>,
    labels: BTreeMap<u64, Vec<u8>>,
    mandatory: Vec<usize>,
}

/// The names that a secret key gives nodes, `u` and base64url, from the canonical ones.
pub(super) fn secret_labels(hmac_key: &[u8], canonical: Vec<(String, String)>) -> HashMap<String, String> {
    let label = |name: &str| {
        let mut mac = <Hmac<Sha256>>::new_from_slice(hmac_key).ok()?;
        mac.update(name.as_bytes());
        Some(format!("u{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
    };
    canonical.into_iter().filter_map(|(own, name)| Some((own, label(&name)?))).collect()
}

pub(super) fn sign(
    document: &Value,
    config: &Value,
    signer: &dyn StandardSigner,
    mandatory: &[String],
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<String, W3cError> {
    let mut hmac_key = Zeroizing::new(vec![0; 32]);
    rng.fill_bytes(&mut hmac_key);
    let ephemeral = StandardKey::generate_p256(rng);
    let whole = Document::new(document, contexts, |names| secret_labels(&hmac_key, names))?;
    let always = whole.select(mandatory)?.matching;
    let (kept, free) = split(&whole.lines, &always);
    if free.len() > SIGNATURES_MAX {
        return Err(W3cError::TooLarge);
    }
    let public_key = ephemeral.multikey().to_multicodec();
    let mut signatures = Vec::with_capacity(free.len());
    for line in free {
        signatures.push(ephemeral.sign(line.as_bytes())?);
    }
    let signature = signer.sign(&signed(config, contexts, &public_key, &kept)?)?;
    Base { signature, public_key, hmac_key, signatures, mandatory: mandatory.to_vec() }.to_text()
}

pub(super) fn derive(
    document: &Value,
    proof_value: &str,
    pointers: &[String],
    contexts: &Contexts,
) -> Result<(Value, String), W3cError> {
    let base = Base::from_text(proof_value)?;
    let whole = Document::new(document, contexts, |names| secret_labels(&base.hmac_key, names))?;
    let combined: Vec<String> = base.mandatory.iter().chain(pointers).cloned().collect();
    // DSEL-05
    let shown = selective::selected(document, &combined)?.ok_or(W3cError::PointerNotFound)?;
    let (always, chosen) = (whole.select(&base.mandatory)?, whole.select(pointers)?);
    let together = whole.select(&combined)?;
    let free = (0..whole.lines.len()).filter(|at| always.matching.binary_search(at).is_err());
    let mut signatures = Vec::new();
    if base.signatures.len() + always.matching.len() != whole.lines.len() {
        return Err(W3cError::SignatureInvalid);
    }
    for (at, signature) in free.zip(&base.signatures) {
        if chosen.matching.binary_search(&at).is_ok() {
            signatures.push(signature.clone());
        }
    }
    let labels = whole.verifier_labels(&together)?.into_iter().map(|(number, label)| {
        let bytes = label.strip_prefix('u').and_then(|digits| URL_SAFE_NO_PAD.decode(digits).ok());
        bytes.map(|bytes| (number, bytes)).ok_or(W3cError::MalformedProof("proofValue"))
    });
    let derived = Derived {
        signature: base.signature,
        public_key: base.public_key,
        signatures,
        labels: labels.collect::<Result<_, _>>()?,
        mandatory: positions(&together.matching, &always.matching),
    };
    Ok((shown, derived.to_text()?))
}

pub(super) fn verify(
    document: &Value,
    config: &Value,
    proof_value: &str,
    key: &Multikey,
    contexts: &Contexts,
) -> Result<(), W3cError> {
    let derived = Derived::from_text(proof_value)?;
    let ephemeral =
        Multikey::from_multicodec(&derived.public_key).map_err(|_| W3cError::MalformedProof("proofValue"))?;
    if !matches!(ephemeral, Multikey::P256(_)) {
        return Err(W3cError::KeyAlgorithmMismatch);
    }
    let labels = derived.labels.iter().map(|(number, label)| (*number, format!("u{}", URL_SAFE_NO_PAD.encode(label))));
    let lines = selective::shown_lines(document, contexts, &labels.collect())?;
    check_positions(&derived.mandatory, lines.len())?;
    let (kept, free) = split(&lines, &derived.mandatory);
    if free.len() != derived.signatures.len() {
        return Err(W3cError::SignatureInvalid);
    }
    let toward = signed(config, contexts, &derived.public_key, &kept)?;
    key.verify(&toward, &derived.signature).map_err(|_| W3cError::SignatureInvalid)?;
    for (line, signature) in free.iter().zip(&derived.signatures) {
        ephemeral.verify(line.as_bytes(), signature).map_err(|_| W3cError::SignatureInvalid)?;
    }
    Ok(())
}

/// What the issuer's own key signs.
fn signed(config: &Value, contexts: &Contexts, public_key: &[u8], kept: &[&str]) -> Result<Vec<u8>, W3cError> {
    let [options, always] = header_hashes(config, contexts, kept)?;
    Ok([options.as_slice(), public_key, &always].concat())
}

/// Hash of the proof's options, and hash of what is always shown.
pub(super) fn header_hashes(config: &Value, contexts: &Contexts, kept: &[&str]) -> Result<[Vec<u8>; 2], W3cError> {
    let options = rdf::canonical(config, contexts, Order::Sha256)?;
    Ok([hash(Order::Sha256, options.as_bytes()), hash(Order::Sha256, kept.concat().as_bytes())])
}

/// The statements at `positions`, and the others.
pub(super) fn split<'a>(lines: &'a [String], positions: &[usize]) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut parts = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        if positions.binary_search(&at).is_ok() { parts.0.push(line.as_str()) } else { parts.1.push(line.as_str()) }
    }
    parts
}

/// Where the members of `inner` stand within `outer`; both ascend.
pub(super) fn positions(outer: &[usize], inner: &[usize]) -> Vec<usize> {
    outer.iter().enumerate().filter(|(_, at)| inner.binary_search(at).is_ok()).map(|(position, _)| position).collect()
}

/// DSEL-04: ascending, and within the statements.
pub(super) fn check_positions(positions: &[usize], count: usize) -> Result<(), W3cError> {
    let ascending = positions.windows(2).all(|pair| pair[0] < pair[1]);
    if ascending && positions.last().is_none_or(|last| *last < count) {
        Ok(())
    } else {
        Err(W3cError::MalformedProof("proofValue"))
    }
}

impl Base {
    fn to_text(&self) -> Result<String, W3cError> {
        cbor_text::write(BASE, |e| {
            e.array(5)?.bytes(&self.signature)?.bytes(&self.public_key)?.bytes(&self.hmac_key)?;
            cbor_text::byte_strings(e, &self.signatures)?;
            cbor_text::texts(e, &self.mandatory)
        })
    }

    fn from_text(text: &str) -> Result<Self, W3cError> {
        let bytes = cbor_text::payload(text, BASE)?;
        let read = |d: &mut Decoder<'_>| {
            cbor_text::array_of(d, 5)?;
            let (signature, public_key, hmac_key) =
                (d.bytes()?.to_vec(), d.bytes()?.to_vec(), Zeroizing::new(d.bytes()?.to_vec()));
            let signatures = cbor_text::list(d, |d| d.bytes().map(<[u8]>::to_vec))?;
            let mandatory = cbor_text::list(d, |d| d.str().map(str::to_owned))?;
            Ok(Self { signature, public_key, hmac_key, signatures, mandatory })
        };
        let base = cbor_text::read(&bytes, read)?;
        let right = base.signature.len() == 64
            && base.public_key.len() == 35
            && base.hmac_key.len() == 32
            && base.signatures.iter().all(|signature| signature.len() == 64);
        if right && base.to_text()? == text { Ok(base) } else { Err(W3cError::MalformedProof("proofValue")) }
    }
}

impl Derived {
    fn to_text(&self) -> Result<String, W3cError> {
        cbor_text::write(DERIVED, |e| {
            e.array(5)?.bytes(&self.signature)?.bytes(&self.public_key)?;
            cbor_text::byte_strings(e, &self.signatures)?;
            e.map(self.labels.len() as u64)?;
            for (number, label) in &self.labels {
                e.u64(*number)?.bytes(label)?;
            }
            cbor_text::numbers(e, &self.mandatory)
        })
    }

    fn from_text(text: &str) -> Result<Self, W3cError> {
        let bytes = match cbor_text::payload(text, DERIVED) {
            Err(_) if cbor_text::payload(text, BASE).is_ok() => return Err(W3cError::BaseProof),
            other => other?,
        };
        let read = |d: &mut Decoder<'_>| {
            cbor_text::array_of(d, 5)?;
            let (signature, public_key) = (d.bytes()?.to_vec(), d.bytes()?.to_vec());
            let signatures = cbor_text::list(d, |d| d.bytes().map(<[u8]>::to_vec))?;
            let labels = cbor_text::map(d, |d| d.bytes().map(<[u8]>::to_vec))?;
            let mandatory = cbor_text::list(d, |d| d.u32().map(|at| at as usize))?;
            Ok(Self { signature, public_key, signatures, labels, mandatory })
        };
        let derived = cbor_text::read(&bytes, read)?;
        let right = derived.signature.len() == 64
            && derived.public_key.len() == 35
            && derived.signatures.len() <= SIGNATURES_MAX
            && derived.signatures.iter().all(|signature| signature.len() == 64)
            && derived.labels.values().all(|label| label.len() == 32);
        if right && derived.to_text()? == text { Ok(derived) } else { Err(W3cError::MalformedProof("proofValue")) }
    }
}
