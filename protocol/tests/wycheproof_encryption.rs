//! Wycheproof's encrypted tokens through our own reading of keys and tokens.
//!
//! The vectors are read from `$MID_VECTORS/wycheproof` or `../shared/vectors/wycheproof` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use std::collections::BTreeMap;

use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::{Jwe, JweError, from_base64url};
use protocol::error_name;
use serde_json::Value;
use vectors::{bytes, wycheproof};

/// Opens a token with the group's key. A key that is none of P-256 opens nothing, so any key of ours stands for it.
fn open(group: &Value, token: &Value) -> Result<Vec<u8>, JweError> {
    let private = &group["private"];
    let ours = private["crv"] == "P-256";
    let seed = ours.then(|| from_base64url(private["d"].as_str().unwrap()).unwrap());
    let seed = seed.map_or([1; 32], |it| it.try_into().unwrap());
    let text = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
    Jwe::read(&text)?.decrypt(&AgreementKey::from_seed(&seed).unwrap())
}

#[test]
fn encrypted_tokens() {
    let Some(file) = wycheproof("json_web_encryption_test.json") else { return };
    let (mut outcomes, mut opened) = (BTreeMap::<String, usize>::new(), Vec::new());
    let mut count = 0;
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            count += 1;
            let outcome = open(group, &test["jwe"]);
            let told = match (&outcome, test["result"] == "valid") {
                (Ok(content), true) => {
                    assert_eq!(*content, bytes(&test["pt"]), "{}", test["tcId"]);
                    opened.push(test["tcId"].as_u64().unwrap());
                    "opened".to_owned()
                }
                (Ok(_), false) => panic!("{}: opened", test["tcId"]),
                (Err(error), false) => error_name(error),
                // Valid, and refused by design: other ways to agree on a key, other ciphers, compression.
                (Err(JweError::DisallowedAlgorithm), true) => "DisallowedAlgorithm, by design".to_owned(),
                (Err(error), true) => panic!("{}: {error}", test["tcId"]),
            };
            *outcomes.entry(told).or_default() += 1;
        }
    }
    println!("json_web_encryption_test.json: {outcomes:?}");
    // ECDH-ES on P-256 with A128GCM and with A256GCM.
    assert_eq!((count, opened), (139, vec![76, 78]));
}
