//! Proof that a wallet holds the key a W3C credential is to be bound to: proof type `di_vp` (appendix F.2), a presentation without
//! credentials that the key signs, as `did:key` or `did:jwk`.

use rand_core::CryptoRng;
use serde_json::{Value, json};

use super::key_proof::{Expected, ProvenKey};
use crate::credential::w3c::{
    self, CREDENTIALS_V2, Contexts, ProofKey, ProofOptions, Suite, W3cError, add_proof, check_presentation,
    check_proofs,
};
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::identifier::{ControllerDocument, ControllerError, Controllers, DidJwk, DidJwks, DidKey, DidKeys, Purpose};

/// Suites of such proofs: both sign with P-256.
pub const SUITES: [Suite; 2] = [Suite::EcdsaRdfc2019, Suite::EcdsaJcs2019];

/// Why a proof is refused. On the wire all of them are `invalid_proof`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiVpError {
    /// The presentation or its proof. Another `domain` than the issuer is [`W3cError::DomainMismatch`].
    #[error(transparent)]
    W3c(#[from] W3cError),
    /// There are credentials in it, several proofs on it, or another holder than the key.
    #[error("a proof of a key is a presentation of nothing, with one proof, by the key's own identifier")]
    DiVpMalformed,
    /// A key or suite other than P-256 and [`SUITES`].
    #[error("keys are P-256, and prove themselves with ecdsa-rdfc-2019 or ecdsa-jcs-2019")]
    DiVpSuiteUnsupported,
    /// There is no nonce in it.
    #[error("the presentation answers no challenge of the issuer")]
    DiVpNonceMissing,
}

/// `did:key` and `did:jwk`: identifiers that are a key.
struct Keys;

impl Controllers for Keys {
    fn document(&self, identifier: &str) -> Result<ControllerDocument, ControllerError> {
        match identifier.starts_with("did:jwk:") {
            true => DidJwks.document(identifier),
            false => DidKeys.document(identifier),
        }
    }
}

/// Checks a proof (VCI-67).
///
/// # Errors
/// [`DiVpError`]
pub fn check(presentation: &Value, expected: &Expected<'_>) -> Result<ProvenKey, DiVpError> {
    check_presentation(presentation)?;
    let proof = match presentation.get("proof") {
        Some(Value::Array(several)) => several.first().filter(|_| several.len() == 1),
        one => one,
    };
    let nonce = match proof.map(|proof| proof.get("challenge")) {
        Some(Some(Value::String(nonce))) => nonce.clone(),
        Some(_) => return Err(DiVpError::DiVpNonceMissing),
        None => return Err(DiVpError::DiVpMalformed),
    };
    let contexts = Contexts::standard();
    let wanted = w3c::Expected {
        contexts: &contexts,
        purpose: Purpose::Authentication,
        now: expected.now,
        domain: Some(expected.issuer),
        challenge: Some(&nonce),
    };
    let by = check_proofs(presentation, &Keys, &wanted)?;
    let [by] = by.as_slice() else { return Err(DiVpError::DiVpMalformed) };
    let holder = presentation.get("holder").map(|it| it.get("id").unwrap_or(it));
    let is_empty = w3c::presented(presentation).is_empty();
    if !is_empty || holder.is_some_and(|holder| holder.as_str() != Some(&by.controller)) {
        return Err(DiVpError::DiVpMalformed);
    }
    let key = match DidJwk::parse(&by.controller) {
        Ok(did) => did.key(),
        Err(_) => DidKey::parse(&by.controller).map_err(|_| DiVpError::DiVpSuiteUnsupported)?.key(),
    };
    if !SUITES.contains(&by.suite) || !matches!(key, Multikey::P256(_)) {
        return Err(DiVpError::DiVpSuiteUnsupported);
    }
    Ok(ProvenKey { key, nonce, attestation: None })
}

