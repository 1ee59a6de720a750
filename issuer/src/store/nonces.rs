//! Nonces: each good for one request, for a few minutes.

use super::{Writer, values};
use crate::error::IssuerError;

impl Writer<'_> {
    /// Remembers a nonce, unless `limit` nonces are alive already. Returns whether it was stored.
    pub(crate) fn add_nonce(
        &self,
        nonce: &[u8; 16],
        now: u64,
        expires_at: u64,
        limit: u64,
    ) -> Result<bool, IssuerError> {
        self.transaction.execute("DELETE FROM nonce WHERE expires_at <= ?1", values![now])?;
        let alive: u64 = self.transaction.only("SELECT COUNT(*) FROM nonce", values![], |row| row.get(0))?;
        if alive >= limit {
            return Ok(false);
        }
        let insert = "INSERT INTO nonce (nonce, expires_at) VALUES (?1, ?2)";
        self.transaction.execute(insert, values![nonce, expires_at])?;
        Ok(true)
    }

    /// Uses a nonce up. Returns whether it was good.
    pub(crate) fn take_nonce(&self, nonce: &[u8; 16], now: u64) -> Result<bool, IssuerError> {
        let delete = "DELETE FROM nonce WHERE nonce = ?1 AND expires_at > ?2";
        Ok(self.transaction.execute(delete, values![nonce, now])? == 1)
    }
}
