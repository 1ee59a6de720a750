//! What the register tells an issuer: an entry has changed, or a person has died. What is no longer true is withdrawn (ISSU-21);
//! what the change does not touch stays as it is.

use crate::error::IssuerError;
use crate::issuer::Issuer;
use crate::register::PersonId;
use crate::withdraw::{RevocationReason, Withdrawal};

/// What happened to an entry of the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegisterEvent {
    /// These attributes have other values now.
    Changed(Vec<String>),
    /// The person has died.
    Deceased,
}

impl Issuer {
    /// Withdraws what is no longer true: after a change every credential of a type that has one of the attributes, after a death
    /// everything. Returns the types that were withdrawn now, for which a new offer can be made; a repeated event withdraws
    /// nothing.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn register_event(
        &self,
        person: &PersonId,
        event: &RegisterEvent,
        now: u64,
    ) -> Result<Vec<String>, IssuerError> {
        let reason = match event {
            RegisterEvent::Changed(_) => RevocationReason::EntryChanged,
            RegisterEvent::Deceased => RevocationReason::HolderDeceased,
        };
        self.store.write(|store| {
            let mut withdrawn = Vec::new();
            for credential in store.issued(person)?.into_iter().filter(|it| it.revoked_at.is_none()) {
                let entry = self.entry(&credential.credential_type)?;
                let touched = match event {
                    RegisterEvent::Changed(names) => {
                        names.iter().any(|name| entry.credential_type.position(name).is_some())
                    }
                    RegisterEvent::Deceased => true,
                };
                // ISSU-21
                if touched
                    && self.revoke_in(store, entry, person, credential.handle, reason, now)? == Withdrawal::Revoked
                {
                    withdrawn.push(credential.credential_type);
                }
            }
            Ok(withdrawn)
        })
    }
}
