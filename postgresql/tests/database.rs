//! Against a real server: what is promised of transactions, also when it is killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use std::sync::atomic::{AtomicBool, Ordering};

use postgresql::{Address, Database, DatabaseError, Value};
use test_database::Cluster;

const LOCK: i64 = 1;

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn open(url: &str) -> Result<Database, DatabaseError> {
    Database::open(&Address::parse(url, None).unwrap(), LOCK)
}

fn count(database: &Database) -> Result<i64, DatabaseError> {
    database.read(|transaction| match transaction.query("SELECT COUNT(*) FROM t", &[])?.first().map(|row| row.get(0)) {
        Some(Ok(Value::Integer(count))) => Ok(count),
        _ => Err(DatabaseError::ValueMismatch),
    })
}

fn add(database: &Database, name: &str) -> Result<u64, DatabaseError> {
    database.write(|transaction| transaction.execute("INSERT INTO t (name) VALUES (?1)", &[Value::Text(name)]))
}

#[test]
fn a_write_happens_whole_or_not_at_all() {
    let cluster = Cluster::shared();
    let database = open(&cluster.database("whole")).unwrap();
    database.write(|transaction| transaction.run("CREATE TABLE t (name TEXT PRIMARY KEY)")).unwrap();
    assert_eq!(add(&database, "one"), Ok(1));
    assert_eq!(add(&database, "one"), Err(DatabaseError::Refused), "it is there already");
    let undone = database.write(|transaction| {
        transaction.execute("INSERT INTO t (name) VALUES (?1)", &[Value::Text("two")])?;
        Err::<(), _>(DatabaseError::ValueMismatch)
    });
    assert_eq!((undone, count(&database)), (Err(DatabaseError::ValueMismatch), Ok(1)));
    // Whoever goes on after a refusal is not told that it was kept.
    let deaf = database.write(|transaction| {
        transaction.execute("INSERT INTO t (name) VALUES (?1)", &[Value::Text("two")])?;
        let _ = transaction.execute("INSERT INTO t (name) VALUES (?1)", &[Value::Text("one")]);
        Ok::<_, DatabaseError>(())
    });
    assert_eq!((deaf, count(&database)), (Err(DatabaseError::Refused), Ok(1)));
    let reading = database.read(|transaction| transaction.execute("DELETE FROM t", &[]));
    assert_eq!((reading, count(&database)), (Err(DatabaseError::Refused), Ok(1)), "a read cannot write");
    for odd in [Value::Integer(7), Value::Blob(b"bytes"), Value::Text("a\0b")] {
        let refused = database.write(|transaction| transaction.execute("INSERT INTO t (name) VALUES (?1)", &[odd]));
        assert_eq!(refused, Err(DatabaseError::Refused), "{odd:?}");
    }
    fn panics(_: &postgresql::Transaction<'_>) -> Result<(), DatabaseError> {
        panic!("on purpose")
    }
    let panicked = std::thread::scope(|scope| scope.spawn(|| database.write(panics)).join().is_err());
    assert!(panicked);
    assert_eq!((add(&database, "two"), count(&database)), (Ok(1), Ok(2)), "others go on");
}

/// Two processes would be two `Database`s as well.
#[test]
fn one_writes_at_a_time_and_others_read_meanwhile() {
    let cluster = Cluster::shared();
    let url = cluster.database("turns");
    let (one, other) = (open(&url).unwrap(), open(&url).unwrap());
    one.write(|transaction| {
        transaction.run("CREATE TABLE t (name TEXT); CREATE TABLE n (n BIGINT); INSERT INTO n VALUES (0)")
    })
    .unwrap();
    let busy = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for database in [&one, &other, &one, &other] {
            scope.spawn(|| {
                for _ in 0..50 {
                    let next = database.write(|transaction| {
                        assert!(!busy.swap(true, Ordering::SeqCst), "two writers at once");
                        let rows = transaction.query("SELECT n FROM n", &[])?;
                        let Value::Integer(n) = rows[0].get(0)? else { return Err(DatabaseError::ValueMismatch) };
                        transaction.execute("UPDATE n SET n = ?1", &[Value::Integer(n + 1)])?;
                        busy.store(false, Ordering::SeqCst);
                        Ok(n)
                    });
                    assert!(next.is_ok());
                    assert!(count(database).is_ok());
                }
            });
        }
    });
    assert_eq!(cluster.number(&url, "SELECT n FROM n"), 200, "no step is lost");
    // One that holds on to its turn keeps others from writing for five seconds, and from reading not at all.
    one.write(|_| {
        assert_eq!(count(&other), Ok(0));
        assert_eq!(add(&other, "late"), Err(DatabaseError::Busy));
        Ok::<_, DatabaseError>(())
    })
    .unwrap();
    assert_eq!(add(&other, "later"), Ok(1));
    // A turn beside the transactions, for what takes longer.
    one.alone(LOCK + 1, || {
        assert_eq!(other.alone(LOCK + 1, || Ok::<_, DatabaseError>(())), Err(DatabaseError::Busy));
        add(&other, "meanwhile").map(|_| ())
    })
    .unwrap();
    assert_eq!(other.alone(LOCK + 1, || Ok::<_, DatabaseError>(())), Ok(()));
}

