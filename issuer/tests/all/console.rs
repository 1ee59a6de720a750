//! The clerks' console over HTTP: who gets in, what forms are taken, four eyes, lists of people, the audit log.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use issuer::console::{Accounts, ChainState, Clerk, Console, ConsoleError, Role, router};
use issuer::keys::KeyStoreError;
use issuer::register::{FileRegister, PersonId};
use issuer::server::{AdminToken, Limits, Service};
use issuer::{Issuer, IssuerError, MadeOffer};
use protocol::exchange::Offer;
use protocol::exchange::qr::{self, Kind};
use tower::ServiceExt;

use crate::database::sql;
use crate::deferred::{PATH as DEFERRED, reviewed, waits};
use crate::http::{Site, site};
use crate::openid::{Foreign, SD_JWT, bad, key};
use crate::world::*;

struct Desk {
    app: Router,
    issuer: Arc<Issuer>,
    register: Arc<FileRegister>,
    clock: Arc<AtomicU64>,
    dir: Arc<tempfile::TempDir>,
    passwords: Vec<(&'static str, String)>,
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    /// What the page says that was refused.
    fn refused(&self) -> &str {
        between(&self.text, "id=\"refused\" translate=\"no\">", "<").unwrap_or_default()
    }

    fn form(&self) -> String {
        between(&self.text, "name=\"form\" value=\"", "\"").unwrap_or_default().to_owned()
    }

    fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{} {}", self.refused(), self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

const CLERKS: [(&str, &[Role]); 5] = [
    ("kim", &[Role::Clerk]),
    ("lee", &[Role::Approver]),
    ("park", &[Role::Auditor]),
    ("choi", &[Role::Clerk, Role::Approver]),
    ("jung", &[Role::Clerk, Role::Approver]),
];

fn clerk(id: &str, roles: &[Role]) -> Clerk {
    Clerk { id: id.to_owned(), name: format!("<{id}>"), roles: roles.to_vec() }
}

fn desk() -> Desk {
    let World { dir, issuer, register } = world();
    desk_of(Arc::new(dir), Arc::new(issuer), register, Arc::new(AtomicU64::new(NOW)))
}

fn desk_of(
    dir: Arc<tempfile::TempDir>,
    issuer: Arc<Issuer>,
    register: Arc<FileRegister>,
    clock: Arc<AtomicU64>,
) -> Desk {
    let mut accounts = Accounts::load(dir.path()).unwrap();
    let passwords = CLERKS.map(|(id, roles)| (id, accounts.set(&clerk(id, roles), &mut fresh()).unwrap().to_string()));
    let app = serve(&issuer, &clock, dir.path(), false);
    Desk { app, issuer, register, clock, dir, passwords: passwords.to_vec() }
}

fn serve(issuer: &Arc<Issuer>, clock: &Arc<AtomicU64>, dir: &Path, secure: bool) -> Router {
    let token = AdminToken::load(dir, &mut fresh()).unwrap();
    let read = clock.clone();
    let clock: issuer::server::Clock = Arc::new(move || read.load(Ordering::Relaxed));
    router(Console::new(Service::new(issuer.clone(), clock, token, Limits::default()), secure))
}

/// A browser in which somebody is logged in.
struct Seat<'a> {
    desk: &'a Desk,
    cookie: String,
}

impl Desk {
    async fn send(&self, request: Request<Body>) -> Page {
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, 8 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Page { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str, cookie: &str) -> Page {
        self.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Page {
        let request = Request::post(path).header(header::COOKIE, cookie);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encoded(fields))).unwrap()).await
    }

    fn password(&self, id: &str) -> &str {
        self.passwords.iter().find(|(known, _)| *known == id).map_or("wrong", |(_, password)| password)
    }

    /// The answer to a log-in with this password.
    async fn log_in(&self, id: &str, password: &str) -> Page {
        let page = self.get("/en/log-in", "").await;
        let fields = [("form", page.form()), ("id", id.to_owned()), ("password", password.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post("/en/log-in", &page.cookie(), &fields).await
    }

    async fn seat(&self, id: &str) -> Seat<'_> {
        let entered = self.log_in(id, self.password(id)).await;
        assert_eq!(entered.location(), "/en/");
        Seat { desk: self, cookie: entered.cookie() }
    }

    fn hold(&self, person: &str, id: &str) {
        let terms = terms(&[id], false, false);
        let made = self.issuer.offer(&PersonId::new(person), &terms, NOW, &mut fresh()).unwrap();
        self.take(&made, id).unwrap();
    }

    fn take(&self, made: &MadeOffer, id: &str) -> Result<Vec<u8>, protocol::exchange::IssuanceRefusal> {
        let now = self.clock.load(Ordering::Relaxed);
        self.issuer.issue(&Wallet::new(&self.issuer, id).request(&self.issuer, made, now).encode(), now, &mut fresh())
    }
}

impl Seat<'_> {
    async fn get(&self, path: &str) -> Page {
        self.desk.get(path, &self.cookie).await
    }

