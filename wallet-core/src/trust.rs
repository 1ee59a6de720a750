//! Public data the app fetches on its own schedule: the trust bundle, day signatures, status tokens.
//!
//! Presenting never asks for any of it, so that nothing on the network says when a credential is used.

use protocol::cbor;
use protocol::credential::{Credential, Status, StatusMethod};
use protocol::crypto::curve::Scalar;
use protocol::crypto::membership::{SetPublicKey, ValueSignature};
use protocol::exchange::{IssuerEvidence, StatusTokens, status_token_number};
use protocol::identifier::Did;
use protocol::ledger::anchor::TrustAnchor;
use protocol::ledger::bundle::TrustBundle;
use protocol::ledger::key::IssuerKeyId;
use protocol::ledger::record::Record;
use protocol::ledger::state::TrustedState;

use crate::contents::{self, CredentialId, StoredCredential};
use crate::error::WalletError;
use crate::storage::{Table, View};
use crate::wallet::{Open, Wallet};

const ANCHOR: &str = "trust_anchor";
const HEIGHT: &str = "trust_height";
/// Largest trust anchor, in bytes.
const ANCHOR_MAX: usize = 512;
/// Signatures kept in one row.
const DAYS_PER_ROW: usize = 1_024;
/// Signatures of a whole set.
const DAYS: usize = 1 << 16;
/// Day signatures of a slice that are checked when it arrives; the one that is used is checked again.
const DAYS_CHECKED: usize = 8;
/// Fewest tokens of a slice that is not the whole: an issuer makes slices of 16,384 on average (specs/issuance.md).
const CROWD: usize = 4_096;
/// Bits of a handle of a hidden status.
const HANDLE_BITS: u8 = 63;
/// Trust data older than this should be fetched anew, in seconds: half of what verifiers allow.
const TRUST_AGE: u64 = 12 * 3_600;

/// What the app should fetch, at a time that has nothing to do with any use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// A newer trust bundle.
    pub trust: bool,
    /// Day signatures under these keys.
    pub day_sets: Vec<DaySetNeeded>,
    /// Status tokens of these epochs.
    pub status_tokens: Vec<StatusTokensNeeded>,
}

/// A set of day signatures that a held credential proves with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySetNeeded {
    /// Who publishes it.
    pub issuer: Did,
    /// The key it is signed with.
    pub key: [u8; 96],
}

/// Status tokens that would renew a held credential.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusTokensNeeded {
    /// Who publishes them.
    pub issuer: Did,
    /// The credential's type.
    pub credential_type: String,
    /// The issuer key's short name.
    pub issuer_key: IssuerKeyId,
    /// The newest epoch on the ledger.
    pub epoch: u32,
    handle: u64,
}

impl StatusTokensNeeded {
    /// Which of the 2^`bits` public slices to fetch. The coarser the slice, the more people share it; one finer
    /// than [`StatusTokens::SLICE_BITS_MAX`] would name its holder and is never asked for.
    #[must_use]
    pub fn slice(&self, bits: u8) -> StatusSlice {
        let bits = bits.min(StatusTokens::SLICE_BITS_MAX);
        StatusSlice { bits, index: self.handle.checked_shr(u32::from(HANDLE_BITS - bits)).unwrap_or(0) }
    }
}

/// A handle is a person's, so it is not printed.
impl core::fmt::Debug for StatusTokensNeeded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "StatusTokensNeeded({} {} epoch {})", self.issuer, self.credential_type, self.epoch)
    }
}

/// One of 2^`bits` slices of all handles, by their highest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusSlice {
    /// How many bits choose the slice; 0 is all handles.
    pub bits: u8,
    /// Those bits.
    pub index: u64,
}

impl StatusSlice {
    /// All handles.
    pub const ALL: Self = Self { bits: 0, index: 0 };

    fn contains(self, handle: u64) -> bool {
        let shift = u32::from(HANDLE_BITS.saturating_sub(self.bits));
        handle >> HANDLE_BITS == 0 && handle >> shift == self.index
    }
}

