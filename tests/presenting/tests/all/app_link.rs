//! From app to app: who may hand a request over, where its answer goes, and who reads that.

use protocol::crypto::agreement::AgreementKey;
use protocol::crypto::jose::base64url;
use protocol::crypto::keys::Ed25519SigningKey;
use protocol::crypto::multikey::Multikey;
use protocol::exchange::app_link::{
    AppLinkError, AppRequest, Reply, SignedAppRequest, answer_of, is_app_link, open_answer,
};
use protocol::exchange::{RequestError, SignedRequest};
use protocol::ledger::state::TrustedState;
use tests::rng;
use tests::world::{NOW, World};

const APP: &str = "kr.example.scooter";

fn session() -> AgreementKey {
    AgreementKey::from_seed(&[3; 32]).unwrap()
}

fn open(link: &str) -> Reply {
    Reply::Open(link.to_owned())
}

fn wrapped(request: &SignedRequest, caller: Option<&str>, reply: Reply) -> AppRequest {
    let key = session().public().unwrap();
    AppRequest { request: request.clone(), caller: caller.map(str::to_owned), reply, key }
}

struct Scene {
    world: World,
    trust: TrustedState,
    request: SignedRequest,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let (request, trust) = (world.shop_request("app link"), world.trust("usual"));
        Self { world, trust, request }
    }

    fn signed(&self, caller: Option<&str>, reply: Reply) -> SignedAppRequest {
        wrapped(&self.request, caller, reply).sign(&self.world.shop.key).unwrap()
    }

    fn refused(&self, link: &SignedAppRequest, caller: Option<&str>, now: u64) -> AppLinkError {
        link.authenticate(caller, &self.trust, now).map(|_| ()).unwrap_err()
    }
}

#[test]
fn alnk_01_a_link_is_one_encoding() {
    let scene = Scene::new();
    let signed = scene.signed(Some(APP), open("scooter://done"));
    let link = signed.link("mid-wallet://answer");
    assert!(link.starts_with("mid-wallet://answer#mid=") && SignedAppRequest::is_link(&link));
    assert_eq!(SignedAppRequest::read(&link), Ok(signed.clone()));
    assert_eq!(SignedAppRequest::read(&signed.link("https://wallet.example/answer")), Ok(signed));
    for broken in [
        "mid-wallet://answer".to_owned(),
        format!("{link}="),
        format!("{link}AA"),
        link.replace("#mid=", "?mid="),
        format!("x#mid={}", "A".repeat(8_192)),
    ] {
        assert_eq!(SignedAppRequest::read(&broken), Err(AppLinkError::MalformedLink), "{broken}");
    }
    let other = AppRequest { key: Multikey::Ed25519([1; 32]), ..wrapped(&scene.request, Some(APP), open("a://b")) };
    assert_eq!(other.sign(&scene.world.shop.key), Err(AppLinkError::MalformedLink));
    let mut newer = protocol::crypto::jose::from_base64url(link.split_once("#mid=").unwrap().1).unwrap();
    // The first member of the payload, a list of five.
    let version = newer.windows(2).position(|it| it == [0x85, 1]).unwrap() + 1;
    newer[version] = 2;
    let newer = SignedAppRequest::read(&format!("a://b#mid={}", base64url(&newer))).unwrap();
    assert_eq!(scene.refused(&newer, Some(APP), NOW), AppLinkError::UnsupportedVersion);
    // Everything that travelled is under the signature: no bit of it can be changed.
    let bytes = protocol::crypto::jose::from_base64url(link.split_once("#mid=").unwrap().1).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let read = SignedAppRequest::read(&format!("a://b#mid={}", base64url(&changed)));
        let refused = read.and_then(|it| it.authenticate(Some(APP), &scene.trust, NOW).map(|_| ()));
        assert!(refused.is_err(), "byte {at}");
    }
}

#[test]
fn alnk_02_the_verifier_signs_what_stands_around_its_question() {
    let scene = Scene::new();
    let good = scene.signed(Some(APP), open("scooter://done"));
    let read = good.authenticate(Some(APP), &scene.trust, NOW).unwrap();
    assert_eq!(read.reply, open("scooter://done"));
    assert_eq!(read.request.digest, scene.request.digest());
    // A thief wraps a genuine question, to have the answer itself.
    let thief = Ed25519SigningKey::from_seed(&[66; 32]);
    let stolen = wrapped(&scene.request, Some("evil"), open("evil://x")).sign(&thief).unwrap();
    let not_authentic = AppLinkError::Request(RequestError::RequestNotAuthenticated);
    assert_eq!(scene.refused(&stolen, Some("evil"), NOW), not_authentic);
    let by_police = wrapped(&scene.request, Some(APP), open("scooter://done")).sign(&scene.world.police.key).unwrap();
    assert_eq!(scene.refused(&by_police, Some(APP), NOW), not_authentic, "another verifier");
    let expired = AppLinkError::Request(RequestError::RequestExpired);
    assert_eq!(scene.refused(&good, Some(APP), NOW + 3_600), expired, "as the question inside");
}

