//! One certificate, and what it says of itself.

use x509_cert::certificate::Version;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
};

use super::Purpose;
use crate::crypto::algorithm::Algorithm;
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::Multikey;

/// Longest certificate that is read, in bytes.
pub const CERTIFICATE_MAX: usize = 4096;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

const DOCUMENT_SIGNER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.0.18013.5.1.2");
const READER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.0.18013.5.1.6");
const STATUS_SIGNER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.30");

/// Why a certificate or a chain is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A certificate is longer than [`CERTIFICATE_MAX`].
    #[error("a certificate is larger than allowed; ask its owner for a smaller one")]
    TooLarge,
    /// No certificate, or more than a chain may have.
    #[error("the chain has too few or too many certificates; ask its owner for the right one")]
    ChainLength,
    /// Not a certificate of version 3 in DER.
    #[error("a certificate is not well formed; ask its owner to make it again")]
    MalformedCertificate,
    /// A key or signature of an algorithm other than ES256, ES384 and Ed25519.
    #[error("a certificate uses an algorithm that is not supported; use P-256, P-384 or Ed25519")]
    UnsupportedAlgorithm,
    /// The chain ends at no trusted root, or a signature in it is wrong.
    #[error("the certificate is vouched for by nobody who is trusted; do not believe its owner")]
    KeyNotTrusted,
    /// A certificate may not be used like this: authority where a leaf is due or the reverse, another key usage,
    /// a path too long, or an extension that is not understood.
    #[error("a certificate is not made for this use; ask its owner for the right one")]
    CertificateProfileInvalid,
    /// A certificate is not valid yet or no longer.
    #[error("a certificate is not valid at this time; ask its owner for a new one")]
    CertificateExpired,
    /// The key is not a point of its curve.
    #[error(transparent)]
    Key(#[from] SignatureError),
}

/// A certificate, received.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    key: Multikey,
}

