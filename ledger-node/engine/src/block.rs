//! The block as validators send and store it: header, then the transactions it names.
//!
//! `header (145) || count (varint) || { length (varint) || transaction }*`. Decoding refuses a body that is
//! not the one the header names, so two blocks with one digest are one block.

use commonware_codec::{Buf, EncodeSize, Error, RangeCfg, Read, ReadExt as _, Write};
use commonware_consensus::types::Height;
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, Heightable};
use commonware_cryptography::{Digestible, sha256};
use commonware_runtime::BufMut;
use protocol::ledger::header::{Header, LENGTH, body_root};

use crate::mempool::{MAX_BLOCK_BYTES, MAX_BLOCK_TRANSACTIONS, MAX_TRANSACTION_BYTES};

/// Most bytes of a varint length inside a block.
const MAX_LENGTH_BYTES: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) header: Header,
    pub(crate) transactions: Vec<Vec<u8>>,
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.header.encode().write(buf);
        self.transactions.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        LENGTH + self.transactions.encode_size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let header = <[u8; LENGTH]>::read(buf)?;
        let header = Header::decode(&header).map_err(|_| Error::Invalid("Block", "header"))?;
        let transactions = read_transactions(buf)?;
        if transactions.iter().map(Vec::len).sum::<usize>() > MAX_BLOCK_BYTES {
            return Err(Error::Invalid("Block", "size"));
        }
        if header.body_root != body_root(&transactions) {
            return Err(Error::Invalid("Block", "body root"));
        }
        Ok(Self { header, transactions })
    }
}

/// Reads a list of transactions no longer than a block's.
pub(crate) fn read_transactions(buf: &mut impl Buf) -> Result<Vec<Vec<u8>>, Error> {
    let count = RangeCfg::from(0..=MAX_BLOCK_TRANSACTIONS);
    let length = RangeCfg::from(0..=MAX_TRANSACTION_BYTES);
    Vec::read_cfg(buf, &(count, (length, ())))
}

/// Most bytes of an encoded list of transactions that fits into a block.
pub(crate) const MAX_LIST_BYTES: usize = MAX_BLOCK_BYTES + (MAX_BLOCK_TRANSACTIONS + 1) * MAX_LENGTH_BYTES;

impl Digestible for Block {
    type Digest = sha256::Digest;

    fn digest(&self) -> Self::Digest {
        self.header.digest().into()
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.header.height)
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Self::Digest {
        self.header.parent.into()
    }
}

impl BoundedBlock for Block {
    fn max_encode_size((): &()) -> usize {
        LENGTH + MAX_LIST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use commonware_codec::{DecodeExt as _, Encode as _};

    use super::*;

    #[test]
    fn only_the_body_the_header_names_decodes() {
        let transactions = vec![b"one".to_vec(), b"two".to_vec()];
        let header = Header { body_root: body_root(&transactions), height: 4, ..Header::genesis([1; 32], 5) };
        let block = Block { header, transactions };
        let bytes = block.encode();
        assert_eq!(bytes.len(), block.encode_size());
        assert_eq!(Block::decode(bytes.clone()).unwrap(), block);
        for at in LENGTH..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            assert!(Block::decode(changed).is_err(), "byte {at}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(Block::decode(longer).is_err());
    }

    #[test]
    fn a_block_over_the_limits_does_not_decode() {
        let with = |transactions: Vec<Vec<u8>>| {
            let header = Header { body_root: body_root(&transactions), ..Header::genesis([1; 32], 5) };
            Block { header, transactions }.encode()
        };
        assert!(Block::decode(with(vec![vec![7; MAX_TRANSACTION_BYTES]; 8])).is_ok());
        assert!(Block::decode(with(vec![vec![7; MAX_TRANSACTION_BYTES]; 9])).is_err());
        assert!(Block::decode(with(vec![vec![7; MAX_TRANSACTION_BYTES + 1]])).is_err());
        assert!(Block::decode(with(vec![vec![]; MAX_BLOCK_TRANSACTIONS])).is_ok());
        assert!(Block::decode(with(vec![vec![]; MAX_BLOCK_TRANSACTIONS + 1])).is_err());
    }
}
