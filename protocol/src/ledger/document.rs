//! The DID document of a DID record: the same from a bundle, a proof, or a node (`specs/did-mid.md`).

use super::record::{DidRecord, Purposes};
use crate::identifier::{DidDocument, VerificationMethod};

impl DidRecord {
    /// The document at `at` (Unix seconds): the keys that are in force then. A deactivated DID has none.
    #[must_use]
    pub fn document(&self, at: u64) -> DidDocument {
        let in_force = || self.keys.iter().filter(|key| !self.deactivated && key.usable(Purposes(0), at));
        let id = |fragment: &str| format!("{}#{fragment}", self.did);
        let with = |purpose: Purposes| {
            in_force().filter(|key| key.purposes.contains(purpose)).map(|key| id(&key.fragment)).collect()
        };
        DidDocument {
            context: ["https://www.w3.org/ns/did/v1.1", "https://w3id.org/security/multikey/v1"]
                .map(str::to_owned)
                .to_vec(),
            id: self.did.clone(),
            verification_method: in_force()
                .map(|key| VerificationMethod {
                    id: id(&key.fragment),
                    kind: "Multikey".to_owned(),
                    controller: self.did.clone(),
                    public_key_multibase: key.key.to_multikey(),
                })
                .collect(),
            authentication: with(Purposes::AUTHENTICATION),
            assertion_method: with(Purposes::ASSERTION),
            capability_invocation: with(Purposes::CONTROL),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::crypto::keys::{Ed25519SigningKey, Signer};
    use crate::identifier::Did;
    use crate::ledger::record::{DidKey, DidRecord, Purposes};

    #[test]
    fn didm_05_a_document_lists_the_keys_in_force_under_their_purposes() {
        let key = Ed25519SigningKey::from_seed(&[1; 32]).public_key();
        let did = Did::derive("kr", &key.to_multicodec()).unwrap();
        let named =
            |fragment: &str, purposes, until| DidKey { fragment: fragment.into(), key, purposes, from: 5, until };
        let keys = vec![named("key-1", Purposes::ALL, None), named("key-2", Purposes::ASSERTION, Some(9))];
        let record = DidRecord { did: did.clone(), keys, deactivated: false };
        let document = record.document(8);
        assert_eq!(document.verification_method.len(), 2);
        assert_eq!(document.assertion_method, [format!("{did}#key-1"), format!("{did}#key-2")]);
        assert_eq!(document.capability_invocation, [format!("{did}#key-1")]);
        assert!(document.verification_method[0].public_key_multibase.starts_with("z6Mk"));
        assert_eq!(record.document(9).verification_method.len(), 1);
        assert_eq!(record.document(4).verification_method.len(), 0);
        assert_eq!(DidRecord { deactivated: true, ..record }.document(8).verification_method.len(), 0);
    }
}
