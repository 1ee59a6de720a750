use serde_json::json;

use super::*;
use crate::crypto::multikey::StandardKey;

fn signer() -> StandardKey {
    StandardKey::p256(&[7; 32]).unwrap()
}

fn token() -> String {
    let header = json!({ "typ": "dc+sd-jwt", "kid": "1" });
    sign(header.as_object().unwrap(), br#"{"iss":"a"}"#, &signer()).unwrap()
}

/// A token with this header, signed as ES256 whatever it says.
fn under(header: &str) -> String {
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(b"{}"));
    let signature = signer().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(&signature))
}

fn refusal(text: &str) -> JwsError {
    Jws::read(text).and_then(|jws| jws.verify(&signer().multikey())).map(|_| ()).unwrap_err()
}

#[test]
fn jose_01_all_algorithms_there_and_back() {
    let signers: [Box<dyn StandardSigner>; 3] =
        [Box::new(signer()), Box::new(StandardKey::p384(&[7; 48]).unwrap()), Box::new(StandardKey::ed25519(&[7; 32]))];
    for signer in &signers {
        let text = sign(&Map::new(), br#"{"iss":"a"}"#, signer.as_ref()).unwrap();
        let verified = Jws::read(&text).unwrap().verify(&signer.multikey()).unwrap();
        assert_eq!(verified.claims().unwrap()["iss"], "a");
        let other = signers.iter().find(|it| it.multikey() != signer.multikey()).unwrap().multikey();
        let mismatch = Jws::read(&text).unwrap().verify(&other).map(|_| ());
        assert_eq!(mismatch, Err(JwsError::KeyAlgorithmMismatch), "A04");
    }
}

#[test]
fn jose_01_other_serialisations_are_refused() {
    let text = token();
    assert_eq!(refusal(&format!("{text}.a.b")), JwsError::UnexpectedTokenType, "A19: five parts are a JWE");
    for form in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", r#"{"payload":"e30","signatures":[]}"#, r#"{"a":"b.c.d"}"#] {
        assert_eq!(refusal(form), JwsError::UnsupportedFormat, "A18: {form}");
    }
    assert_eq!(refusal(&"a".repeat(TOKEN_MAX + 1)), JwsError::TooLarge);
    assert_eq!(refusal(&under(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(1 << 19)))), JwsError::TooLarge);
}

#[test]
fn jose_02_one_encoding() {
    let text = token();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    for wrong in [
        format!("{text}="),
        format!("{text} "),
        format!(" {text}"),
        format!("{signed}.{}", signature.replace(|c: char| c.is_ascii_uppercase(), "+")),
        // 64 bytes leave four bits behind the last byte.
        format!("{signed}.{}{}", &signature[..signature.len() - 1], if signature.ends_with('A') { "B" } else { "_" }),
    ] {
        assert_eq!(refusal(&wrong), JwsError::NonCanonicalEncoding, "A21: {wrong}");
    }
}

#[test]
fn jose_03_algorithms_are_a_short_list() {
    for name in ["none", "NoNe", "none ", "HS256", "RS256", "PS256", "ES512", "ES256K", "es256", ""] {
        assert_eq!(
            refusal(&under(&json!({ "alg": name }).to_string())),
            JwsError::DisallowedAlgorithm,
            "A01, A02: {name}"
        );
    }
    for header in [r#"{"alg":["ES256"]}"#, "{}", r#"{"alg":null}"#] {
        assert_eq!(refusal(&under(header)), JwsError::MalformedHeader, "A02: {header}");
    }
    // A01 as it is sent: no signature at all.
    let unsigned = format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(b"{}"));
    assert_eq!(refusal(&unsigned), JwsError::DisallowedAlgorithm);
    let emptied = format!("{}.", token().rsplit_once('.').unwrap().0);
    assert_eq!(refusal(&emptied), JwsError::Signature(SignatureError::SignatureInvalid));
}

#[test]
fn jose_04_extensions_are_not_understood() {
    assert!(Jws::read(&under(r#"{"alg":"ES256","b64":true}"#)).is_ok());
    for header in [
        r#"{"alg":"ES256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"ES256","crit":[]}"#,
        r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"ES256","b64":false}"#,
    ] {
        assert_eq!(refusal(&under(header)), JwsError::UnsupportedCritical, "A12: {header}");
    }
    assert_eq!(refusal(&under(r#"{"alg":"ES256","alg":"ES256"}"#)), JwsError::Json(JsonError::DuplicateClaim));
    assert_eq!(refusal(&under("[]")), JwsError::Json(JsonError::MalformedJson));
}

#[test]
fn kinds_are_kept_apart() {
    let text = token();
    assert_eq!(Jws::read(&text).unwrap().expect_kind("dc+sd-jwt"), Ok(()));
    let long = under(r#"{"alg":"ES256","typ":"application/DC+SD-JWT"}"#);
    assert_eq!(Jws::read(&long).unwrap().expect_kind("dc+sd-jwt"), Ok(()));
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","typ":"JWT"}"#, r#"{"alg":"ES256","typ":"kb+jwt"}"#] {
        let text = under(header);
        let refused = Jws::read(&text).unwrap().expect_kind("dc+sd-jwt");
        assert_eq!(refused, Err(JwsError::UnexpectedTokenType), "A20: {header}");
    }
}

#[test]
fn changed_tokens_are_refused() {
    let text = token();
    assert!(Jws::read(&text).unwrap().verify(&signer().multikey()).is_ok());
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(Jws::read(&changed).and_then(|jws| jws.verify(&signer().multikey())).is_err(), "byte {at}");
    }
    for wrong in [[0u8; 63].as_slice(), &[0; 64], &[0; 65], &[0xff; 64]] {
        let forged = format!("{}.{}", text.rsplit_once('.').unwrap().0, base64url(wrong));
        assert_eq!(refusal(&forged), JwsError::Signature(SignatureError::SignatureInvalid), "A13");
    }
}
