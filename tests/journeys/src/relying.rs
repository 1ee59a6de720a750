//! An organisation that asks: registered on the ledger, with a service of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_database::free_port;

use crate::{Client, Services, mid, run};

/// Longest time until its service answers.
const START: Duration = Duration::from_secs(120);

/// An address of this machine that nobody listens at.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// An organisation with its keys, registered, whose service does not run yet.
pub struct Registered {
    /// Its folder, with its keys and token.
    pub dir: PathBuf,
    /// Its identifier.
    pub did: String,
    /// The trust bundle that it follows.
    pub bundle: PathBuf,
    anchor: String,
}

impl Registered {
    /// Makes keys, and has the ministry of the running services admit and register them for `purposes`.
    ///
    /// # Panics
    /// When anything is refused.
    #[must_use]
    pub fn new(services: &Services, dir: &Path, name: &str, purposes: &Value) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let path = |name: &str| dir.join(name).display().to_string();
        let (ledger, ministry) = (format!("{}/ledger", services.url), services.dir.join("ministry.key"));
        let ministry = ministry.display().to_string();
        let (key, own, draft, registration) =
            (path("verifier.key"), path("service"), path("did.json"), path("registration.json"));
        std::fs::write(dir.join("purposes.json"), purposes.to_string()).expect("a file");
        let names = ["--name-ko", name, "--name-en", name, "--purposes", &path("purposes.json")];
        let init = ["verifier", "init", "--key", &key, "--dir", &own, "--did-out", &draft, "--out", &registration];
        let did = run(&[&init[..], &names].concat()).accepted()["did"].as_str().expect("a DID").to_owned();
        run(&["ledger", "submit", &draft, "--key", &key, "--key", &ministry, "--url", &ledger]).accepted();
        run(&["ledger", "submit", &registration, "--key", &ministry, "--url", &ledger]).accepted();
        let bundle = dir.join("bundle.cbor");
        services.bundle(&bundle);
        Self { dir: dir.to_owned(), did, bundle, anchor: services.dir.join("anchor.cbor").display().to_string() }
    }

    /// Starts the service that others reach at `url`, with its log in a file of this name.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn serve(&self, url: &str, listen: &str, more: &[&str], log: &str) -> Child {
        let path = |name: &str| self.dir.join(name).display().to_string();
        let twins = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/types/driver-licence.twins.json");
        let (key, own, held) = (path("verifier.key"), path("service"), self.bundle.display().to_string());
        let known = ["--did", &self.did, "--key", &key, "--dir", &own, "--twins", twins, "--bundle", &held];
        let serve = ["verifier", "serve", "--url", url, "--listen", listen, "--anchor", &self.anchor];
        let log = std::fs::File::options().create(true).append(true).open(self.dir.join(log)).expect("a log file");
        let mut command = mid(&[&serve[..], &known, more].concat());
        command.stdout(Stdio::null()).stderr(log).spawn().expect("mid can be started")
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait(&self, child: &mut Child, listen: &str, log: &str) {
        let (client, began) = (Client::default(), Instant::now());
        while client.get(&format!("http://{listen}/openid4vp/requests/x")).is_none_or(|(status, _)| status != 404) {
            let told = || std::fs::read_to_string(self.dir.join(log)).unwrap_or_default();
            assert!(child.try_wait().expect("the child can be asked").is_none(), "it ended: {}", told());
            assert!(began.elapsed() < START, "it does not answer: {}", told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// `mid verifier serve`, and what stands around it.
pub struct RelyingParty {
    child: Child,
    /// Its folder, with its keys and token.
    pub dir: PathBuf,
    /// Where it is reached.
    pub url: String,
    /// Its identifier.
    pub did: String,
    /// The trust bundle that it follows.
    pub bundle: PathBuf,
    client: Client,
}

impl RelyingParty {
    /// Makes keys, has the ministry of the running services admit and register them for `purposes`, and starts the service.
    ///
    /// # Panics
    /// When anything is refused.
    #[must_use]
    pub fn start(services: &Services, dir: &Path, name: &str, purposes: &Value) -> Self {
        Self::start_with(services, dir, name, purposes, &[])
    }

    /// As [`RelyingParty::start`], with more arguments for its service.
    ///
    /// # Panics
    /// When anything is refused.
    #[must_use]
    pub fn start_with(services: &Services, dir: &Path, name: &str, purposes: &Value, more: &[&str]) -> Self {
        let registered = Registered::new(services, dir, name, purposes);
        let listen = free_address();
        let url = format!("http://{listen}");
        let mut child = registered.serve(&url, &listen, more, "log");
        registered.wait(&mut child, &listen, "log");
        let Registered { dir, did, bundle, .. } = registered;
        Self { child, dir, url, did, bundle, client: Client::default() }
    }

    /// A file of this organisation.
    ///
    /// # Panics
    /// When its path is not UTF-8.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.dir.join(name).to_str().expect("a UTF-8 path").to_owned()
    }

    /// What its own program asks of its service.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let token = std::fs::read_to_string(self.dir.join("service/api.token")).expect("a token");
        self.client.admin(&format!("{}{path}", self.url), token.trim(), body).expect("an answer")
    }

    /// What a page sees of a request.
    ///
    /// # Panics
    /// When the service does not answer.
    #[must_use]
    pub fn state(&self, id: &str) -> String {
        let (_, body) = self.client.get(&format!("{}/openid4vp/requests/{id}", self.url)).expect("an answer");
        let state: Value = serde_json::from_slice(&body).unwrap_or_default();
        state["state"].as_str().unwrap_or_default().to_owned()
    }

    /// The verdict on a request.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn verdict(&self, id: &str, body: &Value) -> Value {
        let (status, verdict) = self.ask(&format!("/openid4vp/requests/{id}/verdict"), body);
        assert_eq!(status, 200, "{verdict}");
        verdict["verdict"].clone()
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.kill_now();
    }

    fn kill_now(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for RelyingParty {
    fn drop(&mut self) {
        self.kill_now();
    }
}
