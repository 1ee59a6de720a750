//! What OpenID4VCI needs to be remembered: grants, tokens by their digests, seen DPoP proofs, given answers.

use sha2::{Digest, Sha256};

use super::{ReviewState, Row, Writer, values};
use crate::error::IssuerError;
use crate::register::PersonId;
use crate::withdraw::RevocationReason;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Fetches credentials.
    Access = 1,
    /// Fetches access tokens.
    Refresh = 2,
}

/// What was allowed to the holder of one key.
pub(crate) struct Grant {
    /// Random.
    pub(crate) id: [u8; 16],
    /// Whose credentials.
    pub(crate) person: PersonId,
    /// State of the register entry that was proofed.
    pub(crate) revision: u32,
    /// Whether an active credential of another phone is withdrawn in favour of the new one.
    pub(crate) replaces: bool,
    /// The client, if it said who it is.
    pub(crate) client: Option<String>,
    /// Thumbprint of the key that tokens are bound to.
    pub(crate) thumbprint: [u8; 32],
    /// Unix seconds.
    pub(crate) expires_at: u64,
    /// Whether a clerk has to look before anything is issued.
    pub(crate) review: ReviewState,
}

/// What was issued under a grant.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// The enrolment's handle.
    pub(crate) handle: u64,
    /// State of the register entry that its claims are from.
    pub(crate) revision: u32,
}

/// An answer to a credential request.
pub(crate) struct Answer<'a> {
    pub(crate) grant: &'a [u8; 16],
    pub(crate) configuration: &'a str,
    /// Digest of the keys that were asked for.
    pub(crate) request_digest: &'a [u8; 32],
    pub(crate) response: &'a [u8],
    pub(crate) notification_id: &'a [u8; 16],
    pub(crate) issued_at: u64,
}

fn grant(row: &Row<'_>) -> Result<Grant, IssuerError> {
    let person: String = row.get(1)?;
    Ok(Grant {
        id: row.get(0)?,
        person: PersonId::new(person),
        revision: row.get(2)?,
        replaces: row.get(3)?,
        client: row.get(4)?,
        thumbprint: row.get(5)?,
        expires_at: row.get(6)?,
        review: ReviewState::read(row.get(7)?),
    })
}

