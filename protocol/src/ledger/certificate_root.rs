//! Roots of certificates, as the ledger records them (`specs/jose.md`, CERT-06).
//!
//! A root is a key of an organisation's DID like any other, with a name that begins with [`ROOT_PREFIX`]. So whoever may
//! change the DID may add and retire roots, a deactivated DID has none, and one trust bundle answers for all formats.

use super::record::{DidRecord, Purposes, Record};
use super::state::TrustedState;
use crate::crypto::multikey::Multikey;
use crate::crypto::x509::Root;
use crate::identifier::Did;

/// What the name of a DID's key begins with when the key signs certificates.
pub const ROOT_PREFIX: &str = "x509-";

/// Why the owner of a root is not the issuer of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateIssuerError {
    /// No DID has the root, or not at that time; or it is no DID of this ledger.
    #[error("the issuer is not on the ledger; do not accept the credential")]
    IssuerNotTrusted,
    /// The DID is not accredited for this type of credential.
    #[error("the issuer may not issue this type of credential; do not accept it")]
    IssuerNotAuthorizedForType,
}

impl DidRecord {
    /// The roots of certificates among its keys, past and present. A deactivated DID has none (CERT-06).
    pub fn certificate_roots(&self) -> impl Iterator<Item = Root> {
        let keys = self.keys.iter().filter(|key| !self.deactivated && key.fragment.starts_with(ROOT_PREFIX));
        keys.filter(|key| key.purposes.contains(Purposes::ASSERTION)).filter_map(|key| {
            let until = key.until.map_or(u64::MAX, |until| until.saturating_sub(1));
            let multikey = Multikey::from_multicodec(&key.key.to_multicodec()).ok()?;
            Some(Root::recorded(multikey, key.from, until))
        })
    }
}

impl TrustedState {
    /// All roots of certificates, which remember the chains they were asked about (CERT-07). Whose they are, and for which credentials: [`TrustedState::certificate_issuer`].
    #[must_use]
    pub fn certificate_roots(&self) -> Vec<Root> {
        let find = || {
            let dids = self.envelopes().filter_map(|envelope| match &envelope.record {
                Record::Did(r) => Some(r),
                _ => None,
            });
            dids.flat_map(DidRecord::certificate_roots).collect()
        };
        self.roots.get_or_init(find).clone()
    }

    /// Whose root `key` is at `at` (Unix seconds), whatever they may do (CERT-06).
    pub fn certificate_owners(&self, key: Multikey, at: u64) -> impl Iterator<Item = &Did> {
        let owns = move |record: &DidRecord| {
            record.keys.iter().any(|it| {
                let same = it.key.to_multicodec() == key.to_multicodec();
                let usable = record.key_for(&it.fragment, Purposes::ASSERTION, at).is_some();
                same && usable && it.fragment.starts_with(ROOT_PREFIX)
            })
        };
        self.envelopes().filter_map(move |envelope| match &envelope.record {
            Record::Did(r) if owns(r) => Some(&r.did),
            _ => None,
        })
    }

    /// The issuer whose root `key` is, if it is accredited for `credential_type` at `at` (Unix seconds).
    ///
    /// # Errors
    /// [`CertificateIssuerError`]
    pub fn certificate_issuer(
        &self,
        key: &Multikey,
        credential_type: &str,
        at: u64,
    ) -> Result<&Did, CertificateIssuerError> {
        let mut refusal = CertificateIssuerError::IssuerNotTrusted;
        for did in self.certificate_owners(*key, at) {
            if self.accreditation(did, credential_type, at).is_some() {
                return Ok(did);
            }
            refusal = CertificateIssuerError::IssuerNotAuthorizedForType;
        }
        Err(refusal)
    }

