//! Two instances of an issuer on one PostgreSQL, behind a balancer, with a ledger of one validator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_database::{Cluster, free_port};

use crate::{Balancer, Client, mid, run, wait_for};

/// Longest time until a service answers, or a request is answered by one of the instances.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that ends with this one's use of it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two instances and what they need.
pub struct Instances {
    /// The server of their database.
    pub cluster: Cluster,
    /// Where that is.
    pub database: String,
    /// Where the ledger is.
    pub ledger: String,
    /// Where the issuer is: the balancer.
    pub url: String,
    /// The trust anchor.
    pub anchor: PathBuf,
    place: PathBuf,
    ports: [u16; 2],
    running: [Mutex<Option<Process>>; 2],
    _node: Process,
}

impl Instances {
    /// Makes everything below `place`, as operators would, and starts it.
    ///
    /// # Panics
    /// When anything is refused.
    #[must_use]
    pub fn start(place: &Path) -> Self {
        let path = |name: &str| place.join(name).display().to_string();
        let (cluster, ports) = (Cluster::start(), [free_port(), free_port()]);
        let (database, balancer) =
            (cluster.database("issuer"), Balancer::before(&ports.map(|port| format!("127.0.0.1:{port}"))));
        let url = format!("http://{}", balancer.listen);
        let (dir, ministry, issuer, anchor) = (path("ledger"), path("ministry.key"), path("issuer-0"), path("anchor"));
        let init = ["--network", "kr", "--governance-key", &ministry, "--threshold", "1"];
        run(&[&["ledger", "init", "--dir", &dir][..], &init].concat()).accepted();
        let listen = format!("127.0.0.1:{}", free_port());
        let node = spawn(&["ledger", "run", "--dir", &dir, "--listen", &listen], &place.join("ledger.log"));
        let ledger = format!("http://{listen}");
        let client = Client::default();
        wait_for("the ledger answers", || client.get(&format!("{ledger}/health/live")).is_some_and(|it| it.0 == 200));
        fs::copy(place.join("ledger/anchor.cbor"), &anchor).expect("an anchor");
        // The address with its password comes by a file, not by the command line.
        fs::create_dir(&issuer).expect("a directory");
        fs::write(place.join("issuer-0/database.url"), &database).expect("an address");
        let made = run(&["issuer", "init", "--dir", &issuer, "--anchor", &anchor, "--url", &url]).accepted();
        let text = |name: &str| made[name].as_str().expect("a path").to_owned();
        let (did, own) = (text("did_draft"), text("key"));
        for arguments in [
            &["ledger", "submit", &did, "--key", &own, "--key", &ministry, "--url", &ledger][..],
            &["ledger", "submit", &text("registration"), "--key", &ministry, "--url", &ledger],
            &["ledger", "submit", &text("issuer_keys"), "--key", &own, "--url", &ledger],
        ] {
            run(arguments).accepted();
        }
        run(&["issuer", "epoch", "--dir", &issuer, "--ledger", &ledger]).accepted();
        copy(&place.join("issuer-0"), &place.join("issuer-1"));
        let instances = Self {
            cluster,
            database,
            ledger,
            url,
            anchor: anchor.into(),
            place: place.to_owned(),
            ports,
            running: [Mutex::new(None), Mutex::new(None)],
            _node: node,
        };
        instances.resume(0);
        instances.resume(1);
        instances
    }

    /// The directory of one of them.
    #[must_use]
    pub fn dir(&self, which: usize) -> PathBuf {
        self.place.join(format!("issuer-{which}"))
    }

    /// Where one of them is without the balancer.
    #[must_use]
    pub fn direct(&self, which: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[which])
    }

    /// Ends one of them at once.
    pub fn kill(&self, which: usize) {
        self.running[which].lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Starts one of them again, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn resume(&self, which: usize) {
        let dir = self.dir(which).display().to_string();
        let listen = format!("127.0.0.1:{}", self.ports[which]);
        let serve = ["issuer", "serve", "--dir", &dir, "--listen", &listen, "--ledger", &self.ledger];
        let log = self.place.join(format!("issuer-{which}.log"));
        let mut running = self.running[which].lock().unwrap_or_else(PoisonError::into_inner);
        assert!(running.is_none(), "it runs already");
        let (process, began) = (running.insert(spawn(&serve, &log)), Instant::now());
        let client = Client::default();
        while client.post(&format!("{}/v1/nonce", self.direct(which)), &[]).is_none_or(|(status, _)| status != 200) {
            let told = || fs::read_to_string(&log).unwrap_or_default();
            assert!(process.0.try_wait().expect("a child").is_none(), "an instance ended: {}", told());
            assert!(began.elapsed() < PATIENCE, "an instance does not answer: {}", told());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks until somebody answers: what an app does whose connection breaks off, or that is told to come back.
    ///
    /// # Panics
    /// When nobody does.
    #[must_use]
    pub fn answer<T>(&self, what: &str, mut ask: impl FnMut(&Client) -> Option<(u16, T)>) -> (u16, T) {
        let began = Instant::now();
        loop {
            // A connection of its own each time, so that it is another instance's turn.
            match ask(&Client::default()) {
                Some((status, answer)) if status != 429 && status != 503 => return (status, answer),
                _ => assert!(began.elapsed() < PATIENCE, "nobody answers: {what}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A request of an operator to whichever instance answers.
    #[must_use]
    pub fn admin(&self, what: &str, body: &Value) -> (u16, Value) {
        let token = fs::read_to_string(self.dir(0).join("admin.token")).expect("an admin token");
        self.answer(what, |client| client.admin(&format!("{}/v1/admin/{what}", self.url), token.trim(), body))
    }

    /// Bytes posted to whichever instance answers.
    #[must_use]
    pub fn post(&self, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        self.answer(path, |client| client.post(&format!("{}{path}", self.url), body))
    }
}

fn spawn(arguments: &[&str], log: &Path) -> Process {
    let log = fs::File::options().create(true).append(true).open(log).expect("a log file");
    let mut command = mid(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Process(command.spawn().expect("mid can be started"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
