//! The published vectors of Token Status List, and those of Bitstring Status List that another package confirmed.
//!
//! The vectors are read from `$MID_VECTORS` or `../shared/vectors` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use std::path::Path;

use protocol::credential::Status;
use protocol::credential::status::bitstring::Bitstring;
use protocol::credential::status::token::{Reference, TokenList};
use protocol::crypto::cose;
use protocol::crypto::jose::Jws;
use serde_json::{Value, json};

fn value(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The hexadecimal part of an example, which may follow a line about it.
fn hexadecimal(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && line.bytes().all(|it| it.is_ascii_hexdigit()));
    hex::decode(lines.collect::<String>()).unwrap()
}

/// The JSON part of an example, whose long texts are broken into lines.
fn unfolded(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    let from = text.find('{').unwrap();
    serde_json::from_str(&text[from..].replace("\n  A", "A").split_whitespace().collect::<String>()).unwrap()
}

#[test]
fn token_status_lists() {
    let Some(folder) = vectors::at("token-status-list") else { return };
    let mut entries = 0;
    let vectors = value(&folder.join("vectors.json"));
    let vectors = vectors["vectors"].as_array().unwrap();
    for vector in vectors {
        let list = TokenList::from_json(&json!({ "bits": vector["bits"], "lst": vector["lst"] })).unwrap();
        let cbor = cose::read_value(&hex::decode(vector["cbor_hex"].as_str().unwrap()).unwrap(), 1 << 16).unwrap();
        assert!(TokenList::from_cbor(&cbor).unwrap() == list, "both forms");
        assert!(TokenList::from_json(&list.to_json()).unwrap() == list);
        let stated = vector["expected_nonzero"].as_object().unwrap();
        let mut set = 0;
        for index in 0..vector["entries"].as_u64().unwrap() {
            let expected = stated.get(&index.to_string()).map_or(0, |it| it.as_u64().unwrap());
            assert_eq!(u64::from(list.value(index).unwrap()), expected, "{} bits, entry {index}", vector["bits"]);
            set += u64::from(expected != 0);
        }
        assert!(list.value(vector["entries"].as_u64().unwrap()).is_err());
        entries += set;
    }
    println!("{} lists, {entries} entries that are not zero", vectors.len());
    assert_eq!(vectors.len(), 4);
}

#[test]
fn token_status_list_examples() {
    let Some(folder) = vectors::at("token-status-list") else { return };
    let examples = [("", 1, vec![0xb9, 0xa3]), ("2", 2, vec![0xc9, 0x44, 0xf9])];
    for (name, bits, bytes) in examples {
        let expected = TokenList::new(bits, bytes).unwrap();
        let json = unfolded(&folder.join(format!("status_list_encoding{name}_json.md")));
        assert!(TokenList::from_json(&json).unwrap() == expected);
        let cbor = hexadecimal(&folder.join(format!("status_list_encoding{name}_cbor.md")));
        assert!(TokenList::from_cbor(&cose::read_value(&cbor, 4096).unwrap()).unwrap() == expected);
    }
    let jwt: String =
        std::fs::read_to_string(folder.join("status_list_jwt_raw.md")).unwrap().split_whitespace().collect();
    let jws = Jws::read(&jwt).unwrap();
    assert_eq!(jws.expect_kind("statuslist+jwt"), Ok(()));
    // The draft does not publish the key of its signed examples: what is signed is read, the signature is not checked.
    let payload = protocol::crypto::jose::from_base64url(jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let list = TokenList::from_json(&claims["status_list"]).unwrap();
    assert_eq!((list.status(0), list.status(1)), (Ok(Status::Revoked), Ok(Status::Valid)));
    let cwt = cose::Sign1::from_slice(&hexadecimal(&folder.join("status_list_cwt.md")), 4096).unwrap();
    assert_eq!(cwt.kind(), Some("application/statuslist+cwt"));
    let claims = cose::read_value(cwt.payload().unwrap(), 4096).unwrap();
    let claim = |label: i64| claims.as_map().unwrap().iter().find(|(it, _)| *it == label.into()).unwrap().1.clone();
    assert!(TokenList::from_cbor(&claim(65533)).unwrap() == list);
    let referenced = cose::Sign1::from_slice(&hexadecimal(&folder.join("referenced_token_cwt.md")), 4096).unwrap();
    let claims = cose::read_value(referenced.payload().unwrap(), 4096).unwrap();
    let status = claims.as_map().unwrap().iter().find(|(it, _)| *it == 65535.into()).unwrap().1.clone();
    let uri = "https://example.com/statuslists/1".to_owned();
    assert_eq!(Reference::from_cbor(&status), Ok(Reference { uri, index: 0 }));
    println!("2 lists in both encodings, 1 JWT, 2 CWT of the draft's text");
}

#[test]
fn bitstring_status_lists() {
    let Some(folder) = vectors::at("bitstring-status-list") else { return };
    let generated = value(&folder.join("generated.json"));
    let vectors = generated["vectors"].as_array().unwrap();
    for vector in vectors {
        let list = Bitstring::decode(vector["encodedList"].as_str().unwrap()).unwrap();
        let set: Vec<u64> = vector["set"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
        let length = vector["length"].as_u64().unwrap();
        for index in 0..length {
            assert_eq!(list.value(index, 1), Ok(u8::from(set.contains(&index))), "{index} of {set:?}");
        }
        assert!(list.value(length, 1).is_err());
        assert_eq!(Bitstring::decode(&list.encode()).unwrap(), list);
    }
    // The recommendation's own examples, all of which are the empty list.
    let examples = value(&folder.join("examples.json"));
    let encoded = |it: &Value| it["credentialSubject"]["encodedList"].as_str().map(str::to_owned);
    let encoded: Vec<String> = examples["examples"].as_array().unwrap().iter().filter_map(encoded).collect();
    assert!(encoded.iter().all(|text| Bitstring::decode(text) == Ok(Bitstring::new(131_072))));
    println!(
        "{} lists as another package reads them, {} of the recommendation's examples",
        vectors.len(),
        encoded.len()
    );
    assert_eq!((vectors.len(), encoded.len()), (8, 2));
}
