//! What a wallet needs of whatever keeps it: opaque records in named tables, and several changes in one step.
//!
//! Everything above knows no more than this, so that a wallet can be kept by other means than a file. It does not rely on
//! the records being authentic or the newest: that is checked against the secure area (WFILE-08). It does rely on their being
//! unreadable without the key.

use zeroize::Zeroizing;

use super::key::DatabaseKey;
use crate::error::WalletError;

/// A named table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Single values by name.
    Setting,
    /// Credentials by id.
    Credential,
    /// Issuances under way by the id of the credential they are for.
    Issuance,
    /// Credentials in formats of others by id.
    Foreign,
    /// Offers of others that are being taken up, by id.
    Receiving,
    /// The newest status token by the id of its credential.
    StatusToken,
    /// The owner's log by number.
    Activity,
    /// The trust bundle.
    Trust,
    /// Public signatures on day numbers by key and first number.
    DaySignatures,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Setting,
        Self::Credential,
        Self::Issuance,
        Self::Foreign,
        Self::Receiving,
        Self::StatusToken,
        Self::Activity,
        Self::Trust,
        Self::DaySignatures,
    ];
    /// Those whose every record is part of the state that the secure area remembers (WFILE-07). The log's chain ends in a
    /// setting; trust data and day signatures are public and carry their own signatures.
    pub(crate) const PROTECTED: [Self; 6] =
        [Self::Setting, Self::Credential, Self::Issuance, Self::Foreign, Self::Receiving, Self::StatusToken];

    /// Its name, which never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Credential => "credential",
            Self::Issuance => "issuance",
            Self::Foreign => "foreign",
            Self::Receiving => "receiving",
            Self::StatusToken => "status_token",
            Self::Activity => "activity",
            Self::Trust => "trust",
            Self::DaySignatures => "day_signatures",
        }
    }
}

/// One record that becomes another, comes or goes.
pub struct Change {
    /// Where it is.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// Its new content; none when it goes.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

/// What looks at key and content of one record after the other.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), WalletError> + 'a;

/// The decrypted records of one wallet.
pub trait Records: Send {
    /// The record of `key`, if there is one.
    ///
    /// # Errors
    /// [`WalletError::StorageTampered`], [`WalletError::StorageUnavailable`]
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError>;

    /// Calls `visit` with key and content of each record of a table, in the order of the keys' bytes, until it fails.
    ///
    /// # Errors
    /// As [`Records::get`], and what `visit` reports.
    fn scan(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), WalletError>;

    /// How many records of a table have a key that begins with `prefix`.
    ///
    /// # Errors
    /// As [`Records::get`].
    fn count(&self, table: Table, prefix: &[u8]) -> Result<usize, WalletError>;

    /// Makes all of the changes, or none. Once it returns they survive a power cut.
    ///
    /// # Errors
    /// [`WalletError::StorageFull`] when certainly none was made; after any other error nobody knows, and the records have to
    /// be opened again.
    fn commit(&mut self, changes: &[Change]) -> Result<(), WalletError>;

    /// For what an earlier version of this software stored: the hash that it noted of its content. What it stored can be read
    /// as if it were of this version, and becomes so with the next change.
    fn former_digest(&self) -> Option<[u8; 32]> {
        None
    }
}

/// Where one wallet is kept. Whoever has this value keeps every other out.
pub trait Vault: Send + Sync {
    /// The readable bytes beside the records, which say whose they are; none where no wallet was set up.
    ///
    /// # Errors
    /// [`WalletError::StorageUnavailable`]
    fn header(&self) -> Result<Option<Vec<u8>>, WalletError>;

    /// Sets the readable bytes, durably. Nothing is a wallet before.
    ///
    /// # Errors
    /// [`WalletError::StorageFull`], [`WalletError::StorageUnavailable`]
    fn set_header(&self, header: &[u8]) -> Result<(), WalletError>;

    /// New, empty records, in place of what an interrupted set-up may have left.
    ///
    /// # Errors
    /// [`WalletError::StorageFull`], [`WalletError::StorageUnavailable`]
    fn create(&self, key: &DatabaseKey) -> Result<Box<dyn Records>, WalletError>;

    /// The records, once all of them are known to be readable with `key`.
    ///
    /// # Errors
    /// [`WalletError::StorageTampered`], [`WalletError::StorageVersionUnsupported`], [`WalletError::StorageUnavailable`]
    fn open(&self, key: &DatabaseKey) -> Result<Box<dyn Records>, WalletError>;

    /// Deletes the records, and then the header.
    ///
    /// # Errors
    /// [`WalletError::StorageUnavailable`]
    fn delete(&self) -> Result<(), WalletError>;
}
