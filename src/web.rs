//! Everything a network serves, under one address.
//!
//! | path | |
//! |---|---|
//! | `/`, `/ko`, `/en` | what is where |
//! | `/ko/check`, `/en/check` | check a presentation by hand |
//! | `/verifier/check?type=…&profile=…` | the same for programs: the presentation in, the verdict or refusal out |
//! | `/openid4vp/…` | the traffic control asks wallets of others; its token is in `police/api.token` |
//! | `/bundle`, `/anchor` | the trust bundle and the trust anchor, for pages of any origin |
//! | `/scanner/`, `/wallet/` | the scanner app and the wallet app, where `cargo xtask wasm` has put them together |
//! | `/ledger/…` | the ledger node's API |
//! | `/issuer/…` | the issuer's API |

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use issuer::server::{self, AdminToken, Limits, Service};
use ledger_node::Node;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::state::TrustedState;
use serde::Deserialize;
use tokio::task::JoinHandle;
use verifier_server::Question;

use crate::network::{Network, Publisher};
use crate::output::CliError;
use crate::page::{self, Choice, Lang, Member, Overview, Place};
use crate::{clock, randomness, serving, web_app};

/// How often what the issuer changed is made known.
const PUBLISH_EVERY: Duration = Duration::from_millis(500);
/// How often it is asked whether a new day has begun, in turns of [`PUBLISH_EVERY`].
const DAY_EVERY: u32 = 120;
/// Largest body: a picture of a code.
const BODY_MAX: usize = 2 * 1024 * 1024;

struct Site {
    node: Node,
    trust: NewestTrust,
    places: Vec<Place>,
    members: Vec<Member>,
    ledger: String,
    directory: String,
    verifier: verifier_server::Service,
}

/// Serves the network and keeps its issuer's changes published, until it stops.
pub(crate) fn start(network: &Network, listener: TcpListener) -> Result<Vec<JoinHandle<()>>, CliError> {
    let token = AdminToken::load(network.issuer().dir(), &mut randomness::os()?)?;
    let service = Service::new(network.issuer().clone(), Arc::new(clock::now), token, Limits::default());
    let trust = NewestTrust::new(network.node().clone());
    let newest = trust.clone();
    let checks = verifier_server::Service::new(move || newest.get(), clock::now);
    let web = serving::web_dir(None);
    let [scanner, wallet] = ["scanner", "wallet"].map(|name| web.as_deref().and_then(|web| web_app::router(web, name)));
    let newest = trust.clone();
    let presenting = network.presenting(move || newest.get())?;
    let app = pages(site(network, trust, checks.clone(), [scanner.is_some(), wallet.is_some()]))
        .merge(scanner.unwrap_or_default())
        .merge(wallet.unwrap_or_default())
        .merge(presenting.router())
        .nest("/verifier", checks.router())
        .nest("/ledger", network.node().router())
        .merge(server::well_known(service.clone()))
        .nest("/issuer", server::router(service));
    let unusable = |error| CliError::refused("AddressUnusable", format!("cannot serve: {error}"));
    let _inside = network.runtime().enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(unusable)?;
    let mut stopping = network.stopping();
    let serving = network.runtime().spawn(async move {
        let stopped = async move {
            // The sender is gone only when the network is.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        ledger_node::serve_router(listener, app, ledger_node::Limits::default(), stopped).await;
    });
    let mut stopping = network.stopping();
    let publisher = network.publisher();
    let publishing = network.runtime().spawn(async move {
        let mut turn = 0u32;
        while !*stopping.borrow() {
            let publisher = publisher.clone();
            let done = tokio::task::spawn_blocking(move || keep_up(&publisher, turn.is_multiple_of(DAY_EVERY))).await;
            if done.is_err() {
                tracing::error!("publishing failed");
            }
            turn = turn.wrapping_add(1);
            let _ = tokio::time::timeout(PUBLISH_EVERY, stopping.changed()).await;
        }
    });
    Ok(vec![serving, publishing])
}

fn keep_up(publisher: &Publisher, new_day: bool) {
    let day = if new_day { publisher.begin_day() } else { Ok(()) };
    if let Err(CliError::Refused { name, .. }) = day.and_then(|()| publisher.publish().map(|_| ())) {
        tracing::warn!(name, "not published yet");
    }
}

/// The node's newest bundle, verified once and handed out until there is a newer one.
#[derive(Clone)]
struct NewestTrust(Arc<Source>);

struct Source {
    node: Node,
    last: Mutex<Option<Verified>>,
}

struct Verified {
    bundle: Arc<[u8]>,
    trust: Arc<TrustedState>,
}

impl NewestTrust {
    fn new(node: Node) -> Self {
        Self(Arc::new(Source { node, last: Mutex::new(None) }))
    }

    /// `None` while nothing is certified.
    fn get(&self) -> Option<Arc<TrustedState>> {
        let bundle = self.0.node.snapshot().ok()?;
        // Whoever finds the bundle new verifies it while the others wait: cheaper than each for itself.
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verified) = last.as_ref().filter(|verified| Arc::ptr_eq(&verified.bundle, &bundle)) {
            return Some(verified.trust.clone());
        }
        let anchor = self.0.node.anchor();
        let trust = Arc::new(TrustBundle::decode(&bundle).ok()?.verify(anchor, 0).ok()?);
        *last = Some(Verified { bundle, trust: trust.clone() });
        Some(trust)
    }
}

