//! `org-iso-mdoc`: a device request through a browser's Digital Credentials API (ISO/IEC TS 18013-7, annex C).
//!
//! The reader sends a [`DeviceRequest`](super::DeviceRequest) and [`EncryptionInfo`]; the device answers with a response that only
//! this key opens, and only under the transcript of the origin that the browser reports ([`seal`], [`open`]).

use rand_core::CryptoRng;

use super::transcript::SessionTranscript;
use super::{MESSAGE_MAX, MdocError, Value, entry, member};
use crate::crypto::agreement::AgreementKey;
use crate::crypto::cose;
use crate::crypto::hpke::{self, Sealed};
use crate::crypto::jose::{base64url, from_base64url};
use crate::crypto::multikey::Multikey;

/// The protocol's name in the API.
pub const PROTOCOL: &str = "org-iso-mdoc";
/// What messages of this protocol begin with.
const DCAPI: &str = "dcapi";
/// Fewest bytes of a nonce (C.2).
const NONCE_MIN: usize = 16;
/// Most bytes of a nonce.
const NONCE_MAX: usize = 128;
/// Longest encryption parameters, in bytes.
const INFO_MAX: usize = 2048;

/// To which key, and with which nonce, a reader wants the answer (C.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionInfo {
    /// Fresh for every request, at least 16 bytes.
    pub nonce: Vec<u8>,
    /// The reader's ephemeral key, on P-256.
    pub key: Multikey,
}

impl EncryptionInfo {
    /// As it is sent: `["dcapi", {"nonce", "recipientPublicKey"}]`, base64url.
    ///
    /// # Errors
    /// [`MdocError::Cose`] for a key that has no such form.
    pub fn to_text(&self) -> Result<String, MdocError> {
        let parameters = Value::Map(vec![
            entry("nonce", Value::Bytes(self.nonce.clone())),
            entry("recipientPublicKey", cose::write_key(&self.key)?),
        ]);
        Ok(base64url(&cose::write_value(Value::Array(vec![Value::Text(DCAPI.into()), parameters]))))
    }

    /// Reads what was sent (MDOC-10).
    ///
    /// # Errors
    /// [`MdocError::MalformedDocument`], also for a nonce that is too short; [`MdocError::Encoding`], [`MdocError::Cose`]
    pub fn from_text(text: &str) -> Result<Self, MdocError> {
        let malformed = MdocError::MalformedDocument;
        let bytes = from_base64url(text).filter(|it| it.len() <= INFO_MAX).ok_or(malformed)?;
        let value = cose::read_value(&bytes, INFO_MAX)?;
        let parameters = second(&value).ok_or(malformed)?;
        let nonce = member(parameters, "nonce").and_then(Value::as_bytes).ok_or(malformed)?;
        if !(NONCE_MIN..=NONCE_MAX).contains(&nonce.len()) {
            return Err(malformed);
        }
        let key = cose::read_key(member(parameters, "recipientPublicKey").cloned().ok_or(malformed)?)?;
        if !matches!(key, Multikey::P256(_)) {
            return Err(malformed);
        }
        Ok(Self { nonce: nonce.clone(), key })
    }
}

