//! A credential and whom it is about: as it is received from its issuer, cut down, shown in a presentation that its holder
//! signs, and checked by whom it is shown to.

use rand_core::CryptoRng;
use serde_json::{Map, Value, json};

use super::proof::{Expected, Suite, check_base_proof, check_proofs};
use super::{
    CREDENTIALS_V2, Contexts, ProofKey, ProofOptions, VerifiedCredential, W3cError, add_proof, bbs, model, presented,
    proof, rdf, selective, valid_at, verify_credential,
};
use crate::crypto::multikey::{Multikey, StandardSigner};
use crate::identifier::{Controllers, DidKey, DidKeys, Purpose};

/// Members that every credential has; all others say something about somebody.
const TECHNICAL: [&str; 9] =
    ["@context", "id", "type", "issuer", "validFrom", "validUntil", "credentialStatus", "credentialSubject", "proof"];

/// What a presentation answers.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// Who asks (`domain`).
    pub domain: &'a str,
    /// A nonce of theirs (`challenge`).
    pub challenge: &'a str,
    /// Unix seconds.
    pub now: u64,
}

/// Checks a credential as its issuer hands it out, like [`verify_credential`]; a base proof of `bbs-2023` is checked as
/// such (DINT-13), where a verifier would refuse it.
///
/// # Errors
/// [`W3cError`]
pub fn verify_issued(
    document: &Value,
    issuers: &dyn Controllers,
    contexts: &Contexts,
    now: u64,
) -> Result<VerifiedCredential, W3cError> {
    let expected = Expected { contexts, purpose: Purpose::AssertionMethod, now, domain: None, challenge: None };
    if base_proof(document)?.is_none() {
        return verify_credential(document, issuers, &expected);
    }
    let outline = model::credential(document)?;
    let by = check_base_proof(document, issuers, &expected)?;
    // DINT-11
    if by.controller != outline.issuer {
        return Err(W3cError::IssuerMismatch);
    }
    valid_at(document, now)?;
    let members = proof::parts(document)?.unsecured;
    Ok(VerifiedCredential { members, issuer: outline.issuer, proven_by: vec![by] })
}

/// The value of the first proof of `bbs-2023`.
fn base_proof(document: &Value) -> Result<Option<String>, W3cError> {
    let parts = proof::parts(document)?;
    let found = parts.proofs.iter().find(|it| proof::read(it) == Ok(Suite::Bbs2023));
    Ok(found.and_then(|it| it.get("proofValue")?.as_str().map(str::to_owned)))
}

/// What others see of a credential when these pointers (RFC 6901) are shown: all of it, unless its proof lets parts be left
/// out. Without proofs; for its holder to read.
///
/// # Errors
/// [`W3cError`]
pub fn part(document: &Value, pointers: &[String]) -> Result<Value, W3cError> {
    let whole = Value::Object(proof::parts(document)?.unsecured);
    let Some(value) = base_proof(document)? else { return Ok(whole) };
    let mut shown = bbs::mandatory(&value)?;
    shown.extend(pointers.iter().cloned());
    selective::selected(&whole, &shown)?.ok_or(W3cError::PointerNotFound)
}

/// The types of a document as its contexts define them, in its order.
///
/// # Errors
/// [`W3cError::MalformedCredential`], [`W3cError::UnprotectedTerm`] for a type that is not defined,
/// [`W3cError::ContextNotAllowed`]
pub fn expanded_types(document: &Value, contexts: &Contexts) -> Result<Vec<String>, W3cError> {
    let context = document.get("@context").ok_or(W3cError::MalformedCredential("@context"))?;
    let kinds = document.get("type").ok_or(W3cError::MalformedCredential("type"))?;
    let kinds = kinds.as_array().map_or(std::slice::from_ref(kinds), Vec::as_slice);
    let expand = |kind: &Value| {
        let kind = kind.as_str().ok_or(W3cError::MalformedCredential("type"))?;
        let statements =
            rdf::statements(&json!({ "@context": context, "id": "urn:mid:type", "type": kind }), contexts)?;
        let mut objects = statements.iter().map(|quad| match quad.object {
            oxrdf::TermRef::NamedNode(node) => Ok(node.as_str().to_owned()),
            _ => Err(W3cError::MalformedCredential("type")),
        });
        objects.next().ok_or(W3cError::MalformedCredential("type"))?
    };
    kinds.iter().map(expand).collect()
}

