//! One issuer for each suite, each with a key from a fixed seed.

use protocol::credential::w3c::{ProofKey, Suite};
use protocol::crypto::bbs::{self, SecretKey};
use protocol::crypto::multikey::{StandardKey, StandardSigner};
use protocol::identifier::DidKey;
use serde_json::{Value, json};

/// The private half.
enum Key {
    Standard(Box<StandardKey>),
    Bbs(Box<SecretKey>),
}

/// An issuer that suites find under a path of its own.
pub(crate) struct Issuer {
    /// The first part of the path.
    pub(crate) path: &'static str,
    /// What suites look for.
    tags: &'static [&'static str],
    /// Which kinds of ECDSA keys it has.
    key_types: &'static [&'static str],
    pub(crate) suite: Suite,
    key: Key,
    pub(crate) did: DidKey,
}

impl Issuer {
    fn new(path: &'static str, tags: &'static [&'static str], suite: Suite, kind: &str) -> Self {
        let seed = tests::seed("conformance");
        let (key, key_types): (Key, &'static [&'static str]) = match kind {
            "Ed25519" => (Key::Standard(Box::new(StandardKey::ed25519(&seed))), &[]),
            "P-256" => (Key::Standard(Box::new(StandardKey::p256(&seed).expect("a scalar"))), &["P-256"]),
            "P-384" => {
                let mut scalar = [7; 48];
                scalar[16..].copy_from_slice(&seed);
                (Key::Standard(Box::new(StandardKey::p384(&scalar).expect("a scalar"))), &["P-384"])
            }
            _ => {
                let key = SecretKey::generate(bbs::Suite::Sha256, &seed, b"").expect("a key");
                (Key::Bbs(Box::new(key)), &[])
            }
        };
        let did = DidKey::new(proof_key(&key).multikey());
        Self { path, tags, key_types, suite, key, did }
    }

    /// Everyone.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::new("eddsa-rdfc", &["vc2.0", "eddsa-rdfc-2022", "vc-api"], Suite::EddsaRdfc2022, "Ed25519"),
            Self::new("status", &["BitstringStatusList"], Suite::EddsaRdfc2022, "Ed25519"),
            Self::new("eddsa-jcs", &["eddsa-jcs-2022"], Suite::EddsaJcs2022, "Ed25519"),
            Self::new("ecdsa-rdfc", &["ecdsa-rdfc-2019"], Suite::EcdsaRdfc2019, "P-256"),
            Self::new("ecdsa-rdfc384", &["ecdsa-rdfc-2019"], Suite::EcdsaRdfc2019, "P-384"),
            Self::new("ecdsa-jcs", &["ecdsa-jcs-2019"], Suite::EcdsaJcs2019, "P-256"),
            Self::new("ecdsa-jcs384", &["ecdsa-jcs-2019"], Suite::EcdsaJcs2019, "P-384"),
            Self::new("ecdsa-sd", &["ecdsa-sd-2023"], Suite::EcdsaSd2023, "P-256"),
            Self::new("jwt", &["EnvelopingProof"], Suite::EddsaRdfc2022, "Ed25519"),
            Self::new("bbs", &["bbs-2023"], Suite::Bbs2023, "BLS12-381"),
        ]
    }

    /// The key that signs.
    pub(crate) fn key(&self) -> ProofKey<'_> {
        proof_key(&self.key)
    }

    /// The key for what is no proof.
    pub(crate) fn signer(&self) -> &dyn StandardSigner {
        match &self.key {
            Key::Standard(key) => key.as_ref(),
            Key::Bbs(_) => unreachable!("only the issuer of envelopes is asked"),
        }
    }

    /// As `issuers.json` lists it.
    pub(crate) fn to_json(&self, https: &str) -> Value {
        let mut listed = json!({
            "id": self.did.to_text(),
            "endpoint": format!("https://{https}/{}/credentials/issue", self.path),
            "derive": format!("https://{https}/{}/credentials/derive", self.path),
            "verificationMethod": self.did.verification_method(),
            "cryptosuite": self.suite.as_str(),
            "supports": { "vc": ["1.1", "2.0"] },
            "tags": self.tags,
        });
        if !self.key_types.is_empty() {
            listed["supportedEcdsaKeyTypes"] = json!(self.key_types);
        }
        if !self.suite.is_selective() {
            listed.as_object_mut().expect("an object").remove("derive");
        }
        listed
    }
}

fn proof_key(key: &Key) -> ProofKey<'_> {
    match key {
        Key::Standard(key) => ProofKey::Standard(key.as_ref()),
        Key::Bbs(key) => ProofKey::Bbs(key),
    }
}
