//! Withdrawal: for good, and known to everyone by a list or by the next epoch.

use protocol::credential::{Day, StatusList, StatusMethod};
use protocol::exchange::{StatusToken, StatusTokens, status_token_number};
use protocol::ledger::IssuerKeyId;

use crate::error::IssuerError;
use crate::issuer::{Issuer, TypeEntry};
use crate::register::PersonId;
use crate::store::{AuditEvent, Epoch, PublicationKind, Writer};

/// A slice has at least this many tokens on average, so that fetching one says little about the holder.
const SLICE_TOKENS: u64 = 16_384;
/// Handles have 63 bits.
const HANDLE_BITS: u8 = 63;

/// Why a credential is withdrawn. The reason stays with the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// The right it attests was taken away.
    RightWithdrawn = 1,
    /// The phone was lost or stolen.
    PhoneLost = 2,
    /// The holder has died.
    HolderDeceased = 3,
    /// The register's entry has changed.
    EntryChanged = 4,
    /// It was issued by mistake or fraud.
    IssuedInError = 5,
    /// A new one was issued in its place.
    Replaced = 6,
}

impl RevocationReason {
    /// As it is stored.
    pub(crate) fn read(number: u8) -> Option<Self> {
        let clerks = [Self::RightWithdrawn, Self::PhoneLost, Self::HolderDeceased, Self::IssuedInError];
        let own = [Self::EntryChanged, Self::Replaced];
        clerks.into_iter().chain(own).find(|reason| *reason as u8 == number)
    }
}

/// What a withdrawal changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It was withdrawn now.
    Revoked,
    /// It had been withdrawn before; nothing changed.
    AlreadyRevoked,
}

/// Which epoch of status tokens is current, and in how many slices its tokens come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct CurrentEpoch {
    /// Its number.
    pub epoch: u32,
    /// Unix seconds.
    pub opened_at: u64,
    /// A power of two. A handle is in slice `handle · slices / 2^63`, rounded down.
    pub slices: u32,
}

impl Issuer {
    /// Withdraws the person's credential of a type. Repeating it changes nothing; there is no way back.
    /// [`Issuer::publish`] makes it known.
    ///
    /// # Errors
    /// [`IssuerError::CredentialTypeUnknown`], [`IssuerError::CredentialUnknown`] when the person never had
    /// one, [`IssuerError::StorageUnavailable`].
    pub fn revoke(
        &self,
        person: &PersonId,
        credential_type: &str,
        reason: RevocationReason,
        now: u64,
    ) -> Result<Withdrawal, IssuerError> {
        let entry = self.entry(credential_type)?;
        self.store.write(|store| {
            let outcome = match store.active_handle(person, credential_type)? {
                Some(handle) => self.revoke_in(store, entry, person, handle, reason, now)?,
                None if store.issued(person)?.iter().any(|c| c.credential_type == credential_type) => {
                    Withdrawal::AlreadyRevoked
                }
                None => return Err(IssuerError::CredentialUnknown),
            };
            forbid_renewals(store, person, Some(credential_type), reason)?;
            Ok(outcome)
        })
    }

    /// Withdraws the credential with this handle.
    ///
    /// # Errors
    /// As [`Issuer::revoke`].
    pub fn revoke_handle(
        &self,
        credential_type: &str,
        handle: u64,
        reason: RevocationReason,
        now: u64,
    ) -> Result<Withdrawal, IssuerError> {
        let entry = self.entry(credential_type)?;
        self.store.write(|store| {
            let credential = store.by_handle(credential_type, handle)?.ok_or(IssuerError::CredentialUnknown)?;
            let outcome = self.revoke_in(store, entry, &credential.person, handle, reason, now)?;
            forbid_renewals(store, &credential.person, Some(credential_type), reason)?;
            Ok(outcome)
        })
    }

