//! The published SD-JWT vectors (RFC 9901, SD-JWT VC, the Python test cases), issued and presented forms.
//!
//! The vectors are read from `$MID_VECTORS/sd-jwt` or `../shared/vectors/sd-jwt` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // a vector that cannot be read must stop the test

mod vectors;

use std::collections::BTreeSet;
use std::path::Path;

use protocol::credential::sd_jwt::{Challenge, SdJwt, SdJwtError};
use protocol::crypto::jose::Jwk;
use protocol::crypto::multikey::Multikey;
use serde_json::{Value, json};

/// The issuer's key of every `settings.yml`.
fn issuer() -> Multikey {
    let key = json!({
        "kty": "EC", "crv": "P-256",
        "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ", "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8"
    });
    Jwk::from_json(&key).unwrap().key
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn value(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// The verifier, nonce and time that the holder's proof of a vector names: what is checked is that it is bound to
/// the credential and to what was disclosed.
fn asked(proof: &str) -> (String, String, u64) {
    let payload = protocol::crypto::jose::from_base64url(proof.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    (text("aud"), text("nonce"), claims["iat"].as_u64().unwrap())
}

#[test]
fn published_vectors() {
    let Some(folder) = vectors::at("sd-jwt/generated") else { return };
    let (mut issued, mut presented, mut bound, mut refused) = (0, 0, 0, 0);
    let mut kinds = BTreeSet::new();
    for source in ["python-testcases", "rfc9901-examples", "sd-jwt-vc-examples"] {
        for case in std::fs::read_dir(folder.join(source)).unwrap() {
            let case = case.unwrap().path();
            if !case.is_dir() {
                continue;
            }
            let compact = case.join("sd_jwt_issuance.txt");
            if !compact.exists() {
                // JSON serialisations (RFC 9901, section 8) are another form; this profile has the compact one only.
                for name in ["sd_jwt_issuance.json", "sd_jwt_presentation.json"] {
                    let other = text(&case.join(name));
                    let other = serde_json::from_str::<Value>(&other).unwrap();
                    let other = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                    assert_eq!(SdJwt::read(&other).map(|_| ()), Err(SdJwtError::UnsupportedFormat));
                }
                refused += 1;
                continue;
            }
            let compact = text(&compact);
            let whole = SdJwt::read(compact.trim()).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
            let kind = whole.header().kind().unwrap().to_owned();
            let held =
                whole.verify_issued(&issuer(), &kind).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
            for (name, claim) in value(&case.join("user_claims.json")).as_object().unwrap() {
                assert_eq!(&held.claims()[name], claim, "{}: {name}", case.display());
            }
            issued += 1;

            let shown = text(&case.join("sd_jwt_presentation.txt"));
            let shown = shown.trim();
            let (_, proof) = shown.rsplit_once('~').unwrap();
            let parsed = SdJwt::read(shown).unwrap();
            let authentic = if proof.is_empty() {
                parsed.verify_issued(&issuer(), &kind)
            } else {
                bound += 1;
                let (audience, nonce, now) = asked(proof);
                let challenge = Challenge { audience: &audience, nonce: &nonce, now, max_age: 0 };
                let other = Challenge { nonce: "other", ..challenge };
                let mismatch = parsed.verify_presented(&issuer(), &kind, &other).map(|_| ());
                assert_eq!(mismatch, Err(SdJwtError::NonceMismatch));
                parsed.verify_presented(&issuer(), &kind, &challenge)
            };
            let claims = authentic.unwrap_or_else(|error| panic!("{}: {error}", case.display()));
            let expected = value(&case.join("verified_contents.json"));
            assert_eq!(Value::Object(claims.claims().clone()), expected, "{}", case.display());
            presented += 1;
            kinds.insert(kind);
        }
    }
    println!(
        "{issued} issued, {presented} presented ({bound} with a holder's proof) as published, of kinds {kinds:?}; \
         {refused} in JSON serialisation refused by design"
    );
    assert_eq!((issued, presented, bound, refused), (31, 31, 8, 4));
}
