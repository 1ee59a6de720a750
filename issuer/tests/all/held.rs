//! Logging in with a credential that the person holds: every way in which it ends, beside the one that leads on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use issuer::openid4vci::{
    Again, AsksForCredentials, AuthorizationParameters, CredentialQuestion, CredentialRequested, Endpoint, HeldRefusal,
    HeldStep, LogIn, LoggedIn, Presented,
};
use issuer::register::{PersonId, Register as _};
use protocol::crypto::jose::base64url;
use protocol::exchange::openid4vci::ErrorCode;

use crate::openid::SD_JWT;
use crate::world::*;

/// What the verifier found.
type Found = Result<BTreeMap<String, String>, HeldRefusal>;

/// A verifier without wallets: the test says what was found. As a real one, it tells a verdict once, and on the same device to
/// whoever has the response code.
#[derive(Default)]
struct Verifier(Mutex<State>);

#[derive(Default)]
struct State {
    asked: Vec<CredentialQuestion>,
    found: BTreeMap<String, Found>,
    is_down: bool,
}

impl Verifier {
    fn found(&self, request: usize, found: Found) {
        self.0.lock().unwrap().found.insert(format!("request-{request}"), found);
    }
}

impl AsksForCredentials for Verifier {
    fn credential(&self) -> (String, String) {
        ("운전면허증".into(), "Driver's <licence>".into())
    }

    fn ask(&self, question: &CredentialQuestion) -> Result<CredentialRequested, HeldRefusal> {
        let mut state = self.0.lock().unwrap();
        if state.is_down {
            return Err(HeldRefusal::CredentialCheckUnavailable);
        }
        state.asked.push(question.clone());
        let id = format!("request-{}", state.asked.len());
        Ok(CredentialRequested { link: format!("openid4vp://?request_uri={id}"), id })
    }

    fn shown(&self, id: &str, response_code: Option<&str>) -> Found {
        let mut state = self.0.lock().unwrap();
        let number: usize = id.strip_prefix("request-").unwrap().parse().unwrap();
        let code = format!("code-{number}");
        let wanted = state.asked[number - 1].back.as_ref().map(|_| code.as_str());
        if state.found.contains_key(id) && response_code != wanted {
            return Err(HeldRefusal::ShownElsewhere);
        }
        state.found.remove(id).unwrap_or(Err(HeldRefusal::CredentialNotShown))
    }
}

fn parameters(given: &[(&str, &str)]) -> AuthorizationParameters {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    AuthorizationParameters::read(given.collect()).unwrap()
}

