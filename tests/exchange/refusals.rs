//! What holders and verifiers refuse to do themselves: answers that would say more or prove less than
//! asked, and questions wider than a registration.

use protocol::credential::{CredentialError, Day, HolderBinding};
use protocol::crypto::bbs::{self, BbsError, Suite};
use protocol::crypto::keys::{P256SigningKey, PublicKey, Signature, Signer, SignerError};
use protocol::crypto::membership::ValueSignature;
use protocol::disclosure::ProofError;
use protocol::exchange::{Freshness, Holding, IssuanceRefusal, OverAsk, PresentError, Presentation, Query};
use tests::rng;
use tests::world::{EPOCH, Held, Issuing, KEY, NOW, Organisation, World};
use verifier::ask::{AskError, Identity, request};

const NOW_UNASKED: Freshness = Freshness { made_at: NOW, request: None };

/// A key store that wants the owner's consent and does not get it.
struct Refusing(PublicKey);

impl Signer for Refusing {
    fn public_key(&self) -> PublicKey {
        self.0
    }

    fn sign(&self, _: &[u8], _: &[u8]) -> Result<Signature, SignerError> {
        Err(SignerError::NotAuthorized)
    }
}

fn present<'a>(
    held: &'a Held,
    query: &Query,
    change: impl FnOnce(&mut Holding<'a>),
    days: &'a dyn Fn(u16) -> Option<ValueSignature>,
    issuing: &Issuing,
) -> Result<(), PresentError> {
    let handle = held.credential.handle;
    let mut holding = Holding {
        credential: &held.credential,
        secrets: &held.secrets,
        evidence: &held.evidence,
        day_signature: days,
        status_token: held.device.is_none().then(|| (EPOCH, issuing.status_token(handle, EPOCH))),
        device: held.device.as_ref().map(|key| key as &dyn Signer),
    };
    change(&mut holding);
    Presentation::create(&holding, query, NOW_UNASKED, &mut rng("refused")).map(|_| ())
}