impl Wallet {
    /// Installs a trust bundle, whole or a delta on the one installed, and returns its height.
    ///
    /// # Errors
    /// [`WalletError::Bundle`]; [`WalletError::AnchorMismatch`] when `anchor` is not the one of the first
    /// bundle; [`WalletError::Locked`].
    pub fn install_trust(&self, bundle: &[u8], anchor: &TrustAnchor, now: u64) -> Result<u64, WalletError> {
        self.with_open(now, |open| {
            let bundle = TrustBundle::decode(bundle)?;
            let installed = open.store.read().setting(ANCHOR)?;
            if installed.is_some_and(|installed| *installed != anchor.encode()) {
                return Err(WalletError::AnchorMismatch);
            }
            let state = match &open.trust {
                Some(base) => bundle.verify_onto(base, anchor)?,
                None => bundle.verify(anchor, 0)?,
            };
            let whole = state.to_bundle().encode();
            open.store.change(|transaction| {
                transaction.set(ANCHOR, &anchor.encode());
                transaction.set(HEIGHT, &state.height().to_be_bytes());
                transaction.put(Table::Trust, &[], &whole);
                Ok(())
            })?;
            let height = state.height();
            open.trust = Some(state);
            open.ready.clear();
            Ok(height)
        })
    }

    /// Installs public signatures on the day numbers from `first` on, 48 bytes each, in whole multiples of
    /// 1,024. Some are checked now, each is checked before it is used.
    ///
    /// # Errors
    /// [`WalletError::MalformedDaySet`], [`WalletError::IssuerNotTrusted`] when no issuer on the ledger has
    /// `key`, [`WalletError::DaySetInvalid`], [`WalletError::Locked`]
    pub fn install_day_set(&self, key: &[u8; 96], first: u16, signatures: &[u8], now: u64) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let row = DAYS_PER_ROW * ValueSignature::LENGTH;
            let first = usize::from(first);
            let count = signatures.len() / ValueSignature::LENGTH;
            let whole = first.is_multiple_of(DAYS_PER_ROW) && count > 0 && signatures.len().is_multiple_of(row);
            if !whole || first + count > DAYS {
                return Err(WalletError::MalformedDaySet);
            }
            let known =
                open.trust()?.envelopes().any(|e| matches!(&e.record, Record::IssuerKey(r) if r.day_set == *key));
            if !known {
                return Err(WalletError::IssuerNotTrusted);
            }
            let verifying = SetPublicKey::from_bytes(key).map_err(|_| WalletError::DaySetInvalid)?;
            let spread = (0..DAYS_CHECKED).map(|i| i * (count - 1) / (DAYS_CHECKED - 1));
            let checked = spread.map(|i| {
                let bytes =
                    signatures.get(i * ValueSignature::LENGTH..(i + 1) * ValueSignature::LENGTH).unwrap_or_default();
                let signature = ValueSignature::from_bytes(bytes).map_err(|_| WalletError::DaySetInvalid)?;
                Ok((Scalar::from_u64((first + i) as u64), signature))
            });
            let checked = checked.collect::<Result<Vec<_>, WalletError>>()?;
            if !verifying.verify_all(&checked).is_empty() {
                return Err(WalletError::DaySetInvalid);
            }
            open.store.cache(|transaction| {
                for (at, bytes) in (first..).step_by(DAYS_PER_ROW).zip(signatures.chunks(row)) {
                    transaction.put(Table::DaySignatures, &day_row(key, at as u16), bytes);
                }
            })
        })
    }

    /// Takes from a public slice of status tokens those of held credentials. One whose handle the slice
    /// should contain and does not counts as withdrawn as of that epoch, until a slice of it contains it after all: nobody
    /// signs what is absent, so a mirror may have left it out, and [`Wallet::needs`] goes on to ask.
    ///
    /// `slice` is the one that was asked for: naming a larger one than `tokens` covers would make the
    /// wallet take credentials for withdrawn.
    ///
    /// # Errors
    /// [`WalletError::MalformedStatusTokens`], [`WalletError::SliceTooSmall`] for a part of all tokens with fewer than
    /// 4,096, [`WalletError::EpochNotAnnounced`] when the installed trust data does not know the epoch yet, [`WalletError::StatusRollback`], [`WalletError::StatusTokenInvalid`],
    /// [`WalletError::Locked`]
    pub fn install_status_tokens(
        &self,
        issuer_key: &IssuerKeyId,
        slice: StatusSlice,
        tokens: &[u8],
        now: u64,
    ) -> Result<(), WalletError> {
        self.with_open(now, |open| {
            let tokens = StatusTokens::decode(tokens).map_err(|_| WalletError::MalformedStatusTokens)?;
            let ordered = tokens.tokens.windows(2).all(|pair| matches!(pair, [a, b] if a.handle < b.handle));
            if !ordered || !tokens.tokens.iter().all(|token| slice.contains(token.handle)) {
                return Err(WalletError::MalformedStatusTokens);
            }
            if slice != StatusSlice::ALL && tokens.tokens.len() < CROWD {
                return Err(WalletError::SliceTooSmall);
            }
            // What is absent from a slice says something only once the ledger has announced the epoch.
            let announced = open.trust()?.status_epoch(issuer_key).map(|announced| announced.epoch);
            if announced.is_none_or(|announced| tokens.epoch > announced) {
                return Err(WalletError::EpochNotAnnounced);
            }
            let mut renewed = Vec::new();
            for (id, stored) in contents::all::<StoredCredential>(open.store.read())? {
                let credential = &stored.credential;
                if credential.issuer_key != *issuer_key || !slice.contains(credential.handle) {
                    continue;
                }
                if token(open.store.read(), &id)?.is_some_and(|(epoch, _)| epoch > tokens.epoch) {
                    return Err(WalletError::StatusRollback);
                }
                let signature = tokens.find(credential.handle).map(|token| token.signature);
                if let Some(signature) = &signature {
                    let number = status_token_number(credential.handle, tokens.epoch);
                    let parsed = ValueSignature::from_bytes(signature).map_err(|_| WalletError::StatusTokenInvalid)?;
                    let evidence = evidence(open.trust()?, credential)?;
                    evidence.status().verify(number, &parsed).map_err(|_| WalletError::StatusTokenInvalid)?;
                }
                renewed.push((id, signature));
            }
            if renewed.is_empty() {
                return Ok(());
            }
            open.store.change(|transaction| {
                for (id, signature) in &renewed {
                    let signature = signature.as_ref().map_or(&[] as &[u8], |signature| signature.as_slice());
                    let record = [tokens.epoch.to_be_bytes().as_slice(), signature].concat();
                    transaction.put(Table::StatusToken, &id.0, &record);
                }
                Ok(())
            })
        })
    }

    /// What the app should fetch. Ask on a schedule, never because something is to be presented.
    ///
    /// # Errors
    /// [`WalletError::Locked`]
    pub fn needs(&self, now: u64) -> Result<Needs, WalletError> {
        self.with_open(now, |open| {
            let Some(trust) = &open.trust else { return Ok(Needs { trust: true, ..Needs::default() }) };
            let old = now.saturating_sub(trust.time_ms() / 1_000) > TRUST_AGE;
            let mut needs = Needs { trust: old, ..Needs::default() };
            for (id, stored) in contents::all::<StoredCredential>(open.store.read())? {
                let credential = stored.credential.clone();
                let Some(record) = trust.issuer_key(&credential.issuer_key) else { continue };
                let day_set = DaySetNeeded { issuer: stored.issuer.clone(), key: record.day_set };
                if !has_day_set(open.store.read(), &record.day_set)? && !needs.day_sets.contains(&day_set) {
                    needs.day_sets.push(day_set);
                }
                let by_epoch =
                    trust.credential_type(&credential.credential_type).map(|t| t.status) == Some(StatusMethod::Epoch);
                let announced = trust.status_epoch(&credential.issuer_key).filter(|_| by_epoch);
                let newest = token(open.store.read(), &id)?;
                let lacks =
                    |epoch: &u32| newest.as_ref().is_none_or(|(newest, token)| newest < epoch || token.is_none());
                if let Some(epoch) = announced.map(|e| e.epoch).filter(lacks) {
                    needs.status_tokens.push(StatusTokensNeeded {
                        issuer: stored.issuer.clone(),
                        credential_type: credential.credential_type.clone(),
                        issuer_key: credential.issuer_key,
                        epoch,
                        handle: credential.handle,
                    });
                }
            }
            Ok(needs)
        })
    }
}

