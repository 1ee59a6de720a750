//! A wallet's provider in software, for tests and demonstrations: it vouches for wallets without looking at any phone, and
//! says so in what it signs. And, for issuers, where providers say what they stand by no more.
//!
//! | in its folder | |
//! |---|---|
//! | `root.key`, `root.der` | a P-256 seed and its certificate, which issuers are given |
//! | `provider.key`, `provider.der` | the P-256 seed that signs attestations, and its certificate |

use std::path::Path;

use issuer::openid4vci::FetchesStatusLists;
use protocol::crypto::keys::P256SigningKey;
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner as _};
use protocol::crypto::x509::{CertificateDraft, Use};
use rand_core::CryptoRng;
use wallet_core::openid4vci::SoftwareProvider;

use crate::files;
use crate::http::Http;
use crate::output::CliError;

/// Life of its certificates, in seconds: nine years.
const LIFE: u64 = 9 * 365 * 86_400;
/// How far other clocks may be behind, in seconds.
const BEHIND: u64 = 300;
const ROOT_NAME: &str = "CN=Software wallet provider for tests,C=KR";
const NAME: &str = "CN=Wallet attestations in software for tests,C=KR";

/// Makes a provider in `dir`.
pub(crate) fn create(dir: &Path, now: u64, rng: &mut impl CryptoRng) -> Result<(), CliError> {
    files::make_private_directory(dir)?;
    if dir.join("provider.der").exists() {
        return Err(CliError::refused("ProviderExists", format!("{} holds a provider already", dir.display())));
    }
    for name in ["root.key", "provider.key"] {
        if !dir.join(name).exists() {
            files::write_secret(&dir.join(name), P256SigningKey::generate(rng).seed().as_ref())?;
        }
    }
    let (root, own) = (key(dir, "root.key")?, key(dir, "provider.key")?);
    let from = now.saturating_sub(BEHIND);
    let mut sign = |subject, key: Multikey, usage| {
        let mut serial = [0; 20];
        rng.fill_bytes(&mut serial);
        let until = now.saturating_add(LIFE);
        let contact = "https://localhost/";
        CertificateDraft { subject, issuer: ROOT_NAME, contact, serial, from, until, key, usage }.sign(&root)
    };
    files::write(&dir.join("root.der"), &sign(ROOT_NAME, root.multikey(), Use::Root)?)?;
    files::write(&dir.join("provider.der"), &sign(NAME, own.multikey(), Use::Attester)?)
}

/// The provider in `dir`.
pub(crate) fn open(dir: &Path) -> Result<SoftwareProvider, CliError> {
    Ok(SoftwareProvider::new(key(dir, "provider.key")?, vec![files::read(&dir.join("provider.der"))?]))
}

/// Status lists at the addresses that providers name, for an issuer that believes these.
pub(crate) struct StatusLists(Http);

impl StatusLists {
    pub(crate) fn new() -> Self {
        Self(Http::new())
    }
}

impl FetchesStatusLists for StatusLists {
    fn fetch(&self, address: &str) -> Option<String> {
        let here = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
        if !address.starts_with("https://") && !here.iter().any(|start| address.starts_with(start)) {
            return None;
        }
        self.0.fetch(address, JWT_KIND_ACCEPTED)
    }
}

/// Media type of a status list (draft-ietf-oauth-status-list, section 8.1).
const JWT_KIND_ACCEPTED: &str = "application/statuslist+jwt";

fn key(dir: &Path, name: &str) -> Result<StandardKey, CliError> {
    Ok(StandardKey::p256(&*files::read_seed(&dir.join(name))?)?)
}
