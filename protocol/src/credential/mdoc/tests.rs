use super::session::AgreementKey;
use super::*;
use crate::cbor::strict::StrictError;
use crate::credential::Day;
use crate::credential::status::token::{Reference, TokenStatusError};
use crate::crypto::cose::{self, CoseError, Headers};
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::{StandardKey, StandardSigner};
use crate::crypto::x509::testkit::Draft as Certificate;
use crate::crypto::x509::{CertificateError, Root};

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;
const DEVICE: [u8; 32] = [3; 32];

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed([9; 32])
}

fn root() -> Certificate {
    Certificate::root("CN=IACA,C=KR", key(1).multikey(), NOW - 100 * DAY, NOW + 100 * DAY)
}

fn roots() -> [Root; 1] {
    [Root::from_der(&root().sign(&key(1))).unwrap()]
}

fn signer() -> Certificate {
    root().leaf("CN=DS,C=KR", key(2).multikey(), Some("1.0.18013.5.1.2"))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn draft() -> Draft {
    let elements =
        |list: &[(&str, Value)]| list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Draft {
        doc_type: MDL.into(),
        elements: vec![
            (
                MDL_NAMESPACE.into(),
                elements(&[
                    ("family_name", text("HONG")),
                    ("birth_date", date("1990-05-17".parse::<Day>().unwrap())),
                    ("age_over_19", Value::Bool(true)),
                    ("portrait", Value::Bytes(vec![0xff; 2000])),
                ]),
            ),
            (KOREAN_NAMESPACE.into(), elements(&[("family_name_ko", text("홍")), ("address_ko", text("서울 😀"))])),
        ],
        device_key: StandardKey::p256(&DEVICE).unwrap().multikey(),
        signed: NOW - 10,
        valid_from: NOW - 10,
        valid_until: NOW + DAY,
        status: Some(Reference { uri: "https://issuer.example/status/7".into(), index: 77 }),
        decoys: 3,
        certificates: vec![signer().sign(&key(1))],
    }
}

fn transcript() -> SessionTranscript {
    SessionTranscript::new(&Handover::OpenId4Vp {
        client_id: "x509_hash:abc",
        nonce: "n-1",
        thumbprint: Some(&[5; 32]),
        response_uri: "https://verifier.example/answer",
    })
}

fn issued() -> IssuerSigned {
    IssuerSigned::from_slice(&draft().issue(&key(2), &mut rng()).unwrap()).unwrap()
}

const SHOWN: [(&str, &str); 2] = [(MDL_NAMESPACE, "age_over_19"), (KOREAN_NAMESPACE, "family_name_ko")];

fn present(issued: &IssuerSigned, elements: &[(&str, &str)]) -> Document {
    let device = StandardKey::p256(&DEVICE).unwrap();
    Document::present(issued, MDL, elements, &transcript(), &Proof::Signature(&device)).unwrap()
}

fn check(document: &Document, now: u64) -> Result<Verified, MdocError> {
    let response = DeviceResponse { documents: vec![document.clone()] }.to_vec();
    let transcript = transcript();
    verify_document(&response, MDL, &DeviceCheck { transcript: &transcript, reader: None }, &roots(), now)
}

fn refusal(document: &Document) -> MdocError {
    check(document, NOW).unwrap_err()
}

/// The document that this draft gives, presented.
fn of(change: impl FnOnce(&mut Draft)) -> Document {
    let mut draft = draft();
    change(&mut draft);
    let issued = draft.issue(&key(2), &mut rng()).unwrap();
    present(&IssuerSigned::from_slice(&issued).unwrap(), &SHOWN)
}

/// The document whose security object `change` replaced, signed again by the right signer, presented.
fn resigned(change: impl FnOnce(&mut Vec<(Value, Value)>)) -> Result<Verified, MdocError> {
    let mut issued = issued();
    let payload = cose::Sign1::from_value(issued.auth.clone()).unwrap();
    let outer = cose::read_value(payload.payload().unwrap(), MESSAGE_MAX).unwrap();
    let Value::Map(mut object) = cose::read_value(embedded(&outer).unwrap(), MESSAGE_MAX).unwrap() else { panic!() };
    change(&mut object);
    let headers = Headers { certificates: draft().certificates, kind: None };
    let payload = embedding(&cose::write_value(Value::Map(object)));
    issued.auth = cose::sign1(&headers, &payload, false, &key(2)).unwrap();
    let issued = IssuerSigned::from_value(&issued.to_value())?;
    check(&present(&issued, &SHOWN), NOW)
}

fn set(object: &mut Vec<(Value, Value)>, name: &str, value: Value) {
    object.retain(|(it, _)| it.as_text() != Some(name));
    object.push(entry(name, value));
}

#[test]
fn mdoc_01_issued_held_and_presented() {
    let issued = issued();
    let (object, leaf) = issued.verify(MDL, &roots(), NOW).unwrap();
    assert_eq!((object.doc_type.as_str(), object.valid_until), (MDL, NOW + DAY));
    assert_eq!(&leaf.root, roots()[0].key());
    let document = check(&present(&issued, &SHOWN), NOW).unwrap();
    assert_eq!(document.element(KOREAN_NAMESPACE, "family_name_ko"), Some(&text("홍")));
    assert_eq!(document.element(MDL_NAMESPACE, "age_over_19"), Some(&Value::Bool(true)));
    assert_eq!(document.elements().values().map(|it| it.len()).sum::<usize>(), 2, "no more than asked");
    assert_eq!(document.status, draft().status);
    assert_eq!(document.root(), Some(&leaf.root));
    assert!(!format!("{document:?} {issued:?} {:?}", draft()).contains("홍"));
    let response = DeviceResponse { documents: vec![present(&issued, &SHOWN)] }.to_vec();
    assert!(!response.windows(4).any(|it| it == b"HONG"), "undisclosed");
    let device = StandardKey::p256(&DEVICE).unwrap();
    let unknown = Document::present(&issued, MDL, &[(MDL_NAMESPACE, "sex")], &transcript(), &Proof::Signature(&device));
    assert_eq!(unknown.map(|_| ()), Err(MdocError::UnknownClaim));
    // Another doctype is data, not code.
    let card = Draft { doc_type: RESIDENT_CARD.into(), ..draft() }.issue(&key(2), &mut rng()).unwrap();
    assert!(IssuerSigned::from_slice(&card).unwrap().verify(RESIDENT_CARD, &roots(), NOW).is_ok());
}

#[test]
fn mdoc_02_the_issuer_is_whom_its_certificates_say() {
    let document = present(&issued(), &SHOWN);
    let transcript = transcript();
    let device = DeviceCheck { transcript: &transcript, reader: None };
    let refused = document.verify(MDL, &device, &[], NOW);
    assert_eq!(refused, Err(MdocError::Certificate(CertificateError::KeyNotTrusted)), "A07");
    let forged = draft().issue(&key(4), &mut rng()).unwrap();
    let forged = present(&IssuerSigned::from_slice(&forged).unwrap(), &SHOWN);
    let invalid = MdocError::Cose(CoseError::Signature(SignatureError::SignatureInvalid));
    assert_eq!(refusal(&forged), invalid);
    let profile = MdocError::Certificate(CertificateError::CertificateProfileInvalid);
    let reader = Certificate { extended: Some("1.0.18013.5.1.6"), ..signer() }.sign(&key(1));
    assert_eq!(refusal(&of(|it| it.certificates = vec![reader])), profile, "A08");
    assert_eq!(refusal(&of(|it| it.certificates = vec![])), MdocError::Cose(CoseError::MalformedMessage));
    // A09: valid now, not when it signed.
    let young = Certificate { from: NOW - 5, ..signer() }.sign(&key(1));
    let expired = MdocError::Certificate(CertificateError::CertificateExpired);
    assert_eq!(refusal(&of(|it| it.certificates = vec![young])), expired, "A09");
    let verified = document.verify_with(&key(2).multikey(), MDL, &device, NOW).unwrap();
    assert_eq!(verified.root(), None);
}

#[test]
fn mdoc_03_one_version_three_digests() {
    assert!(resigned(|_| ()).is_ok());
    assert_eq!(resigned(|it| set(it, "version", text("2.0"))), Err(MdocError::UnsupportedVersion));
    assert_eq!(resigned(|it| set(it, "digestAlgorithm", text("SHA-1"))), Err(MdocError::UnsupportedAlgorithm));
    assert_eq!(resigned(|it| set(it, "digestAlgorithm", text("SHA-512"))), Err(MdocError::DigestMismatch));
    assert_eq!(resigned(|it| set(it, "docType", text(RESIDENT_CARD))), Err(MdocError::TypeMismatch), "A38");
    assert_eq!(
        resigned(|it| it.retain(|(name, _)| name.as_text() != Some("docType"))),
        Err(MdocError::MalformedDocument)
    );
    let status = Value::Map(vec![entry("status_list", Value::Map(vec![]))]);
    let malformed = Err(MdocError::Status(TokenStatusError::StatusListMalformed));
    assert_eq!(resigned(|it| set(it, "status", status)), malformed);
}

#[test]
fn mdoc_04_every_element_is_one_that_was_signed() {
    let good = present(&issued(), &SHOWN);
    assert!(check(&good, NOW).is_ok());
    // A37: one value changed, in bytes that are hashed.
    let mut changed = good.clone();
    let item = &mut changed.issuer_signed.items[0].1[0];
    let at = item.bytes.len() - 1;
    assert_eq!(item.bytes[at], 0xf5, "true");
    item.bytes[at] = 0xf4;
    assert_eq!(refusal(&changed), MdocError::DigestMismatch, "A37");
    // The bytes count as received: the same map in another order is another element.
    let mut reordered = good.clone();
    let item = &mut reordered.issuer_signed.items[0].1[0];
    let Value::Map(mut entries) = cose::read_value(&item.bytes, 4096).unwrap() else { panic!() };
    entries.reverse();
    item.bytes = cose::write_value(Value::Map(entries));
    assert_eq!(refusal(&reordered), MdocError::DigestMismatch, "A37");
    let mut twice = good.clone();
    let item = twice.issuer_signed.items[0].1[0].clone();
    twice.issuer_signed.items[0].1.push(item);
    assert_eq!(refusal(&twice), MdocError::DuplicateDigest, "A37");
    let mut elsewhere = good.clone();
    elsewhere.issuer_signed.items[0].0 = "org.example".into();
    assert_eq!(refusal(&elsewhere), MdocError::DisclosureUnreferenced, "A37");
    let with_item = |id: u64, name: &str, random: usize| {
        let mut changed = good.clone();
        let item = cose::write_value(Value::Map(vec![
            entry("digestID", id.into()),
            entry("random", Value::Bytes(vec![0; random])),
            entry("elementIdentifier", text(name)),
            entry("elementValue", Value::Null),
        ]));
        changed.issuer_signed.items[0].1.push(Item {
            bytes: item,
            digest_id: id,
            name: name.into(),
            value: Value::Null,
        });
        refusal(&changed)
    };
    assert_eq!(with_item(99, "sex", 32), MdocError::DisclosureUnreferenced, "A37");
    assert_eq!(with_item(99, "age_over_19", 32), MdocError::DuplicateClaim);
    assert_eq!(with_item(99, "sex", 15), MdocError::MalformedDocument, "a digest that can be guessed");
}

#[test]
fn mdoc_05_all_dates_hold() {
    let good = present(&issued(), &SHOWN);
    assert!(check(&good, NOW + DAY).is_ok());
    assert_eq!(check(&good, NOW + DAY + 1).unwrap_err(), MdocError::CredentialExpired);
    assert_eq!(check(&good, NOW - 11).unwrap_err(), MdocError::IssuedInFuture);
    assert_eq!(refusal(&of(|it| it.valid_from = NOW + 1)), MdocError::CredentialNotYetValid);
    let validity = |signed: u64, from: u64, until: u64| {
        let dates = vec![
            entry("signed", date_time(signed)),
            entry("validFrom", date_time(from)),
            entry("validUntil", date_time(until)),
        ];
        resigned(|it| set(it, "validityInfo", Value::Map(dates))).map(|_| ())
    };
    assert_eq!(validity(NOW, NOW, NOW), Ok(()));
    assert_eq!(validity(NOW, NOW - 1, NOW + 9), Err(MdocError::MalformedValidity), "A39");
    assert_eq!(validity(NOW - 9, NOW, NOW - 1), Err(MdocError::MalformedValidity), "A39");
    let mut draft = draft();
    draft.valid_until = 0;
    assert_eq!(draft.issue(&key(2), &mut rng()), Err(MdocError::MalformedValidity));
    for bad in [
        "2026-11-21T00:00:00.5Z",
        "2026-11-21T00:00:00+09:00",
        "2026-11-21 00:00:00Z",
        "2026-13-21T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T0x:00:00Z",
    ] {
        let value = Value::Tag(0, Box::new(text(bad)));
        assert_eq!(parse_date_time(&value), Err(MdocError::MalformedDate), "{bad}");
    }
    assert_eq!(parse_date_time(&text("2026-11-21T00:00:00Z")), Err(MdocError::MalformedDate), "no tag");
    for at in [0, NOW, 951_782_399, 951_868_800, 4_102_444_799] {
        assert_eq!(parse_date_time(&date_time(at)), Ok(at));
    }
}

#[test]
fn mdoc_06_the_device_proves_itself_for_this_session() {
    let issued = issued();
    let good = present(&issued, &SHOWN);
    let device = StandardKey::p256(&DEVICE).unwrap();
    let with = |transcript: &SessionTranscript, proof: &Proof<'_>| {
        refusal(&Document::present(&issued, MDL, &SHOWN, transcript, proof).unwrap())
    };
    let other = SessionTranscript::from_bytes(&[0x83, 0xf6, 0xf6, 0xf6]);
    assert_eq!(with(&other, &Proof::Signature(&device)), MdocError::HolderBindingInvalid, "D11");
    assert_eq!(with(&transcript(), &Proof::Signature(&key(8))), MdocError::HolderBindingInvalid, "D02");
    let mut without = good.clone();
    without.device_auth = Value::Map(vec![]);
    assert_eq!(refusal(&without), MdocError::HolderBindingMissing, "D01");
    let mut both = good.clone();
    let Value::Map(entries) = &mut both.device_auth else { panic!() };
    entries.push(entry("deviceMac", Value::Null));
    assert_eq!(refusal(&both), MdocError::HolderBindingMissing);
    let mut added = good.clone();
    added.device_elements = cose::write_value(Value::Map(vec![entry(MDL_NAMESPACE, Value::Map(vec![]))]));
    assert_eq!(refusal(&added), MdocError::DeviceSignedElements);
    let mut named = good.clone();
    named.doc_type = RESIDENT_CARD.into();
    assert_eq!(refusal(&named), MdocError::TypeMismatch, "A38");
    // The same with a MAC.
    let (reader, static_key) = (AgreementKey::from_seed(&[6; 32]).unwrap(), AgreementKey::from_seed(&DEVICE).unwrap());
    let public = reader.public().unwrap();
    let proof = Proof::Mac { device: &static_key, reader: &public };
    let document = Document::present(&issued, MDL, &SHOWN, &transcript(), &proof).unwrap();
    assert_eq!(refusal(&document), MdocError::HolderBindingMissing, "a verifier that has no key takes no MAC");
    let transcript = transcript();
    let by = |reader: &AgreementKey| {
        document.verify(MDL, &DeviceCheck { transcript: &transcript, reader: Some(reader) }, &roots(), NOW).map(|_| ())
    };
    assert_eq!(by(&reader), Ok(()));
    assert_eq!(by(&AgreementKey::from_seed(&[7; 32]).unwrap()), Err(MdocError::HolderBindingInvalid));
}

