//! Requests that wait for a clerk, and what was decided.

use protocol::crypto::jose::{base64url, from_base64url};

use super::{Row, Writer, values};
use crate::error::IssuerError;
use crate::register::PersonId;

/// Whether a clerk has to look before anything is issued under a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReviewState {
    /// Nobody has to.
    NotNeeded = 0,
    /// Nobody has yet.
    Waiting = 1,
    /// It may be issued.
    Approved = 2,
    /// It may not.
    Refused = 3,
}

impl ReviewState {
    /// That of a new grant.
    pub(crate) fn of(needed: bool) -> Self {
        if needed { Self::Waiting } else { Self::NotNeeded }
    }

    /// As it is stored; what nobody knows is refused.
    pub(super) fn read(number: u8) -> Self {
        match number {
            0 => Self::NotNeeded,
            1 => Self::Waiting,
            2 => Self::Approved,
            _ => Self::Refused,
        }
    }
}

/// A request that waits.
pub(crate) struct Deferred {
    /// Random; the wallet knows it by this.
    pub(crate) transaction: [u8; 16],
    pub(crate) configuration: String,
    /// Digest of configuration and keys.
    pub(crate) digest: [u8; 32],
    /// The keys, in multicodec.
    pub(crate) keys: Vec<Vec<u8>>,
}

/// A grant that waits for a clerk.
pub(crate) struct UnderReview {
    pub(crate) grant: [u8; 16],
    pub(crate) person: PersonId,
    pub(crate) credential_types: Vec<String>,
}

fn waiting(row: &Row<'_>) -> Result<Deferred, IssuerError> {
    let keys: Vec<u8> = row.get(3)?;
    let keys = String::from_utf8(keys).map_err(|_| IssuerError::StorageUnavailable)?;
    let keys = keys.split(' ').filter_map(from_base64url).collect();
    Ok(Deferred { transaction: row.get(0)?, configuration: row.get(1)?, digest: row.get(2)?, keys })
}

impl Writer<'_> {
    pub(crate) fn add_deferred(&self, grant: &[u8; 16], waiting: &Deferred) -> Result<(), IssuerError> {
        let keys: Vec<String> = waiting.keys.iter().map(|key| base64url(key)).collect();
        self.transaction.execute(
            "INSERT INTO openid_deferred (transaction_id, grant_id, configuration, request_digest, keys)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            values![waiting.transaction, grant, waiting.configuration, waiting.digest, keys.join(" ").into_bytes()],
        )?;
        Ok(())
    }

    /// How many requests of a grant wait.
    pub(crate) fn count_deferred(&self, grant: &[u8; 16]) -> Result<u64, IssuerError> {
        let sql = "SELECT COUNT(*) FROM openid_deferred WHERE grant_id = ?1";
        self.transaction.only(sql, values![grant], |row| row.get(0))
    }

    /// What waits under the name of a transaction of the same grant.
    pub(crate) fn deferred(&self, grant: &[u8; 16], transaction: &[u8; 16]) -> Result<Option<Deferred>, IssuerError> {
        let query = "SELECT transaction_id, configuration, request_digest, keys FROM openid_deferred
             WHERE grant_id = ?1 AND transaction_id = ?2";
        self.transaction.one(query, values![grant, transaction], waiting)
    }

    /// The name under which the same request waits already.
    pub(crate) fn deferred_as(
        &self,
        grant: &[u8; 16],
        configuration: &str,
        digest: &[u8; 32],
    ) -> Result<Option<[u8; 16]>, IssuerError> {
        let query = "SELECT transaction_id FROM openid_deferred
             WHERE grant_id = ?1 AND configuration = ?2 AND request_digest = ?3";
        self.transaction.one(query, values![grant, configuration, digest], |row| row.get(0))
    }

    /// Forgets a transaction whose credentials were given.
    pub(crate) fn forget_deferred(&self, transaction: &[u8; 16]) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM openid_deferred WHERE transaction_id = ?1", values![transaction])?;
        Ok(())
    }

    /// Grants that wait for a clerk and under which something was asked for.
    pub(crate) fn reviews(&self, now: u64) -> Result<Vec<UnderReview>, IssuerError> {
        let query =
            "SELECT id, person, (SELECT string_agg(credential_type, ' ') FROM openid_granted_type WHERE grant_id = id)
             FROM openid_grant JOIN openid_deferred ON openid_deferred.grant_id = id
             WHERE review = 1 AND expires_at > ?1 GROUP BY id ORDER BY MIN(number)";
        let row = |row: &Row<'_>| {
            let (person, types): (String, String) = (row.get(1)?, row.get(2)?);
            let credential_types = types.split(' ').map(str::to_owned).collect();
            Ok(UnderReview { grant: row.get(0)?, person: PersonId::new(person), credential_types })
        };
        self.transaction.all(query, values![now], row)
    }

    /// Notes a decision about a grant that waits.
    pub(crate) fn decide(&self, grant: &[u8; 16], approved: bool) -> Result<(), IssuerError> {
        let state = if approved { ReviewState::Approved } else { ReviewState::Refused };
        let sql = "UPDATE openid_grant SET review = ?2 WHERE id = ?1 AND review = 1";
        match self.transaction.execute(sql, values![grant, state as u8])? {
            1 => Ok(()),
            _ => Err(IssuerError::ReviewUnknown),
        }
    }
}