/// Makes a proof of `key`, as `did:key`, for the issuer, over its nonce.
///
/// # Errors
/// [`W3cError`]; [`W3cError::KeyAlgorithmMismatch`] for a key other than P-256
pub fn make(
    key: &dyn StandardSigner,
    expected: &Expected<'_>,
    nonce: &str,
    rng: &mut dyn CryptoRng,
) -> Result<Value, W3cError> {
    let did = DidKey::new(key.multikey());
    let presentation =
        json!({ "@context": [CREDENTIALS_V2], "type": ["VerifiablePresentation"], "holder": did.to_text() });
    let method = did.verification_method();
    let mut options = ProofOptions::new(Suite::EcdsaRdfc2019, &method, Purpose::Authentication);
    options.created = Some(expected.now);
    options.domain = Some(expected.issuer);
    options.challenge = Some(nonce);
    add_proof(&presentation, ProofKey::Standard(key), &options, &Contexts::standard(), rng)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;
    use crate::crypto::multikey::StandardKey;

    const EXPECTED: Expected<'_> = Expected { issuer: "https://issuer.example", client: None, now: 1_795_143_600 };

    fn key() -> StandardKey {
        StandardKey::p256(&[7; 32]).unwrap()
    }

    /// A presentation with a proof by `key` under the name of `did`, changed before it is signed.
    fn signed(
        key: &StandardKey,
        suite: Suite,
        (did, method): (&str, &str),
        change: impl FnOnce(&mut Value, &mut ProofOptions<'_>),
    ) -> Value {
        let mut presentation =
            json!({ "@context": [CREDENTIALS_V2], "type": ["VerifiablePresentation"], "holder": did });
        let mut options = ProofOptions::new(suite, method, Purpose::Authentication);
        (options.domain, options.challenge) = (Some(EXPECTED.issuer), Some("nonce"));
        change(&mut presentation, &mut options);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        add_proof(&presentation, ProofKey::Standard(key), &options, &Contexts::standard(), &mut rng).unwrap()
    }

    #[test]
    fn vci_67_a_presentation_proves_its_key() {
        let (key, mut rng) = (key(), ChaCha20Rng::seed_from_u64(1));
        let proven = ProvenKey { key: key.multikey(), nonce: "nonce".into(), attestation: None };
        let made = make(&key, &EXPECTED, "nonce", &mut rng).unwrap();
        assert_eq!(check(&made, &EXPECTED), Ok(proven.clone()));
        let jwk = DidJwk::new(key.multikey()).unwrap();
        for suite in SUITES {
            let by = (jwk.as_str(), jwk.verification_method());
            assert_eq!(check(&signed(&key, suite, (by.0, &by.1), |_, _| {}), &EXPECTED), Ok(proven.clone()));
            let unnamed = signed(&key, suite, (by.0, &by.1), |it, _| {
                it.as_object_mut().unwrap().remove("holder");
            });
            assert_eq!(check(&unnamed, &EXPECTED), Ok(proven.clone()));
        }
        assert!(make(&StandardKey::ed25519(&[7; 32]), &EXPECTED, "nonce", &mut rng).is_err());
    }

    #[test]
    fn vci_67_everything_else_is_no_proof() {
        let key = key();
        let did = DidKey::new(key.multikey());
        let (name, method) = (did.to_text(), did.verification_method());
        let with = |change: fn(&mut Value, &mut ProofOptions<'_>)| {
            check(&signed(&key, Suite::EcdsaRdfc2019, (&name, &method), change), &EXPECTED).map(|_| ())
        };
        assert_eq!(with(|_, _| {}), Ok(()));
        let refused = |outcome: Result<(), DiVpError>| outcome.unwrap_err();
        assert_eq!(refused(with(|_, it| it.domain = Some("https://other.example"))), W3cError::DomainMismatch.into());
        assert_eq!(refused(with(|_, it| it.domain = None)), W3cError::DomainMismatch.into());
        assert_eq!(refused(with(|_, it| it.challenge = None)), DiVpError::DiVpNonceMissing);
        assert_eq!(refused(with(|_, it| it.purpose = Purpose::AssertionMethod)), W3cError::ProofPurposeMismatch.into());
        assert_eq!(refused(with(|it, _| it["holder"] = json!("did:example:other"))), DiVpError::DiVpMalformed);
        let expired = with(|_, it| it.expires = Some(EXPECTED.now - 1));
        assert!(matches!(refused(expired), DiVpError::W3c(_)));
        let other = StandardKey::p256(&[8; 32]).unwrap();
        let by_other = signed(&other, Suite::EcdsaRdfc2019, (&name, &method), |_, _| {});
        assert_eq!(check(&by_other, &EXPECTED), Err(W3cError::SignatureInvalid.into()));
        let ed25519 = StandardKey::ed25519(&[7; 32]);
        let did = DidKey::new(ed25519.multikey());
        let by = (did.to_text(), did.verification_method());
        let by_ed25519 = signed(&ed25519, Suite::EddsaRdfc2022, (&by.0, &by.1), |_, _| {});
        assert_eq!(check(&by_ed25519, &EXPECTED), Err(DiVpError::DiVpSuiteUnsupported));
        // Changed afterwards: another nonce, two proofs, none, no presentation.
        let good = signed(&key, Suite::EcdsaRdfc2019, (&name, &method), |_, _| {});
        let changed = |change: fn(&mut Value)| {
            let mut changed = good.clone();
            change(&mut changed);
            check(&changed, &EXPECTED).unwrap_err()
        };
        assert_eq!(changed(|it| it["proof"]["challenge"] = json!("other")), W3cError::SignatureInvalid.into());
        assert_eq!(changed(|it| it["proof"] = json!([it["proof"], it["proof"]])), DiVpError::DiVpMalformed);
        assert_eq!(changed(|it| it["proof"] = json!([])), DiVpError::DiVpMalformed);
        assert!(matches!(changed(|it| *it = json!({})), DiVpError::W3c(_)));
        assert!(matches!(changed(|it| *it = json!("x")), DiVpError::W3c(_)));
    }
}