    /// Fills a form of the page at `/en/` in.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let form = self.get("/en/").await.form();
        let all: Vec<_> = [("form", form.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.desk.post(path, &self.cookie, &all).await
    }

    async fn ask(&self, kind: &str, person: &str, id: &str) -> Page {
        self.post("/en/ask", &[("kind", kind), ("person", person), ("type", id)]).await
    }

    /// Asks, and returns the case's path.
    async fn case(&self, kind: &str, person: &str, id: &str) -> String {
        self.ask(kind, person, id).await.location().to_owned()
    }

    async fn decide(&self, case: &str, decision: &str) -> Page {
        self.post(&format!("{case}/decision"), &[("decision", decision)]).await
    }

    async fn state(&self, case: &str) -> String {
        between(&self.get(case).await.text, "data-state=\"", "\"").unwrap().to_owned()
    }

    async fn job(&self, once: &str, kind: &str, id: &str, list: &str) -> Page {
        self.post("/en/jobs", &[("once", once), ("kind", kind), ("type", id), ("list", list)]).await
    }
}

/// The offer on the page that hands it over, read from its picture as a wallet would.
fn offer_on(page: &Page) -> MadeOffer {
    use base64::Engine;
    assert_eq!(page.status, StatusCode::OK, "{}", page.refused());
    let picture = between(&page.text, "data:image/png;base64,", "\"").unwrap().replace("&#43;", "+");
    let png = base64::engine::general_purpose::STANDARD.decode(picture).unwrap();
    let bytes = qr::from_text(Kind::Offer, &qr::read_png(&png).unwrap()).unwrap();
    let digits = between(&page.text, "id=\"tx-code\" translate=\"no\">", "<").unwrap();
    MadeOffer { offer: Offer::decode(&bytes, NOW).unwrap(), tx_code: Some(digits.to_owned().into()) }
}

#[test]
fn cons_01_clerks_are_in_a_file_with_digests_of_their_passwords() {
    let dir = tempfile::tempdir().unwrap();
    let mut accounts = Accounts::load(dir.path()).unwrap();
    assert!(accounts.is_empty());
    let password = accounts.set(&clerk("kim", &[Role::Clerk]), &mut fresh()).unwrap();
    assert_eq!(password.len(), 20);
    for (id, roles) in
        [("", &[Role::Clerk][..]), ("Kim", &[Role::Clerk]), ("kim", &[]), (&"k".repeat(33), &[Role::Clerk])]
    {
        assert_eq!(accounts.set(&clerk(id, roles), &mut fresh()).err(), Some(ConsoleError::AccountMalformed), "{id}");
    }
    let path = dir.path().join("clerks.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(password.as_str()) && text.contains("\"memory_kib\": 19456"), "{text}");
    assert_eq!(Accounts::load(dir.path()).unwrap().clerk("kim").unwrap().roles, [Role::Clerk]);
    assert_eq!(format!("{accounts:?}"), "Accounts([redacted])");
    std::fs::write(&path, text.replace("clerks", "clowns")).unwrap();
    assert_eq!(Accounts::load(dir.path()).err(), Some(ConsoleError::AccountsMalformed));
    std::fs::write(&path, &text).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = ConsoleError::Issuer(IssuerError::Keys(KeyStoreError::PermissionsTooOpen));
    assert_eq!(Accounts::load(dir.path()).err(), Some(open));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(accounts.remove("kim").unwrap() && !accounts.remove("kim").unwrap());
}

#[tokio::test]
async fn cons_02_a_wrong_name_and_a_wrong_password_look_the_same() {
    let desk = desk();
    let right = desk.log_in("kim", desk.password("kim")).await;
    assert_eq!(right.location(), "/en/");
    for (id, password) in [("kim", "hunter-22"), ("nobody", desk.password("kim")), ("kim", &"x".repeat(300))] {
        let wrong = desk.log_in(id, password).await;
        assert_eq!((wrong.status, wrong.refused()), (StatusCode::UNAUTHORIZED, "LogInRefused"), "{id}");
        assert!(!wrong.text.contains(password));
    }
}

#[tokio::test]
async fn cons_03_five_wrong_passwords_lock_a_name_for_a_while() {
    let desk = desk();
    for name in ["kim", "nobody"] {
        for _ in 0..5 {
            assert_eq!(desk.log_in(name, "wrong").await.refused(), "LogInRefused");
        }
        let locked = desk.log_in(name, desk.password(name)).await;
        assert_eq!((locked.status, locked.refused()), (StatusCode::TOO_MANY_REQUESTS, "LockedOut"), "{name}");
    }
    desk.seat("lee").await;
    desk.clock.fetch_add(15 * 60 + 1, Ordering::Relaxed);
    desk.seat("kim").await;
}