#[test]
fn mdoc_01_other_forms_are_refused() {
    let response =
        |members: Vec<(Value, Value)>| DeviceResponse::from_slice(&cose::write_value(Value::Map(members))).map(|_| ());
    let version = || entry("version", text("1.0"));
    assert_eq!(response(vec![]), Err(MdocError::UnsupportedVersion));
    assert_eq!(response(vec![version()]), Err(MdocError::MalformedDocument));
    assert_eq!(response(vec![version(), entry("status", 10.into())]), Err(MdocError::SessionEnded(10)));
    assert_eq!(response(vec![version(), entry("status", 0.into())]), Err(MdocError::DocumentMissing));
    let many = entry("documents", Value::Array(vec![Value::Null; 9]));
    assert_eq!(response(vec![version(), entry("status", 0.into()), many]), Err(MdocError::MalformedDocument));
    let good = present(&issued(), &SHOWN);
    let two = DeviceResponse { documents: vec![good.clone(), good.clone()] }.to_vec();
    let transcript = transcript();
    let check = DeviceCheck { transcript: &transcript, reader: None };
    let refused = verify_document(&two, MDL, &check, &roots(), NOW);
    assert_eq!(refused, Err(MdocError::DocumentMissing), "D14");
    let too_large = verify_document(&vec![0; MESSAGE_MAX + 1], MDL, &check, &roots(), NOW);
    assert_eq!(too_large, Err(MdocError::Encoding(StrictError::TooLarge)), "A40");
    assert_eq!(
        verify_document(&[0x9f, 0xff], MDL, &check, &roots(), NOW),
        Err(MdocError::Encoding(StrictError::NonCanonicalEncoding)),
        "A36"
    );
}

