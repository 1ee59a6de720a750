//! W3C credentials, beside Digital Bazaar's packages and SpruceID's `ssi`. A check begins with parsing the text; contexts
//! are in memory on all sides.

use protocol::credential::w3c::{
    Contexts, Expected, ProofKey, ProofOptions, Suite, derive_credential, issue_credential, read_json,
    verify_credential,
};
use protocol::crypto::bbs;
use protocol::crypto::multikey::StandardKey;
use protocol::identifier::{DidKey, DidKeys, Purpose};
use serde_json::{Value, json};

use crate::documents::{NOW, rng};
use crate::others::Peer;
use crate::{least, line};

/// Eight subjects, in Korean. It has an `id`, because `ssi` refuses what it derived itself from a graph with blank nodes.
fn credential(issuer: &str) -> Value {
    let subjects: Vec<Value> = (0..8)
        .map(|at| json!({ "id": format!("urn:x:{at}"), "name": format!("이름 {at}"), "description": "x" }))
        .collect();
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:uuid:7f0a1b62-4d53-4f0e-8a77-1c2d3e4f5a6b",
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "credentialSubject": subjects,
    })
}

fn signed(key: ProofKey<'_>, suite: Suite, contexts: &Contexts) -> Value {
    let did = DidKey::new(key.multikey());
    let (method, mandatory) = (did.verification_method(), ["/issuer".to_owned()]);
    let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
    if suite.is_selective() {
        options.mandatory = &mandatory;
    }
    issue_credential(&credential(&did.to_text()), key, &options, contexts, &mut rng(3)).unwrap()
}

pub(crate) fn measure(rounds: u32, folder: Option<&str>, rivals: Option<&str>) {
    let contexts = Contexts::standard();
    let expected =
        Expected { contexts: &contexts, purpose: Purpose::AssertionMethod, now: NOW, domain: None, challenge: None };
    let check = |text: &str| {
        let document = read_json(text.as_bytes()).unwrap();
        drop(verify_credential(&document, &DidKeys, &expected).unwrap());
    };
    let (mut javascript, mut ssi) = (folder.map(Peer::javascript), rivals.map(Peer::ssi));
    let ed25519 = StandardKey::ed25519(&[4; 32]);
    let whole = signed(ProofKey::Standard(&ed25519), Suite::EddsaRdfc2022, &contexts);
    let text = whole.to_string();
    let ours = least(rounds, 5, || check(&text));
    line("eddsa-rdfc-2022, 8 subjects: verify", ours, "");
    if let Some(peer) = &mut javascript {
        let theirs = peer.least(rounds, &json!({ "do": "verify", "suite": "eddsa-rdfc-2022", "document": whole }));
        beside(JAVASCRIPT, theirs, ours, "");
    }
    if let Some(peer) = &mut ssi {
        let did = DidKey::new(ProofKey::Standard(&ed25519).multikey());
        let document = did.to_json();
        let methods = json!({ did.verification_method(): document["verificationMethod"][0] });
        let job = json!({ "do": "verify", "rounds": rounds, "document": whole, "methods": methods });
        beside(SSI, micros(&peer.ask(&job)), ours, "wanted: 2");
    }

    let secret = bbs::SecretKey::generate(bbs::Suite::Sha256, &[3; 32], b"figures").unwrap();
    let base = signed(ProofKey::Bbs(&secret), Suite::Bbs2023, &contexts);
    let text = base.to_string();
    let pointers = ["/credentialSubject/0/name".to_owned(), "/credentialSubject/3/name".to_owned()];
    let derive = || {
        let base = read_json(text.as_bytes()).unwrap();
        derive_credential(&base, &pointers, b"", &contexts, &mut rng(4)).unwrap()
    };
    // Its BBS is of an earlier draft, so that it has to show what it signed itself: the same claims under its own key.
    let (mut theirs, mut shown) = (Value::Null, Value::Null);
    if let Some(peer) = &mut ssi {
        let job = json!({ "do": "sign", "document": credential("urn:x"), "mandatory": ["/issuer"] });
        theirs = peer.ask(&job);
    }
    let ours = least(rounds, 2, || drop(derive()));
    line("bbs-2023, the same: derive", ours, "");
    if let Some(peer) = &mut javascript {
        let job = json!({ "do": "derive", "suite": "bbs-2023", "document": base, "pointers": pointers });
        beside(JAVASCRIPT, peer.least(rounds, &job), ours, "wanted: 10");
    }
    if let Some(peer) = &mut ssi {
        let (document, methods) = (&theirs["document"], &theirs["methods"]);
        let job =
            json!({ "do": "derive", "rounds": rounds, "document": document, "methods": methods, "pointers": pointers });
        shown = peer.ask(&job);
        beside(SSI, micros(&shown), ours, "wanted: 5");
    }
    let part = derive();
    let text = part.to_string();
    let ours = least(rounds, 2, || check(&text));
    line("bbs-2023, the same: verify", ours, "");
    if let Some(peer) = &mut javascript {
        let theirs = peer.least(rounds, &json!({ "do": "verify", "suite": "bbs-2023", "document": part }));
        beside(JAVASCRIPT, theirs, ours, "wanted: 10");
    }
    if let Some(peer) = &mut ssi {
        let (document, methods) = (&shown["document"], &theirs["methods"]);
        let job = json!({ "do": "verify", "rounds": rounds, "document": document, "methods": methods });
        beside(SSI, micros(&peer.ask(&job)), ours, "wanted: 5");
    }
}

const JAVASCRIPT: &str = "  Digital Bazaar (JavaScript), by the clock on the wall";
const SSI: &str = "  ssi 0.16 (zkryptium 0.2)";

fn micros(answer: &Value) -> f64 {
    answer["micros"].as_f64().unwrap()
}

fn beside(who: &str, theirs: f64, ours: f64, wanted: &str) {
    line(who, theirs, "");
    println!("{:<58} {:>9.1} ×              {wanted}", "  ratio", theirs / ours);
}