/// Tokens have 256 random bits, so their digests need no salt.
fn token_digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Writer<'_> {
    /// The secret from which DPoP nonces are made, if there is one.
    pub(crate) fn openid_secret(&self) -> Result<Option<[u8; 32]>, IssuerError> {
        let sql = "SELECT value FROM openid_secret";
        self.transaction.one(sql, values![], |row| row.get(0))
    }

    /// Keeps `secret` unless there is one already.
    pub(crate) fn set_openid_secret(&self, secret: &[u8; 32]) -> Result<(), IssuerError> {
        self.transaction
            .execute("INSERT INTO openid_secret (id, value) VALUES (0, ?1) ON CONFLICT DO NOTHING", values![secret])?;
        Ok(())
    }

    /// Remembers a DPoP proof until `expires_at`. Returns whether it was new.
    pub(crate) fn first_seen(&self, once: &[u8; 32], now: u64, expires_at: u64) -> Result<bool, IssuerError> {
        self.transaction.execute("DELETE FROM openid_proof WHERE expires_at < ?1", values![now])?;
        let insert = "INSERT INTO openid_proof (once, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        Ok(self.transaction.execute(insert, values![once, expires_at])? == 1)
    }

    pub(crate) fn add_grant(&self, grant: &Grant, credential_types: &[String]) -> Result<(), IssuerError> {
        self.transaction.execute(
            "INSERT INTO openid_grant (id, person, revision, replaces, client, thumbprint, expires_at, review)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            values![
                grant.id,
                grant.person.as_str(),
                grant.revision,
                grant.replaces,
                grant.client,
                grant.thumbprint,
                grant.expires_at,
                grant.review as u8
            ],
        )?;
        for credential_type in credential_types {
            self.transaction.execute(
                "INSERT INTO openid_granted_type (grant_id, credential_type) VALUES (?1, ?2)",
                values![grant.id, credential_type],
            )?;
        }
        Ok(())
    }

    pub(crate) fn keep_token(
        &self,
        token: &str,
        grant: &[u8; 16],
        kind: TokenKind,
        expires_at: u64,
    ) -> Result<(), IssuerError> {
        self.transaction.execute(
            "INSERT INTO openid_token (digest, grant_id, kind, expires_at) VALUES (?1, ?2, ?3, ?4)",
            values![token_digest(token), grant, kind as u8, expires_at],
        )?;
        Ok(())
    }

    /// The grant of a token that is good at `now`.
    pub(crate) fn grant_of(&self, token: &str, kind: TokenKind, now: u64) -> Result<Option<Grant>, IssuerError> {
        let query = "SELECT id, person, revision, replaces, client, thumbprint, openid_grant.expires_at, review
             FROM openid_token JOIN openid_grant ON id = grant_id
             WHERE digest = ?1 AND kind = ?2 AND openid_token.expires_at > ?3 AND openid_grant.expires_at > ?3";
        self.transaction.one(query, values![token_digest(token), kind as u8, now], grant)
    }

    /// For a type of a grant, what was issued under it; the outer `None` when the type was not granted.
    pub(crate) fn granted(&self, grant: &[u8; 16], credential_type: &str) -> Result<Option<Option<Held>>, IssuerError> {
        let query = "SELECT handle, revision FROM openid_granted_type WHERE grant_id = ?1 AND credential_type = ?2";
        let held = |row: &Row<'_>| {
            let (handle, revision): (Option<u64>, Option<u32>) = (row.get(0)?, row.get(1)?);
            Ok(handle.zip(revision).map(|(handle, revision)| Held { handle, revision }))
        };
        self.transaction.one(query, values![grant, credential_type], held)
    }

    /// Binds a grant to the key of whoever exchanged its code.
    pub(crate) fn bind_grant(&self, grant: &[u8; 16], thumbprint: &[u8; 32]) -> Result<Option<Grant>, IssuerError> {
        self.transaction
            .execute("UPDATE openid_grant SET thumbprint = ?2 WHERE id = ?1", values![grant, thumbprint])?;
        let query = "SELECT id, person, revision, replaces, client, thumbprint, expires_at, review FROM openid_grant WHERE id = ?1";
        self.transaction.one(query, values![grant], self::grant)
    }

    /// Ends a grant, and all its tokens with it.
    pub(crate) fn end_grant(&self, grant: &[u8; 16]) -> Result<(), IssuerError> {
        self.transaction.execute("DELETE FROM openid_grant WHERE id = ?1", values![grant])?;
        Ok(())
    }

    /// Whether anything of the grant was not issued yet, is still good, or ended with a change of the register's entry alone
    /// (VCI-05).
    pub(crate) fn grant_is_alive(&self, grant: &[u8; 16]) -> Result<bool, IssuerError> {
        let query = "SELECT EXISTS (SELECT 1 FROM openid_granted_type AS granted LEFT JOIN credential
                ON credential.credential_type = granted.credential_type AND credential.handle = granted.handle
             WHERE granted.grant_id = ?1 AND (credential.revoked_at IS NULL OR credential.reason = ?2))";
        self.transaction.only(query, values![grant, RevocationReason::EntryChanged as u8], |row| row.get(0))
    }

    /// Whether a withdrawn credential was the last one of its person and type, and ended with a change of the register's entry
    /// alone (VCI-29).
    pub(crate) fn ended_with_a_change(&self, credential_type: &str, handle: u64) -> Result<bool, IssuerError> {
        let query = "SELECT EXISTS (SELECT 1 FROM credential AS held
             WHERE credential_type = ?1 AND handle = ?2 AND reason = ?3 AND suspended_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM credential AS other
                     WHERE other.person = held.person AND other.credential_type = held.credential_type
                         AND other.handle <> held.handle
                         AND (other.revoked_at IS NULL OR other.revoked_at > held.revoked_at
                             OR (other.revoked_at = held.revoked_at AND other.reason NOT IN (?3, ?4)))))";
        let (changed, replaced) = (RevocationReason::EntryChanged as u8, RevocationReason::Replaced as u8);
        self.transaction.only(query, values![credential_type, handle, changed, replaced], |row| row.get(0))
    }

    /// Takes from a person's grants what a change of the register's entry has withdrawn of them, so that nobody gets it anew; of one
    /// type, or of all.
    pub(crate) fn end_renewals(&self, person: &PersonId, credential_type: Option<&str>) -> Result<(), IssuerError> {
        let delete = "DELETE FROM openid_granted_type
             WHERE grant_id IN (SELECT id FROM openid_grant WHERE person = ?1)
                 AND (CAST(?2 AS TEXT) IS NULL OR credential_type = ?2)
                 AND EXISTS (SELECT 1 FROM credential
                     WHERE credential.credential_type = openid_granted_type.credential_type
                         AND credential.handle = openid_granted_type.handle AND credential.reason = ?3)";
        let changed = RevocationReason::EntryChanged as u8;
        self.transaction.execute(delete, values![person.as_str(), credential_type, changed])?;
        Ok(())
    }

    /// Notes what was issued under a grant.
    pub(crate) fn enrolled(&self, grant: &[u8; 16], credential_type: &str, held: Held) -> Result<(), IssuerError> {
        let update =
            "UPDATE openid_granted_type SET handle = ?3, revision = ?4 WHERE grant_id = ?1 AND credential_type = ?2";
        match self.transaction.execute(update, values![grant, credential_type, held.handle, held.revision])? {
            1 => Ok(()),
            _ => Err(IssuerError::StorageUnavailable),
        }
    }

    /// The answer that was given for these keys; the inner `None` when it was forgotten.
    pub(crate) fn openid_answer(
        &self,
        grant: &[u8; 16],
        configuration: &str,
        request_digest: &[u8; 32],
    ) -> Result<Option<Option<Vec<u8>>>, IssuerError> {
        let query =
            "SELECT response FROM openid_answer WHERE grant_id = ?1 AND configuration = ?2 AND request_digest = ?3";
        self.transaction.one(query, values![grant, configuration, request_digest], |row| row.get(0))
    }

    pub(crate) fn add_openid_answer(&self, answer: &Answer<'_>) -> Result<(), IssuerError> {
        self.transaction.execute(
            "INSERT INTO openid_answer (grant_id, configuration, request_digest, response, notification_id, issued_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values![
                answer.grant,
                answer.configuration,
                answer.request_digest,
                answer.response,
                answer.notification_id,
                answer.issued_at
            ],
        )?;
        Ok(())
    }

    /// Notes what became of the credentials of an answer. Returns whether there is such an answer.
    pub(crate) fn note_event(&self, grant: &[u8; 16], id: &[u8; 16], event: &str) -> Result<bool, IssuerError> {
        let update = "UPDATE openid_answer SET event = ?3 WHERE grant_id = ?1 AND notification_id = ?2";
        Ok(self.transaction.execute(update, values![grant, id, event])? == 1)
    }

    /// Forgets answers given before `before`, and grants that have run out.
    pub(crate) fn forget_grants(&self, before: u64, now: u64) -> Result<(), IssuerError> {
        let sql = "UPDATE openid_answer SET response = NULL WHERE response IS NOT NULL AND issued_at < ?1";
        self.transaction.execute(sql, values![before])?;
        for table in ["openid_token", "openid_code", "openid_request"] {
            self.transaction.execute(&format!("DELETE FROM {table} WHERE expires_at <= ?1"), values![now])?;
        }
        self.transaction.execute("DELETE FROM openid_grant WHERE expires_at <= ?1", values![now])?;
        Ok(())
    }
}
