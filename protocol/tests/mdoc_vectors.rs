//! ISO/IEC 18013-5, Annex D, as published by others, OpenID4VP's session transcripts, and isomdl's samples.
//!
//! The vectors are read from `$MID_VECTORS` or `../shared/vectors` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use std::path::Path;

use protocol::credential::mdoc::session::AgreementKey;
use protocol::credential::mdoc::{
    DeviceCheck, DeviceRequest, DeviceResponse, Handover, IssuerSigned, MDL, MDL_NAMESPACE, MdocError,
    SessionTranscript, Value,
};
use protocol::crypto::cose;
use protocol::crypto::jose::Jwk;
use protocol::crypto::x509::Certificate;

/// Reads `<name>.hex`.
fn annex_d(folder: &Path, name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap();
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

fn seed(folder: &Path, name: &str) -> AgreementKey {
    AgreementKey::from_seed(&annex_d(folder, name).try_into().unwrap()).unwrap()
}

/// What is in `#6.24(bstr)`.
fn inner(bytes: &[u8]) -> Vec<u8> {
    match cose::read_value(bytes, 1 << 16).unwrap() {
        Value::Tag(24, inner) => inner.as_bytes().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn annex_d_of_the_standard() {
    let Some(folder) = vectors::at("iso18013-5/annex-d") else { return };
    let transcript = SessionTranscript::from_bytes(&inner(&annex_d(&folder, "session_transcript_bytes")));
    let signer = Certificate::from_der(&annex_d(&folder, "ds_cert")).unwrap();
    let reader = Certificate::from_der(&annex_d(&folder, "reader_cert")).unwrap();
    let mut used = vec!["session_transcript_bytes", "ds_cert", "reader_cert"];

    // The keys are pairs.
    for name in ["ephemeral_reader_key", "ephemeral_device_key", "static_device_key"] {
        let (x, y) = seed(&folder, &format!("{name}_d")).public().unwrap().coordinates().unwrap();
        assert_eq!((x, y), (annex_d(&folder, &format!("{name}_x")), annex_d(&folder, &format!("{name}_y"))), "{name}");
        used.push(name);
    }
    let device_key = inner(&annex_d(&folder, "e_device_key_bytes"));
    let device_key = cose::read_key(cose::read_value(&device_key, 4096).unwrap()).unwrap();
    assert_eq!(device_key, seed(&folder, "ephemeral_device_key_d").public().unwrap());
    used.push("e_device_key_bytes");

    // The response: issuer's signature, six digests, dates, MAC.
    let response = annex_d(&folder, "device_response");
    let parsed = DeviceResponse::from_slice(&response).unwrap();
    let key = seed(&folder, "ephemeral_reader_key_d");
    let check = DeviceCheck { transcript: &transcript, reader: Some(&key) };
    const THEN: u64 = 1_609_459_200;
    let document = parsed.documents[0].verify_with(&signer.key(), MDL, &check, THEN).unwrap();
    assert_eq!(document.element(MDL_NAMESPACE, "family_name"), Some(&Value::Text("Doe".into())));
    let portrait = annex_d(&folder, "device_response_portrait_data");
    assert_eq!(document.element(MDL_NAMESPACE, "portrait"), Some(&Value::Bytes(portrait)));
    let count = document.elements().values().map(|it| it.len()).sum::<usize>();
    assert_eq!(count, 6);
    let late = parsed.documents[0].verify_with(&signer.key(), MDL, &check, 1_760_000_000);
    assert_eq!(late.map(|_| ()), Err(MdocError::CredentialExpired));
    let wrong = DeviceCheck { transcript: &SessionTranscript::from_bytes(&[0x83, 0xf6, 0xf6, 0xf6]), ..check };
    let wrong = parsed.documents[0].verify_with(&signer.key(), MDL, &wrong, THEN);
    assert_eq!(wrong.map(|_| ()), Err(MdocError::HolderBindingInvalid));
    used.extend(["device_response", "device_response_portrait_data"]);

    // The request: what is asked for, and the reader's signature.
    let request = DeviceRequest::from_slice(&annex_d(&folder, "device_request")).unwrap();
    assert_eq!(request.requests[0].items.elements.len(), 6);
    request.requests[0].verify_reader_with(&reader.key(), &transcript).unwrap();
    let other = request.requests[0].verify_reader_with(&signer.key(), &transcript);
    assert_eq!(other, Err(MdocError::ReaderAuthInvalid));
    used.push("device_request");

    println!("Annex D: {count} elements, MAC, request, reader's signature; used: {}", used.join(", "));
}

#[test]
fn mdoc_07_transcripts_of_openid4vp() {
    let Some(folder) = vectors::at("openid4vp") else { return };
    let file = std::fs::read(folder.join("handover-session-transcript-1.0.json")).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let hexes: Vec<&str> = list.as_array().unwrap().iter().filter_map(|it| it["hex"].as_str()).collect();
    let key: serde_json::Value = serde_json::from_str(list[0]["text"].as_str().unwrap()).unwrap();
    let mut key = key;
    // The key is for encryption; its thumbprint does not depend on that.
    for name in ["use", "alg"] {
        key.as_object_mut().unwrap().remove(name);
    }
    let thumbprint = Jwk::from_json(&key).unwrap().thumbprint();
    let nonce = "exc7gBkxjx1rdc9udRrveKvSsJIq80avlXeLHhGwqtA";
    let redirect = Handover::OpenId4Vp {
        client_id: "x509_san_dns:example.com",
        nonce,
        thumbprint: Some(&thumbprint),
        response_uri: "https://example.com/response",
    };
    let api = Handover::DcApi { origin: "https://example.com", nonce, thumbprint: Some(&thumbprint) };
    let ours = [redirect, api].map(|it| hex::encode(SessionTranscript::new(&it).as_bytes()));
    assert_eq!([ours[0].as_str(), ours[1].as_str()], [hexes[2], hexes[5]]);
    println!("2 session transcripts of OpenID4VP 1.0");
}

#[test]
fn samples_of_isomdl() {
    let Some(folder) = vectors::at("iso18013-5/isomdl/definitions") else { return };
    let read = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let text = String::from_utf8(bytes.clone()).ok();
        text.and_then(|it| hex::decode(it.split_whitespace().collect::<String>()).ok()).unwrap_or(bytes)
    };
    assert!(IssuerSigned::from_slice(&read("issuer_signed.cbor")).is_ok());
    // Made up for a parser: its elements have one random byte, so that their digests could be guessed.
    let response = DeviceResponse::from_slice(&read("device_response.cbor")).map(|_| ());
    assert_eq!(response, Err(MdocError::MalformedDocument));
    println!("isomdl: 1 sample read, 1 refused for its random numbers of one byte");
}
