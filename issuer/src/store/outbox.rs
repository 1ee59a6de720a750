//! What the ledger has not been told yet.
//!
//! A row is written in the same transaction as the change it announces, and removed when the ledger has
//! it. It names what to publish, not the bytes: those are made from the tables when the ledger is reached,
//! so a crash in between is repaired by publishing again.

use super::{Writer, values};
use crate::error::IssuerError;

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublicationKind {
    /// A status list.
    StatusList,
    /// An epoch of status tokens.
    StatusEpoch,
}

/// One thing to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) id: i64,
    pub(crate) kind: PublicationKind,
    pub(crate) credential_type: String,
    /// Of the list or epoch.
    pub(crate) number: u32,
}

impl Writer<'_> {
    /// Asks for publication. What is waiting already moves to the end, with a new id.
    pub(crate) fn publish_later(
        &self,
        kind: PublicationKind,
        credential_type: &str,
        number: u32,
    ) -> Result<(), IssuerError> {
        let delete = "DELETE FROM outbox WHERE kind = ?1 AND credential_type = ?2 AND number = ?3";
        self.transaction.execute(delete, values![kind as u8, credential_type, number])?;
        let insert = "INSERT INTO outbox (kind, credential_type, number) VALUES (?1, ?2, ?3)";
        self.transaction.execute(insert, values![kind as u8, credential_type, number])?;
        Ok(())
    }

    /// What has waited longest, after `after`.
    pub(crate) fn next_publication(&self, after: i64) -> Result<Option<Publication>, IssuerError> {
        let sql = "SELECT id, kind, credential_type, number FROM outbox WHERE id > ?1 ORDER BY id LIMIT 1";
        self.transaction.one(sql, values![after], |row| {
            let kind = if row.get::<u8>(1)? == PublicationKind::StatusList as u8 {
                PublicationKind::StatusList
            } else {
                PublicationKind::StatusEpoch
            };
            Ok(Publication { id: row.get(0)?, kind, credential_type: row.get(2)?, number: row.get(3)? })
        })
    }

    /// Removes what was published, unless it has been asked for again since.
    pub(crate) fn published(&self, id: i64) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM outbox WHERE id = ?1", values![id])?;
        Ok(())
    }
}
