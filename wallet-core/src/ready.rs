//! Ready-made answers that are drawn at once (`specs/wallet-file.md`, "Prepared answers").
//!
//! They are kept in memory only. What a crash leaves behind holds none, so none can be used twice; a copied or restored
//! wallet file neither. Locking erases them.

use std::collections::BTreeMap;

use protocol::credential::Day;
use protocol::exchange::{Freshness, Prepared, PresentError, Query};
use rand_core::CryptoRng;

use crate::contents::{self, CredentialId, StoredCredential};
use crate::error::WalletError;
use crate::presenting;
use crate::wallet::{Open, Wallet};

/// Answers kept of each kind: a code is renewed every half minute, and one takes milliseconds to make.
const KEPT: usize = 3;

/// Prepared answers by credential and name, oldest first.
#[derive(Default)]
pub(crate) struct Ready(BTreeMap<(CredentialId, String), Vec<Kept>>);

struct Kept {
    prepared: Prepared,
    /// Height of the trust data it was made under.
    height: u64,
}

impl Ready {
    /// Takes one out, for good. What is out of date is dropped on the way.
    fn take(
        &mut self,
        id: &CredentialId,
        profile: &str,
        height: u64,
        day: Day,
        epoch: Option<u32>,
    ) -> Option<Prepared> {
        let kept = self.0.get_mut(&(*id, profile.to_owned()))?;
        kept.retain(|kept| kept.height == height && kept.prepared.day() == day && kept.prepared.epoch() == epoch);
        kept.pop().map(|kept| kept.prepared)
    }

    /// Forgets all: the data they were made from has changed.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets those of one credential, which is gone.
    pub(crate) fn forget(&mut self, id: &CredentialId) {
        self.0.retain(|(of, _), _| of != id);
    }

    fn count(&self, id: &CredentialId, profile: &str) -> usize {
        self.0.get(&(*id, profile.to_owned())).map_or(0, Vec::len)
    }
}

impl Wallet {
    /// Prepares one more ready-made answer, and says whether it did: false when enough are ready. The app calls this when
    /// nothing else is to be done, until it is false. It does not count as use of the wallet, which locks itself as ever.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::TrustMissing`]. An answer that cannot be made (no token, expired) is left
    /// out here; the owner learns the reason when showing it.
    pub fn prepare_next(&self, now: u64, rng: &mut dyn CryptoRng) -> Result<bool, WalletError> {
        self.with_open_unused(now, |open| {
            let kinds = kinds(open)?;
            forget_void(open, &kinds, now)?;
            for (id, profile, query) in kinds {
                if open.ready.count(&id, &profile) >= KEPT {
                    continue;
                }
                let Ok(prepared) = presenting::prepare(open, &id, &query, now, rng) else { continue };
                let height = open.trust()?.height();
                open.ready.0.entry((id, profile)).or_default().push(Kept { prepared, height });
                return Ok(true);
            }
            Ok(false)
        })
    }

    /// How many answers are ready, by credential and name of the answer: each that can be shown, and whatever else is kept.
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::TrustMissing`]
    pub fn ready(&self, now: u64) -> Result<Vec<(CredentialId, String, usize)>, WalletError> {
        self.with_open_unused(now, |open| {
            let kinds = kinds(open)?;
            forget_void(open, &kinds, now)?;
            let mut counts: BTreeMap<_, _> = kinds.into_iter().map(|(id, profile, _)| ((id, profile), 0)).collect();
            counts.extend(open.ready.0.iter().map(|(kind, kept)| (kind.clone(), kept.len())));
            Ok(counts.into_iter().map(|((id, profile), count)| (id, profile, count)).collect())
        })
    }
}

/// Forgets every answer that can be shown no more: of another day, token or trust data, of a credential that is withdrawn.
fn forget_void(open: &mut Open, kinds: &[(CredentialId, String, Query)], now: u64) -> Result<(), WalletError> {
    for (id, profile, _) in kinds {
        let (height, day, epoch) = moment(open, id, now)?;
        if let Some(kept) = open.ready.0.get_mut(&(*id, profile.clone())) {
            kept.retain(|kept| kept.height == height && kept.prepared.day() == day && kept.prepared.epoch() == epoch);
        }
    }
    open.ready.0.retain(|_, kept| !kept.is_empty());
    Ok(())
}

/// Takes a prepared answer and binds it to `now`; none when none is ready.
pub(crate) fn finish(
    open: &mut Open,
    id: &CredentialId,
    profile: &str,
    now: u64,
) -> Result<Option<Vec<u8>>, WalletError> {
    let (height, day, epoch) = moment(open, id, now)?;
    // Out of the store before anything of it is seen.
    let Some(prepared) = open.ready.take(id, profile, height, day, epoch) else { return Ok(None) };
    let freshness = Freshness { made_at: now, request: None };
    let stored = contents::find::<StoredCredential>(open.store.read(), id)?.ok_or(WalletError::NoSuchCredential)?;
    crate::trust::check_not_withdrawn(open, id, &stored)?;
    let device = presenting::device(open, id, &stored);
    let signer = device.as_ref().map(|device| device as &dyn protocol::crypto::keys::Signer);
    match prepared.finish(freshness, signer) {
        Ok(presentation) => Ok(Some(presentation.encode())),
        Err(PresentError::KeystoreFault) => Err(device.map_or(WalletError::KeystoreFault, |device| device.fault())),
        Err(other) => Err(other.into()),
    }
}

/// Under which trust data, on which day and with which token an answer would be made now.
fn moment(open: &Open, id: &CredentialId, now: u64) -> Result<(u64, Day, Option<u32>), WalletError> {
    let token = crate::trust::token(open.store.read(), id)?;
    let epoch = token.and_then(|(epoch, signature)| signature.map(|_| epoch));
    Ok((open.trust()?.height(), Day::in_korea(now), epoch))
}

/// Every ready-made answer of every credential.
fn kinds(open: &Open) -> Result<Vec<(CredentialId, String, Query)>, WalletError> {
    let mut kinds = Vec::new();
    for (id, stored) in contents::all::<StoredCredential>(open.store.read())? {
        let Some(known) = open.trust()?.credential_type(&stored.credential.credential_type) else { continue };
        let queries = known.profiles.iter().map(|profile| (id, profile.id.clone(), Query::of_profile(known, profile)));
        // A one-time copy is taken when it is used, not when it might be.
        kinds.extend(queries.filter(|(_, _, query)| query.binding == stored.credential.binding()));
    }
    Ok(kinds)
}
