//! What the ledger claims and how to check it offline.
//!
//! In the order a reader needs them: a [`TrustAnchor`] is given once; a [`TransactionBody`] asks to write a
//! [`Record`]; a [`LedgerProof`] shows one record, a [`TrustBundle`] all of them as a [`TrustedState`].

pub mod anchor;
pub mod attachment;
pub mod bundle;
pub mod certificate;
mod document;
pub mod header;
pub mod key;
pub mod proof;
pub mod record;
pub mod state;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod transaction;
pub mod tree;

pub use anchor::TrustAnchor;
pub use bundle::{BundleError, Scope, TrustBundle};
pub use header::Header;
pub use key::{IssuerKeyId, StateKey};
pub use proof::{LedgerProof, ProofError, Proven};
pub use record::{
    Accreditation, DidKey, DidRecord, Envelope, Governance, GovernanceKey, IssuerKey, Permit, Purpose, Purposes,
    Record, RecordError, StatusEpoch, StatusListAnchor, TypeDefinition, VerifierRegistration,
};
pub use state::TrustedState;
pub use transaction::{Endorsement, Sender, Transaction, TransactionBody, TransactionId, Write};
