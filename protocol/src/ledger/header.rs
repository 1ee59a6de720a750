//! The block header: 145 bytes in a fixed layout, and the digest of them that validators sign.
//!
//! | offset | bytes | field | |
//! |---|---|---|---|
//! | 0 | 1 | version | [`VERSION`] |
//! | 1 | 32 | network id | hash of the genesis |
//! | 33 | 8 | height | big-endian; genesis is 0 |
//! | 41 | 8 | timestamp | Unix milliseconds, big-endian, above the parent's |
//! | 49 | 32 | parent | digest of the parent's header; zeros in the genesis |
//! | 81 | 32 | body root | [`body_root`] of the transactions |
//! | 113 | 32 | state root | of the state after the transactions; zeros in the genesis |
//!
//! Every byte string of this length with the right version is a header and encodes back to itself.

use sha2::{Digest, Sha256};

use crate::crypto::domains;

/// The only header version there is.
pub const VERSION: u8 = 1;

/// Length of an encoded header in bytes.
pub const LENGTH: usize = 145;

/// Why bytes are not a header, or a header does not follow its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is shorter or longer than [`LENGTH`].
    #[error("a header has 145 bytes, not {0}: fetch it again")]
    WrongLength(usize),
    /// The version byte is not [`VERSION`].
    #[error("header version {0} is unknown: update this software")]
    UnsupportedVersion(u8),
    /// The header belongs to another network.
    #[error("the header belongs to another network: use that network's trust anchor")]
    WrongNetwork,
    /// The height is not the parent's plus one.
    #[error("the height does not follow the parent's: fetch the missing headers")]
    HeightNotNext,
    /// The parent digest is not the digest of the given parent.
    #[error("the header names another parent: fetch the chain again")]
    ParentMismatch,
    /// The timestamp is not above the parent's.
    #[error("the timestamp is not above the parent's: refuse the block")]
    TimestampNotAfterParent,
}

/// A block header. A header alone proves nothing: see [`super::certificate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Hash of the genesis of the network.
    pub network_id: [u8; 32],
    /// Distance from the genesis, which has height 0.
    pub height: u64,
    /// Unix milliseconds, as the proposer's clock had it and a quorum accepted it.
    pub timestamp_ms: u64,
    /// Digest of the parent's header.
    pub parent: [u8; 32],
    /// [`body_root`] of the block's transactions.
    pub body_root: [u8; 32],
    /// Root of the state after the block's transactions.
    pub state_root: [u8; 32],
}

impl Header {
    /// The header every chain of `network_id` starts from: no parent, no transactions, no state root
    /// (the network id commits to the initial state).
    pub fn genesis(network_id: [u8; 32], timestamp_ms: u64) -> Self {
        Self {
            network_id,
            height: 0,
            timestamp_ms,
            parent: [0; 32],
            body_root: body_root::<&[u8]>(&[]),
            state_root: [0; 32],
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        out[0] = VERSION;
        out[1..33].copy_from_slice(&self.network_id);
        out[33..41].copy_from_slice(&self.height.to_be_bytes());
        out[41..49].copy_from_slice(&self.timestamp_ms.to_be_bytes());
        out[49..81].copy_from_slice(&self.parent);
        out[81..113].copy_from_slice(&self.body_root);
        out[113..145].copy_from_slice(&self.state_root);
        out
    }

    /// Reads the canonical bytes: exactly [`LENGTH`] of them, version [`VERSION`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let bytes: &[u8; LENGTH] = bytes.try_into().map_err(|_| HeaderError::WrongLength(bytes.len()))?;
        if bytes[0] != VERSION {
            return Err(HeaderError::UnsupportedVersion(bytes[0]));
        }
        Ok(Self {
            network_id: field(bytes, 1),
            height: u64::from_be_bytes(field(bytes, 33)),
            timestamp_ms: u64::from_be_bytes(field(bytes, 41)),
            parent: field(bytes, 49),
            body_root: field(bytes, 81),
            state_root: field(bytes, 113),
        })
    }

