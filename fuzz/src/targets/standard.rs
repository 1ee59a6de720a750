//! Formats of other standards: JSON and CBOR tokens, certificates, status lists.

use protocol::credential::mdoc::session::{AgreementKey, DeviceSession, ReaderSession, Transport};
use protocol::credential::mdoc::{self, DeviceCheck, DeviceRequest, IssuerSigned, MdocError};
use protocol::credential::sd_jwt::{self, Challenge, Trust};
use protocol::credential::status::bitstring::Bitstring;
use protocol::credential::status::token::{StatusToken, TokenList};
use protocol::credential::status::{ListAddress, StatusList};
use protocol::crypto::cose::{self, Sign1};
use protocol::crypto::jose::{Jwe, Jwk, Jws};
use protocol::crypto::multikey::{Multikey, StandardSigner as _};
use protocol::crypto::x509::{Certificate, Purpose, Root, verify_chain};
use protocol::ledger::attachment;

use crate::scene::{NOW, p256, rng, roots};
use crate::seeds::{CHALLENGE, KIND, transcript};

pub(super) fn sd_jwt(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let challenge = Challenge { audience: CHALLENGE.0, nonce: CHALLENGE.1, now: NOW, max_age: 300 };
    let issued = sd_jwt::verify_issued(&text, KIND, &Trust { roots: roots(), now: NOW });
    issued.is_ok() || sd_jwt::verify_presentation(&text, KIND, &challenge, roots()).is_ok()
}

pub(super) fn mdoc(bytes: &[u8]) -> bool {
    let device = DeviceCheck { transcript: &transcript(), reader: None };
    let issued = IssuerSigned::from_slice(bytes).and_then(|it| it.verify(mdoc::MDL, roots(), NOW));
    let shown = mdoc::verify_document(bytes, mdoc::MDL, &device, roots(), NOW);
    let asked = DeviceRequest::from_slice(bytes);
    if let Ok(asked) = &asked {
        for document in &asked.requests {
            let _ = document.verify_reader(&transcript(), roots(), NOW);
        }
    }
    issued.is_ok() || shown.is_ok() || asked.is_ok()
}

/// The other end says the same thing once, and then nothing.
struct Once(Option<Vec<u8>>);

impl Transport for Once {
    fn send(&mut self, _: &[u8]) -> Result<(), MdocError> {
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, MdocError> {
        self.0.take().ok_or(MdocError::DocumentMissing)
    }
}

/// Engagement from a code, and the first message of each side.
pub(super) fn session(bytes: &[u8]) -> bool {
    let scanned = ReaderSession::scan(&String::from_utf8_lossy(bytes), &mut rng(6));
    let device = DeviceSession::new(&mut rng(7)).unwrap();
    let mut reader = ReaderSession::scan(&device.qr_text(), &mut rng(8)).unwrap();
    let asked = device.receive(&mut Once(Some(bytes.to_vec())));
    let answered = reader.ask(b"request", &mut Once(Some(bytes.to_vec())));
    scanned.is_ok() || asked.is_ok() || answered.is_ok()
}

pub(super) fn tokens(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let key = p256(2).multikey();
    let signed = Jws::read(&text).and_then(|token| token.verify(&key)).and_then(|token| token.claims());
    let encrypted = Jwe::read(&text);
    if let Ok(encrypted) = &encrypted {
        let _ = encrypted.decrypt(&AgreementKey::generate(&mut rng(9)));
    }
    let json = protocol::json::read(bytes, 1 << 16);
    let key = json.is_ok_and(|json| Jwk::from_json(&json).is_ok() || Multikey::from_jwk(&json).is_ok());
    signed.is_ok() || encrypted.is_ok() || key || Multikey::from_multibase(&text).is_ok()
}

pub(super) fn certificates(bytes: &[u8]) -> bool {
    let certificate = Certificate::from_der(bytes);
    if let Ok(certificate) = &certificate {
        assert_eq!(certificate.der(), bytes);
    }
    let message = Sign1::from_slice(bytes, 1 << 16);
    if let Ok(message) = &message {
        let _ = message.certificates();
        let _ = message.verify(None, &p256(2).multikey());
    }
    let value = cose::read_value(bytes, 1 << 16);
    let key = value.is_ok_and(|value| cose::read_key(value).is_ok());
    certificate.is_ok()
        || message.is_ok()
        || key
        || Root::from_der(bytes).is_ok()
        || verify_chain(&[bytes], roots(), Purpose::Documents, NOW).is_ok()
}

pub(super) fn status(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let list = protocol::json::read(bytes, 1 << 20).is_ok_and(|json| TokenList::from_json(&json).is_ok());
    list || Bitstring::decode(&text).is_ok()
        || StatusToken::verify_jwt_chain(&text, roots(), NOW).is_ok()
        || StatusToken::verify_cwt_chain(bytes, roots(), NOW).is_ok()
        || attachment::unpack(bytes, &StatusList::new().digest()).is_ok()
        || StatusList::from_bytes(bytes.to_vec()).is_ok()
        || ListAddress::read(&text).is_some()
}