/// Presents a credential with its holder's key: the presentation names no one but the credential's subject, and its proof
/// answers `challenge` (DINT-14).
///
/// # Errors
/// [`W3cError`]; [`W3cError::KeyAlgorithmMismatch`] for a key that makes no such proofs
pub fn present(
    credential: &Value,
    holder: &dyn StandardSigner,
    challenge: &Challenge<'_>,
    contexts: &Contexts,
    rng: &mut dyn CryptoRng,
) -> Result<Value, W3cError> {
    let did = DidKey::new(holder.multikey());
    let suite = match holder.multikey() {
        Multikey::Ed25519(_) => Suite::EddsaRdfc2022,
        Multikey::P256(_) | Multikey::P384(_) => Suite::EcdsaRdfc2019,
        Multikey::Bls12381G2(_) => return Err(W3cError::KeyAlgorithmMismatch),
    };
    let presentation = json!({
        "@context": [CREDENTIALS_V2],
        "type": ["VerifiablePresentation"],
        "holder": did.to_text(),
        "verifiableCredential": [credential],
    });
    let method = did.verification_method();
    let mut options = ProofOptions::new(suite, &method, Purpose::Authentication);
    options.created = Some(challenge.now);
    options.domain = Some(challenge.domain);
    options.challenge = Some(challenge.challenge);
    add_proof(&presentation, ProofKey::Standard(holder), &options, contexts, rng)
}

/// Checks a presentation of one credential by whom it is about: form, the issuer's proof with a key that `issuers` vouch for,
/// validity, and a proof over `challenge` by the key that the subject's identifier is (DINT-14). Other proofs, and another
/// `holder`, are refused.
///
/// # Errors
/// [`W3cError`]; [`W3cError::HolderMismatch`] when somebody else presents
pub fn verify_shown(
    document: &Value,
    issuers: &dyn Controllers,
    contexts: &Contexts,
    challenge: &Challenge<'_>,
) -> Result<VerifiedCredential, W3cError> {
    let now = challenge.now;
    let named = model::presentation(document)?;
    let [credential] = presented(document) else { return Err(W3cError::MalformedCredential("verifiableCredential")) };
    let claims = Expected { contexts, purpose: Purpose::AssertionMethod, now, domain: None, challenge: None };
    let credential = verify_credential(credential, issuers, &claims)?;
    let holder = DidKey::new(credential.holder()?).to_text();
    let expected = Expected {
        contexts,
        purpose: Purpose::Authentication,
        now,
        domain: Some(challenge.domain),
        challenge: Some(challenge.challenge),
    };
    let proven = check_proofs(document, &DidKeys, &expected)?;
    if named.is_some_and(|named| named != holder) || proven.iter().any(|by| by.controller != holder) {
        return Err(W3cError::HolderMismatch);
    }
    Ok(credential)
}

/// What a document says about its subjects, and about itself beside what every credential has: where it stands (RFC 6901),
/// and its value. An owner reads it before they show it.
#[must_use]
pub fn attributes(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in document.as_object().into_iter().flatten() {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        match (name.as_str(), value) {
            ("credentialSubject", Value::Array(several)) => {
                let each = several.iter().enumerate();
                each.for_each(|(at, subject)| said_of(&format!("{pointer}/{at}"), subject, &mut found));
            }
            ("credentialSubject", subject) => said_of(&pointer, subject, &mut found),
            (name, _) if TECHNICAL.contains(&name) => {}
            _ => found.push((pointer, value.clone())),
        }
    }
    found
}