/// COSE-02: `a2` at length is what an encoder of wallets in JavaScript writes; nothing else may be longer than needed. The
/// digests are over what was received.
#[test]
fn cose_02_maps_may_tell_their_size_at_length_and_nothing_else_may() {
    let bytes = draft().issue(&key(2), &mut rng()).unwrap();
    let spelled = |short: &[u8], long: &[u8]| {
        let at = bytes.windows(short.len()).position(|it| it == short).unwrap();
        [&bytes[..at], long, &bytes[at + short.len()..]].concat()
    };
    // The whole, and the map of namespaces in it.
    assert_eq!(bytes[0], 0xa2);
    let whole = [&[0xb9, 0, 2], &bytes[1..]].concat();
    let inner = spelled(b"nameSpaces\xa2", b"nameSpaces\xb9\x00\x02");
    for valid in [bytes.clone(), whole, inner] {
        let issued = IssuerSigned::from_slice(&valid).unwrap();
        assert!(issued.verify(MDL, &roots(), NOW).is_ok());
        assert!(check(&present(&issued, &SHOWN), NOW).is_ok());
    }
    let refused = MdocError::Encoding(StrictError::NonCanonicalEncoding);
    let list = spelled(b"issuerAuth\x84", b"issuerAuth\x98\x04");
    let name = spelled(b"\x6anameSpaces", b"\x78\x0anameSpaces");
    for (what, invalid) in [("a list", list), ("a string", name)] {
        assert_eq!(IssuerSigned::from_slice(&invalid).map(|_| ()), Err(refused), "{what}");
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let document = present(&issued(), &SHOWN);
    let bytes = DeviceResponse { documents: vec![document] }.to_vec();
    let transcript = transcript();
    let check = DeviceCheck { transcript: &transcript, reader: None };
    let good = verify_document(&bytes, MDL, &check, &roots(), NOW).unwrap();
    for at in (0..bytes.len()).step_by(5) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // Whoever carries a response can always leave out its elements, for example by misspelling their heading. It can
        // change none.
        if let Ok(read) = verify_document(&changed, MDL, &check, &roots(), NOW) {
            let empty = Verified { elements: read.elements.clone(), ..good.clone() };
            assert!(read == good || read == empty && read.elements().is_empty(), "byte {at}");
        }
    }
}

