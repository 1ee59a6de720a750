//! Epochs of status tokens, and the tokens of the current one.

use protocol::exchange::StatusToken;

use super::{Row, Writer, values};
use crate::error::IssuerError;

/// One epoch of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch {
    /// Counted from 1.
    pub(crate) number: u32,
    /// Unix seconds.
    pub(crate) opened_at: u64,
    /// Tokens are handed out in 2^bits slices, by the highest bits of the 63-bit handle.
    pub(crate) slice_bits: u8,
}

impl Writer<'_> {
    /// The latest epoch of a type.
    pub(crate) fn last_epoch(&self, credential_type: &str) -> Result<Option<Epoch>, IssuerError> {
        let query =
            "SELECT number, opened_at, slice_bits FROM epoch WHERE credential_type = ?1 ORDER BY number DESC LIMIT 1";
        let epoch = |row: &Row<'_>| Ok(Epoch { number: row.get(0)?, opened_at: row.get(1)?, slice_bits: row.get(2)? });
        self.transaction.one(query, values![credential_type], epoch)
    }

    /// Opens an epoch and forgets the tokens of earlier ones.
    pub(crate) fn add_epoch(&self, credential_type: &str, epoch: &Epoch) -> Result<(), IssuerError> {
        self.transaction.execute(
            "INSERT INTO epoch (credential_type, number, opened_at, slice_bits) VALUES (?1, ?2, ?3, ?4)",
            values![credential_type, epoch.number, epoch.opened_at, epoch.slice_bits],
        )?;
        self.transaction.execute(
            "DELETE FROM status_token WHERE credential_type = ?1 AND epoch < ?2",
            values![credential_type, epoch.number],
        )?;
        Ok(())
    }

    pub(crate) fn add_token(&self, credential_type: &str, epoch: u32, token: &StatusToken) -> Result<(), IssuerError> {
        let insert = "INSERT INTO status_token (credential_type, epoch, handle, signature) VALUES (?1, ?2, ?3, ?4)";
        self.transaction.execute(insert, values![credential_type, epoch, token.handle, token.signature])?;
        Ok(())
    }

    /// Tokens of an epoch with `first ≤ handle ≤ last`, in order.
    pub(crate) fn tokens(
        &self,
        credential_type: &str,
        epoch: u32,
        first: u64,
        last: u64,
    ) -> Result<Vec<StatusToken>, IssuerError> {
        let query = "SELECT handle, signature FROM status_token
             WHERE credential_type = ?1 AND epoch = ?2 AND handle BETWEEN ?3 AND ?4 ORDER BY handle";
        let token = |row: &Row<'_>| Ok(StatusToken { handle: row.get(0)?, signature: row.get(1)? });
        self.transaction.all(query, values![credential_type, epoch, first, last], token)
    }
}
