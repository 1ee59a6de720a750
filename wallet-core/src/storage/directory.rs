//! A wallet in a directory of its own: the header, an encrypted database, and a lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::key::DatabaseKey;
use super::records::{Records, Vault};
use super::sqlcipher::SqlCipher;
use crate::durable;
use crate::error::WalletError;

const HEADER: &str = "wallet.head";
const DATABASE: &str = "wallet.db";
const JOURNAL: &str = "wallet.db-journal";
const LOCK: &str = "wallet.lock";

/// A directory, locked as long as this value exists.
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes and locks a directory.
    pub(crate) fn make(path: &Path) -> Result<Self, WalletError> {
        durable::make_directory(path)?;
        Self::lock(path)
    }

    /// Locks a directory that holds a wallet, whatever its state.
    pub(crate) fn existing(path: &Path) -> Result<Self, WalletError> {
        if !path.join(HEADER).exists() && !path.join(DATABASE).exists() {
            return Err(WalletError::NoWallet);
        }
        Self::lock(path)
    }

    /// Keeps every other handle out, of this process and of others.
    fn lock(path: &Path) -> Result<Self, WalletError> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(WalletError::AlreadyOpen),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn delete_records(&self) -> Result<(), WalletError> {
        durable::remove(&self.path.join(DATABASE))?;
        Ok(durable::remove(&self.path.join(JOURNAL))?)
    }
}

impl Vault for Directory {
    fn header(&self) -> Result<Option<Vec<u8>>, WalletError> {
        Ok(durable::read(&self.path.join(HEADER))?)
    }

    fn set_header(&self, header: &[u8]) -> Result<(), WalletError> {
        Ok(durable::replace(&self.path.join(HEADER), header)?)
    }

    fn create(&self, key: &DatabaseKey) -> Result<Box<dyn Records>, WalletError> {
        self.delete_records()?;
        Ok(Box::new(SqlCipher::create(&self.path.join(DATABASE), key)?))
    }

    fn open(&self, key: &DatabaseKey) -> Result<Box<dyn Records>, WalletError> {
        Ok(Box::new(SqlCipher::open(&self.path.join(DATABASE), key)?))
    }

    fn delete(&self) -> Result<(), WalletError> {
        self.delete_records()?;
        Ok(durable::remove(&self.path.join(HEADER))?)
    }
}
