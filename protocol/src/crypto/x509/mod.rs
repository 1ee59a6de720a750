//! Certificate chains of issuers and readers (RFC 5280), as small a profile as the formats need.
//!
//! A chain is leaf first, at most [`CHAIN_MAX`] certificates, and ends at a root that the caller already
//! trusts, which the chain may repeat. Everything not understood is refused: there is no revocation by list
//! (short lives and the ledger take its place), no name constraint, no policy, no RSA.

mod certificate;
mod issue;
mod memo;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

pub use certificate::{CERTIFICATE_MAX, Certificate, CertificateError};
pub use issue::{CertificateDraft, IssueError, Use};

use crate::crypto::multikey::Multikey;
use memo::Memo;

/// Most certificates of a chain, its root included.
pub const CHAIN_MAX: usize = 4;

/// What a chain's leaf is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signs credentials in JSON form (SD-JWT VC). No extended key usage, or that of a document signer.
    Credentials,
    /// Signs mobile documents: ISO/IEC 18013-5, B.1.4, extended key usage 1.0.18013.5.1.2, critical.
    Documents,
    /// Asks for mobile documents: ISO/IEC 18013-5, B.1.7, extended key usage 1.0.18013.5.1.6, critical.
    Reader,
    /// Signs requests of verifiers (OpenID4VP 1.0, section 5.9.3): no extended key usage, or that of a reader.
    Requests,
    /// Signs status lists: extended key usage 1.3.6.1.5.5.7.3.30, or that of a document signer, or none.
    Status,
    /// Vouches for wallets and their keys (HAIP 1.0, section 4.4.1): no extended key usage.
    Attestations,
}

/// A root that the caller trusts: a key, and the certificate where it is at hand. It and its clones remember the chains that
/// were found to end at it (CERT-07), so whoever checks many credentials keeps it.
///
/// The ledger records keys ([`Root::recorded`]); a certificate may come with the chain, or from a list of roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    key: Multikey,
    from: u64,
    until: u64,
    certificate: Option<Certificate>,
    memo: Memo,
}

impl Root {
    /// Reads a root and checks that it may sign certificates.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::from_der(der)?;
        certificate.check_root()?;
        let (key, from, until) = (certificate.key(), certificate.from(), certificate.until());
        Ok(Self { key, from, until, certificate: Some(certificate), memo: Memo::default() })
    }

    /// A root of which the key is known to be one, `from ≤ at ≤ until` (Unix seconds).
    #[must_use]
    pub fn recorded(key: Multikey, from: u64, until: u64) -> Self {
        Self { key, from, until, certificate: None, memo: Memo::default() }
    }

    /// The key, by which the ledger names it.
    #[must_use]
    pub fn key(&self) -> &Multikey {
        &self.key
    }

    /// Whether `certificate` is this root's: the same bytes, or the same key where no certificate is at hand.
    fn is(&self, certificate: &Certificate) -> bool {
        match &self.certificate {
            Some(own) => own.der() == certificate.der(),
            None => self.key == certificate.key() && certificate.check_root().is_ok(),
        }
    }

    /// Whether it signed `certificate`.
    fn signed(&self, certificate: &Certificate) -> bool {
        match &self.certificate {
            Some(own) => certificate.check_signed_by(own).is_ok(),
            None => certificate.check_signature(&self.key).is_ok(),
        }
    }
}

/// The end of a chain that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLeaf {
    /// The key that the chain vouches for.
    pub key: Multikey,
    /// Key of the root that it ends at.
    pub root: Multikey,
    /// Of all certificates of the chain: valid from, Unix seconds.
    pub from: u64,
    /// Of all certificates of the chain: valid until and including, Unix seconds.
    pub until: u64,
}

impl VerifiedLeaf {
    /// Refuses what was signed while some certificate of the chain was not valid (CERT-03).
    ///
    /// # Errors
    /// [`CertificateError::CertificateExpired`]
    pub fn check_time(&self, at: u64) -> Result<(), CertificateError> {
        if (self.from..=self.until).contains(&at) { Ok(()) } else { Err(CertificateError::CertificateExpired) }
    }
}

/// Checks a chain from its leaf (the first) to one of `roots`, for `purpose`, at `now` (Unix seconds).
///
/// # Errors
/// [`CertificateError`]; [`CertificateError::KeyNotTrusted`] when it ends at none of the roots.
pub fn verify_chain<T: AsRef<[u8]>>(
    chain: &[T],
    roots: &[Root],
    purpose: Purpose,
    now: u64,
) -> Result<VerifiedLeaf, CertificateError> {
    if chain.is_empty() || chain.len() > CHAIN_MAX {
        return Err(CertificateError::ChainLength);
    }
    // CERT-07: what was found once is not found again; only the time may have changed.
    let digest = Memo::digest(chain, purpose);
    if let Some(known) = roots.iter().find_map(|root| root.memo.get(&digest)) {
        known.check_time(now)?;
        return Ok(known);
    }
    let chain: Vec<Certificate> =
        chain.iter().map(|der| Certificate::from_der(der.as_ref())).collect::<Result<_, _>>()?;
    let (last, _) = chain.split_last().ok_or(CertificateError::ChainLength)?;
    let leaf = chain.first().ok_or(CertificateError::ChainLength)?;
    // The root may be repeated at the end. A leaf is never a root.
    let repeated = roots.iter().find(|root| chain.len() > 1 && root.is(last));
    let root = repeated.or_else(|| roots.iter().find(|root| root.signed(last)));
    let root = root.ok_or(CertificateError::KeyNotTrusted)?; // CERT-01
    if let (None, Some(own)) = (repeated, &root.certificate) {
        own.check_path_length(chain.len() - 1)?;
    }
    for (below, pair) in chain.windows(2).enumerate() {
        if let [certificate, signer] = pair {
            signer.check_authority()?;
            signer.check_path_length(below)?;
            certificate.check_signed_by(signer)?;
        }
    }
    leaf.check_leaf(purpose)?;
    let from = chain.iter().map(Certificate::from).fold(root.from, u64::max);
    let until = chain.iter().map(Certificate::until).fold(root.until, u64::min);
    let verified = VerifiedLeaf { key: leaf.key(), root: root.key, from, until };
    verified.check_time(now)?;
    root.memo.keep(digest, &verified);
    Ok(verified)
}

/// Key identifiers of the authorities that signed the certificates of a chain, base64url (`aki` of OpenID4VP 1.0, section
/// 6.1.1.1). Certificates that do not say are passed over.
#[must_use]
pub fn authorities<T: AsRef<[u8]>>(chain: &[T]) -> Vec<String> {
    let identifier = |der: &T| Certificate::from_der(der.as_ref()).ok()?.authority_key_identifier().ok()?;
    chain.iter().filter_map(identifier).map(|it| crate::crypto::jose::base64url(&it)).collect()
}

#[cfg(test)]
mod tests;