fn site(network: &Network, trust: NewestTrust, verifier: verifier_server::Service, has: [bool; 2]) -> Site {
    let url = network.url();
    let place = |path: &str, name_ko, name_en, about_ko, about_en| Place {
        name_ko,
        name_en,
        url: format!("{url}{path}"),
        about_ko,
        about_en,
    };
    let [has_scanner, has_wallet] = has;
    let scanner = has_scanner.then(|| {
        place(
            "/scanner/",
            "확인기 앱",
            "Scanner app",
            "카메라로 확인하는 웹 앱, 설치하면 네트워크 없이도 씁니다",
            "Checks by camera; once installed it needs no network",
        )
    });
    let wallet = has_wallet.then(|| {
        place(
            "/wallet/",
            "지갑 앱",
            "Wallet app",
            "신분증을 담고 보이는 웹 앱, 설치하면 네트워크 없이도 씁니다",
            "Holds and shows your IDs; once installed it needs no network",
        )
    });
    let member = |name_ko, name_en, did: &protocol::identifier::Did| Member { name_ko, name_en, did: did.to_string() };
    Site {
        node: network.node().clone(),
        trust,
        places: wallet
            .into_iter()
            .chain(scanner)
            .chain([
                place(
                    "/ledger/explorer/",
                    "원장 열람",
                    "Ledger explorer",
                    "검증 노드, 블록, 기관, 누가 무엇을 물을 수 있는지",
                    "Validators, blocks, organisations, and who may ask what",
                ),
                place(
                    "/ledger/v1/status",
                    "원장 노드",
                    "Ledger node",
                    "기록, 증명, DID 문서",
                    "Records, proofs, DID documents",
                ),
                place(
                    "/bundle",
                    "신뢰 묶음",
                    "Trust bundle",
                    "오프라인 검증에 필요한 모든 것",
                    "Everything an offline verifier needs",
                ),
                place(
                    "/anchor",
                    "신뢰 기준점",
                    "Trust anchor",
                    "검증기에 한 번 심는 것",
                    "What a verifier is given once",
                ),
            ])
            .collect(),
        members: vec![
            member("경찰청 (발급)", "National Police Agency (issuer)", network.issuer().did()),
            member("경찰청 교통 단속 (검증)", "Traffic control (verifier)", &network.police().did),
            member("편의점 (검증)", "Convenience store (verifier)", &network.shop().did),
        ],
        ledger: network.ledger_url(),
        directory: std::path::absolute(network.dir())
            .unwrap_or_else(|_| network.dir().to_owned())
            .display()
            .to_string(),
        verifier,
    }
}

fn pages(site: Site) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE) }))
        .route("/{lang}", get(landing))
        .route("/{lang}/", get(landing))
        .route("/{lang}/check", get(form).post(check_by_hand))
        .route("/bundle", get(bundle))
        .route("/anchor", get(anchor))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::new(site))
}

async fn home(state: State<Arc<Site>>, headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    overview(Lang::preferred(accepts), &state)
}

async fn landing(state: State<Arc<Site>>, Path(lang): Path<String>) -> Response {
    Lang::of_path(&lang).map_or_else(not_found, |lang| overview(lang, &state))
}

fn overview(lang: Lang, site: &Site) -> Response {
    let tip = site.node.latest();
    let overview = Overview {
        network: site.node.anchor().network.clone(),
        height: tip.height,
        time_ms: tip.time_ms,
        places: site.places.clone(),
        members: site.members.clone(),
        ledger: site.ledger.clone(),
        directory: site.directory.clone(),
    };
    html(lang, page::landing(lang, &overview))
}

async fn form(state: State<Arc<Site>>, Path(lang): Path<String>) -> Response {
    Lang::of_path(&lang).map_or_else(not_found, |lang| html(lang, page::check_form(lang, &choices(&state), None)))
}

/// What the form sends.
#[derive(Deserialize)]
struct Pasted {
    question: String,
    code: String,
}

async fn check_by_hand(state: State<Arc<Site>>, Path(lang): Path<String>, Form(pasted): Form<Pasted>) -> Response {
    let Some(lang) = Lang::of_path(&lang) else { return not_found() };
    let (credential_type, profile) = pasted.question.split_once('/').unwrap_or_default();
    let question = Question { credential_type: credential_type.to_owned(), profile: profile.to_owned() };
    let checked = state.verifier.check(question, pasted.code.trim().as_bytes().to_vec()).await;
    let result = checked.map_err(|error| (error.name(), error.to_string()));
    html(lang, page::check_form(lang, &choices(&state), Some(&result)))
}

/// Every ready-made question of the types on the ledger.
fn choices(site: &Site) -> Vec<Choice> {
    let Some(trust) = site.trust.get() else { return Vec::new() };
    let of_type = |t: &protocol::credential::CredentialType| {
        let choice = |profile: &protocol::credential::Profile| Choice {
            value: format!("{}/{}", t.id, profile.id),
            name_ko: format!("{}: {}", t.name.ko, profile.name.ko),
            name_en: format!("{}: {}", t.name.en, profile.name.en),
        };
        t.profiles.iter().map(choice).collect::<Vec<_>>()
    };
    trust.credential_types().flat_map(of_type).collect()
}

async fn bundle(state: State<Arc<Site>>) -> Response {
    match state.node.snapshot() {
        Ok(bundle) => cbor(Bytes::from_owner(bundle)),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn anchor(state: State<Arc<Site>>) -> Response {
    cbor(state.node.anchor().encode().into())
}

fn cbor(bytes: Bytes) -> Response {
    // Trust data proves itself, so that scanners may take it from any mirror.
    let headers = [(header::CONTENT_TYPE, "application/cbor"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, bytes).into_response()
}

/// A page that may load nothing and be put into no frame.
fn html(lang: Lang, page: String) -> Response {
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_LANGUAGE, lang.code()),
    ];
    (headers, Html(page)).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "not found").into_response()
}