#[test]
fn a_server_that_was_gone_is_found_again() {
    let cluster = Cluster::start();
    let url = cluster.database("gone");
    let database = open(&url).unwrap();
    database.write(|transaction| transaction.run("CREATE TABLE t (name TEXT PRIMARY KEY)")).unwrap();
    assert_eq!(add(&database, "kept"), Ok(1));
    let lost = database.write(|transaction| {
        transaction.execute("INSERT INTO t (name) VALUES (?1)", &[Value::Text("lost")])?;
        cluster.kill();
        transaction.query("SELECT name FROM t", &[]).map(|_| ())
    });
    assert_eq!(lost, Err(DatabaseError::Unreachable));
    assert_eq!(count(&database), Err(DatabaseError::Unreachable));
    assert_eq!(open(&url).err(), Some(DatabaseError::Unreachable));
    cluster.resume();
    assert_eq!(count(&database), Ok(1), "what was acknowledged, and nothing else");
    cluster.kill();
    cluster.resume();
    assert_eq!(add(&database, "next"), Ok(1), "an old session is not in the way");
    assert_eq!(open(&url.replace("only-for-tests", "guessed")).err(), Some(DatabaseError::Unreachable));
    cluster.sql(&url, "ALTER SYSTEM SET synchronous_commit = off");
    cluster.kill();
    cluster.resume();
    let setting = database.read(|transaction| {
        let rows = transaction.query("SELECT current_setting('synchronous_commit')", &[])?;
        Ok::<_, DatabaseError>(rows[0].get(0)? == Value::Text("on"))
    });
    assert_eq!(setting, Ok(true), "what is acknowledged is on disk, whatever others are content with");
    cluster.sql(&url, "ALTER SYSTEM SET fsync = off");
    cluster.kill();
    cluster.resume();
    assert_eq!(open(&url).err(), Some(DatabaseError::NotDurable));
}

#[test]
fn another_machine_is_known_by_its_certificate() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority = |name: &str| {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        (pem("CERTIFICATE", params.self_signed(&key).unwrap().der()), Issuer::new(params, key))
    };
    let (trusted, signer) = authority("authority");
    let (stranger, _) = authority("stranger");
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &signer).unwrap();
    let cluster = Cluster::start();
    let url = cluster.database("tls");
    cluster.serve_tls(&pem("CERTIFICATE", certificate.der()), &pem("PRIVATE KEY", key.serialized_der()));
    let by_name = url.replace("127.0.0.1", "localhost");
    let open =
        |url: &str, authority: &str| Database::open(&Address::parse(url, Some(authority.as_bytes())).unwrap(), LOCK);
    let database = open(&by_name, &trusted).unwrap();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let encrypted = database.read(|transaction| {
        let rows = transaction.query(encrypted, &[])?;
        Ok::<_, DatabaseError>(rows[0].get(0)? == Value::Integer(1))
    });
    assert_eq!(encrypted, Ok(true));
    assert_eq!(open(&by_name, &stranger).err(), Some(DatabaseError::Unreachable), "vouched for by nobody we know");
    assert_eq!(open(&url, &trusted).err(), Some(DatabaseError::Unreachable), "another name");
    let unprotected =
        Address::parse("postgres://issuer@database.example/issuer?sslmode=disable", Some(trusted.as_bytes()));
    assert_eq!(unprotected.err(), Some(DatabaseError::AddressUnprotected));
    let plain = Cluster::shared().database("plain").replace("127.0.0.1", "localhost");
    assert_eq!(open(&plain, &trusted).err(), Some(DatabaseError::Unreachable), "a server that does not encrypt");
}
