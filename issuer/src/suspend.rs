//! Suspension: withdrawal for now. It can end, and nothing new is issued while it lasts (ISSU-19).

use protocol::credential::StatusMethod;

use crate::error::IssuerError;
use crate::issuer::{Issuer, TypeEntry};
use crate::register::PersonId;
use crate::store::{AuditEvent, Writer};

/// What a suspension, or its end, changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspension {
    /// It was suspended, or good again, now.
    Changed,
    /// It was so before; nothing changed.
    Unchanged,
}

impl Issuer {
    /// Suspends the person's credential of a type, and everything else of its enrolment, until
    /// [`reinstate`](Self::reinstate). Repeating it changes nothing. [`Issuer::publish`] makes it known for types with status
    /// lists, the next [epoch](Self::advance_epoch) for the others.
    ///
    /// # Errors
    /// [`IssuerError::CredentialTypeUnknown`], [`IssuerError::CredentialUnknown`] when the person never had one,
    /// [`IssuerError::CredentialRevoked`] when it was withdrawn for good, [`IssuerError::StorageUnavailable`].
    pub fn suspend(&self, person: &PersonId, credential_type: &str, now: u64) -> Result<Suspension, IssuerError> {
        self.change(person, credential_type, Some(now), AuditEvent::Suspended, now)
    }

    /// Ends a suspension. Repeating it changes nothing, and what was withdrawn for good stays withdrawn.
    ///
    /// # Errors
    /// As [`suspend`](Self::suspend), and [`IssuerError::Keys`].
    pub fn reinstate(&self, person: &PersonId, credential_type: &str, now: u64) -> Result<Suspension, IssuerError> {
        self.change(person, credential_type, None, AuditEvent::Reinstated, now)
    }

    /// Suspends everything a person holds, at once, as after a call that the phone is lost. Returns the types of which that changed
    /// anything.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`], [`IssuerError::Keys`].
    pub fn suspend_all(&self, person: &PersonId, now: u64) -> Result<Vec<String>, IssuerError> {
        self.change_all(person, Some(now), AuditEvent::Suspended, now)
    }

    /// Ends every suspension of a person's credentials, as when the phone is found. Returns the types of which that changed
    /// anything.
    ///
    /// # Errors
    /// As [`suspend_all`](Self::suspend_all).
    pub fn reinstate_all(&self, person: &PersonId, now: u64) -> Result<Vec<String>, IssuerError> {
        self.change_all(person, None, AuditEvent::Reinstated, now)
    }

    fn change_all(
        &self,
        person: &PersonId,
        since: Option<u64>,
        event: AuditEvent,
        now: u64,
    ) -> Result<Vec<String>, IssuerError> {
        self.store.write(|store| {
            let mut types = Vec::new();
            for credential in store.issued(person)?.into_iter().filter(|it| it.revoked_at.is_none()) {
                let entry = self.entry(&credential.credential_type)?;
                let changed = self.change_in(store, entry, person, credential.handle, since, event, now)?;
                if changed == Suspension::Changed {
                    types.push(credential.credential_type);
                }
            }
            if since.is_some() {
                store.end_renewals(person, None)?; // VCI-29
            }
            Ok(types)
        })
    }

    fn change(
        &self,
        person: &PersonId,
        credential_type: &str,
        since: Option<u64>,
        event: AuditEvent,
        now: u64,
    ) -> Result<Suspension, IssuerError> {
        let entry = self.entry(credential_type)?;
        self.store.write(|store| {
            if since.is_some() {
                store.end_renewals(person, Some(credential_type))?; // VCI-29
            }
            let Some(handle) = store.active_handle(person, credential_type)? else {
                let had = store.issued(person)?.iter().any(|issued| issued.credential_type == credential_type);
                return Ok(Err(if had { IssuerError::CredentialRevoked } else { IssuerError::CredentialUnknown }));
            };
            self.change_in(store, entry, person, handle, since, event, now).map(Ok)
        })?
    }

    #[allow(clippy::too_many_arguments, reason = "time is an argument, never ambient")]
    pub(crate) fn change_in(
        &self,
        store: &Writer<'_>,
        entry: &TypeEntry,
        person: &PersonId,
        handle: u64,
        since: Option<u64>,
        event: AuditEvent,
        now: u64,
    ) -> Result<Suspension, IssuerError> {
        let id = &entry.credential_type.id;
        if !store.set_suspended(id, handle, since)? {
            return Ok(Suspension::Unchanged);
        }
        store.audit(now, event, id, person.as_str(), handle)?;
        match entry.credential_type.status {
            StatusMethod::List => self.publish_lists_of(store, id, handle)?,
            StatusMethod::Epoch if since.is_none() => self.vouch_again(store, entry, handle)?,
            StatusMethod::Epoch => {}
        }
        Ok(Suspension::Changed)
    }

    /// Whoever was left out of the current epoch gets its token, and need not wait for the next.
    fn vouch_again(&self, store: &Writer<'_>, entry: &TypeEntry, handle: u64) -> Result<(), IssuerError> {
        let id = &entry.credential_type.id;
        match store.last_epoch(id)? {
            Some(epoch) if store.tokens(id, epoch.number, handle, handle)?.is_empty() => {
                self.add_current_token(store, entry, handle)
            }
            _ => Ok(()),
        }
    }
}
