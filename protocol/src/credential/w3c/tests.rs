//! Each refusal beside the document it was made from, which is accepted.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::json;

use super::*;
use crate::crypto::bbs::SecretKey;
use crate::crypto::keys::SignerError;
use crate::crypto::multikey::{Multikey, StandardKey, StandardSigner};
use crate::identifier::{ControllerDocument, ControllerError, DidKey, DidKeys};

const NOW: u64 = 1_764_000_000;
type Change = fn(&mut Value);

const SUITES: [Suite; 6] = Suite::ALL;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([5; 32])
}

struct Keys {
    ed25519: StandardKey,
    p256: StandardKey,
    bbs: SecretKey,
}

impl Keys {
    fn new(seed: u8) -> Self {
        Self {
            ed25519: StandardKey::ed25519(&[seed; 32]),
            p256: StandardKey::p256(&[seed; 32]).unwrap(),
            bbs: SecretKey::generate(crate::crypto::bbs::Suite::Sha256, &[seed; 32], b"").unwrap(),
        }
    }

    fn of(&self, suite: Suite) -> ProofKey<'_> {
        match suite {
            Suite::EddsaRdfc2022 | Suite::EddsaJcs2022 => ProofKey::Standard(&self.ed25519),
            Suite::Bbs2023 => ProofKey::Bbs(&self.bbs),
            _ => ProofKey::Standard(&self.p256),
        }
    }
}

fn did(key: Multikey) -> DidKey {
    DidKey::new(key)
}

fn credential(issuer: &str) -> Value {
    json!({
        "@context": [CREDENTIALS_V2],
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "validFrom": "2025-01-01T00:00:00Z",
        "validUntil": "2027-01-01T00:00:00+09:00",
        "credentialSubject": [
            { "id": "did:example:holder", "name": "홍길동 👩‍🚀\u{1}\t\u{7f}\"\\" },
            { "description": [{ "@value": "면허", "@language": "ko-KR" }, { "@value": "x", "@language": "ar", "@direction": "rtl" }] }
        ]
    })
}

fn mandatory() -> Vec<String> {
    vec!["/issuer".to_owned(), "/validUntil".to_owned()]
}

/// Signed, and for selective suites derived with everything shown.
fn signed_with(suite: Suite, change: impl FnOnce(&mut Value, &mut ProofOptions<'_>)) -> Result<Value, W3cError> {
    let keys = Keys::new(9);
    let key = keys.of(suite);
    let did = did(key.multikey());
    let (method, always) = (did.verification_method(), mandatory());
    let mut document = credential(&did.to_text());
    let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
    options.mandatory = &always;
    change(&mut document, &mut options);
    let contexts = Contexts::standard();
    let signed = issue_credential(&document, key, &options, &contexts, &mut rng())?;
    if suite.is_selective() {
        let all = vec!["/credentialSubject".to_owned(), "/validFrom".to_owned()];
        return derive_credential(&signed, &all, b"", &contexts, &mut rng());
    }
    Ok(signed)
}

fn signed(suite: Suite) -> Value {
    signed_with(suite, |_, _| {}).unwrap()
}

fn expected(contexts: &Contexts) -> Expected<'_> {
    Expected { contexts, purpose: Purpose::AssertionMethod, now: NOW, domain: None, challenge: None }
}

fn verify(document: &Value) -> Result<VerifiedCredential, W3cError> {
    let contexts = Contexts::standard();
    verify_credential(document, &DidKeys, &expected(&contexts))
}

fn changed(document: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document.clone();
    change(&mut document);
    document
}

