//! The 37 readable bytes beside the database: which wallet this is, and on which phone it opens.

use super::records::Vault;
use crate::error::WalletError;

/// Version of the header and of the secure area's record. What the records mean has a version of its own.
const VERSION: u8 = 1;
const MAGIC: [u8; 4] = *b"MIDW";

/// Names a wallet and its phone. Nothing here is secret; the secure area authenticates all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    version: u8,
    pub(crate) wallet_id: [u8; 16],
    pub(crate) device_id: [u8; 16],
}

impl Header {
    pub(crate) fn new(wallet_id: [u8; 16], device_id: [u8; 16]) -> Self {
        Self { version: VERSION, wallet_id, device_id }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [&MAGIC, [self.version].as_slice(), &self.wallet_id, &self.device_id].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([version], rest) = bytes.strip_prefix(&MAGIC)?.split_first_chunk()?;
        let (wallet_id, device_id) = rest.split_first_chunk()?;
        Some(Self { version: *version, wallet_id: *wallet_id, device_id: device_id.try_into().ok()? })
    }

    /// Reads a vault's header; `None` when there is none.
    pub(crate) fn read(vault: &dyn Vault) -> Result<Option<Self>, WalletError> {
        match vault.header()? {
            Some(bytes) => Self::decode(&bytes).map(Some).ok_or(WalletError::StorageTampered),
            None => Ok(None),
        }
    }

    /// Refuses files of a newer version. Ask only once the secure area has confirmed the header.
    pub(crate) fn check_version(&self) -> Result<(), WalletError> {
        if self.version == VERSION { Ok(()) } else { Err(WalletError::StorageVersionUnsupported) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        let id = |first: u8| core::array::from_fn(|i| first + i as u8);
        let header = Header::new(id(0), id(16));
        let expected = "4d49445701000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        assert_eq!(hex::encode(header.encode()), expected);
        assert_eq!(Header::decode(&header.encode()), Some(header));
        for length in 0..37 {
            assert_eq!(Header::decode(&header.encode()[..length]), None);
        }
        assert_eq!(Header::decode(&[header.encode(), vec![0]].concat()), None);
    }
}
