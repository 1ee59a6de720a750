//! The main job in one process: issue, hold, present, verify, and every refusal that matters.
//!
//! The services speak HTTP on the loopback interface, as they would between machines; the wallet's app
//! fetches from them; wallet and verifier themselves touch no network. Nothing is left out to be quick.

mod story;
mod table;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use issuer::register::PersonId;
use issuer::{OfferTerms, RevocationReason};
use protocol::exchange::{Query, Request, qr};
use protocol::ledger::record::Record;
use protocol::ledger::state::TrustedState;
use verifier::{Asked, Policy, SeenInMemory, Verdict, Verifier};
use wallet_core::{Decision, KdfParameters, PersonalNumbers, SetUp, SoftwareSecureArea, Wallet};

use crate::cli::fetch::{self, Sources};
use crate::clock::{self, Now};
use crate::network::Network;
use crate::output::CliError;
use crate::randomness;
use story::{Lang, Story};

/// The driver's licence.
const LICENCE: &str = "kr.go.police.driver-licence.1";
/// The credential that is proven about and never shown.
const ZK_IDENTITY: &str = "kr.go.police.zk-identity.1";
/// The person of the story, in the sample register.
const PERSON: &str = "person-0001";
/// The PIN of the story.
const PIN: &str = "839174";
/// Seconds a displayed code lives.
const WINDOW: u64 = 30;

/// `mid demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Language of the story
    #[arg(long, value_enum, default_value = "en")]
    lang: Lang,
    /// Also write the story as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep everything the story made in this (new) directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Tells the story. Returns whether every step and every refusal came out as told.
pub(crate) fn run(args: &DemoArgs) -> Result<bool, CliError> {
    let place = Place::new(args.keep.clone())?;
    let mut story = Story::new(args.lang);
    let told = tell(&mut story, &place.dir);
    if let Err(why) = &told {
        story.print(&format!("\n{}: {why}", args.lang.pick("이야기가 끊겼습니다", "The story broke off")));
    } else {
        table::print(&story);
    }
    if let Some(path) = &args.json {
        crate::files::write(path, story.json()?.as_bytes())?;
    }
    let came_true = told.is_ok() && story.came_true();
    story.say(
        if came_true {
            "\n모든 단계와 모든 거절이 이야기한 대로 되었습니다."
        } else {
            "\n이야기한 대로 되지 않은 것이 있습니다(✗)."
        },
        if came_true {
            "\nEvery step and every refusal came out as told."
        } else {
            "\nSomething did not come out as told (✗)."
        },
    );
    Ok(came_true)
}

/// Where the story happens: a given directory, or one that is removed at the end.
struct Place {
    dir: PathBuf,
    temporary: bool,
}

