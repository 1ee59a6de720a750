//! What the owner holds, as the card list shows it.

use protocol::credential::{CredentialType, Day, Encoding, Label, Status, Value};
use protocol::exchange::{PortraitError, check_portrait};
use protocol::identifier::Did;

use crate::activity::{self, Event};
use crate::contents::{self, CredentialId, StoredCredential};
use crate::error::WalletError;
use crate::foreign::{self, StoredForeign, forget_grants};
use crate::issuance::remove_credential;
use crate::openid4vci::Format;
use crate::trust;
use crate::wallet::{Open, Wallet};

/// Whether a credential can be used, as far as the installed data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// It can.
    Usable,
    /// Its last day is over.
    Expired,
    /// The issuer suspended it: it may come back.
    Suspended,
    /// The issuer withdrew it.
    Withdrawn,
}

/// A credential on the owner's own screen.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldCredential {
    /// Its name within this wallet.
    pub id: CredentialId,
    /// The format of others that it is in; none for our own.
    pub format: Option<Format>,
    /// The type's id: of formats of others `vct`, doctype, or the type of a W3C credential as its context defines it.
    pub credential_type: String,
    /// What people call it.
    pub name: Label,
    /// Who issued it.
    pub issuer: Did,
    /// Last day of validity.
    pub expiry: Day,
    /// Whether it can be used.
    pub state: CredentialState,
    /// How many answers it still has that are each signed with a device key of their own; none in types without. Of a format
    /// of others: copies that nobody has seen; when there is none, the last one is shown again.
    pub copies: Option<usize>,
    /// The holder's picture, a PNG, if it was fetched.
    pub portrait: Option<Vec<u8>>,
    /// Display name and value of each attribute, as people read them.
    pub attributes: Vec<(Label, Label)>,
    /// Ids and names of the ready-made answers.
    pub profiles: Vec<(String, Label)>,
}

impl core::fmt::Debug for HeldCredential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HeldCredential({} {:?} [redacted])", self.credential_type, self.state)
    }
}

impl Wallet {
    /// All credentials, in the order in which they were received.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::TrustMissing`], [`WalletError::IssuerNotTrusted`] when the ledger
    /// no longer knows a credential's type.
    pub fn credentials(&self, now: u64) -> Result<Vec<HeldCredential>, WalletError> {
        self.with_open(now, |open| {
            let all = contents::all::<StoredCredential>(open.store.read())?;
            let own = all.iter().map(|(id, stored)| Ok((stored.received_at, describe(open, id, stored, now)?)));
            let mut described = own.collect::<Result<Vec<_>, WalletError>>()?;
            described.extend(foreign::describe_all(open, now)?);
            described.sort_by_key(|(received_at, _)| *received_at);
            Ok(described.into_iter().map(|(_, held)| held).collect())
        })
    }

    /// What the ledger says of a credential type: what people call it, its attributes and its ready-made answers.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::TrustMissing`]
    pub fn credential_type(&self, id: &str, now: u64) -> Result<Option<CredentialType>, WalletError> {
        self.with_open(now, |open| Ok(open.trust()?.credential_type(id).cloned()))
    }

    /// Whether the credential has the digest of a picture that the wallet does not have yet. The app fetches it with the
    /// request the credential was issued on (ISSU-10).
    ///
    /// # Errors
    /// [`WalletError::NoSuchCredential`], [`WalletError::TrustMissing`], [`WalletError::Locked`]
    pub fn lacks_portrait(&self, id: &CredentialId, now: u64) -> Result<bool, WalletError> {
        self.with_open(now, |open| {
            let stored =
                contents::find::<StoredCredential>(open.store.read(), id)?.ok_or(WalletError::NoSuchCredential)?;
            Ok(stored.portrait.is_none() && portrait_digest(open, &stored)?.is_some())
        })
    }