    /// The issuer that a credential names by its DID, if it is accredited for `credential_type` at `at` (Unix seconds). Whether
    /// a key of it signed is another question: [`TrustedState::controllers`].
    ///
    /// # Errors
    /// [`CertificateIssuerError`]
    pub fn accredited_issuer(
        &self,
        issuer: &str,
        credential_type: &str,
        at: u64,
    ) -> Result<Did, CertificateIssuerError> {
        let did: Did = issuer.parse().map_err(|_| CertificateIssuerError::IssuerNotTrusted)?;
        self.did(&did).filter(|it| !it.deactivated).ok_or(CertificateIssuerError::IssuerNotTrusted)?;
        match self.accreditation(&did, credential_type, at) {
            Some(_) => Ok(did),
            None => Err(CertificateIssuerError::IssuerNotAuthorizedForType),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::sd_jwt::{self, Draft, Trust};
    use crate::crypto::keys::{P256SigningKey, Signer as _};
    use crate::crypto::multikey::{StandardKey, StandardSigner as _};
    use crate::crypto::x509::testkit::Draft as Certificate;
    use crate::ledger::testkit::TestLedger;
    use crate::ledger::{Accreditation, DidKey};

    const NOW: u64 = 1_800_000_000;
    const TYPE: &str = "kr.police.licence";

    fn record(fragment: &str, seed: u8, purposes: Purposes, deactivated: bool) -> DidRecord {
        let key = P256SigningKey::from_seed(&[seed; 32]).unwrap().public_key();
        let did = Did::derive("kr", &key.to_multicodec()).unwrap();
        let keys = vec![DidKey { fragment: fragment.into(), key, purposes, from: NOW - 100, until: Some(NOW + 100) }];
        DidRecord { did, keys, deactivated }
    }

    fn state(records: &[DidRecord], accredited: &[&Did]) -> TrustedState {
        let mut ledger = TestLedger::new("kr", [7; 32], [1; 32], NOW * 1000 - 9000).unwrap();
        let accreditation = |did: &&Did| {
            let credential_type = TYPE.to_owned();
            let issuer = (*did).clone();
            Record::Accreditation(Accreditation { issuer, credential_type, from: 0, until: NOW * 2, withdrawn: false })
        };
        let mut all: Vec<Record> = records.iter().cloned().map(Record::Did).collect();
        all.extend(accredited.iter().map(accreditation));
        ledger.write(&all, NOW * 1000 - 1000);
        ledger.trusted_state().unwrap()
    }

    /// A credential below the root with this key, issued at `at`.
    fn credential(root: u8, at: u64) -> String {
        let key = |seed| StandardKey::p256(&[seed; 32]).unwrap();
        let top = Certificate::root("CN=Root", key(root).multikey(), NOW - 1000, NOW + 1000);
        let claims = serde_json::json!({ "vct": TYPE, "iat": at, "exp": NOW + 1000 });
        let draft = Draft {
            certificates: vec![top.leaf("CN=Issuer", key(9).multikey(), None).sign(&key(root))],
            claims: claims.as_object().unwrap().clone(),
            ..Draft::default()
        };
        draft.issue(&key(9), &mut <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::from_seed([1; 32])).unwrap()
    }

    #[test]
    fn cert_06_one_bundle_answers_for_credentials_of_other_formats() {
        let issuer = record("x509-1", 1, Purposes::ASSERTION, false);
        let state = state(core::slice::from_ref(&issuer), &[&issuer.did]);
        let roots = state.certificate_roots();
        let trust = Trust { roots: &roots, now: NOW };
        let held = sd_jwt::verify_issued(&credential(1, NOW), TYPE, &trust).unwrap();
        assert_eq!(state.certificate_issuer(held.root(), TYPE, NOW), Ok(&issuer.did));
        let other = state.certificate_issuer(held.root(), "kr.other", NOW);
        assert_eq!(other, Err(CertificateIssuerError::IssuerNotAuthorizedForType), "A25");
        let late = state.certificate_issuer(held.root(), TYPE, NOW + 100);
        assert_eq!(late, Err(CertificateIssuerError::IssuerNotTrusted), "A26");
        assert!(sd_jwt::verify_issued(&credential(2, NOW), TYPE, &trust).is_err(), "A07: another root");
        assert!(
            sd_jwt::verify_issued(&credential(1, NOW - 101), TYPE, &trust).is_err(),
            "before the root was recorded"
        );
    }

    #[test]
    fn didm_05_an_issuer_named_by_its_did_is_accredited_or_refused() {
        let issuer = record("w3c-1", 1, Purposes::ASSERTION, false);
        let name = issuer.did.to_string();
        let state = state(core::slice::from_ref(&issuer), &[&issuer.did]);
        assert_eq!(state.accredited_issuer(&name, TYPE, NOW), Ok(issuer.did.clone()));
        let other = state.accredited_issuer(&name, "kr.other", NOW);
        assert_eq!(other, Err(CertificateIssuerError::IssuerNotAuthorizedForType), "A25");
        for unknown in ["did:mid:kr:zzz", "did:key:z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd", "", "x"] {
            let refused = state.accredited_issuer(unknown, TYPE, NOW);
            assert_eq!(refused, Err(CertificateIssuerError::IssuerNotTrusted), "A07: {unknown}");
        }
        let gone = record("w3c-1", 1, Purposes::ASSERTION, true);
        let state = self::state(core::slice::from_ref(&gone), &[&gone.did]);
        assert_eq!(state.accredited_issuer(&name, TYPE, NOW), Err(CertificateIssuerError::IssuerNotTrusted));
    }

    #[test]
    fn cert_06_not_every_key_is_a_root() {
        for (why, record) in [
            ("name", record("key-1", 1, Purposes::ALL, false)),
            ("purpose", record("x509-1", 1, Purposes::CONTROL, false)),
            ("deactivated", record("x509-1", 1, Purposes::ALL, true)),
        ] {
            let state = state(core::slice::from_ref(&record), &[&record.did]);
            assert!(state.certificate_roots().is_empty(), "{why}");
            let key = StandardKey::p256(&[1; 32]).unwrap().multikey();
            let refused = state.certificate_issuer(&key, TYPE, NOW);
            assert_eq!(refused, Err(CertificateIssuerError::IssuerNotTrusted), "{why}");
        }
    }
}