fn said_of(within: &str, subject: &Value, found: &mut Vec<(String, Value)>) {
    for (name, value) in subject.as_object().into_iter().flatten().filter(|(name, _)| !is_name(name)) {
        found.push((format!("{within}/{}", name.replace('~', "~0").replace('/', "~1")), value.clone()));
    }
}

/// Ids and types are shown with what they are of.
fn is_name(name: &str) -> bool {
    ["id", "type"].contains(&name)
}

/// Paths to everything that a document says beside what every credential has: names of members, `None` for an element of an
/// array.
#[must_use]
pub fn disclosed(document: &Map<String, Value>) -> Vec<Vec<Option<String>>> {
    let mut paths = Vec::new();
    for (name, value) in document {
        if name == "credentialSubject" || !TECHNICAL.contains(&name.as_str()) {
            leaves(&[Some(name.clone())], value, &mut paths);
        }
    }
    paths
}

fn leaves(path: &[Option<String>], value: &Value, paths: &mut Vec<Vec<Option<String>>>) {
    let below = |step: Option<String>| [path, &[step]].concat();
    match value {
        Value::Object(members) => {
            let said = members.iter().filter(|(name, _)| !is_name(name));
            said.for_each(|(name, value)| leaves(&below(Some(name.clone())), value, paths));
        }
        Value::Array(elements) => elements.iter().for_each(|value| leaves(&below(None), value, paths)),
        _ => paths.push(path.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::bbs::SecretKey;
    use crate::crypto::multikey::StandardKey;
    use crate::identifier::ControllerError;

    const NOW: u64 = 1_800_000_000;

    struct Scene {
        issuer: StandardKey,
        bbs: SecretKey,
        holder: StandardKey,
    }

    fn scene() -> Scene {
        let bbs = SecretKey::generate(crate::crypto::bbs::Suite::Sha256, &[3; 32], b"").unwrap();
        Scene { issuer: StandardKey::ed25519(&[1; 32]), bbs, holder: StandardKey::p256(&[2; 32]).unwrap() }
    }

    fn rng() -> impl CryptoRng {
        use rand_chacha::rand_core::SeedableRng as _;
        rand_chacha::ChaCha20Rng::from_seed([7; 32])
    }

    impl Scene {
        fn credential(&self, suite: Suite, subject: Value) -> Value {
            let key = match suite {
                Suite::Bbs2023 => ProofKey::Bbs(&self.bbs),
                _ => ProofKey::Standard(&self.issuer),
            };
            let did = DidKey::new(key.multikey());
            let mandatory = ["/issuer".to_owned(), "/validUntil".to_owned()];
            let method = did.verification_method();
            let mut options = ProofOptions::new(suite, &method, Purpose::AssertionMethod);
            options.mandatory = &mandatory;
            let document = json!({
                "@context": [CREDENTIALS_V2], "type": ["VerifiableCredential"], "issuer": did.to_text(),
                "validUntil": "2027-01-17T00:00:00Z", "name": "Card", "credentialSubject": subject,
            });
            super::super::issue_credential(&document, key, &options, &Contexts::standard(), &mut rng()).unwrap()
        }

        fn subject(&self) -> Value {
            let id = DidKey::new(self.holder.multikey()).to_text();
            json!({ "id": id, "name": "홍길동", "description": ["a", "b"] })
        }

        fn presented(&self, credential: &Value) -> Value {
            present(credential, &self.holder, &challenge(), &Contexts::standard(), &mut rng()).unwrap()
        }
    }

    fn challenge() -> Challenge<'static> {
        Challenge { domain: "x509_hash:abc", challenge: "nonce", now: NOW }
    }

    fn check(presentation: &Value, challenge: &Challenge<'_>) -> Result<VerifiedCredential, W3cError> {
        verify_shown(presentation, &DidKeys, &Contexts::standard(), challenge)
    }

    #[test]
    fn dint_13_base_proofs_are_checked_by_holders_and_by_nobody_else() {
        let scene = scene();
        let base = scene.credential(Suite::Bbs2023, scene.subject());
        let contexts = Contexts::standard();
        let verify = |document: &Value| verify_issued(document, &DidKeys, &contexts, NOW).map(|it| it.holder());
        assert_eq!(verify(&base), Ok(Ok(scene.holder.multikey())));
        assert_eq!(verify(&scene.credential(Suite::EddsaRdfc2022, scene.subject())), Ok(Ok(scene.holder.multikey())));
        let mut changed = base.clone();
        changed["credentialSubject"]["name"] = "김철수".into();
        assert_eq!(verify(&changed), Err(W3cError::SignatureInvalid));
        let mut changed = base.clone();
        changed["validUntil"] = "2028-01-17T00:00:00Z".into();
        assert_eq!(verify(&changed), Err(W3cError::SignatureInvalid), "the part that is always shown");
        let mut stranger = base.clone();
        let other = DidKey::new(
            SecretKey::generate(crate::crypto::bbs::Suite::Sha256, &[4; 32], b"")
                .map(|key| Multikey::Bls12381G2(*key.public_key().as_bytes()))
                .unwrap(),
        );
        stranger["proof"]["verificationMethod"] = other.verification_method().into();
        assert_eq!(verify(&stranger), Err(W3cError::SignatureInvalid), "another key than the proof names");
        let mut two = base.clone();
        two["proof"] = json!([base["proof"], base["proof"]]);
        assert_eq!(verify(&two), Err(W3cError::MalformedProof("proof")));
        assert_eq!(
            verify_issued(&base, &DidKeys, &contexts, NOW + 10_000_000).err(),
            Some(W3cError::CredentialExpired)
        );
        assert_eq!(check(&scene.presented(&base), &challenge()), Err(W3cError::BaseProof));
    }

    #[test]
    fn dint_14_a_credential_is_shown_by_whom_it_is_about() {
        let scene = scene();
        let whole = scene.credential(Suite::EddsaRdfc2022, scene.subject());
        let presentation = scene.presented(&whole);
        let held = check(&presentation, &challenge()).unwrap();
        assert_eq!((held.subjects()[0]["name"].as_str(), held.valid_until()), (Some("홍길동"), Some(1_800_144_000)));
        assert!(!format!("{held:?}").contains('홍'));
        let with = |change: fn(&mut Challenge<'_>)| {
            let mut other = challenge();
            change(&mut other);
            check(&presentation, &other)
        };
        assert_eq!(with(|it| it.domain = "abc"), Err(W3cError::DomainMismatch));
        assert_eq!(with(|it| it.challenge = "Nonce"), Err(W3cError::ChallengeMismatch));
        assert_eq!(with(|it| it.now -= 301), Err(W3cError::IssuedInFuture));
        assert_eq!(with(|it| it.now += 200_000), Err(W3cError::CredentialExpired));
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut other = presentation.clone();
            change(&mut other);
            check(&other, &challenge())
        };
        let member = |name| Err(W3cError::MalformedCredential(name));
        assert_eq!(changed(&|it| it["verifiableCredential"] = json!([])), member("verifiableCredential"));
        let twice = |it: &mut Value| it["verifiableCredential"] = json!([whole, whole]);
        assert_eq!(changed(&twice), member("verifiableCredential"));
        assert_eq!(changed(&|it| drop(it.as_object_mut().unwrap().remove("proof"))), Err(W3cError::ProofMissing));
        let purpose = |it: &mut Value| it["proof"]["proofPurpose"] = "assertionMethod".into();
        assert_eq!(changed(&purpose), Err(W3cError::ProofPurposeMismatch));
        assert_eq!(changed(&|it| it["proof"]["domain"] = "abc".into()), Err(W3cError::DomainMismatch));
        assert_eq!(
            changed(&|it| it["proof"]["created"] = "2027-01-15T00:00:00Z".into()),
            Err(W3cError::SignatureInvalid)
        );
        assert_eq!(changed(&|it| it["holder"] = "did:example:other".into()), Err(W3cError::SignatureInvalid));
        // Somebody else signs, whatever name they give.
        let thief = Scene { holder: StandardKey::p256(&[9; 32]).unwrap(), ..self::scene() };
        assert_eq!(check(&thief.presented(&whole), &challenge()), Err(W3cError::HolderMismatch));
        for subject in [json!({ "name": "x" }), json!([scene.subject(), scene.subject()])] {
            let unbound = scene.presented(&scene.credential(Suite::EddsaRdfc2022, subject));
            assert_eq!(check(&unbound, &challenge()), member("credentialSubject"));
        }
        let foreign = scene.credential(Suite::EddsaRdfc2022, json!({ "id": "did:web:a.example", "name": "x" }));
        let unread = W3cError::Controller(ControllerError::NotResolved);
        assert_eq!(check(&scene.presented(&foreign), &challenge()), Err(unread));
        let bbs = StandardKey::ed25519(&[5; 32]);
        assert!(present(&whole, &bbs, &challenge(), &Contexts::standard(), &mut rng()).is_ok());
    }

    #[test]
    fn a_part_is_what_is_shown_and_nothing_beside_it() {
        let scene = scene();
        let pointers = ["/credentialSubject/name".to_owned(), "/credentialSubject/id".to_owned()];
        let base = scene.credential(Suite::Bbs2023, scene.subject());
        let told = |document: &Value| attributes(document).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        let shown = part(&base, &pointers).unwrap();
        assert_eq!(told(&shown), ["/credentialSubject/name"]);
        let derived =
            super::super::derive_credential(&base, &pointers, b"", &Contexts::standard(), &mut rng()).unwrap();
        let held = check(&scene.presented(&derived), &challenge()).unwrap();
        assert_eq!(Value::Object(held.members().clone()), shown, "what the owner read is what is seen");
        let path = |name: &str| vec![Some("credentialSubject".to_owned()), Some(name.to_owned())];
        assert_eq!(disclosed(held.members()), [path("name")]);
        let whole = scene.credential(Suite::EddsaRdfc2022, scene.subject());
        let all = part(&whole, &pointers).unwrap();
        assert_eq!(
            told(&all),
            ["/credentialSubject/description", "/credentialSubject/name", "/name"],
            "nothing is left out"
        );
        let several = json!({ "credentialSubject": [{ "id": "x", "a/b": 1 }, { "c": [1] }] });
        assert_eq!(told(&several), ["/credentialSubject/0/a~1b", "/credentialSubject/1/c"]);
        let element = vec![Some("credentialSubject".to_owned()), None, Some("c".to_owned()), None];
        assert!(disclosed(several.as_object().unwrap()).contains(&element));
        assert_eq!(part(&base, &["/none".to_owned()]), Err(W3cError::PointerNotFound));
    }

    #[test]
    fn types_are_what_the_contexts_say() {
        let of = |document: Value| expanded_types(&document, &Contexts::standard());
        let plain = of(json!({ "@context": [CREDENTIALS_V2], "type": ["VerifiableCredential"] }));
        assert_eq!(plain.unwrap(), ["https://www.w3.org/2018/credentials#VerifiableCredential"]);
        let undefined = of(json!({ "@context": [CREDENTIALS_V2], "type": ["VerifiableCredential", "Licence"] }));
        assert_eq!(undefined, Err(W3cError::UnprotectedTerm));
        assert_eq!(of(json!({ "@context": ["x:y"], "type": "A" })), Err(W3cError::ContextNotAllowed));
        assert_eq!(of(json!({ "type": "A" })), Err(W3cError::MalformedCredential("@context")));
        assert_eq!(
            of(json!({ "@context": [CREDENTIALS_V2], "type": [1] })),
            Err(W3cError::MalformedCredential("type"))
        );
    }
}
