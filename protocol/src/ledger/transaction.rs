//! Transactions: who asks the ledger to write what (`specs/ledger-records.md`).

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::record::Record;
use crate::cbor::{self, EncodingError};
use crate::crypto::domains;
use crate::crypto::keys::{PublicKey, Signature, SignatureError, Signer, SignerError};
use crate::identifier::Did;

/// Longest encoded transaction, in bytes.
pub const TRANSACTION_MAX: usize = 64 * 1024;
/// Most writes of one transaction.
pub const WRITES_MAX: usize = 64;

/// Name of a transaction: `SHA-256(label ‖ its bytes)`.
pub type TransactionId = [u8; 32];

/// Who sends a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Sender {
    /// The governors together.
    #[n(0)]
    Governance,
    /// An organisation, with one of its keys.
    #[n(1)]
    Did {
        /// The organisation.
        #[n(0)]
        did: Did,
        /// The key's name within the DID.
        #[n(1)]
        fragment: String,
    },
}

/// Whose transactions are counted together: an organisation's, whichever of its keys signs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Account {
    /// The governors'.
    #[n(0)]
    Governance,
    /// An organisation's.
    #[n(1)]
    Did {
        /// The organisation.
        #[n(0)]
        did: Did,
    },
}

impl Sender {
    /// The account that the sender's nonces belong to (LTXN-04).
    #[must_use]
    pub fn account(&self) -> Account {
        match self {
            Self::Governance => Account::Governance,
            Self::Did { did, .. } => Account::Did { did: did.clone() },
        }
    }
}

/// One record to write.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Write {
    /// The record as it shall be.
    #[n(0)]
    pub record: Record,
    /// The version it replaces; 0 when it is new.
    #[n(1)]
    pub previous_version: u64,
}

/// What the signatures of a transaction cover.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TransactionBody {
    /// The network it is meant for.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub network_id: [u8; 32],
    /// Who sends it.
    #[n(1)]
    pub sender: Sender,
    /// How many transactions of this sender the ledger holds already.
    #[n(2)]
    pub nonce: u64,
    /// What to write, all or nothing, in order.
    #[n(3)]
    pub writes: Vec<Write>,
}

/// A signature of a transaction, with the key it is to be checked with.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Endorsement {
    /// Whose signature this is. Whether the key may endorse is for the ledger's rules to say.
    #[n(0)]
    pub key: PublicKey,
    /// Over the body.
    #[n(1)]
    pub signature: Signature,
}

/// A transaction: one endorsement by a DID's key, several by governors, or, where a DID is new, both.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Transaction {
    /// What is signed.
    #[n(0)]
    pub body: TransactionBody,
    /// By whom.
    #[n(1)]
    pub endorsements: Vec<Endorsement>,
}

impl TransactionBody {
    /// Signs the body with `signer`, as one endorsement of possibly several.
    ///
    /// # Errors
    /// [`SignerError`]
    pub fn endorse(&self, signer: &dyn Signer) -> Result<Endorsement, SignerError> {
        let signature = signer.sign(domains::LEDGER_TRANSACTION, &cbor::to_vec(self))?;
        Ok(Endorsement { key: signer.public_key(), signature })
    }

    /// The transaction with the endorsements of all `signers`.
    ///
    /// # Errors
    /// [`SignerError`] of the first that does not sign.
    pub fn signed_by(self, signers: &[&dyn Signer]) -> Result<Transaction, SignerError> {
        let endorsements = signers.iter().map(|signer| self.endorse(*signer)).collect::<Result<_, _>>()?;
        Ok(Transaction { body: self, endorsements })
    }
}

impl Transaction {
    /// The one encoding of this transaction.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Reads a transaction of at most [`TRANSACTION_MAX`] bytes.
    ///
    /// # Errors
    /// [`EncodingError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        cbor::from_slice(bytes, TRANSACTION_MAX)
    }

    /// Name of the transaction whose encoding is `bytes`.
    #[must_use]
    pub fn id(bytes: &[u8]) -> TransactionId {
        Sha256::new().chain_update(domains::LEDGER_TRANSACTION_ID).chain_update(bytes).finalize().into()
    }

    /// Checks every endorsement against the key it names.
    ///
    /// # Errors
    /// [`SignatureError`] of the first that does not fit.
    pub fn verify_signatures(&self) -> Result<(), SignatureError> {
        let body = cbor::to_vec(&self.body);
        self.endorsements.iter().try_for_each(|endorsement| {
            endorsement.key.verify(domains::LEDGER_TRANSACTION, &body, &endorsement.signature)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::{Ed25519SigningKey, P256SigningKey};
    use crate::ledger::record::StatusEpoch;

    fn body() -> TransactionBody {
        let record = Record::StatusEpoch(StatusEpoch { issuer_key: [1; 8], epoch: 2, at: 3 });
        let did = Did::derive("kr", b"key").unwrap();
        TransactionBody {
            network_id: [9; 32],
            sender: Sender::Did { did, fragment: "key-1".into() },
            nonce: 4,
            writes: vec![Write { record, previous_version: 0 }],
        }
    }

    fn signed() -> Transaction {
        body()
            .signed_by(&[&Ed25519SigningKey::from_seed(&[1; 32]), &P256SigningKey::from_seed(&[2; 32]).unwrap()])
            .unwrap()
    }

    #[test]
    fn a_transaction_round_trips_and_its_name_is_that_of_its_bytes() {
        let transaction = signed();
        let bytes = transaction.encode();
        assert_eq!(Transaction::decode(&bytes), Ok(transaction.clone()));
        assert_eq!(transaction.verify_signatures(), Ok(()));
        let governed = Transaction { body: TransactionBody { sender: Sender::Governance, ..body() }, ..transaction };
        assert_eq!(Transaction::decode(&governed.encode()), Ok(governed.clone()));
        assert_ne!(Transaction::id(&governed.encode()), Transaction::id(&bytes));
    }

    #[test]
    fn f10_other_spellings_and_sizes_are_refused() {
        let bytes = signed().encode();
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Transaction::decode(&longer), Err(EncodingError::NonCanonicalEncoding));
        assert_eq!(Transaction::decode(&vec![0; TRANSACTION_MAX + 1]), Err(EncodingError::TooLarge));
        assert_eq!(Transaction::decode(&bytes[1..]), Err(EncodingError::Malformed));
    }

    #[test]
    fn every_part_of_the_body_is_signed() {
        for change in [
            (|b| b.network_id[0] ^= 1) as fn(&mut TransactionBody),
            |b| b.sender = Sender::Governance,
            |b| b.nonce += 1,
            |b| b.writes[0].previous_version += 1,
            |b| b.writes.clear(),
        ] {
            let mut changed = signed();
            change(&mut changed.body);
            assert_eq!(changed.verify_signatures(), Err(SignatureError::SignatureInvalid));
        }
        let mut other_key = signed();
        other_key.endorsements[0].key = other_key.endorsements[1].key;
        assert_eq!(other_key.verify_signatures(), Err(SignatureError::SignatureInvalid));
    }
}