/// The trust data installed, checked again: the database holds it as public data.
pub(crate) fn load(view: &dyn View) -> Result<Option<TrustedState>, WalletError> {
    let Some(anchor) = view.setting(ANCHOR)? else { return Ok(None) };
    let anchor: TrustAnchor = cbor::from_slice(&anchor, ANCHOR_MAX).map_err(|_| WalletError::StorageTampered)?;
    let floor = view.setting(HEIGHT)?.and_then(|height| Some(u64::from_be_bytes(height.as_slice().try_into().ok()?)));
    let (Some(floor), Some(bundle)) = (floor, view.get(Table::Trust, &[])?) else {
        return Err(WalletError::StorageTampered);
    };
    let state = TrustBundle::decode(&bundle).and_then(|bundle| bundle.verify(&anchor, floor));
    state.map(Some).map_err(|_| WalletError::StorageTampered)
}

/// What proofs of a credential are made and checked with.
pub(crate) fn evidence(trust: &TrustedState, credential: &Credential) -> Result<IssuerEvidence, WalletError> {
    let record = trust.issuer_key(&credential.issuer_key).ok_or(WalletError::IssuerNotTrusted)?;
    let credential_type = trust.credential_type(&credential.credential_type).ok_or(WalletError::IssuerNotTrusted)?;
    Ok(IssuerEvidence::new(trust.header().network_id, record, credential_type.clone())?)
}

