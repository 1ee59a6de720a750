//! The issuer's certificates: a root that the ledger records by its key, and the document signer below it.

use std::fs;
use std::sync::PoisonError;

use protocol::credential::twins::VALIDITY_MAX;
use protocol::crypto::x509::{Certificate, CertificateDraft, Use};
use rand_core::CryptoRng;

use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::keys::write_whole;

/// Longest life of a document signer (ISO/IEC 18013-5, B.1.4), in seconds.
const SIGNER_LIFE: u64 = 457 * 86_400;
/// Life of the root, in seconds: nine years. Who trusts the ledger asks for its key and not for these dates.
const ROOT_LIFE: u64 = 9 * 365 * 86_400;
/// How far other clocks may be behind, in seconds: certificates begin so much earlier.
const BEHIND: u64 = 300;
/// Names of the files in the issuer's directory.
const ROOT: &str = "root.der";
const SIGNER: &str = "document-signer.der";

/// Certificates in DER.
#[derive(Clone)]
pub(crate) struct Certificates {
    pub(crate) root: Vec<u8>,
    pub(crate) signer: Vec<u8>,
    /// When they were made, Unix seconds; no credential begins before.
    pub(crate) from: u64,
    /// Until when both are valid, Unix seconds.
    until: u64,
}

impl Issuer {
    /// The root's certificate, for verifiers that keep a list of certificates instead of a trust bundle.
    ///
    /// # Errors
    /// [`IssuerError::Keys`] when the issuer has no keys for twins, [`IssuerError::Twin`], [`IssuerError::FileUnavailable`].
    pub fn root_certificate<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<Vec<u8>, IssuerError> {
        Ok(self.certificates(now, rng)?.root)
    }

    /// The certificates that sign now; made, or made again before a twin could outlive them.
    pub(crate) fn certificates<R: CryptoRng + ?Sized>(
        &self,
        now: u64,
        rng: &mut R,
    ) -> Result<Certificates, IssuerError> {
        let needed = now.saturating_add((u64::from(VALIDITY_MAX) + 1) * 86_400);
        let mut kept = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.take().or_else(|| self.read_certificates());
        let made = match found.filter(|found| found.until >= needed) {
            Some(found) => found,
            None => self.make_certificates(now, rng)?,
        };
        *kept = Some(made.clone());
        Ok(made)
    }

    /// What an earlier process made with these keys.
    fn read_certificates(&self) -> Option<Certificates> {
        let read = |name: &str| Certificate::from_der(&fs::read(self.dir().join(name)).ok()?).ok();
        let (root, signer) = (read(ROOT)?, read(SIGNER)?);
        let ours = root.key() == self.keys.root().ok()?.multikey()
            && signer.key() == self.keys.document_signer().ok()?.multikey();
        let made = root.from().max(signer.from()).saturating_add(BEHIND);
        let (from, until) = (made, root.until().min(signer.until()));
        ours.then(|| Certificates { root: root.der().to_vec(), signer: signer.der().to_vec(), from, until })
    }

    fn make_certificates<R: CryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<Certificates, IssuerError> {
        let (root, signer) = (self.keys.root()?, self.keys.document_signer()?);
        // A network is named after its country, `kr` or `kr-…`; others have the code that ISO 3166 leaves to users.
        let country = self.description.network.split('-').next().unwrap_or_default().to_ascii_uppercase();
        let country = if country.len() == 2 { country.as_str() } else { "XX" };
        let from = now.saturating_sub(BEHIND);
        let name = |role: &str| format!("CN={role} {},C={country}", self.did().to_string().replace("did:mid:", ""));
        let (root_name, signer_name) = (name("Root"), name("Signer"));
        let mut draft = |subject, key, life: u64, usage| {
            let mut serial = [0; 20];
            rng.fill_bytes(&mut serial);
            let until = from.saturating_add(life);
            let contact = self.description.url.as_str();
            CertificateDraft { subject, issuer: &root_name, contact, serial, from, until, key, usage }
        };
        let certificates = Certificates {
            root: draft(&root_name, root.multikey(), ROOT_LIFE, Use::Root).sign(root)?,
            signer: draft(&signer_name, signer.multikey(), SIGNER_LIFE, Use::DocumentSigner).sign(root)?,
            from: now,
            until: from.saturating_add(SIGNER_LIFE.min(ROOT_LIFE)),
        };
        for (file, bytes) in [(ROOT, &certificates.root), (SIGNER, &certificates.signer)] {
            write_whole(&self.dir().join(file), bytes, 0o644).map_err(|_| IssuerError::FileUnavailable)?;
        }
        Ok(certificates)
    }
}
