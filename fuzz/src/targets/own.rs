//! Our own formats.

use protocol::cbor;
use protocol::credential::CredentialType;
use protocol::credential::twins::Twins;
use protocol::credential::{Credential, sd_jwt::TypeMetadata};
use protocol::exchange::frames::Assembler;
use protocol::exchange::qr::{self, Kind};
use protocol::exchange::{CredentialRequest, CredentialResponse, Offer, Presentation, SignedRequest, StatusTokens};
use protocol::identifier::{ControllerDocument, Did, DidJwk, DidKey, DidWeb};
use protocol::ledger::certificate::Certificate;
use protocol::ledger::{Envelope, Header, LedgerProof, Note, Staple, Transaction, TrustAnchor, TrustBundle};

use crate::scene::NOW;

/// Messages between roles.
pub(super) fn messages(bytes: &[u8]) -> bool {
    let offer = Offer::decode(bytes, NOW);
    // Decoding is the inverse of encoding, so what was read is what would be written.
    if let Ok(offer) = &offer {
        assert_eq!(offer.encode(), bytes);
    }
    let request = CredentialRequest::decode(bytes);
    if let Ok(request) = &request {
        assert_eq!(request.encode(), bytes);
        let _ = request.check_device_proof();
    }
    let answer = CredentialResponse::decode(bytes);
    let presentation = Presentation::decode(bytes);
    [
        offer.is_ok(),
        request.is_ok(),
        answer.is_ok(),
        presentation.is_ok(),
        StatusTokens::decode(bytes).is_ok(),
        SignedRequest::decode(bytes).is_ok(),
        cbor::from_slice::<Credential>(bytes, 1 << 16).is_ok(),
    ]
    .contains(&true)
}

/// What a ledger hands out piece by piece.
pub(super) fn ledger(bytes: &[u8]) -> bool {
    let envelope = Envelope::decode(bytes);
    if let Ok(envelope) = &envelope {
        assert_eq!(envelope.encode(), bytes);
        let _ = envelope.record.validate();
    }
    let transaction = Transaction::decode(bytes);
    if let Ok(transaction) = &transaction {
        assert_eq!(transaction.encode(), bytes);
        let _ = transaction.verify_signatures();
    }
    let note = Note::parse(bytes);
    [
        envelope.is_ok(),
        transaction.is_ok(),
        note.is_ok(),
        Header::decode(bytes).is_ok(),
        LedgerProof::decode(bytes).is_ok(),
        Staple::decode(bytes).is_ok(),
        TrustAnchor::decode(bytes).is_ok(),
        Certificate::decode(bytes).is_ok(),
    ]
    .contains(&true)
}

/// A trust bundle, whose certificate and state root are checked too.
pub(super) fn bundle(bytes: &[u8]) -> bool {
    static ANCHOR: std::sync::OnceLock<TrustAnchor> = std::sync::OnceLock::new();
    let anchor = ANCHOR.get_or_init(|| crate::seeds::ledger().anchor());
    let bundle = TrustBundle::decode(bytes);
    if let Ok(bundle) = &bundle {
        let _ = bundle.verify(anchor, 0);
    }
    bundle.is_ok()
}

/// Codes as a camera reads them.
pub(super) fn codes(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let kinds = [Kind::Offer, Kind::Request, Kind::Presentation, Kind::TrustAnchor];
    let mut taken = false;
    for kind in kinds {
        taken |= qr::from_text(kind, &text).is_ok();
        let mut assembler = Assembler::new(kind);
        for frame in text.split('\n') {
            taken |= assembler.receive(frame).is_ok();
        }
        taken |= assembler.message().is_ok();
    }
    taken
}

/// Files and names in text.
pub(super) fn types(bytes: &[u8]) -> bool {
    let parsed = CredentialType::parse(bytes);
    if let Ok(parsed) = &parsed {
        assert!(CredentialType::parse(&parsed.definition()).is_ok());
    }
    let licence = CredentialType::parse(crate::seeds::LICENCE).unwrap();
    let text = String::from_utf8_lossy(bytes);
    let document = protocol::json::read(bytes, 1 << 16);
    [
        parsed.is_ok(),
        Twins::parse(bytes, &licence).is_ok(),
        TypeMetadata::read(bytes, "kr.go.police.driver-licence.1", None).is_ok(),
        document.is_ok_and(|document| ControllerDocument::from_json(&document, "did:web:a.example").is_ok()),
        text.parse::<Did>().is_ok(),
        DidKey::parse(&text).is_ok(),
        DidJwk::parse(&text).is_ok(),
        DidWeb::parse(&text).is_ok_and(|did| did.url().starts_with("https://")),
    ]
    .contains(&true)
}
