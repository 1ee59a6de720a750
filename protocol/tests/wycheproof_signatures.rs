//! Wycheproof's signature vectors through our own reading of keys, tokens and signatures.
//!
//! The vectors are read from `$MID_VECTORS/wycheproof` or `../shared/vectors/wycheproof` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use std::collections::BTreeMap;

use protocol::crypto::jose::{Jwk, JwkError, Jws, JwsError};
use protocol::crypto::multikey::Multikey;
use protocol::error_name;
use serde_json::Value;
use vectors::{bytes, wycheproof};

/// All tests of a file with their groups.
fn tests(file: &Value) -> Vec<(&Value, &Value)> {
    let groups = file["testGroups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test))).collect()
}

#[test]
fn raw_and_der_signatures() {
    for (name, count) in [
        ("ed25519_test.json", 151),
        ("ecdsa_secp256r1_sha256_p1363_test.json", 262),
        ("ecdsa_secp256r1_sha256_test.json", 484),
        ("ecdsa_secp384r1_sha384_p1363_test.json", 280),
        ("ecdsa_secp384r1_sha384_test.json", 504),
    ] {
        let Some(file) = wycheproof(name) else { return };
        let (mut accepted, mut refused) = (0, 0);
        for (group, test) in tests(&file) {
            let given = &group["publicKey"];
            let key = match given["curve"].as_str().unwrap() {
                "edwards25519" => Multikey::ed25519_from_bytes(&bytes(&given["pk"])),
                "secp256r1" => Multikey::p256_from_sec1(&bytes(&given["uncompressed"])),
                "secp384r1" => Multikey::p384_from_sec1(&bytes(&given["uncompressed"])),
                other => panic!("{other}"),
            }
            .unwrap();
            if let Some(jwk) = group.get("publicKeyJwk") {
                assert_eq!(Jwk::from_json(jwk).unwrap().key, key, "the same key as JSON");
            }
            let (message, signature) = (bytes(&test["msg"]), bytes(&test["sig"]));
            let der = name.starts_with("ecdsa") && !name.contains("p1363");
            let outcome = if der { key.verify_der(&message, &signature) } else { key.verify(&message, &signature) };
            assert_eq!(outcome.is_ok(), test["result"] == "valid", "{name} {}: {outcome:?}", test["tcId"]);
            if outcome.is_ok() { accepted += 1 } else { refused += 1 }
        }
        println!("{name}: {accepted} accepted and {refused} refused, as the vectors say");
        assert_eq!(accepted + refused, count);
    }
}

#[derive(Debug)]
#[allow(dead_code, reason = "read through Debug")]
enum Refused {
    Key(JwkError),
    Token(JwsError),
}

/// Verifies a token with the group's key, or with the one of its set that the token names.
fn verify(group: &Value, token: &Value) -> Result<(), Refused> {
    let given = group.get("public").or(group.get("private")).unwrap();
    let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
    let jws = Jws::read(&token).map_err(Refused::Token)?;
    let keys = given.get("keys").map_or_else(|| vec![given.clone()], |keys| keys.as_array().unwrap().clone());
    // A set with a key that is not ours to use is refused whole.
    let keys: Vec<Jwk> = keys.iter().map(Jwk::from_json).collect::<Result<_, _>>().map_err(Refused::Key)?;
    jws.verify(&keys[0].key).map(|_| ()).map_err(Refused::Token)
}

#[test]
fn tokens_and_keys() {
    // Valid, and refused by design: symmetric keys, RSA and P-521 are not among our algorithms.
    const BY_DESIGN: [&str; 2] = ["DisallowedAlgorithm", "UnsupportedKey"];
    for (name, count) in
        [("json_web_signature_test.json", 401), ("json_web_key_test.json", 26), ("json_web_crypto_test.json", 83)]
    {
        let Some(file) = wycheproof(name) else { return };
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        for (group, test) in tests(&file) {
            let token = test.get("jws").or(test.get("jwe")).unwrap();
            let outcome = verify(group, token).map_err(|error| error_name(&error));
            let valid = test["result"] == "valid";
            let told = match (&outcome, valid) {
                (Ok(()), true) => "accepted".to_owned(),
                (Ok(()), false) => panic!("{name} {}: accepted", test["tcId"]),
                (Err(error), false) => error.clone(),
                (Err(error), true) => {
                    let encrypted = test.get("jwe").is_some() && error == "UnexpectedTokenType";
                    // 372 and 373 have a character of no alphabet in a MAC's token.
                    let odd = error == "NonCanonicalEncoding" && token.as_str().is_some_and(|it| it.contains('?'));
                    let design = encrypted || odd || BY_DESIGN.contains(&error.as_str());
                    assert!(design, "{name} {}: {error}", test["tcId"]);
                    format!("{error}, by design")
                }
            };
            *outcomes.entry(told).or_default() += 1;
        }
        println!("{name}: {outcomes:?}");
        assert_eq!(outcomes.values().sum::<usize>(), count);
    }
}