    /// Withdraws everything a person holds, as after the loss of a phone or a death. Returns how many
    /// credentials that were.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn revoke_all(&self, person: &PersonId, reason: RevocationReason, now: u64) -> Result<usize, IssuerError> {
        self.store.write(|store| {
            let mut count = 0;
            for credential in store.issued(person)?.iter().filter(|credential| credential.revoked_at.is_none()) {
                let entry = self.entry(&credential.credential_type)?;
                self.revoke_in(store, entry, person, credential.handle, reason, now)?;
                count += 1;
            }
            forbid_renewals(store, person, None, reason)?;
            Ok(count)
        })
    }

    /// Withdraws inside a transaction, with everything that follows from it.
    pub(crate) fn revoke_in(
        &self,
        store: &Writer<'_>,
        entry: &TypeEntry,
        person: &PersonId,
        handle: u64,
        reason: RevocationReason,
        now: u64,
    ) -> Result<Withdrawal, IssuerError> {
        let id = &entry.credential_type.id;
        if !store.revoke(id, handle, reason as u8, now)? {
            return Ok(Withdrawal::AlreadyRevoked); // ISSU-11
        }
        store.audit(now, AuditEvent::Revoked, id, person.as_str(), handle)?;
        if entry.credential_type.status == StatusMethod::List {
            self.publish_lists_of(store, id, handle)?;
        }
        Ok(Withdrawal::Revoked)
    }

    /// Publishes every list on which an enrolment has entries.
    pub(crate) fn publish_lists_of(
        &self,
        store: &Writer<'_>,
        credential_type: &str,
        handle: u64,
    ) -> Result<(), IssuerError> {
        let mut lists = store.lists_of(credential_type, handle)?;
        lists.push((handle >> 32) as u32);
        lists.sort_unstable();
        lists.dedup();
        lists.into_iter().try_for_each(|list| store.publish_later(PublicationKind::StatusList, credential_type, list))
    }

    /// A status list as it stands now.
    ///
    /// # Errors
    /// [`IssuerError::StorageUnavailable`].
    pub fn status_list(&self, credential_type: &str, number: u32) -> Result<StatusList, IssuerError> {
        self.store.read(|store| store.status_list(credential_type, number))
    }

    /// Opens the first status list of every type that uses lists, so that verifiers have it before anybody
    /// is on it.
    pub(crate) fn open_first_lists(&self) -> Result<(), IssuerError> {
        self.store.write(|store| {
            let types = self.types.values().map(|entry| &entry.credential_type);
            for listed in types.filter(|credential_type| credential_type.status == StatusMethod::List) {
                store.list_for_new(&listed.id)?;
            }
            Ok(())
        })
    }

    /// Opens the next epoch of a type: signs tokens for every handle that is neither withdrawn, suspended nor
    /// expired. Returns the epoch's number; [`Issuer::publish`] makes it known.
    ///
    /// # Errors
    /// [`IssuerError::CredentialTypeUnknown`], [`IssuerError::StatusMethodMismatch`] for a type with status
    /// lists, [`IssuerError::Keys`], [`IssuerError::StorageUnavailable`].
    pub fn advance_epoch(&self, credential_type: &str, now: u64) -> Result<u32, IssuerError> {
        let entry = self.entry(credential_type)?;
        if entry.credential_type.status != StatusMethod::Epoch {
            return Err(IssuerError::StatusMethodMismatch);
        }
        let today = Day::in_korea(now);
        let (number, handles) = self.store.read(|store| {
            let last = store.last_epoch(credential_type)?.map_or(0, |epoch| epoch.number);
            Ok((last + 1, store.good_handles(credential_type, today)?))
        })?;
        // Signing takes long, so it happens before the lock; what changed meanwhile is seen to inside.
        let early = self.sign_tokens(entry, number, &handles)?;
        self.store.write(|store| {
            // Another instance, or another clerk, opened one meanwhile: whatever was withdrawn before is left out of that.
            if let Some(newer) = store.last_epoch(credential_type)?.filter(|epoch| epoch.number >= number) {
                return Ok(newer.number);
            }
            let good = store.good_handles(credential_type, today)?;
            let slices = ((good.len() as u64 / SLICE_TOKENS).max(1).ilog2() as u8).min(StatusTokens::SLICE_BITS_MAX);
            store.add_epoch(credential_type, &Epoch { number, opened_at: now, slice_bits: slices })?;
            // ISSU-12
            let is_good = |token: &&StatusToken| good.binary_search(&token.handle).is_ok();
            for token in early.iter().filter(is_good) {
                store.add_token(credential_type, number, token)?;
            }
            let late: Vec<u64> = good.iter().copied().filter(|handle| handles.binary_search(handle).is_err()).collect();
            for token in self.sign_tokens(entry, number, &late)? {
                store.add_token(credential_type, number, &token)?;
            }
            store.publish_later(PublicationKind::StatusEpoch, credential_type, number)?;
            store.audit(now, AuditEvent::EpochOpened, credential_type, "", u64::from(number))?;
            Ok(number)
        })
    }

    /// Opens the next epoch of those of these types that have epochs, so that what was withdrawn among them is known before the
    /// day is over.
    ///
    /// # Errors
    /// As [`advance_epoch`](Self::advance_epoch).
    pub fn advance_epochs(&self, types: &[String], now: u64) -> Result<(), IssuerError> {
        for id in types {
            if self.entry(id)?.credential_type.status == StatusMethod::Epoch {
                self.advance_epoch(id, now)?;
            }
        }
        Ok(())
    }

    /// The current epoch of the type that this key signs.
    ///
    /// # Errors
    /// [`IssuerError::CredentialTypeUnknown`], [`IssuerError::StatusMethodMismatch`] when there is none.
    pub fn current_epoch(&self, key_id: &IssuerKeyId) -> Result<CurrentEpoch, IssuerError> {
        let id = &self.entry_by_key(key_id)?.credential_type.id;
        let epoch = self.store.read(|store| store.last_epoch(id))?.ok_or(IssuerError::StatusMethodMismatch)?;
        Ok(CurrentEpoch { epoch: epoch.number, opened_at: epoch.opened_at, slices: 1 << epoch.slice_bits })
    }

    /// One public slice of the current epoch's tokens.
    ///
    /// # Errors
    /// [`IssuerError::CredentialTypeUnknown`], [`IssuerError::StatusMethodMismatch`] when the epoch is not the
    /// current one or has no such slice.
    pub fn status_tokens(&self, key_id: &IssuerKeyId, epoch: u32, slice: u32) -> Result<StatusTokens, IssuerError> {
        let id = &self.entry_by_key(key_id)?.credential_type.id;
        self.store.read(|store| {
            let current = store.last_epoch(id)?.filter(|current| current.number == epoch);
            let current = current.ok_or(IssuerError::StatusMethodMismatch)?;
            if u64::from(slice) >= 1 << current.slice_bits {
                return Err(IssuerError::StatusMethodMismatch);
            }
            let width = 1u64 << (HANDLE_BITS - current.slice_bits);
            let first = u64::from(slice) * width;
            Ok(StatusTokens { epoch, tokens: store.tokens(id, epoch, first, first + (width - 1))? })
        })
    }

    /// Gives a credential issued in the middle of an epoch its token, so that it is usable at once.
    pub(crate) fn add_current_token(
        &self,
        store: &Writer<'_>,
        entry: &TypeEntry,
        handle: u64,
    ) -> Result<(), IssuerError> {
        let id = &entry.credential_type.id;
        let Some(epoch) = store.last_epoch(id)? else { return Ok(()) };
        for token in self.sign_tokens(entry, epoch.number, &[handle])? {
            store.add_token(id, epoch.number, &token)?;
        }
        Ok(())
    }

    fn sign_tokens(&self, entry: &TypeEntry, epoch: u32, handles: &[u64]) -> Result<Vec<StatusToken>, IssuerError> {
        let numbers: Vec<_> = handles.iter().map(|handle| status_token_number(*handle, epoch)).collect();
        let signatures = self.keys.sign_status(&entry.credential_type.id, &numbers)?;
        Ok(handles
            .iter()
            .zip(signatures)
            .map(|(handle, signature)| StatusToken { handle: *handle, signature })
            .collect())
    }
}

/// After a withdrawal for any other reason than a change of the register's entry, nobody gets anew what such a change withdrew
/// before (VCI-29).
pub(crate) fn forbid_renewals(
    store: &Writer<'_>,
    person: &PersonId,
    credential_type: Option<&str>,
    reason: RevocationReason,
) -> Result<(), IssuerError> {
    if reason == RevocationReason::EntryChanged { Ok(()) } else { store.end_renewals(person, credential_type) }
}
