//! Certificates that an issuer makes for itself: a root, and what signs below it (ISO/IEC 18013-5, B.1).

use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use x509_cert::der::Encode;
use x509_cert::der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use x509_cert::name::Name;

use super::CertificateError;
use crate::crypto::algorithm::Algorithm;
use crate::crypto::keys::SignerError;
use crate::crypto::multikey::{Multikey, StandardSigner};

/// Why a certificate was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A name, address or date cannot be written, or the key is of a kind that no certificate has.
    #[error("the certificate's name, dates or key cannot be written; correct them")]
    NotEncodable,
    /// What was made does not pass the checks of this profile.
    #[error("the certificate would be refused: {0}")]
    Refused(#[from] CertificateError),
    /// The key store did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Signs certificates, its own among them, and none below those.
    Root,
    /// Signs mobile documents, SD-JWT credentials and status lists.
    DocumentSigner,
    /// Asks for mobile documents.
    Reader,
    /// Vouches for wallets and their keys.
    Attester,
}

/// A certificate before it is signed.
#[derive(Debug, Clone)]
pub struct CertificateDraft<'a> {
    /// The owner's name (RFC 4514), with a country.
    pub subject: &'a str,
    /// The signer's name; the owner's for a root.
    pub issuer: &'a str,
    /// Where the signer can be asked, `https://…` (issuerAltName).
    pub contact: &'a str,
    /// Twenty bytes that no other certificate of the signer has; only their first bit is not used.
    pub serial: [u8; 20],
    /// Valid from, Unix seconds.
    pub from: u64,
    /// Valid until and including, Unix seconds.
    pub until: u64,
    /// The owner's key.
    pub key: Multikey,
    /// What it is for.
    pub usage: Use,
}

impl CertificateDraft<'_> {
    /// Signs with the authority's key, and reads the result as others will.
    ///
    /// # Errors
    /// [`IssueError`]
    pub fn sign(&self, signer: &dyn StandardSigner) -> Result<Vec<u8>, IssueError> {
        let authority = signer.multikey();
        let algorithm = signature_algorithm(&authority)?;
        let mut serial = self.serial;
        // A positive number of full length (RFC 5280, 4.1.2.2).
        serial[0] = serial[0] & 0x7f | 0x40;
        let tbs = sequence(&[
            tagged(0xa0, &[vec![2, 1, 2]]),
            tagged(2, &[serial.to_vec()]),
            algorithm.clone(),
            name(self.issuer)?,
            sequence(&[time(self.from)?, time(self.until)?]),
            name(self.subject)?,
            public_key(&self.key)?,
            tagged(0xa3, &[sequence(&self.extensions(&authority)?)]),
        ]);
        let signature = der_signature(&authority, signer.sign(&tbs)?)?;
        let certificate = sequence(&[tbs, algorithm, tagged(3, &[vec![0], signature])]);
        let read = super::Certificate::from_der(&certificate)?;
        match self.usage {
            Use::Root => read.check_root()?,
            Use::DocumentSigner => read.check_leaf(super::Purpose::Documents)?,
            Use::Reader => read.check_leaf(super::Purpose::Reader)?,
            Use::Attester => read.check_leaf(super::Purpose::Attestations)?,
        }
        Ok(certificate)
    }

    fn extensions(&self, authority: &Multikey) -> Result<Vec<Vec<u8>>, IssueError> {
        let contact = tagged(0x86, &[self.contact.as_bytes().to_vec()]);
        let mut list = vec![
            extension("2.5.29.14", false, &tagged(4, &[identifier(&self.key)?]))?,
            extension("2.5.29.35", false, &sequence(&[tagged(0x80, &[identifier(authority)?])]))?,
            extension("2.5.29.18", false, &sequence(&[contact]))?,
        ];
        let (key_usage, extended) = match self.usage {
            Use::Root => ([3, 2, 1, 0x06], None),
            Use::DocumentSigner => ([3, 2, 7, 0x80], Some("1.0.18013.5.1.2")),
            Use::Reader => ([3, 2, 7, 0x80], Some("1.0.18013.5.1.6")),
            Use::Attester => ([3, 2, 7, 0x80], None),
        };
        list.push(extension("2.5.29.15", true, &key_usage)?);
        match extended {
            Some(usage) => list.push(extension("2.5.29.37", true, &sequence(&[oid(usage)?]))?),
            None if self.usage == Use::Attester => {}
            None => list.push(extension("2.5.29.19", true, &sequence(&[vec![1, 1, 0xff], vec![2, 1, 0]]))?),
        }
        Ok(list)
    }
}

pub(super) fn signature_algorithm(key: &Multikey) -> Result<Vec<u8>, IssueError> {
    Ok(sequence(&[match key.algorithm().ok_or(IssueError::NotEncodable)? {
        Algorithm::Es256 => oid("1.2.840.10045.4.3.2")?,
        Algorithm::Es384 => oid("1.2.840.10045.4.3.3")?,
        Algorithm::EdDsa => oid("1.3.101.112")?,
    }]))
}

/// The signature as certificates have it.
pub(super) fn der_signature(key: &Multikey, raw: Vec<u8>) -> Result<Vec<u8>, IssueError> {
    let unwritable = |_| IssueError::NotEncodable;
    Ok(match key.algorithm().ok_or(IssueError::NotEncodable)? {
        Algorithm::EdDsa => raw,
        Algorithm::Es256 => p256::ecdsa::Signature::from_slice(&raw).map_err(unwritable)?.to_der().as_bytes().to_vec(),
        Algorithm::Es384 => p384::ecdsa::Signature::from_slice(&raw).map_err(unwritable)?.to_der().as_bytes().to_vec(),
    })
}