/// The answer as it is sent: `["dcapi", {"enc", "cipherText"}]`, base64url, encrypted under the session's transcript (C.3).
///
/// # Errors
/// [`MdocError::DecryptionFailed`] when the key cannot be encrypted to.
pub fn seal(
    response: &[u8],
    info: &EncryptionInfo,
    transcript: &SessionTranscript,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<String, MdocError> {
    let sealed = hpke::seal(&info.key, transcript.as_bytes(), response, rng);
    let sealed = sealed.map_err(|_| MdocError::DecryptionFailed)?;
    let data = Value::Map(vec![
        entry("enc", Value::Bytes(sealed.encapsulated)),
        entry("cipherText", Value::Bytes(sealed.ciphertext)),
    ]);
    Ok(base64url(&cose::write_value(Value::Array(vec![Value::Text(DCAPI.into()), data]))))
}

/// Opens an answer: the encoded `DeviceResponse` (MDOC-10).
///
/// # Errors
/// [`MdocError::MalformedDocument`], [`MdocError::Encoding`]; [`MdocError::DecryptionFailed`] for one to another key, request or origin
pub fn open(text: &str, key: &AgreementKey, transcript: &SessionTranscript) -> Result<Vec<u8>, MdocError> {
    let malformed = MdocError::MalformedDocument;
    let bytes = from_base64url(text).filter(|it| it.len() <= MESSAGE_MAX).ok_or(malformed)?;
    let value = cose::read_value(&bytes, MESSAGE_MAX)?;
    let data = second(&value).ok_or(malformed)?;
    let bytes = |name| member(data, name).and_then(Value::as_bytes).cloned().ok_or(malformed);
    let sealed = Sealed { encapsulated: bytes("enc")?, ciphertext: bytes("cipherText")? };
    hpke::open(key, transcript.as_bytes(), &sealed).map_err(|_| MdocError::DecryptionFailed)
}

/// What stands after `"dcapi"`.
fn second(value: &Value) -> Option<&Value> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::Text(kind), data]) if kind == DCAPI => Some(data),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::super::Handover;
    use super::*;

    fn key(seed: u8) -> AgreementKey {
        AgreementKey::from_seed(&[seed; 32]).unwrap()
    }

    fn info() -> EncryptionInfo {
        EncryptionInfo { nonce: vec![7; 16], key: key(1).public().unwrap() }
    }

    fn transcript(origin: &str, encryption_info: &str) -> SessionTranscript {
        SessionTranscript::new(&Handover::IsoDcApi { origin, encryption_info })
    }

    #[test]
    fn mdoc_10_an_answer_is_for_one_key_request_and_origin() {
        let text = info().to_text().unwrap();
        assert_eq!(EncryptionInfo::from_text(&text), Ok(info()));
        let session = transcript("https://bank.example", &text);
        let sealed = seal(b"response", &info(), &session, &mut ChaCha20Rng::from_seed([3; 32])).unwrap();
        assert_eq!(open(&sealed, &key(1), &session).unwrap(), b"response");
        let other = EncryptionInfo { nonce: vec![8; 16], ..info() }.to_text().unwrap();
        for wrong in [transcript("https://evil.example", &text), transcript("https://bank.example", &other)] {
            assert_eq!(open(&sealed, &key(1), &wrong), Err(MdocError::DecryptionFailed));
        }
        assert_eq!(open(&sealed, &key(2), &session), Err(MdocError::DecryptionFailed));
        let ed25519 = EncryptionInfo { key: Multikey::Ed25519([1; 32]), ..info() };
        let unsealed = seal(b"", &ed25519, &session, &mut ChaCha20Rng::from_seed([3; 32]));
        assert_eq!(unsealed, Err(MdocError::DecryptionFailed));
    }

    #[test]
    fn mdoc_10_other_forms_are_refused() {
        let malformed = MdocError::MalformedDocument;
        let write = |value| base64url(&cose::write_value(value));
        let array = |kind: &str, value| Value::Array(vec![Value::Text(kind.into()), value]);
        let parameters = |nonce: usize, key: &Multikey| {
            let key = cose::write_key(key).unwrap();
            Value::Map(vec![entry("nonce", Value::Bytes(vec![1; nonce])), entry("recipientPublicKey", key)])
        };
        let p256 = key(1).public().unwrap();
        assert!(EncryptionInfo::from_text(&write(array("dcapi", parameters(16, &p256)))).is_ok());
        for broken in [
            write(array("other", parameters(16, &p256))),
            write(array("dcapi", parameters(15, &p256))),
            write(array("dcapi", parameters(129, &p256))),
            write(array("dcapi", parameters(16, &Multikey::Ed25519([1; 32])))),
            write(array("dcapi", Value::Map(vec![]))),
            write(Value::Null),
            "***".to_owned(),
            base64url(&vec![0; INFO_MAX + 1]),
        ] {
            let read = EncryptionInfo::from_text(&broken);
            assert!(read == Err(malformed) || matches!(read, Err(MdocError::Cose(_))), "{broken}: {read:?}");
        }
        let session = transcript("https://bank.example", "x");
        for broken in [write(array("other", Value::Map(vec![]))), write(array("dcapi", Value::Map(vec![]))), "*".into()]
        {
            assert_eq!(open(&broken, &key(1), &session), Err(malformed), "{broken}");
        }
    }
}