    /// Keeps the picture whose digest is in the credential, to be passed on where it is asked for.
    ///
    /// # Errors
    /// [`WalletError::Portrait`] for another picture, or a credential without one; [`WalletError::NoSuchCredential`],
    /// [`WalletError::TrustMissing`], [`WalletError::Locked`]
    pub fn keep_portrait(&self, id: &CredentialId, image: &[u8], now: u64) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let mut stored =
                contents::find::<StoredCredential>(open.store.read(), id)?.ok_or(WalletError::NoSuchCredential)?;
            let digest = portrait_digest(open, &stored)?.ok_or(PortraitError::DigestMismatch)?;
            check_portrait(image, &digest)?; // ISSU-10
            stored.portrait = Some(image.to_vec());
            open.store.change(|transaction| {
                contents::put(transaction, id, &stored);
                Ok(())
            })
        })
    }

    /// Deletes a credential and its key. The issuer does not learn of it.
    ///
    /// # Errors
    /// [`WalletError::NoSuchCredential`], [`WalletError::Locked`]
    pub fn delete_credential(&self, id: &CredentialId, now: u64) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let own = contents::find::<StoredCredential>(open.store.read(), id)?;
            let foreign = contents::find::<StoredForeign>(open.store.read(), id)?;
            let (credential_type, mut aliases) = match (own, foreign) {
                (Some(stored), _) => (stored.credential.credential_type.clone(), stored.key_aliases(id)),
                (None, Some(stored)) => (stored.offered.kind.clone(), stored.key_aliases(id)),
                (None, None) => return Err(WalletError::NoSuchCredential),
            };
            let unused = open.store.change(|transaction| {
                let (gone, held): (Vec<_>, Vec<_>) =
                    contents::all::<StoredForeign>(transaction)?.into_iter().partition(|(other, _)| other == id);
                remove_credential(transaction, id);
                contents::remove::<StoredForeign>(transaction, id);
                activity::append(transaction, now, &Event::Deleted { credential_type })?;
                Ok(forget_grants(transaction, &gone, &held, None))
            })?;
            aliases.extend(unused);
            open.ready.forget(id);
            aliases.iter().try_for_each(|alias| Ok(open.area.delete_key(alias)?))
        })
    }
}

/// The digest of a picture among a credential's attributes.
pub(crate) fn portrait_digest(open: &Open, stored: &StoredCredential) -> Result<Option<Vec<u8>>, WalletError> {
    let credential = &stored.credential;
    let known = open.trust()?.credential_type(&credential.credential_type).ok_or(WalletError::IssuerNotTrusted)?;
    let digest = known.attributes.iter().zip(&credential.values).find_map(|(attribute, value)| {
        match (&attribute.encoding, value) {
            (Encoding::Digest, Value::Bytes(digest)) => Some(digest.clone()),
            _ => None,
        }
    });
    Ok(digest)
}

fn describe(
    open: &Open,
    id: &CredentialId,
    stored: &StoredCredential,
    now: u64,
) -> Result<HeldCredential, WalletError> {
    let credential = &stored.credential;
    let known = open.trust()?.credential_type(&credential.credential_type).ok_or(WalletError::IssuerNotTrusted)?;
    let state = match trust::check_not_withdrawn(open, id, stored) {
        Err(WalletError::CredentialWithdrawn) => match trust::listed(open, stored)? {
            Some(Status::Suspended) => CredentialState::Suspended,
            _ => CredentialState::Withdrawn,
        },
        Err(other) => return Err(other),
        Ok(()) if credential.expiry < Day::in_korea(now) => CredentialState::Expired,
        Ok(()) => CredentialState::Usable,
    };
    let values = known.attributes.iter().zip(&credential.values).enumerate();
    let rendered = values.map(|(position, (attribute, value))| {
        let render = |lang| known.render_value(position, value, lang);
        (attribute.display.clone(), Label { ko: render("ko"), en: render("en") })
    });
    Ok(HeldCredential {
        id: *id,
        format: None,
        credential_type: credential.credential_type.clone(),
        name: known.name.clone(),
        issuer: stored.issuer.clone(),
        expiry: credential.expiry,
        state,
        portrait: stored.portrait.clone(),
        copies: (known.bound_copies > 0).then(|| stored.copies.as_ref().map_or(0, Vec::len)),
        attributes: rendered.collect(),
        profiles: known.profiles.iter().map(|profile| (profile.id.clone(), profile.name.clone())).collect(),
    })
}