#[tokio::test]
async fn cons_04_a_session_ends_by_itself_and_with_its_clerk() {
    let desk = desk();
    for cookie in ["", "clerk=", "clerk=00", &format!("clerk={}", "0".repeat(64))] {
        let page = desk.get("/en/", cookie).await;
        assert_eq!((page.location(), page.refused()), ("/en/log-in", "NotLoggedIn"), "{cookie}");
    }
    // What the log-in page sets is no session.
    let before = desk.get("/en/log-in", "").await;
    assert_eq!(desk.get("/en/", &before.cookie()).await.location(), "/en/log-in");
    let entered = desk.log_in("kim", desk.password("kim")).await;
    let set = entered.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("clerk=") && set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    let tls = Desk { app: serve(&desk.issuer, &desk.clock, desk.dir.path(), true), ..self::desk() };
    let set = tls.get("/en/log-in", "").await.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-clerk=") && set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{set}");

    let kim = desk.seat("kim").await;
    desk.clock.fetch_add(14 * 60, Ordering::Relaxed);
    assert_eq!(kim.get("/en/").await.status, StatusCode::OK);
    desk.clock.fetch_add(14 * 60, Ordering::Relaxed);
    assert_eq!(kim.get("/en/").await.status, StatusCode::OK, "it was used meanwhile");
    desk.clock.fetch_add(15 * 60, Ordering::Relaxed);
    assert_eq!(kim.get("/en/").await.location(), "/en/log-in");
    let kim = desk.seat("kim").await;
    assert_eq!(kim.post("/en/log-out", &[]).await.location(), "/en/log-in");
    assert_eq!(kim.get("/en/").await.location(), "/en/log-in");
    let lee = desk.seat("lee").await;
    Accounts::load(desk.dir.path()).unwrap().remove("lee").unwrap();
    assert_eq!(lee.get("/en/").await.location(), "/en/log-in");
}

#[tokio::test]
async fn cons_05_forms_come_from_the_console_and_from_this_session() {
    let desk = desk();
    let (kim, choi) = (desk.seat("kim").await, desk.seat("choi").await);
    let ask = [("kind", "issue"), ("person", HOLDER), ("type", LICENCE)];
    let foreign = choi.get("/en/").await.form();
    for form in [None, Some(""), Some(foreign.as_str())] {
        let fields: Vec<_> = form.map(|form| ("form", form)).into_iter().chain(ask).collect();
        let refused = desk.post("/en/ask", &kim.cookie, &fields).await;
        assert_eq!((refused.status, refused.refused()), (StatusCode::FORBIDDEN, "FormTokenMissing"));
    }
    kim.case("issue", HOLDER, LICENCE).await;
    // Nor is a browser logged in from elsewhere.
    let fields = [("id", "kim"), ("password", desk.password("kim"))];
    assert_eq!(desk.post("/en/log-in", "", &fields).await.refused(), "FormTokenMissing");
    for fields in [&[("kind", "issue"), ("person", HOLDER)][..], &[("kind", "burn"), ("person", HOLDER), ("type", ZK)]]
    {
        assert_eq!(kim.post("/en/ask", fields).await.refused(), "FormMalformed");
    }
}

#[tokio::test]
async fn cons_06_whoever_asks_never_decides() {
    let desk = desk();
    let (choi, jung, kim) = (desk.seat("choi").await, desk.seat("jung").await, desk.seat("kim").await);
    let case = choi.case("issue", HOLDER, LICENCE).await;
    let own = choi.decide(&case, "approve").await;
    assert_eq!((own.status, own.refused()), (StatusCode::FORBIDDEN, "FourEyesRequired"));
    assert_eq!(kim.post(&format!("{case}/offer"), &[]).await.refused(), "CaseNotAtStep", "nobody has approved yet");
    assert_eq!(jung.decide(&case, "approve").await.location(), case);
    assert_eq!(jung.decide(&case, "refuse").await.refused(), "CaseNotAtStep");
    let made = offer_on(&kim.post(&format!("{case}/offer"), &[]).await);
    assert_eq!(kim.post(&format!("{case}/offer"), &[]).await.refused(), "CaseNotAtStep", "it is made once");
    assert!(desk.take(&made, LICENCE).is_ok());
    assert_eq!(kim.state(&case).await, "done");
    assert_eq!(kim.ask("issue", HOLDER, LICENCE).await.refused(), "AlreadyActive");
    // Of lists, too.
    let once = "00".repeat(16);
    let job = choi.job(&once, "issue", ZK, "person-0002").await.location().to_owned();
    assert_eq!(choi.decide(&job, "approve").await.refused(), "FourEyesRequired");
    assert_eq!(jung.decide(&job, "approve").await.location(), job);
    // What was refused is over.
    let case = choi.case("reissue", HOLDER, LICENCE).await;
    assert_eq!(jung.decide(&case, "refuse").await.location(), case);
    assert_eq!(kim.post(&format!("{case}/offer"), &[]).await.refused(), "CaseNotAtStep");
}

