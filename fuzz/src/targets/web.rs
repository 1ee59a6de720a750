//! W3C credentials.

use protocol::credential::w3c::{
    Contexts, Expected, check_credential, check_presentation, derive_credential, read_json, verify_credential,
    verify_presentation,
};
use protocol::identifier::{DidKeys, Purpose};

use crate::scene::{NOW, rng};

/// A credential or presentation with proofs.
pub(super) fn credential(bytes: &[u8]) -> bool {
    let Ok(document) = read_json(bytes) else { return false };
    let contexts = Contexts::standard();
    let expected =
        Expected { contexts: &contexts, purpose: Purpose::AssertionMethod, now: NOW, domain: None, challenge: None };
    let _ = check_credential(&document);
    let _ = check_presentation(&document);
    verify_credential(&document, &DidKeys, &expected).is_ok()
        || verify_presentation(&document, &DidKeys, &contexts, NOW, "verifier.example", "nonce").is_ok()
}

/// Part of a credential: what a holder makes of an issuer's proof.
pub(super) fn part(bytes: &[u8]) -> bool {
    let Ok(document) = read_json(bytes) else { return false };
    let pointers = ["/credentialSubject/name".to_owned()];
    let derived = derive_credential(&document, &pointers, b"nonce", &Contexts::standard(), &mut rng(5));
    derived.is_ok()
}