#[test]
fn every_suite_signs_and_verifies_and_binds_every_member() {
    for suite in SUITES {
        let document = signed(suite);
        let verified = verify(&document).unwrap_or_else(|error| panic!("{}: {error}", suite.as_str()));
        assert_eq!(verified.subjects().len(), 2);
        assert_eq!(verified.proven_by()[0].suite, suite);
        assert!(!format!("{verified:?}").contains("홍길동"));
        let changes: [Change; 6] = [
            |d| d["credentialSubject"][0]["name"] = "홍길순".into(),
            |d| d["credentialSubject"][0]["id"] = "did:example:other".into(),
            |d| d["validUntil"] = "2028-01-01T00:00:00Z".into(),
            |d| d["credentialSubject"][1]["description"][1]["@direction"] = "ltr".into(),
            |d| d["name"] = "more".into(),
            |d| d["proof"]["created"] = "2025-01-01T00:00:00Z".into(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let outcome = verify(&changed(&document, change)).err();
            let refused = [W3cError::SignatureInvalid, W3cError::MalformedProof("proofValue")];
            assert!(outcome.is_some_and(|why| refused.contains(&why)), "{} change {at}: {outcome:?}", suite.as_str());
        }
    }
}

#[test]
fn wctx_03_what_means_nothing_is_neither_signed_nor_accepted() {
    let inline = Contexts::standard().with_inline();
    for suite in [Suite::EddsaRdfc2022, Suite::EddsaJcs2022, Suite::Bbs2023] {
        let changes: [Change; 9] = [
            |d| d["undefinedTerm"] = "x".into(),
            |d| d["credentialSubject"][0]["undefinedTerm"] = 1.into(),
            |d| d["type"] = json!(["VerifiableCredential", "UndefinedCredential"]),
            |d| d["credentialSubject"][0]["id"] = "relative".into(),
            |d| d["credentialSubject"][0]["nothing"] = Value::Null,
            |d| d["credentialSubject"][0]["empty"] = json!([]),
            |d| d["credentialSubject"][0]["@index"] = "x".into(),
            |d| d["credentialSubject"][0]["_:label"] = "x".into(),
            |d| d["credentialSubject"][0]["type"] = "https://merged.invalid/".into(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let refused = signed_with(suite, |document, _| change(document));
            let why = if at == 3 { W3cError::MalformedCredential("id") } else { W3cError::UnprotectedTerm };
            assert_eq!(refused.err(), Some(why), "{} change {at}", suite.as_str());
            assert_eq!(verify(&changed(&signed(suite), change)).err(), Some(why), "{} change {at}", suite.as_str());
        }
    }
    // Contexts with a vocabulary of their own, or that take it away, or forget everything.
    let meaning = |document: Value| canonical_statements(&document, &inline);
    let vocabulary = json!({ "@vocab": "https://example.org/#" });
    assert!(meaning(json!({ "@context": [CREDENTIALS_V2, vocabulary], "anything": "x" })).is_ok());
    for context in [json!({ "@vocab": null }), json!({ "term": { "@id": "https://example.org/t", "@context": null } })]
    {
        let document = json!({ "@context": [CREDENTIALS_V2, context], "anything": "x", "term": { "lost": 1 } });
        assert_eq!(meaning(document), Err(W3cError::UnprotectedTerm));
    }
    let forgetting = json!({ "@context": [CREDENTIALS_V2], "type": "VerifiablePresentation", "verifiableCredential": [{ "issuer": "x:y" }] });
    assert_eq!(meaning(forgetting), Err(W3cError::UnprotectedTerm));
    let spaces = json!({ "@context": [CREDENTIALS_V2], "id": "https ://not-a-url", "name": "x" });
    assert_eq!(meaning(spaces), Err(W3cError::UnprotectedTerm));
}

#[test]
fn wctx_02_contexts_swapped_or_added_are_refused() {
    for suite in SUITES {
        let document = signed(suite);
        let swap =
            changed(&document, |d| d["@context"] = json!([CREDENTIALS_V2, { "@vocab": "https://evil.example/#" }]));
        assert_eq!(
            verify(&swap).err(),
            Some(if matches!(suite, Suite::EddsaJcs2022 | Suite::EcdsaJcs2019) {
                W3cError::MalformedProof("@context")
            } else {
                W3cError::ContextNotAllowed
            }),
            "{}",
            suite.as_str()
        );
        let unknown = changed(&document, |d| d["@context"] = json!([CREDENTIALS_V2, "https://127.0.0.1:1/context"]));
        assert!(verify(&unknown).is_err());
    }
    let refused = signed_with(Suite::EddsaRdfc2022, |d, _| {
        d["@context"] = json!([CREDENTIALS_V2, { "@base": "https://evil.example/" }])
    });
    assert_eq!(refused.err(), Some(W3cError::ContextNotAllowed));
}

#[test]
fn types_bring_their_definitions_together() {
    let contexts = Contexts::standard().with_inline();
    let own = |term: &str| json!({ "@id": format!("https://example.org/{term}"), "@context": { format!("in{term}"): format!("https://example.org/in{term}") } });
    let document = json!({
        "@context": [CREDENTIALS_V2, { "A": own("A"), "B": own("B"), "C": own("C") }],
        "type": ["B", "A", "C"], "inA": 1, "inB": 2, "inC": 3
    });
    let statements = canonical_statements(&document, &contexts).unwrap();
    assert_eq!(statements.lines().count(), 6, "{statements}");
    assert!(["#type", "inA", "inB", "inC"].iter().all(|word| statements.contains(word)));
    let mut without = document;
    without["type"] = json!(["B", "C"]);
    assert_eq!(canonical_statements(&without, &contexts), Err(W3cError::UnprotectedTerm));
}

#[test]
fn wctx_05_poisoned_graphs_cost_little() {
    let contexts = Contexts::standard().with_inline();
    let clique = |nodes: usize| {
        let node = |at: usize| {
            let others: Vec<Value> =
                (0..nodes).filter(|other| *other != at).map(|other| json!({ "@id": format!("_:n{other}") })).collect();
            json!({ "@id": format!("_:n{at}"), "p": others })
        };
        json!({ "@context": [CREDENTIALS_V2, { "p": "https://example.org/p" }], "@graph": (0..nodes).map(node).collect::<Vec<_>>() })
    };
    assert!(canonical_statements(&clique(2), &contexts).is_ok());
    for nodes in 5..=20 {
        let started = std::time::Instant::now();
        assert_eq!(canonical_statements(&clique(nodes), &contexts), Err(W3cError::CanonicalizationLimit), "{nodes}");
        println!("clique of {nodes}: {:?}", started.elapsed());
    }
    // Many nodes that differ are no trouble; too many statements are.
    let list = |count: usize| {
        let subjects: Vec<Value> = (0..count).map(|at| json!({ "name": format!("n{at}") })).collect();
        json!({ "@context": [CREDENTIALS_V2], "type": "VerifiableCredential", "credentialSubject": subjects })
    };
    assert!(canonical_statements(&list(500), &contexts).is_ok());
    assert_eq!(canonical_statements(&list(1500), &contexts), Err(W3cError::TooLarge));
    let lost: Vec<Value> = (0..9).map(|_| json!({ "credentialSubject": {} })).collect();
    let same = json!({ "@context": [CREDENTIALS_V2], "type": "VerifiableCredential", "credentialSubject": lost });
    assert!(canonical_statements(&same, &contexts).is_err());
}

#[test]
fn dint_01_to_06_proofs_are_complete_timely_and_addressed() {
    let document = signed(Suite::EddsaRdfc2022);
    assert!(verify(&document).is_ok());
    let cases: [(Change, W3cError); 16] = [
        (|d| drop(d.as_object_mut().unwrap().remove("proof")), W3cError::ProofMissing),
        (|d| d["proof"] = Value::Null, W3cError::ProofMissing),
        (|d| d["proof"] = json!([]), W3cError::ProofMissing),
        (|d| d["proof"] = json!(vec![d["proof"].clone(); 9]), W3cError::TooLarge),
        (|d| d["proof"] = "x".into(), W3cError::MalformedProof("proof")),
        (|d| d["proof"]["type"] = "Ed25519Signature2020".into(), W3cError::MalformedProof("type")),
        (|d| d["proof"]["cryptosuite"] = "eddsa-rdfc-2099".into(), W3cError::SuiteUnknown),
        (|d| d["proof"]["proofValue"] = Value::Null, W3cError::MalformedProof("proofValue")),
        (
            |d| d["proof"]["proofValue"] = d["proof"]["proofValue"].as_str().unwrap()[1..].into(),
            W3cError::MalformedProof("proofValue"),
        ),
        (|d| d["proof"]["verificationMethod"] = "#key".into(), W3cError::Controller(ControllerError::NotResolved)),
        (|d| d["proof"]["verificationMethod"] = "did:key:z6Mk".into(), W3cError::MalformedProof("verificationMethod")),
        (|d| d["proof"]["proofPurpose"] = "authentication".into(), W3cError::ProofPurposeMismatch),
        (|d| d["proof"]["created"] = "2099-01-01T00:00:00Z".into(), W3cError::IssuedInFuture),
        (|d| d["proof"]["created"] = "yesterday".into(), W3cError::MalformedProof("created")),
        (|d| d["proof"]["expires"] = "2020-01-01T00:00:00Z".into(), W3cError::ProofExpired),
        (|d| d["proof"]["cryptosuite"] = "ecdsa-rdfc-2019".into(), W3cError::KeyAlgorithmMismatch),
    ];
    for (at, (change, why)) in cases.into_iter().enumerate() {
        assert_eq!(verify(&changed(&document, change)).err(), Some(why), "case {at}");
    }
    let keys = Keys::new(9);
    let method = did(keys.bbs.public_key().as_bytes().to_owned().into_key()).verification_method();
    let options = ProofOptions::new(Suite::EddsaRdfc2022, &method, Purpose::AssertionMethod);
    let refused = add_proof(&credential("x:y"), ProofKey::Bbs(&keys.bbs), &options, &Contexts::standard(), &mut rng());
    assert_eq!(refused.err(), Some(W3cError::KeyAlgorithmMismatch));
}

trait IntoKey {
    fn into_key(self) -> Multikey;
}

impl IntoKey for [u8; 96] {
    fn into_key(self) -> Multikey {
        Multikey::Bls12381G2(self)
    }
}

#[test]
fn dint_05_domain_and_challenge() {
    let document = signed_with(Suite::EddsaRdfc2022, |_, options| {
        (options.domain, options.challenge) = (Some("bank.example"), Some("n-1"));
    })
    .unwrap();
    let contexts = Contexts::standard();
    let ask = |domain, challenge| {
        let expected = Expected { domain, challenge, ..expected(&contexts) };
        verify_credential(&document, &DidKeys, &expected).map(|_| ())
    };
    assert_eq!(ask(Some("bank.example"), Some("n-1")), Ok(()));
    assert_eq!(ask(Some("evil.example"), Some("n-1")), Err(W3cError::DomainMismatch));
    assert_eq!(ask(Some("bank.example"), Some("n-2")), Err(W3cError::ChallengeMismatch));
}

#[test]
fn dint_07_and_11_strangers_do_not_sign_for_the_issuer() {
    let stranger =
        signed_with(Suite::EddsaRdfc2022, |document, _| document["issuer"] = "did:web:police.example".into()).unwrap();
    assert_eq!(verify(&stranger).err(), Some(W3cError::IssuerMismatch));
    // One valid proof by a stranger beside one that does not hold.
    let document = signed(Suite::EddsaRdfc2022);
    let both = changed(&document, |d| {
        let mut broken = d["proof"].clone();
        broken["proofValue"] = stranger["proof"]["proofValue"].clone();
        d["proof"] = json!([d["proof"].clone(), broken]);
    });
    assert_eq!(verify(&both).err(), Some(W3cError::SignatureInvalid));
    // A source of documents that answers with another identifier's.
    struct Confused;
    impl Controllers for Confused {
        fn document(&self, _: &str) -> Result<ControllerDocument, ControllerError> {
            Ok(DidKey::new(StandardKey::ed25519(&[1; 32]).multikey()).document())
        }
    }
    let contexts = Contexts::standard();
    let refused = verify_credential(&document, &Confused, &expected(&contexts));
    assert_eq!(refused.err(), Some(W3cError::Controller(ControllerError::DocumentMismatch)));
}

#[test]
fn dint_08_chains_of_proofs() {
    let (one, two) = (Keys::new(9), Keys::new(10));
    let (first, second) = (did(one.ed25519.multikey()), did(two.ed25519.multikey()));
    let contexts = Contexts::standard();
    for suite in [Suite::EddsaRdfc2022, Suite::EddsaJcs2022] {
        let (method, witness) = (first.verification_method(), second.verification_method());
        let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
        options.id = Some("urn:uuid:1");
        let once =
            issue_credential(&credential(&first.to_text()), one.of(suite), &options, &contexts, &mut rng()).unwrap();
        let mut options = ProofOptions::new(suite, &witness, Purpose::AssertionMethod);
        options.previous = &["urn:uuid:1"];
        let chain = add_proof(&once, two.of(suite), &options, &contexts, &mut rng()).unwrap();
        assert_eq!(verify(&chain).unwrap().proven_by().len(), 2);
        let missing = changed(&chain, |d| drop(d["proof"].as_array_mut().unwrap().remove(0)));
        assert_eq!(verify(&missing).err(), Some(W3cError::PreviousProofMissing));
        let number = changed(&chain, |d| d["proof"][1]["previousProof"] = 1.into());
        assert_eq!(verify(&number).err(), Some(W3cError::MalformedProof("previousProof")));
        let twice = changed(&chain, |d| {
            let again = d["proof"][0].clone();
            d["proof"].as_array_mut().unwrap().push(again);
        });
        assert_eq!(verify(&twice).err(), Some(W3cError::MalformedProof("id")));
        let other = changed(&chain, |d| d["proof"][0]["created"] = "2025-01-01T00:00:00Z".into());
        assert_eq!(verify(&other).err(), Some(W3cError::SignatureInvalid));
        options.previous = &["urn:uuid:2"];
        let refused = add_proof(&once, two.of(suite), &options, &contexts, &mut rng());
        assert_eq!(refused.err(), Some(W3cError::PreviousProofMissing));
    }
}

#[test]
fn vcdm_01_to_07_the_data_model() {
    let cases: [(Change, &str); 20] = [
        (|d| d["@context"] = json!([]), "@context"),
        (|d| d["@context"] = json!([DATA_INTEGRITY_V2, CREDENTIALS_V2]), "@context"),
        (|d| d["type"] = json!(["AlumniCredential"]), "type"),
        (|d| d["type"] = json!(["VerifiableCredential", 1]), "type"),
        (|d| d["id"] = json!(["x:a", "x:b"]), "id"),
        (|d| d["id"] = Value::Null, "id"),
        (|d| d["issuer"] = "police".into(), "issuer"),
        (|d| d["issuer"] = json!({ "name": "x" }), "issuer"),
        (|d| d["credentialSubject"] = json!({}), "credentialSubject"),
        (|d| d["credentialSubject"] = json!([]), "credentialSubject"),
        (|d| d["credentialSubject"] = "x".into(), "credentialSubject"),
        (|d| d["credentialStatus"] = json!({ "id": "x:y" }), "credentialStatus"),
        (|d| d["credentialSchema"] = json!({ "type": "x:y" }), "credentialSchema"),
        (|d| d["refreshService"] = json!({ "id": "x:y" }), "refreshService"),
        (|d| d["termsOfUse"] = json!({ "id": "x:y" }), "termsOfUse"),
        (|d| d["evidence"] = json!([{ "id": "x:y" }]), "evidence"),
        (|d| d["name"] = json!({ "@value": "x", "url": "y" }), "name"),
        (|d| d["description"] = json!([1]), "description"),
        (|d| d["relatedResource"] = json!([{ "id": "x:y" }]), "relatedResource"),
        (|d| d["relatedResource"] = "x:y".into(), "relatedResource"),
    ];
    for (change, member) in cases {
        let refused = signed_with(Suite::EddsaRdfc2022, |document, _| change(document));
        assert_eq!(refused.err(), Some(W3cError::MalformedCredential(member)));
        assert_eq!(
            verify(&changed(&signed(Suite::EddsaRdfc2022), change)).err(),
            Some(W3cError::MalformedCredential(member))
        );
    }
    let validity = |from: &str, until: &str| {
        let document =
            signed_with(Suite::EddsaRdfc2022, |d, _| (d["validFrom"], d["validUntil"]) = (from.into(), until.into()));
        document.and_then(|document| verify(&document)).map(|_| ())
    };
    let (past, future) = ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
    assert_eq!(validity(past, future), Ok(()));
    assert_eq!(validity(future, past), Err(W3cError::MalformedValidity));
    assert_eq!(validity("soon", future), Err(W3cError::MalformedValidity));
    assert_eq!(validity(future, "2031-01-01T00:00:00Z"), Err(W3cError::CredentialNotYetValid));
    assert_eq!(validity("2019-01-01T00:00:00Z", past), Err(W3cError::CredentialExpired));
}

#[test]
fn old_documents_get_the_context_of_their_proof() {
    let document = signed_with(Suite::EddsaRdfc2022, |d, _| {
        let issuer = d["issuer"].clone();
        *d = json!({
            "@context": [CREDENTIALS_V1], "type": ["VerifiableCredential"], "issuer": issuer,
            "issuanceDate": "2025-01-01T00:00:00Z", "credentialSubject": { "id": "did:example:s" }
        });
    })
    .unwrap();
    assert_eq!(document["@context"][1], DATA_INTEGRITY_V2);
    assert!(verify(&document).is_ok());
    assert_eq!(check_credential(&document), Ok(ModelVersion::V1));
}

#[test]
fn vcdm_08_and_dint_12_presentations() {
    let holder = Keys::new(20);
    let did = did(holder.ed25519.multikey());
    let contexts = Contexts::standard();
    let make = |credentials: Value, who: Option<&str>| {
        let mut document = json!({ "@context": [CREDENTIALS_V2], "type": ["VerifiablePresentation"], "verifiableCredential": credentials });
        if let Some(who) = who {
            document["holder"] = who.into();
        }
        let method = did.verification_method();
        let mut options = ProofOptions::new(Suite::EddsaRdfc2022, &method, Purpose::Authentication);
        (options.domain, options.challenge) = (Some("bank.example"), Some("n-1"));
        check_presentation(&document)?;
        add_proof(&document, ProofKey::Standard(&holder.ed25519), &options, &contexts, &mut rng())
    };
    let check = |document: &Value| verify_presentation(document, &DidKeys, &contexts, NOW, "bank.example", "n-1");
    let mine = did.to_text();
    let presented = make(json!([signed(Suite::EddsaRdfc2022), signed(Suite::Bbs2023)]), Some(&mine)).unwrap();
    let verified = check(&presented).unwrap();
    assert_eq!((verified.holder.as_str(), verified.credentials.len()), (mine.as_str(), 2));
    assert!(check(&make(json!([]), None).unwrap()).is_ok());
    let other = make(json!([]), Some("did:example:other")).unwrap();
    assert_eq!(check(&other).err(), Some(W3cError::HolderMismatch));
    assert_eq!(make(json!([]), Some("someone")).err(), Some(W3cError::MalformedCredential("holder")));
    let unsigned = make(json!([credential(&mine)]), Some(&mine)).unwrap();
    assert_eq!(check(&unsigned).err(), Some(W3cError::ProofMissing));
    let text = make(json!(["eyJ"]), Some(&mine));
    assert!(text.is_err() || check(&text.unwrap()).is_err());
    let replayed = verify_presentation(&presented, &DidKeys, &contexts, NOW, "bank.example", "n-2");
    assert_eq!(replayed.err(), Some(W3cError::ChallengeMismatch));
}

#[test]
fn dsel_01_to_05_parts_of_a_credential() {
    let contexts = Contexts::standard();
    let keys = Keys::new(9);
    for suite in [Suite::EcdsaSd2023, Suite::Bbs2023] {
        let key = keys.of(suite);
        let did = did(key.multikey());
        let (method, always) = (did.verification_method(), mandatory());
        let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
        options.mandatory = &always;
        let base = issue_credential(&credential(&did.to_text()), key, &options, &contexts, &mut rng()).unwrap();
        assert_eq!(verify(&base).err(), Some(W3cError::BaseProof));
        let derive = |pointers: &[&str]| {
            let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
            derive_credential(&base, &pointers, b"nonce", &contexts, &mut rng())
        };
        let part = derive(&["/credentialSubject/0/id", "/credentialSubject/1/description/0"]).unwrap();
        assert!(verify(&part).is_ok());
        assert!(
            !part.to_string().contains("홍길동") && part.get("validFrom").is_none() && part.get("validUntil").is_some()
        );
        assert_eq!(derive(&["/nowhere"]).err(), Some(W3cError::PointerNotFound));
        assert_eq!(derive(&[]).map(|shown| verify(&shown).is_err()), Ok(true), "no subject is shown");
        if suite == Suite::Bbs2023 {
            assert_eq!(presentation_header(&part), Ok(b"nonce".to_vec()));
        }
        // A statement left out afterwards, one changed, a base proof of another document.
        let less = changed(&part, |d| drop(d["credentialSubject"].as_array_mut().unwrap().pop()));
        let why = verify(&less).err();
        assert!(matches!(why, Some(W3cError::SignatureInvalid | W3cError::MalformedProof("proofValue"))), "{why:?}");
        let other = changed(&base, |d| d["credentialSubject"][0]["name"] = "x".into());
        let forged = derive_credential(&other, &["/credentialSubject".to_owned()], b"", &contexts, &mut rng());
        assert!(forged.is_err() || verify(&forged.unwrap()).is_err());
        // Every byte of the proof counts.
        let text = part["proof"]["proofValue"].as_str().unwrap().to_owned();
        for at in (1..text.len()).step_by(text.len() / 24) {
            let letter = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let broken = changed(&part, |d| {
                d["proof"]["proofValue"] = format!("{}{letter}{}", &text[..at], &text[at + 1..]).into()
            });
            assert!(verify(&broken).is_err(), "{} byte {at}", suite.as_str());
        }
        for label in ["_:b0", "urn:bnid:0"] {
            let labelled = changed(&credential(&did.to_text()), |d| d["credentialSubject"][0]["id"] = label.into());
            let refused = issue_credential(&labelled, key, &options, &contexts, &mut rng());
            assert!(
                matches!(refused.err(), Some(W3cError::UnprotectedTerm | W3cError::MalformedCredential("id"))),
                "{label}"
            );
        }
        options.mandatory = &[];
        let free = issue_credential(&credential(&did.to_text()), key, &options, &contexts, &mut rng()).unwrap();
        let nothing = derive_credential(&free, &[], b"", &contexts, &mut rng());
        assert_eq!(nothing.err(), Some(W3cError::PointerNotFound));
    }
    let whole = derive_credential(&signed(Suite::EddsaRdfc2022), &[], b"", &contexts, &mut rng());
    assert_eq!(whole.err(), Some(W3cError::SuiteUnknown));
}

#[test]
fn key_stores_may_refuse() {
    struct Locked;
    impl StandardSigner for Locked {
        fn multikey(&self) -> Multikey {
            StandardKey::ed25519(&[9; 32]).multikey()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
            Err(SignerError::NotAuthorized)
        }
    }
    let method = did(Locked.multikey()).verification_method();
    let options = ProofOptions::new(Suite::EddsaRdfc2022, &method, Purpose::AssertionMethod);
    let refused =
        issue_credential(&credential("x:y"), ProofKey::Standard(&Locked), &options, &Contexts::standard(), &mut rng());
    assert_eq!(refused.err(), Some(W3cError::Signer(SignerError::NotAuthorized)));
}
