//! The same with a wallet file: nothing that was received is lost, and nothing is asked for twice with other keys.

use protocol::crypto::keys::PublicKey;
use protocol::crypto::multikey::StandardSigner;
use protocol::crypto::x509::Root;
use rand_core::CryptoRng;

use super::{
    Answer, Keys, Offered, Progress, ReceiveError, Receiving, Request, Sheet, Trusted, Vouching, WalletProvider,
    WayBack,
};
use crate::activity::{self, Event};
use crate::contents::{self, CredentialId};
use crate::error::WalletError;
use crate::foreign::{ForeignCopy, StoredForeign, StoredHolder, StoredReceiving, forget_grants};
use crate::secure_area::{SecureArea, StandardDeviceKey};
use crate::wallet::{Open, Wallet};

/// Most copies of a credential that are asked for at once.
const COPIES: u32 = 8;

impl Wallet {
    /// The roots that may vouch for issuers: those on the ledger.
    ///
    /// # Errors
    /// [`WalletError::TrustMissing`], [`WalletError::Locked`]
    pub fn certificate_roots(&self, now: u64) -> Result<Vec<Root>, WalletError> {
        self.with_open(now, |open| Ok(open.trust()?.certificate_roots()))
    }

    /// Begins to take up an offer with the owner's consent, and keeps that before anything is sent (VCI-44). An offer that is
    /// being taken up goes on where it was, with the same keys.
    ///
    /// # Errors
    /// [`WalletError::Receive`], [`WalletError::KeystoreFault`], [`WalletError::StorageFull`], [`WalletError::Locked`]
    pub fn begin_receiving(
        &self,
        sheet: Sheet,
        tx_code: Option<&str>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<CredentialId, WalletError> {
        let receiving = sheet.accept(tx_code, rng)?;
        self.with_open(now, |open| {
            let under_way = contents::all::<StoredReceiving>(open.store.read())?;
            if let Some((id, _)) = under_way.iter().find(|(_, stored)| stored.receiving.same_offer(&receiving)) {
                return Ok(*id);
            }
            begin(open, receiving, rng)
        })
    }

    /// Begins to get credentials by logging in at the issuer's page, with the owner's consent. What [`Wallet::receiving_request`]
    /// gives first tells the issuer so; then the browser opens [`Wallet::log_in_page`], and the app hands the address that it is opened with
    /// to [`Wallet::logged_in`]. Log-ins at the same issuer of which nothing came are over then.
    ///
    /// # Errors
    /// As [`Wallet::begin_receiving`].
    pub fn begin_log_in(
        &self,
        sheet: Sheet,
        back: &WayBack<'_>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<CredentialId, WalletError> {
        let receiving = sheet.log_in(back, rng)?;
        self.with_open(now, |open| {
            for (id, stored) in contents::all::<StoredReceiving>(open.store.read())? {
                if stored.receiving.is_only_a_log_in() && stored.receiving.issuer() == receiving.issuer() {
                    keep(open, &id, &stored, &[], None, now)?;
                }
            }
            begin(open, receiving, rng)
        })
    }

    /// The page that the owner's browser opens now, if one has to be.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::Locked`]
    pub fn log_in_page(&self, id: &CredentialId, now: u64) -> Result<Option<String>, WalletError> {
        self.with_open(now, |open| Ok(under_way(open, id)?.receiving.page()))
    }

    /// Takes the address that the app was opened with when the owner came back from the issuer's page, and says what it belongs
    /// to: that goes on with [`Wallet::receiving_request`]. A refusal, or an answer by somebody else, ends the log-in.
    ///
    /// # Errors
    /// [`WalletError::Receive`], with [`ReceiveError::LogInUnknown`] when it belongs to none (VCI-82); [`WalletError::Locked`]
    pub fn logged_in(&self, address: &str, now: u64) -> Result<CredentialId, WalletError> {
        self.with_open(now, |open| {
            let all = contents::all::<StoredReceiving>(open.store.read())?;
            let found = all.into_iter().find(|(_, stored)| stored.receiving.is_answered_by(address));
            let (id, mut stored) = found.ok_or(ReceiveError::LogInUnknown)?;
            match under_way(open, &id)?.receiving.came_back(address) {
                Ok(receiving) => {
                    stored.receiving = receiving;
                    open.store.change(|transaction| {
                        contents::put(transaction, &id, &stored);
                        Ok(())
                    })?;
                    Ok(id)
                }
                Err(refusal) => {
                    keep(open, &id, &stored, &[], None, now)?;
                    Err(refusal.into())
                }
            }
        })
    }

    /// What was received from issuers that give it anew: for each of them what to ask them again. The answers go the way of an
    /// offer's, and the sheet to [`Wallet::begin_renewal`].
    ///
    /// # Errors
    /// [`WalletError::Locked`]
    pub fn renewals(&self, now: u64) -> Result<Vec<(CredentialId, Offered)>, WalletError> {
        self.with_open(now, |open| {
            let all = contents::all::<StoredReceiving>(open.store.read())?.into_iter();
            let resting = all.filter(|(_, stored)| stored.receiving.is_at_rest());
            let held = contents::all::<StoredForeign>(open.store.read())?;
            // What the owner deleted does not come back.
            let ids = |grant: &CredentialId| -> Vec<String> {
                let of_it = held.iter().filter(|(_, credential)| credential.grant == Some(grant.0));
                of_it.map(|(_, credential)| credential.offered.configuration.clone()).collect()
            };
            let renewals = resting.map(|(id, stored)| (id, Offered::again(&stored.receiving, ids(&id))));
            Ok(renewals.collect())
        })
    }

    /// Of [`Wallet::renewals`], those of which something was withdrawn, as far as the installed trust data says: after a change of
    /// the register the issuer gives it anew to the same phone (VCI-49).
    ///
    /// # Errors
    /// [`WalletError::TrustMissing`], [`WalletError::Locked`]
    pub fn withdrawn_renewals(&self, now: u64) -> Result<Vec<(CredentialId, Offered)>, WalletError> {
        let over: Vec<CredentialId> = self.with_open(now, |open| {
            let trust = open.trust()?;
            let held = contents::all::<StoredForeign>(open.store.read())?;
            let withdrawn = held.iter().filter(|(_, it)| it.is_withdrawn(trust));
            Ok(withdrawn.filter_map(|(_, it)| it.grant.map(CredentialId)).collect())
        })?;
        Ok(self.renewals(now)?.into_iter().filter(|(id, _)| over.contains(id)).collect())
    }

    /// Begins to get what was received anew, with new keys (VCI-48): the new credentials take the place of the old ones when
    /// all are there. Goes on like an offer.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::Receive`], [`WalletError::KeystoreFault`], [`WalletError::Locked`]
    pub fn begin_renewal(
        &self,
        id: &CredentialId,
        sheet: &Sheet,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let old = under_way(open, id)?;
            if !old.receiving.is_at_rest() {
                return Ok(());
            }
            if sheet.issuer() != old.receiving.issuer() {
                return Err(ReceiveError::IssuerMismatch.into());
            }
            let receiving = Receiving::renewing(sheet, &old.receiving, rng);
            let holders = new_holders(open.area.as_ref(), &receiving, rng)?;
            let stored = StoredReceiving { receiving, sender: old.sender, holders };
            open.store.change(|transaction| {
                contents::put(transaction, id, &stored);
                Ok(())
            })
        })
    }

    /// Offers that are being taken up: what goes on after a crash. Log-ins at whose page the owner still is are none of them.
    ///
    /// # Errors
    /// [`WalletError::Locked`]
    pub fn receiving(&self, now: u64) -> Result<Vec<CredentialId>, WalletError> {
        self.with_open(now, |open| {
            let all = contents::all::<StoredReceiving>(open.store.read())?;
            let waits = |receiving: &Receiving| receiving.is_at_rest() || receiving.is_only_a_log_in();
            let under_way = all.into_iter().filter(|(_, stored)| !waits(&stored.receiving));
            Ok(under_way.map(|(id, _)| id).collect())
        })
    }

    /// What to send next for an offer that is being taken up.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::Receive`], [`WalletError::Locked`]
    pub fn receiving_request(
        &self,
        id: &CredentialId,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Request, WalletError> {
        self.attested_receiving_request(id, None, now, rng)
    }

    /// [`Wallet::receiving_request`] with the word of the wallet's provider, for issuers that want it.
    ///
    /// # Errors
    /// As [`Wallet::receiving_request`].
    pub fn attested_receiving_request(
        &self,
        id: &CredentialId,
        provider: Option<&dyn WalletProvider>,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Request, WalletError> {
        self.with_open(now, |open| {
            let stored = under_way(open, id)?;
            with_keys(open.area.as_ref(), id, &stored, |keys| {
                Ok(stored.receiving.request(&Keys { provider, ..*keys }, now, rng)?)
            })
        })
    }

    /// When it is worth sending the next request, Unix seconds, while a clerk of the issuer looks (VCI-46).
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::Locked`]
    pub fn receiving_not_before(&self, id: &CredentialId, now: u64) -> Result<Option<u64>, WalletError> {
        self.with_open(now, |open| Ok(under_way(open, id)?.receiving.not_before()))
    }

    /// Takes the answer to [`Wallet::receiving_request`], and keeps what it brought (VCI-44). Gives the credentials once there are
    /// all; each replaces an older one of the same issuer, type and format.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`]; [`WalletError::Receive`], after which only [`Wallet::abandon_receiving`] is left, or
    /// to send the same again; [`WalletError::Locked`]
    pub fn receiving_answered(
        &self,
        id: &CredentialId,
        answer: &Answer,
        now: u64,
    ) -> Result<Option<Vec<CredentialId>>, WalletError> {
        self.with_open(now, |open| {
            let mut stored = under_way(open, id)?;
            let ledger = open.trust()?;
            let trusted = Trusted { roots: &ledger.certificate_roots(), ledger: Some(ledger) };
            let again = under_way(open, id)?.receiving;
            let progress =
                with_keys(open.area.as_ref(), id, &stored, |keys| Ok(again.answered(answer, keys, &trusted, now)?))?;
            match progress {
                Progress::More(next) => {
                    stored.receiving = *next;
                    open.store.change(|transaction| {
                        contents::put(transaction, id, &stored);
                        Ok(())
                    })?;
                    Ok(None)
                }
                Progress::Done(received) => {
                    let rest = under_way(open, id)?.receiving.at_rest();
                    keep(open, id, &stored, &received, rest, now).map(Some)
                }
            }
        })
    }

    /// Ends taking up an offer, and keeps what came of it so far.
    ///
    /// # Errors
    /// [`WalletError::NoSuchIssuance`], [`WalletError::Locked`]
    pub fn abandon_receiving(&self, id: &CredentialId, now: u64) -> Result<Vec<CredentialId>, WalletError> {
        self.with_open(now, |open| {
            let stored = under_way(open, id)?;
            keep(open, id, &stored, stored.receiving.received(), None, now)
        })
    }
}

