//! `mid up`, started and stopped as an operator does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_database::free_port;

/// Longest time until the services answer. A cold start makes 65,536 signatures.
const START: Duration = Duration::from_secs(120);

/// A client that takes errors as answers.
#[derive(Debug, Clone)]
pub struct Client(ureq::Agent);

impl Default for Client {
    fn default() -> Self {
        Self::with_timeout(Duration::from_secs(20))
    }
}

impl Client {
    /// Takes no answer for one after this time.
    #[must_use]
    pub fn with_timeout(limit: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(limit))
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// `GET`: status and body, or nothing when the service is gone.
    #[must_use]
    pub fn get(&self, url: &str) -> Option<(u16, Vec<u8>)> {
        answer(self.0.get(url).call())
    }

    /// `POST` of bytes.
    #[must_use]
    pub fn post(&self, url: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        answer(self.0.post(url).content_type("application/cbor").send(body))
    }

    /// Any request with these headers: status, one header of the answer, body.
    #[must_use]
    pub fn exchange(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        wanted: &str,
    ) -> Option<(u16, Option<String>, Vec<u8>)> {
        let (status, [header], body) = self.exchange_all(method, url, headers, body, [wanted])?;
        Some((status, header, body))
    }

    /// The same with several headers of the answer.
    #[must_use]
    pub fn exchange_all<const N: usize>(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        wanted: [&str; N],
    ) -> Option<(u16, [Option<String>; N], Vec<u8>)> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = if method == "GET" || (method == "DELETE" && body.is_empty()) {
            self.0.run(request.body(()).ok()?).ok()?
        } else {
            self.0.run(request.body(body).ok()?).ok()?
        };
        let headers = wanted
            .map(|wanted| response.headers().get(wanted).and_then(|value| value.to_str().ok()).map(str::to_owned));
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().ok()?;
        Some((status, headers, body))
    }

    /// `POST` of JSON with a bearer token.
    #[must_use]
    pub fn admin(&self, url: &str, token: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.0.post(url).header("Authorization", &format!("Bearer {token}"));
        let (status, body) = answer(request.content_type("application/json").send(body.to_string()))?;
        Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<(u16, Vec<u8>)> {
    let mut response = response.ok()?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().ok()?;
    Some((status, body))
}

/// Running services.
pub struct Services {
    child: Child,
    /// The directory that holds everything.
    pub dir: PathBuf,
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// To speak to them.
    pub client: Client,
}

impl Services {
    /// Starts `mid up` in `dir` and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let port = free_port();
        Self::start_on(dir, port)
    }

    /// As [`Services::start`], on this port.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn start_on(dir: &Path, port: u16) -> Self {
        Self::start_with(dir, port, &[])
    }

    /// As [`Services::start`], and others are told that it is at `https`, as behind a proxy that ends TLS.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn start_behind_tls(dir: &Path) -> Self {
        let port = free_port();
        Self::start_with(dir, port, &["--url", &format!("https://127.0.0.1:{port}")])
    }

    /// As [`Services::start`], with no more than `files` open files and connections.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn start_with_files(dir: &Path, files: u32) -> Self {
        let port = free_port();
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--nofile={files}:{files}")).arg(crate::program());
        Self::run(limited, dir, port, &[])
    }

    /// As [`Services::start`], with an issuer that keeps everything in the PostgreSQL at this address.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn start_on_database(dir: &Path, database: &str) -> Self {
        let port = free_port();
        Self::start_with(dir, port, &["--database", database])
    }

    fn start_with(dir: &Path, port: u16, more: &[&str]) -> Self {
        Self::run(Command::new(crate::program()), dir, port, more)
    }

    fn run(mut program: Command, dir: &Path, port: u16, more: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let log =
            std::fs::File::options().create(true).append(true).open(dir.with_extension("log")).expect("a log file");
        let mut child = program
            .args(["up", "--dir"])
            .arg(dir)
            .args(["--listen", &listen])
            .args(more)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log once more"))
            .stderr(log)
            .spawn()
            .expect("mid can be started");
        let client = Client::default();
        let url = format!("http://{listen}");
        let began = Instant::now();
        while client.get(&format!("{url}/ledger/health")).is_none_or(|(status, _)| status != 200) {
            let ended = child.try_wait().expect("the child can be asked");
            // What it said last; the log goes back over all starts in this directory.
            let told = || {
                let log = std::fs::read_to_string(dir.with_extension("log")).unwrap_or_default();
                let mut last: Vec<_> = log.lines().rev().take(20).collect();
                last.reverse();
                last.join("\n")
            };
            assert!(ended.is_none(), "mid up ended: {}", told());
            assert!(began.elapsed() < START, "mid up does not answer: {}", told());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, dir: dir.to_owned(), url, client }
    }

    /// Where services on this port are reached.
    #[must_use]
    pub fn address(port: u16) -> String {
        format!("http://127.0.0.1:{port}")
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.kill_now();
    }

    fn kill_now(&mut self) {
        // SIGKILL; nothing in the program runs after it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ctrl-C.
    ///
    /// # Panics
    /// When it does not end within ten seconds.
    #[must_use]
    pub fn interrupt(self) -> ExitStatus {
        self.told_to_stop("-INT")
    }

    /// What the system says when it shuts down.
    ///
    /// # Panics
    /// When it does not end within ten seconds.
    #[must_use]
    pub fn terminate(self) -> ExitStatus {
        self.told_to_stop("-TERM")
    }

    fn told_to_stop(mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "mid up does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the process holds in memory, in MiB.
    ///
    /// # Panics
    /// When the system does not say.
    #[must_use]
    pub fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let kibibytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        kibibytes / 1024
    }

    /// The operators' token.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn admin_token(&self) -> String {
        std::fs::read_to_string(self.dir.join("issuer/admin.token")).expect("an admin token").trim().to_owned()
    }

    /// A request of an operator.
    #[must_use]
    pub fn admin(&self, what: &str, body: &Value) -> Option<(u16, Value)> {
        self.client.admin(&format!("{}/issuer/v1/admin/{what}", self.url), &self.admin_token(), body)
    }

    /// An offer for a person of the sample register, as the wallet's file, with the code told separately.
    ///
    /// # Panics
    /// When the issuer refuses.
    #[must_use]
    pub fn offer(&self, person: &str, types: &[&str], file: &Path) -> Option<String> {
        let body = serde_json::json!({
            "person": person, "credential_types": types, "with_tx_code": true, "replaces": true, "life": 600,
        });
        let (status, answer) = self.admin("offers", &body).expect("the issuer answers");
        assert_eq!(status, 200, "{answer}");
        let offer = hex::decode(answer["offer"].as_str().expect("an offer")).expect("hexadecimal");
        std::fs::write(file, offer).expect("the offer can be written");
        answer["tx_code"].as_str().map(str::to_owned)
    }

    /// Writes the newest trust bundle to `file`.
    ///
    /// # Panics
    /// When there is none.
    pub fn bundle(&self, file: &Path) {
        let (status, bundle) = self.client.get(&format!("{}/bundle", self.url)).expect("the mirror answers");
        assert_eq!(status, 200);
        std::fs::write(file, bundle).expect("the bundle can be written");
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.kill_now();
    }
}
