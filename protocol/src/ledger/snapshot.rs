//! A whole state in parts that are checked one by one (`specs/ledger-snapshot.md`).
//!
//! A node that has nothing begins with an [`Offer`]: a certified block. Its header has the state root, and from there
//! down every [`Part`] is checked against a hash that is already believed. Whoever serves a part can withhold it, and
//! nothing else.

use core::fmt;
use core::str::FromStr;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::anchor::{AnchorError, TrustAnchor};
use super::certificate::CertificateError;
use super::header::{Header, body_root};
use super::key::StateKey;
use super::record::Envelope;
use super::tree::{self, EMPTY, Hash};
use crate::cbor::{self, EncodingError};

/// Longest encoded [`Offer`]: two blocks of at most 512 KiB each, with what is around their transactions.
pub const OFFER_MAX: usize = 2 * 1024 * 1024;
/// Records of a part come to at most so many bytes, or it says hashes instead.
pub const PART_BYTES: usize = 512 * 1024;
/// Longest encoded [`Part`]: records as above, with what is around them.
pub const PART_MAX: usize = 1024 * 1024;
/// Subtrees that a part of hashes tells of, four levels below its own.
const CHILDREN: usize = 16;
/// Digits of the longest prefix: a key.
const DIGITS_MAX: usize = 64;

/// Why what a peer sent is not part of the ledger's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not canonical CBOR of the required shape, or a value that is no record (SNAP-01).
    #[error("the snapshot does not have the required form; use another peer")]
    SnapshotMalformed,
    /// More bytes than allowed (SNAP-01).
    #[error("a part of the snapshot is too large; use another peer")]
    TooLarge,
    /// A block of another network (SNAP-02).
    #[error("the snapshot is of another network; use a peer of this one")]
    WrongNetwork,
    /// A block that the validators did not finalise (SNAP-02).
    #[error("the snapshot is not certified by the validators; use another peer")]
    CertificateInvalid,
    /// A block with other transactions than its header names (SNAP-02).
    #[error("the snapshot's block is not whole; use another peer")]
    BodyMismatch,
    /// A part that is not what stands there in the certified state (SNAP-03, SNAP-04).
    #[error("a part of the snapshot is not the certified state's; use another peer")]
    PartMismatch,
}

impl From<EncodingError> for SnapshotError {
    fn from(error: EncodingError) -> Self {
        match error {
            EncodingError::TooLarge => Self::TooLarge,
            EncodingError::Malformed | EncodingError::NonCanonicalEncoding => Self::SnapshotMalformed,
        }
    }
}

/// A final block with what shows that it is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CertifiedBlock {
    /// Canonical header bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub header: Vec<u8>,
    /// Its own finalisation certificate.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub certificate: Vec<u8>,
    /// What its body root covers: records of consensus, then transactions.
    #[n(2)]
    pub body: Vec<ByteVec>,
}

impl CertifiedBlock {
    /// Its header, once it is known to be final and the block to be whole.
    ///
    /// # Errors
    /// [`SnapshotError`]
    pub fn check(&self, anchor: &TrustAnchor) -> Result<Header, SnapshotError> {
        // SNAP-02
        let header = anchor.certified_header(&self.header, &self.certificate).map_err(|error| match error {
            AnchorError::Header(_) => SnapshotError::SnapshotMalformed,
            AnchorError::Certificate(CertificateError::WrongNetwork) => SnapshotError::WrongNetwork,
            AnchorError::Certificate(_) => SnapshotError::CertificateInvalid,
        })?;
        let body: Vec<&[u8]> = self.body.iter().map(|bytes| bytes.as_slice()).collect();
        if body_root(&body) == header.body_root { Ok(header) } else { Err(SnapshotError::BodyMismatch) }
    }
}

/// Where a snapshot begins.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Offer {
    /// The block whose state it is.
    #[n(0)]
    pub block: CertifiedBlock,
    /// The block that put the present validators in office; none while the first ones are.
    #[n(1)]
    pub appointment: Vec<CertifiedBlock>,
}

impl Offer {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads an offer of at most [`OFFER_MAX`] bytes (SNAP-01).
    ///
    /// # Errors
    /// [`SnapshotError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let offer: Self = cbor::from_slice(bytes, OFFER_MAX)?;
        if offer.appointment.len() > 1 { Err(SnapshotError::SnapshotMalformed) } else { Ok(offer) }
    }
}

/// The first bits of keys, four at a time: a subtree of the state.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(Vec<u8>);

impl Prefix {
    /// How many bits it has: the depth of its subtree.
    #[must_use]
    pub fn depth(&self) -> usize {
        4 * self.0.len()
    }

    /// Bit number `at`.
    #[must_use]
    pub fn bit(&self, at: usize) -> bool {
        self.0.get(at / 4).is_some_and(|digit| digit >> (3 - at % 4) & 1 == 1)
    }

    /// Whether the key begins with it.
    #[must_use]
    pub fn covers(&self, key: &StateKey) -> bool {
        (0..self.depth()).all(|at| self.bit(at) == tree::bit(key, at))
    }

