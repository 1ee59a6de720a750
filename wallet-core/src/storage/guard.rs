//! What the secure area remembers of a wallet file: the wrapped key, the tries, the newest state
//! (WFILE-04).

use std::sync::Arc;

use minicbor::{Decode, Encode};
use protocol::cbor;

use super::header::Header;
use super::key::WrappedKey;
use crate::error::WalletError;
use crate::secure_area::{SecureArea, SecureAreaError};

/// Wrong PINs in a row after which the wallet stays closed.
pub(crate) const TRIES: u8 = 10;
/// Largest guard, in bytes.
const SIZE_MAX: usize = 1_024;
/// How often a replacement is tried anew after someone else came first.
const CONFLICTS_MAX: usize = 64;

/// Names one state of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct StateMark {
    /// Grows by one with every change.
    #[n(0)]
    pub(crate) generation: u64,
    /// Hash of the content.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) digest: [u8; 32],
}

/// The secure area's record of one wallet.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Guard {
    #[n(0)]
    pub(crate) key: WrappedKey,
    /// Tries since the last right PIN.
    #[n(1)]
    pub(crate) tries: u8,
    /// The state the database is known to have reached.
    #[n(2)]
    pub(crate) current: StateMark,
    /// The state it was about to reach; it has, or it has not.
    #[n(3)]
    pub(crate) next: Option<StateMark>,
}

/// Access to the guard of the wallet file with this header.
///
/// The record is the header, which every version of this software can compare, and then the guard.
#[derive(Clone)]
pub(crate) struct GuardRecord {
    pub(crate) area: Arc<dyn SecureArea>,
    pub(crate) header: Header,
}

impl GuardRecord {
    /// Stores the first guard of a wallet.
    pub(crate) fn create(&self, guard: &Guard) -> Result<(), WalletError> {
        Ok(self.area.replace_record(&self.name(), 0, &self.encode(guard))?)
    }

    /// The guard as it is now.
    pub(crate) fn read(&self) -> Result<Guard, WalletError> {
        self.read_versioned().map(|(_, guard)| guard)
    }

    /// Changes the guard in one step that no other process or copy of the wallet can interleave.
    pub(crate) fn update<T>(
        &self,
        mut change: impl FnMut(&mut Guard) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        for _ in 0..CONFLICTS_MAX {
            let (version, mut guard) = self.read_versioned()?;
            let result = change(&mut guard)?;
            match self.area.replace_record(&self.name(), version, &self.encode(&guard)) {
                Err(SecureAreaError::RecordConflict) => {}
                Err(other) => return Err(other.into()),
                Ok(()) => return Ok(result),
            }
        }
        Err(WalletError::StorageUnavailable)
    }

    /// Forgets the wallet: its file can never be opened again.
    pub(crate) fn delete(&self) -> Result<(), WalletError> {
        Ok(self.area.delete_record(&self.name())?)
    }

    fn read_versioned(&self) -> Result<(u64, Guard), WalletError> {
        let record = match self.area.record(&self.name()) {
            Ok(Some(record)) => record,
            Ok(None) if self.area.device_id()? != self.header.device_id => return Err(WalletError::DeviceMismatch),
            Ok(None) | Err(SecureAreaError::RecordTampered) => return Err(WalletError::StorageTampered),
            Err(other) => return Err(other.into()),
        };
        let guard = record.bytes.strip_prefix(self.header.encode().as_slice()).ok_or(WalletError::StorageTampered)?;
        self.header.check_version()?;
        let guard: Guard = cbor::from_slice(guard, SIZE_MAX).map_err(|_| WalletError::StorageTampered)?;
        guard.key.parameters()?;
        Ok((record.version, guard))
    }

    fn encode(&self, guard: &Guard) -> Vec<u8> {
        [self.header.encode().as_slice(), &cbor::to_vec(guard)].concat()
    }

    fn name(&self) -> String {
        format!("wallet-{}", hex::encode(self.header.wallet_id))
    }
}