/// The newest epoch the wallet knows of a credential, with the issuer's token; none when it was withdrawn.
pub(crate) fn token(view: &dyn View, id: &CredentialId) -> Result<Option<(u32, Option<ValueSignature>)>, WalletError> {
    let Some(record) = view.get(Table::StatusToken, &id.0)? else { return Ok(None) };
    let (epoch, signature) = record.split_first_chunk().ok_or(WalletError::StorageTampered)?;
    let signature = (!signature.is_empty()).then(|| ValueSignature::from_bytes(signature)).transpose();
    Ok(Some((u32::from_be_bytes(*epoch), signature.map_err(|_| WalletError::StorageTampered)?)))
}

/// Refuses a credential that the issuer has withdrawn, as far as the installed data says.
pub(crate) fn check_not_withdrawn(
    open: &Open,
    id: &CredentialId,
    stored: &StoredCredential,
) -> Result<(), WalletError> {
    let withdrawn = match listed(open, stored)? {
        Some(status) => status != Status::Valid,
        None => token(open.store.read(), id)?.is_some_and(|(_, signature)| signature.is_none()),
    };
    if withdrawn { Err(WalletError::CredentialWithdrawn) } else { Ok(()) }
}

/// What the installed list says of a credential whose type has lists; valid where there is no such list yet.
pub(crate) fn listed(open: &Open, stored: &StoredCredential) -> Result<Option<Status>, WalletError> {
    let (trust, credential) = (open.trust()?, &stored.credential);
    if trust.credential_type(&credential.credential_type).map(|it| it.status) != Some(StatusMethod::List) {
        return Ok(None);
    }
    let (list, index) = ((credential.handle >> 32) as u32, credential.handle as u32);
    let list = trust.status_list(&stored.issuer, &credential.credential_type, list);
    Ok(Some(list.map_or(Status::Valid, |list| list.status(index).unwrap_or(Status::Unknown))))
}

/// The public signature on a day number, if it is at hand; checked, because it is public data from anywhere.
pub(crate) fn checked_day_signature(
    view: &dyn View,
    key: &SetPublicKey,
    day: u16,
) -> Result<Option<ValueSignature>, WalletError> {
    let place = usize::from(day) % DAYS_PER_ROW;
    let Some(row) = view.get(Table::DaySignatures, &day_row(key.as_bytes(), day - place as u16))? else {
        return Ok(None);
    };
    let found = row.get(place * ValueSignature::LENGTH..(place + 1) * ValueSignature::LENGTH);
    let signature = ValueSignature::from_bytes(found.unwrap_or_default()).map_err(|_| WalletError::DaySetInvalid)?;
    key.verify(Scalar::from_u64(u64::from(day)), &signature).map_err(|_| WalletError::DaySetInvalid)?;
    Ok(Some(signature))
}

fn has_day_set(view: &dyn View, key: &[u8; 96]) -> Result<bool, WalletError> {
    Ok(view.count(Table::DaySignatures, key)? == DAYS / DAYS_PER_ROW)
}

/// Where the signatures on day numbers from `first` on are.
fn day_row(key: &[u8; 96], first: u16) -> Vec<u8> {
    [key.as_slice(), &first.to_be_bytes()].concat()
}
