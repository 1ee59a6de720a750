//! Mobile documents, in both directions: `@owf/mdoc` in JavaScript and `pymdoccbor` in Python, and one's to the other.

use protocol::credential::Day;
use protocol::credential::mdoc::{
    DeviceCheck, DeviceRequest, DeviceResponse, Document, Draft, Handover, IssuerSigned, ItemsRequest,
    KOREAN_NAMESPACE, MDL, MDL_NAMESPACE, MdocError, Proof, SessionTranscript, Value, date, verify_document,
};
use protocol::credential::status::token::Reference;
use protocol::crypto::multikey::StandardSigner as _;
use protocol::crypto::x509::Root;
use protocol::crypto::x509::testkit::Draft as Certificate;
use serde_json::json;

use crate::sd_jwt::{NOW, key, secret};

/// Python's package compares certificates with the clock, so they live long: from 2020 to 2049.
const FROM: u64 = 1_577_836_800;
const UNTIL: u64 = 2_493_072_000;

fn root() -> Certificate {
    Certificate::root("CN=IACA,C=KR", key(1).multikey(), FROM, UNTIL)
}

pub(crate) fn root_der() -> Vec<u8> {
    root().sign(&key(1))
}

fn certificate() -> Vec<u8> {
    root().leaf("CN=DS,C=KR", key(2).multikey(), Some("1.0.18013.5.1.2")).sign(&key(1))
}

fn session() -> serde_json::Value {
    json!({ "clientId": "x509_hash:abc", "nonce": "n-1", "thumbprint": hex::encode([5; 32]), "responseUri": "https://v.example/a" })
}

pub(crate) fn transcript() -> SessionTranscript {
    SessionTranscript::new(&Handover::OpenId4Vp {
        client_id: "x509_hash:abc",
        nonce: "n-1",
        thumbprint: Some(&[5; 32]),
        response_uri: "https://v.example/a",
    })
}

const SHOWN: [(&str, &str); 4] = [
    (MDL_NAMESPACE, "birth_date"),
    (MDL_NAMESPACE, "age_over_19"),
    (MDL_NAMESPACE, "portrait"),
    (KOREAN_NAMESPACE, "family_name_ko"),
];

fn issued() -> IssuerSigned {
    let text = |it: &str| Value::Text(it.to_owned());
    let named = |list: Vec<(&str, Value)>| list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let draft = Draft {
        doc_type: MDL.into(),
        elements: vec![
            (
                MDL_NAMESPACE.into(),
                named(vec![
                    ("family_name", text("HONG")),
                    ("birth_date", date("1990-05-17".parse::<Day>().unwrap())),
                    ("age_over_19", Value::Bool(true)),
                    ("portrait", Value::Bytes(vec![0xff, 0xd8])),
                ]),
            ),
            (KOREAN_NAMESPACE.into(), named(vec![("family_name_ko", text("홍 😀")), ("address_ko", text("서울"))])),
        ],
        device_key: key(3).multikey(),
        signed: NOW - 10,
        valid_from: NOW - 10,
        valid_until: NOW + 864_000,
        status: Some(Reference { uri: "https://issuer.example/status/7".into(), index: 77 }),
        decoys: 2,
        certificates: vec![certificate()],
    };
    IssuerSigned::from_slice(&draft.issue(&key(2), &mut tests::rng("mdoc")).unwrap()).unwrap()
}

pub(crate) fn signed() -> Vec<u8> {
    response(&Proof::Signature(&key(3)))
}

fn response(proof: &Proof<'_>) -> Vec<u8> {
    let document = Document::present(&issued(), MDL, &SHOWN, &transcript(), proof).unwrap();
    DeviceResponse { documents: vec![document] }.to_vec()
}

