//! Issued credentials, their handles, and the status lists the handles point into.

use protocol::credential::{Day, StatusList};

use super::{PublicationKind, Row, Writer, values};
use crate::error::IssuerError;
use crate::register::{Person, PersonId};

/// Half of each list stays unused, so that a random entry is found quickly and says nothing about order.
const LIST_FILL: u32 = StatusList::ENTRIES / 2;

/// A credential about to be recorded.
pub(crate) struct NewCredential<'a> {
    pub(crate) idempotency_key: &'a [u8; 16],
    pub(crate) request_digest: &'a [u8; 32],
    pub(crate) response: Option<&'a [u8]>,
    pub(crate) person: &'a Person,
    pub(crate) credential_type: &'a str,
    pub(crate) handle: u64,
    pub(crate) device_key_digest: &'a [u8; 32],
    pub(crate) issued_at: u64,
    pub(crate) expiry: Day,
}

/// A recorded credential, as operators see it: no claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCredential {
    /// To whom.
    pub person: PersonId,
    /// The type's id.
    pub credential_type: String,
    /// What withdrawal refers to.
    pub handle: u64,
    /// Unix seconds.
    pub issued_at: u64,
    /// Last day of validity.
    pub expiry: Day,
    /// When it was withdrawn (unix seconds), if it was.
    pub revoked_at: Option<u64>,
    /// Since when it is suspended (unix seconds), if it is, or was when it was withdrawn.
    pub suspended_at: Option<u64>,
}

/// An answer as it was given.
pub(crate) struct EarlierAnswer {
    /// SHA-256 of the whole request.
    pub(crate) request_digest: [u8; 32],
    /// The bytes, unless they were forgotten.
    pub(crate) response: Option<Vec<u8>>,
}

const COLUMNS: &str = "person, credential_type, handle, issued_at, expiry_day, revoked_at, suspended_at";

fn issued_credential(row: &Row<'_>) -> Result<IssuedCredential, IssuerError> {
    let person: String = row.get(0)?;
    let expiry = Day::from_number(row.get(4)?).map_err(|_| IssuerError::StorageUnavailable)?;
    Ok(IssuedCredential {
        person: PersonId::new(person),
        credential_type: row.get(1)?,
        handle: row.get(2)?,
        issued_at: row.get(3)?,
        expiry,
        revoked_at: row.get(5)?,
        suspended_at: row.get(6)?,
    })
}

