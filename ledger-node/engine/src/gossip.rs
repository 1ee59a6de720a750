//! Spreads transactions between the mempools of the validators.

use std::sync::Arc;

use commonware_codec::{Buf, DecodeExt as _, Encode, EncodeSize, Error, Read, Write};

use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::BufMut;
use tokio::sync::mpsc;

use crate::block::read_transactions;
use crate::chain::Replica;
use crate::mempool::{MAX_BLOCK_BYTES, MAX_BLOCK_TRANSACTIONS, MAX_TRANSACTION_BYTES, Mempool};

/// A message: as many transactions as wait to be sent, within the limits of a block.
struct Transactions(Vec<Vec<u8>>);

impl Write for Transactions {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl EncodeSize for Transactions {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl Read for Transactions {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        read_transactions(buf).map(Self)
    }
}

/// Sends every transaction submitted here to the other validators, until the engine ends.
pub(crate) async fn send(mut outgoing: mpsc::UnboundedReceiver<Vec<u8>>, mut network: impl Sender) {
    while let Some(first) = outgoing.recv().await {
        let mut bytes = first.len();
        let mut batch = vec![first];
        while batch.len() < MAX_BLOCK_TRANSACTIONS && bytes + MAX_TRANSACTION_BYTES <= MAX_BLOCK_BYTES {
            let Ok(next) = outgoing.try_recv() else { break };
            bytes += next.len();
            batch.push(next);
        }
        // A validator that is offline or overloaded misses them; they stay in this mempool for this
        // validator's own turn to lead.
        network.send(Recipients::All, Transactions(batch).encode(), false);
    }
}

/// Takes the transactions of the other validators into the mempool, until the network ends.
pub(crate) async fn receive(mut network: impl Receiver, replica: Arc<dyn Replica>, mempool: Arc<Mempool>) {
    while let Ok((_, message)) = network.recv().await {
        let Ok(Transactions(transactions)) = Transactions::decode(message) else { continue };
        for transaction in transactions {
            if replica.admit(&transaction).is_ok() && mempool.insert(transaction).is_err() {
                tracing::debug!("mempool is full: dropped a peer's transaction");
            }
        }
    }
}
