//! The audit log, as an auditor reads it.

use super::{CaseKind, Clerk, ConsoleError, Role};
use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::store::{AuditEvent, AuditSummary};

/// Entries on one page.
pub(super) const PAGE: u64 = 50;
/// Entries that are checked in one piece; between two of them others get at the store.
const PIECE: u64 = 20_000;

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, from 1.
    pub sequence: i64,
    /// Its digest in the chain.
    pub digest: [u8; 32],
    /// What it says; nothing where it cannot be read.
    pub told: Option<AuditTold>,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditTold {
    /// Unix seconds.
    pub at: u64,
    /// What happened.
    pub event: AuditEvent,
    /// Of which type, if of one.
    pub credential_type: String,
    /// Register id of whom it concerns, if anyone.
    pub person: String,
    /// Handle of a credential, number of an epoch, a case or a job.
    pub number: u64,
    /// Which clerk did it, if one did.
    pub clerk: Option<String>,
    /// What the clerk's case or job is about.
    pub kind: Option<CaseKind>,
}

/// What a check of the chain found (CONS-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainState {
    /// Each entry fits the one before, and the credentials fit the entries.
    Whole(AuditSummary),
    /// This entry, counted from 1, does not fit the one before, or is not there.
    BrokenAt(u64),
    /// The entries fit each other, and not the credentials: the end of the log was cut off.
    CutOff(AuditSummary),
}

impl Issuer {
    /// Checks the audit log from its first entry to its last, in pieces, and against the issued credentials.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn inspect_audit(&self) -> Result<ChainState, IssuerError> {
        let mut walk = crate::store::ChainWalk::default();
        loop {
            if let Some(state) = self.store.read(|store| store.walk_audit(&mut walk, PIECE))? {
                return Ok(state);
            }
        }
    }

    /// The entries before one, newest first; the newest where `before` is none.
    pub(crate) fn console_audit(
        &self,
        clerk: &Clerk,
        before: Option<i64>,
    ) -> Result<(ChainState, Vec<AuditEntry>), ConsoleError> {
        clerk.must_be(&[Role::Auditor])?;
        let entries = self.store.read(|store| store.audit_entries(before.unwrap_or(i64::MAX), PAGE))?;
        Ok((self.inspect_audit()?, entries))
    }
}