impl Writer<'_> {
    /// What was answered to the request with this idempotency key.
    pub(crate) fn answered(&self, key: &[u8; 16]) -> Result<Option<EarlierAnswer>, IssuerError> {
        let query = "SELECT request_digest, response FROM credential WHERE idempotency_key = ?1";
        self.transaction
            .one(query, values![key], |row| Ok(EarlierAnswer { request_digest: row.get(0)?, response: row.get(1)? }))
    }

    /// The person to whom the credential with this idempotency key was issued.
    pub(crate) fn issued_to(&self, key: &[u8; 16]) -> Result<Option<PersonId>, IssuerError> {
        let query = "SELECT person FROM credential WHERE idempotency_key = ?1";
        let person: Option<String> = self.transaction.one(query, values![key], |row| row.get(0))?;
        Ok(person.map(PersonId::new))
    }

    /// The handle of the person's active credential of this type.
    pub(crate) fn active_handle(&self, person: &PersonId, credential_type: &str) -> Result<Option<u64>, IssuerError> {
        let query = "SELECT handle FROM credential WHERE person = ?1 AND credential_type = ?2 AND revoked_at IS NULL";
        self.transaction.one(query, values![person.as_str(), credential_type], |row| row.get(0))
    }

    /// The credential with this handle.
    pub(crate) fn by_handle(
        &self,
        credential_type: &str,
        handle: u64,
    ) -> Result<Option<IssuedCredential>, IssuerError> {
        let sql = format!("SELECT {COLUMNS} FROM credential WHERE credential_type = ?1 AND handle = ?2");
        self.transaction.one(&sql, values![credential_type, handle], issued_credential)
    }

    /// Everything issued to a person, oldest first.
    pub(crate) fn issued(&self, person: &PersonId) -> Result<Vec<IssuedCredential>, IssuerError> {
        let sql = format!("SELECT {COLUMNS} FROM credential WHERE person = ?1 ORDER BY issued_at");
        self.transaction.all(&sql, values![person.as_str()], issued_credential)
    }

    pub(crate) fn add_credential(&self, new: &NewCredential<'_>) -> Result<(), IssuerError> {
        let insert =
            "INSERT INTO credential (idempotency_key, request_digest, response, person, credential_type, handle,
             device_key_digest, issued_at, expiry_day, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        self.transaction.execute(
            insert,
            values![
                new.idempotency_key,
                new.request_digest,
                new.response,
                new.person.id.as_str(),
                new.credential_type,
                new.handle,
                new.device_key_digest,
                new.issued_at,
                new.expiry.number(),
                new.person.revision
            ],
        )?;
        Ok(())
    }

    /// Withdraws an active credential. Returns whether there was one; the schema allows no way back.
    pub(crate) fn revoke(&self, credential_type: &str, handle: u64, reason: u8, now: u64) -> Result<bool, IssuerError> {
        let update = "UPDATE credential SET revoked_at = ?3, reason = ?4
             WHERE credential_type = ?1 AND handle = ?2 AND revoked_at IS NULL";
        Ok(self.transaction.execute(update, values![credential_type, handle, now, reason])? == 1)
    }

    /// Suspends an active credential since a time, or ends that. Returns whether anything changed; the schema allows it of
    /// no withdrawn one.
    pub(crate) fn set_suspended(
        &self,
        credential_type: &str,
        handle: u64,
        since: Option<u64>,
    ) -> Result<bool, IssuerError> {
        let update = "UPDATE credential SET suspended_at = ?3
             WHERE credential_type = ?1 AND handle = ?2 AND revoked_at IS NULL AND (suspended_at IS NULL) 
                 <> (CAST(?3 AS BIGINT) IS NULL)";
        Ok(self.transaction.execute(update, values![credential_type, handle, since])? == 1)
    }

    /// Whether the credential with this handle is suspended.
    pub(crate) fn is_suspended(&self, credential_type: &str, handle: u64) -> Result<bool, IssuerError> {
        Ok(self.by_handle(credential_type, handle)?.is_some_and(|credential| credential.suspended_at.is_some()))
    }

    /// The list that new credentials of the type go into; one that is opened for it is published.
    pub(crate) fn list_for_new(&self, credential_type: &str) -> Result<u32, IssuerError> {
        let query = "SELECT number, used FROM status_list WHERE credential_type = ?1 ORDER BY number DESC LIMIT 1";
        let last: Option<(u32, u32)> =
            self.transaction.one(query, values![credential_type], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let number = match last {
            Some((number, used)) if used < LIST_FILL => return Ok(number),
            Some((number, _)) => number + 1,
            None => 0,
        };
        self.transaction.execute(
            "INSERT INTO status_list (credential_type, number, used) VALUES (?1, ?2, 0)",
            values![credential_type, number],
        )?;
        self.publish_later(PublicationKind::StatusList, credential_type, number)?;
        Ok(number)
    }

    /// Counts one more entry of the list as used.
    pub(crate) fn use_list_entry(&self, credential_type: &str, number: u32) -> Result<(), IssuerError> {
        let update = "UPDATE status_list SET used = used + 1 WHERE credential_type = ?1 AND number = ?2";
        self.transaction.execute(update, values![credential_type, number])?;
        Ok(())
    }

    /// The list as it stands: every withdrawn or suspended credential of that list is marked, with its twins and what
    /// stands for nothing beside them.
    pub(crate) fn status_list(&self, credential_type: &str, number: u32) -> Result<StatusList, IssuerError> {
        let query = "SELECT handle, revoked_at IS NOT NULL FROM credential
             WHERE credential_type = ?1 AND handle >= ?2 AND handle < ?3
                 AND (revoked_at IS NOT NULL OR suspended_at IS NOT NULL)
             UNION ALL SELECT entry, revoked_at IS NOT NULL FROM status_entry JOIN credential
                 ON credential.credential_type = status_entry.credential_type AND handle = enrolment
             WHERE status_entry.credential_type = ?1 AND entry >= ?2 AND entry < ?3
                 AND (revoked_at IS NOT NULL OR suspended_at IS NOT NULL)";
        let first = u64::from(number) << 32;
        let entries = self.transaction.all(query, values![credential_type, first, first + (1 << 32)], |row| {
            Ok((row.get::<u64>(0)?, row.get::<bool>(1)?))
        })?;
        let mut list = StatusList::new();
        for entry in entries {
            let (handle, revoked) = entry;
            let index = (handle & 0xffff_ffff) as u32;
            let marked = if revoked { list.revoke(index) } else { list.suspend(index) };
            marked.map_err(|_| IssuerError::StorageUnavailable)?;
        }
        Ok(list)
    }

    /// Handles that are neither withdrawn, suspended nor expired on `today`, in order.
    pub(crate) fn good_handles(&self, credential_type: &str, today: Day) -> Result<Vec<u64>, IssuerError> {
        let query = "SELECT handle FROM credential
             WHERE credential_type = ?1 AND revoked_at IS NULL AND suspended_at IS NULL AND expiry_day >= ?2
             ORDER BY handle";
        self.transaction.all(query, values![credential_type, today.number()], |row| row.get(0))
    }

    /// Forgets the answers given before `before`: they hold claims and are needed for repeats only.
    pub(crate) fn forget_answers(&self, before: u64) -> Result<usize, IssuerError> {
        let sql = "UPDATE credential SET response = NULL WHERE response IS NOT NULL AND issued_at < ?1";
        self.transaction.execute(sql, values![before])
    }

    /// How many credentials were issued, how many of them withdrawn, and how many suspended.
    pub(crate) fn counts(&self) -> Result<[u64; 3], IssuerError> {
        let sql = "SELECT COUNT(*), COUNT(revoked_at), COUNT(suspended_at) FROM credential";
        self.transaction.only(sql, values![], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
    }
}
