//! A citizen with a wallet directory, and a verifier with a bundle: everything by command line.

use std::path::{Path, PathBuf};

use crate::{Outcome, Services, run, run_under};

/// The PIN of every test wallet.
pub const PIN: &str = "839174";
/// Another one.
pub const WRONG_PIN: &str = "502618";

/// A wallet and the files around it.
pub struct Citizen {
    /// Everything of this citizen.
    pub dir: PathBuf,
}

impl Citizen {
    /// Sets up a wallet in a new directory.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let citizen = Self { dir: dir.to_owned() };
        std::fs::write(citizen.file("pin"), PIN).expect("a PIN file");
        std::fs::write(citizen.file("wrong-pin"), WRONG_PIN).expect("a PIN file");
        let wallet = citizen.path("wallet");
        run(&["wallet", "init", "--dir", &wallet, "--pin-file", &citizen.path("pin")]).accepted();
        citizen
    }

    /// A file of this citizen.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Its path as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.file(name).to_str().expect("a UTF-8 path").to_owned()
    }

    /// Runs a wallet command with the right PIN.
    #[must_use]
    pub fn wallet(&self, command: &str, arguments: &[&str]) -> Outcome {
        run(&self.command(command, arguments).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a wallet command under another program.
    #[must_use]
    pub fn wallet_under(&self, wrapper: &[&str], command: &str, arguments: &[&str]) -> Outcome {
        run_under(wrapper, &self.command(command, arguments).iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn command(&self, command: &str, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["wallet".to_owned(), command.to_owned()];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        all.extend(["--dir".to_owned(), self.path("wallet"), "--pin-file".to_owned(), self.path("pin")]);
        all
    }

    /// Takes up an offer of the running services for a person of the register.
    ///
    /// # Panics
    /// When anything is refused.
    pub fn accept(&self, services: &Services, person: &str, types: &[&str]) {
        let code = services.offer(person, types, &self.file("offer")).expect("a transaction code");
        let anchor = services.dir.join("anchor.cbor");
        let arguments = [
            &self.path("offer"),
            "--tx-code",
            &code,
            "--anchor",
            anchor.to_str().expect("a UTF-8 path"),
            "--url",
            &format!("{}/ledger", services.url),
        ];
        self.wallet("accept", &arguments).accepted();
        services.bundle(&self.file("bundle"));
        std::fs::copy(&anchor, self.file("anchor")).expect("the anchor can be copied");
    }

    /// Takes up an offer of the licence in formats of others.
    ///
    /// # Panics
    /// When anything is refused.
    pub fn accept_openid(&self, services: &Services, person: &str, types: &[&str]) {
        let body = serde_json::json!({
            "person": person, "credential_types": types, "with_tx_code": true, "replaces": true, "life": 600,
        });
        let (status, answer) = services.admin("offers", &body).expect("the issuer answers");
        assert_eq!(status, 200, "{answer}");
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        let anchor = services.dir.join("anchor.cbor").display().to_string();
        let ledger = format!("{}/ledger", services.url);
        let (link, code) = (text("openid_offer"), text("tx_code"));
        self.wallet("accept", &[&link, "--tx-code", &code, "--anchor", &anchor, "--url", &ledger]).accepted();
    }

    /// Fetches whatever is newer.
    ///
    /// # Panics
    /// When it is refused.
    pub fn update(&self, services: &Services) {
        let anchor = services.dir.join("anchor.cbor").display().to_string();
        self.wallet("update", &["--anchor", &anchor, "--url", &format!("{}/ledger", services.url)]).accepted();
    }

    /// Shows a ready-made answer as `<profile>.png` and `<profile>.bin` at a given time.
    #[must_use]
    pub fn present(&self, profile: &str, now: &str) -> Outcome {
        self.wallet("present", &self.present_arguments(profile, now).each_ref().map(String::as_str))
    }

    /// The arguments of [`Citizen::present`].
    #[must_use]
    pub fn present_arguments(&self, profile: &str, now: &str) -> [String; 8] {
        let [png, bin] = ["png", "bin"].map(|kind| self.path(&format!("{profile}.{kind}")));
        ["--profile", profile, "--now", now, "--out", &png, "--payload", &bin].map(str::to_owned)
    }

    /// The arguments of a check of `file` with this citizen's copy of the bundle.
    #[must_use]
    pub fn check_arguments(&self, file: &str, credential_type: &str, profile: &str, now: &str) -> Vec<String> {
        let (bundle, anchor) = (self.path("bundle"), self.path("anchor"));
        let arguments = [
            "verifier",
            "check",
            file,
            "--bundle",
            &bundle,
            "--anchor",
            &anchor,
            "--type",
            credential_type,
            "--profile",
            profile,
            "--now",
            now,
        ];
        arguments.map(str::to_owned).to_vec()
    }

    /// Checks `file`.
    #[must_use]
    pub fn check(&self, file: &str, credential_type: &str, profile: &str, now: &str) -> Outcome {
        run(&self.check_arguments(file, credential_type, profile, now).iter().map(String::as_str).collect::<Vec<_>>())
    }
}
