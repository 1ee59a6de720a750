//! What the wallet file holds of credentials.

use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::credential::{Credential, HolderSecrets};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::PublicKey;
use protocol::identifier::Did;
use zeroize::{Zeroize, Zeroizing};

use crate::error::WalletError;
use crate::foreign::{StoredForeign, StoredReceiving};
use crate::storage::{Table, Transaction, View};

/// The setting that holds the link secret.
pub(crate) const LINK_SECRET: &str = "link_secret";

/// Names a credential, or the issuance that will become one, within its wallet. Random; it never leaves the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(pub [u8; 16]);

impl CredentialId {
    /// The alias of the credential's key in the secure area (WFILE-12).
    pub(crate) fn key_alias(&self) -> String {
        format!("credential-{self}")
    }

    /// The alias of the key that tokens of this issuance are bound to.
    pub(crate) fn sender_alias(&self) -> String {
        format!("sender-{self}")
    }

    /// The alias of the key of one of its one-time copies (WFILE-12).
    pub(crate) fn copy_alias(&self, number: u8) -> String {
        format!("credential-{self}-{number}")
    }
}

impl core::fmt::Display for CredentialId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl core::str::FromStr for CredentialId {
    type Err = WalletError;

    fn from_str(text: &str) -> Result<Self, WalletError> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map_err(|_| WalletError::NoSuchCredential)?;
        Ok(Self(id))
    }
}

/// A credential with what only the holder knows of it.
#[derive(Encode, Decode)]
#[cbor(array)]
pub(crate) struct StoredCredential {
    #[n(0)]
    pub(crate) issuer: Did,
    #[n(1)]
    pub(crate) credential: Credential,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) blinder: [u8; 32],
    /// Unix seconds.
    #[n(3)]
    pub(crate) received_at: u64,
    /// One-time copies that have not been used.
    #[n(4)]
    pub(crate) copies: Option<Vec<StoredCopy>>,
    /// The picture whose digest is among the attributes.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(crate) portrait: Option<Vec<u8>>,
}

/// What a one-time copy has of its own.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct StoredCopy {
    /// Tells its key in the secure area from the others.
    #[n(0)]
    pub(crate) number: u8,
    #[n(1)]
    pub(crate) device_key: PublicKey,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) signature: [u8; 80],
}

/// An issuance under way: what has to be sent again, byte for byte, after a crash.
#[derive(Encode, Decode)]
#[cbor(array)]
pub(crate) struct StoredIssuance {
    #[n(0)]
    pub(crate) issuer: Did,
    #[n(1)]
    pub(crate) url: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) code: [u8; 16],
    #[n(3)]
    pub(crate) credential_type: String,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) issuer_key: [u8; 8],
    #[n(5)]
    pub(crate) device_key: PublicKey,
    #[cbor(n(6), with = "minicbor::bytes")]
    pub(crate) blinder: [u8; 32],
    #[cbor(n(7), with = "minicbor::bytes")]
    pub(crate) request: Vec<u8>,
    /// The keys of the one-time copies asked for, in order.
    #[n(8)]
    pub(crate) copy_keys: Option<Vec<PublicKey>>,
}

impl StoredCredential {
    /// The aliases of its keys in the secure area.
    pub(crate) fn key_aliases(&self, id: &CredentialId) -> Vec<String> {
        let copies = self.copies.iter().flatten().map(|copy| id.copy_alias(copy.number));
        core::iter::once(id.key_alias()).chain(copies).collect()
    }
}

impl StoredIssuance {
    /// The aliases of its keys in the secure area.
    pub(crate) fn key_aliases(&self, id: &CredentialId) -> Vec<String> {
        let copies = (0..).zip(self.copy_keys.iter().flatten()).map(|(number, _)| id.copy_alias(number));
        core::iter::once(id.key_alias()).chain(copies).collect()
    }
}

impl Drop for StoredCredential {
    fn drop(&mut self) {
        self.blinder.zeroize();
    }
}

impl Drop for StoredIssuance {
    fn drop(&mut self) {
        self.blinder.zeroize();
    }
}

/// A kind of record.
pub(crate) trait Record: Encode<()> + for<'b> Decode<'b, ()> {
    const TABLE: Table;
    /// Largest record, in bytes.
    const MAX: usize = 32 * 1024;
}

impl Record for StoredCredential {
    const TABLE: Table = Table::Credential;
}

impl Record for StoredIssuance {
    const TABLE: Table = Table::Issuance;
}

/// Adds a record, or writes it in place of the one it has become.
pub(crate) fn put<R: Record>(transaction: &mut Transaction<'_>, id: &CredentialId, record: &R) {
    transaction.put(R::TABLE, &id.0, &Zeroizing::new(cbor::to_vec(record)));
}

/// Removes a record.
pub(crate) fn remove<R: Record>(transaction: &mut Transaction<'_>, id: &CredentialId) {
    transaction.remove(R::TABLE, &id.0);
}

/// One record, if it is there.
pub(crate) fn find<R: Record>(view: &dyn View, id: &CredentialId) -> Result<Option<R>, WalletError> {
    view.get(R::TABLE, &id.0)?.map(|content| read(&content)).transpose()
}

/// All records, in the order of their ids.
pub(crate) fn all<R: Record>(view: &dyn View) -> Result<Vec<(CredentialId, R)>, WalletError> {
    let mut all = Vec::new();
    view.scan(R::TABLE, &mut |key, content| {
        let id = CredentialId(key.try_into().map_err(|_| WalletError::StorageTampered)?);
        all.push((id, read(content)?));
        Ok(())
    })?;
    Ok(all)
}

fn read<R: Record>(content: &[u8]) -> Result<R, WalletError> {
    cbor::from_slice(content, R::MAX).map_err(|_| WalletError::StorageTampered)
}

/// The aliases of all keys the wallet has in the secure area.
pub(crate) fn key_aliases(view: &dyn View) -> Result<Vec<String>, WalletError> {
    let held = all::<StoredCredential>(view)?.into_iter().flat_map(|(id, stored)| stored.key_aliases(&id));
    let pending = all::<StoredIssuance>(view)?.into_iter().flat_map(|(id, stored)| stored.key_aliases(&id));
    let foreign = all::<StoredForeign>(view)?.into_iter().flat_map(|(id, stored)| stored.key_aliases(&id));
    let receiving = all::<StoredReceiving>(view)?.into_iter().flat_map(|(id, stored)| stored.key_aliases(&id));
    Ok(held.chain(pending).chain(foreign).chain(receiving).collect())
}

/// The two numbers only the holder knows, for a credential with this blinder.
pub(crate) fn secrets(view: &dyn View, blinder: &[u8; 32]) -> Result<HolderSecrets, WalletError> {
    let link_secret = view.setting(LINK_SECRET)?.ok_or(WalletError::StorageTampered)?;
    let number = |bytes: &[u8]| {
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(bytes).map_err(|_| WalletError::StorageTampered)?);
        Scalar::from_be_bytes(&bytes).map_err(|_| WalletError::StorageTampered)
    };
    Ok(HolderSecrets { link_secret: number(&link_secret)?, blinder: number(blinder)? })
}
