//! A registered verifier as relying party of OpenID4VP: its keys and certificates, and the service that asks.
//!
//! | in its folder | |
//! |---|---|
//! | `api.token` | what its own programs show, made when there is none |
//! | `push.key` | the P-256 seed in whose name wallets are called, made when there is none |
//! | `database.url` | where that database is, unless the command line says it |
//! | `store.key` | what seals requests and verdicts in a database that instances share, made when there is none |
//! | `webhook.secret` | what signs calls to them, `whsec_…`, made when there is none |
//! | `root.key`, `root.der` | a P-256 seed that the ledger records as `x509-1`, and its certificate, which other wallets are given |
//! | `requests.key`, `requests.der` | the P-256 seed that signs requests, and its certificate |

use std::path::Path;
use std::sync::Arc;

use protocol::crypto::keys::{P256SigningKey, Signer};
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner as _};
use protocol::crypto::x509::{Certificate, CertificateDraft, Use};
use protocol::exchange::openid4vp::Vocabulary;
use protocol::identifier::Did;
use protocol::ledger::record::{DidKey, Purposes};
use protocol::ledger::state::TrustedState;
use rand_core::{CryptoRng, Rng as _};
use verifier_server::apps::{Apps, Asker};
use verifier_server::openid4vp::{
    Deliver, Identity, Presenting, Reach, RequestSigner, Settings, WebhookSecret, Webhooks,
};
use verifier_server::{Database, Pushes, StoreKey};
use zeroize::Zeroizing;

use crate::http::Http;
use crate::output::CliError;
use crate::{clock, files, randomness};

/// The name within the DID of the key that certificates end at.
const ROOT_FRAGMENT: &str = "x509-1";
/// Life of the root's certificate, in seconds: nine years. Who trusts the ledger asks for its key and not for these dates.
const ROOT_LIFE: u64 = 9 * 365 * 86_400;
/// Longest life of a reader's certificate (ISO/IEC 18013-5, B.1.7), in seconds.
const READER_LIFE: u64 = 1_187 * 86_400;
/// How far wallets' clocks may be behind, in seconds: certificates begin so much earlier.
const BEHIND: u64 = 300;
/// A service starts with a certificate that is good for so long at least, in seconds: a year.
const LEFT: u64 = 365 * 86_400;

/// Who asks: a verifier on the ledger.
pub(crate) struct RelyingParty<'a> {
    /// Its folder.
    pub(crate) dir: &'a Path,
    /// On the ledger.
    pub(crate) did: &'a Did,
    /// The name of its key within the DID.
    pub(crate) key_name: &'a str,
    /// The key itself.
    pub(crate) key: StandardKey,
    /// Where it is reached, without a slash at the end.
    pub(crate) url: &'a str,
    /// Longest time that verdicts may be kept for, in seconds.
    pub(crate) keep_max: u64,
    /// Where instances keep requests that serve as one; in the memory of this one where there is nothing.
    pub(crate) database: Option<Database>,
    /// The origins of push services through which wallets are called, and who runs this; nobody is called where there are none.
    pub(crate) push: (Vec<String>, Option<String>),
}

/// The database at this address, or at the one in `dir`; none where neither names one. What is in it is sealed with a key in `dir`.
pub(crate) fn database(address: Option<&str>, dir: &Path) -> Result<Option<Database>, CliError> {
    let file = dir.join("database.url");
    let address = match address {
        Some(address) => address.to_owned(),
        None if file.exists() => String::from_utf8_lossy(&files::read_private(&file)?).trim().to_owned(),
        None => return Ok(None),
    };
    files::make_private_directory(dir)?;
    let (key, mut fresh) = (dir.join("store.key"), Zeroizing::new([0; 32]));
    randomness::os()?.fill_bytes(fresh.as_mut());
    files::make_secret(&key, fresh.as_ref())?;
    Ok(Some(Database::new(&address, &StoreKey::new(&*files::read_seed(&key)?))?))
}

/// Makes the keys of certificates in `dir`, where there are none, and says what the DID has to record.
pub(crate) fn certificate_root(dir: &Path, from: u64, rng: &mut impl CryptoRng) -> Result<DidKey, CliError> {
    files::make_private_directory(dir)?;
    for name in ["root.key", "requests.key"] {
        let path = dir.join(name);
        if !path.exists() {
            files::write_secret(&path, P256SigningKey::generate(rng).seed().as_ref())?;
        }
    }
    let key = P256SigningKey::from_seed(&*files::read_seed(&dir.join("root.key"))?)?.public_key();
    Ok(DidKey { fragment: ROOT_FRAGMENT.to_owned(), key, purposes: Purposes::ASSERTION, from, until: None })
}

