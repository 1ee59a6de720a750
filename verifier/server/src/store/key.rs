//! A key for the answers to one request.

use protocol::crypto::agreement::AgreementKey;
use rand_core::CryptoRng;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{bytes_of, text_of};

/// A key that lives as long as a request, with the seed that it is kept as.
#[derive(Clone)]
pub(crate) struct EphemeralKey {
    seed: Zeroizing<[u8; 32]>,
    key: AgreementKey,
}

impl EphemeralKey {
    /// A new key.
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        loop {
            rng.fill_bytes(seed.as_mut());
            // One draw in 2^32 is not below the group order.
            if let Ok(key) = AgreementKey::from_seed(&seed) {
                return Self { seed, key };
            }
        }
    }

    /// The key itself.
    pub(crate) fn key(&self) -> &AgreementKey {
        &self.key
    }

    /// As it is written, before it is sealed.
    pub(crate) fn to_json(&self) -> Value {
        text_of(self.seed.as_ref()).into()
    }

    /// Reads what [`EphemeralKey::to_json`] wrote.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes_of(value)?.as_slice()).ok()?);
        let key = AgreementKey::from_seed(&seed).ok()?;
        Some(Self { seed, key })
    }
}