#[tokio::test]
async fn cons_07_roles_bound_what_a_clerk_does() {
    let desk = desk();
    let (kim, lee, park) = (desk.seat("kim").await, desk.seat("lee").await, desk.seat("park").await);
    let case = kim.case("issue", HOLDER, LICENCE).await;
    let not_allowed =
        |page: &Page| assert_eq!((page.status, page.refused()), (StatusCode::FORBIDDEN, "RoleNotAllowed"));
    not_allowed(&kim.decide(&case, "approve").await);
    not_allowed(&lee.ask("issue", HOLDER, ZK).await);
    not_allowed(&lee.job(&"01".repeat(16), "suspend", ZK, HOLDER).await);
    lee.decide(&case, "approve").await.location();
    not_allowed(&lee.post(&format!("{case}/offer"), &[]).await);
    for path in
        [&case, "/en/cases", "/en/jobs", "/en/jobs/1", "/en/person?id=person-0001", "/en/portrait?id=person-0001"]
    {
        not_allowed(&park.get(path).await);
    }
    not_allowed(&park.post("/en/", &[("person", HOLDER)]).await);
    for seat in [&kim, &lee] {
        not_allowed(&seat.get("/en/audit").await);
    }
    assert_eq!(park.get("/en/audit").await.status, StatusCode::OK);
}

#[tokio::test]
async fn cons_08_everything_is_on_record_with_its_clerk() {
    let desk = desk();
    let (kim, lee, park) = (desk.seat("kim").await, desk.seat("lee").await, desk.seat("park").await);
    desk.log_in("kim", "wrong").await;
    let found = kim.post("/en/", &[("name", "홍길동"), ("birth-date", "1985-03-15")]).await;
    assert!(found.text.contains("person?id=person-0001"), "{}", found.text);
    let case = kim.case("issue", HOLDER, LICENCE).await;
    lee.decide(&case, "approve").await.location();
    desk.take(&offer_on(&kim.post(&format!("{case}/offer"), &[]).await), LICENCE).unwrap();
    let page = park.get("/en/audit").await.text;
    let rows: Vec<_> = page.split("<tr").filter(|row| row.contains("<td>")).collect();
    let told =
        |clerk: &str, event: &str| rows.iter().any(|row| row.contains(&format!(">{clerk}<")) && row.contains(event));
    for (clerk, event) in [
        ("kim", "Logged in"),
        ("kim", "Log-in refused"),
        ("kim", "Entry looked at"),
        ("kim", "Case asked"),
        ("lee", "Case approved"),
        ("kim", "Offer handed over"),
    ] {
        assert!(told(clerk, event), "{clerk} {event}: {page}");
    }
    assert!(!told("lee", "Case asked") && page.contains("data-chain=\"whole\""));
    assert!(matches!(desk.issuer.inspect_audit(), Ok(ChainState::Whole(it)) if Ok(it) == desk.issuer.check_audit()));
}

#[tokio::test]
async fn cons_09_what_was_approved_is_what_is_handed_over() {
    let desk = desk();
    let (kim, lee) = (desk.seat("kim").await, desk.seat("lee").await);
    let [old, changed] = [kim.case("issue", HOLDER, LICENCE).await, kim.case("issue", "person-0002", LICENCE).await];
    let unseen = kim.case("issue", "person-0005", LICENCE).await;
    desk.register.record_attribute(&PersonId::new("person-0005"), "address", "제주").unwrap();
    assert_eq!(lee.decide(&unseen, "approve").await.refused(), "EntryChanged");
    for case in [&old, &changed] {
        lee.decide(case, "approve").await.location();
    }
    desk.register.record_attribute(&PersonId::new("person-0002"), "address", "제주").unwrap();
    assert_eq!(kim.post(&format!("{changed}/offer"), &[]).await.refused(), "EntryChanged");
    desk.clock.fetch_add(14 * 86_400, Ordering::Relaxed);
    let kim = desk.seat("kim").await;
    assert_eq!(kim.post(&format!("{old}/offer"), &[]).await.refused(), "ApprovalExpired");
    desk.clock.fetch_sub(1, Ordering::Relaxed);
    assert_eq!(kim.post(&format!("{old}/offer"), &[]).await.status, StatusCode::OK);
    assert_eq!(kim.get("/en/cases/99").await.refused(), "CaseUnknown");
    let twice = kim.ask("reinstate", HOLDER, LICENCE).await;
    assert_eq!(twice.refused(), "CredentialUnknown");
}