impl Certificate {
    /// Reads DER. The signature is the affair of a chain.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_MAX {
            return Err(CertificateError::TooLarge);
        }
        let malformed = |_| CertificateError::MalformedCertificate;
        let parsed = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        // CERT-02: one encoding, so that what is signed is what was read.
        if parsed.to_der().map_err(malformed)? != der || parsed.tbs_certificate().version() != Version::V3 {
            return Err(CertificateError::MalformedCertificate);
        }
        let key = public_key(&parsed)?;
        let certificate = Self { der: der.to_vec(), parsed, key };
        certificate.check_extensions()?;
        Ok(certificate)
    }

    /// The bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key of its owner.
    #[must_use]
    pub fn key(&self) -> Multikey {
        self.key
    }

    /// Valid from, Unix seconds.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.parsed.tbs_certificate().validity().not_before.to_unix_duration().as_secs()
    }

    /// Valid until and including, Unix seconds.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.parsed.tbs_certificate().validity().not_after.to_unix_duration().as_secs()
    }

    /// The owner's name as RFC 4514 writes it.
    #[must_use]
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate().subject().to_string()
    }

    /// The DNS names that it is for.
    ///
    /// # Errors
    /// [`CertificateError::MalformedCertificate`]
    pub fn dns_names(&self) -> Result<Vec<String>, CertificateError> {
        let names = self.extension::<SubjectAltName>()?.map(|(_, it)| it.0).unwrap_or_default();
        let dns = |name: GeneralName| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
            _ => None,
        };
        Ok(names.into_iter().filter_map(dns).collect())
    }

    /// The key identifier of the authority that signed it, where it says so.
    ///
    /// # Errors
    /// [`CertificateError::MalformedCertificate`]
    pub fn authority_key_identifier(&self) -> Result<Option<Vec<u8>>, CertificateError> {
        let named = self.extension::<AuthorityKeyIdentifier>()?.and_then(|(_, it)| it.key_identifier);
        Ok(named.map(|it| it.as_bytes().to_vec()))
    }

    pub(super) fn subject_name(&self) -> Option<Vec<u8>> {
        self.parsed.tbs_certificate().subject().to_der().ok()
    }

    pub(super) fn issuer_name(&self) -> Option<Vec<u8>> {
        self.parsed.tbs_certificate().issuer().to_der().ok()
    }

    fn extension<'a, T>(&'a self) -> Result<Option<(bool, T)>, CertificateError>
    where
        T: Decode<'a> + x509_cert::der::oid::AssociatedOid,
    {
        let found = self.parsed.tbs_certificate().get_extension::<T>();
        found.map_err(|_| CertificateError::MalformedCertificate)
    }

    /// No extension twice, and none that is critical and not understood; name constraints are not (CERT-05).
    fn check_extensions(&self) -> Result<(), CertificateError> {
        let extensions = self.parsed.tbs_certificate().extensions().map_or(&[][..], Vec::as_slice);
        for (at, extension) in extensions.iter().enumerate() {
            if extensions.iter().take(at).any(|other| other.extn_id == extension.extn_id) {
                return Err(CertificateError::MalformedCertificate);
            }
            let understood = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE].contains(&extension.extn_id);
            if extension.critical && !understood || extension.extn_id == NAME_CONSTRAINTS {
                return Err(CertificateError::CertificateProfileInvalid);
            }
        }
        Ok(())
    }

    /// An authority that signed itself.
    pub(super) fn check_root(&self) -> Result<(), CertificateError> {
        self.check_authority()?;
        if self.issuer_name() != self.subject_name() {
            return Err(CertificateError::CertificateProfileInvalid);
        }
        self.check_signed_by(self)
    }

    /// May sign certificates: authority, `keyCertSign` (CERT-04).
    pub(super) fn check_authority(&self) -> Result<(), CertificateError> {
        let authority = self.extension::<BasicConstraints>()?.is_some_and(|(critical, it)| critical && it.ca);
        let signs = self.extension::<KeyUsage>()?.is_some_and(|(_, usage)| usage.key_cert_sign());
        if authority && signs { Ok(()) } else { Err(CertificateError::CertificateProfileInvalid) }
    }

    /// At most as many authorities below it as it allows (CERT-04).
    pub(super) fn check_path_length(&self, below: usize) -> Result<(), CertificateError> {
        let limit = self.extension::<BasicConstraints>()?.and_then(|(_, it)| it.path_len_constraint);
        if limit.is_some_and(|limit| below > usize::from(limit)) {
            return Err(CertificateError::CertificateProfileInvalid);
        }
        Ok(())
    }

    /// Signs what `purpose` says and no certificates (CERT-04).
    pub(super) fn check_leaf(&self, purpose: Purpose) -> Result<(), CertificateError> {
        let authority = self.extension::<BasicConstraints>()?.is_some_and(|(_, it)| it.ca);
        let signs = self.extension::<KeyUsage>()?.is_some_and(|(_, it)| it.digital_signature() && !it.key_cert_sign());
        let usage = self.extension::<ExtendedKeyUsage>()?;
        let one_of = |allowed: &[ObjectIdentifier]| {
            usage.as_ref().is_none_or(|(_, it)| it.0.iter().any(|named| allowed.contains(named)))
        };
        let exactly = |wanted| usage.as_ref().is_some_and(|(critical, it)| *critical && it.0 == [wanted]);
        let right = match purpose {
            Purpose::Credentials => one_of(&[DOCUMENT_SIGNER]),
            Purpose::Documents => exactly(DOCUMENT_SIGNER),
            Purpose::Reader => exactly(READER),
            Purpose::Requests => one_of(&[READER]),
            Purpose::Status => one_of(&[DOCUMENT_SIGNER, STATUS_SIGNER]),
            Purpose::Attestations => usage.is_none(),
        };
        if !authority && signs && right { Ok(()) } else { Err(CertificateError::CertificateProfileInvalid) }
    }

    /// Names and key identifiers fit, and the signature is `signer`'s (CERT-01).
    pub(super) fn check_signed_by(&self, signer: &Self) -> Result<(), CertificateError> {
        let names = self.issuer_name().is_some_and(|name| signer.subject_name() == Some(name));
        let named = self.extension::<AuthorityKeyIdentifier>()?.and_then(|(_, it)| it.key_identifier);
        let own = signer.extension::<SubjectKeyIdentifier>()?.map(|(_, it)| it.0);
        let identifiers = match (named, own) {
            (Some(named), Some(own)) => named == own,
            _ => true,
        };
        if names && identifiers { self.check_signature(&signer.key) } else { Err(CertificateError::KeyNotTrusted) }
    }

    /// The signature is by `key`, with its one algorithm.
    pub(super) fn check_signature(&self, key: &Multikey) -> Result<(), CertificateError> {
        let tbs = self.parsed.tbs_certificate();
        let algorithm = match key.algorithm() {
            Some(Algorithm::Es256) => ECDSA_SHA256,
            Some(Algorithm::Es384) => ECDSA_SHA384,
            Some(Algorithm::EdDsa) => ED25519,
            None => return Err(CertificateError::UnsupportedAlgorithm),
        };
        let stated = self.parsed.signature_algorithm();
        let stated = stated == tbs.signature() && stated.oid == algorithm && stated.parameters.is_none();
        let (Ok(message), Some(signature)) = (tbs.to_der(), self.parsed.signature().as_bytes()) else {
            return Err(CertificateError::MalformedCertificate);
        };
        if stated && key.verify_der(&message, signature).is_ok() {
            Ok(())
        } else {
            Err(CertificateError::KeyNotTrusted)
        }
    }
}

fn public_key(certificate: &x509_cert::Certificate) -> Result<Multikey, CertificateError> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    let bytes = info.subject_public_key.as_bytes().ok_or(CertificateError::MalformedCertificate)?;
    let curve = info.algorithm.parameters.as_ref().and_then(|it| it.decode_as::<ObjectIdentifier>().ok());
    match (info.algorithm.oid, curve) {
        (EC_PUBLIC_KEY, Some(P256)) => Ok(Multikey::p256_from_sec1(bytes)?),
        (EC_PUBLIC_KEY, Some(P384)) => Ok(Multikey::p384_from_sec1(bytes)?),
        (ED25519, None) => Ok(Multikey::ed25519_from_bytes(bytes)?),
        _ => Err(CertificateError::UnsupportedAlgorithm),
    }
}

impl core::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}
