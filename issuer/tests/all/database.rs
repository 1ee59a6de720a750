//! The database below an issuer, past the program: a file, or with `MID_TEST_DATABASE=postgresql` one on a server.
//!
//! All tests here run on files; [`everything_passes_on_postgresql`] runs them once more on a server.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use issuer::register::{FileRegister, PersonId};
use issuer::server::{AdminToken, Limits, Service, router};
use issuer::{DATABASE_ADDRESS, DATABASE_AUTHORITY, Issuer, IssuerError};
use postgresql::DatabaseError;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use test_database::Cluster;

use crate::world::*;

const WHICH: &str = "MID_TEST_DATABASE";

/// Whether issuers of these tests are on a server.
pub(crate) fn is_postgresql() -> bool {
    std::env::var(WHICH).is_ok_and(|which| which == "postgresql")
}

/// Gives a new issuer in `dir` a database of its own, where it needs one: empty, or with all that is in that of `template`.
pub(crate) fn prepare(dir: &Path, template: Option<&Path>) {
    if is_postgresql() {
        let url = match template {
            Some(template) => Cluster::shared().copy(&address(template)),
            None => Cluster::shared().database("issuer"),
        };
        fs::write(dir.join(DATABASE_ADDRESS), url).unwrap();
    }
}

fn address(dir: &Path) -> String {
    fs::read_to_string(dir.join(DATABASE_ADDRESS)).unwrap()
}

/// What a statement answers, or why it is refused.
pub(crate) fn sql(dir: &Path, statement: &str) -> Result<Vec<Vec<String>>, String> {
    if is_postgresql() {
        return Cluster::shared().try_sql(&address(dir), statement);
    }
    let connection = Connection::open(dir.join("issuer.db")).unwrap();
    let run = || {
        let mut statement = connection.prepare(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let mut answer = Vec::new();
        while let Some(row) = rows.next()? {
            let text = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                })
            };
            answer.push((0..columns).map(text).collect::<rusqlite::Result<_>>()?);
        }
        Ok(answer)
    };
    run().map_err(|error: rusqlite::Error| error.to_string())
}

/// The number that a query asks for.
pub(crate) fn number(dir: &Path, query: &str) -> u64 {
    sql(dir, query).unwrap()[0][0].parse().unwrap()
}

/// All that is written there, also what was deleted and is not gone: of a server's, what it gives away.
pub(crate) fn contents(dir: &Path) -> Vec<u8> {
    if is_postgresql() {
        let dump = Command::new(test_database::programs().join("pg_dump")).arg(address(dir)).output().unwrap();
        assert!(dump.status.success());
        return dump.stdout;
    }
    let files = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("issuer.db"));
    files.flat_map(|file| fs::read(file.path()).unwrap()).collect()
}

/// The tests of this program, on a server.
#[test]
fn everything_passes_on_postgresql() {
    if is_postgresql() {
        return;
    }
    let mut tests = Command::new(std::env::current_exe().unwrap());
    let output = tests.env(WHICH, "postgresql").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("test issue::"), "{text}");
}

/// A copy of the template on a server of its own, which the test may stop.
fn on(cluster: &Cluster) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(template(), dir.path());
    let _ = fs::remove_file(dir.path().join("issuer.db"));
    fs::remove_file(dir.path().join("issuer.json")).unwrap();
    fs::write(dir.path().join(DATABASE_ADDRESS), cluster.database("issuer")).unwrap();
    let register = Arc::new(FileRegister::sample().unwrap());
    Issuer::create(dir.path(), &description(), register, &mut rng(4), &|_| {}).unwrap();
    dir
}

fn open(dir: &Path) -> Result<Issuer, IssuerError> {
    Issuer::open(dir, Arc::new(FileRegister::sample().unwrap()))
}

#[test]
fn an_address_that_leads_nowhere_is_told() {
    let dir = tempfile::tempdir().unwrap();
    copy(template(), dir.path());
    let refused = |address: &str| {
        fs::write(dir.path().join(DATABASE_ADDRESS), address).unwrap();
        open(dir.path()).err()
    };
    let because = |error| Some(IssuerError::Database(error));
    assert_eq!(refused("issuer.db"), because(DatabaseError::AddressMalformed));
    assert_eq!(refused("postgres://issuer@127.0.0.1:9/issuer"), because(DatabaseError::Unreachable));
    assert_eq!(refused("postgres://issuer@database.example/issuer"), because(DatabaseError::AddressUnprotected));
    fs::write(dir.path().join(DATABASE_AUTHORITY), "no certificate").unwrap();
    assert_eq!(refused("postgres://issuer@database.example/issuer"), because(DatabaseError::AuthorityMalformed));
    fs::remove_file(dir.path().join(DATABASE_AUTHORITY)).unwrap();
    assert_eq!(refused(&Cluster::shared().database("nobodys")), Some(IssuerError::StorageForeign));
}

