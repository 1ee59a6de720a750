use serde_json::{Value, json};

use super::*;
use crate::crypto::jose::{JwkError, JwsError, base64url, sign};
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::{Multikey, StandardKey, StandardSigner};
use crate::crypto::x509::testkit::Draft as Certificate;
use crate::crypto::x509::{CertificateError, Root};
use crate::json::JsonError;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;
const VCT: &str = "urn:kr:licence:1";

fn key(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed([9; 32])
}

fn root() -> Certificate {
    Certificate::root("CN=Root,C=KR", key(1).multikey(), NOW - DAY, NOW + 100 * DAY)
}

fn roots() -> [Root; 1] {
    [Root::from_der(&root().sign(&key(1))).unwrap()]
}

fn draft() -> Draft {
    let claims = json!({
        "vct": VCT, "iss": "https://issuer.example", "iat": NOW - 100, "exp": NOW + DAY,
        "family_name": "홍", "given_name": "길동 😀",
        "address": { "region": "서울", "street": "세종대로 1" },
        "classes": ["1-ordinary", "2-small", ["a", "b"]],
    });
    let selective =
        ["/family_name", "/given_name", "/address", "/address/street", "/classes/0", "/classes/1", "/classes/2/1"];
    Draft {
        certificates: vec![root().leaf("CN=Issuer,C=KR", key(2).multikey(), None).sign(&key(1))],
        claims: claims.as_object().unwrap().clone(),
        selective: selective.map(str::to_owned).to_vec(),
        decoys: 2,
        holder: Some(key(3).multikey()),
    }
}

fn issued() -> String {
    draft().issue(&key(2), &mut rng()).unwrap()
}

const BINDING: KeyBinding<'static> = KeyBinding { audience: "x509_hash:abc", nonce: "n-1", now: NOW };
const CHALLENGE: Challenge<'static> = Challenge { audience: "x509_hash:abc", nonce: "n-1", now: NOW, max_age: 300 };

fn presented(paths: &[&str]) -> String {
    SdJwt::read(&issued()).unwrap().present(paths, &BINDING, &key(3)).unwrap()
}

fn shown(text: &str) -> Result<Verified, SdJwtError> {
    verify_presentation(text, VCT, &CHALLENGE, &roots())
}

fn refusal(text: &str) -> SdJwtError {
    shown(text).map(|_| ()).unwrap_err()
}

/// A credential whose payload and disclosures are these, whatever they are; presented by the right holder.
fn forged(payload: &Value, disclosures: &[&str]) -> String {
    let mut payload = payload.clone();
    for (name, value) in draft().claims.iter().filter(|(name, _)| ["vct", "iat", "exp"].contains(&name.as_str())) {
        payload.as_object_mut().unwrap().entry(name.clone()).or_insert(value.clone());
    }
    payload["cnf"] = json!({ "jwk": crate::crypto::jose::Jwk::from(key(3).multikey()).to_json() });
    let text = payload.to_string();
    forged_bytes(text.as_bytes(), disclosures)
}

fn forged_bytes(payload: &[u8], disclosures: &[&str]) -> String {
    let draft = draft();
    let standard = base64::engine::general_purpose::STANDARD;
    use base64::Engine as _;
    let header = json!({ "typ": KIND, "x5c": [standard.encode(&draft.certificates[0])] });
    let issued = sign(header.as_object().unwrap(), payload, &key(2)).unwrap();
    proven(&disclosures.iter().fold(issued + "~", |text, one| text + one + "~"), json!({}), &key(3))
}

/// `covered` with a holder's proof, of which `change` replaces members.
fn proven(covered: &str, change: Value, by: &dyn StandardSigner) -> String {
    let mut claims =
        json!({ "iat": NOW, "aud": "x509_hash:abc", "nonce": "n-1", "sd_hash": disclosure::digest(covered) });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = json!({ "typ": KEY_BINDING_KIND });
    format!("{covered}{}", sign(header.as_object().unwrap(), claims.to_string().as_bytes(), by).unwrap())
}

fn disclosure_of(parts: &Value) -> (String, String) {
    let text = base64url(parts.to_string().as_bytes());
    let digest = disclosure::digest(&text);
    (text, digest)
}