#[test]
fn a_wallet_never_answers_with_less_than_was_asked() {
    let world = World::new();
    let (identity, issuing) = (&world.holder.identity, &world.identities);
    let days = |number: u16| Some(issuing.day_signature(number));
    let age = world.profile("age-19");
    let with = |change: &dyn Fn(&mut Holding<'_>)| present(identity, &age, |holding| change(holding), &days, issuing);
    assert_eq!(with(&|_| {}), Ok(()));
    assert_eq!(with(&|holding| holding.status_token = None), Err(PresentError::StatusTokenMissing));
    let old = (EPOCH, issuing.status_token(identity.credential.handle, EPOCH - 1));
    assert_eq!(
        with(&|holding| holding.status_token = Some(old)),
        Err(PresentError::Proof(ProofError::WitnessMismatch))
    );

    let ask = |query: &Query| present(identity, query, |_| {}, &days, issuing);
    let other_binding = Query { binding: HolderBinding::DeviceKey, ..age.clone() };
    assert_eq!(ask(&other_binding), Err(PresentError::QueryNotAnswerable));
    assert_eq!(ask(&world.profile("roadside")), Err(PresentError::QueryNotAnswerable));
    assert_eq!(ask(&world.age(0)), Err(PresentError::QueryNotAnswerable));
    assert_eq!(ask(&world.age(40)), Err(PresentError::PredicateNotSatisfied));
    assert_eq!(present(&world.minor.identity, &age, |_| {}, &days, issuing), Err(PresentError::PredicateNotSatisfied));
    assert_eq!(present(&world.minor.identity, &world.age(18), |_| {}, &days, issuing), Ok(()));
    assert_eq!(present(identity, &age, |_| {}, &|_| None, issuing), Err(PresentError::SetSignatureMissing));

    let today = Day::in_korea(NOW);
    let until = |expiry: Day| Held::with(issuing, &world.holder.person, "short-lived", expiry, None);
    let yesterday = Day::from_number(today.number() - 1).unwrap();
    assert_eq!(present(&until(yesterday), &age, |_| {}, &days, issuing), Err(PresentError::CredentialExpired));
    assert_eq!(present(&until(today), &age, |_| {}, &days, issuing), Ok(()), "the last day is a good day");
}

#[test]
fn a_wallet_sends_nothing_that_its_phone_did_not_sign() {
    let world = World::new();
    let (licence, issuing) = (&world.holder.licence, &world.licences);
    let days = |number: u16| Some(issuing.day_signature(number));
    let roadside = world.profile("roadside");
    let other = P256SigningKey::generate(&mut rng("another phone"));
    let refusing = Refusing(licence.device.as_ref().unwrap().public_key());
    for device in [None, Some(&other as &dyn Signer), Some(&refusing)] {
        let refused = present(licence, &roadside, |holding| holding.device = device, &days, issuing);
        assert_eq!(refused, Err(PresentError::KeystoreFault));
    }
    let mut unbound = licence.credential.clone();
    unbound.device_key = None;
    let unbound = Held { credential: unbound, ..Held::new(issuing, &world.holder.person, "licence") };
    let mismatch = PresentError::Credential(CredentialError::HolderBindingMismatch);
    assert_eq!(present(&unbound, &roadside, |_| {}, &days, issuing), Err(mismatch));
}

#[test]
fn j14_a_verifier_does_not_send_what_it_did_not_register() {
    let world = World::new();
    let trust = world.trust("usual");
    let identity = |who: &'static Organisation| Identity { did: who.did.clone(), key: KEY.into(), signer: &who.key };
    let leak = |name: &str| -> &'static Organisation { Box::leak(Box::new(Organisation::new(name))) };
    let (shop, patrol, stranger) = (leak("shop"), leak("patrol"), leak("stranger"));
    let ask = |who: &'static Organisation, purpose: &str, query: Query| {
        request(&identity(who), purpose, query, &trust, NOW, 120, &mut rng("ask")).map(|signed| {
            signed.authenticate(&trust, NOW).unwrap().within_registration().unwrap();
        })
    };
    let (age, licence) = (world.profile("age-19"), world.profile("roadside"));
    assert_eq!(ask(shop, "age-check", age.clone()), Ok(()));
    assert_eq!(ask(patrol, "roadside", licence.clone()), Ok(()));
    assert_eq!(ask(stranger, "age-check", age.clone()), Err(AskError::NotRegistered));
    assert_eq!(ask(shop, "age-check", world.age(0)), Err(AskError::QueryNotAnswerable));
    let unknown = Query { credential_type: "kr.go.police.gun-licence.1".into(), ..age.clone() };
    assert_eq!(ask(shop, "age-check", unknown), Err(AskError::QueryNotAnswerable));
    let purpose = OverAsk::PurposeNotRegistered("marketing".into());
    assert_eq!(ask(shop, "marketing", age.clone()), Err(AskError::OverAsk(purpose)));
    let of_type = OverAsk::TypeNotRegistered(licence.credential_type.clone());
    assert_eq!(ask(shop, "age-check", licence.clone()), Err(AskError::OverAsk(of_type)));
    let address = Query { show: vec!["address".into()], ..licence };
    assert_eq!(
        ask(patrol, "roadside", address),
        Err(AskError::OverAsk(OverAsk::AttributeNotRegistered("address".into())))
    );
    assert_eq!(
        ask(shop, "age-check", world.age(18)),
        Err(AskError::OverAsk(OverAsk::PredicateNotRegistered("age ≥ 18".into())))
    );

    let refusing = Refusing(shop.key.public_key());
    let locked = Identity { did: shop.did.clone(), key: KEY.into(), signer: &refusing };
    let refused = request(&locked, "age-check", age, &trust, NOW, 120, &mut rng("ask"));
    assert_eq!(refused.map(|_| ()), Err(AskError::SigningFailed));
}

#[test]
fn issuers_say_no_in_words_that_do_not_change() {
    let table = [
        (IssuanceRefusal::InvalidRequest, "\"invalid_request\""),
        (IssuanceRefusal::InvalidGrant, "\"invalid_grant\""),
        (IssuanceRefusal::InvalidNonce, "\"invalid_nonce\""),
        (IssuanceRefusal::InvalidProof, "\"invalid_proof\""),
        (IssuanceRefusal::UnsupportedCredentialType, "\"unsupported_credential_type\""),
        (IssuanceRefusal::CredentialRequestDenied, "\"credential_request_denied\""),
        (IssuanceRefusal::AlreadyActive, "\"already_active\""),
        (IssuanceRefusal::IdempotencyConflict, "\"idempotency_conflict\""),
        (IssuanceRefusal::TemporarilyUnavailable, "\"temporarily_unavailable\""),
    ];
    for (refusal, name) in table {
        assert_eq!(serde_json::to_string(&refusal).unwrap(), name);
        assert_eq!(serde_json::from_str::<IssuanceRefusal>(name).unwrap(), refusal);
    }
}

#[test]
fn c29_keys_are_not_made_from_weak_or_endless_material() {
    let make = |material: &[u8], info: &[u8]| bbs::SecretKey::generate(Suite::Sha256, material, info).map(|_| ());
    assert_eq!(make(&[7; 32], b"info"), Ok(()));
    assert_eq!(make(&[7; 31], b"info"), Err(BbsError::WeakKeyMaterial));
    assert_eq!(make(&[0; 64], b"info"), Err(BbsError::WeakKeyMaterial));
    assert_eq!(make(&[7; 32], &vec![0; 65_536]), Err(BbsError::KeyInfoTooLong));
}
