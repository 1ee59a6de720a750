//! Answers prepared before their moment and their request are known.

use protocol::crypto::keys::{P256SigningKey, Signer};
use protocol::exchange::{Freshness, PresentError};
use tests::rng;
use tests::world::{NOW, World};
use verifier::{Asked, Policy, SeenInMemory, Verifier};

const DAY: u64 = 24 * 3_600;

#[test]
fn pres_14_what_was_prepared_is_bound_to_its_moment_and_request_and_to_one_day() {
    let world = World::new();
    let trust = world.trust("usual");
    let query = world.profile("age-19");
    let prepare = |name: &str| world.holder.identity.prepare(&world.identities, &query, NOW - 3_600, &mut rng(name));
    let check = |asked: &Asked<'_>, code: &[u8], now: u64| {
        let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
        verifier.check(asked, code, &trust, now).map(|_| ()).map_err(|why| why.name())
    };
    // Prepared an hour ago, shown now: fresh now, and over half a minute later.
    let now = Freshness { made_at: NOW, request: None };
    let code = prepare("shown").finish(now, None).unwrap().encode();
    assert_eq!(check(&Asked::Displayed(&query), &code, NOW), Ok(()));
    assert_eq!(check(&Asked::Displayed(&query), &code, NOW + 60), Err("Expired".into()));
    // The same for a request that was not known then.
    let request = world.shop_request("prepared");
    let answers = Freshness { made_at: NOW, request: Some(request.digest()) };
    let code = prepare("answer").finish(answers, None).unwrap().encode();
    assert_eq!(check(&Asked::Requested(&world.asked(&request)), &code, NOW), Ok(()));
    assert_eq!(check(&Asked::Displayed(&query), &code, NOW), Err("NonceMismatch".into()));
    // It says what was true on its day, and nothing of another.
    let prepared = prepare("tomorrow");
    assert_eq!(prepared.day(), protocol::credential::Day::in_korea(NOW));
    let tomorrow = Freshness { made_at: NOW + DAY, request: None };
    assert_eq!(prepared.finish(tomorrow, None).err(), Some(PresentError::PreparedForAnotherDay));
}

#[test]
fn pres_07_a_phone_that_signs_with_another_key_shows_nothing() {
    let world = World::new();
    let (held, query) = (&world.holder.licence, world.profile("roadside"));
    let prepare = |name: &str| held.prepare(&world.licences, &query, NOW, &mut rng(name));
    let now = Freshness { made_at: NOW, request: None };
    let other = P256SigningKey::generate(&mut rng("another phone"));
    assert_eq!(prepare("a").finish(now, Some(&other)).err(), Some(PresentError::KeystoreFault));
    assert_eq!(prepare("b").finish(now, None).err(), Some(PresentError::KeystoreFault));
    let own = held.device.as_ref().map(|key| key as &dyn Signer);
    assert!(prepare("c").finish(now, own).is_ok());
}