#[tokio::test]
async fn a_suspension_is_at_once_and_its_end_needs_a_second_clerk() {
    let desk = desk();
    for id in [LICENCE, ZK] {
        desk.hold(HOLDER, id);
    }
    let (kim, lee) = (desk.seat("kim").await, desk.seat("lee").await);
    let suspended = |n: usize| {
        let held = desk.issuer.issued(&PersonId::new(HOLDER)).unwrap();
        assert_eq!(held.iter().filter(|it| it.suspended_at.is_some()).count(), n);
    };
    assert!(kim.get("/en/person?id=person-0001").await.text.contains("value=\"suspend\""));
    assert!(!lee.get("/en/person?id=person-0001").await.text.contains("value=\"suspend\""));
    kim.case("suspend", HOLDER, ZK).await;
    suspended(1);
    // Everything, as after a call that the phone is lost.
    kim.post("/en/ask", &[("kind", "suspend"), ("person", HOLDER)]).await.location();
    suspended(2);
    assert_eq!(kim.ask("reissue", HOLDER, ZK).await.refused(), "CredentialSuspended");
    let back = kim.case("reinstate", HOLDER, ZK).await;
    suspended(2);
    lee.decide(&back, "approve").await.location();
    suspended(1);
    assert_eq!(kim.state(&back).await, "done");
    assert_eq!(
        kim.post("/en/ask", &[("kind", "suspend"), ("person", "person-0002")]).await.refused(),
        "CredentialUnknown"
    );
    desk.issuer.check_audit().unwrap();
}

#[tokio::test]
async fn cons_10_a_list_is_worked_off_once_across_restarts() {
    let mut desk = desk();
    let once = "ab".repeat(16);
    let job = {
        let (kim, lee) = (desk.seat("kim").await, desk.seat("lee").await);
        let long = "person-0001\n".repeat(5_001);
        for list in ["", " \n ", long.as_str()] {
            assert_eq!(kim.job(&once, "issue", LICENCE, list).await.refused(), "ListMalformed");
        }
        assert_eq!(kim.job("short", "issue", LICENCE, HOLDER).await.refused(), "FormMalformed");
        let list = format!("{HOLDER}\n김서연, 1992-07-08\n{HOLDER}\nnobody\n{DECEASED}\n");
        let job = kim.job(&once, "issue", LICENCE, &list).await.location().to_owned();
        assert_eq!(kim.job(&once, "issue", LICENCE, &list).await.location(), job, "the same form is the same job");
        assert_eq!(desk.issuer.work_on_jobs(10, NOW).unwrap(), 0, "nobody has approved it");
        lee.decide(&job, "approve").await.location();
        job
    };
    assert_eq!(desk.issuer.work_on_jobs(1, NOW).unwrap(), 1);
    let entries = desk.issuer.check_audit().unwrap().entries;
    // The service is started anew in the middle of it.
    let issuer = Arc::new(Issuer::open(desk.dir.path(), desk.register.clone()).unwrap());
    desk.app = serve(&issuer, &desk.clock, desk.dir.path(), false);
    desk.issuer = issuer;
    assert!(desk.issuer.work_on_jobs(100, NOW).unwrap() > 0);
    assert_eq!(desk.issuer.work_on_jobs(100, NOW).unwrap(), 0, "nothing is done twice");
    let (kim, lee) = (desk.seat("kim").await, desk.seat("lee").await);
    let page = kim.get(&job).await.text;
    assert!(page.contains("data-state=\"finished\"") && page.contains("4 / 4"), "{page}");
    assert!(page.contains("PersonUnknown") && page.contains("PersonDeceased"));
    assert!(desk.issuer.check_audit().unwrap().entries > entries);
    let ready = kim.get("/en/cases").await.text;
    assert!(ready.contains("person-0001") && ready.contains("person-0002") && !ready.contains("nobody"));
    let case = between(&ready, "href=\"/en/cases/", "\"").unwrap();
    let made = offer_on(&kim.post(&format!("/en/cases/{case}/offer"), &[]).await);
    assert!(desk.take(&made, LICENCE).is_ok());
    // Suspensions by a list are done by it.
    let job = kim.job(&"cd".repeat(16), "suspend", LICENCE, "person-0001\nperson-0003").await.location().to_owned();
    lee.decide(&job, "approve").await.location();
    while desk.issuer.work_on_jobs(1, NOW).unwrap() > 0 {}
    let held = desk.issuer.issued(&PersonId::new(HOLDER)).unwrap();
    assert!(held.iter().all(|it| it.suspended_at.is_some()));
    assert!(kim.get(&job).await.text.contains("CredentialUnknown"));
    desk.issuer.check_audit().unwrap();
}

