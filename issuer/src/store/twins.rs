//! Entries of status lists that twins have, and those that stand for nothing.

use protocol::credential::{CredentialType, StatusList, StatusMethod};
use rand_core::CryptoRng;

use super::{Writer, values};
use crate::error::IssuerError;
use crate::twins::{Enrolment, TwinFormat};

/// The format of entries that stand for nothing.
const DECOY: u8 = 0;
/// With each twin come none, one or two such entries.
const DECOYS: u32 = 3;
/// Most twins of one format and enrolment that are valid at once, so that nobody uses up the lists.
const TWINS_MAX: u32 = 64;

impl Writer<'_> {
    /// Refuses an enrolment that is over, or was made on another state of the register's entry.
    ///
    /// # Errors
    /// [`IssuerError::CredentialUnknown`], [`IssuerError::EnrolmentOver`], [`IssuerError::CredentialSuspended`],
    /// [`IssuerError::EntryChanged`].
    pub(crate) fn check_enrolment(&self, enrolment: &Enrolment, revision: u32) -> Result<(), IssuerError> {
        let query = "SELECT revoked_at IS NULL, revision, suspended_at IS NOT NULL FROM credential
             WHERE credential_type = ?1 AND handle = ?2";
        let row = self.transaction.one(query, values![enrolment.credential_type, enrolment.handle], |row| {
            Ok((row.get::<bool>(0)?, row.get::<Option<u32>>(1)?, row.get::<bool>(2)?))
        })?;
        match row {
            None => Err(IssuerError::CredentialUnknown),
            Some((false, ..)) => Err(IssuerError::EnrolmentOver), // TWIN-05
            Some((true, _, true)) => Err(IssuerError::CredentialSuspended), // ISSU-19
            Some((true, proofed, false)) if proofed == Some(revision) => Ok(()),
            Some(_) => Err(IssuerError::EntryChanged),
        }
    }

    /// Takes a random entry of a list for a twin, and perhaps some for nothing (TWIN-04).
    ///
    /// # Errors
    /// [`IssuerError::TooManyTwins`].
    pub(crate) fn take_twin_entry<R: CryptoRng + ?Sized>(
        &self,
        enrolment: &Enrolment,
        format: TwinFormat,
        now: u64,
        until: u64,
        rng: &mut R,
    ) -> Result<u64, IssuerError> {
        let count = "SELECT COUNT(*) FROM status_entry
             WHERE credential_type = ?1 AND enrolment = ?2 AND format = ?3 AND expires_at > ?4";
        let id = &enrolment.credential_type;
        let valid: u32 =
            self.transaction.only(count, values![id, enrolment.handle, format as u8, now], |row| row.get(0))?;
        if valid >= TWINS_MAX {
            return Err(IssuerError::TooManyTwins);
        }
        for _ in 0..rng.next_u32() % DECOYS {
            self.add_entry(enrolment, DECOY, until, rng)?;
        }
        self.add_entry(enrolment, format as u8, until, rng)
    }

    fn add_entry<R: CryptoRng + ?Sized>(
        &self,
        enrolment: &Enrolment,
        format: u8,
        until: u64,
        rng: &mut R,
    ) -> Result<u64, IssuerError> {
        let id = &enrolment.credential_type;
        let list = self.list_for_new(id)?;
        let entry = self.free_entry(id, list, rng)?;
        let insert = "INSERT INTO status_entry (credential_type, entry, enrolment, format, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.transaction.execute(insert, values![id, entry, enrolment.handle, format, until])?;
        self.use_list_entry(id, list)?;
        Ok(entry)
    }

    /// A random handle that no credential of the type ever had, and the list it points into.
    pub(crate) fn new_handle<R: CryptoRng + ?Sized>(
        &self,
        credential_type: &CredentialType,
        rng: &mut R,
    ) -> Result<(u64, Option<u32>), IssuerError> {
        if credential_type.status == StatusMethod::List {
            let list = self.list_for_new(&credential_type.id)?;
            return Ok((self.free_entry(&credential_type.id, list, rng)?, Some(list)));
        }
        loop {
            let handle = rng.next_u64() >> 1;
            if self.by_handle(&credential_type.id, handle)?.is_none() {
                return Ok((handle, None));
            }
        }
    }

    /// A random entry of the list that neither credential nor twin ever had.
    fn free_entry<R: CryptoRng + ?Sized>(
        &self,
        credential_type: &str,
        list: u32,
        rng: &mut R,
    ) -> Result<u64, IssuerError> {
        let taken = "SELECT EXISTS (SELECT 1 FROM credential WHERE credential_type = ?1 AND handle = ?2)
                 OR EXISTS (SELECT 1 FROM status_entry WHERE credential_type = ?1 AND entry = ?2)";
        loop {
            let entry = u64::from(list) << 32 | u64::from(rng.next_u32() % StatusList::ENTRIES);
            if !self.transaction.only(taken, values![credential_type, entry], |row| row.get::<bool>(0))? {
                return Ok(entry);
            }
        }
    }

    /// The lists on which an enrolment has entries of twins.
    pub(crate) fn lists_of(&self, credential_type: &str, enrolment: u64) -> Result<Vec<u32>, IssuerError> {
        let query = "SELECT DISTINCT entry >> 32 FROM status_entry WHERE credential_type = ?1 AND enrolment = ?2";
        self.transaction.all(query, values![credential_type, enrolment], |row| row.get(0))
    }

    /// Whether a list was opened.
    pub(crate) fn has_list(&self, credential_type: &str, number: u32) -> Result<bool, IssuerError> {
        let query = "SELECT EXISTS (SELECT 1 FROM status_list WHERE credential_type = ?1 AND number = ?2)";
        self.transaction.only(query, values![credential_type, number], |row| row.get(0))
    }
}
