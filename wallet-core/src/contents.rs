//! What the wallet file holds of credentials.

use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::credential::{Credential, HolderSecrets};
use protocol::crypto::curve::Scalar;
use protocol::crypto::keys::PublicKey;
use protocol::identifier::Did;
use rusqlite::{Connection, OptionalExtension};
use zeroize::{Zeroize, Zeroizing};

use crate::error::WalletError;
use crate::storage::read_setting;

/// The setting that holds the link secret.
pub(crate) const LINK_SECRET: &str = "link_secret";
/// Largest row, in bytes.
const ROW_MAX: usize = 32 * 1024;

/// Names a credential, or the issuance that will become one, within its wallet. Random; it never leaves the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(pub [u8; 16]);

impl CredentialId {
    /// The alias of the credential's key in the secure area (WFILE-12).
    pub(crate) fn key_alias(&self) -> String {
        format!("credential-{self}")
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

/// A kind of row.
pub(crate) trait Row: Encode<()> + for<'b> Decode<'b, ()> {
    const TABLE: &'static str;
}

impl Row for StoredCredential {
    const TABLE: &'static str = "credential";
}

impl Row for StoredIssuance {
    const TABLE: &'static str = "issuance";
}

/// Adds a row.
pub(crate) fn insert<R: Row>(connection: &Connection, id: &CredentialId, row: &R) -> Result<(), WalletError> {
    let content = Zeroizing::new(cbor::to_vec(row));
    let sql = format!("INSERT INTO {} VALUES (?1, ?2)", R::TABLE);
    connection.prepare_cached(&sql)?.execute((&id.0, content.as_slice()))?;
    Ok(())
}

/// Writes a row in place of the one it has become.
pub(crate) fn replace<R: Row>(connection: &Connection, id: &CredentialId, row: &R) -> Result<(), WalletError> {
    let content = Zeroizing::new(cbor::to_vec(row));
    let sql = format!("UPDATE {} SET content = ?2 WHERE id = ?1", R::TABLE);
    connection.prepare_cached(&sql)?.execute((&id.0, content.as_slice()))?;
    Ok(())
}

/// Removes a row.
pub(crate) fn remove<R: Row>(connection: &Connection, id: &CredentialId) -> Result<(), WalletError> {
    connection.prepare_cached(&format!("DELETE FROM {} WHERE id = ?1", R::TABLE))?.execute([&id.0])?;
    Ok(())
}

/// One row, if it is there.
pub(crate) fn find<R: Row>(connection: &Connection, id: &CredentialId) -> Result<Option<R>, WalletError> {
    let sql = format!("SELECT content FROM {} WHERE id = ?1", R::TABLE);
    let content: Option<Vec<u8>> = connection.prepare_cached(&sql)?.query_row([&id.0], |row| row.get(0)).optional()?;
    content.map(read_row).transpose()
}

/// All rows, in the order of their ids.
pub(crate) fn all<R: Row>(connection: &Connection) -> Result<Vec<(CredentialId, R)>, WalletError> {
    let mut statement = connection.prepare_cached(&format!("SELECT id, content FROM {} ORDER BY id", R::TABLE))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| row.map_err(WalletError::from).and_then(|(id, content)| Ok((CredentialId(id), read_row(content)?))))
        .collect()
}

fn read_row<R: Row>(content: Vec<u8>) -> Result<R, WalletError> {
    let content = Zeroizing::new(content);
    cbor::from_slice(&content, ROW_MAX).map_err(|_| WalletError::StorageTampered)
}

/// The aliases of all keys the wallet has in the secure area.
pub(crate) fn key_aliases(connection: &Connection) -> Result<Vec<String>, WalletError> {
    let held = all::<StoredCredential>(connection)?.into_iter().flat_map(|(id, stored)| stored.key_aliases(&id));
    let pending = all::<StoredIssuance>(connection)?.into_iter().flat_map(|(id, stored)| stored.key_aliases(&id));
    Ok(held.chain(pending).collect())
}

/// The two numbers only the holder knows, for a credential with this blinder.
pub(crate) fn secrets(connection: &Connection, blinder: &[u8; 32]) -> Result<HolderSecrets, WalletError> {
    let link_secret = read_setting(connection, LINK_SECRET)?.map(Zeroizing::new).ok_or(WalletError::StorageTampered)?;
    let number = |bytes: &[u8]| {
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(bytes).map_err(|_| WalletError::StorageTampered)?);
        Scalar::from_be_bytes(&bytes).map_err(|_| WalletError::StorageTampered)
    };
    Ok(HolderSecrets { link_secret: number(&link_secret)?, blinder: number(blinder)? })
}