/// With a device's signature: the package in JavaScript compares the algorithm of a MAC with a number where it has a name,
/// and accepts none; the one in Python does not look at the device. MACs are checked against Annex D.
#[test]
fn others_accept_ours_and_refuse_it_changed() {
    let signed = signed();
    let mut changed = signed.clone();
    let at = changed.windows(3).position(|it| it == [0x42, 0xff, 0xd8]).unwrap();
    changed[at + 1] = 0xfe;
    let job = |response: &[u8], session: serde_json::Value, now: u64| {
        json!({
            "job": "verify_mdoc", "response": hex::encode(response), "session": session, "root": hex::encode(root_der()),
            "now": now,
        })
    };
    let mut elsewhere = session();
    elsewhere["nonce"] = "n-2".into();
    let jobs = [
        job(&signed, session(), NOW),
        job(&changed, session(), NOW),
        job(&signed, elsewhere, NOW),
        job(&signed, session(), NOW + 900_000),
    ];
    let answers = formats::javascript(&jobs);
    let expected = json!({
        MDL_NAMESPACE: { "birth_date": "1990-05-17", "age_over_19": true, "portrait": "ffd8" },
        KOREAN_NAMESPACE: { "family_name_ko": "홍 😀" },
    });
    assert_eq!(answers[0].as_ref().unwrap()["elements"], expected);
    for (why, bad) in ["changed portrait", "another session", "expired"].iter().zip(&answers[1..]) {
        assert!(bad.is_err(), "{why}: {bad:?}");
    }
    let python = |response: &[u8], root: Vec<u8>| json!({ "job": "verify_mdoc", "response": hex::encode(response), "root": hex::encode(root) });
    let stranger = Certificate::root("CN=IACA,C=KR", key(9).multikey(), FROM, UNTIL).sign(&key(9));
    let answers =
        formats::python(&[python(&signed, root_der()), python(&changed, root_der()), python(&signed, stranger)]);
    assert_eq!(answers[0], Ok(json!({ "valid": true })));
    assert_ne!(answers[1], Ok(json!({ "valid": true })), "changed portrait");
    assert_ne!(answers[2], Ok(json!({ "valid": true })), "another root");
}

#[test]
fn we_accept_theirs_and_refuse_it_elsewhere() {
    let wanted = [(MDL_NAMESPACE, "birth_date"), (MDL_NAMESPACE, "age_over_19"), (KOREAN_NAMESPACE, "family_name_ko")];
    let elements =
        wanted.iter().map(|(namespace, name)| ((*namespace).to_owned(), (*name).to_owned(), false)).collect();
    let items = ItemsRequest { doc_type: MDL.into(), elements };
    let request = DeviceRequest::make(&[items], &transcript(), None).unwrap();
    let job = json!({
        "job": "present_mdoc", "docType": MDL, "dates": ["birth_date"],
        "elements": {
            MDL_NAMESPACE: { "family_name": "HONG", "birth_date": "1990-05-17", "age_over_19": true },
            KOREAN_NAMESPACE: { "family_name_ko": "홍 😀", "address_ko": "서울" },
        },
        "certificate": hex::encode(certificate()), "issuer": secret(2), "device": secret(3),
        "request": hex::encode(request), "session": session(),
        "signed": NOW - 10, "from": NOW - 10, "until": NOW + 864_000,
    });
    let answers = formats::javascript(&[job]);
    let answer = answers[0].as_ref().unwrap_or_else(|error| panic!("{error}"));
    let of = |name: &str| hex::decode(answer[name].as_str().unwrap()).unwrap();
    let roots = [Root::from_der(&root_der()).unwrap()];
    let (object, _) = IssuerSigned::from_slice(&of("issued")).unwrap().verify(MDL, &roots, NOW).unwrap();
    assert_eq!(object.device_key, key(3).multikey());
    let check = |transcript: &SessionTranscript, now: u64| {
        verify_document(&of("response"), MDL, &DeviceCheck { transcript, reader: None }, &roots, now)
    };
    let document = check(&transcript(), NOW).unwrap();
    assert_eq!(document.element(KOREAN_NAMESPACE, "family_name_ko"), Some(&Value::Text("홍 😀".into())));
    assert_eq!(document.element(MDL_NAMESPACE, "birth_date"), Some(&date("1990-05-17".parse::<Day>().unwrap())));
    assert_eq!(document.elements().values().map(|it| it.len()).sum::<usize>(), 3);
    let other = SessionTranscript::from_bytes(&[0x83, 0xf6, 0xf6, 0xf6]);
    assert_eq!(check(&other, NOW).map(|_| ()), Err(MdocError::HolderBindingInvalid));
    assert_eq!(check(&transcript(), NOW + 900_000).map(|_| ()), Err(MdocError::CredentialExpired));
}

