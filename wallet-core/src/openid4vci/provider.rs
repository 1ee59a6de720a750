//! Who vouches for the wallet: its provider, which knows the phone and its keys (`specs/openid4vci.md`, VCI-60…65).

use protocol::crypto::keys::SignerError;
use protocol::crypto::multikey::{Multikey, StandardKey};
use protocol::exchange::openid4vci::attestation::{KeyRequirements, Provider};

/// How long an attestation is good, in seconds: a day, after which a phone has to be looked at again.
const LIFE: u64 = 86_400;

/// A wallet's provider, as far as the app has its word already: a real one looks at the phone's own attestations first.
pub trait WalletProvider: Send + Sync {
    /// The `client_id`, the same for all its wallets.
    fn client_id(&self) -> &str;

    /// Says that this wallet has `key`.
    ///
    /// # Errors
    /// [`SignerError`] when there is no attestation to be had now.
    fn attest_wallet(&self, key: &Multikey, now: u64) -> Result<String, SignerError>;

    /// Says how `keys` are kept, with the issuer's nonce.
    ///
    /// # Errors
    /// [`SignerError`] when there is no attestation to be had now.
    fn attest_keys(&self, keys: &[Multikey], nonce: Option<&str>, now: u64) -> Result<String, SignerError>;
}

/// A provider for tests and demonstrations: it looks at no phone, has its key in memory, and says so in what it signs.
pub struct SoftwareProvider {
    key: StandardKey,
    chain: Vec<Vec<u8>>,
}

impl SoftwareProvider {
    /// What it says of where keys are kept: in software, without resistance against anybody.
    pub const KEY_STORAGE: &str = "urn:kr:mid:key-storage:software";
    /// The name of its wallets.
    pub const CLIENT: &str = "urn:kr:mid:wallet:software";

    /// A provider with a P-256 key and its certificates, leaf first and without the root.
    #[must_use]
    pub fn new(key: StandardKey, chain: Vec<Vec<u8>>) -> Self {
        Self { key, chain }
    }

    fn provider(&self) -> Provider<'_> {
        Provider { signer: &self.key, chain: &self.chain }
    }
}

impl WalletProvider for SoftwareProvider {
    fn client_id(&self) -> &str {
        Self::CLIENT
    }

    fn attest_wallet(&self, key: &Multikey, now: u64) -> Result<String, SignerError> {
        let until = now.saturating_add(LIFE);
        let said = self.provider().attest_client(Self::CLIENT, "mid, software only: for tests", key, now, until);
        said.map_err(|_| SignerError::KeyUnavailable)
    }

    fn attest_keys(&self, keys: &[Multikey], nonce: Option<&str>, now: u64) -> Result<String, SignerError> {
        let kept = KeyRequirements { key_storage: vec![Self::KEY_STORAGE.to_owned()], user_authentication: Vec::new() };
        let said = self.provider().attest_keys(keys, &kept, nonce, now, now.saturating_add(LIFE));
        said.map_err(|_| SignerError::KeyUnavailable)
    }
}