    /// The sixteen prefixes with one digit more; none below a whole key.
    pub fn children(&self) -> impl Iterator<Item = Self> + '_ {
        let count = if self.0.len() < DIGITS_MAX { CHILDREN as u8 } else { 0 };
        (0..count).map(|digit| Self([&self.0[..], &[digit]].concat()))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{digit:x}"))
    }
}

impl FromStr for Prefix {
    type Err = SnapshotError;

    /// At most 64 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, SnapshotError> {
        if text.len() > DIGITS_MAX {
            return Err(SnapshotError::SnapshotMalformed);
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        text.bytes().map(digit).collect::<Option<_>>().map(Self).ok_or(SnapshotError::SnapshotMalformed)
    }
}

/// What is known of a subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// Whether it holds a single record: then it stands for it at every height.
    pub is_single: bool,
    /// Its hash; 32 zero bytes when it is empty.
    pub hash: Hash,
}

impl Subtree {
    /// Nothing.
    pub const NONE: Self = Self { is_single: false, hash: EMPTY };

    /// The subtree above two others.
    #[must_use]
    pub fn above(left: &Self, right: &Self) -> Self {
        match (left, right) {
            (&Self::NONE, &Self::NONE) => Self::NONE,
            (single, &Self::NONE) | (&Self::NONE, single) if single.is_single => *single,
            _ => Self { is_single: false, hash: tree::node(&left.hash, &right.hash) },
        }
    }

    /// The subtree above several, two by two.
    fn above_all(subtrees: &[Self]) -> Self {
        match subtrees {
            [] => Self::NONE,
            [one] => *one,
            _ => {
                let (left, right) = subtrees.split_at(subtrees.len() / 2);
                Self::above(&Self::above_all(left), &Self::above_all(right))
            }
        }
    }
}

/// A subtree of the state.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Part {
    /// All its records.
    #[n(0)]
    Records {
        /// Value bytes in ascending order of their keys.
        #[n(0)]
        values: Vec<ByteVec>,
    },
    /// What stands four levels further down.
    #[n(1)]
    Subtrees {
        /// For each of sixteen: 1 for a single record or else 0, then the hash.
        #[n(0)]
        children: ByteVec,
    },
}

/// A part that is known to be the certified state's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// All records of the subtree.
    Records(Vec<Envelope>),
    /// What to ask for next: those of the sixteen that hold something.
    Subtrees(Vec<(Prefix, Subtree)>),
}

impl Part {
    /// The part that tells of sixteen subtrees.
    #[must_use]
    pub fn of(children: &[Subtree; CHILDREN]) -> Self {
        let bytes = children.iter().flat_map(|child| [&[u8::from(child.is_single)], &child.hash[..]].concat());
        Self::Subtrees { children: ByteVec::from(bytes.collect::<Vec<_>>()) }
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a part of at most [`PART_MAX`] bytes (SNAP-01).
    ///
    /// # Errors
    /// [`SnapshotError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Ok(cbor::from_slice(bytes, PART_MAX)?)
    }

    /// Compares the part with what is believed of the subtree at `prefix`.
    ///
    /// # Errors
    /// [`SnapshotError`]
    pub fn check(&self, prefix: &Prefix, expected: &Subtree) -> Result<Checked, SnapshotError> {
        match self {
            Self::Records { values } => {
                let envelopes = values.iter().map(|value| Envelope::decode(value)).collect::<Result<Vec<_>, _>>();
                let envelopes = envelopes.map_err(|_| SnapshotError::SnapshotMalformed)?;
                let hashed = envelopes.iter().zip(values);
                let entries: Vec<_> =
                    hashed.map(|(e, value)| (e.record.state_key(), tree::value_hash(value))).collect();
                // SNAP-03
                let ascending = entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
                if !ascending || !entries.iter().all(|(key, _)| prefix.covers(key)) {
                    return Err(SnapshotError::PartMismatch);
                }
                let found = Subtree { is_single: entries.len() == 1, hash: tree::subtree(&entries, prefix.depth()) };
                if found == *expected { Ok(Checked::Records(envelopes)) } else { Err(SnapshotError::PartMismatch) }
            }
            Self::Subtrees { children } => {
                let children = read_children(children)?;
                // SNAP-04
                if Subtree::above_all(&children) != *expected || expected.is_single {
                    return Err(SnapshotError::PartMismatch);
                }
                let below = prefix.children().zip(children).filter(|(_, child)| *child != Subtree::NONE);
                Ok(Checked::Subtrees(below.collect()))
            }
        }
    }
}

fn read_children(bytes: &[u8]) -> Result<Vec<Subtree>, SnapshotError> {
    if bytes.len() != CHILDREN * 33 {
        return Err(SnapshotError::SnapshotMalformed);
    }
    let child = |bytes: &[u8]| {
        let (kind, rest) = bytes.split_first()?;
        let hash: Hash = rest.try_into().ok()?;
        let is_single = match kind {
            0 => false,
            1 if hash != EMPTY => true,
            _ => return None,
        };
        Some(Subtree { is_single, hash })
    };
    bytes.chunks(33).map(child).collect::<Option<_>>().ok_or(SnapshotError::SnapshotMalformed)
}

#[cfg(test)]
mod tests;
