//! Enrolment: a person is entitled to credentials of a type, in whatever format a wallet fetches them.

use protocol::credential::Day;
use rand_core::CryptoRng;

use crate::claims;
use crate::error::IssuerError;
use crate::issuer::{Issuer, TypeEntry};
use crate::register::{Person, PersonId, PersonState};
use crate::store::{AuditEvent, NewCredential, Writer};
use crate::withdraw::RevocationReason;

/// One act of issuing: the type, and what withdrawal refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enrolment {
    /// The type's id.
    pub credential_type: String,
    /// What withdrawal refers to, as in [`IssuedCredential`](crate::IssuedCredential).
    pub handle: u64,
}

impl Issuer {
    /// Enrols a person whose identity was proofed, without a ZK credential: for wallets that hold other formats.
    /// [`Issuer::issue`] enrols, too.
    ///
    /// # Errors
    /// [`IssuerError::TwinUnavailable`] for a type without twins, [`IssuerError::PersonDeceased`],
    /// [`IssuerError::AlreadyActive`] unless `replaces`, [`IssuerError::CredentialSuspended`], and those of register and storage.
    pub fn enrol<R: CryptoRng + ?Sized>(
        &self,
        person: &PersonId,
        credential_type: &str,
        replaces: bool,
        now: u64,
        rng: &mut R,
    ) -> Result<Enrolment, IssuerError> {
        let entry = self.entry(credential_type)?;
        let person = self.register.person(person)?;
        self.store.write(|store| self.enrol_in(store, entry, &person, replaces, now, rng))
    }

    /// The enrolment that a person has now for a type.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn enrolment(&self, person: &PersonId, credential_type: &str) -> Result<Option<Enrolment>, IssuerError> {
        let handle = self.store.read(|store| store.active_handle(person, credential_type))?;
        Ok(handle.map(|handle| Enrolment { credential_type: credential_type.to_owned(), handle }))
    }

    /// [`Issuer::enrol`] inside a transaction.
    pub(crate) fn enrol_in<R: CryptoRng + ?Sized>(
        &self,
        store: &Writer<'_>,
        entry: &TypeEntry,
        person: &Person,
        replaces: bool,
        now: u64,
        rng: &mut R,
    ) -> Result<Enrolment, IssuerError> {
        let id = &entry.credential_type.id;
        self.twins(id).ok_or(IssuerError::TwinUnavailable)?;
        if person.state == PersonState::Deceased {
            return Err(IssuerError::PersonDeceased);
        }
        claims::values(&entry.credential_type, person)?;
        match store.active_handle(&person.id, id)? {
            Some(old) if store.is_suspended(id, old)? => return Err(IssuerError::CredentialSuspended), // ISSU-19
            Some(_) if !replaces => return Err(IssuerError::AlreadyActive),
            Some(old) => drop(self.revoke_in(store, entry, &person.id, old, RevocationReason::Replaced, now)?),
            None => {}
        }
        let (handle, list) = store.new_handle(&entry.credential_type, rng)?;
        let mut idempotency_key = [0; 16];
        rng.fill_bytes(&mut idempotency_key);
        store.add_credential(&NewCredential {
            idempotency_key: &idempotency_key,
            request_digest: &[0; 32],
            response: None,
            person,
            credential_type: id,
            handle,
            device_key_digest: &[0; 32],
            issued_at: now,
            expiry: Day::in_korea(now).plus(entry.credential_type.validity_days),
        })?;
        if let Some(number) = list {
            store.use_list_entry(id, number)?;
        }
        store.audit(now, AuditEvent::Issued, id, person.id.as_str(), handle)?;
        Ok(Enrolment { credential_type: id.clone(), handle })
    }
}