#[test]
fn mdoc_08_readers_say_who_they_are() {
    let reader = root().leaf("CN=Reader,C=KR", key(5).multikey(), Some("1.0.18013.5.1.6")).sign(&key(1));
    let wanted = ItemsRequest {
        doc_type: MDL.into(),
        elements: vec![
            (MDL_NAMESPACE.into(), "age_over_19".into(), false),
            (KOREAN_NAMESPACE.into(), "family_name_ko".into(), true),
            (MDL_NAMESPACE.into(), "portrait".into(), false),
        ],
    };
    let make = |by: u8, chain: &[Vec<u8>]| {
        let bytes =
            DeviceRequest::make(core::slice::from_ref(&wanted), &transcript(), Some((chain, &key(by)))).unwrap();
        DeviceRequest::from_slice(&bytes).unwrap().requests[0].clone()
    };
    let request = make(5, core::slice::from_ref(&reader));
    assert_eq!(request.items.doc_type, MDL);
    assert_eq!(request.items.elements.len(), 3);
    assert!(request.verify_reader(&transcript(), &roots(), NOW).is_ok());
    let other = SessionTranscript::from_bytes(&[0x83, 0xf6, 0xf6, 0xf6]);
    let refused = |result: Result<_, MdocError>| result.map(|_| ()).unwrap_err();
    assert_eq!(refused(request.verify_reader(&other, &roots(), NOW)), MdocError::ReaderAuthInvalid);
    let forged = make(6, &[reader]);
    assert_eq!(refused(forged.verify_reader(&transcript(), &roots(), NOW)), MdocError::ReaderAuthInvalid);
    let signer = make(2, &draft().certificates);
    let profile = MdocError::Certificate(CertificateError::CertificateProfileInvalid);
    assert_eq!(refused(signer.verify_reader(&transcript(), &roots(), NOW)), profile);
    let anonymous = DeviceRequest::make(&[wanted], &transcript(), None).unwrap();
    let anonymous = DeviceRequest::from_slice(&anonymous).unwrap().requests[0].clone();
    assert_eq!(refused(anonymous.verify_reader(&transcript(), &roots(), NOW)), MdocError::ReaderAuthMissing);
    assert!(matches!(DeviceRequest::from_slice(&[0xa0]), Err(MdocError::UnsupportedVersion)));
    let empty =
        cose::write_value(Value::Map(vec![entry("version", text("1.0")), entry("docRequests", Value::Array(vec![]))]));
    assert!(matches!(DeviceRequest::from_slice(&empty), Err(MdocError::MalformedDocument)));
}
