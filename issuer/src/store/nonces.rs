//! Nonces: each good for one request, for a few minutes.

use rusqlite::params;

use super::Writer;
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
        self.transaction.prepare_cached("DELETE FROM nonce WHERE expires_at <= ?1")?.execute([now])?;
        let alive: u64 =
            self.transaction.prepare_cached("SELECT COUNT(*) FROM nonce")?.query_row([], |row| row.get(0))?;
        if alive >= limit {
            return Ok(false);
        }
        let mut insert = self.transaction.prepare_cached("INSERT INTO nonce (nonce, expires_at) VALUES (?1, ?2)")?;
        insert.execute(params![nonce, expires_at])?;
        Ok(true)
    }

    /// Uses a nonce up. Returns whether it was good.
    pub(crate) fn take_nonce(&self, nonce: &[u8; 16], now: u64) -> Result<bool, IssuerError> {
        let mut delete = self.transaction.prepare_cached("DELETE FROM nonce WHERE nonce = ?1 AND expires_at > ?2")?;
        Ok(delete.execute(params![nonce, now])? == 1)
    }
}
