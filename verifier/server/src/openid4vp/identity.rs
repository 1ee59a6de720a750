//! Who asks.

use protocol::crypto::multikey::StandardSigner;
use protocol::exchange::openid4vp::{ClientId, Signing};
use protocol::identifier::Did;

/// A way in which the verifier says who it is, and the key that proves it.
pub struct RequestSigner {
    pub(super) client_id: ClientId,
    certificates: Vec<Vec<u8>>,
    key_id: String,
    pub(super) key: Box<dyn StandardSigner + Send + Sync>,
}

impl RequestSigner {
    /// As the owner of a DID, with its key `fragment`.
    #[must_use]
    pub fn did(did: &Did, fragment: &str, key: Box<dyn StandardSigner + Send + Sync>) -> Self {
        let key_id = format!("{}#{fragment}", did.as_str());
        Self { client_id: ClientId::DecentralizedIdentifier(did.clone()), certificates: Vec::new(), key_id, key }
    }

    /// As the owner of this certificate, leaf first, without the root; none when there is no certificate.
    #[must_use]
    pub fn certificate(certificates: Vec<Vec<u8>>, key: Box<dyn StandardSigner + Send + Sync>) -> Option<Self> {
        let client_id = ClientId::of_certificate(certificates.first()?);
        Some(Self { client_id, certificates, key_id: String::new(), key })
    }

    /// As the owner of a DNS name that the certificate is for.
    #[must_use]
    pub fn dns_name(name: &str, certificates: Vec<Vec<u8>>, key: Box<dyn StandardSigner + Send + Sync>) -> Self {
        Self { client_id: ClientId::X509SanDns(name.to_owned()), certificates, key_id: String::new(), key }
    }

    pub(super) fn signing(&self) -> Signing<'_> {
        match self.client_id {
            ClientId::DecentralizedIdentifier(_) => Signing::KeyId(&self.key_id),
            ClientId::X509Hash(_) | ClientId::X509SanDns(_) => Signing::Certificates(&self.certificates),
        }
    }

    /// The certificates, leaf first; none where a DID signs.
    pub(super) fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    pub(super) fn prefix(&self) -> &'static str {
        match self.client_id {
            ClientId::DecentralizedIdentifier(_) => "decentralized_identifier",
            ClientId::X509Hash(_) => "x509_hash",
            ClientId::X509SanDns(_) => "x509_san_dns",
        }
    }
}

/// A registered verifier, and the ways in which it says who it is; the first where a request names none.
pub struct Identity {
    /// On the ledger.
    pub verifier: Did,
    /// To wallets.
    pub signers: Vec<RequestSigner>,
}
