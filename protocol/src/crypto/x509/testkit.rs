//! Certificates for tests: authorities, document signers, readers, and every way to make one wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helper")]

use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use x509_cert::der::Encode;
use x509_cert::der::asn1::{ObjectIdentifier, UtcTime};
use x509_cert::name::Name;

use crate::crypto::algorithm::Algorithm;
use crate::crypto::multikey::{Multikey, StandardSigner};

/// What a certificate says; change a field to make it wrong.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The owner's name, RFC 4514.
    pub subject: String,
    /// The signer's name.
    pub issuer: String,
    /// Serial number.
    pub serial: u8,
    /// Valid from, Unix seconds.
    pub from: u64,
    /// Valid until, Unix seconds.
    pub until: u64,
    /// The owner's key.
    pub key: Multikey,
    /// The signer's key, for the authority key identifier.
    pub issuer_key: Multikey,
    /// Authority, and how many authorities may stand below it.
    pub authority: Option<Option<u8>>,
    /// The last octet of the key usage bits: 0x80 `digitalSignature`, 0x04 `keyCertSign`, 0x02 `cRLSign`.
    pub key_usage: u8,
    /// Extended key usage, critical.
    pub extended: Option<&'static str>,
    /// One more extension: its identifier, whether it is critical, its value in DER.
    pub extra: Vec<(&'static str, bool, Vec<u8>)>,
}

impl Draft {
    /// A self-signed authority.
    #[must_use]
    pub fn root(name: &str, key: Multikey, from: u64, until: u64) -> Self {
        let (subject, issuer) = (name.to_owned(), name.to_owned());
        let (authority, key_usage) = (Some(Some(0)), 0x06);
        let (extended, extra) = (None, Vec::new());
        Self { subject, issuer, serial: 1, from, until, key, issuer_key: key, authority, key_usage, extended, extra }
    }

    /// A leaf below `self`.
    #[must_use]
    pub fn leaf(&self, name: &str, key: Multikey, extended: Option<&'static str>) -> Self {
        Self {
            subject: name.to_owned(),
            issuer: self.subject.clone(),
            serial: 2,
            key,
            issuer_key: self.key,
            authority: None,
            key_usage: 0x80,
            extended,
            ..self.clone()
        }
    }

    /// The certificate, signed.
    #[must_use]
    pub fn sign(&self, signer: &dyn StandardSigner) -> Vec<u8> {
        let algorithm = match signer.multikey().algorithm().unwrap() {
            Algorithm::Es256 => sequence(&[oid("1.2.840.10045.4.3.2")]),
            Algorithm::Es384 => sequence(&[oid("1.2.840.10045.4.3.3")]),
            Algorithm::EdDsa => sequence(&[oid("1.3.101.112")]),
        };
        let tbs = sequence(&[
            tagged(0xa0, &[vec![2, 1, 2]]),
            vec![2, 1, self.serial],
            algorithm.clone(),
            name(&self.issuer),
            sequence(&[time(self.from), time(self.until)]),
            name(&self.subject),
            public_key(&self.key),
            tagged(0xa3, &[sequence(&self.extensions())]),
        ]);
        let raw = signer.sign(&tbs).unwrap();
        let signature = match signer.multikey().algorithm().unwrap() {
            Algorithm::EdDsa => raw,
            Algorithm::Es256 => p256::ecdsa::Signature::from_slice(&raw).unwrap().to_der().as_bytes().to_vec(),
            Algorithm::Es384 => p384::ecdsa::Signature::from_slice(&raw).unwrap().to_der().as_bytes().to_vec(),
        };
        sequence(&[tbs, algorithm, tagged(3, &[vec![0], signature])])
    }

    fn extensions(&self) -> Vec<Vec<u8>> {
        let mut list = vec![
            extension("2.5.29.14", false, &tagged(4, &[identifier(&self.key)])),
            extension("2.5.29.35", false, &sequence(&[tagged(0x80, &[identifier(&self.issuer_key)])])),
        ];
        if let Some(limit) = self.authority {
            let limit = limit.map(|limit| vec![2, 1, limit]).unwrap_or_default();
            list.push(extension("2.5.29.19", true, &sequence(&[vec![1, 1, 0xff], limit])));
        }
        let unused = self.key_usage.trailing_zeros().min(7) as u8;
        list.push(extension("2.5.29.15", true, &[3, 2, unused, self.key_usage]));
        if let Some(usage) = self.extended {
            list.push(extension("2.5.29.37", true, &sequence(&[oid(usage)])));
        }
        list.extend(self.extra.iter().map(|(id, critical, value)| extension(id, *critical, value)));
        list
    }
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![1, 1, 0xff] } else { Vec::new() };
    sequence(&[oid(id), critical, tagged(4, &[value.to_vec()])])
}

fn identifier(key: &Multikey) -> Vec<u8> {
    Sha256::digest(public_key(key))[..20].to_vec()
}

fn public_key(key: &Multikey) -> Vec<u8> {
    let (algorithm, bytes) = match key {
        Multikey::Ed25519(bytes) => (sequence(&[oid("1.3.101.112")]), bytes.to_vec()),
        Multikey::P256(_) => (sequence(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]), point(key)),
        Multikey::Bls12381G2(_) => panic!("no certificate has such a key"),
        Multikey::P384(_) => (sequence(&[oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")]), point(key)),
    };
    sequence(&[algorithm, tagged(3, &[vec![0], bytes])])
}

fn point(key: &Multikey) -> Vec<u8> {
    let (x, y) = key.coordinates().unwrap();
    [vec![4], x, y].concat()
}

fn name(text: &str) -> Vec<u8> {
    Name::from_str(text).unwrap().to_der().unwrap()
}

fn time(at: u64) -> Vec<u8> {
    UtcTime::from_unix_duration(Duration::from_secs(at)).unwrap().to_der().unwrap()
}

fn oid(text: &str) -> Vec<u8> {
    ObjectIdentifier::new(text).unwrap().to_der().unwrap()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, parts)
}

fn tagged(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=127 => vec![short as u8],
        long @ 128..=255 => vec![0x81, long as u8],
        longer => vec![0x82, (longer >> 8) as u8, longer as u8],
    };
    [vec![tag], length, content].concat()
}