#[tokio::test]
async fn cons_10_the_end_of_a_list_is_taken_up_again_and_waits_for_no_other_list() {
    let mut desk = desk();
    desk.hold(HOLDER, ZK);
    let epoch = |desk: &Desk| {
        let records = desk.issuer.issuer_key_records(NOW, NOW + 100).unwrap();
        let record = records.into_iter().find(|record| record.credential_type == ZK).unwrap();
        desk.issuer.current_epoch(&record.key_id()).map(|current| current.epoch).unwrap_or_default()
    };
    let before = epoch(&desk);
    let [ended, other] = {
        let (kim, lee) = (desk.seat("kim").await, desk.seat("lee").await);
        let ended = kim.job(&"01".repeat(16), "suspend", ZK, HOLDER).await.location().to_owned();
        let other = kim.job(&"02".repeat(16), "issue", LICENCE, "person-0002\nperson-0003").await.location().to_owned();
        for job in [&ended, &other] {
            lee.decide(job, "approve").await.location();
        }
        [ended, other]
    };
    // The one person of the first list is done, and the power fails before its end is noted.
    assert_eq!(desk.issuer.work_on_jobs(1, NOW).unwrap(), 1);
    assert_eq!(epoch(&desk), before, "not known yet");
    let issuer = Arc::new(Issuer::open(desk.dir.path(), desk.register.clone()).unwrap());
    desk.app = serve(&issuer, &desk.clock, desk.dir.path(), false);
    desk.issuer = issuer;
    assert_eq!(desk.issuer.work_on_jobs(100, NOW).unwrap(), 1);
    assert_eq!(epoch(&desk), before + 1, "known, before anybody of the other list");
    let kim = desk.seat("kim").await;
    assert!(kim.get(&ended).await.text.contains("data-state=\"finished\""));
    assert!(kim.get(&other).await.text.contains("0 / 2"));
    while desk.issuer.work_on_jobs(100, NOW).unwrap() > 0 {}
    assert!(kim.get(&other).await.text.contains("2 / 2"));
    assert_eq!(epoch(&desk), before + 1);
}

#[tokio::test]
async fn cons_14_a_withdrawal_has_a_reason_and_a_second_clerk() {
    let desk = desk();
    for id in [LICENCE, ZK] {
        desk.hold(HOLDER, id);
    }
    let (kim, lee) = (desk.seat("kim").await, desk.seat("lee").await);
    let ask = [("kind", "withdraw"), ("person", HOLDER), ("type", LICENCE)];
    for reason in ["", "replaced", "entry-changed", "whim"] {
        let refused = kim.post("/en/ask", &[&ask[..], &[("reason", reason)]].concat()).await;
        assert_eq!(refused.refused(), "FormMalformed", "{reason}");
    }
    let everything = [("kind", "withdraw"), ("person", HOLDER), ("reason", "phone-lost")];
    assert_eq!(kim.post("/en/ask", &everything).await.refused(), "FormMalformed", "each type by name");
    let right = [&ask[..], &[("reason", "right-withdrawn")]].concat();
    let case = kim.post("/en/ask", &right).await.location().to_owned();
    let withdrawn = || {
        let held = desk.issuer.issued(&PersonId::new(HOLDER)).unwrap();
        held.into_iter().filter(|it| it.revoked_at.is_some()).map(|it| it.credential_type).collect::<Vec<_>>()
    };
    assert!(withdrawn().is_empty(), "nobody has approved it");
    assert!(lee.get(&case).await.text.contains("The right was taken away"));
    lee.decide(&case, "approve").await.location();
    assert_eq!(withdrawn(), [LICENCE]);
    assert_eq!(kim.state(&case).await, "done");
    assert_eq!(kim.post("/en/ask", &right).await.refused(), "CredentialUnknown", "it is over");
    assert_eq!(kim.ask("reinstate", HOLDER, LICENCE).await.refused(), "CredentialUnknown");
    // Also by a list, and of what is suspended.
    kim.case("suspend", HOLDER, ZK).await;
    let once = "0d".repeat(16);
    let list = [("once", once.as_str()), ("kind", "withdraw"), ("type", ZK), ("list", HOLDER)];
    assert_eq!(kim.post("/en/jobs", &list).await.refused(), "FormMalformed");
    let job = kim.post("/en/jobs", &[&list[..], &[("reason", "issued-in-error")]].concat()).await;
    let job = job.location().to_owned();
    assert!(kim.get(&job).await.text.contains("Issued by mistake or fraud"));
    lee.decide(&job, "approve").await.location();
    while desk.issuer.work_on_jobs(100, NOW).unwrap() > 0 {}
    assert_eq!(withdrawn().len(), 2);
    assert!(!kim.get("/en/person?id=person-0001").await.text.contains("id=\"withdraw\""), "nothing is left");
    desk.issuer.check_audit().unwrap();
}

