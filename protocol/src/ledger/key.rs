//! Where a record stands in the state: 32 bytes derived from its kind and identifier.

use core::fmt;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::transaction::Account;
use crate::cbor;
use crate::crypto::domains;
use crate::identifier::Did;

/// Short name of an issuer key: the first eight bytes of its [`StateKey`].
pub type IssuerKeyId = [u8; 8];

/// Position of a record in the state tree: `SHA-256(label ‖ kind ‖ canonical CBOR of the identifier)` (LREC-01).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct StateKey(
    /// The 32 bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

impl StateKey {
    fn new<I: Encode<()>>(kind: u8, id: &I) -> Self {
        let hash = Sha256::new().chain_update(domains::LEDGER_STATE_KEY).chain_update([kind]);
        Self(hash.chain_update(cbor::to_vec(id)).finalize().into())
    }

    /// The one governance record.
    #[must_use]
    pub fn governance() -> Self {
        Self::new(0, &())
    }

    /// The keys of `did`.
    #[must_use]
    pub fn did(did: &Did) -> Self {
        Self::new(1, did)
    }

    /// The accreditation of `issuer` for `credential_type`.
    #[must_use]
    pub fn accreditation(issuer: &Did, credential_type: &str) -> Self {
        Self::new(2, &(issuer, credential_type))
    }

    /// The registration of the verifier `did`.
    #[must_use]
    pub fn verifier(did: &Did) -> Self {
        Self::new(3, did)
    }

    /// The definition of the credential type `id`.
    #[must_use]
    pub fn credential_type(id: &str) -> Self {
        Self::new(4, &id)
    }

    /// The BBS key `bbs` of `issuer` for `credential_type`.
    #[must_use]
    pub fn issuer_key(issuer: &Did, credential_type: &str, bbs: &[u8; 96]) -> Self {
        let bbs: &minicbor::bytes::ByteSlice = bbs.as_slice().into();
        Self::new(5, &(issuer, credential_type, bbs))
    }

    /// The digest of status list number `list` of `issuer` for `credential_type`.
    #[must_use]
    pub fn status_list(issuer: &Did, credential_type: &str, list: u32) -> Self {
        Self::new(6, &(issuer, credential_type, list))
    }

    /// The status epoch of the issuer key `key_id`.
    #[must_use]
    pub fn status_epoch(key_id: &IssuerKeyId) -> Self {
        let key_id: &minicbor::bytes::ByteSlice = key_id.as_slice().into();
        Self::new(7, &key_id)
    }

    /// The nonce of `account`.
    #[must_use]
    pub fn nonce(account: &Account) -> Self {
        Self::new(8, account)
    }

    /// The one validator set.
    #[must_use]
    pub fn validators() -> Self {
        Self::new(9, &())
    }

    /// The change that is scheduled for the record at `target`.
    #[must_use]
    pub fn scheduled(target: &Self) -> Self {
        Self::new(10, target)
    }

    /// The one succession.
    #[must_use]
    pub fn succession() -> Self {
        Self::new(11, &())
    }

    /// The first eight bytes, as presentations name an issuer key.
    #[must_use]
    pub fn short(&self) -> IssuerKeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.0[..8]);
        id
    }
}

impl fmt::Display for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