fn push(world: &World, more: &[(&str, &str)]) -> Result<String, ErrorCode> {
    let challenge = base64url(&[7; 32]);
    let asked = [
        ("client_id", "wallet\u{7} of <somebody>"),
        ("response_type", "code"),
        ("redirect_uri", "app:/back"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("scope", SD_JWT),
        ("state", "s"),
    ];
    let presented =
        Presented { endpoint: Endpoint::Push, token: None, dpop: None, attestation: None, possession: None };
    let asked = parameters(&[&asked[..], more].concat());
    world.issuer.openid_push(&asked, &presented, NOW, &mut fresh()).map(|pushed| pushed.request_uri)
}

fn open(world: &World) -> LogIn {
    let name = push(world, &[]).unwrap();
    let asked = parameters(&[("client_id", "wallet\u{7} of <somebody>"), ("request_uri", &name)]);
    world.issuer.openid_authorize(&asked, NOW, &mut fresh()).unwrap()
}

fn step(world: &World, page: &LogIn, step: &str, now: u64) -> Result<LoggedIn, ErrorCode> {
    let given = [("request_uri", page.request_uri.as_str()), ("session", &page.session), ("credential", step)];
    world.issuer.openid_log_in(&parameters(&given), now, &mut fresh())
}

fn page(outcome: Result<LoggedIn, ErrorCode>) -> LogIn {
    match outcome {
        Ok(LoggedIn::Page(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn refused(outcome: Result<LoggedIn, ErrorCode>) -> HeldRefusal {
    match outcome {
        Ok(LoggedIn::Again(_, Again::Credential(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

fn back(outcome: Result<LoggedIn, ErrorCode>) -> String {
    match outcome {
        Ok(LoggedIn::Back(address)) => address,
        other => panic!("{other:?}"),
    }
}

fn with_verifier() -> (World, Arc<Verifier>) {
    let verifier = Arc::new(Verifier::default());
    let World { dir, register, issuer } = world();
    (World { dir, register, issuer: issuer.with_log_in_by_credential(verifier.clone()) }, verifier)
}

/// What somebody's licence says.
fn licence_of(world: &World, person: &str) -> BTreeMap<String, String> {
    let person = world.register.person(&PersonId::new(person)).unwrap();
    let said = |name: &str| (name.to_owned(), person.attribute(name).unwrap().to_owned());
    ["name_ko", "birth_date", "licence_number"].map(said).into()
}

#[test]
fn held_01_to_03_on_the_same_device_the_browser_that_asked_goes_on() {
    let none = world();
    assert_eq!(push(&none, &[]), Err(ErrorCode::InvalidRequest), "HELD-01: nobody asks here");
    let (world, verifier) = with_verifier();
    let (mine, other) = (open(&world), open(&world));
    assert!(matches!(&mine.held, HeldStep::Offered(_, en) if en == "Driver's <licence>"), "{:?}", mine.held);
    assert_eq!(mine.card, None, "nobody has a card");
    let here = page(step(&world, &mine, "here", NOW));
    assert!(matches!(&here.held, HeldStep::Asked { link, here: true } if link.ends_with("request-1")));
    // HELD-02: what the person agrees to names issuer, wallet and credential, and nothing that a wallet could not show.
    let question = verifier.0.lock().unwrap().asked[0].clone();
    assert_eq!(question.back.as_deref(), Some("http://127.0.0.1:8701/openid4vci/shown"));
    assert!(
        question
            .text_en
            .starts_with("http://127.0.0.1:8701 issues into the wallet 'wallet of somebody': Mobile driver's licence."),
        "{}",
        question.text_en
    );
    page(step(&world, &other, "here", NOW));

    let shown = |page: &LogIn, code: &str, now: u64| {
        world.issuer.openid_shown(&page.request_uri, &page.session, code, now, &mut fresh())
    };
    assert_eq!(refused(shown(&mine, "code-1", NOW)), HeldRefusal::CredentialNotShown);
    verifier.found(1, Ok(licence_of(&world, HOLDER)));
    // HELD-03: another browser's session, another log-in's code, no session, no page on the same device, too late.
    assert_eq!(refused(shown(&other, "code-1", NOW)), HeldRefusal::CredentialNotShown, "asked under another name");
    assert_eq!(refused(shown(&mine, "code-2", NOW)), HeldRefusal::ShownElsewhere);
    let stolen = world.issuer.openid_shown(&mine.request_uri, &other.session, "code-1", NOW, &mut fresh());
    assert_eq!(stolen.err(), Some(ErrorCode::InvalidRequestUri));
    assert_eq!(shown(&open(&world), "code-1", NOW).err(), Some(ErrorCode::InvalidRequest), "nothing was asked");
    assert_eq!(shown(&mine, "code-1", NOW + 600).err(), Some(ErrorCode::InvalidRequestUri), "run out");
    assert_eq!(step(&world, &mine, "shown", NOW).err(), Some(ErrorCode::InvalidRequest), "that is for another device");
    assert_eq!(step(&world, &mine, "confirmed", NOW).err(), Some(ErrorCode::InvalidRequest));
    let address = back(shown(&mine, "code-1", NOW + 599));
    assert!(address.starts_with("app:/back?code=") && address.contains("&state=s&iss="), "{address}");
    assert_eq!(shown(&mine, "code-1", NOW).err(), Some(ErrorCode::InvalidRequestUri), "once");
    world.issuer.check_audit().unwrap();
}

#[test]
fn held_04_from_another_device_the_person_confirms() {
    let (world, verifier) = with_verifier();
    let log_in = open(&world);
    for early in ["shown", "confirmed", "unknown"] {
        assert_eq!(step(&world, &log_in, early, NOW).err(), Some(ErrorCode::InvalidRequest));
    }
    page(step(&world, &log_in, "elsewhere", NOW));
    assert_eq!(verifier.0.lock().unwrap().asked[0].back, None);
    // The link is still there while nothing has come.
    let again = step(&world, &log_in, "shown", NOW);
    let Ok(LoggedIn::Again(waiting, _)) = &again else { panic!("{again:?}") };
    assert!(matches!(&waiting.held, HeldStep::Asked { here: false, .. }));
    assert_eq!(refused(again), HeldRefusal::CredentialNotShown);
    verifier.found(1, Ok(licence_of(&world, HOLDER)));
    let code = world.issuer.openid_shown(&log_in.request_uri, &log_in.session, "code-1", NOW, &mut fresh());
    assert_eq!(code.err(), Some(ErrorCode::InvalidRequest), "that is for the same device");
    let found = page(step(&world, &log_in, "shown", NOW));
    assert!(matches!(&found.held, HeldStep::Recognised(name) if name == "홍○○"), "{:?}", found.held);
    // The verdict was told once; the page can be shown again.
    assert!(matches!(page(step(&world, &log_in, "shown", NOW)).held, HeldStep::Recognised(_)));
    // Whoever asks anew is not confirmed as the one before.
    page(step(&world, &log_in, "elsewhere", NOW));
    assert_eq!(step(&world, &log_in, "confirmed", NOW).err(), Some(ErrorCode::InvalidRequest));
    verifier.found(2, Ok(licence_of(&world, HOLDER)));
    page(step(&world, &log_in, "shown", NOW));
    assert!(back(step(&world, &log_in, "confirmed", NOW)).contains("code="));
    assert_eq!(step(&world, &log_in, "confirmed", NOW).err(), Some(ErrorCode::InvalidRequestUri), "once");
}

#[test]
fn held_05_the_register_knows_one_living_person_of_whom_all_is_true() {
    let (world, verifier) = with_verifier();
    let log_in = open(&world);
    let mut asked = 0;
    let mut shows = |found: Found| {
        asked += 1;
        page(step(&world, &log_in, "elsewhere", NOW));
        verifier.found(asked, found);
        step(&world, &log_in, "shown", NOW)
    };
    // One part of another person's, a part of what several are, nothing.
    let mut mixed = licence_of(&world, HOLDER);
    mixed.insert("licence_number".into(), licence_of(&world, LEAP_DAY_CHILD)["licence_number"].clone());
    let vague = BTreeMap::from([("nationality".to_owned(), "KOR".to_owned())]);
    for unfit in [mixed, vague, BTreeMap::new()] {
        assert_eq!(refused(shows(Ok(unfit))), HeldRefusal::HolderNotFound);
    }
    // Revoked, declined, run out: the verifier's business, and no more is said.
    assert_eq!(refused(shows(Err(HeldRefusal::CredentialNotAccepted))), HeldRefusal::CredentialNotAccepted);
    page(shows(Ok(licence_of(&world, HOLDER))));
    // Somebody who has died since.
    world.register.record_death(&PersonId::new(HOLDER)).unwrap();
    assert!(back(step(&world, &log_in, "confirmed", NOW)).contains("error=access_denied"));
    assert_eq!(step(&world, &log_in, "confirmed", NOW).err(), Some(ErrorCode::InvalidRequestUri), "it is over");
}

#[test]
fn held_06_a_log_in_asks_eight_times_and_one_with_an_offer_never() {
    let (world, verifier) = with_verifier();
    let log_in = open(&world);
    verifier.0.lock().unwrap().is_down = true;
    for _ in 0..8 {
        assert_eq!(refused(step(&world, &log_in, "here", NOW)), HeldRefusal::CredentialCheckUnavailable);
    }
    verifier.0.lock().unwrap().is_down = false;
    assert_eq!(step(&world, &log_in, "here", NOW).err(), Some(ErrorCode::AccessDenied));
    page(step(&world, &open(&world), "here", NOW));
    let made = world.offer(HOLDER, &[LICENCE], true, false);
    let name = push(&world, &[("issuer_state", &base64url(&made.offer.code))]).unwrap();
    let asked = parameters(&[("client_id", "wallet\u{7} of <somebody>"), ("request_uri", &name)]);
    let offered = world.issuer.openid_authorize(&asked, NOW, &mut fresh()).unwrap();
    assert!(matches!(offered.held, HeldStep::None));
    assert_eq!(step(&world, &offered, "here", NOW).err(), Some(ErrorCode::InvalidRequest));
}