pub(super) fn extension(id: &str, critical: bool, value: &[u8]) -> Result<Vec<u8>, IssueError> {
    let critical = if critical { vec![1, 1, 0xff] } else { Vec::new() };
    Ok(sequence(&[oid(id)?, critical, tagged(4, &[value.to_vec()])]))
}

pub(super) fn identifier(key: &Multikey) -> Result<Vec<u8>, IssueError> {
    Ok(Sha256::digest(public_key(key)?)[..20].to_vec())
}

pub(super) fn public_key(key: &Multikey) -> Result<Vec<u8>, IssueError> {
    let point = || key.coordinates().map(|(x, y)| [vec![4], x, y].concat()).ok_or(IssueError::NotEncodable);
    let (algorithm, bytes) = match key {
        Multikey::Ed25519(bytes) => (sequence(&[oid("1.3.101.112")?]), bytes.to_vec()),
        Multikey::P256(_) => (sequence(&[oid("1.2.840.10045.2.1")?, oid("1.2.840.10045.3.1.7")?]), point()?),
        Multikey::P384(_) => (sequence(&[oid("1.2.840.10045.2.1")?, oid("1.3.132.0.34")?]), point()?),
        Multikey::Bls12381G2(_) => return Err(IssueError::NotEncodable),
    };
    Ok(sequence(&[algorithm, tagged(3, &[vec![0], bytes])]))
}

pub(super) fn name(text: &str) -> Result<Vec<u8>, IssueError> {
    Name::from_str(text).ok().and_then(|name| name.to_der().ok()).ok_or(IssueError::NotEncodable)
}

/// Until 2049 in two digits, from then on in four (RFC 5280, 4.1.2.5).
pub(super) fn time(at: u64) -> Result<Vec<u8>, IssueError> {
    let at = Duration::from_secs(at);
    let short = UtcTime::from_unix_duration(at).ok().and_then(|time| time.to_der().ok());
    let long = || GeneralizedTime::from_unix_duration(at).ok().and_then(|time| time.to_der().ok());
    short.or_else(long).ok_or(IssueError::NotEncodable)
}

pub(super) fn oid(text: &str) -> Result<Vec<u8>, IssueError> {
    ObjectIdentifier::new(text).ok().and_then(|oid| oid.to_der().ok()).ok_or(IssueError::NotEncodable)
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, parts)
}

pub(super) fn tagged(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=127 => vec![short as u8],
        long @ 128..=255 => vec![0x81, long as u8],
        longer => vec![0x82, (longer >> 8) as u8, longer as u8],
    };
    [vec![tag], length, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::multikey::StandardKey;
    use crate::crypto::x509::{Purpose, Root, verify_chain};

    const NOW: u64 = 1_800_000_000;

    fn draft<'a>(key: Multikey, usage: Use, until: u64) -> CertificateDraft<'a> {
        let (subject, contact) = ("CN=Root,C=KR", "https://issuer.example");
        CertificateDraft { subject, issuer: "CN=Root,C=KR", contact, serial: [0xff; 20], from: NOW, until, key, usage }
    }

    #[test]
    fn what_is_made_passes_its_own_checks() {
        let (root, leaf) = (StandardKey::p256(&[1; 32]).unwrap(), StandardKey::p256(&[2; 32]).unwrap());
        // Past 2049, where dates are written in another way.
        let top = draft(root.multikey(), Use::Root, NOW + 30 * 31_536_000).sign(&root).unwrap();
        let below =
            CertificateDraft { subject: "CN=Signer,C=KR", ..draft(leaf.multikey(), Use::DocumentSigner, NOW + 9) };
        let below = below.sign(&root).unwrap();
        for roots in [Root::from_der(&top).unwrap(), Root::recorded(root.multikey(), 0, u64::MAX)].map(|root| [root]) {
            assert_eq!(verify_chain(&[&below], &roots, Purpose::Documents, NOW).unwrap().key, leaf.multikey());
            assert!(verify_chain(&[&below], &roots, Purpose::Credentials, NOW).is_ok());
            assert!(verify_chain(&[&below], &roots, Purpose::Status, NOW).is_ok());
            assert!(verify_chain(&[&below], &roots, Purpose::Reader, NOW).is_err());
        }
        let reader = draft(leaf.multikey(), Use::Reader, NOW + 9).sign(&root).unwrap();
        let roots = [Root::from_der(&top).unwrap()];
        assert!(verify_chain(&[&reader], &roots, Purpose::Reader, NOW).is_ok());
    }

    #[test]
    fn what_would_be_refused_is_not_made() {
        let (root, other) = (StandardKey::p256(&[1; 32]).unwrap(), StandardKey::ed25519(&[2; 32]));
        let good = || draft(root.multikey(), Use::Root, NOW + 9);
        assert_eq!(good().sign(&other), Err(IssueError::Refused(CertificateError::KeyNotTrusted)));
        assert_eq!(CertificateDraft { subject: "=", ..good() }.sign(&root), Err(IssueError::NotEncodable));
        let bbs = CertificateDraft { key: Multikey::Bls12381G2([0; 96]), ..good() };
        assert_eq!(bbs.sign(&root), Err(IssueError::NotEncodable));
        struct Locked(Multikey);
        impl StandardSigner for Locked {
            fn multikey(&self) -> Multikey {
                self.0
            }
            fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
                Err(SignerError::NotAuthorized)
            }
        }
        let refused = good().sign(&Locked(root.multikey()));
        assert_eq!(refused, Err(IssueError::Signer(SignerError::NotAuthorized)));
    }
}