#[tokio::test]
async fn cons_15_what_wallets_of_others_wait_for_is_decided_at_the_console() {
    let site: Site = site(Limits::default());
    let desk = desk_of(site.dir.clone(), site.issuer.clone(), site.register.clone(), site.clock.clone());
    let (kim, lee, park) = (desk.seat("kim").await, desk.seat("lee").await, desk.seat("park").await);
    assert!(!lee.get("/en/cases").await.text.contains("/en/reviews/"));
    let mut wallets = Vec::new();
    for person in [HOLDER, "person-0002"] {
        let mut wallet = Foreign::new(&site).await;
        let (token, _) = wallet.redeem(&reviewed(&site, person).await).await;
        let request = wallet.request(SD_JWT, &[&key()]).await;
        let id = waits(&wallet.ask(&token, &request).await);
        wallets.push((wallet, token, serde_json::json!({ "transaction_id": id })));
    }
    let listed = lee.get("/en/cases").await.text;
    let paths: Vec<_> = listed.split("href=\"/en/reviews/").skip(1).map(|it| it.split('"').next().unwrap()).collect();
    assert_eq!(paths.len(), 2);
    let path = |at: usize| format!("/en/reviews/{}", paths[at]);
    let page = lee.get(&path(0)).await;
    assert!(page.text.contains("홍길동") && page.text.contains("id=\"approve\""), "{}", page.text);
    assert!(!kim.get(&path(0)).await.text.contains("id=\"approve\""));
    assert_eq!(kim.decide(&path(0), "approve").await.refused(), "RoleNotAllowed");
    assert_eq!(park.get(&path(0)).await.refused(), "RoleNotAllowed");
    assert_eq!(lee.decide(&path(0), "perhaps").await.refused(), "FormMalformed");
    assert_eq!(lee.decide(&path(0), "approve").await.location(), "/en/cases");
    assert_eq!(lee.decide(&path(1), "refuse").await.location(), "/en/cases");
    let again = lee.decide(&path(0), "refuse").await;
    assert_eq!((again.status, again.refused()), (StatusCode::NOT_FOUND, "ReviewUnknown"));
    let [(good, token, asked), (other, other_token, other_asked)] = &mut wallets[..] else { panic!("two") };
    assert_eq!(good.call(DEFERRED, token, asked).await.status, StatusCode::OK);
    bad(&other.call(DEFERRED, other_token, other_asked).await, "credential_request_denied");
    let log = park.get("/en/audit").await.text;
    let by_lee = |event: &str| log.split("<tr").any(|row| row.contains(">lee<") && row.contains(event));
    assert!(by_lee("Review approved") && by_lee("Review refused"));
    site.issuer.check_audit().unwrap();
}

#[tokio::test]
async fn cons_11_the_audit_page_says_where_the_chain_breaks() {
    let desk = desk();
    desk.hold(HOLDER, LICENCE);
    let park = desk.seat("park").await;
    let chain = |page: &Page| {
        let at = between(&page.text, "data-chain=\"", "\"").unwrap().to_owned();
        (at, between(&page.text, "data-count=\"", "\"").unwrap().parse::<u64>().unwrap())
    };
    let page = park.get("/en/audit").await;
    let (state, all) = chain(&page);
    assert_eq!(state, "whole");
    assert!(!page.text.contains("breaks here"));
    let change = |statement: &str| drop(sql(desk.dir.path(), statement).unwrap());
    change("CREATE TABLE kept AS SELECT * FROM audit");
    for (statement, state, count) in [
        ("UPDATE audit SET digest = (SELECT digest FROM audit WHERE sequence = 1) WHERE sequence = 2", "broken", 2),
        ("UPDATE audit SET entry = substr(entry, 1, 1) WHERE sequence = 3", "broken", 3),
        ("DELETE FROM audit WHERE sequence = 2", "broken", 2),
        ("DELETE FROM audit WHERE sequence > 1", "cut-off", 1),
    ] {
        change(statement);
        assert_eq!(chain(&park.get("/ko/audit").await), (state.to_owned(), count), "{statement}");
        change("DELETE FROM audit");
        change("INSERT INTO audit SELECT * FROM kept");
    }
    assert_eq!(chain(&park.get("/en/audit?before=2").await), ("whole".to_owned(), all));
    // Whoever asked cannot be made the one who approved in the file either.
    let case = desk.seat("choi").await.case("issue", "person-0002", LICENCE).await;
    let number = case.rsplit('/').next().unwrap();
    let both = format!("UPDATE clerk_case SET decided_by = 'choi', state = 1 WHERE number = {number}");
    let both = sql(desk.dir.path(), &both);
    assert!(both.is_err());
}