impl RelyingParty<'_> {
    /// The service for its own apps and screens, in our own format. `signer` is the same key as it signs with there.
    pub(crate) fn apps(
        &self,
        signer: impl Signer + Send + Sync + 'static,
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
    ) -> Result<Apps, CliError> {
        files::make_private_directory(self.dir)?;
        let token = self.secret("api.token", &mut |secret| hex::encode(secret), &mut randomness::os()?)?;
        let asker = Asker { did: self.did.clone(), key: self.key_name.to_owned(), signer: Box::new(signer) };
        Ok(Apps::new(asker, self.url, &token, self.database.clone(), self.pushes()?, trust, clock::now))
    }

    fn pushes(&self) -> Result<Option<Pushes>, CliError> {
        let (services, contact) = &self.push;
        if services.is_empty() {
            return Ok(None);
        }
        if let Some(wrong) = services.iter().find(|it| push_message::origin(it) != Some(it)) {
            return Err(CliError::usage(format!("{wrong} is no https://host, and not on this machine")));
        }
        let seed = P256SigningKey::generate(&mut randomness::os()?);
        files::make_secret(&self.dir.join("push.key"), seed.seed().as_ref())?;
        let http = Http::new();
        let deliver: Deliver = Arc::new(move |delivery| http.deliver(delivery));
        Ok(Some(Pushes::new(services.clone(), Box::new(self.key_file("push.key")?), contact.clone(), deliver)))
    }

    /// The service. It says who it is by its certificate, if the folder has the keys, or by its DID.
    pub(crate) fn service(
        self,
        vocabulary: Vocabulary,
        trust: impl Fn() -> Option<Arc<TrustedState>> + Send + Sync + 'static,
    ) -> Result<Presenting, CliError> {
        files::make_private_directory(self.dir)?;
        let mut rng = randomness::os()?;
        let webhooks = self.webhooks(&mut rng)?;
        let token = self.secret("api.token", &mut |secret| hex::encode(secret), &mut rng)?;
        let mut signers = Vec::new();
        if self.dir.join("root.key").exists() {
            let key = self.key_file("requests.key")?;
            let certificate = self.certificate(&key.multikey(), clock::now(), &mut rng)?;
            signers.extend(RequestSigner::certificate(vec![certificate], Box::new(key)));
        }
        signers.push(RequestSigner::did(self.did, self.key_name, Box::new(self.key)));
        let identity = Identity { verifier: self.did.clone(), signers };
        let settings = Settings {
            vocabulary,
            keep_max: self.keep_max,
            webhooks: Some(webhooks),
            database: self.database,
            ..Settings::new(self.url, &token)
        };
        Ok(Presenting::new(identity, settings, trust, clock::now))
    }

    fn key_file(&self, name: &str) -> Result<StandardKey, CliError> {
        Ok(StandardKey::p256(&*files::read_seed(&self.dir.join(name))?)?)
    }

    /// Programs on this machine are called; the program has no TLS of its own.
    fn webhooks(&self, rng: &mut impl CryptoRng) -> Result<Webhooks, CliError> {
        let write = &mut |secret: &[u8; 32]| WebhookSecret::new(secret).map(|it| it.to_text()).unwrap_or_default();
        let text = self.secret("webhook.secret", write, rng)?;
        let secret = WebhookSecret::from_text(&text);
        let malformed = || CliError::refused("MalformedToken", "webhook.secret has no secret; remove it");
        let http = Http::new();
        let deliver: Deliver = Arc::new(move |delivery| http.deliver(delivery));
        Ok(Webhooks::new(Reach::ThisMachine, secret.ok_or_else(malformed)?, deliver))
    }

    /// A secret of 32 random bytes, as text.
    fn secret(
        &self,
        name: &str,
        write: &mut dyn FnMut(&[u8; 32]) -> String,
        rng: &mut impl CryptoRng,
    ) -> Result<String, CliError> {
        let path = self.dir.join(name);
        if !path.exists() {
            let mut secret = [0; 32];
            rng.fill_bytes(&mut secret);
            files::write_secret(&path, write(&secret).as_bytes())?;
        }
        let text = String::from_utf8(files::read_private(&path)?.to_vec()).unwrap_or_default();
        match text.trim() {
            text if text.len() >= 32 => Ok(text.to_owned()),
            _ => Err(CliError::refused("MalformedToken", format!("{} has no secret; remove it", path.display()))),
        }
    }

    /// The certificate that signs requests; made, or made again before it ends.
    fn certificate(&self, key: &Multikey, now: u64, rng: &mut impl CryptoRng) -> Result<Vec<u8>, CliError> {
        let root = self.key_file("root.key")?;
        let found = |name: &str, key: &Multikey| {
            let found = Certificate::from_der(&files::read(&self.dir.join(name)).ok()?).ok()?;
            (found.key() == *key && found.until() > now.saturating_add(LEFT)).then(|| found.der().to_vec())
        };
        if let (Some(_), Some(requests)) = (found("root.der", &root.multikey()), found("requests.der", key)) {
            return Ok(requests);
        }
        let id = self.did.as_str().rsplit(':').next().unwrap_or_default();
        // A network is named after its country, `kr` or `kr-…`; others have the code that ISO 3166 leaves to users.
        let country = self.did.network().split('-').next().unwrap_or_default().to_ascii_uppercase();
        let country = if country.len() == 2 { country.as_str() } else { "XX" };
        let name = |role: &str| format!("CN={role} {id},C={country}");
        let (issuer, subject) = (name("Root"), name("Requests"));
        let mut draft = |subject, key, life: u64, usage| {
            let mut serial = [0; 20];
            rng.fill_bytes(&mut serial);
            let from = now.saturating_sub(BEHIND);
            let until = from.saturating_add(life);
            CertificateDraft { subject, issuer: &issuer, contact: self.url, serial, from, until, key, usage }
        };
        let top = draft(&issuer, root.multikey(), ROOT_LIFE, Use::Root).sign(&root)?;
        let requests = draft(&subject, *key, READER_LIFE, Use::Reader).sign(&root)?;
        files::write(&self.dir.join("root.der"), &top)?;
        files::write(&self.dir.join("requests.der"), &requests)?;
        Ok(requests)
    }
}