#[test]
fn alnk_03_answers_go_to_apps() {
    let scene = Scene::new();
    for link in ["scooter://done", "kr.example.app://x?y=1", "https://rental.example/back"] {
        assert!(is_app_link(link), "{link}");
        let signed = scene.signed(Some(APP), open(link));
        assert!(signed.authenticate(Some(APP), &scene.trust, NOW).is_ok(), "{link}");
    }
    for link in [
        "javascript://x",
        "file:///etc/passwd",
        "intent://x",
        "http://rental.example/",
        "data://x",
        "about://x",
        "blob://x",
        "https://user@rental.example/",
        "scooter://a b",
        "scooter://done#x",
        "SCOOTER://done",
        "1scooter://done",
        "://done",
        "scooter:done",
        "",
    ] {
        let refused = wrapped(&scene.request, Some(APP), open(link)).sign(&scene.world.shop.key);
        assert_eq!(refused, Err(AppLinkError::SchemeNotAllowed), "E11: {link}");
    }
    for address in ["http://rental.example/x", "scooter://x", "https://rental.example/#x"] {
        let refused = wrapped(&scene.request, None, Reply::Post(address.to_owned())).sign(&scene.world.shop.key);
        assert_eq!(refused, Err(AppLinkError::SchemeNotAllowed), "{address}");
    }
}

#[test]
fn alnk_04_only_the_app_that_asks_hands_it_over() {
    let scene = Scene::new();
    let to_app = scene.signed(Some(APP), open("scooter://done"));
    assert_eq!(scene.refused(&to_app, Some("kr.example.evil"), NOW), AppLinkError::CallerNotTrusted, "E18");
    assert_eq!(scene.refused(&to_app, None, NOW), AppLinkError::CallerNotTrusted, "E18: the system does not say who");
    let nobody = wrapped(&scene.request, None, open("scooter://done")).sign(&scene.world.shop.key);
    assert_eq!(nobody, Err(AppLinkError::CallerNotTrusted));
    // A code on a screen is handed over by nobody, or by a camera.
    let posted = scene.signed(None, Reply::Post("https://rental.example/a".to_owned()));
    for caller in [None, Some("camera")] {
        assert!(posted.authenticate(caller, &scene.trust, NOW).is_ok());
    }
}

#[test]
fn alnk_05_nobody_else_reads_the_answer() {
    let scene = Scene::new();
    let signed = scene.signed(Some(APP), open("scooter://done"));
    let read = signed.authenticate(Some(APP), &scene.trust, NOW).unwrap();
    let digest = signed.digest();
    let answer = read.seal(Some(b"presentation"), &mut rng("seal")).unwrap();
    let back = read.back(&answer).unwrap();
    assert!(back.starts_with("scooter://done#answer="));
    assert_eq!(answer_of(&back).unwrap(), answer);
    assert_eq!(open_answer(&session(), &digest, &answer).unwrap().unwrap(), b"presentation");
    // E19: an app that took the scheme over has another key, or none.
    let hijacker = AgreementKey::from_seed(&[4; 32]).unwrap();
    assert_eq!(open_answer(&hijacker, &digest, &answer), Err(AppLinkError::DecryptionFailed), "E19");
    let other = scene.signed(Some(APP), open("scooter://other"));
    assert_eq!(open_answer(&session(), &other.digest(), &answer), Err(AppLinkError::DecryptionFailed));
    // That there is no answer is sealed as well, and is the same for whatever reason.
    let nothing = read.seal(None, &mut rng("nothing")).unwrap();
    assert_eq!(open_answer(&session(), &digest, &nothing), Ok(None));
    for broken in ["scooter://done", "scooter://done#answer=***"] {
        assert_eq!(answer_of(broken), Err(AppLinkError::MalformedLink));
    }
    assert_eq!(open_answer(&session(), &digest, b"\x80"), Err(AppLinkError::MalformedLink));
    let posted = scene.signed(None, Reply::Post("https://rental.example/a".to_owned()));
    assert_eq!(posted.authenticate(None, &scene.trust, NOW).unwrap().back(&answer), None);
}

#[tokio::test]
async fn a_wallet_reads_links_of_apps_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let wallet = crate::held::new_wallet(&presenting::World::at(crate::service::NOW), place.path());
    let read = |link: &str| wallet.read_app_link(link, Some("kr.example.shop"), crate::service::NOW).unwrap_err();
    assert_eq!(read("mid-wallet://answer"), wallet_core::WalletError::AppLink(AppLinkError::MalformedLink));
    // A link of another ledger's verifier: who asks is nobody here.
    let there = World::new();
    let service = crate::apps::service(&there, true, || NOW);
    let created = service.create(verifier_server::apps::NewAppRequest {
        purpose: "age-check".into(),
        credential_type: Some(there.identities.credential_type.id.clone()),
        profile: Some("age-19".into()),
        query: None,
        caller: Some("kr.example.shop".into()),
        back: Some("shop://done".into()),
        wallet: None,
        push: None,
    });
    assert_eq!(
        read(&created.await.unwrap().link),
        wallet_core::WalletError::Request(RequestError::VerifierNotRegistered)
    );
}