impl Place {
    fn new(keep: Option<PathBuf>) -> Result<Self, CliError> {
        let temporary = keep.is_none();
        let dir = keep.unwrap_or_else(|| std::env::temp_dir().join(format!("mid-demo-{}", std::process::id())));
        if dir.exists() {
            return Err(CliError::usage(format!("{} exists already; name a new directory", dir.display())));
        }
        crate::files::make_private_directory(&dir)?;
        Ok(Self { dir, temporary })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // A temporary directory that cannot be removed is the operating system's to clean up.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// What the acts of the story share.
struct Stage<'a> {
    dir: &'a Path,
    network: Network,
    wallet: Wallet,
}

fn tell(story: &mut Story, dir: &Path) -> Result<(), String> {
    let network = start(story, &dir.join("network"))?;
    let wallet = hold(story, &network, dir)?;
    let stage = Stage { dir, network, wallet };
    let shown = present(story, &stage)?;
    refuse(story, &stage, &shown)?;
    stage.wallet.lock();
    stage.network.shutdown().map_err(named)
}

/// 1. The ledger and who is on it.
fn start(story: &mut Story, dir: &Path) -> Result<Network, String> {
    story.chapter(
        1,
        "원장이 시작되고, 누가 무엇을 할 수 있는지 기록됩니다",
        "The ledger starts and records who may do what",
    );
    let progress = story.progress("경찰청이 날짜 서명을 만드는 중", "the police agency signs its public set of days");
    let network = story.step(
        "ledger",
        "검증인 1대의 원장, 경찰청(운전면허 발급), 확인자 2곳(경찰, 가게) 등록",
        "a ledger of one validator; the police agency, police officers and a shop are registered",
        || {
            let made = Network::bootstrap(dir, SocketAddr::from(([127, 0, 0, 1], 0)), None, None, &progress);
            let served = made.and_then(|mut network| network.serve().map(|()| network));
            served.map_err(named)
        },
    )?;
    let members = [
        (network.issuer().did(), "경찰청 (발급자)", "National Police Agency (issuer)"),
        (&network.police().did, "경찰관 (확인자)", "police officers (verifier)"),
        (&network.shop().did, "가게 (확인자)", "a shop (verifier)"),
    ];
    for (did, ko, en) in members {
        story.print(&format!("     {did}  {}", story.lang().pick(ko, en)));
    }
    story.say(
        "     가게는 '만 19세 이상'만 물을 수 있습니다. 국민은 원장에 없습니다.",
        "     The shop may ask for \"age ≥ 19\" and nothing else. Citizens are not on the ledger.",
    );
    Ok(network)
}

/// 2 and 3. A citizen is enrolled; the wallet fetches and keeps the credentials.
fn hold(story: &mut Story, network: &Network, dir: &Path) -> Result<Wallet, String> {
    story.chapter(
        2,
        "창구에서 본인 확인을 마치고 발급 초대를 받습니다",
        "At the counter a citizen is proofed and gets an offer",
    );
    let now = clock::now();
    let mut rng = randomness::os().map_err(named)?;
    let made = story.step(
        "enrol",
        "등록부에서 사람을 찾아 초대 QR을 만듦",
        "the clerk finds the person in the register and makes an offer",
        || {
            let terms = OfferTerms {
                credential_types: vec![LICENCE.to_owned(), ZK_IDENTITY.to_owned()],
                with_tx_code: true,
                replaces: false,
                review: false,
                life: 600,
            };
            network.issuer().offer(&PersonId::new(PERSON), &terms, now, &mut rng).map_err(|e| protocol::error_name(&e))
        },
    )?;
    let offer = made.offer.encode();
    story.size(offer.len());

    story.chapter(
        3,
        "지갑이 발급받아 암호화된 파일에 보관합니다",
        "The wallet fetches the credentials and keeps them encrypted",
    );
    let area =
        SoftwareSecureArea::open_or_create(&dir.join("phone"), &mut rng).map_err(|e| protocol::error_name(&e))?;
    let place = dir.join("wallet");
    let wallet = story.step(
        "wallet",
        "PIN을 정하고 지갑을 만듦",
        "the owner chooses a PIN; the wallet is created",
        || {
            let set_up = SetUp {
                pin: PIN,
                personal: PersonalNumbers::default(),
                kdf: KdfParameters::RECOMMENDED,
                idle_seconds: 300,
            };
            Wallet::create(&place, Arc::new(area), &set_up, now, &mut rng).map_err(|e| protocol::error_name(&e))
        },
    )?;
    let app = dir.join("app");
    crate::files::make_private_directory(&app).map_err(named)?;
    let sources = Sources::of(&network.dir().join("anchor.cbor"), &network.ledger_url());
    let received = story.step(
        "issue",
        "연결 비밀은 가린 채 운전면허증과 영지식 신원증명을 발급받음",
        "licence and ZK identity are issued; the link secret is never shown to the issuer",
        || {
            fetch::accept(&wallet, &app, &offer, made.tx_code.as_deref().map(String::as_str), &sources, Now::default())
                .map_err(named)
        },
    )?;
    story.size(received.len());
    for (_, name) in &received {
        story.print(&format!("     · {}", story.lang().pick(&name.ko, &name.en)));
    }
    Ok(wallet)
}

/// A code as it was shown.
struct Code {
    payload: Vec<u8>,
    made_at: u64,
}

/// 4. Shown, read back from the picture, checked with nothing but the bundle.
///
/// Returns the code that the shop saw, for the refusals that follow.
fn present(story: &mut Story, stage: &Stage<'_>) -> Result<Code, String> {
    story.chapter(
        4,
        "QR을 보여 주고, 확인자는 신뢰 묶음만으로 검사합니다",
        "The wallet shows a QR; the verifier checks it with nothing but its trust bundle",
    );
    let trust = story.step(
        "bundle",
        "확인자가 신뢰 묶음을 받아 검증함",
        "the verifiers download and verify the trust bundle",
        || {
            // The first licence opened a status list; it is on the ledger within half a second, or now.
            stage.network.publish().map_err(named)?;
            stage.network.trust().map_err(named)
        },
    )?;
    let age = show(
        story,
        stage,
        &trust,
        &Showing {
            credential_type: ZK_IDENTITY,
            profile: "age-19",
            ids: ["prove", "draw", "read", "verify"],
            asker: ("가게", "a shop"),
            draw_in_terminal: true,
        },
    )?;
    show(
        story,
        stage,
        &trust,
        &Showing {
            credential_type: ZK_IDENTITY,
            profile: "adult-driver",
            ids: ["prove-rental", "draw-rental", "read-rental", "verify-rental"],
            asker: ("차량 대여점", "a car rental desk"),
            draw_in_terminal: false,
        },
    )?;
    show(
        story,
        stage,
        &trust,
        &Showing {
            credential_type: LICENCE,
            profile: "roadside",
            ids: ["prove-licence", "draw-licence", "read-licence", "verify-licence"],
            asker: ("경찰관", "a police officer"),
            draw_in_terminal: false,
        },
    )?;
    Ok(age)
}

struct Showing<'a> {
    credential_type: &'static str,
    profile: &'static str,
    ids: [&'static str; 4],
    asker: (&'a str, &'a str),
    draw_in_terminal: bool,
}

fn show(story: &mut Story, stage: &Stage<'_>, trust: &TrustedState, showing: &Showing<'_>) -> Result<Code, String> {
    let [prove, draw, read, verify] = showing.ids;
    let (ko, en) = showing.asker;
    let made_at = clock::now();
    let payload = story.step(
        prove,
        &format!("지갑이 {ko}에 보여 줄 증명을 만듦"),
        &format!("the wallet makes a proof for: {en}"),
        || presentation(stage, showing.credential_type, showing.profile, made_at),
    )?;
    story.size(payload.len());
    let path = stage.dir.join(format!("{}.png", showing.profile));
    let version = story.step(draw, "QR로 그려 PNG로 저장함", "drawn as a QR code and written as PNG", || {
        let text = qr::to_text(qr::Kind::Presentation, &payload).map_err(|e| protocol::error_name(&e))?;
        let drawing = qr::Drawing::new(&text).map_err(|e| protocol::error_name(&e))?;
        crate::files::write(&path, &drawing.png().map_err(|e| protocol::error_name(&e))?).map_err(named)?;
        Ok((drawing.version(), drawing.terminal()))
    })?;
    if showing.draw_in_terminal {
        story.print(&version.1);
    }
    story.drawn(payload.len(), version.0);
    let received = story.step(
        read,
        "확인자가 그림에서 QR을 읽음",
        "the verifier reads the code from the picture",
        || {
            let picture = crate::files::read(&path).map_err(named)?;
            let text = qr::read_png(&picture).map_err(|e| protocol::error_name(&e))?;
            qr::from_text(qr::Kind::Presentation, &text).map_err(|e| protocol::error_name(&e))
        },
    )?;
    let verdict = story.step(verify, "네트워크 없이 검사함", "checked with no network", || {
        check(trust, &query(trust, showing.credential_type, showing.profile)?, &received, clock::now())
    })?;
    told(story, &verdict, trust);
    Ok(Code { payload: received, made_at })
}

/// What the verifier's screen says.
fn told(story: &mut Story, verdict: &Verdict, trust: &TrustedState) {
    let lang = story.lang();
    for claim in verdict.claims() {
        story.print(&format!("     {}: {}", claim.label.text(lang.code()), claim.value.text(lang.code())));
    }
    for predicate in verdict.proven() {
        let credential_type = trust.credential_type(verdict.credential_type());
        let text = predicate.text(credential_type, lang.code());
        story.print(&format!("     {text}: {}", lang.pick("참", "true")));
    }
    story.trusted(verdict.trust().height, verdict.trust().age);
}

/// 5. What must not work.
fn refuse(story: &mut Story, stage: &Stage<'_>, shown: &Code) -> Result<(), String> {
    story.chapter(5, "거절되어야 하는 것들", "What must be refused");
    let network = &stage.network;
    let trust = network.trust().map_err(named)?;
    let age = query(&trust, ZK_IDENTITY, "age-19")?;
    let licence = query(&trust, LICENCE, "roadside")?;

    story.refused(
        "screenshot",
        "Expired",
        "31초 뒤에 보여 준 같은 그림",
        "the same picture 31 seconds later",
        check(&trust, &age, &shown.payload, shown.made_at + WINDOW + 1),
    );

    let mut flipped = shown.payload.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    story.refused(
        "flipped-byte",
        "ProofInvalid",
        "한 바이트가 바뀐 코드",
        "one flipped byte",
        check(&trust, &age, &flipped, shown.made_at),
    );

    over_ask(story, stage, &trust)?;

    stage.wallet.lock();
    let wrong = stage.wallet.unlock("502618", clock::now()).map_err(|e| protocol::error_name(&e));
    story.refused("wrong-pin", "PinIncorrect", "틀린 PIN", "a PIN typed wrong", wrong);
    stage.wallet.unlock(PIN, clock::now()).map_err(|e| protocol::error_name(&e))?;

    story.step(
        "revoke",
        "경찰청이 면허를 취소하고 원장에 기록함",
        "the agency revokes the licence and anchors it",
        || {
            let person = PersonId::new(PERSON);
            network
                .issuer()
                .revoke(&person, LICENCE, RevocationReason::RightWithdrawn, clock::now())
                .map_err(|e| protocol::error_name(&e))?;
            network.publish().map_err(named)
        },
    )?;
    let refreshed = network.trust().map_err(named)?;
    let now = clock::now();
    let again = presentation(stage, LICENCE, "roadside", now)?;
    story.refused(
        "revoked",
        "StatusRevoked",
        "신뢰 묶음을 새로 받은 뒤 보여 준 취소된 면허",
        "the revoked licence, after the bundle was refreshed",
        check(&refreshed, &licence, &again, now),
    );

    story.step(
        "withdraw-accreditation",
        "행정부가 경찰청의 영지식 신원증명 발급 자격을 거둠",
        "the ministry withdraws the agency's accreditation for the ZK identity",
        || {
            let record = refreshed.accreditation(network.issuer().did(), ZK_IDENTITY, now);
            let mut record = record.cloned().ok_or_else(|| "no accreditation to withdraw".to_owned())?;
            record.withdrawn = true;
            network.decree(vec![Record::Accreditation(record)]).map_err(named)
        },
    )?;
    let refreshed = network.trust().map_err(named)?;
    let now = clock::now();
    let again = presentation(stage, ZK_IDENTITY, "age-19", now)?;
    story.refused(
        "not-accredited",
        "IssuerNotAuthorizedForType",
        "발급 자격이 없는 기관의 증명",
        "an issuer that is not accredited for the type",
        check(&refreshed, &age, &again, now),
    );
    Ok(())
}

/// A shop that asks for more than it registered: its own tool refuses, and so does the wallet.
fn over_ask(story: &mut Story, stage: &Stage<'_>, trust: &TrustedState) -> Result<(), String> {
    let shop = stage.network.shop();
    let key = stage.network.verifier_key(shop).map_err(named)?;
    let now = clock::now();
    let mut rng = randomness::os().map_err(named)?;
    let mut query = query(trust, ZK_IDENTITY, "age-19")?;
    query.show = vec!["birth_date".to_owned()];
    query.prove.clear();
    let identity = verifier::ask::Identity { did: shop.did.clone(), key: shop.key_name.clone(), signer: &key };
    let own_tool = verifier::ask::request(&identity, "age-19", query.clone(), trust, now, 120, &mut rng);
    story.refused(
        "over-ask-own-tool",
        "AttributeNotRegistered",
        "가게가 등록보다 많이(생년월일) 물음: 가게의 도구가 거절",
        "a shop asks for more than it registered (birth date): its own tool refuses",
        own_tool.map_err(|e| protocol::error_name(&e)),
    );
    let request = Request::new(shop.did.clone(), &shop.key_name, "age-19", query, now, 120, &mut rng);
    let signed = request.sign(&key).map_err(|e| protocol::error_name(&e))?;
    let consent = stage.wallet.read_request(&signed.encode(), now).map_err(|e| protocol::error_name(&e))?;
    let answered = stage.wallet.answer(&consent, Decision::Approve, now, &mut rng);
    story.refused(
        "over-ask",
        "AttributeNotRegistered",
        "그래도 보낸 요청: 지갑이 막음",
        "the request sent all the same: the wallet blocks it",
        answered.map_err(|e| protocol::error_name(&e)),
    );
    Ok(())
}

/// What a profile of a type asks.
fn query(trust: &TrustedState, credential_type: &str, profile: &str) -> Result<Query, String> {
    let known = trust.credential_type(credential_type).ok_or("the credential type is not on the ledger")?;
    let profile = known.profile(profile).ok_or("the credential type has no such profile")?;
    Ok(Query::of_profile(known, profile))
}

fn presentation(stage: &Stage<'_>, credential_type: &str, profile: &str, now: u64) -> Result<Vec<u8>, String> {
    let mut rng = randomness::os().map_err(named)?;
    let held = stage.wallet.credentials(now).map_err(|e| protocol::error_name(&e))?;
    let credential =
        held.iter().find(|held| held.credential_type == credential_type).ok_or("the wallet does not hold it")?;
    stage.wallet.show_profile(&credential.id, profile, now, &mut rng).map_err(|e| protocol::error_name(&e))
}

/// One check by a scanner that has seen nothing yet.
fn check(trust: &TrustedState, query: &Query, presentation: &[u8], now: u64) -> Result<Verdict, String> {
    let mut scanner = Verifier::new(Policy::default(), SeenInMemory::default());
    scanner.check(&Asked::Displayed(query), presentation, trust, now).map_err(|refusal| refusal.name())
}

fn named(error: CliError) -> String {
    match error {
        CliError::Refused { name, message } => format!("{name}: {message}"),
        CliError::Usage(message) => message,
    }
}