#[tokio::test]
async fn cons_12_pages_run_nothing_inline_and_load_nothing_from_elsewhere() {
    let desk = desk();
    let kim = desk.seat("kim").await;
    for path in
        ["/en/", "/ko/cases", "/ko/jobs", "/en/person?id=person-0001", "/style.css", "/progress.js", "/en/nowhere"]
    {
        let page = kim.get(path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
        assert!(!page.text.contains(" style=") && !page.text.contains("<style"), "{path}");
    }
    // What others wrote never becomes markup: the clerk is called <kim>.
    let text = kim.get("/en/").await.text;
    assert!(text.contains("&#60;kim&#62;") && !text.contains("<kim>"), "{text}");
    let home = desk.send(Request::get("/").header(header::ACCEPT_LANGUAGE, "en-GB").body(Body::empty()).unwrap()).await;
    assert_eq!(home.location(), "/en/");
}

#[tokio::test]
async fn cons_13_the_resident_number_is_on_no_page() {
    let desk = desk();
    let kim = desk.seat("kim").await;
    let page = kim.get("/ko/person?id=person-0001").await.text;
    assert!(page.contains("홍길동") && page.contains("종로구"), "{page}");
    for number in ["851399-0000001", "8513990000001", "851399", "0000001"] {
        assert!(!page.contains(number));
        let by_number = kim.post("/ko/", &[("person", number)]).await;
        assert_eq!((by_number.status, by_number.refused()), (StatusCode::NOT_FOUND, "PersonUnknown"));
    }
    let portrait = kim.get("/ko/portrait?id=person-0001").await;
    assert_eq!(portrait.headers[header::CONTENT_TYPE], "image/png");
    assert_eq!(kim.post("/ko/", &[("name", "홍길동")]).await.refused(), "FormMalformed");
}

/// Every text is there in both languages, every key of a page and every refusal has one, and none is left over.
#[test]
fn whatever_the_console_says_is_there_in_both_languages() {
    use std::collections::{BTreeMap, BTreeSet};
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = |lang: &str| -> BTreeMap<String, String> {
        let text = std::fs::read(root.join(format!("src/console/words/{lang}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let (ko, en) = (words("ko"), words("en"));
    assert_eq!(ko.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
    let korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for (key, text) in &ko {
        assert!(!text.is_empty() && (korean(text) != (key == "language")), "{key}: {text}");
        assert!(!en[key].is_empty() && (korean(&en[key]) == (key == "language")), "{key}: {}", en[key]);
    }
    let mut used = BTreeSet::new();
    let mut read = |folder: &Path, marks: &[&str]| {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for mark in marks {
                used.extend(text.split(mark).skip(1).map(|part| part.split('"').next().unwrap().to_owned()));
            }
        }
    };
    read(&root.join("templates/console"), &["word(\""]);
    read(&root.join("src/console/pages"), &["word(\"", "page(\"", "lang, \""]);
    used.remove("");
    let variants = |path: &str, name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(root.join("src").join(path)).unwrap();
        let body = text.split_once(&format!("enum {name} {{\n")).unwrap().1.split("\n}").next().unwrap().to_owned();
        let own = body.lines().filter(|line| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase());
        let own = own.filter(|line| !line.contains("#[from]"));
        own.map(|line| line.trim().chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
    };
    let errors = [("console/error.rs", "ConsoleError"), ("register/mod.rs", "RegisterError")];
    used.extend(errors.iter().flat_map(|(path, name)| variants(path, name)).map(|name| format!("why.{name}")));
    used.extend(variants("store/audit.rs", "AuditEvent").into_iter().map(|name| format!("event.{name}")));
    for (beginning, ends) in [
        ("do", &["issue", "reissue", "suspend", "reinstate", "withdraw"][..]),
        ("reason", &["right-withdrawn", "phone-lost", "holder-deceased", "issued-in-error"]),
        ("held", &["good", "suspended", "withdrawn", "expired"]),
        ("state", &["asked", "approved", "refused", "done", "failed"]),
        ("job", &["asked", "running", "refused", "finished"]),
        ("chain", &["whole", "broken", "cut-off"]),
        // Of the issuer's refusals, those that a clerk meets; of others, the name and this.
        ("why", &["other", "CredentialTypeUnknown", "PersonDeceased", "AttributeMissing", "AttributeRefused"]),
        ("why", &["AlreadyActive", "CredentialUnknown", "CredentialSuspended", "EntryChanged", "StorageUnavailable"]),
        ("why", &["FileUnavailable", "PermissionsTooOpen", "ReviewUnknown"]),
    ] {
        used.extend(ends.iter().map(|end| format!("{beginning}.{end}")));
    }
    let missing: Vec<_> = used.iter().filter(|key| !ko.contains_key(*key)).collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
    let left: Vec<_> = ko.keys().filter(|key| !used.contains(*key)).collect();
    assert!(left.is_empty(), "nothing says {left:?}");
}
