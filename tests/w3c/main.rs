//! W3C credentials with software that others wrote: Digital Bazaar's packages sign, show and verify; PyLD puts statements in
//! order; and the conformance adapter answers as its contract says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

mod adapter;
mod peer;

use protocol::credential::w3c::{
    CREDENTIALS_V2, Contexts, Expected, ProofKey, ProofOptions, Suite, W3cError, add_proof, canonical_statements,
    derive_credential, issue_credential, verify_credential,
};
use protocol::crypto::bbs::{self, SecretKey};
use protocol::crypto::multikey::StandardKey;
use protocol::exchange::openid4vci::{di_vp, key_proof};
use protocol::identifier::{DidKey, DidKeys, Purpose};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use peer::Peer;

/// VCI-67, VCI-68: what the packages sign proves a key to an issuer of ours, and they verify what our wallet signs.
#[test]
fn presentations_prove_keys_in_both_directions() {
    const ISSUER: &str = "https://issuer.example";
    let mut peer = Peer::start();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let expected = key_proof::Expected { issuer: ISSUER, client: None, now: now + 30 };
    let theirs = peer.call(&json!({ "do": "prove", "domain": ISSUER, "challenge": "nonce" })).unwrap();
    let proven = di_vp::check(&theirs, &expected).unwrap();
    assert_eq!(proven.nonce, "nonce");
    assert_eq!(theirs["holder"], DidKey::new(proven.key).to_text());
    let other = key_proof::Expected { issuer: "https://other.example", ..expected };
    assert_eq!(di_vp::check(&theirs, &other), Err(W3cError::DomainMismatch.into()));
    let key = StandardKey::p256(&[3; 32]).unwrap();
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let ours = di_vp::make(&key, &key_proof::Expected { now, ..expected }, "nonce", &mut rng).unwrap();
    let mut verified = |challenge: &str| {
        let call = json!({ "do": "proves", "presentation": ours, "domain": ISSUER, "challenge": challenge });
        peer.call(&call).unwrap()
    };
    assert_eq!((verified("nonce"), verified("other")), (json!(true), json!(false)));
}

/// The suites that the packages have.
const SHARED: [Suite; 4] = [Suite::EddsaRdfc2022, Suite::EcdsaRdfc2019, Suite::EcdsaSd2023, Suite::Bbs2023];
const NOW: u64 = 1_800_000_000;

/// Text that programs write in different ways, lists, nodes without names, numbers, languages and directions.
fn credential() -> Value {
    json!({
        "@context": [CREDENTIALS_V2],
        "type": ["VerifiableCredential"],
        "id": "urn:uuid:9f1c5a1e-0001-4d6a-9a63-6b1f7d4c0001",
        "name": "모바일 운전면허증",
        "description": [
            { "@value": "서울특별시 종로구", "@language": "ko-KR" },
            { "@value": "a\u{0}b\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\u{80}\"\\'<>&", "@language": "en" },
            { "@value": "شهادة", "@language": "AR", "@direction": "rtl" }
        ],
        "validFrom": "2025-01-01T00:00:00.123+09:00",
        "credentialSubject": [
            { "id": "did:example:holder", "name": "홍길동 👩🏽‍🚀 🇰🇷 \u{1f600}" },
            { "name": "e\u{301} é \u{200d}\u{202e}", "description": "" },
            { "description": ["둘", "하나", "셋"] }
        ],
        "termsOfUse": [{ "type": "https://example.org/Policy" }, { "type": "https://example.org/Policy", "id": "x:y" }]
    })
}

struct Key {
    standard: StandardKey,
    bbs: SecretKey,
}

impl Key {
    fn of(suite: Suite) -> Self {
        let standard = if suite == Suite::EddsaRdfc2022 {
            StandardKey::ed25519(&[3; 32])
        } else {
            StandardKey::p256(&[3; 32]).unwrap()
        };
        Self { standard, bbs: SecretKey::generate(bbs::Suite::Sha256, &[3; 32], b"").unwrap() }
    }