    /// SHA-256 of the domain label and the canonical bytes: the payload of a finalisation certificate.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(domains::LEDGER_HEADER).chain_update(self.encode()).finalize().into()
    }

    /// Checks that this header may stand directly above `parent`.
    pub fn follows(&self, parent: &Header) -> Result<(), HeaderError> {
        if self.network_id != parent.network_id {
            return Err(HeaderError::WrongNetwork);
        }
        if parent.height.checked_add(1) != Some(self.height) {
            return Err(HeaderError::HeightNotNext);
        }
        if self.parent != parent.digest() {
            return Err(HeaderError::ParentMismatch);
        }
        if self.timestamp_ms <= parent.timestamp_ms {
            return Err(HeaderError::TimestampNotAfterParent);
        }
        Ok(())
    }
}

fn field<const N: usize>(bytes: &[u8; LENGTH], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// The Merkle tree hash of a block's transactions in order (RFC 9162, section 2.1.1, SHA-256): the
/// empty list hashes to SHA-256 of nothing.
pub fn body_root<T: AsRef<[u8]>>(transactions: &[T]) -> [u8; 32] {
    match transactions {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
        _ => {
            let split = transactions.len().next_power_of_two() / 2;
            let (left, right) = transactions.split_at(split);
            Sha256::new()
                .chain_update([1])
                .chain_update(body_root(left))
                .chain_update(body_root(right))
                .finalize()
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child() -> (Header, Header) {
        let parent = Header::genesis([7; 32], 1_000);
        let header = Header {
            height: 1,
            timestamp_ms: 1_001,
            parent: parent.digest(),
            body_root: body_root(&[b"tx"]),
            state_root: [9; 32],
            ..parent
        };
        (parent, header)
    }

    #[test]
    fn encode_then_decode_is_identity_and_every_changed_byte_changes_the_digest() {
        let (_, header) = child();
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        for at in 0..LENGTH {
            let mut changed = bytes;
            changed[at] ^= 1;
            match Header::decode(&changed) {
                Ok(other) => {
                    assert_ne!(other.digest(), header.digest(), "byte {at}");
                    assert_eq!(other.encode(), changed);
                }
                Err(error) => assert_eq!((at, error), (0, HeaderError::UnsupportedVersion(0))),
            }
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        let bytes = child().1.encode();
        assert_eq!(Header::decode(&bytes[..144]), Err(HeaderError::WrongLength(144)));
        assert_eq!(Header::decode(&[]), Err(HeaderError::WrongLength(0)));
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Header::decode(&longer), Err(HeaderError::WrongLength(146)));
    }

    #[test]
    fn a_header_follows_only_its_parent() {
        let (parent, header) = child();
        assert_eq!(header.follows(&parent), Ok(()));
        let network = Header { network_id: [8; 32], ..header };
        assert_eq!(network.follows(&parent), Err(HeaderError::WrongNetwork));
        let height = Header { height: 2, ..header };
        assert_eq!(height.follows(&parent), Err(HeaderError::HeightNotNext));
        let other = Header { parent: [0; 32], ..header };
        assert_eq!(other.follows(&parent), Err(HeaderError::ParentMismatch));
        let time = Header { timestamp_ms: 1_000, ..header };
        assert_eq!(time.follows(&parent), Err(HeaderError::TimestampNotAfterParent));
        let last = Header { height: u64::MAX, ..parent };
        let overflow = Header { height: 0, parent: last.digest(), ..header };
        assert_eq!(overflow.follows(&last), Err(HeaderError::HeightNotNext));
    }

    #[test]
    fn body_root_is_the_rfc_9162_tree_hash() {
        let leaf = |tx: &[u8]| -> [u8; 32] { Sha256::new().chain_update([0]).chain_update(tx).finalize().into() };
        let node = |l: [u8; 32], r: [u8; 32]| -> [u8; 32] {
            Sha256::new().chain_update([1]).chain_update(l).chain_update(r).finalize().into()
        };
        assert_eq!(
            hex::encode(body_root::<&[u8]>(&[])),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(body_root(&[b"a"]), leaf(b"a"));
        assert_eq!(body_root(&[b"a", b"b", b"c"]), node(node(leaf(b"a"), leaf(b"b")), leaf(b"c")));
        assert_ne!(body_root(&[b"a", b"b"]), body_root(&[b"b", b"a"]));
        assert_eq!(
            body_root(&[b"a", b"b", b"c", b"d", b"e"]),
            node(node(node(leaf(b"a"), leaf(b"b")), node(leaf(b"c"), leaf(b"d"))), leaf(b"e"))
        );
    }
}
