//! COSE (RFC 9052): one signer, one MAC, keys; and the CBOR values around them.
//!
//! What is signed is kept as it was received (`ProtectedHeader` and payload are bytes), and read strictly
//! ([`cbor::strict`](crate::cbor::strict)).

use coset::cbor::Value;
use coset::{
    AsCborValue as _, CborSerializable as _, CoseKey, CoseMac0, CoseMac0Builder, CoseSign1, CoseSign1Builder, Header,
    HeaderBuilder, Label, RegisteredLabel, RegisteredLabelWithPrivate, TaggedCborSerializable as _, iana,
};
use hkdf::hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::algorithm::Algorithm;
use super::keys::{SignatureError, SignerError};
use super::multikey::{Multikey, StandardSigner};
use crate::cbor::strict::{self, StrictError};

/// Header parameter of a certificate chain (RFC 9360).
const X5CHAIN: i64 = 33;
/// Header parameter of the kind of message (RFC 9596).
const TYP: i64 = 16;

/// Why a COSE message is refused, or not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// Not a message of this kind.
    #[error("the signed message is not well formed; ask its sender")]
    MalformedMessage,
    /// No algorithm in the protected header, or one that is not allowed.
    #[error("the algorithm is not allowed; use ES256, ES384 or EdDSA")]
    DisallowedAlgorithm,
    /// An extension must be understood and is not.
    #[error("the message needs an extension that is not supported; ask for one without")]
    UnsupportedCritical,
    /// The algorithm is not that of the key.
    #[error("the algorithm is not that of the key; do not trust the message")]
    KeyAlgorithmMismatch,
    /// The MAC is not right.
    #[error("the message was not made by the other side; do not trust it")]
    MacInvalid,
    /// The key is not one of our kinds.
    #[error("this kind of key is not supported; use Ed25519, P-256 or P-384")]
    UnsupportedKey,
    /// The bytes.
    #[error(transparent)]
    Encoding(#[from] StrictError),
    /// The signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The key store.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// Reads one CBOR value, strictly.
///
/// # Errors
/// [`StrictError`]
pub fn read_value(bytes: &[u8], max_len: usize) -> Result<Value, StrictError> {
    strict::check(bytes, max_len)?;
    Value::from_slice(bytes).map_err(|_| StrictError::MalformedCbor)
}

/// The bytes of a value.
#[must_use]
pub fn write_value(value: Value) -> Vec<u8> {
    // Writing into a `Vec` cannot fail; an empty result, were it returned, is no CBOR.
    value.to_vec().unwrap_or_default()
}

/// A signed message, received.
#[derive(Clone)]
pub struct Sign1(CoseSign1);

impl Sign1 {
    /// Reads a message that stands within another one.
    ///
    /// # Errors
    /// [`CoseError`]
    pub fn from_value(value: Value) -> Result<Self, CoseError> {
        let message = CoseSign1::from_cbor_value(value).map_err(|_| CoseError::MalformedMessage)?;
        check_headers(message.protected.original_data.as_deref(), &message.protected.header, &message.unprotected)?;
        Ok(Self(message))
    }

    /// Reads a message by itself, with or without its tag (18).
    ///
    /// # Errors
    /// [`CoseError`]
    pub fn from_slice(bytes: &[u8], max_len: usize) -> Result<Self, CoseError> {
        match read_value(bytes, max_len)? {
            Value::Tag(tag, inner) if tag == CoseSign1::TAG => Self::from_value(*inner),
            other => Self::from_value(other),
        }
    }

    /// The payload, when it is in the message.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        self.0.payload.as_deref()
    }

    /// The certificates (`x5chain`), leaf first; they belong to the unprotected header.
    ///
    /// # Errors
    /// [`CoseError::MalformedMessage`] when there are none, or too many.
    pub fn certificates(&self) -> Result<Vec<Vec<u8>>, CoseError> {
        let headers = [&self.0.unprotected, &self.0.protected.header];
        let found = headers.iter().flat_map(|it| &it.rest).find(|(label, _)| *label == Label::Int(X5CHAIN));
        let bytes = |value: &Value| value.as_bytes().cloned();
        let chain = match found {
            Some((_, Value::Bytes(one))) => vec![one.clone()],
            Some((_, Value::Array(list))) => {
                list.iter().map(bytes).collect::<Option<Vec<_>>>().ok_or(CoseError::MalformedMessage)?
            }
            _ => return Err(CoseError::MalformedMessage),
        };
        if (1..=super::x509::CHAIN_MAX).contains(&chain.len()) { Ok(chain) } else { Err(CoseError::MalformedMessage) }
    }

    /// The kind of message (`typ`), from the protected header.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        let found = self.0.protected.header.rest.iter().find(|(label, _)| *label == Label::Int(TYP));
        found.and_then(|(_, value)| value.as_text())
    }

    /// Checks the signature. A message without payload needs the `detached` one.
    ///
    /// # Errors
    /// [`CoseError`]
    pub fn verify(&self, detached: Option<&[u8]>, key: &Multikey) -> Result<(), CoseError> {
        let algorithm = signature_algorithm(&self.0.protected.header)?;
        if key.algorithm() != Some(algorithm) {
            return Err(CoseError::KeyAlgorithmMismatch); // COSE-01
        }
        let check = |signature: &[u8], signed: &[u8]| key.verify(signed, signature);
        match (&self.0.payload, detached) {
            (Some(_), None) => self.0.verify_signature(&[], check)?,
            (None, Some(payload)) => self.0.verify_detached_signature(payload, &[], check)?,
            _ => return Err(CoseError::MalformedMessage),
        }
        Ok(())
    }
}

