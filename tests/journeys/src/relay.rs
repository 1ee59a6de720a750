//! `mid relay serve`, started and killed as an operator and a power cut do.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::{Client, free_address, mid};

/// Longest time until it answers.
const START: Duration = Duration::from_secs(60);

/// A running push relay.
pub struct Relay {
    child: Child,
    /// Its folder.
    pub dir: PathBuf,
    /// Where it is reached.
    pub url: String,
    listen: String,
}

impl Relay {
    /// Starts it in `dir` and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        Self::start_at(dir, &free_address())
    }

    fn start_at(dir: &Path, listen: &str) -> Self {
        let url = format!("http://{listen}");
        let folder = dir.to_str().expect("a UTF-8 path");
        let log =
            std::fs::File::options().create(true).append(true).open(dir.with_extension("log")).expect("a log file");
        let serve = ["relay", "serve", "--dir", folder, "--url", &url, "--listen", listen];
        let mut child = mid(&serve).stdout(Stdio::null()).stderr(log).spawn().expect("mid can be started");
        let (client, began) = (Client::default(), Instant::now());
        while client.get(&format!("{url}/subscription/x")).is_none_or(|(status, _)| status != 404) {
            let told = || std::fs::read_to_string(dir.with_extension("log")).unwrap_or_default();
            assert!(child.try_wait().expect("the child can be asked").is_none(), "it ended: {}", told());
            assert!(began.elapsed() < START, "it does not answer: {}", told());
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, dir: dir.to_owned(), url, listen: listen.to_owned() }
    }

    /// Ends it at once, as a power cut would, and starts it again at the same address.
    ///
    /// # Panics
    /// When it does not come back.
    pub fn restart(&mut self) {
        self.kill();
        *self = Self::start_at(&self.dir.clone(), &self.listen.clone());
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Opens an inbox, by these options. Returns where to push, and where to look.
    ///
    /// # Panics
    /// When it is not opened.
    #[must_use]
    pub fn inbox(&self, options: Option<&str>) -> (String, String) {
        let (client, address) = (Client::default(), format!("{}/subscribe", self.url));
        let kind = [("content-type", "application/webpush-options+json")];
        let headers = if options.is_some() { &kind[..] } else { &[] };
        let body = options.unwrap_or_default().as_bytes();
        let opened = client.exchange_all("POST", &address, headers, body, ["link", "location"]);
        let (status, [link, location], _) = opened.expect("the relay answers");
        assert_eq!(status, 201);
        let link = link.expect("where to push");
        (link.split(['<', '>']).nth(1).expect("an address").to_owned(), location.expect("where to look"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}
