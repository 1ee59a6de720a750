//! `mid ledger submit`: signatures are collected one machine after another, then the transaction is sent.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_client::LedgerClient;
use protocol::crypto::keys::{Ed25519SigningKey, Signer};
use protocol::ledger::{Sender, Transaction, TransactionBody, Write};
use serde_json::json;

use crate::files;
use crate::ledger::{answered, client, transaction};
use crate::output::{Answer, CliError};
use crate::records::{Draft, RecordText};

#[derive(Debug, Args)]
pub(super) struct SubmitArgs {
    /// The transaction, or a draft of one; - for standard input
    transaction: PathBuf,
    /// Key file that signs: once for each key. Signatures that are there already stay
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Address of a ledger node; a draft needs one even when it is not sent
    #[arg(long, value_name = "URL", required_unless_present = "out")]
    url: Option<String>,
    /// Write the signed transaction into this file instead of sending it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    /// The transaction, or - for standard input
    transaction: PathBuf,
}

/// What a transaction would write, for those who are asked to sign it, too.
pub(super) fn read(args: &ReadArgs) -> Result<Answer, CliError> {
    let transaction = Transaction::decode(&files::read(&args.transaction)?)?;
    transaction.verify_signatures()?;
    let TransactionBody { network_id, sender, nonce, writes } = &transaction.body;
    let sender = match sender {
        Sender::Governance => "governance".to_owned(),
        Sender::Did { did, fragment } => format!("{did}#{fragment}"),
    };
    let signers: Vec<String> = transaction.endorsements.iter().map(|signed| signed.key.to_multikey()).collect();
    let write = |write: &Write| match RecordText::of(&write.record) {
        Some(record) => Ok(json!({ "previous_version": write.previous_version, "record": record })),
        None => {
            Err(CliError::refused("InvalidDefinition", "a record of the transaction cannot be shown: do not sign it"))
        }
    };
    let writes = writes.iter().map(write).collect::<Result<Vec<_>, _>>()?;
    let told = json!({
        "network_id": hex::encode(network_id), "sender": sender, "nonce": nonce, "writes": writes, "signed_by": signers,
    });
    Ok(Answer::new(serde_json::to_string_pretty(&told)?, told))
}

pub(super) fn submit(args: &SubmitArgs) -> Result<Answer, CliError> {
    let bytes = files::read(&args.transaction)?;
    let node = || client(args.url.as_deref().ok_or_else(|| CliError::usage("name a node with --url"))?);
    // No transaction begins with a brace: it would be a map of 27 entries.
    let bytes = if bytes.trim_ascii_start().starts_with(b"{") {
        signed(&node()?, Draft::parse(&bytes)?, &keys(&args.key)?)?
    } else if args.key.is_empty() {
        bytes
    } else {
        endorsed(&bytes, &keys(&args.key)?)?
    };
    if let Some(path) = &args.out {
        files::write(path, &bytes)?;
        return Ok(Answer::new(
            format!("{} bytes, not sent", bytes.len()),
            json!({ "bytes": bytes.len(), "sent": false }),
        )
        .beside(path == Path::new("-")));
    }
    let recorded = node()?.submit_bytes(&bytes).map_err(answered)?;
    let id = hex::encode(recorded.id);
    Ok(Answer::new(
        format!("recorded at height {}\n  id  {id}", recorded.height),
        json!({ "height": recorded.height, "id": id }),
    ))
}

fn keys(paths: &[PathBuf]) -> Result<Vec<Ed25519SigningKey>, CliError> {
    paths.iter().map(|path| files::read_key(path)).collect()
}

fn signed(ledger: &LedgerClient, draft: Draft, keys: &[Ed25519SigningKey]) -> Result<Vec<u8>, CliError> {
    if keys.is_empty() {
        return Err(CliError::usage("name the key file that signs the draft with --key"));
    }
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    let network_id = ledger.anchor().map_err(answered)?.network_id;
    Ok(transaction(ledger, network_id, draft.sender.sender(), draft.records_from(ledger)?, &signers)?.encode())
}

/// The transaction with the signatures of more keys.
fn endorsed(bytes: &[u8], keys: &[Ed25519SigningKey]) -> Result<Vec<u8>, CliError> {
    let mut transaction = Transaction::decode(bytes)?;
    // Whoever adds a signature stands for what is signed: not for one with other signatures that are void.
    transaction.verify_signatures()?;
    for key in keys {
        if !transaction.endorsements.iter().any(|endorsement| endorsement.key == key.public_key()) {
            transaction.endorsements.push(transaction.body.endorse(key)?);
        }
    }
    Ok(transaction.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_collected_once_each_and_void_ones_refused() {
        let [first, second] = [1, 2].map(|seed| Ed25519SigningKey::from_seed(&[seed; 32]));
        let body = TransactionBody { network_id: [7; 32], sender: Sender::Governance, nonce: 0, writes: vec![] };
        let by = |keys: &[&dyn Signer]| body.clone().signed_by(keys).unwrap().encode();
        let one = by(&[&first]);
        let two = endorsed(&one, &[second.clone(), first.clone()]).unwrap();
        assert_eq!(two, by(&[&first, &second]));
        assert_eq!(endorsed(&two, std::slice::from_ref(&second)).unwrap(), two);
        let mut void = one;
        *void.last_mut().unwrap() ^= 1;
        let refused = endorsed(&void, &[second]);
        assert!(matches!(refused, Err(CliError::Refused { name, .. }) if name == "SignatureInvalid"));
    }
}
