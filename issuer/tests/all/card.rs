//! Logging in with a chip card: every way in which an answer is none, beside the one that is.

use issuer::openid4vci::{Again, AuthorizationParameters, CardRefusal, Endpoint, LogIn, LoggedIn, Presented};
use issuer::register::{EnrolledCard, PersonId};
use protocol::crypto::jose::{self, Jws, base64url, from_base64url};
use protocol::crypto::multikey::{StandardKey, StandardSigner as _};
use protocol::exchange::openid4vci::ErrorCode;
use serde_json::{Map, Value, json};

use crate::openid::{SD_JWT, key};
use crate::world::*;

const NUMBER: &str = "402817395501";
const KIND: &str = "mid-card-log-in+jwt";

fn parameters(given: &[(&str, &str)]) -> AuthorizationParameters {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    AuthorizationParameters::read(given.collect()).unwrap()
}

fn push(world: &World, client: &str) -> Result<String, ErrorCode> {
    let challenge = base64url(&[7; 32]);
    let asked = parameters(&[
        ("client_id", client),
        ("response_type", "code"),
        ("redirect_uri", "app:/back"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("scope", SD_JWT),
        ("state", "s"),
    ]);
    let presented =
        Presented { endpoint: Endpoint::Push, token: None, dpop: None, attestation: None, possession: None };
    world.issuer.openid_push(&asked, &presented, NOW, &mut fresh()).map(|pushed| pushed.request_uri)
}

fn open(world: &World, client: &str) -> LogIn {
    let name = push(world, client).unwrap();
    let asked = parameters(&[("client_id", client), ("request_uri", &name)]);
    world.issuer.openid_authorize(&asked, NOW, &mut fresh()).unwrap()
}

fn submit(world: &World, page: &LogIn, answer: &str, now: u64) -> Result<LoggedIn, ErrorCode> {
    let given = [("request_uri", page.request_uri.as_str()), ("session", &page.session), ("card_answer", answer)];
    world.issuer.openid_log_in(&parameters(&given), now, &mut fresh())
}

fn refused(outcome: Result<LoggedIn, ErrorCode>) -> CardRefusal {
    match outcome {
        Ok(LoggedIn::Again(_, Again::Card(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

fn back(outcome: Result<LoggedIn, ErrorCode>) -> String {
    match outcome {
        Ok(LoggedIn::Back(address)) => address,
        other => panic!("{other:?}"),
    }
}

/// What the page's link says.
fn said(page: &LogIn) -> Value {
    let link = page.card.as_deref().unwrap();
    let query = link.strip_prefix("mid-card://log-in?").unwrap();
    let get = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap();
        value.replace("%3A", ":").replace("%2F", "/")
    };
    json!({ "aud": get("issuer"), "client": get("client"), "wants": [get("wants")], "nonce": get("challenge") })
}

fn signed(key: &StandardKey, kind: &str, number: &str, said: &Value) -> String {
    let header = Map::from_iter([("typ".to_owned(), kind.into()), ("kid".to_owned(), number.into())]);
    jose::sign(&header, said.to_string().as_bytes(), key).unwrap()
}

fn enrolled() -> (World, StandardKey) {
    let (world, key) = (world(), key());
    let card = EnrolledCard { number: NUMBER.into(), key: key.multikey() };
    world.register.record_card(&PersonId::new(HOLDER), card).unwrap();
    (world, key)
}

#[test]
fn card_10_to_13_an_answer_is_by_the_card_for_this_log_in() {
    let (world, card) = enrolled();
    let page = open(&world, "wallet");
    assert_eq!(format!("{page:?}"), "LogIn([redacted])");
    let good = said(&page);
    let with = |name: &str, value: Value| {
        let mut said = good.clone();
        said[name] = value;
        signed(&card, KIND, NUMBER, &said)
    };
    // CARD-10
    let es256 = signed(&card, KIND, NUMBER, &good);
    let ed25519 = signed(&StandardKey::ed25519(&[7; 32]), KIND, NUMBER, &good);
    for malformed in ["", "x", &es256[1..], &signed(&card, "JWT", NUMBER, &good), &ed25519] {
        assert_eq!(refused(submit(&world, &page, malformed, NOW)), CardRefusal::CardAnswerMalformed);
    }
    let stranger = signed(&card, KIND, "000000000000", &good);
    assert_eq!(refused(submit(&world, &page, &stranger, NOW)), CardRefusal::CardUnknown);
    let forged = signed(&key(), KIND, NUMBER, &good);
    assert_eq!(refused(submit(&world, &page, &forged, NOW)), CardRefusal::CardSignatureInvalid);
    // CARD-11
    for aud in [json!("https://other.example"), json!(["http://127.0.0.1:8701"]), Value::Null] {
        assert_eq!(refused(submit(&world, &page, &with("aud", aud), NOW)), CardRefusal::CardAudienceMismatch);
    }
    // CARD-12
    for (name, value) in [("client", json!("other")), ("wants", json!([])), ("wants", json!([LICENCE, ZK]))] {
        assert_eq!(refused(submit(&world, &page, &with(name, value), NOW)), CardRefusal::CardRequestMismatch);
    }
    // CARD-13: another log-in's, a changed one, one that was made up, one that has run out.
    let other = open(&world, "wallet");
    let mut changed = from_base64url(good["nonce"].as_str().unwrap()).unwrap();
    changed[3] ^= 1;
    for nonce in
        [said(&other)["nonce"].clone(), json!(base64url(&changed)), json!(base64url(&[0; 56])), json!(""), json!(1)]
    {
        assert_eq!(refused(submit(&world, &page, &with("nonce", nonce), NOW)), CardRefusal::CardChallengeInvalid);
    }
    assert_eq!(refused(submit(&world, &page, &es256, NOW + 301)), CardRefusal::CardChallengeInvalid);
    assert_eq!(refused(submit(&world, &page, &es256, NOW - 1)), CardRefusal::CardChallengeInvalid);
    // A page that is shown again has another challenge; the one before is good as long as it lives.
    let Ok(LoggedIn::Again(again, _)) = submit(&world, &page, "x", NOW) else { panic!() };
    assert_ne!(said(&again)["nonce"], good["nonce"]);
    let address = back(submit(&world, &page, &es256, NOW + 300));
    assert!(address.starts_with("app:/back?code=") && address.contains("&state=s&iss="), "{address}");
    // CARD-13: once.
    assert_eq!(submit(&world, &page, &es256, NOW).err(), Some(ErrorCode::InvalidRequestUri));
    assert_eq!(refused(submit(&world, &other, &es256, NOW)), CardRefusal::CardChallengeInvalid);
    world.issuer.check_audit().unwrap();
    // What was answered is nothing that the card signs for anybody else.
    assert_eq!(Jws::read(&es256).unwrap().header().kind(), Some(KIND));
}

#[test]
fn card_14_without_an_offer_there_is_a_log_in_where_people_have_cards() {
    let world = world();
    assert_eq!(push(&world, "wallet"), Err(ErrorCode::InvalidRequest), "nobody has a card");
    let card = key();
    let give = |person: &str, number: &str| {
        let card = EnrolledCard { number: number.into(), key: card.multikey() };
        world.register.record_card(&PersonId::new(person), card).unwrap();
    };
    give(DECEASED, "1");
    let page = open(&world, "wallet");
    // Digits are nothing here.
    let given = [("request_uri", page.request_uri.as_str()), ("session", &page.session), ("counter_code", "123456")];
    let digits = world.issuer.openid_log_in(&parameters(&given), NOW, &mut fresh());
    assert_eq!(refused(digits), CardRefusal::CardAnswerMalformed);
    let dead = signed(&card, KIND, "1", &said(&page));
    assert!(back(submit(&world, &page, &dead, NOW)).contains("error=access_denied"));
    assert_eq!(submit(&world, &page, &dead, NOW).err(), Some(ErrorCode::InvalidRequestUri), "that log-in is over");
    // An offer's log-in takes no card.
    give(HOLDER, "2");
    let offer = world.offer(HOLDER, &[LICENCE], true, false);
    let asked = parameters(&[
        ("client_id", "wallet"),
        ("response_type", "code"),
        ("redirect_uri", "app:/back"),
        ("code_challenge", &base64url(&[7; 32])),
        ("code_challenge_method", "S256"),
        ("scope", SD_JWT),
        ("issuer_state", &base64url(&offer.offer.code)),
    ]);
    let presented =
        Presented { endpoint: Endpoint::Push, token: None, dpop: None, attestation: None, possession: None };
    let name = world.issuer.openid_push(&asked, &presented, NOW, &mut fresh()).unwrap().request_uri;
    let opening = parameters(&[("client_id", "wallet"), ("request_uri", &name)]);
    let with_offer = world.issuer.openid_authorize(&opening, NOW, &mut fresh()).unwrap();
    assert_eq!(with_offer.card, None);
    let valid = open(&world, "wallet");
    let answer = signed(&card, KIND, "2", &said(&valid));
    let outcome = submit(&world, &with_offer, &answer, NOW);
    assert!(matches!(outcome, Ok(LoggedIn::Again(_, Again::Digits))), "{outcome:?}");
    assert!(back(submit(&world, &valid, &answer, NOW)).contains("code="));
}
