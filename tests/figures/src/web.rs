//! W3C credentials, beside Digital Bazaar's packages.

use protocol::credential::w3c::{
    Contexts, Expected, ProofKey, ProofOptions, Suite, derive_credential, issue_credential, verify_credential,
};
use protocol::crypto::bbs;
use protocol::crypto::multikey::StandardKey;
use protocol::identifier::{DidKey, DidKeys, Purpose};
use serde_json::{Value, json};

use crate::documents::{NOW, rng};
use crate::javascript::Peer;
use crate::{least, line};

fn signed(key: ProofKey<'_>, suite: Suite, contexts: &Contexts) -> Value {
    let did = DidKey::new(key.multikey());
    let subjects: Vec<Value> = (0..8)
        .map(|at| json!({ "id": format!("urn:x:{at}"), "name": format!("이름 {at}"), "description": "x" }))
        .collect();
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": did.to_text(),
        "credentialSubject": subjects,
    });
    let (method, mandatory) = (did.verification_method(), ["/issuer".to_owned()]);
    let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
    if suite.is_selective() {
        options.mandatory = &mandatory;
    }
    issue_credential(&credential, key, &options, contexts, &mut rng(3)).unwrap()
}

pub(crate) fn measure(rounds: u32, folder: Option<&str>) {
    let contexts = Contexts::standard();
    let expected =
        Expected { contexts: &contexts, purpose: Purpose::AssertionMethod, now: NOW, domain: None, challenge: None };
    let check = |document: &Value| drop(verify_credential(document, &DidKeys, &expected).unwrap());
    let mut peer = folder.map(Peer::start);
    let ed25519 = StandardKey::ed25519(&[4; 32]);
    let whole = signed(ProofKey::Standard(&ed25519), Suite::EddsaRdfc2022, &contexts);
    let ours = least(rounds, 5, || check(&whole));
    line("eddsa-rdfc-2022, 8 subjects: verify", ours, "");
    if let Some(peer) = &mut peer {
        let theirs = peer.least(rounds, &json!({ "do": "verify", "suite": "eddsa-rdfc-2022", "document": whole }));
        beside(theirs, ours, "");
    }
    let secret = bbs::SecretKey::generate(bbs::Suite::Sha256, &[3; 32], b"figures").unwrap();
    let base = signed(ProofKey::Bbs(&secret), Suite::Bbs2023, &contexts);
    let pointers = ["/credentialSubject/0/name".to_owned(), "/credentialSubject/3/name".to_owned()];
    let derive = || derive_credential(&base, &pointers, b"", &contexts, &mut rng(4)).unwrap();
    let ours = least(rounds, 2, || drop(derive()));
    line("bbs-2023, the same: derive", ours, "");
    if let Some(peer) = &mut peer {
        let job = json!({ "do": "derive", "suite": "bbs-2023", "document": base, "pointers": pointers });
        beside(peer.least(rounds, &job), ours, "wanted: 10");
    }
    let part = derive();
    let ours = least(rounds, 2, || check(&part));
    line("bbs-2023, the same: verify", ours, "");
    if let Some(peer) = &mut peer {
        let theirs = peer.least(rounds, &json!({ "do": "verify", "suite": "bbs-2023", "document": part }));
        beside(theirs, ours, "wanted: 10");
    }
}

fn beside(theirs: f64, ours: f64, wanted: &str) {
    line("  Digital Bazaar (JavaScript), by the clock on the wall", theirs, "");
    println!("{:<58} {:>9.1} ×              {wanted}", "  ratio", theirs / ours);
}
