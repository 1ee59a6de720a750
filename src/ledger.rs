//! Writing on the ledger, the same whether the node is in this process or behind HTTP.

use issuer::ledger::Ledger;
use ledger_client::{ClientError, LedgerClient};
use ledger_node::{Node, NodeError};
use protocol::credential::StatusList;
use protocol::crypto::keys::Signer;
use protocol::error_name;
use protocol::ledger::attachment::{self, Attachment};
use protocol::ledger::{Envelope, Record, Sender, StateKey, Transaction, TransactionBody, Write};
use tokio::runtime::Handle;

use crate::output::CliError;

/// Speaks to the node at `url`, e.g. `http://127.0.0.1:7802`.
pub(crate) fn client(url: &str) -> Result<LedgerClient, CliError> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(LedgerClient::new(url))
    } else {
        Err(CliError::usage("a node's address begins with http:// or https://"))
    }
}

/// The refusal behind a node's answer, under the name that the node gives it.
pub(crate) fn answered(error: ClientError) -> CliError {
    match &error {
        ClientError::Refused(name) | ClientError::Busy(name) if !name.is_empty() => {
            CliError::refused(name, error.to_string())
        }
        _ => error.into(),
    }
}

/// A transaction that writes `records`, signed by all `signers`.
pub(crate) fn transaction(
    ledger: &dyn Ledger,
    network_id: [u8; 32],
    sender: Sender,
    records: Vec<Record>,
    signers: &[&dyn Signer],
) -> Result<Transaction, CliError> {
    let write = |record: Record| {
        let previous_version = ledger.record(&record.state_key())?.map_or(0, |envelope| envelope.version);
        Ok(Write { record, previous_version })
    };
    let nonce = ledger.next_nonce(&sender).map_err(answered)?;
    let writes = records.into_iter().map(write).collect::<Result<_, ClientError>>().map_err(answered)?;
    Ok(TransactionBody { network_id, sender, nonce, writes }.signed_by(signers)?)
}

/// A node in this process, asked from threads that may wait.
#[derive(Clone)]
pub(crate) struct InProcess {
    pub(crate) node: Node,
    pub(crate) runtime: Handle,
}

impl Ledger for InProcess {
    fn next_nonce(&self, sender: &Sender) -> Result<u64, ClientError> {
        Ok(self.node.next_nonce(sender))
    }

    fn record(&self, key: &StateKey) -> Result<Option<Envelope>, ClientError> {
        Ok(self.node.record(key))
    }

    fn submit(&self, transaction: &Transaction) -> Result<(), ClientError> {
        self.runtime.block_on(self.node.submit(transaction.encode())).map(|_| ()).map_err(as_answered)
    }

    fn put_status_list(&self, anchor: StateKey, list: &StatusList) -> Result<(), ClientError> {
        self.node.put_status_list(&Attachment { anchor, packed: attachment::pack(list) }).map_err(as_answered)
    }
}

/// What the node would have answered over HTTP.
fn as_answered(error: NodeError) -> ClientError {
    match error {
        NodeError::NotFinalYet(_) => ClientError::NotFinalYet,
        NodeError::Refused(_) | NodeError::StatusList(_) => ClientError::Refused(error_name(&error)),
        NodeError::Overloaded | NodeError::SenderOverloaded | NodeError::NotCertifiedYet | NodeError::Store(_) => {
            ClientError::Busy(error_name(&error))
        }
        _ => ClientError::Unavailable,
    }
}