#[test]
fn issu_23_instances_share_what_was_answered() {
    let cluster = Cluster::shared();
    let dir = on(cluster);
    let second = tempfile::tempdir().unwrap();
    copy(dir.path(), second.path());
    let instances = [open(dir.path()).unwrap(), open(second.path()).unwrap()];
    let person = PersonId::new(HOLDER);
    // An offer of the first, a nonce of the second, answered by the first, repeated by the second.
    let made = instances[0].offer(&person, &terms(&[LICENCE], true, false), NOW, &mut fresh()).unwrap();
    let request = Wallet::new(&instances[0], LICENCE).request(&instances[1], &made, NOW).encode();
    let answer = instances[0].issue(&request, NOW, &mut fresh()).unwrap();
    assert_eq!(instances[1].issue(&request, NOW, &mut fresh()), Ok(answer));
    // The same request at both at once.
    instances[1].revoke(&person, LICENCE, issuer::RevocationReason::PhoneLost, NOW).unwrap();
    let made = instances[1].offer(&person, &terms(&[LICENCE], true, false), NOW, &mut fresh()).unwrap();
    let request = Wallet::new(&instances[0], LICENCE).request(&instances[0], &made, NOW).encode();
    let answers = std::thread::scope(|scope| {
        let request = &request;
        let ask = |one| scope.spawn(move || Issuer::issue(one, request, NOW, &mut fresh()).unwrap());
        let asked: Vec<_> = instances.iter().chain(&instances).map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one credential");
    assert_eq!(instances[0].issued(&person).unwrap().len(), 2);
    // Both open the epoch of the day: each gets one that is open.
    let epochs = std::thread::scope(|scope| {
        let advance = |one| scope.spawn(move || Issuer::advance_epoch(one, ZK, NOW).unwrap());
        let asked: Vec<_> = instances.iter().map(advance).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(epochs.iter().all(|epoch| (1..=2).contains(epoch)), "{epochs:?}");
    let [first, second] = instances.each_ref().map(|one| one.check_audit().unwrap());
    assert_eq!(first, second);
    let withdrawn = instances[0].issued(&person).unwrap();
    let ledger = crate::ledger::MemoryLedger::default();
    std::thread::scope(|scope| {
        for one in &instances {
            scope.spawn(|| one.publish(&ledger, NOW).unwrap());
        }
    });
    let handle = withdrawn.iter().find(|one| one.revoked_at.is_some()).unwrap().handle;
    let list = ledger.list(&instances[0], LICENCE, (handle >> 32) as u32);
    assert_eq!(list.status(handle as u32), Ok(protocol::credential::Status::Revoked));
}

/// PostgreSQL keeps no such text, and would fail where the request is at fault.
#[test]
fn a_character_that_not_every_database_keeps_is_refused() {
    use issuer::openid4vci::{AuthorizationParameters, TokenParameters};
    use protocol::exchange::openid4vci::ErrorCode;
    for name in ["client_id", "state", "redirect_uri", "request_uri"] {
        let form = vec![(name.to_owned(), "a\0b".to_owned())];
        assert_eq!(AuthorizationParameters::read(form.clone()).err(), Some(ErrorCode::InvalidRequest), "{name}");
        assert_eq!(TokenParameters::read(form).err(), Some(ErrorCode::InvalidRequest), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_issues_nothing_and_goes_on_when_it_is_back() {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt as _;
    let cluster = Cluster::start();
    let dir = on(&cluster);
    let issuer = Arc::new(open(dir.path()).unwrap());
    let person = PersonId::new(HOLDER);
    let made = issuer.offer(&person, &terms(&[LICENCE], true, false), NOW, &mut fresh()).unwrap();
    let request = Wallet::new(&issuer, LICENCE).request(&issuer, &made, NOW).encode();
    let token = AdminToken::load(dir.path(), &mut fresh()).unwrap();
    let app = router(Service::new(issuer.clone(), Arc::new(|| NOW), token, Limits::default()));
    let ask = || async {
        let post = Request::post("/v1/credentials").body(Body::from(request.clone())).unwrap();
        let response = app.clone().oneshot(post).await.unwrap();
        let status = response.status();
        (status, axum::body::to_bytes(response.into_body(), 100_000).await.unwrap())
    };
    cluster.kill();
    let (status, body) = ask().await;
    assert_eq!(
        (status, body.as_ref()),
        (StatusCode::SERVICE_UNAVAILABLE, br#"{"error":"temporarily_unavailable"}"#.as_ref())
    );
    assert_eq!(issuer.issued(&person), Err(IssuerError::StorageUnavailable));
    cluster.resume();
    let (status, body) = ask().await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ask().await, (status, body), "once");
    assert_eq!(issuer.issued(&person).unwrap().len(), 1);
}