#[test]
fn sdj_01_issued_held_and_presented() {
    let text = issued();
    let trust = Trust { roots: &roots(), now: NOW };
    let held = verify_issued(&text, VCT, &trust).unwrap();
    assert!(!held.holder_proved());
    let claims = held.claims();
    assert_eq!(claims["given_name"], "길동 😀");
    assert_eq!(claims["address"], json!({ "region": "서울", "street": "세종대로 1" }));
    assert_eq!(claims["classes"], json!(["1-ordinary", "2-small", ["a", "b"]]));

    let nothing = shown(&presented(&[])).unwrap();
    assert!(nothing.holder_proved());
    assert_eq!(nothing.kind(), VCT);
    assert_eq!(nothing.root(), roots()[0].key());
    assert_eq!(nothing.claims()["classes"], json!([["a"]]), "what is not disclosed leaves no placeholder");
    for absent in ["family_name", "given_name", "address", "_sd", "_sd_alg"] {
        assert!(!nothing.claims().contains_key(absent), "{absent}");
    }
    let some = shown(&presented(&["/address/street", "/classes/1", "/classes/2/1"])).unwrap();
    assert_eq!(some.claims()["address"], json!({ "region": "서울", "street": "세종대로 1" }));
    assert_eq!(some.claims()["classes"], json!(["2-small", ["a", "b"]]));
    let outer = shown(&presented(&["/address"])).unwrap();
    assert_eq!(outer.claims()["address"], json!({ "region": "서울" }), "no more than asked");
    for wrong in ["/nothing", "/classes/7", "/classes/x", "/iss/deeper"] {
        let refused = SdJwt::read(&text).unwrap().present(&[wrong], &BINDING, &key(3));
        assert_eq!(refused, Err(SdJwtError::UnknownClaim), "{wrong}");
    }
}

#[test]
fn undisclosed_values_occur_nowhere() {
    let text = presented(&["/family_name"]);
    let decoded: Vec<u8> = text.split(['~', '.']).filter_map(crate::crypto::jose::from_base64url).flatten().collect();
    let decoded = String::from_utf8_lossy(&decoded);
    assert!(decoded.contains("홍"));
    for secret in ["길동", "세종대로", "1-ordinary", "given_name", "street"] {
        assert!(!decoded.contains(secret), "{secret}");
    }
    assert!(!format!("{:?} {:?}", SdJwt::read(&text).unwrap(), shown(&text).unwrap()).contains("홍"));
    // Decoys: each object with digests has two more than it hides.
    let payload = text.split('.').nth(1).and_then(crate::crypto::jose::from_base64url).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["_sd"].as_array().unwrap().len(), 3 + 2);
}

#[test]
fn sdj_01_other_forms_are_refused() {
    let text = presented(&[]);
    assert!(shown(&text).is_ok());
    assert_eq!(refusal("{}"), SdJwtError::UnsupportedFormat, "A18");
    assert_eq!(refusal(text.split('~').next().unwrap()), SdJwtError::UnsupportedFormat, "no tilde");
    assert_eq!(refusal(&"a".repeat(2 << 20)), SdJwtError::TooLarge, "A40");
    let many = text.replacen('~', &format!("{}~", "~WyJhIiwiYiJd".repeat(DISCLOSURES_MAX + 1)), 1);
    assert_eq!(refusal(&many), SdJwtError::TooLarge, "A40");
    let header = json!({ "typ": "JWT" });
    let other = sign(header.as_object().unwrap(), b"{}", &key(2)).unwrap() + "~";
    let refused = SdJwt::read(&other).unwrap().verify_issued(&key(2).multikey(), KIND).map(|_| ());
    assert_eq!(refused, Err(SdJwtError::Jws(JwsError::UnexpectedTokenType)), "A20");
}