/// What stands in the headers of a message that is made.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// The signer's certificates, leaf first.
    pub certificates: Vec<Vec<u8>>,
    /// The kind of message, protected.
    pub kind: Option<&'static str>,
}

/// Signs `payload`, which is in the message unless `detached`.
///
/// # Errors
/// [`CoseError::Signer`], [`CoseError::UnsupportedKey`]
pub fn sign1(
    headers: &Headers,
    payload: &[u8],
    detached: bool,
    signer: &dyn StandardSigner,
) -> Result<Value, CoseError> {
    let algorithm = match signer.multikey().algorithm() {
        Some(Algorithm::Es256) => iana::Algorithm::ES256,
        Some(Algorithm::Es384) => iana::Algorithm::ES384,
        Some(Algorithm::EdDsa) => iana::Algorithm::EdDSA,
        None => return Err(CoseError::UnsupportedKey),
    };
    let mut protected = HeaderBuilder::new().algorithm(algorithm).build();
    if let Some(kind) = headers.kind {
        protected.rest.push((Label::Int(TYP), Value::Text(kind.to_owned())));
    }
    let mut unprotected = Header::default();
    let mut chain: Vec<Value> = headers.certificates.iter().cloned().map(Value::Bytes).collect();
    match (chain.len(), chain.pop()) {
        (1, Some(one)) => unprotected.rest.push((Label::Int(X5CHAIN), one)),
        (_, Some(last)) => {
            chain.push(last);
            unprotected.rest.push((Label::Int(X5CHAIN), Value::Array(chain)));
        }
        (_, None) => {}
    }
    let builder = CoseSign1Builder::new().protected(protected).unprotected(unprotected);
    let message = if detached {
        builder.try_create_detached_signature(payload, &[], |signed| signer.sign(signed))?
    } else {
        builder.payload(payload.to_vec()).try_create_signature(&[], |signed| signer.sign(signed))?
    };
    message.build().to_cbor_value().map_err(|_| CoseError::MalformedMessage)
}

/// Makes a MAC (HMAC-SHA-256) over a detached payload.
///
/// # Errors
/// [`CoseError::MalformedMessage`], which does not happen.
pub fn mac0(payload: &[u8], key: &[u8; 32]) -> Result<Value, CoseError> {
    let protected = HeaderBuilder::new().algorithm(iana::Algorithm::HMAC_256_256).build();
    let message = CoseMac0Builder::new().protected(protected).payload(payload.to_vec());
    let mut message = message.create_tag(&[], |signed| tag(signed, key)).build();
    message.payload = None;
    message.to_cbor_value().map_err(|_| CoseError::MalformedMessage)
}

/// Checks a MAC over a detached payload.
///
/// # Errors
/// [`CoseError`]
pub fn verify_mac0(value: Value, payload: &[u8], key: &[u8; 32]) -> Result<(), CoseError> {
    let message = CoseMac0::from_cbor_value(value).map_err(|_| CoseError::MalformedMessage)?;
    check_headers(message.protected.original_data.as_deref(), &message.protected.header, &message.unprotected)?;
    if message.protected.header.alg != Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::HMAC_256_256)) {
        return Err(CoseError::DisallowedAlgorithm);
    }
    if message.payload.is_some() {
        return Err(CoseError::MalformedMessage);
    }
    let signed = coset::mac_structure_data(coset::MacContext::CoseMac0, message.protected, &[], payload);
    if bool::from(tag(&signed, key).ct_eq(&message.tag)) { Ok(()) } else { Err(CoseError::MacInvalid) }
}

fn tag(signed: &[u8], key: &[u8; 32]) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(signed);
    mac.finalize().into_bytes().to_vec()
}

