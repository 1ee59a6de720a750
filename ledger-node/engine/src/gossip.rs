//! Spreads transactions between the mempools of the validators.

use std::sync::Arc;
use std::time::Duration;

use commonware_codec::{Buf, DecodeExt as _, Encode, EncodeSize, Error, Read, Write};

use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{BufMut, Clock};
use tokio::sync::mpsc;

use crate::block::read_transactions;
use crate::chain::Replica;
use crate::epoch::RECORD;
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

/// How often transactions that wait in vain are sent again.
const AGAIN: Duration = Duration::from_secs(5);

/// Sends every transaction submitted here to the other validators, again and again until it stands in a block, until
/// the engine ends.
pub(crate) async fn send(
    clock: impl Clock,
    mut outgoing: mpsc::UnboundedReceiver<Vec<u8>>,
    mempool: Arc<Mempool>,
    mut network: impl Sender,
) {
    let mut again = clock.current() + AGAIN;
    loop {
        let first = tokio::select! {
            biased;
            first = outgoing.recv() => first,
            () = clock.sleep_until(again) => {
                again = clock.current() + AGAIN;
                let overdue = mempool.overdue();
                if !overdue.is_empty() {
                    network.send(Recipients::All, Transactions(overdue).encode(), false);
                }
                continue;
            }
        };
        let Some(first) = first else { return };
        let mut bytes = first.len();
        let mut batch = vec![first];
        while batch.len() < MAX_BLOCK_TRANSACTIONS && bytes + MAX_TRANSACTION_BYTES <= MAX_BLOCK_BYTES {
            let Ok(next) = outgoing.try_recv() else { break };
            bytes += next.len();
            batch.push(next);
        }
        network.send(Recipients::All, Transactions(batch).encode(), false);
    }
}

/// Takes the transactions of the other validators into the mempool, until the network ends.
pub(crate) async fn receive(mut network: impl Receiver, replica: Arc<dyn Replica>, mempool: Arc<Mempool>) {
    while let Ok((_, message)) = network.recv().await {
        let Ok(Transactions(transactions)) = Transactions::decode(message) else { continue };
        for transaction in transactions {
            let ours = transaction.first() != Some(&RECORD);
            if ours
                && replica.admit(&transaction).is_ok()
                && mempool.insert(transaction.clone(), replica.sender(&transaction), false).is_err()
            {
                tracing::debug!("mempool is full: dropped a peer's transaction");
            }
        }
    }
}
