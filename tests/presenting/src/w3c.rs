//! The licence as W3C credential.

use std::collections::BTreeMap;

use protocol::credential::status::bitstring::StatusPurpose;
use protocol::credential::twins::{Source, Twins, W3cTwin};
use protocol::credential::w3c::{CREDENTIALS_V2, ProofKey, ProofOptions, Suite, date_time_text, issue_credential};
use protocol::crypto::bbs::{self, SecretKey};
use protocol::crypto::keys::PublicKey;
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner as _};
use protocol::exchange::openid4vp::Vocabulary;
use protocol::identifier::{DidKey, Purpose};
use protocol::ledger::record::{DidKey as RecordedKey, Purposes};
use serde_json::{Value, json};

use crate::{DAY, VCT, World};

/// Its type, as its context defines it.
pub const KIND: &str = "https://issuer.example/licence/1#Licence";
/// Its context.
const CONTEXT: &str = "https://issuer.example/licence/1";
/// What its holder cannot leave out of a `bbs-2023` credential.
const MANDATORY: [&str; 4] = ["/issuer", "/validFrom", "/validUntil", "/credentialStatus"];

fn ed25519() -> StandardKey {
    StandardKey::ed25519(&[21; 32])
}

fn secret() -> SecretKey {
    SecretKey::generate(bbs::Suite::Sha256, &[22; 32], b"").unwrap()
}

/// The issuer's keys for W3C credentials.
pub(crate) fn keys(from: u64) -> Vec<RecordedKey> {
    let ed25519 = PublicKey::from_multicodec(&ed25519().multikey().to_multicodec()).unwrap();
    let bbs = PublicKey::Bls12381G2(*secret().public_key().as_bytes());
    let key = |fragment: &str, key| RecordedKey {
        fragment: fragment.into(),
        key,
        purposes: Purposes::ASSERTION,
        from,
        until: None,
    };
    vec![key("w3c-1", ed25519), key("bbs-1", bbs)]
}

/// What the licence is called as W3C credential.
#[must_use]
pub fn vocabulary() -> Vocabulary {
    let text = |name: &str| Source::Text(name.to_owned());
    let claims = BTreeMap::from([
        ("familyName".to_owned(), text("family_name")),
        ("givenName".to_owned(), text("given_name")),
        ("birthDate".to_owned(), Source::Date("birthdate".to_owned())),
        ("over19".to_owned(), text("age_over_19")),
        ("classes".to_owned(), Source::Codes("classes".to_owned())),
    ]);
    let w3c = W3cTwin { context: CONTEXT.to_owned(), kind: "Licence".to_owned(), claims };
    assert_eq!(w3c.expanded_type(), KIND);
    Vocabulary::of_twins(&[Twins {
        credential_type: VCT.to_owned(),
        validity_days: 5,
        mdoc: None,
        sd_jwt: None,
        w3c: Some(w3c),
    }])
}

/// A query for some claims of it.
#[must_use]
pub fn w3c_query(claims: &[&str]) -> Value {
    let claims: Vec<_> = claims.iter().map(|name| json!({ "path": ["credentialSubject", name] })).collect();
    json!({ "credentials": [{
        "id": "w3c", "format": "ldp_vc", "meta": { "type_values": [[KIND]] }, "claims": claims,
    }] })
}

impl World {
    /// The licence on entry `index` of the list, for the holder with this key, before it is signed.
    #[must_use]
    pub fn w3c_draft(&self, holder: Multikey, index: u64) -> Value {
        let entry = |purpose: StatusPurpose| {
            json!({
                "type": "BitstringStatusListEntry", "statusPurpose": purpose.as_str(), "statusListIndex": index.to_string(),
                "statusListCredential": purpose.address(&format!("https://issuer.example/status/{VCT}/7")),
            })
        };
        json!({
            "@context": [CREDENTIALS_V2, CONTEXT],
            "type": ["VerifiableCredential", "Licence"],
            "issuer": self.issuer.to_string(),
            "validFrom": date_time_text(self.now - 100),
            "validUntil": date_time_text(self.now + 5 * DAY),
            "credentialStatus": [entry(StatusPurpose::Revocation), entry(StatusPurpose::Suspension)],
            "credentialSubject": {
                "id": DidKey::new(holder).to_text(), "familyName": "홍", "givenName": "길동", "birthDate": "1990-01-01",
                "over19": true, "classes": ["1-ordinary", "2-small"],
            },
        })
    }

    /// A draft with a proof of the issuer, of this suite.
    #[must_use]
    pub fn w3c_sign(&self, draft: &Value, suite: Suite) -> Value {
        let (fragment, ed25519, secret) = match suite {
            Suite::Bbs2023 => ("bbs-1", ed25519(), secret()),
            _ => ("w3c-1", ed25519(), secret()),
        };
        let key = if suite == Suite::Bbs2023 { ProofKey::Bbs(&secret) } else { ProofKey::Standard(&ed25519) };
        let method = format!("{}#{fragment}", self.issuer);
        let mandatory: Vec<String> =
            MANDATORY.iter().filter(|it| draft.pointer(it).is_some()).map(|it| (*it).to_owned()).collect();
        let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
        options.mandatory = &mandatory;
        issue_credential(draft, key, &options, &vocabulary().contexts(), &mut tests::rng("w3c")).unwrap()
    }

    /// The licence on entry `index`, with a proof of this suite.
    #[must_use]
    pub fn w3c(&self, holder: Multikey, index: u64, suite: Suite) -> Value {
        self.w3c_sign(&self.w3c_draft(holder, index), suite)
    }

    /// What resolvers would hand out: the issuer's document, its keys, and the licence's context, by their addresses.
    #[must_use]
    pub fn w3c_documents(&self) -> Value {
        let did = self.issuer.to_string();
        let method = |key: &RecordedKey| {
            let multibase = Multikey::from_multicodec(&key.key.to_multicodec()).unwrap().to_multibase();
            json!({
                "@context": "https://w3id.org/security/multikey/v1", "id": format!("{did}#{}", key.fragment),
                "type": "Multikey", "controller": did, "publicKeyMultibase": multibase,
            })
        };
        let methods: Vec<Value> = keys(0).iter().map(method).collect();
        let names: Vec<Value> = methods.iter().map(|it| it["id"].clone()).collect();
        let context = vocabulary().0[KIND].context.clone().unwrap();
        let mut documents = json!({
            did.as_str(): {
                "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
                "id": did, "verificationMethod": methods, "assertionMethod": names,
            },
            context.url.as_str(): serde_json::from_str::<Value>(&context.document).unwrap(),
        });
        for it in methods {
            documents[it["id"].as_str().unwrap()] = it.clone();
        }
        documents
    }
}
