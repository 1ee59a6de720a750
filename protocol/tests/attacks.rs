//! Attacks on credentials of other standards that concern more than one part (rows A and B of the list of attacks), each
//! beside the valid twin it was made from.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use protocol::credential::sd_jwt::{Draft, SdJwtError, Trust, verify_issued};
use protocol::credential::w3c::{
    Contexts, Expected, ProofKey, ProofOptions, Suite, W3cError, add_proof, issue_credential, verify_credential,
};
use protocol::crypto::jose::{self, Jws, JwsError, base64url, from_base64url};
use protocol::crypto::keys::SignatureError;
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::crypto::x509::{CertificateDraft, Root, Use};
use protocol::identifier::{ControllerError, Did, DidKey, DidKeys, Purpose};
use serde_json::{Map, Value, json};

const NOW: u64 = 1_800_000_000;

fn p256(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::from_seed([1; 32])
}

/// The order of P-256's group less `s`.
fn negated(s: &[u8]) -> Vec<u8> {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let (mut out, mut borrow) = (vec![0; 32], 0i16);
    for at in (0..32).rev() {
        let digit = i16::from(order[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(digit < 0);
        out[at] = (digit + 256 * borrow) as u8;
    }
    out
}

#[test]
fn a15_both_signatures_of_ecdsa_are_one_credential() {
    let certificate = |subject, key: &StandardKey, usage| {
        let (issuer, contact, key) = ("CN=Root,C=KR", "https://issuer.example", key.multikey());
        let draft = CertificateDraft { subject, issuer, contact, serial: [1; 20], from: 0, until: NOW * 2, key, usage };
        draft.sign(&p256(1)).unwrap()
    };
    let roots = [Root::from_der(&certificate("CN=Root,C=KR", &p256(1), Use::Root)).unwrap()];
    let claims = json!({ "vct": "a", "iat": NOW, "exp": NOW + 9, "name": "홍" });
    let draft = Draft {
        certificates: vec![certificate("CN=Signer,C=KR", &p256(2), Use::DocumentSigner)],
        claims: claims.as_object().unwrap().clone(),
        ..Draft::default()
    };
    let text = draft.issue(&p256(2), &mut rng()).unwrap();
    let trust = Trust { roots: &roots, now: NOW };
    let first = verify_issued(&text, "a", &trust).unwrap();
    let (signed, signature) = text.trim_end_matches('~').rsplit_once('.').unwrap();
    let raw = from_base64url(signature).unwrap();
    let twin = [&raw[..32], &negated(&raw[32..])].concat();
    assert_ne!(twin, raw);
    // The stated policy: both are accepted, as the standards say, and what is read of them is the same, so that nobody
    // keys a list of what was seen by the token's text.
    let second = verify_issued(&format!("{signed}.{}~", base64url(&twin)), "a", &trust).unwrap();
    assert_eq!(first.claims(), second.claims());
    let neither = [&raw[..32], &[0xff; 32]].concat();
    let refused = verify_issued(&format!("{signed}.{}~", base64url(&neither)), "a", &trust);
    assert_eq!(refused.err(), Some(SdJwtError::Jws(JwsError::Signature(SignatureError::SignatureInvalid))));
}

#[test]
fn a24_text_is_utf_8_or_refused() {
    let read = |payload: &[u8]| {
        let token = jose::sign(&Map::new(), payload, &p256(2)).unwrap();
        Jws::read(&token).unwrap().verify(&p256(2).multikey()).unwrap().claims().map(|_| ())
    };
    assert_eq!(read(r#"{"iss":"https://발급.example"}"#.as_bytes()), Ok(()));
    // An overlong slash, half of a pair, half of a pair in an escape.
    for bad in [&b"{\"iss\":\"a\xc0\xafb\"}"[..], b"{\"iss\":\"\xed\xa0\x80\"}", b"{\"iss\":\"\\ud800\"}"] {
        assert!(matches!(read(bad), Err(JwsError::Json(_))), "{bad:?}");
    }
    // Two spellings of one letter are two issuers.
    let (composed, decomposed) = ("did:key:\u{e9}", "did:key:e\u{301}");
    assert_ne!(composed, decomposed);
    assert_eq!(DidKey::parse(composed), Err(ControllerError::InvalidKey));
    assert_eq!(DidKey::parse(decomposed), Err(ControllerError::InvalidKey));
}

#[test]
fn a28_a_did_is_a_did_and_nothing_around_it() {
    let did = Did::derive("kr", b"key").unwrap().to_string();
    assert!(did.parse::<Did>().is_ok());
    let key = DidKey::new(p256(3).multikey()).to_text();
    assert!(DidKey::parse(&key).is_ok());
    for around in ["?versionId=1", "#key-1", "#key-1#key-2", "?versionId=1#key-1#key-2", "/path", ";a=b", " ", "%20"] {
        assert!(format!("{did}{around}").parse::<Did>().is_err(), "{around}");
        assert_eq!(DidKey::parse(&format!("{key}{around}")), Err(ControllerError::InvalidKey), "{around}");
    }
}

fn credential(issuer: &StandardKey) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": DidKey::new(issuer.multikey()).to_text(),
        "name": { "@value": "면허", "@language": "ko", "@direction": "ltr" },
        "credentialSubject": { "description": { "@value": "홍길동", "@language": "ko" } },
    })
}

fn sign(document: &Value, key: &StandardKey, first: bool) -> Value {
    let method = DidKey::new(key.multikey()).verification_method();
    let options = ProofOptions::new(Suite::EddsaRdfc2022, &method, Purpose::AssertionMethod);
    let contexts = Contexts::standard();
    let key = ProofKey::Standard(key);
    let signed = match first {
        true => issue_credential(document, key, &options, &contexts, &mut rng()),
        false => add_proof(document, key, &options, &contexts, &mut rng()),
    };
    signed.unwrap()
}

fn verify(document: &Value) -> Result<(), W3cError> {
    let contexts = Contexts::standard();
    let (purpose, now) = (Purpose::AssertionMethod, NOW);
    let expected = Expected { contexts: &contexts, purpose, now, domain: None, challenge: None };
    verify_credential(document, &DidKeys, &expected).map(|_| ())
}

#[test]
fn a32_every_proof_holds_and_one_is_the_issuers() {
    let (issuer, stranger) = (StandardKey::ed25519(&[1; 32]), StandardKey::ed25519(&[2; 32]));
    let both = sign(&sign(&credential(&issuer), &issuer, true), &stranger, false);
    assert_eq!(verify(&both), Ok(()), "the issuer's, and a witness's");
    let mut broken = both.clone();
    // The issuer's proof is of another document; the stranger's is good.
    let mut other = credential(&issuer);
    other["credentialSubject"] = json!({ "name": "x" });
    broken["proof"][0] = sign(&other, &issuer, true)["proof"].clone();
    assert_eq!(verify(&broken), Err(W3cError::SignatureInvalid));
    let alone = sign(&credential(&issuer), &stranger, true);
    assert_eq!(verify(&alone), Err(W3cError::IssuerMismatch));
}

#[test]
fn b21_language_and_direction_are_signed() {
    let issuer = StandardKey::ed25519(&[1; 32]);
    let good = sign(&credential(&issuer), &issuer, true);
    assert_eq!(verify(&good), Ok(()));
    let changes: [fn(&mut Value); 5] = [
        |document| document["name"]["@direction"] = "rtl".into(),
        |document| document["name"]["@language"] = "en".into(),
        |document| drop(document["name"].as_object_mut().unwrap().remove("@direction")),
        |document| document["credentialSubject"]["description"]["@language"] = "en".into(),
        |document| document["credentialSubject"]["description"] = "홍길동".into(),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut changed = good.clone();
        change(&mut changed);
        assert_eq!(verify(&changed), Err(W3cError::SignatureInvalid), "change {at}");
    }
    // Other words that only a screen would read.
    let mut map = good;
    map["credentialSubject"]["description"] = json!({ "ko": "홍길동", "en": "HONG" });
    assert_eq!(verify(&map), Err(W3cError::UnprotectedTerm));
}