/// Python's package issues only; what it issued is presented by us, and checked by us and by the package in JavaScript.
#[test]
fn pythons_documents_are_presented_and_checked() {
    let until = 1_893_455_999; // the end of 2029
    let job = json!({
        "job": "issue_mdoc", "doctype": MDL, "certificate": hex::encode(certificate()), "issuer": secret(2), "device": secret(3),
        "until": "2029-12-31",
        "data": {
            MDL_NAMESPACE: { "family_name": "HONG", "birth_date": "1990-05-17", "age_over_19": true },
            KOREAN_NAMESPACE: { "family_name_ko": "홍 😀", "address_ko": "서울" },
        },
    });
    let answers = formats::python(&[job]);
    let answer = answers[0].as_ref().unwrap_or_else(|error| panic!("{error}"));
    let (bytes, now) = (hex::decode(answer["issued"].as_str().unwrap()).unwrap(), answer["now"].as_u64().unwrap());
    let roots = [Root::from_der(&root_der()).unwrap()];
    let issued = IssuerSigned::from_slice(&bytes).unwrap();
    assert_eq!(issued.verify(MDL, &roots, now).unwrap().0.device_key, key(3).multikey());
    assert_eq!(issued.verify(MDL, &roots, until + 1).map(|_| ()), Err(MdocError::CredentialExpired));

    let shown = [(MDL_NAMESPACE, "birth_date"), (MDL_NAMESPACE, "age_over_19"), (KOREAN_NAMESPACE, "family_name_ko")];
    let (here, other) = (transcript(), SessionTranscript::from_bytes(&[0x83, 0xf6, 0xf6, 0xf6]));
    let document = Document::present(&issued, MDL, &shown, &here, &Proof::Signature(&key(3))).unwrap();
    let response = DeviceResponse { documents: vec![document] }.to_vec();
    let check = |response: &[u8], transcript: &SessionTranscript| {
        verify_document(response, MDL, &DeviceCheck { transcript, reader: None }, &roots, now)
    };
    let checked = check(&response, &here).unwrap();
    assert_eq!(checked.element(KOREAN_NAMESPACE, "family_name_ko"), Some(&Value::Text("홍 😀".into())));
    assert_eq!(checked.element(MDL_NAMESPACE, "birth_date"), Some(&date("1990-05-17".parse::<Day>().unwrap())));
    assert_eq!(checked.elements().values().map(|it| it.len()).sum::<usize>(), 3);
    assert_eq!(check(&response, &other).map(|_| ()), Err(MdocError::HolderBindingInvalid));
    // Another birthday.
    let mut changed = response.clone();
    let at = changed.windows(10).position(|it| it == b"1990-05-17").unwrap();
    changed[at + 3] = b'1';
    assert_eq!(check(&changed, &here).map(|_| ()), Err(MdocError::DigestMismatch));

    let job = json!({
        "job": "verify_mdoc", "response": hex::encode(&response), "session": session(), "root": hex::encode(root_der()),
        "now": now,
    });
    let answers = formats::javascript(&[job]);
    let expected = json!({
        MDL_NAMESPACE: { "birth_date": "1990-05-17", "age_over_19": true },
        KOREAN_NAMESPACE: { "family_name_ko": "홍 😀" },
    });
    assert_eq!(answers[0].as_ref().unwrap()["elements"], expected);
}
