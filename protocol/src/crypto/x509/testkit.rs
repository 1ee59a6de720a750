//! Certificates for tests: authorities, document signers, readers, and every way to make one wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helper")]

use super::issue::{self, sequence, tagged};
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
        let algorithm = issue::signature_algorithm(&signer.multikey()).unwrap();
        let tbs = sequence(&[
            tagged(0xa0, &[vec![2, 1, 2]]),
            vec![2, 1, self.serial],
            algorithm.clone(),
            issue::name(&self.issuer).unwrap(),
            sequence(&[issue::time(self.from).unwrap(), issue::time(self.until).unwrap()]),
            issue::name(&self.subject).unwrap(),
            issue::public_key(&self.key).unwrap(),
            tagged(0xa3, &[sequence(&self.extensions())]),
        ]);
        let signature = issue::der_signature(&signer.multikey(), signer.sign(&tbs).unwrap()).unwrap();
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
            list.push(extension("2.5.29.37", true, &sequence(&[issue::oid(usage).unwrap()])));
        }
        list.extend(self.extra.iter().map(|(id, critical, value)| extension(id, *critical, value)));
        list
    }
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    issue::extension(id, critical, value).unwrap()
}

fn identifier(key: &Multikey) -> Vec<u8> {
    issue::identifier(key).unwrap()
}
