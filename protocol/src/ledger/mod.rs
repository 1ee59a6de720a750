//! What the ledger claims and how to check it offline.
//!
//! In the order a reader needs them: a [`TrustAnchor`] is given once; a [`TransactionBody`] asks to write a
//! [`Record`]; a [`LedgerProof`] shows one record, a [`TrustBundle`] all of them as a [`TrustedState`].

pub mod anchor;
pub mod attachment;
pub mod bundle;
pub mod certificate;
mod certificate_root;
pub mod checkpoint;
mod document;
pub mod governing;
pub mod header;
pub mod key;
pub mod list_change;
pub mod proof;
pub mod record;
pub mod snapshot;
pub mod staple;
pub mod state;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod transaction;
pub mod tree;
mod twin_evidence;

pub use anchor::{SuccessionError, Successor, TrustAnchor};
pub use bundle::{BundleError, Scope, TrustBundle};
pub use certificate_root::{CertificateIssuerError, ROOT_PREFIX};
pub use checkpoint::{Checkpoint, CheckpointError, Cosignature, Note};
pub use governing::{Activation, NonceCount, Scheduled, Succession, Validator, ValidatorSet};
pub use header::Header;
pub use key::{IssuerKeyId, StateKey};
pub use list_change::ListChange;
pub use proof::{LedgerProof, ProofError, Proven, check};
pub use record::{
    Accreditation, DidKey, DidRecord, Envelope, Governance, GovernanceKey, IssuerKey, Permit, Purpose, Purposes,
    Record, RecordError, StatusEpoch, StatusListAnchor, TypeDefinition, VerifierRegistration,
};
pub use staple::{Staple, StapleError, StapledRecords};
pub use state::TrustedState;
pub use transaction::{Account, Endorsement, Sender, Transaction, TransactionBody, TransactionId, Write};
pub use twin_evidence::{LedgerControllers, ListedStatus, ListedStatusError};