/// Keeps what begins, with its keys, before anything is sent (VCI-44).
fn begin(open: &mut Open, receiving: Receiving, rng: &mut dyn CryptoRng) -> Result<CredentialId, WalletError> {
    let id = random_id(rng);
    let sender = open.area.create_key(&id.sender_alias(), rng)?;
    let holders = new_holders(open.area.as_ref(), &receiving, rng)?;
    let stored = StoredReceiving { receiving, sender, holders };
    open.store.change(|transaction| {
        contents::put(transaction, &id, &stored);
        Ok(())
    })?;
    Ok(id)
}

/// Keys for the copies of what is to be had.
fn new_holders(
    area: &dyn SecureArea,
    receiving: &Receiving,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<StoredHolder>, WalletError> {
    let copies = receiving.copies_max().clamp(1, COPIES) as u8;
    let holders = receiving.credentials().iter().map(|_| {
        let id = random_id(rng);
        let keys = (0..copies).map(|number| area.create_key(&id.copy_alias(number), rng));
        Ok(StoredHolder { id: id.0, keys: keys.collect::<Result<_, _>>()? })
    });
    holders.collect()
}

fn under_way(open: &Open, id: &CredentialId) -> Result<StoredReceiving, WalletError> {
    contents::find(open.store.read(), id)?.ok_or(WalletError::NoSuchIssuance)
}

fn random_id(rng: &mut dyn CryptoRng) -> CredentialId {
    let mut id = CredentialId([0; 16]);
    rng.fill_bytes(&mut id.0);
    id
}

/// Lends the keys of an offer that is being taken up.
fn with_keys<T>(
    area: &dyn SecureArea,
    id: &CredentialId,
    stored: &StoredReceiving,
    work: impl FnOnce(&Keys<'_>) -> Result<T, WalletError>,
) -> Result<T, WalletError> {
    let sender = StandardDeviceKey::new(area, id.sender_alias(), stored.sender)?;
    let key = |id: CredentialId, number: u8, key: &PublicKey| StandardDeviceKey::new(area, id.copy_alias(number), *key);
    let of_one = |holder: &StoredHolder| {
        (0..).zip(&holder.keys).map(|(number, public)| key(CredentialId(holder.id), number, public)).collect()
    };
    let holders = stored.holders.iter().map(of_one).collect::<Result<Vec<Vec<_>>, _>>()?;
    let holders: Vec<Vec<&dyn StandardSigner>> =
        holders.iter().map(|keys| keys.iter().map(|key| key as &dyn StandardSigner).collect()).collect();
    let holders: Vec<&[&dyn StandardSigner]> = holders.iter().map(Vec::as_slice).collect();
    work(&Keys { sender: &sender, holders: &holders, provider: None })
}

/// Makes credentials of what was received, in one change with the end of the issuance. What gets them anew stays, if there
/// is anything.
fn keep(
    open: &mut Open,
    id: &CredentialId,
    stored: &StoredReceiving,
    received: &[super::Received],
    rest: Option<Receiving>,
    now: u64,
) -> Result<Vec<CredentialId>, WalletError> {
    let rest = rest.filter(|_| !received.is_empty());
    let trust = open.trust()?;
    let mut new = Vec::new();
    for holder in &stored.holders {
        let number = |key: &protocol::crypto::multikey::Multikey| {
            let numbered = (0u8..).zip(&holder.keys);
            numbered.into_iter().find(|(_, public)| public.to_multicodec() == key.to_multicodec())
        };
        let copies = received.iter().filter_map(|it| {
            let (number, key) = number(&it.holder)?;
            Some((it, ForeignCopy { number, key: *key, content: it.credential.clone(), shown: false }))
        });
        let (from, copies): (Vec<_>, Vec<_>) = copies.unzip();
        let Some(first) = from.first() else { continue };
        let owner = match &first.vouching {
            Vouching::Root(root) => trust.certificate_owners(*root, now).next().ok_or(ReceiveError::IssuerUntrusted)?,
            Vouching::Did(did) => did,
        };
        new.push((
            CredentialId(holder.id),
            StoredForeign {
                offered: first.offered.clone(),
                issuer: owner.clone(),
                received_at: now,
                valid_until: from.iter().filter_map(|it| it.valid_until).min(),
                batch: copies.len() > 1,
                copies,
                grant: rest.is_some().then_some(id.0),
            },
        ));
    }
    let mut unused = stored.key_aliases(id);
    let sender = rest.is_some().then(|| id.sender_alias());
    let kept: Vec<_> = new.iter().flat_map(|(id, credential)| credential.key_aliases(id)).chain(sender).collect();
    let rest = rest.map(|receiving| StoredReceiving { receiving, sender: stored.sender, holders: Vec::new() });
    unused.retain(|alias| !kept.contains(alias));
    let replaced = open.store.change(|transaction| {
        let is_replaced = |credential: &StoredForeign| new.iter().any(|(_, new)| credential.replaced_by(new));
        let (gone, held): (Vec<_>, Vec<_>) =
            contents::all::<StoredForeign>(transaction)?.into_iter().partition(|(_, old)| is_replaced(old));
        let mut replaced = Vec::new();
        for (old, credential) in &gone {
            contents::remove::<StoredForeign>(transaction, old);
            replaced.extend(credential.key_aliases(old));
        }
        replaced.extend(forget_grants(transaction, &gone, &held, Some(id)));
        match &rest {
            Some(rest) => contents::put(transaction, id, rest),
            None => contents::remove::<StoredReceiving>(transaction, id),
        }
        for (id, credential) in &new {
            contents::put(transaction, id, credential);
            let (credential_type, issuer) = (credential.offered.kind.clone(), credential.issuer.clone());
            activity::append(transaction, now, &Event::Received { credential_type, issuer })?;
        }
        Ok(replaced)
    })?;
    // Keys that nothing uses any more; one that stays behind after a crash harms nobody.
    for alias in unused.into_iter().chain(replaced) {
        open.area.delete_key(&alias)?;
    }
    Ok(new.into_iter().map(|(id, _)| id).collect())
}