    fn proof(&self, suite: Suite) -> ProofKey<'_> {
        if suite == Suite::Bbs2023 { ProofKey::Bbs(&self.bbs) } else { ProofKey::Standard(&self.standard) }
    }
}

fn ours(suite: Suite) -> Value {
    let key = Key::of(suite);
    let did = DidKey::new(key.proof(suite).multikey());
    let method = did.verification_method();
    let mandatory = vec!["/issuer".to_owned(), "/name".to_owned()];
    let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
    options.mandatory = &mandatory;
    let mut document = credential();
    document["issuer"] = did.to_text().into();
    let contexts = Contexts::standard();
    issue_credential(&document, key.proof(suite), &options, &contexts, &mut tests::rng(suite.as_str())).unwrap()
}

fn we_verify(document: &Value) -> Result<(), W3cError> {
    let contexts = Contexts::standard();
    let expected =
        Expected { contexts: &contexts, purpose: Purpose::AssertionMethod, now: NOW, domain: None, challenge: None };
    verify_credential(document, &DidKeys, &expected).map(|_| ())
}

fn we_derive(document: &Value, pointers: &[&str]) -> Value {
    let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
    derive_credential(document, &pointers, b"", &Contexts::standard(), &mut tests::rng("derive")).unwrap()
}

const SHOWN: [&str; 3] = ["/credentialSubject/0", "/description/1", "/termsOfUse"];

#[test]
fn others_verify_and_show_ours_and_we_theirs() {
    let mut peer = Peer::start();
    let mut verdicts = 0;
    for suite in SHARED {
        let name = suite.as_str();
        let mut agree = |peer: &mut Peer, document: &Value, what: &str| {
            let theirs = peer.call(&json!({ "do": "verify", "suite": name, "document": document }));
            assert_eq!(theirs, Ok(json!(true)), "{name}: {what}, by theirs");
            assert_eq!(we_verify(document), Ok(()), "{name}: {what}, by ours");
            let mut changed = document.clone();
            changed["name"] = "모바일 운전면허증 ".into();
            assert!(
                peer.call(&json!({ "do": "verify", "suite": name, "document": changed })).is_err(),
                "{name}: {what}"
            );
            assert_eq!(we_verify(&changed), Err(W3cError::SignatureInvalid), "{name}: {what}");
            verdicts += 4;
        };
        let sign = json!({ "do": "sign", "suite": name, "document": credential(), "mandatory": ["/issuer", "/name"] });
        let (ours, theirs) = (ours(suite), peer.call(&sign).unwrap());
        if suite.is_selective() {
            for (who, base) in [("our", &ours), ("their", &theirs)] {
                agree(&mut peer, &we_derive(base, &SHOWN), &format!("{who} credential shown by us"));
                let derive = json!({ "do": "derive", "suite": name, "document": base, "pointers": SHOWN });
                let shown = peer.call(&derive).unwrap();
                agree(&mut peer, &shown, &format!("{who} credential shown by them"));
            }
        } else {
            agree(&mut peer, &ours, "our credential");
            agree(&mut peer, &theirs, "their credential");
        }
    }
    println!("{verdicts} verdicts over 12 documents, all agreed");
}

#[test]
fn others_refuse_what_we_refuse_to_sign() {
    let mut peer = Peer::start();
    let undefined: [fn(&mut Value); 3] = [
        |d| d["undefinedTerm"] = "x".into(),
        |d| d["type"] = json!(["VerifiableCredential", "UndefinedCredential"]),
        |d| d["credentialSubject"][0]["id"] = "relative".into(),
    ];
    for change in undefined {
        let mut document = credential();
        change(&mut document);
        let theirs = peer.call(&json!({ "do": "sign", "suite": "eddsa-rdfc-2022", "document": document }));
        assert!(theirs.is_err());
        document["issuer"] = "did:example:issuer".into();
        let key = StandardKey::ed25519(&[3; 32]);
        let options = ProofOptions::new(Suite::EddsaRdfc2022, "did:example:issuer#k", Purpose::AssertionMethod);
        let ours =
            add_proof(&document, ProofKey::Standard(&key), &options, &Contexts::standard(), &mut tests::rng("x"));
        assert_eq!(ours, Err(W3cError::UnprotectedTerm));
    }
}