#[test]
fn sdj_03_disclosures_have_two_or_three_parts() {
    let good = disclosure_of(&json!(["salt", "name", 1]));
    assert!(shown(&forged(&json!({ "_sd": [good.1] }), &[&good.0])).is_ok());
    for bad in
        [json!(["s"]), json!(["s", "n", 1, 2]), json!({ "a": 1 }), json!([7, "n", 1]), json!(["s", 1, 1]), json!("x")]
    {
        let (text, digest) = disclosure_of(&bad);
        assert_eq!(
            refusal(&forged(&json!({ "_sd": [digest] }), &[&text])),
            SdJwtError::MalformedDisclosure,
            "B06: {bad}"
        );
    }
    assert_eq!(refusal(&forged(&json!({}), &["a+b"])), SdJwtError::MalformedDisclosure);
    assert_eq!(refusal(&forged(&json!({}), &[""])), SdJwtError::Json(JsonError::MalformedJson));
    let long = disclosure_of(&json!(["salt", "n".repeat(1 << 16), 1]));
    assert_eq!(refusal(&forged(&json!({ "_sd": [long.1] }), &[&long.0])), SdJwtError::TooLarge, "A40");
    let (member, in_object) = (disclosure_of(&json!(["s", "n", 1])), disclosure_of(&json!(["s", 1])));
    let swapped = forged(&json!({ "a": [{ "...": member.1 }] }), &[&member.0]);
    assert_eq!(refusal(&swapped), SdJwtError::DisclosureUnreferenced, "a member in a list");
    let swapped = forged(&json!({ "_sd": [in_object.1] }), &[&in_object.0]);
    assert_eq!(refusal(&swapped), SdJwtError::DisclosureUnreferenced, "an element in an object");
}

#[test]
fn sdj_04_names_are_free_and_not_reserved() {
    for name in ["_sd", "...", "_sd_alg"] {
        let (text, digest) = disclosure_of(&json!(["salt", name, []]));
        assert_eq!(
            refusal(&forged(&json!({ "_sd": [digest] }), &[&text])),
            SdJwtError::ReservedClaimName,
            "B04: {name}"
        );
    }
    let (text, digest) = disclosure_of(&json!(["salt", "name", 1]));
    assert_eq!(refusal(&forged(&json!({ "name": 2, "_sd": [digest] }), &[&text])), SdJwtError::DuplicateClaim, "B05");
    let other = disclosure_of(&json!(["other", "name", 2]));
    let twice = forged(&json!({ "_sd": [digest, other.1] }), &[&text, &other.0]);
    assert_eq!(refusal(&twice), SdJwtError::DuplicateClaim, "B05: disclosed twice");
    let mut draft = draft();
    draft.claims.insert("a".into(), json!([{ "...": "x" }]));
    assert_eq!(draft.issue(&key(2), &mut rng()), Err(SdJwtError::ReservedClaimName));
    for bad in
        [json!({ "_sd": "x" }), json!({ "_sd": [1] }), json!({ "...": "x" }), json!({ "a": [{ "...": "x", "b": 1 }] })]
    {
        assert_eq!(refusal(&forged(&bad, &[])), SdJwtError::MalformedDigests, "{bad}");
    }
    let doubled = br#"{"vct":"a","iss":"honest","iss":"evil"}"#;
    assert_eq!(refusal(&forged_bytes(doubled, &[])), SdJwtError::Jws(JwsError::Json(JsonError::DuplicateClaim)), "A22");
}

#[test]
fn sdj_05_one_hash_algorithm() {
    assert!(shown(&forged(&json!({ "_sd_alg": "sha-256" }), &[])).is_ok());
    for named in [json!("md5"), json!("sha-1"), json!("SHA-256"), json!(""), json!(null)] {
        assert_eq!(refusal(&forged(&json!({ "_sd_alg": named }), &[])), SdJwtError::UnsupportedAlgorithm, "B08");
    }
    let nested = forged(&json!({ "a": { "_sd_alg": "sha-256" } }), &[]);
    assert_eq!(refusal(&nested), SdJwtError::UnsupportedAlgorithm, "B08: below the top");
}

#[test]
fn sdj_06_each_digest_once_and_each_disclosure_somewhere() {
    let (text, digest) = disclosure_of(&json!(["salt", "name", 1]));
    let elsewhere = json!({ "_sd": [digest], "a": { "_sd": [digest] } });
    for twice in [json!({ "_sd": [digest, digest] }), elsewhere] {
        assert_eq!(refusal(&forged(&twice, &[&text])), SdJwtError::DuplicateDigest, "B02: {twice}");
        assert_eq!(refusal(&forged(&twice, &[])), SdJwtError::DuplicateDigest, "B02, not disclosed: {twice}");
    }
    assert_eq!(refusal(&forged(&json!({ "_sd": [digest] }), &[&text, &text])), SdJwtError::DuplicateDigest);
    assert_eq!(refusal(&forged(&json!({ "_sd": [] }), &[&text])), SdJwtError::DisclosureUnreferenced, "B03");
    // B11: a disclosure of another credential of the same issuer; B12: value or salt changed.
    let covered = presented(&["/family_name"]);
    let (covered, _) = covered.rsplit_once('~').unwrap();
    let mine = covered.rsplit_once('~').unwrap().1;
    let other =
        draft().issue(&key(2), &mut <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::from_seed([8; 32])).unwrap();
    let theirs = other.split('~').find(|part| {
        crate::crypto::jose::from_base64url(part).is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("홍"))
    });
    let swapped = format!("{}~", covered.replace(mine, theirs.unwrap()));
    assert_eq!(refusal(&proven(&swapped, json!({}), &key(3))), SdJwtError::DisclosureUnreferenced, "B11");
    let parts: Value = serde_json::from_slice(&crate::crypto::jose::from_base64url(mine).unwrap()).unwrap();
    for changed in [json!([parts[0], parts[1], "김"]), json!(["AAAAAAAAAAAAAAAAAAAAAA", parts[1], parts[2]])] {
        let changed = format!("{}~", covered.replace(mine, &disclosure_of(&changed).0));
        assert_eq!(refusal(&proven(&changed, json!({}), &key(3))), SdJwtError::DisclosureUnreferenced, "B12");
    }
}