fn check_headers(protected: Option<&[u8]>, header: &Header, unprotected: &Header) -> Result<(), CoseError> {
    match protected {
        None | Some([]) => {}
        Some(bytes) => strict::check(bytes, 4096)?,
    }
    // COSE-02: what is not signed decides nothing.
    if unprotected.alg.is_some() {
        return Err(CoseError::DisallowedAlgorithm);
    }
    if !header.crit.is_empty() || !unprotected.crit.is_empty() {
        return Err(CoseError::UnsupportedCritical);
    }
    Ok(())
}

fn signature_algorithm(header: &Header) -> Result<Algorithm, CoseError> {
    match header.alg {
        Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ES256)) => Ok(Algorithm::Es256),
        Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ES384)) => Ok(Algorithm::Es384),
        Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA)) => Ok(Algorithm::EdDsa),
        _ => Err(CoseError::DisallowedAlgorithm),
    }
}

/// Reads a public `COSE_Key` (RFC 9053, section 7).
///
/// # Errors
/// [`CoseError::MalformedMessage`], [`CoseError::UnsupportedKey`], [`CoseError::Signature`]
pub fn read_key(value: Value) -> Result<Multikey, CoseError> {
    let key = CoseKey::from_cbor_value(value).map_err(|_| CoseError::MalformedMessage)?;
    let number = |label: i64| key.params.iter().find(|(it, _)| *it == Label::Int(label)).map(|(_, value)| value);
    // -4 is the private number.
    if number(-4).is_some() {
        return Err(CoseError::MalformedMessage);
    }
    let curve = number(-1).and_then(Value::as_integer).and_then(|it| i64::try_from(it).ok());
    let bytes = |label, len: usize| {
        number(label).and_then(Value::as_bytes).filter(|it| it.len() == len).ok_or(CoseError::MalformedMessage)
    };
    let point = |len| match number(-3) {
        Some(Value::Bool(odd)) => Ok([&[2 + u8::from(*odd)], bytes(-2, len)?.as_slice()].concat()),
        _ => Ok::<_, CoseError>([&[4], bytes(-2, len)?.as_slice(), bytes(-3, len)?.as_slice()].concat()),
    };
    match (&key.kty, curve) {
        (RegisteredLabel::Assigned(iana::KeyType::EC2), Some(1)) => Ok(Multikey::p256_from_sec1(&point(32)?)?),
        (RegisteredLabel::Assigned(iana::KeyType::EC2), Some(2)) => Ok(Multikey::p384_from_sec1(&point(48)?)?),
        (RegisteredLabel::Assigned(iana::KeyType::OKP), Some(6)) => Ok(Multikey::ed25519_from_bytes(bytes(-2, 32)?)?),
        _ => Err(CoseError::UnsupportedKey),
    }
}