#[test]
fn pyld_puts_statements_in_the_same_order() {
    let extension = json!({ "@context": {
        "p": "https://example.org/p", "q": { "@id": "https://example.org/q", "@type": "@id" }, "n": "https://example.org/n",
        "literal": { "@id": "https://example.org/literal", "@type": "@json" },
        "list": { "@id": "https://example.org/list", "@container": "@list" },
        "A": { "@id": "https://example.org/A", "@context": { "a": "https://example.org/a" } },
        "B": { "@id": "https://example.org/B", "@context": { "b": "https://example.org/b" } }
    } });
    let text = serde_json::to_vec(&extension).unwrap();
    let digest = hex::encode(Sha256::digest(&text));
    let contexts = Contexts::standard().with("https://example.org/context", &text, &digest).unwrap();
    let mut plain = credential();
    // PyLD knows the order before it was a standard, which left control characters as they are; those are compared with the
    // JavaScript packages.
    plain["description"] = json!(["a\t\n\r\"\\", { "@value": "면허", "@language": "ko-KR" }]);
    let with = |inner: Value| {
        let mut document =
            json!({ "@context": [CREDENTIALS_V2, "https://example.org/context"], "type": "VerifiableCredential" });
        document.as_object_mut().unwrap().extend(inner.as_object().unwrap().clone());
        document
    };
    let documents = [
        plain,
        with(json!({ "n": [0, -1, 7.0, 9.95, 0.1, 1e21, 5.5, 1e-7, 9_007_199_254_740_991_u64, true, false] })),
        with(json!({ "p": { "p": { "p": "x" } }, "q": ["x:1", "x:2"] })),
        with(
            json!({ "p": [{ "p": "1", "type": "x:T" }, { "p": "2", "type": "x:T" }, { "p": { "n": 1 } }, { "p": { "n": 2 } }] }),
        ),
        with(json!({ "list": ["c", "a", "b"], "p": { "@list": [1, { "n": 2 }] } })),
        with(json!({ "literal": { "b": [1, 2.5, "x"], "a": { "type": "y", "길": null_free() } } })),
        with(json!({ "type": ["VerifiableCredential", "B", "A"], "a": "1", "b": "2" })),
        with(json!({ "p": { "@id": "_:x", "q": { "@id": "_:y", "q": { "@id": "_:x" } } } })),
    ];
    let own = |url: &str, file: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/src/credential/w3c/contexts/");
        (
            url.to_owned(),
            serde_json::from_str::<Value>(&std::fs::read_to_string(format!("{path}{file}")).unwrap()).unwrap(),
        )
    };
    let given: serde_json::Map<String, Value> =
        [own(CREDENTIALS_V2, "credentials-v2.jsonld"), ("https://example.org/context".to_owned(), extension)]
            .into_iter()
            .collect();
    let input = serde_json::to_vec(&json!({ "contexts": given, "documents": documents })).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("w3c/canonical.py");
    let theirs = tests::python::lines(&script, &input);
    assert_eq!(theirs.len(), documents.len());
    for (document, line) in documents.iter().zip(theirs) {
        let stated: String = serde_json::from_str(&line).unwrap();
        assert_eq!(canonical_statements(document, &contexts).unwrap(), stated, "{document}");
    }
    println!("{} canonical forms the same as PyLD's", documents.len());
}

fn null_free() -> Value {
    json!(["길", 1])
}