#[test]
fn sdj_02_a_digest_is_over_the_text_as_received() {
    let covered = presented(&["/family_name"]);
    let (covered, _) = covered.rsplit_once('~').unwrap();
    let mine = covered.rsplit_once('~').unwrap().1;
    let parts: Value = serde_json::from_slice(&crate::crypto::jose::from_base64url(mine).unwrap()).unwrap();
    // Spelled differently, the same array has another digest.
    let spaced = base64url(parts.to_string().replace(',', ", ").as_bytes());
    let spaced = format!("{}~", covered.replace(mine, &spaced));
    assert_eq!(refusal(&proven(&spaced, json!({}), &key(3))), SdJwtError::DisclosureUnreferenced, "SDJ-02");
}

#[test]
fn nesting_has_a_limit() {
    let mut text = Vec::new();
    let mut value = json!(1);
    for _ in 0..100 {
        let (disclosure, digest) = disclosure_of(&json!(["salt", "a", value]));
        text.push(disclosure);
        value = json!({ "_sd": [digest] });
    }
    let all: Vec<&str> = text.iter().map(String::as_str).collect();
    assert_eq!(refusal(&forged(&value, &all)), SdJwtError::TooDeep, "B09");
    let deep = format!("{}1{}", r#"{"a":"#.repeat(1000), "}".repeat(1000));
    assert_eq!(
        refusal(&forged_bytes(deep.as_bytes(), &[])),
        SdJwtError::Jws(JwsError::Json(JsonError::TooDeep)),
        "B09"
    );
}

#[test]
fn sdj_07_the_key_comes_from_the_certificates() {
    let text = presented(&[]);
    let stranger =
        Root::from_der(&Certificate::root("CN=Root,C=KR", key(9).multikey(), NOW - DAY, NOW + DAY).sign(&key(9)))
            .unwrap();
    let refused = verify_presentation(&text, VCT, &CHALLENGE, &[stranger]).map(|_| ());
    assert_eq!(refused, Err(SdJwtError::Certificate(CertificateError::KeyNotTrusted)), "A07");
    for header in [
        json!({}),
        json!({ "jku": "http://127.0.0.1:1/" }),
        json!({ "x5u": "http://127.0.0.1:1/" }),
        json!({ "x5c": [] }),
        json!({ "x5c": ["*"] }),
    ] {
        let mut header = header;
        header["typ"] = KIND.into();
        let issued = sign(header.as_object().unwrap(), b"{}", &key(2)).unwrap() + "~";
        let refused = refusal(&proven(&issued, json!({}), &key(3)));
        assert_eq!(refused, SdJwtError::Jws(JwsError::MalformedHeader), "A06, A10: {header}");
    }
    // Signed by another key than the certificate's.
    let forged = draft().issue(&key(4), &mut rng()).unwrap();
    let signature = SdJwtError::Jws(JwsError::Signature(SignatureError::SignatureInvalid));
    assert_eq!(refusal(&proven(&forged, json!({}), &key(3))), signature);
    // A09: valid now, not when it was signed.
    let mut young = draft();
    young.certificates =
        vec![Certificate { from: NOW - 50, ..root().leaf("CN=Issuer,C=KR", key(2).multikey(), None) }.sign(&key(1))];
    let young = proven(&young.issue(&key(2), &mut rng()).unwrap(), json!({}), &key(3));
    assert_eq!(refusal(&young), SdJwtError::Certificate(CertificateError::CertificateExpired), "A09");
}

#[test]
fn sdj_08_what_decides_is_never_hidden() {
    for name in ["iss", "exp", "nbf", "iat", "cnf", "vct", "status"] {
        let (text, digest) = disclosure_of(&json!(["salt", name, 1]));
        let mut claims = draft().claims;
        claims.retain(|claim, _| ["vct", "iat", "exp"].contains(&claim.as_str()) && claim != name);
        claims.insert("_sd".into(), json!([digest]));
        if name != "cnf" {
            claims.insert("cnf".into(), json!({ "jwk": crate::crypto::jose::Jwk::from(key(3).multikey()).to_json() }));
            let hidden = forged_bytes(Value::Object(claims).to_string().as_bytes(), &[&text]);
            assert_eq!(refusal(&hidden), SdJwtError::ClaimMustNotBeSelective, "B10: {name}");
        }
        let mut draft = draft();
        draft.selective = vec![format!("/{name}")];
        assert_eq!(draft.issue(&key(2), &mut rng()), Err(SdJwtError::ClaimMustNotBeSelective), "{name}");
    }
}

#[test]
fn sdj_09_the_proof_answers_this_request() {
    let text = presented(&["/family_name"]);
    let (covered, proof) = text.rsplit_once('~').unwrap();
    let covered = format!("{covered}~");
    assert!(shown(&proven(&covered, json!({}), &key(3))).is_ok());
    assert_eq!(refusal(&covered), SdJwtError::HolderBindingMissing, "D01");
    let with = |change: Value| refusal(&proven(&covered, change, &key(3)));
    assert_eq!(refusal(&proven(&covered, json!({}), &key(4))), SdJwtError::HolderBindingInvalid, "D02");
    for audience in [json!("x509_hash:other"), json!("abc"), json!(["x509_hash:abc"]), json!(null)] {
        assert_eq!(with(json!({ "aud": audience })), SdJwtError::AudienceMismatch, "D04: {audience}");
    }
    for nonce in [json!("n-2"), json!("N-1"), json!(null), json!(1)] {
        assert_eq!(with(json!({ "nonce": nonce })), SdJwtError::NonceMismatch, "D05: {nonce}");
    }
    assert_eq!(with(json!({ "iat": null, "exp": NOW * 2 })), SdJwtError::MissingField, "D10");
    assert_eq!(with(json!({ "iat": NOW + 61 })), SdJwtError::IssuedInFuture);
    assert_eq!(with(json!({ "iat": NOW - 301 })), SdJwtError::HolderBindingExpired);
    assert!(shown(&proven(&covered, json!({ "iat": NOW - 300 }), &key(3))).is_ok());
    assert_eq!(with(json!({ "sd_hash": "x" })), SdJwtError::TransactionMismatch, "D08");
    // D08: the proof of one set of disclosures with another.
    let all = issued();
    assert_eq!(refusal(&format!("{all}{proof}")), SdJwtError::TransactionMismatch, "D08");
    let typed = sign(json!({ "typ": "JWT" }).as_object().unwrap(), b"{}", &key(3)).unwrap();
    assert_eq!(refusal(&format!("{covered}{typed}")), SdJwtError::Jws(JwsError::UnexpectedTokenType));
    let trust = Trust { roots: &roots(), now: NOW };
    let refused = verify_issued(&text, VCT, &trust).map(|_| ());
    assert_eq!(refused, Err(SdJwtError::UnexpectedHolderBinding));
    let unbound = Draft { holder: None, ..draft() }.issue(&key(2), &mut rng()).unwrap();
    assert_eq!(refusal(&proven(&unbound, json!({}), &key(3))), SdJwtError::MissingField, "no key to be bound to");
    let mut odd = draft();
    odd.holder = None;
    odd.claims.insert("cnf".into(), json!({ "jwk": { "kty": "oct", "k": "AA" } }));
    let odd = odd.issue(&key(2), &mut rng()).unwrap();
    assert_eq!(refusal(&proven(&odd, json!({}), &key(3))), SdJwtError::Key(JwkError::UnsupportedKey));
}

#[test]
fn sdj_10_type_and_times() {
    let with = |name: &str, value: Value| {
        let mut draft = draft();
        draft.claims.insert(name.into(), value);
        let text = draft.issue(&key(2), &mut rng()).unwrap();
        shown(&proven(&text, json!({}), &key(3))).map(|_| ())
    };
    assert_eq!(with("nbf", json!(NOW)), Ok(()));
    assert_eq!(with("nbf", json!(NOW + 1)), Err(SdJwtError::CredentialNotYetValid));
    assert_eq!(with("exp", json!(NOW)), Err(SdJwtError::CredentialExpired));
    assert_eq!(with("exp", json!(NOW + 1)), Ok(()));
    assert_eq!(with("iat", json!(NOW + 61)), Err(SdJwtError::IssuedInFuture), "A34");
    for name in ["exp", "iat", "vct"] {
        assert_eq!(with(name, json!(null)), Err(SdJwtError::MissingField), "{name}");
    }
    assert_eq!(with("vct", json!("urn:other")), Err(SdJwtError::TypeMismatch), "B14");
}

fn metadata(claims: Value) -> Result<TypeMetadata, SdJwtError> {
    let document =
        json!({ "vct": VCT, "extends": "urn:base", "extends#integrity": "sha256-x", "claims": claims }).to_string();
    TypeMetadata::read(document.as_bytes(), VCT, Some(&integrity(document.as_bytes())))
}

#[test]
fn sdj_11_metadata_are_those_that_were_signed() {
    let document = json!({ "vct": VCT }).to_string();
    let document = document.as_bytes();
    assert!(TypeMetadata::read(document, VCT, Some(&integrity(document))).is_ok());
    assert!(TypeMetadata::read(document, VCT, None).is_ok());
    let mismatch = Err(SdJwtError::IntegrityMismatch);
    assert_eq!(TypeMetadata::read(&[document, b" "].concat(), VCT, Some(&integrity(document))), mismatch, "B14");
    for other in ["", "sha256", "sha1-AAAA", "md5-x"] {
        assert_eq!(TypeMetadata::read(document, VCT, Some(other)), mismatch, "B14: {other}");
    }
    // The strongest hash that is named decides.
    let weaker = format!("sha512-AAAA {}", integrity(document));
    assert_eq!(TypeMetadata::read(document, VCT, Some(&weaker)), mismatch);
    assert_eq!(TypeMetadata::read(document, "urn:other", None), Err(SdJwtError::TypeMismatch));
    assert_eq!(metadata(json!([])).unwrap().extends, Some(("urn:base".into(), Some("sha256-x".into()))));
    for bad in [
        json!({}),
        json!([{}]),
        json!([{ "path": [] }]),
        json!([{ "path": [1] }]),
        json!([{ "path": ["a"], "sd": "sometimes" }]),
    ] {
        assert_eq!(metadata(bad.clone()), Err(SdJwtError::MalformedMetadata), "{bad}");
    }
}

#[test]
fn sdj_12_hidden_and_shown_as_the_type_says() {
    let shown = shown(&presented(&["/family_name", "/classes/1"])).unwrap();
    let check = |claims| metadata(claims).unwrap().check(shown.authentic());
    for good in [
        json!([{ "path": ["family_name"], "sd": "always", "mandatory": true }]),
        json!([{ "path": ["given_name"], "sd": "always", "mandatory": true }]),
        json!([{ "path": ["iss"], "sd": "never", "mandatory": true }]),
        json!([{ "path": ["classes", null], "sd": "allowed" }]),
        json!([{ "path": ["nickname"], "sd": "never" }]),
    ] {
        assert_eq!(check(good.clone()), Ok(()), "{good}");
    }
    for bad in [
        json!([{ "path": ["family_name"], "sd": "never" }]),
        json!([{ "path": ["iss"], "sd": "always" }]),
        json!([{ "path": ["classes", null], "sd": "never" }]),
        json!([{ "path": ["nickname"], "sd": "never", "mandatory": true }]),
    ] {
        assert_eq!(check(bad.clone()), Err(SdJwtError::MetadataRuleBroken), "{bad}");
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let text = presented(&["/family_name"]);
    assert!(shown(&text).is_ok());
    for at in (0..text.len()).step_by(3) {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(shown(&String::from_utf8(changed).unwrap()).is_err(), "byte {at}");
    }
}

#[test]
fn keys_are_not_the_issuers() {
    let authentic = SdJwt::read(&issued()).unwrap().verify_issued(&key(2).multikey(), KIND).unwrap();
    let holder: Multikey = authentic.holder_key().unwrap();
    assert_eq!(holder, key(3).multikey());
}
