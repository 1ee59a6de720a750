//! `specs/vectors/ledger-certificate.json`: certificates of running validators, and what is wrong with others.

use protocol::error_name;
use protocol::ledger::certificate::verify_header;
use protocol::ledger::header::Header;
use serde_json::Value;

#[test]
fn every_certificate_gets_its_verdict() {
    let file: Value = serde_json::from_str(include_str!("../../specs/vectors/ledger-certificate.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let bytes = |field: &str| hex::decode(case[field].as_str().unwrap()).unwrap();
        let header = Header::decode(&bytes("header")).unwrap();
        let key = bytes("group_key").try_into().unwrap();
        let network = bytes("network_id").try_into().unwrap();
        let verdict = match verify_header(&header, &bytes("certificate"), &key, &network) {
            Ok(()) => "Valid".to_owned(),
            Err(error) => error_name(&error),
        };
        assert_eq!(verdict, case["expect"].as_str().unwrap(), "{}", case["name"]);
    }
    let valid = cases.iter().filter(|case| case["expect"] == "Valid").count();
    assert!(valid >= 8 && cases.len() - valid >= 15, "{valid} of {}", cases.len());
}