/// The `COSE_Key` of a public key, coordinates in full.
///
/// # Errors
/// [`CoseError::UnsupportedKey`] for a BBS key.
pub fn write_key(key: &Multikey) -> Result<Value, CoseError> {
    let entry = |label: i64, value: Value| (Value::from(label), value);
    let curve: i64 = match key {
        Multikey::P256(_) => 1,
        Multikey::P384(_) => 2,
        Multikey::Ed25519(bytes) => {
            let x = Value::Bytes(bytes.to_vec());
            return Ok(Value::Map(vec![entry(1, 1.into()), entry(-1, 6.into()), entry(-2, x)]));
        }
        Multikey::Bls12381G2(_) => return Err(CoseError::UnsupportedKey),
    };
    let (x, y) = key.coordinates().ok_or(CoseError::UnsupportedKey)?;
    let (x, y) = (Value::Bytes(x), Value::Bytes(y));
    Ok(Value::Map(vec![entry(1, 2.into()), entry(-1, curve.into()), entry(-2, x), entry(-3, y)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::multikey::StandardKey;

    fn key() -> StandardKey {
        StandardKey::p256(&[7; 32]).unwrap()
    }

    fn signed(change: impl FnOnce(&mut CoseSign1)) -> Result<(), CoseError> {
        let value = sign1(&Headers::default(), b"payload", false, &key()).unwrap();
        let mut message = CoseSign1::from_cbor_value(value).unwrap();
        change(&mut message);
        Sign1::from_slice(&message.to_vec().unwrap(), 1024)?.verify(None, &key().multikey())
    }

    #[test]
    fn cose_01_signed_and_refused_when_changed() {
        for key in [key(), StandardKey::p384(&[7; 48]).unwrap(), StandardKey::ed25519(&[7; 32])] {
            let value = sign1(&Headers::default(), b"payload", true, &key).unwrap();
            let message = Sign1::from_slice(&write_value(value), 1024).unwrap();
            assert_eq!(message.verify(Some(b"payload"), &key.multikey()), Ok(()));
            let wrong = message.verify(Some(b"payloae"), &key.multikey());
            assert_eq!(wrong, Err(CoseError::Signature(SignatureError::SignatureInvalid)));
            assert_eq!(message.verify(None, &key.multikey()), Err(CoseError::MalformedMessage));
            let read = read_key(write_key(&key.multikey()).unwrap());
            assert_eq!(read, Ok(key.multikey()));
        }
        assert_eq!(signed(|_| ()), Ok(()));
        let changed = signed(|it| it.payload = Some(b"other".to_vec()));
        assert_eq!(changed, Err(CoseError::Signature(SignatureError::SignatureInvalid)));
        assert_eq!(signed(|it| it.payload = None), Err(CoseError::MalformedMessage));
        let other = StandardKey::p384(&[7; 48]).unwrap();
        let value = sign1(&Headers::default(), b"payload", false, &other).unwrap();
        let mismatch = Sign1::from_value(value).unwrap().verify(None, &key().multikey());
        assert_eq!(mismatch, Err(CoseError::KeyAlgorithmMismatch), "A04");
    }

    #[test]
    fn cose_02_headers_decide_nothing_unsigned_or_unknown() {
        let protected = |alg: Option<iana::Algorithm>, crit: bool| {
            let mut header = alg.map_or_else(Header::default, |alg| HeaderBuilder::new().algorithm(alg).build());
            if crit {
                header.crit.push(RegisteredLabelWithPrivate::Assigned(iana::HeaderParameter::Kid));
            }
            signed(|it| it.protected = coset::ProtectedHeader { original_data: None, header })
        };
        for alg in [iana::Algorithm::ES512, iana::Algorithm::HMAC_256_256, iana::Algorithm::A128GCM] {
            assert_eq!(protected(Some(alg), false), Err(CoseError::DisallowedAlgorithm), "A01, A03");
        }
        assert_eq!(protected(None, false), Err(CoseError::DisallowedAlgorithm), "A02");
        assert_eq!(protected(Some(iana::Algorithm::ES256), true), Err(CoseError::UnsupportedCritical), "A12");
        let unprotected = signed(|it| it.unprotected = HeaderBuilder::new().algorithm(iana::Algorithm::ES256).build());
        assert_eq!(unprotected, Err(CoseError::DisallowedAlgorithm));
        let odd = signed(|it| it.protected.original_data = Some(vec![0xa2, 1, 0x26, 1, 0x26]));
        assert!(matches!(odd, Err(CoseError::MalformedMessage | CoseError::Encoding(_))));
        assert!(matches!(Sign1::from_slice(&[0x80], 9), Err(CoseError::MalformedMessage)));
        assert!(matches!(Sign1::from_slice(&[0; 10], 9), Err(CoseError::Encoding(StrictError::TooLarge))));
    }

    #[test]
    fn macs_and_keys() {
        let value = mac0(b"payload", &[1; 32]).unwrap();
        assert_eq!(verify_mac0(value.clone(), b"payload", &[1; 32]), Ok(()));
        assert_eq!(verify_mac0(value.clone(), b"payload", &[2; 32]), Err(CoseError::MacInvalid));
        assert_eq!(verify_mac0(value, b"payloae", &[1; 32]), Err(CoseError::MacInvalid));
        let signed = sign1(&Headers::default(), b"payload", true, &key()).unwrap();
        assert_eq!(verify_mac0(signed, b"payload", &[1; 32]), Err(CoseError::DisallowedAlgorithm));
        assert_eq!(write_key(&Multikey::Bls12381G2([0; 96])), Err(CoseError::UnsupportedKey));
        let with = |label: i64, value: Value| {
            let Value::Map(mut entries) = write_key(&key().multikey()).unwrap() else { panic!() };
            entries.retain(|(it, _)| *it != Value::from(label));
            entries.push((Value::from(label), value));
            read_key(Value::Map(entries)).map(|_| ())
        };
        assert_eq!(with(-1, 3.into()), Err(CoseError::UnsupportedKey), "P-521");
        assert_eq!(with(-2, Value::Bytes(vec![1; 31])), Err(CoseError::MalformedMessage));
        assert_eq!(with(-2, Value::Bytes(vec![1; 32])), Err(CoseError::Signature(SignatureError::InvalidKey)), "A16");
        assert_eq!(with(-4, Value::Bytes(vec![1; 32])), Err(CoseError::MalformedMessage), "a private key");
    }
}
